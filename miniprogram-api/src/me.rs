//! The caller's own account: what it is, and its mobile number.

use axum::{Json, extract::State, http::StatusCode};
use kernel::{Channel, Secret};
use people::{BoundMobile, Mobile, MobileSource, People, Relation};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Api,
    caller::Caller,
    input::Body,
    language::Reads,
    platform,
    problem::{ApiError, internal, invalid, tell},
    sms::{SmsError, SmsMessage},
};

#[derive(Serialize, ToSchema)]
pub(crate) struct MeView {
    account_id: String,
    /// `wechat` or `alipay`.
    channel: String,
    mobile: Option<MobileView>,
    /// The insured person who is the owner, when they were added.
    own_person_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct MobileView {
    #[schema(example = "138****5678")]
    masked: String,
    /// `wechat`, `alipay` or `sms`: by whose word.
    source: String,
    bound_at: String,
}

impl MobileView {
    pub(crate) fn of(bound: &BoundMobile) -> MobileView {
        MobileView {
            masked: bound.number.masked(),
            source: bound.source.code().to_owned(),
            bound_at: bound.bound_at.rfc3339(),
        }
    }
}

/// The caller's account.
#[utoipa::path(get, path = "/api/v1/me", tag = "me", security(("bearer" = [])),
    responses((status = 200, body = MeView)))]
pub(crate) async fn show(
    State(api): State<Api>,
    Caller(caller): Caller,
) -> Result<Json<MeView>, ApiError> {
    let account = api.people.account(caller.account).await?;
    let account = account.ok_or_else(crate::caller::not_logged_in)?;
    let mobile = api.people.mobile(account.id).await?;
    let people = api.people.list_persons(account.id).await?;
    let own = people.iter().find(|person| person.relation == Relation::Own);
    Ok(Json(MeView {
        account_id: account.id.to_string(),
        channel: account.channel.code().to_owned(),
        mobile: mobile.as_ref().map(MobileView::of),
        own_person_id: own.map(|person| person.id.to_string()),
    }))
}

/// One of three: the platform's code (WeChat), the platform's envelope (Alipay), or a number with the
/// code that was sent to it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MobileWish {
    /// WeChat: the `code` of the button with `open-type="getPhoneNumber"`.
    platform_code: Option<String>,
    /// Alipay: the `response` text of `my.getPhoneNumber`, as it is.
    encrypted: Option<String>,
    #[schema(example = "13812345678")]
    mobile: Option<String>,
    #[schema(example = "123456")]
    sms_code: Option<String>,
}

/// Binds a mobile number to the account, in place of the one before.
#[utoipa::path(post, path = "/api/v1/me/mobile", tag = "me", security(("bearer" = [])), request_body = MobileWish,
    responses((status = 200, body = MobileView), (status = 422, description = "the code or envelope is not valid (any more)")))]
pub(crate) async fn bind(
    State(api): State<Api>,
    Caller(caller): Caller,
    Body(wish): Body<MobileWish>,
) -> Result<Json<MobileView>, ApiError> {
    let account = caller.account;
    let MobileWish { platform_code, encrypted, mobile, sms_code } = wish;
    let bound = match (platform_code, encrypted, mobile, sms_code) {
        (None, None, Some(mobile), Some(code)) => {
            let number = Mobile::parse(&mobile)?;
            api.people.bind_mobile_by_code(account, number, code.trim()).await?
        }
        // A platform's evidence is of its own users only.
        (Some(evidence), None, None, None) if caller.channel == Channel::Wechat => {
            by_platform(&api, &caller, Secret::new(evidence), MobileSource::Wechat).await?
        }
        (None, Some(evidence), None, None) if caller.channel == Channel::Alipay => {
            by_platform(&api, &caller, Secret::new(evidence), MobileSource::Alipay).await?
        }
        _ => return Err(invalid("mobile", "mobile_evidence")),
    };
    Ok(Json(MobileView::of(&bound)))
}

async fn by_platform(
    api: &Api,
    caller: &crate::session::Session,
    evidence: Secret,
    source: MobileSource,
) -> Result<BoundMobile, ApiError> {
    let provider = platform::of_caller(api, caller)?;
    let (_, user) = api.people.external_id(caller.account).await?;
    let told = provider.phone_number(&evidence, &user).await?;
    let number = Mobile::parse(told.expose())
        .map_err(|_| tell(StatusCode::UNPROCESSABLE_ENTITY, "mobile_foreign"))?;
    let envelope = provider.evidence_is_reusable().then_some(&evidence);
    Ok(api.people.bind_mobile(caller.account, number, source, envelope).await?)
}

/// Forgets the account's mobile number.
#[utoipa::path(delete, path = "/api/v1/me/mobile", tag = "me", security(("bearer" = [])),
    responses((status = 204, description = "none is bound (any more)")))]
pub(crate) async fn unbind(
    State(api): State<Api>,
    Caller(caller): Caller,
) -> Result<StatusCode, ApiError> {
    api.people.unbind_mobile(caller.account).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SmsWish {
    #[schema(example = "13812345678")]
    mobile: String,
}

/// What happens next; the same for every number.
#[derive(Serialize, ToSchema)]
pub(crate) struct SmsSent {
    digits: u8,
    expires_at: String,
    /// Not before then, another code.
    resend_at: String,
}

/// Sends a code to a mobile number.
#[utoipa::path(post, path = "/api/v1/me/mobile/sms-codes", tag = "me", security(("bearer" = [])), request_body = SmsWish,
    responses((status = 202, body = SmsSent), (status = 429, description = "too soon, or too many today"),
        (status = 503, description = "this service sends no messages")))]
pub(crate) async fn send_code(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Body(wish): Body<SmsWish>,
) -> Result<(StatusCode, Json<SmsSent>), ApiError> {
    let number = Mobile::parse(&wish.mobile)?;
    let not_offered = || tell(StatusCode::SERVICE_UNAVAILABLE, "sms_not_offered");
    let sender = api.sms.as_ref().ok_or_else(not_offered)?;
    let code = api.people.new_sms_code(caller.account, &number).await?;
    let message = SmsMessage {
        id: code.message_id,
        mobile: Secret::new(number.expose()),
        code: code.code,
        life: People::CODE_LIFE,
        language: language.tag(),
    };
    sender.send(&message).await?;
    let sent = SmsSent {
        digits: 6,
        expires_at: code.expires_at.rfc3339(),
        resend_at: code.resend_at.rfc3339(),
    };
    Ok((StatusCode::ACCEPTED, Json(sent)))
}

impl From<SmsError> for ApiError {
    fn from(error: SmsError) -> ApiError {
        match error {
            SmsError::Number => tell(StatusCode::UNPROCESSABLE_ENTITY, "mobile_refused"),
            SmsError::Busy | SmsError::Unknown(_) => {
                tracing::warn!(%error, "a message may not arrive");
                tell(StatusCode::BAD_GATEWAY, "sms_unavailable")
            }
            SmsError::Misconfigured(_) => internal(&error),
        }
    }
}
