//! What may stand in one order, and when: the city's rules, before anything is locked or asked.
//!
//! Windows and deadlines are asked when an order is placed and again before a channel is asked to
//! collect. Money that has come is never measured by them: the agency judges by when it was paid.

use std::{collections::BTreeMap, time::Duration};

use agency::{Bill, BillState};
use kernel::{
    AgencyCode, BillKind, BillNo, CityCode, Fen, Insurance, Month, MonthRange, PersonId, Timestamp,
};
use policies::{Pack, Standing};
use sea_orm::DatabaseTransaction;

use super::{ChosenBill, FrozenBill, Order, PlaceOrder, asked_as, parts, table};
use crate::{OrderError, Orders};

/// For an order that stands: a window that closes sooner is as good as closed, because wallets need a
/// minute.
const TIME_TO_PAY_LEAST: Duration = Duration::from_secs(120);
/// Nobody is hurried (domain: 适老化): with less time until the end no order is made.
const TIME_TO_ORDER_LEAST: Duration = Duration::from_secs(15 * 60);
/// The same in the elder version; also the least that such an order lives.
const ELDER_TIME_LEAST: Duration = Duration::from_secs(30 * 60);

/// What windows and deadlines ask of a bill.
type Place<'a> = (&'a AgencyCode, Insurance, BillKind, MonthRange);

impl Orders {
    /// Everything that the city's pack and our limits say about a cart.
    pub(super) fn check_cart(&self, wish: &PlaceOrder, now: Timestamp) -> Result<(), OrderError> {
        if wish.bills.iter().any(|bill| bill.kind.is_premium() != wish.bills[0].kind.is_premium()) {
            return Err(OrderError::MixedPurposes);
        }
        let places = || wish.bills.iter().map(|b| (&b.agency, b.insurance, b.kind, b.months));
        let pack = self.own_bills(&wish.city, places())?;
        check_times(pack, places(), now)?;
        check_time_left(pack, places(), now, wish.elder)?;
        check_months(pack, &wish.bills)?;
        check_topup_amounts(pack, &wish.bills)?;
        let max = self.rules.amount_max_on(wish.channel);
        let amount = Fen::sum(wish.bills.iter().map(|bill| bill.seen.amount));
        if amount.is_none_or(|amount| amount > max) {
            let bills = wish.bills.iter();
            let bills = bills.map(|bill| (bill.months, &bill.seen.bill_no, bill.seen.amount));
            return Err(match parts::split(bills, max) {
                Some(parts) => OrderError::PayInParts { max: Some(max), parts },
                None => OrderError::AboveLimit { max },
            });
        }
        Ok(())
    }

    /// Whether the bills are the city's own, windows, maintenance and deadlines once more, just before a
    /// channel is asked to collect; and whether the person is still on the account's list.
    pub(crate) async fn still_taken(&self, order: &Order) -> Result<(), OrderError> {
        let person = self.people.person(order.account, order.person).await;
        person.map_err(OrderError::from_person)?;
        let bills = table::bills(&self.db, order.id).await?;
        let places = || bills.iter().map(|b| (&b.agency, b.insurance, b.kind, b.months));
        let pack = self.own_bills(&order.city, places())?;
        check_times(pack, places(), self.clock.now())
    }

    /// The city's pack, when all bills are the city's own: another city's bill would be collected by
    /// the wrong merchant account, under the wrong windows and limits.
    fn own_bills<'a>(
        &self,
        city: &CityCode,
        bills: impl Iterator<Item = Place<'a>>,
    ) -> Result<&Pack, OrderError> {
        let pack = self.catalogue.pack(city).ok_or(OrderError::NoMerchant)?;
        for (agency, insurance, kind, _) in bills {
            if !pack.agencies.iter().any(|office| office.code == *agency) {
                return Err(OrderError::OtherCitysBill { agency: agency.clone() });
            }
            if !pack.takes(agency, insurance, kind) {
                return Err(OrderError::NotOffered { insurance, kind });
            }
        }
        Ok(pack)
    }

    /// When an order ends: after the usual time, or with the first window that closes or maintenance
    /// that begins.
    pub(super) fn last_moment(
        &self,
        wish: &PlaceOrder,
        bills: &[FrozenBill],
        now: Timestamp,
    ) -> Timestamp {
        let time_to_pay = self.rules.time_to_pay;
        let usual = if wish.elder { time_to_pay.max(ELDER_TIME_LEAST) } else { time_to_pay };
        let usual = now.plus(usual);
        let Some(pack) = self.catalogue.pack(&wish.city) else { return usual };
        let ends = bills
            .iter()
            .filter_map(|bill| Some(pack.end(&bill.agency, bill.insurance, bill.kind, now)?.at));
        ends.min().map_or(usual, |end| end.min(usual))
    }

    /// Months that are due and were left out between chosen ones, where the agency wants them in a row.
    pub(super) fn months_left_out(
        &self,
        wish: &PlaceOrder,
        due: &BTreeMap<(AgencyCode, BillNo), Bill>,
    ) -> Option<OrderError> {
        let pack = self.catalogue.pack(&wish.city)?;
        for insurance in &pack.months.contiguous {
            let chosen: Vec<&ChosenBill> =
                wish.bills.iter().filter(|bill| bill.insurance == *insurance).collect();
            let first = chosen.iter().map(|bill| bill.months.from()).min()?;
            let last = chosen.iter().map(|bill| bill.months.to()).max()?;
            let left_out = due.values().filter(|bill| {
                bill.insurance == *insurance
                    && bill.kind == BillKind::Regular
                    && bill.state == BillState::Due
                    && first < bill.months.from()
                    && bill.months.to() < last
                    && !chosen.iter().any(|chosen| chosen.seen.bill_no == bill.bill_no)
            });
            let mut months: Vec<Month> = left_out.map(|bill| bill.months.from()).collect();
            months.sort_unstable();
            if !months.is_empty() {
                return Some(OrderError::MonthsLeftOut { insurance: *insurance, months });
            }
        }
        None
    }

    /// What goes to one person's account in a day has a limit, whichever accounts it comes from. In the
    /// transaction that writes the order down and holds the document.
    pub(super) async fn check_topups_of_the_day(
        &self,
        txn: &DatabaseTransaction,
        wish: &PlaceOrder,
        bills: &[FrozenBill],
        (persons, now): (&[PersonId], Timestamp),
    ) -> Result<(), OrderError> {
        let wanted = bills.iter().filter(|bill| bill.kind == BillKind::Topup);
        let wanted = Fen::sum(wanted.map(|bill| bill.bill.amount)).unwrap_or(Fen::MAX);
        let topup = self.catalogue.pack(&wish.city).and_then(|pack| pack.topup.as_ref());
        let Some(topup) = topup.filter(|_| !wanted.is_zero()) else { return Ok(()) };
        let midnight = format!("{} 00:00:00", &now.beijing_text()[..10]);
        let midnight = Timestamp::from_beijing_text(&midnight).unwrap_or(now);
        let today = table::ordered_since(txn, persons, BillKind::Topup, midnight).await?;
        let left = topup.most_a_day.minus(Fen::sum(today).unwrap_or(Fen::MAX));
        let left = left.unwrap_or(Fen::ZERO);
        if wanted > left {
            return Err(OrderError::TopupDay { most: topup.most_a_day, left });
        }
        Ok(())
    }
}

fn check_times<'a>(
    pack: &Pack,
    bills: impl Iterator<Item = Place<'a>>,
    now: Timestamp,
) -> Result<(), OrderError> {
    for (agency, insurance, kind, months) in bills {
        if kind == BillKind::BackPayment
            && let Some(deadline) =
                pack.back_payment.as_ref().and_then(|rule| rule.deadline(months.from()))
            && now >= deadline
        {
            return Err(OrderError::BackPaymentOver { month: months.from(), deadline });
        }
        let agency = || agency.clone();
        match pack.standing(&agency(), insurance, kind, now) {
            Standing::Open { closes_at: Some(closes_at) }
                if closes_at.since(now) < TIME_TO_PAY_LEAST =>
            {
                // Just too late for this one: the next opening is that after the close.
                let next_opening = match pack.standing(&agency(), insurance, kind, closes_at) {
                    Standing::Closed { next_opening } => next_opening,
                    Standing::Maintenance { until } => Some(until),
                    Standing::Open { .. } => continue,
                };
                return Err(OrderError::OutOfWindow { agency: agency(), insurance, next_opening });
            }
            Standing::Open { .. } => {}
            Standing::Closed { next_opening } => {
                return Err(OrderError::OutOfWindow { agency: agency(), insurance, next_opening });
            }
            Standing::Maintenance { until } => {
                return Err(OrderError::UnderMaintenance { agency: agency(), until });
            }
        }
    }
    Ok(())
}

/// Whether enough time is left to pay without haste.
fn check_time_left<'a>(
    pack: &Pack,
    bills: impl Iterator<Item = Place<'a>>,
    now: Timestamp,
    elder: bool,
) -> Result<(), OrderError> {
    let least = if elder { ELDER_TIME_LEAST } else { TIME_TO_ORDER_LEAST };
    for (agency, insurance, kind, _) in bills {
        if let Some(end) = pack.end(agency, insurance, kind, now)
            && end.at.since(now) < least
        {
            let minutes = least.as_secs() / 60;
            return Err(OrderError::EndsSoon { agency: agency.clone(), insurance, minutes, end });
        }
    }
    Ok(())
}

fn check_months(pack: &Pack, bills: &[ChosenBill]) -> Result<(), OrderError> {
    let mut months: BTreeMap<(Insurance, BillKind), Vec<Month>> = BTreeMap::new();
    let of_months =
        |bill: &&ChosenBill| bill.insurance != Insurance::ResidentMedical && bill.kind.is_premium();
    for bill in bills.iter().filter(of_months) {
        let key = (bill.insurance, asked_as(bill.kind));
        months.entry(key).or_default().extend(bill.months.months());
    }
    for ((insurance, _), mut months) in months {
        months.sort_unstable();
        months.dedup();
        if months.len() > usize::from(pack.months.most) {
            return Err(OrderError::TooManyMonths { insurance, most: pack.months.most });
        }
        let years = |pair: &[Month]| pair[0].year() != pair[1].year();
        if pack.months.calendar_year && months.windows(2).any(years) {
            return Err(OrderError::SeveralYears { insurance });
        }
    }
    Ok(())
}

fn check_topup_amounts(pack: &Pack, bills: &[ChosenBill]) -> Result<(), OrderError> {
    let Some(topup) = &pack.topup else { return Ok(()) };
    let (least, most) = (topup.least, topup.most);
    let outside = |bill: &ChosenBill| {
        bill.kind == BillKind::Topup && !(least..=most).contains(&bill.seen.amount)
    };
    if bills.iter().any(outside) { Err(OrderError::TopupAmount { least, most }) } else { Ok(()) }
}
