//! Watching what is posted: an agency may undo a booking (冲正), or pay the person back by its own
//! procedure (社保退费), and tells nobody. So it is asked now and then for a month, the time within which
//! people are told to object (domain §1.8).

use std::time::Duration;

use agency::{AgencyError, AgencyRefundState, PostingStanding};
use kernel::{PostingId, Timestamp};

use super::{
    PostingState, not_known_yet,
    table::{self},
};
use crate::{
    OrderError, Orders,
    case::CaseKind,
    error::read,
    job::{Job, Outcome},
    journal,
    order::table as order_table,
};

/// Days after the booking on which the agency is asked.
const LOOKS: [u64; 5] = [1, 3, 7, 15, 31];
const DAY: u64 = 24 * 3_600;
pub(super) const FIRST_LOOK_AFTER: Duration = Duration::from_secs(LOOKS[0] * DAY);
/// Until the agency finds its booking again, or a person has settled it.
pub(crate) const ASK_AGAIN_AFTER: Duration = Duration::from_secs(DAY);
/// While a person has the booking undone.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(6 * 3_600);

impl Orders {
    /// One look at a posted bill.
    pub(crate) async fn watch_posting(&self, job: &Job) -> Result<Outcome, OrderError> {
        let id: PostingId = read("jobs", "subject", job.id, &job.subject)?;
        let posting = table::find(&self.db, id).await?;
        let posted = match (posting.state, &posting.posted) {
            (PostingState::Posted, Some(posted)) => posted,
            (PostingState::TakingBack, _) => return Ok(later("being taken back")),
            _ => return Ok(Outcome::Done),
        };
        if let Some(rest) = self.left_in_peace(&posting) {
            return Ok(rest);
        }
        let order = order_table::find(&self.db, posting.order).await?;
        let agency = self.directory.agency(&posting.agency)?;
        let asked = agency.query_posting(&posting.agency, &order.order_no, &posting.bill_no);
        match self.heard(&posting.agency, asked).await {
            Ok(PostingStanding::Posted(_)) => {}
            Ok(PostingStanding::Reversed) => return self.record_taken_back(id).await,
            // Not even undone: no money moves on such a word, a person asks.
            Ok(PostingStanding::NotPosted) => {
                let now = self.clock.now();
                let (txn, order, posting) = self.posting_under_lock(id).await?;
                let kind = CaseKind::PostingVanished;
                self.open_posting_case(&txn, &order, &posting, kind, "not_posted", now).await?;
                txn.commit().await?;
                let why = "the agency says that it never booked it".to_owned();
                return Ok(Outcome::Wait { after: ASK_AGAIN_AFTER, why });
            }
            Ok(PostingStanding::Unknown) => return Ok(not_known_yet()),
            Err(error) => return Ok(unanswered(&error)),
        }
        let asked = agency.query_refund(&posting.agency, &posted.agency_serial);
        match self.heard(&posting.agency, asked).await {
            Ok(refund) if refund.state == AgencyRefundState::Refunded => {
                self.record_agency_refund(id).await?;
                return Ok(Outcome::Done);
            }
            // An agency without this question has nothing to tell.
            Ok(_) | Err(AgencyError::Misconfigured(_) | AgencyError::Objection(_)) => {}
            Err(error) => return Ok(unanswered(&error)),
        }
        Ok(match next_look(posted.posted_at, self.clock.now()) {
            Some(after) => Outcome::Wait { after, why: "posted, as it was".to_owned() },
            None => Outcome::Done,
        })
    }

    /// The person has the money from the agency; nothing goes through the channel.
    async fn record_agency_refund(&self, id: PostingId) -> Result<(), OrderError> {
        let now = self.clock.now();
        let (txn, mut order, posting) = self.posting_under_lock(id).await?;
        if posting.state == PostingState::Posted {
            table::set_state(&txn, id, PostingState::AgencyRefunded, now).await?;
            journal::note(&txn, &order, "agency_refunded", None, now).await?;
            self.decide(&txn, &mut order, now).await?;
            txn.commit().await?;
        }
        Ok(())
    }
}

/// The job's ladder says when to look again; after a week of silence a person hears of it.
fn unanswered(error: &AgencyError) -> Outcome {
    Outcome::Again { why: error.to_string() }
}

fn later(why: &str) -> Outcome {
    Outcome::Wait { after: LOOK_AGAIN_AFTER, why: why.to_owned() }
}

/// How long until the next look, `None` after the last.
fn next_look(posted_at: Timestamp, now: Timestamp) -> Option<Duration> {
    let age = now.since(posted_at);
    LOOKS
        .into_iter()
        .map(|day| Duration::from_secs(day * DAY))
        .find(|look| *look > age)
        .map(|look| look - age)
}
