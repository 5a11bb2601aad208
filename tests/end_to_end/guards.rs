//! Guards before money moves: confirmation, paying for others, doubles, numbers, limits.

use kernel::Channel;
use mock_providers::FaultKind;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    counter::{cart, pays, placed},
    town::{Answer, Backend, Citizen, Town, insured},
};

async fn confirms(citizen: &Citizen<'_>, wish: &Value) -> Answer {
    citizen.post("/api/v1/confirmations", wish).await
}

/// 张三's account pays for 王五.
async fn pays_for_another(town: &Town, channel: Channel) -> Citizen<'_> {
    let mut citizen = town.citizen(channel, insured("张三")).await;
    let other = insured("王五");
    let person = json!({
        "relation": "other", "name": other.name, "consent_text_version": "2026-11",
        "document": { "kind": "resident_id", "number": other.number },
    });
    let person = citizen.post("/api/v1/people", &person).await.expect(201);
    citizen.person_id = person["id"].as_str().expect("a text").to_owned();
    citizen
}

#[rstest]
#[tokio::test]
async fn paying_for_another_person_is_confirmed_a_second_time(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = pays_for_another(&town, channel).await;
    let bills = citizen.bills("2023-01", "2023-01").await;
    let mut wish = citizen.wish(&bills);
    citizen.place("first", &wish).await.refused(409, "confirmation_needed");
    let shown = confirms(&citizen, &wish).await.expect(200);
    assert_eq!(shown["needs_second_confirmation"], true);
    let question = shown["second_confirmation"].as_str().expect("a text");
    assert!(question.contains("*五") && question.contains("2191.00"), "{question}");
    assert_eq!(shown["masked_document"], "3****************X");
    assert!(!shown.to_string().contains(insured("王五").number), "{shown}");
    assert_eq!(shown["bills"].as_array().expect("a list").len(), 2);
    wish["confirmation"] = shown["confirmation"].clone();
    let order = pays(&citizen, "first", &wish).await;
    assert_eq!(citizen.label(&order).await, "缴费成功");
    town.close().await;
}

#[tokio::test]
async fn a_confirmation_holds_for_exactly_what_was_shown() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = pays_for_another(&town, Channel::Wechat).await;
    let bills = citizen.bills("2023-01", "2023-01").await;
    let token = confirms(&citizen, &citizen.wish(&bills)).await.expect(200)["confirmation"].clone();
    let with = |bills: &[Value], token: &Value| {
        let mut wish = citizen.wish(bills);
        wish["confirmation"] = token.clone();
        wish
    };
    let fewer = citizen.place("fewer", &with(&bills[..1], &token)).await;
    fewer.refused(409, "confirmation_unfit");
    let other_month = citizen.bills("2023-02", "2023-02").await;
    let other = citizen.place("month", &with(&other_month, &token)).await;
    other.refused(409, "confirmation_unfit");
    for broken in ["", "k1~", "k1~00", "no token", "k9~0102"] {
        let refused = citizen.place("broken", &with(&bills, &json!(broken))).await;
        refused.refused(409, "confirmation_unfit");
    }
    // Somebody else's token is nobody's.
    let stranger = town.citizen_named("a stranger", Channel::Wechat, insured("王五")).await;
    let mut stolen = stranger.wish(&bills);
    stolen["confirmation"] = token.clone();
    stranger.place("stolen", &stolen).await.refused(409, "confirmation_unfit");
    // The order of the bills is no content.
    let turned: Vec<Value> = bills.iter().rev().cloned().collect();
    citizen.place("turned", &with(&turned, &token)).await.expect(201);
    town.clock.advance(std::time::Duration::from_secs(601));
    let late = citizen.place("late", &with(&bills, &token)).await;
    late.refused(409, "confirmation_unfit");
    town.pass(3_600).await;
    town.close().await;
}

#[tokio::test]
async fn one_pays_for_oneself_with_or_without_a_confirmation() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let bills = citizen.bills("2023-01", "2023-02").await;
    let shown = confirms(&citizen, &citizen.wish(&bills[..1])).await.expect(200);
    assert_eq!(shown["needs_second_confirmation"], false);
    assert_eq!(shown["masked_document"], "320***********0006");
    let mut wish = citizen.wish(&bills[..1]);
    wish["confirmation"] = shown["confirmation"].clone();
    citizen.place("with", &wish).await.expect(201);
    citizen.place("without", &citizen.wish(&bills[1..2])).await.expect(201);
    town.pass(3_600).await;
    town.close().await;
}

#[tokio::test]
async fn a_changed_amount_is_confirmed_again() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let bills = citizen.bills("2023-01", "2023-01").await;
    let mut wish = citizen.wish(&bills);
    wish["confirmation"] = confirms(&citizen, &wish).await.expect(200)["confirmation"].clone();
    let bill_no = bills[0]["bill_no"].as_str().expect("a text").parse().unwrap();
    town.mocks.agency().change_bill(&bill_no, kernel::Fen::from_yuan("900.00").unwrap()).unwrap();
    let changed = citizen.place("old", &wish).await.refused(409, "amount_changed");
    assert_eq!(changed["bills"][0]["now"], "900.00");
    wish.as_object_mut().unwrap().remove("confirmation");
    confirms(&citizen, &wish).await.refused(409, "amount_changed");
    let again = citizen.wish(&citizen.bills("2023-01", "2023-01").await);
    let shown = confirms(&citizen, &again).await.expect(200);
    assert_eq!(shown["amount"], "1291.00");
    let codes: Vec<&Value> = shown["warnings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|warning| &warning["code"])
        .collect();
    assert_eq!(codes, ["preview_differs", "gap"]);
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn a_bill_under_way_is_answered_with_its_order(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let (order, _) = citizen.pays_unheard("2023-01").await;
    let refusals =
        [citizen.place("again", &order.wish).await, confirms(&citizen, &order.wish).await];
    for refusal in refusals {
        let refusal = refusal.refused(409, "bill_in_other_order");
        assert!(refusal["detail"].as_str().expect("a text").contains("请勿重复支付"));
        assert_eq!(refusal["order"]["order_no"], order.order_no);
        assert_eq!(refusal["order"]["label"], "支付中");
        assert!(!refusal["order"]["next_step"]["text"].as_str().expect("a text").is_empty());
    }
    citizen.sync(&order).await;
    town.settle().await;
    assert_eq!(citizen.label(&order).await, "缴费成功");
    town.close().await;
}

/// Of a stranger's order nothing is told but that somebody is about to pay, and nobody is sent to records
/// in which it does not stand.
#[tokio::test]
async fn a_bill_that_a_stranger_is_paying_is_not_looked_for_in_ones_own_records() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let stranger = town.citizen_named("a stranger", Channel::Alipay, insured("张三")).await;
    stranger.orders("2023-01").await;
    let bills = citizen.bills("2023-01", "2023-01").await;
    let refusal = citizen.place("mine", &citizen.wish(&bills)).await;
    let refusal = refusal.refused(409, "bill_in_other_order");
    assert!(refusal["order_no"].is_null() && refusal["order"].is_null(), "{refusal}");
    let told = refusal["detail"].as_str().expect("a text");
    assert!(told.contains("请勿重复支付") && !told.contains("缴费记录"), "{told}");
    assert_eq!(refusal["next_step"]["action"], "wait");
    town.pass(3_600).await;
    town.close().await;
}

/// Too little money in the account has words of its own, and the record keeps them.
#[rstest]
#[case(Channel::Wechat, "NOT_ENOUGH")]
#[case(Channel::Alipay, "ACQ.BUYER_BALANCE_NOT_ENOUGH")]
#[tokio::test]
async fn too_little_money_is_told_as_such(#[case] channel: Channel, #[case] code: &str) {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    town.fault(channel, "create", FaultKind::refusal(code).expect("a refusal"));
    let refusal = citizen.tries_to_pay(&order).await.refused(409, "payer_balance");
    assert_eq!(refusal["message"], "付款账户余额不足,您的账户未扣款。");
    let record = citizen.record(&order).await;
    assert_eq!(record["label"], "缴费失败");
    assert_eq!(record["text"], "付款账户余额不足。您的账户未扣款。");
    assert!(record["parts"].is_null());
    assert_eq!(town.column("SELECT refusal FROM payments").await, ["balance"]);
    town.close().await;
}

/// What does not agree is named: whoever typed a wrong number is not sent to check their name.
#[rstest]
#[case(json!({ "card_no": "600000002" }), "card_no", "社会保障卡卡号")]
#[case(json!({ "personal_no": "320200000002" }), "personal_no", "个人编号")]
#[tokio::test]
async fn a_wrong_number_is_told_as_the_number(
    #[case] number: Value,
    #[case] field: &str,
    #[case] said: &str,
) {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let mut wish = json!({ "city": "320200" });
    wish[field] = number[field].clone();
    let path = format!("/api/v1/people/{}/lookups", citizen.person_id);
    let refusal = citizen.post(&path, &wish).await.refused(422, "identity_mismatch");
    let told = refusal["detail"].as_str().expect("a text");
    assert!(told.contains(said) && !told.contains("姓名"), "{told}");
    assert_eq!(refusal["field"], field);
    town.close().await;
}

#[rstest]
#[case::bank_card(json!({ "card_no": "6222021234567890123" }), 422, "bank_card_number")]
#[case::no_card(json!({ "card_no": "12" }), 422, "card_number_invalid")]
#[case::not_theirs(json!({ "card_no": "600000002" }), 422, "identity_mismatch")]
#[case::no_number(json!({ "personal_no": "1" }), 400, "invalid_request")]
#[case::a_bank_card_s(json!({ "personal_no": "6222 0212 3456 7894" }), 422, "bank_card_number")]
#[case::not_theirs_either(json!({ "personal_no": "320200000002" }), 422, "identity_mismatch")]
#[case::both(json!({ "card_no": "600000001", "personal_no": "320200000001" }), 400, "invalid_request")]
#[case::neither(json!({}), 400, "invalid_request")]
#[case::the_card(json!({ "card_no": "6000-00001" }), 200, "")]
#[case::the_number(json!({ "personal_no": "320200000001" }), 200, "")]
#[tokio::test]
async fn a_number_is_compared_and_never_finds_anybody(
    #[case] mut wish: Value,
    #[case] status: u16,
    #[case] code: &str,
) {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    wish["city"] = json!("320200");
    let answer =
        citizen.post(&format!("/api/v1/people/{}/lookups", citizen.person_id), &wish).await;
    assert_eq!(answer.status, status, "{}", answer.body);
    if status == 200 {
        assert_eq!(answer.json()["enrolments"][0]["state"], "active");
    } else {
        assert_eq!(answer.json()["code"], code);
        assert!(!answer.body.contains("6222"), "{}", answer.body);
    }
    town.close().await;
}

/// What a form has to mark is named.
#[rstest]
#[case::number(
    "self",
    "resident_id",
    "320213190001010015",
    "张三",
    None,
    "document_invalid",
    "document.number"
)]
#[case::name("self", "resident_id", "320213190001010006", "张3", None, "name_invalid", "name")]
#[case::marks("self", "resident_id", "320213190001010006", "·张三", None, "name_invalid", "name")]
#[case::no_birth_date(
    "self",
    "passport",
    "E12345678",
    "LI HUA",
    None,
    "birth_date_needed",
    "birth_date"
)]
#[case::another_s_no_birth_date(
    "other",
    "taiwan_pass",
    "12345678",
    "林小美",
    None,
    "birth_date_needed",
    "birth_date"
)]
#[case::birth_date(
    "self",
    "passport",
    "E12345678",
    "LI HUA",
    Some("1990-02-30"),
    "birth_date_invalid",
    "birth_date"
)]
#[case::a_child(
    "self",
    "passport",
    "E12345678",
    "LI HUA",
    Some("2012-01-01"),
    "own_person_too_young",
    "relation"
)]
#[tokio::test]
async fn what_is_wrong_with_a_person_names_its_field(
    #[case] relation: &str,
    #[case] kind: &str,
    #[case] number: &str,
    #[case] name: &str,
    #[case] birth_date: Option<&str>,
    #[case] code: &str,
    #[case] field: &str,
) {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.newcomer(Channel::Wechat, insured("张三")).await;
    citizen.delete(&format!("/api/v1/people/{}", citizen.person_id)).await;
    let wish = json!({
        "relation": relation, "name": name, "consent_text_version": "2026-11", "birth_date": birth_date,
        "document": { "kind": kind, "number": number },
    });
    let told = citizen.post("/api/v1/people", &wish).await.refused(422, code);
    assert_eq!(told["field"], field);
    assert!(!told["next_step"]["text"].as_str().expect("a text").is_empty());
    assert_eq!(citizen.get("/api/v1/people").await.expect(200)["people"], json!([]));
    town.close().await;
}

/// A document that does not tell the birth date: it is asked for, decides, and is not kept.
#[rstest]
#[case::grown_up("2000-02-29", 201)]
#[case::child("2012-01-01", 422)]
#[tokio::test]
async fn a_birth_date_decides_whether_a_guardian_speaks(#[case] born: &str, #[case] status: u16) {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.newcomer(Channel::Wechat, insured("张三")).await;
    let mut wish = json!({
        "relation": "other", "name": "LI HUA", "consent_text_version": "2026-11", "birth_date": born,
        "document": { "kind": "passport", "number": "E12345678" },
    });
    let added = citizen.post("/api/v1/people", &wish).await;
    assert_eq!(added.status, status, "{}", added.body);
    if status == 422 {
        added.refused(422, "guardian_statement_needed");
        wish["guardian_statement"] = json!({"text_version": "2026-11"});
        citizen.post("/api/v1/people", &wish).await.expect(201);
    }
    assert!(town.shown_anywhere(born).await.is_empty());
    town.close().await;
}

/// Nobody below fourteen is an account's own person: a guardian adds them.
#[tokio::test]
async fn a_child_is_nobodys_own_person() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.newcomer(Channel::Wechat, insured("张三")).await;
    citizen.delete(&format!("/api/v1/people/{}", citizen.person_id)).await;
    let mut wish = json!({
        "relation": "self", "name": "张小三", "consent_text_version": "2026-11",
        "document": { "kind": "resident_id", "number": crate::payers::child("0616") },
        "guardian_statement": { "text_version": "2026-11" },
    });
    citizen.post("/api/v1/people", &wish).await.refused(422, "own_person_too_young");
    wish["document"]["number"] = json!(crate::payers::child("0615"));
    citizen.post("/api/v1/people", &wish).await.expect(201);
    town.close().await;
}

/// Figures to compare with are priced for nobody.
#[tokio::test]
async fn a_reference_policy_is_not_quoted() {
    let town = Town::new(Backend::Embedded).await;
    let quote = json!({ "policy": "wuxi-pension-2023-guide", "base": "7490", "from": "2023-01", "months": 1 });
    let request = town.request(reqwest::Method::POST, "/api/v1/quotes").json(&quote);
    town.send(request).await.refused(422, "policy_not_found");
    town.close().await;
}

#[tokio::test]
async fn trying_numbers_ends_soon() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let path = format!("/api/v1/people/{}/lookups", citizen.person_id);
    for number in 100..130 {
        let wish = json!({ "city": "320200", "card_no": format!("600000{number}") });
        let answer = citizen.post(&path, &wish).await;
        if answer.status == 429 {
            answer.refused(429, "too_many_attempts");
            town.close().await;
            return;
        }
        answer.refused(422, "identity_mismatch");
    }
    panic!("numbers can be tried for ever");
}

#[rstest]
#[case::our_limit("amount_max = \"2000.00\"", Channel::Wechat)]
#[case::the_channels("alipay_max = \"2000.00\"", Channel::Alipay)]
#[tokio::test]
async fn above_the_limit_parts_are_proposed_that_can_be_ordered(
    #[case] limit: &str,
    #[case] channel: Channel,
) {
    let town = Town::configured(Backend::Embedded, &format!("[orders]\n{limit}")).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let bills = citizen.bills("2023-01", "2023-03").await;
    let refusal = citizen.place("all", &citizen.wish(&bills)).await.refused(422, "pay_in_parts");
    assert_eq!(refusal["max"], "2000.00");
    let parts = refusal["parts"].as_array().expect("a list");
    assert!(parts.len() > 1, "{refusal}");
    let mut ordered = 0;
    for (number, part) in parts.iter().enumerate() {
        let chosen: Vec<Value> = bills
            .iter()
            .filter(|bill| part["bills"].as_array().expect("a list").contains(&bill["bill_no"]))
            .cloned()
            .collect();
        ordered += chosen.len();
        let order = citizen.place(&format!("part-{number}"), &cart(&citizen, &chosen)).await;
        let order = order.expect(201);
        assert_eq!(order["amount"], part["amount"]);
    }
    assert_eq!(ordered, bills.len());
    town.pass(3_600).await;
    town.close().await;
}

#[tokio::test]
async fn one_bill_above_the_limit_has_no_parts() {
    let town = Town::configured(Backend::Embedded, "[orders]\namount_max = \"800.00\"").await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let bills = citizen.bills("2023-01", "2023-01").await;
    citizen.place("one", &citizen.wish(&bills[..1])).await.refused(422, "above_limit");
    town.close().await;
}

/// The channel does not say what it takes; the order failed, nothing was taken, and halves are proposed.
#[tokio::test]
async fn a_channels_refusal_becomes_a_proposal() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let bills = citizen.bills("2023-01", "2023-02").await;
    let wish = citizen.wish(&bills);
    let order = placed(&citizen.place("all", &wish).await.expect(201), &wish);
    let limit = FaultKind::refusal("RULE_LIMIT").expect("a documented refusal");
    town.fault(Channel::Wechat, "create", limit);
    let refusal = citizen.tries_to_pay(&order).await.refused(409, "pay_in_parts");
    assert!(refusal["detail"].as_str().expect("a text").contains("未扣款"), "{refusal}");
    assert_eq!(refusal["parts"].as_array().expect("a list").len(), 2);
    // Whoever comes back to the order later finds reason and proposal in the record.
    let record = citizen.record(&order).await;
    assert_eq!((&record["label"], &record["parts"]), (&json!("缴费失败"), &refusal["parts"]));
    assert_eq!(record["text"], "金额超过支付平台限额。您的账户未扣款。");
    assert!(record["next_step"]["text"].as_str().expect("a text").contains("分 2 笔"), "{record}");
    town.pass(3_600).await;
    town.close().await;
}
