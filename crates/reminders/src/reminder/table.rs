//! The rows of reminders.

use std::collections::BTreeMap;

use kernel::{AccountId, PersonId, ReminderId, Timestamp};
use people::{FieldCipher, Sealed};
use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, DatabaseTransaction, QueryOrder, QuerySelect, TryInsertResult,
    entity::prelude::*,
    sea_query::{Expr, LockBehavior, LockType},
};

use super::{Noted, Occasion, Reminder};
use crate::{ReminderError, ReminderKind};

const TABLE: &str = "reminders";

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reminders")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub account_id: Uuid,
    pub kind: String,
    pub person_id: Option<Uuid>,
    pub subject: String,
    pub words_sealed: Vec<u8>,
    pub key_id: String,
    pub page: String,
    pub state: String,
    pub due_at_ms: i64,
    pub attempts: i32,
    pub in_doubt: bool,
    pub sent_on: Option<String>,
    pub noted_at_ms: i64,
    pub updated_at_ms: i64,
}
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    Sent,
    Declined,
    Skipped,
    Failed,
}

impl State {
    pub(super) const fn code(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Sent => "sent",
            State::Declined => "declined",
            State::Skipped => "skipped",
            State::Failed => "failed",
        }
    }
}

fn context(id: ReminderId) -> String {
    format!("reminders.words:{id}")
}

/// Whether the occasion is new.
pub(super) async fn insert(
    db: &impl ConnectionTrait,
    cipher: &FieldCipher,
    id: ReminderId,
    occasion: &Occasion,
    due_at: Timestamp,
    now: Timestamp,
) -> Result<bool, ReminderError> {
    let words = serde_json::to_vec(&occasion.words)
        .map_err(|_| ReminderError::Row { table: TABLE, column: "words_sealed" })?;
    let sealed = cipher.seal(&context(id), &words);
    let row = ActiveModel {
        id: Set(id.as_uuid()),
        account_id: Set(occasion.account.as_uuid()),
        kind: Set(occasion.kind.code().to_owned()),
        person_id: Set(occasion.person.map(PersonId::as_uuid)),
        subject: Set(occasion.subject.clone()),
        words_sealed: Set(sealed.bytes),
        key_id: Set(sealed.key_id),
        page: Set(occasion.page.clone()),
        state: Set(State::Waiting.code().to_owned()),
        due_at_ms: Set(due_at.as_millis()),
        attempts: Set(0),
        in_doubt: Set(false),
        sent_on: Set(None),
        noted_at_ms: Set(now.as_millis()),
        updated_at_ms: Set(now.as_millis()),
    };
    let inserted = Entity::insert(row)
        .on_conflict_do_nothing_on([Column::AccountId, Column::Kind, Column::Subject])
        .exec_without_returning(db)
        .await?;
    Ok(matches!(inserted, TryInsertResult::Inserted(1)))
}

fn due(now: Timestamp) -> sea_orm::Select<Entity> {
    Entity::find()
        .filter(Column::State.eq(State::Waiting.code()))
        .filter(Column::DueAtMs.lte(now.as_millis()))
        .order_by_asc(Column::DueAtMs)
}

pub(super) async fn any_due(
    db: &impl ConnectionTrait,
    now: Timestamp,
) -> Result<bool, ReminderError> {
    Ok(due(now).limit(1).one(db).await?.is_some())
}

/// What there was to take.
pub(super) enum Claimed {
    Nothing,
    One(Reminder),
    /// A row that does not open; it is marked as failed.
    Unreadable,
}

/// Hands out the reminder that is due longest until `leased_until`; nobody else gets it before.
///
/// Whoever takes it may end before the outcome is written, so it is in doubt from now on; and a
/// second doubt is the last, so that it counts as failed until it is known to have gone out.
pub(super) async fn claim(
    txn: &DatabaseTransaction,
    cipher: &FieldCipher,
    now: Timestamp,
    leased_until: Timestamp,
) -> Result<Claimed, ReminderError> {
    let row = due(now)
        .limit(1)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .one(txn)
        .await?;
    let Some(row) = row else { return Ok(Claimed::Nothing) };
    let (id, attempts) = (row.id, row.attempts + 1);
    let last_try = row.in_doubt;
    let opened = opened(cipher, row, attempts);
    let over = last_try || opened.is_err();
    let state = if over { State::Failed } else { State::Waiting };
    Entity::update_many()
        .col_expr(Column::State, Expr::value(state.code()))
        .col_expr(Column::DueAtMs, Expr::value(leased_until.as_millis()))
        .col_expr(Column::Attempts, Expr::value(attempts))
        .col_expr(Column::InDoubt, Expr::value(true))
        .col_expr(Column::UpdatedAtMs, Expr::value(now.as_millis()))
        .filter(Column::Id.eq(id))
        .exec(txn)
        .await?;
    Ok(match opened {
        Ok(reminder) => Claimed::One(reminder),
        Err(error) => {
            tracing::error!(%error, reminder.id = %id, "a reminder cannot be read");
            Claimed::Unreadable
        }
    })
}

fn opened(cipher: &FieldCipher, row: Model, attempts: i32) -> Result<Reminder, ReminderError> {
    let broken = |column| ReminderError::Row { table: TABLE, column };
    let id = ReminderId::from_uuid(row.id);
    let words =
        cipher.open(&context(id), &Sealed { key_id: row.key_id, bytes: row.words_sealed })?;
    let words: BTreeMap<String, String> =
        serde_json::from_slice(&words).map_err(|_| broken("words_sealed"))?;
    let kind: ReminderKind = row.kind.parse().map_err(|_| broken("kind"))?;
    Ok(Reminder {
        id,
        account: AccountId::from_uuid(row.account_id),
        kind,
        person: row.person_id.map(PersonId::from_uuid),
        words,
        page: row.page,
        attempts,
        in_doubt: row.in_doubt,
        noted_at: Timestamp::from_millis(row.noted_at_ms),
    })
}

/// Whether one of this kind about this person went out on `day` already.
pub(super) async fn sent_on(
    db: &impl ConnectionTrait,
    reminder: &Reminder,
    day: &str,
) -> Result<bool, ReminderError> {
    let mut query = Entity::find()
        .filter(Column::AccountId.eq(reminder.account.as_uuid()))
        .filter(Column::Kind.eq(reminder.kind.code()))
        .filter(Column::SentOn.eq(day));
    query = match reminder.person {
        Some(person) => query.filter(Column::PersonId.eq(person.as_uuid())),
        None => query.filter(Column::PersonId.is_null()),
    };
    Ok(query.limit(1).one(db).await?.is_some())
}

/// What becomes of a claimed reminder.
pub(super) struct Settled {
    pub state: State,
    pub due_at: Timestamp,
    pub in_doubt: bool,
    pub day: Option<String>,
}

/// `false` when somebody else claimed it meanwhile; then nothing is changed.
pub(super) async fn settle(
    txn: &DatabaseTransaction,
    reminder: &Reminder,
    settled: &Settled,
    now: Timestamp,
) -> Result<bool, ReminderError> {
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value(settled.state.code()))
        .col_expr(Column::DueAtMs, Expr::value(settled.due_at.as_millis()))
        .col_expr(Column::InDoubt, Expr::value(settled.in_doubt))
        .col_expr(Column::SentOn, Expr::value(settled.day.clone()))
        .col_expr(Column::UpdatedAtMs, Expr::value(now.as_millis()))
        .filter(Column::Id.eq(reminder.id.as_uuid()))
        .filter(Column::Attempts.eq(reminder.attempts))
        .exec(txn)
        .await?;
    Ok(done.rows_affected == 1)
}

/// The reminders of an account that are kept, the latest first.
pub(crate) async fn of_account(
    db: &impl ConnectionTrait,
    account: AccountId,
    limit: u64,
) -> Result<Vec<Noted>, ReminderError> {
    let rows = Entity::find()
        .filter(Column::AccountId.eq(account.as_uuid()))
        .order_by_desc(Column::NotedAtMs)
        .limit(limit)
        .all(db)
        .await?;
    let noted = |row: Model| Noted {
        kind: row.kind,
        state: row.state,
        noted_at: Timestamp::from_millis(row.noted_at_ms),
        sent_on: row.sent_on,
    };
    Ok(rows.into_iter().map(noted).collect())
}

/// Reminders of one account become another one's; an occasion that both have is kept once.
pub(crate) async fn follow(
    txn: &DatabaseTransaction,
    from: AccountId,
    to: AccountId,
) -> Result<(), ReminderError> {
    let rows = Entity::find().filter(Column::AccountId.eq(from.as_uuid())).all(txn).await?;
    for row in rows {
        let there = Entity::find()
            .filter(Column::AccountId.eq(to.as_uuid()))
            .filter(Column::Kind.eq(&row.kind))
            .filter(Column::Subject.eq(&row.subject))
            .count(txn)
            .await?;
        if there == 0 {
            Entity::update_many()
                .col_expr(Column::AccountId, Expr::value(to.as_uuid()))
                .filter(Column::Id.eq(row.id))
                .exec(txn)
                .await?;
        }
    }
    delete(txn, from).await
}

/// Every reminder of an account, sent or not.
pub(crate) async fn delete(
    db: &impl ConnectionTrait,
    account: AccountId,
) -> Result<(), ReminderError> {
    Entity::delete_many().filter(Column::AccountId.eq(account.as_uuid())).exec(db).await?;
    Ok(())
}

fn over(before: Timestamp) -> sea_orm::Select<Entity> {
    let ended = [State::Sent, State::Declined, State::Skipped, State::Failed].map(State::code);
    Entity::find()
        .filter(Column::State.is_in(ended))
        .filter(Column::UpdatedAtMs.lt(before.as_millis()))
}

pub(crate) async fn count_over(
    db: &impl ConnectionTrait,
    before: Timestamp,
) -> Result<u64, ReminderError> {
    Ok(over(before).count(db).await?)
}

pub(crate) async fn delete_over(
    db: &impl ConnectionTrait,
    before: Timestamp,
    limit: u64,
) -> Result<u64, ReminderError> {
    let rows = over(before).limit(limit).all(db).await?;
    let ids: Vec<Uuid> = rows.into_iter().map(|row| row.id).collect();
    if ids.is_empty() {
        return Ok(0);
    }
    Ok(Entity::delete_many().filter(Column::Id.is_in(ids)).exec(db).await?.rows_affected)
}
