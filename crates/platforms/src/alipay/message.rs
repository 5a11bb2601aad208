//! Template messages (小程序模板消息) and whether somebody subscribed to them. There is no idempotency:
//! a message whose outcome is unknown may have been read already, so the caller repeats it at most
//! once, and messages prove nothing to us.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::{
    AlipayLogin,
    client::{Call, Sorted, refusal, sorted},
    payment::{content, read},
    response::{Codes, Reply},
};
use crate::{ChannelError, Payer, PayerIdKind, login::is_platform_id};

/// A message to one user.
#[derive(Clone)]
pub struct TemplateMessage {
    pub to: Payer,
    pub template_id: String,
    /// The mini-program's page, with its parameters.
    pub page: String,
    /// The permission: of a payment template its `trade_no`; none for subscriptions.
    pub form_id: Option<String>,
    /// `keyword1` and so on, at most 50 characters each.
    pub words: BTreeMap<String, String>,
}

impl fmt::Debug for TemplateMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TemplateMessage({}, {:?}, ***)", self.template_id, self.to)
    }
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageFate {
    Accepted,
    /// The user does not want it, or not so often. Nothing is to be done.
    Declined,
}

#[derive(Serialize)]
struct Word<'a> {
    value: &'a str,
}

#[derive(Serialize)]
struct Content<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    to_user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_open_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    form_id: Option<&'a str>,
    user_template_id: &'a str,
    page: &'a str,
    /// JSON text inside a text.
    data: String,
}

/// The id under the name for user ids or under the one for open ids.
fn ids(person: &Payer) -> Result<(Option<&str>, Option<&str>), ChannelError> {
    if !is_platform_id(&person.id) {
        return Err(ChannelError::BadRequest("to: an id of 1 to 128 characters"));
    }
    Ok(match person.kind {
        PayerIdKind::UserId => (Some(&person.id), None),
        PayerIdKind::OpenId => (None, Some(&person.id)),
    })
}

impl TemplateMessage {
    fn content(&self) -> Result<String, ChannelError> {
        let (to_user_id, to_open_id) = ids(&self.to)?;
        if !(1..=64).contains(&self.template_id.len()) || !(1..=512).contains(&self.page.len()) {
            return Err(ChannelError::BadRequest("template and page: 1 to 64 and 512 bytes"));
        }
        let named = |name: &String| {
            let number = name.strip_prefix("keyword");
            number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        };
        let word_fits = |word: &String| (1..=50).contains(&word.chars().count());
        if self.words.is_empty() || !self.words.iter().all(|(n, w)| named(n) && word_fits(w)) {
            return Err(ChannelError::BadRequest("words: keyword1 …, 1 to 50 characters each"));
        }
        let words: BTreeMap<&str, Word<'_>> =
            self.words.iter().map(|(name, value)| (name.as_str(), Word { value })).collect();
        content(&Content {
            to_user_id,
            to_open_id,
            form_id: self.form_id.as_deref(),
            user_template_id: &self.template_id,
            page: &self.page,
            data: content(&words)?,
        })
    }
}

fn fate(codes: &Codes) -> Result<MessageFate, ChannelError> {
    match codes.sub_name().as_str() {
        "MSG_UNSUBSCRIBED"
        | "MSG_REJECTED"
        | "MSG_CONTENT_NOT_INTERESTED"
        | "MSG_SINGLE_SD_OVER"
        | "NO_RECENT_VISIT_RECORD"
        | "NO_PLACE_ORDER_RECORD" => Ok(MessageFate::Declined),
        // Spelt like this.
        "MSG_SEND_ERROR" | "QUERY_CONSUMER_REQEUST_ERROR" => {
            Err(ChannelError::Unknown(codes.name()))
        }
        _ => Err(refusal(codes)),
    }
}

impl AlipayLogin {
    /// Sends one message. Retry class of an unknown outcome: once more at most, it may be read twice.
    ///
    /// # Errors
    /// [`ChannelError`]
    pub async fn send_message(
        &self,
        message: &TemplateMessage,
    ) -> Result<MessageFate, ChannelError> {
        let content = message.content()?;
        let call = Call {
            operation: "message",
            method: "alipay.open.app.mini.templatemessage.send",
            notify_url: None,
            content: &[("biz_content", &content)],
        };
        let judge = |reply: Reply| match sorted(reply)? {
            Sorted::Success(_) => Ok(MessageFate::Accepted),
            Sorted::Refused(codes) => fate(&codes),
        };
        self.client.exchange(call, judge).await
    }

    /// Which of at most three templates the person takes messages of. Retry class: idempotent.
    ///
    /// # Errors
    /// [`ChannelError`]
    pub async fn subscriptions(
        &self,
        person: &Payer,
        templates: &[String],
    ) -> Result<Vec<String>, ChannelError> {
        #[derive(Serialize)]
        struct Asked<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            user_id: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            open_id: Option<&'a str>,
            template_id_list: &'a [String],
        }
        #[derive(Deserialize)]
        struct Relation {
            template_id: String,
            subscribe_state: bool,
        }
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            subscribe_relations: Vec<Relation>,
        }
        if !(1..=3).contains(&templates.len()) {
            return Err(ChannelError::BadRequest("templates: one to three"));
        }
        let (user_id, open_id) = ids(person)?;
        let content = content(&Asked { user_id, open_id, template_id_list: templates })?;
        let call = Call {
            operation: "subscriptions",
            method: "alipay.open.app.messagetemplate.subscribe.query",
            notify_url: None,
            content: &[("biz_content", &content)],
        };
        let judge = |reply: Reply| match sorted(reply)? {
            Sorted::Refused(codes) => Err(refusal(&codes)),
            Sorted::Success(verified) => {
                let answer: Answer = read(&verified)?;
                let taken = answer.subscribe_relations.into_iter();
                let taken = taken.filter(|relation| relation.subscribe_state);
                Ok(taken.map(|relation| relation.template_id).collect())
            }
        };
        self.client.exchange(call, judge).await
    }
}
