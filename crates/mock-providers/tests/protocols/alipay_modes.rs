//! Alipay's gateway in its other modes: certificates, content encryption, GBK, strictness, and the
//! odd answers that a client must survive.

use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use kernel::Channel::Alipay;
use mock_providers::{
    AlipayKeyMode, AlipayOddity, AlipaySigner, Fault, FaultKind, FaultTarget, NotificationRequest,
    PayRequest, Settings,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::bench::{Bench, Told, open_alipay, verifies};

const NO: &str = "SI20260101000001";

fn switch(bench: &Bench, change: impl FnOnce(&mut Settings)) {
    let mut settings = bench.mocks.settings();
    change(&mut settings);
    bench.mocks.set_settings(settings);
}

async fn with(bench: &Bench, method: &str, biz: &Value, more: &[(&str, &str)]) -> Told {
    let mut parameters = bench.alipay_parameters(method);
    parameters.insert("biz_content".to_owned(), biz.to_string());
    for (name, value) in more {
        parameters.insert((*name).to_owned(), (*value).to_owned());
    }
    bench.alipay_sign(&mut parameters);
    bench.alipay_send(parameters).await
}

async fn certified(bench: &Bench, method: &str, biz: &Value) -> Told {
    let facts = &bench.facts.alipay;
    let serials = [
        ("app_cert_sn", facts.app_cert_sn.as_str()),
        ("alipay_root_cert_sn", facts.alipay_root_cert_sn.as_str()),
    ];
    with(bench, method, biz, &serials).await
}

#[tokio::test]
async fn certificate_mode_names_the_certificate_that_signed() {
    let bench = Bench::new().await;
    let told = certified(&bench, "alipay.trade.query", &json!({"out_trade_no": NO})).await;
    assert_eq!(told.sub_code(), "ACQ.TRADE_NOT_EXIST");
    assert!(told.is_signed);
    assert_eq!(told.serial, Some(bench.facts.alipay.alipay_cert_sn.clone()));
    let plain = bench.alipay("alipay.trade.query", &json!({"out_trade_no": NO})).await;
    assert_eq!((plain.is_signed, plain.serial), (true, None));
}

#[tokio::test]
async fn a_renewed_certificate_is_to_be_had_by_its_number() {
    let bench = Bench::new().await;
    switch(&bench, |settings| settings.alipay_signer = AlipaySigner::Next);
    let told = certified(&bench, "alipay.trade.query", &json!({"out_trade_no": NO})).await;
    let next = bench.facts.alipay.alipay_next_cert_sn.clone();
    assert_eq!((told.is_signed, told.serial.as_ref()), (true, Some(&next)));
    let method = "alipay.open.app.alipaycert.download";
    let content = certified(&bench, method, &json!({"alipay_cert_sn": next})).await;
    let pem = BASE64.decode(content.text("alipay_cert_content")).unwrap();
    assert_eq!(String::from_utf8(pem).unwrap(), bench.facts.alipay.alipay_next_cert);
    let unknown = certified(&bench, method, &json!({"alipay_cert_sn": "00"})).await;
    assert_eq!(unknown.text("code"), "40004");
}

#[rstest]
#[case::none(AlipayKeyMode::Certificate, &[], "isv.missing-app-cert-sn")]
#[case::no_root(AlipayKeyMode::Any, &[("app_cert_sn", "OWN")], "isv.missing-alipay-root-cert-sn")]
#[case::wrong(
    AlipayKeyMode::Any,
    &[("app_cert_sn", "00"), ("alipay_root_cert_sn", "ROOT")],
    "isv.invalid-parameter"
)]
#[case::other_mode(AlipayKeyMode::PublicKey, &[("app_cert_sn", "00")], "ACQ.TRADE_NOT_EXIST")]
#[tokio::test]
async fn certificate_mode_checks_both_serial_numbers(
    #[case] mode: AlipayKeyMode,
    #[case] given: &[(&str, &str)],
    #[case] sub_code: &str,
) {
    let bench = Bench::new().await;
    switch(&bench, |settings| settings.alipay_key_mode = mode);
    let facts = &bench.facts.alipay;
    let true_value = |value: &str| match value {
        "OWN" => facts.app_cert_sn.clone(),
        "ROOT" => facts.alipay_root_cert_sn.clone(),
        other => other.to_owned(),
    };
    let given: Vec<(&str, String)> =
        given.iter().map(|(name, value)| (*name, true_value(value))).collect();
    let given: Vec<(&str, &str)> = given.iter().map(|(name, value)| (*name, &**value)).collect();
    let told = with(&bench, "alipay.trade.query", &json!({"out_trade_no": NO}), &given).await;
    assert_eq!(told.sub_code(), sub_code);
}

#[tokio::test]
async fn encrypted_content_is_answered_encrypted_and_failures_in_clear() {
    let bench = Bench::new().await;
    bench.alipay_create(&bench.alipay_order(NO, "1.00")).await;
    let key: [u8; 16] = BASE64.decode(&bench.facts.alipay.aes_key).unwrap().try_into().unwrap();
    let ask = async |number: &str| {
        let plain = json!({"out_trade_no": number}).to_string();
        let cipher = cbc::Encryptor::<aes::Aes128>::new(&key.into(), &[0; 16].into());
        let content = BASE64.encode(cipher.encrypt_padded_vec::<Pkcs7>(plain.as_bytes()));
        let mut parameters = bench.alipay_parameters("alipay.trade.query");
        parameters.insert("encrypt_type".to_owned(), "AES".to_owned());
        parameters.insert("biz_content".to_owned(), content);
        bench.alipay_sign(&mut parameters);
        bench.alipay_send(parameters).await
    };
    let told = ask(NO).await;
    assert!(told.is_signed, "over the quotation marks too");
    let cipher = cbc::Decryptor::<aes::Aes128>::new(&key.into(), &[0; 16].into());
    let bytes = BASE64.decode(told.content.as_str().unwrap()).unwrap();
    let plain = cipher.decrypt_padded_vec::<Pkcs7>(&bytes).unwrap();
    let plain: Value = serde_json::from_slice(&plain).unwrap();
    assert_eq!(plain["trade_status"], "WAIT_BUYER_PAY");
    assert_eq!(ask("none").await.sub_code(), "ACQ.TRADE_NOT_EXIST");
    let broken = with(&bench, "alipay.trade.query", &json!({}), &[("encrypt_type", "AES")]).await;
    assert_eq!(broken.sub_code(), "isv.invalid-encrypt");
}

/// `text` in GBK, percent-encoded byte by byte.
fn gbk(text: &str) -> String {
    encoding_rs::GBK.encode(text).0.iter().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn gbk_decides_how_values_are_read_signed_and_answered() {
    let bench = Bench::new().await;
    let mut order = bench.alipay_order(NO, "1.00");
    order["subject"] = json!("社保缴费");
    let mut parameters = bench.alipay_parameters("alipay.trade.create");
    parameters.insert("charset".to_owned(), "GBK".to_owned());
    parameters.insert("biz_content".to_owned(), order.to_string());
    let lines: Vec<String> = parameters.iter().map(|(n, v)| format!("{n}={v}")).collect();
    let text = encoding_rs::GBK.encode(&lines.join("&")).0.into_owned();
    parameters
        .insert("sign".to_owned(), crate::bench::sign(&bench.facts.alipay.app_private_key, &text));
    let body = format!("biz_content={}", gbk(&parameters.remove("biz_content").unwrap()));
    let request = bench.client.post(&bench.facts.alipay.gateway).query(&parameters);
    let form = "application/x-www-form-urlencoded;charset=GBK";
    let answer = request.header("Content-Type", form).body(body).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/html;charset=gbk");
    assert!(answer.text().await.unwrap().contains("\"code\":\"10000\""));
    let trade = bench.alipay("alipay.trade.query", &json!({"out_trade_no": NO})).await;
    assert_eq!(trade.text("trade_status"), "WAIT_BUYER_PAY");
}

#[tokio::test]
async fn a_strict_gateway_refuses_what_it_does_not_know() {
    let bench = Bench::new().await;
    let biz = json!({"out_trade_no": NO, "surprise": "1"});
    assert_eq!(bench.alipay("alipay.trade.query", &biz).await.sub_code(), "ACQ.TRADE_NOT_EXIST");
    switch(&bench, |settings| settings.alipay_strict = true);
    assert_eq!(bench.alipay("alipay.trade.query", &biz).await.sub_code(), "isv.suspected-attack");
}

#[rstest]
#[case(AlipayOddity::Unsigned, None)]
#[case(AlipayOddity::OtherKey, None)]
#[case(AlipayOddity::SignFirst, Some("10000"))]
#[case(AlipayOddity::Pretty, Some("10000"))]
#[case(AlipayOddity::Escaped, Some("10000"))]
#[case(AlipayOddity::Braces, Some("10000"))]
#[case(AlipayOddity::SystemErrorAfterCommit, Some("40004"))]
#[case(AlipayOddity::ErrorRoot, Some("20000"))]
#[case(AlipayOddity::UnsignedError, None)]
#[tokio::test]
async fn an_odd_answer_is_signed_as_it_leaves(
    #[case] oddity: AlipayOddity,
    #[case] signed_code: Option<&str>,
) {
    let bench = Bench::new().await;
    bench.alipay_create(&bench.alipay_order(NO, "1.00")).await;
    let fault = Fault::next(FaultTarget::AlipayQuery, FaultKind::Alipay(oddity));
    bench.mocks.set_fault(fault).unwrap();
    let told = bench.alipay("alipay.trade.query", &json!({"out_trade_no": NO})).await;
    assert_eq!(told.is_signed, signed_code.is_some(), "{told:?}");
    if let Some(code) = signed_code {
        assert_eq!(told.text("code"), code);
    }
    let after = bench.alipay("alipay.trade.query", &json!({"out_trade_no": NO})).await;
    assert!(after.is_signed, "once only");
}

#[tokio::test]
async fn the_user_may_win_the_race_against_a_close() {
    let bench = Bench::new().await;
    bench.alipay_create(&bench.alipay_order(NO, "1.00")).await;
    let race = FaultKind::Alipay(AlipayOddity::PaidFirst);
    bench.mocks.set_fault(Fault::next(FaultTarget::AlipayClose, race)).unwrap();
    let told = bench.alipay("alipay.trade.close", &json!({"out_trade_no": NO})).await;
    assert_eq!(told.sub_code(), "ACQ.TRADE_STATUS_ERROR");
    assert_eq!(bench.mocks.trade(Alipay, NO).unwrap().state, "TRADE_SUCCESS");
}

#[tokio::test]
async fn a_refund_may_move_money_and_say_that_it_did_not() {
    let bench = Bench::new().await;
    bench.alipay_create(&bench.alipay_order(NO, "1.00")).await;
    bench.mocks.pay(&PayRequest::number(Alipay, NO)).unwrap();
    let quiet = FaultKind::Alipay(AlipayOddity::NoFundChange);
    bench.mocks.set_fault(Fault::next(FaultTarget::AlipayRefund, quiet)).unwrap();
    let biz = json!({"out_trade_no": NO, "out_request_no": "R1", "refund_amount": "1.00"});
    assert_eq!(bench.alipay("alipay.trade.refund", &biz).await.text("fund_change"), "N");
    switch(&bench, |settings| settings.alipay_refund_hidden_seconds = 10);
    let query = json!({"out_trade_no": NO, "out_request_no": "R1"});
    let method = "alipay.trade.fastpay.refund.query";
    assert_eq!(bench.alipay(method, &query).await.content.get("refund_status"), None);
    bench.mocks.advance(std::time::Duration::from_secs(10)).await;
    assert_eq!(bench.alipay(method, &query).await.text("refund_status"), "REFUND_SUCCESS");
}

#[rstest]
#[case(AlipayOddity::NewId, true)]
#[case(AlipayOddity::UnknownNumber, true)]
#[case(AlipayOddity::HtmlEscaped, true)]
#[case(AlipayOddity::ExtraField, true)]
#[case(AlipayOddity::FinishedFirst, true)]
#[case(AlipayOddity::WaitBuyerPay, true)]
#[case(AlipayOddity::CertificateSerial, true)]
#[case(AlipayOddity::CertificateSerialUnsigned, false)]
#[case(AlipayOddity::SignTypeSigned, false)]
#[case(AlipayOddity::BlanksUnsigned, false)]
#[tokio::test]
async fn an_odd_notification_is_signed_canonically_or_knowingly_not(
    #[case] oddity: AlipayOddity,
    #[case] canonical: bool,
) {
    let bench = Bench::new().await;
    bench.alipay_create(&bench.alipay_order(NO, "1.00")).await;
    bench.mocks.pay(&PayRequest::number(Alipay, NO)).unwrap();
    let mut request = NotificationRequest::payment(Alipay, NO);
    request.craft.oddity = Some(oddity);
    let signed = bench.mocks.craft_notification(&request).unwrap();
    let fits = open_alipay(&bench.facts.alipay.alipay_public_key, &signed.body).is_some();
    assert_eq!(fits, canonical);
}

#[tokio::test]
async fn a_gbk_notification_is_gbk_on_the_wire_and_under_the_signature() {
    let bench = Bench::new().await;
    bench.alipay_create(&bench.alipay_order(NO, "1.00")).await;
    let mut request = NotificationRequest::payment(Alipay, NO);
    request.craft.oddity = Some(AlipayOddity::GbkCharset);
    let body = bench.mocks.craft_notification(&request).unwrap().body;
    assert!(body.contains(&gbk("社保缴费")), "{body}");
    assert!(!body.contains("%E7%A4%BE"), "no UTF-8");
}

#[tokio::test]
async fn a_phone_number_is_signed_over_its_quoted_ciphertext() {
    let bench = Bench::new().await;
    let url = format!("{}/alipay/phone-number", bench.facts.control_url);
    let told: Value = bench
        .client
        .post(url)
        .body(r#"{"user":"小明"}"#)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let envelope: Value = serde_json::from_str(told["response"].as_str().unwrap()).unwrap();
    let quoted = format!("\"{}\"", envelope["response"].as_str().unwrap());
    let sign = envelope["sign"].as_str().unwrap();
    assert!(verifies(&bench.facts.alipay.alipay_public_key, quoted.as_bytes(), sign));
    assert_eq!(told["mobile"].as_str().unwrap().len(), 11);
}

#[tokio::test]
async fn a_certification_is_ended_once_by_its_user() {
    let bench = Bench::new().await;
    let begin = |number: &str| {
        json!({
            "outer_order_no": number,
            "biz_code": "FACE",
            "identity_param": {
                "identity_type": "CERT_INFO",
                "cert_type": "IDENTITY_CARD",
                "cert_name": "张三",
                "cert_no": "110101199003070000",
            },
            "merchant_config": {"return_url": "alipays://back"},
        })
    };
    let method = |word: &str| format!("alipay.user.certify.open.{word}");
    let told = bench.alipay(&method("initialize"), &begin("A1")).await;
    let certify_id = told.text("certify_id").to_owned();
    assert_eq!(certify_id.len(), 32);
    let again = bench.alipay(&method("initialize"), &begin("A1")).await;
    assert_eq!(again.sub_code(), "ILLEGAL_ARGUMENT_FORMAT", "a number is used once");
    let query = json!({"certify_id": certify_id});
    let waiting = bench.alipay(&method("query"), &query).await;
    assert_eq!(waiting.sub_code(), "OPEN_CERTIFY_BILL_STATUS_ERROR");
    let url = format!("{}/alipay/certifications", bench.facts.control_url);
    let end = json!({"certify_id": certify_id, "passed": true}).to_string();
    let status = async || bench.client.post(&url).body(end.clone()).send().await.unwrap().status();
    assert_eq!((status().await.as_u16(), status().await.as_u16()), (200, 404));
    assert_eq!(bench.alipay(&method("query"), &query).await.text("passed"), "T");
    let none = bench.alipay(&method("query"), &json!({"certify_id": "0"})).await;
    assert_eq!(none.sub_code(), "OPEN_CERTIFY_BILL_NOT_EXIST");
}

#[tokio::test]
async fn a_message_reaches_the_testers_list() {
    let bench = Bench::new().await;
    let data = json!({"keyword1": {"value": "缴费成功"}}).to_string();
    let biz = json!({
        "to_open_id": bench.open_id("小明"),
        "user_template_id": "T1",
        "page": "pages/order?no=1",
        "data": data,
    });
    let method = "alipay.open.app.mini.templatemessage.send";
    assert_eq!(bench.alipay(method, &biz).await.text("code"), "10000");
    let off = FaultKind::Alipay(AlipayOddity::Unsubscribed);
    bench.mocks.set_fault(Fault::next(FaultTarget::AlipayMessage, off)).unwrap();
    assert_eq!(bench.alipay(method, &biz).await.sub_code(), "MSG_UNSUBSCRIBED");
    let url = format!("{}/alipay/messages", bench.facts.control_url);
    let told: Value = bench.client.get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(told["messages"].as_array().unwrap().len(), 1);
    assert_eq!(told["messages"][0]["data"]["keyword1"]["value"], "缴费成功");
}

#[tokio::test]
async fn an_access_token_opens_its_users_profile() {
    let bench = Bench::new().await;
    let minted = bench.mocks.mint_login_code(Alipay, "小明");
    let by_code = [("grant_type", "authorization_code"), ("code", minted.code.as_str())];
    let token = with(&bench, "alipay.system.oauth.token", &json!({}), &by_code).await;
    let bearer = [("auth_token", token.text("access_token"))];
    let told = with(&bench, "alipay.user.info.share", &json!({}), &bearer).await;
    assert_eq!(told.text("open_id"), minted.open_id.unwrap());
    let other = [("auth_token", "none")];
    let told = with(&bench, "alipay.user.info.share", &json!({}), &other).await;
    assert_eq!(told.sub_code(), "aop.invalid-auth-token");
}
