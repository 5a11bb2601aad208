//! The book of an agency: people, bills, locks, postings, and the faults that are to be played.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kernel::{
    AgencyCode, BillKind, BillNo, Clock, DocumentKind, Fen, Insurance, MonthRange, OrderNo, Secret,
    Timestamp,
};
use ring::digest;
use serde_json::Value;

use super::{
    codes::AgencyCodeWord as Code,
    fault::{self, AgencyFault, AgencyOperation, FaultKind},
    numbers,
    people::DefaultPerson,
    seen::{BillSeen, BookError, NewPerson, PersonSeen, PostingSeen},
    topup::card_no,
    wire::{CategoryTold, ComponentTold, Request, Standing},
};

/// The cities whose two agencies a default book speaks for.
const CITIES: [&str; 7] = ["320200", "320100", "320500", "310000", "110000", "440300", "510100"];
/// Serials remembered; the oldest half is forgotten beyond it, so that a long run stays small.
const SERIALS_MAX: usize = 200_000;

/// How a book behaves.
#[derive(Clone, Debug)]
pub struct AgencyBookOptions {
    /// Who may ask, each with the secret it signs with.
    pub institutions: BTreeMap<String, Secret>,
    /// Whether a valid resident ID that the book does not hold is enrolled when first asked for,
    /// under the name given then.
    pub enrol_unknown: bool,
    /// Whether `lock-bills` really reserves. An agency that cannot answers without a token.
    pub can_lock: bool,
    /// Lines in one page of a settlement.
    pub settlement_page_lines: usize,
}

impl AgencyBookOptions {
    /// For demonstrations: one institution; strangers are enrolled; bills can be locked.
    pub fn new(institution: impl Into<String>, secret: Secret) -> AgencyBookOptions {
        AgencyBookOptions {
            institutions: BTreeMap::from([(institution.into(), secret)]),
            enrol_unknown: true,
            can_lock: true,
            settlement_page_lines: 1_000,
        }
    }
}

/// A mock agency's memory. Clones share it.
#[derive(Clone)]
pub struct AgencyBook {
    shared: Arc<Shared>,
}

struct Shared {
    options: AgencyBookOptions,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

impl fmt::Debug for AgencyBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AgencyBook")
    }
}

pub(super) type PersonKey = (DocumentKind, String);

pub(super) struct PersonRow {
    pub no: u32,
    pub name: String,
    /// Enrolled on first sight, and so in every city that asks.
    pub stranger: bool,
    pub enrolments: Vec<EnrolmentRow>,
    pub faults: Vec<AgencyFault>,
    /// Whether the bank account on the social card was ever activated.
    pub card_activated: bool,
}

pub(super) struct EnrolmentRow {
    pub agency: AgencyCode,
    pub insurance: Insurance,
    pub standing: Standing,
    pub personal_no: String,
    pub tier_no: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BillStanding {
    Due,
    Paid,
    /// A difference bill that a later choice of tier made void.
    Withdrawn,
}

pub(super) struct LockRow {
    pub order_no: OrderNo,
    pub until: Timestamp,
}

pub(super) struct BillRow {
    pub bill_no: BillNo,
    pub version: u32,
    pub agency: AgencyCode,
    pub insurance: Insurance,
    pub months: MonthRange,
    pub base: Option<Fen>,
    pub tier_no: Option<u16>,
    pub amount: Fen,
    pub components: Vec<ComponentTold>,
    pub due_until: Option<Timestamp>,
    pub person: PersonKey,
    pub kind: BillKind,
    pub category: Option<CategoryTold>,
    pub standing: BillStanding,
    pub lock: Option<LockRow>,
}

impl BillRow {
    pub(super) fn is_difference(&self) -> bool {
        self.kind == BillKind::Difference
    }

    /// Who holds the bill at `now`.
    pub(super) fn holder(&self, now: Timestamp) -> Option<&OrderNo> {
        self.lock.as_ref().filter(|lock| now < lock.until).map(|lock| &lock.order_no)
    }

    pub(super) fn state(&self, now: Timestamp) -> &'static str {
        match self.standing {
            BillStanding::Paid => "paid",
            BillStanding::Withdrawn => "withdrawn",
            BillStanding::Due if self.holder(now).is_some() => "locked",
            BillStanding::Due => "due",
        }
    }

    /// A new amount by decree, without the parts it was made of.
    fn change(&mut self, amount: Fen) {
        self.amount = amount;
        self.version += 1;
        self.components = vec![ComponentTold {
            code: "adjusted",
            name: "调整后金额".into(),
            rate_bp: None,
            amount,
        }];
    }
}

#[derive(Default)]
pub(super) struct State {
    pub people: BTreeMap<PersonKey, PersonRow>,
    pub bills: BTreeMap<BillNo, BillRow>,
    pub postings: Vec<PostingSeen>,
    /// What the agency pays back itself: serial of the posting and the state it is in.
    pub refunds: BTreeMap<String, Value>,
    faults: Vec<AgencyFault>,
    serials: HashMap<(String, String), (u64, [u8; 32])>,
    serials_seen: u64,
    pub people_seen: u32,
    /// Whether its agencies number their bills each for itself.
    numbers_alike: bool,
}

/// How the answer travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    Signed,
    Unsigned,
    Late { millis: u64 },
    Garbage,
    Bare500,
    Cut,
}

pub(super) type Reply = Result<Value, Code>;

impl AgencyBook {
    /// A book with the default people.
    pub fn new(options: AgencyBookOptions, clock: Arc<dyn Clock>) -> AgencyBook {
        let mut state = State::default();
        for person in DefaultPerson::ALL {
            state.admit(person);
        }
        AgencyBook { shared: Arc::new(Shared { options, clock, state: Mutex::new(state) }) }
    }

    pub(super) fn options(&self) -> &AgencyBookOptions {
        &self.shared.options
    }

    pub(super) fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// A test that failed while holding the book does not hide what the book says.
    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plays a fault, after those that wait already.
    pub fn add_fault(&self, fault: AgencyFault) {
        self.state().faults.push(fault);
    }

    /// Forgets all faults but those of single persons.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    pub fn faults(&self) -> Vec<AgencyFault> {
        self.state().faults.clone()
    }

    /// All bookings, reversed ones included, in the order in which they were made.
    pub fn postings(&self) -> Vec<PostingSeen> {
        let state = self.state();
        let mut postings = state.postings.clone();
        if state.numbers_alike {
            for posting in &mut postings {
                posting.bill_no = numbers::told_no(&posting.bill_no);
            }
        }
        postings
    }

    /// Lets the agencies number their bills each for itself from now on: pension and medical bills of a
    /// month get the same number.
    pub fn number_alike(&self) {
        self.state().numbers_alike = true;
    }

    pub fn people(&self) -> Vec<PersonSeen> {
        let now = self.now();
        let state = self.state();
        let seen = |((kind, number), person): (&PersonKey, &PersonRow)| PersonSeen {
            document_kind: *kind,
            document_number: number.clone(),
            name: person.name.clone(),
            card_no: card_no(person.no),
            bills: state
                .bills
                .values()
                .filter(|bill| bill.person.0 == *kind && bill.person.1 == *number)
                .map(|bill| bill_seen(bill, now))
                .collect(),
            faults: person.faults.clone(),
        };
        state.people.iter().map(seen).collect()
    }

    /// # Errors
    /// When the person is known already or cannot be one.
    pub fn add_person(&self, person: NewPerson) -> Result<PersonSeen, BookError> {
        let now = self.now();
        let document = kernel::Document::parse(person.document_kind, &person.document_number, now)
            .map_err(|_| BookError::NotAPerson)?;
        let name = kernel::PersonName::parse(&person.name).map_err(|_| BookError::NotAPerson)?;
        if !CITIES.contains(&person.city.as_str()) {
            return Err(BookError::NotAPerson);
        }
        let key = (document.kind(), document.number().to_owned());
        let mut state = self.state();
        if state.people.contains_key(&key) {
            return Err(BookError::PersonKnown);
        }
        state.register(&key, name.as_str(), false);
        state.insure(&key, &person.city, person.insured, now);
        if let Some(row) = state.people.get_mut(&key) {
            row.faults.clone_from(&person.faults);
        }
        let bills = state.bills.values().filter(|bill| bill.person == key);
        Ok(PersonSeen {
            document_kind: key.0,
            document_number: key.1.clone(),
            name: name.as_str().to_owned(),
            card_no: state.people.get(&key).map(|row| card_no(row.no)).unwrap_or_default(),
            bills: bills.map(|bill| bill_seen(bill, now)).collect(),
            faults: person.faults,
        })
    }

    /// The agency changes what is due; the bill's version grows.
    ///
    /// # Errors
    /// When there is no such bill or it is paid.
    pub fn change_bill(&self, bill_no: &BillNo, amount: Fen) -> Result<(), BookError> {
        let mut state = self.state();
        due_bill(&mut state, bill_no)?.change(amount);
        Ok(())
    }

    /// The bill is paid at another counter, whoever holds it.
    ///
    /// # Errors
    /// When there is no such bill or it is paid.
    pub fn pay_elsewhere(&self, bill_no: &BillNo) -> Result<(), BookError> {
        let mut state = self.state();
        let bill = due_bill(&mut state, bill_no)?;
        bill.standing = BillStanding::Paid;
        bill.version += 1;
        bill.lock = None;
        Ok(())
    }

    /// The agency takes money for the bill until this moment only.
    ///
    /// # Errors
    /// When there is no such bill or it is paid.
    pub fn close_bill(&self, bill_no: &BillNo, due_until: Timestamp) -> Result<(), BookError> {
        let mut state = self.state();
        due_bill(&mut state, bill_no)?.due_until = Some(due_until);
        Ok(())
    }

    /// The agency undoes a posting by itself (冲正): no money moved to it, the bill is due again.
    ///
    /// # Errors
    /// When there is no such posting.
    pub fn reverse_posting(&self, agency_serial: &str) -> Result<(), BookError> {
        let mut state = self.state();
        let posting = state.postings.iter().position(|p| p.agency_serial == agency_serial);
        state.undo(posting.ok_or(BookError::NoSuchPosting)?);
        Ok(())
    }

    /// The agency pays a posting back by itself (社保退费).
    ///
    /// # Errors
    /// When there is no such posting.
    pub fn refund_posting(&self, agency_serial: &str) -> Result<(), BookError> {
        let now = self.now();
        let mut state = self.state();
        let posting = state.postings.iter().find(|p| p.agency_serial == agency_serial);
        let amount = posting.ok_or(BookError::NoSuchPosting)?.amount;
        let refund = serde_json::json!({
            "state": "refunded", "amount": amount, "refunded_at": now,
        });
        state.refunds.insert(agency_serial.to_owned(), refund);
        Ok(())
    }

    /// Answers one authenticated request; `serial` is that of its header.
    pub(super) fn handle(
        &self,
        institution: &str,
        serial: &str,
        operation: AgencyOperation,
        body: &[u8],
    ) -> (Reply, Delivery) {
        let now = self.now();
        let mut state = self.state();
        let own = if state.numbers_alike { Some(numbers::inward(body)) } else { None };
        let Some(request) = Request::parse(operation, own.as_deref().unwrap_or(body)) else {
            return (Err(Code::BadRequest), Delivery::Signed);
        };
        if !speaks_for(request.agency()) {
            return (Err(Code::UnknownAgency), Delivery::Signed);
        }
        if !state.remember(institution, serial, operation, body) {
            return (Err(Code::DuplicateRequest), Delivery::Signed);
        }
        let (reply, delivery) = self.answer(&mut state, &request, operation, now);
        let told = |answer| if state.numbers_alike { numbers::outward(answer) } else { answer };
        (reply.map(told), delivery)
    }

    fn answer(
        &self,
        state: &mut State,
        request: &Request,
        operation: AgencyOperation,
        now: Timestamp,
    ) -> (Reply, Delivery) {
        let options = self.options();
        match state.fault_for(request, operation, now) {
            None => (state.act(request, options, now), Delivery::Signed),
            Some(FaultKind::Refuse { code }) => (Err(code), Delivery::Signed),
            Some(FaultKind::MaintenanceWindow { .. }) => (Err(Code::Maintenance), Delivery::Signed),
            Some(FaultKind::CommitThenDrop) => (state.act(request, options, now), Delivery::Cut),
            Some(FaultKind::DropBeforeCommit) => (Err(Code::Unknown), Delivery::Cut),
            Some(FaultKind::Unknown { booked }) => {
                if booked && let Err(code) = state.act(request, options, now) {
                    return (Err(code), Delivery::Signed);
                }
                (Err(Code::Unknown), Delivery::Signed)
            }
            Some(FaultKind::Slow { millis }) => {
                (state.act(request, options, now), Delivery::Late { millis })
            }
            Some(FaultKind::Http500) => (Err(Code::Unknown), Delivery::Bare500),
            Some(FaultKind::UnsignedAnswer) => {
                (state.act(request, options, now), Delivery::Unsigned)
            }
            Some(FaultKind::Garbage) => (state.act(request, options, now), Delivery::Garbage),
            Some(FaultKind::StandingUnknown) => {
                (Ok(serde_json::json!({"state": "unknown"})), Delivery::Signed)
            }
            Some(FaultKind::StandingLost) => {
                (Ok(serde_json::json!({"state": "not_posted"})), Delivery::Signed)
            }
            Some(FaultKind::BillsGrow { by }) => {
                state.grow(request, by);
                (state.act(request, options, now), Delivery::Signed)
            }
        }
    }
}

fn bill_seen(bill: &BillRow, now: Timestamp) -> BillSeen {
    BillSeen {
        bill_no: bill.bill_no.clone(),
        agency: bill.agency.clone(),
        insurance: bill.insurance,
        kind: bill.kind,
        months: bill.months,
        amount: bill.amount,
        version: bill.version,
        state: bill.state(now),
    }
}

fn due_bill<'a>(state: &'a mut State, bill_no: &BillNo) -> Result<&'a mut BillRow, BookError> {
    let bill = state.bills.get_mut(bill_no).ok_or(BookError::NoSuchBill)?;
    if bill.standing == BillStanding::Due { Ok(bill) } else { Err(BookError::BillPaid) }
}

/// `320200-hr` and `320200-med`, and the same for the other cities.
fn speaks_for(agency: &AgencyCode) -> bool {
    matches!(agency.as_str().split_once('-'), Some((city, "hr" | "med")) if CITIES.contains(&city))
}

/// The city in an agency's code.
pub(super) fn city_of(agency: &AgencyCode) -> &str {
    agency.as_str().split_once('-').map_or("", |(city, _)| city)
}

impl State {
    /// `false`: the serial was used for other content.
    fn remember(
        &mut self,
        institution: &str,
        serial: &str,
        operation: AgencyOperation,
        body: &[u8],
    ) -> bool {
        let content = [operation.code().as_bytes(), b"\n", body].concat();
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, &content).as_ref());
        self.serials_seen += 1;
        let (seen, now) = (self.serials_seen, (institution.to_owned(), serial.to_owned()));
        let (_, known) = self.serials.entry(now).or_insert((seen, hash));
        let same = *known == hash;
        if self.serials.len() > SERIALS_MAX {
            let oldest = seen.saturating_sub(SERIALS_MAX as u64 / 2);
            self.serials.retain(|_, (seen, _)| *seen > oldest);
        }
        same
    }

    /// The fault for everybody comes before the person's own.
    fn fault_for(
        &mut self,
        request: &Request,
        operation: AgencyOperation,
        now: Timestamp,
    ) -> Option<FaultKind> {
        if let Some(fault) = fault::take(&mut self.faults, operation, now) {
            return Some(fault);
        }
        let person = self.subject(request)?;
        fault::take(&mut self.people.get_mut(&person)?.faults, operation, now)
    }

    /// Whom a request is about.
    fn subject(&self, request: &Request) -> Option<PersonKey> {
        let of_bill = |bill_no| Some(self.bills.get(bill_no)?.person.clone());
        match request {
            Request::QueryInsured(r) => Some(person_key(&r.person)),
            Request::SetTier(r) => Some(person_key(&r.person)),
            Request::QueryBills(r) => Some(person_key(&r.person)),
            Request::QueryCard(r) => Some(person_key(&r.person)),
            Request::CreateTopup(r) => Some(person_key(&r.person)),
            Request::LockBills(r) => of_bill(&r.bills.first()?.bill_no),
            Request::PostPayment(r) => of_bill(&r.bill.bill_no),
            Request::QueryPosting(r) => of_bill(&r.bill_no),
            Request::ListTiers(_)
            | Request::UnlockBills(_)
            | Request::Reverse(_)
            | Request::DownloadSettlement(_)
            | Request::QueryRefund(_)
            | Request::FetchDocument(_) => None,
        }
    }

    fn grow(&mut self, request: &Request, by: Fen) {
        let bills: Vec<&BillNo> = match request {
            Request::LockBills(r) => r.bills.iter().map(|bill| &bill.bill_no).collect(),
            Request::PostPayment(r) => vec![&r.bill.bill_no],
            _ => Vec::new(),
        };
        for bill_no in bills {
            if let Ok(bill) = due_bill(self, bill_no)
                && let Some(amount) = bill.amount.plus(by)
            {
                bill.change(amount);
            }
        }
    }
}

/// As the book keys its people: capitals, no blanks.
pub(super) fn person_key(person: &super::wire::Person) -> PersonKey {
    (person.document_kind, person.document_number.trim().to_ascii_uppercase())
}
