//! The rows of jobs, and the one query that hands them out.

use std::str::FromStr;

use kernel::{Entropy, JobId, OrderId, Timestamp};
use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, LockBehavior, LockType},
};
use uuid::Uuid;

use super::{Job, JobKind};
use crate::{OrderError, error::read};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub kind: String,
    pub order_id: Uuid,
    pub subject: String,
    pub state: String,
    pub run_at_ms: i64,
    pub attempts: i32,
    pub leased_until_ms: Option<i64>,
    pub lease: Option<Uuid>,
    pub last_error: Option<String>,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
}
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum JobState {
    /// Waits for its time. A leased job is ready too: its time is the end of the lease.
    Ready,
    Done,
    /// Stopped after the last try; a case is open.
    Parked,
}

impl JobState {
    pub(crate) const fn code(self) -> &'static str {
        match self {
            JobState::Ready => "ready",
            JobState::Done => "done",
            JobState::Parked => "parked",
        }
    }
}

impl FromStr for JobKind {
    type Err = kernel::UnknownWord;
    fn from_str(code: &str) -> Result<JobKind, kernel::UnknownWord> {
        let expected = "a job kind";
        JobKind::ALL
            .into_iter()
            .find(|kind| kind.code() == code)
            .ok_or(kernel::UnknownWord { list: "JobKind", expected })
    }
}

/// Puts a job unless the same one exists.
pub(super) async fn insert(
    txn: &DatabaseTransaction,
    kind: JobKind,
    order: OrderId,
    subject: &str,
    times: (Timestamp, Timestamp),
    entropy: &dyn Entropy,
) -> Result<(), OrderError> {
    let (run_at, now) = times;
    let row = ActiveModel {
        id: Set(JobId::generate(now, entropy).as_uuid()),
        kind: Set(kind.code().to_owned()),
        order_id: Set(order.as_uuid()),
        subject: Set(subject.to_owned()),
        state: Set(JobState::Ready.code().to_owned()),
        run_at_ms: Set(run_at.as_millis()),
        attempts: Set(0),
        leased_until_ms: Set(None),
        lease: Set(None),
        last_error: Set(None),
        created_at_ms: Set(now.as_millis()),
        updated_at_ms: Set(now.as_millis()),
    };
    Entity::insert(row)
        .on_conflict_do_nothing_on([Column::Kind, Column::Subject])
        .exec_without_returning(txn)
        .await?;
    Ok(())
}

/// Jobs of these kinds that may run. One that a newer version of the program put is left to it.
fn due(kinds: &[JobKind], now: Timestamp) -> sea_orm::Select<Entity> {
    Entity::find()
        .filter(Column::State.eq(JobState::Ready.code()))
        .filter(Column::Kind.is_in(kinds.iter().map(|kind| kind.code())))
        .filter(Column::RunAtMs.lte(now.as_millis()))
        .order_by_asc(Column::RunAtMs)
}

pub(super) async fn any_due(
    db: &DatabaseConnection,
    kinds: &[JobKind],
    now: Timestamp,
) -> Result<bool, OrderError> {
    Ok(due(kinds, now).limit(1).one(db).await?.is_some())
}

/// The earliest time at which a job wants to run.
pub(super) async fn next_due(db: &DatabaseConnection) -> Result<Option<Timestamp>, OrderError> {
    let row = Entity::find()
        .filter(Column::State.eq(JobState::Ready.code()))
        .filter(Column::Kind.is_in(JobKind::ALL.map(JobKind::code)))
        .order_by_asc(Column::RunAtMs)
        .limit(1)
        .one(db)
        .await?;
    Ok(row.map(|row| Timestamp::from_millis(row.run_at_ms)))
}

/// Hands out due jobs for the lease of their kind; nobody else gets them before. A worker that dies
/// simply lets the time pass.
pub(super) async fn claim(
    txn: &DatabaseTransaction,
    kinds: &[JobKind],
    limit: u64,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<Vec<Job>, OrderError> {
    let rows = due(kinds, now)
        .limit(limit)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .all(txn)
        .await?;
    let mut jobs = Vec::with_capacity(rows.len());
    for row in rows {
        let id = row.id;
        let kind: JobKind = read("jobs", "kind", id, &row.kind)?;
        let until = now.plus(kind.lease());
        let lease = JobId::generate(now, entropy);
        Entity::update_many()
            .col_expr(Column::RunAtMs, Expr::value(until.as_millis()))
            .col_expr(Column::LeasedUntilMs, Expr::value(until.as_millis()))
            .col_expr(Column::Lease, Expr::value(lease.as_uuid()))
            .col_expr(Column::Attempts, Expr::value(row.attempts + 1))
            .col_expr(Column::UpdatedAtMs, Expr::value(now.as_millis()))
            .filter(Column::Id.eq(id))
            .exec(txn)
            .await?;
        jobs.push(Job {
            id: JobId::from_uuid(id),
            kind,
            order: OrderId::from_uuid(row.order_id),
            subject: row.subject,
            attempt: row.attempts + 1,
            lease,
        });
    }
    Ok(jobs)
}

/// What becomes of a leased job.
pub(super) struct Settlement<'a> {
    pub state: JobState,
    pub run_at: Timestamp,
    pub attempts: i32,
    pub error: Option<&'a str>,
}

/// Gives a job back; `false` when the lease was lost meanwhile, and then nothing is changed.
pub(super) async fn settle(
    db: &impl ConnectionTrait,
    job: &Job,
    settlement: Settlement<'_>,
    now: Timestamp,
) -> Result<bool, OrderError> {
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value(settlement.state.code()))
        .col_expr(Column::RunAtMs, Expr::value(settlement.run_at.as_millis()))
        .col_expr(Column::Attempts, Expr::value(settlement.attempts))
        .col_expr(Column::LeasedUntilMs, Expr::value(None::<i64>))
        .col_expr(Column::Lease, Expr::value(None::<Uuid>))
        .col_expr(Column::LastError, Expr::value(settlement.error))
        .col_expr(Column::UpdatedAtMs, Expr::value(now.as_millis()))
        .filter(Column::Id.eq(job.id.as_uuid()))
        .filter(Column::Lease.eq(job.lease.as_uuid()))
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Lets a waiting job run now if nobody touched it after `rested`, and says so. A leased or finished
/// one is left alone.
pub(super) async fn hasten(
    db: &impl ConnectionTrait,
    kind: JobKind,
    subject: &str,
    now: Timestamp,
    rested: Timestamp,
) -> Result<bool, OrderError> {
    let done = Entity::update_many()
        .col_expr(Column::RunAtMs, Expr::value(now.as_millis()))
        .filter(Column::Kind.eq(kind.code()))
        .filter(Column::Subject.eq(subject))
        .filter(Column::State.eq(JobState::Ready.code()))
        .filter(Column::Lease.is_null())
        .filter(Column::RunAtMs.gt(now.as_millis()))
        .filter(Column::UpdatedAtMs.lte(rested.as_millis()))
        .exec(db)
        .await?;
    Ok(done.rows_affected > 0)
}

pub(super) async fn holds(txn: &DatabaseTransaction, job: &Job) -> Result<bool, OrderError> {
    let row = Entity::find_by_id(job.id.as_uuid()).lock_exclusive().one(txn).await?;
    Ok(row.is_some_and(|row| row.lease == Some(job.lease.as_uuid())))
}

/// Makes an existing job ready again as if it had been tried once; `false` when there is none.
pub(super) async fn renew(
    txn: &DatabaseTransaction,
    kind: JobKind,
    subject: &str,
    (run_at, now): (Timestamp, Timestamp),
) -> Result<bool, OrderError> {
    let done = again(run_at, now)
        .filter(Column::Kind.eq(kind.code()))
        .filter(Column::Subject.eq(subject))
        .exec(txn)
        .await?;
    Ok(done.rows_affected == 1)
}

pub(super) async fn orders_with_parked(
    db: &impl ConnectionTrait,
) -> Result<Vec<OrderId>, OrderError> {
    let ids: Vec<Uuid> = Entity::find()
        .filter(Column::State.eq(JobState::Parked.code()))
        .select_only()
        .column(Column::OrderId)
        .distinct()
        .into_tuple()
        .all(db)
        .await?;
    Ok(ids.into_iter().map(OrderId::from_uuid).collect())
}

pub(super) async fn parked(
    txn: &DatabaseTransaction,
    order: OrderId,
) -> Result<Vec<(JobKind, String)>, OrderError> {
    let rows = Entity::find()
        .filter(Column::OrderId.eq(order.as_uuid()))
        .filter(Column::State.eq(JobState::Parked.code()))
        .filter(Column::Kind.is_in(JobKind::ALL.map(JobKind::code)))
        .all(txn)
        .await?;
    rows.into_iter()
        .map(|row| Ok((read("jobs", "kind", row.id, &row.kind)?, row.subject)))
        .collect()
}

pub(super) async fn rest(
    txn: &DatabaseTransaction,
    kind: JobKind,
    subject: &str,
    now: Timestamp,
) -> Result<(), OrderError> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(JobState::Done.code()))
        .col_expr(Column::UpdatedAtMs, Expr::value(now.as_millis()))
        .filter(Column::Kind.eq(kind.code()))
        .filter(Column::Subject.eq(subject))
        .filter(Column::State.eq(JobState::Parked.code()))
        .exec(txn)
        .await?;
    Ok(())
}

/// Makes the parked jobs of an order ready again.
pub(super) async fn revive(
    txn: &DatabaseTransaction,
    order: OrderId,
    now: Timestamp,
) -> Result<u64, OrderError> {
    let done = again(now, now)
        .filter(Column::OrderId.eq(order.as_uuid()))
        .filter(Column::State.eq(JobState::Parked.code()))
        .exec(txn)
        .await?;
    Ok(done.rows_affected)
}

fn again(run_at: Timestamp, now: Timestamp) -> sea_orm::UpdateMany<Entity> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(JobState::Ready.code()))
        .col_expr(Column::RunAtMs, Expr::value(run_at.as_millis()))
        .col_expr(Column::Attempts, Expr::value(1))
        .col_expr(Column::LeasedUntilMs, Expr::value(None::<i64>))
        .col_expr(Column::Lease, Expr::value(None::<Uuid>))
        .col_expr(Column::UpdatedAtMs, Expr::value(now.as_millis()))
}

/// How many jobs of a kind are in a state, and since when: the earliest time to run of those that are
/// ready, the earliest stop of those that are parked.
pub(super) async fn count(
    db: &impl ConnectionTrait,
    kind: JobKind,
    state: JobState,
) -> Result<(u64, Option<Timestamp>), OrderError> {
    let since = match state {
        JobState::Ready => Column::RunAtMs,
        JobState::Done | JobState::Parked => Column::UpdatedAtMs,
    };
    let counted: Option<(i64, Option<i64>)> = Entity::find()
        .filter(Column::Kind.eq(kind.code()))
        .filter(Column::State.eq(state.code()))
        .select_only()
        .column_as(Column::Id.count(), "jobs")
        .column_as(since.min(), "since")
        .into_tuple()
        .one(db)
        .await?;
    let (jobs, since) = counted.unwrap_or((0, None));
    Ok((u64::try_from(jobs).unwrap_or(0), since.map(Timestamp::from_millis)))
}
