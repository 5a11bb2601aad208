//! What only Alipay has, played by hand.

use axum::{Json, body::Bytes, extract::State, http::StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::read;
use crate::{
    alipay::PhoneEnvelope,
    desk::{Desk, DeskError},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PhoneRequest {
    user: Option<String>,
    #[serde(default)]
    envelope: PhoneEnvelope,
}

pub(super) async fn phone_number(
    State(desk): State<Desk>,
    body: Bytes,
) -> Result<Json<Value>, DeskError> {
    let PhoneRequest { user, envelope } = read(&body)?;
    let user = user.as_deref().unwrap_or("user");
    let (envelope, mobile) = desk.alipay.phone_number(user, envelope);
    // The client hands the envelope over as text.
    Ok(Json(json!({"response": envelope.to_string(), "mobile": mobile})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Subscription {
    user: Option<String>,
    template_id: String,
    times: Option<u32>,
}

pub(super) async fn subscribe(
    State(desk): State<Desk>,
    body: Bytes,
) -> Result<StatusCode, DeskError> {
    let Subscription { user, template_id, times } = read(&body)?;
    let user = user.as_deref().unwrap_or("user");
    desk.alipay.subscribe(user, &template_id, times.unwrap_or(1));
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Certified {
    certify_id: String,
    passed: bool,
}

pub(super) async fn certify(
    State(desk): State<Desk>,
    body: Bytes,
) -> Result<Json<Value>, DeskError> {
    let Certified { certify_id, passed } = read(&body)?;
    let ended = desk.alipay.certify(&certify_id, passed);
    ended.ok_or(DeskError::NotFound("certification that waits for its user"))?;
    Ok(Json(json!({})))
}

pub(super) async fn messages(State(desk): State<Desk>) -> Json<Value> {
    Json(json!({"messages": *crate::lock(&desk.alipay.messages)}))
}

pub(super) async fn revoke_tokens(State(desk): State<Desk>) -> StatusCode {
    desk.alipay.revoke_tokens();
    StatusCode::NO_CONTENT
}
