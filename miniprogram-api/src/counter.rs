//! The agency's counter: enrolment, tiers and bills of an insured person.

pub(crate) mod bills;
pub(crate) mod card;
pub(crate) mod gaps;
pub(crate) mod tier;
pub(crate) mod tiers;
mod told;

use std::{collections::BTreeSet, sync::Arc};

use agency::Agency;
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use kernel::{AgencyCode, BillKind, CityCode, Insurance, Month, MonthRange, mask};
use orders::Counter;
use policies::{Agency as InsuranceAgency, Service};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use wording::Language;

use crate::{
    Api,
    caller::Caller,
    cities::{self, city_code},
    input::Params,
    language::Reads,
    problem::{ApiError, Told, invalid, tell},
    sight::seen_whole,
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
    /// Whether a month before this one is unpaid.
    arrears: bool,
}

/// An agency that did not answer, or objected. The others' answers stand.
#[derive(Serialize, ToSchema)]
pub(crate) struct AgencyProblem {
    agency: String,
    agency_name: String,
    code: String,
    #[serde(flatten)]
    told: Told,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct EnrolmentList {
    enrolments: Vec<EnrolmentView>,
    problems: Vec<AgencyProblem>,
}

/// Where and in which state the caller is insured. For the owner whose real name is proven.
#[utoipa::path(get, path = "/api/v1/people/{id}/enrolments", tag = "counter", security(("bearer" = [])),
    params(("id" = String, Path, description = "the person's id"), CityParams),
    responses((status = 200, body = EnrolmentList),
        (status = 403, description = "the real name is not proven (`real_name_needed`), or somebody else's (`not_for_payers`)")))]
pub(crate) async fn enrolments(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Path(id): Path<String>,
    Params(params): Params<CityParams>,
) -> Result<Json<EnrolmentList>, ApiError> {
    let city = city_code(&params.city)?;
    let person = seen_whole(&api, &caller, &id).await?;
    let counter = api.orders.counter(caller.account, person).await?;
    Ok(Json(enrolments_of(&api, &city, &counter, language, None).await?))
}

/// What all agencies of a city know of a person. With a personal number, one of them must know it.
pub(crate) async fn enrolments_of(
    api: &Api,
    city: &CityCode,
    counter: &Counter<'_>,
    language: Language,
    personal_no: Option<&str>,
) -> Result<EnrolmentList, ApiError> {
    let mut list = EnrolmentList { enrolments: Vec::new(), problems: Vec::new() };
    let mut errors = Vec::new();
    let mut numbers = Vec::new();
    for office in offices(api, city)? {
        let found = match agency_of(api, office) {
            Ok(_) => counter
                .enrolments(&office.code)
                .await
                .map_err(|error| helped(api, city, &office.code, error.into())),
            Err(error) => Err(error),
        };
        match found {
            Ok(enrolments) => {
                numbers.extend(enrolments.iter().filter_map(|one| one.personal_no.clone()));
                list.enrolments.extend(enrolments.into_iter().map(|enrolment| EnrolmentView {
                    insurance: enrolment.insurance.code().to_owned(),
                    insurance_label: words::insurance(language, enrolment.insurance),
                    agency: office.code.to_string(),
                    agency_name: office.name.clone(),
                    state: json!(enrolment.state).as_str().unwrap_or_default().to_owned(),
                    label: words::enrolment(language, enrolment.state),
                    personal_no: enrolment.personal_no.map(|number| mask::keep(&number, 0, 4)),
                    tier_no: enrolment.tier_no,
                    arrears: enrolment.arrears,
                }));
            }
            Err(error) => errors.push((office, error)),
        }
    }
    if let Some(typed) = personal_no {
        // An agency that is away may be the one that knows the number.
        let away = errors.iter().find(|(_, error)| error.code() != "not_enrolled");
        let known = numbers.iter().any(|number| number == typed);
        if let Some((_, error)) = away.filter(|_| !known) {
            return Err(error.clone());
        }
        counter
            .is_known_number(typed, &numbers)
            .await
            .map_err(|error| of_the_number(error.into(), "personal_no"))?;
    }
    if !list.enrolments.is_empty() {
        // Nobody is enrolled at every agency of a city: a child is not at the human resources bureau.
        errors.retain(|(_, error)| error.code() != "not_enrolled");
    }
    list.problems = told_or_raised(errors, list.enrolments.is_empty(), language)?;
    Ok(list)
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
        told: error.told(language),
    };
    Ok(errors.into_iter().map(problem).collect())
}

pub(crate) fn range(field: &str, from: Month, to: Month) -> Result<MonthRange, ApiError> {
    MonthRange::new(from, to).map_err(|reason| invalid(field, "months").because(reason))
}

/// Name and document were found before; what does not agree is the number that was typed beside them.
fn of_the_number(error: ApiError, field: &'static str) -> ApiError {
    let circumstance = if field == "card_no" { "card" } else { field };
    if error.code() == "identity_mismatch" {
        error.says("lookup", circumstance).with("field", json!(field))
    } else {
        error
    }
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
            let service = Service::of(insurance, BillKind::Regular);
            tell(StatusCode::NOT_FOUND, "service_not_offered")
                .term("service", words::service_key(service))
        },
    )
}

/// An error that has to do with an agency, with the hotline of such agencies in the city.
pub(crate) fn helped(api: &Api, city: &CityCode, code: &AgencyCode, error: ApiError) -> ApiError {
    error.helped(help_line(api, city, std::iter::once(code), Language::Chinese))
}

/// Whom to call about something that has to do with these agencies.
pub(crate) fn help_line<'a>(
    api: &Api,
    city: &CityCode,
    codes: impl Iterator<Item = &'a AgencyCode>,
    language: Language,
) -> Option<String> {
    let pack = api.catalogue.pack(city)?;
    let office = |code: &AgencyCode| pack.agencies.iter().find(|office| office.code == *code);
    let kinds = codes.filter_map(|code| Some(office(code)?.kind));
    words::help_line(language, &pack.hotlines, kinds)
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
