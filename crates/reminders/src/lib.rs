//! Reminders (提醒): short messages in the wallet, for those who asked for them.
//!
//! Players: the citizens' face writes down who wants which kind; the program notes what happened
//! (an order was booked, a month is missing) and sends what is due through a [`Messenger`].
//! Promised: nobody who did not ask hears anything; nothing between nine at night and eight in the
//! morning; at most one message per person, kind and day; a platform's "the user does not want it" is
//! a normal end; a message is never a reason to touch money. The words are sealed: they carry amounts
//! and a masked name.
//!
//! Deliberately absent: what there is to remind of (the program finds that out from orders and
//! agencies), wording (the message files), and any promise of delivery: platforms have no
//! idempotency for messages, so after a doubt one is repeated once at most, and the truth is always
//! in the records.

mod error;
mod forgetting;
mod hours;
mod kind;
mod messenger;
mod permission;
mod progress;
mod reminder;

use std::{fmt, sync::Arc};

use kernel::{Clock, Current, Entropy};
use people::{FieldCipher, People};
use sea_orm::DatabaseConnection;

pub use self::{
    error::ReminderError,
    hours::within_hours,
    kind::ReminderKind,
    messenger::{Letter, Messenger, MessengerError},
    permission::{Answer, Permission},
    progress::{Place, Progress},
    reminder::{Noted, Occasion, Sent},
};

/// The room's handle. Cheap to clone.
#[derive(Clone)]
pub struct Reminders {
    db: DatabaseConnection,
    people: People,
    cipher: FieldCipher,
    messengers: Current<Vec<Arc<dyn Messenger>>>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for Reminders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reminders").field("messengers", &self.messengers).finish_non_exhaustive()
    }
}

impl Reminders {
    /// `db` must be migrated.
    pub fn new(
        db: DatabaseConnection,
        people: People,
        cipher: FieldCipher,
        messengers: Current<Vec<Arc<dyn Messenger>>>,
        (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>),
    ) -> Reminders {
        Reminders { db, people, cipher, messengers, clock, entropy }
    }
}
