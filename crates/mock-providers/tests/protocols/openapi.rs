//! The description of the control API against the API: what it names is what is read, and what is answered
//! has the form that it describes.

use std::collections::BTreeSet;

use reqwest::Method;
use rstest::rstest;
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
        let read = answer.json()["message"].as_str().unwrap().to_owned();
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
            "tampered" | "wrong_associated_data" | "sm4" => json!(true),
            "mchid" => json!(bench.facts.wechat.mchid),
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

/// What is wrong with a value, by a schema: nothing that is described may be missing or otherwise, and
/// nothing may be there that is not described.
fn violations(page: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let part = page.pointer(name.trim_start_matches('#'));
        let Some(part) = part else { return vec![format!("{at}: {name} is described nowhere")] };
        return violations(page, part, value, at);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let each: Vec<_> = choices.iter().map(|one| violations(page, one, value, at)).collect();
        return match each.iter().any(Vec::is_empty) {
            true => Vec::new(),
            false => vec![format!("{at}: none of {each:?}")],
        };
    }
    let mut found = Vec::new();
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let kinds: Vec<&Value> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    };
    if !kinds.is_empty() && !kinds.contains(&&json!(kind)) {
        found.push(format!("{at}: {value} is no {kinds:?}"));
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        found.push(format!("{at}: {value} is none of {}", schema["enum"]));
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        found.extend(violations(page, &schema["items"], item, &format!("{at}/{index}")));
    }
    let Some(members) = value.as_object() else { return found };
    for name in schema["required"].as_array().into_iter().flatten() {
        if !members.contains_key(name.as_str().unwrap()) {
            found.push(format!("{at}: {name} is missing"));
        }
    }
    for (name, member) in members {
        let place = format!("{at}/{name}");
        match (&schema["properties"][name], &schema["additionalProperties"]) {
            (Value::Null, Value::Object(_)) => {
                found.extend(violations(page, &schema["additionalProperties"], member, &place));
            }
            // What was sent, told as it came.
            (Value::Null, _) if schema.get("properties").is_none() => {}
            (Value::Null, _) => found.push(format!("{place} is not described")),
            (property, _) => found.extend(violations(page, property, member, &place)),
        }
    }
    found
}

/// What a route is asked with, for an answer that is a success.
async fn example(bench: &Bench, route: &str) -> Value {
    let number = "SI20260101000001";
    let named = json!({"platform": "wechat", "out_trade_no": number});
    match route {
        "post /login-codes" => json!({"platform": "alipay"}),
        "post /pay" | "post /expire" => {
            let fresh = format!("SI2026{:06}", route.len());
            bench.wechat_create(&bench.wechat_order(&fresh, 100)).await;
            json!({"platform": "wechat", "out_trade_no": fresh})
        }
        "post /cancel" | "post /fail" | "post /notifications" => named,
        "post /clock/advance" | "post /clock/skew" => json!({"seconds": 0}),
        "post /clock/scale" => json!({"factor": 1}),
        "post /faults" => json!({"target": "wechat.close", "fault": "paid_after_close"}),
        "post /chaos" => json!({"rules": [{
            "target": "alipay.query", "fault": "slow", "seconds": 1, "per_ten_thousand": 1}]}),
        "post /wechat/subscriptions" | "post /alipay/subscriptions" => json!({"template_id": "T"}),
        "post /sms/send" => json!({
            "message_id": "1", "mobile": "13900000000", "code": "123456", "minutes": 5,
            "language": "en"}),
        "post /agency/people" => json!({
            "document_number": "11010519491231002X", "name": "张三", "insured": "gap",
            "faults": [{"fault": "slow", "millis": 1}]}),
        "post /agency/faults" => json!({"fault": "unknown", "booked": true}),
        _ => Value::Null,
    }
}

/// Acts that need something that only the platforms' own calls bring about; their answers have no form.
const NEEDS_MORE: &[&str] = &[
    "post /wechat/faces",
    "post /alipay/certifications",
    "post /agency/postings/refund",
    "post /agency/postings/reverse",
    "post /agency/bills/change",
    "post /agency/bills/pay-elsewhere",
    "post /agency/bills/close",
];

#[tokio::test]
async fn every_answer_has_the_form_that_is_described() {
    let bench = Bench::without_a_service().await;
    let number = "SI20260101000001";
    bench.wechat_create(&bench.wechat_order(number, 100)).await;
    bench.alipay_create(&bench.alipay_order(number, "1.00")).await;
    // The first delivery, to be sent again.
    crate::wechat::paid(&bench, "SI20260101000009", 100).await;
    let page = get(&bench, "/openapi.json").await;
    assert_eq!(page["servers"][0]["url"], bench.facts.control_url);
    let mut wrong = Vec::new();
    // What is made comes before what lists it.
    let order = |route: &str| !route.starts_with("post");
    let mut routes: Vec<(String, String, Value)> = Vec::new();
    for (path, operations) in page["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            routes.push((format!("{method} {path}"), path.clone(), operation.clone()));
        }
    }
    routes.sort_by_key(|(route, ..)| order(route));
    for (route, path, operation) in routes {
        if NEEDS_MORE.contains(&&*route) || route == "get /phone/" {
            continue;
        }
        let body = example(&bench, &route).await;
        let method = route.split(' ').next().unwrap().to_uppercase();
        let url = format!("{}{}", bench.facts.control_url, path.replace("{id}", "d000001"));
        let request = bench.client.request(method.parse().unwrap(), url);
        let request = if body.is_null() { request } else { request.body(body.to_string()) };
        let token = format!("Bearer {}", bench.facts.sms.token);
        let answer = request.header("Authorization", token).send().await.unwrap();
        let status = answer.status().as_u16().to_string();
        let text = answer.text().await.unwrap();
        let described = &operation["responses"][&status];
        if described.is_null() {
            wrong.push(format!("{route}: {status} {text}"));
            continue;
        }
        let schema = &described["content"]["application/json"]["schema"];
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        match schema {
            Value::Null => assert_eq!(text, "", "{route}"),
            schema => wrong.extend(
                violations(&page, schema, &value, "").iter().map(|why| format!("{route}: {why}")),
            ),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let error = post(&bench, "/nothing", json!({})).await.json();
    let described = json!({"$ref": "#/components/schemas/Error"});
    assert_eq!(violations(&page, &described, &error, ""), [""; 0]);
}

#[test]
fn what_is_not_described_is_found() {
    let page = json!({"components": {"schemas": {"N": {"type": "integer"}}}});
    let schema = json!({
        "type": "object", "required": ["a", "c"],
        "properties": {"a": {"$ref": "#/components/schemas/N"}, "b": {"enum": ["x"]}},
    });
    let found = violations(&page, &schema, &json!({"a": "1", "b": "y", "d": 1}), "");
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(violations(&page, &schema, &json!({"a": 1, "b": "x", "c": 1}), "").len() == 1);
}

#[tokio::test]
async fn a_number_beyond_its_described_limits_is_refused() {
    let bench = Bench::new().await;
    let page = get(&bench, "/openapi.json").await;
    let mut tried = BTreeSet::new();
    for (path, operations) in page["paths"].as_object().unwrap() {
        let body = &operations["post"]["requestBody"]["content"]["application/json"]["schema"];
        for (name, property) in body["properties"].as_object().into_iter().flatten() {
            let Some(most) = property["maximum"].as_i64() else { continue };
            let least = property["minimum"].as_i64().unwrap();
            for (number, status) in [(most + 1, 400), (least - 1, 400), (least, 200)] {
                let answer = post(&bench, path, json!({ name: number })).await;
                assert_eq!(answer.status, status, "{path} {name} {number}: {}", answer.text);
            }
            tried.insert(path.as_str());
        }
    }
    let numbers = ["/clock/advance", "/clock/scale", "/clock/skew", "/wechat/migration"];
    assert_eq!(tried, BTreeSet::from(numbers));
    // A fault is described for each of its targets.
    let faults = &page["paths"]["/faults"]["post"]["requestBody"]["content"]["application/json"];
    let of_delay = &faults["schema"]["oneOf"][0]["properties"];
    assert_eq!(of_delay["target"]["enum"], json!(["wechat.notification"]));
    for (times, seconds, status) in [
        (of_delay["times"]["maximum"].clone(), of_delay["seconds"]["maximum"].clone(), 200),
        (json!(1_000_001), json!(1), 400),
        (json!(0), json!(1), 400),
        (json!(1), json!(1_000_001), 400),
    ] {
        let fault = json!({
            "target": "wechat.notification", "fault": "delay", "times": times, "seconds": seconds,
        });
        assert_eq!(post(&bench, "/faults", fault.clone()).await.status, status, "{fault}");
    }
}

#[tokio::test]
async fn every_described_fault_can_be_ordered_and_no_other() {
    let bench = Bench::new().await;
    let page = get(&bench, "/openapi.json").await;
    let index = get(&bench, "/").await;
    let schema = &page["paths"]["/faults"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        ["oneOf"];
    let described = schema.as_array().unwrap();
    assert_eq!(described.len(), mock_providers::FaultTarget::ALL.len());
    for one in described {
        let (target, names) =
            (&one["properties"]["target"]["enum"][0], &one["properties"]["fault"]["enum"]);
        assert_eq!(&index["faults"][target.as_str().unwrap()], names, "{target}");
        for name in names.as_array().unwrap() {
            let fault = json!({"target": target, "fault": name});
            let timed = json!({"target": target, "fault": name, "seconds": 1});
            let mut answer = post(&bench, "/faults", fault).await;
            if answer.status == 400 && answer.text.contains("seconds") {
                answer = post(&bench, "/faults", timed).await;
            }
            assert_eq!(answer.status, 200, "{target} {name}: {}", answer.text);
            call(&bench, Method::DELETE, "/faults", &Value::Null).await;
        }
        let wrong = post(&bench, "/faults", json!({"target": target, "fault": "wrong_amout"}));
        let told = wrong.await.json()["message"].as_str().unwrap().to_owned();
        let first = names[0].as_str().unwrap();
        assert!(told.contains("has no such fault") && told.contains(first), "{told}");
    }
}

#[rstest]
#[case("/wechat/phone-codes")]
#[case("/alipay/phone-number")]
#[case("/settings")]
#[case("/wechat/certificates/rotate")]
#[case("/wechat/migration")]
#[tokio::test]
async fn a_body_of_which_nothing_is_needed_may_be_left_out(#[case] path: &str) {
    let bench = Bench::new().await;
    let answer = call(&bench, Method::POST, path, &Value::Null).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[rstest]
#[case("/wechat/messages?platform=wechat", 400)]
#[case("/wechat/messages?limit=1", 200)]
#[case("/alipay/messages?limit=1", 200)]
#[case("/alipay/messages?out_trade_no=1", 400)]
#[tokio::test]
async fn a_list_takes_what_it_honours(#[case] path: &str, #[case] status: u16) {
    let bench = Bench::new().await;
    assert_eq!(call(&bench, Method::GET, path, &Value::Null).await.status, status);
}

#[tokio::test]
async fn the_page_for_people_is_described_as_one() {
    let bench = Bench::without_a_service().await;
    let page = get(&bench, "/openapi.json").await;
    let content = &page["paths"]["/phone/"]["get"]["responses"]["200"]["content"];
    assert!(content["text/html"].is_object() && content["application/json"].is_null());
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
