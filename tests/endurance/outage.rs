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
const CROWD: u64 = 8;
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

/// What was away, from when until when, and how the probes were answered meanwhile.
struct Outage {
    what: &'static str,
    from: Instant,
    to: Instant,
    told: BTreeMap<(&'static str, Option<u16>), u32>,
}

impl Outage {
    /// How long somebody waited because of it: agencies may be slow, but not for that reason.
    fn kept_waiting(&self, call: &Call) -> Option<Duration> {
        let ended = call.began + call.took;
        (call.began < self.to && self.from < ended).then(|| ended - call.began.max(self.from))
    }

    /// How often probes of this kind were answered so.
    fn count(&self, what: &'static str, status: u16) -> u32 {
        self.told.get(&(what, Some(status))).copied().unwrap_or(0)
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
    let mut outages = Vec::new();

    for what in [Away::BothStopped, Away::BothFrozen, Away::RedisFrozen, Away::PostgresFrozen] {
        tokio::time::sleep(CALM).await;
        let from = Instant::now();
        what.begin(&mut servers).await;
        tokio::time::sleep(what.lasts()).await;
        let to = Instant::now();
        outages.push(Outage { what: what.name(), from, to, told: prober.between(from, to) });
        what.end(&mut servers).await;
        let recovered = prober.recovered(to).await.as_millis();
        println!("{}: recovered {recovered} ms after its end", what.name());
    }

    let seen = load.finish().await;
    let calls = prober.stop().await;
    for outage in &outages {
        println!("{}: {:?}", outage.what, outage.told);
        let all = seen.calls.iter().chain(&calls);
        let waits = all.filter_map(|call| Some((outage.kept_waiting(call)?, call)));
        let (longest, call) = waits.max_by_key(|(wait, _)| *wait).expect("somebody asked");
        println!("{}: longest wait {} ms, {call:?}", outage.what, longest.as_millis());
        assert!(longest < ANSWERED_WITHIN, "ENDURANCE_SEED={}", city.seed);
        assert!(outage.count("healthz", 200) > 0, "the process lives");
        assert!(outage.count("cities", 200) > 0, "cities need no store");
        if outage.what == Away::RedisFrozen.name() {
            // Money is recorded without Redis.
            assert!(outage.count("callback", 200) > 0, "without Redis");
            assert_eq!(outage.count("callback", 500), 0, "without Redis");
            assert_eq!(outage.count("readyz", 503), 0, "without Redis");
        } else {
            assert!(outage.count("callback", 500) > 0, "{}: told to tell again", outage.what);
            assert!(outage.count("readyz", 503) > 0, "{}: not ready", outage.what);
        }
    }
    city.close_books(&seen).await;
    service.kill().await;
}

#[derive(Clone, Copy)]
enum Away {
    BothStopped,
    BothFrozen,
    RedisFrozen,
    PostgresFrozen,
}

impl Away {
    const fn name(self) -> &'static str {
        match self {
            Away::BothStopped => "both stopped",
            Away::BothFrozen => "both frozen",
            Away::RedisFrozen => "Redis frozen",
            Away::PostgresFrozen => "PostgreSQL frozen",
        }
    }

    const fn lasts(self) -> Duration {
        match self {
            Away::BothStopped | Away::BothFrozen => OUTAGE,
            Away::RedisFrozen | Away::PostgresFrozen => SHORT_OUTAGE,
        }
    }

    async fn begin(self, servers: &mut Servers) {
        match self {
            Away::BothStopped => {
                servers.postgres.stop().await;
                servers.redis.stop().await;
            }
            Away::BothFrozen => {
                servers.postgres.freeze().await;
                servers.redis.freeze().await;
            }
            Away::RedisFrozen => servers.redis.freeze().await,
            Away::PostgresFrozen => servers.postgres.freeze().await,
        }
    }

    async fn end(self, servers: &mut Servers) {
        match self {
            Away::BothStopped => {
                servers.postgres.start().await;
                servers.redis.start().await;
            }
            Away::BothFrozen => {
                servers.postgres.thaw().await;
                servers.redis.thaw().await;
            }
            Away::RedisFrozen => servers.redis.thaw().await,
            Away::PostgresFrozen => servers.postgres.thaw().await,
        }
    }
}
