//! The whole exchange over real HTTP with real keys, against a small stand-in for the gateway.

mod login;
mod notification;
mod payment;
mod refund;
mod setup;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use kernel::{
    Channel, ControlledClock, Fen, MerchantKey, OutTradeNo, RetryClass, Secret, Timestamp,
};
use proptest::prelude::*;
use reqwest::header::HeaderMap;
use ring::digest::{SHA256, digest};
use rstest::rstest;
use serde_json::{Value, json};
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
        certificates: None,
        content_key: None,
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
