//! `audit`: proves on a database that no fen is lost, doubled or without an owner.

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
            Err(error) => return fail(&error),
        };
        match orders.audit().await {
            Ok(audit) => {
                say(&audit);
                if audit.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
            }
            Err(error) => fail(&error),
        }
    }
}
