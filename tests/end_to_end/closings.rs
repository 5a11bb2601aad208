//! A person closes what they settled, and nothing that still needs them.

use std::time::Duration;

use kernel::{Channel, SystemClock};
use mock_providers::{
    Fault,
    agency::{AgencyFault, AgencyOperation, FaultKind},
};
use orders::{CaseClosing, CaseError, CaseOutcome};
use rstest::rstest;

use crate::town::{Backend, NONE, Order, Town, command, insured};

fn said(outcome: CaseOutcome) -> CaseClosing {
    CaseClosing {
        outcome,
        by: "值班 7".to_owned(),
        note: "已在商户平台核对".to_owned(),
        approved_by: Some("值班 3".to_owned()),
    }
}

async fn open_case(town: &Town) -> orders::Case {
    town.parts.orders.open_cases(1).await.expect("the cases").remove(0)
}

#[rstest]
#[tokio::test]
async fn money_that_fits_nothing_is_closed_only_as_returned_or_not_ours(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    let started = citizen.starts_paying(&order).await;
    let told = async || {
        let message = town.notification(channel, &started.out_trade_no, |craft| {
            craft.claimed_out_trade_no = Some("OTHERSYSTEM0001".to_owned());
            craft.transaction_id = Some("4200001234202601010000000001".to_owned());
        });
        town.deliver(&message).await.acknowledged(channel);
    };
    told().await;
    let case = open_case(&town).await;
    let close = async |outcome| town.parts.orders.close_case(case.id, said(outcome)).await;
    let refused = close(CaseOutcome::Settled).await;
    assert!(matches!(refused, Err(CaseError::Money)), "{refused:?}");
    let before = town.parts.orders.audit().await.expect("an audit");
    assert_eq!(before.unexplained, order.amount);
    close(CaseOutcome::ReturnedByHand).await.expect("closed");
    assert!(matches!(close(CaseOutcome::NotOurs).await, Err(CaseError::NotFound)), "once");
    told().await;
    assert_eq!(town.cases().await, NONE, "the same message again is no news");
    let after = town.parts.orders.audit().await.expect("an audit");
    assert!(after.holds(), "{after}");
    assert_eq!((after.receipts.get(), after.unexplained.get()), (0, 0));
    let kept = town.column("SELECT closings_json FROM cases").await;
    assert!(kept[0].contains("returned_by_hand") && kept[0].contains("值班 7"), "{kept:?}");
    citizen.cancels(&order).await;
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn what_nobody_else_looks_at_stays_open(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let (order, _) = citizen.pays_for("2023-01").await;
    for operation in [AgencyOperation::PostPayment, AgencyOperation::QueryPosting] {
        town.mocks.agency().add_fault(AgencyFault::always(operation, FaultKind::Http500));
    }
    let gives_up = async || {
        for _ in 0..60 {
            town.run_jobs().await;
            let Some(next) = town.parts.orders.next_job_at().await.expect("a time") else { break };
            town.clock.set(next.max(town.now()));
        }
        town.cases().await
    };
    assert_eq!(gives_up().await, ["posting_unresolved"; 2]);
    let cases = town.parts.orders.open_cases(2).await.expect("the cases");
    let settled = async |case: &orders::Case| {
        town.parts.orders.close_case(case.id, said(CaseOutcome::Settled)).await
    };
    for case in &cases {
        let refused = settled(case).await;
        assert!(matches!(refused, Err(CaseError::StillNeeded(_))), "{refused:?}");
    }
    assert_eq!(town.cases().await, ["posting_unresolved"; 2]);
    // Tried again in vain, it is the same doubt.
    let number = order.order_no.parse().expect("a number");
    town.parts.orders.retry(&number).await.expect("it goes on");
    assert_eq!(gives_up().await, ["posting_unresolved"; 2]);
    // The agency is back: the order ends, and so may the cases.
    town.mocks.agency().clear_faults();
    town.parts.orders.retry(&number).await.expect("it goes on");
    town.pass(600).await;
    let mut citizen = citizen;
    citizen.logs_in_again().await;
    assert_eq!(citizen.label(&order).await, "缴费成功");
    for case in town.parts.orders.open_cases(9).await.expect("the cases") {
        settled(&case).await.expect("nothing is left to do");
    }
    assert!(town.parts.orders.audit().await.expect("an audit").holds());
    town.close().await;
}

#[rstest]
#[case::no_name("", "已核对")]
#[case::no_note("值班 7", " ")]
#[case::two_lines("值班 7", "一\n二")]
#[tokio::test]
async fn who_closes_says_who_and_why(#[case] by: &str, #[case] note: &str) {
    let town = Town::new(Backend::Embedded).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let (order, _) = citizen.pays_for("2023-01").await;
    town.settle().await;
    let path = format!("/api/v1/orders/{}/objections", order.order_no);
    let wish = serde_json::json!({ "reason": "other", "evidence_text": "请核对" });
    citizen.post(&path, &wish).await.expect(201);
    let case = open_case(&town).await;
    let (by, note) = (by.to_owned(), note.to_owned());
    let closing = CaseClosing { outcome: CaseOutcome::Settled, by, note, approved_by: None };
    let refused = town.parts.orders.close_case(case.id, closing).await;
    assert!(matches!(refused, Err(CaseError::Text)), "{refused:?}");
    let refused = town.parts.orders.close_case(case.id, said(CaseOutcome::Settled)).await;
    assert!(matches!(refused, Err(CaseError::Disputed)), "a citizen waits: {refused:?}");
    town.close().await;
}

#[rstest]
#[tokio::test]
async fn an_operator_closes_a_case_by_command(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    // Commands run by the machine's clock.
    town.clock.set(kernel::Clock::now(&SystemClock::default()));
    let mut citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let (order, _) = citizen.pays_for("2023-01").await;
    town.run_jobs().await;
    town.clock.advance(Duration::from_secs(40 * 3_600));
    citizen.logs_in_again().await;
    let wish = orders::TakeBack {
        order_no: order.order_no.parse().expect("a number"),
        bill_no: None,
        agency: None,
        refundable_seen: order.amount,
        reason: "缴费人申请撤销".to_owned(),
    };
    town.parts.orders.take_back(&wish).await.expect("begun");
    town.pass(600).await;
    assert_eq!(town.cases().await, ["reversal_refused"; 2]);
    let config = town.config();
    let id = open_case(&town).await.id.to_string();
    let arguments = ["cases", "--config", &config, "--close", &id, "--as", "settled"];
    let ended = command(&arguments).await;
    assert_eq!(ended.status.code(), Some(2), "who and why are missing");
    let ended =
        command(&[&arguments[..], &["--by", "值班 7", "--note", "已告知退费办法"]].concat()).await;
    let told = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(told, format!("reversal_refused is closed (order {})\n", order.order_no));
    assert_eq!(town.cases().await, ["reversal_refused"]);
    assert!(town.parts.orders.audit().await.expect("an audit").holds());
    town.close().await;
}

/// Another amount came for a number of ours. Nobody pays that order until a person has settled it; then
/// it is over, and its bills can be paid.
#[rstest]
#[case::returned(CaseOutcome::ReturnedByHand, "已退款")]
#[case::not_ours(CaseOutcome::NotOurs, "已关闭")]
#[tokio::test]
async fn an_order_that_a_wrong_amount_stopped_ends_with_its_case(
    #[case] outcome: CaseOutcome,
    #[case] label: &str,
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(channel, insured("张三")).await;
    let order = citizen.orders("2023-01").await;
    let started = citizen.starts_paying(&order).await;
    let wrong = town.notification(channel, &started.out_trade_no, |craft| {
        craft.amount_fen = Some(order.amount.get() + 1);
    });
    town.deliver(&wrong).await.acknowledged(channel);
    assert_eq!(citizen.label(&order).await, "处理中");
    citizen.cancels(&order).await.refused(409, "order_moved_on");
    citizen.place("again", &order.wish).await.refused(409, "bill_in_other_order");
    let case = open_case(&town).await;
    let refused = town.parts.orders.close_case(case.id, said(CaseOutcome::Settled)).await;
    assert!(matches!(refused, Err(CaseError::Money)), "{refused:?}");
    town.parts.orders.close_case(case.id, said(outcome)).await.expect("closed");
    assert_eq!(citizen.label(&order).await, label);
    town.deliver(&wrong).await.acknowledged(channel);
    assert_eq!(citizen.label(&order).await, label, "the same message again is no news");
    let placed = citizen.place("again", &order.wish).await.expect(201);
    let again = Order { order_no: placed["order_no"].as_str().unwrap().to_owned(), ..order };
    let started = citizen.starts_paying(&again).await;
    citizen.pays(&started).expect("the wallet pays");
    town.settle().await;
    assert_eq!(citizen.label(&again).await, "缴费成功");
    // The first attempt's number is ended at the channel as well.
    town.pass(3_000).await;
    let open = town.column("SELECT state FROM payments WHERE state IN ('prepared', 'open')").await;
    assert_eq!(open, NONE);
    town.close().await;
}

/// The money of a stopped order turns out to be right after all: it is the order's payment.
#[rstest]
#[tokio::test]
async fn money_that_fits_after_its_misfit_was_returned_is_posted(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let (order, started) = citizen.pays_unheard("2023-01").await;
    let wrong = town.notification(Channel::Wechat, &started.out_trade_no, |craft| {
        craft.amount_fen = Some(order.amount.get() + 1);
        craft.transaction_id = Some("4200009999202306150000000001".to_owned());
    });
    town.deliver(&wrong).await.acknowledged(Channel::Wechat);
    let case = open_case(&town).await;
    let returned = said(CaseOutcome::ReturnedByHand);
    town.parts.orders.close_case(case.id, returned).await.expect("closed");
    assert_eq!(citizen.label(&order).await, "已退款");
    town.pass(60).await;
    assert_eq!(citizen.label(&order).await, "缴费成功");
    town.close().await;
}

/// A citizen's objection is about something else: it does not stand in for the person who must look at a
/// refund, and it may be withdrawn.
#[rstest]
#[tokio::test]
async fn an_objection_does_not_look_at_a_refund(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("杨缴")).await;
    let refusal = mock_providers::FaultKind::refusal("USER_ACCOUNT_ABNORMAL").expect("a refusal");
    let target = "wechat.refund".parse().expect("a target");
    let refusals = Fault { times: 99, ..Fault::next(target, refusal) };
    town.mocks.set_fault(refusals).expect("a fault");
    let (order, _) = citizen.pays_for("2023-01").await;
    town.pass(600).await;
    let path = format!("/api/v1/orders/{}/objections", order.order_no);
    let wish = serde_json::json!({ "reason": "other", "evidence_text": "请核对" });
    citizen.post(&path, &wish).await.expect(201);
    for case in town.parts.orders.open_cases(9).await.expect("the cases") {
        let refused = town.parts.orders.close_case(case.id, said(CaseOutcome::Settled)).await;
        assert!(
            matches!(refused, Err(CaseError::StillNeeded(_) | CaseError::Disputed)),
            "{refused:?}"
        );
    }
    assert!(town.parts.orders.audit().await.expect("an audit").holds());
    town.close().await;
}
