//! Insured persons of an account: added with consent, shown masked, removed at will.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use kernel::{Document, DocumentError, DocumentKind, Identity, NameError, PersonName};
use people::{InsuredPerson, NewPerson, PeopleError, Relation};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Api,
    caller::Caller,
    input::{Body, parse},
    problem::{ApiError, internal, invalid, storage_unavailable, tell},
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
    /// Which wording of the consent was on the screen.
    #[schema(example = "2026-11")]
    consent_text_version: String,
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
}

impl PersonView {
    pub(crate) fn of(person: &InsuredPerson) -> PersonView {
        PersonView {
            id: person.id.to_string(),
            relation: person.relation.code().to_owned(),
            document_kind: person.document_kind.code().to_owned(),
            masked_name: person.masked_name.clone(),
            masked_number: person.masked_number.clone(),
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
    let document = Document::parse(kind, &wish.document.number, api.clock.now())?;
    let identity = Identity { document, name: PersonName::parse(&wish.name)? };
    let new = NewPerson { identity, relation, consent_text_version: wish.consent_text_version };
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
        tell(StatusCode::UNPROCESSABLE_ENTITY, "document_invalid").says("document", what)
    }
}

impl From<NameError> for ApiError {
    fn from(error: NameError) -> ApiError {
        tell(StatusCode::UNPROCESSABLE_ENTITY, "name_invalid").because(error)
    }
}
