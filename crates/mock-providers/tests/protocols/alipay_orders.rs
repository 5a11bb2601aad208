//! Every rule of an order's parameters, and who may pay it.

use kernel::Channel::Alipay;
use mock_providers::PayRequest;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    bench::Bench,
    control::{get, post},
};

const NO: &str = "SI20260101000001";

async fn created(change: impl FnOnce(&Bench, &mut Value)) -> (Bench, crate::bench::Told) {
    let bench = Bench::new().await;
    let mut order = bench.alipay_order(NO, "1.00");
    change(&bench, &mut order);
    let told = bench.alipay_create(&order).await;
    (bench, told)
}

fn goods(count: usize) -> Value {
    let one = |place: usize| json!({"goods_id": format!("g{place}"), "goods_name": "养老", "quantity": "1", "price": "0.01"});
    (0..count).map(one).collect()
}

#[rstest]
#[case::amount_as_number("total_amount", json!(1.00))]
#[case::long_channels("disable_pay_channels", json!("creditCard,".repeat(12)))]
#[case::long_store("store_id", json!("s".repeat(33)))]
#[case::long_operator("operator_id", json!("o".repeat(29)))]
#[case::long_terminal("terminal_id", json!("t".repeat(33)))]
#[case::long_merchant_order("merchant_order_no", json!("m".repeat(33)))]
#[case::extend_params("extend_params", json!("{}"))]
#[case::business_params("business_params", json!([]))]
#[case::ext_user_info("ext_user_info", json!("张三"))]
#[case::cert_type("ext_user_info", json!({"cert_type": "DRIVING_LICENCE"}))]
#[case::flag("ext_user_info", json!({"need_check_info": "yes"}))]
#[case::hash("ext_user_info", json!({"identity_hash": "abc"}))]
#[case::goods_text("goods_detail", json!("[]"))]
#[case::goods_without_price("goods_detail", json!([{"goods_id": "g", "goods_name": "n", "quantity": 1}]))]
#[case::goods_of_none("goods_detail", json!([{"goods_id": "g", "goods_name": "n", "quantity": 0, "price": "1"}]))]
#[case::options("query_options", json!("fund_bill_list"))]
#[case::sum("undiscountable_amount", json!("0.99"))]
#[tokio::test]
async fn a_parameter_that_breaks_its_rule_is_refused(#[case] name: &str, #[case] value: Value) {
    let (_, told) = created(|_, order| {
        order["discountable_amount"] = json!("0.00");
        order[name] = value;
    })
    .await;
    assert_eq!(told.sub_code(), "ACQ.INVALID_PARAMETER", "{told:?}");
}

#[tokio::test]
async fn a_relative_deadline_is_looked_at_even_where_the_other_one_wins() {
    let (_, told) = created(|_, order| {
        order["time_expire"] = json!("2026-01-01 09:00:00");
        order["timeout_express"] = json!("1.5h");
    })
    .await;
    assert_eq!(told.sub_code(), "ACQ.INVALID_PARAMETER");
}

#[rstest]
#[case(150, "")]
#[case(151, "ACQ.SUB_GOODS_SIZE_MAX_COUNT")]
#[tokio::test]
async fn an_order_has_a_hundred_and_fifty_goods_at_most(
    #[case] count: usize,
    #[case] sub_code: &str,
) {
    let (_, told) = created(|_, order| order["goods_detail"] = goods(count)).await;
    assert_eq!(told.sub_code(), sub_code);
}

#[tokio::test]
async fn nothing_may_be_discountable() {
    let (_, told) = created(|_, order| {
        order["discountable_amount"] = json!("0.00");
        order["undiscountable_amount"] = json!("1.00");
        order["ext_user_info"] = json!({"cert_type": "PASSPORT", "need_check_info": "F"});
        order["extend_params"] = json!({});
        order["business_params"] = json!({"mc_create_trade_ip": "203.0.113.1"});
    })
    .await;
    assert_eq!(told.text("code"), "10000", "{told:?}");
}

#[rstest]
#[case::nobody("nobody", "ACQ.BUYER_NOT_EXIST")]
#[case::another("小红", "ACQ.TRADE_BUYER_NOT_MATCH")]
#[case::the_same("小明", "")]
#[tokio::test]
async fn the_payer_is_one_person_in_both_applications(#[case] user: &str, #[case] sub_code: &str) {
    let (_, told) = created(|bench, order| {
        let id = if user == "nobody" { user.to_owned() } else { bench.open_id(user) };
        order["op_buyer_open_id"] = json!(id);
    })
    .await;
    assert_eq!(told.sub_code(), sub_code);
}

/// The tester learns what the cashier knows of a user.
async fn identity(bench: &Bench, user: &str) -> (String, String) {
    let told =
        post(bench, "/login-codes", json!({"platform": "alipay", "user": user})).await.json();
    let text = |name: &str| told[name].as_str().unwrap().to_owned();
    (text("name"), text("cert_no"))
}

fn hash(name: &str, number: &str) -> String {
    let text = format!("{name}{number}");
    let hash = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect()
}

#[tokio::test]
async fn the_cashier_takes_money_from_the_named_person_only() {
    let bench = Bench::new().await;
    let (name, number) = identity(&bench, "小明").await;
    let (other_name, other_number) = identity(&bench, "小红").await;
    let cases = [
        (json!({"name": name, "cert_no": number}), true),
        (json!({"name": other_name, "cert_no": number}), false),
        (json!({"cert_no": other_number}), false),
        (json!({"identity_hash": hash(&name, &number)}), true),
        (json!({"identity_hash": hash(&other_name, &other_number)}), false),
        (json!({"min_age": "18"}), true),
        (json!({"min_age": "200"}), false),
        // Beside the plain members the hash is not looked at.
        (json!({"name": name, "identity_hash": hash(&other_name, &other_number)}), true),
    ];
    for (place, (mut info, pays)) in cases.into_iter().enumerate() {
        let number = format!("SI{place}");
        let mut order = bench.alipay_order(&number, "1.00");
        info["need_check_info"] = json!("T");
        order["ext_user_info"] = info.clone();
        assert_eq!(bench.alipay_create(&order).await.text("code"), "10000", "{info}");
        let paid = bench.mocks.pay(&PayRequest::number(Alipay, &number));
        assert_eq!(paid.is_ok(), pays, "{info}");
        if let Err(refused) = paid {
            assert_eq!(refused.to_string(), "4000 付款人身份信息不一致");
        }
    }
}

#[tokio::test]
async fn a_named_buyer_who_must_be_somebody_else_is_refused_at_once() {
    let bench = Bench::new().await;
    let (name, number) = identity(&bench, "小红").await;
    let mut order = bench.alipay_order(NO, "1.00");
    order["ext_user_info"] = json!({"name": name, "cert_no": number, "fix_buyer": "T"});
    assert_eq!(bench.alipay_create(&order).await.sub_code(), "ACQ.CUSTOMER_VALIDATE_ERROR");
    order["ext_user_info"]["fix_buyer"] = json!("F");
    assert_eq!(bench.alipay_create(&order).await.text("code"), "10000");
    bench.mocks.pay(&PayRequest::number(Alipay, NO)).unwrap();
}

#[rstest]
#[case("http://shop.example/told?shop=1", true)]
#[case("https://shop.example/told", true)]
#[case("shop.example/told", false)]
#[case("https://shop.example/told#top", false)]
#[case("https://商店.example/told", false)]
#[tokio::test]
async fn alipay_tells_any_http_address(#[case] url: &str, #[case] fits: bool) {
    let bench = Bench::new().await;
    // WeChat's rule is none of Alipay's.
    post(&bench, "/settings", json!({"http_notify_url": false})).await;
    let order = bench.alipay_order(NO, "1.00");
    let told = bench.alipay_told_at("alipay.trade.create", &order, url).await;
    assert_eq!(told.text("code") == "10000", fits, "{told:?}");
}

#[rstest]
#[case::usual(json!({}), "ALIPAYACCOUNT", None)]
#[case::no_balance(json!({"disable_pay_channels": "balance"}), "FINANCEACCOUNT", None)]
#[case::card(json!({"enable_pay_channels": "debitCardExpress"}), "BANKCARD", Some("DEBIT_CARD"))]
#[case::credit(json!({"enable_pay_channels": "creditCard"}), "BANKCARD", Some("CREDIT_CARD"))]
#[tokio::test]
async fn a_query_tells_everything_that_it_is_asked_for(
    #[case] channels: Value,
    #[case] channel: &str,
    #[case] fund_type: Option<&str>,
) {
    let (bench, _) = created(|_, order| {
        order["store_id"] = json!("NJ_S_001");
        order["terminal_id"] = json!("T1");
        for (name, value) in channels.as_object().unwrap() {
            order[name] = value.clone();
        }
    })
    .await;
    bench.mocks.pay(&PayRequest::number(Alipay, NO)).unwrap();
    let options = json!(["fund_bill_list", "mdiscount_amount"]);
    let query = json!({"out_trade_no": NO, "query_options": options});
    let told = bench.alipay("alipay.trade.query", &query).await;
    assert_eq!((told.text("store_id"), told.text("terminal_id")), ("NJ_S_001", "T1"));
    assert_eq!((told.text("discount_amount"), told.text("mdiscount_amount")), ("0.00", "0.00"));
    let fund = &told.content["fund_bill_list"][0];
    assert_eq!((&fund["fund_channel"], &fund["real_amount"]), (&json!(channel), &json!("1.00")));
    assert_eq!(fund["fund_type"].as_str(), fund_type);
    let plain = bench.alipay("alipay.trade.query", &json!({"out_trade_no": NO})).await;
    assert!(plain.content.get("fund_bill_list").is_none());
    assert!(plain.content.get("mdiscount_amount").is_none());

    let refund = json!({"out_trade_no": NO, "out_request_no": "R1", "refund_amount": "1.00"});
    bench.alipay("alipay.trade.refund", &refund).await;
    let query =
        json!({"out_trade_no": NO, "out_request_no": "R1", "query_options": ["deposit_back_info"]});
    let told = bench.alipay("alipay.trade.fastpay.refund.query", &query).await;
    let back = &told.content["deposit_back_info"];
    let to_a_bank = fund_type.is_some();
    assert_eq!(back["has_deposit_back"], if to_a_bank { "true" } else { "false" });
    assert_eq!(back["dback_status"].as_str(), to_a_bank.then_some("S"));
}

#[tokio::test]
async fn a_cancel_without_a_name_is_an_error_and_of_nothing_a_success() {
    let bench = Bench::new().await;
    let cancel = async |biz: Value| bench.alipay("alipay.trade.cancel", &biz).await;
    assert_eq!(cancel(json!({"out_trade_no": 123})).await.sub_code(), "ACQ.INVALID_PARAMETER");
    assert_eq!(cancel(json!({})).await.sub_code(), "ACQ.INVALID_PARAMETER");
    for biz in [json!({"out_trade_no": NO}), json!({"trade_no": "2026010122001400000000000000"})] {
        let told = cancel(biz.clone()).await;
        assert_eq!((told.text("code"), told.text("retry_flag")), ("10000", "N"), "{biz}");
        assert!(told.content.get("action").is_none());
        for (name, value) in biz.as_object().unwrap() {
            assert_eq!(&told.content[name], value);
        }
    }
}

#[tokio::test]
async fn a_cancelled_trade_is_told_as_closed_where_that_is_told() {
    let bench = Bench::new().await;
    post(&bench, "/settings", json!({"alipay_tells_closed": true})).await;
    bench.alipay_create(&bench.alipay_order(NO, "1.00")).await;
    bench.alipay("alipay.trade.cancel", &json!({"out_trade_no": NO})).await;
    bench.mocks.settle().await;
    let told = bench.receiver.only();
    assert!(told.body.contains("trade_status=TRADE_CLOSED"), "{}", told.body);
    bench.alipay("alipay.trade.cancel", &json!({"out_trade_no": NO})).await;
    bench.mocks.settle().await;
    assert_eq!(bench.receiver.received().len(), 1, "once");
}

#[tokio::test]
async fn a_cancel_never_uses_a_refunds_number_again() {
    let bench = Bench::new().await;
    bench.alipay_create(&bench.alipay_order(NO, "1.00")).await;
    bench.mocks.pay(&PayRequest::number(Alipay, NO)).unwrap();
    let own = json!({"out_trade_no": NO, "out_request_no": NO, "refund_amount": "0.40"});
    assert_eq!(bench.alipay("alipay.trade.refund", &own).await.text("fund_change"), "Y");
    let told = bench.alipay("alipay.trade.cancel", &json!({"out_trade_no": NO})).await;
    assert_eq!(told.text("action"), "refund");
    let refunds = bench.mocks.trade(Alipay, NO).unwrap().refunds;
    assert_eq!(refunds.iter().map(|refund| refund.amount_fen).collect::<Vec<_>>(), [40, 60]);
    assert_ne!(refunds[0].out_refund_no, refunds[1].out_refund_no);
}

#[tokio::test]
async fn a_close_may_name_the_address_that_is_told_of_it() {
    let bench = Bench::new().await;
    let order = bench.alipay_order(NO, "1.00");
    bench.alipay("alipay.trade.create", &order).await;
    let close = json!({"out_trade_no": NO});
    let url = bench.receiver.url.clone();
    let told = bench.alipay_told_at("alipay.trade.close", &close, "not an address").await;
    assert_eq!(told.sub_code(), "ACQ.INVALID_PARAMETER");
    let told = bench.alipay_told_at("alipay.trade.close", &close, &url).await;
    assert_eq!(told.text("code"), "10000");
    bench.mocks.settle().await;
    assert!(bench.receiver.only().body.contains("gmt_close="));
    let listed = get(&bench, &format!("/trades?out_trade_no={NO}")).await;
    assert_eq!(listed["trades"][0]["state"], "TRADE_CLOSED");
}
