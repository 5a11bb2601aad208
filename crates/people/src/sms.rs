//! Codes by short message: six digits, five minutes, five tries, once.
//!
//! The code is kept as a keyed hash that also covers its row, account and number, in the database, so
//! that any process can check it. Limits are counted before anything is sent: a message costs money,
//! and a stranger's telephone is no toy. A wrong, used, late or unknown code has one answer.

use std::time::Duration;

use kernel::{AccountId, Entropy, Secret, Timestamp, half_width};
use migrations::begin_write;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    Act, BoundMobile, FieldCipher, Mobile, MobileSource, People, PeopleError, mobile, person,
    quota::{self, Exhausted},
    table::sms_codes::{ActiveModel, Column, Entity},
};

/// A new code, for the message only.
#[derive(Clone, Debug)]
pub struct SmsCode {
    pub code: Secret,
    pub expires_at: Timestamp,
    pub resend_at: Timestamp,
    /// Names the message towards whoever sends it; means nothing.
    pub message_id: String,
}

/// What a code counts for: its row, account, number and the act, so that nothing can be exchanged.
fn hash_context(id: Uuid, account: AccountId, number_hash: &str, act: Option<&str>) -> String {
    let act = act.map(|act| format!(":{act}")).unwrap_or_default();
    format!("sms_codes.code:{id}:{account}:{number_hash}{act}")
}

/// A code as it was typed: blanks and full-width digits are forgiven.
fn typed(code: &str) -> String {
    code.chars().take(32).map(half_width).filter(|sign| !sign.is_whitespace()).collect()
}

/// Six digits, all equally likely: what would favour some is drawn again.
fn six_digits(entropy: &dyn Entropy) -> String {
    const FAIR: u64 = u64::MAX - u64::MAX % 1_000_000;
    loop {
        let drawn = entropy.u64();
        if drawn < FAIR {
            return format!("{:06}", drawn % 1_000_000);
        }
    }
}

impl People {
    /// How long a code lives.
    pub const CODE_LIFE: Duration = Duration::from_secs(5 * 60);
    /// How often one code may be tried.
    pub const CODE_TRIES: i16 = 5;
    /// Between two codes to one number, and for one account.
    pub const CODE_REST: Duration = Duration::from_secs(60);
    /// Codes to one number on a business day, whoever asks.
    pub const CODES_A_DAY_TO_NUMBER: u32 = 5;
    /// Codes for one account on a business day, whatever the number.
    pub const CODES_A_DAY_FOR_ACCOUNT: u32 = 10;

    /// Makes a code for a number; the one before ends. The caller sends it.
    ///
    /// # Errors
    /// [`PeopleError::CodeTooSoon`], [`PeopleError::TooManyCodes`].
    pub async fn new_sms_code(
        &self,
        account: AccountId,
        number: &Mobile,
    ) -> Result<SmsCode, PeopleError> {
        self.new_code(account, number, None).await
    }

    /// [`People::new_sms_code`], or a code for an act.
    pub(crate) async fn new_code(
        &self,
        account: AccountId,
        number: &Mobile,
        act: Option<Act>,
    ) -> Result<SmsCode, PeopleError> {
        let now = self.clock.now();
        let rest = Some(People::CODE_REST);
        // Under one key always, so that changing it opens no second count for more than a day.
        let number_hash = self.cipher.lookup_hash(mobile::HASH_CONTEXT, number.expose().as_bytes());
        let txn = begin_write(&self.db).await?;
        person::lock_account(&txn, account).await?;
        // Accounts before numbers, everywhere: two that wait for each other wait in one order.
        for (subject, most) in [
            (format!("sms:account:{account}"), People::CODES_A_DAY_FOR_ACCOUNT),
            (format!("sms:number:{number_hash}"), People::CODES_A_DAY_TO_NUMBER),
        ] {
            quota::take(&txn, &subject, most, rest, now).await?.map_err(|why| match why {
                Exhausted::Day => PeopleError::TooManyCodes,
                Exhausted::TooSoon { seconds } => PeopleError::CodeTooSoon { seconds },
            })?;
        }
        Entity::update_many()
            .col_expr(Column::UsedAtMs, Expr::value(now.as_millis()))
            .filter(Column::AccountId.eq(account.as_uuid()))
            .filter(Column::UsedAtMs.is_null())
            .exec(&txn)
            .await?;
        let id = kernel::VerificationId::generate(now, &*self.entropy).as_uuid();
        let code = six_digits(&*self.entropy);
        let context = hash_context(id, account, &number_hash, act.map(Act::code));
        let expires_at = now.plus(People::CODE_LIFE);
        let row = ActiveModel {
            id: Set(id),
            account_id: Set(account.as_uuid()),
            code_hash: Set(self.cipher.lookup_hash(&context, code.as_bytes())),
            number_hash: Set(number_hash),
            tries: Set(0),
            sent_at_ms: Set(now.as_millis()),
            expires_at_ms: Set(expires_at.as_millis()),
            used_at_ms: Set(None),
            act: Set(act.map(|act| act.code().to_owned())),
        };
        Entity::insert(row).exec_without_returning(&txn).await?;
        txn.commit().await?;
        let resend_at = now.plus(People::CODE_REST);
        Ok(SmsCode { code: Secret::new(code), expires_at, resend_at, message_id: id.to_string() })
    }

    /// Binds the number that a code was sent to, if this is the code.
    ///
    /// # Errors
    /// [`PeopleError::CodeWrong`] for every reason.
    pub async fn bind_mobile_by_code(
        &self,
        account: AccountId,
        number: Mobile,
        code: &str,
    ) -> Result<BoundMobile, PeopleError> {
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        person::lock_account(&txn, account).await?;
        let of = (Some(&number), None);
        let fits = use_code(&txn, &self.cipher, account, of, code, now).await?;
        let bound = BoundMobile { number, source: MobileSource::Sms, bound_at: now };
        if fits {
            mobile::bind(&txn, &self.cipher, account, &bound).await?;
        }
        // A wrong try is written down as well.
        txn.commit().await?;
        if fits { Ok(bound) } else { Err(PeopleError::CodeWrong) }
    }
}

/// Tries a code on the latest one of this number and act, in a locked account, and says whether it
/// fits; it is used then. An act's code went to whatever number the account had.
pub(crate) async fn use_code(
    txn: &DatabaseTransaction,
    cipher: &FieldCipher,
    account: AccountId,
    (number, act): (Option<&Mobile>, Option<Act>),
    code: &str,
    now: Timestamp,
) -> Result<bool, PeopleError> {
    let mut query = Entity::find()
        .filter(Column::AccountId.eq(account.as_uuid()))
        .filter(Column::UsedAtMs.is_null())
        .filter(Column::ExpiresAtMs.gt(now.as_millis()));
    query = match act {
        Some(act) => query.filter(Column::Act.eq(act.code())),
        None => query.filter(Column::Act.is_null()),
    };
    if let Some(number) = number {
        let hashes = cipher.lookup_hashes(mobile::HASH_CONTEXT, number.expose().as_bytes());
        query = query.filter(Column::NumberHash.is_in(hashes));
    }
    let row = query.order_by_desc(Column::SentAtMs).one(txn).await?;
    let Some(row) = row.filter(|row| row.tries < People::CODE_TRIES) else { return Ok(false) };
    let context = hash_context(row.id, account, &row.number_hash, act.map(Act::code));
    let fits = cipher.lookup_hashes(&context, typed(code).as_bytes()).contains(&row.code_hash);
    let tries = row.tries + 1;
    let over = fits || tries >= People::CODE_TRIES;
    let change = ActiveModel {
        tries: Set(tries),
        used_at_ms: Set(over.then_some(now.as_millis())),
        ..row.into()
    };
    change.update(txn).await?;
    Ok(fits)
}

#[cfg(test)]
mod tests {
    use kernel::SeededEntropy;

    use super::*;

    #[test]
    fn codes_have_six_digits_and_differ() {
        let entropy = SeededEntropy::new(7);
        let codes: std::collections::BTreeSet<String> =
            (0..1_000).map(|_| six_digits(&entropy)).collect();
        assert!(codes.iter().all(|code| code.len() == 6));
        assert!(codes.iter().all(|code| code.bytes().all(|digit| digit.is_ascii_digit())));
        assert!(codes.len() > 990, "{} of 1,000", codes.len());
        assert!(codes.iter().any(|code| code.starts_with('0')), "leading zeros are kept");
    }
}
