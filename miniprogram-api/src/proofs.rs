//! What proves an act that needs more than a login: the owner's face, or a code to the account's number.
//!
//! Begun for one act, handed back with it, and of use for nothing else. A login proves nothing here: a
//! mini-program logs in silently whenever it likes.

use axum::{Json, extract::State, http::StatusCode};
use kernel::{Secret, VerificationId};
use people::{Act, ActProof, People, Purpose};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Api,
    caller::Caller,
    consents,
    input::{Body, parse},
    language::Reads,
    limits::Knock,
    problem::{ApiError, invalid, tell},
    real_name::{self, ActionView},
    session::Session,
    sms::SmsMessage,
};

/// For what, and by what.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProofWish {
    /// `export` or `erasure`.
    #[schema(example = "export")]
    act: String,
    /// `face`, or `sms` to the number of the account.
    #[schema(example = "sms")]
    by: String,
    /// With `face`: which wording of the consent was on the screen, because name and number go to the
    /// platform.
    consent_text_version: Option<String>,
}

/// What the client does next.
#[derive(Serialize, ToSchema)]
#[serde(tag = "by", rename_all = "snake_case")]
pub(crate) enum ProofBegun {
    /// The client opens the platform's page, and hands `verification_id` back with the act.
    Face { verification_id: String, action: ActionView, expires_at: String },
    /// The citizen types the code, and the client hands it back with the act.
    Sms {
        /// Where it was sent.
        #[schema(example = "138****5678")]
        masked: String,
        digits: u8,
        expires_at: String,
        /// Not before then, another code.
        resend_at: String,
    },
}

/// Begins to prove that it is the owner who wants to do something.
#[utoipa::path(post, path = "/api/v1/me/proofs", tag = "me", security(("bearer" = [])), request_body = ProofWish,
    responses((status = 201, body = ProofBegun),
        (status = 409, description = "no number (`mobile_needed`) or own person (`own_person_needed`), or it is too new (`proof_too_fresh`)"),
        (status = 429, description = "too soon, or too many today")))]
pub(crate) async fn begin(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Body(wish): Body<ProofWish>,
) -> Result<(StatusCode, Json<ProofBegun>), ApiError> {
    let act: Act = parse("act", &wish.act)?;
    let begun = match wish.by.as_str() {
        "face" => by_face(&api, &caller, act, wish.consent_text_version).await?,
        "sms" => by_sms(&api, &caller, act, language.tag()).await?,
        _ => return Err(invalid("by", "proof_by")),
    };
    Ok((StatusCode::CREATED, Json(begun)))
}

async fn by_face(
    api: &Api,
    caller: &Session,
    act: Act,
    consent: Option<String>,
) -> Result<ProofBegun, ApiError> {
    let consent = consent.unwrap_or_default();
    consents::check(Purpose::RealName, &consent)?;
    let person = api.people.person_to_prove(caller.account).await?;
    let (_, begun) = real_name::begun(api, caller, person, (&consent, Some(act))).await?;
    let (verification_id, action, expires_at) = begun.open_page()?;
    Ok(ProofBegun::Face { verification_id, action, expires_at })
}

async fn by_sms(
    api: &Api,
    caller: &Session,
    act: Act,
    language: &'static str,
) -> Result<ProofBegun, ApiError> {
    let not_offered = || tell(StatusCode::SERVICE_UNAVAILABLE, "sms_not_offered");
    let sender = api.sms.as_ref().ok_or_else(not_offered)?;
    let (number, code) = api.people.new_act_code(caller.account, act).await?;
    let message = SmsMessage {
        id: code.message_id,
        mobile: Secret::new(number.expose()),
        code: code.code,
        life: People::CODE_LIFE,
        language,
    };
    sender.send(&message).await?;
    Ok(ProofBegun::Sms {
        masked: number.masked(),
        digits: 6,
        expires_at: code.expires_at.rfc3339(),
        resend_at: code.resend_at.rfc3339(),
    })
}

/// A proof as it comes back with the act: one of both.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProofGiven {
    /// Of `POST /api/v1/me/proofs` by `face`.
    verification_id: Option<String>,
    /// Of the message.
    #[schema(example = "123456")]
    sms_code: Option<String>,
}

/// Lets the act happen, and writes down that it does.
pub(crate) async fn authorise(
    api: &Api,
    caller: &Session,
    act: Act,
    given: ProofGiven,
) -> Result<(), ApiError> {
    let proof = match (given.verification_id, given.sms_code) {
        (None, Some(code)) => ActProof::Sms(code),
        (Some(id), None) => {
            let id: VerificationId = parse("proof.verification_id", &id)?;
            settle(api, caller, id).await?;
            ActProof::Face(id)
        }
        _ => return Err(invalid("proof", "proof")),
    };
    Ok(api.people.authorise(caller.account, act, &proof).await?)
}

/// Asks the platform how a face went, unless that is known.
async fn settle(api: &Api, caller: &Session, id: VerificationId) -> Result<(), ApiError> {
    let person = api.people.person_to_prove(caller.account).await?;
    let verification = api.people.verification(caller.account, person, id).await?;
    if verification.passed {
        return Ok(());
    }
    api.limits.check(Knock::Result, &caller.account.to_string())?;
    let verdict = real_name::ask_how_it_went(api, caller, &verification).await?;
    api.people.settle_verification(caller.account, person, id, verdict).await?;
    let verification = api.people.verification(caller.account, person, id).await?;
    if verification.passed { Ok(()) } else { Err(tell(StatusCode::CONFLICT, "proof_pending")) }
}
