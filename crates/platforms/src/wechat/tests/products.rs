//! Abnormal refunds, the self-test, and the other host.

use super::*;

fn refund_answer(status: &str) -> Value {
    json!({
        "refund_id": "50300000002026", "out_refund_no": number(2), "out_trade_no": number(1),
        "transaction_id": "4200000000202601010000000001", "status": status,
        "amount": {"total": 89880, "refund": 10000, "currency": "CNY"}
    })
}

#[tokio::test]
async fn an_abnormal_refund_goes_to_a_card_that_nobody_on_the_way_reads() {
    let body = refund_answer("PROCESSING").to_string();
    let server = answering(200, body, Seal::Certificate).await;
    let target = WechatRefundTarget::UserBankCard {
        bank_type: "ICBC_DEBIT".into(),
        bank_account: Secret::new("6222020000000000000"),
        real_name: Secret::new("张三"),
    };
    let standing = merchant(server.uri()).redirect_refund(&number(1), &number(2), &target).await;
    let Ok(RefundStanding::Known(fact)) = standing else { panic!("{standing:?}") };
    assert_eq!(fact.status(), RefundStatus::Processing);
    let requests = server.received_requests().await.expect("recorded");
    let [asked, applied] = requests.as_slice() else { panic!("{} requests", requests.len()) };
    assert_eq!(asked.url.path(), format!("/v3/refund/domestic/refunds/{}", number(2)));
    let path = "/v3/refund/domestic/refunds/50300000002026/apply-abnormal-refund";
    assert_eq!(applied.url.path(), path);
    assert_authorized(applied);
    let sent: Value = serde_json::from_slice(&applied.body).expect("JSON");
    assert_eq!(
        (&sent["type"], &sent["bank_type"]),
        (&json!("USER_BANK_CARD"), &json!("ICBC_DEBIT"))
    );
    let opened = |name: &str| TestKey::stranger().opens(sent[name].as_str().expect("text"));
    assert_eq!(opened("bank_account").as_deref(), Some("6222020000000000000"));
    assert_eq!(opened("real_name").as_deref(), Some("张三"));
    assert!(!format!("{target:?}").contains("6222"));
}

#[tokio::test]
async fn an_abnormal_refund_goes_to_the_merchant_without_encryption() {
    let server = answering(200, refund_answer("PROCESSING").to_string(), Seal::Certificate).await;
    let target = WechatRefundTarget::MerchantBankCard;
    let standing = merchant(server.uri()).redirect_refund(&number(1), &number(2), &target).await;
    assert!(matches!(standing, Ok(RefundStanding::Known(_))), "{standing:?}");
    let requests = server.received_requests().await.expect("recorded");
    let sent: Value = serde_json::from_slice(&requests[1].body).expect("JSON");
    assert_eq!(sent, json!({"out_refund_no": number(2), "type": "MERCHANT_BANK_CARD"}));
}

#[tokio::test]
async fn a_refund_that_wechat_does_not_know_is_not_redirected() {
    let body = r#"{"code":"RESOURCE_NOT_EXISTS","message":"…"}"#.to_owned();
    let server = answering(404, body, Seal::Certificate).await;
    let target = WechatRefundTarget::MerchantBankCard;
    let standing = merchant(server.uri()).redirect_refund(&number(1), &number(2), &target).await;
    assert!(matches!(standing, Ok(RefundStanding::NotFound)), "{standing:?}");
    one_request(&server).await;
}

/// What an echo carries back, encrypted for `to`.
fn echo(to: &TestKey, message: &str) -> String {
    let key = VerifyingKey::read("key", &to.public_pem()).expect("a key");
    let sealed = key.seal("sealed echo", &SeededEntropy::new(2)).expect("sealed");
    json!({"echo_message": message, "encrypted_echo_message": sealed}).to_string()
}

#[tokio::test]
async fn the_self_test_is_passed_by_an_echo() {
    let server = answering(200, echo(TestKey::merchant(), "hello"), Seal::PublicKey).await;
    let merchant = merchant(server.uri());
    let url = "https://city.example/callbacks/wechat/wuxi-wechat/payments";
    assert_eq!(merchant.self_test("hello", Some(url)).await, Ok(()));
    let request = one_request(&server).await;
    assert_authorized(&request);
    let sent: Value = serde_json::from_slice(&request.body).expect("JSON");
    assert_eq!(sent["notify_url"], url);
    let sealed = sent["encrypted_echo_message"].as_str().expect("text");
    assert_eq!(TestKey::stranger().opens(sealed).as_deref(), Some("sealed echo"));
}

#[rstest]
#[case::of_another_message(echo(TestKey::merchant(), "other"))]
#[case::for_another_key(echo(TestKey::platform(), "hello"))]
#[case::in_clear(r#"{"echo_message":"hello"}"#.to_owned())]
#[tokio::test]
async fn another_echo_passes_no_self_test(#[case] body: String) {
    let server = answering(200, body, Seal::PublicKey).await;
    let error = merchant(server.uri()).self_test("hello", None).await.expect_err("another echo");
    assert!(matches!(error, ChannelError::Unknown(_)), "{error:?}");
}

#[tokio::test]
async fn the_other_host_gets_the_same_signature_when_the_first_is_away() {
    let server = answering(200, unpaid("NOTPAY").to_string(), Seal::Certificate).await;
    let mut config = config("http://127.0.0.1:1".into());
    config.backup_base_url = Some(server.uri());
    let merchant = build(config).expect("a merchant");
    let standing = merchant.query_payment(&number(1)).await.expect("answered");
    assert!(matches!(standing, PaymentStanding::Unpaid), "{standing:?}");
    assert_authorized(&one_request(&server).await);
}

fn with_other_host(first: String, other: String) -> WechatMerchant {
    let mut config = config(first);
    config.backup_base_url = Some(other);
    build(config).expect("a merchant")
}

#[rstest]
#[case::gateway(502, "<html><h1>502 Bad Gateway</h1></html>", Seal::Unsigned)]
#[case::service(503, r#"{"code":"SERVICE_UNAVAILABLE"}"#, Seal::Certificate)]
#[tokio::test]
async fn the_other_host_gets_the_same_request_when_nobody_is_behind_the_first(
    #[case] status: u16,
    #[case] body: &str,
    #[case] seal: Seal,
) {
    let prepay = r#"{"prepay_id":"wx01000000000000000000000000000000"}"#;
    let first = answering(status, body.to_owned(), seal).await;
    let second = answering(200, prepay.to_owned(), Seal::Certificate).await;
    let merchant = with_other_host(first.uri(), second.uri());
    let prepared = merchant.prepare_payment(&payment()).expect("prepared");
    merchant.create_payment(&prepared).await.expect("created");
    let (one, other) = (one_request(&first).await, one_request(&second).await);
    assert_eq!(one.headers["authorization"], other.headers["authorization"]);
    assert_eq!(one.body, other.body);
}

#[tokio::test]
async fn what_a_gateway_may_have_let_through_is_unknown_though_the_other_host_is_away() {
    let first = answering(502, "<html>".to_owned(), Seal::Unsigned).await;
    let merchant = with_other_host(first.uri(), "http://127.0.0.1:1".into());
    let error = merchant.query_payment(&number(1)).await.expect_err("nobody answered");
    assert_eq!(error, ChannelError::Unknown("HTTP 502".into()));
}

/// The first host may have created the payment, whatever the other says about the same request.
#[tokio::test]
async fn a_refusal_by_the_other_host_does_not_undo_what_a_gateway_may_have_let_through() {
    let first = answering(502, "<html>".to_owned(), Seal::Unsigned).await;
    let body = r#"{"code":"RULE_LIMIT"}"#.to_owned();
    let second = answering(403, body, Seal::Certificate).await;
    let merchant = with_other_host(first.uri(), second.uri());
    let prepared = merchant.prepare_payment(&payment()).expect("prepared");
    let error = merchant.create_payment(&prepared).await.expect_err("a refusal");
    assert_eq!(error, ChannelError::Unknown("HTTP 403 after a gateway's page".into()));
    one_request(&second).await;
}

/// A question has no effect that could be left over.
#[tokio::test]
async fn a_question_is_answered_by_the_other_host_whatever_it_says() {
    let first = answering(502, "<html>".to_owned(), Seal::Unsigned).await;
    let body = r#"{"code":"ORDER_NOT_EXIST"}"#.to_owned();
    let second = answering(404, body, Seal::Certificate).await;
    let merchant = with_other_host(first.uri(), second.uri());
    let asked = merchant.query_payment(&number(1)).await;
    assert!(matches!(asked, Ok(PaymentStanding::NotFound)), "{asked:?}");
}

#[rstest]
#[case(500, r#"{"code":"SYSTEM_ERROR"}"#)]
#[case(404, r#"{"code":"ORDER_NOT_EXIST"}"#)]
#[tokio::test]
async fn the_other_host_is_not_asked_after_an_answer(#[case] status: u16, #[case] body: &str) {
    let first = answering(status, body.to_owned(), Seal::Certificate).await;
    let second = answering(200, unpaid("NOTPAY").to_string(), Seal::Certificate).await;
    let merchant = with_other_host(first.uri(), second.uri());
    let asked = merchant.query_payment(&number(1)).await;
    assert!(!matches!(asked, Ok(PaymentStanding::Unpaid)), "{asked:?}");
    assert!(second.received_requests().await.expect("recorded").is_empty());
}

#[rstest]
#[case::not_found(404, "ORDER_NOT_EXIST", "headers")]
#[case::paid(400, "ORDERPAID", "headers")]
#[case::closed(400, "ORDER_CLOSED", "headers")]
#[case::permission(403, "NO_AUTH", "headers")]
#[tokio::test]
async fn a_no_that_nobody_signed_decides_nothing(
    #[case] status: u16,
    #[case] code: &str,
    #[case] why: &str,
) {
    let body = json!({"code": code, "message": "…"}).to_string();
    let server = answering(status, body, Seal::Unsigned).await;
    let error = merchant(server.uri()).query_payment(&number(1)).await.expect_err("unsigned");
    assert_eq!(error, ChannelError::Unknown(format!("unverified answer: {why}")));
    assert_eq!(error.retry_class(), RetryClass::QueryFirst);
}

#[tokio::test]
async fn an_answer_tells_how_far_its_clock_is_from_ours() {
    for (seal, seconds) in [(Seal::Off(90), Some(90)), (Seal::Off(-299), Some(-299))] {
        let server = answering(200, unpaid("NOTPAY").to_string(), seal).await;
        let merchant = merchant(server.uri());
        assert_eq!(merchant.client.skew_seconds(), None, "nothing was heard yet");
        merchant.query_payment(&number(1)).await.expect("answered");
        assert_eq!(merchant.client.skew_seconds(), seconds);
    }
}
