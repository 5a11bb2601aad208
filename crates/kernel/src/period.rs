//! The month that a contribution is for (费款所属期), written `2023-01`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Timestamp;

/// A calendar month between 1990-01 and 2199-12. Text form `2023-01`; `202301` is read too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(u32); // months since year 0, so that arithmetic is plain

/// A text that is no month.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MonthError {
    #[error("a month is written like 2023-01, between 1990-01 and 2199-12")]
    NotAMonth,
    #[error("a month range has 1 to {} months and ends after it starts", MonthRange::MONTHS_MAX)]
    NotARange,
}

impl Month {
    /// # Errors
    /// Outside 1990-01..=2199-12.
    pub fn new(year: u16, month: u8) -> Result<Month, MonthError> {
        if !(1990..=2199).contains(&year) || !(1..=12).contains(&month) {
            return Err(MonthError::NotAMonth);
        }
        Ok(Month(u32::from(year) * 12 + u32::from(month) - 1))
    }

    pub const fn year(self) -> u16 {
        (self.0 / 12) as u16
    }

    /// 1 to 12.
    pub const fn month(self) -> u8 {
        (self.0 % 12) as u8 + 1
    }

    /// The month `count` months later, `None` past 2199.
    pub fn plus(self, count: u32) -> Option<Month> {
        let later = Month(self.0.checked_add(count)?);
        (later.year() <= 2199).then_some(later)
    }

    /// The month in which `now` falls in Beijing.
    pub fn of(now: Timestamp) -> Month {
        let date = now.beijing().date();
        let year = u32::try_from(date.year()).unwrap_or(1990);
        Month(year * 12 + u32::from(u8::from(date.month())) - 1)
    }
}

impl FromStr for Month {
    type Err = MonthError;
    fn from_str(text: &str) -> Result<Month, MonthError> {
        let (year, month) = match text.split_once('-') {
            Some(parts) => parts,
            None => text.split_at_checked(4).ok_or(MonthError::NotAMonth)?,
        };
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if year.len() != 4 || month.len() != 2 || !digits(year) || !digits(month) {
            return Err(MonthError::NotAMonth);
        }
        let year = year.parse().map_err(|_| MonthError::NotAMonth)?;
        Month::new(year, month.parse().map_err(|_| MonthError::NotAMonth)?)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:04}-{:02}", self.year(), self.month()))
    }
}

impl fmt::Debug for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Month {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Month, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// One or more months in a row, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct MonthRange {
    from: Month,
    to: Month,
}

impl MonthRange {
    /// Ten years; a longer range is a mistake.
    pub const MONTHS_MAX: u32 = 120;

    /// # Errors
    /// When `to` is before `from` or the range is longer than [`Self::MONTHS_MAX`].
    pub fn new(from: Month, to: Month) -> Result<MonthRange, MonthError> {
        if to < from || to.0 - from.0 >= Self::MONTHS_MAX {
            return Err(MonthError::NotARange);
        }
        Ok(MonthRange { from, to })
    }

    /// `count` months beginning with `from`.
    ///
    /// # Errors
    /// When `count` is 0 or above [`Self::MONTHS_MAX`].
    pub fn starting(from: Month, count: u32) -> Result<MonthRange, MonthError> {
        let last = count.checked_sub(1).and_then(|more| from.plus(more));
        MonthRange::new(from, last.ok_or(MonthError::NotARange)?)
    }

    pub const fn from(self) -> Month {
        self.from
    }

    pub const fn to(self) -> Month {
        self.to
    }

    pub const fn count(self) -> u32 {
        self.to.0 - self.from.0 + 1
    }

    pub fn contains(self, month: Month) -> bool {
        self.from <= month && month <= self.to
    }

    pub fn months(self) -> impl Iterator<Item = Month> {
        (self.from.0..=self.to.0).map(Month)
    }
}

impl<'de> Deserialize<'de> for MonthRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<MonthRange, D::Error> {
        #[derive(Deserialize)]
        struct Ends {
            from: Month,
            to: Month,
        }
        let ends = Ends::deserialize(deserializer)?;
        MonthRange::new(ends.from, ends.to).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_read_and_written() {
        let month: Month = "2023-01".parse().expect("a month");
        assert_eq!("202301".parse(), Ok(month));
        assert_eq!(month.to_string(), "2023-01");
        for wrong in
            ["2023-13", "2023-00", "23-01", "2023-1", "1989-12", "2023/01", "二〇二三-01", ""]
        {
            assert_eq!(wrong.parse::<Month>(), Err(MonthError::NotAMonth), "{wrong}");
        }
    }

    #[test]
    fn a_range_crosses_the_year_and_counts_both_ends() {
        let from: Month = "2023-11".parse().expect("a month");
        let range = MonthRange::starting(from, 3).expect("a range");
        assert_eq!(range.to().to_string(), "2024-01");
        assert_eq!(range.months().count(), 3);
        assert!(MonthRange::starting(from, 0).is_err());
        assert!(MonthRange::starting(from, 121).is_err());
        assert!(MonthRange::new(range.to(), from).is_err());
    }
}
