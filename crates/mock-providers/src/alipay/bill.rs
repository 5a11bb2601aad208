//! Bills (对账单): the address of a zip for a day or a month, and the zip with its two GBK files,
//! written from the ledger (alipay §5).
//!
//! A day's bill is there from nine o'clock of the next day, a month's from the third of the next
//! month, by the business clock. An address opens for thirty seconds.

use std::{io::Write, sync::Arc, time::Duration};

use axum::{
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use encoding_rs::{EncoderResult, GBK};
use flate2::{Compression, Crc, write::DeflateEncoder};
use kernel::{Entropy, Fen, Timestamp};
use serde_json::json;

use super::{
    Alipay, AppPlace, Trade,
    gateway::{Call, Refusal},
    oddity::AlipayOddity,
    trade::Fields,
};
use crate::{bounded::Bounded, faults::FaultKind, lock};

/// How long an address opens.
const OPEN: Duration = Duration::from_secs(30);
/// What Alipay keeps of each payment, in hundredths of a percent.
const FEE_BASIS_POINTS: i64 = 60;

/// A zip that waits to be fetched.
pub(super) struct Parcel {
    bytes: Vec<u8>,
    until: Timestamp,
}

pub(super) type Parcels = Bounded<String, Parcel>;

pub(super) fn parcels() -> Parcels {
    Bounded::new(100)
}

/// Days from the first on, before the last.
struct Period {
    from: Timestamp,
    until: Timestamp,
    /// `20260101` or `202601`.
    stamp: String,
    available: Timestamp,
}

fn midnight(date: &str) -> Option<Timestamp> {
    Timestamp::from_beijing_text(&format!("{date} 00:00:00")).ok()
}

impl Period {
    /// `yyyy-MM-dd` or `yyyy-MM`.
    fn read(text: &str) -> Option<Period> {
        let day = Duration::from_secs(86_400);
        let from = match text.len() {
            10 => midnight(text)?,
            7 => midnight(&format!("{text}-01"))?,
            _ => return None,
        };
        let stamp = text.replace('-', "");
        if text.len() == 10 {
            let until = from.plus(day);
            return Some(Period { from, until, stamp, available: until.plus(day * 9 / 24) });
        }
        // The first of the next month is the first first after this one.
        let firsts = (28..=31).map(|days| from.plus(day * days));
        let until = { firsts }.find(|at| at.beijing_text().get(8..10) == Some("01"))?;
        Some(Period { from, until, stamp, available: until.plus(day * 2) })
    }

    fn holds(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }
}

/// One line of money.
struct Row {
    trade_no: String,
    out_trade_no: String,
    subject: String,
    created: Timestamp,
    done: Timestamp,
    payer: String,
    /// Signed fen.
    amount: i64,
    fee: i64,
    out_request_no: String,
}

fn yuan(fen: i64) -> String {
    let whole = Fen::new(fen.abs()).unwrap_or(Fen::ZERO);
    format!("{}{whole}", if fen < 0 { "-" } else { "" })
}

fn failed(sub_code: &str, message: &str) -> Refusal {
    Refusal::business_of("", sub_code, message)
}

impl Alipay {
    fn rows(&self, app: AppPlace, period: &Period) -> Vec<Row> {
        let mut rows = Vec::new();
        let row = |trade: &Trade, done, amount: i64, fee, out_request_no: &str| Row {
            trade_no: trade.trade_no.clone(),
            out_trade_no: trade.out_trade_no.clone(),
            subject: trade.subject.clone(),
            created: trade.created_at,
            done,
            payer: format!("*明({})", self.logon_id(trade.buyer)),
            amount,
            fee,
            out_request_no: out_request_no.to_owned(),
        };
        for trade in self.trades(usize::MAX).into_iter().filter(|trade| trade.app == app) {
            let Some(paid_at) = trade.paid_at() else { continue };
            if period.holds(paid_at) {
                let total = trade.total.get();
                let fee = (total * FEE_BASIS_POINTS + 5_000) / 10_000;
                rows.push(row(&trade, paid_at, total, -fee, ""));
            }
            for refund in trade.refunds.iter().filter(|refund| period.holds(refund.at)) {
                rows.push(row(&trade, refund.at, -refund.amount.get(), 0, &refund.out_request_no));
            }
        }
        rows.sort_by(|a, b| a.done.cmp(&b.done).then_with(|| a.trade_no.cmp(&b.trade_no)));
        rows
    }
}

pub(super) fn address(alipay: &Arc<Alipay>, call: &Call) -> Result<Fields, Refusal> {
    let now = alipay.now();
    let odd = |wanted: AlipayOddity| call.fault == Some(FaultKind::Alipay(wanted));
    // The real code is misspelt like this.
    let wrong = || failed("INVAILID_ARGUMENTS", "入参不合法");
    let kind = call.text_or("bill_type", 20, wrong)?.ok_or_else(wrong)?;
    let date = call.text_or("bill_date", 10, wrong)?.ok_or_else(wrong)?;
    if !matches!(kind, "trade" | "signcustomer") {
        return Err(failed("TYPE_NOT_SUPPORTED", "账单类型不支持"));
    }
    let period = Period::read(date).filter(|period| period.until <= now).ok_or_else(wrong)?;
    if odd(AlipayOddity::NoDataFile) {
        return Err(failed("NO_BILL_DATA", "账单不存在"));
    }
    if now < period.available || odd(AlipayOddity::LateBill) {
        return Err(failed("BILL_NOT_EXIST", "账单不存在"));
    }
    if now.since(period.from) > Duration::from_secs(6 * 366 * 86_400) {
        return Err(failed("BILL_DATE_BEFORE_REGISTRATION", "账单日期过早"));
    }
    let mut rows = alipay.rows(call.app.place, &period);
    if odd(AlipayOddity::MissingRow) {
        rows.pop();
    }
    if odd(AlipayOddity::AmountDiffers)
        && let Some(row) = rows.first_mut()
    {
        row.amount += 1;
    }
    if odd(AlipayOddity::ExtraRow) {
        rows.push(Row {
            trade_no: "2026010122001400000000000000".to_owned(),
            out_trade_no: "NOT_OURS".to_owned(),
            subject: "外单, \"多\"出一行".to_owned(),
            created: period.from,
            done: period.from,
            payer: "*人(159****0000)".to_owned(),
            amount: 1,
            fee: 0,
            out_request_no: String::new(),
        });
    }
    let form = Form {
        unquoted_comma: odd(AlipayOddity::UnquotedComma),
        new_columns: odd(AlipayOddity::NewColumns),
    };
    let account = format!("{}0156", call.app.seller_id);
    let (name, detail, summary) = match kind {
        "trade" => ("业务", trade_detail(&account, &period, &rows, now, form), {
            trade_summary(&account, &period, &rows, now)
        }),
        _ => ("账务", balance_detail(&account, &period, &rows, now, form), {
            balance_summary(&account, &period, &rows, now)
        }),
    };
    let old = name == "账务" && odd(AlipayOddity::OldNames);
    let name = if old { "财务" } else { name };
    let lines = |text: String| {
        let text = match old {
            true => text.replace("支付宝账务", "支付宝财务").replace("-账务", "-财务"),
            false => text,
        };
        match odd(AlipayOddity::LfEndings) {
            true => text.replace("\r\n", "\n"),
            false => text,
        }
    };
    let base = format!("{account}_{}", period.stamp);
    let mut bytes = zip(&[
        (format!("{base}_{name}明细.csv"), lines(detail)),
        (format!("{base}_{name}明细(汇总).csv"), lines(summary)),
    ]);
    if odd(AlipayOddity::TruncatedZip) {
        bytes.truncate(bytes.len() / 2);
    }
    let entropy: &dyn Entropy = alipay.stage.entropy.as_ref();
    let token = entropy.hex(16);
    let until = if odd(AlipayOddity::ExpiredUrl) { now } else { now.plus(OPEN) };
    lock(&alipay.parcels).insert(token.clone(), Parcel { bytes, until });
    let host = &call.host;
    let url =
        format!("http://{host}/bills/{token}?downloadFileName={base}.csv.zip&fileType=csv.zip");
    let mut fields = Fields::new();
    fields.insert("bill_download_url".to_owned(), json!(url));
    if rows.is_empty() {
        fields.insert("bill_file_code".to_owned(), json!("EMPTY_DATA_WITH_BILL_FILE"));
    }
    Ok(fields)
}

/// Gives the zip, as often as asked for within the thirty seconds.
pub(super) async fn fetch(
    State(alipay): State<Arc<Alipay>>,
    Path(token): Path<String>,
) -> Response {
    let now = alipay.now();
    let parcels = lock(&alipay.parcels);
    match parcels.get(&token) {
        Some(parcel) if now < parcel.until => {
            let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
            (kind, parcel.bytes.clone()).into_response()
        }
        _ => (StatusCode::FORBIDDEN, "the address has expired").into_response(),
    }
}

fn beijing_day(at: Timestamp) -> String {
    let text = at.beijing_text();
    format!("{}年{}月{}日 {}", &text[..4], &text[5..7], &text[8..10], &text[11..])
}

fn head(title: &str, account: &str, period: &Period, ruler: &str) -> String {
    format!(
        "#支付宝{title}查询\r\n#账号：[{account}]\r\n#起始日期：[{}]   终止日期：[{}]\r\n#-----------------------------------------{ruler}列表----------------------------------------\r\n",
        beijing_day(period.from),
        beijing_day(period.until),
    )
}

fn rule_end(ruler: &str) -> String {
    format!(
        "#-----------------------------------------{ruler}列表结束------------------------------------\r\n"
    )
}

fn exported(now: Timestamp) -> String {
    format!("#导出时间：[{}]\r\n", beijing_day(now))
}

/// How a detail file is odd.
#[derive(Clone, Copy)]
struct Form {
    unquoted_comma: bool,
    new_columns: bool,
}

impl Form {
    /// The subject's cell; only the first row's lacks its quotation marks.
    fn subject(self, place: usize, text: &str) -> String {
        match self.unquoted_comma && place == 0 {
            true => format!("{}, 逗号, 没有引号", text.replace(['"', ','], " ")),
            false => cell(text),
        }
    }
}

/// Commas and quotation marks make a cell a quoted one; a line's end would end the row.
fn cell(text: &str) -> String {
    let text = text.replace(['\r', '\n'], " ");
    if text.contains([',', '"']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

fn totals(rows: &[Row]) -> ((usize, i64), (usize, i64)) {
    let sum = |rows: Vec<&Row>| (rows.len(), rows.iter().map(|row| row.amount).sum());
    let (paid, returned): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.amount >= 0);
    (sum(paid), sum(returned))
}

const TRADE_HEADER: &str = "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注";

fn trade_detail(
    account: &str,
    period: &Period,
    rows: &[Row],
    now: Timestamp,
    form: Form,
) -> String {
    let mut text = head("业务明细", account, period, "业务明细");
    let (more_names, more_cells) = if form.new_columns {
        (",支付渠道,入账账户", "余额,主账户")
    } else {
        ("", "")
    };
    let more_cells = if more_cells.is_empty() { String::new() } else { format!(",{more_cells}") };
    text.push_str(TRADE_HEADER);
    text.push_str(more_names);
    text.push_str("\r\n");
    for (place, row) in rows.iter().enumerate() {
        let kind = if row.amount < 0 { "退款" } else { "交易" };
        let amount = yuan(row.amount);
        text.push_str(&format!(
            "{}\t,{}\t,{kind}\t,{},{},{},\t,,\t,\t,{}\t,{amount},{amount},0.00,0.00,0.00,0.00,0.00,,0.00,0.00,{}\t,{},0.00,{more_cells}\r\n",
            row.trade_no,
            row.out_trade_no,
            form.subject(place, &row.subject),
            row.created.beijing_text(),
            row.done.beijing_text(),
            cell(&row.payer),
            row.out_request_no,
            yuan(row.fee),
        ));
    }
    let ((paid, received), (back, returned)) = totals(rows);
    text.push_str(&rule_end("业务明细"));
    text.push_str(&format!(
        "#交易合计：{paid}笔，商家实收共{}元，商家优惠共0.00元\r\n#退款合计：{back}笔，商家实收退款共{}元，商家优惠退款共0.00元\r\n",
        yuan(received),
        yuan(returned),
    ));
    text.push_str(&exported(now));
    text
}

fn trade_summary(account: &str, period: &Period, rows: &[Row], now: Timestamp) -> String {
    let mut text = head("业务汇总", account, period, "业务汇总");
    text.push_str("门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,商家优惠（元）,卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）\r\n");
    let ((paid, received), (back, returned)) = totals(rows);
    let amount = received + returned;
    let fee: i64 = rows.iter().map(|row| row.fee).sum();
    text.push_str(&format!(
        "合计,,{paid},{back},{total},{total},0.00,0.00,0.00,{},0.00,{}\r\n",
        yuan(fee),
        yuan(amount + fee),
        total = yuan(amount),
    ));
    text.push_str(&rule_end("业务汇总"));
    text.push_str(&exported(now));
    text
}

/// Payments, fees and refunds as they move the balance, which begins at a million yuan.
fn movements(rows: &[Row]) -> Vec<(&Row, &'static str, i64)> {
    let mut moves = Vec::new();
    for row in rows {
        moves.push((row, if row.amount < 0 { "交易退款" } else { "在线支付" }, row.amount));
        if row.fee != 0 {
            moves.push((row, "收费", row.fee));
        }
    }
    moves
}

fn balance_detail(
    account: &str,
    period: &Period,
    rows: &[Row],
    now: Timestamp,
    form: Form,
) -> String {
    let mut text = head("账务明细", account, period, "账务明细");
    text.push_str("账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,账户余额（元）,交易渠道,业务类型,备注");
    // Newer files have more; their exact set and order is not published.
    if form.new_columns {
        text.push_str(",业务描述,业务账单来源,业务基础订单号,业务订单号");
    }
    text.push_str("\r\n");
    let mut balance = 100_000_000;
    let moves = movements(rows);
    for (count, (row, kind, fen)) in moves.iter().enumerate() {
        balance += fen;
        let (income, expense) =
            if *fen < 0 { (" ".to_owned(), yuan(*fen)) } else { (yuan(*fen), " ".to_owned()) };
        let more = match form.new_columns {
            true => format!(",{kind},收单,{0},{0}", row.out_trade_no),
            false => String::new(),
        };
        text.push_str(&format!(
            "{}{count:06}\t,{}\t,{}\t,{},{},{}\t,{income},{expense},{},支付宝,{kind},{}{more}\r\n",
            period.stamp,
            row.trade_no,
            row.out_trade_no,
            form.subject(count, &row.subject),
            row.done.beijing_text(),
            cell(&row.payer),
            yuan(balance),
            row.out_request_no,
        ));
    }
    let part = |wanted: fn(i64) -> bool| -> (usize, i64) {
        let picked: Vec<i64> =
            moves.iter().map(|(_, _, fen)| *fen).filter(|f| wanted(*f)).collect();
        (picked.len(), picked.iter().sum())
    };
    let ((spent, expense), (got, income)) = (part(|fen| fen < 0), part(|fen| fen >= 0));
    text.push_str(&rule_end("账务明细"));
    text.push_str(&format!(
        "#支出合计：{spent}笔，共{}元\r\n#收入合计：{got}笔，共{}元\r\n",
        yuan(expense),
        yuan(income),
    ));
    text.push_str(&exported(now));
    text
}

fn balance_summary(account: &str, period: &Period, rows: &[Row], now: Timestamp) -> String {
    let mut text = head("账务汇总", account, period, "账务汇总");
    text.push_str("类型,收入笔数,收入金额（+元）,支出笔数,支出金额（-元）,总金额（元）\r\n");
    let moves = movements(rows);
    let mut line = |name: &str, wanted: &dyn Fn(&str) -> bool| {
        let of_kind = || moves.iter().filter(|(_, kind, _)| wanted(kind)).map(|(_, _, fen)| *fen);
        let income: Vec<i64> = of_kind().filter(|fen| *fen >= 0).collect();
        let expense: Vec<i64> = of_kind().filter(|fen| *fen < 0).collect();
        let (plus, minus): (i64, i64) = (income.iter().sum(), expense.iter().sum());
        text.push_str(&format!(
            "{name},{},{},{},{},{}\r\n",
            income.len(),
            yuan(plus),
            expense.len(),
            yuan(minus),
            yuan(plus + minus),
        ));
    };
    for kind in ["在线支付", "收费", "交易退款"] {
        line(kind, &|wanted| wanted == kind);
    }
    line("合计", &|_| true);
    text.push_str(&rule_end("账务汇总"));
    text.push_str(&exported(now));
    text
}

/// GBK, with a question mark for whatever it has no character for.
fn gbk(text: &str) -> Vec<u8> {
    let mut encoder = GBK.new_encoder();
    let mut bytes = Vec::new();
    let mut rest = text;
    let mut buffer = [0; 4_096];
    loop {
        let (result, read, written) =
            encoder.encode_from_utf8_without_replacement(rest, &mut buffer, true);
        bytes.extend_from_slice(buffer.get(..written).unwrap_or_default());
        rest = rest.get(read..).unwrap_or_default();
        match result {
            EncoderResult::InputEmpty => return bytes,
            EncoderResult::OutputFull => {}
            EncoderResult::Unmappable(_) => bytes.push(b'?'),
        }
    }
}

/// A zip whose names are GBK bytes without the UTF-8 flag, as Alipay's are.
fn zip(files: &[(String, String)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for (name, text) in files {
        let (name, content) = (gbk(name), gbk(text));
        let mut crc = Crc::new();
        crc.update(&content);
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        let packed = encoder.write_all(&content).and_then(|()| encoder.finish());
        let packed = packed.unwrap_or_default();
        let size = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
        // Version, flags, deflate, time and date, then check sum and lengths: the same in both.
        let mut common = vec![20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0x28];
        common.extend_from_slice(&crc.sum().to_le_bytes());
        common.extend_from_slice(&size(packed.len()));
        common.extend_from_slice(&size(content.len()));
        common.extend_from_slice(&u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
        common.extend_from_slice(&[0, 0]);
        let at = size(out.len());
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&common);
        out.extend_from_slice(&name);
        out.extend_from_slice(&packed);
        directory.extend_from_slice(b"PK\x01\x02\x14\x00");
        directory.extend_from_slice(&common);
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&at);
        directory.extend_from_slice(&name);
    }
    let at = u32::try_from(out.len()).unwrap_or(u32::MAX);
    let count = u16::try_from(files.len()).unwrap_or(u16::MAX).to_le_bytes();
    let size = u32::try_from(directory.len()).unwrap_or(u32::MAX).to_le_bytes();
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    out.extend_from_slice(&[count, count].concat());
    out.extend_from_slice(&size);
    out.extend_from_slice(&at.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gbk_has_no_character_for_is_a_question_mark() {
        let long = "社".repeat(5_000);
        for (text, wanted) in [("社保😀缴费", "社保?缴费"), ("😀", "?"), (&long, &long)]
        {
            assert_eq!(GBK.decode(&gbk(text)).0, wanted);
        }
        assert_eq!(cell("社\r\n保,x"), "\"社  保,x\"");
    }

    #[test]
    fn a_month_ends_on_the_first_of_the_next() {
        for (month, until) in
            [("2026-02", "2026-03-01"), ("2024-02", "2024-03-01"), ("2026-12", "2027-01-01")]
        {
            let period = Period::read(month).unwrap();
            assert_eq!(period.until.beijing_text(), format!("{until} 00:00:00"));
        }
        let day = Period::read("2026-01-01").unwrap();
        assert_eq!(day.available.beijing_text(), "2026-01-02 09:00:00");
        assert!(Period::read("2026-13-01").is_none());
        assert!(Period::read("20260101").is_none());
    }
}
