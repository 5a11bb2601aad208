//! How far WeChat's clock is from ours. At 300 s every call and every notification is refused, so
//! somebody has to hear of it long before.
//!
//! Measured in passing, on every answer: by the time in its signature, and on an answer without one by
//! its `Date`, because the very calls that a wrong clock spoils are answered unsigned. It is a figure for
//! operators; nothing is believed or refused for it.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use kernel::Timestamp;
use reqwest::header::{DATE, HeaderMap};
use time::{PrimitiveDateTime, format_description::BorrowedFormatItem, macros::format_description};

/// From here on somebody should look after the clock.
pub(super) const NOTICED: u64 = 60;

/// How long one line about the clock is enough.
const LINE_GAP: Duration = Duration::from_secs(600);

/// Nothing was measured yet.
const UNKNOWN: i64 = i64::MIN;

/// `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that servers send.
const HTTP_DATE: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

pub(super) struct Skew {
    seconds: AtomicI64,
    told: Mutex<Option<Timestamp>>,
}

impl Default for Skew {
    fn default() -> Skew {
        Skew { seconds: AtomicI64::new(UNKNOWN), told: Mutex::default() }
    }
}

/// What the sender's clock said.
fn sent_at(headers: &HeaderMap) -> Option<i64> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    if let Some(seconds) = text("wechatpay-timestamp") {
        return seconds.parse().ok();
    }
    let date = PrimitiveDateTime::parse(text(DATE.as_str())?, HTTP_DATE).ok()?;
    Some(date.assume_utc().unix_timestamp())
}

impl Skew {
    /// Looks at an answer that came just now; `merchant` is for the metric and the log.
    pub(super) fn note(&self, now: Timestamp, headers: &HeaderMap, merchant: &str) {
        let Some(sent_at) = sent_at(headers) else { return };
        let seconds = sent_at.saturating_sub(now.unix_seconds());
        self.seconds.store(seconds, Ordering::Relaxed);
        let shown = i32::try_from(seconds).unwrap_or(if seconds < 0 { i32::MIN } else { i32::MAX });
        let labels = [("channel", "wechat".to_owned()), ("merchant", merchant.to_owned())];
        metrics::gauge!("channel_clock_skew_seconds", &labels).set(f64::from(shown));
        if seconds.unsigned_abs() > NOTICED && self.is_news(now) {
            tracing::warn!(
                channel = "wechat",
                merchant,
                skew_seconds = seconds,
                "this machine's clock is not WeChat's; at 300 s nothing works any more"
            );
        }
    }

    fn is_news(&self, now: Timestamp) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let news = told.is_none_or(|told| now.apart(told) >= LINE_GAP);
        if news {
            *told = Some(now);
        }
        news
    }

    /// Seconds by which WeChat's clock is ahead of ours, by the last answer.
    pub(super) fn seconds(&self) -> Option<i64> {
        Some(self.seconds.load(Ordering::Relaxed)).filter(|seconds| *seconds != UNKNOWN)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;

    use super::*;
    use crate::testing::capture;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_767_225_600);

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[rstest]
    #[case::signed(&[("wechatpay-timestamp", "1767225661")], Some(61))]
    #[case::signed_and_dated(&[("wechatpay-timestamp", "1767225600"), ("date", "Thu, 01 Jan 2026 00:10:00 GMT")], Some(0))]
    #[case::unsigned(&[("date", "Wed, 31 Dec 2025 23:54:00 GMT")], Some(-360))]
    #[case::another_form(&[("date", "2026-01-01")], None)]
    #[case::no_time(&[("wechatpay-timestamp", "soon")], None)]
    #[case::silent(&[], None)]
    fn an_answer_tells_its_senders_time(
        #[case] pairs: &[(&'static str, &str)],
        #[case] seconds: Option<i64>,
    ) {
        let skew = Skew::default();
        skew.note(NOW, &headers(pairs), "1900000001");
        assert_eq!(skew.seconds(), seconds);
    }

    #[test]
    fn a_wrong_clock_is_told_once_in_ten_minutes() {
        let lines = Arc::default();
        let skew = Skew::default();
        let _guard = capture(&lines);
        for (seconds, passed) in [(60, 0), (61, 1), (-90, 300), (90, 700)] {
            let now = NOW.plus(Duration::from_secs(passed));
            let stamp = (now.unix_seconds() + seconds).to_string();
            skew.note(now, &headers(&[("wechatpay-timestamp", &stamp)]), "1900000001");
        }
        let told = String::from_utf8(lines.lock().unwrap().clone()).unwrap();
        assert_eq!(told.matches("not WeChat's").count(), 2, "{told}");
        assert!(told.contains("skew_seconds=61") && told.contains("skew_seconds=90"), "{told}");
    }
}
