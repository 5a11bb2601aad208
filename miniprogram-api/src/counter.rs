//! The agency's counter: enrolment, tiers and bills of an insured person.

mod told;

use std::{collections::BTreeSet, sync::Arc};

use agency::{Agency, Bill, BillQuery, BillState, TierChoice};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use kernel::{AgencyCode, CityCode, Identity, Insurance, Month, MonthRange, PersonId, mask};
use policies::{Agency as InsuranceAgency, Quote};
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
    problem::{ApiError, internal, invalid, tell},
    words,
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
    arrears: bool,
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
    let mut list = EnrolmentList { enrolments: Vec::new(), problems: Vec::new() };
    let mut errors = Vec::new();
    for office in offices(&api, &city)? {
        let found = match agency_of(&api, office) {
            Ok(agency) => {
                agency.query_insured(&office.code, &identity).await.map_err(ApiError::from)
            }
            Err(error) => Err(error),
        };
        match found {
            Ok(enrolments) => {
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
                }))
            }
            Err(error) => errors.push((office, error)),
        }
    }
    count_mismatches(&api, &caller, &errors).await;
    list.problems = told_or_raised(errors, list.enrolments.is_empty(), language)?;
    Ok(Json(list))
}

/// When nothing at all could be answered the first error is the answer; otherwise errors stand beside
/// what was answered.
fn told_or_raised(
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

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct BillParams {
    city: String,
    /// One insurance; all that the city offers to flexible employment when absent.
    insurance: Option<String>,
    /// First month, `YYYY-MM`.
    from: String,
    /// Last month, `YYYY-MM`; `from` when absent.
    to: Option<String>,
}

/// First and last month, both included.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MonthsView {
    #[schema(example = "2023-01")]
    from: String,
    #[schema(example = "2023-01")]
    to: String,
}

impl MonthsView {
    pub(crate) fn of(months: MonthRange) -> MonthsView {
        MonthsView { from: months.from().to_string(), to: months.to().to_string() }
    }

    pub(crate) fn read(&self, field: &str) -> Result<MonthRange, ApiError> {
        range(field, parse(field, &self.from)?, parse(field, &self.to)?)
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ComponentView {
    code: String,
    name: String,
    /// Percent, such as `20%`; absent for flat amounts.
    rate: Option<String>,
    /// Yuan.
    amount: String,
}

impl ComponentView {
    pub(crate) fn list(components: &[agency::BillComponent]) -> Vec<ComponentView> {
        let view = |part: &agency::BillComponent| ComponentView {
            code: part.code.clone(),
            name: part.name.clone(),
            rate: part.rate_bp.map(|rate| rate.to_string()),
            amount: part.amount.to_string(),
        };
        components.iter().map(view).collect()
    }
}

/// Our calculation beside the agency's amount.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreviewView {
    /// Yuan.
    total: String,
    /// The agency's amount decides; a difference is shown and must be confirmed.
    differs: bool,
    #[schema(value_type = Object)]
    quote: Quote,
}

/// What the agency says is due.
#[derive(Serialize, ToSchema)]
pub(crate) struct BillView {
    bill_no: String,
    version: u32,
    agency: String,
    agency_name: String,
    insurance: String,
    insurance_label: String,
    months: MonthsView,
    /// Yuan.
    base: Option<String>,
    tier_no: Option<u16>,
    /// Yuan. The agency's word.
    amount: String,
    components: Vec<ComponentView>,
    /// `due`, `paid` or `locked`.
    state: String,
    due_until: Option<String>,
    preview: Option<PreviewView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct BillList {
    bills: Vec<BillView>,
    /// Yuan; of the bills that are due.
    total_due: String,
    problems: Vec<AgencyProblem>,
}

/// What is due (查询应缴). Pass the bills to `POST /api/v1/orders` as they are here.
#[utoipa::path(get, path = "/api/v1/people/{id}/bills", tag = "counter", security(("bearer" = [])),
    params(("id" = String, Path, description = "the person's id"), BillParams),
    responses((status = 200, body = BillList)))]
pub(crate) async fn bills(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Path(id): Path<String>,
    Params(params): Params<BillParams>,
) -> Result<Json<BillList>, ApiError> {
    let city = city_code(&params.city)?;
    let from: Month = parse("from", &params.from)?;
    let to = match params.to {
        Some(to) => parse("to", &to)?,
        None => from,
    };
    let months = range("from,to", from, to)?;
    let asked: Vec<Insurance> = match params.insurance {
        Some(insurance) => vec![parse("insurance", &insurance)?],
        None => offered_insurances(&api, &city)?,
    };
    let everything = asked.len() > 1;
    let identity = identity_of(&api, &caller, &id).await?;
    let mut views = Vec::new();
    let mut due = Vec::new();
    let mut errors = Vec::new();
    for insurance in asked {
        let office = office_of(&api, &city, insurance)?;
        let query = BillQuery {
            agency: office.code.clone(),
            identity: identity.clone(),
            insurance,
            months,
        };
        let found = match agency_of(&api, office) {
            Ok(agency) => agency.query_bills(&query).await.map_err(ApiError::from),
            Err(error) => Err(error),
        };
        match found {
            Ok(bills) => {
                due.extend(
                    bills
                        .iter()
                        .filter(|bill| bill.state == BillState::Due)
                        .map(|bill| bill.amount),
                );
                views.extend(
                    bills.into_iter().map(|bill| bill_view(&api, &city, office, bill, language)),
                );
            }
            Err(error) => errors.push((office, error)),
        }
    }
    count_mismatches(&api, &caller, &errors).await;
    if everything && !views.is_empty() {
        // Nobody is enrolled in everything that a city offers.
        errors.retain(|(_, error)| error.code() != "not_enrolled");
    }
    let problems = told_or_raised(errors, views.is_empty(), language)?;
    let total_due =
        kernel::Fen::sum(due).ok_or_else(|| internal(&"the bills' sum is no amount"))?.to_string();
    Ok(Json(BillList { bills: views, total_due, problems }))
}

fn bill_view(
    api: &Api,
    city: &CityCode,
    office: &InsuranceAgency,
    bill: Bill,
    language: Language,
) -> BillView {
    let preview = orders::preview(&api.catalogue, city, &bill).map(|quote| PreviewView {
        total: quote.total.to_string(),
        differs: quote.total != bill.amount,
        quote,
    });
    BillView {
        bill_no: bill.bill_no.to_string(),
        version: bill.version,
        agency: bill.agency.to_string(),
        agency_name: office.name.clone(),
        insurance: bill.insurance.code().to_owned(),
        insurance_label: words::insurance(language, bill.insurance),
        months: MonthsView::of(bill.months),
        base: bill.base.map(|base| base.to_string()),
        tier_no: bill.tier_no,
        amount: bill.amount.to_string(),
        components: ComponentView::list(&bill.components),
        state: json!(bill.state).as_str().unwrap_or_default().to_owned(),
        due_until: bill.due_until.map(|until| until.rfc3339()),
        preview,
    }
}

async fn identity_of(
    api: &Api,
    caller: &crate::session::Session,
    id: &str,
) -> Result<Identity, ApiError> {
    api.attempts.check(caller.account).await?;
    Ok(api.people.identity_of(caller.account, parse::<PersonId>("id", id)?).await?)
}

fn range(field: &str, from: Month, to: Month) -> Result<MonthRange, ApiError> {
    MonthRange::new(from, to).map_err(|reason| invalid(field, "months").because(reason))
}

/// The agencies of an open city.
fn offices<'a>(api: &'a Api, city: &CityCode) -> Result<&'a [InsuranceAgency], ApiError> {
    if api.catalogue.city(city).is_none() {
        return Err(cities::unknown_city());
    }
    let pack = api.catalogue.pack(city).ok_or_else(|| cities::not_open(city))?;
    Ok(&pack.agencies)
}

fn office_of<'a>(
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
fn offered_insurances(api: &Api, city: &CityCode) -> Result<Vec<Insurance>, ApiError> {
    offices(api, city)?;
    let offered = api.catalogue.services(city).iter().map(|service| service.insurance());
    Ok(offered.collect::<BTreeSet<_>>().into_iter().collect())
}

/// The agency behind an office of a pack.
fn agency_of(api: &Api, office: &InsuranceAgency) -> Result<Arc<dyn Agency>, ApiError> {
    api.orders.directory().agency(&office.code).map_err(|_| {
        tell(StatusCode::SERVICE_UNAVAILABLE, "agency_not_connected").value("agency", &office.name)
    })
}

async fn count_mismatches(
    api: &Api,
    caller: &crate::session::Session,
    errors: &[(&InsuranceAgency, ApiError)],
) {
    if errors.iter().any(|(_, error)| error.code() == "identity_mismatch") {
        api.attempts.count(caller.account).await;
    }
}
