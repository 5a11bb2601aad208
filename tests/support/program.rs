//! The real program in processes of its own.

use std::{
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    time::Duration,
};

use kernel::{Entropy, SystemEntropy};
use serde_json::Value;
use tokio::process::{Child, Command};

use super::{Backend, client, use_servers};

/// How long a test waits for something that another process should do within a second or two.
const PATIENCE: Duration = Duration::from_secs(90);

/// A port that nobody listens on, below those that systems hand out by themselves.
pub fn free_port() -> u16 {
    let chance: &dyn Entropy = &SystemEntropy::default();
    loop {
        let port = 20_000 + u16::try_from(chance.u64() % 12_000).expect("a small number");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Runs the program to its end.
pub async fn command(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_city-services"));
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let ended = tokio::time::timeout(PATIENCE, command.output());
    ended.await.expect("the command ends").expect("the command runs")
}

/// `mock` and `serve` as two processes on loopback, with a folder of their own.
pub struct Program {
    pub folder: PathBuf,
    pub config: PathBuf,
    pub url: String,
    pub control_url: String,
    http: reqwest::Client,
    mock: Child,
    serve: Option<Child>,
    /// The service's environment.
    settings: Vec<(&'static str, &'static str)>,
}

/// Starts the program, which lives no longer than the handle.
pub fn started(arguments: &[&str], settings: &[(&str, &str)], log: &Path) -> Child {
    let log = File::options().create(true).append(true).open(log).expect("a log");
    let mut command = Command::new(env!("CARGO_BIN_EXE_city-services"));
    command.args(arguments).envs(settings.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command.kill_on_drop(true).spawn().expect("the program starts")
}

/// Starts the mocks with keys that are there already; gives the control API's address too.
pub async fn mocks_started(folder: &Path, listen: &str) -> (Child, String) {
    let dir = folder.to_str().expect("a path in UTF-8");
    let arguments = ["mock", "--dir", dir, "--serve-listen", listen];
    let index = folder.join("mock.json");
    let lent = std::fs::metadata(&index).and_then(|file| file.modified()).ok();
    let mock = started(&arguments, &[], &folder.join("mock.log"));
    let index: Value = eventually("mock.json", async || {
        let written = std::fs::metadata(&index).and_then(|file| file.modified()).ok();
        let read = std::fs::read_to_string(&index).ok().filter(|_| written != lent)?;
        serde_json::from_str(&read).ok()
    })
    .await;
    (mock, index["control_url"].as_str().expect("an address").to_owned())
}

/// Waits for a condition in the world outside this process.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, found).await;
    waited.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

impl Program {
    /// Only the folder that `mock` writes; nothing runs.
    pub async fn written(folder: &Path, backend: Backend) -> PathBuf {
        super::lend_keys(folder).await;
        let mocks = super::mocks_in(folder).await;
        let config = mocks.write_folder(folder).expect("the mocks' folder").config;
        mocks.shutdown().await;
        if backend == Backend::Servers {
            use_servers(&config).await;
        }
        config
    }

    /// Starts the mocks, and the service on `port`.
    pub async fn start(folder: &Path, backend: Backend) -> Program {
        Program::start_with(folder, backend, &[], |_| ()).await
    }

    /// As [`Program::start`], with an environment of the service, and a configuration that is changed
    /// before the service reads it.
    pub async fn start_with(
        folder: &Path,
        backend: Backend,
        settings: &[(&'static str, &'static str)],
        change: impl FnOnce(&Path),
    ) -> Program {
        let port = free_port();
        let listen = format!("127.0.0.1:{port}");
        let (mock, control_url) = mocks_started(folder, &listen).await;
        let config = folder.join("city-services.toml");
        if backend == Backend::Servers {
            use_servers(&config).await;
        }
        change(&config);
        let mut program = Program {
            folder: folder.to_owned(),
            config,
            url: format!("http://{listen}"),
            control_url,
            http: client(),
            mock,
            serve: None,
            settings: settings.to_vec(),
        };
        program.serve().await;
        program
    }

    /// Starts the service and waits until it is ready.
    pub async fn serve(&mut self) {
        assert!(self.serve.is_none(), "the service runs already");
        let config = self.config.to_str().expect("a path in UTF-8").to_owned();
        let log = self.folder.join("serve.log");
        self.serve = Some(started(&["serve", "--config", &config], &self.settings, &log));
        let ready = format!("{}/readyz", self.url);
        eventually("the service", async || {
            let answer = self.http.get(&ready).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    /// SIGKILL: nothing is finished, nothing is said.
    pub async fn kill(&mut self) {
        let mut serve = self.serve.take().expect("the service runs");
        serve.kill().await.expect("the service can be killed");
    }

    /// SIGHUP, and waits for what the service says of it.
    pub async fn told_to_renew(&self) -> Value {
        let serve = self.serve.as_ref().expect("the service runs");
        let id = serve.id().expect("a living process").to_string();
        let before = self.renewals().len();
        let told = Command::new("kill").args(["-HUP", &id]).status().await.expect("kill runs");
        assert!(told.success());
        eventually("the renewal", async || self.renewals().get(before).cloned()).await
    }

    /// What the service said of renewals so far.
    fn renewals(&self) -> Vec<Value> {
        let lines = self.log();
        let lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["target"] == "city_services::renewal").collect()
    }

    /// Everything that the service has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("serve.log")).expect("a log")
    }

    /// Changes the configuration's text.
    pub fn reconfigure(&self, change: impl FnOnce(String) -> String) {
        let text = std::fs::read_to_string(&self.config).expect("the configuration");
        std::fs::write(&self.config, change(text)).expect("a configuration");
    }

    /// SIGTERM; gives back the process to be waited for.
    pub async fn tell_to_end(&mut self) -> impl Future<Output = ExitStatus> + use<> {
        let mut serve = self.serve.take().expect("the service runs");
        let id = serve.id().expect("a living process").to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().await.expect("kill runs");
        assert!(told.success());
        async move {
            let ended = tokio::time::timeout(PATIENCE, serve.wait());
            ended.await.expect("the service ends").expect("an exit status")
        }
    }

    /// Plays the mocks' control API.
    pub async fn control(&self, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}{path}", self.control_url);
        let request = match body {
            Some(body) => self.http.post(url).json(&body),
            None => self.http.get(url),
        };
        let answer = request.send().await.expect("the mock answers");
        let (status, text) = (answer.status(), answer.text().await.expect("a body"));
        assert!(status.is_success(), "{path}: {text}");
        if text.is_empty() {
            return Value::Null;
        }
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path}: {text}"))
    }

    /// A request to the service, answered with JSON.
    pub async fn call(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let answer = request.send().await.expect("the service answers");
        let (status, text) = (answer.status().as_u16(), answer.text().await.expect("a body"));
        (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}")))
    }

    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Ends what is left.
    pub async fn close(mut self) {
        if let Some(mut serve) = self.serve.take() {
            serve.kill().await.expect("the service can be killed");
        }
        self.mock.kill().await.expect("the mocks can be killed");
    }
}
