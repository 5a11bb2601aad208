//! How often somebody may do something on one business day. Counted in the database, so that all
//! processes count together.

use std::time::Duration;

use kernel::Timestamp;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use crate::{
    PeopleError,
    table::quotas::{ActiveModel, Column, Entity},
};

/// Why it may not be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exhausted {
    /// The day's are used up.
    Day,
    /// The last time is too near.
    TooSoon { seconds: u64 },
}

/// `YYYY-MM-DD` in Beijing.
pub(crate) fn day_of(now: Timestamp) -> String {
    now.beijing_text()[..10].to_owned()
}

/// Takes one of the `most` of this day, unless the last one is nearer than `rest`. Callers that take
/// several in one transaction take them in the same order everywhere.
pub(crate) async fn take(
    txn: &DatabaseTransaction,
    subject: &str,
    most: u32,
    rest: Option<Duration>,
    now: Timestamp,
) -> Result<Result<(), Exhausted>, PeopleError> {
    let day = day_of(now);
    let first = ActiveModel {
        subject: Set(subject.to_owned()),
        day: Set(day.clone()),
        used: Set(0),
        last_at_ms: Set(0),
    };
    Entity::insert(first)
        .on_conflict(OnConflict::column(Column::Subject).do_nothing().to_owned())
        .exec_without_returning(txn)
        .await?;
    let row = Entity::find()
        .filter(Column::Subject.eq(subject))
        .lock_exclusive()
        .one(txn)
        .await?
        .ok_or_else(|| {
        sea_orm::DbErr::RecordNotFound("a quota that was just written".into())
    })?;
    if let Some(rest) = rest {
        let passed = now.since(Timestamp::from_millis(row.last_at_ms));
        if passed < rest {
            let left = (rest - passed).as_millis().div_ceil(1000);
            let seconds = u64::try_from(left).unwrap_or(u64::MAX);
            return Ok(Err(Exhausted::TooSoon { seconds }));
        }
    }
    let used = if row.day == day { row.used } else { 0 };
    if u32::try_from(used).unwrap_or(0) >= most {
        return Ok(Err(Exhausted::Day));
    }
    let change = ActiveModel {
        day: Set(day),
        used: Set(used + 1),
        last_at_ms: Set(now.as_millis()),
        ..row.into()
    };
    change.update(txn).await?;
    Ok(Ok(()))
}

/// Gives one back that was taken at `taken_at`; of a day that is over nothing is left to give.
pub(crate) async fn give_back(
    txn: &DatabaseTransaction,
    subject: &str,
    taken_at: Timestamp,
) -> Result<(), PeopleError> {
    Entity::update_many()
        .col_expr(Column::Used, Expr::col(Column::Used).sub(1))
        .filter(Column::Subject.eq(subject))
        .filter(Column::Day.eq(day_of(taken_at)))
        .filter(Column::Used.gt(0))
        .exec(txn)
        .await?;
    Ok(())
}
