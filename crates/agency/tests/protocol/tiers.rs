use agency::{Agency, AgencyError, Bill, Objection, TierChoice, TierChosen};
use kernel::{Fen, Insurance};

use crate::{
    bills::by_name,
    office::{LI_SI, Office, ZHANG_SAN, identity, lock, no, pension},
};

fn choice(person: (&str, &str), tier_no: u16, from: &str) -> TierChoice {
    TierChoice {
        agency: pension(),
        identity: identity(person),
        insurance: Insurance::Pension,
        tier_no,
        from: from.parse().expect("a month"),
    }
}

fn amounts(bills: &[Bill]) -> Vec<String> {
    bills.iter().map(|bill| bill.amount.to_string()).collect()
}

#[tokio::test]
async fn the_twelve_tiers_of_2023_are_the_published_ones() {
    let office = Office::open().await;
    let month = "2023-06".parse().expect("a month");
    let tiers = office.client.list_tiers(&pension(), Insurance::Pension, month).await;
    let tiers = tiers.expect("tiers");
    assert_eq!(tiers.len(), 12);
    assert_eq!((tiers[0].base, tiers[0].monthly_amount), (fen(449_400), fen(89_880)));
    assert_eq!((tiers[11].base, tiers[11].monthly_amount), (fen(2_404_200), fen(480_840)));
}

fn fen(amount: i64) -> Fen {
    Fen::new(amount).expect("an amount")
}

#[tokio::test]
async fn a_year_without_figures_is_pending() {
    let office = Office::open().await;
    let month = "2026-01".parse().expect("a month");
    let tiers = office.client.list_tiers(&pension(), Insurance::Pension, month).await;
    assert_eq!(tiers, no(Objection::BasePendingPublish));
}

#[tokio::test]
async fn a_choice_changes_unpaid_months_from_its_month_on() {
    let office = Office::open().await;
    let chosen = office.client.set_tier(&choice(ZHANG_SAN, 2, "2023-07")).await;
    let effective_from = "2023-07".parse().expect("a month");
    assert_eq!(chosen, Ok(TierChosen { effective_from, difference_bills: vec![] }));
    let bills = office.pension_bills(ZHANG_SAN).await;
    assert_eq!(amounts(&bills[..6]), vec!["898.80"; 6]);
    assert_eq!(amounts(&bills[6..]), vec!["1200.00"; 6]);
    assert_eq!((bills[5].version, bills[6].version), (1, 2));
}

#[tokio::test]
async fn a_higher_tier_bills_the_difference_of_paid_months_once() {
    let office = Office::open().await;
    let chosen = office.client.set_tier(&choice(LI_SI, 2, "2023-01")).await.expect("a choice");
    assert_eq!(chosen.difference_bills.len(), 3);
    let again = office.client.set_tier(&choice(LI_SI, 2, "2023-01")).await;
    assert_eq!(again, Ok(chosen.clone()));
    let bills = office.pension_bills(LI_SI).await;
    let differences: Vec<&Bill> =
        bills.iter().filter(|bill| chosen.difference_bills.contains(&bill.bill_no)).collect();
    assert_eq!(bills.len(), 15);
    assert!(differences.iter().all(|bill| bill.amount.to_string() == "301.20"));
    for bill in differences {
        office.post(1, bill).await.expect("a posting");
    }
    let paid = office.client.set_tier(&choice(LI_SI, 2, "2023-01")).await;
    assert_eq!(paid, Ok(chosen), "the same choice after paying is still the same choice");
}

#[tokio::test]
async fn a_second_thought_reprices_or_withdraws_the_difference() {
    let office = Office::open().await;
    let first = office.client.set_tier(&choice(LI_SI, 2, "2023-03")).await.expect("a choice");
    let higher = office.client.set_tier(&choice(LI_SI, 3, "2023-03")).await.expect("a choice");
    assert_eq!(higher.difference_bills, first.difference_bills);
    let bills = office.pension_bills(LI_SI).await;
    let difference = bills.iter().find(|bill| bill.bill_no == first.difference_bills[0]);
    assert_eq!(difference.expect("a bill").amount.to_string(), "501.20");
    let lowest = office.client.set_tier(&choice(LI_SI, 1, "2023-03")).await.expect("a choice");
    assert_eq!(lowest.difference_bills, []);
    assert_eq!(office.pension_bills(LI_SI).await.len(), 12);
}

#[tokio::test]
async fn the_first_choice_makes_the_bills() {
    let office = Office::open().await;
    let person = by_name("冯选");
    assert_eq!(office.bills(person, Insurance::Pension).await, no(Objection::BaseNotDeclared));
    office.client.set_tier(&choice(person, 1, "2023-06")).await.expect("a choice");
    assert_eq!(amounts(&office.pension_bills(person).await), vec!["898.80"; 7]);
}

#[tokio::test]
async fn a_choice_touches_no_bill_that_somebody_is_paying() {
    let office = Office::open().await;
    let bills = office.pension_bills(ZHANG_SAN).await;
    let request = lock(1, &bills[6..7], "2023-06-15T10:30:00+08:00");
    office.client.lock_bills(&request).await.expect("a lock");
    let chosen = office.client.set_tier(&choice(ZHANG_SAN, 2, "2023-06")).await;
    assert_eq!(chosen, no(Objection::BillLocked));
    assert_eq!(amounts(&office.pension_bills(ZHANG_SAN).await), vec!["898.80"; 12]);
}

#[tokio::test]
async fn a_tier_that_does_not_exist_is_a_mistake_of_ours() {
    let office = Office::open().await;
    let chosen = office.client.set_tier(&choice(ZHANG_SAN, 13, "2023-06")).await;
    assert_eq!(chosen, Err(AgencyError::Misconfigured("BAD_REQUEST".into())));
}
