//! The rows of cases.

use kernel::{CaseId, OrderId, Timestamp};
use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DatabaseTransaction, QueryOrder, QuerySelect,
    TryInsertResult, entity::prelude::*, sea_query::Expr,
};
use uuid::Uuid;

use super::{Case, Doubt};
use crate::{
    OrderError,
    error::{read, read_fen},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cases")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub kind: String,
    pub subject: String,
    pub order_id: Option<Uuid>,
    pub channel: Option<String>,
    pub merchant_key: Option<String>,
    pub amount_fen: Option<i64>,
    pub evidence_json: String,
    pub opened_at_ms: i64,
    pub closed_at_ms: Option<i64>,
}
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Whether the case is new.
pub(super) async fn insert(
    txn: &DatabaseTransaction,
    doubt: Doubt,
    id: CaseId,
    now: Timestamp,
) -> Result<bool, OrderError> {
    let (channel, merchant) = doubt.account.unzip();
    let row = ActiveModel {
        id: Set(id.as_uuid()),
        kind: Set(doubt.kind.code().to_owned()),
        subject: Set(super::subject(doubt.kind, &doubt.subject)),
        order_id: Set(doubt.order.map(OrderId::as_uuid)),
        channel: Set(channel.map(|channel| channel.code().to_owned())),
        merchant_key: Set(merchant.map(|merchant| merchant.to_string())),
        amount_fen: Set(doubt.amount.map(kernel::Fen::get)),
        evidence_json: Set(doubt.evidence.to_string()),
        opened_at_ms: Set(now.as_millis()),
        closed_at_ms: Set(None),
    };
    let inserted = Entity::insert(row)
        .on_conflict_do_nothing_on([Column::Subject])
        .exec_without_returning(txn)
        .await?;
    Ok(matches!(inserted, TryInsertResult::Inserted(1)))
}

pub(super) async fn close(
    txn: &DatabaseTransaction,
    subject: &str,
    now: Timestamp,
) -> Result<(), OrderError> {
    Entity::update_many()
        .col_expr(Column::ClosedAtMs, Expr::value(now.as_millis()))
        .filter(Column::Subject.eq(subject))
        .filter(Column::ClosedAtMs.is_null())
        .exec(txn)
        .await?;
    Ok(())
}

pub(super) async fn count_open(db: &impl ConnectionTrait) -> Result<u64, OrderError> {
    Ok(Entity::find().filter(Column::ClosedAtMs.is_null()).count(db).await?)
}

pub(super) async fn list_open(
    db: &impl ConnectionTrait,
    limit: u64,
) -> Result<Vec<Case>, OrderError> {
    let rows = Entity::find()
        .filter(Column::ClosedAtMs.is_null())
        .order_by_asc(Column::OpenedAtMs)
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    rows.into_iter()
        .map(|row| {
            let (table, id) = ("cases", row.id);
            Ok(Case {
                id: CaseId::from_uuid(id),
                kind: read(table, "kind", id, &row.kind)?,
                subject: row.subject,
                order: row.order_id.map(OrderId::from_uuid),
                amount: row
                    .amount_fen
                    .map(|fen| read_fen(table, "amount_fen", id, fen))
                    .transpose()?,
                evidence: read(table, "evidence_json", id, &row.evidence_json)?,
                opened_at: Timestamp::from_millis(row.opened_at_ms),
            })
        })
        .collect()
}
