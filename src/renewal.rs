//! `SIGHUP`: the configuration is read again, and its accounts are renewed without a restart.
//!
//! What is renewed: merchant accounts with their keys and certificates, agencies with their secrets,
//! mini-program logins, and which city collects through which account. Everything else (addresses,
//! database, sessions, the keys of personal data) stays until a restart. A configuration that cannot be
//! used changes nothing; the log says why in one sentence.

use std::path::{Path, PathBuf};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Parts,
    accounts::{Around, StaleError},
    system,
    wiring::Open,
};

/// Listens for `SIGHUP` until told to stop.
pub(crate) async fn listen(path: PathBuf, parts: Parts, stop: CancellationToken) {
    let mut hangups = match signal(SignalKind::hangup()) {
        Ok(hangups) => hangups,
        Err(error) => {
            tracing::error!(%error, "SIGHUP cannot be listened for: new keys need a restart");
            return;
        }
    };
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            told = hangups.recv() => if told.is_none() { return },
        }
        let (path, parts) = (path.clone(), parts.clone());
        // Reading and checking many keys takes a while; requests go on meanwhile.
        match tokio::task::spawn_blocking(move || renew(&path, &parts)).await {
            Ok(Ok(changed)) => tracing::info!(changed, "the accounts were renewed"),
            Ok(Err(error)) => {
                tracing::error!(%error, "the accounts stay as they were");
            }
            Err(error) => tracing::error!(%error, "the renewal ended early"),
        }
    }
}

fn renew(path: &Path, parts: &Parts) -> Result<usize, StaleError> {
    let config = Config::load(path).map_err(crate::WiringError::from)?;
    let (clock, entropy) = system();
    let around = Around {
        catalogue: &parts.api.catalogue,
        clock: &clock,
        entropy: &entropy,
        outside: &Open,
    };
    parts.accounts.renew(&config, &around)
}
