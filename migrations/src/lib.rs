//! The database: its doors (connect, write) and its tables over time.
//!
//! Players: the program connects and migrates; the rooms that touch the database begin their write
//! transactions here. Promised: the same tables on SQLite (embedded default) and PostgreSQL, every
//! migration up and down; several processes may migrate at once; a write transaction never fails
//! halfway because SQLite found another writer.
//!
//! Column rules: money is `BIGINT` fen, instants are `BIGINT` milliseconds UTC, months are
//! `YYYY-MM`, row ids are UUID version 7, personal data is sealed bytes beside the id of its key.
//! Deliberately absent: any reading of rows. Rows belong to the room that owns the table.

mod doors;
mod m20261123_000001_people;
mod m20261123_000002_orders;
mod m20261123_000003_refunds;
mod m20261123_000004_strays;
mod m20261123_000005_vouchers;
mod m20261123_000006_rights;
mod m20261123_000007_disputes;
mod m20261123_000008_reminders;
mod m20261123_000009_kinds;
mod m20261124_000010_reminder_progress;
mod m20261124_000011_closings;
mod m20261129_000012_bills_by_agency;
mod m20261129_000013_attempts;
mod m20261129_000014_refusals;
mod m20261129_000015_guards;
mod m20261129_000017_account_names;
#[cfg(feature = "throwaway")]
mod throwaway;

pub use doors::{begin_write, connect, down, holds_orders, pending, up};
use sea_orm_migration::prelude::*;
#[cfg(feature = "throwaway")]
pub use throwaway::{Backend, throwaway};

/// All migrations, oldest first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_people::Migration),
            Box::new(m20261123_000002_orders::Migration),
            Box::new(m20261123_000003_refunds::Migration),
            Box::new(m20261123_000004_strays::Migration),
            Box::new(m20261123_000005_vouchers::Migration),
            Box::new(m20261123_000006_rights::Migration),
            Box::new(m20261123_000007_disputes::Migration),
            Box::new(m20261123_000008_reminders::Migration),
            Box::new(m20261123_000009_kinds::Migration),
            Box::new(m20261124_000010_reminder_progress::Migration),
            Box::new(m20261124_000011_closings::Migration),
            Box::new(m20261129_000012_bills_by_agency::Migration),
            Box::new(m20261129_000013_attempts::Migration),
            Box::new(m20261129_000014_refusals::Migration),
            Box::new(m20261129_000015_guards::Migration),
            Box::new(m20261129_000017_account_names::Migration),
        ]
    }
}
