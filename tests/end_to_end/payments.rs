//! Paying: repeated starts, lost answers, races with the notification, giving up, and late money.

use std::time::Duration;

use kernel::{Channel, Fen};
use mock_providers::{
    AlipayOddity, Fault, FaultKind, FaultTarget, PayRequest,
    agency::{self, AgencyFault, AgencyOperation},
};
use rstest::rstest;

use crate::town::{Backend, Citizen, NONE, Order, Town, eventually, insured};

/// Every story ends with the money where it belongs: both bills booked for this order.
async fn assert_posted(citizen: &Citizen<'_>, order: &Order) {
    citizen.town.run_jobs().await;
    assert_eq!(citizen.label(order).await, "缴费成功");
    assert_eq!(Fen::sum(citizen.town.booked(order)), Some(order.amount));
}

async fn number_of_payment(town: &Town) -> String {
    let numbers = town.column("SELECT out_trade_no FROM payments").await;
    assert_eq!(numbers.len(), 1, "one order has one number");
    numbers[0].clone()
}

#[rstest]
#[tokio::test]
async fn starting_again_continues_the_same_payment(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    let first = citizen.starts_paying(&order).await;
    let again = citizen.starts_paying(&order).await;
    assert_eq!(again.out_trade_no, first.out_trade_no);
    assert_eq!(number_of_payment(&town).await, first.out_trade_no);
    match channel {
        // A signature is made for each opening of the wallet.
        Channel::Wechat => assert_ne!(again.wallet["paySign"], first.wallet["paySign"]),
        Channel::Alipay => assert_eq!(again.wallet, first.wallet),
    }
    citizen.pays(&again).expect("the wallet takes the second signature");
    town.mocks.settle().await;
    assert_posted(&citizen, &order).await;
    // The first wallet, still open on another telephone, cannot pay a second time.
    citizen.pays(&first).expect_err("paid already");
    citizen.tries_to_pay(&order).await.refused(409, "order_moved_on");
    town.close().await;
}

/// The mock refuses a number whose parameters changed, so success proves the same bytes.
#[rstest]
#[tokio::test]
async fn a_lost_answer_heals_by_repeating(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(
        FaultKind::DropAfterCommit,
        FaultKind::ErrorAfterCommit,
        FaultKind::ErrorBeforeCommit,
        FaultKind::GatewayPage,
        FaultKind::Busy
    )]
    fault: FaultKind,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    // WeChat has two hosts, and a page of the first one's gateway is no answer yet.
    let is_half = channel == Channel::Wechat && fault == FaultKind::GatewayPage;
    let target = format!("{channel}.create").parse().expect("a target");
    let times = if is_half { 2 } else { 1 };
    town.mocks.set_fault(Fault { times, ..Fault::next(target, fault) }).expect("a fault");
    let problem = citizen.tries_to_pay(&order).await.refused(502, "channel_unavailable");
    assert_eq!(problem["retryable"], true);
    let number = number_of_payment(&town).await;
    assert_eq!(citizen.label(&order).await, "支付中");

    // A little later, so that everything that is signed with the time differs.
    town.clock.advance(Duration::from_secs(3));
    let started = citizen.starts_paying(&order).await;
    assert_eq!(started.out_trade_no, number);
    citizen.pays(&started).expect("the wallet pays");
    town.mocks.settle().await;
    assert_posted(&citizen, &order).await;
    assert_eq!(town.cases().await, NONE);
    town.close().await;
}

/// Nobody is behind the first host's gateway; the citizen does not notice.
#[tokio::test]
async fn wechats_other_host_creates_what_the_first_one_cannot() {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    town.fault(Channel::Wechat, "create", FaultKind::GatewayPage);
    let started = citizen.starts_paying(&order).await;
    citizen.pays(&started).expect("the wallet pays");
    town.mocks.settle().await;
    assert_posted(&citizen, &order).await;
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn a_notification_may_come_before_the_answer_to_the_creation(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    let target = format!("{channel}.create").parse().unwrap();
    let slow = mock_providers::Fault {
        seconds: Some(2),
        ..mock_providers::Fault::next(target, FaultKind::Slow)
    };
    town.mocks.set_fault(slow).unwrap();
    let paying = async {
        let number = eventually("the trade at the platform", async || {
            let numbers = town.column("SELECT out_trade_no FROM payments").await;
            numbers.into_iter().find(|number| town.mocks.trade(channel, number).is_some())
        })
        .await;
        town.mocks.pay(&PayRequest::number(channel, number)).expect("paid from elsewhere");
        town.mocks.settle().await;
        assert_eq!(citizen.label(&order).await, "已支付待入账");
    };
    let (started, ()) = tokio::join!(citizen.tries_to_pay(&order), paying);
    assert!(matches!(started.status, 200 | 409), "{}", started.body);
    assert_eq!(town.column("SELECT state FROM payments").await, ["paid"]);
    assert_posted(&citizen, &order).await;
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn the_wallet_of_the_other_platform_does_not_open(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    let other = if channel == Channel::Wechat { Channel::Alipay } else { Channel::Wechat };
    let stranger = town.citizen(other, insured("张三")).await;
    stranger.tries_to_pay(&order).await.refused(404, "order_not_found");
    assert_eq!(town.count("payments").await, 0);
    // A city that has no pack takes no order.
    let mut elsewhere = citizen.wish(&citizen.bills("2023-02", "2023-02").await);
    elsewhere["city"] = "330100".into();
    citizen.place("elsewhere", &elsewhere).await.refused(404, "city_not_open");
    assert_eq!(town.count("orders").await, 1);
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn an_order_that_nobody_pays_is_closed_everywhere(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    let started = citizen.starts_paying(&order).await;
    town.pass(29 * 60).await;
    // A wallet needs a minute: nobody is let in who could not come out in time.
    citizen.tries_to_pay(&order).await.refused(409, "order_expired");
    town.pass(90).await;
    assert_eq!(citizen.label(&order).await, "已关闭");
    let trade = town.mocks.trade(channel, &started.out_trade_no).unwrap();
    assert!(trade.state.ends_with("CLOSED"), "{}", trade.state);
    citizen.pays(&started).expect_err("closed at the platform too");
    citizen.tries_to_pay(&order).await.refused(409, "order_moved_on");
    citizen.place("again", &order.wish).await.expect(201);
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn giving_up_closes_at_the_platform_and_frees_the_bills(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    let started = citizen.starts_paying(&order).await;
    assert_eq!(citizen.cancels(&order).await.expect(200)["label"], "已关闭");
    let trade = town.mocks.trade(channel, &started.out_trade_no).unwrap();
    assert!(trade.state.ends_with("CLOSED"), "{}", trade.state);
    assert_eq!(citizen.cancels(&order).await.expect(200)["label"], "已关闭");
    for bill in citizen.bills("2023-01", "2023-01").await {
        assert_eq!(bill["state"], "due");
    }
    citizen.place("again", &order.wish).await.expect(201);
    town.close().await;
}

#[rstest]
#[case::before_the_question(false)]
#[case::between_question_and_closing(true)]
#[tokio::test]
async fn giving_up_loses_the_race_against_the_payment(
    #[case] in_between: bool,
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let (order, _) = citizen.pays_unheard("2023-01").await;
    if in_between {
        // The first question still hears "unpaid"; then the platform refuses to close.
        town.fault(channel, "query", FaultKind::Lag);
    }
    assert_eq!(citizen.cancels(&order).await.expect(200)["label"], "已支付待入账");
    assert_posted(&citizen, &order).await;
    citizen.cancels(&order).await.refused(409, "order_moved_on");
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn late_money_for_a_closed_order_is_posted(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    let started = citizen.starts_paying(&order).await;
    citizen.cancels(&order).await.expect(200);
    let late = town.notification(channel, &started.out_trade_no, |_| ());
    town.deliver(&late).await.acknowledged(channel);
    // From this moment on nobody else may order the bills.
    citizen.place("again", &order.wish).await.refused(409, "bill_in_other_order");
    assert_posted(&citizen, &order).await;
    assert_eq!(town.cases().await, NONE);
    town.close().await;
}

/// Alipay answers the close with success, the order is closed here, and a minute later the payment
/// turns out to have won.
#[rstest]
#[tokio::test]
async fn money_that_wins_after_an_answered_close_is_posted(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Alipay, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    citizen.starts_paying(&order).await;
    town.fault(Channel::Alipay, "close", FaultKind::Alipay(AlipayOddity::PaidAfterClose));
    assert_eq!(citizen.cancels(&order).await.expect(200)["state"], "CLOSED");
    town.settle().await;
    assert_eq!(citizen.record(&order).await["state"], "CLOSED", "nobody has told anything yet");
    town.pass(60).await;
    assert_posted(&citizen, &order).await;
    assert_eq!(town.cases().await, NONE);
    town.close().await;
}

/// The user pays in the second in which the order expires at the platform.
#[tokio::test]
async fn money_in_the_last_second_is_posted() {
    let town = Town::new(Backend::Embedded).await;
    let mut citizen = town.citizen(Channel::Alipay, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    town.fault(Channel::Alipay, "create", FaultKind::Alipay(AlipayOddity::PaidAtExpiry));
    citizen.starts_paying(&order).await;
    town.pass(3_600).await;
    citizen.logs_in_again().await;
    assert_posted(&citizen, &order).await;
    town.close().await;
}

#[rstest]
#[case::ordered(false)]
#[case::posted(true)]
#[tokio::test]
async fn late_money_for_bills_of_another_order_goes_back(
    #[case] posted: bool,
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let first = citizen.orders("2023-01").await;
    let started = citizen.starts_paying(&first).await;
    citizen.cancels(&first).await.expect(200);
    let placed = citizen.place("second", &first.wish).await.expect(201);
    let order_no = placed["order_no"].as_str().unwrap().to_owned();
    let second = Order { order_no, ..first.clone() };
    let late = town.notification(channel, &started.out_trade_no, |_| ());
    if !posted {
        town.deliver(&late).await.acknowledged(channel);
    }
    let paying = citizen.starts_paying(&second).await;
    citizen.pays(&paying).expect("the second order can be paid");
    town.mocks.settle().await;
    assert_posted(&citizen, &second).await;
    if posted {
        town.deliver(&late).await.acknowledged(channel);
        town.run_jobs().await;
    }
    // The platform's news was made up: it never took this money, and does not give it back either.
    let label = citizen.label(&first).await;
    assert!(matches!(label.as_str(), "退款中" | "退款异常"), "{label}");
    let planned = town.column("SELECT CAST(sum(amount_fen) AS TEXT) FROM refunds").await;
    assert_eq!(planned, [first.amount.get().to_string()]);
    assert_eq!(town.booked(&first), []);
    town.close().await;
}

/// The user stood at the password page when we closed: WeChat closes, says so when asked, and the money comes
/// all the same.
#[rstest]
#[case::for_nothing_else(false)]
#[case::for_bills_of_another_order(true)]
#[tokio::test]
async fn money_that_wechat_takes_after_the_close_is_posted_or_goes_back(
    #[case] ordered_again: bool,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let mut citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    let started = citizen.starts_paying(&order).await;
    let late = Fault {
        seconds: Some(60),
        ..Fault::next(FaultTarget::WechatClose, FaultKind::PaidAfterClose)
    };
    town.mocks.set_fault(late).expect("a fault");
    assert_eq!(citizen.cancels(&order).await.expect(200)["label"], "已关闭");
    if ordered_again {
        let placed = citizen.place("second", &order.wish).await.expect(201);
        let order_no = placed["order_no"].as_str().unwrap().to_owned();
        let second = Order { order_no, ..order.clone() };
        let paying = citizen.starts_paying(&second).await;
        citizen.pays(&paying).expect("the second order can be paid");
        town.mocks.settle().await;
        assert_posted(&citizen, &second).await;
    }
    town.pass(60).await;
    let payments = town.column("SELECT state FROM payments ORDER BY out_trade_no").await;
    assert!(payments.iter().all(|state| state == "paid"), "the money is recorded: {payments:?}");
    if ordered_again {
        town.pass(600).await;
        citizen.logs_in_again().await;
        assert_eq!(citizen.label(&order).await, "已退款");
        let trade = town.mocks.trade(Channel::Wechat, &started.out_trade_no).expect("a trade");
        assert_eq!(trade.refunds.iter().map(|r| r.amount_fen).sum::<i64>(), order.amount.get());
        assert_eq!(town.booked(&order), []);
    } else {
        assert_posted(&citizen, &order).await;
    }
    assert_eq!(town.cases().await, NONE);
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn a_lost_notification_is_made_good_by_the_clients_return(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let (order, _) = citizen.pays_unheard("2023-01").await;
    assert_eq!(citizen.label(&order).await, "支付中");
    assert_eq!(citizen.sync(&order).await["label"], "已支付待入账");
    assert_posted(&citizen, &order).await;
    assert_eq!(town.count("notifications").await, 0);
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn a_lost_notification_is_made_good_by_asking_after_five_seconds(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let (order, _) = citizen.pays_unheard("2023-01").await;
    town.pass(4).await;
    assert_eq!(citizen.label(&order).await, "支付中");
    town.pass(1).await;
    assert_posted(&citizen, &order).await;
    assert_eq!(town.count("notifications").await, 0);
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn coming_back_without_having_paid_changes_nothing(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    citizen.starts_paying(&order).await;
    let before = town.dump().await;
    assert_eq!(citizen.sync(&order).await["label"], "支付中");
    town.fault(channel, "query", FaultKind::WrongSignature);
    assert_eq!(citizen.sync(&order).await["label"], "支付中");
    assert!(town.dump().await == before, "something was written");
    town.close().await;
}

/// Our own books know that the bills are booked: the money goes back at once, whatever the agency is doing.
#[rstest]
#[tokio::test]
async fn late_money_for_booked_bills_does_not_wait_for_the_agency(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let first = citizen.orders("2023-01").await;
    let started = citizen.starts_paying(&first).await;
    citizen.cancels(&first).await.expect(200);
    let late = town.notification(channel, &started.out_trade_no, |_| ());
    let placed = citizen.place("second", &first.wish).await.expect(201);
    let order_no = placed["order_no"].as_str().unwrap().to_owned();
    let second = Order { order_no, ..first.clone() };
    let paying = citizen.starts_paying(&second).await;
    citizen.pays(&paying).expect("the second order can be paid");
    town.mocks.settle().await;
    assert_posted(&citizen, &second).await;
    let (from, until) = (town.now(), town.now().plus(Duration::from_secs(36_000)));
    let away = agency::FaultKind::MaintenanceWindow { from, until };
    let away = AgencyFault::always(AgencyOperation::PostPayment, away);
    town.mocks.agency().add_fault(AgencyFault { operation: None, ..away });
    town.deliver(&late).await.acknowledged(channel);
    let planned = town.column("SELECT CAST(sum(amount_fen) AS TEXT) FROM refunds").await;
    assert_eq!(planned, [first.amount.get().to_string()]);
    town.run_jobs().await;
    assert_eq!(town.booked(&first), []);
    town.close().await;
}

/// The channel was away for so long that the order's own expiry stopped trying; the question that finds
/// the attempt over ends the order as well.
#[rstest]
#[tokio::test]
async fn an_order_whose_expiry_stopped_ends_with_its_last_attempt(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Alipay, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    citizen.starts_paying(&order).await;
    let away = Fault {
        times: 9_999,
        ..Fault::next("alipay.query".parse().unwrap(), FaultKind::GatewayPage)
    };
    town.mocks.set_fault(away).unwrap();
    for _ in 0..400 {
        if town.cases().await.contains(&"job_parked".to_owned()) {
            break;
        }
        town.run_jobs().await;
        let next = town.parts.orders.next_job_at().await.unwrap().expect("somebody tries");
        town.clock.set(next.max(town.now()));
    }
    assert!(town.cases().await.contains(&"job_parked".to_owned()), "{:?}", town.cases().await);
    assert_eq!(town.column("SELECT state FROM orders").await, ["PAYING"]);
    town.mocks.clear_faults();
    town.pass(3_600).await;
    assert_eq!(town.column("SELECT state FROM orders").await, ["CLOSED"]);
    assert_eq!(town.column("SELECT state FROM payments").await, ["closed"]);
    town.close().await;
}
