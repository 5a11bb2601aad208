//! Published libraries judge the mocks: whatever a platform's own SDK signs is accepted, what it
//! verifies was signed as the platform signs, and a changed byte is refused on both sides.
//!
//! Players: a module for each platform, and scripts in the judges' own languages beside it. Promised:
//! each judge speaks to mocks of its own over HTTP and knows of them only what `mock.json` says.
//! `tests/judges/install` brings the libraries, pinned to exact versions; without them a test fails
//! and says so. Deliberately absent: code of ours on the judge's side.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod alipay;
mod bench;
mod wechat;
