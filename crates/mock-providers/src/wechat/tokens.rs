//! `access_token` (wechat §6.5): the old call, which gives a new one each time, and the stable one,
//! which gives the same one to all. Also how every unsigned call of the mini-program's server is
//! answered, with the faults that were ordered for it.

use std::{
    borrow::Cow,
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    body::Bytes,
    extract::{Query, State},
    response::Response,
};
use kernel::{Entropy, Timestamp};
use serde_json::{Value, json};

use super::Wechat;
use crate::{bounded::Bounded, faults::FaultTarget, http, lock, refusals::DocumentedRefusal};

const LIFE: Duration = Duration::from_secs(7_200);
/// So long the old token lives beside a new one.
const OVERLAP: Duration = Duration::from_secs(300);
/// Forced renewals within this time give what is there.
const FORCE_GAP: Duration = Duration::from_secs(30);
const FORCED_MAX: u32 = 20;

/// So many tokens of the past are remembered, to be told from those that never were.
const FORMER_MAX: usize = 256;

/// An errcode and its message.
pub(super) type Failed = (i32, Cow<'static, str>);

pub(super) const fn failed(errcode: i32, message: &'static str) -> Failed {
    (errcode, Cow::Borrowed(message))
}

struct Token {
    text: String,
    until: Timestamp,
}

/// One of the two lines of tokens; they do not know each other.
#[derive(Default)]
struct Line {
    current: Option<Token>,
    /// Each lives out its own five minutes, newest first.
    former: VecDeque<Token>,
}

impl Line {
    fn renew(&mut self, text: String, now: Timestamp) {
        let end = now.plus(OVERLAP);
        if let Some(old) = self.current.take() {
            self.former.push_front(Token { until: old.until.min(end), ..old });
            self.former.truncate(FORMER_MAX);
        }
        self.current = Some(Token { text, until: now.plus(LIFE) });
    }

    /// `Some(false)`: it was one, and is over.
    fn knows(&self, text: &str, now: Timestamp) -> Option<bool> {
        let mut tokens = self.current.iter().chain(&self.former);
        tokens.find(|token| token.text == text).map(|token| now < token.until)
    }
}

#[derive(Default)]
struct Forced {
    last: Option<Timestamp>,
    day: String,
    count: u32,
}

/// Tokens, and the newest session key of each person.
pub(super) struct Tokens {
    plain: Mutex<Line>,
    stable: Mutex<Line>,
    forced: Mutex<Forced>,
    pub(super) sessions: Mutex<Bounded<String, String>>,
}

impl Default for Tokens {
    fn default() -> Tokens {
        Tokens {
            plain: Mutex::default(),
            stable: Mutex::default(),
            forced: Mutex::default(),
            sessions: Mutex::new(Bounded::new(100_000)),
        }
    }
}

impl Wechat {
    fn new_token(&self) -> String {
        let entropy: &dyn Entropy = self.stage.entropy.as_ref();
        format!("99_{}", entropy.hex(66))
    }

    /// Every token is over at once, as when the secret is reset.
    pub(crate) fn invalidate_tokens(&self) {
        *lock(&self.tokens.plain) = Line::default();
        *lock(&self.tokens.stable) = Line::default();
    }

    pub(super) fn check_token(&self, text: &str) -> Result<(), Failed> {
        if text.is_empty() {
            return Err(failed(41_001, "access_token missing"));
        }
        let now = self.now();
        let lines = [&self.tokens.plain, &self.tokens.stable];
        let known: Vec<bool> =
            lines.iter().filter_map(|line| lock(line).knows(text, now)).collect();
        match known.as_slice() {
            [] => Err(failed(40_001, "invalid credential, access_token is invalid or not latest")),
            known if known.contains(&true) => Ok(()),
            _ => Err(failed(42_001, "access_token expired")),
        }
    }

    fn check_app(&self, value: impl Fn(&str) -> String) -> Result<(), Failed> {
        match (value("appid"), value("secret"), value("grant_type")) {
            (app, ..) if app.is_empty() => Err(failed(41_002, "appid missing")),
            (app, ..) if app != self.app.app_id => Err(failed(40_013, "invalid appid")),
            (_, secret, _) if secret.is_empty() => Err(failed(41_004, "appsecret missing")),
            (_, secret, _) if secret != self.app.app_secret => {
                Err(failed(40_125, "invalid appsecret"))
            }
            (.., grant) if grant != "client_credential" => {
                Err(failed(40_002, "invalid grant_type"))
            }
            _ => Ok(()),
        }
    }

    fn stable(&self, force: bool) -> Result<Value, Failed> {
        let now = self.now();
        let mut line = lock(&self.tokens.stable);
        let left = |line: &Line| line.current.as_ref().map(|token| token.until.since(now));
        if force {
            let mut forced = lock(&self.tokens.forced);
            let today = now.beijing_text()[..10].to_owned();
            if forced.day != today {
                (forced.day, forced.count) = (today, 0);
            }
            if forced.last.is_none_or(|last| now.since(last) >= FORCE_GAP) {
                if forced.count >= FORCED_MAX {
                    return Err(failed(45_009, "reach max api daily quota limit"));
                }
                (forced.last, forced.count) = (Some(now), forced.count + 1);
                // The old one dies at once.
                *line = Line::default();
                line.renew(self.new_token(), now);
            }
        }
        if left(&line).is_none_or(|left| left <= OVERLAP) {
            line.renew(self.new_token(), now);
        }
        let seconds = left(&line).unwrap_or_default().as_secs();
        let text = line.current.as_ref().map(|token| token.text.clone());
        Ok(json!({"access_token": text, "expires_in": seconds}))
    }

    /// Answers one unsigned call: 200 whatever happens, errors as `errcode`.
    pub(super) async fn unsigned_answer(
        &self,
        target: FaultTarget,
        act: impl FnOnce() -> Result<Value, Failed>,
    ) -> Response {
        let fault = self.stage.faults.take(target);
        let call = UnsignedCall { wechat: self, target };
        if let Some(response) = http::before(fault, &call).await {
            return response;
        }
        let answer = match act() {
            Ok(value) => self.text(&value),
            Err((errcode, message)) => self.text(&self.failed(errcode, &message)),
        };
        http::after(fault, &call).await.unwrap_or(answer)
    }
}

/// How the faults of a call that nobody signs are answered.
struct UnsignedCall<'a> {
    wechat: &'a Wechat,
    target: FaultTarget,
}

impl http::Accidents for UnsignedCall<'_> {
    async fn unavailable(&self) -> Response {
        self.wechat.text(&self.wechat.failed(-1, "system error"))
    }
    async fn busy(&self) -> Response {
        let (errcode, message) = match self.target {
            FaultTarget::WechatLogin => (45_011, "api minute-quota reach limit"),
            _ => (45_009, "reach max api minute quota limit"),
        };
        self.wechat.text(&self.wechat.failed(errcode, message))
    }
    async fn refused(&self, refusal: DocumentedRefusal) -> Option<Response> {
        let (errcode, message) = refusal.of_mini_program()?;
        Some(self.wechat.text(&self.wechat.failed(errcode, message)))
    }
}

/// Handlers of calls with a token in the query and an object in the body.
macro_rules! calls {
    ($($name:ident, $target:ident, $act:ident;)*) => {$(
        pub(super) async fn $name(
            ::axum::extract::State(wechat): ::axum::extract::State<::std::sync::Arc<Wechat>>,
            ::axum::extract::Query(query): $crate::wechat::tokens::Pairs,
            body: ::axum::body::Bytes,
        ) -> ::axum::response::Response {
            let act = || {
                wechat.check_token(query.get("access_token").map_or("", String::as_str))?;
                wechat.$act(&$crate::wechat::tokens::object(&body)?)
            };
            wechat.unsigned_answer($crate::faults::FaultTarget::$target, act).await
        }
    )*};
}
pub(super) use calls;

pub(super) type Pairs = Query<HashMap<String, String>>;

/// The body as an object, as every JSON call of this host wants it.
pub(super) fn object(body: &Bytes) -> Result<Value, Failed> {
    if body.is_empty() {
        return Err(failed(44_002, "empty post data"));
    }
    let value: Option<Value> = serde_json::from_slice(body).ok();
    value.filter(Value::is_object).ok_or(failed(47_001, "data format error"))
}

pub(super) fn required<'a>(value: &'a Value, name: &str) -> Result<&'a str, Failed> {
    value[name].as_str().filter(|text| !text.is_empty()).ok_or(failed(47_001, "data format error"))
}

pub(super) async fn token(State(wechat): State<Arc<Wechat>>, Query(query): Pairs) -> Response {
    let act = || {
        wechat.check_app(|name| query.get(name).cloned().unwrap_or_default())?;
        let text = wechat.new_token();
        lock(&wechat.tokens.plain).renew(text.clone(), wechat.now());
        Ok(json!({"access_token": text, "expires_in": LIFE.as_secs()}))
    };
    wechat.unsigned_answer(FaultTarget::WechatToken, act).await
}

pub(super) async fn stable_token(State(wechat): State<Arc<Wechat>>, body: Bytes) -> Response {
    let act = || {
        let asked = object(&body)?;
        wechat.check_app(|name| asked[name].as_str().unwrap_or_default().to_owned())?;
        match &asked["force_refresh"] {
            Value::Null => wechat.stable(false),
            Value::Bool(force) => wechat.stable(*force),
            _ => Err(failed(47_001, "data format error")),
        }
    };
    wechat.unsigned_answer(FaultTarget::WechatToken, act).await
}
