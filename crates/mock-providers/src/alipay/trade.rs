//! `alipay.trade.create`, `query`, `close` and `cancel` (alipay §3).

use std::{sync::Arc, time::Duration};

use kernel::{Entropy, Fen, Timestamp};
use serde_json::{Map, Value, json};

use super::{
    Alipay, AlipayOddity, Refund, Trade,
    gateway::{Call, Refusal, beijing_time, invalid_parameter},
    ledger::{Ledger, Standing},
    wallet::Payable,
};
use crate::{faults::FaultKind, keys, lock, people::PersonNo, settings::AlipayIdMode};

pub(super) type Fields = Map<String, Value>;

/// An unpaid trade without a deadline of its own.
const DEFAULT_LIFE: Duration = Duration::from_secs(15 * 86_400);
const TOTAL_MAX_FEN: i64 = 10_000_000_000;

/// Reads yuan; JSON numbers are taken too, by their text.
pub(super) fn amount(call: &Call, name: &str) -> Result<Option<Fen>, Refusal> {
    let text = match call.biz.get(name) {
        None => return Ok(None),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(_) => return Err(invalid_parameter(name)),
    };
    match Fen::from_yuan(&text) {
        Ok(fen) if !fen.is_zero() => Ok(Some(fen)),
        _ => Err(invalid_parameter(name)),
    }
}

impl Alipay {
    /// The payer named in the request, by the kinds of id that the mode allows.
    fn buyer(&self, call: &Call) -> Result<PersonNo, Refusal> {
        let unknown = || Refusal::business("BUYER_NOT_EXIST", "买家不存在");
        let wrong_kind = || Refusal::invalid("isv.invalid-openid", "用户标识类型与应用不符");
        let mode = self.stage.switches.get().alipay_id_mode;
        let (user_id, open_id) = (call.text("buyer_id", 28)?, call.text("buyer_open_id", 128)?);
        match (user_id, open_id) {
            (Some(id), _) if id == self.keys.seller_id => {
                Err(Refusal::business("BUYER_SELLER_EQUAL", "买卖家不能相同"))
            }
            (Some(_), None) if mode == AlipayIdMode::OpenId => Err(wrong_kind()),
            (None, Some(_)) if mode == AlipayIdMode::UserId => Err(wrong_kind()),
            (Some(id), None) => self.people.by_user_id(id).ok_or_else(unknown),
            (None, Some(id)) => self.people.by_open_id(id).ok_or_else(unknown),
            (Some(id), Some(open)) => {
                let person = self.people.by_user_id(id).ok_or_else(unknown)?;
                let same = self.people.by_open_id(open) == Some(person);
                same.then_some(person)
                    .ok_or_else(|| Refusal::business("TRADE_BUYER_NOT_MATCH", "交易买家不匹配"))
            }
            (None, None) => Err(invalid_parameter("buyer_open_id")),
        }
    }

    fn deadline(&self, call: &Call, now: Timestamp) -> Result<Timestamp, Refusal> {
        if let Some(text) = call.text("time_expire", 32)? {
            let until = beijing_time(text).ok_or_else(|| invalid_parameter("time_expire"))?;
            if until <= now {
                return Err(Refusal::business(
                    "NOW_TIME_AFTER_EXPIRE_TIME_ERROR",
                    "当前时间已超过允许支付的时间",
                ));
            }
            return Ok(until);
        }
        match call.text("timeout_express", 6)? {
            None => Ok(now.plus(DEFAULT_LIFE)),
            Some(text) => {
                relative_deadline(text, now).ok_or_else(|| invalid_parameter("timeout_express"))
            }
        }
    }
}

/// `1m` to `15d`, or `1c` for the end of today in Beijing.
fn relative_deadline(text: &str, now: Timestamp) -> Option<Timestamp> {
    if text == "1c" {
        let today = now.beijing_text();
        return Timestamp::from_beijing_text(&format!("{} 23:59:59", today.get(..10)?)).ok();
    }
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !count.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let minutes = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 1_440,
        _ => return None,
    };
    let minutes = count.parse::<u64>().ok()?.checked_mul(minutes)?;
    (1..=15 * 1_440).contains(&minutes).then(|| now.plus(Duration::from_secs(minutes * 60)))
}

pub(super) fn create(alipay: &Arc<Alipay>, call: &Call) -> Result<Fields, Refusal> {
    let now = alipay.now();
    let out_trade_no = call.required("out_trade_no", 64)?;
    if !out_trade_no.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(invalid_parameter("out_trade_no"));
    }
    let total = amount(call, "total_amount")?.ok_or_else(|| invalid_parameter("total_amount"))?;
    if total.get() > TOTAL_MAX_FEN {
        return Err(Refusal::business("TOTAL_FEE_EXCEED", "订单总金额超过限额"));
    }
    let subject = call.required("subject", 256)?;
    if subject.contains(['/', '=', '&']) {
        return Err(invalid_parameter("subject"));
    }
    if call.text("product_code", 64)? != Some("JSAPI_PAY") {
        return Err(Refusal::business("ACCESS_FORBIDDEN", "无权限使用接口"));
    }
    if call.required("op_app_id", 32)? != alipay.keys.app_id {
        return Err(Refusal::business("UNBOUND_APPLICATION", "应用未绑定该商户"));
    }
    if call.text("seller_id", 28)?.is_some_and(|seller| seller != alipay.keys.seller_id) {
        return Err(Refusal::business("INVALID_RECEIVE_ACCOUNT", "收款账户无效"));
    }
    let parts = (amount(call, "discountable_amount")?, amount(call, "undiscountable_amount")?);
    if let (Some(one), Some(other)) = parts
        && one.plus(other) != Some(total)
    {
        return Err(invalid_parameter("undiscountable_amount"));
    }
    let enable = call.text("enable_pay_channels", 128)?;
    if enable.is_some() && call.text("disable_pay_channels", 128)?.is_some() {
        return Err(invalid_parameter("disable_pay_channels"));
    }
    let body = call.text("body", 128)?.map(str::to_owned);
    let passback_params = call.text("passback_params", 512)?.map(str::to_owned);
    let notify_url = call.common("notify_url").map(str::to_owned);
    if let Some(url) = &notify_url
        && (url.len() > 256 || !alipay.stage.notify_url_fits(url))
    {
        return Err(invalid_parameter("notify_url"));
    }
    let buyer = alipay.buyer(call)?;
    let mut ledger = lock(&alipay.ledger);
    let known = ledger.by_number(out_trade_no, now);
    if let Some(trade) = known {
        return match trade.standing {
            Standing::Paid { .. } => Err(Refusal::business("TRADE_HAS_SUCCESS", "交易已被支付")),
            Standing::Closed { .. } => Err(Refusal::business("TRADE_HAS_CLOSE", "交易已经关闭")),
            Standing::Open if trade.request == call.biz => Ok(names(trade)),
            Standing::Open => Err(Refusal::business("CONTEXT_INCONSISTENT", "交易信息被篡改")),
        };
    }
    let expires_at = alipay.deadline(call, now)?;
    let trade = Trade {
        trade_no: new_trade_no(now, alipay.stage.entropy.as_ref()),
        out_trade_no: out_trade_no.to_owned(),
        buyer,
        total,
        subject: subject.to_owned(),
        body,
        passback_params,
        notify_url,
        request: call.biz.clone(),
        created_at: now,
        expires_at,
        standing: Standing::Open,
        refunds: Vec::new(),
    };
    let fields = names(&trade);
    ledger.open(trade.clone());
    drop(ledger);
    alipay.foresee_close(&trade);
    Ok(fields)
}

/// 28 digits: the date, 2200, 14, and 14 digits.
fn new_trade_no(now: Timestamp, entropy: &dyn Entropy) -> String {
    let date: String = now.beijing_text().chars().filter(char::is_ascii_digit).take(8).collect();
    format!("{date}220014{}", keys::digits(entropy, 14))
}

pub(super) fn names(trade: &Trade) -> Fields {
    let mut fields = Fields::new();
    fields.insert("out_trade_no".to_owned(), json!(trade.out_trade_no));
    fields.insert("trade_no".to_owned(), json!(trade.trade_no));
    fields
}

/// The trade that a call names; `trade_no` wins.
pub(super) fn named<'a>(
    ledger: &'a mut Ledger,
    call: &Call,
    now: Timestamp,
) -> Result<&'a mut Trade, Refusal> {
    let trade = match (call.text("trade_no", 64)?, call.text("out_trade_no", 64)?) {
        (Some(trade_no), _) => ledger.by_trade_no(trade_no, now),
        (None, Some(number)) => ledger.by_number(number, now),
        (None, None) => return Err(invalid_parameter("out_trade_no")),
    };
    trade.ok_or_else(not_exist)
}

fn not_exist() -> Refusal {
    Refusal::business("TRADE_NOT_EXIST", "交易不存在")
}

pub(super) fn query(alipay: &Arc<Alipay>, call: &Call) -> Result<Fields, Refusal> {
    let now = alipay.now();
    let mut trade = named(&mut lock(&alipay.ledger), call, now)?.clone();
    if call.fault == Some(FaultKind::Lag) {
        if trade.paid_at().is_none() {
            return Err(not_exist());
        }
        trade.standing = Standing::Open;
    }
    let mut fields = names(&trade);
    fields.extend(alipay.ids(trade.buyer, "buyer_user_id", "buyer_open_id"));
    let paid = if trade.paid_at().is_some() { trade.total } else { Fen::ZERO };
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("buyer_logon_id", json!(alipay.logon_id(trade.buyer)));
    set("buyer_user_type", json!("PRIVATE"));
    set("trade_status", json!(trade.status(now)));
    set("total_amount", json!(trade.total));
    for name in ["receipt_amount", "buyer_pay_amount", "invoice_amount"] {
        set(name, json!(paid));
    }
    set("point_amount", json!("0.00"));
    if let Some(text) = &trade.passback_params {
        set("passback_params", json!(text));
    }
    if let Some(at) = trade.paid_at() {
        set("send_pay_date", json!(at.beijing_text()));
        if call.wants("fund_bill_list") {
            set("fund_bill_list", json!([{"fund_channel": "ALIPAYACCOUNT", "amount": paid}]));
        }
    }
    Ok(fields)
}

/// The user wins the race against a close or a cancel, when that is ordered.
fn let_the_user_pay(alipay: &Arc<Alipay>, call: &Call) {
    if call.fault != Some(FaultKind::Alipay(AlipayOddity::PaidFirst)) {
        return;
    }
    let payable = match (call.text("trade_no", 64), call.text("out_trade_no", 64)) {
        (Ok(Some(number)), _) => Payable::TradeNo(number.to_owned()),
        (_, Ok(Some(number))) => Payable::Number(number.to_owned()),
        _ => return,
    };
    if let Err(refusal) = alipay.pay(&payable, None) {
        tracing::info!(%refusal, "the user could not pay first");
    }
}

pub(super) fn close(alipay: &Arc<Alipay>, call: &Call) -> Result<Fields, Refusal> {
    let_the_user_pay(alipay, call);
    let now = alipay.now();
    let mut ledger = lock(&alipay.ledger);
    let trade = named(&mut ledger, call, now)?;
    if trade.standing != Standing::Open {
        return Err(Refusal::business("TRADE_STATUS_ERROR", "交易状态不合法"));
    }
    trade.standing = Standing::Closed { at: now };
    let closed = trade.clone();
    drop(ledger);
    alipay.announce_close(&closed);
    Ok(names(&closed))
}

pub(super) fn cancel(alipay: &Arc<Alipay>, call: &Call) -> Result<Fields, Refusal> {
    let_the_user_pay(alipay, call);
    let now = alipay.now();
    let mut fields = Fields::new();
    fields.insert("retry_flag".to_owned(), json!("N"));
    let (action, refunded) = {
        let mut ledger = lock(&alipay.ledger);
        let trade = match named(&mut ledger, call, now) {
            Ok(trade) => trade,
            // No such trade is a success without an action.
            Err(_) if call.biz.contains_key("out_trade_no") => {
                fields.insert("out_trade_no".to_owned(), call.biz["out_trade_no"].clone());
                return Ok(fields);
            }
            Err(refusal) => return Err(refusal),
        };
        fields.extend(names(trade));
        match trade.standing {
            Standing::Open => {
                trade.standing = Standing::Closed { at: now };
                ("close", None)
            }
            Standing::Closed { .. } => ("close", None),
            Standing::Paid { .. } if trade.status(now) == "TRADE_FINISHED" => {
                return Err(Refusal::business("TRADE_HAS_FINISHED", "交易已完结"));
            }
            Standing::Paid { .. } => {
                let refund = Refund {
                    out_request_no: trade.out_trade_no.clone(),
                    amount: trade.remaining(),
                    reason: None,
                    at: now,
                };
                let moved = !refund.amount.is_zero();
                if moved {
                    trade.refunds.push(refund.clone());
                }
                ("refund", moved.then(|| (trade.clone(), refund)))
            }
        }
    };
    if let Some((trade, refund)) = refunded {
        alipay.announce_refund(&trade, &refund);
    }
    fields.insert("action".to_owned(), json!(action));
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("90m", Some("2026-01-01 09:30:00"))]
    #[case("15d", Some("2026-01-16 08:00:00"))]
    #[case("1c", Some("2026-01-01 23:59:59"))]
    #[case("0m", None)]
    #[case("16d", None)]
    #[case("1.5h", None)]
    #[case("m", None)]
    #[case("+1m", None)]
    #[case("社", None)]
    fn relative_deadlines(#[case] text: &str, #[case] until: Option<&str>) {
        let now = Timestamp::from_unix_seconds(1_767_225_600);
        assert_eq!(relative_deadline(text, now).map(Timestamp::beijing_text).as_deref(), until);
    }
}
