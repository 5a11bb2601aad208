//! The citizens' face: JSON over HTTP for the mini-program.
//!
//! Players: a mini-program in WeChat or Alipay, often in the hands of an elderly person who is afraid
//! of paying twice. Promised: every error says what happened to the money and what to do, in Chinese
//! or English, with a stable code and a trace id; personal data leaves masked only; the wallet's own
//! report proves nothing; the same request twice is one order.
//!
//! Deliberately absent: decisions. The acts are in `orders`, the rules in `policies`; this room
//! reads, asks and words. Known quirks: every answer with personal data says `no-store`; times
//! are RFC 3339 at +08:00; amounts are yuan as strings.

mod bounded;
mod caller;
mod cities;
mod client;
mod confirmations;
mod consents;
mod counter;
mod display;
mod document;
mod guide;
mod input;
mod language;
mod limits;
mod me;
mod objections;
mod orders;
mod payers;
mod persons;
mod platform;
mod problem;
mod proofs;
mod quotes;
mod real_name;
mod reminders;
mod rights;
mod session;
mod sessions;
mod sight;
mod sms;
mod standards;
mod vouchers;
mod words;

use std::{sync::Arc, time::Duration};

use ::orders::Orders;
use ::reminders::Reminders;
use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use kernel::{Clock, Current, Entropy};
use people::People;
use platforms::CitizenProvider;
use policies::Catalogue;
use tokio::sync::watch;
use tower_http::{
    catch_panic::CatchPanicLayer, set_header::SetResponseHeaderLayer, timeout::TimeoutLayer,
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub use client::TrustedProxies;
pub use counter::unpaid_months;
pub use limits::Limits;
pub use session::{
    EmbeddedSessions, NewSession, RedisSessions, Session, SessionError, SessionId, SessionRules,
    SessionStore, Token,
};
pub use sms::{SmsError, SmsMessage, SmsSender};
pub use vouchers::CheckLimit;

/// The largest request of this face: an order with 50 bills is about 12 KB.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Above the slowest chain of outside calls in one request (agency twice, channel once).
const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// What this face is built from. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Api {
    pub orders: Orders,
    pub people: People,
    pub reminders: Reminders,
    pub catalogue: Arc<Catalogue>,
    pub sessions: Arc<dyn SessionStore>,
    /// One for each mini-program.
    pub logins: Current<Vec<Arc<dyn CitizenProvider>>>,
    /// Absent: this installation sends no short messages.
    pub sms: Option<Arc<dyn SmsSender>>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    /// Whose word about a caller's address is taken.
    pub proxies: TrustedProxies,
    pub limits: Limits,
    /// How often vouchers are checked.
    pub checks: CheckLimit,
    /// `false`: what needs the database is refused at once, and what is under way is cut off.
    pub database_answers: watch::Receiver<bool>,
}

/// All routes under `/api/v1`, `/openapi.json` and `/docs`.
pub fn router(api: Api) -> Router {
    let database_answers = api.database_answers.clone();
    let stateful = OpenApiRouter::new()
        .routes(routes!(sessions::create, sessions::list, sessions::revoke_all))
        .routes(routes!(sessions::revoke))
        .routes(routes!(persons::create, persons::list))
        .routes(routes!(persons::remove))
        .routes(routes!(real_name::begin))
        .routes(routes!(real_name::result))
        .routes(routes!(payers::ask))
        .routes(routes!(payers::show, payers::withdraw))
        .routes(routes!(payers::accept))
        .routes(routes!(me::show))
        .routes(routes!(me::bind, me::unbind))
        .routes(routes!(me::send_code))
        .routes(routes!(reminders::list, reminders::answer))
        .routes(routes!(payers::list))
        .routes(routes!(payers::remove))
        .routes(routes!(rights::export, rights::export_whole))
        .routes(routes!(proofs::begin))
        .routes(routes!(rights::erase))
        .routes(routes!(consents::list))
        .routes(routes!(consents::withdraw))
        .routes(routes!(counter::enrolments))
        .routes(routes!(counter::tiers::tiers))
        .routes(routes!(counter::tier::preview_tier))
        .routes(routes!(counter::tier::choose_tier))
        .routes(routes!(counter::bills::bills))
        .routes(routes!(counter::card::social_card))
        .routes(routes!(counter::card::lookup))
        .routes(routes!(counter::card::topup))
        .routes(routes!(counter::gaps::gaps))
        .routes(routes!(confirmations::create))
        .routes(routes!(orders::place, orders::list))
        .routes(routes!(orders::detail))
        .routes(routes!(orders::pay))
        .routes(routes!(orders::sync))
        .routes(routes!(orders::cancel))
        .routes(routes!(vouchers::list_pdf))
        .routes(routes!(vouchers::voucher))
        .routes(routes!(vouchers::voucher_pdf))
        .routes(routes!(vouchers::documents))
        .routes(routes!(vouchers::document))
        .routes(routes!(vouchers::check))
        .routes(routes!(vouchers::page))
        .routes(routes!(objections::submit))
        .routes(routes!(objections::list))
        .routes(routes!(objections::detail))
        .routes(routes!(objections::withdraw))
        .layer(middleware::from_fn(move |request, next| {
            while_stored(database_answers.clone(), request, next)
        }));
    // These answer from the packs alone, whatever else is away.
    let (routes, document) = OpenApiRouter::with_openapi(document::base())
        .routes(routes!(cities::list))
        .routes(routes!(cities::search))
        .routes(routes!(cities::nearest))
        .routes(routes!(cities::resolve))
        .routes(routes!(cities::detail))
        .routes(routes!(guide::guide))
        .routes(routes!(quotes::create))
        .routes(routes!(consents::texts))
        .routes(routes!(display::show))
        .merge(stateful)
        .split_for_parts();
    let entropy = api.entropy.clone();
    let no_store = SetResponseHeaderLayer::if_not_present(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-store"),
    );
    routes
        .with_state(api)
        .layer(no_store)
        .merge(document::routes(document))
        // One of our own: the framework's would lose the layers below when routers are merged.
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, REQUEST_TIME_MAX))
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn(move |request, next| {
            problem::render_problems(entropy.clone(), request, next)
        }))
}

/// Answers as long as the database does: a citizen gets a sentence at once instead of a wait. A
/// handler that is cut off leaves whole transactions, and may be asked again.
async fn while_stored(
    mut database_answers: watch::Receiver<bool>,
    request: Request,
    next: Next,
) -> Response {
    tokio::select! {
        biased;
        Ok(_) = database_answers.wait_for(|answers| !*answers) => {
            problem::storage_unavailable(&"no sign of life").into_response()
        }
        response = next.run(request) => response,
    }
}
