//! Sends notifications and repeats them by each platform's timetable.
//!
//! A delivery keeps its letter; every attempt is written and signed anew. One background task sends
//! what is due. Tests move the clock with [`PostOffice::advance`], which stops at every due moment
//! on the way, so that a whole day of repetitions takes milliseconds and each attempt still carries
//! its own time. A post office by hand sends nothing by itself and one attempt after the other, so
//! that whoever directs it decides the order of everything. Deliberately absent: persistence. A mock that stops forgets what it had to send.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use kernel::{Channel, Timestamp};
use reqwest::{Client, redirect};
use serde::Serialize;
use tokio::sync::{Notify, Semaphore, watch};
use utoipa::ToSchema;

use crate::{
    clocks::Clocks,
    control::Platform,
    faults::{Fault, FaultKind, Faults, Telling},
    letter::{Letter, Overrides, SignKind, SignedNotification},
    lock,
};

/// How many deliveries are remembered.
const DELIVERIES_MAX: usize = 10_000;
/// How much of an answer is read; more is cut.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// How long a notification waits for another one to overtake it.
const OVERTAKEN_FOR_AT_MOST: Duration = Duration::from_secs(86_400);
/// How many attempts run at once.
const ATTEMPTS_AT_ONCE: usize = 64;
/// The longest real time between two looks at a clock that somebody else may move.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// One sending of a notification.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Attempt {
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    #[serde(flatten)]
    pub sent: SignedNotification,
    /// HTTP status, absent when there was no answer.
    pub status: Option<u16>,
    /// The answer's body, at most 16 KiB.
    pub answer: String,
    /// Why there was no answer.
    pub error: Option<String>,
    /// Whether the platform counts it as received.
    pub accepted: bool,
    /// The fault that was ordered for this attempt.
    #[schema(value_type = Option<String>)]
    pub fault: Option<FaultKind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Waits for its next attempt.
    Waiting,
    Delivered,
    /// The timetable is used up.
    GivenUp,
    /// Lost by order.
    Lost,
}

/// One notification and everything that was tried with it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Delivery {
    pub id: String,
    #[schema(value_type = Platform)]
    pub platform: Channel,
    pub kind: &'static str,
    pub out_trade_no: String,
    pub state: DeliveryState,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_attempt_at: Option<Timestamp>,
    pub attempts: Vec<Attempt>,
}

struct Entry {
    letter: Arc<dyn Letter>,
    state: DeliveryState,
    due: Option<Timestamp>,
    /// Attempts of the timetable so far; resending by hand does not count.
    tries: usize,
    /// One more after acceptance, by order of a fault.
    once_more: bool,
    /// Already put off by a fault.
    delayed: bool,
    /// Waits until another notification of the same trade was sent.
    overtaken: bool,
    attempts: Vec<Attempt>,
}

#[derive(Default)]
struct Book {
    last: u64,
    entries: BTreeMap<u64, Entry>,
    agenda: BTreeSet<(Timestamp, u64)>,
    in_flight: usize,
}

impl Book {
    /// Makes what waits, and is meant, due at `at`, unless it is due earlier.
    fn bring_forward(&mut self, at: Timestamp, meant: impl Fn(u64, &Entry) -> bool) {
        for (id, entry) in &mut self.entries {
            if let Some(due) = entry.due.filter(|due| at < *due)
                && meant(*id, entry)
                && entry.letter.stands()
            {
                entry.due = Some(at);
                self.agenda.remove(&(due, *id));
                self.agenda.insert((at, *id));
            }
        }
    }
}

fn is_about(entry: &Entry, letter: &dyn Letter) -> bool {
    entry.letter.channel() == letter.channel()
        && entry.letter.out_trade_no() == letter.out_trade_no()
}

pub(crate) struct PostOffice {
    book: Mutex<Book>,
    wake: Notify,
    /// Tells whenever an attempt ends.
    ended: Notify,
    advancing: tokio::sync::Mutex<()>,
    at_once: Semaphore,
    /// Nothing is sent unless asked for, and then one after the other.
    by_hand: bool,
    clocks: Arc<Clocks>,
    faults: Arc<Faults>,
    client: Client,
}

/// An attempt of the timetable that is to be made now.
struct Due {
    id: u64,
    at: Timestamp,
    letter: Arc<dyn Letter>,
    fault: Option<FaultKind>,
}

fn name(id: u64) -> String {
    format!("d{id:06}")
}

impl PostOffice {
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(
        clocks: Arc<Clocks>,
        faults: Arc<Faults>,
        by_hand: bool,
    ) -> Result<PostOffice, reqwest::Error> {
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_secs(3))
            .build()?;
        Ok(PostOffice {
            book: Mutex::default(),
            wake: Notify::new(),
            ended: Notify::new(),
            advancing: tokio::sync::Mutex::new(()),
            at_once: Semaphore::new(ATTEMPTS_AT_ONCE),
            by_hand,
            clocks,
            faults,
            client,
        })
    }

    /// Takes a letter whose first attempt is due at `first`. Gives the delivery's id.
    pub fn post(&self, letter: Arc<dyn Letter>, first: Timestamp) -> String {
        let mut book = lock(&self.book);
        book.last += 1;
        let id = book.last;
        let entry = Entry {
            letter,
            state: DeliveryState::Waiting,
            due: Some(first),
            tries: 0,
            once_more: false,
            delayed: false,
            overtaken: false,
            attempts: Vec::new(),
        };
        book.entries.insert(id, entry);
        book.agenda.insert((first, id));
        if book.entries.len() > DELIVERIES_MAX
            && let Some((oldest, entry)) = book.entries.pop_first()
            && let Some(due) = entry.due
        {
            book.agenda.remove(&(due, oldest));
        }
        drop(book);
        self.wake.notify_one();
        name(id)
    }

    /// Throws away all letters. They know their merchant, and the merchant knows this office: as long as
    /// there is one, nothing of all that is freed.
    pub fn clear(&self) {
        let mut book = lock(&self.book);
        book.agenda.clear();
        book.entries.clear();
    }

    /// Sends what is due until told to stop.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            self.start_due();
            let next = lock(&self.book).agenda.first().map(|(due, _)| *due);
            let pause = next.map(|due| due.since(self.clocks.now()).min(LOOK_EVERY));
            tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {}
                _ = stop.changed() => return,
            }
        }
    }

    /// Starts all attempts that are due now.
    fn start_due(self: &Arc<Self>) {
        while let Some(due) = self.take_due() {
            let office = Arc::clone(self);
            tokio::spawn(async move { office.make(due).await });
        }
    }

    /// Takes the earliest attempt that is due from the agenda. Faults that need no attempt are played
    /// on the way.
    fn take_due(&self) -> Option<Due> {
        let now = self.clocks.now();
        let mut book = lock(&self.book);
        while let Some((at, id)) = book.agenda.first().copied().filter(|(at, _)| *at <= now) {
            book.agenda.remove(&(at, id));
            let Some(entry) = book.entries.get_mut(&id) else { continue };
            entry.due = None;
            let letter = Arc::clone(&entry.letter);
            if entry.attempts.is_empty() && !letter.stands() {
                // What it was to tell never came about.
                book.entries.remove(&id);
                continue;
            }
            entry.overtaken = false;
            let delayed = entry.delayed;
            let fault = self.faults.take_for(&Telling {
                target: letter.fault_target(),
                out_trade_no: letter.out_trade_no(),
                kind: letter.kind(),
                event: letter.event(),
                tries: entry.tries,
            });
            match fault {
                Some(Fault { fault: FaultKind::Lose, .. }) => entry.state = DeliveryState::Lost,
                Some(Fault { fault: FaultKind::Delay, seconds, .. }) if !delayed => {
                    let later = at.plus(Duration::from_secs(seconds.unwrap_or(0)));
                    entry.delayed = true;
                    entry.due = Some(later);
                    book.agenda.insert((later, id));
                }
                Some(Fault { fault: FaultKind::Overtaken, .. }) if !delayed => {
                    let later = at.plus(OVERTAKEN_FOR_AT_MOST);
                    entry.delayed = true;
                    entry.overtaken = true;
                    entry.due = Some(later);
                    book.agenda.insert((later, id));
                }
                other => {
                    book.in_flight += 1;
                    return Some(Due { id, at, letter, fault: other.map(|fault| fault.fault) });
                }
            }
        }
        None
    }

    /// Makes one attempt, or two copies of it at once, and books the end.
    async fn make(&self, due: Due) -> Vec<Attempt> {
        let once = || self.attempt(due.letter.as_ref(), due.at, due.fault);
        let attempts = match due.fault {
            Some(FaultKind::Twin) => {
                let (one, other) = tokio::join!(once(), once());
                vec![one, other]
            }
            _ => vec![once().await],
        };
        self.record(&due, attempts.clone());
        attempts
    }

    /// Makes the earliest attempt that is due and waits for its end. `None`: nothing is due. The
    /// delivery is shown with this attempt alone.
    pub async fn send_next(&self) -> Option<Delivery> {
        let due = self.take_due()?;
        let (id, letter) = (due.id, Arc::clone(&due.letter));
        let attempts = self.make(due).await;
        let book = lock(&self.book);
        let entry = book.entries.get(&id);
        Some(Delivery {
            id: name(id),
            platform: letter.channel(),
            kind: letter.kind(),
            out_trade_no: letter.out_trade_no().to_owned(),
            state: entry.map_or(DeliveryState::GivenUp, |entry| entry.state),
            next_attempt_at: entry.and_then(|entry| entry.due),
            attempts,
        })
    }

    /// When the next attempt is due, `None` when nothing waits.
    pub fn next_attempt_at(&self) -> Option<Timestamp> {
        lock(&self.book).agenda.first().map(|(at, _)| *at)
    }

    async fn attempt(
        &self,
        letter: &dyn Letter,
        at: Timestamp,
        fault: Option<FaultKind>,
    ) -> Attempt {
        let sent = letter.written(self.clocks.now(), self.clocks.wire(), &flaws(letter, fault));
        self.send(letter, at, sent, fault).await
    }

    /// Sends once and waits for the answer.
    pub async fn send(
        &self,
        letter: &dyn Letter,
        at: Timestamp,
        sent: SignedNotification,
        fault: Option<FaultKind>,
    ) -> Attempt {
        let _permit = self.at_once.acquire().await;
        let exchange = tokio::time::timeout(letter.time_limit(), self.exchange(&sent)).await;
        let (status, answer, error) = match exchange {
            Ok(Ok((status, answer))) => (Some(status), answer, None),
            Ok(Err(cause)) => (None, String::new(), Some(cause.without_url().to_string())),
            Err(_) => (None, String::new(), Some("no answer in time".to_owned())),
        };
        let accepted = status.is_some_and(|status| letter.accepts(status, &answer));
        tracing::info!(
            channel = letter.channel().code(),
            notification.kind = letter.kind(),
            http.status = status,
            accepted,
            "notification sent"
        );
        Attempt { at, sent, status, answer, error, accepted, fault }
    }

    async fn exchange(&self, sent: &SignedNotification) -> Result<(u16, String), reqwest::Error> {
        let mut request = self.client.post(&sent.url).body(sent.body.clone());
        for (header, value) in &sent.headers {
            request = request.header(header, value);
        }
        let mut response = request.send().await?;
        let status = response.status().as_u16();
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            answer.extend_from_slice(&chunk);
            if answer.len() > ANSWER_BYTES_MAX {
                answer.truncate(ANSWER_BYTES_MAX);
                break;
            }
        }
        Ok((status, String::from_utf8_lossy(&answer).into_owned()))
    }

    fn record(&self, due: &Due, attempts: Vec<Attempt>) {
        let mut book = lock(&self.book);
        book.in_flight -= 1;
        if let Some(entry) = book.entries.get_mut(&due.id) {
            let accepted = attempts.iter().any(|attempt| attempt.accepted);
            entry.once_more |= due.fault == Some(FaultKind::Duplicate);
            entry.attempts.extend(attempts);
            entry.tries += 1;
            let gap = entry.letter.gaps_seconds().get(entry.tries - 1).copied();
            let next = if accepted && entry.once_more {
                entry.once_more = false;
                Some(1)
            } else if accepted {
                None
            } else {
                gap
            };
            entry.state = match (next, accepted) {
                (Some(_), _) => DeliveryState::Waiting,
                (None, true) => DeliveryState::Delivered,
                (None, false) => DeliveryState::GivenUp,
            };
            // Gaps count from when the attempt was due, so that the offsets stay exact.
            entry.due = next.map(|seconds| due.at.plus(Duration::from_secs(seconds)));
            if let Some(next) = entry.due {
                book.agenda.insert((next, due.id));
            }
        }
        // Whatever waited to be overtaken by this one is free.
        book.bring_forward(due.at, |id, entry| {
            id != due.id && entry.overtaken && is_about(entry, &*due.letter)
        });
        drop(book);
        self.ended.notify_waiters();
        self.wake.notify_one();
    }

    /// Lets everything that waits to be told about a number have its attempt at once.
    pub async fn tell_now(self: &Arc<Self>, channel: Channel, out_trade_no: &str) {
        let now = self.clocks.now();
        lock(&self.book).bring_forward(now, |_, entry| {
            entry.letter.channel() == channel && entry.letter.out_trade_no() == out_trade_no
        });
        self.settle().await;
    }

    /// Sends everything that is due and waits until no attempt is under way.
    pub async fn settle(self: &Arc<Self>) {
        if self.by_hand {
            while self.send_next().await.is_some() {}
            return;
        }
        loop {
            self.start_due();
            let ended = self.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            let now = self.clocks.now();
            let (quiet, due) = {
                let book = lock(&self.book);
                (book.in_flight == 0, book.agenda.first().is_some_and(|(due, _)| *due <= now))
            };
            if quiet && !due {
                return;
            }
            if !due {
                ended.await;
            }
        }
    }

    /// Moves the time forward, stopping at every moment at which an attempt is due.
    pub async fn advance(self: &Arc<Self>, duration: Duration) {
        let _one_at_a_time = self.advancing.lock().await;
        let target = self.clocks.now().plus(duration);
        loop {
            self.settle().await;
            let next = lock(&self.book).agenda.first().map(|(due, _)| *due);
            match next.filter(|due| *due <= target) {
                Some(due) => self.clocks.move_to(due),
                None => break,
            }
        }
        self.clocks.move_to(target);
        self.settle().await;
    }

    /// Sends a known notification again, now, whatever its state. `None`: no such delivery.
    pub async fn resend(&self, id: &str) -> Option<Attempt> {
        let number: u64 = id.strip_prefix('d')?.parse().ok()?;
        let letter = Arc::clone(&lock(&self.book).entries.get(&number)?.letter);
        let attempt = self.attempt(letter.as_ref(), self.clocks.now(), None).await;
        if let Some(entry) = lock(&self.book).entries.get_mut(&number) {
            entry.attempts.push(attempt.clone());
        }
        Some(attempt)
    }

    /// Newest first.
    pub fn list(&self, wanted: impl Fn(&Delivery) -> bool, count_max: usize) -> Vec<Delivery> {
        let book = lock(&self.book);
        // What may never have to be told is not shown before its time.
        let told = |entry: &Entry| !entry.attempts.is_empty() || entry.letter.stands();
        let entries = book.entries.iter().rev().filter(|(_, entry)| told(entry));
        let views = entries.map(|(id, entry)| Delivery {
            id: name(*id),
            platform: entry.letter.channel(),
            kind: entry.letter.kind(),
            out_trade_no: entry.letter.out_trade_no().to_owned(),
            state: entry.state,
            next_attempt_at: entry.due,
            attempts: entry.attempts.clone(),
        });
        views.filter(wanted).take(count_max).collect()
    }
}

/// How a letter is written when a fault is ordered for it.
fn flaws(letter: &dyn Letter, fault: Option<FaultKind>) -> Overrides {
    let genuine = Overrides::default();
    match fault {
        Some(FaultKind::WrongSignature) => Overrides { sign: SignKind::Bad, ..genuine },
        Some(FaultKind::Probe) => Overrides { sign: SignKind::Probe, ..genuine },
        Some(FaultKind::WrongAmount) => {
            Overrides { amount_fen: Some(letter.amount_fen() + 1), ..genuine }
        }
        Some(FaultKind::OtherMerchant) => {
            Overrides { merchant_id: Some(letter.other_merchant().to_owned()), ..genuine }
        }
        Some(FaultKind::OtherApp) => {
            Overrides { app_id: Some(letter.other_app().to_owned()), ..genuine }
        }
        Some(FaultKind::OldTimestamp) => Overrides { timestamp_offset_seconds: -600, ..genuine },
        Some(FaultKind::UnknownSerial) => Overrides { sign: SignKind::UnknownSerial, ..genuine },
        Some(FaultKind::Tampered) => Overrides { tampered: true, ..genuine },
        Some(FaultKind::WrongAssociatedData) => {
            Overrides { wrong_associated_data: true, ..genuine }
        }
        Some(FaultKind::Alipay(oddity)) => Overrides { oddity: Some(oddity), ..genuine },
        _ => genuine,
    }
}
