"""PyPI python-alipay-sdk against the mock: judge.py FOLDER MODE STEP"""
import binascii
import http.server
import io
import json
import os
import sys
import threading
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

from alipay import AliPay, DCAliPay
from alipay.exceptions import AliPayException, AliPayValidationError

folder, mode, step = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
mock = json.loads((folder / "mock.json").read_text())
facts = mock["alipay"]


def text(name):
    return (folder / name).read_text()


if mode == "certificate":
    sdk = DCAliPay(
        appid=facts["app_id"],
        app_private_key_string=text(facts["app_private_key"]),
        app_public_key_cert_string=text(facts["app_cert"]),
        alipay_public_key_cert_string=text(facts["alipay_cert"]),
        alipay_root_cert_string=text(facts["alipay_root_cert"]),
    )
else:
    sdk = AliPay(
        appid=facts["app_id"],
        app_private_key_string=text(facts["app_private_key"]),
        alipay_public_key_string=text(facts["alipay_public_key"]),
        sign_type="RSA2",
    )
sdk._gateway = facts["gateway"]


def control(route, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(mock["control_url"] + route, data=data, timeout=30) as answer:
        return json.loads(answer.read())


def refused(act, *kinds):
    try:
        act()
    except kinds:
        return
    raise AssertionError("this should have been refused")


def flip(value):
    """One byte in the middle is another one."""
    middle = len(value) // 2
    return value[:middle] + chr(ord(value[middle] if value else "0") ^ 1) + value[middle + 1 :]


numbers = 0


def create(notify_url=None, subject="社保缴费 2026"):
    global numbers
    numbers += 1
    buyer = control("/login-codes", {"platform": "alipay", "user": "ming"})["open_id"]
    number = "JUDGE_%d_%d" % (os.getpid(), numbers)
    more = {"notify_url": notify_url} if notify_url else {}
    content = {
        "out_trade_no": number,
        "total_amount": "898.80",
        "subject": subject,
        "product_code": "JSAPI_PAY",
        "op_app_id": facts["app_id"],
        "buyer_open_id": buyer,
        "passback_params": "a%3D1%26b",
    }
    told = sdk.server_api("alipay.trade.create", content, **more)
    assert told["code"] == "10000", told
    return number


def pay(number):
    control("/pay", {"platform": "alipay", "out_trade_no": number})


def query(number):
    return sdk.api_alipay_trade_query(out_trade_no=number)


def refund(number, request, amount):
    return sdk.api_alipay_trade_refund(
        refund_amount=amount, out_trade_no=number, out_request_no=request
    )


def keys():
    if mode == "certificate":
        assert sdk.app_cert_sn == facts["app_cert_sn"]
        assert sdk.alipay_root_cert_sn == facts["alipay_root_cert_sn"]
        assert sdk.get_cert_sn(text(facts["alipay_cert"])) == facts["alipay_cert_sn"]
    assert query("NONE")["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    control("/settings", {"alipay_signer": "next"})
    refused(lambda: query("NONE"), AliPayValidationError)


def login():
    for id_mode, name in (("open_id", "open_id"), ("user_id", "user_id")):
        control("/settings", {"alipay_id_mode": id_mode})
        minted = control("/login-codes", {"platform": "alipay", "user": "ming"})
        grant = {"grant_type": "authorization_code", "code": minted["code"]}
        told = sdk.server_api("alipay.system.oauth.token", **grant)
        assert told[name] == minted[name], told
        # A used code is answered under error_response.
        refused(lambda: sdk.server_api("alipay.system.oauth.token", **grant), AliPayException)
        profile = sdk.server_api("alipay.user.info.share", auth_token=told["access_token"])
        assert profile[name] == minted[name], profile


def order():
    number = create()
    assert query(number)["trade_status"] == "WAIT_BUYER_PAY"
    pay(number)
    paid = query(number)
    assert (paid["trade_status"], paid["total_amount"]) == ("TRADE_SUCCESS", "898.80"), paid
    closed = sdk.api_alipay_trade_close(out_trade_no=number)
    assert closed["sub_code"] == "ACQ.TRADE_STATUS_ERROR", closed
    other = create()
    assert sdk.api_alipay_trade_close(out_trade_no=other)["code"] == "10000"
    assert query(other)["trade_status"] == "TRADE_CLOSED"
    third = create()
    pay(third)
    assert sdk.api_alipay_trade_cancel(out_trade_no=third)["action"] == "refund"
    for fault in ("pretty", "escaped", "sign_first"):
        control("/faults", {"target": "alipay.query", "fault": fault})
        assert query(number)["trade_status"] == "TRADE_SUCCESS", fault
    for fault in ("wrong_signature", "other_key"):
        control("/faults", {"target": "alipay.query", "fault": fault})
        refused(lambda: query(number), AliPayValidationError)
    for fault in ("unsigned", "error_root"):
        control("/faults", {"target": "alipay.query", "fault": fault})
        refused(lambda: query(number), AliPayException)


def refunds():
    number = create()
    pay(number)
    assert refund(number, "R1", "98.80")["fund_change"] == "Y"
    assert refund(number, "R1", "98.80")["fund_change"] == "N"
    assert refund(number, "R1", "1.00")["sub_code"] == "ACQ.DISCORDANT_REPEAT_REQUEST"
    assert refund(number, "R2", "800.00")["refund_fee"] == "898.80"
    told = sdk.api_alipay_trade_fastpay_refund_query("R1", out_trade_no=number)
    assert (told["refund_status"], told["refund_amount"]) == ("REFUND_SUCCESS", "98.80"), told
    none = sdk.api_alipay_trade_fastpay_refund_query("R9", out_trade_no=number)
    assert none["code"] == "10000" and "refund_status" not in none, none


def bill():
    number = create()
    pay(number)
    refund(number, "R1", "98.80")
    day = control("/clock")["now"][:10]  # Beijing time
    control("/clock/advance", {"seconds": 2 * 86400})
    for kind in ("trade", "signcustomer"):
        told = sdk.server_api(
            "alipay.data.dataservice.bill.downloadurl.query",
            {"bill_type": kind, "bill_date": day},
        )
        with urllib.request.urlopen(told["bill_download_url"], timeout=30) as answer:
            archive = zipfile.ZipFile(io.BytesIO(answer.read()))
        assert archive.testzip() is None
        names = [name.encode("cp437").decode("gbk") for name in archive.namelist()]
        assert len(names) == 2 and "汇总" not in names[0] and "汇总" in names[1], names
        detail = archive.read(archive.namelist()[0]).decode("gbk")
        assert number in detail and "-98.80" in detail, detail


def notifications():
    bodies = []

    class Shop(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"success")

        def log_message(self, *_):
            pass

    shop = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=shop.serve_forever, daemon=True).start()
    number = create("http://127.0.0.1:%d/told" % shop.server_port, '社保 缴费+100% "测试"')
    pay(number)
    control("/deliveries/settle", {})
    refund(number, "R1", "98.80")
    control("/deliveries/settle", {})
    refund(number, "R2", "800.00")
    control("/deliveries/settle", {})
    shop.shutdown()

    def form(body):
        return dict(urllib.parse.parse_qsl(body, keep_blank_values=True))

    def fits(form, **changed):
        form = dict(form, **changed)
        try:
            return sdk.verify(form, form.pop("sign"))
        except binascii.Error:  # what is no base64 is no signature
            return False

    told = [form(body.decode()) for body in bodies]
    seen = [(one["trade_status"], one.get("refund_fee")) for one in told]
    wanted = [("TRADE_SUCCESS", None), ("TRADE_SUCCESS", "98.80"), ("TRADE_CLOSED", "898.80")]
    assert seen == wanted, seen
    for one in told:
        assert fits(one)
        assert not fits(one, total_amount="898.81")
        # One byte of every field; sign_type alone is under no signature.
        for name in set(one) - {"sign_type"}:
            assert not fits(one, **{name: flip(one[name])}), name

    def crafted(**more):
        request = dict(platform="alipay", out_trade_no=number, deliver=False, **more)
        return fits(form(control("/notifications", request)["body"]))

    for oddity in ("new_id", "html_escaped", "extra_field", "certificate_serial"):
        assert crafted(oddity=oddity), oddity
    for oddity in ("certificate_serial_unsigned", "blanks_unsigned", "sign_type_signed"):
        assert not crafted(oddity=oddity), oddity
    assert not crafted(sign="bad")


def tampering():
    number = create()
    signed = sdk.sign_data(sdk.build_body("alipay.trade.query", {"out_trade_no": number}))
    pairs = urllib.parse.parse_qsl(signed)

    def ask(pairs):
        url = facts["gateway"] + "?" + urllib.parse.urlencode(pairs)
        with urllib.request.urlopen(url, timeout=30) as answer:
            told = json.loads(answer.read())
        node = next(value for name, value in told.items() if name.endswith("_response"))
        return "sign" in told, node

    assert ask(pairs)[1]["code"] == "10000"
    for at, (name, value) in enumerate(pairs):
        signed, told = ask(pairs[:at] + [(name, flip(value))] + pairs[at + 1 :])
        assert told["code"] != "10000" and not signed, name
        if name in ("biz_content", "sign", "method"):
            assert told["sub_code"] == "isv.invalid-signature", told
        # Nothing is left out unnoticed, either.
        assert ask(pairs[:at] + pairs[at + 1 :])[1]["code"] != "10000", name


control("/settings", {"alipay_key_mode": mode})
{
    "keys": keys,
    "login": login,
    "order": order,
    "refund": refunds,
    "bill": bill,
    "notifications": notifications,
    "tampering": tampering,
}[step]()
