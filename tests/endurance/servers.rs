//! A PostgreSQL and a Redis of one test's own, which it may stop and freeze.
//!
//! PostgreSQL keeps its durability here (`fsync` is on), because what it acknowledged must survive.
//! The servers end with the thread that started them, whatever happens to the test.

use std::{
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::Stdio,
};

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::town::{eventually, free_port};

pub struct Servers {
    pub postgres: Daemon,
    pub redis: Daemon,
    _folder: TempDir,
}

/// A server that can be stopped, started again, frozen and thawed.
pub struct Daemon {
    pub url: String,
    port: u16,
    command: Vec<String>,
    user: Option<String>,
    log: PathBuf,
    /// What ends it at once, without saving anything.
    stop_signal: &'static str,
    child: Option<Child>,
}

fn told(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run tests/run, which knows where PostgreSQL's programs are and as whom they run")
    })
}

/// A command as the servers' user, dying with its parent.
fn as_server(user: Option<&str>, command: &[String]) -> Command {
    let mut setpriv = Command::new("setpriv");
    setpriv.args(["--pdeathsig", "KILL"]);
    if let Some(user) = user {
        setpriv.args([&format!("--reuid={user}"), &format!("--regid={user}"), "--clear-groups"]);
    }
    setpriv.arg("--").args(command).stdin(Stdio::null()).kill_on_drop(true);
    setpriv
}

async fn number_of(what: &str, user: &str) -> u32 {
    let said = Command::new("id").args([what, user]).output().await.expect("id runs");
    let said = String::from_utf8(said.stdout).expect("digits");
    said.trim().parse().unwrap_or_else(|_| panic!("there is no user {user}"))
}

impl Servers {
    pub async fn start() -> Servers {
        let programs = PathBuf::from(told("TEST_POSTGRES_FOLDER"));
        let user = Some(told("TEST_SERVER_USER")).filter(|user| !user.is_empty());
        let folder = TempDir::new().expect("a folder");
        let data = folder.path().join("servers");
        std::fs::create_dir(&data).expect("a folder");
        if let Some(user) = &user {
            let (uid, gid) = (number_of("-u", user).await, number_of("-g", user).await);
            chown(folder.path(), Some(uid), Some(gid)).expect("the folder's owner");
            chown(&data, Some(uid), Some(gid)).expect("the folder's owner");
        }
        let postgres = Daemon::postgres(&programs, &data, user.clone()).await;
        let redis = Daemon::redis(&data, user).await;
        Servers { postgres, redis, _folder: folder }
    }
}

impl Daemon {
    async fn postgres(programs: &Path, folder: &Path, user: Option<String>) -> Daemon {
        let data = folder.join("postgres").display().to_string();
        let program = |name: &str| programs.join(name).display().to_string();
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let initdb = [
            vec![program("initdb"), "-D".to_owned(), data.clone()],
            words("-U postgres -A trust -E UTF8 --locale=C"),
        ]
        .concat();
        let made = as_server(user.as_deref(), &initdb).current_dir("/").output().await;
        let made = made.expect("setpriv of util-linux runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let port = free_port();
        let command = [
            vec![program("postgres"), "-D".to_owned(), data],
            words(&format!(
                "-p {port} -h 127.0.0.1 -c max_connections=100 -c unix_socket_directories="
            )),
        ]
        .concat();
        let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
        let log = folder.join("postgres.log");
        let mut daemon = Daemon { url, port, command, user, log, stop_signal: "QUIT", child: None };
        daemon.start().await;
        daemon
    }

    async fn redis(folder: &Path, user: Option<String>) -> Daemon {
        let port = free_port();
        let command = format!("redis-server --bind 127.0.0.1 --port {port} --appendonly no --save");
        let mut command: Vec<String> = command.split(' ').map(str::to_owned).collect();
        command.push(String::new());
        let url = format!("redis://127.0.0.1:{port}");
        let log = folder.join("redis.log");
        let mut daemon = Daemon { url, port, command, user, log, stop_signal: "TERM", child: None };
        daemon.start().await;
        daemon
    }

    /// Starts it and waits until it listens.
    pub async fn start(&mut self) {
        assert!(self.child.is_none(), "{} runs already", self.command[0]);
        let log = std::fs::File::options().create(true).append(true).open(&self.log);
        let log = log.expect("a log");
        let mut command = as_server(self.user.as_deref(), &self.command);
        command.current_dir("/").stdout(log.try_clone().expect("a log")).stderr(log);
        self.child = Some(command.spawn().expect("the server starts"));
        let port = self.port;
        eventually("a server", async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok().map(drop)
        })
        .await;
    }

    /// Ends it at once: `pg_ctl stop -m immediate`, `SHUTDOWN NOSAVE`.
    pub async fn stop(&mut self) {
        let mut child = self.child.take().expect("the server runs");
        signal(self.stop_signal, &[child.id().expect("a living process")]).await;
        child.wait().await.expect("the server ends");
    }

    /// It keeps its port and its connections, and answers nothing.
    pub async fn freeze(&self) {
        // The parent first, so that no child is born meanwhile.
        signal("STOP", &[self.id()]).await;
        signal("STOP", &children(self.id())).await;
    }

    pub async fn thaw(&self) {
        signal("CONT", &children(self.id())).await;
        signal("CONT", &[self.id()]).await;
    }

    fn id(&self) -> u32 {
        self.child.as_ref().and_then(Child::id).expect("the server runs")
    }
}

async fn signal(name: &str, ids: &[u32]) {
    if ids.is_empty() {
        return;
    }
    let ids = ids.iter().map(u32::to_string);
    // A child that ended by itself meanwhile is no failure.
    Command::new("kill").arg(format!("-{name}")).args(ids).output().await.expect("kill runs");
}

/// PostgreSQL is many processes, each in a group of its own.
fn children(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").expect("/proc");
    let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let is_child = |id: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // `id (name) state parent …`, and the name may hold anything.
        let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        after_name.split(' ').nth(1) == Some(&parent.to_string())
    };
    ids.filter(is_child).collect()
}
