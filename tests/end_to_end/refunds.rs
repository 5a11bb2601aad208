//! Money on its way back: bills taken back, agencies that undo or refund by themselves, refunds that
//! fail and go on, and money that fits nothing.

use std::time::Duration;

use futures::future::join_all;
use kernel::{Channel, Fen};
use mock_providers::{
    Fault, FaultKind, NotificationRequest,
    agency::{self, AgencyFault, AgencyOperation},
};
use orders::{CaseClosing, CaseError, CaseOutcome, OrderError, TakeBack};
use rstest::rstest;

use crate::town::{Backend, Citizen, NONE, Order, Started, Town, insured};

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// One month, paid and posted.
async fn posted(citizen: &Citizen<'_>) -> (Order, Started) {
    let (order, started) = citizen.pays_for("2023-01").await;
    citizen.town.run_jobs().await;
    assert_eq!(citizen.label(&order).await, "缴费成功");
    (order, started)
}

fn wish(order: &Order, bill: Option<&str>, seen: Fen) -> TakeBack {
    TakeBack {
        order_no: order.order_no.parse().expect("a number"),
        bill_no: bill.map(|number| number.parse().expect("a number")),
        agency: None,
        refundable_seen: seen,
        reason: "缴费人申请撤销".to_owned(),
    }
}

/// The bill of the medical insurance: number and amount.
fn medical(order: &Order) -> (String, Fen) {
    let bills = order.wish["bills"].as_array().expect("bills");
    let bill = bills.iter().find(|bill| bill["insurance"] != "pension").expect("a medical bill");
    let amount = Fen::from_yuan(bill["amount"].as_str().expect("an amount")).expect("yuan");
    (bill["bill_no"].as_str().expect("a number").to_owned(), amount)
}

#[rstest]
#[tokio::test]
async fn one_posted_bill_is_taken_back_and_its_money_returned(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let (order, started) = posted(&citizen).await;
    let (bill, amount) = medical(&order);
    let orders = &town.parts.orders;
    let number = order.order_no.parse().unwrap();
    assert_eq!(orders.refundable(&number).await.unwrap(), order.amount);
    let left = orders.take_back(&wish(&order, Some(&bill), order.amount)).await.unwrap();
    assert_eq!(Some(left), order.amount.minus(amount));
    // Asked for, not done: the balance counts it as gone, and the label does not lie yet.
    assert_eq!(orders.refundable(&number).await.unwrap(), left);
    assert_eq!(citizen.label(&order).await, "缴费成功");
    town.pass(600).await;
    assert_eq!(citizen.label(&order).await, "部分成功");
    assert_eq!(town.returned(channel, &started.out_trade_no), amount.get());
    let reversed: Vec<String> = town
        .mocks
        .agency()
        .postings()
        .iter()
        .filter(|posting| posting.reversed)
        .map(|posting| posting.bill_no.to_string())
        .collect();
    assert_eq!(reversed, [bill]);
    assert_eq!(orders.refundable(&number).await.unwrap(), left);
    assert_eq!(town.cases().await, NONE);
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn a_whole_order_is_taken_back(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let (order, started) = posted(&citizen).await;
    let left = town.parts.orders.take_back(&wish(&order, None, order.amount)).await.unwrap();
    assert_eq!(left, Fen::ZERO);
    town.pass(600).await;
    assert_eq!(citizen.label(&order).await, "已退款");
    assert_eq!(town.returned(channel, &started.out_trade_no), order.amount.get());
    // The bills are due again and can be paid again.
    let again = citizen.wish(&citizen.bills("2023-01", "2023-01").await);
    citizen.place("again", &again).await.expect(201);
    town.close().await;
}

/// The agency undoes a booking only on its day; after it, only its own procedure helps the person.
#[rstest]
#[tokio::test]
async fn what_the_agency_keeps_is_not_returned(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let mut citizen = town.citizen(channel, insured("张三")).await;
    let (order, started) = posted(&citizen).await;
    town.clock.advance(Duration::from_secs(20 * 3_600));
    citizen.logs_in_again().await;
    let (bill, _) = medical(&order);
    town.parts.orders.take_back(&wish(&order, Some(&bill), order.amount)).await.unwrap();
    town.pass(600).await;
    assert_eq!(citizen.label(&order).await, "缴费成功");
    assert_eq!(town.returned(channel, &started.out_trade_no), 0);
    assert_eq!(town.cases().await, ["reversal_refused"]);
    let number = order.order_no.parse().unwrap();
    assert_eq!(town.parts.orders.refundable(&number).await.unwrap(), order.amount);
    town.close().await;
}

/// The agency cannot be reached while a person decides that the money shall go back. Whether a
/// posting that was under way has booked, only the agency knows.
#[rstest]
#[case::nothing_was_booked(agency::FaultKind::DropBeforeCommit)]
#[case::it_was_booked(agency::FaultKind::CommitThenDrop)]
#[tokio::test]
async fn a_posting_that_waits_is_taken_back(
    #[case] fault: agency::FaultKind,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let faults =
        AgencyFault { times: Some(2), ..AgencyFault::once(AgencyOperation::PostPayment, fault) };
    town.mocks.agency().add_fault(faults);
    let (order, started) = citizen.pays_for("2023-01").await;
    assert!(town.parts.orders.run_due_jobs(16).await.unwrap() > 0);
    assert_eq!(citizen.label(&order).await, "已支付待入账");
    town.parts.orders.take_back(&wish(&order, None, order.amount)).await.unwrap();
    town.pass(900).await;
    assert_eq!(citizen.label(&order).await, "已退款");
    assert_eq!(town.returned(Channel::Wechat, &started.out_trade_no), order.amount.get());
    let standing = town.mocks.agency().postings();
    assert!(standing.iter().all(|posting| posting.reversed), "{standing:?}");
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn sixty_four_refunds_at_once_return_the_money_once(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let (order, started) = posted(&citizen).await;
    let (bill, amount) = medical(&order);
    let wishes: Vec<TakeBack> = (0..64)
        .map(|n| wish(&order, (n % 2 == 0).then_some(bill.as_str()), order.amount))
        .collect();
    let outcomes = join_all(wishes.iter().map(|wish| town.parts.orders.take_back(wish))).await;
    let granted: Vec<&Fen> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
    assert_eq!(granted.len(), 1, "{outcomes:?}");
    let left = *granted[0];
    for refused in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        let changed = |now: Fen| now == left;
        assert!(
            matches!(refused, OrderError::RefundableChanged { refundable } if changed(*refundable)),
            "{refused:?}"
        );
    }
    town.pass(900).await;
    let returned = town.returned(channel, &started.out_trade_no);
    assert_eq!(returned, order.amount.minus(left).unwrap().get());
    assert!(returned == amount.get() || returned == order.amount.get());
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn an_agency_that_undoes_a_booking_gives_the_money_back(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let mut citizen = town.citizen(channel, insured("张三")).await;
    let (order, started) = posted(&citizen).await;
    for posting in town.mocks.agency().postings() {
        town.mocks.agency().reverse_posting(&posting.agency_serial).unwrap();
    }
    town.clock.advance(DAY);
    citizen.logs_in_again().await;
    town.settle().await;
    town.pass(600).await;
    assert_eq!(citizen.label(&order).await, "已退款");
    assert_eq!(town.returned(channel, &started.out_trade_no), order.amount.get());
    let states = town.column("SELECT to_state FROM journal WHERE event = 'agency_reversed'").await;
    assert_eq!(states, ["REVERSED"]);
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn an_agency_that_refunds_by_itself_is_shown(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let mut citizen = town.citizen(Channel::Alipay, insured("张三")).await;
    let (order, started) = posted(&citizen).await;
    let postings = town.mocks.agency().postings();
    town.mocks.agency().refund_posting(&postings[0].agency_serial).unwrap();
    town.clock.advance(DAY);
    citizen.logs_in_again().await;
    town.settle().await;
    // One of two: the order stays what it was, the bill says so.
    let record = citizen.record(&order).await;
    assert_eq!(record["label"], "缴费成功");
    let labels: Vec<&str> = record["bills"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bill| bill["posting"]["label"].as_str().unwrap())
        .collect();
    assert!(labels.contains(&"已退费") && labels.contains(&"已入账"), "{labels:?}");
    town.mocks.agency().refund_posting(&postings[1].agency_serial).unwrap();
    town.clock.advance(3 * DAY);
    citizen.logs_in_again().await;
    town.settle().await;
    assert_eq!(citizen.label(&order).await, "已退费");
    let number = order.order_no.parse().unwrap();
    assert_eq!(town.parts.orders.refundable(&number).await.unwrap(), Fen::ZERO);
    assert_eq!(town.returned(Channel::Alipay, &started.out_trade_no), 0);
    town.close().await;
}

/// The number is dead, the money stayed with the merchant: a person says again, and a new number does
/// it, once.
#[rstest]
#[tokio::test]
async fn a_refund_that_the_channel_closed_goes_on_under_a_new_number(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("杨缴")).await;
    let closed =
        Fault { times: 9, ..Fault::next("wechat.refund".parse().unwrap(), FaultKind::Closed) };
    town.mocks.set_fault(closed).unwrap();
    let (order, started) = citizen.pays_for("2023-01").await;
    town.pass(900).await;
    assert_eq!(citizen.label(&order).await, "退款异常");
    assert_eq!(town.cases().await, ["refund_unfinished", "refund_unfinished"]);
    town.mocks.clear_faults();
    let retried = town.parts.orders.retry(&order.order_no.parse().unwrap()).await.unwrap();
    assert_eq!((retried.refunds, retried.amount), (2, order.amount));
    town.pass(900).await;
    assert_eq!(citizen.label(&order).await, "已退款");
    let states = town.column("SELECT state FROM refunds ORDER BY state").await;
    assert_eq!(states, ["replaced", "replaced", "succeeded", "succeeded"]);
    let trade = town.mocks.trade(Channel::Wechat, &started.out_trade_no).unwrap();
    let back = trade.refunds.iter().filter(|refund| refund.status == "SUCCESS");
    assert_eq!(back.map(|refund| refund.amount_fen).sum::<i64>(), order.amount.get());
    town.close().await;
}

/// An abnormal refund may still succeed, once somebody chose another account on the merchant's
/// platform: no new number, or the money would go back twice.
#[rstest]
#[tokio::test]
async fn an_abnormal_refund_keeps_its_number(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("杨缴")).await;
    let target = "wechat.refund".parse().unwrap();
    town.mocks.set_fault(Fault { times: 9, ..Fault::next(target, FaultKind::Abnormal) }).unwrap();
    let (order, _) = citizen.pays_for("2023-01").await;
    town.pass(900).await;
    let numbers = town.column("SELECT out_refund_no FROM refunds ORDER BY id").await;
    assert_eq!(citizen.label(&order).await, "退款异常");
    town.mocks.clear_faults();
    town.parts.orders.retry(&order.order_no.parse().unwrap()).await.unwrap();
    town.pass(900).await;
    assert_eq!(citizen.label(&order).await, "退款异常");
    assert_eq!(town.column("SELECT out_refund_no FROM refunds ORDER BY id").await, numbers);
    town.close().await;
}

/// More than was asked for: the money is counted, belongs to a case, and to nothing else.
#[rstest]
#[tokio::test]
async fn money_that_fits_nothing_is_counted(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let (order, started) = posted(&citizen).await;
    let told = [
        town.notification(channel, &started.out_trade_no, |craft| {
            craft.transaction_id = Some("4200000000000000000000000002".to_owned());
        }),
        town.notification(channel, &started.out_trade_no, |craft| {
            craft.claimed_out_trade_no = Some("NOBODYKNOWSTHISNUMBER0000000".to_owned());
            craft.transaction_id = Some("4200000000000000000000000003".to_owned());
            craft.amount_fen = Some(12_345);
        }),
        // The transaction is known: told with another amount it is a doubt, not more money.
        town.notification(channel, &started.out_trade_no, |craft| {
            craft.amount_fen = Some(order.amount.get() + 1);
        }),
    ];
    for told in told.iter().chain(&told) {
        town.deliver(told).await.acknowledged(channel);
    }
    let audit = town.parts.orders.audit().await.unwrap();
    assert!(audit.holds(), "{audit}");
    assert_eq!(audit.unexplained.get(), order.amount.get() + 12_345);
    assert_eq!(audit.receipts.get(), 2 * order.amount.get() + 12_345);
    let mut cases = town.cases().await;
    cases.sort();
    assert_eq!(cases, ["second_transaction", "unknown_order", "wrong_amount"]);
    assert_eq!(citizen.label(&order).await, "缴费成功");
    town.close().await;
}

/// A wrong amount first, then the truth about the same transaction: the money is counted once, as
/// the payment of the order.
#[rstest]
#[tokio::test]
async fn money_that_turns_out_to_fit_is_counted_once(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let (order, started) = citizen.pays_unheard("2023-01").await;
    let wrong = town.notification(channel, &started.out_trade_no, |craft| {
        craft.amount_fen = Some(order.amount.get() - 1);
    });
    town.deliver(&wrong).await.acknowledged(channel);
    assert_eq!(citizen.label(&order).await, "处理中");
    let audit = town.parts.orders.audit().await.unwrap();
    assert_eq!(audit.unexplained.get(), order.amount.get() - 1);
    town.pass(5).await;
    assert_eq!(citizen.label(&order).await, "缴费成功");
    let audit = town.parts.orders.audit().await.unwrap();
    assert_eq!((audit.receipts, audit.unexplained), (order.amount, Fen::ZERO));
    town.close().await;
}

/// Agencies number each for itself: the two bills of this order have the same number.
#[rstest]
#[tokio::test]
async fn two_agencies_may_use_one_number(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    town.mocks.agency().number_alike();
    let citizen = town.citizen(channel, insured("张三")).await;
    let (order, started) = posted(&citizen).await;
    let bills = order.wish["bills"].as_array().unwrap();
    assert_eq!((bills.len(), &bills[0]["bill_no"]), (2, &bills[1]["bill_no"]));
    assert_eq!(Fen::sum(town.booked(&order)), Some(order.amount));
    let (number, amount) = medical(&order);
    let orders = &town.parts.orders;
    let unclear = wish(&order, Some(&number), order.amount);
    let refused = orders.take_back(&unclear).await;
    assert!(matches!(refused, Err(OrderError::WhichAgency)), "{refused:?}");
    let clear = TakeBack { agency: Some("320200-med".parse().unwrap()), ..unclear };
    orders.take_back(&clear).await.unwrap();
    town.pass(600).await;
    assert_eq!(citizen.label(&order).await, "部分成功");
    assert_eq!(town.returned(channel, &started.out_trade_no), amount.get());
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn of_two_bills_with_one_number_the_refused_one_goes_back(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    town.mocks.agency().number_alike();
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let refuse = agency::FaultKind::Refuse { code: agency::AgencyCodeWord::BillChanged };
    town.mocks.agency().add_fault(AgencyFault::once(AgencyOperation::PostPayment, refuse));
    let (order, started) = citizen.pays_for("2023-01").await;
    town.pass(600).await;
    assert_eq!(citizen.label(&order).await, "部分成功");
    let booked = Fen::sum(town.booked(&order)).unwrap();
    assert_eq!(
        town.returned(Channel::Wechat, &started.out_trade_no) + booked.get(),
        order.amount.get()
    );
    town.close().await;
}

/// The service was started without the merchant account that took the money, and the agency refuses: the
/// promise stands, and is kept when the account is back.
#[rstest]
#[tokio::test]
async fn a_promise_without_its_merchant_account_is_kept_later(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("杨缴")).await;
    let (order, started) = citizen.pays_for("2023-01").await;
    let without = town.started_with(|config| config.replace("wuxi-wechat", "another-wechat")).await;
    for _ in 0..4 {
        without.orders.run_due_jobs(16).await.unwrap();
    }
    assert_eq!(citizen.label(&order).await, "退款中");
    assert_eq!(town.cases().await, ["refund_unfinished", "refund_unfinished"]);
    let audit = town.parts.orders.audit().await.unwrap();
    assert_eq!((audit.to_be_returned, audit.holds()), (order.amount, true), "{audit}");
    town.pass(900).await;
    assert_eq!(citizen.label(&order).await, "已退款");
    assert_eq!(town.returned(Channel::Wechat, &started.out_trade_no), order.amount.get());
    town.close().await;
}

/// Alipay tells only the sum of all refunds of a trade. A sum that cannot contain this refund proves
/// nothing about it: the question does.
#[rstest]
#[tokio::test]
async fn a_sum_without_this_refund_does_not_finish_it(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Alipay, insured("张三")).await;
    let (order, started) = posted(&citizen).await;
    let bills = order.wish["bills"].as_array().unwrap();
    let take = async |bill: &serde_json::Value| {
        let seen = town.parts.orders.refundable(&order.order_no.parse().unwrap()).await.unwrap();
        let number = bill["bill_no"].as_str().unwrap();
        town.parts.orders.take_back(&wish(&order, Some(number), seen)).await.unwrap();
    };
    take(&bills[0]).await;
    town.pass(60).await;
    // The second one is asked for and never accepted.
    let refusals = Fault {
        times: 99,
        ..Fault::next("alipay.refund".parse().unwrap(), FaultKind::ErrorBeforeCommit)
    };
    town.mocks.set_fault(refusals).unwrap();
    take(&bills[1]).await;
    town.pass(60).await;
    let numbers = town.column("SELECT out_refund_no FROM refunds ORDER BY id").await;
    let mut told = NotificationRequest::refund(Channel::Alipay, &started.out_trade_no);
    told.out_refund_no = Some(numbers[0].clone());
    let first = town.mocks.craft_notification(&told).unwrap();
    let forged = town.signed_by_alipay(&first, &[("out_biz_no", &numbers[1])]);
    town.deliver(&forged).await.acknowledged(Channel::Alipay);
    let states = town.column("SELECT state FROM refunds ORDER BY id").await;
    assert_eq!(states, ["succeeded", "requested"]);
    assert_eq!(town.cases().await, ["unknown_refund"]);
    town.mocks.clear_faults();
    town.pass(600).await;
    assert_eq!(citizen.label(&order).await, "已退款");
    assert_eq!(town.returned(Channel::Alipay, &started.out_trade_no), order.amount.get());
    town.close().await;
}

/// The channel will never do it: two persons say that the payer has the money by other means.
#[rstest]
#[tokio::test]
async fn a_refund_that_the_channel_refuses_is_paid_back_by_other_means(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("杨缴")).await;
    let refusal = FaultKind::refusal("USER_ACCOUNT_ABNORMAL").unwrap();
    let target = "wechat.refund".parse().unwrap();
    town.mocks.set_fault(Fault { times: 99, ..Fault::next(target, refusal) }).unwrap();
    let (order, started) = citizen.pays_for("2023-01").await;
    town.pass(600).await;
    assert_eq!(citizen.label(&order).await, "退款异常");
    let closing = |outcome, approved_by: Option<&str>| CaseClosing {
        outcome,
        by: "值班 7".to_owned(),
        note: "已转账,凭证 8842".to_owned(),
        approved_by: approved_by.map(str::to_owned),
    };
    let orders = &town.parts.orders;
    for case in orders.open_cases(9).await.unwrap() {
        let by_hand = CaseOutcome::ReturnedByHand;
        let alone = orders.close_case(case.id, closing(by_hand, None)).await;
        assert!(matches!(alone, Err(CaseError::SecondPerson)), "{alone:?}");
        let same = orders.close_case(case.id, closing(by_hand, Some("值班 7"))).await;
        assert!(matches!(same, Err(CaseError::SecondPerson)), "{same:?}");
        let settled = orders.close_case(case.id, closing(CaseOutcome::Settled, None)).await;
        assert!(matches!(settled, Err(CaseError::StillNeeded(_))), "{settled:?}");
        orders.close_case(case.id, closing(by_hand, Some("值班 3"))).await.unwrap();
    }
    let record = citizen.record(&order).await;
    assert_eq!(record["label"], "已退款");
    assert!(!record["text"].as_str().unwrap().contains("原支付账户"), "{record}");
    assert_eq!(town.returned(Channel::Wechat, &started.out_trade_no), 0);
    let audit = orders.audit().await.unwrap();
    assert_eq!((audit.returned, audit.holds()), (order.amount, true), "{audit}");
    town.close().await;
}

/// The agency says that it never booked what it booked. No money moves on such a word; a person asks,
/// and as long as the agency denies it the case comes back.
#[rstest]
#[tokio::test]
async fn a_booking_that_vanished_is_looked_at_until_it_is_settled(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let mut citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let (order, started) = posted(&citizen).await;
    let lost = AgencyFault::always(AgencyOperation::QueryPosting, agency::FaultKind::StandingLost);
    town.mocks.agency().add_fault(lost);
    town.clock.advance(DAY);
    town.settle().await;
    assert_eq!(town.cases().await, ["posting_vanished", "posting_vanished"]);
    let closing = CaseClosing {
        outcome: CaseOutcome::Settled,
        by: "值班 7".to_owned(),
        note: "经办机构答复待查".to_owned(),
        approved_by: None,
    };
    let orders = &town.parts.orders;
    for case in orders.open_cases(9).await.unwrap() {
        orders.close_case(case.id, closing.clone()).await.unwrap();
    }
    town.clock.advance(2 * DAY);
    town.settle().await;
    assert_eq!(town.cases().await, ["posting_vanished", "posting_vanished"], "still denied");
    // The agency confirms it in writing: the money goes back without being undone there.
    let wish = wish(&order, None, order.amount);
    assert_eq!(orders.return_unbooked(&wish).await.unwrap(), Fen::ZERO);
    town.pass(600).await;
    citizen.logs_in_again().await;
    assert_eq!(citizen.label(&order).await, "已退款");
    assert_eq!(town.returned(Channel::Wechat, &started.out_trade_no), order.amount.get());
    for case in orders.open_cases(9).await.unwrap() {
        orders.close_case(case.id, closing.clone()).await.unwrap();
    }
    // The ledger of the mock still has the bookings that its answers denied.
    for posting in town.mocks.agency().postings() {
        town.mocks.agency().reverse_posting(&posting.agency_serial).unwrap();
    }
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn what_the_agency_has_is_not_returned_as_never_booked(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let (order, _) = posted(&citizen).await;
    let refused = town.parts.orders.return_unbooked(&wish(&order, None, order.amount)).await;
    assert!(matches!(refused, Err(OrderError::StillBooked)), "{refused:?}");
    assert_eq!(citizen.label(&order).await, "缴费成功");
    town.close().await;
}
