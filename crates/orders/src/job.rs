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

use crate::{
    OrderError,
    case::{CaseKind, Doubt},
    order::table::Order,
};

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

/// Jobs that wait for the same side. Each lane has places of its own, so that an agency that hangs
/// keeps nobody waiting for a channel, and nobody's refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Questions to channels, which citizens wait for.
    Questions,
    Refunds,
    /// Everything with agencies.
    Agencies,
}

impl Lane {
    pub const ALL: [Lane; 3] = [Lane::Questions, Lane::Refunds, Lane::Agencies];

    /// What runs in it.
    pub const fn kinds(self) -> &'static [JobKind] {
        match self {
            Lane::Questions => &[JobKind::AskChannel, JobKind::ExpireOrder],
            Lane::Refunds => &[JobKind::Refund],
            Lane::Agencies => &[JobKind::PostBill, JobKind::TakeBack, JobKind::WatchPosting],
        }
    }
}

/// A leased job: whoever holds it runs it with [`crate::Orders::run_job`].
#[derive(Clone, Debug)]
pub struct Job {
    pub(crate) id: JobId,
    pub(crate) kind: JobKind,
    pub(crate) order: OrderId,
    pub(crate) subject: String,
    /// 1 for the first try.
    pub(crate) attempt: i32,
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

/// The doubt of a job that stopped, or that only waits.
pub(crate) fn doubt(job: &Job, order: &Order, kind: CaseKind, why: &str) -> Doubt {
    Doubt {
        kind,
        subject: format!("{}:{}", job.kind.code(), job.subject),
        order: Some(job.order),
        account: None,
        amount: None,
        evidence: serde_json::json!({
            "order_no": order.order_no, "job": job.kind.code(), "tries": job.attempt, "last_error": why,
        }),
    }
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

/// The orders that have a job which stopped.
pub(crate) async fn orders_with_parked(
    db: &impl ConnectionTrait,
) -> Result<Vec<OrderId>, OrderError> {
    table::orders_with_parked(db).await
}

/// The stopped jobs of an order, with what they are about.
pub(crate) async fn parked(
    txn: &DatabaseTransaction,
    order: OrderId,
) -> Result<Vec<(JobKind, String)>, OrderError> {
    table::parked(txn, order).await
}

/// What a job is about.
pub(crate) fn about<T: std::str::FromStr>(subject: &str) -> Result<T, OrderError> {
    crate::error::read("jobs", "subject", subject, subject)
}

/// Nothing is left to do for a job that stopped.
pub(crate) async fn rest(
    txn: &DatabaseTransaction,
    kind: JobKind,
    subject: &str,
    now: Timestamp,
) -> Result<(), OrderError> {
    table::rest(txn, kind, subject, now).await
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
