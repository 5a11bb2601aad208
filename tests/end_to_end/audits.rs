//! The audit finds what is wrong, and the commands by which operators see and settle it.

use kernel::{Channel, Clock, SystemClock};
use rstest::rstest;
use sea_orm::ConnectionTrait;

use crate::town::{Backend, NONE, Town, command, insured};

/// Books that were in order, and one row that is not any more.
#[rstest]
#[case::a_payment_forgotten("UPDATE payments SET state = 'closed'", "the equation is not closed")]
#[case::a_fen_too_little_posted(
    "UPDATE postings SET amount_fen = amount_fen - 1 WHERE bill_no LIKE '%P%'",
    "not accounted for to the fen"
)]
#[case::a_refund_beside_a_posting(
    "INSERT INTO refunds SELECT id, order_id, payment_id, bill_no, amount_fen, 'surplus', bill_no, '', 'requested', \
     NULL, 0, 0 FROM postings",
    "its money is promised back"
)]
#[case::a_posting_undone_in_silence(
    "UPDATE postings SET state = 'pending'",
    "a posting that is not decided has neither a waiting job nor an open case"
)]
#[case::an_order_left_alone(
    "UPDATE orders SET state = 'PAID'",
    "an order that is not final has neither a waiting job nor an open case"
)]
#[case::an_order_that_says_nothing_was_taken(
    "UPDATE orders SET state = 'CLOSED'",
    "says that nothing was taken, and a payment of it is paid"
)]
#[case::a_state_without_a_line(
    "UPDATE orders SET state = 'REFUNDED'",
    "the journal ends in another state than the order"
)]
#[case::a_line_removed("DELETE FROM journal WHERE seq = 2", "or a gap in it")]
#[case::an_amount_changed_in_the_journal(
    "UPDATE journal SET amount_fen = amount_fen + 1 WHERE event = 'bill_posted'",
    "journal account premium:% holds"
)]
#[case::a_job_stopped_in_silence(
    "UPDATE jobs SET state = 'parked' WHERE kind = 'expire_order'",
    "a parked job has no open case"
)]
#[case::money_without_a_case(
    "INSERT INTO strays VALUES ('wechat', '42', 'main', 'X', 5, 'held', 'unknown_order:x', 0, 0)",
    "money that fits nothing has no open case"
)]
#[tokio::test]
async fn a_broken_book_is_found(
    #[case] breaking: &str,
    #[case] breach: &str,
    #[values(Backend::Embedded, Backend::Servers)] backend: Backend,
) {
    let town = Town::new(backend).await;
    let citizen = town.citizen(Channel::Wechat, insured("张三")).await;
    citizen.pays_for("2023-01").await;
    town.run_jobs().await;
    let before = town.parts.orders.audit().await.unwrap();
    assert!(before.holds(), "{before}");
    town.parts.db.execute_unprepared(breaking).await.unwrap();
    let after = town.parts.orders.audit().await.unwrap();
    assert!(after.breaches.iter().any(|told| told.contains(breach)), "{after}");
    assert!(after.to_string().ends_with("the books do not agree"));
    town.leave_broken().await;
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
