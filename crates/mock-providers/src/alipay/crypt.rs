//! Content encryption (接口内容加密): AES-128-CBC, a vector of zeros, PKCS#7 padding, base64
//! (alipay §1.9). The same for business content and for phone numbers.

use aes::{
    Aes128,
    cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

const VECTOR: [u8; 16] = [0; 16];

pub(super) fn encrypt(key: &[u8; 16], plain: &str) -> String {
    let cipher = cbc::Encryptor::<Aes128>::new(&(*key).into(), &VECTOR.into());
    BASE64.encode(cipher.encrypt_padded_vec::<Pkcs7>(plain.as_bytes()))
}

/// `None` for whatever this key did not encrypt.
pub(super) fn decrypt(key: &[u8; 16], text: &str) -> Option<String> {
    let bytes = BASE64.decode(text).ok()?;
    let cipher = cbc::Decryptor::<Aes128>::new(&(*key).into(), &VECTOR.into());
    String::from_utf8(cipher.decrypt_padded_vec::<Pkcs7>(&bytes).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vector_fits() {
        let key = *b"0123456789abcdef";
        let plain = r#"{"out_trade_no":"SI20260102_0001"}"#;
        let text = "hM7TQ18QF5bhZ+Favk3byc/FD2UuTF2GXDFuAl8Unto+WGo9Ats+iCWXHWwZFo+e";
        assert_eq!(encrypt(&key, plain), text);
        assert_eq!(decrypt(&key, text).as_deref(), Some(plain));
        assert_eq!(decrypt(b"0123456789abcdee", text), None);
        assert_eq!(decrypt(&key, "AAAA"), None);
    }
}
