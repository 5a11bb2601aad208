//! Union: two accounts that turn out to be one person's become one (see
//! `docs/decisions/2026-11-24-two-accounts-of-one-person.md`).
//!
//! It happens when a person had logged in under a user id and under an open id before a login brought
//! both. Everything of the younger account goes to the older one; what both have alike is kept once.
//! Nothing is forgotten that an order points to.

use std::collections::HashMap;

use kernel::{AccountId, PersonId, Timestamp};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, DatabaseTransaction, EntityTrait,
    QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    BoundMobile, Mobile, People, PeopleError, Relation,
    account::Change,
    consent, mobile, name,
    person::{self, OpenedPerson, RemovedBy},
    table::{
        accounts, acts, consents, mobiles, payment_requests, persons, phone_proofs, sms_codes,
        verifications,
    },
};

impl People {
    /// Takes everything of `absorbed` into `kept`, in a transaction of the room that moves the orders
    /// too. `None`: it was done before.
    ///
    /// Gives the persons of `absorbed` that `kept` has as well, with the entry that stays: whatever
    /// points to the one has to point to the other.
    ///
    /// # Errors
    /// [`PeopleError::AccountNotFound`] when one of them was erased, went into a third one, or is of
    /// another application.
    pub async fn absorb(
        &self,
        txn: &DatabaseTransaction,
        kept: AccountId,
        absorbed: AccountId,
    ) -> Result<Option<Vec<(PersonId, PersonId)>>, PeopleError> {
        let now = self.clock.now();
        // In one order, so that two unions wait for each other and never in a circle.
        let rows = accounts::Entity::find()
            .filter(accounts::Column::Id.is_in([kept.as_uuid(), absorbed.as_uuid()]))
            .filter(accounts::Column::ErasedAtMs.is_null())
            .order_by_asc(accounts::Column::Id)
            .lock_exclusive()
            .all(txn)
            .await?;
        let of = |id: AccountId| {
            let row = rows.iter().find(|row| row.id == id.as_uuid());
            row.ok_or(PeopleError::AccountNotFound)
        };
        let (into, from) = (of(kept)?, of(absorbed)?);
        if from.united_into == Some(into.id) {
            return Ok(None);
        }
        let one_place = (&into.channel, &into.app_id) == (&from.channel, &from.app_id);
        if kept == absorbed
            || !one_place
            || into.united_into.is_some()
            || from.united_into.is_some()
        {
            return Err(PeopleError::AccountNotFound);
        }
        name::hand_over(txn, &self.cipher, absorbed, kept).await?;
        let same = self.hand_over_persons(txn, absorbed, kept, now).await?;
        self.hand_over_mobile(txn, absorbed, kept).await?;
        hand_over_the_rest(txn, absorbed, kept, &same).await?;
        // Whatever went into the absorbed one before is the kept one's now.
        accounts::Entity::update_many()
            .col_expr(accounts::Column::UnitedInto, Expr::value(kept.as_uuid()))
            .filter(
                Condition::any()
                    .add(accounts::Column::Id.eq(absorbed.as_uuid()))
                    .add(accounts::Column::UnitedInto.eq(absorbed.as_uuid())),
            )
            .exec(txn)
            .await?;
        self.write_change(txn, kept, Change::United(absorbed), now).await?;
        let id = PersonId::from_uuid;
        Ok(Some(same.into_iter().map(|(from, to)| (id(from), id(to))).collect()))
    }

    /// Persons of the absorbed account, with the entry of the same person that stays in their place.
    async fn hand_over_persons(
        &self,
        txn: &DatabaseTransaction,
        from: AccountId,
        to: AccountId,
        now: Timestamp,
    ) -> Result<HashMap<Uuid, Uuid>, PeopleError> {
        let mut there = Vec::new();
        for row in person::live_rows(txn, to).await? {
            there.push((OpenedPerson::open(&self.cipher, &row, now)?, row));
        }
        let rows = persons::Entity::find()
            .filter(persons::Column::AccountId.eq(from.as_uuid()))
            .order_by_asc(persons::Column::Id)
            .lock_exclusive()
            .all(txn)
            .await?;
        let mut same = HashMap::new();
        for row in rows {
            if row.erased_at_ms.is_some() {
                let change = persons::ActiveModel { account_id: Set(to.as_uuid()), ..row.into() };
                change.update(txn).await?;
                continue;
            }
            let (id, is_live) = (row.id, row.removed_at_ms.is_none());
            let verified = (row.verified_at_ms, row.verified_source.clone());
            let opened = OpenedPerson::open(&self.cipher, &row, now)?;
            let mut change = person::resealed(&self.cipher, row, to, now)?;
            let document = &opened.identity.document;
            let twin = there.iter().find(|(known, _)| known.identity.document == *document);
            match twin.filter(|_| is_live) {
                Some((known, kept)) if known.identity == opened.identity => {
                    // Alike: orders, consents and requests go to the entry that stays.
                    same.insert(id, kept.id);
                    if kept.verified_at_ms.is_none() && verified.0.is_some() {
                        verify(txn, kept.id, verified).await?;
                    }
                    change.removed_at_ms = Set(Some(now.as_millis()));
                    change.removed_by = Set(Some(RemovedBy::Payer.code().to_owned()));
                }
                Some(_) => {
                    // One document under two names: the entry stays for the orders that it is in.
                    consent::withdraw(txn, opened.id, now).await?;
                    change.removed_at_ms = Set(Some(now.as_millis()));
                    change.removed_by = Set(Some(RemovedBy::Payer.code().to_owned()));
                }
                None if is_live && opened.relation == Relation::Own => {
                    self.one_own_person(txn, &there, &mut change, verified.0.is_some()).await?;
                }
                None => {}
            }
            change.update(txn).await?;
        }
        Ok(same)
    }

    /// Nobody is two persons: of two that each account held for its owner, the one whose real name a
    /// platform has proven is, and otherwise the one of the account that stays.
    async fn one_own_person(
        &self,
        txn: &DatabaseTransaction,
        there: &[(OpenedPerson, persons::Model)],
        comes: &mut persons::ActiveModel,
        comes_proven: bool,
    ) -> Result<(), PeopleError> {
        let own = there.iter().find(|(person, _)| person.relation == Relation::Own);
        let Some((_, own)) = own else { return Ok(()) };
        let other = Relation::Other.code();
        if comes_proven && own.verified_at_ms.is_none() {
            persons::Entity::update_many()
                .col_expr(persons::Column::Relation, Expr::value(other))
                .filter(persons::Column::Id.eq(own.id))
                .exec(txn)
                .await?;
        } else {
            comes.relation = Set(other.to_owned());
        }
        Ok(())
    }

    /// The number of the account that stays counts; one of the other is taken where there is none.
    async fn hand_over_mobile(
        &self,
        txn: &DatabaseTransaction,
        from: AccountId,
        to: AccountId,
    ) -> Result<(), PeopleError> {
        let there = mobiles::Entity::find_by_id(to.as_uuid()).one(txn).await?;
        let comes = mobiles::Entity::find_by_id(from.as_uuid()).lock_exclusive().one(txn).await?;
        if let (None, Some(row)) = (there, comes) {
            let damaged =
                |column| PeopleError::Damaged { table: "mobiles", column, row: row.account_id };
            let bound = BoundMobile {
                number: Mobile::parse(&mobile::open(&self.cipher, &row)?)
                    .map_err(|_| damaged("number_sealed"))?,
                source: row.source.parse().map_err(|_| damaged("source"))?,
                bound_at: Timestamp::from_millis(row.bound_at_ms),
            };
            mobile::bind(txn, &self.cipher, to, &bound).await?;
        }
        mobiles::Entity::delete_by_id(from.as_uuid()).exec(txn).await?;
        Ok(())
    }
}

async fn verify(
    txn: &DatabaseTransaction,
    person: Uuid,
    (at, source): (Option<i64>, Option<String>),
) -> Result<(), PeopleError> {
    persons::Entity::update_many()
        .col_expr(persons::Column::VerifiedAtMs, Expr::value(at))
        .col_expr(persons::Column::VerifiedSource, Expr::value(source))
        .filter(persons::Column::Id.eq(person))
        .exec(txn)
        .await?;
    Ok(())
}

async fn hand_over_the_rest(
    txn: &DatabaseTransaction,
    from: AccountId,
    to: AccountId,
    same: &HashMap<Uuid, Uuid>,
) -> Result<(), PeopleError> {
    let (from, to) = (from.as_uuid(), to.as_uuid());
    // Codes and verifications that are under way are bound to the account that they began in, and are
    // begun anew.
    sms_codes::Entity::delete_many()
        .filter(sms_codes::Column::AccountId.eq(from))
        .exec(txn)
        .await?;
    verifications::Entity::delete_many()
        .filter(verifications::Column::AccountId.eq(from))
        .exec(txn)
        .await?;
    phone_proofs::Entity::update_many()
        .col_expr(phone_proofs::Column::AccountId, Expr::value(to))
        .filter(phone_proofs::Column::AccountId.eq(from))
        .exec(txn)
        .await?;
    acts::Entity::update_many()
        .col_expr(acts::Column::AccountId, Expr::value(to))
        .filter(acts::Column::AccountId.eq(from))
        .exec(txn)
        .await?;
    consents::Entity::update_many()
        .col_expr(consents::Column::AccountId, Expr::value(to))
        .filter(consents::Column::AccountId.eq(from))
        .exec(txn)
        .await?;
    use payment_requests::Column as Asked;
    payment_requests::Entity::update_many()
        .col_expr(Asked::AccountId, Expr::value(to))
        .filter(Asked::AccountId.eq(from))
        .exec(txn)
        .await?;
    payment_requests::Entity::update_many()
        .col_expr(Asked::AcceptedBy, Expr::value(to))
        .filter(Asked::AcceptedBy.eq(from))
        .exec(txn)
        .await?;
    for (gone, stays) in same {
        consents::Entity::update_many()
            .col_expr(consents::Column::PersonId, Expr::value(*stays))
            .filter(consents::Column::PersonId.eq(*gone))
            .exec(txn)
            .await?;
        for column in [Asked::PersonId, Asked::AcceptedPerson] {
            payment_requests::Entity::update_many()
                .col_expr(column, Expr::value(*stays))
                .filter(column.eq(*gone))
                .exec(txn)
                .await?;
        }
    }
    Ok(())
}
