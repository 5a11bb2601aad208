//! Planning a refund: number, bytes and job, in the transaction that promises the money back.

use kernel::{Fen, OutTradeNo, RefundId, Timestamp};
use migrations::begin_write;
use platforms::{PaymentChannel, RefundRequest};
use sea_orm::DatabaseTransaction;

use super::{Giving, Refund, RefundState, entry, refund_doubt, table};
use crate::{
    OrderError, Orders, case,
    job::{self, JobKind},
    journal::{self, account},
    order::table::{self as order_table, Order},
    payment::Payment,
};

impl Orders {
    /// Promises money back: the refund is written down with its number, its bytes and its job, in the
    /// caller's transaction. The caller holds the order's row. Money that arrived is recorded whatever
    /// happens next, so what cannot be promised opens a case and is no error.
    ///
    /// Where the merchant account is not configured just now, or the request breaks a rule of the
    /// channel, the promise stands all the same: its bytes are fixed when that is mended, and a case
    /// says so at once.
    pub(crate) async fn give_back(
        &self,
        txn: &DatabaseTransaction,
        order: &Order,
        giving: Giving<'_>,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        let mut refund = Refund {
            id: RefundId::generate(now, &*self.entropy),
            order: order.id,
            payment: giving.payment.id,
            out_refund_no: OutTradeNo::generate(self.rules.number_prefix, now, &*self.entropy),
            amount: giving.amount,
            cause: giving.cause,
            bill: giving.bill,
            state: RefundState::Requested,
            refunded_at: None,
            created_at: now,
            request: String::new(),
        };
        let refundable = refundable(txn, giving.payment).await?;
        if giving.amount > refundable || giving.amount.is_zero() {
            tracing::error!(order.no = %order.order_no, "more than was paid was about to be promised back");
            let why = format!("only {refundable} of the payment can still go back");
            let mut doubt = refund_doubt(order, &refund, &why);
            doubt.subject = match &refund.bill {
                Some(bill) => format!("{}:{bill}", refund.payment),
                None => refund.payment.to_string(),
            };
            return case::open(txn, doubt, now, &*self.entropy).await.map(drop);
        }
        let channel = self.directory.channel(&giving.payment.merchant);
        let prepared = match &channel {
            Some(channel) => self.prepare(&refund, giving.payment, &**channel),
            None => Err(OrderError::NoMerchant),
        };
        match prepared {
            Ok(request) => refund.request = request,
            Err(error) => {
                tracing::error!(order.no = %order.order_no, %error, "a refund cannot be asked for yet");
                let doubt = refund_doubt(order, &refund, &error.to_string());
                case::open(txn, doubt, now, &*self.entropy).await?;
            }
        }
        table::insert(txn, &refund).await?;
        let entry = entry(&refund, giving.cause.held_on(), account::refund_payable());
        journal::note(txn, order, "refund_planned", Some(entry), now).await?;
        job::put(txn, JobKind::Refund, order.id, refund.id, (now, now), &*self.entropy).await
    }

    /// The request, to the byte.
    fn prepare(
        &self,
        refund: &Refund,
        payment: &Payment,
        channel: &dyn PaymentChannel,
    ) -> Result<String, OrderError> {
        let request = RefundRequest {
            out_trade_no: payment.out_trade_no.clone(),
            out_refund_no: refund.out_refund_no.clone(),
            payment_amount: payment.amount,
            amount: refund.amount,
            reason: refund.cause.reason().to_owned(),
            notify_url: self.rules.callback_url(payment.channel, &payment.merchant, "refunds"),
        };
        Ok(channel.prepare_refund(&request)?.as_str().to_owned())
    }

    /// Fixes the bytes of a promise that could not be put into words when it was made.
    pub(super) async fn prepare_late(
        &self,
        refund: &Refund,
        payment: &Payment,
        channel: &dyn PaymentChannel,
    ) -> Result<Refund, OrderError> {
        let request = self.prepare(refund, payment, channel)?;
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        order_table::lock(&txn, refund.order).await?;
        // Another worker may have been faster; its bytes may be under way.
        if !table::find(&txn, refund.id).await?.is_prepared() {
            table::set_request(&txn, refund.id, &request, now).await?;
        }
        let refund = table::find(&txn, refund.id).await?;
        txn.commit().await?;
        Ok(refund)
    }
}

/// What of a payment is not promised back yet. The caller holds the order's row.
async fn refundable(txn: &DatabaseTransaction, payment: &Payment) -> Result<Fen, OrderError> {
    let promised = table::of_order(txn, payment.order).await?;
    let promised =
        promised.iter().filter(|refund| refund.payment == payment.id && refund.state.counts());
    let promised = Fen::sum(promised.map(|refund| refund.amount)).unwrap_or(Fen::MAX);
    Ok(payment.amount.minus(promised).unwrap_or(Fen::ZERO))
}
