//! Insured persons of an account: added with consent, shown masked, removed at will.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use kernel::{BirthDate, Document, DocumentError, DocumentKind, Identity, NameError, PersonName};
use people::{InsuredPerson, NewPerson, PeopleError, Purpose, Relation};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    Api,
    caller::Caller,
    consents,
    input::{Body, parse},
    problem::{ApiError, internal, invalid, storage_unavailable, tell},
    real_name::RealNameView,
};

/// Somebody whose contributions will be paid.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonWish {
    /// `self` or `other`.
    #[schema(example = "self")]
    relation: String,
    document: DocumentWish,
    #[schema(example = "张三")]
    name: String,
    /// `YYYY-MM-DD`; needed where the number of the document does not tell it. Used to see whether a
    /// guardian has to speak, and not kept.
    #[schema(example = "1990-01-01")]
    birth_date: Option<String>,
    /// Which wording of the consent was on the screen.
    #[schema(example = "2026-11")]
    consent_text_version: String,
    /// Needed with `other` below fourteen: the payer is the guardian, or has the guardian's word.
    guardian_statement: Option<GuardianWish>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GuardianWish {
    /// Which wording of the statement was on the screen.
    #[schema(example = "2026-11")]
    pub(crate) text_version: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DocumentWish {
    /// `resident_id`, `hkmt_residence`, `foreign_pr`, `foreign_pr_old`, `passport`, `hk_macau_pass`, `taiwan_pass`.
    #[schema(example = "resident_id")]
    kind: String,
    #[schema(example = "320213190001010006")]
    number: String,
}

/// A person as shown: never more than the masked parts.
#[derive(Serialize, ToSchema)]
pub(crate) struct PersonView {
    pub(crate) id: String,
    relation: String,
    document_kind: String,
    #[schema(example = "*三")]
    masked_name: String,
    #[schema(example = "320***********0006")]
    masked_number: String,
    real_name: RealNameView,
}

impl PersonView {
    pub(crate) fn of(person: &InsuredPerson) -> PersonView {
        PersonView {
            id: person.id.to_string(),
            relation: person.relation.code().to_owned(),
            document_kind: person.document_kind.code().to_owned(),
            masked_name: person.masked_name.clone(),
            masked_number: person.masked_number.clone(),
            real_name: RealNameView::of(&person.real_name),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PersonList {
    people: Vec<PersonView>,
}

/// Adds an insured person. The same person again is the same person.
#[utoipa::path(post, path = "/api/v1/people", tag = "people", security(("bearer" = [])), request_body = PersonWish,
    responses((status = 201, body = PersonView), (status = 422, description = "the document or name is not valid")))]
pub(crate) async fn create(
    State(api): State<Api>,
    Caller(caller): Caller,
    Body(wish): Body<PersonWish>,
) -> Result<(StatusCode, Json<PersonView>), ApiError> {
    let relation = match wish.relation.as_str() {
        "self" => Relation::Own,
        "other" => Relation::Other,
        _ => {
            return Err(invalid("relation", "relation"));
        }
    };
    let kind: DocumentKind = parse("document.kind", &wish.document.kind)?;
    let now = api.clock.now();
    let document = Document::parse(kind, &wish.document.number, now)?;
    let name = PersonName::parse(&wish.name)?;
    let identity = Identity { document, name };
    let birth_date = wish.birth_date.as_deref().map(|text| BirthDate::parse(text, now));
    let birth_date = birth_date.transpose().map_err(|error| {
        tell(StatusCode::UNPROCESSABLE_ENTITY, "birth_date_invalid")
            .because(error)
            .with("field", json!("birth_date"))
    })?;
    let consent_text_version = wish.consent_text_version;
    consents::check(relation.purpose(), &consent_text_version)?;
    let guardian_text_version = wish.guardian_statement.map(|statement| statement.text_version);
    if let Some(version) = &guardian_text_version {
        consents::check(Purpose::Guardian, version)?;
    }
    let new =
        NewPerson { identity, relation, birth_date, consent_text_version, guardian_text_version };
    let person = api.people.add_person(caller.account, new).await?;
    Ok((StatusCode::CREATED, Json(PersonView::of(&person))))
}

/// The account's insured persons.
#[utoipa::path(get, path = "/api/v1/people", tag = "people", security(("bearer" = [])),
    responses((status = 200, body = PersonList)))]
pub(crate) async fn list(
    State(api): State<Api>,
    Caller(caller): Caller,
) -> Result<Json<PersonList>, ApiError> {
    let people = api.people.list_persons(caller.account).await?;
    Ok(Json(PersonList { people: people.iter().map(PersonView::of).collect() }))
}

/// Removes a person from the account; the record of what was paid stays.
#[utoipa::path(delete, path = "/api/v1/people/{id}", tag = "people", security(("bearer" = [])),
    params(("id" = String, Path, description = "the person's id")),
    responses((status = 204), (status = 404, description = "no such person in this account")))]
pub(crate) async fn remove(
    State(api): State<Api>,
    Caller(caller): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    api.people.remove_person(caller.account, parse("id", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) fn person_not_found() -> ApiError {
    tell(StatusCode::NOT_FOUND, "person_not_found")
}

impl From<PeopleError> for ApiError {
    fn from(error: PeopleError) -> ApiError {
        match error {
            PeopleError::PersonNotFound => person_not_found(),
            PeopleError::AccountNotFound => crate::caller::not_logged_in(),
            PeopleError::PersonDiffers => tell(StatusCode::CONFLICT, "person_differs"),
            PeopleError::OwnPersonExists => tell(StatusCode::CONFLICT, "own_person_exists"),
            PeopleError::TooManyPersons => tell(StatusCode::CONFLICT, "too_many_people"),
            PeopleError::ConsentVersion => invalid("consent_text_version", "consent"),
            PeopleError::PersonDeclined => tell(StatusCode::CONFLICT, "person_declined"),
            PeopleError::GuardianNeeded => {
                tell(StatusCode::UNPROCESSABLE_ENTITY, "guardian_statement_needed")
            }
            PeopleError::OwnPersonTooYoung => {
                tell(StatusCode::UNPROCESSABLE_ENTITY, "own_person_too_young")
                    .with("field", json!("relation"))
            }
            PeopleError::BirthDateNeeded => {
                tell(StatusCode::UNPROCESSABLE_ENTITY, "birth_date_needed")
                    .with("field", json!("birth_date"))
            }
            PeopleError::ConsentNotFound => tell(StatusCode::NOT_FOUND, "consent_not_found"),
            PeopleError::TooManyWrongNames => {
                tell(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts")
            }
            PeopleError::MobileNeeded => tell(StatusCode::CONFLICT, "mobile_needed"),
            PeopleError::OwnPersonNeeded => tell(StatusCode::CONFLICT, "own_person_needed"),
            PeopleError::ProofTooFresh => tell(StatusCode::CONFLICT, "proof_too_fresh"),
            PeopleError::OwnPersonOnly => tell(StatusCode::CONFLICT, "real_name_own_only"),
            PeopleError::RealNameNeeded => tell(StatusCode::FORBIDDEN, "real_name_needed"),
            PeopleError::TooManyVerifications => {
                tell(StatusCode::TOO_MANY_REQUESTS, "real_name_too_often")
            }
            PeopleError::VerificationNotFound => {
                tell(StatusCode::NOT_FOUND, "verification_not_found")
            }
            PeopleError::VerificationOver => tell(StatusCode::CONFLICT, "verification_over"),
            PeopleError::MobileForm => tell(StatusCode::UNPROCESSABLE_ENTITY, "mobile_invalid")
                .with("field", json!("mobile")),
            PeopleError::CodeTooSoon { seconds } => {
                tell(StatusCode::TOO_MANY_REQUESTS, "sms_too_soon")
                    .value("seconds", seconds)
                    .with("retry_after_seconds", json!(seconds))
            }
            PeopleError::TooManyCodes => tell(StatusCode::TOO_MANY_REQUESTS, "sms_too_many"),
            PeopleError::CodeWrong => tell(StatusCode::UNPROCESSABLE_ENTITY, "sms_code_wrong"),
            PeopleError::ProofUsed => tell(StatusCode::UNPROCESSABLE_ENTITY, "evidence_invalid"),
            PeopleError::PayerNotFound => tell(StatusCode::NOT_FOUND, "payer_not_found"),
            PeopleError::RequestNotFound => {
                tell(StatusCode::NOT_FOUND, "payment_request_not_found")
            }
            PeopleError::OwnRequest => tell(StatusCode::CONFLICT, "payment_request_own"),
            PeopleError::TooManyRequests => tell(StatusCode::CONFLICT, "payment_requests_too_many"),
            PeopleError::AccountKey { .. }
            | PeopleError::Damaged { .. }
            | PeopleError::Sealed { .. } => internal(&error),
            PeopleError::Db(_) => storage_unavailable(&error),
        }
    }
}

impl From<DocumentError> for ApiError {
    fn from(error: DocumentError) -> ApiError {
        let what = match error {
            DocumentError::Shape => "shape",
            DocumentError::Region => "region",
            DocumentError::BirthDate => "birth_date",
            DocumentError::FutureBirthDate => "future_birth_date",
            DocumentError::TooOld => "too_old",
            DocumentError::CheckCharacter => "check_character",
        };
        tell(StatusCode::UNPROCESSABLE_ENTITY, "document_invalid")
            .says("document", what)
            .with("field", json!("document.number"))
    }
}

impl From<NameError> for ApiError {
    fn from(error: NameError) -> ApiError {
        tell(StatusCode::UNPROCESSABLE_ENTITY, "name_invalid")
            .because(error)
            .with("field", json!("name"))
    }
}
