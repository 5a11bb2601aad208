//! Insured persons: whose contributions an account pays.

use std::{fmt, str::FromStr};

use kernel::{
    AccountId, ConsentId, Document, DocumentKind, Identity, PersonId, PersonName, Timestamp,
};
use migrations::begin_write;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};
use serde::{Deserialize, Serialize};

use crate::{
    CipherError, FieldCipher, People, PeopleError, Sealed,
    consent::{self, Purpose},
    real_name::{self, RealName},
    table::{
        accounts,
        persons::{self, Column, Entity, TABLE},
    },
};

/// Whether the account's owner is the insured person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Relation {
    #[serde(rename = "self")]
    Own,
    #[serde(rename = "other")]
    Other,
}

impl Relation {
    /// The stable code in the database and in JSON.
    pub const fn code(self) -> &'static str {
        match self {
            Relation::Own => "self",
            Relation::Other => "other",
        }
    }

    pub const fn purpose(self) -> Purpose {
        match self {
            Relation::Own => Purpose::PayForSelf,
            Relation::Other => Purpose::PayForOther,
        }
    }
}

impl FromStr for Relation {
    type Err = kernel::UnknownWord;
    fn from_str(code: &str) -> Result<Relation, kernel::UnknownWord> {
        [Relation::Own, Relation::Other]
            .into_iter()
            .find(|known| known.code() == code)
            .ok_or(kernel::UnknownWord { list: "Relation", expected: "self other" })
    }
}

/// What a citizen enters. Its `Debug` shows neither name nor number.
#[derive(Clone, Debug)]
pub struct NewPerson {
    pub identity: Identity,
    pub relation: Relation,
    /// Which wording of the consent was on the screen.
    pub consent_text_version: String,
    /// Which wording of the guardian's statement was on the screen: needed for somebody else under
    /// fourteen (PIPL article 31).
    pub guardian_text_version: Option<String>,
}

impl NewPerson {
    /// Below this age somebody else needs their guardian's statement.
    pub const GUARDED_BELOW: i32 = 14;

    /// Whether the person is somebody else below [`NewPerson::GUARDED_BELOW`] on the business date.
    /// On the fourteenth birthday nobody is any more; who was born on 29 February has it on 1 March in
    /// ordinary years. A document without a birth date says nothing, and nothing is asked then.
    pub fn needs_guardian(&self, now: Timestamp) -> bool {
        let Some(born) = self.identity.document.birth_date() else { return false };
        let today = now.beijing().date();
        let had_birthday =
            (u8::from(today.month()), today.day()) >= (u8::from(born.month()), born.day());
        let age = today.year() - born.year() - i32::from(!had_birthday);
        self.relation == Relation::Other && age < NewPerson::GUARDED_BELOW
    }
}

/// An insured person as their payer may see them.
#[derive(Clone, PartialEq, Eq)]
pub struct InsuredPerson {
    pub id: PersonId,
    pub relation: Relation,
    pub document_kind: DocumentKind,
    /// `*三`
    pub masked_name: String,
    /// More is shown of one's own number (`320***********000X`) than of somebody else's
    /// (`3****************X`).
    pub masked_number: String,
    /// Whether a platform has said that they are who they say.
    pub real_name: RealName,
    pub created_at: Timestamp,
}

/// Even masked names and numbers stay out of logs.
impl fmt::Debug for InsuredPerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "InsuredPerson({}, {}, {:?}, ***)",
            self.id,
            self.relation.code(),
            self.document_kind
        )
    }
}

/// A sealed column belongs to a row *and* to its account: a row cannot be handed to another account
/// by changing `account_id`.
pub(crate) fn seal_context(column: &str, id: PersonId, account: AccountId) -> String {
    format!("insured_persons.{column}:{id}:{account}")
}

/// The same document has the same hash in every account, so that a person who asks who holds their
/// data can be answered.
pub(crate) fn hash_context(kind: DocumentKind) -> String {
    format!("insured_persons.document:{}", kind.code())
}

/// A row with its sealed columns open.
pub(crate) struct OpenedPerson {
    pub(crate) id: PersonId,
    pub(crate) relation: Relation,
    pub(crate) identity: Identity,
    real_name: RealName,
    pub(crate) created_at: Timestamp,
}

impl OpenedPerson {
    /// `now` is for the document's own check of its birth date.
    pub(crate) fn open(
        cipher: &FieldCipher,
        row: &persons::Model,
        now: Timestamp,
    ) -> Result<OpenedPerson, PeopleError> {
        let id = PersonId::from_uuid(row.id);
        let account = AccountId::from_uuid(row.account_id);
        let damaged =
            |column: &'static str| PeopleError::Damaged { table: TABLE, column, row: row.id };
        let open = |name: &str, column: &'static str, bytes: &[u8]| {
            let sealed = Sealed { key_id: row.key_id.clone(), bytes: bytes.to_vec() };
            cipher.open_text(&seal_context(name, id, account), &sealed).map_err(
                |cause: CipherError| PeopleError::Sealed {
                    table: TABLE,
                    column,
                    row: row.id,
                    cause,
                },
            )
        };
        let number = open("document", "document_sealed", &row.document_sealed)?;
        let name = open("name", "name_sealed", &row.name_sealed)?;
        let kind = row.document_kind.parse().map_err(|_| damaged("document_kind"))?;
        Ok(OpenedPerson {
            id,
            real_name: RealName::of_row(row)?,
            relation: row.relation.parse().map_err(|_| damaged("relation"))?,
            identity: Identity {
                document: Document::parse(kind, &number, now)
                    .map_err(|_| damaged("document_sealed"))?,
                name: PersonName::parse(&name).map_err(|_| damaged("name_sealed"))?,
            },
            created_at: Timestamp::from_millis(row.created_at_ms),
        })
    }

    /// As the payer sees them; `last_try` is the latest verification.
    pub(crate) fn masked(&self, last_try: Option<RealName>) -> InsuredPerson {
        let document = &self.identity.document;
        let proven = self.real_name.verified_at.is_some();
        InsuredPerson {
            real_name: if proven { self.real_name } else { last_try.unwrap_or(self.real_name) },
            id: self.id,
            relation: self.relation,
            document_kind: document.kind(),
            masked_name: self.identity.name.masked(),
            masked_number: match self.relation {
                Relation::Own => document.masked_for_owner(),
                Relation::Other => document.masked_for_payer(),
            },
            created_at: self.created_at,
        }
    }
}

/// A row with its sealed columns under the current keys, as it belongs to `account`.
pub(crate) fn resealed(
    cipher: &FieldCipher,
    row: persons::Model,
    account: AccountId,
    now: Timestamp,
) -> Result<persons::ActiveModel, PeopleError> {
    let identity = OpenedPerson::open(cipher, &row, now)?.identity;
    let id = PersonId::from_uuid(row.id);
    let number = identity.document.number().as_bytes();
    let name = identity.name.as_str().as_bytes();
    let document = cipher.seal(&seal_context("document", id, account), number);
    let name = cipher.seal(&seal_context("name", id, account), name);
    let context = hash_context(identity.document.kind());
    Ok(persons::ActiveModel {
        account_id: Set(account.as_uuid()),
        document_sealed: Set(document.bytes),
        name_sealed: Set(name.bytes),
        key_id: Set(name.key_id),
        document_hash: Set(cipher.lookup_hash(&context, number)),
        hash_key_id: Set(cipher.lookup_key_id().to_owned()),
        ..row.into()
    })
}

/// Locks the account, so that its persons are added one after the other: the limits and the rule of
/// one own person are counted, and no index could hold them.
pub(crate) async fn lock_account(
    txn: &DatabaseTransaction,
    account: AccountId,
) -> Result<(), PeopleError> {
    let found = accounts::Entity::find_by_id(account.as_uuid())
        .filter(accounts::Column::ErasedAtMs.is_null())
        .filter(accounts::Column::UnitedInto.is_null())
        .lock_exclusive() // nothing on SQLite, where the transaction is the only writer
        .one(txn)
        .await?;
    found.map(|_| ()).ok_or(PeopleError::AccountNotFound)
}

pub(crate) async fn live_rows(
    db: &impl ConnectionTrait,
    account: AccountId,
) -> Result<Vec<persons::Model>, PeopleError> {
    let rows = Entity::find()
        .filter(Column::AccountId.eq(account.as_uuid()))
        .filter(Column::RemovedAtMs.is_null())
        .order_by_asc(Column::CreatedAtMs)
        .order_by_asc(Column::Id)
        .all(db)
        .await?;
    Ok(rows)
}

impl People {
    /// Holds an account in a transaction of another room: until it ends, the account is neither erased
    /// nor united with another, so that what is written under its id stays its own.
    ///
    /// # Errors
    /// [`PeopleError::AccountNotFound`].
    pub async fn hold_account(
        &self,
        txn: &DatabaseTransaction,
        account: AccountId,
    ) -> Result<(), PeopleError> {
        lock_account(txn, account).await
    }

    /// Adds an insured person, with consent. Adding the same person again gives the one recorded
    /// before, and records the consent if its wording is new.
    ///
    /// # Errors
    /// [`PeopleError::PersonDiffers`] when the document is there with other details, and the limits
    /// [`PeopleError::OwnPersonExists`] and [`PeopleError::TooManyPersons`].
    pub async fn add_person(
        &self,
        account: AccountId,
        new: NewPerson,
    ) -> Result<InsuredPerson, PeopleError> {
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        lock_account(&txn, account).await?;
        let person = self.add_person_in(&txn, account, new, now).await?;
        txn.commit().await?;
        Ok(person)
    }

    /// [`Self::add_person`] inside a transaction that holds the account.
    pub(crate) async fn add_person_in(
        &self,
        txn: &DatabaseTransaction,
        account: AccountId,
        new: NewPerson,
        now: Timestamp,
    ) -> Result<InsuredPerson, PeopleError> {
        consent::check_version(&new.consent_text_version)?;
        if let Some(version) = &new.guardian_text_version {
            consent::check_version(version)?;
        } else if new.needs_guardian(now) {
            return Err(PeopleError::GuardianNeeded);
        }
        let rows = live_rows(txn, account).await?;
        let document = &new.identity.document;
        let hashes = self.document_hashes(document);
        self.refuse_declined(txn, account, &new, &hashes).await?;
        let same_document = |row: &&persons::Model| {
            row.document_kind == document.kind().code() && hashes.contains(&row.document_hash)
        };
        let person = match rows.iter().find(same_document) {
            Some(row) => {
                let recorded = OpenedPerson::open(&self.cipher, row, now)?;
                if recorded.identity != new.identity || recorded.relation != new.relation {
                    return Err(PeopleError::PersonDiffers);
                }
                recorded
            }
            None => {
                let own = |row: &persons::Model| row.relation == Relation::Own.code();
                if new.relation == Relation::Own && rows.iter().any(own) {
                    return Err(PeopleError::OwnPersonExists);
                }
                if rows.len() >= People::PERSONS_MAX {
                    return Err(PeopleError::TooManyPersons);
                }
                self.insert_person(txn, account, &new, now).await?
            }
        };
        let mut given = vec![(new.relation.purpose(), &new.consent_text_version)];
        if new.relation == Relation::Other {
            given.extend(new.guardian_text_version.iter().map(|text| (Purpose::Guardian, text)));
        }
        for (purpose, version) in given {
            let consent = ConsentId::generate(now, &*self.entropy);
            consent::give(txn, account, person.id, purpose, version, consent, now).await?;
        }
        let last_try = real_name::last_tries(txn, &[person.id], now).await?.remove(&person.id);
        Ok(person.masked(last_try))
    }

    pub(crate) fn document_hashes(&self, document: &Document) -> Vec<String> {
        self.cipher.lookup_hashes(&hash_context(document.kind()), document.number().as_bytes())
    }

    /// Whoever was taken off the list by the insured person stays off it until that person asks.
    async fn refuse_declined(
        &self,
        txn: &DatabaseTransaction,
        account: AccountId,
        new: &NewPerson,
        hashes: &[String],
    ) -> Result<(), PeopleError> {
        let declined = Entity::find()
            .filter(Column::AccountId.eq(account.as_uuid()))
            .filter(Column::DocumentKind.eq(new.identity.document.kind().code()))
            .filter(Column::DocumentHash.is_in(hashes))
            .filter(Column::RemovedBy.eq(RemovedBy::Insured.code()))
            .one(txn)
            .await?;
        if declined.is_some() { Err(PeopleError::PersonDeclined) } else { Ok(()) }
    }

    async fn insert_person(
        &self,
        txn: &DatabaseTransaction,
        account: AccountId,
        new: &NewPerson,
        now: Timestamp,
    ) -> Result<OpenedPerson, PeopleError> {
        let id = PersonId::generate(now, &*self.entropy);
        let Identity { document, name } = &new.identity;
        let number = document.number().as_bytes();
        let sealed_number = self.cipher.seal(&seal_context("document", id, account), number);
        let sealed_name =
            self.cipher.seal(&seal_context("name", id, account), name.as_str().as_bytes());
        let row = persons::ActiveModel {
            id: Set(id.as_uuid()),
            account_id: Set(account.as_uuid()),
            relation: Set(new.relation.code().to_owned()),
            document_kind: Set(document.kind().code().to_owned()),
            document_sealed: Set(sealed_number.bytes),
            name_sealed: Set(sealed_name.bytes),
            key_id: Set(sealed_name.key_id),
            document_hash: Set(self.cipher.lookup_hash(&hash_context(document.kind()), number)),
            hash_key_id: Set(self.cipher.lookup_key_id().to_owned()),
            created_at_ms: Set(now.as_millis()),
            removed_at_ms: Set(None),
            verified_at_ms: Set(None),
            verified_source: Set(None),
            removed_by: Set(None),
            erased_at_ms: Set(None),
        };
        Entity::insert(row).exec_without_returning(txn).await?;
        let identity = new.identity.clone();
        let (relation, real_name) = (new.relation, RealName::NONE);
        Ok(OpenedPerson { id, relation, identity, real_name, created_at: now })
    }

    /// The account's persons, oldest first; of an account that was united with another, perhaps more
    /// than [`People::PERSONS_MAX`].
    ///
    /// # Errors
    /// When the database fails, or a row is damaged or does not open.
    pub async fn list_persons(
        &self,
        account: AccountId,
    ) -> Result<Vec<InsuredPerson>, PeopleError> {
        let now = self.clock.now();
        let rows = live_rows(&self.db, account).await?;
        let ids: Vec<PersonId> = rows.iter().map(|row| PersonId::from_uuid(row.id)).collect();
        let mut last_tries = real_name::last_tries(&self.db, &ids, now).await?;
        let masked = |row: &persons::Model| {
            let last_try = last_tries.remove(&PersonId::from_uuid(row.id));
            Ok(OpenedPerson::open(&self.cipher, row, now)?.masked(last_try))
        };
        rows.iter().map(masked).collect()
    }

    /// # Errors
    /// [`PeopleError::PersonNotFound`] for unknown, removed and other accounts' persons alike.
    pub async fn person(
        &self,
        account: AccountId,
        id: PersonId,
    ) -> Result<InsuredPerson, PeopleError> {
        let now = self.clock.now();
        let row = self.row_of(account, id).await?;
        live(&row)?;
        let last_try = real_name::last_tries(&self.db, &[id], now).await?.remove(&id);
        Ok(OpenedPerson::open(&self.cipher, &row, now)?.masked(last_try))
    }

    /// Name and whole document number, to ask the agency about bills and to place an order.
    ///
    /// # Errors
    /// [`PeopleError::PersonNotFound`] for unknown, removed and other accounts' persons alike.
    pub async fn identity_of(
        &self,
        account: AccountId,
        id: PersonId,
    ) -> Result<Identity, PeopleError> {
        let row = self.row_of(account, id).await?;
        live(&row)?;
        Ok(OpenedPerson::open(&self.cipher, &row, self.clock.now())?.identity)
    }

    /// [`Self::identity_of`] for an order that is under way: also of a removed person, because money
    /// that was paid before the removal must still reach the agency.
    ///
    /// # Errors
    /// [`PeopleError::PersonNotFound`] for unknown and other accounts' persons.
    pub async fn identity_for_posting(
        &self,
        account: AccountId,
        id: PersonId,
    ) -> Result<Identity, PeopleError> {
        let row = self.row_of(account, id).await?;
        Ok(OpenedPerson::open(&self.cipher, &row, self.clock.now())?.identity)
    }

    /// Takes a person out of the account and withdraws the consents. The row stays, sealed, for
    /// orders under way and for the evidence of consent.
    ///
    /// # Errors
    /// [`PeopleError::PersonNotFound`] for unknown, removed and other accounts' persons alike.
    pub async fn remove_person(&self, account: AccountId, id: PersonId) -> Result<(), PeopleError> {
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        lock_account(&txn, account).await.map_err(|error| match error {
            PeopleError::AccountNotFound => PeopleError::PersonNotFound,
            other => other,
        })?;
        remove(&txn, account, id, RemovedBy::Payer, now).await?;
        txn.commit().await?;
        Ok(())
    }

    pub(crate) async fn row_of(
        &self,
        account: AccountId,
        id: PersonId,
    ) -> Result<persons::Model, PeopleError> {
        Entity::find_by_id(id.as_uuid())
            .filter(Column::AccountId.eq(account.as_uuid()))
            .filter(Column::ErasedAtMs.is_null())
            .one(&self.db)
            .await?
            .ok_or(PeopleError::PersonNotFound)
    }
}

/// Who took a person off an account's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RemovedBy {
    Payer,
    /// The insured person, who thereby also says: not again.
    Insured,
    /// The insured person, who has asked for it again since.
    Lifted,
}

impl RemovedBy {
    pub(crate) const fn code(self) -> &'static str {
        match self {
            RemovedBy::Payer => "payer",
            RemovedBy::Insured => "insured",
            RemovedBy::Lifted => "lifted",
        }
    }
}

/// Takes a person off the list of a locked account and withdraws the consents.
pub(crate) async fn remove(
    txn: &DatabaseTransaction,
    account: AccountId,
    id: PersonId,
    by: RemovedBy,
    now: Timestamp,
) -> Result<(), PeopleError> {
    let removed = Entity::update_many()
        .col_expr(Column::RemovedAtMs, Expr::value(now.as_millis()))
        .col_expr(Column::RemovedBy, Expr::value(by.code()))
        .filter(Column::Id.eq(id.as_uuid()))
        .filter(Column::AccountId.eq(account.as_uuid()))
        .filter(Column::RemovedAtMs.is_null())
        .exec(txn)
        .await?;
    if removed.rows_affected == 0 {
        return Err(PeopleError::PersonNotFound);
    }
    consent::withdraw(txn, id, now).await
}

pub(crate) fn live(row: &persons::Model) -> Result<(), PeopleError> {
    if row.removed_at_ms.is_none() { Ok(()) } else { Err(PeopleError::PersonNotFound) }
}
