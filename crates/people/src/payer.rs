//! Who pays for me: a person whose real name is proven sees the accounts that hold them, and ends it.
//!
//! Found by the keyed hash of the document, which is the same in every account. Shown are those who
//! say that they pay for somebody else, and those who say that they are this person and have not
//! proven it. Whoever is taken off stays off until the insured person asks for it (see
//! `payment_request`).

use kernel::{AccountId, Channel, PersonId, Timestamp};
use migrations::begin_write;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::{
    People, PeopleError, Relation,
    person::{self, OpenedPerson, RemovedBy},
    table::{
        accounts,
        persons::{self, Column, Entity},
    },
};

/// Somebody's account that holds the insured person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayerOf {
    /// The entry in the payer's account; opens nothing, names it for removal.
    pub id: PersonId,
    /// What the payer says they are: `Own` is somebody who claims to be this person.
    pub relation: Relation,
    pub channel: Channel,
    /// The payer's own masked name, when they entered themselves.
    pub masked_name: Option<String>,
    pub since: Timestamp,
}

impl People {
    /// How many payers are shown; the oldest.
    pub const PAYERS_MAX: u64 = 100;

    /// The accounts that hold the owner of this one.
    ///
    /// # Errors
    /// [`PeopleError::RealNameNeeded`] unless the account's own person is proven.
    pub async fn list_payers(&self, account: AccountId) -> Result<Vec<PayerOf>, PeopleError> {
        let now = self.clock.now();
        let own = self.proven_person(&self.db, account, now).await?;
        let rows = self.held_elsewhere(&self.db, account, &own).await?;
        let mut payers = Vec::new();
        for row in rows {
            let damaged =
                |column| PeopleError::Damaged { table: persons::TABLE, column, row: row.id };
            let payer = accounts::Entity::find_by_id(row.account_id).one(&self.db).await?;
            let payer = payer.ok_or(damaged("account_id"))?;
            let of_payer = person::live_rows(&self.db, AccountId::from_uuid(payer.id)).await?;
            let themselves = of_payer.iter().find(|row| row.relation == Relation::Own.code());
            let masked_name = match themselves {
                Some(row) => {
                    Some(OpenedPerson::open(&self.cipher, row, now)?.identity.name.masked())
                }
                None => None,
            };
            payers.push(PayerOf {
                id: PersonId::from_uuid(row.id),
                relation: row.relation.parse().map_err(|_| damaged("relation"))?,
                channel: payer.channel.parse().map_err(|_| damaged("account_id"))?,
                masked_name,
                since: Timestamp::from_millis(row.created_at_ms),
            });
        }
        Ok(payers)
    }

    /// Takes the owner of this account out of another account. What was paid stays paid, and what is
    /// under way is posted or refunded.
    ///
    /// # Errors
    /// [`PeopleError::RealNameNeeded`], [`PeopleError::PayerNotFound`].
    pub async fn remove_payer(&self, account: AccountId, id: PersonId) -> Result<(), PeopleError> {
        let now = self.clock.now();
        let own = self.proven_person(&self.db, account, now).await?;
        let held = self.held_elsewhere(&self.db, account, &own).await?;
        let row = held
            .into_iter()
            .find(|row| row.id == id.as_uuid())
            .ok_or(PeopleError::PayerNotFound)?;
        let payer = AccountId::from_uuid(row.account_id);
        let txn = begin_write(&self.db).await?;
        person::lock_account(&txn, payer).await.map_err(|error| match error {
            PeopleError::AccountNotFound => PeopleError::PayerNotFound,
            other => other,
        })?;
        // Under the payer's lock: whether they still hold this person, and have not proven it.
        let held = self.held_elsewhere(&txn, account, &own).await?;
        if !held.iter().any(|row| row.id == id.as_uuid()) {
            return Err(PeopleError::PayerNotFound);
        }
        person::remove(&txn, payer, id, RemovedBy::Insured, now).await?;
        txn.commit().await?;
        Ok(())
    }

    /// The account's own person, when a platform has said that they are who they say.
    pub(crate) async fn proven_person(
        &self,
        db: &impl ConnectionTrait,
        account: AccountId,
        now: Timestamp,
    ) -> Result<OpenedPerson, PeopleError> {
        let rows = person::live_rows(db, account).await?;
        let own = rows
            .iter()
            .find(|row| row.relation == Relation::Own.code() && row.verified_at_ms.is_some())
            .ok_or(PeopleError::RealNameNeeded)?;
        OpenedPerson::open(&self.cipher, own, now)
    }

    async fn held_elsewhere(
        &self,
        db: &impl ConnectionTrait,
        account: AccountId,
        own: &OpenedPerson,
    ) -> Result<Vec<persons::Model>, PeopleError> {
        let document = &own.identity.document;
        let unproven = Condition::any()
            .add(Column::Relation.eq(Relation::Other.code()))
            .add(Column::VerifiedAtMs.is_null());
        let rows = Entity::find()
            .filter(Column::DocumentKind.eq(document.kind().code()))
            .filter(Column::DocumentHash.is_in(self.document_hashes(document)))
            .filter(Column::AccountId.ne(account.as_uuid()))
            .filter(Column::RemovedAtMs.is_null())
            .filter(unproven)
            .order_by_asc(Column::CreatedAtMs)
            .order_by_asc(Column::Id)
            .limit(People::PAYERS_MAX)
            .all(db)
            .await?;
        Ok(rows)
    }
}
