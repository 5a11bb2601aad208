//! Partner mode (服务商模式): the same exchange, in the family of paths and members of a service
//! provider.

use super::{
    notification::{envelope, headers},
    *,
};

const SUB: &str = "1900000109";

fn partner(base_url: String, sub_mchid: &str, sub_app_id: Option<&str>) -> WechatMerchant {
    let sub_app_id = sub_app_id.map(str::to_owned);
    let partner = Some(WechatPartner { sub_mchid: sub_mchid.into(), sub_app_id });
    build(WechatConfig { partner, ..config(base_url) }).expect("a merchant")
}

fn nowhere(sub_mchid: &str, sub_app_id: Option<&str>) -> WechatMerchant {
    partner("http://127.0.0.1:1".into(), sub_mchid, sub_app_id)
}

/// What WeChat tells of a payment to [`SUB`] in the provider's mini-program.
fn paid() -> Value {
    let mut told = transaction("SUCCESS");
    let members = told.as_object_mut().expect("members");
    members.remove("appid");
    members.remove("mchid");
    told["sp_appid"] = "wx0123456789abcdef".into();
    told["sp_mchid"] = "1900000001".into();
    told["sub_mchid"] = SUB.into();
    told["payer"] = json!({"sp_openid": "oUser0001"});
    told
}

fn paid_in_the_sub_merchants_app() -> Value {
    let mut told = paid();
    told["sub_appid"] = "wxsub".into();
    told["payer"] = json!({"sp_openid": "oOther", "sub_openid": "oUser0001"});
    told
}

#[rstest]
#[case::providers_app(None, json!({"sp_openid": "oUser0001"}))]
#[case::sub_merchants_app(Some("wxsub"), json!({"sub_openid": "oUser0001"}))]
#[tokio::test]
async fn a_payment_names_both_merchants(#[case] sub_app_id: Option<&str>, #[case] payer: Value) {
    let body = r#"{"prepay_id":"wx01000000000000000000000000000000"}"#;
    let server = answering(200, body.into(), Seal::PublicKey).await;
    let merchant = partner(server.uri(), SUB, sub_app_id);
    let app_id = sub_app_id.unwrap_or("wx0123456789abcdef");
    assert_eq!((merchant.merchant_id(), merchant.app_id()), ("1900000001/1900000109", app_id));
    let prepared = merchant.prepare_payment(&payment()).expect("prepared");
    let created = merchant.create_payment(&prepared).await.expect("created");

    let request = one_request(&server).await;
    assert_authorized(&request);
    assert_eq!(request.url.path(), "/v3/pay/partner/transactions/jsapi");
    let mut sent = json!({
        "sp_appid": "wx0123456789abcdef", "sp_mchid": "1900000001", "sub_mchid": SUB,
        "description": "社保缴费", "out_trade_no": number(1),
        "time_expire": "2026-01-01T08:30:00+08:00",
        "notify_url": "https://city.example/callbacks/wechat/wuxi-wechat/payments",
        "amount": {"total": 89880, "currency": "CNY"}, "payer": payer
    });
    if let Some(sub_app_id) = sub_app_id {
        sent["sub_appid"] = sub_app_id.into();
    }
    assert_eq!(serde_json::from_slice::<Value>(&request.body).expect("JSON"), sent);

    let wallet = merchant.wallet_parameters(&created).expect("signed");
    let WalletParameters::Wechat { time_stamp, nonce_str, package, pay_sign, .. } = wallet else {
        panic!("WeChat's parameters");
    };
    let text = format!("{app_id}\n{time_stamp}\n{nonce_str}\n{package}\n");
    let key = VerifyingKey::read("provider", &TestKey::merchant().public_pem()).expect("a key");
    assert_eq!(key.verify(text.as_bytes(), &pay_sign), Ok(()), "the app that opens the wallet");
}

#[rstest]
#[case::direct(offline())]
#[case::another_sub_merchant(nowhere("1900000110", None))]
#[case::another_app(nowhere(SUB, Some("wxsub")))]
#[tokio::test]
async fn a_stored_request_of_another_account_is_not_sent(#[case] other: WechatMerchant) {
    let ours = nowhere(SUB, None);
    let refused = Err(ChannelError::BadRequest("the stored request is another merchant's"));
    let stored = other.prepare_payment(&payment()).expect("prepared");
    assert_eq!(ours.create_payment(&stored).await, refused);
    let ours_stored = ours.prepare_payment(&payment()).expect("prepared");
    assert_eq!(other.create_payment(&ours_stored).await, refused);
}

#[tokio::test]
async fn a_stored_refund_of_another_account_is_not_sent() {
    let (ours, direct) = (nowhere(SUB, None), offline());
    let refused = Some(ChannelError::BadRequest("the stored request is another merchant's"));
    let stored = direct.prepare_refund(&refund()).expect("prepared");
    assert_eq!(ours.request_refund(&stored).await.err(), refused);
    let stored = ours.prepare_refund(&refund()).expect("prepared");
    assert_eq!(direct.request_refund(&stored).await.err(), refused);
}

#[rstest]
#[case::providers_app(None, paid())]
#[case::sub_merchants_app(Some("wxsub"), paid_in_the_sub_merchants_app())]
#[tokio::test]
async fn a_paid_query_is_a_fact_about_both_merchants(
    #[case] sub_app_id: Option<&str>,
    #[case] body: Value,
) {
    let server = answering(200, body.to_string(), Seal::Certificate).await;
    let merchant = partner(server.uri(), SUB, sub_app_id);
    let standing = merchant.query_payment(&number(1)).await.expect("a standing");
    let PaymentStanding::Paid(fact) = standing else { panic!("{standing:?}") };
    assert_eq!((fact.merchant_id(), fact.app_id()), (merchant.merchant_id(), merchant.app_id()));
    assert_eq!(fact.payer_id(), Some("oUser0001"));
    let request = one_request(&server).await;
    assert_authorized(&request);
    let target = &request.url[url::Position::BeforePath..];
    let path = "/v3/pay/partner/transactions/out-trade-no";
    let number = number(1);
    assert_eq!(target, format!("{path}/{number}?sp_mchid=1900000001&sub_mchid={SUB}"));
}

#[tokio::test]
async fn a_close_names_both_merchants() {
    let server = answering(204, String::new(), Seal::Certificate).await;
    assert_eq!(partner(server.uri(), SUB, None).close_payment(&number(1)).await, Ok(()));
    let request = one_request(&server).await;
    assert_authorized(&request);
    let path = format!("/v3/pay/partner/transactions/out-trade-no/{}/close", number(1));
    assert_eq!(request.url.path(), path);
    assert_eq!(request.body, br#"{"sp_mchid":"1900000001","sub_mchid":"1900000109"}"#);
}

#[tokio::test]
async fn a_refund_names_the_sub_merchant_everywhere() {
    let answer = json!({
        "refund_id": "50300000002026", "out_refund_no": number(2), "out_trade_no": number(1),
        "transaction_id": "4200000000202601010000000001", "status": "PROCESSING",
        "amount": {"total": 89880, "refund": 10000, "currency": "CNY"}
    });
    let server = answering(200, answer.to_string(), Seal::Certificate).await;
    let merchant = partner(server.uri(), SUB, None);
    let prepared = merchant.prepare_refund(&refund()).expect("prepared");
    let standings = [
        merchant.request_refund(&prepared).await,
        merchant.query_refund(&number(1), &number(2)).await,
        merchant
            .redirect_refund(&number(1), &number(2), &WechatRefundTarget::MerchantBankCard)
            .await,
    ];
    for standing in standings {
        let Ok(RefundStanding::Known(fact)) = standing else { panic!("{standing:?}") };
        assert_eq!(fact.merchant_id(), "1900000001/1900000109", "whose question was answered");
    }
    let requests = server.received_requests().await.expect("recorded");
    let [requested, asked, found, redirected] = requests.as_slice() else { panic!("four calls") };
    for body in [&requested.body, &redirected.body] {
        let sent: Value = serde_json::from_slice(body).expect("JSON");
        assert_eq!(sent["sub_mchid"], SUB);
    }
    for request in [asked, found] {
        assert_eq!(request.url.query(), Some("sub_mchid=1900000109"));
    }
}

type Change = fn(&mut Value);

/// Told as facts, so that money which reached somebody else becomes a case and not a silence.
#[rstest]
#[case::ours(|_: &mut Value| (), "1900000001/1900000109", "wx0123456789abcdef")]
#[case::another_sub_merchant(|t: &mut Value| t["sub_mchid"] = "1900000110".into(), "1900000001/1900000110", "wx0123456789abcdef")]
#[case::another_provider(|t: &mut Value| t["sp_mchid"] = "1900000002".into(), "1900000002/1900000109", "wx0123456789abcdef")]
#[case::another_app(|t: &mut Value| t["sub_appid"] = "wxsub".into(), "1900000001/1900000109", "wxsub")]
#[case::direct(|t: &mut Value| *t = transaction("SUCCESS"), "1900000001", "wx0123456789abcdef")]
fn a_payment_notice_tells_whose_money_it_is(
    #[case] change: Change,
    #[case] merchant_id: &str,
    #[case] app_id: &str,
) {
    let mut told = paid();
    change(&mut told);
    let body = envelope("TRANSACTION.SUCCESS", &told, Some("transaction")).to_string();
    let head = headers(body.as_bytes(), Seal::Certificate);
    let notice = nowhere(SUB, None).open_notification(NOW, &head, body.as_bytes());
    let Ok(Notice::Payment(fact)) = notice else { panic!("{notice:?}") };
    assert_eq!((fact.merchant_id(), fact.app_id()), (merchant_id, app_id));
}

#[test]
fn a_direct_account_does_not_take_a_sub_merchants_money_for_its_own() {
    let body = envelope("TRANSACTION.SUCCESS", &paid(), Some("transaction")).to_string();
    let head = headers(body.as_bytes(), Seal::Certificate);
    let notice = offline().open_notification(NOW, &head, body.as_bytes());
    let Ok(Notice::Payment(fact)) = notice else { panic!("{notice:?}") };
    assert_ne!(fact.merchant_id(), offline().merchant_id());
}

#[rstest]
#[case::ours(json!({"sp_mchid": "1900000001", "sub_mchid": SUB}), Some(true))]
#[case::another_sub_merchant(json!({"sp_mchid": "1900000001", "sub_mchid": "1900000110"}), Some(false))]
#[case::provider_alone(json!({"sp_mchid": "1900000001"}), None)]
#[case::direct(json!({"mchid": "1900000001"}), Some(false))]
#[case::nobody(json!({}), None)]
fn a_refund_notice_has_to_name_both_merchants(#[case] mut told: Value, #[case] fits: Option<bool>) {
    told["out_trade_no"] = number(1).as_str().into();
    told["out_refund_no"] = number(2).as_str().into();
    told["refund_status"] = "CLOSED".into();
    told["amount"] = json!({"total": 89880, "refund": 10000});
    let body = envelope("REFUND.CLOSED", &told, Some("refund")).to_string();
    let head = headers(body.as_bytes(), Seal::Certificate);
    let ours = nowhere(SUB, None);
    match ours.open_notification(NOW, &head, body.as_bytes()) {
        Ok(Notice::Refund(fact)) => {
            assert_eq!(Some(fact.merchant_id_fits(ours.merchant_id())), fits);
        }
        other => assert!(fits.is_none() && matches!(other, Err(Refusal::Unreadable)), "{other:?}"),
    }
}

#[tokio::test]
async fn a_sub_merchants_trades_are_asked_for_and_the_providers_funds_are_not() {
    let none = json!({"code": "NO_STATEMENT_EXIST"}).to_string();
    let server = answering(400, none, Seal::Certificate).await;
    let merchant = partner(server.uri(), SUB, None);
    let ask = async |kind| merchant.download_statement(kind, "2026-01-01", &mut Vec::new()).await;
    assert_eq!(ask(WechatStatementKind::Trades).await, Ok(StatementStanding::Nothing));
    let refused = ask(WechatStatementKind::Funds).await;
    assert!(matches!(refused, Err(ChannelError::BadRequest(_))), "{refused:?}");
    let request = one_request(&server).await;
    let query = "bill_date=2026-01-01&bill_type=ALL&sub_mchid=1900000109&tar_type=GZIP";
    assert_eq!(request.url.query(), Some(query));
}

#[rstest]
#[case::form("19 0", None, "sub_mchid: ")]
#[case::nobody("", None, "sub_mchid: ")]
#[case::itself("1900000001", None, "sub_mchid: is the service provider's own number")]
#[case::app(SUB, Some("wx\n"), "sub_app_id: ")]
#[case::same_app(SUB, Some("wx0123456789abcdef"), "sub_app_id: is the service provider's own")]
fn a_partner_that_cannot_work_is_named(
    #[case] sub_mchid: &str,
    #[case] sub_app_id: Option<&str>,
    #[case] says: &str,
) {
    let sub_app_id = sub_app_id.map(str::to_owned);
    let partner = Some(WechatPartner { sub_mchid: sub_mchid.into(), sub_app_id });
    let config = WechatConfig { partner, ..config("https://api.mch.weixin.qq.com".into()) };
    let error = build(config).expect_err("a refusal").to_string();
    assert!(error.starts_with(says), "{error}");
}
