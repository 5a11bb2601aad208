//! Why a call to `api.weixin.qq.com` gave no result, and what its `errcode` means. This host answers
//! 200 to everything; the content type may say text/plain; the body decides.

use kernel::RetryClass;
use reqwest::StatusCode;
use serde::{Deserialize, de::DeserializeOwned};

use crate::call::{Answer, Failure, Unanswered};

/// A definite no. Nothing was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MiniProgramRefused {
    /// The one-time code is unknown, expired or used (40029, 40163): the client gets a fresh one.
    Code,
    /// The openid is none of this application (40003).
    Person,
    /// The template is unknown (40037).
    Template,
    /// The page is unknown (41030).
    Page,
    /// The body breaks a rule (44002, 47001, 47003).
    Content,
    /// Any other refusal, by its errcode.
    Other(i64),
}

/// Why a call gave no result. Carries codes, never payloads, addresses or tokens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MiniProgramError {
    /// Nothing left this machine; trying again is free of risk.
    #[error("the platform could not be reached")]
    NotSent,
    /// Sent, and nobody knows what came of it: time-out, reset, gateway page, unreadable answer.
    #[error("the platform's answer is unknown ({0})")]
    Unknown(String),
    /// Come back in some seconds (-1, 45011, 43108, HTTP 429).
    #[error("the platform is busy")]
    Busy,
    /// The calls of this minute or day are used up (45009). Trying again makes it no better before
    /// the platform gives new ones: at the next minute, or at midnight in Beijing.
    #[error("the quota of this call is used up")]
    Quota,
    /// The access token is refused although it was just renewed (40001, 40014, 42001). Nothing was
    /// done, and the next call renews it again.
    #[error("the access token is refused ({0})")]
    Token(i64),
    #[error("the platform refused: {0:?}")]
    Refused(MiniProgramRefused),
    /// AppSecret, allowlist or permissions, by errcode: only an operator can help.
    #[error("the platform does not accept our configuration ({0})")]
    Misconfigured(i64),
    /// The request breaks a rule of the platform and was not sent.
    #[error("the request breaks the platform's rule: {0}")]
    BadRequest(&'static str),
}

impl MiniProgramError {
    /// What may be done next, by variant. A call whose input is good for one use only says so
    /// itself, and then its word counts.
    pub const fn retry_class(&self) -> RetryClass {
        match self {
            MiniProgramError::NotSent | MiniProgramError::Busy | MiniProgramError::Token(_) => {
                RetryClass::Idempotent
            }
            MiniProgramError::Unknown(_) => RetryClass::QueryFirst,
            MiniProgramError::Quota
            | MiniProgramError::Refused(_)
            | MiniProgramError::Misconfigured(_)
            | MiniProgramError::BadRequest(_) => RetryClass::Never,
        }
    }

    /// The label of the metric.
    pub const fn code(&self) -> &'static str {
        match self {
            MiniProgramError::NotSent => "not_sent",
            MiniProgramError::Unknown(_) => "unknown",
            MiniProgramError::Busy => "busy",
            MiniProgramError::Quota => "quota",
            MiniProgramError::Token(_) => "token",
            MiniProgramError::Refused(_) => "refused",
            MiniProgramError::Misconfigured(_) => "misconfigured",
            MiniProgramError::BadRequest(_) => "bad_request",
        }
    }

    pub(super) fn unknown(why: &str) -> MiniProgramError {
        MiniProgramError::Unknown(why.to_owned())
    }
}

impl From<Unanswered> for MiniProgramError {
    fn from(unanswered: Unanswered) -> MiniProgramError {
        match unanswered {
            Unanswered::NotSent => MiniProgramError::NotSent,
            Unanswered::Unknown(why) => MiniProgramError::unknown(why),
        }
    }
}

impl Failure for MiniProgramError {
    fn code(&self) -> &'static str {
        MiniProgramError::code(self)
    }
}

/// What an `errcode` other than 0 means, whatever was called.
pub(in crate::wechat) fn meaning(errcode: i64) -> MiniProgramError {
    use MiniProgramError as Error;
    use MiniProgramRefused as No;
    match errcode {
        // What 43108 says (several sendings at once) is not confirmed; nothing was sent either way.
        -1 | 43108 | 45011 => Error::Busy,
        45009 => Error::Quota,
        40001 | 40014 | 42001 => Error::Token(errcode),
        40002 | 40013 | 40125 | 40164 | 41002 | 41004 | 43107 | 48001 | 89503 => {
            Error::Misconfigured(errcode)
        }
        40029 | 40163 | 41008 => Error::Refused(No::Code),
        40003 => Error::Refused(No::Person),
        40037 => Error::Refused(No::Template),
        41030 => Error::Refused(No::Page),
        44002 | 47001 | 47003 => Error::Refused(No::Content),
        _ => Error::Refused(No::Other(errcode)),
    }
}

/// The part that all answers share.
#[derive(Deserialize)]
pub(in crate::wechat) struct Said {
    errcode: Option<i64>,
    errmsg: Option<String>,
}

impl Said {
    /// Reads any answer of this host. `Ok` holds the errcode; success is 0, also when it is absent.
    pub(in crate::wechat) fn read(answer: &Answer) -> Result<i64, MiniProgramError> {
        match answer.status {
            StatusCode::OK => {}
            StatusCode::TOO_MANY_REQUESTS => return Err(MiniProgramError::Busy),
            other => return Err(MiniProgramError::Unknown(format!("HTTP {}", other.as_u16()))),
        }
        let said: Said = serde_json::from_slice(&answer.body)
            .map_err(|_| MiniProgramError::unknown("not an answer of the platform"))?;
        let errcode = said.errcode.unwrap_or(0);
        if errcode != 0 {
            let rid = said.errmsg.as_deref().and_then(rid).unwrap_or("-");
            tracing::info!(errcode, rid, "the platform said no");
        }
        Ok(errcode)
    }
}

/// The trace id at the end of an error's text. The text itself may hold what was sent, so nothing
/// else of it is kept.
fn rid(errmsg: &str) -> Option<&str> {
    let (_, rest) = errmsg.rsplit_once("rid: ")?;
    let rid = rest.trim();
    let is_id = |b: u8| b.is_ascii_hexdigit() || b == b'-';
    ((8..=40).contains(&rid.len()) && rid.bytes().all(is_id)).then_some(rid)
}

/// The content of a successful answer.
pub(super) fn content<T: DeserializeOwned>(answer: &Answer) -> Result<T, MiniProgramError> {
    match Said::read(answer)? {
        0 => serde_json::from_slice(&answer.body)
            .map_err(|_| MiniProgramError::unknown("the answer has an unknown form")),
        errcode => Err(meaning(errcode)),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("invalid code, rid: 613033ae-4a5a9224-3a2b9999", Some("613033ae-4a5a9224-3a2b9999"))]
    #[case(
        "invalid credential rid: 613033ae-4a5a9224-3a2b9999 ",
        Some("613033ae-4a5a9224-3a2b9999")
    )]
    #[case("argument invalid! data.thing1.value rid: 张三", None)]
    #[case("invalid code, hints: [ req_id: abc ]", None)]
    #[case("ok", None)]
    fn only_the_trace_id_of_a_text_is_kept(#[case] errmsg: &str, #[case] kept: Option<&str>) {
        assert_eq!(rid(errmsg), kept);
    }

    #[test]
    fn nothing_that_was_refused_is_repeated_by_itself() {
        for errcode in [40029, 40003, 40037, 41030, 47003, 45009, 40164, 48001, 99_999] {
            assert_eq!(meaning(errcode).retry_class(), RetryClass::Never, "{errcode}");
        }
        for errcode in [-1, 45011, 40001, 40014, 42001] {
            assert_eq!(meaning(errcode).retry_class(), RetryClass::Idempotent, "{errcode}");
        }
    }
}
