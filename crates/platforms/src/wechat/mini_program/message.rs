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
        "number" => length <= 32 && value.chars().all(|c| c.is_ascii_digit() || c == '.'),
        "letter" => length <= 32 && value.chars().all(|c| c.is_ascii_alphabetic()),
        "symbol" => length <= 5,
        "character_string" => length <= 32 && !value.chars().any(is_chinese),
        "phrase" => length <= 5 && value.chars().all(is_chinese),
        "time" | "date" => length <= 64 && digits() > 0,
        // One sign of a currency, ten digits with a point perhaps, 元 perhaps.
        "amount" => {
            let number = value.strip_suffix('元').unwrap_or(value);
            let number = number.trim_start_matches(|c: char| !c.is_ascii_digit());
            let signs = value.chars().count() - number.chars().count();
            let plain = number.chars().all(|c| c.is_ascii_digit() || ".,".contains(c));
            let signs_max = if value.ends_with('元') { 2 } else { 1 };
            signs <= signs_max && plain && (1..=10).contains(&digits())
        }
        "phone_number" => length <= 17 && value.is_ascii(),
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
    #[case("time7", "2026年1月1日 08:00~09:00", true)]
    #[case("date8", "2026年1月1日", true)]
    #[case("date8", "明天", false)]
    #[case("amount9", "898.80", true)]
    #[case("amount9", "¥898.80元", true)]
    #[case("amount9", "898.80元", true)]
    #[case("amount9", "¥¥898.80", false)]
    #[case("amount9", "12345678901", false)]
    #[case("amount9", "元", false)]
    #[case("phone_number10", "+86-0766-66888866", true)]
    #[case("phone_number10", "+86-0766-668888661", false)]
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
