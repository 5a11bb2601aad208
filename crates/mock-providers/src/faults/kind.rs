//! The vocabulary of faults: where one can strike, what can go wrong there, and under which name it is
//! ordered.

use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

use super::FaultError;
use crate::{
    alipay::AlipayOddity,
    refusals::DocumentedRefusal,
    vocabulary::{named, words_of},
};

macro_rules! targets {
    ($($name:ident = $code:literal, $class:ident;)*) => {
        /// Where a fault strikes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum FaultTarget {
            $(#[serde(rename = $code)] $name,)*
        }
        impl FaultTarget {
            pub const ALL: &'static [FaultTarget] = &[$(FaultTarget::$name,)*];
            pub const fn code(self) -> &'static str {
                match self { $(FaultTarget::$name => $code,)* }
            }
            pub(crate) const fn class(self) -> Class {
                match self { $(FaultTarget::$name => Class::$class,)* }
            }
        }
    };
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Notification,
    Call,
    Query,
    Refund,
    Bill,
    /// A call of the mini-program's server: neither side signs.
    Unsigned,
}

targets! {
    WechatNotification = "wechat.notification", Notification;
    AlipayNotification = "alipay.notification", Notification;
    WechatCreate = "wechat.create", Call;
    WechatQuery = "wechat.query", Query;
    WechatClose = "wechat.close", Call;
    WechatRefund = "wechat.refund", Refund;
    WechatRefundQuery = "wechat.refund_query", Query;
    WechatCertificates = "wechat.certificates", Call;
    WechatAbnormalRefund = "wechat.abnormal_refund", Call;
    WechatBill = "wechat.bill", Bill;
    WechatBillFile = "wechat.bill_file", Unsigned;
    WechatEcho = "wechat.echo", Call;
    WechatLogin = "wechat.login", Unsigned;
    WechatToken = "wechat.token", Unsigned;
    WechatPhone = "wechat.phone", Unsigned;
    WechatMessage = "wechat.message", Unsigned;
    WechatCity = "wechat.city", Unsigned;
    WechatFace = "wechat.face", Unsigned;
    AlipayCreate = "alipay.create", Call;
    AlipayQuery = "alipay.query", Query;
    AlipayClose = "alipay.close", Call;
    AlipayCancel = "alipay.cancel", Call;
    AlipayRefund = "alipay.refund", Refund;
    AlipayRefundQuery = "alipay.refund_query", Query;
    AlipayLogin = "alipay.login", Call;
    AlipayUserInfo = "alipay.user_info", Call;
    AlipayBill = "alipay.bill", Call;
    AlipayCertificate = "alipay.certificate", Call;
    AlipayCertify = "alipay.certify", Call;
    AlipayMessage = "alipay.message", Call;
}

impl FromStr for FaultTarget {
    type Err = FaultError;
    fn from_str(code: &str) -> Result<FaultTarget, FaultError> {
        FaultTarget::ALL.iter().copied().find(|t| t.code() == code).ok_or(FaultError::Target)
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        /// What goes wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum FaultKind {
            $($(#[$doc])* $name,)*
            /// What only Alipay does.
            Alipay(AlipayOddity),
            /// The platform's own word for a definite no, as `OUT_TRADE_NO_USED`, `43101` or
            /// `ACQ.TOTAL_FEE_EXCEED`: answered as documented, nothing applied.
            Refuse(DocumentedRefusal),
        }
        impl FaultKind {
            /// The mock's own faults, by the name under which they are ordered.
            const OWN: &'static [(FaultKind, &'static str)] = &[$((FaultKind::$name, $code),)*];
        }
    };
}

kinds! {
    // Notifications, one attempt each; the genuine one follows by the timetable.
    /// A well-formed signature of other bytes.
    WrongSignature = "wrong_signature";
    /// WeChat's signature probe.
    Probe = "probe";
    /// Correctly signed, one fen more than was paid.
    WrongAmount = "wrong_amount";
    /// Correctly signed, another mchid or seller_id.
    OtherMerchant = "other_merchant";
    /// Correctly signed, another app_id.
    OtherApp = "other_app";
    /// Correctly signed ten minutes ago.
    OldTimestamp = "old_timestamp";
    /// WeChat: a ciphertext with one byte changed.
    Tampered = "tampered";
    /// WeChat: `associated_data` is not what the ciphertext was made with.
    WrongAssociatedData = "wrong_associated_data";
    /// WeChat: a serial that no key has, as some probes carry.
    UnknownSerial = "unknown_serial";
    /// Delivered again one second after it was accepted.
    Duplicate = "duplicate";
    /// This notification is never sent, and neither are its repetitions.
    Lose = "lose";
    /// Sent `seconds` later than due.
    Delay = "delay";
    /// Two copies at the same moment, each signed by itself.
    Twin = "twin";
    /// Waits until another notification of the same trade was sent, at most a day: the refund is
    /// told before the payment.
    Overtaken = "overtaken";
    // Calls.
    /// The effect is applied, then the connection drops without an answer.
    DropAfterCommit = "drop_after_commit";
    /// An error answer (WeChat 500 SYSTEM_ERROR, Alipay 20000), nothing applied.
    ErrorBeforeCommit = "error_before_commit";
    /// The same error answer although the effect is applied.
    ErrorAfterCommit = "error_after_commit";
    /// The effect is applied at once and the answer comes after `seconds`.
    Slow = "slow";
    /// Nothing is applied, and the error answer (as `error_before_commit`) comes after `seconds`.
    SlowBeforeCommit = "slow_before_commit";
    /// WeChat 429, Alipay 40005: nothing applied.
    Busy = "busy";
    /// An HTML page from a gateway in between (502), nothing applied.
    GatewayPage = "gateway_page";
    /// An HTML page from a gateway that lost patience (504); the effect is applied.
    GatewayTimeout = "gateway_timeout";
    // Creating.
    /// The user pays, and the merchant is told, before the answer leaves.
    PaidBeforeAnswer = "paid_before_answer";
    // Queries.
    /// The answer is one step behind: paid is told as unpaid, unpaid as unknown.
    Lag = "lag";
    // Refunds.
    /// The refund ends ABNORMAL (WeChat).
    Abnormal = "abnormal";
    /// The refund ends CLOSED (WeChat).
    Closed = "closed";
    /// The merchant's balance does not cover it.
    NotEnough = "not_enough";
    // Closing.
    /// The user pays a moment before the close arrives (WeChat).
    PaidMeanwhile = "paid_meanwhile";
    /// The close succeeds, and then the money comes all the same: at once, or `seconds` later (WeChat).
    PaidAfterClose = "paid_after_close";
    // Bills (WeChat).
    /// The bill has a payment that nobody made.
    BillUnknownRow = "bill_unknown_row";
    /// The bill lacks its first row.
    BillMissingRow = "bill_missing_row";
    /// The first row's amount is a fen more than it was.
    BillOtherAmount = "bill_other_amount";
    /// The hash is not the file's.
    WrongHash = "wrong_hash";
}

impl FaultKind {
    /// Every fault there is, with its name.
    fn all() -> impl Iterator<Item = (FaultKind, &'static str)> {
        let oddities = words_of::<AlipayOddity>().iter();
        let oddities = oddities.filter_map(|word| Some((FaultKind::Alipay(named(word)?), *word)));
        let refusals = DocumentedRefusal::all();
        let refusals = refusals.map(|refusal| (FaultKind::Refuse(refusal), refusal.code()));
        FaultKind::OWN.iter().copied().chain(oddities).chain(refusals)
    }

    /// The names of all that can be ordered for a target: first what the mock does, then what the platform
    /// is documented to refuse with.
    pub(crate) fn names_for(target: FaultTarget) -> Vec<&'static str> {
        let mut names: Vec<&'static str> = Vec::new();
        for (_, name) in FaultKind::all().filter(|(kind, _)| kind.suits(target)) {
            // A code that both platforms have stands in both of their tables.
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The fault of this name at a target. A name may mean one thing here and another there.
    pub(super) fn named(target: FaultTarget, name: &str) -> Option<FaultKind> {
        let mut fitting = FaultKind::all().filter(|(kind, _)| kind.suits(target));
        fitting.find(|(_, known)| *known == name).map(|(kind, _)| kind)
    }

    /// The platform's documented refusal of this code, at whichever target has it.
    pub fn refusal(code: &str) -> Option<FaultKind> {
        DocumentedRefusal::named(code).map(FaultKind::Refuse)
    }

    pub(crate) fn name(self) -> &'static str {
        let known = FaultKind::all().find(|(kind, _)| *kind == self);
        known.map_or("unknown", |(_, name)| name)
    }
}

impl Serialize for FaultKind {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl FaultKind {
    pub(super) fn suits(self, target: FaultTarget) -> bool {
        use FaultKind::{
            Abnormal, BillMissingRow, BillOtherAmount, BillUnknownRow, Busy, Closed, Delay,
            DropAfterCommit, Duplicate, ErrorAfterCommit, ErrorBeforeCommit, GatewayPage,
            GatewayTimeout, Lag, Lose, NotEnough, OldTimestamp, OtherApp, OtherMerchant, Overtaken,
            PaidAfterClose, PaidBeforeAnswer, PaidMeanwhile, Probe, Slow, SlowBeforeCommit,
            Tampered, Twin, UnknownSerial, WrongAmount, WrongAssociatedData, WrongHash,
            WrongSignature,
        };
        let class = target.class();
        let wechat = target.code().starts_with("wechat.");
        // Logins are not signed at WeChat, and Alipay has neither probes nor a ciphertext.
        let signed = class != Class::Unsigned;
        match self {
            WrongSignature => signed,
            Probe | UnknownSerial => wechat && signed,
            Tampered | WrongAssociatedData => wechat && class == Class::Notification,
            WrongAmount | OtherMerchant | OtherApp | OldTimestamp | Duplicate | Lose | Delay
            | Twin | Overtaken => class == Class::Notification,
            DropAfterCommit | ErrorBeforeCommit | ErrorAfterCommit | Slow | SlowBeforeCommit
            | Busy | GatewayPage | GatewayTimeout => class != Class::Notification,
            PaidBeforeAnswer => {
                matches!(target, FaultTarget::WechatCreate | FaultTarget::AlipayCreate)
            }
            // A refund that is behind does not know its payment yet.
            Lag => class == Class::Query || target == FaultTarget::WechatRefund,
            Abnormal | Closed => wechat && class == Class::Refund,
            NotEnough => class == Class::Refund,
            PaidMeanwhile | PaidAfterClose => target == FaultTarget::WechatClose,
            BillUnknownRow | BillMissingRow | BillOtherAmount | WrongHash => class == Class::Bill,
            FaultKind::Alipay(oddity) => oddity.suits(target),
            FaultKind::Refuse(refusal) => refusal.suits(target),
        }
    }

    /// How long it may take, for those that take time.
    pub(super) const fn seconds(self) -> Seconds {
        match self {
            FaultKind::Slow | FaultKind::SlowBeforeCommit => Seconds::Needed(SLOW_SECONDS_MAX),
            FaultKind::Delay => Seconds::Needed(DELAY_SECONDS_MAX),
            FaultKind::PaidAfterClose => Seconds::Possible(DELAY_SECONDS_MAX),
            _ => Seconds::None,
        }
    }
}

/// What `seconds` are to a fault, and how many at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seconds {
    None,
    Possible(u64),
    Needed(u64),
}

/// No platform keeps a connection longer.
const SLOW_SECONDS_MAX: u64 = 60;
pub(crate) const DELAY_SECONDS_MAX: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_ordered_by_its_name() {
        for target in FaultTarget::ALL {
            let names = FaultKind::names_for(*target);
            assert!(names.len() > 3, "{target:?}");
            for name in names {
                let kind = FaultKind::named(*target, name).unwrap();
                assert_eq!((kind.name(), kind.suits(*target)), (name, true), "{target:?}");
            }
        }
        let everywhere: std::collections::BTreeSet<&str> =
            FaultTarget::ALL.iter().flat_map(|target| FaultKind::names_for(*target)).collect();
        for (kind, name) in FaultKind::all() {
            assert!(everywhere.contains(name), "{kind:?} strikes nowhere");
        }
    }
}
