//! Vouchers whose names are gone: who was insured, who paid, and on what base.
//!
//! A voucher can be looked up by everybody who holds it, so a name that was erased must not live on
//! there. Number, amounts, months and standing stay. The digest of the content as issued stays as well:
//! whoever kept the voucher's content can still prove that it was ours.

use kernel::{AccountId, PersonId, Timestamp};
use migrations::begin_write;
use sea_orm::{
    ActiveValue::Set, PaginatorTrait, QuerySelect, QueryTrait, Select, entity::prelude::*,
};

use super::{
    VoucherContent, canonical, digest,
    table::{ActiveModel, Column, Entity, Model},
    without_rates,
};
use crate::{OrderError, Orders, order::table::order};

/// What stands in place of a name.
const NOBODY: &str = "—";
/// Rows in one transaction.
const BATCH: u64 = 200;

fn with_names() -> Select<Entity> {
    Entity::find().filter(Column::BlankedDigest.is_null())
}

fn of_orders(which: Select<order::Entity>) -> Select<Entity> {
    let orders = which.select_only().column(order::Column::Id).into_query();
    with_names().filter(Column::OrderId.in_subquery(orders))
}

impl Orders {
    /// Blanks the vouchers of an account's orders, and says how many.
    ///
    /// # Errors
    /// When the database is away, or a row is not what was issued.
    pub(crate) async fn blank_vouchers_of_account(
        &self,
        account: AccountId,
    ) -> Result<u64, OrderError> {
        let orders = order::Entity::find().filter(order::Column::AccountId.eq(account.as_uuid()));
        self.blank_all(of_orders(orders)).await
    }

    /// Blanks the vouchers that name a person who was removed, and says how many.
    ///
    /// # Errors
    /// As [`Orders::count_old_vouchers`], and when a row is not what was issued.
    pub async fn forget_person(&self, person: PersonId) -> Result<u64, OrderError> {
        let orders = order::Entity::find().filter(order::Column::PersonId.eq(person.as_uuid()));
        self.blank_all(of_orders(orders)).await
    }

    /// How many vouchers from before `before` still name somebody.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn count_old_vouchers(&self, before: Timestamp) -> Result<u64, OrderError> {
        let old = with_names().filter(Column::IssuedAtMs.lt(before.as_millis()));
        Ok(old.count(&self.db).await?)
    }

    /// Blanks up to `limit` vouchers from before `before`, and says how many.
    ///
    /// # Errors
    /// As [`Orders::forget_person`].
    pub async fn forget_old_vouchers(
        &self,
        before: Timestamp,
        limit: u64,
    ) -> Result<u64, OrderError> {
        self.blank(with_names().filter(Column::IssuedAtMs.lt(before.as_millis())), limit).await
    }

    async fn blank_all(&self, which: Select<Entity>) -> Result<u64, OrderError> {
        let mut blanked = 0;
        loop {
            let done = self.blank(which.clone(), BATCH).await?;
            blanked += done;
            if done < BATCH {
                return Ok(blanked);
            }
        }
    }

    async fn blank(&self, which: Select<Entity>, limit: u64) -> Result<u64, OrderError> {
        let txn = begin_write(&self.db).await?;
        let rows = which.limit(limit).all(&txn).await?;
        let mut blanked = 0;
        for row in rows {
            let change = blank_row(self, row)?;
            change.update(&txn).await?;
            blanked += 1;
        }
        txn.commit().await?;
        Ok(blanked)
    }
}

fn blank_row(orders: &Orders, row: Model) -> Result<ActiveModel, OrderError> {
    let unreadable =
        || OrderError::Row { table: "vouchers", column: "content", row: row.serial.clone() };
    let (_, content) = orders.read_voucher(row.clone())?;
    let content = serde_json::to_value(without_names(content)).map_err(|_| unreadable())?;
    let content = canonical(&content);
    Ok(ActiveModel {
        id: Set(row.id),
        blanked_digest: Set(Some(digest(&content))),
        content: Set(content),
        ..Default::default()
    })
}

fn without_names(content: VoucherContent) -> VoucherContent {
    let lines = content.lines.into_iter().map(|mut line| {
        (line.base, line.tier_no) = (None, None);
        line.components = without_rates(&line.components);
        line
    });
    VoucherContent {
        insured_name: NOBODY.to_owned(),
        insured_number: NOBODY.to_owned(),
        payer_name: None,
        lines: lines.collect(),
        ..content
    }
}
