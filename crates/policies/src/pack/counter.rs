//! What the counter of a city takes: which months together, missed months, numbers, top-ups.

use kernel::{Fen, Insurance, Month, Timestamp, half_width};

use crate::Sources;

/// Which months may stand in one order, for each insurance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthRules {
    /// The agency wants the months in a row: none that is due may be left out in between.
    pub contiguous: Vec<Insurance>,
    /// All months of one order lie in one calendar year.
    pub calendar_year: bool,
    /// Most months of one insurance.
    pub most: u16,
}

impl Default for MonthRules {
    fn default() -> MonthRules {
        MonthRules { contiguous: Vec::new(), calendar_year: false, most: 12 }
    }
}

/// Months that were missed and may be paid back (补缴), and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackPayment {
    pub insurances: Vec<Insurance>,
    /// 0: until a day of the same year; 1: of the year after; and so on.
    pub years_after: u16,
    pub until_month: u8,
    pub until_day: u8,
    pub demonstration: bool,
    pub sources: Sources,
}

impl BackPayment {
    /// The moment from which `month` cannot be paid back any more. `None` outside the calendar.
    pub fn deadline(&self, month: Month) -> Option<Timestamp> {
        let year = month.year().checked_add(self.years_after)?;
        let day = self.until_day.min(super::window::days_in(year, self.until_month));
        super::window::moment(year, self.until_month, day, super::ClockTime::MIDNIGHT_AFTER)
    }
}

/// Limits of money for the medical personal account. It is no premium and never pays a pension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topup {
    pub least: Fen,
    pub most: Fen,
    /// Of one person on one day in Beijing.
    pub most_a_day: Fen,
    /// Opened to show how it works; no city is known to offer it.
    pub demonstration: bool,
    pub sources: Sources,
}

/// What a citizen's own real name has to be proven for, before it is done for themselves. What is
/// personal is shown to nobody whose name is not proven, whatever the city says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RealNameRules {
    /// Choosing a tier, which changes what is due for the rest of the year.
    pub tier: bool,
    /// Paying.
    pub payment: bool,
}

impl Default for RealNameRules {
    fn default() -> RealNameRules {
        RealNameRules { tier: true, payment: false }
    }
}

/// The look of a local number: capitals and digits, or digits only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberShape {
    pub least: u16,
    pub most: u16,
    pub letters: bool,
}

/// What is wrong with a typed number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberProblem {
    /// The number of a bank account, which is nobody's here.
    BankCard,
    Shape,
}

/// Bank accounts have 16 to 19 digits; no social card has as many.
const BANK_DIGITS_LEAST: usize = 16;
const BANK_DIGITS_MOST: usize = 19;

impl NumberShape {
    /// A card: eight to ten, as most cities print them (domain: 卡号).
    pub const CARD: NumberShape = NumberShape { least: 8, most: 10, letters: true };
    /// A personal number: six to twenty.
    pub const PERSONAL: NumberShape = NumberShape { least: 6, most: 20, letters: true };

    /// The number without blanks and hyphens and in capitals.
    ///
    /// # Errors
    /// [`NumberProblem::BankCard`] where a social card was meant, [`NumberProblem::Shape`].
    pub fn read_card(&self, typed: &str) -> Result<String, NumberProblem> {
        let number = plain(typed);
        let digits = number.bytes().all(|b| b.is_ascii_digit());
        if digits && number.len() >= BANK_DIGITS_LEAST {
            return Err(NumberProblem::BankCard);
        }
        self.fitting(number)
    }

    /// As [`NumberShape::read_card`], for numbers that may be long: a bank account is known by its
    /// check digit.
    ///
    /// # Errors
    /// Those of [`NumberShape::read_card`].
    pub fn read(&self, typed: &str) -> Result<String, NumberProblem> {
        let number = plain(typed);
        if is_bank_card(&number) {
            return Err(NumberProblem::BankCard);
        }
        self.fitting(number)
    }

    fn fitting(&self, number: String) -> Result<String, NumberProblem> {
        let long_enough = number.len() >= usize::from(self.least);
        let known = |b: u8| b.is_ascii_digit() || self.letters && b.is_ascii_uppercase();
        let fits =
            long_enough && number.len() <= usize::from(self.most) && number.bytes().all(known);
        if fits { Ok(number) } else { Err(NumberProblem::Shape) }
    }
}

/// People copy numbers with blanks, hyphens and full-width digits.
fn plain(typed: &str) -> String {
    let kept = typed.chars().map(half_width).filter(|c| !c.is_whitespace() && *c != '-');
    kept.collect::<String>().to_ascii_uppercase()
}

/// 16 to 19 digits whose last one fits the others (Luhn, ISO/IEC 7812-1).
fn is_bank_card(number: &str) -> bool {
    let digits = number.bytes().all(|b| b.is_ascii_digit());
    if !digits || !(BANK_DIGITS_LEAST..=BANK_DIGITS_MOST).contains(&number.len()) {
        return false;
    }
    let sum: u32 = number
        .bytes()
        .rev()
        .zip([false, true].into_iter().cycle())
        .map(|(digit, doubled)| (u32::from(digit - b'0'), doubled))
        .map(|(digit, doubled)| if doubled { digit * 2 / 10 + digit * 2 % 10 } else { digit })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("600000001", Ok("600000001"))]
    #[case(" 6000 0000-1 ", Ok("600000001"))]
    #[case("a12345678", Ok("A12345678"))]
    #[case("６０００００００１", Ok("600000001"))]
    #[case("6222021234567890", Err(NumberProblem::BankCard))]
    #[case("6222 0212 3456 7890 123", Err(NumberProblem::BankCard))]
    #[case("622202123456789", Err(NumberProblem::Shape))]
    #[case("1234567", Err(NumberProblem::Shape))]
    #[case("12345678901", Err(NumberProblem::Shape))]
    #[case("三二零二零零零零一", Err(NumberProblem::Shape))]
    #[case("", Err(NumberProblem::Shape))]
    fn a_card_number_is_read_or_told_apart(
        #[case] typed: &str,
        #[case] read: Result<&str, NumberProblem>,
    ) {
        assert_eq!(NumberShape::CARD.read_card(typed), read.map(str::to_owned));
    }

    #[rstest]
    #[case("320200000001", Ok("320200000001"))]
    #[case("12345", Err(NumberProblem::Shape))]
    #[case("12345678901234567890", Ok("12345678901234567890"))]
    #[case("123456789012345678901", Err(NumberProblem::Shape))]
    #[case::bank_card("6222 0212 3456 7894", Err(NumberProblem::BankCard))]
    #[case::full_width("６２２２０２１２３４５６７８９４", Err(NumberProblem::BankCard))]
    #[case::no_bank_card("6222021234567890", Ok("6222021234567890"))]
    fn a_personal_number_may_be_long(
        #[case] typed: &str,
        #[case] read: Result<&str, NumberProblem>,
    ) {
        assert_eq!(NumberShape::PERSONAL.read(typed), read.map(str::to_owned));
    }

    #[rstest]
    #[case::same_year(0, 12, 31, "2023-05", "2024-01-01T00:00:00+08:00")]
    #[case::next_march(1, 3, 31, "2024-12", "2025-04-01T00:00:00+08:00")]
    #[case::end_of_february(1, 2, 31, "2023-12", "2024-03-01T00:00:00+08:00")]
    #[case::two_years(2, 6, 15, "2022-01", "2024-06-16T00:00:00+08:00")]
    fn a_missed_month_has_its_deadline(
        #[case] years_after: u16,
        #[case] until_month: u8,
        #[case] until_day: u8,
        #[case] month: &str,
        #[case] deadline: &str,
    ) {
        let rule = BackPayment {
            insurances: vec![Insurance::Pension],
            years_after,
            until_month,
            until_day,
            demonstration: false,
            sources: Sources::default(),
        };
        let month = month.parse().expect("a month");
        assert_eq!(rule.deadline(month), Timestamp::from_rfc3339(deadline).ok());
    }
}
