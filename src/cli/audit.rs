//! `audit`: proves on a database that no fen is lost, doubled or without an owner. Whoever watches it
//! can tell a broken promise (1) from an audit that could not look (3).

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::{connected, fail, say};

#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl Audit {
    pub(crate) async fn run(self) -> ExitCode {
        let orders = match connected(&self.config).await {
            Ok(orders) => orders,
            Err(error) => return could_not_look(&error),
        };
        match orders.audit().await {
            Ok(audit) => {
                say(&audit);
                if audit.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
            }
            Err(error) => could_not_look(&error),
        }
    }
}

fn could_not_look(error: &dyn std::fmt::Display) -> ExitCode {
    let _ = fail(error);
    ExitCode::from(3)
}
