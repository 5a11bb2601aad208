//! The number of a voucher: city, month, running number, check character.

use std::fmt;

use kernel::{CityCode, Month};

use super::code;

/// Check characters that are taken for figures when a number is read from paper, and for which.
const LOOK_ALIKES: [(char, char); 3] = [('I', '1'), ('O', '0'), ('S', '5')];

/// `320200-202611-00000001-C`. The last character guards against slips of the pen (ISO 7064, MOD 37,36);
/// it keeps nobody from guessing, the verification code does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VoucherSerial(String);

impl VoucherSerial {
    /// `None` for a number whose check character looks like a figure, or is such a figure: numbers from
    /// before this rule have such characters and stay valid, new ones are not given out. A figure that
    /// may stand for a letter would let a slip of the pen in the number itself go unnoticed.
    pub(super) fn new(city: &CityCode, month: Month, number: i64) -> Option<VoucherSerial> {
        let body = format!("{city}{:04}{:02}{number:08}", month.year(), month.month());
        let check = check_character(&body);
        let legible =
            LOOK_ALIKES.iter().all(|(letter, figure)| check != *letter && check != *figure);
        legible.then(|| VoucherSerial::written(&body, check))
    }

    fn written(body: &str, check: char) -> VoucherSerial {
        VoucherSerial(format!("{}-{}-{}-{check}", &body[..6], &body[6..12], &body[12..]))
    }

    /// Reads a number as people type it: blanks and hyphens are forgiven, small letters and full-width
    /// forms, and a figure in place of the check character that looks like it. `None` when it cannot be
    /// a number.
    pub fn parse(text: &str) -> Option<VoucherSerial> {
        let signs = code::plain(text);
        if !(21..=28).contains(&signs.len()) || !signs.is_ascii() {
            return None;
        }
        let (body, check) = signs.split_at(signs.len() - 1);
        let known = check_character(body);
        let alike = LOOK_ALIKES
            .iter()
            .any(|(letter, figure)| *letter == known && check.starts_with(*figure));
        let right = body.bytes().all(|b| b.is_ascii_digit()) && (check.starts_with(known) || alike);
        right.then(|| VoucherSerial::written(body, known))
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

    fn given_out(number: i64) -> Option<VoucherSerial> {
        VoucherSerial::new(&CityCode::new("320200").unwrap(), "2026-11".parse().unwrap(), number)
    }

    /// Whether it would be given out or not.
    fn serial(number: i64) -> VoucherSerial {
        let body = format!("320200202611{number:08}");
        VoucherSerial::written(&body, check_character(&body))
    }

    #[test]
    fn a_number_shows_city_month_and_count() {
        let first = serial(1).to_string();
        assert!(first.starts_with("320200-202611-00000001-"), "{first}");
        assert_eq!(first.len(), 24);
        assert!(serial(1) < serial(2));
        assert!(serial(123_456_789).to_string().starts_with("320200-202611-123456789-"));
    }

    /// The example of the Global Release Identifier, which uses the same system: A1-2425G-ABC1234002-M.
    #[test]
    fn the_check_character_is_the_standards() {
        assert_eq!(check_character("A12425GABC1234002"), 'M');
    }

    #[test]
    fn new_numbers_have_no_check_character_that_can_be_taken_for_another() {
        let given: Vec<String> = (1..=360).filter_map(given_out).map(|s| s.to_string()).collect();
        assert!(given.iter().all(|number| !number.ends_with(['I', 'O', 'S', '1', '0', '5'])));
        assert!((260..360).contains(&given.len()), "few are left out: {}", given.len());
    }

    #[test]
    fn old_numbers_with_such_a_character_are_read_also_with_the_figure_that_it_looks_like() {
        for (letter, figure) in LOOK_ALIKES {
            let old = (1..1_000).map(serial).find(|s| s.as_str().ends_with(letter)).unwrap();
            assert_eq!(VoucherSerial::parse(old.as_str()), Some(old.clone()));
            let misread = format!("{}{figure}", &old.as_str()[..old.as_str().len() - 1]);
            assert_eq!(VoucherSerial::parse(&misread), Some(old));
        }
    }

    #[test]
    fn a_number_in_full_width_is_read() {
        let typed: String = serial(1)
            .as_str()
            .chars()
            .map(|sign| char::from_u32(u32::from(sign) + 0xFEE0).unwrap())
            .collect();
        assert_eq!(VoucherSerial::parse(&typed), Some(serial(1)));
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
        fn a_wrong_figure_is_noticed(number in 1_i64..90_000_000, nth in 0_usize..20, off in 1_u8..10) {
            let serial = (number..).find_map(given_out).unwrap();
            let mut typed = serial.as_str().as_bytes().to_vec();
            let mut figures = typed.iter_mut().filter(|sign| sign.is_ascii_digit());
            let figure = figures.nth(nth).unwrap();
            *figure = b'0' + (*figure - b'0' + off) % 10;
            prop_assert_eq!(VoucherSerial::parse(std::str::from_utf8(&typed).unwrap()), None);
        }
    }
}
