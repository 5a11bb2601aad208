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
    id: PersonId,
    relation: Relation,
    pub(crate) identity: Identity,
    created_at: Timestamp,
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
            relation: row.relation.parse().map_err(|_| damaged("relation"))?,
            identity: Identity {
                document: Document::parse(kind, &number, now)
                    .map_err(|_| damaged("document_sealed"))?,
                name: PersonName::parse(&name).map_err(|_| damaged("name_sealed"))?,
            },
            created_at: Timestamp::from_millis(row.created_at_ms),
        })
    }

    fn masked(&self) -> InsuredPerson {
        let document = &self.identity.document;
        InsuredPerson {
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

/// Locks the account, so that its persons are added one after the other: the limits and the rule of
/// one own person are counted, and no index could hold them.
async fn lock_account(txn: &DatabaseTransaction, account: AccountId) -> Result<(), PeopleError> {
    let found = accounts::Entity::find_by_id(account.as_uuid())
        .lock_exclusive() // nothing on SQLite, where the transaction is the only writer
        .one(txn)
        .await?;
    found.map(|_| ()).ok_or(PeopleError::AccountNotFound)
}

async fn live_rows(
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
        consent::check_version(&new.consent_text_version)?;
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        lock_account(&txn, account).await?;
        let rows = live_rows(&txn, account).await?;
        let document = &new.identity.document;
        let hashes =
            self.cipher.lookup_hashes(&hash_context(document.kind()), document.number().as_bytes());
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
                self.insert_person(&txn, account, &new, now).await?
            }
        };
        let consent = ConsentId::generate(now, &*self.entropy);
        let version = &new.consent_text_version;
        let purpose = new.relation.purpose();
        consent::give(&txn, account, person.id, purpose, version, consent, now).await?;
        txn.commit().await?;
        Ok(person.masked())
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
        };
        Entity::insert(row).exec_without_returning(txn).await?;
        let identity = new.identity.clone();
        Ok(OpenedPerson { id, relation: new.relation, identity, created_at: now })
    }

    /// The account's persons, oldest first, at most [`People::PERSONS_MAX`].
    ///
    /// # Errors
    /// When the database fails, or a row is damaged or does not open.
    pub async fn list_persons(
        &self,
        account: AccountId,
    ) -> Result<Vec<InsuredPerson>, PeopleError> {
        let now = self.clock.now();
        let rows = live_rows(&self.db, account).await?;
        rows.iter().map(|row| Ok(OpenedPerson::open(&self.cipher, row, now)?.masked())).collect()
    }

    /// # Errors
    /// [`PeopleError::PersonNotFound`] for unknown, removed and other accounts' persons alike.
    pub async fn person(
        &self,
        account: AccountId,
        id: PersonId,
    ) -> Result<InsuredPerson, PeopleError> {
        let row = self.row_of(account, id).await?;
        live(&row)?;
        Ok(OpenedPerson::open(&self.cipher, &row, self.clock.now())?.masked())
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
        let removed = Entity::update_many()
            .col_expr(Column::RemovedAtMs, Expr::value(now.as_millis()))
            .filter(Column::Id.eq(id.as_uuid()))
            .filter(Column::AccountId.eq(account.as_uuid()))
            .filter(Column::RemovedAtMs.is_null())
            .exec(&txn)
            .await?;
        if removed.rows_affected == 0 {
            return Err(PeopleError::PersonNotFound);
        }
        consent::withdraw(&txn, id, now).await?;
        txn.commit().await?;
        Ok(())
    }

    async fn row_of(
        &self,
        account: AccountId,
        id: PersonId,
    ) -> Result<persons::Model, PeopleError> {
        Entity::find_by_id(id.as_uuid())
            .filter(Column::AccountId.eq(account.as_uuid()))
            .one(&self.db)
            .await?
            .ok_or(PeopleError::PersonNotFound)
    }
}

fn live(row: &persons::Model) -> Result<(), PeopleError> {
    if row.removed_at_ms.is_none() { Ok(()) } else { Err(PeopleError::PersonNotFound) }
}
