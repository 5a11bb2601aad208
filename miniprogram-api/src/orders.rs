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
use kernel::{BillKind, Fen, OrderId, OrderNo, Timestamp};
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
                Some(next) => counter::opens(told, next),
                None => told,
            }
        }
        error => told(error),
    }
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
        Ok(OrderFilter {
            person: self.person.as_deref().map(|id| parse("person", id)).transpose()?,
            from: self.from.as_deref().map(|day| midnight("from", day)).transpose()?,
            before: to.map(|day| day.plus(DAY)),
            insurance: self
                .insurance
                .as_deref()
                .map(|code| parse("insurance", code))
                .transpose()?,
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
    Path(order_no): Path<String>,
) -> Result<Json<PaymentView>, ApiError> {
    let order_no = number(&order_no)?;
    let started =
        api.orders.start_payment(caller.account, &order_no, caller.channel, address).await?;
    Ok(Json(PaymentView {
        order_no: order_no.to_string(),
        out_trade_no: started.out_trade_no.to_string(),
        amount: started.amount.to_string(),
        expires_at: started.expires_at.rfc3339(),
        wallet: started.wallet,
    }))
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
