//! The judge: whether what is written down about one order is true. Pure; it derives everything that
//! can be derived and compares.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::{
    owners,
    rows::{Book, PaymentRow, PostingRow, RefundRow},
};
use crate::{OrderEvent, OrderState};

/// Something that is not as it was promised: which promise, and what breaks it.
pub(super) type Breach = (&'static str, String);

/// The sums of one order, or of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    pub receipts: i64,
    pub returned: i64,
    pub posted: i64,
    pub waiting: i64,
    pub promised: i64,
}

impl Figures {
    pub(super) fn add(&mut self, more: Figures) {
        self.receipts += more.receipts;
        self.returned += more.returned;
        self.posted += more.posted;
        self.waiting += more.waiting;
        self.promised += more.promised;
    }
}

const PAYMENT_STATES: [&str; 6] = ["prepared", "open", "paid", "closed", "refused", "given_up"];
const POSTING_STATES: [&str; 6] =
    ["pending", "posted", "refused", "taking_back", "taken_back", "agency_refunded"];
const REFUND_STATES: [&str; 6] =
    ["requested", "processing", "succeeded", "failed", "replaced", "returned_by_hand"];

/// What the journal notes beside the events of the state table.
const NOTES: [&str; 13] = [
    "placed",
    "bill_posted",
    "bill_refused",
    "bill_kept",
    "bill_taken_back",
    "taking_back",
    "agency_refunded",
    "refund_planned",
    "refund_replaced",
    "refund_retried",
    "refunded",
    "refund_returned_by_hand",
    "voucher_issued",
];

impl PostingRow {
    /// The agency has it: also while it is asked to give it up.
    pub(super) fn is_booked(&self) -> bool {
        matches!(self.state.as_str(), "posted" | "agency_refunded")
            || (self.state == "taking_back" && self.agency_serial.is_some())
    }

    fn is_over(&self) -> bool {
        matches!(self.state.as_str(), "refused" | "taken_back")
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.state.as_str(), "pending" | "taking_back")
    }

    fn names(&self, refund: &RefundRow) -> bool {
        refund.payment_id == self.payment_id
            && refund.agency_code.as_deref() == Some(self.agency_code.as_str())
            && refund.bill_no.as_deref() == Some(self.bill_no.as_str())
    }
}

impl RefundRow {
    /// One that was replaced promises nothing any more.
    fn counts(&self) -> bool {
        self.state != "replaced"
    }

    pub(super) fn is_back(&self) -> bool {
        matches!(self.state.as_str(), "succeeded" | "returned_by_hand")
    }
}

impl Book {
    fn paid(&self) -> impl Iterator<Item = &PaymentRow> {
        self.payments.iter().filter(|payment| payment.state == "paid")
    }

    fn is_surplus(&self, payment: &PaymentRow) -> bool {
        self.refunds.iter().any(|r| r.payment_id == payment.id && r.cause == "surplus")
    }

    /// What one paid payment became.
    fn figures_of(&self, payment: &PaymentRow) -> Figures {
        let postings: Vec<&PostingRow> =
            self.postings.iter().filter(|posting| posting.payment_id == payment.id).collect();
        let refunds: Vec<&RefundRow> = self
            .refunds
            .iter()
            .filter(|refund| refund.payment_id == payment.id && refund.counts())
            .collect();
        let posted = sum(postings.iter().filter(|p| p.is_booked()).map(|p| p.amount_fen));
        let returned = sum(refunds.iter().filter(|r| r.is_back()).map(|r| r.amount_fen));
        let promised = sum(refunds.iter().filter(|r| !r.is_back()).map(|r| r.amount_fen));
        let undecided = |posting: &&&PostingRow| {
            !posting.is_booked()
                && (posting.is_open() || !refunds.iter().any(|refund| posting.names(refund)))
        };
        let mut waiting = sum(postings.iter().filter(undecided).map(|p| p.amount_fen));
        if postings.is_empty() && refunds.is_empty() {
            waiting += payment.amount_fen;
        }
        Figures { receipts: payment.amount_fen, returned, posted, waiting, promised }
    }
}

fn sum(parts: impl Iterator<Item = i64>) -> i64 {
    parts.sum()
}

/// The figures of an order, and all that is wrong about it.
pub(super) fn judge(book: &Book) -> (Figures, Vec<Breach>) {
    let mut breaches = Vec::new();
    let mut figures = Figures::default();
    for payment in book.paid() {
        let of_payment = book.figures_of(payment);
        figures.add(of_payment);
        money_of(book, payment, of_payment, &mut breaches);
    }
    amounts(book, &mut breaches);
    words(book, &mut breaches);
    bookings(book, &mut breaches);
    refunds(book, &mut breaches);
    claims(book, &mut breaches);
    journal(book, &mut breaches);
    accounts(book, &mut breaches);
    state(book, &mut breaches);
    owners::check(book, &mut breaches);
    (figures, breaches)
}

/// Every fen of a payment is posted, returned, promised back or waits for somebody.
fn money_of(book: &Book, payment: &PaymentRow, found: Figures, breaches: &mut Vec<Breach>) {
    let Figures { receipts, returned, posted, waiting, promised } = found;
    let name = || payment.out_trade_no.clone();
    let is_told = || owners::case_about_payment(book, payment);
    if receipts - returned != posted + waiting + promised && !is_told() {
        breaches
            .push(("a paid payment is not accounted for to the fen, and no case says why", name()));
    }
    if returned + promised > receipts {
        breaches.push(("more is promised back than a payment brought", name()));
    }
    let open = sum(book
        .postings
        .iter()
        .filter(|posting| posting.payment_id == payment.id && posting.is_open())
        .filter(|posting| !posting.is_booked())
        .map(|posting| posting.amount_fen));
    if waiting != open && !is_told() {
        breaches.push((
            "money waits for nobody: it is not posted, not promised back, and no case says why",
            name(),
        ));
    }
    if payment.transaction_id.is_none() || payment.paid_at_ms.is_none() {
        breaches.push(("a paid payment has no transaction or no time", name()));
    }
}

/// An order is the sum of its bills, a payment is for its order, a posting is for a bill of it.
fn amounts(book: &Book, breaches: &mut Vec<Breach>) {
    let order = &book.order;
    if sum(book.bills.iter().map(|bill| bill.amount_fen)) != order.amount_fen {
        breaches.push(("an order is not the sum of its bills", order.order_no.clone()));
    }
    for payment in &book.payments {
        if payment.amount_fen != order.amount_fen {
            breaches
                .push(("a payment is not for its order's amount", payment.out_trade_no.clone()));
        }
    }
    for posting in &book.postings {
        let bill = book.bills.iter().find(|bill| {
            bill.agency_code == posting.agency_code && bill.bill_no == posting.bill_no
        });
        let fits = bill
            .is_some_and(|bill| bill.amount_fen == posting.amount_fen && bill.kind == posting.kind);
        if !fits || !book.paid().any(|payment| payment.id == posting.payment_id) {
            breaches.push((
                "a posting is not of a bill of its order, or not of money that came",
                format!("{} {}", order.order_no, posting.bill_no),
            ));
        }
    }
    let whole = book.postings.is_empty() || book.postings.len() == book.bills.len();
    let one = book.postings.windows(2).all(|pair| pair[0].payment_id == pair[1].payment_id);
    if !whole || !one {
        breaches.push(("an order is posted in part, or by two payments", order.order_no.clone()));
    }
}

/// States are words that somebody acts on.
fn words(book: &Book, breaches: &mut Vec<Breach>) {
    let payments = book.payments.iter().map(|row| (&row.state, &PAYMENT_STATES, &row.out_trade_no));
    let postings = book.postings.iter().map(|row| (&row.state, &POSTING_STATES, &row.bill_no));
    let refunds = book.refunds.iter().map(|row| (&row.state, &REFUND_STATES, &row.out_refund_no));
    for (state, known, name) in payments.chain(postings).chain(refunds) {
        if !known.contains(&state.as_str()) {
            breaches.push(("a state that nobody knows", format!("{name} {state}")));
        }
    }
}

/// What is booked has the agency's word.
fn bookings(book: &Book, breaches: &mut Vec<Breach>) {
    for posting in &book.postings {
        let name = || format!("{} {}", posting.agency_code, posting.bill_no);
        let booked = matches!(posting.state.as_str(), "posted" | "agency_refunded");
        if booked && (posting.agency_serial.is_none() || posting.posted_at_ms.is_none()) {
            breaches.push(("a booking has no serial or no time of its agency", name()));
        }
        let promised = book.refunds.iter().any(|r| r.counts() && posting.names(r));
        if promised && !posting.is_over() {
            breaches
                .push(("a bill is posted, or may yet be, and its money is promised back", name()));
        }
    }
}

/// A refund is of a payment of its order, and of what was posted by it.
fn refunds(book: &Book, breaches: &mut Vec<Breach>) {
    for refund in book.refunds.iter().filter(|refund| refund.counts()) {
        let payment = book.paid().find(|payment| payment.id == refund.payment_id);
        let posting = book.postings.iter().find(|posting| posting.names(refund));
        let fits = match (payment, &refund.bill_no) {
            (None, _) => false,
            (Some(payment), None) => payment.amount_fen == refund.amount_fen,
            (Some(_), Some(_)) => posting.is_some_and(|p| p.amount_fen == refund.amount_fen),
        };
        if !fits {
            breaches.push((
                "a refund is not of money that came for its order",
                refund.out_refund_no.clone(),
            ));
        }
        if refund.state == "succeeded" && refund.refunded_at_ms.is_none() {
            breaches.push(("a refund that succeeded has no time", refund.out_refund_no.clone()));
        }
    }
}

/// While an order can be paid or waits for its agency, its bills are nobody else's.
fn claims(book: &Book, breaches: &mut Vec<Breach>) {
    let Ok(state) = book.order.state.parse::<OrderState>() else { return };
    let live = book.bills.iter().filter(|bill| bill.live).count();
    let claimed = live == book.bills.len() && live > 0;
    let fits = match state {
        OrderState::Created | OrderState::Paying | OrderState::Paid => claimed,
        // What stopped a closed order claims nothing again.
        OrderState::Suspended => claimed || (live == 0 && book.paid().next().is_none()),
        _ => live == 0,
    };
    if !fits {
        breaches.push(("an order claims bills against its state", book.order.order_no.clone()));
    }
}

/// The journal tells how the order came to be what it is, without a gap.
fn journal(book: &Book, breaches: &mut Vec<Breach>) {
    let name = || book.order.order_no.clone();
    let counted = book.journal.iter().zip(1..).all(|(line, number): (_, i32)| line.seq == number);
    if book.journal.is_empty() || !counted {
        breaches.push(("an order has no journal, or a gap in it", name()));
    }
    let created = OrderState::Created.code();
    let mut before = created;
    for line in &book.journal {
        if line.from_state != before {
            breaches.push(("the journal does not hang together", name()));
        }
        before = &line.to_state;
        let event = OrderEvent::ALL.into_iter().find(|event| event.code() == line.event);
        let from = line.from_state.parse::<OrderState>();
        let led = event.zip(from.ok()).and_then(|(event, from)| from.next(event).ok());
        let told = led.is_some_and(|to| to.code() == line.to_state)
            || (line.from_state == line.to_state && NOTES.contains(&line.event.as_str()));
        if !told {
            breaches.push(("the journal tells what cannot happen", name()));
        }
    }
    if before != book.order.state {
        breaches.push(("the journal ends in another state than the order", name()));
    }
}

/// What each account of the journal holds for each payment is what the rows say.
fn accounts(book: &Book, breaches: &mut Vec<Breach>) {
    let mut held: BTreeMap<(String, Option<Uuid>), i64> = BTreeMap::new();
    let mut wanted: BTreeMap<(String, Option<Uuid>), i64> = BTreeMap::new();
    let put = |book: &mut BTreeMap<_, i64>, account: &str, payment: Option<Uuid>, fen: i64| {
        *book.entry((account.to_owned(), payment)).or_default() += fen;
    };
    // Money that waits stands on one of two accounts, by what it waits for; together they hold it.
    let name = |account: &str| match account {
        "suspense" => "in_transit".to_owned(),
        other => other.to_owned(),
    };
    for line in &book.journal {
        let Some(fen) = line.amount_fen else { continue };
        if let Some(debit) = &line.debit {
            put(&mut held, &name(debit), line.payment_id, fen);
        }
        if let Some(credit) = &line.credit {
            put(&mut held, &name(credit), line.payment_id, -fen);
        }
    }
    for payment in book.paid() {
        let found = book.figures_of(payment);
        let of = Some(payment.id);
        let account = format!("{}:{}", payment.channel, payment.merchant_key);
        let by_hand = sum(book
            .refunds
            .iter()
            .filter(|r| r.payment_id == payment.id && r.state == "returned_by_hand")
            .map(|r| r.amount_fen));
        let channel = found.receipts - (found.returned - by_hand);
        put(&mut wanted, &format!("channel:{account}"), of, channel);
        put(&mut wanted, &format!("by_hand:{account}"), of, -by_hand);
        put(&mut wanted, "in_transit", of, -found.waiting);
        put(&mut wanted, "refund_payable", of, -found.promised);
    }
    for posting in book.postings.iter().filter(|posting| posting.is_booked()) {
        let heading = if posting.kind == "topup" { "topup" } else { "premium" };
        let account = format!("{heading}:{}", posting.agency_code);
        put(&mut wanted, &account, Some(posting.payment_id), -posting.amount_fen);
    }
    let keys: BTreeSet<_> = held.keys().chain(wanted.keys()).collect();
    for key in keys {
        let (holds, says) = (held.get(key).unwrap_or(&0), wanted.get(key).unwrap_or(&0));
        if holds != says {
            let (order, account) = (&book.order.order_no, &key.0);
            breaches.push((
                "an account of the journal does not hold what the rows say",
                format!("{order} {account} holds {holds} fen, the rows say {says}"),
            ));
        }
    }
}

/// The order's state follows from what became of its payments, postings and refunds.
fn state(book: &Book, breaches: &mut Vec<Breach>) {
    let name = || book.order.order_no.clone();
    let Ok(state) = book.order.state.parse::<OrderState>() else {
        breaches.push(("a state that nobody knows", format!("{} {}", name(), book.order.state)));
        return;
    };
    let paid = book.paid().next().is_some();
    let count = |wanted: &[&str]| {
        book.postings.iter().filter(|posting| wanted.contains(&posting.state.as_str())).count()
    };
    let all = book.postings.len();
    let (pending, taking, given) =
        (count(&["pending"]), count(&["taking_back"]), count(&["agency_refunded"]));
    let (posted, over) = (count(&["posted"]), count(&["refused", "taken_back"]));
    let settled = |payment: &PaymentRow| {
        let found = book.figures_of(payment);
        book.is_surplus(payment) || found.returned + found.posted == found.receipts
    };
    let back = paid && book.paid().all(settled);
    let undone = paid && posted + given + pending + taking == 0;
    let by_hand = || {
        let event = OrderEvent::ReturnedByHand.code();
        book.journal.iter().any(|line| line.event == event && line.from_state != line.to_state)
    };
    let fits = match state {
        OrderState::Created => book.payments.is_empty(),
        OrderState::Paying => !book.payments.is_empty() && !paid,
        OrderState::Closed => !paid,
        OrderState::Failed => !paid && !book.payments.is_empty(),
        OrderState::Paid => paid && pending + taking > 0,
        OrderState::Suspended => {
            if paid {
                pending + taking > 0
            } else {
                !book.payments.is_empty()
            }
        }
        // While more is being taken back, the order stays what it was.
        OrderState::Success => {
            paid && all > 0 && pending == 0 && given < all && (over == 0 || taking > 0)
        }
        OrderState::SuccessPartial => {
            paid && pending == 0 && over > 0 && posted + taking + given > 0
        }
        OrderState::AgencyRefunded => paid && given > 0 && posted + pending + taking == 0,
        OrderState::Refunding | OrderState::RefundFailed => undone && !back,
        OrderState::Refunded => (undone && back) || (!paid && by_hand()),
        // Left in the transaction that enters it.
        OrderState::Reversed => false,
    };
    if !fits {
        let told = if paid
            && matches!(
                state,
                OrderState::Created | OrderState::Paying | OrderState::Closed | OrderState::Failed
            ) {
            "an order says that nothing was taken, and a payment of it is paid"
        } else {
            "an order's state is not what became of its money"
        };
        breaches.push((told, format!("{} {state}", name())));
    }
}
