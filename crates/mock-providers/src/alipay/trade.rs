//! `alipay.trade.query`, `close` and `cancel` (alipay §3.5 to §3.7).

use std::{sync::Arc, time::Duration};

use kernel::{Fen, Timestamp};
use serde_json::{Map, Value, json};

use super::{
    Alipay, AlipayOddity, Refund, Trade,
    funds::Fund,
    gateway::{Call, Refusal, invalid_parameter},
    ledger::{Ledger, Standing},
    wallet::Payable,
};
use crate::{faults::FaultKind, lock};

pub(super) type Fields = Map<String, Value>;

/// How long after a close that was answered the payment turns out to have won.
const WINS_AFTER: Duration = Duration::from_secs(60);

/// Reads yuan; JSON numbers are taken too, by their text.
pub(super) fn amount_or_zero(call: &Call, name: &str) -> Result<Option<Fen>, Refusal> {
    let text = match call.biz.get(name) {
        None => return Ok(None),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(_) => return Err(invalid_parameter(name)),
    };
    Fen::from_yuan(&text).map(Some).map_err(|_| invalid_parameter(name))
}

/// As [`amount_or_zero`], where nothing cannot be meant.
pub(super) fn amount(call: &Call, name: &str) -> Result<Option<Fen>, Refusal> {
    match amount_or_zero(call, name)? {
        Some(fen) if fen.is_zero() => Err(invalid_parameter(name)),
        read => Ok(read),
    }
}

pub(super) fn names(trade: &Trade) -> Fields {
    let mut fields = Fields::new();
    fields.insert("out_trade_no".to_owned(), json!(trade.out_trade_no));
    fields.insert("trade_no".to_owned(), json!(trade.trade_no));
    fields
}

/// The caller's trade that a call names, `None` when there is none; `trade_no` wins.
fn find<'a>(
    ledger: &'a mut Ledger,
    call: &Call,
    now: Timestamp,
) -> Result<Option<&'a mut Trade>, Refusal> {
    let app = call.app.place;
    Ok(match (call.text("trade_no", 64)?, call.text("out_trade_no", 64)?) {
        (Some(trade_no), _) => ledger.by_trade_no(trade_no, now).filter(|trade| trade.app == app),
        (None, Some(number)) => ledger.by_number(app, number, now),
        (None, None) => return Err(invalid_parameter("out_trade_no")),
    })
}

pub(super) fn named<'a>(
    ledger: &'a mut Ledger,
    call: &Call,
    now: Timestamp,
) -> Result<&'a mut Trade, Refusal> {
    find(ledger, call, now)?.ok_or_else(not_exist)
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
    fields.extend(alipay.ids(trade.app, trade.buyer, "buyer_user_id", "buyer_open_id"));
    let paid = if trade.paid_at().is_some() { trade.total } else { Fen::ZERO };
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("buyer_logon_id", json!(alipay.logon_id(trade.buyer)));
    set("buyer_user_type", json!("PRIVATE"));
    set("trade_status", json!(trade.status(now)));
    set("total_amount", json!(trade.total));
    for name in ["receipt_amount", "buyer_pay_amount", "invoice_amount"] {
        set(name, json!(paid));
    }
    // Nothing is given here: no points, no discount of Alipay's or of the merchant's.
    for name in ["point_amount", "discount_amount"] {
        set(name, json!("0.00"));
    }
    if call.wants("mdiscount_amount") {
        set("mdiscount_amount", json!("0.00"));
    }
    for name in ["store_id", "terminal_id", "passback_params"] {
        if let Some(text) = trade.request.get(name) {
            set(name, text.clone());
        }
    }
    if let Some(at) = trade.paid_at() {
        set("send_pay_date", json!(at.beijing_text()));
        if call.wants("fund_bill_list") {
            set("fund_bill_list", json!([Fund::of(&trade).queried(paid)]));
        }
    }
    Ok(fields)
}

/// The user wins the race against a close or a cancel, when that is ordered.
fn let_the_user_pay(alipay: &Arc<Alipay>, call: &Call) {
    if call.fault != Some(FaultKind::Alipay(AlipayOddity::PaidFirst)) {
        return;
    }
    let trade = find(&mut lock(&alipay.ledger), call, alipay.now()).ok().flatten().cloned();
    let Some(trade) = trade else { return };
    if let Err(refusal) = alipay.pay(&Payable::TradeNo(trade.trade_no), None) {
        tracing::info!(%refusal, "the user could not pay first");
    }
}

pub(super) fn close(alipay: &Arc<Alipay>, call: &Call) -> Result<Fields, Refusal> {
    let_the_user_pay(alipay, call);
    let now = alipay.now();
    call.text("operator_id", 28)?;
    // The address of this announcement, in place of the trade's.
    let notify_url = call.common("notify_url");
    if notify_url.is_some_and(|url| url.len() > 256 || !alipay.notify_url_fits(url)) {
        return Err(invalid_parameter("notify_url"));
    }
    let closed = {
        let mut ledger = lock(&alipay.ledger);
        let trade = named(&mut ledger, call, now)?;
        if trade.standing != Standing::Open {
            return Err(Refusal::business("TRADE_STATUS_ERROR", "交易状态不合法"));
        }
        trade.standing = Standing::Closed { at: now };
        trade.wins_at = (call.fault == Some(FaultKind::Alipay(AlipayOddity::PaidAfterClose)))
            .then(|| now.plus(WINS_AFTER));
        trade.clone()
    };
    match notify_url {
        Some(url) => alipay.announce_close_at(&closed, url),
        None => alipay.announce_close(&closed),
    }
    alipay.foresee_late_payment(&closed);
    Ok(names(&closed))
}

pub(super) fn cancel(alipay: &Arc<Alipay>, call: &Call) -> Result<Fields, Refusal> {
    let_the_user_pay(alipay, call);
    let now = alipay.now();
    let mut fields = Fields::new();
    let repeat = call.fault == Some(FaultKind::Alipay(AlipayOddity::RetryFlag));
    fields.insert("retry_flag".to_owned(), json!(if repeat { "Y" } else { "N" }));
    let (before, after, refund) = {
        let mut ledger = lock(&alipay.ledger);
        let Some(trade) = find(&mut ledger, call, now)? else {
            // No such trade is a success without an action.
            for name in ["out_trade_no", "trade_no"] {
                fields.extend(call.biz.get(name).map(|given| (name.to_owned(), given.clone())));
            }
            return Ok(fields);
        };
        fields.extend(names(trade));
        if repeat {
            // Nothing is done yet, and the call is to be repeated.
            return Ok(fields);
        }
        let before = trade.standing;
        let mut refund = None;
        match trade.standing {
            Standing::Open => {
                trade.standing = Standing::Closed { at: now };
                trade.wins_at = None;
            }
            Standing::Closed { .. } => {}
            Standing::Paid { .. } if trade.status(now) == "TRADE_FINISHED" => {
                return Err(Refusal::business("TRADE_HAS_FINISHED", "交易已完结"));
            }
            Standing::Paid { .. } if trade.remaining().is_zero() => {}
            Standing::Paid { .. } => {
                let back = Refund {
                    out_request_no: own_number(trade),
                    amount: trade.remaining(),
                    reason: None,
                    at: now,
                };
                trade.refunds.push(back.clone());
                refund = Some(back);
            }
        }
        (before, trade.clone(), refund)
    };
    if before == Standing::Open {
        alipay.announce_close(&after);
    }
    if let Some(refund) = refund {
        alipay.announce_refund(&after, &refund);
    }
    let action = if after.paid_at().is_some() { "refund" } else { "close" };
    fields.insert("action".to_owned(), json!(action));
    Ok(fields)
}

/// The number of a refund that nobody gave one: the trade's, as for a whole refund without a number,
/// unless the merchant has used that.
fn own_number(trade: &Trade) -> String {
    let taken = |number: &str| trade.refunds.iter().any(|refund| refund.out_request_no == number);
    match taken(&trade.out_trade_no) {
        false => trade.out_trade_no.clone(),
        true => format!("CANCEL{}", trade.trade_no),
    }
}
