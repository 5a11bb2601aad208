//! How often vouchers may be checked: numbers can be guessed, codes must not be tried out.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

use kernel::Timestamp;

/// From one address in a minute: a counter clerk with a scanner, not a program.
const FROM_ONE_MAX: u32 = 30;
/// From everybody in a minute, and so the most addresses that are remembered. At this rate a code of
/// 40 bits stands for thousands of years.
const FROM_ALL_MAX: u32 = 600;

#[derive(Debug, Default)]
struct Minute {
    number: i64,
    all: u32,
    by_address: HashMap<Option<IpAddr>, u32>,
}

/// Counts checks in this process.
#[derive(Clone, Debug, Default)]
pub struct CheckLimit(Arc<Mutex<Minute>>);

impl CheckLimit {
    /// Counts a check.
    ///
    /// # Errors
    /// Seconds to wait, when there were enough in this minute.
    pub(crate) fn count(&self, address: Option<IpAddr>, now: Timestamp) -> Result<(), u64> {
        let seconds = now.unix_seconds();
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if minute.number != seconds.div_euclid(60) {
            *minute = Minute { number: seconds.div_euclid(60), ..Minute::default() };
        }
        let wait = u64::try_from(60 - seconds.rem_euclid(60)).unwrap_or(60);
        if minute.all >= FROM_ALL_MAX {
            return Err(wait);
        }
        let from_one = minute.by_address.entry(address.map(network)).or_default();
        if *from_one >= FROM_ONE_MAX {
            return Err(wait);
        }
        *from_one += 1;
        minute.all += 1;
        Ok(())
    }
}

/// One household has 2^64 addresses of version 6; they count as one.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn one_address_is_stopped_and_others_are_not() {
        let limit = CheckLimit::default();
        let now = Timestamp::from_unix_seconds(600);
        let one = address("2001:db8::1");
        assert!((0..FROM_ONE_MAX).all(|_| limit.count(one, now).is_ok()));
        assert_eq!(limit.count(one, now), Err(60));
        assert_eq!(limit.count(address("2001:db8::2"), now), Err(60), "the same network");
        assert_eq!(limit.count(address("192.0.2.1"), now), Ok(()));
        assert_eq!(limit.count(one, Timestamp::from_unix_seconds(659)), Err(1));
        assert_eq!(limit.count(one, Timestamp::from_unix_seconds(660)), Ok(()));
    }

    #[test]
    fn all_together_are_stopped() {
        let limit = CheckLimit::default();
        let now = Timestamp::from_unix_seconds(630);
        for n in 0..FROM_ALL_MAX {
            let ip = IpAddr::from([10, 0, u8::try_from(n / 256).unwrap(), (n % 256) as u8]);
            assert_eq!(limit.count(Some(ip), now), Ok(()));
        }
        assert_eq!(limit.count(address("192.0.2.1"), now), Err(30));
    }
}
