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

#[derive(Clone, Copy)]
struct Grant {
    person: PersonNo,
    /// The refresh token's life counts from the first grant, however often it is renewed.
    ends_at: Timestamp,
    used: bool,
}

/// Refresh tokens that were given out.
pub(super) struct Tokens(Mutex<Bounded<String, Grant>>);

impl Tokens {
    pub fn new() -> Tokens {
        Tokens(Mutex::new(Bounded::new(100_000)))
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
            let mut tokens = lock(&alipay.tokens.0);
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
    lock(&alipay.tokens.0).insert(refresh.clone(), grant);
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
