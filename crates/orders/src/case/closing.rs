//! A person closes a case: what it was about is settled, and they say how and who they are.
//!
//! Closing moves no money and changes no order. It is refused where a promise would break without the
//! case: as long as an order, a booking, a refund or a job has nobody else to look at it, somebody
//! must. What the promises are is not written twice: the audit's own statements are asked before and
//! after, in the transaction that closes.
//!
//! Money that fits nothing (a stray) is only over when it has left the account or is somebody else's
//! matter; the operator says which. From then on it is not counted as ours.

use std::{collections::BTreeSet, fmt, str::FromStr};

use kernel::{CaseId, OrderNo, Timestamp, UnknownWord};
use migrations::begin_write;
use sea_orm::DatabaseTransaction;
use serde::{Deserialize, Serialize};

use super::{Case, CaseKind, table};
use crate::{OrderError, Orders, audit, order::table as order_table, stray};

/// Names of people and notes are lines, not pages.
const BY_CHARACTERS_MAX: usize = 60;
const NOTE_CHARACTERS_MAX: usize = 500;

/// How a case is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseOutcome {
    /// Nothing is left to do. Not for money that fits nothing.
    Settled,
    /// Money that fits nothing went back to its payer on the platform, by hand.
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
}

/// A closing as it is kept with the case. A case that is opened again keeps the former ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Closed {
    pub at: Timestamp,
    pub outcome: CaseOutcome,
    pub by: String,
    pub note: String,
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
    #[error("only money that fits nothing can be {}", .0.code())]
    NoMoney(CaseOutcome),
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
        let (by, note) = (closing.by.trim(), closing.note.trim());
        if !fits(by, BY_CHARACTERS_MAX) || !fits(note, NOTE_CHARACTERS_MAX) {
            return Err(CaseError::Text);
        }
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        let case = table::find_open(&txn, id).await?.ok_or(CaseError::NotFound)?;
        // The order's row comes first in every act, or two acts could wait for each other.
        let order = match case.order {
            Some(order) => Some(order_table::lock(&txn, order).await?),
            None => None,
        };
        let before = audit::broken(&txn).await?;
        self.end(&txn, &case, closing.outcome, now).await?;
        let closed =
            Closed { at: now, outcome: closing.outcome, by: by.to_owned(), note: note.to_owned() };
        if !table::close_by_hand(&txn, id, &closed).await? {
            return Err(CaseError::NotFound);
        }
        let after = audit::broken(&txn).await?;
        let broken: BTreeSet<&(&str, String)> = after.difference(&before).collect();
        if !broken.is_empty() {
            let told = broken.iter().map(|(promise, name)| format!("{promise} ({name})"));
            return Err(CaseError::StillNeeded(told.collect()));
        }
        txn.commit().await?;
        let (kind, outcome) = (case.kind.code(), closing.outcome.code());
        metrics::counter!("cases_closed", "kind" => kind, "outcome" => outcome).increment(1);
        tracing::info!(case.kind = kind, case.outcome = outcome, "a person closed a case");
        Ok(ClosedCase { kind: case.kind, order_no: order.map(|order| order.order_no) })
    }

    async fn end(
        &self,
        txn: &DatabaseTransaction,
        case: &Case,
        outcome: CaseOutcome,
        now: Timestamp,
    ) -> Result<(), CaseError> {
        if case.kind == CaseKind::Disputed {
            return Err(CaseError::Disputed);
        }
        match (stray::is_held(txn, &case.subject).await?, outcome) {
            (true, CaseOutcome::Settled) => Err(CaseError::Money),
            (true, _) => Ok(stray::settle(txn, &case.subject, now).await?),
            (false, CaseOutcome::Settled) => Ok(()),
            (false, outcome) => Err(CaseError::NoMoney(outcome)),
        }
    }
}

fn fits(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}
