//! Money for the medical personal account of a social card: its own purpose, limits and ledger.

use kernel::Channel;
use orders::TakeBack;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    counter::{asks, cart, pays, placed},
    town::{Answer, Backend, Citizen, NONE, Town, insured},
};

async fn asks_for(citizen: &Citizen<'_>, card_no: &str, amount: &str) -> Answer {
    let wish = json!({ "city": "320200", "card_no": card_no, "amount": amount });
    citizen.post(&format!("/api/v1/people/{}/topups", citizen.person_id), &wish).await
}

async fn bill(citizen: &Citizen<'_>, amount: &str) -> Value {
    asks_for(citizen, "600000001", amount).await.expect(201)["bill"].clone()
}

#[rstest]
#[tokio::test]
async fn a_topup_is_booked_on_an_account_of_its_own(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let card = asks(&citizen, "social-card?city=320200").await.expect(200);
    assert_eq!((&card["state"], &card["masked_number"]), (&json!("active"), &json!("****0001")));
    let answer = asks_for(&citizen, "6000 00001", "100.00").await.expect(201);
    assert!(answer["warning"].as_str().expect("a text").contains("不能用来缴养老保险"));
    assert_eq!(answer["limits"]["demonstration"], true);
    let bill = answer["bill"].clone();
    assert_eq!((&bill["kind"], &bill["has_period"]), (&json!("topup"), &json!(false)));
    assert_eq!((&bill["tier_no"], &bill["base"]), (&Value::Null, &Value::Null));
    let order = pays(&citizen, "topup", &cart(&citizen, &[bill])).await;
    let record = citizen.record(&order).await;
    assert_eq!(
        (&record["label"], &record["items"][0]["kind"]),
        (&json!("缴费成功"), &json!("topup"))
    );
    let journal = town.journal(&order).await;
    let booked = journal.last().expect("a booking");
    assert_eq!((booked.1.as_str(), booked.2.as_str()), ("in_transit", "topup:320200-med"));
    assert_eq!(town.shown_anywhere("600000001").await, NONE, "the card's number is readable");
    town.close().await;
}

#[tokio::test]
async fn a_topup_and_a_contribution_do_not_go_together() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let mut bills = citizen.bills("2023-01", "2023-01").await;
    bills.push(bill(&citizen, "100.00").await);
    citizen.place("mixed", &cart(&citizen, &bills)).await.refused(422, "mixed_purposes");
    // Called a contribution, it is no bill that anybody knows.
    let mut disguised = cart(&citizen, &bills[2..]);
    disguised["bills"][0]["kind"] = json!("regular");
    citizen.place("disguised", &disguised).await.refused(409, "amount_changed");
    assert_eq!(town.count("orders").await, 0);
    town.close().await;
}

#[rstest]
#[case::bank_card("6222 0212 3456 7890 123", "100.00", 422, "bank_card_number")]
#[case::sixteen_digits("6222021234567890", "100.00", 422, "bank_card_number")]
#[case::too_short("6000001", "100.00", 422, "card_number_invalid")]
#[case::somebody_elses("600000002", "100.00", 422, "identity_mismatch")]
#[case::too_little("600000001", "0.99", 422, "topup_amount")]
#[case::too_much("600000001", "2000.01", 422, "topup_amount")]
#[case::no_amount("600000001", "much", 400, "invalid_request")]
#[tokio::test]
async fn what_cannot_be_topped_up_is_told(
    #[case] card_no: &str,
    #[case] amount: &str,
    #[case] status: u16,
    #[case] code: &str,
) {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let problem = asks_for(&citizen, card_no, amount).await.refused(status, code);
    assert!(!problem["next_step"]["text"].as_str().expect("a text").is_empty());
    town.close().await;
}

#[tokio::test]
async fn a_card_that_was_never_activated_takes_no_money() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("华卡")).await;
    let card = asks(&citizen, "social-card?city=320200").await.expect(200);
    assert_eq!(card["state"], "not_activated");
    assert!(card["next_step"].as_str().expect("a text").contains("激活"));
    asks_for(&citizen, "600000039", "100.00").await.refused(409, "card_not_activated");
    // Contributions need no such card.
    assert!(!citizen.bills("2023-01", "2023-01").await.is_empty());
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn a_day_has_a_limit(#[values(Backend::Embedded, Backend::Servers)] backend: Backend) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    for (key, amount) in [("one", "2000.00"), ("two", "2000.00")] {
        let bill = bill(&citizen, amount).await;
        pays(&citizen, key, &cart(&citizen, &[bill])).await;
    }
    let third = cart(&citizen, &[bill(&citizen, "1000.01").await]);
    let over = citizen.place("three", &third).await.refused(409, "topup_limit");
    assert_eq!(over["left"], "1000.00");
    let fits = cart(&citizen, &[bill(&citizen, "1000.00").await]);
    pays(&citizen, "four", &fits).await;
    town.close().await;
}

#[tokio::test]
async fn only_before_it_is_booked_does_it_come_back() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let bill = bill(&citizen, "100.00").await;
    let order = pays(&citizen, "topup", &cart(&citizen, &[bill])).await;
    let wish = TakeBack {
        order_no: order.order_no.parse().unwrap(),
        bill_no: None,
        agency: None,
        refundable_seen: order.amount,
        reason: "试一试".to_owned(),
    };
    let refused = town.parts.orders.take_back(&wish).await;
    assert!(matches!(refused, Err(orders::OrderError::NothingToTakeBack)), "{refused:?}");
    assert_eq!(citizen.label(&order).await, "缴费成功");
    town.close().await;
}

#[tokio::test]
async fn what_the_agency_does_not_book_goes_back() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let bill = bill(&citizen, "100.00").await;
    let wish = cart(&citizen, std::slice::from_ref(&bill));
    let order = placed(&citizen.place("topup", &wish).await.expect(201), &wish);
    let started = citizen.starts_paying(&order).await;
    town.mocks
        .agency()
        .pay_elsewhere(&bill["bill_no"].as_str().expect("a text").parse().unwrap())
        .unwrap();
    citizen.pays(&started).expect("the wallet pays");
    town.settle().await;
    town.pass(600).await;
    assert_eq!(citizen.label(&order).await, "已退款");
    assert_eq!(town.returned(Channel::Wechat, &started.out_trade_no), 10_000);
    town.close().await;
}

/// No pack opens top-ups: without the demonstration's lines nobody can ask for one.
#[tokio::test]
async fn it_is_off_unless_a_city_switches_it_on() {
    let town = Town::with(Backend::Embedded, |config| {
        let text = std::fs::read_to_string(config).expect("the configuration");
        let from = text.find("\n# Shows two services").expect("the demonstration");
        let to = text[from + 1..].find("\n[[city]]").map_or(text.len(), |at| from + 1 + at);
        std::fs::write(config, format!("{}{}", &text[..from], &text[to..]))
            .expect("a configuration");
    })
    .await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    asks_for(&citizen, "600000001", "100.00").await.refused(404, "service_not_offered");
    let missed = asks(&citizen, "bills?city=320200&service=back_payment&from=2022-11").await;
    missed.refused(404, "service_not_offered");
    let city = citizen.get("/api/v1/cities/320200").await.expect(200);
    let codes: Vec<&Value> = city["services"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|service| &service["code"])
        .collect();
    assert_eq!(codes, ["flex_pension", "flex_medical", "resident_medical"]);
    town.close().await;
}
