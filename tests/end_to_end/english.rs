//! Whoever reads English is answered in English: a whole story, every answer of it looked through.
//!
//! Chinese stays where it is a name: of people, cities and agencies, of documents as they are cited, of
//! amounts in capitals as offices want them. What cities say in their packs (the guide) is Chinese by
//! its nature and marked so. Everything else here fails this test.

use kernel::Channel;
use mock_providers::agency::{AgencyCodeWord, AgencyFault, AgencyOperation, FaultKind};
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    counter::cart,
    town::{Answer, Backend, Citizen, Town, insured},
};

/// Members whose value is a name, wherever they stand.
const NAMES: [&str; 13] = [
    "agency_name",
    "amount_capitals",
    "city_name",
    "document",
    "evidence_text",
    "full_name",
    "insured_name",
    "masked_name",
    "payer",
    "province",
    "second_confirmation",
    "source",
    "sources",
];
/// Parts of the guide that are the pack's own texts, in the language that `text_language` names.
const PACK_TEXTS: [&str; 6] =
    ["channels", "notices", "advice", "refund", "objection", "topup_guide"];

fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{ff00}'..='\u{ffef}'))
}

/// Every Chinese text in an answer that is no name, with where it stands.
fn left_overs(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::String(text) if is_chinese(text) => found.push(format!("{place}: {text}")),
        Value::Array(rows) => rows.iter().for_each(|row| left_overs(row, place, found)),
        Value::Object(members) => {
            for (name, member) in members {
                let pack = place.ends_with("/guide") && PACK_TEXTS.contains(&name.as_str());
                // Cities, offices and the reader are called by their names.
                let beside = ["pinyin", "insurances", "document_number"];
                let place_name =
                    name == "name" && beside.iter().any(|member| members.contains_key(*member));
                if !pack && !place_name && !NAMES.contains(&name.as_str()) {
                    left_overs(member, &format!("{place} {name}"), found);
                }
            }
        }
        _ => {}
    }
}

struct Reader<'a> {
    citizen: &'a Citizen<'a>,
    found: std::cell::RefCell<Vec<String>>,
    answers: std::cell::Cell<usize>,
}

impl<'a> Reader<'a> {
    fn of(citizen: &'a Citizen<'a>) -> Reader<'a> {
        Reader { citizen, found: Vec::new().into(), answers: 0.into() }
    }

    async fn asks(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let town = self.citizen.town;
        let request = town.request(method, path).bearer_auth(&self.citizen.token);
        let request = request.header("Accept-Language", "en").header("Idempotency-Key", path);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = town.send(request).await;
        let told = answer.json();
        left_overs(&told, path, &mut self.found.borrow_mut());
        self.answers.set(self.answers.get() + 1);
        answer
    }

    async fn gets(&self, path: &str) -> Value {
        self.asks(Method::GET, path, None).await.json()
    }

    async fn posts(&self, path: &str, body: &Value) -> Value {
        self.asks(Method::POST, path, Some(body)).await.json()
    }

    fn of_person(&self, what: &str) -> String {
        format!("/api/v1/people/{}/{what}", self.citizen.person_id)
    }

    /// No Chinese was met, and the story was not empty.
    fn is_content(&self, answers_least: usize) {
        assert!(self.answers.get() >= answers_least, "only {} answers", self.answers.get());
        let found = self.found.borrow();
        assert!(found.is_empty(), "Chinese in English answers:\n- {}", found.join("\n- "));
    }
}

async fn pays(reader: &Reader<'_>, key: &str, bills: &[Value]) -> String {
    let wish = cart(reader.citizen, bills);
    let shown = reader.posts("/api/v1/confirmations", &wish).await;
    assert!(shown["confirmation"].is_string(), "{shown}");
    let town = reader.citizen.town;
    let request = town.request(Method::POST, "/api/v1/orders").bearer_auth(&reader.citizen.token);
    let request = request.header("Accept-Language", "en").header("Idempotency-Key", key);
    let placed = town.send(request.json(&wish)).await.expect(201);
    left_overs(&placed, "placed", &mut reader.found.borrow_mut());
    let order = crate::counter::placed(&placed, &wish);
    let started = reader.citizen.starts_paying(&order).await;
    reader.gets(&format!("/api/v1/orders/{}", order.order_no)).await;
    reader.citizen.pays(&started).expect("the wallet pays");
    town.mocks.settle().await;
    order.order_no
}

async fn looks_at(reader: &Reader<'_>, order_no: &str) {
    let path = format!("/api/v1/orders/{order_no}");
    for what in ["", "/voucher", "/documents"] {
        reader.gets(&format!("{path}{what}")).await;
    }
    let voucher = reader.gets(&format!("{path}/voucher")).await;
    let query =
        voucher["check_url"].as_str().expect("an address").replace(&reader.citizen.town.url, "");
    let (_, parameters) = query.split_once('?').expect("parameters");
    let serial = voucher["serial"].as_str().unwrap_or(order_no);
    let code = voucher["verification_code"].as_str().expect("a code");
    reader.gets(&format!("/api/v1/vouchers/{serial}?code={code}")).await;
    let request = reader.citizen.town.request(Method::GET, &format!("/check?{parameters}"));
    let page = reader.citizen.town.send(request.header("Accept-Language", "en")).await;
    assert_eq!(page.status, 200);
    // Names bear their own language on the page.
    let mut rest = page.body.as_str();
    let mut english = String::new();
    while let Some((before, after)) = rest.split_once("<span lang=\"zh-CN\">") {
        english.push_str(before);
        rest = after.split_once("</span>").expect("an end").1;
    }
    english.push_str(rest);
    assert!(!is_chinese(&english), "{english}");
}

#[rstest]
#[tokio::test]
async fn a_purchase_a_topup_and_a_residents_year_are_told_in_english(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
) {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let reader = Reader::of(&citizen);
    for city in ["320200", "110000", "320100", "510100"] {
        reader.gets(&format!("/api/v1/cities/{city}")).await;
        reader.gets(&format!("/api/v1/cities/{city}?month=2026-11")).await;
        reader.gets(&format!("/api/v1/cities/{city}/guide")).await;
    }
    for path in ["/api/v1/display", "/api/v1/consent-texts", "/api/v1/me", "/api/v1/people"] {
        reader.gets(path).await;
    }
    for quote in [
        json!({ "city": "320200", "insurance": "pension", "tier": 1, "from": "2023-01", "months": 3 }),
        json!({ "city": "320500", "insurance": "medical", "from": "2024-01", "months": 1 }),
        json!({ "city": "320200", "insurance": "pension", "from": "2026-11", "months": 1, "provisional": true }),
        json!({ "city": "320200", "insurance": "resident_medical", "category": "elderly", "from": "2024-01", "months": 12 }),
        json!({ "policy": "tianjin-medical-2025", "from": "2025-03", "months": 1 }),
        json!({ "policy": "nanchang-pension-2024", "tier": 2, "from": "2024-03", "months": 1 }),
        json!({ "policy": "shenzhen-pension-2025", "from": "2025-08", "months": 1, "local_hukou": true }),
    ] {
        let priced = reader.posts("/api/v1/quotes", &quote).await;
        assert!(priced["total"].is_string(), "{priced}");
    }
    for what in [
        "enrolments?city=320200",
        "tiers?city=320200&insurance=pension&month=2023-06",
        "tiers?city=320200&insurance=pension&month=2026-11",
        "bills?city=320200&from=2023-01&to=2023-02",
        "gaps?city=320200",
        "social-card?city=320200",
    ] {
        reader.gets(&reader.of_person(what)).await;
    }
    let bills = citizen.bills("2023-01", "2023-01").await;
    let order = pays(&reader, "months", &bills).await;
    looks_at(&reader, &order).await;
    town.settle().await;
    looks_at(&reader, &order).await;
    let card = json!({ "city": "320200", "card_no": "600000001", "amount": "100.00" });
    let topup = reader.posts(&reader.of_person("topups"), &card).await;
    let order = pays(&reader, "topup", &[topup["bill"].clone()]).await;
    town.settle().await;
    looks_at(&reader, &order).await;
    let objection = json!({ "reason": "not_posted", "evidence_text": "no booking yet" });
    reader.posts(&format!("/api/v1/orders/{order}/objections"), &objection).await;
    for path in
        ["/api/v1/objections", "/api/v1/orders", "/api/v1/me/reminders", "/api/v1/me/export"]
    {
        reader.gets(path).await;
    }
    reader.gets("/api/v1/me/payers").await;
    let ask = json!({ "city": "320200" });
    reader.posts(&reader.of_person("payment-requests"), &ask).await;
    reader.is_content(45);
    town.close().await;
}

#[rstest]
#[case::resident("金老", "bills?city=320200&service=resident_medical&year=2024")]
#[case::missed_months("严补", "bills?city=320200&service=back_payment&from=2022-11&to=2022-12")]
#[case::difference("姜差", "bills?city=320200&service=flex_pension&from=2023-01")]
#[tokio::test]
async fn other_kinds_of_bills_are_told_in_english(#[case] name: &str, #[case] bills: &str) {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured(name)).await;
    let reader = Reader::of(&citizen);
    let list = reader.gets(&reader.of_person(bills)).await;
    let due = |bill: &&Value| bill["state"] == "due";
    let due: Vec<Value> = list["bills"].as_array().unwrap().iter().filter(due).cloned().collect();
    let order = pays(&reader, "bills", &due).await;
    town.settle().await;
    looks_at(&reader, &order).await;
    reader.is_content(6);
    town.close().await;
}

/// What goes wrong is told in English as well, why an agency refused among it.
#[tokio::test]
async fn troubles_are_told_in_english() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let reader = Reader::of(&citizen);
    let codes = [
        "NOT_ENROLLED",
        "IDENTITY_MISMATCH",
        "ACCOUNT_SUSPENDED",
        "RETIRED",
        "EMPLOYED_ELSEWHERE",
        "BASE_NOT_DECLARED",
        "BASE_PENDING_PUBLISH",
        "NO_BILL",
        "ALREADY_PAID",
        "BILL_LOCKED",
        "BILL_CHANGED",
        "OUT_OF_WINDOW",
        "MAINTENANCE",
        "DAY_CUTOFF",
        "AMOUNT_MISMATCH",
        "DUPLICATE_REQUEST",
        "FULLY_SUBSIDISED",
        "CARD_NOT_ACTIVATED",
        "SCHOOL_BILLED",
        "TOPUP_LIMIT",
    ];
    for code in codes {
        let code: AgencyCodeWord = serde_json::from_value(json!(code)).expect("a code");
        let fault = AgencyFault::once(AgencyOperation::QueryBills, FaultKind::Refuse { code });
        town.mocks.agency().add_fault(fault);
        reader.gets(&reader.of_person("bills?city=320200&from=2023-01&insurance=pension")).await;
    }
    for path in [
        "/api/v1/cities/320300/guide",
        "/api/v1/cities/999999",
        "/api/v1/nothing",
        "/api/v1/orders/20230615100000000ABCDEFGHJKL",
        "/api/v1/orders?month_from=now",
        "/api/v1/vouchers/320200-202611-00000001-C?code=1",
    ] {
        reader.gets(path).await;
    }
    let card = json!({ "city": "320200", "card_no": "600000002" });
    reader.posts(&reader.of_person("lookups"), &card).await;
    let quote = json!({ "city": "320200", "insurance": "pension", "tier": 99, "from": "2023-01", "months": 3 });
    reader.posts("/api/v1/quotes", &quote).await;
    // One of two bills is refused, for a reason.
    let refuse = FaultKind::Refuse { code: AgencyCodeWord::BillChanged };
    town.mocks.agency().add_fault(AgencyFault::once(AgencyOperation::PostPayment, refuse));
    let order = pays(&reader, "months", &citizen.bills("2023-01", "2023-01").await).await;
    town.settle().await;
    let record = reader.gets(&format!("/api/v1/orders/{order}")).await;
    let refused = record["bills"]
        .as_array()
        .unwrap()
        .iter()
        .find(|bill| bill["posting"]["state"] == "refused");
    assert_eq!(refused.expect("a refusal")["posting"]["reason"], "the amount has changed");
    reader.is_content(28);
    town.pass(600).await;
    town.close().await;
}
