//! Logging in and out over HTTP; the stores are in `session`.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use kernel::{AccountId, Channel};
use orders::OrderError;
use people::{AccountKey, PeopleError, SignIn};
use platforms::{LoginError, LoginIdentity, PayerIdKind};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    Api,
    caller::Caller,
    input::{Body, parse},
    problem::{ApiError, internal, invalid, tell},
    session::{NewSession, Session, SessionError},
};

/// A mini-program's one-time code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginWish {
    /// `wechat` (code of `wx.login`) or `alipay` (code of `my.getAuthCode`).
    #[schema(example = "wechat")]
    platform: String,
    code: String,
    /// Needed only where several mini-programs of one platform use this backend.
    app_id: Option<String>,
}

/// A fresh session. The token is shown once and kept by the client.
#[derive(Serialize, ToSchema)]
pub(crate) struct LoggedIn {
    /// Send as `Authorization: Bearer …`.
    token: String,
    session: SessionView,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct SessionView {
    id: String,
    platform: String,
    /// RFC 3339. Slides forward with use.
    expires_at: String,
    created_at: String,
    last_seen_at: String,
    /// Whether this request uses it.
    current: bool,
}

impl SessionView {
    pub(crate) fn of(session: &Session, current: &str) -> SessionView {
        let id = session.id.to_string();
        SessionView {
            platform: session.channel.code().to_owned(),
            expires_at: session.expires_at.rfc3339(),
            created_at: session.created_at.rfc3339(),
            last_seen_at: session.last_seen_at.rfc3339(),
            current: id == current,
            id,
        }
    }
}

/// Logs in with a mini-program's code.
#[utoipa::path(post, path = "/api/v1/sessions", tag = "sessions", request_body = LoginWish,
    responses((status = 201, body = LoggedIn), (status = 401, description = "the code is not valid any more")))]
pub(crate) async fn create(
    State(api): State<Api>,
    Body(wish): Body<LoginWish>,
) -> Result<(StatusCode, Json<LoggedIn>), ApiError> {
    let channel: Channel = parse("platform", &wish.platform)?;
    let logins = api.logins.get();
    let mut providers = logins.iter().filter(|login| {
        login.channel() == channel
            && wish.app_id.as_deref().is_none_or(|app_id| app_id == login.app_id())
    });
    let provider = match (providers.next(), providers.next()) {
        (Some(provider), None) => provider,
        (None, _) => {
            return Err(invalid("platform", "login_platform"));
        }
        (Some(_), Some(_)) => {
            return Err(invalid("app_id", "login_app"));
        }
    };
    let identity = provider.login(&wish.code).await?;
    let session = sign_in(&api, identity).await?;
    Ok((StatusCode::CREATED, Json(session)))
}

/// Unions of one login: two names lead to two accounts at most, and another process may be uniting them.
const UNIONS_MAX: usize = 4;

async fn sign_in(api: &Api, identity: LoginIdentity) -> Result<LoggedIn, ApiError> {
    let key = |kind: PayerIdKind, external_id: String| AccountKey {
        channel: identity.channel,
        app_id: identity.app_id.clone(),
        id_kind: kind.code().to_owned(),
        external_id,
    };
    let wanted = key(identity.kind, identity.id.clone());
    let also = identity.also.clone().map(|(kind, id)| key(kind, id));
    let account = account_of(api, &wanted, also.as_ref()).await?;
    let new = NewSession {
        account,
        channel: identity.channel,
        app_id: identity.app_id,
        session_key: identity.session_key,
    };
    let (token, session) = api.sessions.open(new).await?;
    let id = session.id.to_string();
    Ok(LoggedIn { token: token.expose().to_owned(), session: SessionView::of(&session, &id) })
}

/// The one account of a person, whatever they were called before.
async fn account_of(
    api: &Api,
    wanted: &AccountKey,
    also: Option<&AccountKey>,
) -> Result<AccountId, ApiError> {
    for _ in 0..UNIONS_MAX {
        match api.people.sign_in_under(wanted, also).await? {
            SignIn::Account { account, absorbed } => {
                for gone in absorbed {
                    follow(api, account.id, gone).await?;
                }
                return Ok(account.id);
            }
            SignIn::Two { kept, absorbed } => match api.orders.unite_accounts(kept, absorbed).await
            {
                // Another process was faster.
                Err(OrderError::People(PeopleError::AccountNotFound)) => {}
                united => united?,
            },
        }
    }
    Err(internal(&"two accounts of one person could not be united"))
}

/// What the union left to others. At every login, because a process may have ended between the two.
async fn follow(api: &Api, kept: AccountId, gone: AccountId) -> Result<(), ApiError> {
    api.orders.unite_accounts(kept, gone).await?;
    api.reminders.follow(gone, kept).await?;
    api.sessions.revoke_all(gone).await?;
    Ok(())
}

#[derive(Serialize, ToSchema)]
pub(crate) struct SessionList {
    sessions: Vec<SessionView>,
}

/// The person's own living sessions.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "sessions", security(("bearer" = [])),
    responses((status = 200, body = SessionList)))]
pub(crate) async fn list(
    State(api): State<Api>,
    Caller(caller): Caller,
) -> Result<Json<SessionList>, ApiError> {
    let current = caller.id.to_string();
    let sessions = api.sessions.list(caller.account).await?;
    Ok(Json(SessionList {
        sessions: sessions.iter().map(|session| SessionView::of(session, &current)).collect(),
    }))
}

/// Logs out one session; `current` names the one of this request.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", tag = "sessions", security(("bearer" = [])),
    params(("id" = String, Path, description = "a session id, or `current`")),
    responses((status = 204), (status = 404, description = "no such session of this person")))]
pub(crate) async fn revoke(
    State(api): State<Api>,
    Caller(caller): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = if id == "current" { caller.id } else { parse("id", &id)? };
    if api.sessions.revoke(caller.account, &id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(tell(StatusCode::NOT_FOUND, "session_not_found"))
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Revoked {
    count: u64,
}

/// Logs out everywhere.
#[utoipa::path(delete, path = "/api/v1/sessions", tag = "sessions", security(("bearer" = [])),
    responses((status = 200, body = Revoked)))]
pub(crate) async fn revoke_all(
    State(api): State<Api>,
    Caller(caller): Caller,
) -> Result<Json<Revoked>, ApiError> {
    let count = api.sessions.revoke_all(caller.account).await?;
    Ok(Json(Revoked { count: u64::try_from(count).unwrap_or(u64::MAX) }))
}

impl From<SessionError> for ApiError {
    fn from(error: SessionError) -> ApiError {
        tracing::error!(%error, "the session store failed");
        tell(StatusCode::SERVICE_UNAVAILABLE, "sessions_unavailable")
    }
}

impl From<LoginError> for ApiError {
    fn from(error: LoginError) -> ApiError {
        match error {
            LoginError::Code => tell(StatusCode::UNAUTHORIZED, "login_code_invalid"),
            LoginError::Blocked => tell(StatusCode::FORBIDDEN, "login_blocked"),
            LoginError::Busy => tell(StatusCode::TOO_MANY_REQUESTS, "login_busy"),
            LoginError::Unknown => tell(StatusCode::BAD_GATEWAY, "login_unknown")
                .with("fresh_code_needed", json!(true)),
            LoginError::Misconfigured(_) => internal(&error),
        }
    }
}
