//! Consents: who agreed to which wording, for which purpose, and until when.
//!
//! Separate consent for sensitive personal information is a duty under PIPL, articles 29 and 30;
//! the record outlives the insured person's removal, because it proves that the processing up to
//! then was agreed to.

use kernel::{AccountId, ConsentId, PersonId, Timestamp};
use migrations::begin_write;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    sea_query::Expr,
};

use crate::{
    People, PeopleError,
    person::{self, RemovedBy},
    real_name,
    table::consents::{self, Column, Entity, TABLE},
};

/// What a person's data may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The account's owner pays for themselves.
    PayForSelf,
    /// The account's owner pays for somebody else.
    PayForOther,
    /// The account's owner is guardian, or has the guardian's word, of somebody below fourteen.
    Guardian,
    /// Name and document number go to the platform, which looks at the face.
    RealName,
    /// Messages in the wallet. It is about the account and no person, and is kept with the answers to
    /// the platform's own question (the room `reminders`); here is only its name.
    Reminders,
}

impl Purpose {
    pub const ALL: [Purpose; 5] = [
        Purpose::PayForSelf,
        Purpose::PayForOther,
        Purpose::Guardian,
        Purpose::RealName,
        Purpose::Reminders,
    ];

    pub const fn code(self) -> &'static str {
        match self {
            Purpose::PayForSelf => "pay_for_self",
            Purpose::PayForOther => "pay_for_other",
            Purpose::Guardian => "guardian",
            Purpose::RealName => "real_name",
            Purpose::Reminders => "reminders",
        }
    }

    fn from_code(code: &str) -> Option<Purpose> {
        Purpose::ALL.into_iter().find(|known| known.code() == code)
    }
}

/// One agreement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    pub id: ConsentId,
    pub person: PersonId,
    pub purpose: Purpose,
    pub text_version: String,
    pub given_at: Timestamp,
    pub withdrawn_at: Option<Timestamp>,
}

impl Consent {
    fn from_row(row: consents::Model) -> Result<Consent, PeopleError> {
        let damaged = PeopleError::Damaged { table: TABLE, column: "purpose", row: row.id };
        Ok(Consent {
            id: ConsentId::from_uuid(row.id),
            person: PersonId::from_uuid(row.person_id),
            purpose: Purpose::from_code(&row.purpose).ok_or(damaged)?,
            text_version: row.text_version,
            given_at: Timestamp::from_millis(row.given_at_ms),
            withdrawn_at: row.withdrawn_at_ms.map(Timestamp::from_millis),
        })
    }
}

pub(crate) fn check_version(version: &str) -> Result<(), PeopleError> {
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if (1..=32).contains(&version.len()) && version.bytes().all(named) {
        Ok(())
    } else {
        Err(PeopleError::ConsentVersion)
    }
}

/// Writes the consent down unless the same one is in force already.
pub(crate) async fn give(
    db: &impl ConnectionTrait,
    account: AccountId,
    person: PersonId,
    purpose: Purpose,
    version: &str,
    id: ConsentId,
    now: Timestamp,
) -> Result<(), PeopleError> {
    let in_force = Entity::find()
        .filter(Column::PersonId.eq(person.as_uuid()))
        .filter(Column::Purpose.eq(purpose.code()))
        .filter(Column::TextVersion.eq(version))
        .filter(Column::WithdrawnAtMs.is_null())
        .one(db)
        .await?;
    if in_force.is_some() {
        return Ok(());
    }
    let row = consents::ActiveModel {
        id: Set(id.as_uuid()),
        account_id: Set(account.as_uuid()),
        person_id: Set(person.as_uuid()),
        purpose: Set(purpose.code().to_owned()),
        text_version: Set(version.to_owned()),
        given_at_ms: Set(now.as_millis()),
        withdrawn_at_ms: Set(None),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Ends all consents about a person; those that ended before keep their instant.
pub(crate) async fn withdraw(
    db: &impl ConnectionTrait,
    person: PersonId,
    now: Timestamp,
) -> Result<(), PeopleError> {
    Entity::update_many()
        .col_expr(Column::WithdrawnAtMs, Expr::value(now.as_millis()))
        .filter(Column::PersonId.eq(person.as_uuid()))
        .filter(Column::WithdrawnAtMs.is_null())
        .exec(db)
        .await?;
    Ok(())
}

impl People {
    /// All consents that an account ever gave, oldest first: what a citizen who asks is shown.
    ///
    /// # Errors
    /// When the database fails or a row is damaged.
    pub async fn list_consents(&self, account: AccountId) -> Result<Vec<Consent>, PeopleError> {
        let rows = Entity::find()
            .filter(Column::AccountId.eq(account.as_uuid()))
            .order_by_asc(Column::GivenAtMs)
            .order_by_asc(Column::Id)
            .all(&self.db)
            .await?;
        rows.into_iter().map(Consent::from_row).collect()
    }

    /// Takes one consent back, with what it carried. Without the consent to pay for somebody, or the
    /// guardian's word, the person is taken off the list; without that to the face, the name is not
    /// proven any more. Taken back twice, it is taken back once.
    ///
    /// # Errors
    /// [`PeopleError::ConsentNotFound`] for those of others.
    pub async fn withdraw_consent(
        &self,
        account: AccountId,
        id: ConsentId,
    ) -> Result<(), PeopleError> {
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        person::lock_account(&txn, account).await?;
        let row = Entity::find_by_id(id.as_uuid())
            .filter(Column::AccountId.eq(account.as_uuid()))
            .one(&txn)
            .await?;
        let consent = Consent::from_row(row.ok_or(PeopleError::ConsentNotFound)?)?;
        if consent.withdrawn_at.is_some() {
            return Ok(());
        }
        match consent.purpose {
            Purpose::PayForSelf | Purpose::PayForOther | Purpose::Guardian => {
                person::remove(&txn, account, consent.person, RemovedBy::Payer, now).await?;
            }
            Purpose::RealName => {
                real_name::unprove(&txn, consent.person, now).await?;
                withdraw_purpose(&txn, consent.person, Purpose::RealName, now).await?;
            }
            // No row has it.
            Purpose::Reminders => {}
        }
        txn.commit().await?;
        Ok(())
    }
}

/// Ends the consents of one purpose about a person, whatever their wording.
async fn withdraw_purpose(
    db: &impl ConnectionTrait,
    person: PersonId,
    purpose: Purpose,
    now: Timestamp,
) -> Result<(), PeopleError> {
    Entity::update_many()
        .col_expr(Column::WithdrawnAtMs, Expr::value(now.as_millis()))
        .filter(Column::PersonId.eq(person.as_uuid()))
        .filter(Column::Purpose.eq(purpose.code()))
        .filter(Column::WithdrawnAtMs.is_null())
        .exec(db)
        .await?;
    Ok(())
}
