//! What only Alipay has, played by hand.

use axum::{
    Json,
    body::Bytes,
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
};
use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{Nothing, asked, read, wechat::Newest};
use crate::{
    alipay::PhoneEnvelope,
    desk::{Desk, DeskError},
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PhoneRequest {
    user: Option<String>,
    #[serde(default)]
    envelope: PhoneEnvelope,
}

#[derive(Serialize, ToSchema)]
pub(super) struct PhoneNumber {
    /// The envelope, as text, because the client hands it over so.
    response: String,
    mobile: String,
}

pub(super) async fn phone_number(
    State(desk): State<Desk>,
    body: Bytes,
) -> Result<Json<PhoneNumber>, DeskError> {
    let PhoneRequest { user, envelope } = read(&body)?;
    let user = user.as_deref().unwrap_or("user");
    let (envelope, mobile) = desk.alipay.phone_number(user, envelope);
    Ok(Json(PhoneNumber { response: envelope.to_string(), mobile }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Subscription {
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

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Certified {
    certify_id: String,
    passed: bool,
}

pub(super) async fn certify(
    State(desk): State<Desk>,
    body: Bytes,
) -> Result<Json<Nothing>, DeskError> {
    let Certified { certify_id, passed } = read(&body)?;
    let ended = desk.alipay.certify(&certify_id, passed);
    ended.ok_or(DeskError::NotFound("certification that waits for its user"))?;
    Ok(Json(Nothing {}))
}

/// A template message as it would have reached its user.
#[derive(Serialize, ToSchema)]
struct SentMessage {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    to: String,
    template_id: String,
    page: String,
    #[schema(value_type = Object)]
    data: Value,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Messages {
    messages: Vec<SentMessage>,
}

/// The newest of them, in the order in which they were sent.
pub(super) async fn messages(
    State(desk): State<Desk>,
    query: Result<Query<Newest>, QueryRejection>,
) -> Result<Json<Messages>, DeskError> {
    let wanted = asked(query)?;
    let sent = crate::lock(&desk.alipay.messages);
    let newest = sent.iter().skip(sent.len().saturating_sub(wanted.count_max()));
    let messages = newest.map(|message| SentMessage {
        at: message.at,
        to: message.to.clone(),
        template_id: message.template_id.clone(),
        page: message.page.clone(),
        data: message.data.clone(),
    });
    Ok(Json(Messages { messages: messages.collect() }))
}

pub(super) async fn revoke_tokens(State(desk): State<Desk>) -> StatusCode {
    desk.alipay.revoke_tokens();
    StatusCode::NO_CONTENT
}
