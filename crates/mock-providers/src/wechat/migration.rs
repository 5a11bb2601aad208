//! The move of a merchant from platform certificates to the public key (wechat §1.7): callbacks change
//! over by WeChat's plan of seven days, or by a share that a tester chooses. Answers are not touched:
//! they follow the request's `Wechatpay-Serial`, and `wechat_signer` without one. Certificates sign the rest;
//! a merchant without any has moved already.

use std::sync::Mutex;

use kernel::{Entropy, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::lock;

/// Of ten thousand callbacks, how many the public key signs on each day.
const PLAN: [u32; 7] = [10, 100, 500, 1_000, 2_000, 5_000, 10_000];
const DAY_SECONDS: u64 = 86_400;
/// Everything.
pub(crate) const SHARE_MAX: i64 = 10_000;

/// `{}` begins WeChat's plan; with a share, the share stays.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MigrationRequest {
    pub per_ten_thousand: Option<u32>,
}

/// How far the migration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MigrationView {
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// Counted from one.
    pub day: u64,
    /// Of ten thousand callbacks, how many the public key signs now.
    pub per_ten_thousand: u32,
}

#[derive(Clone, Copy, Debug)]
struct Begun {
    at: Timestamp,
    fixed: Option<u32>,
}

#[derive(Debug, Default)]
pub(super) struct Migration(Mutex<Option<Begun>>);

impl Migration {
    /// Begins anew. False: the share is more than everything.
    pub fn begin(&self, now: Timestamp, request: MigrationRequest) -> bool {
        let fits = request.per_ten_thousand.is_none_or(|share| i64::from(share) <= SHARE_MAX);
        if fits {
            *lock(&self.0) = Some(Begun { at: now, fixed: request.per_ten_thousand });
        }
        fits
    }

    pub fn end(&self) {
        *lock(&self.0) = None;
    }

    pub fn view(&self, now: Timestamp) -> Option<MigrationView> {
        let begun = (*lock(&self.0))?;
        let passed = now.since(begun.at).as_secs() / DAY_SECONDS;
        let planned = usize::try_from(passed).ok().and_then(|day| PLAN.get(day).copied());
        Some(MigrationView {
            started_at: begun.at,
            day: passed + 1,
            per_ten_thousand: begun.fixed.or(planned).unwrap_or(10_000),
        })
    }

    /// Whether the public key signs the next callback; `None` when nothing migrates.
    pub fn public_key_is_next(&self, now: Timestamp, entropy: &dyn Entropy) -> Option<bool> {
        let share = self.view(now)?.per_ten_thousand;
        Some(entropy.u64() % 10_000 < u64::from(share))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::SeededEntropy;

    use super::*;

    #[test]
    fn the_plan_takes_seven_days_and_then_everything() {
        let (migration, start) = (Migration::default(), Timestamp::from_unix_seconds(0));
        assert!(migration.begin(start, MigrationRequest::default()));
        let share = |day: u32| {
            let at = start.plus(Duration::from_secs(DAY_SECONDS) * day);
            migration.view(at).unwrap().per_ten_thousand
        };
        assert_eq!(
            [0, 1, 2, 3, 4, 5, 6, 7, 99].map(share),
            [10, 100, 500, 1_000, 2_000, 5_000, 10_000, 10_000, 10_000]
        );
    }

    #[test]
    fn a_share_of_ones_own_is_kept_by_chance() {
        let (migration, now) = (Migration::default(), Timestamp::from_unix_seconds(0));
        let entropy = SeededEntropy::new(1);
        assert_eq!(migration.public_key_is_next(now, &entropy), None);
        assert!(!migration.begin(now, MigrationRequest { per_ten_thousand: Some(10_001) }));
        assert!(migration.begin(now, MigrationRequest { per_ten_thousand: Some(2_500) }));
        let hits = (0..4_000).filter(|_| migration.public_key_is_next(now, &entropy) == Some(true));
        assert!((900..1_100).contains(&hits.count()));
        migration.end();
        assert_eq!(migration.view(now), None);
    }
}
