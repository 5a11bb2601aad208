//! What a platform vouched for. The fields are private and only this crate can make a fact.

use kernel::{Channel, Fen, MerchantKey, Timestamp};

/// No column for a merchant's id is wider.
pub(crate) const MERCHANT_ID_MAX: usize = 64;

/// Whether a number or name that a platform tells has the form that both platforms document: 1 to
/// 64 visible characters of ASCII. Whatever is longer or holds a control character was never given
/// out, and no column would hold it.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| (b' '..=b'~').contains(&b))
}

/// A platform's name of its message is a hint; an odd one is no reason to lose what it says.
pub(crate) fn message_name(text: Option<String>) -> Option<String> {
    text.filter(|text| text.len() <= 128 && text.bytes().all(|b| b.is_ascii_graphic()))
}

/// How a fact reached us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Told {
    Notification,
    Query,
}

/// A platform says: this merchant received this amount for this number. Whether that is what we
/// asked for is for the order to judge; a fact is only proven to come from the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentFact {
    pub(crate) told: Told,
    pub(crate) channel: Channel,
    pub(crate) merchant: MerchantKey,
    pub(crate) merchant_id: String,
    pub(crate) app_id: String,
    pub(crate) out_trade_no: String,
    pub(crate) transaction_id: String,
    pub(crate) amount: Fen,
    pub(crate) currency: String,
    pub(crate) paid_at: Timestamp,
    pub(crate) payer_id: Option<String>,
    pub(crate) notification_id: Option<String>,
    pub(crate) went_back: bool,
}

impl PaymentFact {
    pub const fn told(&self) -> Told {
        self.told
    }
    pub const fn channel(&self) -> Channel {
        self.channel
    }
    /// Our merchant account whose keys proved the fact.
    pub const fn merchant(&self) -> &MerchantKey {
        &self.merchant
    }
    /// The merchant that the platform names: `mchid`, `seller_id`; `sp_mchid/sub_mchid` when a
    /// service provider took the money for another merchant.
    pub fn merchant_id(&self) -> &str {
        &self.merchant_id
    }
    pub fn app_id(&self) -> &str {
        &self.app_id
    }
    /// As received; it need not be a number of ours.
    pub fn out_trade_no(&self) -> &str {
        &self.out_trade_no
    }
    /// The platform's own number: `transaction_id`, `trade_no`.
    pub fn transaction_id(&self) -> &str {
        &self.transaction_id
    }
    /// The order's amount, coupons not deducted (`amount.total`, `total_amount`).
    pub const fn amount(&self) -> Fen {
        self.amount
    }
    /// `CNY` unless the platform says otherwise.
    pub fn currency(&self) -> &str {
        &self.currency
    }
    pub const fn paid_at(&self) -> Timestamp {
        self.paid_at
    }
    pub fn payer_id(&self) -> Option<&str> {
        self.payer_id.as_deref()
    }
    /// Whether the platform adds that some or all of the money went back since. Whoever did not ask
    /// for that must not spend it.
    pub const fn went_back(&self) -> bool {
        self.went_back
    }
    /// The platform's id of the notification; a hint, not a key.
    pub fn notification_id(&self) -> Option<&str> {
        self.notification_id.as_deref()
    }
}

/// Where a refund stands at the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefundStatus {
    /// Accepted, money not yet back.
    Processing,
    Succeeded,
    /// Did not happen, the money stayed with the merchant; a new number may be used.
    Closed,
    /// The payer's account is gone; a person must choose another way.
    Abnormal,
}

/// A platform says where one refund stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundFact {
    pub(crate) told: Told,
    pub(crate) channel: Channel,
    pub(crate) merchant: MerchantKey,
    pub(crate) merchant_id: String,
    pub(crate) out_trade_no: String,
    pub(crate) out_refund_no: String,
    pub(crate) status: RefundStatus,
    pub(crate) amount: Option<Fen>,
    pub(crate) returned_so_far: Option<Fen>,
    pub(crate) refunded_at: Option<Timestamp>,
}

impl RefundFact {
    pub const fn told(&self) -> Told {
        self.told
    }
    pub const fn channel(&self) -> Channel {
        self.channel
    }
    pub const fn merchant(&self) -> &MerchantKey {
        &self.merchant
    }
    pub fn merchant_id(&self) -> &str {
        &self.merchant_id
    }
    /// Whether the platform names `ours`, or names nobody in an answer to our own signed question,
    /// which need not say whose it is. A notification has to say it.
    pub fn merchant_id_fits(&self, ours: &str) -> bool {
        let answered = self.told == Told::Query && self.merchant_id.is_empty();
        answered || self.merchant_id == ours
    }
    pub fn out_trade_no(&self) -> &str {
        &self.out_trade_no
    }
    pub fn out_refund_no(&self) -> &str {
        &self.out_refund_no
    }
    pub const fn status(&self) -> RefundStatus {
        self.status
    }
    /// What this refund returns; unknown where the platform tells only the sum of all refunds.
    pub const fn amount(&self) -> Option<Fen> {
        self.amount
    }
    /// The sum of all refunds of the payment, where the platform tells it; never less than this one.
    pub const fn returned_so_far(&self) -> Option<Fen> {
        self.returned_so_far
    }
    pub const fn refunded_at(&self) -> Option<Timestamp> {
        self.refunded_at
    }
}

/// A verified notification.
#[derive(Clone, Debug)]
pub enum Notice {
    Payment(PaymentFact),
    Refund(RefundFact),
    /// Genuine, and nothing for us to do (an event kind we do not know, a trade closed unpaid).
    Ignored {
        kind: String,
    },
}

/// Why a notification is not believed. Each has its counter; none carries content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    #[error("a header that the platform always sends is missing or unreadable")]
    Headers,
    #[error("the body is not in the platform's form")]
    Malformed,
    #[error("no key is known under this serial")]
    UnknownKey,
    #[error("the signature does not fit the bytes")]
    Signature,
    #[error("the notification is older or newer than the window allows")]
    Stale,
    #[error("the content cannot be decrypted")]
    Undecryptable,
    /// Genuine, and yet not what the platform documents: our key, or a change on their side.
    #[error("the genuine content cannot be read")]
    Unreadable,
}

impl Refusal {
    /// The label of the counter.
    pub const fn code(self) -> &'static str {
        match self {
            Refusal::Headers => "headers",
            Refusal::Malformed => "malformed",
            Refusal::UnknownKey => "unknown_key",
            Refusal::Signature => "signature",
            Refusal::Stale => "stale",
            Refusal::Undecryptable => "undecryptable",
            Refusal::Unreadable => "unreadable",
        }
    }
}
