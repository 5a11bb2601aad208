//! The number of a voucher: city, month, running number, check character.

use std::fmt;

use kernel::{CityCode, Month};

/// `320200-202611-00000001-C`. The last character guards against slips of the pen (ISO 7064, MOD 37,36);
/// it keeps nobody from guessing, the verification code does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VoucherSerial(String);

impl VoucherSerial {
    pub(super) fn new(city: &CityCode, month: Month, number: i64) -> VoucherSerial {
        let body = format!("{city}{:04}{:02}{number:08}", month.year(), month.month());
        VoucherSerial(format!(
            "{}-{}-{}-{}",
            &body[..6],
            &body[6..12],
            &body[12..],
            check_character(&body)
        ))
    }

    /// Reads a number as people type it: blanks and hyphens are forgiven, and small letters. `None`
    /// when it cannot be one.
    pub fn parse(text: &str) -> Option<VoucherSerial> {
        let signs: String = text
            .chars()
            .take(64)
            .filter(|sign| !sign.is_whitespace() && *sign != '-')
            .map(|sign| sign.to_ascii_uppercase())
            .collect();
        if !(21..=28).contains(&signs.len()) || !signs.is_ascii() {
            return None;
        }
        let (body, check) = signs.split_at(signs.len() - 1);
        let right =
            body.bytes().all(|b| b.is_ascii_digit()) && check.starts_with(check_character(body));
        right.then(|| {
            let (city, month, number) = (&body[..6], &body[6..12], &body[12..]);
            VoucherSerial(format!("{city}-{month}-{number}-{check}"))
        })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VoucherSerial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// ISO 7064, MOD 37,36: one wrong character and two exchanged neighbours are noticed.
fn check_character(body: &str) -> char {
    const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let value = |sign: u8| ALPHABET.iter().position(|known| *known == sign).unwrap_or(0);
    let mut product = 36;
    for sign in body.bytes() {
        let sum = match (product + value(sign)) % 36 {
            0 => 36,
            sum => sum,
        };
        product = sum * 2 % 37;
    }
    char::from(ALPHABET[(37 - product) % 36])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn serial(number: i64) -> VoucherSerial {
        VoucherSerial::new(&CityCode::new("320200").unwrap(), "2026-11".parse().unwrap(), number)
    }

    #[test]
    fn a_number_shows_city_month_and_count() {
        let first = serial(1).to_string();
        assert!(first.starts_with("320200-202611-00000001-"), "{first}");
        assert_eq!(first.len(), 24);
        assert!(serial(1) < serial(2));
        assert!(serial(123_456_789).to_string().starts_with("320200-202611-123456789-"));
    }

    /// The example of the standard: ISO 7064 gives B for these characters.
    #[test]
    fn the_check_character_is_the_standards() {
        assert_eq!(check_character("A12425GABC1234002"), 'M');
    }

    #[rstest]
    #[case("")]
    #[case("320200-202611-00000001")]
    #[case("320200-202611-00000001-?")]
    #[case("社社社社社社社社社社社社社社社社社社社社社")]
    #[case("32020A-202611-00000001-0")]
    fn what_is_no_number_is_refused(#[case] text: &str) {
        assert_eq!(VoucherSerial::parse(text), None);
    }

    proptest! {
        #[test]
        fn numbers_are_read_back(number in 1_i64..10_000_000_000) {
            let serial = serial(number);
            prop_assert_eq!(VoucherSerial::parse(serial.as_str()), Some(serial.clone()));
            let typed = serial.as_str().replace('-', " ").to_lowercase();
            prop_assert_eq!(VoucherSerial::parse(&typed), Some(serial));
        }

        #[test]
        fn a_wrong_figure_is_noticed(number in 1_i64..100_000_000, place in 0_usize..22, figure in 0_u8..10) {
            let serial = serial(number);
            let mut typed = serial.as_str().as_bytes().to_vec();
            prop_assume!(typed[place].is_ascii_digit() && typed[place] != b'0' + figure);
            typed[place] = b'0' + figure;
            prop_assert_eq!(VoucherSerial::parse(std::str::from_utf8(&typed).unwrap()), None);
        }
    }
}
