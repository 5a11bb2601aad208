//! What there is to remind of: found in the orders that ended and, once a day, at the agencies.
//!
//! Players: orders say what was booked and returned since the last look; agencies are asked, as a
//! citizen's own look would ask them, for those who want to hear of windows and gaps; the reminders
//! say who that is, and send. Promised: looking is bounded, one process at a time looks, the same
//! thing is noted once, and no error here reaches a payment.
//!
//! Deliberately absent: a promise that everything is noticed. An agency that is away is asked again on
//! another day, and the truth is in the records.

mod daily;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use kernel::{AccountId, CityCode, Clock, PersonId, Timestamp};
use orders::{Order, OrderError, OrderState, Orders, Since};
use people::{People, PeopleError};
use policies::Catalogue;
use reminders::{Occasion, Place, ReminderError, ReminderKind, Reminders, Sent};
use wording::Language;

/// Orders looked at in one turn.
const ORDERS: u64 = 50;
/// A transaction that began before may still end; what is younger is looked at next time.
const SETTLED: Duration = Duration::from_secs(20);
/// Messages in one turn; the others wait for the next.
const MESSAGES: u64 = 16;

const BOOKED: &str = "booked";
const RETURNED: &str = "returned";

#[derive(Debug, thiserror::Error)]
pub(crate) enum OccasionError {
    #[error(transparent)]
    Reminders(#[from] ReminderError),
    #[error(transparent)]
    Orders(#[from] OrderError),
    #[error(transparent)]
    People(#[from] PeopleError),
    #[error("the agency does not tell: {0}")]
    Agency(#[from] agency::AgencyError),
}

/// Who looks for occasions.
#[derive(Clone, Debug)]
pub(crate) struct Occasions {
    pub reminders: Reminders,
    pub orders: Orders,
    pub people: People,
    pub catalogue: Arc<Catalogue>,
    /// Those that this installation serves.
    pub cities: Vec<CityCode>,
    pub clock: Arc<dyn Clock>,
}

/// What a turn did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turn {
    pub sent: Sent,
    /// There is more to do at once.
    pub more: bool,
}

impl Occasions {
    /// Looks and sends a little. What goes wrong is logged, and does not keep the rest from being done.
    pub(crate) async fn turn(&self) -> Turn {
        let mut turn = Turn::default();
        let logged = |what: &'static str, looked: Result<bool, OccasionError>| {
            looked.unwrap_or_else(|error| {
                tracing::warn!(%error, what, "occasions cannot be looked for");
                false
            })
        };
        turn.more |= logged("booked orders", self.note_booked().await);
        turn.more |= logged("refunds", self.note_returned().await);
        for kind in [ReminderKind::Window, ReminderKind::Gap] {
            turn.more |= logged(kind.code(), self.look_daily(kind).await);
        }
        match self.reminders.send_due(MESSAGES).await {
            Ok(sent) => turn.sent = sent,
            Err(error) => tracing::warn!(%error, "reminders cannot be sent"),
        }
        let Sent { accepted, declined, skipped, failed, .. } = turn.sent;
        turn.more |= u64::from(accepted + declined + skipped + failed) >= MESSAGES;
        turn
    }

    /// Where a search begins that nobody began before: nobody is told of what was long ago.
    fn now_on(&self) -> Place {
        Place { at: self.clock.now(), row: None }
    }

    fn settled(&self) -> Timestamp {
        let ago = i64::try_from(SETTLED.as_millis()).unwrap_or(0);
        Timestamp::from_millis(self.clock.now().as_millis() - ago)
    }

    async fn note_booked(&self) -> Result<bool, OccasionError> {
        let place = self.reminders.place(BOOKED, self.now_on()).await?;
        let since = Since { at: place.at, row: place.row };
        let orders = self.orders.booked_since(since, self.settled(), ORDERS).await?;
        let Some(last) = orders.last() else { return Ok(false) };
        let last = Place { at: last.updated_at, row: Some(last.id.as_uuid()) };
        let Some(mut progress) = self.reminders.take_progress(BOOKED, place).await? else {
            return Ok(false);
        };
        let full = u64::try_from(orders.len()).is_ok_and(|count| count >= ORDERS);
        for order in orders {
            let key = match order.state {
                OrderState::SuccessPartial => "reminder.posted_partly",
                _ => "reminder.posted",
            };
            let words = self.words_of(&order, key, order.amount, order.updated_at).await?;
            let subject = order.order_no.to_string();
            self.note_order(ReminderKind::Posted, &order, subject, words).await?;
        }
        progress.place = last;
        self.reminders.keep_progress(progress).await?;
        Ok(full)
    }

    async fn note_returned(&self) -> Result<bool, OccasionError> {
        let place = self.reminders.place(RETURNED, self.now_on()).await?;
        let since = Since { at: place.at, row: place.row };
        let returned = self.orders.returned_since(since, self.settled(), ORDERS).await?;
        let Some(last) = returned.last() else { return Ok(false) };
        let last = Place { at: last.at, row: Some(last.refund.as_uuid()) };
        let Some(mut progress) = self.reminders.take_progress(RETURNED, place).await? else {
            return Ok(false);
        };
        let full = u64::try_from(returned.len()).is_ok_and(|count| count >= ORDERS);
        // The last part tells of all: one order, one message.
        for back in returned.into_iter().filter(|back| !back.more_to_come) {
            let words = self.words_of(&back.order, "reminder.refund", back.amount, back.at).await?;
            let subject = format!("{}:{}", back.order.order_no, back.parts);
            self.note_order(ReminderKind::Refund, &back.order, subject, words).await?;
        }
        progress.place = last;
        self.reminders.keep_progress(progress).await?;
        Ok(full)
    }

    async fn words_of(
        &self,
        order: &Order,
        key: &str,
        amount: kernel::Fen,
        at: Timestamp,
    ) -> Result<BTreeMap<String, String>, OccasionError> {
        let mut words = said(key, &[]);
        words.insert("amount".to_owned(), format!("{amount}元"));
        words.insert("time".to_owned(), at.beijing_text());
        words.insert("order_no".to_owned(), order.order_no.to_string());
        if let Some(name) = self.name_of(order.account, order.person).await? {
            words.insert("name".to_owned(), name);
        }
        Ok(words)
    }

    /// Masked; `None` when the person was removed meanwhile.
    async fn name_of(
        &self,
        account: AccountId,
        person: PersonId,
    ) -> Result<Option<String>, OccasionError> {
        match self.people.person(account, person).await {
            Ok(person) => Ok(Some(person.masked_name)),
            Err(PeopleError::PersonNotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn note_order(
        &self,
        kind: ReminderKind,
        order: &Order,
        subject: String,
        words: BTreeMap<String, String>,
    ) -> Result<(), OccasionError> {
        let occasion = Occasion {
            account: order.account,
            kind,
            person: Some(order.person),
            subject,
            words,
            page: format!("pages/orders/detail?order_no={}", order.order_no),
        };
        self.reminders.note(&occasion).await?;
        Ok(())
    }
}

/// Title and note of a message. Messages are in Chinese: nobody asks which language a wallet is in.
fn said(key: &str, values: &[(&str, String)]) -> BTreeMap<String, String> {
    let phrase = wording::phrase(Language::Chinese, key).unwrap_or_default();
    BTreeMap::from([
        ("title".to_owned(), wording::filled(phrase.message, values)),
        ("note".to_owned(), wording::filled(phrase.next, values)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shortest place that a platform has for a text.
    const LONGEST: usize = 20;

    #[test]
    fn every_message_fits_its_place() {
        let date = ("date", "12月31日".to_owned());
        let months = ("months", "3".to_owned());
        for key in wording::phrases("reminder") {
            for word in said(&format!("reminder.{key}"), &[date.clone(), months.clone()]).values() {
                assert!((1..=LONGEST).contains(&word.chars().count()), "{key}: {word}");
                assert!(!word.contains('{'), "{key}: {word}");
            }
        }
    }
}
