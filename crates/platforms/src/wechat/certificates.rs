//! The download of platform certificates (平台证书), and when it is allowed.
//!
//! A new certificate appears first as an unknown serial. Only two things may ask for the list then:
//! an answer to a call of our own, and a notification whose content opens with the APIv3 key, which
//! nobody but WeChat and we have. Both together at most once in [`REFRESH_GAP`] for one account, and
//! a serial that the list did not explain is not asked for again within it. Anybody can post any
//! number of invented serials: they cost a look into a map, or one failed decryption, and no call.
//!
//! Deliberately absent: a timer for each merchant. A list that was downloaded is renewed in passing,
//! by the first genuine message or own call after [`LIST_AGE_MAX`].

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::Timestamp;
use serde::Deserialize;

use super::{
    content::{AES, ContentKey, Sealed},
    keys::{PlatformKey, canonical, read_certificates},
};

/// The least time between two downloads of one account, whether they succeed or not.
pub(super) const REFRESH_GAP: Duration = Duration::from_secs(60);

/// WeChat asks for less than twelve hours.
const LIST_AGE_MAX: Duration = Duration::from_secs(10 * 60 * 60);

/// How many unexplained serials are remembered; the oldest leaves first.
const UNKNOWN_MAX: usize = 1024;

const LISTED_MAX: usize = 16;

/// Why a list is not believed. Names no content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadList {
    Form,
    Undecryptable,
    Certificate,
}

impl BadList {
    pub(super) const fn text(self) -> &'static str {
        match self {
            BadList::Form => "the list of certificates has an unknown form",
            BadList::Undecryptable => {
                "a listed certificate cannot be decrypted: check the APIv3 key"
            }
            BadList::Certificate => "a listed certificate cannot be read",
        }
    }
}

/// Decrypts the list. Whose it is, its signature has to show: the caller verifies it with one of
/// the keys that are in it or known before.
pub(super) fn read_list(
    content_key: &ContentKey,
    body: &[u8],
) -> Result<Vec<(String, PlatformKey)>, BadList> {
    #[derive(Deserialize)]
    struct List {
        data: Vec<Listed>,
    }
    #[derive(Deserialize)]
    struct Listed {
        serial_no: String,
        encrypt_certificate: Sealed,
    }
    let list: List = serde_json::from_slice(body).map_err(|_| BadList::Form)?;
    if list.data.len() > LISTED_MAX {
        return Err(BadList::Form);
    }
    let mut keys = Vec::new();
    for Listed { serial_no, encrypt_certificate: sealed } in list.data {
        // SM2 certificates stand in the same list when asked for; we speak RSA only.
        if sealed.algorithm != AES {
            continue;
        }
        let plain = content_key.open(&sealed).map_err(|_| BadList::Undecryptable)?;
        let plain = String::from_utf8(plain).map_err(|_| BadList::Certificate)?;
        let read = read_certificates("certificate", &plain).map_err(|_| BadList::Certificate)?;
        // The first section is the certificate itself; its serial must be the one it is listed under.
        let (serial, key) = read.into_iter().next().ok_or(BadList::Certificate)?;
        if serial != canonical(&serial_no) {
            return Err(BadList::Certificate);
        }
        keys.push((serial, key));
    }
    Ok(keys)
}

/// The budget of downloads and the serials that stayed unknown.
#[derive(Default)]
pub(super) struct Refresh(Mutex<State>);

#[derive(Default)]
struct State {
    begun: Option<Timestamp>,
    listed: Option<Timestamp>,
    /// What was wrong with the last list.
    bad: Option<BadList>,
    unknown: HashMap<String, Timestamp>,
    order: VecDeque<String>,
}

impl State {
    fn has_budget(&self, now: Timestamp) -> bool {
        // Apart, not since: a clock that was set back must not stop refreshing.
        self.begun.is_none_or(|begun| now.apart(begun) >= REFRESH_GAP)
    }
}

impl Refresh {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether asking about this serial could be worth a call: budget is left and the serial was
    /// not found missing a moment ago.
    pub(super) fn is_open_to(&self, serial: &str, now: Timestamp) -> bool {
        let state = self.state();
        let missing = state.unknown.get(&canonical(serial));
        state.has_budget(now) && missing.is_none_or(|since| now.apart(*since) >= REFRESH_GAP)
    }

    /// Takes the budget; false when it is used up.
    pub(super) fn begin(&self, now: Timestamp) -> bool {
        let mut state = self.state();
        let granted = state.has_budget(now);
        if granted {
            state.begun = Some(now);
        }
        granted
    }

    /// Keeps what was wrong with the list that was downloaded last, to be told when keys are missing.
    pub(super) fn keep_bad_list(&self, bad: Option<BadList>) {
        self.state().bad = bad;
    }

    pub(super) fn bad_list(&self) -> Option<BadList> {
        self.state().bad
    }

    /// A list was read and verified.
    pub(super) fn succeeded(&self, now: Timestamp) {
        self.state().listed = Some(now);
    }

    /// A serial means nothing, also after a look or because looking cannot help.
    pub(super) fn remember_unknown(&self, serial: &str, now: Timestamp) {
        let (mut state, serial) = (self.state(), canonical(serial));
        if state.unknown.insert(serial.clone(), now).is_none() {
            state.order.push_back(serial);
        }
        if state.order.len() > UNKNOWN_MAX
            && let Some(oldest) = state.order.pop_front()
        {
            state.unknown.remove(&oldest);
        }
    }

    /// Whether a list was downloaded and has grown old.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let state = self.state();
        state.listed.is_some_and(|listed| now.apart(listed) >= LIST_AGE_MAX)
            && state.has_budget(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_767_225_600);

    fn later(seconds: u64) -> Timestamp {
        NOW.plus(Duration::from_secs(seconds))
    }

    #[test]
    fn one_download_a_minute_whatever_is_asked() {
        let refresh = Refresh::default();
        let granted = (0..10_000u64).filter(|n| {
            let now = NOW.plus(Duration::from_millis(*n));
            refresh.is_open_to(&format!("{n:040X}"), now) && refresh.begin(now)
        });
        assert_eq!(granted.count(), 1);
        assert!(!refresh.begin(later(59)));
        assert!(refresh.begin(later(60)));
    }

    #[test]
    fn a_serial_that_stayed_unknown_is_not_asked_for_again_at_once() {
        let refresh = Refresh::default();
        refresh.remember_unknown("00ab", NOW);
        assert!(!refresh.is_open_to("AB", later(59)));
        assert!(refresh.is_open_to("AC", later(59)));
        assert!(refresh.is_open_to("AB", later(60)));
    }

    #[test]
    fn the_memory_of_unknown_serials_is_bounded() {
        let refresh = Refresh::default();
        for n in 0..5_000 {
            refresh.remember_unknown(&format!("{n:040X}"), NOW);
        }
        let state = refresh.state();
        assert_eq!((state.unknown.len(), state.order.len()), (UNKNOWN_MAX, UNKNOWN_MAX));
    }

    #[test]
    fn only_a_list_that_was_downloaded_grows_old() {
        let refresh = Refresh::default();
        assert!(!refresh.is_due(later(1_000_000)));
        refresh.succeeded(NOW);
        assert!(!refresh.is_due(later(35_999)));
        assert!(refresh.is_due(later(36_000)));
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_stop_refreshing() {
        let refresh = Refresh::default();
        assert!(refresh.begin(later(86_400)));
        assert!(refresh.begin(NOW));
    }
}
