//! Refunds: money that cannot be posted goes back the way it came (原路退回).
//!
//! The number and the bytes are fixed before the first try. Under the order's lock the sum of all
//! refunds of a payment, failed ones included, never exceeds it: a failed one is still owed and
//! waits for a person, so its money must not be promised a second time.

mod again;
pub(crate) mod table;

use std::time::Duration;

use kernel::{Fen, OutTradeNo, RefundId, Timestamp, UnknownWord};
use migrations::begin_write;
use platforms::{
    ChannelError, Prepared, RefundFact, RefundRequest, RefundStanding, RefundStatus, Refused,
};
use sea_orm::DatabaseTransaction;
use serde_json::json;

pub use self::{
    again::Retried,
    table::{Refund, RefundState},
};
use crate::{
    BillKey, OrderError, OrderEvent, OrderState, Orders, Recorded,
    case::{self, CaseKind, Doubt},
    error::read,
    job::{self, Job, JobKind, Outcome},
    journal::{self, Entry, account},
    notification::{self, RawNotification, Told},
    order::table::{self as order_table, Order},
    payment::{Payment, table as payment_table},
};

/// Why money goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefundCause {
    /// The agency definitely does not take the money of a bill.
    PostingRefused,
    /// The order was paid before, by another payment.
    Surplus,
    /// The money came when another order had claimed the bills.
    BillClaimedElsewhere,
    /// The agency undid its booking, by itself or because a person asked for it.
    TakenBack,
}

impl RefundCause {
    const ALL: [RefundCause; 4] = [
        RefundCause::PostingRefused,
        RefundCause::Surplus,
        RefundCause::BillClaimedElsewhere,
        RefundCause::TakenBack,
    ];

    pub const fn code(self) -> &'static str {
        match self {
            RefundCause::PostingRefused => "posting_refused",
            RefundCause::Surplus => "surplus",
            RefundCause::BillClaimedElsewhere => "bill_claimed_elsewhere",
            RefundCause::TakenBack => "taken_back",
        }
    }

    /// Shown to the citizen by the wallet.
    const fn reason(self) -> &'static str {
        match self {
            RefundCause::PostingRefused => "社保未入账退款",
            RefundCause::Surplus => "重复支付退款",
            RefundCause::BillClaimedElsewhere => "账单已另行缴纳退款",
            RefundCause::TakenBack => "社保入账撤销退款",
        }
    }

    /// The account that the money stands on until it goes back.
    fn held_on(self) -> String {
        match self {
            RefundCause::Surplus => account::suspense(),
            RefundCause::PostingRefused
            | RefundCause::BillClaimedElsewhere
            | RefundCause::TakenBack => account::in_transit(),
        }
    }
}

impl std::str::FromStr for RefundCause {
    type Err = UnknownWord;
    fn from_str(code: &str) -> Result<RefundCause, UnknownWord> {
        let expected = "posting_refused surplus bill_claimed_elsewhere taken_back";
        RefundCause::ALL
            .into_iter()
            .find(|cause| cause.code() == code)
            .ok_or(UnknownWord { list: "RefundCause", expected })
    }
}

/// What is to go back.
pub(crate) struct Giving<'a> {
    pub payment: &'a Payment,
    pub amount: Fen,
    pub cause: RefundCause,
    pub bill: Option<BillKey>,
}

/// Waits between questions about an accepted refund, in seconds (the platforms' advice); the last
/// one repeats: a bank card can take days.
const QUESTION_LADDER: [u64; 9] = [60, 60, 60, 60, 60, 300, 600, 1_200, 1_800];
/// Our balance may be topped up any hour.
const BALANCE_WAIT: Duration = Duration::from_secs(15 * 60);
/// After this long an unfinished refund opens a case as well; the questions go on.
const PATIENCE: Duration = Duration::from_secs(3 * 24 * 3_600);

impl Orders {
    /// Writes a refund down, with its number, its bytes and its job, in the caller's transaction.
    /// The caller holds the order's row.
    pub(crate) async fn plan_refund(
        &self,
        txn: &DatabaseTransaction,
        order: &Order,
        giving: Giving<'_>,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        let promised = table::of_order(txn, order.id).await?;
        let promised = promised
            .iter()
            .filter(|refund| refund.payment == giving.payment.id && refund.state.counts());
        let promised = Fen::sum(promised.map(|refund| refund.amount)).unwrap_or(Fen::MAX);
        let refundable = giving.payment.amount.minus(promised).unwrap_or(Fen::ZERO);
        if giving.amount > refundable || giving.amount.is_zero() {
            return Err(OrderError::AboveRefundable { refundable });
        }
        let channel =
            self.directory.channel(&giving.payment.merchant).ok_or(OrderError::NoMerchant)?;
        let request = RefundRequest {
            out_trade_no: giving.payment.out_trade_no.clone(),
            out_refund_no: OutTradeNo::generate(self.rules.number_prefix, now, &*self.entropy),
            payment_amount: giving.payment.amount,
            amount: giving.amount,
            reason: giving.cause.reason().to_owned(),
            notify_url: self.rules.callback_url(
                giving.payment.channel,
                &giving.payment.merchant,
                "refunds",
            ),
        };
        let refund = Refund {
            id: RefundId::generate(now, &*self.entropy),
            order: order.id,
            payment: giving.payment.id,
            amount: giving.amount,
            cause: giving.cause,
            bill: giving.bill,
            state: RefundState::Requested,
            refunded_at: None,
            created_at: now,
            request: channel.prepare_refund(&request)?.as_str().to_owned(),
            out_refund_no: request.out_refund_no,
        };
        table::insert(txn, &refund).await?;
        let entry = entry(&refund, giving.cause.held_on(), account::refund_payable());
        journal::note(txn, order, "refund_planned", Some(entry), now).await?;
        job::put(txn, JobKind::Refund, order.id, refund.id, (now, now), &*self.entropy).await
    }

    /// Plans a refund, or opens a case when it cannot even be written down: money that arrived is
    /// recorded whatever happens next.
    pub(crate) async fn give_back(
        &self,
        txn: &DatabaseTransaction,
        order: &Order,
        giving: Giving<'_>,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        let doubt = Doubt {
            kind: CaseKind::RefundUnfinished,
            subject: match &giving.bill {
                Some(bill) => format!("{}:{bill}", giving.payment.id),
                None => giving.payment.id.to_string(),
            },
            order: Some(order.id),
            account: Some((giving.payment.channel, giving.payment.merchant.clone())),
            amount: Some(giving.amount),
            evidence: json!({ "order_no": order.order_no, "cause": giving.cause.code() }),
        };
        match self.plan_refund(txn, order, giving, now).await {
            Err(
                error @ (OrderError::AboveRefundable { .. }
                | OrderError::NoMerchant
                | OrderError::Channel(_)),
            ) => {
                tracing::error!(order.no = %order.order_no, %error, "a refund cannot be planned");
                case::open(txn, doubt, now, &*self.entropy).await.map(drop)
            }
            outcome => outcome,
        }
    }

    /// One try to bring a refund further: ask first after any earlier try, then the same bytes.
    pub(crate) async fn push_refund(&self, job: &Job) -> Result<Outcome, OrderError> {
        let id: RefundId = read("jobs", "subject", job.id, &job.subject)?;
        let refund = table::find(&self.db, id).await?;
        if !refund.state.is_open() {
            return Ok(Outcome::Done);
        }
        let payment = payment_table::find(&self.db, refund.payment).await?;
        let channel = self.directory.channel(&payment.merchant).ok_or(OrderError::NoMerchant)?;
        if job.attempt > 1 || refund.state == RefundState::Processing {
            match channel.query_refund(&payment.out_trade_no, &refund.out_refund_no).await {
                // An earlier try reached the channel, or a person said: again. The number is dead.
                Ok(RefundStanding::Known(fact))
                    if fact.status() == RefundStatus::Closed
                        && refund.state == RefundState::Requested =>
                {
                    return self.replace_refund(&refund).await;
                }
                Ok(RefundStanding::Known(fact)) => return self.after_answer(&refund, &fact).await,
                Ok(RefundStanding::NotFound) => {}
                Err(error) => return Ok(Outcome::Again { why: error.to_string() }),
            }
        }
        match channel.request_refund(&Prepared::restore(refund.request.clone())).await {
            Ok(RefundStanding::Known(fact)) => self.after_answer(&refund, &fact).await,
            // Seen for minutes after a payment: the channel does not know its own order yet.
            Ok(RefundStanding::NotFound) => {
                Ok(Outcome::Again { why: "not known at the channel yet".to_owned() })
            }
            Err(ChannelError::Refused(Refused::NotEnough)) => {
                self.open_refund_case(&refund, "our balance does not cover it").await?;
                Ok(Outcome::Wait {
                    after: BALANCE_WAIT,
                    why: "our balance does not cover it".to_owned(),
                })
            }
            Err(ChannelError::Refused(refused)) => {
                self.fail_refund(&refund, &format!("{refused:?}")).await?;
                Ok(Outcome::Done)
            }
            Err(error) => Ok(Outcome::Again { why: error.to_string() }),
        }
    }

    async fn after_answer(
        &self,
        refund: &Refund,
        fact: &RefundFact,
    ) -> Result<Outcome, OrderError> {
        self.record_refund(fact, None).await?;
        if fact.status() != RefundStatus::Processing {
            return Ok(Outcome::Done);
        }
        let age = self.clock.now().since(refund.created_at);
        if age > PATIENCE {
            self.open_refund_case(refund, "not finished after three days").await?;
        }
        Ok(Outcome::Wait { after: next_question(age), why: "accepted, not back yet".to_owned() })
    }

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
        // Where only the sum of all refunds is told, this one is at most that.
        let too_little = fact.status() == RefundStatus::Succeeded
            && fact.returned_so_far().is_some_and(|sum| sum < refund.amount);
        if too_little || fact.amount().is_some_and(|amount| amount != refund.amount) {
            self.doubt_refund(txn, fact, Some(payment), now).await?;
            return Ok(Recorded::Case(CaseKind::UnknownRefund));
        }
        let state = match fact.status() {
            RefundStatus::Processing => RefundState::Processing,
            RefundStatus::Succeeded => RefundState::Succeeded,
            RefundStatus::Closed | RefundStatus::Abnormal => RefundState::Failed,
        };
        if refund.state == RefundState::Replaced {
            if state != RefundState::Succeeded {
                return Ok(Recorded::Before);
            }
            // The channel said that this number is dead, and now that it paid: perhaps twice.
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
        match state {
            RefundState::Requested | RefundState::Processing | RefundState::Replaced => {
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

    /// When the last refund of an order that goes back whole is done, so is the order.
    pub(crate) async fn finish_refunds(
        &self,
        txn: &DatabaseTransaction,
        order: &mut Order,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        let returning = matches!(order.state, OrderState::Refunding | OrderState::RefundFailed);
        let owed = |refund: &Refund| {
            refund.cause != RefundCause::Surplus
                && !matches!(refund.state, RefundState::Succeeded | RefundState::Replaced)
        };
        if returning && !table::of_order(txn, order.id).await?.iter().any(owed) {
            journal::advance(txn, order, OrderEvent::MoneyReturned, None, now).await?;
        }
        Ok(())
    }

    /// The channel will not do it: a person must find another way.
    async fn fail_refund(&self, refund: &Refund, why: &str) -> Result<(), OrderError> {
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        let mut order = order_table::lock(&txn, refund.order).await?;
        let refund = table::find(&txn, refund.id).await?;
        if refund.state.is_open() {
            self.mark_failed(&txn, &mut order, &refund, why, now).await?;
            txn.commit().await?;
        }
        Ok(())
    }

    async fn mark_failed(
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

    async fn open_refund_case(&self, refund: &Refund, why: &str) -> Result<(), OrderError> {
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        let order = order_table::lock(&txn, refund.order).await?;
        case::open(&txn, refund_doubt(&order, refund, why), now, &*self.entropy).await?;
        txn.commit().await?;
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

fn refund_doubt(order: &Order, refund: &Refund, why: &str) -> Doubt {
    Doubt {
        kind: CaseKind::RefundUnfinished,
        subject: refund.id.to_string(),
        order: Some(order.id),
        account: None,
        amount: Some(refund.amount),
        evidence: json!({
            "order_no": order.order_no, "out_refund_no": refund.out_refund_no,
            "cause": refund.cause.code(), "why": why,
        }),
    }
}

fn entry(refund: &Refund, debit: String, credit: String) -> Entry {
    Entry {
        debit,
        credit,
        amount: refund.amount,
        payment: Some(refund.payment),
        bill: refund.bill.clone(),
    }
}

/// How long until the next question, by the refund's age.
fn next_question(age: Duration) -> Duration {
    let mut asked_at = 0;
    for wait in QUESTION_LADDER {
        asked_at += wait;
        if Duration::from_secs(asked_at) > age {
            return Duration::from_secs(asked_at) - age;
        }
    }
    Duration::from_secs(QUESTION_LADDER[QUESTION_LADDER.len() - 1])
}
