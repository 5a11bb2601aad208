//! Reading what clients send, with errors that name the place.

use std::str::FromStr;

use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Query, Request, rejection::JsonRejection},
    http::{StatusCode, header, request::Parts},
};
use serde::de::DeserializeOwned;

use crate::problem::{ApiError, invalid, tell};

/// A JSON body. Unknown members are refused by the types themselves.
pub(crate) struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;
    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(value)) => Ok(Body(value)),
            Err(JsonRejection::MissingJsonContentType(_)) => {
                Err(tell(StatusCode::UNSUPPORTED_MEDIA_TYPE, "json_expected"))
            }
            Err(JsonRejection::BytesRejection(rejection))
                if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE =>
            {
                Err(tell(StatusCode::PAYLOAD_TOO_LARGE, "too_large"))
            }
            // The reason names members and types; a value can be in it, so it goes to the sender only.
            Err(rejection) => {
                let reason = rejection.body_text();
                Err(invalid("body", "body").because(reason))
            }
        }
    }
}

/// A JSON body that may be left out, whatever its content type says then.
pub(crate) struct OptionalBody<T>(pub T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalBody<T> {
    type Rejection = ApiError;
    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let length = request.headers().get(header::CONTENT_LENGTH);
        let empty = length.is_none_or(|length| length == "0")
            && !request.headers().contains_key(header::TRANSFER_ENCODING);
        if empty {
            return Ok(OptionalBody(T::default()));
        }
        Body::from_request(request, state).await.map(|Body(value)| OptionalBody(value))
    }
}

/// Query parameters.
pub(crate) struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Query::<T>::from_request_parts(parts, state)
            .await
            .map(|Query(value)| Params(value))
            .map_err(|rejection| {
                let reason = rejection.body_text();
                invalid("query", "query").because(reason)
            })
    }
}

/// Reads one member into its type.
pub(crate) fn parse<T: FromStr<Err: std::fmt::Display>>(
    field: &str,
    text: &str,
) -> Result<T, ApiError> {
    text.parse().map_err(|reason: T::Err| invalid(field, "value").because(reason))
}
