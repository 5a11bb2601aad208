//! What a platform says about a refund, pushed or asked for, and when an order has all its money back.

use std::collections::BTreeSet;

use kernel::{Fen, Timestamp};
use migrations::begin_write;
use platforms::{RefundFact, RefundStatus};
use sea_orm::DatabaseTransaction;
use serde_json::json;

use super::{Refund, RefundCause, RefundState, entry, refund_doubt, table};
use crate::{
    OrderError, OrderEvent, OrderState, Orders, PaymentState, Recorded,
    case::{self, CaseKind, Doubt},
    journal::{self, account},
    notification::{self, RawNotification, Told},
    order::table::{self as order_table, Order},
    payment::{Payment, table as payment_table},
    posting::table as posting_table,
};

/// Beyond so many different sums nobody reckons which refunds a sum is made of.
const SUMS_MAX: usize = 4_096;

impl Orders {
    /// Records what a platform says about a refund. Told twice, it acts once; a refund that we do
    /// not know is kept and a person looks.
    ///
    /// # Errors
    /// Only when nothing could be stored: then the platform must tell again.
    pub async fn record_refund(
        &self,
        fact: &RefundFact,
        raw: Option<RawNotification<'_>>,
    ) -> Result<Recorded, OrderError> {
        let now = self.clock.now();
        let number = (fact.channel(), fact.merchant(), fact.out_trade_no());
        let payment = payment_table::find_by_number(&self.db, number.0, number.1, number.2).await?;
        let known = table::find_by_number(&self.db, fact.out_refund_no()).await?;
        let ours = match (&known, &payment) {
            (Some(refund), Some(payment)) => {
                refund.payment == payment.id && fact.merchant_id_fits(&payment.merchant_id)
            }
            _ => false,
        };
        let txn = begin_write(&self.db).await?;
        let recorded = match (known, &payment) {
            (Some(refund), Some(payment)) if ours => {
                let mut order = order_table::lock(&txn, refund.order).await?;
                let refund = table::find(&txn, refund.id).await?;
                self.apply_refund_fact(&txn, &mut order, &refund, payment, fact, now).await?
            }
            _ => {
                self.doubt_refund(&txn, fact, payment.as_ref(), now).await?;
                Recorded::Case(CaseKind::UnknownRefund)
            }
        };
        if let Some(told) = raw.map(|raw| Told::refund(fact, raw))
            && !notification::count_repeat(&txn, &told, now).await?
        {
            let tools = (&self.cipher, &*self.entropy);
            let payment = payment.map(|payment| payment.id);
            notification::keep(&txn, &told, recorded.code(), payment, now, tools).await?;
        }
        txn.commit().await?;
        metrics::counter!("refunds_recorded", "channel" => fact.channel().code(), "effect" => recorded.code())
            .increment(1);
        Ok(recorded)
    }

    async fn apply_refund_fact(
        &self,
        txn: &DatabaseTransaction,
        order: &mut Order,
        refund: &Refund,
        payment: &Payment,
        fact: &RefundFact,
        now: Timestamp,
    ) -> Result<Recorded, OrderError> {
        let state = match fact.status() {
            RefundStatus::Processing => RefundState::Processing,
            RefundStatus::Succeeded => RefundState::Succeeded,
            RefundStatus::Closed | RefundStatus::Abnormal => RefundState::Failed,
        };
        if fact.amount().is_some_and(|amount| amount != refund.amount) {
            self.doubt_refund(txn, fact, Some(payment), now).await?;
            return Ok(Recorded::Case(CaseKind::UnknownRefund));
        }
        if matches!(refund.state, RefundState::Replaced | RefundState::ReturnedByHand) {
            if state != RefundState::Succeeded {
                return Ok(Recorded::Before);
            }
            // The channel would not, and now it did: perhaps the payer has it twice.
            self.doubt_refund(txn, fact, Some(payment), now).await?;
            return Ok(Recorded::Case(CaseKind::UnknownRefund));
        }
        // Success is final; a late "processing" never takes anything back.
        if refund.state == RefundState::Succeeded
            || refund.state == state
            || (state == RefundState::Processing && !refund.state.is_open())
        {
            return Ok(Recorded::Before);
        }
        if state == RefundState::Succeeded
            && let Some(sum) = fact.returned_so_far()
            && !explained(sum, refund, &table::of_order(txn, order.id).await?)
        {
            // Somebody else's refund is in the sum, or this one is not: the question about this very
            // refund tells, and a person looks for the other.
            self.doubt_refund(txn, fact, Some(payment), now).await?;
            return Ok(Recorded::Case(CaseKind::UnknownRefund));
        }
        match state {
            RefundState::Requested
            | RefundState::Processing
            | RefundState::Replaced
            | RefundState::ReturnedByHand => {
                table::set_state(txn, refund.id, state, None, now).await?;
            }
            RefundState::Succeeded => {
                let at = fact.refunded_at().unwrap_or(now);
                table::set_state(txn, refund.id, state, Some(at), now).await?;
                let channel = account::channel(payment.channel, &payment.merchant);
                let entry = entry(refund, account::refund_payable(), channel);
                journal::note(txn, order, "refunded", Some(entry), now).await?;
                self.finish_refunds(txn, order, now).await?;
            }
            RefundState::Failed => {
                let why = format!("{:?}", fact.status());
                self.mark_failed(txn, order, refund, &why, now).await?;
            }
        }
        Ok(Recorded::Now)
    }

    /// When the payer of an order that goes back whole has all of it, the order is over. What was
    /// received beyond it goes its own way.
    pub(crate) async fn finish_refunds(
        &self,
        txn: &DatabaseTransaction,
        order: &mut Order,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        if !matches!(order.state, OrderState::Refunding | OrderState::RefundFailed) {
            return Ok(());
        }
        let refunds = table::of_order(txn, order.id).await?;
        let postings = posting_table::of_order(txn, order.id).await?;
        let payments = payment_table::of_order(txn, order.id).await?;
        let settled = |payment: &Payment| {
            let of_payment = refunds.iter().filter(|refund| refund.payment == payment.id);
            if of_payment.clone().any(|refund| refund.cause == RefundCause::Surplus) {
                return true;
            }
            let back = of_payment.filter(|refund| refund.state.is_back()).map(|r| r.amount);
            let kept = postings.iter().filter(|p| p.payment == payment.id && p.state.is_booked());
            Fen::sum(back.chain(kept.map(|posting| posting.amount))) == Some(payment.amount)
        };
        if payments.iter().filter(|p| p.state == PaymentState::Paid).all(settled) {
            journal::advance(txn, order, OrderEvent::MoneyReturned, None, now).await?;
        }
        Ok(())
    }

    /// A person paid back what the channel would not return. It came out of other funds; what the
    /// channel holds is ours again.
    pub(crate) async fn pay_back_by_hand(
        &self,
        txn: &DatabaseTransaction,
        order: &mut Order,
        refund: &Refund,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        table::set_state(txn, refund.id, RefundState::ReturnedByHand, Some(now), now).await?;
        let payment = payment_table::find(txn, refund.payment).await?;
        let funds = account::by_hand(payment.channel, &payment.merchant);
        let entry = entry(refund, account::refund_payable(), funds);
        journal::note(txn, order, "refund_returned_by_hand", Some(entry), now).await?;
        self.finish_refunds(txn, order, now).await
    }

    pub(super) async fn mark_failed(
        &self,
        txn: &DatabaseTransaction,
        order: &mut Order,
        refund: &Refund,
        why: &str,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        table::set_state(txn, refund.id, RefundState::Failed, None, now).await?;
        if order.state == OrderState::Refunding && refund.cause != RefundCause::Surplus {
            journal::advance(txn, order, OrderEvent::RefundBroke, None, now).await?;
        }
        case::open(txn, refund_doubt(order, refund, why), now, &*self.entropy).await?;
        Ok(())
    }

    async fn doubt_refund(
        &self,
        txn: &DatabaseTransaction,
        fact: &RefundFact,
        payment: Option<&Payment>,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        let doubt = Doubt {
            kind: CaseKind::UnknownRefund,
            // A refund number is unique within its trade only, and a refund changes: each word about
            // it is evidence of its own.
            subject: format!(
                "{}:{}:{:.64}:{:.64}:{:?}",
                fact.channel(),
                fact.merchant(),
                fact.out_trade_no(),
                fact.out_refund_no(),
                fact.status()
            ),
            order: payment.map(|payment| payment.order),
            account: Some((fact.channel(), fact.merchant().clone())),
            amount: fact.amount(),
            evidence: json!({
                "out_trade_no": fact.out_trade_no(), "out_refund_no": fact.out_refund_no(),
                "merchant_id": fact.merchant_id(), "amount": fact.amount(),
                "status": format!("{:?}", fact.status()), "refunded_at": fact.refunded_at(),
            }),
        };
        case::open(txn, doubt, now, &*self.entropy).await.map(drop)
    }
}

/// Whether a sum of refunds can be made of this one and others of ours. A message can be late, so
/// any of the others may or may not be in it.
fn explained(sum: Fen, refund: &Refund, of_order: &[Refund]) -> bool {
    let mut sums = BTreeSet::from([refund.amount]);
    let through_the_channel = |other: &&Refund| {
        other.payment == refund.payment
            && other.id != refund.id
            && !matches!(other.state, RefundState::Replaced | RefundState::ReturnedByHand)
    };
    for other in of_order.iter().filter(through_the_channel) {
        let more: Vec<Fen> = sums.iter().filter_map(|sum| sum.plus(other.amount)).collect();
        sums.extend(more);
        if sums.len() > SUMS_MAX {
            return sum >= refund.amount;
        }
    }
    sums.contains(&sum)
}
