//! Logs and metrics. Neither ever holds personal data: spans carry numbers, codes and durations.

use std::io::IsTerminal;

use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{EnvFilter, fmt};

/// Lines for people on a terminal, JSON elsewhere; both to standard error. `RUST_LOG` filters.
pub(crate) fn start_logging(usual: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    let logging = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // An error means that logging runs already, as it does when tests start several servers.
    let started = if std::io::stderr().is_terminal() {
        logging.compact().try_init()
    } else {
        logging.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
    };
    if let Err(error) = started {
        tracing::debug!(%error, "logging was started before");
    }
}

/// A recorder of its own, installed for the process the first time.
pub(crate) fn start_metrics() -> Result<PrometheusHandle, BuildError> {
    use std::sync::OnceLock;
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    if let Some(handle) = HANDLE.get() {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new().install_recorder()?;
    Ok(HANDLE.get_or_init(|| handle).clone())
}
