//! The worker's loop: run what is due, wait for the next time or a nudge, stop when told.

use std::time::Duration;

use orders::{JobCount, Lane, OrderError, Orders};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    occasions::Occasions,
    pulse::Pulse,
    retention::{LOOK_EVERY, Retention},
};

/// Jobs of a lane that are under way at once. A job mostly waits for somebody's answer; its database
/// connection it needs for moments.
const fn places(lane: Lane) -> usize {
    match lane {
        Lane::Questions | Lane::Agencies => 16,
        Lane::Refunds => 8,
    }
}

/// Another process may put a job that this one does not hear of, so nobody sleeps longer.
const SLEEP_MAX: Duration = Duration::from_millis(500);
/// After an error of the database that is no outage.
const TROUBLE_SLEEP: Duration = Duration::from_secs(2);
/// Between two looks for reminders, and between two parts of a long one: agencies and platforms have
/// others to answer.
const REMIND_EVERY: Duration = Duration::from_secs(10);
const TURN_PAUSE: Duration = Duration::from_secs(1);
/// For a message that is under way when the program is told to end. A search goes on elsewhere.
const LAST_MESSAGE: Duration = Duration::from_secs(5);

/// Runs jobs until `stop`. Jobs that are under way are finished first; a job that is not finished
/// when the process is killed becomes claimable again when its lease ends. So does one that is dropped
/// because the database went away: on a connection that hangs it would keep its place for ever.
pub(crate) async fn run(orders: Orders, pulse: Pulse, stop: CancellationToken) {
    tracing::info!("worker started");
    let lanes = Lane::ALL.map(|lane| run_lane(orders.clone(), lane, pulse.clone(), stop.clone()));
    futures::future::join_all(lanes).await;
    tracing::info!("worker stopped");
}

/// Fills the places of one lane as they become free.
async fn run_lane(orders: Orders, lane: Lane, pulse: Pulse, stop: CancellationToken) {
    let mut jobs_put = orders.jobs_put();
    let mut running = JoinSet::new();
    while !stop.is_cancelled() {
        let free = places(lane).saturating_sub(running.len());
        let sleep = match pulse.keeps(orders.claim_due(lane, free as u64)).await {
            None => {
                tracing::warn!(?lane, "jobs rest until the database answers");
                // Dropped jobs are claimable again when their leases end.
                running.shutdown().await;
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = pulse.back() => {}
                }
                continue;
            }
            Some(Ok(jobs)) => {
                for job in jobs {
                    let orders = orders.clone();
                    running.spawn(async move { orders.run_job(job).await });
                }
                SLEEP_MAX
            }
            Some(Err(error)) => {
                tracing::error!(?lane, %error, "jobs cannot be run");
                TROUBLE_SLEEP
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = pulse.lost(), if !running.is_empty() => {}
            // A place is free: there may be another job for it.
            Some(ended) = running.join_next() => told(ended),
            Ok(()) = jobs_put.changed() => {}
            () = tokio::time::sleep(sleep) => {}
        }
    }
    let rest = async {
        while let Some(ended) = running.join_next().await {
            told(ended);
        }
    };
    // What waits for a database that went away is not waited for.
    let _ = pulse.keeps(rest).await;
}

/// A job that broke loses its lease and is tried again.
fn told(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a job broke");
    }
}

/// Lets one process a day forget what is old, until `stop`.
pub(crate) async fn forget(retention: Retention, pulse: Pulse, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match pulse.keeps(retention.daily()).await {
            Some(Ok(Some(report))) => {
                let forgotten: u64 = report.lines.iter().map(|line| line.forgotten).sum();
                let waiting: u64 = report.lines.iter().map(|line| line.waiting).sum();
                tracing::info!(forgotten, waiting, "the day's forgetting is done");
            }
            Some(Ok(None)) | None => {}
            Some(Err(error)) => tracing::error!(%error, "what is old cannot be forgotten"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Looks for what there is to remind of and sends it, until `stop`: a little at a time, beside the
/// jobs and never before them.
pub(crate) async fn remind(occasions: Occasions, pulse: Pulse, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let told_to_end = async {
            stop.cancelled().await;
            tokio::time::sleep(LAST_MESSAGE).await;
        };
        let more = tokio::select! {
            turn = pulse.keeps(occasions.turn()) => turn.is_some_and(|turn| turn.more),
            () = told_to_end => break,
        };
        let pause = if more { TURN_PAUSE } else { REMIND_EVERY };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Keeps the gauges of waiting work up to date until `stop`.
pub(crate) async fn watch(orders: Orders, pulse: Pulse, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let counted = async { Ok((orders.count_jobs().await?, orders.count_open_cases().await?)) };
        match pulse.keeps(counted).await {
            Some(Ok((jobs, cases))) => show(&jobs, cases),
            Some(Err(error)) => report(&error),
            // The pulse has said so already.
            None => {}
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(10)) => {}
        }
    }
}

/// Counts and ages, kind by kind.
fn show(jobs: &[JobCount], cases: u64) {
    let figure = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    for count in jobs {
        let gauge = |name: &'static str, number: u64| {
            metrics::gauge!(name, "kind" => count.kind.code()).set(figure(number));
        };
        gauge("jobs_waiting", count.waiting);
        gauge("jobs_overdue_seconds", count.overdue.as_secs());
        gauge("jobs_parked", count.parked);
        gauge("jobs_parked_seconds", count.parked_for.as_secs());
    }
    metrics::gauge!("cases_open").set(figure(cases));
}

fn report(error: &OrderError) {
    tracing::warn!(%error, "jobs and cases cannot be counted");
}
