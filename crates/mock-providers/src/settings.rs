//! What can be switched while the mock runs.

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// Which WeChat key signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WechatSigner {
    /// The newest platform certificate that signs already.
    #[default]
    Certificate,
    PublicKey,
    /// By chance any certificate that signs, old or new, or the public key, as while a merchant's
    /// certificates rotate or give way to the public key.
    Mixed,
}

/// Which ids Alipay gives and takes (alipay open_id migration).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlipayIdMode {
    UserId,
    Both,
    /// New applications know only this.
    #[default]
    OpenId,
}

/// Which mode Alipay lets the application be in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlipayKeyMode {
    /// Decided by each request, as in the seven days after a change of mode.
    #[default]
    Any,
    PublicKey,
    Certificate,
}

/// Which of Alipay's keys and certificates signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlipaySigner {
    #[default]
    Present,
    /// After the certificate was renewed: another number, the same key.
    Renewed,
    /// After a change of the key and its certificate.
    Next,
}

/// The present settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Signs callbacks and, unless the request asks for another, answers.
    pub wechat_signer: WechatSigner,
    /// Whether the WeChat merchant has platform certificates; without, their list is a 404.
    pub wechat_certificates: bool,
    /// Whether closing a WeChat number that was never created makes it unusable.
    pub wechat_close_burns: bool,
    /// Whether WeChat bills have what parsers by position stumble over: a byte order mark and one
    /// more column at the end.
    pub wechat_bill_oddities: bool,
    /// For how long after its payment WeChat's refunds do not know an order (404); minutes have been
    /// seen.
    pub wechat_refund_blind_seconds: u64,
    /// Whether nobody listens at the main address of WeChat, so that only the backup answers.
    pub wechat_main_host_down: bool,
    /// Whether nobody listens at Alipay's gateway.
    pub alipay_host_down: bool,
    pub alipay_id_mode: AlipayIdMode,
    pub alipay_key_mode: AlipayKeyMode,
    pub alipay_signer: AlipaySigner,
    /// Refuses unknown business parameters and a second refund of a trade within three seconds.
    pub alipay_strict: bool,
    /// How long the refund query does not see a refund; up to ten seconds in reality.
    pub alipay_refund_hidden_seconds: u64,
    /// Whether Alipay tells that an unpaid trade was closed, by a call or by its deadline. For trades
    /// that are created from then on.
    pub alipay_tells_closed: bool,
    /// Whether Alipay tells that a paid trade is finished, a year later. For payments from then on.
    pub alipay_tells_finished: bool,
    /// Whether Alipay repeats a notification three times at once before its timetable begins, as some
    /// face-to-face products do.
    pub alipay_face_to_face: bool,
    /// From how many verified calls a second on each platform answers 429 or 40005; 0 is no limit.
    pub calls_per_second_max: u64,
    /// From an event to the first attempt to tell it.
    pub first_delivery_delay_ms: u64,
    /// From acceptance of a WeChat refund to its end.
    pub refund_delay_seconds: u64,
    /// Whether WeChat's `notify_url` may be plain http; Alipay takes both.
    pub http_notify_url: bool,
}

/// The present settings, for everybody to read and to wait for.
#[derive(Debug)]
pub(crate) struct Switches(watch::Sender<Settings>);

impl Switches {
    pub fn new(settings: Settings) -> Switches {
        Switches(watch::Sender::new(settings))
    }
    pub fn get(&self) -> Settings {
        *self.0.borrow()
    }
    pub fn set(&self, settings: Settings) {
        self.0.send_replace(settings);
    }
    pub fn watch(&self) -> watch::Receiver<Settings> {
        self.0.subscribe()
    }
}
