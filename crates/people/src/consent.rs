//! Consents: who agreed to which wording, for which purpose, and until when.
//!
//! Separate consent for sensitive personal information is a duty under PIPL, articles 29 and 30;
//! the record outlives the insured person's removal, because it proves that the processing up to
//! then was agreed to.

use kernel::{AccountId, ConsentId, PersonId, Timestamp};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    sea_query::Expr,
};

use crate::{
    People, PeopleError,
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
}

impl Purpose {
    pub const ALL: [Purpose; 4] =
        [Purpose::PayForSelf, Purpose::PayForOther, Purpose::Guardian, Purpose::RealName];

    pub const fn code(self) -> &'static str {
        match self {
            Purpose::PayForSelf => "pay_for_self",
            Purpose::PayForOther => "pay_for_other",
            Purpose::Guardian => "guardian",
            Purpose::RealName => "real_name",
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
}
