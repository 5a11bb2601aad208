//! Starting a payment when the number is no longer what it was: paid, closed or too old.

use std::time::Duration;

use kernel::{Channel, Fen};
use mock_providers::{FaultKind, PayRequest};
use rstest::rstest;

use crate::town::{Backend, Citizen, NONE, Order, Town, insured};

async fn numbers(town: &Town) -> Vec<String> {
    town.column("SELECT out_trade_no FROM payments ORDER BY id").await
}

async fn pays_and_is_posted(citizen: &Citizen<'_>, order: &Order) {
    let started = citizen.starts_paying(order).await;
    citizen.pays(&started).expect("the wallet pays");
    citizen.town.settle().await;
    assert_eq!(citizen.label(order).await, "缴费成功");
    assert_eq!(Fen::sum(citizen.town.booked(order)), Some(order.amount));
    assert_eq!(citizen.town.cases().await, NONE);
}

/// The wallet was open too long and the platform ended the trade; the order still has time.
#[rstest]
#[tokio::test]
async fn a_number_that_the_platform_closed_is_followed_by_another(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    let first = citizen.starts_paying(&order).await;
    town.mocks.expire(channel, &first.out_trade_no).unwrap();
    town.pass(5).await;
    pays_and_is_posted(&citizen, &order).await;
    let numbers = numbers(&town).await;
    assert_eq!((numbers.len(), &numbers[0]), (2, &first.out_trade_no));
    town.close().await;
}

/// The first answer is lost, the trade ends at the platform, and the repetition hears ORDER_CLOSED,
/// TRADE_HAS_CLOSE.
#[rstest]
#[tokio::test]
async fn a_repetition_that_hears_closed_gets_another_number(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    town.fault(channel, "create", FaultKind::DropAfterCommit);
    citizen.tries_to_pay(&order).await.refused(502, "channel_unavailable");
    let first = numbers(&town).await.remove(0);
    town.mocks.expire(channel, &first).unwrap();
    citizen.tries_to_pay(&order).await.refused(409, "payment_in_progress");
    pays_and_is_posted(&citizen, &order).await;
    assert_eq!(numbers(&town).await.len(), 2);
    town.close().await;
}

/// The first answer is lost, the money comes all the same, and the repetition hears ORDERPAID,
/// TRADE_HAS_SUCCESS.
#[rstest]
#[tokio::test]
async fn a_repetition_that_hears_paid_finds_the_money(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    town.fault(channel, "create", FaultKind::DropAfterCommit);
    citizen.tries_to_pay(&order).await.refused(502, "channel_unavailable");
    let number = numbers(&town).await.remove(0);
    town.lose_notifications(channel);
    town.mocks.pay(&PayRequest::number(channel, number)).expect("paid from elsewhere");
    town.mocks.settle().await;
    citizen.tries_to_pay(&order).await.refused(409, "payment_in_progress");
    assert_eq!(citizen.label(&order).await, "已支付待入账");
    town.run_jobs().await;
    assert_eq!(citizen.label(&order).await, "缴费成功");
    assert_eq!(numbers(&town).await.len(), 1);
    town.close().await;
}

/// A prepay_id dies after two hours. The repetition sends the same bytes and gets a living one.
#[rstest]
#[tokio::test]
async fn a_wallet_is_opened_again_after_two_hours(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::configured(backend, "[orders]\nminutes_to_pay = 300").await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    let first = citizen.starts_paying(&order).await;
    for _ in 0..5 {
        // Who uses the mini-program stays logged in.
        town.clock.advance(Duration::from_secs(25 * 60));
        town.settle().await;
        citizen.label(&order).await;
    }
    if channel == Channel::Wechat {
        citizen.pays(&first).expect_err("the prepay_id is dead");
    }
    pays_and_is_posted(&citizen, &order).await;
    assert_eq!(numbers(&town).await, [first.out_trade_no]);
    town.close().await;
}
