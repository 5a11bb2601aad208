//! The worker's loop: run what is due, wait for the next time or a nudge, stop when told.

use std::time::Duration;

use orders::{JobCount, Orders};
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
            Ok(counts) => counts.iter().for_each(show),
            Err(error) => tracing::warn!(%error, "jobs cannot be counted"),
        }
        match orders.count_open_cases().await {
            Ok(cases) => {
                metrics::gauge!("cases_open").set(u32::try_from(cases).unwrap_or(u32::MAX))
            }
            Err(error) => tracing::warn!(%error, "cases cannot be counted"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(10)) => {}
        }
    }
}

/// Counts and ages, kind by kind.
fn show(count: &JobCount) {
    let gauge = |name: &'static str, figure: u64| {
        let figure = u32::try_from(figure).unwrap_or(u32::MAX);
        metrics::gauge!(name, "kind" => count.kind.code()).set(figure);
    };
    gauge("jobs_waiting", count.waiting);
    gauge("jobs_overdue_seconds", count.overdue.as_secs());
    gauge("jobs_parked", count.parked);
    gauge("jobs_parked_seconds", count.parked_for.as_secs());
}
