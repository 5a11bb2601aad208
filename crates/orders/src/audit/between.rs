//! What lies between orders: a bill that two of them hold, money that fits none, and messages that say
//! something was recorded.
//!
//! Plain SQL that SQLite and PostgreSQL share; each statement names the rows that break its promise.

use std::collections::BTreeSet;

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, FromQueryResult, Statement,
    sea_query::{Expr, ExprTrait, Query},
};
use serde_json::Value;

use super::{judge::Breach, rows::all};
use crate::{CaseKind, OrderError};

#[derive(FromQueryResult)]
struct Amount {
    amount: i64,
}

#[derive(FromQueryResult)]
struct Named {
    name: String,
}

const PROMISES: &[(&str, &str)] = &[
    (
        "a bill is posted twice",
        "SELECT x.agency_code || ' ' || x.bill_no AS name FROM postings x WHERE x.state = 'posted'
           OR (x.state = 'taking_back' AND x.agency_serial IS NOT NULL)
         GROUP BY x.agency_code, x.bill_no HAVING COUNT(*) > 1",
    ),
    (
        "one booking of an agency stands for two bills",
        "SELECT x.agency_code || ' ' || x.agency_serial AS name FROM postings x
         WHERE x.agency_serial IS NOT NULL GROUP BY x.agency_code, x.agency_serial HAVING COUNT(*) > 1",
    ),
    (
        "two live orders claim one bill",
        "SELECT b.agency_code || ' ' || b.bill_no AS name FROM order_bills b WHERE b.live
         GROUP BY b.agency_code, b.bill_no HAVING COUNT(*) > 1",
    ),
    (
        "a posting or a refund belongs to another order than its payment",
        "SELECT p.out_trade_no AS name FROM payments p JOIN postings x ON x.payment_id = p.id WHERE x.order_id <> p.order_id
         UNION ALL SELECT r.out_refund_no FROM payments p JOIN refunds r ON r.payment_id = p.id WHERE r.order_id <> p.order_id",
    ),
    (
        "a message says that a payment was recorded, and it is not",
        "SELECT n.channel || ' ' || n.fact_digest AS name FROM notifications n LEFT JOIN payments p ON p.id = n.payment_id
         WHERE n.kind = 'payment' AND n.effect = 'recorded' AND (p.id IS NULL OR p.state <> 'paid')",
    ),
    (
        "money that fits nothing has no open case of its amount",
        "SELECT s.channel || ' ' || s.transaction_id AS name FROM strays s WHERE s.state = 'held'
         AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.subject = s.case_subject AND c.closed_at_ms IS NULL
           AND c.amount_fen = s.amount_fen)",
    ),
    (
        "money that fitted nothing is said to be an order's payment, and is not",
        "SELECT s.channel || ' ' || s.transaction_id AS name FROM strays s WHERE s.state = 'matched'
         AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.channel = s.channel
           AND p.transaction_id = s.transaction_id AND p.state = 'paid')",
    ),
    (
        "money that fitted nothing is said to be settled, and its case is open",
        "SELECT s.channel || ' ' || s.transaction_id AS name FROM strays s WHERE s.state NOT IN ('held', 'matched')
         AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.subject = s.case_subject AND c.closed_at_ms IS NOT NULL)",
    ),
    (
        "one transaction is counted as an order's payment and as unexplained",
        "SELECT s.channel || ' ' || s.transaction_id AS name FROM strays s JOIN payments p
           ON p.channel = s.channel AND p.transaction_id = s.transaction_id
         WHERE s.state = 'held' AND p.state = 'paid'",
    ),
];

/// Money that fits nothing we asked for and that nobody has settled.
pub(super) async fn unexplained(txn: &DatabaseTransaction) -> Result<i64, OrderError> {
    let text = "SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) AS amount FROM strays WHERE state = 'held'";
    Ok(Amount::find_by_statement(sql(txn, text)).one(txn).await?.map_or(0, |row| row.amount))
}

/// All promises between orders that do not hold.
pub(super) async fn check(txn: &DatabaseTransaction) -> Result<Vec<Breach>, OrderError> {
    let mut breaches = Vec::new();
    for (promise, text) in PROMISES {
        let rows = Named::find_by_statement(sql(txn, text)).all(txn).await?;
        breaches.extend(rows.into_iter().map(|row| (*promise, row.name)));
    }
    breaches.extend(uncounted(txn).await?);
    Ok(breaches)
}

#[derive(FromQueryResult)]
struct MoneyCase {
    subject: String,
    channel: Option<String>,
    evidence_json: String,
}

#[derive(FromQueryResult)]
struct Transaction {
    channel: String,
    transaction_id: Option<String>,
}

/// An open case about money that came must find that money counted, as a stray or as a payment.
async fn uncounted(txn: &DatabaseTransaction) -> Result<Vec<Breach>, OrderError> {
    let kinds = CaseKind::ALL.into_iter().filter(|kind| crate::stray::is_money(*kind));
    let cases = Query::select()
        .columns(["subject", "channel", "evidence_json"])
        .from("cases")
        .and_where(Expr::col("closed_at_ms").is_null())
        .and_where(Expr::col("kind").is_in(kinds.map(CaseKind::code)))
        .take();
    let cases: Vec<MoneyCase> = all(txn, &cases).await?;
    let told: Vec<(MoneyCase, String)> = cases
        .into_iter()
        .map(|case| {
            let evidence: Value = serde_json::from_str(&case.evidence_json).unwrap_or_default();
            let transaction = evidence["told"]["transaction_id"].as_str().unwrap_or_default();
            let transaction = transaction.chars().take(64).collect();
            (case, transaction)
        })
        .collect();
    let mut counted: BTreeSet<(String, String)> = BTreeSet::new();
    for chunk in told.chunks(200) {
        for table in ["strays", "payments"] {
            let numbers = chunk.iter().map(|(_, transaction)| transaction.as_str());
            let known = Query::select()
                .columns(["channel", "transaction_id"])
                .from(table)
                .and_where(Expr::col("transaction_id").is_in(numbers))
                .take();
            for row in all::<Transaction>(txn, &known).await? {
                counted.insert((row.channel, row.transaction_id.unwrap_or_default()));
            }
        }
    }
    let missing = told.into_iter().filter(|(case, transaction)| {
        let key = (case.channel.clone().unwrap_or_default(), transaction.clone());
        !counted.contains(&key)
    });
    let promise = "a case is about money that is not counted";
    Ok(missing.map(|(case, _)| (promise, case.subject)).collect())
}

fn sql(txn: &DatabaseTransaction, text: &str) -> Statement {
    Statement::from_string(txn.get_database_backend(), text)
}
