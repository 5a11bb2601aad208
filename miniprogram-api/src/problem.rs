//! Errors as people and programs get them: `application/problem+json` (RFC 9457) with a stable
//! `code`, a sentence that a person can act on in Chinese or English, and the request's trace id.
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
use serde_json::{Map, Value, json};
use tracing::Instrument;

use crate::language::Language;

/// The name of the header that carries the trace id, in and out.
pub(crate) const TRACE_HEADER: &str = "x-trace-id";

/// An error on its way to a person.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    chinese: String,
    english: String,
    /// Further members of the problem, for programs.
    extra: Map<String, Value>,
}

/// Builds an error from its parts: what it is, and what to do.
pub(crate) fn tell(
    status: StatusCode,
    code: &'static str,
    chinese: impl Into<String>,
    english: impl Into<String>,
) -> ApiError {
    ApiError { status, code, chinese: chinese.into(), english: english.into(), extra: Map::new() }
}

/// Something is wrong on our side. The cause goes to the log, once, and nowhere else.
pub(crate) fn internal(cause: &dyn std::fmt::Display) -> ApiError {
    tracing::error!(%cause, "a request failed on our side");
    tell(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "系统出了点问题,请稍后再试。如果刚刚付过款,请不要重复支付,可在缴费记录中查看结果。",
        "Something went wrong on our side. Please try again later. If you have just paid, do not pay again: the result will be in your records.",
    )
}

/// The database does not answer. Nothing was changed; the same request works later.
pub(crate) fn storage_unavailable(cause: &dyn std::fmt::Display) -> ApiError {
    tracing::error!(%cause, "the database does not answer");
    tell(
        StatusCode::SERVICE_UNAVAILABLE,
        "storage_unavailable",
        "系统繁忙,请稍后再试。如果刚刚付过款,款项已由支付平台记录,请不要重复支付。",
        "The system is busy. Please try again later. If you have just paid, the platform has it on record: do not pay again.",
    )
    .with("retryable", json!(true))
}

/// The input is not what the route expects; `what` names the place.
pub(crate) fn invalid(
    what: impl Into<String>,
    chinese: impl Into<String>,
    english: impl Into<String>,
) -> ApiError {
    tell(StatusCode::BAD_REQUEST, "invalid_request", chinese, english)
        .with("field", json!(what.into()))
}

impl ApiError {
    /// Adds a member for programs.
    pub(crate) fn with(mut self, name: &str, value: Value) -> ApiError {
        self.extra.insert(name.to_owned(), value);
        self
    }

    pub(crate) const fn code(&self) -> &'static str {
        self.code
    }

    pub(crate) fn sentence(&self, language: Language) -> &str {
        match language {
            Language::Chinese => &self.chinese,
            Language::English => &self.english,
        }
    }

    fn render(&self, language: Language, trace_id: &str) -> Response {
        let mut problem = self.extra.clone();
        problem.insert("type".into(), json!(format!("urn:city-services:problem:{}", self.code)));
        problem.insert("title".into(), json!(self.status.canonical_reason().unwrap_or("Error")));
        problem.insert("status".into(), json!(self.status.as_u16()));
        problem.insert("detail".into(), json!(self.sentence(language)));
        problem.insert("code".into(), json!(self.code));
        problem.insert("trace_id".into(), json!(trace_id));
        let headers = [
            (header::CONTENT_TYPE, "application/problem+json"),
            (header::CONTENT_LANGUAGE, language.tag()),
            (header::CACHE_CONTROL, "no-store"),
        ];
        (self.status, headers, Value::Object(problem).to_string()).into_response()
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
    let (code, chinese, english) = match status {
        StatusCode::NOT_FOUND => {
            ("not_found", "没有这个地址。", "There is nothing at this address.")
        }
        StatusCode::METHOD_NOT_ALLOWED => (
            "method_not_allowed",
            "该地址不支持这种请求方法。",
            "This address does not take this method.",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => {
            ("too_large", "提交的内容太大。", "The request is too large.")
        }
        StatusCode::GATEWAY_TIMEOUT | StatusCode::REQUEST_TIMEOUT => (
            "timed_out",
            "处理超时,请稍后查看结果,请勿重复支付。",
            "This took too long. Please look at the result later and do not pay twice.",
        ),
        status if status.is_client_error() => {
            ("invalid_request", "请求内容不正确。", "The request is not valid.")
        }
        _ => return internal(&status),
    };
    tell(status, code, chinese, english)
}

/// The outermost layer: gives each request a trace id and a span, and renders errors.
pub(crate) async fn render_problems(
    make_trace_id: std::sync::Arc<dyn kernel::Entropy>,
    request: Request,
    next: Next,
) -> Response {
    let trace_id = accepted_trace_id(&request).unwrap_or_else(|| make_trace_id.hex(16));
    let language = Language::of(request.headers());
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
        && kind.is_none_or(|kind| !kind.starts_with("application/"))
}

/// A caller's own trace id is taken over when it is harmless to print.
fn accepted_trace_id(request: &Request) -> Option<String> {
    let text = request.headers().get(TRACE_HEADER)?.to_str().ok()?;
    let harmless = (8..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    harmless.then(|| text.to_owned())
}
