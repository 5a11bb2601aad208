//! Wording: every sentence that a person reads, in Chinese and in English.
//!
//! Players: the rooms that talk to people ask for a sentence by its key; whoever improves a sentence
//! edits `messages/zh-CN.toml` and `messages/en.toml` and no code. Promised: both files have the same
//! keys and the same places for values; every problem has a next step; whatever is said can also be
//! read aloud ([`aloud`]).
//!
//! Deliberately absent: which sentence fits when (the faces decide that), grammar beyond filling
//! places (no sentence here changes with a number), and words that are stored or sent between
//! machines: those are codes, in `kernel`.

mod aloud;
mod date;
mod language;
mod phrase;

pub use aloud::aloud;
pub use date::date;
pub use language::Language;
pub use phrase::{Phrase, filled, phrase, phrases, term};
