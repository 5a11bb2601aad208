//! The rows of payments.

use std::str::FromStr;

use kernel::{Channel, Fen, MerchantKey, OrderId, OutTradeNo, PaymentId, Timestamp, UnknownWord};
use people::Sealed;
use platforms::Refused;
use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, DatabaseTransaction, QueryOrder,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use crate::{
    OrderError,
    error::{exactly_one, read, read_fen},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payments")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub order_id: Uuid,
    pub channel: String,
    pub merchant_key: String,
    pub merchant_id: String,
    pub app_id: String,
    pub out_trade_no: String,
    pub amount_fen: i64,
    pub request_sealed: Vec<u8>,
    pub key_id: String,
    pub state: String,
    pub token: Option<String>,
    pub token_at_ms: Option<i64>,
    pub transaction_id: Option<String>,
    pub paid_at_ms: Option<i64>,
    pub told: Option<String>,
    pub refusal: Option<String>,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
    pub create_tried_at_ms: i64,
    pub create_doubts: i32,
}
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Where one attempt to collect stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PaymentState {
    /// Written down; the channel may or may not know the number.
    Prepared,
    /// The channel waits for the citizen.
    Open,
    /// The money is here.
    Paid,
    /// Can not be paid any more and was not.
    Closed,
    /// The channel did not accept the request.
    Refused,
    /// The channel does not know the number, and nobody waits for it here. What it cannot know for
    /// certain, it is asked about for two days more.
    GivenUp,
}

impl PaymentState {
    pub const ALL: [PaymentState; 6] = [
        PaymentState::Prepared,
        PaymentState::Open,
        PaymentState::Paid,
        PaymentState::Closed,
        PaymentState::Refused,
        PaymentState::GivenUp,
    ];

    pub const fn code(self) -> &'static str {
        match self {
            PaymentState::Prepared => "prepared",
            PaymentState::Open => "open",
            PaymentState::Paid => "paid",
            PaymentState::Closed => "closed",
            PaymentState::Refused => "refused",
            PaymentState::GivenUp => "given_up",
        }
    }

    /// Whether money may still come for this number in the ordinary way.
    pub const fn is_open(self) -> bool {
        matches!(self, PaymentState::Prepared | PaymentState::Open)
    }

    /// Whether the channel has still to say what became of the number.
    pub const fn is_asked_about(self) -> bool {
        self.is_open() || matches!(self, PaymentState::GivenUp)
    }
}

impl FromStr for PaymentState {
    type Err = UnknownWord;
    fn from_str(code: &str) -> Result<PaymentState, UnknownWord> {
        let expected = "prepared open paid closed refused given_up";
        PaymentState::ALL
            .into_iter()
            .find(|state| state.code() == code)
            .ok_or(UnknownWord { list: "PaymentState", expected })
    }
}

/// Why a channel did not accept a request, as far as it matters to a citizen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// This account may not pay it.
    Payer,
    /// Above a limit of the channel: parts may pass.
    Limit,
    /// The payer has not enough money.
    Balance,
    Other,
}

impl Refusal {
    pub const ALL: [Refusal; 4] =
        [Refusal::Payer, Refusal::Limit, Refusal::Balance, Refusal::Other];

    /// What a refused request to collect says. Of such a request the balance is the payer's.
    pub(crate) const fn of(refused: &Refused) -> Refusal {
        match refused {
            Refused::Payer | Refused::PayerIdKind => Refusal::Payer,
            Refused::Limit => Refusal::Limit,
            Refused::NotEnough => Refusal::Balance,
            Refused::AlreadyPaid
            | Refused::Closed
            | Refused::ParametersChanged
            | Refused::NotFound
            | Refused::Other(_) => Refusal::Other,
        }
    }

    pub const fn code(self) -> &'static str {
        match self {
            Refusal::Payer => "payer",
            Refusal::Limit => "limit",
            Refusal::Balance => "balance",
            Refusal::Other => "other",
        }
    }
}

impl FromStr for Refusal {
    type Err = UnknownWord;
    fn from_str(code: &str) -> Result<Refusal, UnknownWord> {
        Refusal::ALL
            .into_iter()
            .find(|refusal| refusal.code() == code)
            .ok_or(UnknownWord { list: "Refusal", expected: "payer limit balance other" })
    }
}

/// One attempt to collect an order through one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    pub id: PaymentId,
    pub order: OrderId,
    pub channel: Channel,
    pub merchant: MerchantKey,
    pub merchant_id: String,
    pub app_id: String,
    pub out_trade_no: OutTradeNo,
    pub amount: Fen,
    pub state: PaymentState,
    pub token: Option<String>,
    pub token_at: Option<Timestamp>,
    pub transaction_id: Option<String>,
    pub paid_at: Option<Timestamp>,
    /// Why the channel did not accept the request, where it did not and said so.
    pub refusal: Option<Refusal>,
    pub created_at: Timestamp,
    /// When the channel was last asked to create it.
    pub(crate) create_tried_at: Timestamp,
    /// How many create calls may have reached the channel and told nothing, the present one included.
    pub(crate) create_doubts: i32,
    pub(crate) request: Sealed,
}

impl TryFrom<Model> for Payment {
    type Error = OrderError;
    fn try_from(row: Model) -> Result<Payment, OrderError> {
        let (table, id) = ("payments", row.id);
        Ok(Payment {
            id: PaymentId::from_uuid(id),
            order: OrderId::from_uuid(row.order_id),
            channel: read(table, "channel", id, &row.channel)?,
            merchant: read(table, "merchant_key", id, &row.merchant_key)?,
            merchant_id: row.merchant_id,
            app_id: row.app_id,
            out_trade_no: read(table, "out_trade_no", id, &row.out_trade_no)?,
            amount: read_fen(table, "amount_fen", id, row.amount_fen)?,
            state: read(table, "state", id, &row.state)?,
            token: row.token,
            token_at: row.token_at_ms.map(Timestamp::from_millis),
            transaction_id: row.transaction_id,
            paid_at: row.paid_at_ms.map(Timestamp::from_millis),
            refusal: row.refusal.map(|code| read(table, "refusal", id, &code)).transpose()?,
            created_at: Timestamp::from_millis(row.created_at_ms),
            create_tried_at: Timestamp::from_millis(row.create_tried_at_ms),
            create_doubts: row.create_doubts,
            request: Sealed { key_id: row.key_id, bytes: row.request_sealed },
        })
    }
}

pub(crate) async fn insert(txn: &DatabaseTransaction, payment: &Payment) -> Result<(), OrderError> {
    ActiveModel {
        id: Set(payment.id.as_uuid()),
        order_id: Set(payment.order.as_uuid()),
        channel: Set(payment.channel.code().to_owned()),
        merchant_key: Set(payment.merchant.to_string()),
        merchant_id: Set(payment.merchant_id.clone()),
        app_id: Set(payment.app_id.clone()),
        out_trade_no: Set(payment.out_trade_no.to_string()),
        amount_fen: Set(payment.amount.get()),
        request_sealed: Set(payment.request.bytes.clone()),
        key_id: Set(payment.request.key_id.clone()),
        state: Set(payment.state.code().to_owned()),
        token: Set(None),
        token_at_ms: Set(None),
        transaction_id: Set(None),
        paid_at_ms: Set(None),
        told: Set(None),
        refusal: Set(None),
        created_at_ms: Set(payment.created_at.as_millis()),
        updated_at_ms: Set(payment.created_at.as_millis()),
        create_tried_at_ms: Set(payment.create_tried_at.as_millis()),
        create_doubts: Set(payment.create_doubts),
    }
    .insert(txn)
    .await?;
    Ok(())
}

pub(crate) async fn find(db: &impl ConnectionTrait, id: PaymentId) -> Result<Payment, OrderError> {
    Entity::find_by_id(id.as_uuid()).one(db).await?.ok_or(OrderError::NotFound)?.try_into()
}

pub(crate) async fn find_by_number(
    db: &impl ConnectionTrait,
    channel: Channel,
    merchant: &MerchantKey,
    out_trade_no: &str,
) -> Result<Option<Payment>, OrderError> {
    let row = Entity::find()
        .filter(Column::Channel.eq(channel.code()))
        .filter(Column::MerchantKey.eq(merchant.as_str()))
        .filter(Column::OutTradeNo.eq(out_trade_no))
        .one(db)
        .await?;
    row.map(Payment::try_from).transpose()
}

/// Whether any attempt was paid by the fact's transaction.
pub(crate) async fn is_paid_by(
    db: &impl ConnectionTrait,
    fact: &platforms::PaymentFact,
) -> Result<bool, OrderError> {
    Ok(paid_by(fact).one(db).await?.is_some())
}

/// Whether another attempt was paid by the fact's transaction.
pub(crate) async fn transaction_is_known(
    db: &impl ConnectionTrait,
    fact: &platforms::PaymentFact,
    id: PaymentId,
) -> Result<bool, OrderError> {
    Ok(paid_by(fact).filter(Column::Id.ne(id.as_uuid())).one(db).await?.is_some())
}

fn paid_by(fact: &platforms::PaymentFact) -> sea_orm::Select<Entity> {
    Entity::find()
        .filter(Column::Channel.eq(fact.channel().code()))
        .filter(Column::TransactionId.eq(fact.transaction_id()))
}

/// All attempts of an order, oldest first.
pub(crate) async fn of_order(
    db: &impl ConnectionTrait,
    order: OrderId,
) -> Result<Vec<Payment>, OrderError> {
    let rows = Entity::find()
        .filter(Column::OrderId.eq(order.as_uuid()))
        .order_by_asc(Column::Id)
        .all(db)
        .await?;
    rows.into_iter().map(Payment::try_from).collect()
}

pub(crate) async fn set_state(
    txn: &DatabaseTransaction,
    id: PaymentId,
    state: PaymentState,
    now: Timestamp,
) -> Result<(), OrderError> {
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value(state.code()))
        .col_expr(Column::UpdatedAtMs, Expr::value(now.as_millis()))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(txn)
        .await?;
    exactly_one("payments", id, done.rows_affected)
}

/// Writes down that the channel is about to be asked once more to create the attempt.
pub(crate) async fn begin_create(
    txn: &DatabaseTransaction,
    id: PaymentId,
    now: Timestamp,
) -> Result<(), OrderError> {
    let done = Entity::update_many()
        .col_expr(Column::CreateTriedAtMs, Expr::value(now.as_millis()))
        .col_expr(Column::CreateDoubts, Expr::col(Column::CreateDoubts).add(1))
        .col_expr(Column::UpdatedAtMs, Expr::value(now.as_millis()))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(txn)
        .await?;
    exactly_one("payments", id, done.rows_affected)
}

/// Writes down that one create call certainly did not create the attempt.
pub(crate) async fn end_create(
    txn: &DatabaseTransaction,
    id: PaymentId,
    now: Timestamp,
) -> Result<(), OrderError> {
    let done = Entity::update_many()
        .col_expr(Column::CreateDoubts, Expr::col(Column::CreateDoubts).sub(1))
        .col_expr(Column::UpdatedAtMs, Expr::value(now.as_millis()))
        .filter(Column::Id.eq(id.as_uuid()))
        .filter(Column::CreateDoubts.gt(0))
        .exec(txn)
        .await?;
    exactly_one("payments", id, done.rows_affected)
}

/// The channel did not accept the request.
pub(crate) async fn set_refused(
    txn: &DatabaseTransaction,
    id: PaymentId,
    refusal: Refusal,
    now: Timestamp,
) -> Result<(), OrderError> {
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value(PaymentState::Refused.code()))
        .col_expr(Column::Refusal, Expr::value(refusal.code()))
        .col_expr(Column::UpdatedAtMs, Expr::value(now.as_millis()))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(txn)
        .await?;
    exactly_one("payments", id, done.rows_affected)
}

/// Keeps what opens the wallet. An attempt that was ended before its answer came can be paid at the
/// channel all the same, so it is asked about from then on.
pub(crate) async fn set_token(
    txn: &DatabaseTransaction,
    payment: &Payment,
    token: &str,
    now: Timestamp,
) -> Result<(), OrderError> {
    let state = match payment.state {
        PaymentState::Prepared | PaymentState::Open => PaymentState::Open,
        PaymentState::Paid => PaymentState::Paid,
        PaymentState::Closed | PaymentState::Refused | PaymentState::GivenUp => {
            PaymentState::GivenUp
        }
    };
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value(state.code()))
        .col_expr(Column::Token, Expr::value(token))
        .col_expr(Column::TokenAtMs, Expr::value(now.as_millis()))
        .col_expr(Column::UpdatedAtMs, Expr::value(now.as_millis()))
        .filter(Column::Id.eq(payment.id.as_uuid()))
        .exec(txn)
        .await?;
    exactly_one("payments", payment.id, done.rows_affected)
}

/// Marks the attempt as paid. `UNIQUE (channel, transaction_id)` is the last judge.
pub(crate) async fn set_paid(
    txn: &DatabaseTransaction,
    id: PaymentId,
    fact: &platforms::PaymentFact,
    now: Timestamp,
) -> Result<(), OrderError> {
    let told = match fact.told() {
        platforms::Told::Notification => "notification",
        platforms::Told::Query => "query",
    };
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value(PaymentState::Paid.code()))
        .col_expr(Column::TransactionId, Expr::value(fact.transaction_id()))
        .col_expr(Column::PaidAtMs, Expr::value(fact.paid_at().as_millis()))
        .col_expr(Column::Told, Expr::value(told))
        .col_expr(Column::UpdatedAtMs, Expr::value(now.as_millis()))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(txn)
        .await?;
    exactly_one("payments", id, done.rows_affected)
}
