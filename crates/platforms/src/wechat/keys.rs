//! The keys that WeChat Pay signs with, by serial. Certificates and public keys live side by side:
//! while a merchant moves from one to the other, both kinds of serial arrive in any order, so
//! there is no mode.

use std::collections::BTreeMap;

use kernel::Timestamp;
use x509_parser::pem::Pem;

use crate::{SetupError, rsa::VerifyingKey};

const PUBLIC_KEY_ID_PREFIX: &str = "PUB_KEY_ID_";

pub(super) struct PlatformKeys {
    by_serial: BTreeMap<String, PlatformKey>,
    public_key_id: Option<String>,
}

struct PlatformKey {
    key: VerifyingKey,
    /// The end of a certificate; a public key has none.
    valid_until: Option<Timestamp>,
}

impl PlatformKeys {
    /// Reads certificates and public keys. `own` is the merchant's key, which must not be among
    /// them: the merchant's certificate in place of the platform's is a usual mistake.
    pub(super) fn read(
        certificates: &[String],
        public_keys: &[(String, String)],
        own: &VerifyingKey,
    ) -> Result<PlatformKeys, SetupError> {
        let mut by_serial = BTreeMap::new();
        let mut insert = |setting: &str, serial: String, key: PlatformKey| {
            if &key.key == own {
                let problem = "this is the merchant's own key; WeChat Pay's is needed";
                return Err(SetupError::new(setting, problem));
            }
            match by_serial.insert(serial, key) {
                None => Ok(()),
                Some(_) => Err(SetupError::new(setting, "given twice")),
            }
        };
        for (index, text) in certificates.iter().enumerate() {
            let setting = format!("platform certificate {}", index + 1);
            for (serial, key) in read_certificates(&setting, text)? {
                insert(&setting, serial, key)?;
            }
        }
        for (id, text) in public_keys {
            let setting = "WeChat Pay public key";
            let rest = id.strip_prefix(PUBLIC_KEY_ID_PREFIX);
            if !rest.is_some_and(|rest| {
                (1..=64).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric())
            }) {
                return Err(SetupError::new("public_key_id", "must begin with PUB_KEY_ID_"));
            }
            let key = VerifyingKey::read(setting, text)?;
            insert(setting, id.clone(), PlatformKey { key, valid_until: None })?;
        }
        if by_serial.is_empty() {
            let problem = "neither a platform certificate nor a WeChat Pay public key is given";
            return Err(SetupError::new("platform keys", problem));
        }
        let public_key_id = public_keys.first().map(|(id, _)| id.clone());
        Ok(PlatformKeys { by_serial, public_key_id })
    }

    /// The key of exactly this serial, unless its certificate has ended. Never another one.
    pub(super) fn by_serial(&self, serial: &str, now: Timestamp) -> Option<&VerifyingKey> {
        let found = if serial.bytes().all(|b| b.is_ascii_hexdigit()) {
            self.by_serial.get(&canonical(serial))
        } else {
            self.by_serial.get(serial)
        };
        found.filter(|key| key.valid_until.is_none_or(|end| now <= end)).map(|key| &key.key)
    }

    /// The public key with which WeChat is asked to sign its answers.
    pub(super) fn public_key_id(&self) -> Option<&str> {
        self.public_key_id.as_deref()
    }
}

fn read_certificates(setting: &str, text: &str) -> Result<Vec<(String, PlatformKey)>, SetupError> {
    let not_a_certificate = || SetupError::new(setting, "not an X.509 certificate in PEM");
    if text.contains("PUBLIC KEY-----") {
        let problem = "this is a public key, not a certificate: give it with its PUB_KEY_ID";
        return Err(SetupError::new(setting, problem));
    }
    let mut found = Vec::new();
    for section in Pem::iter_from_buffer(text.trim_start_matches('\u{feff}').as_bytes()) {
        let section = section.map_err(|_| not_a_certificate())?;
        let certificate = section.parse_x509().map_err(|_| not_a_certificate())?;
        let key = VerifyingKey::from_info(setting, certificate.public_key())?;
        let end = certificate.validity().not_after.timestamp();
        let valid_until = Some(Timestamp::from_unix_seconds(end));
        let serial = canonical(&hex::encode(certificate.raw_serial()));
        found.push((serial, PlatformKey { key, valid_until }));
    }
    if found.is_empty() { Err(not_a_certificate()) } else { Ok(found) }
}

/// Upper case without leading zeros, so that DER's sign byte and other tools' padding do not
/// matter.
fn canonical(serial: &str) -> String {
    serial.trim_start_matches('0').to_ascii_uppercase()
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
        PlatformKeys::read(certificates, &public_keys, &own)
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
    fn an_ended_certificate_proves_nothing() {
        let keys = read(&[TestKey::platform().certificate_pem()], &[]).expect("keys");
        let year_2031 = Timestamp::from_unix_seconds(1_924_992_000);
        assert!(keys.by_serial(PLATFORM_SERIAL, year_2031).is_none());
    }

    #[rstest]
    #[case::nothing(&[], &[], "neither a platform certificate")]
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
