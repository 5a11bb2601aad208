//! Who is calling: the session behind the bearer token.

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, header, request::Parts},
};

use crate::{
    Api,
    problem::{ApiError, tell},
    session::{Session, Token},
};

/// A request with a living session.
pub(crate) struct Caller(pub Session);

pub(crate) fn not_logged_in() -> ApiError {
    tell(StatusCode::UNAUTHORIZED, "not_logged_in")
}

impl FromRequestParts<Api> for Caller {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Caller, ApiError> {
        let token = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .and_then(|(_, token)| Token::parse(token.trim()))
            .ok_or_else(not_logged_in)?;
        let session = api.sessions.find(&token).await.map_err(ApiError::from)?;
        session.map(Caller).ok_or_else(not_logged_in)
    }
}
