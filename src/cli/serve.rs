//! `serve` and `worker`.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::fail;
use crate::{Config, Parts, Serving, pulse::Pulse, renewal, server, system, telemetry, worker};

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Leave the jobs to `worker` processes.
    #[arg(long)]
    no_worker: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Worker {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl Serve {
    pub(crate) async fn run(self) -> ExitCode {
        telemetry::start_logging("info");
        let config = match Config::load(&self.config) {
            Ok(config) => config,
            Err(error) => return fail(&error),
        };
        if let Some(ended) = await_database(&config).await {
            return ended;
        }
        // Before the database is changed: a taken port must not migrate anything. And after it was
        // seen: who listens without answering looks alive to platforms and balancers.
        let listener = match TcpListener::bind(config.server.listen).await {
            Ok(listener) => listener,
            Err(error) => {
                return fail(&format!("server.listen {}: {error}", config.server.listen));
            }
        };
        let parts = match build(&config).await {
            Ok(parts) => parts,
            Err(code) => return code,
        };
        let stop = CancellationToken::new();
        let renewal = tokio::spawn(renewal::listen(self.config, parts.clone(), stop.clone()));
        match (Serving { parts, listener, worker: !self.no_worker }).start() {
            Ok(running) => running.until_told().await,
            Err(error) => return fail(&error),
        }
        stop.cancel();
        server::finish(vec![renewal]).await;
        ExitCode::SUCCESS
    }
}

impl Worker {
    pub(crate) async fn run(self) -> ExitCode {
        telemetry::start_logging("info");
        let config = match Config::load(&self.config) {
            Ok(config) => config,
            Err(error) => return fail(&error),
        };
        if let Some(ended) = await_database(&config).await {
            return ended;
        }
        let parts = match build(&config).await {
            Ok(parts) => parts,
            Err(code) => return code,
        };
        let stop = CancellationToken::new();
        let renewal = tokio::spawn(renewal::listen(self.config, parts.clone(), stop.clone()));
        let forgetting = worker::forget(parts.retention, parts.pulse.clone(), stop.clone());
        let forgetting = tokio::spawn(forgetting);
        let reminding = worker::remind(parts.occasions, parts.pulse.clone(), stop.clone());
        let reminding = tokio::spawn(reminding);
        let task = tokio::spawn(worker::run(parts.orders, parts.pulse, stop.clone()));
        server::told_to_end().await;
        stop.cancel();
        server::finish(vec![task, forgetting, reminding, renewal]).await;
        ExitCode::SUCCESS
    }
}

/// Waits for the database; `Some` when the program ends instead.
async fn await_database(config: &Config) -> Option<ExitCode> {
    let url = config.database_url();
    tokio::select! {
        there = Pulse::await_first(&url) => match there {
            Ok(()) => None,
            Err(error) => Some(fail(&format!("database.url: {error}"))),
        },
        () = server::told_to_end() => Some(ExitCode::SUCCESS),
    }
}

async fn build(config: &Config) -> Result<Parts, ExitCode> {
    let (clock, entropy) = system();
    Parts::build(config, clock, entropy).await.map_err(|error| fail(&error))
}
