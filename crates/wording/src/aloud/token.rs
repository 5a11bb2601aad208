//! What a text names: dates, times, amounts, numbers, codes, and the letters between them.

use crate::date::MONTHS;

/// One thing that is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// Latin letters in a row.
    Word(&'t str),
    /// Any other character.
    Sign(char),
    /// A day, or a month where `day` is absent.
    Date {
        year: &'t str,
        month: u8,
        day: Option<u8>,
    },
    /// 24 hours in a day; `24:00` is its end. Seconds are not told.
    Time {
        hour: u8,
        minute: u8,
    },
    /// Yuan.
    Amount(Number<'t>),
    Percent(Number<'t>),
    Number(Number<'t>),
    /// Telephone numbers, document numbers: said one by one.
    Digits(String),
    /// Letters and figures mixed, or a name with hyphens and figures: said one by one.
    Code(&'t str),
    /// Asterisks in place of what is not shown.
    Mask,
}

/// Figures before and after the point, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number<'t> {
    pub whole: &'t str,
    pub fraction: &'t str,
}

/// Hotlines have five digits; numbers as long or longer are dialled or compared, not counted.
const DIALLED_LEAST: usize = 5;

/// What is counted, after which even a long number is a quantity.
const COUNTED: [&str; 14] = [
    "个",
    "笔",
    "字",
    "位",
    "次",
    "人",
    "条",
    "秒",
    "天",
    "characters",
    "bills",
    "months",
    "orders",
    "seconds",
];

/// Reads a text from its beginning; every character ends up in one token.
pub(super) fn read(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '¥' | '\u{ffe5}' => match number(&rest[first.len_utf8()..]) {
                Some((number, length)) => (Token::Amount(number), first.len_utf8() + length),
                None => (Token::Sign(first), first.len_utf8()),
            },
            '*' => (Token::Mask, span(rest, |b| b == b'*')),
            first if first.is_ascii_digit() => {
                let masked = matches!(tokens.last(), Some(Token::Mask));
                figures(rest, masked)
            }
            first if first.is_ascii_alphabetic() => letters(rest),
            first => (Token::Sign(first), first.len_utf8()),
        };
        tokens.push(token);
        rest = &rest[length..];
    }
    tokens
}

fn span(text: &str, belongs: impl Fn(u8) -> bool) -> usize {
    text.bytes().take_while(|b| belongs(*b)).count()
}

/// What begins with a figure.
fn figures(text: &str, masked: bool) -> (Token<'_>, usize) {
    date(text)
        .or_else(|| time(text))
        .or_else(|| dialled_with_hyphen(text))
        .or_else(|| code(text))
        .unwrap_or_else(|| {
            let (number, length) = number(text).unwrap_or((Number { whole: "", fraction: "" }, 1));
            (named(number, &text[length..], masked), length + unit(&text[length..]))
        })
}

/// What a number is, by what stands after it.
fn named<'t>(number: Number<'t>, after: &str, masked: bool) -> Token<'t> {
    let (whole, next) = (number.whole, after.strip_prefix(' ').unwrap_or(after));
    if after.starts_with('%') {
        return Token::Percent(number);
    }
    if is_yuan(next) {
        return Token::Amount(number);
    }
    let beside_mask = masked || after.starts_with('*');
    let counted = COUNTED.iter().any(|counted| next.starts_with(counted));
    let long = whole.len() >= DIALLED_LEAST && !counted;
    let padded = whole.len() > 1 && whole.starts_with('0');
    let year = whole.len() == 4 && next.starts_with('年');
    if number.fraction.is_empty() && (beside_mask || long || padded || year) {
        return Token::Digits(whole.to_owned());
    }
    Token::Number(number)
}

/// How much of the text after a number belongs to it.
fn unit(after: &str) -> usize {
    let blank = usize::from(after.starts_with(' '));
    let next = &after[blank..];
    if after.starts_with('%') {
        1
    } else if next.starts_with('元') {
        blank + '元'.len_utf8()
    } else if is_yuan(next) {
        blank + "yuan".len()
    } else {
        0
    }
}

fn is_yuan(text: &str) -> bool {
    let word = text.strip_prefix("yuan");
    text.starts_with('元')
        || word.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphabetic()))
}

fn number(text: &str) -> Option<(Number<'_>, usize)> {
    let whole = span(text, |b| b.is_ascii_digit());
    if whole == 0 {
        return None;
    }
    let fraction =
        text[whole..].strip_prefix('.').map_or(0, |rest| span(rest, |b| b.is_ascii_digit()));
    let end = if fraction == 0 { whole } else { whole + 1 + fraction };
    let fraction = if fraction == 0 { "" } else { &text[whole + 1..end] };
    Some((Number { whole: &text[..whole], fraction }, end))
}

/// Exactly `count` figures, and no more after them.
fn fixed(text: &str, count: usize) -> Option<(&str, &str)> {
    let (figures, rest) = text.split_at_checked(count)?;
    let fits = figures.bytes().all(|b| b.is_ascii_digit());
    (fits && !rest.starts_with(|c: char| c.is_ascii_digit())).then_some((figures, rest))
}

fn small(text: &str, least: u8, most: u8) -> Option<u8> {
    text.parse().ok().filter(|number| (least..=most).contains(number))
}

/// `2026-11-29`, `2026-11`, `2026年11月29日`, `2026年11月` or `29 November 2026`.
fn date(text: &str) -> Option<(Token<'_>, usize)> {
    let told = |year, month, day, rest: &str| {
        Some((Token::Date { year, month, day }, text.len() - rest.len()))
    };
    if let Some((year, rest)) = fixed(text, 4) {
        if let Some(rest) = rest.strip_prefix('-') {
            let (month, rest) = fixed(rest, 2)?;
            let month = small(month, 1, 12)?;
            let day = rest.strip_prefix('-').map(|rest| fixed(rest, 2));
            return match day {
                Some(Some((day, rest))) => told(year, month, Some(small(day, 1, 31)?), rest),
                Some(None) => None,
                None => told(year, month, None, rest),
            };
        }
        let (month, rest) = counted(rest.strip_prefix('年')?, '月', 12)?;
        return match counted(rest, '日', 31) {
            Some((day, rest)) => told(year, month, Some(day), rest),
            None => told(year, month, None, rest),
        };
    }
    let length = span(text, |b| b.is_ascii_digit()).min(3);
    let (day, rest) = (small(&text[..length], 1, 31)?, text[length..].strip_prefix(' ')?);
    let (month, year, rest) = named_month(rest)?;
    told(year, month, Some(day), rest)
}

/// A number of one or two figures and its unit: `11月`.
fn counted(text: &str, unit: char, most: u8) -> Option<(u8, &str)> {
    let length = span(text, |b| b.is_ascii_digit());
    let number = small(&text[..length.min(3)], 1, most)?;
    Some((number, text[length..].strip_prefix(unit)?))
}

/// `November 2026`.
fn named_month(text: &str) -> Option<(u8, &str, &str)> {
    let month = MONTHS.iter().position(|name| text.starts_with(name))?;
    let rest = text[MONTHS[month].len()..].strip_prefix(' ')?;
    let (year, rest) = fixed(rest, 4)?;
    Some((u8::try_from(month).ok()? + 1, year, rest))
}

/// `19:41` or `19:41:44`.
fn time(text: &str) -> Option<(Token<'_>, usize)> {
    let length = span(text, |b| b.is_ascii_digit());
    let hour = small(&text[..length.min(3)], 0, 24)?;
    let (minute, rest) = fixed(text[length..].strip_prefix(':')?, 2)?;
    let minute = small(minute, 0, 59)?;
    let seconds = rest.strip_prefix(':').and_then(|rest| fixed(rest, 2));
    let rest = seconds.map_or(rest, |(_, rest)| rest);
    Some((Token::Time { hour, minute }, text.len() - rest.len()))
}

/// `0510-85012345`.
fn dialled_with_hyphen(text: &str) -> Option<(Token<'_>, usize)> {
    let area = span(text, |b| b.is_ascii_digit());
    let rest = text[area..].strip_prefix('-')?;
    let number = span(rest, |b| b.is_ascii_digit());
    let fits = (3..=4).contains(&area) && (7..=8).contains(&number) && text.starts_with('0');
    let ends = !rest[number..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
    let digits = || format!("{}{}", &text[..area], &rest[..number]);
    (fits && ends).then(|| (Token::Digits(digits()), area + 1 + number))
}

/// Letters and figures mixed, with hyphens between: `7K3M-9QXT`, `js-pension-2023`, `320200-hr`.
fn code(text: &str) -> Option<(Token<'_>, usize)> {
    let length = span(text, |b| b.is_ascii_alphanumeric() || b == b'-');
    let whole = text[..length].trim_end_matches('-');
    let letters = whole.bytes().any(|b| b.is_ascii_alphabetic());
    let figures = whole.bytes().any(|b| b.is_ascii_digit());
    // `898yuan` is an amount.
    let unit = whole.trim_start_matches(|c: char| c.is_ascii_digit()) == "yuan";
    (letters && figures && !unit).then_some((Token::Code(whole), whole.len()))
}

/// What begins with a letter: a month with its year, a code, or a word.
fn letters(text: &str) -> (Token<'_>, usize) {
    if let Some((month, year, rest)) = named_month(text) {
        return (Token::Date { year, month, day: None }, text.len() - rest.len());
    }
    code(text).unwrap_or_else(|| {
        let length = span(text, |b| b.is_ascii_alphabetic());
        (Token::Word(&text[..length]), length)
    })
}
