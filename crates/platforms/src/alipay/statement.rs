//! Bills (对账单) of one day: the zip with its detail and its summary, read and held against each
//! other (业务账单 `trade`, 账务账单 `signcustomer`).
//!
//! Columns are found by their names, because newer files have more of them. Cells carry tabs and
//! blanks around their text. A subject with an unquoted comma shifts its row; the row is put right
//! from both ends, and times and amounts that do not read afterwards refuse the whole file. What the
//! lines add up to must be what the footers and the summary say: a bill that was cut or changed is
//! refused, never half believed.

use encoding_rs::GBK;
use kernel::{Fen, Timestamp};

use super::archive;

/// A zip of a day; the largest merchants' have some megabytes.
pub(super) const ZIP_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Both files together, unpacked.
const TEXT_BYTES_MAX: usize = 512 * 1024 * 1024;
/// A line, with all of its cells at their longest.
const LINE_CHARS_MAX: usize = 16 * 1024;

/// Why a bill is not believed. Names the place, never the content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    #[error("the file is no zip, or a damaged or too large one")]
    Archive,
    #[error("the zip holds no {0} file, or several")]
    Missing(&'static str),
    #[error("the {0} file is not GBK")]
    Charset(&'static str),
    #[error("the {file} file, line {line}: {problem}")]
    Line { file: &'static str, line: usize, problem: &'static str },
    #[error("the {file} file has no {part}")]
    Part { file: &'static str, part: &'static str },
    /// Footer or summary against the lines.
    #[error("the lines do not add up to {0}")]
    Totals(&'static str),
}

/// Payment or refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatementKind {
    Payment,
    Refund,
}

/// One line of the business bill (业务明细). Amounts are in fen; a refund's are negative, as in the
/// file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlipayTradeLine {
    pub kind: StatementKind,
    pub trade_no: String,
    pub out_trade_no: String,
    pub created_at: Timestamp,
    pub done_at: Timestamp,
    /// 订单金额
    pub amount_fen: i64,
    /// 商家实收
    pub received_fen: i64,
    /// 服务费; what Alipay charges is expected to be negative.
    pub fee_fen: i64,
    /// 退款批次号/请求号 of a refund.
    pub out_request_no: Option<String>,
}

/// The business bill of one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlipayTradeStatement {
    /// `2088…0156`, the account as the file names it.
    pub account: String,
    pub from: Timestamp,
    pub until: Timestamp,
    pub lines: Vec<AlipayTradeLine>,
    /// 实收净额 of the summary: received less fees.
    pub net_fen: i64,
}

/// One line of the balance bill (账务明细).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlipayBalanceLine {
    /// 账务流水号
    pub entry_no: String,
    /// 业务流水号
    pub trade_no: String,
    pub out_trade_no: String,
    pub at: Timestamp,
    /// In positive, out negative.
    pub moved_fen: i64,
    pub balance_fen: i64,
    /// 业务类型, such as 在线支付, 收费, 交易退款.
    pub business: String,
}

/// The balance bill of one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlipayBalanceStatement {
    pub account: String,
    pub from: Timestamp,
    pub until: Timestamp,
    pub lines: Vec<AlipayBalanceLine>,
}

impl AlipayTradeStatement {
    /// Reads the zip of `bill_type` `trade`.
    ///
    /// # Errors
    /// [`StatementError`] says what cannot be believed.
    pub fn read(zip: &[u8]) -> Result<AlipayTradeStatement, StatementError> {
        let Files { detail, summary } = Files::read(zip)?;
        let table = Table::read("detail", &detail, "业务明细")?;
        let mut lines = Vec::new();
        for row in &table.rows {
            let kind = match row.text("业务类型")? {
                "交易" => StatementKind::Payment,
                "退款" => StatementKind::Refund,
                _ => return Err(row.wrong("an unknown 业务类型")),
            };
            let out_request_no = row.text("退款批次号/请求号")?;
            lines.push(AlipayTradeLine {
                kind,
                trade_no: row.number("支付宝交易号")?,
                out_trade_no: row.number("商户订单号")?,
                created_at: row.time("创建时间")?,
                done_at: row.time("完成时间")?,
                amount_fen: row.fen("订单金额（元）")?,
                received_fen: row.fen("商家实收（元）")?,
                fee_fen: row.fen("服务费（元）")?,
                out_request_no: (!out_request_no.is_empty()).then(|| out_request_no.to_owned()),
            });
        }
        let of_kind = |kind| lines.iter().filter(move |line| line.kind == kind);
        let sum = |kind| total(of_kind(kind).map(|line| line.received_fen));
        let count = |kind| of_kind(kind).count();
        let (payments, refunds) = (sum(StatementKind::Payment)?, sum(StatementKind::Refund)?);
        let counts = (count(StatementKind::Payment), count(StatementKind::Refund));
        let footer = |name, wanted| {
            let told = table.footer(name)?;
            if told == wanted { Ok(()) } else { Err(StatementError::Totals("the footer")) }
        };
        footer("#交易合计：", (counts.0, payments))?;
        footer("#退款合计：", (counts.1, refunds))?;

        let totals = Table::read("summary", &summary, "业务汇总")?;
        let last = totals.rows.iter().rev().find(|row| row.text("门店编号") == Ok("合计"));
        let last = last.ok_or(StatementError::Part { file: "summary", part: "合计 line" })?;
        let fits = last.count("交易订单总笔数")? == counts.0
            && last.count("退款订单总笔数")? == counts.1
            && last.fen("订单金额（元）")? == total(lines.iter().map(|line| line.amount_fen))?
            && last.fen("商家实收（元）")? == total([payments, refunds])?
            && last.fen("服务费（元）")? == total(lines.iter().map(|line| line.fee_fen))?
            && (&totals.account, totals.from, totals.until)
                == (&table.account, table.from, table.until);
        if !fits {
            return Err(StatementError::Totals("the summary"));
        }
        let net_fen = last.fen("实收净额（元）")?;
        let Table { account, from, until, .. } = table;
        Ok(AlipayTradeStatement { account, from, until, lines, net_fen })
    }
}

impl AlipayBalanceStatement {
    /// Reads the zip of `bill_type` `signcustomer`.
    ///
    /// # Errors
    /// [`StatementError`] says what cannot be believed.
    pub fn read(zip: &[u8]) -> Result<AlipayBalanceStatement, StatementError> {
        let Files { detail, summary } = Files::read(zip)?;
        let table = Table::read("detail", &detail, "账务明细")?;
        let mut lines = Vec::new();
        for row in &table.rows {
            let part = |name| match row.text(name)? {
                "" => Ok(0),
                _ => row.fen(name),
            };
            let (income, expense) = (part("收入金额（+元）")?, part("支出金额（-元）")?);
            if income < 0 || 0 < expense || (income != 0 && expense != 0) {
                return Err(row.wrong("the amounts have wrong signs"));
            }
            lines.push(AlipayBalanceLine {
                entry_no: row.number("账务流水号")?,
                trade_no: row.text("业务流水号")?.to_owned(),
                out_trade_no: row.text("商户订单号")?.to_owned(),
                at: row.time("发生时间")?,
                moved_fen: income + expense,
                balance_fen: row.fen("账户余额（元）")?,
                business: row.text("业务类型")?.to_owned(),
            });
        }
        let part = |wanted: fn(i64) -> bool| {
            let moves: Vec<i64> =
                lines.iter().map(|line| line.moved_fen).filter(|fen| wanted(*fen)).collect();
            total(moves.iter().copied()).map(|sum| (moves.len(), sum))
        };
        let (spent, earned) = (part(|fen| fen < 0)?, part(|fen| 0 <= fen)?);
        for (name, wanted) in [("#支出合计：", spent), ("#收入合计：", earned)] {
            if table.footer(name)? != wanted {
                return Err(StatementError::Totals("the footer"));
            }
        }
        let totals = Table::read("summary", &summary, "账务汇总")?;
        let last = totals.rows.iter().rev().find(|row| row.text("类型") == Ok("合计"));
        let last = last.ok_or(StatementError::Part { file: "summary", part: "合计 line" })?;
        let fits = last.fen("收入金额（+元）")? == earned.1
            && last.fen("支出金额（-元）")? == spent.1
            && last.count("收入笔数")? == earned.0
            && last.count("支出笔数")? == spent.0;
        if !fits {
            return Err(StatementError::Totals("the summary"));
        }
        let Table { account, from, until, .. } = table;
        Ok(AlipayBalanceStatement { account, from, until, lines })
    }
}

fn total(amounts: impl IntoIterator<Item = i64>) -> Result<i64, StatementError> {
    let add = |sum: i64, fen: i64| sum.checked_add(fen);
    let mut amounts = amounts.into_iter();
    amounts.try_fold(0, add).ok_or(StatementError::Totals("a number that can be held"))
}

/// The two files of the zip, as text.
struct Files {
    detail: String,
    summary: String,
}

impl Files {
    fn read(zip: &[u8]) -> Result<Files, StatementError> {
        if zip.len() > ZIP_BYTES_MAX {
            return Err(StatementError::Archive);
        }
        let entries = archive::read(zip, TEXT_BYTES_MAX);
        let entries = entries.map_err(|archive::Broken| StatementError::Archive)?;
        // Full names differ between years and products; this is what they have in common.
        let is_summary = |name: &[u8]| GBK.decode_without_bom_handling(name).0.contains("汇总");
        let (summaries, details): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| is_summary(&entry.name));
        let only = |mut found: Vec<archive::Entry>, name| match (found.pop(), found.is_empty()) {
            (Some(entry), true) => {
                let text = GBK.decode_without_bom_handling_and_without_replacement(&entry.content);
                text.map(|text| text.into_owned()).ok_or(StatementError::Charset(name))
            }
            _ => Err(StatementError::Missing(name)),
        };
        Ok(Files { detail: only(details, "detail")?, summary: only(summaries, "summary")? })
    }
}

/// One file: comment lines before, a header, rows, comment lines after.
struct Table<'a> {
    file: &'static str,
    account: String,
    from: Timestamp,
    until: Timestamp,
    rows: Vec<Row<'a>>,
    footers: Vec<&'a str>,
}

struct Row<'a> {
    file: &'static str,
    line: usize,
    header: std::rc::Rc<Vec<&'a str>>,
    cells: Vec<String>,
}

/// `#起始日期：[2019年09月16日 00:00:00]`
fn date(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once(' ')?;
    let date = date.replace(['年', '月'], "-").replace('日', "");
    Timestamp::from_beijing_text(&format!("{date} {time}")).ok()
}

impl<'a> Table<'a> {
    fn read(
        file: &'static str,
        text: &'a str,
        ruler: &'static str,
    ) -> Result<Table<'a>, StatementError> {
        let part = |part| StatementError::Part { file, part };
        let (mut account, mut dates) = (None, None);
        let mut header: Option<std::rc::Rc<Vec<&str>>> = None;
        let (mut rows, mut footers, mut begun, mut ended) = (Vec::new(), Vec::new(), false, false);
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_end_matches('\r');
            let wrong = |problem| StatementError::Line { file, line: index + 1, problem };
            if line.chars().count() > LINE_CHARS_MAX {
                return Err(wrong("too long"));
            }
            if let Some(comment) = line.strip_prefix('#') {
                // Older files say 财务 for 账务.
                let comment = comment.replace("财务", "账务");
                if let Some(rest) = comment.strip_prefix("账号：[") {
                    account = rest.split_once(']').map(|(account, _)| account.to_owned());
                } else if let Some(rest) = comment.strip_prefix("起始日期：[") {
                    let ends = rest.split_once(']').and_then(|(from, rest)| {
                        let until = rest.split_once('[')?.1.split_once(']')?.0;
                        Some((date(from)?, date(until)?))
                    });
                    dates = Some(ends.ok_or_else(|| wrong("the dates cannot be read"))?);
                } else if comment.contains(ruler) && comment.contains("列表结束") {
                    ended = true;
                } else if comment.contains(ruler) && comment.contains("列表") {
                    begun = true;
                } else if ended {
                    footers.push(line);
                }
                continue;
            }
            if line.trim().is_empty() {
                continue;
            }
            match &header {
                _ if !begun || ended => return Err(wrong("a line outside of the list")),
                None => header = Some(std::rc::Rc::new(line.split(',').map(str::trim).collect())),
                Some(header) => {
                    let cells = cells(line).ok_or_else(|| wrong("a quotation is not closed"))?;
                    let cells = straight(cells, header);
                    let cells = cells.ok_or_else(|| wrong("too few or too many cells"))?;
                    rows.push(Row { file, line: index + 1, header: header.clone(), cells });
                }
            }
        }
        if !begun || header.is_none() {
            return Err(part("list"));
        }
        if !ended {
            return Err(part("end"));
        }
        let (from, until) = dates.ok_or_else(|| part("dates"))?;
        let account = account.ok_or_else(|| part("account"))?;
        Ok(Table { file, account, from, until, rows, footers })
    }

    /// `#交易合计：6笔，商家实收共0.06元，…`: the count and the first amount.
    fn footer(&self, name: &'static str) -> Result<(usize, i64), StatementError> {
        let none = StatementError::Part { file: self.file, part: "footer with totals" };
        let line = self.footers.iter().find_map(|line| line.strip_prefix(name));
        let read = |line: &str| {
            let (count, rest) = line.split_once('笔')?;
            let amount = rest.split_once('共')?.1.split_once('元')?.0;
            Some((count.trim().parse().ok()?, signed_fen(amount)?))
        };
        line.and_then(read).ok_or(none)
    }
}

/// Splits at commas outside of quotation marks, and trims what files put around cells.
fn cells(line: &str) -> Option<Vec<String>> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            // A mark in the middle of a cell is text.
            '"' if cell.trim().is_empty() => quoted = true,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            other => cell.push(other),
        }
    }
    cells.push(cell);
    let trimmed = cells.iter().map(|cell| cell.trim().to_owned()).collect();
    (!quoted).then_some(trimmed)
}

/// As many cells as the header has. Superfluous ones come from commas in the subject, which is the
/// only text of the merchant's own.
fn straight(mut cells: Vec<String>, header: &[&str]) -> Option<Vec<String>> {
    let surplus = cells.len().checked_sub(header.len())?;
    if surplus == 0 {
        return Some(cells);
    }
    let subject = header.iter().position(|name| *name == "商品名称")?;
    let tail = cells.split_off(subject.checked_add(surplus)?.checked_add(1)?);
    let merged = cells.split_off(subject).join(",");
    cells.push(merged);
    cells.extend(tail);
    Some(cells)
}

/// Yuan with at most two places and perhaps a minus.
fn signed_fen(text: &str) -> Option<i64> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    Some(sign * Fen::from_yuan(digits).ok()?.get())
}

impl Row<'_> {
    fn wrong(&self, problem: &'static str) -> StatementError {
        StatementError::Line { file: self.file, line: self.line, problem }
    }

    fn text(&self, name: &'static str) -> Result<&str, StatementError> {
        let at = self.header.iter().position(|column| *column == name);
        let cell = at.and_then(|at| self.cells.get(at));
        cell.map(String::as_str).ok_or(StatementError::Part { file: self.file, part: name })
    }

    /// A number that a platform or we gave out.
    fn number(&self, name: &'static str) -> Result<String, StatementError> {
        let text = self.text(name)?;
        if crate::facts::is_name(text) {
            return Ok(text.to_owned());
        }
        Err(self.wrong("a number has an unknown form"))
    }

    fn time(&self, name: &'static str) -> Result<Timestamp, StatementError> {
        let time = Timestamp::from_beijing_text(self.text(name)?);
        time.map_err(|_| self.wrong("a time cannot be read"))
    }

    fn fen(&self, name: &'static str) -> Result<i64, StatementError> {
        signed_fen(self.text(name)?).ok_or_else(|| self.wrong("an amount cannot be read"))
    }

    fn count(&self, name: &'static str) -> Result<usize, StatementError> {
        self.text(name)?.parse().map_err(|_| self.wrong("a count cannot be read"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::{super::archive::tests::pack, *};

    const DETAIL: &str = "#支付宝业务明细查询\r
#账号：[20880000000000010156]\r
#起始日期：[2019年09月16日 00:00:00]   终止日期：[2019年09月17日 00:00:00]\r
#-----------------------------------------业务明细列表----------------------------------------\r
支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注\r
2019091622001400001234567890\t,SI1\t,交易\t,SUBJECT,2019-09-16 10:00:00,2019-09-16 10:00:05,\t,,\t,\t,*明(159****0001)\t,898.80,898.80,0.00,0.00,0.00,0.00,0.00,,0.00,0.00,\t,-5.39,0.00,\r
2019091622001400001234567890\t, SI1 \t,退款\t,社保,2019-09-16 10:00:00,2019-09-16 11:00:00,\t,,\t,\t,*明(159****0001)\t,-100.00,-100.00,0.00,0.00,0.00,0.00,0.00,,0.00,0.00,R1\t,0.00,0.00,备注\r
#-----------------------------------------业务明细列表结束------------------------------------\r
#交易合计：1笔，商家实收共898.80元，商家优惠共0.00元\r
#退款合计：1笔，商家实收退款共-100.00元，商家优惠退款共0.00元\r
#导出时间：[2019年09月17日 05:46:49]\r
";
    const SUMMARY: &str = "#支付宝业务汇总查询
#账号：[20880000000000010156]
#起始日期：[2019年09月16日 00:00:00]   终止日期：[2019年09月17日 00:00:00]
#-----------------------------------------业务汇总列表----------------------------------------
门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,商家优惠（元）,卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）
合计,,1,1,798.80,798.80,0.00,0.00,0.00,-5.39,0.00,793.41
#----------------------------------------业务汇总列表结束-------------------------------------
#导出时间：[2019年09月17日 05:46:49]
";

    fn zip(detail: &str, summary: &str) -> Vec<u8> {
        let gbk = |text: &str| GBK.encode(text).0.into_owned();
        let name = "20880000000000010156_20190916_业务明细";
        pack(
            &[
                (&gbk(&format!("{name}.csv")), &gbk(detail)),
                (&gbk(&format!("{name}(汇总).csv")), &gbk(summary)),
            ],
            true,
        )
    }

    #[rstest]
    #[case::plain("社保")]
    #[case::comma("社保, 养老, 2026")]
    #[case::quoted("\"社保, \"\"养老\"\"\"")]
    #[case::mark("19\" 社保")]
    fn detail_and_summary_are_read(#[case] subject: &str) {
        let zip = zip(&DETAIL.replace("SUBJECT", subject), SUMMARY);
        let statement = AlipayTradeStatement::read(&zip).expect("a statement");
        assert_eq!(statement.account, "20880000000000010156");
        assert_eq!(statement.from.beijing_text(), "2019-09-16 00:00:00");
        assert_eq!(statement.until.beijing_text(), "2019-09-17 00:00:00");
        assert_eq!(statement.net_fen, 79_341);
        let [payment, refund] = statement.lines.as_slice() else { panic!("two lines") };
        assert_eq!((payment.kind, payment.amount_fen), (StatementKind::Payment, 89_880));
        assert_eq!((payment.fee_fen, &payment.out_request_no), (-539, &None));
        assert_eq!(payment.done_at.beijing_text(), "2019-09-16 10:00:05");
        assert_eq!((refund.kind, refund.received_fen), (StatementKind::Refund, -10_000));
        assert_eq!(refund.out_request_no.as_deref(), Some("R1"));
        assert_eq!(refund.out_trade_no, "SI1");
    }

    #[rstest]
    #[case::amount("898.80,898.80", "898.81,898.81", StatementError::Totals("the footer"))]
    #[case::no_end("列表结束", "列表", StatementError::Part { file: "detail", part: "end" })]
    #[case::no_header("商户订单号", "订单", StatementError::Part { file: "detail", part: "商户订单号" })]
    #[case::three_places("898.80,898.80", "898.800,898.80", StatementError::Line { file: "detail", line: 6, problem: "an amount cannot be read" })]
    #[case::kind("交易\t", "转账\t", StatementError::Line { file: "detail", line: 6, problem: "an unknown 业务类型" })]
    #[case::time("10:00:05", "10:00", StatementError::Line { file: "detail", line: 6, problem: "a time cannot be read" })]
    #[case::few("0.00,备注", "0.00", StatementError::Line { file: "detail", line: 7, problem: "too few or too many cells" })]
    #[case::open("SUBJECT", "\"社保", StatementError::Line { file: "detail", line: 6, problem: "a quotation is not closed" })]
    fn a_changed_detail_is_refused(
        #[case] from: &str,
        #[case] to: &str,
        #[case] error: StatementError,
    ) {
        let changed = zip(&DETAIL.replace(from, to), SUMMARY);
        assert_eq!(AlipayTradeStatement::read(&changed), Err(error));
    }

    #[rstest]
    #[case("合计,,1,1", "合计,,2,1")]
    #[case("-5.39", "-5.38")]
    #[case("09月17日 00:00:00", "09月18日 00:00:00")]
    #[case("10156]", "10157]")]
    fn a_summary_that_tells_otherwise_is_refused(#[case] from: &str, #[case] to: &str) {
        let changed = zip(DETAIL, &SUMMARY.replace(from, to));
        let error = Err(StatementError::Totals("the summary"));
        assert_eq!(AlipayTradeStatement::read(&changed), error);
    }

    #[test]
    fn files_must_be_there_once_and_in_gbk() {
        let gbk = |text: &str| GBK.encode(text).0.into_owned();
        let (detail, summary) = (gbk(DETAIL), gbk(SUMMARY));
        let name = gbk("汇总");
        let only: [(&[u8], &[u8]); 1] = [(b"a", &detail)];
        let twice: [(&[u8], &[u8]); 3] = [(b"a", &detail), (b"b", &detail), (&name, &summary)];
        let utf8: [(&[u8], &[u8]); 2] = [(b"a", b"\xff\xff"), (&name, &summary)];
        let read = |files: &[(&[u8], &[u8])]| AlipayTradeStatement::read(&pack(files, true)).err();
        assert_eq!(read(&only), Some(StatementError::Missing("summary")));
        assert_eq!(read(&twice), Some(StatementError::Missing("detail")));
        assert_eq!(read(&utf8), Some(StatementError::Charset("detail")));
        assert_eq!(AlipayTradeStatement::read(b"PK"), Err(StatementError::Archive));
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(detail in "[#\\r\\n,\"a-z0-9业务明细列表结束：\\[\\]]{0,200}") {
            let zip = zip(&detail, SUMMARY);
            prop_assert!(AlipayTradeStatement::read(&zip).is_err());
            prop_assert!(AlipayBalanceStatement::read(&zip).is_err());
        }

        #[test]
        fn a_quoted_cell_is_read_as_it_was_written(text in "[^\\r\\n\\t]{0,40}") {
            let line = format!("a,\"{}\",b", text.replace('"', "\"\""));
            let expected = ["a".to_owned(), text.trim().to_owned(), "b".to_owned()];
            prop_assert_eq!(cells(&line), Some(expected.to_vec()));
        }
    }
}
