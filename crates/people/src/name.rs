//! Names: under what a platform knows the person of an account. Alipay gives two kinds, and both for a
//! while when an application moves from one to the other; the unique index decides whose a name is.

use kernel::{AccountId, Channel, Timestamp};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, TryInsertResult, sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    AccountKey, FieldCipher, PeopleError, Sealed,
    table::account_names::{self, Column, Entity, TABLE},
};

/// A name belongs to its row *and* to its account. An account's first name has the account's id, and
/// its seal is the one from when accounts had one name only.
fn seal_context(name: Uuid, account: AccountId) -> String {
    if name == account.as_uuid() {
        return format!("accounts.external_id:{account}");
    }
    format!("account_names.external_id:{name}:{account}")
}

/// Kinds are part of it: an open id is found as an open id only.
fn hash_context(channel: &str, app_id: &str, id_kind: &str) -> String {
    format!("accounts.external_id:{channel}:{app_id}:{id_kind}")
}

/// What a row holds of a name.
pub(crate) struct Closed {
    pub(crate) sealed: Sealed,
    pub(crate) hash: String,
}

fn closed(cipher: &FieldCipher, name: Uuid, account: AccountId, key: &AccountKey) -> Closed {
    let id = key.external_id.as_bytes();
    let context = hash_context(key.channel.code(), &key.app_id, &key.id_kind);
    Closed {
        sealed: cipher.seal(&seal_context(name, account), id),
        hash: cipher.lookup_hash(&context, id),
    }
}

/// The name in clear. It must be one of the row's kind: the seal alone would let two names of one
/// account change places.
pub(crate) fn open(
    cipher: &FieldCipher,
    row: &account_names::Model,
) -> Result<AccountKey, PeopleError> {
    let damaged = |column| PeopleError::Damaged { table: TABLE, column, row: row.id };
    let sealed = Sealed { key_id: row.key_id.clone(), bytes: row.external_id_sealed.clone() };
    let context = seal_context(row.id, AccountId::from_uuid(row.account_id));
    let external_id = cipher.open_text(&context, &sealed).map_err(|cause| PeopleError::Sealed {
        table: TABLE,
        column: "external_id_sealed",
        row: row.id,
        cause,
    })?;
    let context = hash_context(&row.channel, &row.app_id, &row.id_kind);
    if !cipher.lookup_hashes(&context, external_id.as_bytes()).contains(&row.external_id_hash) {
        return Err(damaged("external_id_hash"));
    }
    Ok(AccountKey {
        channel: row.channel.parse::<Channel>().map_err(|_| damaged("channel"))?,
        app_id: row.app_id.clone(),
        id_kind: row.id_kind.clone(),
        external_id,
    })
}

/// A row's name under the current keys, as it belongs to `account`.
pub(crate) fn resealed(
    cipher: &FieldCipher,
    row: &account_names::Model,
    account: AccountId,
) -> Result<Closed, PeopleError> {
    Ok(closed(cipher, row.id, account, &open(cipher, row)?))
}

/// Whose this name is.
pub(crate) async fn find(
    db: &impl ConnectionTrait,
    cipher: &FieldCipher,
    key: &AccountKey,
) -> Result<Option<account_names::Model>, PeopleError> {
    let context = hash_context(key.channel.code(), &key.app_id, &key.id_kind);
    let hashes = cipher.lookup_hashes(&context, key.external_id.as_bytes());
    let found = Entity::find()
        .filter(Column::Channel.eq(key.channel.code()))
        .filter(Column::AppId.eq(&key.app_id))
        .filter(Column::IdKind.eq(&key.id_kind))
        .filter(Column::ExternalIdHash.is_in(hashes))
        .one(db)
        .await?;
    Ok(found)
}

/// Gives a name to an account; `false` when it is somebody's already.
pub(crate) async fn insert(
    txn: &DatabaseTransaction,
    cipher: &FieldCipher,
    (id, account): (Uuid, AccountId),
    key: &AccountKey,
    now: Timestamp,
) -> Result<bool, PeopleError> {
    let Closed { sealed, hash } = closed(cipher, id, account, key);
    let row = account_names::ActiveModel {
        id: Set(id),
        account_id: Set(account.as_uuid()),
        channel: Set(key.channel.code().to_owned()),
        app_id: Set(key.app_id.clone()),
        id_kind: Set(key.id_kind.clone()),
        external_id_sealed: Set(sealed.bytes),
        key_id: Set(sealed.key_id),
        external_id_hash: Set(hash),
        hash_key_id: Set(cipher.lookup_key_id().to_owned()),
        created_at_ms: Set(now.as_millis()),
        payer_at_ms: Set(0),
    };
    let one_account = [Column::Channel, Column::AppId, Column::IdKind, Column::ExternalIdHash];
    let inserted = Entity::insert(row)
        .on_conflict_do_nothing_on(one_account)
        .exec_without_returning(txn)
        .await?;
    Ok(matches!(inserted, TryInsertResult::Inserted(1)))
}

/// An account's names, the one that the platform takes first.
pub(crate) async fn of_account(
    db: &impl ConnectionTrait,
    account: AccountId,
) -> Result<Vec<account_names::Model>, PeopleError> {
    let names = Entity::find()
        .filter(Column::AccountId.eq(account.as_uuid()))
        .order_by_desc(Column::PayerAtMs)
        .order_by_desc(Column::CreatedAtMs)
        .order_by_asc(Column::Id)
        .all(db)
        .await?;
    Ok(names)
}

/// From now on the platform takes this name.
pub(crate) async fn set_payer(
    txn: &DatabaseTransaction,
    id: Uuid,
    now: Timestamp,
) -> Result<(), PeopleError> {
    Entity::update_many()
        .col_expr(Column::PayerAtMs, Expr::value(now.as_millis()))
        .filter(Column::Id.eq(id))
        .exec(txn)
        .await?;
    Ok(())
}

/// Hands all names of one locked account to another one.
pub(crate) async fn hand_over(
    txn: &DatabaseTransaction,
    cipher: &FieldCipher,
    from: AccountId,
    to: AccountId,
) -> Result<(), PeopleError> {
    use sea_orm::ActiveModelTrait;
    let rows = Entity::find()
        .filter(Column::AccountId.eq(from.as_uuid()))
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .all(txn)
        .await?;
    for row in rows {
        let Closed { sealed, hash } = resealed(cipher, &row, to)?;
        let change = account_names::ActiveModel {
            account_id: Set(to.as_uuid()),
            external_id_sealed: Set(sealed.bytes),
            key_id: Set(sealed.key_id),
            external_id_hash: Set(hash),
            hash_key_id: Set(cipher.lookup_key_id().to_owned()),
            ..row.into()
        };
        change.update(txn).await?;
    }
    Ok(())
}
