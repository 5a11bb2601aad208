//! Template messages (alipay §6): checked, and kept so that a tester can look at them.

use std::sync::Arc;

use kernel::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Alipay,
    gateway::{Call, Refusal},
    oddity::AlipayOddity,
    trade::Fields,
};
use crate::{faults::FaultKind, lock, people::PersonNo, settings::AlipayIdMode};

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

impl Alipay {
    fn addressee(
        &self,
        call: &Call,
        user_id: &str,
        open_id: &str,
    ) -> Result<(PersonNo, String), Refusal> {
        let wrong = || failed("USER_ID_INVALID", "用户ID非法");
        let mode = self.stage.switches.get().alipay_id_mode;
        match (call.text(user_id, 28)?, call.text(open_id, 128)?) {
            (_, Some(id)) if mode != AlipayIdMode::UserId => {
                let person = self.people.by_open_id(id).ok_or_else(wrong)?;
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

/// `alipay.open.app.mini.templatemessage.send`
pub(super) fn send(alipay: &Arc<Alipay>, call: &Call) -> Result<Fields, Refusal> {
    let now = alipay.now();
    let (person, to) = alipay.addressee(call, "to_user_id", "to_open_id")?;
    let template_id = call.text("user_template_id", 64)?;
    let template_id = template_id.ok_or_else(|| failed("USER_TEMPLATE_ILLEGAL", "模板非法"))?;
    let page = call.text("page", 512)?.ok_or_else(|| failed("PAGE_OVER_LIMIT", "页面路径非法"))?;
    let data = call.text("data", 8192)?.ok_or_else(|| failed("DATA_IS_EMPTY", "数据为空"))?;
    // JSON text inside a string.
    let data: Value = serde_json::from_str(data)
        .map_err(|_| failed("DATA_CONTENT_FORMAT_ERROR", "数据格式错误"))?;
    let words = data.as_object().filter(|words| !words.is_empty());
    let words = words.ok_or_else(|| failed("DATA_IS_EMPTY", "数据为空"))?;
    for (name, word) in words {
        let value =
            word.get("value").and_then(Value::as_str).filter(|_| name.starts_with("keyword"));
        let value =
            value.ok_or_else(|| failed("MESSAGE_TEMPLATE_KEYWORD_ILLEGAL", "模板关键字非法"))?;
        if value.chars().count() > 50 {
            return Err(failed("USER_KEYWORD_LENGTH_ERROR", "关键字超长"));
        }
    }
    // A payment is the permission for one message to its payer.
    if let Some(form_id) = call.text("form_id", 128)? {
        let mut ledger = lock(&alipay.ledger);
        match ledger.by_trade_no(form_id, now) {
            None => return Err(failed("FORM_ID_INVALID", "form_id非法")),
            Some(trade) if trade.buyer != person => {
                return Err(failed("TRADE_NO_NOT_MATCH_USERID", "交易号与用户不匹配"));
            }
            Some(_) => {}
        }
    }
    if call.fault == Some(FaultKind::Alipay(AlipayOddity::Unsubscribed)) {
        return Err(failed("MSG_UNSUBSCRIBED", "用户未订阅"));
    }
    let message =
        Message { at: now, to, template_id: template_id.to_owned(), page: page.to_owned(), data };
    let mut kept = lock(&alipay.messages);
    if kept.len() == MESSAGES_MAX {
        kept.pop_front();
    }
    kept.push_back(message);
    Ok(Fields::new())
}

/// `alipay.open.app.messagetemplate.subscribe.query`: everybody is subscribed to everything.
pub(super) fn subscriptions(alipay: &Arc<Alipay>, call: &Call) -> Result<Fields, Refusal> {
    alipay
        .addressee(call, "user_id", "open_id")
        .map_err(|_| failed("OPENID_INVALID", "用户标识非法"))?;
    let templates = call.biz.get("template_id_list").and_then(Value::as_array);
    let templates = templates.filter(|list| !list.is_empty() && list.iter().all(Value::is_string));
    let templates = templates.ok_or_else(|| failed("BIZ_CONTENT_IS_NULL", "参数为空"))?;
    if templates.len() > 3 {
        return Err(failed("SUBSCRIBE_TEMPLATE_OVER_LIMIT", "模板数量超限"));
    }
    let off = call.fault == Some(FaultKind::Alipay(AlipayOddity::Unsubscribed));
    let relation = |template: &Value| {
        json!({
            "template_id": template,
            "subscribe_state": !off,
            "subscribe_type": "ONE_TIME",
            "keep_state": false,
            "show": true,
        })
    };
    let relations: Vec<Value> = templates.iter().map(relation).collect();
    let mut fields = Fields::new();
    fields.insert("show_component".to_owned(), json!(off));
    fields.insert("subscribe_relations".to_owned(), json!(relations));
    Ok(fields)
}
