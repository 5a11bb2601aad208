//! A person closes what they settled, and nothing that still needs them.

use std::time::Duration;

use kernel::{Channel, SystemClock};
use mock_providers::agency::{AgencyFault, AgencyOperation, FaultKind};
use orders::{CaseClosing, CaseError, CaseOutcome};
use rstest::rstest;

use crate::town::{Backend, NONE, Town, command, insured};

fn said(outcome: CaseOutcome) -> CaseClosing {
    CaseClosing { outcome, by: "值班 7".to_owned(), note: "已在商户平台核对".to_owned() }
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
    settled(&cases[0]).await.expect("the other case still looks at the order");
    let refused = settled(&cases[1]).await;
    assert!(matches!(refused, Err(CaseError::StillNeeded(_))), "{refused:?}");
    assert_eq!(town.cases().await, ["posting_unresolved"]);
    // Tried again in vain, it is news again.
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
    let closing = CaseClosing { outcome: CaseOutcome::Settled, by, note };
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
