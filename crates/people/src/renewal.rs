//! Renewal of keys: rows under an old key are written again under the current one, after which the
//! old key can leave the configuration. References of verifications are not renewed: they live for a day.

use kernel::AccountId;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use crate::{
    People, PeopleError, mobile, name, person,
    table::{account_names, mobiles, persons},
};

impl People {
    /// Writes up to `limit` names and `limit` persons again under the current keys, and says how
    /// many there were; 0 means that no row of this room needs an old key any more. May be repeated
    /// and stopped at any time.
    ///
    /// # Errors
    /// When a row does not open: its key has left the configuration too early.
    pub async fn renew_keys(&self, limit: u64) -> Result<u64, PeopleError> {
        let renewed = self.renew_names(limit).await? + self.renew_persons(limit).await?;
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

    async fn renew_names(&self, limit: u64) -> Result<u64, PeopleError> {
        use account_names::{ActiveModel, Column, Entity};
        let stale = Condition::any()
            .add(Column::KeyId.ne(self.cipher.key_id()))
            .add(Column::HashKeyId.ne(self.cipher.lookup_key_id()));
        let txn = migrations::begin_write(&self.db).await?;
        let rows = Entity::find()
            .filter(stale)
            .order_by_asc(Column::Id) // two renewals at once wait for each other, never in a circle
            .limit(limit)
            .lock_exclusive()
            .all(&txn)
            .await?;
        let mut renewed = 0;
        for row in rows {
            let sealed = name::resealed(&self.cipher, &row, AccountId::from_uuid(row.account_id))?;
            let change = ActiveModel {
                external_id_sealed: Set(sealed.sealed.bytes),
                key_id: Set(sealed.sealed.key_id),
                external_id_hash: Set(sealed.hash),
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
        use persons::{Column, Entity};
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
            let account = AccountId::from_uuid(row.account_id);
            let change = person::resealed(&self.cipher, row, account, now)?;
            change.update(&txn).await?;
            renewed += 1;
        }
        txn.commit().await?;
        Ok(renewed)
    }
}
