//! Who pays for me, and family payment by a link (亲情代缴).

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use kernel::{OrderNo, PersonId};
use orders::{OrderRecord, OrderState};
use people::{NewPaymentRequest, PayerOf, PaymentRequest, Purpose, RequestState, RequestToken};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wording::Language;

use crate::{
    Api,
    caller::Caller,
    cities::{self, city_code},
    consents,
    counter::{BillKindView, CategoryView, MonthsView},
    input::{Body, parse},
    language::Reads,
    limits::Knock,
    persons::{GuardianWish, PersonView},
    problem::{ApiError, tell},
    words,
};

/// Somebody who holds the caller as an insured person.
#[derive(Serialize, ToSchema)]
pub(crate) struct PayerView {
    /// For removal.
    id: String,
    /// `other`: pays for the caller. `self`: says that they are the caller, and has not proven it.
    relation: String,
    platform: String,
    platform_label: String,
    /// Absent when the payer has not entered themselves.
    masked_name: Option<String>,
    since: String,
}

impl PayerView {
    fn of(payer: &PayerOf, language: Language) -> PayerView {
        PayerView {
            id: payer.id.to_string(),
            relation: payer.relation.code().to_owned(),
            platform: payer.channel.code().to_owned(),
            platform_label: words::platform(language, payer.channel),
            masked_name: payer.masked_name.clone(),
            since: payer.since.rfc3339(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PayerList {
    payers: Vec<PayerView>,
}

/// Who pays for the caller. Needs the caller's proven real name.
#[utoipa::path(get, path = "/api/v1/me/payers", tag = "me", security(("bearer" = [])),
    responses((status = 200, body = PayerList), (status = 403, description = "the real name is not proven (`real_name_needed`)")))]
pub(crate) async fn list(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
) -> Result<Json<PayerList>, ApiError> {
    let payers = api.people.list_payers(caller.account).await?;
    let views = payers.iter().map(|payer| PayerView::of(payer, language));
    Ok(Json(PayerList { payers: views.collect() }))
}

/// Takes the caller out of somebody's account. What is under way is still posted or refunded.
#[utoipa::path(delete, path = "/api/v1/me/payers/{id}", tag = "me", security(("bearer" = [])),
    params(("id" = String, Path, description = "as listed")),
    responses((status = 204), (status = 404, description = "no such payer")))]
pub(crate) async fn remove(
    State(api): State<Api>,
    Caller(caller): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    api.people.remove_payer(caller.account, parse("id", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What somebody is asked to pay: an unpaid order of the caller's, or whatever is due in a city.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestWish {
    #[schema(example = "320200")]
    city: Option<String>,
    /// Given up when somebody accepts, so that they can pay its bills.
    order_no: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RequestMade {
    /// Shown once. The link carries nothing else.
    token: String,
    /// Where the one who is asked looks, after logging in.
    path: String,
    request: RequestView,
}

/// A request as the one who is asked sees it.
#[derive(Serialize, ToSchema)]
pub(crate) struct RequestView {
    /// `open`, `accepted`, `withdrawn` or `expired`.
    state: String,
    /// Whether the caller made it.
    own: bool,
    masked_name: String,
    masked_number: String,
    city: String,
    city_name: String,
    order: Option<RequestedOrder>,
    created_at: String,
    expires_at: String,
    needs_guardian_statement: bool,
    /// Which consent is asked of whoever accepts.
    consent_text_version: String,
    /// Whom it became in the caller's account, when the caller accepted it.
    person_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RequestedOrder {
    /// Yuan.
    amount: String,
    items: Vec<RequestedItem>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RequestedItem {
    insurance: String,
    insurance_label: String,
    /// What it is for, in words: `职工基本医疗保险(补缴)`, `医保个人账户充值`.
    label: String,
    #[serde(flatten)]
    kind: BillKindView,
    category: Option<CategoryView>,
    months: MonthsView,
    /// Yuan.
    amount: String,
}

async fn order_of(api: &Api, request: &PaymentRequest) -> Result<Option<OrderRecord>, ApiError> {
    Ok(match &request.order {
        Some(order_no) => Some(api.orders.record(request.account, order_no).await?),
        None => None,
    })
}

fn view(
    api: &Api,
    caller: &crate::session::Session,
    request: &PaymentRequest,
    order: Option<&OrderRecord>,
    language: Language,
) -> RequestView {
    let item = |frozen: &orders::FrozenBill| RequestedItem {
        insurance: frozen.insurance.code().to_owned(),
        insurance_label: words::insurance(language, frozen.insurance),
        label: words::item(language, frozen.insurance, frozen.kind, frozen.category.as_ref()),
        kind: BillKindView::of(frozen.kind, language),
        category: frozen.category.as_ref().map(|known| CategoryView::of(known, language)),
        months: MonthsView::of(frozen.months),
        amount: frozen.bill.amount.to_string(),
    };
    let city = api.catalogue.city(&request.city);
    let accepted = request.accepted.filter(|(by, _)| *by == caller.account);
    RequestView {
        state: request.state.code().to_owned(),
        own: request.account == caller.account,
        masked_name: request.masked_name.clone(),
        masked_number: request.masked_number.clone(),
        city: request.city.to_string(),
        city_name: city.map_or_else(String::new, |city| city.short_name().to_owned()),
        order: order.map(|record| RequestedOrder {
            amount: record.order.amount.to_string(),
            items: record.bills.iter().map(item).collect(),
        }),
        created_at: request.created_at.rfc3339(),
        expires_at: request.expires_at.rfc3339(),
        needs_guardian_statement: request.needs_guardian,
        consent_text_version: consents::current(Purpose::PayForOther).to_owned(),
        person_id: accepted.map(|(_, person)| person.to_string()),
    }
}

/// Makes a link by which somebody in the family can take over paying (亲情代缴).
#[utoipa::path(post, path = "/api/v1/people/{id}/payment-requests", tag = "people", security(("bearer" = [])),
    params(("id" = String, Path, description = "the caller's own insured person, whose real name is proven")), request_body = RequestWish,
    responses((status = 201, body = RequestMade), (status = 403, description = "the real name is not proven"),
        (status = 409, description = "the order cannot be paid any more, or too many links are open")))]
pub(crate) async fn ask(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Path(id): Path<String>,
    Body(wish): Body<RequestWish>,
) -> Result<(StatusCode, Json<RequestMade>), ApiError> {
    let person: PersonId = parse("id", &id)?;
    let record = match &wish.order_no {
        Some(number) => {
            let number: OrderNo = parse("order_no", number)?;
            let record = api.orders.record(caller.account, &number).await?;
            if record.order.person != person {
                return Err(crate::orders::told(orders::OrderError::NotFound));
            }
            if !record.order.state.is_payable() {
                let state = record.order.state;
                return Err(crate::orders::told(orders::OrderError::NotPayable(state)));
            }
            Some(record)
        }
        None => None,
    };
    let city = match (&record, &wish.city) {
        (Some(record), _) => record.order.city.clone(),
        (None, Some(city)) => city_code(city)?,
        (None, None) => return Err(cities::unknown_city()),
    };
    if api.catalogue.pack(&city).is_none() {
        return Err(cities::not_open(&city));
    }
    let order = record.as_ref().map(|record| record.order.order_no.clone());
    let new = NewPaymentRequest { person, city, order };
    let (token, request) = api.people.ask_for_payment(caller.account, new).await?;
    let made = RequestMade {
        token: token.expose().to_owned(),
        path: format!("/api/v1/payment-requests/{}", token.expose()),
        request: view(&api, &caller, &request, record.as_ref(), language),
    };
    Ok((StatusCode::CREATED, Json(made)))
}

fn gone() -> ApiError {
    ApiError::from(people::PeopleError::RequestNotFound)
}

fn token_of(text: &str) -> Result<RequestToken, ApiError> {
    RequestToken::parse(text).ok_or_else(gone)
}

/// What a link asks for. One that is over is shown to its maker and to whoever accepted it.
#[utoipa::path(get, path = "/api/v1/payment-requests/{token}", tag = "people", security(("bearer" = [])),
    params(("token" = String, Path, description = "of the link")),
    responses((status = 200, body = RequestView), (status = 404, description = "no such link, or it is over")))]
pub(crate) async fn show(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Path(token): Path<String>,
) -> Result<Json<RequestView>, ApiError> {
    api.limits.check(Knock::Link, &caller.account.to_string())?;
    let request = api.people.payment_request(&token_of(&token)?).await?;
    let accepted = request.accepted.is_some_and(|(by, _)| by == caller.account);
    let own = request.account == caller.account;
    if request.state != RequestState::Open && !own && !accepted {
        return Err(gone());
    }
    let record = order_of(&api, &request).await?;
    Ok(Json(view(&api, &caller, &request, record.as_ref(), language)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcceptanceWish {
    #[schema(example = "2026-11")]
    consent_text_version: String,
    guardian_statement: Option<GuardianWish>,
}

/// The insured person, now in the caller's account.
#[derive(Serialize, ToSchema)]
pub(crate) struct Accepted {
    person: PersonView,
    city: String,
    /// Whether the asker's own order was given up, so that its bills can be ordered. `false` with an
    /// order: it is being closed, and its bills are free when its time is over.
    order_given_up: bool,
    message: String,
    next: String,
}

/// Takes over paying: the insured person joins the caller's list, and the caller orders and pays the
/// bills with their own wallet.
#[utoipa::path(post, path = "/api/v1/payment-requests/{token}/acceptance", tag = "people", security(("bearer" = [])),
    params(("token" = String, Path, description = "of the link")), request_body = AcceptanceWish,
    responses((status = 200, body = Accepted), (status = 404, description = "no such link, or it is over"),
        (status = 409, description = "paid already (`payment_request_paid`), or the caller's own")))]
pub(crate) async fn accept(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Path(token): Path<String>,
    Body(wish): Body<AcceptanceWish>,
) -> Result<Json<Accepted>, ApiError> {
    api.limits.check(Knock::Link, &caller.account.to_string())?;
    let token = token_of(&token)?;
    consents::check(Purpose::PayForOther, &wish.consent_text_version)?;
    let guardian = wish.guardian_statement.map(|statement| statement.text_version);
    if let Some(version) = &guardian {
        consents::check(Purpose::Guardian, version)?;
    }
    let request = api.people.payment_request(&token).await?;
    let paid = |state: OrderState| {
        !state.is_payable() && !matches!(state, OrderState::Closed | OrderState::Failed)
    };
    let record = order_of(&api, &request).await?;
    if request.state == RequestState::Open
        && record.as_ref().is_some_and(|record| paid(record.order.state))
    {
        return Err(tell(StatusCode::CONFLICT, "payment_request_paid"));
    }
    let version = wish.consent_text_version;
    let person =
        api.people.accept_payment_request(caller.account, &token, version, guardian).await?;
    // The asker agreed to this when making the link. Money that is faster wins, and the payer then
    // finds the bills paid.
    let order_given_up = match &record {
        Some(record) if record.order.state.is_payable() => {
            let given_up = api.orders.cancel(request.account, &record.order.order_no).await;
            if let Err(error) = &given_up {
                tracing::info!(order.no = %record.order.order_no, %error, "an order is not given up yet");
            }
            given_up.is_ok()
        }
        _ => false,
    };
    let said = wording::phrase(language, "family.accepted").unwrap_or_default();
    Ok(Json(Accepted {
        person: PersonView::of(&person),
        city: request.city.to_string(),
        order_given_up,
        message: said.message.to_owned(),
        next: said.next.to_owned(),
    }))
}

/// Ends a link of the caller's.
#[utoipa::path(delete, path = "/api/v1/payment-requests/{token}", tag = "people", security(("bearer" = [])),
    params(("token" = String, Path, description = "of the link")),
    responses((status = 204), (status = 404, description = "no such link of the caller's")))]
pub(crate) async fn withdraw(
    State(api): State<Api>,
    Caller(caller): Caller,
    Path(token): Path<String>,
) -> Result<StatusCode, ApiError> {
    api.people.withdraw_payment_request(caller.account, &token_of(&token)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
