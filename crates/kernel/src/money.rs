//! Exact money. Stored and compared in fen; yuan exist only as text at the edges.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An exact amount of renminbi, in fen (1 yuan = 100 fen). Never negative: giving back is an act,
/// not a sign. In JSON it is a yuan string with two decimals, such as `"898.80"`.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fen(i64);

/// Why a number or text is not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("an amount is between 0 and {} fen", Fen::MAX.0)]
    OutOfRange,
    #[error("an amount in yuan is written like 898.80: digits, at most two decimals")]
    NotYuan,
}

impl Fen {
    pub const ZERO: Fen = Fen(0);
    /// Ten billion yuan, above any day's bill.
    pub const MAX: Fen = Fen(1_000_000_000_000);

    /// `None` outside `0..=MAX`.
    pub const fn new(fen: i64) -> Option<Fen> {
        if 0 <= fen && fen <= Self::MAX.0 { Some(Fen(fen)) } else { None }
    }

    pub const fn get(self) -> i64 {
        self.0
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// `None` when the sum leaves the range.
    pub fn plus(self, other: Fen) -> Option<Fen> {
        Fen::new(self.0.checked_add(other.0)?)
    }

    /// `None` when `other` is larger.
    pub fn minus(self, other: Fen) -> Option<Fen> {
        Fen::new(self.0.checked_sub(other.0)?)
    }

    /// `None` when the product leaves the range.
    pub fn times(self, count: u32) -> Option<Fen> {
        Fen::new(self.0.checked_mul(i64::from(count))?)
    }

    /// The sum of all, `None` when it leaves the range.
    pub fn sum(amounts: impl IntoIterator<Item = Fen>) -> Option<Fen> {
        amounts.into_iter().try_fold(Fen::ZERO, Fen::plus)
    }

    /// Reads yuan as both platforms and our API write them: `0`, `12`, `12.3`, `12.34`.
    ///
    /// # Errors
    /// Signs, exponents, blanks, a third decimal and amounts above [`Fen::MAX`] are refused.
    pub fn from_yuan(text: &str) -> Result<Fen, MoneyError> {
        let (whole, cents) = match text.split_once('.') {
            Some((whole, cents)) => (whole, cents),
            None => (text, "00"),
        };
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(cents) || cents.len() > 2 || whole.len() > 12 {
            return Err(MoneyError::NotYuan);
        }
        let whole: i64 = whole.parse().map_err(|_| MoneyError::NotYuan)?;
        let fraction: i64 = cents.parse().map_err(|_| MoneyError::NotYuan)?;
        let fraction = if cents.len() == 1 { fraction * 10 } else { fraction };
        let fen = whole.checked_mul(100).and_then(|fen| fen.checked_add(fraction));
        fen.and_then(Fen::new).ok_or(MoneyError::OutOfRange)
    }

    /// The amount in yuan, exactly.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.0, 2)
    }
}

impl fmt::Display for Fen {
    /// Yuan with two decimals and no sign: `898.80`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{:02}", self.0 / 100, self.0 % 100))
    }
}

impl fmt::Debug for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "¥{self}")
    }
}

impl Serialize for Fen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fen, D::Error> {
        let text = String::deserialize(deserializer)?;
        Fen::from_yuan(&text).map_err(serde::de::Error::custom)
    }
}

/// A share in hundredths of a percent: 20 % is `BasisPoints(2_000)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BasisPoints(pub u16);

impl BasisPoints {
    /// This share of `base`, half a fen rounded up (393.225 becomes 393.23, not 393.22); a pack
    /// that needs another rounding names it.
    pub fn of(self, base: Fen) -> Option<Fen> {
        Fen::new((base.0 * i64::from(self.0) + 5_000) / 10_000)
    }
}

const _: () = assert!(Fen::MAX.0 <= (i64::MAX - 5_000) / 65_535, "any rate of any Fen fits in i64");

impl fmt::Display for BasisPoints {
    /// Percent without trailing zeros: `20%`, `8.75%`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", Decimal::new(i64::from(self.0), 2).normalize())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("0", 0)]
    #[case("0.1", 10)]
    #[case("0.10", 10)]
    #[case("898.80", 89_880)]
    #[case("10785.6", 1_078_560)]
    #[case("10000000000.00", 1_000_000_000_000)]
    fn yuan_texts_are_read_to_the_fen(#[case] text: &str, #[case] fen: i64) {
        assert_eq!(Fen::from_yuan(text), Ok(Fen(fen)));
    }

    #[rstest]
    #[case("")]
    #[case(".5")]
    #[case("5.")]
    #[case("-1.00")]
    #[case("+1.00")]
    #[case("1e3")]
    #[case("0.100")]
    #[case(" 1")]
    #[case("1,000.00")]
    #[case("１.00")]
    #[case("99999999999999999999")]
    #[case("10000000000.01")]
    fn texts_that_are_no_amount_are_refused(#[case] text: &str) {
        assert!(Fen::from_yuan(text).is_err());
    }

    #[test]
    fn half_a_fen_is_rounded_up_and_not_to_even() {
        let base = Fen(449_400);
        assert_eq!(BasisPoints(875).of(base), Fen::new(39_323));
        assert_eq!(BasisPoints(875).to_string(), "8.75%");
        assert_eq!(BasisPoints(2000).to_string(), "20%");
    }

    proptest! {
        #[test]
        fn text_and_amount_agree_both_ways(fen in 0..=Fen::MAX.0) {
            let amount = Fen(fen);
            prop_assert_eq!(Fen::from_yuan(&amount.to_string()), Ok(amount));
        }

        #[test]
        fn a_share_is_the_decimal_share_rounded_half_up(fen in 0..=Fen::MAX.0, rate in 0u16..=10_000) {
            use rust_decimal::RoundingStrategy::MidpointAwayFromZero;
            let exact = Decimal::from(fen) * Decimal::new(i64::from(rate), 4);
            let rounded = exact.round_dp_with_strategy(0, MidpointAwayFromZero);
            let share = BasisPoints(rate).of(Fen(fen)).expect("a share of a whole is smaller");
            prop_assert_eq!(Decimal::from(share.0), rounded);
        }
    }
}
