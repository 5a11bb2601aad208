//! Cases: differences and doubts that a person must close. The same doubt opens one case.

mod closing;
mod table;

use kernel::{CaseId, Channel, Entropy, Fen, MerchantKey, OrderId, Timestamp};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use serde_json::Value;

pub use self::closing::{CaseClosing, CaseError, CaseOutcome, ClosedCase};
use crate::OrderError;

/// What kind of doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CaseKind {
    /// A platform vouches for another amount than was asked for.
    WrongAmount,
    /// A platform vouches for another currency.
    WrongCurrency,
    /// A genuine message names a merchant account that is not the payment's.
    WrongMerchant,
    /// A genuine message names another app.
    WrongApp,
    /// A genuine message about a number that we never gave out.
    UnknownOrder,
    /// One number, two transactions.
    SecondTransaction,
    /// One transaction, two numbers.
    TransactionReused,
    /// The channel says that a number was paid and that money of it went back since, by no act of ours.
    PaidAndReturned,
    /// Whether a bill is posted could not be found out in time.
    PostingUnresolved,
    /// A job stopped after its last try.
    JobParked,
    /// For hours the channel has not said whether an attempt was paid, and nothing else waits for it.
    PaymentUnanswered,
    /// A genuine message about a refund that we never asked for, or of another amount.
    UnknownRefund,
    /// Money that should go back does not: the channel refuses, the account is gone, or it takes too long.
    RefundUnfinished,
    /// The agency says that a bill which it booked was never booked.
    PostingVanished,
    /// The agency does not undo a booking; only its own procedure (社保退费) helps the person.
    ReversalRefused,
    /// The agency booked a bill whose money is promised back already.
    BookedAfterRefusal,
    /// A citizen says that something is not right (异议), and waits for an answer.
    Disputed,
}

impl CaseKind {
    pub const ALL: [CaseKind; 17] = [
        CaseKind::WrongAmount,
        CaseKind::WrongCurrency,
        CaseKind::WrongMerchant,
        CaseKind::WrongApp,
        CaseKind::UnknownOrder,
        CaseKind::SecondTransaction,
        CaseKind::TransactionReused,
        CaseKind::PaidAndReturned,
        CaseKind::PostingUnresolved,
        CaseKind::JobParked,
        CaseKind::PaymentUnanswered,
        CaseKind::UnknownRefund,
        CaseKind::RefundUnfinished,
        CaseKind::PostingVanished,
        CaseKind::ReversalRefused,
        CaseKind::BookedAfterRefusal,
        CaseKind::Disputed,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            CaseKind::WrongAmount => "wrong_amount",
            CaseKind::WrongCurrency => "wrong_currency",
            CaseKind::WrongMerchant => "wrong_merchant",
            CaseKind::WrongApp => "wrong_app",
            CaseKind::UnknownOrder => "unknown_order",
            CaseKind::SecondTransaction => "second_transaction",
            CaseKind::TransactionReused => "transaction_reused",
            CaseKind::PaidAndReturned => "paid_and_returned",
            CaseKind::PostingUnresolved => "posting_unresolved",
            CaseKind::JobParked => "job_parked",
            CaseKind::PaymentUnanswered => "payment_unanswered",
            CaseKind::UnknownRefund => "unknown_refund",
            CaseKind::RefundUnfinished => "refund_unfinished",
            CaseKind::PostingVanished => "posting_vanished",
            CaseKind::ReversalRefused => "reversal_refused",
            CaseKind::BookedAfterRefusal => "booked_after_refusal",
            CaseKind::Disputed => "disputed",
        }
    }
}

impl CaseKind {
    /// Whether it keeps an order that was never paid from being paid: something came on its number.
    pub(crate) const fn is_misfit(self) -> bool {
        matches!(
            self,
            CaseKind::WrongAmount
                | CaseKind::WrongCurrency
                | CaseKind::WrongMerchant
                | CaseKind::WrongApp
                | CaseKind::TransactionReused
                | CaseKind::PaidAndReturned
        )
    }

    /// Whether the same doubt is news when its case was closed: an act that stopped, was retried and
    /// stopped again.
    const fn happens_again(self) -> bool {
        matches!(
            self,
            CaseKind::PostingUnresolved
                | CaseKind::JobParked
                | CaseKind::RefundUnfinished
                | CaseKind::ReversalRefused
                | CaseKind::PostingVanished
        )
    }
}

impl std::str::FromStr for CaseKind {
    type Err = kernel::UnknownWord;
    fn from_str(code: &str) -> Result<CaseKind, kernel::UnknownWord> {
        CaseKind::ALL
            .into_iter()
            .find(|kind| kind.code() == code)
            .ok_or(kernel::UnknownWord { list: "CaseKind", expected: "a case kind" })
    }
}

/// A doubt as it is written down. Evidence holds numbers, codes and amounts, no personal data.
#[derive(Clone, Debug)]
pub(crate) struct Doubt {
    pub kind: CaseKind,
    /// What it is about; together with the kind, opens at most one case.
    pub subject: String,
    pub order: Option<OrderId>,
    pub account: Option<(Channel, MerchantKey)>,
    pub amount: Option<Fen>,
    pub evidence: Value,
}

/// A case as a person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    pub id: CaseId,
    pub kind: CaseKind,
    pub subject: String,
    pub order: Option<OrderId>,
    pub amount: Option<Fen>,
    pub evidence: Value,
    pub opened_at: Timestamp,
}

impl Case {
    /// The row that the case is about, where its subject ends in one.
    fn subject_id<T: std::str::FromStr>(&self) -> Option<T> {
        self.subject.rsplit(':').next()?.parse().ok()
    }
}

/// The subject as it is stored: the same thing may be doubted in two ways.
pub(crate) fn subject(kind: CaseKind, about: &str) -> String {
    format!("{}:{about}", kind.code())
}

/// Whether a doubt that a person has closed is news when it comes up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// A message that a platform repeats says nothing new.
    Once,
    /// Something stopped, and stopped again.
    Again,
}

/// Opens a case unless the same doubt has an open one already; says whether it is news.
pub(crate) async fn open(
    txn: &DatabaseTransaction,
    doubt: Doubt,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<bool, OrderError> {
    let news = if doubt.kind.happens_again() { News::Again } else { News::Once };
    tell(txn, doubt, news, now, entropy).await
}

/// Like [`open`], where it is the circumstance and not the kind that says what is news.
pub(crate) async fn tell(
    txn: &DatabaseTransaction,
    doubt: Doubt,
    news: News,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<bool, OrderError> {
    let kind = doubt.kind;
    let opened = table::insert(txn, doubt, CaseId::generate(now, entropy), news, now).await?;
    if opened {
        metrics::counter!("cases_opened", "kind" => kind.code()).increment(1);
        tracing::warn!(case.kind = kind.code(), "a case was opened");
    }
    Ok(opened)
}

/// Closes the case with this subject: what it was about is settled.
pub(crate) async fn close(
    txn: &DatabaseTransaction,
    subject: &str,
    now: Timestamp,
) -> Result<(), OrderError> {
    table::close(txn, subject, now).await
}

pub(crate) async fn count_open(db: &impl ConnectionTrait) -> Result<u64, OrderError> {
    table::count_open(db).await
}

/// Open cases, oldest first.
pub(crate) async fn list_open(
    db: &impl ConnectionTrait,
    limit: u64,
) -> Result<Vec<Case>, OrderError> {
    table::list_open(db, limit).await
}
