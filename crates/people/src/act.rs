//! Acts that need more than a login: taking everything along, and erasing it.
//!
//! A mini-program logs in silently, so a fresh session says only that somebody holds the telephone. An
//! act is proven by the owner's face, or by a code to the number of the account; either is asked for
//! that act, works for no other, and once. Each act leaves a row that outlives the account.
//!
//! Whoever holds the telephone may also bind their own number or enter themselves. So what is to prove
//! something has stood there for a day, unless the whole account is younger.

use std::{str::FromStr, time::Duration};

use kernel::{AccountId, Timestamp, UnknownWord, VerificationId};
use migrations::begin_write;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use crate::{
    Mobile, People, PeopleError, SmsCode, account, person, real_name, sms,
    table::{accounts, acts, verifications},
};

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// Everything that is kept, whole, in one document.
    Export,
    Erasure,
}

impl Act {
    pub const ALL: [Act; 2] = [Act::Export, Act::Erasure];

    /// The stable code in the database and in JSON.
    pub const fn code(self) -> &'static str {
        match self {
            Act::Export => "export",
            Act::Erasure => "erasure",
        }
    }
}

impl FromStr for Act {
    type Err = UnknownWord;
    fn from_str(code: &str) -> Result<Act, UnknownWord> {
        let known = Act::ALL.into_iter().find(|known| known.code() == code);
        known.ok_or(UnknownWord { list: "Act", expected: "export erasure" })
    }
}

/// By what the owner shows that it is them.
#[derive(Clone, Debug)]
pub enum ActProof {
    /// A verification that began for this act and passed.
    Face(VerificationId),
    /// The code that was sent for this act.
    Sms(String),
}

impl ActProof {
    const fn code(&self) -> &'static str {
        match self {
            ActProof::Face(_) => "face",
            ActProof::Sms(_) => "sms",
        }
    }
}

/// An act that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActDone {
    pub act: String,
    /// `face` or `sms`.
    pub proof: String,
    pub at: Timestamp,
}

/// For how long a number or an entry must have stood there before it proves anything.
const SETTLED: Duration = Duration::from_secs(24 * 3600);
/// For how long a face that passed can be used.
const FACE_LIFE: Duration = Duration::from_secs(10 * 60);

fn check_settled(
    since: Timestamp,
    account: &accounts::Model,
    now: Timestamp,
) -> Result<(), PeopleError> {
    let young = now.since(Timestamp::from_millis(account.created_at_ms)) < SETTLED;
    if young || now.since(since) >= SETTLED { Ok(()) } else { Err(PeopleError::ProofTooFresh) }
}

impl People {
    /// Makes a code for an act, to the number of the account. The caller sends it.
    ///
    /// # Errors
    /// [`PeopleError::MobileNeeded`], [`PeopleError::ProofTooFresh`], and those of
    /// [`People::new_sms_code`].
    pub async fn new_act_code(
        &self,
        account: AccountId,
        act: Act,
    ) -> Result<(Mobile, SmsCode), PeopleError> {
        let now = self.clock.now();
        let bound = self.mobile(account).await?.ok_or(PeopleError::MobileNeeded)?;
        let row = account::find_living(&self.db, account).await?;
        check_settled(bound.bound_at, &row.ok_or(PeopleError::AccountNotFound)?, now)?;
        let code = self.new_code(account, &bound.number, Some(act)).await?;
        Ok((bound.number, code))
    }

    /// The account's own person, for whose face an act asks.
    ///
    /// # Errors
    /// [`PeopleError::OwnPersonNeeded`], [`PeopleError::ProofTooFresh`].
    pub async fn person_to_prove(
        &self,
        account: AccountId,
    ) -> Result<kernel::PersonId, PeopleError> {
        let now = self.clock.now();
        let row = account::find_living(&self.db, account).await?;
        let row = row.ok_or(PeopleError::AccountNotFound)?;
        let persons = person::live_rows(&self.db, account).await?;
        let own = persons.iter().find(|row| row.relation == crate::Relation::Own.code());
        let own = own.ok_or(PeopleError::OwnPersonNeeded)?;
        check_settled(Timestamp::from_millis(own.created_at_ms), &row, now)?;
        Ok(kernel::PersonId::from_uuid(own.id))
    }

    /// Uses a proof for an act, and writes down that it is done.
    ///
    /// # Errors
    /// [`PeopleError::CodeWrong`] and [`PeopleError::VerificationOver`] when the proof does not count
    /// (any more), for whatever reason.
    pub async fn authorise(
        &self,
        account: AccountId,
        act: Act,
        proof: &ActProof,
    ) -> Result<(), PeopleError> {
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        person::lock_account(&txn, account).await?;
        let counts = match proof {
            ActProof::Sms(code) => {
                // A wrong try is written down as well.
                sms::use_code(&txn, &self.cipher, account, (None, Some(act)), code, now).await?
            }
            ActProof::Face(id) => use_face(&txn, account, act, *id, now).await?,
        };
        if counts {
            let row = acts::ActiveModel {
                id: Set(VerificationId::generate(now, &*self.entropy).as_uuid()),
                account_id: Set(account.as_uuid()),
                act: Set(act.code().to_owned()),
                proof: Set(proof.code().to_owned()),
                at_ms: Set(now.as_millis()),
            };
            acts::Entity::insert(row).exec_without_returning(&txn).await?;
        }
        txn.commit().await?;
        match (counts, proof) {
            (true, _) => Ok(()),
            (false, ActProof::Sms(_)) => Err(PeopleError::CodeWrong),
            (false, ActProof::Face(_)) => Err(PeopleError::VerificationOver),
        }
    }

    /// The account's acts, the latest first, at most a hundred.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_acts(&self, account: AccountId) -> Result<Vec<ActDone>, PeopleError> {
        let rows = acts::Entity::find()
            .filter(acts::Column::AccountId.eq(account.as_uuid()))
            .order_by_desc(acts::Column::AtMs)
            .limit(100)
            .all(&self.db)
            .await?;
        let done = |row: acts::Model| ActDone {
            act: row.act,
            proof: row.proof,
            at: Timestamp::from_millis(row.at_ms),
        };
        Ok(rows.into_iter().map(done).collect())
    }
}

/// Whether a face that was shown for this act counts; it is used then.
async fn use_face(
    txn: &DatabaseTransaction,
    account: AccountId,
    act: Act,
    id: VerificationId,
    now: Timestamp,
) -> Result<bool, PeopleError> {
    let row = verifications::Entity::find_by_id(id.as_uuid())
        .filter(verifications::Column::AccountId.eq(account.as_uuid()))
        .filter(verifications::Column::Act.eq(act.code()))
        .filter(verifications::Column::State.eq(real_name::PASSED))
        .filter(verifications::Column::UsedAtMs.is_null())
        .one(txn)
        .await?;
    let fresh = |row: &verifications::Model| {
        let decided = row.decided_at_ms.map(Timestamp::from_millis);
        decided.is_some_and(|decided| now.since(decided) < FACE_LIFE)
    };
    let Some(row) = row.filter(fresh) else { return Ok(false) };
    let used = verifications::ActiveModel { used_at_ms: Set(Some(now.as_millis())), ..row.into() };
    used.update(txn).await?;
    Ok(true)
}
