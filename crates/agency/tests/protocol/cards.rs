//! Kinds of bills, social cards and money for the account on them.

use agency::{Agency, BillQuery, BillState, CardNo, CardQuery, CardState, Objection, TopupRequest};
use kernel::{BillKind, Fen, Insurance};
use rstest::rstest;

use crate::{
    bills::by_name,
    office::{LI_SI, Office, ZHANG_SAN, code, identity, lock, months, no, order, pension, posting},
};

fn card(number: &str) -> CardNo {
    CardNo::new(number).expect("a number")
}

fn topup(person: (&str, &str), number: &str, yuan: &str) -> TopupRequest {
    TopupRequest {
        agency: code("320200-med"),
        identity: identity(person),
        card_no: card(number),
        amount: Fen::from_yuan(yuan).expect("an amount"),
    }
}

fn question(person: (&str, &str), from: &str, count: u32, kind: BillKind) -> BillQuery {
    let insurance = match kind {
        BillKind::Topup => Insurance::Medical,
        BillKind::Resident => Insurance::ResidentMedical,
        _ => Insurance::Pension,
    };
    let agency = if insurance == Insurance::Pension { pension() } else { code("320200-med") };
    let months = months(from, count);
    BillQuery { agency, identity: identity(person), insurance, months, kind }
}

#[rstest]
#[case("600000001", "600000001")]
#[case(" 6000-0000 1", "600000001")]
#[case("a12345678", "A12345678")]
fn a_card_number_is_read_without_blanks_and_in_capitals(#[case] typed: &str, #[case] read: &str) {
    assert_eq!(card(typed).as_str(), read);
    assert_eq!(format!("{:?}", card(typed)), "CardNo");
}

#[rstest]
#[case("")]
#[case("123")]
#[case("6222 0212 3456 7890 123")]
#[case("六零零")]
fn what_no_card_bears_is_no_number(#[case] typed: &str) {
    assert_eq!(CardNo::new(typed), None);
}

#[tokio::test]
async fn missed_months_come_only_when_asked_for() {
    let office = Office::open().await;
    let person = by_name("严补");
    let regular = question(person, "2022-01", 24, BillKind::Regular);
    let regular = office.client.query_bills(&regular).await.expect("bills");
    assert_eq!(regular.len(), 12);
    assert!(regular.iter().all(|bill| bill.kind == BillKind::Regular));
    let missed = question(person, "2022-01", 12, BillKind::BackPayment);
    let missed = office.client.query_bills(&missed).await.expect("bills");
    let told: Vec<_> = missed
        .iter()
        .map(|bill| (bill.months.from().to_string(), bill.amount.to_string()))
        .collect();
    let expected = [("2022-11", "850.00"), ("2022-12", "850.00")];
    assert_eq!(told, expected.map(|(month, amount)| (month.to_owned(), amount.to_owned())));
    assert!(missed.iter().all(|bill| bill.kind == BillKind::BackPayment));
    assert_eq!(missed[0].due_until, Some(crate::office::time("2023-12-31T23:59:59+08:00")));
}

#[tokio::test]
async fn a_standard_that_came_late_is_billed_as_a_difference() {
    let office = Office::open().await;
    let bills = office.pension_bills(by_name("姜差")).await;
    let early: Vec<_> = bills
        .iter()
        .filter(|bill| bill.months.to().month() <= 3)
        .map(|bill| (bill.kind, bill.state, bill.amount.to_string()))
        .collect();
    let paid = (BillKind::Regular, BillState::Paid, "850.00".to_owned());
    let owed = (BillKind::Difference, BillState::Due, "48.80".to_owned());
    assert_eq!(early, [paid.clone(), owed.clone(), paid.clone(), owed.clone(), paid, owed]);
}

#[rstest]
#[case("孙小雨", "college_student", "280.00")]
#[case("金老", "elderly", "550.00")]
#[case("魏居", "other", "780.00")]
#[tokio::test]
async fn a_resident_pays_the_year_of_a_category(
    #[case] name: &str,
    #[case] category: &str,
    #[case] amount: &str,
) {
    let office = Office::open().await;
    let asked = question(by_name(name), "2024-01", 12, BillKind::Resident);
    let bills = office.client.query_bills(&asked).await.expect("bills");
    assert_eq!(bills.len(), 1);
    assert_eq!(bills[0].kind, BillKind::Resident);
    assert_eq!(bills[0].category.as_ref().map(|category| category.code.as_str()), Some(category));
    assert_eq!(bills[0].amount.to_string(), amount);
}

#[tokio::test]
async fn a_pupil_pays_at_school() {
    let office = Office::open().await;
    let pupil = question(by_name("陶学"), "2024-01", 12, BillKind::Resident);
    assert_eq!(office.client.query_bills(&pupil).await, no(Objection::SchoolBilled));
}

#[tokio::test]
async fn a_card_is_told_by_its_tail_and_to_its_holder_only() {
    let office = Office::open().await;
    let ask = |person, card_no| CardQuery {
        agency: code("320200-med"),
        identity: identity(person),
        card_no,
    };
    let own = office.client.query_card(&ask(ZHANG_SAN, Some(card("600000001")))).await;
    let own = own.expect("a card");
    assert_eq!((own.state, own.personal_account), (CardState::Active, true));
    assert_eq!(own.card_tail.as_deref(), Some("0001"));
    let other = office.client.query_card(&ask(LI_SI, Some(card("600000001")))).await;
    assert_eq!(other, no(Objection::IdentityMismatch));
    let idle = office.client.query_card(&ask(by_name("华卡"), None)).await.expect("a card");
    assert_eq!(idle.state, CardState::NotActivated);
}

#[tokio::test]
async fn a_topup_is_a_bill_of_its_own_kind() {
    let office = Office::open().await;
    let bill = office.client.create_topup(&topup(ZHANG_SAN, "600000001", "100.00")).await;
    let bill = bill.expect("a bill");
    assert_eq!((bill.kind, bill.tier_no, bill.base), (BillKind::Topup, None, None));
    let again = office.client.create_topup(&topup(ZHANG_SAN, "600000001", "100.00")).await;
    assert_eq!(again, Ok(bill.clone()), "the same wish is the same bill");

    let asked = question(ZHANG_SAN, "2023-06", 1, BillKind::Topup);
    assert_eq!(office.client.query_bills(&asked).await, Ok(vec![bill.clone()]));
    let medical = office.bills(ZHANG_SAN, Insurance::Medical).await.expect("bills");
    assert!(medical.iter().all(|bill| bill.kind == BillKind::Regular), "never among premiums");

    let mut request = lock(1, std::slice::from_ref(&bill), "2023-06-15T10:30:00+08:00");
    request.agency = code("320200-med");
    office.client.lock_bills(&request).await.expect("a lock");
    let posted = office.client.post_payment(&posting(1, &bill)).await.expect("a booking");
    let standing = office.client.query_posting(&code("320200-med"), &order(1), &bill.bill_no).await;
    assert_eq!(standing, Ok(agency::PostingStanding::Posted(posted)));
}

#[rstest]
#[case::another_card("张三", "600000002", "100.00", Objection::IdentityMismatch)]
#[case::not_activated("华卡", "600000039", "100.00", Objection::CardNotActivated)]
#[case::too_much("张三", "600000001", "5000.01", Objection::TopupLimit)]
#[tokio::test]
async fn a_topup_is_refused_with_a_reason(
    #[case] name: &str,
    #[case] number: &str,
    #[case] yuan: &str,
    #[case] objection: Objection,
) {
    let office = Office::open().await;
    let refused = office.client.create_topup(&topup(by_name(name), number, yuan)).await;
    assert_eq!(refused, no(objection));
}

#[tokio::test]
async fn one_day_takes_ten_thousand_yuan() {
    let office = Office::open().await;
    for number in 1..=2 {
        let bill = office.client.create_topup(&topup(ZHANG_SAN, "600000001", "5000.00")).await;
        office.client.post_payment(&posting(number, &bill.expect("a bill"))).await.expect("booked");
    }
    let third = office.client.create_topup(&topup(ZHANG_SAN, "600000001", "0.01")).await;
    assert_eq!(third, no(Objection::TopupLimit));
}
