//! What the pay API said: a body whose signature was verified, or an error that is sorted by its status
//! and code alone. Messages for people are never parsed.

use reqwest::{StatusCode, header::HeaderMap};
use serde::{Deserialize, de::DeserializeOwned};

use super::sign::SignedHead;
use crate::{
    ChannelError, Refused,
    call::{Answer, plain_code},
};

/// The internal code that WeChat appends to `Request-ID` when a number is used again with other
/// parameters. The public code for this is `INVALID_REQUEST` or `PARAM_ERROR`, which mean many
/// other things too; the message is never parsed.
const PARAMETERS_CHANGED: &str = "268498688";

/// What the pay API said.
pub(super) enum Said {
    Done(Verified),
    Error(ErrorAnswer),
}

/// The body of a 2xx answer whose signature was verified. Nothing else makes one.
pub(super) struct Verified(Vec<u8>);

impl Verified {
    /// Reads the body. What is genuine and unreadable is still an unknown outcome.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, ChannelError> {
        serde_json::from_slice(&self.0)
            .map_err(|_| ChannelError::Unknown("the answer has an unknown form".into()))
    }
}

/// An answer outside 2xx.
pub(super) struct ErrorAnswer {
    status: StatusCode,
    /// As received, made plain; empty when the body is not WeChat's, or not proven to be.
    code: String,
    parameters_changed: bool,
}

/// What an answer says whose signature was checked.
pub(super) fn said(answer: &Answer) -> Result<Said, ChannelError> {
    match answer.status {
        StatusCode::OK | StatusCode::NO_CONTENT => Ok(Said::Done(Verified(answer.body.clone()))),
        other if other.is_success() => {
            Err(ChannelError::Unknown(format!("HTTP {}", other.as_u16())))
        }
        _ => Ok(Said::Error(ErrorAnswer::read(answer))),
    }
}

impl ErrorAnswer {
    pub(super) fn read(answer: &Answer) -> ErrorAnswer {
        #[derive(Deserialize)]
        struct Body {
            code: String,
        }
        // Whoever did not sign may say that it does not know us, and nothing about an order.
        let heard =
            answer.status == StatusCode::UNAUTHORIZED || !SignedHead::is_absent(&answer.headers);
        let body = serde_json::from_slice(&answer.body).ok().filter(|_| heard);
        ErrorAnswer {
            status: answer.status,
            code: body.map(|body: Body| plain_code(&body.code)).unwrap_or_default(),
            parameters_changed: internal_code(&answer.headers) == Some(PARAMETERS_CHANGED),
        }
    }

    /// The code without underscores: `ORDERPAID` and `ORDER_PAID` both float around.
    pub(super) fn is(&self, code: &str) -> bool {
        self.status != StatusCode::UNAUTHORIZED && normal(&self.code) == code
    }

    /// The code was given under this status.
    pub(super) fn is_not_found(&self) -> bool {
        let codes = ["ORDERNOTEXIST", "RESOURCENOTEXISTS", "NOTFOUND"];
        self.status == StatusCode::NOT_FOUND && codes.iter().any(|code| self.is(code))
    }

    /// What an error means wherever no call knows better.
    pub(super) fn into_error(self) -> ChannelError {
        let refused = ChannelError::Refused;
        match (self.status.as_u16(), normal(&self.code).as_str()) {
            (429, _)
            | (
                _,
                "FREQUENCYLIMITED" | "FREQUENCYLIMITEXCEED" | "RATELIMITEXCEEDED" | "RATELIMITED",
            ) => ChannelError::Busy,
            (401, "") => ChannelError::Misconfigured("HTTP 401".into()),
            (401, _) | (_, "SIGNERROR" | "NOAUTH" | "APPIDMCHIDNOTMATCH" | "MCHNOTEXISTS") => {
                ChannelError::Misconfigured(self.code)
            }
            // A person behind the id that is not the one the order was made for.
            (_, "OPENIDMISMATCH" | "ACCOUNTERROR" | "USERACCOUNTABNORMAL") => {
                refused(Refused::Payer)
            }
            (_, "INVALIDTRANSACTIONID") => refused(Refused::Other(self.code)),
            (_, "SYSTEMERROR" | "BANKERROR" | "SERVICEUNAVAILABLE" | "USERPAYING") => {
                ChannelError::Unknown(self.code)
            }
            (status, code) if !(400..500).contains(&status) || code.is_empty() => {
                ChannelError::Unknown(format!("HTTP {status}"))
            }
            (_, "ORDERPAID") => refused(Refused::AlreadyPaid),
            (_, "ORDERCLOSED") => refused(Refused::Closed),
            (_, "OUTTRADENOUSED") => refused(Refused::ParametersChanged),
            (_, "INVALIDREQUEST" | "PARAMERROR") if self.parameters_changed => {
                refused(Refused::ParametersChanged)
            }
            (_, "ORDERNOTEXIST" | "RESOURCENOTEXISTS" | "NOTFOUND") => refused(Refused::NotFound),
            (_, "RULELIMIT") => refused(Refused::Limit),
            (_, "NOTENOUGH") => refused(Refused::NotEnough),
            (_, _) => refused(Refused::Other(self.code)),
        }
    }
}

fn normal(code: &str) -> String {
    code.replace('_', "").to_ascii_uppercase()
}

/// `Request-ID` is an id, a hyphen and the internal code.
fn internal_code(headers: &HeaderMap) -> Option<&str> {
    Some(headers.get("request-id")?.to_str().ok()?.rsplit_once('-')?.1)
}

#[cfg(test)]
mod tests {
    use kernel::RetryClass::{self, Idempotent, Never, QueryFirst};
    use rstest::rstest;

    use super::*;

    fn judged(status: u16, code: &str, request_id: &str, body: Option<&str>) -> ChannelError {
        let mut headers = HeaderMap::new();
        headers.insert("request-id", request_id.parse().expect("a header"));
        // What the signature is worth was looked at before.
        headers.insert("wechatpay-serial", "5157F09E".parse().expect("a header"));
        let own = format!(r#"{{"code":"{code}","message":"请求重入时，参数与首次请求时不一致"}}"#);
        let body = body.unwrap_or(&own).as_bytes().to_vec();
        let status = StatusCode::from_u16(status).expect("a status");
        ErrorAnswer::read(&Answer { status, headers, body }).into_error()
    }

    #[rstest]
    #[case(400, "ORDERPAID", ChannelError::Refused(Refused::AlreadyPaid))]
    #[case(403, "ORDER_PAID", ChannelError::Refused(Refused::AlreadyPaid))]
    #[case(400, "ORDER_CLOSED", ChannelError::Refused(Refused::Closed))]
    #[case(400, "ORDERCLOSED", ChannelError::Refused(Refused::Closed))]
    #[case(403, "OUT_TRADE_NO_USED", ChannelError::Refused(Refused::ParametersChanged))]
    #[case(400, "INVALID_REQUEST", ChannelError::Refused(Refused::Other("INVALID_REQUEST".into())))]
    #[case(400, "PARAM_ERROR", ChannelError::Refused(Refused::Other("PARAM_ERROR".into())))]
    #[case(403, "RULELIMIT", ChannelError::Refused(Refused::Limit))]
    #[case(403, "NOT_ENOUGH", ChannelError::Refused(Refused::NotEnough))]
    #[case(403, "USER_ACCOUNT_ABNORMAL", ChannelError::Refused(Refused::Payer))]
    #[case(403, "ACCOUNT_ERROR", ChannelError::Refused(Refused::Payer))]
    #[case(500, "INVALID_TRANSACTIONID", ChannelError::Refused(Refused::Other("INVALID_TRANSACTIONID".into())))]
    #[case(500, "OPENID_MISMATCH", ChannelError::Refused(Refused::Payer))]
    #[case(404, "ORDERNOTEXIST", ChannelError::Refused(Refused::NotFound))]
    #[case(404, "MCH_NOT_EXISTS", ChannelError::Misconfigured("MCH_NOT_EXISTS".into()))]
    #[case(401, "SIGN_ERROR", ChannelError::Misconfigured("SIGN_ERROR".into()))]
    #[case(400, "APPID_MCHID_NOT_MATCH", ChannelError::Misconfigured("APPID_MCHID_NOT_MATCH".into()))]
    #[case(403, "NO_AUTH", ChannelError::Misconfigured("NO_AUTH".into()))]
    #[case(429, "FREQUENCY_LIMITED", ChannelError::Busy)]
    #[case(403, "RATELIMIT_EXCEEDED", ChannelError::Busy)]
    #[case(429, "", ChannelError::Busy)]
    #[case(500, "SYSTEM_ERROR", ChannelError::Unknown("SYSTEM_ERROR".into()))]
    #[case(500, "BANK_ERROR", ChannelError::Unknown("BANK_ERROR".into()))]
    #[case(503, "SOMETHING", ChannelError::Unknown("HTTP 503".into()))]
    #[case(302, "", ChannelError::Unknown("HTTP 302".into()))]
    #[case(404, "", ChannelError::Unknown("HTTP 404".into()))]
    #[case(403, "TRADE_ERROR", ChannelError::Refused(Refused::Other("TRADE_ERROR".into())))]
    fn errors_are_sorted_by_status_and_code(
        #[case] status: u16,
        #[case] code: &str,
        #[case] error: ChannelError,
    ) {
        assert_eq!(judged(status, code, "08F1-0", None), error);
    }

    /// Each code of WeChat's page of statuses and codes, in both spellings that float around.
    #[rstest]
    #[case(400, "PARAM_ERROR", Never)]
    #[case(400, "INVALID_REQUEST", Never)]
    #[case(400, "APPID_MCHID_NOT_MATCH", Never)]
    #[case(400, "MCH_NOT_EXISTS", Never)]
    #[case(404, "MCH_NOT_EXISTS", Never)]
    #[case(400, "ORDER_CLOSED", Never)]
    #[case(400, "ORDER_PAID", Never)]
    #[case(401, "SIGN_ERROR", Never)]
    #[case(403, "NO_AUTH", Never)]
    #[case(403, "ACCOUNT_ERROR", Never)]
    #[case(403, "NOT_ENOUGH", Never)]
    #[case(403, "OUT_TRADE_NO_USED", Never)]
    #[case(403, "RULE_LIMIT", Never)]
    #[case(403, "TRADE_ERROR", Never)]
    #[case(403, "USER_ACCOUNT_ABNORMAL", Never)]
    #[case(404, "ORDER_NOT_EXIST", Never)]
    #[case(404, "RESOURCE_NOT_EXISTS", Never)]
    #[case(404, "NOT_FOUND", Never)]
    #[case(429, "FREQUENCY_LIMITED", Idempotent)]
    #[case(429, "FREQUENCY_LIMIT_EXCEED", Idempotent)]
    #[case(429, "RATELIMIT_EXCEEDED", Idempotent)]
    #[case(429, "RATE_LIMITED", Idempotent)]
    #[case(500, "SYSTEM_ERROR", QueryFirst)]
    #[case(500, "BANK_ERROR", QueryFirst)]
    #[case(500, "INVALID_TRANSACTIONID", Never)]
    #[case(500, "OPENID_MISMATCH", Never)]
    #[case(202, "USER_PAYING", QueryFirst)]
    #[case(502, "SERVICE_UNAVAILABLE", QueryFirst)]
    #[case(503, "SERVICE_UNAVAILABLE", QueryFirst)]
    #[case(502, "", QueryFirst)]
    #[case(503, "", QueryFirst)]
    fn a_documented_code_has_a_retry_class(
        #[case] status: u16,
        #[case] code: &str,
        #[case] class: RetryClass,
    ) {
        for code in [code.to_owned(), code.replace('_', "")] {
            let error = judged(status, &code, "08F1-0", None);
            assert_eq!(error.retry_class(), class, "{status} {code}: {error}");
        }
    }

    #[rstest]
    #[case(400, "INVALID_REQUEST")]
    #[case(400, "PARAM_ERROR")]
    #[case(403, "OUT_TRADE_NO_USED")]
    fn all_three_ways_to_say_other_parameters_are_known(#[case] status: u16, #[case] code: &str) {
        let error = judged(status, code, "08F1A2-268498688", None);
        assert_eq!(error, ChannelError::Refused(Refused::ParametersChanged));
    }

    #[rstest]
    #[case(401, "SIGN_ERROR", ChannelError::Misconfigured("SIGN_ERROR".into()))]
    #[case(401, "ORDER_NOT_EXIST", ChannelError::Misconfigured("ORDER_NOT_EXIST".into()))]
    #[case(429, "ORDER_NOT_EXIST", ChannelError::Busy)]
    #[case(500, "OPENID_MISMATCH", ChannelError::Unknown("HTTP 500".into()))]
    #[case(503, "SERVICE_UNAVAILABLE", ChannelError::Unknown("HTTP 503".into()))]
    fn an_unsigned_error_never_speaks_of_an_order(
        #[case] status: u16,
        #[case] code: &str,
        #[case] error: ChannelError,
    ) {
        let status = StatusCode::from_u16(status).expect("a status");
        let body = format!(r#"{{"code":"{code}"}}"#).into_bytes();
        let answer = ErrorAnswer::read(&Answer { status, headers: HeaderMap::new(), body });
        assert!(!answer.is("ORDERNOTEXIST") && !answer.is_not_found());
        assert_eq!(answer.into_error(), error);
    }

    #[test]
    fn a_gateways_page_says_nothing() {
        let page = Some("<html><h1>502 Bad Gateway</h1></html>");
        assert_eq!(judged(502, "", "-", page), ChannelError::Unknown("HTTP 502".into()));
        assert_eq!(judged(400, "", "-", page), ChannelError::Unknown("HTTP 400".into()));
    }
}
