//! The whole exchange over real HTTP with real keys, against a small stand-in for the pay API.

mod certificates;
mod login;
mod mini_program;
mod notification;
mod partner;
mod payment;
mod products;
mod refund;
mod setup;

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

pub(super) fn config(base_url: String) -> WechatConfig {
    WechatConfig {
        key: MerchantKey::new("wuxi-wechat").expect("a key"),
        base_url,
        backup_base_url: None,
        app_id: "wx0123456789abcdef".into(),
        mchid: "1900000001".into(),
        partner: None,
        merchant_serial: "1dde55ad98ed71d6edd4a4a16996de7b47773a8c".into(),
        merchant_key_pem: Secret::new(TestKey::merchant().pkcs8_pem()),
        merchant_certificate: None,
        apiv3_key: Secret::new(APIV3_KEY),
        platform_certificates: vec![TestKey::platform().certificate_pem()],
        public_keys: vec![(PUBLIC_KEY_ID.into(), TestKey::stranger().public_pem())],
    }
}

fn build(config: WechatConfig) -> Result<WechatMerchant, SetupError> {
    let clock = Arc::new(ControlledClock::at(NOW));
    WechatMerchant::new(config, clock, Arc::new(SeededEntropy::new(1)))
}

pub(super) fn merchant(base_url: String) -> WechatMerchant {
    let merchant = build(config(base_url)).expect("a merchant");
    let client = Arc::into_inner(merchant.client).expect("ours alone");
    WechatMerchant { client: Arc::new(client.impatient()), ..merchant }
}

pub(super) fn offline() -> WechatMerchant {
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
pub(super) enum Seal {
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
pub(super) fn head(body: &[u8], seal: Seal) -> Vec<(&'static str, String)> {
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
pub(super) async fn answering(status: u16, body: String, seal: Seal) -> MockServer {
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
pub(super) fn assert_authorized(request: &Request) {
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

fn login(base: String) -> WechatLogin {
    let config = WechatLoginConfig {
        mini_program_url: base,
        app_id: "wx0123456789abcdef".into(),
        app_secret: Secret::new("s3cret-of-the-app"),
    };
    WechatLogin::new(config, Arc::new(ControlledClock::at(NOW))).expect("a login").impatient()
}
