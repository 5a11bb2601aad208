//! `audit`: proves on a database that no fen is lost, doubled or without an owner.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::{fail, say};
use crate::{Config, Parts, system, telemetry};

#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl Audit {
    pub(crate) async fn run(self) -> ExitCode {
        telemetry::start_logging("warn");
        let mut config = match Config::load(&self.config) {
            Ok(config) => config,
            Err(error) => return fail(&error),
        };
        // An audit only reads.
        config.database.migrate = false;
        let (clock, entropy) = system();
        let parts = match Parts::build(&config, clock, entropy).await {
            Ok(parts) => parts,
            Err(error) => return fail(&error),
        };
        match parts.orders.audit().await {
            Ok(audit) => {
                say(&audit);
                if audit.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
            }
            Err(error) => fail(&error),
        }
    }
}
