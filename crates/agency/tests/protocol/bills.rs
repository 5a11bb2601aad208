use agency::{Agency, AgencyError, BillQuery, BillState, EnrolmentState, Objection};
use kernel::{BillKind, Fen, Insurance};
use mock_providers::agency::DefaultPerson;
use rstest::rstest;

use crate::office::{Office, ZHANG_SAN, code, identity, months, no, pension};

#[tokio::test]
async fn a_year_of_pension_at_the_lowest_tier_is_twelve_times_898_80() {
    let bills = Office::open().await.pension_bills(ZHANG_SAN).await;
    let amounts: Vec<String> = bills.iter().map(|bill| bill.amount.to_string()).collect();
    assert_eq!(amounts, vec!["898.80"; 12]);
    assert_eq!(bills[0].bill_no.as_str(), "320200P2023010001");
    assert_eq!(bills[0].months, months("2023-01", 1));
    assert_eq!(bills[0].base, Fen::new(449_400));
    assert_eq!(bills[0].tier_no, Some(1));
    assert_eq!(bills[0].state, BillState::Due);
    assert_eq!(bills[0].components.len(), 1);
}

#[tokio::test]
async fn a_year_of_medical_is_4309_50_in_two_rates() {
    let bills = Office::open().await.bills(ZHANG_SAN, Insurance::Medical).await.expect("bills");
    let amounts: Vec<String> = bills.iter().map(|bill| bill.amount.to_string()).collect();
    assert_eq!(amounts[..3], vec!["391.00"; 3]);
    assert_eq!(amounts[3..], vec!["348.50"; 9]);
    let total = Fen::sum(bills.iter().map(|bill| bill.amount)).expect("a sum");
    assert_eq!(total.to_string(), "4309.50");
    for bill in &bills {
        let parts = Fen::sum(bill.components.iter().map(|part| part.amount));
        assert_eq!(parts, Some(bill.amount), "{}", bill.bill_no);
    }
}

#[tokio::test]
async fn only_the_months_asked_for_are_answered() {
    let office = Office::open().await;
    let query = BillQuery {
        agency: pension(),
        identity: identity(ZHANG_SAN),
        insurance: Insurance::Pension,
        months: months("2023-11", 3),
        kind: BillKind::Regular,
    };
    let bills = office.client.query_bills(&query).await.expect("bills");
    let asked: Vec<String> = bills.iter().map(|bill| bill.months.from().to_string()).collect();
    assert_eq!(asked, ["2023-11", "2023-12"]);
    let later = BillQuery { months: months("2024-01", 3), ..query };
    assert_eq!(office.client.query_bills(&later).await, Ok(vec![]));
}

#[tokio::test]
async fn an_enrolment_names_tier_number_and_arrears() {
    let office = Office::open().await;
    let enrolments = office.client.query_insured(&pension(), &identity(ZHANG_SAN)).await;
    let enrolments = enrolments.expect("enrolments");
    assert_eq!(enrolments.len(), 1);
    assert_eq!(enrolments[0].insurance, Insurance::Pension);
    assert_eq!(enrolments[0].state, EnrolmentState::Active);
    assert_eq!(enrolments[0].personal_no.as_deref(), Some("320200000001"));
    assert_eq!(enrolments[0].tier_no, Some(1));
    assert!(enrolments[0].arrears, "January to May are unpaid in June");
}

#[rstest]
#[case("周停", EnrolmentState::Suspended, Objection::AccountSuspended)]
#[case("吴退", EnrolmentState::Retired, Objection::Retired)]
#[tokio::test]
async fn who_cannot_pay_is_shown_as_such_and_gets_no_bill(
    #[case] name: &str,
    #[case] state: EnrolmentState,
    #[case] objection: Objection,
) {
    let office = Office::open().await;
    let person = by_name(name);
    let enrolments = office.client.query_insured(&pension(), &identity(person)).await;
    assert_eq!(enrolments.expect("enrolments")[0].state, state);
    assert_eq!(office.bills(person, Insurance::Pension).await, no(objection));
}

#[rstest]
#[case("钱未", Objection::NotEnrolled)]
#[case("郑单位", Objection::EmployedElsewhere)]
#[case("冯选", Objection::BaseNotDeclared)]
#[case("陈待", Objection::BasePendingPublish)]
#[case("褚无", Objection::NoBill)]
#[case("卫助", Objection::FullySubsidised)]
#[case("蒋期", Objection::OutOfWindow)]
#[tokio::test]
async fn each_default_person_meets_their_objection(
    #[case] name: &str,
    #[case] objection: Objection,
) {
    let office = Office::open().await;
    assert_eq!(office.bills(by_name(name), Insurance::Pension).await, no(objection));
}

#[tokio::test]
async fn a_wrong_name_is_refused_without_saying_which_is_wrong() {
    let office = Office::open().await;
    let wrong = (ZHANG_SAN.0, "张四");
    assert_eq!(office.bills(wrong, Insurance::Pension).await, no(Objection::IdentityMismatch));
}

#[tokio::test]
async fn a_stranger_is_enrolled_under_the_first_name_given() {
    let office = Office::open().await;
    let stranger = ("320213190001010399", "林一");
    assert_eq!(office.pension_bills(stranger).await.len(), 12);
    let other_name = (stranger.0, "林二");
    assert_eq!(office.bills(other_name, Insurance::Pension).await, no(Objection::IdentityMismatch));
}

#[tokio::test]
async fn a_strict_book_knows_no_strangers() {
    let office = Office::with(|options| options.enrol_unknown = false).await;
    let stranger = ("320213190001010399", "林一");
    assert_eq!(office.bills(stranger, Insurance::Pension).await, no(Objection::NotEnrolled));
}

#[tokio::test]
async fn people_of_the_other_cities_find_their_bills_there_only() {
    let office = Office::open().await;
    for person in DefaultPerson::ALL.iter().filter(|person| person.city != "320200") {
        let query = |agency: &str| BillQuery {
            agency: code(agency),
            identity: identity((person.document_number, person.name)),
            insurance: Insurance::Pension,
            months: months("2023-01", 12),
            kind: BillKind::Regular,
        };
        let at_home = office.client.query_bills(&query(&format!("{}-hr", person.city))).await;
        assert_eq!(at_home.map(|bills| bills.len()), Ok(12), "{}", person.city);
        let in_wuxi = office.client.query_bills(&query("320200-hr")).await;
        assert_eq!(in_wuxi, no(Objection::NotEnrolled), "{}", person.city);
    }
}

#[tokio::test]
async fn a_student_has_one_bill_for_the_year() {
    let office = Office::open().await;
    let query = BillQuery {
        agency: code("320200-med"),
        identity: identity(by_name("孙小雨")),
        insurance: Insurance::ResidentMedical,
        months: months("2024-01", 12),
        kind: BillKind::Resident,
    };
    let bills = office.client.query_bills(&query).await.expect("bills");
    assert_eq!(bills.len(), 1);
    assert_eq!(bills[0].amount.to_string(), "280.00");
    assert_eq!(bills[0].months, months("2024-01", 12));
    assert_eq!(bills[0].base, None);
}

#[tokio::test]
async fn an_agency_that_nobody_knows_is_a_matter_of_configuration() {
    let office = Office::open().await;
    let answer = office.client.query_insured(&code("999900-hr"), &identity(ZHANG_SAN)).await;
    assert_eq!(answer, Err(AgencyError::Misconfigured("UNKNOWN_AGENCY".into())));
}

pub fn by_name(name: &str) -> (&'static str, &'static str) {
    let person = DefaultPerson::ALL.iter().find(|person| person.name == name);
    let person = person.expect("a default person");
    (person.document_number, person.name)
}
