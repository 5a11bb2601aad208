//! Sealing of single fields, and keyed hashes by which a sealed field can still be found.
//!
//! A sealed value is bound to its place: the context (table, column, row) is authenticated with it,
//! so bytes copied into another row or column do not open. Keys are named; the name is stored
//! beside every sealed value, so that old values stay readable while new ones use the new key.
//!
//! Deliberately absent: a context-free `seal`. A value that opens anywhere can be moved anywhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::{Entropy, Secret};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};

/// First byte of every sealed value: AES-256-GCM, 12 bytes nonce, text, 16 bytes tag. Another
/// algorithm (SM4-GCM) would take another number and leave these values readable.
const FORMAT: u8 = 1;
const KEY_BYTES: usize = 32;
/// What the columns `key_id` hold.
const KEY_ID_LENGTH_MAX: usize = 64;

/// Why keys are not accepted, or a sealed value does not open. Never carries a key or a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CipherError {
    #[error("a key id is 1 to {KEY_ID_LENGTH_MAX} letters, digits, dots, hyphens or underscores")]
    KeyId,
    #[error("{key} is not base64")]
    NotBase64 { key: String },
    #[error("{key} has {length} bytes, it must have {KEY_BYTES}")]
    KeyLength { key: String, length: usize },
    #[error("field key {0} is given twice")]
    KeyIdTwice(String),
    #[error("{key} is the same as {other}: every key serves one purpose")]
    SameKey { key: String, other: String },
    /// Sealed with a key that the configuration no longer names.
    #[error("field key {0} is not configured")]
    UnknownKey(String),
    /// Changed, cut, moved from another place, or sealed with another key of the same id.
    #[error("the sealed value does not open here")]
    DoesNotOpen,
    #[error("the opened value is no text")]
    NotText,
}

/// Reads a key as it is written in a key file; a line break at the end is no part of it.
fn decode(key: &str, base64: &Secret) -> Result<[u8; KEY_BYTES], CipherError> {
    let bytes = STANDARD
        .decode(base64.expose().trim())
        .map_err(|_| CipherError::NotBase64 { key: key.to_owned() })?;
    let length = bytes.len();
    bytes.try_into().map_err(|_| CipherError::KeyLength { key: key.to_owned(), length })
}

struct LookupKey {
    id: String,
    key: hmac::Key,
}

impl LookupKey {
    /// Lookup keys are named by their own fingerprint: nobody has to invent a name, and one name
    /// can never stand for two keys.
    fn new(bytes: &[u8; KEY_BYTES]) -> LookupKey {
        let key = hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let fingerprint = hmac::sign(&key, b"city-services lookup key id");
        LookupKey { id: hex::encode(&fingerprint.as_ref()[..8]), key }
    }

    /// The context's length goes first, so that no two pairs of context and text are one input.
    fn hash(&self, context: &str, plain: &[u8]) -> String {
        let mut signing = hmac::Context::with_key(&self.key);
        signing.update(&(context.len() as u64).to_be_bytes());
        signing.update(context.as_bytes());
        signing.update(plain);
        hex::encode(signing.sign())
    }
}

/// The keys of one installation: one field key for new values, older ones to read with, and the
/// lookup keys. Prints key ids only.
pub struct FieldKeys {
    current_id: String,
    field_keys: BTreeMap<String, LessSafeKey>,
    /// The current one first.
    lookup_keys: Vec<LookupKey>,
    /// Fingerprints of all keys, to notice one key under two names.
    seen: BTreeMap<[u8; 32], String>,
}

impl fmt::Debug for FieldKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FieldKeys")
            .field("current_id", &self.current_id)
            .field("ids", &self.field_keys.keys().collect::<BTreeSet<_>>())
            .finish_non_exhaustive()
    }
}

impl FieldKeys {
    /// `key_id` names the AES-256 key for new values; both keys are base64 of 32 bytes.
    ///
    /// # Errors
    /// When the id or a key is malformed, or both keys are the same.
    pub fn new(
        key_id: impl Into<String>,
        key_base64: &Secret,
        lookup_key_base64: &Secret,
    ) -> Result<FieldKeys, CipherError> {
        let current_id = key_id.into();
        let keys = FieldKeys {
            current_id: current_id.clone(),
            field_keys: BTreeMap::new(),
            lookup_keys: Vec::new(),
            seen: BTreeMap::new(),
        };
        keys.with_field_key(current_id, key_base64)?
            .with_lookup_key("the lookup key", lookup_key_base64)
    }

    /// Adds a field key that only reads. To change keys: first name the new key as an old one
    /// everywhere, then make it the current one, so that no process meets a value it cannot open.
    ///
    /// # Errors
    /// When the id or the key is malformed or already there.
    pub fn with_old_key(
        self,
        id: impl Into<String>,
        base64: &Secret,
    ) -> Result<FieldKeys, CipherError> {
        self.with_field_key(id.into(), base64)
    }

    /// Adds a lookup key that only finds. Rows found by it take the current key's hash when they
    /// are next written.
    ///
    /// # Errors
    /// When the key is malformed or already there.
    pub fn with_old_lookup_key(self, base64: &Secret) -> Result<FieldKeys, CipherError> {
        self.with_lookup_key("the old lookup key", base64)
    }

    fn with_field_key(mut self, id: String, base64: &Secret) -> Result<FieldKeys, CipherError> {
        let named = |c: u8| c.is_ascii_alphanumeric() || b"-_.".contains(&c);
        if !(1..=KEY_ID_LENGTH_MAX).contains(&id.len()) || !id.bytes().all(named) {
            return Err(CipherError::KeyId);
        }
        if self.field_keys.contains_key(&id) {
            return Err(CipherError::KeyIdTwice(id));
        }
        let name = format!("field key {id}");
        let bytes = decode(&name, base64)?;
        self.remember(&bytes, &name)?;
        let length = bytes.len();
        let key = UnboundKey::new(&AES_256_GCM, &bytes)
            .map_err(|_| CipherError::KeyLength { key: name, length })?;
        self.field_keys.insert(id, LessSafeKey::new(key));
        Ok(self)
    }

    fn with_lookup_key(mut self, name: &str, base64: &Secret) -> Result<FieldKeys, CipherError> {
        let bytes = decode(name, base64)?;
        self.remember(&bytes, name)?;
        self.lookup_keys.push(LookupKey::new(&bytes));
        Ok(self)
    }

    fn remember(&mut self, bytes: &[u8; KEY_BYTES], name: &str) -> Result<(), CipherError> {
        let mut fingerprint = [0; 32];
        let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
        fingerprint.copy_from_slice(digest.as_ref());
        match self.seen.insert(fingerprint, name.to_owned()) {
            Some(other) => Err(CipherError::SameKey { key: name.to_owned(), other }),
            None => Ok(()),
        }
    }
}

/// An encrypted value as it is stored: which key, and bytes that tell nothing but their length.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    pub key_id: String,
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({}, {} bytes)", self.key_id, self.bytes.len())
    }
}

/// Seals and opens fields. A handle: clones share the keys.
#[derive(Clone)]
pub struct FieldCipher {
    keys: Arc<FieldKeys>,
    entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for FieldCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FieldCipher").field(&self.keys).finish()
    }
}

impl FieldCipher {
    pub fn new(keys: FieldKeys, entropy: Arc<dyn Entropy>) -> FieldCipher {
        FieldCipher { keys: Arc::new(keys), entropy }
    }

    /// The id of the key that [`Self::seal`] uses.
    pub fn key_id(&self) -> &str {
        &self.keys.current_id
    }

    /// Encrypts `plain` for one place, such as `insured_persons.document:<row id>`. The result is
    /// 29 bytes longer. A random nonce is safe for 2^32 values per key (NIST SP 800-38D, 8.3);
    /// change keys long before.
    ///
    /// # Panics
    /// When `plain` is longer than 64 GiB, the limit of AES-GCM.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Sealed {
        let key_id = self.keys.current_id.clone();
        let key = &self.keys.field_keys[&key_id];
        let mut nonce = [0; NONCE_LEN];
        self.entropy.fill(&mut nonce);
        let mut bytes = Vec::with_capacity(1 + NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
        bytes.push(FORMAT);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(plain);
        let tag = key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(bound(&key_id, context)),
                &mut bytes[1 + NONCE_LEN..],
            )
            .expect("AES-GCM seals everything up to 64 GiB");
        bytes.extend_from_slice(tag.as_ref());
        Sealed { key_id, bytes }
    }

    /// Decrypts what was sealed for the same `context`.
    ///
    /// # Errors
    /// [`CipherError::UnknownKey`] or [`CipherError::DoesNotOpen`].
    pub fn open(&self, context: &str, sealed: &Sealed) -> Result<Vec<u8>, CipherError> {
        let key = self
            .keys
            .field_keys
            .get(&sealed.key_id)
            .ok_or_else(|| CipherError::UnknownKey(sealed.key_id.clone()))?;
        let refused = CipherError::DoesNotOpen;
        let (format, rest) = sealed.bytes.split_first().ok_or(refused.clone())?;
        let (nonce, text) = rest.split_at_checked(NONCE_LEN).ok_or(refused.clone())?;
        if *format != FORMAT {
            return Err(refused);
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| refused.clone())?;
        let mut text = text.to_vec();
        let length = key
            .open_in_place(nonce, Aad::from(bound(&sealed.key_id, context)), &mut text)
            .map_err(|_| refused)?
            .len();
        text.truncate(length);
        Ok(text)
    }

    /// [`Self::open`] for values that are texts.
    ///
    /// # Errors
    /// Those of [`Self::open`], and [`CipherError::NotText`].
    pub fn open_text(&self, context: &str, sealed: &Sealed) -> Result<String, CipherError> {
        String::from_utf8(self.open(context, sealed)?).map_err(|_| CipherError::NotText)
    }

    /// HMAC-SHA-256 in hexadecimal (64 characters) under the current lookup key. The same text has
    /// different hashes in different contexts.
    pub fn lookup_hash(&self, context: &str, plain: &[u8]) -> String {
        self.keys.lookup_keys[0].hash(context, plain)
    }

    /// Names the key of [`Self::lookup_hash`]; stored beside the hash.
    pub fn lookup_key_id(&self) -> &str {
        &self.keys.lookup_keys[0].id
    }

    /// The hashes of `plain` under every lookup key, the current one first: by these a row is found
    /// that was written before the key changed.
    pub fn lookup_hashes(&self, context: &str, plain: &[u8]) -> Vec<String> {
        self.keys.lookup_keys.iter().map(|key| key.hash(context, plain)).collect()
    }
}

/// What is authenticated with a value: the format, the key's name and the place.
fn bound(key_id: &str, context: &str) -> Vec<u8> {
    let mut bound = vec![FORMAT];
    bound.extend_from_slice(&(key_id.len() as u64).to_be_bytes());
    bound.extend_from_slice(key_id.as_bytes());
    bound.extend_from_slice(context.as_bytes());
    bound
}

#[cfg(test)]
mod tests;
