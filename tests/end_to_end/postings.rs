//! The agency books, doubts and refuses; the money is booked once, given back, or on a
//! person's list.

use std::time::Duration;

use agency::{BillRef, PostingRequest};
use kernel::{Channel, Fen};
use mock_providers::agency::{AgencyCodeWord, AgencyFault, AgencyOperation, FaultKind};
use orders::Lane;
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::Value;

use crate::town::{Backend, NONE, Order, Town, insured};

/// Each of these people's first posting goes wrong in its own way (docs/agency-protocol.md).
#[rstest]
#[tokio::test]
async fn a_doubt_is_cleared_by_asking_and_the_bill_is_booked_once(
    #[values("许维", "何日", "吕问", "施问", "张断", "孔断")] name: &str,
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured(name)).await;
    let (order, _) = citizen.pays_for("2023-01").await;
    town.run_jobs().await;
    assert_eq!(citizen.label(&order).await, "已支付待入账");
    town.pass(120).await;
    assert_eq!(citizen.label(&order).await, "缴费成功");
    assert_eq!(town.booked(&order).len(), 2);
    assert_eq!(Fen::sum(town.booked(&order)), Some(order.amount));
    assert_eq!(town.cases().await, NONE);
    town.close().await;
}

/// What the agency answers to the first posting, whoever it is for.
#[rstest]
#[case::bare_500(FaultKind::Http500)]
#[case::unsigned(FaultKind::UnsignedAnswer)]
#[case::garbage(FaultKind::Garbage)]
#[case::late(FaultKind::Slow { millis: 300 })]
#[case::configuration(FaultKind::Refuse { code: AgencyCodeWord::ClockSkew })]
#[tokio::test]
async fn an_answer_that_cannot_be_believed_books_once(
    #[case] fault: FaultKind,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let posting = AgencyOperation::PostPayment;
    town.mocks.agency().add_fault(AgencyFault::once(posting, fault));
    // The first question finds no answer either.
    let standing = AgencyFault::once(AgencyOperation::QueryPosting, FaultKind::StandingUnknown);
    town.mocks.agency().add_fault(standing);
    let (order, _) = citizen.pays_for("2023-01").await;
    town.run_jobs().await;
    town.pass(120).await;
    assert_eq!(citizen.label(&order).await, "缴费成功");
    assert_eq!(town.booked(&order).len(), 2);
    assert_eq!(town.cases().await, NONE);
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn after_a_definite_no_all_the_money_goes_back(
    #[values("杨缴", "朱改", "秦差", "尤重")] name: &str,
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured(name)).await;
    let (order, started) = citizen.pays_for("2023-01").await;
    town.run_jobs().await;
    let record = citizen.record(&order).await;
    assert!(matches!(record["label"].as_str(), Some("退款中" | "已退款")), "{record}");
    assert!(record["bills"].as_array().unwrap().iter().all(|bill| state(bill) == "refused"));
    // WeChat wants a minute between two refunds of one payment.
    town.pass(10 * 60).await;
    assert_eq!(citizen.label(&order).await, "已退款");
    assert_eq!(town.returned(channel, &started.out_trade_no), order.amount.get());
    assert_eq!(town.booked(&order), []);
    assert_eq!(
        town.journal(&order).await.iter().map(|line| line.3).sum::<i64>(),
        3 * order.amount.get()
    );
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn one_booked_and_one_refused_is_a_part_of_success(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let refuse = FaultKind::Refuse { code: AgencyCodeWord::BillChanged };
    town.mocks.agency().add_fault(AgencyFault::once(AgencyOperation::PostPayment, refuse));
    let (order, started) = citizen.pays_for("2023-01").await;
    town.run_jobs().await;
    let record = citizen.record(&order).await;
    assert_eq!(record["label"], "部分成功");
    let mut states: Vec<&str> = record["bills"].as_array().unwrap().iter().map(state).collect();
    states.sort_unstable();
    assert_eq!(states, ["posted", "refused"]);
    // What is not booked goes back, to the fen.
    town.pass(10 * 60).await;
    let booked = Fen::sum(town.booked(&order)).unwrap().get();
    assert!(booked > 0);
    assert_eq!(town.returned(channel, &started.out_trade_no) + booked, order.amount.get());
    assert_eq!(citizen.label(&order).await, "部分成功");
    town.close().await;
}

fn state(bill: &Value) -> &str {
    bill["posting"]["state"].as_str().expect("a posting")
}

#[rstest]
#[tokio::test]
async fn an_agency_that_stays_away_for_a_day_is_handed_to_a_person(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let (order, _) = citizen.pays_for("2023-01").await;
    for operation in [AgencyOperation::PostPayment, AgencyOperation::QueryPosting] {
        town.mocks.agency().add_fault(AgencyFault::always(operation, FaultKind::Http500));
    }
    for _ in 0..60 {
        town.run_jobs().await;
        let Some(next) = town.parts.orders.next_job_at().await.unwrap() else { break };
        town.clock.set(next.max(town.now()));
    }
    assert_eq!(town.cases().await, ["posting_unresolved", "posting_unresolved"]);
    let state = "SELECT state FROM orders";
    assert_eq!(town.column(state).await, ["SUSPENDED"]);
    assert_eq!(town.booked(&order), []);
    town.close().await;
}

/// The first try breaks off and is still under way when the second one is refused. Nothing is promised
/// back before the first cannot arrive any more; when it does arrive meanwhile, the bill is booked.
#[rstest]
#[case::it_never_arrives(false)]
#[case::it_arrives(true)]
#[tokio::test]
async fn a_refusal_after_a_doubt_is_asked_again(
    #[case] arrives: bool,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let bills = citizen.bills("2023-01", "2023-01").await;
    let pension: Vec<Value> =
        bills.into_iter().filter(|bill| bill["insurance"] == "pension").collect();
    let wish = citizen.wish(&pension);
    let order_no = citizen.place("pension", &wish).await.expect(201)["order_no"].clone();
    let order_no = order_no.as_str().unwrap().to_owned();
    let amount = Fen::from_yuan(pension[0]["amount"].as_str().unwrap()).unwrap();
    let order = Order { order_no, amount, wish };
    let refuse = FaultKind::Refuse { code: AgencyCodeWord::BillChanged };
    for fault in [FaultKind::DropBeforeCommit, refuse] {
        let fault = AgencyFault::once(AgencyOperation::PostPayment, fault);
        town.mocks.agency().add_fault(fault);
    }
    let started = citizen.starts_paying(&order).await;
    citizen.pays(&started).expect("the wallet pays");
    town.settle().await;
    town.pass(60).await;
    let faults = town.mocks.agency().faults();
    assert!(faults.iter().all(|fault| fault.times == Some(0)), "both tries were made: {faults:?}");
    assert_eq!(citizen.label(&order).await, "已支付待入账");
    assert_eq!(town.count("refunds").await, 0);
    if arrives {
        let trade = town.mocks.trade(Channel::Wechat, &started.out_trade_no).unwrap();
        let code = pension[0]["agency"].as_str().unwrap().parse().unwrap();
        let first_try = PostingRequest {
            agency: code,
            order_no: order.order_no.parse().unwrap(),
            bill: BillRef {
                bill_no: pension[0]["bill_no"].as_str().unwrap().parse().unwrap(),
                version: u32::try_from(pension[0]["version"].as_u64().unwrap()).unwrap(),
                amount,
            },
            channel: Channel::Wechat,
            transaction_id: trade.transaction_id.unwrap(),
            paid_at: trade.paid_at.unwrap(),
        };
        let directory = town.parts.orders.directory();
        let agency = directory.agency(&first_try.agency).unwrap();
        agency.post_payment(&first_try).await.expect("it arrives at last");
    }
    town.pass(480).await;
    let booked = if arrives { vec![amount] } else { Vec::new() };
    assert_eq!(citizen.label(&order).await, if arrives { "缴费成功" } else { "已退款" });
    assert_eq!(town.booked(&order), booked);
    assert_eq!(town.cases().await, NONE);
    town.close().await;
}

/// Maintenance fails nothing, but nobody waits in silence for more than a day.
#[rstest]
#[tokio::test]
async fn maintenance_that_does_not_end_is_told_after_a_day(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let mut citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let (now, hours) = (town.now(), |hours: u64| Duration::from_secs(hours * 3_600));
    let away = FaultKind::MaintenanceWindow { from: now, until: now.plus(hours(60)) };
    town.mocks.agency().add_fault(AgencyFault::always(AgencyOperation::PostPayment, away));
    let (order, _) = citizen.pays_for("2023-01").await;
    town.run_jobs().await;
    town.clock.advance(hours(23));
    town.run_jobs().await;
    assert_eq!(town.cases().await, NONE);
    town.clock.advance(hours(2));
    town.run_jobs().await;
    assert_eq!(town.cases().await, ["posting_unresolved", "posting_unresolved"]);
    citizen.logs_in_again().await;
    assert_eq!(citizen.label(&order).await, "处理中");
    town.clock.advance(hours(40));
    town.run_jobs().await;
    citizen.logs_in_again().await;
    assert_eq!(citizen.label(&order).await, "缴费成功");
    assert_eq!(Fen::sum(town.booked(&order)), Some(order.amount));
    town.close().await;
}

/// A newer version of the program has put a job that this one does not know: it is left to that one.
#[rstest]
#[tokio::test]
async fn a_job_of_another_version_stops_nobody(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let (order, _) = citizen.pays_for("2023-01").await;
    let newer = "UPDATE jobs SET kind = 'reconcile_day' WHERE kind = 'expire_order'";
    town.parts.db.execute_unprepared(newer).await.unwrap();
    town.clock.advance(Duration::from_secs(3_600));
    town.run_jobs().await;
    let states = town.column("SELECT state FROM orders").await;
    assert_eq!(states, ["SUCCESS"]);
    let older = "UPDATE jobs SET kind = 'expire_order' WHERE kind = 'reconcile_day'";
    town.parts.db.execute_unprepared(older).await.unwrap();
    town.run_jobs().await;
    assert_eq!(Fen::sum(town.booked(&order)), Some(order.amount));
    town.close().await;
}

/// However many bills wait for an agency, a question to a channel has places of its own.
#[rstest]
#[tokio::test]
async fn bills_that_wait_for_an_agency_keep_no_question_waiting(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    for month in ["2023-01", "2023-02", "2023-03", "2023-04"] {
        citizen.pays_for(month).await;
    }
    let (order, _) = citizen.pays_unheard("2023-05").await;
    town.clock.advance(Duration::from_secs(5));
    let orders = &town.parts.orders;
    let postings = orders.claim_due(Lane::Agencies, 4).await.unwrap();
    assert_eq!(postings.len(), 4, "the agency's places are all taken");
    let mut questions = orders.claim_due(Lane::Questions, 16).await.unwrap();
    while let Some(question) = questions.pop() {
        orders.run_job(question).await;
    }
    assert_eq!(citizen.label(&order).await, "已支付待入账");
    for posting in postings {
        orders.run_job(posting).await;
    }
    town.run_jobs().await;
    town.close().await;
}
