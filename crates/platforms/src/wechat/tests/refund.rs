//! Refunds: prepared, requested, asked about.

use super::*;

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
