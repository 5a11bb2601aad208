//! The control API: JSON over HTTP on its own port, for testers in any language. It is not part of
//! any platform, has no authentication, and therefore listens on loopback only. `GET /openapi.json`
//! describes it.

mod alipay;
mod routes;
mod shape;
mod wechat;

pub(crate) use routes::{Route, route, router as table_router};
pub(crate) use shape::{Platform, oddity_schema};

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kernel::{Channel, Timestamp};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    clocks::SCALE_MAX,
    delivery::{Attempt, Delivery},
    desk::{Desk, DeskError, NotificationRequest, PayRequest, TradeView},
    faults::{Chaos, Fault, FaultError, FaultKind, FaultTarget},
    letter::SignedNotification,
    phone::ExchangeView,
    settings::Settings,
};

const BODY_BYTES_MAX: usize = 64 * 1024;
/// How many trades or deliveries one answer lists unless asked, and at most.
const LISTED: usize = 100;
const LISTED_MAX: i64 = 10_000;
/// The longest jump of the clock at once: two years, past every window of both platforms.
const ADVANCE_SECONDS_MAX: i64 = 2 * 366 * 86_400;
/// A clock that is wrong by more is no clock.
const SKEW_SECONDS_MAX: i64 = 86_400;

pub(crate) fn router(desk: Desk) -> Router {
    routes::router(routes::ROUTES).layer(DefaultBodyLimit::max(BODY_BYTES_MAX)).with_state(desk)
}

/// Says in the API's own form that there is no such route, or that it is not called so.
pub(crate) fn closed(router: Router) -> Router {
    router
        .fallback(|| async { DeskError::NotFound("route; GET / lists them") })
        .method_not_allowed_fallback(|| async {
            let error = Error {
                error: "method_not_allowed",
                message: "this route has other methods; GET / lists them".to_owned(),
            };
            (StatusCode::METHOD_NOT_ALLOWED, Json(error))
        })
}

/// Why something is not possible.
#[derive(Serialize, ToSchema)]
struct Error {
    /// For programs.
    error: &'static str,
    /// For people.
    message: String,
}

impl IntoResponse for DeskError {
    fn into_response(self) -> Response {
        let (status, error) = match &self {
            DeskError::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            DeskError::BadRequest(_) => (StatusCode::BAD_REQUEST, "bad_request"),
            DeskError::Key(_) => (StatusCode::INTERNAL_SERVER_ERROR, "no_key"),
            DeskError::Folder(_) => (StatusCode::INTERNAL_SERVER_ERROR, "no_folder"),
            DeskError::Wallet(_) => (StatusCode::CONFLICT, "wallet_refused"),
        };
        (status, Json(Error { error, message: self.to_string() })).into_response()
    }
}

impl From<FaultError> for DeskError {
    fn from(error: FaultError) -> DeskError {
        DeskError::BadRequest(error.to_string())
    }
}

/// Reads a body. None at all says as much as an empty object: nothing.
pub(crate) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, DeskError> {
    let body: &[u8] = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|cause| DeskError::BadRequest(cause.to_string()))
}

/// Reads a query.
fn asked<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, DeskError> {
    query.map(|Query(read)| read).map_err(|cause| DeskError::BadRequest(cause.body_text()))
}

/// An object without members.
#[derive(Serialize, ToSchema)]
struct Nothing {}

/// What there is.
#[derive(Serialize, ToSchema)]
struct Index {
    routes: Vec<RouteHelp>,
    fault_targets: Vec<&'static str>,
    /// The names of the faults that each target has.
    faults: BTreeMap<&'static str, Vec<&'static str>>,
    platforms: Vec<&'static str>,
}

#[derive(Serialize, ToSchema)]
struct RouteHelp {
    route: String,
    help: String,
}

async fn index() -> Json<Index> {
    let targets = FaultTarget::ALL.iter().copied();
    Json(Index {
        routes: routes::index().map(|(route, help)| RouteHelp { route, help }).collect(),
        fault_targets: targets.clone().map(FaultTarget::code).collect(),
        faults: targets.map(|target| (target.code(), FaultKind::names_for(target))).collect(),
        platforms: Channel::ALL.iter().map(|channel| channel.code()).collect(),
    })
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CodeRequest {
    #[schema(value_type = Platform)]
    platform: Channel,
    user: Option<String>,
    /// A sub-merchant's mini-program at WeChat or Alipay's second application, in place of the mock's own.
    app_id: Option<String>,
}

async fn mint_login_code(State(desk): State<Desk>, body: Bytes) -> Result<Response, DeskError> {
    let CodeRequest { platform, user, app_id } = read(&body)?;
    let user = user.as_deref().unwrap_or("user");
    let minted = desk.mint_login_code_for(platform, user, app_id.as_deref())?;
    Ok(Json(minted).into_response())
}

async fn pay(State(desk): State<Desk>, body: Bytes) -> Result<Response, DeskError> {
    Ok(Json(desk.pay(&read::<PayRequest>(&body)?)?).into_response())
}

async fn cancel(State(desk): State<Desk>, body: Bytes) -> Result<Response, DeskError> {
    Ok(Json(desk.cancel(&read::<PayRequest>(&body)?)?).into_response())
}

async fn fail(State(desk): State<Desk>, body: Bytes) -> Result<Response, DeskError> {
    Ok(Json(desk.fail(&read::<PayRequest>(&body)?)?).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Named {
    #[schema(value_type = Platform)]
    platform: Channel,
    out_trade_no: String,
    /// Whose trade it is, when several WeChat merchants have one of this number.
    mchid: Option<String>,
}

async fn expire(State(desk): State<Desk>, body: Bytes) -> Result<Response, DeskError> {
    let Named { platform, out_trade_no, mchid } = read(&body)?;
    Ok(Json(desk.expire(platform, &out_trade_no, mchid.as_deref())?).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Listing {
    #[schema(value_type = Option<Platform>)]
    platform: Option<Channel>,
    out_trade_no: Option<String>,
    limit: Option<usize>,
}

/// How many an answer lists.
fn count_max(limit: Option<usize>) -> usize {
    limit.unwrap_or(LISTED).min(usize::try_from(LISTED_MAX).unwrap_or(LISTED))
}

/// What a trade is, seen by its platform.
#[derive(Serialize, ToSchema)]
struct Trades {
    trades: Vec<TradeView>,
}

async fn trades(
    State(desk): State<Desk>,
    query: Result<Query<Listing>, QueryRejection>,
) -> Result<Json<Trades>, DeskError> {
    let wanted = asked(query)?;
    let trades = match &wanted.out_trade_no {
        None => desk.trades(wanted.platform, count_max(wanted.limit)),
        Some(number) => {
            let platforms = Channel::ALL.iter().copied();
            let asked = platforms.filter(|p| wanted.platform.is_none_or(|wanted| wanted == *p));
            asked.flat_map(|platform| desk.trades_of(platform, number)).collect()
        }
    };
    Ok(Json(Trades { trades }))
}

/// What was told and will be.
#[derive(Serialize, ToSchema)]
struct Deliveries {
    deliveries: Vec<Delivery>,
}

async fn deliveries(
    State(desk): State<Desk>,
    query: Result<Query<Listing>, QueryRejection>,
) -> Result<Json<Deliveries>, DeskError> {
    let wanted = asked(query)?;
    let deliveries = desk.stage.office.list(
        |delivery| {
            wanted.platform.is_none_or(|platform| platform == delivery.platform)
                && wanted.out_trade_no.as_ref().is_none_or(|no| *no == delivery.out_trade_no)
        },
        count_max(wanted.limit),
    );
    Ok(Json(Deliveries { deliveries }))
}

async fn settle(State(desk): State<Desk>) -> Json<Nothing> {
    desk.stage.office.settle().await;
    Json(Nothing {})
}

async fn resend(State(desk): State<Desk>, Path(id): Path<String>) -> Result<Response, DeskError> {
    let attempt = desk.stage.office.resend(&id).await;
    Ok(Json(attempt.ok_or(DeskError::NotFound("delivery"))?).into_response())
}

/// A crafted notification, and what becomes of it.
#[derive(Deserialize, ToSchema)]
struct Notify {
    /// Sent, or returned to be sent by whoever asks.
    #[serde(default = "Notify::sent")]
    deliver: bool,
    #[serde(flatten)]
    request: NotificationRequest,
}

impl Notify {
    const fn sent() -> bool {
        true
    }
}

/// The attempt that was made, or the notification that was not sent.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Notified {
    Sent(Attempt),
    Written(SignedNotification),
}

async fn notify(State(desk): State<Desk>, body: Bytes) -> Result<Json<Notified>, DeskError> {
    let Notify { deliver, request } = read(&body)?;
    if deliver {
        return Ok(Json(Notified::Sent(desk.send_notification(&request).await?)));
    }
    let (_, signed) = desk.craft_notification(&request)?;
    Ok(Json(Notified::Written(signed)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct After {
    #[serde(default)]
    after: u64,
}

/// What passed the mocks.
#[derive(Serialize, ToSchema)]
struct Exchanges {
    exchanges: Vec<ExchangeView>,
}

async fn exchanges(
    State(desk): State<Desk>,
    query: Result<Query<After>, QueryRejection>,
) -> Result<Json<Exchanges>, DeskError> {
    let After { after } = asked(query)?;
    Ok(Json(Exchanges { exchanges: desk.stage.exchanges.after(after) }))
}

/// The mock's two times.
#[derive(Serialize, ToSchema)]
struct ClockView {
    /// Of trades and of the timetable.
    #[schema(value_type = String, format = DateTime)]
    now: Timestamp,
    /// In and against signatures.
    #[schema(value_type = String, format = DateTime)]
    wire: Timestamp,
    skew_seconds: i64,
    scale: i64,
    controlled: bool,
}

fn clock_view(desk: &Desk) -> Json<ClockView> {
    let clocks = &desk.stage.clocks;
    Json(ClockView {
        now: clocks.now(),
        wire: clocks.wire(),
        skew_seconds: clocks.skew_seconds(),
        scale: clocks.scale(),
        controlled: clocks.is_controlled(),
    })
}

async fn clock(State(desk): State<Desk>) -> Json<ClockView> {
    clock_view(&desk)
}

/// A number within its limits.
fn within(name: &str, number: i64, least: i64, most: i64) -> Result<i64, DeskError> {
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        Err(DeskError::BadRequest(format!("{name} is between {least} and {most}")))
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: i64,
}

async fn advance(State(desk): State<Desk>, body: Bytes) -> Result<Json<ClockView>, DeskError> {
    let Advance { seconds } = read(&body)?;
    let seconds = within("seconds", seconds, 0, ADVANCE_SECONDS_MAX)?.unsigned_abs();
    desk.stage.office.advance(std::time::Duration::from_secs(seconds)).await;
    Ok(clock_view(&desk))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Skew {
    seconds: i64,
}

async fn skew(State(desk): State<Desk>, body: Bytes) -> Result<Json<ClockView>, DeskError> {
    let Skew { seconds } = read(&body)?;
    let seconds = within("seconds", seconds, -SKEW_SECONDS_MAX, SKEW_SECONDS_MAX)?;
    desk.stage.clocks.set_skew(seconds);
    Ok(clock_view(&desk))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Scale {
    factor: i64,
}

async fn scale(State(desk): State<Desk>, body: Bytes) -> Result<Json<ClockView>, DeskError> {
    let Scale { factor } = read(&body)?;
    desk.stage.clocks.set_scale(within("factor", factor, 1, SCALE_MAX)?);
    Ok(clock_view(&desk))
}

/// An OpenAPI page.
#[derive(ToSchema)]
struct Page(
    #[expect(dead_code, reason = "the page is made as a value; this names its form")] Value,
);

async fn openapi(State(desk): State<Desk>) -> Json<Value> {
    Json(routes::openapi(&desk.home.facts().control_url))
}

/// What `POST /chaos` takes: [`Chaos`].
type ChaosBody = Chaos;

async fn chaos(State(desk): State<Desk>) -> Json<Chaos> {
    Json(desk.stage.faults.chaos())
}

async fn set_chaos(State(desk): State<Desk>, body: Bytes) -> Result<Json<Chaos>, DeskError> {
    desk.stage.faults.set_chaos(read(&body)?)?;
    Ok(chaos(State(desk)).await)
}

async fn end_chaos(State(desk): State<Desk>) -> Result<StatusCode, DeskError> {
    desk.stage.faults.set_chaos(Chaos::default())?;
    Ok(StatusCode::NO_CONTENT)
}

/// What `POST /faults` takes: [`Fault`].
type FaultBody = Fault;

/// Faults in the order in which they were ordered.
#[derive(Serialize, ToSchema)]
struct FaultList {
    faults: Vec<Fault>,
}

async fn faults(State(desk): State<Desk>) -> Json<FaultList> {
    Json(FaultList { faults: desk.stage.faults.list() })
}

async fn set_fault(State(desk): State<Desk>, body: Bytes) -> Result<Json<FaultList>, DeskError> {
    desk.stage.faults.set(read::<Fault>(&body)?)?;
    Ok(faults(State(desk)).await)
}

async fn clear_faults(State(desk): State<Desk>) -> StatusCode {
    desk.stage.faults.clear();
    StatusCode::NO_CONTENT
}

async fn settings(State(desk): State<Desk>) -> Json<Settings> {
    Json(desk.stage.switches.get())
}

/// Some of the switches: what `POST /settings` takes.
struct SomeSettings;

impl utoipa::PartialSchema for SomeSettings {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::{RefOr, Schema};
        let mut schema = Settings::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.required.clear();
        }
        schema
    }
}

impl ToSchema for SomeSettings {
    fn schemas(parts: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
        Settings::schemas(parts);
    }
}

/// What is given replaces what was; the rest stays.
async fn set_settings(State(desk): State<Desk>, body: Bytes) -> Result<Json<Settings>, DeskError> {
    let given: serde_json::Map<String, Value> = read(&body)?;
    let mut all = json!(desk.stage.switches.get());
    if let Some(all) = all.as_object_mut() {
        all.extend(given);
    }
    let settings =
        serde_json::from_value(all).map_err(|cause| DeskError::BadRequest(cause.to_string()))?;
    desk.stage.switches.set(settings);
    Ok(Json(settings))
}
