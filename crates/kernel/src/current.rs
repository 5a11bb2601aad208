//! What is read often and replaced while the program runs: keys, accounts, whom a city uses.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

/// The present value of something. Clones share it: what is put into one is seen by all.
pub struct Current<T>(Arc<RwLock<Arc<T>>>);

impl<T> Current<T> {
    pub fn new(value: T) -> Current<T> {
        Current(Arc::new(RwLock::new(Arc::new(value))))
    }

    /// The value as it is now; whoever holds it goes on with it after a replacement.
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the value for everybody who asks from now on.
    pub fn replace(&self, value: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
    }
}

impl<T> Clone for Current<T> {
    fn clone(&self) -> Current<T> {
        Current(Arc::clone(&self.0))
    }
}

impl<T: fmt::Debug> fmt::Debug for Current<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_a_replacement_and_holders_keep_what_they_hold() {
        let one = Current::new("old");
        let (other, held) = (one.clone(), one.get());
        one.replace("new");
        assert_eq!((*other.get(), *held), ("new", "old"));
    }
}
