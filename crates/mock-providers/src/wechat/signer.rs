//! Which of WeChat's keys signs a message to a merchant (wechat §1.7).
//!
//! An answer is signed by the key that the request names, a callback by the kind of key that the request
//! named which it is about, so that a merchant hears from WeChat under the keys that it has. Settings can
//! force one key or mix them.

use std::sync::Arc;

use axum::http::HeaderMap;
use kernel::Entropy;

use super::{authorization::text, merchant::Merchant};
use crate::{
    keys::{Certified, RsaPair},
    settings::WechatSigner,
};

/// Who signs one message.
#[derive(Clone)]
pub(super) enum Signer {
    Certificate(Arc<Certified>),
    PublicKey,
}

/// What kind of key a merchant asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Certificate,
    PublicKey,
}

impl Signer {
    const fn kind(&self) -> KeyKind {
        match self {
            Signer::Certificate(_) => KeyKind::Certificate,
            Signer::PublicKey => KeyKind::PublicKey,
        }
    }
}

impl Merchant {
    pub(super) fn signing<'a>(&'a self, signer: &'a Signer) -> (&'a RsaPair, &'a str) {
        match signer {
            Signer::Certificate(certified) => (&certified.pair, &certified.serial),
            Signer::PublicKey => (&self.public_key, &self.public_key_id),
        }
    }

    /// Whether the public key may be used: it was switched on, or there is nothing else.
    fn has_public_key(&self) -> bool {
        self.stage.switches.get().wechat_public_key_enabled
            || self.signing_certificates().is_empty()
    }

    /// The key of this serial, certificate or public, when it is in use.
    pub(super) fn signer_named(&self, serial: &str) -> Option<Signer> {
        if serial == self.public_key_id {
            return self.has_public_key().then_some(Signer::PublicKey);
        }
        let mut certificates = self.signing_certificates().into_iter();
        certificates.find(|known| known.serial == serial).map(Signer::Certificate)
    }

    /// The kind of key that a request names; `None` when it names none that is in use.
    pub(super) fn named_kind(&self, headers: &HeaderMap) -> Option<KeyKind> {
        let named = self.signer_named(text(headers, "wechatpay-serial")?)?;
        Some(named.kind())
    }

    /// Who signs an answer: the key that the request names, when we have it; otherwise the default.
    pub(super) fn answer_signer(&self, headers: &HeaderMap) -> Signer {
        let named = text(headers, "wechatpay-serial").and_then(|name| self.signer_named(name));
        named.unwrap_or_else(|| self.signer(None))
    }

    /// Who signs a callback about something that was asked for with such a key: while the merchant migrates
    /// to the public key, by the plan's chance.
    pub(super) fn callback_signer(&self, named: Option<KeyKind>) -> Signer {
        match self.migrates_next() {
            Some(true) => self.of_kind(KeyKind::PublicKey),
            Some(false) => self.of_kind(KeyKind::Certificate),
            None => self.signer(named),
        }
    }

    fn newest_certificate(&self) -> Option<Signer> {
        self.signing_certificates().pop().map(Signer::Certificate)
    }

    /// A key of this kind, or of the other one when there is none.
    fn of_kind(&self, kind: KeyKind) -> Signer {
        match kind {
            KeyKind::PublicKey if self.has_public_key() => Signer::PublicKey,
            _ => self.newest_certificate().unwrap_or(Signer::PublicKey),
        }
    }

    fn signer(&self, named: Option<KeyKind>) -> Signer {
        match self.stage.switches.get().wechat_signer {
            WechatSigner::Merchant => self.of_kind(named.unwrap_or(KeyKind::Certificate)),
            WechatSigner::Certificate => self.of_kind(KeyKind::Certificate),
            WechatSigner::PublicKey => self.of_kind(KeyKind::PublicKey),
            WechatSigner::Mixed => self.mixed(true),
            WechatSigner::CertificatesMixed => self.mixed(false),
        }
    }

    /// By chance, as often as the settings weigh.
    fn mixed(&self, with_public_key: bool) -> Signer {
        let weights = self.stage.switches.get().wechat_signer_weights;
        let mut older = self.signing_certificates();
        let newest = older.pop();
        let public_key = with_public_key && self.has_public_key();
        let share = |weight: u32, exists: bool| if exists { u64::from(weight) } else { 0 };
        let first = share(weights.older_certificates, !older.is_empty());
        let second = first + share(weights.newest_certificate, newest.is_some());
        let all = second + share(weights.public_key, public_key);
        let entropy: &dyn Entropy = self.stage.entropy.as_ref();
        let hit = if all == 0 { 0 } else { entropy.u64() % all };
        let count = u64::try_from(older.len()).unwrap_or(1).max(1);
        let pick = usize::try_from(entropy.u64() % count).unwrap_or(0);
        let certificate = match (older.get(pick), newest) {
            (Some(older), _) if hit < first => Some(Arc::clone(older)),
            (_, newest) if hit < second || !public_key => newest,
            _ => None,
        };
        certificate.map_or(Signer::PublicKey, Signer::Certificate)
    }
}
