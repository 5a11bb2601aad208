//! Running what is due. The program's worker loop calls this; tests call it after moving the clock.

use std::time::Duration;

use futures::stream::{self, StreamExt};
use kernel::Timestamp;
use migrations::begin_write;

use super::{
    Job, JobCount, JobKind, Lane, Outcome,
    table::{self, JobState, Settlement},
};
use crate::{
    OrderError, Orders,
    case::{self, CaseKind},
    order::table as order_table,
};

/// Waits between tries of a posting (domain: 入账重试). The last one repeats.
const POSTING_LADDER: [u64; 6] = [5, 15, 60, 300, 900, 3_600];
/// After this many tries a posting is handed to a person: about one settlement day.
const POSTING_TRIES_MAX: i32 = 24;
/// Waits between tries to close an order.
const EXPIRY_LADDER: [u64; 8] = [5, 15, 30, 60, 120, 300, 600, 900];
/// About a night: a channel can be away for hours.
const EXPIRY_TRIES_MAX: i32 = 60;
/// Waits between tries to take a posting back, which must happen on its day.
const TAKE_BACK_LADDER: [u64; 5] = [5, 15, 60, 300, 900];
const TAKE_BACK_TRIES_MAX: i32 = 60;

/// Waits between looks at a booking that an agency does not answer about, and how many there are: a week.
const WATCH_LADDER: [u64; 1] = [6 * 3_600];
const WATCH_TRIES_MAX: i32 = 28;

/// Waits between tries to hand a refund to its channel. WeChat wants a minute between two refunds of
/// one payment.
const REFUND_LADDER: [u64; 7] = [15, 60, 60, 120, 300, 900, 3_600];
/// About two days.
const REFUND_TRIES_MAX: i32 = 50;

impl Orders {
    /// Runs jobs that are due, at most `limit` at once, and says how many were run.
    ///
    /// # Errors
    /// When the database is away. Errors of single jobs are recorded with the job.
    pub async fn run_due_jobs(&self, limit: u64) -> Result<usize, OrderError> {
        let now = self.clock.now();
        // A look without a transaction first: polling must not take SQLite's only writer's place.
        if !table::any_due(&self.db, &JobKind::ALL, now).await? {
            return Ok(0);
        }
        let txn = begin_write(&self.db).await?;
        let jobs = table::claim(&txn, &JobKind::ALL, limit, now, &*self.entropy).await?;
        txn.commit().await?;
        let count = jobs.len();
        stream::iter(jobs).for_each_concurrent(8, |job| self.run_job(job)).await;
        Ok(count)
    }

    /// Leases up to `limit` due jobs of a lane. Whoever does not run them only delays them by their
    /// lease.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn claim_due(&self, lane: Lane, limit: u64) -> Result<Vec<Job>, OrderError> {
        let now = self.clock.now();
        if limit == 0 || !table::any_due(&self.db, lane.kinds(), now).await? {
            return Ok(Vec::new());
        }
        let txn = begin_write(&self.db).await?;
        let jobs = table::claim(&txn, lane.kinds(), limit, now, &*self.entropy).await?;
        txn.commit().await?;
        Ok(jobs)
    }

    /// When the next job wants to run, `None` when nothing waits.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn next_job_at(&self) -> Result<Option<Timestamp>, OrderError> {
        table::next_due(&self.db).await
    }

    /// What is not done, kind by kind.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn count_jobs(&self) -> Result<Vec<JobCount>, OrderError> {
        let now = self.clock.now();
        let age = |since: Option<Timestamp>| since.map_or(Duration::ZERO, |since| now.since(since));
        let mut counts = Vec::with_capacity(JobKind::ALL.len());
        for kind in JobKind::ALL {
            let (waiting, due_since) = table::count(&self.db, kind, JobState::Ready).await?;
            let (parked, parked_since) = table::count(&self.db, kind, JobState::Parked).await?;
            let (overdue, parked_for) = (age(due_since), age(parked_since));
            counts.push(JobCount { kind, waiting, overdue, parked, parked_for });
        }
        Ok(counts)
    }

    /// Whether the database answers and has its tables.
    ///
    /// # Errors
    /// When it does not.
    pub async fn is_ready(&self) -> Result<(), OrderError> {
        table::next_due(&self.db).await.map(drop)
    }

    /// Runs a leased job and gives it back. What goes wrong is recorded with the job.
    pub async fn run_job(&self, job: Job) {
        let outcome = self.try_job(&job).await.unwrap_or_else(|error| {
            tracing::warn!(job.kind = job.kind.code(), job.id = %job.id, %error, "a job failed");
            Outcome::Again { why: error.to_string() }
        });
        metrics::counter!("jobs_run", "kind" => job.kind.code(), "outcome" => outcome.code())
            .increment(1);
        match self.settle(&job, outcome).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!(job.kind = job.kind.code(), job.id = %job.id, "a job's lease was lost")
            }
            // The lease runs out and the job is run again.
            Err(error) => {
                tracing::error!(job.kind = job.kind.code(), job.id = %job.id, %error, "a job was not settled")
            }
        }
    }

    async fn try_job(&self, job: &Job) -> Result<Outcome, OrderError> {
        match job.kind {
            JobKind::PostBill => self.post_bill(job).await,
            JobKind::AskChannel => self.ask_channel(job).await,
            JobKind::ExpireOrder => self.expire_order(job).await,
            JobKind::Refund => self.push_refund(job).await,
            JobKind::TakeBack => self.take_posting_back(job).await,
            JobKind::WatchPosting => self.watch_posting(job).await,
        }
    }

    async fn settle(&self, job: &Job, outcome: Outcome) -> Result<bool, OrderError> {
        let now = self.clock.now();
        let again = |after: Duration, attempts: i32, why: &str| -> (Timestamp, i32, String) {
            (now.plus(self.jittered(after)), attempts, why.to_owned())
        };
        let (run_at, attempts, why) = match outcome {
            Outcome::Done => {
                let done = Settlement {
                    state: JobState::Done,
                    run_at: now,
                    attempts: job.attempt,
                    error: None,
                };
                return table::settle(&self.db, job, done, now).await;
            }
            Outcome::Wait { after, why } => again(after, job.attempt - 1, &why),
            Outcome::Again { why } => {
                let (ladder, tries_max): (&[u64], i32) = match job.kind {
                    JobKind::PostBill => (&POSTING_LADDER, POSTING_TRIES_MAX),
                    JobKind::AskChannel | JobKind::ExpireOrder => {
                        (&EXPIRY_LADDER, EXPIRY_TRIES_MAX)
                    }
                    JobKind::TakeBack => (&TAKE_BACK_LADDER, TAKE_BACK_TRIES_MAX),
                    JobKind::WatchPosting => (&WATCH_LADDER, WATCH_TRIES_MAX),
                    JobKind::Refund => (&REFUND_LADDER, REFUND_TRIES_MAX),
                };
                if job.attempt >= tries_max {
                    return self.park(job, &why, now).await;
                }
                let rung = usize::try_from(job.attempt - 1).unwrap_or(0).min(ladder.len() - 1);
                again(Duration::from_secs(ladder[rung]), job.attempt, &why)
            }
        };
        let later = Settlement { state: JobState::Ready, run_at, attempts, error: Some(&why) };
        table::settle(&self.db, job, later, now).await
    }

    /// Stops a job and opens its case in one transaction.
    async fn park(&self, job: &Job, why: &str, now: Timestamp) -> Result<bool, OrderError> {
        let txn = begin_write(&self.db).await?;
        // The order's row comes first in every act, or two acts could wait for each other.
        let mut order = order_table::lock(&txn, job.order).await?;
        let parked = Settlement {
            state: JobState::Parked,
            run_at: now,
            attempts: job.attempt,
            error: Some(why),
        };
        if !table::settle(&txn, job, parked, now).await? {
            return Ok(false);
        }
        let kind = match job.kind {
            JobKind::PostBill | JobKind::TakeBack => CaseKind::PostingUnresolved,
            JobKind::AskChannel | JobKind::ExpireOrder | JobKind::WatchPosting => {
                CaseKind::JobParked
            }
            JobKind::Refund => CaseKind::RefundUnfinished,
        };
        let doubt = super::doubt(job, &order, kind, why);
        if matches!(job.kind, JobKind::PostBill | JobKind::TakeBack) {
            self.hand_over(&txn, &mut order, now).await?;
        }
        case::open(&txn, doubt, now, &*self.entropy).await?;
        txn.commit().await?;
        Ok(true)
    }

    /// Up to a fifth longer, so that what failed together does not come back together.
    fn jittered(&self, after: Duration) -> Duration {
        let fifth = u64::try_from(after.as_millis() / 5).unwrap_or(0);
        after + Duration::from_millis(if fifth == 0 { 0 } else { self.entropy.u64() % fifth })
    }
}

impl Outcome {
    const fn code(&self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Again { .. } => "again",
            Outcome::Wait { .. } => "wait",
        }
    }
}
