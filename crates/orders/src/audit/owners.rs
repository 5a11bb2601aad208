//! Whose turn it is: whatever is not final has a job of its own that will wake up soon enough, or an
//! open case about this very thing. Somebody who looks at something else of the order does not count.

use std::time::Duration;

use kernel::Timestamp;
use uuid::Uuid;

use super::{
    judge::Breach,
    rows::{Book, JobRow, PaymentRow},
};
use crate::{JobKind, OrderState};

/// A job that sleeps longer than this is nobody's owner. The longest waits of the ladders are an hour
/// and a fifth.
const SLEEP_MAX: Duration = Duration::from_secs(2 * 3_600);

/// Doubts that keep an order which was never paid from being paid.
const MISFITS: [&str; 6] = [
    "wrong_amount",
    "wrong_currency",
    "wrong_merchant",
    "wrong_app",
    "transaction_reused",
    "paid_and_returned",
];

/// Whether a case is open about the money of a payment that could not be promised back.
pub(super) fn case_about_payment(book: &Book, payment: &PaymentRow) -> bool {
    has_case(book, &["refund_unfinished"], &payment.id.to_string())
}

fn has_case(book: &Book, kinds: &[&str], about: &str) -> bool {
    book.cases
        .iter()
        .any(|case| kinds.contains(&case.kind.as_str()) && case.subject.contains(about))
}

fn wakes_up(book: &Book, kind: JobKind, subject: Uuid, latest: Timestamp) -> bool {
    let subject = subject.to_string();
    book.jobs.iter().any(|job| {
        job.kind == kind.code()
            && job.subject == subject
            && job.state == "ready"
            && job.run_at_ms <= latest.as_millis()
    })
}

pub(super) fn check(book: &Book, breaches: &mut Vec<Breach>) {
    let soon = book.now.plus(SLEEP_MAX);
    let order = &book.order;
    let state = order.state.parse::<OrderState>().ok();
    if matches!(state, Some(OrderState::Created | OrderState::Paying)) {
        let latest = soon.max(Timestamp::from_millis(order.expires_at_ms).plus(SLEEP_MAX));
        let owned = wakes_up(book, JobKind::ExpireOrder, order.id, latest)
            || has_case(book, &["job_parked"], &order.id.to_string());
        if !owned {
            breaches
                .push(("an order that can be paid has nobody who ends it", order.order_no.clone()));
        }
    }
    let never_paid = !book.payments.iter().any(|payment| payment.state == "paid");
    if state == Some(OrderState::Suspended)
        && never_paid
        && !book.cases.iter().any(|case| MISFITS.contains(&case.kind.as_str()))
    {
        breaches.push(("an order that somebody stopped has no open case", order.order_no.clone()));
    }
    for payment in &book.payments {
        let asked_about = matches!(payment.state.as_str(), "prepared" | "open" | "given_up");
        let owned = || {
            wakes_up(book, JobKind::AskChannel, payment.id, soon)
                || has_case(book, &["job_parked"], &payment.id.to_string())
        };
        if asked_about && !owned() {
            breaches.push((
                "an attempt that may yet be paid has neither a waiting question nor an open case",
                payment.out_trade_no.clone(),
            ));
        }
    }
    for posting in book.postings.iter().filter(|posting| posting.is_open()) {
        let kind = if posting.state == "pending" { JobKind::PostBill } else { JobKind::TakeBack };
        let cases = ["posting_unresolved", "job_parked"];
        let owned = wakes_up(book, kind, posting.id, soon)
            || has_case(book, &cases, &posting.id.to_string());
        if !owned {
            breaches.push((
                "a posting that is not decided has neither a waiting job nor an open case",
                format!("{} {}", order.order_no, posting.bill_no),
            ));
        }
    }
    for refund in &book.refunds {
        let done = refund.is_back() || refund.state == "replaced";
        let waits = matches!(refund.state.as_str(), "requested" | "processing");
        let owned = (waits && wakes_up(book, JobKind::Refund, refund.id, soon))
            || has_case(book, &["refund_unfinished"], &refund.id.to_string());
        if !done && !owned {
            breaches.push((
                "a refund that is not done has neither a waiting job nor an open case",
                refund.out_refund_no.clone(),
            ));
        }
    }
    for job in &book.jobs {
        judge_job(book, job, breaches);
    }
}

fn judge_job(book: &Book, job: &JobRow, breaches: &mut Vec<Breach>) {
    let name = || format!("{} {}", job.kind, job.subject);
    let Some(kind) = JobKind::ALL.into_iter().find(|kind| kind.code() == job.kind) else {
        return breaches.push(("a job of a kind that this version does not know", name()));
    };
    let of = |id: Uuid| id.to_string() == job.subject;
    let there = match kind {
        JobKind::AskChannel => book.payments.iter().any(|payment| of(payment.id)),
        JobKind::ExpireOrder => of(book.order.id),
        JobKind::Refund => book.refunds.iter().any(|refund| of(refund.id)),
        JobKind::PostBill | JobKind::TakeBack | JobKind::WatchPosting => {
            book.postings.iter().any(|posting| of(posting.id))
        }
    };
    if !there {
        breaches.push(("a job is about nothing of its order", name()));
    }
    match job.state.as_str() {
        "ready" => {}
        "parked" => {
            let subject = format!("{}:{}", job.kind, job.subject);
            if !book.cases.iter().any(|case| case.subject.ends_with(&subject)) {
                breaches.push(("a parked job has no open case", name()));
            }
        }
        _ => breaches.push(("a state that nobody knows", name())),
    }
}
