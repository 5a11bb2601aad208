//! The rows of the journal.

use kernel::{Fen, OrderId, PaymentId, Timestamp};
use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DatabaseTransaction, QueryOrder, QuerySelect,
    entity::prelude::*,
};
use uuid::Uuid;

use super::{Entry, JournalLine};
use crate::{
    OrderError, OrderState,
    error::{read, read_bill, read_fen},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "journal")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub order_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i32,
    pub at_ms: i64,
    pub event: String,
    pub from_state: String,
    pub to_state: String,
    pub debit: Option<String>,
    pub credit: Option<String>,
    pub amount_fen: Option<i64>,
    pub payment_id: Option<Uuid>,
    pub agency_code: Option<String>,
    pub bill_no: Option<String>,
}
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for JournalLine {
    type Error = OrderError;
    fn try_from(row: Model) -> Result<JournalLine, OrderError> {
        let (table, id) = ("journal", row.order_id);
        Ok(JournalLine {
            seq: row.seq,
            at: Timestamp::from_millis(row.at_ms),
            from: read(table, "from_state", id, &row.from_state)?,
            to: read(table, "to_state", id, &row.to_state)?,
            event: row.event,
            debit: row.debit,
            credit: row.credit,
            amount: row.amount_fen.map(|fen| read_fen(table, "amount_fen", id, fen)).transpose()?,
            payment: row.payment_id.map(PaymentId::from_uuid),
            bill: read_bill(table, id, row.agency_code.as_deref(), row.bill_no.as_deref())?,
        })
    }
}

/// Appends a line. The caller holds the order's row, so the numbers have no gaps and no doubles.
pub(super) async fn append(
    txn: &DatabaseTransaction,
    order: OrderId,
    event: &str,
    states: (OrderState, OrderState),
    entry: Option<&Entry>,
    now: Timestamp,
) -> Result<(), OrderError> {
    let last: Option<i32> = Entity::find()
        .filter(Column::OrderId.eq(order.as_uuid()))
        .select_only()
        .column_as(Column::Seq.max(), "last")
        .into_tuple::<Option<i32>>()
        .one(txn)
        .await?
        .flatten();
    let bill = entry.and_then(|entry| entry.bill.as_ref());
    ActiveModel {
        order_id: Set(order.as_uuid()),
        seq: Set(last.map_or(1, |last| last + 1)),
        at_ms: Set(now.as_millis()),
        event: Set(event.to_owned()),
        from_state: Set(states.0.code().to_owned()),
        to_state: Set(states.1.code().to_owned()),
        debit: Set(entry.map(|entry| entry.debit.clone())),
        credit: Set(entry.map(|entry| entry.credit.clone())),
        amount_fen: Set(entry.map(|entry| Fen::get(entry.amount))),
        payment_id: Set(entry.and_then(|entry| entry.payment).map(PaymentId::as_uuid)),
        agency_code: Set(bill.map(|bill| bill.agency.to_string())),
        bill_no: Set(bill.map(|bill| bill.bill_no.to_string())),
    }
    .insert(txn)
    .await?;
    Ok(())
}

pub(super) async fn of_order(
    db: &impl ConnectionTrait,
    order: OrderId,
) -> Result<Vec<JournalLine>, OrderError> {
    let rows = Entity::find()
        .filter(Column::OrderId.eq(order.as_uuid()))
        .order_by_asc(Column::Seq)
        .all(db)
        .await?;
    rows.into_iter().map(JournalLine::try_from).collect()
}
