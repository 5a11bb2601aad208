//! Jobs: durable work, put in the same transaction as the change that needs it.
//!
//! A worker leases a job, lets go of the transaction, talks to the outside, records the result by
//! the ordinary acts and gives the job back. A worker that dies loses its lease and somebody else
//! goes on, so every job may run twice and every act it uses is idempotent. After the last try a
//! job is parked and a case is opened: nothing waits without an owner.

mod run;
mod table;

use std::time::Duration;

use kernel::{Entropy, JobId, OrderId, Timestamp};
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use crate::OrderError;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// Post one bill to the agency. Subject: the posting.
    PostBill,
    /// Ask the channel about a payment (主动查单). Subject: the payment.
    AskChannel,
    /// Close an order whose time is over. Subject: the order.
    ExpireOrder,
    /// Bring a refund to its end. Subject: the refund.
    Refund,
    /// Take a posting back, as a person asked. Subject: the posting.
    TakeBack,
    /// Ask whether what is posted stays so. Subject: the posting.
    WatchPosting,
}

impl JobKind {
    pub const ALL: [JobKind; 6] = [
        JobKind::PostBill,
        JobKind::AskChannel,
        JobKind::ExpireOrder,
        JobKind::Refund,
        JobKind::TakeBack,
        JobKind::WatchPosting,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            JobKind::PostBill => "post_bill",
            JobKind::AskChannel => "ask_channel",
            JobKind::ExpireOrder => "expire_order",
            JobKind::Refund => "refund",
            JobKind::TakeBack => "take_back",
            JobKind::WatchPosting => "watch_posting",
        }
    }
}

impl JobKind {
    /// How long a worker has a job to itself: the slowest ordinary try, all calls at their time limits.
    /// It is also how long a citizen waits when a worker is killed, so a posting's is short. A try that
    /// takes longer loses its lease and is repeated by somebody, which every job must bear.
    pub(crate) const fn lease(self) -> Duration {
        Duration::from_secs(match self {
            // Two calls to an agency.
            JobKind::PostBill | JobKind::TakeBack | JobKind::WatchPosting => 20,
            // Up to three calls to a channel.
            JobKind::AskChannel | JobKind::ExpireOrder | JobKind::Refund => 35,
        })
    }
}

/// A leased job.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub id: JobId,
    pub kind: JobKind,
    pub order: OrderId,
    pub subject: String,
    /// 1 for the first try.
    pub attempt: i32,
    lease: JobId,
}

/// How a try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// Try again after the time that the job's ladder gives for this attempt.
    Again {
        why: String,
    },
    /// Come back after this time; the try does not count (the other side only asked to wait).
    Wait {
        after: Duration,
        why: String,
    },
}

/// The jobs of one kind that are not done; what `/metrics` and the operators look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobCount {
    pub kind: JobKind,
    /// Waits for its time, or is under way.
    pub waiting: u64,
    /// How long the oldest one that could run has been waiting for a worker; zero when none could.
    pub overdue: Duration,
    /// Stopped after the last try; each has its case.
    pub parked: u64,
    /// How long ago the first of these stopped; zero when there is none.
    pub parked_for: Duration,
}

/// Puts a job for `run_at` unless the same one exists.
pub(crate) async fn put(
    txn: &DatabaseTransaction,
    kind: JobKind,
    order: OrderId,
    subject: impl ToString,
    times: (Timestamp, Timestamp),
    entropy: &dyn Entropy,
) -> Result<(), OrderError> {
    table::insert(txn, kind, order, &subject.to_string(), times, entropy).await
}

/// Puts a job, or lets the same one run once more whatever became of it. It counts as tried before,
/// so that it asks first.
pub(crate) async fn put_again(
    txn: &DatabaseTransaction,
    kind: JobKind,
    order: OrderId,
    subject: impl ToString,
    times: (Timestamp, Timestamp),
    entropy: &dyn Entropy,
) -> Result<(), OrderError> {
    let subject = subject.to_string();
    if !table::renew(txn, kind, &subject, times).await? {
        table::insert(txn, kind, order, &subject, times, entropy).await?;
    }
    Ok(())
}

/// Whether a worker still has the job to itself. Nobody else gets it before the transaction ends.
pub(crate) async fn holds(txn: &DatabaseTransaction, job: &Job) -> Result<bool, OrderError> {
    table::holds(txn, job).await
}

/// Lets the parked jobs of an order run again, and says how many there were.
pub(crate) async fn revive(
    txn: &DatabaseTransaction,
    order: OrderId,
    now: Timestamp,
) -> Result<u64, OrderError> {
    table::revive(txn, order, now).await
}

/// Lets a waiting job run at once.
pub(crate) async fn hasten(
    db: &impl ConnectionTrait,
    kind: JobKind,
    subject: impl ToString,
    now: Timestamp,
) -> Result<(), OrderError> {
    table::hasten(db, kind, &subject.to_string(), now, now).await.map(drop)
}

/// Lets a waiting job run at once if it was left in peace for `rest`; says whether it does.
pub(crate) async fn hasten_if_rested(
    db: &impl ConnectionTrait,
    kind: JobKind,
    subject: impl ToString,
    now: Timestamp,
    rest: Duration,
) -> Result<bool, OrderError> {
    let rested =
        Timestamp::from_millis(now.as_millis() - i64::try_from(rest.as_millis()).unwrap_or(0));
    table::hasten(db, kind, &subject.to_string(), now, rested).await
}
