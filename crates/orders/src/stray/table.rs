//! The rows of strays.

use kernel::{Channel, Fen, Timestamp};
use platforms::PaymentFact;
use sea_orm::{ActiveValue::Set, DatabaseTransaction, entity::prelude::*, sea_query::Expr};

use crate::OrderError;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "strays")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub channel: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub transaction_id: String,
    pub merchant_key: String,
    pub out_trade_no: String,
    pub amount_fen: i64,
    pub state: String,
    pub case_subject: String,
    pub told_at_ms: i64,
    pub updated_at_ms: i64,
}
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

const HELD: &str = "held";
const MATCHED: &str = "matched";
const SETTLED: &str = "settled";

/// Lengths are the platform's; what is longer than any documented number is cut, not refused.
fn cut(number: &str) -> String {
    number.chars().take(64).collect()
}

/// Writes a stray down; the first word about a transaction stands.
pub(super) async fn insert(
    txn: &DatabaseTransaction,
    fact: &PaymentFact,
    case_subject: &str,
    now: Timestamp,
) -> Result<(), OrderError> {
    let row = ActiveModel {
        channel: Set(Channel::code(fact.channel()).to_owned()),
        transaction_id: Set(cut(fact.transaction_id())),
        merchant_key: Set(fact.merchant().to_string()),
        out_trade_no: Set(cut(fact.out_trade_no())),
        amount_fen: Set(Fen::get(fact.amount())),
        state: Set(HELD.to_owned()),
        case_subject: Set(case_subject.to_owned()),
        told_at_ms: Set(now.as_millis()),
        updated_at_ms: Set(now.as_millis()),
    };
    Entity::insert(row)
        .on_conflict_do_nothing_on([Column::Channel, Column::TransactionId])
        .exec_without_returning(txn)
        .await?;
    Ok(())
}

pub(super) async fn set_matched(
    txn: &DatabaseTransaction,
    fact: &PaymentFact,
    now: Timestamp,
) -> Result<(), OrderError> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(MATCHED))
        .col_expr(Column::UpdatedAtMs, Expr::value(now.as_millis()))
        .filter(Column::Channel.eq(fact.channel().code()))
        .filter(Column::TransactionId.eq(cut(fact.transaction_id())))
        .exec(txn)
        .await?;
    Ok(())
}

pub(super) async fn is_held(
    txn: &DatabaseTransaction,
    case_subject: &str,
) -> Result<bool, OrderError> {
    let held = Entity::find()
        .filter(Column::CaseSubject.eq(case_subject))
        .filter(Column::State.eq(HELD))
        .count(txn)
        .await?;
    Ok(held > 0)
}

pub(super) async fn set_settled(
    txn: &DatabaseTransaction,
    case_subject: &str,
    now: Timestamp,
) -> Result<(), OrderError> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(SETTLED))
        .col_expr(Column::UpdatedAtMs, Expr::value(now.as_millis()))
        .filter(Column::CaseSubject.eq(case_subject))
        .filter(Column::State.eq(HELD))
        .exec(txn)
        .await?;
    Ok(())
}
