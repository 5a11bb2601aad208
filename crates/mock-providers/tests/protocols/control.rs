//! The control API, as a tester in another language uses it.

use kernel::Channel::Wechat;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::bench::{Answer, Bench, open_alipay};

const NO: &str = "SI20260101000001";

pub async fn call(bench: &Bench, method: Method, path: &str, body: &Value) -> Answer {
    let url = format!("{}{path}", bench.facts.control_url);
    let request = bench.client.request(method, url);
    let request = if body.is_null() { request } else { request.body(body.to_string()) };
    Answer::read(request.send().await.unwrap()).await
}

pub async fn get(bench: &Bench, path: &str) -> Value {
    call(bench, Method::GET, path, &Value::Null).await.json()
}

pub async fn post(bench: &Bench, path: &str, body: Value) -> Answer {
    call(bench, Method::POST, path, &body).await
}

#[tokio::test]
async fn a_whole_purchase_needs_nothing_but_http() {
    let bench = Bench::new().await;
    let minted = post(&bench, "/login-codes", json!({"platform": "wechat", "user": "小明"})).await;
    assert_eq!(minted.json()["openid"], bench.openid("小明"));
    bench.wechat_create(&bench.wechat_order(NO, 100)).await;
    let left = post(&bench, "/cancel", json!({"platform": "wechat", "out_trade_no": NO})).await;
    assert_eq!(left.json()["client_result"], "requestPayment:fail cancel");
    let paid = post(&bench, "/pay", json!({"platform": "wechat", "out_trade_no": NO})).await;
    assert_eq!(paid.json()["client_result"], "requestPayment:ok");
    let again = post(&bench, "/pay", json!({"platform": "wechat", "out_trade_no": NO})).await;
    assert_eq!((again.status, again.json()["error"].clone()), (409, json!("wallet_refused")));
    post(&bench, "/deliveries/settle", json!({})).await;
    let trades = get(&bench, &format!("/trades?out_trade_no={NO}")).await;
    assert_eq!(trades["trades"][0]["state"], "SUCCESS");
    let deliveries = get(&bench, &format!("/deliveries?out_trade_no={NO}")).await;
    let delivery = &deliveries["deliveries"][0];
    assert_eq!(delivery["state"], "delivered");
    assert_eq!(delivery["attempts"][0]["status"], 200);
    assert_eq!(delivery["attempts"][0]["answer"], "success");
    assert_eq!(delivery["attempts"][0]["url"], bench.receiver.url);
    let path = format!("/deliveries/{}/resend", delivery["id"].as_str().unwrap());
    assert_eq!(post(&bench, &path, json!({})).await.json()["accepted"], true);
    assert_eq!(bench.receiver.received().len(), 2);
}

#[tokio::test]
async fn a_notification_is_crafted_to_be_sent_by_the_tester() {
    let bench = Bench::new().await;
    bench.alipay_create(&bench.alipay_order(NO, "1.00")).await;
    let body = json!({
        "platform": "alipay", "out_trade_no": NO, "deliver": false, "amount_fen": 99,
        "app_id": "2021000000009999",
    });
    let crafted = post(&bench, "/notifications", body).await.json();
    assert_eq!(crafted["url"], bench.receiver.url);
    let key = &bench.facts.alipay.alipay_public_key;
    let fields = open_alipay(key, crafted["body"].as_str().unwrap()).unwrap();
    assert_eq!(fields["total_amount"], "0.99");
    assert!(bench.receiver.received().is_empty());
    let sent = post(&bench, "/notifications", json!({"platform": "alipay", "out_trade_no": NO}));
    assert_eq!(sent.await.json()["accepted"], true);
    assert_eq!(bench.receiver.received().len(), 1);
}

#[tokio::test]
async fn the_clock_moves_and_the_signatures_can_be_skewed() {
    let bench = Bench::new().await;
    bench.wechat_create(&bench.wechat_order(NO, 100)).await;
    bench.receiver.will_answer(&[(500, "")]);
    post(&bench, "/pay", json!({"platform": "wechat", "out_trade_no": NO})).await;
    let moved = post(&bench, "/clock/advance", json!({"seconds": 15})).await.json();
    assert_eq!(moved["now"], "2026-01-01T08:00:15+08:00");
    assert_eq!(bench.receiver.received().len(), 2);
    post(&bench, "/clock/skew", json!({"seconds": 360})).await;
    assert_eq!(bench.wechat_query(NO).await.code().0, 401);
    post(&bench, "/clock/skew", json!({"seconds": 0})).await;
    assert_eq!(bench.wechat_query(NO).await.code().0, 200);
}

#[tokio::test]
async fn faults_and_settings_are_set_listed_and_cleared() {
    let bench = Bench::new().await;
    let fault = json!({"target": "wechat.notification", "fault": "wrong_amount", "times": 1});
    let set = post(&bench, "/faults", fault.clone()).await.json();
    assert_eq!(set["faults"], json!([fault]));
    assert_eq!(call(&bench, Method::DELETE, "/faults", &Value::Null).await.status, 204);
    assert_eq!(get(&bench, "/faults").await["faults"], json!([]));
    let changed = post(&bench, "/settings", json!({"alipay_id_mode": "both"})).await.json();
    assert_eq!(changed["alipay_id_mode"], "both");
    assert_eq!(changed["http_notify_url"], true);
    assert_eq!(get(&bench, "/settings").await, changed);
}

#[tokio::test]
async fn an_expired_trade_is_closed() {
    let bench = Bench::new().await;
    bench.wechat_create(&bench.wechat_order(NO, 100)).await;
    post(&bench, "/expire", json!({"platform": "wechat", "out_trade_no": NO})).await;
    assert_eq!(bench.mocks.trade(Wechat, NO).unwrap().state, "CLOSED");
}

#[rstest]
#[case("/pay", json!({"platform": "wechat"}), 400)]
#[case("/pay", json!({"platform": "wechat", "out_trade_no": "none"}), 404)]
#[case("/pay", json!({"platform": "other", "out_trade_no": "none"}), 400)]
#[case("/pay", json!({"platform": "alipay", "prepay_id": "x"}), 400)]
#[case("/expire", json!({"platform": "wechat", "out_trade_no": "none", "more": 1}), 400)]
#[case("/notifications", json!({"platform": "wechat", "out_trade_no": "none"}), 404)]
#[case("/notifications", json!({"platform": "wechat", "out_trade_no": "none", "amout_fen": 1}), 400)]
#[case("/notifications", json!({"platform": "wechat", "out_trade_no": "none", "deliver": 1}), 400)]
#[case("/faults", json!({"target": "wechat.create", "fault": "lag"}), 400)]
#[case("/faults", json!({"target": "nowhere", "fault": "lag"}), 400)]
#[case("/settings", json!({"unknown": 1}), 400)]
#[case("/clock/advance", json!({"seconds": -1}), 400)]
#[case("/deliveries/d1/resend", json!({}), 404)]
#[case("/nothing", json!({}), 404)]
#[case("/trades", json!({}), 405)]
#[case("/agency/people", json!({"zzz": 1}), 400)]
#[case("/login-codes", json!({"platform": "alipay", "app_id": "x"}), 404)]
#[case("/wechat/apiv3-key", json!({"key": "short"}), 400)]
#[case("/wechat/apiv3-key", json!({"mchid": "1"}), 404)]
#[case("/wechat/certificates/void", json!({"serial": "1"}), 404)]
#[case("/wechat/merchant-certificates/void", json!({"serial": "1"}), 404)]
#[tokio::test]
async fn wrong_requests_are_answered_with_a_reason(
    #[case] path: &str,
    #[case] body: Value,
    #[case] status: u16,
) {
    let bench = Bench::new().await;
    let answer = post(&bench, path, body).await;
    assert_eq!(answer.status, status, "{}", answer.text);
    assert!(answer.json()["message"].is_string());
}

#[tokio::test]
async fn the_index_names_every_route_that_the_server_knows() {
    let bench = Bench::new().await;
    let index = get(&bench, "/").await;
    for entry in index["routes"].as_array().unwrap() {
        let route = entry["route"].as_str().unwrap();
        let (method, path) = route.split_once(' ').unwrap();
        let path = path.replace("{id}", "d000001");
        let answer = call(&bench, method.parse().unwrap(), &path, &json!({})).await;
        assert_ne!(answer.status, 405, "{route}");
        assert!(!answer.text.contains("route; GET"), "{route}");
    }
}

#[tokio::test]
async fn the_described_routes_are_the_routes() {
    let bench = Bench::new().await;
    let page = get(&bench, "/openapi.json").await;
    assert_eq!(page["openapi"], "3.1.0");
    let paths = page["paths"].as_object().unwrap();
    assert!(paths.len() > 25);
    for (path, operations) in paths {
        for (method, operation) in operations.as_object().unwrap() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let path = path.replace("{id}", "d000001");
            let answer = call(&bench, method.clone(), &path, &json!({})).await;
            let said = &answer.json()["message"];
            assert_ne!(answer.status, 405, "{method} {path}");
            assert!(!said.as_str().unwrap_or("").contains("route"), "{method} {path}: {said}");
            if method == Method::GET {
                assert_eq!(answer.status, 200, "{path}");
            }
            assert!(operation["summary"].is_string());
        }
    }
    let listed = get(&bench, "/").await["routes"].as_array().unwrap().len();
    let described: usize = paths.values().map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(listed, described);
}

#[tokio::test]
async fn chance_and_scale_are_set_over_http() {
    let bench = Bench::new().await;
    let rule = json!({"target": "wechat.query", "fault": "busy", "per_ten_thousand": 10_000});
    let chaos = json!({"seed": 7, "rules": [rule]});
    assert_eq!(post(&bench, "/chaos", chaos.clone()).await.json(), chaos);
    assert_eq!(bench.wechat_query(NO).await.status, 429);
    let ended = call(&bench, Method::DELETE, "/chaos", &Value::Null).await;
    assert_eq!(ended.status, 204);
    assert_eq!(bench.wechat_query(NO).await.status, 404);
    let wrong =
        json!({"rules": [{"target": "wechat.query", "fault": "busy", "per_ten_thousand": 0}]});
    assert_eq!(post(&bench, "/chaos", wrong).await.status, 400);
    assert_eq!(post(&bench, "/clock/scale", json!({"factor": 60})).await.json()["scale"], 60);
    for factor in [0, 1_001] {
        assert_eq!(post(&bench, "/clock/scale", json!({"factor": factor})).await.status, 400);
    }
}
