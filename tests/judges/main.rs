//! Judged by others: published SDKs act as merchant against the mock providers and verify what they
//! send, so that the mocks are not only what their authors believe.
//!
//! Players: an SDK in a script of its language, one process a case; the mocks in this process, told
//! to the script by `mock.json`; the control API, by which the script plays the user. Promised: exact
//! versions, installed by `tests/judges/install` (which `tests/run` calls); no address outside this
//! machine is called. Deliberately absent: patches of the SDKs. A script changes the host and nothing
//! else.

#[path = "judge.rs"]
mod judge;

mod wechat;
