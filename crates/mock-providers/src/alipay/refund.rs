//! `alipay.trade.refund` and `alipay.trade.fastpay.refund.query` (alipay §3.8, §3.9).

use std::{sync::Arc, time::Duration};

use kernel::Timestamp;
use serde_json::{Value, json};

use super::{
    Alipay, AlipayOddity, Refund,
    funds::Fund,
    gateway::{Call, Refusal, invalid_parameter},
    ledger::Standing,
    trade::{Fields, amount, named, names},
};
use crate::{faults::FaultKind, lock};

/// How long a refund takes that is not done at once.
const ON_ITS_WAY: Duration = Duration::from_secs(60);

pub(super) fn apply(alipay: &Arc<Alipay>, call: &Call) -> Result<Fields, Refusal> {
    let now = alipay.now();
    let odd = |oddity| call.fault == Some(FaultKind::Alipay(oddity));
    let asked = amount(call, "refund_amount")?.ok_or_else(|| invalid_parameter("refund_amount"))?;
    let reason = call.text("refund_reason", 256)?.map(str::to_owned);
    call.text("operator_id", 30)?;
    let (trade, refund) = {
        let mut ledger = lock(&alipay.ledger);
        let trade = named(&mut ledger, call, now)?;
        let number = match call.text("out_request_no", 64)? {
            Some(number) => number.to_owned(),
            // Without a number it is the whole trade's one refund.
            None if asked == trade.total => trade.out_trade_no.clone(),
            None => return Err(invalid_parameter("out_request_no")),
        };
        let before = trade.refunds.iter().find(|refund| refund.out_request_no == number);
        if let Some(before) = before {
            if before.amount != asked {
                let message = "请求信息与原退款请求不一致";
                return Err(Refusal::business("DISCORDANT_REPEAT_REQUEST", message));
            }
            return Ok(told(alipay, trade, call, before, now, false));
        }
        match trade.standing {
            Standing::Open => {
                return Err(Refusal::business("TRADE_STATUS_ERROR", "交易状态不合法"));
            }
            Standing::Closed { .. } => {
                return Err(Refusal::business("TRADE_HAS_CLOSE", "交易已关闭"));
            }
            Standing::Paid { .. } if trade.status(now) == "TRADE_FINISHED" => {
                return Err(Refusal::business("TRADE_HAS_FINISHED", "交易已完结"));
            }
            Standing::Paid { .. } => {}
        }
        let spacing = Duration::from_secs(3);
        let last = trade.refunds.last().map(|refund| refund.at);
        if alipay.stage.switches.get().alipay_strict
            && last.is_some_and(|at| now.since(at) < spacing)
        {
            // Which answer the real gateway gives to refunds that follow too closely is not known.
            return Err(Refusal::business("REASON_TRADE_REFUND_FEE_ERR", "退款过于频繁"));
        }
        if asked > trade.remaining() {
            let message = "退款金额超限";
            return Err(Refusal::business("REFUND_AMT_NOT_EQUAL_TOTAL", message));
        }
        if call.fault == Some(FaultKind::NotEnough) {
            return Err(Refusal::business("SELLER_BALANCE_NOT_ENOUGH", "卖家余额不足"));
        }
        let at = if odd(AlipayOddity::RefundPending) { now.plus(ON_ITS_WAY) } else { now };
        let refund = Refund { out_request_no: number, amount: asked, reason, at };
        trade.refunds.push(refund.clone());
        (trade.clone(), refund)
    };
    let quiet = odd(AlipayOddity::NoFundChange) || refund.at > now;
    let fields = told(alipay, &trade, call, &refund, now, !quiet);
    alipay.announce_refund(&trade, &refund);
    Ok(fields)
}

fn told(
    alipay: &Alipay,
    trade: &super::Trade,
    call: &Call,
    refund: &Refund,
    now: Timestamp,
    moved: bool,
) -> Fields {
    let mut fields = names(trade);
    fields.extend(alipay.ids(trade.app, trade.buyer, "buyer_user_id", "buyer_open_id"));
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("buyer_logon_id", json!(alipay.logon_id(trade.buyer)));
    set("fund_change", json!(if moved { "Y" } else { "N" }));
    // The sum of all refunds of the trade, not this one.
    set("refund_fee", json!(trade.refunded(now)));
    if call.wants("refund_detail_item_list") {
        set("send_back_fee", json!(refund.amount));
        set("refund_detail_item_list", json!([Fund::of(trade).queried(refund.amount)]));
    }
    fields
}

pub(super) fn query(alipay: &Arc<Alipay>, call: &Call) -> Result<Fields, Refusal> {
    let number = call.required("out_request_no", 64)?;
    let now = alipay.now();
    let trade = named(&mut lock(&alipay.ledger), call, now)?.clone();
    let refund = trade.refunds.iter().find(|refund| refund.out_request_no == number);
    let hidden = Duration::from_secs(alipay.stage.switches.get().alipay_refund_hidden_seconds);
    let visible = |at: Timestamp| call.fault != Some(FaultKind::Lag) && at.plus(hidden) <= now;
    let Some(refund) = refund.filter(|refund| visible(refund.at)) else {
        // Not refunded, or not visible yet: a bare success.
        return Ok(Fields::new());
    };
    let mut fields = names(&trade);
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("out_request_no", json!(refund.out_request_no));
    set("refund_status", json!("REFUND_SUCCESS"));
    set("refund_amount", json!(refund.amount));
    set("total_amount", json!(trade.total));
    if let Some(reason) = &refund.reason {
        set("refund_reason", json!(reason));
    }
    if call.wants("gmt_refund_pay") {
        set("gmt_refund_pay", json!(refund.at.beijing_text()));
    }
    let fund = Fund::of(&trade);
    if call.wants("refund_detail_item_list") {
        set("send_back_fee", json!(refund.amount));
        set("refund_detail_item_list", json!([fund.queried(refund.amount)]));
    }
    if call.wants("deposit_back_info") {
        set("deposit_back_info", fund.deposit_back(refund));
    }
    if call.wants("deposit_back_info_list") {
        set("deposit_back_info_list", json!([fund.deposit_back(refund)]));
    }
    Ok(fields)
}
