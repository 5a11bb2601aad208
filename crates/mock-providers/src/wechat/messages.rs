//! Phone numbers and subscription messages (wechat §6.4, §6.6).

use std::{
    collections::{HashMap, VecDeque},
    sync::Mutex,
};

use kernel::{Channel, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Wechat,
    tokens::{Failed, calls, required},
};
use crate::{
    lock,
    people::{CodeStanding, People, PersonNo},
};

const SENT_MAX: usize = 10_000;
const ACCEPTANCES_MAX: usize = 100_000;

/// A message that a user got.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SentMessage {
    pub platform: Channel,
    /// `subscribe` or `city_service`.
    pub kind: &'static str,
    pub openid: String,
    pub template_id: String,
    pub at: Timestamp,
    pub body: Value,
}

/// What users accepted and what was sent to them.
#[derive(Default)]
pub(super) struct Messages {
    accepted: Mutex<HashMap<(String, String), u32>>,
    sent: Mutex<VecDeque<SentMessage>>,
}

impl Messages {
    pub(super) fn record(&self, message: SentMessage) -> usize {
        let mut sent = lock(&self.sent);
        sent.push_back(message);
        if sent.len() > SENT_MAX {
            sent.pop_front();
        }
        sent.len()
    }
}

impl Wechat {
    /// The user accepts so many messages of one template. False: too many users did.
    pub(crate) fn accept_messages(&self, user: &str, template_id: &str, times: u32) -> bool {
        let openid = self.people.openid(PersonNo::of(user));
        let mut accepted = lock(&self.messages.accepted);
        if accepted.len() >= ACCEPTANCES_MAX {
            return false;
        }
        let left = accepted.entry((openid, template_id.to_owned())).or_default();
        *left = left.saturating_add(times);
        true
    }

    /// Newest first.
    pub(crate) fn messages(&self, count_max: usize) -> Vec<SentMessage> {
        lock(&self.messages.sent).iter().rev().take(count_max).cloned().collect()
    }

    /// A code of the phone number button, and the number that it will give.
    pub(crate) fn mint_phone_code(&self, user: &str) -> (String, String) {
        let person = PersonNo::of(user);
        let code = self.phone_codes.mint(person, self.now(), self.stage.entropy.as_ref());
        (code, People::phone(person))
    }

    fn phone(&self, asked: &Value) -> Result<Value, Failed> {
        let invalid = (40_029, "invalid code");
        let code = required(asked, "code").map_err(|_| invalid)?;
        let CodeStanding::Fresh(person) = self.phone_codes.redeem(code, self.now()) else {
            return Err(invalid);
        };
        let openid = asked["openid"].as_str();
        if openid.is_some_and(|openid| openid != self.people.openid(person)) {
            return Err(invalid);
        }
        let number = People::phone(person);
        Ok(json!({"errcode": 0, "errmsg": "ok", "phone_info": {
            "phoneNumber": number,
            "purePhoneNumber": number,
            "countryCode": "86",
            "watermark": {"timestamp": self.now().unix_seconds(), "appid": self.keys.app_id},
        }}))
    }

    fn subscribed(&self, message: &Value) -> Result<Value, Failed> {
        let (openid, template) = (required(message, "touser")?, required(message, "template_id")?);
        if self.people.by_openid(openid).is_none() {
            return Err((40_003, "invalid openid"));
        }
        if template.len() > 64 || !template.bytes().all(|b| b.is_ascii_graphic()) {
            return Err((40_037, "invalid template_id"));
        }
        if message["page"].as_str().is_some_and(|page| page.starts_with("http")) {
            return Err((41_030, "invalid page"));
        }
        let data = message["data"].as_object().filter(|data| !data.is_empty());
        for (name, entry) in data.ok_or((47_003, "argument invalid! data is emtpy"))? {
            let value = entry["value"].as_str().unwrap_or_default();
            if value.is_empty() {
                // The misspelling is the platform's.
                return Err((47_003, "argument invalid! data value is emtpy"));
            }
            if !value_fits(name, value) {
                return Err((47_003, "argument invalid! data value invalid"));
            }
        }
        let mut accepted = lock(&self.messages.accepted);
        let left = accepted.get_mut(&(openid.to_owned(), template.to_owned()));
        let left = left.filter(|left| **left > 0);
        *left.ok_or((43_101, "user refuse to accept the msg"))? -= 1;
        drop(accepted);
        let msgid = self.messages.record(SentMessage {
            platform: Channel::Wechat,
            kind: "subscribe",
            openid: openid.to_owned(),
            template_id: template.to_owned(),
            at: self.now(),
            body: message.clone(),
        });
        Ok(json!({"errcode": 0, "errmsg": "ok", "msgid": msgid}))
    }
}

/// The rule of a key's prefix (wechat §6.6).
fn value_fits(name: &str, value: &str) -> bool {
    let count = value.chars().count();
    let prefix = name.trim_end_matches(|c: char| c.is_ascii_digit());
    match prefix {
        "thing" => count <= 20,
        "number" => count <= 32 && value.chars().all(|c| c.is_ascii_digit() || c == '.'),
        "letter" => count <= 32 && value.chars().all(|c| c.is_ascii_alphabetic()),
        "symbol" | "phrase" => count <= 5,
        "character_string" => count <= 32 && value.is_ascii(),
        "time" | "date" => value.chars().any(|c| c.is_ascii_digit()),
        "amount" => {
            let digits = value.chars().filter(char::is_ascii_digit).count();
            (1..=10).contains(&digits) && count <= digits + 4
        }
        "phone_number" => count <= 17,
        "car_number" => count <= 8,
        "name" => count <= if value.is_ascii() { 20 } else { 10 },
        "enum" => true,
        _ => false,
    }
}

calls! {
    phone_number, WechatPhone, phone;
    subscribe, WechatMessage, subscribed;
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("thing1", "社保缴费成功", true)]
    #[case("thing1", "一二三四五六七八九十一二三四五六七八九十一", false)]
    #[case("amount2", "898.80元", true)]
    #[case("amount2", "12345678901", false)]
    #[case("character_string3", "SI2026", true)]
    #[case("character_string3", "社保", false)]
    #[case("phrase4", "缴费成功啦", true)]
    #[case("phrase4", "缴费成功啦啦", false)]
    #[case("invented1", "x", false)]
    fn values_obey_the_rule_of_their_key(
        #[case] name: &str,
        #[case] value: &str,
        #[case] fits: bool,
    ) {
        assert_eq!(value_fits(name, value), fits);
    }
}
