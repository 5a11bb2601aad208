//! Erasure (PIPL article 47): an account and its persons lose everything that says who they are.
//!
//! Whether anything hinders it is asked before, of the rooms that keep money. Rows stay, because
//! orders and consents point to them: the financial record and the proof of consent need an owner, and
//! not a name. Nothing here can be taken back.

use kernel::{AccountId, PersonId, Timestamp};
use migrations::begin_write;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    People, PeopleError, consent, person,
    table::{
        account_names, accounts, mobiles, payment_requests, persons, phone_proofs, sms_codes,
        verifications,
    },
};

impl People {
    /// Erases an account: identifiers at the platform, persons, telephone, codes, verifications and
    /// links. Consents are withdrawn and stay, as does what was done with more than a login, without a
    /// name. Erased twice, it is erased once.
    ///
    /// # Errors
    /// [`PeopleError::AccountNotFound`].
    pub async fn erase_account(&self, account: AccountId) -> Result<(), PeopleError> {
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        person::lock_account(&txn, account).await?;
        let persons = persons::Entity::find()
            .filter(persons::Column::AccountId.eq(account.as_uuid()))
            .filter(persons::Column::ErasedAtMs.is_null())
            .all(&txn)
            .await?;
        for row in persons {
            erase_row(&txn, row, now).await?;
        }
        mobiles::Entity::delete_by_id(account.as_uuid()).exec(&txn).await?;
        sms_codes::Entity::delete_many()
            .filter(sms_codes::Column::AccountId.eq(account.as_uuid()))
            .exec(&txn)
            .await?;
        verifications::Entity::delete_many()
            .filter(verifications::Column::AccountId.eq(account.as_uuid()))
            .exec(&txn)
            .await?;
        // The envelope still works for nobody; whose it was is forgotten.
        phone_proofs::Entity::update_many()
            .col_expr(phone_proofs::Column::AccountId, Expr::value(Uuid::nil()))
            .filter(phone_proofs::Column::AccountId.eq(account.as_uuid()))
            .exec(&txn)
            .await?;
        payment_requests::Entity::delete_many()
            .filter(payment_requests::Column::AccountId.eq(account.as_uuid()))
            .exec(&txn)
            .await?;
        account_names::Entity::delete_many()
            .filter(account_names::Column::AccountId.eq(account.as_uuid()))
            .exec(&txn)
            .await?;
        let gone = accounts::ActiveModel {
            id: Set(account.as_uuid()),
            erased_at_ms: Set(Some(now.as_millis())),
            ..Default::default()
        };
        gone.update(&txn).await?;
        txn.commit().await?;
        Ok(())
    }

    /// Erases what is sealed of one removed person.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn erase_removed_person(&self, id: PersonId) -> Result<(), PeopleError> {
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        let row = persons::Entity::find_by_id(id.as_uuid())
            .filter(persons::Column::RemovedAtMs.is_not_null())
            .filter(persons::Column::ErasedAtMs.is_null())
            .one(&txn)
            .await?;
        if let Some(row) = row {
            erase_row(&txn, row, now).await?;
        }
        txn.commit().await?;
        Ok(())
    }
}

async fn erase_row(
    txn: &DatabaseTransaction,
    row: persons::Model,
    now: Timestamp,
) -> Result<(), PeopleError> {
    consent::withdraw(txn, PersonId::from_uuid(row.id), now).await?;
    let change = persons::ActiveModel {
        document_sealed: Set(Vec::new()),
        name_sealed: Set(Vec::new()),
        key_id: Set(String::new()),
        document_hash: Set(String::new()),
        hash_key_id: Set(String::new()),
        removed_at_ms: Set(Some(row.removed_at_ms.unwrap_or(now.as_millis()))),
        erased_at_ms: Set(Some(now.as_millis())),
        ..row.into()
    };
    change.update(txn).await?;
    Ok(())
}
