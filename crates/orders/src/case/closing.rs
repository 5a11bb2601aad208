//! A person closes a case: what it was about is settled, and they say how and who they are.
//!
//! Closing moves no money. It is refused where a promise would break without the case: as long as an
//! order, a booking, a refund or a job has nobody else to look at it, somebody must. What the promises
//! are is not written twice: the audit judges the order before and after, in the transaction that
//! closes.
//!
//! Money that fits nothing (a stray) is only over when it has left the account or is somebody else's
//! matter; the operator says which. From then on it is not counted as ours, and an order that it
//! stopped is over. A refund that the channel will never make is over when the payer has the money by
//! other means. Whoever says that money was returned by hand does not say it alone.

use std::{fmt, str::FromStr};

use kernel::{CaseId, OrderNo, PostingId, RefundId, Timestamp, UnknownWord};
use migrations::begin_write;
use sea_orm::DatabaseTransaction;
use serde::{Deserialize, Serialize};

use super::{Case, CaseKind, table};
use crate::{
    OrderError, OrderEvent, OrderState, Orders, PaymentState, audit,
    job::{self, JobKind},
    journal,
    order::table::{self as order_table, Order},
    payment::table as payment_table,
    posting::{WATCHED_AGAIN_AFTER, table as posting_table},
    refund::{RefundState, table as refund_table},
    stray,
};

/// Names of people and notes are lines, not pages.
const BY_CHARACTERS_MAX: usize = 60;
const NOTE_CHARACTERS_MAX: usize = 500;

/// How a case is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseOutcome {
    /// Nothing is left to do. Not for money that fits nothing.
    Settled,
    /// The payer has the money: it fitted nothing and went back on the platform by hand, or the channel
    /// would not return it and it was paid back by other means.
    ReturnedByHand,
    /// Money that fits nothing is another system's of the same merchant account.
    NotOurs,
}

impl CaseOutcome {
    pub const ALL: [CaseOutcome; 3] =
        [CaseOutcome::Settled, CaseOutcome::ReturnedByHand, CaseOutcome::NotOurs];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            CaseOutcome::Settled => "settled",
            CaseOutcome::ReturnedByHand => "returned_by_hand",
            CaseOutcome::NotOurs => "not_ours",
        }
    }
}

impl FromStr for CaseOutcome {
    type Err = UnknownWord;
    fn from_str(code: &str) -> Result<CaseOutcome, UnknownWord> {
        CaseOutcome::ALL.into_iter().find(|outcome| outcome.code() == code).ok_or(UnknownWord {
            list: "CaseOutcome",
            expected: "settled, returned_by_hand or not_ours",
        })
    }
}

/// What a person says when they close a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseClosing {
    pub outcome: CaseOutcome,
    /// Who closes it: a name or a number that the operator's own books know, 1 to 60 characters.
    pub by: String,
    /// What was found and done, 1 to 500 characters; names no citizen.
    pub note: String,
    /// A second person, for money that was returned by hand.
    pub approved_by: Option<String>,
}

/// A closing as it is kept with the case. A case that is opened again keeps the former ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Closed {
    pub at: Timestamp,
    pub outcome: CaseOutcome,
    pub by: String,
    pub note: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
}

/// Why a case stays open.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    #[error("no such open case")]
    NotFound,
    #[error(
        "who closes it is told in 1 to {by} characters and why in 1 to {note}, on one line",
        by = BY_CHARACTERS_MAX,
        note = NOTE_CHARACTERS_MAX
    )]
    Text,
    #[error("a citizen waits for an answer: answer the objection, which closes its case")]
    Disputed,
    #[error("this money fits nothing we asked for: it was returned_by_hand, or is not_ours")]
    Money,
    #[error("only money that fits nothing, and a refund that failed, can be {}", .0.code())]
    NoMoney(CaseOutcome),
    #[error("money that was returned by hand needs a second person who says so")]
    SecondPerson,
    /// The audit's promises that would be broken, with what they are broken by.
    #[error("without this case nobody would look at it: {}", .0.join("; "))]
    StillNeeded(Vec<String>),
    #[error(transparent)]
    Order(#[from] OrderError),
}

impl From<sea_orm::DbErr> for CaseError {
    fn from(error: sea_orm::DbErr) -> CaseError {
        CaseError::Order(error.into())
    }
}

/// A case that was just closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedCase {
    pub kind: CaseKind,
    pub order_no: Option<OrderNo>,
}

impl fmt::Display for ClosedCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is closed", self.kind.code())?;
        self.order_no.as_ref().map_or(Ok(()), |order| write!(f, " (order {order})"))
    }
}

impl Orders {
    /// A person closes a case.
    ///
    /// # Errors
    /// [`CaseError`]; nothing has changed then.
    pub async fn close_case(
        &self,
        id: CaseId,
        closing: CaseClosing,
    ) -> Result<ClosedCase, CaseError> {
        let now = self.clock.now();
        let closed = checked(closing, now)?;
        let txn = begin_write(&self.db).await?;
        let case = table::find_open(&txn, id).await?.ok_or(CaseError::NotFound)?;
        // The order's row comes first in every act, or two acts could wait for each other.
        let mut order = match case.order {
            Some(order) => Some(order_table::lock(&txn, order).await?),
            None => None,
        };
        let before = match &order {
            Some(order) => audit::breaches_of(&txn, order.id, now).await?,
            None => Vec::new(),
        };
        self.end(&txn, &case, order.as_mut(), closed.outcome, now).await?;
        if !table::close_by_hand(&txn, id, &closed).await? {
            return Err(CaseError::NotFound);
        }
        let mut released = false;
        if let Some(order) = &mut order {
            released = self.release(&txn, &case, order, closed.outcome, now).await?;
            self.let_parked_jobs_rest(&txn, order, now).await?;
            let after = audit::breaches_of(&txn, order.id, now).await?;
            let broken: Vec<String> = after
                .iter()
                .filter(|breach| !before.contains(breach))
                .map(|(promise, name)| format!("{promise} ({name})"))
                .collect();
            if !broken.is_empty() {
                return Err(CaseError::StillNeeded(broken));
            }
        }
        txn.commit().await?;
        if let Some(order) = order.as_ref().filter(|_| released) {
            self.unlock_at_agencies(order).await;
        }
        let (kind, outcome) = (case.kind.code(), closed.outcome.code());
        metrics::counter!("cases_closed", "kind" => kind, "outcome" => outcome).increment(1);
        tracing::info!(case.kind = kind, case.outcome = outcome, "a person closed a case");
        Ok(ClosedCase { kind: case.kind, order_no: order.map(|order| order.order_no) })
    }

    /// What the outcome means for what the case is about.
    async fn end(
        &self,
        txn: &DatabaseTransaction,
        case: &Case,
        order: Option<&mut Order>,
        outcome: CaseOutcome,
        now: Timestamp,
    ) -> Result<(), CaseError> {
        if case.kind == CaseKind::Disputed {
            return Err(CaseError::Disputed);
        }
        match (stray::is_held(txn, &case.subject).await?, outcome) {
            (true, CaseOutcome::Settled) => return Err(CaseError::Money),
            (true, _) => return Ok(stray::settle(txn, &case.subject, now).await?),
            (false, CaseOutcome::Settled) => {}
            (false, CaseOutcome::ReturnedByHand) if case.kind == CaseKind::RefundUnfinished => {
                let order = order.ok_or(CaseError::NoMoney(outcome))?;
                return self.returned_by_hand(txn, case, order, now).await;
            }
            (false, outcome) => return Err(CaseError::NoMoney(outcome)),
        }
        // Whatever the person found out: the agency is asked again whether it has the booking.
        if let (CaseKind::PostingVanished, Some(order)) = (case.kind, order)
            && let Some(posting) = case.subject_id::<PostingId>()
        {
            let times = (now.plus(WATCHED_AGAIN_AFTER), now);
            let kind = JobKind::WatchPosting;
            job::put_again(txn, kind, order.id, posting, times, &*self.entropy).await?;
        }
        Ok(())
    }

    /// The channel refused for good, and the payer has the money by other means.
    async fn returned_by_hand(
        &self,
        txn: &DatabaseTransaction,
        case: &Case,
        order: &mut Order,
        now: Timestamp,
    ) -> Result<(), CaseError> {
        let outcome = CaseOutcome::ReturnedByHand;
        let id = case.subject_id::<RefundId>().ok_or(CaseError::NoMoney(outcome))?;
        let refund = match refund_table::find(txn, id).await {
            Ok(refund) if refund.state == RefundState::Failed => refund,
            Ok(_) | Err(OrderError::NotFound) => return Err(CaseError::NoMoney(outcome)),
            Err(error) => return Err(error.into()),
        };
        self.pay_back_by_hand(txn, order, &refund, now).await?;
        Ok(())
    }

    /// Lets an order go that only this misfit held up; says whether it is over now.
    async fn release(
        &self,
        txn: &DatabaseTransaction,
        case: &Case,
        order: &mut Order,
        outcome: CaseOutcome,
        now: Timestamp,
    ) -> Result<bool, CaseError> {
        let paid = payment_table::of_order(txn, order.id)
            .await?
            .iter()
            .any(|payment| payment.state == PaymentState::Paid);
        let held = table::open_kinds(txn, order.id).await?.into_iter().any(CaseKind::is_misfit);
        if !case.kind.is_misfit() || order.state != OrderState::Suspended || paid || held {
            return Ok(false);
        }
        let event = match outcome {
            CaseOutcome::ReturnedByHand => OrderEvent::ReturnedByHand,
            CaseOutcome::Settled | CaseOutcome::NotOurs => OrderEvent::Disowned,
        };
        journal::advance(txn, order, event, None, now).await?;
        Ok(true)
    }

    /// A job that stopped and has nothing left to do need not be kept for anybody.
    async fn let_parked_jobs_rest(
        &self,
        txn: &DatabaseTransaction,
        order: &Order,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        for (kind, subject) in job::parked(txn, order.id).await? {
            let over = match kind {
                JobKind::ExpireOrder => !order.state.is_payable(),
                JobKind::AskChannel => {
                    !payment_table::find(txn, job::about(&subject)?).await?.state.is_asked_about()
                }
                JobKind::Refund => {
                    !refund_table::find(txn, job::about(&subject)?).await?.state.is_open()
                }
                JobKind::PostBill | JobKind::TakeBack => {
                    !posting_table::find(txn, job::about(&subject)?).await?.state.is_open()
                }
                JobKind::WatchPosting => true,
            };
            if over {
                job::rest(txn, kind, &subject, now).await?;
            }
        }
        Ok(())
    }
}

fn checked(closing: CaseClosing, now: Timestamp) -> Result<Closed, CaseError> {
    let (by, note) = (closing.by.trim(), closing.note.trim());
    let second = closing.approved_by.as_deref().map(str::trim);
    let named = second.is_none_or(|second| fits(second, BY_CHARACTERS_MAX));
    if !fits(by, BY_CHARACTERS_MAX) || !fits(note, NOTE_CHARACTERS_MAX) || !named {
        return Err(CaseError::Text);
    }
    let outcome = closing.outcome;
    if outcome == CaseOutcome::ReturnedByHand && second.is_none_or(|second| second == by) {
        return Err(CaseError::SecondPerson);
    }
    let approved_by = second.map(str::to_owned);
    Ok(Closed { at: now, outcome, by: by.to_owned(), note: note.to_owned(), approved_by })
}

fn fits(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}
