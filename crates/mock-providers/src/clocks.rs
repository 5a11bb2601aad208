//! The mock's two times: the one on the wire and the one of the business.
//!
//! The business time (expiry, lifetimes, retry timetable) can be moved forward for tests. The wire
//! time (signature time stamps and their freshness) stays with the clock that was handed in, so that
//! a service in another process, whose clock nobody moves, still accepts what the mock signs. When
//! both share a controlled clock, moving it moves everything. A scale lets the business time run
//! faster than the machine's, so that a timetable of a day passes in minutes while somebody watches.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use kernel::{Clock, ControlledClock, Timestamp};

use crate::lock;

#[derive(Debug)]
pub(crate) struct Clocks {
    base: Arc<dyn Clock>,
    controlled: Option<Arc<ControlledClock>>,
    shift_millis: AtomicI64,
    skew_millis: AtomicI64,
    scale: Mutex<Scale>,
}

/// Since when the business time runs how many times as fast.
#[derive(Clone, Copy, Debug)]
struct Scale {
    factor: i64,
    since: Timestamp,
}

/// A day in 86 seconds; faster makes attempts overtake each other.
pub(crate) const SCALE_MAX: i64 = 1_000;

impl Clocks {
    pub fn new(base: Arc<dyn Clock>, controlled: Option<Arc<ControlledClock>>) -> Clocks {
        let scale = Mutex::new(Scale { factor: 1, since: base.now() });
        let (shift_millis, skew_millis) = (AtomicI64::new(0), AtomicI64::new(0));
        Clocks { base, controlled, shift_millis, skew_millis, scale }
    }

    /// What scaling added since it began.
    fn gained_millis(scale: Scale, base: Timestamp) -> i64 {
        let passed = base.as_millis().saturating_sub(scale.since.as_millis());
        passed.saturating_mul(scale.factor - 1)
    }

    /// Lets business time run `factor` times as fast from now on; what was gained stays.
    pub fn set_scale(&self, factor: i64) {
        let base = self.base.now();
        let mut scale = lock(&self.scale);
        self.shift_millis.fetch_add(Clocks::gained_millis(*scale, base), Ordering::SeqCst);
        *scale = Scale { factor: factor.clamp(1, SCALE_MAX), since: base };
    }

    pub fn scale(&self) -> i64 {
        lock(&self.scale).factor
    }

    /// The time by which trades expire and notifications are due.
    pub fn now(&self) -> Timestamp {
        let scale = lock(&self.scale);
        let base = self.base.now();
        let shift = self.shift_millis.load(Ordering::SeqCst);
        let gained = Clocks::gained_millis(*scale, base);
        Timestamp::from_millis(base.as_millis().saturating_add(shift).saturating_add(gained))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaled_time_runs_faster_and_never_back() {
        let base = Arc::new(ControlledClock::at(Timestamp::from_unix_seconds(1_000)));
        let clocks = Clocks::new(Arc::clone(&base) as Arc<dyn Clock>, None);
        clocks.set_scale(60);
        base.advance(Duration::from_secs(10));
        assert_eq!(clocks.now().unix_seconds(), 1_600);
        assert_eq!(clocks.wire().unix_seconds(), 1_010);
        clocks.set_scale(1);
        base.advance(Duration::from_secs(10));
        assert_eq!(clocks.now().unix_seconds(), 1_610);
        clocks.move_to(Timestamp::from_unix_seconds(2_000));
        assert_eq!((clocks.now().unix_seconds(), clocks.scale()), (2_000, 1));
    }
}
