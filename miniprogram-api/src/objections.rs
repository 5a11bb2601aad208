//! Objections (异议) over HTTP: a citizen says what is not right about an order, and reads the answer.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use kernel::{DisputeId, OrderNo, Timestamp};
use orders::{Dispute, DisputeError, DisputeReason};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use wording::{Language, term};

use crate::{
    Api,
    caller::Caller,
    input::{Body, parse},
    language::Reads,
    problem::{ApiError, invalid, tell},
};

/// What is not right, in the citizen's own words.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ObjectionWish {
    /// `not_posted`, `wrong_amount`, `paid_twice`, `wrong_person`, `refund_missing` or `other`.
    #[schema(example = "not_posted")]
    reason: String,
    /// What happened, 1 to 1,000 characters. No pictures.
    #[schema(example = "银行卡已扣款,三天了还没有入账。")]
    evidence_text: String,
}

/// An objection and how far it is.
#[derive(Serialize, ToSchema)]
pub(crate) struct ObjectionView {
    id: String,
    order_no: String,
    reason: String,
    reason_label: String,
    evidence_text: String,
    /// `submitted`, `answered` or `withdrawn`.
    state: String,
    label: String,
    /// What the state means and what to do.
    text: String,
    /// Submitted after the 30 days that the guide advises. It is looked at all the same.
    late: bool,
    submitted_at: String,
    updated_at: String,
    answer: Option<AnswerView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct AnswerView {
    /// `upheld`, `not_upheld` or `for_the_agency`.
    outcome: String,
    outcome_label: String,
    text: String,
    at: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ObjectionList {
    objections: Vec<ObjectionView>,
}

impl ObjectionView {
    pub(crate) fn of(dispute: Dispute, language: Language) -> ObjectionView {
        let state = dispute.state.code();
        let key = format!("objection_state.{state}");
        let spoken = wording::phrase(language, &key).unwrap_or_default();
        let answer = dispute.answer.map(|answer| AnswerView {
            outcome: answer.outcome.code().to_owned(),
            outcome_label: term(language, &format!("outcome.{}", answer.outcome.code())),
            text: answer.text,
            at: answer.at.rfc3339(),
        });
        ObjectionView {
            id: dispute.id.to_string(),
            order_no: dispute.order_no.to_string(),
            reason: dispute.reason.code().to_owned(),
            reason_label: term(language, &format!("objection.{}", dispute.reason.code())),
            evidence_text: dispute.evidence,
            state: state.to_owned(),
            label: spoken.label.to_owned(),
            text: spoken.whole(language),
            late: dispute.late,
            submitted_at: dispute.submitted_at.rfc3339(),
            updated_at: Timestamp::rfc3339(dispute.updated_at),
            answer,
        }
    }
}

/// Objects to an order. A person answers; money moves only by what they decide.
#[utoipa::path(post, path = "/api/v1/orders/{no}/objections", tag = "orders", security(("bearer" = [])),
    params(("no" = String, Path, description = "the order's number")), request_body = ObjectionWish,
    responses((status = 201, body = ObjectionView), (status = 409, description = "nothing paid yet, or one is open already")))]
pub(crate) async fn submit(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Path(no): Path<String>,
    Body(wish): Body<ObjectionWish>,
) -> Result<(StatusCode, Json<ObjectionView>), ApiError> {
    let no: OrderNo = parse("no", &no)?;
    let reason: DisputeReason = parse("reason", &wish.reason)?;
    let dispute = api.orders.dispute(caller.account, &no, reason, &wish.evidence_text).await?;
    Ok((StatusCode::CREATED, Json(ObjectionView::of(dispute, language))))
}

/// The account's objections, newest first.
#[utoipa::path(get, path = "/api/v1/objections", tag = "orders", security(("bearer" = [])),
    responses((status = 200, body = ObjectionList)))]
pub(crate) async fn list(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
) -> Result<Json<ObjectionList>, ApiError> {
    let disputes = api.orders.list_disputes(caller.account).await?;
    let objections = disputes.into_iter().map(|dispute| ObjectionView::of(dispute, language));
    Ok(Json(ObjectionList { objections: objections.collect() }))
}

/// One objection.
#[utoipa::path(get, path = "/api/v1/objections/{id}", tag = "orders", security(("bearer" = [])),
    params(("id" = String, Path, description = "the objection's id")),
    responses((status = 200, body = ObjectionView), (status = 404, description = "no such objection of this account")))]
pub(crate) async fn detail(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Path(id): Path<String>,
) -> Result<Json<ObjectionView>, ApiError> {
    let id: DisputeId = parse("id", &id)?;
    let dispute = api.orders.find_dispute(caller.account, id).await?;
    Ok(Json(ObjectionView::of(dispute, language)))
}

/// Takes an objection back.
#[utoipa::path(post, path = "/api/v1/objections/{id}/withdrawal", tag = "orders", security(("bearer" = [])),
    params(("id" = String, Path, description = "the objection's id")),
    responses((status = 200, body = ObjectionView), (status = 409, description = "it is answered or withdrawn already")))]
pub(crate) async fn withdraw(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Path(id): Path<String>,
) -> Result<Json<ObjectionView>, ApiError> {
    let id: DisputeId = parse("id", &id)?;
    let dispute = api.orders.withdraw_dispute(caller.account, id).await?;
    Ok(Json(ObjectionView::of(dispute, language)))
}

impl From<DisputeError> for ApiError {
    fn from(error: DisputeError) -> ApiError {
        match error {
            DisputeError::NotFound => tell(StatusCode::NOT_FOUND, "objection_not_found"),
            DisputeError::Text { max } => {
                invalid("evidence_text", "evidence_text").value("max", max)
            }
            DisputeError::NotPaidYet => tell(StatusCode::CONFLICT, "objection_before_payment"),
            DisputeError::Open(id) => {
                tell(StatusCode::CONFLICT, "objection_open").with("objection", json!(id))
            }
            DisputeError::NotOpen => tell(StatusCode::CONFLICT, "objection_ended"),
            DisputeError::Order(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use orders::{DisputeOutcome, DisputeState};

    use super::*;

    #[test]
    fn every_code_has_its_words() {
        for language in Language::ALL {
            for state in DisputeState::ALL {
                let key = format!("objection_state.{}", state.code());
                assert!(wording::phrase(language, &key).is_some(), "{key}");
            }
            for key in
                DisputeReason::ALL.iter().map(|reason| format!("objection.{}", reason.code()))
            {
                assert_ne!(term(language, &key), key);
            }
            for key in DisputeOutcome::ALL.iter().map(|known| format!("outcome.{}", known.code())) {
                assert_ne!(term(language, &key), key);
            }
        }
    }
}
