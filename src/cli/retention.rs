//! `retention`: forgets what is older than its class allows, and prints what went.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::{fail, parts_of, say};

/// Deletes or empties what is older than its class of data allows. The worker does it daily.
#[derive(Debug, Args)]
pub(crate) struct RetentionArgs {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Only count what would go.
    #[arg(long)]
    dry_run: bool,
}

impl RetentionArgs {
    pub(crate) async fn run(self) -> ExitCode {
        let parts = match parts_of(&self.config).await {
            Ok(parts) => parts,
            Err(error) => return fail(&error),
        };
        match parts.retention.run(self.dry_run).await {
            Ok(report) => {
                say(report);
                ExitCode::SUCCESS
            }
            Err(error) => fail(&error),
        }
    }
}
