//! Operators: who take bills back, let stopped work go on, and close cases; and agencies that undo or
//! pay back by themselves.

use std::time::Duration;

use kernel::{Fen, OrderNo};
use orders::{CaseClosing, CaseKind, CaseOutcome, Orders, TakeBack};

use crate::world::{World, lock};

/// An agency is asked for a booking after one, three and seven days; what it undoes later than this is
/// not noticed before a history ends.
const UNDONE_WITHIN: Duration = Duration::from_secs(2 * 86_400);

impl World {
    /// An operator does one thing, perhaps on yesterday's news.
    pub async fn operate(&self) {
        let Some(process) = self.process() else { return };
        let orders = process.orders.clone();
        let said = match self.dice.below(6) {
            0..=1 => self.take_back(&orders).await,
            2 => self.act("an operator", async move { orders.retry_stopped().await }).await.map(
                |done| match done {
                    Ok(jobs) => format!("lets {jobs} stopped jobs go on"),
                    Err(error) => format!("cannot let jobs go on: {error}"),
                },
            ),
            3 => self.retry(&orders).await,
            _ => self.close_a_case(&orders).await,
        };
        if let Some(said) = said {
            lock(&self.coverage).count("operator");
            self.tell(format!("an operator {said}"));
        }
    }

    async fn some_order(&self, states: &str) -> Option<OrderNo> {
        let sql =
            format!("SELECT order_no FROM orders WHERE state IN ({states}) ORDER BY order_no");
        let numbers = self.rows(&sql, 1).await;
        self.dice.pick(&numbers)?.first()?.parse().ok()
    }

    async fn take_back(&self, orders: &Orders) -> Option<String> {
        let order_no = self.some_order("'SUCCESS', 'SUCCESS_PARTIAL', 'PAID', 'SUSPENDED'").await?;
        let mut seen = orders.refundable(&order_no).await.ok()?;
        if self.dice.percent(10) {
            seen = seen.plus(Fen::new(1)?)?;
        }
        let sql = format!(
            "SELECT x.bill_no FROM postings x JOIN orders o ON o.id = x.order_id \
             WHERE o.order_no = '{order_no}' ORDER BY x.bill_no"
        );
        let bills = self.rows(&sql, 1).await;
        let one = self.dice.percent(50).then(|| self.dice.pick(&bills)).flatten();
        let wish = TakeBack {
            order_no: order_no.clone(),
            bill_no: one.and_then(|row| row.first()?.parse().ok()),
            agency: None,
            refundable_seen: seen,
            reason: "缴费人申请撤销".to_owned(),
        };
        let orders = orders.clone();
        let done = self.act("an operator", async move { orders.take_back(&wish).await }).await?;
        Some(match done {
            Ok(left) => format!("takes back of {order_no}, {left} is left"),
            Err(error) => format!("cannot take back of {order_no}: {error}"),
        })
    }

    async fn retry(&self, orders: &Orders) -> Option<String> {
        let order_no = self.some_order("'REFUND_FAILED', 'SUSPENDED', 'PAYING', 'PAID'").await?;
        let (orders, number) = (orders.clone(), order_no.clone());
        let done = self.act("an operator", async move { orders.retry(&number).await }).await?;
        Some(match done {
            Ok(retried) => format!(
                "lets {} jobs and {} refunds of {order_no} go on",
                retried.jobs, retried.refunds
            ),
            Err(error) => format!("cannot let {order_no} go on: {error}"),
        })
    }

    async fn close_a_case(&self, orders: &Orders) -> Option<String> {
        let cases = orders.open_cases(100).await.ok()?;
        // Money that does not find its way back is what people look at first.
        let money = cases.iter().find(|case| case.kind == CaseKind::RefundUnfinished);
        let case = match money {
            Some(case) if self.dice.below(2) == 0 => case.clone(),
            _ => self.dice.pick(&cases)?.clone(),
        };
        // Most outcomes do not fit most cases: they try one after the other, from any of them on.
        let first = self.dice.below(CaseOutcome::ALL.len());
        let mut told = String::new();
        for outcome in CaseOutcome::ALL.into_iter().cycle().skip(first).take(CaseOutcome::ALL.len())
        {
            let closing = CaseClosing {
                outcome,
                by: "甲".to_owned(),
                note: "已核对".to_owned(),
                approved_by: Some("乙".to_owned()),
            };
            let (orders, id) = (orders.clone(), case.id);
            let done = self.act("an operator", async move { orders.close_case(id, closing).await });
            match done.await? {
                Ok(_) => {
                    lock(&self.coverage).count(format!("closed.{}", case.kind.code()));
                    return Some(format!("closes {} as {}", case.subject, outcome.code()));
                }
                Err(error) => told = format!("may not close ({error}) {}", case.subject),
            }
        }
        Some(told)
    }

    /// The agency undoes one of its bookings, or pays the person back, and tells nobody.
    pub fn agency_takes_back(&self) {
        if self.temper.stubborn {
            return;
        }
        let book = self.mocks.agency();
        let young: Vec<String> = book
            .postings()
            .into_iter()
            .filter(|posting| !posting.reversed)
            .filter(|posting| self.now().since(posting.posted_at) < UNDONE_WITHIN)
            .map(|posting| posting.agency_serial)
            .collect();
        let Some(serial) = self.dice.pick(&young) else { return };
        let (what, done) = if self.dice.percent(50) {
            ("undoes", book.reverse_posting(serial))
        } else {
            ("pays back", book.refund_posting(serial))
        };
        if done.is_ok() {
            self.tell(format!("! the agency {what} {serial}"));
            lock(&self.coverage).count(format!("agency.{what}"));
        }
    }
}
