//! The download of platform certificates: when it happens, and above all when not.

use wiremock::matchers::path;

use super::*;
use crate::wechat::certificates::REFRESH_GAP;

/// `GET /v3/certificates` with the platform's certificate, signed with it.
fn list(of: &TestKey) -> String {
    let key = UnboundKey::new(&AES_256_GCM, APIV3_KEY.as_bytes()).expect("a key");
    let nonce = Nonce::try_assume_unique_for_key(b"abcdefghijkl").expect("a nonce");
    let mut bytes = of.certificate_pem().into_bytes();
    LessSafeKey::new(key)
        .seal_in_place_append_tag(nonce, Aad::from(b"certificate"), &mut bytes)
        .expect("sealed");
    json!({"data": [{
        "serial_no": PLATFORM_SERIAL,
        "effective_time": "2025-01-01T08:00:00+08:00", "expire_time": "2030-01-01T08:00:00+08:00",
        "encrypt_certificate": {
            "algorithm": "AEAD_AES_256_GCM", "nonce": "abcdefghijkl",
            "associated_data": "certificate", "ciphertext": STANDARD.encode(bytes)
        }
    }]})
    .to_string()
}

fn signed(status: u16, body: &str, seal: Seal) -> ResponseTemplate {
    let mut template = ResponseTemplate::new(status).set_body_bytes(body.as_bytes().to_vec());
    for (name, value) in head(body.as_bytes(), seal) {
        template = template.insert_header(name, value.as_str());
    }
    template
}

/// A pay API with a list of certificates; everything else is answered with an unpaid transaction.
async fn pay_api(list: ResponseTemplate, seal: Seal) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(path("/v3/certificates")).respond_with(list).mount(&server).await;
    let answer = signed(200, &unpaid("NOTPAY").to_string(), seal);
    Mock::given(anything()).respond_with(answer).mount(&server).await;
    server
}

async fn downloads(server: &MockServer) -> usize {
    let requests = server.received_requests().await.expect("recorded");
    requests.iter().filter(|request| request.url.path() == "/v3/certificates").count()
}

/// A merchant that was given no key of WeChat's, or only a public one, and its clock.
fn keyless(server: &MockServer, public_key: bool) -> (WechatMerchant, Arc<ControlledClock>) {
    let mut config = config(server.uri());
    config.platform_certificates.clear();
    if !public_key {
        config.public_keys.clear();
    }
    let clock = Arc::new(ControlledClock::at(NOW));
    let entropy = Arc::new(SeededEntropy::new(1));
    let merchant = WechatMerchant::new(config, Arc::clone(&clock) as Arc<dyn Clock>, entropy);
    (merchant.expect("a merchant"), clock)
}

#[tokio::test]
async fn a_merchant_without_keys_downloads_them_before_its_first_call() {
    let server =
        pay_api(signed(200, &list(TestKey::platform()), Seal::Certificate), Seal::Certificate);
    let server = server.await;
    let (merchant, _) = keyless(&server, false);
    for _ in 0..3 {
        let standing = merchant.query_payment(&number(1)).await.expect("verified");
        assert!(matches!(standing, PaymentStanding::Unpaid), "{standing:?}");
    }
    assert_eq!(downloads(&server).await, 1);
}

#[tokio::test]
async fn an_answer_under_a_new_certificate_is_read_after_one_download() {
    let server =
        pay_api(signed(200, &list(TestKey::platform()), Seal::Certificate), Seal::Certificate);
    let server = server.await;
    let (merchant, _) = keyless(&server, true);
    let standing = merchant.query_payment(&number(1)).await.expect("verified");
    assert!(matches!(standing, PaymentStanding::Unpaid), "{standing:?}");
    assert_eq!(downloads(&server).await, 1);
}

#[rstest]
#[case::unsigned(Seal::Unsigned)]
#[case::by_a_key_outside_the_list(Seal::WrongKey)]
#[case::spoiled(Seal::Spoiled)]
#[case::probe(Seal::Probe)]
#[case::old(Seal::Off(-300))]
#[tokio::test]
async fn a_list_that_does_not_verify_adds_nothing(#[case] seal: Seal) {
    let server = pay_api(signed(200, &list(TestKey::platform()), seal), Seal::Certificate).await;
    let (merchant, clock) = keyless(&server, true);
    for _ in 0..3 {
        let error = merchant.query_payment(&number(1)).await.expect_err("unverified");
        assert_eq!(error.retry_class(), RetryClass::QueryFirst);
    }
    assert_eq!(downloads(&server).await, 1, "the budget is one a minute, also for failures");
    clock.advance(REFRESH_GAP);
    let _still_unverified = merchant.query_payment(&number(1)).await.expect_err("unverified");
    assert_eq!(downloads(&server).await, 2);
}

#[tokio::test]
async fn a_listed_certificate_that_is_our_own_is_no_key() {
    let list = signed(200, &list(TestKey::merchant()), Seal::Certificate);
    let server = pay_api(list, Seal::Certificate).await;
    let (merchant, _) = keyless(&server, true);
    assert!(merchant.query_payment(&number(1)).await.is_err());
}

#[tokio::test]
async fn a_merchant_without_certificates_is_answered_404_and_goes_on() {
    let body = r#"{"code":"RESOURCE_NOT_EXISTS","message":"无可用的平台证书"}"#;
    let server = pay_api(signed(404, body, Seal::PublicKey), Seal::PublicKey).await;
    let (merchant, _) = keyless(&server, true);
    assert!(merchant.query_payment(&number(1)).await.is_ok());
    assert_eq!(downloads(&server).await, 0, "nothing was unknown");
}

/// Waits until the refresh that was started beside us has ended.
async fn quiet(merchant: &WechatMerchant) {
    tokio::task::yield_now().await;
    // The lock is fair: whoever was before us is done when we have it.
    merchant.client.renew(None).await;
}

fn notice(associated_data: &str) -> Vec<u8> {
    notification::envelope("TRANSACTION.SUCCESS", &transaction("SUCCESS"), Some(associated_data))
        .to_string()
        .into_bytes()
}

#[tokio::test]
async fn a_notice_under_a_new_certificate_is_refused_once_and_then_believed() {
    let server =
        pay_api(signed(200, &list(TestKey::platform()), Seal::Certificate), Seal::Certificate);
    let server = server.await;
    let (merchant, _) = keyless(&server, true);
    let body = notice("transaction");
    let headers = notification::headers(&body, Seal::Certificate);
    let first = merchant.open_notification(NOW, &headers, &body).expect_err("not known yet");
    assert_eq!(first, Refusal::UnknownKey);
    quiet(&merchant).await;
    let again = merchant.open_notification(NOW, &headers, &body).expect("WeChat repeats it");
    assert!(matches!(again, Notice::Payment(_)), "{again:?}");
    assert_eq!(downloads(&server).await, 1);
}

#[rstest]
#[case::invented_content(br#"{"event_type":"TRANSACTION.SUCCESS","resource":{"algorithm":"AEAD_AES_256_GCM","nonce":"abcdefghijkl","ciphertext":"Eu69zaqBCIwQaJNlb7tiHQ9k"}}"#.to_vec())]
#[case::no_json(b"x".to_vec())]
#[case::empty(Vec::new())]
#[tokio::test]
async fn what_was_not_sealed_for_us_causes_no_call(#[case] body: Vec<u8>) {
    let server =
        pay_api(signed(200, &list(TestKey::platform()), Seal::Certificate), Seal::Certificate);
    let server = server.await;
    let (merchant, _) = keyless(&server, true);
    let headers = notification::headers(&body, Seal::UnknownSerial);
    let refusal = merchant.open_notification(NOW, &headers, &body).expect_err("refused");
    assert_eq!(refusal, Refusal::UnknownKey);
    quiet(&merchant).await;
    assert_eq!(downloads(&server).await, 0);
}

/// Ten seconds of a thousand messages a second, each under a serial of its own and each with a
/// content that really opens with our key, which is more than a stranger can do.
#[tokio::test]
async fn a_flood_of_unknown_serials_causes_at_most_one_download_a_minute() {
    let server =
        pay_api(signed(200, &list(TestKey::platform()), Seal::Certificate), Seal::Certificate);
    let server = server.await;
    let (merchant, clock) = keyless(&server, true);
    let body = notice("transaction");
    let good = notification::headers(&body, Seal::PublicKey);
    let mut flood = notification::headers(&body, Seal::UnknownSerial);
    let mut believed = 0;
    for minute in 1..=3 {
        for n in 0..10_000_u32 {
            let serial = HeaderValue::from_str(&format!("{minute:X}{n:039X}")).expect("a value");
            flood.insert("wechatpay-serial", serial);
            let refused = merchant.open_notification(clock.now(), &flood, &body);
            assert_eq!(refused.expect_err("refused"), Refusal::UnknownKey);
            if n % 1_000 == 0 {
                clock.advance(Duration::from_secs(1));
                tokio::task::yield_now().await;
                believed += usize::from(merchant.open_notification(NOW, &good, &body).is_ok());
            }
        }
        quiet(&merchant).await;
        assert_eq!(downloads(&server).await, minute);
        clock.advance(Duration::from_secs(50));
    }
    assert_eq!(believed, 30, "good messages pass all the while");
}

/// The latency of good messages, alone and in a flood of a thousand unknown serials a second. Says
/// something only on a machine that does nothing else; run by hand, in release:
/// `cargo test --release -p platforms -- --ignored latency`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn a_flood_leaves_good_messages_their_latency() {
    use std::{
        sync::atomic::{AtomicBool, Ordering},
        time::Instant,
    };
    let list = signed(200, &list(TestKey::platform()), Seal::Certificate);
    let server = pay_api(list, Seal::Certificate).await;
    let (merchant, _) = keyless(&server, true);
    let (merchant, body) = (Arc::new(merchant), notice("transaction"));
    let good = notification::headers(&body, Seal::PublicKey);
    let median = |merchant: &WechatMerchant| {
        let mut times: Vec<Duration> = (0..2_000)
            .map(|_| {
                let start = Instant::now();
                merchant.open_notification(NOW, &good, &body).expect("believed");
                start.elapsed()
            })
            .collect();
        times.sort();
        times[times.len() / 2]
    };
    let alone = median(&merchant);
    let over = Arc::new(AtomicBool::new(false));
    let flood = tokio::task::spawn_blocking({
        let (merchant, body, over) = (Arc::clone(&merchant), body.clone(), Arc::clone(&over));
        move || {
            let mut headers = notification::headers(&body, Seal::UnknownSerial);
            let mut sent = 0_u32;
            while !over.load(Ordering::SeqCst) {
                sent += 1;
                let serial = HeaderValue::from_str(&format!("{sent:040X}")).expect("a value");
                headers.insert("wechatpay-serial", serial);
                let _refused = merchant.open_notification(NOW, &headers, &body);
                std::thread::sleep(Duration::from_millis(1));
            }
            sent
        }
    });
    let flooded = median(&merchant);
    over.store(true, Ordering::SeqCst);
    assert!(flood.await.expect("the flood ends") > 0);
    assert!(flooded < 2 * alone, "{alone:?} alone, {flooded:?} in the flood");
}
