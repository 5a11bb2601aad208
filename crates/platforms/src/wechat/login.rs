//! Login (小程序登录): `wx.login`'s code becomes an openid and a session key.
//!
//! The call carries the app secret in its query string; no URL ever reaches a log or an error.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use kernel::{Channel, Clock, Secret};
use reqwest::{StatusCode, header::ACCEPT};
use serde::Deserialize;
use url::Url;

use crate::{
    LoginError, LoginIdentity, LoginProvider, PayerIdKind, SetupError,
    call::{Answer, Caller},
    login::{is_code, is_platform_id},
    setup::{endpoint, identifier},
};

/// All that makes a WeChat mini-program's login, as text.
#[derive(Clone, Debug)]
pub struct WechatLoginConfig {
    /// The mini-program API; production is `https://api.weixin.qq.com`.
    pub mini_program_url: String,
    pub app_id: String,
    /// AppSecret of the mini-program.
    pub app_secret: Secret,
}

/// One WeChat mini-program.
pub struct WechatLogin {
    caller: Caller,
    url: Url,
    app_id: String,
    app_secret: Secret,
}

impl WechatLogin {
    /// # Errors
    /// [`SetupError`] names the setting that cannot work.
    pub fn new(
        config: WechatLoginConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<WechatLogin, SetupError> {
        let setting = "mini_program_url";
        let base = endpoint(setting, config.mini_program_url.trim_end_matches('/'))?;
        let url = format!("{}/sns/jscode2session", base.as_str().trim_end_matches('/'));
        let url = Url::parse(&url).map_err(|_| SetupError::new(setting, "not an absolute URL"))?;
        let secret = config.app_secret.expose();
        if !(1..=128).contains(&secret.len()) || !secret.bytes().all(|b| b.is_ascii_graphic()) {
            let problem = "must be 1 to 128 visible characters on one line";
            return Err(SetupError::new("app secret", problem));
        }
        Ok(WechatLogin {
            caller: Caller::new(Channel::Wechat, &url, clock)?,
            url,
            app_id: identifier("app_id", config.app_id)?,
            app_secret: config.app_secret,
        })
    }

    #[cfg(test)]
    pub(super) fn impatient(self) -> WechatLogin {
        WechatLogin { caller: self.caller.impatient(), ..self }
    }

    fn read(&self, answer: &Answer) -> Result<LoginIdentity, LoginError> {
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            return Err(LoginError::Busy);
        }
        if answer.status != StatusCode::OK {
            return Err(LoginError::Unknown);
        }
        // The content type is often text/plain; the body decides.
        let body: Body = serde_json::from_slice(&answer.body).map_err(|_| LoginError::Unknown)?;
        match body.errcode.unwrap_or(0) {
            0 => self.identity(body).ok_or(LoginError::Unknown),
            // Invalid, used, missing.
            40029 | 40163 | 41008 => Err(LoginError::Code),
            40226 => Err(LoginError::Blocked),
            -1 | 45009 | 45011 => Err(LoginError::Busy),
            code @ (40001 | 40013 | 40125 | 40164 | 41002 | 41004 | 48001) => {
                Err(LoginError::Misconfigured(code.to_string()))
            }
            errcode => {
                tracing::warn!(errcode, "login: unknown errcode");
                Err(LoginError::Unknown)
            }
        }
    }

    fn identity(&self, body: Body) -> Option<LoginIdentity> {
        let id = body.openid.filter(|id| is_platform_id(id))?;
        Some(LoginIdentity {
            channel: Channel::Wechat,
            app_id: self.app_id.clone(),
            kind: PayerIdKind::OpenId,
            id,
            union_id: body.unionid.filter(|id| is_platform_id(id)),
            session_key: Some(body.session_key?),
        })
    }
}

impl fmt::Debug for WechatLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WechatLogin({})", self.app_id)
    }
}

#[derive(Deserialize)]
struct Body {
    errcode: Option<i64>,
    openid: Option<String>,
    unionid: Option<String>,
    session_key: Option<Secret>,
}

#[async_trait]
impl LoginProvider for WechatLogin {
    fn channel(&self) -> Channel {
        Channel::Wechat
    }

    fn app_id(&self) -> &str {
        &self.app_id
    }

    async fn login(&self, code: &str) -> Result<LoginIdentity, LoginError> {
        if !is_code(code) {
            return Err(LoginError::Code);
        }
        let mut url = self.url.clone();
        url.query_pairs_mut()
            .append_pair("appid", &self.app_id)
            .append_pair("secret", self.app_secret.expose())
            .append_pair("js_code", code)
            .append_pair("grant_type", "authorization_code");
        let request = self.caller.client().get(url).header(ACCEPT, "application/json");
        self.caller.call("login", "request-id", request, |answer| self.read(answer)).await
    }
}
