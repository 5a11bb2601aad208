//! All choices of a history come from one seeded stream, so that one seed is one history.

use std::sync::Arc;

use kernel::{Entropy, SeededEntropy};

/// The stream of one seed.
pub struct Dice(Arc<SeededEntropy>);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(Arc::new(SeededEntropy::new(seed)))
    }

    fn number(&self) -> u64 {
        (&*self.0 as &dyn Entropy).u64()
    }

    /// A number from 0 to `limit - 1`; 0 when there is none.
    pub fn below(&self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        usize::try_from(self.number().checked_rem(limit).unwrap_or(0)).unwrap_or(0)
    }

    /// Both ends included.
    pub fn between(&self, least: u64, most: u64) -> u64 {
        least + self.number() % (most - least + 1)
    }

    pub fn percent(&self, percent: u64) -> bool {
        self.number() % 100 < percent
    }

    pub fn pick<'a, T>(&self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }

    /// One of several, each as often as its weight says.
    pub fn weighted<T: Copy>(&self, choices: &[(u64, T)]) -> Option<T> {
        let sum: u64 = choices.iter().map(|(weight, _)| weight).sum();
        let mut left = self.number().checked_rem(sum)?;
        for (weight, choice) in choices {
            if left < *weight {
                return Some(*choice);
            }
            left -= weight;
        }
        None
    }
}
