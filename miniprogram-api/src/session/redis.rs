//! Sessions in Redis: for any number of processes.
//!
//! Two kinds of keys. `{prefix}token:{sha256}` says whose session a token is. `{prefix}account:{id}`
//! is a hash with one field per session of the account, and decides alone: every change is one
//! script on this one key, so prolonging, revoking and the limit happen one after the other, and a
//! revoked session cannot be written back. No script touches two keys, so Redis Cluster may put
//! them on any node. Both kinds carry a time to live, which only collects what is over.
//!
//! A value is `{created ms} {last seen ms} {record as JSON}`; scripts read the two numbers only.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::{AccountId, Channel, Clock, Entropy, Secret, Timestamp};
use people::{FieldCipher, Sealed};
use redis::{
    AsyncCommands, RedisError, RedisResult, Script,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use serde::{Deserialize, Serialize};

use super::{
    NewSession, Session, SessionError, SessionId, SessionRules, SessionStore, Token, TokenHash,
};

/// A citizen waits at most this long for the whole act; then the store counts as away.
const CALL_TIME_MAX: Duration = Duration::from_secs(1);
const CONNECT_TIME_MAX: Duration = Duration::from_millis(700);
const ANSWER_TIME_MAX: Duration = Duration::from_millis(400);

/// ARGV of every script: 1 now, 2 longest time without use, 3 longest life, in milliseconds.
const ALIVE: &str = r"
local now, idle, life = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local function split(value)
  return string.match(value, '^(%d+) (%d+) (.*)$')
end
local function alive(value)
  local created, seen = split(value)
  return created and now < tonumber(seen) + idle and now < tonumber(created) + life
end
";

/// ARGV 4 session id, 5 value, 6 sessions per account, 7 time to live.
const OPEN: &str = r"
local all = redis.call('HGETALL', KEYS[1])
local living = {}
for i = 1, #all, 2 do
  if alive(all[i + 1]) then
    local created = split(all[i + 1])
    table.insert(living, { created = tonumber(created), id = all[i] })
  else
    redis.call('HDEL', KEYS[1], all[i])
  end
end
table.sort(living, function(a, b)
  if a.created ~= b.created then return a.created < b.created end
  return a.id < b.id
end)
for i = 1, #living - tonumber(ARGV[6]) + 1 do
  redis.call('HDEL', KEYS[1], living[i].id)
end
redis.call('HSET', KEYS[1], ARGV[4], ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[7])
return 1
";

/// ARGV 4 session id. Answers the prolonged value, or nothing.
const FIND: &str = r"
local value = redis.call('HGET', KEYS[1], ARGV[4])
if not value then return false end
if not alive(value) then
  redis.call('HDEL', KEYS[1], ARGV[4])
  return false
end
local created, seen, record = split(value)
if now > tonumber(seen) then
  value = created .. ' ' .. ARGV[1] .. ' ' .. record
  redis.call('HSET', KEYS[1], ARGV[4], value)
end
return value
";

/// ARGV 4 session id. Answers 1 when a living session ended.
const REVOKE: &str = r"
local value = redis.call('HGET', KEYS[1], ARGV[4])
if not value then return 0 end
redis.call('HDEL', KEYS[1], ARGV[4])
if alive(value) then return 1 else return 0 end
";

/// Answers how many living sessions ended.
const REVOKE_ALL: &str = r"
local lived = 0
for _, value in ipairs(redis.call('HVALS', KEYS[1])) do
  if alive(value) then lived = lived + 1 end
end
redis.call('DEL', KEYS[1])
return lived
";

/// The part of a session that never changes.
#[derive(Serialize, Deserialize)]
struct Record {
    channel: Channel,
    app_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_key: Option<SealedText>,
}

#[derive(Serialize, Deserialize)]
struct SealedText {
    key_id: String,
    base64: String,
}

struct Scripts {
    open: Script,
    find: Script,
    revoke: Script,
    revoke_all: Script,
}

/// The store shared by processes.
pub struct RedisSessions {
    connection: ConnectionManager,
    scripts: Scripts,
    prefix: String,
    rules: SessionRules,
    cipher: FieldCipher,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for RedisSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSessions")
            .field("prefix", &self.prefix)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

impl RedisSessions {
    /// Before every key, so that several installations can share one Redis.
    pub const PREFIX: &str = "city-services:session:";

    /// `url` is `redis://…` or `rediss://…` and may hold a password. Connects at the first call and
    /// again after every loss, so that a missing Redis does not stop the program from starting.
    ///
    /// # Errors
    /// [`SessionError::Address`] when the address is not understood.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(
        url: &Secret,
        prefix: impl Into<String>,
        rules: SessionRules,
        cipher: FieldCipher,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<RedisSessions, SessionError> {
        let client = redis::Client::open(url.expose()).map_err(SessionError::Address)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT_TIME_MAX))
            .set_response_timeout(Some(ANSWER_TIME_MAX))
            .set_number_of_retries(1);
        let connection = ConnectionManager::new_lazy_with_config(client, config)
            .map_err(SessionError::Address)?;
        let script = |act: &str| Script::new(&format!("{ALIVE}{act}"));
        let scripts = Scripts {
            open: script(OPEN),
            find: script(FIND),
            revoke: script(REVOKE),
            revoke_all: script(REVOKE_ALL),
        };
        let prefix = prefix.into();
        Ok(RedisSessions { connection, scripts, prefix, rules, cipher, clock, entropy })
    }

    fn token_key(&self, token: &TokenHash) -> String {
        format!("{}token:{}", self.prefix, hex::encode(token))
    }

    fn account_key(&self, account: AccountId) -> String {
        format!("{}account:{account}", self.prefix)
    }

    /// Calls a script on the account's key with the arguments that all scripts share.
    fn invoke<'a>(
        &self,
        script: &'a Script,
        account: AccountId,
        now: Timestamp,
    ) -> redis::ScriptInvocation<'a> {
        let mut invocation = script.prepare_invoke();
        invocation
            .key(self.account_key(account))
            .arg(now.as_millis())
            .arg(millis(self.rules.idle_max))
            .arg(millis(self.rules.life_max));
        invocation
    }

    fn read(
        &self,
        account: AccountId,
        id: SessionId,
        value: &str,
    ) -> Result<Session, SessionError> {
        let damaged = || SessionError::Damaged;
        let mut parts = value.splitn(3, ' ');
        let mut instant =
            || -> Option<Timestamp> { parts.next()?.parse().ok().map(Timestamp::from_millis) };
        let created_at = instant().ok_or_else(damaged)?;
        let last_seen_at = instant().ok_or_else(damaged)?;
        let record = parts.next().ok_or_else(damaged)?;
        let record: Record = serde_json::from_str(record).map_err(|_| damaged())?;
        let session_key = match record.session_key {
            Some(SealedText { key_id, base64 }) => {
                let bytes = STANDARD.decode(base64).map_err(|_| damaged())?;
                Some(Sealed { key_id, bytes })
            }
            None => None,
        };
        Ok(Session {
            id,
            account,
            channel: record.channel,
            app_id: record.app_id,
            created_at,
            last_seen_at,
            expires_at: self.rules.expires_at(created_at, last_seen_at),
            session_key,
        })
    }
}

fn write(session: &Session) -> Result<String, SessionError> {
    let record = Record {
        channel: session.channel,
        app_id: session.app_id.clone(),
        session_key: session.session_key.as_ref().map(|sealed| SealedText {
            key_id: sealed.key_id.clone(),
            base64: STANDARD.encode(&sealed.bytes),
        }),
    };
    let record = serde_json::to_string(&record).map_err(|_| SessionError::Damaged)?;
    let created = session.created_at.as_millis();
    Ok(format!("{created} {} {record}", session.last_seen_at.as_millis()))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Runs one act against Redis within [`CALL_TIME_MAX`]. Every failure is the same to the caller: no
/// answer. The log names its kind and never the address, which may hold a password.
async fn within_time<T>(
    act: &'static str,
    call: impl Future<Output = RedisResult<T>>,
) -> Result<T, SessionError> {
    let count = |outcome: &'static str| {
        metrics::counter!("session_store_calls_total", "act" => act, "outcome" => outcome)
            .increment(1);
    };
    match tokio::time::timeout(CALL_TIME_MAX, call).await {
        Ok(Ok(answer)) => {
            count("ok");
            Ok(answer)
        }
        Ok(Err(error)) => {
            count("error");
            let error: &RedisError = &error;
            tracing::warn!(act, kind = ?error.kind(), code = error.code(), "Redis failed");
            Err(SessionError::Unavailable)
        }
        Err(_) => {
            count("timeout");
            tracing::warn!(act, "Redis did not answer in time");
            Err(SessionError::Unavailable)
        }
    }
}

#[async_trait]
impl SessionStore for RedisSessions {
    async fn open(&self, new: NewSession) -> Result<(Token, Session), SessionError> {
        let session = Session::begin(new, &self.rules, &self.cipher, &*self.clock, &*self.entropy);
        let token = Token::generate(&*self.entropy);
        let life = millis(self.rules.life_max);
        let mut call = self.invoke(&self.scripts.open, session.account, session.created_at);
        call.arg(session.id.as_str())
            .arg(write(&session)?)
            .arg(self.rules.per_account_max.max(1))
            .arg(life);
        let owner = format!("{} {}", session.account, session.id);
        let token_key = self.token_key(&token.hash);
        let mut connection = self.connection.clone();
        within_time("open", async move {
            // A token whose session does not follow opens nothing.
            connection.pset_ex::<_, _, ()>(token_key, owner, life).await?;
            call.invoke_async::<()>(&mut connection).await
        })
        .await?;
        Ok((token, session))
    }

    async fn find(&self, token: &Token) -> Result<Option<Session>, SessionError> {
        let now = self.clock.now();
        let token_key = self.token_key(&token.hash);
        let mut connection = self.connection.clone();
        let found = within_time("find", async move {
            let owner: Option<String> = connection.get(token_key).await?;
            let Some((account, id)) = owner.as_deref().and_then(owner_of) else {
                return Ok(None);
            };
            let mut call = self.invoke(&self.scripts.find, account, now);
            call.arg(id.as_str());
            let value: Option<String> = call.invoke_async(&mut connection).await?;
            Ok(value.map(|value| (account, id, value)))
        })
        .await?;
        found.map(|(account, id, value)| self.read(account, id, &value)).transpose()
    }

    async fn list(&self, account: AccountId) -> Result<Vec<Session>, SessionError> {
        let now = self.clock.now();
        let key = self.account_key(account);
        let mut connection = self.connection.clone();
        let values: Vec<(String, String)> =
            within_time("list", async move { connection.hgetall(key).await }).await?;
        let mut sessions = Vec::with_capacity(values.len());
        for (id, value) in values {
            let id = id.parse().map_err(|_| SessionError::Damaged)?;
            let session = self.read(account, id, &value)?;
            if now < session.expires_at {
                sessions.push(session);
            }
        }
        sessions.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(sessions)
    }

    async fn revoke(&self, account: AccountId, session: &SessionId) -> Result<bool, SessionError> {
        let mut call = self.invoke(&self.scripts.revoke, account, self.clock.now());
        call.arg(session.as_str());
        let mut connection = self.connection.clone();
        let ended: u64 =
            within_time("revoke", async move { call.invoke_async(&mut connection).await }).await?;
        Ok(ended > 0)
    }

    async fn revoke_all(&self, account: AccountId) -> Result<usize, SessionError> {
        let call = self.invoke(&self.scripts.revoke_all, account, self.clock.now());
        let mut connection = self.connection.clone();
        within_time("revoke_all", async move { call.invoke_async(&mut connection).await }).await
    }
}

/// Reads whose session a token is. What this program did not write belongs to nobody.
fn owner_of(text: &str) -> Option<(AccountId, SessionId)> {
    let (account, id) = text.split_once(' ')?;
    Some((account.parse().ok()?, id.parse().ok()?))
}
