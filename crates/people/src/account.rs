//! Accounts: a platform's identifier of a person in one mini-program, and our id for it.
//!
//! The same human in WeChat and in Alipay has two accounts; nothing joins them.

use std::fmt;

use kernel::{AccountId, Channel, Timestamp};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::Expr,
    sea_query::OnConflict,
};

use crate::{
    FieldCipher, People, PeopleError, Sealed,
    table::accounts::{self, Column, Entity, TABLE},
};

/// Above all documented forms: WeChat's openid has 28 characters, Alipay's open_id about 50.
const EXTERNAL_ID_LENGTH_MAX: usize = 128;

/// Under which name a platform knows a person. `Debug` does not print the name.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountKey {
    pub channel: Channel,
    /// Identifiers are given per mini-program.
    pub app_id: String,
    /// `open_id`, or `user_id` for Alipay's older numbers. They are not interchangeable.
    pub id_kind: String,
    pub external_id: String,
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountKey({}, ***)", self.channel)
    }
}

impl AccountKey {
    fn check(&self) -> Result<(), PeopleError> {
        let named = |text: &str, max: usize| {
            (1..=max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if !named(&self.app_id, 64) {
            let rule = "1 to 64 visible ASCII characters";
            return Err(PeopleError::AccountKey { part: "app id", rule });
        }
        if !["open_id", "user_id"].contains(&self.id_kind.as_str()) {
            let rule = "open_id or user_id";
            return Err(PeopleError::AccountKey { part: "identifier kind", rule });
        }
        if !named(&self.external_id, EXTERNAL_ID_LENGTH_MAX) {
            let rule = "1 to 128 visible ASCII characters";
            return Err(PeopleError::AccountKey { part: "identifier", rule });
        }
        Ok(())
    }
}

/// A person logged in through one mini-program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub channel: Channel,
    pub app_id: String,
    pub created_at: Timestamp,
    pub last_login_at: Timestamp,
}

impl Account {
    fn from_row(row: accounts::Model) -> Result<Account, PeopleError> {
        let damaged =
            |column: &'static str| PeopleError::Damaged { table: TABLE, column, row: row.id };
        Ok(Account {
            id: AccountId::from_uuid(row.id),
            channel: row.channel.parse().map_err(|_| damaged("channel"))?,
            app_id: row.app_id,
            created_at: Timestamp::from_millis(row.created_at_ms),
            last_login_at: Timestamp::from_millis(row.last_login_at_ms),
        })
    }
}

pub(crate) fn seal_context(id: AccountId) -> String {
    format!("accounts.external_id:{id}")
}

pub(crate) fn hash_context(channel: &str, app_id: &str, id_kind: &str) -> String {
    format!("accounts.external_id:{channel}:{app_id}:{id_kind}")
}

pub(crate) fn open_external_id(
    cipher: &FieldCipher,
    row: &accounts::Model,
) -> Result<String, PeopleError> {
    let sealed = Sealed { key_id: row.key_id.clone(), bytes: row.external_id_sealed.clone() };
    cipher.open_text(&seal_context(AccountId::from_uuid(row.id)), &sealed).map_err(|cause| {
        PeopleError::Sealed { table: TABLE, column: "external_id_sealed", row: row.id, cause }
    })
}

/// The account, unless it was erased.
pub(crate) async fn find_living(
    db: &impl ConnectionTrait,
    id: AccountId,
) -> Result<Option<accounts::Model>, PeopleError> {
    let living = Entity::find_by_id(id.as_uuid()).filter(Column::ErasedAtMs.is_null());
    Ok(living.one(db).await?)
}

impl People {
    /// Finds the account of a proven login, or makes it. Any number of logins of one person at once
    /// make one account: the unique index decides, and all get its row.
    ///
    /// # Errors
    /// [`PeopleError::AccountKey`] when the identifier is too long or malformed.
    pub async fn sign_in(&self, key: &AccountKey) -> Result<Account, PeopleError> {
        key.check()?;
        let now = self.clock.now();
        let context = hash_context(key.channel.code(), &key.app_id, &key.id_kind);
        let hashes = self.cipher.lookup_hashes(&context, key.external_id.as_bytes());
        let row = match self.find_account(key, &hashes).await? {
            Some(row) => row,
            None => {
                self.insert_account(key, &context, now).await?;
                self.find_account(key, &hashes).await?.ok_or(PeopleError::AccountNotFound)?
            }
        };
        let seen = Entity::update_many()
            .col_expr(Column::LastLoginAtMs, Expr::value(now.as_millis()))
            .filter(Column::Id.eq(row.id))
            .exec(&self.db)
            .await?;
        if seen.rows_affected != 1 {
            return Err(PeopleError::AccountNotFound);
        }
        Account::from_row(accounts::Model { last_login_at_ms: now.as_millis(), ..row })
    }

    /// # Errors
    /// When the database fails or the row is damaged.
    pub async fn account(&self, id: AccountId) -> Result<Option<Account>, PeopleError> {
        let row = find_living(&self.db, id).await?;
        row.map(Account::from_row).transpose()
    }

    /// The payer's name at the platform, as `(id_kind, external_id)`: for the payment call only.
    ///
    /// # Errors
    /// [`PeopleError::AccountNotFound`], or [`PeopleError::Sealed`] when it does not open.
    pub async fn external_id(&self, id: AccountId) -> Result<(String, String), PeopleError> {
        let row = find_living(&self.db, id).await?;
        let row = row.ok_or(PeopleError::AccountNotFound)?;
        let external_id = open_external_id(&self.cipher, &row)?;
        Ok((row.id_kind, external_id))
    }

    async fn find_account(
        &self,
        key: &AccountKey,
        hashes: &[String],
    ) -> Result<Option<accounts::Model>, PeopleError> {
        let found = Entity::find()
            .filter(Column::Channel.eq(key.channel.code()))
            .filter(Column::AppId.eq(&key.app_id))
            .filter(Column::IdKind.eq(&key.id_kind))
            .filter(Column::ExternalIdHash.is_in(hashes))
            .one(&self.db)
            .await?;
        Ok(found)
    }

    /// Does nothing when another login was faster.
    async fn insert_account(
        &self,
        key: &AccountKey,
        hash_context: &str,
        now: Timestamp,
    ) -> Result<(), PeopleError> {
        let id = AccountId::generate(now, &*self.entropy);
        let sealed = self.cipher.seal(&seal_context(id), key.external_id.as_bytes());
        let row = accounts::ActiveModel {
            id: Set(id.as_uuid()),
            channel: Set(key.channel.code().to_owned()),
            app_id: Set(key.app_id.clone()),
            id_kind: Set(key.id_kind.clone()),
            external_id_sealed: Set(sealed.bytes),
            key_id: Set(sealed.key_id),
            external_id_hash: Set(self
                .cipher
                .lookup_hash(hash_context, key.external_id.as_bytes())),
            hash_key_id: Set(self.cipher.lookup_key_id().to_owned()),
            created_at_ms: Set(now.as_millis()),
            last_login_at_ms: Set(now.as_millis()),
            erased_at_ms: Set(None),
        };
        let one_account = [Column::Channel, Column::AppId, Column::IdKind, Column::ExternalIdHash];
        Entity::insert(row)
            .on_conflict(OnConflict::columns(one_account).do_nothing().to_owned())
            .exec_without_returning(&self.db)
            .await?;
        Ok(())
    }
}
