//! PostgreSQL and Redis stop and freeze for 10 seconds under load, together and alone.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use reqwest::Method;
use tokio::{task::JoinHandle, time::Instant};

use crate::{
    city::{CLIENT_TIME_MAX, City, Letter},
    load::{Call, Load},
    servers::Servers,
};

const OUTAGE: Duration = Duration::from_secs(10);
/// Everything works for so long before something is taken away.
const CALM: Duration = Duration::from_secs(5);
/// Worth a line.
const SLOW: Duration = Duration::from_millis(2_500);
const CROWD: u64 = 12;
/// Long enough that the service must have noticed.
const SHORT_OUTAGE: Duration = Duration::from_secs(4);
/// Required: refused or answered, whatever is away.
const ANSWERED_WITHIN: Duration = Duration::from_secs(4);
/// How long it took a person to restart it would be minutes; a machine does it in seconds.
const RECOVERED_WITHIN: Duration = Duration::from_secs(20);

/// Asks for everything, all the time, and remembers what came.
struct Prober {
    city: Arc<City>,
    calls: Arc<Mutex<Vec<Call>>>,
    tasks: Vec<JoinHandle<()>>,
}

/// Every kind of request that the API has, without a session; one with a session is in the load.
const KINDS: &[(&str, &str, &str)] = &[
    ("healthz", "GET", "/healthz"),
    ("readyz", "GET", "/readyz"),
    ("metrics", "GET", "/metrics"),
    ("cities", "GET", "/api/v1/cities/320200"),
    ("whose", "GET", "/api/v1/people"),
];

impl Prober {
    fn start(city: &Arc<City>, letters: Vec<Letter>) -> Prober {
        let calls = Arc::<Mutex<Vec<Call>>>::default();
        let mut tasks = Vec::new();
        for (what, method, path) in KINDS {
            let (city, calls) = (Arc::clone(city), Arc::clone(&calls));
            let token = "A".repeat(43);
            tasks.push(tokio::spawn(async move {
                loop {
                    let began = Instant::now();
                    let method = Method::from_bytes(method.as_bytes()).expect("a method");
                    let request = city.http.request(method, format!("{}{path}", city.urls[0]));
                    let answer = request.bearer_auth(&token).timeout(CLIENT_TIME_MAX).send().await;
                    let status = answer.ok().map(|answer| answer.status().as_u16());
                    let call = Call { what, began, took: began.elapsed(), status };
                    calls.lock().expect("nobody panicked").push(call);
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }));
        }
        for letter in letters {
            let (city, calls) = (Arc::clone(city), Arc::clone(&calls));
            tasks.push(tokio::spawn(async move {
                loop {
                    let began = Instant::now();
                    let (answer, took) = city.deliver(&letter, 0).await;
                    // As the platform sees it: accepted, or to be told again.
                    let told_again = |(status, body): &(u16, String)| {
                        *status == 500 && (body.contains("FAIL") || body == "fail")
                    };
                    let status = match &answer {
                        accepted if Letter::accepts(accepted.as_ref()) => Some(200),
                        Some(answer) if told_again(answer) => Some(500),
                        Some((status, body)) => panic!("a callback: {status} {body}"),
                        None => None,
                    };
                    let call = Call { what: "callback", began, took, status };
                    calls.lock().expect("nobody panicked").push(call);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }));
        }
        Prober { city: Arc::clone(city), calls, tasks }
    }

    /// Waits until a callback is accepted and a request that needs both stores is understood.
    async fn recovered(&self, since: Instant) -> Duration {
        loop {
            let fine = |what: &str, status: u16| {
                let calls = self.calls.lock().expect("nobody panicked");
                let mut of_kind = calls.iter().rev().filter(|call| call.what == what);
                of_kind.next().is_some_and(|call| call.began > since && call.status == Some(status))
            };
            if fine("callback", 200) && fine("whose", 401) && fine("readyz", 200) {
                return since.elapsed();
            }
            assert!(
                since.elapsed() < RECOVERED_WITHIN,
                "{:?}",
                self.between(since, Instant::now())
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// How often each kind was answered how, among the requests that began between two moments.
    fn between(&self, from: Instant, to: Instant) -> BTreeMap<(&'static str, Option<u16>), u32> {
        let mut counted = BTreeMap::new();
        for call in self.calls.lock().expect("nobody panicked").iter() {
            if from <= call.began && call.began < to {
                *counted.entry((call.what, call.status)).or_default() += 1;
            }
        }
        counted
    }

    async fn stop(self) -> Vec<Call> {
        for task in self.tasks {
            task.abort();
            if let Err(ended) = task.await {
                assert!(ended.is_cancelled(), "ENDURANCE_SEED={}: {ended}", self.city.seed);
            }
        }
        std::mem::take(&mut *self.calls.lock().expect("nobody panicked"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_postgresql_and_redis_is_told_at_once_and_heals_by_itself() {
    let mut servers = Servers::start().await;
    let city = Arc::new(City::new(&servers.postgres.url, &servers.redis.url, 1).await);
    let mut service = city.service(0);
    service.start();
    city.ready(0).await;
    let load = Load::start(&city, CROWD, false);
    let known = load.first_paid().await;
    let letter = city.letter(known.channel.code(), &known.out_trade_no).await;
    let prober = Prober::start(&city, vec![letter.clone(), letter]);
    tokio::time::sleep(CALM).await;
    let mut told = Vec::new();
    let first = Instant::now();

    let began = Instant::now();
    servers.postgres.stop().await;
    servers.redis.stop().await;
    tokio::time::sleep(OUTAGE).await;
    told.push(("both stopped", prober.between(began, Instant::now())));
    let back = Instant::now();
    servers.postgres.start().await;
    servers.redis.start().await;
    println!("both stopped: recovered {:.1?} after their start", prober.recovered(back).await);

    tokio::time::sleep(CALM).await;
    let began = Instant::now();
    servers.postgres.freeze().await;
    servers.redis.freeze().await;
    tokio::time::sleep(OUTAGE).await;
    told.push(("both frozen", prober.between(began, Instant::now())));
    let back = Instant::now();
    servers.postgres.thaw().await;
    servers.redis.thaw().await;
    println!("both frozen: recovered {:.1?} after the thaw", prober.recovered(back).await);

    tokio::time::sleep(CALM).await;
    let began = Instant::now();
    servers.redis.freeze().await;
    tokio::time::sleep(SHORT_OUTAGE).await;
    let without_redis = prober.between(began, Instant::now());
    let back = Instant::now();
    servers.redis.thaw().await;
    println!("Redis frozen: recovered {:.1?} after the thaw", prober.recovered(back).await);

    tokio::time::sleep(CALM).await;
    let began = Instant::now();
    servers.postgres.freeze().await;
    tokio::time::sleep(SHORT_OUTAGE).await;
    told.push(("PostgreSQL frozen", prober.between(began, Instant::now())));
    let back = Instant::now();
    servers.postgres.thaw().await;
    println!("PostgreSQL frozen: recovered {:.1?} after the thaw", prober.recovered(back).await);

    let seen = load.finish().await;
    let calls = prober.stop().await;
    println!("Redis frozen: {without_redis:?}");
    for (outage, told) in &told {
        println!("{outage}: {told:?}");
        for (kind, status) in
            [("callback", 500), ("readyz", 503), ("healthz", 200), ("cities", 200)]
        {
            assert!(told.contains_key(&(kind, Some(status))), "{outage}: {kind}");
        }
        assert!(!told.contains_key(&("cities", Some(503))), "cities need no store");
    }
    // Money is recorded without Redis.
    assert!(without_redis.contains_key(&("callback", Some(200))), "{without_redis:?}");
    assert!(!without_redis.contains_key(&("callback", Some(500))), "{without_redis:?}");
    let slowest = seen.slowest(|_| true);
    println!("slowest answers to the crowd: {slowest:.1?}");
    let all = seen.calls.iter().chain(&calls);
    let late: Vec<&Call> = all.filter(|call| call.took >= ANSWERED_WITHIN).collect();
    let probed = calls.iter().map(|call| call.took).max();
    println!("slowest answer to a probe: {probed:.1?}");
    for call in seen.calls.iter().chain(&calls).filter(|call| call.took > SLOW) {
        let after = call.began.saturating_duration_since(first);
        println!("  {after:.1?} after the first outage began: {call:?}");
    }
    assert!(late.is_empty(), "ENDURANCE_SEED={}: {late:?}", city.seed);
    city.close_books(&seen).await;
    service.kill().await;
}
