//! Platform certificates (平台证书): which there are, which sign, and their list, encrypted for the merchant
//! (wechat §1.6). A rotation adds a certificate; the old one stays listed and valid beside it until it is
//! voided (作废), which nothing takes back. A merchant without any has the public key alone.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Extension,
    extract::Query,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kernel::{Entropy, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    answer::{Refusal, found},
    authorization::Caller,
    crypt,
    merchant::Merchant,
};
use crate::{
    keys::{Certified, KeyError, PLATFORM_NAME, RsaPair},
    lock,
};

/// More rotations than any test needs; each holds a key.
const CERTIFICATES_MAX: usize = 17;

/// `{}` rotates at once. The delays tell apart when the list has the new certificate and when it
/// begins to sign; in reality months lie between, and either can come first for a merchant that
/// looks too seldom.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    #[serde(default)]
    pub listed_after_seconds: u64,
    #[serde(default)]
    pub signs_after_seconds: u64,
}

/// A platform certificate as the control API tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CertificateView {
    pub mchid: String,
    pub serial: String,
    pub certificate: String,
    #[schema(value_type = String, format = DateTime)]
    pub listed_from: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub signs_from: Timestamp,
    pub voided: bool,
}

#[derive(Clone)]
struct Entry {
    certified: Arc<Certified>,
    listed_from: Timestamp,
    signs_from: Timestamp,
    voided: bool,
}

/// A merchant's platform certificates, oldest first; never empty.
pub(super) struct PlatformCertificates(Mutex<Vec<Entry>>);

impl PlatformCertificates {
    pub fn new(first: Certified) -> PlatformCertificates {
        let always = Timestamp::from_unix_seconds(0);
        let certified = Arc::new(first);
        let entry = Entry { certified, listed_from: always, signs_from: always, voided: false };
        PlatformCertificates(Mutex::new(vec![entry]))
    }

    /// The one that the merchant was given at the start.
    pub fn first(&self) -> Arc<Certified> {
        Arc::clone(&lock(&self.0)[0].certified)
    }

    fn standing(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<Arc<Certified>> {
        let entries = lock(&self.0);
        let wanted = entries.iter().filter(|entry| !entry.voided && wanted(entry));
        wanted.map(|entry| Arc::clone(&entry.certified)).collect()
    }
}

impl Merchant {
    /// Every certificate that signs by now, oldest first; none for a merchant with a public key only.
    pub(super) fn signing_certificates(&self) -> Vec<Arc<Certified>> {
        if !self.stage.switches.get().wechat_certificates {
            return Vec::new();
        }
        let now = self.now();
        self.platform.standing(|entry| entry.signs_from <= now)
    }

    fn listed_certificates(&self) -> Vec<Arc<Certified>> {
        if !self.stage.switches.get().wechat_certificates {
            return Vec::new();
        }
        let now = self.now();
        self.platform.standing(|entry| entry.listed_from <= now)
    }

    fn certificate_view(&self, entry: &Entry) -> CertificateView {
        CertificateView {
            mchid: self.mchid.clone(),
            serial: entry.certified.serial.clone(),
            certificate: entry.certified.certificate_pem.clone(),
            listed_from: entry.listed_from,
            signs_from: entry.signs_from,
            voided: entry.voided,
        }
    }

    /// Makes a new platform certificate.
    pub fn rotate(&self, rotation: Rotation) -> Result<CertificateView, KeyError> {
        let entropy = self.stage.entropy.as_ref();
        let pair = RsaPair::generate(entropy)?;
        let (now, clocks) = (self.now(), &self.stage.clocks);
        // Valid by the clock of signatures, which is the merchant's too.
        let certified = Certified::issue(pair, PLATFORM_NAME, clocks.wire(), entropy)?;
        let entry = Entry {
            certified: Arc::new(certified),
            listed_from: clocks.later(rotation.listed_after_seconds).max(now),
            signs_from: clocks.later(rotation.signs_after_seconds).max(now),
            voided: false,
        };
        let view = self.certificate_view(&entry);
        let mut entries = lock(&self.platform.0);
        if entries.len() >= CERTIFICATES_MAX {
            // The first one stays: it is what the merchant was given.
            entries.remove(1);
        }
        entries.push(entry);
        Ok(view)
    }

    /// Voids a certificate for good, the oldest that stands unless a serial says otherwise. `None`: there is
    /// none of it.
    pub fn void(&self, serial: Option<&str>) -> Option<CertificateView> {
        let mut entries = lock(&self.platform.0);
        let wanted = |entry: &&mut Entry| match serial {
            Some(serial) => entry.certified.serial == serial,
            None => !entry.voided,
        };
        let entry = entries.iter_mut().find(wanted)?;
        entry.voided = true;
        let entry = entry.clone();
        drop(entries);
        Some(self.certificate_view(&entry))
    }

    /// The platform certificates of this merchant, oldest first.
    pub fn certificates(&self) -> Vec<CertificateView> {
        lock(&self.platform.0).iter().map(|entry| self.certificate_view(entry)).collect()
    }

    fn listed(&self, certified: &Certified) -> Value {
        let entropy: &dyn Entropy = self.stage.entropy.as_ref();
        let nonce = entropy.hex(6);
        let (plain, key) = (&certified.certificate_pem, self.credentials.apiv3_key());
        json!({
            "serial_no": certified.serial,
            "effective_time": certified.valid_from.rfc3339(),
            "expire_time": certified.valid_until.rfc3339(),
            "encrypt_certificate": {
                "algorithm": "AEAD_AES_256_GCM",
                "nonce": nonce,
                "associated_data": "certificate",
                "ciphertext": crypt::encrypt(&key, &nonce, "certificate", plain),
            },
        })
    }
}

pub(super) async fn list(
    Extension(caller): Extension<Caller>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    if !matches!(query.get("algorithm_type").map(String::as_str), None | Some("RSA" | "ALL")) {
        let message = "算法类型仅支持RSA";
        return Refusal::new(StatusCode::BAD_REQUEST, "PARAM_ERROR", 268_435_461, message)
            .into_response();
    }
    let merchant = &caller.merchant;
    let listed = merchant.listed_certificates();
    if listed.is_empty() {
        let message = "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥";
        return Refusal::not_found("RESOURCE_NOT_EXISTS", message).into_response();
    }
    let data: Vec<Value> = listed.iter().map(|certified| merchant.listed(certified)).collect();
    found(&json!({ "data": data }))
}
