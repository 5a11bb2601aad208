//! The audit: reads a database and proves the promise, or names what breaks it.
//!
//! `receipts − returned = posted + in transit + to be returned`; no bill is posted twice; whatever is not
//! final has a job of its own that will wake up, or a case about it that a person looks at; journal,
//! states and amounts agree, order by order and payment by payment.
//!
//! Orders are read a few hundred at a time, in one snapshot, and judged by pure code ([`judge`]); what
//! lies between orders (a bill twice, money that fits none) is asked of the database. The audit shares
//! the vocabulary and the table of states with the acts that it judges, and nothing else.

mod between;
mod judge;
mod owners;
mod rows;

use std::{collections::BTreeMap, fmt};

use kernel::{Fen, OrderId};
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseTransaction, DbBackend, IsolationLevel,
    TransactionOptions, TransactionTrait,
};

use self::judge::{Breach, Figures, judge};
use crate::{OrderError, Orders};

/// At most this many breaches of one kind are named; the count is always whole.
const NAMED_MAX: usize = 20;
/// Orders judged at once.
const CHUNK: u64 = 200;

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

impl Orders {
    /// Proves the promise on the database as it is now. It takes no lock that an act would wait for, and
    /// as long as it needs.
    ///
    /// # Errors
    /// When the database does not answer; a broken promise is a breach, not an error.
    pub async fn audit(&self) -> Result<Audit, OrderError> {
        let now = self.clock.now();
        let snapshot = TransactionOptions {
            isolation_level: Some(IsolationLevel::RepeatableRead),
            access_mode: Some(AccessMode::ReadOnly),
            ..TransactionOptions::default()
        };
        // SQLite has one isolation, and it is stronger.
        let postgres = self.db.get_database_backend() == DbBackend::Postgres;
        let snapshot = if postgres { snapshot } else { TransactionOptions::default() };
        let txn = self.db.begin_with_options(snapshot).await?;
        if postgres {
            // An act that takes so long is broken; years of records may.
            txn.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
            txn.execute_unprepared("SET LOCAL idle_in_transaction_session_timeout = 0").await?;
        }
        let mut figures = Figures::default();
        let mut breaches = Vec::new();
        let mut orders = 0;
        let mut last = None;
        loop {
            let ids = rows::next_orders(&txn, last, CHUNK).await?;
            let Some(end) = ids.last().copied() else { break };
            last = Some(end);
            for book in rows::books(&txn, &ids, now).await? {
                let (of_order, found) = judge(&book);
                figures.add(of_order);
                breaches.extend(found);
                orders += 1;
            }
        }
        let unexplained = between::unexplained(&txn).await?;
        breaches.extend(between::check(&txn).await?);
        txn.rollback().await?;
        Ok(report(figures, unexplained, orders, breaches))
    }
}

/// Everything that is wrong about one order in this transaction.
pub(crate) async fn breaches_of(
    txn: &DatabaseTransaction,
    order: OrderId,
    now: kernel::Timestamp,
) -> Result<Vec<Breach>, OrderError> {
    let books = rows::books(txn, &[order.as_uuid()], now).await?;
    Ok(books.iter().flat_map(|book| judge(book).1).collect())
}

fn report(figures: Figures, unexplained: i64, orders: u64, found: Vec<Breach>) -> Audit {
    let mut by_promise: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for (promise, name) in found {
        by_promise.entry(promise).or_default().push(name);
    }
    let mut breaches: Vec<String> = by_promise
        .into_iter()
        .map(|(promise, names)| {
            let named = names.iter().take(NAMED_MAX).map(String::as_str).collect::<Vec<_>>();
            format!("{promise}: {} × {}", names.len(), named.join(", "))
        })
        .collect();
    let Figures { receipts, returned, posted, waiting, promised } = figures;
    let (receipts, in_transit) = (receipts + unexplained, waiting + unexplained);
    if receipts - returned != posted + in_transit + promised {
        breaches.push("the equation is not closed".to_owned());
    }
    let mut amount = |name: &str, fen: i64| {
        Fen::new(fen).unwrap_or_else(|| {
            breaches.push(format!("{name} is {fen} fen, which is no amount"));
            Fen::ZERO
        })
    };
    Audit {
        receipts: amount("receipts", receipts),
        returned: amount("returned", returned),
        posted: amount("posted", posted),
        in_transit: amount("in transit", in_transit),
        unexplained: amount("unexplained", unexplained),
        to_be_returned: amount("to be returned", promised),
        orders,
        breaches,
    }
}
