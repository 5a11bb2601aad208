//! Reads TOML tables field by field and remembers everything that is wrong.
//!
//! A derived deserialiser stops at the first mistake. Whoever writes a pack wants the whole list, so
//! each field is taken by hand, and what nobody took is an unknown key.

use std::str::FromStr;

use kernel::{BasisPoints, Fen, Month};
use toml::{Table, Value};

use crate::finding::Finding;
use crate::policy::Day;

/// The longest text that a field may hold.
const TEXT_CHARS_MAX: usize = 2_000;

/// One table being read. Dropping it without [`Fields::finish`] would lose the unknown keys.
pub(crate) struct Fields<'f> {
    table: Table,
    file: &'f str,
    /// The policy, agency or city that findings are about.
    subject: Option<String>,
    /// The row inside the subject, such as `tier 3: `.
    row: String,
    findings: &'f mut Vec<Finding>,
}

impl<'f> Fields<'f> {
    pub fn new(table: Table, file: &'f str, findings: &'f mut Vec<Finding>) -> Fields<'f> {
        Fields { table, file, subject: None, row: String::new(), findings }
    }

    /// Findings from here on are about `subject`.
    pub fn about(&mut self, subject: impl Into<String>) {
        self.subject = Some(subject.into());
    }

    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    pub fn finding(&mut self, field: &str, problem: impl Into<String>) {
        self.findings.push(Finding {
            file: self.file.to_owned(),
            subject: self.subject.clone(),
            field: format!("{}{field}", self.row),
            problem: problem.into(),
        });
    }

    /// Whether a key is left that nobody took.
    pub fn has_untaken(&self) -> bool {
        !self.table.is_empty()
    }

    pub fn findings_count(&self) -> usize {
        self.findings.len()
    }

    fn take<T>(
        &mut self,
        key: &str,
        expected: &str,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.table.remove(key)?;
        let read = read(value);
        if read.is_none() {
            self.finding(key, format!("must be {expected}"));
        }
        read
    }

    /// Notes that `key` is missing, unless something (right or wrong) stood there.
    fn required<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if !self.has(key) {
            self.finding(key, "is missing");
            return None;
        }
        read(self)
    }

    pub fn text_if_any(&mut self, key: &str) -> Option<String> {
        self.take(key, "a text that is not empty", text)
    }

    pub fn text(&mut self, key: &str) -> Option<String> {
        self.required(key, |fields| fields.text_if_any(key))
    }

    pub fn flag(&mut self, key: &str) -> bool {
        self.flag_or(key, false)
    }

    /// As [`Fields::flag`], for what is so unless it is said otherwise.
    pub fn flag_or(&mut self, key: &str, usual: bool) -> bool {
        self.take(key, "true or false", |value| value.as_bool()).unwrap_or(usual)
    }

    /// A text that `T` reads: an identifier or a word of a closed list.
    pub fn parsed_if_any<T: FromStr>(&mut self, key: &str) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        let text = self.text_if_any(key)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.finding(key, format!("`{text}`: {}", error.to_string().trim()));
                None
            }
        }
    }

    pub fn parsed<T: FromStr>(&mut self, key: &str) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        self.required(key, |fields| fields.parsed_if_any(key))
    }

    /// A list of texts that `T` reads. Empty when the key is missing or nothing in it can be read.
    pub fn parsed_list<T: FromStr + PartialEq>(&mut self, key: &str) -> Vec<T>
    where
        T::Err: std::fmt::Display,
    {
        let mut list: Vec<T> = Vec::new();
        for text in self.texts(key) {
            match text.parse::<T>() {
                Ok(value) if list.contains(&value) => {
                    self.finding(key, format!("`{text}` stands there twice"));
                }
                Ok(value) => list.push(value),
                Err(error) => {
                    self.finding(key, format!("`{text}`: {}", error.to_string().trim()));
                }
            }
        }
        list
    }

    pub fn texts(&mut self, key: &str) -> Vec<String> {
        let read = |value: Value| match value {
            Value::Array(list) => list.into_iter().map(text).collect(),
            _ => None,
        };
        self.take(key, "a list of texts", read).unwrap_or_default()
    }

    pub fn fen_if_any(&mut self, key: &str) -> Option<Fen> {
        self.take(key, "a whole number of fen, not below 0", |value| {
            value.as_integer().and_then(Fen::new)
        })
    }

    pub fn fen(&mut self, key: &str) -> Option<Fen> {
        self.required(key, |fields| fields.fen_if_any(key))
    }

    pub fn fen_list(&mut self, key: &str) -> Vec<Fen> {
        let read = |value: Value| match value {
            Value::Array(list) => {
                list.iter().map(|value| value.as_integer().and_then(Fen::new)).collect()
            }
            _ => None,
        };
        self.take(key, "a list of whole numbers of fen", read).unwrap_or_default()
    }

    /// A rate between 0.01 % and 50 %: nobody pays more than half of a base for one insurance.
    pub fn rate_if_any(&mut self, key: &str) -> Option<BasisPoints> {
        self.take(key, "a rate between 1 and 5000 basis points", |value| {
            let rate = u16::try_from(value.as_integer()?).ok()?;
            (1..=5_000).contains(&rate).then_some(BasisPoints(rate))
        })
    }

    pub fn number_if_any(&mut self, key: &str, min: u16, max: u16) -> Option<u16> {
        self.take(key, &format!("a whole number between {min} and {max}"), |value| {
            let number = u16::try_from(value.as_integer()?).ok()?;
            (min..=max).contains(&number).then_some(number)
        })
    }

    pub fn number(&mut self, key: &str, min: u16, max: u16) -> Option<u16> {
        self.required(key, |fields| fields.number_if_any(key, min, max))
    }

    /// A list of whole numbers, each once.
    pub fn numbers(&mut self, key: &str, min: u8, max: u8) -> Vec<u8> {
        let expected = format!("a list of whole numbers between {min} and {max}, each once");
        let numbers = self.take(key, &expected, |value| {
            let read = |value: &Value| {
                let number = u8::try_from(value.as_integer()?).ok()?;
                (min..=max).contains(&number).then_some(number)
            };
            let mut numbers: Vec<u8> =
                value.as_array()?.iter().map(read).collect::<Option<Vec<u8>>>()?;
            numbers.sort_unstable();
            numbers.windows(2).all(|pair| pair[0] != pair[1]).then_some(numbers)
        });
        numbers.unwrap_or_default()
    }

    pub fn day_if_any(&mut self, key: &str) -> Option<Day> {
        self.take(key, "a date such as 2023-01-01, without a time", |value| {
            let Value::Datetime(datetime) = value else { return None };
            let date = (datetime.time.is_none()).then_some(datetime.date?)?;
            Day::new(date.year, date.month, date.day)
        })
    }

    pub fn day(&mut self, key: &str) -> Option<Day> {
        self.required(key, |fields| fields.day_if_any(key))
    }

    /// The month that begins with the day at `key`.
    pub fn month_beginning_if_any(&mut self, key: &str) -> Option<Month> {
        let day = self.day_if_any(key)?;
        let month = day.is_first_of_month().then(|| day.month()).flatten();
        if month.is_none() {
            self.finding(key, "must be the first day of a month: contributions are by the month");
        }
        month
    }

    pub fn seat(&mut self, key: &str) -> Option<[i32; 2]> {
        self.required(key, |fields| {
            fields.take(key, "[latitude, longitude] in ten-thousandths of a degree", |v| pair(&v))
        })
    }

    pub fn seats(&mut self, key: &str) -> Vec<[i32; 2]> {
        let read = |value: Value| value.as_array()?.iter().map(pair).collect();
        self.take(key, "a list of [latitude, longitude]", read).unwrap_or_default()
    }

    /// The rows of a list of tables, `[[policy]]` or `tier = [{ … }]`.
    pub fn rows(&mut self, key: &str) -> Vec<Table> {
        let read = |value: Value| match value {
            Value::Array(list) => list
                .into_iter()
                .map(|value| match value {
                    Value::Table(table) => Some(table),
                    _ => None,
                })
                .collect(),
            _ => None,
        };
        self.take(key, "a list of tables", read).unwrap_or_default()
    }

    pub fn section(&mut self, key: &str) -> Option<Table> {
        self.take(key, "a table", |value| match value {
            Value::Table(table) => Some(table),
            _ => None,
        })
    }

    /// Reads one row of this table; findings in it name the row.
    pub fn row<T>(
        &mut self,
        table: Table,
        name: String,
        read: impl FnOnce(&mut Fields<'_>) -> T,
    ) -> T {
        let mut row = Fields {
            table,
            file: self.file,
            subject: self.subject.clone(),
            row: format!("{}{name}: ", self.row),
            findings: &mut *self.findings,
        };
        let value = read(&mut row);
        row.finish();
        value
    }

    /// Notes every key that nobody took.
    pub fn finish(mut self) {
        for key in std::mem::take(&mut self.table).keys() {
            self.finding(key, "is not a key of this table");
        }
    }
}

/// Latitude and longitude in ten-thousandths of a degree.
fn pair(value: &Value) -> Option<[i32; 2]> {
    let [latitude, longitude] = value.as_array()?.as_slice() else { return None };
    let number = |value: &Value| i32::try_from(value.as_integer()?).ok();
    Some([number(latitude)?, number(longitude)?])
}

fn text(value: Value) -> Option<String> {
    let Value::String(text) = value else { return None };
    let fits = !text.trim().is_empty() && text.chars().count() <= TEXT_CHARS_MAX;
    fits.then_some(text)
}
