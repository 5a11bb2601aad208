//! One outgoing call: time limit, size limit, metric and log line, the same for both platforms.
//!
//! Promised: a call ends within [`CALL_TIME_MAX`]; an answer is read up to [`ANSWER_BYTES_MAX`];
//! redirects are not followed; "not sent" is said only when no connection came about. URLs never
//! reach a log or an error, because one of them carries a secret. A file (a statement) is the one
//! exception from time and size: it is handed on as it comes, and its reader sets the limits. Deliberately absent: retries
//! (the caller owns them) and decompression (a signature covers the bytes as they are, and a small
//! answer must not become a large one).

use std::{fmt, sync::Arc, time::Duration};

use kernel::{Channel, Clock};
use reqwest::{RequestBuilder, StatusCode, header::HeaderMap};
use rustls::{ClientConfig, RootCertStore, crypto::ring::default_provider};
use url::Url;

use crate::{CALL_TIME_MAX, ChannelError, LoginError, SetupError, setup::is_loopback};

/// The largest answer that is read. The platforms' answers have a few kilobytes.
pub(crate) const ANSWER_BYTES_MAX: usize = 1024 * 1024;

const CONNECT_TIME_MAX: Duration = Duration::from_secs(3);

/// A complete answer, not yet believed.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// No connection came about.
    NotSent,
    /// The request may have arrived.
    Unknown(&'static str),
}

impl From<Unanswered> for ChannelError {
    fn from(unanswered: Unanswered) -> ChannelError {
        match unanswered {
            Unanswered::NotSent => ChannelError::NotSent,
            Unanswered::Unknown(why) => ChannelError::Unknown(why.into()),
        }
    }
}

impl From<Unanswered> for LoginError {
    fn from(unanswered: Unanswered) -> LoginError {
        match unanswered {
            Unanswered::NotSent | Unanswered::Unknown(_) => LoginError::Unknown,
        }
    }
}

/// What the metric and the log say about a failed call.
pub(crate) trait Failure: From<Unanswered> + fmt::Display {
    fn code(&self) -> &'static str;
}

impl Failure for ChannelError {
    fn code(&self) -> &'static str {
        ChannelError::code(self)
    }
}

impl Failure for LoginError {
    fn code(&self) -> &'static str {
        LoginError::code(self)
    }
}

/// Calls one platform.
#[derive(Clone)]
pub(crate) struct Caller {
    client: reqwest::Client,
    channel: Channel,
    clock: Arc<dyn Clock>,
    time_max: Duration,
}

impl Caller {
    /// A caller of the host of `url`.
    pub(crate) fn new(
        channel: Channel,
        url: &Url,
        clock: Arc<dyn Clock>,
    ) -> Result<Caller, SetupError> {
        let setting = || format!("{channel} HTTP client");
        // Provider and roots are named here, so that building a client depends neither on what the
        // process installed before nor on certificates that a small container image lacks.
        let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| SetupError::new(setting(), "TLS is not available"))?;
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = tls.with_root_certificates(roots).with_no_client_auth();
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .http1_only()
            .connect_timeout(CONNECT_TIME_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .no_gzip()
            .referer(false)
            .user_agent(concat!("city-services/", env!("CARGO_PKG_VERSION")));
        if is_loopback(url) {
            // A forward proxy from the environment must not see what stays on this machine.
            builder = builder.no_proxy();
        }
        let client = builder.build();
        let client = client.map_err(|_| SetupError::new(setting(), "cannot be built"))?;
        Ok(Caller { client, channel, clock, time_max: CALL_TIME_MAX })
    }

    #[cfg(test)]
    pub(crate) fn impatient(mut self) -> Caller {
        self.time_max = Duration::from_millis(300);
        self
    }

    pub(crate) const fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Sends `request`, lets `judge` read the answer, and records how it went. `id_header` is
    /// where the platform names the exchange; its support asks for that name.
    pub(crate) async fn call<T, E: Failure>(
        &self,
        operation: &'static str,
        id_header: &'static str,
        request: RequestBuilder,
        judge: impl FnOnce(&Answer) -> Result<T, E>,
    ) -> Result<T, E> {
        let start = self.clock.now();
        let answer = self.answer(request).await;
        let (result, exchange) = match &answer {
            Ok(answer) => (judge(answer), exchange_id(&answer.headers, id_header)),
            Err(unanswered) => (Err(E::from(*unanswered)), "-"),
        };
        self.note(operation, exchange, start, &result);
        result
    }

    /// Sends `request` and hands the body of a 200 on, chunk by chunk, however long it is; any other
    /// answer is read whole. `time_max` is for all of it.
    pub(crate) async fn fetch(
        &self,
        operation: &'static str,
        id_header: &'static str,
        request: RequestBuilder,
        time_max: Duration,
        sink: &mut (dyn FnMut(&[u8]) -> Result<(), ChannelError> + Send),
    ) -> Result<(), ChannelError> {
        let start = self.clock.now();
        let mut id = "-".to_owned();
        let result = async {
            let request = request.timeout(time_max);
            let mut response = request.send().await.map_err(unanswered)?;
            exchange_id(response.headers(), id_header).clone_into(&mut id);
            if response.status() != StatusCode::OK {
                let status = response.status().as_u16();
                return Err(ChannelError::Unknown(format!("HTTP {status}")));
            }
            while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
                sink(&chunk)?;
            }
            Ok(())
        }
        .await;
        self.note(operation, &id, start, &result);
        result
    }

    /// The metric and the log line.
    fn note<T, E: Failure>(
        &self,
        operation: &'static str,
        exchange: &str,
        start: kernel::Timestamp,
        result: &Result<T, E>,
    ) {
        let duration = self.clock.now().since(start);
        let outcome = result.as_ref().map_or_else(Failure::code, |_| "ok");
        let labels =
            [("channel", self.channel.code()), ("operation", operation), ("outcome", outcome)];
        metrics::counter!("channel_calls", &labels).increment(1);
        metrics::histogram!("channel_call_seconds", &labels).record(duration.as_secs_f64());
        let (channel, duration_ms) = (self.channel.code(), duration.as_millis());
        match result {
            Ok(_) => tracing::debug!(channel, operation, outcome, exchange, duration_ms, "called"),
            Err(error) => {
                tracing::warn!(channel, operation, outcome, exchange, duration_ms, %error, "call failed");
            }
        }
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Answer, Unanswered> {
        let mut response = request.timeout(self.time_max).send().await.map_err(unanswered)?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(Unanswered::Unknown("the answer is too long"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body })
    }
}

/// Keeps nothing of the error: its text may hold the URL.
fn unanswered(error: reqwest::Error) -> Unanswered {
    if error.is_connect() || error.is_builder() {
        Unanswered::NotSent
    } else if error.is_timeout() {
        Unanswered::Unknown("time-out")
    } else {
        Unanswered::Unknown("the connection broke")
    }
}

fn exchange_id<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let id = headers.get(name).and_then(|id| id.to_str().ok()).unwrap_or("-");
    id.get(..128).unwrap_or(id)
}

/// A platform's code made fit for logs and errors: what is not plain is cut away.
pub(crate) fn plain_code(code: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || "._-/".contains(*c);
    code.chars().filter(plain).take(64).collect()
}
