//! The access token (`access_token`): one for each application, held once for all processes.
//!
//! Only `stable_token` is asked. It gives the same token to everybody until the token's last five
//! minutes, then a new one, and both are good until the old one ends. So a second caller does no
//! harm, and everything below only saves calls: within a process one asks and the others wait for
//! the same answer; between processes a lock in the [`TokenStore`] does the same. When the store is
//! away, each process asks for itself and gets the same token.
//!
//! There is no task and no timer: a token is renewed by the call that finds it within its last four
//! minutes, while the others go on with it. A token that a call finds refused is replaced once for
//! all who meet the refusal: by the one that another process has put into the store, otherwise by
//! asking. Only when the platform gives out the very token that it refuses is a new one forced: that
//! ends the old one for everybody at once, and the platform allows it twenty times a day. The store
//! counts, ten are taken at most, and without the store none.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::{Clock, Entropy, Secret, Timestamp};
use serde::{Deserialize, Serialize};

use super::{MiniProgramError, account::Account, error::content, store::TokenStore};

/// A token is renewed in this last part of its life. The platform gives a new one in the last five
/// minutes; a minute less, so that clocks and the way there do not bring the old one back.
const RENEW_AHEAD: Duration = Duration::from_secs(240);
/// A token that is short-lived already when it comes is not asked for again before this.
const KEEP_AT_LEAST: Duration = Duration::from_secs(30);
/// After a failed renewal of a token that is still good, the next try.
const QUIET: Duration = Duration::from_secs(30);
/// After the platform said that the quota of tokens is used up.
const QUOTA_REST: Duration = Duration::from_secs(60);
/// After an answer that only an operator or time can better.
const REST: Duration = Duration::from_secs(10);

/// How long the lock of an owner lives that died. An owner that lives longer than this only meets
/// somebody who asks as well.
const LEASE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(50);
const POLLS_MAX: u128 = LEASE.as_millis() / POLL.as_millis();

/// Of the platform's twenty a day; the other half is for people.
const FORCED_PER_DAY: u32 = 10;
/// The platform wants thirty seconds.
const FORCED_GAP: Duration = Duration::from_secs(60);
/// How long a store keeps a note: longer than a token lives, and as long as forcing is counted.
const NOTE_LIFE: Duration = Duration::from_secs(24 * 3600);

#[derive(Clone)]
struct Token {
    text: Secret,
    until: Timestamp,
    renew_at: Timestamp,
}

impl Token {
    fn new(text: Secret, asked_at: Timestamp, life: Duration) -> Token {
        let until = asked_at.plus(life);
        let kept = asked_at.plus(KEEP_AT_LEAST.min(life / 2));
        let renew_at = asked_at.plus(life.saturating_sub(RENEW_AHEAD)).max(kept);
        Token { text, until, renew_at }
    }

    fn is(&self, other: Option<&Secret>) -> bool {
        other.is_some_and(|other| other.expose() == self.text.expose())
    }
}

/// How often a new token was forced on `day`, a date in Beijing.
#[derive(Clone, Default, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Forced {
    day: String,
    count: u32,
    last_millis: i64,
}

impl Forced {
    /// The count after one more; `None` when that would be too much.
    fn once_more(&self, now: Timestamp) -> Option<Forced> {
        let day = now.beijing_text().get(..10)?.to_owned();
        let count = if day == self.day { self.count } else { 0 };
        let rested = now.apart(Timestamp::from_millis(self.last_millis)) >= FORCED_GAP;
        (count < FORCED_PER_DAY && rested).then(|| Forced {
            day,
            count: count + 1,
            last_millis: now.as_millis(),
        })
    }
}

/// What processes tell each other.
#[derive(Clone)]
struct Note {
    token: Token,
    forced: Forced,
}

#[derive(Serialize, Deserialize)]
struct NoteText {
    token: String,
    until_millis: i64,
    renew_at_millis: i64,
    forced: Forced,
}

impl Note {
    fn write(&self) -> Option<Secret> {
        let text = NoteText {
            token: self.token.text.expose().to_owned(),
            until_millis: self.token.until.as_millis(),
            renew_at_millis: self.token.renew_at.as_millis(),
            forced: self.forced.clone(),
        };
        serde_json::to_string(&text).ok().map(Secret::new)
    }

    fn read(text: &Secret) -> Option<Note> {
        let text: NoteText = serde_json::from_str(text.expose()).ok()?;
        is_token(&text.token).then(|| Note {
            token: Token {
                text: Secret::new(text.token),
                until: Timestamp::from_millis(text.until_millis),
                renew_at: Timestamp::from_millis(text.renew_at_millis),
            },
            forced: text.forced,
        })
    }
}

/// The platform wants room for 512 characters at least.
fn is_token(text: &str) -> bool {
    (1..=2048).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// What this process knows.
#[derive(Default)]
struct Held {
    note: Option<Note>,
    /// How many renewals have ended here, and how the last one failed.
    landed: u64,
    failure: Option<MiniProgramError>,
    /// Until then a token in its last part is used without trying to renew it.
    quiet_until: Timestamp,
    /// Until then the last failure is the answer.
    rest_until: Timestamp,
}

/// A token, and where it comes from.
pub(super) struct Obtained {
    pub(super) text: Secret,
    /// The platform gave it to this very call. Otherwise others had it, and it may be over as well.
    pub(super) asked_for: bool,
}

/// Whose turn it is to ask.
enum Turn {
    /// A token was found on the way.
    Found(Secret),
    /// Ours: the lock is held, and this is what the store knew.
    Ours(Option<Note>),
    /// Nobody's in particular: the store is away, or holds a lock longer than a lease.
    Alone,
}

/// Holds the token of one application.
pub(super) struct TokenHolder {
    account: Arc<Account>,
    store: Arc<dyn TokenStore>,
    clock: Arc<dyn Clock>,
    /// Names this holder to the lock. A renewal that was given up in the middle finds its own lock.
    owner: String,
    held: Mutex<Held>,
    flight: tokio::sync::Mutex<()>,
}

impl fmt::Debug for TokenHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHolder({}, ***)", self.account.app_id())
    }
}

impl TokenHolder {
    pub(super) fn new(
        account: Arc<Account>,
        store: Arc<dyn TokenStore>,
        clock: Arc<dyn Clock>,
        entropy: &dyn Entropy,
    ) -> TokenHolder {
        let owner = entropy.hex(16);
        let (held, flight) = (Mutex::default(), tokio::sync::Mutex::default());
        TokenHolder { account, store, clock, owner, held, flight }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A good token. With `refused`, another one than that.
    pub(super) async fn obtain(
        &self,
        refused: Option<&Secret>,
    ) -> Result<Obtained, MiniProgramError> {
        let known = |text| Obtained { text, asked_for: false };
        if let Some(token) = self.at_hand(refused) {
            return Ok(known(token));
        }
        let landed = self.held().landed;
        let _flight = self.flight.lock().await;
        if let Some(token) = self.at_hand(refused) {
            return Ok(known(token));
        }
        let now = self.clock.now();
        let told = {
            let held = self.held();
            let fresh = held.landed > landed || now < held.rest_until;
            held.failure.clone().filter(|_| fresh)
        };
        let result = match told {
            Some(failure) => Err(failure),
            None => {
                let result = self.renew(refused).await;
                self.land(&result);
                result
            }
        };
        // A token in its last part is better than none.
        result.or_else(|failure| self.usable(refused).map(known).ok_or(failure))
    }

    /// The held token, when nothing is to be done about it.
    fn at_hand(&self, refused: Option<&Secret>) -> Option<Secret> {
        let now = self.clock.now();
        let held = self.held();
        let token = &held.note.as_ref()?.token;
        let calm = now < token.renew_at || (now < token.until && now < held.quiet_until);
        (calm && !token.is(refused)).then(|| token.text.clone())
    }

    /// The held token, as long as it lives.
    fn usable(&self, refused: Option<&Secret>) -> Option<Secret> {
        let now = self.clock.now();
        let held = self.held();
        let token = &held.note.as_ref()?.token;
        (now < token.until && !token.is(refused)).then(|| token.text.clone())
    }

    fn land(&self, result: &Result<Obtained, MiniProgramError>) {
        let now = self.clock.now();
        let mut held = self.held();
        held.landed += 1;
        held.failure = result.as_ref().err().cloned();
        if let Some(failure) = &held.failure {
            let rest = match failure {
                MiniProgramError::Quota => QUOTA_REST,
                MiniProgramError::Token(_)
                | MiniProgramError::Misconfigured(_)
                | MiniProgramError::Refused(_)
                | MiniProgramError::BadRequest(_) => REST,
                MiniProgramError::NotSent
                | MiniProgramError::Unknown(_)
                | MiniProgramError::Busy => Duration::ZERO,
            };
            held.rest_until = now.plus(rest);
            held.quiet_until = now.plus(QUIET);
        }
    }

    async fn renew(&self, refused: Option<&Secret>) -> Result<Obtained, MiniProgramError> {
        match self.turn(refused).await {
            Turn::Found(text) => {
                count("shared");
                Ok(Obtained { text, asked_for: false })
            }
            Turn::Ours(note) => {
                let result = self.ask(refused, note, true).await;
                self.unlock().await;
                result
            }
            Turn::Alone => {
                let note = self.held().note.clone();
                self.ask(refused, note, false).await
            }
        }
    }

    async fn unlock(&self) {
        // When the store is away by now, the lease ends by itself.
        let _ = self.store.unlock(self.account.app_id(), &self.owner).await;
    }

    /// Waits for the lock, or for what its owner brings.
    async fn turn(&self, refused: Option<&Secret>) -> Turn {
        let app_id = self.account.app_id();
        for _ in 0..=POLLS_MAX {
            let Ok(ours) = self.store.lock(app_id, &self.owner, LEASE).await else {
                return Turn::Alone;
            };
            let Ok(text) = self.store.load(app_id).await else {
                return Turn::Alone;
            };
            let note = text.as_ref().and_then(Note::read);
            let now = self.clock.now();
            if let Some(note) = &note
                && now < note.token.renew_at
                && !note.token.is(refused)
            {
                self.held().note = Some(note.clone());
                if ours {
                    self.unlock().await;
                }
                return Turn::Found(note.token.text.clone());
            }
            if ours {
                return Turn::Ours(note);
            }
            // Somebody renews it; meanwhile ours is good.
            if let Some(token) = self.usable(refused) {
                self.held().quiet_until = now.plus(Duration::from_secs(1));
                return Turn::Found(token);
            }
            tokio::time::sleep(POLL).await;
        }
        Turn::Alone
    }

    async fn ask(
        &self,
        refused: Option<&Secret>,
        before: Option<Note>,
        counted: bool,
    ) -> Result<Obtained, MiniProgramError> {
        let mut forced = before.map(|note| note.forced).unwrap_or_default();
        let mut token = self.account.stable_token(false, self.clock.now()).await?;
        let mut how = if counted { "asked" } else { "alone" };
        if token.is(refused) {
            let allowed = if counted { forced.once_more(self.clock.now()) } else { None };
            let Some(more) = allowed else {
                return Err(MiniProgramError::Token(40_001));
            };
            // Counted before it is sent: without an answer it may have been carried out.
            forced = more;
            self.keep(Note { token, forced: forced.clone() }).await;
            token = self.account.stable_token(true, self.clock.now()).await?;
            how = "forced";
        }
        let still_refused = token.is(refused);
        let text = token.text.clone();
        self.keep(Note { token, forced }).await;
        if still_refused {
            return Err(MiniProgramError::Token(40_001));
        }
        count(how);
        Ok(Obtained { text, asked_for: true })
    }

    async fn keep(&self, note: Note) {
        if let Some(text) = note.write() {
            // The store itself says that it is away; this process has what it needs.
            let _ = self.store.save(self.account.app_id(), &text, NOTE_LIFE).await;
        }
        self.held().note = Some(note);
    }
}

/// How renewals ended well: `shared` from the store, `asked` for all, `alone`, `forced`.
fn count(how: &'static str) {
    metrics::counter!("access_token_renewals", "how" => how).increment(1);
}

impl Account {
    /// Retry class: idempotent, unless forced.
    async fn stable_token(&self, force: bool, now: Timestamp) -> Result<Token, MiniProgramError> {
        #[derive(Serialize)]
        struct Asked<'a> {
            grant_type: &'static str,
            appid: &'a str,
            secret: &'a str,
            force_refresh: bool,
        }
        #[derive(Deserialize)]
        struct Given {
            access_token: String,
            expires_in: u64,
        }
        let asked = Asked {
            grant_type: "client_credential",
            appid: self.app_id(),
            secret: self.app_secret().expose(),
            force_refresh: force,
        };
        let request = self.post("/cgi-bin/stable_token", &[], &asked)?;
        self.call("access_token", request, |answer| {
            let given: Given = content(answer).map_err(|error| match error {
                // Here it is the AppSecret that is wrong.
                MiniProgramError::Token(code) => MiniProgramError::Misconfigured(code),
                other => other,
            })?;
            if !is_token(&given.access_token) || !(1..=86_400).contains(&given.expires_in) {
                return Err(MiniProgramError::unknown("no token in the answer"));
            }
            let life = Duration::from_secs(given.expires_in);
            Ok(Token::new(Secret::new(given.access_token), now, life))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_767_225_600);

    #[rstest]
    #[case::whole_life(7_200, 6_960)]
    #[case::in_its_last_part(200, 30)]
    #[case::nearly_over(10, 5)]
    fn a_token_is_renewed_ahead(#[case] life: u64, #[case] renewed_after: u64) {
        let token = Token::new(Secret::new("t"), NOW, Duration::from_secs(life));
        assert_eq!(token.until.since(NOW).as_secs(), life);
        assert_eq!(token.renew_at.since(NOW).as_secs(), renewed_after);
    }

    #[test]
    fn forcing_is_counted_by_the_day_and_takes_its_time() {
        let mut forced = Forced::default();
        let mut now = NOW;
        for _ in 0..FORCED_PER_DAY {
            forced = forced.once_more(now).expect("allowed");
            assert_eq!(forced.once_more(now.plus(FORCED_GAP - Duration::from_millis(1))), None);
            now = now.plus(FORCED_GAP);
        }
        assert_eq!(forced.once_more(now), None, "the day's share is used up");
        let tomorrow = forced.once_more(now.plus(Duration::from_secs(24 * 3600)));
        assert_eq!(tomorrow.expect("a new day").count, 1);
    }

    #[test]
    fn a_note_comes_back_as_it_was_written() {
        let token = Token::new(Secret::new("99_abc"), NOW, Duration::from_secs(7_200));
        let forced = Forced::default().once_more(NOW).expect("allowed");
        let text = Note { token, forced: forced.clone() }.write().expect("a text");
        let note = Note::read(&text).expect("a note");
        assert_eq!(note.token.text.expose(), "99_abc");
        assert_eq!((note.token.until, note.forced), (NOW.plus(Duration::from_secs(7_200)), forced));
    }

    #[rstest]
    #[case("")]
    #[case("{}")]
    #[case(r#"{"token":"two words","until_millis":1,"renew_at_millis":1,"forced":{"day":"","count":0,"last_millis":0}}"#)]
    #[case(r#"{"token":"","until_millis":1,"renew_at_millis":1,"forced":{"day":"","count":0,"last_millis":0}}"#)]
    fn a_strange_note_is_none(#[case] text: &str) {
        assert!(Note::read(&Secret::new(text)).is_none());
    }
}
