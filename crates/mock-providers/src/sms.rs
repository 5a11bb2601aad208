//! A sender of short messages, as an operator's own gateway would be: one HTTPS call with a bearer
//! token. The messages go nowhere but into a list that testers read (`GET /sms/messages`).

use std::sync::Mutex;

use axum::{
    Json,
    body::Bytes,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use kernel::Timestamp;
use ring::hmac;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    bounded::Bounded,
    control::read,
    desk::{Desk, DeskError},
    lock,
};

/// A number to which this sender sends nothing, to see what the service says then.
pub(crate) const REFUSED_NUMBER: &str = "13000000000";

/// What was sent, by the sender's name of it.
pub(crate) struct SmsBook {
    token: String,
    messages: Mutex<Bounded<String, SmsView>>,
}

/// A message as its reader has it on the telephone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SmsView {
    pub message_id: String,
    pub mobile: String,
    pub code: String,
    pub text: String,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// The token of this sender; it follows from another secret of the mock, so that a mock that is
/// started again with its keys has it again.
pub(crate) fn token(secret: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hex::encode(&hmac::sign(&key, b"sms").as_ref()[..20])
}

impl SmsBook {
    pub fn new(token: String) -> SmsBook {
        SmsBook { token, messages: Mutex::new(Bounded::new(1_000)) }
    }

    /// Newest first, to one number or to all.
    pub fn list(&self, mobile: Option<&str>, count_max: usize) -> Vec<SmsView> {
        let messages = lock(&self.messages);
        let wanted = messages.newest().filter(|view| mobile.is_none_or(|m| m == view.mobile));
        wanted.take(count_max).cloned().collect()
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sending {
    message_id: String,
    /// Eleven digits.
    mobile: String,
    /// Six digits.
    code: String,
    minutes: u64,
    language: SmsLanguage,
}

/// In which language the message is.
#[derive(Clone, Copy, Deserialize, ToSchema)]
enum SmsLanguage {
    #[serde(rename = "zh-CN")]
    Chinese,
    #[serde(rename = "en")]
    English,
}

/// What the operator's gateway says.
#[derive(Serialize, ToSchema)]
pub(crate) struct Accepted {
    accepted: bool,
}

/// What was sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct SmsMessages {
    messages: Vec<SmsView>,
}

/// The operator's gateway. The same `message_id` again is the same message.
pub(crate) async fn send(
    State(desk): State<Desk>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, DeskError> {
    let sending: Sending = read(&body)?;
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if token.and_then(|text| text.strip_prefix("Bearer ")) != Some(desk.sms.token.as_str()) {
        return Ok((StatusCode::UNAUTHORIZED, Json(json!({"error": "token"}))).into_response());
    }
    let digits = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !digits(&sending.mobile, 11) || !digits(&sending.code, 6) || sending.message_id.is_empty() {
        return Err(DeskError::BadRequest("mobile has 11 digits and code 6".to_owned()));
    }
    if sending.mobile == REFUSED_NUMBER {
        let refused = Json(json!({"error": "number"}));
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, refused).into_response());
    }
    let Sending { message_id, mobile, code, minutes, language } = sending;
    let text = match language {
        SmsLanguage::English => {
            format!("Your code is {code}. It works for {minutes} minutes. Tell it to nobody.")
        }
        SmsLanguage::Chinese => format!("验证码 {code},{minutes} 分钟内有效。请勿告诉他人。"),
    };
    let at = desk.stage.clocks.now();
    let view = SmsView { message_id: message_id.clone(), mobile, code, text, at };
    lock(&desk.sms.messages).insert(message_id, view);
    Ok((StatusCode::ACCEPTED, Json(Accepted { accepted: true })).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SmsListing {
    mobile: Option<String>,
    limit: Option<usize>,
}

pub(crate) async fn messages(
    State(desk): State<Desk>,
    query: Result<Query<SmsListing>, QueryRejection>,
) -> Result<Json<SmsMessages>, DeskError> {
    let Query(wanted) = query.map_err(|cause| DeskError::BadRequest(cause.body_text()))?;
    let limit = wanted.limit.unwrap_or(100).min(1_000);
    Ok(Json(SmsMessages { messages: desk.sms.list(wanted.mobile.as_deref(), limit) }))
}
