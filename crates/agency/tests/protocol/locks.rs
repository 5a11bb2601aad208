use std::time::Duration;

use agency::{Agency, AgencyError, BillState, Objection};
use kernel::{Fen, Insurance};

use crate::{
    bills::by_name,
    office::{Office, ZHANG_SAN, lock, no, order, pension, time},
};

const UNTIL: &str = "2023-06-15T10:30:00+08:00";

#[tokio::test]
async fn a_lock_keeps_others_out_until_it_expires() {
    let office = Office::open().await;
    let bills = office.pension_bills(ZHANG_SAN).await;
    let held = office.client.lock_bills(&lock(1, &bills[..2], UNTIL)).await.expect("a lock");
    assert_eq!(held.until, time(UNTIL));
    assert!(held.token.is_some());
    let states: Vec<BillState> =
        office.pension_bills(ZHANG_SAN).await.iter().map(|bill| bill.state).collect();
    assert_eq!(states[..3], [BillState::Locked, BillState::Locked, BillState::Due]);
    let other = lock(2, &bills[1..3], "2023-06-15T11:00:00+08:00");
    assert_eq!(office.client.lock_bills(&other).await, no(Objection::BillLocked));
    assert_eq!(office.post(2, &bills[1]).await, no(Objection::BillLocked));
    office.clock.advance(Duration::from_secs(30 * 60 - 1));
    assert_eq!(office.client.lock_bills(&other).await, no(Objection::BillLocked));
    office.clock.advance(Duration::from_secs(1));
    assert!(office.client.lock_bills(&other).await.is_ok());
}

#[tokio::test]
async fn the_same_order_may_lock_again_and_longer() {
    let office = Office::open().await;
    let bills = office.pension_bills(ZHANG_SAN).await;
    let first = office.client.lock_bills(&lock(1, &bills, UNTIL)).await.expect("a lock");
    let longer = lock(1, &bills, "2023-06-15T11:00:00+08:00");
    let second = office.client.lock_bills(&longer).await.expect("a lock");
    assert_eq!(second.token, first.token);
    assert_eq!(second.until, longer.until);
}

#[tokio::test]
async fn one_refused_bill_leaves_all_free() {
    let office = Office::open().await;
    let bills = office.pension_bills(ZHANG_SAN).await;
    office.client.lock_bills(&lock(1, &bills[2..3], UNTIL)).await.expect("a lock");
    let all = office.client.lock_bills(&lock(2, &bills[..3], UNTIL)).await;
    assert_eq!(all, no(Objection::BillLocked));
    let states: Vec<BillState> =
        office.pension_bills(ZHANG_SAN).await.iter().map(|bill| bill.state).collect();
    assert_eq!(states[..3], [BillState::Due, BillState::Due, BillState::Locked]);
}

#[tokio::test]
async fn releasing_frees_what_the_order_holds_and_nothing_else() {
    let office = Office::open().await;
    let bills = office.pension_bills(ZHANG_SAN).await;
    office.client.lock_bills(&lock(1, &bills[..1], UNTIL)).await.expect("a lock");
    office.client.unlock_bills(&pension(), &order(2)).await.expect("nothing to release");
    assert_eq!(office.pension_bills(ZHANG_SAN).await[0].state, BillState::Locked);
    office.client.unlock_bills(&pension(), &order(1)).await.expect("a release");
    assert_eq!(office.pension_bills(ZHANG_SAN).await[0].state, BillState::Due);
}

#[tokio::test]
async fn a_bill_that_is_not_as_it_was_frozen_is_not_locked() {
    let office = Office::open().await;
    let bills = office.pension_bills(ZHANG_SAN).await;
    let request = lock(1, &bills[..1], UNTIL);
    let mut cheaper = request.clone();
    cheaper.bills[0].amount = Fen::new(1).expect("an amount");
    assert_eq!(office.client.lock_bills(&cheaper).await, no(Objection::AmountMismatch));
    let new_amount = Fen::new(90_000).expect("an amount");
    office.book.change_bill(&bills[0].bill_no, new_amount).expect("a change");
    assert_eq!(office.client.lock_bills(&request).await, no(Objection::BillChanged));
    office.book.pay_elsewhere(&bills[0].bill_no).expect("a payment");
    assert_eq!(office.client.lock_bills(&request).await, no(Objection::AlreadyPaid));
    let mut missing = request.clone();
    missing.bills[0].bill_no = crate::office::bill_no("320200P2023019999");
    assert_eq!(office.client.lock_bills(&missing).await, no(Objection::NoBill));
}

#[tokio::test]
async fn a_closed_bill_is_not_locked() {
    let office = Office::open().await;
    let bills = office.pension_bills(ZHANG_SAN).await;
    let closing = time("2023-06-15T09:59:59+08:00");
    office.book.close_bill(&bills[0].bill_no, closing).expect("a closing");
    let answer = office.client.lock_bills(&lock(1, &bills[..1], UNTIL)).await;
    assert_eq!(answer, no(Objection::OutOfWindow));
    assert_eq!(office.pension_bills(ZHANG_SAN).await[0].due_until, Some(closing));
}

#[tokio::test]
async fn no_lock_lasts_longer_than_a_day() {
    let office = Office::open().await;
    let bills = office.pension_bills(ZHANG_SAN).await;
    let greedy = lock(1, &bills, "2023-12-31T00:00:00+08:00");
    let held = office.client.lock_bills(&greedy).await.expect("a lock");
    assert_eq!(held.until, time("2023-06-16T10:00:00+08:00"));
    let empty = office.client.lock_bills(&lock(1, &[], UNTIL)).await;
    assert_eq!(empty, Err(AgencyError::Misconfigured("BAD_REQUEST".into())));
}

#[tokio::test]
async fn an_agency_that_cannot_lock_gives_no_token() {
    let office = Office::with(|options| options.can_lock = false).await;
    let bills = office.pension_bills(ZHANG_SAN).await;
    let held = office.client.lock_bills(&lock(1, &bills, UNTIL)).await.expect("an answer");
    assert_eq!(held.token, None);
    assert!(office.client.lock_bills(&lock(2, &bills, UNTIL)).await.is_ok());
}

#[tokio::test]
async fn the_default_people_of_locking_behave() {
    let office = Office::open().await;
    let taken = office.pension_bills(by_name("沈占")).await;
    let answer = office.client.lock_bills(&lock(1, &taken[..1], UNTIL)).await;
    assert_eq!(answer, no(Objection::BillLocked));

    let changing = by_name("韩变");
    let before = office.pension_bills(changing).await;
    let answer = office.client.lock_bills(&lock(2, &before[..1], UNTIL)).await;
    assert_eq!(answer, no(Objection::BillChanged));
    let after = office.bills(changing, Insurance::Pension).await.expect("bills");
    assert_eq!(after[0].amount.to_string(), "899.80");
    assert!(office.client.lock_bills(&lock(2, &after[..1], UNTIL)).await.is_ok());
}
