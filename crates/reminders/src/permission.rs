//! Who wants which kind: the answers to the platform's own question, by account and kind.
//!
//! One acceptance is one message (WeChat's one-time subscription). A refusal ends what was left.

use kernel::{AccountId, Timestamp};
use migrations::begin_write;
use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, DatabaseTransaction, QueryOrder,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use crate::{ReminderError, ReminderKind, Reminders};

/// More acceptances than this are not counted: nobody needs more ahead.
const LEFT_MAX: i32 = 20;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reminder_permissions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    pub wanted: bool,
    pub left_count: i32,
    pub updated_at_ms: i64,
    pub text_version: Option<String>,
}
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// What the user said to the platform's question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Accept {
        /// Which wording of the consent was on the screen.
        text_version: String,
    },
    Reject,
}

/// Where one kind stands for one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    pub kind: ReminderKind,
    pub wanted: bool,
    /// How many messages the user has accepted and not had yet.
    pub left: u32,
    /// `None`: never asked.
    pub updated_at: Option<Timestamp>,
    /// Which wording was accepted last.
    pub text_version: Option<String>,
}

impl Reminders {
    /// All kinds, whether asked for or not.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn permissions(&self, account: AccountId) -> Result<Vec<Permission>, ReminderError> {
        let rows = Entity::find()
            .filter(Column::AccountId.eq(account.as_uuid()))
            .order_by_asc(Column::Kind)
            .all(&self.db)
            .await?;
        let permission = |kind: ReminderKind| {
            let row = rows.iter().find(|row| row.kind == kind.code());
            Permission {
                kind,
                wanted: row.is_some_and(|row| row.wanted),
                left: row.map_or(0, |row| u32::try_from(row.left_count).unwrap_or(0)),
                updated_at: row.map(|row| Timestamp::from_millis(row.updated_at_ms)),
                text_version: row.and_then(|row| row.text_version.clone()),
            }
        };
        Ok(ReminderKind::ALL.map(permission).to_vec())
    }

    /// Writes down what the user said. Each acceptance is one message more; a refusal ends them all.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn answer(
        &self,
        account: AccountId,
        kind: ReminderKind,
        answer: Answer,
    ) -> Result<(), ReminderError> {
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        let (wanted, left) = match &answer {
            Answer::Accept { .. } => (true, 1),
            Answer::Reject => (false, 0),
        };
        let row = ActiveModel {
            account_id: Set(account.as_uuid()),
            kind: Set(kind.code().to_owned()),
            wanted: Set(wanted),
            left_count: Set(0),
            updated_at_ms: Set(now.as_millis()),
            text_version: Set(None),
        };
        let key = [Column::AccountId, Column::Kind];
        Entity::insert(row)
            .on_conflict(OnConflict::columns(key).do_nothing().to_owned())
            .exec_without_returning(&txn)
            .await?;
        let mut update = Entity::update_many()
            .col_expr(Column::Wanted, Expr::value(wanted))
            .col_expr(Column::UpdatedAtMs, Expr::value(now.as_millis()))
            .filter(Column::AccountId.eq(account.as_uuid()))
            .filter(Column::Kind.eq(kind.code()));
        update = match answer {
            Answer::Accept { text_version } => update
                .col_expr(Column::LeftCount, Expr::col(Column::LeftCount).add(left))
                .col_expr(Column::TextVersion, Expr::value(text_version))
                .filter(Column::LeftCount.lt(LEFT_MAX)),
            Answer::Reject => update.col_expr(Column::LeftCount, Expr::value(left)),
        };
        update.exec(&txn).await?;
        txn.commit().await?;
        Ok(())
    }
}

/// Whether the account may hear of this kind now.
pub(crate) async fn allowed(
    db: &impl ConnectionTrait,
    account: AccountId,
    kind: ReminderKind,
) -> Result<bool, ReminderError> {
    let row = Entity::find_by_id((account.as_uuid(), kind.code().to_owned())).one(db).await?;
    Ok(row.is_some_and(|row| row.wanted && row.left_count > 0))
}

/// One accepted message was sent.
pub(crate) async fn used(
    db: &impl ConnectionTrait,
    account: AccountId,
    kind: ReminderKind,
) -> Result<(), ReminderError> {
    Entity::update_many()
        .col_expr(Column::LeftCount, Expr::col(Column::LeftCount).sub(1))
        .filter(Column::AccountId.eq(account.as_uuid()))
        .filter(Column::Kind.eq(kind.code()))
        .filter(Column::LeftCount.gt(0))
        .exec(db)
        .await?;
    Ok(())
}

/// The platform says that nothing accepted is left, whatever we counted.
pub(crate) async fn used_up(
    db: &impl ConnectionTrait,
    account: AccountId,
    kind: ReminderKind,
) -> Result<(), ReminderError> {
    Entity::update_many()
        .col_expr(Column::LeftCount, Expr::value(0))
        .filter(Column::AccountId.eq(account.as_uuid()))
        .filter(Column::Kind.eq(kind.code()))
        .exec(db)
        .await?;
    Ok(())
}

/// Accounts that want to hear of this kind, after `after`, in a fixed order.
pub(crate) async fn accounts(
    db: &impl ConnectionTrait,
    kind: ReminderKind,
    after: Option<AccountId>,
    limit: u64,
) -> Result<Vec<AccountId>, ReminderError> {
    use sea_orm::QuerySelect;
    let mut query = Entity::find()
        .filter(Column::Kind.eq(kind.code()))
        .filter(Column::Wanted.eq(true))
        .filter(Column::LeftCount.gt(0));
    if let Some(after) = after {
        query = query.filter(Column::AccountId.gt(after.as_uuid()));
    }
    let rows = query.order_by_asc(Column::AccountId).limit(limit).all(db).await?;
    Ok(rows.into_iter().map(|row| AccountId::from_uuid(row.account_id)).collect())
}

/// What one account answered counts for another one of the same person. A kind that both answered keeps
/// the newer answer, with what is left of both.
pub(crate) async fn follow(
    txn: &DatabaseTransaction,
    from: AccountId,
    to: AccountId,
) -> Result<(), ReminderError> {
    let rows = Entity::find()
        .filter(Column::AccountId.eq(from.as_uuid()))
        .order_by_asc(Column::Kind)
        .all(txn)
        .await?;
    for row in rows {
        let there = Entity::find_by_id((to.as_uuid(), row.kind.clone())).one(txn).await?;
        let newest = there.as_ref().filter(|there| row.updated_at_ms <= there.updated_at_ms);
        let wanted = newest.map_or(row.wanted, |there| there.wanted);
        let both = row.left_count + there.as_ref().map_or(0, |there| there.left_count);
        let heard = ActiveModel {
            account_id: Set(to.as_uuid()),
            kind: Set(row.kind.clone()),
            wanted: Set(wanted),
            left_count: Set(if wanted { Ord::min(both, LEFT_MAX) } else { 0 }),
            updated_at_ms: Set(newest.map_or(row.updated_at_ms, |there| there.updated_at_ms)),
            text_version: Set(newest.map_or(&row, |there| there).text_version.clone()),
        };
        match there {
            Some(_) => drop(heard.update(txn).await?),
            None => drop(heard.insert(txn).await?),
        }
    }
    delete(txn, from).await
}

/// Nothing that the account ever answered stays.
pub(crate) async fn delete(
    db: &impl ConnectionTrait,
    account: AccountId,
) -> Result<(), ReminderError> {
    Entity::delete_many().filter(Column::AccountId.eq(account.as_uuid())).exec(db).await?;
    Ok(())
}
