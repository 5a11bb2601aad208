//! Errors as people and programs get them: `application/problem+json` (RFC 9457) with a stable
//! `code`, a sentence that a person can act on in Chinese or English, the same read aloud, a hotline,
//! and the request's trace id. The sentences are in the message files of `wording`.
//!
//! A handler returns an [`ApiError`]; the outermost layer renders it, because only there the
//! language and the trace id are known. Answers that the framework makes by itself (no such route,
//! too large, too slow) are rendered there too, so that every error has one form.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use kernel::{Month, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tracing::Instrument;
use utoipa::ToSchema;
use wording::Language;

use crate::{language, words};

/// The name of the header that carries the trace id, in and out.
pub(crate) const TRACE_HEADER: &str = "x-trace-id";

/// An error on its way to a person.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    /// The phrase in the message files.
    phrase: Box<str>,
    /// What stands in the phrase's places.
    values: Vec<(&'static str, Filling)>,
    /// Who can be called about it, where that is not the phrase's own line.
    help: Option<Box<str>>,
    /// Further members of the problem, for programs.
    extra: Map<String, Value>,
    /// `Retry-After`, in seconds.
    wait: Option<u64>,
}

#[derive(Clone, Debug)]
enum Filling {
    /// The same in every language: a figure, a name.
    Value(String),
    /// A word of the message files.
    Term(String),
    Months(Vec<Month>),
    Moment(Timestamp),
    /// When something ends.
    Until(Timestamp),
}

/// What a person can do about something.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct NextStep {
    /// `call`, `choose`, `confirm`, `correct`, `log_in`, `look`, `pay`, `retry`, `start_again`, `update` or
    /// `wait`.
    pub(crate) action: String,
    pub(crate) text: String,
}

/// What went wrong, in the words for people.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Told {
    /// What happened.
    message: String,
    /// What happened and what to do.
    detail: String,
    /// The same as a voice reads it.
    speech: String,
    next_step: NextStep,
    /// Who can be called about it.
    help_line: String,
}

/// Builds an error from its code; the sentences are in the message files, at `problem.code`.
pub(crate) fn tell(status: StatusCode, code: &'static str) -> ApiError {
    let phrase = format!("problem.{code}").into();
    ApiError { status, code, phrase, values: Vec::new(), help: None, extra: Map::new(), wait: None }
}

/// Something is wrong on our side. The cause goes to the log, once, and nowhere else.
pub(crate) fn internal(cause: &dyn std::fmt::Display) -> ApiError {
    tracing::error!(%cause, "a request failed on our side");
    tell(StatusCode::INTERNAL_SERVER_ERROR, "internal")
}

/// The database does not answer. Nothing was changed; the same request works later.
pub(crate) fn storage_unavailable(cause: &dyn std::fmt::Display) -> ApiError {
    tracing::error!(%cause, "the database does not answer");
    tell(StatusCode::SERVICE_UNAVAILABLE, "storage_unavailable").with("retryable", json!(true))
}

/// The input is not what the route expects; `field` names the place, and `what` is its phrase in the
/// message files, at `invalid.what`.
pub(crate) fn invalid(field: impl Into<String>, what: &'static str) -> ApiError {
    tell(StatusCode::BAD_REQUEST, "invalid_request")
        .says("invalid", what)
        .with("field", json!(field.into()))
}

impl ApiError {
    /// Adds a member for programs.
    pub(crate) fn with(mut self, name: &str, value: Value) -> ApiError {
        self.extra.insert(name.to_owned(), value);
        self
    }

    /// When it may be tried again.
    pub(crate) fn retry_after(mut self, seconds: u64) -> ApiError {
        self.wait = Some(seconds);
        self.with("retryable", json!(true))
    }

    pub(crate) const fn seconds_to_wait(&self) -> Option<u64> {
        self.wait
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    /// What exactly was wrong, for the programmer of a client: English, and no sentence for people.
    pub(crate) fn because(self, reason: impl std::fmt::Display) -> ApiError {
        let reason = reason.to_string();
        self.with("reason", json!(reason))
    }

    /// Another phrase than the code's own.
    pub(crate) fn says(mut self, section: &'static str, name: &'static str) -> ApiError {
        self.phrase = format!("{section}.{name}").into();
        self
    }

    /// Fills the place `{name}` of the phrase.
    pub(crate) fn value(mut self, name: &'static str, value: impl std::fmt::Display) -> ApiError {
        self.values.push((name, Filling::Value(value.to_string())));
        self
    }

    pub(crate) fn month(self, name: &'static str, month: Month) -> ApiError {
        self.months(name, vec![month])
    }

    pub(crate) fn months(mut self, name: &'static str, months: Vec<Month>) -> ApiError {
        self.values.push((name, Filling::Months(months)));
        self
    }

    pub(crate) fn moment(mut self, name: &'static str, at: Timestamp) -> ApiError {
        self.values.push((name, Filling::Moment(at)));
        self
    }

    /// Fills the place `{name}` with when something ends.
    pub(crate) fn until(mut self, name: &'static str, end: Timestamp) -> ApiError {
        self.values.push((name, Filling::Until(end)));
        self
    }

    /// Who can be called, where somebody nearer than the phrase's own line is known.
    pub(crate) fn helped(mut self, line: Option<String>) -> ApiError {
        self.help = line.map(Into::into).or(self.help);
        self
    }

    /// Fills the place `{name}` with a word of the message files, such as `insurance.pension`.
    pub(crate) fn term(mut self, name: &'static str, key: impl Into<String>) -> ApiError {
        self.values.push((name, Filling::Term(key.into())));
        self
    }

    pub(crate) const fn code(&self) -> &'static str {
        self.code
    }

    /// What happened and what to do.
    pub(crate) fn sentence(&self, language: Language) -> String {
        self.told(language).detail
    }

    /// Everything that a person reads or hears of it.
    pub(crate) fn told(&self, language: Language) -> Told {
        let spoken = self.spoken(language);
        let help_line = self.help.as_deref().unwrap_or(spoken.help_line).to_owned();
        let mut values = self.filled_in(language);
        values.push(("help", help_line.clone()));
        let detail = wording::filled(&spoken.whole(language), &values);
        Told {
            message: wording::filled(spoken.message, &values),
            speech: wording::aloud(language, &detail),
            detail,
            next_step: NextStep {
                action: spoken.action.to_owned(),
                text: wording::filled(spoken.next, &values),
            },
            help_line,
        }
    }

    /// A code without a phrase is told as our own mistake; a test excludes it.
    fn spoken(&self, language: Language) -> wording::Phrase {
        wording::phrase(language, &self.phrase)
            .or_else(|| wording::phrase(language, "problem.internal"))
            .unwrap_or_default()
    }

    fn filled_in(&self, language: Language) -> Vec<(&'static str, String)> {
        let text = |filling: &Filling| match filling {
            Filling::Value(value) => value.clone(),
            Filling::Term(key) => wording::term(language, key),
            Filling::Months(months) => words::months(language, months),
            Filling::Moment(at) => words::moment(language, *at),
            Filling::Until(end) => words::until(language, *end),
        };
        self.values.iter().map(|(name, filling)| (*name, text(filling))).collect()
    }

    fn render(&self, language: Language, trace_id: &str) -> Response {
        let mut problem = self.extra.clone();
        problem.insert("type".into(), json!(format!("urn:city-services:problem:{}", self.code)));
        problem.insert("title".into(), json!(self.status.canonical_reason().unwrap_or("Error")));
        problem.insert("status".into(), json!(self.status.as_u16()));
        if let Value::Object(told) = json!(self.told(language)) {
            problem.extend(told);
        }
        problem.insert("code".into(), json!(self.code));
        problem.insert("trace_id".into(), json!(trace_id));
        let headers = [
            (header::CONTENT_TYPE, "application/problem+json"),
            (header::CONTENT_LANGUAGE, language.tag()),
            (header::CACHE_CONTROL, "no-store"),
        ];
        let mut response =
            (self.status, headers, Value::Object(problem).to_string()).into_response();
        if let Some(seconds) = self.wait {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// What the framework's own error answers mean.
fn of_status(status: StatusCode) -> ApiError {
    let code = match status {
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        StatusCode::GATEWAY_TIMEOUT | StatusCode::REQUEST_TIMEOUT => "timed_out",
        status if status.is_client_error() => "invalid_request",
        _ => return internal(&status),
    };
    tell(status, code)
}

/// The outermost layer: gives each request a trace id and a span, and renders errors.
pub(crate) async fn render_problems(
    make_trace_id: std::sync::Arc<dyn kernel::Entropy>,
    request: Request,
    next: Next,
) -> Response {
    let trace_id = accepted_trace_id(&request).unwrap_or_else(|| make_trace_id.hex(16));
    let language = language::of(request.headers());
    let route = request
        .extensions()
        .get::<axum::extract::MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let span =
        tracing::info_span!("request", trace.id = %trace_id, method = %request.method(), route);
    async move {
        let started = std::time::Instant::now();
        let response = next.run(request).await;
        let problem = match response.extensions().get::<ApiError>() {
            Some(error) => Some(error.clone()),
            None if is_bare_error(&response) => Some(of_status(response.status())),
            None => None,
        };
        let code = problem.as_ref().map_or("", |problem| problem.code);
        tracing::info!(
            status = response.status().as_u16(),
            code,
            duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "answered"
        );
        let mut response = match problem {
            Some(problem) => problem.render(language, &trace_id),
            None => response,
        };
        if let Ok(value) = HeaderValue::from_str(&trace_id) {
            response.headers_mut().insert(TRACE_HEADER, value);
        }
        response
    }
    .instrument(span)
    .await
}

/// An error without a body of its own kind: made by the framework or a layer.
fn is_bare_error(response: &Response<Body>) -> bool {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    (status.is_client_error() || status.is_server_error())
        && kind
            .is_none_or(|kind| !kind.starts_with("application/") && !kind.starts_with("text/html"))
}

/// A caller's own trace id is taken over when it is harmless to print.
fn accepted_trace_id(request: &Request) -> Option<String> {
    let text = request.headers().get(TRACE_HEADER)?.to_str().ok()?;
    let harmless = (8..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    harmless.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    /// All that this room's code says: `section.name` for every `tell`, `invalid`, `no` and `says`.
    fn said_in_the_code() -> BTreeSet<String> {
        let mut said = BTreeSet::new();
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("the source") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    said.extend(said_in(&fs::read_to_string(path).expect("a source file")));
                }
            }
        }
        said
    }

    fn said_in(source: &str) -> Vec<String> {
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        let code: String = code.split_whitespace().collect();
        let literal =
            |text: &str| text.strip_prefix('"')?.split_once('"').map(|(word, _)| word.to_owned());
        // The first argument may be a literal with a comma inside.
        let second = |text: &str| {
            let rest =
                text.strip_prefix('"').map_or(Some(text), |text| Some(text.split_once('"')?.1));
            literal(rest?.split_once(',')?.1)
        };
        let mut said = Vec::new();
        let mut all = |start: &str, section: &str, read: &dyn Fn(&str) -> Option<String>| {
            let calls = code.split(start).skip(1).filter_map(read);
            said.extend(calls.map(|name| format!("{section}.{name}")));
        };
        all("tell(StatusCode::", "problem", &second);
        all("=>(StatusCode::", "problem", &second);
        let quote = |text: &str| literal(text.strip_prefix('(')?);
        for start in ["=no", ">no", "{no", ";no"] {
            all(start, "problem", &quote);
        }
        all("invalid(", "invalid", &second);
        all(".says(\"problem\",", "problem", &literal);
        said
    }

    #[test]
    fn every_code_has_its_sentences() {
        let said = said_in_the_code();
        assert!(said.len() > 60, "only {} codes were found in the code", said.len());
        for key in said {
            assert!(wording::phrase(Language::Chinese, &key).is_some(), "nothing is said at {key}");
        }
    }

    #[test]
    fn every_sentence_is_used() {
        let said = said_in_the_code();
        let by_status = ["not_found", "method_not_allowed", "timed_out"];
        for name in wording::phrases("problem") {
            let used = said.contains(&format!("problem.{name}")) || by_status.contains(&name);
            assert!(used, "problem.{name} is never said");
        }
        for name in wording::phrases("invalid") {
            assert!(said.contains(&format!("invalid.{name}")), "invalid.{name} is never said");
        }
    }

    #[test]
    fn whoever_is_nearer_is_called() {
        let problem = tell(StatusCode::NOT_FOUND, "not_enrolled");
        let told = problem.told(Language::Chinese);
        assert!(told.detail.ends_with("咨询电话 12333。"), "{}", told.detail);
        let told = problem.helped(Some("0510-12393".to_owned())).told(Language::Chinese);
        assert_eq!(told.help_line, "0510-12393");
        assert!(told.detail.ends_with("咨询电话 0510-12393。"), "{}", told.detail);
        assert!(told.speech.ends_with("咨询电话零五幺零幺二三九三。"), "{}", told.speech);
    }

    #[test]
    fn a_problem_is_told_in_both_languages_with_its_values() {
        let problem = tell(StatusCode::CONFLICT, "above_limit").value("max", "50000.00");
        assert_eq!(
            problem.sentence(Language::Chinese),
            "单笔订单不能超过 50000.00 元。请减少月数,分次缴费;一笔账单就超过的,请拨打 12366 咨询其他缴费渠道。"
        );
        assert_eq!(
            problem.sentence(Language::English),
            "One order may be at most 50000.00 yuan. Please choose fewer months and pay in parts. If a single bill is above it, call 12366 and ask for other ways to pay."
        );
    }
}
