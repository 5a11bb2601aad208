//! The rows of official documents.

use std::collections::HashSet;

use kernel::{AccountId, DocumentId, OrderId, PostingId, Timestamp};
use migrations::begin_write;
use people::Sealed;
use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, DatabaseConnection, QueryOrder, QuerySelect, QueryTrait,
    entity::prelude::*,
    sea_query::{Expr, OnConflict},
};
use uuid::Uuid;

use super::StoredDocument;
use crate::{
    OrderError, Orders, Posting,
    error::{exactly_one, read},
    order::table::order,
};

#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "official_documents")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub order_id: Uuid,
    pub posting_id: Uuid,
    pub agency_code: String,
    pub bill_no: String,
    pub agency_serial: String,
    pub media_type: String,
    pub digest: String,
    pub size_bytes: i64,
    pub content_sealed: Vec<u8>,
    pub key_id: String,
    pub fetched_at_ms: i64,
}
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "official_documents({}, {} bytes)", self.id, self.size_bytes)
    }
}

/// Binds the sealed bytes to their row.
pub(super) fn context(id: DocumentId) -> String {
    format!("official_documents.content:{id}")
}

fn stored(row: &Model) -> Result<StoredDocument, OrderError> {
    let (table, id) = ("official_documents", row.id);
    Ok(StoredDocument {
        id: DocumentId::from_uuid(id),
        agency: read(table, "agency_code", id, &row.agency_code)?,
        bill_no: read(table, "bill_no", id, &row.bill_no)?,
        agency_serial: row.agency_serial.clone(),
        media_type: row.media_type.clone(),
        digest: row.digest.clone(),
        size_bytes: u64::try_from(row.size_bytes).map_err(|_| OrderError::Row {
            table,
            column: "size_bytes",
            row: id.to_string(),
        })?,
        fetched_at: Timestamp::from_millis(row.fetched_at_ms),
    })
}

/// Stores a document unless its booking has one: the first that was received stays.
pub(super) async fn insert(
    db: &DatabaseConnection,
    posting: &Posting,
    document: &StoredDocument,
    sealed: Sealed,
) -> Result<(), OrderError> {
    let size = i64::try_from(document.size_bytes).unwrap_or(i64::MAX);
    let row = ActiveModel {
        id: Set(document.id.as_uuid()),
        order_id: Set(posting.order.as_uuid()),
        posting_id: Set(posting.id.as_uuid()),
        agency_code: Set(document.agency.to_string()),
        bill_no: Set(document.bill_no.to_string()),
        agency_serial: Set(document.agency_serial.clone()),
        media_type: Set(document.media_type.clone()),
        digest: Set(document.digest.clone()),
        size_bytes: Set(size),
        content_sealed: Set(sealed.bytes),
        key_id: Set(sealed.key_id),
        fetched_at_ms: Set(document.fetched_at.as_millis()),
    };
    let first_stays = OnConflict::column(Column::PostingId).do_nothing().to_owned();
    let txn = begin_write(db).await?;
    Entity::insert(row).on_conflict(first_stays).exec_without_returning(&txn).await?;
    txn.commit().await?;
    Ok(())
}

pub(super) async fn of_order(
    db: &impl ConnectionTrait,
    order: OrderId,
) -> Result<Vec<StoredDocument>, OrderError> {
    let rows = Entity::find()
        .filter(Column::OrderId.eq(order.as_uuid()))
        .order_by_asc(Column::Id)
        .all(db)
        .await?;
    rows.iter().map(stored).collect()
}

/// The documents of an account's orders that are here, with their orders.
pub(super) async fn of_account(
    db: &impl ConnectionTrait,
    account: AccountId,
    limit: u64,
) -> Result<Vec<(OrderId, StoredDocument)>, OrderError> {
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
    rows.iter().map(|row| Ok((OrderId::from_uuid(row.order_id), stored(row)?))).collect()
}

/// The bookings of an order whose documents are here.
pub(super) async fn postings_with(
    db: &impl ConnectionTrait,
    order: OrderId,
) -> Result<HashSet<PostingId>, OrderError> {
    let ids: Vec<Uuid> = Entity::find()
        .select_only()
        .column(Column::PostingId)
        .filter(Column::OrderId.eq(order.as_uuid()))
        .into_tuple()
        .all(db)
        .await?;
    Ok(ids.into_iter().map(PostingId::from_uuid).collect())
}

pub(super) async fn find(
    db: &impl ConnectionTrait,
    order: OrderId,
    id: DocumentId,
) -> Result<Option<(StoredDocument, Sealed)>, OrderError> {
    let row = Entity::find_by_id(id.as_uuid())
        .filter(Column::OrderId.eq(order.as_uuid()))
        .one(db)
        .await?;
    row.map(|row| Ok((stored(&row)?, Sealed { key_id: row.key_id, bytes: row.content_sealed })))
        .transpose()
}

impl Orders {
    /// Seals up to `limit` documents again under the current key.
    pub(crate) async fn renew_document_keys(&self, limit: u64) -> Result<u64, OrderError> {
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
            let context = context(DocumentId::from_uuid(row.id));
            let sealed = Sealed { key_id: row.key_id, bytes: row.content_sealed };
            let sealed = self.cipher.seal(&context, &self.cipher.open(&context, &sealed)?);
            let done = Entity::update_many()
                .col_expr(Column::ContentSealed, Expr::value(sealed.bytes))
                .col_expr(Column::KeyId, Expr::value(sealed.key_id))
                .filter(Column::Id.eq(row.id))
                .exec(&txn)
                .await?;
            exactly_one("official_documents", row.id, done.rows_affected)?;
            renewed += 1;
        }
        txn.commit().await?;
        Ok(renewed)
    }
}
