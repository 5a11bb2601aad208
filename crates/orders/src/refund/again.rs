//! Going on after a stop: a person decided that parked work and failed refunds shall be tried again.
//!
//! Nothing new is invented: the same number and the same bytes, after a question. Only a number that
//! the channel itself declared closed (the money stayed with the merchant) is followed by a new one.

use kernel::{Fen, OrderNo};
use migrations::begin_write;

use super::{Giving, Refund, RefundState, entry, table};
use crate::{
    OrderError, OrderEvent, OrderState, Orders, RefundCause,
    job::{self, JobKind, Outcome},
    journal::{self, account},
    order::table as order_table,
    payment::table as payment_table,
};

/// What goes on again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retried {
    pub jobs: u64,
    pub refunds: u64,
    /// The sum of these refunds.
    pub amount: Fen,
}

impl Orders {
    /// Lets everything that stopped about an order go on: parked jobs and failed refunds.
    ///
    /// # Errors
    /// [`OrderError::NotFound`]. Nothing that stopped is no error: the counts are zero.
    pub async fn retry(&self, order_no: &OrderNo) -> Result<Retried, OrderError> {
        let now = self.clock.now();
        let id = order_table::find_by_number(&self.db, order_no).await?.id;
        let txn = begin_write(&self.db).await?;
        let mut order = order_table::lock(&txn, id).await?;
        let jobs = job::revive(&txn, order.id, now).await?;
        let failed: Vec<Refund> = table::of_order(&txn, order.id)
            .await?
            .into_iter()
            .filter(|refund| refund.state == RefundState::Failed)
            .collect();
        for refund in &failed {
            table::set_state(&txn, refund.id, RefundState::Requested, None, now).await?;
            let (kind, times) = (JobKind::Refund, (now, now));
            job::put_again(&txn, kind, order.id, refund.id, times, &*self.entropy).await?;
            journal::note(&txn, &order, "refund_retried", None, now).await?;
        }
        if order.state == OrderState::RefundFailed
            && failed.iter().any(|refund| refund.cause != RefundCause::Surplus)
        {
            journal::advance(&txn, &mut order, OrderEvent::RefundStarted, None, now).await?;
        }
        txn.commit().await?;
        self.wake_workers();
        Ok(Retried {
            jobs,
            refunds: u64::try_from(failed.len()).unwrap_or(u64::MAX),
            amount: Fen::sum(failed.iter().map(|refund| refund.amount)).unwrap_or(Fen::MAX),
        })
    }

    /// Lets every job that stopped go on, order by order, and says how many there were: after an outage
    /// that lasted longer than their patience.
    ///
    /// # Errors
    /// When the database is away; what was let go on until then does.
    pub async fn retry_stopped(&self) -> Result<u64, OrderError> {
        let now = self.clock.now();
        let mut jobs = 0;
        for order in job::orders_with_parked(&self.db).await? {
            let txn = begin_write(&self.db).await?;
            order_table::lock(&txn, order).await?;
            jobs += job::revive(&txn, order, now).await?;
            txn.commit().await?;
        }
        self.wake_workers();
        Ok(jobs)
    }

    /// The channel closed the number: the money stayed with us, and a new number asks for it.
    pub(super) async fn replace_refund(&self, refund: &Refund) -> Result<Outcome, OrderError> {
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        let order = order_table::lock(&txn, refund.order).await?;
        let refund = table::find(&txn, refund.id).await?;
        if refund.state != RefundState::Requested {
            return Ok(Outcome::Done);
        }
        table::set_state(&txn, refund.id, RefundState::Replaced, None, now).await?;
        let held = refund.cause.held_on();
        let back = entry(&refund, account::refund_payable(), held);
        journal::note(&txn, &order, "refund_replaced", Some(back), now).await?;
        let payment = payment_table::find(&txn, refund.payment).await?;
        let giving = Giving {
            payment: &payment,
            amount: refund.amount,
            cause: refund.cause,
            bill: refund.bill.clone(),
        };
        self.give_back(&txn, &order, giving, now).await?;
        txn.commit().await?;
        self.wake_workers();
        Ok(Outcome::Done)
    }
}
