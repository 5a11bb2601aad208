//! Renewal of keys: rows under an old key are written again under the current one, after which the
//! old key can leave the configuration. References of verifications are not renewed: they live for a day.

use kernel::{AccountId, PersonId};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use crate::{
    People, PeopleError, account, mobile,
    person::{self, OpenedPerson},
    table::{accounts, mobiles, persons},
};

impl People {
    /// Writes up to `limit` accounts and `limit` persons again under the current keys, and says how
    /// many there were; 0 means that no row of this room needs an old key any more. May be repeated
    /// and stopped at any time.
    ///
    /// # Errors
    /// When a row does not open: its key has left the configuration too early.
    pub async fn renew_keys(&self, limit: u64) -> Result<u64, PeopleError> {
        let renewed = self.renew_accounts(limit).await? + self.renew_persons(limit).await?;
        Ok(renewed + self.renew_mobiles(limit).await?)
    }

    async fn renew_mobiles(&self, limit: u64) -> Result<u64, PeopleError> {
        use mobiles::{ActiveModel, Column, Entity};
        let stale = Condition::any()
            .add(Column::KeyId.ne(self.cipher.key_id()))
            .add(Column::HashKeyId.ne(self.cipher.lookup_key_id()));
        let txn = migrations::begin_write(&self.db).await?;
        let rows = Entity::find()
            .filter(stale)
            .order_by_asc(Column::AccountId)
            .limit(limit)
            .lock_exclusive()
            .all(&txn)
            .await?;
        let mut renewed = 0;
        for row in rows {
            let account = AccountId::from_uuid(row.account_id);
            let number = mobile::open(&self.cipher, &row)?;
            let sealed = self.cipher.seal(&mobile::seal_context(account), number.as_bytes());
            let hash = self.cipher.lookup_hash(mobile::HASH_CONTEXT, number.as_bytes());
            let change = ActiveModel {
                number_sealed: Set(sealed.bytes),
                key_id: Set(sealed.key_id),
                number_hash: Set(hash),
                hash_key_id: Set(self.cipher.lookup_key_id().to_owned()),
                ..row.into()
            };
            change.update(&txn).await?;
            renewed += 1;
        }
        txn.commit().await?;
        Ok(renewed)
    }

    async fn renew_accounts(&self, limit: u64) -> Result<u64, PeopleError> {
        use accounts::{ActiveModel, Column, Entity};
        let stale = Condition::any()
            .add(Column::KeyId.ne(self.cipher.key_id()))
            .add(Column::HashKeyId.ne(self.cipher.lookup_key_id()));
        let txn = migrations::begin_write(&self.db).await?;
        let rows = Entity::find()
            .filter(stale)
            .filter(Column::ErasedAtMs.is_null())
            .order_by_asc(Column::Id) // two renewals at once wait for each other, never in a circle
            .limit(limit)
            .lock_exclusive()
            .all(&txn)
            .await?;
        let mut renewed = 0;
        for row in rows {
            let external_id = account::open_external_id(&self.cipher, &row)?;
            let context = account::seal_context(AccountId::from_uuid(row.id));
            let sealed = self.cipher.seal(&context, external_id.as_bytes());
            let context = account::hash_context(&row.channel, &row.app_id, &row.id_kind);
            let hash = self.cipher.lookup_hash(&context, external_id.as_bytes());
            let change = ActiveModel {
                external_id_sealed: Set(sealed.bytes),
                key_id: Set(sealed.key_id),
                external_id_hash: Set(hash),
                hash_key_id: Set(self.cipher.lookup_key_id().to_owned()),
                ..row.into()
            };
            change.update(&txn).await?;
            renewed += 1;
        }
        txn.commit().await?;
        Ok(renewed)
    }

    async fn renew_persons(&self, limit: u64) -> Result<u64, PeopleError> {
        use persons::{ActiveModel, Column, Entity};
        let now = self.clock.now();
        let stale = Condition::any()
            .add(Column::KeyId.ne(self.cipher.key_id()))
            .add(Column::HashKeyId.ne(self.cipher.lookup_key_id()));
        let txn = migrations::begin_write(&self.db).await?;
        let rows = Entity::find()
            .filter(stale)
            .filter(Column::ErasedAtMs.is_null())
            .order_by_asc(Column::Id) // two renewals at once wait for each other, never in a circle
            .limit(limit)
            .lock_exclusive()
            .all(&txn)
            .await?;
        let mut renewed = 0;
        for row in rows {
            let identity = OpenedPerson::open(&self.cipher, &row, now)?.identity;
            let id = PersonId::from_uuid(row.id);
            let account = AccountId::from_uuid(row.account_id);
            let number = identity.document.number().as_bytes();
            let name = identity.name.as_str().as_bytes();
            let document = self.cipher.seal(&person::seal_context("document", id, account), number);
            let name = self.cipher.seal(&person::seal_context("name", id, account), name);
            let context = person::hash_context(identity.document.kind());
            let change = ActiveModel {
                document_sealed: Set(document.bytes),
                name_sealed: Set(name.bytes),
                key_id: Set(name.key_id),
                document_hash: Set(self.cipher.lookup_hash(&context, number)),
                hash_key_id: Set(self.cipher.lookup_key_id().to_owned()),
                ..row.into()
            };
            change.update(&txn).await?;
            renewed += 1;
        }
        txn.commit().await?;
        Ok(renewed)
    }
}
