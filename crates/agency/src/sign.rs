//! Signatures of the agency protocol: HMAC-SHA256 over a text that names everything that matters.
//!
//! Requests sign seven lines, answers four, so that one can never be replayed as the other. The
//! worked vectors in the tests are those of `docs/agency-protocol.md`.

use std::{fmt, time::Duration};

use kernel::{Secret, Timestamp};
use ring::{digest, hmac};

/// The version of the protocol in the first line and in `Agency-Version`.
pub(crate) const VERSION: &str = "1";

/// How far the two clocks may be apart. The agency remembers serials for longer than this, so a
/// replayed request inside the window meets its own serial; widening one without the other would
/// let an old request act again.
pub(crate) const CLOCK_WINDOW: Duration = Duration::from_secs(300);

/// Fewer bytes than this are no key: they can be guessed.
pub(crate) const SECRET_BYTES_MIN: usize = 16;

/// The key that one institution shares with one agency.
pub(crate) struct Key(hmac::Key);

/// The answer's signature does not fit. Says nothing about who wrote it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WrongSignature;

impl Key {
    /// `None` when the secret is shorter than [`SECRET_BYTES_MIN`]. Surrounding blanks (a line
    /// end in the file) do not belong to the secret.
    pub(crate) fn new(secret: &Secret) -> Option<Key> {
        let bytes = secret.expose().trim().as_bytes();
        (bytes.len() >= SECRET_BYTES_MIN).then(|| Key(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    /// Lower-case hexadecimal.
    pub(crate) fn sign(&self, text: &str) -> String {
        hex::encode(hmac::sign(&self.0, text.as_bytes()))
    }

    /// Compares in constant time.
    pub(crate) fn verify(&self, text: &str, signature: &str) -> Result<(), WrongSignature> {
        let signature = hex::decode(signature).map_err(|_| WrongSignature)?;
        hmac::verify(&self.0, text.as_bytes(), &signature).map_err(|_| WrongSignature)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

/// The text that a request signs.
pub(crate) fn request_text(
    path: &str,
    institution: &str,
    serial: &str,
    time: Timestamp,
    body: &[u8],
) -> String {
    let hash = sha256_hex(body);
    format!("{VERSION}\nPOST\n{path}\n{institution}\n{serial}\n{time}\n{hash}\n")
}

/// The text that an answer signs; `time` exactly as in the answer's header.
pub(crate) fn answer_text(serial: &str, time: &str, status: u16, body: &[u8]) -> String {
    format!("{serial}\n{time}\n{status}\n{}\n", sha256_hex(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"agency":"320200-hr","order_no":"20230615100000000ABCDEFGHJKM","bill_no":"320200P2023010001"}"#;
    const SERIAL: &str = "Q0123456789ABCDEFGHJKMNPQRS";
    const TIME: &str = "2023-06-15T10:00:00+08:00";

    fn key() -> Key {
        Key::new(&Secret::new("example-secret-of-32-characters!")).expect("long enough")
    }

    #[test]
    fn the_request_vector_of_the_document_holds() {
        let time = Timestamp::from_rfc3339(TIME).expect("a time");
        let text = request_text("/agency/v1/query-posting", "city-services", SERIAL, time, BODY);
        assert_eq!(
            text,
            "1\nPOST\n/agency/v1/query-posting\ncity-services\nQ0123456789ABCDEFGHJKMNPQRS\n\
             2023-06-15T10:00:00+08:00\n\
             dc0d011d2d2bd3d934b3057f9fc14f5a9686b3dfbb29333a103fb0cd78a13e62\n"
        );
        assert_eq!(
            key().sign(&text),
            "843b7d1ba80224e01198512fedbde87cd7ec5118da59af41132014bd926573a3"
        );
    }

    #[test]
    fn the_answer_vector_of_the_document_holds() {
        let body = br#"{"state":"not_posted"}"#;
        let text = answer_text(SERIAL, "2023-06-15T10:00:01+08:00", 200, body);
        assert_eq!(
            text,
            "Q0123456789ABCDEFGHJKMNPQRS\n2023-06-15T10:00:01+08:00\n200\n\
             008be7bcf2eca0528108d87265a6b5982c7a99ec84e39bef2484647102ae5b95\n"
        );
        let signature = "3a23caf3a47ce86be211456674fea380a59537224c37f75f3e4fca93a3bc9e4c";
        assert_eq!(key().sign(&text), signature);
        assert_eq!(key().verify(&text, signature), Ok(()));
    }

    #[test]
    fn a_changed_text_signature_or_key_is_noticed() {
        let signature = key().sign("text\n");
        let other = Key::new(&Secret::new("another-secret-of-32-characters!")).expect("a key");
        assert_eq!(key().verify("texT\n", &signature), Err(WrongSignature));
        assert_eq!(key().verify("text\n", &signature[1..]), Err(WrongSignature));
        assert_eq!(key().verify("text\n", "not hexadecimal"), Err(WrongSignature));
        assert_eq!(key().verify("text\n", ""), Err(WrongSignature));
        assert_eq!(other.verify("text\n", &signature), Err(WrongSignature));
    }

    #[test]
    fn a_secret_is_long_and_its_line_end_does_not_count() {
        assert!(Key::new(&Secret::new("fifteen-letters")).is_none());
        assert!(Key::new(&Secret::new("short              \n")).is_none());
        let with_line_end = Key::new(&Secret::new("example-secret-of-32-characters!\n"));
        assert_eq!(with_line_end.expect("a key").sign("a"), key().sign("a"));
        assert_eq!(format!("{:?}", key()), "Key(***)");
    }
}
