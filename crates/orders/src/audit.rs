//! The promise as code: reads a database and proves that no fen is lost, doubled or without an owner.
//!
//! The equation, over all that platforms vouched for: receipts − returned = posted + in transit + to be
//! returned. Beside it: every paid payment is accounted for to the fen; no bill is posted twice;
//! whatever is not final has a job that will wake up or a case that a person looks at; journal and
//! rows say the same. Everything is read in one snapshot, so it may run on a live database.
//!
//! The statements are plain SQL that SQLite and PostgreSQL share: this reads across all tables of the
//! room, which no slice does, and it must not use the code that it judges.

use std::{collections::BTreeSet, fmt};

use kernel::Fen;
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseTransaction, FromQueryResult, IsolationLevel, Statement,
    TransactionOptions, TransactionTrait,
};

use crate::{OrderError, OrderState, Orders};

/// At most this many breaches of one kind are named; the count is always whole.
const NAMED_MAX: usize = 20;

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// All money that platforms vouched for, whether it fits what was asked or not.
    pub receipts: Fen,
    /// Money that went back through the channels.
    pub returned: Fen,
    /// Money that agencies booked.
    pub posted: Fen,
    /// Money that waits for an agency's word, or for a person.
    pub in_transit: Fen,
    /// The part of it that fits nothing we asked for (another amount, an unknown number, a second
    /// transaction); each has a case.
    pub unexplained: Fen,
    /// Money that is promised back and not there yet.
    pub to_be_returned: Fen,
    pub orders: u64,
    pub breaches: Vec<String>,
}

impl Audit {
    /// Whether the equation is closed and nothing else is wrong.
    pub fn holds(&self) -> bool {
        self.breaches.is_empty()
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "orders          {:>16}", self.orders)?;
        writeln!(f, "receipts        {:>16}", self.receipts)?;
        writeln!(f, "returned        {:>16}", self.returned)?;
        writeln!(f, "posted          {:>16}", self.posted)?;
        writeln!(f, "in transit      {:>16}", self.in_transit)?;
        writeln!(f, "  unexplained   {:>16}", self.unexplained)?;
        writeln!(f, "to be returned  {:>16}", self.to_be_returned)?;
        writeln!(
            f,
            "receipts − returned = posted + in transit + to be returned: {} − {} = {} + {} + {}",
            self.receipts, self.returned, self.posted, self.in_transit, self.to_be_returned
        )?;
        for breach in &self.breaches {
            writeln!(f, "BREACH: {breach}")?;
        }
        f.write_str(if self.holds() { "the equation is closed" } else { "the books do not agree" })
    }
}

#[derive(FromQueryResult)]
struct Amount {
    amount: i64,
}

#[derive(FromQueryResult)]
struct Named {
    name: String,
}

/// Rows that contradict a promise, by what they contradict. Each statement names the rows.
const PROMISES: &[(&str, &str)] = &[
    (
        "a paid payment is not accounted for to the fen, and no case says why",
        "SELECT p.out_trade_no AS name FROM payments p WHERE p.state = 'paid' AND p.amount_fen <>
           (SELECT COALESCE(SUM(x.amount_fen), 0) FROM postings x WHERE x.payment_id = p.id
              AND x.state NOT IN ('refused', 'taken_back'))
         + (SELECT COALESCE(SUM(r.amount_fen), 0) FROM refunds r WHERE r.payment_id = p.id AND r.state <> 'replaced')
         AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.order_id = p.order_id AND c.closed_at_ms IS NULL)",
    ),
    (
        "more is promised back than a payment brought",
        "SELECT p.out_trade_no AS name FROM payments p WHERE
           (SELECT COALESCE(SUM(r.amount_fen), 0) FROM refunds r WHERE r.payment_id = p.id AND r.state <> 'replaced')
         > (CASE WHEN p.state = 'paid' THEN p.amount_fen ELSE 0 END)",
    ),
    (
        "a bill is posted twice",
        "SELECT x.agency_code || ' ' || x.bill_no AS name FROM postings x WHERE x.state = 'posted'
         GROUP BY x.agency_code, x.bill_no HAVING COUNT(*) > 1",
    ),
    (
        "a bill is posted, or may yet be, and its money is promised back",
        "SELECT r.out_refund_no AS name FROM refunds r JOIN postings x
           ON x.payment_id = r.payment_id AND x.bill_no = r.bill_no
         WHERE x.state IN ('pending', 'posted', 'taking_back', 'agency_refunded') AND r.state <> 'replaced'",
    ),
    (
        "two live orders claim one bill",
        "SELECT b.agency_code || ' ' || b.bill_no AS name FROM order_bills b WHERE b.live
         GROUP BY b.agency_code, b.bill_no HAVING COUNT(*) > 1",
    ),
    (
        "an order that is not final has neither a waiting job nor an open case",
        "SELECT o.order_no AS name FROM orders o WHERE o.state IN
           ('CREATED', 'PAYING', 'PAID', 'SUSPENDED', 'REFUNDING', 'REFUND_FAILED', 'REVERSED')
         AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.order_id = o.id AND j.state = 'ready' AND (
           (o.state IN ('CREATED', 'PAYING') AND j.kind IN ('expire_order', 'ask_channel'))
           OR (o.state IN ('PAID', 'SUSPENDED') AND j.kind IN ('post_bill', 'take_back'))
           OR (o.state IN ('REFUNDING', 'REFUND_FAILED', 'REVERSED') AND j.kind = 'refund')))
         AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.order_id = o.id AND c.closed_at_ms IS NULL)",
    ),
    (
        "a posting that is not decided has neither a waiting job nor an open case",
        "SELECT o.order_no AS name FROM postings x JOIN orders o ON o.id = x.order_id
         WHERE x.state IN ('pending', 'taking_back')
         AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.order_id = o.id AND j.state = 'ready' AND j.kind =
           (CASE WHEN x.state = 'pending' THEN 'post_bill' ELSE 'take_back' END))
         AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.order_id = o.id AND c.closed_at_ms IS NULL)",
    ),
    (
        "a refund that is not done has neither a waiting job nor an open case",
        "SELECT r.out_refund_no AS name FROM refunds r WHERE r.state NOT IN ('succeeded', 'replaced')
         AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.order_id = r.order_id AND j.state = 'ready' AND j.kind = 'refund')
         AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.order_id = r.order_id AND c.closed_at_ms IS NULL)",
    ),
    (
        "an order says that nothing was taken, and a payment of it is paid",
        "SELECT o.order_no AS name FROM orders o WHERE o.state IN ('CREATED', 'PAYING', 'CLOSED', 'FAILED')
         AND EXISTS (SELECT 1 FROM payments p WHERE p.order_id = o.id AND p.state = 'paid')",
    ),
    (
        "an order says success, and a bill of it is not posted",
        "SELECT o.order_no AS name FROM orders o WHERE o.state = 'SUCCESS' AND
           (SELECT COUNT(*) FROM postings x WHERE x.order_id = o.id AND x.agency_serial IS NOT NULL
              AND x.state IN ('posted', 'taking_back', 'agency_refunded'))
        <> (SELECT COUNT(*) FROM order_bills b WHERE b.order_id = o.id)",
    ),
    (
        "a parked job has no open case",
        "SELECT j.kind || ' ' || j.subject AS name FROM jobs j WHERE j.state = 'parked'
         AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.order_id = j.order_id AND c.closed_at_ms IS NULL)",
    ),
    (
        "money that fits nothing has no open case",
        "SELECT s.channel || ' ' || s.transaction_id AS name FROM strays s WHERE s.state = 'held'
         AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.subject = s.case_subject AND c.closed_at_ms IS NULL)",
    ),
    (
        "one transaction is counted as an order's payment and as unexplained",
        "SELECT s.channel || ' ' || s.transaction_id AS name FROM strays s JOIN payments p
           ON p.channel = s.channel AND p.transaction_id = s.transaction_id
         WHERE s.state = 'held' AND p.state = 'paid'",
    ),
    (
        "the journal ends in another state than the order",
        "SELECT o.order_no AS name FROM orders o JOIN journal l ON l.order_id = o.id
         AND l.seq = (SELECT MAX(m.seq) FROM journal m WHERE m.order_id = o.id) WHERE l.to_state <> o.state",
    ),
    (
        "an order has no journal, or a gap in it",
        "SELECT o.order_no AS name FROM orders o WHERE
           (SELECT COUNT(*) FROM journal l WHERE l.order_id = o.id) = 0
         OR (SELECT COUNT(*) FROM journal l WHERE l.order_id = o.id)
         <> (SELECT MAX(l.seq) FROM journal l WHERE l.order_id = o.id)",
    ),
];

impl Orders {
    /// Proves the promise on the database as it is now.
    ///
    /// # Errors
    /// When the database does not answer; a broken promise is a breach, not an error.
    pub async fn audit(&self) -> Result<Audit, OrderError> {
        let snapshot = TransactionOptions {
            isolation_level: Some(IsolationLevel::RepeatableRead),
            access_mode: Some(AccessMode::ReadOnly),
            ..TransactionOptions::default()
        };
        // SQLite has one isolation, and it is stronger.
        let snapshot = match self.db.get_database_backend() {
            sea_orm::DbBackend::Postgres => snapshot,
            _ => TransactionOptions::default(),
        };
        let txn = self.db.begin_with_options(snapshot).await?;
        let mut breaches = Vec::new();
        let explained =
            sum(&txn, "SELECT amount_fen AS fen FROM payments WHERE state = 'paid'").await?;
        let unexplained =
            sum(&txn, "SELECT amount_fen AS fen FROM strays WHERE state = 'held'").await?;
        let receipts = explained + unexplained;
        let returned =
            sum(&txn, "SELECT amount_fen AS fen FROM refunds WHERE state = 'succeeded'").await?;
        // A booking is the agency's until it is undone, also while that is being asked for.
        let premiums = sum(
            &txn,
            "SELECT amount_fen AS fen FROM postings WHERE kind <> 'topup' AND (state IN ('posted', 'agency_refunded')
               OR (state = 'taking_back' AND agency_serial IS NOT NULL))",
        )
        .await?;
        let topups = sum(
            &txn,
            "SELECT amount_fen AS fen FROM postings WHERE kind = 'topup' AND (state IN ('posted', 'agency_refunded')
               OR (state = 'taking_back' AND agency_serial IS NOT NULL))",
        )
        .await?;
        let posted = premiums + topups;
        let to_be_returned = sum(
            &txn,
            "SELECT amount_fen AS fen FROM refunds WHERE state NOT IN ('succeeded', 'replaced')",
        )
        .await?;
        // What waits: open postings that are not booked, ended ones without a refund, paid money
        // without either, and what fits nothing.
        let waiting = sum(
            &txn,
            "SELECT x.amount_fen AS fen FROM postings x WHERE x.state = 'pending'
               OR (x.state = 'taking_back' AND x.agency_serial IS NULL)
               OR (x.state IN ('refused', 'taken_back') AND NOT EXISTS (SELECT 1 FROM refunds r
                 WHERE r.payment_id = x.payment_id AND r.bill_no = x.bill_no AND r.state <> 'replaced'))
             UNION ALL SELECT p.amount_fen FROM payments p WHERE p.state = 'paid'
               AND NOT EXISTS (SELECT 1 FROM postings x WHERE x.payment_id = p.id)
               AND NOT EXISTS (SELECT 1 FROM refunds r WHERE r.payment_id = p.id AND r.state <> 'replaced')",
        )
        .await?;
        let in_transit = waiting + unexplained;
        if receipts - returned != posted + in_transit + to_be_returned {
            breaches.push("the equation is not closed".to_owned());
        }
        for (account, rows) in [
            ("channel:%", explained - returned),
            ("premium:%", -premiums),
            ("topup:%", -topups),
            ("refund_payable", -to_be_returned),
        ] {
            let balance = balance(&txn, account).await?;
            if balance != rows {
                breaches.push(format!(
                    "journal account {account} holds {balance} fen, the rows say {rows} fen"
                ));
            }
        }
        let held = balance(&txn, "in_transit").await? + balance(&txn, "suspense").await?;
        if held != -waiting {
            breaches.push(format!(
                "journal accounts in_transit and suspense hold {held} fen, the rows say {waiting} fen"
            ));
        }
        for (promise, statement) in PROMISES {
            let rows = Named::find_by_statement(sql(&txn, *statement)).all(&txn).await?;
            if !rows.is_empty() {
                let names: Vec<&str> =
                    rows.iter().take(NAMED_MAX).map(|row| row.name.as_str()).collect();
                breaches.push(format!("{promise}: {} × {}", rows.len(), names.join(", ")));
            }
        }
        let orders = sum(&txn, "SELECT 1 AS fen FROM orders").await?;
        txn.rollback().await?;
        let mut amount = |name: &str, fen: i64| {
            Fen::new(fen).unwrap_or_else(|| {
                breaches.push(format!("{name} is {fen} fen, which is no amount"));
                Fen::ZERO
            })
        };
        Ok(Audit {
            receipts: amount("receipts", receipts),
            returned: amount("returned", returned),
            posted: amount("posted", posted),
            in_transit: amount("in transit", in_transit),
            unexplained: amount("unexplained", unexplained),
            to_be_returned: amount("to be returned", to_be_returned),
            orders: u64::try_from(orders).unwrap_or(0),
            breaches,
        })
    }
}

/// Every promise that does not hold in this transaction, with what breaks it.
pub(crate) async fn broken(
    txn: &DatabaseTransaction,
) -> Result<BTreeSet<(&'static str, String)>, OrderError> {
    let mut broken = BTreeSet::new();
    for (promise, statement) in PROMISES {
        let rows = Named::find_by_statement(sql(txn, *statement)).all(txn).await?;
        broken.extend(rows.into_iter().map(|row| (*promise, row.name)));
    }
    Ok(broken)
}

fn sql(txn: &DatabaseTransaction, text: impl Into<String>) -> Statement {
    Statement::from_string(txn.get_database_backend(), text)
}

/// The sum of the column `fen` of a statement's rows.
async fn sum(txn: &DatabaseTransaction, rows: &str) -> Result<i64, OrderError> {
    let text =
        format!("SELECT CAST(COALESCE(SUM(fen), 0) AS BIGINT) AS amount FROM ({rows}) AS parts");
    let row = Amount::find_by_statement(sql(txn, text)).one(txn).await?;
    Ok(row.map_or(0, |row| row.amount))
}

/// Debits less credits of the journal accounts that match.
async fn balance(txn: &DatabaseTransaction, account: &str) -> Result<i64, OrderError> {
    let parts = format!(
        "SELECT amount_fen AS fen FROM journal WHERE debit LIKE '{account}'
         UNION ALL SELECT -amount_fen FROM journal WHERE credit LIKE '{account}'"
    );
    sum(txn, &parts).await
}

/// The states that the statements above call not final must be those that are.
const _: () = {
    let mut index = 0;
    let mut open = 0;
    while index < OrderState::ALL.len() {
        if !OrderState::ALL[index].is_final() {
            open += 1;
        }
        index += 1;
    }
    assert!(open == 7, "the list of states in PROMISES is out of date");
};
