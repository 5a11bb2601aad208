//! RSA with SHA-256 (PKCS#1 v1.5), the one algorithm that both platforms speak to this service.
//!
//! Keys come as text in every form that the platforms' consoles and tools hand out: PEM or bare
//! base64 of PKCS#1 or PKCS#8 for private keys, PEM or bare base64 of a SubjectPublicKeyInfo for
//! public keys. Deliberately absent: SHA-1 (a message must not choose a weaker algorithm),
//! encrypted key files and elliptic curves.

use std::convert::Infallible;

use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::{Entropy, Secret};
use ring::{
    rand::SystemRandom,
    signature::{
        KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
    },
};
use rsa::{
    Oaep, RsaPrivateKey, RsaPublicKey,
    pkcs1::{DecodeRsaPrivateKey, DecodeRsaPublicKey},
    pkcs8::DecodePrivateKey,
    rand_core::{TryCryptoRng, TryRng},
};
use x509_parser::{prelude::FromDer, public_key::PublicKey, x509::SubjectPublicKeyInfo};

use crate::{ChannelError, SetupError};

/// A signature that does not fit, or is none. The reasons are not told apart on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadSignature;

/// Our private key refused to sign; the set-up check makes this next to impossible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CannotSign;

impl From<CannotSign> for ChannelError {
    fn from(CannotSign: CannotSign) -> ChannelError {
        ChannelError::Misconfigured("our private key cannot sign".into())
    }
}

/// Our private key.
pub(crate) struct SigningKey {
    pair: RsaKeyPair,
    /// For [`SigningKey::open`], which ring does not offer.
    der: Vec<u8>,
    // Signatures of this scheme are deterministic; ring uses the randomness for blinding only.
    random: SystemRandom,
}

impl SigningKey {
    /// Reads a key and proves that it signs what its public half accepts.
    pub(crate) fn read(setting: &str, text: &Secret) -> Result<SigningKey, SetupError> {
        let not_a_key = "not an RSA key in PEM (PKCS#1 or PKCS#8) or bare base64 of one";
        if text.expose().contains("ENCRYPTED") {
            return Err(SetupError::new(setting, "the key is encrypted; a plain one is needed"));
        }
        if text.expose().contains("CERTIFICATE-----") {
            let problem = match setting {
                crate::alipay::APP_KEY => {
                    "this is a certificate; the application's private key (应用私钥) is in the file that \
                     the key tool made with the request for it"
                }
                _ => {
                    "this is a certificate; its private key is in another file \
                     (apiclient_key.pem beside apiclient_cert.pem)"
                }
            };
            return Err(SetupError::new(setting, problem));
        }
        if text.expose().contains("PUBLIC KEY-----") {
            return Err(SetupError::new(
                setting,
                "this is a public key; the private one is needed",
            ));
        }
        let der = der(text.expose()).ok_or_else(|| SetupError::new(setting, not_a_key))?;
        let pair = RsaKeyPair::from_pkcs8(&der).or_else(|_| RsaKeyPair::from_der(&der));
        let pair = pair.map_err(|rejected| {
            let problem = match rejected.to_string().as_str() {
                "TooSmall" => "the RSA key is shorter than 2048 bits",
                "TooLarge" => "the RSA key is longer than 4096 bits",
                "InconsistentComponents" => "the parts of the RSA key do not fit each other",
                _ => not_a_key,
            };
            SetupError::new(setting, problem)
        })?;
        let key = SigningKey { pair, der, random: SystemRandom::new() };
        let proof = key.sign(b"self check").map_err(|CannotSign| "the RSA key cannot sign");
        let proof = proof.and_then(|signature| {
            let verdict = key.public_key().verify(b"self check", &signature);
            verdict.map_err(|BadSignature| "the parts of the RSA key do not fit each other")
        });
        proof.map_err(|problem| SetupError::new(setting, problem))?;
        Ok(key)
    }

    /// The signature of `text` in base64.
    pub(crate) fn sign(&self, text: &[u8]) -> Result<String, CannotSign> {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &self.random, text, &mut signature)
            .map_err(|_| CannotSign)?;
        Ok(STANDARD.encode(signature))
    }

    /// Opens what was encrypted for us with OAEP, SHA-1 and no label. Not for anything that a stranger
    /// may send: how long it takes may tell something about the key (RUSTSEC-2023-0071), so what is
    /// opened has a verified signature, and is asked for by an operator.
    pub(crate) fn open(&self, sealed: &str) -> Option<String> {
        let key = RsaPrivateKey::from_pkcs8_der(&self.der);
        let key = key.or_else(|_| RsaPrivateKey::from_pkcs1_der(&self.der)).ok()?;
        let bytes = STANDARD.decode(sealed).ok()?;
        let plain = key.decrypt(Oaep::<sha1::Sha1>::new(), &bytes).ok()?;
        String::from_utf8(plain).ok()
    }

    pub(crate) fn public_key(&self) -> VerifyingKey {
        VerifyingKey(self.pair.public_key().as_ref().to_vec())
    }
}

/// A public key in the encoding that ring reads (PKCS#1 RSAPublicKey).
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct VerifyingKey(Vec<u8>);

impl VerifyingKey {
    /// Reads PEM or bare base64.
    pub(crate) fn read(setting: &str, text: &str) -> Result<VerifyingKey, SetupError> {
        let not_a_key =
            || SetupError::new(setting, "not an RSA public key in PEM (PUBLIC KEY) or bare base64");
        if text.contains("PRIVATE KEY") {
            return Err(SetupError::new(setting, "this is a private key"));
        }
        if text.contains("CERTIFICATE-----") {
            let problem = "this is a certificate; the setting for certificates takes it";
            return Err(SetupError::new(setting, problem));
        }
        let der = der(text).ok_or_else(not_a_key)?;
        let (rest, info) = SubjectPublicKeyInfo::from_der(&der).map_err(|_| not_a_key())?;
        if !rest.is_empty() {
            return Err(not_a_key());
        }
        VerifyingKey::from_info(setting, &info)
    }

    pub(crate) fn from_info(
        setting: &str,
        info: &SubjectPublicKeyInfo<'_>,
    ) -> Result<VerifyingKey, SetupError> {
        match info.parsed() {
            Ok(PublicKey::RSA(key)) if (2048..=8192).contains(&key.key_size()) => {
                Ok(VerifyingKey(info.subject_public_key.data.to_vec()))
            }
            Ok(PublicKey::RSA(_)) => {
                Err(SetupError::new(setting, "the RSA key must have 2048 to 8192 bits"))
            }
            _ => Err(SetupError::new(setting, "not an RSA public key")),
        }
    }

    /// Encrypts for the owner with OAEP, SHA-1 and no label, as WeChat's sensitive members are.
    /// `None` when the text does not fit into one block (214 bytes under a key of 2048 bits).
    pub(crate) fn seal(&self, plain: &str, entropy: &dyn Entropy) -> Option<String> {
        let key = RsaPublicKey::from_pkcs1_der(&self.0).ok()?;
        let padding = Oaep::<sha1::Sha1>::new();
        key.encrypt(&mut Chance(entropy), padding, plain.as_bytes())
            .ok()
            .map(|b| STANDARD.encode(b))
    }

    /// Checks a signature given in base64. Text that is not base64 is a wrong signature like any
    /// other: WeChat's probes look like that.
    pub(crate) fn verify(&self, text: &[u8], signature: &str) -> Result<(), BadSignature> {
        let signature = STANDARD.decode(signature).map_err(|_| BadSignature)?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.0)
            .verify(text, &signature)
            .map_err(|_| BadSignature)
    }
}

/// Lets the padding draw from the entropy that was handed in.
struct Chance<'a>(&'a dyn Entropy);

impl TryRng for Chance<'_> {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.u64())
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Chance<'_> {}

/// The bytes of the first PEM section, or of a text that is base64 throughout.
fn der(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_start_matches('\u{feff}');
    let inner = match text.split_once("-----BEGIN ") {
        Some((_, section)) => section.split_once("-----")?.1.split_once("-----END ")?.0,
        None => text,
    };
    let inner: String = inner.split_whitespace().collect();
    (!inner.is_empty()).then_some(inner).and_then(|inner| STANDARD.decode(inner).ok())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::testing::{TestKey, bare};

    #[rstest]
    #[case::pkcs8(TestKey::merchant().pkcs8_pem())]
    #[case::pkcs1(TestKey::merchant().pkcs1_pem())]
    #[case::pkcs8_bare(bare(&TestKey::merchant().pkcs8_pem()))]
    #[case::pkcs1_bare(bare(&TestKey::merchant().pkcs1_pem()))]
    #[case::windows(format!("\u{feff}{}", TestKey::merchant().pkcs8_pem().replace('\n', "\r\n")))]
    fn a_private_key_is_read_in_every_form(#[case] text: String) {
        let key = SigningKey::read("key", &Secret::new(text)).expect("a key");
        let signature = key.sign("社保缴费".as_bytes()).expect("a signature");
        let public = VerifyingKey::read("key", &TestKey::merchant().public_pem()).expect("a key");
        assert_eq!(public.verify("社保缴费".as_bytes(), &signature), Ok(()));
        assert!(public == key.public_key());
        assert_eq!(public.verify("社保缴贵".as_bytes(), &signature), Err(BadSignature));
    }

    #[test]
    fn what_is_sealed_opens_with_the_private_key_only() {
        let key = VerifyingKey::read("key", &TestKey::platform().public_pem()).expect("a key");
        let entropy = kernel::SeededEntropy::new(1);
        let sealed = key.seal("张三", &entropy).expect("sealed");
        assert_ne!(key.seal("张三", &entropy), Some(sealed.clone()), "never twice the same");
        assert_eq!(TestKey::platform().opens(&sealed).as_deref(), Some("张三"));
        assert_eq!(TestKey::stranger().opens(&sealed), None);
        for form in [TestKey::platform().pkcs8_pem(), TestKey::platform().pkcs1_pem()] {
            let own = SigningKey::read("key", &Secret::new(form)).expect("a key");
            assert_eq!(own.open(&sealed).as_deref(), Some("张三"));
            assert_eq!(own.open("not base64"), None);
        }
        let other = Secret::new(TestKey::stranger().pkcs8_pem());
        assert_eq!(SigningKey::read("key", &other).expect("a key").open(&sealed), None);
        assert!(key.seal(&"x".repeat(214), &entropy).is_some());
        assert!(key.seal(&"x".repeat(215), &entropy).is_none());
    }

    #[rstest]
    #[case::empty("")]
    #[case::words("not a key")]
    #[case::truncated("-----BEGIN PRIVATE KEY-----\nMIIE")]
    #[case::public(&TestKey::merchant().public_pem())]
    #[case::encrypted(
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIE\n-----END ENCRYPTED PRIVATE KEY-----"
    )]
    fn what_is_no_private_key_is_named_and_not_shown(#[case] text: &str) {
        let error = SigningKey::read("merchant private key", &Secret::new(text)).err();
        let error = error.expect("no key").to_string();
        assert!(error.starts_with("merchant private key: "), "{error}");
        assert!(!error.contains("MII"), "{error}");
    }

    #[rstest]
    #[case::private(&TestKey::merchant().pkcs8_pem())]
    #[case::certificate(&TestKey::platform().certificate_pem())]
    #[case::words("not a key")]
    fn what_is_no_public_key_is_refused(#[case] text: &str) {
        assert!(VerifyingKey::read("Alipay public key", text).is_err());
    }

    #[rstest]
    #[case("")]
    #[case("WECHATPAY/SIGNTEST/abcdefgh")]
    #[case("AAAA")]
    #[case("社保")]
    fn what_is_no_signature_is_a_wrong_one(#[case] signature: &str) {
        let key = VerifyingKey::read("key", &TestKey::platform().public_pem()).expect("a key");
        assert_eq!(key.verify(b"text", signature), Err(BadSignature));
    }
}
