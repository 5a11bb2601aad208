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

use super::{
    Wechat,
    tokens::{Failed, failed},
};
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
    let act = || wechat.login(&query).map(|(person, app)| wechat.session(person, &app));
    wechat.unsigned_answer(FaultTarget::WechatLogin, act).await
}

/// `/wxa/checksession`: whether a session key is still the newest.
pub(super) async fn check_session(
    State(wechat): State<Arc<Wechat>>,
    query: Result<Query<HashMap<String, String>>, QueryRejection>,
) -> Response {
    let query = query.map(|Query(pairs)| pairs).unwrap_or_default();
    let act = || {
        wechat.proves_session(&query)?;
        Ok(json!({"errcode": 0, "errmsg": "ok"}))
    };
    wechat.unsigned_answer(FaultTarget::WechatLogin, act).await
}

/// `/wxa/resetusersessionkey`: a new session key in place of one that is proven.
pub(super) async fn reset_session_key(
    State(wechat): State<Arc<Wechat>>,
    query: Result<Query<HashMap<String, String>>, QueryRejection>,
) -> Response {
    let query = query.map(|Query(pairs)| pairs).unwrap_or_default();
    let act = || {
        let openid = wechat.proves_session(&query)?;
        let key = wechat.new_session_key(&openid);
        Ok(json!({"errcode": 0, "errmsg": "ok", "openid": openid, "session_key": key}))
    };
    wechat.unsigned_answer(FaultTarget::WechatLogin, act).await
}

impl Wechat {
    /// The openid whose newest session key signed nothing at all, which is the proof.
    fn proves_session(&self, query: &HashMap<String, String>) -> Result<String, Failed> {
        let value = |name: &str| query.get(name).map_or("", String::as_str);
        self.check_token(value("access_token"))?;
        if value("sig_method") != "hmac_sha256" {
            return Err(failed(87_008, "invalid sig_method"));
        }
        let key = lock(&self.tokens.sessions).get(value("openid")).cloned();
        let key = key.ok_or(failed(40_003, "invalid openid"))?;
        // Sources do not say which form the key has; both pass.
        let fits = [key.as_bytes(), &BASE64.decode(&key).unwrap_or_default()].iter().any(|key| {
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"");
            hex::encode(tag.as_ref()) == value("signature").to_lowercase()
        });
        if fits { Ok(value("openid").to_owned()) } else { Err(failed(87_009, "invalid signature")) }
    }

    /// Who logs in, in which mini-program.
    fn login(&self, query: &HashMap<String, String>) -> Result<(PersonNo, String), Failed> {
        let value = |name: &str| query.get(name).map_or("", String::as_str);
        let app_id = value("appid");
        if app_id.is_empty() {
            return Err(failed(41_002, "appid missing"));
        }
        if !self.is_app(app_id) {
            return Err(failed(40_013, "invalid appid"));
        }
        if value("secret").is_empty() {
            return Err(failed(41_004, "appsecret missing"));
        }
        if value("secret") != self.app.app_secret {
            return Err(failed(40_125, "invalid appsecret"));
        }
        if value("grant_type") != "authorization_code" {
            return Err(failed(40_002, "invalid grant_type"));
        }
        let code = value("js_code");
        if code.is_empty() {
            return Err(failed(41_008, "missing code"));
        }
        // A code of another mini-program is none here, and stays good there.
        if self.codes.app_of(code).is_some_and(|app| app != app_id) {
            return Err(failed(40_029, "invalid code"));
        }
        match self.codes.redeem(code, self.now()) {
            CodeStanding::Fresh(person) => Ok((person, app_id.to_owned())),
            CodeStanding::Used => Err(failed(40_163, "code been used")),
            CodeStanding::Expired | CodeStanding::Unknown => Err(failed(40_029, "invalid code")),
        }
    }

    fn session(&self, person: PersonNo, app_id: &str) -> Value {
        let openid = self.app.people_of(app_id).openid(person);
        json!({"session_key": self.new_session_key(&openid), "openid": openid})
    }

    /// A second login replaces the first one's key.
    fn new_session_key(&self, openid: &str) -> String {
        let mut key = [0; 16];
        self.stage.entropy.fill(&mut key);
        let key = BASE64.encode(key);
        lock(&self.tokens.sessions).insert(openid.to_owned(), key.clone());
        key
    }

    pub(super) fn failed(&self, errcode: i32, message: &str) -> Value {
        let entropy: &dyn Entropy = self.stage.entropy.as_ref();
        let rid = format!("{}-{}-{}", entropy.hex(4), entropy.hex(4), entropy.hex(4));
        json!({"errcode": errcode, "errmsg": format!("{message} rid: {rid}")})
    }

    /// JSON under the name of plain text and with escaped slashes, as captured from the platform.
    pub(super) fn text(&self, body: &Value) -> Response {
        let body = body.to_string().replace('/', "\\/");
        let kind = HeaderValue::from_static("text/plain");
        ([(header::CONTENT_TYPE, kind)], body).into_response()
    }
}
