//! `cases`: the named list that a person is looking at, the jobs that wait or stopped, and the closing
//! of a case.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use kernel::CaseId;
use orders::{CaseClosing, CaseError, CaseOutcome, OrderError, Orders};

use super::{connected, fail, say};

/// Without `--close`, lists the open ones, oldest first.
#[derive(Debug, Args)]
pub(crate) struct Cases {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// How many cases are shown, oldest first.
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    /// The case that is over. Refused while nobody else would look at what it is about.
    #[arg(long, value_name = "ID", requires_all = ["outcome", "by", "note"])]
    close: Option<CaseId>,
    /// `settled`; for money that fits nothing `returned_by_hand` (on the merchant's platform) or `not_ours`;
    /// for a refund that failed `returned_by_hand` (by other means).
    #[arg(long = "as", value_name = "OUTCOME", requires = "close")]
    outcome: Option<CaseOutcome>,
    /// Who closes it: 1 to 60 characters.
    #[arg(long, value_name = "NAME", requires = "close")]
    by: Option<String>,
    /// What was found and done: 1 to 500 characters, naming no citizen.
    #[arg(long, value_name = "TEXT", requires = "close")]
    note: Option<String>,
    /// A second person, for money that was returned by hand: 1 to 60 characters.
    #[arg(long, value_name = "NAME", requires = "close")]
    approved_by: Option<String>,
}

impl Cases {
    pub(crate) async fn run(self) -> ExitCode {
        let orders = match connected(&self.config).await {
            Ok(orders) => orders,
            Err(error) => return fail(&error),
        };
        let Cases { limit, close, outcome, by, note, approved_by, .. } = self;
        let done = match (close, outcome, by, note) {
            (Some(id), Some(outcome), Some(by), Some(note)) => {
                end(&orders, id, CaseClosing { outcome, by, note, approved_by }).await
            }
            _ => show(&orders, limit).await.map_err(CaseError::from),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        }
    }
}

async fn end(orders: &Orders, id: CaseId, closing: CaseClosing) -> Result<(), CaseError> {
    let closed = orders.close_case(id, closing).await?;
    say(closed.to_string());
    Ok(())
}

async fn show(orders: &Orders, limit: u32) -> Result<(), OrderError> {
    for case in orders.open_cases(limit).await? {
        let amount = case.amount.map_or_else(String::new, |amount| amount.to_string());
        let opened = case.opened_at.beijing_text();
        say(format!("{}  {opened}  {:<20} {amount:>12}", case.id, case.kind.code()));
        say(format!("    {}", case.evidence));
    }
    say(format!("{} cases are open", orders.count_open_cases().await?));
    for count in orders.count_jobs().await? {
        say(format!(
            "{:<14} {:>6} waiting (overdue {} s)  {:>6} parked (for {} s)",
            count.kind.code(),
            count.waiting,
            count.overdue.as_secs(),
            count.parked,
            count.parked_for.as_secs(),
        ));
    }
    Ok(())
}
