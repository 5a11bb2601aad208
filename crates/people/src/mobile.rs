//! The mobile number of an account: bound by a platform's word or by a code, sealed like a document.
//!
//! One number may be bound in several accounts (a family's one telephone), so nothing here tells
//! whether it is bound elsewhere. It is found by nobody: it is for the owner's messages.

use std::{fmt, str::FromStr};

use kernel::{AccountId, Secret, Timestamp, UnknownWord, half_width, mask};
use migrations::begin_write;
use ring::digest::{SHA256, digest};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::OnConflict,
};

use crate::{
    FieldCipher, People, PeopleError, Sealed, person,
    table::{
        mobiles::{self, ActiveModel, Column, Entity, TABLE},
        phone_proofs,
    },
};

/// A mainland mobile number: eleven digits, 13 to 19 first. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct Mobile(String);

impl Mobile {
    /// Blanks, hyphens and +86 or 86 before the number are dropped, full-width digits are digits.
    ///
    /// # Errors
    /// [`PeopleError::MobileForm`].
    pub fn parse(raw: &str) -> Result<Mobile, PeopleError> {
        if raw.chars().count() > 40 {
            return Err(PeopleError::MobileForm);
        }
        let usual = raw.chars().map(half_width);
        let digits: String =
            usual.filter(|c| !c.is_whitespace() && !matches!(c, '-' | '‐')).collect();
        let digits = digits.strip_prefix('+').unwrap_or(&digits);
        let digits = match digits.strip_prefix("86") {
            Some(rest) if digits.len() == 13 => rest,
            _ => digits,
        };
        let bytes = digits.as_bytes();
        let fits = bytes.len() == 11
            && bytes.iter().all(u8::is_ascii_digit)
            && bytes[0] == b'1'
            && (b'3'..=b'9').contains(&bytes[1]);
        if fits { Ok(Mobile(digits.to_owned())) } else { Err(PeopleError::MobileForm) }
    }

    /// The number itself: for sending to it, sealing it and showing it to its owner.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `138****5678`
    pub fn masked(&self) -> String {
        mask::mobile(&self.0)
    }
}

impl fmt::Debug for Mobile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mobile(***)")
    }
}

/// By whose word a number is the account's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MobileSource {
    Wechat,
    Alipay,
    Sms,
}

impl MobileSource {
    pub const fn code(self) -> &'static str {
        match self {
            MobileSource::Wechat => "wechat",
            MobileSource::Alipay => "alipay",
            MobileSource::Sms => "sms",
        }
    }
}

impl FromStr for MobileSource {
    type Err = UnknownWord;
    fn from_str(code: &str) -> Result<MobileSource, UnknownWord> {
        [MobileSource::Wechat, MobileSource::Alipay, MobileSource::Sms]
            .into_iter()
            .find(|known| known.code() == code)
            .ok_or(UnknownWord { list: "MobileSource", expected: "wechat alipay sms" })
    }
}

/// An account's number. `Debug` does not print it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundMobile {
    pub number: Mobile,
    pub source: MobileSource,
    pub bound_at: Timestamp,
}

pub(crate) const HASH_CONTEXT: &str = "mobiles.number";

pub(crate) fn seal_context(account: AccountId) -> String {
    format!("mobiles.number:{account}")
}

pub(crate) fn open(cipher: &FieldCipher, row: &mobiles::Model) -> Result<String, PeopleError> {
    let sealed = Sealed { key_id: row.key_id.clone(), bytes: row.number_sealed.clone() };
    let (column, id) = ("number_sealed", row.account_id);
    cipher
        .open_text(&seal_context(AccountId::from_uuid(id)), &sealed)
        .map_err(|cause| PeopleError::Sealed { table: TABLE, column, row: id, cause })
}

/// Binds a number to a locked account, in place of the one before.
pub(crate) async fn bind(
    txn: &DatabaseTransaction,
    cipher: &FieldCipher,
    account: AccountId,
    bound: &BoundMobile,
) -> Result<(), PeopleError> {
    let number = bound.number.expose().as_bytes();
    let sealed = cipher.seal(&seal_context(account), number);
    let row = ActiveModel {
        account_id: Set(account.as_uuid()),
        number_sealed: Set(sealed.bytes),
        key_id: Set(sealed.key_id),
        number_hash: Set(cipher.lookup_hash(HASH_CONTEXT, number)),
        hash_key_id: Set(cipher.lookup_key_id().to_owned()),
        source: Set(bound.source.code().to_owned()),
        bound_at_ms: Set(bound.bound_at.as_millis()),
    };
    let columns = [
        Column::NumberSealed,
        Column::KeyId,
        Column::NumberHash,
        Column::HashKeyId,
        Column::Source,
        Column::BoundAtMs,
    ];
    Entity::insert(row)
        .on_conflict(OnConflict::column(Column::AccountId).update_columns(columns).to_owned())
        .exec_without_returning(txn)
        .await?;
    Ok(())
}

impl People {
    /// Binds a number that a platform vouches for. `envelope` is what the client brought, when the
    /// platform's word carries neither a user nor a time: such a one works once.
    ///
    /// # Errors
    /// [`PeopleError::ProofUsed`] when another account used it before.
    pub async fn bind_mobile(
        &self,
        account: AccountId,
        number: Mobile,
        source: MobileSource,
        envelope: Option<&Secret>,
    ) -> Result<BoundMobile, PeopleError> {
        let now = self.clock.now();
        let bound = BoundMobile { number, source, bound_at: now };
        let txn = begin_write(&self.db).await?;
        person::lock_account(&txn, account).await?;
        if let Some(envelope) = envelope {
            use phone_proofs::{ActiveModel, Column, Entity};
            let used = hex::encode(digest(&SHA256, envelope.expose().as_bytes()));
            let row = ActiveModel {
                digest: Set(used.clone()),
                account_id: Set(account.as_uuid()),
                used_at_ms: Set(now.as_millis()),
            };
            Entity::insert(row)
                .on_conflict(OnConflict::column(Column::Digest).do_nothing().to_owned())
                .exec_without_returning(&txn)
                .await?;
            let user = Entity::find_by_id(used).one(&txn).await?;
            // The same account again is a repeated request.
            if user.is_none_or(|user| user.account_id != account.as_uuid()) {
                return Err(PeopleError::ProofUsed);
            }
        }
        bind(&txn, &self.cipher, account, &bound).await?;
        txn.commit().await?;
        Ok(bound)
    }

    /// The account's number, if one is bound.
    ///
    /// # Errors
    /// When the row is damaged or does not open.
    pub async fn mobile(&self, account: AccountId) -> Result<Option<BoundMobile>, PeopleError> {
        let Some(row) = Entity::find_by_id(account.as_uuid()).one(&self.db).await? else {
            return Ok(None);
        };
        let damaged = |column| PeopleError::Damaged { table: TABLE, column, row: row.account_id };
        Ok(Some(BoundMobile {
            number: Mobile::parse(&open(&self.cipher, &row)?)
                .map_err(|_| damaged("number_sealed"))?,
            source: row.source.parse().map_err(|_| damaged("source"))?,
            bound_at: Timestamp::from_millis(row.bound_at_ms),
        }))
    }

    /// Forgets the account's number; `false` when there was none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unbind_mobile(&self, account: AccountId) -> Result<bool, PeopleError> {
        let gone = Entity::delete_many()
            .filter(Column::AccountId.eq(account.as_uuid()))
            .exec(&self.db)
            .await?;
        Ok(gone.rows_affected > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_normalised_before_it_is_checked() {
        for raw in [
            "13812345678",
            "138 1234 5678",
            "138-1234-5678",
            "+86 13812345678",
            "8613812345678",
            "１３８　１２３４　５６７８",
            "＋８６ １３８－１２３４－５６７８",
        ] {
            assert_eq!(Mobile::parse(raw).expect(raw).masked(), "138****5678");
        }
        for raw in ["", "1381234567", "138123456789", "12812345678", "23812345678", "1381234567x"] {
            assert!(Mobile::parse(raw).is_err(), "{raw}");
        }
        // A number may begin like a country.
        assert!(Mobile::parse("86138123456").is_err());
    }
}
