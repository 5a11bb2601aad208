//! The description of the control API against the API: what it names is what is read.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    bench::Bench,
    control::{call, get, post},
};

/// Each operation with a body: path and the names of its members.
fn bodies(page: &Value) -> Vec<(String, BTreeSet<String>)> {
    let mut found = Vec::new();
    for (path, operations) in page["paths"].as_object().unwrap() {
        let body = &operations["post"]["requestBody"]["content"]["application/json"]["schema"];
        if let Some(properties) = body["properties"].as_object() {
            found.push((path.clone(), properties.keys().cloned().collect()));
        }
    }
    found
}

/// The words between backticks.
fn quoted(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_described_members_are_the_members_that_are_read() {
    let bench = Bench::new().await;
    let page = get(&bench, "/openapi.json").await;
    let bodies = bodies(&page);
    assert!(bodies.len() > 20, "{bodies:?}");
    for (path, described) in bodies {
        // Members in one flat object with another cannot be listed by the reader; each is tried.
        if ["/notifications", "/settings", "/agency/faults"].contains(&path.as_str()) {
            continue;
        }
        let answer = call(&bench, Method::POST, &path, &json!({"zzz": 1})).await;
        let read = match path.starts_with("/agency/") {
            // The agency's reader wants to be told that it gets JSON.
            true => {
                let url = format!("{}{path}", bench.facts.control_url);
                let answer = bench.client.post(url).json(&json!({"zzz": 1})).send().await.unwrap();
                answer.text().await.unwrap()
            }
            false => answer.json()["message"].as_str().unwrap().to_owned(),
        };
        let mut names = quoted(&read);
        assert!(names.remove("zzz"), "{path}: {read}");
        assert_eq!(names, described, "{path}");
    }
}

#[tokio::test]
async fn every_described_switch_is_one_and_every_switch_is_described() {
    let bench = Bench::new().await;
    let page = get(&bench, "/openapi.json").await;
    let switches: BTreeSet<String> =
        get(&bench, "/settings").await.as_object().unwrap().keys().cloned().collect();
    let described = bodies(&page).into_iter().find(|(path, _)| path == "/settings").unwrap();
    assert_eq!(switches, described.1);
    let schema = &page["paths"]["/settings"]["post"]["requestBody"]["content"]["application/json"]
        ["schema"]["properties"];
    for (name, property) in schema.as_object().unwrap() {
        for word in property["enum"].as_array().into_iter().flatten() {
            let answer = post(&bench, "/settings", json!({ name: word })).await;
            assert_eq!(answer.status, 200, "{name}: {word}");
        }
    }
}

#[tokio::test]
async fn every_described_member_of_a_crafted_notification_is_taken() {
    let bench = Bench::new().await;
    let number = "SI20260101000001";
    bench.wechat_create(&bench.wechat_order(number, 100)).await;
    let page = get(&bench, "/openapi.json").await;
    let (_, members) =
        bodies(&page).into_iter().find(|(path, _)| path == "/notifications").unwrap();
    for name in members {
        let value = match name.as_str() {
            "platform" | "out_trade_no" | "deliver" => continue,
            "amount_fen" | "timestamp_offset_seconds" => json!(1),
            "tampered" | "wrong_associated_data" => json!(true),
            "kind" => json!("payment"),
            "sign" => json!("unknown_serial"),
            // Of the other platform: taken and refused in words.
            "oddity" => json!("gbk_charset"),
            _ => json!("x"),
        };
        let mut body = json!({"platform": "wechat", "out_trade_no": number, "deliver": false});
        body[&name] = value;
        let answer = post(&bench, "/notifications", body).await;
        assert!(!answer.text.contains("unknown field"), "{name}: {}", answer.text);
        assert_eq!(answer.status, if name == "oddity" { 400 } else { 200 }, "{name}");
    }
}

#[tokio::test]
async fn a_failed_payment_changes_nothing() {
    let bench = Bench::new().await;
    let number = "SI20260101000001";
    bench.wechat_create(&bench.wechat_order(number, 100)).await;
    bench.alipay_create(&bench.alipay_order(number, "1.00")).await;
    for (platform, result) in [("wechat", "requestPayment:fail 支付失败"), ("alipay", "4000")] {
        let body = json!({"platform": platform, "out_trade_no": number});
        assert_eq!(post(&bench, "/fail", body.clone()).await.json()["client_result"], result);
        assert_eq!(post(&bench, "/pay", body).await.status, 200, "a second try succeeds");
    }
}

#[tokio::test]
async fn the_door_counts_what_it_saw() {
    let bench = Bench::new().await;
    bench.wechat_query("SI20260101000001").await;
    // The bench uses one nonce for everything.
    bench.wechat_query("SI20260101000001").await;
    let mut forged = bench.wechat_call(Method::GET, "/v3/certificates", &Value::Null);
    forged.signed_text = Some("something else".to_owned());
    assert_eq!(bench.wechat(forged).await.status, 401);
    let expected = json!({"verified": 2, "refused": 1, "repeated_nonces": 1});
    assert_eq!(get(&bench, "/wechat/requests").await, expected);
}

#[tokio::test]
async fn the_document_names_every_route_switch_and_target() {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/mock-providers.md");
    let document = std::fs::read_to_string(path).unwrap();
    let bench = Bench::new().await;
    let page = get(&bench, "/openapi.json").await;
    let mut names: Vec<String> = page["paths"].as_object().unwrap().keys().cloned().collect();
    names.extend(get(&bench, "/settings").await.as_object().unwrap().keys().cloned());
    for target in mock_providers::FaultTarget::ALL {
        // In a row of its platform only the end of the name is written.
        let (_, end) = target.code().split_once('.').unwrap();
        names.push(format!(".{end}`"));
    }
    let lacking: Vec<&String> = names.iter().filter(|name| !document.contains(*name)).collect();
    assert!(lacking.is_empty(), "docs/mock-providers.md says nothing of {lacking:?}");
}
