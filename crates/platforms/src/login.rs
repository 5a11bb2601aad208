//! The port for login: a mini-program's one-time code becomes the platform's name for a person.

use std::fmt;

use async_trait::async_trait;
use kernel::{Channel, RetryClass, Secret};
use serde::{Deserialize, Serialize};

/// Which kind of name the platform gave. They are not interchangeable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayerIdKind {
    /// Per person and app (both platforms).
    OpenId,
    /// Alipay's older 2088… number.
    UserId,
}

impl PayerIdKind {
    pub const fn code(self) -> &'static str {
        match self {
            PayerIdKind::OpenId => "open_id",
            PayerIdKind::UserId => "user_id",
        }
    }
}

/// A proven login.
#[derive(Clone)]
pub struct LoginIdentity {
    pub channel: Channel,
    pub app_id: String,
    /// The kind of name that the platform takes from now on, in payments and messages.
    pub kind: PayerIdKind,
    pub id: String,
    /// The same person's name of the other kind, while an application of Alipay moves from one to the
    /// other. It is told for some weeks only: whoever does not write it down loses the person.
    pub also: Option<(PayerIdKind, String)>,
    pub union_id: Option<String>,
    /// WeChat's key for open data. Stays on the server.
    pub session_key: Option<Secret>,
}

impl fmt::Debug for LoginIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoginIdentity({}, {}, {:?}, ***)", self.channel, self.app_id, self.kind)
    }
}

/// Why a code was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// Unknown, expired or used: the client asks its platform for a fresh one.
    #[error("the login code is not valid any more")]
    Code,
    /// The platform refuses this person.
    #[error("the platform does not let this person log in")]
    Blocked,
    #[error("too many logins, come back later")]
    Busy,
    /// No answer, or none that can be trusted. The code may be used up: ask for a fresh one.
    #[error("the platform's answer is unknown")]
    Unknown,
    #[error("the platform does not accept our configuration ({0})")]
    Misconfigured(String),
}

impl LoginError {
    /// Codes are single use, so no variant may be retried with the same code.
    pub const fn retry_class(&self) -> RetryClass {
        RetryClass::Never
    }

    /// The label of the metric.
    pub const fn code(&self) -> &'static str {
        match self {
            LoginError::Code => "code",
            LoginError::Blocked => "blocked",
            LoginError::Busy => "busy",
            LoginError::Unknown => "unknown",
            LoginError::Misconfigured(_) => "misconfigured",
        }
    }
}

/// Turns a code into an identity. Never retried by itself: the code is single use.
#[async_trait]
pub trait LoginProvider: Send + Sync + fmt::Debug {
    fn channel(&self) -> Channel;
    fn app_id(&self) -> &str;
    async fn login(&self, code: &str) -> Result<LoginIdentity, LoginError>;
}

/// What may be sent to a platform as a code. Both platforms' codes are short and plain; anything
/// else is not worth a call.
pub(crate) fn is_code(code: &str) -> bool {
    (1..=128).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_graphic())
}

/// A name for a person as either platform gives it.
pub(crate) fn is_platform_id(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic())
}
