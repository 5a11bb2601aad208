//! Taking a posting back (冲正): a person wants the money of a bill returned to the payer.
//!
//! Three things are never mixed (domain §1.8): what nobody paid is closed; money that the agency does
//! not have goes back through the channel; what the agency has, only the agency gives up. So the
//! agency is asked first. A booking that it undoes, and a bill that it certainly never booked, are
//! refunded; where it does not undo (its day is over), the bill stays posted and a case tells the
//! person to help with the agency's own procedure (社保退费).

use agency::{AgencyError, PostingStanding};
use kernel::{AgencyCode, BillNo, Fen, OrderNo, PostingId, Timestamp};
use migrations::begin_write;
use sea_orm::DatabaseTransaction;
use serde_json::json;

use super::{
    Posting, PostingState, moved, not_known_yet, postpone,
    table::{self},
};
use crate::{
    OrderError, Orders,
    case::{self, CaseKind, Doubt},
    error::read,
    job::{self, Job, JobKind, Outcome},
    journal::{self, account},
    order::table::{self as order_table, Order},
    payment::table as payment_table,
    refund::{Giving, RefundCause},
};

/// What a person wants to go back to the payer.
#[derive(Clone, Debug)]
pub struct TakeBack {
    pub order_no: OrderNo,
    /// One bill, or all that are posted or wait for it.
    pub bill_no: Option<BillNo>,
    /// Whose bill; needed where two agencies of the order number alike.
    pub agency: Option<AgencyCode>,
    /// What could go back when the person decided. When it is not so any more, nothing is done.
    pub refundable_seen: Fen,
    /// 1 to 100 characters for the agency. Must not name anybody.
    pub reason: String,
}

impl TakeBack {
    /// The postings that are meant.
    fn chosen(&self, postings: Vec<Posting>) -> Result<Vec<Posting>, OrderError> {
        let meant = |posting: &Posting| {
            self.bill_no.as_ref().is_none_or(|bill_no| *bill_no == posting.bill_no)
                && self.agency.as_ref().is_none_or(|agency| *agency == posting.agency)
        };
        let chosen: Vec<Posting> = postings.into_iter().filter(meant).collect();
        if self.bill_no.is_some() && chosen.len() > 1 {
            return Err(OrderError::WhichAgency);
        }
        Ok(chosen)
    }
}

impl Orders {
    /// Begins to take bills back; jobs do the rest. Answers what can still go back after this.
    ///
    /// # Errors
    /// [`OrderError::RefundableChanged`] when the balance is not the one that was seen: somebody else
    /// was faster, or this very wish was granted before and its answer got lost.
    /// [`OrderError::NothingToTakeBack`] when no such bill is posted or waits for it,
    /// [`OrderError::WhichAgency`] when a number alone does not say which bill is meant.
    pub async fn take_back(&self, wish: &TakeBack) -> Result<Fen, OrderError> {
        if !(1..=100).contains(&wish.reason.trim().chars().count()) {
            return Err(OrderError::Reason);
        }
        let now = self.clock.now();
        let id = order_table::find_by_number(&self.db, &wish.order_no).await?.id;
        let txn = begin_write(&self.db).await?;
        let order = order_table::lock(&txn, id).await?;
        let chosen = wish.chosen(table::of_order(&txn, order.id).await?)?;
        let given_back =
            |state| matches!(state, PostingState::TakingBack | PostingState::TakenBack);
        if !chosen.iter().any(|p| p.can_be_taken_back() || given_back(p.state)) {
            return Err(OrderError::NothingToTakeBack);
        }
        let refundable = refundable(&txn, &order).await?;
        if refundable != wish.refundable_seen {
            return Err(OrderError::RefundableChanged { refundable });
        }
        let mut left = refundable;
        let mut begun = false;
        for posting in chosen {
            if !posting.can_be_taken_back() {
                continue;
            }
            // After a posting that may be under way, the agency's word is final.
            let run_at = match posting.state {
                PostingState::Pending => now.plus(self.rules.posting_under_way),
                _ => now,
            };
            left = left.minus(posting.amount).unwrap_or(Fen::ZERO);
            begun = true;
            table::set_taking_back(&txn, posting.id, wish.reason.trim(), now).await?;
            journal::note(&txn, &order, "taking_back", None, now).await?;
            let (kind, times) = (JobKind::TakeBack, (run_at, now));
            job::put_again(&txn, kind, order.id, posting.id, times, &*self.entropy).await?;
        }
        if !begun {
            return Err(OrderError::NothingToTakeBack);
        }
        txn.commit().await?;
        self.wake_workers();
        Ok(left)
    }

    /// Gives back the money of one bill of which the agency says, now and to the operator, that it never
    /// booked it although it once told so. Answers what can still go back after this.
    ///
    /// # Errors
    /// Those of [`Self::take_back`]; [`OrderError::StillBooked`] when the agency has the booking after
    /// all; the agency's error when it does not say.
    pub async fn return_unbooked(&self, wish: &TakeBack) -> Result<Fen, OrderError> {
        let order = order_table::find_by_number(&self.db, &wish.order_no).await?;
        let refundable = self.refundable(&wish.order_no).await?;
        if refundable != wish.refundable_seen {
            return Err(OrderError::RefundableChanged { refundable });
        }
        let mut left = refundable;
        let postings = wish.chosen(table::of_order(&self.db, order.id).await?)?;
        let mut postings = postings.iter().filter(|p| p.state == PostingState::Posted).peekable();
        if postings.peek().is_none() {
            return Err(OrderError::NothingToTakeBack);
        }
        for posting in postings {
            let agency = self.directory.agency(&posting.agency)?;
            let asked = agency.query_posting(&posting.agency, &order.order_no, &posting.bill_no);
            match self.heard(&posting.agency, asked).await? {
                PostingStanding::NotPosted | PostingStanding::Reversed => {}
                PostingStanding::Posted(_) => return Err(OrderError::StillBooked),
                PostingStanding::Unknown => {
                    return Err(AgencyError::Unknown("it does not know".into()).into());
                }
            }
            self.record_taken_back(posting.id).await?;
            left = left.minus(posting.amount).unwrap_or(Fen::ZERO);
        }
        Ok(left)
    }

    /// How much of what was paid for an order can still go back: neither promised back nor on its way.
    ///
    /// # Errors
    /// [`OrderError::NotFound`].
    pub async fn refundable(&self, order_no: &OrderNo) -> Result<Fen, OrderError> {
        let order = order_table::find_by_number(&self.db, order_no).await?;
        let txn = begin_write(&self.db).await?;
        let order = order_table::lock(&txn, order.id).await?;
        let refundable = refundable(&txn, &order).await?;
        txn.rollback().await?;
        Ok(refundable)
    }

    /// One try: ask the agency what it has, let it undo that, and give the money back.
    pub(crate) async fn take_posting_back(&self, job: &Job) -> Result<Outcome, OrderError> {
        let outcome = self.try_to_take_back(job).await?;
        self.tell_of_waiting(job, outcome).await
    }

    async fn try_to_take_back(&self, job: &Job) -> Result<Outcome, OrderError> {
        let id: PostingId = read("jobs", "subject", job.id, &job.subject)?;
        let posting = table::find(&self.db, id).await?;
        if posting.state != PostingState::TakingBack {
            return Ok(Outcome::Done);
        }
        if let Some(rest) = self.left_in_peace(&posting) {
            return Ok(rest);
        }
        let order = order_table::find(&self.db, posting.order).await?;
        let agency = self.directory.agency(&posting.agency)?;
        let asked = agency.query_posting(&posting.agency, &order.order_no, &posting.bill_no);
        let standing = self.heard(&posting.agency, asked).await;
        let posted = match standing {
            Ok(PostingStanding::Posted(posted)) => posted,
            Ok(PostingStanding::Reversed) => return self.record_taken_back(id).await,
            Ok(PostingStanding::NotPosted) if posting.posted.is_none() => {
                return self.record_taken_back(id).await;
            }
            // It was booked and is said never to have been: no reason to hand money out.
            Ok(PostingStanding::NotPosted) => {
                return self.keep_posted(id, CaseKind::PostingVanished, "not_posted").await;
            }
            Ok(PostingStanding::Unknown) => return Ok(not_known_yet()),
            Err(error) => return Ok(postpone(&error)),
        };
        if posting.posted.is_none() {
            let now = self.clock.now();
            let (txn, order, posting) = self.posting_under_lock(id).await?;
            if posting.state != PostingState::TakingBack {
                return Ok(Outcome::Done);
            }
            if posting.posted.is_none() {
                self.book(&txn, &order, &posting, &posted, now).await?;
                txn.commit().await?;
            }
        }
        if !posting.kind.is_premium() {
            return self.keep_posted(id, CaseKind::ReversalRefused, "topup_booked").await;
        }
        let reason = posting.take_back_reason.as_deref().unwrap_or("退款");
        let undone = agency.reverse(&posting.agency, &posted.agency_serial, reason);
        match self.heard(&posting.agency, undone).await {
            Ok(()) => self.record_taken_back(id).await,
            Err(AgencyError::Objection(objection)) if !objection.is_temporary() => {
                self.keep_posted(id, CaseKind::ReversalRefused, objection.code()).await
            }
            Err(error) => Ok(postpone(&error)),
        }
    }

    /// The agency does not have the money (any more): it goes back through the channel.
    pub(crate) async fn record_taken_back(&self, id: PostingId) -> Result<Outcome, OrderError> {
        let now = self.clock.now();
        let (txn, mut order, posting) = self.posting_under_lock(id).await?;
        if !matches!(posting.state, PostingState::TakingBack | PostingState::Posted) {
            return Ok(Outcome::Done);
        }
        table::set_state(&txn, id, PostingState::TakenBack, now).await?;
        let booked = account::booked(posting.kind, &posting.agency);
        let entry = posting.posted.as_ref().map(|_| moved(&posting, booked, account::in_transit()));
        journal::note(&txn, &order, "bill_taken_back", entry, now).await?;
        let payment = payment_table::find(&txn, posting.payment).await?;
        let giving = Giving {
            payment: &payment,
            amount: posting.amount,
            cause: RefundCause::TakenBack,
            bill: Some(posting.bill()),
        };
        self.give_back(&txn, &order, giving, now).await?;
        self.decide(&txn, &mut order, now).await?;
        txn.commit().await?;
        self.wake_workers();
        Ok(Outcome::Done)
    }

    /// The bill stays with the agency; a person looks for another way.
    async fn keep_posted(
        &self,
        id: PostingId,
        kind: CaseKind,
        why: &str,
    ) -> Result<Outcome, OrderError> {
        let now = self.clock.now();
        let (txn, mut order, posting) = self.posting_under_lock(id).await?;
        if posting.state == PostingState::TakingBack {
            table::set_state(&txn, id, PostingState::Posted, now).await?;
            journal::note(&txn, &order, "bill_kept", None, now).await?;
            self.open_posting_case(&txn, &order, &posting, kind, why, now).await?;
            self.decide(&txn, &mut order, now).await?;
            txn.commit().await?;
        }
        Ok(Outcome::Done)
    }

    /// A doubt about a booking.
    pub(super) async fn open_posting_case(
        &self,
        txn: &DatabaseTransaction,
        order: &Order,
        posting: &Posting,
        kind: CaseKind,
        why: &str,
        now: Timestamp,
    ) -> Result<(), OrderError> {
        let doubt = Doubt {
            kind,
            subject: posting.id.to_string(),
            order: Some(order.id),
            account: None,
            amount: Some(posting.amount),
            evidence: json!({
                "order_no": order.order_no, "bill_no": posting.bill_no, "agency": posting.agency,
                "agency_serial": posting.posted.as_ref().map(|posted| &posted.agency_serial),
                "why": why,
            }),
        };
        case::open(txn, doubt, now, &*self.entropy).await.map(drop)
    }
}

/// The bills that can still be taken back: not decided otherwise, and with the agency only where it can
/// give them up. The caller holds the order's row.
async fn refundable(txn: &DatabaseTransaction, order: &Order) -> Result<Fen, OrderError> {
    let postings = table::of_order(txn, order.id).await?;
    let left = postings.iter().filter(|posting| posting.can_be_taken_back());
    Ok(Fen::sum(left.map(|posting| posting.amount)).unwrap_or(Fen::MAX))
}
