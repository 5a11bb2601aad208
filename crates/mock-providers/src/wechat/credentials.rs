//! With what a merchant proves itself: its API certificates (商户API证书), of which the newest signs and an
//! older one may still be good for a while, and its APIv3 key (APIv3密钥). Both change when a tester says
//! so, because the clock of signatures is everybody's and cannot be moved to a certificate's end.

use std::sync::{Arc, Mutex};

use kernel::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::merchant::Merchant;
use crate::{
    keys::{Certified, KeyError, RsaPair},
    lock,
};

/// More rotations than any test needs; each holds a key.
const CERTIFICATES_MAX: usize = 16;

/// Whether a merchant's certificate opens the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CertificateStanding {
    Valid,
    /// Another one took its place, and its time beside that one is over.
    Replaced,
    Expired,
    Voided,
}

/// A merchant's certificate as the control API tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MerchantCertificateView {
    pub mchid: String,
    pub serial: String,
    pub standing: CertificateStanding,
    pub certificate: String,
    /// The private key, PKCS#8: a merchant makes its own in reality.
    pub private_key: String,
    /// When its time beside a newer one is over, by the clock of trades.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub replaced_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    pub valid_until: Timestamp,
}

#[derive(Clone)]
struct Entry {
    certified: Arc<Certified>,
    replaced_at: Option<Timestamp>,
    expired: bool,
    voided: bool,
}

impl Entry {
    fn new(certified: Certified) -> Entry {
        let certified = Arc::new(certified);
        Entry { certified, replaced_at: None, expired: false, voided: false }
    }

    /// `now` is the time of trades, `wire` that of signatures.
    fn standing(&self, now: Timestamp, wire: Timestamp) -> CertificateStanding {
        if self.voided {
            CertificateStanding::Voided
        } else if self.expired || self.certified.valid_until < wire {
            CertificateStanding::Expired
        } else if self.replaced_at.is_some_and(|at| at <= now) {
            CertificateStanding::Replaced
        } else {
            CertificateStanding::Valid
        }
    }
}

/// What a tester does to a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CertificateEnd {
    Expires,
    /// 作废
    IsVoided,
}

pub(super) struct Credentials {
    /// Oldest first; never empty.
    certificates: Mutex<Vec<Entry>>,
    apiv3_key: Mutex<String>,
}

impl Credentials {
    pub fn new(certified: Certified, apiv3_key: String) -> Credentials {
        Credentials {
            certificates: Mutex::new(vec![Entry::new(certified)]),
            apiv3_key: Mutex::new(apiv3_key),
        }
    }

    pub fn apiv3_key(&self) -> String {
        lock(&self.apiv3_key).clone()
    }

    pub fn newest(&self) -> Arc<Certified> {
        let certificates = lock(&self.certificates);
        Arc::clone(&certificates[certificates.len() - 1].certified)
    }

    fn entries(&self) -> Vec<Entry> {
        lock(&self.certificates).clone()
    }
}

impl Merchant {
    fn view(&self, entry: &Entry) -> MerchantCertificateView {
        let clocks = &self.stage.clocks;
        MerchantCertificateView {
            mchid: self.mchid.clone(),
            serial: entry.certified.serial.clone(),
            standing: entry.standing(clocks.now(), clocks.wire()),
            certificate: entry.certified.certificate_pem.clone(),
            private_key: entry.certified.pair.private_pem.clone(),
            replaced_at: entry.replaced_at,
            valid_until: entry.certified.valid_until,
        }
    }

    /// The merchant's certificates, newest first.
    pub fn merchant_certificates(&self) -> Vec<MerchantCertificateView> {
        self.credentials.entries().iter().rev().map(|entry| self.view(entry)).collect()
    }

    /// The certificate of this serial, to the letter, and whether it opens the door.
    pub(super) fn merchant_certificate(
        &self,
        serial: &str,
    ) -> Option<(Arc<Certified>, CertificateStanding)> {
        let clocks = &self.stage.clocks;
        let entries = self.credentials.entries();
        let entry = entries.iter().find(|entry| entry.certified.serial == serial)?;
        Some((Arc::clone(&entry.certified), entry.standing(clocks.now(), clocks.wire())))
    }

    /// Whether any certificate that is good now belongs to the key that signed. A wallet's signature names
    /// none.
    pub(super) fn signed(&self, text: &[u8], signature: &str) -> bool {
        let clocks = &self.stage.clocks;
        let (now, wire) = (clocks.now(), clocks.wire());
        self.credentials.entries().iter().any(|entry| {
            entry.standing(now, wire) == CertificateStanding::Valid
                && entry.certified.pair.verifies(text, signature)
        })
    }

    /// Makes a new certificate under a new key; the one before is good for so many seconds more.
    pub fn rotate_merchant_certificate(
        &self,
        old_valid_seconds: u64,
    ) -> Result<MerchantCertificateView, KeyError> {
        let (clocks, entropy) = (&self.stage.clocks, self.stage.entropy.as_ref());
        let pair = RsaPair::generate(entropy)?;
        // Valid by the clock of signatures, which is the merchant's too.
        let certified = Certified::issue(pair, &self.mchid, clocks.wire(), entropy)?;
        let (entry, over) = (Entry::new(certified), clocks.later(old_valid_seconds));
        let view = self.view(&entry);
        let mut certificates = lock(&self.credentials.certificates);
        for former in certificates.iter_mut() {
            former.replaced_at = Some(former.replaced_at.map_or(over, |at| at.min(over)));
        }
        if certificates.len() >= CERTIFICATES_MAX {
            certificates.remove(0);
        }
        certificates.push(entry);
        Ok(view)
    }

    /// Ends a certificate, the newest unless a serial says otherwise. `None`: there is none of it.
    pub fn end_merchant_certificate(
        &self,
        serial: Option<&str>,
        end: CertificateEnd,
    ) -> Option<MerchantCertificateView> {
        let mut certificates = lock(&self.credentials.certificates);
        let wanted = |entry: &&mut Entry| serial.is_none_or(|s| s == entry.certified.serial);
        let entry = certificates.iter_mut().rev().find(wanted)?;
        match end {
            CertificateEnd::Expires => entry.expired = true,
            CertificateEnd::IsVoided => entry.voided = true,
        }
        let entry = entry.clone();
        drop(certificates);
        Some(self.view(&entry))
    }

    /// Sets another APIv3 key, a random one unless given; what is encrypted from then on is for it. `None`:
    /// it has not 32 letters and digits.
    pub fn change_apiv3_key(&self, key: Option<String>) -> Option<String> {
        let entropy: &dyn kernel::Entropy = self.stage.entropy.as_ref();
        let key = key.unwrap_or_else(|| entropy.letters(32));
        let fits = key.len() == 32 && key.bytes().all(|b| b.is_ascii_alphanumeric());
        fits.then(|| lock(&self.credentials.apiv3_key).clone_from(&key))?;
        Some(key)
    }
}
