//! Phone numbers and subscription messages (wechat §6.4, §6.6).

use std::{
    collections::{HashMap, VecDeque},
    sync::Mutex,
};

use kernel::{Channel, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    Wechat,
    tokens::{Failed, calls, failed, required},
    words::value_fits,
};
use crate::{
    control::Platform,
    lock,
    people::{CodeStanding, People, PersonNo},
};

const SENT_MAX: usize = 10_000;
const ACCEPTANCES_MAX: usize = 100_000;

/// A message that a user got.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SentMessage {
    #[schema(value_type = Platform)]
    pub platform: Channel,
    /// `subscribe` or `city_service`.
    pub kind: &'static str,
    pub openid: String,
    pub template_id: String,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// As it was sent.
    #[schema(value_type = Object)]
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
        let openid = self.app.people.openid(PersonNo::of(user));
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
        let invalid = || failed(40_029, "invalid code");
        let code = required(asked, "code").map_err(|_| invalid())?;
        let CodeStanding::Fresh(person) = self.phone_codes.redeem(code, self.now()) else {
            return Err(invalid());
        };
        let openid = asked["openid"].as_str();
        if openid.is_some_and(|openid| openid != self.app.people.openid(person)) {
            return Err(invalid());
        }
        let number = People::phone(person);
        Ok(json!({"errcode": 0, "errmsg": "ok", "phone_info": {
            "phoneNumber": number,
            "purePhoneNumber": number,
            "countryCode": "86",
            "watermark": {"timestamp": self.now().unix_seconds(), "appid": self.app.app_id},
        }}))
    }

    fn subscribed(&self, message: &Value) -> Result<Value, Failed> {
        let (openid, template) = (required(message, "touser")?, required(message, "template_id")?);
        let known = ["touser", "template_id", "page", "data", "miniprogram_state", "lang"];
        let members = message.as_object().into_iter().flatten();
        if let Some((name, _)) = members.into_iter().find(|(name, _)| !known.contains(&&***name)) {
            return Err(invalid(name));
        }
        if self.app.people.by_openid(openid).is_none() {
            return Err(failed(40_003, "invalid openid"));
        }
        if template.len() > 64 || !template.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(failed(40_037, "invalid template_id"));
        }
        match &message["page"] {
            Value::Null => {}
            Value::String(page) if !page.contains("://") && page.len() <= 1_024 => {}
            _ => return Err(failed(41_030, "invalid page")),
        }
        for (name, words) in [
            ("miniprogram_state", &["developer", "trial", "formal"][..]),
            ("lang", &["zh_CN", "en_US", "zh_HK", "zh_TW"]),
        ] {
            let value = &message[name];
            if !value.is_null() && !value.as_str().is_some_and(|text| words.contains(&text)) {
                return Err(invalid(name));
            }
        }
        let data = message["data"].as_object().filter(|data| !data.is_empty());
        // The misspelling is the platform's.
        for (name, entry) in data.ok_or_else(|| empty("data"))? {
            let value = entry["value"].as_str().unwrap_or_default();
            let place = format!("data.{name}.value");
            if value.is_empty() {
                return Err(empty(&place));
            }
            if !value_fits(name, value) {
                return Err(invalid(&place));
            }
        }
        let mut accepted = lock(&self.messages.accepted);
        let left = accepted.get_mut(&(openid.to_owned(), template.to_owned()));
        let left = left.filter(|left| **left > 0);
        *left.ok_or(failed(43_101, "user refuse to accept the msg"))? -= 1;
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

fn empty(place: &str) -> Failed {
    (47_003, format!("argument invalid! {place} is emtpy").into())
}

fn invalid(place: &str) -> Failed {
    (47_003, format!("argument invalid! {place} invalid").into())
}

calls! {
    phone_number, WechatPhone, phone;
    subscribe, WechatMessage, subscribed;
}
