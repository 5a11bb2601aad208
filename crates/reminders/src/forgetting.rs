//! What is not needed any more: everything of an account that goes, and messages that are long over. An
//! account that goes into another one of the same person leaves everything to it.

use kernel::{AccountId, Timestamp};
use migrations::begin_write;

use crate::{ReminderError, Reminders, permission, reminder::table};

impl Reminders {
    /// What `gone` wanted to hear and was told is `kept`'s: the two were one person's.
    ///
    /// # Errors
    /// When the database is away; nothing is changed then, and the same call may be repeated.
    pub async fn follow(&self, gone: AccountId, kept: AccountId) -> Result<(), ReminderError> {
        let txn = begin_write(&self.db).await?;
        permission::follow(&txn, gone, kept).await?;
        table::follow(&txn, gone, kept).await?;
        txn.commit().await?;
        Ok(())
    }

    /// Forgets what an account wanted to hear and what it was told.
    ///
    /// # Errors
    /// When the database is away; nothing is forgotten then.
    pub async fn forget(&self, account: AccountId) -> Result<(), ReminderError> {
        let txn = begin_write(&self.db).await?;
        permission::delete(&txn, account).await?;
        table::delete(&txn, account).await?;
        txn.commit().await?;
        Ok(())
    }

    /// How many messages ended before `before`, in whatever way.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn count_over(&self, before: Timestamp) -> Result<u64, ReminderError> {
        table::count_over(&self.db, before).await
    }

    /// Forgets at most `limit` of them, and says how many.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn forget_over(&self, before: Timestamp, limit: u64) -> Result<u64, ReminderError> {
        table::delete_over(&self.db, before, limit).await
    }
}
