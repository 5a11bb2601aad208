//! Notifications: what is believed and what is not.

use super::*;

/// An envelope around `content`, encrypted under `associated_data`.
pub(super) fn envelope(event: &str, content: &Value, associated_data: Option<&str>) -> Value {
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

pub(super) fn headers(body: &[u8], seal: Seal) -> HeaderMap {
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
    for resource in [Value::Null, json!("plain"), json!({ "algorithm": 1 })] {
        let body = json!({ "event_type": "COUPON.USE", "resource": resource });
        let notice = open(&body, Seal::Certificate).expect("believed");
        assert!(matches!(notice, Notice::Ignored { .. }), "{notice:?}");
    }
}

#[rstest]
#[case::control_character("out_trade_no", "SI2026\0")]
#[case::line_feed("transaction_id", "42\n00")]
#[case::endless("transaction_id", &"4".repeat(65))]
#[case::empty("transaction_id", "")]
#[case::chinese("mchid", "社保")]
fn a_name_that_no_platform_gives_is_unreadable(#[case] member: &str, #[case] value: &str) {
    let mut content = transaction("SUCCESS");
    content[member] = value.into();
    let body = envelope("TRANSACTION.SUCCESS", &content, None);
    assert_eq!(open(&body, Seal::Certificate).expect_err("refused"), Refusal::Unreadable);
}

#[test]
fn an_odd_name_of_the_message_loses_no_money() {
    let mut body = paid_notice();
    body["id"] = "x".repeat(129).into();
    let notice = open(&body, Seal::Certificate).expect("believed");
    let Notice::Payment(fact) = notice else { panic!("{notice:?}") };
    assert_eq!(fact.notification_id(), None);
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
#[case::nothing(json!({}), Refusal::Unreadable)]
#[case::other_state(envelope("TRANSACTION.SUCCESS", &transaction("NOTPAY"), None), Refusal::Unreadable)]
#[case::no_members(envelope("TRANSACTION.SUCCESS", &unpaid("SUCCESS"), None), Refusal::Unreadable)]
#[case::no_number(envelope("REFUND.SUCCESS", &json!({"refund_status": "SUCCESS"}), None), Refusal::Unreadable)]
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
