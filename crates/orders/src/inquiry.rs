//! Asking the channel: the active query (主动查单), and closing what nobody paid.
//!
//! A notification only makes things faster; what the channel answers decides. Closing goes in this
//! order: close at the channel, ask, then close here, because a citizen at the password page can
//! win the race.

use std::time::Duration;

use kernel::{AccountId, OrderId, OrderNo, PaymentId, Timestamp};
use migrations::begin_write;
use platforms::{ChannelError, PaymentStanding};

use crate::{
    OrderError, OrderEvent, OrderState, Orders, Recorded,
    case::{self, CaseKind, Doubt},
    error::read,
    job::{self, Job, JobKind, Outcome},
    journal,
    order::table::{self as order_table, Order},
    payment::table::{self as payment_table, Payment, PaymentState},
    record::OrderRecord,
};

/// The ladder of questions, in seconds from the start of the payment (both platforms' advice).
const LADDER: [u64; 7] = [5, 30, 60, 180, 300, 600, 1_800];

/// The last wait repeats for as long as an attempt is open.
const LAST_RUNG: Duration = Duration::from_secs(LADDER[LADDER.len() - 1]);
/// An order's expiry ends its attempts; one that is still open after this long is ended here.
const EXPIRY_OWNS_IT_FOR: Duration = Duration::from_secs(600);

/// How long after an order's end somebody is told that the channel does not answer about an attempt.
/// Payable orders are their expiry's to tell.
const SILENCE_MAX: Duration = Duration::from_secs(6 * 3_600);

/// After this long a create call cannot be under way any more: no call takes longer than
/// [`platforms::CALL_TIME_MAX`].
const CREATE_UNDER_WAY_MAX: Duration = Duration::from_secs(60);
const _: () = assert!(CREATE_UNDER_WAY_MAX.as_secs() > 2 * platforms::CALL_TIME_MAX.as_secs());

/// A number that the channel still does not know so long after it was last asked to create it was
/// never there. No attempt can be paid for longer than a day.
const ABSENT_FOR_GOOD: Duration = Duration::from_secs(2 * 86_400);

/// A channel is not asked more often about one payment because somebody looks at it.
const ASKED_AT_MOST_EVERY: Duration = Duration::from_secs(10);

pub(crate) const FIRST_QUESTION_AFTER: Duration = Duration::from_secs(LADDER[0]);

/// What is known of an attempt after asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Recorded by the ordinary act.
    Paid,
    StillOpen,
    /// Certain not to be paid any more, or a person looks at what it brought.
    Over,
    /// The channel has no such number and nothing is under way that could create it; it is asked about
    /// for a while yet, because a channel's left hand can be slow to tell its right.
    GivenUp,
    /// The channel has no such number; a create call may still be on its way.
    Absent,
}

impl Orders {
    /// One question of the ladder.
    pub(crate) async fn ask_channel(&self, job: &Job) -> Result<Outcome, OrderError> {
        let id: PaymentId = read("jobs", "subject", job.id, &job.subject)?;
        let payment = payment_table::find(&self.db, id).await?;
        if !payment.state.is_asked_about() {
            return Ok(Outcome::Done);
        }
        let order = order_table::find(&self.db, payment.order).await?;
        // An attempt is ended when nobody waits for it any more, and past its time whatever holds the
        // order itself up.
        let now = self.clock.now();
        let over = now > order.expires_at;
        let given_up = payment.state == PaymentState::GivenUp;
        let unwanted = given_up || !order.state.is_payable();
        let asked = if unwanted || now > order.expires_at.plus(EXPIRY_OWNS_IT_FOR) {
            self.end_attempt(&payment).await
        } else {
            self.ask(&payment).await
        };
        let why = match asked {
            Ok(Known::Paid) => return Ok(Outcome::Done),
            Ok(known @ (Known::Over | Known::GivenUp)) => {
                // Whatever became of the order's own expiry: its last attempt is over.
                if over && order.state.is_payable() {
                    self.conclude(order.id, OrderEvent::Expired).await?;
                }
                if known == Known::Over {
                    return Ok(Outcome::Done);
                }
                "the channel does not know it".to_owned()
            }
            Ok(Known::StillOpen | Known::Absent) => "not paid yet".to_owned(),
            Err(OrderError::Channel(error)) => {
                let why = error.to_string();
                self.tell_of_silence(&payment, &order, &why).await?;
                why
            }
            Err(error) => return Err(error),
        };
        let after = next_question(payment.created_at, self.clock.now());
        Ok(Outcome::Wait { after: after.unwrap_or(LAST_RUNG), why })
    }

    /// The questions go on; a person knows now that they are not answered.
    async fn tell_of_silence(
        &self,
        payment: &Payment,
        order: &Order,
        why: &str,
    ) -> Result<(), OrderError> {
        let now = self.clock.now();
        if order.state.is_payable() || now <= order.expires_at.plus(SILENCE_MAX) {
            return Ok(());
        }
        let doubt = Doubt {
            kind: CaseKind::PaymentUnanswered,
            subject: case::subject(CaseKind::PaymentUnanswered, payment.out_trade_no.as_str()),
            order: Some(order.id),
            account: Some((order.channel, payment.merchant.clone())),
            amount: Some(payment.amount),
            evidence: serde_json::json!({
                "out_trade_no": payment.out_trade_no.as_str(),
                "last_error": why,
            }),
        };
        let txn = begin_write(&self.db).await?;
        case::open(&txn, doubt, now, &*self.entropy).await?;
        txn.commit().await?;
        Ok(())
    }

    /// Asks once and records what money there is.
    async fn ask(&self, payment: &Payment) -> Result<Known, OrderError> {
        let channel = self.directory.channel(&payment.merchant).ok_or(OrderError::NoMerchant)?;
        match channel.query_payment(&payment.out_trade_no).await? {
            PaymentStanding::Paid(fact) => Ok(match self.record_payment(&fact, None).await? {
                Recorded::Now | Recorded::Before => Known::Paid,
                // Nothing is marked paid; the attempt was ended with the doubt.
                Recorded::Case(_) => Known::Over,
            }),
            PaymentStanding::Unpaid => Ok(Known::StillOpen),
            // Unpaid for good: the citizen may start again, under a new number.
            PaymentStanding::Closed => {
                self.end_here(payment, PaymentState::Closed).await?;
                Ok(Known::Over)
            }
            PaymentStanding::NotFound => Ok(Known::Absent),
        }
    }

    /// The client says that it came back from its wallet: ask now instead of waiting for the ladder.
    ///
    /// # Errors
    /// [`OrderError::NotFound`]; a channel that does not answer is no error, the ladder goes on.
    pub async fn sync(&self, account: AccountId, order_no: &OrderNo) -> Result<(), OrderError> {
        let order = order_table::find_by_no(&self.db, account, order_no).await?;
        for payment in payment_table::of_order(&self.db, order.id).await? {
            if payment.state.is_asked_about()
                && let Err(error) = self.ask(&payment).await
            {
                tracing::info!(order.no = %order.order_no, %error, "the channel did not answer a question");
                if !matches!(error, OrderError::Channel(_)) {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// An order as its citizen looks at it. Whoever looks waits: while the payment is not known, a look
    /// brings the next question forward, so that a lost notification is found within seconds.
    ///
    /// # Errors
    /// [`OrderError::NotFound`].
    pub async fn look(
        &self,
        account: AccountId,
        order_no: &OrderNo,
    ) -> Result<OrderRecord, OrderError> {
        let record = self.record(account, order_no).await?;
        let now = self.clock.now();
        for payment in record.payments.iter().filter(|payment| payment.state.is_asked_about()) {
            let (kind, rest) = (JobKind::AskChannel, ASKED_AT_MOST_EVERY);
            if job::hasten_if_rested(&self.db, kind, payment.id, now, rest).await? {
                self.wake_workers();
            }
        }
        Ok(record)
    }

    /// The citizen gives up. Money that was faster wins.
    ///
    /// # Errors
    /// [`OrderError::NotPayable`] when the order is past giving up, [`OrderError::PaymentInProgress`]
    /// while the channel's word is missing.
    pub async fn cancel(&self, account: AccountId, order_no: &OrderNo) -> Result<(), OrderError> {
        let order = order_table::find_by_no(&self.db, account, order_no).await?;
        if order.state == OrderState::Closed {
            return Ok(());
        }
        if !order.state.is_payable() {
            return Err(OrderError::NotPayable(order.state));
        }
        if self.conclude(order.id, OrderEvent::Cancelled).await? {
            Ok(())
        } else {
            Err(OrderError::PaymentInProgress)
        }
    }

    /// The order's time is over.
    pub(crate) async fn expire_order(&self, job: &Job) -> Result<Outcome, OrderError> {
        let order = order_table::find(&self.db, job.order).await?;
        if !order.state.is_payable() {
            return Ok(Outcome::Done);
        }
        Ok(if self.conclude(order.id, OrderEvent::Expired).await? {
            Outcome::Done
        } else {
            Outcome::Again { why: "the channel has not confirmed the end".to_owned() }
        })
    }

    /// Ends an unpaid order: `true` when it is over one way or the other, `false` when the channel's
    /// word is still missing.
    async fn conclude(&self, id: OrderId, event: OrderEvent) -> Result<bool, OrderError> {
        for payment in payment_table::of_order(&self.db, id).await? {
            if !payment.state.is_open() {
                continue;
            }
            match self.end_attempt(&payment).await? {
                Known::Paid => return Ok(true),
                Known::Over | Known::GivenUp => {}
                Known::StillOpen | Known::Absent => return Ok(false),
            }
        }
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        let mut order = order_table::lock(&txn, id).await?;
        let attempts = payment_table::of_order(&txn, id).await?;
        if !order.state.is_payable() {
            return Ok(true);
        }
        if attempts.iter().any(|payment| payment.state.is_open()) {
            return Ok(false);
        }
        journal::advance(&txn, &mut order, event, None, now).await?;
        txn.commit().await?;
        self.unlock_at_agencies(&order).await;
        Ok(true)
    }

    /// Close, ask, then close here.
    pub(crate) async fn end_attempt(&self, payment: &Payment) -> Result<Known, OrderError> {
        let channel = self.directory.channel(&payment.merchant).ok_or(OrderError::NoMerchant)?;
        let mut known = self.ask(payment).await?;
        // A wallet can be opened with this number: "not found" is a question that came too early.
        let given_out = payment.token.is_some();
        if known == Known::StillOpen || (known == Known::Absent && given_out) {
            match channel.close_payment(&payment.out_trade_no).await {
                // A refusal can mean that the payment won; the question below tells.
                Ok(()) | Err(ChannelError::Refused(_) | ChannelError::Unknown(_)) => {}
                Err(error) => return Err(error.into()),
            }
            known = self.ask(payment).await?;
        }
        if known != Known::Absent {
            return Ok(known);
        }
        // A number that the channel does not know must not be closed there.
        let silent_for = self.clock.now().since(payment.create_tried_at);
        let (state, told) = if silent_for > ABSENT_FOR_GOOD {
            (PaymentState::Closed, Known::Over)
        } else if silent_for > CREATE_UNDER_WAY_MAX && !given_out {
            (PaymentState::GivenUp, Known::GivenUp)
        } else {
            return Ok(Known::Absent);
        };
        Ok(if self.end_here(payment, state).await? { told } else { Known::Absent })
    }

    /// Ends an attempt here, as it was known when the channel was asked about it; `false` when the
    /// channel has been asked to create it since, or has answered.
    async fn end_here(&self, asked: &Payment, state: PaymentState) -> Result<bool, OrderError> {
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        order_table::lock(&txn, asked.order).await?;
        let current = payment_table::find(&txn, asked.id).await?;
        let as_asked = current.create_tried_at == asked.create_tried_at
            && current.token.is_some() == asked.token.is_some();
        if !as_asked {
            return Ok(false);
        }
        if current.state.is_asked_about() && current.state != state {
            payment_table::set_state(&txn, asked.id, state, now).await?;
        }
        txn.commit().await?;
        Ok(true)
    }
}

/// How long until the next rung, `None` after the last.
fn next_question(created_at: Timestamp, now: Timestamp) -> Option<Duration> {
    let age = now.since(created_at);
    LADDER.into_iter().map(Duration::from_secs).find(|rung| *rung > age).map(|rung| rung - age)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_counts_from_the_start_of_the_payment() {
        let start = Timestamp::from_unix_seconds(1_000);
        let after = |seconds| next_question(start, start.plus(Duration::from_secs(seconds)));
        assert_eq!(after(0), Some(Duration::from_secs(5)));
        assert_eq!(after(5), Some(Duration::from_secs(25)));
        assert_eq!(after(61), Some(Duration::from_secs(119)));
        assert_eq!(after(1_799), Some(Duration::from_secs(1)));
        assert_eq!(after(1_800), None);
    }
}
