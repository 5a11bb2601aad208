//! The keys that Alipay signs with. In key mode messages do not name a key, so every known one is
//! tried; two are known while Alipay's key is being replaced. In certificate mode the certificate is
//! named, and only that one proves. Both live side by side, because an application that changes its
//! mode gets both kinds of answers for a week.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock},
};

use kernel::Timestamp;

use super::{
    AlipayCertificates,
    certificate::{self, Certificate, Roots, Serial},
};
use crate::{
    SetupError,
    rsa::{BadSignature, VerifyingKey},
};

/// More keys than this are a mistake, and each costs a forger's message one more check.
const KEYS_MAX: usize = 8;

/// Why a signature proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unproven {
    Signature,
    /// The message names a certificate that we do not hold.
    Certificate(Serial),
}

impl From<BadSignature> for Unproven {
    fn from(BadSignature: BadSignature) -> Unproven {
        Unproven::Signature
    }
}

pub(super) struct AlipayKeys {
    keys: Vec<VerifyingKey>,
    certified: Option<Certified>,
}

/// What certificate mode adds.
struct Certified {
    application: Serial,
    root_serial: String,
    known: RwLock<Known>,
}

struct Known {
    roots: Roots,
    by_serial: BTreeMap<Serial, Certificate>,
}

impl AlipayKeys {
    /// Reads keys and certificates. `own` is the application's public key: given in place of
    /// Alipay's it would make every check fail, long after the start.
    pub(super) fn read(
        texts: &[String],
        certificates: Option<&AlipayCertificates>,
        own: &VerifyingKey,
    ) -> Result<AlipayKeys, SetupError> {
        let mut keys = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let setting = format!("Alipay public key {}", index + 1);
            let key = VerifyingKey::read(&setting, text)?;
            foreign(&setting, &key, own)?;
            keys.push(key);
        }
        if KEYS_MAX < keys.len() {
            return Err(SetupError::new("Alipay public keys", "at most 8 can be given"));
        }
        let certified = certificates.map(|texts| Certified::read(texts, own)).transpose()?;
        if keys.is_empty() && certified.is_none() {
            return Err(SetupError::new("Alipay public keys", "none is given"));
        }
        Ok(AlipayKeys { keys, certified })
    }

    /// One public key, of nobody's in particular.
    pub(super) fn of_one(text: &str) -> Result<AlipayKeys, SetupError> {
        let keys = vec![VerifyingKey::read("public key", text)?];
        Ok(AlipayKeys { keys, certified: None })
    }

    /// `app_cert_sn` and `alipay_root_cert_sn`, in certificate mode.
    pub(super) fn request_serials(&self) -> Option<(String, &str)> {
        let certified = self.certified.as_ref()?;
        Some((certified.application.to_string(), &certified.root_serial))
    }

    /// An answer: the certificate that it names, or one of the public keys when it names none. In
    /// certificate mode an answer without a name therefore proves nothing.
    pub(super) fn verify(
        &self,
        text: &[u8],
        signature: &str,
        serial: Option<Serial>,
        now: Timestamp,
    ) -> Result<(), Unproven> {
        let Some(serial) = serial else { return self.verify_with_keys(text, signature) };
        match &self.certified {
            Some(certified) => certified.verify(text, signature, serial, now),
            // In key mode a name says nothing to us.
            None => self.verify_with_keys(text, signature),
        }
    }

    /// A notification: whether one names its certificate is not settled, and a renewed certificate
    /// usually keeps its key. So a known name decides alone, and otherwise every key is tried.
    pub(super) fn verify_notification(
        &self,
        text: &[u8],
        signature: &str,
        serial: Option<Serial>,
        now: Timestamp,
    ) -> Result<(), Unproven> {
        let Some(certified) = &self.certified else {
            return self.verify_with_keys(text, signature);
        };
        let named = serial.map(|serial| certified.verify(text, signature, serial, now));
        match named {
            Some(Ok(())) => return Ok(()),
            Some(Err(Unproven::Signature)) => return Err(Unproven::Signature),
            Some(Err(Unproven::Certificate(_))) | None => {}
        }
        if self.verify_with_keys(text, signature).is_ok()
            || certified.verify_with_any(text, signature, now)
        {
            return Ok(());
        }
        Err(serial.map_or(Unproven::Signature, Unproven::Certificate))
    }

    fn verify_with_keys(&self, text: &[u8], signature: &str) -> Result<(), Unproven> {
        let fits = self.keys.iter().any(|key| key.verify(text, signature).is_ok());
        if fits { Ok(()) } else { Err(Unproven::Signature) }
    }

    /// Takes a downloaded certificate in, when it is the one that was asked for and leads to a root.
    pub(super) fn admit(
        &self,
        serial: Serial,
        text: &str,
        now: Timestamp,
    ) -> Result<(), SetupError> {
        let setting = "downloaded Alipay certificate";
        let certified = self.certified.as_ref();
        let certified =
            certified.ok_or_else(|| SetupError::new(setting, "the account uses public keys"))?;
        let mut known = certified.known.write().unwrap_or_else(PoisonError::into_inner);
        let mut roots = known.roots.clone();
        let certificate = roots.admit(setting, text, None, Some(now))?;
        if certificate.serial != serial {
            return Err(SetupError::new(setting, "is another one than was asked for"));
        }
        // Nothing in the set proves longer than it is valid, so what has ended can go.
        known.by_serial.retain(|_, certificate| certificate.is_valid_at(now));
        if KEYS_MAX <= known.by_serial.len() {
            return Err(SetupError::new(setting, "too many certificates are valid at once"));
        }
        known.roots = roots;
        known.by_serial.insert(serial, certificate);
        Ok(())
    }
}

/// Everything that is wrong with the three files of certificate mode, each file by itself.
pub(super) fn certificate_problems(
    texts: &AlipayCertificates,
    own: &VerifyingKey,
) -> Vec<SetupError> {
    let mut problems = Vec::new();
    let mut note = |result: Result<(), SetupError>| problems.extend(result.err());
    let mut roots = Roots::read(&texts.roots);
    for (index, text) in texts.alipay.iter().enumerate() {
        let setting = alipay_certificate(index);
        note(match &mut roots {
            Ok(roots) => roots.admit(&setting, text, Some(own), None).map(drop),
            Err(_) => certificate::looks_like_alipays(&setting, text, Some(own)),
        });
    }
    note(roots.map(drop));
    note(certificate::application(&texts.application, own, &texts.alipay).map(drop));
    if texts.alipay.is_empty() {
        note(Err(SetupError::new("Alipay certificates", "none is given")));
    }
    problems
}

impl Certified {
    fn read(texts: &AlipayCertificates, own: &VerifyingKey) -> Result<Certified, SetupError> {
        let mut roots = Roots::read(&texts.roots)?;
        let mut by_serial = BTreeMap::new();
        for (index, text) in texts.alipay.iter().enumerate() {
            let setting = alipay_certificate(index);
            let certificate = roots.admit(&setting, text, Some(own), None)?;
            by_serial.insert(certificate.serial, certificate);
        }
        match by_serial.len() {
            0 => return Err(SetupError::new("Alipay certificates", "none is given")),
            1..=KEYS_MAX => {}
            _ => return Err(SetupError::new("Alipay certificates", "at most 8 can be given")),
        }
        Ok(Certified {
            application: certificate::application(&texts.application, own, &texts.alipay)?,
            root_serial: roots.serial().to_owned(),
            known: RwLock::new(Known { roots, by_serial }),
        })
    }

    fn verify(
        &self,
        text: &[u8],
        signature: &str,
        serial: Serial,
        now: Timestamp,
    ) -> Result<(), Unproven> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let certificate = known.by_serial.get(&serial).ok_or(Unproven::Certificate(serial))?;
        Ok(certificate::proves(certificate, now, text, signature)?)
    }

    fn verify_with_any(&self, text: &[u8], signature: &str, now: Timestamp) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let proves = |known: &Certificate| certificate::proves(known, now, text, signature).is_ok();
        known.by_serial.values().any(proves)
    }
}

pub(super) fn alipay_certificate(index: usize) -> String {
    format!("Alipay certificate {}", index + 1)
}

fn foreign(setting: &str, key: &VerifyingKey, own: &VerifyingKey) -> Result<(), SetupError> {
    if key != own {
        return Ok(());
    }
    let problem = "this is the application's own public key (应用公钥); \
                   Alipay's (支付宝公钥) is needed";
    Err(SetupError::new(setting, problem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Authority, TestKey, bare};

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_767_225_600);

    fn own() -> VerifyingKey {
        VerifyingKey::read("own", &TestKey::merchant().public_pem()).expect("a key")
    }

    fn read(texts: &[String]) -> Result<AlipayKeys, SetupError> {
        AlipayKeys::read(texts, None, &own())
    }

    #[test]
    fn any_known_key_proves() {
        let (old, new) = (TestKey::stranger(), TestKey::platform());
        let keys = read(&[old.public_pem(), bare(&new.public_pem())]).expect("keys");
        let verify = |key: &TestKey| keys.verify(b"text", &key.sign(b"text"), None, NOW);
        assert_eq!(verify(old), Ok(()));
        assert_eq!(verify(new), Ok(()));
        assert_eq!(verify(TestKey::merchant()), Err(Unproven::Signature));
    }

    #[test]
    fn the_applications_own_key_is_recognised() {
        let error = read(&[TestKey::platform().public_pem(), TestKey::merchant().public_pem()]);
        let error = error.err().expect("a refusal").to_string();
        assert!(error.starts_with("Alipay public key 2: this is the application's own"), "{error}");
        assert!(read(&[]).is_err());
        assert!(read(&vec![TestKey::platform().public_pem(); 9]).is_err());
    }

    fn serial_of(authority: &Authority, leaf: &str) -> Serial {
        let mut roots = Roots::read(&authority.root_pem()).expect("roots");
        let chain = format!("{leaf}\n{}", authority.issuer_pem());
        roots.admit("leaf", &chain, None, None).expect("admitted").serial
    }

    #[test]
    fn only_the_named_certificate_proves_an_answer() {
        let authority = Authority::new("Root");
        let first = authority.issue(TestKey::platform(), 2025, 2030);
        let second = authority.issue(TestKey::stranger(), 2025, 2030);
        let (one, two) = (serial_of(&authority, &first), serial_of(&authority, &second));
        let texts = AlipayCertificates {
            application: TestKey::merchant().certificate_pem(),
            alipay: vec![format!("{first}\n{}", authority.issuer_pem())],
            roots: authority.root_pem(),
        };
        let keys = AlipayKeys::read(&[], Some(&texts), &own()).expect("keys");
        let by_platform = TestKey::platform().sign(b"text");
        let by_stranger = TestKey::stranger().sign(b"text");
        assert_eq!(keys.verify(b"text", &by_platform, Some(one), NOW), Ok(()));
        assert_eq!(keys.verify(b"text", &by_platform, None, NOW), Err(Unproven::Signature));
        assert_eq!(
            keys.verify(b"text", &by_stranger, Some(two), NOW),
            Err(Unproven::Certificate(two))
        );
        assert_eq!(keys.verify_notification(b"text", &by_platform, None, NOW), Ok(()));
        assert_eq!(keys.verify_notification(b"text", &by_platform, Some(two), NOW), Ok(()));
        assert_eq!(
            keys.verify_notification(b"text", &by_stranger, Some(two), NOW),
            Err(Unproven::Certificate(two))
        );
        assert_eq!(
            keys.verify_notification(b"text", &by_stranger, Some(one), NOW),
            Err(Unproven::Signature)
        );
        assert!(keys.admit(one, &second, NOW).is_err(), "another one was asked for");
        assert_eq!(keys.admit(two, &second, NOW), Ok(()));
        assert_eq!(keys.verify(b"text", &by_stranger, Some(two), NOW), Ok(()));
        assert_eq!(
            keys.verify(b"text", &by_stranger, Some(one), NOW),
            Err(Unproven::Signature),
            "never another key than the named one"
        );
    }
}
