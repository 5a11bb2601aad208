//! Days and months as people write them. Which day it is, others know.

use crate::Language;

pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// `2026年11月29日` or `29 November 2026`; without a day the month, `2026年11月` or `November 2026`.
pub fn date(language: Language, year: i32, month: u8, day: Option<u8>) -> String {
    match (language, day) {
        (Language::Chinese, Some(day)) => format!("{year}年{month}月{day}日"),
        (Language::Chinese, None) => format!("{year}年{month}月"),
        (Language::English, Some(day)) => format!("{day} {} {year}", name(month)),
        (Language::English, None) => format!("{} {year}", name(month)),
    }
}

fn name(month: u8) -> &'static str {
    MONTHS.get(usize::from(month).wrapping_sub(1)).copied().unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Language::Chinese, Some(9), "2026年11月9日")]
    #[case(Language::Chinese, None, "2026年11月")]
    #[case(Language::English, Some(9), "9 November 2026")]
    #[case(Language::English, None, "November 2026")]
    fn a_date_is_written_as_people_do(
        #[case] language: Language,
        #[case] day: Option<u8>,
        #[case] written: &str,
    ) {
        assert_eq!(date(language, 2026, 11, day), written);
    }
}
