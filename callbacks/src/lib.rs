//! The platforms' face: payment and refund notifications.
//!
//! Players: WeChat Pay and Alipay call, often twice, late or out of order; anybody else may call
//! too, with anything. Promised: the raw bytes are verified before they are read; unverified input
//! causes no database write, no outgoing call and no log line with its content, only a counter; an
//! acknowledgement leaves only after the commit; a failure to store is told as a failure, so that
//! the platform repeats; only the database is needed. A genuine message that does not fit (wrong
//! amount, other merchant, unknown order) is acknowledged once its case is stored: an error would
//! only make the platform repeat it for a day.
//!
//! Deliberately absent: sessions, posting, calls to agencies or platforms. Jobs do those.

mod ack;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Path, Request, State},
    response::Response,
    routing::post,
};
use kernel::{Channel, Clock, MerchantKey};
use orders::{OrderError, Orders, RawNotification, Recorded};
use platforms::{Notice, Refusal};
use tokio::sync::watch;

use crate::ack::Answer;

/// WeChat allows up to 1 MiB of ciphertext; the envelope and base64 need a little more.
const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Platforms wait 5 s for the whole answer; what is not stored by then is told as a failure.
const STORE_TIME_MAX: Duration = Duration::from_millis(3_500);

/// What the callbacks need: the acts, the time, and whether storing can succeed at all.
#[derive(Clone, Debug)]
pub struct Callbacks {
    pub orders: Orders,
    pub clock: Arc<dyn Clock>,
    /// `false`: what needs the database is refused at once, and what is under way is cut off.
    pub database_answers: watch::Receiver<bool>,
}

/// The routes, one pair per merchant account:
/// `POST /callbacks/{wechat|alipay}/{merchant key}/{payments|refunds}`.
///
/// Both addresses take both kinds: what a message is, its verified content says.
pub fn router(callbacks: Callbacks) -> Router {
    Router::new()
        .route("/callbacks/{channel}/{merchant}/payments", post(receive))
        .route("/callbacks/{channel}/{merchant}/refunds", post(receive))
        .with_state(callbacks)
}

/// Why a message was not taken.
enum NotTaken {
    /// No such channel or merchant account here.
    Address,
    TooLarge,
    Refused(Refusal),
    /// Genuine, but not stored: the platform must tell again.
    NotStored,
}

async fn receive(
    State(callbacks): State<Callbacks>,
    Path((channel, merchant)): Path<(String, String)>,
    request: Request,
) -> Response {
    let started = Instant::now();
    let Ok(channel) = channel.parse::<Channel>() else {
        return ack::unknown_address();
    };
    let outcome = take(&callbacks, channel, &merchant, request).await;
    let label = match &outcome {
        Ok(effect) => effect,
        Err(NotTaken::Address) => "unknown_address",
        Err(NotTaken::TooLarge) => "too_large",
        Err(NotTaken::Refused(refusal)) => refusal.code(),
        Err(NotTaken::NotStored) => "not_stored",
    };
    if let Err(NotTaken::Refused(Refusal::Undecryptable | Refusal::Unreadable)) = &outcome {
        tracing::error!(
            %channel,
            outcome = label,
            "a genuine message cannot be read: check the account's APIv3 key"
        );
    }
    metrics::counter!("callbacks", "channel" => channel.code(), "outcome" => label).increment(1);
    metrics::histogram!("callback_seconds", "channel" => channel.code()).record(started.elapsed());
    tracing::info!(%channel, outcome = label, duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX), "callback");
    ack::answer(
        channel,
        match outcome {
            Ok(_) => Answer::Taken,
            Err(NotTaken::Address) => return ack::unknown_address(),
            Err(NotTaken::TooLarge) => Answer::TooLarge,
            Err(NotTaken::Refused(refusal)) => Answer::Refused(refusal),
            Err(NotTaken::NotStored) => Answer::NotStored,
        },
    )
}

/// Verify, then record; the label says what it changed.
async fn take(
    callbacks: &Callbacks,
    channel: Channel,
    merchant: &str,
    request: Request<Body>,
) -> Result<&'static str, NotTaken> {
    let account = MerchantKey::new(merchant)
        .ok()
        .and_then(|key| callbacks.orders.directory().channel(&key))
        .filter(|account| account.channel() == channel)
        .ok_or(NotTaken::Address)?;
    let (head, body) = request.into_parts();
    let deadline = tokio::time::Instant::now() + STORE_TIME_MAX;
    let body = tokio::time::timeout_at(deadline, to_bytes(body, BODY_BYTES_MAX))
        .await
        .map_err(|_| NotTaken::Refused(Refusal::Malformed))?
        .map_err(|_| NotTaken::TooLarge)?;
    let notice = account
        .open_notification(callbacks.clock.now(), &head.headers, &body)
        .map_err(NotTaken::Refused)?;
    let raw = Some(RawNotification(&body));
    let stored = async {
        match &notice {
            Notice::Payment(fact) => {
                callbacks.orders.record_payment(fact, raw).await.map(Recorded::code)
            }
            Notice::Refund(fact) => {
                callbacks.orders.record_refund(fact, raw).await.map(Recorded::code)
            }
            Notice::Ignored { kind } => {
                tracing::info!(%channel, kind = %kind.escape_debug(), "a genuine message without meaning for us");
                Ok("ignored")
            }
        }
    };
    let mut database_answers = callbacks.database_answers.clone();
    let stored = async {
        tokio::select! {
            biased;
            Ok(_) = database_answers.wait_for(|answers| !*answers) => None,
            stored = stored => Some(stored),
        }
    };
    let stored = match tokio::time::timeout_at(deadline, stored).await {
        Ok(Some(stored)) => Ok(stored),
        Ok(None) => {
            tracing::error!(%channel, "a callback was not stored: the database does not answer");
            return Err(NotTaken::NotStored);
        }
        Err(late) => Err(late),
    };
    match stored {
        Ok(Ok(effect)) => Ok(effect),
        Ok(Err(error)) => {
            log_not_stored(channel, &error);
            Err(NotTaken::NotStored)
        }
        Err(_) => {
            tracing::error!(%channel, "a callback was not stored in time");
            Err(NotTaken::NotStored)
        }
    }
}

fn log_not_stored(channel: Channel, error: &OrderError) {
    tracing::error!(%channel, %error, "a callback was not stored; the platform will repeat it");
}
