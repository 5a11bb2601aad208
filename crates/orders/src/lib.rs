//! The life of an order: from frozen bills to the agency's booking.
//!
//! Players: a citizen places an order and starts a payment; a platform vouches for money; an agency
//! books bills; workers run jobs. Promised: every fen that a platform vouches for is posted or on a
//! list that a person looks at (a case); it is never lost, never doubled, never silently stuck.
//!
//! How: one pure table decides states ([`OrderState::next`]); every arriving fact, pushed or
//! queried, goes through one act ([`Orders::record_payment`]); an act is one transaction that locks
//! the order's row first; no network inside a transaction; what must follow is a job in the same
//! transaction; unique indexes are the last judges.
//!
//! Deliberately absent: HTTP, sessions, repository traits (SeaORM is the abstraction, SQLite in
//! memory the fast test database), and any setter of a state.

mod audit;
mod bill;
mod case;
mod counter;
mod directory;
mod dispute;
mod document;
mod ended;
mod error;
mod inquiry;
mod job;
mod journal;
mod notification;
mod order;
mod payment;
mod posting;
mod preview;
mod record;
mod refund;
mod retention;
mod state;
mod stray;
mod union;
mod voucher;

use std::{sync::Arc, time::Duration};

use kernel::{Channel, Clock, Entropy, Fen, MerchantKey};
use people::{FieldCipher, People};
use policies::Catalogue;
use sea_orm::DatabaseConnection;
use tokio::sync::watch;

pub use crate::{
    audit::Audit,
    bill::BillKey,
    case::{Case, CaseClosing, CaseError, CaseKind, CaseOutcome, ClosedCase},
    counter::Counter,
    directory::{Directory, Entries, RenewalError},
    dispute::{Dispute, DisputeAnswer, DisputeError, DisputeOutcome, DisputeReason, DisputeState},
    document::{Missing, OrderDocuments, StoredDocument},
    ended::{Returned, Since},
    error::{ChangedBill, OrderError},
    job::{Job, JobCount, JobKind, Lane},
    journal::JournalLine,
    notification::RawNotification,
    order::{
        BillRefSeen, ChosenBill, Confirmation, FrozenBill, Order, OrderLimits, Part, PlaceOrder,
        Placed, TooMany, split,
    },
    payment::{Payment, PaymentState, Recorded, Refusal, StartedPayment},
    posting::{Posting, PostingState, TakeBack},
    preview::{preview, usual_kind},
    record::{OrderFilter, OrderPage, OrderRecord},
    refund::{Refund, RefundCause, RefundState, Retried},
    retention::{Forgettable, Hindrance},
    state::{OrderEvent, OrderState, Refused},
    voucher::{Issued, IssuedVoucher, Proof, VoucherContent, VoucherLine, VoucherSerial},
};

use crate::posting::Silences;

/// Limits and addresses that orders live by.
#[derive(Clone, Debug)]
pub struct OrderRules {
    /// Where the platforms reach us: `https://host`, no trailing slash.
    pub public_url: String,
    /// Two capitals before every number that goes to a channel; one pair per deployment.
    pub number_prefix: [u8; 2],
    /// From placing to closing. Not below 15 minutes, 30 for elder mode (domain: 适老化).
    pub time_to_pay: Duration,
    /// How much longer the agency keeps the bills than the citizen may pay.
    pub lock_longer: Duration,
    /// How long after it was sent an agency may still act on a posting. Until then a refusal that
    /// follows a doubt is not believed. Agencies refuse requests that are older than 300 seconds
    /// (docs/agency-protocol.md), and clocks differ a little.
    pub posting_under_way: Duration,
    pub bills_max: usize,
    /// A year at the top tier with medical is about 60,000 to 90,000 yuan.
    pub amount_max: Fen,
    /// What a channel takes at once, where that is less.
    pub wechat_max: Option<Fen>,
    pub alipay_max: Option<Fen>,
    pub limits: OrderLimits,
}

impl OrderRules {
    pub fn new(public_url: impl Into<String>, number_prefix: [u8; 2]) -> OrderRules {
        const AMOUNT_MAX: Fen =
            Fen::new(20_000_000).expect("two hundred thousand yuan is an amount");
        OrderRules {
            public_url: public_url.into(),
            number_prefix,
            time_to_pay: order::TIME_TO_PAY,
            lock_longer: Duration::from_secs(10 * 60),
            posting_under_way: Duration::from_secs(330),
            bills_max: 50,
            amount_max: AMOUNT_MAX,
            wechat_max: None,
            alipay_max: None,
            limits: OrderLimits::default(),
        }
    }

    /// The most that one order may be on a channel.
    pub fn amount_max_on(&self, channel: Channel) -> Fen {
        let channel_max = match channel {
            Channel::Wechat => self.wechat_max,
            Channel::Alipay => self.alipay_max,
        };
        channel_max.map_or(self.amount_max, |max| max.min(self.amount_max))
    }

    /// The address at which a channel tells us about `subject`: one per merchant account.
    pub fn callback_url(&self, channel: Channel, merchant: &MerchantKey, subject: &str) -> String {
        format!(
            "{}/callbacks/{channel}/{merchant}/{subject}",
            self.public_url.trim_end_matches('/')
        )
    }
}

/// The acts on orders. Cheap to clone; every process may have as many as it likes.
#[derive(Clone, Debug)]
pub struct Orders {
    db: DatabaseConnection,
    people: People,
    cipher: FieldCipher,
    catalogue: Arc<Catalogue>,
    directory: Directory,
    rules: Arc<OrderRules>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    wake: Arc<watch::Sender<u64>>,
    silences: Silences,
}

/// What [`Orders`] is built from.
#[derive(Debug)]
pub struct OrderParts {
    pub db: DatabaseConnection,
    pub people: People,
    pub cipher: FieldCipher,
    pub catalogue: Arc<Catalogue>,
    pub directory: Directory,
    pub rules: OrderRules,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

impl Orders {
    pub fn new(parts: OrderParts) -> Orders {
        Orders {
            db: parts.db,
            people: parts.people,
            cipher: parts.cipher,
            catalogue: parts.catalogue,
            directory: parts.directory,
            rules: Arc::new(parts.rules),
            clock: parts.clock,
            entropy: parts.entropy,
            wake: Arc::new(watch::Sender::new(0)),
            silences: Silences::default(),
        }
    }

    /// The most that one order may be on a channel.
    pub fn amount_max_on(&self, channel: Channel) -> Fen {
        self.rules.amount_max_on(channel)
    }

    /// Where people and platforms reach us: `https://host`, no slash at the end.
    pub fn public_url(&self) -> &str {
        self.rules.public_url.trim_end_matches('/')
    }

    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Changes when this process has put a job that is due at once; a worker need not wait for its next
    /// look then.
    pub fn jobs_put(&self) -> watch::Receiver<u64> {
        self.wake.subscribe()
    }

    /// Tells this process's workers that a job is due.
    pub(crate) fn wake_workers(&self) {
        self.wake.send_modify(|count| *count = count.wrapping_add(1));
    }
}
