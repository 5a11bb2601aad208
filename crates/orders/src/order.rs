//! Orders: placing one freezes bills and claims them.

mod cart;
mod confirmation;
mod frequency;
mod parts;
pub(crate) mod table;

use std::{collections::BTreeMap, time::Duration};

use agency::{AgencyError, Bill, BillRef, BillState, LockRequest, Objection};
use kernel::{
    AccountId, AgencyCode, BillKind, Channel, CityCode, Fen, Insurance, MonthRange, OrderId,
    OrderNo, PersonId, Timestamp,
};
use migrations::begin_write;
use people::{InsuredPerson, PeopleError, Relation};
use ring::digest;
use sea_orm::{DbErr, SqlErr};
use serde::Serialize;

use self::frequency::Whose;
pub(crate) use self::parts::halve;
pub use self::{
    confirmation::Confirmation,
    frequency::{OrderLimits, TooMany},
    parts::{Part, split},
    table::{FrozenBill, Order},
};
use crate::{
    Counter, OrderError, OrderEvent, OrderState, Orders,
    error::ChangedBill,
    job::{self, JobKind},
    journal,
    preview::preview,
};

/// A bill as the citizen saw it when deciding to pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChosenBill {
    pub agency: AgencyCode,
    pub insurance: Insurance,
    pub months: MonthRange,
    /// Left out of digests where it is nothing new, so that old requests stay the same requests.
    #[serde(skip_serializing_if = "is_premium_of_months")]
    pub kind: BillKind,
    #[serde(flatten)]
    pub seen: BillRefSeen,
}

/// Number, version and amount on the screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BillRefSeen {
    pub bill_no: kernel::BillNo,
    pub version: u32,
    pub amount: Fen,
}

/// What a citizen wants to pay.
#[derive(Clone, Debug)]
pub struct PlaceOrder {
    pub account: AccountId,
    pub person: PersonId,
    pub city: CityCode,
    pub channel: Channel,
    pub bills: Vec<ChosenBill>,
    /// 1 to 128 characters, the client's own; the same key asks for the same order.
    pub idempotency_key: String,
    /// What [`Orders::confirm`] gave for exactly this; needed by all but the owner whose name is proven.
    pub confirmation: Option<String>,
    /// In the elder version of the client, which leaves more time to pay.
    pub elder: bool,
}

const fn is_premium_of_months(kind: &BillKind) -> bool {
    matches!(kind, BillKind::Regular | BillKind::Difference | BillKind::Resident)
}

/// An order that is there, and whether this call made it.
#[derive(Clone, Debug)]
pub struct Placed {
    pub order: Order,
    pub new: bool,
}

impl Orders {
    /// Freezes the chosen bills into an order and locks them at the agencies that can lock.
    ///
    /// # Errors
    /// [`OrderError::AmountChanged`] when a bill is not what the citizen saw,
    /// [`OrderError::BillInOtherOrder`] when another live order claims one,
    /// [`OrderError::TooMany`] when there are enough orders, the agency's objection when it does not
    /// lock.
    pub async fn place(&self, wish: PlaceOrder) -> Result<Placed, OrderError> {
        let digest = request_digest(&wish);
        if let Some(before) = self.placed_before(&wish, &digest).await? {
            return Ok(before);
        }
        self.check_wish(&wish)?;
        let person = self.people.person(wish.account, wish.person).await;
        let person = person.map_err(OrderError::from_person)?;
        self.check_real_name(&wish, &person)?;
        self.check_confirmation(&wish, &person)?;
        let counter = self.counter(wish.account, wish.person).await?;
        let bills = match self.freeze(&wish, &counter).await {
            Ok(bills) => bills,
            // The same request may have been faster: then the bills are taken by its own order.
            Err(error) => {
                return self.placed_before(&wish, &digest).await?.ok_or(error);
            }
        };
        let written = self.write_down(&wish, digest.clone(), &bills, (&counter, &person)).await;
        let order = match written {
            Ok(order) => order,
            // Lost a race: against the same request, or against another order for a bill.
            Err(OrderError::Database(error)) if is_unique_violation(&error) => {
                if let Some(before) = self.placed_before(&wish, &digest).await? {
                    return Ok(before);
                }
                return Err(self
                    .claimed_elsewhere(&wish)
                    .await?
                    .unwrap_or(OrderError::Database(error)));
            }
            Err(error) => return Err(error),
        };
        match self.lock_at_agencies(&order).await {
            Ok(()) => {}
            // No answer is no refusal: the order stands, and starting its payment locks again.
            Err(error) if error.retryable() => {
                tracing::info!(order.no = %order.order_no, %error, "bills are not locked yet");
            }
            Err(error) => {
                self.give_up(&order).await?;
                return Err(error);
            }
        }
        Ok(Placed { order, new: true })
    }

    async fn placed_before(
        &self,
        wish: &PlaceOrder,
        digest: &str,
    ) -> Result<Option<Placed>, OrderError> {
        match table::find_by_key(&self.db, wish.account, &wish.idempotency_key).await? {
            Some(order) if order.request_digest == digest => Ok(Some(Placed { order, new: false })),
            Some(_) => Err(OrderError::IdempotencyConflict),
            None => Ok(None),
        }
    }

    fn check_wish(&self, wish: &PlaceOrder) -> Result<(), OrderError> {
        let max = self.rules.bills_max;
        let mut keys: Vec<_> =
            wish.bills.iter().map(|bill| (&bill.agency, &bill.seen.bill_no)).collect();
        keys.sort();
        keys.dedup();
        if keys.is_empty() || keys.len() != wish.bills.len() || keys.len() > max {
            return Err(OrderError::BillCount { max });
        }
        for bill in &wish.bills {
            self.directory.agency(&bill.agency)?;
        }
        self.check_cart(wish, self.clock.now())?;
        // No collector: better said before anything is locked than at the cashier.
        self.directory.collector(&wish.city, wish.channel).map(drop)
    }

    /// Where the city wants it, nobody pays for themselves before their name is proven.
    fn check_real_name(&self, wish: &PlaceOrder, person: &InsuredPerson) -> Result<(), OrderError> {
        let wanted = self.catalogue.pack(&wish.city).is_some_and(|pack| pack.real_name.payment);
        let unproven = person.relation == Relation::Own && !person.is_proven_owner();
        if wanted && unproven { Err(PeopleError::RealNameNeeded.into()) } else { Ok(()) }
    }

    /// Asks the agencies for the chosen bills and compares them with what the citizen saw.
    async fn freeze(
        &self,
        wish: &PlaceOrder,
        counter: &Counter<'_>,
    ) -> Result<Vec<FrozenBill>, OrderError> {
        let chosen =
            wish.bills.iter().map(|bill| (&bill.agency, bill.insurance, bill.months, bill.kind));
        let mut due = self.bills_at_agencies(counter, chosen).await?;
        let left_out = self.months_left_out(wish, &due);
        let mut frozen = Vec::new();
        let mut changed = Vec::new();
        for chosen in &wish.bills {
            let key = (chosen.agency.clone(), chosen.seen.bill_no.clone());
            match due.remove(&key) {
                Some(bill) if bill.state == BillState::Locked => {
                    // Ours or somebody else's: the answer is the existing order where there is one.
                    return Err(match self.claimed_elsewhere(wish).await? {
                        Some(error) => error,
                        None => AgencyError::Objection(Objection::BillLocked).into(),
                    });
                }
                Some(bill) if bill.state == BillState::Paid => {
                    return Err(AgencyError::Objection(Objection::AlreadyPaid).into());
                }
                // The state pays; there is nothing that a wallet could take.
                Some(bill) if bill.amount.is_zero() => {
                    return Err(AgencyError::Objection(Objection::FullySubsidised).into());
                }
                Some(bill) if bill.state == BillState::Due && unchanged(chosen, &bill) => frozen
                    .push(FrozenBill {
                        quote: preview(&self.catalogue, &wish.city, &bill),
                        agency: bill.agency,
                        bill: BillRef {
                            bill_no: bill.bill_no,
                            version: bill.version,
                            amount: bill.amount,
                        },
                        insurance: bill.insurance,
                        months: bill.months,
                        base: bill.base,
                        tier_no: bill.tier_no,
                        components: bill.components,
                        kind: bill.kind,
                        category: bill.category,
                    }),
                other => changed.push(ChangedBill {
                    bill_no: chosen.seen.bill_no.clone(),
                    seen: chosen.seen.amount,
                    now: other.filter(|bill| bill.state == BillState::Due).map(|bill| bill.amount),
                }),
            }
        }
        match (changed.is_empty(), left_out) {
            (true, None) => Ok(frozen),
            (true, Some(left_out)) => Err(left_out),
            (false, _) => Err(OrderError::AmountChanged(changed)),
        }
    }

    /// The order and its claim on the bills, in one transaction, before the agency is told.
    async fn write_down(
        &self,
        wish: &PlaceOrder,
        request_digest: String,
        bills: &[FrozenBill],
        (counter, person): (&Counter<'_>, &InsuredPerson),
    ) -> Result<Order, OrderError> {
        let now = self.clock.now();
        let amount = Fen::sum(bills.iter().map(|frozen| frozen.bill.amount));
        let order = Order {
            id: OrderId::generate(now, &*self.entropy),
            order_no: OrderNo::generate(now, &*self.entropy),
            account: wish.account,
            person: wish.person,
            city: wish.city.clone(),
            channel: wish.channel,
            state: OrderState::Created,
            amount: amount.ok_or(OrderError::AboveLimit { max: self.rules.amount_max })?,
            expires_at: self.last_moment(wish, bills, now),
            created_at: now,
            updated_at: now,
            request_digest,
        };
        let document = &counter.identity.document;
        // Asked before the document is held: whoever waits there has a connection in hand.
        let persons = self.people.entries_of(&self.db, document).await?;
        let whose = Whose { persons, proven_owner: person.is_proven_owner() };
        let txn = begin_write(&self.db).await?;
        self.people.hold_account(&txn, wish.account).await.map_err(OrderError::from_person)?;
        self.hold_document(&txn, wish.account, document).await?;
        self.check_frequency(&txn, wish, &whose, now).await?;
        self.check_topups_of_the_day(&txn, wish, bills, (&whose.persons, now)).await?;
        table::insert(&txn, &order, &wish.idempotency_key, bills).await?;
        journal::note(&txn, &order, "placed", None, now).await?;
        let times = (order.expires_at, now);
        job::put(&txn, JobKind::ExpireOrder, order.id, order.id, times, &*self.entropy).await?;
        txn.commit().await?;
        Ok(order)
    }

    /// Which live order claims one of the bills.
    async fn claimed_elsewhere(&self, wish: &PlaceOrder) -> Result<Option<OrderError>, OrderError> {
        for bill in &wish.bills {
            if let Some(claimant) =
                table::claimant(&self.db, &bill.agency, &bill.seen.bill_no).await?
            {
                let other = table::find(&self.db, claimant).await?;
                let order = (other.account == wish.account).then_some(other.order_no);
                return Ok(Some(OrderError::BillInOtherOrder { order }));
            }
        }
        Ok(None)
    }

    /// What the agencies list now: one question per agency and insurance, over all months wanted.
    async fn bills_at_agencies<'a>(
        &self,
        counter: &Counter<'_>,
        wanted: impl Iterator<Item = (&'a AgencyCode, Insurance, MonthRange, BillKind)>,
    ) -> Result<BTreeMap<(AgencyCode, kernel::BillNo), Bill>, OrderError> {
        let mut questions: BTreeMap<(&AgencyCode, Insurance, BillKind), MonthRange> =
            BTreeMap::new();
        for (agency, insurance, months, kind) in wanted {
            let key = (agency, insurance, asked_as(kind));
            let asked = questions.entry(key).or_insert(months);
            let (from, to) = (asked.from().min(months.from()), asked.to().max(months.to()));
            // Bills more than ten years apart do not belong into one order.
            *asked = MonthRange::new(from, to)
                .map_err(|_| OrderError::BillCount { max: self.rules.bills_max })?;
        }
        let mut bills = BTreeMap::new();
        for ((code, insurance, kind), months) in questions {
            for bill in counter.bills(code, insurance, months, kind).await? {
                bills.insert((bill.agency.clone(), bill.bill_no.clone()), bill);
            }
        }
        Ok(bills)
    }

    /// Asks each agency to keep the bills for this order, a little longer than it can be paid. An
    /// agency that cannot lock is asked whether they are still due as they were frozen.
    pub(crate) async fn lock_at_agencies(&self, order: &Order) -> Result<(), OrderError> {
        let frozen = table::bills(&self.db, order.id).await?;
        let mut unlocked: Vec<&FrozenBill> = Vec::new();
        for (code, bills) in by_agency(&frozen) {
            let request = LockRequest {
                agency: code.clone(),
                order_no: order.order_no.clone(),
                bills,
                until: order.expires_at.plus(self.rules.lock_longer),
            };
            let own = || frozen.iter().filter(|bill| bill.agency == *code);
            match self.directory.agency(code)?.lock_bills(&request).await {
                Ok(lock) if lock.token.is_some() => {}
                Ok(_) => unlocked.extend(own()),
                // What it is now is worth more to the citizen than that it changed.
                Err(error @ AgencyError::Objection(Objection::BillChanged)) => {
                    self.still_due(order, &own().collect::<Vec<_>>()).await?;
                    return Err(error.into());
                }
                Err(error) => return Err(error.into()),
            }
        }
        if unlocked.is_empty() { Ok(()) } else { self.still_due(order, &unlocked).await }
    }

    async fn still_due(&self, order: &Order, frozen: &[&FrozenBill]) -> Result<(), OrderError> {
        let counter = self.counter(order.account, order.person).await?;
        let wanted =
            frozen.iter().map(|bill| (&bill.agency, bill.insurance, bill.months, bill.kind));
        let listed = self.bills_at_agencies(&counter, wanted).await?;
        let mut changed = Vec::new();
        for bill in frozen {
            let now = listed.get(&(bill.agency.clone(), bill.bill.bill_no.clone()));
            if now.is_some_and(|now| now.state == BillState::Paid) {
                return Err(AgencyError::Objection(Objection::AlreadyPaid).into());
            }
            let now = now.filter(|now| now.state == BillState::Due);
            if now.is_none_or(|now| {
                now.amount != bill.bill.amount || now.version != bill.bill.version
            }) {
                changed.push(ChangedBill {
                    bill_no: bill.bill.bill_no.clone(),
                    seen: bill.bill.amount,
                    now: now.map(|now| now.amount),
                });
            }
        }
        if changed.is_empty() { Ok(()) } else { Err(OrderError::AmountChanged(changed)) }
    }

    /// Best effort: locks end by themselves, so a failure is only worth a line in the log.
    pub(crate) async fn unlock_at_agencies(&self, order: &Order) {
        let released = async {
            let frozen = table::bills(&self.db, order.id).await?;
            for code in by_agency(&frozen).into_keys() {
                self.directory.agency(code)?.unlock_bills(code, &order.order_no).await?;
            }
            Ok::<(), OrderError>(())
        };
        if let Err(error) = released.await {
            tracing::info!(order.no = %order.order_no, %error, "bills stay locked until the lock ends");
        }
    }

    /// The agency does not keep the bills: nobody can pay this order, so it ends before it began.
    pub(crate) async fn give_up(&self, order: &Order) -> Result<(), OrderError> {
        let now = self.clock.now();
        let txn = begin_write(&self.db).await?;
        let mut current = table::lock(&txn, order.id).await?;
        if current.state != OrderState::Created {
            // Somebody else was faster, and whether the bills are kept is theirs to decide.
            return Ok(());
        }
        journal::advance(&txn, &mut current, OrderEvent::Cancelled, None, now).await?;
        txn.commit().await?;
        self.unlock_at_agencies(order).await;
        Ok(())
    }
}

fn by_agency(frozen: &[FrozenBill]) -> BTreeMap<&AgencyCode, Vec<BillRef>> {
    let mut by_agency: BTreeMap<&AgencyCode, Vec<BillRef>> = BTreeMap::new();
    for bill in frozen {
        by_agency.entry(&bill.agency).or_default().push(bill.bill.clone());
    }
    by_agency
}

/// Contributions of months come with one question, whatever they are called.
const fn asked_as(kind: BillKind) -> BillKind {
    match kind {
        BillKind::Regular | BillKind::Difference | BillKind::Resident => BillKind::Regular,
        BillKind::BackPayment | BillKind::Topup => kind,
    }
}

fn unchanged(chosen: &ChosenBill, bill: &Bill) -> bool {
    bill.amount == chosen.seen.amount
        && bill.version == chosen.seen.version
        && bill.insurance == chosen.insurance
        && bill.months == chosen.months
        && asked_as(bill.kind) == asked_as(chosen.kind)
}

/// What was asked, without the key: the same key with another digest is another request.
fn request_digest(wish: &PlaceOrder) -> String {
    let asked = serde_json::json!([wish.person, wish.city, wish.channel, wish.bills]);
    hex::encode(digest::digest(&digest::SHA256, asked.to_string().as_bytes()))
}

fn is_unique_violation(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

/// Times that an order lives by.
pub(crate) const TIME_TO_PAY: Duration = Duration::from_secs(30 * 60);

/// When an order stops being payable, as the citizen is told.
impl Order {
    pub fn is_payable_at(&self, now: Timestamp) -> bool {
        self.state.is_payable() && now < self.expires_at
    }
}
