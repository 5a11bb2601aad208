//! The caller's own platform: who asks it what, and how its refusals are told.

use std::sync::Arc;

use axum::http::StatusCode;
use platforms::{CitizenError, CitizenProvider};
use serde_json::json;

use crate::{
    Api,
    problem::{ApiError, internal, tell},
    session::Session,
};

/// The provider of the mini-program that the caller logged in from. Another platform's word about this
/// account would prove nothing.
pub(crate) fn of_caller(api: &Api, caller: &Session) -> Result<Arc<dyn CitizenProvider>, ApiError> {
    let logins = api.logins.get();
    let own = logins
        .iter()
        .find(|login| login.channel() == caller.channel && login.app_id() == caller.app_id);
    own.cloned().ok_or_else(|| internal(&"the mini-program of a session is not configured"))
}

impl From<CitizenError> for ApiError {
    fn from(error: CitizenError) -> ApiError {
        match error {
            CitizenError::Document => tell(StatusCode::UNPROCESSABLE_ENTITY, "real_name_document"),
            CitizenError::Evidence => tell(StatusCode::UNPROCESSABLE_ENTITY, "evidence_invalid"),
            CitizenError::Busy | CitizenError::NotSent | CitizenError::Unknown(_) => {
                tracing::warn!(%error, "a platform did not answer");
                tell(StatusCode::BAD_GATEWAY, "platform_unavailable").with("retryable", json!(true))
            }
            CitizenError::Refused(_) => {
                tracing::warn!(%error, "a platform refused");
                tell(StatusCode::UNPROCESSABLE_ENTITY, "platform_refused")
            }
            CitizenError::Misconfigured(_) => internal(&error),
        }
    }
}
