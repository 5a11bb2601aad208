//! What stands in the way of forgetting somebody, and the forgetting of what names a payer.
//!
//! The financial record (orders, bills, payments, postings, refunds, journal, cases) holds figures and
//! numbers of our own and stays whole: the audit reads nothing else. What names a person are the sealed
//! request of a payment and the sealed bytes of a notification, both with the payer's identifier,
//! what was written in a dispute, the agency's documents, and the masked names on vouchers. The first two
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

/// Disputes that are over and whose texts are kept.
const TOLD: &str = "state <> 'submitted' AND evidence_key_id <> ''";

/// A class of rows that can go by age alone, or lose what they tell of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgettable {
    /// The agency's own proofs: the agency has them, and gives them again.
    Documents,
    /// What people wrote in disputes that are over. Reason and outcome stay.
    DisputeTexts,
    /// Names, bases and tiers on vouchers. Numbers and amounts stay.
    VoucherNames,
}

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

    /// Destroys what names the payer in the account's ended payments and in what was told of them, the
    /// texts of its disputes and the names on its vouchers, deletes the agency's documents, which name
    /// the person in full, and says how many rows those were. Figures, numbers, digests and the
    /// disputes' reasons and outcomes stay.
    ///
    /// # Errors
    /// When the database is away, or a voucher is not what was issued.
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
        forgotten += self.blank_vouchers_of_account(account).await?;
        Ok(forgotten)
    }

    /// How many rows of a class are from before `before` and can go.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn count_forgettable(
        &self,
        class: Forgettable,
        before: Timestamp,
    ) -> Result<u64, OrderError> {
        let text = match class {
            Forgettable::Documents => {
                "SELECT COUNT(*) AS count FROM official_documents WHERE fetched_at_ms < $1"
                    .to_owned()
            }
            Forgettable::DisputeTexts => {
                format!(
                    "SELECT COUNT(*) AS count FROM disputes WHERE updated_at_ms < $1 AND {TOLD}"
                )
            }
            Forgettable::VoucherNames => return self.count_old_vouchers(before).await,
        };
        let rows = self.rows::<Count>(text, [before.as_millis().into()]).await?;
        Ok(rows.first().map_or(0, |row| u64::try_from(row.count).unwrap_or(0)))
    }

    /// Forgets up to `limit` rows of a class from before `before`, and says how many.
    ///
    /// # Errors
    /// When the database is away, or a voucher is not what was issued.
    pub async fn forget(
        &self,
        class: Forgettable,
        before: Timestamp,
        limit: u64,
    ) -> Result<u64, OrderError> {
        let before_ms = Value::from(before.as_millis());
        match class {
            Forgettable::Documents => {
                let text = format!(
                    "DELETE FROM official_documents WHERE id IN (SELECT id FROM official_documents
                       WHERE fetched_at_ms < $1 ORDER BY id LIMIT {limit})"
                );
                self.write(text, [before_ms]).await
            }
            Forgettable::DisputeTexts => {
                let text = format!(
                    "UPDATE disputes SET evidence_sealed = $1, evidence_key_id = '',
                            answer_sealed = CASE WHEN answer_sealed IS NULL THEN NULL ELSE $1 END,
                            answer_key_id = CASE WHEN answer_key_id IS NULL THEN NULL ELSE '' END
                       WHERE id IN (SELECT id FROM disputes WHERE updated_at_ms < $2 AND {TOLD}
                         ORDER BY id LIMIT {limit}) AND {TOLD}"
                );
                self.write(text, [Value::Bytes(Some(Vec::new())), before_ms]).await
            }
            Forgettable::VoucherNames => self.forget_old_vouchers(before, limit).await,
        }
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
