//! Tokens as English says them. Everything is spelled out: how a voice reads `12333` or `19:41` differs
//! from telephone to telephone.

use super::token::{Number, Token};
use crate::date::MONTHS;

const UNITS: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] =
    ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const ORDINALS: [&str; 20] = [
    "",
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
];

pub(super) fn said(tokens: &[Token<'_>]) -> String {
    let mut speech = Speech::default();
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| &tokens[at]);
        match token {
            Token::Word(word) => speech.letters(word),
            Token::Date { year, month, day } => speech.words(&date(year, *month, *day)),
            Token::Time { hour, minute } => {
                if follows_a_date(&tokens[..at]) {
                    speech.pause(',');
                    speech.words("at");
                }
                speech.words(&time(*hour, *minute));
            }
            Token::Amount(number) => speech.words(&amount(*number)),
            Token::Percent(share) => speech.words(&format!("{} percent", decimal(*share))),
            Token::Number(number) => speech.words(&decimal(*number)),
            Token::Digits(figures) => speech.words(&one_by_one(figures)),
            Token::Code(code) => speech.words(&one_by_one(code)),
            Token::Mask => speech.words("hidden"),
            Token::Sign('\'' | '\u{2019}') if matches!(before, Some(Token::Word(_))) => {
                speech.text.push('\'');
            }
            Token::Sign(sign) => speech.mark(*sign, tokens.get(at + 1)),
        }
    }
    speech.text.trim_end_matches([',', ' ']).to_owned()
}

/// A date, and nothing but a comma and blanks since.
fn follows_a_date(before: &[Token<'_>]) -> bool {
    let mut before = before.iter().rev();
    let last = before.find(|token| !matches!(token, Token::Sign(' ' | ',')));
    matches!(last, Some(Token::Date { .. }))
}

#[derive(Default)]
struct Speech {
    text: String,
}

impl Speech {
    /// Letters that may go on with the ones before: an umlaut, a Chinese name.
    fn letters(&mut self, letters: &str) {
        self.text.push_str(letters);
    }

    /// Words of their own.
    fn words(&mut self, words: &str) {
        if !self.text.is_empty() && !self.text.ends_with(' ') {
            self.text.push(' ');
        }
        self.text.push_str(words);
        self.text.push(' ');
    }

    fn pause(&mut self, mark: char) {
        self.text.truncate(self.text.trim_end().len());
        if mark != ',' && self.text.ends_with(',') {
            self.text.pop();
        }
        if !self.text.is_empty() && !self.text.ends_with([',', '.', ';', '?', '!']) {
            self.text.push(mark);
        }
    }

    fn mark(&mut self, sign: char, after: Option<&Token<'_>>) {
        match sign {
            sign if sign.is_alphabetic() => self.text.push(sign),
            '.' | '\u{2013}' | '~'
                if matches!(after, Some(Token::Date { .. } | Token::Number(_))) =>
            {
                self.words("to");
            }
            '.' | ';' | '?' | '!' => self.pause(sign),
            '。' => self.pause('.'),
            ',' | ':' | '(' | ')' | '、' | '…' | '\u{2014}' => self.pause(','),
            '%' => self.words("percent"),
            '+' => self.words("plus"),
            '=' => self.words("equals"),
            '×' => self.words("times"),
            '&' => self.words("and"),
            '/' => self.words("or"),
            ' ' | '-' if !self.text.is_empty() && !self.text.ends_with(' ') => self.text.push(' '),
            _ => {}
        }
    }
}

fn one_by_one(code: &str) -> String {
    let signs = code.chars().filter(|sign| *sign != '-').map(|sign| {
        sign.to_digit(10).map_or_else(|| sign.to_string(), |digit| UNITS[digit as usize].to_owned())
    });
    signs.collect::<Vec<_>>().join(" ")
}

fn date(year: &str, month: u8, day: Option<u8>) -> String {
    let month = MONTHS.get(usize::from(month).wrapping_sub(1)).copied().unwrap_or_default();
    match day {
        Some(day) => format!("the {} of {month} {}", ordinal(day), year_words(year)),
        None => format!("{month} {}", year_words(year)),
    }
}

fn ordinal(day: u8) -> String {
    let day = usize::from(day);
    match (day / 10, day % 10) {
        (0 | 1, _) => ORDINALS[day.min(19)].to_owned(),
        (2, 0) => "twentieth".to_owned(),
        (3, 0) => "thirtieth".to_owned(),
        (tens, unit) => format!("{} {}", TENS[tens.min(9)], ORDINALS[unit]),
    }
}

fn year_words(year: &str) -> String {
    let number: u64 = year.parse().unwrap_or(0);
    let (century, rest) = (number / 100, number % 100);
    match (century, rest) {
        (0..=9, _) | (_, 0..=9) if number % 1000 < 10 => whole(number),
        (_, 0) => format!("{} hundred", whole(century)),
        (_, 1..=9) => format!("{} oh {}", whole(century), whole(rest)),
        _ => format!("{} {}", whole(century), whole(rest)),
    }
}

/// Of the twelve hours that English counts.
fn time(hour: u8, minute: u8) -> String {
    let half = if hour % 24 < 12 { "a m" } else { "p m" };
    let of_twelve = match hour % 12 {
        0 => 12,
        hour => hour,
    };
    let of_twelve = whole(u64::from(of_twelve));
    match (hour, minute) {
        (0, 0) => "midnight".to_owned(),
        (24, 0) => "midnight at the end of the day".to_owned(),
        (12, 0) => "twelve noon".to_owned(),
        (_, 0) => format!("{of_twelve} {half}"),
        (_, 1..=9) => format!("{of_twelve} oh {} {half}", whole(u64::from(minute))),
        _ => format!("{of_twelve} {} {half}", whole(u64::from(minute))),
    }
}

/// `898.80` as eight hundred and ninety eight yuan and eighty fen.
fn amount(number: Number<'_>) -> String {
    if number.fraction.len() > 2 {
        return format!("{} yuan", decimal(number));
    }
    let fen: u64 = format!("{:0<2}", number.fraction).parse().unwrap_or(0);
    match (words(number.whole), fen) {
        (yuan, 0) => format!("{yuan} yuan"),
        (yuan, fen) if yuan == UNITS[0] => format!("{} fen", whole(fen)),
        (yuan, fen) => format!("{yuan} yuan and {} fen", whole(fen)),
    }
}

fn decimal(number: Number<'_>) -> String {
    let said = words(number.whole);
    if number.fraction.is_empty() {
        said
    } else {
        format!("{said} point {}", one_by_one(number.fraction))
    }
}

/// A whole number; longer than twelve figures: one by one.
fn words(figures: &str) -> String {
    match figures.parse::<u64>() {
        Ok(number) if number < 1_000_000_000_000 => whole(number),
        _ => one_by_one(figures),
    }
}

fn whole(number: u64) -> String {
    const SCALES: [(u64, &str); 3] =
        [(1_000_000_000, "billion"), (1_000_000, "million"), (1_000, "thousand")];
    if let Some((size, name)) = SCALES.iter().find(|(size, _)| number >= *size) {
        let (many, rest) = (whole(number / size), number % size);
        return match rest {
            0 => format!("{many} {name}"),
            1..=99 => format!("{many} {name} and {}", whole(rest)),
            _ => format!("{many} {name} {}", whole(rest)),
        };
    }
    let below_hundred = |number: u64| {
        let number = usize::try_from(number).unwrap_or(0);
        match (number / 10, number % 10) {
            (0 | 1, _) => UNITS[number.min(19)].to_owned(),
            (tens, 0) => TENS[tens.min(9)].to_owned(),
            (tens, unit) => format!("{} {}", TENS[tens.min(9)], UNITS[unit]),
        }
    };
    match (number / 100, number % 100) {
        (0, rest) => below_hundred(rest),
        (hundreds, 0) => format!("{} hundred", below_hundred(hundreds)),
        (hundreds, rest) => {
            format!("{} hundred and {}", below_hundred(hundreds), below_hundred(rest))
        }
    }
}
