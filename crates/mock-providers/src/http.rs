//! Answers that are no answers: what a broken network or a gateway in between leaves behind.

use std::io;

use axum::{
    body::{Body, Bytes},
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};

/// A connection that ends before the answer does. The client must treat the outcome as unknown.
pub(crate) fn dropped() -> Response {
    let cut = || Err::<Bytes, io::Error>(io::ErrorKind::ConnectionReset.into());
    Body::from_stream(futures::stream::once(async move { cut() })).into_response()
}

/// What a proxy answers when the service behind it is away.
pub(crate) fn gateway_page() -> Response {
    let page = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>";
    (StatusCode::BAD_GATEWAY, Html(page)).into_response()
}
