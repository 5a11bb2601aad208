//! The mini-program's side of HTTP, with every exchange printed in short form.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use super::{Failure, brief::brief};
use crate::cli::say;

/// Speaks to the service and to the mock's control API.
pub(super) struct Client {
    http: reqwest::Client,
    base_url: String,
    control_url: String,
    token: Option<String>,
}

impl Client {
    pub(super) fn new(base_url: &str, control_url: &str) -> Result<Client, Failure> {
        let http =
            reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build()?;
        let (base_url, control_url) = (base_url.to_owned(), control_url.to_owned());
        Ok(Client { http, base_url, control_url, token: None })
    }

    pub(super) fn log_in(&mut self, token: &str) {
        self.token = Some(token.to_owned());
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.call(Method::GET, path, None, &[]).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Result<Value, Failure> {
        self.call(Method::POST, path, Some(body), &[]).await
    }

    pub(super) async fn post_once(
        &self,
        path: &str,
        body: Value,
        key: &str,
    ) -> Result<Value, Failure> {
        self.call(Method::POST, path, Some(body), &[("Idempotency-Key", key)]).await
    }

    /// As [`Client::get`], without printing: for waiting.
    pub(super) async fn look(&self, path: &str) -> Result<Value, Failure> {
        let (status, answer) =
            self.exchange(Method::GET, format!("{}{path}", self.base_url), None, &[]).await?;
        succeeded(path, status, answer)
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Result<Value, Failure> {
        let sent = body.as_ref().map(brief).unwrap_or_default();
        let url = format!("{}{path}", self.base_url);
        let (status, answer) = self.exchange(method.clone(), url, body, headers).await?;
        say(format!("    {method} {path} {sent}").trim_end());
        say(format!("    → {status} {}", brief(&answer)));
        succeeded(path, status, answer)
    }

    /// The mock's control API: what the platform or its user does.
    pub(super) async fn control(&self, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let url = format!("{}{path}", self.control_url.trim_end_matches('/'));
        let (status, answer) = self.exchange(method, url, body, &[]).await?;
        succeeded(path, status, answer)
    }

    async fn exchange(
        &self,
        method: Method,
        url: String,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Result<(u16, Value), Failure> {
        let mut request = self.http.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }
}

fn succeeded(path: &str, status: u16, answer: Value) -> Result<Value, Failure> {
    if (200..300).contains(&status) {
        Ok(answer)
    } else {
        Err(format!("{path} answered {status}: {answer}").into())
    }
}
