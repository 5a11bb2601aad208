//! Two services and a worker of its own on one PostgreSQL and Redis, and three workers in all.

use std::{sync::Arc, time::Duration};

use crate::{city::City, load::Load, town::server};

const LASTS: Duration = Duration::from_secs(30);
const CROWD: u64 = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_book_and_return_once() {
    let city = City::new(&server("TEST_POSTGRES_URL"), &server("TEST_REDIS_URL"), 2).await;
    let city = Arc::new(city);
    let mut processes = [city.service(0), city.service(1), city.worker()];
    // All at once on an empty database: one of them makes the tables.
    for process in &mut processes {
        process.start();
    }
    city.ready(0).await;
    city.ready(1).await;
    let load = Load::start(&city, CROWD, true);
    tokio::time::sleep(LASTS).await;
    let seen = load.finish().await;
    city.close_books(&seen).await;
    for process in &mut processes {
        process.kill().await;
    }
}
