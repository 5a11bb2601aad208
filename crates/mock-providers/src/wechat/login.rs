//! `jscode2session`: a single-use code becomes an openid and a session key (wechat §6.2).

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use kernel::Entropy;
use ring::hmac;
use serde_json::{Value, json};

use super::Wechat;
use crate::{
    faults::FaultTarget,
    lock,
    people::{CodeStanding, PersonNo},
};

pub(super) async fn code_to_session(
    State(wechat): State<Arc<Wechat>>,
    query: Result<Query<HashMap<String, String>>, QueryRejection>,
) -> Response {
    let query = query.map(|Query(pairs)| pairs).unwrap_or_default();
    let act = || wechat.login(&query).map(|person| wechat.session(person));
    wechat.unsigned_answer(FaultTarget::WechatLogin, act).await
}

/// `/wxa/checksession`: whether a session key is still the newest.
pub(super) async fn check_session(
    State(wechat): State<Arc<Wechat>>,
    query: Result<Query<HashMap<String, String>>, QueryRejection>,
) -> Response {
    let query = query.map(|Query(pairs)| pairs).unwrap_or_default();
    let value = |name: &str| query.get(name).map_or("", String::as_str);
    let act = || {
        wechat.check_token(value("access_token"))?;
        let key = lock(&wechat.tokens.sessions).get(value("openid")).cloned();
        let key = key.ok_or((40_003, "invalid openid"))?;
        // The empty text under the key. Sources do not say which form the key has; both pass.
        let fits = [key.as_bytes(), &BASE64.decode(&key).unwrap_or_default()].iter().any(|key| {
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"");
            hex::encode(tag.as_ref()) == value("signature").to_lowercase()
        });
        if fits {
            Ok(json!({"errcode": 0, "errmsg": "ok"}))
        } else {
            Err((87_009, "invalid signature"))
        }
    };
    wechat.unsigned_answer(FaultTarget::WechatLogin, act).await
}

impl Wechat {
    fn login(&self, query: &HashMap<String, String>) -> Result<PersonNo, (i32, &'static str)> {
        let value = |name: &str| query.get(name).map_or("", String::as_str);
        if value("appid").is_empty() {
            return Err((41_002, "appid missing"));
        }
        if value("appid") != self.keys.app_id {
            return Err((40_013, "invalid appid"));
        }
        if value("secret").is_empty() {
            return Err((41_004, "appsecret missing"));
        }
        if value("secret") != self.keys.app_secret {
            return Err((40_125, "invalid appsecret"));
        }
        if value("grant_type") != "authorization_code" {
            return Err((40_002, "invalid grant_type"));
        }
        if value("js_code").is_empty() {
            return Err((41_008, "missing code"));
        }
        match self.codes.redeem(value("js_code"), self.now()) {
            CodeStanding::Fresh(person) => Ok(person),
            CodeStanding::Used => Err((40_163, "code been used")),
            CodeStanding::Expired | CodeStanding::Unknown => Err((40_029, "invalid code")),
        }
    }

    fn session(&self, person: PersonNo) -> Value {
        let mut key = [0; 16];
        self.stage.entropy.fill(&mut key);
        let (key, openid) = (BASE64.encode(key), self.people.openid(person));
        // A second login replaces the first one's key.
        lock(&self.tokens.sessions).insert(openid.clone(), key.clone());
        json!({"session_key": key, "openid": openid})
    }

    pub(super) fn failed(&self, errcode: i32, message: &str) -> Value {
        let entropy: &dyn Entropy = self.stage.entropy.as_ref();
        let rid = format!("{}-{}-{}", entropy.hex(4), entropy.hex(4), entropy.hex(4));
        json!({"errcode": errcode, "errmsg": format!("{message}, rid: {rid}")})
    }

    /// JSON under the name of plain text and with escaped slashes, as captured from the platform.
    pub(super) fn text(&self, body: &Value) -> Response {
        let body = body.to_string().replace('/', "\\/");
        let kind = HeaderValue::from_static("text/plain");
        ([(header::CONTENT_TYPE, kind)], body).into_response()
    }
}
