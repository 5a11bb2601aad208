//! The answers that each platform understands.
//!
//! WeChat: 204 without a body is success, everything from 400 up is a failure and brings the message
//! again. Alipay: only the seven bytes `success` are success.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use kernel::Channel;
use platforms::Refusal;

/// What a platform is told about its message.
pub(crate) enum Answer {
    /// Stored: do not tell again.
    Taken,
    Refused(Refusal),
    TooLarge,
    /// Tell again.
    NotStored,
}

pub(crate) fn answer(channel: Channel, answer: Answer) -> Response {
    let (status, why) = match answer {
        Answer::Taken => {
            return match channel {
                Channel::Wechat => StatusCode::NO_CONTENT.into_response(),
                Channel::Alipay => text(StatusCode::OK, "success"),
            };
        }
        Answer::Refused(
            Refusal::Headers | Refusal::Malformed | Refusal::Undecryptable | Refusal::Unreadable,
        ) => (StatusCode::BAD_REQUEST, "unreadable"),
        // One sentence for all three: a forger learns nothing from the difference.
        Answer::Refused(Refusal::UnknownKey | Refusal::Signature | Refusal::Stale) => {
            (StatusCode::UNAUTHORIZED, "not verified")
        }
        Answer::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too large"),
        Answer::NotStored => (StatusCode::INTERNAL_SERVER_ERROR, "not stored, tell again"),
    };
    failure(channel, status, why)
}

/// Nobody lives at this address.
pub(crate) fn unknown_address() -> Response {
    failure(Channel::Wechat, StatusCode::NOT_FOUND, "no such merchant account")
}

fn failure(channel: Channel, status: StatusCode, why: &'static str) -> Response {
    match channel {
        Channel::Wechat => {
            (status, axum::Json(serde_json::json!({ "code": "FAIL", "message": why })))
                .into_response()
        }
        Channel::Alipay => text(status, "fail"),
    }
}

fn text(status: StatusCode, body: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response()
}
