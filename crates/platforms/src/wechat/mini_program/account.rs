//! One application at `api.weixin.qq.com`: where it is called, its appid and its AppSecret. Login and
//! everything that needs an access token share it.

use std::{fmt, sync::Arc};

use kernel::{Channel, Clock, Secret};
use reqwest::{
    RequestBuilder,
    header::{ACCEPT, CONTENT_TYPE},
};
use serde::Serialize;
use url::Url;

use super::MiniProgramError;
use crate::{
    SetupError,
    call::{Answer, Caller},
    setup::{endpoint, identifier},
    wechat::WechatLoginConfig,
};

/// Where this host names the exchange. Its support asks for the `rid` in the body rather.
const ID_HEADER: &str = "request-id";

pub(in crate::wechat) struct Account {
    caller: Caller,
    base: Url,
    app_id: String,
    app_secret: Secret,
}

impl Account {
    pub(in crate::wechat) fn new(
        config: WechatLoginConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Account, SetupError> {
        let base = endpoint("mini_program_url", &config.mini_program_url)?;
        let secret = config.app_secret.expose();
        if !(1..=128).contains(&secret.len()) || !secret.bytes().all(|b| b.is_ascii_graphic()) {
            let problem = "must be 1 to 128 visible characters on one line";
            return Err(SetupError::new("app secret", problem));
        }
        Ok(Account {
            caller: Caller::new(Channel::Wechat, &base, clock)?,
            base,
            app_id: identifier("app_id", config.app_id)?,
            app_secret: config.app_secret,
        })
    }

    #[cfg(test)]
    pub(in crate::wechat) fn impatient(mut self) -> Account {
        self.caller = self.caller.impatient();
        self
    }

    pub(in crate::wechat) fn app_id(&self) -> &str {
        &self.app_id
    }

    pub(in crate::wechat) const fn app_secret(&self) -> &Secret {
        &self.app_secret
    }

    /// The address of `path`, with `pairs` as its query. Some of them are secrets.
    fn url(&self, path: &str, pairs: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        let prefix = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{prefix}{path}"));
        if !pairs.is_empty() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        url
    }

    pub(in crate::wechat) fn get(&self, path: &str, pairs: &[(&str, &str)]) -> RequestBuilder {
        self.caller.client().get(self.url(path, pairs)).header(ACCEPT, "application/json")
    }

    pub(super) fn post(
        &self,
        path: &str,
        pairs: &[(&str, &str)],
        body: &impl Serialize,
    ) -> Result<RequestBuilder, MiniProgramError> {
        let body = serde_json::to_vec(body)
            .map_err(|_| MiniProgramError::BadRequest("the body cannot be written as JSON"))?;
        let request = self.caller.client().post(self.url(path, pairs));
        let request = request.header(ACCEPT, "application/json");
        Ok(request.header(CONTENT_TYPE, "application/json").body(body))
    }

    pub(in crate::wechat) async fn call<T, E: crate::call::Failure>(
        &self,
        operation: &'static str,
        request: RequestBuilder,
        judge: impl FnOnce(&Answer) -> Result<T, E>,
    ) -> Result<T, E> {
        self.caller.call(operation, ID_HEADER, request, judge).await
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({})", self.app_id)
    }
}
