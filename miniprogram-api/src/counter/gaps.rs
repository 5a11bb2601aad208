//! Gaps in medical insurance (断缴): warned at one, two and three months, never judged.
//!
//! What a gap means for benefits is the agency's to say; we count unpaid months on its own bills and
//! repeat the city's published rule with its sources. All of the last twelve months are looked at: a
//! month that is being paid, or not billed yet, says nothing about those before it.

use agency::{Bill, BillState};
use axum::{
    Json,
    extract::{Path, State},
};
use kernel::{BillKind, CityCode, Insurance, Month, MonthRange};
use orders::Counter;
use serde::Serialize;
use utoipa::ToSchema;
use wording::{Language, filled};

use super::{CityParams, agency_of, help_line, helped, office_of};
use crate::{
    Api,
    caller::Caller,
    cities::city_code,
    input::Params,
    language::Reads,
    problem::{ApiError, internal},
    sight::seen_whole,
    words,
};

/// How many months back are looked at.
const MONTHS_BACK: u32 = 12;
/// Where the city says nothing, the usual rule.
const USUAL_ALLOWED: u16 = 3;

/// Unpaid months of medical insurance up to now.
#[derive(Serialize, ToSchema)]
pub(crate) struct GapView {
    /// How many of the last twelve months are due and unpaid, the present one counted.
    months: u16,
    /// `none`, `one`, `two`, `three`, `over`, or `earlier`: the latest billed month is paid, and months
    /// before it are not.
    level: String,
    /// The unpaid months, the earliest first.
    unpaid: Vec<String>,
    /// Arrears of so many months can be made good in the city.
    months_allowed: u16,
    /// Months without benefits after a longer gap, as published.
    wait_months: Option<u16>,
    text: String,
    next_step: GapStep,
    sources: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct GapStep {
    action: String,
    text: String,
}

/// Whether the caller's medical insurance is about to have, or has, a gap. Promises nothing about
/// benefits. For the owner whose real name is proven.
#[utoipa::path(get, path = "/api/v1/people/{id}/gaps", tag = "counter", security(("bearer" = [])),
    params(("id" = String, Path, description = "the person's id"), CityParams),
    responses((status = 200, body = GapView),
        (status = 403, description = "the real name is not proven (`real_name_needed`), or somebody else's (`not_for_payers`)")))]
pub(crate) async fn gaps(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Path(id): Path<String>,
    Params(params): Params<CityParams>,
) -> Result<Json<GapView>, ApiError> {
    let city = city_code(&params.city)?;
    let office = office_of(&api, &city, Insurance::Medical)?;
    let person = seen_whole(&api, &caller, &id).await?;
    agency_of(&api, office)?;
    let counter = api.orders.counter(caller.account, person).await?;
    let now = Month::of(api.clock.now());
    let bills = bills_looked_at(&api, &city, &counter, now).await;
    let bills = bills.map_err(|error| helped(&api, &city, &office.code, error))?;
    let waiting = api.catalogue.pack(&city).and_then(|pack| pack.waiting.as_ref());
    let gap = Gap::of(&bills, now, months_allowed(&api, &city));
    let help = help_line(&api, &city, std::iter::once(&office.code), language);
    let (text, next_step) = gap.told(language, help);
    Ok(Json(GapView {
        months: u16::try_from(gap.unpaid.len()).unwrap_or(u16::MAX),
        level: gap.level().to_owned(),
        unpaid: gap.unpaid.iter().map(ToString::to_string).collect(),
        months_allowed: gap.allowed,
        wait_months: waiting.and_then(|waiting| waiting.medical_wait_months),
        text,
        next_step,
        sources: waiting.map(|w| api.catalogue.links(&w.sources)).unwrap_or_default(),
    }))
}

/// How many months of arrears the city says can be made good.
pub(crate) fn months_allowed(api: &Api, city: &CityCode) -> u16 {
    let waiting = api.catalogue.pack(city).and_then(|pack| pack.waiting.as_ref());
    waiting.and_then(|waiting| waiting.medical_gap_months_allowed).unwrap_or(USUAL_ALLOWED)
}

/// The bills of medical insurance that a gap is counted on: those of the last twelve months, and missed
/// months where the city bills them apart.
pub(crate) async fn bills_looked_at(
    api: &Api,
    city: &CityCode,
    counter: &Counter<'_>,
    now: Month,
) -> Result<Vec<Bill>, ApiError> {
    let office = office_of(api, city, Insurance::Medical)?;
    let months = months_back(now).ok_or_else(|| internal(&"a month outside the calendar"))?;
    let insurance = Insurance::Medical;
    let mut bills = counter.bills(&office.code, insurance, months, BillKind::Regular).await?;
    let missed = BillKind::BackPayment;
    if api.catalogue.pack(city).is_some_and(|pack| pack.offers(insurance, missed)) {
        bills.extend(counter.bills(&office.code, insurance, months, missed).await?);
    }
    Ok(bills)
}

/// The months without a payment, and what to say about them.
pub(crate) struct Gap {
    /// The earliest first.
    pub(crate) unpaid: Vec<Month>,
    /// The latest billed month is paid.
    paid_now: bool,
    pub(crate) allowed: u16,
}

impl Gap {
    pub(crate) fn of(bills: &[Bill], now: Month, allowed: u16) -> Gap {
        let billed = looked_at(now).find_map(|month| standing(bills, month));
        let paid_now = billed == Some(MonthStanding::Paid);
        Gap { unpaid: unpaid_months(bills, now), paid_now, allowed }
    }

    /// The city's limit decides from when on it is too long; below it the months are counted.
    pub(crate) fn level(&self) -> &'static str {
        match self.unpaid.len() {
            0 => "none",
            _ if self.paid_now => "earlier",
            months if months > usize::from(self.allowed) => "over",
            1 => "one",
            2 => "two",
            _ => "three",
        }
    }

    /// What it means, and what to do; `help`: whom to call, where that is known.
    pub(crate) fn told(&self, language: Language, help: Option<String>) -> (String, GapStep) {
        let key = format!("gap.{}", self.level());
        let phrase = wording::phrase(language, &key).unwrap_or_default();
        let mut values = self.values(language);
        values.push(("help", help.unwrap_or_else(|| phrase.help_line.to_owned())));
        let step = GapStep { action: phrase.action.to_owned(), text: filled(phrase.next, &values) };
        (filled(phrase.message, &values), step)
    }

    pub(crate) fn values(&self, language: Language) -> Vec<(&'static str, String)> {
        vec![
            ("months", self.unpaid.len().to_string()),
            ("allowed", self.allowed.to_string()),
            ("list", words::months(language, &self.unpaid)),
        ]
    }
}

fn months_back(now: Month) -> Option<MonthRange> {
    let (year, month) = (now.year(), now.month());
    let first =
        if month == 12 { Month::new(year, 1) } else { Month::new(year.checked_sub(1)?, month + 1) };
    MonthRange::starting(first.ok()?, MONTHS_BACK).ok()
}

/// From `now` back, as many months as are looked at.
fn looked_at(now: Month) -> impl Iterator<Item = Month> {
    std::iter::successors(Some(now), |month| before(*month)).take(MONTHS_BACK as usize)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MonthStanding {
    Due,
    Paid,
}

/// How a month stands; `None` for one that is being paid, or that the agency does not bill, or not yet.
/// A bill of nothing is paid by the state.
fn standing(bills: &[Bill], month: Month) -> Option<MonthStanding> {
    let of_month = || {
        bills.iter().filter(move |bill| {
            matches!(bill.kind, BillKind::Regular | BillKind::BackPayment)
                && bill.months.contains(month)
        })
    };
    let due = |bill: &Bill| bill.state == BillState::Due && !bill.amount.is_zero();
    if of_month().any(due) {
        return Some(MonthStanding::Due);
    }
    let settled = |bill: &Bill| bill.state == BillState::Paid || bill.amount.is_zero();
    (of_month().count() > 0 && of_month().all(settled)).then_some(MonthStanding::Paid)
}

/// The months up to `now` that are due and unpaid, the earliest first, of those that are looked at.
pub fn unpaid_months(bills: &[Bill], now: Month) -> Vec<Month> {
    let due = |month: &Month| standing(bills, *month) == Some(MonthStanding::Due);
    let mut unpaid: Vec<Month> = looked_at(now).filter(due).collect();
    unpaid.reverse();
    unpaid
}

fn before(month: Month) -> Option<Month> {
    match month.month() {
        1 => Month::new(month.year().checked_sub(1)?, 12).ok(),
        number => Month::new(month.year(), number - 1).ok(),
    }
}

#[cfg(test)]
mod tests {
    use kernel::{AgencyCode, BillNo, Fen};
    use rstest::rstest;

    use super::*;

    fn bill(month: u8, state: BillState) -> Bill {
        let month = Month::new(2023, month).expect("a month");
        Bill {
            bill_no: BillNo::new(format!("M{month}")).expect("a number"),
            version: 1,
            agency: AgencyCode::new("320200-med").expect("a code"),
            insurance: Insurance::Medical,
            months: MonthRange::starting(month, 1).expect("months"),
            base: None,
            tier_no: None,
            amount: Fen::new(34_850).expect("an amount"),
            components: Vec::new(),
            state,
            due_until: None,
            kind: BillKind::Regular,
            category: None,
        }
    }

    /// `d` due, `p` paid, `l` locked, `0` due and paid by the state, `-` no bill; January first.
    fn row(states: &str) -> Vec<Bill> {
        let state = |(month, letter)| {
            let state = match letter {
                'd' | '0' => BillState::Due,
                'p' => BillState::Paid,
                'l' => BillState::Locked,
                _ => return None,
            };
            let mut bill = bill(month, state);
            if letter == '0' {
                bill.amount = Fen::ZERO;
            }
            Some(bill)
        };
        (1..).zip(states.chars()).filter_map(state).collect()
    }

    /// What is told in June, when the city allows three months.
    #[rstest]
    #[case::all_paid("pppppp", "none", &[])]
    #[case::this_month("pppppd", "one", &[6])]
    #[case::two("ppppdd", "two", &[5, 6])]
    #[case::three("pppddd", "three", &[4, 5, 6])]
    #[case::four("ppdddd", "over", &[3, 4, 5, 6])]
    #[case::an_older_gap_counts("pdpppd", "two", &[2, 6])]
    #[case::paid_now_and_not_before("ppppdp", "earlier", &[5])]
    #[case::paid_now_and_long_not_before("dddddp", "earlier", &[1, 2, 3, 4, 5])]
    #[case::being_paid_hides_nothing("pppddl", "two", &[4, 5])]
    #[case::being_paid_is_not_due("ppplld", "one", &[6])]
    #[case::nothing_but_being_paid("pppppl", "none", &[])]
    #[case::not_billed_yet("ppppd-", "one", &[5])]
    #[case::not_billed_yet_and_paid_before("pppdp-", "earlier", &[4])]
    #[case::not_billed_before("---ddd", "three", &[4, 5, 6])]
    #[case::later_months_do_not_count("pppppddd", "one", &[6])]
    #[case::paid_by_the_state("ppp0d0", "earlier", &[5])]
    #[case::nobody_bills_anything("------", "none", &[])]
    fn no_month_that_is_due_is_missed(
        #[case] states: &str,
        #[case] level: &str,
        #[case] unpaid: &[u8],
    ) {
        let june = Month::new(2023, 6).expect("a month");
        let gap = Gap::of(&row(states), june, 3);
        assert_eq!(gap.level(), level);
        let months: Vec<u8> = gap.unpaid.iter().map(|month| month.month()).collect();
        assert_eq!(months, unpaid);
    }

    #[test]
    fn a_row_goes_over_the_new_year() {
        let year = months_back(Month::new(2023, 3).expect("a month")).expect("months");
        assert_eq!(
            (year.from().to_string(), year.to().to_string()),
            ("2022-04".into(), "2023-03".into())
        );
        let december = months_back(Month::new(2023, 12).expect("a month")).expect("months");
        assert_eq!(december.from().to_string(), "2023-01");
    }

    #[rstest]
    #[case(0, 3, "none")]
    #[case(1, 3, "one")]
    #[case(2, 3, "two")]
    #[case(3, 3, "three")]
    #[case(4, 3, "over")]
    #[case(3, 2, "over")]
    #[case(5, 6, "three")]
    fn the_citys_limit_decides(#[case] months: u8, #[case] allowed: u16, #[case] expected: &str) {
        let unpaid = (1..=months).map(|month| Month::new(2023, month).expect("a month")).collect();
        let gap = Gap { unpaid, paid_now: false, allowed };
        assert_eq!(gap.level(), expected);
    }

    #[test]
    fn every_level_is_told_with_a_next_step() {
        let june = Month::new(2023, 6).expect("a month");
        for states in ["pppppp", "pppppd", "ppppdd", "pppddd", "dddddd", "ppppdp"] {
            let gap = Gap::of(&row(states), june, 3);
            for language in Language::ALL {
                let (text, next) = gap.told(language, None);
                assert!(!text.is_empty() && !next.text.is_empty() && !next.action.is_empty());
                assert!(!text.contains('{') && !text.contains("保证"), "{text}");
                let named = text.contains(&words::months(language, &gap.unpaid));
                assert!(named, "{text}");
            }
        }
    }
}
