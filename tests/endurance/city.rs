//! The processes of one city: mocks, any number of services and workers, one database.

use std::{path::PathBuf, process::Output, time::Duration};

use kernel::{Entropy, SeededEntropy, SystemEntropy};
use migrations::connect;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    process::Child,
    sync::{Mutex, MutexGuard},
    time::Instant,
};

use crate::town::{
    client, command, eventually, free_port, lend_keys,
    program::{mocks_started, started},
    use_servers_at,
};

/// Longer than any answer may take; a request that runs into it has failed.
pub const CLIENT_TIME_MAX: Duration = Duration::from_secs(20);

/// Cities in one process come one after the other: load disturbs. (Under cargo-nextest each test is a
/// process, and .config/nextest.toml keeps them apart.)
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

pub struct City {
    pub control_url: String,
    pub config: PathBuf,
    /// Where services listen, in the order in which they were given.
    pub urls: Vec<String>,
    pub database_url: String,
    pub seed: u64,
    pub http: reqwest::Client,
    folder: TempDir,
    _mock: Child,
    _alone: MutexGuard<'static, ()>,
}

/// A process of the program; killed when dropped.
pub struct Process {
    name: String,
    arguments: Vec<String>,
    settings: Vec<(String, String)>,
    child: Option<Child>,
}

/// A signed notification, ready to be delivered as often as one likes.
#[derive(Clone)]
pub struct Letter {
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl City {
    /// Starts the mocks and writes the configuration; `services` addresses are set aside.
    pub async fn new(postgres: &str, redis: &str, services: usize) -> City {
        let alone = ONE_AT_A_TIME.lock().await;
        let asked = std::env::var("ENDURANCE_SEED").ok();
        let drawn = || (&SystemEntropy::default() as &dyn Entropy).u64();
        let seed = asked.map_or_else(drawn, |seed| seed.parse().expect("ENDURANCE_SEED: a number"));
        println!("ENDURANCE_SEED={seed}");
        let folder = TempDir::new().expect("a folder");
        lend_keys(folder.path()).await;
        let urls: Vec<String> =
            (0..services).map(|_| format!("http://127.0.0.1:{}", free_port())).collect();
        let listen = urls[0].trim_start_matches("http://").to_owned();
        let (mock, control_url) = mocks_started(folder.path(), &listen).await;
        let config = folder.path().join("city-services.toml");
        let database_url = use_servers_at(&config, postgres, redis).await;
        // What a killed process sent reaches the mock at once or never; nobody waits five minutes here.
        let text = std::fs::read_to_string(&config).expect("the configuration");
        let text = format!("{text}\n[orders]\nposting_under_way_seconds = 20\n");
        std::fs::write(&config, text).expect("the configuration can be written");
        let city = City {
            control_url,
            config,
            urls,
            database_url,
            seed,
            http: client(),
            folder,
            _mock: mock,
            _alone: alone,
        };
        // The platforms tell after a tenth of a second instead of one: more payments per minute.
        city.control("/settings", Some(json!({ "first_delivery_delay_ms": 100 }))).await;
        city
    }

    pub fn chance(&self) -> SeededEntropy {
        SeededEntropy::new(self.seed)
    }

    /// A service at the address with this number, not started yet.
    pub fn service(&self, number: usize) -> Process {
        let url = self.urls[number].clone();
        let listen = url.trim_start_matches("http://").to_owned();
        let settings = vec![
            ("CITY_SERVICES__SERVER__LISTEN".to_owned(), listen),
            ("CITY_SERVICES__SERVER__PUBLIC_URL".to_owned(), url),
        ];
        self.process(&format!("serve-{number}"), "serve", settings)
    }

    /// A worker without a face, not started yet.
    pub fn worker(&self) -> Process {
        self.process("worker", "worker", Vec::new())
    }

    fn process(&self, name: &str, act: &str, settings: Vec<(String, String)>) -> Process {
        let config = self.config.to_str().expect("a path in UTF-8").to_owned();
        let arguments = vec![act.to_owned(), "--config".to_owned(), config];
        let name = self.folder.path().join(format!("{name}.log")).display().to_string();
        Process { name, arguments, settings, child: None }
    }

    /// Waits until a service says that it could record money.
    pub async fn ready(&self, number: usize) {
        let url = format!("{}/readyz", self.urls[number]);
        eventually("the service", async || {
            let answer = self.http.get(&url).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    pub async fn control(&self, path: &str, body: Option<Value>) -> Value {
        let told = self.try_control(path, body).await;
        told.unwrap_or_else(|refusal| panic!("{path}: {refusal}"))
    }

    /// Plays the mocks' control API; what it refuses comes back as an error.
    pub async fn try_control(&self, path: &str, body: Option<Value>) -> Result<Value, String> {
        let url = format!("{}{path}", self.control_url);
        let request = match body {
            Some(body) => self.http.post(url).json(&body),
            None => self.http.get(url),
        };
        let answer = request.send().await.expect("the mock answers");
        let (status, text) = (answer.status(), answer.text().await.expect("a body"));
        if !status.is_success() {
            return Err(format!("{status} {text}"));
        }
        if text.is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path}: {text}")))
    }

    /// A genuine notification about a paid number, signed now.
    pub async fn letter(&self, channel: &str, out_trade_no: &str) -> Letter {
        let asked = json!({ "platform": channel, "out_trade_no": out_trade_no, "deliver": false });
        let told = self.control("/notifications", Some(asked)).await;
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let url = reqwest::Url::parse(told["url"].as_str().expect("an address")).expect("one");
        let headers = told["headers"].as_object().expect("headers").iter();
        Letter {
            path: url.path().to_owned(),
            headers: headers.map(|(name, value)| (name.clone(), text(value))).collect(),
            body: text(&told["body"]),
        }
    }

    /// Delivers a letter to a service; the status and how long it took, or nothing when nobody was
    /// there.
    pub async fn deliver(
        &self,
        letter: &Letter,
        number: usize,
    ) -> (Option<(u16, String)>, Duration) {
        let began = Instant::now();
        let mut request = self.http.post(format!("{}{}", self.urls[number], letter.path));
        for (name, value) in &letter.headers {
            request = request.header(name, value);
        }
        let answer = async {
            let answer = request.body(letter.body.clone()).send().await.ok()?;
            Some((answer.status().as_u16(), answer.text().await.ok()?))
        };
        let answer = tokio::time::timeout(CLIENT_TIME_MAX, answer).await.ok().flatten();
        (answer, began.elapsed())
    }

    pub async fn database(&self) -> DatabaseConnection {
        connect(&self.database_url).await.expect("the database")
    }

    /// Rows of texts.
    pub async fn rows(
        &self,
        db: &DatabaseConnection,
        sql: &str,
        columns: usize,
    ) -> Vec<Vec<String>> {
        let statement = Statement::from_string(db.get_database_backend(), sql);
        let rows = db.query_all_raw(statement).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        let text = |row: &sea_orm::QueryResult, at| {
            let value: Option<String> = row.try_get_by_index(at).expect("a column of text");
            value.unwrap_or_default()
        };
        rows.iter().map(|row| (0..columns).map(|at| text(row, at)).collect()).collect()
    }

    /// `city-services audit`, run to its end.
    pub async fn audit(&self) -> Output {
        command(&["audit", "--config", self.config.to_str().expect("a path in UTF-8")]).await
    }
}

impl Letter {
    /// As a request for `address`, under another serial.
    pub fn bytes_under(&self, address: &str, serial: &str) -> Vec<u8> {
        let Letter { path, headers, body } = self;
        let length = body.len();
        let mut text =
            format!("POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\n");
        for (name, value) in headers {
            let value = if name.eq_ignore_ascii_case("wechatpay-serial") { serial } else { value };
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        format!("{text}\r\n{body}").into_bytes()
    }

    /// Whether an answer means to the platform: stored, do not tell again.
    pub fn accepts(answer: Option<&(u16, String)>) -> bool {
        answer.is_some_and(|(status, body)| {
            (*status == 204 && body.is_empty()) || (*status == 200 && body == "success")
        })
    }
}

impl Process {
    pub fn start(&mut self) {
        assert!(self.child.is_none(), "{} runs already", self.name);
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let settings: Vec<(&str, &str)> =
            self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.child = Some(started(&arguments, &settings, self.name.as_ref()));
    }

    /// SIGKILL: nothing is finished, nothing is said.
    pub async fn kill(&mut self) {
        let mut child = self.child.take().expect("the process runs");
        let ended = child.try_wait().expect("a status");
        assert!(ended.is_none(), "{} ended by itself: {ended:?}\n{}", self.name, self.last_words());
        child.kill().await.expect("the process can be killed");
    }

    /// How long it has kept a core busy since its start, in hundredths of a second.
    pub fn busy(&self) -> Duration {
        let id = self.child.as_ref().and_then(Child::id).expect("the process runs");
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("/proc");
        // After `id (name)`, whose name may hold anything, user and system time are 12th and 13th.
        let after_name = stat.rsplit_once(") ").expect("a name").1;
        let ticks = after_name.split(' ').skip(11).take(2);
        let ticks = ticks.map(|ticks| ticks.parse::<u64>().expect("a number"));
        Duration::from_millis(10 * ticks.sum::<u64>())
    }

    /// All that it logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.name).unwrap_or_default()
    }

    fn last_words(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }
}
