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

#[tokio::test]
async fn the_self_test_is_passed_by_an_echo() {
    let server = answering(200, r#"{"echo_message":"hello"}"#.to_owned(), Seal::PublicKey).await;
    let merchant = merchant(server.uri());
    let url = "https://city.example/callbacks/wechat/wuxi-wechat/payments";
    assert_eq!(merchant.self_test("hello", Some(url)).await, Ok(()));
    let request = one_request(&server).await;
    assert_authorized(&request);
    let sent: Value = serde_json::from_slice(&request.body).expect("JSON");
    assert_eq!(sent["notify_url"], url);
    let sealed = sent["encrypted_echo_message"].as_str().expect("text");
    assert_eq!(TestKey::stranger().opens(sealed).as_deref(), Some("sealed echo"));
    let other = merchant.self_test("other", None).await.expect_err("another echo");
    assert!(matches!(other, ChannelError::Unknown(_)), "{other:?}");
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

#[tokio::test]
async fn the_other_host_is_not_asked_after_an_answer() {
    let first = answering(500, r#"{"code":"SYSTEM_ERROR"}"#.to_owned(), Seal::Certificate).await;
    let second = answering(200, unpaid("NOTPAY").to_string(), Seal::Certificate).await;
    let mut config = config(first.uri());
    config.backup_base_url = Some(second.uri());
    let merchant = build(config).expect("a merchant");
    assert!(merchant.query_payment(&number(1)).await.is_err());
    assert!(second.received_requests().await.expect("recorded").is_empty());
}
