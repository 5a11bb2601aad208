//! Gaps in medical insurance (断缴): warned at one, two and three months, never judged.
//!
//! What a gap means for benefits is the agency's to say; we count unpaid months on its own bills and
//! repeat the city's published rule with its sources.

use agency::{Bill, BillQuery, BillState};
use axum::{
    Json,
    extract::{Path, State},
};
use kernel::{BillKind, Insurance, Month, MonthRange};
use serde::Serialize;
use utoipa::ToSchema;
use wording::{Language, filled};

use super::{CityParams, agency_of, help_line, helped, identity_of, office_of};
use crate::{
    Api,
    caller::Caller,
    cities::city_code,
    input::Params,
    language::Reads,
    problem::{ApiError, internal},
};

/// How many months back are looked at.
const MONTHS_BACK: u32 = 12;
/// Where the city says nothing, the usual rule.
const USUAL_ALLOWED: u16 = 3;

/// Unpaid months of medical insurance up to now.
#[derive(Serialize, ToSchema)]
pub(crate) struct GapView {
    /// How many months in a row are unpaid, the present one counted.
    months: u16,
    /// `none`, `one`, `two`, `three` or `over`.
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

/// Whether medical insurance is about to have, or has, a gap. Promises nothing about benefits.
#[utoipa::path(get, path = "/api/v1/people/{id}/gaps", tag = "counter", security(("bearer" = [])),
    params(("id" = String, Path, description = "the person's id"), CityParams),
    responses((status = 200, body = GapView)))]
pub(crate) async fn gaps(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Path(id): Path<String>,
    Params(params): Params<CityParams>,
) -> Result<Json<GapView>, ApiError> {
    let city = city_code(&params.city)?;
    let office = office_of(&api, &city, Insurance::Medical)?;
    let identity = identity_of(&api, &caller, &id).await?;
    let now = Month::of(api.clock.now());
    let months = months_back(now).ok_or_else(|| internal(&"a month outside the calendar"))?;
    let query = BillQuery {
        agency: office.code.clone(),
        identity,
        insurance: Insurance::Medical,
        months,
        kind: BillKind::Regular,
    };
    let bills = agency_of(&api, office)?.query_bills(&query).await;
    let bills = bills.map_err(|error| helped(&api, &city, &office.code, error.into()))?;
    let waiting = api.catalogue.pack(&city).and_then(|pack| pack.waiting.as_ref());
    let allowed = waiting.and_then(|waiting| waiting.medical_gap_months_allowed);
    let allowed = allowed.unwrap_or(USUAL_ALLOWED);
    let unpaid = unpaid_months(&bills, now);
    let level = level(unpaid.len(), allowed);
    let help = help_line(&api, &city, std::iter::once(&office.code), language);
    let (text, next_step) = told(level, language, (unpaid.len(), allowed), help);
    Ok(Json(GapView {
        months: u16::try_from(unpaid.len()).unwrap_or(u16::MAX),
        level: level.to_owned(),
        unpaid: unpaid.iter().map(ToString::to_string).collect(),
        months_allowed: allowed,
        wait_months: waiting.and_then(|waiting| waiting.medical_wait_months),
        text,
        next_step,
        sources: waiting.map(|w| api.catalogue.links(&w.sources)).unwrap_or_default(),
    }))
}

/// The warning that goes with bills that are about to be paid, when there is one.
pub(crate) fn told(
    level: &str,
    language: Language,
    (months, allowed): (usize, u16),
    help: Option<String>,
) -> (String, GapStep) {
    let phrase = wording::phrase(language, &format!("gap.{level}")).unwrap_or_default();
    let help = help.unwrap_or_else(|| phrase.help_line.to_owned());
    let values = [("months", months.to_string()), ("allowed", allowed.to_string()), ("help", help)];
    let step = GapStep { action: phrase.action.to_owned(), text: filled(phrase.next, &values) };
    (filled(phrase.message, &values), step)
}

fn months_back(now: Month) -> Option<MonthRange> {
    let (year, month) = (now.year(), now.month());
    let first =
        if month == 12 { Month::new(year, 1) } else { Month::new(year.checked_sub(1)?, month + 1) };
    MonthRange::starting(first.ok()?, MONTHS_BACK).ok()
}

/// The months in a row up to `now` that are due and unpaid. A month that is being paid, or that the
/// agency bills no more or not yet, ends the row: nobody is warned of what is under way.
pub fn unpaid_months(bills: &[Bill], now: Month) -> Vec<Month> {
    let unpaid = |month: Month| {
        let mut of_month = bills
            .iter()
            .filter(|bill| bill.kind == BillKind::Regular && bill.months.contains(month))
            .peekable();
        of_month.peek().is_some() && of_month.all(|bill| bill.state == BillState::Due)
    };
    let mut row = Vec::new();
    let mut month = Some(now);
    while let Some(unpaid_month) = month.filter(|month| unpaid(*month)) {
        row.push(unpaid_month);
        month = before(unpaid_month);
    }
    row.reverse();
    row
}

fn before(month: Month) -> Option<Month> {
    match month.month() {
        1 => Month::new(month.year().checked_sub(1)?, 12).ok(),
        number => Month::new(month.year(), number - 1).ok(),
    }
}

/// The city's limit decides from when on it is too long; below it the months are counted.
fn level(months: usize, allowed: u16) -> &'static str {
    match months {
        0 => "none",
        _ if months > usize::from(allowed) => "over",
        1 => "one",
        2 => "two",
        _ => "three",
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

    /// `d` due, `p` paid, `l` locked, `-` no bill; January first.
    fn row(states: &str) -> Vec<Bill> {
        let state = |(month, letter)| {
            let state = match letter {
                'd' => BillState::Due,
                'p' => BillState::Paid,
                'l' => BillState::Locked,
                _ => return None,
            };
            Some(bill(month, state))
        };
        (1..).zip(states.chars()).filter_map(state).collect()
    }

    #[rstest]
    #[case::all_paid("pppppp", 0)]
    #[case::this_month("pppppd", 1)]
    #[case::two("ppppdd", 2)]
    #[case::three("pppddd", 3)]
    #[case::four("ppdddd", 4)]
    #[case::an_older_gap_is_no_row("pdpppd", 1)]
    #[case::this_month_is_paid("dddddp", 0)]
    #[case::being_paid_ends_the_row("ppplld", 1)]
    #[case::not_billed_before("---ddd", 3)]
    #[case::later_months_do_not_count("pppppddd", 1)]
    fn unpaid_months_in_a_row_are_counted_back_from_june(
        #[case] states: &str,
        #[case] months: usize,
    ) {
        let june = Month::new(2023, 6).expect("a month");
        assert_eq!(unpaid_months(&row(states), june).len(), months);
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
    fn the_citys_limit_decides(
        #[case] months: usize,
        #[case] allowed: u16,
        #[case] expected: &str,
    ) {
        assert_eq!(level(months, allowed), expected);
        for language in Language::ALL {
            let (text, next) = told(expected, language, (months, allowed), None);
            assert!(!text.is_empty() && !next.text.is_empty() && !next.action.is_empty());
            assert!(!next.text.contains('{'), "{}", next.text);
            assert!(!text.contains('{') && !text.contains("保证"), "{text}");
        }
    }
}
