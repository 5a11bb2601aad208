//! Orders, payments and records over HTTP.

mod history;
mod told;
mod view;

use std::time::Duration;

use agency::{AgencyError, Objection};
use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use kernel::{BillKind, Fen, Month, OrderId, OrderNo, Timestamp};
use orders::{BillRefSeen, ChosenBill, OrderError, OrderFilter, PlaceOrder};
use platforms::WalletParameters;
use policies::Standing;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use wording::Language;

pub(crate) use self::told::told;
use self::view::OrderView;
pub(crate) use self::view::RecordView;
use crate::{
    Api,
    caller::Caller,
    cities::city_code,
    client::ClientAddress,
    counter::{self, MonthsView},
    input::{Body, Params, parse},
    language::Reads,
    problem::{ApiError, invalid, tell},
    session::Session,
};

/// What a citizen decided to pay, as it was on the screen.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrderWish {
    person_id: String,
    #[schema(example = "320200")]
    city: String,
    bills: Vec<BillWish>,
    /// From `POST /api/v1/confirmations`. Needed by all but the owner whose real name is proven.
    confirmation: Option<String>,
    /// `standard` (also when absent) or `elder`: the elder version leaves at least 30 minutes to pay.
    #[schema(example = "standard")]
    display_mode: Option<String>,
}

/// Whether the client shows its elder version (长辈版).
pub(crate) fn is_elder(display_mode: Option<&str>) -> Result<bool, ApiError> {
    match display_mode {
        None | Some("standard") => Ok(false),
        Some("elder") => Ok(true),
        Some(_) => Err(invalid("display_mode", "value")),
    }
}

/// A bill as `GET /api/v1/people/{id}/bills` showed it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BillWish {
    #[schema(example = "320200-hr")]
    agency: String,
    #[schema(example = "pension")]
    insurance: String,
    months: MonthsView,
    bill_no: String,
    version: u32,
    /// Yuan.
    #[schema(example = "898.80")]
    amount: String,
    /// As shown with the bill; needed for `back_payment` and `topup`.
    kind: Option<String>,
}

impl BillWish {
    pub(crate) fn read(&self) -> Result<ChosenBill, ApiError> {
        let amount = Fen::from_yuan(&self.amount)
            .map_err(|reason| invalid("bills.amount", "bill_amount").because(reason))?;
        Ok(ChosenBill {
            agency: parse("bills.agency", &self.agency)?,
            insurance: parse("bills.insurance", &self.insurance)?,
            months: self.months.read("bills.months")?,
            kind: match &self.kind {
                Some(kind) => parse("bills.kind", kind)?,
                None => BillKind::Regular,
            },
            seen: BillRefSeen {
                bill_no: parse("bills.bill_no", &self.bill_no)?,
                version: self.version,
                amount,
            },
        })
    }
}

/// Places an order: bills are frozen and locked. The same `Idempotency-Key` asks for the same order.
#[utoipa::path(post, path = "/api/v1/orders", tag = "orders", security(("bearer" = [])), request_body = OrderWish,
    params(("Idempotency-Key" = String, Header, description = "1 to 128 characters, new for each intent to pay")),
    responses((status = 201, body = RecordView), (status = 200, description = "placed before under this key", body = RecordView),
        (status = 409, description = "amount changed, or a bill belongs to another live order (请勿重复支付)")))]
pub(crate) async fn place(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    headers: HeaderMap,
    Body(wish): Body<OrderWish>,
) -> Result<(StatusCode, Json<RecordView>), ApiError> {
    let idempotency_key = idempotency_key(&headers)?;
    let city = city_code(&wish.city)?;
    if api.catalogue.pack(&city).is_none() {
        return Err(crate::cities::not_open(&city));
    }
    let order = PlaceOrder {
        account: caller.account,
        person: parse("person_id", &wish.person_id)?,
        city,
        channel: caller.channel,
        bills: wish.bills.iter().map(BillWish::read).collect::<Result<_, _>>()?,
        idempotency_key,
        confirmation: wish.confirmation,
        elder: is_elder(wish.display_mode.as_deref())?,
    };
    let placed = match api.orders.place(order.clone()).await {
        Ok(placed) => placed,
        Err(error) => return Err(refused(&api, &order, error, language).await),
    };
    let status = if placed.new { StatusCode::CREATED } else { StatusCode::OK };
    let record = api.orders.record(caller.account, &placed.order.order_no).await?;
    Ok((status, Json(RecordView::of(&api, caller.account, record, language).await?)))
}

/// A refusal with what helps: the order that is in the way, or when the agency opens again.
pub(crate) async fn refused(
    api: &Api,
    wish: &PlaceOrder,
    error: OrderError,
    language: Language,
) -> ApiError {
    let agencies = wish.bills.iter().map(|bill| &bill.agency);
    let help = counter::help_line(api, &wish.city, agencies, language);
    match error {
        OrderError::BillInOtherOrder { order: Some(order_no) } => {
            let told = told(OrderError::BillInOtherOrder { order: Some(order_no.clone()) });
            let Ok(record) = api.orders.record(wish.account, &order_no).await else { return told };
            match RecordView::of(api, wish.account, record, language).await {
                Ok(view) => told.with("order", json!(view)),
                Err(_) => told,
            }
        }
        OrderError::Agency(AgencyError::Objection(Objection::OutOfWindow)) => {
            let told = told(error);
            let pack = api.catalogue.pack(&wish.city);
            let next = pack.into_iter().flat_map(|pack| {
                wish.bills.iter().filter_map(|bill| {
                    let now = api.clock.now();
                    match pack.standing(&bill.agency, bill.insurance, bill.kind, now) {
                        Standing::Closed { next_opening } => next_opening,
                        Standing::Open { .. } | Standing::Maintenance { .. } => None,
                    }
                })
            });
            match next.max() {
                Some(next) => counter::opens(told, next).helped(help),
                None => told.helped(help),
            }
        }
        error => {
            let told = told(error);
            if concerns_agencies(told.code()) { told.helped(help) } else { told }
        }
    }
}

/// Whether an agency could say more than a bank or our own service.
fn concerns_agencies(code: &str) -> bool {
    !code.starts_with("channel_") && !matches!(code, "payer_refused" | "payer_balance")
}

fn idempotency_key(headers: &HeaderMap) -> Result<String, ApiError> {
    let key =
        headers.get("idempotency-key").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if (1..=128).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(key.to_owned());
    }
    if headers.get("idempotency-key").is_some_and(|value| !value.is_empty()) {
        return Err(invalid("Idempotency-Key", "idempotency_key"));
    }
    Err(tell(StatusCode::BAD_REQUEST, "idempotency_key_missing"))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageParams {
    /// `next` of the page before; the newest orders when absent.
    cursor: Option<String>,
    /// 1 to 50, 20 when absent.
    limit: Option<u32>,
    /// Only of this insured person.
    person: Option<String>,
    /// Placed on this day (Beijing) or later.
    #[param(example = "2026-11-01")]
    from: Option<String>,
    /// Placed on this day or earlier.
    #[param(example = "2026-11-30")]
    to: Option<String>,
    /// With a bill of this insurance.
    #[param(example = "pension")]
    insurance: Option<String>,
    /// With a contribution for this month (费款所属期) or a later one; with `insurance` of that insurance.
    #[param(example = "2023-01")]
    month_from: Option<String>,
    /// With a contribution for this month or an earlier one.
    #[param(example = "2023-12")]
    month_to: Option<String>,
    #[param(example = "320200")]
    city: Option<String>,
    /// State codes, one or several with commas between.
    #[param(example = "SUCCESS,SUCCESS_PARTIAL")]
    state: Option<String>,
}

impl PageParams {
    pub(crate) fn cursor(&self) -> Result<Option<OrderId>, ApiError> {
        self.cursor.as_deref().map(|cursor| parse("cursor", cursor)).transpose()
    }

    pub(crate) fn filter(&self) -> Result<OrderFilter, ApiError> {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let states = self.state.as_deref().unwrap_or_default().split(',').map(str::trim);
        let to = self.to.as_deref().map(|day| midnight("to", day)).transpose()?;
        let month = |field, text: &Option<String>| -> Result<Option<Month>, ApiError> {
            text.as_deref().map(|month| parse(field, month)).transpose()
        };
        let months_from = month("month_from", &self.month_from)?;
        let months_to = month("month_to", &self.month_to)?;
        if months_from.is_some() && months_to.is_some() && months_to < months_from {
            return Err(invalid("month_to", "months"));
        }
        Ok(OrderFilter {
            person: self.person.as_deref().map(|id| parse("person", id)).transpose()?,
            from: self.from.as_deref().map(|day| midnight("from", day)).transpose()?,
            before: to.map(|day| day.plus(DAY)),
            insurance: self
                .insurance
                .as_deref()
                .map(|code| parse("insurance", code))
                .transpose()?,
            months_from,
            months_to,
            city: self.city.as_deref().map(city_code).transpose()?,
            states: states
                .filter(|state| !state.is_empty())
                .take(orders::OrderState::ALL.len())
                .map(|state| parse("state", state))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// When a day begins in Beijing.
fn midnight(field: &'static str, day: &str) -> Result<Timestamp, ApiError> {
    Timestamp::from_beijing_text(&format!("{day} 00:00:00"))
        .map_err(|_| invalid(field, "day").because("a day is written like 2026-11-01"))
}

#[derive(Serialize, ToSchema)]
pub(crate) struct OrderPageView {
    orders: Vec<OrderView>,
    /// Where the next page begins; absent on the last.
    next: Option<String>,
}

/// The person's orders, newest first.
#[utoipa::path(get, path = "/api/v1/orders", tag = "orders", security(("bearer" = [])), params(PageParams),
    responses((status = 200, body = OrderPageView)))]
pub(crate) async fn list(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Params(params): Params<PageParams>,
) -> Result<Json<OrderPageView>, ApiError> {
    let (cursor, filter) = (params.cursor()?, params.filter()?);
    let limit = params.limit.unwrap_or(20).clamp(1, 50);
    let page = api.orders.list_matching(caller.account, &filter, cursor, limit).await?;
    let people = api.people.list_persons(caller.account).await?;
    let orders = page
        .orders
        .iter()
        .map(|(order, bills)| OrderView::of(&api, order, bills, &people, language));
    Ok(Json(OrderPageView {
        orders: orders.collect(),
        next: page.next.map(|next| next.to_string()),
    }))
}

/// One order with its bills, payment, postings, and what to do next.
#[utoipa::path(get, path = "/api/v1/orders/{order_no}", tag = "orders", security(("bearer" = [])),
    params(("order_no" = String, Path, description = "our order number")),
    responses((status = 200, body = RecordView), (status = 404, description = "no such order of this person")))]
pub(crate) async fn detail(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Path(order_no): Path<String>,
) -> Result<Json<RecordView>, ApiError> {
    let record = api.orders.look(caller.account, &number(&order_no)?).await?;
    Ok(Json(RecordView::of(&api, caller.account, record, language).await?))
}

/// What the mini-program hands to its wallet.
#[derive(Serialize, ToSchema)]
pub(crate) struct PaymentView {
    order_no: String,
    out_trade_no: String,
    /// Yuan.
    amount: String,
    expires_at: String,
    /// Arguments of `wx.requestPayment` (`timeStamp`, `nonceStr`, `package`, `signType`, `paySign`)
    /// or of `my.tradePay` (`tradeNO`), with `channel`.
    #[schema(value_type = Object)]
    wallet: WalletParameters,
}

/// Starts the payment, or continues the open one. May be repeated: the channel gets the same bytes.
///
/// Whatever the wallet then reports proves nothing: call `sync` and read the order.
#[utoipa::path(post, path = "/api/v1/orders/{order_no}/payments", tag = "orders", security(("bearer" = [])),
    params(("order_no" = String, Path, description = "our order number")),
    responses((status = 200, body = PaymentView), (status = 409, description = "the order cannot be paid (any more)"),
        (status = 502, description = "the channel did not answer; repeat the call")))]
pub(crate) async fn pay(
    State(api): State<Api>,
    Caller(caller): Caller,
    ClientAddress(address): ClientAddress,
    Reads(language): Reads,
    Path(order_no): Path<String>,
) -> Result<Json<PaymentView>, ApiError> {
    let order_no = number(&order_no)?;
    let started =
        api.orders.start_payment(caller.account, &order_no, caller.channel, address).await;
    let started = match started {
        Ok(started) => started,
        Err(error) => return Err(not_started(&api, &caller, &order_no, error, language).await),
    };
    Ok(Json(PaymentView {
        order_no: order_no.to_string(),
        out_trade_no: started.out_trade_no.to_string(),
        amount: started.amount.to_string(),
        expires_at: started.expires_at.rfc3339(),
        wallet: started.wallet,
    }))
}

/// Why a payment did not begin, with the hotlines of the agencies that it is about.
async fn not_started(
    api: &Api,
    caller: &Session,
    order_no: &OrderNo,
    error: OrderError,
    language: Language,
) -> ApiError {
    let told = told(error);
    if !concerns_agencies(told.code()) {
        return told;
    }
    let Ok(record) = api.orders.record(caller.account, order_no).await else { return told };
    let agencies = record.bills.iter().map(|bill| &bill.agency);
    let help = counter::help_line(api, &record.order.city, agencies, language);
    told.helped(help)
}

/// The client came back from its wallet: the channel is asked now.
#[utoipa::path(post, path = "/api/v1/orders/{order_no}/sync", tag = "orders", security(("bearer" = [])),
    params(("order_no" = String, Path, description = "our order number")),
    responses((status = 200, body = RecordView)))]
pub(crate) async fn sync(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Path(order_no): Path<String>,
) -> Result<Json<RecordView>, ApiError> {
    let order_no = number(&order_no)?;
    api.orders.sync(caller.account, &order_no).await?;
    let record = api.orders.record(caller.account, &order_no).await?;
    Ok(Json(RecordView::of(&api, caller.account, record, language).await?))
}

/// Gives up an unpaid order. Money that was faster wins.
#[utoipa::path(post, path = "/api/v1/orders/{order_no}/cancel", tag = "orders", security(("bearer" = [])),
    params(("order_no" = String, Path, description = "our order number")),
    responses((status = 200, body = RecordView), (status = 409, description = "past giving up")))]
pub(crate) async fn cancel(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Path(order_no): Path<String>,
) -> Result<Json<RecordView>, ApiError> {
    let order_no = number(&order_no)?;
    api.orders.cancel(caller.account, &order_no).await?;
    let record = api.orders.record(caller.account, &order_no).await?;
    Ok(Json(RecordView::of(&api, caller.account, record, language).await?))
}

pub(crate) fn number(text: &str) -> Result<OrderNo, ApiError> {
    OrderNo::new(text).map_err(|_| told(orders::OrderError::NotFound))
}
