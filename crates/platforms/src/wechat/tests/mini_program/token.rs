//! The access token.

use async_trait::async_trait;

use super::*;

const GIVEN: &str = r#"{"access_token":"t0ken-1","expires_in":7200}"#;
const OTHER: &str = r#"{"access_token":"t0ken-2","expires_in":7200}"#;
const SENT: &str = r#"{"errcode":0}"#;
const INVALID: &str =
    r#"{"errcode":40001,"errmsg":"invalid credential rid: 613033ae-4a5a9224-3a2b9999"}"#;

impl Scene {
    async fn sends(&self) -> Result<MessageFate, Error> {
        self.program.send_message(&message()).await
    }

    /// Which tokens the calls of the message came with.
    async fn tokens_used(&self) -> Vec<String> {
        let calls = self.calls(MESSAGE).await;
        let token =
            |call: &Request| call.url.query().expect("a query").replace("access_token=", "");
        calls.iter().map(token).collect()
    }

    async fn forced(&self) -> usize {
        let calls = self.calls(TOKEN).await;
        let is_forced = |call: &&Request| {
            serde_json::from_slice::<Value>(&call.body).expect("JSON")["force_refresh"] == true
        };
        calls.iter().filter(is_forced).count()
    }
}

#[tokio::test]
async fn a_token_is_kept_and_renewed_in_its_last_minutes() {
    let scene = Scene::new().await;
    scene.says_once(TOKEN, GIVEN).await;
    scene.says(TOKEN, 200, OTHER).await;
    scene.says(MESSAGE, 200, SENT).await;
    scene.sends().await.expect("sent");
    scene.clock.advance(Duration::from_secs(7_200 - 241));
    scene.sends().await.expect("sent");
    scene.clock.advance(Duration::from_secs(1));
    scene.sends().await.expect("sent");
    assert_eq!(scene.tokens_used().await, ["t0ken-1", "t0ken-1", "t0ken-2"]);
    assert_eq!(scene.calls(TOKEN).await.len(), 2);
}

#[tokio::test]
async fn thirty_two_calls_at_once_ask_once() {
    let scene = Arc::new(Scene::saying(MESSAGE, 200, SENT).await);
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let scene = Arc::clone(&scene);
            tokio::spawn(async move { scene.sends().await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.expect("a result"), Ok(MessageFate::Accepted));
    }
    assert_eq!(scene.calls(TOKEN).await.len(), 1);
}

#[tokio::test]
async fn thirty_two_calls_at_once_share_a_failure() {
    let scene = Arc::new(Scene::new().await);
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    Mock::given(path(TOKEN)).respond_with(slow).mount(&scene.server).await;
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let scene = Arc::clone(&scene);
            tokio::spawn(async move { scene.sends().await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.expect("a result"), Err(Error::Unknown("time-out".into())));
    }
    assert_eq!(scene.calls(TOKEN).await.len(), 1, "nobody waits for a second time-out");
}

#[rstest]
#[case(r#"{"errcode":-1}"#)]
#[case("<html>")]
#[tokio::test]
async fn a_failed_renewal_leaves_the_old_token_and_some_quiet(#[case] answer: &str) {
    let scene = Scene::new().await;
    scene.says_once(TOKEN, GIVEN).await;
    scene.says(TOKEN, 200, answer).await;
    scene.says(MESSAGE, 200, SENT).await;
    scene.sends().await.expect("sent");
    scene.clock.advance(Duration::from_secs(7_000));
    for _ in 0..5 {
        scene.sends().await.expect("the old one is good");
    }
    assert_eq!(scene.calls(TOKEN).await.len(), 2);
    scene.clock.advance(Duration::from_secs(30));
    scene.sends().await.expect("the old one is good");
    assert_eq!(scene.calls(TOKEN).await.len(), 3);
    scene.clock.advance(Duration::from_secs(170));
    assert!(scene.sends().await.is_err(), "now it is over");
}

#[rstest]
#[case(40001)]
#[case(40014)]
#[case(42001)]
#[tokio::test]
async fn a_refused_token_is_replaced_and_the_call_repeated_once(#[case] errcode: i64) {
    let scene = Scene::new().await;
    scene.says_once(TOKEN, GIVEN).await;
    scene.says(TOKEN, 200, OTHER).await;
    scene.says_once(MESSAGE, &format!(r#"{{"errcode":{errcode}}}"#)).await;
    scene.says(MESSAGE, 200, SENT).await;
    assert_eq!(scene.sends().await, Ok(MessageFate::Accepted));
    assert_eq!(scene.tokens_used().await, ["t0ken-1", "t0ken-2"]);
    assert_eq!(scene.forced().await, 0, "the platform had another one");
}

#[tokio::test]
async fn a_call_that_is_refused_twice_ends() {
    let scene = Scene::new().await;
    scene.says_once(TOKEN, GIVEN).await;
    scene.says(TOKEN, 200, OTHER).await;
    scene.says(MESSAGE, 200, INVALID).await;
    let error = scene.sends().await.expect_err("refused");
    assert_eq!((error.clone(), error.retry_class()), (Error::Token(40001), RetryClass::Idempotent));
    assert_eq!(scene.tokens_used().await, ["t0ken-1", "t0ken-2"]);
}

/// The platform gives out what it refuses: forced, within limits.
#[tokio::test]
async fn a_new_token_is_forced_only_when_the_old_one_is_given_again() {
    let scene = Scene::new().await;
    scene.says_once(TOKEN, GIVEN).await;
    scene.says_once(TOKEN, GIVEN).await;
    scene.says_once(TOKEN, OTHER).await;
    scene.says_once(MESSAGE, INVALID).await;
    scene.says_once(MESSAGE, SENT).await;
    assert_eq!(scene.sends().await, Ok(MessageFate::Accepted));
    assert_eq!(
        (scene.tokens_used().await, scene.forced().await),
        (vec!["t0ken-1".into(), "t0ken-2".into()], 1)
    );
    // A little later again: too soon to force, and for ten seconds nothing is asked.
    scene.says(TOKEN, 200, OTHER).await;
    scene.says(MESSAGE, 200, INVALID).await;
    scene.clock.advance(Duration::from_secs(40));
    for _ in 0..3 {
        assert_eq!(scene.sends().await, Err(Error::Token(40001)));
    }
    assert_eq!((scene.calls(TOKEN).await.len(), scene.forced().await), (4, 1));
    // A minute after the first time it is allowed again, ten times a day.
    for _ in 0..20 {
        scene.clock.advance(Duration::from_secs(60));
        assert_eq!(scene.sends().await, Err(Error::Token(40001)));
    }
    assert_eq!(scene.forced().await, 10);
}

#[rstest]
#[case(r#"{"errcode":40001}"#, Error::Misconfigured(40001))]
#[case(r#"{"errcode":40013}"#, Error::Misconfigured(40013))]
#[case(r#"{"errcode":40125}"#, Error::Misconfigured(40125))]
#[case(r#"{"errcode":40164}"#, Error::Misconfigured(40164))]
#[case(r#"{"errcode":89503}"#, Error::Misconfigured(89503))]
#[case(r#"{"errcode":45009}"#, Error::Quota)]
#[tokio::test]
async fn what_asking_cannot_better_is_not_asked_by_every_call(
    #[case] answer: &str,
    #[case] error: Error,
) {
    let scene = Scene::saying(MESSAGE, 200, SENT).await;
    scene.server.reset().await;
    scene.says_once(TOKEN, answer).await;
    scene.says(TOKEN, 200, GIVEN).await;
    scene.says(MESSAGE, 200, SENT).await;
    for _ in 0..5 {
        assert_eq!(scene.sends().await, Err(error.clone()));
    }
    assert_eq!(scene.calls(TOKEN).await.len(), 1);
    scene.clock.advance(Duration::from_secs(60));
    assert_eq!(scene.sends().await, Ok(MessageFate::Accepted));
}

#[rstest]
#[case(r#"{"access_token":"","expires_in":7200}"#)]
#[case(r#"{"access_token":"two words","expires_in":7200}"#)]
#[case(r#"{"access_token":"t","expires_in":0}"#)]
#[case(r#"{"access_token":"t","expires_in":-1}"#)]
#[case(r#"{"expires_in":7200}"#)]
#[tokio::test]
async fn what_is_no_token_is_not_used(#[case] answer: &str) {
    let scene = Scene::new().await;
    scene.says(TOKEN, 200, answer).await;
    assert!(matches!(scene.sends().await, Err(Error::Unknown(_))));
    assert!(scene.calls(MESSAGE).await.is_empty());
}

#[tokio::test]
async fn a_token_of_512_characters_and_more_goes_through() {
    let long = "t".repeat(1_024);
    let scene = Scene::new().await;
    scene.says(TOKEN, 200, &format!(r#"{{"access_token":"{long}","expires_in":7200}}"#)).await;
    scene.says(MESSAGE, 200, SENT).await;
    scene.sends().await.expect("sent");
    assert_eq!(scene.tokens_used().await, [long]);
}

#[tokio::test]
async fn a_token_in_the_store_is_used_without_asking() {
    let scene = Scene::saying(MESSAGE, 200, SENT).await;
    scene.sends().await.expect("sent");
    let second = program(scene.server.uri(), &scene.store, &scene.clock);
    second.send_message(&message()).await.expect("sent");
    assert_eq!(scene.calls(TOKEN).await.len(), 1);
}

#[tokio::test]
async fn what_another_process_replaced_is_taken_from_the_store() {
    let scene = Scene::new().await;
    scene.says_once(TOKEN, GIVEN).await;
    scene.says(TOKEN, 200, OTHER).await;
    let second = program(scene.server.uri(), &scene.store, &scene.clock);
    let refused =
        Mock::given(path(MESSAGE)).and(wiremock::matchers::query_param("access_token", "t0ken-1"));
    let good = Mock::given(path(MESSAGE));
    let say = |body: &str| ResponseTemplate::new(200).set_body_raw(body.as_bytes(), "text/plain");
    good.respond_with(say(SENT)).up_to_n_times(2).mount(&scene.server).await;
    scene.sends().await.expect("sent");
    second.send_message(&message()).await.expect("sent with the first one, from the store");
    refused.respond_with(say(INVALID)).mount(&scene.server).await;
    scene.says(MESSAGE, 200, SENT).await;
    scene.sends().await.expect("replaced");
    second.send_message(&message()).await.expect("replaced");
    let used = scene.tokens_used().await;
    assert_eq!(used, ["t0ken-1", "t0ken-1", "t0ken-1", "t0ken-2", "t0ken-1", "t0ken-2"]);
    assert_eq!(scene.calls(TOKEN).await.len(), 2, "replaced once for both");
}

/// Ours is over, and so is the one that another process left.
#[tokio::test]
async fn a_refused_token_from_the_store_is_replaced_as_well() {
    let scene = Scene::new().await;
    scene.says_once(TOKEN, GIVEN).await;
    scene.says_once(TOKEN, OTHER).await;
    let newest = r#"{"access_token":"t0ken-3","expires_in":7200}"#;
    scene.says(TOKEN, 200, newest).await;
    let second = program(scene.server.uri(), &scene.store, &scene.clock);
    scene.says_once(MESSAGE, SENT).await;
    scene.says_once(MESSAGE, INVALID).await;
    scene.says_once(MESSAGE, SENT).await;
    scene.sends().await.expect("sent with the first one");
    second.send_message(&message()).await.expect("the second one is in the store now");
    scene.says_once(MESSAGE, INVALID).await;
    scene.says_once(MESSAGE, INVALID).await;
    scene.says(MESSAGE, 200, SENT).await;
    assert_eq!(scene.sends().await, Ok(MessageFate::Accepted));
    let used = scene.tokens_used().await;
    assert_eq!(used[3..], ["t0ken-1", "t0ken-2", "t0ken-3"], "{used:?}");
    assert_eq!(scene.forced().await, 0);
}

/// Gives no answer.
#[derive(Debug)]
struct Away;

#[async_trait]
impl TokenStore for Away {
    async fn load(&self, _: &str) -> Result<Option<Secret>, TokenStoreAway> {
        Err(TokenStoreAway)
    }

    async fn save(&self, _: &str, _: &Secret, _: Duration) -> Result<(), TokenStoreAway> {
        Err(TokenStoreAway)
    }

    async fn lock(&self, _: &str, _: &str, _: Duration) -> Result<bool, TokenStoreAway> {
        Err(TokenStoreAway)
    }

    async fn unlock(&self, _: &str, _: &str) -> Result<(), TokenStoreAway> {
        Err(TokenStoreAway)
    }
}

#[tokio::test]
async fn without_a_store_each_process_asks_for_itself_and_never_forces() {
    let scene = Scene::saying(MESSAGE, 200, SENT).await;
    let away: Arc<dyn TokenStore> = Arc::new(Away);
    for _ in 0..2 {
        let program = program(scene.server.uri(), &away, &scene.clock);
        for _ in 0..3 {
            program.send_message(&message()).await.expect("sent");
        }
    }
    assert_eq!(scene.calls(TOKEN).await.len(), 2, "once a process");
    scene.server.reset().await;
    scene.says(TOKEN, 200, GIVEN).await;
    scene.says(MESSAGE, 200, INVALID).await;
    let program = program(scene.server.uri(), &away, &scene.clock);
    let error = program.send_message(&message()).await.expect_err("refused");
    assert_eq!((error, scene.forced().await), (Error::Token(40001), 0));
}

#[tokio::test]
async fn the_embedded_lock_ends_with_its_lease_and_is_its_owner_s() {
    let scene = Scene::new().await;
    let (store, app, lease) = (&scene.store, "wxapp", Duration::from_secs(5));
    assert_eq!(store.lock(app, "a", lease).await, Ok(true));
    assert_eq!(store.lock(app, "a", lease).await, Ok(true), "whoever was cut off finds it");
    assert_eq!(store.lock(app, "b", lease).await, Ok(false));
    store.unlock(app, "b").await.expect("nothing happens");
    assert_eq!(store.lock(app, "b", lease).await, Ok(false));
    scene.clock.advance(lease);
    assert_eq!(store.lock(app, "b", lease).await, Ok(true));
    store.unlock(app, "b").await.expect("given back");
    assert_eq!(store.lock(app, "a", lease).await, Ok(true));
}

/// A renewal whose caller went away leaves nothing that stops the next one.
#[tokio::test]
async fn a_caller_who_goes_away_stops_nobody() {
    let scene = Scene::new().await;
    let slow = ResponseTemplate::new(200)
        .set_delay(Duration::from_millis(200))
        .set_body_raw(GIVEN.as_bytes(), "text/plain");
    Mock::given(path(TOKEN)).respond_with(slow).up_to_n_times(1).mount(&scene.server).await;
    scene.says(TOKEN, 200, GIVEN).await;
    scene.says(MESSAGE, 200, SENT).await;
    let gone = tokio::time::timeout(Duration::from_millis(20), scene.sends()).await;
    assert!(gone.is_err(), "given up in the middle");
    assert_eq!(scene.sends().await, Ok(MessageFate::Accepted));
}
