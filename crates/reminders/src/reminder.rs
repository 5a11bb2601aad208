//! Noting an occasion, and sending what is due.

pub(crate) mod table;

use std::{collections::BTreeMap, time::Duration};

use kernel::{AccountId, PersonId, ReminderId, Timestamp};
use migrations::begin_write;
use platforms::MessageFate;

use self::table::{Claimed, State};
use crate::{
    Letter, Messenger, MessengerError, ReminderError, ReminderKind, Reminders,
    hours::{day_of, within_hours},
    permission,
};

/// Until a sender that died is replaced.
const LEASE: Duration = Duration::from_secs(120);
/// Waits between tries of a message that certainly did not go out.
const LADDER: [u64; 4] = [60, 300, 1_800, 7_200];
/// A reminder that could not be sent for this long says nothing new any more.
const STALE: Duration = Duration::from_secs(48 * 60 * 60);

/// Something to remind somebody of.
#[derive(Clone, Debug)]
pub struct Occasion {
    pub account: AccountId,
    pub kind: ReminderKind,
    /// About whom; `None` when it is about several people of the account, which is one message.
    pub person: Option<PersonId>,
    /// The same occasion noted twice is one reminder: an order's number, a day.
    pub subject: String,
    pub words: BTreeMap<String, String>,
    pub page: String,
}

/// A reminder as it is kept, without its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    pub kind: String,
    /// `waiting`, `sent`, `declined`, `skipped` or `failed`.
    pub state: String,
    pub noted_at: Timestamp,
    /// The day in Beijing on which it went out.
    pub sent_on: Option<String>,
}

/// What became of the reminders that were due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    pub accepted: u32,
    pub declined: u32,
    /// Not wanted any more, one went out today already, or too late.
    pub skipped: u32,
    /// To be tried again.
    pub later: u32,
    pub failed: u32,
}

/// A reminder on its way.
#[derive(Clone, Debug)]
pub(crate) struct Reminder {
    pub id: ReminderId,
    pub account: AccountId,
    pub kind: ReminderKind,
    pub person: Option<PersonId>,
    pub words: BTreeMap<String, String>,
    pub page: String,
    pub attempts: i32,
    /// The last try's outcome is not known.
    pub in_doubt: bool,
    pub noted_at: Timestamp,
}

impl Reminders {
    /// Notes an occasion for somebody who wants to hear of it; says whether it is new and wanted.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn note(&self, occasion: &Occasion) -> Result<bool, ReminderError> {
        if !permission::allowed(&self.db, occasion.account, occasion.kind).await? {
            return Ok(false);
        }
        let now = self.clock.now();
        let id = ReminderId::generate(now, &*self.entropy);
        table::insert(&self.db, &self.cipher, id, occasion, within_hours(now), now).await
    }

    /// The account's reminders that are kept, sent or not, the latest first, at most a hundred.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn list(&self, account: AccountId) -> Result<Vec<Noted>, ReminderError> {
        table::of_account(&self.db, account, 100).await
    }

    /// Accounts that want to hear of `kind`, in pages: those after `after`, at most `limit`.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn accounts_wanting(
        &self,
        kind: ReminderKind,
        after: Option<AccountId>,
        limit: u64,
    ) -> Result<Vec<AccountId>, ReminderError> {
        permission::accounts(&self.db, kind, after, limit).await
    }

    /// The messenger of an account's mini-program, when its city sends messages there.
    pub async fn messenger_of(
        &self,
        account: AccountId,
    ) -> Result<Option<std::sync::Arc<dyn Messenger>>, ReminderError> {
        let Some(account) = self.people.account(account).await? else { return Ok(None) };
        let messengers = self.messengers.get();
        let own = |messenger: &&std::sync::Arc<dyn Messenger>| {
            messenger.channel() == account.channel && messenger.app_id() == account.app_id
        };
        Ok(messengers.iter().find(own).cloned())
    }

    /// Sends what is due, at most `limit`, one after the other. Any number of processes may.
    ///
    /// # Errors
    /// When the database is away. What a platform answers is recorded with the reminder.
    pub async fn send_due(&self, limit: u64) -> Result<Sent, ReminderError> {
        let mut sent = Sent::default();
        let now = self.clock.now();
        if within_hours(now) != now || !table::any_due(&self.db, now).await? {
            return Ok(sent);
        }
        // One lease is one message: a slow platform must not use up the leases of those behind it.
        for _ in 0..limit {
            let now = self.clock.now();
            let txn = begin_write(&self.db).await?;
            let claimed = table::claim(&txn, &self.cipher, now, now.plus(LEASE)).await?;
            txn.commit().await?;
            let reminder = match claimed {
                Claimed::Nothing => break,
                Claimed::Unreadable => {
                    sent.failed += 1;
                    continue;
                }
                Claimed::One(reminder) => reminder,
            };
            let (state, error) = match self.deliver(&reminder).await {
                Ok(outcome) => outcome,
                Err(error @ ReminderError::Database(_)) => return Err(error),
                Err(error) => {
                    // Tried once more when the lease is over.
                    tracing::error!(%error, reminder.id = %reminder.id, "a reminder cannot be sent");
                    sent.later += 1;
                    continue;
                }
            };
            match state {
                State::Sent => sent.accepted += 1,
                State::Declined => sent.declined += 1,
                State::Skipped => sent.skipped += 1,
                State::Failed => sent.failed += 1,
                State::Waiting => sent.later += 1,
            }
            metrics::counter!("reminders", "kind" => reminder.kind.code(), "outcome" => state.code())
                .increment(1);
            self.settle(&reminder, state, error).await?;
        }
        Ok(sent)
    }

    async fn deliver(
        &self,
        reminder: &Reminder,
    ) -> Result<(State, Option<MessengerError>), ReminderError> {
        let now = self.clock.now();
        let (account, kind) = (reminder.account, reminder.kind);
        if now.since(reminder.noted_at) > STALE
            || !permission::allowed(&self.db, account, kind).await?
            || table::sent_on(&self.db, reminder, &day_of(now)).await?
        {
            return Ok((State::Skipped, None));
        }
        let Some(messenger) = self.messenger_of(account).await? else {
            return Ok((State::Skipped, None));
        };
        if messenger.template_id(kind).is_none() {
            return Ok((State::Skipped, None));
        }
        let (id_kind, external_id) = self.people.external_id(account).await?;
        let letter = Letter {
            kind,
            id_kind,
            external_id,
            words: reminder.words.clone(),
            page: reminder.page.clone(),
        };
        Ok(match messenger.send(&letter).await {
            Ok(MessageFate::Accepted) => (State::Sent, None),
            Ok(MessageFate::Declined) => (State::Declined, None),
            // It may have been read: once more at most.
            Err(error @ MessengerError::Unknown(_)) if reminder.in_doubt => {
                (State::Failed, Some(error))
            }
            Err(error @ (MessengerError::Unknown(_) | MessengerError::Later(_))) => {
                let tries = usize::try_from(reminder.attempts).unwrap_or(usize::MAX);
                let state = if tries > LADDER.len() { State::Failed } else { State::Waiting };
                (state, Some(error))
            }
            Err(error @ MessengerError::Refused(_)) => (State::Failed, Some(error)),
        })
    }

    async fn settle(
        &self,
        reminder: &Reminder,
        state: State,
        error: Option<MessengerError>,
    ) -> Result<(), ReminderError> {
        let now = self.clock.now();
        if let Some(error) = &error {
            tracing::warn!(reminder.kind = reminder.kind.code(), %error, "a reminder did not go out");
        }
        let tries = usize::try_from(reminder.attempts.max(1) - 1).unwrap_or(0);
        let wait = LADDER[tries.min(LADDER.len() - 1)];
        let settled = table::Settled {
            state,
            due_at: within_hours(now.plus(Duration::from_secs(wait))),
            in_doubt: reminder.in_doubt || matches!(error, Some(MessengerError::Unknown(_))),
            day: (state == State::Sent).then(|| day_of(now)),
        };
        let txn = begin_write(&self.db).await?;
        if table::settle(&txn, reminder, &settled, now).await? {
            match state {
                State::Sent => permission::used(&txn, reminder.account, reminder.kind).await?,
                State::Declined => {
                    permission::used_up(&txn, reminder.account, reminder.kind).await?;
                }
                State::Waiting | State::Skipped | State::Failed => {}
            }
        }
        txn.commit().await?;
        Ok(())
    }
}
