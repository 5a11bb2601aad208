//! `renew-keys`: personal data is sealed again under the current keys, so that the old ones can go.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use orders::OrderError;

use super::{fail, parts_of, say};
use crate::Parts;

/// Rows of one table in one transaction.
const BATCH: u64 = 200;

/// Runs beside a live service that knows both keys; may be stopped and run again.
#[derive(Debug, Args)]
pub(crate) struct RenewKeys {
    /// The configuration file: the new keys as the current ones, the former ones as old.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl RenewKeys {
    pub(crate) async fn run(self) -> ExitCode {
        let parts = match parts_of(&self.config).await {
            Ok(parts) => parts,
            Err(error) => return fail(&error),
        };
        match renew(&parts).await {
            Ok((people, orders)) => {
                say(format!("sealed again: {people} of people, {orders} of orders"));
                say(
                    "payments, notifications and reminders keep their key until they are forgotten",
                );
                ExitCode::SUCCESS
            }
            Err(error) => fail(&error),
        }
    }
}

/// Rows of people and of orders that needed it.
async fn renew(parts: &Parts) -> Result<(u64, u64), OrderError> {
    let (mut people, mut orders) = (0, 0);
    loop {
        match parts.api.people.renew_keys(BATCH).await? {
            0 => break,
            renewed => people += renewed,
        }
    }
    loop {
        match parts.orders.renew_keys(BATCH).await? {
            0 => return Ok((people, orders)),
            renewed => orders += renewed,
        }
    }
}
