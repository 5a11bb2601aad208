//! What is due: contributions of months, years of residents, missed months and top-ups.

use std::collections::{BTreeSet, HashSet};

use agency::{AgencyError, Bill, BillState, Objection};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use kernel::{AgencyCode, BillKind, CityCode, Insurance, Month, MonthRange, Timestamp};
use orders::{FrozenBill, OrderError, OrderFilter, OrderState};
use policies::{Agency as InsuranceAgency, Service, Standing};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use wording::Language;

use super::{
    AgencyProblem, agency_of, helped, offered_insurances, office_of, offices, range, told_or_raised,
};
use crate::{
    Api,
    caller::Caller,
    cities::{self, city_code},
    input::{Params, parse},
    language::Reads,
    problem::{ApiError, internal, invalid, tell},
    quotes,
    session::Session,
    sight::{Sight, person_of},
    words,
};

/// Orders that are looked through for months that were paid: years of monthly paying.
const RECORDS_MOST: u32 = 50;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct BillParams {
    city: String,
    /// One insurance; all that the city offers to flexible employment when absent.
    insurance: Option<String>,
    /// One service of the city, such as `flex_pension`, `resident_medical`, `back_payment` or
    /// `account_topup`; missed months and top-ups are shown only when named.
    service: Option<String>,
    /// First month, `YYYY-MM`. Months of `year` when absent.
    from: Option<String>,
    /// Last month, `YYYY-MM`; `from` when absent.
    to: Option<String>,
    /// A whole year, for what is paid by the year.
    year: Option<u16>,
    /// Only bills of this category of residents.
    category: Option<String>,
}

impl BillParams {
    fn months(&self) -> Result<MonthRange, ApiError> {
        match (&self.from, self.year) {
            (Some(from), None) => {
                let from: Month = parse("from", from)?;
                let to = self.to.as_deref().map(|to| parse("to", to)).transpose()?;
                range("from,to", from, to.unwrap_or(from))
            }
            (None, Some(year)) if self.to.is_none() => {
                let january: Month = parse("year", &format!("{year:04}-01"))?;
                let december: Month = parse("year", &format!("{year:04}-12"))?;
                range("year", january, december)
            }
            _ => Err(invalid("from", "months")),
        }
    }

    /// Which insurances are asked for, and what kind of bills.
    fn asked(&self, api: &Api, city: &CityCode) -> Result<(Vec<Insurance>, BillKind), ApiError> {
        let insurance = self.insurance.as_deref().map(|i| parse("insurance", i)).transpose()?;
        let Some(service) = &self.service else {
            return match insurance {
                Some(insurance) => Ok((vec![insurance], BillKind::Regular)),
                None => Ok((offered_insurances(api, city)?, BillKind::Regular)),
            };
        };
        let service: Service = parse("service", service)?;
        offices(api, city)?;
        let pack = api.catalogue.pack(city).ok_or_else(|| cities::not_open(city))?;
        if !pack.open.contains(&service) {
            return Err(not_offered(service.insurance(), service.bill_kind()));
        }
        let offered: Vec<Insurance> = match (service, &pack.back_payment) {
            (Service::BackPayment, Some(rule)) => rule.insurances.clone(),
            _ => vec![service.insurance()],
        };
        let wanted = |offered: &Insurance| insurance.is_none_or(|wanted| wanted == *offered);
        Ok((offered.into_iter().filter(wanted).collect(), service.bill_kind()))
    }
}

/// What cannot be paid in the city through us, said by what it is.
pub(crate) fn not_offered(insurance: Insurance, kind: BillKind) -> ApiError {
    let service = words::service_key(Service::of(insurance, kind));
    tell(StatusCode::NOT_FOUND, "service_not_offered").term("service", service)
}

/// First and last month, both included.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MonthsView {
    #[schema(example = "2023-01")]
    pub(crate) from: String,
    #[schema(example = "2023-01")]
    pub(crate) to: String,
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
    /// Percent, such as `20%`; absent for flat amounts, and for all but the owner whose real name is
    /// proven.
    rate: Option<String>,
    /// Yuan.
    amount: String,
}

impl ComponentView {
    pub(crate) fn list(
        components: &[agency::BillComponent],
        language: Language,
    ) -> Vec<ComponentView> {
        let view = |part: &agency::BillComponent| ComponentView {
            code: part.code.clone(),
            name: words::component(language, &part.code, &part.name),
            rate: part.rate_bp.map(|rate| rate.to_string()),
            amount: part.amount.to_string(),
        };
        components.iter().map(view).collect()
    }

    /// As somebody may see them; a rate tells the base.
    pub(crate) fn seen(
        components: &[agency::BillComponent],
        sight: Sight,
        language: Language,
    ) -> Vec<ComponentView> {
        let mut list = ComponentView::list(components, language);
        if !sight.is_whole() {
            list.iter_mut().for_each(|part| part.rate = None);
        }
        list
    }
}

/// Our calculation beside the agency's amount.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreviewView {
    /// Yuan.
    total: String,
    /// The agency's amount decides; a difference is shown and must be confirmed.
    differs: bool,
    /// A month has no standard yet and was worked out by the last known one (暂行).
    provisional: bool,
    #[schema(value_type = Object)]
    quote: Value,
}

/// Whether the agency takes money for a bill at this moment.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct WindowView {
    open: bool,
    /// When the window ends, where it does.
    closes_at: Option<String>,
    /// When it opens again, where that is known.
    next_opening: Option<String>,
    /// Until when the agency's system is away.
    maintenance_until: Option<String>,
}

impl WindowView {
    pub(crate) fn of(standing: Standing) -> WindowView {
        let told = |moment: Option<Timestamp>| moment.map(Timestamp::rfc3339);
        let (open, closes_at, next_opening, maintenance_until) = match standing {
            Standing::Open { closes_at } => (true, told(closes_at), None, None),
            Standing::Closed { next_opening } => (false, None, told(next_opening), None),
            Standing::Maintenance { until } => (false, None, None, told(Some(until))),
        };
        WindowView { open, closes_at, next_opening, maintenance_until }
    }
}

/// What a bill is for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct BillKindView {
    /// `regular`, `difference`, `back_payment`, `resident` or `topup`.
    kind: String,
    kind_label: String,
    /// Whether the months mean anything: a top-up has none.
    has_period: bool,
}

impl BillKindView {
    pub(crate) fn of(kind: BillKind, language: Language) -> BillKindView {
        BillKindView {
            kind: kind.code().to_owned(),
            kind_label: words::bill_kind(language, kind),
            has_period: kind.is_premium(),
        }
    }
}

/// Whose yearly amount a residents' bill is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct CategoryView {
    code: String,
    name: String,
}

impl CategoryView {
    pub(crate) fn of(category: &agency::BillCategory, language: Language) -> CategoryView {
        CategoryView {
            code: category.code.clone(),
            name: words::category(language, &category.code, &category.name),
        }
    }
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
    /// What it is for, in words: `职工基本医疗保险(补缴)`, `医保个人账户充值`.
    label: String,
    months: MonthsView,
    /// Yuan.
    base: Option<String>,
    tier_no: Option<u16>,
    /// Yuan. The agency's word.
    amount: String,
    components: Vec<ComponentView>,
    /// `due`, `paid`, `locked`, or `expired`: unpaid, and too late to be paid here.
    state: String,
    due_until: Option<String>,
    preview: Option<PreviewView>,
    #[serde(flatten)]
    kind: BillKindView,
    category: Option<CategoryView>,
    window: WindowView,
    /// From when on a missed month cannot be paid back any more.
    back_payment_deadline: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct BillList {
    bills: Vec<BillView>,
    /// Yuan; of the bills that are due.
    total_due: String,
    problems: Vec<AgencyProblem>,
}

/// What is due (查询应缴). Pass the bills to `POST /api/v1/orders` as they are here. Paid bills are shown
/// to the owner whose real name is proven; to others those that they paid themselves.
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
    let months = params.months()?;
    let (asked, kind) = params.asked(&api, &city)?;
    let everything = asked.len() > 1;
    let person = person_of(&api, &caller, &id).await?;
    let sight = Sight::of(&person);
    let counter = api.orders.counter(caller.account, person.id).await?;
    let shown = Shown::of(&api, caller.account, sight).await?;
    let now = api.clock.now();
    let mut views = Vec::new();
    let mut due = Vec::new();
    let mut errors = Vec::new();
    for insurance in asked {
        let office = office_of(&api, &city, insurance)?;
        let found = match agency_of(&api, office) {
            Ok(_) => counter
                .bills(&office.code, insurance, months, kind)
                .await
                .map_err(|error| agency_told(&api, &city, (&office.code, insurance, kind), error)),
            Err(error) => Err(error),
        };
        match found {
            Ok(mut bills) => {
                if let Some(wanted) = &params.category {
                    bills.retain(|b| b.category.as_ref().is_some_and(|c| c.code == *wanted));
                }
                // The state pays: nothing is offered that no wallet could take.
                let billed = bills.len();
                bills.retain(|bill| bill.state == BillState::Paid || !bill.amount.is_zero());
                let subsidised = bills.len() < billed;
                bills.retain(|bill| shown.shows(bill));
                let payable =
                    |bill: &&Bill| bill.state == BillState::Due && !is_over(&api, &city, bill, now);
                let before = due.len();
                due.extend(bills.iter().filter(payable).map(|bill| bill.amount));
                if subsidised && due.len() == before {
                    let told = AgencyError::Objection(Objection::FullySubsidised);
                    errors.push((office, told.into()));
                }
                let view = |bill| bill_view(&api, &city, office, bill, (language, sight));
                views.extend(bills.into_iter().map(view));
            }
            Err(error) if error.code() == "no_bill" => {
                let paid = paid_months(&api, &caller, &id, insurance, months).await?;
                errors.push((office, nothing_due(error, paid)));
            }
            Err(error) => errors.push((office, error)),
        }
    }
    if everything && !views.is_empty() {
        // Nobody is enrolled in everything that a city offers.
        errors.retain(|(_, error)| error.code() != "not_enrolled");
    }
    let problems = told_or_raised(errors, views.is_empty(), language)?;
    let total_due =
        kernel::Fen::sum(due).ok_or_else(|| internal(&"the bills' sum is no amount"))?.to_string();
    Ok(Json(BillList { bills: views, total_due, problems }))
}

/// The months that were paid here, among those asked for: the agency lists nothing any more.
async fn paid_months(
    api: &Api,
    caller: &Session,
    person: &str,
    insurance: Insurance,
    asked: MonthRange,
) -> Result<Vec<Month>, ApiError> {
    let filter = OrderFilter {
        person: Some(parse("id", person)?),
        insurance: Some(insurance),
        months_from: Some(asked.from()),
        months_to: Some(asked.to()),
        states: vec![OrderState::Success, OrderState::SuccessPartial],
        ..OrderFilter::default()
    };
    let page = api.orders.list_matching(caller.account, &filter, None, RECORDS_MOST).await?;
    let mut months = BTreeSet::new();
    for (order, _) in page.orders {
        let record = api.orders.record(caller.account, &order.order_no).await?;
        let booked = |bill: &&FrozenBill| {
            let posting = record
                .postings
                .iter()
                .find(|p| p.agency == bill.agency && p.bill_no == bill.bill.bill_no);
            bill.insurance == insurance
                && bill.kind.is_premium()
                && posting.is_some_and(|posting| posting.state.is_booked())
        };
        for bill in record.bills.iter().filter(booked) {
            months.extend(bill.months.months().filter(|month| asked.contains(*month)));
        }
    }
    Ok(months.into_iter().collect())
}

/// That nothing is due, with what was paid where that is known.
fn nothing_due(error: ApiError, paid: Vec<Month>) -> ApiError {
    let told = error.with("paid_months", json!(paid));
    if paid.is_empty() { told } else { told.says("bills", "paid").months("months", paid) }
}

/// Which bills a caller may see.
enum Shown {
    All,
    /// Those that are not paid, and these that the caller paid.
    UnpaidAnd(HashSet<(String, String)>),
}

impl Shown {
    async fn of(api: &Api, account: kernel::AccountId, sight: Sight) -> Result<Shown, ApiError> {
        Ok(match sight {
            Sight::Whole => Shown::All,
            Sight::Unproven | Sight::Payer => {
                Shown::UnpaidAnd(api.orders.paid_bills(account).await?)
            }
        })
    }

    fn shows(&self, bill: &Bill) -> bool {
        match self {
            Shown::All => true,
            Shown::UnpaidAnd(paid) => {
                let named = || (bill.agency.to_string(), bill.bill_no.to_string());
                bill.state != BillState::Paid || paid.contains(&named())
            }
        }
    }
}

/// From when on a missed month cannot be paid back any more.
fn deadline(api: &Api, city: &CityCode, bill: &Bill) -> Option<Timestamp> {
    let rule = api.catalogue.pack(city)?.back_payment.as_ref()?;
    (bill.kind == BillKind::BackPayment).then(|| rule.deadline(bill.months.from())).flatten()
}

/// Whether the time in which a bill could be paid is over.
pub(super) fn is_over(api: &Api, city: &CityCode, bill: &Bill, now: Timestamp) -> bool {
    let ends = [deadline(api, city, bill), bill.due_until];
    ends.into_iter().flatten().any(|end| now >= end)
}

impl BillView {
    /// What all but the person see of a bill: amounts and states. Base, tier, rates and the steps of the
    /// calculation tell what the person earns or chose.
    fn narrowed(mut self) -> BillView {
        self.components.iter_mut().for_each(|part| part.rate = None);
        BillView { base: None, tier_no: None, preview: None, ..self }
    }
}

pub(super) fn bill_view(
    api: &Api,
    city: &CityCode,
    office: &InsuranceAgency,
    bill: Bill,
    (language, sight): (Language, Sight),
) -> BillView {
    let preview = orders::preview(&api.catalogue, city, &bill).map(|quote| PreviewView {
        total: quote.total.to_string(),
        differs: quote.total != bill.amount,
        provisional: quote.provisional,
        quote: quotes::told(&quote, language),
    });
    let pack = api.catalogue.pack(city);
    let now = api.clock.now();
    let standing = pack.map_or(Standing::Open { closes_at: None }, |pack| {
        pack.standing(&bill.agency, bill.insurance, bill.kind, now)
    });
    let over = bill.state == BillState::Due && is_over(api, city, &bill, now);
    // Open for whom? This one is too late, whatever the window says of others.
    let standing = if over { Standing::Closed { next_opening: None } } else { standing };
    let state = json!(bill.state).as_str().unwrap_or_default().to_owned();
    let view = BillView {
        bill_no: bill.bill_no.to_string(),
        version: bill.version,
        agency: bill.agency.to_string(),
        agency_name: office.name.clone(),
        insurance: bill.insurance.code().to_owned(),
        insurance_label: words::insurance(language, bill.insurance),
        label: words::item(language, bill.insurance, bill.kind, bill.category.as_ref()),
        months: MonthsView::of(bill.months),
        base: bill.base.map(|base| base.to_string()),
        tier_no: bill.tier_no,
        amount: bill.amount.to_string(),
        components: ComponentView::list(&bill.components, language),
        state: if over { "expired".to_owned() } else { state },
        due_until: bill.due_until.map(|until| until.rfc3339()),
        preview,
        kind: BillKindView::of(bill.kind, language),
        category: bill.category.as_ref().map(|category| CategoryView::of(category, language)),
        window: WindowView::of(standing),
        back_payment_deadline: deadline(api, city, &bill).map(Timestamp::rfc3339),
    };
    if sight.is_whole() { view } else { view.narrowed() }
}

/// An agency's objection, with what the city's pack knows about when it will take money again.
pub(crate) fn agency_told(
    api: &Api,
    city: &CityCode,
    (agency, insurance, kind): (&AgencyCode, Insurance, BillKind),
    error: OrderError,
) -> ApiError {
    let closed =
        matches!(error, OrderError::Agency(AgencyError::Objection(Objection::OutOfWindow)));
    let told = helped(api, city, agency, error.into());
    let Some(pack) = api.catalogue.pack(city).filter(|_| closed) else { return told };
    match pack.standing(agency, insurance, kind, api.clock.now()) {
        Standing::Closed { next_opening: Some(next) } => opens(told, next),
        _ => told,
    }
}

/// Tells when the window opens next.
pub(crate) fn opens(told: ApiError, next: Timestamp) -> ApiError {
    told.says("window", "closed").moment("next", next).with("next_opening", json!(next))
}
