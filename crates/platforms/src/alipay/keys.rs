//! The keys that Alipay signs with. Messages do not name a key in key mode, so every known key is
//! tried; two are known while Alipay's key is being replaced.

use crate::{
    SetupError,
    rsa::{BadSignature, VerifyingKey},
};

/// More keys than this are a mistake, and each costs a forger's message one more check.
const KEYS_MAX: usize = 8;

#[derive(Clone)]
pub(super) struct AlipayKeys(Vec<VerifyingKey>);

impl AlipayKeys {
    /// Reads the keys. `own` is the application's public key: given in place of Alipay's it
    /// would make every check fail, long after the start.
    pub(super) fn read(texts: &[String], own: &VerifyingKey) -> Result<AlipayKeys, SetupError> {
        let mut keys = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let setting = format!("Alipay public key {}", index + 1);
            let key = VerifyingKey::read(&setting, text)?;
            if &key == own {
                let problem = "this is the application's own public key (应用公钥); \
                               Alipay's (支付宝公钥) is needed";
                return Err(SetupError::new(setting, problem));
            }
            keys.push(key);
        }
        match keys.len() {
            0 => Err(SetupError::new("Alipay public keys", "none is given")),
            1..=KEYS_MAX => Ok(AlipayKeys(keys)),
            _ => Err(SetupError::new("Alipay public keys", "at most 8 can be given")),
        }
    }

    pub(super) fn verify(&self, text: &[u8], signature: &str) -> Result<(), BadSignature> {
        let fits = self.0.iter().any(|key| key.verify(text, signature).is_ok());
        if fits { Ok(()) } else { Err(BadSignature) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestKey, bare};

    fn read(texts: &[String]) -> Result<AlipayKeys, SetupError> {
        let own = VerifyingKey::read("own", &TestKey::merchant().public_pem()).expect("a key");
        AlipayKeys::read(texts, &own)
    }

    #[test]
    fn any_known_key_proves() {
        let (old, new) = (TestKey::stranger(), TestKey::platform());
        let keys = read(&[old.public_pem(), bare(&new.public_pem())]).expect("keys");
        assert_eq!(keys.verify(b"text", &old.sign(b"text")), Ok(()));
        assert_eq!(keys.verify(b"text", &new.sign(b"text")), Ok(()));
        let ours = TestKey::merchant().sign(b"text");
        assert_eq!(keys.verify(b"text", &ours), Err(BadSignature));
    }

    #[test]
    fn the_applications_own_key_is_recognised() {
        let error = read(&[TestKey::platform().public_pem(), TestKey::merchant().public_pem()]);
        let error = error.err().expect("a refusal").to_string();
        assert!(error.starts_with("Alipay public key 2: this is the application's own"), "{error}");
        assert!(read(&[]).is_err());
        assert!(read(&vec![TestKey::platform().public_pem(); 9]).is_err());
    }
}
