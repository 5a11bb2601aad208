//! A second merchant at the same gateway: what one of them has is none of the other's.

use std::collections::BTreeMap;

use kernel::Channel::Alipay;
use mock_providers::{AlipayAppFacts, PayRequest};
use serde_json::{Value, json};

use crate::bench::{Bench, Told, open_alipay, sign};

const NO: &str = "SI20260101000001";

fn second(bench: &Bench) -> AlipayAppFacts {
    bench.facts.alipay.second.clone().unwrap()
}

async fn call(bench: &Bench, method: &str, more: &[(&str, &str)]) -> Told {
    let app = second(bench);
    let mut parameters: BTreeMap<String, String> = bench.alipay_parameters(method);
    parameters.insert("app_id".to_owned(), app.app_id.clone());
    for (name, value) in more {
        parameters.insert((*name).to_owned(), (*value).to_owned());
    }
    let lines: Vec<String> = parameters.iter().map(|(n, v)| format!("{n}={v}")).collect();
    parameters.insert("sign".to_owned(), sign(&app.app_private_key, lines.join("&").as_bytes()));
    bench.alipay_send(parameters).await
}

async fn ask(bench: &Bench, method: &str, biz: &Value) -> Told {
    call(bench, method, &[("biz_content", &biz.to_string())]).await
}

/// An order of the second merchant, paid.
async fn paid(bench: &Bench, yuan: &str) -> String {
    let app = second(bench);
    let minted = bench.mocks.mint_login_code_for(Alipay, "小明", &app.app_id).unwrap();
    let mut order = bench.alipay_order(NO, yuan);
    order["op_app_id"] = json!(app.app_id);
    order["buyer_open_id"] = json!(minted.open_id.unwrap());
    let more = [("biz_content", &*order.to_string()), ("notify_url", &bench.receiver.url)];
    let told = call(bench, "alipay.trade.create", &more).await;
    assert_eq!(told.text("code"), "10000", "{told:?}");
    let trade_no = told.text("trade_no").to_owned();
    bench.mocks.pay(&PayRequest::alipay_trade(&trade_no)).unwrap();
    bench.mocks.settle().await;
    trade_no
}

#[tokio::test]
async fn a_login_code_is_of_one_application() {
    let bench = Bench::new().await;
    let app = second(&bench);
    let ours = bench.mocks.mint_login_code(Alipay, "小明");
    let theirs = bench.mocks.mint_login_code_for(Alipay, "小明", &app.app_id).unwrap();
    assert_eq!(ours.user_id, theirs.user_id, "one person");
    assert_ne!(ours.open_id, theirs.open_id, "open ids are of an application");
    let grant = async |code: &str| {
        let pairs = [("grant_type", "authorization_code"), ("code", code)];
        call(&bench, "alipay.system.oauth.token", &pairs).await
    };
    let wrong = grant(&ours.code).await;
    assert_eq!((wrong.root.as_str(), wrong.sub_code()), ("error_response", "isv.unmatched-app-id"));
    let right = grant(&theirs.code).await;
    assert_eq!(right.text("open_id"), theirs.open_id.unwrap());
    // A token is worth nothing to the other application.
    let mut parameters = bench.alipay_parameters("alipay.user.info.share");
    parameters.insert("auth_token".to_owned(), right.text("access_token").to_owned());
    bench.alipay_sign(&mut parameters);
    assert_eq!(bench.alipay_send(parameters).await.sub_code(), "aop.invalid-auth-token");
    assert!(bench.mocks.mint_login_code_for(Alipay, "小明", "2021000000000000").is_err());
}

#[tokio::test]
async fn one_number_is_two_trades_of_two_merchants() {
    let bench = Bench::new().await;
    bench.alipay_create(&bench.alipay_order(NO, "1.00")).await;
    let theirs = paid(&bench, "2.00").await;
    let query = json!({"out_trade_no": NO});
    let ours = bench.alipay("alipay.trade.query", &query).await;
    assert_eq!((ours.text("trade_status"), ours.text("total_amount")), ("WAIT_BUYER_PAY", "1.00"));
    let told = ask(&bench, "alipay.trade.query", &query).await;
    assert_eq!((told.text("trade_status"), told.text("total_amount")), ("TRADE_SUCCESS", "2.00"));
    let by_theirs = bench.alipay("alipay.trade.query", &json!({"trade_no": theirs})).await;
    assert_eq!(by_theirs.sub_code(), "ACQ.TRADE_NOT_EXIST");
    let told = bench.receiver.only();
    let fields = open_alipay(&bench.facts.alipay.alipay_public_key, &told.body).unwrap();
    let app = second(&bench);
    assert_eq!((&fields["app_id"], &fields["seller_id"]), (&app.app_id, &app.seller_id));
}

#[tokio::test]
async fn a_key_of_one_application_signs_nothing_for_the_other() {
    let bench = Bench::new().await;
    let app = second(&bench);
    let mut parameters = bench.alipay_parameters("alipay.trade.query");
    parameters.insert("app_id".to_owned(), app.app_id);
    bench.alipay_sign(&mut parameters);
    assert_eq!(bench.alipay_send(parameters).await.sub_code(), "isv.invalid-signature");
}

#[tokio::test]
async fn each_merchant_has_a_bill_of_its_own() {
    let bench = Bench::new().await;
    bench.alipay_create(&bench.alipay_order("OURS", "1.00")).await;
    bench.mocks.pay(&PayRequest::number(Alipay, "OURS")).unwrap();
    paid(&bench, "2.00").await;
    bench.mocks.advance(std::time::Duration::from_secs(2 * 86_400)).await;
    let method = "alipay.data.dataservice.bill.downloadurl.query";
    let biz = json!({"bill_type": "trade", "bill_date": "2026-01-01"});
    for (told, seller, has, has_not) in [
        (bench.alipay(method, &biz).await, bench.facts.alipay.seller_id.clone(), "OURS", NO),
        (ask(&bench, method, &biz).await, second(&bench).seller_id, NO, "OURS"),
    ] {
        let url = told.text("bill_download_url");
        assert!(url.contains(&format!("{seller}0156_20260101")), "{url}");
        let zip = bench.client.get(url).send().await.unwrap().bytes().await.unwrap();
        let detail = crate::alipay_bills::unzip(&zip).remove(0).1;
        assert!(detail.contains(has) && !detail.contains(has_not), "{detail}");
    }
}
