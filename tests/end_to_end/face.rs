//! The API's face: one form of error, two languages, caching, its own description, and records.

use std::collections::BTreeSet;

use kernel::Channel;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::town::{Backend, Town, insured};

const JSON: &str = "application/json";

#[rstest]
#[case::no_such_address("GET", "/api/v1/nothing", "", 404, "not_found")]
#[case::no_such_page("GET", "/nothing", "", 404, "not_found")]
#[case::no_such_city("GET", "/api/v1/cities/999999", "", 404, "city_not_found")]
#[case::wrong_method("DELETE", "/api/v1/cities", "", 405, "method_not_allowed")]
#[case::too_large("POST", "/api/v1/sessions", "large", 413, "too_large")]
#[case::no_json("POST", "/api/v1/sessions", "{", 400, "invalid_request")]
#[case::unknown_member("POST", "/api/v1/sessions", r#"{"x":1}"#, 400, "invalid_request")]
#[case::bad_code(
    "POST",
    "/api/v1/sessions",
    r#"{"platform":"wechat","code":"x"}"#,
    401,
    "login_code_invalid"
)]
#[case::nobody("GET", "/api/v1/orders", "", 401, "not_logged_in")]
#[case::unknown_parameter("GET", "/api/v1/cities/search?q=wx&x=1", "", 400, "invalid_request")]
#[tokio::test]
async fn every_error_has_one_form(
    #[case] method: Method,
    #[case] path: &str,
    #[case] body: &str,
    #[case] status: u16,
    #[case] code: &str,
) {
    let town = Town::new(Backend::Embedded).await;
    let body =
        if body == "large" { format!("\"{}\"", "a".repeat(70_000)) } else { body.to_owned() };
    for (language, tag) in
        [(None, "zh-CN"), (Some("zh-CN,en;q=0.5"), "zh-CN"), (Some("en-GB"), "en")]
    {
        let mut request =
            town.request(method.clone(), path).header("x-trace-id", "trace-0123456789");
        if !body.is_empty() {
            request = request.header("content-type", JSON).body(body.clone());
        }
        if let Some(language) = language {
            request = request.header("accept-language", language);
        }
        let answer = town.send(request).await;
        let problem = answer.refused(status, code);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.header("content-language"), tag);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("urn:city-services:problem:{code}"));
        assert!(!problem["title"].as_str().expect("a title").is_empty());
        assert_eq!(problem["trace_id"], "trace-0123456789");
        assert_eq!(answer.header("x-trace-id"), "trace-0123456789");
        let detail = problem["detail"].as_str().expect("a sentence");
        let chinese = detail.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        assert_eq!(chinese, tag == "zh-CN", "{detail}");
    }
    let answer =
        town.send(town.request(method, path).header("content-type", JSON).body(body)).await;
    assert_eq!(answer.json()["trace_id"].as_str().expect("a trace id").len(), 32);
    town.close().await;
}

#[tokio::test]
async fn an_unchanged_list_of_cities_is_not_sent_again() {
    let town = Town::new(Backend::Embedded).await;
    let first = town.get("/api/v1/cities").await;
    assert_eq!(first.expect(200)["count"], 337);
    let etag = first.header("etag").to_owned();
    let ask = |tag: &str| {
        town.send(town.request(Method::GET, "/api/v1/cities").header("if-none-match", tag))
    };
    for tag in [etag.clone(), format!("W/{etag}"), format!("\"old\", {etag}"), "*".to_owned()] {
        let again = ask(&tag).await;
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{tag}");
        assert_eq!(again.header("etag"), etag);
    }
    ask("\"old\"").await.expect(200);
    town.close().await;
}

#[rstest]
#[case::name("无锡", Some("320200"))]
#[case::full_name("无锡市", Some("320200"))]
#[case::code("320200", Some("320200"))]
#[case::unknown("亚特兰蒂斯", None)]
#[case::unknown_code("999999", None)]
#[case::blank("", None)]
#[case::forged("320200'; --", None)]
#[tokio::test]
async fn a_hint_names_a_city_or_none(#[case] hint: &str, #[case] code: Option<&str>) {
    let town = Town::new(Backend::Embedded).await;
    let request = town.request(Method::GET, "/api/v1/cities/resolve").query(&[("hint", hint)]);
    let found = town.send(request).await.expect(200);
    assert_eq!(found["city"]["code"].as_str(), code);
    assert_eq!(found["candidates"], json!([]));
    town.close().await;
}

const OPERATIONS: [&str; 63] = [
    "delete /api/v1/me/mobile",
    "delete /api/v1/me/payers/{id}",
    "delete /api/v1/payment-requests/{token}",
    "delete /api/v1/people/{id}",
    "delete /api/v1/sessions",
    "delete /api/v1/sessions/{id}",
    "get /api/v1/cities",
    "get /api/v1/cities/nearest",
    "get /api/v1/cities/resolve",
    "get /api/v1/cities/search",
    "get /api/v1/cities/{code}",
    "get /api/v1/cities/{code}/guide",
    "get /api/v1/consent-texts",
    "get /api/v1/consents",
    "get /api/v1/display",
    "get /api/v1/me",
    "get /api/v1/me/export",
    "get /api/v1/me/payers",
    "get /api/v1/me/reminders",
    "get /api/v1/objections",
    "get /api/v1/objections/{id}",
    "get /api/v1/orders",
    "get /api/v1/orders/list.pdf",
    "get /api/v1/orders/{order_no}",
    "get /api/v1/orders/{order_no}/documents",
    "get /api/v1/orders/{order_no}/documents/{id}",
    "get /api/v1/orders/{order_no}/voucher",
    "get /api/v1/orders/{order_no}/voucher.pdf",
    "get /api/v1/payment-requests/{token}",
    "get /api/v1/people",
    "get /api/v1/people/{id}/bills",
    "get /api/v1/people/{id}/enrolments",
    "get /api/v1/people/{id}/gaps",
    "get /api/v1/people/{id}/social-card",
    "get /api/v1/people/{id}/tiers",
    "get /api/v1/sessions",
    "get /api/v1/vouchers/{serial}",
    "get /check",
    "post /api/v1/confirmations",
    "post /api/v1/consents/{id}/withdrawal",
    "post /api/v1/me/erasure",
    "post /api/v1/me/export",
    "post /api/v1/me/mobile",
    "post /api/v1/me/mobile/sms-codes",
    "post /api/v1/me/proofs",
    "post /api/v1/objections/{id}/withdrawal",
    "post /api/v1/orders",
    "post /api/v1/orders/{no}/objections",
    "post /api/v1/orders/{order_no}/cancel",
    "post /api/v1/orders/{order_no}/payments",
    "post /api/v1/orders/{order_no}/sync",
    "post /api/v1/payment-requests/{token}/acceptance",
    "post /api/v1/people",
    "post /api/v1/people/{id}/lookups",
    "post /api/v1/people/{id}/payment-requests",
    "post /api/v1/people/{id}/real-name",
    "post /api/v1/people/{id}/real-name/{verification_id}/result",
    "post /api/v1/people/{id}/tier-confirmations",
    "post /api/v1/people/{id}/topups",
    "post /api/v1/quotes",
    "post /api/v1/sessions",
    "put /api/v1/me/reminders",
    "put /api/v1/people/{id}/tier",
];

#[tokio::test]
async fn the_description_lists_every_route_and_each_is_there() {
    let town = Town::new(Backend::Embedded).await;
    let document = town.get("/openapi.json").await.expect(200);
    let mut listed = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            assert!(operation["responses"].is_object(), "{method} {path}");
            listed.insert(format!("{method} {path}"));
        }
    }
    assert_eq!(listed, OPERATIONS.map(str::to_owned).into());
    for operation in listed {
        let (method, path) = operation.split_once(' ').expect("two words");
        let path = ["{id}", "{no}", "{order_no}", "{serial}"]
            .iter()
            .fold(path.replace("{code}", "320200"), |path, place| path.replace(place, "x"));
        let method = method.to_uppercase().parse().expect("a method");
        let answer = town.send(town.request(method, &path)).await;
        let code = if answer.status < 400 { Value::Null } else { answer.json()["code"].clone() };
        assert!(code != "not_found" && code != "method_not_allowed", "{operation}: {code}");
    }
    town.close().await;
}

#[tokio::test]
async fn the_page_of_the_description_loads_nothing_from_outside() {
    let town = Town::new(Backend::Embedded).await;
    let page = town.get("/docs/").await;
    assert_eq!(page.status, 200, "{}", page.body);
    let mut loaded = 0;
    for attribute in ["src=\"", "href=\""] {
        for rest in page.body.split(attribute).skip(1) {
            let address = rest.split('"').next().expect("a closed attribute");
            assert!(!address.contains("//"), "{address} is outside");
            let path = format!("/docs/{}", address.trim_start_matches("./"));
            let part = town.get(&path).await;
            assert_eq!(part.status, 200, "{path}");
            loaded += 1;
        }
    }
    assert!(loaded >= 3, "the page has a style and scripts: {}", page.body);
    let start = town.get("/docs/swagger-initializer.js").await;
    assert_eq!(start.status, 200);
    assert!(start.body.contains("/openapi.json"), "{}", start.body);
    assert!(!start.body.contains("http:") && !start.body.contains("https:"), "{}", start.body);
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn records_come_in_pages_newest_first(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::configured(backend, "[orders]\nhourly_max = 100\nunpaid_max = 100\nunpaid_for_person_max = 100\nhourly_for_person_max = 100\n").await;
    let mut citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let mut placed: Vec<Value> = Vec::new();
    for name in ["张三", "赵六"] {
        if name == "赵六" {
            let person = json!({
                "relation": "other", "name": name, "consent_text_version": "2026-11",
                "document": { "kind": "resident_id", "number": insured(name).number },
            });
            let person = citizen.post("/api/v1/people", &person).await.expect(201);
            citizen.person_id = person["id"].as_str().expect("an id").to_owned();
        }
        for bill in citizen.bills("2023-01", "2023-12").await {
            if placed.len() < 45 {
                town.clock.advance(std::time::Duration::from_secs(1));
                let key = format!("order-{}", placed.len());
                let mut wish = citizen.wish(std::slice::from_ref(&bill));
                if name == "赵六" {
                    let shown = citizen.post("/api/v1/confirmations", &wish).await.expect(200);
                    wish["confirmation"] = shown["confirmation"].clone();
                }
                placed.push(citizen.place(&key, &wish).await.expect(201)["order_no"].clone());
            }
        }
    }
    assert_eq!(placed.len(), 45);
    let (mut seen, mut sizes, mut cursor) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = citizen.get(&format!("/api/v1/orders?limit=20{cursor}")).await.expect(200);
        let orders = page["orders"].as_array().expect("orders");
        sizes.push(orders.len());
        seen.extend(orders.iter().map(|order| order["order_no"].clone()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
        // What is placed meanwhile does not move the pages.
        let wish = citizen.wish(&citizen.bills("2023-12", "2023-12").await[..0]);
        citizen.place("empty", &wish).await.refused(400, "invalid_request");
    }
    placed.reverse();
    assert_eq!(seen, placed);
    assert_eq!(sizes, [20, 20, 5]);
    citizen.get("/api/v1/orders?cursor=x").await.refused(400, "invalid_request");

    let stranger = town.citizen_named("somebody else", Channel::Wechat, insured("张三")).await;
    let path = format!("/api/v1/orders/{}", seen[0].as_str().expect("a number"));
    stranger.get(&path).await.refused(404, "order_not_found");
    stranger.post(&format!("{path}/sync"), &json!({})).await.refused(404, "order_not_found");
    stranger.post(&format!("{path}/cancel"), &json!({})).await.refused(404, "order_not_found");
    assert_eq!(stranger.get("/api/v1/orders").await.expect(200)["orders"], json!([]));
    town.close().await;
}
