//! `statement`: one day's statement (对账单) of an account, as comma-separated lines that look the same
//! for both platforms. Nothing is printed of a statement that is not proven whole. Reads only; what it
//! says is not compared with our records.

use std::{
    fs::File,
    io::{self, BufReader, Seek},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    process::ExitCode,
};

use clap::Args;
use kernel::{Entropy, MerchantKey, Timestamp};
use platforms::{
    AlipayBalanceStatement, AlipayMerchant, AlipayTradeStatement, BillError, ChannelError,
    SetupError, StatementKind, StatementStanding, WechatFundStatement, WechatMerchant,
    WechatStatementError, WechatStatementKind, WechatTradeStatement,
};

use super::{fail, say};
use crate::{
    config::{Config, ConfigError},
    system, telemetry,
};

const TRADE_COLUMNS: &str = "at,kind,transaction_id,out_trade_no,out_refund_no,yuan,state";
const FUND_COLUMNS: &str = "at,business,entry_id,transaction_id,out_trade_no,yuan,balance_yuan";

/// Asks the platform for the statement of one day and prints it.
#[derive(Debug, Args)]
pub(crate) struct Statement {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The `key` of the account in the configuration.
    #[arg(long, value_name = "KEY")]
    account: MerchantKey,
    /// A day that is over, in Beijing: `2026-11-28`. It is there from ten (WeChat) or nine o'clock (Alipay)
    /// of the next morning.
    #[arg(long, value_name = "DAY", value_parser = Day::read)]
    day: Day,
    /// What moved on the account, fees included (资金账单, 账务账单), in place of payments and refunds.
    #[arg(long)]
    funds: bool,
}

#[derive(Clone, Debug)]
struct Day {
    text: String,
    begins: Timestamp,
}

impl Day {
    fn read(text: &str) -> Result<Day, &'static str> {
        let begins = Timestamp::from_beijing_text(&format!("{text} 00:00:00"));
        let begins = begins.map_err(|_| "a day looks like 2026-11-28")?;
        Ok(Day { text: text.to_owned(), begins })
    }
}

/// Why nothing is printed.
#[derive(Debug, thiserror::Error)]
enum NoStatement {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error("no [[wechat]] or [[alipay]] section of the configuration has the key {0}")]
    NoAccount(MerchantKey),
    #[error("the statement is being made; ask again in half an hour")]
    NotReady,
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error(transparent)]
    Bill(#[from] BillError),
    #[error(transparent)]
    Rows(#[from] WechatStatementError),
    #[error("the statement finds no place among the temporary files: {0}")]
    Place(#[from] io::Error),
}

impl Statement {
    pub(crate) async fn run(self) -> ExitCode {
        telemetry::start_logging("error");
        match self.print().await {
            Ok(()) => ExitCode::SUCCESS,
            Err(reason) => fail(&reason),
        }
    }

    async fn print(&self) -> Result<(), NoStatement> {
        let config = Config::load(&self.config)?;
        let (clock, entropy) = system();
        if let Some(section) = config.wechat.iter().find(|section| section.key == self.account) {
            let account = section.merchant(&config)?;
            let merchant = WechatMerchant::new(account, clock, entropy.clone())?;
            return self.print_wechat(&merchant, &*entropy).await;
        }
        let section = config.alipay.iter().find(|section| section.key == self.account);
        let section = section.ok_or_else(|| NoStatement::NoAccount(self.account.clone()))?;
        let merchant = AlipayMerchant::new(section.merchant(&config)?, clock)?;
        if self.funds {
            print_alipay_funds(&merchant.balance_statement(self.day.begins).await?);
        } else {
            print_alipay_trades(&merchant.trade_statement(self.day.begins).await?);
        }
        Ok(())
    }

    async fn print_wechat(
        &self,
        merchant: &WechatMerchant,
        entropy: &dyn Entropy,
    ) -> Result<(), NoStatement> {
        let kind = match self.funds {
            true => WechatStatementKind::Funds,
            false => WechatStatementKind::Trades,
        };
        let mut file = scratch(entropy)?;
        match merchant.download_statement(kind, &self.day.text, &mut file).await? {
            StatementStanding::NotReady => Err(NoStatement::NotReady),
            StatementStanding::Nothing => {
                say(if self.funds { FUND_COLUMNS } else { TRADE_COLUMNS });
                Ok(())
            }
            StatementStanding::Written(_) if self.funds => print_wechat_funds(&mut file),
            StatementStanding::Written(_) => print_wechat_trades(&mut file),
        }
    }
}

/// A file without a name that is gone with its handle: a statement may be larger than memory.
fn scratch(entropy: &dyn Entropy) -> io::Result<File> {
    let name = format!("city-services-statement-{}", entropy.letters(20));
    let path = std::env::temp_dir().join(name);
    let options = &mut File::options();
    let file = options.read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

fn print_wechat_trades(file: &mut File) -> Result<(), NoStatement> {
    // Once to the end before anything is said: only the sums there prove that no row is missing.
    for trade in trades(file)? {
        trade?;
    }
    say(TRADE_COLUMNS);
    for trade in trades(file)? {
        let trade = trade?;
        let (kind, number, fen, state) = match &trade.refund {
            None => ("payment", "", trade.amount.get(), "SUCCESS"),
            Some(refund) => {
                ("refund", &*refund.out_refund_no, -refund.amount.get(), &*refund.status)
            }
        };
        tell(&[
            &trade.at.beijing_text(),
            kind,
            &trade.transaction_id,
            &trade.out_trade_no,
            number,
            &yuan(fen),
            state,
        ]);
    }
    Ok(())
}

fn trades(file: &mut File) -> Result<WechatTradeStatement<BufReader<&mut File>>, NoStatement> {
    file.rewind()?;
    Ok(WechatTradeStatement::open(BufReader::new(file))?)
}

fn print_wechat_funds(file: &mut File) -> Result<(), NoStatement> {
    for moved in moves(file)? {
        moved?;
    }
    say(FUND_COLUMNS);
    for moved in moves(file)? {
        let moved = moved?;
        let fen = if moved.is_income { moved.amount.get() } else { -moved.amount.get() };
        tell(&[
            &moved.at.beijing_text(),
            &moved.name,
            &moved.flow_id,
            &moved.business_id,
            &moved.voucher,
            &yuan(fen),
            &yuan(moved.balance_fen),
        ]);
    }
    Ok(())
}

fn moves(file: &mut File) -> Result<WechatFundStatement<BufReader<&mut File>>, NoStatement> {
    file.rewind()?;
    Ok(WechatFundStatement::open(BufReader::new(file))?)
}

fn print_alipay_trades(statement: &AlipayTradeStatement) {
    say(TRADE_COLUMNS);
    for line in &statement.lines {
        let kind = match line.kind {
            StatementKind::Payment => "payment",
            StatementKind::Refund => "refund",
        };
        tell(&[
            &line.done_at.beijing_text(),
            kind,
            &line.trade_no,
            &line.out_trade_no,
            line.out_request_no.as_deref().unwrap_or_default(),
            &yuan(line.amount_fen),
            "SUCCESS",
        ]);
    }
}

fn print_alipay_funds(statement: &AlipayBalanceStatement) {
    say(FUND_COLUMNS);
    for line in &statement.lines {
        tell(&[
            &line.at.beijing_text(),
            &line.business,
            &line.entry_no,
            &line.trade_no,
            &line.out_trade_no,
            &yuan(line.moved_fen),
            &yuan(line.balance_fen),
        ]);
    }
}

/// One line of comma-separated values (RFC 4180).
fn tell(cells: &[&str]) {
    let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    say(cells.join(","));
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

/// Signed yuan with two places, exactly.
fn yuan(fen: i64) -> String {
    let (sign, size) = if fen < 0 { ("-", fen.unsigned_abs()) } else { ("", fen.unsigned_abs()) };
    format!("{sign}{}.{:02}", size / 100, size % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_and_signed() {
        for (fen, text) in [(0, "0.00"), (5, "0.05"), (-5, "-0.05"), (-38_001, "-380.01")] {
            assert_eq!(yuan(fen), text);
        }
    }

    #[test]
    fn a_cell_that_would_be_two_is_quoted() {
        assert_eq!(quoted("SI1"), "SI1");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
    }

    #[test]
    fn a_day_is_a_day_in_beijing() {
        let day = Day::read("2026-11-28").expect("a day");
        assert_eq!(day.begins.rfc3339(), "2026-11-28T00:00:00+08:00");
        for wrong in ["2026-11-31", "28.11.2026", "", "2026-11-28 08:00:00"] {
            assert!(Day::read(wrong).is_err(), "{wrong}");
        }
    }
}
