//! Alipay moves an application from user ids to open ids: nobody loses a person or an order.

use kernel::{Channel, Fen};
use mock_providers::AlipayIdMode;
use rstest::rstest;
use serde_json::Value;

use crate::town::{Backend, Citizen, Order, Town, insured};

fn switch(town: &Town, mode: AlipayIdMode) {
    let mut settings = town.mocks.settings();
    settings.alipay_id_mode = mode;
    town.mocks.set_settings(settings);
}

async fn order_numbers(citizen: &Citizen<'_>) -> Vec<String> {
    let listed = citizen.get("/api/v1/orders").await.expect(200);
    let number = |order: &Value| order["order_no"].as_str().expect("a number").to_owned();
    let mut numbers: Vec<String> =
        listed["orders"].as_array().expect("orders").iter().map(number).collect();
    numbers.sort();
    numbers
}

async fn persons(citizen: &Citizen<'_>) -> Vec<String> {
    let listed = citizen.get("/api/v1/people").await.expect(200);
    let id = |person: &Value| person["id"].as_str().expect("an id").to_owned();
    listed["people"].as_array().expect("people").iter().map(id).collect()
}

fn sorted(orders: &[&Order]) -> Vec<String> {
    let mut numbers: Vec<String> = orders.iter().map(|order| order.order_no.clone()).collect();
    numbers.sort();
    numbers
}

/// The mock takes the kind of id that its mode has, and no other: whoever pays was named rightly.
#[rstest]
#[tokio::test]
async fn one_account_pays_before_during_and_after_the_move(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    switch(&town, AlipayIdMode::UserId);
    let mut citizen = town.citizen(Channel::Alipay, insured("张三")).await;
    let (before, _) = citizen.pays_for("2023-01").await;
    town.pass(60).await;

    switch(&town, AlipayIdMode::Both);
    citizen.logs_in_again().await;
    assert_eq!(persons(&citizen).await, [citizen.person_id.clone()]);
    let (during, _) = citizen.pays_for("2023-02").await;
    town.pass(60).await;

    switch(&town, AlipayIdMode::OpenId);
    citizen.logs_in_again().await;
    assert_eq!(persons(&citizen).await, [citizen.person_id.clone()]);
    let (after, _) = citizen.pays_for("2023-03").await;
    town.settle().await;
    assert_eq!(order_numbers(&citizen).await, sorted(&[&before, &during, &after]));
    for order in [&before, &during, &after] {
        assert_eq!(citizen.label(order).await, "缴费成功");
    }
    assert_eq!(town.column("SELECT CAST(COUNT(*) AS TEXT) FROM accounts").await, ["1"]);
    town.close().await;
}

/// Two accounts from before the names were kept together, each with money under way.
#[rstest]
#[tokio::test]
async fn two_accounts_of_one_person_are_united_with_their_orders(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    switch(&town, AlipayIdMode::UserId);
    let older = town.citizen(Channel::Alipay, insured("张三")).await;
    let (first, _) = older.pays_for("2023-01").await;
    town.clock.advance(std::time::Duration::from_secs(60));
    switch(&town, AlipayIdMode::OpenId);
    let younger = town.citizen(Channel::Alipay, insured("张三")).await;
    let (second, _) = younger.pays_for("2023-02").await;
    assert_eq!(order_numbers(&younger).await, sorted(&[&second]));

    switch(&town, AlipayIdMode::Both);
    let login = async || {
        let mut again = Citizen { token: String::new(), user: older.user.clone(), ..copy(&older) };
        again.logs_in_again().await;
        again
    };
    let (one, other) = tokio::join!(login(), login());
    for citizen in [&one, &other] {
        assert_eq!(order_numbers(citizen).await, sorted(&[&first, &second]));
        assert_eq!(persons(citizen).await, std::slice::from_ref(&older.person_id));
    }
    younger.get("/api/v1/orders").await.refused(401, "not_logged_in");
    // What was paid before the union reaches the agency after it.
    town.settle().await;
    for order in [&first, &second] {
        assert_eq!(one.label(order).await, "缴费成功");
        assert_eq!(Fen::sum(town.booked(order)), Some(order.amount));
    }
    let united = town.column("SELECT change FROM account_changes WHERE change = 'united'").await;
    assert_eq!(united.len(), 1);
    town.close().await;
}

fn copy<'a>(citizen: &Citizen<'a>) -> Citizen<'a> {
    Citizen {
        town: citizen.town,
        channel: citizen.channel,
        insured: citizen.insured,
        person_id: citizen.person_id.clone(),
        platform_id: citizen.platform_id.clone(),
        user: citizen.user.clone(),
        token: citizen.token.clone(),
    }
}

#[tokio::test]
async fn a_switch_in_mid_session_is_followed_where_both_names_are_known() {
    let town = Town::new(Backend::Embedded).await;
    switch(&town, AlipayIdMode::Both);
    let citizen = town.citizen(Channel::Alipay, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    switch(&town, AlipayIdMode::UserId);
    let started = citizen.starts_paying(&order).await;
    citizen.pays(&started).expect("the wallet pays");
    town.settle().await;
    assert_eq!(citizen.label(&order).await, "缴费成功");
    let states = town.column("SELECT state FROM payments ORDER BY state").await;
    assert_eq!(states, ["paid", "refused"], "the refused number is over, another one is paid");
    town.close().await;
}

#[tokio::test]
async fn whose_other_name_nobody_told_is_asked_to_log_in_again() {
    let town = Town::new(Backend::Embedded).await;
    switch(&town, AlipayIdMode::UserId);
    let mut citizen = town.citizen(Channel::Alipay, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    switch(&town, AlipayIdMode::OpenId);
    citizen.tries_to_pay(&order).await.refused(409, "payer_logs_in_again");
    switch(&town, AlipayIdMode::Both);
    citizen.logs_in_again().await;
    let started = citizen.starts_paying(&order).await;
    citizen.pays(&started).expect("the wallet pays");
    town.settle().await;
    assert_eq!(citizen.label(&order).await, "缴费成功");
    town.close().await;
}
