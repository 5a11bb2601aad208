//! Tiers (缴费档次): which there are. `tier.rs` chooses one.
//!
//! The agency's answer stands where there is one. Before it publishes new figures, or while it does not
//! answer, the tiers of our policies are shown and marked: choosing one still asks the agency.

use agency::{AgencyError, Objection};
use axum::{
    Json,
    extract::{Path, State},
};
use kernel::{CityCode, Fen, Insurance, Month};
use policies::{Policy, Terms};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wording::{Language, filled, term};

use super::{agency_of, helped, office_of};
use crate::{
    Api,
    caller::Caller,
    cities::city_code,
    input::{Params, parse},
    language::Reads,
    problem::ApiError,
    sight::person_of,
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
    person_of(&api, &caller, &id).await?;
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
                label: label(language, tier.no, &tier.label),
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
        label: label(language, no, ""),
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
pub(super) fn label(language: Language, no: u16, given: &str) -> String {
    match language {
        Language::Chinese if !given.is_empty() => given.to_owned(),
        _ => filled(&term(language, "tier.label"), &[("no", no.to_string())]),
    }
}

/// What share of the reference wage a published base is.
fn percent(policy: &Policy, base: Fen) -> Option<u16> {
    policy.tiers().iter().find(|tier| tier.base == base)?.percent
}
