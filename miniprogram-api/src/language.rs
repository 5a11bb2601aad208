//! Which language a person reads: Chinese unless `Accept-Language` prefers English.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use wording::Language;

pub(crate) fn of(headers: &HeaderMap) -> Language {
    let header = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    header.map_or(Language::Chinese, Language::accepted)
}

/// The language of the caller, in a handler's arguments.
pub(crate) struct Reads(pub Language);

impl<S: Send + Sync> FromRequestParts<S> for Reads {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Reads, Infallible> {
        Ok(Reads(of(&parts.headers)))
    }
}
