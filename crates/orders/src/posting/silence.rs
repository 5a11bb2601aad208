//! Agencies that do not answer: after a few silences in a row one of them is left in peace for a moment,
//! so that its jobs do not hold the places that other agencies' jobs need.
//!
//! One memory a process; it holds no promise. What is skipped is only a try that would have waited out
//! its time limit, and skipped tries do not count. Every [`REST`] one try goes through and finds out.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use agency::AgencyError;
use kernel::{AgencyCode, Timestamp};

/// Silences in a row, all jobs of the process together.
const SILENCES_MAX: u32 = 4;
/// About two time limits of a call.
const REST: Duration = Duration::from_secs(15);
/// A call that ended in nothing after this long has held its place for nothing.
const LONG: Duration = Duration::from_secs(4);

#[derive(Clone, Copy, Debug)]
struct Silence {
    in_a_row: u32,
    rests_until: Timestamp,
}

/// Which agencies were silent. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Silences(Arc<Mutex<HashMap<AgencyCode, Silence>>>);

impl Silences {
    /// How long an agency is left in peace yet, `None` when it may be called. Whoever is told `None`
    /// after a rest is the one that finds out: the next ones rest meanwhile.
    pub(crate) fn rest(&self, agency: &AgencyCode, now: Timestamp) -> Option<Duration> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let silence = known.get_mut(agency)?;
        if silence.in_a_row < SILENCES_MAX {
            return None;
        }
        if now < silence.rests_until {
            return Some(silence.rests_until.since(now));
        }
        silence.rests_until = now.plus(REST);
        None
    }

    /// Remembers how a call ended that began at `since`. A quick refusal of a connection holds no place.
    pub(crate) fn hear<T>(
        &self,
        agency: &AgencyCode,
        answer: &Result<T, AgencyError>,
        (since, now): (Timestamp, Timestamp),
    ) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let silent = matches!(answer, Err(AgencyError::NotSent | AgencyError::Unknown(_)));
        if !silent {
            known.remove(agency);
        } else if now.since(since) >= LONG {
            let silence =
                known.entry(agency.clone()).or_insert(Silence { in_a_row: 0, rests_until: now });
            silence.in_a_row = silence.in_a_row.saturating_add(1);
            if silence.in_a_row >= SILENCES_MAX {
                silence.rests_until = now.plus(REST);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    const NO_ANSWER: Result<(), AgencyError> = Err(AgencyError::NotSent);

    fn agency(code: &str) -> AgencyCode {
        code.parse().expect("a code")
    }

    #[test]
    fn a_silent_agency_is_left_in_peace_and_asked_by_one_after_its_rest() {
        let (silences, agency) = (Silences::default(), agency("320200-hr"));
        for _ in 0..SILENCES_MAX {
            assert_eq!(silences.rest(&agency, at(92)), None);
            silences.hear(&agency, &NO_ANSWER, (at(92), at(100)));
        }
        assert_eq!(silences.rest(&agency, at(105)), Some(Duration::from_secs(10)));
        assert_eq!(silences.rest(&agency, at(115)), None, "one finds out");
        assert_eq!(silences.rest(&agency, at(115)), Some(REST), "and the others wait");
        silences.hear(&agency, &Ok(()), (at(115), at(123)));
        assert_eq!(silences.rest(&agency, at(123)), None, "slow is not silent");
    }

    #[test]
    fn one_silence_is_no_reason_and_others_are_not_meant() {
        let silences = Silences::default();
        let (one, other) = (agency("320200-hr"), agency("320200-med"));
        for _ in 0..SILENCES_MAX - 1 {
            silences.hear(&one, &NO_ANSWER, (at(0), at(8)));
        }
        assert_eq!(silences.rest(&one, at(8)), None);
        silences.hear(&one, &NO_ANSWER, (at(8), at(16)));
        assert!(silences.rest(&one, at(16)).is_some());
        assert_eq!(silences.rest(&other, at(16)), None);
    }

    #[test]
    fn a_refused_connection_holds_no_place() {
        let (silences, agency) = (Silences::default(), agency("320200-hr"));
        for _ in 0..10 {
            silences.hear(&agency, &NO_ANSWER, (at(1), at(1)));
        }
        assert_eq!(silences.rest(&agency, at(1)), None);
    }
}
