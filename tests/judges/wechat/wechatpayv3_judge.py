"""The PyPI package wechatpayv3 as merchant: wechatpayv3_judge.py FOLDER MODE STEPS."""

import gzip
import hashlib
import json
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import requests
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.core import Core

FOLDER, MODE, STEPS = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
MOCK = json.loads((FOLDER / "mock.json").read_text())
FACTS = MOCK["wechat"]
BEIJING = timezone(timedelta(hours=8))


def text(name):
    return (FOLDER / FACTS[name]).read_text()


def control(method, route, body=None):
    answer = requests.request(method, MOCK["control_url"] + route, json=body)
    assert answer.ok, answer.text
    return answer.json() if answer.content else None


# The host is fixed in the package. It changes here, before the first call, and nothing else does.
download = Core._init_certificates


def download_here(core):
    core._gate_way = FACTS["base_url"]
    download(core)


Core._init_certificates = download_here


def merchant(notify_url, partner=False):
    keys = {}
    if MODE == "public_key":
        keys = {"public_key": text("public_key"), "public_key_id": FACTS["public_key_id"]}
    client = WeChatPay(
        wechatpay_type=WeChatPayType.MINIPROG,
        mchid=FACTS["mchid"],
        private_key=text("merchant_key"),
        cert_serial_no=FACTS["merchant_serial"],
        appid=FACTS["app_id"],
        apiv3_key=FACTS["apiv3_key"],
        notify_url=notify_url,
        partner_mode=partner,
        timeout=(5, 20),
        **keys,
    )
    client._core._gate_way = FACTS["base_url"]
    return client


class Receiver:
    """Notifications as they really arrive."""

    def __init__(self):
        self.received = []
        received = self.received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.append((dict(self.headers.items()), body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/notify"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def header_case(headers):
    """The package looks names up as they are documented; servers change their case."""
    return {"-".join(part.capitalize() for part in name.split("-")): value for name, value in headers.items()}


def openid():
    return control("POST", "/login-codes", {"platform": "wechat", "user": "judge"})["openid"]


COUNT = 0


def number():
    global COUNT
    COUNT += 1
    return f"JUDGE{int(time.time() * 1000)}{COUNT}"


def created(client, out_trade_no, total=89880, **more):
    return client.pay(
        description="社保缴费",
        out_trade_no=out_trade_no,
        amount={"total": total, "currency": "CNY"},
        payer={"openid": openid()},
        attach="a=1",
        **more,
    )


def paid(client, total=89880):
    out_trade_no = number()
    code, answer = created(client, out_trade_no, total)
    assert code == 200, answer
    package = "prepay_id=" + json.loads(answer)["prepay_id"]
    stamp, nonce = str(int(time.time())), "0123456789ABCDEF"
    wallet = {
        "timeStamp": stamp,
        "nonceStr": nonce,
        "package": package,
        "signType": "RSA",
        "paySign": client.sign([FACTS["app_id"], stamp, nonce, package]),
    }
    opened = control("POST", "/pay", {"platform": "wechat", "wallet": wallet})
    assert opened["client_result"] == "requestPayment:ok", opened
    return out_trade_no


def expect(answer, status, code):
    assert answer[0] == status, answer
    assert json.loads(answer[1])["code"] == code, answer


def opened(client, message):
    headers, body = message
    return client.callback(header_case(headers), body)


def keys():
    receiver = Receiver()
    if MODE == "public_key":
        control("POST", "/settings", {"wechat_certificates": False})
        client = merchant(receiver.url)
        expect(client._core.request("/v3/certificates"), 404, "RESOURCE_NOT_EXISTS")
        # Callbacks come under the public key, too: nobody could fetch a certificate for them.
        out_trade_no = paid(client)
        control("POST", "/deliveries/settle", {})
        assert opened(client, receiver.received[0])["resource"]["out_trade_no"] == out_trade_no
        return
    client = merchant(receiver.url)
    serials = [f"{c.serial_number:040X}" for c in client._core._certificates]
    assert serials == [FACTS["platform_serial"]], serials
    # The package meets a serial that it does not know, downloads the list and goes on.
    fresh = control("POST", "/wechat/certificates/rotate", {})["serial"]
    out_trade_no = paid(client)
    serials = [f"{c.serial_number:040X}" for c in client._core._certificates]
    assert serials == [FACTS["platform_serial"], fresh], serials
    control("POST", "/deliveries/settle", {})
    headers, _ = receiver.received[0]
    assert header_case(headers)["Wechatpay-Serial"] == fresh
    assert opened(client, receiver.received[0])["resource"]["out_trade_no"] == out_trade_no
    control("POST", "/settings", {"wechat_certificates": False})
    expect(client._core.request("/v3/certificates", skip_verify=True), 404, "RESOURCE_NOT_EXISTS")


def payment():
    receiver = Receiver()
    client = merchant(receiver.url)
    out_trade_no = paid(client)
    control("POST", "/deliveries/settle", {})
    told = opened(client, receiver.received[0])
    assert told["event_type"] == "TRANSACTION.SUCCESS", told
    code, answer = client.query(out_trade_no=out_trade_no)
    assert (code, json.loads(answer)) == (200, told["resource"])
    assert told["resource"]["amount"]["total"] == 89880
    code, answer = client.query(transaction_id=told["resource"]["transaction_id"])
    assert (code, json.loads(answer)) == (200, told["resource"])
    expect(client.close(out_trade_no), 400, "ORDERPAID")
    other = number()
    assert created(client, other)[0] == 200
    for _ in range(2):
        assert client.close(other)[0] == 204
    expect(created(client, other), 400, "ORDER_CLOSED")
    expect(client.query(out_trade_no="NOBODYS1"), 404, "ORDER_NOT_EXIST")


def refund():
    receiver = Receiver()
    client = merchant(receiver.url)

    def ask(out_trade_no):
        return client.refund(
            out_refund_no="R" + out_trade_no,
            out_trade_no=out_trade_no,
            reason="社保未入账退款",
            amount={"refund": 10000, "total": 89880, "currency": "CNY"},
        )

    out_trade_no = paid(client)
    code, answer = ask(out_trade_no)
    assert code == 200, answer
    accepted = json.loads(answer)
    assert json.loads(ask(out_trade_no)[1])["refund_id"] == accepted["refund_id"]
    code, answer = client.query_refund("R" + out_trade_no)
    assert (code, json.loads(answer)["status"]) == (200, "SUCCESS"), answer
    control("POST", "/deliveries/settle", {})
    events = [opened(client, message) for message in receiver.received]
    told = [event for event in events if event["event_type"] == "REFUND.SUCCESS"]
    assert told[0]["resource"]["refund_id"] == accepted["refund_id"], events
    expect(client.query_refund("NOBODYS"), 404, "RESOURCE_NOT_EXISTS")
    # A refund that ends abnormally is handled with encrypted members.
    other = paid(client)
    control("POST", "/faults", {"target": "wechat.refund", "fault": "abnormal"})
    odd = json.loads(ask(other)[1])
    code, answer = client.abnormal_refund(
        refund_id=odd["refund_id"],
        out_refund_no="R" + other,
        type="USER_BANK_CARD",
        bank_type="ICBC_DEBIT",
        bank_account="6222020000000000000",
        real_name="张三",
    )
    assert code == 200, answer
    assert json.loads(answer)["status"] != "ABNORMAL", answer


def bill():
    client = merchant(Receiver().url)
    first, _ = paid(client, 38000), paid(client, 12345)
    day = datetime.now(BEIJING).strftime("%Y-%m-%d")
    expect(client.trade_bill(day), 400, "PARAM_ERROR")
    control("POST", "/clock/advance", {"seconds": 36 * 3600})
    for kind, rows in ((client.trade_bill, 2), (client.fundflow_bill, 4)):
        code, answer = kind(day, tar_type="GZIP")
        assert code == 200, answer
        offer = json.loads(answer)
        code, packed = client.download_bill(offer["download_url"])
        assert code == 200, packed
        plain = gzip.decompress(packed)
        assert hashlib.sha1(plain).hexdigest() == offer["hash_value"]
        lines = plain.decode("utf-8-sig").split("\r\n")
        assert len(lines) == rows + 4, lines
        if kind == client.trade_bill:
            assert f",`{first}," in lines[1] and ",`380.00," in lines[1], lines[1]
    before = (datetime.now(BEIJING) - timedelta(days=1)).strftime("%Y-%m-%d")
    expect(client.trade_bill(before), 400, "NO_STATEMENT_EXIST")


def notification():
    receiver = Receiver()
    client = merchant(receiver.url)
    out_trade_no = paid(client)
    control("POST", "/deliveries/settle", {})

    def craft(**more):
        ask = {"platform": "wechat", "out_trade_no": out_trade_no, "deliver": False, **more}
        made = control("POST", "/notifications", ask)
        return made["headers"], made["body"].encode()

    assert opened(client, craft())["resource"]["amount"]["total"] == 89880
    assert opened(client, craft(amount_fen=1))["resource"]["amount"]["total"] == 1
    assert opened(client, craft(sign="bad")) is None
    headers, body = craft()
    assert opened(client, (headers, body.replace("支付成功".encode(), "支付失败".encode()))) is None

    def refused(message, what):
        """The package answers with nothing, or fails over what it cannot decode."""
        try:
            told = opened(client, message)
        except Exception:
            return
        assert not told, what

    # One byte of each signed header, and bytes all over the body.
    for name in ("Timestamp", "Nonce", "Signature", "Serial"):
        name = "Wechatpay-" + name
        value = headers[name]
        changed = value[:5] + chr(ord(value[5]) ^ 1) + value[6:]
        refused(({**headers, name: changed}, body), name)
    for at in range(0, len(body), 37):
        refused((headers, body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]), at)
    for wrong in ({"sign": "probe"}, {"sign": "unknown_serial"}, {"tampered": True}, {"wrong_associated_data": True}):
        refused(craft(**wrong), wrong)


def partner():
    receiver = Receiver()
    client = merchant(receiver.url, partner=True)
    sub, out_trade_no, payer = "1900000109", number(), openid()
    code, answer = client.pay(
        description="社保缴费",
        out_trade_no=out_trade_no,
        amount={"total": 89880, "currency": "CNY"},
        payer={"sp_openid": payer},
        sub_mchid=sub,
    )
    assert code == 200, answer
    prepay_id = json.loads(answer)["prepay_id"]
    control("POST", "/pay", {"platform": "wechat", "prepay_id": prepay_id})
    control("POST", "/deliveries/settle", {})
    told = opened(client, receiver.received[0])["resource"]
    assert (told["sp_mchid"], told["sub_mchid"]) == (FACTS["mchid"], sub), told
    code, answer = client.query(out_trade_no=out_trade_no, sub_mchid=sub)
    assert (code, json.loads(answer)) == (200, told)
    amount = {"refund": 1, "total": 89880, "currency": "CNY"}
    code, answer = client.refund("R" + out_trade_no, amount, out_trade_no=out_trade_no, sub_mchid=sub)
    assert code == 200, answer
    assert client.query_refund("R" + out_trade_no, sub_mchid=sub)[0] == 200
    other = number()
    more = {"payer": {"sp_openid": payer}, "sub_mchid": sub, "amount": amount}
    client.pay(description="社保缴费", out_trade_no=other, **{**more, "amount": {"total": 1, "currency": "CNY"}})
    assert client.close(other, sub_mchid=sub)[0] == 204


def flipped():
    client = merchant(Receiver().url)
    out_trade_no = number()
    send, spoil = requests.Session.send, None

    def spoiling(session, request, **more):
        # The package has signed; one byte changes on the way.
        if request.url.startswith(FACTS["base_url"]) and spoil:
            spoil(request)
        return send(session, request, **more)

    requests.Session.send = spoiling

    def body(request):
        assert b"89880" in request.body, request.body
        request.body = request.body.replace(b"89880", b"89881")

    def method(request):
        request.method = "PUT"

    def path(request):
        request.url = request.url.replace("/jsapi", "/jsapj").replace(out_trade_no, "X" + out_trade_no[1:])

    def query(request):
        wrong = FACTS["mchid"][:-1] + other(FACTS["mchid"][-1])
        request.url = request.url.replace("mchid=" + FACTS["mchid"], "mchid=" + wrong)

    def scheme(request):
        request.headers["Authorization"] = request.headers["Authorization"].replace("RSA2048", "RSA2049")

    def other(character):
        return "B" if character == "A" else "A" if character.isalpha() else "1" if character == "0" else "0"

    def item(name):
        def spoil_item(request):
            said, mark = request.headers["Authorization"], name + '="'
            at = said.index(mark) + len(mark)
            if name == "timestamp":  # the last digit: a first one would make it old, too
                at = said.index('"', at) - 1
            request.headers["Authorization"] = said[:at] + other(said[at]) + said[at + 1 :]

        return spoil_item

    def order():
        return created(client, out_trade_no)

    def ask():
        return client.query(out_trade_no=out_trade_no)

    items = [item(name) for name in ("mchid", "nonce_str", "timestamp", "serial_no", "signature")]
    for act, spoils in ((order, [body, method, path, scheme, *items]), (ask, [path, query, *items])):
        for spoil in spoils:
            expect(act(), 401, "SIGN_ERROR")
    spoil = None
    assert created(client, out_trade_no)[0] == 200


{
    "keys": keys,
    "payment": payment,
    "refund": refund,
    "bill": bill,
    "notification": notification,
    "partner": partner,
    "flipped": flipped,
}[STEPS]()
