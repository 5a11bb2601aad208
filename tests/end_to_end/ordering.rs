//! One intent is one order, and one bill has one live order, however often and wherever it is asked.

use std::collections::BTreeSet;

use futures::future::join_all;
use kernel::Channel;
use rstest::rstest;
use serde_json::{Value, json};

use crate::town::{Backend, Town, insured};

#[rstest]
#[tokio::test]
async fn the_same_key_asks_for_the_same_order(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let wish = citizen.wish(&citizen.bills("2023-01", "2023-01").await);
    let first = citizen.place("intent-1", &wish).await.expect(201);
    let again = citizen.place("intent-1", &wish).await.expect(200);
    assert_eq!(again, first);

    let mut other = wish.clone();
    other["bills"].as_array_mut().unwrap().pop();
    citizen.place("intent-1", &other).await.refused(422, "idempotency_key_reused");
    citizen.place("", &wish).await.refused(400, "idempotency_key_missing");
    assert_eq!(town.count("orders").await, 1);
    town.close().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_times_the_same_key_at_once_is_one_order(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let wish = citizen.wish(&citizen.bills("2023-01", "2023-01").await);
    let answers = join_all((0..20).map(|_| citizen.place("intent-1", &wish))).await;
    let mut numbers = BTreeSet::new();
    for answer in &answers {
        assert!(matches!(answer.status, 200 | 201), "{}", answer.body);
        numbers.insert(answer.json()["order_no"].to_string());
    }
    assert_eq!(numbers.len(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(town.count("orders").await, 1);
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn a_bill_in_a_live_order_is_not_ordered_again(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    let refusal = citizen.place("intent-2", &order.wish).await.refused(409, "bill_in_other_order");
    assert_eq!(refusal["order_no"], order.order_no);
    assert!(refusal["detail"].as_str().unwrap().contains("请勿重复支付"), "{refusal}");

    // Somebody else who pays for the same person learns that there is an order, not whose.
    let other = town.citizen_named("somebody else", channel, insured("张三")).await;
    let mut wish = order.wish.clone();
    wish["person_id"] = json!(other.person_id);
    let refusal = other.place("intent-3", &wish).await.refused(409, "bill_in_other_order");
    assert_eq!(refusal["order_no"], Value::Null);
    assert_eq!(town.count("orders").await, 1);
    town.close().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_orders_for_one_bill_exactly_one_wins(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let wish = citizen.wish(&citizen.bills("2023-01", "2023-01").await);
    let keys: Vec<String> = (0..20).map(|number| format!("intent-{number}")).collect();
    let answers = join_all(keys.iter().map(|key| citizen.place(key, &wish))).await;
    let winners: Vec<Value> =
        answers.iter().filter(|answer| answer.status == 201).map(|answer| answer.json()).collect();
    assert_eq!(winners.len(), 1);
    for loser in answers.iter().filter(|answer| answer.status != 201) {
        let refusal = loser.refused(409, "bill_in_other_order");
        assert_eq!(refusal["order_no"], winners[0]["order_no"]);
    }
    let live = "SELECT CAST(count(*) AS TEXT) FROM orders WHERE state <> 'CLOSED'";
    assert_eq!(town.column(live).await, ["1"]);
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn what_changed_since_it_was_shown_is_not_ordered(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let bills = citizen.bills("2023-01", "2023-01").await;
    let wish = citizen.wish(&bills);
    let bill_no = bills[0]["bill_no"].as_str().unwrap().parse().unwrap();
    town.mocks.agency().change_bill(&bill_no, kernel::Fen::from_yuan("900.00").unwrap()).unwrap();
    let refusal = citizen.place("intent-1", &wish).await.refused(409, "amount_changed");
    let changed = json!([{ "bill_no": bill_no, "seen": "898.80", "now": "900.00" }]);
    assert_eq!(refusal["bills"], changed);
    assert_eq!(town.count("orders").await, 0);
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn an_order_whose_bills_cannot_be_locked_ends_at_once(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("沈占")).await;
    let wish = citizen.wish(&citizen.bills("2023-01", "2023-01").await);
    for key in ["intent-1", "intent-2"] {
        citizen.place(key, &wish).await.refused(409, "bill_locked");
    }
    let states = town.column("SELECT state FROM orders").await;
    assert_eq!(states, ["CLOSED", "CLOSED"]);
    town.close().await;
}
