//! The form of calls and answers: headers, sizes, languages, and what there is not.

use kernel::Channel::Wechat;
use mock_providers::{Fault, FaultKind, FaultTarget};
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    bench::{Answer, Bench, NONCE, sign},
    control::{get, post},
};

const NO: &str = "SI20260101000001";
const JSAPI: &str = "/v3/pay/transactions/jsapi";

/// A correctly signed call with headers of one's own.
async fn call(
    bench: &Bench,
    method: Method,
    path: &str,
    body: &[u8],
    headers: &[(&str, &str)],
) -> Answer {
    let (facts, stamp) = (&bench.facts.wechat, bench.now());
    let mut text = format!("{method}\n{path}\n{stamp}\n{NONCE}\n").into_bytes();
    text.extend_from_slice(body);
    text.push(b'\n');
    let authorization = format!(
        r#"WECHATPAY2-SHA256-RSA2048 mchid="{}",nonce_str="{NONCE}",timestamp="{stamp}",serial_no="{}",signature="{}""#,
        facts.mchid,
        facts.merchant_serial,
        sign(&facts.merchant_key, &text)
    );
    let url = format!("{}{path}", facts.base_url);
    let mut request = bench.client.request(method, url).body(body.to_vec());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::read(request.header("Authorization", authorization).send().await.unwrap()).await
}

const ACCEPT: (&str, &str) = ("Accept", "application/json");
const JSON: (&str, &str) = ("Content-Type", "application/json");

#[rstest]
#[case::json("application/json", 200)]
#[case::anything("*/*", 200)]
#[case::among_others("text/html, application/json;q=0.9", 200)]
#[case::pages_only("text/html", 400)]
#[tokio::test]
async fn an_answer_is_json_or_not_wanted(#[case] accept: &str, #[case] status: u16) {
    let bench = Bench::new().await;
    let headers = [("Accept", accept)];
    let answer = call(&bench, Method::GET, "/v3/certificates", b"", &headers).await;
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_ne!(answer.header("wechatpay-signature"), "", "whoever asks is known");
}

#[rstest]
#[case::json(Some("application/json"), 200)]
#[case::with_charset(Some("application/json; charset=utf-8"), 200)]
#[case::form(Some("application/x-www-form-urlencoded"), 400)]
#[case::none(None, 400)]
#[tokio::test]
async fn a_body_is_json_by_its_own_word(#[case] kind: Option<&str>, #[case] status: u16) {
    let bench = Bench::new().await;
    let body = bench.wechat_order(NO, 100).to_string();
    let kind = kind.map(|kind| ("Content-Type", kind));
    let headers: Vec<(&str, &str)> = [ACCEPT].into_iter().chain(kind).collect();
    let answer = call(&bench, Method::POST, JSAPI, body.as_bytes(), &headers).await;
    assert_eq!(answer.status, status, "{}", answer.text);
}

#[tokio::test]
async fn six_thousand_goods_are_taken_and_a_longer_body_is_refused_signed() {
    let bench = Bench::new().await;
    let mut order = bench.wechat_order(NO, 100);
    let goods = json!({
        "merchant_goods_id": "1246464644", "goods_name": "社保", "quantity": 1, "unit_price": 1,
    });
    order["detail"] = json!({"goods_detail": vec![goods.clone(); 6_000]});
    assert!(order.to_string().len() > 400_000);
    assert_eq!(bench.wechat_create(&order).await.status, 200);
    order["detail"] = json!({"goods_detail": vec![goods; 6_001]});
    let answer = bench.wechat_create(&order).await;
    assert_eq!(answer.json()["detail"]["field"], "/detail/goods_detail");
    for mebibytes in [3, 9] {
        let body = vec![b' '; mebibytes * 1024 * 1024];
        let answer = call(&bench, Method::POST, JSAPI, &body, &[ACCEPT, JSON]).await;
        assert_eq!(answer.code(), (400, "PARAM_ERROR".to_owned()));
        // What is too long to be verified is answered all the same.
        let facts = &bench.facts.wechat;
        let is_signed = answer.is_signed_by(&facts.platform_serial, &facts.platform_cert);
        assert_eq!(is_signed, mebibytes == 3, "{mebibytes}");
    }
}

#[rstest]
#[case::english(Some("en"), "en", "The order does not exist")]
#[case::british(Some("en-GB, zh;q=0.5"), "en", "The order does not exist")]
#[case::chinese(Some("zh-CN"), "zh-CN", "订单不存在")]
#[case::unasked(None, "zh-CN", "订单不存在")]
#[tokio::test]
async fn a_refusal_is_explained_in_the_language_that_is_asked_for(
    #[case] asked: Option<&str>,
    #[case] language: &str,
    #[case] message: &str,
) {
    let bench = Bench::new().await;
    let path = format!("/v3/pay/transactions/out-trade-no/{NO}?mchid={}", bench.facts.wechat.mchid);
    let asked = asked.map(|asked| ("Accept-Language", asked));
    let headers: Vec<(&str, &str)> = [ACCEPT].into_iter().chain(asked).collect();
    let answer = call(&bench, Method::GET, &path, b"", &headers).await;
    assert_eq!(answer.code(), (404, "ORDER_NOT_EXIST".to_owned()));
    assert_eq!(answer.json()["message"], message);
    assert_eq!(answer.header("content-language"), language);
    let facts = &bench.facts.wechat;
    assert!(answer.is_signed_by(&facts.platform_serial, &facts.platform_cert), "as it is told");
}

#[tokio::test]
async fn english_names_the_member_and_the_causes_of_a_401() {
    let bench = Bench::new().await;
    let headers = [ACCEPT, JSON, ("Accept-Language", "en")];
    let mut order = bench.wechat_order(NO, 100);
    order["amount"]["total"] = json!(0);
    let answer = call(&bench, Method::POST, JSAPI, order.to_string().as_bytes(), &headers).await;
    assert_eq!(answer.json()["message"], "Parameter error: /amount/total");
    let url = format!("{}/v3/certificates", bench.facts.wechat.base_url);
    let stranger = bench.client.get(url).header("Accept-Language", "en");
    let stranger = stranger.header("Accept", "*/*").send().await.unwrap();
    let stranger = Answer::read(stranger).await;
    assert!(stranger.json()["message"].as_str().unwrap().starts_with("Signature error"));
}

#[rstest]
#[case::method(Method::DELETE, JSAPI, 405)]
#[case::no_utf8(Method::GET, "/v3/pay/transactions/out-trade-no/%ff?mchid=1", 400)]
#[case::unknown(Method::GET, "/v3/pay/transactions/h5", 404)]
#[tokio::test]
async fn what_there_is_not_is_refused_like_everything(
    #[case] method: Method,
    #[case] path: &str,
    #[case] status: u16,
) {
    let bench = Bench::new().await;
    let answer = call(&bench, method, path, b"", &[ACCEPT]).await;
    assert_eq!(answer.status, status, "{}", answer.text);
    assert!(answer.json()["code"].is_string() && answer.json()["message"].is_string());
    assert!(!answer.header("request-id").ends_with("-0"), "an error has a number");
    let facts = &bench.facts.wechat;
    assert!(answer.is_signed_by(&facts.platform_serial, &facts.platform_cert));
}

#[tokio::test]
async fn answers_are_dated_by_the_clock_that_signs() {
    let bench = Bench::new().await;
    assert_eq!(bench.wechat_query(NO).await.header("date"), "Thu, 01 Jan 2026 00:00:00 GMT");
    post(&bench, "/clock/skew", json!({"seconds": 360})).await;
    let answer = bench.wechat_query(NO).await;
    assert_eq!((answer.status, answer.header("date")), (401, "Thu, 01 Jan 2026 00:06:00 GMT"));
    assert_eq!(answer.header("keep-alive"), "timeout=8");
}

#[tokio::test]
async fn a_callback_comes_with_the_headers_of_captures() {
    let bench = Bench::new().await;
    crate::wechat::paid(&bench, NO, 100).await;
    let told = bench.receiver.only();
    let header = |name: &str| told.headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("connection").to_lowercase(), "keep-alive");
    let id = header("request-id");
    let id = id.strip_prefix('|').unwrap();
    let parts: Vec<usize> = id.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12], "{id}");
}

async fn mini_program(bench: &Bench, method: Method, path: &str) -> Value {
    let url = format!("{}{path}", bench.facts.wechat.base_url);
    let answer = bench.client.request(method, url).send().await.unwrap();
    assert_eq!(answer.status(), 200, "errors are 200, too");
    assert_eq!(answer.headers()["content-type"], "text/plain");
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

#[rstest]
#[case::unknown(Method::GET, "/wxa/nothing", 40_066)]
#[case::unknown_deeper(Method::POST, "/wxa/business/nothing", 40_066)]
#[case::sns(Method::GET, "/sns/nothing", 40_066)]
#[case::cgi(Method::GET, "/cgi-bin/nothing/at/all", 40_066)]
#[case::city(Method::POST, "/cityservice/nothing", 40_066)]
#[case::posted(Method::POST, "/sns/jscode2session", 43_001)]
#[case::fetched(Method::GET, "/cgi-bin/stable_token", 43_002)]
#[tokio::test]
async fn the_mini_programs_server_says_no_in_its_own_way(
    #[case] method: Method,
    #[case] path: &str,
    #[case] errcode: i64,
) {
    let bench = Bench::new().await;
    let told = mini_program(&bench, method, path).await;
    assert_eq!(told["errcode"], errcode);
    let rid = told["errmsg"].as_str().unwrap().rsplit_once(" rid: ").unwrap().1;
    assert_eq!(rid.split('-').map(str::len).collect::<Vec<_>>(), [8, 8, 8]);
}

#[rstest]
#[case("wechat.create", "PARAM_ERROR-268498688", (400, "PARAM_ERROR"), "-268498688")]
#[case("wechat.create", "INVALID_REQUEST-268498688", (400, "INVALID_REQUEST"), "-268498688")]
#[case("wechat.create", "ORDER_PAID", (403, "ORDER_PAID"), "-268498689")]
#[tokio::test]
async fn one_code_with_several_meanings_is_ordered_by_its_number(
    #[case] target: &str,
    #[case] fault: &str,
    #[case] answered: (u16, &str),
    #[case] internal: &str,
) {
    let bench = Bench::new().await;
    post(&bench, "/faults", json!({"target": target, "fault": fault})).await;
    let answer = bench.wechat_create(&bench.wechat_order(NO, 100)).await;
    assert_eq!(answer.code(), (answered.0, answered.1.to_owned()));
    assert!(answer.header("request-id").ends_with(internal));
}

#[rstest]
#[case("87008")]
#[case("40002")]
#[case("41002")]
#[case("41004")]
#[case("44002")]
#[tokio::test]
async fn every_errcode_of_the_documents_comes_on_order(#[case] errcode: &str) {
    let bench = Bench::new().await;
    post(&bench, "/faults", json!({"target": "wechat.login", "fault": errcode})).await;
    let told = mini_program(&bench, Method::GET, "/sns/jscode2session").await;
    assert_eq!(told["errcode"].to_string(), errcode);
}

#[tokio::test]
async fn money_comes_after_the_close_all_the_same() {
    let bench = Bench::new().await;
    bench.wechat_create(&bench.wechat_order(NO, 100)).await;
    let late = Fault {
        seconds: Some(60),
        ..Fault::next(FaultTarget::WechatClose, FaultKind::PaidAfterClose)
    };
    bench.mocks.set_fault(late).unwrap();
    assert_eq!(bench.wechat_close(NO).await.status, 204);
    let closed = bench.wechat_query(NO).await.json();
    assert_eq!(closed["trade_state"], "CLOSED");
    assert!(closed.get("transaction_id").is_none(), "{closed}");
    assert_eq!(get(&bench, "/trades").await["trades"][0]["paid_at"], Value::Null);
    assert_eq!(bench.wechat_close(NO).await.status, 204, "closed is closed");
    bench.mocks.advance(std::time::Duration::from_secs(59)).await;
    assert!(bench.receiver.received().is_empty());
    bench.mocks.advance(std::time::Duration::from_secs(1)).await;
    bench.receiver.only();
    let paid = bench.wechat_query(NO).await.json();
    assert_eq!(paid["trade_state"], "SUCCESS");
    assert_eq!(paid["success_time"], "2026-01-01T08:01:00+08:00");
    assert_eq!(bench.wechat_close(NO).await.code().1, "ORDERPAID");
    let back = crate::wechat::refund(NO, "R1", 100, 100, &bench.receiver.url);
    assert_eq!(bench.wechat_post("/v3/refund/domestic/refunds", &back).await.status, 200);
}

#[tokio::test]
async fn money_may_come_at_the_very_moment_of_the_close() {
    let bench = Bench::new().await;
    bench.wechat_create(&bench.wechat_order(NO, 100)).await;
    let fault = Fault::next(FaultTarget::WechatClose, FaultKind::PaidAfterClose);
    bench.mocks.set_fault(fault).unwrap();
    assert_eq!(bench.wechat_close(NO).await.status, 204);
    assert_eq!(bench.wechat_query(NO).await.json()["trade_state"], "SUCCESS");
    bench.mocks.settle().await;
    bench.receiver.only();
    assert_eq!(bench.mocks.trade(Wechat, NO).unwrap().state, "SUCCESS");
}
