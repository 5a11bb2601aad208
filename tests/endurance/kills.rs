//! The service is killed at random moments, a hundred times, while citizens pay.

use std::{sync::Arc, time::Duration};

use kernel::Entropy;
use tokio::time::Instant;

use crate::{
    city::{City, Letter},
    load::Load,
    town::server,
};

const KILLS: u32 = 100;
/// Some processes do not even live until they accept something: killed this long after their start.
const YOUTH_MILLIS_MAX: u64 = 400;
const CROWD: u64 = 12;
/// From being accepted again to the next kill, at most.
const LIFE_MILLIS_MAX: u64 = 1_500;
/// Required: from the start of the new process until it accepts notifications.
const BACK_WITHIN: Duration = Duration::from_secs(5);

/// Starts nothing; knocks until a genuine notification is accepted.
async fn accepted_after(city: &City, letter: &Letter, began: Instant) -> Duration {
    loop {
        let (answer, _) = city.deliver(letter, 0).await;
        if Letter::accepts(answer.as_ref()) {
            return began.elapsed();
        }
        assert!(began.elapsed() < 4 * BACK_WITHIN, "the service does not come back: {answer:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_kills_lose_nothing() {
    let city = City::new(&server("TEST_POSTGRES_URL"), &server("TEST_REDIS_URL"), 1).await;
    let city = Arc::new(city);
    let chance = city.chance();
    let chance: &dyn Entropy = &chance;
    let mut service = city.service(0);
    service.start();
    city.ready(0).await;
    service.kill().await;
    let began = Instant::now();
    service.start();
    city.ready(0).await;
    println!("start: ready after {} ms, without load", began.elapsed().as_millis());
    let load = Load::start(&city, CROWD, false);
    let known = load.first_paid().await;
    let mut back = Vec::new();
    let mut young = 0;
    for _ in 0..KILLS {
        let life = Duration::from_millis(chance.u64() % LIFE_MILLIS_MAX);
        tokio::time::sleep(life).await;
        let letter = city.letter(known.channel.code(), &known.out_trade_no).await;
        service.kill().await;
        if chance.u64() % 5 == 0 {
            service.start();
            tokio::time::sleep(Duration::from_millis(chance.u64() % YOUTH_MILLIS_MAX)).await;
            service.kill().await;
            young += 1;
        }
        let began = Instant::now();
        service.start();
        back.push(accepted_after(&city, &letter, began).await);
    }
    let seen = load.finish().await;
    city.close_books(&seen).await;
    back.sort();
    println!(
        "kills: {KILLS} at work and {young} while starting; accepting notifications again after {} ms (median), {} ms (longest)",
        back[back.len() / 2].as_millis(),
        back[back.len() - 1].as_millis()
    );
    assert!(back[back.len() - 1] <= BACK_WITHIN, "ENDURANCE_SEED={}: {back:?}", city.seed);
    service.kill().await;
}
