//! The journal: what happened to each order, append-only, and every fen that moved.
//!
//! A line that moves money is a double entry in one row: one account is debited and one credited
//! with the same amount, so all accounts together balance by construction. What is credited to
//! [`account::in_transit`] and not debited from it was received and is neither posted nor returned.

mod table;

use kernel::{AgencyCode, BillKind, Channel, Fen, MerchantKey, OrderId, PaymentId, Timestamp};
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use crate::{
    BillKey, OrderError, OrderEvent, OrderState,
    order::table::{self as order_table, Order},
};

/// One movement of money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub debit: String,
    pub credit: String,
    pub amount: Fen,
    pub payment: Option<PaymentId>,
    pub bill: Option<BillKey>,
}

/// One line as it is read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalLine {
    /// 1, 2, 3 … within the order.
    pub seq: i32,
    pub at: Timestamp,
    pub event: String,
    pub from: OrderState,
    pub to: OrderState,
    pub debit: Option<String>,
    pub credit: Option<String>,
    pub amount: Option<Fen>,
    pub payment: Option<PaymentId>,
    pub bill: Option<BillKey>,
}

/// The names of the accounts (科目).
pub(crate) mod account {
    use super::{AgencyCode, BillKind, Channel, MerchantKey};

    /// What a channel owes us (渠道应收).
    pub(crate) fn channel(channel: Channel, merchant: &MerchantKey) -> String {
        format!("channel:{channel}:{merchant}")
    }

    /// Received, and neither posted nor returned (在途).
    pub(crate) fn in_transit() -> String {
        "in_transit".to_owned()
    }

    /// What was booked to an agency: contributions (应付保费), or money for cards' accounts (应付充值款),
    /// which is none and stands by itself.
    pub(crate) fn booked(kind: BillKind, agency: &AgencyCode) -> String {
        if kind.is_premium() { format!("premium:{agency}") } else { format!("topup:{agency}") }
    }

    /// What a person paid back out of other funds than the channel's (另行退付).
    pub(crate) fn by_hand(channel: Channel, merchant: &MerchantKey) -> String {
        format!("by_hand:{channel}:{merchant}")
    }

    /// Promised back, not yet returned (应退).
    pub(crate) fn refund_payable() -> String {
        "refund_payable".to_owned()
    }

    /// Received beyond what was asked for; a person or a refund settles it (待查).
    pub(crate) fn suspense() -> String {
        "suspense".to_owned()
    }
}

/// The only way an order changes its state: ask the table, write the row, write the line, and claim
/// or release the bills when the new state says so.
pub(crate) async fn advance(
    txn: &DatabaseTransaction,
    order: &mut Order,
    event: OrderEvent,
    entry: Option<Entry>,
    now: Timestamp,
) -> Result<(), OrderError> {
    let from = order.state;
    let to = from.next(event)?;
    if to != from {
        order_table::set_state(txn, order.id, to, now).await?;
        order.updated_at = now;
    }
    if from.is_live() && !to.is_live() {
        order_table::set_live(txn, order.id, false).await?;
    }
    order.state = to;
    table::append(txn, order.id, event.code(), (from, to), entry.as_ref(), now).await
}

/// A line that changes no state: the order was placed, a bill was posted.
pub(crate) async fn note(
    txn: &DatabaseTransaction,
    order: &Order,
    event: &'static str,
    entry: Option<Entry>,
    now: Timestamp,
) -> Result<(), OrderError> {
    table::append(txn, order.id, event, (order.state, order.state), entry.as_ref(), now).await
}

/// All lines of an order, oldest first.
pub(crate) async fn lines(
    db: &impl ConnectionTrait,
    order: OrderId,
) -> Result<Vec<JournalLine>, OrderError> {
    table::of_order(db, order).await
}
