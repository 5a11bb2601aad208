//! Rules of Alipay that are met seldom.

use std::time::Duration;

use kernel::Channel::Alipay;
use mock_providers::{
    AlipayIdMode, AlipayOddity, Fault, FaultKind, FaultTarget, NotificationRequest, PayRequest,
    Settings,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    bench::{Bench, Told, open_alipay, sign},
    control::{call, get, post},
};

const NO: &str = "SI20260101000001";
const QUERY: &str = "alipay.trade.query";
const DAY: Duration = Duration::from_secs(86_400);

fn switch(bench: &Bench, change: impl FnOnce(&mut Settings)) {
    let mut settings = bench.mocks.settings();
    change(&mut settings);
    bench.mocks.set_settings(settings);
}

async fn paid(bench: &Bench) {
    bench.alipay_create(&bench.alipay_order(NO, "1.00")).await;
    bench.mocks.pay(&PayRequest::number(Alipay, NO)).unwrap();
    bench.mocks.settle().await;
}

async fn with(bench: &Bench, method: &str, more: &[(&str, &str)]) -> Told {
    let mut parameters = bench.alipay_parameters(method);
    for (name, value) in more {
        parameters.insert((*name).to_owned(), (*value).to_owned());
    }
    bench.alipay_sign(&mut parameters);
    bench.alipay_send(parameters).await
}

/// `trade_status` of everything that was told, in its order.
fn statuses(bench: &Bench) -> Vec<String> {
    let key = &bench.facts.alipay.alipay_public_key;
    let told = bench.receiver.received();
    told.iter().map(|told| open_alipay(key, &told.body).unwrap()["trade_status"].clone()).collect()
}

#[tokio::test]
async fn the_application_is_looked_at_before_the_signature() {
    let bench = Bench::new().await;
    let mut parameters = bench.alipay_parameters(QUERY);
    parameters.insert("app_id".to_owned(), "2021000000000000".to_owned());
    assert_eq!(bench.alipay_send(parameters).await.sub_code(), "isv.invalid-app-id");
}

#[tokio::test]
async fn a_client_that_signs_blanks_fails() {
    let bench = Bench::new().await;
    let mut parameters = bench.alipay_parameters(QUERY);
    parameters.insert("app_auth_token".to_owned(), String::new());
    parameters.insert("biz_content".to_owned(), json!({"out_trade_no": NO}).to_string());
    let lines: Vec<String> = parameters.iter().map(|(n, v)| format!("{n}={v}")).collect();
    let signature = sign(&bench.facts.alipay.app_private_key, lines.join("&").as_bytes());
    parameters.insert("sign".to_owned(), signature);
    assert_eq!(bench.alipay_send(parameters).await.sub_code(), "isv.invalid-signature");
}

#[tokio::test]
async fn a_multipart_form_is_read_like_any_other() {
    let bench = Bench::new().await;
    let mut parameters = bench.alipay_parameters(QUERY);
    parameters.insert("biz_content".to_owned(), json!({"out_trade_no": "社保"}).to_string());
    bench.alipay_sign(&mut parameters);
    let biz = parameters.remove("biz_content").unwrap();
    let body = format!(
        "--X\r\nContent-Disposition: form-data; name=\"biz_content\"\r\n\r\n{biz}\r\n--X--\r\n"
    );
    let request = bench.client.post(&bench.facts.alipay.gateway).query(&parameters);
    let request = request.header("Content-Type", "multipart/form-data; boundary=X").body(body);
    let told = bench.alipay_read(request.send().await.unwrap()).await;
    assert_eq!(told.sub_code(), "ACQ.TRADE_NOT_EXIST");
}

#[tokio::test]
async fn the_envelope_has_its_order_and_no_blanks() {
    let bench = Bench::new().await;
    let facts = &bench.facts.alipay;
    let mut parameters = bench.alipay_parameters(QUERY);
    parameters.insert("app_cert_sn".to_owned(), facts.app_cert_sn.clone());
    parameters.insert("alipay_root_cert_sn".to_owned(), facts.alipay_root_cert_sn.clone());
    parameters.insert("biz_content".to_owned(), json!({"out_trade_no": NO}).to_string());
    bench.alipay_sign(&mut parameters);
    let text = bench.try_alipay(parameters).await.unwrap().text().await.unwrap();
    assert!(text.starts_with("{\"alipay_trade_query_response\":{\"code\":\"40004\","), "{text}");
    let serial = format!("}},\"alipay_cert_sn\":\"{}\",\"sign\":\"", facts.alipay_cert_sn);
    assert!(text.contains(&serial), "{text}");
}

#[tokio::test]
async fn an_expired_application_certificate_is_named() {
    let bench = Bench::new().await;
    bench.mocks.advance(DAY * (5 * 365 + 1)).await;
    let facts = &bench.facts.alipay;
    let serials = [
        ("app_cert_sn", facts.app_cert_sn.as_str()),
        ("alipay_root_cert_sn", facts.alipay_root_cert_sn.as_str()),
    ];
    assert_eq!(with(&bench, QUERY, &serials).await.sub_code(), "isv.app-cert-expired");
}

#[tokio::test]
async fn a_strict_gateway_knows_every_documented_member_of_an_order() {
    let bench = Bench::new().await;
    switch(&bench, |settings| settings.alipay_strict = true);
    let mut order = bench.alipay_order(NO, "1.00");
    order["ext_user_info"] = json!({"name": "张三"});
    assert_eq!(bench.alipay_create(&order).await.text("code"), "10000");
    order["surprise"] = json!("1");
    assert_eq!(bench.alipay_create(&order).await.sub_code(), "isv.suspected-attack");
}

#[rstest]
#[case(&[("grant_type", "password")], "isv.grant-type-invalid")]
#[case(&[("grant_type", "authorization_code"), ("code", "none")], "isv.code-invalid")]
#[case(&[("grant_type", "refresh_token"), ("refresh_token", "none")], "isv.refresh-token-invalid")]
#[tokio::test]
async fn a_grant_that_is_none_is_refused(#[case] pairs: &[(&str, &str)], #[case] sub_code: &str) {
    let bench = Bench::new().await;
    let told = with(&bench, "alipay.system.oauth.token", pairs).await;
    assert_eq!((told.root.as_str(), told.sub_code()), ("error_response", sub_code));
    assert!(told.is_signed);
}

#[tokio::test]
async fn tokens_end_by_time_and_by_their_user() {
    let bench = Bench::new().await;
    switch(&bench, |settings| settings.alipay_id_mode = AlipayIdMode::Both);
    let grant = async || {
        let minted = bench.mocks.mint_login_code(Alipay, "小明");
        let pairs = [("grant_type", "authorization_code"), ("code", minted.code.as_str())];
        let told = with(&bench, "alipay.system.oauth.token", &pairs).await;
        assert_eq!(told.text("user_id"), minted.user_id.unwrap());
        assert_eq!(told.text("open_id"), minted.open_id.unwrap());
        (told.text("access_token").to_owned(), told.text("refresh_token").to_owned())
    };
    let profile = async |token: &str| {
        let told = with(&bench, "alipay.user.info.share", &[("auth_token", token)]).await;
        (told.text("code").to_owned(), told.sub_code().to_owned())
    };
    let (access, refresh) = grant().await;
    assert_eq!((access.len(), refresh.len()), (40, 40));
    assert_eq!(profile(&access).await.0, "10000");
    bench.mocks.advance(DAY * 15).await;
    assert_eq!(profile(&access).await, ("20001".into(), "aop.auth-token-time-out".into()));
    bench.mocks.advance(DAY * 15).await;
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let told = with(&bench, "alipay.system.oauth.token", &pairs).await;
    assert_eq!(told.sub_code(), "isv.refresh-token-time-out");
    let (access, _) = grant().await;
    assert_eq!(post(&bench, "/alipay/tokens/revoke", json!({})).await.status, 204);
    assert_eq!(profile(&access).await.1, "aop.invalid-auth-token");
}

#[tokio::test]
async fn what_does_not_exist_is_told_as_documented() {
    let bench = Bench::new().await;
    for method in ["alipay.trade.close", "alipay.trade.query", "alipay.trade.fastpay.refund.query"]
    {
        let biz = json!({"out_trade_no": NO, "out_request_no": "R1"});
        assert_eq!(bench.alipay(method, &biz).await.sub_code(), "ACQ.TRADE_NOT_EXIST", "{method}");
    }
    paid(&bench).await;
    let told = bench.alipay(QUERY, &json!({"out_trade_no": NO})).await;
    assert_eq!(told.content.get("fund_bill_list"), None, "only when asked for");
    let cancelled = bench.alipay("alipay.trade.cancel", &json!({"out_trade_no": NO})).await;
    assert_eq!(cancelled.text("retry_flag"), "N");
}

#[tokio::test]
async fn a_refund_without_a_number_is_the_whole_and_none_comes_too_soon_or_too_late() {
    let bench = Bench::new().await;
    paid(&bench).await;
    let ask = async |biz: Value| bench.alipay("alipay.trade.refund", &biz).await;
    let partial = ask(json!({"out_trade_no": NO, "refund_amount": "0.40"})).await;
    assert_eq!(partial.sub_code(), "ACQ.INVALID_PARAMETER");
    let numbered = |number: &str| json!({"out_trade_no": NO, "out_request_no": number, "refund_amount": "0.10"});
    switch(&bench, |settings| settings.alipay_strict = true);
    assert_eq!(ask(numbered("R1")).await.text("fund_change"), "Y");
    assert_eq!(ask(numbered("R2")).await.sub_code(), "ACQ.REASON_TRADE_REFUND_FEE_ERR");
    bench.mocks.advance(Duration::from_secs(3)).await;
    assert_eq!(ask(numbered("R2")).await.text("fund_change"), "Y");
    bench.mocks.advance(DAY * 365).await;
    assert_eq!(ask(numbered("R3")).await.sub_code(), "ACQ.TRADE_HAS_FINISHED");

    let bench = Bench::new().await;
    paid(&bench).await;
    let whole = json!({"out_trade_no": NO, "refund_amount": "1.00"});
    let told = bench.alipay("alipay.trade.refund", &whole).await;
    assert_eq!((told.text("fund_change"), told.text("refund_fee")), ("Y", "1.00"));
    let again = bench.alipay("alipay.trade.refund", &whole).await;
    assert_eq!(again.text("fund_change"), "N");
}

#[tokio::test]
async fn closing_by_call_by_hand_and_by_time_is_told_where_the_product_tells() {
    let bench = Bench::new().await;
    let mut order = bench.alipay_order("SI0", "1.00");
    order["timeout_express"] = json!("5m");
    bench.alipay_create(&order).await;
    bench.mocks.advance(Duration::from_secs(400)).await;
    assert!(bench.receiver.received().is_empty(), "not by default");

    switch(&bench, |settings| settings.alipay_tells_closed = true);
    for number in ["SI1", "SI2", "SI3", "SI4"] {
        order["out_trade_no"] = json!(number);
        bench.alipay_create(&order).await;
    }
    assert!(get(&bench, "/deliveries").await["deliveries"].as_array().unwrap().is_empty());
    bench.alipay("alipay.trade.close", &json!({"out_trade_no": "SI1"})).await;
    bench.mocks.expire(Alipay, "SI2").unwrap();
    bench.mocks.pay(&PayRequest::number(Alipay, "SI3")).unwrap();
    bench.mocks.settle().await;
    let mut told = statuses(&bench);
    told.sort(); // all three are due at once
    assert_eq!(told, ["TRADE_CLOSED", "TRADE_CLOSED", "TRADE_SUCCESS"]);
    bench.mocks.advance(Duration::from_secs(299)).await;
    assert_eq!(statuses(&bench).len(), 3);
    bench.mocks.advance(Duration::from_secs(1)).await;
    assert_eq!(statuses(&bench).len(), 4, "the deadline of the fourth, and of no other");
    let key = &bench.facts.alipay.alipay_public_key;
    let last = open_alipay(key, &bench.receiver.received().pop().unwrap().body).unwrap();
    assert_eq!(last["out_trade_no"], "SI4");
    assert_eq!(last["gmt_close"], "2026-01-01 08:11:40");
    bench.mocks.advance(DAY * 16).await;
    assert_eq!(statuses(&bench).len(), 4);
}

#[tokio::test]
async fn a_finished_trade_is_told_where_the_product_tells() {
    let bench = Bench::new().await;
    switch(&bench, |settings| settings.alipay_tells_finished = true);
    paid(&bench).await;
    bench.mocks.advance(DAY * 365 - Duration::from_secs(1)).await;
    assert_eq!(statuses(&bench), ["TRADE_SUCCESS"]);
    bench.mocks.advance(Duration::from_secs(1)).await;
    assert_eq!(statuses(&bench), ["TRADE_SUCCESS", "TRADE_FINISHED"]);

    let bench = Bench::new().await;
    switch(&bench, |settings| settings.alipay_tells_finished = true);
    paid(&bench).await;
    let whole = json!({"out_trade_no": NO, "refund_amount": "1.00"});
    bench.alipay("alipay.trade.refund", &whole).await;
    bench.mocks.advance(DAY * 366).await;
    assert_eq!(statuses(&bench), ["TRADE_SUCCESS", "TRADE_CLOSED"], "nothing is left to finish");
}

#[tokio::test]
async fn face_to_face_products_repeat_three_times_at_once() {
    let bench = Bench::new().await;
    switch(&bench, |settings| settings.alipay_face_to_face = true);
    bench.receiver.will_answer(&[(500, "fail"); 4]);
    paid(&bench).await;
    assert_eq!(bench.receiver.received().len(), 4);
    bench.mocks.advance(Duration::from_secs(240)).await;
    assert_eq!(bench.receiver.received().len(), 5);
}

#[tokio::test]
async fn a_thin_notification_has_only_what_every_product_has() {
    let bench = Bench::new().await;
    paid(&bench).await;
    let mut request = NotificationRequest::payment(Alipay, NO);
    request.craft.oddity = Some(AlipayOddity::FewFields);
    let signed = bench.mocks.craft_notification(&request).unwrap();
    let fields = open_alipay(&bench.facts.alipay.alipay_public_key, &signed.body).unwrap();
    assert!(!fields.contains_key("subject") && !fields.contains_key("receipt_amount"));
    assert_eq!(fields["total_amount"], "1.00");
}

#[rstest]
#[case::truncated(AlipayOddity::Truncated)]
#[case::empty(AlipayOddity::EmptyBody)]
#[case::doubled(AlipayOddity::DoubledRoot)]
#[case::system_error(AlipayOddity::SystemErrorAfterCommit)]
#[tokio::test]
async fn an_unreadable_answer_leaves_the_trade_behind(#[case] oddity: AlipayOddity) {
    let bench = Bench::new().await;
    let fault = Fault::next(FaultTarget::AlipayCreate, FaultKind::Alipay(oddity));
    bench.mocks.set_fault(fault).unwrap();
    let mut parameters = bench.alipay_parameters("alipay.trade.create");
    parameters.insert("biz_content".to_owned(), bench.alipay_order(NO, "1.00").to_string());
    bench.alipay_sign(&mut parameters);
    let text = bench.try_alipay(parameters).await.unwrap().text().await.unwrap();
    let roots = text.matches("\"alipay_trade_create_response\":").count();
    match oddity {
        AlipayOddity::Truncated => assert!(serde_json::from_str::<Value>(&text).is_err()),
        AlipayOddity::EmptyBody => assert_eq!(text, ""),
        AlipayOddity::DoubledRoot => assert_eq!(roots, 2),
        _ => assert!(text.contains("ACQ.SYSTEM_ERROR"), "{text}"),
    }
    assert!(bench.mocks.trade(Alipay, NO).is_some());
}

#[tokio::test]
async fn a_connection_can_drop_before_anything_is_done() {
    let bench = Bench::new().await;
    let drop = FaultKind::Alipay(AlipayOddity::DropBeforeCommit);
    bench.mocks.set_fault(Fault::next(FaultTarget::AlipayCreate, drop)).unwrap();
    let mut parameters = bench.alipay_parameters("alipay.trade.create");
    parameters.insert("biz_content".to_owned(), bench.alipay_order(NO, "1.00").to_string());
    bench.alipay_sign(&mut parameters);
    let lost = match bench.try_alipay(parameters).await {
        Ok(response) => response.text().await.is_err(),
        Err(_) => true,
    };
    assert!(lost);
    assert!(bench.mocks.trade(Alipay, NO).is_none());
}

#[tokio::test]
async fn everybody_is_subscribed_until_told_otherwise() {
    let bench = Bench::new().await;
    let method = "alipay.open.app.messagetemplate.subscribe.query";
    let mut biz = json!({"open_id": bench.open_id("小明"), "template_id_list": ["T1", "T2"]});
    let told = bench.alipay(method, &biz).await;
    assert_eq!(told.content["subscribe_relations"][1]["subscribe_state"], true);
    let off = FaultKind::Alipay(AlipayOddity::Unsubscribed);
    bench.mocks.set_fault(Fault::next(FaultTarget::AlipayMessage, off)).unwrap();
    let told = bench.alipay(method, &biz).await;
    assert_eq!(told.content["subscribe_relations"][0]["subscribe_state"], false);
    biz["template_id_list"] = json!(["1", "2", "3", "4"]);
    assert_eq!(bench.alipay(method, &biz).await.sub_code(), "SUBSCRIBE_TEMPLATE_OVER_LIMIT");
    biz["open_id"] = json!("nobody");
    assert_eq!(bench.alipay(method, &biz).await.sub_code(), "OPENID_INVALID");
}

#[rstest]
#[case("/to_open_id", json!("nobody"), "USER_ID_INVALID")]
#[case("/data", json!("no json"), "DATA_CONTENT_FORMAT_ERROR")]
#[case("/data", json!("{}"), "DATA_IS_EMPTY")]
#[case("/data", json!(r#"{"other":{"value":"x"}}"#), "MESSAGE_TEMPLATE_KEYWORD_ILLEGAL")]
#[case("/form_id", json!("none"), "FORM_ID_INVALID")]
#[tokio::test]
async fn a_message_must_fit_its_template(
    #[case] at: &str,
    #[case] value: Value,
    #[case] sub_code: &str,
) {
    let bench = Bench::new().await;
    let mut biz = json!({
        "to_open_id": bench.open_id("小明"), "user_template_id": "T1", "page": "pages/order",
        "data": json!({"keyword1": {"value": "x"}}).to_string(),
    });
    biz[&at[1..]] = value;
    let told = bench.alipay("alipay.open.app.mini.templatemessage.send", &biz).await;
    assert_eq!(told.sub_code(), sub_code);
}

#[tokio::test]
async fn the_face_products_lead_to_a_page_that_their_user_ends() {
    let bench = Bench::new().await;
    let identity = json!({
        "identity_type": "CERT_INFO", "cert_type": "IDENTITY_CARD",
        "cert_name": "张三", "cert_no": "110101199003070000",
    });
    let face = "datadigital.fincloud.generalsaas.face.certify";
    let begin = json!({"outer_order_no": "F1", "biz_code": "FACE", "identity_param": identity});
    let told = bench.alipay(&format!("{face}.initialize"), &begin).await;
    let id = json!({"certify_id": told.text("certify_id")});
    let page = bench.alipay(&format!("{face}.verify"), &id).await;
    let url = format!("{}?passed=F", page.text("certify_url"));
    assert_eq!(bench.client.get(&url).send().await.unwrap().status(), 200);
    assert_eq!(bench.client.get(&url).send().await.unwrap().status(), 409, "once");
    let told = bench.alipay(&format!("{face}.query"), &id).await;
    assert_eq!((told.text("passed"), told.text("fail_reason")), ("F", "刷脸不通过"));

    let verification = "datadigital.fincloud.generalsaas.face.verification";
    let mut begin = identity.clone();
    begin["outer_order_no"] = json!("V1");
    begin["biz_code"] = json!("DATA_DIGITAL_BIZ_CODE_FACE_VERIFICATION");
    let told = bench.alipay(&format!("{verification}.initialize"), &begin).await;
    let id = json!({"certify_id": told.text("certify_id")});
    let state = async || {
        let told = bench.alipay(&format!("{verification}.query"), &id).await;
        told.text("certify_state").to_owned()
    };
    assert_eq!(state().await, "PROCESSING");
    let url = format!("{}?passed=T", told.text("web_url"));
    bench.client.get(url).send().await.unwrap();
    assert_eq!(state().await, "SUCCESS");
}

#[tokio::test]
async fn the_open_certification_is_a_signed_address_that_leads_to_its_page() {
    let bench = Bench::new().await;
    let begin = json!({
        "outer_order_no": "A1", "biz_code": "FACE",
        "identity_param": {
            "identity_type": "CERT_INFO", "cert_type": "IDENTITY_CARD",
            "cert_name": "张三", "cert_no": "110101199003070000",
        },
    });
    let method = |word: &str| format!("alipay.user.certify.open.{word}");
    let told = bench.alipay(&method("initialize"), &begin).await;
    let id = told.text("certify_id").to_owned();
    let mut parameters = bench.alipay_parameters(&method("certify"));
    parameters.insert("biz_content".to_owned(), json!({"certify_id": id}).to_string());
    bench.alipay_sign(&mut parameters);
    let page = bench.client.get(&bench.facts.alipay.gateway).query(&parameters);
    let page = page.send().await.unwrap();
    assert!(page.url().path().ends_with(&id), "{}", page.url());
    assert!(page.text().await.unwrap().contains("passed=T"));
    bench.mocks.advance(DAY).await;
    let late = bench.alipay(&method("query"), &json!({"certify_id": id})).await;
    assert_eq!(late.sub_code(), "CERTIFY_ID_EXPIRED");
}

#[rstest]
#[case::last_moment(59, true)]
#[case::too_late(60, false)]
#[tokio::test]
async fn a_payment_at_the_edge_of_its_deadline(#[case] seconds: u64, #[case] pays: bool) {
    let bench = Bench::new().await;
    let mut order = bench.alipay_order(NO, "1.00");
    order["timeout_express"] = json!("15d");
    order["time_expire"] = json!("2026-01-01 08:01:00");
    bench.alipay_create(&order).await;
    bench.mocks.advance(Duration::from_secs(seconds)).await;
    assert_eq!(bench.mocks.pay(&PayRequest::number(Alipay, NO)).is_ok(), pays);
}

#[tokio::test]
async fn fields_of_a_notification_come_in_any_order() {
    let bench = Bench::new().await;
    paid(&bench).await;
    let mut firsts = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let ask = json!({"platform": "alipay", "out_trade_no": NO, "deliver": false});
        let crafted = call(&bench, reqwest::Method::POST, "/notifications", &ask).await.json();
        let body = crafted["body"].as_str().unwrap();
        firsts.insert(body.split('=').next().unwrap().to_owned());
    }
    assert!(firsts.len() > 2, "{firsts:?}");
}
