//! Every migration goes up and down on both databases, and several processes may start at once.

use migrations::{Backend, down, pending, throwaway, up};
use rstest::rstest;

#[rstest]
#[tokio::test]
async fn tables_go_up_down_and_up_again(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let db = throwaway(backend).await.expect("a fresh database");
    assert!(pending(&db).await.expect("a list").is_empty());
    down(&db, 3).await.expect("tables go down");
    assert_eq!(pending(&db).await.expect("a list").len(), 3);
    up(&db).await.expect("tables come back");
    assert!(pending(&db).await.expect("a list").is_empty());
}

#[tokio::test]
async fn four_processes_that_start_at_once_migrate_once() {
    let db = throwaway(Backend::Postgres).await.expect("a fresh database");
    down(&db, 3).await.expect("tables go down");
    let (a, b, c, d) = tokio::join!(up(&db), up(&db), up(&db), up(&db));
    for outcome in [a, b, c, d] {
        outcome.expect("each process starts");
    }
}
