//! The whole exchange over real HTTP with real keys, against a small stand-in for the pay API.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::{
    Channel, ControlledClock, Entropy, Fen, MerchantKey, OutTradeNo, RetryClass, Secret,
    SeededEntropy, Timestamp,
};
use proptest::prelude::*;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rstest::rstest;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any as anything};

use super::*;
use crate::{
    LoginError, LoginProvider, Payer, PayerIdKind, RefundStatus, Refused, Told,
    rsa::VerifyingKey,
    testing::{PLATFORM_SERIAL, TestKey, spoiled},
};

const APIV3_KEY: &str = "0123456789abcdef0123456789abcdef";
const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0000000000000000000000000000000001";
const NOW: Timestamp = Timestamp::from_unix_seconds(1_767_225_600);

fn number(tail: u8) -> OutTradeNo {
    OutTradeNo::new(format!("SI20260101080000000ABCDEFGHIJ{tail}")).expect("a number")
}

fn config(base_url: String) -> WechatConfig {
    WechatConfig {
        key: MerchantKey::new("wuxi-wechat").expect("a key"),
        base_url,
        app_id: "wx0123456789abcdef".into(),
        mchid: "1900000001".into(),
        merchant_serial: "1dde55ad98ed71d6edd4a4a16996de7b47773a8c".into(),
        merchant_key_pem: Secret::new(TestKey::merchant().pkcs8_pem()),
        apiv3_key: Secret::new(APIV3_KEY),
        platform_certificates: vec![TestKey::platform().certificate_pem()],
        public_keys: vec![(PUBLIC_KEY_ID.into(), TestKey::stranger().public_pem())],
    }
}

fn build(config: WechatConfig) -> Result<WechatMerchant, SetupError> {
    let clock = Arc::new(ControlledClock::at(NOW));
    WechatMerchant::new(config, clock, Arc::new(SeededEntropy::new(1)))
}

fn merchant(base_url: String) -> WechatMerchant {
    let merchant = build(config(base_url)).expect("a merchant");
    WechatMerchant { client: merchant.client.impatient(), ..merchant }
}

fn offline() -> WechatMerchant {
    merchant("http://127.0.0.1:1".into())
}

fn payment() -> PaymentRequest {
    PaymentRequest {
        out_trade_no: number(1),
        amount: Fen::new(89_880).expect("an amount"),
        description: "社保缴费".into(),
        payer: Payer { kind: PayerIdKind::OpenId, id: "oUser0001".into() },
        expires_at: NOW.plus(Duration::from_secs(1800)),
        notify_url: "https://city.example/callbacks/wechat/wuxi-wechat/payments".into(),
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
        notify_url: "https://city.example/callbacks/wechat/wuxi-wechat/refunds".into(),
    }
}

/// How a message is signed, and how it may be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seal {
    Certificate,
    PublicKey,
    Unsigned,
    WrongKey,
    UnknownSerial,
    Spoiled,
    Probe,
    /// Seconds that the platform's clock is off.
    Off(i64),
}

/// The signed head of a message.
fn head(body: &[u8], seal: Seal) -> Vec<(&'static str, String)> {
    let seconds = NOW.unix_seconds() + if let Seal::Off(seconds) = seal { seconds } else { 0 };
    let nonce = "0123456789abcdef0123456789abcdef";
    let text = [format!("{seconds}\n{nonce}\n").as_bytes(), body, b"\n"].concat();
    let key = match seal {
        Seal::PublicKey | Seal::WrongKey => TestKey::stranger(),
        _ => TestKey::platform(),
    };
    let signature = match seal {
        Seal::Spoiled => spoiled(&key.sign(&text)),
        Seal::Probe => format!("WECHATPAY/SIGNTEST/{}", key.sign(&text)),
        _ => key.sign(&text),
    };
    let serial = match seal {
        Seal::PublicKey => PUBLIC_KEY_ID,
        Seal::UnknownSerial => "5157F09EFDC096DE15EBE81A47057A7200000002",
        _ => PLATFORM_SERIAL,
    };
    match seal {
        Seal::Unsigned => Vec::new(),
        _ => vec![
            ("Wechatpay-Timestamp", seconds.to_string()),
            ("Wechatpay-Nonce", nonce.into()),
            ("Wechatpay-Signature", signature),
            ("Wechatpay-Serial", serial.into()),
        ],
    }
}

/// Answers every request alike.
async fn answering(status: u16, body: String, seal: Seal) -> MockServer {
    let server = MockServer::start().await;
    let mut template = ResponseTemplate::new(status).set_body_bytes(body.clone().into_bytes());
    for (name, value) in head(body.as_bytes(), seal) {
        template = template.insert_header(name, value.as_str());
    }
    Mock::given(anything()).respond_with(template).mount(&server).await;
    server
}

async fn one_request(server: &MockServer) -> Request {
    let mut requests = server.received_requests().await.expect("recorded");
    assert_eq!(requests.len(), 1, "no call is repeated by itself");
    requests.remove(0)
}

/// Checks the Authorization header of a request as the platform would.
fn assert_authorized(request: &Request) {
    let header = request.headers["authorization"].to_str().expect("text");
    let items = header.strip_prefix("WECHATPAY2-SHA256-RSA2048 ").expect("the scheme");
    let item = |name: &str| {
        let start = items.split(',').find_map(|item| item.strip_prefix(&format!("{name}=\"")));
        start.and_then(|value| value.strip_suffix('"')).expect("an item").to_owned()
    };
    assert_eq!(item("mchid"), "1900000001");
    assert_eq!(item("serial_no"), "1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C");
    assert_eq!(item("timestamp"), "1767225600");
    assert_eq!(item("nonce_str").len(), 32);
    let target = &request.url[url::Position::BeforePath..];
    let body = String::from_utf8(request.body.clone()).expect("text");
    let (method, nonce) = (request.method.as_str(), item("nonce_str"));
    let text = format!("{method}\n{target}\n1767225600\n{nonce}\n{body}\n");
    let key = VerifyingKey::read("merchant", &TestKey::merchant().public_pem()).expect("a key");
    assert_eq!(key.verify(text.as_bytes(), &item("signature")), Ok(()));
    assert_eq!(request.headers["accept"], "application/json");
    assert_eq!(request.headers["wechatpay-serial"], PUBLIC_KEY_ID);
    assert!(request.headers.contains_key("user-agent"));
}

fn transaction(state: &str) -> Value {
    json!({
        "appid": "wx0123456789abcdef", "mchid": "1900000001", "out_trade_no": number(1),
        "transaction_id": "4200000000202601010000000001", "trade_type": "JSAPI",
        "trade_state": state, "trade_state_desc": "…", "bank_type": "OTHERS",
        "success_time": "2026-01-01T08:00:05+08:00", "payer": {"openid": "oUser0001"},
        "amount": {"total": 89880, "payer_total": 80000, "currency": "CNY"}, "new_member": {}
    })
}

fn unpaid(state: &str) -> Value {
    json!({
        "appid": "wx0123456789abcdef", "mchid": "1900000001", "out_trade_no": number(1),
        "trade_state": state, "trade_state_desc": "…"
    })
}

#[tokio::test]
async fn a_payment_is_created_with_the_stored_bytes() {
    let body = r#"{"prepay_id":"wx01000000000000000000000000000000"}"#;
    let server = answering(200, body.into(), Seal::PublicKey).await;
    let merchant = merchant(server.uri());
    let mut asked = payment();
    asked.client_ip = Some("::ffff:203.0.113.9".parse().expect("an address"));
    let prepared = merchant.prepare_payment(&asked).expect("prepared");
    let created = merchant.create_payment(&Prepared::restore(prepared.as_str().into())).await;
    let created = created.expect("created");
    assert_eq!(created.token, "wx01000000000000000000000000000000");

    let request = one_request(&server).await;
    assert_authorized(&request);
    assert_eq!(request.url.path(), "/v3/pay/transactions/jsapi");
    assert_eq!(request.body, prepared.as_str().as_bytes());
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(
        serde_json::from_slice::<Value>(&request.body).expect("JSON"),
        json!({
            "appid": "wx0123456789abcdef", "mchid": "1900000001", "description": "社保缴费",
            "out_trade_no": number(1), "time_expire": "2026-01-01T08:30:00+08:00",
            "notify_url": "https://city.example/callbacks/wechat/wuxi-wechat/payments",
            "amount": {"total": 89880, "currency": "CNY"}, "payer": {"openid": "oUser0001"},
            "scene_info": {"payer_client_ip": "203.0.113.9"}
        })
    );
}

#[test]
fn absent_members_are_left_out() {
    let prepared = offline().prepare_payment(&payment()).expect("prepared");
    assert!(!prepared.as_str().contains("null"), "{}", prepared.as_str());
    assert!(!prepared.as_str().contains("scene_info"));
}

#[test]
fn the_wallet_gets_what_the_merchants_key_signed() {
    let merchant = offline();
    let created = Created { token: "wx01000000000000000000000000000000".into() };
    let parameters = merchant.wallet_parameters(&created).expect("signed");
    let WalletParameters::Wechat { time_stamp, nonce_str, package, sign_type, pay_sign } =
        parameters
    else {
        panic!("WeChat's parameters");
    };
    assert_eq!((time_stamp.as_str(), sign_type.as_str()), ("1767225600", "RSA"));
    assert_eq!(package, "prepay_id=wx01000000000000000000000000000000");
    let text = format!("wx0123456789abcdef\n{time_stamp}\n{nonce_str}\n{package}\n");
    let key = VerifyingKey::read("merchant", &TestKey::merchant().public_pem()).expect("a key");
    assert_eq!(key.verify(text.as_bytes(), &pay_sign), Ok(()));
    assert_eq!(merchant.token_lifetime(), Some(Duration::from_secs(7200)));
}

type Change = fn(&mut PaymentRequest);

#[rstest]
#[case::no_description(|p: &mut PaymentRequest| p.description = "  ".into())]
#[case::long_description(|p: &mut PaymentRequest| p.description = "社".repeat(128))]
#[case::four_byte_description(|p: &mut PaymentRequest| p.description = "社保😀".into())]
#[case::two_lines(|p: &mut PaymentRequest| p.description = "社保\n缴费".into())]
#[case::nothing_to_pay(|p: &mut PaymentRequest| p.amount = Fen::ZERO)]
#[case::alipay_user(|p: &mut PaymentRequest| p.payer.kind = PayerIdKind::UserId)]
#[case::no_payer(|p: &mut PaymentRequest| p.payer.id = String::new())]
#[case::long_payer(|p: &mut PaymentRequest| p.payer.id = "o".repeat(129))]
#[case::plain_http(|p: &mut PaymentRequest| p.notify_url = "http://city.example/callbacks".into())]
#[case::query(|p: &mut PaymentRequest| p.notify_url = "https://city.example/callbacks?a=b".into())]
#[case::fragment(|p: &mut PaymentRequest| p.notify_url = "https://city.example/callbacks#a".into())]
#[case::leading_blank(|p: &mut PaymentRequest| p.notify_url = " https://city.example/callbacks".into())]
#[case::byte_order_mark(|p: &mut PaymentRequest| p.notify_url = "\u{feff}https://city.example/callbacks".into())]
#[case::long_url(|p: &mut PaymentRequest| p.notify_url = format!("https://city.example/{}", "a".repeat(255)))]
#[case::no_url(|p: &mut PaymentRequest| p.notify_url = "city.example/callbacks".into())]
fn a_payment_that_breaks_a_rule_is_not_sent(#[case] change: Change) {
    let mut request = payment();
    change(&mut request);
    let error = offline().prepare_payment(&request).expect_err("a refusal");
    assert!(matches!(error, ChannelError::BadRequest(_)), "{error}");
}

#[test]
fn a_mock_on_this_machine_may_be_told_over_plain_http() {
    let mut request = payment();
    request.notify_url = "http://127.0.0.1:8080/callbacks/wechat/wuxi-wechat/payments".into();
    assert!(offline().prepare_payment(&request).is_ok());
}

#[tokio::test]
async fn a_stored_request_of_another_merchant_is_not_sent() {
    let server = answering(200, r#"{"prepay_id":"wx01"}"#.into(), Seal::Certificate).await;
    let mut other = config(server.uri());
    other.mchid = "1900000002".into();
    let prepared = build(other).expect("a merchant").prepare_payment(&payment());
    let merchant = merchant(server.uri());
    for prepared in [prepared.expect("prepared"), Prepared::restore("{}".into())] {
        let error = merchant.create_payment(&prepared).await.expect_err("a refusal");
        assert!(matches!(error, ChannelError::BadRequest(_)), "{error}");
    }
    assert!(server.received_requests().await.expect("recorded").is_empty());
}

#[rstest]
#[case::paid(transaction("SUCCESS"))]
#[case::given_back_since(transaction("REFUND"))]
#[tokio::test]
async fn a_paid_query_is_a_fact(#[case] body: Value) {
    let server = answering(200, body.to_string(), Seal::Certificate).await;
    let standing = merchant(server.uri()).query_payment(&number(1)).await.expect("a standing");
    let PaymentStanding::Paid(fact) = standing else { panic!("{standing:?}") };
    assert_eq!((fact.told(), fact.channel()), (Told::Query, Channel::Wechat));
    assert_eq!(fact.merchant().as_str(), "wuxi-wechat");
    assert_eq!((fact.merchant_id(), fact.app_id()), ("1900000001", "wx0123456789abcdef"));
    assert_eq!(fact.out_trade_no(), number(1).as_str());
    assert_eq!(fact.transaction_id(), "4200000000202601010000000001");
    assert_eq!(fact.amount(), Fen::new(89_880).expect("an amount"), "coupons are not deducted");
    assert_eq!(fact.currency(), "CNY");
    assert_eq!(fact.paid_at().rfc3339(), "2026-01-01T08:00:05+08:00");
    assert_eq!(fact.payer_id(), Some("oUser0001"));

    let request = one_request(&server).await;
    assert_authorized(&request);
    let target = &request.url[url::Position::BeforePath..];
    let path = format!("/v3/pay/transactions/out-trade-no/{}?mchid=1900000001", number(1));
    assert_eq!(target, path);
}

#[rstest]
#[case(200, unpaid("NOTPAY"), "Unpaid")]
#[case(200, unpaid("USERPAYING"), "Unpaid")]
#[case(200, unpaid("CLOSED"), "Closed")]
#[case(404, json!({"code": "ORDER_NOT_EXIST", "message": "订单不存在"}), "NotFound")]
#[case(404, json!({"code": "ORDERNOTEXIST"}), "NotFound")]
#[case(404, json!({"code": "RESOURCE_NOT_EXISTS"}), "NotFound")]
#[tokio::test]
async fn a_query_tells_where_an_unpaid_attempt_stands(
    #[case] status: u16,
    #[case] body: Value,
    #[case] standing: &str,
) {
    let server = answering(status, body.to_string(), Seal::Certificate).await;
    let found = merchant(server.uri()).query_payment(&number(1)).await.expect("a standing");
    assert_eq!(format!("{found:?}"), standing);
}

#[rstest]
#[case::unknown_state(200, unpaid("REVOKED"))]
#[case::paid_without_members(200, unpaid("SUCCESS"))]
#[case::another_number(200, json!({"appid": "a", "mchid": "m", "out_trade_no": number(9), "trade_state": "CLOSED"}))]
#[case::another_form(200, json!({"data": 1}))]
#[case::accepted_only(202, unpaid("CLOSED"))]
#[case::no_code(404, json!({"message": "nginx"}))]
#[case::broken(500, json!({"code": "SYSTEM_ERROR"}))]
#[tokio::test]
async fn a_genuine_answer_that_says_nothing_certain_is_unknown(
    #[case] status: u16,
    #[case] body: Value,
) {
    let server = answering(status, body.to_string(), Seal::Certificate).await;
    let error = merchant(server.uri()).query_payment(&number(1)).await.expect_err("unknown");
    assert!(matches!(error, ChannelError::Unknown(_)), "{error}");
    assert_eq!(error.retry_class(), RetryClass::QueryFirst);
}

#[rstest]
#[case(Seal::Unsigned)]
#[case(Seal::WrongKey)]
#[case(Seal::UnknownSerial)]
#[case(Seal::Spoiled)]
#[case(Seal::Probe)]
#[case(Seal::Off(300))]
#[case(Seal::Off(-300))]
#[tokio::test]
async fn an_answer_that_is_not_proven_is_unknown(#[case] seal: Seal) {
    let server = answering(200, transaction("SUCCESS").to_string(), seal).await;
    let error = merchant(server.uri()).query_payment(&number(1)).await.expect_err("unknown");
    assert!(matches!(error, ChannelError::Unknown(_)), "{error}");

    let server = answering(204, String::new(), seal).await;
    let error = merchant(server.uri()).close_payment(&number(1)).await.expect_err("unknown");
    assert!(matches!(error, ChannelError::Unknown(_)), "{error}");
}

#[rstest]
#[case(Seal::Off(299))]
#[case(Seal::Off(-299))]
#[case(Seal::PublicKey)]
#[tokio::test]
async fn a_close_is_believed_when_it_is_proven(#[case] seal: Seal) {
    let server = answering(204, String::new(), seal).await;
    assert_eq!(merchant(server.uri()).close_payment(&number(1)).await, Ok(()));
    let request = one_request(&server).await;
    assert_authorized(&request);
    assert_eq!(request.body, br#"{"mchid":"1900000001"}"#);
}

#[tokio::test]
async fn an_error_with_a_wrong_signature_is_unknown_and_without_one_is_believed() {
    let body = json!({"code": "ORDERPAID", "message": "…"}).to_string();
    let server = answering(400, body.clone(), Seal::Spoiled).await;
    let error = merchant(server.uri()).close_payment(&number(1)).await;
    assert!(matches!(error, Err(ChannelError::Unknown(_))), "{error:?}");
    for seal in [Seal::Unsigned, Seal::Certificate] {
        let server = answering(400, body.clone(), seal).await;
        let error = merchant(server.uri()).close_payment(&number(1)).await;
        assert_eq!(error, Err(ChannelError::Refused(Refused::AlreadyPaid)));
    }
}

#[tokio::test]
async fn a_closed_order_is_closed_again_in_peace() {
    let body = json!({"code": "ORDER_CLOSED"}).to_string();
    let server = answering(400, body, Seal::Certificate).await;
    assert_eq!(merchant(server.uri()).close_payment(&number(1)).await, Ok(()));
}

#[rstest]
#[case::forbidden(401, json!({"code": "SIGN_ERROR"}), Seal::Unsigned, ChannelError::Misconfigured("SIGN_ERROR".into()))]
#[case::busy(429, json!({"code": "FREQUENCY_LIMITED"}), Seal::Certificate, ChannelError::Busy)]
#[case::page(502, json!("<html>"), Seal::Unsigned, ChannelError::Unknown("HTTP 502".into()))]
#[case::redirect(302, json!(""), Seal::Unsigned, ChannelError::Unknown("HTTP 302".into()))]
#[tokio::test]
async fn a_create_that_fails_says_how(
    #[case] status: u16,
    #[case] body: Value,
    #[case] seal: Seal,
    #[case] error: ChannelError,
) {
    let server = answering(status, body.to_string(), seal).await;
    let merchant = merchant(server.uri());
    let prepared = merchant.prepare_payment(&payment()).expect("prepared");
    assert_eq!(merchant.create_payment(&prepared).await, Err(error));
}

#[tokio::test]
async fn silence_is_unknown_and_a_closed_door_is_not_sent() {
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(204).set_delay(Duration::from_secs(30));
    Mock::given(anything()).respond_with(slow).mount(&server).await;
    let error = merchant(server.uri()).close_payment(&number(1)).await;
    assert_eq!(error, Err(ChannelError::Unknown("time-out".into())));
    assert_eq!(offline().close_payment(&number(1)).await, Err(ChannelError::NotSent));
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let body = " ".repeat(crate::call::ANSWER_BYTES_MAX + 1);
    let server = answering(200, body, Seal::Certificate).await;
    let error = merchant(server.uri()).query_payment(&number(1)).await.expect_err("unknown");
    assert_eq!(error, ChannelError::Unknown("the answer is too long".into()));
}

fn refund_answer(status: &str) -> Value {
    json!({
        "refund_id": "50000000382019052709732678859", "out_refund_no": number(2),
        "transaction_id": "4200000000202601010000000001", "out_trade_no": number(1),
        "channel": "ORIGINAL", "status": status, "success_time": "2026-01-02T09:00:00+08:00",
        "amount": {"total": 89880, "refund": 10000, "payer_refund": 9000, "currency": "CNY"}
    })
}

#[rstest]
#[case("PROCESSING", RefundStatus::Processing, None)]
#[case("SUCCESS", RefundStatus::Succeeded, Some("2026-01-02T09:00:00+08:00"))]
#[case("CLOSED", RefundStatus::Closed, None)]
#[case("ABNORMAL", RefundStatus::Abnormal, None)]
#[tokio::test]
async fn a_refund_is_asked_for_and_asked_about(
    #[case] told: &str,
    #[case] status: RefundStatus,
    #[case] time: Option<&str>,
) {
    let server = answering(200, refund_answer(told).to_string(), Seal::Certificate).await;
    let merchant = merchant(server.uri());
    let prepared = merchant.prepare_refund(&refund()).expect("prepared");
    let requested = merchant.request_refund(&prepared).await.expect("a standing");
    let queried = merchant.query_refund(&number(1), &number(2)).await.expect("a standing");
    for standing in [requested, queried] {
        let RefundStanding::Known(fact) = standing else { panic!("{standing:?}") };
        assert_eq!((fact.status(), fact.told()), (status, Told::Query));
        assert_eq!(fact.merchant_id(), "1900000001");
        assert_eq!(fact.out_trade_no(), number(1).as_str());
        assert_eq!(fact.out_refund_no(), number(2).as_str());
        assert_eq!(fact.amount(), Fen::new(10_000));
        assert_eq!(fact.refunded_at().map(Timestamp::rfc3339).as_deref(), time);
    }
    let requests = server.received_requests().await.expect("recorded");
    for request in &requests {
        assert_authorized(request);
    }
    assert_eq!(requests[0].body, prepared.as_str().as_bytes());
    assert_eq!(
        serde_json::from_slice::<Value>(&requests[0].body).expect("JSON"),
        json!({
            "out_trade_no": number(1), "out_refund_no": number(2), "reason": "社保未入账退款",
            "notify_url": "https://city.example/callbacks/wechat/wuxi-wechat/refunds",
            "amount": {"refund": 10000, "total": 89880, "currency": "CNY"}
        })
    );
    assert_eq!(requests[1].url.path(), format!("/v3/refund/domestic/refunds/{}", number(2)));
}

#[tokio::test]
async fn a_refund_that_is_not_known_yet_may_be_repeated() {
    let body = json!({"code": "RESOURCE_NOT_EXISTS"}).to_string();
    let server = answering(404, body, Seal::Certificate).await;
    let merchant = merchant(server.uri());
    let prepared = merchant.prepare_refund(&refund()).expect("prepared");
    let requested = merchant.request_refund(&prepared).await;
    assert!(matches!(requested, Ok(RefundStanding::NotFound)), "{requested:?}");
    let queried = merchant.query_refund(&number(1), &number(2)).await;
    assert!(matches!(queried, Ok(RefundStanding::NotFound)), "{queried:?}");
}

#[rstest]
#[case(403, "NOT_ENOUGH", ChannelError::Refused(Refused::NotEnough))]
#[case(403, "USER_ACCOUNT_ABNORMAL", ChannelError::Refused(Refused::Payer))]
#[case(400, "INVALID_REQUEST", ChannelError::Refused(Refused::Other("INVALID_REQUEST".into())))]
#[case(500, "SYSTEM_ERROR", ChannelError::Unknown("SYSTEM_ERROR".into()))]
#[tokio::test]
async fn a_refund_that_fails_says_how(
    #[case] status: u16,
    #[case] code: &str,
    #[case] error: ChannelError,
) {
    let server = answering(status, json!({ "code": code }).to_string(), Seal::Certificate).await;
    let merchant = merchant(server.uri());
    let prepared = merchant.prepare_refund(&refund()).expect("prepared");
    assert_eq!(merchant.request_refund(&prepared).await.err(), Some(error));
}

#[test]
fn a_refund_is_not_more_than_the_payment() {
    let mut request = refund();
    request.amount = Fen::new(89_881).expect("an amount");
    assert!(offline().prepare_refund(&request).is_err());
    request.amount = Fen::ZERO;
    assert!(offline().prepare_refund(&request).is_err());
}

// Notifications.

/// An envelope around `content`, encrypted under `associated_data`.
fn envelope(event: &str, content: &Value, associated_data: Option<&str>) -> Value {
    let key = UnboundKey::new(&AES_256_GCM, APIV3_KEY.as_bytes()).expect("a key");
    let nonce = Nonce::try_assume_unique_for_key(b"abcdefghijkl").expect("a nonce");
    let mut bytes = content.to_string().into_bytes();
    let data = associated_data.unwrap_or_default().as_bytes();
    LessSafeKey::new(key)
        .seal_in_place_append_tag(nonce, Aad::from(data), &mut bytes)
        .expect("sealed");
    let mut resource = json!({
        "algorithm": "AEAD_AES_256_GCM", "nonce": "abcdefghijkl", "original_type": "transaction",
        "ciphertext": STANDARD.encode(bytes)
    });
    if let Some(data) = associated_data {
        resource["associated_data"] = data.into();
    }
    json!({
        "id": "ed2a4c2e-ed3a-5c37-8d59-3b6a1a0c9c11", "create_time": "2026-01-01T08:00:06+08:00",
        "event_type": event, "resource_type": "encrypt-resource", "summary": "支付成功",
        "resource": resource
    })
}

fn headers(body: &[u8], seal: Seal) -> HeaderMap {
    let pairs = head(body, seal).into_iter().map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        (name, HeaderValue::from_str(&value).expect("a value"))
    });
    pairs.collect()
}

fn open(body: &Value, seal: Seal) -> Result<Notice, Refusal> {
    let body = body.to_string().into_bytes();
    offline().open_notification(NOW, &headers(&body, seal), &body)
}

fn paid_notice() -> Value {
    envelope("TRANSACTION.SUCCESS", &transaction("SUCCESS"), Some("transaction"))
}

#[rstest]
#[case(Some("transaction"), Seal::Certificate)]
#[case(Some(""), Seal::Certificate)]
#[case(None, Seal::PublicKey)]
fn a_payment_notice_is_a_fact(#[case] associated_data: Option<&str>, #[case] seal: Seal) {
    let body = envelope("TRANSACTION.SUCCESS", &transaction("SUCCESS"), associated_data);
    let notice = open(&body, seal).expect("believed");
    let Notice::Payment(fact) = notice else { panic!("{notice:?}") };
    assert_eq!(fact.told(), Told::Notification);
    assert_eq!(fact.amount(), Fen::new(89_880).expect("an amount"));
    assert_eq!(fact.notification_id(), Some("ed2a4c2e-ed3a-5c37-8d59-3b6a1a0c9c11"));
}

#[test]
fn money_for_another_account_is_told_and_not_refused() {
    let mut content = transaction("SUCCESS");
    content["mchid"] = "1900000099".into();
    content["appid"] = "wxffffffffffffffff".into();
    let notice = open(&envelope("TRANSACTION.SUCCESS", &content, None), Seal::Certificate);
    let Ok(Notice::Payment(fact)) = notice else { panic!("{notice:?}") };
    assert_eq!((fact.merchant_id(), fact.app_id()), ("1900000099", "wxffffffffffffffff"));
}

#[rstest]
#[case("SUCCESS", RefundStatus::Succeeded)]
#[case("CLOSED", RefundStatus::Closed)]
#[case("ABNORMAL", RefundStatus::Abnormal)]
fn a_refund_notice_is_a_fact(#[case] told: &str, #[case] status: RefundStatus) {
    let content = json!({
        "mchid": "1900000001", "out_trade_no": number(1), "out_refund_no": number(2),
        "transaction_id": "4200000000202601010000000001", "refund_id": "5000", "refund_status": told,
        "success_time": "2026-01-02T09:00:00+08:00", "user_received_account": "支付用户零钱",
        "amount": {"total": 89880, "refund": 10000, "payer_total": 89880, "payer_refund": 10000}
    });
    let body = envelope(&format!("REFUND.{told}"), &content, Some("refund"));
    let notice = open(&body, Seal::Certificate).expect("believed");
    let Notice::Refund(fact) = notice else { panic!("{notice:?}") };
    assert_eq!((fact.status(), fact.told()), (status, Told::Notification));
    assert_eq!(fact.amount(), Fen::new(10_000));
    assert_eq!(fact.merchant_id(), "1900000001");
}

#[test]
fn an_event_that_we_do_not_know_is_ignored() {
    let body = envelope("SECURITY_ECHO.SUCCESS\n", &json!({}), None);
    let notice = open(&body, Seal::Certificate).expect("believed");
    let Notice::Ignored { kind } = notice else { panic!("{notice:?}") };
    assert_eq!(kind, "SECURITY_ECHO.SUCCESS");
}

#[rstest]
#[case(Seal::Unsigned, Refusal::Headers)]
#[case(Seal::WrongKey, Refusal::Signature)]
#[case(Seal::UnknownSerial, Refusal::UnknownKey)]
#[case(Seal::Spoiled, Refusal::Signature)]
#[case(Seal::Probe, Refusal::Signature)]
#[case(Seal::Off(300), Refusal::Stale)]
#[case(Seal::Off(-300), Refusal::Stale)]
fn a_notice_that_is_not_proven_is_refused(#[case] seal: Seal, #[case] refusal: Refusal) {
    assert_eq!(open(&paid_notice(), seal).expect_err("refused"), refusal);
}

#[rstest]
#[case::nothing(json!({}), Refusal::Malformed)]
#[case::other_state(envelope("TRANSACTION.SUCCESS", &transaction("NOTPAY"), None), Refusal::Malformed)]
#[case::no_members(envelope("TRANSACTION.SUCCESS", &unpaid("SUCCESS"), None), Refusal::Malformed)]
#[case::no_number(envelope("REFUND.SUCCESS", &json!({"refund_status": "SUCCESS"}), None), Refusal::Malformed)]
#[case::other_algorithm({
    let mut body = paid_notice();
    body["resource"]["algorithm"] = "AEAD_SM4_GCM".into();
    body
}, Refusal::Undecryptable)]
#[case::other_data({
    let mut body = paid_notice();
    body["resource"]["associated_data"] = "refund".into();
    body
}, Refusal::Undecryptable)]
#[case::short_nonce({
    let mut body = paid_notice();
    body["resource"]["nonce"] = "abc".into();
    body
}, Refusal::Undecryptable)]
fn a_genuine_notice_that_cannot_be_read_is_refused(#[case] body: Value, #[case] refusal: Refusal) {
    assert_eq!(open(&body, Seal::Certificate).expect_err("refused"), refusal);
}

#[test]
fn signature_types_and_doubled_headers_are_minded() {
    let body = paid_notice().to_string().into_bytes();
    let merchant = offline();
    let good = headers(&body, Seal::Certificate);
    let try_with = |name: &'static str, value: &'static str| {
        let mut headers = good.clone();
        headers.append(name, HeaderValue::from_static(value));
        merchant.open_notification(NOW, &headers, &body).map(|_| ())
    };
    assert_eq!(try_with("wechatpay-signature-type", "WECHATPAY2-SHA256-RSA2048"), Ok(()));
    for kind in ["WECHATPAY2-SM2-WITH-SM3", "", "none"] {
        assert_eq!(try_with("wechatpay-signature-type", kind), Err(Refusal::Headers));
    }
    assert_eq!(try_with("wechatpay-nonce", "other"), Err(Refusal::Headers));
    assert_eq!(try_with("wechatpay-serial", PUBLIC_KEY_ID), Err(Refusal::Headers));
}

#[test]
fn an_enormous_notice_is_not_even_verified() {
    let body = vec![b' '; 2 * 1024 * 1024 + 1];
    let refusal = offline().open_notification(NOW, &headers(&body, Seal::Certificate), &body);
    assert_eq!(refusal.expect_err("refused"), Refusal::Malformed);
}

// Login.

fn login(base: String) -> WechatLogin {
    let config = WechatLoginConfig {
        mini_program_url: base,
        app_id: "wx0123456789abcdef".into(),
        app_secret: Secret::new("s3cret-of-the-app"),
    };
    WechatLogin::new(config, Arc::new(ControlledClock::at(NOW))).expect("a login").impatient()
}

async fn saying(status: u16, body: &str) -> MockServer {
    let server = MockServer::start().await;
    let template = ResponseTemplate::new(status).set_body_raw(body.as_bytes(), "text/plain");
    Mock::given(anything()).respond_with(template).mount(&server).await;
    server
}

#[tokio::test]
async fn a_code_becomes_an_openid() {
    let body = r#"{"openid":"oUser0001","session_key":"c2Vzc2lvbg\/\/key==","unionid":"oUnion"}"#;
    let server = saying(200, body).await;
    let identity = login(server.uri()).login("0a1b2c&d=").await.expect("an identity");
    assert_eq!((identity.channel, identity.kind), (Channel::Wechat, PayerIdKind::OpenId));
    assert_eq!((identity.id.as_str(), identity.union_id.as_deref()), ("oUser0001", Some("oUnion")));
    let key = identity.session_key.as_ref().expect("a key");
    assert_eq!(key.expose(), "c2Vzc2lvbg//key==");
    let shown = format!("{identity:?}");
    assert!(!shown.contains("oUser") && !shown.contains("key=="), "{shown}");

    let request = one_request(&server).await;
    assert_eq!(request.url.path(), "/sns/jscode2session");
    let pairs: Vec<_> = request.url.query_pairs().into_owned().collect();
    let expected = [
        ("appid", "wx0123456789abcdef"),
        ("secret", "s3cret-of-the-app"),
        ("js_code", "0a1b2c&d="),
        ("grant_type", "authorization_code"),
    ];
    assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[rstest]
#[case(r#"{"errcode":40029,"errmsg":"invalid code, rid: 613033ae"}"#, LoginError::Code)]
#[case(r#"{"errcode":40163,"errmsg":"code been used"}"#, LoginError::Code)]
#[case(r#"{"errcode":40226}"#, LoginError::Blocked)]
#[case(r#"{"errcode":45011}"#, LoginError::Busy)]
#[case(r#"{"errcode":-1}"#, LoginError::Busy)]
#[case(r#"{"errcode":40013}"#, LoginError::Misconfigured("40013".into()))]
#[case(r#"{"errcode":40125}"#, LoginError::Misconfigured("40125".into()))]
#[case(r#"{"errcode":99999}"#, LoginError::Unknown)]
#[case(r#"{"openid":"","session_key":"k"}"#, LoginError::Unknown)]
#[case(r#"{"openid":"oUser0001"}"#, LoginError::Unknown)]
#[case("<html>", LoginError::Unknown)]
#[case("", LoginError::Unknown)]
#[tokio::test]
async fn a_login_that_fails_says_how(#[case] body: &str, #[case] error: LoginError) {
    let server = saying(200, body).await;
    assert_eq!(login(server.uri()).login("code").await.err(), Some(error));
}

#[tokio::test]
async fn a_login_without_an_answer_is_unknown() {
    for status in [302, 404, 500, 502] {
        let server = saying(status, r#"{"openid":"o","session_key":"k"}"#).await;
        assert_eq!(login(server.uri()).login("code").await.err(), Some(LoginError::Unknown));
    }
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    Mock::given(anything()).respond_with(slow).mount(&server).await;
    assert_eq!(login(server.uri()).login("code").await.err(), Some(LoginError::Unknown));
    let closed = login("http://127.0.0.1:1".into());
    assert_eq!(closed.login("code").await.err(), Some(LoginError::Unknown));
}

#[rstest]
#[case("")]
#[case("two words")]
#[case("社保")]
#[case(&"c".repeat(129))]
#[tokio::test]
async fn what_cannot_be_a_code_is_not_sent(#[case] code: &str) {
    let server = saying(200, r#"{"openid":"o","session_key":"k"}"#).await;
    assert_eq!(login(server.uri()).login(code).await.err(), Some(LoginError::Code));
    assert!(server.received_requests().await.expect("recorded").is_empty());
}

// Construction.

type Setting = fn(&mut WechatConfig);

#[rstest]
#[case(|c: &mut WechatConfig| c.merchant_key_pem = Secret::new("x"), "merchant private key: not an RSA key")]
#[case(|c: &mut WechatConfig| c.merchant_serial = "serial".into(), "merchant_serial: ")]
#[case(|c: &mut WechatConfig| c.apiv3_key = Secret::new("short"), "APIv3 key: must have 32 bytes")]
#[case(|c: &mut WechatConfig| c.mchid = "19000\n".into(), "mchid: ")]
#[case(|c: &mut WechatConfig| c.app_id = String::new(), "app_id: ")]
#[case(|c: &mut WechatConfig| c.base_url = "http://api.mch.weixin.qq.com".into(), "base_url: ")]
#[case(|c: &mut WechatConfig| { c.platform_certificates.clear(); c.public_keys.clear() }, "platform keys: ")]
#[case(|c: &mut WechatConfig| c.platform_certificates = vec![TestKey::merchant().certificate_pem()], "platform certificate 1: this is the merchant's")]
fn a_setting_that_cannot_work_is_named(#[case] change: Setting, #[case] says: &str) {
    let mut config = config("https://api.mch.weixin.qq.com".into());
    assert!(build(config.clone()).is_ok());
    change(&mut config);
    let error = build(config).expect_err("a refusal").to_string();
    assert!(error.starts_with(says), "{error}");
}

#[test]
fn nothing_shows_a_secret() {
    let config = config("https://api.mch.weixin.qq.com".into());
    let shown = format!("{config:?} {:?} {:?}", offline(), login("http://127.0.0.1:1".into()));
    for secret in [APIV3_KEY, "PRIVATE KEY", "s3cret"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

/// Everything that a caller could log about a failed login, against the secret in its URL.
#[tokio::test]
async fn a_failed_login_tells_neither_code_nor_secret() {
    let lines = Arc::new(Mutex::new(Vec::<u8>::new()));
    let seen = crate::testing::capture(&lines);
    let error = login("http://127.0.0.1:1".into()).login("my-code").await.expect_err("closed");
    drop(seen);
    let lines = String::from_utf8(lines.lock().expect("lines").clone()).expect("text");
    assert!(lines.contains("call failed"), "the call is logged: {lines}");
    for text in [lines, error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("s3cret") && !text.contains("my-code"), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_headers_and_no_bytes_open_anything(
        values in proptest::collection::vec(
            proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)), 5),
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let names = ["timestamp", "nonce", "signature", "serial", "signature-type"];
        let mut headers = HeaderMap::new();
        for (name, value) in names.iter().zip(values) {
            let name = HeaderName::from_bytes(format!("wechatpay-{name}").as_bytes()).expect("a name");
            if let Some(Ok(value)) = value.map(|value| HeaderValue::from_bytes(&value)) {
                headers.insert(name, value);
            }
        }
        let merchant = merchant_for_properties();
        prop_assert!(merchant.open_notification(NOW, &headers, &body).is_err());
        // With a known serial, up to the signature.
        headers.insert("wechatpay-serial", HeaderValue::from_static(PLATFORM_SERIAL));
        prop_assert!(merchant.open_notification(NOW, &headers, &body).is_err());
    }

    #[test]
    fn one_changed_byte_is_never_believed(at in any::<proptest::sample::Index>(), change in 1u8..=255) {
        let mut body = paid_notice().to_string().into_bytes();
        let headers = headers(&body, Seal::Certificate);
        let at = at.index(body.len());
        body[at] ^= change;
        let refusal = merchant_for_properties().open_notification(NOW, &headers, &body);
        prop_assert_eq!(refusal.err(), Some(Refusal::Signature));
    }
}

fn merchant_for_properties() -> &'static WechatMerchant {
    static MERCHANT: std::sync::OnceLock<WechatMerchant> = std::sync::OnceLock::new();
    MERCHANT.get_or_init(offline)
}

#[test]
fn nonces_come_from_the_entropy_that_was_handed_in() {
    let nonce = |seed| {
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(seed));
        let clock = Arc::new(ControlledClock::at(NOW));
        let merchant = WechatMerchant::new(config("http://127.0.0.1:1".into()), clock, entropy);
        let created = Created { token: "wx01".into() };
        merchant.expect("a merchant").wallet_parameters(&created).expect("signed")
    };
    assert_eq!(nonce(1), nonce(1));
    assert_ne!(nonce(1), nonce(2));
}
