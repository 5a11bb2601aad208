use std::{sync::Arc, time::Duration};

use agency::{Agency, AgencyError, Objection, PostingStanding};
use kernel::{ControlledClock, Insurance, RetryClass};
use mock_providers::agency::{AgencyCodeWord, AgencyFault, AgencyOperation, FaultKind};
use rstest::rstest;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use crate::{
    bills::by_name,
    office::{
        NOW, Office, SECRET, ZHANG_SAN, client, identity, no, order, pension, posting, time,
        unknown,
    },
};

#[tokio::test]
async fn every_objection_crosses_the_wire() {
    let office = Office::open().await;
    for objection in Objection::ALL {
        let code = AgencyCodeWord::ALL.iter().find(|word| word.code() == objection.code());
        let fault = FaultKind::Refuse { code: *code.expect("the mock knows every objection") };
        office.book.add_fault(AgencyFault::once(AgencyOperation::QueryBills, fault));
        assert_eq!(office.bills(ZHANG_SAN, Insurance::Pension).await, no(*objection));
    }
    assert!(office.bills(ZHANG_SAN, Insurance::Pension).await.is_ok());
}

/// The fault, what we hear of it, and whether the agency has booked.
#[rstest]
#[case::booked_and_cut(FaultKind::CommitThenDrop, "connection lost", true)]
#[case::cut(FaultKind::DropBeforeCommit, "connection lost", false)]
#[case::booked_and_unknown(FaultKind::Unknown { booked: true }, "UNKNOWN", true)]
#[case::unknown(FaultKind::Unknown { booked: false }, "UNKNOWN", false)]
#[case::fault(FaultKind::Http500, "status 500", false)]
#[case::unsigned(FaultKind::UnsignedAnswer, "unsigned answer", true)]
#[case::garbage(FaultKind::Garbage, "answer not understood", true)]
#[tokio::test]
async fn a_doubtful_posting_is_told_as_a_doubt_and_resolved_by_asking(
    #[case] fault: FaultKind,
    #[case] reason: &str,
    #[case] booked: bool,
) {
    let office = Office::open().await;
    let bill = &office.pension_bills(ZHANG_SAN).await[0];
    office.book.add_fault(AgencyFault::once(AgencyOperation::PostPayment, fault));
    let doubt = office.post(1, bill).await;
    assert_eq!(doubt, unknown(reason));
    assert_eq!(doubt.map_err(|error| error.retry_class()), Err(RetryClass::QueryFirst));
    let standing = office.client.query_posting(&pension(), &order(1), &bill.bill_no).await;
    let posted = matches!(standing, Ok(PostingStanding::Posted(_)));
    assert_eq!((posted, office.book.postings().len()), (booked, usize::from(booked)));
    office.post(1, bill).await.expect("the second try");
    assert_eq!(office.book.postings().len(), 1);
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_a_doubt() {
    let office = Office::open().await;
    let bill = &office.pension_bills(ZHANG_SAN).await[0];
    let hasty = client(&office.base_url, SECRET, office.clock.clone(), Duration::from_millis(300));
    let slow = FaultKind::Slow { millis: 60_000 };
    office.book.add_fault(AgencyFault::once(AgencyOperation::PostPayment, slow));
    assert_eq!(hasty.post_payment(&posting(1, bill)).await, unknown("time-out"));
    assert_eq!(office.book.postings().len(), 1);
}

#[tokio::test]
async fn the_slow_default_person_is_booked_later_than_we_wait() {
    let office = Office::open().await;
    let bill = &office.pension_bills(by_name("曹慢")).await[0];
    let hasty = client(&office.base_url, SECRET, office.clock.clone(), Duration::from_millis(300));
    assert_eq!(hasty.post_payment(&posting(1, bill)).await, unknown("time-out"));
    assert_eq!(office.book.postings().len(), 1);
    assert!(office.post(1, bill).await.is_ok());
}

#[rstest]
#[case("吕问", "UNKNOWN", true)]
#[case("施问", "UNKNOWN", false)]
#[case("张断", "connection lost", true)]
#[case("孔断", "connection lost", false)]
#[tokio::test]
async fn the_default_people_of_doubt_behave(
    #[case] name: &str,
    #[case] reason: &str,
    #[case] booked: bool,
) {
    let office = Office::open().await;
    let bill = &office.pension_bills(by_name(name)).await[0];
    assert_eq!(office.post(1, bill).await, unknown(reason));
    assert_eq!(office.book.postings().len(), usize::from(booked));
    assert!(office.post(1, bill).await.is_ok());
    assert_eq!(office.book.postings().len(), 1);
}

#[tokio::test]
async fn an_agency_that_does_not_know_yet_says_so() {
    let office = Office::open().await;
    let bill = &office.pension_bills(ZHANG_SAN).await[0];
    office.post(1, bill).await.expect("a posting");
    let fault = AgencyFault::once(AgencyOperation::QueryPosting, FaultKind::StandingUnknown);
    office.book.add_fault(fault);
    let standing = office.client.query_posting(&pension(), &order(1), &bill.bill_no).await;
    assert_eq!(standing, Ok(PostingStanding::Unknown));
}

#[tokio::test]
async fn maintenance_begins_and_ends_by_the_clock() {
    let office = Office::open().await;
    let window = FaultKind::MaintenanceWindow {
        from: time("2023-06-15T22:00:00+08:00"),
        until: time("2023-06-15T23:00:00+08:00"),
    };
    office.book.add_fault(AgencyFault { operation: None, times: None, fault: window });
    let bills = || office.bills(ZHANG_SAN, Insurance::Pension);
    assert!(bills().await.is_ok());
    office.clock.set(time("2023-06-15T22:00:00+08:00"));
    assert_eq!(bills().await, no(Objection::Maintenance));
    assert_eq!(bills().await, no(Objection::Maintenance));
    office.clock.set(time("2023-06-15T23:00:00+08:00"));
    assert!(bills().await.is_ok());
    assert_eq!(office.book.faults(), []);
}

#[tokio::test]
async fn nothing_is_sent_where_nobody_listens() {
    let office = Office::open().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let client = client(&address, SECRET, office.clock.clone(), Duration::from_secs(8));
    let answer = client.query_insured(&pension(), &identity(ZHANG_SAN)).await;
    assert_eq!(answer, Err(AgencyError::NotSent));
}

async fn told_by_a_stranger(answer: ResponseTemplate) -> Result<(), AgencyError> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let clock = Arc::new(ControlledClock::at(time(NOW)));
    let client = client(&server.uri(), SECRET, clock, Duration::from_secs(8));
    client.unlock_bills(&pension(), &order(1)).await
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let endless = ResponseTemplate::new(200).set_body_bytes(vec![b' '; 2 * 1024 * 1024]);
    assert_eq!(told_by_a_stranger(endless).await, unknown("answer too long"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = ResponseTemplate::new(307).insert_header("location", "http://127.0.0.1:1/");
    assert_eq!(told_by_a_stranger(elsewhere).await, unknown("unsigned answer"));
}

#[tokio::test]
async fn a_proxy_that_answers_for_the_agency_is_a_doubt() {
    let page = ResponseTemplate::new(502).set_body_string("<html>Bad Gateway</html>");
    assert_eq!(told_by_a_stranger(page).await, unknown("status 502"));
    let page = ResponseTemplate::new(200).set_body_string("{}");
    assert_eq!(told_by_a_stranger(page).await, unknown("unsigned answer"));
}
