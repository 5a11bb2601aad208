//! The server API of mini-programs (`api.weixin.qq.com`): what needs an access token.
//!
//! Players: a [`WechatMiniProgram`] is one mini-program, a [`WechatOfficialAccount`] the official
//! account (公众号) beside it, whose token City Service wants for messages. Both are an account and a
//! token, which all processes share through a [`TokenStore`]. Promised: a call whose token turns out
//! to be refused is repeated with another one, and for no other reason; every call has a time limit,
//! a stated retry class and a metric; AppSecret, tokens, codes, openids, telephone numbers, names and
//! document numbers are in no error, log line or `Debug`.
//!
//! Deliberately absent: `cgi-bin/token` (each call there ends the token of another process), the
//! real-name check (closed to newcomers), face verification 1.0 (ended), `getimage`, uploading of
//! shipping information, and the H5 variants of paths into City Service, which the manual does not
//! explain.

pub(super) mod account;
mod arrival;
mod card;
mod citizen;
mod city;
pub(super) mod error;
mod face;
mod message;
mod phone;
mod store;
mod token;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use kernel::{Channel, Clock, Entropy};
use serde::Serialize;

use self::{account::Account, token::TokenHolder};
use super::{WechatLogin, WechatLoginConfig};
use crate::{LoginError, LoginIdentity, LoginProvider, SetupError, call::Answer};

pub use self::{
    arrival::{CityArrival, CityArrivalError, CityHint},
    card::{CityCard, CityCardWord, WechatOfficialAccount},
    city::{CityPage, CityPath, CityPathRequest, CityPathSource},
    error::{MiniProgramError, MiniProgramRefused},
    face::{
        FaceFailure, FaceId, FaceProof, FaceRequest, FaceStanding, FaceTicket, WechatFaceNumber,
    },
    message::{MessageLanguage, MiniProgramVersion, SubscriptionMessage},
    phone::WechatPhoneNumber,
    store::{EmbeddedTokens, TokenStore, TokenStoreAway},
};

/// How often one call may meet a refused token and go on: a first one that is over, and a second one
/// that another process had left.
const REPLACED_MAX: u8 = 2;

/// One application: its account and its token.
#[derive(Debug)]
struct Application {
    account: Arc<Account>,
    tokens: TokenHolder,
}

impl Application {
    fn new(
        account: Arc<Account>,
        store: Arc<dyn TokenStore>,
        clock: Arc<dyn Clock>,
        entropy: &dyn Entropy,
    ) -> Application {
        let tokens = TokenHolder::new(Arc::clone(&account), store, clock, entropy);
        Application { account, tokens }
    }

    /// Posts `body` with the token. What is refused for its token was not done; so the call is
    /// repeated with another token, once when the platform gave that one to this call, and once more
    /// when it was one that others had: theirs may be over as well.
    async fn call<T>(
        &self,
        operation: &'static str,
        path: &'static str,
        body: &(impl Serialize + Sync),
        judge: impl Fn(&Answer) -> Result<T, MiniProgramError> + Send + Sync,
    ) -> Result<T, MiniProgramError> {
        let mut token = self.tokens.obtain(None).await?;
        let mut replaced = 0;
        loop {
            let pairs = [("access_token", token.text.expose())];
            let request = self.account.post(path, &pairs, body)?;
            let result = self.account.call(operation, request, &judge).await;
            let is_last = replaced == REPLACED_MAX || (replaced > 0 && token.asked_for);
            if is_last || !matches!(result, Err(MiniProgramError::Token(_))) {
                return result;
            }
            token = self.tokens.obtain(Some(&token.text)).await?;
            replaced += 1;
        }
    }
}

/// One WeChat mini-program.
pub struct WechatMiniProgram {
    application: Application,
    login: WechatLogin,
    clock: Arc<dyn Clock>,
}

impl WechatMiniProgram {
    /// Calls nothing: the token is fetched by the first call that needs it.
    ///
    /// # Errors
    /// [`SetupError`] names the setting that cannot work.
    pub fn new(
        config: WechatLoginConfig,
        store: Arc<dyn TokenStore>,
        clock: Arc<dyn Clock>,
        entropy: &dyn Entropy,
    ) -> Result<WechatMiniProgram, SetupError> {
        let account = Arc::new(Account::new(config, Arc::clone(&clock))?);
        Ok(WechatMiniProgram::of(account, store, clock, entropy))
    }

    /// Proves the mini-program's id and AppSecret: an access token can be had. Retry class: idempotent.
    ///
    /// # Errors
    /// What is wrong, as any call would say it.
    pub async fn self_test(&self) -> Result<(), MiniProgramError> {
        self.application.tokens.obtain(None).await.map(drop)
    }

    pub(super) fn of(
        account: Arc<Account>,
        store: Arc<dyn TokenStore>,
        clock: Arc<dyn Clock>,
        entropy: &dyn Entropy,
    ) -> WechatMiniProgram {
        let login = WechatLogin::of(Arc::clone(&account));
        let application = Application::new(account, store, Arc::clone(&clock), entropy);
        WechatMiniProgram { application, login, clock }
    }
}

impl fmt::Debug for WechatMiniProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WechatMiniProgram({})", self.application.account.app_id())
    }
}

#[async_trait]
impl LoginProvider for WechatMiniProgram {
    fn channel(&self) -> Channel {
        Channel::Wechat
    }

    fn app_id(&self) -> &str {
        self.application.account.app_id()
    }

    async fn login(&self, code: &str) -> Result<LoginIdentity, LoginError> {
        self.login.login(code).await
    }
}
