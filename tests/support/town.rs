//! A town for one test: mock platforms and agency, the service over real HTTP, a clock that stands
//! still until it is moved, and the database and session store that the test asks for.
//!
//! Players: [`Citizen`]s use the mini-program's API; the mocks are WeChat, Alipay and the agency;
//! the test moves the clock, runs the jobs and looks into the ledger. Promised: towns share nothing
//! but keys of the mocks; nothing sleeps; a town that is left with [`Town::close`] has every fen
//! posted, returned or on the list of cases, and a town that is left without it fails its test.
//!
//! Deliberately absent: the worker's loop (jobs run when the test says so) and any way to write
//! into the database behind the service's back.

mod citizen;
mod forger;
mod keys;
mod ledger;
mod neighbour;
pub mod program;
mod wire;

use std::{
    fmt::Display,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use city_services::{Config, Parts, Running, Serving};
use kernel::{Channel, Clock, ControlledClock, Entropy, SystemEntropy, Timestamp};
use mock_providers::{
    Fault, FaultKind, FaultTarget, NotificationRequest, Providers, ProvidersOptions,
    SignedNotification,
};
use sea_orm::{ConnectionTrait, DatabaseConnection, TransactionTrait};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;

pub use self::{
    citizen::{CONSENT, Citizen, Insured, Order, Started, insured},
    forger::sign,
    keys::{START, copy_folder, lend_keys},
    ledger::NONE,
    neighbour::Neighbour,
    program::{Program, command, eventually, free_port},
    wire::Wire,
};

use self::keys::{kept_keys, mocks_in, quick};

/// Where the service keeps its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A SQLite file, sessions in the process.
    Embedded,
    /// PostgreSQL (a schema of its own) and Redis.
    Servers,
}

/// What an HTTP request was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The answer's JSON, which must come with this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.json()
    }

    /// A refusal with this status and stable code.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(problem["code"], code, "{problem}");
        problem
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a header in ASCII"))
    }

    /// As the platform understands it: stored, do not tell again.
    #[track_caller]
    pub fn acknowledged(&self, channel: Channel) {
        let told = (self.status, self.body.as_str());
        match channel {
            Channel::Wechat => assert_eq!(told, (204, "")),
            Channel::Alipay => assert_eq!(told, (200, "success")),
        }
    }

    /// As the platform understands it: not taken.
    #[track_caller]
    pub fn not_acknowledged(&self, channel: Channel, status: u16) {
        assert_eq!(self.status, status, "{}", self.body);
        match channel {
            Channel::Wechat => assert_eq!(self.json()["code"], "FAIL"),
            Channel::Alipay => assert!(!self.body.contains("success"), "{}", self.body),
        }
    }
}

/// Entropy of the mocks that remembers what it gave out 16 bytes at a time: session keys are among
/// them.
#[derive(Debug, Default)]
struct Remembering {
    chance: SystemEntropy,
    given: Mutex<Vec<Vec<u8>>>,
}

impl Entropy for Remembering {
    fn fill(&self, bytes: &mut [u8]) {
        self.chance.fill(bytes);
        if bytes.len() == 16 {
            self.given.lock().expect("nobody panicked").push(bytes.to_vec());
        }
    }
}

pub struct Town {
    pub mocks: Providers,
    pub clock: Arc<ControlledClock>,
    pub parts: Parts,
    pub url: String,
    backend: Backend,
    running: Option<Running>,
    http: reqwest::Client,
    folder: TempDir,
    heard: Arc<Mutex<Vec<String>>>,
    chance: Arc<Remembering>,
    /// The service knows more than one mini-program, so logging in has to name one.
    several_apps: bool,
    closed: bool,
}

impl Town {
    pub async fn new(backend: Backend) -> Town {
        Town::with(backend, |_| ()).await
    }

    /// A town whose configuration has these lines at its end.
    pub async fn configured(backend: Backend, more: &str) -> Town {
        let add = |config: &Path| {
            let text = std::fs::read_to_string(config).expect("the configuration");
            std::fs::write(config, format!("{text}\n{more}")).expect("a configuration");
        };
        Town::with(backend, add).await
    }

    /// A town whose written configuration is changed before the service reads it.
    pub async fn with(backend: Backend, change: impl FnOnce(&Path)) -> Town {
        city_services::install_crypto();
        let clock = Arc::new(ControlledClock::at(Timestamp::from_unix_seconds(START)));
        let chance = Arc::new(Remembering::default());
        let folder = TempDir::new().expect("a folder for the town");
        lend_keys(folder.path()).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let options = ProvidersOptions {
            folder: Some(folder.path().to_owned()),
            service_listen: address,
            ..quick(&clock)
        };
        let mocks = Providers::start(options, clock.clone(), chance.clone()).await.expect("mocks");
        let written = mocks.write_folder(folder.path()).expect("the mocks' folder");
        if backend == Backend::Servers {
            use_servers(&written.config).await;
        }
        change(&written.config);
        let config = Config::load(&written.config).expect("a configuration");
        let entropy = Arc::new(SystemEntropy::default());
        let parts = Parts::build(&config, clock.clone(), entropy).await.expect("the service");
        let serving = Serving { parts: parts.clone(), listener, worker: false };
        let running = Some(serving.start().expect("a server"));
        let (http, heard) = (client(), Arc::default());
        let url = format!("http://{address}");
        Town {
            mocks,
            clock,
            parts,
            url,
            backend,
            running,
            http,
            folder,
            heard,
            chance,
            several_apps: false,
            closed: false,
        }
    }

    /// The parts of another process on the same database, with another configuration.
    pub async fn started_with(&self, change: impl FnOnce(&str) -> String) -> Parts {
        let path = self.folder.path().join("city-services.toml");
        let text = std::fs::read_to_string(&path).expect("the configuration");
        let other = path.with_file_name("other.toml");
        std::fs::write(&other, change(&text)).expect("another configuration");
        let config = Config::load(&other).expect("a configuration");
        let entropy = Arc::new(SystemEntropy::default());
        Parts::build(&config, self.clock.clone(), entropy).await.expect("the other process")
    }

    /// Checks what must hold in every town (see `ledger`), and stops everything.
    pub async fn close(mut self) {
        self.closed = true;
        self.mocks.settle().await;
        self.assert_order().await;
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
        if self.backend == Backend::Servers {
            drop_schema(&self.parts.db).await;
        }
    }

    /// The configuration that the service runs with, for commands beside it.
    pub fn config(&self) -> String {
        let path = self.folder.path().join("city-services.toml");
        path.to_str().expect("a path in UTF-8").to_owned()
    }

    /// Runs jobs until none is due at the present time.
    pub async fn run_jobs(&self) {
        for _ in 0..100 {
            if self.parts.orders.run_due_jobs(16).await.expect("the database answers") == 0 {
                return;
            }
        }
        panic!("jobs come back for ever");
    }

    /// Lets the mocks deliver what is due, then runs the jobs.
    pub async fn settle(&self) {
        self.mocks.settle().await;
        self.run_jobs().await;
    }

    /// Lets time pass, in steps no longer than a minute, and runs what falls due on the way.
    pub async fn pass(&self, seconds: u64) {
        let mut left = seconds;
        while left > 0 {
            let step = left.min(60);
            self.clock.advance(Duration::from_secs(step));
            self.settle().await;
            left -= step;
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Sends a request to the service and remembers the answer for [`Town::shown_anywhere`].
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.text().await.expect("a body");
        self.heard.lock().expect("nobody panicked").push(format!("{headers:?}\n{body}"));
        Answer { status, headers, body }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.http.get(format!("{}{path}", self.url))).await
    }

    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// Delivers a notification as the platform would.
    pub async fn deliver(&self, told: &SignedNotification) -> Answer {
        self.deliver_bytes(told, told.body.clone().into_bytes()).await
    }

    /// Delivers another body under the notification's headers.
    pub async fn deliver_bytes(&self, told: &SignedNotification, body: Vec<u8>) -> Answer {
        let mut request = self.http.post(&told.url);
        for (name, value) in &told.headers {
            request = request.header(name, value);
        }
        self.send(request.body(body)).await
    }

    /// Writes a notification about a number without sending it; `change` makes it lie.
    pub fn notification(
        &self,
        channel: Channel,
        out_trade_no: &str,
        change: impl FnOnce(&mut mock_providers::Craft),
    ) -> SignedNotification {
        let mut request = NotificationRequest::payment(channel, out_trade_no);
        change(&mut request.craft);
        self.mocks.craft_notification(&request).expect("a trade to tell of")
    }

    /// The platform will never tell of the next payment by itself.
    pub fn lose_notifications(&self, channel: Channel) {
        let target = match channel {
            Channel::Wechat => FaultTarget::WechatNotification,
            Channel::Alipay => FaultTarget::AlipayNotification,
        };
        self.mocks.set_fault(Fault::next(target, FaultKind::Lose)).expect("a fault");
    }

    /// The next call of this kind goes wrong.
    pub fn fault(&self, channel: Channel, call: &str, fault: FaultKind) {
        let target = format!("{channel}.{call}").parse().expect("a target");
        self.mocks.set_fault(Fault::next(target, fault)).expect("a fault");
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        if !self.closed && !std::thread::panicking() {
            panic!("a town is left with close(), which looks whether everything is in order");
        }
    }
}

pub fn client() -> reqwest::Client {
    city_services::install_crypto();
    let builder = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60));
    builder.build().expect("an HTTP client")
}

/// The address of a server that tests need; `tests/run` starts it and says where.
pub fn server(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run tests/run, which starts PostgreSQL and Redis for tests")
    })
}

/// Points a written configuration at the shared PostgreSQL and Redis.
pub async fn use_servers(config: &Path) {
    use_servers_at(config, &server("TEST_POSTGRES_URL"), &server("TEST_REDIS_URL")).await;
}

/// Points a written configuration at a schema of its own, whose address is given back, and at Redis.
pub async fn use_servers_at(config: &Path, url: &str, redis: &str) -> String {
    let schema = format!("town_{}", uuid::Uuid::new_v4().simple());
    let db = migrations::connect(url).await.expect("PostgreSQL");
    db.execute_unprepared(&format!("CREATE SCHEMA {schema}")).await.expect("a schema");
    db.close().await.expect("an end");
    let mark = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{mark}options=-c%20search_path%3D{schema}");
    let text = std::fs::read_to_string(config).expect("the configuration");
    let text =
        replaced(&text, "url = \"sqlite://city-services.sqlite\"", format!("url = \"{url}\""));
    let sessions = format!("store = \"redis\"\nredis_url = \"{redis}\"");
    let text = replaced(&text, "store = \"embedded\"", sessions);
    std::fs::write(config, text).expect("the configuration can be written");
    url
}

/// Removes the schema that the connections are in. Hundreds that stay make every migration of a later
/// test slower, because PostgreSQL keeps the tables of all of them in one list.
async fn drop_schema(db: &DatabaseConnection) {
    let txn = db.begin().await.expect("a transaction");
    let sql = "DO $$ BEGIN EXECUTE 'DROP SCHEMA ' || current_schema() || ' CASCADE'; END $$";
    for statement in ["SET LOCAL statement_timeout = '60s'", sql] {
        txn.execute_unprepared(statement).await.expect("an end of the schema");
    }
    txn.commit().await.expect("an end of the schema");
}

/// Replaces what must be there once.
#[track_caller]
pub fn replaced(text: &str, from: &str, to: impl Display) -> String {
    assert_eq!(text.matches(from).count(), 1, "`{from}` is there once");
    text.replace(from, &to.to_string())
}
