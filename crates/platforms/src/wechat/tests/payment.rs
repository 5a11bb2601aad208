//! Payments: prepared, created, asked about, closed.

use super::*;

#[tokio::test]
async fn a_payment_is_created_with_the_stored_bytes() {
    let body = r#"{"prepay_id":"wx01000000000000000000000000000000"}"#;
    let server = answering(200, body.into(), Seal::PublicKey).await;
    let merchant = merchant(server.uri());
    let mut asked = payment();
    asked.client_ip = Some("::ffff:203.0.113.9".parse().expect("an address"));
    let prepared = merchant.prepare_payment(&asked).expect("prepared");
    let created = merchant.create_payment(&Prepared::restore(prepared.as_str().into())).await;
    let created = created.expect("created");
    assert_eq!(created.token, "wx01000000000000000000000000000000");

    let request = one_request(&server).await;
    assert_authorized(&request);
    assert_eq!(request.url.path(), "/v3/pay/transactions/jsapi");
    assert_eq!(request.body, prepared.as_str().as_bytes());
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(
        serde_json::from_slice::<Value>(&request.body).expect("JSON"),
        json!({
            "appid": "wx0123456789abcdef", "mchid": "1900000001", "description": "社保缴费",
            "out_trade_no": number(1), "time_expire": "2026-01-01T08:30:00+08:00",
            "notify_url": "https://city.example/callbacks/wechat/wuxi-wechat/payments",
            "amount": {"total": 89880, "currency": "CNY"}, "payer": {"openid": "oUser0001"},
            "scene_info": {"payer_client_ip": "203.0.113.9"}
        })
    );
}

#[test]
fn absent_members_are_left_out() {
    let prepared = offline().prepare_payment(&payment()).expect("prepared");
    assert!(!prepared.as_str().contains("null"), "{}", prepared.as_str());
    assert!(!prepared.as_str().contains("scene_info"));
}

#[test]
fn the_wallet_gets_what_the_merchants_key_signed() {
    let merchant = offline();
    let created = Created { token: "wx01000000000000000000000000000000".into() };
    let parameters = merchant.wallet_parameters(&created).expect("signed");
    let WalletParameters::Wechat { time_stamp, nonce_str, package, sign_type, pay_sign } =
        parameters
    else {
        panic!("WeChat's parameters");
    };
    assert_eq!((time_stamp.as_str(), sign_type.as_str()), ("1767225600", "RSA"));
    assert_eq!(package, "prepay_id=wx01000000000000000000000000000000");
    let text = format!("wx0123456789abcdef\n{time_stamp}\n{nonce_str}\n{package}\n");
    let key = VerifyingKey::read("merchant", &TestKey::merchant().public_pem()).expect("a key");
    assert_eq!(key.verify(text.as_bytes(), &pay_sign), Ok(()));
    assert_eq!(merchant.token_lifetime(), Some(Duration::from_secs(7200)));
}

type Change = fn(&mut PaymentRequest);

#[rstest]
#[case::no_description(|p: &mut PaymentRequest| p.description = "  ".into())]
#[case::long_description(|p: &mut PaymentRequest| p.description = "社".repeat(128))]
#[case::four_byte_description(|p: &mut PaymentRequest| p.description = "社保😀".into())]
#[case::two_lines(|p: &mut PaymentRequest| p.description = "社保\n缴费".into())]
#[case::nothing_to_pay(|p: &mut PaymentRequest| p.amount = Fen::ZERO)]
#[case::alipay_user(|p: &mut PaymentRequest| p.payer.kind = PayerIdKind::UserId)]
#[case::no_payer(|p: &mut PaymentRequest| p.payer.id = String::new())]
#[case::long_payer(|p: &mut PaymentRequest| p.payer.id = "o".repeat(129))]
#[case::plain_http(|p: &mut PaymentRequest| p.notify_url = "http://city.example/callbacks".into())]
#[case::query(|p: &mut PaymentRequest| p.notify_url = "https://city.example/callbacks?a=b".into())]
#[case::fragment(|p: &mut PaymentRequest| p.notify_url = "https://city.example/callbacks#a".into())]
#[case::leading_blank(|p: &mut PaymentRequest| p.notify_url = " https://city.example/callbacks".into())]
#[case::byte_order_mark(|p: &mut PaymentRequest| p.notify_url = "\u{feff}https://city.example/callbacks".into())]
#[case::long_url(|p: &mut PaymentRequest| p.notify_url = format!("https://city.example/{}", "a".repeat(255)))]
#[case::no_url(|p: &mut PaymentRequest| p.notify_url = "city.example/callbacks".into())]
fn a_payment_that_breaks_a_rule_is_not_sent(#[case] change: Change) {
    let mut request = payment();
    change(&mut request);
    let error = offline().prepare_payment(&request).expect_err("a refusal");
    assert!(matches!(error, ChannelError::BadRequest(_)), "{error}");
}

#[test]
fn a_mock_on_this_machine_may_be_told_over_plain_http() {
    let mut request = payment();
    request.notify_url = "http://127.0.0.1:8080/callbacks/wechat/wuxi-wechat/payments".into();
    assert!(offline().prepare_payment(&request).is_ok());
}

#[tokio::test]
async fn a_stored_request_of_another_merchant_is_not_sent() {
    let server = answering(200, r#"{"prepay_id":"wx01"}"#.into(), Seal::Certificate).await;
    let mut other = config(server.uri());
    other.mchid = "1900000002".into();
    let prepared = build(other).expect("a merchant").prepare_payment(&payment());
    let merchant = merchant(server.uri());
    for prepared in [prepared.expect("prepared"), Prepared::restore("{}".into())] {
        let error = merchant.create_payment(&prepared).await.expect_err("a refusal");
        assert!(matches!(error, ChannelError::BadRequest(_)), "{error}");
    }
    assert!(server.received_requests().await.expect("recorded").is_empty());
}

#[rstest]
#[case::paid(transaction("SUCCESS"), false)]
#[case::given_back_since(transaction("REFUND"), true)]
#[tokio::test]
async fn a_paid_query_is_a_fact(#[case] body: Value, #[case] went_back: bool) {
    let server = answering(200, body.to_string(), Seal::Certificate).await;
    let standing = merchant(server.uri()).query_payment(&number(1)).await.expect("a standing");
    let PaymentStanding::Paid(fact) = standing else { panic!("{standing:?}") };
    assert_eq!((fact.told(), fact.channel()), (Told::Query, Channel::Wechat));
    assert_eq!(fact.merchant().as_str(), "wuxi-wechat");
    assert_eq!((fact.merchant_id(), fact.app_id()), ("1900000001", "wx0123456789abcdef"));
    assert_eq!(fact.out_trade_no(), number(1).as_str());
    assert_eq!(fact.transaction_id(), "4200000000202601010000000001");
    assert_eq!(fact.amount(), Fen::new(89_880).expect("an amount"), "coupons are not deducted");
    assert_eq!(fact.currency(), "CNY");
    assert_eq!(fact.paid_at().rfc3339(), "2026-01-01T08:00:05+08:00");
    assert_eq!(fact.payer_id(), Some("oUser0001"));
    assert_eq!(fact.went_back(), went_back);

    let request = one_request(&server).await;
    assert_authorized(&request);
    let target = &request.url[url::Position::BeforePath..];
    let path = format!("/v3/pay/transactions/out-trade-no/{}?mchid=1900000001", number(1));
    assert_eq!(target, path);
}

#[rstest]
#[case(200, unpaid("NOTPAY"), "Unpaid")]
#[case(200, unpaid("USERPAYING"), "Unpaid")]
#[case(200, unpaid("CLOSED"), "Closed")]
#[case(404, json!({"code": "ORDER_NOT_EXIST", "message": "订单不存在"}), "NotFound")]
#[case(404, json!({"code": "ORDERNOTEXIST"}), "NotFound")]
#[case(404, json!({"code": "RESOURCE_NOT_EXISTS"}), "NotFound")]
#[tokio::test]
async fn a_query_tells_where_an_unpaid_attempt_stands(
    #[case] status: u16,
    #[case] body: Value,
    #[case] standing: &str,
) {
    let server = answering(status, body.to_string(), Seal::Certificate).await;
    let found = merchant(server.uri()).query_payment(&number(1)).await.expect("a standing");
    assert_eq!(format!("{found:?}"), standing);
}

#[rstest]
#[case::unknown_state(200, unpaid("REVOKED"))]
#[case::paid_without_members(200, unpaid("SUCCESS"))]
#[case::another_number(200, json!({"appid": "a", "mchid": "m", "out_trade_no": number(9), "trade_state": "CLOSED"}))]
#[case::another_form(200, json!({"data": 1}))]
#[case::accepted_only(202, unpaid("CLOSED"))]
#[case::no_code(404, json!({"message": "nginx"}))]
#[case::broken(500, json!({"code": "SYSTEM_ERROR"}))]
#[tokio::test]
async fn a_genuine_answer_that_says_nothing_certain_is_unknown(
    #[case] status: u16,
    #[case] body: Value,
) {
    let server = answering(status, body.to_string(), Seal::Certificate).await;
    let error = merchant(server.uri()).query_payment(&number(1)).await.expect_err("unknown");
    assert!(matches!(error, ChannelError::Unknown(_)), "{error}");
    assert_eq!(error.retry_class(), RetryClass::QueryFirst);
}

#[rstest]
#[case(Seal::Unsigned)]
#[case(Seal::WrongKey)]
#[case(Seal::UnknownSerial)]
#[case(Seal::Spoiled)]
#[case(Seal::Probe)]
#[case(Seal::Off(300))]
#[case(Seal::Off(-300))]
#[tokio::test]
async fn an_answer_that_is_not_proven_is_unknown(#[case] seal: Seal) {
    let server = answering(200, transaction("SUCCESS").to_string(), seal).await;
    let error = merchant(server.uri()).query_payment(&number(1)).await.expect_err("unknown");
    assert!(matches!(error, ChannelError::Unknown(_)), "{error}");

    let server = answering(204, String::new(), seal).await;
    let error = merchant(server.uri()).close_payment(&number(1)).await.expect_err("unknown");
    assert!(matches!(error, ChannelError::Unknown(_)), "{error}");
}

#[rstest]
#[case(Seal::Off(299))]
#[case(Seal::Off(-299))]
#[case(Seal::PublicKey)]
#[tokio::test]
async fn a_close_is_believed_when_it_is_proven(#[case] seal: Seal) {
    let server = answering(204, String::new(), seal).await;
    assert_eq!(merchant(server.uri()).close_payment(&number(1)).await, Ok(()));
    let request = one_request(&server).await;
    assert_authorized(&request);
    assert_eq!(request.body, br#"{"mchid":"1900000001"}"#);
}

#[tokio::test]
async fn an_error_is_believed_when_it_is_signed() {
    let body = json!({"code": "ORDERPAID", "message": "…"}).to_string();
    for seal in [Seal::Spoiled, Seal::Unsigned] {
        let server = answering(400, body.clone(), seal).await;
        let error = merchant(server.uri()).close_payment(&number(1)).await;
        assert!(matches!(error, Err(ChannelError::Unknown(_))), "{error:?}");
    }
    let server = answering(400, body, Seal::Certificate).await;
    let error = merchant(server.uri()).close_payment(&number(1)).await;
    assert_eq!(error, Err(ChannelError::Refused(Refused::AlreadyPaid)));
}

#[tokio::test]
async fn a_closed_order_is_closed_again_in_peace() {
    let body = json!({"code": "ORDER_CLOSED"}).to_string();
    let server = answering(400, body, Seal::Certificate).await;
    assert_eq!(merchant(server.uri()).close_payment(&number(1)).await, Ok(()));
}

#[rstest]
#[case::forbidden(401, json!({"code": "SIGN_ERROR"}), Seal::Unsigned, ChannelError::Misconfigured("SIGN_ERROR".into()))]
#[case::busy(429, json!({"code": "FREQUENCY_LIMITED"}), Seal::Certificate, ChannelError::Busy)]
#[case::page(502, json!("<html>"), Seal::Unsigned, ChannelError::Unknown("HTTP 502".into()))]
#[case::redirect(302, json!(""), Seal::Unsigned, ChannelError::Unknown("HTTP 302".into()))]
#[tokio::test]
async fn a_create_that_fails_says_how(
    #[case] status: u16,
    #[case] body: Value,
    #[case] seal: Seal,
    #[case] error: ChannelError,
) {
    let server = answering(status, body.to_string(), seal).await;
    let merchant = merchant(server.uri());
    let prepared = merchant.prepare_payment(&payment()).expect("prepared");
    assert_eq!(merchant.create_payment(&prepared).await, Err(error));
}

#[tokio::test]
async fn silence_is_unknown_and_a_closed_door_is_not_sent() {
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(204).set_delay(Duration::from_secs(30));
    Mock::given(anything()).respond_with(slow).mount(&server).await;
    let error = merchant(server.uri()).close_payment(&number(1)).await;
    assert_eq!(error, Err(ChannelError::Unknown("time-out".into())));
    assert_eq!(offline().close_payment(&number(1)).await, Err(ChannelError::NotSent));
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let body = " ".repeat(crate::call::ANSWER_BYTES_MAX + 1);
    let server = answering(200, body, Seal::Certificate).await;
    let error = merchant(server.uri()).query_payment(&number(1)).await.expect_err("unknown");
    assert_eq!(error, ChannelError::Unknown("the answer is too long".into()));
}

#[test]
fn nonces_come_from_the_entropy_that_was_handed_in() {
    let nonce = |seed| {
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(seed));
        let clock = Arc::new(ControlledClock::at(NOW));
        let merchant = WechatMerchant::new(config("http://127.0.0.1:1".into()), clock, entropy);
        let created = Created { token: "wx01".into() };
        merchant.expect("a merchant").wallet_parameters(&created).expect("signed")
    };
    assert_eq!(nonce(1), nonce(1));
    assert_ne!(nonce(1), nonce(2));
}

/// Also shows that TLS needs nothing that the process would have to install first.
#[tokio::test]
async fn a_host_that_cannot_prove_itself_is_told_nothing() {
    let server = answering(204, String::new(), Seal::Certificate).await;
    let merchant = merchant(server.uri().replace("http://", "https://"));
    assert_eq!(merchant.close_payment(&number(1)).await, Err(ChannelError::NotSent));
    assert!(server.received_requests().await.expect("recorded").is_empty());
}
