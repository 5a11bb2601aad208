//! A file of the corpus, key by key. A key that is not here is an error.

use std::{collections::BTreeMap, path::Path};

use kernel::Channel;
use serde::Deserialize;

/// One story.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What arrives, what must come of it and why.
    pub why: String,
    /// Where the platform's protocol says so (docs/protocols.md).
    #[serde(rename = "source")]
    pub _source: String,
    pub order: Standing,
    /// A second order of the same citizen, for another month.
    #[serde(default)]
    pub other: Option<Other>,
    pub message: Vec<Message>,
    pub after: After,
}

/// Where the order stands before the first message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The wallet was opened and left.
    Unpaid,
    /// Paid at the platform, which has not told us.
    Paying,
    /// The platform told us; nothing is booked yet.
    Paid,
    /// Booked by the agency.
    Posted,
    /// Given up by the citizen, closed at the platform.
    Closed,
    /// The agency refused; the whole amount is on its way back.
    Refunding,
    /// The whole amount is back.
    Refunded,
    /// One of two bills is booked, the money of the other is on its way back.
    PartRefunding,
}

/// Where the second order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Other {
    Paying,
    Posted,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    #[default]
    Payment,
    Refund,
    /// The payment of the second order.
    OtherPayment,
}

/// One message, and how it differs from the platform's genuine one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    #[serde(default)]
    pub about: About,
    /// Seconds that pass before it is written and sent.
    #[serde(default)]
    pub wait_seconds: u64,
    /// The bytes of the message before, once more.
    #[serde(default)]
    pub again: bool,
    #[serde(default = "once")]
    pub times: usize,
    #[serde(default)]
    pub at_once: bool,

    /// Members of the plaintext (WeChat, dots lead inside) or fields of the form (Alipay).
    #[serde(default)]
    pub content: BTreeMap<String, toml::Value>,
    /// Fields of the form as bytes in hexadecimal.
    #[serde(default)]
    pub content_hex: BTreeMap<String, String>,
    #[serde(default)]
    pub without: Vec<String>,
    /// WeChat: members of the envelope, set after encryption.
    #[serde(default)]
    pub envelope: BTreeMap<String, toml::Value>,
    #[serde(default)]
    pub envelope_without: Vec<String>,
    #[serde(default)]
    pub encryption: Encryption,
    #[serde(default)]
    pub form: Form,
    #[serde(default)]
    pub signing: Signing,
    /// Headers to be replaced or added; a list gives the header several times.
    #[serde(default)]
    pub headers: BTreeMap<String, Values>,
    #[serde(default)]
    pub without_headers: Vec<String>,
    #[serde(default)]
    pub edit: Vec<Edit>,
    #[serde(default)]
    pub method: Option<String>,
    #[serde(default)]
    pub address: Address,
    #[serde(default)]
    pub chunked: bool,

    pub answer: Verdict,
    /// Acknowledged and yet nothing is written.
    #[serde(default)]
    pub unchanged: bool,
}

const fn once() -> usize {
    1
}

impl Message {
    /// The platform's own news of the payment.
    pub fn genuine() -> Message {
        toml::from_str("answer = \"acknowledged\"").expect("a message")
    }
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Values {
    One(String),
    Several(Vec<String>),
}

impl Values {
    pub fn all(&self) -> &[String] {
        match self {
            Values::One(value) => std::slice::from_ref(value),
            Values::Several(values) => values,
        }
    }
}

/// WeChat: how the content is encrypted.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encryption {
    /// `ours` unless said otherwise.
    #[serde(default)]
    pub key: ContentKey,
    /// What is encrypted under; the envelope says it too, unless `envelope` says otherwise.
    #[serde(default)]
    pub associated_data: Option<String>,
    /// Bytes taken off the end; the last 16 are the tag.
    #[serde(default)]
    pub cut: usize,
    /// The place of a byte whose lowest bit is turned.
    #[serde(default)]
    pub flip: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentKey {
    #[default]
    Ours,
    Neighbour,
}

/// Alipay: how the form is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// A blank is written `%20` in place of `+`.
    #[serde(default)]
    pub percent_blanks: bool,
    /// Percent codes in small letters.
    #[serde(default)]
    pub small_hex: bool,
    #[serde(default)]
    pub reversed: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signing {
    #[serde(default)]
    pub key: Key,
    /// WeChat: the serial that is named; the key's own unless given.
    #[serde(default)]
    pub serial: Option<String>,
    #[serde(default)]
    pub nonce: Option<String>,
    /// WeChat: the time as text, in place of the town's.
    #[serde(default)]
    pub timestamp: Option<String>,
    /// Added to the time at which it claims to be written.
    #[serde(default)]
    pub skew_seconds: i64,
    /// What stands in the signature's place; `${signature}` is the signature.
    #[serde(default)]
    pub signature: Option<String>,
    /// Alipay: what is signed.
    #[serde(default)]
    pub over: Over,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// WeChat's certificate, Alipay's key.
    #[default]
    Platform,
    /// WeChat Pay's public key.
    #[serde(rename = "public_key")]
    Public,
    /// Our own: the merchant's, the application's.
    Merchant,
    /// The other platform's.
    OtherPlatform,
    /// The platform's key for the neighbour.
    Neighbour,
    /// Nobody's.
    Stranger,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    #[default]
    Canonical,
    /// `sign_type` is signed as well.
    SignType,
    /// Fields without a value are not signed.
    NoBlanks,
    /// `alipay_cert_sn` is not signed.
    NoCertificateSerial,
    /// The body as it is sent, percent codes and all.
    Encoded,
}

/// A change of text or bytes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    pub at: Stage,
    /// What must be there once, and what stands there instead.
    #[serde(default)]
    pub from: Option<String>,
    #[serde(default)]
    pub to: String,
    #[serde(default)]
    pub prepend_hex: String,
    #[serde(default)]
    pub append: String,
    #[serde(default)]
    pub append_hex: String,
    /// Bytes taken off the end.
    #[serde(default)]
    pub cut: usize,
    /// Everything is replaced.
    #[serde(default)]
    pub all: Option<String>,
    /// Blanks at the end until it has so many bytes.
    #[serde(default)]
    pub fill_to: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// WeChat: the plaintext before it is encrypted.
    Content,
    /// WeChat: the body before it is signed.
    Body,
    /// What is sent, after signing.
    Sent,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Address {
    /// The one that the payment or refund named.
    #[default]
    Ours,
    /// The one for the other kind of news.
    OtherKind,
    Neighbour,
    OtherChannel,
    /// An account that does not exist.
    Nobody,
    /// With a query string.
    Query,
}

/// What the platform is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// WeChat 204 without a body; Alipay 200 `success`.
    Acknowledged,
    /// This status; WeChat `{"code":"FAIL"}`, Alipay `fail`.
    Refused(u16),
}

/// The end, after all due jobs ran.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct After {
    /// The order's state.
    pub order: String,
    /// How many payments are paid.
    pub paid: usize,
    /// The kinds of all open cases.
    pub cases: Vec<String>,
    /// What the messages changed, by the notifications' own rows.
    pub told: Vec<String>,
    /// How often the told things were told.
    #[serde(default)]
    pub deliveries: Option<Vec<i64>>,
    /// The states of all refunds.
    #[serde(default)]
    pub refunds: Vec<String>,
    /// How many bills the agency booked for the order.
    pub booked: usize,
    /// The state of the second order.
    #[serde(default)]
    pub other: Option<String>,
}

impl Case {
    pub fn read(file: &Path, channel: Channel) -> Case {
        let text = std::fs::read_to_string(file).expect("a file of the corpus");
        let case: Case = toml::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
        assert!(case.why.split_whitespace().count() >= 5, "`why` says what and why in words");
        assert!(!case.message.is_empty(), "a story has a message");
        assert_eq!(case.other.is_some(), case.after.other.is_some(), "both orders end somehow");
        for message in &case.message {
            let wechat_only = !message.envelope.is_empty()
                || !message.envelope_without.is_empty()
                || message.signing.serial.is_some()
                || message.signing.nonce.is_some()
                || message.signing.timestamp.is_some()
                || message.edit.iter().any(|edit| edit.at != Stage::Sent);
            let alipay_only =
                !message.content_hex.is_empty() || message.signing.over != Over::Canonical;
            match channel {
                Channel::Wechat => assert!(!alipay_only, "a key for Alipay only is given"),
                Channel::Alipay => assert!(!wechat_only, "a key for WeChat only is given"),
            }
        }
        case
    }
}
