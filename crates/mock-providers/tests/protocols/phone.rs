//! The phone page's server: the page itself, the way to the service, and what passed the mocks.

use axum::http::StatusCode;
use serde_json::Value;

use crate::{bench::Bench, control::get};

#[tokio::test]
async fn the_page_may_load_nothing_from_outside() {
    let bench = Bench::new().await;
    for path in ["/phone/", "/phone/js/main.js", "/phone/nothing"] {
        let url = format!("{}{path}", bench.facts.control_url);
        let answer = bench.client.get(url).send().await.unwrap();
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'self';"), "{path}: {policy}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    }
}

#[tokio::test]
async fn without_a_service_the_page_says_how_to_start_one() {
    let bench = Bench::without_a_service().await;
    let url = format!("{}/phone/api/v1/cities", bench.facts.control_url);
    let answer = bench.client.get(url).header("accept-language", "en").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["code"], "service_away");
    let hint = problem["for_developers"].as_str().unwrap();
    assert!(hint.contains("city-services serve"), "{problem}");
    // A citizen who reads this starts no services.
    assert!(!problem["next_step"].as_str().unwrap().contains("serve"), "{problem}");
}

#[tokio::test]
async fn a_call_that_no_key_signed_is_shown_as_refused() {
    let bench = Bench::new().await;
    let url = format!("{}/v3/certificates", bench.facts.wechat.base_url);
    let request = bench.client.get(url).header("accept", "application/json");
    let request = request.header("user-agent", "shop/1").header("authorization", "none");
    request.send().await.unwrap();
    let seen = get(&bench, "/phone/exchanges").await;
    let last = seen["exchanges"].as_array().unwrap().last().unwrap();
    assert_eq!(last["path"], "/v3/certificates");
    assert_eq!((&last["signature"], &last["status"]), (&"refused".into(), &401.into()));
    let after = format!("/phone/exchanges?after={}", last["no"]);
    assert_eq!(get(&bench, &after).await["exchanges"], Value::Array(Vec::new()));
}
