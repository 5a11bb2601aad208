//! The rows of notifications.

use kernel::{NotificationId, PaymentId, Timestamp};
use people::Sealed;
use sea_orm::{
    ActiveValue::Set,
    DatabaseTransaction,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use uuid::Uuid;

use super::Told;
use crate::OrderError;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "notifications")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub channel: String,
    pub merchant_key: String,
    pub fact_digest: String,
    pub kind: String,
    pub external_id: Option<String>,
    pub raw_sealed: Vec<u8>,
    pub key_id: String,
    pub effect: String,
    pub payment_id: Option<Uuid>,
    pub deliveries: i32,
    pub first_at_ms: i64,
    pub last_at_ms: i64,
}
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

pub(super) async fn count_repeat(
    txn: &DatabaseTransaction,
    told: &Told<'_>,
    now: Timestamp,
) -> Result<bool, OrderError> {
    let done = Entity::update_many()
        .col_expr(Column::Deliveries, Expr::col(Column::Deliveries).add(1))
        .col_expr(Column::LastAtMs, Expr::value(now.as_millis()))
        .filter(Column::Channel.eq(told.channel.code()))
        .filter(Column::MerchantKey.eq(told.merchant.as_str()))
        .filter(Column::FactDigest.eq(told.digest.as_str()))
        .exec(txn)
        .await?;
    Ok(done.rows_affected > 0)
}

pub(super) async fn insert(
    txn: &DatabaseTransaction,
    id: NotificationId,
    told: &Told<'_>,
    effect: &str,
    payment: Option<PaymentId>,
    sealed: Sealed,
    now: Timestamp,
) -> Result<(), OrderError> {
    let row = ActiveModel {
        id: Set(id.as_uuid()),
        channel: Set(told.channel.code().to_owned()),
        merchant_key: Set(told.merchant.to_string()),
        fact_digest: Set(told.digest.clone()),
        kind: Set(told.kind.to_owned()),
        external_id: Set(told.external_id.map(|id| id.chars().take(128).collect())),
        raw_sealed: Set(sealed.bytes),
        key_id: Set(sealed.key_id),
        effect: Set(effect.to_owned()),
        payment_id: Set(payment.map(PaymentId::as_uuid)),
        deliveries: Set(1),
        first_at_ms: Set(now.as_millis()),
        last_at_ms: Set(now.as_millis()),
    };
    // Two copies without an order's row to wait on may both find the fact new; one row is enough.
    let fact = [Column::Channel, Column::MerchantKey, Column::FactDigest];
    let again = OnConflict::columns(fact)
        .value(Column::Deliveries, Expr::col((Entity, Column::Deliveries)).add(1))
        .to_owned();
    Entity::insert(row).on_conflict(again).exec_without_returning(txn).await?;
    Ok(())
}
