//! Connections that die silently, as behind a firewall that forgot them or after a failover: nothing
//! comes back on them, not even an end. They must not keep their places in the pool.

use std::time::Duration;

use migrations::connect;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::timeout,
};

/// More than the pool has.
const CALLERS: u32 = 40;
/// Hangs for ever if the pool does; never reached otherwise.
const FOR_EVER: Duration = Duration::from_secs(60);

/// A way to PostgreSQL on which everything that is under way can be made to vanish.
struct Way {
    address: String,
    swallow: watch::Sender<u32>,
}

impl Way {
    async fn to_postgres() -> Way {
        let url = std::env::var("TEST_POSTGRES_URL")
            .expect("TEST_POSTGRES_URL names the PostgreSQL for tests; tests/run sets it");
        let (before, after) = url.rsplit_once('@').expect("a user");
        let (server, after) = after.split_once('/').expect("a database");
        let server = server.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let here = listener.local_addr().expect("an address");
        let (swallow, swallowed) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut swallowed = swallowed.clone();
                swallowed.mark_unchanged();
                let server = server.clone();
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(server).await.expect("PostgreSQL");
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        Ok(()) = swallowed.changed() => {
                            // Both ends stay open and hear nothing any more.
                            tokio::time::sleep(FOR_EVER).await;
                        }
                    }
                });
            }
        });
        Way { address: format!("{before}@{here}/{after}"), swallow }
    }

    fn swallows_everything(&self) {
        self.swallow.send_modify(|times| *times += 1);
    }
}

/// This many callers at once, each with one statement; how many were served.
async fn served(db: &DatabaseConnection, statement: &'static str) -> u32 {
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let db = db.clone();
        callers.spawn(async move { db.execute_unprepared(statement).await.is_ok() });
    }
    callers.join_all().await.into_iter().map(u32::from).sum()
}

#[tokio::test]
async fn idle_connections_that_hang_are_replaced() {
    let way = Way::to_postgres().await;
    let db = connect(&way.address).await.expect("a database");
    assert_eq!(served(&db, "SELECT pg_sleep(0.1)").await, CALLERS);
    way.swallows_everything();
    assert_eq!(served(&db, "SELECT 1").await, CALLERS);
}

#[tokio::test]
async fn connections_that_hang_in_a_statement_are_replaced_once_nobody_waits() {
    let way = Way::to_postgres().await;
    let db = connect(&way.address).await.expect("a database");
    let busy = tokio::spawn({
        let db = db.clone();
        async move { served(&db, "SELECT pg_sleep(1)").await }
    });
    // Somebody is in the middle of a statement when the way is lost, and is then told to give up.
    timeout(Duration::from_millis(500), std::future::pending::<()>()).await.expect_err("a pause");
    way.swallows_everything();
    busy.abort();
    assert!(busy.await.expect_err("cut off").is_cancelled());
    assert_eq!(served(&db, "SELECT 1").await, CALLERS);
}

/// The server ends what a vanished process left open, and lets its locks go.
#[tokio::test]
async fn the_server_does_not_keep_a_silent_transaction() {
    let url = std::env::var("TEST_POSTGRES_URL").expect("tests/run sets TEST_POSTGRES_URL");
    let db = connect(&url).await.expect("a database");
    for (setting, limit) in
        [("idle_in_transaction_session_timeout", "10s"), ("statement_timeout", "3s")]
    {
        let asked = Statement::from_string(DbBackend::Postgres, format!("SHOW {setting}"));
        let row = db.query_one_raw(asked).await.expect("an answer").expect("a row");
        assert_eq!(row.try_get_by_index::<String>(0).expect("text"), limit, "{setting}");
    }
}
