//! Alipay's gateway as a merchant sees it.

use std::time::Duration;

use kernel::Channel::Alipay;
use mock_providers::{
    AlipayIdMode, Fault, FaultKind, FaultTarget, NotificationRequest, PayRequest, SignKind,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::bench::{Bench, open_alipay};

const NO: &str = "SI20260101000001";

async fn paid(bench: &Bench, number: &str, yuan: &str) {
    let told = bench.alipay_create(&bench.alipay_order(number, yuan)).await;
    assert_eq!(told.text("code"), "10000", "{told:?}");
    bench.mocks.pay(&PayRequest::number(Alipay, number)).unwrap();
    bench.mocks.settle().await;
}

#[tokio::test]
async fn a_trade_is_created_paid_told_and_queried() {
    let bench = Bench::new().await;
    let created = bench.alipay_create(&bench.alipay_order(NO, "898.80")).await;
    assert_eq!(created.root, "alipay_trade_create_response");
    assert!(created.is_signed);
    let trade_no = created.text("trade_no").to_owned();
    assert_eq!(trade_no.len(), 28);
    let unpaid = bench.alipay("alipay.trade.query", &json!({"out_trade_no": NO})).await;
    assert_eq!(unpaid.text("trade_status"), "WAIT_BUYER_PAY");

    let result = bench.mocks.pay(&PayRequest::alipay_trade(&trade_no)).unwrap();
    assert_eq!(result.client_result, "9000");
    bench.mocks.settle().await;
    let told = bench.receiver.only();
    assert_eq!(told.headers["content-type"], "application/x-www-form-urlencoded; charset=utf-8");
    let fields = open_alipay(&bench.facts.alipay.alipay_public_key, &told.body).unwrap();
    assert_eq!(fields["trade_status"], "TRADE_SUCCESS");
    assert_eq!(fields["total_amount"], "898.80");
    assert_eq!(fields["seller_id"], bench.facts.alipay.seller_id);
    assert_eq!(fields["buyer_open_id"], bench.open_id("小明"));
    assert_eq!(fields["passback_params"], "a%3D1%26b");
    assert_eq!(fields["body"], "");
    assert!(!fields.contains_key("buyer_id"));

    let query = json!({"trade_no": trade_no, "query_options": ["fund_bill_list"]});
    let paid = bench.alipay("alipay.trade.query", &query).await;
    assert!(paid.is_signed);
    assert_eq!(paid.text("trade_status"), "TRADE_SUCCESS");
    assert_eq!(paid.text("send_pay_date"), "2026-01-01 08:00:00");
    assert_eq!(paid.content["fund_bill_list"][0]["fund_channel"], "ALIPAYACCOUNT");
}

#[rstest]
#[case("app_id", "2021000000000000", "isv.invalid-app-id")]
#[case("app_id", "", "isv.missing-app-id")]
#[case("sign", "", "isv.missing-signature")]
#[case("sign", "AAAA", "isv.invalid-signature")]
#[case("sign_type", "RSA", "isv.invalid-signature-type")]
#[case("version", "2.0", "isv.invalid-parameter")]
#[case("charset", "latin1", "isv.invalid-charset")]
#[case("timestamp", "2026-01-01 00:00:00", "isv.invalid-timestamp")]
#[case("timestamp", "2026-01-01T08:00:00", "isv.invalid-timestamp")]
#[case("format", "XML", "isv.invalid-format")]
#[case("method", "", "isv.missing-method")]
#[tokio::test]
async fn the_gateway_refuses_unsigned(
    #[case] name: &str,
    #[case] value: &str,
    #[case] sub_code: &str,
) {
    let bench = Bench::new().await;
    let mut parameters = bench.alipay_parameters("alipay.trade.query");
    parameters.insert("biz_content".to_owned(), json!({"out_trade_no": NO}).to_string());
    bench.alipay_sign(&mut parameters);
    parameters.insert(name.to_owned(), value.to_owned());
    let told = bench.alipay_send(parameters).await;
    assert_eq!(told.sub_code(), sub_code);
    assert!(!told.is_signed);
}

#[tokio::test]
async fn a_changed_body_shows_the_text_that_was_verified() {
    let bench = Bench::new().await;
    let mut parameters = bench.alipay_parameters("alipay.trade.query");
    parameters.insert("biz_content".to_owned(), json!({"out_trade_no": NO}).to_string());
    bench.alipay_sign(&mut parameters);
    parameters.insert("biz_content".to_owned(), json!({"out_trade_no": "other"}).to_string());
    let told = bench.alipay_send(parameters).await;
    assert_eq!(told.sub_code(), "isv.invalid-signature");
    assert!(told.text("sub_msg").contains("&amp;biz_content={&quot;out_trade_no&quot;:"));
}

#[tokio::test]
async fn blank_parameters_are_not_signed() {
    let bench = Bench::new().await;
    let mut parameters = bench.alipay_parameters("alipay.trade.query");
    parameters.insert("biz_content".to_owned(), json!({"out_trade_no": NO}).to_string());
    bench.alipay_sign(&mut parameters);
    parameters.insert("app_auth_token".to_owned(), String::new());
    let told = bench.alipay_send(parameters).await;
    assert_eq!(told.sub_code(), "ACQ.TRADE_NOT_EXIST");
    assert!(told.is_signed, "business failures are signed");
}

#[tokio::test]
async fn unknown_methods_and_broken_json_are_told_apart() {
    let bench = Bench::new().await;
    let unknown = bench.alipay("alipay.trade.unknown", &json!({})).await;
    assert_eq!((unknown.sub_code(), unknown.is_signed), ("isv.invalid-method", false));
    let broken = bench.alipay("alipay.trade.query", &json!([])).await;
    assert_eq!(broken.sub_code(), "isv.illegal-json");
}

#[tokio::test]
async fn everything_in_the_query_of_a_get_is_accepted() {
    let bench = Bench::new().await;
    let mut parameters = bench.alipay_parameters("alipay.trade.query");
    parameters.insert("biz_content".to_owned(), json!({"out_trade_no": "社保"}).to_string());
    bench.alipay_sign(&mut parameters);
    let request = bench.client.get(&bench.facts.alipay.gateway).query(&parameters);
    let told = bench.alipay_read(request.send().await.unwrap()).await;
    assert_eq!(told.sub_code(), "ACQ.TRADE_NOT_EXIST");
}

#[tokio::test]
async fn chinese_needs_the_charset_in_the_address() {
    let bench = Bench::new().await;
    let mut parameters = bench.alipay_parameters("alipay.trade.query");
    parameters.insert("biz_content".to_owned(), json!({"out_trade_no": "社保"}).to_string());
    bench.alipay_sign(&mut parameters);
    let request = bench.client.post(&bench.facts.alipay.gateway).form(&parameters);
    let told = bench.alipay_read(request.send().await.unwrap()).await;
    assert_eq!(told.sub_code(), "isv.invalid-signature");
}

#[rstest]
#[case("out_trade_no", json!("with-hyphen"), "ACQ.INVALID_PARAMETER")]
#[case("total_amount", json!("0"), "ACQ.INVALID_PARAMETER")]
#[case("total_amount", json!("0.001"), "ACQ.INVALID_PARAMETER")]
#[case("total_amount", json!("100000000.01"), "ACQ.TOTAL_FEE_EXCEED")]
#[case("subject", json!("a=b"), "ACQ.INVALID_PARAMETER")]
#[case("product_code", json!("FACE_TO_FACE_PAYMENT"), "ACQ.ACCESS_FORBIDDEN")]
#[case("op_app_id", json!("2021000000000000"), "ACQ.UNBOUND_APPLICATION")]
#[case("seller_id", json!("2088000000000000"), "ACQ.INVALID_RECEIVE_ACCOUNT")]
#[case("buyer_open_id", json!("nobody"), "ACQ.BUYER_NOT_EXIST")]
#[case("buyer_open_id", json!(""), "ACQ.INVALID_PARAMETER")]
#[case("timeout_express", json!("1.5h"), "ACQ.INVALID_PARAMETER")]
#[case("time_expire", json!("2026-01-01 08:00:00"), "ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR")]
#[tokio::test]
async fn a_wrong_order_is_refused_signed(
    #[case] name: &str,
    #[case] value: Value,
    #[case] sub_code: &str,
) {
    let bench = Bench::new().await;
    let mut order = bench.alipay_order(NO, "1.00");
    order[name] = value;
    let told = bench.alipay_create(&order).await;
    assert_eq!((told.text("code"), told.sub_code()), ("40004", sub_code));
    assert!(told.is_signed);
}

#[tokio::test]
async fn a_repeat_must_be_the_same_and_gives_the_same_trade() {
    let bench = Bench::new().await;
    let order = bench.alipay_order(NO, "1.00");
    let first = bench.alipay_create(&order).await;
    let second = bench.alipay_create(&order).await;
    assert_eq!(first.text("trade_no"), second.text("trade_no"));
    for (name, value) in [
        ("total_amount", json!("1.01")),
        ("subject", json!("other")),
        ("buyer_open_id", json!(bench.open_id("another"))),
    ] {
        let mut other = order.clone();
        other[name] = value;
        assert_eq!(bench.alipay_create(&other).await.sub_code(), "ACQ.CONTEXT_INCONSISTENT");
    }
    bench.mocks.pay(&PayRequest::number(Alipay, NO)).unwrap();
    assert_eq!(bench.alipay_create(&order).await.sub_code(), "ACQ.TRADE_HAS_SUCCESS");
    let closed = "SI20260101000002";
    let order = bench.alipay_order(closed, "1.00");
    bench.alipay_create(&order).await;
    let close = json!({"out_trade_no": closed});
    assert_eq!(bench.alipay("alipay.trade.close", &close).await.text("code"), "10000");
    assert_eq!(bench.alipay_create(&order).await.sub_code(), "ACQ.TRADE_HAS_CLOSE");
    assert_eq!(
        bench.alipay("alipay.trade.close", &json!({"out_trade_no": NO})).await.sub_code(),
        "ACQ.TRADE_STATUS_ERROR"
    );
}

#[tokio::test]
async fn the_id_mode_decides_which_ids_are_given_and_taken() {
    let bench = Bench::new().await;
    let minted = bench.mocks.mint_login_code(Alipay, "小明");
    let mut order = bench.alipay_order(NO, "1.00");
    order.as_object_mut().unwrap().remove("buyer_open_id");
    order["buyer_id"] = json!(minted.user_id.unwrap());
    assert_eq!(bench.alipay_create(&order).await.sub_code(), "isv.invalid-openid");
    let mut settings = bench.mocks.settings();
    settings.alipay_id_mode = AlipayIdMode::UserId;
    bench.mocks.set_settings(settings);
    assert_eq!(bench.alipay_create(&order).await.text("code"), "10000");
    order["out_trade_no"] = json!("SI20260101000002");
    order["buyer_id"] = json!(bench.facts.alipay.seller_id);
    assert_eq!(bench.alipay_create(&order).await.sub_code(), "ACQ.BUYER_SELLER_EQUAL");
    order["buyer_id"] = json!("2088000000000001");
    assert_eq!(bench.alipay_create(&order).await.sub_code(), "ACQ.BUYER_NOT_EXIST");
}

async fn token(bench: &Bench, pairs: [(&str, &str); 2]) -> crate::bench::Told {
    let mut parameters = bench.alipay_parameters("alipay.system.oauth.token");
    for (name, value) in pairs {
        parameters.insert(name.to_owned(), value.to_owned());
    }
    bench.alipay_sign(&mut parameters);
    bench.alipay_send(parameters).await
}

#[tokio::test]
async fn a_login_code_works_once_and_a_refresh_token_too() {
    let bench = Bench::new().await;
    let minted = bench.mocks.mint_login_code(Alipay, "小明");
    let by_code = [("grant_type", "authorization_code"), ("code", minted.code.as_str())];
    let told = token(&bench, by_code).await;
    assert!(told.is_signed);
    assert_eq!(told.content.get("code"), None);
    assert_eq!(told.text("open_id"), minted.open_id.unwrap());
    assert_eq!(told.content.get("user_id"), None);
    let again = token(&bench, by_code).await;
    assert_eq!((again.root.as_str(), again.sub_code()), ("error_response", "isv.code-invalid"));
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", told.text("refresh_token"))];
    assert_eq!(token(&bench, refresh).await.text("open_id"), told.text("open_id"));
    assert_eq!(token(&bench, refresh).await.sub_code(), "isv.refreshed-token-invalid");
}

#[tokio::test]
async fn refunds_add_up_and_replays_move_nothing() {
    let bench = Bench::new().await;
    let ask = async |number: &str, yuan: &str| {
        let biz = json!({"out_trade_no": NO, "out_request_no": number, "refund_amount": yuan});
        bench.alipay("alipay.trade.refund", &biz).await
    };
    paid(&bench, NO, "1.00").await;
    let first = ask("R1", "0.40").await;
    assert_eq!((first.text("fund_change"), first.text("refund_fee")), ("Y", "0.40"));
    let replay = ask("R1", "0.40").await;
    assert_eq!((replay.text("fund_change"), replay.text("refund_fee")), ("N", "0.40"));
    assert_eq!(ask("R1", "0.41").await.sub_code(), "ACQ.DISCORDANT_REPEAT_REQUEST");
    assert_eq!(ask("R2", "0.61").await.sub_code(), "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL");
    bench.mocks.settle().await;
    let partial = bench.receiver.received().pop().unwrap();
    let key = &bench.facts.alipay.alipay_public_key;
    let fields = open_alipay(key, &partial.body).unwrap();
    assert_eq!(fields["trade_status"], "TRADE_SUCCESS");
    assert_eq!((&*fields["refund_fee"], &*fields["out_biz_no"]), ("0.40", "R1"));
    assert_eq!(fields["gmt_refund"], "2026-01-01 08:00:00.000");

    assert_eq!(ask("R2", "0.60").await.text("refund_fee"), "1.00");
    bench.mocks.settle().await;
    let full = bench.receiver.received().pop().unwrap();
    let fields = open_alipay(key, &full.body).unwrap();
    assert_eq!((&*fields["trade_status"], &*fields["refund_fee"]), ("TRADE_CLOSED", "1.00"));
    assert!(!fields.contains_key("receipt_amount"));
    let queried = bench.alipay("alipay.trade.query", &json!({"out_trade_no": NO})).await;
    assert_eq!(queried.text("trade_status"), "TRADE_CLOSED");
    let query = async |number: &str| {
        let biz = json!({"out_trade_no": NO, "out_request_no": number});
        bench.alipay("alipay.trade.fastpay.refund.query", &biz).await
    };
    let second = query("R2").await;
    assert_eq!(second.text("refund_status"), "REFUND_SUCCESS");
    assert_eq!(second.text("refund_amount"), "0.60");
    let unknown = query("R3").await;
    assert_eq!(unknown.text("code"), "10000");
    assert_eq!(unknown.content.get("refund_status"), None);
}

#[tokio::test]
async fn an_unpaid_trade_cannot_be_refunded_and_a_poor_seller_cannot_pay() {
    let bench = Bench::new().await;
    bench.alipay_create(&bench.alipay_order(NO, "1.00")).await;
    let biz = json!({"out_trade_no": NO, "out_request_no": "R1", "refund_amount": "1.00"});
    let told = bench.alipay("alipay.trade.refund", &biz).await;
    assert_eq!(told.sub_code(), "ACQ.TRADE_STATUS_ERROR");
    bench.mocks.pay(&PayRequest::number(Alipay, NO)).unwrap();
    let poor = Fault::next(FaultTarget::AlipayRefund, FaultKind::NotEnough);
    bench.mocks.set_fault(poor).unwrap();
    let told = bench.alipay("alipay.trade.refund", &biz).await;
    assert_eq!(told.sub_code(), "ACQ.SELLER_BALANCE_NOT_ENOUGH");
    assert_eq!(bench.alipay("alipay.trade.refund", &biz).await.text("fund_change"), "Y");
}

#[tokio::test]
async fn cancel_closes_what_is_unpaid_and_returns_what_is_paid() {
    let bench = Bench::new().await;
    let cancel = async |number: &str| {
        bench.alipay("alipay.trade.cancel", &json!({"out_trade_no": number})).await
    };
    assert_eq!(cancel(NO).await.content.get("action"), None);
    bench.alipay_create(&bench.alipay_order(NO, "1.00")).await;
    assert_eq!(cancel(NO).await.text("action"), "close");
    let number = "SI20260101000002";
    paid(&bench, number, "1.00").await;
    assert_eq!(cancel(number).await.text("action"), "refund");
    assert_eq!(bench.mocks.trade(Alipay, number).unwrap().refunds[0].amount_fen, 100);
    assert_eq!(cancel(number).await.text("action"), "refund");
    assert_eq!(bench.mocks.trade(Alipay, number).unwrap().refunds.len(), 1);
}

#[tokio::test]
async fn a_trade_closes_at_its_deadline_and_finishes_after_a_year() {
    let bench = Bench::new().await;
    let mut order = bench.alipay_order(NO, "1.00");
    order["timeout_express"] = json!("5m");
    bench.alipay_create(&order).await;
    bench.mocks.advance(Duration::from_secs(300)).await;
    assert_eq!(bench.mocks.trade(Alipay, NO).unwrap().state, "TRADE_CLOSED");
    assert!(bench.mocks.pay(&PayRequest::number(Alipay, NO)).is_err());
    let number = "SI20260101000002";
    paid(&bench, number, "1.00").await;
    bench.mocks.advance(Duration::from_secs(365 * 86_400)).await;
    assert_eq!(bench.mocks.trade(Alipay, number).unwrap().state, "TRADE_FINISHED");
}

#[tokio::test]
async fn answers_get_lost_on_order_and_queries_lag() {
    let bench = Bench::new().await;
    let order = bench.alipay_order(NO, "1.00");
    let strike = |kind| Fault::next(FaultTarget::AlipayCreate, kind);
    bench.mocks.set_fault(strike(FaultKind::ErrorBeforeCommit)).unwrap();
    assert_eq!(bench.alipay_create(&order).await.text("code"), "20000");
    assert!(bench.mocks.trade(Alipay, NO).is_none());
    bench.mocks.set_fault(strike(FaultKind::ErrorAfterCommit)).unwrap();
    assert_eq!(bench.alipay_create(&order).await.text("code"), "20000");
    assert!(bench.mocks.trade(Alipay, NO).is_some());
    bench.mocks.set_fault(strike(FaultKind::WrongSignature)).unwrap();
    assert!(!bench.alipay_create(&order).await.is_signed);
    let lag = Fault::next(FaultTarget::AlipayQuery, FaultKind::Lag);
    bench.mocks.set_fault(lag).unwrap();
    let query = json!({"out_trade_no": NO});
    let told = bench.alipay("alipay.trade.query", &query).await;
    assert_eq!(told.sub_code(), "ACQ.TRADE_NOT_EXIST");
    bench.mocks.pay(&PayRequest::number(Alipay, NO)).unwrap();
    bench.mocks.set_fault(lag).unwrap();
    let told = bench.alipay("alipay.trade.query", &query).await;
    assert_eq!(told.text("trade_status"), "WAIT_BUYER_PAY");
}

#[tokio::test]
async fn crafted_notifications_lie_only_where_told() {
    let bench = Bench::new().await;
    paid(&bench, NO, "1.00").await;
    let key = &bench.facts.alipay.alipay_public_key;
    let mut request = NotificationRequest::payment(Alipay, NO);
    request.craft.amount_fen = Some(1);
    request.craft.merchant_id = Some("2088000000009999".to_owned());
    let signed = bench.mocks.craft_notification(&request).unwrap();
    let fields = open_alipay(key, &signed.body).unwrap();
    assert_eq!((&*fields["total_amount"], &*fields["seller_id"]), ("0.01", "2088000000009999"));
    request.craft.sign = SignKind::Bad;
    let forged = bench.mocks.craft_notification(&request).unwrap();
    assert!(open_alipay(key, &forged.body).is_none());
    request.craft.sign = SignKind::Probe;
    assert!(bench.mocks.craft_notification(&request).is_err());
}
