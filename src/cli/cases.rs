//! `cases`: the named list that a person is looking at, and the jobs that wait or stopped.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use orders::{OrderError, Orders};

use super::{connected, fail, say};

#[derive(Debug, Args)]
pub(crate) struct Cases {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// How many cases are shown, oldest first.
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
}

impl Cases {
    pub(crate) async fn run(self) -> ExitCode {
        let orders = match connected(&self.config).await {
            Ok(orders) => orders,
            Err(error) => return fail(&error),
        };
        match show(&orders, self.limit).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        }
    }
}

async fn show(orders: &Orders, limit: u32) -> Result<(), OrderError> {
    for case in orders.open_cases(limit).await? {
        let amount = case.amount.map_or_else(String::new, |amount| amount.to_string());
        let opened = case.opened_at.beijing_text();
        say(format!("{opened}  {:<20} {amount:>12}  {}", case.kind.code(), case.evidence));
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
