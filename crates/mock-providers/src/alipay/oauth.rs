//! `alipay.system.oauth.token`: login codes and refresh tokens (alipay §2.2).

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use kernel::{Entropy, Timestamp};
use serde_json::json;

use super::{
    Alipay,
    gateway::{Call, Refusal},
    trade::Fields,
};
use crate::{
    bounded::Bounded,
    lock,
    people::{CodeStanding, PersonNo},
};

const ACCESS_SECONDS: u64 = 1_296_000;
const REFRESH_SECONDS: u64 = 2_592_000;
const TOKENS_MAX: usize = 100_000;

#[derive(Clone, Copy)]
struct Grant {
    person: PersonNo,
    /// The refresh token's life counts from the first grant, however often it is renewed.
    ends_at: Timestamp,
    used: bool,
}

/// Tokens that were given out: refresh tokens, and access tokens with their end.
pub(super) struct Tokens {
    refresh: Mutex<Bounded<String, Grant>>,
    access: Mutex<Bounded<String, (PersonNo, Timestamp)>>,
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

    /// Whose access token this is.
    pub fn bearer(&self, token: &str, now: Timestamp) -> Result<PersonNo, Refusal> {
        match lock(&self.access).get(token) {
            None => Err(Refusal::token("aop.invalid-auth-token", "无效的访问令牌")),
            Some((_, end)) if *end <= now => {
                Err(Refusal::token("aop.auth-token-time-out", "访问令牌已过期"))
            }
            Some((person, _)) => Ok(*person),
        }
    }
}

pub(super) fn token(alipay: &Arc<Alipay>, call: &Call) -> Result<Fields, Refusal> {
    let now = alipay.now();
    let grant = match call.common("grant_type") {
        Some("authorization_code") => {
            let code = call.common("code").unwrap_or("");
            match alipay.codes.redeem(code, now) {
                CodeStanding::Fresh(person) => {
                    let ends_at = now.plus(Duration::from_secs(REFRESH_SECONDS));
                    Grant { person, ends_at, used: false }
                }
                CodeStanding::Used | CodeStanding::Expired | CodeStanding::Unknown => {
                    return Err(Refusal::login("isv.code-invalid", "授权码code无效"));
                }
            }
        }
        Some("refresh_token") => {
            let mut tokens = lock(&alipay.tokens.refresh);
            let known = tokens.get_mut(call.common("refresh_token").unwrap_or(""));
            match known {
                None => {
                    return Err(Refusal::login("isv.refresh-token-invalid", "刷新令牌无效"));
                }
                Some(grant) if grant.used => {
                    let code = "isv.refreshed-token-invalid";
                    return Err(Refusal::login(code, "刷新出来的令牌无效"));
                }
                Some(grant) if grant.ends_at <= now => {
                    return Err(Refusal::login("isv.refresh-token-time-out", "刷新令牌已过期"));
                }
                Some(grant) => {
                    grant.used = true;
                    Grant { used: false, ..*grant }
                }
            }
        }
        _ => return Err(Refusal::login("isv.grant-type-invalid", "grant_type参数不正确")),
    };
    let entropy: &dyn Entropy = alipay.stage.entropy.as_ref();
    let (access, refresh) = (entropy.letters(40), entropy.letters(40));
    lock(&alipay.tokens.refresh).insert(refresh.clone(), grant);
    let end = now.plus(Duration::from_secs(ACCESS_SECONDS));
    lock(&alipay.tokens.access).insert(access.clone(), (grant.person, end));
    let mut fields = alipay.ids(grant.person, "user_id", "open_id");
    for (name, value) in [
        ("access_token", json!(access)),
        ("refresh_token", json!(refresh)),
        ("expires_in", json!(ACCESS_SECONDS)),
        ("re_expires_in", json!(grant.ends_at.since(now).as_secs())),
        ("auth_start", json!(now.beijing_text())),
    ] {
        fields.insert(name.to_owned(), value);
    }
    Ok(fields)
}
