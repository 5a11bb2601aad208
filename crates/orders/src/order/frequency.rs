//! How often orders are placed: a bill in a live order is nobody else's to pay, so a few orders are
//! enough to keep somebody from paying.
//!
//! Counted for the account and for the insured document, whichever accounts order for it. The owner
//! of the document, once their name is proven, is not counted with strangers: who uses up the
//! document's orders keeps out other strangers only.

use std::time::Duration;

use kernel::{AccountId, Document, PersonId, Timestamp};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend};

use super::{
    PlaceOrder,
    table::{self, Recent},
};
use crate::{OrderError, Orders};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Of what there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooMany {
    /// Unpaid orders of the account.
    UnpaidOfAccount,
    /// Unpaid orders for the insured person, in whatever account.
    UnpaidForPerson,
    /// Orders of the account in an hour.
    HourlyOfAccount,
    /// Orders for the insured person in an hour.
    HourlyForPerson,
}

/// How many orders there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderLimits {
    /// That wait for their payment, of one account: a family that pays in parts.
    pub unpaid: u32,
    /// That wait for their payment, for one insured person.
    pub unpaid_for_person: u32,
    /// That were placed in an hour, by one account.
    pub hourly: u32,
    /// That were placed in an hour, for one insured person.
    pub hourly_for_person: u32,
}

impl Default for OrderLimits {
    fn default() -> OrderLimits {
        OrderLimits { unpaid: 20, unpaid_for_person: 6, hourly: 40, hourly_for_person: 12 }
    }
}

/// Whose orders are counted together.
pub(super) struct Whose {
    pub(super) persons: Vec<PersonId>,
    /// The account's owner, whose name is proven, orders for themselves.
    pub(super) proven_owner: bool,
}

impl Orders {
    /// Lets nobody else order in this account or for this document until the transaction ends: so that
    /// two orders at once do not both fit.
    pub(super) async fn hold_document(
        &self,
        txn: &DatabaseTransaction,
        account: AccountId,
        document: &Document,
    ) -> Result<(), OrderError> {
        if txn.get_database_backend() == DbBackend::Postgres {
            // Writers of SQLite stand in a row anyway. Accounts before documents, everywhere. Neither
            // an id nor a hash has quotation marks.
            let mark = self.people.document_mark(document);
            let one_by_one = format!(
                "SELECT pg_advisory_xact_lock(hashtext('orders:{account}')), \
                 pg_advisory_xact_lock(hashtext('orders:{mark}'))"
            );
            txn.execute_unprepared(&one_by_one).await?;
        }
        Ok(())
    }

    /// Refuses one more order when there are enough. In the transaction that writes it down and holds
    /// the document.
    pub(super) async fn check_frequency(
        &self,
        txn: &DatabaseTransaction,
        wish: &PlaceOrder,
        whose: &Whose,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        let limits = self.rules.limits;
        let hour_ago =
            Timestamp::from_millis(now.as_millis() - i64::try_from(HOUR.as_millis()).unwrap_or(0));
        let recent = table::recent(txn, wish.account, &whose.persons, hour_ago).await?;
        let (mine, theirs): (Vec<&Recent>, Vec<&Recent>) = (
            recent.iter().filter(|order| order.of_account).collect(),
            recent.iter().filter(|order| order.for_person && !whose.proven_owner).collect(),
        );
        for (orders, what, most) in [
            (&mine, TooMany::UnpaidOfAccount, limits.unpaid),
            (&theirs, TooMany::UnpaidForPerson, limits.unpaid_for_person),
        ] {
            if orders.iter().filter(|order| order.unpaid).count() >= as_count(most) {
                return Err(OrderError::TooMany { what, most, again_at: None });
            }
        }
        for (orders, what, most) in [
            (&mine, TooMany::HourlyOfAccount, limits.hourly),
            (&theirs, TooMany::HourlyForPerson, limits.hourly_for_person),
        ] {
            let times: Vec<Timestamp> =
                orders.iter().map(|order| order.created_at).filter(|at| *at > hour_ago).collect();
            if let Some(spare) = times.len().checked_sub(as_count(most)) {
                // When the oldest of those that fill the hour is over.
                let again_at = times.get(spare).map(|first| first.plus(HOUR));
                return Err(OrderError::TooMany { what, most, again_at });
            }
        }
        Ok(())
    }
}

fn as_count(most: u32) -> usize {
    usize::try_from(most).unwrap_or(usize::MAX)
}
