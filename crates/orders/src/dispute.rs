//! Disputes (异议): a citizen says that something about an order is not right, and a person answers.
//!
//! The API calls them objections; here that word is taken by what an agency answers. A dispute opens
//! a case in its own transaction, so it stands on the list that a person is looking at until it is
//! answered or withdrawn. It moves no money: what follows from the answer is an act of its own.
//!
//! The starting guide advises to object within 30 days; no law was found that says so (domain §1.8,
//! S1), so a late dispute is taken and only marked.

mod table;

use std::{str::FromStr, time::Duration};

use kernel::{AccountId, DisputeId, Entropy, OrderId, OrderNo, Timestamp, UnknownWord};
use migrations::begin_write;
use sea_orm::DatabaseTransaction;
use serde_json::json;

use crate::{
    CaseKind, OrderError, OrderState, Orders,
    case::{self, Doubt},
    order::table as order_table,
    payment::{PaymentState, table as payment_table},
};

/// The guide's advice, counted from the payment (without one, from the order).
const ADVISED_TIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Evidence and answers are a page at most; pictures are never taken.
const TEXT_CHARACTERS_MAX: usize = 1_000;

macro_rules! codes {
    ($($(#[$doc:meta])* $list:ident { $($(#[$word_doc:meta])* $word:ident = $code:literal;)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $list { $($(#[$word_doc])* $word,)* }

        impl $list {
            pub const ALL: &'static [$list] = &[$($list::$word,)*];

            /// The stable code; its words are in the message files.
            pub const fn code(self) -> &'static str {
                match self { $($list::$word => $code,)* }
            }
        }

        impl FromStr for $list {
            type Err = UnknownWord;
            fn from_str(code: &str) -> Result<$list, UnknownWord> {
                let found = $list::ALL.iter().find(|known| known.code() == code);
                found.copied().ok_or(UnknownWord {
                    list: stringify!($list),
                    expected: concat!($($code, " ",)*),
                })
            }
        }
    )*};
}

codes! {
    /// What is not right.
    DisputeReason {
        NotPosted = "not_posted";
        WrongAmount = "wrong_amount";
        PaidTwice = "paid_twice";
        WrongPerson = "wrong_person";
        RefundMissing = "refund_missing";
        Other = "other";
    }
    /// How far it is.
    DisputeState {
        Submitted = "submitted";
        Answered = "answered";
        Withdrawn = "withdrawn";
    }
    /// What the answer comes to.
    DisputeOutcome {
        Upheld = "upheld";
        NotUpheld = "not_upheld";
        /// Only the agency can decide it; the answer says how to ask there.
        ForTheAgency = "for_the_agency";
    }
}

/// A person's answer.
#[derive(Clone, PartialEq, Eq)]
pub struct DisputeAnswer {
    pub outcome: DisputeOutcome,
    pub text: String,
    pub at: Timestamp,
}

/// One dispute. `Debug` prints none of the texts.
#[derive(Clone, PartialEq, Eq)]
pub struct Dispute {
    pub id: DisputeId,
    pub order: OrderId,
    pub order_no: OrderNo,
    pub reason: DisputeReason,
    /// In the citizen's own words.
    pub evidence: String,
    pub state: DisputeState,
    /// Submitted after the guide's 30 days.
    pub late: bool,
    pub submitted_at: Timestamp,
    pub updated_at: Timestamp,
    pub answer: Option<DisputeAnswer>,
}

impl std::fmt::Debug for Dispute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Dispute({}, {}, {})", self.id, self.reason.code(), self.state.code())
    }
}

/// Why a dispute is not taken, or not answered.
#[derive(Debug, thiserror::Error)]
pub enum DisputeError {
    #[error("no such dispute")]
    NotFound,
    #[error("a text has 1 to {max} characters and no control characters but line breaks")]
    Text { max: usize },
    /// Nothing was paid or could have been: the order only waits for its payment.
    #[error("the order has not been paid yet")]
    NotPaidYet,
    /// One at a time: the open one is answered first.
    #[error("dispute {0} about this order is open")]
    Open(DisputeId),
    #[error("the dispute is not open any more")]
    NotOpen,
    #[error(transparent)]
    Order(#[from] OrderError),
}

impl From<sea_orm::DbErr> for DisputeError {
    fn from(error: sea_orm::DbErr) -> DisputeError {
        DisputeError::Order(error.into())
    }
}

fn checked(text: &str) -> Result<String, DisputeError> {
    let text = text.trim();
    let length = text.chars().count();
    let plain = text.chars().all(|c| !c.is_control() || c == '\n');
    if plain && (1..=TEXT_CHARACTERS_MAX).contains(&length) {
        Ok(text.to_owned())
    } else {
        Err(DisputeError::Text { max: TEXT_CHARACTERS_MAX })
    }
}

/// Gives one account's disputes to another one.
pub(crate) async fn hand_over(
    txn: &DatabaseTransaction,
    from: AccountId,
    to: AccountId,
) -> Result<(), OrderError> {
    table::hand_over(txn, from, to).await
}

/// The case's subject.
fn about(id: DisputeId) -> String {
    id.to_string()
}

impl Orders {
    /// Takes a dispute about an order of this account and puts it before a person.
    ///
    /// # Errors
    /// [`DisputeError`]; an order of somebody else is not found.
    pub async fn dispute(
        &self,
        account: AccountId,
        order_no: &OrderNo,
        reason: DisputeReason,
        evidence: &str,
    ) -> Result<Dispute, DisputeError> {
        let evidence = checked(evidence)?;
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        let order = order_table::find_by_no(&txn, account, order_no).await?;
        // The row lock makes two submissions at one moment come one after the other.
        let order = order_table::lock(&txn, order.id).await?;
        if order.state == OrderState::Created {
            return Err(DisputeError::NotPaidYet);
        }
        if let Some(open) = table::open_of(&txn, order.id).await? {
            return Err(DisputeError::Open(open));
        }
        let payments = payment_table::of_order(&txn, order.id).await?;
        let paid = payments.iter().filter(|payment| payment.state == PaymentState::Paid);
        let since = paid.filter_map(|payment| payment.paid_at).min().unwrap_or(order.created_at);
        let dispute = Dispute {
            id: DisputeId::generate(now, &*self.entropy),
            order: order.id,
            order_no: order.order_no.clone(),
            reason,
            evidence,
            state: DisputeState::Submitted,
            late: now > since.plus(ADVISED_TIME),
            submitted_at: now,
            updated_at: now,
            answer: None,
        };
        // The account of the locked row: it may have gone into another one a moment ago.
        table::insert(&txn, &self.cipher, order.account, &dispute).await?;
        let doubt = Doubt {
            kind: CaseKind::Disputed,
            subject: about(dispute.id),
            order: Some(order.id),
            account: None,
            amount: Some(order.amount),
            evidence: json!({
                "dispute": dispute.id, "order_no": order.order_no,
                "reason": reason.code(), "state": order.state.code(),
            }),
        };
        case::open(&txn, doubt, now, &*self.entropy as &dyn Entropy).await?;
        txn.commit().await?;
        Ok(dispute)
    }

    /// The account's disputes, newest first; at most a hundred.
    ///
    /// # Errors
    /// When the database is away or a row does not open.
    pub async fn list_disputes(&self, account: AccountId) -> Result<Vec<Dispute>, DisputeError> {
        table::of_account(&self.db, &self.cipher, account).await
    }

    /// One dispute of this account. Others' are simply not found.
    ///
    /// # Errors
    /// [`DisputeError::NotFound`].
    pub async fn find_dispute(
        &self,
        account: AccountId,
        id: DisputeId,
    ) -> Result<Dispute, DisputeError> {
        table::find(&self.db, &self.cipher, Some(account), id).await
    }

    /// The citizen takes the dispute back; nobody need look any more.
    ///
    /// # Errors
    /// [`DisputeError::NotFound`], [`DisputeError::NotOpen`].
    pub async fn withdraw_dispute(
        &self,
        account: AccountId,
        id: DisputeId,
    ) -> Result<Dispute, DisputeError> {
        self.end_dispute(Some(account), id, None).await
    }

    /// Open disputes of all accounts, oldest first, for the person who answers.
    ///
    /// # Errors
    /// When the database is away or a row does not open.
    pub async fn open_disputes(&self, limit: u32) -> Result<Vec<Dispute>, DisputeError> {
        table::open(&self.db, &self.cipher, u64::from(limit)).await
    }

    /// A person answers a dispute, which closes its case.
    ///
    /// # Errors
    /// [`DisputeError::NotFound`], [`DisputeError::NotOpen`], [`DisputeError::Text`].
    pub async fn answer_dispute(
        &self,
        id: DisputeId,
        outcome: DisputeOutcome,
        text: &str,
    ) -> Result<Dispute, DisputeError> {
        let text = checked(text)?;
        let answer = DisputeAnswer { outcome, text, at: self.clock.now() };
        self.end_dispute(None, id, Some(answer)).await
    }

    async fn end_dispute(
        &self,
        account: Option<AccountId>,
        id: DisputeId,
        answer: Option<DisputeAnswer>,
    ) -> Result<Dispute, DisputeError> {
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        let mut dispute = table::find(&txn, &self.cipher, account, id).await?;
        dispute.state = match answer {
            Some(_) => DisputeState::Answered,
            None => DisputeState::Withdrawn,
        };
        dispute.updated_at = now;
        dispute.answer = answer;
        // Only an open one moves, whoever was faster.
        if !table::end(&txn, &self.cipher, &dispute).await? {
            return Err(DisputeError::NotOpen);
        }
        case::close(&txn, &case::subject(CaseKind::Disputed, &about(id)), now).await?;
        txn.commit().await?;
        Ok(dispute)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::empty("", false)]
    #[case::blank(" \n ", false)]
    #[case::two_lines("已扣款\n未入账", true)]
    #[case::control("a\u{7}b", false)]
    #[case::longest(&"一".repeat(1_000), true)]
    #[case::too_long(&"一".repeat(1_001), false)]
    fn a_text_is_a_page_at_most(#[case] text: &str, #[case] taken: bool) {
        assert_eq!(checked(text).is_ok(), taken);
    }
}
