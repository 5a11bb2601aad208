//! Refunds: accepted at once, finished later (wechat §4).

use std::{collections::HashMap, time::Duration};

use axum::{
    Extension,
    body::Bytes,
    extract::{Path, Query},
    http::StatusCode,
    response::Response,
};
use kernel::{Entropy, Timestamp};
use serde_json::{Value, json};

use super::{
    Refund, Trade,
    answer::{Refusal, found},
    authorization::Caller,
    ledger::{Ending, RefundOutcome},
    members::{self, Members, number_fits},
    merchant::Merchant,
};
use crate::{faults::FaultKind, keys, lock};

const REFUNDS_MAX: usize = 50;
const SPACING: Duration = Duration::from_secs(60);
const WINDOW: Duration = Duration::from_secs(365 * 86_400);
/// Where the money of a refund may be taken from.
const ACCOUNTS: [&str; 2] = ["AVAILABLE", "UNAVAILABLE"];
/// Debit cards to which an abnormal refund can go: of fifteen banks (wechat §4.5), two of which are written
/// in two ways.
const BANKS: [&str; 17] = [
    "CMB_DEBIT",
    "BOCOM_DEBIT",
    "COMM_DEBIT",
    "ABC_DEBIT",
    "CCB_DEBIT",
    "ICBC_DEBIT",
    "BOC_DEBIT",
    "PAB_DEBIT",
    "SPDB_DEBIT",
    "CITIC_DEBIT",
    "CEB_DEBIT",
    "CMBC_DEBIT",
    "CIB_DEBIT",
    "CGB_DEBIT",
    "GDB_DEBIT",
    "PSBC_DEBIT",
    "NBCB_DEBIT",
];

struct Asked<'a> {
    sub_mchid: Option<&'a str>,
    transaction_id: Option<&'a str>,
    out_trade_no: Option<&'a str>,
    out_refund_no: &'a str,
    notify_url: Option<&'a str>,
    refund_fen: i64,
    total_fen: i64,
}

fn asked<'a>(merchant: &Merchant, request: &'a Value) -> Result<Asked<'a>, Refusal> {
    let root = Members::of(request)?;
    root.only(&[
        "transaction_id",
        "out_trade_no",
        "out_refund_no",
        "reason",
        "notify_url",
        "funds_account",
        "amount",
        "goods_detail",
        "sub_mchid",
    ])?;
    let sub_mchid = root.text("sub_mchid", 32)?;
    let transaction_id = root.text("transaction_id", 32)?;
    let out_trade_no = root.text("out_trade_no", 32)?;
    if transaction_id.is_some() == out_trade_no.is_some() {
        return Err(root.refuse("out_trade_no", "transaction_id和out_trade_no必须且只能传一个"));
    }
    let out_refund_no = root.required_text("out_refund_no", 64)?;
    if !number_fits(out_refund_no, 1..=64, "@") {
        return Err(root.refuse("out_refund_no", "商户退款单号只能是数字、大小写字母及_-|*@"));
    }
    root.text("reason", 80)?;
    let notify_url = root.text("notify_url", 256)?;
    if notify_url.is_some_and(|url| url.len() < 8 || !merchant.stage.notify_url_fits(url)) {
        return Err(root.refuse("notify_url", "回调地址必须为可访问的URL，不能携带参数"));
    }
    if root.text("funds_account", 32)?.is_some_and(|account| account != "AVAILABLE") {
        return Err(root.refuse("funds_account", "仅支持AVAILABLE"));
    }
    let amount = root.required_object("amount")?;
    amount.only(&["refund", "total", "currency", "from"])?;
    let refund_fen = amount.required_integer("refund")?;
    let total_fen = amount.required_integer("total")?;
    if refund_fen < 1 {
        return Err(amount.refuse("refund", "退款金额必须大于0"));
    }
    if refund_fen > total_fen {
        return Err(amount.refuse("refund", "退款金额不能大于原订单金额"));
    }
    if amount.required_text("currency", 16)? != "CNY" {
        return Err(amount.refuse("currency", "货币类型仅支持CNY"));
    }
    let parts = amount.objects("from", ACCOUNTS.len())?;
    let mut sum = 0_i64;
    for part in &parts {
        part.only(&["account", "amount"])?;
        part.required_word("account", &ACCOUNTS)?;
        let fen = part.required_integer("amount")?;
        if fen < 1 {
            return Err(part.refuse("amount", "出资金额必须大于0"));
        }
        sum = sum.saturating_add(fen);
    }
    if !parts.is_empty() && sum != refund_fen {
        return Err(amount.refuse("from", "各账户出资金额之和必须等于退款金额"));
    }
    for goods in root.objects("goods_detail", 6000)? {
        goods.only(&[
            "merchant_goods_id",
            "wechatpay_goods_id",
            "goods_name",
            "unit_price",
            "refund_amount",
            "refund_quantity",
        ])?;
        goods.required_text("merchant_goods_id", 32)?;
        goods.text("wechatpay_goods_id", 32)?;
        goods.text("goods_name", 256)?;
        goods.required_integer("unit_price")?;
        goods.required_integer("refund_amount")?;
        goods.required_integer("refund_quantity")?;
    }
    Ok(Asked {
        sub_mchid,
        transaction_id,
        out_trade_no,
        out_refund_no,
        notify_url,
        refund_fen,
        total_fen,
    })
}

/// The rules of §4.3 for a new refund of a paid trade.
fn allowed(
    trade: &Trade,
    paid_at: Timestamp,
    earlier: &[Refund],
    asked: &Asked<'_>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let refuse = |message: &str| Err(Refusal::invalid_request(268_435_464, message));
    if asked.total_fen != trade.total_fen {
        return refuse("订单金额与原订单不一致");
    }
    if now.since(paid_at) >= WINDOW {
        return refuse("订单已超过可退款期限");
    }
    let counted: Vec<&Refund> = earlier.iter().filter(|refund| refund.counts(now)).collect();
    let sum: i64 = counted.iter().map(|refund| refund.amount_fen).sum();
    if sum + asked.refund_fen > trade.total_fen {
        return refuse("累计退款金额大于支付金额");
    }
    if counted.len() >= REFUNDS_MAX {
        return refuse("订单部分退款次数超过限制");
    }
    if earlier.last().is_some_and(|last| now.since(last.created_at) < SPACING) {
        return Err(Refusal::busy());
    }
    Ok(())
}

pub(super) async fn apply(
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let merchant = &caller.merchant;
    let request = members::parse(&body)?;
    let asked = asked(merchant, &request)?;
    let now = merchant.now();
    let mut ledger = lock(&merchant.ledger);
    if let Some(known) = ledger.refund(asked.out_refund_no) {
        if known.request != request {
            return Err(Refusal::invalid_request(
                268_498_688,
                "订单金额或退款金额与之前请求不一致，请核实后再试",
            ));
        }
        return Ok(found(&refund_object(known, now)));
    }
    let trade = match (asked.out_trade_no, asked.transaction_id) {
        (Some(number), _) => ledger.trade(number, now),
        (None, Some(id)) => ledger.by_transaction(id, now),
        (None, None) => None,
    };
    let unknown = || Refusal::not_found("RESOURCE_NOT_EXISTS", "订单不存在或未支付");
    let trade = trade.ok_or_else(unknown)?.clone();
    let ours = trade.contract.sub_mchid() == asked.sub_mchid && trade.is_paid();
    if !ours || caller.meets(FaultKind::Lag) {
        return Err(unknown());
    }
    let (Some(transaction_id), Some(paid_at)) = (trade.transaction_id.clone(), trade.paid_at)
    else {
        return Err(unknown());
    };
    let blind = Duration::from_secs(merchant.stage.switches.get().wechat_refund_blind_seconds);
    if now.since(paid_at) < blind {
        return Err(unknown());
    }
    let earlier = ledger.refunds_of(&trade);
    allowed(&trade, paid_at, &earlier, &asked, now)?;
    let outcome = match caller.fault.map(|fault| fault.fault) {
        Some(FaultKind::NotEnough) => {
            let message = "基本账户余额不足，请充值后重新发起";
            return Err(Refusal::new(StatusCode::FORBIDDEN, "NOT_ENOUGH", 268_435_464, message));
        }
        Some(FaultKind::Abnormal) => RefundOutcome::Abnormal,
        Some(FaultKind::Closed) => RefundOutcome::Closed,
        _ => RefundOutcome::Success,
    };
    let refund = Refund {
        refund_id: new_refund_id(now, merchant.stage.entropy.as_ref()),
        out_refund_no: asked.out_refund_no.to_owned(),
        out_trade_no: trade.out_trade_no.clone(),
        transaction_id,
        amount_fen: asked.refund_fen,
        total_fen: trade.total_fen,
        created_at: now,
        ending: Ending { from: now, at: ends_at(merchant), outcome },
        request: request.clone(),
        named: caller.named,
        sub_mchid: asked.sub_mchid.map(str::to_owned),
        handled: None,
    };
    let object = refund_object(&refund, now);
    ledger.give_back(refund.clone());
    drop(ledger);
    // Without an address in the request there is none at all: the mock has no merchant platform on
    // which a default could be set.
    if let Some(url) = asked.notify_url {
        merchant.announce_refund(&refund, url);
    }
    Ok(found(&object))
}

/// When a refund that begins now comes to its end.
fn ends_at(merchant: &Merchant) -> Timestamp {
    merchant.stage.clocks.later(merchant.stage.switches.get().refund_delay_seconds)
}

pub(super) async fn query(
    Extension(caller): Extension<Caller>,
    Path(out_refund_no): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Refusal> {
    let unknown = || Refusal::not_found("RESOURCE_NOT_EXISTS", "退款单不存在");
    let now = caller.merchant.now();
    let refund = lock(&caller.merchant.ledger).refund(&out_refund_no).cloned();
    let refund = refund.filter(|refund| refund.sub_mchid.as_ref() == query.get("sub_mchid"));
    let refund = refund.ok_or_else(unknown)?;
    if caller.meets(FaultKind::Lag) {
        if refund.status(now) == "PROCESSING" {
            return Err(unknown());
        }
        return Ok(found(&refund_object(&refund, refund.created_at)));
    }
    Ok(found(&refund_object(&refund, now)))
}

/// Handles a refund that ended ABNORMAL: to a card of the user's or of the merchant's (wechat §4.5).
/// It is under way again and then succeeds.
pub(super) async fn apply_abnormal(
    Extension(caller): Extension<Caller>,
    Path(refund_id): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let merchant = &caller.merchant;
    let request = members::parse(&body)?;
    let root = Members::of(&request)?;
    let names = ["out_refund_no", "sub_mchid", "type", "bank_type", "bank_account", "real_name"];
    root.only(&names)?;
    let out_refund_no = root.required_text("out_refund_no", 64)?;
    let sub_mchid = root.text("sub_mchid", 32)?;
    match root.required_text("type", 32)? {
        "MERCHANT_BANK_CARD" => {}
        "USER_BANK_CARD" => {
            root.required_word("bank_type", &BANKS)?;
            for name in ["bank_account", "real_name"] {
                merchant.opened(&root, name, root.required_text(name, 1024)?, &caller)?;
            }
        }
        _ => return Err(root.refuse("type", "仅支持USER_BANK_CARD和MERCHANT_BANK_CARD")),
    }
    let now = merchant.now();
    let mut ledger = lock(&merchant.ledger);
    let refund = ledger.refund_by_id(&refund_id).cloned();
    let refund = refund.filter(|refund| {
        refund.out_refund_no == out_refund_no && refund.sub_mchid.as_deref() == sub_mchid
    });
    let refund =
        refund.ok_or_else(|| Refusal::invalid_request(268_435_464, "退款单不存在或不匹配"))?;
    if refund.handled.is_some() {
        return Ok(found(&refund_object(&refund, now)));
    }
    if refund.status(now) != "ABNORMAL" {
        return Err(Refusal::invalid_request(268_435_464, "退款单状态不是退款异常"));
    }
    let revived = ledger.revive(out_refund_no, now, ends_at(merchant)).cloned();
    drop(ledger);
    let revived = revived.ok_or_else(Refusal::system_error)?;
    if let Some(url) = revived.request["notify_url"].as_str() {
        merchant.announce_refund(&revived, url);
    }
    Ok(found(&refund_object(&revived, now)))
}

impl Merchant {
    /// The plain text of a sensitive member, encrypted for the key that the request names
    /// (wechat §1.8).
    pub(super) fn opened(
        &self,
        root: &Members<'_>,
        name: &str,
        cipher: &str,
        caller: &Caller,
    ) -> Result<String, Refusal> {
        let serial = caller.serial.as_deref().unwrap_or_default();
        let signer = self.signer_named(serial).ok_or_else(|| {
            let message = "Http头缺少Wechatpay-Serial，或其证书序列号、公钥ID有误";
            Refusal::new(StatusCode::BAD_REQUEST, "PARAM_ERROR", 268_435_461, message)
        })?;
        let opened = self.signing(&signer).0.opens(cipher);
        opened.ok_or_else(|| root.refuse(name, "敏感信息解密失败"))
    }
}

/// The refund as the API tells it.
fn refund_object(refund: &Refund, now: Timestamp) -> Value {
    let status = refund.status(now);
    let mut object = json!({
        "refund_id": refund.refund_id,
        "out_refund_no": refund.out_refund_no,
        "transaction_id": refund.transaction_id,
        "out_trade_no": refund.out_trade_no,
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": refund.created_at.rfc3339(),
        "status": status,
        "funds_account": "UNSETTLED",
        "amount": {
            "total": refund.total_fen,
            "refund": refund.amount_fen,
            "from": refund.request["amount"].get("from").cloned().unwrap_or_else(|| json!([])),
            "payer_total": refund.total_fen,
            "payer_refund": refund.amount_fen,
            "settlement_refund": refund.amount_fen,
            "settlement_total": refund.total_fen,
            "discount_refund": 0,
            "currency": "CNY",
            "refund_fee": 0,
        },
        "promotion_detail": [],
    });
    if let Some(at) = refund.succeeded_at(now) {
        object["success_time"] = json!(at.rfc3339());
    }
    object
}

fn new_refund_id(now: Timestamp, entropy: &dyn Entropy) -> String {
    let date: String = now.beijing_text().chars().filter(char::is_ascii_digit).take(8).collect();
    format!("5030{}{date}{}", keys::digits(entropy, 6), keys::digits(entropy, 11))
}
