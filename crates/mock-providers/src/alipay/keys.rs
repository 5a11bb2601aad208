//! What mock Alipay and its merchant know of each other: key pairs, certificates with their serial
//! numbers, and the AES key of the application (alipay §1.4, §1.8, §1.9).
//!
//! The certificates come from a small authority of our own: a root, one below it, and the leaves.
//! Issuers are exactly C, O, OU, CN without commas, like the real ones, because libraries disagree
//! about anything else. Beside our root the bundle holds a second RSA root and two that are not RSA,
//! which a merchant must leave out of `alipay_root_cert_sn`.

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use kernel::{Entropy, Timestamp};
use md5::{Digest, Md5};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SerialNumber,
};
use x509_parser::{pem::Pem, prelude::X509Certificate};

use crate::{
    keys::{CERTIFICATE_DAYS, KeyError, RsaPair, digits, limit_validity},
    settings::AlipaySigner,
};

/// The authority outlives its leaves.
const AUTHORITY_DAYS: i64 = 20 * 365;

/// A certificate as text, with the serial number in Alipay's sense.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    /// PEM; of Alipay's leaves the leaf first, then its issuer.
    pub pem: String,
    pub sn: String,
    pub valid_until: Timestamp,
}

/// One of Alipay's signing keys with its certificate.
#[derive(Debug)]
pub(crate) struct Signer {
    pub pair: RsaPair,
    pub certificate: Certificate,
}

/// Which of the two merchants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum AppPlace {
    First,
    Second,
}

/// An application with its collecting account.
pub(crate) struct AlipayApp {
    pub place: AppPlace,
    pub app_id: String,
    pub seller_id: String,
    pub pair: RsaPair,
    pub certificate: Certificate,
    /// AES-128, for content encryption and phone numbers.
    pub aes_key: [u8; 16],
}

impl fmt::Debug for AlipayApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AlipayApp({}, ***)", self.app_id)
    }
}

pub(crate) struct AlipayKeys {
    pub first: Arc<AlipayApp>,
    /// Another merchant with an application of its own; absent in folders of before there was one.
    pub second: Option<Arc<AlipayApp>>,
    /// What signs now, and what will sign when the settings say so.
    pub present: Signer,
    pub next: Signer,
    /// Another certificate of the present key, as when one is renewed in time; absent in older folders.
    pub renewed: Option<Certificate>,
    /// Four roots in PEM.
    pub roots: String,
    /// The serial numbers of the RSA roots, joined.
    pub root_sn: String,
}

impl fmt::Debug for AlipayKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AlipayKeys({}, ***)", self.first.app_id)
    }
}

/// The texts of one application.
pub(crate) struct AppTexts {
    pub app_id: String,
    pub seller_id: String,
    pub private_key: String,
    pub cert: String,
    pub aes_key: String,
}

/// The texts from which [`AlipayKeys`] are read back, as a folder keeps them.
pub(crate) struct AlipayTexts {
    pub first: AppTexts,
    pub second: Option<AppTexts>,
    pub alipay_private_key: String,
    pub alipay_cert: String,
    pub alipay_next_private_key: String,
    pub alipay_next_cert: String,
    pub alipay_renewed_cert: Option<String>,
    pub alipay_root_cert: String,
}

impl AlipayApp {
    fn issue(
        place: AppPlace,
        pair: RsaPair,
        authority: &Authority,
        entropy: &dyn Entropy,
    ) -> Result<Arc<AlipayApp>, KeyError> {
        let app_id = format!("2021{}", digits(entropy, 12));
        let certificate = authority.issue(&pair, &app_id, false, entropy)?;
        let mut aes_key = [0; 16];
        entropy.fill(&mut aes_key);
        let seller_id = format!("2088{}", digits(entropy, 12));
        Ok(Arc::new(AlipayApp { place, app_id, seller_id, pair, certificate, aes_key }))
    }

    fn read(place: AppPlace, texts: AppTexts) -> Result<Arc<AlipayApp>, KeyError> {
        let pair = RsaPair::from_pem("the app's key", &texts.private_key)?;
        let aes_key = BASE64.decode(texts.aes_key.trim()).ok();
        let aes_key = aes_key.and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
        Ok(Arc::new(AlipayApp {
            place,
            app_id: texts.app_id,
            seller_id: texts.seller_id,
            certificate: of_key("the app's certificate", &pair, texts.cert)?,
            pair,
            aes_key: aes_key.ok_or(KeyError::Aes)?,
        }))
    }
}

impl AlipayKeys {
    /// The keys of both applications, Alipay's two, and those of the authority, which are forgotten at
    /// once: it signs nothing later.
    pub fn issue(
        [first, second, present, next, root, issuer]: [RsaPair; 6],
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<AlipayKeys, KeyError> {
        let authority = Authority::new(&root, &issuer, now, entropy)?;
        let app = |place, pair| AlipayApp::issue(place, pair, &authority, entropy);
        let leaf = |pair: &RsaPair| authority.issue(pair, "Mock Alipay", true, entropy);
        Ok(AlipayKeys {
            first: app(AppPlace::First, first)?,
            second: Some(app(AppPlace::Second, second)?),
            renewed: Some(leaf(&present)?),
            present: Signer { certificate: leaf(&present)?, pair: present },
            next: Signer { certificate: leaf(&next)?, pair: next },
            root_sn: root_sn(&authority.roots)?,
            roots: authority.roots,
        })
    }

    pub fn read(texts: AlipayTexts) -> Result<AlipayKeys, KeyError> {
        let present = RsaPair::from_pem("Alipay's key", &texts.alipay_private_key)?;
        let next = RsaPair::from_pem("Alipay's next key", &texts.alipay_next_private_key)?;
        let second = texts.second.map(|texts| AlipayApp::read(AppPlace::Second, texts));
        let renewed = texts.alipay_renewed_cert;
        let renewed = renewed.map(|pem| of_key("Alipay's renewed certificate", &present, pem));
        Ok(AlipayKeys {
            first: AlipayApp::read(AppPlace::First, texts.first)?,
            second: second.transpose()?,
            renewed: renewed.transpose()?,
            present: Signer {
                certificate: of_key("Alipay's certificate", &present, texts.alipay_cert)?,
                pair: present,
            },
            next: Signer {
                certificate: of_key("Alipay's next certificate", &next, texts.alipay_next_cert)?,
                pair: next,
            },
            root_sn: root_sn(&texts.alipay_root_cert)?,
            roots: texts.alipay_root_cert,
        })
    }

    pub fn apps(&self) -> impl Iterator<Item = &Arc<AlipayApp>> {
        [Some(&self.first), self.second.as_ref()].into_iter().flatten()
    }

    pub fn app(&self, app_id: &str) -> Option<&Arc<AlipayApp>> {
        self.apps().find(|app| app.app_id == app_id)
    }

    /// The application of a place that trades were made under.
    pub fn at(&self, place: AppPlace) -> &AlipayApp {
        self.apps().find(|app| app.place == place).unwrap_or(&self.first)
    }

    /// Whether a user id is a collecting account's.
    pub fn is_seller(&self, user_id: &str) -> bool {
        self.apps().any(|app| app.seller_id == user_id)
    }

    pub fn signer(&self, which: AlipaySigner) -> (&RsaPair, &Certificate) {
        match which {
            AlipaySigner::Present => (&self.present.pair, &self.present.certificate),
            AlipaySigner::Renewed => {
                (&self.present.pair, self.renewed.as_ref().unwrap_or(&self.present.certificate))
            }
            AlipaySigner::Next => (&self.next.pair, &self.next.certificate),
        }
    }

    /// One of Alipay's certificates, for whoever asks to download it.
    pub fn certificate(&self, sn: &str) -> Option<&Certificate> {
        let known = [Some(&self.present.certificate), Some(&self.next.certificate), {
            self.renewed.as_ref()
        }];
        known.into_iter().flatten().find(|certificate| certificate.sn == sn)
    }
}

/// Root and intermediate, for as long as leaves are made.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    issuer_pem: String,
    roots: String,
    now: Timestamp,
}

fn failed(cause: rcgen::Error) -> KeyError {
    KeyError::Certify(cause.to_string())
}

fn rcgen_pair(pair: &RsaPair) -> Result<KeyPair, KeyError> {
    let algorithm = &rcgen::PKCS_RSA_SHA256;
    KeyPair::from_pkcs8_pem_and_sign_algo(&pair.private_pem, algorithm).map_err(failed)
}

fn parameters(
    common_name: &str,
    now: Timestamp,
    days: i64,
    is_authority: bool,
    entropy: &dyn Entropy,
) -> CertificateParams {
    let mut serial = [0; 16];
    entropy.fill(&mut serial);
    serial[0] = serial[0] & 0x3f | 0x40; // positive, and never with a leading zero
    let mut name = DistinguishedName::new();
    name.push(DnType::CountryName, "CN");
    name.push(DnType::OrganizationName, "Mock Ant Financial");
    name.push(DnType::OrganizationalUnitName, "Mock Certification Authority");
    name.push(DnType::CommonName, common_name);
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.distinguished_name = name;
    limit_validity(&mut params, now, days);
    if is_authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    } else {
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    }
    params
}

impl Authority {
    fn new(
        root: &RsaPair,
        issuer: &RsaPair,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Authority, KeyError> {
        let authority = |name: &str| parameters(name, now, AUTHORITY_DAYS, true, entropy);
        let root_pair = rcgen_pair(root)?;
        let first = authority("Mock Ant Financial Certification Authority R1");
        let other = authority("Mock Class 2 Root CA G3").self_signed(&root_pair).map_err(failed)?;
        // The two that do not count: their keys come from the system, they sign nothing.
        let foreign = |name: &str, algorithm| {
            let pair = KeyPair::generate_for(algorithm).map_err(failed)?;
            authority(name).self_signed(&pair).map_err(failed)
        };
        let elliptic = foreign("Mock Root E1", &rcgen::PKCS_ECDSA_P256_SHA256)?;
        let edwards = foreign("Mock Root E2", &rcgen::PKCS_ED25519)?;
        let root = first.self_signed(&root_pair).map_err(failed)?;
        // One library cuts the bundle at blank lines.
        let roots = [elliptic.pem(), root.pem(), edwards.pem(), other.pem()];
        let roots = roots.map(|pem| pem.replace("\r\n", "\n")).join("\n");

        let issuer_pair = rcgen_pair(issuer)?;
        let below = authority("Mock Ant Financial Certification Authority Class 2 R1");
        let root = Issuer::new(first, root_pair);
        let signed = below.signed_by(&issuer_pair, &root).map_err(failed)?;
        let issuer_pem = signed.pem().replace("\r\n", "\n");
        Ok(Authority { issuer: Issuer::new(below, issuer_pair), issuer_pem, roots, now })
    }

    fn issue(
        &self,
        pair: &RsaPair,
        common_name: &str,
        with_issuer: bool,
        entropy: &dyn Entropy,
    ) -> Result<Certificate, KeyError> {
        let params = parameters(common_name, self.now, CERTIFICATE_DAYS, false, entropy);
        let leaf = params.signed_by(&rcgen_pair(pair)?, &self.issuer).map_err(failed)?;
        let mut pem = leaf.pem().replace("\r\n", "\n");
        if with_issuer {
            pem.push('\n');
            pem.push_str(&self.issuer_pem);
        }
        of_key("the new certificate", pair, pem)
    }
}

/// Reads the first certificate of a text and checks that it belongs to the key.
fn of_key(name: &'static str, pair: &RsaPair, pem: String) -> Result<Certificate, KeyError> {
    let wrong = || KeyError::Certificate(name);
    let section = Pem::iter_from_buffer(pem.as_bytes()).next();
    let section = section.and_then(Result::ok).ok_or_else(wrong)?;
    let certificate = section.parse_x509().map_err(|_| wrong())?;
    let public: &[u8] = &certificate.public_key().subject_public_key.data;
    if public != pair.public_der() {
        return Err(wrong());
    }
    let ends = certificate.validity().not_after.timestamp();
    let valid_until = Timestamp::from_unix_seconds(ends);
    let sn = sn(&certificate).ok_or_else(wrong)?;
    Ok(Certificate { sn, valid_until, pem })
}

/// MD5 of the issuer's name, last part first, and of the serial number in decimal.
fn sn(certificate: &X509Certificate<'_>) -> Option<String> {
    let mut parts = Vec::new();
    for attribute in certificate.issuer().iter_attributes() {
        let short = match attribute.attr_type().to_id_string().as_str() {
            "2.5.4.6" => "C",
            "2.5.4.10" => "O",
            "2.5.4.11" => "OU",
            "2.5.4.3" => "CN",
            _ => return None,
        };
        parts.push(format!("{short}={}", attribute.as_str().ok()?));
    }
    parts.reverse();
    let text = format!("{}{}", parts.join(","), certificate.tbs_certificate.serial);
    Some(hex::encode(Md5::digest(text.as_bytes())))
}

/// The RSA roots of a bundle in their order.
fn root_sn(bundle: &str) -> Result<String, KeyError> {
    let wrong = || KeyError::Certificate("Alipay's root bundle");
    let mut sns = Vec::new();
    for section in Pem::iter_from_buffer(bundle.as_bytes()) {
        let section = section.map_err(|_| wrong())?;
        let certificate = section.parse_x509().map_err(|_| wrong())?;
        let algorithm = certificate.signature_algorithm.algorithm.to_id_string();
        if algorithm.starts_with("1.2.840.113549.1.1.") {
            sns.push(sn(&certificate).ok_or_else(wrong)?);
        }
    }
    if sns.is_empty() { Err(wrong()) } else { Ok(sns.join("_")) }
}

#[cfg(test)]
mod tests {
    use kernel::SeededEntropy;

    use super::*;

    #[test]
    fn keys_and_certificates_survive_a_folder() {
        let now = Timestamp::from_unix_seconds(1_767_225_600);
        let entropy = SeededEntropy::new(1);
        let pairs = RsaPair::several(&entropy).unwrap();
        let keys = AlipayKeys::issue(pairs, now, &entropy).unwrap();
        assert_eq!(keys.root_sn.split('_').count(), 2, "two of four roots are RSA");
        assert_eq!(keys.roots.matches("BEGIN CERTIFICATE").count(), 4);
        assert_eq!(keys.roots.split("\n\n").count(), 4, "one library cuts here");
        assert_ne!(keys.present.certificate.sn, keys.next.certificate.sn);
        let renewed = keys.renewed.as_ref().unwrap();
        assert_ne!(keys.present.certificate.sn, renewed.sn, "the number changes, the key does not");
        assert_eq!(keys.first.certificate.sn.len(), 32);
        let app = |app: &AlipayApp| AppTexts {
            app_id: app.app_id.clone(),
            seller_id: app.seller_id.clone(),
            private_key: app.pair.private_pem.clone(),
            cert: app.certificate.pem.clone(),
            aes_key: BASE64.encode(app.aes_key),
        };
        let second = keys.second.as_ref().unwrap();
        assert_ne!(
            (&second.app_id, &second.seller_id),
            (&keys.first.app_id, &keys.first.seller_id)
        );
        let again = AlipayKeys::read(AlipayTexts {
            first: app(&keys.first),
            second: Some(app(second)),
            alipay_private_key: keys.present.pair.private_pem.clone(),
            alipay_cert: keys.present.certificate.pem.clone(),
            alipay_next_private_key: keys.next.pair.private_pem.clone(),
            alipay_next_cert: keys.next.certificate.pem.clone(),
            alipay_renewed_cert: Some(renewed.pem.clone()),
            alipay_root_cert: keys.roots.clone(),
        });
        let again = again.unwrap();
        assert_eq!(again.root_sn, keys.root_sn);
        assert_eq!(again.first.certificate.sn, keys.first.certificate.sn);
        assert_eq!(again.app(&second.app_id).unwrap().place, AppPlace::Second);
        assert!(again.certificate(&keys.next.certificate.sn).is_some());
    }
}
