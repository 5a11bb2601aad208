//! The rows of vouchers and the counters of their numbers.

use kernel::{AccountId, CityCode, Month, OrderId, Timestamp, VoucherId};
use migrations::begin_write;
use people::Sealed;
use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, DatabaseTransaction, QueryOrder, QuerySelect, QueryTrait,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use uuid::Uuid;

use super::{Issued, VoucherContent, VoucherSerial};
use crate::{OrderError, Orders, error::exactly_one, order::table::order};

mod counter {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "voucher_counters")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub city_code: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub month: String,
        pub last: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "vouchers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub order_id: Uuid,
    pub serial: String,
    pub content: String,
    /// Of the content as it was issued.
    pub digest: String,
    pub code_sealed: Vec<u8>,
    pub key_id: String,
    pub issued_at_ms: i64,
    /// Of the content without names, since they are gone.
    pub blanked_digest: Option<String>,
}
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Even masked names stay out of logs.
impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "vouchers({})", self.serial)
    }
}

/// The next number of a city and month, counted from 1. Whoever asks at the same time waits until this
/// transaction ends, and gets this number when it is rolled back: PostgreSQL locks the counter's row,
/// SQLite has one writer.
pub(super) async fn next_number(
    txn: &DatabaseTransaction,
    city: &CityCode,
    month: Month,
) -> Result<i64, OrderError> {
    let (city, month) = (city.to_string(), month.to_string());
    let first = counter::ActiveModel {
        city_code: Set(city.clone()),
        month: Set(month.clone()),
        last: Set(1),
    };
    let last = Expr::col((counter::Entity, counter::Column::Last)).add(1);
    let count_on = OnConflict::columns([counter::Column::CityCode, counter::Column::Month])
        .value(counter::Column::Last, last)
        .to_owned();
    counter::Entity::insert(first).on_conflict(count_on).exec_without_returning(txn).await?;
    // The row is ours until the transaction ends.
    let row = counter::Entity::find_by_id((city.clone(), month)).one(txn).await?;
    row.map(|row| row.last).ok_or(OrderError::Row {
        table: "voucher_counters",
        column: "last",
        row: city,
    })
}

pub(super) async fn insert(
    txn: &DatabaseTransaction,
    (id, order): (VoucherId, OrderId),
    issued: &Issued,
    content: String,
    code: Sealed,
    now: Timestamp,
) -> Result<(), OrderError> {
    ActiveModel {
        id: Set(id.as_uuid()),
        order_id: Set(order.as_uuid()),
        serial: Set(issued.serial.to_string()),
        content: Set(content),
        digest: Set(issued.digest.clone()),
        code_sealed: Set(code.bytes),
        key_id: Set(code.key_id),
        issued_at_ms: Set(now.as_millis()),
        blanked_digest: Set(None),
    }
    .insert(txn)
    .await?;
    Ok(())
}

/// Vouchers of the account's orders, oldest first.
pub(super) async fn of_account(
    db: &impl ConnectionTrait,
    account: AccountId,
    limit: u64,
) -> Result<Vec<Model>, OrderError> {
    let orders = order::Entity::find()
        .select_only()
        .column(order::Column::Id)
        .filter(order::Column::AccountId.eq(account.as_uuid()))
        .into_query();
    let rows = Entity::find()
        .filter(Column::OrderId.in_subquery(orders))
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    Ok(rows)
}

pub(super) async fn of_order(
    db: &impl ConnectionTrait,
    order: OrderId,
) -> Result<Option<Model>, OrderError> {
    Ok(Entity::find().filter(Column::OrderId.eq(order.as_uuid())).one(db).await?)
}

pub(super) async fn by_serial(
    db: &impl ConnectionTrait,
    serial: &VoucherSerial,
) -> Result<Option<Model>, OrderError> {
    Ok(Entity::find().filter(Column::Serial.eq(serial.as_str())).one(db).await?)
}

impl Orders {
    /// Reads a row back. A row that is not what was issued, or what is left of it without names, is an
    /// error, never a voucher.
    pub(super) fn read_voucher(&self, row: Model) -> Result<(Issued, VoucherContent), OrderError> {
        let broken =
            |column| OrderError::Row { table: "vouchers", column, row: row.serial.clone() };
        let kept = row.blanked_digest.as_ref().unwrap_or(&row.digest);
        if super::content::digest(&row.content) != *kept {
            return Err(broken("digest"));
        }
        let content: VoucherContent =
            serde_json::from_str(&row.content).map_err(|_| broken("content"))?;
        let sealed = Sealed { key_id: row.key_id.clone(), bytes: row.code_sealed.clone() };
        let context = super::code::context(&row.serial, &row.digest);
        let issued = Issued {
            serial: VoucherSerial::parse(&row.serial).ok_or_else(|| broken("serial"))?,
            code: self.cipher.open_text(&context, &sealed)?,
            digest: row.digest.clone(),
        };
        Ok((issued, content))
    }

    /// Seals up to `limit` verification codes again under the current key.
    pub(crate) async fn renew_voucher_keys(&self, limit: u64) -> Result<u64, OrderError> {
        let txn = begin_write(&self.db).await?;
        let rows = Entity::find()
            .filter(Column::KeyId.ne(self.cipher.key_id()))
            .order_by_asc(Column::Id) // two renewals at once wait for each other, never in a circle
            .limit(limit)
            .lock_exclusive()
            .all(&txn)
            .await?;
        let mut renewed = 0;
        for row in rows {
            let context = super::code::context(&row.serial, &row.digest);
            let sealed = Sealed { key_id: row.key_id.clone(), bytes: row.code_sealed.clone() };
            let sealed = self.cipher.seal(&context, &self.cipher.open(&context, &sealed)?);
            let done = Entity::update_many()
                .col_expr(Column::CodeSealed, Expr::value(sealed.bytes))
                .col_expr(Column::KeyId, Expr::value(sealed.key_id))
                .filter(Column::Id.eq(row.id))
                .exec(&txn)
                .await?;
            exactly_one("vouchers", row.id, done.rows_affected)?;
            renewed += 1;
        }
        txn.commit().await?;
        Ok(renewed)
    }
}
