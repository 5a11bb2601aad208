//! Template messages (alipay §6): checked, and kept so that a tester can look at them.

use std::{collections::HashMap, sync::Arc};

use kernel::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Alipay, AppPlace,
    gateway::{Call, Refusal},
    oddity::AlipayOddity,
    trade::Fields,
};
use crate::{bounded::Bounded, faults::FaultKind, lock, people::PersonNo, settings::AlipayIdMode};

/// How many messages are kept.
pub(super) const MESSAGES_MAX: usize = 10_000;

/// A message as it would have reached its user.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Message {
    pub at: Timestamp,
    pub to: String,
    pub template_id: String,
    pub page: String,
    pub data: Value,
}

fn failed(sub_code: &str, message: &str) -> Refusal {
    Refusal::business_of("", sub_code, message)
}

/// One-time subscriptions and forms: what a user may still be told.
pub(super) struct Permissions {
    /// Messages left of a template, for users of whom a tester has said how many they accepted. All
    /// others are subscribed to everything.
    left: HashMap<(AppPlace, PersonNo, String), u32>,
    /// Trades that were used as the permission for a message.
    used_forms: Bounded<String, ()>,
}

impl Permissions {
    pub fn new() -> Permissions {
        Permissions { left: HashMap::new(), used_forms: Bounded::new(MESSAGES_MAX) }
    }

    fn subscribed(&self, app: AppPlace, person: PersonNo, template: &str) -> bool {
        self.left.get(&(app, person, template.to_owned())).is_none_or(|left| *left > 0)
    }

    fn take_one(&mut self, app: AppPlace, person: PersonNo, template: &str) {
        if let Some(left) = self.left.get_mut(&(app, person, template.to_owned())) {
            *left = left.saturating_sub(1);
        }
    }
}

impl Alipay {
    /// The user accepts so many messages of a template; from then on they run out.
    pub fn subscribe(&self, user: &str, template_id: &str, times: u32) {
        let key = (AppPlace::First, PersonNo::of(user), template_id.to_owned());
        let mut permissions = lock(&self.permissions);
        let left = permissions.left.entry(key).or_insert(0);
        *left = left.saturating_add(times);
    }

    fn addressee(
        &self,
        call: &Call,
        user_id: &str,
        open_id: &str,
    ) -> Result<(PersonNo, String), Refusal> {
        let wrong = || failed("USER_ID_INVALID", "用户ID非法");
        let mode = self.stage.switches.get().alipay_id_mode;
        match (call.text_or(user_id, 28, wrong)?, call.text_or(open_id, 128, wrong)?) {
            (_, Some(id)) if mode != AlipayIdMode::UserId => {
                let person = self.people_of(call.app.place).by_open_id(id).ok_or_else(wrong)?;
                Ok((person, id.to_owned()))
            }
            (Some(id), _) if mode != AlipayIdMode::OpenId => {
                let person = self.people.by_user_id(id).ok_or_else(wrong)?;
                Ok((person, id.to_owned()))
            }
            _ => Err(wrong()),
        }
    }
}

/// The template's words: JSON text inside a string, not an object.
fn words(call: &Call) -> Result<Value, Refusal> {
    let empty = || failed("DATA_IS_EMPTY", "数据为空");
    let form = || failed("DATA_CONTENT_FORMAT_ERROR", "数据格式错误");
    let text = call.text_or("data", 8192, form)?.ok_or_else(empty)?;
    let data: Value = serde_json::from_str(text).map_err(|_| form())?;
    let words = data.as_object().ok_or_else(form)?;
    if words.is_empty() {
        return Err(empty());
    }
    for (name, word) in words {
        let value = word.get("value").and_then(Value::as_str);
        let value = value.filter(|_| name.starts_with("keyword"));
        let value =
            value.ok_or_else(|| failed("MESSAGE_TEMPLATE_KEYWORD_ILLEGAL", "模板关键字非法"))?;
        if value.chars().count() > 50 {
            return Err(failed("USER_KEYWORD_LENGTH_ERROR", "关键字超长"));
        }
    }
    Ok(data)
}

/// `alipay.open.app.mini.templatemessage.send`
pub(super) fn send(alipay: &Arc<Alipay>, call: &Call) -> Result<Fields, Refusal> {
    let (now, app) = (alipay.now(), call.app.place);
    let (person, to) = alipay.addressee(call, "to_user_id", "to_open_id")?;
    let no_template = || failed("USER_TEMPLATE_ILLEGAL", "模板非法");
    let template_id = call.text_or("user_template_id", 64, no_template)?;
    let template_id = template_id.ok_or_else(no_template)?;
    let no_page = || failed("PAGE_OVER_LIMIT", "页面路径非法");
    let page = call.text_or("page", 512, no_page)?.ok_or_else(no_page)?;
    let data = words(call)?;
    if call.fault == Some(FaultKind::Alipay(AlipayOddity::Unsubscribed)) {
        return Err(failed("MSG_UNSUBSCRIBED", "用户未订阅"));
    }
    let no_form = || failed("FORM_ID_INVALID", "form_id非法");
    let form_id = call.text_or("form_id", 128, no_form)?;
    if let Some(form_id) = form_id {
        // A payment is the permission for one message to its payer.
        let mut ledger = lock(&alipay.ledger);
        let trade = ledger.by_trade_no(form_id, now).filter(|trade| trade.app == app);
        let trade = trade.filter(|trade| trade.paid_at().is_some()).ok_or_else(no_form)?;
        if trade.buyer != person {
            return Err(failed("TRADE_NO_NOT_MATCH_USERID", "交易号与用户不匹配"));
        }
    }
    let mut permissions = lock(&alipay.permissions);
    match form_id {
        Some(form_id) if permissions.used_forms.contains(form_id) => {
            return Err(failed("FORM_ID_SEND_LIMIT", "form_id发送次数超限"));
        }
        Some(form_id) => permissions.used_forms.insert(form_id.to_owned(), ()),
        None if !permissions.subscribed(app, person, template_id) => {
            return Err(failed("MSG_UNSUBSCRIBED", "用户未订阅"));
        }
        None => permissions.take_one(app, person, template_id),
    }
    drop(permissions);
    let message =
        Message { at: now, to, template_id: template_id.to_owned(), page: page.to_owned(), data };
    let mut kept = lock(&alipay.messages);
    if kept.len() == MESSAGES_MAX {
        kept.pop_front();
    }
    kept.push_back(message);
    Ok(Fields::new())
}

/// `alipay.open.app.messagetemplate.subscribe.query`
pub(super) fn subscriptions(alipay: &Arc<Alipay>, call: &Call) -> Result<Fields, Refusal> {
    let (person, _) = alipay
        .addressee(call, "user_id", "open_id")
        .map_err(|_| failed("OPENID_INVALID", "用户标识非法"))?;
    let templates = call.biz.get("template_id_list").and_then(Value::as_array);
    let templates = templates.filter(|list| !list.is_empty() && list.iter().all(Value::is_string));
    let templates = templates.ok_or_else(|| failed("BIZ_CONTENT_IS_NULL", "参数为空"))?;
    if templates.len() > 3 {
        return Err(failed("SUBSCRIBE_TEMPLATE_OVER_LIMIT", "模板数量超限"));
    }
    let off = call.fault == Some(FaultKind::Alipay(AlipayOddity::Unsubscribed));
    let permissions = lock(&alipay.permissions);
    let subscribed = |template: &Value| {
        let template = template.as_str().unwrap_or("");
        !off && permissions.subscribed(call.app.place, person, template)
    };
    let relation = |template: &Value| {
        json!({
            "template_id": template,
            "subscribe_state": subscribed(template),
            "subscribe_type": "ONE_TIME",
            "keep_state": false,
            "show": true,
        })
    };
    let relations: Vec<Value> = templates.iter().map(relation).collect();
    let mut fields = Fields::new();
    let asks = !templates.iter().all(subscribed);
    fields.insert("show_component".to_owned(), json!(asks));
    fields.insert("subscribe_relations".to_owned(), json!(relations));
    Ok(fields)
}
