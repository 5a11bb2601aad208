//! What stands in the way of forgetting somebody, and the forgetting of what names a payer.
//!
//! The financial record (orders, bills, payments, postings, refunds, journal, cases) holds figures and
//! numbers of our own and stays whole: the audit reads nothing else. What names a person are the sealed
//! request of a payment and the sealed bytes of a notification, both with the payer's identifier, and
//! what was written in a dispute, and the agency's documents. The first two
//! are needed while money is under way and as evidence for a while, and then never again: a closed
//! attempt is never sent a second time, a late payment is recorded by its number, a posting and a
//! refund name bills and payments.
//!
//! The statements are plain SQL that SQLite and PostgreSQL share, because they read across all tables
//! of the room.

use kernel::{AccountId, OrderNo, PersonId, Timestamp};
use sea_orm::{ConnectionTrait, FromQueryResult, Statement, Value};
use uuid::Uuid;

use crate::{OrderError, OrderState, Orders, error::read};

/// An order that somebody still waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hindrance {
    pub order_no: OrderNo,
    pub state: OrderState,
}

#[derive(FromQueryResult)]
struct Waiting {
    id: Uuid,
    order_no: String,
    state: String,
}

#[derive(FromQueryResult)]
struct Count {
    count: i64,
}

/// Orders for which money, an agency, a channel or a person is still waited for. The states are those
/// that [`OrderState::is_final`] denies; a test compares.
const UNFINISHED: &str = "(o.state IN
      ('CREATED', 'PAYING', 'PAID', 'SUSPENDED', 'REFUNDING', 'REFUND_FAILED', 'REVERSED')
    OR EXISTS (SELECT 1 FROM payments p WHERE p.order_id = o.id AND p.state IN ('prepared', 'open'))
    OR EXISTS (SELECT 1 FROM postings x WHERE x.order_id = o.id AND x.state IN ('pending', 'taking_back'))
    OR EXISTS (SELECT 1 FROM refunds r WHERE r.order_id = o.id AND r.state NOT IN ('succeeded', 'replaced'))
    OR EXISTS (SELECT 1 FROM cases c WHERE c.order_id = o.id AND c.closed_at_ms IS NULL))";

/// Attempts that are over; one that may still be sent keeps its bytes.
const OVER: &str = "state NOT IN ('prepared', 'open') AND key_id <> ''";

impl Orders {
    /// The account's orders that are not over, oldest first: what hinders its erasure.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn hindrances(&self, account: AccountId) -> Result<Vec<Hindrance>, OrderError> {
        let text = format!(
            "SELECT o.id, o.order_no, o.state FROM orders o WHERE o.account_id = $1 AND {UNFINISHED}
             ORDER BY o.id LIMIT 100"
        );
        let rows = self.rows::<Waiting>(text, [account.as_uuid().into()]).await?;
        rows.into_iter()
            .map(|row| {
                Ok(Hindrance {
                    order_no: read("orders", "order_no", row.id, &row.order_no)?,
                    state: read("orders", "state", row.id, &row.state)?,
                })
            })
            .collect()
    }

    /// Whether an order for this person is not over.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn waits_for_person(&self, person: PersonId) -> Result<bool, OrderError> {
        let text = format!(
            "SELECT o.id, o.order_no, o.state FROM orders o WHERE o.person_id = $1 AND {UNFINISHED} LIMIT 1"
        );
        Ok(!self.rows::<Waiting>(text, [person.as_uuid().into()]).await?.is_empty())
    }

    /// Destroys what names the payer in the account's ended payments and in what was told of them, and
    /// the texts of its disputes, deletes the agency's documents, which name the person in full, and
    /// says how many rows those were. Figures, numbers, digests and the
    /// disputes' reasons and outcomes stay.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn forget_payer(&self, account: AccountId) -> Result<u64, OrderError> {
        let empty = || Value::Bytes(Some(Vec::new()));
        let of_account = "order_id IN (SELECT id FROM orders WHERE account_id = $2)";
        let requests = format!(
            "UPDATE payments SET request_sealed = $1, key_id = '' WHERE {of_account} AND {OVER}"
        );
        let told = format!(
            "UPDATE notifications SET raw_sealed = $1, key_id = '' WHERE key_id <> ''
               AND payment_id IN (SELECT id FROM payments WHERE {of_account})"
        );
        let objected = "UPDATE disputes SET evidence_sealed = $1, evidence_key_id = ''
               WHERE account_id = $2 AND evidence_key_id <> ''"
            .to_owned();
        let answered = "UPDATE disputes SET answer_sealed = $1, answer_key_id = ''
               WHERE account_id = $2 AND answer_key_id <> ''"
            .to_owned();
        let mut forgotten = 0;
        for text in [requests, told, objected, answered] {
            forgotten += self.write(text, [empty(), account.as_uuid().into()]).await?;
        }
        // The agency has its own, and gives it to whoever asks there.
        let documents = "DELETE FROM official_documents
               WHERE order_id IN (SELECT id FROM orders WHERE account_id = $1)"
            .to_owned();
        forgotten += self.write(documents, [account.as_uuid().into()]).await?;
        Ok(forgotten)
    }

    /// How many sealed payment requests and notifications are from before `before` and can go.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn count_old_evidence(&self, before: Timestamp) -> Result<u64, OrderError> {
        let text = format!(
            "SELECT (SELECT COUNT(*) FROM notifications WHERE last_at_ms < $1 AND key_id <> '')
                  + (SELECT COUNT(*) FROM payments WHERE updated_at_ms < $1 AND {OVER}) AS count"
        );
        let rows = self.rows::<Count>(text, [before.as_millis().into()]).await?;
        Ok(rows.first().map_or(0, |row| u64::try_from(row.count).unwrap_or(0)))
    }

    /// Destroys up to `limit` of each of them, and says how many.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn forget_old_evidence(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, OrderError> {
        let notifications = format!(
            "UPDATE notifications SET raw_sealed = $1, key_id = '' WHERE id IN (SELECT id FROM
               notifications WHERE last_at_ms < $2 AND key_id <> '' ORDER BY id LIMIT {limit})"
        );
        let payments = format!(
            "UPDATE payments SET request_sealed = $1, key_id = '' WHERE id IN (SELECT id FROM
               payments WHERE updated_at_ms < $2 AND {OVER} ORDER BY id LIMIT {limit}) AND {OVER}"
        );
        let mut forgotten = 0;
        for text in [notifications, payments] {
            let values = [Value::Bytes(Some(Vec::new())), before.as_millis().into()];
            forgotten += self.write(text, values).await?;
        }
        Ok(forgotten)
    }

    async fn rows<T: FromQueryResult>(
        &self,
        text: String,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<T>, OrderError> {
        let backend = self.db.get_database_backend();
        let statement = Statement::from_sql_and_values(backend, text, values);
        Ok(T::find_by_statement(statement).all(&self.db).await?)
    }

    async fn write(
        &self,
        text: String,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<u64, OrderError> {
        let backend = self.db.get_database_backend();
        let statement = Statement::from_sql_and_values(backend, text, values);
        Ok(self.db.execute_raw(statement).await?.rows_affected())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_knows_every_state_that_is_not_final() {
        for state in OrderState::ALL {
            let named = UNFINISHED.contains(&format!("'{}'", state.code()));
            assert_eq!(named, !state.is_final(), "{state}");
        }
    }
}
