//! The rows of postings: one per bill of a paid order.

use std::str::FromStr;

use agency::{Objection, Posted};
use kernel::{
    AgencyCode, BillKind, BillNo, Entropy, Fen, OrderId, PaymentId, PostingId, Timestamp,
    UnknownWord,
};
use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DatabaseTransaction, QueryOrder, entity::prelude::*,
    sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    BillKey, OrderError,
    error::{exactly_one, read, read_fen},
    order::table::FrozenBill,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "postings")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub order_id: Uuid,
    pub payment_id: Uuid,
    pub agency_code: String,
    pub bill_no: String,
    pub amount_fen: i64,
    pub state: String,
    pub agency_serial: Option<String>,
    pub posted_at_ms: Option<i64>,
    pub objection: Option<String>,
    pub take_back_reason: Option<String>,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
    pub kind: String,
}
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Where the agency's booking of one bill stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PostingState {
    Pending,
    Posted,
    /// The agency definitely does not take the money.
    Refused,
    /// A person wants the money back: the agency is asked to undo the booking, if there is one.
    TakingBack,
    /// Not booked any more, or never, and never will be; the money goes back through the channel.
    TakenBack,
    /// The agency paid the person back by its own procedure (社保退费), out of what was booked.
    AgencyRefunded,
}

impl PostingState {
    pub const ALL: [PostingState; 6] = [
        PostingState::Pending,
        PostingState::Posted,
        PostingState::Refused,
        PostingState::TakingBack,
        PostingState::TakenBack,
        PostingState::AgencyRefunded,
    ];

    pub const fn code(self) -> &'static str {
        match self {
            PostingState::Pending => "pending",
            PostingState::Posted => "posted",
            PostingState::Refused => "refused",
            PostingState::TakingBack => "taking_back",
            PostingState::TakenBack => "taken_back",
            PostingState::AgencyRefunded => "agency_refunded",
        }
    }

    /// Whether it is not decided yet where the money goes.
    pub const fn is_open(self) -> bool {
        matches!(self, PostingState::Pending | PostingState::TakingBack)
    }

    /// Whether the agency had the money for good.
    pub const fn is_booked(self) -> bool {
        matches!(self, PostingState::Posted | PostingState::AgencyRefunded)
    }
}

impl FromStr for PostingState {
    type Err = UnknownWord;
    fn from_str(code: &str) -> Result<PostingState, UnknownWord> {
        let expected = "pending posted refused taking_back taken_back agency_refunded";
        PostingState::ALL
            .into_iter()
            .find(|state| state.code() == code)
            .ok_or(UnknownWord { list: "PostingState", expected })
    }
}

/// The agency's booking (入账) of one bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    pub id: PostingId,
    pub order: OrderId,
    pub payment: PaymentId,
    pub agency: AgencyCode,
    pub bill_no: BillNo,
    pub amount: Fen,
    /// When its money was recorded.
    pub(crate) created_at: Timestamp,
    /// What the money is for.
    pub kind: BillKind,
    pub state: PostingState,
    /// The booking, also when it was undone later.
    pub posted: Option<Posted>,
    /// Why the agency refuses; of a pending one, what it said and has to confirm.
    pub objection: Option<Objection>,
    /// Why a person wants it undone. Names nobody.
    pub(crate) take_back_reason: Option<String>,
}

impl Posting {
    /// Whether a person may still ask for its money: it waits for the agency, or the agency has it and
    /// can give it up. The holder of a card may have spent what was booked on it.
    pub(crate) fn can_be_taken_back(&self) -> bool {
        match self.state {
            PostingState::Pending => true,
            PostingState::Posted => self.kind.is_premium(),
            PostingState::Refused
            | PostingState::TakingBack
            | PostingState::TakenBack
            | PostingState::AgencyRefunded => false,
        }
    }

    pub(crate) fn bill(&self) -> BillKey {
        BillKey { agency: self.agency.clone(), bill_no: self.bill_no.clone() }
    }
}

impl TryFrom<Model> for Posting {
    type Error = OrderError;
    fn try_from(row: Model) -> Result<Posting, OrderError> {
        let (table, id) = ("postings", row.id);
        let posted = match (row.agency_serial, row.posted_at_ms) {
            (Some(agency_serial), Some(at)) => {
                Some(Posted { agency_serial, posted_at: Timestamp::from_millis(at) })
            }
            _ => None,
        };
        let unreadable = || OrderError::Row { table, column: "objection", row: id.to_string() };
        let objection = row
            .objection
            .map(|code| Objection::from_code(&code).ok_or_else(unreadable))
            .transpose()?;
        Ok(Posting {
            id: PostingId::from_uuid(id),
            order: OrderId::from_uuid(row.order_id),
            payment: PaymentId::from_uuid(row.payment_id),
            agency: read(table, "agency_code", id, &row.agency_code)?,
            bill_no: read(table, "bill_no", id, &row.bill_no)?,
            amount: read_fen(table, "amount_fen", id, row.amount_fen)?,
            created_at: Timestamp::from_millis(row.created_at_ms),
            kind: read(table, "kind", id, &row.kind)?,
            state: read(table, "state", id, &row.state)?,
            posted,
            objection,
            take_back_reason: row.take_back_reason,
        })
    }
}

/// Writes down that a bill of a paid order waits for the agency.
pub(crate) async fn insert(
    txn: &DatabaseTransaction,
    order: OrderId,
    payment: PaymentId,
    frozen: &FrozenBill,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<PostingId, OrderError> {
    let id = PostingId::generate(now, entropy);
    ActiveModel {
        id: Set(id.as_uuid()),
        order_id: Set(order.as_uuid()),
        payment_id: Set(payment.as_uuid()),
        agency_code: Set(frozen.agency.to_string()),
        bill_no: Set(frozen.bill.bill_no.to_string()),
        amount_fen: Set(frozen.bill.amount.get()),
        state: Set(PostingState::Pending.code().to_owned()),
        agency_serial: Set(None),
        posted_at_ms: Set(None),
        objection: Set(None),
        take_back_reason: Set(None),
        created_at_ms: Set(now.as_millis()),
        updated_at_ms: Set(now.as_millis()),
        kind: Set(frozen.kind.code().to_owned()),
    }
    .insert(txn)
    .await?;
    Ok(id)
}

pub(crate) async fn find(db: &impl ConnectionTrait, id: PostingId) -> Result<Posting, OrderError> {
    Entity::find_by_id(id.as_uuid()).one(db).await?.ok_or(OrderError::NotFound)?.try_into()
}

pub(crate) async fn of_order(
    db: &impl ConnectionTrait,
    order: OrderId,
) -> Result<Vec<Posting>, OrderError> {
    let rows = Entity::find()
        .filter(Column::OrderId.eq(order.as_uuid()))
        .order_by_asc(Column::Id)
        .all(db)
        .await?;
    rows.into_iter().map(Posting::try_from).collect()
}

/// Whether the agency booked the bill for another order, and has not given it up since.
pub(crate) async fn is_booked_elsewhere(
    db: &impl ConnectionTrait,
    order: OrderId,
    frozen: &FrozenBill,
) -> Result<bool, OrderError> {
    let held = [PostingState::Posted, PostingState::TakingBack].map(PostingState::code);
    let booked = Entity::find()
        .filter(Column::BillNo.eq(frozen.bill.bill_no.as_str()))
        .filter(Column::AgencyCode.eq(frozen.agency.as_str()))
        .filter(Column::OrderId.ne(order.as_uuid()))
        .filter(Column::State.is_in(held))
        .filter(Column::AgencySerial.is_not_null())
        .count(db)
        .await?;
    Ok(booked > 0)
}

/// The booking, wherever the posting stands.
pub(crate) async fn set_booking(
    txn: &DatabaseTransaction,
    id: PostingId,
    posted: &Posted,
    now: Timestamp,
) -> Result<(), OrderError> {
    let booking = Entity::update_many()
        .col_expr(Column::AgencySerial, Expr::value(posted.agency_serial.as_str()))
        .col_expr(Column::PostedAtMs, Expr::value(posted.posted_at.as_millis()));
    update(txn, id, booking, now).await
}

/// What the agency said, while it is not believed yet.
pub(crate) async fn set_objection(
    txn: &DatabaseTransaction,
    id: PostingId,
    objection: Objection,
    now: Timestamp,
) -> Result<(), OrderError> {
    let heard = Entity::update_many().col_expr(Column::Objection, Expr::value(objection.code()));
    update(txn, id, heard, now).await
}

pub(crate) async fn set_refused(
    txn: &DatabaseTransaction,
    id: PostingId,
    objection: Objection,
    now: Timestamp,
) -> Result<(), OrderError> {
    let refusal = Entity::update_many()
        .col_expr(Column::State, Expr::value(PostingState::Refused.code()))
        .col_expr(Column::Objection, Expr::value(objection.code()))
        .filter(Column::State.eq(PostingState::Pending.code()));
    update(txn, id, refusal, now).await
}

pub(crate) async fn set_taking_back(
    txn: &DatabaseTransaction,
    id: PostingId,
    reason: &str,
    now: Timestamp,
) -> Result<(), OrderError> {
    let wish = Entity::update_many()
        .col_expr(Column::State, Expr::value(PostingState::TakingBack.code()))
        .col_expr(Column::TakeBackReason, Expr::value(reason));
    update(txn, id, wish, now).await
}

pub(crate) async fn set_state(
    txn: &DatabaseTransaction,
    id: PostingId,
    state: PostingState,
    now: Timestamp,
) -> Result<(), OrderError> {
    let change = Entity::update_many().col_expr(Column::State, Expr::value(state.code()));
    update(txn, id, change, now).await
}

async fn update(
    txn: &DatabaseTransaction,
    id: PostingId,
    change: sea_orm::UpdateMany<Entity>,
    now: Timestamp,
) -> Result<(), OrderError> {
    let done = change
        .col_expr(Column::UpdatedAtMs, Expr::value(now.as_millis()))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(txn)
        .await?;
    exactly_one("postings", id, done.rows_affected)
}
