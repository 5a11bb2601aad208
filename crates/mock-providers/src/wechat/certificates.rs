//! Platform certificates: which there are, which sign, and their list, encrypted for the merchant
//! (wechat §1.6). A rotation adds a certificate; the old one stays listed and valid beside it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kernel::{Entropy, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Wechat,
    answer::{Refusal, found},
    crypt,
};
use crate::{
    keys::{Certified, KeyError, RsaPair},
    lock,
    settings::WechatSigner,
};

/// More rotations than any test needs; each holds a key.
const ROTATIONS_MAX: usize = 16;

/// `{}` rotates at once. The delays tell apart when the list has the new certificate and when it
/// begins to sign; in reality months lie between, and either can come first for a merchant that
/// looks too seldom.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    #[serde(default)]
    pub listed_after_seconds: u64,
    #[serde(default)]
    pub signs_after_seconds: u64,
}

/// A platform certificate as the control API tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CertificateView {
    pub serial: String,
    pub certificate: String,
    pub listed_from: Timestamp,
    pub signs_from: Timestamp,
}

struct Later {
    certified: Arc<Certified>,
    listed_from: Timestamp,
    signs_from: Timestamp,
}

/// The certificates that came after the first.
#[derive(Default)]
pub(super) struct Rotations(Mutex<Vec<Later>>);

/// Who signs one message.
#[derive(Clone)]
pub(super) enum Signer {
    First,
    Later(Arc<Certified>),
    PublicKey,
}

impl Wechat {
    pub(super) fn signing<'a>(&'a self, signer: &'a Signer) -> (&'a RsaPair, &'a str) {
        match signer {
            Signer::First => (&self.keys.platform.pair, &self.keys.platform.serial),
            Signer::Later(certified) => (&certified.pair, &certified.serial),
            Signer::PublicKey => (&self.keys.public_key, &self.keys.public_key_id),
        }
    }

    /// Every certificate that signs by now, oldest first.
    fn signing_certificates(&self) -> Vec<Signer> {
        let now = self.now();
        let later = lock(&self.rotations.0);
        let later = later.iter().filter(|later| later.signs_from <= now);
        let later = later.map(|later| Signer::Later(Arc::clone(&later.certified)));
        std::iter::once(Signer::First).chain(later).collect()
    }

    /// Who signs unless a request asks for another key.
    pub(super) fn default_signer(&self) -> Signer {
        let mut certificates = self.signing_certificates();
        match self.stage.switches.get().wechat_signer {
            WechatSigner::Certificate => certificates.pop().unwrap_or(Signer::First),
            WechatSigner::PublicKey => Signer::PublicKey,
            WechatSigner::Mixed => {
                certificates.push(Signer::PublicKey);
                self.stage.shuffle(&mut certificates);
                certificates.pop().unwrap_or(Signer::First)
            }
        }
    }

    /// Who signs a callback: while the merchant migrates to the public key, by the plan's chance.
    pub(super) fn callback_signer(&self) -> Signer {
        match self.migration.public_key_is_next(self.now(), self.stage.entropy.as_ref()) {
            Some(true) => Signer::PublicKey,
            Some(false) => self.signing_certificates().pop().unwrap_or(Signer::First),
            None => self.default_signer(),
        }
    }

    /// The key of this serial, certificate or public.
    pub(super) fn signer_named(&self, serial: &str) -> Option<Signer> {
        if serial == self.keys.public_key_id {
            return Some(Signer::PublicKey);
        }
        self.signing_certificates().into_iter().find(|signer| self.signing(signer).1 == serial)
    }

    /// Makes a new platform certificate.
    pub(crate) fn rotate(&self, rotation: Rotation) -> Result<CertificateView, KeyError> {
        let entropy = self.stage.entropy.as_ref();
        let pair = RsaPair::generate(entropy)?;
        let now = self.now();
        // Valid by the clock of signatures, which is the merchant's too.
        let wire = self.stage.clocks.wire();
        let certified = Certified::issue(pair, "Mock Tenpay.com sign", wire, entropy)?;
        let clocks = &self.stage.clocks;
        let later = Later {
            certified: Arc::new(certified),
            listed_from: clocks.later(rotation.listed_after_seconds).max(now),
            signs_from: clocks.later(rotation.signs_after_seconds).max(now),
        };
        let view = view(&later);
        let mut rotations = lock(&self.rotations.0);
        if rotations.len() >= ROTATIONS_MAX {
            rotations.remove(0);
        }
        rotations.push(later);
        Ok(view)
    }

    /// The certificates that came by rotation, oldest first.
    pub(crate) fn rotated(&self) -> Vec<CertificateView> {
        lock(&self.rotations.0).iter().map(view).collect()
    }

    fn listed(&self, certified: &Certified) -> Value {
        let entropy: &dyn Entropy = self.stage.entropy.as_ref();
        let nonce = entropy.hex(6);
        let plain = &certified.certificate_pem;
        json!({
            "serial_no": certified.serial,
            "effective_time": certified.valid_from.rfc3339(),
            "expire_time": certified.valid_until.rfc3339(),
            "encrypt_certificate": {
                "algorithm": "AEAD_AES_256_GCM",
                "nonce": nonce,
                "associated_data": "certificate",
                "ciphertext": crypt::encrypt(&self.keys.apiv3_key, &nonce, "certificate", plain),
            },
        })
    }
}

fn view(later: &Later) -> CertificateView {
    CertificateView {
        serial: later.certified.serial.clone(),
        certificate: later.certified.certificate_pem.clone(),
        listed_from: later.listed_from,
        signs_from: later.signs_from,
    }
}

pub(super) async fn list(
    State(wechat): State<Arc<Wechat>>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    if !matches!(query.get("algorithm_type").map(String::as_str), None | Some("RSA" | "ALL")) {
        let message = "算法类型仅支持RSA";
        return Refusal::new(StatusCode::BAD_REQUEST, "PARAM_ERROR", 268_435_461, message)
            .into_response();
    }
    if !wechat.stage.switches.get().wechat_certificates {
        let message = "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥";
        return Refusal::not_found("RESOURCE_NOT_EXISTS", message).into_response();
    }
    let now = wechat.now();
    let mut data = vec![wechat.listed(&wechat.keys.platform)];
    for later in lock(&wechat.rotations.0).iter().filter(|later| later.listed_from <= now) {
        data.push(wechat.listed(&later.certified));
    }
    found(&json!({ "data": data }))
}
