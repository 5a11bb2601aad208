//! The program: command line, configuration, wiring, the worker's loop, the demonstration.
//!
//! Nothing is decided here. Commands read what they are given, build each part once ([`wiring`]),
//! run it, and say in one sentence what went wrong. Deliberately absent: business rules.

mod accounts;
mod cli;
mod config;
mod listening;
mod messengers;
mod pulse;
mod renewal;
mod retention;
mod server;
mod sms;
mod telemetry;
mod tokens;
mod wiring;
mod worker;

use std::{process::ExitCode, sync::Arc};

use clap::Parser;

pub use crate::{
    config::{Config, ConfigError},
    retention::{RetentionLine, RetentionReport},
    server::{Running, Serving},
    tokens::{RedisTokens, TokenAddressError},
    wiring::{Outside, Parts, WiringError},
};

/// Parses the command line and runs the command.
pub fn main() -> ExitCode {
    install_crypto();
    let command = cli::Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return cli::fail(&format!("the runtime does not start: {error}")),
    };
    runtime.block_on(cli::run(command))
}

/// TLS needs its cryptography chosen once per process, before the first client is built.
pub fn install_crypto() {
    // An error means that it was installed before, which is what we want.
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// The machine's clock and chance, for everything that does not bring its own.
pub(crate) fn system() -> (Arc<dyn kernel::Clock>, Arc<dyn kernel::Entropy>) {
    (Arc::new(kernel::SystemClock::default()), Arc::new(kernel::SystemEntropy::default()))
}
