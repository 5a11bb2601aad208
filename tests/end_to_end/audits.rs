//! The audit finds what is wrong, and the commands by which operators see and settle it.

use std::collections::BTreeSet;

use kernel::{Channel, Clock, SystemClock};
use mock_providers::{
    Fault,
    agency::{AgencyCodeWord, AgencyFault, AgencyOperation, FaultKind},
};
use rstest::rstest;
use sea_orm::ConnectionTrait;

use crate::town::{Backend, Citizen, NONE, Order, Town, command, insured};

/// Orders of many kinds: posted, closed, in part refused, returned, not returnable, being paid, waiting
/// for the agency; and money that fits nothing.
async fn busy_town(backend: Backend) -> Town {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    let label = async |citizen: &Citizen<'_>, order: &Order, label: &str| {
        assert_eq!(citizen.label(order).await, label);
    };
    let (posted, _) = citizen.pays_for("2023-01").await;
    town.run_jobs().await;
    let closed = citizen.orders("2023-02").await;
    citizen.starts_paying(&closed).await;
    citizen.cancels(&closed).await.expect(200);
    let refuse = FaultKind::Refuse { code: AgencyCodeWord::BillChanged };
    town.mocks.agency().add_fault(AgencyFault::once(AgencyOperation::PostPayment, refuse));
    let (part, _) = citizen.pays_for("2023-03").await;
    town.run_jobs().await;
    let unlucky = town.citizen(Channel::Alipay, insured("杨缴")).await;
    let (returned, _) = unlucky.pays_for("2023-01").await;
    town.pass(300).await;
    let abnormal = mock_providers::FaultKind::refusal("USER_ACCOUNT_ABNORMAL").expect("a refusal");
    let gone = citizen_with_a_closed_account(&town, abnormal).await;
    town.pass(300).await;
    let paying = citizen.orders("2023-04").await;
    citizen.starts_paying(&paying).await;
    town.mocks
        .agency()
        .add_fault(AgencyFault::always(AgencyOperation::PostPayment, FaultKind::Http500));
    let (waiting, started) = citizen.pays_for("2023-05").await;
    town.run_jobs().await;
    let stray = town.notification(Channel::Wechat, &started.out_trade_no, |craft| {
        craft.claimed_out_trade_no = Some("NOBODYKNOWSTHISNUMBER0000000".to_owned());
        craft.transaction_id = Some("4200000000000000000000000003".to_owned());
    });
    town.deliver(&stray).await.acknowledged(Channel::Wechat);
    label(&citizen, &posted, "缴费成功").await;
    label(&citizen, &closed, "已关闭").await;
    label(&citizen, &part, "部分成功").await;
    label(&unlucky, &returned, "已退款").await;
    label(&gone.0, &gone.1, "退款异常").await;
    label(&citizen, &paying, "支付中").await;
    label(&citizen, &waiting, "已支付待入账").await;
    drop(gone);
    town
}

async fn citizen_with_a_closed_account(
    town: &Town,
    abnormal: mock_providers::FaultKind,
) -> (Citizen<'_>, Order) {
    let citizen = town.citizen(Channel::Wechat, insured("朱改")).await;
    let target = "wechat.refund".parse().expect("a target");
    let refusals = Fault { times: 99, ..Fault::next(target, abnormal) };
    town.mocks.set_fault(refusals).expect("a fault");
    let (order, _) = citizen.pays_for("2023-01").await;
    town.pass(120).await;
    town.mocks.clear_faults();
    (citizen, order)
}

/// One thing that is not true any more: the table that it is in, what changes it, and a part of what the
/// audit says.
const LIES: &[(&str, &str, &str)] = &[
    // owners
    (
        "jobs",
        "DELETE FROM jobs WHERE kind = 'ask_channel' AND state = 'ready'",
        "neither a waiting question",
    ),
    (
        "jobs",
        "DELETE FROM jobs WHERE kind = 'expire_order' AND state = 'ready'",
        "has nobody who ends it",
    ),
    (
        "jobs",
        "DELETE FROM jobs WHERE kind = 'post_bill' AND state = 'ready' AND subject = (SELECT MIN(subject) FROM jobs WHERE kind = 'post_bill' AND state = 'ready')",
        "a posting that is not decided",
    ),
    (
        "jobs",
        "UPDATE jobs SET run_at_ms = run_at_ms + 86400000 WHERE kind = 'post_bill' AND state = 'ready'",
        "a posting that is not decided",
    ),
    (
        "jobs",
        "UPDATE jobs SET run_at_ms = 32503680000000 WHERE kind = 'expire_order' AND state = 'ready'",
        "has nobody who ends it",
    ),
    (
        "jobs",
        "UPDATE jobs SET subject = 'x' || subject WHERE kind = 'ask_channel' AND state = 'ready'",
        "about nothing of its order",
    ),
    (
        "jobs",
        "UPDATE jobs SET kind = 'reconcile_day' WHERE kind = 'ask_channel' AND state = 'ready'",
        "a kind that this version does not know",
    ),
    (
        "jobs",
        "UPDATE jobs SET state = 'parked' WHERE kind = 'watch_posting' AND subject = (SELECT MIN(subject) FROM jobs WHERE kind = 'watch_posting')",
        "a parked job has no open case",
    ),
    (
        "cases",
        "UPDATE cases SET closed_at_ms = 1 WHERE kind = 'refund_unfinished' AND subject = (SELECT MIN(subject) FROM cases WHERE kind = 'refund_unfinished')",
        "a refund that is not done",
    ),
    (
        "cases",
        "UPDATE cases SET kind = 'disputed' WHERE kind = 'refund_unfinished'",
        "a refund that is not done",
    ),
    // amounts
    (
        "payments",
        "UPDATE payments SET amount_fen = amount_fen + 1 WHERE state = 'paid'",
        "not for its order's amount",
    ),
    (
        "orders",
        "UPDATE orders SET amount_fen = amount_fen - 1 WHERE state = 'SUCCESS'",
        "not the sum of its bills",
    ),
    (
        "order_bills",
        "UPDATE order_bills SET amount_fen = amount_fen + 700 WHERE bill_no = (SELECT MIN(bill_no) FROM order_bills)",
        "not the sum of its bills",
    ),
    (
        "postings",
        "UPDATE postings SET amount_fen = amount_fen + CASE WHEN bill_no LIKE '%P%' THEN 100 ELSE -100 END WHERE state = 'posted'",
        "not of a bill of its order",
    ),
    (
        "refunds",
        "UPDATE refunds SET amount_fen = amount_fen - 1 WHERE state = 'succeeded'",
        "not of money that came",
    ),
    (
        "journal",
        "UPDATE journal SET amount_fen = amount_fen + 1 WHERE event = 'money_arrived'",
        "does not hold what the rows say",
    ),
    (
        "journal",
        "UPDATE journal SET amount_fen = amount_fen + CASE WHEN order_id = (SELECT id FROM orders WHERE state = 'SUCCESS') THEN 100 ELSE -100 END WHERE event = 'money_arrived' AND order_id IN (SELECT id FROM orders WHERE state IN ('SUCCESS', 'PAID'))",
        "does not hold what the rows say",
    ),
    (
        "journal",
        "UPDATE journal SET credit = 'premium:320100-hr' WHERE event = 'bill_posted'",
        "does not hold what the rows say",
    ),
    (
        "journal",
        "UPDATE journal SET debit = 'channel:alipay:wuxi-alipay' WHERE event = 'money_arrived' AND debit LIKE 'channel:wechat%'",
        "does not hold what the rows say",
    ),
    (
        "journal",
        "UPDATE journal SET payment_id = NULL WHERE event = 'money_arrived'",
        "does not hold what the rows say",
    ),
    // states
    (
        "orders",
        "UPDATE orders SET state = 'PAID' WHERE state = 'SUCCESS'",
        "not what became of its money",
    ),
    (
        "orders",
        "UPDATE orders SET state = 'CLOSED' WHERE state = 'SUCCESS'",
        "says that nothing was taken",
    ),
    (
        "orders",
        "UPDATE orders SET state = 'REFUNDED' WHERE state = 'SUCCESS'",
        "not what became of its money",
    ),
    (
        "orders",
        "UPDATE orders SET state = 'SUCCESS_PARTIAL' WHERE state = 'SUCCESS'",
        "not what became of its money",
    ),
    (
        "orders",
        "UPDATE orders SET state = 'AGENCY_REFUNDED' WHERE state = 'SUCCESS'",
        "not what became of its money",
    ),
    (
        "orders",
        "UPDATE orders SET state = 'SUCCESS' WHERE state = 'SUCCESS_PARTIAL'",
        "not what became of its money",
    ),
    (
        "orders",
        "UPDATE orders SET state = 'SUCCESS_PARTIAL' WHERE state = 'REFUNDED'",
        "not what became of its money",
    ),
    (
        "orders",
        "UPDATE orders SET state = 'REFUNDED' WHERE state = 'REFUND_FAILED'",
        "not what became of its money",
    ),
    (
        "orders",
        "UPDATE orders SET state = 'REVERSED' WHERE state = 'SUCCESS'",
        "not what became of its money",
    ),
    (
        "orders",
        "UPDATE orders SET state = 'DONE' WHERE state = 'SUCCESS'",
        "a state that nobody knows",
    ),
    (
        "orders",
        "UPDATE orders SET state = 'CREATED' WHERE state = 'CLOSED'",
        "not what became of its money",
    ),
    ("orders", "UPDATE orders SET state = 'SUSPENDED' WHERE state = 'CLOSED'", "has no open case"),
    (
        "payments",
        "UPDATE payments SET state = 'open' WHERE state = 'paid' AND order_id = (SELECT id FROM orders WHERE state = 'SUCCESS')",
        "a message says that a payment was recorded",
    ),
    (
        "payments",
        "UPDATE payments SET state = 'lost' WHERE state = 'closed'",
        "a state that nobody knows",
    ),
    (
        "postings",
        "UPDATE postings SET state = 'pending' WHERE state = 'posted'",
        "a posting that is not decided",
    ),
    (
        "postings",
        "UPDATE postings SET state = 'agency_refunded' WHERE state = 'posted' AND order_id = (SELECT id FROM orders WHERE state = 'SUCCESS')",
        "not what became of its money",
    ),
    (
        "refunds",
        "UPDATE refunds SET state = 'requested' WHERE state = 'succeeded'",
        "a refund that is not done",
    ),
    (
        "refunds",
        "UPDATE refunds SET state = 'succeeded', refunded_at_ms = 1 WHERE state = 'failed'",
        "does not hold what the rows say",
    ),
    ("refunds", "UPDATE refunds SET state = 'replaced' WHERE state = 'failed'", "waits for nobody"),
    // journal
    ("journal", "DELETE FROM journal WHERE seq = 2", "or a gap in it"),
    (
        "journal",
        "DELETE FROM journal WHERE order_id = (SELECT id FROM orders WHERE state = 'CLOSED')",
        "has no journal",
    ),
    (
        "journal",
        "UPDATE journal SET from_state = 'PAYING' WHERE event = 'all_posted'",
        "does not hang together",
    ),
    (
        "journal",
        "UPDATE journal SET event = 'some_posted' WHERE event = 'all_posted'",
        "tells what cannot happen",
    ),
    (
        "journal",
        "UPDATE journal SET event = 'noted' WHERE event = 'bill_posted'",
        "tells what cannot happen",
    ),
    (
        "journal",
        "UPDATE journal SET to_state = 'REFUNDED' WHERE event = 'all_posted'",
        "ends in another state",
    ),
    // rows
    (
        "payments",
        "UPDATE payments SET transaction_id = NULL WHERE state = 'paid'",
        "no transaction or no time",
    ),
    (
        "payments",
        "UPDATE payments SET paid_at_ms = NULL WHERE state = 'paid'",
        "no transaction or no time",
    ),
    (
        "payments",
        "UPDATE payments SET channel = 'alipay' WHERE state = 'paid' AND channel = 'wechat'",
        "does not hold what the rows say",
    ),
    (
        "postings",
        "UPDATE postings SET agency_serial = NULL WHERE state = 'posted' AND order_id = (SELECT id FROM orders WHERE state = 'SUCCESS_PARTIAL')",
        "no serial or no time",
    ),
    (
        "postings",
        "UPDATE postings SET agency_code = '320100-hr' WHERE state = 'posted'",
        "not of a bill of its order",
    ),
    (
        "postings",
        "UPDATE postings SET order_id = (SELECT id FROM orders WHERE state = 'CLOSED') WHERE state = 'posted' AND order_id = (SELECT id FROM orders WHERE state = 'SUCCESS_PARTIAL')",
        "another order than its payment",
    ),
    (
        "refunds",
        "UPDATE refunds SET order_id = (SELECT id FROM orders WHERE state = 'CLOSED') WHERE state = 'succeeded'",
        "another order than its payment",
    ),
    (
        "postings",
        "UPDATE postings SET agency_serial = 'A1' WHERE state = 'posted'",
        "stands for two bills",
    ),
    ("refunds", "DELETE FROM refunds WHERE state = 'succeeded'", "waits for nobody"),
    (
        "order_bills",
        "UPDATE order_bills SET live = (1 = 1) WHERE order_id = (SELECT id FROM orders WHERE state = 'SUCCESS')",
        "claims bills against its state",
    ),
    (
        "order_bills",
        "UPDATE order_bills SET live = (1 = 0) WHERE order_id = (SELECT id FROM orders WHERE state = 'PAYING')",
        "claims bills against its state",
    ),
    // money that fits nothing
    ("strays", "UPDATE strays SET state = 'matched'", "said to be an order's payment"),
    ("strays", "UPDATE strays SET state = 'settled'", "and its case is open"),
    ("strays", "UPDATE strays SET amount_fen = amount_fen + 1", "no open case of its amount"),
    ("strays", "DELETE FROM strays", "about money that is not counted"),
    (
        "cases",
        "UPDATE cases SET closed_at_ms = 1 WHERE kind = 'unknown_order'",
        "no open case of its amount",
    ),
    (
        "cases",
        "UPDATE cases SET amount_fen = 1 WHERE kind = 'unknown_order'",
        "no open case of its amount",
    ),
];

#[rstest]
#[tokio::test]
async fn every_lie_in_the_books_is_found(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = busy_town(backend).await;
    let audit = async || town.parts.orders.audit().await.expect("an audit");
    let before = audit().await;
    assert!(before.holds(), "{before}");
    let sql = async |text: &str| {
        let done = town.parts.db.execute_unprepared(text).await;
        done.unwrap_or_else(|error| panic!("{text}: {error}")).rows_affected()
    };
    let tables: BTreeSet<&str> = LIES.iter().map(|(table, ..)| *table).collect();
    for table in &tables {
        sql(&format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}")).await;
    }
    let mut believed = Vec::new();
    for (table, lie, told) in LIES {
        assert!(sql(lie).await > 0, "{lie} changes nothing");
        let after = audit().await;
        if !after.breaches.iter().any(|breach| breach.contains(told)) {
            believed.push(format!("{lie}: {:?}", after.breaches));
        }
        for truth in restored(table) {
            sql(&truth).await;
        }
    }
    assert!(
        believed.is_empty(),
        "{} of {} lies:\n{}",
        believed.len(),
        LIES.len(),
        believed.join("\n")
    );
    let after = audit().await;
    assert_eq!(after, before);
    for table in &tables {
        sql(&format!("DROP TABLE kept_{table}")).await;
    }
    town.close().await;
}

/// Puts a table back as it was kept. What others refer to is changed in place.
fn restored(table: &str) -> Vec<String> {
    let columns: &[&str] = match table {
        "orders" => &["state", "amount_fen"],
        "payments" => &["state", "amount_fen", "channel", "transaction_id", "paid_at_ms"],
        other => {
            return vec![
                format!("DELETE FROM {other}"),
                format!("INSERT INTO {other} SELECT * FROM kept_{other}"),
            ];
        }
    };
    let set = columns.iter().map(|column| {
        format!("{column} = (SELECT k.{column} FROM kept_{table} k WHERE k.id = {table}.id)")
    });
    vec![format!("UPDATE {table} SET {}", set.collect::<Vec<_>>().join(", "))]
}

/// An operator looks, takes a bill back, and looks again: all with the program on a live database.
#[rstest]
#[tokio::test]
async fn an_operator_settles_an_order_by_command(
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    // Commands run by the machine's clock.
    town.clock.set(SystemClock::default().now());
    let citizen = town.citizen(Channel::Alipay, insured("张三")).await;
    let (order, started) = citizen.pays_for("2023-01").await;
    town.run_jobs().await;
    let config = town.config();
    let say = async |arguments: &[&str], code: i32| {
        let ended = command(&[arguments, &["--config", &config]].concat()).await;
        let said = String::from_utf8_lossy(&ended.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(code), "{said}{complaint}");
        format!("{said}{complaint}")
    };
    let seen = say(&["refund", "--order", &order.order_no], 0).await;
    assert_eq!(seen, "1289.80 can go back; say --refundable 1289.80 to begin\n");
    let wrong = ["refund", "--order", &order.order_no, "--refundable", "1289.79"];
    assert!(say(&wrong, 1).await.contains("1289.80 can go back now"));
    let right = ["refund", "--order", &order.order_no, "--refundable", "1289.80"];
    assert!(say(&right, 0).await.starts_with("begun; after this 0.00 can still go back"));
    assert!(say(&right, 1).await.contains("0.00 can go back now"));
    let waiting = say(&["cases"], 0).await;
    assert!(waiting.contains("0 cases are open"), "{waiting}");
    assert!(waiting.contains("take_back           2 waiting"), "{waiting}");
    town.pass(60).await;
    assert_eq!(citizen.label(&order).await, "已退款");
    assert_eq!(town.returned(Channel::Alipay, &started.out_trade_no), order.amount.get());
    let audit = say(&["audit"], 0).await;
    assert!(audit.ends_with("the equation is closed\n"), "{audit}");
    assert!(say(&["retry", "--order", &order.order_no], 0).await.starts_with("0 parked jobs"));
    let nobody = "20230615100000000ABCDEFGHJKM";
    assert!(say(&["retry", "--order", nobody], 1).await.contains("there is no such order"));
    assert_eq!(town.cases().await, NONE);
    town.close().await;
}
