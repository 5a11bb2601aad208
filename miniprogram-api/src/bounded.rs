//! A bounded memory inside the process: things by name, for a time, the least used go first.
//!
//! The cache below is a large generic type, and the compiler writes it out anew for every pair of types
//! that it holds: four of them were a quarter of this crate's code. So there is one, which holds
//! anything, and a typed door to it.

use std::{any::Any, fmt, marker::PhantomData, sync::Arc, time::Duration};

use moka::{policy::EvictionPolicy, sync::Cache};

type Anything = Arc<dyn Any + Send + Sync>;

/// When something is forgotten, were there room for ever.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Life {
    /// So long after it was put in.
    Since(Duration),
    /// So long after it was last looked at.
    Unused(Duration),
}

/// Things of one type by name. Clones share them.
pub(crate) struct Bounded<V> {
    things: Cache<String, Anything>,
    of: PhantomData<fn() -> V>,
}

impl<V> Clone for Bounded<V> {
    fn clone(&self) -> Bounded<V> {
        Bounded { things: self.things.clone(), of: PhantomData }
    }
}

impl<V> fmt::Debug for Bounded<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bounded({} things)", self.things.entry_count())
    }
}

impl<V: Any + Send + Sync> Bounded<V> {
    /// At most `things_max` things. Least recently used, not the cache's default: that one may refuse
    /// a newcomer.
    pub(crate) fn new(things_max: u64, life: Life) -> Bounded<V> {
        let cache =
            Cache::builder().max_capacity(things_max).eviction_policy(EvictionPolicy::lru());
        let things = match life {
            Life::Since(time) => cache.time_to_live(time),
            Life::Unused(time) => cache.time_to_idle(time),
        };
        Bounded { things: things.build(), of: PhantomData }
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<V>> {
        self.things.get(name)?.downcast().ok()
    }

    pub(crate) fn put(&self, name: String, thing: V) {
        self.things.insert(name, Arc::new(thing));
    }

    pub(crate) fn forget(&self, name: &str) {
        self.things.invalidate(name);
    }

    /// The work that is usually done by and by, done now.
    #[cfg(test)]
    pub(crate) fn tidy_up(&self) {
        self.things.run_pending_tasks();
    }
}

impl<V: Any + Send + Sync + Default> Bounded<V> {
    /// The thing of that name, which is made if there is none; of two who come at once both get the
    /// same.
    pub(crate) fn get_or_default(&self, name: String) -> Arc<V> {
        let thing = self.things.get_with(name, || Arc::<V>::default());
        // Only this type puts things in, and only of one type.
        thing.downcast().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn all_who_ask_for_a_name_share_its_thing() {
        let counts: Bounded<AtomicU32> = Bounded::new(10, Life::Since(Duration::from_secs(60)));
        assert!(counts.get("a").is_none());
        counts.get_or_default("a".to_owned()).fetch_add(1, Ordering::Relaxed);
        counts.clone().get_or_default("a".to_owned()).fetch_add(1, Ordering::Relaxed);
        let count = counts.get("a").map(|count| count.load(Ordering::Relaxed));
        assert_eq!(count, Some(2));
        counts.forget("a");
        assert!(counts.get("a").is_none());
    }

    #[test]
    fn what_was_unused_for_longest_makes_room() {
        let words: Bounded<&str> = Bounded::new(2, Life::Unused(Duration::from_secs(60)));
        for word in ["one", "two", "three"] {
            words.put(word.to_owned(), word);
            words.tidy_up();
        }
        assert!(words.get("one").is_none());
        assert_eq!(words.get("three").as_deref(), Some(&"three"));
    }
}
