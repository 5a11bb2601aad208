//! The way from the page to the service. The page speaks to one origin only; what it says to `/phone/api/…` goes
//! to the service's `/api/…`, and `/phone/api/openapi.json` to its `/openapi.json`.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    extract::{OriginalUri, State},
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use reqwest::{Client, redirect};
use serde_json::json;
use url::Url;

/// What the page says is at most what the service reads.
const REQUEST_BYTES_MAX: usize = 64 * 1024;
/// Far above the largest answer, a printable list as PDF.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// A service on this machine accepts at once or is not there.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(3);
/// Above the service's own limit of 30 s, so that its own sentence arrives.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(35);

/// What of a request the service may see, and what of an answer the page.
const REQUEST_HEADERS: &[&str] = &[
    "accept",
    "accept-language",
    "authorization",
    "content-type",
    "if-none-match",
    "idempotency-key",
    "x-trace-id",
];
const ANSWER_HEADERS: &[&str] = &[
    "content-type",
    "content-language",
    "content-disposition",
    "cache-control",
    "etag",
    "retry-after",
    "x-trace-id",
];

/// The service and the client that asks it.
#[derive(Clone)]
pub(super) struct Service {
    client: Client,
    base_url: Arc<str>,
}

impl Service {
    pub(super) fn new(base_url: &str) -> Result<Service, reqwest::Error> {
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIME_MAX)
            .timeout(ANSWER_TIME_MAX)
            .build()?;
        Ok(Service { client, base_url: base_url.into() })
    }

    pub(super) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// Where a path of the page leads; `None`: not to the service's API.
    fn target(&self, path_and_query: &str) -> Option<Url> {
        let path = path_and_query.strip_prefix("/phone")?;
        if path == "/api/openapi.json" {
            return Url::parse(&self.address("/openapi.json")).ok();
        }
        // Parsing resolves dots, plain and encoded; what then lies elsewhere is refused.
        Url::parse(&self.address(path)).ok().filter(|url| url.path().starts_with("/api/"))
    }
}

/// Passes a request of the page on and the answer back.
pub(super) async fn pass_on(
    State(service): State<Service>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Response {
    let english = headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|text| text.trim_start().starts_with("en"));
    let Some(target) = uri.path_and_query().and_then(|path| service.target(path.as_str())) else {
        return super::not_found();
    };
    let Ok(body) = body else { return Trouble::TooLarge.told(english) };
    if body.len() > REQUEST_BYTES_MAX {
        return Trouble::TooLarge.told(english);
    }
    let mut request = service.client.request(method, target).body(body);
    for name in REQUEST_HEADERS {
        if let Some(value) = headers.get(*name) {
            request = request.header(*name, value);
        }
    }
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(cause) if cause.is_timeout() && !cause.is_connect() => {
            return Trouble::TooSlow.told(english);
        }
        Err(cause) => {
            tracing::debug!(%cause, "the service does not answer the phone page");
            return Trouble::Away.told(english);
        }
    };
    match whole(answer).await {
        Ok(response) => response,
        Err(trouble) => trouble.told(english),
    }
}

async fn whole(mut answer: reqwest::Response) -> Result<Response, Trouble> {
    let mut content = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|_| Trouble::TooSlow)? {
        if content.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(Trouble::AnswerTooLarge);
        }
        content.extend_from_slice(&chunk);
    }
    let mut response = (answer.status(), content).into_response();
    response.headers_mut().remove(header::CONTENT_TYPE);
    for name in ANSWER_HEADERS {
        if let Some(value) = answer.headers().get(*name) {
            response.headers_mut().insert(HeaderName::from_static(name), value.clone());
        }
    }
    Ok(response)
}

/// Why there is no answer of the service to pass back.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    Away,
    TooSlow,
    TooLarge,
    AnswerTooLarge,
}

impl Trouble {
    /// In the service's own form, so that the page shows it like any other error.
    fn told(self, english: bool) -> Response {
        let (status, code, chinese, next_chinese, message, next) = match self {
            Trouble::Away => (
                StatusCode::BAD_GATEWAY,
                "service_away",
                "服务暂时连接不上。",
                "请稍后再试。如果刚刚付过款，请勿重复支付，可稍后在缴费记录中查看结果。",
                "The service cannot be reached.",
                "Try again later. If you have just paid, do not pay again; your records will show the result.",
            ),
            Trouble::TooSlow => (
                StatusCode::GATEWAY_TIMEOUT,
                "timed_out",
                "服务没有及时答复。",
                "请稍后在缴费记录中查看结果，请勿重复支付。",
                "The service did not answer in time.",
                "Look at your records in a moment, and do not pay twice.",
            ),
            Trouble::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                "提交的内容太大。",
                "请减少内容后再试。",
                "The request is too large.",
                "Send less.",
            ),
            Trouble::AnswerTooLarge => (
                StatusCode::BAD_GATEWAY,
                "answer_too_large",
                "服务的答复太大。",
                "请缩小查询范围后再试。",
                "The service's answer is too large.",
                "Ask for less.",
            ),
        };
        let (message, next) = if english { (message, next) } else { (chinese, next_chinese) };
        // No citizen starts services; whoever tries the page out does.
        let for_developers = matches!(self, Trouble::Away).then_some(match english {
            true => "Demo: start it with city-services serve --config DIR/city-services.toml.",
            false => "演示：请启动 city-services serve --config 模拟目录/city-services.toml。",
        });
        let problem = json!({
            "type": format!("urn:city-services:problem:{code}"),
            "status": status.as_u16(),
            "code": code,
            "message": message,
            "next_step": next,
            "for_developers": for_developers,
            "detail": format!("{message}{next}"),
        });
        let headers = [(header::CONTENT_TYPE, "application/problem+json")];
        (status, headers, problem.to_string()).into_response()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/phone/api/v1/cities?limit=1", Some("http://127.0.0.1:8080/api/v1/cities?limit=1"))]
    #[case("/phone/api/openapi.json", Some("http://127.0.0.1:8080/openapi.json"))]
    #[case("/phone/api/../metrics", None)]
    #[case("/phone/api/%2e%2e/metrics", None)]
    #[case("/phone/api/v1/../../callbacks/wechat", None)]
    #[case("/phone/api/@evil.example/", Some("http://127.0.0.1:8080/api/@evil.example/"))]
    #[case("/api/v1/cities", None)]
    fn only_the_api_is_reached(#[case] asked: &str, #[case] target: Option<&str>) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let service = Service::new("http://127.0.0.1:8080").unwrap();
        assert_eq!(service.target(asked).map(String::from).as_deref(), target);
    }
}
