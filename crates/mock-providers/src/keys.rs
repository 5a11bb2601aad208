//! Real keys: RSA pairs, certificates and the plain numbers that both sides of a contract know.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use kernel::{Entropy, Timestamp};
use rcgen::{CertificateParams, DistinguishedName, DnType, SerialNumber};
use ring::{hmac, rand::SystemRandom, signature};
use rsa::{
    Oaep, RsaPrivateKey,
    pkcs1::EncodeRsaPublicKey,
    pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, LineEnding},
    rand_core::{TryCryptoRng, TryRng},
    traits::{PrivateKeyParts, PublicKeyParts},
};
use time::OffsetDateTime;

use crate::alipay::{AlipayKeys, AlipayTexts};

/// Why a key or certificate cannot be made or read. Never carries key material.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("no RSA key could be made: {0}")]
    Generate(String),
    #[error("{0} is no RSA private key in PKCS#8 PEM")]
    PrivateKey(&'static str),
    #[error("no certificate could be made: {0}")]
    Certify(String),
    #[error("{0} is no certificate of the key beside it")]
    Certificate(&'static str),
    #[error("the AES key is not 16 bytes in base64")]
    Aes,
}

/// A stream of chance of its own, drawn from another one once: HMAC-SHA256 of a counter.
struct Branch {
    key: hmac::Key,
    drawn: AtomicU64,
}

impl Branch {
    fn off(entropy: &dyn Entropy) -> Branch {
        let mut seed = [0; 32];
        entropy.fill(&mut seed);
        Branch { key: hmac::Key::new(hmac::HMAC_SHA256, &seed), drawn: AtomicU64::new(0) }
    }
}

impl fmt::Debug for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Branch(***)")
    }
}

impl Entropy for Branch {
    fn fill(&self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(32) {
            let count = self.drawn.fetch_add(1, Ordering::Relaxed);
            let block = hmac::sign(&self.key, &count.to_le_bytes());
            part.copy_from_slice(&block.as_ref()[..part.len()]);
        }
    }
}

/// Lets the key generator draw from the entropy that was handed in.
struct Dice<'a>(&'a dyn Entropy);

impl TryRng for Dice<'_> {
    type Error = std::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.0.u64())
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Dice<'_> {}

const KEY_BITS: usize = 2048;

fn unmade(cause: &dyn fmt::Display) -> KeyError {
    KeyError::Generate(cause.to_string())
}

fn random_key(entropy: &dyn Entropy) -> Result<RsaPrivateKey, KeyError> {
    RsaPrivateKey::new(&mut Dice(entropy), KEY_BITS).map_err(|cause| unmade(&cause))
}

/// The keys that two primes of different keys make.
fn products(keys: &[RsaPrivateKey]) -> impl Iterator<Item = Result<RsaPrivateKey, KeyError>> {
    let others = |first: usize| (first + 1..keys.len()).map(move |second| (first, second));
    let sides = [(0, 0), (0, 1), (1, 0), (1, 1)];
    (0..keys.len()).flat_map(others).flat_map(move |(first, second)| {
        sides.into_iter().map(move |(one, other)| {
            let prime = |key: &RsaPrivateKey, at: usize| {
                let prime = key.primes().get(at).ok_or_else(|| unmade(&"a prime is missing"))?;
                Ok::<_, KeyError>(prime.as_ref().clone())
            };
            let (p, q) = (prime(&keys[first], one)?, prime(&keys[second], other)?);
            let exponent = keys[first].e().clone();
            RsaPrivateKey::from_p_q(p, q, exponent).map_err(|cause| unmade(&cause))
        })
    })
}

/// An RSA-2048 key that signs and checks PKCS#1 v1.5 with SHA-256, the one scheme both use.
pub(crate) struct RsaPair {
    pub private_pem: String,
    pub public_pem: String,
    public_der: Vec<u8>,
    signer: signature::RsaKeyPair,
}

impl fmt::Debug for RsaPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaPair(***)")
    }
}

impl RsaPair {
    /// Opens what was encrypted for this key with OAEP, SHA-1 and no label, as WeChat's sensitive
    /// members are.
    pub fn opens(&self, cipher_base64: &str) -> Option<String> {
        let key = RsaPrivateKey::from_pkcs8_pem(&self.private_pem).ok()?;
        let bytes = BASE64.decode(cipher_base64).ok()?;
        let plain = key.decrypt(Oaep::<sha1::Sha1>::new(), &bytes).ok()?;
        String::from_utf8(plain).ok()
    }

    /// Encrypts for this key's owner; `None` when the text is too long for one block.
    pub fn closes(&self, plain: &str, entropy: &dyn Entropy) -> Option<String> {
        let key = RsaPrivateKey::from_pkcs8_pem(&self.private_pem).ok()?.to_public_key();
        let padding = Oaep::<sha1::Sha1>::new();
        key.encrypt(&mut Dice(entropy), padding, plain.as_bytes()).ok().map(|b| BASE64.encode(b))
    }

    /// So many pairs, in a fraction of the time. Looking for two prime numbers is the whole work of a key,
    /// a tenth of a second, so only as many keys are made as it takes to have primes enough for every pair
    /// of them; the others are products of two that were found already. Whoever holds two such keys can
    /// work out both, which matters to nobody here: all of a mock's keys lie in one folder. Made at the
    /// same time as far as the machine can. The same entropy gives the same pairs, whichever is ready first.
    pub fn several<const COUNT: usize>(
        entropy: &dyn Entropy,
    ) -> Result<[RsaPair; COUNT], KeyError> {
        let enough = |count: usize| count * (2 * count - 1) >= COUNT;
        let count = (1..).find(|count| enough(*count)).unwrap_or(COUNT);
        let branches: Vec<Branch> = (0..count).map(|_| Branch::off(entropy)).collect();
        let found = std::thread::scope(|scope| {
            let threads: Vec<_> =
                branches.iter().map(|branch| scope.spawn(|| random_key(branch))).collect();
            let panicked = |_| Err(KeyError::Generate("it panicked".to_owned()));
            let ended = threads.into_iter().map(|thread| thread.join().unwrap_or_else(panicked));
            ended.collect::<Result<Vec<_>, _>>()
        })?;
        let mut pairs = Vec::with_capacity(COUNT);
        for key in &found {
            pairs.push(RsaPair::new(key).map_err(KeyError::Generate)?);
        }
        for key in products(&found) {
            let key = key?;
            if pairs.len() < COUNT && usize::try_from(key.n().bit_width()) == Ok(KEY_BITS) {
                pairs.push(RsaPair::new(&key).map_err(KeyError::Generate)?);
            }
        }
        pairs.truncate(COUNT);
        pairs.try_into().map_err(|_| KeyError::Generate("some are missing".to_owned()))
    }

    pub fn generate(entropy: &dyn Entropy) -> Result<RsaPair, KeyError> {
        RsaPair::new(&random_key(entropy)?).map_err(KeyError::Generate)
    }

    /// Reads PKCS#8 PEM; `name` says in an error which key it was.
    pub fn from_pem(name: &'static str, pem: &str) -> Result<RsaPair, KeyError> {
        let key = RsaPrivateKey::from_pkcs8_pem(pem).map_err(|_| KeyError::PrivateKey(name))?;
        RsaPair::new(&key).map_err(|_| KeyError::PrivateKey(name))
    }

    fn new(key: &RsaPrivateKey) -> Result<RsaPair, String> {
        let text = |cause: &dyn fmt::Display| cause.to_string();
        let der = key.to_pkcs8_der().map_err(|cause| text(&cause))?;
        let public = key.to_public_key();
        Ok(RsaPair {
            private_pem: key
                .to_pkcs8_pem(LineEnding::LF)
                .map_err(|cause| text(&cause))?
                .to_string(),
            public_pem: public.to_public_key_pem(LineEnding::LF).map_err(|cause| text(&cause))?,
            public_der: public.to_pkcs1_der().map_err(|cause| text(&cause))?.as_bytes().to_vec(),
            signer: signature::RsaKeyPair::from_pkcs8(der.as_bytes())
                .map_err(|cause| text(&cause))?,
        })
    }

    /// The public half as PKCS#1, which is what a certificate carries.
    pub fn public_der(&self) -> &[u8] {
        &self.public_der
    }

    /// The signature in base64.
    ///
    /// # Panics
    /// When the operating system gives no randomness for blinding.
    pub fn sign(&self, text: &[u8]) -> String {
        let mut signature = vec![0; self.signer.public().modulus_len()];
        self.signer
            .sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature)
            .expect("the buffer fits and the system has randomness");
        BASE64.encode(signature)
    }

    /// Whether the base64 text is this key's signature of `text`.
    pub fn verifies(&self, text: &[u8], signature_base64: &str) -> bool {
        let key = signature::UnparsedPublicKey::new(
            &signature::RSA_PKCS1_2048_8192_SHA256,
            &self.public_der,
        );
        BASE64.decode(signature_base64).is_ok_and(|bytes| key.verify(text, &bytes).is_ok())
    }
}

/// A key with a certificate whose serial number is 40 capital hexadecimal digits.
#[derive(Debug)]
pub(crate) struct Certified {
    pub pair: RsaPair,
    pub certificate_pem: String,
    pub serial: String,
    /// Validity, as the certificate list tells it.
    pub valid_from: Timestamp,
    pub valid_until: Timestamp,
}

/// Both platforms issue certificates for five years.
pub(crate) const CERTIFICATE_DAYS: i64 = 5 * 365;
const DAY_SECONDS: i64 = 86_400;

/// From yesterday on, for so many days.
pub(crate) fn limit_validity(params: &mut CertificateParams, now: Timestamp, days: i64) {
    let day = |offset: i64| {
        let seconds = now.unix_seconds().saturating_add(offset.saturating_mul(DAY_SECONDS));
        OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    };
    params.not_before = day(-1);
    params.not_after = day(days);
}

impl Certified {
    pub fn issue(
        pair: RsaPair,
        common_name: &str,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Certified, KeyError> {
        let failed = |cause: rcgen::Error| KeyError::Certify(cause.to_string());
        let mut serial = [0; 20];
        entropy.fill(&mut serial);
        serial[0] = serial[0] & 0x3f | 0x40; // positive and never shorter than 40 digits
        let mut name = DistinguishedName::new();
        name.push(DnType::CountryName, "CN");
        name.push(DnType::OrganizationName, "Mock Tenpay");
        name.push(DnType::OrganizationalUnitName, "Mock CA Center");
        name.push(DnType::CommonName, common_name);
        let mut params = CertificateParams::default();
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.distinguished_name = name;
        limit_validity(&mut params, now, CERTIFICATE_DAYS);
        let signer = rcgen::KeyPair::from_pkcs8_pem_and_sign_algo(
            &pair.private_pem,
            &rcgen::PKCS_RSA_SHA256,
        )
        .map_err(failed)?;
        let certificate = params.self_signed(&signer).map_err(failed)?;
        Certified::from_pem("the new certificate", pair, certificate.pem())
    }

    /// Reads a certificate and checks that it belongs to the key.
    fn from_pem(
        name: &'static str,
        pair: RsaPair,
        certificate_pem: String,
    ) -> Result<Certified, KeyError> {
        let wrong = || KeyError::Certificate(name);
        let (_, pem) =
            x509_parser::pem::parse_x509_pem(certificate_pem.as_bytes()).map_err(|_| wrong())?;
        let certificate = pem.parse_x509().map_err(|_| wrong())?;
        let public: &[u8] = &certificate.public_key().subject_public_key.data;
        if public != pair.public_der.as_slice() {
            return Err(wrong());
        }
        let serial = hex::encode_upper(certificate.raw_serial());
        let validity = certificate.validity();
        let valid_from = Timestamp::from_unix_seconds(validity.not_before.timestamp());
        let valid_until = Timestamp::from_unix_seconds(validity.not_after.timestamp());
        Ok(Certified { pair, serial, valid_from, valid_until, certificate_pem })
    }
}

/// The mini-program whose users pay, at WeChat.
#[derive(Clone, Debug)]
pub(crate) struct WechatApp {
    pub app_id: String,
    pub app_secret: String,
}

/// What WeChat and one merchant know of each other. Platform certificates and public keys are made for
/// each merchant.
#[derive(Debug)]
pub(crate) struct WechatKeys {
    pub mchid: String,
    /// 32 ASCII characters, the AES-256 key of everything that WeChat encrypts for the merchant.
    pub apiv3_key: String,
    pub merchant: Certified,
    pub platform: Certified,
    pub public_key_id: String,
    pub public_key: RsaPair,
}

impl WechatKeys {
    fn issue(
        [merchant, platform, public_key]: [RsaPair; 3],
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<WechatKeys, KeyError> {
        let mchid = format!("19{}", digits(entropy, 8));
        Ok(WechatKeys {
            apiv3_key: entropy.letters(32),
            merchant: Certified::issue(merchant, &mchid, now, entropy)?,
            platform: Certified::issue(platform, PLATFORM_NAME, now, entropy)?,
            public_key_id: format!("PUB_KEY_ID_01{}{}", mchid, digits(entropy, 22)),
            public_key,
            mchid,
        })
    }

    /// One more merchant.
    pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Result<WechatKeys, KeyError> {
        WechatKeys::issue(RsaPair::several(entropy)?, now, entropy)
    }

    fn read(texts: WechatTexts) -> Result<WechatKeys, KeyError> {
        let pair = RsaPair::from_pem;
        let merchant = pair("the merchant key", &texts.merchant_key)?;
        let platform = pair("the platform key", &texts.platform_key)?;
        let certified = Certified::from_pem;
        Ok(WechatKeys {
            mchid: texts.mchid,
            apiv3_key: texts.apiv3_key,
            merchant: certified("the merchant certificate", merchant, texts.merchant_cert)?,
            platform: certified("the platform certificate", platform, texts.platform_cert)?,
            public_key_id: texts.public_key_id,
            public_key: pair("the WeChat Pay public key", &texts.public_key_private)?,
        })
    }
}

/// Whom platform certificates are of.
pub(crate) const PLATFORM_NAME: &str = "Mock Tenpay.com sign";

/// What the agency and the institution that collects for it know of each other.
#[derive(Clone)]
pub struct AgencyKeys {
    pub institution: String,
    /// The shared HMAC key, text.
    pub secret: String,
}

impl fmt::Debug for AgencyKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgencyKeys({}, ***)", self.institution)
    }
}

/// All keys of one mock.
#[derive(Debug)]
pub(crate) struct Keys {
    pub app: WechatApp,
    /// The first is everybody's; others are there when somebody asked for them.
    pub merchants: Vec<WechatKeys>,
    pub alipay: AlipayKeys,
    pub agency: AgencyKeys,
}

/// The texts from which [`WechatKeys`] are read back, as a folder keeps them.
pub(crate) struct WechatTexts {
    pub mchid: String,
    pub apiv3_key: String,
    pub merchant_key: String,
    pub merchant_cert: String,
    pub platform_key: String,
    pub platform_cert: String,
    pub public_key_id: String,
    pub public_key_private: String,
}

/// The texts from which [`Keys`] are read back.
pub(crate) struct KeyTexts {
    pub app: WechatApp,
    pub merchants: Vec<WechatTexts>,
    pub alipay: AlipayTexts,
    pub agency: AgencyKeys,
}

pub(crate) fn digits(entropy: &dyn Entropy, count: usize) -> String {
    let mut bytes = vec![0; count];
    entropy.fill(&mut bytes);
    bytes.iter().map(|byte| char::from(b'0' + byte % 10)).collect()
}

impl Keys {
    /// Nine RSA keys, of which three are looked for, and their certificates: a third of a second in a
    /// debug build.
    pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Result<Keys, KeyError> {
        let [merchant, platform, public_key, app, present, next, root, issuer, second_app] =
            RsaPair::several(entropy)?;
        Ok(Keys {
            app: WechatApp { app_id: format!("wx{}", entropy.hex(8)), app_secret: entropy.hex(16) },
            merchants: vec![WechatKeys::issue([merchant, platform, public_key], now, entropy)?],
            alipay: AlipayKeys::issue(
                [app, second_app, present, next, root, issuer],
                now,
                entropy,
            )?,
            agency: AgencyKeys {
                institution: "city-services".to_owned(),
                secret: entropy.letters(48),
            },
        })
    }

    pub fn read(texts: KeyTexts) -> Result<Keys, KeyError> {
        let merchants = texts.merchants.into_iter().map(WechatKeys::read);
        Ok(Keys {
            app: texts.app,
            merchants: merchants.collect::<Result<_, _>>()?,
            alipay: AlipayKeys::read(texts.alipay)?,
            agency: texts.agency,
        })
    }
}

#[cfg(test)]
mod tests {
    use kernel::SeededEntropy;

    use super::*;

    #[test]
    fn certificates_have_serials_of_forty_digits_and_public_key_ids_thirty_four() {
        let now = Timestamp::from_unix_seconds(1_767_225_600);
        let keys = Keys::generate(now, &SeededEntropy::new(1)).unwrap();
        let wechat = &keys.merchants[0];
        for certified in [&wechat.merchant, &wechat.platform] {
            assert_eq!(certified.serial.len(), 40);
            assert!(certified.serial.bytes().all(|b| b"0123456789ABCDEF".contains(&b)));
            assert!(certified.valid_from < now && now < certified.valid_until);
        }
        assert_ne!(wechat.merchant.serial, wechat.platform.serial);
        let number = wechat.public_key_id.strip_prefix("PUB_KEY_ID_").unwrap();
        assert_eq!(number.len(), 34);
        assert_eq!(wechat.apiv3_key.len(), 32);
    }

    #[test]
    fn keys_that_share_a_prime_are_keys_of_their_own() {
        let pairs: [RsaPair; 8] = RsaPair::several(&SeededEntropy::new(3)).unwrap();
        let again: [RsaPair; 8] = RsaPair::several(&SeededEntropy::new(3)).unwrap();
        for (at, pair) in pairs.iter().enumerate() {
            let signature = pair.sign(b"text");
            for (other, key) in pairs.iter().enumerate() {
                assert_eq!(key.verifies(b"text", &signature), at == other, "{at} {other}");
            }
            assert_eq!(pair.private_pem, again[at].private_pem);
            assert_eq!(pair.signer.public().modulus_len(), 256);
        }
    }

    #[test]
    fn a_signature_fits_only_its_text_and_its_key() {
        let entropy = SeededEntropy::new(2);
        let (ours, other) =
            (RsaPair::generate(&entropy).unwrap(), RsaPair::generate(&entropy).unwrap());
        let signature = ours.sign(b"text");
        assert!(ours.verifies(b"text", &signature));
        assert!(!ours.verifies(b"Text", &signature));
        assert!(!other.verifies(b"text", &signature));
        assert!(!ours.verifies(b"text", "WECHATPAY/SIGNTEST/abc"));
        let sealed = ours.closes("社保", &entropy).unwrap();
        assert_eq!(ours.opens(&sealed).as_deref(), Some("社保"));
        assert_eq!(other.opens(&sealed), None);
        assert!(ours.closes(&"x".repeat(214), &entropy).is_some());
        assert!(ours.closes(&"x".repeat(215), &entropy).is_none());
        let again = RsaPair::from_pem("key", &ours.private_pem).unwrap();
        assert!(again.verifies(b"text", &signature));
    }
}
