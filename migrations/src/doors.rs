//! Connecting, migrating and beginning to write, the same way for every room.

use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend,
    DbErr, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
    sqlx::{self, Connection, PgConnection},
};
use sea_orm_migration::{MigratorTrait, SchemaManager};

use crate::Migrator;

/// How long a caller waits for a connection, and a statement for a lock, before the call fails.
/// Below the 5 s in which a platform wants its callback answered.
const WAIT_MAX: Duration = Duration::from_secs(3);

/// How long a pooled connection may take to show that it lives, before it is used and after it was
/// left in the middle of a statement. Without a limit one that hangs (a frozen server, a network
/// that swallows packets) would keep its place in the pool for the 15 minutes of TCP's patience.
const SIGN_OF_LIFE_MAX: Duration = Duration::from_millis(500);

/// No act waits for anything but the database inside a transaction, so one that is silent for so long
/// belongs to a process or machine that vanished. Without a limit the server would keep its row locks
/// for the two hours of TCP's patience.
const SILENCE_IN_TRANSACTION_MAX: &str = "10s";

/// Any number that no other program on the same PostgreSQL uses for its advisory lock.
const MIGRATION_LOCK: i64 = 0x0C17_5E12_0001;

/// Opens `sqlite://FILE`, `sqlite::memory:` or `postgres://…`. A missing SQLite file is created.
///
/// # Errors
/// When the address is not understood or the server does not answer in time.
pub async fn connect(url: &str) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url.to_owned());
    options.sqlx_logging(false).acquire_timeout(WAIT_MAX).connect_timeout(WAIT_MAX);
    if url.starts_with("sqlite") {
        // In memory, every connection would be a database of its own.
        let connections = if url.contains(":memory:") { 1 } else { 8 };
        options.max_connections(connections).min_connections(1);
        if connections == 1 {
            options.idle_timeout(None::<Duration>).max_lifetime(None::<Duration>);
        }
        options.map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .create_if_missing(true)
                .foreign_keys(true)
                .busy_timeout(WAIT_MAX)
                .pragma("journal_mode", "WAL")
                .pragma("synchronous", "FULL")
        });
    } else {
        options.max_connections(24).statement_timeout(WAIT_MAX);
        options.map_sqlx_postgres_opts(|server| {
            server.options([("idle_in_transaction_session_timeout", SILENCE_IN_TRANSACTION_MAX)])
        });
        options.map_sqlx_postgres_pool_opts(|pool| {
            pool.test_before_acquire(false)
                .before_acquire(|connection, _| Box::pin(lives(connection)))
                .after_release(|connection, _| Box::pin(lives(connection)))
        });
    }
    Database::connect(options).await.map_err(|error| without_address(error, url))
}

/// Whether a connection may go on being used. An error closes it.
async fn lives(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    match tokio::time::timeout(SIGN_OF_LIFE_MAX, connection.ping()).await {
        Ok(answer) => answer.map(|()| true),
        Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
    }
}

/// The drivers repeat the address, password included, in their errors.
fn without_address(error: DbErr, url: &str) -> DbErr {
    let told = error.to_string();
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    if told.contains(url) {
        let address = if scheme.len() > 20 { String::new() } else { format!("{scheme}://***") };
        return DbErr::Custom(told.replace(url, &address));
    }
    error
}

/// Begins a transaction that will write. On SQLite it takes the writer's place at once, so that a
/// transaction that read first cannot fail with "database is locked" when it comes to write.
///
/// # Errors
/// When the database is away or the writer's place is not free in time.
pub async fn begin_write(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    db.begin_with_options(TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    })
    .await
}

/// Brings the tables up to date. Safe when several processes start at once. On SQLite all of it is one
/// transaction on one connection: another connection of the pool would still know what was dropped a
/// moment ago, and refuse to make something of the same name.
///
/// # Errors
/// When a migration fails; it is rolled back as far as the database can.
pub async fn up(db: &DatabaseConnection) -> Result<(), DbErr> {
    if db.get_database_backend() == DbBackend::Postgres {
        let lock = db.begin().await?;
        lock.execute_unprepared("SET LOCAL statement_timeout = '60s'").await?;
        // It only holds the lock while the migrations run on other connections.
        lock.execute_unprepared("SET LOCAL idle_in_transaction_session_timeout = 0").await?;
        lock.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
        Migrator::up(db, None).await?;
        lock.commit().await
    } else {
        let txn = begin_write(db).await?;
        Migrator::up(&txn, None).await?;
        txn.commit().await
    }
}

/// Takes back the last `steps` migrations, and with them their data.
///
/// # Errors
/// When a migration cannot be taken back.
pub async fn down(db: &DatabaseConnection, steps: u32) -> Result<(), DbErr> {
    if db.get_database_backend() == DbBackend::Postgres {
        Migrator::down(db, Some(steps)).await
    } else {
        let txn = begin_write(db).await?;
        Migrator::down(&txn, Some(steps)).await?;
        txn.commit().await
    }
}

/// The names of the migrations that [`up`] would run.
///
/// # Errors
/// When the database does not answer.
pub async fn pending(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    let pending = Migrator::get_pending_migrations(db).await?;
    Ok(pending.iter().map(|migration| migration.name().to_owned()).collect())
}

/// Whether records of payments would be lost by [`down`].
///
/// # Errors
/// When the database does not answer.
pub async fn holds_orders(db: &DatabaseConnection) -> Result<bool, DbErr> {
    let manager = SchemaManager::new(db);
    if !manager.has_table("orders").await? {
        return Ok(false);
    }
    let rows = db.query_one_raw(Statement::from_string(
        db.get_database_backend(),
        "SELECT 1 AS one FROM orders LIMIT 1",
    ));
    Ok(rows.await?.is_some())
}
