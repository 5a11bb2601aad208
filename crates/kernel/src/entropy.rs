//! Chance as a value: the operating system's in production, a seeded stream in tests.

use std::{fmt, sync::Mutex};

use ring::{digest, rand::SecureRandom};
use uuid::Uuid;

use crate::Timestamp;

/// Gives random bytes. Keys, nonces, tokens and numbers all come through here.
pub trait Entropy: Send + Sync + fmt::Debug {
    /// Fills `bytes`.
    ///
    /// # Panics
    /// When the source fails; going on without randomness would be worse than stopping.
    fn fill(&self, bytes: &mut [u8]);
}

/// Crockford's alphabet: no I, L, O, U, so that a number can be read aloud.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl dyn Entropy + '_ {
    /// `count` capitals and digits, 5 bits each.
    pub fn letters(&self, count: usize) -> String {
        let mut bytes = vec![0; count];
        self.fill(&mut bytes);
        bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect()
    }

    /// `count` random bytes as lower-case hexadecimal.
    pub fn hex(&self, count: usize) -> String {
        let mut bytes = vec![0; count];
        self.fill(&mut bytes);
        hex::encode(bytes)
    }

    pub fn u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

pub(crate) fn uuid_v7(now: Timestamp, entropy: &dyn Entropy) -> Uuid {
    let mut random = [0; 10];
    entropy.fill(&mut random);
    let millis = u64::try_from(now.as_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// The operating system's generator.
#[derive(Debug)]
pub struct SystemEntropy(ring::rand::SystemRandom);

impl Default for SystemEntropy {
    fn default() -> SystemEntropy {
        SystemEntropy(ring::rand::SystemRandom::new())
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if self.0.fill(bytes).is_err() {
            panic!("the operating system gives no randomness");
        }
    }
}

/// The same bytes for the same seed: one seed, one history. Never for production secrets.
pub struct SeededEntropy(Mutex<Stream>);

struct Stream {
    seed: u64,
    block: u64,
    left: Vec<u8>,
}

impl SeededEntropy {
    pub const fn new(seed: u64) -> SeededEntropy {
        SeededEntropy(Mutex::new(Stream { seed, block: 0, left: Vec::new() }))
    }
}

impl fmt::Debug for SeededEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeededEntropy")
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let mut stream = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for byte in bytes {
            if stream.left.is_empty() {
                let block = [stream.seed.to_le_bytes(), stream.block.to_le_bytes()].concat();
                stream.left = digest::digest(&digest::SHA256, &block).as_ref().to_vec();
                stream.block += 1;
            }
            *byte = stream.left.pop().unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_history() {
        let take = |seed| (&SeededEntropy::new(seed) as &dyn Entropy).letters(40);
        assert_eq!(take(42), take(42));
        assert_ne!(take(42), take(43));
    }

    #[test]
    fn the_system_never_repeats_itself() {
        let system = SystemEntropy::default();
        let entropy: &dyn Entropy = &system;
        assert_ne!(entropy.hex(16), entropy.hex(16));
    }
}
