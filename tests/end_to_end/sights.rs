//! What a citizen may see and do: everything about themselves once their name is proven, and of others
//! what is due and what they paid.

use std::time::Duration;

use city_services::{Config, Parts};
use kernel::{Channel, SystemEntropy};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    counter::{asks, cart, demonstration, pays},
    town::{Answer, Backend, Citizen, Town, insured},
};

/// A citizen who has added somebody else, and looks at them from here on.
async fn payer_of<'a>(town: &'a Town, channel: Channel, name: &str) -> Citizen<'a> {
    let mut payer = town.citizen(channel, insured("张三")).await;
    let wish = json!({
        "relation": "other", "name": name, "consent_text_version": "2026-11",
        "document": { "kind": "resident_id", "number": insured(name).number },
    });
    let other = payer.post("/api/v1/people", &wish).await.expect(201);
    payer.person_id = other["id"].as_str().expect("an id").to_owned();
    payer
}

fn texts(list: &Value, member: &str) -> Vec<String> {
    let list = list.as_array().expect("a list").iter();
    list.map(|one| one[member].as_str().unwrap_or_default().to_owned()).collect()
}

#[rstest]
#[tokio::test]
async fn a_payer_sees_what_is_due_and_what_they_paid_and_nothing_more(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    // 李四 paid January to March at a counter.
    let payer = payer_of(&town, channel, "李四").await;
    let refusals = [
        asks(&payer, "enrolments?city=320200").await,
        asks(&payer, "social-card?city=320200").await,
        asks(&payer, "gaps?city=320200").await,
        payer
            .post(
                &format!("/api/v1/people/{}/lookups", payer.person_id),
                &json!({ "city": "320200", "personal_no": "320200000002" }),
            )
            .await,
    ];
    for refusal in refusals {
        let told = refusal.refused(403, "not_for_payers");
        assert!(!told["next_step"]["text"].as_str().expect("a text").is_empty());
    }
    let due = payer.bills("2023-01", "2023-06").await;
    assert!(due.iter().all(|bill| bill["state"] == "due"), "{due:?}");
    assert_eq!(due.len(), 6, "April to June, pension and medical");
    for bill in &due {
        for hidden in ["base", "tier_no", "preview"] {
            assert_eq!(bill[hidden], Value::Null, "{hidden}");
        }
        assert!(texts(&bill["components"], "rate").iter().all(String::is_empty), "{bill}");
        assert!(bill["amount"].is_string());
    }
    let april = payer.bills("2023-04", "2023-04").await;
    let wish = payer.wish(&april);
    let shown = payer.post("/api/v1/confirmations", &wish).await.expect(200);
    assert!(!shown.to_string().contains("20%"), "{shown}");
    let mut confirmed = wish.clone();
    confirmed["confirmation"] = shown["confirmation"].clone();
    let order = pays(&payer, "april", &confirmed).await;
    let record = payer.record(&order).await;
    assert_eq!(record["state"], "SUCCESS");
    assert!(texts(&record["bills"][0]["components"], "rate").iter().all(String::is_empty));
    // What they paid themselves stays in their sight.
    let after = payer.bills("2023-01", "2023-06").await;
    let paid: Vec<&Value> = after.iter().filter(|bill| bill["state"] == "paid").collect();
    assert_eq!((after.len(), paid.len()), (6, 2));
    let path = format!("/api/v1/orders/{}", order.order_no);
    payer.get(&format!("{path}/documents")).await.refused(403, "not_for_payers");
    let voucher = payer.get(&format!("{path}/voucher")).await.expect(200);
    for line in voucher["lines"].as_array().expect("lines") {
        assert_eq!((&line["base"], &line["tier_no"]), (&Value::Null, &Value::Null));
        assert!(texts(&line["components"], "rate").iter().all(String::is_empty), "{line}");
    }
    // The person themselves sees all of it.
    let citizen = town.citizen_named("the person", channel, insured("李四")).await;
    assert_eq!(citizen.bills("2023-01", "2023-06").await.len(), 12);
    assert_eq!(asks(&citizen, "gaps?city=320200").await.expect(200)["months"], 2);
    town.close().await;
}

#[tokio::test]
async fn whoever_was_taken_off_sees_and_pays_nothing_new() {
    let town = Town::new(Backend::Embedded).await;
    let payer = payer_of(&town, Channel::Alipay, "赵六").await;
    let (paid, _) = payer.pays_for("2023-01").await;
    town.run_jobs().await;
    let open = payer.orders("2023-02").await;
    let citizen = town.citizen(Channel::Wechat, insured("赵六")).await;
    let payers = citizen.get("/api/v1/me/payers").await.expect(200);
    let id = payers["payers"][0]["id"].as_str().expect("an id");
    assert_eq!(citizen.delete(&format!("/api/v1/me/payers/{id}")).await.status, 204);
    asks(&payer, "bills?city=320200&year=2023").await.refused(404, "person_not_found");
    payer.tries_to_pay(&open).await.refused(404, "person_not_found");
    assert_eq!(town.count("payments").await, 1, "no channel was asked");
    let path = format!("/api/v1/orders/{}", paid.order_no);
    payer.get(&format!("{path}/documents")).await.refused(404, "person_not_found");
    // The payment itself stays theirs, as narrow as before.
    let record = payer.get(&path).await.expect(200);
    assert_eq!((&record["state"], &record["person"]), (&json!("SUCCESS"), &Value::Null));
    assert!(texts(&record["bills"][0]["components"], "rate").iter().all(String::is_empty));
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn who_says_so_pays_and_sees_like_a_payer_until_it_is_proven(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.newcomer(channel, insured("李四")).await;
    for what in ["enrolments", "social-card", "gaps"] {
        let refused = asks(&citizen, &format!("{what}?city=320200")).await;
        refused.refused(403, "real_name_needed");
    }
    let due = citizen.bills("2023-01", "2023-06").await;
    assert_eq!(due.len(), 6, "nothing of what others paid: {due:?}");
    assert!(due.iter().all(|bill| bill["base"].is_null() && bill["preview"].is_null()));
    let wish = citizen.wish(&citizen.bills("2023-04", "2023-04").await);
    citizen.place("april", &wish).await.refused(409, "confirmation_needed");
    let shown = citizen.post("/api/v1/confirmations", &wish).await.expect(200);
    assert_eq!(shown["needs_second_confirmation"], true);
    let question = shown["second_confirmation"].as_str().expect("a text");
    assert!(question.contains("*四") && question.contains("尚未实名核验"), "{question}");
    let mut confirmed = wish.clone();
    confirmed["confirmation"] = shown["confirmation"].clone();
    let order = pays(&citizen, "april", &confirmed).await;
    let documents = format!("/api/v1/orders/{}/documents", order.order_no);
    citizen.get(&documents).await.refused(403, "real_name_needed");
    citizen.proves_name().await;
    assert_eq!(citizen.bills("2023-01", "2023-06").await.len(), 12);
    asks(&citizen, "enrolments?city=320200").await.expect(200);
    citizen.get(&documents).await.expect(200);
    let record = citizen.record(&order).await;
    assert!(record["bills"][0]["base"].is_string());
    let may = citizen.wish(&citizen.bills("2023-05", "2023-05").await);
    citizen.place("may", &may).await.expect(201);
    town.pass(3_600).await;
    town.close().await;
}

#[tokio::test]
async fn a_city_may_want_the_name_proven_before_one_pays_for_oneself() {
    let wanted = "[city.pack.real_name]\npayment = true\ntier = false";
    let town = demonstration(Backend::Embedded, wanted).await;
    let citizen = town.newcomer(Channel::Wechat, insured("张三")).await;
    let wish = citizen.wish(&citizen.bills("2023-01", "2023-01").await);
    citizen.post("/api/v1/confirmations", &wish).await.refused(403, "real_name_needed");
    citizen.confirms_and_places("january", &wish).await.refused(403, "real_name_needed");
    // The same city does not want it for a tier.
    tier(&citizen, 2).await.expect(200);
    citizen.proves_name().await;
    citizen.place("january", &wish).await.refused(409, "amount_changed");
    let wish = citizen.wish(&citizen.bills("2023-01", "2023-01").await);
    citizen.place("january", &wish).await.expect(201);
    town.pass(3_600).await;
    town.close().await;
}

async fn preview(citizen: &Citizen<'_>, tier_no: u16) -> Answer {
    let wish =
        json!({ "city": "320200", "insurance": "pension", "tier_no": tier_no, "from": "2023-01" });
    let path = format!("/api/v1/people/{}/tier-confirmations", citizen.person_id);
    citizen.post(&path, &wish).await
}

async fn choose(citizen: &Citizen<'_>, tier_no: u16, confirmation: &Value) -> Answer {
    let mut wish =
        json!({ "city": "320200", "insurance": "pension", "tier_no": tier_no, "from": "2023-01" });
    wish["confirmation"] = confirmation.clone();
    citizen.put(&format!("/api/v1/people/{}/tier", citizen.person_id), &wish).await
}

/// Looks and chooses.
pub async fn tier(citizen: &Citizen<'_>, tier_no: u16) -> Answer {
    let shown = preview(citizen, tier_no).await.expect(200);
    choose(citizen, tier_no, &shown["confirmation"]).await
}

#[rstest]
#[tokio::test]
async fn only_the_person_chooses_their_tier_and_sees_first_what_it_does(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let payer = payer_of(&town, Channel::Alipay, "李四").await;
    for refusal in [preview(&payer, 2).await, choose(&payer, 2, &Value::Null).await] {
        let told = refusal.refused(403, "tier_own_only");
        assert_eq!(told["next_step"]["action"], "call");
    }
    let mut citizen = town.newcomer(Channel::Wechat, insured("李四")).await;
    preview(&citizen, 2).await.refused(403, "real_name_needed");
    citizen.proves_name().await;
    let shown = preview(&citizen, 2).await.expect(200);
    assert_eq!(shown["tier"]["monthly_amount"], "1200.00");
    assert_eq!(shown["effective_from"], "2023-01");
    assert_eq!(texts(&shown["differences"], "amount_then"), ["301.20"; 3]);
    assert_eq!(texts(&shown["differences"], "amount_now"), ["898.80"; 3]);
    assert_eq!(shown["difference_total"], "903.60");
    assert_eq!(shown["unpaid"][0]["amount_then"], "1200.00");
    let text = shown["text"].as_str().expect("a text");
    for part in ["第 2 档", "2023年1月", "1200.00", "903.60"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    choose(&citizen, 2, &Value::Null).await.refused(409, "tier_confirmation_needed");
    choose(&citizen, 3, &shown["confirmation"]).await.refused(409, "confirmation_unfit");
    let amounts =
        |bills: &[Value]| bills.iter().map(|bill| bill["amount"].clone()).collect::<Vec<Value>>();
    let before = amounts(&citizen.bills("2023-04", "2023-04").await);
    assert_eq!(before[0], "898.80", "nothing has changed yet");
    // Another person's token, and one that is over.
    let stranger = town.citizen_named("somebody", Channel::Wechat, insured("李四")).await;
    choose(&stranger, 2, &shown["confirmation"]).await.refused(409, "confirmation_unfit");
    town.clock.advance(Duration::from_secs(601));
    choose(&citizen, 2, &shown["confirmation"]).await.refused(409, "confirmation_unfit");
    // What was shown is not so any more.
    let shown = preview(&citizen, 2).await.expect(200);
    let may = citizen.bills("2023-05", "2023-05").await;
    let bill_no = may[0]["bill_no"].as_str().expect("a text").parse().expect("a number");
    town.mocks.agency().pay_elsewhere(&bill_no).expect("a bill");
    choose(&citizen, 2, &shown["confirmation"]).await.refused(409, "confirmation_unfit");
    let chosen = tier(&citizen, 2).await.expect(200);
    assert_eq!(chosen["difference_bills"].as_array().expect("a list").len(), 4);
    citizen.logs_in_again().await;
    assert_eq!(citizen.bills("2023-04", "2023-04").await[0]["amount"], "1200.00");
    town.close().await;
}

/// Adds somebody under a name, asks in one of the ways in which an agency is asked, and takes them off.
async fn guesses(citizen: &Citizen<'_>, name: &str, number: &str, way: usize) -> Answer {
    let wish = json!({
        "relation": "other", "name": name, "consent_text_version": "2026-11",
        "document": { "kind": "resident_id", "number": number },
    });
    let person = citizen.post("/api/v1/people", &wish).await.expect(201);
    let path = format!("/api/v1/people/{}", person["id"].as_str().expect("an id"));
    let bill = json!({
        "agency": "320200-hr", "insurance": "pension", "bill_no": "320200P2023010001",
        "months": { "from": "2023-01", "to": "2023-01" }, "version": 1, "amount": "898.80",
    });
    let wish = json!({ "person_id": person["id"], "city": "320200", "bills": [bill] });
    let topup = json!({ "city": "320200", "card_no": "600000001", "amount": "100.00" });
    let answer = match way % 3 {
        0 => citizen.get(&format!("{path}/bills?city=320200&insurance=pension&year=2023")).await,
        1 => citizen.post("/api/v1/confirmations", &wish).await,
        _ => citizen.post(&format!("{path}/topups"), &topup).await,
    };
    assert_eq!(citizen.delete(&path).await.status, 204);
    answer
}

#[rstest]
#[tokio::test]
async fn a_name_is_not_found_out_by_trying(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let person = insured("王五");
    let wrong = ["赵一", "钱二", "孙三", "李小四", "周五", "吴六", "郑七", "王八", "冯九", "陈十"];
    let one = town.citizen(Channel::Wechat, insured("张三")).await;
    // Who was recognised before goes on whatever others try.
    let known = town.newcomer(Channel::Alipay, person).await;
    assert_eq!(known.bills("2023-01", "2023-01").await.len(), 2);
    for (way, name) in wrong.iter().enumerate() {
        guesses(&one, name, person.number, way).await.refused(422, "identity_mismatch");
    }
    for way in 0..3 {
        let told =
            guesses(&one, "王五", person.number, way).await.refused(429, "too_many_attempts");
        assert!(told["detail"].as_str().expect("a text").contains("明天"), "{told}");
    }
    // Nor for another document, by the account; nor by another account, for the document.
    guesses(&one, "赵六", insured("赵六").number, 0).await.refused(429, "too_many_attempts");
    let other = town.citizen_named("another", Channel::Wechat, insured("李四")).await;
    guesses(&other, "王五", person.number, 0).await.refused(429, "too_many_attempts");
    // Nor at another process.
    let config = Config::load(town.config().as_ref()).expect("a configuration");
    let entropy = std::sync::Arc::new(SystemEntropy::default());
    let parts = Parts::build(&config, town.clock.clone(), entropy).await.expect("the service");
    let wish = json!({
        "relation": "other", "name": "王五", "consent_text_version": "2026-11",
        "document": { "kind": "resident_id", "number": person.number },
    });
    let added = other.post("/api/v1/people", &wish).await.expect(201);
    let id: kernel::PersonId = added["id"].as_str().expect("an id").parse().expect("an id");
    let account = other.get("/api/v1/me").await.expect(200);
    let account = account["account_id"].as_str().expect("an id").parse().expect("an id");
    let counter = parts.orders.counter(account, id).await.expect("a person");
    let asked = counter.enrolments(&"320200-hr".parse().expect("a code")).await;
    let stopped =
        matches!(asked, Err(orders::OrderError::People(people::PeopleError::TooManyWrongNames)));
    assert!(stopped, "{asked:?}");
    // The person is not locked out: recognised before, or proven by the platform.
    assert_eq!(known.bills("2023-02", "2023-02").await.len(), 2);
    let owner = town.citizen_named("the owner", Channel::Wechat, person).await;
    assert_eq!(owner.bills("2023-01", "2023-01").await.len(), 2);
    // The next day is another day.
    town.clock.advance(Duration::from_secs(86_400));
    let mut other = other;
    other.logs_in_again().await;
    other.person_id = added["id"].as_str().expect("an id").to_owned();
    assert_eq!(other.bills("2023-01", "2023-01").await.len(), 2);
    town.close().await;
}

/// A hundred questions at once are as few as one after the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn trying_at_once_is_no_way_around() {
    let town = Town::new(Backend::Servers).await;
    let citizen = payer_of(&town, Channel::Wechat, "王五").await;
    let wish = json!({
        "relation": "other", "name": "赵七", "consent_text_version": "2026-11",
        "document": { "kind": "resident_id", "number": insured("赵六").number },
    });
    let wrong = citizen.post("/api/v1/people", &wish).await.expect(201);
    let id = wrong["id"].as_str().expect("an id");
    let path = format!("/api/v1/people/{id}/bills?city=320200&insurance=pension&year=2023");
    let asked = futures::future::join_all((0..60).map(|_| citizen.get(&path))).await;
    let heard = asked.iter().filter(|answer| answer.status == 422).count();
    assert!(heard <= 10, "{heard} were told that the name is wrong");
    town.close().await;
}

#[tokio::test]
async fn a_bill_of_nothing_is_not_offered_and_not_ordered() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let bills = citizen.bills("2023-01", "2023-01").await;
    for bill in &bills {
        let number = bill["bill_no"].as_str().expect("a text").parse().expect("a number");
        town.mocks.agency().change_bill(&number, kernel::Fen::ZERO).expect("a bill");
    }
    let path = "bills?city=320200&from=2023-01&to=2023-01&insurance=pension";
    asks(&citizen, path).await.refused(409, "fully_subsidised");
    let later = asks(&citizen, "bills?city=320200&from=2023-01&to=2023-02").await.expect(200);
    assert!(texts(&later["bills"], "amount").iter().all(|amount| amount != "0.00"), "{later}");
    let mut wish = citizen.wish(&bills[..1]);
    wish["bills"][0]["amount"] = json!("0.00");
    wish["bills"][0]["version"] = json!(2);
    for answer in
        [citizen.post("/api/v1/confirmations", &wish).await, citizen.place("nothing", &wish).await]
    {
        let told = answer.refused(409, "fully_subsidised");
        assert!(told["detail"].as_str().expect("a text").contains("无需个人缴费"), "{told}");
    }
    assert_eq!(town.count("orders").await, 0);
    town.close().await;
}

/// What it has become is told, whoever finds out that it changed.
#[tokio::test]
async fn a_bill_that_changes_while_it_is_locked_is_told_with_its_amount() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("韩变")).await;
    let bills = citizen.bills("2023-01", "2023-01").await;
    let told = citizen.place("first", &citizen.wish(&bills)).await.refused(409, "amount_changed");
    let changed = told["bills"].as_array().expect("a list");
    assert!(!changed.is_empty(), "{told}");
    assert_eq!((&changed[0]["seen"], &changed[0]["now"]), (&json!("898.80"), &json!("899.80")));
    let again = citizen.bills("2023-01", "2023-01").await;
    citizen.place("again", &citizen.wish(&again)).await.expect(201);
    town.pass(3_600).await;
    town.close().await;
}

/// Somebody holds another person's bills with orders that they never pay.
#[rstest]
#[tokio::test]
async fn bills_are_not_held_by_ordering_again_and_again(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let squatter = payer_of(&town, Channel::Alipay, "王五").await;
    let mut placed = 0;
    let refused = loop {
        let bills = squatter.bills("2023-01", "2023-01").await;
        let key = format!("hold-{placed}");
        let answer = squatter.confirms_and_places(&key, &squatter.wish(&bills)).await;
        if answer.status != 201 {
            break answer;
        }
        placed += 1;
        let number = answer.json()["order_no"].as_str().expect("a text").to_owned();
        squatter.post(&format!("/api/v1/orders/{number}/cancel"), &json!({})).await.expect(200);
    };
    assert_eq!(placed, 12);
    let told = refused.refused(429, "too_many_orders");
    assert_eq!((&told["most"], &told["next_step"]["action"]), (&json!(12), &json!("wait")));
    assert_eq!(told["again_at"], town.now().plus(Duration::from_secs(3_600)).rfc3339());
    // Another account for the same person is stopped with it, and the person themselves is not.
    let second = town.newcomer_named("another", Channel::Wechat, insured("王五")).await;
    let wish = second.wish(&second.bills("2023-01", "2023-01").await);
    second.confirms_and_places("hold", &wish).await.refused(429, "too_many_orders");
    let owner = town.citizen_named("the owner", Channel::Wechat, insured("王五")).await;
    owner.place("mine", &owner.wish(&owner.bills("2023-01", "2023-01").await)).await.expect(201);
    town.clock.advance(Duration::from_secs(3_600));
    town.settle().await;
    let mut second = second;
    second.logs_in_again().await;
    let wish = second.wish(&second.bills("2023-02", "2023-02").await);
    second.confirms_and_places("later", &wish).await.expect(201);
    town.pass(3_600).await;
    town.close().await;
}

#[tokio::test]
async fn orders_that_wait_for_payment_are_few() {
    let limits = "[orders]\nunpaid_max = 3\nunpaid_for_person_max = 2";
    let town = Town::configured(Backend::Embedded, limits).await;
    let payer = payer_of(&town, Channel::Wechat, "王五").await;
    let mut keys = (0..).map(|number| format!("order-{number}"));
    let mut order = async |citizen: &Citizen<'_>, month: &str| {
        let key = keys.next().expect("a key");
        citizen.confirms_and_places(&key, &citizen.wish(&citizen.bills(month, month).await)).await
    };
    order(&payer, "2023-01").await.expect(201);
    order(&payer, "2023-02").await.expect(201);
    let told = order(&payer, "2023-03").await.refused(429, "too_many_unpaid_orders");
    assert!(told["detail"].as_str().expect("a text").contains("该参保人"), "{told}");
    // For oneself one more fits, and then the account has enough.
    let own = payer.get("/api/v1/me").await.expect(200)["own_person_id"].clone();
    let mut own_self = Citizen { person_id: own.as_str().expect("an id").to_owned(), ..payer };
    order(&own_self, "2023-01").await.expect(201);
    let told = order(&own_self, "2023-02").await.refused(429, "too_many_unpaid_orders");
    assert_eq!((&told["most"], &told["next_step"]["action"]), (&json!(3), &json!("pay")));
    // The same request again is the same order, and counts nothing.
    town.pass(3_600).await;
    own_self.logs_in_again().await;
    order(&own_self, "2023-02").await.expect(201);
    town.pass(3_600).await;
    town.close().await;
}

/// A card is a person's, so a second account of the same person adds nothing to the day.
#[rstest]
#[tokio::test]
async fn a_days_topups_are_of_a_person_whatever_the_account(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let one = town.citizen(Channel::Wechat, insured("张三")).await;
    let two = town.citizen_named("the other telephone", Channel::Alipay, insured("张三")).await;
    let bill = async |citizen: &Citizen<'_>, amount: &str| {
        let wish = json!({ "city": "320200", "card_no": "600000001", "amount": amount });
        let path = format!("/api/v1/people/{}/topups", citizen.person_id);
        citizen.post(&path, &wish).await.expect(201)["bill"].clone()
    };
    for key in ["one", "two"] {
        let wish = cart(&one, &[bill(&one, "2000.00").await]);
        pays(&one, key, &wish).await;
    }
    let over = cart(&two, &[bill(&two, "1000.01").await]);
    let told = two.place("three", &over).await.refused(409, "topup_limit");
    assert_eq!(told["left"], "1000.00");
    let fits = cart(&two, &[bill(&two, "1000.00").await]);
    pays(&two, "four", &fits).await;
    town.close().await;
}

/// The agency says that the sum is wrong after the money was taken: it goes back, and a person looks.
#[tokio::test]
async fn an_amount_that_the_agency_calls_wrong_is_somebodys_matter() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("秦差")).await;
    let (order, started) = citizen.pays_for("2023-01").await;
    town.settle().await;
    town.pass(600).await;
    assert_eq!(citizen.record(&order).await["state"], "REFUNDED");
    assert_eq!(town.returned(Channel::Wechat, &started.out_trade_no), order.amount.get());
    assert_eq!(town.cases().await, ["posting_amount", "posting_amount"], "one for each bill");
    town.close().await;
}
