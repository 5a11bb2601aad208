//! Real name: the citizen shows their face to the platform, and the platform tells us.
//!
//! Name and number go into the platform's call and nowhere else. The client's own report of how it
//! went is taken and not believed: the platform is asked, by the server, for the person with whom the
//! verification began.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use kernel::{DocumentKind, PersonId, VerificationId};
use people::{
    Act, Begun, Purpose, RealName, RealNameFailure, RealNameState, Relation, Verdict, Verification,
};
use platforms::{CitizenProvider, RealNameAction, RealNameNo, RealNameRequest, RealNameStanding};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Api,
    caller::Caller,
    consents,
    input::{Body, OptionalBody, parse},
    language::Reads,
    limits::Knock,
    persons::PersonView,
    platform,
    problem::{ApiError, internal, tell},
    session::Session,
};

/// Whether the person has proven their real name.
#[derive(Serialize, ToSchema)]
pub(crate) struct RealNameView {
    /// `none`, `pending`, `verified` or `failed`.
    state: String,
    /// `wechat_face` or `alipay_certify`.
    source: Option<String>,
    verified_at: Option<String>,
    /// Why the last try did not pass: `cancelled`, `other_face`, `person_unknown`, `not_seen`,
    /// `device`, `connection`, `expired`, `not_begun` or `not_passed`.
    failure: Option<String>,
}

impl RealNameView {
    pub(crate) fn of(real_name: &RealName) -> RealNameView {
        RealNameView {
            state: real_name.state.code().to_owned(),
            source: real_name.source.map(|source| source.code().to_owned()),
            verified_at: real_name.verified_at.map(|at| at.rfc3339()),
            failure: real_name.failure.map(|failure| failure.code().to_owned()),
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RealNameWish {
    /// Which wording of the consent (`real_name`) was on the screen: name and number go to the platform,
    /// which looks at the face.
    #[schema(example = "2026-11")]
    consent_text_version: String,
}

/// What the client opens.
#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum ActionView {
    /// For `wx.requestFacialVerify`.
    WechatFace { parameters: FaceParameters },
    /// For `my.call('startBizService', {name: 'open-certify', param: {certifyId, url}})`.
    AlipayCertify { certify_id: String, url: String },
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FaceParameters {
    verify_id: String,
}

impl From<RealNameAction> for ActionView {
    fn from(action: RealNameAction) -> ActionView {
        match action {
            RealNameAction::WechatFace { verify_id } => {
                ActionView::WechatFace { parameters: FaceParameters { verify_id } }
            }
            RealNameAction::AlipayCertify { certify_id, url } => {
                ActionView::AlipayCertify { certify_id, url }
            }
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct BegunView {
    /// Absent when the name is proven already.
    verification_id: Option<String>,
    action: Option<ActionView>,
    expires_at: Option<String>,
    person: PersonView,
}

impl BegunView {
    /// Of one that is to be shown a face: what the client opens.
    pub(crate) fn open_page(self) -> Result<(String, ActionView, String), ApiError> {
        let BegunView { verification_id, action, expires_at, .. } = self;
        let opened = verification_id.zip(action).zip(expires_at);
        let ((id, action), until) = opened.ok_or_else(|| internal(&"nothing is to be opened"))?;
        Ok((id, action, until))
    }
}

/// Begins to prove the real name of the account's owner, or goes on with what began before.
#[utoipa::path(post, path = "/api/v1/people/{id}/real-name", tag = "people", security(("bearer" = [])),
    params(("id" = String, Path, description = "the person's id")), request_body = RealNameWish,
    responses((status = 200, description = "begun before, or proven", body = BegunView), (status = 201, body = BegunView),
        (status = 409, description = "somebody else's face is not asked for (`real_name_own_only`)"),
        (status = 429, description = "too many today")))]
pub(crate) async fn begin(
    State(api): State<Api>,
    Caller(caller): Caller,
    Path(id): Path<String>,
    Body(wish): Body<RealNameWish>,
) -> Result<(StatusCode, Json<BegunView>), ApiError> {
    let id: PersonId = parse("id", &id)?;
    consents::check(Purpose::RealName, &wish.consent_text_version)?;
    let (status, view) = begun(&api, &caller, id, (&wish.consent_text_version, None)).await?;
    Ok((status, Json(view)))
}

/// Begins a verification, or goes on with one: for the name alone, or for an act that needs a face.
pub(crate) async fn begun(
    api: &Api,
    caller: &Session,
    id: PersonId,
    (consent, act): (&str, Option<Act>),
) -> Result<(StatusCode, BegunView), ApiError> {
    let provider = platform::of_caller(api, caller)?;
    let person = api.people.person(caller.account, id).await?;
    check(&*provider, person.relation, person.document_kind)?;
    let begun = api.people.begin_verification(caller.account, id, consent, act).await?;
    let (status, verification) = match begun {
        Begun::Proven(person) => {
            let person = PersonView::of(&person);
            let view = BegunView { verification_id: None, action: None, expires_at: None, person };
            return Ok((StatusCode::OK, view));
        }
        Begun::Going(verification) => (StatusCode::OK, verification),
        Begun::Fresh(verification) => {
            let begun = ask_to_begin(api, &*provider, caller, verification).await;
            let begun = match begun {
                Ok(begun) => begun,
                Err((verification, error)) => {
                    let over = Verdict::NotPassed(RealNameFailure::NotBegun);
                    let told =
                        api.people.settle_verification(caller.account, id, verification, over);
                    if let Err(error) = told.await {
                        tracing::warn!(%error, "a verification that did not begin stays prepared");
                    }
                    return Err(error);
                }
            };
            (StatusCode::CREATED, begun)
        }
    };
    let reference = verification.reference.as_ref();
    let reference = reference.ok_or_else(|| internal(&"a verification without a reference"))?;
    let person = api.people.person(caller.account, id).await?;
    let view = BegunView {
        verification_id: Some(verification.id.to_string()),
        action: Some(provider.real_name_action(reference)?.into()),
        expires_at: Some(verification.expires_at.rfc3339()),
        person: PersonView::of(&person),
    };
    Ok((status, view))
}

fn check(
    provider: &dyn CitizenProvider,
    relation: Relation,
    document: DocumentKind,
) -> Result<(), ApiError> {
    if relation != Relation::Own {
        return Err(tell(StatusCode::CONFLICT, "real_name_own_only"));
    }
    if provider.verifies(document) {
        return Ok(());
    }
    Err(tell(StatusCode::UNPROCESSABLE_ENTITY, "real_name_document"))
}

async fn request_of(
    api: &Api,
    caller: &Session,
    verification: &Verification,
) -> Result<RealNameRequest, ApiError> {
    let (_, user) = api.people.external_id(caller.account).await?;
    Ok(RealNameRequest {
        number: verification.number.clone(),
        person: verification.person.clone(),
        user,
        return_url: format!("alipays://platformapi/startapp?appId={}", caller.app_id),
    })
}

/// Asks the platform to begin, and keeps what it calls the verification before the client learns it.
async fn ask_to_begin(
    api: &Api,
    provider: &dyn CitizenProvider,
    caller: &Session,
    mut verification: Verification,
) -> Result<Verification, (VerificationId, ApiError)> {
    let id = verification.id;
    let begun = async {
        let request = request_of(api, caller, &verification).await?;
        let ticket = provider.begin_real_name(&request).await?;
        let (reference, until) = (&ticket.reference, ticket.expires_at);
        api.people.keep_reference(caller.account, id, reference, until).await?;
        Ok(ticket)
    };
    let ticket = begun.await.map_err(|error| (id, error))?;
    verification.reference = Some(ticket.reference);
    verification.expires_at = ticket.expires_at;
    Ok(verification)
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RealNameReport {
    /// What the client's interface said. Proves nothing.
    #[serde(rename = "verify_result")]
    _verify_result: Option<serde_json::Value>,
}

/// The person, and what to do next.
#[derive(Serialize, ToSchema)]
pub(crate) struct RealNameAnswer {
    #[serde(flatten)]
    person: PersonView,
    message: String,
    next: String,
}

/// The client came back from the platform's page: the platform is asked how it went.
#[utoipa::path(post, path = "/api/v1/people/{id}/real-name/{verification_id}/result", tag = "people", security(("bearer" = [])),
    params(("id" = String, Path, description = "the person's id"), ("verification_id" = String, Path, description = "as begun")),
    request_body = RealNameReport,
    responses((status = 200, body = RealNameAnswer), (status = 404, description = "no such verification of this person"),
        (status = 409, description = "it is over; begin a new one"), (status = 502, description = "the platform did not answer; repeat")))]
pub(crate) async fn result(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Path((id, verification_id)): Path<(String, String)>,
    OptionalBody(_report): OptionalBody<RealNameReport>,
) -> Result<Json<RealNameAnswer>, ApiError> {
    let id: PersonId = parse("id", &id)?;
    let verification_id: VerificationId = parse("verification_id", &verification_id)?;
    let verification = api.people.verification(caller.account, id, verification_id).await?;
    let person = if verification.passed {
        api.people.person(caller.account, id).await?
    } else {
        api.limits.check(Knock::Result, &caller.account.to_string())?;
        let verdict = ask_how_it_went(&api, &caller, &verification).await?;
        api.people.settle_verification(caller.account, id, verification_id, verdict).await?
    };
    let real_name = &person.real_name;
    let key = match (real_name.state, real_name.failure) {
        (RealNameState::Failed, Some(failure)) => failure.code(),
        (state, _) => state.code(),
    };
    let said = wording::phrase(language, &format!("real_name.{key}")).unwrap_or_default();
    let help = [("help", said.help_line.to_owned())];
    let (message, next) = (said.message.to_owned(), wording::filled(said.next, &help));
    Ok(Json(RealNameAnswer { person: PersonView::of(&person), message, next }))
}

pub(crate) async fn ask_how_it_went(
    api: &Api,
    caller: &Session,
    verification: &Verification,
) -> Result<Verdict, ApiError> {
    let over = || ApiError::from(people::PeopleError::VerificationOver);
    if verification.channel != caller.channel {
        return Err(over());
    }
    let provider = platform::of_caller(api, caller)?;
    let reference = verification.reference.as_ref().ok_or_else(over)?;
    let request = request_of(api, caller, verification).await?;
    Ok(match provider.query_real_name(reference, &request).await? {
        RealNameStanding::Passed(proof) if proof.is_of(&request) => Verdict::Passed,
        RealNameStanding::Passed(_) => {
            return Err(internal(&"a platform vouched for somebody else"));
        }
        RealNameStanding::NotPassed(why) => Verdict::NotPassed(match why {
            RealNameNo::PersonUnknown => RealNameFailure::PersonUnknown,
            RealNameNo::OtherFace => RealNameFailure::OtherFace,
            RealNameNo::NotSeen => RealNameFailure::NotSeen,
            RealNameNo::Cancelled => RealNameFailure::Cancelled,
            RealNameNo::Device => RealNameFailure::Device,
            RealNameNo::Connection => RealNameFailure::Connection,
            RealNameNo::Expired => RealNameFailure::Expired,
            RealNameNo::Unsaid => RealNameFailure::NotPassed,
        }),
        RealNameStanding::Waiting => Verdict::Waiting,
    })
}
