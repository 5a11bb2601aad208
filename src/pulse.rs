//! Whether the database answers, felt twice a second.
//!
//! Players: one task asks PostgreSQL over a connection of its own; faces and worker listen. Promised:
//! when the server refuses or only hangs, everybody hears it before [`LOSS_NOTICED_MAX`] is over, so
//! that no citizen and no platform waits for 4 seconds; requests and jobs under way are dropped then,
//! which is safe because every act is one transaction and every call to the outside is written down
//! before it is made. When the server answers again, so does the service, without a hand.
//!
//! Why not a time limit around each request: agencies and channels may take their own 8 and 10
//! seconds while the database is well. Deliberately absent: SQLite, which is a file of this machine;
//! and Redis, whose every call has a limit of its own (`miniprogram-api`, sessions in Redis).

use std::{
    future::{Future, pending},
    io,
    time::Duration,
};

use sea_orm::sqlx::{self, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use tokio::sync::watch;

/// Between two questions.
const REST: Duration = Duration::from_millis(500);
/// A server that needs longer for an empty question is as good as gone.
const ANSWER_MAX: Duration = Duration::from_millis(1_500);
/// From the first moment without an answer until everybody knows.
const LOSS_NOTICED_MAX: Duration = Duration::from_secs(2);
const _: () = assert!(REST.as_millis() + ANSWER_MAX.as_millis() <= LOSS_NOTICED_MAX.as_millis());

/// Between two lines in the log while the program waits for the database to come.
const COMPLAINT_EVERY: u32 = 20;

/// The database's pulse. Cheap to clone; the asking ends with the last clone.
#[derive(Clone, Debug)]
pub(crate) struct Pulse {
    answers: watch::Receiver<bool>,
}

impl Pulse {
    /// Begins to feel the pulse of the server at `url`. Anything but PostgreSQL counts as alive.
    pub(crate) fn feel(url: &str) -> Pulse {
        let (tell, answers) = watch::channel(true);
        match url.parse::<PgConnectOptions>() {
            Ok(server) if is_postgres(url) => {
                let server = server.disable_statement_logging();
                drop(tokio::spawn(async move {
                    tokio::select! {
                        () = tell.closed() => {}
                        () = ask(&server, &tell) => {}
                    }
                }));
            }
            _ => {}
        }
        Pulse { answers }
    }

    /// For faces, which listen by themselves.
    pub(crate) fn answers(&self) -> watch::Receiver<bool> {
        self.answers.clone()
    }

    /// Resolves when the database answers.
    pub(crate) async fn back(&self) {
        // An error means that nobody asks any more: the last answer stays.
        drop(self.answers.clone().wait_for(|alive| *alive).await);
    }

    /// Resolves when the database does not answer.
    pub(crate) async fn lost(&self) {
        if self.answers.clone().wait_for(|alive| !*alive).await.is_err() {
            pending().await
        }
    }

    /// Does something that needs the database; `None` when it went away meanwhile, or was away.
    pub(crate) async fn keeps<T>(&self, act: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.lost() => None,
            done = act => Some(done),
        }
    }

    /// Waits until the server at `url` takes connections, so that the program may be started before
    /// it, after a power cut for example.
    ///
    /// # Errors
    /// What waiting does not cure: a wrong password, a database that does not exist.
    pub(crate) async fn await_first(url: &str) -> Result<(), sqlx::Error> {
        let server = match url.parse::<PgConnectOptions>() {
            Ok(server) if is_postgres(url) => server,
            // Not PostgreSQL, or an address that connecting will explain.
            _ => return Ok(()),
        };
        let mut connection = None;
        for trial in 0_u32.. {
            match beat(&server, &mut connection).await {
                Ok(()) => return Ok(()),
                Err(error) if passes(&error) => {
                    if trial % COMPLAINT_EVERY == 0 {
                        tracing::warn!(%error, "waiting for the database");
                    }
                    tokio::time::sleep(REST).await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres:") || url.starts_with("postgresql:")
}

async fn ask(server: &PgConnectOptions, tell: &watch::Sender<bool>) {
    let mut connection = None;
    loop {
        let beat = beat(server, &mut connection).await;
        let changed =
            tell.send_if_modified(|alive| std::mem::replace(alive, beat.is_ok()) != beat.is_ok());
        match beat {
            Ok(()) if changed => tracing::info!("the database answers again"),
            Err(error) if changed => {
                tracing::error!(%error, "the database does not answer; what needs it is refused");
            }
            _ => {}
        }
        metrics::gauge!("database_answers").set(if *tell.borrow() { 1 } else { 0 });
        tokio::time::sleep(REST).await;
    }
}

/// One question within [`ANSWER_MAX`]. A broken connection is no verdict on the server (somebody may
/// have ended it), so a fresh one is tried at once.
async fn beat(
    server: &PgConnectOptions,
    kept: &mut Option<PgConnection>,
) -> Result<(), sqlx::Error> {
    // Taken out, so that a connection that hangs is dropped and not asked again.
    let before = kept.take();
    match tokio::time::timeout(ANSWER_MAX, answer(server, before)).await {
        Ok(answering) => *kept = Some(answering?),
        Err(_) => return Err(io::Error::from(io::ErrorKind::TimedOut).into()),
    }
    Ok(())
}

async fn answer(
    server: &PgConnectOptions,
    before: Option<PgConnection>,
) -> Result<PgConnection, sqlx::Error> {
    if let Some(mut connection) = before
        && connection.ping().await.is_ok()
    {
        return Ok(connection);
    }
    let mut connection = server.connect().await?;
    connection.ping().await?;
    Ok(connection)
}

/// Whether a failure to connect may pass without anybody changing anything: the server is not there
/// yet, is starting up or going down (class 57), or has no room (class 53).
fn passes(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| code.starts_with("57") || code.starts_with("53"))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_act_under_way_is_dropped_when_the_pulse_is_lost_and_none_begins_before_it_is_back()
    {
        let (tell, answers) = watch::channel(true);
        let pulse = Pulse { answers };
        assert_eq!(pulse.keeps(async { "done" }).await, Some("done"));
        let under_way = tokio::spawn({
            let pulse = pulse.clone();
            async move { pulse.keeps(pending::<()>()).await }
        });
        tell.send_replace(false);
        assert_eq!(under_way.await.expect("no panic"), None);
        let begins = async { unreachable!("nothing begins") };
        assert_eq!(pulse.keeps::<()>(begins).await, None);
        tell.send_replace(true);
        pulse.back().await;
        assert_eq!(pulse.keeps(async { "again" }).await, Some("again"));
    }

    #[tokio::test]
    async fn a_file_of_this_machine_has_no_pulse_to_lose() {
        let pulse = Pulse::feel("sqlite://city-services.sqlite");
        assert_eq!(pulse.keeps(tokio::task::yield_now()).await, Some(()));
        Pulse::await_first("sqlite://city-services.sqlite").await.expect("nothing to wait for");
    }

    #[tokio::test]
    async fn a_refusing_server_is_noticed() {
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = closed.local_addr().expect("an address");
        drop(closed);
        let pulse = Pulse::feel(&format!("postgres://postgres@{address}/postgres"));
        assert_eq!(pulse.keeps(pending::<()>()).await, None);
    }

    #[tokio::test]
    async fn a_silent_server_is_noticed() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = silent.local_addr().expect("an address");
        let pulse = Pulse::feel(&format!("postgres://postgres@{address}/postgres"));
        assert_eq!(pulse.keeps(pending::<()>()).await, None);
    }
}
