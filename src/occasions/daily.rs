//! The daily look at the agencies, for those who want to hear of windows and gaps.

use std::collections::BTreeSet;

use agency::{Bill, BillQuery, BillState};
use kernel::{
    AccountId, AgencyCode, BillKind, CityCode, Insurance, Month, MonthRange, PersonId, Timestamp,
};
use miniprogram_api::unpaid_months;
use policies::{Pack, Standing};
use reminders::{Occasion, Place, ReminderKind, within_hours};

use super::{OccasionError, Occasions, said};

/// Accounts looked at in one turn.
const ACCOUNTS: u64 = 8;
/// Persons with their cities that are asked about for one account.
const PAIRS_MAX: usize = 10;
/// The account's latest orders say which city a person pays in.
const ORDERS_READ: u32 = 50;
/// A window's end is told of so many days before.
const DAYS_BEFORE: [i64; 3] = [7, 3, 1];
/// A longer gap is the agency's matter, and was told of before.
const GAP_MONTHS_MAX: usize = 3;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const BEIJING_MS: i64 = 8 * 60 * 60 * 1000;

/// A window that has opened, or will close soon.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Opportunity {
    city: CityCode,
    agency: AgencyCode,
    insurance: Insurance,
    closes_at: Timestamp,
    /// `None`: it has opened.
    days_left: Option<i64>,
}

/// Days since 1970 in Beijing.
fn day_number(moment: Timestamp) -> i64 {
    (moment.as_millis() + BEIJING_MS).div_euclid(DAY_MS)
}

fn day_begins(moment: Timestamp) -> Timestamp {
    Timestamp::from_millis(day_number(moment) * DAY_MS - BEIJING_MS)
}

/// The last day on which one can pay: a window that closes at midnight closes on the day before.
fn last_day(closes_at: Timestamp) -> Timestamp {
    Timestamp::from_millis(closes_at.as_millis() - 1)
}

impl Occasions {
    /// Looks at a few accounts more, until today's are done; says whether there are others. At
    /// night nobody is asked: what is found is told at once, as it is then.
    pub(super) async fn look_daily(&self, kind: ReminderKind) -> Result<bool, OccasionError> {
        let now = self.clock.now();
        if within_hours(now) != now {
            return Ok(false);
        }
        let (name, today) = (kind.code(), day_begins(now));
        let never = Place { at: Timestamp::from_millis(0), row: None };
        let place = self.reminders.place(name, never).await?;
        if place.at == today && place.row.is_none() {
            return Ok(false);
        }
        let Some(mut progress) = self.reminders.take_progress(name, place).await? else {
            return Ok(false);
        };
        let after = place.row.filter(|_| place.at == today).map(AccountId::from_uuid);
        let opportunities = self.opportunities(now);
        let accounts = if kind == ReminderKind::Window && opportunities.is_empty() {
            Vec::new()
        } else {
            self.reminders.accounts_wanting(kind, after, ACCOUNTS).await?
        };
        for account in &accounts {
            let looked = match kind {
                ReminderKind::Window => self.look_at_window(*account, &opportunities).await,
                _ => self.look_at_gaps(*account).await,
            };
            if let Err(error) = looked {
                tracing::info!(%error, reminder.kind = name, "an account could not be looked at today");
            }
        }
        let full = u64::try_from(accounts.len()).is_ok_and(|count| count >= ACCOUNTS);
        let last = accounts.last().filter(|_| full).map(|account| account.as_uuid());
        progress.place = Place { at: today, row: last };
        self.reminders.keep_progress(progress).await?;
        Ok(full)
    }

    /// The windows of which somebody would be told today, the soonest to close first.
    fn opportunities(&self, now: Timestamp) -> Vec<Opportunity> {
        let mut found: Vec<Opportunity> = self
            .cities
            .iter()
            .filter_map(|city| Some((city, self.catalogue.pack(city)?)))
            .flat_map(|(city, pack)| opportunities_of(city, pack, now))
            .collect();
        found.sort_by_key(|opportunity| opportunity.closes_at);
        found
    }

    async fn look_at_window(
        &self,
        account: AccountId,
        opportunities: &[Opportunity],
    ) -> Result<(), OccasionError> {
        let pairs = self.insured_in(account).await?;
        let this_month = Month::of(self.clock.now());
        let Ok(january) = Month::new(this_month.year(), 1) else { return Ok(()) };
        let Ok(months) = MonthRange::new(january, this_month) else { return Ok(()) };
        for opportunity in opportunities {
            let insured = pairs.iter().filter(|(_, city)| *city == opportunity.city);
            for (person, _) in insured {
                let (agency, insurance) = (&opportunity.agency, opportunity.insurance);
                let bills = self.bills(account, *person, agency, insurance, months).await?;
                let due = |bill: &Bill| bill.state == BillState::Due && !bill.amount.is_zero();
                if bills.iter().any(due) {
                    return self.note_window(account, opportunity).await;
                }
            }
        }
        Ok(())
    }

    /// One message, however many of the family are due.
    async fn note_window(
        &self,
        account: AccountId,
        opportunity: &Opportunity,
    ) -> Result<(), OccasionError> {
        let closing = last_day(opportunity.closes_at);
        let local = closing.beijing();
        let date = format!("{}月{}日", u8::from(local.month()), local.day());
        let (key, moment) = match opportunity.days_left {
            None => ("reminder.window", "opened".to_owned()),
            Some(days) => ("reminder.window_ending", days.to_string()),
        };
        let occasion = Occasion {
            account,
            kind: ReminderKind::Window,
            person: None,
            subject: format!("{}:{}:{moment}", opportunity.city, day_number(closing)),
            words: said(key, &[("date", date)]),
            page: format!("pages/bills/bills?city={}", opportunity.city),
        };
        self.reminders.note(&occasion).await?;
        Ok(())
    }

    /// Only months that are over: who has not paid yet this month has missed nothing.
    async fn look_at_gaps(&self, account: AccountId) -> Result<(), OccasionError> {
        let Some(last) = before(Month::of(self.clock.now())) else { return Ok(()) };
        // One month more than is told of, so that a longer gap is seen to be longer.
        let first = (0..GAP_MONTHS_MAX).try_fold(last, |month, _| before(month));
        let Some(Ok(months)) = first.map(|first| MonthRange::new(first, last)) else {
            return Ok(());
        };
        // A gap is told to the person alone: to the owner whose name is proven.
        let people = self.people.list_persons(account).await?;
        let owners = people.iter().filter(|person| person.is_proven_owner());
        let owners: BTreeSet<PersonId> = owners.map(|person| person.id).collect();
        let insured = self.insured_in(account).await?;
        for (person, city) in insured.into_iter().filter(|(id, _)| owners.contains(id)) {
            let office = self.catalogue.pack(&city).and_then(|pack| {
                pack.agencies.iter().find(|office| office.insurances.contains(&Insurance::Medical))
            });
            let Some(office) = office else { continue };
            let bills = self.bills(account, person, &office.code, Insurance::Medical, months);
            let missed = unpaid_months(&bills.await?, last).len();
            if !(1..=GAP_MONTHS_MAX).contains(&missed) {
                continue;
            }
            let mut words = said("reminder.gap", &[("months", missed.to_string())]);
            if let Some(name) = self.name_of(account, person).await? {
                words.insert("name".to_owned(), name);
            }
            let occasion = Occasion {
                account,
                kind: ReminderKind::Gap,
                person: Some(person),
                subject: format!("{person}:{city}:{last}"),
                words,
                page: format!("pages/gaps/gaps?person_id={person}&city={city}"),
            };
            self.reminders.note(&occasion).await?;
        }
        Ok(())
    }

    async fn bills(
        &self,
        account: AccountId,
        person: PersonId,
        agency: &AgencyCode,
        insurance: Insurance,
        months: MonthRange,
    ) -> Result<Vec<Bill>, OccasionError> {
        let identity = self.people.identity_of(account, person).await?;
        let kind = BillKind::Regular;
        let query = BillQuery { agency: agency.clone(), identity, insurance, months, kind };
        Ok(self.orders.directory().agency(agency)?.query_bills(&query).await?)
    }

    /// The account's persons, each with the cities that were paid in for them; where nothing was paid
    /// yet, the installation's city when it has only one.
    async fn insured_in(
        &self,
        account: AccountId,
    ) -> Result<Vec<(PersonId, CityCode)>, OccasionError> {
        let orders = self.orders.list(account, None, ORDERS_READ).await?.orders;
        let paid: BTreeSet<(PersonId, CityCode)> =
            orders.into_iter().map(|(order, _)| (order.person, order.city)).collect();
        let mut pairs = Vec::new();
        for person in self.people.list_persons(account).await? {
            let of_person = paid.iter().filter(|(payee, _)| *payee == person.id);
            let known = pairs.len();
            pairs.extend(of_person.cloned());
            if let ([only], true) = (self.cities.as_slice(), pairs.len() == known) {
                pairs.push((person.id, only.clone()));
            }
        }
        pairs.truncate(PAIRS_MAX);
        Ok(pairs)
    }
}

fn opportunities_of<'a>(
    city: &'a CityCode,
    pack: &'a Pack,
    now: Timestamp,
) -> impl Iterator<Item = Opportunity> + 'a {
    let today = day_number(now);
    let yesterday = Timestamp::from_millis(now.as_millis() - DAY_MS);
    let insured = pack
        .agencies
        .iter()
        .flat_map(|office| office.insurances.iter().map(move |insurance| (office, *insurance)))
        .filter(|(_, insurance)| pack.offers(*insurance, BillKind::Regular));
    insured.filter_map(move |(office, insurance)| {
        let standing = |at| pack.standing(&office.code, insurance, BillKind::Regular, at);
        let Standing::Open { closes_at: Some(closes_at) } = standing(now) else { return None };
        let left = day_number(last_day(closes_at)) - today;
        let was_open = standing(yesterday) == Standing::Open { closes_at: Some(closes_at) };
        let days_left = DAYS_BEFORE.contains(&left).then_some(left);
        (days_left.is_some() || !was_open).then(|| Opportunity {
            city: city.clone(),
            agency: office.code.clone(),
            insurance,
            closes_at,
            days_left: days_left.filter(|_| was_open),
        })
    })
}

fn before(month: Month) -> Option<Month> {
    match month.month() {
        1 => Month::new(month.year().checked_sub(1)?, 12).ok(),
        number => Month::new(month.year(), number - 1).ok(),
    }
}

#[cfg(test)]
mod tests {
    use policies::Catalogue;
    use rstest::rstest;

    use super::*;

    /// Wuxi with a window from the 5th to the 25th.
    fn catalogue() -> Catalogue {
        let windows = r#"
            [[window]]
            agency = "320200-hr"
            open_day = 5
            open_time = "09:00"
            close_day = 25
            close_time = "24:00"
            source = ["https://example.org/window"]
        "#;
        let city = CityCode::new("320200").expect("a city");
        let changes = [(city, windows.parse().expect("a table"))].into_iter().collect();
        Catalogue::embedded_with(&changes).expect("a catalogue")
    }

    #[rstest]
    #[case::closed("2026-11-04T10:00:00+08:00", None)]
    #[case::opened("2026-11-05T10:00:00+08:00", Some(None))]
    #[case::opened_after_the_look_of_the_day_before("2026-11-06T08:30:00+08:00", Some(None))]
    #[case::running("2026-11-10T10:00:00+08:00", None)]
    #[case::a_week("2026-11-18T10:00:00+08:00", Some(Some(7)))]
    #[case::between("2026-11-20T10:00:00+08:00", None)]
    #[case::three_days("2026-11-22T10:00:00+08:00", Some(Some(3)))]
    #[case::tomorrow("2026-11-24T10:00:00+08:00", Some(Some(1)))]
    #[case::today("2026-11-25T10:00:00+08:00", None)]
    fn a_window_is_told_of_when_it_opens_and_before_it_closes(
        #[case] now: &str,
        #[case] told: Option<Option<i64>>,
    ) {
        let catalogue = catalogue();
        let city = CityCode::new("320200").expect("a city");
        let pack = catalogue.pack(&city).expect("a pack");
        let now = Timestamp::from_rfc3339(now).expect("a time");
        let found: BTreeSet<Option<i64>> =
            opportunities_of(&city, pack, now).map(|found| found.days_left).collect();
        assert_eq!(found, told.into_iter().collect());
    }

    #[test]
    fn days_begin_in_beijing() {
        let evening = Timestamp::from_rfc3339("2026-11-23T23:59:59+08:00").expect("a time");
        assert_eq!(day_begins(evening).rfc3339(), "2026-11-23T00:00:00+08:00");
        let morning = evening.plus(std::time::Duration::from_secs(1));
        assert_eq!(day_number(morning), day_number(evening) + 1);
    }
}
