//! `alipay.trade.create`: every rule of its parameters (alipay §3.2), then the trade.

use std::{sync::Arc, time::Duration};

use kernel::{Entropy, Fen, Timestamp};
use serde_json::Value;

use super::{
    Alipay, AlipayOddity, Trade,
    gateway::{Call, Refusal, beijing_time, invalid_parameter},
    ledger::Standing,
    trade::{Fields, amount_or_zero, names},
};
use crate::{faults::FaultKind, keys, lock, people::PersonNo, settings::AlipayIdMode};

/// An unpaid trade without a deadline of its own.
const DEFAULT_LIFE: Duration = Duration::from_secs(15 * 86_400);
const TOTAL_MAX_FEN: i64 = 10_000_000_000;
/// More entries are too many. The exact figure is not published; about 150 is what is told.
const GOODS_MAX: usize = 150;

/// Optional texts and how long they may be. What only has to be short is in this list alone.
const TEXTS: [(&str, usize); 8] = [
    ("body", 128),
    ("passback_params", 512),
    ("enable_pay_channels", 128),
    ("disable_pay_channels", 128),
    ("store_id", 32),
    ("operator_id", 28),
    ("terminal_id", 32),
    ("merchant_order_no", 32),
];

const CERTIFICATE_KINDS: [&str; 6] = [
    "IDENTITY_CARD",
    "PASSPORT",
    "OFFICER_CARD",
    "SOLDIER_CARD",
    "HOKOU",
    "PERMANENT_RESIDENCE_FOREIGNER",
];

fn text(object: &Value, name: &str) -> Result<Option<String>, Refusal> {
    match object.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(_) => Err(invalid_parameter(name)),
    }
}

fn flag(object: &Value, name: &str) -> Result<bool, Refusal> {
    match text(object, name)?.as_deref() {
        None | Some("F") => Ok(false),
        Some("T") => Ok(true),
        Some(_) => Err(invalid_parameter(name)),
    }
}

/// Who may pay (`ext_user_info`).
#[derive(Clone, Debug, Default)]
pub(crate) struct PayerRule {
    name: Option<String>,
    cert_no: Option<String>,
    identity_hash: Option<String>,
    min_age: Option<i32>,
    /// The cashier looks (`need_check_info`).
    pub at_cashier: bool,
    /// Whoever the order names is looked at when it is made (`fix_buyer`).
    at_once: bool,
}

impl PayerRule {
    fn read(call: &Call) -> Result<PayerRule, Refusal> {
        let Some(info) = object(call, "ext_user_info")? else { return Ok(PayerRule::default()) };
        let kind = text(info, "cert_type")?;
        if kind.is_some_and(|kind| !CERTIFICATE_KINDS.contains(&kind.as_str())) {
            return Err(invalid_parameter("cert_type"));
        }
        let hash = text(info, "identity_hash")?;
        let is_hash = |text: &String| text.len() == 64 && hex::decode(text).is_ok();
        if hash.as_ref().is_some_and(|hash| !is_hash(hash)) {
            return Err(invalid_parameter("identity_hash"));
        }
        let age = text(info, "min_age")?;
        let age = age.map(|age| age.parse().map_err(|_| invalid_parameter("min_age")));
        text(info, "mobile")?;
        Ok(PayerRule {
            name: text(info, "name")?,
            cert_no: text(info, "cert_no")?,
            identity_hash: hash,
            min_age: age.transpose()?,
            at_cashier: flag(info, "need_check_info")?,
            at_once: flag(info, "fix_buyer")?,
        })
    }

    /// Whether this person is who the order wants.
    pub fn admits(&self, person: PersonNo, now: Timestamp) -> bool {
        let (name, number) = (person.name(), person.cert_no());
        let wants = |wanted: &Option<String>, is: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(is))
        };
        let plain = self.name.is_some() || self.cert_no.is_some();
        let hash =
            ring::digest::digest(&ring::digest::SHA256, format!("{name}{number}").as_bytes());
        wants(&self.name, &name)
            && wants(&self.cert_no, &number)
            // Beside the plain members it is not looked at.
            && (plain || wants(&self.identity_hash, &hex::encode(hash)))
            && self.min_age.is_none_or(|age| age <= person.age(now))
    }
}

fn object<'a>(call: &'a Call, name: &str) -> Result<Option<&'a Value>, Refusal> {
    match call.biz.get(name) {
        None => Ok(None),
        Some(object @ Value::Object(_)) => Ok(Some(object)),
        Some(_) => Err(invalid_parameter(name)),
    }
}

/// `goods_detail`: what is bought, each with its four necessary members.
fn check_goods(call: &Call) -> Result<(), Refusal> {
    let wrong = || invalid_parameter("goods_detail");
    let goods = match call.biz.get("goods_detail") {
        None => return Ok(()),
        Some(Value::Array(goods)) => goods,
        Some(_) => return Err(wrong()),
    };
    if goods.len() > GOODS_MAX {
        return Err(Refusal::business("SUB_GOODS_SIZE_MAX_COUNT", "子商品明细超长"));
    }
    let filled = |one: &Value, name: &str| {
        one.get(name).and_then(Value::as_str).is_some_and(|text| !text.trim().is_empty())
    };
    let number = |one: &Value, name: &str| match one.get(name) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let fits = goods.iter().all(|one| {
        let quantity = number(one, "quantity").and_then(|text| text.parse::<u32>().ok());
        let price = number(one, "price").and_then(|text| Fen::from_yuan(&text).ok());
        filled(one, "goods_id")
            && filled(one, "goods_name")
            && quantity.is_some_and(|count| count > 0)
            && price.is_some()
    });
    if fits { Ok(()) } else { Err(wrong()) }
}

fn check_query_options(call: &Call) -> Result<(), Refusal> {
    match call.biz.get("query_options") {
        None => Ok(()),
        Some(Value::Array(options)) if options.iter().all(Value::is_string) => Ok(()),
        Some(_) => Err(invalid_parameter("query_options")),
    }
}

impl Alipay {
    /// The payer named in the request, by the kinds of id that the mode allows.
    fn buyer(&self, call: &Call) -> Result<PersonNo, Refusal> {
        let unknown = || Refusal::business("BUYER_NOT_EXIST", "买家不存在");
        let other = || Refusal::business("TRADE_BUYER_NOT_MATCH", "交易买家不匹配");
        let wrong_kind = || Refusal::invalid("isv.invalid-openid", "用户标识类型与应用不符");
        let mode = self.stage.switches.get().alipay_id_mode;
        let (user_id, open_id) = (call.text("buyer_id", 28)?, call.text("buyer_open_id", 128)?);
        let buyer = match (user_id, open_id) {
            (Some(id), _) if self.keys.is_seller(id) => {
                Err(Refusal::business("BUYER_SELLER_EQUAL", "买卖家不能相同"))
            }
            (Some(_), None) if mode == AlipayIdMode::OpenId => Err(wrong_kind()),
            (None, Some(_)) if mode == AlipayIdMode::UserId => Err(wrong_kind()),
            (Some(id), None) => self.people.by_user_id(id).ok_or_else(unknown),
            (None, Some(id)) => self.people_of(call.app.place).by_open_id(id).ok_or_else(unknown),
            (Some(id), Some(open)) => {
                let person = self.people.by_user_id(id).ok_or_else(unknown)?;
                let same = self.people_of(call.app.place).by_open_id(open) == Some(person);
                same.then_some(person).ok_or_else(other)
            }
            (None, None) => Err(invalid_parameter("buyer_open_id")),
        }?;
        // Under the mini-program in which the cashier opens; here it is the calling one.
        if let Some(id) = call.text("op_buyer_open_id", 128)? {
            let named = self.people_of(call.app.place).by_open_id(id).ok_or_else(unknown)?;
            if named != buyer {
                return Err(other());
            }
        }
        Ok(buyer)
    }
}

fn deadline(call: &Call, now: Timestamp) -> Result<Timestamp, Refusal> {
    // Looked at even where the other one wins.
    let relative = match call.text("timeout_express", 6)? {
        None => now.plus(DEFAULT_LIFE),
        Some(text) => {
            relative_deadline(text, now).ok_or_else(|| invalid_parameter("timeout_express"))?
        }
    };
    let Some(text) = call.text("time_expire", 32)? else { return Ok(relative) };
    let until = beijing_time(text).ok_or_else(|| invalid_parameter("time_expire"))?;
    if until <= now {
        let message = "当前时间已超过允许支付的时间";
        return Err(Refusal::business("NOW_TIME_AFTER_EXPIRE_TIME_ERROR", message));
    }
    Ok(until)
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

/// Yuan as text: a JSON number is not one.
fn total(call: &Call) -> Result<Fen, Refusal> {
    let wrong = || invalid_parameter("total_amount");
    let total = Fen::from_yuan(call.required("total_amount", 20)?).map_err(|_| wrong())?;
    match total.get() {
        0 => Err(wrong()),
        fen if fen > TOTAL_MAX_FEN => {
            Err(Refusal::business("TOTAL_FEE_EXCEED", "订单总金额超过限额"))
        }
        _ => Ok(total),
    }
}

/// Everything that is only looked at, in the order of the table.
fn check(alipay: &Alipay, call: &Call, total: Fen) -> Result<(), Refusal> {
    for (name, length_max) in TEXTS {
        call.text(name, length_max)?;
    }
    if call.text("product_code", 64)? != Some("JSAPI_PAY") {
        return Err(Refusal::business("ACCESS_FORBIDDEN", "无权限使用接口"));
    }
    if call.required("op_app_id", 32)? != call.app.app_id {
        return Err(Refusal::business("UNBOUND_APPLICATION", "应用未绑定该商户"));
    }
    if call.text("seller_id", 28)?.is_some_and(|seller| seller != call.app.seller_id) {
        return Err(Refusal::business("INVALID_RECEIVE_ACCOUNT", "收款账户无效"));
    }
    let parts = [amount_or_zero(call, "discountable_amount")?, {
        amount_or_zero(call, "undiscountable_amount")?
    }];
    if let [Some(one), Some(other)] = parts
        && one.plus(other) != Some(total)
    {
        return Err(invalid_parameter("undiscountable_amount"));
    }
    let given = |name: &str| call.biz.get(name).and_then(Value::as_str) != Some("");
    let lists = ["enable_pay_channels", "disable_pay_channels"];
    if lists.iter().all(|name| call.biz.contains_key(*name) && given(name)) {
        return Err(invalid_parameter("disable_pay_channels"));
    }
    for name in ["extend_params", "business_params"] {
        object(call, name)?;
    }
    check_goods(call)?;
    check_query_options(call)?;
    let notify_url = call.common("notify_url");
    if notify_url.is_some_and(|url| url.len() > 256 || !alipay.notify_url_fits(url)) {
        return Err(invalid_parameter("notify_url"));
    }
    Ok(())
}

pub(super) fn create(alipay: &Arc<Alipay>, call: &Call) -> Result<Fields, Refusal> {
    let now = alipay.now();
    let out_trade_no = call.required("out_trade_no", 64)?;
    if !out_trade_no.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(invalid_parameter("out_trade_no"));
    }
    let total = total(call)?;
    let subject = call.required("subject", 256)?;
    if subject.contains(['/', '=', '&']) {
        return Err(invalid_parameter("subject"));
    }
    check(alipay, call, total)?;
    let payer_rule = PayerRule::read(call)?;
    let buyer = alipay.buyer(call)?;
    let mut ledger = lock(&alipay.ledger);
    if let Some(trade) = ledger.by_number(call.app.place, out_trade_no, now) {
        return match trade.standing {
            Standing::Paid { .. } => Err(Refusal::business("TRADE_HAS_SUCCESS", "交易已被支付")),
            Standing::Closed { .. } => Err(Refusal::business("TRADE_HAS_CLOSE", "交易已经关闭")),
            Standing::Open if trade.request == call.biz => Ok(names(trade)),
            Standing::Open => Err(Refusal::business("CONTEXT_INCONSISTENT", "交易信息被篡改")),
        };
    }
    let expires_at = deadline(call, now)?;
    if payer_rule.at_once && !payer_rule.admits(buyer, now) {
        return Err(Refusal::business("CUSTOMER_VALIDATE_ERROR", "付款人身份信息不一致"));
    }
    let own = |name: &str| -> Result<Option<String>, Refusal> {
        Ok(call.text(name, 512)?.map(str::to_owned))
    };
    let trade = Trade {
        app: call.app.place,
        trade_no: new_trade_no(now, alipay.stage.entropy.as_ref()),
        out_trade_no: out_trade_no.to_owned(),
        buyer,
        payer_rule,
        total,
        subject: subject.to_owned(),
        body: own("body")?,
        passback_params: own("passback_params")?,
        notify_url: call.common("notify_url").map(str::to_owned),
        request: call.biz.clone(),
        created_at: now,
        expires_at,
        standing: Standing::Open,
        // In the very second of the deadline.
        wins_at: (call.fault == Some(FaultKind::Alipay(AlipayOddity::PaidAtExpiry)))
            .then_some(expires_at),
        refunds: Vec::new(),
    };
    let fields = names(&trade);
    ledger.open(trade.clone());
    drop(ledger);
    alipay.foresee_close(&trade);
    alipay.foresee_late_payment(&trade);
    Ok(fields)
}

/// 28 digits: the date, 2200, 14, and 14 digits.
fn new_trade_no(now: Timestamp, entropy: &dyn Entropy) -> String {
    let date: String = now.beijing_text().chars().filter(char::is_ascii_digit).take(8).collect();
    format!("{date}220014{}", keys::digits(entropy, 14))
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
