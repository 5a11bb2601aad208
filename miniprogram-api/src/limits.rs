//! How often one address or account may knock in a minute, in this process: against hammering, which
//! costs calls to platforms. What must hold across processes is counted in the database instead.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use axum::http::StatusCode;

use crate::{
    bounded::{Bounded, Life},
    problem::{ApiError, tell},
};

const WINDOW: Duration = Duration::from_secs(60);
/// Names remembered in this process; the least used go first.
const NAMES_MAX: u64 = 100_000;

/// What is done too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Knock {
    /// Asking a platform how a verification went.
    Result,
    /// Taking everything along.
    Export,
    /// Opening a family link.
    Link,
}

impl Knock {
    const fn a_minute(self) -> u32 {
        match self {
            Knock::Result => 20,
            Knock::Export => 5,
            Knock::Link => 60,
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Knock::Result => "result",
            Knock::Export => "export",
            Knock::Link => "link",
        }
    }
}

/// Counts knocks by what and whose they are.
#[derive(Clone, Debug)]
pub struct Limits(Bounded<AtomicU32>);

impl Default for Limits {
    fn default() -> Limits {
        Limits(Bounded::new(NAMES_MAX, Life::Since(WINDOW)))
    }
}

impl Limits {
    /// Counts one more.
    ///
    /// # Errors
    /// 429 when there were enough this minute.
    pub(crate) fn check(&self, knock: Knock, whose: &str) -> Result<(), ApiError> {
        let name = format!("{}:{whose}", knock.code());
        let count = self.0.get_or_default(name);
        if count.fetch_add(1, Ordering::Relaxed) < knock.a_minute() {
            return Ok(());
        }
        metrics::counter!("requests_limited_total", "knock" => knock.code()).increment(1);
        Err(tell(StatusCode::TOO_MANY_REQUESTS, "too_often"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_is_stopped_and_others_go_on() {
        let limits = Limits::default();
        for _ in 0..Knock::Export.a_minute() {
            limits.check(Knock::Export, "a").expect("within the limit");
        }
        let error = limits.check(Knock::Export, "a").expect_err("one too many");
        assert_eq!(error.code(), "too_often");
        limits.check(Knock::Export, "b").expect("another name");
        limits.check(Knock::Result, "a").expect("another matter");
    }
}
