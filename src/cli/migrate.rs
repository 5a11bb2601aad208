//! `migrate`: the database's tables.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use sea_orm::DbErr;

use super::{fail, say};
use crate::{Config, telemetry};

#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Take back this many migrations, and with them their data.
    #[arg(long, value_name = "STEPS")]
    down: Option<u32>,
    /// Needed with --down where there are orders: their records are deleted.
    #[arg(long, requires = "down")]
    delete_data: bool,
    /// Only say which migrations are pending.
    #[arg(long, conflicts_with = "down")]
    status: bool,
}

impl Migrate {
    pub(crate) async fn run(self) -> ExitCode {
        telemetry::start_logging("warn");
        let config = match Config::load(&self.config) {
            Ok(config) => config,
            Err(error) => return fail(&error),
        };
        match self.migrate(&config.database_url()).await {
            Ok(pending) if pending.is_empty() => say("the tables are up to date"),
            Ok(pending) => say(format!("pending: {}", pending.join(", "))),
            Err(error) => return fail(&format!("the database cannot be migrated: {error}")),
        }
        ExitCode::SUCCESS
    }

    /// The migrations that are pending afterwards.
    async fn migrate(&self, url: &str) -> Result<Vec<String>, DbErr> {
        let db = migrations::connect(url).await?;
        match self.down {
            Some(_) if !self.delete_data && migrations::holds_orders(&db).await? => {
                let refusal = "there are orders in this database; --down deletes their records. \
                               Back it up, then say --delete-data";
                return Err(DbErr::Custom(refusal.to_owned()));
            }
            Some(steps) => migrations::down(&db, steps).await?,
            None if self.status => {}
            None => migrations::up(&db).await?,
        }
        migrations::pending(&db).await
    }
}
