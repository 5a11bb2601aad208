//! Insured persons: whose contributions an account pays.

mod new;

use std::fmt;

use kernel::{
    AccountId, ConsentId, Document, DocumentKind, Identity, PersonId, PersonName, Timestamp,
};
use migrations::begin_write;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};
use uuid::Uuid;

pub use self::new::{NewPerson, Relation};
use crate::{
    CipherError, FieldCipher, People, PeopleError, Sealed,
    consent::{self, Purpose},
    real_name::{self, RealName},
    table::{
        accounts,
        persons::{self, Column, Entity, TABLE},
    },
};

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
    /// When they were taken off the list.
    pub removed_at: Option<Timestamp>,
}

impl InsuredPerson {
    /// Whether the account's owner is this person, by a platform's word: anybody can type a number.
    /// Everybody else sees what a payer may see.
    pub fn is_proven_owner(&self) -> bool {
        self.relation == Relation::Own && self.real_name.verified_at.is_some()
    }
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
    /// An agency, or the platform that proved the name, agrees with name and number.
    pub(crate) recognised: bool,
    pub(crate) created_at: Timestamp,
    removed_at: Option<Timestamp>,
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
                name: PersonName::restore(&name).ok_or_else(|| damaged("name_sealed"))?,
            },
            recognised: row.recognised_at_ms.is_some() || row.verified_at_ms.is_some(),
            created_at: Timestamp::from_millis(row.created_at_ms),
            removed_at: row.removed_at_ms.map(Timestamp::from_millis),
        })
    }

    pub(crate) const fn is_proven(&self) -> bool {
        self.real_name.verified_at.is_some()
    }

    /// As the payer sees them; `last_try` is the latest verification.
    pub(crate) fn masked(&self, last_try: Option<RealName>) -> InsuredPerson {
        let document = &self.identity.document;
        InsuredPerson {
            real_name: if self.is_proven() {
                self.real_name
            } else {
                last_try.unwrap_or(self.real_name)
            },
            id: self.id,
            relation: self.relation,
            document_kind: document.kind(),
            masked_name: self.identity.name.masked(),
            masked_number: match self.relation {
                Relation::Own => document.masked_for_owner(),
                Relation::Other => document.masked_for_payer(),
            },
            created_at: self.created_at,
            removed_at: self.removed_at,
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
    /// How many entries of one document are looked at; more than a family has accounts.
    const ENTRIES_MAX: u64 = 1_000;

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
    /// [`PeopleError::PersonDiffers`] when the document is there with other details, the limits
    /// [`PeopleError::OwnPersonExists`] and [`PeopleError::TooManyPersons`], and what a child needs:
    /// [`PeopleError::BirthDateNeeded`], [`PeopleError::OwnPersonTooYoung`] and
    /// [`PeopleError::GuardianNeeded`].
    pub async fn add_person(
        &self,
        account: AccountId,
        new: NewPerson,
    ) -> Result<InsuredPerson, PeopleError> {
        let now = self.clock.now();
        new.check_age(now)?;
        let txn = begin_write(&self.db).await?;
        lock_account(&txn, account).await?;
        let person = self.add_person_in(&txn, account, new, now).await?;
        txn.commit().await?;
        Ok(person)
    }

    /// [`Self::add_person`] inside a transaction that holds the account, once the age is known.
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
            recognised_at_ms: Set(None),
            erased_at_ms: Set(None),
        };
        Entity::insert(row).exec_without_returning(txn).await?;
        Ok(OpenedPerson {
            id,
            relation: new.relation,
            identity: new.identity.clone(),
            real_name: RealName::NONE,
            recognised: false,
            created_at: now,
            removed_at: None,
        })
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

    /// Removed persons of whom something is kept still, the latest first, at most a hundred.
    ///
    /// # Errors
    /// When the database fails, or a row is damaged or does not open.
    pub async fn list_removed_persons(
        &self,
        account: AccountId,
    ) -> Result<Vec<InsuredPerson>, PeopleError> {
        let now = self.clock.now();
        let rows = Entity::find()
            .filter(Column::AccountId.eq(account.as_uuid()))
            .filter(Column::RemovedAtMs.is_not_null())
            .filter(Column::ErasedAtMs.is_null())
            .order_by_desc(Column::RemovedAtMs)
            .limit(100)
            .all(&self.db)
            .await?;
        rows.iter()
            .map(|row| Ok(OpenedPerson::open(&self.cipher, row, now)?.masked(None)))
            .collect()
    }

    /// All entries of the same document, in any account, removed ones included: what one human did
    /// or had done counts together. `db` is the caller's transaction.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn entries_of(
        &self,
        db: &impl ConnectionTrait,
        document: &Document,
    ) -> Result<Vec<PersonId>, PeopleError> {
        let rows: Vec<Uuid> = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::DocumentKind.eq(document.kind().code()))
            .filter(Column::DocumentHash.is_in(self.document_hashes(document)))
            .limit(People::ENTRIES_MAX)
            .into_tuple()
            .all(db)
            .await?;
        Ok(rows.into_iter().map(PersonId::from_uuid).collect())
    }

    /// The keyed hash under which a document is counted; always of the current key.
    pub fn document_mark(&self, document: &Document) -> String {
        self.cipher.lookup_hash(&hash_context(document.kind()), document.number().as_bytes())
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
