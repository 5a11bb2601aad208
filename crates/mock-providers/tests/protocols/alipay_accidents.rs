//! Accidents that only Alipay has, each by its own name.

use std::time::Duration;

use kernel::Channel::Alipay;
use mock_providers::{
    AlipayOddity, AlipaySigner, DocumentedRefusal, Fault, FaultKind, FaultTarget,
    NotificationRequest, PayRequest,
};
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    bench::{Bench, Told, open_alipay, verifies},
    control::post,
};

const NO: &str = "SI20260101000001";
const QUERY: &str = "alipay.trade.query";
const MINUTE: Duration = Duration::from_secs(60);

fn strike(bench: &Bench, target: FaultTarget, oddity: AlipayOddity) {
    bench.mocks.set_fault(Fault::next(target, FaultKind::Alipay(oddity))).unwrap();
}

async fn created(bench: &Bench) {
    let told = bench.alipay_create(&bench.alipay_order(NO, "1.00")).await;
    assert_eq!(told.text("code"), "10000", "{told:?}");
}

async fn with(bench: &Bench, method: &str, more: &[(&str, &str)]) -> Told {
    let mut parameters = bench.alipay_parameters(method);
    for (name, value) in more {
        parameters.insert((*name).to_owned(), (*value).to_owned());
    }
    bench.alipay_sign(&mut parameters);
    bench.alipay_send(parameters).await
}

#[tokio::test]
async fn a_refresh_ends_both_old_tokens_at_once() {
    let bench = Bench::new().await;
    let grant = async |kind: &str, name: &str, value: &str| {
        with(&bench, "alipay.system.oauth.token", &[("grant_type", kind), (name, value)]).await
    };
    let share =
        async |token: &str| with(&bench, "alipay.user.info.share", &[("auth_token", token)]).await;
    let code = bench.mocks.mint_login_code(Alipay, "小明").code;
    let first = grant("authorization_code", "code", &code).await;
    let profile = share(first.text("access_token")).await;
    assert!(["F", "M"].contains(&profile.text("gender")), "{profile:?}");
    let second = grant("refresh_token", "refresh_token", first.text("refresh_token")).await;
    let dead = share(first.text("access_token")).await;
    assert_eq!(dead.sub_code(), "aop.invalid-auth-token");
    assert_eq!(share(second.text("access_token")).await.text("code"), "10000");
    strike(&bench, FaultTarget::AlipayLogin, AlipayOddity::ExpiresInText);
    let third = grant("refresh_token", "refresh_token", second.text("refresh_token")).await;
    assert_eq!(third.content["expires_in"], "1296000");
}

#[tokio::test]
async fn a_payment_wins_after_the_close_was_answered() {
    let bench = Bench::new().await;
    created(&bench).await;
    strike(&bench, FaultTarget::AlipayClose, AlipayOddity::PaidAfterClose);
    let number = json!({"out_trade_no": NO});
    assert_eq!(bench.alipay("alipay.trade.close", &number).await.text("code"), "10000");
    assert_eq!(bench.alipay(QUERY, &number).await.text("trade_status"), "TRADE_CLOSED");
    assert!(bench.receiver.received().is_empty());
    bench.mocks.advance(MINUTE).await;
    let told = bench.alipay(QUERY, &number).await;
    assert_eq!(told.text("trade_status"), "TRADE_SUCCESS");
    assert_eq!(told.text("send_pay_date"), "2026-01-01 08:01:00");
    assert!(bench.receiver.only().body.contains("trade_status=TRADE_SUCCESS"));
}

#[tokio::test]
async fn a_payment_comes_in_the_second_in_which_the_order_expires() {
    let bench = Bench::new().await;
    strike(&bench, FaultTarget::AlipayCreate, AlipayOddity::PaidAtExpiry);
    let mut order = bench.alipay_order(NO, "1.00");
    order["timeout_express"] = json!("5m");
    bench.alipay_create(&order).await;
    bench.mocks.advance(MINUTE * 5 - Duration::from_secs(1)).await;
    assert_eq!(bench.mocks.trade(Alipay, NO).unwrap().state, "WAIT_BUYER_PAY");
    bench.mocks.advance(Duration::from_secs(1)).await;
    let trade = bench.mocks.trade(Alipay, NO).unwrap();
    assert_eq!((trade.state, trade.paid_at), ("TRADE_SUCCESS", Some(trade.expires_at)));
    assert!(bench.receiver.only().body.contains("gmt_payment=2026-01-01+08%3A05%3A00"));
}

#[tokio::test]
async fn a_cancel_may_want_to_be_repeated() {
    let bench = Bench::new().await;
    created(&bench).await;
    strike(&bench, FaultTarget::AlipayCancel, AlipayOddity::RetryFlag);
    let cancel = async || bench.alipay("alipay.trade.cancel", &json!({"out_trade_no": NO})).await;
    let first = cancel().await;
    assert_eq!((first.text("retry_flag"), first.content.get("action")), ("Y", None));
    assert_eq!(bench.mocks.trade(Alipay, NO).unwrap().state, "WAIT_BUYER_PAY");
    let second = cancel().await;
    assert_eq!((second.text("retry_flag"), second.text("action")), ("N", "close"));
}

#[tokio::test]
async fn a_refund_that_says_n_may_not_be_done_yet() {
    let bench = Bench::new().await;
    created(&bench).await;
    bench.mocks.pay(&PayRequest::number(Alipay, NO)).unwrap();
    bench.mocks.settle().await;
    strike(&bench, FaultTarget::AlipayRefund, AlipayOddity::RefundPending);
    let biz = json!({"out_trade_no": NO, "out_request_no": "R1", "refund_amount": "1.00"});
    let asked = bench.alipay("alipay.trade.refund", &biz).await;
    assert_eq!((asked.text("fund_change"), asked.text("refund_fee")), ("N", "0.00"));
    let query = async || {
        let biz = json!({"out_trade_no": NO, "out_request_no": "R1"});
        bench.alipay("alipay.trade.fastpay.refund.query", &biz).await
    };
    assert_eq!(query().await.content.get("refund_status"), None);
    assert_eq!(bench.mocks.trade(Alipay, NO).unwrap().state, "TRADE_SUCCESS");
    let other = json!({"out_trade_no": NO, "out_request_no": "R2", "refund_amount": "0.01"});
    let other = bench.alipay("alipay.trade.refund", &other).await;
    assert_eq!(other.sub_code(), "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "promised money is not there");
    assert_eq!(bench.alipay("alipay.trade.refund", &biz).await.text("fund_change"), "N");
    bench.mocks.advance(MINUTE).await;
    assert_eq!(query().await.text("refund_status"), "REFUND_SUCCESS");
    assert_eq!(bench.mocks.trade(Alipay, NO).unwrap().state, "TRADE_CLOSED");
    assert_eq!(bench.receiver.received().len(), 2);
}

/// What a verifier must accept: signed over `/`, sent as `\/`.
#[tokio::test]
async fn slashes_may_be_escaped_after_signing() {
    let bench = Bench::new().await;
    created(&bench).await;
    strike(&bench, FaultTarget::AlipayQuery, AlipayOddity::EscapedAfterSigning);
    let mut parameters = bench.alipay_parameters(QUERY);
    parameters.insert("biz_content".to_owned(), json!({"out_trade_no": NO}).to_string());
    bench.alipay_sign(&mut parameters);
    let text = bench.try_alipay(parameters).await.unwrap().text().await.unwrap();
    let (_, node) = text.split_once(':').unwrap();
    let (node, sign) = node.split_once(",\"sign\":\"").unwrap();
    let key = &bench.facts.alipay.alipay_public_key;
    let sign = sign.trim_end_matches("\"}");
    assert!(node.contains("\\/"), "{node}");
    assert!(!verifies(key, node.as_bytes(), sign));
    assert!(verifies(key, node.replace("\\/", "/").as_bytes(), sign));
}

#[rstest]
#[case(AlipayOddity::ErrorRoot, true)]
#[case(AlipayOddity::UnsignedErrorRoot, false)]
#[tokio::test]
async fn a_failure_may_stand_under_another_root(
    #[case] oddity: AlipayOddity,
    #[case] signed: bool,
) {
    let bench = Bench::new().await;
    strike(&bench, FaultTarget::AlipayCreate, oddity);
    let told = bench.alipay_create(&bench.alipay_order(NO, "1.00")).await;
    assert_eq!((told.root.as_str(), told.is_signed), ("error_response", signed));
    assert!(bench.mocks.trade(Alipay, NO).is_none());
}

#[tokio::test]
async fn a_renewed_certificate_keeps_its_key() {
    let bench = Bench::new().await;
    let facts = bench.facts.alipay.clone();
    let mut settings = bench.mocks.settings();
    settings.alipay_signer = AlipaySigner::Renewed;
    bench.mocks.set_settings(settings);
    let serials = [
        ("app_cert_sn", facts.app_cert_sn.as_str()),
        ("alipay_root_cert_sn", facts.alipay_root_cert_sn.as_str()),
    ];
    let mut parameters = bench.alipay_parameters("alipay.open.app.alipaycert.download");
    let renewed = facts.alipay_renewed_cert_sn.unwrap();
    parameters.insert("biz_content".to_owned(), json!({"alipay_cert_sn": renewed}).to_string());
    for (name, value) in serials {
        parameters.insert(name.to_owned(), value.to_owned());
    }
    bench.alipay_sign(&mut parameters);
    let text = bench.try_alipay(parameters).await.unwrap().text().await.unwrap();
    assert!(text.contains(&format!("\"alipay_cert_sn\":\"{renewed}\"")), "{text}");
    let (_, node) = text.split_once(':').unwrap();
    let (node, rest) = node.split_once(",\"alipay_cert_sn\":\"").unwrap();
    let sign = rest.split_once("\"sign\":\"").unwrap().1.trim_end_matches("\"}");
    for key in [&facts.alipay_public_key, &facts.alipay_cert, &facts.alipay_renewed_cert.unwrap()] {
        assert!(verifies(key, node.as_bytes(), sign), "one key, three ways to name it");
    }
}

#[tokio::test]
async fn public_key_mode_names_no_certificate() {
    let bench = Bench::new().await;
    let facts = &bench.facts.alipay;
    post(&bench, "/settings", json!({"alipay_key_mode": "public_key"})).await;
    let serials = [
        ("app_cert_sn", facts.app_cert_sn.as_str()),
        ("alipay_root_cert_sn", facts.alipay_root_cert_sn.as_str()),
    ];
    let told = with(&bench, QUERY, &serials).await;
    assert_eq!((told.is_signed, told.serial), (true, None));
}

#[rstest]
#[case(AlipayOddity::OtherKey)]
#[case(AlipayOddity::Unsigned)]
#[tokio::test]
async fn a_notification_may_be_signed_by_the_other_key_or_not_at_all(#[case] oddity: AlipayOddity) {
    let bench = Bench::new().await;
    created(&bench).await;
    bench.mocks.pay(&PayRequest::number(Alipay, NO)).unwrap();
    let mut request = NotificationRequest::payment(Alipay, NO);
    request.craft.oddity = Some(oddity);
    let body = bench.mocks.craft_notification(&request).unwrap().body;
    let facts = &bench.facts.alipay;
    if oddity == AlipayOddity::Unsigned {
        assert!(!body.contains("sign="), "{body}");
    } else {
        assert!(open_alipay(&facts.alipay_public_key, &body).is_none());
        assert!(open_alipay(&facts.alipay_next_public_key, &body).is_some());
    }
    strike(&bench, FaultTarget::AlipayNotification, oddity);
}

#[rstest]
#[case::forced(Some(AlipayOddity::WaitBuyerPay), None, "WAIT_BUYER_PAY", false)]
#[case::crafted(None, Some("TRADE_CLOSED"), "TRADE_CLOSED", true)]
#[tokio::test]
async fn a_trade_that_is_said_to_be_unpaid_says_nothing_of_a_payment(
    #[case] oddity: Option<AlipayOddity>,
    #[case] status: Option<&str>,
    #[case] said: &str,
    #[case] closed: bool,
) {
    let bench = Bench::new().await;
    created(&bench).await;
    bench.mocks.pay(&PayRequest::number(Alipay, NO)).unwrap();
    let mut request = NotificationRequest::payment(Alipay, NO);
    request.craft.oddity = oddity;
    request.craft.status = status.map(str::to_owned);
    let body = bench.mocks.craft_notification(&request).unwrap().body;
    let fields = open_alipay(&bench.facts.alipay.alipay_public_key, &body).unwrap();
    assert_eq!(fields["trade_status"], said);
    for name in ["gmt_payment", "receipt_amount", "buyer_pay_amount", "fund_bill_list"] {
        assert!(!fields.contains_key(name), "{name}");
    }
    assert_eq!(fields.contains_key("gmt_close"), closed);
    assert_eq!(fields["total_amount"], "1.00");
}

#[rstest]
#[case("/pay", "8000")]
#[case("/pay", "6002")]
#[case("/pay", "6004")]
#[case("/pay", "99")]
#[case("/cancel", "6002")]
#[case("/cancel", "99")]
#[case("/fail", "4")]
#[case("/fail", "6004")]
#[tokio::test]
async fn the_client_may_hear_anything(#[case] path: &str, #[case] code: &str) {
    let bench = Bench::new().await;
    created(&bench).await;
    let body = json!({"platform": "alipay", "out_trade_no": NO, "client_result": code});
    let told = post(&bench, path, body).await.json();
    assert_eq!(told["client_result"], code);
    let paid = bench.mocks.trade(Alipay, NO).unwrap().paid_at.is_some();
    assert_eq!(paid, path == "/pay", "what the client hears proves nothing");
    for wrong in [
        json!({"platform": "alipay", "out_trade_no": NO, "client_result": "1"}),
        json!({"platform": "wechat", "out_trade_no": NO, "client_result": "8000"}),
    ] {
        assert_eq!(post(&bench, "/cancel", wrong).await.status, 400);
    }
}

#[rstest]
#[case("good", true, None)]
#[case("unsigned", false, None)]
#[case("error", false, Some("isv.invalid-auth-relations"))]
#[case("error_object", false, Some("isv.invalid-auth-relations"))]
#[tokio::test]
async fn the_envelope_of_a_phone_number_may_hold_none(
    #[case] form: &str,
    #[case] signed: bool,
    #[case] sub_code: Option<&str>,
) {
    let bench = Bench::new().await;
    let told = post(&bench, "/alipay/phone-number", json!({"envelope": form})).await.json();
    let envelope: Value = serde_json::from_str(told["response"].as_str().unwrap()).unwrap();
    assert_eq!(envelope.get("sign").is_some(), signed);
    let response = match &envelope["response"] {
        Value::String(text) => serde_json::from_str(text).unwrap_or(Value::Null),
        object => object.clone(),
    };
    assert_eq!(response["subCode"].as_str(), sub_code);
}

#[tokio::test]
async fn nobody_listens_at_the_gateway_while_it_is_away() {
    let bench = Bench::new().await;
    created(&bench).await;
    let down = async |down: bool| {
        post(&bench, "/settings", json!({"alipay_host_down": down})).await;
    };
    down(true).await;
    let unreachable = async || {
        // A client of its own has no connection from before.
        let fresh = reqwest::Client::builder().no_proxy().build().unwrap();
        let failed = fresh.get(&bench.facts.alipay.gateway).send().await;
        failed.is_err_and(|error| error.is_connect())
    };
    while !unreachable().await {
        tokio::task::yield_now().await;
    }
    down(false).await;
    while unreachable().await {
        tokio::task::yield_now().await;
    }
    let told = bench.alipay(QUERY, &json!({"out_trade_no": NO})).await;
    assert_eq!(told.text("trade_status"), "WAIT_BUYER_PAY");
}

#[tokio::test]
async fn the_gateway_knows_get_and_post() {
    let bench = Bench::new().await;
    for method in [Method::DELETE, Method::PUT, Method::PATCH] {
        let request = bench.client.request(method.clone(), &bench.facts.alipay.gateway);
        assert_eq!(request.send().await.unwrap().status(), 405, "{method}");
    }
}

#[tokio::test]
async fn other_bytes_than_the_charset_says_spoil_the_signature() {
    let bench = Bench::new().await;
    let mut parameters = bench.alipay_parameters(QUERY);
    parameters.insert("biz_content".to_owned(), json!({"out_trade_no": "社保"}).to_string());
    bench.alipay_sign(&mut parameters);
    parameters.remove("biz_content");
    let request = bench.client.post(&bench.facts.alipay.gateway).query(&parameters);
    // {"out_trade_no":"社保"} in GBK.
    let body = "biz_content=%7B%22out_trade_no%22%3A%22%C9%E7%B1%A3%22%7D";
    let form = "application/x-www-form-urlencoded";
    let request = request.header("Content-Type", form).body(body);
    let told = bench.alipay_read(request.send().await.unwrap()).await;
    assert_eq!(told.sub_code(), "isv.invalid-signature");
}

#[tokio::test]
async fn a_documented_refusal_comes_as_the_gateway_sends_it() {
    let bench = Bench::new().await;
    for (code, public, root, signed) in [
        ("isv.missing-signature", "40001", "alipay_trade_query_response", false),
        ("isv.app-cert-expired", "40002", "alipay_trade_query_response", false),
        ("isv.insufficient-isv-permissions", "40006", "alipay_trade_query_response", true),
        ("isv.refreshed-token-invalid", "40002", "error_response", true),
        ("AQC.SYSTEM_ERROR", "40004", "alipay_trade_query_response", true),
        ("ACQ.ENTERPRISE_PAY_BIZ_ERROR", "40004", "alipay_trade_query_response", true),
    ] {
        let refusal = FaultKind::Refuse(DocumentedRefusal::named(code).unwrap());
        bench.mocks.set_fault(Fault::next(FaultTarget::AlipayQuery, refusal)).unwrap();
        let told = bench.alipay(QUERY, &json!({"out_trade_no": NO})).await;
        assert_eq!((told.sub_code(), told.text("code")), (code, public));
        assert_eq!((told.root.as_str(), told.is_signed), (root, signed), "{code}");
    }
}

const SEND: &str = "alipay.open.app.mini.templatemessage.send";

fn message(bench: &Bench, form_id: Option<&str>) -> Value {
    let mut biz = json!({
        "to_open_id": bench.open_id("小明"),
        "user_template_id": "T1",
        "page": "pages/order",
        "data": json!({"keyword1": {"value": "缴费成功"}}).to_string(),
    });
    if let Some(form_id) = form_id {
        biz["form_id"] = json!(form_id);
    }
    biz
}

#[tokio::test]
async fn a_payment_permits_one_message() {
    let bench = Bench::new().await;
    let told = bench.alipay_create(&bench.alipay_order(NO, "1.00")).await;
    let trade_no = told.text("trade_no").to_owned();
    let send = async || bench.alipay(SEND, &message(&bench, Some(&trade_no))).await;
    assert_eq!(send().await.sub_code(), "FORM_ID_INVALID", "not paid");
    bench.mocks.pay(&PayRequest::number(Alipay, NO)).unwrap();
    assert_eq!(send().await.text("code"), "10000");
    assert_eq!(send().await.sub_code(), "FORM_ID_SEND_LIMIT");
}

#[tokio::test]
async fn accepted_messages_run_out() {
    let bench = Bench::new().await;
    let send = async || bench.alipay(SEND, &message(&bench, None)).await.sub_code().to_owned();
    assert_eq!(send().await, "", "whoever was never asked takes everything");
    let accept = json!({"user": "小明", "template_id": "T1", "times": 2});
    assert_eq!(post(&bench, "/alipay/subscriptions", accept).await.status, 204);
    let subscribed = async || {
        let biz = json!({"open_id": bench.open_id("小明"), "template_id_list": ["T1", "T2"]});
        let method = "alipay.open.app.messagetemplate.subscribe.query";
        let told = bench.alipay(method, &biz).await;
        let state =
            |place: usize| told.content["subscribe_relations"][place]["subscribe_state"].clone();
        [state(0), state(1)]
    };
    assert_eq!(subscribed().await, [json!(true), json!(true)]);
    assert_eq!([send().await, send().await, send().await], ["", "", "MSG_UNSUBSCRIBED"]);
    assert_eq!(subscribed().await, [json!(false), json!(true)]);
}

#[tokio::test]
async fn a_messages_data_is_a_text() {
    let bench = Bench::new().await;
    for data in [json!({"keyword1": {"value": "x"}}), json!("[]"), json!("{")] {
        let mut biz = message(&bench, None);
        biz["data"] = data;
        assert_eq!(bench.alipay(SEND, &biz).await.sub_code(), "DATA_CONTENT_FORMAT_ERROR");
    }
}

#[rstest]
#[case("alipay.user.certify.open.query", "ILLEGAL_ARGUMENT_FORMAT")]
#[case("datadigital.fincloud.generalsaas.face.certify.query", "INVALID_PARAMETER")]
#[case("datadigital.fincloud.generalsaas.face.verification.query", "INVALID_PARAMETER")]
#[case("alipay.data.dataservice.bill.downloadurl.query", "INVAILID_ARGUMENTS")]
#[tokio::test]
async fn each_product_spells_a_wrong_parameter_its_own_way(
    #[case] method: &str,
    #[case] sub_code: &str,
) {
    let bench = Bench::new().await;
    let biz = json!({"certify_id": 1, "bill_type": 1});
    assert_eq!(bench.alipay(method, &biz).await.sub_code(), sub_code);
}

#[tokio::test]
async fn a_verified_identity_says_whose_it_is() {
    let bench = Bench::new().await;
    let who = json!({
        "identity_type": "CERT_INFO", "cert_type": "IDENTITY_CARD",
        "cert_name": "张三", "cert_no": "110101199003070000",
    });
    let ended = async |told: Told| {
        let certify_id = told.text("certify_id").to_owned();
        let end = json!({"certify_id": certify_id, "passed": true});
        assert_eq!(post(&bench, "/alipay/certifications", end).await.status, 200);
        json!({"certify_id": certify_id})
    };
    let begin = json!({"outer_order_no": "A1", "biz_code": "FACE", "identity_param": who});
    let open = "alipay.user.certify.open";
    let id = ended(bench.alipay(&format!("{open}.initialize"), &begin).await).await;
    let told = bench.alipay(&format!("{open}.query"), &id).await;
    let about: Value = serde_json::from_str(told.text("identity_info")).unwrap();
    assert_eq!(about["cert_name"], "张三");
    assert!(!told.text("material_info").is_empty());

    let mut begin = who.clone();
    begin["outer_order_no"] = json!("B1");
    begin["biz_code"] = json!("DATA_DIGITAL_BIZ_CODE_FACE_VERIFICATION");
    let face = "datadigital.fincloud.generalsaas.face.verification";
    let id = ended(bench.alipay(&format!("{face}.initialize"), &begin).await).await;
    let told = bench.alipay(&format!("{face}.query"), &id).await;
    for name in ["certify_state", "score", "quality", "attack_flag", "alive_photo"] {
        assert!(!told.text(name).is_empty(), "{name}");
    }
}
