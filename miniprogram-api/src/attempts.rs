//! How often an account may name a person wrongly: nobody finds out a name by trying.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use axum::http::StatusCode;
use kernel::AccountId;

use crate::{
    bounded::{Bounded, Life},
    problem::{ApiError, tell},
};

/// Mistakes that anybody makes with a document in hand.
const MISTAKES_MAX: u32 = 5;
/// Counted from the first mistake.
const WINDOW: Duration = Duration::from_secs(60 * 60);
/// Accounts remembered in this process; the window is short and the harm of forgetting small.
const ACCOUNTS_MAX: u64 = 100_000;

/// Counts identity mismatches per account, in this process.
#[derive(Clone, Debug)]
pub struct IdentityAttempts(Bounded<AtomicU32>);

impl Default for IdentityAttempts {
    fn default() -> IdentityAttempts {
        IdentityAttempts(Bounded::new(ACCOUNTS_MAX, Life::Since(WINDOW)))
    }
}

impl IdentityAttempts {
    /// # Errors
    /// 429 when the account has made its mistakes for now.
    pub(crate) fn check(&self, account: AccountId) -> Result<(), ApiError> {
        let mistakes = self.0.get(&account.to_string());
        if mistakes.is_some_and(|mistakes| mistakes.load(Ordering::Relaxed) >= MISTAKES_MAX) {
            return Err(tell(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts"));
        }
        Ok(())
    }

    /// Counts a mistake.
    pub(crate) fn count(&self, account: AccountId) {
        self.0.get_or_default(account.to_string()).fetch_add(1, Ordering::Relaxed);
    }
}
