//! Sessions inside the process: for one process, demonstrations and development.
//!
//! The sessions of one account live behind one lock, so that prolonging, revoking and the limit
//! happen one after the other. Moka bounds memory: the account unused for longest goes first.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use kernel::{AccountId, Clock, Entropy, Timestamp};
use people::FieldCipher;

use super::{
    NewSession, Session, SessionError, SessionId, SessionRules, SessionStore, Token, TokenHash,
};
use crate::bounded::{Bounded, Life};

struct Kept {
    session: Session,
    token: TokenHash,
}

#[derive(Default)]
struct OfAccount(Mutex<BTreeMap<SessionId, Kept>>);

impl OfAccount {
    /// Nothing is left half done under this lock, so a panic elsewhere does not close it.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<SessionId, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The store inside the process. Sessions end with it.
pub struct EmbeddedSessions {
    /// Only says where to look; the account's map decides.
    tokens: Bounded<(AccountId, SessionId)>,
    accounts: Bounded<OfAccount>,
    rules: SessionRules,
    cipher: FieldCipher,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for EmbeddedSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedSessions").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl EmbeddedSessions {
    /// About 1 KiB for an account with one session: 100 MiB, and ten times that at the very worst.
    pub const ACCOUNTS_MAX: u64 = 100_000;

    /// Keeps the sessions of at most `accounts_max` accounts ([`Self::ACCOUNTS_MAX`] is a good
    /// number); beyond that citizens who were away for longest log in again.
    pub fn new(
        accounts_max: u64,
        rules: SessionRules,
        cipher: FieldCipher,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> EmbeddedSessions {
        // A login must never succeed and be forgotten at once. The times only collect what is over;
        // whether a session lives is decided by our clock.
        let per_account = u64::try_from(rules.per_account_max.max(1)).unwrap_or(u64::MAX);
        let tokens =
            Bounded::new(accounts_max.saturating_mul(per_account), Life::Since(rules.life_max));
        let accounts = Bounded::new(accounts_max, Life::Unused(rules.life_max));
        EmbeddedSessions { tokens, accounts, rules, cipher, clock, entropy }
    }

    fn lives(&self, session: &Session, now: Timestamp) -> bool {
        now < self.rules.expires_at(session.created_at, session.last_seen_at)
    }

    fn forget(&self, tokens: Vec<TokenHash>) {
        for token in tokens {
            self.tokens.forget(&hex::encode(token));
        }
    }

    /// Takes out what is over, and then the oldest until one more fits.
    fn make_room(&self, kept: &mut BTreeMap<SessionId, Kept>, now: Timestamp) -> Vec<TokenHash> {
        let mut gone: Vec<TokenHash> = Vec::new();
        kept.retain(|_, one| {
            let lives = self.lives(&one.session, now);
            if !lives {
                gone.push(one.token);
            }
            lives
        });
        while kept.len() >= self.rules.per_account_max.max(1) {
            let oldest = kept.iter().min_by_key(|(id, one)| (one.session.created_at, *id));
            let Some(id) = oldest.map(|(id, _)| id.clone()) else { break };
            gone.extend(kept.remove(&id).map(|one| one.token));
        }
        gone
    }
}

#[async_trait]
impl SessionStore for EmbeddedSessions {
    async fn open(&self, new: NewSession) -> Result<(Token, Session), SessionError> {
        let session = Session::begin(new, &self.rules, &self.cipher, &*self.clock, &*self.entropy);
        let token = Token::generate(&*self.entropy);
        let account = self.accounts.get_or_default(session.account.to_string());
        let gone = {
            let mut kept = account.lock();
            let gone = self.make_room(&mut kept, session.created_at);
            let one = Kept { session: session.clone(), token: token.hash };
            kept.insert(session.id.clone(), one);
            gone
        };
        self.forget(gone);
        self.tokens.put(hex::encode(token.hash), (session.account, session.id.clone()));
        Ok((token, session))
    }

    async fn find(&self, token: &Token) -> Result<Option<Session>, SessionError> {
        let Some(place) = self.tokens.get(&hex::encode(token.hash)) else { return Ok(None) };
        let (account, id) = &*place;
        let Some(account) = self.accounts.get(&account.to_string()) else { return Ok(None) };
        let now = self.clock.now();
        let found = {
            let mut kept = account.lock();
            match kept.get_mut(id) {
                Some(one) if self.lives(&one.session, now) => {
                    let session = &mut one.session;
                    session.last_seen_at = session.last_seen_at.max(now);
                    session.expires_at =
                        self.rules.expires_at(session.created_at, session.last_seen_at);
                    Some(session.clone())
                }
                Some(_) => {
                    kept.remove(id);
                    None
                }
                None => None,
            }
        };
        if found.is_none() {
            self.forget(vec![token.hash]);
        }
        Ok(found)
    }

    async fn list(&self, account: AccountId) -> Result<Vec<Session>, SessionError> {
        let Some(account) = self.accounts.get(&account.to_string()) else { return Ok(Vec::new()) };
        let now = self.clock.now();
        let mut sessions: Vec<Session> = account
            .lock()
            .values()
            .map(|one| one.session.clone())
            .filter(|session| self.lives(session, now))
            .collect();
        sessions.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(sessions)
    }

    async fn revoke(&self, account: AccountId, session: &SessionId) -> Result<bool, SessionError> {
        let Some(account) = self.accounts.get(&account.to_string()) else { return Ok(false) };
        let now = self.clock.now();
        let Some(gone) = account.lock().remove(session) else { return Ok(false) };
        self.forget(vec![gone.token]);
        Ok(self.lives(&gone.session, now))
    }

    async fn revoke_all(&self, account: AccountId) -> Result<usize, SessionError> {
        let Some(account) = self.accounts.get(&account.to_string()) else { return Ok(0) };
        let now = self.clock.now();
        let gone = std::mem::take(&mut *account.lock());
        let lived = gone.values().filter(|one| self.lives(&one.session, now)).count();
        self.forget(gone.into_values().map(|one| one.token).collect());
        Ok(lived)
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use kernel::{Channel, ControlledClock, Secret, SeededEntropy};
    use people::FieldKeys;

    use super::*;

    #[tokio::test]
    async fn a_full_store_forgets_who_was_away_longest_and_takes_the_newcomer() {
        let key = |byte: u8| Secret::new(STANDARD.encode([byte; 32]));
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(42));
        let keys = FieldKeys::new("k1", &key(1), &key(2)).expect("keys");
        let clock = Arc::new(ControlledClock::at(Timestamp::from_unix_seconds(1_795_000_000)));
        let store = EmbeddedSessions::new(
            3,
            SessionRules::default(),
            FieldCipher::new(keys, entropy.clone()),
            clock.clone(),
            entropy.clone(),
        );
        let mut tokens = Vec::new();
        for _ in 0..10 {
            let account = AccountId::generate(clock.now(), &*entropy);
            let app_id = "wx0123456789abcdef".to_owned();
            let new = NewSession { account, channel: Channel::Wechat, app_id, session_key: None };
            tokens.push(store.open(new).await.expect("a session").0);
            store.accounts.tidy_up();
        }
        let mut alive = Vec::new();
        for token in &tokens {
            alive.push(store.find(token).await.expect("an answer").is_some());
        }
        assert_eq!(alive, [false, false, false, false, false, false, false, true, true, true]);
    }
}
