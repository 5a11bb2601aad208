//! Postings: the agency books each bill of a paid order, once.

mod silence;
pub(crate) mod table;
mod take_back;
mod watch;

use std::time::Duration;

use agency::{AgencyError, Objection, Posted, PostingRequest, PostingStanding};
use kernel::{AgencyCode, Entropy, PaymentId, PostingId, Timestamp};
use migrations::begin_write;
use sea_orm::DatabaseTransaction;

pub(crate) use self::{silence::Silences, watch::ASK_AGAIN_AFTER as WATCHED_AGAIN_AFTER};
pub use self::{
    table::{Posting, PostingState},
    take_back::TakeBack,
};
use crate::{
    OrderError, OrderEvent, OrderState, Orders,
    case::{self, CaseKind},
    error::read,
    job::{self, Job, JobKind, Outcome},
    journal::{self, Entry, account},
    order::table::{self as order_table, Order},
    payment::table as payment_table,
    refund::{Giving, RefundCause},
};

/// An agency may be under maintenance for a night. After this long a person hears of a bill that waits.
const WAITING_MAX: Duration = Duration::from_secs(24 * 3_600);

/// How long a temporary objection (maintenance, day cut-off, a foreign lock) is waited out.
const TEMPORARY_WAIT: Duration = Duration::from_secs(60);

/// Writes down one posting and one job per bill, in the transaction that recorded the money.
pub(crate) async fn plan(
    txn: &DatabaseTransaction,
    order: &Order,
    payment: PaymentId,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<(), OrderError> {
    for frozen in order_table::bills(txn, order.id).await? {
        let posting = table::insert(txn, order.id, payment, &frozen, now, entropy).await?;
        job::put(txn, JobKind::PostBill, order.id, posting, (now, now), entropy).await?;
    }
    Ok(())
}

/// What the agency decided about one bill.
enum Decision {
    Posted(Posted),
    Refused(Objection),
}

/// It was booked and undone before we heard of it; the order cannot post it a second time.
const UNDONE: Decision = Decision::Refused(Objection::DuplicateRequest);

fn not_known_yet() -> Outcome {
    Outcome::Again { why: "the agency does not know yet".to_owned() }
}

impl Orders {
    /// One try to post a bill. After any earlier try the agency is asked first.
    pub(crate) async fn post_bill(&self, job: &Job) -> Result<Outcome, OrderError> {
        let outcome = self.try_to_post(job).await?;
        self.tell_of_waiting(job, outcome).await
    }

    async fn try_to_post(&self, job: &Job) -> Result<Outcome, OrderError> {
        let id: PostingId = read("jobs", "subject", job.id, &job.subject)?;
        let posting = table::find(&self.db, id).await?;
        if posting.state != PostingState::Pending {
            return Ok(Outcome::Done);
        }
        if let Some(rest) = self.left_in_peace(&posting) {
            return Ok(rest);
        }
        let order = order_table::find(&self.db, posting.order).await?;
        let agency = self.directory.agency(&posting.agency)?;
        let standing = || {
            let asked = agency.query_posting(&posting.agency, &order.order_no, &posting.bill_no);
            self.heard(&posting.agency, asked)
        };
        if job.attempt > 1 {
            match standing().await {
                Ok(PostingStanding::Posted(posted)) => {
                    return self.record_posting(id, Decision::Posted(posted), job).await;
                }
                Ok(PostingStanding::Reversed) => return self.record_posting(id, UNDONE, job).await,
                Ok(PostingStanding::NotPosted) => {
                    if let Some(objection) = posting.objection {
                        return self.record_posting(id, Decision::Refused(objection), job).await;
                    }
                }
                Ok(PostingStanding::Unknown) => return Ok(not_known_yet()),
                Err(error) => return Ok(postpone(&error)),
            }
        }
        let request = self.posting_request(&order, &posting).await?;
        let decision = match self.heard(&posting.agency, agency.post_payment(&request)).await {
            Ok(posted) => Decision::Posted(posted),
            // Somebody booked this bill. Perhaps we did: only the answer to a question tells.
            Err(AgencyError::Objection(
                objection @ (Objection::AlreadyPaid | Objection::DuplicateRequest),
            )) => match standing().await {
                Ok(PostingStanding::Posted(posted)) => Decision::Posted(posted),
                Ok(PostingStanding::NotPosted) => Decision::Refused(objection),
                Ok(PostingStanding::Reversed) => {
                    return self.record_posting(id, UNDONE, job).await;
                }
                Ok(PostingStanding::Unknown) => return Ok(not_known_yet()),
                Err(error) => return Ok(postpone(&error)),
            },
            Err(AgencyError::Objection(objection)) if !waits(objection) => {
                Decision::Refused(objection)
            }
            Err(error) => return Ok(postpone(&error)),
        };
        match decision {
            // An earlier try may still be on its way and book: the money is not promised back before
            // that is impossible and the agency says once more that it has nothing.
            Decision::Refused(objection) if job.attempt > 1 => {
                self.note_objection(id, objection).await?;
                let why = format!("refused: {}; asked once more", objection.code());
                Ok(Outcome::Wait { after: self.rules.posting_under_way, why })
            }
            decision => self.record_posting(id, decision, job).await,
        }
    }

    /// What to do instead of a call while the agency does not answer.
    fn left_in_peace(&self, posting: &Posting) -> Option<Outcome> {
        let rest = self.silences.rest(&posting.agency, self.clock.now())?;
        Some(Outcome::Wait { after: rest, why: "the agency does not answer just now".to_owned() })
    }

    /// Makes a call to an agency and remembers whether it was answered.
    async fn heard<T>(
        &self,
        agency: &AgencyCode,
        call: impl Future<Output = Result<T, AgencyError>>,
    ) -> Result<T, AgencyError> {
        let since = self.clock.now();
        let answer = call.await;
        self.silences.hear(agency, &answer, (since, self.clock.now()));
        answer
    }

    /// A job that is told to wait goes on waiting; after a day a person knows.
    async fn tell_of_waiting(&self, job: &Job, outcome: Outcome) -> Result<Outcome, OrderError> {
        let Outcome::Wait { why, .. } = &outcome else { return Ok(outcome) };
        let id: PostingId = read("jobs", "subject", job.id, &job.subject)?;
        let now = self.clock.now();
        if now.since(table::find(&self.db, id).await?.created_at) > WAITING_MAX {
            let (txn, mut order, posting) = self.posting_under_lock(id).await?;
            if posting.state.is_open() {
                let doubt = job::doubt(job, &order, CaseKind::PostingUnresolved, why);
                case::open(&txn, doubt, now, &*self.entropy).await?;
                self.hand_over(&txn, &mut order, now).await?;
                txn.commit().await?;
            }
        }
        Ok(outcome)
    }

    /// Writes down that the agency refused, without believing it yet.
    async fn note_objection(&self, id: PostingId, objection: Objection) -> Result<(), OrderError> {
        let now = self.clock.now();
        let (txn, _, posting) = self.posting_under_lock(id).await?;
        if posting.state == PostingState::Pending {
            table::set_objection(&txn, id, objection, now).await?;
            txn.commit().await?;
        }
        Ok(())
    }

    async fn posting_request(
        &self,
        order: &Order,
        posting: &Posting,
    ) -> Result<PostingRequest, OrderError> {
        let payment = payment_table::find(&self.db, posting.payment).await?;
        let unpaid = || OrderError::Row {
            table: "payments",
            column: "transaction_id",
            row: payment.id.to_string(),
        };
        let transaction_id = payment.transaction_id.clone().ok_or_else(unpaid)?;
        let paid_at = payment.paid_at.ok_or_else(unpaid)?;
        let bills = order_table::bills(&self.db, order.id).await?;
        let frozen = bills
            .into_iter()
            .find(|frozen| {
                frozen.agency == posting.agency && frozen.bill.bill_no == posting.bill_no
            })
            .ok_or_else(|| OrderError::Row {
                table: "postings",
                column: "bill_no",
                row: posting.id.to_string(),
            })?;
        Ok(PostingRequest {
            agency: posting.agency.clone(),
            order_no: order.order_no.clone(),
            bill: frozen.bill,
            channel: payment.channel,
            transaction_id,
            paid_at,
        })
    }

    /// Books the agency's decision, and the order's when the last bill is decided.
    async fn record_posting(
        &self,
        id: PostingId,
        decision: Decision,
        job: &Job,
    ) -> Result<Outcome, OrderError> {
        let now = self.clock.now();
        let (txn, mut order, posting) = self.posting_under_lock(id).await?;
        match (&decision, posting.state) {
            (_, PostingState::Pending) => {}
            // Its money is going back already: two promises that no rule of ours can undo.
            (Decision::Posted(posted), PostingState::Refused | PostingState::TakenBack) => {
                let (kind, serial) = (CaseKind::BookedAfterRefusal, &posted.agency_serial);
                self.open_posting_case(&txn, &order, &posting, kind, serial, now).await?;
                txn.commit().await?;
                return Ok(Outcome::Done);
            }
            _ => return Ok(Outcome::Done),
        }
        // Whoever lost the lease cannot know what its successor is doing at the agency just now.
        if matches!(decision, Decision::Refused(_)) && !job::holds(&txn, job).await? {
            return Ok(Outcome::Done);
        }
        match &decision {
            Decision::Posted(posted) => {
                self.book(&txn, &order, &posting, posted, now).await?;
                table::set_state(&txn, id, PostingState::Posted, now).await?;
            }
            Decision::Refused(objection) => {
                table::set_refused(&txn, id, *objection, now).await?;
                journal::note(&txn, &order, "bill_refused", None, now).await?;
                let payment = payment_table::find(&txn, posting.payment).await?;
                let giving = Giving {
                    payment: &payment,
                    amount: posting.amount,
                    cause: RefundCause::PostingRefused,
                    bill: Some(posting.bill()),
                };
                self.give_back(&txn, &order, giving, now).await?;
            }
        }
        self.decide(&txn, &mut order, now).await?;
        txn.commit().await?;
        self.wake_workers();
        metrics::counter!("bills_decided", "decision" => match decision {
            Decision::Posted(_) => "posted",
            Decision::Refused(_) => "refused",
        })
        .increment(1);
        Ok(Outcome::Done)
    }

    /// The beginning of every act on a posting: its order's row is locked, and it is read under the lock.
    async fn posting_under_lock(
        &self,
        id: PostingId,
    ) -> Result<(DatabaseTransaction, Order, Posting), OrderError> {
        let order = table::find(&self.db, id).await?.order;
        let txn = begin_write(&self.db).await?;
        let order = order_table::lock(&txn, order).await?;
        let posting = table::find(&txn, id).await?;
        Ok((txn, order, posting))
    }

    /// Writes the agency's booking down: the money is the agency's from here on.
    async fn book(
        &self,
        txn: &DatabaseTransaction,
        order: &Order,
        posting: &Posting,
        posted: &Posted,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        table::set_booking(txn, posting.id, posted, now).await?;
        let credit = account::booked(posting.kind, &posting.agency);
        let debit = account::in_transit();
        journal::note(txn, order, "bill_posted", Some(moved(posting, debit, credit)), now).await?;
        let first_look = now.plus(watch::FIRST_LOOK_AFTER);
        let times = (first_look, now);
        job::put(txn, JobKind::WatchPosting, order.id, posting.id, times, &*self.entropy).await
    }

    /// The order follows its postings when none is open any more.
    async fn decide(
        &self,
        txn: &DatabaseTransaction,
        order: &mut Order,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        let postings = table::of_order(txn, order.id).await?;
        if let Some(event) = decided(order.state, &postings) {
            journal::advance(txn, order, event, None, now).await?;
            if event == OrderEvent::AgencyReversed {
                journal::advance(txn, order, OrderEvent::RefundStarted, None, now).await?;
            }
            self.finish_refunds(txn, order, now).await?;
        }
        Ok(())
    }

    /// A paid order that did not decide itself goes to a person.
    pub(crate) async fn hand_over(
        &self,
        txn: &DatabaseTransaction,
        order: &mut Order,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        if order.state == OrderState::Paid {
            journal::advance(txn, order, OrderEvent::HandedOver, None, now).await?;
        }
        Ok(())
    }
}

/// The money of a bill, from one account to another.
fn moved(posting: &Posting, debit: String, credit: String) -> Entry {
    Entry {
        debit,
        credit,
        amount: posting.amount,
        payment: Some(posting.payment),
        bill: Some(posting.bill()),
    }
}

/// What the postings together mean for the order; `None` while one is open, or when they mean
/// nothing new.
fn decided(state: OrderState, postings: &[Posting]) -> Option<OrderEvent> {
    let count = |wanted: &dyn Fn(PostingState) -> bool| {
        postings.iter().filter(|posting| wanted(posting.state)).count()
    };
    let open = count(&PostingState::is_open);
    let (booked, all) = (count(&PostingState::is_booked), postings.len());
    let agency_refunded = count(&|state| state == PostingState::AgencyRefunded);
    match state {
        _ if open > 0 => None,
        OrderState::Paid | OrderState::Suspended => Some(match booked {
            // Every bill has its refund already.
            0 => OrderEvent::RefundStarted,
            _ if booked == all => OrderEvent::AllPosted,
            _ => OrderEvent::SomePosted,
        }),
        OrderState::Success | OrderState::SuccessPartial if booked == 0 => {
            Some(OrderEvent::AgencyReversed)
        }
        OrderState::Success | OrderState::SuccessPartial if agency_refunded == booked => {
            Some(OrderEvent::AgencyGaveBack)
        }
        OrderState::Success if booked < all => Some(OrderEvent::BillTakenBack),
        _ => None,
    }
}

/// Objections that pass by themselves: nothing was done, the same posting works later.
const fn waits(objection: Objection) -> bool {
    objection.is_temporary() || matches!(objection, Objection::BillLocked)
}

fn postpone(error: &AgencyError) -> Outcome {
    match error {
        AgencyError::Objection(objection) if objection.is_temporary() => {
            Outcome::Wait { after: TEMPORARY_WAIT, why: error.to_string() }
        }
        AgencyError::Objection(_)
        | AgencyError::NotSent
        | AgencyError::Unknown(_)
        | AgencyError::Misconfigured(_) => Outcome::Again { why: error.to_string() },
    }
}
