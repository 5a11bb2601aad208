//! Tokens as Mandarin says them.

use super::token::{Number, Token};

const DIGITS: [&str; 10] = ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
/// A telephone number is said as 幺, so that 一 and 七 are not mixed up.
const DIALLED: [&str; 10] = ["零", "幺", "二", "三", "四", "五", "六", "七", "八", "九"];

/// Before these, two is 两: 两个月, but 二月.
const COUNTED: [char; 10] = ['个', '笔', '次', '天', '位', '条', '份', '种', '张', '人'];

pub(super) fn said(tokens: &[Token<'_>]) -> String {
    let mut said = String::new();
    for (at, token) in tokens.iter().enumerate() {
        let after = || tokens.get(at + 1..).unwrap_or_default();
        match token {
            Token::Word(word) => {
                // The blank between two words of Latin letters stays.
                let spaced = at >= 2
                    && tokens[at - 1] == Token::Sign(' ')
                    && matches!(tokens[at - 2], Token::Word(_));
                said.push_str(if spaced { " " } else { "" });
                said.push_str(word);
            }
            Token::Date { year, month, day } => {
                said.push_str(&format!("{}年{}月", digits(year, &DIGITS), small(*month)));
                if let Some(day) = day {
                    said.push_str(&format!("{}日", small(*day)));
                }
            }
            Token::Time { hour, minute } => {
                said.push_str(&format!("{}点", small(*hour)));
                match minute {
                    0 => {}
                    1..=9 => said.push_str(&format!("零{}分", small(*minute))),
                    _ => said.push_str(&format!("{}分", small(*minute))),
                }
            }
            Token::Amount(number) => said.push_str(&amount(*number)),
            Token::Percent(share) => said.push_str(&format!("百分之{}", decimal(*share))),
            Token::Number(Number { whole: "2", fraction: "" }) if is_counted(after()) => {
                said.push('两');
            }
            Token::Number(number) => said.push_str(&decimal(*number)),
            Token::Digits(figures) => {
                let year = figures.len() == 4
                    && after().iter().find(|t| **t != Token::Sign(' ')) == Some(&Token::Sign('年'));
                said.push_str(&digits(figures, if year { &DIGITS } else { &DIALLED }));
            }
            Token::Code(code) => said.extend(code.chars().filter(|c| *c != '-').map(|sign| {
                sign.to_digit(10)
                    .map_or_else(|| sign.to_string(), |d| DIGITS[d as usize].to_owned())
            })),
            // Of a name the family name is hidden, of a number some figures are.
            Token::Mask => said.push_str(match after().first() {
                Some(Token::Sign(sign)) if sign.is_alphabetic() => "某",
                _ => "星号",
            }),
            Token::Sign(sign) => mark(&mut said, *sign, after()),
        }
    }
    said.trim_end_matches([',', ' ']).to_owned()
}

fn is_counted(after: &[Token<'_>]) -> bool {
    let next = after.iter().find(|token| **token != Token::Sign(' '));
    matches!(next, Some(Token::Sign(sign)) if COUNTED.contains(sign))
}

/// A character that is no letter and no figure: a pause, a word, or nothing.
fn mark(said: &mut String, sign: char, after: &[Token<'_>]) {
    let figure_follows = matches!(
        after.first(),
        Some(Token::Date { .. } | Token::Time { .. } | Token::Number(_) | Token::Amount(_))
    );
    match sign {
        sign if sign.is_alphabetic() => said.push(sign),
        '.' if after.first() == Some(&Token::Sign('.')) => {}
        '-' | '.' | '~' | '\u{2013}' | '\u{ff5e}' if figure_follows && !said.is_empty() => {
            said.push('至');
        }
        '。' | '.' => said.push('。'),
        ';' | '\u{ff1b}' => said.push(';'),
        '?' | '\u{ff1f}' => said.push('?'),
        '!' | '\u{ff01}' => said.push('!'),
        ',' | '\u{ff0c}' | '、' | ':' | '\u{ff1a}' | '(' | ')' | '\u{ff08}' | '\u{ff09}' | '/'
            if !said.is_empty() && !said.ends_with([',', '。', ';', '?', '!']) =>
        {
            said.push(',');
        }
        '%' => said.push_str("百分号"),
        '+' => said.push('加'),
        '=' => said.push_str("等于"),
        '×' => said.push('乘'),
        _ => {}
    }
}

fn digits(figures: &str, words: &[&str; 10]) -> String {
    figures.bytes().map(|digit| words[usize::from(digit.wrapping_sub(b'0')) % 10]).collect()
}

fn small(number: u8) -> String {
    whole(&number.to_string())
}

fn decimal(number: Number<'_>) -> String {
    let said = whole(number.whole);
    if number.fraction.is_empty() {
        said
    } else {
        format!("{said}点{}", digits(number.fraction, &DIGITS))
    }
}

/// `898.80` as 八百九十八元八角. More than two decimals are no amount of money and are read out.
fn amount(number: Number<'_>) -> String {
    if number.fraction.len() > 2 {
        return format!("{}元", decimal(number));
    }
    let mut fen = number.fraction.bytes().map(|digit| usize::from(digit.wrapping_sub(b'0')) % 10);
    let (jiao, fen) = (fen.next().unwrap_or(0), fen.next().unwrap_or(0));
    let yuan = whole(number.whole);
    let nothing = yuan == DIGITS[0];
    let mut said =
        if nothing && (jiao, fen) != (0, 0) { String::new() } else { format!("{yuan}元") };
    match (jiao, fen) {
        (0, 0) => {}
        (0, fen) if nothing => said.push_str(&format!("{}分", DIGITS[fen])),
        (0, fen) => said.push_str(&format!("零{}分", DIGITS[fen])),
        (jiao, 0) => said.push_str(&format!("{}角", DIGITS[jiao])),
        (jiao, fen) => said.push_str(&format!("{}角{}分", DIGITS[jiao], DIGITS[fen])),
    }
    said
}

/// A whole number as it is spoken: 10785 is 一万零七百八十五. Longer than twelve figures: one by one.
fn whole(figures: &str) -> String {
    let figures = figures.trim_start_matches('0');
    if figures.is_empty() {
        return DIGITS[0].to_owned();
    }
    if figures.len() > 12 {
        return digits(figures, &DIGITS);
    }
    let mut said = String::new();
    let mut zero = false;
    let mut group_said = false;
    for (index, digit) in figures.bytes().enumerate() {
        let place = figures.len() - 1 - index;
        let digit = usize::from(digit.wrapping_sub(b'0')) % 10;
        if digit == 0 {
            zero = true;
        } else {
            if zero && !said.is_empty() {
                said.push_str(DIGITS[0]);
            }
            zero = false;
            group_said = true;
            said.push_str(DIGITS[digit]);
            said.push_str(["", "十", "百", "千"][place % 4]);
        }
        if place.is_multiple_of(4) && group_said {
            said.push_str(["", "万", "亿"][place / 4]);
            group_said = false;
        }
    }
    // 一十二 is said as 十二.
    said.strip_prefix("一十").map_or(said.clone(), |rest| format!("十{rest}"))
}
