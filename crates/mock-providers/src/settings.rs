//! What can be switched while the mock runs.

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use utoipa::ToSchema;

/// Which WeChat key signs callbacks, and answers to requests that name none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WechatSigner {
    /// What the merchant's own request named in `Wechatpay-Serial`: a callback is signed by the kind of key
    /// that the create, the refund or the echo asked for. Without a name, the newest platform certificate
    /// that signs already; for a merchant without certificates, the public key.
    #[default]
    Merchant,
    /// The newest platform certificate, whatever is named.
    Certificate,
    PublicKey,
    /// By chance any certificate that signs, old or new, or the public key, as while a merchant's
    /// certificates rotate or give way to the public key.
    Mixed,
    /// By chance any certificate that signs, old or new: a rotation, for a merchant without a public key.
    CertificatesMixed,
}

/// How often each kind of key signs while keys are mixed. A kind that does not exist at the moment leaves
/// its share to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignerWeights {
    /// All but the newest, each as often as the other.
    pub older_certificates: u32,
    pub newest_certificate: u32,
    /// Only with `mixed`.
    pub public_key: u32,
}

impl Default for SignerWeights {
    fn default() -> SignerWeights {
        SignerWeights { older_certificates: 1, newest_certificate: 1, public_key: 1 }
    }
}

/// Which ids Alipay gives and takes (alipay open_id migration).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlipayIdMode {
    UserId,
    Both,
    /// New applications know only this.
    #[default]
    OpenId,
}

/// Which mode Alipay lets the application be in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlipayKeyMode {
    /// Decided by each request, as in the seven days after a change of mode.
    #[default]
    Any,
    PublicKey,
    Certificate,
}

/// Which of Alipay's keys and certificates signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Signs callbacks and, unless the request asks for another, answers.
    pub wechat_signer: WechatSigner,
    /// For `mixed` and `certificates_mixed`.
    pub wechat_signer_weights: SignerWeights,
    /// Whether WeChat merchants have platform certificates. Without, their list is a 404 and the public key
    /// signs everything, as for every merchant since about October 2024.
    pub wechat_certificates: bool,
    /// Whether the public key was switched on for WeChat merchants. Without, whoever asks for it is answered
    /// under a certificate, as long as there is one.
    pub wechat_public_key_enabled: bool,
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

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            wechat_signer: WechatSigner::default(),
            wechat_signer_weights: SignerWeights::default(),
            wechat_certificates: true,
            wechat_public_key_enabled: true,
            wechat_close_burns: true,
            wechat_bill_oddities: true,
            wechat_refund_blind_seconds: 0,
            wechat_main_host_down: false,
            alipay_host_down: false,
            alipay_id_mode: AlipayIdMode::default(),
            alipay_key_mode: AlipayKeyMode::default(),
            alipay_signer: AlipaySigner::default(),
            alipay_strict: false,
            alipay_refund_hidden_seconds: 0,
            alipay_tells_closed: false,
            alipay_tells_finished: false,
            alipay_face_to_face: false,
            calls_per_second_max: 0,
            first_delivery_delay_ms: 1_000,
            refund_delay_seconds: 5,
            http_notify_url: true,
        }
    }
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
