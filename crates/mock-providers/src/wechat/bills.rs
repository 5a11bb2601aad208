//! Trade and fund-flow bills (wechat §5): an address and a hash, then the file, which is not signed.

use std::{collections::HashMap, io::Write, sync::Mutex, time::Duration};

use axum::{
    Extension,
    extract::Query,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use flate2::{Compression, write::GzEncoder};
use kernel::{Entropy, Timestamp};
use ring::digest;
use serde_json::json;

use super::{
    Refund, Trade,
    answer::{Refusal, Unsigned, found},
    authorization::Caller,
    merchant::Merchant,
};
use crate::{bounded::Bounded, faults::FaultKind, lock};

const LINK_LIFE: Duration = Duration::from_secs(300);
const DAY: Duration = Duration::from_secs(86_400);
const DAYS_MAX: u32 = 92;
/// From this hour on, yesterday's bill is there.
const READY_HOUR: u8 = 10;
/// At this hour it was made: what happens later is in no bill of the day.
const MADE: Duration = Duration::from_secs(9 * 3_600);
/// 0.60 %, as in published samples: of a fen, in hundred-thousandths of a yuan.
const FEE_OF_A_FEN: i64 = 6;
const FILES_MAX: usize = 1_000;

const ALL: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注";
const SUCCESS: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,商品名称,商户数据包,手续费,费率,订单金额,费率备注";
const REFUND: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,退款申请时间,退款成功时间,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注";
const SUM: &str =
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";
const SUM_SUCCESS: &str = "总交易单数,应结订单总金额,手续费总金额,订单总金额";
const FUND: &str = "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号";
const SUM_FUND: &str = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额";

struct BillFile {
    mchid: String,
    bytes: Vec<u8>,
    gzip: bool,
    made_at: Timestamp,
}

/// Files that were applied for and can be fetched for five minutes.
pub(super) struct BillFiles(Mutex<Bounded<String, BillFile>>);

impl Default for BillFiles {
    fn default() -> BillFiles {
        BillFiles(Mutex::new(Bounded::new(FILES_MAX)))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    All,
    Success,
    Refund,
}

/// One row before it is written; the kind of bill decides which columns it has.
struct Row {
    at: Timestamp,
    trade: Trade,
    refund: Option<Refund>,
    /// What a fault adds to the amount.
    wrong_by: i64,
}

fn yuan(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", fen.abs() / 100, fen.abs() % 100)
}

/// The fee in yuan with five decimals; returned with a refund.
fn fee(fen: i64) -> String {
    let hundred_thousandths = fen * FEE_OF_A_FEN;
    let (sign, all) = (if fen < 0 { "-" } else { "" }, hundred_thousandths.abs());
    format!("{sign}{}.{:05}", all / 100_000, all % 100_000)
}

/// The fee as it moves on the account: whole fen, half up.
fn fee_fen(fen: i64) -> i64 {
    (fen * FEE_OF_A_FEN + 500) / 1_000
}

fn line(fields: &[String]) -> String {
    fields.iter().map(|field| format!("`{field}")).collect::<Vec<_>>().join(",")
}

impl Row {
    fn amount(&self) -> i64 {
        self.trade.total_fen + self.wrong_by
    }

    /// `made_at` is when the bill was made; nobody updates it.
    fn written(&self, merchant: &Merchant, kind: Kind, made_at: Timestamp) -> String {
        let trade = &self.trade;
        let text = |value: &str| value.to_owned();
        let named = |name: &str| text(trade.request[name].as_str().unwrap_or_default());
        let state = if self.refund.is_some() { "REFUND" } else { "SUCCESS" };
        let paid = if self.refund.is_some() { text("0.00") } else { yuan(self.amount()) };
        let mut fields = vec![
            self.at.beijing_text(),
            merchant.app.app_id.clone(),
            merchant.mchid.clone(),
            text(trade.contract.sub_mchid().unwrap_or("0")),
            text(trade.request["scene_info"]["device_id"].as_str().unwrap_or_default()),
            trade.transaction_id.clone().unwrap_or_default(),
            trade.out_trade_no.clone(),
            trade.openid.clone(),
            text("JSAPI"),
            text(state),
            text("OTHERS"),
            text("CNY"),
            paid.clone(),
            text("0.00"),
        ];
        let refunded = self.refund.as_ref().map_or(0, |refund| refund.amount_fen + self.wrong_by);
        if kind == Kind::Refund
            && let Some(refund) = &self.refund
        {
            let done = refund.succeeded_at(made_at);
            fields.push(refund.created_at.beijing_text());
            fields.push(done.map(Timestamp::beijing_text).unwrap_or_default());
        }
        if kind != Kind::Success {
            let (id, number, kind, status) = match &self.refund {
                Some(r) => (&*r.refund_id, &*r.out_refund_no, "ORIGINAL", r.status(made_at)),
                None => ("0", "0", "", ""),
            };
            fields.extend([text(id), text(number), yuan(refunded), text("0.00")]);
            fields.extend([text(kind), text(status)]);
        }
        let base = if self.refund.is_some() { -refunded } else { self.amount() };
        fields.extend([named("description"), named("attach"), fee(base), text("0.60%"), paid]);
        if kind != Kind::Success {
            fields.push(yuan(refunded));
        }
        fields.push(String::new());
        line(&fields)
    }
}

/// The file's text. What trips parsers by position is switched on by default.
fn joined(merchant: &Merchant, head: &str, rows: &[String], sum_head: &str, sum: &str) -> String {
    let odd = merchant.stage.switches.get().wechat_bill_oddities;
    let (mark, more_head, more) = if odd { ("\u{feff}", ",新增列", ",`") } else { ("", "", "") };
    let rows: String = rows.iter().map(|row| format!("{row}{more}\r\n")).collect();
    format!("{mark}{head}{more_head}\r\n{rows}{sum_head}\r\n{sum}\r\n")
}

/// The rows of one day: payments by their payment, refunds by their beginning.
fn rows_of(merchant: &Merchant, day: Timestamp, sub_mchid: Option<&str>) -> Vec<Row> {
    let ledger = lock(&merchant.ledger);
    let within = |at: Timestamp| day <= at && at < day.plus(DAY);
    let paid = ledger.payments(day.plus(DAY)).into_iter().filter_map(|trade| {
        let at = trade.paid_at.filter(|at| within(*at))?;
        Some(Row { at, trade, refund: None, wrong_by: 0 })
    });
    let mut rows: Vec<Row> = paid.collect();
    rows.extend(ledger.refunds().into_iter().filter(|r| within(r.created_at)).filter_map(|r| {
        let trade = ledger.written(&r.out_trade_no)?.clone();
        Some(Row { at: r.created_at, trade, refund: Some(r), wrong_by: 0 })
    }));
    rows.retain(|row| sub_mchid.is_none() || row.trade.contract.sub_mchid() == sub_mchid);
    rows.sort_by_key(|row| row.at);
    rows
}

/// A payment that nobody made, at noon.
fn nobodys(merchant: &Merchant, day: Timestamp) -> Trade {
    let entropy: &dyn Entropy = merchant.stage.entropy.as_ref();
    let at = day.plus(DAY / 2);
    Trade {
        contract: super::Contract::Direct,
        out_trade_no: format!("NOBODYS{}", entropy.letters(12)),
        openid: format!("o{}", entropy.letters(27)),
        total_fen: 12_345,
        attach: None,
        notify_url: String::new(),
        named: None,
        request: json!({"description": "社保缴费"}),
        created_at: at,
        expires_at: at,
        state: super::TradeState::Success,
        transaction_id: Some(super::notifications::new_transaction_id(at, entropy)),
        paid_at: Some(at),
        refunds: Vec::new(),
    }
}

/// What an ordered fault makes of the rows.
fn spoil(merchant: &Merchant, rows: &mut Vec<Row>, fault: Option<FaultKind>, day: Timestamp) {
    match (fault, rows.first_mut()) {
        (Some(FaultKind::BillOtherAmount), Some(row)) => row.wrong_by = 1,
        (Some(FaultKind::BillMissingRow), Some(_)) => drop(rows.remove(0)),
        (Some(FaultKind::BillUnknownRow), _) => {
            let trade = nobodys(merchant, day);
            rows.push(Row { at: trade.created_at, trade, refund: None, wrong_by: 0 });
        }
        _ => {}
    }
}

fn trade_text(merchant: &Merchant, kind: Kind, rows: &[Row], day: Timestamp) -> String {
    let made_at = day.plus(DAY).plus(MADE);
    let lines = rows.iter().map(|row| row.written(merchant, kind, made_at));
    let lines: Vec<String> = lines.collect();
    let paid: i64 = rows.iter().filter(|row| row.refund.is_none()).map(Row::amount).sum();
    let back = |row: &Row| row.refund.as_ref().map(|refund| refund.amount_fen + row.wrong_by);
    let refunded: i64 = rows.iter().filter_map(back).sum();
    let count = rows.len().to_string();
    let fees = fee(paid - refunded);
    if kind == Kind::Success {
        let sum = line(&[count, yuan(paid), fees, yuan(paid)]);
        return joined(merchant, SUCCESS, &lines, SUM_SUCCESS, &sum);
    }
    let none = "0.00".to_owned();
    let sum = line(&[count, yuan(paid), yuan(refunded), none, fees, yuan(paid), yuan(refunded)]);
    let head = if kind == Kind::All { ALL } else { REFUND };
    joined(merchant, head, &lines, SUM, &sum)
}

/// One movement of the account.
struct Move {
    at: Timestamp,
    business: String,
    name: &'static str,
    fen: i64,
    voucher: String,
}

/// Every movement up to the end of the day, oldest first: payments with their fees, and refunds that came
/// through, when they did. What is under way, closed or abnormal has moved nothing.
fn moves_until(merchant: &Merchant, end: Timestamp) -> Vec<Move> {
    let ledger = lock(&merchant.ledger);
    let mut moves = Vec::new();
    let mut push = |at, business: &str, name, fen, voucher: &str| {
        if fen != 0 && at < end {
            let (business, voucher) = (business.to_owned(), voucher.to_owned());
            moves.push(Move { at, business, name, fen, voucher });
        }
    };
    for trade in ledger.payments(end) {
        let (Some(at), Some(id)) = (trade.paid_at, &trade.transaction_id) else { continue };
        push(at, id, "交易", trade.total_fen, &trade.out_trade_no);
        push(at, id, "扣除交易手续费", -fee_fen(trade.total_fen), &trade.out_trade_no);
    }
    for refund in ledger.refunds() {
        let Some(at) = refund.succeeded_at(end) else { continue };
        let id = &refund.refund_id;
        push(at, id, "退款", -refund.amount_fen, &refund.out_refund_no);
        push(at, id, "退还交易手续费", fee_fen(refund.amount_fen), &refund.out_refund_no);
    }
    drop(ledger);
    moves.sort_by_key(|moved| moved.at);
    moves
}

/// What an ordered fault makes of the movements of the day.
fn spoil_moves(
    merchant: &Merchant,
    moves: &mut Vec<Move>,
    fault: Option<FaultKind>,
    day: Timestamp,
) {
    let first = moves.iter().position(|moved| day <= moved.at);
    match (fault, first) {
        (Some(FaultKind::BillOtherAmount), Some(at)) => moves[at].fen += moves[at].fen.signum(),
        (Some(FaultKind::BillMissingRow), Some(at)) => drop(moves.remove(at)),
        (Some(FaultKind::BillUnknownRow), _) => {
            let trade = nobodys(merchant, day);
            moves.push(Move {
                at: trade.created_at,
                business: trade.transaction_id.unwrap_or_default(),
                name: "交易",
                fen: trade.total_fen,
                voucher: trade.out_trade_no,
            });
            moves.sort_by_key(|moved| moved.at);
        }
        _ => {}
    }
}

/// The movements of the day; `None` when there was none.
fn fund_text(merchant: &Merchant, day: Timestamp, fault: Option<FaultKind>) -> Option<String> {
    let mut moves = moves_until(merchant, day.plus(DAY));
    spoil_moves(merchant, &mut moves, fault, day);
    let (mut balance, mut lines) = (0, Vec::new());
    let (mut income, mut expense) = ((0_u64, 0), (0_u64, 0));
    for (index, moved) in moves.iter().enumerate() {
        balance += moved.fen;
        if moved.at < day {
            continue;
        }
        let (kind, side) =
            if moved.fen > 0 { ("收入", &mut income) } else { ("支出", &mut expense) };
        side.0 += 1;
        side.1 += moved.fen.abs();
        lines.push(line(&[
            moved.at.beijing_text(),
            moved.business.clone(),
            format!("{}{index:010}", moved.business),
            moved.name.to_owned(),
            moved.name.to_owned(),
            kind.to_owned(),
            yuan(moved.fen.abs()),
            yuan(balance),
            "system".to_owned(),
            String::new(),
            moved.voucher.clone(),
        ]));
    }
    let count = |n: u64| format!("{n}.0");
    let sum = line(&[
        count(income.0 + expense.0),
        count(income.0),
        yuan(income.1),
        count(expense.0),
        yuan(expense.1),
    ]);
    (!lines.is_empty()).then(|| joined(merchant, FUND, &lines, SUM_FUND, &sum))
}

fn parameter(name: &str, message: &str) -> Refusal {
    let text = format!("参数错误：{message}");
    let mut refusal = Refusal::new(StatusCode::BAD_REQUEST, "PARAM_ERROR", 268_435_461, text);
    refusal.detail = Some(json!({"location": "query", "field": name, "issue": message}));
    refusal
}

fn no_statement() -> Refusal {
    let message = "请求的账单文件不存在";
    Refusal::new(StatusCode::BAD_REQUEST, "NO_STATEMENT_EXIST", 268_435_461, message)
}

type Asked = HashMap<String, String>;

/// The beginning of the day that is asked for, when its bill can be there.
fn day_of(merchant: &Merchant, query: &Asked) -> Result<Timestamp, Refusal> {
    let text = query.get("bill_date").ok_or_else(|| parameter("bill_date", "账单日期不能为空"))?;
    let well_formed = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let day = Timestamp::from_beijing_text(&format!("{text} 00:00:00")).ok();
    let wrong = || parameter("bill_date", "账单日期格式不正确，应为yyyy-MM-DD");
    let day = day.filter(|_| well_formed).ok_or_else(wrong)?;
    let now = merchant.now();
    let today = now.beijing_text();
    let today = Timestamp::from_beijing_text(&format!("{} 00:00:00", &today[..10]));
    let today = today.map_err(|_| Refusal::system_error())?;
    if day >= today || today.since(day) > DAY * DAYS_MAX {
        return Err(parameter("bill_date", "仅支持三个月内的账单，不能为当日"));
    }
    if today.since(day) == DAY && now.beijing().hour() < READY_HOUR {
        let message = "账单生成中，请稍后再试";
        let status = StatusCode::BAD_REQUEST;
        return Err(Refusal::new(status, "STATEMENT_CREATING", 268_435_461, message));
    }
    Ok(day)
}

/// Keeps the file and tells where it is.
fn offer(caller: &Caller, query: &Asked, text: String) -> Result<Response, Refusal> {
    let merchant = &caller.merchant;
    let gzip = match query.get("tar_type").map(String::as_str) {
        None | Some("") => false,
        Some("GZIP") => true,
        Some(_) => return Err(parameter("tar_type", "压缩格式仅支持GZIP")),
    };
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    let mut hash = hex::encode(hash.as_ref());
    if caller.meets(FaultKind::WrongHash) {
        hash = hash.chars().rev().collect();
    }
    let bytes = if gzip {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let packed = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
        packed.map_err(|_| Refusal::system_error())?
    } else {
        text.into_bytes()
    };
    let entropy: &dyn Entropy = merchant.stage.entropy.as_ref();
    let token = entropy.letters(64);
    let mchid = merchant.mchid.clone();
    let file = BillFile { mchid, bytes, gzip, made_at: merchant.now() };
    lock(&merchant.files.0).insert(token.clone(), file);
    let kind = if gzip { "&tartype=gzip" } else { "" };
    // Whoever was asked: files are said to be at the main host.
    let host = &merchant.app.base_url;
    Ok(found(&json!({
        "hash_type": "SHA1",
        "hash_value": hash,
        "download_url": format!("{host}/v3/billdownload/file?token={token}{kind}"),
    })))
}

pub(super) async fn trade(
    Extension(caller): Extension<Caller>,
    Query(query): Query<Asked>,
) -> Result<Response, Refusal> {
    // The special ones (不含充值券 and the like) are not spelled alike in all texts.
    let kind = match query.get("bill_type").map(String::as_str) {
        None | Some("" | "ALL" | "ALL_SPECIAL") => Some(Kind::All),
        Some("SUCCESS" | "SUC_SPECIAL" | "SUCCESS_SPECIAL") => Some(Kind::Success),
        Some("REFUND" | "REF_SPECIAL" | "REFUND_SPECIAL") => Some(Kind::Refund),
        // Nobody charges vouchers here.
        Some("RECHARGE_REFUND") => None,
        Some(_) => return Err(parameter("bill_type", "账单类型不支持")),
    };
    let merchant = &caller.merchant;
    let day = day_of(merchant, &query)?;
    let kind = kind.ok_or_else(no_statement)?;
    let mut rows = rows_of(merchant, day, query.get("sub_mchid").map(String::as_str));
    rows.retain(|row| match kind {
        Kind::All => true,
        Kind::Success => row.refund.is_none(),
        Kind::Refund => row.refund.is_some(),
    });
    spoil(merchant, &mut rows, caller.fault.map(|fault| fault.fault), day);
    if rows.is_empty() {
        return Err(no_statement());
    }
    offer(&caller, &query, trade_text(merchant, kind, &rows, day))
}

pub(super) async fn fund_flow(
    Extension(caller): Extension<Caller>,
    Query(query): Query<Asked>,
) -> Result<Response, Refusal> {
    let day = day_of(&caller.merchant, &query)?;
    let fault = caller.fault.map(|fault| fault.fault);
    let text = match query.get("account_type").map(String::as_str) {
        None | Some("" | "BASIC") => fund_text(&caller.merchant, day, fault),
        // All money of the mock is on the basic account.
        Some("OPERATION" | "FEES") => None,
        Some(_) => return Err(parameter("account_type", "仅支持BASIC、OPERATION、FEES")),
    };
    offer(&caller, &query, text.ok_or_else(no_statement)?)
}

pub(super) async fn download(
    Extension(caller): Extension<Caller>,
    Query(query): Query<Asked>,
) -> Result<Response, Refusal> {
    let over = || Refusal::invalid_request(268_435_461, "账单下载链接无效或已过期");
    let token = query.get("token").ok_or_else(over)?;
    let merchant = &caller.merchant;
    let files = lock(&merchant.files.0);
    let file = files.get(token).ok_or_else(over)?;
    if file.mchid != merchant.mchid {
        let message = "无权下载其他商户的账单";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "NO_AUTH", 268_443_701, message));
    }
    if merchant.now().since(file.made_at) >= LINK_LIFE {
        return Err(over());
    }
    let kind = if file.gzip { "application/x-gzip" } else { "text/plain; charset=utf-8" };
    let kind = HeaderValue::from_static(kind);
    let mut response = ([(header::CONTENT_TYPE, kind)], file.bytes.clone()).into_response();
    response.extensions_mut().insert(Unsigned);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_written_to_the_last_place() {
        assert_eq!(
            (yuan(38_000), yuan(-5), yuan(0)),
            ("380.00".into(), "-0.05".into(), "0.00".into())
        );
        assert_eq!((fee(38_000), fee(-38_000)), ("2.28000".into(), "-2.28000".into()));
        assert_eq!((fee(1), fee_fen(38_000), fee_fen(83)), ("0.00006".into(), 228, 0));
    }

    #[test]
    fn heads_have_the_published_number_of_columns() {
        let columns = [ALL, SUCCESS, REFUND, SUM, SUM_SUCCESS, FUND, SUM_FUND];
        let counts = columns.map(|head| head.split(',').count());
        assert_eq!(counts, [27, 20, 29, 7, 4, 11, 5]);
    }
}
