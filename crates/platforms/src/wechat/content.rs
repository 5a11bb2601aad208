//! The APIv3 key (APIv3密钥) and what is encrypted with it: the content of notifications, and the
//! platform certificates in their list.
//!
//! Two ciphers exist, and each message names its own. A merchant that was moved to 国密 gets
//! `AEAD_SM4_GCM`, whose key is the beginning of the SM3 hash of the same APIv3 key; everything else
//! about the message is alike. Deliberately absent: SM2 signatures. A message that is signed so is
//! refused before its content is looked at.

use aes_gcm::{
    AesGcm, KeyInit,
    aead::{AeadInOut, consts::U12},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::Secret;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde::Deserialize;
use sm3::{Digest, Sm3};
use sm4::Sm4;

use crate::{Refusal, SetupError};

/// The usual cipher: AES-256 under the key itself.
pub(super) const AES: &str = "AEAD_AES_256_GCM";
/// The cipher of 国密: SM4 under the first half of the key's SM3 hash.
const SM4: &str = "AEAD_SM4_GCM";

/// An encrypted text as WeChat writes it.
#[derive(Deserialize)]
pub(super) struct Sealed {
    pub(super) algorithm: String,
    /// Twelve characters, taken as bytes.
    nonce: String,
    /// `transaction`, `refund` or `certificate` in captures; may be empty or missing. What was received
    /// counts, whatever it is.
    associated_data: Option<String>,
    /// Base64; the tag is its end.
    ciphertext: String,
}

/// The key of everything that WeChat encrypts for one merchant.
pub(super) struct ContentKey {
    aes: LessSafeKey,
    sm4: AesGcm<Sm4, U12>,
}

impl ContentKey {
    pub(super) fn read(text: &Secret) -> Result<ContentKey, SetupError> {
        let wrong = || SetupError::new("APIv3 key", "must have 32 bytes");
        let key = text.expose().as_bytes();
        let aes = UnboundKey::new(&AES_256_GCM, key).map_err(|_| wrong())?;
        let hash = Sm3::digest(key);
        let (first, _) = hash.split_at(16);
        let sm4 = AesGcm::new_from_slice(first).map_err(|_| wrong())?;
        Ok(ContentKey { aes: LessSafeKey::new(aes), sm4 })
    }

    /// Opens by the cipher that the message names.
    pub(super) fn open(&self, sealed: &Sealed) -> Result<Vec<u8>, Refusal> {
        let closed = |_| Refusal::Undecryptable;
        let data = sealed.associated_data.as_deref().unwrap_or_default().as_bytes();
        let mut bytes = STANDARD.decode(&sealed.ciphertext).map_err(|_| Refusal::Undecryptable)?;
        let nonce: [u8; 12] =
            sealed.nonce.as_bytes().try_into().map_err(|_| Refusal::Undecryptable)?;
        match sealed.algorithm.as_str() {
            AES => {
                let nonce = Nonce::assume_unique_for_key(nonce);
                let opened = self.aes.open_in_place(nonce, Aad::from(data), &mut bytes);
                let length = opened.map_err(closed)?.len();
                bytes.truncate(length);
            }
            SM4 => {
                let opened = self.sm4.decrypt_in_place(&nonce.into(), data, &mut bytes);
                opened.map_err(|_| Refusal::Undecryptable)?;
            }
            _ => return Err(Refusal::Undecryptable),
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn sealed(algorithm: &str, nonce: &str, data: Option<&str>, ciphertext: &str) -> Sealed {
        Sealed {
            algorithm: algorithm.to_owned(),
            nonce: nonce.to_owned(),
            associated_data: data.map(str::to_owned),
            ciphertext: ciphertext.to_owned(),
        }
    }

    fn opened(sealed: &Sealed) -> Result<Vec<u8>, Refusal> {
        ContentKey::read(&Secret::new(KEY)).expect("32 bytes").open(sealed)
    }

    #[rstest]
    #[case::aes(
        AES,
        "transaction",
        r#"{"trade_state":"SUCCESS"}"#,
        "Eu69zaqBCIwQaJNlb7tiHQ9k+Fz80zx5YzOYHKwl/geBbi9ljwuu9FA="
    )]
    #[case::no_data(
        AES,
        "",
        r#"{"trade_state":"SUCCESS"}"#,
        "Eu69zaqBCIwQaJNlb7tiHQ9k+Fz80zx5Y14ddw/WWtAzvVgHghiBSjk="
    )]
    #[case::refund(
        AES,
        "refund",
        r#"{"refund_status":"SUCCESS"}"#,
        "Eu672q2QA7c8b4ZwfuwrHWYT6Er6wyoITZxD3mn+X74jj2o2VYLZY4ujLA=="
    )]
    #[case::sm4(
        SM4,
        "transaction",
        r#"{"trade_state":"SUCCESS"}"#,
        "ztmAiRyB/4c7t28GqLl2o0k4xXBF3benXfp7qPvnvC/rDwrtJ3xwFoU="
    )]
    fn content_opens_by_the_cipher_that_it_names(
        #[case] algorithm: &str,
        #[case] data: &str,
        #[case] plain: &str,
        #[case] cipher: &str,
    ) {
        let open = |algorithm, nonce, data, cipher| opened(&sealed(algorithm, nonce, data, cipher));
        let genuine = open(algorithm, "abcdefghijkl", Some(data), cipher);
        assert_eq!(genuine.as_deref(), Ok(plain.as_bytes()));
        let other_cipher = if algorithm == AES { SM4 } else { AES };
        for (algorithm, nonce, data, cipher) in [
            (other_cipher, "abcdefghijkl", data, cipher),
            ("AEAD_AES_128_GCM", "abcdefghijkl", data, cipher),
            ("", "abcdefghijkl", data, cipher),
            (algorithm, "abcdefghijkm", data, cipher),
            (algorithm, "abcdefghijk", data, cipher),
            (algorithm, "abcdefghijkl", "other", cipher),
            (algorithm, "abcdefghijkl", data, &cipher[4..]),
            (algorithm, "abcdefghijkl", data, "not base64"),
            (algorithm, "abcdefghijkl", data, ""),
        ] {
            let refused = open(algorithm, nonce, Some(data), cipher);
            assert_eq!(refused, Err(Refusal::Undecryptable), "{algorithm} {nonce} {data}");
        }
    }

    #[test]
    fn data_that_is_missing_is_empty() {
        let cipher = "Eu69zaqBCIwQaJNlb7tiHQ9k+Fz80zx5Y14ddw/WWtAzvVgHghiBSjk=";
        assert!(opened(&sealed(AES, "abcdefghijkl", None, cipher)).is_ok());
    }

    #[test]
    fn the_hash_of_the_key_is_exact() {
        let hash = "065dfd8c28a6bb56148a5a39e42b5c8401c856f56d1a68775731272d438907bc";
        assert_eq!(hex::encode(Sm3::digest(KEY.as_bytes())), hash);
    }

    #[test]
    fn a_content_key_has_32_bytes() {
        let error = ContentKey::read(&Secret::new("short")).err().map(|e| e.to_string());
        assert_eq!(error.as_deref(), Some("APIv3 key: must have 32 bytes"));
    }
}
