//! The phone number that `my.getPhoneNumber` hands to the mini-program: signed by Alipay over the
//! quoted ciphertext, encrypted with the application's content key.
//!
//! The envelope carries neither a user nor a time, so whoever takes it binds it to the session that
//! brought it and keeps nobody else's number.

use aes::{
    Aes128,
    cipher::{BlockModeDecrypt, KeyIvInit, block_padding::Pkcs7},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::Secret;
use serde::Deserialize;
use serde_json::Value;

use super::AlipayLogin;
use crate::{SetupError, call::plain_code};

const ENVELOPE_BYTES_MAX: usize = 16 * 1024;

/// Why an envelope gives no number. None carries content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// No content key is configured.
    #[error("phone numbers need the application's content key (接口内容加密)")]
    NoKey,
    #[error("the envelope is not in Alipay's form")]
    Malformed,
    /// The application lacks a setting at Alipay, or somebody took the signature away.
    #[error("the envelope is not signed")]
    Unsigned,
    #[error("the signature does not fit the envelope")]
    Signature,
    #[error("the envelope cannot be decrypted")]
    Undecryptable,
    /// Alipay answered the client with an error.
    #[error("Alipay gave no number ({0})")]
    Refused(String),
}

/// The key of content encryption (接口内容加密).
pub(super) struct ContentKey([u8; 16]);

impl ContentKey {
    pub(super) fn read(text: &Secret) -> Result<ContentKey, SetupError> {
        let bytes = STANDARD.decode(text.expose().trim()).ok();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes
            .map(ContentKey)
            .ok_or_else(|| SetupError::new("content key", "must be 16 bytes (AES-128) in base64"))
    }

    fn decrypt(&self, text: &str) -> Option<Vec<u8>> {
        let bytes = STANDARD.decode(text).ok()?;
        let cipher = cbc::Decryptor::<Aes128>::new(&self.0.into(), &[0; 16].into());
        cipher.decrypt_padded_vec::<Pkcs7>(&bytes).ok()
    }
}

#[derive(Deserialize)]
struct Envelope {
    response: Value,
    sign: Option<String>,
    sign_type: Option<String>,
    encrypt_type: Option<String>,
}

#[derive(Deserialize)]
struct Refused {
    code: Option<String>,
    #[serde(alias = "sub_code", rename = "subCode")]
    sub_code: Option<String>,
}

impl Refused {
    fn error(self) -> PhoneError {
        let code = self.sub_code.filter(|code| !code.is_empty()).or(self.code);
        PhoneError::Refused(plain_code(&code.unwrap_or_default()))
    }
}

impl AlipayLogin {
    /// Opens what the client got: the JSON text in `response` of `my.getPhoneNumber`.
    ///
    /// # Errors
    /// [`PhoneError`] says which check failed.
    pub fn phone_number(&self, envelope: &str) -> Result<Secret, PhoneError> {
        let key = self.content_key.as_ref().ok_or(PhoneError::NoKey)?;
        if envelope.len() > ENVELOPE_BYTES_MAX {
            return Err(PhoneError::Malformed);
        }
        let envelope: Envelope =
            serde_json::from_str(envelope).map_err(|_| PhoneError::Malformed)?;
        // An error comes in clear, as an object or as its text, and is not signed.
        let ciphertext = match envelope.response {
            Value::String(text) if text.trim_start().starts_with('{') => {
                let refused: Refused =
                    serde_json::from_str(&text).map_err(|_| PhoneError::Malformed)?;
                return Err(refused.error());
            }
            Value::String(text) => text,
            object @ Value::Object(_) => {
                let refused: Refused =
                    serde_json::from_value(object).map_err(|_| PhoneError::Malformed)?;
                return Err(refused.error());
            }
            _ => return Err(PhoneError::Malformed),
        };
        let sign = envelope.sign.filter(|sign| !sign.is_empty()).ok_or(PhoneError::Unsigned)?;
        // Neither algorithm is the message's to choose.
        let fits = envelope.sign_type.as_deref().is_none_or(|kind| kind == "RSA2")
            && envelope.encrypt_type.as_deref().is_none_or(|kind| kind == "AES");
        if !fits {
            return Err(PhoneError::Malformed);
        }
        // The quotation marks are signed too.
        let signed = format!("\"{ciphertext}\"");
        let now = self.client.now();
        let keys = self.client.alipay_keys();
        keys.verify_notification(signed.as_bytes(), &sign, None, now)
            .map_err(|_| PhoneError::Signature)?;

        #[derive(Deserialize)]
        struct Plain {
            mobile: Option<String>,
        }
        let plain = key.decrypt(&ciphertext).ok_or(PhoneError::Undecryptable)?;
        let answer: Plain = serde_json::from_slice(&plain).map_err(|_| PhoneError::Malformed)?;
        let Some(mobile) = answer.mobile.filter(|mobile| !mobile.is_empty()) else {
            let refused: Refused =
                serde_json::from_slice(&plain).map_err(|_| PhoneError::Malformed)?;
            return Err(refused.error());
        };
        // A mainland number has eleven digits; others have a prefix.
        let digits = mobile.strip_prefix('+').unwrap_or(&mobile);
        let fits = (5..=20).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        if fits { Ok(Secret::new(mobile)) } else { Err(PhoneError::Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vector_is_decrypted() {
        let key = ContentKey::read(&Secret::new("MDEyMzQ1Njc4OWFiY2RlZg==\n"));
        let Ok(key) = key else { panic!("no key") };
        let text = "hM7TQ18QF5bhZ+Favk3byc/FD2UuTF2GXDFuAl8Unto+WGo9Ats+iCWXHWwZFo+e";
        let plain = key.decrypt(text).expect("plain");
        assert_eq!(plain, br#"{"out_trade_no":"SI20260102_0001"}"#);
        assert_eq!(key.decrypt("AAAA"), None);
        assert!(ContentKey::read(&Secret::new("MDEyMzQ1")).is_err());
    }
}
