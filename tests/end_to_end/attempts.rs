//! Numbers that a channel knows and we have ended, or the other way round: what is under way while
//! somebody decides, and money that went back before we heard of it.

use std::time::Duration;

use kernel::{Channel, Fen};
use mock_providers::{FaultKind, PayRequest};
use platforms::RefundRequest;
use rstest::rstest;

use crate::town::{Backend, Citizen, NONE, Order, Town, Wire, eventually, insured};

/// The create calls of either platform.
const CREATE: [(Channel, &str); 2] = [
    (Channel::Wechat, "POST /v3/pay/transactions/jsapi"),
    (Channel::Alipay, "alipay.trade.create"),
];

fn create_call(channel: Channel) -> &'static str {
    CREATE[usize::from(channel == Channel::Alipay)].1
}

async fn number_of_payment(town: &Town) -> String {
    let numbers = town.column("SELECT out_trade_no FROM payments").await;
    assert_eq!(numbers.len(), 1, "one order has one number");
    numbers[0].clone()
}

async fn assert_posted(citizen: &Citizen<'_>, order: &Order) {
    citizen.town.run_jobs().await;
    assert_eq!(citizen.label(order).await, "缴费成功");
    assert_eq!(Fen::sum(citizen.town.booked(order)), Some(order.amount));
}

/// Asks the platform for the number, and pays it from the wallet's own list; nobody tells us.
fn pays_from_elsewhere(town: &Town, channel: Channel, number: &str) {
    town.lose_notifications(channel);
    town.mocks.pay(&PayRequest::number(channel, number)).expect("the trade can be paid");
}

/// A create call that has been under way for a minute was never there; a second one, that has just
/// been sent, is another matter.
#[rstest]
#[tokio::test]
async fn giving_up_waits_for_a_create_that_is_under_way(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let (town, wire) = Town::over_a_wire(backend, channel).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    town.fault(channel, "create", FaultKind::ErrorBeforeCommit);
    citizen.tries_to_pay(&order).await.refused(502, "channel_unavailable");
    town.clock.advance(Duration::from_secs(62));
    let gives_up = async {
        arrives(&wire, channel).await;
        citizen.cancels(&order).await.refused(409, "payment_in_progress");
        wire.release();
    };
    let (started, ()) = tokio::join!(citizen.starts_paying(&order), gives_up);
    town.lose_notifications(channel);
    citizen.pays(&started).expect("the wallet pays");
    town.mocks.settle().await;
    assert_eq!(citizen.sync(&order).await["label"], "已支付待入账");
    assert_posted(&citizen, &order).await;
    assert_eq!(town.cases().await, NONE);
    town.close().await;
}

/// Holds the next create call on the wire, and waits until it is there.
async fn arrives(wire: &Wire, channel: Channel) {
    wire.hold(create_call(channel));
    eventually("the create call on the wire", async || (wire.held() == 1).then_some(())).await;
}

/// The process stood still for longer than any call takes: the order was given up meanwhile, and then
/// its number became payable.
#[rstest]
#[case::nobody_pays(false)]
#[case::somebody_pays(true)]
#[tokio::test]
async fn a_number_that_becomes_payable_after_the_end_is_closed_or_its_money_taken(
    #[case] paid: bool,
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let (town, wire) = Town::over_a_wire(backend, channel).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    let meanwhile = async {
        arrives(&wire, channel).await;
        town.clock.advance(Duration::from_secs(61));
        assert_eq!(citizen.cancels(&order).await.expect(200)["label"], "已关闭");
        assert_eq!(town.column("SELECT state FROM payments").await, ["given_up"]);
        wire.release();
    };
    let (answer, ()) = tokio::join!(citizen.tries_to_pay(&order), meanwhile);
    answer.refused(409, "payment_in_progress");
    let number = number_of_payment(&town).await;
    if paid {
        pays_from_elsewhere(&town, channel, &number);
        assert_posted(&citizen, &order).await;
    } else {
        town.run_jobs().await;
        assert_eq!(citizen.label(&order).await, "已关闭");
        let trade = town.mocks.trade(channel, &number).expect("the trade");
        assert!(trade.state.ends_with("CLOSED"), "{}", trade.state);
        assert_eq!(town.column("SELECT state FROM payments").await, ["closed"]);
    }
    town.close().await;
}

/// The answer to the first create was lost, the second is refused: the number may be payable all the
/// same, and so nobody is told that nothing can be taken.
#[rstest]
#[case(Channel::Wechat, "RULE_LIMIT")]
#[case(Channel::Alipay, "ACQ.BUYER_ENABLE_STATUS_FORBID")]
#[tokio::test]
async fn a_refusal_after_a_lost_answer_ends_nothing(
    #[case] channel: Channel,
    #[case] refusal: &str,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    town.fault(channel, "create", FaultKind::DropAfterCommit);
    citizen.tries_to_pay(&order).await.refused(502, "channel_unavailable");
    let refusal = FaultKind::refusal(refusal).expect("a documented refusal");
    town.fault(channel, "create", refusal);
    assert!(matches!(citizen.tries_to_pay(&order).await.status, 409 | 422));
    assert_eq!(citizen.label(&order).await, "支付中");
    pays_from_elsewhere(&town, channel, &number_of_payment(&town).await);
    assert_eq!(citizen.sync(&order).await["label"], "已支付待入账");
    assert_posted(&citizen, &order).await;
    town.close().await;
}

/// The first call that reached a channel at all is refused: nobody can pay this number.
#[rstest]
#[tokio::test]
async fn a_refusal_of_the_only_create_is_the_end(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Alipay, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    let refusal = "ACQ.BUYER_ENABLE_STATUS_FORBID";
    let refusal = FaultKind::refusal(refusal).expect("a documented refusal");
    town.fault(Channel::Alipay, "create", refusal);
    citizen.tries_to_pay(&order).await.expect(409);
    assert_eq!(citizen.label(&order).await, "缴费失败");
    assert_eq!(town.column("SELECT state FROM payments").await, ["refused"]);
    citizen.place("again", &order.wish).await.expect(201);
    town.close().await;
}

/// Two telephones start at the same moment. One is refused while the other's call is under way.
#[rstest]
#[case(Channel::Wechat, "RULE_LIMIT")]
#[case(Channel::Alipay, "ACQ.BUYER_ENABLE_STATUS_FORBID")]
#[tokio::test]
async fn a_refusal_on_one_telephone_leaves_the_other_its_wallet(
    #[case] channel: Channel,
    #[case] refusal: &str,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let (town, wire) = Town::over_a_wire(backend, channel).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    let other_telephone = async {
        arrives(&wire, channel).await;
        let refusal = FaultKind::refusal(refusal).expect("a documented refusal");
        town.fault(channel, "create", refusal);
        assert!(matches!(citizen.tries_to_pay(&order).await.status, 409 | 422));
        wire.release();
    };
    let (_, ()) = tokio::join!(citizen.starts_paying(&order), other_telephone);
    pays_from_elsewhere(&town, channel, &number_of_payment(&town).await);
    town.pass(60).await;
    assert_posted(&citizen, &order).await;
    town.close().await;
}

/// Paid unheard, then returned in full on the merchant's own platform: the money is not ours to spend.
#[rstest]
#[tokio::test]
async fn money_that_went_back_before_we_heard_of_it_is_not_posted(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let (order, started) = citizen.pays_unheard("2023-01").await;
    let merchant = format!("wuxi-{channel}").parse().expect("a key");
    let account = town.parts.orders.directory().channel(&merchant).expect("the account");
    let by_hand = RefundRequest {
        out_trade_no: started.out_trade_no.parse().expect("a number"),
        out_refund_no: "BYHAND0000000000000000000001".parse().expect("a number"),
        payment_amount: order.amount,
        amount: order.amount,
        reason: "退款".to_owned(),
        notify_url: "http://127.0.0.1:9/nobody".to_owned(),
    };
    let prepared = account.prepare_refund(&by_hand).expect("a refund");
    account.request_refund(&prepared).await.expect("returned on the platform");
    assert_eq!(citizen.sync(&order).await["label"], "处理中");
    town.pass(120).await;
    assert_eq!(town.booked(&order), []);
    // Alipay tells of a refund that nobody here asked for, too.
    let cases = town.cases().await;
    assert!(cases.contains(&"paid_and_returned".to_owned()), "{cases:?}");
    let audit = town.parts.orders.audit().await.expect("an audit");
    assert_eq!((audit.unexplained, audit.posted), (order.amount, Fen::ZERO), "{audit}");
    town.close().await;
}
