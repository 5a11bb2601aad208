//! The rows of cases.

use kernel::{CaseId, OrderId, Timestamp};
use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DatabaseTransaction, QueryOrder, QuerySelect,
    TryInsertResult, entity::prelude::*, sea_query::Expr,
};
use uuid::Uuid;

use super::{Case, CaseKind, Doubt, News, closing::Closed};
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
    /// Every closing by a person, oldest first.
    pub closings_json: Option<String>,
}
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Whether the case is new, or open again.
pub(super) async fn insert(
    txn: &DatabaseTransaction,
    doubt: Doubt,
    id: CaseId,
    news: News,
    now: Timestamp,
) -> Result<bool, OrderError> {
    let subject = super::subject(doubt.kind, &doubt.subject);
    let evidence = doubt.evidence.to_string();
    let (channel, merchant) = doubt.account.unzip();
    let row = ActiveModel {
        id: Set(id.as_uuid()),
        kind: Set(doubt.kind.code().to_owned()),
        subject: Set(subject.clone()),
        order_id: Set(doubt.order.map(OrderId::as_uuid)),
        channel: Set(channel.map(|channel| channel.code().to_owned())),
        merchant_key: Set(merchant.map(|merchant| merchant.to_string())),
        amount_fen: Set(doubt.amount.map(kernel::Fen::get)),
        evidence_json: Set(evidence.clone()),
        opened_at_ms: Set(now.as_millis()),
        closed_at_ms: Set(None),
        closings_json: Set(None),
    };
    let inserted = Entity::insert(row)
        .on_conflict_do_nothing_on([Column::Subject])
        .exec_without_returning(txn)
        .await?;
    if matches!(inserted, TryInsertResult::Inserted(1)) {
        return Ok(true);
    }
    if news == News::Once {
        return Ok(false);
    }
    let again = Entity::update_many()
        .col_expr(Column::ClosedAtMs, Expr::value(Option::<i64>::None))
        .col_expr(Column::OpenedAtMs, Expr::value(now.as_millis()))
        .col_expr(Column::EvidenceJson, Expr::value(evidence))
        .filter(Column::Subject.eq(subject))
        .filter(Column::ClosedAtMs.is_not_null())
        .exec(txn)
        .await?;
    Ok(again.rows_affected == 1)
}

/// The open case of this id, held for this transaction.
pub(super) async fn find_open(
    txn: &DatabaseTransaction,
    id: CaseId,
) -> Result<Option<Case>, OrderError> {
    let row =
        Entity::find_by_id(id.as_uuid()).filter(Column::ClosedAtMs.is_null()).one(txn).await?;
    row.map(case).transpose()
}

/// Closes an open case and keeps what was said; `false` when somebody was faster.
pub(super) async fn close_by_hand(
    txn: &DatabaseTransaction,
    id: CaseId,
    closed: &Closed,
) -> Result<bool, OrderError> {
    let Some(row) = Entity::find_by_id(id.as_uuid()).one(txn).await? else { return Ok(false) };
    let mut closings: Vec<Closed> = match &row.closings_json {
        Some(json) => serde_json::from_str(json).map_err(|_| OrderError::Row {
            table: "cases",
            column: "closings_json",
            row: row.id.to_string(),
        })?,
        None => Vec::new(),
    };
    closings.push(closed.clone());
    let json = serde_json::to_string(&closings).unwrap_or_default();
    let done = Entity::update_many()
        .col_expr(Column::ClosedAtMs, Expr::value(closed.at.as_millis()))
        .col_expr(Column::ClosingsJson, Expr::value(json))
        .filter(Column::Id.eq(id.as_uuid()))
        .filter(Column::ClosedAtMs.is_null())
        .exec(txn)
        .await?;
    Ok(done.rows_affected == 1)
}

/// The kinds of an order's open cases.
pub(super) async fn open_kinds(
    txn: &DatabaseTransaction,
    order: OrderId,
) -> Result<Vec<CaseKind>, OrderError> {
    let rows = Entity::find()
        .filter(Column::OrderId.eq(order.as_uuid()))
        .filter(Column::ClosedAtMs.is_null())
        .all(txn)
        .await?;
    rows.into_iter().map(|row| case(row).map(|case| case.kind)).collect()
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
    rows.into_iter().map(case).collect()
}

fn case(row: Model) -> Result<Case, OrderError> {
    let (table, id) = ("cases", row.id);
    Ok(Case {
        id: CaseId::from_uuid(id),
        kind: read(table, "kind", id, &row.kind)?,
        subject: row.subject,
        order: row.order_id.map(OrderId::from_uuid),
        amount: row.amount_fen.map(|fen| read_fen(table, "amount_fen", id, fen)).transpose()?,
        evidence: read(table, "evidence_json", id, &row.evidence_json)?,
        opened_at: Timestamp::from_millis(row.opened_at_ms),
    })
}
