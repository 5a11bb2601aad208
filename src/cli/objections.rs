//! `objections`: what citizens say is not right, and a person's answers.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use kernel::DisputeId;
use orders::{DisputeError, DisputeOutcome, Orders};

use super::{connected, fail, say};

/// Without `--answer`, lists the open ones, oldest first.
#[derive(Debug, Args)]
pub(crate) struct Objections {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// How many are shown.
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    /// The objection that is answered.
    #[arg(long, value_name = "ID", requires_all = ["outcome", "text"])]
    answer: Option<DisputeId>,
    /// `upheld`, `not_upheld` or `for_the_agency`.
    #[arg(long, value_name = "OUTCOME", requires = "answer")]
    outcome: Option<DisputeOutcome>,
    /// What the citizen reads: 1 to 1,000 characters.
    #[arg(long, value_name = "TEXT", requires = "answer")]
    text: Option<String>,
}

impl Objections {
    pub(crate) async fn run(self) -> ExitCode {
        let orders = match connected(&self.config).await {
            Ok(orders) => orders,
            Err(error) => return fail(&error),
        };
        let done = match (self.answer, self.outcome, &self.text) {
            (Some(id), Some(outcome), Some(text)) => answer(&orders, id, outcome, text).await,
            _ => list(&orders, self.limit).await,
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        }
    }
}

async fn list(orders: &Orders, limit: u32) -> Result<(), DisputeError> {
    let open = orders.open_disputes(limit).await?;
    for dispute in &open {
        let late = if dispute.late { " (after 30 days)" } else { "" };
        let submitted = dispute.submitted_at.beijing_text();
        say(format!("{}  {submitted}{late}", dispute.id));
        say(format!("    order {}  {}", dispute.order_no, dispute.reason.code()));
        for line in dispute.evidence.lines() {
            say(format!("    | {line}"));
        }
    }
    say(format!("{} objections are shown", open.len()));
    Ok(())
}

async fn answer(
    orders: &Orders,
    id: DisputeId,
    outcome: DisputeOutcome,
    text: &str,
) -> Result<(), DisputeError> {
    let dispute = orders.answer_dispute(id, outcome, text).await?;
    say(format!("order {}: answered, and its case is closed", dispute.order_no));
    Ok(())
}
