//! Login: `my.getAuthCode`'s code becomes an open id, a user id, or both. The tokens of the answer are not
//! kept: for login alone they are not needed.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use kernel::{Channel, Clock};
use serde::Deserialize;

use super::{
    AlipayConfig,
    client::{BadStatus, Call, Client},
    phone::ContentKey,
    response::{Codes, Reply, Unreadable},
};
use crate::{
    LoginError, LoginIdentity, LoginProvider, PayerIdKind, SetupError,
    login::{is_code, is_platform_id},
    rsa::CannotSign,
};

/// One Alipay mini-program.
pub struct AlipayLogin {
    pub(super) client: Client,
    pub(super) content_key: Option<ContentKey>,
}

impl AlipayLogin {
    /// The application of `config`; its merchant account plays no part.
    ///
    /// # Errors
    /// [`SetupError`] names the setting that cannot work.
    pub fn new(config: &AlipayConfig, clock: Arc<dyn Clock>) -> Result<AlipayLogin, SetupError> {
        let content_key = config.content_key.as_ref().map(ContentKey::read).transpose()?;
        Ok(AlipayLogin { client: Client::new(config, clock)?, content_key })
    }

    #[cfg(test)]
    pub(super) fn impatient(self) -> AlipayLogin {
        AlipayLogin { client: self.client.impatient(), ..self }
    }

    fn read(&self, reply: Reply) -> Result<LoginIdentity, LoginError> {
        #[derive(Deserialize)]
        struct Answer {
            open_id: Option<String>,
            user_id: Option<String>,
            union_id: Option<String>,
        }
        let verified = match reply {
            Reply::Unsigned(codes) => return Err(failure(&codes)),
            Reply::Verified(verified) => verified,
        };
        // Success usually comes without a code here.
        if verified.is_error() || !matches!(verified.codes().code.as_deref(), None | Some("10000"))
        {
            return Err(failure(verified.codes()));
        }
        let answer: Answer = verified.read().ok_or(LoginError::Unknown)?;
        // While an application moves to open ids both are there; the open id is what stays.
        let open_id = answer.open_id.map(|id| (PayerIdKind::OpenId, id));
        let user_id = answer.user_id.map(|id| (PayerIdKind::UserId, id));
        let ids = [open_id, user_id].into_iter().flatten();
        let mut ids = ids.filter(|(_, id)| is_platform_id(id));
        let (kind, id) = ids.next().ok_or(LoginError::Unknown)?;
        Ok(LoginIdentity {
            channel: Channel::Alipay,
            app_id: self.client.app_id().to_owned(),
            kind,
            id,
            also: ids.next(),
            union_id: answer.union_id.filter(|id| is_platform_id(id)),
            session_key: None,
        })
    }
}

fn failure(codes: &Codes) -> LoginError {
    match (codes.code.as_deref().unwrap_or_default(), codes.sub_name().as_str()) {
        (_, "CODE-INVALID") => LoginError::Code,
        ("40005", _) => LoginError::Busy,
        ("20001" | "40001" | "40002" | "40003" | "40006", _)
        | (_, "UNMATCHED-APP-ID" | "GRANT-TYPE-INVALID") => LoginError::Misconfigured(codes.name()),
        _ => LoginError::Unknown,
    }
}

impl From<CannotSign> for LoginError {
    fn from(CannotSign: CannotSign) -> LoginError {
        LoginError::Misconfigured("our private key cannot sign".into())
    }
}

impl From<Unreadable> for LoginError {
    fn from(unreadable: Unreadable) -> LoginError {
        match unreadable {
            Unreadable::Form | Unreadable::Signature | Unreadable::Certificate(_) => {
                LoginError::Unknown
            }
        }
    }
}

impl From<BadStatus> for LoginError {
    fn from(BadStatus(status): BadStatus) -> LoginError {
        if status == reqwest::StatusCode::TOO_MANY_REQUESTS {
            LoginError::Busy
        } else {
            LoginError::Unknown
        }
    }
}

impl fmt::Debug for AlipayLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AlipayLogin({})", self.client.app_id())
    }
}

#[async_trait]
impl LoginProvider for AlipayLogin {
    fn channel(&self) -> Channel {
        Channel::Alipay
    }

    fn app_id(&self) -> &str {
        self.client.app_id()
    }

    async fn login(&self, code: &str) -> Result<LoginIdentity, LoginError> {
        if !is_code(code) {
            return Err(LoginError::Code);
        }
        let call = Call {
            operation: "login",
            method: "alipay.system.oauth.token",
            notify_url: None,
            content: &[("grant_type", "authorization_code"), ("code", code)],
        };
        self.client.exchange(call, |reply| self.read(reply)).await
    }
}
