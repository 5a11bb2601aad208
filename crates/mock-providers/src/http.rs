//! Answers that are no answers: what a broken network or a gateway in between leaves behind, and how
//! the faults that every call has are played around it.

use std::{io, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};

use crate::{
    faults::{Fault, FaultKind},
    refusals::DocumentedRefusal,
};

/// What a platform's faults are answered with, each in the platform's own form.
pub(crate) trait Accidents {
    /// Outcome unknown, as far as the caller can tell.
    async fn unavailable(&self) -> Response;
    /// Called too often.
    async fn busy(&self) -> Response;
    /// A documented refusal; `None` when the platform has none of this name.
    async fn refused(&self, refusal: DocumentedRefusal) -> Option<Response>;
}

/// What a fault answers in place of the call: nothing is applied.
pub(crate) async fn before(fault: Option<Fault>, platform: &impl Accidents) -> Option<Response> {
    let Fault { fault, seconds, .. } = fault?;
    Some(match fault {
        FaultKind::ErrorBeforeCommit => platform.unavailable().await,
        FaultKind::SlowBeforeCommit => {
            wait(seconds).await;
            platform.unavailable().await
        }
        FaultKind::Busy => platform.busy().await,
        FaultKind::GatewayPage => gateway_page(StatusCode::BAD_GATEWAY),
        FaultKind::Refuse(refusal) => return platform.refused(refusal).await,
        _ => return None,
    })
}

/// What a fault makes of the answer after the effect; `None` leaves the answer, maybe after a pause.
pub(crate) async fn after(fault: Option<Fault>, platform: &impl Accidents) -> Option<Response> {
    let Fault { fault, seconds, .. } = fault?;
    Some(match fault {
        FaultKind::DropAfterCommit => dropped(),
        FaultKind::ErrorAfterCommit => platform.unavailable().await,
        FaultKind::GatewayTimeout => gateway_page(StatusCode::GATEWAY_TIMEOUT),
        FaultKind::Slow => {
            wait(seconds).await;
            return None;
        }
        _ => return None,
    })
}

async fn wait(seconds: Option<u64>) {
    tokio::time::sleep(Duration::from_secs(seconds.unwrap_or(0))).await;
}

/// A connection that ends before the answer does. The client must treat the outcome as unknown.
pub(crate) fn dropped() -> Response {
    let cut = || Err::<Bytes, io::Error>(io::ErrorKind::ConnectionReset.into());
    Body::from_stream(futures::stream::once(async move { cut() })).into_response()
}

/// What a proxy answers when the service behind it is away (502) or too slow (504).
pub(crate) fn gateway_page(status: StatusCode) -> Response {
    let page = format!(
        "<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center></body></html>"
    );
    (status, Html(page)).into_response()
}
