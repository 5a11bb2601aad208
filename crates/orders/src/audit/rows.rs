//! What the audit reads, as it stands in the database: no types of the acts, so that a row which they
//! could not have written is seen and not refused.

use std::collections::BTreeMap;

use kernel::Timestamp;
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, FromQueryResult, Order,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};
use uuid::Uuid;

use crate::OrderError;

#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct OrderRow {
    pub id: Uuid,
    pub order_no: String,
    pub state: String,
    pub amount_fen: i64,
    pub expires_at_ms: i64,
}

#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct BillRow {
    pub order_id: Uuid,
    pub agency_code: String,
    pub bill_no: String,
    pub amount_fen: i64,
    pub kind: String,
    pub live: bool,
}

#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct PaymentRow {
    pub id: Uuid,
    pub order_id: Uuid,
    pub channel: String,
    pub merchant_key: String,
    pub out_trade_no: String,
    pub amount_fen: i64,
    pub state: String,
    pub transaction_id: Option<String>,
    pub paid_at_ms: Option<i64>,
}

#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct PostingRow {
    pub id: Uuid,
    pub order_id: Uuid,
    pub payment_id: Uuid,
    pub agency_code: String,
    pub bill_no: String,
    pub amount_fen: i64,
    pub kind: String,
    pub state: String,
    pub agency_serial: Option<String>,
    pub posted_at_ms: Option<i64>,
}

#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct RefundRow {
    pub id: Uuid,
    pub order_id: Uuid,
    pub payment_id: Uuid,
    pub out_refund_no: String,
    pub amount_fen: i64,
    pub cause: String,
    pub agency_code: Option<String>,
    pub bill_no: Option<String>,
    pub state: String,
    pub refunded_at_ms: Option<i64>,
}

#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct LineRow {
    pub order_id: Uuid,
    pub seq: i32,
    pub event: String,
    pub from_state: String,
    pub to_state: String,
    pub debit: Option<String>,
    pub credit: Option<String>,
    pub amount_fen: Option<i64>,
    pub payment_id: Option<Uuid>,
}

#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct JobRow {
    pub order_id: Uuid,
    pub kind: String,
    pub subject: String,
    pub state: String,
    pub run_at_ms: i64,
}

#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct CaseRow {
    pub order_id: Option<Uuid>,
    pub kind: String,
    pub subject: String,
}

#[derive(FromQueryResult)]
struct IdRow {
    id: Uuid,
}

/// Everything that is written down about one order.
#[derive(Clone, Debug)]
pub(super) struct Book {
    pub order: OrderRow,
    pub bills: Vec<BillRow>,
    pub payments: Vec<PaymentRow>,
    pub postings: Vec<PostingRow>,
    pub refunds: Vec<RefundRow>,
    /// By their numbers.
    pub journal: Vec<LineRow>,
    /// Those that are not done.
    pub jobs: Vec<JobRow>,
    /// Those that are open.
    pub cases: Vec<CaseRow>,
    /// When it was read.
    pub now: Timestamp,
}

/// The ids of the next orders after `after`, in the order of their ids.
pub(super) async fn next_orders(
    txn: &DatabaseTransaction,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Uuid>, OrderError> {
    let mut query = Query::select().column("id").from("orders").order_by("id", Order::Asc).take();
    query.limit(limit);
    if let Some(after) = after {
        query.and_where(Expr::col("id").gt(after));
    }
    Ok(all::<IdRow>(txn, &query).await?.into_iter().map(|row| row.id).collect())
}

/// The books of these orders.
pub(super) async fn books(
    txn: &DatabaseTransaction,
    ids: &[Uuid],
    now: Timestamp,
) -> Result<Vec<Book>, OrderError> {
    let of = |table: &'static str, columns: &[&'static str], key: &'static str| {
        Query::select()
            .columns(columns.iter().copied())
            .from(table)
            .and_where(Expr::col(key).is_in(ids.iter().copied()))
            .take()
    };
    let columns = ["id", "order_no", "state", "amount_fen", "expires_at_ms"];
    let orders: Vec<OrderRow> = all(txn, &of("orders", &columns, "id")).await?;
    let mut books: BTreeMap<Uuid, Book> = orders
        .into_iter()
        .map(|order| {
            let book = Book {
                bills: Vec::new(),
                payments: Vec::new(),
                postings: Vec::new(),
                refunds: Vec::new(),
                journal: Vec::new(),
                jobs: Vec::new(),
                cases: Vec::new(),
                now,
                order,
            };
            (book.order.id, book)
        })
        .collect();

    let columns = ["order_id", "agency_code", "bill_no", "amount_fen", "kind", "live"];
    let bills = of("order_bills", &columns, "order_id").order_by("position", Order::Asc).take();
    for row in all::<BillRow>(txn, &bills).await? {
        books.entry(row.order_id).and_modify(|book| book.bills.push(row));
    }
    let columns = [
        "id",
        "order_id",
        "channel",
        "merchant_key",
        "out_trade_no",
        "amount_fen",
        "state",
        "transaction_id",
        "paid_at_ms",
    ];
    for row in all::<PaymentRow>(txn, &of("payments", &columns, "order_id")).await? {
        books.entry(row.order_id).and_modify(|book| book.payments.push(row));
    }
    let columns = [
        "id",
        "order_id",
        "payment_id",
        "agency_code",
        "bill_no",
        "amount_fen",
        "kind",
        "state",
        "agency_serial",
        "posted_at_ms",
    ];
    for row in all::<PostingRow>(txn, &of("postings", &columns, "order_id")).await? {
        books.entry(row.order_id).and_modify(|book| book.postings.push(row));
    }
    let columns = [
        "id",
        "order_id",
        "payment_id",
        "out_refund_no",
        "amount_fen",
        "cause",
        "agency_code",
        "bill_no",
        "state",
        "refunded_at_ms",
    ];
    for row in all::<RefundRow>(txn, &of("refunds", &columns, "order_id")).await? {
        books.entry(row.order_id).and_modify(|book| book.refunds.push(row));
    }
    let columns = [
        "order_id",
        "seq",
        "event",
        "from_state",
        "to_state",
        "debit",
        "credit",
        "amount_fen",
        "payment_id",
    ];
    let journal = of("journal", &columns, "order_id").order_by("seq", Order::Asc).take();
    for row in all::<LineRow>(txn, &journal).await? {
        books.entry(row.order_id).and_modify(|book| book.journal.push(row));
    }
    let columns = ["order_id", "kind", "subject", "state", "run_at_ms"];
    let jobs = of("jobs", &columns, "order_id").and_where(Expr::col("state").ne("done")).take();
    for row in all::<JobRow>(txn, &jobs).await? {
        books.entry(row.order_id).and_modify(|book| book.jobs.push(row));
    }
    let columns = ["order_id", "kind", "subject"];
    let cases =
        of("cases", &columns, "order_id").and_where(Expr::col("closed_at_ms").is_null()).take();
    for row in all::<CaseRow>(txn, &cases).await? {
        if let Some(order) = row.order_id {
            books.entry(order).and_modify(|book| book.cases.push(row));
        }
    }
    Ok(books.into_values().collect())
}

/// All rows of a statement.
pub(super) async fn all<T: FromQueryResult>(
    txn: &DatabaseTransaction,
    query: &SelectStatement,
) -> Result<Vec<T>, OrderError> {
    Ok(T::find_by_statement(txn.get_database_backend().build(query)).all(txn).await?)
}
