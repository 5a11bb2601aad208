//! The worker's loop: run what is due, wait for the next time or a nudge, stop when told.

use std::time::Duration;

use orders::Orders;
use tokio_util::sync::CancellationToken;

/// Jobs taken at once.
const BATCH: u64 = 16;
/// Another process may put a job that this one does not hear of, so nobody sleeps longer.
const SLEEP_MAX: Duration = Duration::from_millis(500);
/// While the database is away.
const TROUBLE_SLEEP: Duration = Duration::from_secs(2);

/// Runs jobs until `stop`. Jobs that are under way are finished first; a job that is not finished
/// when the process is killed becomes claimable again when its lease ends.
pub(crate) async fn run(orders: Orders, stop: CancellationToken) {
    tracing::info!("worker started");
    while !stop.is_cancelled() {
        let sleep = match orders.run_due_jobs(BATCH).await {
            Ok(0) => SLEEP_MAX,
            Ok(_) => continue,
            Err(error) => {
                tracing::error!(%error, "jobs cannot be run");
                TROUBLE_SLEEP
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = orders.job_put() => {}
            () = tokio::time::sleep(sleep) => {}
        }
    }
    tracing::info!("worker stopped");
}

/// Keeps the gauges of waiting work up to date until `stop`.
pub(crate) async fn watch(orders: Orders, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match orders.count_jobs().await {
            Ok(counts) => telemetry(counts.waiting, counts.parked),
            Err(error) => tracing::warn!(%error, "jobs cannot be counted"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(10)) => {}
        }
    }
}

fn telemetry(waiting: u64, parked: u64) {
    let gauge = |name: &'static str, count: u64| {
        metrics::gauge!(name).set(u32::try_from(count).unwrap_or(u32::MAX));
    };
    gauge("jobs_waiting", waiting);
    gauge("jobs_parked", parked);
}
