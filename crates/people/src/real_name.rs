//! Real names: whether a platform has said that the account's owner is the person they say.
//!
//! A verification is of one person, one account and one content: name and document as they were when
//! it began. It costs money and shows a face, so an account has few a day, and beginning twice is one.
//! What the platform is asked, and how it answered, is the caller's; this room keeps what came of it.

mod outcome;

use std::{collections::HashMap, time::Duration};

use kernel::{AccountId, Channel, Identity, PersonId, Secret, Timestamp, VerificationId};
use migrations::begin_write;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction,
    EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::json;

pub use self::outcome::{RealName, RealNameFailure, RealNameSource, RealNameState};
use crate::{
    Act, CipherError, FieldCipher, InsuredPerson, People, PeopleError, Relation, Sealed, account,
    consent::{self, Purpose},
    person::{self, OpenedPerson},
    quota,
    table::{
        persons,
        verifications::{self, ActiveModel, Column, Entity, TABLE},
    },
};

/// One try. `Debug` shows neither the reference nor the person.
#[derive(Clone, Debug)]
pub struct Verification {
    pub id: VerificationId,
    pub channel: Channel,
    /// Our number at the platform: letters and digits, used once.
    pub number: String,
    /// The platform's name of it; absent until it has begun, and after it is over.
    pub reference: Option<Secret>,
    pub expires_at: Timestamp,
    /// Whom it is about.
    pub person: Identity,
    /// Whether it counts already.
    pub passed: bool,
}

/// A try as it is kept, for whom it is about.
#[derive(Clone, Debug)]
pub struct VerificationSeen {
    pub person: PersonId,
    pub channel: String,
    pub state: String,
    pub failure: Option<String>,
    /// What it was for, beside proving the name.
    pub act: Option<String>,
    pub began_at: Timestamp,
    pub decided_at: Option<Timestamp>,
}

/// What beginning found.
#[derive(Clone, Debug)]
pub enum Begun {
    /// Proven before; nothing is to be done.
    Proven(InsuredPerson),
    /// One that goes on: the platform waits for the person.
    Going(Verification),
    /// A new one. The platform has to be asked, and [`People::keep_reference`] told.
    Fresh(Verification),
}

/// What the platform said of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    NotPassed(RealNameFailure),
    /// The person has not ended it.
    Waiting,
}

const PREPARED: &str = "prepared";
const PENDING: &str = "pending";
pub(crate) const PASSED: &str = "passed";
const FAILED: &str = "failed";

/// A platform's ticket lives an hour (WeChat) or a day (Alipay); nothing is believed later.
const LIFE_MAX: Duration = Duration::from_secs(24 * 3600);

fn seal_context(id: VerificationId, account: AccountId) -> String {
    format!("verifications.reference:{id}:{account}")
}

fn hash_context(person: PersonId, account: AccountId) -> String {
    format!("verifications.content:{person}:{account}")
}

/// What a result counts for. The kind and both texts, so that nothing can be exchanged.
fn content(person: &Identity) -> String {
    let document = &person.document;
    json!([document.kind().code(), document.number(), person.name.as_str()]).to_string()
}

fn open(
    cipher: &FieldCipher,
    row: &verifications::Model,
    person: Identity,
) -> Result<Verification, PeopleError> {
    let id = VerificationId::from_uuid(row.id);
    let damaged = |column| PeopleError::Damaged { table: TABLE, column, row: row.id };
    let reference = match (&row.reference_sealed, &row.key_id) {
        (Some(bytes), Some(key_id)) => {
            let sealed = Sealed { key_id: key_id.clone(), bytes: bytes.clone() };
            let context = seal_context(id, AccountId::from_uuid(row.account_id));
            let column = "reference_sealed";
            let broken = |cause: CipherError| PeopleError::Sealed {
                table: TABLE,
                column,
                row: row.id,
                cause,
            };
            Some(Secret::new(cipher.open_text(&context, &sealed).map_err(broken)?))
        }
        _ => None,
    };
    Ok(Verification {
        id,
        channel: row.channel.parse().map_err(|_| damaged("channel"))?,
        number: row.number.clone(),
        reference,
        expires_at: Timestamp::from_millis(row.expires_at_ms),
        person,
        passed: row.state == PASSED,
    })
}

/// How the latest tries of the last day stand, for persons that have any.
pub(crate) async fn last_tries(
    db: &impl ConnectionTrait,
    persons: &[PersonId],
    now: Timestamp,
) -> Result<HashMap<PersonId, RealName>, PeopleError> {
    let since = now.as_millis() - i64::try_from(LIFE_MAX.as_millis()).unwrap_or(0);
    let rows = Entity::find()
        .filter(Column::PersonId.is_in(persons.iter().map(|id| id.as_uuid())))
        .filter(Column::CreatedAtMs.gte(since))
        .filter(Column::State.is_in([PENDING, FAILED]))
        .order_by_asc(Column::CreatedAtMs)
        .order_by_asc(Column::Id)
        .all(db)
        .await?;
    let mut tries = HashMap::new();
    for row in rows {
        let damaged = |column| PeopleError::Damaged { table: TABLE, column, row: row.id };
        let channel: Channel = row.channel.parse().map_err(|_| damaged("channel"))?;
        let over = row.state == PENDING && row.expires_at_ms <= now.as_millis();
        let failure = match &row.failure {
            Some(code) => Some(RealNameFailure::from_code(code).ok_or(damaged("failure"))?),
            None => over.then_some(RealNameFailure::Expired),
        };
        // Given up or not begun, by the platform's word: it goes on until it is begun anew.
        let going = row.state == PENDING && !over;
        let state = if going { RealNameState::Pending } else { RealNameState::Failed };
        let source = Some(RealNameSource::on(channel));
        let told = RealName { state, source, verified_at: None, failure };
        tries.insert(PersonId::from_uuid(row.person_id), told);
    }
    Ok(tries)
}

impl People {
    /// How often an account may begin a verification on one business day: faces cost money.
    pub const VERIFICATIONS_A_DAY: u32 = 5;
    /// As [`People::VERIFICATIONS_A_DAY`], with those that were given up.
    pub const BEGINNINGS_A_DAY: u32 = 20;

    /// Begins to prove the real name of the account's own person, or goes on with what began before.
    /// With an act, the face is asked for again, for that act. `consent` is the version of the text
    /// that was on the screen: name and number go to a platform.
    ///
    /// # Errors
    /// [`PeopleError::OwnPersonOnly`], [`PeopleError::TooManyVerifications`].
    pub async fn begin_verification(
        &self,
        account: AccountId,
        person: PersonId,
        consent: &str,
        act: Option<Act>,
    ) -> Result<Begun, PeopleError> {
        consent::check_version(consent)?;
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        person::lock_account(&txn, account).await?;
        let channel = self.channel_of(&txn, account).await?;
        let opened = self.own_person(&txn, account, person, now).await?;
        let id = kernel::ConsentId::generate(now, &*self.entropy);
        consent::give(&txn, account, person, Purpose::RealName, consent, id, now).await?;
        let masked = opened.masked(None);
        if act.is_none() && masked.real_name.state == RealNameState::Verified {
            txn.commit().await?;
            return Ok(Begun::Proven(masked));
        }
        let hashes = self.content_hashes(account, person, &opened.identity);
        let going = Entity::find()
            .filter(Column::AccountId.eq(account.as_uuid()))
            .filter(Column::PersonId.eq(person.as_uuid()))
            .filter(Column::Channel.eq(channel.code()))
            .filter(Column::State.eq(PENDING))
            .filter(Column::ContentHash.is_in(hashes))
            .filter(Column::ExpiresAtMs.gt(now.as_millis()))
            .filter(match act {
                Some(act) => Column::Act.eq(act.code()),
                None => Column::Act.is_null(),
            })
            .order_by_desc(Column::CreatedAtMs)
            .limit(1)
            .one(&txn)
            .await?;
        let subject = format!("verifications:{account}");
        match going {
            // Given up: it ends now, and was none of the day's.
            Some(row) if row.failure.is_some() => {
                let began = Timestamp::from_millis(row.created_at_ms);
                decide(&txn, row, FAILED, Some(RealNameFailure::Cancelled), now).await?;
                quota::give_back(&txn, &subject, began).await?;
            }
            Some(row) => {
                txn.commit().await?;
                return Ok(Begun::Going(open(&self.cipher, &row, opened.identity)?));
            }
            None => {}
        }
        let begun = format!("verifications:begun:{account}");
        for (subject, most) in
            [(&subject, People::VERIFICATIONS_A_DAY), (&begun, People::BEGINNINGS_A_DAY)]
        {
            quota::take(&txn, subject, most, None, now)
                .await?
                .map_err(|_| PeopleError::TooManyVerifications)?;
        }
        let id = VerificationId::generate(now, &*self.entropy);
        let context = hash_context(person, account);
        let text = content(&opened.identity);
        let row = ActiveModel {
            id: Set(id.as_uuid()),
            account_id: Set(account.as_uuid()),
            person_id: Set(person.as_uuid()),
            channel: Set(channel.code().to_owned()),
            number: Set(format!("RN{}", self.entropy.hex(15))),
            reference_sealed: Set(None),
            key_id: Set(None),
            content_hash: Set(self.cipher.lookup_hash(&context, text.as_bytes())),
            state: Set(PREPARED.to_owned()),
            failure: Set(None),
            expires_at_ms: Set(now.plus(LIFE_MAX).as_millis()),
            created_at_ms: Set(now.as_millis()),
            decided_at_ms: Set(None),
            act: Set(act.map(|act| act.code().to_owned())),
            used_at_ms: Set(None),
        };
        let row = row.insert(&txn).await?;
        txn.commit().await?;
        Ok(Begun::Fresh(open(&self.cipher, &row, opened.identity)?))
    }

    /// Keeps the platform's name of a new verification, before the citizen gets it.
    ///
    /// # Errors
    /// [`PeopleError::VerificationOver`] when it is not new any more.
    pub async fn keep_reference(
        &self,
        account: AccountId,
        id: VerificationId,
        reference: &Secret,
        expires_at: Timestamp,
    ) -> Result<(), PeopleError> {
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        person::lock_account(&txn, account).await?;
        let row = self.verification_row(&txn, account, None, id).await?;
        if row.state != PREPARED {
            return Err(PeopleError::VerificationOver);
        }
        let sealed = self.cipher.seal(&seal_context(id, account), reference.expose().as_bytes());
        let change = ActiveModel {
            reference_sealed: Set(Some(sealed.bytes)),
            key_id: Set(Some(sealed.key_id)),
            state: Set(PENDING.to_owned()),
            expires_at_ms: Set(expires_at.min(now.plus(LIFE_MAX)).as_millis()),
            ..row.into()
        };
        change.update(&txn).await?;
        txn.commit().await?;
        Ok(())
    }

    /// A verification of this account and person, to ask the platform how it went.
    ///
    /// # Errors
    /// [`PeopleError::VerificationNotFound`] also when the person's content is not what it began
    /// with, [`PeopleError::VerificationOver`] when no answer would count any more.
    pub async fn verification(
        &self,
        account: AccountId,
        person: PersonId,
        id: VerificationId,
    ) -> Result<Verification, PeopleError> {
        let now = self.clock.now();
        let opened = self.own_person(&self.db, account, person, now).await?;
        let row = self.verification_row(&self.db, account, Some(person), id).await?;
        self.check_content(account, person, &opened.identity, &row)?;
        let verification = open(&self.cipher, &row, opened.identity)?;
        let alive = row.state == PENDING && now < verification.expires_at;
        if verification.passed || alive {
            Ok(verification)
        } else {
            Err(PeopleError::VerificationOver)
        }
    }

    /// Writes down what the platform said. Told twice, it acts once; said to pass for another person,
    /// account or content than it began with, it changes nothing.
    ///
    /// # Errors
    /// Those of [`People::verification`].
    pub async fn settle_verification(
        &self,
        account: AccountId,
        person: PersonId,
        id: VerificationId,
        verdict: Verdict,
    ) -> Result<InsuredPerson, PeopleError> {
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        person::lock_account(&txn, account).await?;
        let opened = self.own_person(&txn, account, person, now).await?;
        let row = self.verification_row(&txn, account, Some(person), id).await?;
        self.check_content(account, person, &opened.identity, &row)?;
        match (row.state.as_str(), verdict) {
            (PASSED, _) | (PENDING, Verdict::Waiting) => {}
            // The platform says so also of a person who has not looked into the camera yet.
            (PENDING, Verdict::NotPassed(RealNameFailure::Cancelled)) => {
                let code = RealNameFailure::Cancelled.code().to_owned();
                let change = ActiveModel { failure: Set(Some(code)), ..row.into() };
                change.update(&txn).await?;
            }
            (PENDING, Verdict::Passed) => {
                let channel = row.channel.parse().map_err(|_| PeopleError::Damaged {
                    table: TABLE,
                    column: "channel",
                    row: row.id,
                })?;
                if now.as_millis() >= row.expires_at_ms
                    || channel != self.channel_of(&txn, account).await?
                {
                    return Err(PeopleError::VerificationOver);
                }
                decide(&txn, row, PASSED, None, now).await?;
                if !opened.is_proven() {
                    let proven = persons::ActiveModel {
                        id: Set(person.as_uuid()),
                        verified_at_ms: Set(Some(now.as_millis())),
                        verified_source: Set(Some(RealNameSource::on(channel).code().to_owned())),
                        ..Default::default()
                    };
                    proven.update(&txn).await?;
                }
            }
            (PREPARED | PENDING, Verdict::NotPassed(failure)) => {
                decide(&txn, row, FAILED, Some(failure), now).await?;
            }
            _ => return Err(PeopleError::VerificationOver),
        }
        txn.commit().await?;
        self.person(account, person).await
    }

    /// The account's verifications, the latest first, at most a hundred: without name or reference.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_verifications(
        &self,
        account: AccountId,
    ) -> Result<Vec<VerificationSeen>, PeopleError> {
        let rows = Entity::find()
            .filter(Column::AccountId.eq(account.as_uuid()))
            .order_by_desc(Column::CreatedAtMs)
            .limit(100)
            .all(&self.db)
            .await?;
        let seen = |row: verifications::Model| VerificationSeen {
            person: PersonId::from_uuid(row.person_id),
            channel: row.channel,
            state: row.state,
            failure: row.failure,
            act: row.act,
            began_at: Timestamp::from_millis(row.created_at_ms),
            decided_at: row.decided_at_ms.map(Timestamp::from_millis),
        };
        Ok(rows.into_iter().map(seen).collect())
    }

    /// The account's own, living person: nobody else's face is asked for.
    async fn own_person(
        &self,
        db: &impl ConnectionTrait,
        account: AccountId,
        person: PersonId,
        now: Timestamp,
    ) -> Result<OpenedPerson, PeopleError> {
        let row = persons::Entity::find_by_id(person.as_uuid())
            .filter(persons::Column::AccountId.eq(account.as_uuid()))
            .filter(persons::Column::RemovedAtMs.is_null())
            .one(db)
            .await?
            .ok_or(PeopleError::PersonNotFound)?;
        let opened = OpenedPerson::open(&self.cipher, &row, now)?;
        if opened.relation == Relation::Own { Ok(opened) } else { Err(PeopleError::OwnPersonOnly) }
    }

    async fn channel_of(
        &self,
        txn: &DatabaseTransaction,
        account: AccountId,
    ) -> Result<Channel, PeopleError> {
        let row = account::find_living(txn, account).await?;
        let row = row.ok_or(PeopleError::AccountNotFound)?;
        let (table, column) = (crate::table::accounts::TABLE, "channel");
        row.channel.parse().map_err(|_| PeopleError::Damaged { table, column, row: row.id })
    }

    async fn verification_row(
        &self,
        db: &impl ConnectionTrait,
        account: AccountId,
        person: Option<PersonId>,
        id: VerificationId,
    ) -> Result<verifications::Model, PeopleError> {
        let found = Entity::find_by_id(id.as_uuid())
            .filter(Column::AccountId.eq(account.as_uuid()))
            .one(db)
            .await?;
        found
            .filter(|row| person.is_none_or(|person| row.person_id == person.as_uuid()))
            .ok_or(PeopleError::VerificationNotFound)
    }

    fn content_hashes(
        &self,
        account: AccountId,
        person: PersonId,
        identity: &Identity,
    ) -> Vec<String> {
        let context = hash_context(person, account);
        self.cipher.lookup_hashes(&context, content(identity).as_bytes())
    }

    fn check_content(
        &self,
        account: AccountId,
        person: PersonId,
        identity: &Identity,
        row: &verifications::Model,
    ) -> Result<(), PeopleError> {
        if self.content_hashes(account, person, identity).contains(&row.content_hash) {
            Ok(())
        } else {
            Err(PeopleError::VerificationNotFound)
        }
    }
}

/// Ends a try; the platform's name of it is of no use any more.
async fn decide(
    txn: &DatabaseTransaction,
    row: verifications::Model,
    state: &str,
    failure: Option<RealNameFailure>,
    now: Timestamp,
) -> Result<(), PeopleError> {
    let change = ActiveModel {
        state: Set(state.to_owned()),
        failure: Set(failure.map(|failure| failure.code().to_owned())),
        reference_sealed: Set(None),
        key_id: Set(None),
        decided_at_ms: Set(Some(now.as_millis())),
        ..row.into()
    };
    change.update(txn).await?;
    Ok(())
}

/// The name is not proven any more, and no answer that is under way changes that.
pub(crate) async fn unprove(
    txn: &DatabaseTransaction,
    person: PersonId,
    now: Timestamp,
) -> Result<(), PeopleError> {
    let open = Entity::find()
        .filter(Column::PersonId.eq(person.as_uuid()))
        .filter(Column::State.is_in([PREPARED, PENDING]))
        .all(txn)
        .await?;
    for row in open {
        decide(txn, row, FAILED, Some(RealNameFailure::Cancelled), now).await?;
    }
    let unproven = persons::ActiveModel {
        id: Set(person.as_uuid()),
        verified_at_ms: Set(None),
        verified_source: Set(None),
        ..Default::default()
    };
    unproven.update(txn).await?;
    Ok(())
}
