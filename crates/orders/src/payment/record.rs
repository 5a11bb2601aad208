//! Recording money that a platform vouches for. Every fact, pushed or queried, comes through here.

use kernel::Timestamp;
use migrations::begin_write;
use platforms::{PaymentFact, Told as ToldBy};
use sea_orm::DatabaseTransaction;
use serde_json::json;

use super::table::{self, Payment, PaymentState};
use crate::{
    OrderError, OrderEvent, Orders,
    case::{self, CaseKind, Doubt, News},
    journal::{self, Entry, account},
    notification::{self, RawNotification, Told},
    order::table::{self as order_table, Order},
    posting,
    refund::{Giving, RefundCause},
    stray,
};

/// What became of a told fact. In every case it is on record, and may be acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It changed something now.
    Now,
    /// It was known; nothing changed.
    Before,
    /// It does not fit what we asked for: nothing is marked paid, a case is open.
    Case(CaseKind),
}

impl Recorded {
    /// The label in the notification's row, in logs and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Recorded::Now => "recorded",
            Recorded::Before => "before",
            Recorded::Case(kind) => kind.code(),
        }
    }
}

impl Orders {
    /// Records money that a platform vouches for. Told twice, it acts once.
    ///
    /// `raw` is the notification as received; a fact from a query has none.
    ///
    /// # Errors
    /// Only when nothing could be stored: then the platform must tell again.
    pub async fn record_payment(
        &self,
        fact: &PaymentFact,
        raw: Option<RawNotification<'_>>,
    ) -> Result<Recorded, OrderError> {
        let now = self.clock.now();
        let told = raw.map(|raw| Told::payment(fact, raw));
        let number = (fact.channel(), fact.merchant(), fact.out_trade_no());
        let known = table::find_by_number(&self.db, number.0, number.1, number.2).await?;
        let txn = begin_write(&self.db).await?;
        let (recorded, payment) = match known {
            None => {
                self.doubt(&txn, fact, CaseKind::UnknownOrder, None, (now, News::Once)).await?;
                (Recorded::Case(CaseKind::UnknownOrder), None)
            }
            Some(known) => {
                let mut order = order_table::lock(&txn, known.order).await?;
                let payment = table::find(&txn, known.id).await?;
                (self.apply_fact(&txn, &mut order, &payment, fact, now).await?, Some(payment.id))
            }
        };
        if let Some(told) = &told
            && !notification::count_repeat(&txn, told, now).await?
        {
            let tools = (&self.cipher, &*self.entropy);
            notification::keep(&txn, told, recorded.code(), payment, now, tools).await?;
        }
        txn.commit().await?;
        if recorded == Recorded::Now {
            self.wake_workers();
        }
        metrics::counter!("payments_recorded", "channel" => fact.channel().code(), "effect" => recorded.code())
            .increment(1);
        Ok(recorded)
    }

    async fn apply_fact(
        &self,
        txn: &DatabaseTransaction,
        order: &mut Order,
        payment: &Payment,
        fact: &PaymentFact,
        now: Timestamp,
    ) -> Result<Recorded, OrderError> {
        if let Some(kind) = mismatch(payment, fact) {
            return self.misfit(txn, order, payment, fact, kind, now).await;
        }
        if payment.state == PaymentState::Paid {
            if payment.transaction_id.as_deref() == Some(fact.transaction_id()) {
                return Ok(Recorded::Before);
            }
            let kind = CaseKind::SecondTransaction;
            return self.misfit(txn, order, payment, fact, kind, now).await;
        }
        if fact.went_back() {
            // Somebody returned it, or a part of it, before we heard of it: it must not be posted.
            let kind = CaseKind::PaidAndReturned;
            return self.misfit(txn, order, payment, fact, kind, now).await;
        }
        if table::transaction_is_known(txn, fact, payment.id).await? {
            // One transaction cannot pay two numbers: without this look the unique index would refuse
            // it for as long as the platform repeats.
            let kind = CaseKind::TransactionReused;
            return self.misfit(txn, order, payment, fact, kind, now).await;
        }
        let surplus =
            table::of_order(txn, order.id).await?.iter().any(|p| p.state == PaymentState::Paid);
        table::set_paid(txn, payment.id, fact, now).await?;
        stray::matched(txn, fact, now).await?;
        let received = |credit: String| Entry {
            debit: account::channel(payment.channel, &payment.merchant),
            credit,
            amount: fact.amount(),
            payment: Some(payment.id),
            bill: None,
        };
        if surplus {
            let entry = received(account::suspense());
            journal::advance(txn, order, OrderEvent::SurplusArrived, Some(entry), now).await?;
            let cause = RefundCause::Surplus;
            let giving = Giving { payment, amount: fact.amount(), cause, bill: None };
            self.give_back(txn, order, giving, now).await?;
            return Ok(Recorded::Now);
        }
        let claimed = self.claim_bills(txn, order).await?;
        let entry = received(account::in_transit());
        journal::advance(txn, order, OrderEvent::MoneyArrived, Some(entry), now).await?;
        if !claimed {
            let cause = RefundCause::BillClaimedElsewhere;
            let giving = Giving { payment, amount: fact.amount(), cause, bill: None };
            self.give_back(txn, order, giving, now).await?;
            journal::advance(txn, order, OrderEvent::RefundStarted, None, now).await?;
            return Ok(Recorded::Now);
        }
        posting::plan(txn, order, payment.id, now, &*self.entropy).await?;
        Ok(Recorded::Now)
    }

    /// Makes sure that the bills are the order's before it is posted: late money for a closed order
    /// claims them again, unless another order has them by now, or had them booked.
    async fn claim_bills(
        &self,
        txn: &DatabaseTransaction,
        order: &Order,
    ) -> Result<bool, OrderError> {
        for frozen in order_table::bills(txn, order.id).await? {
            let claimant = order_table::claimant(txn, &frozen.agency, &frozen.bill.bill_no).await?;
            let booked = posting::table::is_booked_elsewhere(txn, order.id, &frozen).await?;
            if booked || claimant.is_some_and(|claimant| claimant != order.id) {
                return Ok(false);
            }
        }
        order_table::set_live(txn, order.id, true).await?;
        Ok(true)
    }

    /// A genuine fact about a number of ours that is not what we asked for: a person looks, and until
    /// they have settled it nobody pays this order.
    ///
    /// An answer to our own question is about our number for certain, and so is another amount. A
    /// message that names another merchant, app or currency may be anybody's who could make a platform
    /// sign: it opens a case and stops nothing.
    async fn misfit(
        &self,
        txn: &DatabaseTransaction,
        order: &mut Order,
        payment: &Payment,
        fact: &PaymentFact,
        kind: CaseKind,
        now: Timestamp,
    ) -> Result<Recorded, OrderError> {
        let asked = fact.told() == ToldBy::Query;
        let ours = asked || matches!(kind, CaseKind::WrongAmount | CaseKind::PaidAndReturned);
        let stops = ours && payment.state != PaymentState::Paid;
        // What stops an order needs somebody who looks, also when a person closed the same doubt.
        let news = if stops && order.state.is_payable() { News::Again } else { News::Once };
        let opened = self.doubt(txn, fact, kind, Some((order, payment)), (now, news)).await?;
        if stops && asked {
            // The number is used up at the channel, whatever it brought. After a message the channel is
            // still to be asked: it may say that it fits after all.
            table::set_state(txn, payment.id, PaymentState::Closed, now).await?;
        }
        if stops && (opened || order.state.is_payable()) {
            journal::advance(txn, order, OrderEvent::WrongMoneyArrived, None, now).await?;
        }
        Ok(Recorded::Case(kind))
    }

    /// Opens a case about a genuine fact that does not fit, and counts its money; `false` when it is
    /// no news.
    async fn doubt(
        &self,
        txn: &DatabaseTransaction,
        fact: &PaymentFact,
        kind: CaseKind,
        about: Option<(&Order, &Payment)>,
        (now, news): (Timestamp, News),
    ) -> Result<bool, OrderError> {
        let expected = about.map(|(order, payment)| {
            json!({
                "order_no": order.order_no, "amount": payment.amount, "merchant_id": payment.merchant_id,
                "app_id": payment.app_id, "transaction_id": payment.transaction_id,
            })
        });
        let evidence = json!({
            "expected": expected,
            "told": {
                "out_trade_no": fact.out_trade_no(), "transaction_id": fact.transaction_id(),
                "amount": fact.amount(), "currency": fact.currency(), "merchant_id": fact.merchant_id(),
                "app_id": fact.app_id(), "paid_at": fact.paid_at(), "notification_id": fact.notification_id(),
            },
        });
        // One doubt is about one number and one transaction; both lengths are the platform's.
        let subject = format!(
            "{}:{}:{:.64}:{:.64}",
            fact.channel(),
            fact.merchant(),
            fact.out_trade_no(),
            fact.transaction_id()
        );
        stray::keep(txn, fact, kind, &case::subject(kind, &subject), now).await?;
        let doubt = Doubt {
            kind,
            subject,
            order: about.map(|(order, _)| order.id),
            account: Some((fact.channel(), fact.merchant().clone())),
            amount: Some(fact.amount()),
            evidence,
        };
        case::tell(txn, doubt, news, now, &*self.entropy).await
    }
}

/// The first thing that does not fit what we asked for.
fn mismatch(payment: &Payment, fact: &PaymentFact) -> Option<CaseKind> {
    if fact.merchant_id() != payment.merchant_id {
        Some(CaseKind::WrongMerchant)
    } else if fact.app_id() != payment.app_id {
        Some(CaseKind::WrongApp)
    } else if fact.currency() != "CNY" {
        Some(CaseKind::WrongCurrency)
    } else if fact.amount() != payment.amount {
        Some(CaseKind::WrongAmount)
    } else {
        None
    }
}
