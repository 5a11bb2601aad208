//! Subscription messages (订阅消息): one acceptance of a template by the user is one message. A refusal
//! or a used-up acceptance is a normal end. There is no idempotency, and messages prove nothing to us.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::{
    MiniProgramError, WechatMiniProgram,
    error::{Said, meaning},
};
use crate::{MessageFate, login::is_platform_id};

/// Which version of the mini-program a message leads to (`miniprogram_state`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MiniProgramVersion {
    Developer,
    Trial,
    #[default]
    Formal,
}

/// In which language WeChat dresses a message (`lang`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub enum MessageLanguage {
    #[default]
    #[serde(rename = "zh_CN")]
    SimplifiedChinese,
    #[serde(rename = "en_US")]
    English,
    #[serde(rename = "zh_HK")]
    HongKong,
    #[serde(rename = "zh_TW")]
    Taiwan,
}

/// A message to one user. `Debug` prints neither the user nor the words.
#[derive(Clone)]
pub struct SubscriptionMessage {
    /// The openid in this mini-program.
    pub to: String,
    pub template_id: String,
    /// The page that a tap opens, with its parameters; without one a tap opens nothing.
    pub page: Option<String>,
    /// By key of the template, such as `thing1` or `amount2`. The letters of a key say what the
    /// value may be, and a value that does not fit is not sent.
    pub words: BTreeMap<String, String>,
    pub version: MiniProgramVersion,
    pub language: MessageLanguage,
}

impl fmt::Debug for SubscriptionMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubscriptionMessage({}, ***)", self.template_id)
    }
}

#[derive(Serialize)]
struct Word<'a> {
    value: &'a str,
}

#[derive(Serialize)]
struct Content<'a> {
    touser: &'a str,
    template_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<&'a str>,
    data: BTreeMap<&'a str, Word<'a>>,
    miniprogram_state: MiniProgramVersion,
    lang: MessageLanguage,
}

fn is_chinese(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{20000}'..='\u{323AF}')
}

/// Digits, with decimals perhaps.
fn is_number(text: &str) -> bool {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    [whole, decimals].iter().all(|part| digits_only(part).is_some())
}

/// The number that a text of digits alone is.
fn digits_only(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    // A longer one is a number too; nobody asks for its value.
    plain.then(|| text.parse().unwrap_or(u32::MAX))
}

/// A moment, or two of them with `~` between.
fn range_fits(text: &str, fits: fn(&str) -> bool) -> bool {
    let mut moments = text.split('~').map(str::trim);
    let count = text.matches('~').count() + 1;
    count <= 2 && moments.all(fits)
}

/// `2026年1月1日`, `2026-01-01` or `2026/1/1`, of the calendar.
fn is_day(text: &str) -> bool {
    let parts: Vec<&str> = match text.strip_suffix('日') {
        Some(text) => text.split(['年', '月']).collect(),
        None => text.split(['-', '/']).collect(),
    };
    let numbers: Vec<u32> = parts.into_iter().filter_map(digits_only).collect();
    let [year @ 1000..=9999, month @ 1..=12, day] = numbers[..] else { return false };
    let long = match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    };
    (1..=long).contains(&day)
}

/// `8:00` or `08:00:05`, of 24 hours.
fn is_clock(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let numbers: Vec<u32> = parts.iter().filter_map(|part| digits_only(part)).collect();
    (2..=3).contains(&parts.len())
        && numbers.len() == parts.len()
        && numbers[0] < 24
        && numbers[1..].iter().all(|part| *part < 60)
}

/// A clock time, with its day before it perhaps.
fn is_time(text: &str) -> bool {
    match text.rsplit_once(' ') {
        Some((day, clock)) => is_day(day.trim_end()) && is_clock(clock),
        None => is_clock(text),
    }
}

/// A day, with a clock time behind it perhaps.
fn is_date(text: &str) -> bool {
    is_day(text) || (text.contains(' ') && is_time(text))
}

/// The rule of a key, by the letters before its number. Letters that are not listed may be new: then
/// the platform decides, within a length that no kind reaches.
fn word_fits(key: &str, value: &str) -> bool {
    let kind = key.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_key = !kind.is_empty()
        && kind.len() < key.len()
        && key.len() <= 32
        && kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let length = value.chars().count();
    let digits = || value.chars().filter(char::is_ascii_digit).count();
    if !is_key || length == 0 || value.trim().is_empty() || value.chars().any(char::is_control) {
        return false;
    }
    match kind {
        "thing" => length <= 20,
        "number" => length <= 32 && is_number(value),
        "letter" => length <= 32 && value.chars().all(|c| c.is_ascii_alphabetic()),
        "symbol" => length <= 5 && value.chars().all(|c| !c.is_alphanumeric()),
        "character_string" => length <= 32 && !value.chars().any(is_chinese),
        "phrase" => length <= 5 && value.chars().all(is_chinese),
        "time" => range_fits(value, is_time),
        "date" => range_fits(value, is_date),
        // One sign of a currency, ten digits with a point perhaps, 元 perhaps.
        "amount" => {
            let number = value.strip_suffix('元').unwrap_or(value);
            let number = number.trim_start_matches(|c: char| !c.is_ascii_digit());
            let signs = value.chars().count() - number.chars().count();
            let signs_max = if value.ends_with('元') { 2 } else { 1 };
            let letters = value.chars().any(|c| c.is_ascii_alphabetic());
            signs <= signs_max && !letters && is_number(number) && digits() <= 10
        }
        "phone_number" => {
            let plain = |c: char| c.is_ascii_digit() || "+-*#() ".contains(c);
            length <= 17 && value.chars().all(plain) && digits() > 0
        }
        "car_number" => length <= 8,
        "name" => {
            let latin = value.chars().all(|c| !is_chinese(c));
            length <= if latin { 20 } else { 10 }
        }
        _ => length <= 64,
    }
}

impl SubscriptionMessage {
    fn content(&self) -> Result<Content<'_>, MiniProgramError> {
        if !is_platform_id(&self.to) || !is_platform_id(&self.template_id) {
            let rule = "to and template: 1 to 128 visible characters";
            return Err(MiniProgramError::BadRequest(rule));
        }
        let page = self.page.as_deref();
        let is_page = |page: &str| (1..=1024).contains(&page.len()) && !page.contains("://");
        if !page.is_none_or(is_page) {
            return Err(MiniProgramError::BadRequest("page: a path in the mini-program"));
        }
        let words = &self.words;
        if !(1..=32).contains(&words.len()) || !words.iter().all(|(key, word)| word_fits(key, word))
        {
            return Err(MiniProgramError::BadRequest("words: each as its key allows"));
        }
        let data = words.iter().map(|(key, value)| (key.as_str(), Word { value })).collect();
        Ok(Content {
            touser: &self.to,
            template_id: &self.template_id,
            page,
            data,
            miniprogram_state: self.version,
            lang: self.language,
        })
    }
}

impl WechatMiniProgram {
    /// Sends one message. [`MessageFate::Declined`] is the normal end of a message that the user did
    /// not accept, or not once more (43101): it is recorded, and not sent again.
    ///
    /// Retry class of an unknown outcome: once more at most, it may be read twice.
    ///
    /// # Errors
    /// [`MiniProgramError`]
    pub async fn send_message(
        &self,
        message: &SubscriptionMessage,
    ) -> Result<MessageFate, MiniProgramError> {
        let content = message.content()?;
        let path = "/cgi-bin/message/subscribe/send";
        let judge = |answer: &_| match Said::read(answer)? {
            0 => Ok(MessageFate::Accepted),
            43101 => Ok(MessageFate::Declined),
            errcode => Err(meaning(errcode)),
        };
        self.application.call("subscription_message", path, &content, judge).await
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("thing1", "社保缴费成功", true)]
    #[case("thing1", &"一".repeat(20), true)]
    #[case("thing1", &"一".repeat(21), false)]
    #[case("thing1", "", false)]
    #[case("thing1", "  ", false)]
    #[case("thing1", "a\nb", false)]
    #[case("number2", "12.5", true)]
    #[case("number2", "12元", false)]
    #[case("letter3", "abc", true)]
    #[case("letter3", "ab1", false)]
    #[case("symbol4", "+++++", true)]
    #[case("symbol4", "++++++", false)]
    #[case("character_string5", "SI2026-01", true)]
    #[case("character_string5", "社保", false)]
    #[case("phrase6", "缴费成功啦", true)]
    #[case("phrase6", "缴费成功啦啦", false)]
    #[case("phrase6", "ok", false)]
    #[case("number2", "1.2.3", false)]
    #[case("number2", "1.", false)]
    #[case("symbol4", "社保", false)]
    #[case("time7", "15:01", true)]
    #[case("time7", "2026年1月1日 08:00~09:00", true)]
    #[case("time7", "2026-01-01 08:00:05", true)]
    #[case("time7", "25:99", false)]
    #[case("time7", "1", false)]
    #[case("time7", "2026年1月1日", false)]
    #[case("time7", "08:00~09:00~10:00", false)]
    #[case("date8", "2026年1月1日", true)]
    #[case("date8", "2026年1月1日 08:00", true)]
    #[case("date8", "2026年1月1日~2026年2月1日", true)]
    #[case("date8", "2024-02-29", true)]
    #[case("date8", "2026-02-29", false)]
    #[case("date8", "08:00", false)]
    #[case("date8", "7", false)]
    #[case("date8", "明天", false)]
    #[case("amount9", "ab1c", false)]
    #[case("amount9", "¥$1", false)]
    #[case("amount9", "1.2.3", false)]
    #[case("amount9", "898.80", true)]
    #[case("amount9", "¥898.80元", true)]
    #[case("amount9", "898.80元", true)]
    #[case("amount9", "¥¥898.80", false)]
    #[case("amount9", "12345678901", false)]
    #[case("amount9", "元", false)]
    #[case("phone_number10", "+86-0766-66888866", true)]
    #[case("phone_number10", "+86-0766-668888661", false)]
    #[case("phone_number10", "电话", false)]
    #[case("phone_number10", "phone", false)]
    #[case("car_number11", "粤A8Z888挂", true)]
    #[case("name12", "张三", true)]
    #[case("name12", &"张".repeat(11), false)]
    #[case("name12", &"n".repeat(21), false)]
    #[case("enum13", "已缴", true)]
    #[case("invented14", "x", true)]
    #[case("thing", "x", false)]
    #[case("1", "x", false)]
    #[case("thing 1", "x", false)]
    fn a_word_obeys_the_rule_of_its_key(#[case] key: &str, #[case] word: &str, #[case] fits: bool) {
        assert_eq!(word_fits(key, word), fits, "{key} {word}");
    }
}
