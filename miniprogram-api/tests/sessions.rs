//! Both session stores tell the same stories. Redis is the one at `TEST_REDIS_URL`; every test has
//! keys of its own there.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::AtomicUsize, atomic::Ordering::SeqCst},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{
    AccountId, Channel, Clock, ControlledClock, Entropy, Secret, SystemEntropy, Timestamp,
};
use miniprogram_api::{
    EmbeddedSessions, NewSession, RedisSessions, Session, SessionError, SessionId, SessionRules,
    SessionStore, Token,
};
use people::{FieldCipher, FieldKeys};
use redis::AsyncCommands;
use rstest::rstest;
use tokio::{net::TcpListener, sync::Barrier, task::JoinSet};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const SESSION_KEY: &str = "tiihtNczf5v6AKRyjwEUhQ==";

#[derive(Clone, Copy, Debug)]
enum Kind {
    Embedded,
    Redis,
}

struct Hall {
    store: Arc<dyn SessionStore>,
    clock: Arc<ControlledClock>,
    cipher: FieldCipher,
    entropy: Arc<dyn Entropy>,
    prefix: String,
}

fn redis_url() -> Secret {
    let url = std::env::var("TEST_REDIS_URL");
    Secret::new(url.expect("TEST_REDIS_URL names the Redis for tests; tests/run sets it"))
}

impl Hall {
    fn new(kind: Kind) -> Hall {
        match kind {
            Kind::Embedded => Hall::build(None),
            Kind::Redis => Hall::build(Some(&redis_url())),
        }
    }

    fn build(redis: Option<&Secret>) -> Hall {
        let start = Timestamp::from_rfc3339("2026-11-23T09:00:00+08:00").expect("a time");
        let clock = Arc::new(ControlledClock::at(start));
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::default());
        let key = |byte: u8| Secret::new(STANDARD.encode([byte; 32]));
        let keys = FieldKeys::new("k1", &key(1), &key(2)).expect("keys");
        let cipher = FieldCipher::new(keys, entropy.clone());
        let prefix = format!("test:{}:", entropy.hex(8));
        let rules = SessionRules::default();
        let (cipher_, clock_, entropy_) = (cipher.clone(), clock.clone(), entropy.clone());
        let store: Arc<dyn SessionStore> = match redis {
            None => Arc::new(EmbeddedSessions::new(1000, rules, cipher_, clock_, entropy_)),
            Some(url) => Arc::new(
                RedisSessions::new(url, &prefix, rules, cipher_, clock_, entropy_)
                    .expect("an address"),
            ),
        };
        Hall { store, clock, cipher, entropy, prefix }
    }

    fn citizen(&self) -> AccountId {
        AccountId::generate(self.clock.now(), &*self.entropy)
    }

    async fn open(&self, account: AccountId) -> (Token, Session) {
        self.store.open(login(account)).await.expect("a session")
    }

    async fn find(&self, token: &Token) -> Option<Session> {
        self.store.find(token).await.expect("an answer")
    }

    async fn list(&self, account: AccountId) -> Vec<Session> {
        self.store.list(account).await.expect("an answer")
    }
}

fn login(account: AccountId) -> NewSession {
    NewSession {
        account,
        channel: Channel::Wechat,
        app_id: "wx0123456789abcdef".to_owned(),
        session_key: Some(Secret::new(SESSION_KEY)),
    }
}

#[rstest]
#[tokio::test]
async fn a_token_finds_its_session(#[values(Kind::Embedded, Kind::Redis)] kind: Kind) {
    let hall = Hall::new(kind);
    let account = hall.citizen();
    let (token, opened) = hall.open(account).await;
    assert_eq!(opened.account, account);
    assert_eq!(opened.channel, Channel::Wechat);
    assert_eq!(opened.app_id, "wx0123456789abcdef");
    assert_eq!(opened.created_at, hall.clock.now());
    assert_eq!(opened.expires_at, hall.clock.now().plus(30 * MINUTE));

    let sent = Token::parse(token.expose()).expect("a token");
    assert_eq!(hall.find(&sent).await, Some(opened.clone()));
    assert_eq!(hall.list(account).await, [opened]);
}

#[rstest]
#[tokio::test]
async fn a_token_nobody_was_given_finds_nothing(#[values(Kind::Embedded, Kind::Redis)] kind: Kind) {
    let hall = Hall::new(kind);
    hall.open(hall.citizen()).await;
    let guessed = Token::parse(&URL_SAFE_NO_PAD.encode([7; 32])).expect("a token");
    assert_eq!(hall.find(&guessed).await, None);
}

#[rstest]
#[tokio::test]
async fn a_session_without_use_ends(#[values(Kind::Embedded, Kind::Redis)] kind: Kind) {
    let hall = Hall::new(kind);
    let account = hall.citizen();
    let (token, session) = hall.open(account).await;
    hall.clock.set(Timestamp::from_millis(session.expires_at.as_millis() - 1));
    assert_eq!(hall.list(account).await.len(), 1);
    hall.clock.set(session.expires_at);
    assert!(hall.list(account).await.is_empty());
    assert_eq!(hall.find(&token).await, None);
}

#[rstest]
#[tokio::test]
async fn an_ended_session_stays_ended_when_the_clock_goes_back(
    #[values(Kind::Embedded, Kind::Redis)] kind: Kind,
) {
    let hall = Hall::new(kind);
    let (token, session) = hall.open(hall.citizen()).await;
    hall.clock.set(session.expires_at);
    assert_eq!(hall.find(&token).await, None);
    hall.clock.set(session.created_at);
    assert_eq!(hall.find(&token).await, None);
}

#[rstest]
#[tokio::test]
async fn use_prolongs_a_session_but_not_beyond_its_life(
    #[values(Kind::Embedded, Kind::Redis)] kind: Kind,
) {
    let hall = Hall::new(kind);
    let account = hall.citizen();
    let (token, opened) = hall.open(account).await;
    for step in 1..=24 {
        hall.clock.advance(29 * MINUTE);
        let found = hall.find(&token).await.expect("a living session");
        assert_eq!(found.created_at, opened.created_at, "step {step}");
        assert_eq!(found.last_seen_at, hall.clock.now(), "step {step}");
        let until = hall.clock.now().plus(30 * MINUTE).min(opened.created_at.plus(12 * HOUR));
        assert_eq!(found.expires_at, until, "step {step}");
        assert_eq!(hall.list(account).await, [found], "step {step}");
    }
    hall.clock.set(Timestamp::from_millis(opened.created_at.plus(12 * HOUR).as_millis() - 1));
    assert!(hall.find(&token).await.is_some());
    hall.clock.set(opened.created_at.plus(12 * HOUR));
    assert_eq!(hall.find(&token).await, None);
}

#[rstest]
#[tokio::test]
async fn a_list_does_not_prolong(#[values(Kind::Embedded, Kind::Redis)] kind: Kind) {
    let hall = Hall::new(kind);
    let account = hall.citizen();
    let (_, opened) = hall.open(account).await;
    hall.clock.advance(20 * MINUTE);
    assert_eq!(hall.list(account).await, [opened]);
}

#[rstest]
#[tokio::test]
async fn a_slower_process_does_not_shorten_a_session(
    #[values(Kind::Embedded, Kind::Redis)] kind: Kind,
) {
    let hall = Hall::new(kind);
    let (token, opened) = hall.open(hall.citizen()).await;
    hall.clock.advance(MINUTE);
    let seen = hall.find(&token).await.expect("a living session").last_seen_at;
    hall.clock.set(opened.created_at);
    assert_eq!(hall.find(&token).await.expect("a living session").last_seen_at, seen);
}

#[rstest]
#[tokio::test]
async fn one_session_is_revoked_and_the_others_live(
    #[values(Kind::Embedded, Kind::Redis)] kind: Kind,
) {
    let hall = Hall::new(kind);
    let account = hall.citizen();
    let (lost, lost_session) = hall.open(account).await;
    let (kept, _) = hall.open(account).await;
    assert!(hall.store.revoke(account, &lost_session.id).await.expect("an answer"));
    assert_eq!(hall.find(&lost).await, None);
    assert!(hall.find(&kept).await.is_some());
    assert_eq!(hall.list(account).await.len(), 1);
    assert!(!hall.store.revoke(account, &lost_session.id).await.expect("an answer"));
}

#[rstest]
#[tokio::test]
async fn nobody_revokes_another_accounts_session(
    #[values(Kind::Embedded, Kind::Redis)] kind: Kind,
) {
    let hall = Hall::new(kind);
    let (token, session) = hall.open(hall.citizen()).await;
    let stranger = hall.citizen();
    hall.open(stranger).await;
    assert!(!hall.store.revoke(stranger, &session.id).await.expect("an answer"));
    assert_eq!(hall.store.revoke_all(stranger).await.expect("an answer"), 1);
    assert!(hall.find(&token).await.is_some());
}

#[rstest]
#[tokio::test]
async fn all_sessions_of_an_account_are_revoked(#[values(Kind::Embedded, Kind::Redis)] kind: Kind) {
    let hall = Hall::new(kind);
    let account = hall.citizen();
    let mut tokens = Vec::new();
    for _ in 0..3 {
        tokens.push(hall.open(account).await.0);
    }
    assert_eq!(hall.store.revoke_all(account).await.expect("an answer"), 3);
    for token in &tokens {
        assert_eq!(hall.find(token).await, None);
    }
    assert!(hall.list(account).await.is_empty());
    assert_eq!(hall.store.revoke_all(account).await.expect("an answer"), 0);
    let (again, _) = hall.open(account).await;
    assert!(hall.find(&again).await.is_some());
}

#[rstest]
#[tokio::test]
async fn an_ended_session_is_not_counted_as_revoked(
    #[values(Kind::Embedded, Kind::Redis)] kind: Kind,
) {
    let hall = Hall::new(kind);
    let account = hall.citizen();
    let (_, first) = hall.open(account).await;
    hall.open(account).await;
    hall.clock.advance(HOUR);
    assert!(!hall.store.revoke(account, &first.id).await.expect("an answer"));
    assert_eq!(hall.store.revoke_all(account).await.expect("an answer"), 0);
}

#[rstest]
#[tokio::test]
async fn the_eleventh_session_ends_the_oldest(#[values(Kind::Embedded, Kind::Redis)] kind: Kind) {
    let hall = Hall::new(kind);
    let account = hall.citizen();
    let mut opened = Vec::new();
    for _ in 0..11 {
        opened.push(hall.open(account).await);
        hall.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(hall.find(&opened[0].0).await, None);
    let listed: Vec<SessionId> = hall.list(account).await.into_iter().map(|s| s.id).collect();
    let expected: Vec<SessionId> = opened[1..].iter().map(|(_, s)| s.id.clone()).collect();
    assert_eq!(listed, expected);
}

#[rstest]
#[tokio::test]
async fn ended_sessions_take_no_place(#[values(Kind::Embedded, Kind::Redis)] kind: Kind) {
    let hall = Hall::new(kind);
    let account = hall.citizen();
    let (used, _) = hall.open(account).await;
    for _ in 0..9 {
        hall.open(account).await;
    }
    hall.clock.advance(20 * MINUTE);
    hall.find(&used).await.expect("a living session");
    hall.clock.advance(20 * MINUTE);
    hall.open(account).await;
    assert!(hall.find(&used).await.is_some(), "nine had ended, so the oldest may stay");
    assert_eq!(hall.list(account).await.len(), 2);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn logins_at_once_never_pass_the_limit(#[values(Kind::Embedded, Kind::Redis)] kind: Kind) {
    let hall = Hall::new(kind);
    let account = hall.citizen();
    let mut logins = JoinSet::new();
    for _ in 0..30 {
        let store = hall.store.clone();
        logins.spawn(async move { store.open(login(account)).await.expect("a session").0 });
    }
    let mut living = 0;
    for token in logins.join_all().await {
        living += usize::from(hall.find(&token).await.is_some());
    }
    assert_eq!(living, 10);
    assert_eq!(hall.list(account).await.len(), 10);
}

/// Sixteen requests use a session without pause while its owner revokes it.
async fn revokes_under_use(hall: &Hall, all: bool) {
    const REQUESTS: usize = 16;
    let account = hall.citizen();
    let (token, session) = hall.open(account).await;
    let started = Arc::new(Barrier::new(REQUESTS + 1));
    let before = Arc::new(AtomicUsize::new(0));
    let mut requests = JoinSet::new();
    for _ in 0..REQUESTS {
        let (store, token) = (hall.store.clone(), token.clone());
        let (started, before, clock) = (started.clone(), before.clone(), hall.clock.clone());
        requests.spawn(async move {
            started.wait().await;
            for _ in 0..100_000 {
                clock.advance(Duration::from_millis(1));
                if store.find(&token).await.expect("an answer").is_none() {
                    return;
                }
                before.fetch_add(1, SeqCst);
                tokio::task::yield_now().await;
            }
            panic!("the session outlived its revocation");
        });
    }
    started.wait().await;
    while before.load(SeqCst) < REQUESTS {
        tokio::task::yield_now().await;
    }
    if all {
        assert_eq!(hall.store.revoke_all(account).await.expect("an answer"), 1);
    } else {
        assert!(hall.store.revoke(account, &session.id).await.expect("an answer"));
    }
    assert_eq!(hall.find(&token).await, None, "not even the first request afterwards");
    while let Some(request) = requests.join_next().await {
        request.expect("every request ends by finding nothing");
    }
    assert_eq!(hall.find(&token).await, None);
    assert!(hall.list(account).await.is_empty(), "nothing was written back");
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_revoked_session_never_comes_back(
    #[values(Kind::Embedded, Kind::Redis)] kind: Kind,
    #[values(false, true)] all: bool,
) {
    let hall = Hall::new(kind);
    for _ in 0..10 {
        revokes_under_use(&hall, all).await;
    }
}

#[rstest]
#[tokio::test]
async fn the_session_key_opens_on_the_server_only(
    #[values(Kind::Embedded, Kind::Redis)] kind: Kind,
) {
    let hall = Hall::new(kind);
    let (token, _) = hall.open(hall.citizen()).await;
    let found = hall.find(&token).await.expect("a living session");
    let key = found.session_key(&hall.cipher).expect("it opens").expect("a key");
    assert_eq!(key.expose(), SESSION_KEY);

    let printed = format!("{found:?} {token:?} {:?} {:?}", login(hall.citizen()), hall.store);
    assert!(!printed.contains(SESSION_KEY), "{printed}");
    assert!(!printed.contains(token.expose()), "{printed}");
    assert!(!printed.contains("key_id"), "{printed}");
}

#[rstest]
#[tokio::test]
async fn a_login_without_session_key_has_none(#[values(Kind::Embedded, Kind::Redis)] kind: Kind) {
    let hall = Hall::new(kind);
    let new = NewSession { channel: Channel::Alipay, session_key: None, ..login(hall.citizen()) };
    let (token, _) = hall.store.open(new).await.expect("a session");
    let found = hall.find(&token).await.expect("a living session");
    assert_eq!(found.channel, Channel::Alipay);
    assert!(found.session_key(&hall.cipher).expect("it opens").is_none());
}

#[rstest]
#[tokio::test]
async fn tokens_and_ids_never_repeat(#[values(Kind::Embedded, Kind::Redis)] kind: Kind) {
    let hall = Hall::new(kind);
    let account = hall.citizen();
    let mut texts = BTreeSet::new();
    for _ in 0..5 {
        let (token, session) = hall.open(account).await;
        assert_eq!(token.expose().len(), 43);
        assert_eq!(session.id.to_string().parse(), Ok(session.id.clone()));
        texts.insert(token.expose().to_owned());
        texts.insert(session.id.to_string());
    }
    assert_eq!(texts.len(), 10);
}

#[rstest]
#[case::empty("")]
#[case::short("AAAA")]
#[case::long("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
#[case::other_alphabet("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+/")]
#[case::loose_bits("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB")]
#[case::not_ascii("票票票票票票票票票票票票票票A")]
fn what_is_no_token_is_refused_before_any_store_is_asked(#[case] text: &str) {
    assert!(Token::parse(text).is_none());
}

#[rstest]
#[case("")]
#[case("0123456789abcdef0123456789abcde")]
#[case("0123456789ABCDEF0123456789ABCDEF")]
#[case("0123456789abcdef0123456789abcde ")]
fn what_is_no_session_id_is_refused(#[case] text: &str) {
    assert!(text.parse::<SessionId>().is_err());
}

// Only Redis, because only there somebody else can look or break something.

async fn raw_redis() -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(redis_url().expose()).expect("an address");
    client.get_multiplexed_async_connection().await.expect("a connection")
}

#[tokio::test]
async fn redis_holds_neither_token_nor_key_and_forgets_by_itself() {
    let hall = Hall::new(Kind::Redis);
    let account = hall.citizen();
    let (token, session) = hall.open(account).await;
    hall.find(&token).await.expect("a living session");
    let mut raw = raw_redis().await;
    let keys: Vec<String> = raw.keys(format!("{}*", hall.prefix)).await.expect("keys");
    assert_eq!(keys.len(), 2, "{keys:?}");

    let raw_token = URL_SAFE_NO_PAD.decode(token.expose()).expect("bytes");
    let secrets = [token.expose().to_owned(), hex::encode(raw_token), SESSION_KEY.to_owned()];
    for key in &keys {
        let life: i64 = raw.pttl(key).await.expect("a time to live");
        assert!((1..=12 * 3_600_000).contains(&life), "{key} lives {life} ms");
        let value: String = if key.contains(":account:") {
            let fields: Vec<(String, String)> = raw.hgetall(key).await.expect("fields");
            assert_eq!(fields.len(), 1);
            assert_eq!(fields[0].0, session.id.as_str());
            fields[0].1.clone()
        } else {
            raw.get(key).await.expect("a value")
        };
        for secret in &secrets {
            assert!(!value.contains(secret) && !key.contains(secret), "{key} is readable");
        }
    }
}

#[tokio::test]
async fn two_processes_share_their_sessions() {
    let here = Hall::new(Kind::Redis);
    let there = RedisSessions::new(
        &redis_url(),
        &here.prefix,
        SessionRules::default(),
        here.cipher.clone(),
        here.clock.clone(),
        here.entropy.clone(),
    )
    .expect("an address");
    let account = here.citizen();
    let (token, session) = here.open(account).await;
    assert_eq!(there.find(&token).await.expect("an answer"), Some(session.clone()));
    assert!(there.revoke(account, &session.id).await.expect("an answer"));
    assert_eq!(here.find(&token).await, None);
}

#[tokio::test]
async fn a_session_that_cannot_be_read_is_an_error_and_no_login() {
    let hall = Hall::new(Kind::Redis);
    let account = hall.citizen();
    let (token, session) = hall.open(account).await;
    let now = hall.clock.now().as_millis();
    let key = format!("{}account:{account}", hall.prefix);
    let damaged = format!("{now} {now} {{}}");
    let mut raw = raw_redis().await;
    raw.hset::<_, _, _, ()>(&key, session.id.as_str(), damaged).await.expect("written");
    let error = hall.store.find(&token).await.expect_err("damaged");
    assert!(matches!(error, SessionError::Damaged));
    hall.open(account).await;
    assert_eq!(hall.store.revoke_all(account).await.expect("an answer"), 2);
}

async fn assert_unavailable(hall: &Hall) {
    let account = hall.citizen();
    let token = Token::parse(&URL_SAFE_NO_PAD.encode([7; 32])).expect("a token");
    let session = "0123456789abcdef0123456789abcdef".parse().expect("a session id");
    let errors = [
        hall.store.open(login(account)).await.map(|_| ()).expect_err("away"),
        hall.store.find(&token).await.map(|_| ()).expect_err("away"),
        hall.store.list(account).await.map(|_| ()).expect_err("away"),
        hall.store.revoke(account, &session).await.map(|_| ()).expect_err("away"),
        hall.store.revoke_all(account).await.map(|_| ()).expect_err("away"),
    ];
    for error in errors {
        assert!(matches!(error, SessionError::Unavailable), "{error}");
    }
}

#[tokio::test]
async fn without_redis_every_act_says_so() {
    let port = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = port.local_addr().expect("an address");
    drop(port);
    let hall = Hall::build(Some(&Secret::new(format!("redis://{address}"))));
    assert_unavailable(&hall).await;
}

#[tokio::test]
async fn a_redis_that_never_answers_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = silent.local_addr().expect("an address");
    let hall = Hall::build(Some(&Secret::new(format!("redis://{address}"))));
    assert_unavailable(&hall).await;
    drop(silent);
}

#[tokio::test]
async fn sessions_work_again_when_redis_comes_back() {
    let port = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = port.local_addr().expect("an address");
    drop(port);
    let hall = Hall::build(Some(&Secret::new(format!("redis://{address}"))));
    assert_unavailable(&hall).await;

    let client = redis::Client::open(redis_url().expose()).expect("an address");
    let redis_address = client.get_connection_info().addr().to_string();
    let port = TcpListener::bind(address).await.expect("the same port");
    let door = tokio::spawn(async move {
        let mut lines = JoinSet::new();
        while let Ok((mut near, _)) = port.accept().await {
            let mut far = tokio::net::TcpStream::connect(&redis_address).await.expect("Redis");
            lines.spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
        }
    });
    let account = hall.citizen();
    let mut opened = None;
    for _ in 0..100 {
        opened = hall.store.open(login(account)).await.ok();
        if opened.is_some() {
            break;
        }
    }
    let (token, session) = opened.expect("a session through the door");
    assert_eq!(hall.find(&token).await, Some(session));
    door.abort();
}

#[tokio::test]
async fn a_wrong_address_is_refused_without_being_shown() {
    let hall = Hall::new(Kind::Embedded);
    let error = RedisSessions::new(
        &Secret::new("http://:hidden@nowhere"),
        "test:",
        SessionRules::default(),
        hall.cipher.clone(),
        hall.clock.clone(),
        hall.entropy.clone(),
    )
    .expect_err("a refusal");
    assert!(matches!(error, SessionError::Address(_)));
    assert!(!format!("{error} {error:?}").contains("hidden"), "{error}");
}
