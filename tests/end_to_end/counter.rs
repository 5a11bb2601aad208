//! The agency's counter: months, missed months, residents, differences, gaps, and every objection with
//! its sentence and what to do next.

use kernel::{Channel, Timestamp};
use mock_providers::agency::{AgencyCodeWord, AgencyFault, AgencyOperation, FaultKind};
use rstest::rstest;
use serde_json::{Value, json};

use crate::town::{Answer, Backend, Citizen, Order, Town, insured};

pub async fn asks(citizen: &Citizen<'_>, what: &str) -> Answer {
    citizen.get(&format!("/api/v1/people/{}/{what}", citizen.person_id)).await
}

/// The body of an order, with the kinds of the bills.
pub fn cart(citizen: &Citizen<'_>, bills: &[Value]) -> Value {
    let mut wish = citizen.wish(bills);
    for (chosen, bill) in wish["bills"].as_array_mut().expect("a list").iter_mut().zip(bills) {
        chosen["kind"] = bill["kind"].clone();
    }
    wish
}

pub fn placed(order: &Value, wish: &Value) -> Order {
    Order {
        order_no: order["order_no"].as_str().expect("a text").to_owned(),
        amount: kernel::Fen::from_yuan(order["amount"].as_str().expect("a text")).expect("yuan"),
        wish: wish.clone(),
    }
}

/// Places, pays and posts.
pub async fn pays(citizen: &Citizen<'_>, key: &str, wish: &Value) -> Order {
    let order = placed(&citizen.place(key, wish).await.expect(201), wish);
    let started = citizen.starts_paying(&order).await;
    citizen.pays(&started).expect("the wallet pays");
    citizen.town.settle().await;
    order
}

pub fn at(town: &Town, time: &str) {
    town.clock.set(Timestamp::from_beijing_text(time).expect("a time"));
}

/// What a person is told helps: a sentence, a next step and something to read aloud.
#[track_caller]
pub fn helps(problem: &Value) {
    for member in ["message", "detail", "speech"] {
        assert!(!problem[member].as_str().unwrap_or_default().is_empty(), "{member}: {problem}");
    }
    assert!(!problem["next_step"]["text"].as_str().expect("a text").is_empty(), "{problem}");
    assert!(!problem["next_step"]["action"].as_str().expect("a text").is_empty(), "{problem}");
    assert!(
        !problem["detail"].as_str().expect("a text").contains('{'),
        "a place is empty: {problem}"
    );
}

/// Every code of the protocol that can meet a query, forced one by one.
#[rstest]
#[case("NOT_ENROLLED", 404, "not_enrolled", "call")]
#[case("IDENTITY_MISMATCH", 422, "identity_mismatch", "correct")]
#[case("ACCOUNT_SUSPENDED", 409, "account_suspended", "call")]
#[case("RETIRED", 409, "retired", "")]
#[case("EMPLOYED_ELSEWHERE", 409, "employed_elsewhere", "")]
#[case("BASE_NOT_DECLARED", 409, "base_not_declared", "choose")]
#[case("BASE_PENDING_PUBLISH", 409, "base_pending_publish", "wait")]
#[case("NO_BILL", 404, "no_bill", "wait")]
#[case("ALREADY_PAID", 409, "already_paid", "")]
#[case("BILL_LOCKED", 409, "bill_locked", "")]
#[case("BILL_CHANGED", 409, "amount_changed", "")]
#[case("OUT_OF_WINDOW", 409, "out_of_window", "wait")]
#[case("MAINTENANCE", 503, "agency_maintenance", "retry")]
#[case("DAY_CUTOFF", 503, "agency_day_cutoff", "")]
#[case("AMOUNT_MISMATCH", 409, "amount_mismatch", "")]
#[case("DUPLICATE_REQUEST", 409, "duplicate_request", "")]
#[case("FULLY_SUBSIDISED", 409, "fully_subsidised", "")]
#[case("CARD_NOT_ACTIVATED", 409, "card_not_activated", "call")]
#[case("SCHOOL_BILLED", 409, "school_billed", "call")]
#[case("TOPUP_LIMIT", 409, "topup_limit", "correct")]
#[case("UNKNOWN", 502, "agency_unavailable", "retry")]
#[tokio::test]
async fn every_objection_is_told_with_what_to_do(
    #[case] code: &str,
    #[case] status: u16,
    #[case] told: &str,
    #[case] action: &str,
) {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let code: AgencyCodeWord = serde_json::from_value(json!(code)).expect("a code");
    let fault = AgencyFault::once(AgencyOperation::QueryBills, FaultKind::Refuse { code });
    town.mocks.agency().add_fault(fault);
    let path = "bills?city=320200&from=2023-01&insurance=pension";
    let problem = asks(&citizen, path).await.refused(status, told);
    helps(&problem);
    if !action.is_empty() {
        assert_eq!(problem["next_step"]["action"], action, "{problem}");
    }
    assert_eq!(town.count("orders").await, 0);
    town.close().await;
}

/// The default people meet theirs without any fault being set.
#[rstest]
#[case("钱未", "pension", "not_enrolled")]
#[case("周停", "pension", "account_suspended")]
#[case("吴退", "pension", "retired")]
#[case("郑单位", "pension", "employed_elsewhere")]
#[case("冯选", "pension", "base_not_declared")]
#[case("陈待", "pension", "base_pending_publish")]
#[case("褚无", "pension", "no_bill")]
#[case("卫助", "resident_medical", "fully_subsidised")]
#[case("蒋期", "pension", "out_of_window")]
#[case("陶学", "resident_medical", "school_billed")]
#[tokio::test]
async fn people_meet_what_the_table_says(
    #[case] name: &str,
    #[case] insurance: &str,
    #[case] code: &str,
) {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Alipay, insured(name)).await;
    let answer =
        asks(&citizen, &format!("bills?city=320200&year=2024&insurance={insurance}")).await;
    assert_eq!(answer.json()["code"], code, "{}", answer.body);
    helps(&answer.json());
    town.close().await;
}

/// Whoever asks about pension is sent to the hotline of human resources, about medical insurance to that
/// of the medical bureau, by the numbers of the city's pack.
#[rstest]
#[case("pension", "12333")]
#[case("medical", "12393")]
#[tokio::test]
async fn the_agencys_own_hotline_is_told(#[case] insurance: &str, #[case] number: &str) {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let code: AgencyCodeWord = serde_json::from_value(json!("ACCOUNT_SUSPENDED")).expect("a code");
    let fault = AgencyFault::once(AgencyOperation::QueryBills, FaultKind::Refuse { code });
    town.mocks.agency().add_fault(fault);
    let path = format!("bills?city=320200&from=2023-01&insurance={insurance}");
    let problem = asks(&citizen, &path).await.refused(409, "account_suspended");
    assert_eq!(problem["help_line"], number);
    assert!(problem["detail"].as_str().expect("a text").contains(number), "{problem}");
    let order = citizen.orders("2023-01").await;
    let help = citizen.record(&order).await["help_line"].clone();
    assert_eq!(help, "12333(人社)或12393(医保)", "an order of both");
    town.pass(3_600).await;
    town.close().await;
}

/// One agency's trouble stands beside the other's answer, with all that helps.
#[tokio::test]
async fn trouble_of_one_agency_says_what_to_do() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    for (operation, path, list) in [
        (AgencyOperation::QueryBills, "bills?city=320200&from=2023-01", "bills"),
        (AgencyOperation::QueryInsured, "enrolments?city=320200", "enrolments"),
    ] {
        town.mocks.agency().add_fault(AgencyFault::once(operation, FaultKind::Http500));
        let answer = asks(&citizen, path).await.expect(200);
        assert!(!answer[list].as_array().expect("a list").is_empty(), "{answer}");
        let problem = &answer["problems"][0];
        helps(problem);
        assert_eq!(
            (&problem["code"], &problem["help_line"]),
            (&json!("agency_unavailable"), &json!("12333"))
        );
    }
    town.close().await;
}

/// A child is insured at one of the city's agencies; that the other does not know it is no news.
#[tokio::test]
async fn not_being_enrolled_everywhere_is_no_problem() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("孙小雨")).await;
    let answer = asks(&citizen, "enrolments?city=320200").await.expect(200);
    assert_eq!(answer["problems"], json!([]), "{answer}");
    assert_eq!(answer["enrolments"].as_array().expect("a list").len(), 1);
    town.close().await;
}

/// Nothing is due any more: the months that were paid here are told.
#[tokio::test]
async fn where_nothing_is_due_the_paid_months_are_told() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let bills = citizen.bills("2023-01", "2023-02").await;
    pays(&citizen, "two", &citizen.wish(&bills)).await;
    let code: AgencyCodeWord = serde_json::from_value(json!("NO_BILL")).expect("a code");
    let fault = AgencyFault::once(AgencyOperation::QueryBills, FaultKind::Refuse { code });
    town.mocks.agency().add_fault(fault);
    let path = "bills?city=320200&from=2023-02&to=2023-04&insurance=pension";
    let problem = asks(&citizen, path).await.refused(404, "no_bill");
    assert_eq!(problem["paid_months"], json!(["2023-02"]));
    assert_eq!(problem["message"], "没有应缴信息,2023年2月已缴费。");
    assert_eq!(problem["next_step"]["action"], "look");
    helps(&problem);
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn missed_months_are_paid_back_until_the_deadline(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("严补")).await;
    let path = "bills?city=320200&service=back_payment&from=2022-11&to=2022-12";
    let list = asks(&citizen, path).await.expect(200);
    assert_eq!(list["total_due"], "1700.00");
    let bills = list["bills"].as_array().expect("a list").clone();
    assert_eq!(bills[0]["kind"], "back_payment");
    assert_eq!(bills[0]["kind_label"], "补缴");
    assert_eq!(bills[0]["back_payment_deadline"], "2024-01-01T00:00:00+08:00");
    let order = pays(&citizen, "missed", &cart(&citizen, &bills)).await;
    let record = citizen.record(&order).await;
    assert_eq!(record["label"], "缴费成功");
    assert_eq!(record["bills"][0]["kind"], "back_payment");
    assert_eq!(record["items"][0]["label"], "企业职工基本养老保险(补缴)");
    let voucher = citizen.get(&format!("/api/v1/orders/{}/voucher", order.order_no)).await;
    assert_eq!(voucher.expect(200)["lines"][0]["label"], "企业职工基本养老保险(补缴)");
    let kinds = town.column("SELECT kind FROM postings").await;
    assert_eq!(kinds, ["back_payment", "back_payment"]);
    assert_eq!(asks(&citizen, path).await.expect(200)["total_due"], "0.00");
    town.close().await;
}

#[tokio::test]
async fn after_the_deadline_missed_months_are_refused_with_the_reason() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("严补")).await;
    let path = "bills?city=320200&service=back_payment&from=2022-11&to=2022-12";
    let bills = asks(&citizen, path).await.expect(200)["bills"].as_array().expect("a list").clone();
    let wish = cart(&citizen, &bills);
    at(&town, "2024-01-01 00:00:00");
    let mut citizen = citizen;
    citizen.logs_in_again().await;
    let list = asks(&citizen, path).await.expect(200);
    assert_eq!(
        (&list["total_due"], &list["bills"][0]["state"]),
        (&json!("0.00"), &json!("expired"))
    );
    assert_eq!(list["bills"][0]["window"]["open"], false);
    let over = citizen.place("late", &wish).await.refused(409, "back_payment_over");
    assert_eq!(over["deadline"], "2024-01-01T00:00:00+08:00");
    helps(&over);
    town.close().await;
}

#[rstest]
#[case("孙小雨", "college_student", "280.00")]
#[case("金老", "elderly", "550.00")]
#[case("魏居", "other", "780.00")]
#[tokio::test]
async fn a_resident_pays_a_year_by_category(
    #[case] name: &str,
    #[case] category: &str,
    #[case] amount: &str,
) {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured(name)).await;
    let path = format!("bills?city=320200&service=resident_medical&year=2024&category={category}");
    let list = asks(&citizen, &path).await.expect(200);
    assert_eq!(list["total_due"], amount);
    let bill = list["bills"][0].clone();
    assert_eq!((&bill["kind"], &bill["category"]["code"]), (&json!("resident"), &json!(category)));
    assert_eq!(bill["preview"]["total"], amount, "the city's standard says the same");
    let none = asks(&citizen, &path.replace(category, "student_child")).await.expect(200);
    assert_eq!(none["bills"], json!([]));
    let order = pays(&citizen, "year", &cart(&citizen, &[bill])).await;
    let record = citizen.record(&order).await;
    assert_eq!(record["bills"][0]["category"]["code"], category);
    let voucher = citizen.get(&format!("/api/v1/orders/{}/voucher", order.order_no)).await;
    let line = voucher.expect(200)["lines"][0].clone();
    assert_eq!(line["category"]["code"], category);
    let named =
        format!("城乡居民基本医疗保险({})", line["category"]["name"].as_str().expect("a text"));
    assert_eq!((&line["label"], &record["items"][0]["label"]), (&json!(named), &json!(named)));
    town.close().await;
}

#[tokio::test]
async fn a_standard_that_came_late_is_shown_as_the_agencys_difference() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("姜差")).await;
    let bills = citizen.bills("2023-01", "2023-01").await;
    let difference = bills.iter().find(|bill| bill["kind"] == "difference").expect("a difference");
    assert_eq!((&difference["amount"], &difference["preview"]), (&json!("48.80"), &Value::Null));
    let wish = citizen.wish(std::slice::from_ref(difference));
    let confirmed = citizen.post("/api/v1/confirmations", &wish).await.expect(200);
    assert_eq!(confirmed["warnings"][0]["code"], "difference");
    town.close().await;
}

/// Months without a standard of their own are previewed by the last known one, and say so.
#[tokio::test]
async fn a_provisional_preview_is_marked() {
    let town = Town::new(Backend::Embedded).await;
    let quote = json!({ "city": "320200", "insurance": "pension", "tier": 1, "from": "2026-01", "months": 1 });
    let request = |body: &Value| town.request(reqwest::Method::POST, "/api/v1/quotes").json(body);
    town.send(request(&quote)).await.refused(422, "no_policy_for_month");
    let mut provisional = quote.clone();
    provisional["provisional"] = json!(true);
    let priced = town.send(request(&provisional)).await.expect(200);
    assert_eq!((&priced["provisional"], &priced["total"]), (&json!(true), &json!("990.40")));
    assert!(priced["disclaimer"].is_string());
    town.close().await;
}

#[rstest]
#[case::a_month_was_left_out(
    "[city.pack.months]\ncontiguous = [\"medical\"]", &["2023-01", "2023-03"], 422, "months_not_contiguous"
)]
#[case::a_run("[city.pack.months]\ncontiguous = [\"medical\"]", &["2023-01", "2023-02", "2023-03"], 201, "")]
#[case::too_many("[city.pack.months]\nmost = 2", &["2023-01", "2023-02", "2023-03"], 422, "too_many_months")]
#[tokio::test]
async fn the_citys_rules_for_months_are_kept(
    #[case] rules: &str,
    #[case] months: &[&str],
    #[case] status: u16,
    #[case] code: &str,
) {
    let town = demonstration(Backend::Embedded, rules).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let mut bills = Vec::new();
    for month in months {
        bills.extend(citizen.bills(month, month).await);
    }
    let answer = citizen.place("months", &citizen.wish(&bills)).await;
    assert_eq!(answer.status, status, "{}", answer.body);
    if status != 201 {
        assert_eq!(answer.json()["code"], code);
        helps(&answer.json());
    }
    town.close().await;
}

/// Pension and medical in one cart: each agency books its own, and what one refuses goes back alone.
#[rstest]
#[tokio::test]
async fn of_two_agencies_in_one_cart_one_may_refuse(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    let started = citizen.starts_paying(&order).await;
    let medical = order.wish["bills"][1]["bill_no"].as_str().expect("a text").parse().unwrap();
    town.mocks.agency().pay_elsewhere(&medical).unwrap();
    citizen.pays(&started).expect("the wallet pays");
    town.settle().await;
    town.pass(600).await;
    let record = citizen.record(&order).await;
    assert_eq!(record["label"], "部分成功", "{record}");
    let states: Vec<&Value> = record["bills"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|bill| &bill["posting"]["state"])
        .collect();
    assert_eq!(states, ["posted", "refused"]);
    assert_eq!(record["refunds"][0]["amount"], "391.00");
    assert_eq!(record["refunds"][0]["bill_no"], medical.to_string());
    assert_eq!(town.returned(channel, &started.out_trade_no), 39_100);
    town.close().await;
}

/// Gaps of medical insurance, counted on the agency's bills: 李四 paid until March.
#[rstest]
#[case("2023-03-20 10:00:00", 0, "none")]
#[case("2023-04-20 10:00:00", 1, "one")]
#[case("2023-05-20 10:00:00", 2, "two")]
#[case("2023-06-20 10:00:00", 3, "three")]
#[case("2023-07-20 10:00:00", 4, "over")]
#[tokio::test]
async fn a_gap_is_warned_of_at_one_two_and_three_months(
    #[case] now: &str,
    #[case] months: u16,
    #[case] level: &str,
) {
    let town = Town::new(Backend::Embedded).await;
    at(&town, now);
    let citizen = town.citizen(Channel::Wechat, insured("李四")).await;
    let gap = asks(&citizen, "gaps?city=320200").await.expect(200);
    assert_eq!((&gap["months"], &gap["level"]), (&json!(months), &json!(level)), "{gap}");
    assert_eq!(gap["unpaid"].as_array().expect("a list").len(), usize::from(months));
    assert_eq!((&gap["months_allowed"], &gap["wait_months"]), (&json!(3), &json!(3)));
    assert!(!gap["next_step"]["text"].as_str().expect("a text").is_empty());
    let text = gap["text"].as_str().expect("a text");
    for promise in ["可以报销", "恢复待遇", "保证", "一定"] {
        assert!(!text.contains(promise), "{text}");
    }
    town.close().await;
}

/// Paid now, and not before: that is told, and before paying as well.
#[tokio::test]
async fn an_earlier_month_is_not_forgotten_behind_a_paid_or_ordered_one() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("李四")).await;
    let april = citizen.wish(&citizen.bills("2023-04", "2023-04").await[1..]);
    pays(&citizen, "april", &april).await;
    let june = citizen.wish(&citizen.bills("2023-06", "2023-06").await[1..]);
    let shown = citizen.post("/api/v1/confirmations", &june).await.expect(200);
    let warnings = shown["warnings"].as_array().expect("a list");
    let gap = warnings.iter().find(|warning| warning["code"] == "gap").expect("a warning");
    let text = gap["text"].as_str().expect("a text");
    assert!(text.contains("2023年5月") && !text.contains("2023年6月"), "{text}");
    let order = placed(&citizen.place("june", &june).await.expect(201), &june);
    let gap = asks(&citizen, "gaps?city=320200").await.expect(200);
    assert_eq!((&gap["level"], &gap["unpaid"]), (&json!("one"), &json!(["2023-05"])), "ordered");
    let started = citizen.starts_paying(&order).await;
    citizen.pays(&started).expect("the wallet pays");
    town.settle().await;
    assert_eq!(citizen.record(&order).await["state"], "SUCCESS");
    let gap = asks(&citizen, "gaps?city=320200").await.expect(200);
    assert_eq!((&gap["level"], &gap["unpaid"]), (&json!("earlier"), &json!(["2023-05"])), "paid");
    assert!(gap["text"].as_str().expect("a text").contains("2023年5月"), "{gap}");
    let may = citizen.wish(&citizen.bills("2023-05", "2023-05").await[1..]);
    let shown = citizen.post("/api/v1/confirmations", &may).await.expect(200);
    assert_eq!(shown["warnings"], json!([]), "nothing is left then");
    pays(&citizen, "may", &may).await;
    assert_eq!(asks(&citizen, "gaps?city=320200").await.expect(200)["level"], "none");
    town.close().await;
}

/// A town whose Wuxi is changed by the configuration, beside what the mocks demonstrate.
pub async fn demonstration(backend: Backend, more: &str) -> Town {
    let more = more.to_owned();
    Town::with(backend, move |config| {
        let text = std::fs::read_to_string(config).expect("the configuration");
        let at = text.find("\n[city.pack.topup]").expect("the demonstration");
        let (head, tail) = text.split_at(at);
        std::fs::write(config, format!("{head}\n{more}{tail}")).expect("a configuration");
    })
    .await
}
