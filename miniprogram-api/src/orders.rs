//! Orders, payments and records over HTTP.

mod told;
mod view;

use std::net::SocketAddr;

use axum::{
    Json,
    extract::{ConnectInfo, FromRequestParts, Path, State},
    http::{HeaderMap, StatusCode, request::Parts},
};
use kernel::{Fen, OrderId, OrderNo};
use orders::{BillRefSeen, ChosenBill, PlaceOrder};
use platforms::WalletParameters;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

pub(crate) use self::told::told;
use self::view::{OrderView, RecordView};
use crate::{
    Api,
    caller::Caller,
    cities::city_code,
    counter::MonthsView,
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
}

impl BillWish {
    fn read(&self) -> Result<ChosenBill, ApiError> {
        let amount = Fen::from_yuan(&self.amount)
            .map_err(|reason| invalid("bills.amount", "bill_amount").because(reason))?;
        Ok(ChosenBill {
            agency: parse("bills.agency", &self.agency)?,
            insurance: parse("bills.insurance", &self.insurance)?,
            months: self.months.read("bills.months")?,
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
    let placed = api
        .orders
        .place(PlaceOrder {
            account: caller.account,
            person: parse("person_id", &wish.person_id)?,
            city,
            channel: caller.channel,
            bills: wish.bills.iter().map(BillWish::read).collect::<Result<_, _>>()?,
            idempotency_key,
        })
        .await?;
    let status = if placed.new { StatusCode::CREATED } else { StatusCode::OK };
    let record = api.orders.record(caller.account, &placed.order.order_no).await?;
    Ok((status, Json(RecordView::of(&api, caller.account, record, language).await?)))
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
    let cursor: Option<OrderId> =
        params.cursor.as_deref().map(|cursor| parse("cursor", cursor)).transpose()?;
    let page =
        api.orders.list(caller.account, cursor, params.limit.unwrap_or(20).clamp(1, 50)).await?;
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
    let ip = address.map(|address| address.ip());
    let started = api.orders.start_payment(caller.account, &order_no, caller.channel, ip).await?;
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

fn number(text: &str) -> Result<OrderNo, ApiError> {
    OrderNo::new(text).map_err(|_| told(orders::OrderError::NotFound))
}

/// The peer's address where the server knows it; channels want the payer's.
pub(crate) struct ClientAddress(Option<SocketAddr>);

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(ClientAddress(parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0)))
    }
}
