//! What an agency's answers other than yes mean for a person, and what to do.

use agency::{AgencyError, Objection};
use axum::http::StatusCode;
use kernel::RetryClass;
use serde_json::json;

use crate::problem::{ApiError, internal, tell};

impl From<AgencyError> for ApiError {
    fn from(error: AgencyError) -> ApiError {
        match error {
            AgencyError::Objection(objection) => objection_told(objection),
            AgencyError::NotSent | AgencyError::Unknown(_) => {
                tracing::warn!(%error, "an agency did not answer");
                tell(StatusCode::BAD_GATEWAY, "agency_unavailable")
                    .with("retryable", json!(error.retry_class() != RetryClass::Never))
            }
            AgencyError::Misconfigured(_) => internal(&error),
        }
    }
}

/// What each of the agency's objections means for a person, and what to do.
fn objection_told(objection: Objection) -> ApiError {
    let (status, code) = match objection {
        Objection::NotEnrolled => (StatusCode::NOT_FOUND, "not_enrolled"),
        Objection::IdentityMismatch => (StatusCode::UNPROCESSABLE_ENTITY, "identity_mismatch"),
        Objection::AccountSuspended => (StatusCode::CONFLICT, "account_suspended"),
        Objection::Retired => (StatusCode::CONFLICT, "retired"),
        Objection::EmployedElsewhere => (StatusCode::CONFLICT, "employed_elsewhere"),
        Objection::BaseNotDeclared => (StatusCode::CONFLICT, "base_not_declared"),
        Objection::BasePendingPublish => (StatusCode::CONFLICT, "base_pending_publish"),
        Objection::NoBill => (StatusCode::NOT_FOUND, "no_bill"),
        Objection::AlreadyPaid => (StatusCode::CONFLICT, "already_paid"),
        Objection::BillLocked => (StatusCode::CONFLICT, "bill_locked"),
        Objection::BillChanged => (StatusCode::CONFLICT, "amount_changed"),
        Objection::OutOfWindow => (StatusCode::CONFLICT, "out_of_window"),
        Objection::Maintenance => (StatusCode::SERVICE_UNAVAILABLE, "agency_maintenance"),
        Objection::DayCutoff => (StatusCode::SERVICE_UNAVAILABLE, "agency_day_cutoff"),
        Objection::AmountMismatch => (StatusCode::CONFLICT, "amount_mismatch"),
        Objection::DuplicateRequest => (StatusCode::CONFLICT, "duplicate_request"),
        Objection::FullySubsidised => (StatusCode::CONFLICT, "fully_subsidised"),
    };
    tell(status, code).with("agency_code", json!(objection.code()))
}
