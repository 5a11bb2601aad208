//! The whole exchange over real HTTP with real keys, against a small stand-in for the gateway.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use kernel::{
    Channel, ControlledClock, Fen, MerchantKey, OutTradeNo, RetryClass, Secret, Timestamp,
};
use proptest::prelude::*;
use reqwest::header::HeaderMap;
use ring::digest::{SHA256, digest};
use rstest::rstest;
use serde_json::{Value, json};
use url::form_urlencoded;
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any as anything};

use super::*;
use crate::{
    LoginError, LoginProvider, Payer, PayerIdKind, RefundStatus, Refused, Told,
    rsa::VerifyingKey,
    testing::{TestKey, bare, spoiled},
};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_767_225_600);

fn number(tail: u8) -> OutTradeNo {
    OutTradeNo::new(format!("SI20260101080000000ABCDEFGHIJ{tail}")).expect("a number")
}

fn config(server: &str) -> AlipayConfig {
    AlipayConfig {
        key: MerchantKey::new("wuxi-alipay").expect("a key"),
        gateway: format!("{server}/gateway.do"),
        app_id: "2021000000000001".into(),
        seller_id: "2088000000000001".into(),
        app_private_key: Secret::new(bare(&TestKey::merchant().pkcs1_pem())),
        alipay_public_keys: vec![bare(&TestKey::platform().public_pem())],
    }
}

fn clock() -> Arc<ControlledClock> {
    Arc::new(ControlledClock::at(NOW))
}

fn merchant(server: &str) -> AlipayMerchant {
    let merchant = AlipayMerchant::new(config(server), clock()).expect("a merchant");
    AlipayMerchant { client: merchant.client.impatient(), ..merchant }
}

fn offline() -> AlipayMerchant {
    merchant("http://127.0.0.1:1")
}

fn payment() -> PaymentRequest {
    PaymentRequest {
        out_trade_no: number(1),
        amount: Fen::new(10).expect("an amount"),
        description: "社保缴费 + 测试".into(),
        payer: Payer { kind: PayerIdKind::OpenId, id: "074a1CcTG1LelxKe4xQC0".into() },
        expires_at: NOW.plus(Duration::from_secs(1800)),
        notify_url: "https://city.example/callbacks/alipay/wuxi-alipay/payments".into(),
        client_ip: None,
    }
}

fn refund() -> RefundRequest {
    RefundRequest {
        out_trade_no: number(1),
        out_refund_no: number(2),
        payment_amount: Fen::new(89_880).expect("an amount"),
        amount: Fen::new(10_000).expect("an amount"),
        reason: "社保未入账退款".into(),
        notify_url: "https://city.example/callbacks/alipay/wuxi-alipay/refunds".into(),
    }
}

/// How an answer is signed, and how it may be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seal {
    Good,
    Unsigned,
    WrongKey,
    Spoiled,
    /// Signed for other content.
    Moved,
}

fn sealed(root: &str, node: &Value, seal: Seal) -> String {
    let node = node.to_string();
    let sign = match seal {
        Seal::Unsigned => return format!(r#"{{"{root}":{node}}}"#),
        Seal::Good => TestKey::platform().sign(node.as_bytes()),
        Seal::WrongKey => TestKey::stranger().sign(node.as_bytes()),
        Seal::Spoiled => spoiled(&TestKey::platform().sign(node.as_bytes())),
        Seal::Moved => TestKey::platform().sign(b"{}"),
    };
    format!(r#"{{"{root}":{node},"sign":"{sign}"}}"#)
}

async fn saying(status: u16, body: String) -> MockServer {
    let server = MockServer::start().await;
    let template = ResponseTemplate::new(status).set_body_raw(body, "text/html;charset=utf-8");
    Mock::given(anything()).respond_with(template).mount(&server).await;
    server
}

/// A gateway that answers every call of `method` alike.
async fn answering(method: &str, node: Value, seal: Seal) -> MockServer {
    saying(200, sealed(&format!("{}_response", method.replace('.', "_")), &node, seal)).await
}

async fn one_request(server: &MockServer) -> Request {
    let mut requests = server.received_requests().await.expect("recorded");
    assert_eq!(requests.len(), 1, "no call is repeated by itself");
    requests.remove(0)
}

/// Checks a request as the gateway would, and returns all its parameters.
fn authorized(request: &Request) -> BTreeMap<String, String> {
    assert_eq!(request.url.path(), "/gateway.do");
    let content_type = "application/x-www-form-urlencoded;charset=utf-8";
    assert_eq!(request.headers["content-type"], content_type);
    let query: BTreeMap<String, String> = request.url.query_pairs().into_owned().collect();
    assert_eq!(query["charset"], "utf-8", "the gateway needs the charset in the query");
    let mut all = query;
    all.extend(form_urlencoded::parse(&request.body).into_owned());
    let sign = all.remove("sign").expect("a signature");
    let text: Vec<String> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let key = VerifyingKey::read("merchant", &TestKey::merchant().public_pem()).expect("a key");
    assert_eq!(key.verify(text.join("&").as_bytes(), &sign), Ok(()));
    for (name, value) in [
        ("app_id", "2021000000000001"),
        ("format", "JSON"),
        ("sign_type", "RSA2"),
        ("timestamp", "2026-01-01 08:00:00"),
        ("version", "1.0"),
    ] {
        assert_eq!(all[name], value);
    }
    all
}

fn business(sub_code: &str) -> Value {
    json!({"code": "40004", "msg": "Business Failed", "sub_code": sub_code, "sub_msg": "…"})
}

#[tokio::test]
async fn a_payment_is_created_with_the_stored_content() {
    let node = json!({"code": "10000", "msg": "Success", "out_trade_no": number(1), "trade_no": "2026010122001400001234567890"});
    let server = answering("alipay.trade.create", node, Seal::Good).await;
    let merchant = merchant(&server.uri());
    let mut asked = payment();
    asked.client_ip = Some("203.0.113.9".parse().expect("an address"));
    let prepared = merchant.prepare_payment(&asked).expect("prepared");
    let restored = Prepared::restore(prepared.as_str().into());
    let created = merchant.create_payment(&restored).await.expect("created");
    assert_eq!(created.token, "2026010122001400001234567890");
    let wallet = merchant.wallet_parameters(&created).expect("parameters");
    assert_eq!(
        serde_json::to_value(wallet).expect("JSON"),
        json!({"channel": "alipay", "tradeNO": "2026010122001400001234567890"})
    );
    assert_eq!(merchant.token_lifetime(), None);

    let sent = authorized(&one_request(&server).await);
    assert_eq!(sent["method"], "alipay.trade.create");
    assert_eq!(sent["notify_url"], "https://city.example/callbacks/alipay/wuxi-alipay/payments");
    let stored: Value = serde_json::from_str(prepared.as_str()).expect("JSON");
    assert_eq!(Some(sent["biz_content"].as_str()), stored["biz_content"].as_str());
    assert_eq!(
        serde_json::from_str::<Value>(&sent["biz_content"]).expect("JSON"),
        json!({
            "out_trade_no": number(1), "total_amount": "0.10", "subject": "社保缴费 + 测试",
            "product_code": "JSAPI_PAY", "op_app_id": "2021000000000001",
            "buyer_open_id": "074a1CcTG1LelxKe4xQC0", "time_expire": "2026-01-01 08:30:00",
            "business_params": {"mc_create_trade_ip": "203.0.113.9"}
        })
    );
}

#[test]
fn an_older_user_id_is_sent_as_such() {
    let mut request = payment();
    request.payer = Payer { kind: PayerIdKind::UserId, id: "2088123412341234".into() };
    let prepared = offline().prepare_payment(&request).expect("prepared");
    assert!(prepared.as_str().contains(r#"\"buyer_id\":\"2088123412341234\""#));
    assert!(!prepared.as_str().contains("buyer_open_id"));
    assert!(!prepared.as_str().contains("null"));
}

type Change = fn(&mut PaymentRequest);

#[rstest]
#[case::no_subject(|p: &mut PaymentRequest| p.description = " ".into())]
#[case::slash(|p: &mut PaymentRequest| p.description = "养老/医疗".into())]
#[case::equals(|p: &mut PaymentRequest| p.description = "a=b".into())]
#[case::ampersand(|p: &mut PaymentRequest| p.description = "a&total_amount".into())]
#[case::long_subject(|p: &mut PaymentRequest| p.description = "社".repeat(257))]
#[case::two_lines(|p: &mut PaymentRequest| p.description = "社保\n缴费".into())]
#[case::nothing_to_pay(|p: &mut PaymentRequest| p.amount = Fen::ZERO)]
#[case::too_much(|p: &mut PaymentRequest| p.amount = Fen::new(10_000_000_001).expect("an amount"))]
#[case::no_payer(|p: &mut PaymentRequest| p.payer.id = String::new())]
#[case::wrong_user(|p: &mut PaymentRequest| p.payer.kind = PayerIdKind::UserId)]
#[case::query(|p: &mut PaymentRequest| p.notify_url = "https://city.example/callbacks?a=b".into())]
#[case::no_scheme(|p: &mut PaymentRequest| p.notify_url = "city.example/callbacks".into())]
#[case::chinese_url(|p: &mut PaymentRequest| p.notify_url = "https://社保.example/callbacks".into())]
#[case::file(|p: &mut PaymentRequest| p.notify_url = "file:///callbacks".into())]
fn a_payment_that_breaks_a_rule_is_not_sent(#[case] change: Change) {
    let mut request = payment();
    change(&mut request);
    let error = offline().prepare_payment(&request).expect_err("a refusal");
    assert!(matches!(error, ChannelError::BadRequest(_)), "{error}");
}

#[tokio::test]
async fn a_stored_request_of_another_kind_is_not_sent() {
    let server = answering("alipay.trade.create", json!({"code": "10000"}), Seal::Good).await;
    let mut other = config(&server.uri());
    other.app_id = "2021000000000002".into();
    let other = AlipayMerchant::new(other, clock()).expect("a merchant");
    let merchant = merchant(&server.uri());
    for prepared in [
        other.prepare_payment(&payment()).expect("prepared"),
        merchant.prepare_refund(&refund()).expect("prepared"),
        Prepared::restore("{}".into()),
    ] {
        let error = merchant.create_payment(&prepared).await.expect_err("a refusal");
        assert!(matches!(error, ChannelError::BadRequest(_)), "{error}");
    }
    assert!(server.received_requests().await.expect("recorded").is_empty());
}

#[rstest]
#[case("ACQ.TRADE_HAS_SUCCESS", ChannelError::Refused(Refused::AlreadyPaid))]
#[case("acq.trade_has_success", ChannelError::Refused(Refused::AlreadyPaid))]
#[case("TRADE_HAS_CLOSE", ChannelError::Refused(Refused::Closed))]
#[case("ACQ.CONTEXT_INCONSISTENT", ChannelError::Refused(Refused::ParametersChanged))]
#[case("ACQ.DUP_OUT_ORDER", ChannelError::Refused(Refused::ParametersChanged))]
#[case("ACQ.TRADE_BUYER_NOT_MATCH", ChannelError::Refused(Refused::Payer))]
#[case("ACQ.BUYER_SELLER_EQUAL", ChannelError::Refused(Refused::Payer))]
#[case("ACQ.TOTAL_FEE_EXCEED", ChannelError::Refused(Refused::Limit))]
#[case("ACQ.ACCESS_FORBIDDEN", ChannelError::Misconfigured("ACQ.ACCESS_FORBIDDEN".into()))]
#[case("ACQ.EXIST_FORBIDDEN_WORD", ChannelError::Refused(Refused::Other("ACQ.EXIST_FORBIDDEN_WORD".into())))]
#[case("ACQ.SYSTEM_ERROR", ChannelError::Unknown("ACQ.SYSTEM_ERROR".into()))]
#[case("AQC.SYSTEM_ERROR", ChannelError::Unknown("AQC.SYSTEM_ERROR".into()))]
#[tokio::test]
async fn a_refused_create_says_how(#[case] sub_code: &str, #[case] error: ChannelError) {
    let server = answering("alipay.trade.create", business(sub_code), Seal::Good).await;
    let merchant = merchant(&server.uri());
    let prepared = merchant.prepare_payment(&payment()).expect("prepared");
    assert_eq!(merchant.create_payment(&prepared).await, Err(error));
}

#[rstest]
#[case::busy("40005", "isv.app-call-limited", ChannelError::Busy)]
#[case::not_available("20000", "isp.unknow-error", ChannelError::Unknown("isp.unknow-error".into()))]
#[case::token("20001", "aop.invalid-auth-token", ChannelError::Misconfigured("aop.invalid-auth-token".into()))]
#[case::missing("40001", "isv.missing-signature", ChannelError::Misconfigured("isv.missing-signature".into()))]
#[case::invalid("40002", "isv.invalid-app-id", ChannelError::Misconfigured("isv.invalid-app-id".into()))]
#[case::conditions("40003", "isv.invalid-auth-relations", ChannelError::Misconfigured("isv.invalid-auth-relations".into()))]
#[case::permission("40006", "isv.insufficient-isv-permissions", ChannelError::Misconfigured("isv.insufficient-isv-permissions".into()))]
#[tokio::test]
async fn public_codes_mean_the_same_with_and_without_a_signature(
    #[case] code: &str,
    #[case] sub_code: &str,
    #[case] error: ChannelError,
) {
    let node = json!({"code": code, "msg": "…", "sub_code": sub_code, "sub_msg": "… &amp; …"});
    for root in ["alipay_trade_query_response", "error_response"] {
        for seal in [Seal::Good, Seal::Unsigned] {
            let server = saying(200, sealed(root, &node, seal)).await;
            let found = merchant(&server.uri()).query_payment(&number(1)).await;
            assert_eq!(found.err(), Some(error.clone()), "{root} {seal:?}");
        }
    }
}

fn trade(status: &str) -> Value {
    json!({
        "code": "10000", "msg": "Success", "trade_no": "2026010122001400001234567890",
        "out_trade_no": number(1), "buyer_logon_id": "159****0001", "trade_status": status,
        "total_amount": "898.80", "receipt_amount": "0.00", "subject": "a}\"{/",
    })
}

fn paid_trade(status: &str) -> Value {
    let mut trade = trade(status);
    trade["send_pay_date"] = "2026-01-01 08:00:05".into();
    trade["buyer_open_id"] = "074a1CcTG1LelxKe4xQC0".into();
    trade["buyer_user_id"] = "2088123412341234".into();
    trade
}

#[rstest]
#[case("TRADE_SUCCESS")]
#[case("TRADE_FINISHED")]
#[case::given_back_since("TRADE_CLOSED")]
#[tokio::test]
async fn a_paid_query_is_a_fact(#[case] status: &str) {
    let server = answering("alipay.trade.query", paid_trade(status), Seal::Good).await;
    let standing = merchant(&server.uri()).query_payment(&number(1)).await.expect("a standing");
    let PaymentStanding::Paid(fact) = standing else { panic!("{standing:?}") };
    assert_eq!((fact.told(), fact.channel()), (Told::Query, Channel::Alipay));
    assert_eq!((fact.merchant_id(), fact.app_id()), ("2088000000000001", "2021000000000001"));
    assert_eq!(fact.out_trade_no(), number(1).as_str());
    assert_eq!(fact.transaction_id(), "2026010122001400001234567890");
    assert_eq!(fact.amount(), Fen::new(89_880).expect("an amount"));
    assert_eq!(fact.currency(), "CNY");
    assert_eq!(fact.paid_at().beijing_text(), "2026-01-01 08:00:05");
    assert_eq!(fact.payer_id(), Some("074a1CcTG1LelxKe4xQC0"));
    let sent = authorized(&one_request(&server).await);
    let asked = format!(r#"{{"out_trade_no":"{}"}}"#, number(1));
    assert_eq!((sent["method"].as_str(), &sent["biz_content"]), ("alipay.trade.query", &asked));
}

#[rstest]
#[case(trade("WAIT_BUYER_PAY"), "Unpaid")]
#[case(trade("TRADE_CLOSED"), "Closed")]
#[case(business("ACQ.TRADE_NOT_EXIST"), "NotFound")]
#[case(business("trade_not_exist"), "NotFound")]
#[tokio::test]
async fn a_query_tells_where_an_unpaid_attempt_stands(#[case] node: Value, #[case] standing: &str) {
    let server = answering("alipay.trade.query", node, Seal::Good).await;
    let found = merchant(&server.uri()).query_payment(&number(1)).await.expect("a standing");
    assert_eq!(format!("{found:?}"), standing);
}

#[rstest]
#[case::unknown_status(trade("TRADE_PENDING"), Seal::Good)]
#[case::paid_without_time(trade("TRADE_SUCCESS"), Seal::Good)]
#[case::another_number(json!({"code": "10000", "out_trade_no": number(9), "trade_status": "TRADE_CLOSED"}), Seal::Good)]
#[case::in_process(json!({"code": "10003"}), Seal::Good)]
#[case::no_members(json!({"code": "10000"}), Seal::Good)]
#[case::no_code(json!({}), Seal::Good)]
#[case::unsigned_success(paid_trade("TRADE_SUCCESS"), Seal::Unsigned)]
#[case::unsigned_refusal(business("ACQ.TRADE_NOT_EXIST"), Seal::Unsigned)]
#[case::wrong_key(paid_trade("TRADE_SUCCESS"), Seal::WrongKey)]
#[case::spoiled(paid_trade("TRADE_SUCCESS"), Seal::Spoiled)]
#[case::moved(paid_trade("TRADE_SUCCESS"), Seal::Moved)]
#[case::wrongly_signed_refusal(business("ACQ.TRADE_NOT_EXIST"), Seal::Spoiled)]
#[tokio::test]
async fn an_answer_that_is_not_proven_or_not_certain_is_unknown(
    #[case] node: Value,
    #[case] seal: Seal,
) {
    let server = answering("alipay.trade.query", node, seal).await;
    let error = merchant(&server.uri()).query_payment(&number(1)).await.expect_err("unknown");
    assert!(matches!(error, ChannelError::Unknown(_)), "{error}");
    assert_eq!(error.retry_class(), RetryClass::QueryFirst);
}

#[tokio::test]
async fn success_under_the_error_root_is_no_success() {
    let server = saying(200, sealed("error_response", &paid_trade("TRADE_SUCCESS"), Seal::Good));
    let error = merchant(&server.await.uri()).query_payment(&number(1)).await;
    assert!(matches!(error, Err(ChannelError::Unknown(_))), "{error:?}");
}

#[rstest]
#[case(200, "<html>502 Bad Gateway</html>")]
#[case(200, "")]
#[case(200, r#"{"alipay_trade_query_response":{"code":"10000""#)]
#[case(502, "<html>")]
#[case(302, "")]
#[tokio::test]
async fn garbage_is_unknown(#[case] status: u16, #[case] body: &str) {
    let server = saying(status, body.into()).await;
    let error = merchant(&server.uri()).query_payment(&number(1)).await.expect_err("unknown");
    assert!(matches!(error, ChannelError::Unknown(_)), "{error}");
}

#[tokio::test]
async fn silence_is_unknown_and_a_closed_door_is_not_sent() {
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    Mock::given(anything()).respond_with(slow).mount(&server).await;
    let error = merchant(&server.uri()).close_payment(&number(1)).await;
    assert_eq!(error, Err(ChannelError::Unknown("time-out".into())));
    assert_eq!(offline().close_payment(&number(1)).await, Err(ChannelError::NotSent));
    let server = saying(429, String::new()).await;
    let error = merchant(&server.uri()).close_payment(&number(1)).await;
    assert_eq!(error, Err(ChannelError::Busy));
}

#[rstest]
#[case(json!({"code": "10000", "out_trade_no": number(1), "trade_no": "2026"}), Ok(()))]
#[case(business("ACQ.TRADE_STATUS_ERROR"), Err(ChannelError::Refused(Refused::AlreadyPaid)))]
#[case(
    business("ACQ.REASON_TRADE_STATUS_INVALID"),
    Err(ChannelError::Refused(Refused::AlreadyPaid))
)]
#[case(business("ACQ.REASON_ILLEGAL_STATUS"), Err(ChannelError::Refused(Refused::AlreadyPaid)))]
#[case(business("ACQ.TRADE_NOT_EXIST"), Err(ChannelError::Refused(Refused::NotFound)))]
#[case(business("ACQ.SYSTEM_ERROR"), Err(ChannelError::Unknown("ACQ.SYSTEM_ERROR".into())))]
#[tokio::test]
async fn a_close_says_how_it_went(#[case] node: Value, #[case] result: Result<(), ChannelError>) {
    let server = answering("alipay.trade.close", node, Seal::Good).await;
    assert_eq!(merchant(&server.uri()).close_payment(&number(1)).await, result);
    assert_eq!(authorized(&one_request(&server).await)["method"], "alipay.trade.close");
}

fn refund_answer(fund_change: &str) -> Value {
    json!({
        "code": "10000", "msg": "Success", "trade_no": "2026010122001400001234567890",
        "out_trade_no": number(1), "fund_change": fund_change, "refund_fee": "250.00"
    })
}

#[tokio::test]
async fn a_refund_happened_when_money_moved() {
    let server = answering("alipay.trade.refund", refund_answer("Y"), Seal::Good).await;
    let merchant = merchant(&server.uri());
    let prepared = merchant.prepare_refund(&refund()).expect("prepared");
    let standing = merchant.request_refund(&prepared).await.expect("a standing");
    let RefundStanding::Known(fact) = standing else { panic!("{standing:?}") };
    assert_eq!((fact.status(), fact.told()), (RefundStatus::Succeeded, Told::Query));
    assert_eq!(fact.out_refund_no(), number(2).as_str());
    assert_eq!(fact.amount(), None, "refund_fee is the sum of all refunds");
    let sent = authorized(&one_request(&server).await);
    assert_eq!(sent["method"], "alipay.trade.refund");
    assert!(!sent.contains_key("notify_url"));
    assert_eq!(
        serde_json::from_str::<Value>(&sent["biz_content"]).expect("JSON"),
        json!({
            "out_trade_no": number(1), "refund_amount": "100.00", "out_request_no": number(2),
            "refund_reason": "社保未入账退款"
        })
    );
}

#[rstest]
#[case(refund_answer("N"), ChannelError::Unknown("fund_change is not Y".into()))]
#[case(json!({"code": "10000", "out_trade_no": number(1)}), ChannelError::Unknown("fund_change is not Y".into()))]
#[case(business("ACQ.SELLER_BALANCE_NOT_ENOUGH"), ChannelError::Refused(Refused::NotEnough))]
#[case(
    business("ACQ.DISCORDANT_REPEAT_REQUEST"),
    ChannelError::Refused(Refused::ParametersChanged)
)]
#[case(business("ACQ.TRADE_NOT_EXIST"), ChannelError::Refused(Refused::NotFound))]
#[case(business("ACQ.BUYER_ERROR"), ChannelError::Refused(Refused::Payer))]
#[case(business("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"), ChannelError::Refused(Refused::Other("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL".into())))]
#[case(business("ACQ.SYSTEM_ERROR"), ChannelError::Unknown("ACQ.SYSTEM_ERROR".into()))]
#[tokio::test]
async fn a_refund_without_moved_money_says_how(#[case] node: Value, #[case] error: ChannelError) {
    let server = answering("alipay.trade.refund", node, Seal::Good).await;
    let merchant = merchant(&server.uri());
    let prepared = merchant.prepare_refund(&refund()).expect("prepared");
    assert_eq!(merchant.request_refund(&prepared).await.err(), Some(error));
}

#[tokio::test]
async fn a_refund_query_tells_this_refunds_amount() {
    let node = json!({
        "code": "10000", "trade_no": "2026", "out_trade_no": number(1), "out_request_no": number(2),
        "refund_status": "REFUND_SUCCESS", "refund_amount": "100.00", "total_amount": "898.80",
        "gmt_refund_pay": "2026-01-02 09:00:00"
    });
    let server = answering("alipay.trade.fastpay.refund.query", node, Seal::Good).await;
    let merchant = merchant(&server.uri());
    let standing = merchant.query_refund(&number(1), &number(2)).await.expect("a standing");
    let RefundStanding::Known(fact) = standing else { panic!("{standing:?}") };
    assert_eq!((fact.status(), fact.amount()), (RefundStatus::Succeeded, Fen::new(10_000)));
    let time = fact.refunded_at().map(Timestamp::beijing_text);
    assert_eq!(time.as_deref(), Some("2026-01-02 09:00:00"));
    let sent = authorized(&one_request(&server).await);
    assert!(sent["biz_content"].contains(r#""query_options":["gmt_refund_pay"]"#));
}

#[rstest]
#[case::bare(json!({"code": "10000", "msg": "Success"}), "Ok(NotFound)")]
#[case::no_trade(business("ACQ.TRADE_NOT_EXIST"), "Ok(NotFound)")]
#[case::other_status(json!({"code": "10000", "refund_status": "REFUND_FAIL"}), "Err(Unknown(\"the answer has an unknown refund_status\"))")]
#[case::other_refund(json!({"code": "10000", "refund_status": "REFUND_SUCCESS", "out_trade_no": number(1), "out_request_no": number(9), "refund_amount": "1.00"}), "Err(Unknown(\"the answer is about another number\"))")]
#[case::no_members(json!({"code": "10000", "refund_status": "REFUND_SUCCESS"}), "Err(Unknown(\"the answer lacks members\"))")]
#[tokio::test]
async fn a_refund_query_without_a_refund_says_so(#[case] node: Value, #[case] result: &str) {
    let server = answering("alipay.trade.fastpay.refund.query", node, Seal::Good).await;
    let found = merchant(&server.uri()).query_refund(&number(1), &number(2)).await;
    assert_eq!(format!("{found:?}"), result);
}

// Notifications.

const WIRE: &str = "app_id=2021000000000001&body=&buyer_logon_id=159%2A%2A%2A%2A0001&charset=utf-8&fund_bill_list=%5B%7B%22amount%22%3A%220.10%22%2C%22fundChannel%22%3A%22ALIPAYACCOUNT%22%7D%5D&notify_id=2026010200222110405043210987654321&notify_time=2026-01-02+11%3A04%3A06&notify_type=trade_status_sync&out_trade_no=SI20260102_0001&passback_params=a%253D1%2526b%253D%25E7%25A4%25BE&subject=%E7%A4%BE%E4%BF%9D+%E7%BC%B4%E8%B4%B9%2B%E6%B5%8B%E8%AF%95&total_amount=0.10&trade_no=2026010222001400001234567890&trade_status=TRADE_SUCCESS&version=1.0&sign_type=RSA2";

/// The same in GBK: only the subject differs on the wire.
const WIRE_GBK_SUBJECT: &str = "subject=%C9%E7%B1%A3+%BD%C9%B7%D1%2B%B2%E2%CA%D4";

#[rstest]
#[case::utf8(
    WIRE.to_owned(),
    sign::Reading { blanks: true, certificate_serial: true },
    "69951d7f5bdda26ae08ffe4a6edabe5ec6f5eeb2a844def217fb4b38163e0ed3"
)]
#[case::utf8_without_blanks(
    WIRE.to_owned(),
    sign::Reading { blanks: false, certificate_serial: true },
    "6a0091d7d4a170283a9715a8155347b3969ac2581904c2aca96951ecd1a4cdcc"
)]
fn the_signed_text_is_the_published_one(
    #[case] wire: String,
    #[case] reading: sign::Reading,
    #[case] hash: &str,
) {
    let text = notification::signed_text(wire.as_bytes(), reading).expect("a form");
    assert_eq!(hex::encode(digest(&SHA256, &text)), hash);
}

#[test]
fn the_signed_text_in_gbk_is_made_of_gbk_bytes() {
    let subject = WIRE.split('&').find(|pair| pair.starts_with("subject=")).expect("a subject");
    let wire = WIRE.replace(subject, WIRE_GBK_SUBJECT);
    // passback_params decodes to percent signs and ASCII, the rest of the text is ASCII.
    let text = notification::signed_text(wire.as_bytes(), sign::Reading::ALL[0]).expect("a form");
    assert_eq!(
        hex::encode(digest(&SHA256, &text)),
        "f3d1b4057708ba38a231a4097ebf4fd7685295b49281834268b83b3ee78bee89"
    );
}

type Pairs<'a> = Vec<(&'a str, &'a str)>;

fn paid_notice() -> Pairs<'static> {
    vec![
        ("notify_time", "2026-01-02 11:04:06"),
        ("notify_type", "trade_status_sync"),
        ("notify_id", "2026010200222110405043210987654321"),
        ("app_id", "2021000000000001"),
        ("charset", "utf-8"),
        ("version", "1.0"),
        ("sign_type", "RSA2"),
        ("trade_no", "2026010222001400001234567890"),
        ("out_trade_no", "SI20260101080000000ABCDEFGHIJ1"),
        ("seller_id", "2088000000000001"),
        ("buyer_open_id", "074a1CcTG1LelxKe4xQC0"),
        ("buyer_id", "2088123412341234"),
        ("trade_status", "TRADE_SUCCESS"),
        ("total_amount", "898.80"),
        ("subject", "社保 缴费+测试%"),
        ("body", ""),
        ("gmt_payment", "2026-01-02 11:04:05"),
    ]
}

fn with(mut pairs: Pairs<'static>, changes: &[(&'static str, &'static str)]) -> Pairs<'static> {
    for (name, value) in changes {
        pairs.retain(|(known, _)| known != name);
        pairs.push((name, value));
    }
    pairs
}

/// Signs by the canonical rules, over the pairs that `kept` lets through.
fn signed_by(key: &TestKey, pairs: &[(&str, &str)], kept: impl Fn(&str, &str) -> bool) -> Vec<u8> {
    let mut lines: Vec<String> = pairs
        .iter()
        .filter(|(name, value)| *name != "sign_type" && kept(name, value))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    lines.sort();
    let sign = key.sign(lines.join("&").as_bytes());
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(pairs).append_pair("sign", &sign);
    form.finish().into_bytes()
}

fn signed(pairs: &[(&str, &str)]) -> Vec<u8> {
    signed_by(TestKey::platform(), pairs, |_, _| true)
}

fn open(body: &[u8]) -> Result<Notice, Refusal> {
    offline().open_notification(NOW, &HeaderMap::new(), body)
}

#[rstest]
#[case("TRADE_SUCCESS")]
#[case("TRADE_FINISHED")]
fn a_payment_notice_is_a_fact(#[case] status: &'static str) {
    let notice = open(&signed(&with(paid_notice(), &[("trade_status", status)])));
    let Ok(Notice::Payment(fact)) = notice else { panic!("{notice:?}") };
    assert_eq!((fact.told(), fact.channel()), (Told::Notification, Channel::Alipay));
    assert_eq!((fact.merchant_id(), fact.app_id()), ("2088000000000001", "2021000000000001"));
    assert_eq!(fact.out_trade_no(), number(1).as_str());
    assert_eq!(fact.transaction_id(), "2026010222001400001234567890");
    assert_eq!(fact.amount(), Fen::new(89_880).expect("an amount"));
    assert_eq!(fact.currency(), "CNY");
    assert_eq!(fact.paid_at().beijing_text(), "2026-01-02 11:04:05");
    assert_eq!(fact.payer_id(), Some("074a1CcTG1LelxKe4xQC0"));
    assert_eq!(fact.notification_id(), Some("2026010200222110405043210987654321"));
}

#[test]
fn money_for_another_account_is_told_and_not_refused() {
    let pairs = with(paid_notice(), &[("seller_id", "2088000000000099"), ("app_id", "2021")]);
    let Ok(Notice::Payment(fact)) = open(&signed(&pairs)) else { panic!("a payment") };
    assert_eq!((fact.merchant_id(), fact.app_id()), ("2088000000000099", "2021"));
    let mut pairs = paid_notice();
    pairs.retain(|(name, _)| *name != "seller_id");
    let Ok(Notice::Payment(fact)) = open(&signed(&pairs)) else { panic!("a payment") };
    assert_eq!(fact.merchant_id(), "");
}

#[test]
fn a_notice_in_gbk_is_read_too() {
    let text = signed(&with(paid_notice(), &[("charset", "gbk"), ("subject", "GBK-SUBJECT")]));
    let text = String::from_utf8(text).expect("ASCII");
    let pairs: Vec<&str> = text.split('&').filter(|pair| !pair.starts_with("sign=")).collect();
    let wire = pairs.join("&").replace("subject=GBK-SUBJECT", WIRE_GBK_SUBJECT);
    let canonical = notification::signed_text(wire.as_bytes(), sign::Reading::ALL[0]);
    let sign = TestKey::platform().sign(&canonical.expect("a form"));
    let mut form = form_urlencoded::Serializer::new(wire);
    let body = form.append_pair("sign", &sign).finish();
    assert!(matches!(open(body.as_bytes()), Ok(Notice::Payment(_))));
}

#[rstest]
#[case::blanks_dropped(|_: &str, value: &str| !value.is_empty())]
#[case::serial_dropped(|name: &str, _: &str| name != "alipay_cert_sn")]
#[case::both_dropped(|name: &str, value: &str| name != "alipay_cert_sn" && !value.is_empty())]
#[case::canonical(|_: &str, _: &str| true)]
fn every_reading_of_the_rules_is_accepted(#[case] kept: fn(&str, &str) -> bool) {
    let mut pairs = paid_notice();
    pairs.push(("alipay_cert_sn", "0a0b"));
    let body = signed_by(TestKey::platform(), &pairs, kept);
    assert!(matches!(open(&body), Ok(Notice::Payment(_))));
}

#[rstest]
#[case::part(&[("refund_fee", "100.00"), ("gmt_refund", "2026-01-03 10:00:00.123"), ("out_biz_no", "R1")], "R1")]
#[case::whole(&[("trade_status", "TRADE_CLOSED"), ("refund_fee", "898.80"), ("gmt_refund", "2026-01-03 10:00:00.123"), ("out_biz_no", "R1")], "R1")]
#[case::number_only(&[("out_biz_no", "R1")], "R1")]
#[case::without_number(&[("refund_fee", "898.80")], "SI20260101080000000ABCDEFGHIJ1")]
#[case::other_member(&[("refund_fee", "898.80"), ("out_request_no", "R2")], "R2")]
fn a_refund_notice_is_never_a_payment(
    #[case] changes: &[(&'static str, &'static str)],
    #[case] refund_no: &str,
) {
    let notice = open(&signed(&with(paid_notice(), changes))).expect("believed");
    let Notice::Refund(fact) = notice else { panic!("{notice:?}") };
    assert_eq!((fact.status(), fact.out_refund_no()), (RefundStatus::Succeeded, refund_no));
    assert_eq!(fact.amount(), None);
    assert_eq!(fact.merchant_id(), "2088000000000001");
}

#[rstest]
#[case(&[("trade_status", "WAIT_BUYER_PAY")], "WAIT_BUYER_PAY")]
#[case(&[("trade_status", "TRADE_CLOSED")], "TRADE_CLOSED")]
#[case(&[("trade_status", "TRADE_FINISHED"), ("refund_fee", "1.00")], "TRADE_FINISHED")]
#[case(&[("notify_type", "dut_user_sign")], "dut_user_sign")]
fn what_is_nothing_for_us_is_ignored(
    #[case] changes: &[(&'static str, &'static str)],
    #[case] expected: &str,
) {
    let notice = open(&signed(&with(paid_notice(), changes))).expect("believed");
    let Notice::Ignored { kind } = notice else { panic!("{notice:?}") };
    assert_eq!(kind, expected);
}

#[test]
fn a_refund_fee_of_nothing_is_no_refund() {
    let notice = open(&signed(&with(paid_notice(), &[("refund_fee", "0.00")])));
    assert!(matches!(notice, Ok(Notice::Payment(_))), "{notice:?}");
}

#[rstest]
#[case::no_amount(&[("total_amount", "")])]
#[case::signed_amount(&[("total_amount", "-1.00")])]
#[case::three_decimals(&[("total_amount", "898.800")])]
#[case::scientific(&[("total_amount", "9e2")])]
#[case::no_time(&[("gmt_payment", "")])]
#[case::no_real_time(&[("gmt_payment", "2026-02-30 11:04:05")])]
#[case::no_number(&[("out_trade_no", "")])]
#[case::chinese_number(&[("out_trade_no", "社保")])]
#[case::no_trade(&[("trade_no", "")])]
#[case::no_status(&[("trade_status", "")])]
#[case::weaker_algorithm(&[("sign_type", "RSA")])]
#[case::no_algorithm(&[("sign_type", "")])]
#[case::odd_refund(&[("refund_fee", "all")])]
fn a_genuine_notice_that_cannot_be_read_is_malformed(
    #[case] changes: &[(&'static str, &'static str)],
) {
    let notice = open(&signed(&with(paid_notice(), changes)));
    assert_eq!(notice.expect_err("refused"), Refusal::Malformed);
}

#[test]
fn a_notice_that_is_not_proven_is_refused() {
    let pairs = paid_notice();
    for key in [TestKey::merchant(), TestKey::stranger()] {
        let body = signed_by(key, &pairs, |_, _| true);
        assert_eq!(open(&body).expect_err("refused"), Refusal::Signature);
    }
    let body = String::from_utf8(signed(&pairs)).expect("ASCII");
    let tampered = body.replace("total_amount=898.80", "total_amount=898.81");
    assert_eq!(open(tampered.as_bytes()).expect_err("refused"), Refusal::Signature);
    let added = format!("{body}&extra=1");
    assert_eq!(open(added.as_bytes()).expect_err("refused"), Refusal::Signature);
    let with_type =
        signed_by(TestKey::platform(), &[("a", "b"), ("sign_type", "RSA2")], |_, _| true);
    assert!(matches!(open(&with_type), Ok(Notice::Ignored { .. })), "the smallest genuine notice");
    let (unsigned, _) = body.split_once("&sign=").expect("a signature");
    assert_eq!(open(unsigned.as_bytes()).expect_err("refused"), Refusal::Malformed);
}

#[test]
fn a_doubled_name_is_refused() {
    let body = String::from_utf8(signed(&paid_notice())).expect("ASCII");
    for more in ["total_amount=898.80", "total_amoun%74=1.00", "sign=AAAA", "=&="] {
        let doubled = format!("{body}&{more}");
        assert_eq!(open(doubled.as_bytes()).expect_err("refused"), Refusal::Malformed, "{more}");
    }
}

#[test]
fn an_enormous_notice_is_not_even_verified() {
    let mut body = signed(&paid_notice());
    body.extend_from_slice(&[b'&'; 256 * 1024]);
    assert_eq!(open(&body).expect_err("refused"), Refusal::Malformed);
    let many: Vec<String> = (0..300).map(|index| format!("a{index}=")).collect();
    assert_eq!(open(many.join("&").as_bytes()).expect_err("refused"), Refusal::Malformed);
}

// Login.

fn login(server: &str) -> AlipayLogin {
    AlipayLogin::new(&config(server), clock()).expect("a login").impatient()
}

const OAUTH: &str = "alipay.system.oauth.token";

#[rstest]
#[case::user_id(json!({"user_id": "2088123412341234", "expires_in": 1296000}), PayerIdKind::UserId, "2088123412341234")]
#[case::open_id(json!({"open_id": "074a1CcTG", "expires_in": "1296000", "union_id": "u1"}), PayerIdKind::OpenId, "074a1CcTG")]
#[case::both(json!({"user_id": "2088123412341234", "open_id": "074a1CcTG"}), PayerIdKind::OpenId, "074a1CcTG")]
#[case::with_code(json!({"code": "10000", "msg": "Success", "open_id": "074a1CcTG"}), PayerIdKind::OpenId, "074a1CcTG")]
#[tokio::test]
async fn a_code_becomes_an_identity(
    #[case] node: Value,
    #[case] kind: PayerIdKind,
    #[case] id: &str,
) {
    let server = answering(OAUTH, node, Seal::Good).await;
    let identity = login(&server.uri()).login("4b203fe6c11548bcabd8da5bb087a83b").await;
    let identity = identity.expect("an identity");
    assert_eq!(
        (identity.channel, identity.kind, identity.id.as_str()),
        (Channel::Alipay, kind, id)
    );
    assert_eq!(identity.app_id, "2021000000000001");
    assert!(identity.session_key.is_none());
    let sent = authorized(&one_request(&server).await);
    assert_eq!(sent["method"], OAUTH);
    assert_eq!(sent["grant_type"], "authorization_code");
    assert_eq!(sent["code"], "4b203fe6c11548bcabd8da5bb087a83b");
    assert!(!sent.contains_key("biz_content"));
}

#[rstest]
#[case("40002", "isv.code-invalid", LoginError::Code)]
#[case("40002", "CODE-INVALID", LoginError::Code)]
#[case("40002", "isv.unmatched-app-id", LoginError::Misconfigured("isv.unmatched-app-id".into()))]
#[case("40002", "isv.invalid-signature", LoginError::Misconfigured("isv.invalid-signature".into()))]
#[case("20000", "isp.unknow-error", LoginError::Unknown)]
#[case("40005", "isv.app-call-limited", LoginError::Busy)]
#[tokio::test]
async fn a_login_that_fails_says_how(
    #[case] code: &str,
    #[case] sub_code: &str,
    #[case] error: LoginError,
) {
    let node = json!({"code": code, "msg": "…", "sub_code": sub_code});
    for root in ["error_response", "alipay_system_oauth_token_response"] {
        for seal in [Seal::Good, Seal::Unsigned] {
            let server = saying(200, sealed(root, &node, seal)).await;
            let found = login(&server.uri()).login("code").await;
            assert_eq!(found.err(), Some(error.clone()), "{root} {seal:?}");
        }
    }
}

#[rstest]
#[case(json!({"open_id": "074a1CcTG"}), Seal::Unsigned)]
#[case(json!({"open_id": "074a1CcTG"}), Seal::WrongKey)]
#[case(json!({"open_id": "074a1CcTG"}), Seal::Moved)]
#[case(json!({"open_id": ""}), Seal::Good)]
#[case(json!({"code": "10000"}), Seal::Good)]
#[tokio::test]
async fn a_login_that_is_not_proven_is_unknown(#[case] node: Value, #[case] seal: Seal) {
    let server = answering(OAUTH, node, seal).await;
    assert_eq!(login(&server.uri()).login("code").await.err(), Some(LoginError::Unknown));
}

#[tokio::test]
async fn a_login_without_an_answer_is_unknown() {
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    Mock::given(anything()).respond_with(slow).mount(&server).await;
    let server = server.uri();
    for server in [server.as_str(), "http://127.0.0.1:1"] {
        assert_eq!(login(server).login("code").await.err(), Some(LoginError::Unknown));
    }
    let (busy, broken) = (saying(429, String::new()).await, saying(502, "<html>".into()).await);
    assert_eq!(login(&busy.uri()).login("code").await.err(), Some(LoginError::Busy));
    assert_eq!(login(&broken.uri()).login("code").await.err(), Some(LoginError::Unknown));
    assert_eq!(login("http://127.0.0.1:1").login("two words").await.err(), Some(LoginError::Code));
}

// Construction.

type Setting = fn(&mut AlipayConfig);

#[rstest]
#[case(|c: &mut AlipayConfig| c.app_private_key = Secret::new("x"), "application private key: not an RSA key")]
#[case(|c: &mut AlipayConfig| c.alipay_public_keys = vec![TestKey::merchant().public_pem()], "Alipay public key 1: this is the application's own")]
#[case(|c: &mut AlipayConfig| c.alipay_public_keys = vec!["x".into()], "Alipay public key 1: not an RSA public key")]
#[case(|c: &mut AlipayConfig| c.alipay_public_keys.clear(), "Alipay public keys: none is given")]
#[case(|c: &mut AlipayConfig| c.app_id = "2021 1".into(), "app_id: ")]
#[case(|c: &mut AlipayConfig| c.seller_id = String::new(), "seller_id: ")]
#[case(|c: &mut AlipayConfig| c.gateway = "http://openapi.alipay.com/gateway.do".into(), "gateway: ")]
fn a_setting_that_cannot_work_is_named(#[case] change: Setting, #[case] says: &str) {
    let mut config = config("https://openapi.alipay.com");
    assert!(AlipayMerchant::new(config.clone(), clock()).is_ok());
    change(&mut config);
    let error = AlipayMerchant::new(config, clock()).expect_err("a refusal").to_string();
    assert!(error.starts_with(says), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_open_anything(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(shared().open_notification(NOW, &HeaderMap::new(), &body).is_err());
    }

    #[test]
    fn no_form_opens_anything(
        pairs in proptest::collection::btree_map("[a-z_]{1,8}", ".{0,12}", 0..8),
        sign in "[A-Za-z0-9+/]{0,32}",
    ) {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(pairs.iter().filter(|(name, _)| !name.starts_with("sign")));
        let body = form.append_pair("sign", &sign).append_pair("sign_type", "RSA2").finish();
        let refusal = shared().open_notification(NOW, &HeaderMap::new(), body.as_bytes());
        let refusal = refusal.err();
        prop_assert!(matches!(refusal, Some(Refusal::Signature | Refusal::Malformed)));
    }

    #[test]
    fn one_changed_byte_never_changes_what_is_told(
        at in any::<proptest::sample::Index>(),
        change in 1u8..=255,
    ) {
        let genuine = signed(&paid_notice());
        let mut body = genuine.clone();
        let at = at.index(body.len());
        body[at] ^= change;
        let open = |body: &[u8]| shared().open_notification(NOW, &HeaderMap::new(), body);
        // Another spelling of the same pairs (a lower-case percent code) is the same notification.
        if let Ok(notice) = open(&body) {
            let genuine = format!("{:?}", open(&genuine).expect("believed"));
            prop_assert_eq!(format!("{notice:?}"), genuine);
        }
    }
}

fn shared() -> &'static AlipayMerchant {
    static MERCHANT: std::sync::OnceLock<AlipayMerchant> = std::sync::OnceLock::new();
    MERCHANT.get_or_init(offline)
}
