//! The agency's counter: enrolment, tiers and bills of an insured person.

pub(crate) mod bills;
pub(crate) mod card;
pub(crate) mod gaps;
mod told;

use std::{collections::BTreeSet, sync::Arc};

use agency::{Agency, AgencyError, Objection, TierChoice};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use kernel::{AgencyCode, CityCode, Identity, Insurance, Month, MonthRange, PersonId, mask};
use policies::Agency as InsuranceAgency;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use wording::Language;

use crate::{
    Api,
    caller::Caller,
    cities::{self, city_code},
    input::{Body, Params, parse},
    language::Reads,
    problem::{ApiError, invalid, tell},
    words,
};

pub use self::gaps::unpaid_months;
pub(crate) use self::{
    bills::{
        BillKindView, CategoryView, ComponentView, MonthsView, WindowView, not_offered, opens,
    },
    card::TopupLimits,
};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct CityParams {
    /// The city of enrolment (参保地).
    city: String,
}

/// One insurance of the person at one agency.
#[derive(Serialize, ToSchema)]
pub(crate) struct EnrolmentView {
    insurance: String,
    insurance_label: String,
    agency: String,
    agency_name: String,
    /// `active`, `suspended`, `ended`, `not_enrolled` or `retired`.
    state: String,
    label: String,
    /// Masked.
    personal_no: Option<String>,
    tier_no: Option<u16>,
    /// Absent, like number and tier, for somebody else: a payer sees amounts and states.
    arrears: Option<bool>,
}

/// An agency that did not answer, or objected. The others' answers stand.
#[derive(Serialize, ToSchema)]
pub(crate) struct AgencyProblem {
    agency: String,
    agency_name: String,
    code: String,
    detail: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct EnrolmentList {
    enrolments: Vec<EnrolmentView>,
    problems: Vec<AgencyProblem>,
}

/// Where and in which state the person is insured.
#[utoipa::path(get, path = "/api/v1/people/{id}/enrolments", tag = "counter", security(("bearer" = [])),
    params(("id" = String, Path, description = "the person's id"), CityParams),
    responses((status = 200, body = EnrolmentList)))]
pub(crate) async fn enrolments(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Path(id): Path<String>,
    Params(params): Params<CityParams>,
) -> Result<Json<EnrolmentList>, ApiError> {
    let city = city_code(&params.city)?;
    let identity = identity_of(&api, &caller, &id).await?;
    let whole = sees_whole(&api, &caller, &id).await?;
    Ok(Json(enrolments_of(&api, &caller, &city, &identity, language, (None, whole)).await?))
}

/// What all agencies of a city know of a person. With a personal number, one of them must know it.
/// `whole`: the caller is the person, and sees more than states.
pub(crate) async fn enrolments_of(
    api: &Api,
    caller: &crate::session::Session,
    city: &CityCode,
    identity: &Identity,
    language: Language,
    (personal_no, whole): (Option<&str>, bool),
) -> Result<EnrolmentList, ApiError> {
    let mut list = EnrolmentList { enrolments: Vec::new(), problems: Vec::new() };
    let mut errors = Vec::new();
    let mut recognised = personal_no.is_none();
    for office in offices(api, city)? {
        let found = match agency_of(api, office) {
            Ok(agency) => {
                agency.query_insured(&office.code, identity).await.map_err(ApiError::from)
            }
            Err(error) => Err(error),
        };
        match found {
            Ok(enrolments) => {
                recognised |= enrolments
                    .iter()
                    .any(|enrolment| enrolment.personal_no.as_deref() == personal_no);
                list.enrolments.extend(enrolments.into_iter().map(|enrolment| {
                    EnrolmentView {
                        insurance: enrolment.insurance.code().to_owned(),
                        insurance_label: words::insurance(language, enrolment.insurance),
                        agency: office.code.to_string(),
                        agency_name: office.name.clone(),
                        state: json!(enrolment.state).as_str().unwrap_or_default().to_owned(),
                        label: words::enrolment(language, enrolment.state),
                        personal_no: enrolment
                            .personal_no
                            .filter(|_| whole)
                            .map(|number| mask::keep(&number, 0, 4)),
                        tier_no: enrolment.tier_no.filter(|_| whole),
                        arrears: whole.then_some(enrolment.arrears),
                    }
                }));
            }
            Err(error) => errors.push((office, error)),
        }
    }
    // An agency that is away may be the one that knows the number.
    let away = errors.iter().find(|(_, error)| error.code() != "not_enrolled");
    if let Some((_, error)) = away.filter(|_| !recognised) {
        return Err(error.clone());
    }
    count_mismatches(api, caller, &errors).await;
    list.problems = told_or_raised(errors, list.enrolments.is_empty(), language)?;
    if recognised {
        Ok(list)
    } else {
        Err(AgencyError::Objection(Objection::IdentityMismatch).into())
    }
}

/// When nothing at all could be answered the first error is the answer; otherwise errors stand beside
/// what was answered.
pub(crate) fn told_or_raised(
    errors: Vec<(&InsuranceAgency, ApiError)>,
    nothing_else: bool,
    language: Language,
) -> Result<Vec<AgencyProblem>, ApiError> {
    if nothing_else && let Some((_, error)) = errors.first() {
        return Err(error.clone());
    }
    let problem = |(office, error): (&InsuranceAgency, ApiError)| AgencyProblem {
        agency: office.code.to_string(),
        agency_name: office.name.clone(),
        code: error.code().to_owned(),
        detail: error.sentence(language),
    };
    Ok(errors.into_iter().map(problem).collect())
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct TierParams {
    city: String,
    /// `pension`, `medical` …
    insurance: String,
    /// `YYYY-MM`; this month when absent.
    month: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct TierView {
    no: u16,
    label: String,
    /// Yuan.
    base: String,
    /// Yuan.
    monthly_amount: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct TierList {
    tiers: Vec<TierView>,
}

/// The tiers that the agency offers.
#[utoipa::path(get, path = "/api/v1/people/{id}/tiers", tag = "counter", security(("bearer" = [])),
    params(("id" = String, Path, description = "the person's id"), TierParams),
    responses((status = 200, body = TierList)))]
pub(crate) async fn tiers(
    State(api): State<Api>,
    Caller(caller): Caller,
    Path(id): Path<String>,
    Params(params): Params<TierParams>,
) -> Result<Json<TierList>, ApiError> {
    api.people.person(caller.account, parse::<PersonId>("id", &id)?).await?;
    let insurance: Insurance = parse("insurance", &params.insurance)?;
    let month = match params.month {
        Some(month) => parse("month", &month)?,
        None => Month::of(api.clock.now()),
    };
    let office = office_of(&api, &city_code(&params.city)?, insurance)?;
    let tiers = agency_of(&api, office)?.list_tiers(&office.code, insurance, month).await?;
    let tiers = tiers.into_iter().map(|tier| TierView {
        no: tier.no,
        label: tier.label,
        base: tier.base.to_string(),
        monthly_amount: tier.monthly_amount.to_string(),
    });
    Ok(Json(TierList { tiers: tiers.collect() }))
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
    let office = office_of(&api, &city_code(&wish.city)?, insurance)?;
    let from: Month = parse("from", &wish.from)?;
    let agency = agency_of(&api, office)?;
    let tiers = agency.list_tiers(&office.code, insurance, from).await?;
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
    let chosen = agency.set_tier(&choice).await?;
    Ok(Json(TierChosenView {
        effective_from: chosen.effective_from.to_string(),
        difference_bills: chosen.difference_bills.iter().map(ToString::to_string).collect(),
    }))
}

/// Whether the caller is the person, and not somebody who pays for them.
async fn sees_whole(
    api: &Api,
    caller: &crate::session::Session,
    id: &str,
) -> Result<bool, ApiError> {
    let person = api.people.person(caller.account, parse::<PersonId>("id", id)?).await?;
    Ok(person.relation == people::Relation::Own)
}

pub(crate) async fn identity_of(
    api: &Api,
    caller: &crate::session::Session,
    id: &str,
) -> Result<Identity, ApiError> {
    api.attempts.check(caller.account)?;
    Ok(api.people.identity_of(caller.account, parse::<PersonId>("id", id)?).await?)
}

pub(crate) fn range(field: &str, from: Month, to: Month) -> Result<MonthRange, ApiError> {
    MonthRange::new(from, to).map_err(|reason| invalid(field, "months").because(reason))
}

/// The agencies of an open city.
pub(crate) fn offices<'a>(
    api: &'a Api,
    city: &CityCode,
) -> Result<&'a [InsuranceAgency], ApiError> {
    if api.catalogue.city(city).is_none() {
        return Err(cities::unknown_city());
    }
    let pack = api.catalogue.pack(city).ok_or_else(|| cities::not_open(city))?;
    Ok(&pack.agencies)
}

pub(crate) fn office_of<'a>(
    api: &'a Api,
    city: &CityCode,
    insurance: Insurance,
) -> Result<&'a InsuranceAgency, ApiError> {
    offices(api, city)?.iter().find(|office| office.insurances.contains(&insurance)).ok_or_else(
        || {
            tell(StatusCode::NOT_FOUND, "service_not_offered")
                .term("insurance", format!("insurance.{insurance}"))
        },
    )
}

/// The name of an agency, as the city's pack gives it.
pub(crate) fn agency_name(api: &Api, city: &CityCode, code: &AgencyCode) -> String {
    let pack = api.catalogue.pack(city);
    let office = pack.and_then(|pack| pack.agencies.iter().find(|office| office.code == *code));
    office.map_or_else(|| code.to_string(), |office| office.name.clone())
}

/// All that an open city offers, in a fixed order.
pub(crate) fn offered_insurances(api: &Api, city: &CityCode) -> Result<Vec<Insurance>, ApiError> {
    offices(api, city)?;
    let services = api.catalogue.services(city).iter();
    let offered = services.filter(|service| service.is_ordinary()).map(|s| s.insurance());
    Ok(offered.collect::<BTreeSet<_>>().into_iter().collect())
}

/// The agency behind an office of a pack.
pub(crate) fn agency_of(api: &Api, office: &InsuranceAgency) -> Result<Arc<dyn Agency>, ApiError> {
    api.orders.directory().agency(&office.code).map_err(|_| {
        tell(StatusCode::SERVICE_UNAVAILABLE, "agency_not_connected").value("agency", &office.name)
    })
}

pub(crate) async fn count_mismatches(
    api: &Api,
    caller: &crate::session::Session,
    errors: &[(&InsuranceAgency, ApiError)],
) {
    if errors.iter().any(|(_, error)| error.code() == "identity_mismatch") {
        api.attempts.count(caller.account);
    }
}
