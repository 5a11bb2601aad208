//! How far the search for occasions has come: kept, so that nothing is looked at twice or forgotten
//! when a process ends, and leased, so that one process at a time looks.

use std::time::Duration;

use kernel::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    entity::prelude::*,
    sea_query::{Expr, OnConflict},
};

use crate::{ReminderError, Reminders};

/// Until a process that died while looking is replaced.
const LEASE: Duration = Duration::from_secs(10 * 60);

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reminder_progress")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub at_ms: i64,
    pub row_id: Option<Uuid>,
    pub leased_until_ms: i64,
}
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// A place in a fixed order: a moment, and a row at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub at: Timestamp,
    pub row: Option<Uuid>,
}

/// The right to look on from a place, until it is given back or too old.
#[derive(Debug)]
pub struct Progress {
    name: &'static str,
    pub place: Place,
    lease: i64,
}

impl Reminders {
    /// Where the search called `name` (at most 16 letters) stands; `start` when it is new.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn place(&self, name: &'static str, start: Place) -> Result<Place, ReminderError> {
        if let Some(row) = Entity::find_by_id(name.to_owned()).one(&self.db).await? {
            return Ok(Place { at: Timestamp::from_millis(row.at_ms), row: row.row_id });
        }
        let row = ActiveModel {
            name: Set(name.to_owned()),
            at_ms: Set(start.at.as_millis()),
            row_id: Set(start.row),
            leased_until_ms: Set(0),
        };
        Entity::insert(row)
            .on_conflict(OnConflict::column(Column::Name).do_nothing().to_owned())
            .exec_without_returning(&self.db)
            .await?;
        Ok(start)
    }

    /// Takes the search over at `place`. `None`: somebody is at it, or has come further.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn take_progress(
        &self,
        name: &'static str,
        place: Place,
    ) -> Result<Option<Progress>, ReminderError> {
        let now = self.clock.now();
        let lease = now.plus(LEASE).as_millis();
        let there = match place.row {
            Some(row) => Column::RowId.eq(row),
            None => Column::RowId.is_null(),
        };
        let taken = Entity::update_many()
            .col_expr(Column::LeasedUntilMs, Expr::value(lease))
            .filter(Column::Name.eq(name))
            .filter(Column::AtMs.eq(place.at.as_millis()))
            .filter(there)
            .filter(Column::LeasedUntilMs.lte(now.as_millis()))
            .exec(&self.db)
            .await?;
        Ok((taken.rows_affected == 1).then_some(Progress { name, place, lease }))
    }

    /// Gives the search back, at the place that it has come to.
    ///
    /// # Errors
    /// When the database is away; the search goes on from its old place when the lease is over.
    pub async fn keep_progress(&self, progress: Progress) -> Result<(), ReminderError> {
        Entity::update_many()
            .col_expr(Column::AtMs, Expr::value(progress.place.at.as_millis()))
            .col_expr(Column::RowId, Expr::value(progress.place.row))
            .col_expr(Column::LeasedUntilMs, Expr::value(0_i64))
            .filter(Column::Name.eq(progress.name))
            .filter(Column::LeasedUntilMs.eq(progress.lease))
            .exec(&self.db)
            .await?;
        Ok(())
    }
}
