use kernel::SeededEntropy;
use rstest::rstest;

use super::*;

const PLACE: &str = "insured_persons.document:1";
const NUMBER: &str = "320213190001010006";

fn key(byte: u8) -> Secret {
    Secret::new(STANDARD.encode([byte; KEY_BYTES]))
}

fn entropy() -> Arc<dyn Entropy> {
    Arc::new(SeededEntropy::new(42))
}

fn keys() -> FieldKeys {
    FieldKeys::new("k1", &key(1), &key(9)).expect("keys")
}

fn cipher() -> FieldCipher {
    FieldCipher::new(keys(), entropy())
}

fn refusal(result: Result<FieldKeys, CipherError>) -> CipherError {
    result.map(|_| ()).expect_err("refused keys")
}

#[test]
fn a_value_opens_where_it_was_sealed() {
    let cipher = cipher();
    let sealed = cipher.seal(PLACE, NUMBER.as_bytes());
    assert_eq!(cipher.open(PLACE, &sealed), Ok(NUMBER.as_bytes().to_vec()));
    assert_eq!(cipher.open_text(PLACE, &sealed).as_deref(), Ok(NUMBER));
    assert_eq!(sealed.bytes.len(), NUMBER.len() + 29);
}

#[test]
fn an_empty_value_is_a_value() {
    let cipher = cipher();
    let sealed = cipher.seal(PLACE, b"");
    assert_eq!(cipher.open(PLACE, &sealed), Ok(Vec::new()));
}

#[test]
fn one_text_sealed_twice_looks_different() {
    let cipher = cipher();
    assert_ne!(cipher.seal(PLACE, b"same"), cipher.seal(PLACE, b"same"));
}

#[rstest]
#[case("insured_persons.document:2")]
#[case("insured_persons.name:1")]
#[case("insured_persons.document:1 ")]
#[case("")]
fn a_value_moved_elsewhere_does_not_open(#[case] elsewhere: &str) {
    let cipher = cipher();
    let sealed = cipher.seal(PLACE, NUMBER.as_bytes());
    assert_eq!(cipher.open(elsewhere, &sealed), Err(CipherError::DoesNotOpen));
}

#[test]
fn a_value_with_any_byte_changed_does_not_open() {
    let cipher = cipher();
    let sealed = cipher.seal(PLACE, b"text");
    for position in 0..sealed.bytes.len() {
        let mut changed = sealed.clone();
        changed.bytes[position] ^= 1;
        assert_eq!(cipher.open(PLACE, &changed), Err(CipherError::DoesNotOpen), "{position}");
    }
}

#[test]
fn a_cut_value_does_not_open() {
    let cipher = cipher();
    let sealed = cipher.seal(PLACE, b"text");
    for length in 0..sealed.bytes.len() {
        let cut = Sealed { bytes: sealed.bytes[..length].to_vec(), ..sealed.clone() };
        assert_eq!(cipher.open(PLACE, &cut), Err(CipherError::DoesNotOpen), "{length}");
    }
}

#[test]
fn after_a_change_of_keys_old_values_are_read_and_new_ones_use_the_new_key() {
    let old = cipher().seal(PLACE, b"old");
    let rotated = FieldKeys::new("k2", &key(2), &key(9))
        .and_then(|keys| keys.with_old_key("k1", &key(1)))
        .expect("keys");
    let rotated = FieldCipher::new(rotated, entropy());
    assert_eq!(rotated.open(PLACE, &old), Ok(b"old".to_vec()));
    let new = rotated.seal(PLACE, b"new");
    assert_eq!(new.key_id, "k2");
    assert_eq!(rotated.open(PLACE, &new), Ok(b"new".to_vec()));
    assert_eq!(cipher().open(PLACE, &new), Err(CipherError::UnknownKey("k2".to_owned())));
}

#[test]
fn another_key_under_the_same_name_opens_nothing() {
    let sealed = cipher().seal(PLACE, b"text");
    let other = FieldKeys::new("k1", &key(7), &key(9)).expect("keys");
    let other = FieldCipher::new(other, entropy());
    assert_eq!(other.open(PLACE, &sealed), Err(CipherError::DoesNotOpen));
}

#[test]
fn a_value_relabelled_with_another_key_id_does_not_open() {
    let keys = keys().with_old_key("k0", &key(3)).expect("keys");
    let cipher = FieldCipher::new(keys, entropy());
    let sealed = cipher.seal(PLACE, b"text");
    let relabelled = Sealed { key_id: "k0".to_owned(), ..sealed };
    assert_eq!(cipher.open(PLACE, &relabelled), Err(CipherError::DoesNotOpen));
}

#[test]
fn bytes_that_are_no_text_are_not_taken_for_one() {
    let cipher = cipher();
    let sealed = cipher.seal(PLACE, &[0xFF, 0xFE]);
    assert_eq!(cipher.open_text(PLACE, &sealed), Err(CipherError::NotText));
}

#[test]
fn a_hash_depends_on_text_context_and_key() {
    let hash = cipher().lookup_hash("a.b", NUMBER.as_bytes());
    assert_eq!(hash.len(), 64);
    assert_eq!(hash, cipher().lookup_hash("a.b", NUMBER.as_bytes()));
    assert_ne!(hash, cipher().lookup_hash("a.b", b"320213190001010014"));
    assert_ne!(hash, cipher().lookup_hash("a.c", NUMBER.as_bytes()));
    let other = FieldKeys::new("k1", &key(1), &key(8)).expect("keys");
    assert_ne!(hash, FieldCipher::new(other, entropy()).lookup_hash("a.b", NUMBER.as_bytes()));
}

#[test]
fn context_and_text_of_a_hash_cannot_flow_into_each_other() {
    assert_ne!(cipher().lookup_hash("ab", b"c"), cipher().lookup_hash("a", b"bc"));
}

/// RFC 4231 fixes HMAC-SHA-256; this fixes our framing of it, which stored rows depend on.
#[test]
fn the_form_of_a_hash_is_fixed() {
    let mut input = 3u64.to_be_bytes().to_vec();
    input.extend_from_slice(b"a.bplain");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &[9; KEY_BYTES]);
    let expected = hex::encode(hmac::sign(&key, &input));
    assert_eq!(cipher().lookup_hash("a.b", b"plain"), expected);
}

#[test]
fn rows_written_under_an_old_lookup_key_can_still_be_found() {
    let before = cipher();
    let after = FieldKeys::new("k1", &key(1), &key(8))
        .and_then(|keys| keys.with_old_lookup_key(&key(9)))
        .expect("keys");
    let after = FieldCipher::new(after, entropy());
    let hashes = after.lookup_hashes("a.b", b"plain");
    assert_eq!(hashes[0], after.lookup_hash("a.b", b"plain"));
    assert_eq!(hashes[1], before.lookup_hash("a.b", b"plain"));
    assert_ne!(before.lookup_key_id(), after.lookup_key_id());
}

#[rstest]
#[case("")]
#[case("k 1")]
#[case("钥匙")]
#[case("k1234567890123456789012345678901234567890123456789012345678901234")]
fn a_key_id_that_no_column_would_hold_is_refused(#[case] id: &str) {
    assert_eq!(refusal(FieldKeys::new(id, &key(1), &key(9))), CipherError::KeyId);
}

#[test]
fn wrong_keys_are_named_but_never_shown() {
    let hidden = "aGVsbG8gc2VjcmV0";
    let errors = [
        refusal(FieldKeys::new("k1", &Secret::new(hidden), &key(9))),
        refusal(FieldKeys::new("k1", &Secret::new("%%%"), &key(9))),
        refusal(FieldKeys::new("k1", &key(1), &Secret::new(hidden))),
        refusal(FieldKeys::new("k1", &key(1), &key(1))),
        refusal(keys().with_old_key("k1", &key(2))),
        refusal(keys().with_old_key("k0", &key(1))),
        refusal(keys().with_old_lookup_key(&key(9))),
    ];
    let texts = errors.map(|error| error.to_string());
    assert_eq!(
        texts,
        [
            "field key k1 has 12 bytes, it must have 32",
            "field key k1 is not base64",
            "the lookup key has 12 bytes, it must have 32",
            "the lookup key is the same as field key k1: every key serves one purpose",
            "field key k1 is given twice",
            "field key k0 is the same as field key k1: every key serves one purpose",
            "the old lookup key is the same as the lookup key: every key serves one purpose",
        ]
    );
}

#[test]
fn a_key_file_may_end_in_a_line_break() {
    let with_break = Secret::new(format!("{}\n", key(1).expose()));
    let sealed = cipher().seal(PLACE, b"text");
    let keys = FieldKeys::new("k1", &with_break, &key(9)).expect("keys");
    assert_eq!(FieldCipher::new(keys, entropy()).open(PLACE, &sealed), Ok(b"text".to_vec()));
}

#[test]
fn nothing_prints_a_key_or_a_text() {
    let cipher = cipher();
    let sealed = cipher.seal(PLACE, b"text");
    assert_eq!(
        format!("{cipher:?} {sealed:?}"),
        r#"FieldCipher(FieldKeys { current_id: "k1", ids: {"k1"}, .. }) Sealed(k1, 33 bytes)"#
    );
}

#[test]
fn a_cipher_is_shared_between_threads() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    shared(&cipher());
}
