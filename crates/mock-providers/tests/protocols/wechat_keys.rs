//! Whose key signs, and what happens when keys of either side change.

use std::{collections::BTreeMap, time::Duration};

use kernel::Channel::Wechat;
use mock_providers::PayRequest;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    bench::{Answer, Bench, WechatCall, decrypt, sign},
    control::{get, post},
    receiver::Received,
    wechat::{paid, refund},
};

const NO: &str = "SI20260101000001";
const CERTIFICATES: &str = "/v3/certificates";

async fn settings(bench: &Bench, settings: Value) {
    assert_eq!(post(bench, "/settings", settings).await.status, 200);
}

/// A call that names a key for its answers.
fn naming(bench: &Bench, path: &str, body: &Value, serial: &str) -> WechatCall {
    let method = if body.is_null() { Method::GET } else { Method::POST };
    let mut call = bench.wechat_call(method, path, body);
    call.answer_serial = Some(serial.to_owned());
    call
}

fn serial(told: &Received) -> String {
    told.headers["Wechatpay-Serial"].to_str().unwrap().to_owned()
}

/// Pays an order that was created by a request that names this key, and gives the callback's serial.
async fn told_under(bench: &Bench, number: &str, named: Option<&str>) -> String {
    let order = bench.wechat_order(number, 100);
    let mut call = bench.wechat_call(Method::POST, "/v3/pay/transactions/jsapi", &order);
    call.answer_serial = named.map(str::to_owned);
    assert_eq!(bench.wechat(call).await.status, 200);
    bench.mocks.pay(&PayRequest::number(Wechat, number)).unwrap();
    bench.mocks.settle().await;
    serial(&bench.receiver.received().pop().unwrap())
}

#[tokio::test]
async fn a_merchant_without_certificates_meets_nothing_but_its_public_key() {
    let bench = Bench::new().await;
    settings(&bench, json!({"wechat_certificates": false})).await;
    let facts = &bench.facts.wechat;
    let is_public = |answer: &Answer| answer.is_signed_by(&facts.public_key_id, &facts.public_key);
    assert_eq!(told_under(&bench, NO, None).await, facts.public_key_id);
    for path in [CERTIFICATES, &format!("/v3/pay/transactions/out-trade-no/{NO}?mchid=1")] {
        assert!(is_public(&bench.wechat_get(path).await), "{path}");
    }
    let named = naming(&bench, CERTIFICATES, &Value::Null, &facts.platform_serial);
    assert!(is_public(&bench.wechat(named).await), "the certificate is nobody's any more");
    settings(&bench, json!({"wechat_signer": "certificate"})).await;
    assert!(is_public(&bench.wechat_get(CERTIFICATES).await), "there is nothing to force");
}

#[rstest]
#[case::public_key(true)]
#[case::certificate(false)]
#[tokio::test]
async fn callbacks_come_under_the_kind_of_key_that_was_asked_for(#[case] public: bool) {
    let bench = Bench::new().await;
    let facts = &bench.facts.wechat;
    let named = if public { &facts.public_key_id } else { &facts.platform_serial };
    assert_eq!(told_under(&bench, NO, Some(named)).await, *named);
    // The refund is asked for under the other one.
    let other = if public { &facts.platform_serial } else { &facts.public_key_id };
    let body = refund(NO, "R1", 40, 100, &bench.receiver.url);
    let call = naming(&bench, "/v3/refund/domestic/refunds", &body, other);
    assert_eq!(bench.wechat(call).await.status, 200);
    bench.mocks.advance(Duration::from_secs(5)).await;
    assert_eq!(serial(&bench.receiver.received().pop().unwrap()), *other);
    let echo = json!({"echo_message": "hello", "notify_url": bench.receiver.url});
    let call = naming(&bench, "/v3/security/echo", &echo, named);
    assert_eq!(bench.wechat(call).await.status, 200);
    bench.mocks.settle().await;
    assert_eq!(serial(&bench.receiver.received().pop().unwrap()), *named);
}

#[tokio::test]
async fn a_trade_that_is_created_again_is_told_under_the_last_key() {
    let bench = Bench::new().await;
    let facts = &bench.facts.wechat;
    assert_eq!(bench.wechat_create(&bench.wechat_order(NO, 100)).await.status, 200);
    assert_eq!(told_under(&bench, NO, Some(&facts.public_key_id)).await, facts.public_key_id);
}

#[tokio::test]
async fn a_public_key_that_was_not_switched_on_signs_nothing() {
    let bench = Bench::new().await;
    settings(&bench, json!({"wechat_public_key_enabled": false})).await;
    let facts = &bench.facts.wechat;
    let asked = naming(&bench, CERTIFICATES, &Value::Null, &facts.public_key_id);
    let answer = bench.wechat(asked).await;
    assert!(answer.is_signed_by(&facts.platform_serial, &facts.platform_cert));
    assert_eq!(told_under(&bench, NO, Some(&facts.public_key_id)).await, facts.platform_serial);
    let echo = json!({"echo_message": "hello"});
    let named = naming(&bench, "/v3/security/echo", &echo, &facts.public_key_id);
    assert_eq!(bench.wechat(named).await.code().1, "PARAM_ERROR", "no key of that name");
}

#[tokio::test]
async fn certificates_are_mixed_as_often_as_they_weigh() {
    let bench = Bench::new().await;
    let fresh = post(&bench, "/wechat/certificates/rotate", json!({})).await.json();
    let weights = json!({"older_certificates": 3, "newest_certificate": 1, "public_key": 1000});
    let mixed = json!({"wechat_signer": "certificates_mixed", "wechat_signer_weights": weights});
    settings(&bench, mixed).await;
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..200 {
        let answer = bench.wechat_query(NO).await;
        *seen.entry(answer.header("wechatpay-serial").to_owned()).or_default() += 1;
    }
    let old = seen[&bench.facts.wechat.platform_serial];
    let new = seen[fresh["serial"].as_str().unwrap()];
    assert_eq!((seen.len(), old + new), (2, 200), "never the public key: {seen:?}");
    assert!((110..190).contains(&old), "three of four: {seen:?}");
}

#[tokio::test]
async fn a_voided_certificate_neither_signs_nor_stands_in_the_list() {
    let bench = Bench::new().await;
    let first = bench.facts.wechat.platform_serial.clone();
    let fresh = post(&bench, "/wechat/certificates/rotate", json!({})).await.json();
    let voided = post(&bench, "/wechat/certificates/void", json!({})).await.json();
    assert_eq!((&voided["serial"], &voided["voided"]), (&json!(first), &json!(true)));
    let list = bench.wechat_get(CERTIFICATES).await.json();
    let serials: Vec<&Value> =
        list["data"].as_array().unwrap().iter().map(|one| &one["serial_no"]).collect();
    assert_eq!(serials, [&fresh["serial"]]);
    let named = naming(&bench, CERTIFICATES, &Value::Null, &first);
    assert_eq!(bench.wechat(named).await.header("wechatpay-serial"), fresh["serial"]);
    // Without the last one, the merchant has its public key alone.
    let last = json!({"serial": fresh["serial"]});
    assert_eq!(post(&bench, "/wechat/certificates/void", last).await.status, 200);
    let answer = bench.wechat_get(CERTIFICATES).await;
    assert_eq!(answer.code(), (404, "RESOURCE_NOT_EXISTS".to_owned()));
    assert_eq!(answer.header("wechatpay-serial"), bench.facts.wechat.public_key_id);
}

/// A request under another certificate of the merchant's, signed by its key.
async fn under(bench: &Bench, certificate: &Value) -> Answer {
    let mut call = bench.wechat_call(Method::GET, CERTIFICATES, &Value::Null);
    call.serial = certificate["serial"].as_str().unwrap().to_owned();
    call.key = certificate["private_key"].as_str().map(str::to_owned);
    bench.wechat(call).await
}

fn refused(answer: &Answer, because: &str) {
    assert_eq!(answer.code(), (401, "SIGN_ERROR".to_owned()));
    assert!(answer.json()["message"].as_str().unwrap().contains(because), "{}", answer.text);
}

#[tokio::test]
async fn a_new_merchant_certificate_signs_and_the_old_one_for_a_while() {
    let bench = Bench::new().await;
    let rotation = json!({"old_valid_seconds": 60});
    let fresh = post(&bench, "/wechat/merchant-certificates/rotate", rotation).await.json();
    assert_eq!(under(&bench, &fresh).await.status, 200);
    assert_eq!(bench.wechat_get(CERTIFICATES).await.status, 200, "a minute");
    bench.mocks.advance(Duration::from_secs(60)).await;
    refused(&bench.wechat_get(CERTIFICATES).await, "更换");
    assert_eq!(under(&bench, &fresh).await.status, 200);
    let mut mixed = fresh.clone();
    mixed["private_key"] = json!(bench.facts.wechat.merchant_key);
    refused(&under(&bench, &mixed).await, "签名错误");
    let listed = get(&bench, "/wechat/merchant-certificates").await;
    let standings: Vec<&Value> =
        listed["certificates"].as_array().unwrap().iter().map(|one| &one["standing"]).collect();
    assert_eq!(standings, [&json!("valid"), &json!("replaced")]);
}

#[rstest]
#[case::expired("expire", "过期")]
#[case::voided("void", "作废")]
#[tokio::test]
async fn a_merchant_certificate_ends_on_order(#[case] act: &str, #[case] because: &str) {
    let bench = Bench::new().await;
    let path = format!("/wechat/merchant-certificates/{act}");
    let ended = post(&bench, &path, json!({})).await.json();
    assert_eq!(ended["serial"], bench.facts.wechat.merchant_serial);
    refused(&bench.wechat_get(CERTIFICATES).await, because);
    let fresh = post(&bench, "/wechat/merchant-certificates/rotate", json!({})).await.json();
    assert_eq!(under(&bench, &fresh).await.status, 200);
}

#[tokio::test]
async fn the_wallet_takes_the_signature_of_the_new_key_too() {
    let bench = Bench::new().await;
    let created = bench.wechat_create(&bench.wechat_order(NO, 100)).await.json();
    let rotation = json!({"old_valid_seconds": 0});
    let fresh = post(&bench, "/wechat/merchant-certificates/rotate", rotation).await.json();
    let package = format!("prepay_id={}", created["prepay_id"].as_str().unwrap());
    let text = format!("{}\n1\nn\n{package}\n", bench.facts.wechat.app_id);
    let wallet = |key: &str| {
        json!({"platform": "wechat", "wallet": {
            "timeStamp": "1", "nonceStr": "n", "package": package, "signType": "RSA",
            "paySign": sign(key, text.as_bytes()),
        }})
    };
    let old = wallet(&bench.facts.wechat.merchant_key);
    assert_eq!(post(&bench, "/pay", old).await.status, 409);
    let new = wallet(fresh["private_key"].as_str().unwrap());
    assert_eq!(post(&bench, "/pay", new).await.status, 200);
}

#[tokio::test]
async fn what_comes_after_a_change_is_encrypted_with_the_new_apiv3_key() {
    let bench = Bench::new().await;
    paid(&bench, NO, 100).await;
    let old = bench.facts.wechat.apiv3_key.clone();
    let key = "0123456789abcdef0123456789abcdef";
    let changed = post(&bench, "/wechat/apiv3-key", json!({"key": key})).await.json();
    assert_eq!(changed["apiv3_key"], key);
    let sealed = &bench.wechat_get(CERTIFICATES).await.json()["data"][0]["encrypt_certificate"];
    assert_eq!(decrypt(&old, sealed), None);
    assert_eq!(decrypt(key, sealed).as_deref(), Some(&*bench.facts.wechat.platform_cert));
    let again = json!({"platform": "wechat", "out_trade_no": NO, "deliver": false});
    let told: Value = post(&bench, "/notifications", again).await.json();
    let told: Value = serde_json::from_str(told["body"].as_str().unwrap()).unwrap();
    assert_eq!(decrypt(&old, &told["resource"]), None);
    assert!(decrypt(key, &told["resource"]).is_some());
}

#[tokio::test]
async fn a_notification_may_be_encrypted_as_for_guomi() {
    let bench = Bench::new().await;
    paid(&bench, NO, 100).await;
    let ask = json!({"platform": "wechat", "out_trade_no": NO, "deliver": false, "sm4": true});
    let told = post(&bench, "/notifications", ask).await.json();
    let told: Value = serde_json::from_str(told["body"].as_str().unwrap()).unwrap();
    assert_eq!(told["resource"]["algorithm"], "AEAD_SM4_GCM");
    assert_eq!(decrypt(&bench.facts.wechat.apiv3_key, &told["resource"]), None, "not AES");
    let other = json!({"platform": "alipay", "out_trade_no": NO, "sm4": true});
    assert_eq!(post(&bench, "/notifications", other).await.status, 400);
}
