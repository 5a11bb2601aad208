//! Forgetting on time: what of this room is older than its purpose, in bounded batches.
//!
//! How long each class is kept is the operator's word (`src/retention.rs`); this room knows what
//! belongs to a class and how it goes.

use kernel::{AccountId, PersonId, Timestamp};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Select, sea_query::Expr, sea_query::OnConflict,
};
use uuid::Uuid;

use crate::{
    People, PeopleError, quota,
    table::{
        accounts, acts, mobiles, payment_requests, persons, phone_proofs, quotas,
        retention_runs::{self, ActiveModel, Column, Entity},
        sms_codes, verifications,
    },
};

/// A class of rows that can go by age alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgettable {
    SmsCodes,
    Quotas,
    Verifications,
    PaymentRequests,
    /// Bound numbers: people change theirs, and a number that was given up becomes somebody else's.
    Mobiles,
    /// Whose the envelopes were that were used; that they were used stays, because they have no end.
    PhoneProofs,
    /// What was done with more than a login.
    Acts,
}

/// The day's forgetting, taken by one process.
#[derive(Clone, Debug)]
pub struct RetentionRun {
    day: String,
}

/// How long a process may be at it before another one begins again.
const RUN_LEASE_MS: i64 = 3_600_000;

fn old_codes(before: Timestamp) -> Select<sms_codes::Entity> {
    sms_codes::Entity::find().filter(sms_codes::Column::SentAtMs.lt(before.as_millis()))
}

fn old_quotas(before: Timestamp) -> Select<quotas::Entity> {
    quotas::Entity::find().filter(quotas::Column::LastAtMs.lt(before.as_millis()))
}

fn old_verifications(before: Timestamp) -> Select<verifications::Entity> {
    verifications::Entity::find().filter(verifications::Column::CreatedAtMs.lt(before.as_millis()))
}

fn old_requests(before: Timestamp) -> Select<payment_requests::Entity> {
    payment_requests::Entity::find()
        .filter(payment_requests::Column::ExpiresAtMs.lt(before.as_millis()))
}

fn old_mobiles(before: Timestamp) -> Select<mobiles::Entity> {
    mobiles::Entity::find().filter(mobiles::Column::BoundAtMs.lt(before.as_millis()))
}

fn old_proofs(before: Timestamp) -> Select<phone_proofs::Entity> {
    phone_proofs::Entity::find()
        .filter(phone_proofs::Column::UsedAtMs.lt(before.as_millis()))
        .filter(phone_proofs::Column::AccountId.ne(Uuid::nil()))
}

fn old_acts(before: Timestamp) -> Select<acts::Entity> {
    acts::Entity::find().filter(acts::Column::AtMs.lt(before.as_millis()))
}

fn removed_persons(before: Timestamp) -> Select<persons::Entity> {
    persons::Entity::find()
        .filter(persons::Column::RemovedAtMs.lt(before.as_millis()))
        .filter(persons::Column::ErasedAtMs.is_null())
}

fn idle_accounts(before: Timestamp) -> Select<accounts::Entity> {
    accounts::Entity::find()
        .filter(accounts::Column::LastLoginAtMs.lt(before.as_millis()))
        .filter(accounts::Column::ErasedAtMs.is_null())
        .filter(accounts::Column::UnitedInto.is_null())
}

impl People {
    /// How many rows of a class are from before `before`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_forgettable(
        &self,
        class: Forgettable,
        before: Timestamp,
    ) -> Result<u64, PeopleError> {
        Ok(match class {
            Forgettable::SmsCodes => old_codes(before).count(&self.db).await?,
            Forgettable::Quotas => old_quotas(before).count(&self.db).await?,
            Forgettable::Verifications => old_verifications(before).count(&self.db).await?,
            Forgettable::PaymentRequests => old_requests(before).count(&self.db).await?,
            Forgettable::Mobiles => old_mobiles(before).count(&self.db).await?,
            Forgettable::PhoneProofs => old_proofs(before).count(&self.db).await?,
            Forgettable::Acts => old_acts(before).count(&self.db).await?,
        })
    }

    /// Deletes up to `limit` rows of a class from before `before`, or what they tell of somebody, and says
    /// how many.
    ///
    /// # Errors
    /// When the database fails; what is gone stays gone, and the rest goes next time.
    pub async fn forget(
        &self,
        class: Forgettable,
        before: Timestamp,
        limit: u64,
    ) -> Result<u64, PeopleError> {
        let db = &self.db;
        let gone = match class {
            Forgettable::SmsCodes => {
                let rows = old_codes(before).limit(limit).all(db).await?;
                let ids = rows.into_iter().map(|row| row.id);
                let old = sms_codes::Column::Id.is_in(ids);
                sms_codes::Entity::delete_many().filter(old).exec(db).await?
            }
            Forgettable::Quotas => {
                let rows = old_quotas(before).limit(limit).all(db).await?;
                let subjects = rows.into_iter().map(|row| row.subject);
                // One that is used again meanwhile is not old any more.
                let old = quotas::Column::Subject.is_in(subjects);
                let unused = quotas::Column::LastAtMs.lt(before.as_millis());
                quotas::Entity::delete_many().filter(old).filter(unused).exec(db).await?
            }
            Forgettable::Verifications => {
                let rows = old_verifications(before).limit(limit).all(db).await?;
                let ids = rows.into_iter().map(|row| row.id);
                let old = verifications::Column::Id.is_in(ids);
                verifications::Entity::delete_many().filter(old).exec(db).await?
            }
            Forgettable::PaymentRequests => {
                let rows = old_requests(before).limit(limit).all(db).await?;
                let ids = rows.into_iter().map(|row| row.id);
                let old = payment_requests::Column::Id.is_in(ids);
                payment_requests::Entity::delete_many().filter(old).exec(db).await?
            }
            Forgettable::Mobiles => {
                let rows = old_mobiles(before).limit(limit).all(db).await?;
                let ids = rows.into_iter().map(|row| row.account_id);
                // One that is bound anew meanwhile is not old any more.
                let old = mobiles::Column::AccountId.is_in(ids);
                let unchanged = mobiles::Column::BoundAtMs.lt(before.as_millis());
                mobiles::Entity::delete_many().filter(old).filter(unchanged).exec(db).await?
            }
            Forgettable::PhoneProofs => {
                let rows = old_proofs(before).limit(limit).all(db).await?;
                let digests = rows.into_iter().map(|row| row.digest);
                let nobody = phone_proofs::Entity::update_many()
                    .col_expr(phone_proofs::Column::AccountId, Expr::value(Uuid::nil()))
                    .filter(phone_proofs::Column::Digest.is_in(digests));
                return Ok(nobody.exec(db).await?.rows_affected);
            }
            Forgettable::Acts => {
                let rows = old_acts(before).limit(limit).all(db).await?;
                let ids = rows.into_iter().map(|row| row.id);
                let old = acts::Column::Id.is_in(ids);
                acts::Entity::delete_many().filter(old).exec(db).await?
            }
        };
        Ok(gone.rows_affected)
    }

    /// Persons who were removed before `before` and not erased, after `cursor`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn removed_persons(
        &self,
        before: Timestamp,
        cursor: Option<PersonId>,
        limit: u64,
    ) -> Result<Vec<PersonId>, PeopleError> {
        let after = cursor.map_or(Uuid::nil(), PersonId::as_uuid);
        let rows = removed_persons(before)
            .filter(persons::Column::Id.gt(after))
            .order_by_asc(persons::Column::Id)
            .limit(limit)
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().map(|row| PersonId::from_uuid(row.id)).collect())
    }

    /// Accounts that nobody logged in to since `before`, after `cursor`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn idle_accounts(
        &self,
        before: Timestamp,
        cursor: Option<AccountId>,
        limit: u64,
    ) -> Result<Vec<AccountId>, PeopleError> {
        let after = cursor.map_or(Uuid::nil(), AccountId::as_uuid);
        let rows = idle_accounts(before)
            .filter(accounts::Column::Id.gt(after))
            .order_by_asc(accounts::Column::Id)
            .limit(limit)
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().map(|row| AccountId::from_uuid(row.id)).collect())
    }

    /// Takes the forgetting of this business day; `None` when a process has done it, or is at it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_retention_run(&self) -> Result<Option<RetentionRun>, PeopleError> {
        let now = self.clock.now();
        let day = quota::day_of(now);
        if Entity::find_by_id(day.clone()).one(&self.db).await?.is_none() {
            let row = ActiveModel {
                day: Set(day.clone()),
                // Nobody's yet: whoever is first to move it has it.
                started_at_ms: Set(0),
                finished_at_ms: Set(None),
                report_json: Set(None),
            };
            Entity::insert(row)
                .on_conflict(OnConflict::column(Column::Day).do_nothing().to_owned())
                .exec_without_returning(&self.db)
                .await?;
        }
        let taken = Entity::update_many()
            .col_expr(Column::StartedAtMs, Expr::value(now.as_millis()))
            .filter(Column::Day.eq(&day))
            .filter(Column::FinishedAtMs.is_null())
            .filter(Column::StartedAtMs.lt(now.as_millis() - RUN_LEASE_MS))
            .exec(&self.db)
            .await?;
        Ok((taken.rows_affected == 1).then_some(RetentionRun { day }))
    }

    /// Writes down what a day's forgetting came to: figures only.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn finish_retention_run(
        &self,
        run: &RetentionRun,
        report_json: &str,
    ) -> Result<(), PeopleError> {
        let change = retention_runs::ActiveModel {
            day: Set(run.day.clone()),
            finished_at_ms: Set(Some(self.clock.now().as_millis())),
            report_json: Set(Some(report_json.to_owned())),
            ..Default::default()
        };
        Entity::update(change).exec(&self.db).await?;
        Ok(())
    }
}
