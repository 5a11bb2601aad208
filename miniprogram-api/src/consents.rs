//! Consents: the texts that people agree to, and what the caller has agreed to.
//!
//! The texts are data (`consent-texts.toml`), versioned, and part of the program: a consent to a
//! wording that nobody can read again would prove nothing, so other versions are not accepted.

use std::sync::LazyLock;

use axum::{
    Json,
    extract::{Path, State},
};
use people::{Consent, PeopleError, Purpose};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wording::Language;

use crate::{Api, caller::Caller, input::parse, language::Reads, problem::ApiError};

static TEXTS: LazyLock<Vec<Text>> = LazyLock::new(|| read(include_str!("../consent-texts.toml")));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    purpose: String,
    version: String,
    published: String,
    title_zh: String,
    title_en: String,
    body_zh: String,
    body_en: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    text: Vec<Text>,
}

/// The file is part of the program, so a broken one is found by the test below; here it would be an
/// empty list, and every consent refused.
fn read(text: &str) -> Vec<Text> {
    toml::from_str::<Texts>(text).map(|texts| texts.text).unwrap_or_default()
}

fn of(purpose: Purpose) -> impl DoubleEndedIterator<Item = &'static Text> {
    TEXTS.iter().filter(move |text| text.purpose == purpose.code())
}

/// The version in force.
pub(crate) fn current(purpose: Purpose) -> &'static str {
    of(purpose).next_back().map_or("", |text| text.version.as_str())
}

/// Whether this version of this text was ever published.
pub(crate) fn check(purpose: Purpose, version: &str) -> Result<(), ApiError> {
    if of(purpose).any(|text| text.version == version) {
        Ok(())
    } else {
        Err(PeopleError::ConsentVersion.into())
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ConsentText {
    /// `pay_for_self`, `pay_for_other`, `guardian`, `real_name` or `reminders`.
    purpose: String,
    version: String,
    published: String,
    /// Whether it is the one to show now.
    current: bool,
    title: String,
    text: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ConsentTexts {
    texts: Vec<ConsentText>,
}

/// The texts that people agree to, all versions.
#[utoipa::path(get, path = "/api/v1/consent-texts", tag = "me", responses((status = 200, body = ConsentTexts)))]
pub(crate) async fn texts(Reads(language): Reads) -> Json<ConsentTexts> {
    let view = |text: &Text| {
        let (title, body) = match language {
            Language::Chinese => (&text.title_zh, &text.body_zh),
            Language::English => (&text.title_en, &text.body_en),
        };
        let purpose = Purpose::ALL.into_iter().find(|purpose| purpose.code() == text.purpose);
        ConsentText {
            purpose: text.purpose.clone(),
            version: text.version.clone(),
            published: text.published.clone(),
            current: purpose.is_some_and(|purpose| current(purpose) == text.version),
            title: title.clone(),
            text: body.trim().to_owned(),
        }
    };
    Json(ConsentTexts { texts: TEXTS.iter().map(view).collect() })
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ConsentView {
    id: String,
    person_id: String,
    purpose: String,
    text_version: String,
    given_at: String,
    withdrawn_at: Option<String>,
}

impl ConsentView {
    pub(crate) fn of(consent: &Consent) -> ConsentView {
        ConsentView {
            id: consent.id.to_string(),
            person_id: consent.person.to_string(),
            purpose: consent.purpose.code().to_owned(),
            text_version: consent.text_version.clone(),
            given_at: consent.given_at.rfc3339(),
            withdrawn_at: consent.withdrawn_at.map(|at| at.rfc3339()),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ConsentList {
    consents: Vec<ConsentView>,
}

/// Everything that the caller ever agreed to. Removing a person withdraws what was agreed about them.
#[utoipa::path(get, path = "/api/v1/consents", tag = "me", security(("bearer" = [])),
    responses((status = 200, body = ConsentList)))]
pub(crate) async fn list(
    State(api): State<Api>,
    Caller(caller): Caller,
) -> Result<Json<ConsentList>, ApiError> {
    let consents = api.people.list_consents(caller.account).await?;
    Ok(Json(ConsentList { consents: consents.iter().map(ConsentView::of).collect() }))
}

/// Takes a consent back. What was done under it stays done. Without consent to pay for somebody the
/// person leaves the list; without that to the face the name is not proven any more. Reminders are ended
/// with `PUT /api/v1/me/reminders`.
#[utoipa::path(post, path = "/api/v1/consents/{id}/withdrawal", tag = "me", security(("bearer" = [])),
    params(("id" = String, Path, description = "as listed")),
    responses((status = 200, body = ConsentList), (status = 404, description = "no such consent of this account")))]
pub(crate) async fn withdraw(
    State(api): State<Api>,
    Caller(caller): Caller,
    Path(id): Path<String>,
) -> Result<Json<ConsentList>, ApiError> {
    api.people.withdraw_consent(caller.account, parse("id", &id)?).await?;
    list(State(api), Caller(caller)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_purpose_has_a_text_in_both_languages_and_no_version_twice() {
        let texts: Texts = toml::from_str(include_str!("../consent-texts.toml")).expect("TOML");
        for purpose in Purpose::ALL {
            let versions: Vec<&str> = texts
                .text
                .iter()
                .filter(|text| text.purpose == purpose.code())
                .map(|text| text.version.as_str())
                .collect();
            assert!(!versions.is_empty(), "{} has no text", purpose.code());
            assert!(versions.is_sorted_by(|a, b| a < b), "{}: {versions:?}", purpose.code());
        }
        for text in &texts.text {
            assert!(Purpose::ALL.iter().any(|known| known.code() == text.purpose));
            for part in [&text.title_zh, &text.title_en, &text.body_zh, &text.body_en] {
                assert!(part.trim().len() > 10, "{} {}", text.purpose, text.version);
            }
        }
    }

    #[test]
    fn an_unpublished_version_is_no_consent() {
        assert!(check(Purpose::PayForSelf, current(Purpose::PayForSelf)).is_ok());
        assert!(check(Purpose::PayForSelf, "1999-01").is_err());
        assert!(check(Purpose::PayForSelf, "").is_err());
    }
}
