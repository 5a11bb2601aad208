//! Refunds: prepared, requested, asked about.

use super::*;

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
    assert_eq!(fact.returned_so_far(), Fen::new(25_000));
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
