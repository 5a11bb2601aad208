//! One access token for all processes: holders that share nothing but Redis, against the mock.
//! Redis is the one at `TEST_REDIS_URL`; every story has keys of its own there.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use city_services::RedisTokens;
use kernel::{Channel, Clock, ControlledClock, Entropy, Secret, SystemEntropy, Timestamp};
use mock_providers::{Fault, FaultKind, FaultTarget, Providers, ProvidersOptions};
use people::{FieldCipher, FieldKeys};
use platforms::{
    MessageFate, MessageLanguage, MiniProgramError, MiniProgramVersion, SubscriptionMessage,
    TokenStore, TokenStoreAway, WechatLoginConfig, WechatMiniProgram,
};
use redis::AsyncCommands;
use reqwest::Client;
use serde_json::json;

const TEMPLATE: &str = "TEMPLATE";
const LEASE: Duration = Duration::from_millis(300);

fn redis_url() -> Secret {
    let url = std::env::var("TEST_REDIS_URL");
    Secret::new(url.expect("TEST_REDIS_URL names the Redis for tests; tests/run sets it"))
}

fn cipher(byte: u8) -> FieldCipher {
    let key = |byte: u8| Secret::new(STANDARD.encode([byte; 32]));
    let keys = FieldKeys::new("k1", &key(byte), &key(200)).expect("keys");
    FieldCipher::new(keys, Arc::new(SystemEntropy::default()))
}

/// The mock, a clock, and a corner of Redis.
struct Hall {
    mocks: Providers,
    clock: Arc<ControlledClock>,
    prefix: String,
    http: Client,
}

impl Hall {
    async fn new() -> Hall {
        city_services::install_crypto();
        let clock = Arc::new(ControlledClock::at(Timestamp::from_unix_seconds(1_767_225_600)));
        let handed_in = Arc::clone(&clock) as Arc<dyn Clock>;
        let options = ProvidersOptions {
            controlled: Some(Arc::clone(&clock)),
            ..ProvidersOptions::default()
        };
        let entropy = Arc::new(SystemEntropy::default());
        let mocks = Providers::start(options, handed_in, entropy.clone()).await.expect("mocks");
        let prefix = format!("test:{}:", (&*entropy as &dyn Entropy).hex(8));
        let http = Client::builder().no_proxy().build().expect("a client");
        Hall { mocks, clock, prefix, http }
    }

    fn tokens(&self) -> Arc<RedisTokens> {
        Arc::new(RedisTokens::new(&redis_url(), &self.prefix, cipher(1)).expect("an address"))
    }

    /// A mini-program as one process holds it.
    fn process(&self, store: Arc<dyn TokenStore>) -> Arc<WechatMiniProgram> {
        let facts = &self.mocks.facts().wechat;
        let settings = WechatLoginConfig {
            mini_program_url: facts.base_url.clone(),
            app_id: facts.app_id.clone(),
            app_secret: Secret::new(facts.app_secret.clone()),
        };
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let entropy = SystemEntropy::default();
        Arc::new(WechatMiniProgram::new(settings, store, clock, &entropy).expect("a mini-program"))
    }

    fn app_id(&self) -> &str {
        &self.mocks.facts().wechat.app_id
    }

    async fn control(&self, path: &str, body: serde_json::Value) {
        let url = format!("{}{path}", self.mocks.facts().control_url);
        let answer = self.http.post(url).body(body.to_string()).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    async fn accepts(&self, times: u32) {
        let body = json!({"user": "小明", "template_id": TEMPLATE, "times": times});
        self.control("/wechat/subscriptions", body).await;
    }

    fn message(&self) -> SubscriptionMessage {
        SubscriptionMessage {
            to: self.mocks.mint_login_code(Channel::Wechat, "小明").openid.expect("an openid"),
            template_id: TEMPLATE.into(),
            page: None,
            words: BTreeMap::from([("thing1".to_owned(), "社保缴费成功".to_owned())]),
            version: MiniProgramVersion::Formal,
            language: MessageLanguage::SimplifiedChinese,
        }
    }

    async fn sends(&self, process: &WechatMiniProgram) -> Result<MessageFate, MiniProgramError> {
        process.send_message(&self.message()).await
    }

    /// Lets the next `times` calls for a token fail, to count how many come.
    fn refuse_tokens(&self, times: u32) {
        let fault = Fault::next(FaultTarget::WechatToken, FaultKind::GatewayPage);
        self.mocks.set_fault(Fault { times, ..fault }).expect("a fault");
    }

    fn refusals_left(&self) -> u32 {
        self.mocks.faults().first().map_or(0, |fault| fault.times)
    }
}

/// Counts the notes that are written: one for each time that the platform was asked.
#[derive(Debug)]
struct Counted {
    tokens: Arc<RedisTokens>,
    notes: Arc<Mutex<u32>>,
}

#[async_trait]
impl TokenStore for Counted {
    async fn load(&self, app_id: &str) -> Result<Option<Secret>, TokenStoreAway> {
        self.tokens.load(app_id).await
    }

    async fn save(&self, app: &str, note: &Secret, life: Duration) -> Result<(), TokenStoreAway> {
        *self.notes.lock().expect("notes") += 1;
        self.tokens.save(app, note, life).await
    }

    async fn lock(&self, app: &str, owner: &str, lease: Duration) -> Result<bool, TokenStoreAway> {
        self.tokens.lock(app, owner, lease).await
    }

    async fn unlock(&self, app_id: &str, owner: &str) -> Result<(), TokenStoreAway> {
        self.tokens.unlock(app_id, owner).await
    }
}

/// 32 messages at once, from two processes with Redis connections of their own.
async fn at_once(hall: &Arc<Hall>, processes: &[Arc<WechatMiniProgram>; 2]) {
    hall.accepts(32).await;
    let tasks: Vec<_> = (0..32)
        .map(|n| {
            let (hall, process) = (Arc::clone(hall), Arc::clone(&processes[n % 2]));
            tokio::spawn(async move { hall.sends(&process).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.expect("a result"), Ok(MessageFate::Accepted));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_ask_once_for_32_calls() {
    let hall = Arc::new(Hall::new().await);
    let notes = Arc::new(Mutex::new(0));
    let counted = || Counted { tokens: hall.tokens(), notes: Arc::clone(&notes) };
    let processes = [hall.process(Arc::new(counted())), hall.process(Arc::new(counted()))];
    let asked = || *notes.lock().expect("notes");
    at_once(&hall, &processes).await;
    assert_eq!(asked(), 1, "fetched");
    hall.mocks.advance(Duration::from_secs(7_000)).await;
    at_once(&hall, &processes).await;
    assert_eq!(asked(), 2, "renewed ahead");
    hall.control("/wechat/tokens/invalidate", json!({})).await;
    at_once(&hall, &processes).await;
    assert_eq!(asked(), 3, "replaced");
}

#[tokio::test]
async fn a_note_is_sealed_and_opens_for_its_application_only() {
    let hall = Hall::new().await;
    let tokens = hall.tokens();
    let note = Secret::new("99_the-token");
    tokens.save("wxa", &note, Duration::from_secs(60)).await.expect("kept");
    let found = tokens.load("wxa").await.expect("an answer").expect("a note");
    assert_eq!(found.expose(), note.expose());
    assert!(tokens.load("wxb").await.expect("an answer").is_none());

    let client = redis::Client::open(redis_url().expose()).expect("an address");
    let mut redis = client.get_multiplexed_async_connection().await.expect("Redis");
    let key = |app: &str| format!("{}note:{app}", hall.prefix);
    let kept: String = redis.get(key("wxa")).await.expect("a value");
    assert!(!kept.contains("the-token"), "{kept}");
    let life: i64 = redis.pttl(key("wxa")).await.expect("a life");
    assert!((1..=60_000).contains(&life), "{life}");
    let _: () = redis.set(key("wxb"), &kept).await.expect("copied");
    assert!(tokens.load("wxb").await.expect("an answer").is_none(), "moved to another application");
    for damaged in ["", "k1", "k1 !", "k2 AAAA"] {
        let _: () = redis.set(key("wxb"), damaged).await.expect("written");
        assert!(tokens.load("wxb").await.expect("an answer").is_none(), "{damaged}");
    }
    let strangers = RedisTokens::new(&redis_url(), &hall.prefix, cipher(9)).expect("an address");
    assert!(strangers.load("wxa").await.expect("an answer").is_none(), "with other keys");
}

#[tokio::test]
async fn the_lock_is_its_owner_s() {
    let hall = Hall::new().await;
    let (tokens, app, minute) = (hall.tokens(), "wxa", Duration::from_secs(60));
    assert_eq!(tokens.lock(app, "a", minute).await, Ok(true));
    assert_eq!(tokens.lock(app, "a", minute).await, Ok(true), "whoever was cut off finds it");
    assert_eq!(tokens.lock(app, "b", minute).await, Ok(false));
    tokens.unlock(app, "b").await.expect("nothing happens");
    assert_eq!(tokens.lock(app, "b", minute).await, Ok(false));
    tokens.unlock(app, "a").await.expect("given back");
    assert_eq!(tokens.lock(app, "b", minute).await, Ok(true));
}

#[tokio::test]
async fn a_dead_owner_s_lock_ends() {
    let hall = Hall::new().await;
    let tokens = hall.tokens();
    assert_eq!(tokens.lock(hall.app_id(), "dead", LEASE).await, Ok(true));
    hall.accepts(1).await;
    let process = hall.process(tokens.clone());
    assert_eq!(hall.sends(&process).await, Ok(MessageFate::Accepted));
    assert_eq!(tokens.lock(hall.app_id(), "next", LEASE).await, Ok(true), "nobody holds it");
}

#[tokio::test]
async fn whoever_has_a_good_token_does_not_wait_for_the_lock() {
    let hall = Hall::new().await;
    let tokens = hall.tokens();
    let process = hall.process(tokens.clone());
    hall.accepts(2).await;
    assert_eq!(hall.sends(&process).await, Ok(MessageFate::Accepted));
    hall.mocks.advance(Duration::from_secs(7_000)).await;
    let held = tokens.lock(hall.app_id(), "other", Duration::from_secs(60)).await;
    assert_eq!(held, Ok(true), "another process renews it");
    hall.refuse_tokens(10);
    assert_eq!(hall.sends(&process).await, Ok(MessageFate::Accepted));
    assert_eq!(hall.refusals_left(), 10, "this one did not ask");
}

#[tokio::test]
async fn without_redis_each_process_asks_for_itself() {
    let hall = Hall::new().await;
    let nowhere = Secret::new("redis://:pa55word@127.0.0.1:1");
    let away = || RedisTokens::new(&nowhere, &hall.prefix, cipher(1)).expect("an address");
    hall.accepts(4).await;
    for _ in 0..2 {
        let process = hall.process(Arc::new(away()));
        hall.refuse_tokens(1);
        assert!(hall.sends(&process).await.is_err(), "it asks itself");
        assert_eq!(hall.refusals_left(), 0);
        assert_eq!(hall.sends(&process).await, Ok(MessageFate::Accepted));
        hall.refuse_tokens(1);
        assert_eq!(hall.sends(&process).await, Ok(MessageFate::Accepted), "and keeps it");
        hall.mocks.clear_faults();
    }
    let wrong = Secret::new("http://:pa55word@somewhere");
    let error = RedisTokens::new(&wrong, &hall.prefix, cipher(1)).expect_err("refused");
    let shown = format!("{error} {error:?} {:?}", away());
    assert!(!shown.contains("pa55word"), "{shown}");
}
