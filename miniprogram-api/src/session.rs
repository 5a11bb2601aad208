//! Sessions of logged-in citizens: opened at login, found by token, listed and revoked by their owner.
//!
//! Players: the login handler opens, every other handler finds, and a citizen who lost a telephone
//! lists and revokes. Two stores keep one promise: [`EmbeddedSessions`] inside the process, and
//! [`RedisSessions`] for any number of processes. Promised: a session ends after a time without use
//! and after its whole life at the latest; a revoked session never comes back, however many requests
//! use it at that moment; the store knows the token's SHA-256 only; WeChat's `session_key` is kept
//! sealed and leaves the server in no answer.
//!
//! Deliberately absent: personal data (a session names an account, nothing else), refresh tokens
//! (a mini-program logs in silently at any time), and sessions in the database: losing them all
//! costs every citizen one silent login and no fen.
//!
//! All acts may be repeated. Repeating [`SessionStore::open`] after a doubt leaves a session that
//! nobody has the token of; it ends by itself.

mod embedded;
mod redis;

use std::{fmt, str::FromStr, time::Duration};

use ::redis::RedisError;
use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{AccountId, Channel, Clock, Entropy, IdError, Secret, Timestamp};
use people::{CipherError, FieldCipher, Sealed};
use ring::digest::{SHA256, digest};

pub use self::{embedded::EmbeddedSessions, redis::RedisSessions};

const TOKEN_BYTES: usize = 32;

/// The SHA-256 of a token: what stores know. A token has 256 random bits, so no salt is needed.
type TokenHash = [u8; 32];

/// What a mini-program sends with every request. Prints as `***`.
#[derive(Clone)]
pub struct Token {
    text: Secret,
    hash: TokenHash,
}

impl Token {
    fn generate(entropy: &dyn Entropy) -> Token {
        let mut bytes = [0; TOKEN_BYTES];
        entropy.fill(&mut bytes);
        Token::from_bytes(&bytes)
    }

    fn from_bytes(bytes: &[u8; TOKEN_BYTES]) -> Token {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
        Token { text: Secret::new(URL_SAFE_NO_PAD.encode(bytes)), hash }
    }

    /// Reads the 43 characters of base64url; `None` for everything else, before any store is asked.
    pub fn parse(text: &str) -> Option<Token> {
        if text.len() != 43 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(Token::from_bytes(&bytes.try_into().ok()?))
    }

    /// The text itself, for the answer to the login.
    pub fn expose(&self) -> &str {
        self.text.expose()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// Names a session in lists and when it is revoked. Opens nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(String);

impl SessionId {
    fn generate(entropy: &dyn Entropy) -> SessionId {
        SessionId(entropy.hex(16))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for SessionId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<SessionId, IdError> {
        let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 32 && text.bytes().all(hexadecimal) {
            Ok(SessionId(text.to_owned()))
        } else {
            Err(IdError { what: "SessionId", rule: "32 lower-case hexadecimal digits" })
        }
    }
}

/// What a login brings.
#[derive(Clone, Debug)]
pub struct NewSession {
    pub account: AccountId,
    pub channel: Channel,
    pub app_id: String,
    /// WeChat's key for open data, when the platform gave one.
    pub session_key: Option<Secret>,
}

/// One login of one account. `Debug` shows no key, not even a sealed one.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub account: AccountId,
    pub channel: Channel,
    pub app_id: String,
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
    /// When it ends unless it is used again.
    pub expires_at: Timestamp,
    session_key: Option<Sealed>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id)
            .field("account", &self.account)
            .field("channel", &self.channel)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// WeChat's key, to check or decrypt open data on the server; `None` when the login gave none.
    ///
    /// # Errors
    /// When it does not open: its field key has left the configuration.
    pub fn session_key(&self, cipher: &FieldCipher) -> Result<Option<Secret>, CipherError> {
        let Some(sealed) = &self.session_key else { return Ok(None) };
        cipher.open_text(&key_context(&self.id, self.account), sealed).map(Secret::new).map(Some)
    }

    /// A new session as both stores keep it.
    fn begin(
        new: NewSession,
        rules: &SessionRules,
        cipher: &FieldCipher,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Session {
        let now = clock.now();
        let id = SessionId::generate(entropy);
        let context = key_context(&id, new.account);
        let sealed = new.session_key.map(|key| cipher.seal(&context, key.expose().as_bytes()));
        Session {
            id,
            account: new.account,
            channel: new.channel,
            app_id: new.app_id,
            created_at: now,
            last_seen_at: now,
            expires_at: rules.expires_at(now, now),
            session_key: sealed,
        }
    }
}

fn key_context(id: &SessionId, account: AccountId) -> String {
    format!("sessions.session_key:{id}:{account}")
}

/// How long sessions live, and how many one account has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionRules {
    /// Without use for this long, a session ends.
    pub idle_max: Duration,
    /// Used or not, a session ends after this long.
    pub life_max: Duration,
    /// Above this many, the oldest session of the account ends. At least 1.
    pub per_account_max: usize,
}

impl Default for SessionRules {
    /// Half an hour without use, half a day at most, ten devices.
    fn default() -> SessionRules {
        SessionRules {
            idle_max: Duration::from_secs(30 * 60),
            life_max: Duration::from_secs(12 * 3600),
            per_account_max: 10,
        }
    }
}

impl SessionRules {
    /// The first instant at which the session is no more.
    fn expires_at(&self, created_at: Timestamp, last_seen_at: Timestamp) -> Timestamp {
        last_seen_at.plus(self.idle_max).min(created_at.plus(self.life_max))
    }
}

/// Why a store gives no answer.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The store is away or too slow: answer 503, the mini-program tries again.
    #[error("the session store is not available")]
    Unavailable,
    #[error("the store holds a session that cannot be read")]
    Damaged,
    #[error("the address of the session store is not understood: {0}")]
    Address(RedisError),
}

/// A place where sessions live.
#[async_trait]
pub trait SessionStore: Send + Sync + fmt::Debug {
    /// Opens a session; beyond the account's limit the oldest one ends.
    async fn open(&self, new: NewSession) -> Result<(Token, Session), SessionError>;

    /// Finds the session of a token and prolongs it.
    async fn find(&self, token: &Token) -> Result<Option<Session>, SessionError>;

    /// The account's sessions, oldest first. Does not prolong them.
    async fn list(&self, account: AccountId) -> Result<Vec<Session>, SessionError>;

    /// Ends one session. `false` when the account has no such session (any more).
    async fn revoke(&self, account: AccountId, session: &SessionId) -> Result<bool, SessionError>;

    /// Ends all sessions of the account and says how many there were.
    async fn revoke_all(&self, account: AccountId) -> Result<usize, SessionError>;
}
