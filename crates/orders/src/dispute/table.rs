//! The rows of disputes. The texts are sealed: people write names and numbers into them.

use kernel::{AccountId, DisputeId, OrderId, OrderNo, Timestamp};
use migrations::begin_write;
use people::{FieldCipher, Sealed};
use sea_orm::{
    ActiveValue::Set, Condition, ConnectionTrait, DatabaseTransaction, QueryOrder, QuerySelect,
    entity::prelude::*, sea_query::Expr,
};
use uuid::Uuid;

use super::{Dispute, DisputeAnswer, DisputeError, DisputeState};
use crate::{
    OrderError, Orders,
    error::{exactly_one, read},
};

const TABLE: &str = "disputes";
/// What a citizen sees of a life of disputes.
const LIST_MAX: u64 = 100;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "disputes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub order_id: Uuid,
    pub order_no: String,
    pub account_id: Uuid,
    pub reason: String,
    pub state: String,
    pub late: bool,
    pub evidence_sealed: Vec<u8>,
    pub evidence_key_id: String,
    pub outcome: Option<String>,
    pub answer_sealed: Option<Vec<u8>>,
    pub answer_key_id: Option<String>,
    pub answered_at_ms: Option<i64>,
    pub submitted_at_ms: i64,
    pub updated_at_ms: i64,
}
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

fn context(field: &str, id: DisputeId) -> String {
    format!("disputes.{field}:{id}")
}

fn opened(cipher: &FieldCipher, row: Model) -> Result<Dispute, DisputeError> {
    let id = DisputeId::from_uuid(row.id);
    let text = |field, key_id: String, bytes| {
        // Its account was erased, and what people wrote with it.
        if key_id.is_empty() {
            return Ok(String::new());
        }
        cipher.open_text(&context(field, id), &Sealed { key_id, bytes }).map_err(OrderError::from)
    };
    let answer = match (row.outcome, row.answer_sealed, row.answer_key_id, row.answered_at_ms) {
        (Some(outcome), Some(bytes), Some(key_id), Some(at)) => Some(DisputeAnswer {
            outcome: read(TABLE, "outcome", row.id, &outcome)?,
            text: text("answer", key_id, bytes)?,
            at: Timestamp::from_millis(at),
        }),
        _ => None,
    };
    let order_no: OrderNo = read(TABLE, "order_no", row.id, &row.order_no)?;
    Ok(Dispute {
        id,
        order: OrderId::from_uuid(row.order_id),
        order_no,
        reason: read(TABLE, "reason", row.id, &row.reason)?,
        evidence: text("evidence", row.evidence_key_id, row.evidence_sealed)?,
        state: read(TABLE, "state", row.id, &row.state)?,
        late: row.late,
        submitted_at: Timestamp::from_millis(row.submitted_at_ms),
        updated_at: Timestamp::from_millis(row.updated_at_ms),
        answer,
    })
}

pub(super) async fn insert(
    txn: &DatabaseTransaction,
    cipher: &FieldCipher,
    account: AccountId,
    dispute: &Dispute,
) -> Result<(), DisputeError> {
    let evidence = cipher.seal(&context("evidence", dispute.id), dispute.evidence.as_bytes());
    let row = ActiveModel {
        id: Set(dispute.id.as_uuid()),
        order_id: Set(dispute.order.as_uuid()),
        order_no: Set(dispute.order_no.to_string()),
        account_id: Set(account.as_uuid()),
        reason: Set(dispute.reason.code().to_owned()),
        state: Set(dispute.state.code().to_owned()),
        late: Set(dispute.late),
        evidence_sealed: Set(evidence.bytes),
        evidence_key_id: Set(evidence.key_id),
        outcome: Set(None),
        answer_sealed: Set(None),
        answer_key_id: Set(None),
        answered_at_ms: Set(None),
        submitted_at_ms: Set(dispute.submitted_at.as_millis()),
        updated_at_ms: Set(dispute.updated_at.as_millis()),
    };
    Entity::insert(row).exec_without_returning(txn).await?;
    Ok(())
}

/// Gives one account's disputes to another one.
pub(super) async fn hand_over(
    txn: &DatabaseTransaction,
    from: AccountId,
    to: AccountId,
) -> Result<(), OrderError> {
    Entity::update_many()
        .col_expr(Column::AccountId, Expr::value(to.as_uuid()))
        .filter(Column::AccountId.eq(from.as_uuid()))
        .exec(txn)
        .await?;
    Ok(())
}

pub(super) async fn open_of(
    db: &impl ConnectionTrait,
    order: OrderId,
) -> Result<Option<DisputeId>, DisputeError> {
    let row = Entity::find()
        .filter(Column::OrderId.eq(order.as_uuid()))
        .filter(Column::State.eq(DisputeState::Submitted.code()))
        .one(db)
        .await?;
    Ok(row.map(|row| DisputeId::from_uuid(row.id)))
}

pub(super) async fn find(
    db: &impl ConnectionTrait,
    cipher: &FieldCipher,
    account: Option<AccountId>,
    id: DisputeId,
) -> Result<Dispute, DisputeError> {
    let mut query = Entity::find_by_id(id.as_uuid());
    if let Some(account) = account {
        query = query.filter(Column::AccountId.eq(account.as_uuid()));
    }
    opened(cipher, query.one(db).await?.ok_or(DisputeError::NotFound)?)
}

pub(super) async fn of_account(
    db: &impl ConnectionTrait,
    cipher: &FieldCipher,
    account: AccountId,
) -> Result<Vec<Dispute>, DisputeError> {
    let rows = Entity::find()
        .filter(Column::AccountId.eq(account.as_uuid()))
        .order_by_desc(Column::Id)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    rows.into_iter().map(|row| opened(cipher, row)).collect()
}

pub(super) async fn open(
    db: &impl ConnectionTrait,
    cipher: &FieldCipher,
    limit: u64,
) -> Result<Vec<Dispute>, DisputeError> {
    let rows = Entity::find()
        .filter(Column::State.eq(DisputeState::Submitted.code()))
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    rows.into_iter().map(|row| opened(cipher, row)).collect()
}

/// Whether it was open until now.
pub(super) async fn end(
    txn: &DatabaseTransaction,
    cipher: &FieldCipher,
    dispute: &Dispute,
) -> Result<bool, DisputeError> {
    let mut update = Entity::update_many()
        .col_expr(Column::State, Expr::value(dispute.state.code()))
        .col_expr(Column::UpdatedAtMs, Expr::value(dispute.updated_at.as_millis()));
    if let Some(answer) = &dispute.answer {
        let sealed = cipher.seal(&context("answer", dispute.id), answer.text.as_bytes());
        update = update
            .col_expr(Column::Outcome, Expr::value(answer.outcome.code()))
            .col_expr(Column::AnswerSealed, Expr::value(sealed.bytes))
            .col_expr(Column::AnswerKeyId, Expr::value(sealed.key_id))
            .col_expr(Column::AnsweredAtMs, Expr::value(answer.at.as_millis()));
    }
    let updated = update
        .filter(Column::Id.eq(dispute.id.as_uuid()))
        .filter(Column::State.eq(DisputeState::Submitted.code()))
        .exec(txn)
        .await?;
    Ok(updated.rows_affected == 1)
}

impl Orders {
    /// Seals the texts of up to `limit` disputes again under the current key.
    pub(crate) async fn renew_dispute_keys(&self, limit: u64) -> Result<u64, OrderError> {
        let key = self.cipher.key_id();
        // An erased text has no key.
        let old = |column: Column| Condition::all().add(column.ne(key)).add(column.ne(""));
        let txn = begin_write(&self.db).await?;
        let rows = Entity::find()
            .filter(Condition::any().add(old(Column::EvidenceKeyId)).add(old(Column::AnswerKeyId)))
            .order_by_asc(Column::Id) // two renewals at once wait for each other, never in a circle
            .limit(limit)
            .lock_exclusive()
            .all(&txn)
            .await?;
        let again = |field, id, key_id: String, bytes: Vec<u8>| {
            if key_id.is_empty() {
                return Ok(Sealed { key_id, bytes });
            }
            let context = context(field, DisputeId::from_uuid(id));
            let plain = self.cipher.open(&context, &Sealed { key_id, bytes })?;
            Ok::<Sealed, OrderError>(self.cipher.seal(&context, &plain))
        };
        let mut renewed = 0;
        for row in rows {
            let evidence = again("evidence", row.id, row.evidence_key_id, row.evidence_sealed)?;
            let mut change = Entity::update_many()
                .col_expr(Column::EvidenceSealed, Expr::value(evidence.bytes))
                .col_expr(Column::EvidenceKeyId, Expr::value(evidence.key_id));
            if let (Some(key_id), Some(bytes)) = (row.answer_key_id, row.answer_sealed) {
                let answer = again("answer", row.id, key_id, bytes)?;
                change = change
                    .col_expr(Column::AnswerSealed, Expr::value(answer.bytes))
                    .col_expr(Column::AnswerKeyId, Expr::value(answer.key_id));
            }
            let done = change.filter(Column::Id.eq(row.id)).exec(&txn).await?;
            exactly_one(TABLE, row.id, done.rows_affected)?;
            renewed += 1;
        }
        txn.commit().await?;
        Ok(renewed)
    }
}
