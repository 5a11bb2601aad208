//! Reads statements row by row: columns by name, never by place, because WeChat adds some and old
//! merchants have other orders. Every field begins with a backtick; commas inside are not escaped, so
//! a line is cut at comma and backtick.
//!
//! Promised: money to the fen, without floating point; a line of bounded length; an error names the
//! line and the column and shows nothing of the content; the sums at the end are checked against the
//! rows, so that a statement that was cut is not taken for a short day.

use std::io::{BufRead, Read};

use kernel::{Fen, Timestamp};

/// A row has about 300 bytes; descriptions and attachments are bounded by WeChat.
const LINE_BYTES_MAX: usize = 16 * 1024;
const COLUMNS_MAX: usize = 100;

/// Why a statement is not understood. Names the place, never the content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WechatStatementError {
    #[error("the statement cannot be read (line {0})")]
    Unreadable(usize),
    #[error("line {0} is longer than any line of a statement, or no text")]
    Line(usize),
    #[error("the column {0} is missing")]
    Column(&'static str),
    #[error("line {0}: {1} has an unknown form")]
    Field(usize, &'static str),
    #[error("the statement ends without its sums")]
    Cut,
    #[error("the sum {0} is not that of the rows")]
    Sum(&'static str),
}

/// The refund of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WechatTradeRefund {
    pub refund_id: String,
    pub out_refund_no: String,
    /// What was asked to be returned (申请退款金额).
    pub amount: Fen,
    /// `PROCESSING`, `SUCCESS` and so on, as of the statement's making and never updated.
    pub status: String,
}

/// One row of a trade statement: a payment on the day it succeeded, or a refund on the day it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WechatTrade {
    pub at: Timestamp,
    pub app_id: String,
    pub merchant_id: String,
    /// `None` for a merchant of its own.
    pub sub_merchant_id: Option<String>,
    pub transaction_id: String,
    pub out_trade_no: String,
    /// The order's amount (订单金额); zero on a refund's row.
    pub amount: Fen,
    pub currency: String,
    /// 手续费 in hundred-thousandths of a yuan, negative when returned.
    pub fee_per_100000_yuan: i64,
    pub refund: Option<WechatTradeRefund>,
}

/// One row of a fund-flow statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WechatFundMove {
    pub at: Timestamp,
    /// 微信支付业务单号: a transaction's or a refund's number.
    pub business_id: String,
    pub flow_id: String,
    /// 业务名称, such as 交易 or 退款.
    pub name: String,
    pub is_income: bool,
    pub amount: Fen,
    /// After this row, in fen; below zero when more was returned than was there.
    pub balance_fen: i64,
    /// 业务凭证号: our number.
    pub voucher: String,
}

/// Lines of a statement with the places of its columns.
struct Table<R> {
    source: R,
    columns: Vec<String>,
    line: usize,
}

/// One line, cut.
enum Line {
    Row(Vec<String>),
    /// Without backticks: the head, and the head of the sums.
    Head(Vec<String>),
    End,
}

/// What a column is called in the statements of old merchants.
const OLD_NAMES: &[(&str, &str)] = &[
    ("特约商户号", "子商户号"),
    ("订单金额", "总金额"),
    ("申请退款金额", "退款金额"),
    ("订单总金额", "总交易额"),
    ("申请退款总金额", "总退款金额"),
];

/// The place of a column, by its name or its old one. The present name comes first: new statements have
/// some of the old names too, for other figures.
fn place(columns: &[String], name: &str) -> Option<usize> {
    let find = |name: &str| columns.iter().position(|column| column == name);
    let old = || OLD_NAMES.iter().find(|(present, _)| *present == name).map(|(_, old)| *old);
    find(name).or_else(|| find(old()?))
}

fn bare(field: &str) -> &str {
    field.trim()
}

impl<R: BufRead> Table<R> {
    fn open(source: R) -> Result<Table<R>, WechatStatementError> {
        let mut table = Table { source, columns: Vec::new(), line: 0 };
        match table.next()? {
            Line::Head(columns) => table.columns = columns,
            Line::Row(_) | Line::End => return Err(WechatStatementError::Line(1)),
        }
        Ok(table)
    }

    fn next(&mut self) -> Result<Line, WechatStatementError> {
        self.line += 1;
        let mut bytes = Vec::new();
        let limit = u64::try_from(LINE_BYTES_MAX + 1).unwrap_or(u64::MAX);
        let read = self.source.by_ref().take(limit).read_until(b'\n', &mut bytes);
        let count = read.map_err(|_| WechatStatementError::Unreadable(self.line))?;
        if count == 0 {
            return Ok(Line::End);
        }
        let wrong = WechatStatementError::Line(self.line);
        if count > LINE_BYTES_MAX {
            return Err(wrong);
        }
        let Ok(text) = std::str::from_utf8(&bytes) else { return Err(wrong) };
        let text = text.trim_end_matches(['\r', '\n']);
        let text = if self.line == 1 { text.trim_start_matches('\u{feff}') } else { text };
        let cut: Vec<String> = match text.strip_prefix('`') {
            Some(row) => row.split(",`").map(str::to_owned).collect(),
            None => text.split(',').map(|name| bare(name).to_owned()).collect(),
        };
        if cut.len() > COLUMNS_MAX {
            return Err(wrong);
        }
        Ok(if text.starts_with('`') { Line::Row(cut) } else { Line::Head(cut) })
    }

    fn place(&self, name: &'static str) -> Result<usize, WechatStatementError> {
        place(&self.columns, name).ok_or(WechatStatementError::Column(name))
    }
}

/// A cut line and where to find what in it.
struct Row<'a> {
    fields: &'a [String],
    columns: &'a [String],
    line: usize,
}

impl Row<'_> {
    fn find(&self, name: &str) -> Option<&str> {
        let place = place(self.columns, name)?;
        self.fields.get(place).map(|field| bare(field))
    }

    fn text(&self, name: &'static str) -> Result<&str, WechatStatementError> {
        let text = self.find(name).filter(|text| text.len() <= 256);
        text.filter(|text| !text.chars().any(char::is_control)).ok_or(self.wrong(name))
    }

    const fn wrong(&self, name: &'static str) -> WechatStatementError {
        WechatStatementError::Field(self.line, name)
    }

    fn number(&self, name: &'static str, decimals: usize) -> Result<i64, WechatStatementError> {
        decimal(self.text(name)?, decimals).ok_or(self.wrong(name))
    }

    fn money(&self, name: &'static str) -> Result<Fen, WechatStatementError> {
        Fen::new(self.number(name, 2)?).ok_or(self.wrong(name))
    }

    fn at(&self, name: &'static str) -> Result<Timestamp, WechatStatementError> {
        Timestamp::from_beijing_text(self.text(name)?).map_err(|_| self.wrong(name))
    }
}

/// A decimal with at most so many places, as a whole number of the last place.
fn decimal(text: &str, places: usize) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 12 || !plain(whole) || !plain(part) || part.len() > places
    {
        return None;
    }
    format!("{whole}{part:0<places$}").parse::<i64>().ok().map(|number| sign * number)
}

/// The trade statement (`bill_type=ALL`). An iterator that ends after the sums were found right.
pub struct WechatTradeStatement<R> {
    table: Table<R>,
    count: i64,
    paid_fen: i64,
    returned_fen: i64,
    over: bool,
}

impl<R: BufRead> WechatTradeStatement<R> {
    /// Reads the head.
    ///
    /// # Errors
    /// When it lacks a column that a row cannot be understood without.
    pub fn open(source: R) -> Result<WechatTradeStatement<R>, WechatStatementError> {
        let table = Table::open(source)?;
        for name in [
            "交易时间",
            "公众账号ID",
            "商户号",
            "特约商户号",
            "微信订单号",
            "商户订单号",
            "货币种类",
            "微信退款单号",
            "商户退款单号",
            "退款状态",
            "手续费",
            "订单金额",
            "申请退款金额",
        ] {
            table.place(name)?;
        }
        Ok(WechatTradeStatement { table, count: 0, paid_fen: 0, returned_fen: 0, over: false })
    }

    fn read(&mut self) -> Result<Option<WechatTrade>, WechatStatementError> {
        match self.table.next()? {
            Line::Row(fields) => {
                let (columns, line) = (self.table.columns.as_slice(), self.table.line);
                let trade = trade(&Row { fields: &fields, columns, line })?;
                self.count += 1;
                self.paid_fen = self.paid_fen.saturating_add(trade.amount.get());
                let returned = trade.refund.as_ref().map_or(0, |refund| refund.amount.get());
                self.returned_fen = self.returned_fen.saturating_add(returned);
                Ok(Some(trade))
            }
            Line::Head(columns) => {
                let Line::Row(fields) = self.table.next()? else {
                    return Err(WechatStatementError::Cut);
                };
                let row = Row { fields: &fields, columns: &columns, line: self.table.line };
                for (name, places, found) in [
                    ("总交易单数", 0, self.count),
                    ("订单总金额", 2, self.paid_fen),
                    ("申请退款总金额", 2, self.returned_fen),
                ] {
                    if row.number(name, places)? != found {
                        return Err(WechatStatementError::Sum(name));
                    }
                }
                Ok(None)
            }
            Line::End => Err(WechatStatementError::Cut),
        }
    }
}

fn trade(row: &Row<'_>) -> Result<WechatTrade, WechatStatementError> {
    let given = |text: &str| !text.is_empty() && text != "0";
    let sub_merchant_id = row.text("特约商户号")?;
    let refund_id = row.text("微信退款单号")?;
    let refund = if given(refund_id) {
        Some(WechatTradeRefund {
            refund_id: refund_id.to_owned(),
            out_refund_no: row.text("商户退款单号")?.to_owned(),
            amount: row.money("申请退款金额")?,
            status: row.text("退款状态")?.to_owned(),
        })
    } else {
        None
    };
    Ok(WechatTrade {
        at: row.at("交易时间")?,
        app_id: row.text("公众账号ID")?.to_owned(),
        merchant_id: row.text("商户号")?.to_owned(),
        sub_merchant_id: given(sub_merchant_id).then(|| sub_merchant_id.to_owned()),
        transaction_id: row.text("微信订单号")?.to_owned(),
        out_trade_no: row.text("商户订单号")?.to_owned(),
        amount: row.money("订单金额")?,
        currency: row.text("货币种类")?.to_owned(),
        fee_per_100000_yuan: row.number("手续费", 5)?,
        refund,
    })
}

impl<R: BufRead> Iterator for WechatTradeStatement<R> {
    type Item = Result<WechatTrade, WechatStatementError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let read = self.read().transpose();
        self.over = !matches!(read, Some(Ok(_)));
        read
    }
}

/// The fund-flow statement. An iterator that ends after the sums were found right.
pub struct WechatFundStatement<R> {
    table: Table<R>,
    income: (i64, i64),
    expense: (i64, i64),
    over: bool,
}

impl<R: BufRead> WechatFundStatement<R> {
    /// Reads the head.
    ///
    /// # Errors
    /// When it lacks a column that a row cannot be understood without.
    pub fn open(source: R) -> Result<WechatFundStatement<R>, WechatStatementError> {
        let table = Table::open(source)?;
        for name in [
            "记账时间",
            "微信支付业务单号",
            "资金流水单号",
            "业务名称",
            "收支类型",
            "收支金额(元)",
            "账户结余(元)",
            "业务凭证号",
        ] {
            table.place(name)?;
        }
        Ok(WechatFundStatement { table, income: (0, 0), expense: (0, 0), over: false })
    }

    fn read(&mut self) -> Result<Option<WechatFundMove>, WechatStatementError> {
        match self.table.next()? {
            Line::Row(fields) => {
                let (columns, line) = (self.table.columns.as_slice(), self.table.line);
                let moved = fund_move(&Row { fields: &fields, columns, line })?;
                let side = if moved.is_income { &mut self.income } else { &mut self.expense };
                side.0 += 1;
                side.1 = side.1.saturating_add(moved.amount.get());
                Ok(Some(moved))
            }
            Line::Head(columns) => {
                let Line::Row(fields) = self.table.next()? else {
                    return Err(WechatStatementError::Cut);
                };
                let row = Row { fields: &fields, columns: &columns, line: self.table.line };
                // Counts look like `20.0`; one place more than whole numbers have.
                for (name, places, found) in [
                    ("收入笔数", 1, self.income.0 * 10),
                    ("收入金额", 2, self.income.1),
                    ("支出笔数", 1, self.expense.0 * 10),
                    ("支出金额", 2, self.expense.1),
                ] {
                    if row.number(name, places)? != found {
                        return Err(WechatStatementError::Sum(name));
                    }
                }
                Ok(None)
            }
            Line::End => Err(WechatStatementError::Cut),
        }
    }
}

fn fund_move(row: &Row<'_>) -> Result<WechatFundMove, WechatStatementError> {
    let is_income = match row.text("收支类型")? {
        "收入" => true,
        "支出" => false,
        _ => return Err(row.wrong("收支类型")),
    };
    Ok(WechatFundMove {
        at: row.at("记账时间")?,
        business_id: row.text("微信支付业务单号")?.to_owned(),
        flow_id: row.text("资金流水单号")?.to_owned(),
        name: row.text("业务名称")?.to_owned(),
        is_income,
        amount: row.money("收支金额(元)")?,
        balance_fen: row.number("账户结余(元)", 2)?,
        voucher: row.text("业务凭证号")?.to_owned(),
    })
}

impl<R: BufRead> Iterator for WechatFundStatement<R> {
    type Item = Result<WechatFundMove, WechatStatementError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let read = self.read().transpose();
        self.over = !matches!(read, Some(Ok(_)));
        read
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const HEAD: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注";
    const PAID: &str = "`2026-01-01 08:00:05,`wx0123456789abcdef,`1900000001,`0,`,`4200000000202601010000000001,`SI20260101000001,`oUser0001,`JSAPI,`SUCCESS,`OTHERS,`CNY,`380.00,`0.00,`0,`0,`0.00,`0.00,`,`,`社保,缴费,`,`2.28000,`0.60%,`380.00,`0.00,`";
    const BACK: &str = "`2026-01-01 09:00:00,`wx0123456789abcdef,`1900000001,`1900000109,`,`4200000000202601010000000001,`SI20260101000001,`oUser0001,`JSAPI,`REFUND,`OTHERS,`CNY,`0.00,`0.00,`50300000002026,`RF1,`100.00,`0.00,`ORIGINAL,`PROCESSING,`社保缴费,`,`-0.60000,`0.60%,`0.00,`100.00,`";
    const SUMS: &str = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";

    fn statement(rows: &[&str], sum: &str) -> String {
        let rows: String = rows.iter().map(|row| format!("{row}\r\n")).collect();
        format!("\u{feff}{HEAD}\r\n{rows}{SUMS}\r\n{sum}\r\n")
    }

    fn read(text: &str) -> Result<Vec<WechatTrade>, WechatStatementError> {
        WechatTradeStatement::open(text.as_bytes())?.collect()
    }

    const SUM: &str = "`2,`380.00,`100.00,`0.00,`1.68000,`380.00,`100.00";

    #[test]
    fn rows_are_payments_and_refunds_to_the_fen() {
        let trades = read(&statement(&[PAID, BACK], SUM)).expect("read");
        let [paid, back] = trades.as_slice() else { panic!("{trades:?}") };
        assert_eq!((paid.amount.get(), paid.fee_per_100000_yuan), (38_000, 228_000));
        assert_eq!((&*paid.out_trade_no, &paid.sub_merchant_id), ("SI20260101000001", &None));
        assert_eq!(paid.at, Timestamp::from_unix_seconds(1_767_225_605));
        assert_eq!((back.amount.get(), back.fee_per_100000_yuan), (0, -60_000));
        assert_eq!(back.sub_merchant_id.as_deref(), Some("1900000109"));
        let refund = back.refund.as_ref().expect("a refund");
        assert_eq!((&*refund.out_refund_no, refund.amount.get()), ("RF1", 10_000));
        assert_eq!(refund.status, "PROCESSING");
    }

    #[test]
    fn columns_are_found_by_name() {
        let text = statement(&[PAID], "`1,`380.00,`0.00,`0.00,`2.28000,`380.00,`0.00");
        let text = text.replace("费率备注", "费率备注,新增列").replace(PAID, &format!("{PAID},`x"));
        let turned = text.replace("\r\n", "\n").replace('\u{feff}', "");
        assert_eq!(read(&text), read(&turned));
        assert_eq!(read(&text).map(|trades| trades.len()), Ok(1));
    }

    #[test]
    fn an_old_merchants_columns_have_old_names() {
        let head = "交易时间,公众账号ID,商户号,子商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,总金额,企业红包金额,微信退款单号,商户退款单号,退款金额,企业红包退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率";
        let paid = "`2026-01-01 08:00:05,`wx0123456789abcdef,`1900000001,`0,`,`4200000000202601010000000001,`SI20260101000001,`oUser0001,`JSAPI,`SUCCESS,`OTHERS,`CNY,`380.00,`0.00,`0,`0,`0.00,`0.00,`,`,`社保缴费,`,`2.28000,`0.60%";
        let back = "`2026-01-01 09:00:00,`wx0123456789abcdef,`1900000001,`0,`,`4200000000202601010000000001,`SI20260101000001,`oUser0001,`JSAPI,`REFUND,`OTHERS,`CNY,`0.00,`0.00,`50300000002026,`RF1,`100.00,`0.00,`ORIGINAL,`SUCCESS,`社保缴费,`,`-0.60000,`0.60%";
        let sums = "总交易单数,总交易额,总退款金额,总企业红包退款金额,手续费总金额";
        let text = format!("{head}\n{paid}\n{back}\n{sums}\n`2,`380.00,`100.00,`0.00,`1.68000\n");
        let trades = read(&text).expect("read");
        assert_eq!((trades[0].amount.get(), &trades[0].refund), (38_000, &None));
        assert_eq!(trades[1].refund.as_ref().map(|refund| refund.amount.get()), Some(10_000));
        let wrong = text.replace("`2,`380.00", "`2,`380.01");
        assert_eq!(read(&wrong), Err(WechatStatementError::Sum("订单总金额")));
    }

    #[rstest]
    #[case::cut_in_the_rows(&format!("{HEAD}\n{PAID}\n"), WechatStatementError::Cut)]
    #[case::cut_in_the_sums(&format!("{HEAD}\n{PAID}\n{SUMS}\n"), WechatStatementError::Cut)]
    #[case::row_missing(&statement(&[PAID], SUM), WechatStatementError::Sum("总交易单数"))]
    #[case::other_amount(&statement(&[PAID, BACK], &SUM.replace("`380.00,`100.00", "`380.01,`100.00")), WechatStatementError::Sum("订单总金额"))]
    #[case::no_column(&statement(&[PAID], SUM).replace("商户订单号", "商户单号"), WechatStatementError::Column("商户订单号"))]
    #[case::short_row(&statement(&[&PAID[..40]], SUM), WechatStatementError::Field(2, "特约商户号"))]
    #[case::float(&statement(&[&PAID.replace("`380.00", "`3.8e2")], SUM), WechatStatementError::Field(2, "订单金额"))]
    #[case::negative(&statement(&[&PAID.replace("`380.00", "`-380.00")], SUM), WechatStatementError::Field(2, "订单金额"))]
    #[case::empty("", WechatStatementError::Line(1))]
    #[case::page("<html>\n", WechatStatementError::Column("交易时间"))]
    fn a_statement_that_is_not_understood_is_refused(
        #[case] text: &str,
        #[case] error: WechatStatementError,
    ) {
        assert_eq!(read(text), Err(error));
    }

    #[test]
    fn an_endless_line_is_not_read_to_its_end() {
        let text = format!("{HEAD}\n`{}", "x".repeat(LINE_BYTES_MAX));
        assert_eq!(read(&text), Err(WechatStatementError::Line(2)));
    }

    #[test]
    fn funds_move_to_the_fen() {
        let head = "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号";
        let sums = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额";
        let text = format!(
            "{head}\n`2026-01-01 08:00:05,`4200,`F1,`交易,`交易,`收入,`380.00,`380.00,`system,`,`SI1\n\
             `2026-01-01 08:00:05,`4200,`F2,`扣除交易手续费,`扣除交易手续费,`支出,`2.28,`-377.72,`system,`,`SI1\n\
             {sums}\n`2.0,`1.0,`380.00,`1.0,`2.28\n"
        );
        let read = |text: &str| -> Result<Vec<_>, _> {
            WechatFundStatement::open(text.as_bytes())?.collect()
        };
        let moves = read(&text).expect("read");
        assert_eq!((moves[0].is_income, moves[0].amount.get()), (true, 38_000));
        assert_eq!((moves[1].is_income, moves[1].balance_fen), (false, -37_772));
        let wrong = text.replace("`1.0,`2.28", "`1.0,`2.29");
        assert_eq!(read(&wrong), Err(WechatStatementError::Sum("支出金额")));
    }

    proptest! {
        #[test]
        fn what_is_written_as_money_is_read_as_the_same(fen in -1_000_000_000_000_i64..1_000_000_000_000) {
            let sign = if fen < 0 { "-" } else { "" };
            let text = format!("{sign}{}.{:02}", fen.abs() / 100, fen.abs() % 100);
            prop_assert_eq!(decimal(&text, 2), Some(fen));
        }

        #[test]
        fn nothing_breaks_the_reader(text in "(\\PC|[`,\r\n]){0,300}") {
            let _any = read(&text);
            let _any = read(&format!("{HEAD}\n{text}"));
        }
    }
}
