//! WeChat Pay and mini-program login as a merchant sees them.

use std::time::Duration;

use kernel::Channel::Wechat;
use mock_providers::{
    Craft, Fault, FaultKind, FaultTarget, NotificationRequest, PayRequest, SignKind, WechatSigner,
    WechatWallet,
};
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::bench::{Bench, NONCE, decrypt, open_wechat, sign};

const NO: &str = "SI20260101000001";

fn wallet(bench: &Bench, prepay_id: &str) -> WechatWallet {
    let (stamp, nonce) = (bench.now().to_string(), "nonce".to_owned());
    let package = format!("prepay_id={prepay_id}");
    let text = format!("{}\n{stamp}\n{nonce}\n{package}\n", bench.facts.wechat.app_id);
    let pay_sign = sign(&bench.facts.wechat.merchant_key, text.as_bytes());
    let sign_type = "RSA".to_owned();
    WechatWallet { time_stamp: stamp, nonce_str: nonce, package, sign_type, pay_sign }
}

pub async fn paid(bench: &Bench, number: &str, total: i64) {
    let order = bench.wechat_order(number, total);
    assert_eq!(bench.wechat_create(&order).await.status, 200);
    bench.mocks.pay(&PayRequest::number(Wechat, number)).unwrap();
    bench.mocks.settle().await;
}

#[tokio::test]
async fn a_payment_is_created_paid_told_and_queried() {
    let bench = Bench::new().await;
    let created = bench.wechat_create(&bench.wechat_order(NO, 89_880)).await;
    assert_eq!(created.status, 200);
    let facts = &bench.facts.wechat;
    assert!(created.is_signed_by(&facts.platform_serial, &facts.platform_cert));
    assert!(created.header("request-id").ends_with("-0"));
    let prepay_id = created.json()["prepay_id"].as_str().unwrap().to_owned();
    assert_eq!(prepay_id.len(), 36);
    let unpaid = bench.wechat_query(NO).await.json();
    assert_eq!(unpaid["trade_state"], "NOTPAY");
    assert!(unpaid.get("transaction_id").is_none());

    let result = bench.mocks.pay(&PayRequest::wechat_wallet(wallet(&bench, &prepay_id))).unwrap();
    assert_eq!(result.client_result, "requestPayment:ok");
    bench.mocks.settle().await;

    let told = bench.receiver.only();
    let header = |name: &str| told.headers[name].to_str().unwrap().to_owned();
    let (envelope, content) = open_wechat(&bench.facts, header, &told.body).unwrap();
    assert_eq!(told.headers["user-agent"], "Mozilla/4.0");
    assert_eq!(envelope["event_type"], "TRANSACTION.SUCCESS");
    assert_eq!(envelope["resource"]["original_type"], "transaction");
    assert_eq!(content["amount"]["total"], 89_880);
    assert_eq!(content["attach"], "a=1");
    assert_eq!(content["payer"]["openid"], bench.openid("小明"));

    let queried = bench.wechat_query(NO).await;
    assert!(queried.is_signed_by(&facts.platform_serial, &facts.platform_cert));
    assert_eq!(queried.json(), content);
    let id = content["transaction_id"].as_str().unwrap();
    let by_id = format!("/v3/pay/transactions/id/{id}?mchid={}", facts.mchid);
    assert_eq!(bench.wechat_get(&by_id).await.json(), content);
}

#[tokio::test]
async fn answers_are_signed_by_the_key_that_is_asked_for() {
    let bench = Bench::new().await;
    let facts = &bench.facts.wechat;
    let path = format!("/v3/pay/transactions/out-trade-no/{NO}?mchid={}", facts.mchid);
    let ask = async |serial: &str| {
        let mut call = bench.wechat_call(Method::GET, &path, &Value::Null);
        call.answer_serial = Some(serial.to_owned());
        bench.wechat(call).await
    };
    let answer = ask(&facts.public_key_id).await;
    assert_eq!(answer.code(), (404, "ORDER_NOT_EXIST".to_owned()));
    assert!(answer.is_signed_by(&facts.public_key_id, &facts.public_key));
    let answer = ask(&facts.platform_serial).await;
    assert!(answer.is_signed_by(&facts.platform_serial, &facts.platform_cert));
    let mut settings = bench.mocks.settings();
    settings.wechat_signer = WechatSigner::PublicKey;
    bench.mocks.set_settings(settings);
    assert!(ask("UNKNOWN").await.is_signed_by(&facts.public_key_id, &facts.public_key));
}

#[rstest]
#[case::body_byte("flip")]
#[case::final_line_feed("last_lf")]
#[case::query_order("query")]
#[case::lower_case_serial("serial")]
#[case::old("old")]
#[case::future("future")]
#[case::other_merchant("mchid")]
#[tokio::test]
async fn a_request_that_is_not_signed_exactly_is_refused_unsigned(#[case] flaw: &str) {
    let bench = Bench::new().await;
    let mchid = bench.facts.wechat.mchid.clone();
    let mut call =
        bench.wechat_call(Method::POST, "/v3/pay/transactions/jsapi", &bench.wechat_order(NO, 1));
    let text = bench.true_text(&call);
    match flaw {
        "flip" => call.signed_text = Some(text.replace("\"total\":1", "\"total\":2")),
        "last_lf" => call.signed_text = text.strip_suffix('\n').map(str::to_owned),
        "query" => {
            let path = format!("/v3/pay/transactions/out-trade-no/{NO}");
            let signed = format!("{path}?a=1&mchid={mchid}");
            let other = bench.wechat_call(Method::GET, &signed, &Value::Null);
            let text = bench.true_text(&other);
            call =
                bench.wechat_call(Method::GET, &format!("{path}?mchid={mchid}&a=1"), &Value::Null);
            call.signed_text = Some(text);
        }
        "serial" => call.serial = call.serial.to_lowercase(),
        "old" => call.timestamp -= 301,
        "future" => call.timestamp += 301,
        _ => call.mchid = "1900000000".to_owned(),
    }
    let answer = bench.wechat(call).await;
    assert_eq!(answer.code(), (401, "SIGN_ERROR".to_owned()));
    assert_eq!(answer.header("wechatpay-signature"), "");
    assert!(answer.header("request-id").ends_with("-268443699"));
    let information = &answer.json()["detail"]["sign_information"];
    assert!(information["sign_message_length"].as_u64().unwrap() > 90);
    let shown = information["truncated_sign_message"].as_str().unwrap();
    if flaw != "query" {
        // The body is cut after a few characters, and the text ends with its line feed.
        assert!(shown.starts_with("POST\n/v3/pay/transactions/jsapi\n"), "{shown}");
        assert!(shown.ends_with(&format!("\n{NONCE}\n{{\"amount\n")), "{shown}");
    }
    assert!(bench.mocks.trade(Wechat, NO).is_none());
}

#[tokio::test]
async fn a_time_stamp_at_the_edge_of_five_minutes_is_accepted() {
    let bench = Bench::new().await;
    for offset in [-300, 300] {
        let path = "/v3/certificates";
        let mut call = bench.wechat_call(Method::GET, path, &Value::Null);
        call.timestamp += offset;
        assert_eq!(bench.wechat(call).await.status, 200);
    }
}

#[tokio::test]
async fn user_agent_and_accept_are_required() {
    let bench = Bench::new().await;
    let bare = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/v3/certificates", bench.facts.wechat.base_url);
    let answer = bare.get(url).send().await.unwrap();
    assert_eq!(answer.status(), 400);
}

#[rstest]
#[case("/unknown", json!(1), "/unknown")]
#[case("/description", Value::Null, "/description")]
#[case("/description", json!(7), "/description")]
#[case("/description", json!("社保🙂"), "/description")]
#[case("/description", json!("长".repeat(128)), "/description")]
#[case("/out_trade_no", json!("short"), "/out_trade_no")]
#[case("/out_trade_no", json!("with blank"), "/out_trade_no")]
#[case("/notify_url", json!("https://example.com/a?b=1"), "/notify_url")]
#[case("/notify_url", json!("https://example.com/a#b"), "/notify_url")]
#[case("/notify_url", json!(" https://example.com/a"), "/notify_url")]
#[case("/notify_url", json!("example.com/a"), "/notify_url")]
#[case("/time_expire", json!("2026-01-01 08:00:00"), "/time_expire")]
#[case("/mchid", json!("1900000000"), "/mchid")]
#[case("/amount/total", json!(0), "/amount/total")]
#[case("/amount/total", json!(1.5), "/amount/total")]
#[case("/amount/total", json!("1"), "/amount/total")]
#[case("/amount/currency", json!("USD"), "/amount/currency")]
#[case("/amount/more", json!(1), "/amount/more")]
#[case("/payer/openid", json!("oUnknownOpenid00000000000000"), "/payer/openid")]
#[case("/scene_info", json!({"payer_client_ip": "nowhere"}), "/scene_info/payer_client_ip")]
#[case("/detail", json!({"surprise": 1}), "/detail/surprise")]
#[case("/detail", json!({"goods_detail": []}), "/detail/goods_detail")]
#[case("/detail", json!({"goods_detail": [{"merchant_goods_id": "1", "quantity": 1.5, "unit_price": 1}]}), "/detail/goods_detail/0/quantity")]
#[case("/scene_info", json!({"payer_client_ip": "::1", "store_info": {}}), "/scene_info/store_info/id")]
#[case("/settle_info", json!({"profit_sharing": "no"}), "/settle_info/profit_sharing")]
#[case("/support_fapiao", json!("true"), "/support_fapiao")]
#[case("/payer/identity", json!({"type": "IDCARD"}), "/payer/identity/number")]
#[case("/payer/identity", json!({"type": "PASSPORT", "number": "1", "name": "张三"}), "/payer/identity/type")]
#[case("/payer/identity", json!({"type": "IDCARD", "number": "1".repeat(33), "name": "张三"}), "/payer/identity/number")]
#[case("/payer/identity", json!({"type": "IDCARD", "number": "1", "name": "张".repeat(33)}), "/payer/identity/name")]
#[case("/limit_pay", json!("no_credit"), "/limit_pay")]
#[case("/limit_pay", json!(["no_credit", "no_money"]), "/limit_pay")]
#[case("/attach", json!("a".repeat(129)), "/attach")]
#[case("/out_trade_no", json!("A".repeat(33)), "/out_trade_no")]
#[tokio::test]
async fn a_wrong_member_is_refused_with_its_place(
    #[case] at: &str,
    #[case] value: Value,
    #[case] place: &str,
) {
    let bench = Bench::new().await;
    let mut order = bench.wechat_order(NO, 1);
    let (parent, name) = at.rsplit_once('/').unwrap();
    order.pointer_mut(parent).unwrap()[name] = value;
    let answer = bench.wechat_create(&order).await;
    assert_eq!(answer.code(), (400, "PARAM_ERROR".to_owned()), "{}", answer.text);
    assert_eq!(answer.json()["detail"]["field"], place);
    let facts = &bench.facts.wechat;
    assert!(answer.is_signed_by(&facts.platform_serial, &facts.platform_cert));
}

#[tokio::test]
async fn the_app_must_belong_to_the_merchant() {
    let bench = Bench::new().await;
    let mut order = bench.wechat_order(NO, 1);
    order["appid"] = json!("wx0000000000000000");
    let answer = bench.wechat_create(&order).await;
    assert_eq!(answer.code(), (400, "APPID_MCHID_NOT_MATCH".to_owned()));
}

#[tokio::test]
async fn plain_http_callbacks_can_be_forbidden() {
    let bench = Bench::new().await;
    let mut settings = bench.mocks.settings();
    settings.http_notify_url = false;
    bench.mocks.set_settings(settings);
    let answer = bench.wechat_create(&bench.wechat_order(NO, 1)).await;
    assert_eq!(answer.json()["detail"]["field"], "/notify_url");
}

#[tokio::test]
async fn a_repeat_must_be_the_same_and_gives_a_fresh_prepay_id() {
    let bench = Bench::new().await;
    let order = bench.wechat_order(NO, 100);
    let first = bench.wechat_create(&order).await.json();
    let second = bench.wechat_create(&order).await.json();
    assert_ne!(first["prepay_id"], second["prepay_id"]);
    for (at, value) in [
        ("/description", json!("other")),
        ("/attach", json!("b=2")),
        ("/amount/total", json!(101)),
        ("/payer/openid", json!(bench.openid("another"))),
        ("/time_expire", json!("2026-01-01T09:00:00+08:00")),
    ] {
        let mut other = order.clone();
        let (parent, name) = at.rsplit_once('/').unwrap();
        other.pointer_mut(parent).unwrap()[name] = value;
        let answer = bench.wechat_create(&other).await;
        assert_eq!(answer.code(), (400, "INVALID_REQUEST".to_owned()), "{at}");
        assert!(answer.header("request-id").ends_with("-268498688"));
    }
    bench.mocks.pay(&PayRequest::number(Wechat, NO)).unwrap();
    assert_eq!(bench.wechat_create(&order).await.code().1, "ORDERPAID");
}

#[tokio::test]
async fn close_is_idempotent_burns_unknown_numbers_and_yields_to_payment() {
    let bench = Bench::new().await;
    let order = bench.wechat_order(NO, 100);
    bench.wechat_create(&order).await;
    let closed = bench.wechat_close(NO).await;
    assert_eq!((closed.status, closed.text.as_str()), (204, ""));
    let facts = &bench.facts.wechat;
    assert!(closed.is_signed_by(&facts.platform_serial, &facts.platform_cert));
    assert_eq!(bench.wechat_close(NO).await.status, 204);
    assert_eq!(bench.wechat_query(NO).await.json()["trade_state"], "CLOSED");
    assert_eq!(bench.wechat_create(&order).await.code(), (400, "ORDER_CLOSED".to_owned()));
    assert!(bench.mocks.pay(&PayRequest::number(Wechat, NO)).is_err());

    let never = "SI20260101000002";
    assert_eq!(bench.wechat_close(never).await.status, 204);
    let burned = bench.wechat_create(&bench.wechat_order(never, 100)).await;
    assert_eq!(burned.code(), (400, "INVALID_REQUEST".to_owned()));

    let number = "SI20260101000003";
    paid(&bench, number, 100).await;
    assert_eq!(bench.wechat_close(number).await.code().1, "ORDERPAID");
}

#[tokio::test]
async fn a_prepay_id_dies_after_two_hours_and_the_order_does_not() {
    let bench = Bench::new().await;
    let order = bench.wechat_order(NO, 100);
    let first = bench.wechat_create(&order).await.json()["prepay_id"].as_str().unwrap().to_owned();
    bench.mocks.advance(Duration::from_secs(7_200)).await;
    let dead = bench.mocks.pay(&PayRequest::wechat_wallet(wallet(&bench, &first)));
    assert!(dead.unwrap_err().to_string().contains("prepay_id"));
    let second = bench.wechat_create(&order).await.json()["prepay_id"].as_str().unwrap().to_owned();
    bench.mocks.pay(&PayRequest::wechat_wallet(wallet(&bench, &second))).unwrap();
}

#[tokio::test]
async fn the_wallet_checks_the_signature_and_the_person() {
    let bench = Bench::new().await;
    let created = bench.wechat_create(&bench.wechat_order(NO, 100)).await.json();
    let mut forged = wallet(&bench, created["prepay_id"].as_str().unwrap());
    forged.nonce_str = "other".to_owned();
    assert!(bench.mocks.pay(&PayRequest::wechat_wallet(forged)).is_err());
    let mut other = PayRequest::number(Wechat, NO);
    other.user = Some("another".to_owned());
    assert!(bench.mocks.pay(&other).is_err());
    other.user = Some("小明".to_owned());
    bench.mocks.pay(&other).unwrap();
    assert!(bench.mocks.pay(&other).is_err(), "nobody pays twice");
}

#[tokio::test]
async fn expiry_is_clamped_and_closing_follows_some_minutes_later() {
    let bench = Bench::new().await;
    let mut order = bench.wechat_order(NO, 100);
    order["time_expire"] = json!("2026-01-01T07:00:00+08:00");
    bench.wechat_create(&order).await;
    let trade = bench.mocks.trade(Wechat, NO).unwrap();
    assert_eq!(trade.expires_at.since(trade.created_at).as_secs(), 60);
    bench.mocks.advance(Duration::from_secs(60)).await;
    assert_eq!(bench.wechat_query(NO).await.json()["trade_state"], "NOTPAY");
    assert!(bench.mocks.pay(&PayRequest::number(Wechat, NO)).is_err());
    assert_eq!(bench.wechat_create(&order).await.code().1, "ORDER_CLOSED");
    bench.mocks.advance(Duration::from_secs(300)).await;
    assert_eq!(bench.wechat_query(NO).await.json()["trade_state"], "CLOSED");

    let far = "SI20260101000002";
    let mut order = bench.wechat_order(far, 100);
    order["time_expire"] = json!("2027-01-01T07:00:00+08:00");
    bench.wechat_create(&order).await;
    let trade = bench.mocks.trade(Wechat, far).unwrap();
    assert_eq!(trade.expires_at.since(trade.created_at).as_secs(), 90 * 86_400);
}

#[tokio::test]
async fn the_query_needs_the_merchant() {
    let bench = Bench::new().await;
    let path = format!("/v3/pay/transactions/out-trade-no/{NO}");
    let answer = bench.wechat_get(&path).await;
    assert_eq!(answer.code(), (400, "PARAM_ERROR".to_owned()));
    assert_eq!(answer.json()["detail"]["location"], "uri_template");
    let other = bench.wechat_get(&format!("{path}?mchid=1900000000")).await;
    assert_eq!(other.status, 400);
}

pub fn refund(number: &str, refund_no: &str, fen: i64, total: i64, url: &str) -> Value {
    json!({
        "out_trade_no": number,
        "out_refund_no": refund_no,
        "reason": "多缴退费",
        "notify_url": url,
        "amount": {"refund": fen, "total": total, "currency": "CNY"},
    })
}

#[tokio::test]
async fn a_refund_is_accepted_first_and_done_later() {
    let bench = Bench::new().await;
    paid(&bench, NO, 100).await;
    let path = "/v3/refund/domestic/refunds";
    let body = refund(NO, "R1", 40, 100, &bench.receiver.url);
    let accepted = bench.wechat_post(path, &body).await;
    assert_eq!(accepted.json()["status"], "PROCESSING");
    assert_eq!(bench.wechat_query(NO).await.json()["trade_state"], "REFUND");
    bench.mocks.advance(Duration::from_secs(5)).await;
    let done = bench.wechat_get(&format!("{path}/R1")).await.json();
    assert_eq!(done["status"], "SUCCESS");
    assert_eq!(done["success_time"], "2026-01-01T08:00:05+08:00");
    let told = bench.receiver.received().pop().unwrap();
    let header = |name: &str| told.headers[name].to_str().unwrap().to_owned();
    let (envelope, content) = open_wechat(&bench.facts, header, &told.body).unwrap();
    assert_eq!(envelope["event_type"], "REFUND.SUCCESS");
    assert_eq!(envelope["resource"]["associated_data"], "refund");
    assert_eq!(content["refund_status"], "SUCCESS");
    assert_eq!(content["amount"]["refund"], 40);
    // The same request again changes nothing.
    assert_eq!(bench.wechat_post(path, &body).await.json()["refund_id"], done["refund_id"]);
}

#[tokio::test]
async fn refunds_keep_the_rules() {
    let bench = Bench::new().await;
    let path = "/v3/refund/domestic/refunds";
    let url = bench.receiver.url.clone();
    let ask = async |refund_no: &str, fen: i64, total: i64| {
        bench.wechat_post(path, &refund(NO, refund_no, fen, total, &url)).await.code()
    };
    assert_eq!(ask("R0", 1, 100).await, (404, "RESOURCE_NOT_EXISTS".to_owned()));
    paid(&bench, NO, 100).await;
    assert_eq!(ask("R0", 1, 99).await, (400, "INVALID_REQUEST".to_owned()));
    assert_eq!(ask("R0", 101, 101).await, (400, "INVALID_REQUEST".to_owned()));
    assert_eq!(ask("R1", 40, 100).await.0, 200);
    assert_eq!(ask("R1", 41, 100).await, (400, "INVALID_REQUEST".to_owned()));
    assert_eq!(ask("R2", 40, 100).await, (429, "FREQUENCY_LIMITED".to_owned()));
    bench.mocks.advance(Duration::from_secs(60)).await;
    assert_eq!(ask("R2", 61, 100).await, (400, "INVALID_REQUEST".to_owned()));
    assert_eq!(ask("R2", 60, 100).await.0, 200);
    let unknown = bench.wechat_get(&format!("{path}/R9")).await;
    assert_eq!(unknown.code(), (404, "RESOURCE_NOT_EXISTS".to_owned()));
}

#[tokio::test]
async fn one_order_takes_fifty_refunds() {
    let bench = Bench::new().await;
    paid(&bench, NO, 100).await;
    let path = "/v3/refund/domestic/refunds";
    for count in 0..51 {
        let body = refund(NO, &format!("R{count}"), 1, 100, &bench.receiver.url);
        let status = bench.wechat_post(path, &body).await.status;
        assert_eq!(status, if count < 50 { 200 } else { 400 }, "refund {count}");
        bench.mocks.advance(Duration::from_secs(60)).await;
    }
}

#[tokio::test]
async fn certificates_are_encrypted_for_the_merchant() {
    let bench = Bench::new().await;
    let list = bench.wechat_get("/v3/certificates").await.json();
    let entry = &list["data"][0];
    let pem = decrypt(&bench.facts.wechat.apiv3_key, &entry["encrypt_certificate"]).unwrap();
    assert_eq!(pem, bench.facts.wechat.platform_cert);
    assert_eq!(entry["serial_no"], bench.facts.wechat.platform_serial);
}

#[tokio::test]
async fn a_login_code_works_once() {
    let bench = Bench::new().await;
    let facts = &bench.facts.wechat;
    let minted = bench.mocks.mint_login_code(Wechat, "小明");
    let login = async |code: &str, secret: &str| {
        let pairs = [
            ("appid", facts.app_id.as_str()),
            ("secret", secret),
            ("js_code", code),
            ("grant_type", "authorization_code"),
        ];
        let url = format!("{}/sns/jscode2session", facts.base_url);
        let answer = bench.client.get(url).query(&pairs).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/plain");
        serde_json::from_str::<Value>(&answer.text().await.unwrap()).unwrap()
    };
    assert_eq!(login(&minted.code, "wrong").await["errcode"], 40_125);
    let session = login(&minted.code, &facts.app_secret).await;
    assert_eq!(session["openid"], minted.openid.unwrap());
    assert_eq!(session["session_key"].as_str().unwrap().len(), 24);
    let again = login(&minted.code, &facts.app_secret).await;
    assert_eq!(again["errcode"], 40_163);
    assert!(again["errmsg"].as_str().unwrap().contains(" rid: "));
    assert_eq!(login("nothing", &facts.app_secret).await["errcode"], 40_029);
}

#[tokio::test]
async fn a_lost_answer_leaves_the_trade_behind() {
    let bench = Bench::new().await;
    let order = bench.wechat_order(NO, 100);
    let strike = |kind| Fault::next(FaultTarget::WechatCreate, kind);
    bench.mocks.set_fault(strike(FaultKind::ErrorBeforeCommit)).unwrap();
    assert_eq!(bench.wechat_create(&order).await.code(), (500, "SYSTEM_ERROR".to_owned()));
    assert!(bench.mocks.trade(Wechat, NO).is_none());
    bench.mocks.set_fault(strike(FaultKind::DropAfterCommit)).unwrap();
    let call = bench.wechat_call(Method::POST, "/v3/pay/transactions/jsapi", &order);
    let lost = match bench.try_wechat(call).await {
        Ok(response) => response.text().await.is_err(),
        Err(_) => true,
    };
    assert!(lost, "the answer never arrives whole");
    assert!(bench.mocks.trade(Wechat, NO).is_some());
    bench.mocks.set_fault(strike(FaultKind::ErrorAfterCommit)).unwrap();
    assert_eq!(bench.wechat_create(&order).await.status, 500);
    assert_eq!(bench.wechat_create(&order).await.status, 200);
}

#[tokio::test]
async fn wrong_signatures_and_lag_come_on_order() {
    let bench = Bench::new().await;
    paid(&bench, NO, 100).await;
    let facts = &bench.facts.wechat;
    for kind in [FaultKind::WrongSignature, FaultKind::Probe] {
        bench.mocks.set_fault(Fault::next(FaultTarget::WechatQuery, kind)).unwrap();
        let answer = bench.wechat_query(NO).await;
        assert_eq!(answer.status, 200);
        assert!(!answer.is_signed_by(&facts.platform_serial, &facts.platform_cert));
        let probe = answer.header("wechatpay-signature").starts_with("WECHATPAY/SIGNTEST/");
        assert_eq!(probe, kind == FaultKind::Probe);
    }
    bench.mocks.set_fault(Fault::next(FaultTarget::WechatQuery, FaultKind::Lag)).unwrap();
    assert_eq!(bench.wechat_query(NO).await.json()["trade_state"], "NOTPAY");
    assert_eq!(bench.wechat_query(NO).await.json()["trade_state"], "SUCCESS");
}

#[tokio::test]
async fn crafted_notifications_lie_only_where_told() {
    let bench = Bench::new().await;
    paid(&bench, NO, 100).await;
    let craft = |craft: Craft| {
        let request = NotificationRequest { craft, ..NotificationRequest::payment(Wechat, NO) };
        let signed = bench.mocks.craft_notification(&request).unwrap();
        let headers = signed.headers.clone();
        let header = move |wanted: &str| {
            let found = headers.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        (header("Wechatpay-Timestamp"), open_wechat(&bench.facts, header, &signed.body))
    };
    let (stamp, genuine) = craft(Craft::default());
    assert_eq!(stamp, bench.now().to_string());
    assert_eq!(genuine.unwrap().1["amount"]["total"], 100);
    let (_, wrong) = craft(Craft { amount_fen: Some(1), ..Craft::default() });
    assert_eq!(wrong.unwrap().1["amount"]["total"], 1);
    let other = Craft { merchant_id: Some("1900009999".to_owned()), ..Craft::default() };
    assert_eq!(craft(other).1.unwrap().1["mchid"], "1900009999");
    let (stamp, old) = craft(Craft { timestamp_offset_seconds: -600, ..Craft::default() });
    assert_eq!(stamp, (bench.now() - 600).to_string());
    assert!(old.is_some(), "old, and signed correctly");
    for sign in [SignKind::Bad, SignKind::Probe] {
        assert!(craft(Craft { sign, ..Craft::default() }).1.is_none());
    }
    assert!(craft(Craft { tampered: true, ..Craft::default() }).1.is_none());
}
