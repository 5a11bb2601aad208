//! When a message may go out: not between nine at night and eight in the morning (domain §9.3).

use std::time::Duration;

use kernel::Timestamp;

const OPENS: u8 = 8;
const CLOSES: u8 = 21;
const HOUR: u64 = 60 * 60;

/// The first moment at or after `wanted` that disturbs nobody, in Beijing time.
pub fn within_hours(wanted: Timestamp) -> Timestamp {
    let local = wanted.beijing();
    let hour = local.hour();
    if (OPENS..CLOSES).contains(&hour) {
        return wanted;
    }
    let hours = if hour < OPENS { OPENS - hour } else { 24 - hour + OPENS };
    let into_the_hour = u64::from(local.minute()) * 60 + u64::from(local.second());
    let opening = wanted.plus(Duration::from_secs(u64::from(hours) * HOUR - into_the_hour));
    Timestamp::from_millis(opening.as_millis() - i64::from(local.millisecond()))
}

/// The day of a moment in Beijing, as `YYYY-MM-DD`.
pub(crate) fn day_of(moment: Timestamp) -> String {
    moment.rfc3339().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::in_the_morning("2026-11-23T08:00:00+08:00", "2026-11-23T08:00:00+08:00")]
    #[case::in_the_evening("2026-11-23T20:59:59+08:00", "2026-11-23T20:59:59+08:00")]
    #[case::at_nine("2026-11-23T21:00:00+08:00", "2026-11-24T08:00:00+08:00")]
    #[case::before_midnight("2026-11-30T23:59:59+08:00", "2026-12-01T08:00:00+08:00")]
    #[case::at_midnight("2026-11-23T00:00:00+08:00", "2026-11-23T08:00:00+08:00")]
    #[case::early("2026-11-23T07:59:59+08:00", "2026-11-23T08:00:00+08:00")]
    fn nobody_is_disturbed_at_night(#[case] wanted: &str, #[case] sent: &str) {
        let wanted = Timestamp::from_rfc3339(wanted).expect("a time");
        assert_eq!(within_hours(wanted).rfc3339(), sent);
    }

    proptest! {
        #[test]
        fn a_message_is_never_early_and_never_at_night(millis in 0_i64..4_000_000_000_000) {
            let wanted = Timestamp::from_millis(millis);
            let sent = within_hours(wanted);
            prop_assert!(sent >= wanted);
            prop_assert!((8..21).contains(&sent.beijing().hour()));
            prop_assert!(sent.since(wanted) < Duration::from_secs(11 * HOUR + 1));
            prop_assert_eq!(within_hours(sent), sent);
        }
    }
}
