//! How reminders leave: WeChat's subscription messages and Alipay's template messages.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use kernel::{Channel, RetryClass};
use platforms::{
    AlipayLogin, LoginProvider, MessageFate, Payer, PayerIdKind, SubscriptionMessage,
    TemplateMessage, WechatMiniProgram,
};
use reminders::{Letter, Messenger, MessengerError, ReminderKind};

use crate::config::Template;

/// The mini-program in WeChat.
#[derive(Debug)]
pub(crate) struct WechatMessenger {
    pub program: Arc<WechatMiniProgram>,
    pub app_id: String,
    pub templates: Vec<Template>,
}

/// The mini-program in Alipay.
#[derive(Debug)]
pub(crate) struct AlipayMessenger {
    pub program: Arc<AlipayLogin>,
    pub templates: Vec<Template>,
}

fn template(templates: &[Template], kind: ReminderKind) -> Option<&Template> {
    templates.iter().find(|template| template.kind == kind)
}

/// The letter's words in the template's places. A word that this letter does not have leaves its
/// place to a dash, because platforms refuse an empty one; and a long one is cut, because they refuse
/// that too.
fn words(template: &Template, letter: &Letter) -> BTreeMap<String, String> {
    let word = |(place, name): (&String, &String)| {
        let word = letter.words.get(name).map_or("-", String::as_str);
        (place.clone(), word.chars().take(longest(place)).collect())
    };
    template.words.iter().map(word).collect()
}

/// The most characters of a place: WeChat's by the letters of its key, Alipay's of every keyword.
fn longest(place: &str) -> usize {
    match place.trim_end_matches(|c: char| c.is_ascii_digit()) {
        "thing" => 20,
        "phrase" | "symbol" => 5,
        "name" => 10,
        "character_string" | "number" | "letter" => 32,
        _ => 50,
    }
}

fn no_template() -> MessengerError {
    MessengerError::Refused("no template of this kind".to_owned())
}

fn sorted(class: RetryClass, why: String) -> MessengerError {
    match class {
        RetryClass::Idempotent => MessengerError::Later(why),
        RetryClass::QueryFirst => MessengerError::Unknown(why),
        RetryClass::Never => MessengerError::Refused(why),
    }
}

#[async_trait]
impl Messenger for WechatMessenger {
    fn channel(&self) -> Channel {
        Channel::Wechat
    }

    fn app_id(&self) -> &str {
        &self.app_id
    }

    fn template_id(&self, kind: ReminderKind) -> Option<&str> {
        template(&self.templates, kind).map(|template| template.id.as_str())
    }

    async fn send(&self, letter: &Letter) -> Result<MessageFate, MessengerError> {
        let template = template(&self.templates, letter.kind).ok_or_else(no_template)?;
        let message = SubscriptionMessage {
            to: letter.external_id.clone(),
            template_id: template.id.clone(),
            page: Some(letter.page.clone()),
            words: words(template, letter),
            version: Default::default(),
            language: Default::default(),
        };
        let sent = self.program.send_message(&message).await;
        sent.map_err(|error| sorted(error.retry_class(), error.to_string()))
    }
}

#[async_trait]
impl Messenger for AlipayMessenger {
    fn channel(&self) -> Channel {
        Channel::Alipay
    }

    fn app_id(&self) -> &str {
        self.program.app_id()
    }

    fn template_id(&self, kind: ReminderKind) -> Option<&str> {
        template(&self.templates, kind).map(|template| template.id.as_str())
    }

    async fn send(&self, letter: &Letter) -> Result<MessageFate, MessengerError> {
        let template = template(&self.templates, letter.kind).ok_or_else(no_template)?;
        let kind = match letter.id_kind.as_str() {
            "user_id" => PayerIdKind::UserId,
            _ => PayerIdKind::OpenId,
        };
        let message = TemplateMessage {
            to: Payer { kind, id: letter.external_id.clone() },
            template_id: template.id.clone(),
            page: letter.page.clone(),
            form_id: None,
            words: words(template, letter),
        };
        let sent = self.program.send_message(&message).await;
        sent.map_err(|error| sorted(error.retry_class(), error.to_string()))
    }
}
