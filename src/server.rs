//! The server: both faces, health, metrics, and an orderly end.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use orders::Orders;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    Parts,
    listening::{self, Limits},
    pulse::Pulse,
    telemetry, worker,
};

/// How long requests and jobs that are under way may take after the program was told to stop.
const GOODBYE_MAX: Duration = Duration::from_secs(35);

/// What to run.
#[derive(Debug)]
pub struct Serving {
    pub parts: Parts,
    pub listener: TcpListener,
    /// Whether this process runs jobs too.
    pub worker: bool,
}

/// A started server.
#[derive(Debug)]
pub struct Running {
    pub address: SocketAddr,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Serving {
    /// Starts serving in the background.
    ///
    /// # Errors
    /// When the listener has no address any more.
    pub fn start(self) -> std::io::Result<Running> {
        let address = self.listener.local_addr()?;
        let stop = CancellationToken::new();
        let mut tasks = Vec::new();
        let router = router(&self.parts);
        let limits = Limits::default();
        tasks.push(tokio::spawn(listening::serve(self.listener, router, limits, stop.clone())));
        if self.worker {
            let (orders, pulse) = (self.parts.orders.clone(), self.parts.pulse.clone());
            tasks.push(tokio::spawn(worker::run(orders, pulse, stop.clone())));
            let (retention, pulse) = (self.parts.retention.clone(), self.parts.pulse.clone());
            tasks.push(tokio::spawn(worker::forget(retention, pulse, stop.clone())));
            let (occasions, pulse) = (self.parts.occasions.clone(), self.parts.pulse.clone());
            tasks.push(tokio::spawn(worker::remind(occasions, pulse, stop.clone())));
        }
        let (orders, pulse) = (self.parts.orders.clone(), self.parts.pulse.clone());
        tasks.push(tokio::spawn(worker::watch(orders, pulse, stop.clone())));
        tracing::info!(%address, worker = self.worker, "serving");
        Ok(Running { address, stop, tasks })
    }
}

impl Running {
    /// Stops taking work, finishes what is under way, and returns.
    pub async fn stop(self) {
        self.stop.cancel();
        finish(self.tasks).await;
    }

    /// Serves until the program is told to end (SIGTERM, or Ctrl-C on a terminal).
    pub async fn until_told(self) {
        told_to_end().await;
        tracing::info!("told to end; finishing what is under way");
        self.stop().await;
        tracing::info!("ended");
    }
}

/// Waits for tasks, but not forever.
pub(crate) async fn finish(tasks: Vec<JoinHandle<()>>) {
    let all = futures::future::join_all(tasks);
    if tokio::time::timeout(GOODBYE_MAX, all).await.is_err() {
        tracing::warn!("some work was cut off; jobs become claimable again when their leases end");
    }
}

/// Resolves on SIGTERM or Ctrl-C.
pub(crate) async fn told_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(error) => {
            tracing::warn!(%error, "SIGTERM cannot be listened for");
            if let Err(error) = tokio::signal::ctrl_c().await {
                tracing::error!(%error, "Ctrl-C cannot be listened for either");
            }
        }
    }
}

fn router(parts: &Parts) -> Router {
    let metrics = match telemetry::start_metrics() {
        Ok(handle) => Router::new().route("/metrics", get(move || async move { handle.render() })),
        Err(error) => {
            tracing::error!(%error, "metrics are off");
            Router::new()
        }
    };
    let health = Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .with_state((parts.orders.clone(), parts.pulse.clone()));
    miniprogram_api::router(parts.api.clone())
        .merge(callbacks::router(parts.callbacks.clone()))
        .merge(health)
        .merge(metrics)
}

/// Ready means that money could be recorded: the database answers and has its tables.
async fn ready(State((orders, pulse)): State<(Orders, Pulse)>) -> impl IntoResponse {
    match pulse.keeps(orders.is_ready()).await {
        Some(Ok(_)) => return (StatusCode::OK, "ready\n"),
        Some(Err(error)) => tracing::warn!(%error, "not ready"),
        None => tracing::warn!("not ready: the database does not answer"),
    }
    (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer, or has no tables\n")
}
