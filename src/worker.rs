//! The worker's loop: run what is due, wait for the next time or a nudge, stop when told.

use std::time::Duration;

use orders::Orders;
use tokio_util::sync::CancellationToken;

use crate::pulse::Pulse;

/// Jobs taken at once.
const BATCH: u64 = 16;
/// Another process may put a job that this one does not hear of, so nobody sleeps longer.
const SLEEP_MAX: Duration = Duration::from_millis(500);
/// After an error of the database that is no outage.
const TROUBLE_SLEEP: Duration = Duration::from_secs(2);

/// Runs jobs until `stop`. Jobs that are under way are finished first; a job that is not finished
/// when the process is killed becomes claimable again when its lease ends. So does one that is dropped
/// because the database went away: on a connection that hangs it would keep the whole loop.
pub(crate) async fn run(orders: Orders, pulse: Pulse, stop: CancellationToken) {
    tracing::info!("worker started");
    while !stop.is_cancelled() {
        let sleep = match pulse.keeps(orders.run_due_jobs(BATCH)).await {
            None => {
                tracing::warn!("jobs rest until the database answers");
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = pulse.back() => {}
                }
                continue;
            }
            Some(Ok(0)) => SLEEP_MAX,
            Some(Ok(_)) => continue,
            Some(Err(error)) => {
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
pub(crate) async fn watch(orders: Orders, pulse: Pulse, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match pulse.keeps(orders.count_jobs()).await {
            Some(Ok(counts)) => telemetry(counts.waiting, counts.parked),
            Some(Err(error)) => tracing::warn!(%error, "jobs cannot be counted"),
            // The pulse has said so already.
            None => {}
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
