//! Time as a value: instants in milliseconds, business dates in Asia/Shanghai, clocks handed in.

use std::{
    fmt,
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339, macros::offset};

/// China has one time zone without summer time; the platforms fix it at +08:00.
pub const BEIJING: UtcOffset = offset!(+8);

/// An instant: milliseconds since 1970-01-01T00:00:00Z, the form in which the database keeps it.
/// In JSON it is RFC 3339 at +08:00.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text that is no RFC 3339 instant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time is written like 2026-01-01T08:00:00+08:00")]
pub struct TimeParseError;

impl Timestamp {
    pub const fn from_millis(millis: i64) -> Timestamp {
        Timestamp(millis)
    }

    pub const fn as_millis(self) -> i64 {
        self.0
    }

    pub const fn from_unix_seconds(seconds: i64) -> Timestamp {
        Timestamp(seconds.saturating_mul(1000))
    }

    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    pub fn plus(self, duration: Duration) -> Timestamp {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Timestamp(self.0.saturating_add(millis))
    }

    /// The time since `earlier`, zero when it is later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// How far the two are apart, in either direction.
    pub fn apart(self, other: Timestamp) -> Duration {
        Duration::from_millis(self.0.abs_diff(other.0))
    }

    /// The same instant on a Beijing calendar; instants outside the calendar become 1970.
    pub fn beijing(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
            .to_offset(BEIJING)
    }

    /// `yyyyMMddHHmmssSSS` in Beijing, 17 digits that sort.
    pub(crate) fn beijing_digits(self) -> String {
        let t = self.beijing();
        format!(
            "{:04}{:02}{:02}{:02}{:02}{:02}{:03}",
            t.year(),
            u8::from(t.month()),
            t.day(),
            t.hour(),
            t.minute(),
            t.second(),
            t.millisecond()
        )
    }

    /// `yyyy-MM-dd HH:mm:ss` in Beijing, as Alipay writes times.
    pub fn beijing_text(self) -> String {
        let t = self.beijing();
        format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            t.year(),
            u8::from(t.month()),
            t.day(),
            t.hour(),
            t.minute(),
            t.second()
        )
    }

    /// Reads `yyyy-MM-dd HH:mm:ss` (optionally `.SSS`) as Beijing time.
    ///
    /// # Errors
    /// When the text has another form or names no real time.
    pub fn from_beijing_text(text: &str) -> Result<Timestamp, TimeParseError> {
        let rfc = format!("{}+08:00", text.trim().replacen(' ', "T", 1));
        Timestamp::from_rfc3339(&rfc)
    }

    /// RFC 3339 at +08:00 with whole seconds, as WeChat Pay writes times.
    pub fn rfc3339(self) -> String {
        format!("{}+08:00", self.beijing_text().replacen(' ', "T", 1))
    }

    /// # Errors
    /// When the text is not RFC 3339.
    pub fn from_rfc3339(text: &str) -> Result<Timestamp, TimeParseError> {
        let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| TimeParseError)?;
        i64::try_from(time.unix_timestamp_nanos() / 1_000_000)
            .map(Timestamp)
            .map_err(|_| TimeParseError)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.rfc3339())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        Timestamp::from_rfc3339(&text).map_err(serde::de::Error::custom)
    }
}

/// Tells the time. Business code reads it once per act and passes the instant down.
pub trait Clock: Send + Sync + fmt::Debug {
    fn now(&self) -> Timestamp;
}

/// The machine's clock, optionally shifted so that a demonstration can run on a business date for
/// which figures are published.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock {
    shift_millis: i64,
}

impl SystemClock {
    /// A clock that says `start` now and runs on at normal speed.
    pub fn starting_at(start: Timestamp) -> SystemClock {
        SystemClock { shift_millis: start.0.saturating_sub(machine_millis()) }
    }
}

fn machine_millis() -> i64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the machine's clock"
    )]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp(machine_millis().saturating_add(self.shift_millis))
    }
}

/// A clock that stands still until a test or a mock moves it.
#[derive(Debug)]
pub struct ControlledClock(AtomicI64);

impl ControlledClock {
    pub const fn at(start: Timestamp) -> ControlledClock {
        ControlledClock(AtomicI64::new(start.0))
    }

    pub fn advance(&self, duration: Duration) {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        self.0.fetch_add(millis, Ordering::SeqCst);
    }

    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }
}

impl Clock for ControlledClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beijing_is_eight_hours_ahead() {
        let new_year = Timestamp::from_unix_seconds(1_767_225_600);
        assert_eq!(new_year.rfc3339(), "2026-01-01T08:00:00+08:00");
        assert_eq!(new_year.beijing_text(), "2026-01-01 08:00:00");
        assert_eq!(Timestamp::from_rfc3339("2026-01-01T00:00:00Z"), Ok(new_year));
        assert_eq!(Timestamp::from_beijing_text("2026-01-01 08:00:00"), Ok(new_year));
        assert_eq!(
            Timestamp::from_beijing_text("2026-01-01 08:00:00.250").map(Timestamp::as_millis),
            Ok(new_year.as_millis() + 250)
        );
        assert!(Timestamp::from_beijing_text("2026-02-30 08:00:00").is_err());
    }

    #[test]
    fn distances_know_no_sign() {
        let (early, late) = (Timestamp::from_unix_seconds(0), Timestamp::from_unix_seconds(300));
        assert_eq!(early.apart(late), late.apart(early));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(late.since(early), Duration::from_secs(300));
    }

    #[test]
    fn a_controlled_clock_moves_only_when_told() {
        let clock = ControlledClock::at(Timestamp::from_unix_seconds(10));
        assert_eq!(clock.now(), clock.now());
        clock.advance(Duration::from_secs(5));
        assert_eq!(clock.now().unix_seconds(), 15);
    }
}
