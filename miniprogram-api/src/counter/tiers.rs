//! Tiers: which there are, and choosing one (选档).
//!
//! The agency's answer stands where there is one. Before it publishes new figures, or while it does not
//! answer, the tiers of our policies are shown and marked: choosing one still asks the agency.

use agency::{AgencyError, Objection, TierChoice};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use kernel::{CityCode, Fen, Insurance, Month, PersonId};
use policies::{Policy, Terms};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use wording::{Language, filled, term};

use super::{agency_of, helped, identity_of, office_of};
use crate::{
    Api,
    caller::Caller,
    cities::city_code,
    input::{Body, Params, parse},
    language::Reads,
    problem::{ApiError, tell},
};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct TierParams {
    city: String,
    /// `pension`, `medical` …
    insurance: String,
    /// `YYYY-MM`; this month when absent.
    month: Option<String>,
}

/// A tier that can be chosen.
#[derive(Serialize, ToSchema)]
pub(crate) struct OfferedTier {
    no: u16,
    label: String,
    /// Percent of the reference wage, where a published standard says so.
    percent: Option<u16>,
    /// Yuan; absent where amounts are published without a base.
    base: Option<String>,
    /// Yuan.
    monthly_amount: String,
}

/// Tiers of a month, or the bounds where any base between them can be chosen.
#[derive(Serialize, ToSchema)]
pub(crate) struct TierList {
    tiers: Vec<OfferedTier>,
    /// `agency`, or `policy`: the agency gave no answer, and these are the published standards that we know.
    source: String,
    /// The figures may change: they are of the last standard that is known (暂行), or the agency has not
    /// confirmed them.
    provisional: bool,
    /// What to know about figures that the agency did not give.
    note: Option<String>,
    /// Why the agency gave no answer, as a code.
    agency_problem: Option<String>,
    /// Yuan; of `policy`.
    base_floor: Option<String>,
    /// Yuan; of `policy`, where it is known.
    base_ceiling: Option<String>,
}

/// The tiers that can be chosen: the agency's, or those of published standards where it gives none.
#[utoipa::path(get, path = "/api/v1/people/{id}/tiers", tag = "counter", security(("bearer" = [])),
    params(("id" = String, Path, description = "the person's id"), TierParams),
    responses((status = 200, body = TierList)))]
pub(crate) async fn tiers(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Path(id): Path<String>,
    Params(params): Params<TierParams>,
) -> Result<Json<TierList>, ApiError> {
    api.people.person(caller.account, parse::<PersonId>("id", &id)?).await?;
    let insurance: Insurance = parse("insurance", &params.insurance)?;
    let month = match params.month {
        Some(month) => parse("month", &month)?,
        None => Month::of(api.clock.now()),
    };
    let city = city_code(&params.city)?;
    let office = office_of(&api, &city, insurance)?;
    let known = known(&api, &city, insurance, month);
    // An agency that is not connected here gives no answer either.
    let asked = match agency_of(&api, office) {
        Ok(agency) => {
            let listed = agency.list_tiers(&office.code, insurance, month).await;
            listed.map_err(|error| {
                (gives_no_answer(&error), helped(&api, &city, &office.code, error.into()))
            })
        }
        Err(error) => Err((true, error)),
    };
    let (no_answer, problem) = match asked {
        Ok(tiers) => {
            let tiers = tiers.into_iter().map(|tier| OfferedTier {
                label: label(language, tier.no, tier.label),
                percent: known.as_ref().and_then(|(policy, _)| percent(policy, tier.base)),
                no: tier.no,
                base: Some(tier.base.to_string()),
                monthly_amount: tier.monthly_amount.to_string(),
            });
            return Ok(Json(TierList {
                tiers: tiers.collect(),
                source: "agency".to_owned(),
                provisional: false,
                note: None,
                agency_problem: None,
                base_floor: None,
                base_ceiling: None,
            }));
        }
        Err(error) => error,
    };
    match known.filter(|_| no_answer) {
        Some((policy, carried)) => Ok(Json(of_policy(policy, carried, &problem, language))),
        None => Err(problem),
    }
}

/// Whether there is simply no answer, rather than one that says no.
const fn gives_no_answer(error: &AgencyError) -> bool {
    match error {
        AgencyError::NotSent | AgencyError::Unknown(_) => true,
        AgencyError::Objection(objection) => {
            objection.is_temporary() || matches!(objection, Objection::BasePendingPublish)
        }
        AgencyError::Misconfigured(_) => false,
    }
}

/// The published standard of a month, or the last one before it (`true`).
fn known<'a>(
    api: &'a Api,
    city: &CityCode,
    insurance: Insurance,
    month: Month,
) -> Option<(&'a Policy, bool)> {
    let policies = api.catalogue.policies_of(city, insurance, orders::usual_kind(insurance));
    let in_force = policies.iter().find(|policy| policy.period.contains(month));
    let last = policies.iter().rfind(|policy| policy.period.to() < month);
    in_force.map(|policy| (*policy, false)).or(last.map(|policy| (*policy, true)))
}

fn of_policy(policy: &Policy, carried: bool, problem: &ApiError, language: Language) -> TierList {
    let tier = |no, percent, base: Option<Fen>, monthly: Fen| OfferedTier {
        no,
        label: label(language, no, String::new()),
        percent,
        base: base.map(|base| base.to_string()),
        monthly_amount: monthly.to_string(),
    };
    let tiers = match &policy.terms {
        Terms::Tiers { tiers, .. } => {
            tiers.iter().map(|t| tier(t.no, t.percent, Some(t.base), t.monthly)).collect()
        }
        Terms::TierAmounts { tiers, .. } => {
            tiers.iter().map(|t| tier(t.no, t.percent, None, t.monthly)).collect()
        }
        _ => Vec::new(),
    };
    TierList {
        tiers,
        source: "policy".to_owned(),
        provisional: true,
        note: Some(term(language, if carried { "quote.provisional" } else { "quote.disclaimer" })),
        agency_problem: Some(problem.code().to_owned()),
        base_floor: policy.floor().map(|floor| floor.to_string()),
        base_ceiling: policy.ceiling().map(|ceiling| ceiling.to_string()),
    }
}

/// The agency's own name of a tier in Chinese; in English its number.
fn label(language: Language, no: u16, given: String) -> String {
    match language {
        Language::Chinese if !given.is_empty() => given,
        _ => filled(&term(language, "tier.label"), &[("no", no.to_string())]),
    }
}

/// What share of the reference wage a published base is.
fn percent(policy: &Policy, base: Fen) -> Option<u16> {
    policy.tiers().iter().find(|tier| tier.base == base)?.percent
}

/// A tier from a month on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TierWish {
    city: String,
    insurance: String,
    tier_no: u16,
    /// `YYYY-MM`
    from: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct TierChosenView {
    effective_from: String,
    /// Bills for the difference of months already paid.
    difference_bills: Vec<String>,
}

/// Chooses a tier (选档).
#[utoipa::path(put, path = "/api/v1/people/{id}/tier", tag = "counter", security(("bearer" = [])),
    params(("id" = String, Path, description = "the person's id")), request_body = TierWish,
    responses((status = 200, body = TierChosenView)))]
pub(crate) async fn choose_tier(
    State(api): State<Api>,
    Caller(caller): Caller,
    Path(id): Path<String>,
    Body(wish): Body<TierWish>,
) -> Result<Json<TierChosenView>, ApiError> {
    let identity = identity_of(&api, &caller, &id).await?;
    let insurance: Insurance = parse("insurance", &wish.insurance)?;
    let city = city_code(&wish.city)?;
    let office = office_of(&api, &city, insurance)?;
    let from: Month = parse("from", &wish.from)?;
    let agency = agency_of(&api, office)?;
    let told = |error: AgencyError| helped(&api, &city, &office.code, error.into());
    let tiers = agency.list_tiers(&office.code, insurance, from).await.map_err(told)?;
    if !tiers.iter().any(|tier| tier.no == wish.tier_no) {
        let known: Vec<u16> = tiers.iter().map(|tier| tier.no).collect();
        return Err(tell(StatusCode::UNPROCESSABLE_ENTITY, "tier_not_found")
            .value("tier", wish.tier_no)
            .with("tiers", json!(known)));
    }
    let choice = TierChoice {
        agency: office.code.clone(),
        identity,
        insurance,
        tier_no: wish.tier_no,
        from,
    };
    let chosen = agency.set_tier(&choice).await.map_err(told)?;
    Ok(Json(TierChosenView {
        effective_from: chosen.effective_from.to_string(),
        difference_bills: chosen.difference_bills.iter().map(ToString::to_string).collect(),
    }))
}
