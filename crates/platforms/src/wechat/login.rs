//! Login (小程序登录): `wx.login`'s code becomes an openid and a session key.
//!
//! The call carries the app secret in its query string; no URL ever reaches a log or an error.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use kernel::{Channel, Clock, Secret};
use serde::Deserialize;

use super::mini_program::{
    MiniProgramError,
    account::Account,
    error::{Said, meaning},
};
use crate::{
    LoginError, LoginIdentity, LoginProvider, PayerIdKind, SetupError,
    call::Answer,
    login::{is_code, is_platform_id},
};

/// All that makes a WeChat mini-program, or an official account, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WechatLoginConfig {
    /// The mini-program API; production is `https://api.weixin.qq.com`.
    pub mini_program_url: String,
    pub app_id: String,
    /// AppSecret of the mini-program.
    pub app_secret: Secret,
}

/// The login of one WeChat mini-program, for whoever needs nothing else of it.
pub struct WechatLogin {
    account: Arc<Account>,
}

impl WechatLogin {
    /// # Errors
    /// [`SetupError`] names the setting that cannot work.
    pub fn new(
        config: WechatLoginConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<WechatLogin, SetupError> {
        Ok(WechatLogin::of(Arc::new(Account::new(config, clock)?)))
    }

    pub(super) const fn of(account: Arc<Account>) -> WechatLogin {
        WechatLogin { account }
    }

    #[cfg(test)]
    pub(super) fn impatient(self) -> WechatLogin {
        let account = Arc::into_inner(self.account).expect("ours alone");
        WechatLogin::of(Arc::new(account.impatient()))
    }

    fn read(&self, answer: &Answer) -> Result<LoginIdentity, LoginError> {
        match Said::read(answer) {
            Ok(0) => {
                let body: Body =
                    serde_json::from_slice(&answer.body).map_err(|_| LoginError::Unknown)?;
                self.identity(body).ok_or(LoginError::Unknown)
            }
            Ok(40226) => Err(LoginError::Blocked),
            // Here it is the secret that is wrong.
            Ok(40001) => Err(LoginError::Misconfigured("40001".to_owned())),
            Ok(errcode) => Err(denied(meaning(errcode))),
            Err(error) => Err(denied(error)),
        }
    }

    fn identity(&self, body: Body) -> Option<LoginIdentity> {
        let id = body.openid.filter(|id| is_platform_id(id))?;
        Some(LoginIdentity {
            channel: Channel::Wechat,
            app_id: self.account.app_id().to_owned(),
            kind: PayerIdKind::OpenId,
            also: None,
            id,
            union_id: body.unionid.filter(|id| is_platform_id(id)),
            session_key: Some(body.session_key?),
        })
    }
}

/// What the host's refusals mean for a login.
fn denied(error: MiniProgramError) -> LoginError {
    use super::mini_program::MiniProgramRefused::Code;
    match error {
        MiniProgramError::Refused(Code) => LoginError::Code,
        MiniProgramError::Busy | MiniProgramError::Quota => LoginError::Busy,
        MiniProgramError::Misconfigured(errcode) => LoginError::Misconfigured(errcode.to_string()),
        MiniProgramError::NotSent
        | MiniProgramError::Unknown(_)
        | MiniProgramError::Token(_)
        | MiniProgramError::Refused(_)
        | MiniProgramError::BadRequest(_) => LoginError::Unknown,
    }
}

impl fmt::Debug for WechatLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WechatLogin({})", self.account.app_id())
    }
}

#[derive(Deserialize)]
struct Body {
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
        self.account.app_id()
    }

    async fn login(&self, code: &str) -> Result<LoginIdentity, LoginError> {
        if !is_code(code) {
            return Err(LoginError::Code);
        }
        let pairs = [
            ("appid", self.account.app_id()),
            ("secret", self.account.app_secret().expose()),
            ("js_code", code),
            ("grant_type", "authorization_code"),
        ];
        let request = self.account.get("/sns/jscode2session", &pairs);
        self.account.call("login", request, |answer| self.read(answer)).await
    }
}
