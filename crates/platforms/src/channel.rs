//! The port that both channels fill: take money, ask, close, give back, open notifications.

use std::{fmt, net::IpAddr, time::Duration};

use async_trait::async_trait;
use kernel::{Channel, Fen, MerchantKey, OutTradeNo, RetryClass, Timestamp};
use reqwest::header::HeaderMap;
use serde::{Deserialize, Serialize};

use crate::{Notice, PayerIdKind, PaymentFact, RefundFact, Refusal};

/// The longest that one call to a channel may take, connection included.
pub const CALL_TIME_MAX: Duration = Duration::from_secs(10);

/// Who will pay: the platform's name for the person under this merchant's app.
#[derive(Clone, PartialEq, Eq)]
pub struct Payer {
    pub kind: PayerIdKind,
    pub id: String,
}

impl fmt::Debug for Payer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payer({:?}, ***)", self.kind)
    }
}

/// All that one payment attempt says to a channel. Contains no personal data but the payer's id.
#[derive(Clone, Debug)]
pub struct PaymentRequest {
    pub out_trade_no: OutTradeNo,
    pub amount: Fen,
    /// Shown to the citizen by the wallet, at most 40 characters, no personal data.
    pub description: String,
    pub payer: Payer,
    /// Latest moment to pay.
    pub expires_at: Timestamp,
    pub notify_url: String,
    pub client_ip: Option<IpAddr>,
}

/// A request fixed to the byte, to be stored before the first try and repeated unchanged.
/// The text is opaque to everyone but the channel that made it; it may hold the payer's id.
#[derive(Clone, PartialEq, Eq)]
pub struct Prepared(String);

impl Prepared {
    /// Takes back a stored request.
    pub fn restore(text: String) -> Prepared {
        Prepared(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prepared({} bytes)", self.0.len())
    }
}

/// What the channel calls the attempt: WeChat's `prepay_id`, Alipay's `trade_no`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    pub token: String,
}

/// What the mini-program hands to its wallet. The client's answer proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "channel", rename_all = "snake_case")]
pub enum WalletParameters {
    /// Arguments of `wx.requestPayment`.
    #[serde(rename_all = "camelCase")]
    Wechat {
        time_stamp: String,
        nonce_str: String,
        package: String,
        sign_type: String,
        pay_sign: String,
    },
    /// Argument of `my.tradePay`.
    Alipay {
        #[serde(rename = "tradeNO")]
        trade_no: String,
    },
}

/// What the channel says about an attempt when asked.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one value per call, moved once; a box would only burden those who match on it"
)]
pub enum PaymentStanding {
    Paid(PaymentFact),
    /// Exists and can still be paid.
    Unpaid,
    /// Can no longer be paid and never was.
    Closed,
    /// The channel knows no such number (yet).
    NotFound,
}

/// A refund as it is first written down.
#[derive(Clone, Debug)]
pub struct RefundRequest {
    pub out_trade_no: OutTradeNo,
    /// Fixed before the first try, never changed.
    pub out_refund_no: OutTradeNo,
    pub payment_amount: Fen,
    pub amount: Fen,
    /// Shown to the citizen, at most 40 characters.
    pub reason: String,
    pub notify_url: String,
}

/// What the channel says about a refund.
#[derive(Clone, Debug)]
pub enum RefundStanding {
    Known(RefundFact),
    /// The channel knows no such refund (yet); repeating the same request is safe.
    NotFound,
}

/// A definite no from the channel. No money moved by this call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The number is paid already: ask, and take the payment.
    AlreadyPaid,
    /// The number is closed or expired: a new attempt needs a new number.
    Closed,
    /// The number was used with other parameters.
    ParametersChanged,
    NotFound,
    /// The payer may not pay this (wrong person, blocked, not certified).
    Payer,
    /// The platform takes another kind of name for payers by now (Alipay: user id, open id).
    PayerIdKind,
    /// Above a limit of payer, card or merchant: paying in parts can help.
    Limit,
    /// Who is to pay has not enough: of a refund our merchant account, and the same request can work
    /// later; of a payment the citizen.
    NotEnough,
    /// Any other refusal, by the platform's code.
    Other(String),
}

/// Why a call to a channel gave no result. Carries codes, never payloads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// Nothing left this machine; trying again is free of risk.
    #[error("the channel could not be reached")]
    NotSent,
    /// Sent, and nobody knows what came of it: time-out, reset, 5xx, unverifiable answer.
    #[error("the channel's answer is unknown ({0})")]
    Unknown(String),
    /// The channel asks to come back later with the same parameters.
    #[error("the channel is busy")]
    Busy,
    #[error("the channel refused: {0:?}")]
    Refused(Refused),
    /// Keys, permissions or contract: only an operator can help.
    #[error("the channel does not accept our configuration ({0})")]
    Misconfigured(String),
    /// The request breaks a rule of the channel and was not sent.
    #[error("the request breaks the channel's rule: {0}")]
    BadRequest(&'static str),
}

impl ChannelError {
    /// What may be done next, by variant.
    pub const fn retry_class(&self) -> RetryClass {
        match self {
            ChannelError::NotSent | ChannelError::Busy => RetryClass::Idempotent,
            ChannelError::Unknown(_) => RetryClass::QueryFirst,
            ChannelError::Refused(_)
            | ChannelError::Misconfigured(_)
            | ChannelError::BadRequest(_) => RetryClass::Never,
        }
    }

    /// The label of the metric.
    pub const fn code(&self) -> &'static str {
        match self {
            ChannelError::NotSent => "not_sent",
            ChannelError::Unknown(_) => "unknown",
            ChannelError::Busy => "busy",
            ChannelError::Refused(_) => "refused",
            ChannelError::Misconfigured(_) => "misconfigured",
            ChannelError::BadRequest(_) => "bad_request",
        }
    }
}

/// One merchant account at one channel.
#[async_trait]
pub trait PaymentChannel: Send + Sync + fmt::Debug {
    fn channel(&self) -> Channel;

    /// Our name for the account.
    fn merchant(&self) -> &MerchantKey;

    /// The platform's number of the account (WeChat `mchid`, or `sp_mchid/sub_mchid` for a service
    /// provider's; Alipay `seller_id`).
    fn merchant_id(&self) -> &str;

    /// The mini-program that may open the wallet for this account.
    fn app_id(&self) -> &str;

    /// Fixes the request to the byte. Pure.
    ///
    /// # Errors
    /// [`ChannelError::BadRequest`] names the rule.
    fn prepare_payment(&self, request: &PaymentRequest) -> Result<Prepared, ChannelError>;

    /// Creates the attempt, or repeats it with the same bytes. Retry class: query first.
    async fn create_payment(&self, prepared: &Prepared) -> Result<Created, ChannelError>;

    /// Signs what the wallet needs. Pure but for the nonce and the time.
    ///
    /// # Errors
    /// [`ChannelError::Misconfigured`] when our key cannot sign.
    fn wallet_parameters(&self, created: &Created) -> Result<WalletParameters, ChannelError>;

    /// How long a token of [`Self::create_payment`] opens the wallet; `None`: as long as the attempt.
    fn token_lifetime(&self) -> Option<Duration>;

    /// Retry class: idempotent.
    async fn query_payment(
        &self,
        out_trade_no: &OutTradeNo,
    ) -> Result<PaymentStanding, ChannelError>;

    /// Closes an unpaid attempt that reached the channel. Query afterwards: payment can win the
    /// race. Retry class: query first.
    async fn close_payment(&self, out_trade_no: &OutTradeNo) -> Result<(), ChannelError>;

    /// Fixes the refund to the byte. Pure.
    ///
    /// # Errors
    /// [`ChannelError::BadRequest`] names the rule.
    fn prepare_refund(&self, request: &RefundRequest) -> Result<Prepared, ChannelError>;

    /// Requests the refund, or repeats it with the same bytes. Retry class: query first.
    async fn request_refund(&self, prepared: &Prepared) -> Result<RefundStanding, ChannelError>;

    /// Retry class: idempotent.
    async fn query_refund(
        &self,
        out_trade_no: &OutTradeNo,
        out_refund_no: &OutTradeNo,
    ) -> Result<RefundStanding, ChannelError>;

    /// Verifies the raw bytes, then the freshness, then decrypts and reads. `now` is read once by
    /// the caller. Only this and the queries make facts.
    ///
    /// # Errors
    /// [`Refusal`] says which check failed; nothing of the content is in it.
    fn open_notification(
        &self,
        now: Timestamp,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Notice, Refusal>;
}
