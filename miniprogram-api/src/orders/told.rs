//! What goes wrong with orders, in sentences that people can act on.

use axum::http::StatusCode;
use kernel::Timestamp;
use orders::{OrderError, TooMany};
use platforms::{ChannelError, Refused};
use serde_json::json;

use crate::{
    problem::{ApiError, internal, invalid, storage_unavailable, tell},
    words,
};

impl From<OrderError> for ApiError {
    fn from(error: OrderError) -> ApiError {
        told(error)
    }
}

/// Every way in which an act on an order refuses, placed one by one.
pub(crate) fn told(error: OrderError) -> ApiError {
    match error {
        OrderError::NotFound => tell(StatusCode::NOT_FOUND, "order_not_found"),
        OrderError::DocumentNotFound => tell(StatusCode::NOT_FOUND, "document_not_found"),
        OrderError::PersonNotFound => crate::persons::person_not_found(),
        OrderError::IdempotencyConflict => {
            tell(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused")
        }
        OrderError::BillCount { max } => invalid("bills", "bill_count").value("max", max),
        OrderError::UnknownAgency(_) => invalid("bills.agency", "bill_agency"),
        OrderError::NoMerchant | OrderError::OtherChannel => {
            tell(StatusCode::CONFLICT, "channel_not_offered")
        }
        OrderError::BillInOtherOrder { order } => {
            let told = tell(StatusCode::CONFLICT, "bill_in_other_order");
            // A stranger's order is not in the citizen's records.
            let told = if order.is_some() { told } else { told.says("bills", "with_stranger") };
            told.with("order_no", json!(order))
        }
        OrderError::OtherCitysBill { agency } => {
            tell(StatusCode::UNPROCESSABLE_ENTITY, "bill_of_other_city")
                .with("agency", json!(agency))
        }
        OrderError::TooMany { what, most, again_at } => too_many(what, most, again_at),
        OrderError::AmountChanged(bills) => {
            let changed: Vec<_> = bills
                .iter()
                .map(|bill| json!({ "bill_no": bill.bill_no, "seen": bill.seen, "now": bill.now }))
                .collect();
            tell(StatusCode::CONFLICT, "amount_changed").with("bills", json!(changed))
        }
        OrderError::AboveLimit { max } => tell(StatusCode::UNPROCESSABLE_ENTITY, "above_limit")
            .value("max", max)
            .with("max", json!(max)),
        OrderError::PayInParts { max, parts } => {
            let told = match max {
                Some(max) => tell(StatusCode::UNPROCESSABLE_ENTITY, "pay_in_parts")
                    .value("max", max)
                    .with("max", json!(max)),
                None => tell(StatusCode::CONFLICT, "pay_in_parts").says("limit", "channel"),
            };
            told.value("parts", parts.len()).with("parts", json!(parts))
        }
        OrderError::NotOffered { insurance, kind } => crate::counter::not_offered(insurance, kind),
        OrderError::MixedPurposes => tell(StatusCode::UNPROCESSABLE_ENTITY, "mixed_purposes"),
        OrderError::OutOfWindow { agency, insurance, next_opening } => {
            let told = tell(StatusCode::CONFLICT, "out_of_window")
                .with("agency", json!(agency))
                .with("insurance", json!(insurance));
            match next_opening {
                Some(next) => crate::counter::opens(told, next),
                None => told.with("next_opening", json!(null)),
            }
        }
        OrderError::UnderMaintenance { agency, until } => {
            tell(StatusCode::SERVICE_UNAVAILABLE, "agency_maintenance")
                .says("window", "maintenance")
                .until("until", until)
                .with("agency", json!(agency))
                .with("until", json!(until))
                .with("retryable", json!(true))
        }
        OrderError::EndsSoon { agency, insurance, minutes, end } => {
            let phrase = match (end.maintenance, end.next_opening) {
                (true, _) => "maintenance_soon",
                (false, Some(_)) => "ends_soon",
                (false, None) => "ends_soon_for_good",
            };
            tell(StatusCode::CONFLICT, "out_of_window")
                .says("window", phrase)
                .value("minutes", minutes)
                .until("until", end.at)
                .moment("next", end.next_opening.unwrap_or(end.at))
                .with("agency", json!(agency))
                .with("insurance", json!(insurance))
                .with("closes_at", json!(end.at))
                .with("maintenance", json!(end.maintenance))
                .with("next_opening", json!(end.next_opening))
        }
        OrderError::BackPaymentOver { month, deadline } => {
            tell(StatusCode::CONFLICT, "back_payment_over")
                .month("month", month)
                .until("deadline", deadline)
                .with("month", json!(month))
                .with("deadline", json!(deadline))
        }
        OrderError::MonthsLeftOut { insurance, months } => {
            tell(StatusCode::UNPROCESSABLE_ENTITY, "months_not_contiguous")
                .term("insurance", words::insurance_key(insurance))
                .with("months", json!(months))
                .months("month", months)
        }
        OrderError::TooManyMonths { insurance, most } => {
            tell(StatusCode::UNPROCESSABLE_ENTITY, "too_many_months")
                .term("insurance", words::insurance_key(insurance))
                .value("most", most)
                .with("most", json!(most))
        }
        OrderError::SeveralYears { insurance } => {
            tell(StatusCode::UNPROCESSABLE_ENTITY, "several_years")
                .term("insurance", words::insurance_key(insurance))
        }
        OrderError::TopupAmount { least, most } => {
            tell(StatusCode::UNPROCESSABLE_ENTITY, "topup_amount")
                .value("least", least)
                .value("most", most)
                .with("least", json!(least))
                .with("most", json!(most))
        }
        OrderError::TopupDay { most, left } => tell(StatusCode::CONFLICT, "topup_limit")
            .says("limit", "topup_day")
            .value("most", most)
            .value("left", left)
            .with("left", json!(left)),
        OrderError::ConfirmationNeeded => tell(StatusCode::CONFLICT, "confirmation_needed"),
        OrderError::ConfirmationUnfit => tell(StatusCode::CONFLICT, "confirmation_unfit"),
        OrderError::Expired => tell(StatusCode::CONFLICT, "order_expired"),
        OrderError::NotPayable(state) => tell(StatusCode::CONFLICT, "order_moved_on")
            .term("state", words::state_key(state))
            .with("state", json!(state)),
        OrderError::PaymentInProgress => tell(StatusCode::CONFLICT, "payment_in_progress"),
        OrderError::Refused(refused) => tell(StatusCode::CONFLICT, "order_moved_on")
            .term("state", words::state_key(refused.from)),
        OrderError::Agency(error) => error.into(),
        OrderError::Channel(error) => channel_told(error),
        OrderError::People(error) => error.into(),
        OrderError::Database(_) => storage_unavailable(&error),
        // No citizen asks for what the first five refuse.
        OrderError::RefundableChanged { .. }
        | OrderError::NothingToTakeBack
        | OrderError::WhichAgency
        | OrderError::StillBooked
        | OrderError::Reason
        | OrderError::Row { .. }
        | OrderError::Sealed(_) => internal(&error),
    }
}

fn too_many(what: TooMany, most: u32, again_at: Option<Timestamp>) -> ApiError {
    let told = match what {
        TooMany::UnpaidOfAccount => tell(StatusCode::TOO_MANY_REQUESTS, "too_many_unpaid_orders"),
        TooMany::UnpaidForPerson => tell(StatusCode::TOO_MANY_REQUESTS, "too_many_unpaid_orders")
            .says("limit", "unpaid_for_person"),
        TooMany::HourlyOfAccount => tell(StatusCode::TOO_MANY_REQUESTS, "too_many_orders"),
        TooMany::HourlyForPerson => tell(StatusCode::TOO_MANY_REQUESTS, "too_many_orders")
            .says("limit", "hourly_for_person"),
    };
    let told = told.value("most", most).with("most", json!(most));
    match again_at {
        Some(at) => told.value("at", at.beijing_text()).with("again_at", json!(at)),
        None => told,
    }
}

fn channel_told(error: ChannelError) -> ApiError {
    tracing::warn!(%error, "a channel did not take a call");
    match error {
        ChannelError::NotSent | ChannelError::Unknown(_) | ChannelError::Busy => {
            tell(StatusCode::BAD_GATEWAY, "channel_unavailable").with("retryable", json!(true))
        }
        ChannelError::Refused(Refused::Payer) => tell(StatusCode::CONFLICT, "payer_refused"),
        ChannelError::Refused(Refused::PayerIdKind) => {
            tell(StatusCode::CONFLICT, "payer_logs_in_again")
        }
        ChannelError::Refused(Refused::Limit) => tell(StatusCode::CONFLICT, "channel_limit"),
        // Citizens only ask a channel to collect, so the balance is theirs.
        ChannelError::Refused(Refused::NotEnough) => tell(StatusCode::CONFLICT, "payer_balance"),
        ChannelError::Refused(_) => tell(StatusCode::CONFLICT, "channel_refused"),
        ChannelError::Misconfigured(_) | ChannelError::BadRequest(_) => internal(&error),
    }
}
