//! A thousand invented serials a second for ten seconds, and what genuine notifications notice of it.
//!
//! The worst that somebody outside can do to the look for a key: every message is fresh, names
//! another serial, and holds the content of a notification that WeChat really sent, so that each by
//! itself would be worth a download. It is promised that all together cause one. Latencies are
//! printed, not asserted: flood, service, mocks and databases share one machine here.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use kernel::Channel;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

use crate::{
    city::{City, Letter},
    load::Load,
    town::{eventually, server},
};

const LASTS: Duration = Duration::from_secs(10);
const SERIALS_A_SECOND: u32 = 1_000;
/// Each asks again when it was answered, so that one slow answer does not hold up the others.
const CONNECTIONS: u32 = 20;
/// Genuine ones: far more than a city's, far fewer than a service can take.
const GOOD_EVERY: Duration = Duration::from_millis(25);
const PAYMENTS: usize = 12;
/// More than there could ever be downloads.
const COUNTED: u64 = 1_000_000;

/// What came of genuine notifications.
struct Told {
    all: usize,
    took: Vec<Duration>,
}

impl Told {
    fn at(&self, percent: usize) -> Duration {
        self.took[(self.took.len() - 1) * percent / 100]
    }
}

/// Tells genuine notifications in turn, evenly, for as long as [`LASTS`].
async fn tell(city: &City, letters: &[Letter]) -> Told {
    let mut told = Told { all: 0, took: Vec::new() };
    let mut ticks = tokio::time::interval(GOOD_EVERY);
    let began = Instant::now();
    while began.elapsed() < LASTS {
        ticks.tick().await;
        let (answer, took) = city.deliver(&letters[told.all % letters.len()], 0).await;
        assert!(Letter::accepts(answer.as_ref()), "a genuine one is acknowledged: {answer:?}");
        told.all += 1;
        told.took.push(took);
    }
    told.took.sort();
    told
}

/// One keep-alive connection that sends its share of the flood; how many were refused.
async fn pour(address: String, letter: Letter, number: Arc<AtomicU64>) -> u64 {
    let mut stream = TcpStream::connect(&address).await.expect("the service listens");
    let mut ticks = tokio::time::interval(Duration::from_secs(1) * CONNECTIONS / SERIALS_A_SECOND);
    let (began, mut refused, mut answer) = (Instant::now(), 0, Vec::new());
    while began.elapsed() < LASTS {
        ticks.tick().await;
        let serial = format!("{:040X}", number.fetch_add(1, Ordering::Relaxed));
        let request = letter.bytes_under(&address, &serial);
        stream.write_all(&request).await.expect("written");
        answer.clear();
        while !is_whole(&answer) {
            let mut piece = [0; 1024];
            let count = stream.read(&mut piece).await.expect("an answer");
            assert_ne!(count, 0, "the service hung up");
            answer.extend_from_slice(&piece[..count]);
        }
        let status = answer.get(9..12).unwrap_or_default();
        assert!(status.starts_with(b"4"), "{}", String::from_utf8_lossy(&answer));
        refused += 1;
    }
    refused
}

/// An answer of HTTP/1.1 with a length.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    body.len() >= length.expect("a refusal has a length")
}

async fn downloads(city: &City) -> u64 {
    let faults = city.control("/faults", None).await;
    let left = faults["faults"].as_array().expect("faults")[0]["times"].as_u64();
    COUNTED - left.expect("a count")
}

/// How often each payment was told and recorded.
async fn recorded(city: &City) -> BTreeMap<String, i64> {
    let db = city.database().await;
    let kept = "SELECT p.out_trade_no, sum(n.deliveries)::text FROM notifications n \
        JOIN payments p ON p.id = n.payment_id WHERE n.kind = 'payment' GROUP BY p.out_trade_no";
    let rows = city.rows(&db, kept, 2).await;
    db.close().await.expect("an end");
    rows.into_iter().map(|row| (row[0].clone(), row[1].parse().expect("a count"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_unknown_serials_causes_one_download_and_loses_nothing() {
    let city = City::new(&server("TEST_POSTGRES_URL"), &server("TEST_REDIS_URL"), 1).await;
    let city = Arc::new(city);
    let mut service = city.service(0);
    service.start();
    city.ready(0).await;
    let load = Load::start(&city, 4, false);
    eventually("some payments", async || {
        let paid = load.look(|seen| {
            let all = seen.purchases.iter();
            all.filter(|one| one.paid && one.channel == Channel::Wechat).count()
        });
        (paid >= PAYMENTS).then_some(())
    })
    .await;
    let seen = load.finish().await;
    let paid = seen.purchases.iter().filter(|one| one.paid && one.channel == Channel::Wechat);
    let mut letters = Vec::new();
    for purchase in paid.take(PAYMENTS) {
        letters.push(city.letter("wechat", &purchase.out_trade_no).await);
    }
    // What the purchases left to do is done.
    tokio::time::sleep(Duration::from_secs(5)).await;
    // Each call uses one up, and so is counted; a list that is slow in coming makes it harder.
    let count =
        json!({ "target": "wechat.certificates", "fault": "slow", "seconds": 1, "times": COUNTED });
    city.control("/faults", Some(count)).await;

    let before: i64 = recorded(&city).await.values().sum();
    let started = service.busy();
    let alone = tell(&city, &letters).await;
    let busy_alone = service.busy() - started;
    let address = city.urls[0].trim_start_matches("http://").to_owned();
    let number = Arc::new(AtomicU64::new(1));
    let mut flood = tokio::task::JoinSet::new();
    let began = Instant::now();
    for _ in 0..CONNECTIONS {
        flood.spawn(pour(address.clone(), letters[0].clone(), Arc::clone(&number)));
    }
    let flooded = tell(&city, &letters).await;
    let mut refused = 0;
    while let Some(one) = flood.join_next().await {
        refused += one.expect("the flood ends by itself");
    }
    let (lasted, busy) = (began.elapsed(), service.busy() - started - busy_alone);
    let after: i64 = recorded(&city).await.values().sum();
    let told = i64::try_from(alone.all + flooded.all).expect("a small number");
    println!(
        "flood: {refused} unknown serials refused in {lasted:.1?}; genuine notifications alone: {} \
         in median {:.1?}, 95th percentile {:.1?}; in the flood: {} in median {:.1?}, 95th percentile {:.1?}",
        alone.all,
        alone.at(50),
        alone.at(95),
        flooded.all,
        flooded.at(50),
        flooded.at(95)
    );
    println!(
        "flood: the service kept a core busy for {busy_alone:.1?} alone, {busy:.1?} in the flood"
    );
    assert!(after - before >= told, "{told} acknowledged, {} recorded", after - before);
    let downloads = downloads(&city).await;
    println!("flood: {downloads} download of certificates");
    assert_eq!(downloads, 1, "the flood asks for one, and for no more within a minute");
    service.kill().await;
}
