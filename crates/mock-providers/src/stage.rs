//! What both mock platforms share: time, chance, faults, switches and the post office.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use kernel::Entropy;
use url::Url;

use crate::{
    clocks::Clocks, delivery::PostOffice, faults::Faults, letter::Letter, lock, phone::Exchanges,
    settings::Switches,
};

pub(crate) struct Stage {
    pub clocks: Arc<Clocks>,
    pub entropy: Arc<dyn Entropy>,
    pub faults: Arc<Faults>,
    pub switches: Arc<Switches>,
    pub office: Arc<PostOffice>,
    pub rate: Rate,
    /// What passed the mocks, for the phone page.
    pub exchanges: Arc<Exchanges>,
}

/// How many calls came in the present second.
#[derive(Debug, Default)]
pub(crate) struct Rate(Mutex<(i64, u64)>);

impl Stage {
    /// Hands a letter to the post office, to be sent after the usual delay.
    pub fn post(&self, letter: Arc<dyn Letter>, event_at: kernel::Timestamp) -> String {
        let delay = Duration::from_millis(self.switches.get().first_delivery_delay_ms);
        self.office.post(letter, event_at.plus(delay))
    }

    /// Counts a call that was verified; true when more came in this second than the settings allow.
    pub fn is_over_the_limit(&self) -> bool {
        let limit = self.switches.get().calls_per_second_max;
        if limit == 0 {
            return false;
        }
        let second = self.clocks.wire().unix_seconds();
        let mut rate = lock(&self.rate.0);
        if rate.0 != second {
            *rate = (second, 0);
        }
        rate.1 += 1;
        rate.1 > limit
    }

    /// Whether a platform would call this address: absolute, no query, no fragment, no blanks; plain
    /// http only when switched on.
    pub fn notify_url_fits(&self, text: &str) -> bool {
        if text.chars().any(|c| !c.is_ascii_graphic()) {
            return false;
        }
        let Ok(url) = Url::parse(text) else { return false };
        let http = url.scheme() == "http" && self.switches.get().http_notify_url;
        (http || url.scheme() == "https")
            && url.host_str().is_some()
            && url.query().is_none()
            && url.fragment().is_none()
    }

    /// Shuffles with the mock's own entropy (Fisher–Yates).
    pub fn shuffle<T>(&self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let range = u64::try_from(last).unwrap_or(u64::MAX).saturating_add(1);
            let pick = self.entropy.as_ref().u64() % range;
            items.swap(last, usize::try_from(pick).unwrap_or(0));
        }
    }
}
