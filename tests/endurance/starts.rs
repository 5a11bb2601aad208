//! The program is started before its stores, as after a power cut, or with a wrong address.

use std::time::Duration;

use crate::{
    city::City,
    servers::Servers,
    town::{command, eventually, replaced},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_there_first_waits_for_its_stores() {
    let mut servers = Servers::start().await;
    let city = City::new(&servers.postgres.url, &servers.redis.url, 1).await;
    servers.postgres.stop().await;
    servers.redis.stop().await;
    let mut service = city.service(0);
    service.start();
    eventually("a word about the wait", async || {
        service.log().contains("waiting for the database").then_some(())
    })
    .await;
    // Nobody listens who cannot answer.
    let early = city.http.get(format!("{}/healthz", city.urls[0])).send().await;
    assert!(early.expect_err("nobody listens").is_connect());
    servers.postgres.start().await;
    city.ready(0).await;
    servers.redis.start().await;
    tokio::time::timeout(Duration::from_secs(20), async {
        let whose = format!("{}/api/v1/people", city.urls[0]);
        let token = "A".repeat(43);
        loop {
            let answer = city.http.get(&whose).bearer_auth(&token).send().await.expect("an answer");
            if answer.status() == 401 {
                return;
            }
            assert_eq!(answer.status(), 503, "without Redis");
        }
    })
    .await
    .expect("Redis is found again");
    service.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waiting_does_not_cure_is_said_in_one_sentence() {
    let servers = Servers::start().await;
    let city = City::new(&servers.postgres.url, &servers.redis.url, 1).await;
    let text = std::fs::read_to_string(&city.config).expect("the configuration");
    let wrong = replaced(&text, "/postgres?", "/no_such_database?");
    std::fs::write(&city.config, wrong).expect("the configuration can be written");
    for act in ["serve", "worker"] {
        let config = city.config.to_str().expect("a path in UTF-8");
        let ended = command(&[act, "--config", config]).await;
        assert_eq!(ended.status.code(), Some(1), "{act}");
        let said = String::from_utf8_lossy(&ended.stderr);
        let last = said.lines().last().expect("a sentence");
        assert!(last.starts_with("error: database.url: "), "{said}");
        assert!(last.contains("no_such_database"), "{said}");
    }
}
