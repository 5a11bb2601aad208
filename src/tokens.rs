//! Access tokens of WeChat applications in Redis: one for all processes.
//!
//! Two keys for each application. `{prefix}note:{app_id}` is what the processes know of the token. It
//! is a credential of the whole mini-program, so it is sealed with the field key and bound to the
//! application: who reads Redis, or a copy of it, has nothing. `{prefix}lock:{app_id}` is the lock: a
//! random owner with a time to live, given back by a script that looks whose it is. No script touches
//! two keys, so Redis Cluster may put them on any node.
//!
//! Without Redis each process asks WeChat for itself. That is safe: `stable_token` gives the same
//! token to all who ask without forcing, and the holder forces none while the store is away.

use std::{fmt, future::Future, time::Duration};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::Secret;
use people::{FieldCipher, Sealed};
use platforms::{TokenStore, TokenStoreAway};
use redis::{
    AsyncCommands, RedisResult, Script,
    aio::{ConnectionManager, ConnectionManagerConfig},
};

/// A renewal makes four acts at most, and the platform's own answer may take longer than all of them.
const CALL_TIME_MAX: Duration = Duration::from_secs(1);
const CONNECT_TIME_MAX: Duration = Duration::from_millis(700);
const ANSWER_TIME_MAX: Duration = Duration::from_millis(400);

/// ARGV: 1 owner, 2 lease in milliseconds. Answers 1 to the owner.
const LOCK: &str = r"
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
";

/// ARGV: 1 owner.
const UNLOCK: &str = r"
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
";

/// The address of Redis is not understood.
#[derive(Debug, thiserror::Error)]
#[error("the address of the token store is not understood")]
pub struct TokenAddressError;

/// The store shared by processes.
pub struct RedisTokens {
    connection: ConnectionManager,
    lock: Script,
    unlock: Script,
    prefix: String,
    cipher: FieldCipher,
}

impl fmt::Debug for RedisTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisTokens").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl RedisTokens {
    /// Before every key, so that several installations can share one Redis.
    pub const PREFIX: &str = "city-services:wechat-token:";

    /// `url` is `redis://…` or `rediss://…` and may hold a password. Connects at the first call and
    /// again after every loss, so that a missing Redis does not stop the program from starting.
    ///
    /// # Errors
    /// When the address is not understood.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(
        url: &Secret,
        prefix: impl Into<String>,
        cipher: FieldCipher,
    ) -> Result<RedisTokens, TokenAddressError> {
        // The cause may quote the address, and the address may hold a password.
        let client = redis::Client::open(url.expose()).map_err(|_| TokenAddressError)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT_TIME_MAX))
            .set_response_timeout(Some(ANSWER_TIME_MAX))
            .set_number_of_retries(1);
        let connection = ConnectionManager::new_lazy_with_config(client, config)
            .map_err(|_| TokenAddressError)?;
        let (lock, unlock) = (Script::new(LOCK), Script::new(UNLOCK));
        Ok(RedisTokens { connection, lock, unlock, prefix: prefix.into(), cipher })
    }

    fn key(&self, kind: &str, app_id: &str) -> String {
        format!("{}{kind}:{app_id}", self.prefix)
    }

    /// What this installation's keys do not open is no note: the next renewal writes a good one.
    fn open(&self, app_id: &str, text: &str) -> Option<Secret> {
        let (key_id, base64) = text.split_once(' ')?;
        let bytes = STANDARD.decode(base64).ok()?;
        let sealed = Sealed { key_id: key_id.to_owned(), bytes };
        let opened = self.cipher.open_text(&context(app_id), &sealed);
        if opened.is_err() {
            tracing::warn!(app_id, "a token in Redis does not open with our field keys");
        }
        opened.ok().map(Secret::new)
    }
}

fn context(app_id: &str) -> String {
    format!("wechat.access_token:{app_id}")
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Runs one act within [`CALL_TIME_MAX`]. The log names the kind of a failure and never the address.
async fn within_time<T>(
    act: &'static str,
    call: impl Future<Output = RedisResult<T>>,
) -> Result<T, TokenStoreAway> {
    let count = |outcome: &'static str| {
        metrics::counter!("token_store_calls_total", "act" => act, "outcome" => outcome)
            .increment(1);
    };
    match tokio::time::timeout(CALL_TIME_MAX, call).await {
        Ok(Ok(answer)) => {
            count("ok");
            Ok(answer)
        }
        Ok(Err(error)) => {
            count("error");
            tracing::warn!(act, kind = ?error.kind(), code = error.code(), "Redis failed");
            Err(TokenStoreAway)
        }
        Err(_) => {
            count("timeout");
            tracing::warn!(act, "Redis did not answer in time");
            Err(TokenStoreAway)
        }
    }
}

#[async_trait]
impl TokenStore for RedisTokens {
    async fn load(&self, app_id: &str) -> Result<Option<Secret>, TokenStoreAway> {
        let key = self.key("note", app_id);
        let mut connection = self.connection.clone();
        let text: Option<String> =
            within_time("load", async move { connection.get(key).await }).await?;
        Ok(text.and_then(|text| self.open(app_id, &text)))
    }

    async fn save(
        &self,
        app_id: &str,
        note: &Secret,
        life: Duration,
    ) -> Result<(), TokenStoreAway> {
        let key = self.key("note", app_id);
        let sealed = self.cipher.seal(&context(app_id), note.expose().as_bytes());
        let text = format!("{} {}", sealed.key_id, STANDARD.encode(&sealed.bytes));
        let mut connection = self.connection.clone();
        within_time("save", async move { connection.pset_ex(key, text, millis(life)).await }).await
    }

    async fn lock(
        &self,
        app_id: &str,
        owner: &str,
        lease: Duration,
    ) -> Result<bool, TokenStoreAway> {
        let mut call = self.lock.prepare_invoke();
        call.key(self.key("lock", app_id)).arg(owner).arg(millis(lease));
        let mut connection = self.connection.clone();
        within_time("lock", async move { call.invoke_async(&mut connection).await }).await
    }

    async fn unlock(&self, app_id: &str, owner: &str) -> Result<(), TokenStoreAway> {
        let mut call = self.unlock.prepare_invoke();
        call.key(self.key("lock", app_id)).arg(owner);
        let mut connection = self.connection.clone();
        let act = async move { call.invoke_async::<u64>(&mut connection).await };
        within_time("unlock", act).await.map(drop)
    }
}
