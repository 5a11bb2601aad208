//! One world for one seed: mock platforms and agency, a database that outlives processes, a clock,
//! the process of the service that lives now, and the network between them.
//!
//! Everything happens on one thread, one thing at a time. What goes on at once in reality goes on
//! here inside of calls to the outside: while one is under way, the world takes further steps.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    response::Response,
};
use city_services::{Config, Parts};
use futures::FutureExt;
use kernel::{Clock, ControlledClock, Entropy, SeededEntropy, Timestamp};
use mock_providers::{Delivery, Providers, ProvidersOptions, Settings, WechatSigner};
use orders::Orders;
use policies::Catalogue;
use sea_orm::DatabaseConnection;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tower::ServiceExt;

use crate::{
    accidents::Rumours,
    chance::Dice,
    citizens::Citizen,
    coverage::Coverage,
    fate::{Boundary, Fate, FatefulClock, Killed},
    keys,
    outside::{Between, Protocol},
    temper::Temper,
};

const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How many steps may be taken inside of each other.
const DEPTH_MAX: usize = 2;

/// A living process of the service.
pub struct Process {
    pub orders: Orders,
    router: Router,
}

pub struct World {
    pub temper: Temper,
    pub dice: Dice,
    pub clock: Arc<ControlledClock>,
    pub mocks: Providers,
    /// As the service uses it: each statement is a boundary.
    db: DatabaseConnection,
    /// The same database, for those who only look.
    pub looking: DatabaseConnection,
    pub fate: Arc<Fate>,
    pub protocol: Arc<Protocol>,
    pub citizens: Mutex<Vec<Citizen>>,
    pub rumours: Mutex<Rumours>,
    pub coverage: Mutex<Coverage>,
    pub history: Mutex<Vec<String>>,
    breaches: Mutex<Vec<String>>,
    process: Mutex<Option<Arc<Process>>>,
    between: Between,
    /// The service's chance: a restart does not begin it anew.
    entropy: Arc<SeededEntropy>,
    config: Config,
    catalogue: Arc<Catalogue>,
    sessions_away: AtomicBool,
    depth: AtomicUsize,
    /// How often the outside said that our configuration is wrong.
    misconfigured: AtomicUsize,
    /// The first citizen pays when a call of this name begins.
    pub ambush: Mutex<Option<String>>,
    /// The first citizen gives the newest order up when a call of this name begins.
    pub gives_up: Mutex<Option<String>>,
    /// The first citizen starts the payment once more when a call of this name has ended.
    pub other_telephone: Mutex<Option<String>>,
    /// While the end is awaited nothing goes wrong any more.
    calm: AtomicBool,
    _folder: TempDir,
}

/// Locks, also after a process died while it was looked at.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What somebody heard who asked the service.
#[derive(Clone, Debug)]
pub enum Heard {
    Answer {
        status: u16,
        json: serde_json::Value,
    },
    /// Nobody was there, or died before answering.
    Silence,
}

impl World {
    pub async fn new(seed: u64, catalogue: Arc<Catalogue>) -> Arc<World> {
        city_services::install_crypto();
        let dice = Dice::new(seed);
        let temper = Temper::draw(&dice);
        let begin = Timestamp::from_unix_seconds(keys::START)
            .plus(Duration::from_secs(temper.begins_after_seconds));
        let clock = Arc::new(ControlledClock::at(begin));
        let folder = TempDir::new().expect("a folder for the mocks");
        keys::lend_keys(folder.path()).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let options = ProvidersOptions {
            folder: Some(folder.path().to_owned()),
            service_listen: listener.local_addr().expect("an address"),
            seed: Some(seed),
            post_by_hand: true,
            refund_delay: Duration::from_secs(temper.refund_delay_seconds),
            ..keys::quick(&clock)
        };
        let entropy = Arc::new(SeededEntropy::new(seed ^ 0x5eed_0000_0000_0000));
        let mocks = Providers::start(options, clock.clone(), entropy.clone()).await.expect("mocks");
        if temper.public_key_signs {
            let settings = Settings { wechat_signer: WechatSigner::PublicKey, ..mocks.settings() };
            mocks.set_settings(settings);
        }
        let written = mocks.write_folder(folder.path()).expect("the mocks' folder");
        let config = Config::load(&written.config).expect("a configuration");
        let looking = migrations::connect("sqlite::memory:").await.expect("a database");
        migrations::up(&looking).await.expect("tables");
        let fate = Arc::new(Fate::default());
        let judging = fate.clone();
        let mut connection =
            looking.get_sqlite_connection_pool().acquire().await.expect("the connection");
        let mut handle = connection.lock_handle().await.expect("the connection");
        handle.set_commit_hook(move || judging.may_commit());
        drop(handle);
        drop(connection);
        let mut db = looking.clone();
        let watching = fate.clone();
        db.set_metric_callback(move |info| {
            watching.pass(Boundary::Statement, || {
                info.statement.sql.chars().filter(|c| *c != '"').take(60).collect()
            });
        });
        let world = Arc::new_cyclic(|itself: &Weak<World>| World {
            temper,
            dice,
            clock,
            mocks,
            db,
            looking,
            fate,
            protocol: Arc::default(),
            citizens: Mutex::default(),
            rumours: Mutex::default(),
            coverage: Mutex::default(),
            history: Mutex::default(),
            breaches: Mutex::default(),
            process: Mutex::default(),
            between: Between { world: itself.clone(), sessions: Mutex::default() },
            entropy,
            config,
            catalogue,
            sessions_away: AtomicBool::new(false),
            depth: AtomicUsize::new(0),
            misconfigured: AtomicUsize::new(0),
            ambush: Mutex::default(),
            gives_up: Mutex::default(),
            other_telephone: Mutex::default(),
            calm: AtomicBool::new(false),
            _folder: folder,
        });
        world.listen(listener);
        world.revive();
        world
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A line of the history.
    pub fn tell(&self, line: impl AsRef<str>) {
        let millis = self.now().as_millis().rem_euclid(1_000);
        let depth = "  ".repeat(self.depth.load(Ordering::SeqCst));
        let when = self.now().beijing_text();
        let line = format!("{}.{millis:03} {depth}{}", &when[5..], line.as_ref());
        lock(&self.history).push(line);
    }

    /// A promise was broken; the history goes on, so that all of it is seen.
    pub fn breach(&self, what: impl Into<String>) {
        let what = what.into();
        self.tell(format!("BREACH: {what}"));
        lock(&self.breaches).push(what);
    }

    pub fn breaches(&self) -> Vec<String> {
        let mut all = lock(&self.breaches).clone();
        all.extend(self.protocol.breaches());
        if self.fate.stray_commits() > 0 {
            all.push("something was committed after its answer had left".to_owned());
        }
        all.dedup();
        all
    }

    pub fn depth(&self) -> usize {
        self.depth.load(Ordering::SeqCst)
    }

    /// Nothing goes wrong from now on.
    pub fn calm_down(&self) {
        self.calm.store(true, Ordering::SeqCst);
        self.mocks.clear_faults();
        self.mocks.agency().clear_faults();
        self.set_sessions_away(false);
        self.fate.begin(None);
        self.tell("--- from here on nothing goes wrong ---");
        if self.temper.stubborn {
            self.break_for_good();
        }
        self.revive();
    }

    pub fn is_calm(&self) -> bool {
        self.calm.load(Ordering::SeqCst)
    }

    pub fn sessions_are_away(&self) -> bool {
        self.sessions_away.load(Ordering::SeqCst)
    }

    pub fn set_sessions_away(&self, away: bool) {
        self.sessions_away.store(away, Ordering::SeqCst);
    }

    // --- the process -------------------------------------------------------------------------

    /// Starts a process when none lives.
    pub fn revive(&self) {
        if lock(&self.process).is_some() {
            return;
        }
        if !self.temper.sessions_survive {
            *lock(&self.between.sessions) = None;
        }
        let clock: Arc<dyn Clock> =
            Arc::new(FatefulClock { real: self.clock.clone(), fate: self.fate.clone() });
        let entropy: Arc<dyn Entropy> = self.entropy.clone();
        let parts = Parts::on(
            self.db.clone(),
            &self.config,
            self.catalogue.clone(),
            (clock, entropy),
            &self.between,
        );
        let parts = parts.expect("the service");
        let router = miniprogram_api::router(parts.api).merge(callbacks::router(parts.callbacks));
        let process = Process { orders: parts.orders, router };
        *lock(&self.process) = Some(Arc::new(process));
        let fuse = if self.is_calm() { None } else { self.temper.fuse(&self.dice) };
        self.fate.begin(fuse);
        self.tell("a process starts");
    }

    pub fn process(&self) -> Option<Arc<Process>> {
        lock(&self.process).clone()
    }

    /// Takes note of a death, outside of all acts of the dead.
    pub fn bury(&self) -> bool {
        let Some((boundary, place)) = self.fate.death() else { return false };
        if lock(&self.process).take().is_some() {
            self.tell(format!("THE PROCESS DIES ({boundary:?}: {place})"));
            lock(&self.coverage).kill(boundary);
        }
        true
    }

    /// Lets the present process do something. `None`: nobody was there, or it died meanwhile.
    pub async fn act<T>(&self, what: &str, act: impl Future<Output = T>) -> Option<T> {
        self.fate.enter();
        let done = AssertUnwindSafe(act).catch_unwind().await;
        if done.is_ok() && !self.fate.is_dead() {
            self.fate.answer(|| format!("before the answer to {what}"));
        }
        self.fate.leave();
        if self.bury() {
            return None;
        }
        match done {
            Ok(answer) => Some(answer),
            Err(panic) if panic.is::<Killed>() => None,
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
                self.breach(format!("the service panicked: {}", text.unwrap_or("?")));
                None
            }
        }
    }

    async fn answer(&self, what: &str, request: Request) -> Option<Response> {
        let process = self.process()?;
        let router = process.router.clone();
        let answered = self.act(what, router.oneshot(request)).await?;
        match answered {
            Ok(response) => Some(response),
            Err(never) => match never {},
        }
    }

    /// Sends a request to the citizens' face.
    pub async fn ask(&self, what: &str, request: Request) -> Heard {
        let complaints = self.misconfigured.load(Ordering::SeqCst);
        let Some(response) = self.answer(what, request).await else { return Heard::Silence };
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), ANSWER_BYTES_MAX).await.expect("a body");
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        // Only an outside that calls our configuration wrong makes an error of our own.
        let explained = complaints != self.misconfigured.load(Ordering::SeqCst);
        if status == 500 && !explained || json["code"] == "storage_unavailable" {
            self.breach(format!("{what} was answered {status} {json}"));
        }
        Heard::Answer { status, json }
    }

    /// Brings something to the callbacks.
    pub async fn notify(&self, request: Request) -> Option<Response> {
        self.answer("a notification", request).await
    }

    /// One job, if one is due. `false`: none was, or nobody was there.
    pub async fn run_one_job(&self) -> bool {
        let Some(process) = self.process() else { return false };
        let orders = process.orders.clone();
        match self.act("a job", async move { orders.run_due_jobs(1).await }).await {
            Some(Ok(count)) => count > 0,
            Some(Err(error)) => {
                self.breach(format!("jobs cannot be run: {error}"));
                false
            }
            None => false,
        }
    }

    // --- the network -------------------------------------------------------------------------

    /// Passes notifications on to whichever process lives.
    fn listen(self: &Arc<World>, listener: TcpListener) {
        let world = Arc::downgrade(self);
        let network = Router::new().fallback(move |request: Request| {
            let world = world.clone();
            async move {
                let Some(world) = world.upgrade() else { cut() };
                let (head, body) = request.into_parts();
                let body = to_bytes(body, ANSWER_BYTES_MAX).await.unwrap_or_default();
                let request = Request::from_parts(head, Body::from(body));
                world.answer("a notification", request).await.unwrap_or_else(|| cut())
            }
        });
        tokio::spawn(async move { axum::serve(listener, network).await });
    }

    /// Makes the earliest attempt to notify that is due.
    pub async fn deliver_next(&self) -> bool {
        let Some(delivery) = self.mocks.send_next().await else { return false };
        self.delivered(&delivery).await;
        true
    }

    /// Looks at what became of an attempt.
    pub async fn delivered(&self, delivery: &Delivery) {
        let Some(attempt) = delivery.attempts.last() else { return };
        let flaw = attempt.fault.map(|fault| format!(" ({fault:?})")).unwrap_or_default();
        let status = attempt.status.map_or("nobody there".to_owned(), |status| status.to_string());
        self.tell(format!(
            "{} tells of {} {}{flaw}: {status}{}",
            delivery.platform,
            delivery.kind,
            delivery.out_trade_no,
            if attempt.accepted { ", accepted" } else { "" },
        ));
        lock(&self.coverage).notification(attempt.fault, attempt.accepted);
        if attempt.accepted {
            self.is_on_record(delivery.kind, &delivery.out_trade_no).await;
        }
    }

    // --- calls of the service ----------------------------------------------------------------

    pub async fn call_begins(self: &Arc<World>, call: &str) {
        self.no_transaction_is_open(call).await;
        self.fate.pass(Boundary::BeforeCall, || format!("before {call}"));
        self.tell(format!("-> {call}"));
        if lock(&self.ambush).take_if(|wanted| call.contains(wanted.as_str())).is_some() {
            self.pay_with(0, 0);
        }
        if lock(&self.gives_up).take_if(|wanted| call.contains(wanted.as_str())).is_some() {
            self.depth.fetch_add(1, Ordering::SeqCst);
            self.clone().give_up().await;
            self.depth.fetch_sub(1, Ordering::SeqCst);
        }
        self.meanwhile().await;
    }

    pub async fn call_ended(self: &Arc<World>, call: &str, heard: &str) {
        if heard.contains("our configuration") {
            self.misconfigured.fetch_add(1, Ordering::SeqCst);
        }
        self.tell(format!("<- {call}: {heard}"));
        if lock(&self.other_telephone).take_if(|wanted| call.contains(wanted.as_str())).is_some() {
            self.depth.fetch_add(1, Ordering::SeqCst);
            self.clone().start_again().await;
            self.depth.fetch_sub(1, Ordering::SeqCst);
        }
        self.meanwhile().await;
        self.fate.pass(Boundary::AfterCall, || format!("after {call}: {heard}"));
    }

    /// The world goes on while a call is under way.
    async fn meanwhile(self: &Arc<World>) {
        let nested = self.temper.nested_percent;
        if !self.is_calm() && self.depth() < DEPTH_MAX && self.dice.percent(nested) {
            self.depth.fetch_add(1, Ordering::SeqCst);
            self.clone().nested_step().await;
            self.depth.fetch_sub(1, Ordering::SeqCst);
        }
        if self.fate.is_dead() {
            std::panic::resume_unwind(Box::new(Killed));
        }
    }

    /// There is one connection; whoever has a transaction open has taken it.
    async fn no_transaction_is_open(&self, call: &str) {
        let pool = self.looking.get_sqlite_connection_pool();
        for _ in 0..400 {
            if pool.num_idle() > 0 {
                return;
            }
            // A connection that was let go comes back by a task of its own.
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        self.breach(format!("a transaction is open during {call}"));
    }
}

/// Ends the connection without a byte of an answer.
fn cut() -> ! {
    std::panic::resume_unwind(Box::new("the connection breaks"))
}
