//! A fresh, migrated database for one test, on either backend.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};

use crate::{connect, up};

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// In memory.
    Sqlite,
    /// A schema of its own in the server at `TEST_POSTGRES_URL`, which `tests/run` starts.
    Postgres,
}

/// A database that no other test sees. It disappears with its server or process.
///
/// # Errors
/// When the database cannot be reached.
///
/// # Panics
/// For PostgreSQL when `TEST_POSTGRES_URL` is not set: a test that silently skips proves nothing.
pub async fn throwaway(backend: Backend) -> Result<DatabaseConnection, DbErr> {
    let db = match backend {
        Backend::Sqlite => connect("sqlite::memory:").await?,
        Backend::Postgres => {
            let url = std::env::var("TEST_POSTGRES_URL")
                .expect("TEST_POSTGRES_URL names the PostgreSQL for tests; tests/run sets it");
            let schema = format!("t_{}", uuid::Uuid::new_v4().simple());
            let server = connect(&url).await?;
            server.execute_unprepared(&format!("CREATE SCHEMA {schema}")).await?;
            server.close().await?;
            let separator = if url.contains('?') { '&' } else { '?' };
            connect(&format!("{url}{separator}options=-c%20search_path%3D{schema}")).await?
        }
    };
    up(&db).await?;
    Ok(db)
}
