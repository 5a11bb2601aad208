//! `alipay.system.oauth.token`: login codes and refresh tokens (alipay §2.2).

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use kernel::{Entropy, Timestamp};
use serde_json::json;

use super::{
    Alipay, AlipayOddity, AppPlace,
    gateway::{Call, Refusal},
    trade::Fields,
};
use crate::{
    bounded::Bounded,
    faults::FaultKind,
    lock,
    people::{CodeStanding, PersonNo},
};

const ACCESS_SECONDS: u64 = 1_296_000;
const REFRESH_SECONDS: u64 = 2_592_000;
const TOKENS_MAX: usize = 100_000;

#[derive(Clone)]
struct Grant {
    app: AppPlace,
    person: PersonNo,
    /// The refresh token's life counts from the first grant, however often it is renewed.
    ends_at: Timestamp,
    /// The access token that was given with it, which dies with it.
    access: String,
    used: bool,
}

#[derive(Clone, Copy)]
struct Access {
    app: AppPlace,
    person: PersonNo,
    ends_at: Timestamp,
    /// Another one took its place.
    replaced: bool,
}

/// Tokens that were given out: refresh tokens, and access tokens with their end.
pub(super) struct Tokens {
    refresh: Mutex<Bounded<String, Grant>>,
    access: Mutex<Bounded<String, Access>>,
}

impl Tokens {
    pub fn new() -> Tokens {
        let refresh = Mutex::new(Bounded::new(TOKENS_MAX));
        Tokens { refresh, access: Mutex::new(Bounded::new(TOKENS_MAX)) }
    }

    /// The users take back what they granted: no token is worth anything any more.
    pub fn revoke(&self) {
        *lock(&self.refresh) = Bounded::new(TOKENS_MAX);
        *lock(&self.access) = Bounded::new(TOKENS_MAX);
    }

    /// Whose access token this is, for the application that it was given to.
    pub fn bearer(&self, app: AppPlace, token: &str, now: Timestamp) -> Result<PersonNo, Refusal> {
        match lock(&self.access).get(token).filter(|access| access.app == app) {
            Some(access) if access.replaced => {
                Err(Refusal::token("aop.invalid-auth-token", "无效的访问令牌"))
            }
            None => Err(Refusal::token("aop.invalid-auth-token", "无效的访问令牌")),
            Some(access) if access.ends_at <= now => {
                Err(Refusal::token("aop.auth-token-time-out", "访问令牌已过期"))
            }
            Some(access) => Ok(access.person),
        }
    }
}

/// Of the other application.
fn unmatched() -> Refusal {
    Refusal::login("isv.unmatched-app-id", "授权码与应用不匹配")
}

fn by_code(alipay: &Alipay, call: &Call, now: Timestamp) -> Result<(PersonNo, Timestamp), Refusal> {
    let code = call.common("code").unwrap_or("");
    let other = match call.app.place {
        AppPlace::First => AppPlace::Second,
        AppPlace::Second => AppPlace::First,
    };
    match alipay.codes_of(call.app.place).redeem(code, now) {
        CodeStanding::Fresh(person) => Ok((person, now.plus(Duration::from_secs(REFRESH_SECONDS)))),
        CodeStanding::Unknown if alipay.codes_of(other).knows(code) => Err(unmatched()),
        CodeStanding::Used | CodeStanding::Expired | CodeStanding::Unknown => {
            Err(Refusal::login("isv.code-invalid", "授权码code无效"))
        }
    }
}

/// The old tokens die at once, both of them.
fn by_refresh_token(
    alipay: &Alipay,
    call: &Call,
    now: Timestamp,
) -> Result<(PersonNo, Timestamp), Refusal> {
    let mut tokens = lock(&alipay.tokens.refresh);
    let grant = tokens.get_mut(call.common("refresh_token").unwrap_or(""));
    let grant = grant.ok_or_else(|| Refusal::login("isv.refresh-token-invalid", "刷新令牌无效"))?;
    if grant.app != call.app.place {
        return Err(unmatched());
    }
    if grant.used {
        return Err(Refusal::login("isv.refreshed-token-invalid", "刷新出来的令牌无效"));
    }
    if grant.ends_at <= now {
        return Err(Refusal::login("isv.refresh-token-time-out", "刷新令牌已过期"));
    }
    grant.used = true;
    if let Some(access) = lock(&alipay.tokens.access).get_mut(&grant.access) {
        access.replaced = true;
    }
    Ok((grant.person, grant.ends_at))
}

pub(super) fn token(alipay: &Arc<Alipay>, call: &Call) -> Result<Fields, Refusal> {
    let now = alipay.now();
    let (person, ends_at) = match call.common("grant_type") {
        Some("authorization_code") => by_code(alipay, call, now)?,
        Some("refresh_token") => by_refresh_token(alipay, call, now)?,
        _ => return Err(Refusal::login("isv.grant-type-invalid", "grant_type参数不正确")),
    };
    let entropy: &dyn Entropy = alipay.stage.entropy.as_ref();
    let (access, refresh) = (entropy.letters(40), entropy.letters(40));
    let app = call.app.place;
    let grant = Grant { app, person, ends_at, access: access.clone(), used: false };
    lock(&alipay.tokens.refresh).insert(refresh.clone(), grant);
    let given = Access {
        app,
        person,
        ends_at: now.plus(Duration::from_secs(ACCESS_SECONDS)),
        replaced: false,
    };
    lock(&alipay.tokens.access).insert(access.clone(), given);
    let as_text = call.fault == Some(FaultKind::Alipay(AlipayOddity::ExpiresInText));
    let seconds = |count: u64| if as_text { json!(count.to_string()) } else { json!(count) };
    let mut fields = alipay.ids(app, person, "user_id", "open_id");
    for (name, value) in [
        ("access_token", json!(access)),
        ("refresh_token", json!(refresh)),
        ("expires_in", seconds(ACCESS_SECONDS)),
        ("re_expires_in", seconds(ends_at.since(now).as_secs())),
        ("auth_start", json!(now.beijing_text())),
    ] {
        fields.insert(name.to_owned(), value);
    }
    Ok(fields)
}
