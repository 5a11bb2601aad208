//! The keys that WeChat Pay signs with, by serial. Certificates and public keys live side by side:
//! while a merchant moves from one to the other, both kinds of serial arrive in any order, so
//! there is no mode. What configuration gives stays; what was downloaded is added and, once ended,
//! leaves.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use kernel::Timestamp;
use x509_parser::pem::Pem;

use crate::{SetupError, rsa::VerifyingKey};

const PUBLIC_KEY_ID_PREFIX: &str = "PUB_KEY_ID_";

/// How long before its own beginning a certificate is believed, for clocks that differ a little.
const EARLY: Duration = Duration::from_secs(300);

/// WeChat lists one certificate, two while it rotates. More would be a mistake of theirs.
const DOWNLOADED_MAX: usize = 32;

pub(super) struct PlatformKeys {
    configured: BTreeMap<String, PlatformKey>,
    downloaded: RwLock<BTreeMap<String, PlatformKey>>,
    public_key_id: Option<String>,
    own: VerifyingKey,
}

#[derive(Clone)]
pub(super) struct PlatformKey {
    key: Arc<VerifyingKey>,
    /// Beginning and end of a certificate; a public key has none.
    validity: Option<(Timestamp, Timestamp)>,
}

impl PlatformKey {
    /// The key, when its certificate is valid at `now`.
    fn at(&self, now: Timestamp) -> Option<Arc<VerifyingKey>> {
        let valid =
            self.validity.is_none_or(|(from, until)| from <= now.plus(EARLY) && now <= until);
        valid.then(|| Arc::clone(&self.key))
    }

    /// The latest beginning is the certificate to encrypt with.
    pub(super) fn begins(&self) -> Option<Timestamp> {
        self.validity.map(|(from, _)| from)
    }
}

impl PlatformKeys {
    /// Reads certificates and public keys. `own` is the merchant's key, which must not be among
    /// them: the merchant's certificate in place of the platform's is a usual mistake. None at all
    /// is a merchant whose certificates are downloaded before its first call.
    pub(super) fn read(
        certificates: &[String],
        public_keys: &[(String, String)],
        own: VerifyingKey,
    ) -> Result<PlatformKeys, SetupError> {
        let mut configured = BTreeMap::new();
        let mut insert = |setting: &str, serial: String, key: PlatformKey| {
            if *key.key == own {
                let problem = "this is the merchant's own key; WeChat Pay's is needed";
                return Err(SetupError::new(setting, problem));
            }
            match configured.insert(serial, key) {
                None => Ok(()),
                Some(_) => Err(SetupError::new(setting, "given twice")),
            }
        };
        for (index, text) in certificates.iter().enumerate() {
            let setting = certificate_setting(index);
            for (serial, key) in read_certificates(&setting, text)? {
                insert(&setting, serial, key)?;
            }
        }
        for (id, text) in public_keys {
            let setting = PUBLIC_KEY;
            let rest = id.strip_prefix(PUBLIC_KEY_ID_PREFIX);
            if !rest.is_some_and(|rest| {
                (1..=64).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric())
            }) {
                return Err(SetupError::new("public_key_id", "must begin with PUB_KEY_ID_"));
            }
            let key = Arc::new(VerifyingKey::read(setting, text)?);
            insert(setting, id.clone(), PlatformKey { key, validity: None })?;
        }
        let public_key_id = public_keys.first().map(|(id, _)| id.clone());
        Ok(PlatformKeys { configured, downloaded: RwLock::default(), public_key_id, own })
    }

    /// The key of exactly this serial, unless its certificate has ended. Never another one.
    pub(super) fn by_serial(&self, serial: &str, now: Timestamp) -> Option<Arc<VerifyingKey>> {
        if !is_certificate_serial(serial) {
            return self.configured.get(serial)?.at(now);
        }
        let serial = canonical(serial);
        let found = self.configured.get(&serial).and_then(|key| key.at(now));
        found.or_else(|| {
            let downloaded = self.downloaded.read().unwrap_or_else(PoisonError::into_inner);
            downloaded.get(&serial)?.at(now)
        })
    }

    /// Whether any key could verify an answer now.
    pub(super) fn is_empty(&self, now: Timestamp) -> bool {
        let downloaded = self.downloaded.read().unwrap_or_else(PoisonError::into_inner);
        !self.configured.values().chain(downloaded.values()).any(|key| key.at(now).is_some())
    }

    /// Adds what was downloaded. Earlier ones stay until they end: during a rotation both serials
    /// appear, in any order.
    pub(super) fn add(&self, fresh: Vec<(String, PlatformKey)>, now: Timestamp) {
        let mut downloaded = self.downloaded.write().unwrap_or_else(PoisonError::into_inner);
        downloaded.retain(|_, key| key.validity.is_some_and(|(_, until)| now <= until));
        let fresh = fresh.into_iter().filter(|(_, key)| *key.key != self.own);
        for (serial, key) in fresh {
            if downloaded.len() < DOWNLOADED_MAX {
                downloaded.insert(serial, key);
            }
        }
    }

    /// These keys and the listed ones, for judging the list itself.
    pub(super) fn joined_with(
        &self,
        list: &[(String, PlatformKey)],
        now: Timestamp,
    ) -> PlatformKeys {
        let downloaded = self.downloaded.read().unwrap_or_else(PoisonError::into_inner).clone();
        let joined = PlatformKeys {
            configured: self.configured.clone(),
            downloaded: RwLock::new(downloaded),
            public_key_id: None,
            own: self.own.clone(),
        };
        joined.add(list.to_vec(), now);
        joined
    }

    /// The public key with which WeChat is asked to sign its answers.
    pub(super) fn public_key_id(&self) -> Option<&str> {
        self.public_key_id.as_deref()
    }

    /// What a request's sensitive members are encrypted with, and the serial that names it: the
    /// public key when there is one, otherwise the youngest valid certificate.
    pub(super) fn for_encryption(&self, now: Timestamp) -> Option<(String, Arc<VerifyingKey>)> {
        if let Some(id) = &self.public_key_id {
            return Some((id.clone(), self.by_serial(id, now)?));
        }
        let downloaded = self.downloaded.read().unwrap_or_else(PoisonError::into_inner);
        let all = self.configured.iter().chain(downloaded.iter());
        let valid = all.filter_map(|(serial, key)| Some((key.begins()?, serial, key.at(now)?)));
        let (_, serial, key) = valid.max_by_key(|(begins, ..)| *begins)?;
        // Canonical serials have lost their leading zeros; WeChat's have forty digits.
        Some((format!("{serial:0>40}"), key))
    }
}

/// Whether a serial is a certificate's. A public key's id is exact text.
pub(super) fn is_certificate_serial(serial: &str) -> bool {
    (1..=64).contains(&serial.len()) && serial.bytes().all(|b| b.is_ascii_hexdigit())
}

pub(super) fn read_certificates(
    setting: &str,
    text: &str,
) -> Result<Vec<(String, PlatformKey)>, SetupError> {
    let not_a_certificate = || SetupError::new(setting, "not an X.509 certificate in PEM");
    if text.contains("PUBLIC KEY-----") {
        let problem = "this is a public key, not a certificate: give it with its PUB_KEY_ID";
        return Err(SetupError::new(setting, problem));
    }
    if text.contains("PRIVATE KEY-----") {
        return Err(SetupError::new(setting, "this is a private key, not a certificate"));
    }
    let mut found = Vec::new();
    for section in Pem::iter_from_buffer(text.trim_start_matches('\u{feff}').as_bytes()) {
        let section = section.map_err(|_| not_a_certificate())?;
        let certificate = section.parse_x509().map_err(|_| not_a_certificate())?;
        let key = Arc::new(VerifyingKey::from_info(setting, certificate.public_key())?);
        let validity = certificate.validity();
        let instant = |seconds: i64| Timestamp::from_unix_seconds(seconds);
        let from = instant(validity.not_before.timestamp());
        let until = instant(validity.not_after.timestamp());
        let serial = canonical(&hex::encode(certificate.raw_serial()));
        found.push((serial, PlatformKey { key, validity: Some((from, until)) }));
    }
    if found.is_empty() { Err(not_a_certificate()) } else { Ok(found) }
}

/// Upper case without leading zeros, so that DER's sign byte and other tools' padding do not
/// matter.
pub(super) fn canonical(serial: &str) -> String {
    serial.trim_start_matches('0').to_ascii_uppercase()
}

pub(super) const PUBLIC_KEY: &str = "WeChat Pay public key";
pub(super) const MERCHANT_CERTIFICATE: &str = "merchant certificate";

pub(super) fn certificate_setting(index: usize) -> String {
    format!("platform certificate {}", index + 1)
}

/// Whether the merchant's certificate is of `own` key and has the `serial` that requests name.
pub(super) fn check_merchant(
    text: &str,
    serial: &str,
    own: &VerifyingKey,
) -> Result<(), SetupError> {
    let setting = MERCHANT_CERTIFICATE;
    let found = read_certificates(setting, text)?;
    let Some((found_serial, _)) = found.iter().find(|(_, key)| *key.key == *own) else {
        let problem =
            "is not of the merchant's private key: key and certificate are of two downloads";
        return Err(SetupError::new(setting, problem));
    };
    if *found_serial == canonical(serial) {
        return Ok(());
    }
    Err(SetupError::new(setting, "has another serial than merchant_serial says"))
}

/// The merchant certificate's serial as the Authorization header carries it.
pub(super) fn merchant_serial(text: &str) -> Result<String, SetupError> {
    let hexadecimal = text.bytes().all(|b| b.is_ascii_hexdigit());
    if hexadecimal && (8..=64).contains(&text.len()) {
        Ok(text.to_ascii_uppercase())
    } else {
        Err(SetupError::new("merchant_serial", "must be the certificate's serial in hexadecimal"))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::testing::{PLATFORM_SERIAL, TestKey};

    const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0000000000000000000000000000000001";

    fn read(
        certificates: &[String],
        public_keys: &[(&str, String)],
    ) -> Result<PlatformKeys, SetupError> {
        let own = VerifyingKey::read("own", &TestKey::merchant().public_pem()).expect("a key");
        let public_keys: Vec<_> =
            public_keys.iter().map(|(id, pem)| ((*id).to_owned(), pem.clone())).collect();
        PlatformKeys::read(certificates, &public_keys, own)
    }

    #[test]
    fn certificates_and_public_keys_live_side_by_side() {
        let keys = read(
            &[TestKey::platform().certificate_pem()],
            &[(PUBLIC_KEY_ID, TestKey::stranger().public_pem())],
        );
        let keys = keys.expect("keys");
        let now = Timestamp::from_unix_seconds(1_767_225_600);
        let by_certificate = keys.by_serial(PLATFORM_SERIAL, now).expect("by certificate");
        let by_id = keys.by_serial(PUBLIC_KEY_ID, now).expect("by id");
        assert!(by_certificate != by_id);
        assert!(keys.by_serial(&PLATFORM_SERIAL.to_lowercase(), now).is_some());
        assert!(keys.by_serial(&PUBLIC_KEY_ID.to_lowercase(), now).is_none());
        assert!(keys.by_serial("", now).is_none());
        assert_eq!(keys.public_key_id(), Some(PUBLIC_KEY_ID));
    }

    #[test]
    fn what_was_downloaded_stands_beside_what_was_configured() {
        let keys = read(&[], &[(PUBLIC_KEY_ID, TestKey::stranger().public_pem())]).expect("keys");
        let now = Timestamp::from_unix_seconds(1_767_225_600);
        assert!(keys.by_serial(PLATFORM_SERIAL, now).is_none());
        let list = read_certificates("list", &TestKey::platform().certificate_pem());
        keys.add(list.expect("a list"), now);
        assert!(keys.by_serial(PLATFORM_SERIAL, now).is_some());
        assert!(keys.by_serial(PUBLIC_KEY_ID, now).is_some());
        // A later list without it does not take it away before its end.
        keys.add(Vec::new(), now);
        assert!(keys.by_serial(PLATFORM_SERIAL, now).is_some());
        let year_2031 = Timestamp::from_unix_seconds(1_924_992_000);
        keys.add(Vec::new(), year_2031);
        assert!(keys.by_serial(PLATFORM_SERIAL, now).is_none());
    }

    #[test]
    fn our_own_certificate_in_the_list_proves_nothing() {
        let keys = read(&[], &[]).expect("keys");
        let now = Timestamp::from_unix_seconds(1_767_225_600);
        let list = read_certificates("list", &TestKey::merchant().certificate_pem());
        keys.add(list.expect("a list"), now);
        assert!(keys.is_empty(now));
    }

    #[test]
    fn sensitive_members_are_for_the_public_key_first() {
        let now = Timestamp::from_unix_seconds(1_767_225_600);
        let certificate = TestKey::platform().certificate_pem();
        let both = read(
            std::slice::from_ref(&certificate),
            &[(PUBLIC_KEY_ID, TestKey::stranger().public_pem())],
        );
        let (serial, _) = both.expect("keys").for_encryption(now).expect("a key");
        assert_eq!(serial, PUBLIC_KEY_ID);
        let (serial, _) =
            read(&[certificate], &[]).expect("keys").for_encryption(now).expect("one");
        assert_eq!(serial, PLATFORM_SERIAL);
        assert!(read(&[], &[]).expect("keys").for_encryption(now).is_none());
    }

    #[test]
    fn an_ended_certificate_proves_nothing() {
        let keys = read(&[TestKey::platform().certificate_pem()], &[]).expect("keys");
        let year_2031 = Timestamp::from_unix_seconds(1_924_992_000);
        assert!(keys.by_serial(PLATFORM_SERIAL, year_2031).is_none());
        let year_2024 = Timestamp::from_unix_seconds(1_704_067_200);
        assert!(keys.by_serial(PLATFORM_SERIAL, year_2024).is_none());
    }

    #[rstest]
    #[case::own(&[TestKey::merchant().certificate_pem()], &[], "the merchant's own key")]
    #[case::own_public(&[], &[(PUBLIC_KEY_ID, TestKey::merchant().public_pem())], "own key")]
    #[case::no_certificate(&["PEM".into()], &[], "platform certificate 1: not an X.509")]
    #[case::swapped(&[TestKey::platform().public_pem()], &[], "this is a public key")]
    #[case::no_id(&[], &[("1", TestKey::platform().public_pem())], "public_key_id")]
    #[case::twice(&[TestKey::platform().certificate_pem(), TestKey::platform().certificate_pem()], &[], "given twice")]
    fn keys_that_cannot_verify_are_named(
        #[case] certificates: &[String],
        #[case] public_keys: &[(&str, String)],
        #[case] says: &str,
    ) {
        let error = read(certificates, public_keys).err().expect("a refusal").to_string();
        assert!(error.contains(says), "{error}");
    }
}
