//! Sentences as a voice reads them: amounts in words, hotlines digit by digit, no symbols.

use crate::Language;

const DIGITS: [&str; 10] = ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
/// A telephone number is said as 幺, so that 一 and 七 are not mixed up.
const DIALLED: [&str; 10] = ["零", "幺", "二", "三", "四", "五", "六", "七", "八", "九"];
/// Hotlines have five digits; longer numbers are dialled or read out one by one as well.
const DIALLED_DIGITS_MIN: usize = 5;

/// `text` without symbols, for a client that reads it aloud (a voice stumbles over “898.80”, brackets
/// and quotation marks). English voices read figures well, so there only the marks go.
pub fn aloud(language: Language, text: &str) -> String {
    match language {
        Language::Chinese => chinese(text),
        Language::English => text.chars().filter(|mark| !"“”\"()".contains(*mark)).collect(),
    }
}

fn chinese(text: &str) -> String {
    let mut said = String::new();
    let mut number = String::new();
    let mut marks = text.chars().peekable();
    while let Some(mark) = marks.next() {
        let continues =
            mark == '.' && !number.contains('.') && marks.peek().is_some_and(char::is_ascii_digit);
        if mark.is_ascii_digit() || (!number.is_empty() && continues) {
            number.push(mark);
            continue;
        }
        let yuan = matches!(mark, '元') || (mark == ' ' && marks.peek() == Some(&'元'));
        said.push_str(&number_said(&number, yuan));
        number.clear();
        match mark {
            '(' | ')' | '\u{ff08}' | '\u{ff09}' | '、' => said.push(','),
            '“' | '”' | '"' | ' ' => {}
            '元' if said.ends_with(YUAN_SAID) => {
                // "元" was said with the amount.
                said.truncate(said.len() - YUAN_SAID.len());
            }
            mark => said.push(mark),
        }
    }
    said.push_str(&number_said(&number, false));
    said
}

/// Marks an amount whose 元 has been said.
const YUAN_SAID: &str = "\u{0}";

fn number_said(number: &str, yuan: bool) -> String {
    if number.is_empty() {
        return String::new();
    }
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if yuan {
        return format!("{}{YUAN_SAID}", amount_said(whole, fraction));
    }
    if fraction.is_empty() && whole.len() >= DIALLED_DIGITS_MIN {
        return digits_said(whole, &DIALLED);
    }
    let whole = whole_said(whole);
    if fraction.is_empty() {
        whole
    } else {
        format!("{whole}点{}", digits_said(fraction, &DIGITS))
    }
}

fn digits_said(digits: &str, words: &[&str; 10]) -> String {
    digits.bytes().map(|digit| words[usize::from(digit - b'0') % 10]).collect()
}

/// `898` and `80` as 八百九十八元八角.
fn amount_said(whole: &str, fraction: &str) -> String {
    let mut fen = fraction.bytes().map(|digit| usize::from(digit - b'0') % 10);
    let (jiao, fen) = (fen.next().unwrap_or(0), fen.next().unwrap_or(0));
    let mut said = format!("{}元", whole_said(whole));
    match (jiao, fen) {
        (0, 0) => {}
        (0, fen) => said.push_str(&format!("零{}分", DIGITS[fen])),
        (jiao, 0) => said.push_str(&format!("{}角", DIGITS[jiao])),
        (jiao, fen) => said.push_str(&format!("{}角{}分", DIGITS[jiao], DIGITS[fen])),
    }
    said
}

/// A whole number as it is spoken: 10785 is 一万零七百八十五. Longer than twelve digits: digit by digit.
fn whole_said(digits: &str) -> String {
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return DIGITS[0].to_owned();
    }
    if digits.len() > 12 {
        return digits_said(digits, &DIGITS);
    }
    let mut said = String::new();
    let mut zero = false;
    let mut group_said = false;
    for (index, digit) in digits.bytes().enumerate() {
        let place = digits.len() - 1 - index;
        let digit = usize::from(digit - b'0') % 10;
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("898.80 元", "八百九十八元八角")]
    #[case("404.46元", "四百零四元四角六分")]
    #[case("10785.60 元", "一万零七百八十五元六角")]
    #[case("1000.05 元", "一千元零五分")]
    #[case("12 元", "十二元")]
    #[case("0.50 元", "零元五角")]
    #[case("100000000.00 元", "一亿元")]
    #[case("1010000 元", "一百零一万元")]
    #[case("20500 元", "二万零五百元")]
    fn amounts_are_said_in_words(#[case] text: &str, #[case] said: &str) {
        assert_eq!(aloud(Language::Chinese, text), said);
    }

    #[rstest]
    #[case("请拨打 12333。", "请拨打幺二三三三。")]
    #[case("请点击“去支付”。", "请点击去支付。")]
    #[case("在3个工作日内", "在三个工作日内")]
    #[case("请拨打 12333(社保)", "请拨打幺二三三三,社保,")]
    #[case("8.2", "八点二")]
    fn marks_go_and_hotlines_are_dialled(#[case] text: &str, #[case] said: &str) {
        assert_eq!(aloud(Language::Chinese, text), said);
    }

    #[test]
    fn english_loses_the_marks_only() {
        assert_eq!(aloud(Language::English, "Tap “Pay” (898.80)."), "Tap Pay 898.80.");
    }

    proptest! {
        #[test]
        fn nothing_unspeakable_is_left(text in "[0-9a-z元角。,“”()(). ]{0,40}") {
            let said = aloud(Language::Chinese, &text);
            let unspeakable =
                said.chars().find(|mark| mark.is_ascii_digit() || "“”()() \u{0}".contains(*mark));
            prop_assert_eq!(unspeakable, None, "{}", said);
        }

        #[test]
        fn different_amounts_sound_different(one in 0_u32..100_000_000, other in 0_u32..100_000_000) {
            let said = |fen: u32| aloud(Language::Chinese, &format!("{}.{:02} 元", fen / 100, fen % 100));
            prop_assert_eq!(one == other, said(one) == said(other));
        }
    }
}
