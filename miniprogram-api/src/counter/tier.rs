//! Choosing a tier (选档): what a choice would do, and choosing.
//!
//! Only the participant chooses (domain §1.1): a choice changes what is due for the rest of the year and
//! what the pension will be. What it does is shown first, and the token of that showing goes with the
//! choice. The agency decides what really comes of it; the figures before are worked out from its own
//! bills and tiers.

use agency::{Bill, BillState, Tier};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use kernel::{BillKind, CityCode, Fen, Insurance, Month, MonthRange, PersonId};
use orders::Counter;
use people::{InsuredPerson, Relation, Shown};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use wording::Language;

use super::{MonthsView, agency_of, helped, office_of, tiers};
use crate::{
    Api,
    caller::Caller,
    cities::city_code,
    input::{Body, parse},
    language::Reads,
    problem::{ApiError, internal, tell},
    session::Session,
    sight::{Sight, person_of},
    words,
};

#[derive(Serialize, ToSchema)]
pub(crate) struct TierView {
    no: u16,
    label: String,
    /// Yuan.
    base: String,
    /// Yuan.
    monthly_amount: String,
}

impl TierView {
    fn of(tier: &Tier, language: Language) -> TierView {
        TierView {
            no: tier.no,
            label: tiers::label(language, tier.no, &tier.label),
            base: tier.base.to_string(),
            monthly_amount: tier.monthly_amount.to_string(),
        }
    }
}

/// A tier from a month on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TierWish {
    #[schema(example = "320200")]
    city: String,
    #[schema(example = "pension")]
    insurance: String,
    tier_no: u16,
    /// `YYYY-MM`
    #[schema(example = "2023-07")]
    from: String,
}

/// A tier from a month on, as it was shown.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TierChoiceWish {
    city: String,
    insurance: String,
    tier_no: u16,
    /// `YYYY-MM`
    from: String,
    /// Of `POST /api/v1/people/{id}/tier-confirmations`, for exactly this choice.
    confirmation: Option<String>,
}

/// What a choice would do.
#[derive(Serialize, ToSchema)]
pub(crate) struct TierPreview {
    insurance: String,
    insurance_label: String,
    agency_name: String,
    tier: TierView,
    /// `YYYY-MM`. The agency may begin later.
    effective_from: String,
    /// Months that are not paid yet and take the new amount.
    unpaid: Vec<TierMonth>,
    /// Months that are paid, for which the agency would ask for the difference.
    differences: Vec<TierMonth>,
    /// Yuan; of all differences.
    difference_total: String,
    /// Everything above in words, for the screen.
    text: String,
    /// Goes into `confirmation` of `PUT /api/v1/people/{id}/tier`. Holds for exactly this choice and
    /// these amounts.
    confirmation: String,
    expires_at: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct TierMonth {
    months: MonthsView,
    /// Yuan; what is billed or paid now.
    amount_now: String,
    /// Yuan; what will be billed then, or the difference.
    amount_then: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct TierChosenView {
    effective_from: String,
    /// Bills for the difference of months already paid.
    difference_bills: Vec<String>,
}

/// Months, the amount now, and the amount then or the difference.
type MonthEffect = (MonthRange, Fen, Fen);

/// A choice that can be made: by the right person, of a tier that there is.
struct Choice<'a> {
    counter: Counter<'a>,
    office: &'a policies::Agency,
    person: PersonId,
    insurance: Insurance,
    tier: Tier,
    from: Month,
    unpaid: Vec<MonthEffect>,
    differences: Vec<MonthEffect>,
}

/// Only the participant chooses; where the city wants it, once their name is proven.
fn check_chooser(api: &Api, city: &CityCode, person: &InsuredPerson) -> Result<(), ApiError> {
    if person.relation != Relation::Own {
        return Err(tell(StatusCode::FORBIDDEN, "tier_own_only"));
    }
    // A city without a pack is told as not open, later.
    if api.catalogue.pack(city).is_none_or(|pack| pack.real_name.tier) {
        Sight::of(person).demand_whole()?;
    }
    Ok(())
}

async fn choice_of<'a>(
    api: &'a Api,
    caller: &Session,
    id: &str,
    wish: &TierWish,
) -> Result<Choice<'a>, ApiError> {
    let city = city_code(&wish.city)?;
    let insurance: Insurance = parse("insurance", &wish.insurance)?;
    let from: Month = parse("from", &wish.from)?;
    let office = office_of(api, &city, insurance)?;
    let person = person_of(api, caller, id).await?;
    check_chooser(api, &city, &person)?;
    let told = |error: ApiError| helped(api, &city, &office.code, error);
    let tiers = agency_of(api, office)?.list_tiers(&office.code, insurance, from).await;
    let tiers = tiers.map_err(|error| told(error.into()))?;
    let Some(tier) = tiers.iter().find(|tier| tier.no == wish.tier_no).cloned() else {
        let known: Vec<u16> = tiers.iter().map(|tier| tier.no).collect();
        return Err(tell(StatusCode::UNPROCESSABLE_ENTITY, "tier_not_found")
            .value("tier", wish.tier_no)
            .with("tiers", json!(known)));
    };
    let counter = api.orders.counter(caller.account, person.id).await?;
    let december = Month::new(from.year(), 12).map_err(|error| internal(&error))?;
    let rest = MonthRange::new(from, december).map_err(|error| internal(&error))?;
    let bills = counter.bills(&office.code, insurance, rest, BillKind::Regular).await;
    let bills = match bills.map_err(|error| told(error.into())) {
        // Nothing is billed before a tier is chosen for the first time.
        Err(error) if ["base_not_declared", "no_bill"].contains(&error.code()) => Vec::new(),
        bills => bills?,
    };
    let (unpaid, differences) = effect(&bills, tier.monthly_amount);
    Ok(Choice { counter, office, person: person.id, insurance, tier, from, unpaid, differences })
}

/// What bills of single months become when a month costs `monthly`: unpaid ones take the amount, paid
/// ones cost the difference if it is higher than all that was paid for the month.
fn effect(bills: &[Bill], monthly: Fen) -> (Vec<MonthEffect>, Vec<MonthEffect>) {
    let mut months: Vec<MonthRange> = bills
        .iter()
        .filter(|bill| bill.kind == BillKind::Regular)
        .map(|bill| bill.months)
        .collect();
    months.sort();
    months.dedup();
    let (mut unpaid, mut differences) = (Vec::new(), Vec::new());
    for range in months {
        let of_month = || bills.iter().filter(move |bill| bill.months == range);
        let regular = of_month().filter(|bill| bill.kind == BillKind::Regular);
        let is_paid = regular.clone().all(|bill| bill.state == BillState::Paid);
        let count = i64::from(range.count());
        let Some(then) = monthly.get().checked_mul(count).and_then(Fen::new) else { continue };
        if is_paid {
            let paid = of_month().filter(|bill| bill.state == BillState::Paid);
            let paid = Fen::sum(paid.map(|bill| bill.amount)).unwrap_or(Fen::MAX);
            if let Some(difference) = then.minus(paid).filter(|more| !more.is_zero()) {
                differences.push((range, paid, difference));
            }
        } else {
            let now = Fen::sum(regular.map(|bill| bill.amount)).unwrap_or(Fen::ZERO);
            unpaid.push((range, now, then));
        }
    }
    (unpaid, differences)
}

impl Choice<'_> {
    /// Everything that the screen shows.
    fn content(&self, city: &str) -> String {
        let rows = |rows: &[MonthEffect]| -> Vec<_> {
            let row = |(months, now, then): &MonthEffect| json!([months, now, then]);
            rows.iter().map(row).collect()
        };
        let (tier, office) = (&self.tier, &self.office.code);
        json!([
            self.person,
            city,
            office,
            self.insurance,
            self.from,
            tier.no,
            tier.base,
            tier.monthly_amount,
            rows(&self.unpaid),
            rows(&self.differences),
        ])
        .to_string()
    }

    fn difference_total(&self) -> Fen {
        Fen::sum(self.differences.iter().map(|(.., more)| *more)).unwrap_or(Fen::MAX)
    }

    fn text(&self, language: Language) -> String {
        let key = if self.differences.is_empty() { "choice" } else { "choice_with_differences" };
        let phrase = wording::phrase(language, &format!("tier.{key}")).unwrap_or_default();
        let values = [
            ("insurance", words::insurance(language, self.insurance)),
            ("tier", self.tier.no.to_string()),
            ("base", self.tier.base.to_string()),
            ("amount", self.tier.monthly_amount.to_string()),
            ("from", words::month(language, self.from)),
            ("count", self.differences.len().to_string()),
            ("total", self.difference_total().to_string()),
        ];
        wording::filled(&phrase.whole(language), &values)
    }
}

const MATTER: &str = "tier_confirmations";

/// Shows what a choice of tier would do, and gives a token for exactly that. Changes nothing.
#[utoipa::path(post, path = "/api/v1/people/{id}/tier-confirmations", tag = "counter", security(("bearer" = [])),
    params(("id" = String, Path, description = "the person's id")), request_body = TierWish,
    responses((status = 200, body = TierPreview),
        (status = 403, description = "somebody else's tier (`tier_own_only`), or the name is not proven (`real_name_needed`)"),
        (status = 422, description = "no such tier")))]
pub(crate) async fn preview_tier(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Path(id): Path<String>,
    Body(wish): Body<TierWish>,
) -> Result<Json<TierPreview>, ApiError> {
    let choice = choice_of(&api, &caller, &id, &wish).await?;
    let content = choice.content(&wish.city);
    let shown = Shown { matter: MATTER, account: caller.account, content: &content };
    let (confirmation, expires_at) = api.people.confirmation(&shown);
    let rows = |rows: &[MonthEffect]| -> Vec<TierMonth> {
        let row = |(months, now, then): &MonthEffect| TierMonth {
            months: MonthsView::of(*months),
            amount_now: now.to_string(),
            amount_then: then.to_string(),
        };
        rows.iter().map(row).collect()
    };
    Ok(Json(TierPreview {
        insurance: choice.insurance.code().to_owned(),
        insurance_label: words::insurance(language, choice.insurance),
        agency_name: choice.office.name.clone(),
        tier: TierView::of(&choice.tier, language),
        effective_from: choice.from.to_string(),
        unpaid: rows(&choice.unpaid),
        differences: rows(&choice.differences),
        difference_total: choice.difference_total().to_string(),
        text: choice.text(language),
        confirmation,
        expires_at: expires_at.rfc3339(),
    }))
}

/// Chooses a tier (选档), as it was shown.
#[utoipa::path(put, path = "/api/v1/people/{id}/tier", tag = "counter", security(("bearer" = [])),
    params(("id" = String, Path, description = "the person's id")), request_body = TierChoiceWish,
    responses((status = 200, body = TierChosenView),
        (status = 403, description = "somebody else's tier (`tier_own_only`), or the name is not proven (`real_name_needed`)"),
        (status = 409, description = "not confirmed (`tier_confirmation_needed`), or changed since (`confirmation_unfit`)")))]
pub(crate) async fn choose_tier(
    State(api): State<Api>,
    Caller(caller): Caller,
    Path(id): Path<String>,
    Body(wish): Body<TierChoiceWish>,
) -> Result<Json<TierChosenView>, ApiError> {
    let TierChoiceWish { city, insurance, tier_no, from, confirmation } = wish;
    let wish = TierWish { city, insurance, tier_no, from };
    let choice = choice_of(&api, &caller, &id, &wish).await?;
    let token =
        confirmation.ok_or_else(|| tell(StatusCode::CONFLICT, "tier_confirmation_needed"))?;
    let content = choice.content(&wish.city);
    let shown = Shown { matter: MATTER, account: caller.account, content: &content };
    if !api.people.is_confirmed(&shown, &token) {
        return Err(crate::orders::told(orders::OrderError::ConfirmationUnfit));
    }
    let city = city_code(&wish.city)?;
    let Choice { counter, office, insurance, tier, from, .. } = choice;
    let chosen = counter.choose_tier(&office.code, insurance, tier.no, from).await;
    let chosen = chosen.map_err(|error| helped(&api, &city, &office.code, error.into()))?;
    Ok(Json(TierChosenView {
        effective_from: chosen.effective_from.to_string(),
        difference_bills: chosen.difference_bills.iter().map(ToString::to_string).collect(),
    }))
}

#[cfg(test)]
mod tests {
    use kernel::{AgencyCode, BillNo};

    use super::*;

    fn bill(month: u8, kind: BillKind, state: BillState, fen: i64) -> Bill {
        let month = Month::new(2023, month).expect("a month");
        Bill {
            bill_no: BillNo::new(format!("P{month}{kind}")).expect("a number"),
            version: 1,
            agency: AgencyCode::new("320200-hr").expect("a code"),
            insurance: Insurance::Pension,
            months: MonthRange::starting(month, 1).expect("months"),
            base: None,
            tier_no: None,
            amount: Fen::new(fen).expect("an amount"),
            components: Vec::new(),
            state,
            due_until: None,
            kind,
            category: None,
        }
    }

    #[test]
    fn paid_months_cost_the_difference_and_unpaid_ones_the_new_amount() {
        let bills = [
            bill(1, BillKind::Regular, BillState::Paid, 89_880),
            bill(2, BillKind::Regular, BillState::Paid, 89_880),
            // February was raised before, and that is paid as well.
            bill(2, BillKind::Difference, BillState::Paid, 30_120),
            bill(3, BillKind::Regular, BillState::Locked, 89_880),
            bill(4, BillKind::Regular, BillState::Due, 89_880),
        ];
        let (unpaid, differences) = effect(&bills, Fen::new(120_000).expect("an amount"));
        let seen = |rows: Vec<MonthEffect>| -> Vec<(String, i64, i64)> {
            let row = |(months, now, then): MonthEffect| {
                (months.from().to_string(), now.get(), then.get())
            };
            rows.into_iter().map(row).collect()
        };
        let (march, april) = ("2023-03".to_owned(), "2023-04".to_owned());
        assert_eq!(seen(unpaid), [(march, 89_880, 120_000), (april, 89_880, 120_000)]);
        assert_eq!(seen(differences), [("2023-01".to_owned(), 89_880, 30_120)]);
        let (_, lower) = effect(&bills, Fen::new(80_000).expect("an amount"));
        assert!(lower.is_empty(), "a lower tier gives nothing back");
    }
}
