//! How often an account may name a person wrongly: nobody finds out a name by trying.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::http::StatusCode;
use kernel::AccountId;
use moka::future::Cache;

use crate::problem::{ApiError, tell};

/// Mistakes that anybody makes with a document in hand.
const MISTAKES_MAX: u32 = 5;
/// Counted from the first mistake.
const WINDOW: Duration = Duration::from_secs(60 * 60);
/// Accounts remembered in this process; the window is short and the harm of forgetting small.
const ACCOUNTS_MAX: u64 = 100_000;

/// Counts identity mismatches per account, in this process.
#[derive(Clone, Debug)]
pub struct IdentityAttempts(Cache<AccountId, Arc<AtomicU32>>);

impl Default for IdentityAttempts {
    fn default() -> IdentityAttempts {
        IdentityAttempts(Cache::builder().max_capacity(ACCOUNTS_MAX).time_to_live(WINDOW).build())
    }
}

impl IdentityAttempts {
    /// # Errors
    /// 429 when the account has made its mistakes for now.
    pub(crate) async fn check(&self, account: AccountId) -> Result<(), ApiError> {
        let mistakes = self.0.get(&account).await;
        if mistakes.is_some_and(|mistakes| mistakes.load(Ordering::Relaxed) >= MISTAKES_MAX) {
            return Err(tell(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts"));
        }
        Ok(())
    }

    /// Counts a mistake.
    pub(crate) async fn count(&self, account: AccountId) {
        let mistakes = self.0.get_with(account, async { Arc::new(AtomicU32::new(0)) }).await;
        mistakes.fetch_add(1, Ordering::Relaxed);
    }
}
