//! Confirmations: what was shown before somebody decided, bound to exactly that.
//!
//! A sealed text that the client hands back. It holds for one account, one matter and one content,
//! for a short time. Nothing is stored, so any process can check it; the field keys make it ours.

use std::time::Duration;

use kernel::{AccountId, Timestamp};
use ring::digest::{SHA256, digest};

use crate::{FieldCipher, People, Sealed};

/// What a confirmation is about.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The place that a token is sealed for: of another matter it does not open.
    pub matter: &'static str,
    /// Another account cannot open it.
    pub account: AccountId,
    /// Everything that was on the screen, in one form.
    pub content: &'a str,
}

impl Shown<'_> {
    fn context(&self) -> String {
        format!("{}:{}", self.matter, self.account)
    }

    fn digest(&self) -> String {
        hex::encode(digest(&SHA256, self.content.as_bytes()))
    }

    /// A token for exactly this, until `until`.
    fn sealed(&self, cipher: &FieldCipher, until: Timestamp) -> String {
        let text = format!("{} {}", until.as_millis(), self.digest());
        let sealed = cipher.seal(&self.context(), text.as_bytes());
        format!("{}~{}", sealed.key_id, hex::encode(sealed.bytes))
    }

    /// Whether the token is ours, for exactly this, and not over.
    fn is_confirmed(&self, cipher: &FieldCipher, token: &str, now: Timestamp) -> bool {
        let opened = || {
            let (key_id, bytes) = token.split_once('~')?;
            let sealed = Sealed { key_id: key_id.to_owned(), bytes: hex::decode(bytes).ok()? };
            let text = cipher.open_text(&self.context(), &sealed).ok()?;
            let (until, digest) = text.split_once(' ')?;
            Some((Timestamp::from_millis(until.parse().ok()?), digest.to_owned()))
        };
        opened().is_some_and(|(until, digest)| now < until && digest == self.digest())
    }
}

impl People {
    /// Long enough to read a screen twice, short enough that what it says seldom changes.
    pub const CONFIRMATION_LIFE: Duration = Duration::from_secs(10 * 60);

    /// A token for what is shown, and until when it holds.
    pub fn confirmation(&self, shown: &Shown<'_>) -> (String, Timestamp) {
        let until = self.clock.now().plus(People::CONFIRMATION_LIFE);
        (shown.sealed(&self.cipher, until), until)
    }

    /// Whether `token` was given for exactly this and holds.
    pub fn is_confirmed(&self, shown: &Shown<'_>, token: &str) -> bool {
        shown.is_confirmed(&self.cipher, token, self.clock.now())
    }
}
