//! Create, query and close (wechat §2).

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    Extension,
    body::Bytes,
    extract::{Path, Query},
    http::StatusCode,
    response::Response,
};
use kernel::{Entropy, Fen, Timestamp};
use serde_json::{Value, json};

use super::{
    Contract, Payable, Trade, TradeState,
    answer::{Refusal, done, found},
    authorization::Caller,
    members::{self, Members, number_fits},
    merchant::Merchant,
};
use crate::{faults::FaultKind, lock};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// Documents of real-name payment (实名支付).
const IDENTITIES: [&str; 6] = [
    "IDCARD",
    "HONGKONG_MACAO",
    "HONGKONG_MACAO_RESIDENT",
    "TAIWAN_RESIDENT",
    "FOREIGN_RESIDENT",
    "OVERSEA_PASSPORT",
];
/// What may be forbidden to the payer; of old clients.
const LIMITS: [&str; 4] = ["no_balance", "no_credit", "no_debit", "balance_only"];

/// What the create request asks, checked.
struct Asked {
    contract: Contract,
    out_trade_no: String,
    openid: String,
    total_fen: i64,
    attach: Option<String>,
    notify_url: String,
    expires_at: Option<Timestamp>,
    request: Value,
}

impl Merchant {
    fn asked(&self, caller: &Caller, body: &[u8], mode: Mode) -> Result<Asked, Refusal> {
        let mut request = members::parse(body)?;
        let root = Members::of(&request)?;
        let owner: &[&str] = match mode {
            Mode::Direct => &["appid", "mchid"],
            Mode::Partner => &["sp_appid", "sp_mchid", "sub_appid", "sub_mchid"],
        };
        let known = [
            "description",
            "out_trade_no",
            "time_expire",
            "attach",
            "notify_url",
            "goods_tag",
            "support_fapiao",
            "amount",
            "payer",
            "detail",
            "scene_info",
            "settle_info",
            "limit_pay",
        ];
        root.only(&[owner, &known].concat())?;
        let app_id = root.required_text(owner[0], 32)?;
        let mchid = root.required_text(owner[1], 32)?;
        root.required_text("description", 127)?;
        let out_trade_no = root.required_text("out_trade_no", 32)?;
        if !number_fits(out_trade_no, 6..=32, "") {
            return Err(
                root.refuse("out_trade_no", "商户订单号只能是6至32个数字、大小写字母及_-|*")
            );
        }
        let expires_at = match root.text("time_expire", 64)? {
            None => None,
            Some(text) => Some(
                Timestamp::from_rfc3339(text)
                    .map_err(|_| root.refuse("time_expire", "时间格式错误，应符合RFC 3339标准"))?,
            ),
        };
        let attach = root.text("attach", 128)?;
        let notify_url = root.required_text("notify_url", 255)?;
        if !self.stage.notify_url_fits(notify_url) {
            return Err(root.refuse("notify_url", "回调地址必须为可访问的URL，不能携带参数"));
        }
        root.text("goods_tag", 32)?;
        root.boolean("support_fapiao")?;
        let amount = root.required_object("amount")?;
        amount.only(&["total", "currency"])?;
        let total_fen = amount.required_integer("total")?;
        if total_fen < 1 || Fen::new(total_fen).is_none() {
            let mut refusal = amount.refuse("total", "订单金额必须大于0且在限额之内");
            refusal.internal = 268_435_464;
            return Err(refusal);
        }
        if amount.text("currency", 16)?.is_some_and(|currency| currency != "CNY") {
            return Err(amount.refuse("currency", "货币类型仅支持CNY"));
        }
        let payer = root.object("payer")?.ok_or_else(|| {
            let mut refusal = root.refuse("payer", "JSAPI支付必须传openid");
            refusal.internal = 268_501_013;
            refusal
        })?;
        let (contract, openid) = match mode {
            Mode::Direct => {
                payer.only(&["openid", "identity"])?;
                (Contract::Direct, payer.required_text("openid", 128)?)
            }
            Mode::Partner => sub_contract(&root, &payer, caller)?,
        };
        if let Some(identity) = payer.object("identity")? {
            self.check_identity(&identity, caller)?;
        }
        optional_parts(&root)?;
        if mchid != self.mchid {
            return Err(root.refuse(owner[1], "商户号与Http头Authorization中的商户号不一致"));
        }
        if app_id != self.app.app_id {
            let message = "appid和mch_id不匹配，请检查后再试";
            let status = StatusCode::BAD_REQUEST;
            return Err(Refusal::new(status, "APPID_MCHID_NOT_MATCH", 268_445_527, message));
        }
        let (member, people) = match &contract {
            Contract::Direct => ("openid", None),
            Contract::Partner { sub_appid: Some(app), payer_of_sub: true, .. } => {
                ("sub_openid", Some(self.app.people_of(app)))
            }
            Contract::Partner { .. } => ("sp_openid", None),
        };
        if people.as_ref().unwrap_or(&self.app.people).by_openid(openid).is_none() {
            return Err(payer.refuse(member, "无效的openid，或appid和openid不匹配"));
        }
        let (out_trade_no, openid) = (out_trade_no.to_owned(), openid.to_owned());
        let (attach, notify_url) = (attach.map(str::to_owned), notify_url.to_owned());
        // The default is the same parameter as the word itself.
        if let Some(amount) = request["amount"].as_object_mut() {
            amount.entry("currency").or_insert_with(|| json!("CNY"));
        }
        Ok(Asked {
            contract,
            out_trade_no,
            openid,
            total_fen,
            attach,
            notify_url,
            expires_at,
            request,
        })
    }
}

impl Merchant {
    /// Real-name payment. Sources do not agree whether number and name are sent plain or encrypted; both
    /// pass, and the limit is that of the plain text.
    fn check_identity(&self, identity: &Members<'_>, caller: &Caller) -> Result<(), Refusal> {
        identity.only(&["type", "number", "name"])?;
        identity.required_word("type", &IDENTITIES)?;
        for name in ["number", "name"] {
            let text = identity.required_text(name, 1024)?;
            if text.chars().count() > 32 {
                let plain = self.opened(identity, name, text, caller);
                let fits = plain.is_ok_and(|plain| (1..=32).contains(&plain.chars().count()));
                if !fits {
                    return Err(identity.refuse(name, "字符串长度超过限制"));
                }
            }
        }
        Ok(())
    }
}

/// Which of the two families of paths was called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Direct,
    Partner,
}

/// Whose money it is, in the service provider's family of calls.
fn required_sub_mchid<'a>(root: &Members<'a>) -> Result<&'a str, Refusal> {
    root.required_text("sub_mchid", 32)
        .map_err(|refusal| Refusal { internal: 268_443_704, ..refusal })
}

/// The sub-merchant and the payer of a service provider's request (wechat §2.7).
fn sub_contract<'a>(
    root: &Members<'a>,
    payer: &Members<'a>,
    caller: &Caller,
) -> Result<(Contract, &'a str), Refusal> {
    let sub_mchid = required_sub_mchid(root)?;
    if sub_mchid == caller.merchant.mchid {
        let mut refusal = root.refuse("sub_mchid", "子商户号不能与服务商商户号相同");
        refusal.internal = 268_443_705;
        return Err(refusal);
    }
    if !(8..=10).contains(&sub_mchid.len()) || !sub_mchid.bytes().all(|b| b.is_ascii_digit()) {
        let mut refusal = root.refuse("sub_mchid", "服务商与子商户没有受理关系");
        refusal.internal = 268_443_701;
        return Err(refusal);
    }
    let sub_appid = root.text("sub_appid", 32)?.map(str::to_owned);
    payer.only(&["sp_openid", "sub_openid", "identity"])?;
    let payers = (payer.text("sp_openid", 128)?, payer.text("sub_openid", 128)?);
    let (openid, payer_of_sub) = match payers {
        (Some(openid), None) => (openid, false),
        (None, Some(openid)) if sub_appid.is_some() => (openid, true),
        (None, Some(_)) => return Err(root.refuse("sub_appid", "传sub_openid时必须传sub_appid")),
        _ => return Err(payer.refuse("sp_openid", "sp_openid和sub_openid必须且只能传一个")),
    };
    Ok((Contract::Partner { sub_mchid: sub_mchid.to_owned(), sub_appid, payer_of_sub }, openid))
}

fn optional_parts(root: &Members<'_>) -> Result<(), Refusal> {
    if let Some(detail) = root.object("detail")? {
        detail.only(&["cost_price", "invoice_id", "goods_detail"])?;
        detail.integer("cost_price")?;
        detail.text("invoice_id", 32)?;
        for goods in detail.objects("goods_detail", 6000)? {
            goods.only(&[
                "merchant_goods_id",
                "wechatpay_goods_id",
                "goods_name",
                "quantity",
                "unit_price",
            ])?;
            goods.required_text("merchant_goods_id", 32)?;
            goods.text("wechatpay_goods_id", 32)?;
            goods.text("goods_name", 256)?;
            goods.required_integer("quantity")?;
            goods.required_integer("unit_price")?;
        }
    }
    if let Some(scene) = root.object("scene_info")? {
        scene.only(&["payer_client_ip", "device_id", "store_info"])?;
        let address = scene.required_text("payer_client_ip", 45)?;
        if address.parse::<std::net::IpAddr>().is_err() {
            return Err(scene.refuse("payer_client_ip", "用户终端IP格式错误"));
        }
        scene.text("device_id", 32)?;
        if let Some(store) = scene.object("store_info")? {
            store.only(&["id", "name", "area_code", "address"])?;
            store.required_text("id", 32)?;
            store.text("name", 256)?;
            store.text("area_code", 32)?;
            store.text("address", 512)?;
        }
    }
    root.words("limit_pay", &LIMITS)?;
    if let Some(settle) = root.object("settle_info")? {
        settle.only(&["profit_sharing"])?;
        settle.boolean("profit_sharing")?;
    }
    Ok(())
}

pub(super) async fn create(
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Result<Response, Refusal> {
    open(&caller, caller.merchant.asked(&caller, &body, Mode::Direct)?)
}

pub(super) async fn create_for_sub(
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Result<Response, Refusal> {
    open(&caller, caller.merchant.asked(&caller, &body, Mode::Partner)?)
}

fn open(caller: &Caller, asked: Asked) -> Result<Response, Refusal> {
    let merchant = &caller.merchant;
    let now = merchant.now();
    let prepay_id = new_prepay_id(now, merchant.stage.entropy.as_ref());
    let mut ledger = lock(&merchant.ledger);
    if ledger.is_burned(&asked.out_trade_no) {
        return Err(Refusal::changed_parameters());
    }
    match ledger.trade(&asked.out_trade_no, now) {
        None => {
            let expires_at = asked
                .expires_at
                .unwrap_or(now.plus(7 * DAY))
                .clamp(now.plus(MINUTE), now.plus(90 * DAY));
            ledger.open(Trade {
                contract: asked.contract,
                out_trade_no: asked.out_trade_no.clone(),
                openid: asked.openid,
                total_fen: asked.total_fen,
                attach: asked.attach,
                notify_url: asked.notify_url,
                named: caller.named,
                request: asked.request,
                created_at: now,
                expires_at,
                state: TradeState::NotPay,
                transaction_id: None,
                paid_at: None,
                refunds: Vec::new(),
            });
        }
        Some(trade) => match trade.state {
            TradeState::Success | TradeState::Refund => return Err(already_paid()),
            TradeState::Closed => return Err(closed()),
            TradeState::NotPay if trade.expires_at <= now => return Err(closed()),
            TradeState::NotPay if trade.request != asked.request => {
                return Err(Refusal::changed_parameters());
            }
            // The payment will be told under the key that was asked for last.
            TradeState::NotPay => trade.named = caller.named,
        },
    }
    ledger.add_prepay(prepay_id.clone(), &asked.out_trade_no, now);
    drop(ledger);
    tracing::info!(payment.out_trade_no = asked.out_trade_no, "trade created or repeated");
    Ok(found(&json!({"prepay_id": prepay_id})))
}

fn already_paid() -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "ORDERPAID", 268_449_538, "该订单已支付")
}

fn closed() -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "ORDER_CLOSED", 268_447_914, "该订单已关闭，请重新下单")
}

/// 36 characters: `wx`, Beijing time, then hexadecimal.
fn new_prepay_id(now: Timestamp, entropy: &dyn Entropy) -> String {
    let digits: String = now.beijing_text().chars().filter(char::is_ascii_digit).collect();
    format!("wx{digits}{}", entropy.hex(10))
}

impl Merchant {
    /// The trade object of a query (wechat §2.4), and the plaintext of a notification.
    pub(super) fn trade_object(&self, trade: &Trade) -> Value {
        let mut object = json!({
            "out_trade_no": trade.out_trade_no,
            "trade_state": trade.state.code(),
            "trade_state_desc": trade.state.label(),
            "amount": {"total": trade.total_fen, "currency": "CNY"},
        });
        if let (Some(transaction_id), Some(paid_at), true) =
            (&trade.transaction_id, trade.paid_at, trade.is_paid())
        {
            object["transaction_id"] = json!(transaction_id);
            object["trade_type"] = json!("JSAPI");
            object["bank_type"] = json!("OTHERS");
            object["success_time"] = json!(paid_at.rfc3339());
            object["attach"] = json!(trade.attach.as_deref().unwrap_or(""));
            object["amount"]["payer_total"] = json!(trade.total_fen);
            object["amount"]["payer_currency"] = json!("CNY");
            object["promotion_detail"] = json!([]);
            object["payer"] = self.payer(trade);
        }
        match &trade.contract {
            Contract::Direct => {
                object["appid"] = json!(self.app.app_id);
                object["mchid"] = json!(self.mchid);
            }
            Contract::Partner { sub_mchid, sub_appid, .. } => {
                object["sp_appid"] = json!(self.app.app_id);
                object["sp_mchid"] = json!(self.mchid);
                object["sub_mchid"] = json!(sub_mchid);
                if let Some(sub_appid) = sub_appid {
                    object["sub_appid"] = json!(sub_appid);
                }
            }
        }
        object
    }

    /// Who paid: in each mini-program that the order names.
    fn payer(&self, trade: &Trade) -> Value {
        let Contract::Partner { sub_appid, payer_of_sub, .. } = &trade.contract else {
            return json!({"openid": trade.openid});
        };
        let Some(sub) = sub_appid.as_ref().map(|app| self.app.people_of(app)) else {
            return json!({"sp_openid": trade.openid});
        };
        let people = &self.app.people;
        let (from, to, names) = match payer_of_sub {
            true => (&sub, people, ["sub_openid", "sp_openid"]),
            false => (people, &sub, ["sp_openid", "sub_openid"]),
        };
        let mut payer = json!({names[0]: trade.openid});
        if let Some(person) = from.by_openid(&trade.openid) {
            payer[names[1]] = json!(to.openid(person));
        }
        payer
    }

    fn told(
        &self,
        trade: Option<Trade>,
        sub_mchid: Option<&str>,
        lags: bool,
    ) -> Result<Response, Refusal> {
        let unknown = || Refusal::not_found("ORDER_NOT_EXIST", "订单不存在");
        // Each family of paths knows its own trades only.
        let trade = trade.filter(|trade| trade.contract.sub_mchid() == sub_mchid);
        let mut trade = trade.ok_or_else(unknown)?;
        if lags {
            if !trade.is_paid() {
                return Err(unknown());
            }
            trade.state = TradeState::NotPay;
            trade.paid_at = None;
        }
        Ok(found(&self.trade_object(&trade)))
    }
}

type Queried = Result<Query<HashMap<String, String>>, axum::extract::rejection::QueryRejection>;

/// Checks whose trades are asked for; the sub-merchant, in the service provider's family.
fn owner(caller: &Caller, query: &Queried, mode: Mode) -> Result<Option<String>, Refusal> {
    let names: &[(&str, &str)] = match mode {
        Mode::Direct => &[("mchid", "直连商户号")],
        Mode::Partner => &[("sp_mchid", "服务商户号"), ("sub_mchid", "子商户号")],
    };
    let value = |(name, label): &(&str, &str)| {
        let pairs = query.as_ref().ok();
        let value = pairs.and_then(|pairs| pairs.get(*name)).filter(|value| !value.is_empty());
        value.cloned().ok_or_else(|| Refusal::missing_in_uri(name, label))
    };
    if value(&names[0])? != caller.merchant.mchid {
        let message = "商户号与Http头Authorization中的商户号不一致";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "PARAM_ERROR", 268_447_843, message));
    }
    let sub = names.get(1).map(value).transpose();
    sub.map_err(|refusal| Refusal { internal: 268_443_704, ..refusal })
}

macro_rules! queries {
    ($($by_number:ident, $by_id:ident, $mode:expr;)*) => {$(
        pub(super) async fn $by_number(
            Extension(caller): Extension<Caller>,
            Path(out_trade_no): Path<String>,
            query: Queried,
        ) -> Result<Response, Refusal> {
            let sub = owner(&caller, &query, $mode)?;
            let trade = caller.merchant.trade(&out_trade_no);
            caller.merchant.told(trade, sub.as_deref(), caller.meets(FaultKind::Lag))
        }

        pub(super) async fn $by_id(
            Extension(caller): Extension<Caller>,
            Path(transaction_id): Path<String>,
            query: Queried,
        ) -> Result<Response, Refusal> {
            let sub = owner(&caller, &query, $mode)?;
            let merchant = &caller.merchant;
            let now = merchant.now();
            let trade = lock(&merchant.ledger).by_transaction(&transaction_id, now).cloned();
            merchant.told(trade, sub.as_deref(), caller.meets(FaultKind::Lag))
        }
    )*};
}

queries! {
    query, query_by_id, Mode::Direct;
    query_for_sub, query_by_id_for_sub, Mode::Partner;
}

pub(super) async fn close(
    Extension(caller): Extension<Caller>,
    Path(out_trade_no): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    end(&caller, &out_trade_no, &body, Mode::Direct)
}

pub(super) async fn close_for_sub(
    Extension(caller): Extension<Caller>,
    Path(out_trade_no): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    end(&caller, &out_trade_no, &body, Mode::Partner)
}

fn end(caller: &Caller, out_trade_no: &str, body: &[u8], mode: Mode) -> Result<Response, Refusal> {
    let merchant: &Arc<Merchant> = &caller.merchant;
    let request = members::parse(body)?;
    let root = Members::of(&request)?;
    let (names, sub_mchid): (&[&str], _) = match mode {
        Mode::Direct => (&["mchid"], None),
        Mode::Partner => (&["sp_mchid", "sub_mchid"], Some(required_sub_mchid(&root)?.to_owned())),
    };
    root.only(names)?;
    if root.required_text(names[0], 32)? != merchant.mchid {
        return Err(root.refuse(names[0], "商户号与Http头Authorization中的商户号不一致"));
    }
    if !number_fits(out_trade_no, 6..=32, "") {
        let message = "商户订单号只能是6至32个数字、大小写字母及_-|*";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "PARAM_ERROR", 268_435_461, message));
    }
    if caller.meets(FaultKind::PaidMeanwhile) {
        // Whether the wallet pays or refuses, the close meets what is then.
        let paid = merchant.pay(&Payable::Number(out_trade_no.to_owned()), None);
        tracing::info!(paid = paid.is_ok(), "the user tried to pay before the close");
    }
    let now = merchant.now();
    let mut ledger = lock(&merchant.ledger);
    match ledger.trade(out_trade_no, now) {
        // Closing a number that was never created succeeds and makes it unusable.
        None if merchant.stage.switches.get().wechat_close_burns => ledger.burn(out_trade_no),
        None => {}
        Some(trade) if trade.contract.sub_mchid() != sub_mchid.as_deref() => {
            let message = "商户号与订单不匹配";
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "PARAM_ERROR", 268_447_843, message));
        }
        Some(trade) => match trade.state {
            TradeState::Success | TradeState::Refund => return Err(already_paid()),
            TradeState::NotPay if caller.meets(FaultKind::PaidAfterClose) => {
                trade.state = TradeState::Closed;
                drop(ledger);
                // The user was at the password page already, and the bank says yes all the same.
                let seconds = caller.fault.and_then(|fault| fault.seconds).unwrap_or(0);
                merchant.pay_closed(out_trade_no, seconds);
            }
            TradeState::NotPay | TradeState::Closed => trade.state = TradeState::Closed,
        },
    }
    Ok(done())
}
