//! Notifications: what is believed and what is not.

use super::*;

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
    let text = crate::alipay::notification::signed_text(wire.as_bytes(), reading).expect("a form");
    assert_eq!(hex::encode(digest(&SHA256, &text)), hash);
}

#[test]
fn the_signed_text_in_gbk_is_made_of_gbk_bytes() {
    let subject = WIRE.split('&').find(|pair| pair.starts_with("subject=")).expect("a subject");
    let wire = WIRE.replace(subject, WIRE_GBK_SUBJECT);
    // passback_params decodes to percent signs and ASCII, the rest of the text is ASCII.
    let text = crate::alipay::notification::signed_text(wire.as_bytes(), sign::Reading::ALL[0])
        .expect("a form");
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
    let canonical =
        crate::alipay::notification::signed_text(wire.as_bytes(), sign::Reading::ALL[0]);
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
    assert!(fact.merchant_id_fits("2088000000000001"));
}

#[test]
fn the_number_of_a_refund_alone_moves_no_money() {
    let changes = [("out_biz_no", "R1"), ("refund_fee", "0.00")];
    let notice = open(&signed(&with(paid_notice(), &changes)));
    let Ok(Notice::Refund(fact)) = notice else { panic!("{notice:?}") };
    assert_eq!(fact.status(), RefundStatus::Processing);
}

#[test]
fn a_refund_notice_tells_the_sum_and_has_to_name_its_merchant() {
    let changes = [("refund_fee", "100.00"), ("out_biz_no", "R1"), ("seller_id", "")];
    let notice = open(&signed(&with(paid_notice(), &changes)));
    let Ok(Notice::Refund(fact)) = notice else { panic!("{notice:?}") };
    assert_eq!(fact.returned_so_far(), Fen::new(10_000));
    assert!(!fact.merchant_id_fits("2088000000000001"));
}

#[test]
fn a_trade_of_no_named_family_is_a_trade() {
    let notice = open(&signed(&with(paid_notice(), &[("notify_type", "")])));
    assert!(matches!(notice, Ok(Notice::Payment(_))), "{notice:?}");
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
#[case::endless_trade(&[("trade_no", "00000000000000000000000000000000000000000000000000000000000000065")])]
#[case::no_status(&[("trade_status", "")])]
#[case::odd_refund(&[("refund_fee", "all")])]
fn a_genuine_notice_that_cannot_be_read_is_told_apart(
    #[case] changes: &[(&'static str, &'static str)],
) {
    let notice = open(&signed(&with(paid_notice(), changes)));
    assert_eq!(notice.expect_err("refused"), Refusal::Unreadable);
}

#[rstest]
#[case::weaker_algorithm("RSA")]
#[case::no_algorithm("")]
fn a_message_does_not_choose_its_algorithm(#[case] sign_type: &'static str) {
    let notice = open(&signed(&with(paid_notice(), &[("sign_type", sign_type)])));
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
