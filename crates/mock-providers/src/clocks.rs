//! The mock's two times: the one on the wire and the one of the business.
//!
//! The business time (expiry, lifetimes, retry timetable) can be moved forward for tests. The wire
//! time (signature time stamps and their freshness) stays with the clock that was handed in, so that
//! a service in another process, whose clock nobody moves, still accepts what the mock signs. When
//! both share a controlled clock, moving it moves everything.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use kernel::{Clock, ControlledClock, Timestamp};

#[derive(Debug)]
pub(crate) struct Clocks {
    base: Arc<dyn Clock>,
    controlled: Option<Arc<ControlledClock>>,
    shift_millis: AtomicI64,
    skew_millis: AtomicI64,
}

impl Clocks {
    pub fn new(base: Arc<dyn Clock>, controlled: Option<Arc<ControlledClock>>) -> Clocks {
        Clocks { base, controlled, shift_millis: AtomicI64::new(0), skew_millis: AtomicI64::new(0) }
    }

    /// The time by which trades expire and notifications are due.
    pub fn now(&self) -> Timestamp {
        let millis = self.base.now().as_millis();
        Timestamp::from_millis(millis.saturating_add(self.shift_millis.load(Ordering::SeqCst)))
    }

    /// The time in and against signatures.
    pub fn wire(&self) -> Timestamp {
        let millis = self.base.now().as_millis();
        Timestamp::from_millis(millis.saturating_add(self.skew_millis.load(Ordering::SeqCst)))
    }

    /// Moves the business time forward to `target`; never back.
    pub fn move_to(&self, target: Timestamp) {
        let missing = target.since(self.now());
        if missing.is_zero() {
            return;
        }
        match &self.controlled {
            Some(clock) => clock.advance(missing),
            None => {
                let millis = i64::try_from(missing.as_millis()).unwrap_or(i64::MAX);
                self.shift_millis.fetch_add(millis, Ordering::SeqCst);
            }
        }
    }

    /// Lets the wire time be wrong by so much, to see whether the other side notices.
    pub fn set_skew(&self, seconds: i64) {
        self.skew_millis.store(seconds.saturating_mul(1000), Ordering::SeqCst);
    }

    pub fn skew_seconds(&self) -> i64 {
        self.skew_millis.load(Ordering::SeqCst) / 1000
    }

    /// Whether the clock moves by itself.
    pub fn is_controlled(&self) -> bool {
        self.controlled.is_some()
    }

    /// `now` plus whole seconds.
    pub fn later(&self, seconds: u64) -> Timestamp {
        self.now().plus(Duration::from_secs(seconds))
    }
}
