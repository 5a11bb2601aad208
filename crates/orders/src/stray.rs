//! Strays (长款, 待查): money that a platform vouches for and that fits nothing we asked for.
//!
//! Another amount, a number that we never gave out, a second transaction on a paid number, another
//! app of the same merchant account, a payment that somebody returned before we heard of it: the money is on the account all the same, so it is counted, and
//! a person decides about it (the case that is opened with it). One transaction is one amount of
//! money: told under two names it is counted once, and when it turns out to be the payment of an
//! order after all, it is counted there.
//!
//! Not money of ours, and therefore only cases: another merchant's, another currency, and a
//! transaction that already paid another number.

mod table;

use kernel::Timestamp;
use platforms::PaymentFact;
use sea_orm::DatabaseTransaction;

use crate::{OrderError, case::CaseKind, payment::table as payment_table};

/// Whether a misfit of this kind is money on the merchant account.
pub(crate) const fn is_money(kind: CaseKind) -> bool {
    matches!(
        kind,
        CaseKind::WrongAmount
            | CaseKind::WrongApp
            | CaseKind::UnknownOrder
            | CaseKind::SecondTransaction
            | CaseKind::PaidAndReturned
    )
}

/// Counts the money of a misfit, unless its transaction is counted already.
pub(crate) async fn keep(
    txn: &DatabaseTransaction,
    fact: &PaymentFact,
    kind: CaseKind,
    case_subject: &str,
    now: Timestamp,
) -> Result<(), OrderError> {
    if !is_money(kind) || payment_table::is_paid_by(txn, fact).await? {
        return Ok(());
    }
    table::insert(txn, fact, case_subject, now).await
}

/// The transaction became the payment of an order, and is counted there from now on.
pub(crate) async fn matched(
    txn: &DatabaseTransaction,
    fact: &PaymentFact,
    now: Timestamp,
) -> Result<(), OrderError> {
    table::set_matched(txn, fact, now).await
}

/// Whether the case with this subject is about money that is counted as ours.
pub(crate) async fn is_held(
    txn: &DatabaseTransaction,
    case_subject: &str,
) -> Result<bool, OrderError> {
    table::is_held(txn, case_subject).await
}

/// A person says that the money of this case is ours no longer, or never was.
pub(crate) async fn settle(
    txn: &DatabaseTransaction,
    case_subject: &str,
    now: Timestamp,
) -> Result<(), OrderError> {
    table::set_settled(txn, case_subject, now).await
}
