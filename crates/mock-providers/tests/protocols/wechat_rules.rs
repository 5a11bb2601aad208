//! Rules of WeChat Pay and the mini-program's server that are met seldom.

use std::{collections::BTreeSet, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use kernel::Channel::Wechat;
use mock_providers::{Fault, FaultKind, FaultTarget, PayRequest};
use ring::hmac;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    bench::{Bench, NONCE, sign},
    control::{get, post},
    wechat::{paid, refund},
};

const NO: &str = "SI20260101000001";
const REFUNDS: &str = "/v3/refund/domestic/refunds";
const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn an_expired_merchant_certificate_opens_no_door() {
    let bench = Bench::new().await;
    bench.mocks.advance(DAY * (5 * 365 + 1)).await;
    let answer = bench.wechat_get("/v3/certificates").await;
    assert_eq!(answer.code(), (401, "SIGN_ERROR".to_owned()));
    assert!(answer.json()["message"].as_str().unwrap().contains("过期"));
}

#[rstest]
#[case(&["user-agent"], true)]
#[case(&["accept"], true)]
#[case(&["content-language"], false)]
#[tokio::test]
async fn both_headers_are_missed_one_by_one(#[case] without: &[&str], #[case] missed: bool) {
    let bench = Bench::new().await;
    let facts = &bench.facts.wechat;
    let stamp = bench.now();
    let signature = sign(
        &facts.merchant_key,
        format!("GET\n/v3/certificates\n{stamp}\n{NONCE}\n\n").as_bytes(),
    );
    let authorization = format!(
        r#"WECHATPAY2-SHA256-RSA2048 mchid="{}",nonce_str="{NONCE}",timestamp="{stamp}",serial_no="{}",signature="{signature}""#,
        facts.mchid, facts.merchant_serial
    );
    // Written by hand, because clients add headers that nobody asked for.
    let mut head = format!(
        "GET /v3/certificates HTTP/1.1\r\nHost: mock\r\nConnection: close\r\nAuthorization: {authorization}\r\n"
    );
    for (name, value) in [("user-agent", "shop/1"), ("accept", "application/json")] {
        if !without.contains(&name) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    let answer = raw(&facts.base_url, &format!("{head}\r\n")).await;
    let status = if missed { "HTTP/1.1 400" } else { "HTTP/1.1 200" };
    assert!(answer.starts_with(status), "{answer}");
    assert!(answer.to_lowercase().contains("wechatpay-signature"), "known, and so answered signed");
}

/// Sends text over a connection of its own and reads to its end.
async fn raw(base_url: &str, text: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = base_url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_closed_number_that_never_was_can_be_left_alone() {
    let bench = Bench::new().await;
    post(&bench, "/settings", json!({"wechat_close_burns": false})).await;
    assert_eq!(bench.wechat_close(NO).await.status, 204);
    assert_eq!(bench.wechat_create(&bench.wechat_order(NO, 100)).await.status, 200);
}

#[tokio::test]
async fn nothing_is_told_about_closing_failing_and_expiring() {
    let bench = Bench::new().await;
    for (number, end) in [("SI0001", "close"), ("SI0002", "fail"), ("SI0003", "expire")] {
        bench.wechat_create(&bench.wechat_order(number, 100)).await;
        let named = json!({"platform": "wechat", "out_trade_no": number});
        match end {
            "close" => assert_eq!(bench.wechat_close(number).await.status, 204),
            other => assert_eq!(post(&bench, &format!("/{other}"), named).await.status, 200),
        }
    }
    bench.mocks.advance(DAY * 8).await;
    assert!(bench.receiver.received().is_empty());
}

#[tokio::test]
async fn a_repeated_refund_must_be_the_same_in_everything() {
    let bench = Bench::new().await;
    paid(&bench, NO, 100).await;
    let body = refund(NO, "R1", 40, 100, &bench.receiver.url);
    assert_eq!(bench.wechat_post(REFUNDS, &body).await.status, 200);
    for (name, value) in [
        ("reason", json!("other")),
        ("notify_url", json!("http://127.0.0.1:1/other")),
        ("funds_account", json!("AVAILABLE")),
    ] {
        let mut other = body.clone();
        other[name] = value;
        let answer = bench.wechat_post(REFUNDS, &other).await;
        assert_eq!(answer.code(), (400, "INVALID_REQUEST".to_owned()), "{name}");
        assert!(answer.header("request-id").ends_with("-268498688"));
    }
}

#[tokio::test]
async fn a_refund_may_name_the_transaction_and_comes_within_a_year() {
    let bench = Bench::new().await;
    paid(&bench, NO, 100).await;
    let id = bench.mocks.trade(Wechat, NO).unwrap().transaction_id.unwrap();
    let mut body = refund(NO, "R1", 40, 100, &bench.receiver.url);
    body["transaction_id"] = json!(id);
    let both = bench.wechat_post(REFUNDS, &body).await;
    assert_eq!(both.json()["detail"]["field"], "/out_trade_no");
    body.as_object_mut().unwrap().remove("out_trade_no");
    assert_eq!(bench.wechat_post(REFUNDS, &body).await.json()["out_trade_no"], NO);
    bench.mocks.advance(DAY * 365 - Duration::from_secs(10)).await;
    let second = refund(NO, "R2", 1, 100, &bench.receiver.url);
    assert_eq!(bench.wechat_post(REFUNDS, &second).await.status, 200, "the last moment");
    bench.mocks.advance(DAY).await;
    let third = refund(NO, "R3", 1, 100, &bench.receiver.url);
    let late = bench.wechat_post(REFUNDS, &third).await;
    assert_eq!(late.code(), (400, "INVALID_REQUEST".to_owned()));
}

#[tokio::test]
async fn refunds_may_not_know_a_payment_for_its_first_minute() {
    let bench = Bench::new().await;
    post(&bench, "/settings", json!({"wechat_refund_blind_seconds": 60})).await;
    paid(&bench, NO, 100).await;
    let body = refund(NO, "R1", 40, 100, &bench.receiver.url);
    let early = bench.wechat_post(REFUNDS, &body).await;
    assert_eq!(early.code(), (404, "RESOURCE_NOT_EXISTS".to_owned()));
    bench.mocks.advance(Duration::from_secs(60)).await;
    assert_eq!(bench.wechat_post(REFUNDS, &body).await.status, 200);
}

#[tokio::test]
async fn a_certificate_may_sign_before_the_list_has_it() {
    let bench = Bench::new().await;
    let ahead = json!({"listed_after_seconds": 3600});
    let fresh = post(&bench, "/wechat/certificates/rotate", ahead).await.json();
    let list = bench.wechat_get("/v3/certificates").await;
    assert_eq!(list.header("wechatpay-serial"), fresh["serial"]);
    assert_eq!(list.json()["data"].as_array().unwrap().len(), 1);
    bench.mocks.advance(Duration::from_secs(3_600)).await;
    let list = bench.wechat_get("/v3/certificates?algorithm_type=ALL").await.json();
    assert_eq!(list["data"][1]["serial_no"], fresh["serial"]);
    assert_eq!(bench.wechat_get("/v3/certificates?algorithm_type=SM2").await.status, 400);
}

#[tokio::test]
async fn bills_reach_three_months_back_and_know_refunds_of_other_days() {
    let bench = Bench::new().await;
    paid(&bench, NO, 100).await;
    bench.mocks.advance(DAY).await;
    let body = refund(NO, "R1", 40, 100, &bench.receiver.url);
    assert_eq!(bench.wechat_post(REFUNDS, &body).await.status, 200);
    bench.mocks.advance(DAY * 2).await;
    let offer = bench.wechat_get("/v3/bill/tradebill?bill_date=2026-01-02").await.json();
    let url = offer["download_url"].as_str().unwrap();
    let path = url.strip_prefix(&bench.facts.wechat.base_url).unwrap();
    let text = bench.wechat_get(path).await.text;
    assert!(text.contains("`R1,") && text.contains("`1,`0.00,`0.40"), "a refund alone: {text}");
    assert!(!text.contains("`SUCCESS,`OTHERS"), "{text}");
    bench.mocks.advance(DAY * 100).await;
    let old = bench.wechat_get("/v3/bill/tradebill?bill_date=2026-01-01").await;
    assert_eq!(old.code(), (400, "PARAM_ERROR".to_owned()));
    for wrong in ["bill_date=2026-1-1", "bill_date=2026-04-01&bill_type=RECHARGE", "tar_type=GZIP"]
    {
        let answer = bench.wechat_get(&format!("/v3/bill/tradebill?{wrong}")).await;
        assert_eq!(answer.code(), (400, "PARAM_ERROR".to_owned()), "{wrong}");
    }
}

/// The text of a bill.
async fn bill(bench: &Bench, path: &str) -> String {
    let offer = bench.wechat_get(path).await.json();
    let url = offer["download_url"].as_str().unwrap();
    bench.wechat_get(url.strip_prefix(&bench.facts.wechat.base_url).unwrap()).await.text
}

#[rstest]
#[case::abnormal(FaultKind::Abnormal, "`ABNORMAL,")]
#[case::closed(FaultKind::Closed, "`CLOSED,")]
#[case::done(FaultKind::Duplicate, "`SUCCESS,`社保缴费")]
#[tokio::test]
async fn a_bill_tells_how_refunds_stood_when_it_was_made_and_never_again(
    #[case] fault: FaultKind,
    #[case] status: &str,
) {
    let bench = Bench::new().await;
    paid(&bench, NO, 100).await;
    if fault != FaultKind::Duplicate {
        bench.mocks.set_fault(Fault::next(FaultTarget::WechatRefund, fault)).unwrap();
    }
    let body = refund(NO, "R1", 40, 100, &bench.receiver.url);
    assert_eq!(bench.wechat_post(REFUNDS, &body).await.status, 200);
    bench.mocks.advance(DAY + Duration::from_secs(2 * 3_600)).await;
    let path = "/v3/bill/tradebill?bill_date=2026-01-01&bill_type=REFUND";
    let text = bill(&bench, path).await;
    assert!(text.contains(status), "{text}");
    if fault == FaultKind::Abnormal {
        let id = bench.wechat_get(&format!("{REFUNDS}/R1")).await.json()["refund_id"].clone();
        let handle = format!("{REFUNDS}/{}/apply-abnormal-refund", id.as_str().unwrap());
        let card = json!({"out_refund_no": "R1", "type": "MERCHANT_BANK_CARD"});
        assert_eq!(bench.wechat_post(&handle, &card).await.status, 200);
        bench.mocks.advance(DAY).await;
        assert_eq!(bench.wechat_get(&format!("{REFUNDS}/R1")).await.json()["status"], "SUCCESS");
        assert_eq!(bill(&bench, path).await, text, "the day is over");
    }
}

#[tokio::test]
async fn a_refund_under_way_at_nine_stays_so_in_the_bill() {
    let bench = Bench::new().await;
    post(&bench, "/settings", json!({"refund_delay_seconds": 3 * 86_400})).await;
    paid(&bench, NO, 100).await;
    let body = refund(NO, "R1", 40, 100, &bench.receiver.url);
    assert_eq!(bench.wechat_post(REFUNDS, &body).await.status, 200);
    bench.mocks.advance(DAY * 4 + Duration::from_secs(2 * 3_600)).await;
    assert_eq!(bench.wechat_get(&format!("{REFUNDS}/R1")).await.json()["status"], "SUCCESS");
    let text = bill(&bench, "/v3/bill/tradebill?bill_date=2026-01-01&bill_type=REFUND").await;
    assert!(text.contains("`2026-01-01 08:00:00,`,`5030"), "no time of success: {text}");
    assert!(text.contains("`ORIGINAL,`PROCESSING,"), "{text}");
    // The money moved on the day on which it did.
    let funds = "/v3/bill/fundflowbill?bill_date=2026-01-0";
    assert!(!bill(&bench, &format!("{funds}1")).await.contains("退款"));
    let day = bill(&bench, &format!("{funds}4")).await;
    assert!(day.contains("`退款,`退款,`支出,`0.40"), "{day}");
}

#[rstest]
#[case::abnormal(FaultKind::Abnormal)]
#[case::closed(FaultKind::Closed)]
#[tokio::test]
async fn money_that_did_not_go_back_is_no_expense(#[case] fault: FaultKind) {
    let bench = Bench::new().await;
    paid(&bench, NO, 38_000).await;
    bench.mocks.set_fault(Fault::next(FaultTarget::WechatRefund, fault)).unwrap();
    let body = refund(NO, "R1", 10_000, 38_000, &bench.receiver.url);
    assert_eq!(bench.wechat_post(REFUNDS, &body).await.status, 200);
    bench.mocks.advance(DAY + Duration::from_secs(2 * 3_600)).await;
    let text = bill(&bench, "/v3/bill/fundflowbill?bill_date=2026-01-01").await;
    assert!(text.trim_end().ends_with("`2.0,`1.0,`380.00,`1.0,`2.28"), "{text}");
}

#[rstest]
#[case(FaultKind::BillMissingRow, "`1.0,`0.0,`0.00,`1.0,`2.28")]
#[case(FaultKind::BillOtherAmount, "`2.0,`1.0,`380.01,`1.0,`2.28")]
#[case(FaultKind::BillUnknownRow, "`3.0,`2.0,`503.45,`1.0,`2.28")]
#[tokio::test]
async fn the_bill_of_funds_differs_on_order(#[case] fault: FaultKind, #[case] sums: &str) {
    let bench = Bench::new().await;
    paid(&bench, NO, 38_000).await;
    bench.mocks.advance(DAY + Duration::from_secs(2 * 3_600)).await;
    bench.mocks.set_fault(Fault::next(FaultTarget::WechatBill, fault)).unwrap();
    let text = bill(&bench, "/v3/bill/fundflowbill?bill_date=2026-01-01").await;
    assert!(text.trim_end().ends_with(sums), "{text}");
}

#[rstest]
#[case("ALL_SPECIAL", 200)]
#[case("SUC_SPECIAL", 200)]
#[case("SUCCESS_SPECIAL", 200)]
#[case("RECHARGE_REFUND", 400)]
#[tokio::test]
async fn every_kind_of_bill_is_known(#[case] kind: &str, #[case] status: u16) {
    let bench = Bench::new().await;
    paid(&bench, NO, 100).await;
    bench.mocks.advance(DAY + Duration::from_secs(2 * 3_600)).await;
    let path = format!("/v3/bill/tradebill?bill_date=2026-01-01&bill_type={kind}");
    let answer = bench.wechat_get(&path).await;
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_ne!(answer.code().1, "PARAM_ERROR");
}

#[tokio::test]
async fn a_bill_is_at_the_main_host_whoever_was_asked() {
    let bench = Bench::new().await;
    paid(&bench, NO, 100).await;
    bench.mocks.advance(DAY + Duration::from_secs(2 * 3_600)).await;
    let path = "/v3/bill/tradebill?bill_date=2026-01-01";
    let asked = bench.wechat_call(reqwest::Method::GET, path, &Value::Null);
    let offer = bench.wechat_at(&bench.facts.wechat.backup_url, asked).await.json();
    assert!(offer["download_url"].as_str().unwrap().starts_with(&bench.facts.wechat.base_url));
}

#[rstest]
#[case::no_such_account(json!([{"account": "BASIC", "amount": 40}]), "/amount/from/0/account")]
#[case::other_sum(json!([{"account": "AVAILABLE", "amount": 30}]), "/amount/from")]
#[case::nothing(json!([{"account": "AVAILABLE", "amount": 0}]), "/amount/from/0/amount")]
#[tokio::test]
async fn a_refund_is_taken_from_accounts_that_there_are(#[case] from: Value, #[case] place: &str) {
    let bench = Bench::new().await;
    paid(&bench, NO, 100).await;
    let mut body = refund(NO, "R1", 40, 100, &bench.receiver.url);
    body["amount"]["from"] = from;
    assert_eq!(bench.wechat_post(REFUNDS, &body).await.json()["detail"]["field"], place);
    let from =
        json!([{"account": "AVAILABLE", "amount": 10}, {"account": "UNAVAILABLE", "amount": 30}]);
    body["amount"]["from"] = from.clone();
    assert_eq!(bench.wechat_post(REFUNDS, &body).await.json()["amount"]["from"], from);
}

#[tokio::test]
async fn a_provider_closes_and_finds_its_subs_trades() {
    let bench = Bench::new().await;
    let own = bench.facts.wechat.mchid.clone();
    let order = json!({
        "sp_appid": bench.facts.wechat.app_id, "sp_mchid": own, "sub_mchid": "1900000109",
        "description": "社保缴费", "out_trade_no": NO, "notify_url": bench.receiver.url,
        "amount": {"total": 100}, "payer": {"sp_openid": bench.openid("小明")},
    });
    let path = "/v3/pay/partner/transactions";
    assert_eq!(bench.wechat_post(&format!("{path}/jsapi"), &order).await.status, 200);
    let close = format!("{path}/out-trade-no/{NO}/close");
    let other = json!({"sp_mchid": own, "sub_mchid": "1900000110"});
    assert_eq!(bench.wechat_post(&close, &other).await.status, 400);
    assert_eq!(bench.wechat_close(NO).await.status, 400, "not a trade of its own");
    bench.mocks.pay(&PayRequest::number(Wechat, NO)).unwrap();
    let id = bench.mocks.trade(Wechat, NO).unwrap().transaction_id.unwrap();
    let by_id = format!("{path}/id/{id}?sp_mchid={own}&sub_mchid=1900000109");
    assert_eq!(bench.wechat_get(&by_id).await.json()["trade_state"], "SUCCESS");
    let ours = json!({"sp_mchid": own, "sub_mchid": "1900000109"});
    assert_eq!(bench.wechat_post(&close, &ours).await.code().1, "ORDERPAID");
    let second = "SI20260101000002";
    let mut order = order.clone();
    order["out_trade_no"] = json!(second);
    bench.wechat_post(&format!("{path}/jsapi"), &order).await;
    let close = format!("{path}/out-trade-no/{second}/close");
    assert_eq!(bench.wechat_post(&close, &ours).await.status, 204);
}

async fn plain_token(bench: &Bench) -> Value {
    let facts = &bench.facts.wechat;
    let pairs = [
        ("grant_type", "client_credential"),
        ("appid", &facts.app_id),
        ("secret", &facts.app_secret),
    ];
    let url = format!("{}/cgi-bin/token", facts.base_url);
    let answer = bench.client.get(url).query(&pairs).send().await.unwrap();
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

async fn use_token(bench: &Bench, token: &Value) -> i64 {
    let url = format!(
        "{}/wxa/business/getuserphonenumber?access_token={}",
        bench.facts.wechat.base_url,
        token.as_str().unwrap()
    );
    let answer = bench.client.post(url).body(r#"{"code":"x"}"#).send().await.unwrap();
    let told: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    told["errcode"].as_i64().unwrap()
}

#[tokio::test]
async fn a_plain_token_gives_way_to_the_next_after_five_minutes() {
    let bench = Bench::new().await;
    let first = plain_token(&bench).await;
    assert_eq!(first["expires_in"], 7_200);
    let second = plain_token(&bench).await;
    assert_ne!(first["access_token"], second["access_token"]);
    bench.mocks.advance(Duration::from_secs(299)).await;
    for token in [&first, &second] {
        assert_eq!(use_token(&bench, &token["access_token"]).await, 40_029, "both are valid");
    }
    // A third one does not shorten the second one's time, nor end the first one's.
    let third = plain_token(&bench).await;
    for token in [&first, &second, &third] {
        assert_eq!(use_token(&bench, &token["access_token"]).await, 40_029, "all are valid");
    }
    bench.mocks.advance(Duration::from_secs(1)).await;
    assert_eq!(use_token(&bench, &first["access_token"]).await, 42_001);
    assert_eq!(use_token(&bench, &second["access_token"]).await, 40_029);
    bench.mocks.advance(Duration::from_secs(299)).await;
    assert_eq!(use_token(&bench, &second["access_token"]).await, 42_001);
    assert_eq!(use_token(&bench, &third["access_token"]).await, 40_029);
    bench.mocks.advance(Duration::from_secs(6_900)).await;
    assert_eq!(use_token(&bench, &third["access_token"]).await, 42_001);
}

#[tokio::test]
async fn a_stable_token_is_renewed_by_force_twenty_times_a_day() {
    let bench = Bench::new().await;
    let facts = &bench.facts.wechat;
    let body = json!({
        "grant_type": "client_credential", "appid": facts.app_id, "secret": facts.app_secret,
        "force_refresh": true,
    });
    let url = format!("{}/cgi-bin/stable_token", facts.base_url);
    for count in 0..21 {
        let answer = bench.client.post(&url).body(body.to_string()).send().await.unwrap();
        let told: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(told["errcode"] == 45_009, count == 20, "{count}: {told}");
        bench.mocks.advance(Duration::from_secs(30)).await;
    }
}

#[tokio::test]
async fn a_second_login_replaces_the_session_key() {
    let bench = Bench::new().await;
    let facts = &bench.facts.wechat;
    let login = async || {
        let code = bench.mocks.mint_login_code(Wechat, "小明").code;
        let url = format!(
            "{}/sns/jscode2session?appid={}&secret={}&js_code={code}&grant_type=authorization_code",
            facts.base_url, facts.app_id, facts.app_secret
        );
        let text = bench.client.get(url).send().await.unwrap().text().await.unwrap();
        let told: Value = serde_json::from_str(&text).unwrap();
        told["session_key"].as_str().unwrap().to_owned()
    };
    let token = plain_token(&bench).await["access_token"].as_str().unwrap().to_owned();
    let checked = async |key: &[u8]| {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"");
        let signature: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let url = format!(
            "{}/wxa/checksession?access_token={token}&openid={}&signature={signature}&sig_method=hmac_sha256",
            facts.base_url,
            bench.openid("小明")
        );
        let text = bench.client.get(url).send().await.unwrap().text().await.unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["errcode"].as_i64().unwrap()
    };
    let asked = async |call: &str, key: &str, method: &str| {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), b"");
        let signature: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let url = format!(
            "{}/wxa/{call}?access_token={token}&openid={}&signature={signature}&sig_method={method}",
            facts.base_url,
            bench.openid("小明")
        );
        let text = bench.client.get(url).send().await.unwrap().text().await.unwrap();
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let first = login().await;
    assert_eq!(asked("checksession", &first, "md5").await["errcode"], 87_008);
    let reset = asked("resetusersessionkey", &first, "hmac_sha256").await;
    let renewed = reset["session_key"].as_str().unwrap().to_owned();
    assert_eq!(reset["openid"], bench.openid("小明"));
    assert_eq!(asked("checksession", &first, "hmac_sha256").await["errcode"], 87_009);
    let first = renewed;
    assert_eq!(checked(first.as_bytes()).await, 0);
    assert_eq!(checked(&BASE64.decode(&first).unwrap()).await, 0);
    let second = login().await;
    assert_eq!(checked(first.as_bytes()).await, 87_009);
    assert_eq!(checked(second.as_bytes()).await, 0);
}

#[tokio::test]
async fn the_mini_programs_server_escapes_slashes_in_plain_text() {
    let bench = Bench::new().await;
    let token = plain_token(&bench).await["access_token"].as_str().unwrap().to_owned();
    let url =
        format!("{}/cityservice/sendmsgdata?access_token={token}", bench.facts.wechat.base_url);
    let card = json!({
        "openid": bench.openid("小明"), "biz_template_id": "T1", "order_no": "SI1",
        "data": {"first": {"value": "缴费成功"}},
    });
    let answer = bench.client.post(url).body(card.to_string()).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/plain");
    assert!(answer.text().await.unwrap().contains(r"https:\/\/mock.invalid\/cityservice"));
}

#[tokio::test]
async fn the_members_of_a_notification_come_in_any_order() {
    let bench = Bench::new().await;
    paid(&bench, NO, 100).await;
    let mut orders = BTreeSet::new();
    for _ in 0..20 {
        let ask = json!({"platform": "wechat", "out_trade_no": NO, "deliver": false});
        let crafted = post(&bench, "/notifications", ask).await.json();
        let body = crafted["body"].as_str().unwrap().to_owned();
        orders.insert(body.find("\"id\"") < body.find("\"resource\""));
    }
    assert_eq!(orders.len(), 2);
}

#[rstest]
#[case::last_moment(59, true)]
#[case::too_late(60, false)]
#[tokio::test]
async fn a_payment_at_the_edge_of_its_deadline(#[case] seconds: u64, #[case] paid: bool) {
    let bench = Bench::new().await;
    let mut order = bench.wechat_order(NO, 100);
    order["time_expire"] = json!("2026-01-01T08:01:00+08:00");
    bench.wechat_create(&order).await;
    bench.mocks.advance(Duration::from_secs(seconds)).await;
    assert_eq!(bench.mocks.pay(&PayRequest::number(Wechat, NO)).is_ok(), paid);
}

#[tokio::test]
async fn what_was_closed_here_may_be_told_late() {
    let bench = Bench::new().await;
    bench.wechat_create(&bench.wechat_order(NO, 100)).await;
    let late = Fault {
        seconds: Some(3_600),
        ..Fault::next(FaultTarget::WechatNotification, FaultKind::Delay)
    };
    bench.mocks.set_fault(late).unwrap();
    let before = Fault::next(FaultTarget::WechatClose, FaultKind::PaidMeanwhile);
    bench.mocks.set_fault(before).unwrap();
    assert_eq!(bench.wechat_close(NO).await.code().1, "ORDERPAID");
    bench.mocks.advance(Duration::from_secs(3_599)).await;
    assert!(bench.receiver.received().is_empty());
    bench.mocks.advance(Duration::from_secs(1)).await;
    bench.receiver.only();
    assert_eq!(get(&bench, "/trades").await["trades"][0]["state"], "SUCCESS");
}
