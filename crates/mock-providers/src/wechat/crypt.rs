//! AEAD_AES_256_GCM, by which WeChat encrypts callbacks and certificates for one merchant, and AEAD_SM4_GCM,
//! by which it encrypts callbacks for one that was moved to 国密 (wechat §1.11).

use aes_gcm::{
    AesGcm, KeyInit,
    aead::{Aead, Payload, consts::U12},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sm3::{Digest, Sm3};
use sm4::Sm4;

/// Base64 of ciphertext and tag. The key is the APIv3 key's 32 ASCII bytes, the nonce 12.
///
/// # Panics
/// When key or nonce has another length; both are made by this crate.
pub(super) fn encrypt(key: &str, nonce: &str, associated_data: &str, plain: &str) -> String {
    let key = UnboundKey::new(&AES_256_GCM, key.as_bytes()).expect("an APIv3 key has 32 bytes");
    let nonce = Nonce::try_assume_unique_for_key(nonce.as_bytes()).expect("a nonce has 12 bytes");
    let mut bytes = plain.as_bytes().to_vec();
    LessSafeKey::new(key)
        .seal_in_place_append_tag(nonce, Aad::from(associated_data.as_bytes()), &mut bytes)
        .expect("a notification is far below the cipher's limit");
    BASE64.encode(bytes)
}

/// What a resource says; `None` for whatever this key did not encrypt.
pub(super) fn decrypt(
    key: &str,
    nonce: &str,
    associated_data: &str,
    cipher: &str,
) -> Option<String> {
    let key = UnboundKey::new(&AES_256_GCM, key.as_bytes()).ok()?;
    let nonce = Nonce::try_assume_unique_for_key(nonce.as_bytes()).ok()?;
    let mut bytes = BASE64.decode(cipher).ok()?;
    let aad = Aad::from(associated_data.as_bytes());
    let plain = LessSafeKey::new(key).open_in_place(nonce, aad, &mut bytes).ok()?;
    String::from_utf8(plain.to_vec()).ok()
}

/// The same under SM4, whose key is the first half of the APIv3 key's SM3 hash.
///
/// # Panics
/// When the nonce has not 12 bytes; it is made by this crate.
pub(super) fn encrypt_sm4(key: &str, nonce: &str, associated_data: &str, plain: &str) -> String {
    let hash = Sm3::digest(key.as_bytes());
    let (first, _) = hash.split_at(16);
    let cipher: AesGcm<Sm4, U12> = AesGcm::new_from_slice(first).expect("an SM4 key has 16 bytes");
    let nonce: [u8; 12] = nonce.as_bytes().try_into().expect("a nonce has 12 bytes");
    let payload = Payload { msg: plain.as_bytes(), aad: associated_data.as_bytes() };
    let bytes = cipher.encrypt(&nonce.into(), payload);
    BASE64.encode(bytes.expect("a notification is far below the cipher's limit"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        "transaction",
        r#"{"trade_state":"SUCCESS"}"#,
        "Eu69zaqBCIwQaJNlb7tiHQ9k+Fz80zx5YzOYHKwl/geBbi9ljwuu9FA="
    )]
    #[case(
        "",
        r#"{"trade_state":"SUCCESS"}"#,
        "Eu69zaqBCIwQaJNlb7tiHQ9k+Fz80zx5Y14ddw/WWtAzvVgHghiBSjk="
    )]
    #[case(
        "refund",
        r#"{"refund_status":"SUCCESS"}"#,
        "Eu672q2QA7c8b4ZwfuwrHWYT6Er6wyoITZxD3mn+X74jj2o2VYLZY4ujLA=="
    )]
    fn the_ciphertext_is_exact(#[case] aad: &str, #[case] plain: &str, #[case] cipher: &str) {
        let key = "0123456789abcdef0123456789abcdef";
        assert_eq!(encrypt(key, "abcdefghijkl", aad, plain), cipher);
        assert_eq!(decrypt(key, "abcdefghijkl", aad, cipher).as_deref(), Some(plain));
        assert_eq!(decrypt(key, "abcdefghijkl", "other", cipher), None);
    }

    #[test]
    fn the_ciphertext_of_sm4_is_exact() {
        let key = "0123456789abcdef0123456789abcdef";
        let plain = r#"{"trade_state":"SUCCESS"}"#;
        let cipher = "ztmAiRyB/4c7t28GqLl2o0k4xXBF3benXfp7qPvnvC/rDwrtJ3xwFoU=";
        assert_eq!(encrypt_sm4(key, "abcdefghijkl", "transaction", plain), cipher);
    }
}
