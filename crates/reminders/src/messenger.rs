//! The way out: one messenger per mini-program.

use std::{collections::BTreeMap, fmt};

use async_trait::async_trait;
use kernel::Channel;
use platforms::MessageFate;

use crate::ReminderKind;

/// One message to one person. `Debug` prints neither the person nor the words.
#[derive(Clone)]
pub struct Letter {
    pub kind: ReminderKind,
    /// Which kind of id, as the login named it.
    pub id_kind: String,
    /// The person's id in this mini-program.
    pub external_id: String,
    /// By name: `title`, `note`, `name`, `amount`, `time`, `order_no`. A template takes what it has
    /// places for.
    pub words: BTreeMap<String, String>,
    /// The page of the mini-program that a tap opens.
    pub page: String,
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Letter({}, ***)", self.kind.code())
    }
}

/// Why a message did not go out, by what may be done next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessengerError {
    /// Nothing left this machine, or the platform asks to come later: the same again later.
    #[error("not sent ({0})")]
    Later(String),
    /// Nobody knows: it may have been read. Once more at most.
    #[error("unknown ({0})")]
    Unknown(String),
    /// Settings or words: only an operator can help.
    #[error("refused ({0})")]
    Refused(String),
}

/// A mini-program's messages: WeChat's subscription messages, Alipay's template messages.
#[async_trait]
pub trait Messenger: Send + Sync + fmt::Debug {
    fn channel(&self) -> Channel;

    fn app_id(&self) -> &str;

    /// The template of a kind, which the mini-program asks the user to accept. `None`: the city does
    /// not send this kind here.
    fn template_id(&self, kind: ReminderKind) -> Option<&str>;

    /// Retry class: by error. A person who does not want it is [`MessageFate::Declined`].
    async fn send(&self, letter: &Letter) -> Result<MessageFate, MessengerError>;
}
