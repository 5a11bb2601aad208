//! The command line: one file per command.

mod audit;
mod cases;
mod cities;
mod demo;
mod doctor;
mod migrate;
mod mock;
mod objections;
mod quote;
mod refund;
mod renew_keys;
mod retention;
mod serve;
mod statement;

use std::{path::Path, process::ExitCode};

use clap::{Parser, Subcommand};
use orders::Orders;

use crate::{Config, Parts, WiringError, system, telemetry};

/// The backend that a city plugs in when citizens pay social insurance (社保缴费) from a WeChat or
/// Alipay mini-program.
#[derive(Debug, Parser)]
#[command(name = "city-services", version, about, long_about = None)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything on loopback with nothing else installed: plays one purchase per platform, then
    /// keeps serving.
    Demo(demo::Demo),
    /// The mock providers alone (WeChat, Alipay, agency); writes keys and configuration into a folder.
    Mock(mock::Mock),
    /// The API, the callbacks and the worker.
    Serve(serve::Serve),
    /// Only the jobs.
    Worker(serve::Worker),
    /// Brings the database's tables up to date, or takes migrations back.
    Migrate(migrate::Migrate),
    /// Proves on a database that every fen received is posted, returned, or waits for somebody.
    Audit(audit::Audit),
    /// Lists what a person must look at, and the jobs that wait or stopped.
    Cases(cases::Cases),
    /// Lists what citizens say is not right about orders, and answers it.
    Objections(objections::Objections),
    /// Takes bills of an order back from the agency and returns their money through the channel.
    Refund(refund::Refund),
    /// Lets parked jobs and failed refunds of an order go on.
    Retry(refund::Retry),
    /// Forgets what is older than its class of data allows; `--dry-run` only counts.
    Retention(retention::RetentionArgs),
    /// Seals personal data again under the current keys, so that the old ones can go.
    RenewKeys(renew_keys::RenewKeys),
    /// Names swapped, expired or mismatched keys and certificates, one sentence each.
    Doctor(doctor::Doctor),
    /// Prints one day's statement of an account, proven whole, as comma-separated lines.
    Statement(statement::Statement),
    /// City packs.
    Cities(cities::Cities),
    /// Prices some months and prints every step.
    Quote(quote::QuoteArgs),
}

pub(crate) async fn run(cli: Cli) -> ExitCode {
    match cli.command {
        Command::Demo(command) => command.run().await,
        Command::Mock(command) => command.run().await,
        Command::Serve(command) => command.run().await,
        Command::Worker(command) => command.run().await,
        Command::Migrate(command) => command.run().await,
        Command::Audit(command) => command.run().await,
        Command::Cases(command) => command.run().await,
        Command::Objections(command) => command.run().await,
        Command::Refund(command) => command.run().await,
        Command::Retry(command) => command.run().await,
        Command::Retention(command) => command.run().await,
        Command::RenewKeys(command) => command.run().await,
        Command::Doctor(command) => command.run().await,
        Command::Statement(command) => command.run().await,
        Command::Cities(command) => command.run(),
        Command::Quote(command) => command.run(),
    }
}

/// The acts on orders for a command that looks at a live database: nothing is migrated, no job runs.
async fn connected(config: &Path) -> Result<Orders, WiringError> {
    Ok(parts_of(config).await?.orders)
}

/// [`connected`], with everything.
async fn parts_of(config: &Path) -> Result<Parts, WiringError> {
    telemetry::start_logging("error");
    let mut config = Config::load(config)?;
    config.database.migrate = false;
    let (clock, entropy) = system();
    Parts::build(&config, clock, entropy).await
}

/// One sentence about what went wrong.
#[expect(clippy::print_stderr, reason = "the command line speaks to people")]
pub(crate) fn fail(sentence: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("error: {sentence}");
    ExitCode::FAILURE
}

/// What a command prints for people and pipes. A closed pipe ends the command quietly.
pub(crate) fn say(line: impl std::fmt::Display) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}
