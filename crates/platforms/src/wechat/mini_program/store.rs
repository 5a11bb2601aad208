//! Where processes share one application's access token, and the store inside one process.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use kernel::{Clock, Secret, Timestamp};

/// The store gives no answer. Whoever asked goes on alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token store is away")]
pub struct TokenStoreAway;

/// A place where processes share what they know of an application's token, and a lock by which one
/// of them asks the platform for all. The note is a text of the token's holder: a store keeps it as
/// it is, secret, and looks into nothing.
///
/// No promise hangs on a store. One that forgets, is away or gives a lock twice costs a call more:
/// the platform gives the same token to all who ask.
#[async_trait]
pub trait TokenStore: Send + Sync + fmt::Debug {
    /// The note of an application. What cannot be read is none.
    async fn load(&self, app_id: &str) -> Result<Option<Secret>, TokenStoreAway>;

    /// Keeps a note in place of the one before; after `life` nobody needs it.
    async fn save(&self, app_id: &str, note: &Secret, life: Duration)
    -> Result<(), TokenStoreAway>;

    /// Takes the lock of an application for `lease`. True when it was free, or is `owner`'s already,
    /// whose lease begins anew. It ends by itself, so a dead owner delays others by the lease only.
    async fn lock(
        &self,
        app_id: &str,
        owner: &str,
        lease: Duration,
    ) -> Result<bool, TokenStoreAway>;

    /// Gives the lock back, if it is still `owner`'s.
    async fn unlock(&self, app_id: &str, owner: &str) -> Result<(), TokenStoreAway>;
}

#[derive(Default)]
struct Shelf {
    note: Option<(Secret, Timestamp)>,
    lock: Option<(String, Timestamp)>,
}

/// The store inside one process: for one process, and for tests.
pub struct EmbeddedTokens {
    /// One shelf for each application that is configured, so their number is bounded.
    shelves: Mutex<HashMap<String, Shelf>>,
    clock: Arc<dyn Clock>,
}

impl EmbeddedTokens {
    pub fn new(clock: Arc<dyn Clock>) -> EmbeddedTokens {
        EmbeddedTokens { shelves: Mutex::default(), clock }
    }

    fn shelves(&self) -> MutexGuard<'_, HashMap<String, Shelf>> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for EmbeddedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmbeddedTokens(***)")
    }
}

#[async_trait]
impl TokenStore for EmbeddedTokens {
    async fn load(&self, app_id: &str) -> Result<Option<Secret>, TokenStoreAway> {
        let now = self.clock.now();
        let shelves = self.shelves();
        let note = shelves.get(app_id).and_then(|shelf| shelf.note.as_ref());
        Ok(note.filter(|(_, until)| now < *until).map(|(note, _)| note.clone()))
    }

    async fn save(
        &self,
        app_id: &str,
        note: &Secret,
        life: Duration,
    ) -> Result<(), TokenStoreAway> {
        let until = self.clock.now().plus(life);
        self.shelves().entry(app_id.to_owned()).or_default().note = Some((note.clone(), until));
        Ok(())
    }

    async fn lock(
        &self,
        app_id: &str,
        owner: &str,
        lease: Duration,
    ) -> Result<bool, TokenStoreAway> {
        let now = self.clock.now();
        let mut shelves = self.shelves();
        let lock = &mut shelves.entry(app_id.to_owned()).or_default().lock;
        let free = lock.as_ref().is_none_or(|(other, until)| other == owner || now >= *until);
        if free {
            *lock = Some((owner.to_owned(), now.plus(lease)));
        }
        Ok(free)
    }

    async fn unlock(&self, app_id: &str, owner: &str) -> Result<(), TokenStoreAway> {
        if let Some(shelf) = self.shelves().get_mut(app_id)
            && shelf.lock.as_ref().is_some_and(|(other, _)| other == owner)
        {
            shelf.lock = None;
        }
        Ok(())
    }
}
