//! The rows of refunds.

use std::str::FromStr;

use kernel::{Fen, OrderId, OutTradeNo, PaymentId, RefundId, Timestamp, UnknownWord};
use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DatabaseTransaction, QueryOrder, entity::prelude::*,
    sea_query::Expr,
};
use uuid::Uuid;

use super::RefundCause;
use crate::{
    BillKey, OrderError,
    error::{exactly_one, read, read_bill, read_fen},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refunds")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub order_id: Uuid,
    pub payment_id: Uuid,
    pub out_refund_no: String,
    pub amount_fen: i64,
    pub cause: String,
    pub agency_code: Option<String>,
    pub bill_no: Option<String>,
    pub request: String,
    pub state: String,
    pub refunded_at_ms: Option<i64>,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
}
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Where money on its way back stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefundState {
    /// Written down; the channel may or may not know it.
    Requested,
    /// The channel accepted it; the money is not back yet.
    Processing,
    Succeeded,
    /// The channel will not do it; the money is still ours to give back. A person looks.
    Failed,
    /// The channel closed this number for good, and another refund took its place.
    Replaced,
    /// The channel would not do it, and a person paid it back by other means.
    ReturnedByHand,
}

impl RefundState {
    pub const ALL: [RefundState; 6] = [
        RefundState::Requested,
        RefundState::Processing,
        RefundState::Succeeded,
        RefundState::Failed,
        RefundState::Replaced,
        RefundState::ReturnedByHand,
    ];

    pub const fn code(self) -> &'static str {
        match self {
            RefundState::Requested => "requested",
            RefundState::Processing => "processing",
            RefundState::Succeeded => "succeeded",
            RefundState::Failed => "failed",
            RefundState::Replaced => "replaced",
            RefundState::ReturnedByHand => "returned_by_hand",
        }
    }

    /// Whether its money is promised or back. A failed one is still owed.
    pub const fn counts(self) -> bool {
        !matches!(self, RefundState::Replaced)
    }

    /// Whether the payer has the money.
    pub const fn is_back(self) -> bool {
        matches!(self, RefundState::Succeeded | RefundState::ReturnedByHand)
    }

    /// Whether the channel's word is still awaited.
    pub const fn is_open(self) -> bool {
        matches!(self, RefundState::Requested | RefundState::Processing)
    }
}

impl FromStr for RefundState {
    type Err = UnknownWord;
    fn from_str(code: &str) -> Result<RefundState, UnknownWord> {
        let expected = "requested processing succeeded failed replaced returned_by_hand";
        RefundState::ALL
            .into_iter()
            .find(|state| state.code() == code)
            .ok_or(UnknownWord { list: "RefundState", expected })
    }
}

/// Money going back through the channel it came by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    pub id: RefundId,
    pub order: OrderId,
    pub payment: PaymentId,
    pub out_refund_no: OutTradeNo,
    pub amount: Fen,
    pub cause: RefundCause,
    /// The bill that it was for; none when a whole payment goes back.
    pub bill: Option<BillKey>,
    pub state: RefundState,
    pub refunded_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub(crate) request: String,
}

impl Refund {
    /// Whether its bytes are fixed. Without a merchant account they cannot be.
    pub(crate) fn is_prepared(&self) -> bool {
        !self.request.is_empty()
    }
}

impl TryFrom<Model> for Refund {
    type Error = OrderError;
    fn try_from(row: Model) -> Result<Refund, OrderError> {
        let (table, id) = ("refunds", row.id);
        Ok(Refund {
            id: RefundId::from_uuid(id),
            order: OrderId::from_uuid(row.order_id),
            payment: PaymentId::from_uuid(row.payment_id),
            out_refund_no: read(table, "out_refund_no", id, &row.out_refund_no)?,
            amount: read_fen(table, "amount_fen", id, row.amount_fen)?,
            cause: read(table, "cause", id, &row.cause)?,
            bill: read_bill(table, id, row.agency_code.as_deref(), row.bill_no.as_deref())?,
            state: read(table, "state", id, &row.state)?,
            refunded_at: row.refunded_at_ms.map(Timestamp::from_millis),
            created_at: Timestamp::from_millis(row.created_at_ms),
            request: row.request,
        })
    }
}

pub(crate) async fn insert(txn: &DatabaseTransaction, refund: &Refund) -> Result<(), OrderError> {
    ActiveModel {
        id: Set(refund.id.as_uuid()),
        order_id: Set(refund.order.as_uuid()),
        payment_id: Set(refund.payment.as_uuid()),
        out_refund_no: Set(refund.out_refund_no.to_string()),
        amount_fen: Set(refund.amount.get()),
        cause: Set(refund.cause.code().to_owned()),
        agency_code: Set(refund.bill.as_ref().map(|bill| bill.agency.to_string())),
        bill_no: Set(refund.bill.as_ref().map(|bill| bill.bill_no.to_string())),
        request: Set(refund.request.clone()),
        state: Set(refund.state.code().to_owned()),
        refunded_at_ms: Set(None),
        created_at_ms: Set(refund.created_at.as_millis()),
        updated_at_ms: Set(refund.created_at.as_millis()),
    }
    .insert(txn)
    .await?;
    Ok(())
}

pub(crate) async fn find(db: &impl ConnectionTrait, id: RefundId) -> Result<Refund, OrderError> {
    Entity::find_by_id(id.as_uuid()).one(db).await?.ok_or(OrderError::NotFound)?.try_into()
}

pub(crate) async fn find_by_number(
    db: &impl ConnectionTrait,
    out_refund_no: &str,
) -> Result<Option<Refund>, OrderError> {
    let row = Entity::find().filter(Column::OutRefundNo.eq(out_refund_no)).one(db).await?;
    row.map(Refund::try_from).transpose()
}

pub(crate) async fn of_order(
    db: &impl ConnectionTrait,
    order: OrderId,
) -> Result<Vec<Refund>, OrderError> {
    let rows = Entity::find()
        .filter(Column::OrderId.eq(order.as_uuid()))
        .order_by_asc(Column::Id)
        .all(db)
        .await?;
    rows.into_iter().map(Refund::try_from).collect()
}

/// Fixes the bytes of a refund that has none yet.
pub(crate) async fn set_request(
    txn: &DatabaseTransaction,
    id: RefundId,
    request: &str,
    now: Timestamp,
) -> Result<(), OrderError> {
    let done = Entity::update_many()
        .col_expr(Column::Request, Expr::value(request))
        .col_expr(Column::UpdatedAtMs, Expr::value(now.as_millis()))
        .filter(Column::Id.eq(id.as_uuid()))
        .filter(Column::Request.eq(""))
        .exec(txn)
        .await?;
    exactly_one("refunds", id, done.rows_affected)
}

pub(crate) async fn set_state(
    txn: &DatabaseTransaction,
    id: RefundId,
    state: RefundState,
    refunded_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), OrderError> {
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value(state.code()))
        .col_expr(Column::RefundedAtMs, Expr::value(refunded_at.map(Timestamp::as_millis)))
        .col_expr(Column::UpdatedAtMs, Expr::value(now.as_millis()))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(txn)
        .await?;
    exactly_one("refunds", id, done.rows_affected)
}
