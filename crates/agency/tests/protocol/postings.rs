use std::{sync::Arc, time::Duration};

use agency::{Agency, AgencyRefundState, BillState, Objection, PostingStanding};
use kernel::Fen;
use rstest::rstest;

use crate::{
    bills::by_name,
    office::{LI_SI, Office, ZHANG_SAN, lock, no, order, pension, posting, time},
};

#[tokio::test]
async fn a_posting_told_twice_is_booked_once() {
    let office = Office::open().await;
    let bill = &office.pension_bills(ZHANG_SAN).await[0];
    let first = office.post(1, bill).await.expect("a posting");
    office.clock.advance(Duration::from_secs(3_600));
    assert_eq!(office.post(1, bill).await, Ok(first.clone()));
    assert_eq!(office.book.postings().len(), 1);
    let standing = office.client.query_posting(&pension(), &order(1), &bill.bill_no).await;
    assert_eq!(standing, Ok(PostingStanding::Posted(first)));
    assert_eq!(office.pension_bills(ZHANG_SAN).await[0].state, BillState::Paid);
}

#[tokio::test]
async fn another_order_for_a_posted_bill_is_refused() {
    let office = Office::open().await;
    let bill = &office.pension_bills(ZHANG_SAN).await[0];
    office.post(1, bill).await.expect("a posting");
    assert_eq!(office.post(2, bill).await, no(Objection::AlreadyPaid));
    let standing = office.client.query_posting(&pension(), &order(2), &bill.bill_no).await;
    assert_eq!(standing, Ok(PostingStanding::NotPosted));
}

#[tokio::test]
async fn one_serial_with_other_content_is_refused() {
    let office = Office::open().await;
    let bill = &office.pension_bills(ZHANG_SAN).await[0];
    let first = posting(1, bill);
    office.client.post_payment(&first).await.expect("a posting");
    let mut other = first.clone();
    other.paid_at = time("2023-06-15T09:00:00+08:00");
    assert_eq!(office.client.post_payment(&other).await, no(Objection::DuplicateRequest));
    let mut other = first;
    other.bill.amount = Fen::new(1).expect("an amount");
    assert_eq!(office.client.post_payment(&other).await, no(Objection::DuplicateRequest));
    assert_eq!(office.book.postings().len(), 1);
}

#[tokio::test]
async fn many_orders_racing_for_one_bill_book_it_once() {
    let office = Arc::new(Office::open().await);
    let bill = office.pension_bills(ZHANG_SAN).await.remove(0);
    let racers: Vec<_> = (0..12)
        .map(|number| {
            let (office, bill) = (office.clone(), bill.clone());
            // Two racers share each order, as two workers of one job would.
            tokio::spawn(async move { office.post(number / 2, &bill).await })
        })
        .collect();
    let mut serials = Vec::new();
    let mut refused = 0;
    for racer in racers {
        match racer.await.expect("no panic") {
            Ok(posted) => serials.push(posted.agency_serial),
            error => {
                assert_eq!(error, no(Objection::AlreadyPaid));
                refused += 1;
            }
        }
    }
    assert_eq!((serials.len(), refused), (2, 10));
    assert_eq!(serials[0], serials[1]);
    assert_eq!(office.book.postings().len(), 1);
}

#[tokio::test]
async fn a_posting_holds_to_what_was_frozen() {
    let office = Office::open().await;
    let bills = office.pension_bills(ZHANG_SAN).await;
    let mut cheaper = posting(1, &bills[0]);
    cheaper.bill.amount = Fen::new(1).expect("an amount");
    assert_eq!(office.client.post_payment(&cheaper).await, no(Objection::AmountMismatch));
    office.book.change_bill(&bills[1].bill_no, Fen::new(1).expect("an amount")).expect("a change");
    assert_eq!(office.post(1, &bills[1]).await, no(Objection::BillChanged));
    office.book.pay_elsewhere(&bills[2].bill_no).expect("a payment");
    assert_eq!(office.post(1, &bills[2]).await, no(Objection::AlreadyPaid));
    assert_eq!(office.book.postings(), []);
}

#[tokio::test]
async fn who_paid_in_time_is_posted_after_the_window() {
    let office = Office::open().await;
    let bills = office.pension_bills(ZHANG_SAN).await;
    let closing = time("2023-06-15T10:00:00+08:00");
    office.book.close_bill(&bills[0].bill_no, closing).expect("a closing");
    office.clock.advance(Duration::from_secs(3_600));
    let mut late = posting(2, &bills[0]);
    late.paid_at = time("2023-06-15T10:00:01+08:00");
    assert_eq!(office.client.post_payment(&late).await, no(Objection::OutOfWindow));
    assert!(office.post(1, &bills[0]).await.is_ok());
}

#[tokio::test]
async fn an_expired_lock_does_not_stop_its_own_order() {
    let office = Office::open().await;
    let bills = office.pension_bills(ZHANG_SAN).await;
    let request = lock(1, &bills[..1], "2023-06-15T10:30:00+08:00");
    office.client.lock_bills(&request).await.expect("a lock");
    office.clock.advance(Duration::from_secs(7_200));
    assert!(office.post(1, &bills[0]).await.is_ok());
}

#[tokio::test]
async fn a_reversal_frees_the_bill_but_not_for_the_same_order() {
    let office = Office::open().await;
    let bill = &office.pension_bills(ZHANG_SAN).await[0];
    let posted = office.post(1, bill).await.expect("a posting");
    for _ in 0..2 {
        let reversed = office.client.reverse(&pension(), &posted.agency_serial, "重复缴费").await;
        assert_eq!(reversed, Ok(()));
    }
    let standing = office.client.query_posting(&pension(), &order(1), &bill.bill_no).await;
    assert_eq!(standing, Ok(PostingStanding::Reversed));
    assert_eq!(office.post(1, bill).await, no(Objection::DuplicateRequest));
    let again = &office.pension_bills(ZHANG_SAN).await[0];
    assert_eq!((again.state, again.version), (BillState::Due, bill.version + 1));
    assert!(office.post(2, again).await.is_ok());
}

#[tokio::test]
async fn a_reversal_is_for_the_same_day_and_a_known_posting() {
    let office = Office::open().await;
    let bill = &office.pension_bills(ZHANG_SAN).await[0];
    let posted = office.post(1, bill).await.expect("a posting");
    office.clock.advance(Duration::from_secs(24 * 3_600));
    let late = office.client.reverse(&pension(), &posted.agency_serial, "重复缴费").await;
    assert_eq!(late, no(Objection::OutOfWindow));
    let missing = office.client.reverse(&pension(), "AG0", "重复缴费").await;
    assert_eq!(missing, no(Objection::NoBill));
}

#[tokio::test]
async fn a_settlement_holds_what_stands_on_the_business_date() {
    let office = Office::with(|options| options.settlement_page_lines = 2).await;
    let bills = office.pension_bills(ZHANG_SAN).await;
    for (number, bill) in (1..).zip(&bills[..6]) {
        let posted = office.post(number, bill).await.expect("a posting");
        if number == 3 {
            office.client.reverse(&pension(), &posted.agency_serial, "冲正").await.expect("ok");
        }
    }
    office.clock.set(time("2023-06-16T00:00:00+08:00"));
    office.post(7, &bills[6]).await.expect("a posting of the next day");
    let lines = office.client.download_settlement(&pension(), "2023-06-15").await.expect("lines");
    let told: Vec<&str> = lines.iter().map(|line| line.bill_no.as_str()).collect();
    let posted: Vec<&str> =
        [0, 1, 3, 4, 5].into_iter().map(|i: usize| bills[i].bill_no.as_str()).collect();
    assert_eq!(told, posted);
    assert!(lines.iter().all(|line| line.amount.to_string() == "898.80"));
    let next = office.client.download_settlement(&pension(), "2023-06-16").await;
    assert_eq!(next.map(|lines| lines.len()), Ok(1));
    let none = office.client.download_settlement(&pension(), "2023-06-17").await;
    assert_eq!(none, Ok(vec![]));
    assert!(office.client.download_settlement(&pension(), "2023-02-30").await.is_err());
}

#[rstest]
#[case("杨缴", Objection::AlreadyPaid)]
#[case("朱改", Objection::BillChanged)]
#[case("秦差", Objection::AmountMismatch)]
#[case("尤重", Objection::DuplicateRequest)]
#[tokio::test]
async fn some_default_people_are_refused_after_the_money_came(
    #[case] name: &str,
    #[case] objection: Objection,
) {
    let office = Office::open().await;
    let bill = &office.pension_bills(by_name(name)).await[0];
    for _ in 0..2 {
        assert_eq!(office.post(1, bill).await, no(objection));
    }
    assert_eq!(office.book.postings(), []);
}

#[rstest]
#[case("许维", Objection::Maintenance)]
#[case("何日", Objection::DayCutoff)]
#[tokio::test]
async fn some_default_people_are_booked_at_the_second_try(
    #[case] name: &str,
    #[case] objection: Objection,
) {
    let office = Office::open().await;
    let bill = &office.pension_bills(by_name(name)).await[0];
    assert_eq!(office.post(1, bill).await, no(objection));
    assert!(office.post(1, bill).await.is_ok());
}

#[tokio::test]
async fn refund_and_document_belong_to_a_posting() {
    let office = Office::open().await;
    let bill = &office.pension_bills(LI_SI).await[5];
    let serial = office.post(1, bill).await.expect("a posting").agency_serial;
    let refund = office.client.query_refund(&pension(), &serial).await.expect("a state");
    assert_eq!(refund.state, AgencyRefundState::None);
    office.book.refund_posting(&serial).expect("a refund");
    let refund = office.client.query_refund(&pension(), &serial).await.expect("a state");
    assert_eq!((refund.state, refund.amount), (AgencyRefundState::Refunded, Some(bill.amount)));
    let document = office.client.fetch_document(&pension(), &serial).await.expect("a document");
    assert_eq!(document.media_type, "text/plain; charset=utf-8");
    assert!(String::from_utf8(document.content).expect("text").contains("898.80"));
    assert_eq!(office.client.query_refund(&pension(), "AG0").await, no(Objection::NoBill));
}
