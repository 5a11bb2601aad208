//! How soon a lost notification is found while the citizen waits.

use std::time::Duration;

use kernel::{Channel, Entropy, SeededEntropy};
use rstest::rstest;

use crate::town::{Backend, Citizen, Order, Town, insured};

/// The page asks for its order every three seconds; some say that they came back from the wallet.
const LOOKS_EVERY: Duration = Duration::from_secs(3);
const MONTHS: u32 = 12;

/// Seconds of the town's clock from the payment to the page that knows of it.
async fn waits(citizen: &Citizen<'_>, order: &Order, tells: bool) -> u64 {
    let town = citizen.town;
    let paid_at = town.now();
    if tells {
        citizen.sync(order).await;
    }
    for _ in 0..200 {
        town.run_jobs().await;
        if citizen.label(order).await != "支付中" {
            return town.now().since(paid_at).as_secs();
        }
        town.clock.advance(LOOKS_EVERY);
    }
    panic!("the payment was never found");
}

/// Every notification is lost. People take from a second to ten minutes at the password page, the
/// channel's answers lag behind now and then, and most pages only look again and again.
#[rstest]
#[tokio::test]
async fn a_lost_notification_is_found_within_a_minute(
    #[values(Channel::Wechat, Channel::Alipay)] channel: Channel,
) {
    let town = Town::new(Backend::Embedded).await;
    let chance: &dyn Entropy = &SeededEntropy::new(7);
    let mut waited = Vec::new();
    for (number, name) in ["张三", "王五", "赵六"].iter().enumerate() {
        let citizen = town.citizen_named(&format!("user {number}"), channel, insured(name)).await;
        for month in 1..=MONTHS {
            let order = citizen.orders(&format!("2023-{month:02}")).await;
            let started = citizen.starts_paying(&order).await;
            // Half of the people within half a minute, some after ten.
            let seconds = 1 + (chance.u64() % 30) * (1 + chance.u64() % 20);
            for _ in 0..seconds / 3 {
                town.clock.advance(LOOKS_EVERY);
                town.run_jobs().await;
            }
            if chance.u64().is_multiple_of(4) {
                town.fault(channel, "query", mock_providers::FaultKind::Lag);
            }
            town.lose_notifications(channel);
            citizen.pays(&started).expect("the wallet pays");
            town.mocks.settle().await;
            waited.push(waits(&citizen, &order, chance.u64().is_multiple_of(4)).await);
            town.mocks.clear_faults();
        }
    }
    waited.sort_unstable();
    let at = |percent: usize| waited[(waited.len() * percent).div_ceil(100) - 1];
    let (median, late, worst) = (at(50), at(95), at(100));
    eprintln!(
        "{channel}: {} lost notifications, found after {median} s (median), {late} s (95th percentile), {worst} s (worst)",
        waited.len()
    );
    assert!(late <= 60, "{waited:?}");
    town.close().await;
}
