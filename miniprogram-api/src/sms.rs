//! The port for short messages: a code to a telephone, by whoever the operator has a contract with.
//!
//! The program brings the implementation (a webhook); nobody else's protocol is spoken here. Neither
//! number nor code may reach a log, an error or a metric.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use kernel::{RetryClass, Secret};

/// A code on its way. `Debug` prints its name only.
#[derive(Clone)]
pub struct SmsMessage {
    /// Ours; a sender that knows it sends nothing twice.
    pub id: String,
    /// Eleven digits.
    pub mobile: Secret,
    pub code: Secret,
    /// How long the code works.
    pub life: Duration,
    /// `zh-CN` or `en`.
    pub language: &'static str,
}

impl fmt::Debug for SmsMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmsMessage({}, ***)", self.id)
    }
}

/// Why a message may not arrive. Carries codes, never content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SmsError {
    /// The sender does not send to this number.
    #[error("the sender of messages refuses the number")]
    Number,
    /// The sender has had enough of us, or of this number.
    #[error("the sender of messages is busy")]
    Busy,
    /// It may have been sent, or not.
    #[error("the sender of messages gives no answer ({0})")]
    Unknown(String),
    #[error("the sender of messages does not accept our configuration ({0})")]
    Misconfigured(String),
}

impl SmsError {
    /// A message that may have been sent is not sent again: the citizen asks for another code.
    pub const fn retry_class(&self) -> RetryClass {
        RetryClass::Never
    }
}

/// Sends codes.
#[async_trait]
pub trait SmsSender: Send + Sync + fmt::Debug {
    async fn send(&self, message: &SmsMessage) -> Result<(), SmsError>;
}
