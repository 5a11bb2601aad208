//! A notification before it is sent: what it says, and how one attempt is written and signed.

use std::{fmt, time::Duration};

use kernel::{Channel, Timestamp};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use utoipa::ToSchema;

use crate::{alipay::AlipayOddity, faults::FaultTarget};

/// How a notification is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignKind {
    #[default]
    Good,
    /// Well-formed, of other bytes.
    Bad,
    /// WeChat's probe, which begins with `WECHATPAY/SIGNTEST/`.
    Probe,
    /// WeChat: a genuine signature under a serial that no key has.
    UnknownSerial,
}

/// What a crafted notification says differently from the truth.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Overrides {
    pub amount_fen: Option<i64>,
    pub currency: Option<String>,
    /// WeChat `mchid`, Alipay `seller_id`.
    pub merchant_id: Option<String>,
    pub app_id: Option<String>,
    pub out_trade_no: Option<String>,
    /// WeChat `transaction_id`, Alipay `trade_no`.
    pub transaction_id: Option<String>,
    /// WeChat `trade_state` or `refund_status`, Alipay `trade_status`.
    pub status: Option<String>,
    /// Added to the time at which it claims to be signed.
    pub timestamp_offset_seconds: i64,
    pub sign: SignKind,
    /// WeChat: one byte of the ciphertext is changed before signing.
    pub tampered: bool,
    /// WeChat: `associated_data` is not what the ciphertext was made with.
    pub wrong_associated_data: bool,
    /// WeChat: encrypted as for a merchant that was moved to 国密.
    pub sm4: bool,
    /// Alipay: what is odd about the form.
    pub oddity: Option<AlipayOddity>,
}

/// A request ready to be sent, by the mock or by whoever tests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SignedNotification {
    pub url: String,
    /// An object of names and values.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    #[serde(serialize_with = "as_object")]
    pub headers: Vec<(String, String)>,
    pub body: String,
}

fn as_object<S: Serializer>(pairs: &[(String, String)], to: S) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(Some(pairs.len()))?;
    for (name, value) in pairs {
        map.serialize_entry(name, value)?;
    }
    map.end()
}

/// One event that a platform tells its merchant.
pub(crate) trait Letter: Send + Sync + fmt::Debug {
    fn channel(&self) -> Channel;
    /// `payment` or `refund`.
    fn kind(&self) -> &'static str;
    fn out_trade_no(&self) -> &str;
    /// Tells events of one kind and trade apart: the refund's number. Empty where there is one only.
    fn event(&self) -> &str {
        ""
    }
    fn amount_fen(&self) -> i64;
    fn other_merchant(&self) -> &'static str;
    fn other_app(&self) -> &'static str;
    fn fault_target(&self) -> FaultTarget;
    /// Writes and signs one attempt; `now` is business time, `wire` the time of the signature.
    fn written(&self, now: Timestamp, wire: Timestamp, overrides: &Overrides)
    -> SignedNotification;
    /// Whether there is something to tell. A letter about what may come about by time alone is
    /// posted early and asked again when it is due.
    fn stands(&self) -> bool {
        true
    }
    fn accepts(&self, status: u16, answer: &str) -> bool;
    /// Seconds from each attempt to the next.
    fn gaps_seconds(&self) -> &'static [u64];
    /// How long the platform waits for the whole answer.
    fn time_limit(&self) -> Duration;
}
