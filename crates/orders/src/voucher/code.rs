//! Verification codes: whoever knows one has seen the paper.

use people::FieldCipher;

/// The characters of a verification code: no letter that looks like a figure or like another letter.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Five bits each: 40 bits, against a check that answers some hundred times a minute.
const LENGTH: usize = 8;
/// Longer than anything that stands on a paper.
const TYPED_MAX: usize = 64;

/// Binds the sealed code to its voucher: in another row, or beside other content, it does not open.
pub(super) fn context(serial: &str, digest: &str) -> String {
    format!("vouchers.code:{serial}:{digest}")
}

/// The code of a voucher: 40 bits of a keyed hash over number and content. It is kept sealed, so that keys
/// can change under vouchers that were printed long ago.
pub(super) fn of_voucher(cipher: &FieldCipher, serial: &str, digest: &str) -> String {
    written(&cipher.lookup_hash("vouchers.code", format!("{serial}:{digest}").as_bytes()))
}

/// The code of an acknowledgement: 40 bits of a keyed hash over what it is about. Nothing is kept of an
/// acknowledgement, so its code is worked out anew, under the current lookup key first, and holds as
/// long as one of the keys.
pub(super) fn of_acknowledgement(
    cipher: &FieldCipher,
    order_no: &str,
    transaction_id: &str,
) -> Vec<String> {
    let about = format!("{order_no}:{transaction_id}");
    let hashes = cipher.lookup_hashes("acknowledgements.code", about.as_bytes());
    hashes.iter().map(|hash| written(hash)).collect()
}

/// The first 40 bits of a hash in hexadecimal, as people read them.
fn written(hash: &str) -> String {
    let bits = hash.get(..10).and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or(0);
    let sign = |place: usize| {
        let five = usize::try_from(bits >> (5 * place) & 31).unwrap_or(0);
        char::from(ALPHABET[five])
    };
    (0..LENGTH).rev().map(sign).collect()
}

/// What somebody typed from a paper: capitals and figures, whatever the keyboard made of them.
pub(super) fn plain(typed: &str) -> String {
    // The full-width forms of the signs from ! to ~ stand in one row.
    let narrow = |sign: char| match sign {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(sign) - 0xFEE0).unwrap_or(sign),
        other => other,
    };
    let is_gap = |sign: &char| {
        sign.is_whitespace() || matches!(sign, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
    };
    typed
        .chars()
        .take(TYPED_MAX)
        .map(narrow)
        .filter(|sign| !is_gap(sign))
        .map(|sign| sign.to_ascii_uppercase())
        .collect()
}

/// A code as people type it: small letters, full-width forms, hyphens and blanks are forgiven, and
/// letters that are not used stand for the figures that they look like.
pub(super) fn normalised(code: &str) -> String {
    let figure = |sign| match sign {
        'O' => '0',
        'I' | 'L' => '1',
        sign => sign,
    };
    plain(code).chars().map(figure).collect()
}

/// Compares without telling by its duration how much agrees.
pub(super) fn same(left: &[u8], right: &[u8]) -> bool {
    let differing = left.iter().zip(right).fold(0, |differing, (a, b)| differing | (a ^ b));
    std::hint::black_box(differing) == 0 && left.len() == right.len()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("7K3M-9QXT", true)]
    #[case("7k3m 9qxt", true)]
    #[case("7K3M9QXT", true)]
    #[case("７Ｋ３Ｍ－９ＱＸＴ", true)]
    #[case("７ｋ３ｍ　９ｑｘｔ", true)]
    #[case("7K3M–9QXT", true)]
    #[case("7K3M9QX", false)]
    #[case("7K3M9QXTT", false)]
    #[case("", false)]
    fn a_code_is_forgiven_its_form(#[case] typed: &str, #[case] right: bool) {
        assert_eq!(same(b"7K3M9QXT", normalised(typed).as_bytes()), right);
    }
}
