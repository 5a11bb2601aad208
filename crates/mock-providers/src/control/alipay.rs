//! What only Alipay has, played by hand.

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::read;
use crate::desk::{Desk, DeskError};

pub(super) fn router() -> Router<Desk> {
    Router::new()
        .route("/alipay/phone-number", post(phone_number))
        .route("/alipay/certifications", post(certify))
        .route("/alipay/messages", get(messages))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PhoneRequest {
    user: Option<String>,
}

async fn phone_number(State(desk): State<Desk>, body: Bytes) -> Result<Json<Value>, DeskError> {
    let PhoneRequest { user } = read(&body)?;
    let (envelope, mobile) = desk.alipay.phone_number(user.as_deref().unwrap_or("user"));
    // The client hands the envelope over as text.
    Ok(Json(json!({"response": envelope.to_string(), "mobile": mobile})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Certified {
    certify_id: String,
    passed: bool,
}

async fn certify(State(desk): State<Desk>, body: Bytes) -> Result<Json<Value>, DeskError> {
    let Certified { certify_id, passed } = read(&body)?;
    let ended = desk.alipay.certify(&certify_id, passed);
    ended.ok_or(DeskError::NotFound("certification that waits for its user"))?;
    Ok(Json(json!({})))
}

async fn messages(State(desk): State<Desk>) -> Json<Value> {
    Json(json!({"messages": *crate::lock(&desk.alipay.messages)}))
}
