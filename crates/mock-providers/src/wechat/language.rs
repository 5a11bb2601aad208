//! In which language WeChat Pay explains an error (`Accept-Language`, wechat §1.2). Codes and pointers are
//! the same in each; only `message` changes, which nobody may parse.

use axum::{
    body::Bytes,
    http::{HeaderMap, StatusCode, header},
};
use serde_json::{Value, json};

use super::answer::Refusal;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Language {
    /// Also for those who ask for traditional characters, which the mock does not write.
    #[default]
    Chinese,
    English,
}

/// What each code means. `SIGN_ERROR` has many causes; the text names what to look at.
const ENGLISH: &[(&str, &str)] = &[
    ("PARAM_ERROR", "Parameter error"),
    ("INVALID_REQUEST", "The request is well-formed and not allowed by the rules of the business"),
    (
        "SIGN_ERROR",
        "Signature error: check the merchant's key, the serial of its certificate, the time stamp and the signed text",
    ),
    ("APPID_MCHID_NOT_MATCH", "The appid is not bound to the mchid"),
    ("MCH_NOT_EXISTS", "The merchant does not exist"),
    ("ORDERPAID", "The order is paid already"),
    ("ORDER_PAID", "The order is paid already"),
    ("ORDER_CLOSED", "The order is closed; create another one"),
    ("ORDER_NOT_EXIST", "The order does not exist"),
    ("OUT_TRADE_NO_USED", "The out_trade_no is used already"),
    ("RESOURCE_NOT_EXISTS", "What was asked for does not exist"),
    ("NO_AUTH", "The merchant has no permission"),
    ("ACCOUNT_ERROR", "The account is in trouble"),
    ("NOT_ENOUGH", "The balance is too low"),
    ("RULE_LIMIT", "A rule limits it"),
    ("TRADE_ERROR", "The trade failed"),
    ("USER_ACCOUNT_ABNORMAL", "The user's account is closed or in trouble"),
    ("FREQUENCY_LIMITED", "Too many requests; try again later"),
    ("RATELIMIT_EXCEEDED", "Too many requests; try again later"),
    ("RATE_LIMITED", "Too many requests; try again later"),
    ("NO_STATEMENT_EXIST", "There is no such statement"),
    ("STATEMENT_CREATING", "The statement is being made"),
    ("SYSTEM_ERROR", "System error; try again later"),
    ("BANK_ERROR", "The bank is in trouble"),
    ("INVALID_TRANSACTIONID", "The transaction_id is invalid"),
    ("OPENID_MISMATCH", "The openid does not belong to the appid"),
    ("SERVICE_UNAVAILABLE", "The service is unavailable"),
];

impl Language {
    /// The first language of the header that is spoken.
    pub fn asked(headers: &HeaderMap) -> Language {
        let asked = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let mut tags = asked.unwrap_or_default().split(',').map(|tag| {
            tag.split([';', '-']).next().unwrap_or_default().trim().to_ascii_lowercase()
        });
        match tags.find(|tag| tag == "en" || tag == "zh").as_deref() {
            Some("en") => Language::English,
            _ => Language::Chinese,
        }
    }

    /// What `Content-Language` says.
    pub const fn code(self) -> &'static str {
        match self {
            Language::Chinese => "zh-CN",
            Language::English => "en",
        }
    }

    /// The body of an error in this language; any other body as it is.
    pub fn told(self, body: Bytes, status: StatusCode) -> Bytes {
        if self == Language::Chinese || status.is_success() {
            return body;
        }
        let Ok(mut error) = serde_json::from_slice::<Value>(&body) else { return body };
        let code = error["code"].as_str().unwrap_or_default();
        let message = english(code, error["detail"]["field"].as_str());
        error["message"] = json!(message);
        Bytes::from(error.to_string())
    }
}

fn english(code: &str, field: Option<&str>) -> String {
    let known = ENGLISH.iter().find(|(known, _)| *known == code);
    let text = known.map_or("The request was refused", |(_, text)| text);
    match field.filter(|_| code == "PARAM_ERROR") {
        Some(field) => format!("{text}: {field}"),
        None => text.to_owned(),
    }
}

impl Refusal {
    /// The refusal with its message in this language.
    pub fn told_in(self, language: Language) -> Refusal {
        if language == Language::Chinese {
            return self;
        }
        let field = self.detail.as_ref().and_then(|detail| detail["field"].as_str());
        Refusal { message: english(self.code, field), ..self }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("en", Language::English)]
    #[case("en-GB,en;q=0.9", Language::English)]
    #[case("fr, en;q=0.5", Language::English)]
    #[case("zh-CN,en;q=0.5", Language::Chinese)]
    #[case("zh-HK", Language::Chinese)]
    #[case("", Language::Chinese)]
    fn the_first_language_that_is_spoken_is_taken(#[case] asked: &str, #[case] is: Language) {
        let mut headers = HeaderMap::new();
        headers.insert("accept-language", asked.parse().unwrap());
        assert_eq!(Language::asked(&headers), is);
        assert_eq!(Language::asked(&HeaderMap::new()), Language::Chinese);
    }

    #[test]
    fn every_refusal_that_can_be_ordered_has_english() {
        for (code, ..) in crate::refusals::wechat_pay() {
            assert!(ENGLISH.iter().any(|(known, _)| *known == code), "{code}");
        }
    }
}
