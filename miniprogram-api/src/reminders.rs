//! Reminders over HTTP: what a citizen wants to hear of, asked by the platform's own question.

use ::reminders::{Answer, Permission, ReminderError, ReminderKind};
use axum::{Json, extract::State};
use kernel::Timestamp;
use people::Purpose;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wording::Language;

use crate::{
    Api,
    caller::Caller,
    consents,
    input::{Body, parse},
    language::Reads,
    problem::{ApiError, internal, invalid, storage_unavailable},
};

/// One kind of reminder and what the citizen said about it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReminderView {
    /// `window`, `posted`, `refund` or `gap`.
    #[schema(example = "posted")]
    kind: String,
    #[schema(example = "入账提醒")]
    label: String,
    /// When a message comes, in one sentence.
    text: String,
    /// For `wx.requestSubscribeMessage` or `my.requestSubscribeMessage`. Absent: this city does not
    /// send this kind in this mini-program.
    template_id: Option<String>,
    wanted: bool,
    /// How many messages are accepted and not sent yet. One acceptance is one message.
    left: u32,
    updated_at: Option<String>,
    /// Which wording was accepted last.
    consent_text_version: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ReminderList {
    reminders: Vec<ReminderView>,
    /// Nothing is sent from `quiet_from` to `quiet_to`, Beijing time.
    #[schema(example = "21:00")]
    quiet_from: String,
    #[schema(example = "08:00")]
    quiet_to: String,
}

/// What the user answered to the platform's question.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReminderAnswer {
    #[schema(example = "posted")]
    kind: String,
    /// `accept`, or `reject` (also when the platform reports `ban` or `filter`).
    #[schema(example = "accept")]
    answer: String,
    /// With `accept`: which wording of the consent (`reminders`) was on the screen.
    #[schema(example = "2026-11-24")]
    consent_text_version: Option<String>,
}

/// What the account wants to be reminded of.
#[utoipa::path(get, path = "/api/v1/me/reminders", tag = "me", security(("bearer" = [])),
    responses((status = 200, body = ReminderList)))]
pub(crate) async fn list(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
) -> Result<Json<ReminderList>, ApiError> {
    let messenger = api.reminders.messenger_of(caller.account).await?;
    let template = |kind| messenger.as_ref()?.template_id(kind).map(str::to_owned);
    let permissions = api.reminders.permissions(caller.account).await?.into_iter();
    let reminders = permissions.map(|permission| view(permission, &template, language)).collect();
    Ok(Json(ReminderList {
        reminders,
        quiet_from: "21:00".to_owned(),
        quiet_to: "08:00".to_owned(),
    }))
}

fn view(
    permission: Permission,
    template: &dyn Fn(ReminderKind) -> Option<String>,
    language: Language,
) -> ReminderView {
    let kind = permission.kind;
    let key = format!("reminder.{}", kind.code());
    let spoken = wording::phrase(language, &key).unwrap_or_default();
    ReminderView {
        kind: kind.code().to_owned(),
        label: spoken.label.to_owned(),
        text: wording::term(language, &format!("reminder_when.{}", kind.code())),
        template_id: template(kind),
        wanted: permission.wanted,
        left: permission.left,
        updated_at: permission.updated_at.map(Timestamp::rfc3339),
        consent_text_version: permission.text_version,
    }
}

/// Writes down what the user answered. A refusal is a normal answer and ends what was accepted before.
#[utoipa::path(put, path = "/api/v1/me/reminders", tag = "me", security(("bearer" = [])),
    request_body = ReminderAnswer, responses((status = 200, body = ReminderList)))]
pub(crate) async fn answer(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Body(wish): Body<ReminderAnswer>,
) -> Result<Json<ReminderList>, ApiError> {
    let kind: ReminderKind = parse("kind", &wish.kind)?;
    let answer = match wish.answer.as_str() {
        "accept" => {
            let version = wish.consent_text_version.unwrap_or_default();
            consents::check(Purpose::Reminders, &version)?;
            Answer::Accept { text_version: version }
        }
        "reject" | "ban" | "filter" => Answer::Reject,
        _ => return Err(invalid("answer", "reminder_answer")),
    };
    api.reminders.answer(caller.account, kind, answer).await?;
    list(State(api), Caller(caller), Reads(language)).await
}

impl From<ReminderError> for ApiError {
    fn from(error: ReminderError) -> ApiError {
        match error {
            ReminderError::Database(_) => storage_unavailable(&error),
            ReminderError::People(error) => error.into(),
            ReminderError::Row { .. } | ReminderError::Sealed(_) => internal(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_words() {
        for language in Language::ALL {
            for kind in ReminderKind::ALL {
                let code = kind.code();
                let spoken = wording::phrase(language, &format!("reminder.{code}")).expect(code);
                assert!(!spoken.label.is_empty(), "{code}");
                let key = format!("reminder_when.{code}");
                assert_ne!(wording::term(language, &key), key);
            }
        }
    }
}
