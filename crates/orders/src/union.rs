//! Two accounts of one person become one, with their orders, in one transaction.

use kernel::AccountId;
use migrations::begin_write;

use crate::{OrderError, Orders, dispute, order::table as order_table};

impl Orders {
    /// Takes persons, orders and objections of `absorbed` into `kept`
    /// ([`People::absorb`](people::People::absorb)). Done twice, it is done once; the second time
    /// takes along what an act that was under way the first time has written.
    ///
    /// # Errors
    /// [`people::PeopleError::AccountNotFound`] when one of them is gone.
    pub async fn unite_accounts(
        &self,
        kept: AccountId,
        absorbed: AccountId,
    ) -> Result<(), OrderError> {
        let txn = begin_write(&self.db).await?;
        let united = self.people.absorb(&txn, kept, absorbed).await?;
        let persons = united.as_deref().unwrap_or_default();
        // Orders before objections: whoever objects holds the order's row.
        let orders = order_table::hand_over(&txn, absorbed, kept, persons).await?;
        dispute::hand_over(&txn, absorbed, kept).await?;
        txn.commit().await?;
        if united.is_some() || orders > 0 {
            tracing::info!(
                account.kept = %kept, account.absorbed = %absorbed, orders,
                "two accounts of one person are one"
            );
        }
        Ok(())
    }
}
