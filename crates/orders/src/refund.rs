//! Refunds: money that cannot be posted goes back the way it came (原路退回).
//!
//! The number and the bytes are fixed before the first try. Under the order's lock the sum of all
//! refunds of a payment, failed ones included, never exceeds it: a failed one is still owed and
//! waits for a person, so its money must not be promised a second time.

mod again;
mod plan;
mod record;
pub(crate) mod table;

use std::time::Duration;

use kernel::{Fen, RefundId, UnknownWord};
use migrations::begin_write;
use platforms::{ChannelError, Prepared, RefundFact, RefundStanding, RefundStatus, Refused};
use serde_json::json;

pub use self::{
    again::Retried,
    table::{Refund, RefundState},
};
use crate::{
    BillKey, OrderError, Orders, Recorded,
    case::{self, CaseKind, Doubt},
    error::read,
    job::{Job, Outcome},
    journal::{Entry, account},
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
    /// One try to bring a refund further: ask first after any earlier try, then the same bytes.
    pub(crate) async fn push_refund(&self, job: &Job) -> Result<Outcome, OrderError> {
        let id: RefundId = read("jobs", "subject", job.id, &job.subject)?;
        let refund = table::find(&self.db, id).await?;
        if !refund.state.is_open() {
            return Ok(Outcome::Done);
        }
        let payment = payment_table::find(&self.db, refund.payment).await?;
        let channel = self.directory.channel(&payment.merchant).ok_or(OrderError::NoMerchant)?;
        let refund = if refund.is_prepared() {
            refund
        } else {
            self.prepare_late(&refund, &payment, &*channel).await?
        };
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
        if let Recorded::Case(kind) = self.record_refund(fact, None).await? {
            // A person looks; until then the refund is asked about like one without an answer.
            return Ok(Outcome::Again { why: format!("the answer is a case: {}", kind.code()) });
        }
        if fact.status() != RefundStatus::Processing {
            return Ok(Outcome::Done);
        }
        let age = self.clock.now().since(refund.created_at);
        if age > PATIENCE {
            self.open_refund_case(refund, "not finished after three days").await?;
        }
        Ok(Outcome::Wait { after: next_question(age), why: "accepted, not back yet".to_owned() })
    }

    async fn open_refund_case(&self, refund: &Refund, why: &str) -> Result<(), OrderError> {
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        let order = order_table::lock(&txn, refund.order).await?;
        case::open(&txn, refund_doubt(&order, refund, why), now, &*self.entropy).await?;
        txn.commit().await?;
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
