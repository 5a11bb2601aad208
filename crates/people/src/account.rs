//! Accounts: a person in one mini-program, and our id for them.
//!
//! The same human in WeChat and in Alipay has two accounts; nothing joins them. Within one mini-program
//! of Alipay a person may have two names, a user id and an open id, while the application moves from
//! one kind to the other: a login that brings both makes them names of one account.

use std::fmt;

use kernel::{AccountId, Channel, Timestamp};
use migrations::begin_write;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    People, PeopleError, name, person,
    table::{
        account_changes, account_names,
        accounts::{self, Column, Entity, TABLE},
    },
};

/// How often a login is tried again that met another one of the same person.
const TRIES: usize = 8;

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

/// What a login found or made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignIn {
    Account {
        account: Account,
        /// Accounts of the same person that went into this one at some time. What other rooms keep
        /// under their ids belongs to this one.
        absorbed: Vec<AccountId>,
    },
    /// The platform says that these two are one person: they have to be united first
    /// ([`People::absorb`]), in the room that owns the orders. The older one is kept.
    Two { kept: AccountId, absorbed: AccountId },
}

/// What can happen to an account's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change<'a> {
    /// It got another name, of this kind.
    Named(&'a str),
    /// The platform takes the name of this kind from now on.
    PayerName(&'a str),
    United(AccountId),
}

/// The account, unless it was erased or went into another one.
pub(crate) async fn find_living(
    db: &impl ConnectionTrait,
    id: AccountId,
) -> Result<Option<accounts::Model>, PeopleError> {
    let living = Entity::find_by_id(id.as_uuid())
        .filter(Column::ErasedAtMs.is_null())
        .filter(Column::UnitedInto.is_null());
    Ok(living.one(db).await?)
}

impl People {
    /// Finds the account of a proven login, or makes it.
    ///
    /// # Errors
    /// [`PeopleError::AccountKey`] when the identifier is too long or malformed.
    pub async fn sign_in(&self, key: &AccountKey) -> Result<Account, PeopleError> {
        match self.sign_in_under(key, None).await? {
            SignIn::Account { account, .. } => Ok(account),
            SignIn::Two { .. } => Err(PeopleError::AccountNotFound), // one name is one account's
        }
    }

    /// Finds the account of a proven login under either of its names, or makes it; a name that is new
    /// is written to it. Any number of logins of one person at once make one account: the unique index
    /// decides, and all get its row.
    ///
    /// `wanted` is the name that the platform takes from now on, in payments and messages.
    ///
    /// # Errors
    /// [`PeopleError::AccountKey`] when an identifier is too long or malformed, or when the two are
    /// not of one application.
    pub async fn sign_in_under(
        &self,
        wanted: &AccountKey,
        also: Option<&AccountKey>,
    ) -> Result<SignIn, PeopleError> {
        wanted.check()?;
        if let Some(also) = also {
            also.check()?;
            if (also.channel, &also.app_id) != (wanted.channel, &wanted.app_id) {
                let rule = "the same for both names of a login";
                return Err(PeopleError::AccountKey { part: "app id", rule });
            }
        }
        for _ in 0..TRIES {
            if let Some(found) = self.try_sign_in(wanted, also).await? {
                return Ok(found);
            }
        }
        Err(PeopleError::AccountNotFound)
    }

    /// `None`: another login of the same person was faster, and what was looked at is not so any more.
    async fn try_sign_in(
        &self,
        wanted: &AccountKey,
        also: Option<&AccountKey>,
    ) -> Result<Option<SignIn>, PeopleError> {
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        let mut names = Vec::new();
        for key in [Some(wanted), also].into_iter().flatten() {
            names.push((key, name::find(&txn, &self.cipher, key).await?));
        }
        let mut owners: Vec<Uuid> =
            names.iter().filter_map(|(_, row)| Some(row.as_ref()?.account_id)).collect();
        owners.dedup();
        let account = match owners.as_slice() {
            [] => self.insert_account(&txn, wanted, now).await?,
            [one] => {
                let one = AccountId::from_uuid(*one);
                match person::lock_account(&txn, one).await {
                    Err(PeopleError::AccountNotFound) => return Ok(None),
                    held => held?,
                }
                one
            }
            several => return self.two_accounts(&txn, several).await,
        };
        let before = name::of_account(&txn, account).await?;
        let mut payer = None;
        for (key, known) in names {
            let id = match known {
                Some(row) => row.id,
                None => {
                    // An account's first name has its own id.
                    let id = match before.is_empty() && payer.is_none() {
                        true => account.as_uuid(),
                        false => AccountId::generate(now, &*self.entropy).as_uuid(),
                    };
                    if !name::insert(&txn, &self.cipher, (id, account), key, now).await? {
                        return Ok(None);
                    }
                    if !before.is_empty() {
                        let change = Change::Named(&key.id_kind);
                        self.write_change(&txn, account, change, now).await?;
                    }
                    id
                }
            };
            payer = payer.or(Some(id));
        }
        if let Some(payer) = payer {
            self.take_as_payer(&txn, account, &before, (payer, &wanted.id_kind), now).await?;
        }
        let row = touch(&txn, account, now).await?;
        let absorbed = Entity::find()
            .filter(Column::UnitedInto.eq(account.as_uuid()))
            .order_by_asc(Column::Id)
            .all(&txn)
            .await?;
        txn.commit().await?;
        let absorbed = absorbed.into_iter().map(|row| AccountId::from_uuid(row.id)).collect();
        Ok(Some(SignIn::Account { account: Account::from_row(row)?, absorbed }))
    }

    async fn insert_account(
        &self,
        txn: &DatabaseTransaction,
        key: &AccountKey,
        now: Timestamp,
    ) -> Result<AccountId, PeopleError> {
        let id = AccountId::generate(now, &*self.entropy);
        let row = accounts::ActiveModel {
            id: Set(id.as_uuid()),
            channel: Set(key.channel.code().to_owned()),
            app_id: Set(key.app_id.clone()),
            created_at_ms: Set(now.as_millis()),
            last_login_at_ms: Set(now.as_millis()),
            erased_at_ms: Set(None),
            united_into: Set(None),
        };
        Entity::insert(row).exec_without_returning(txn).await?;
        Ok(id)
    }

    /// Puts a name first. A clock that stands still or is behind another process's changes nothing about
    /// which one was put first last.
    async fn take_as_payer(
        &self,
        txn: &DatabaseTransaction,
        account: AccountId,
        before: &[account_names::Model],
        (name, id_kind): (Uuid, &str),
        now: Timestamp,
    ) -> Result<(), PeopleError> {
        let newest = before.first();
        let after = newest.map_or(0, |taken| taken.payer_at_ms + i64::from(taken.id != name));
        name::set_payer(txn, name, now.max(Timestamp::from_millis(after))).await?;
        if newest.is_some_and(|taken| taken.id_kind != id_kind) {
            self.write_change(txn, account, Change::PayerName(id_kind), now).await?;
        }
        Ok(())
    }

    /// The older account stays, because its id stands in more places.
    async fn two_accounts(
        &self,
        txn: &DatabaseTransaction,
        ids: &[Uuid],
    ) -> Result<Option<SignIn>, PeopleError> {
        let rows = Entity::find()
            .filter(Column::Id.is_in(ids.iter().copied()))
            .order_by_asc(Column::CreatedAtMs)
            .order_by_asc(Column::Id)
            .all(txn)
            .await?;
        let [kept, absorbed] = rows.as_slice() else { return Ok(None) };
        let [kept, absorbed] = [kept, absorbed].map(|row| AccountId::from_uuid(row.id));
        Ok(Some(SignIn::Two { kept, absorbed }))
    }

    pub(crate) async fn write_change(
        &self,
        txn: &DatabaseTransaction,
        account: AccountId,
        change: Change<'_>,
        now: Timestamp,
    ) -> Result<(), PeopleError> {
        let (word, id_kind, other) = match change {
            Change::Named(kind) => ("named", Some(kind), None),
            Change::PayerName(kind) => ("payer_name", Some(kind), None),
            Change::United(other) => ("united", None, Some(other)),
        };
        let row = account_changes::ActiveModel {
            id: Set(AccountId::generate(now, &*self.entropy).as_uuid()),
            account_id: Set(account.as_uuid()),
            change: Set(word.to_owned()),
            id_kind: Set(id_kind.map(str::to_owned)),
            other_account_id: Set(other.map(AccountId::as_uuid)),
            at_ms: Set(now.as_millis()),
        };
        account_changes::Entity::insert(row).exec_without_returning(txn).await?;
        Ok(())
    }

    /// # Errors
    /// When the database fails or the row is damaged.
    pub async fn account(&self, id: AccountId) -> Result<Option<Account>, PeopleError> {
        let row = find_living(&self.db, id).await?;
        row.map(Account::from_row).transpose()
    }

    /// The name of the account that the platform takes, as `(id_kind, external_id)`: for calls to the
    /// platform only.
    ///
    /// # Errors
    /// [`PeopleError::AccountNotFound`], or [`PeopleError::Sealed`] when it does not open.
    pub async fn external_id(&self, id: AccountId) -> Result<(String, String), PeopleError> {
        find_living(&self.db, id).await?.ok_or(PeopleError::AccountNotFound)?;
        let names = name::of_account(&self.db, id).await?;
        let row = names.first().ok_or(PeopleError::AccountNotFound)?;
        let key = name::open(&self.cipher, row)?;
        Ok((key.id_kind, key.external_id))
    }

    /// The platform does not take names of the kind `refused` any more: from now on the account's
    /// other name counts, if it has one. `false`: it has none, and only a login brings one.
    ///
    /// # Errors
    /// [`PeopleError::AccountNotFound`].
    pub async fn use_other_name(
        &self,
        account: AccountId,
        refused: &str,
    ) -> Result<bool, PeopleError> {
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        person::lock_account(&txn, account).await?;
        let names = name::of_account(&txn, account).await?;
        let Some(other) = names.iter().find(|name| name.id_kind != refused) else {
            return Ok(false);
        };
        if names.first().is_some_and(|taken| taken.id != other.id) {
            self.take_as_payer(&txn, account, &names, (other.id, &other.id_kind), now).await?;
            txn.commit().await?;
        }
        Ok(true)
    }
}

async fn touch(
    txn: &DatabaseTransaction,
    account: AccountId,
    now: Timestamp,
) -> Result<accounts::Model, PeopleError> {
    Entity::update_many()
        .col_expr(Column::LastLoginAtMs, Expr::value(now.as_millis()))
        .filter(Column::Id.eq(account.as_uuid()))
        .exec(txn)
        .await?;
    find_living(txn, account).await?.ok_or(PeopleError::AccountNotFound)
}
