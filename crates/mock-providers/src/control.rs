//! The control API: JSON over HTTP on its own port, for testers in any language. It is not part of
//! any platform, has no authentication, and therefore listens on loopback only. `GET /openapi.json`
//! describes it.

mod alipay;
mod routes;
mod wechat;

pub(crate) use routes::{Kind, Member, Route, route, router as table_router};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kernel::Channel;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    clocks::SCALE_MAX,
    desk::{Desk, DeskError, NotificationRequest, PayRequest},
    faults::{Chaos, Fault, FaultError, FaultTarget},
    settings::Settings,
};

const BODY_BYTES_MAX: usize = 64 * 1024;
/// How many trades or deliveries one answer lists unless asked, and at most.
const LISTED: usize = 100;
const LISTED_MAX: usize = 10_000;
/// The longest jump of the clock at once: two years, past every window of both platforms.
const ADVANCE_SECONDS_MAX: u64 = 2 * 366 * 86_400;

pub(crate) fn router(desk: Desk) -> Router {
    routes::router(routes::ROUTES)
        .fallback(|| async { DeskError::NotFound("route; GET / lists them") })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(desk)
}

impl IntoResponse for DeskError {
    fn into_response(self) -> Response {
        let (status, code) = match &self {
            DeskError::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            DeskError::BadRequest(_) => (StatusCode::BAD_REQUEST, "bad_request"),
            DeskError::Key(_) => (StatusCode::INTERNAL_SERVER_ERROR, "no_key"),
            DeskError::Wallet(_) => (StatusCode::CONFLICT, "wallet_refused"),
        };
        (status, Json(json!({"error": code, "message": self.to_string()}))).into_response()
    }
}

impl From<FaultError> for DeskError {
    fn from(error: FaultError) -> DeskError {
        DeskError::BadRequest(error.to_string())
    }
}

pub(crate) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, DeskError> {
    serde_json::from_slice(body).map_err(|cause| DeskError::BadRequest(cause.to_string()))
}

async fn index() -> Json<Value> {
    let routes: Vec<Value> =
        routes::index().map(|(route, help)| json!({"route": route, "help": help})).collect();
    let targets: Vec<&str> = FaultTarget::ALL.iter().map(|target| target.code()).collect();
    Json(json!({"routes": routes, "fault_targets": targets, "platforms": ["wechat", "alipay"]}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeRequest {
    platform: Channel,
    user: Option<String>,
    /// Alipay: of the second application, when it names that.
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    platform: Channel,
    out_trade_no: String,
}

async fn expire(State(desk): State<Desk>, body: Bytes) -> Result<Response, DeskError> {
    let Named { platform, out_trade_no } = read(&body)?;
    Ok(Json(desk.expire(platform, &out_trade_no)?).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    platform: Option<Channel>,
    out_trade_no: Option<String>,
    limit: Option<usize>,
}

type Listed = Result<Query<Listing>, QueryRejection>;

fn listing(query: Listed) -> Result<Listing, DeskError> {
    query.map(|Query(l)| l).map_err(|cause| DeskError::BadRequest(cause.body_text()))
}

impl Listing {
    fn count_max(&self) -> usize {
        self.limit.unwrap_or(LISTED).min(LISTED_MAX)
    }
}

async fn trades(State(desk): State<Desk>, query: Listed) -> Result<Response, DeskError> {
    let wanted = listing(query)?;
    let views = match &wanted.out_trade_no {
        None => desk.trades(wanted.platform, wanted.count_max()),
        Some(number) => {
            let platforms = Channel::ALL.iter().copied();
            let asked = platforms.filter(|p| wanted.platform.is_none_or(|wanted| wanted == *p));
            asked.filter_map(|platform| desk.trade(platform, number)).collect()
        }
    };
    Ok(Json(json!({"trades": views})).into_response())
}

async fn deliveries(State(desk): State<Desk>, query: Listed) -> Result<Response, DeskError> {
    let wanted = listing(query)?;
    let found = desk.stage.office.list(
        |delivery| {
            wanted.platform.is_none_or(|platform| platform == delivery.platform)
                && wanted.out_trade_no.as_ref().is_none_or(|no| *no == delivery.out_trade_no)
        },
        wanted.count_max(),
    );
    Ok(Json(json!({"deliveries": found})).into_response())
}

async fn settle(State(desk): State<Desk>) -> Json<Value> {
    desk.stage.office.settle().await;
    Json(json!({}))
}

async fn resend(State(desk): State<Desk>, Path(id): Path<String>) -> Result<Response, DeskError> {
    let attempt = desk.stage.office.resend(&id).await;
    Ok(Json(attempt.ok_or(DeskError::NotFound("delivery"))?).into_response())
}

async fn notify(State(desk): State<Desk>, body: Bytes) -> Result<Response, DeskError> {
    // `deliver` is about this call, not about the notification.
    let mut value: Value = read(&body)?;
    let deliver = match value.as_object_mut().and_then(|map| map.remove("deliver")) {
        None => true,
        Some(Value::Bool(deliver)) => deliver,
        Some(_) => {
            return Err(DeskError::BadRequest("deliver must be true or false".to_owned()));
        }
    };
    let request = serde_json::from_value::<NotificationRequest>(value)
        .map_err(|cause| DeskError::BadRequest(cause.to_string()))?;
    if deliver {
        return Ok(Json(desk.send_notification(&request).await?).into_response());
    }
    let (_, signed) = desk.craft_notification(&request)?;
    Ok(Json(signed).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    #[serde(default)]
    after: u64,
}

async fn exchanges(
    State(desk): State<Desk>,
    query: Result<Query<After>, QueryRejection>,
) -> Result<Json<Value>, DeskError> {
    let Query(After { after }) = query.map_err(|cause| DeskError::BadRequest(cause.body_text()))?;
    Ok(Json(json!({"exchanges": desk.stage.exchanges.after(after)})))
}

fn clock_view(desk: &Desk) -> Json<Value> {
    let clocks = &desk.stage.clocks;
    Json(json!({
        "now": clocks.now(),
        "wire": clocks.wire(),
        "skew_seconds": clocks.skew_seconds(),
        "scale": clocks.scale(),
        "controlled": clocks.is_controlled(),
    }))
}

async fn clock(State(desk): State<Desk>) -> Json<Value> {
    clock_view(&desk)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: u64,
}

async fn advance(State(desk): State<Desk>, body: Bytes) -> Result<Json<Value>, DeskError> {
    let Advance { seconds } = read(&body)?;
    if seconds > ADVANCE_SECONDS_MAX {
        return Err(DeskError::BadRequest(format!("at most {ADVANCE_SECONDS_MAX} seconds")));
    }
    desk.stage.office.advance(std::time::Duration::from_secs(seconds)).await;
    Ok(clock_view(&desk))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Skew {
    seconds: i64,
}

async fn skew(State(desk): State<Desk>, body: Bytes) -> Result<Json<Value>, DeskError> {
    let Skew { seconds } = read(&body)?;
    if seconds.unsigned_abs() > 86_400 {
        return Err(DeskError::BadRequest("at most a day".to_owned()));
    }
    desk.stage.clocks.set_skew(seconds);
    Ok(clock_view(&desk))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scale {
    factor: i64,
}

async fn scale(State(desk): State<Desk>, body: Bytes) -> Result<Json<Value>, DeskError> {
    let Scale { factor } = read(&body)?;
    if !(1..=SCALE_MAX).contains(&factor) {
        return Err(DeskError::BadRequest(format!("factor is between 1 and {SCALE_MAX}")));
    }
    desk.stage.clocks.set_scale(factor);
    Ok(clock_view(&desk))
}

async fn openapi() -> Json<Value> {
    Json(routes::openapi())
}

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

async fn faults(State(desk): State<Desk>) -> Json<Value> {
    Json(json!({"faults": desk.stage.faults.list()}))
}

async fn set_fault(State(desk): State<Desk>, body: Bytes) -> Result<Json<Value>, DeskError> {
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
