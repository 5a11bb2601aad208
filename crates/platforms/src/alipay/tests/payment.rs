//! Payments: prepared, created, asked about, closed.

use super::*;

#[tokio::test]
async fn a_payment_is_created_with_the_stored_content() {
    let node = json!({"code": "10000", "msg": "Success", "out_trade_no": number(1), "trade_no": "2026010122001400001234567890"});
    let server = answering("alipay.trade.create", node, Seal::Good).await;
    let merchant = merchant(&server.uri());
    let mut asked = payment();
    asked.client_ip = Some("203.0.113.9".parse().expect("an address"));
    let prepared = merchant.prepare_payment(&asked).expect("prepared");
    let restored = Prepared::restore(prepared.as_str().into());
    let created = merchant.create_payment(&restored).await.expect("created");
    assert_eq!(created.token, "2026010122001400001234567890");
    let wallet = merchant.wallet_parameters(&created).expect("parameters");
    assert_eq!(
        serde_json::to_value(wallet).expect("JSON"),
        json!({"channel": "alipay", "tradeNO": "2026010122001400001234567890"})
    );
    assert_eq!(merchant.token_lifetime(), None);

    let sent = authorized(&one_request(&server).await);
    assert_eq!(sent["method"], "alipay.trade.create");
    assert_eq!(sent["notify_url"], "https://city.example/callbacks/alipay/wuxi-alipay/payments");
    let stored: Value = serde_json::from_str(prepared.as_str()).expect("JSON");
    assert_eq!(Some(sent["biz_content"].as_str()), stored["biz_content"].as_str());
    assert_eq!(
        serde_json::from_str::<Value>(&sent["biz_content"]).expect("JSON"),
        json!({
            "out_trade_no": number(1), "total_amount": "0.10", "subject": "社保缴费 + 测试",
            "product_code": "JSAPI_PAY", "op_app_id": "2021000000000001",
            "buyer_open_id": "074a1CcTG1LelxKe4xQC0", "time_expire": "2026-01-01 08:30:00",
            "business_params": {"mc_create_trade_ip": "203.0.113.9"}
        })
    );
}

#[test]
fn an_older_user_id_is_sent_as_such() {
    let mut request = payment();
    request.payer = Payer { kind: PayerIdKind::UserId, id: "2088123412341234".into() };
    let prepared = offline().prepare_payment(&request).expect("prepared");
    assert!(prepared.as_str().contains(r#"\"buyer_id\":\"2088123412341234\""#));
    assert!(!prepared.as_str().contains("buyer_open_id"));
    assert!(!prepared.as_str().contains("null"));
}

type Change = fn(&mut PaymentRequest);

#[rstest]
#[case::no_subject(|p: &mut PaymentRequest| p.description = " ".into())]
#[case::slash(|p: &mut PaymentRequest| p.description = "养老/医疗".into())]
#[case::equals(|p: &mut PaymentRequest| p.description = "a=b".into())]
#[case::ampersand(|p: &mut PaymentRequest| p.description = "a&total_amount".into())]
#[case::long_subject(|p: &mut PaymentRequest| p.description = "社".repeat(257))]
#[case::two_lines(|p: &mut PaymentRequest| p.description = "社保\n缴费".into())]
#[case::nothing_to_pay(|p: &mut PaymentRequest| p.amount = Fen::ZERO)]
#[case::too_much(|p: &mut PaymentRequest| p.amount = Fen::new(10_000_000_001).expect("an amount"))]
#[case::no_payer(|p: &mut PaymentRequest| p.payer.id = String::new())]
#[case::wrong_user(|p: &mut PaymentRequest| p.payer.kind = PayerIdKind::UserId)]
#[case::query(|p: &mut PaymentRequest| p.notify_url = "https://city.example/callbacks?a=b".into())]
#[case::no_scheme(|p: &mut PaymentRequest| p.notify_url = "city.example/callbacks".into())]
#[case::chinese_url(|p: &mut PaymentRequest| p.notify_url = "https://社保.example/callbacks".into())]
#[case::file(|p: &mut PaymentRequest| p.notify_url = "file:///callbacks".into())]
fn a_payment_that_breaks_a_rule_is_not_sent(#[case] change: Change) {
    let mut request = payment();
    change(&mut request);
    let error = offline().prepare_payment(&request).expect_err("a refusal");
    assert!(matches!(error, ChannelError::BadRequest(_)), "{error}");
}

#[tokio::test]
async fn a_stored_request_of_another_kind_is_not_sent() {
    let server = answering("alipay.trade.create", json!({"code": "10000"}), Seal::Good).await;
    let mut other = config(&server.uri());
    other.app_id = "2021000000000002".into();
    let other = AlipayMerchant::new(other, clock()).expect("a merchant");
    let merchant = merchant(&server.uri());
    for prepared in [
        other.prepare_payment(&payment()).expect("prepared"),
        merchant.prepare_refund(&refund()).expect("prepared"),
        Prepared::restore("{}".into()),
    ] {
        let error = merchant.create_payment(&prepared).await.expect_err("a refusal");
        assert!(matches!(error, ChannelError::BadRequest(_)), "{error}");
    }
    assert!(server.received_requests().await.expect("recorded").is_empty());
}

#[rstest]
#[case("ACQ.TRADE_HAS_SUCCESS", ChannelError::Refused(Refused::AlreadyPaid))]
#[case("acq.trade_has_success", ChannelError::Refused(Refused::AlreadyPaid))]
#[case("TRADE_HAS_CLOSE", ChannelError::Refused(Refused::Closed))]
#[case("ACQ.CONTEXT_INCONSISTENT", ChannelError::Refused(Refused::ParametersChanged))]
#[case("ACQ.DUP_OUT_ORDER", ChannelError::Refused(Refused::ParametersChanged))]
#[case("ACQ.TRADE_BUYER_NOT_MATCH", ChannelError::Refused(Refused::Payer))]
#[case("ACQ.BUYER_SELLER_EQUAL", ChannelError::Refused(Refused::Payer))]
#[case("ACQ.TOTAL_FEE_EXCEED", ChannelError::Refused(Refused::Limit))]
#[case("ACQ.BUYER_BALANCE_NOT_ENOUGH", ChannelError::Refused(Refused::NotEnough))]
#[case("ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH", ChannelError::Refused(Refused::NotEnough))]
#[case("ACQ.ACCESS_FORBIDDEN", ChannelError::Misconfigured("ACQ.ACCESS_FORBIDDEN".into()))]
#[case("ACQ.EXIST_FORBIDDEN_WORD", ChannelError::Refused(Refused::Other("ACQ.EXIST_FORBIDDEN_WORD".into())))]
#[case("ACQ.SYSTEM_ERROR", ChannelError::Unknown("ACQ.SYSTEM_ERROR".into()))]
#[case("AQC.SYSTEM_ERROR", ChannelError::Unknown("AQC.SYSTEM_ERROR".into()))]
#[tokio::test]
async fn a_refused_create_says_how(#[case] sub_code: &str, #[case] error: ChannelError) {
    let server = answering("alipay.trade.create", business(sub_code), Seal::Good).await;
    let merchant = merchant(&server.uri());
    let prepared = merchant.prepare_payment(&payment()).expect("prepared");
    assert_eq!(merchant.create_payment(&prepared).await, Err(error));
}

/// Only a signed refusal is one: what is not signed may come from somebody who wants two payments.
#[rstest]
#[case(Seal::Good, ChannelError::Refused(Refused::PayerIdKind))]
#[case(Seal::Unsigned, ChannelError::Misconfigured("isv.invalid-openid".into()))]
#[tokio::test]
async fn an_id_of_the_kind_of_before_is_told_apart(
    #[case] seal: Seal,
    #[case] error: ChannelError,
) {
    let node = json!({"code": "40002", "sub_code": "isv.invalid-openid", "sub_msg": "…"});
    let server = answering("alipay.trade.create", node, seal).await;
    let merchant = merchant(&server.uri());
    let prepared = merchant.prepare_payment(&payment()).expect("prepared");
    assert_eq!(merchant.create_payment(&prepared).await, Err(error));
}

#[rstest]
#[case::busy("40005", "isv.app-call-limited", ChannelError::Busy)]
#[case::not_available("20000", "isp.unknow-error", ChannelError::Unknown("isp.unknow-error".into()))]
#[case::token("20001", "aop.invalid-auth-token", ChannelError::Misconfigured("aop.invalid-auth-token".into()))]
#[case::missing("40001", "isv.missing-signature", ChannelError::Misconfigured("isv.missing-signature".into()))]
#[case::invalid("40002", "isv.invalid-app-id", ChannelError::Misconfigured("isv.invalid-app-id".into()))]
#[case::conditions("40003", "isv.invalid-auth-relations", ChannelError::Misconfigured("isv.invalid-auth-relations".into()))]
#[case::permission("40006", "isv.insufficient-isv-permissions", ChannelError::Misconfigured("isv.insufficient-isv-permissions".into()))]
#[tokio::test]
async fn public_codes_mean_the_same_with_and_without_a_signature(
    #[case] code: &str,
    #[case] sub_code: &str,
    #[case] error: ChannelError,
) {
    let node = json!({"code": code, "msg": "…", "sub_code": sub_code, "sub_msg": "… &amp; …"});
    for root in ["alipay_trade_query_response", "error_response"] {
        for seal in [Seal::Good, Seal::Unsigned] {
            let server = saying(200, sealed(root, &node, seal)).await;
            let found = merchant(&server.uri()).query_payment(&number(1)).await;
            assert_eq!(found.err(), Some(error.clone()), "{root} {seal:?}");
        }
    }
}

fn trade(status: &str) -> Value {
    json!({
        "code": "10000", "msg": "Success", "trade_no": "2026010122001400001234567890",
        "out_trade_no": number(1), "buyer_logon_id": "159****0001", "trade_status": status,
        "total_amount": "898.80", "receipt_amount": "0.00", "subject": "a}\"{/",
    })
}

fn paid_trade(status: &str) -> Value {
    let mut trade = trade(status);
    trade["send_pay_date"] = "2026-01-01 08:00:05".into();
    trade["buyer_open_id"] = "074a1CcTG1LelxKe4xQC0".into();
    trade["buyer_user_id"] = "2088123412341234".into();
    trade
}

#[rstest]
#[case("TRADE_SUCCESS", false)]
#[case("TRADE_FINISHED", false)]
#[case::given_back_since("TRADE_CLOSED", true)]
#[tokio::test]
async fn a_paid_query_is_a_fact(#[case] status: &str, #[case] went_back: bool) {
    let server = answering("alipay.trade.query", paid_trade(status), Seal::Good).await;
    let standing = merchant(&server.uri()).query_payment(&number(1)).await.expect("a standing");
    let PaymentStanding::Paid(fact) = standing else { panic!("{standing:?}") };
    assert_eq!((fact.told(), fact.channel()), (Told::Query, Channel::Alipay));
    assert_eq!((fact.merchant_id(), fact.app_id()), ("2088000000000001", "2021000000000001"));
    assert_eq!(fact.out_trade_no(), number(1).as_str());
    assert_eq!(fact.transaction_id(), "2026010122001400001234567890");
    assert_eq!(fact.amount(), Fen::new(89_880).expect("an amount"));
    assert_eq!(fact.currency(), "CNY");
    assert_eq!(fact.paid_at().beijing_text(), "2026-01-01 08:00:05");
    assert_eq!(fact.payer_id(), Some("074a1CcTG1LelxKe4xQC0"));
    assert_eq!(fact.went_back(), went_back);
    let sent = authorized(&one_request(&server).await);
    let asked = format!(r#"{{"out_trade_no":"{}"}}"#, number(1));
    assert_eq!((sent["method"].as_str(), &sent["biz_content"]), ("alipay.trade.query", &asked));
}

#[rstest]
#[case(trade("WAIT_BUYER_PAY"), "Unpaid")]
#[case(trade("TRADE_CLOSED"), "Closed")]
#[case(business("ACQ.TRADE_NOT_EXIST"), "NotFound")]
#[case(business("trade_not_exist"), "NotFound")]
#[tokio::test]
async fn a_query_tells_where_an_unpaid_attempt_stands(#[case] node: Value, #[case] standing: &str) {
    let server = answering("alipay.trade.query", node, Seal::Good).await;
    let found = merchant(&server.uri()).query_payment(&number(1)).await.expect("a standing");
    assert_eq!(format!("{found:?}"), standing);
}

#[rstest]
#[case::unknown_status(trade("TRADE_PENDING"), Seal::Good)]
#[case::paid_without_time(trade("TRADE_SUCCESS"), Seal::Good)]
#[case::another_number(json!({"code": "10000", "out_trade_no": number(9), "trade_status": "TRADE_CLOSED"}), Seal::Good)]
#[case::in_process(json!({"code": "10003"}), Seal::Good)]
#[case::no_members(json!({"code": "10000"}), Seal::Good)]
#[case::no_code(json!({}), Seal::Good)]
#[case::unsigned_success(paid_trade("TRADE_SUCCESS"), Seal::Unsigned)]
#[case::unsigned_refusal(business("ACQ.TRADE_NOT_EXIST"), Seal::Unsigned)]
#[case::wrong_key(paid_trade("TRADE_SUCCESS"), Seal::WrongKey)]
#[case::spoiled(paid_trade("TRADE_SUCCESS"), Seal::Spoiled)]
#[case::moved(paid_trade("TRADE_SUCCESS"), Seal::Moved)]
#[case::wrongly_signed_refusal(business("ACQ.TRADE_NOT_EXIST"), Seal::Spoiled)]
#[tokio::test]
async fn an_answer_that_is_not_proven_or_not_certain_is_unknown(
    #[case] node: Value,
    #[case] seal: Seal,
) {
    let server = answering("alipay.trade.query", node, seal).await;
    let error = merchant(&server.uri()).query_payment(&number(1)).await.expect_err("unknown");
    assert!(matches!(error, ChannelError::Unknown(_)), "{error}");
    assert_eq!(error.retry_class(), RetryClass::QueryFirst);
}

#[tokio::test]
async fn success_under_the_error_root_is_no_success() {
    let server = saying(200, sealed("error_response", &paid_trade("TRADE_SUCCESS"), Seal::Good));
    let error = merchant(&server.await.uri()).query_payment(&number(1)).await;
    assert!(matches!(error, Err(ChannelError::Unknown(_))), "{error:?}");
}

#[rstest]
#[case(200, "<html>502 Bad Gateway</html>")]
#[case(200, "")]
#[case(200, r#"{"alipay_trade_query_response":{"code":"10000""#)]
#[case(502, "<html>")]
#[case(302, "")]
#[tokio::test]
async fn garbage_is_unknown(#[case] status: u16, #[case] body: &str) {
    let server = saying(status, body.into()).await;
    let error = merchant(&server.uri()).query_payment(&number(1)).await.expect_err("unknown");
    assert!(matches!(error, ChannelError::Unknown(_)), "{error}");
}

#[tokio::test]
async fn silence_is_unknown_and_a_closed_door_is_not_sent() {
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    Mock::given(anything()).respond_with(slow).mount(&server).await;
    let error = merchant(&server.uri()).close_payment(&number(1)).await;
    assert_eq!(error, Err(ChannelError::Unknown("time-out".into())));
    assert_eq!(offline().close_payment(&number(1)).await, Err(ChannelError::NotSent));
    let server = saying(429, String::new()).await;
    let error = merchant(&server.uri()).close_payment(&number(1)).await;
    assert_eq!(error, Err(ChannelError::Busy));
}

#[rstest]
#[case(json!({"code": "10000", "out_trade_no": number(1), "trade_no": "2026"}), Ok(()))]
#[case(business("ACQ.TRADE_STATUS_ERROR"), Err(ChannelError::Refused(Refused::AlreadyPaid)))]
#[case(
    business("ACQ.REASON_TRADE_STATUS_INVALID"),
    Err(ChannelError::Refused(Refused::AlreadyPaid))
)]
#[case(business("ACQ.REASON_ILLEGAL_STATUS"), Err(ChannelError::Refused(Refused::AlreadyPaid)))]
#[case(business("ACQ.TRADE_NOT_EXIST"), Err(ChannelError::Refused(Refused::NotFound)))]
#[case(business("ACQ.SYSTEM_ERROR"), Err(ChannelError::Unknown("ACQ.SYSTEM_ERROR".into())))]
#[tokio::test]
async fn a_close_says_how_it_went(#[case] node: Value, #[case] result: Result<(), ChannelError>) {
    let server = answering("alipay.trade.close", node, Seal::Good).await;
    assert_eq!(merchant(&server.uri()).close_payment(&number(1)).await, result);
    assert_eq!(authorized(&one_request(&server).await)["method"], "alipay.trade.close");
}
