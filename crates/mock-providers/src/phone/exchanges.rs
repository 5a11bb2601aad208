//! What the service said to the mocks, and what they answered: a ring of the last exchanges, for the phone
//! page's side panel. Bodies are kept as they came and covered when they are shown.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, Ordering},
    },
};

use axum::{
    body::{Body, HttpBody, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, request, response},
    middleware::Next,
    response::Response,
};
use kernel::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::redaction;
use crate::{clocks::Clocks, lock};

/// How many exchanges are remembered.
const KEPT: usize = 300;
/// A longer body is only counted; a signed call of either platform is far below.
const BODY_BYTES_MAX: u64 = 16 * 1024;
/// Headers that carry a signature or name its key, on the way in and out.
const SIGNATURE_HEADERS: &[&str] = &[
    "authorization",
    "wechatpay-serial",
    "agency-institution",
    "agency-serial",
    "agency-time",
    "agency-signature",
    "agency-version",
    "wechatpay-signature",
    "wechatpay-timestamp",
    "wechatpay-nonce",
    "wechatpay-signature-type",
];

/// What became of a request's signature; whoever checks it says so through the request's extensions.
#[derive(Clone, Debug, Default)]
pub(crate) struct SignatureVerdict(Arc<AtomicU8>);

impl SignatureVerdict {
    pub fn verified(&self) {
        self.0.store(1, Ordering::Relaxed);
    }

    pub fn refused(&self) {
        self.0.store(2, Ordering::Relaxed);
    }

    fn code(&self) -> &'static str {
        match self.0.load(Ordering::Relaxed) {
            1 => "verified",
            2 => "refused",
            // Login and the other calls that prove themselves by a secret.
            _ => "unsigned",
        }
    }
}

/// A body as far as it is kept.
#[derive(Clone, Debug)]
enum Content {
    Text(String),
    /// Too long, of unknown length, or no text.
    Bytes(Option<u64>),
}

impl Content {
    fn shown(&self) -> String {
        match self {
            Content::Text(text) => redaction::covered(text),
            Content::Bytes(Some(length)) => format!("({length} bytes)"),
            Content::Bytes(None) => "(…)".to_owned(),
        }
    }
}

#[derive(Debug)]
struct Exchange {
    no: u64,
    at: Timestamp,
    server: &'static str,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    sent: Content,
    signature: SignatureVerdict,
    status: Option<u16>,
    answer_headers: Vec<(String, String)>,
    answer: Option<Content>,
    ended: bool,
}

/// An exchange as the page shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ExchangeView {
    no: u64,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The same in milliseconds: seconds do not tell what came first.
    at_ms: i64,
    server: &'static str,
    method: String,
    path: String,
    /// Pairs of name and value.
    #[schema(value_type = Vec<Vec<String>>)]
    headers: Vec<(String, String)>,
    sent: String,
    /// `verified`, `refused` or `unsigned`.
    signature: &'static str,
    status: Option<u16>,
    #[schema(value_type = Vec<Vec<String>>)]
    answer_headers: Vec<(String, String)>,
    answer: Option<String>,
    ended: bool,
}

impl Exchange {
    fn view(&self) -> ExchangeView {
        ExchangeView {
            no: self.no,
            at: self.at,
            at_ms: self.at.as_millis(),
            server: self.server,
            method: self.method.clone(),
            path: redaction::covered_query(&self.path),
            headers: self.headers.clone(),
            sent: self.sent.shown(),
            signature: self.signature.code(),
            status: self.status,
            answer_headers: self.answer_headers.clone(),
            answer: self.answer.as_ref().map(Content::shown),
            ended: self.ended,
        }
    }
}

#[derive(Debug, Default)]
struct Ring {
    last: u64,
    entries: VecDeque<Exchange>,
}

/// The last exchanges.
#[derive(Debug, Default)]
pub(crate) struct Exchanges(Mutex<Ring>);

impl Exchanges {
    /// Those after the one of that number, oldest first, covered.
    pub fn after(&self, no: u64) -> Vec<ExchangeView> {
        let ring = lock(&self.0);
        ring.entries.iter().filter(|entry| entry.no > no).map(Exchange::view).collect()
    }

    fn begin(&self, mut exchange: Exchange) -> u64 {
        let mut ring = lock(&self.0);
        ring.last += 1;
        exchange.no = ring.last;
        ring.entries.push_back(exchange);
        while ring.entries.len() > KEPT {
            ring.entries.pop_front();
        }
        ring.last
    }

    fn change(&self, no: u64, change: impl FnOnce(&mut Exchange)) {
        if let Some(entry) = lock(&self.0).entries.iter_mut().rev().find(|entry| entry.no == no) {
            change(entry);
        }
    }
}

/// Writes down what passes one server.
#[derive(Clone)]
pub(crate) struct Observer {
    pub exchanges: Arc<Exchanges>,
    pub clocks: Arc<Clocks>,
    pub server: &'static str,
}

/// Ends an exchange when its handler ends, also when the handler cuts the connection by unwinding.
struct Open<'a> {
    exchanges: &'a Exchanges,
    no: u64,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.exchanges.change(self.no, |entry| entry.ended = true);
    }
}

/// The middleware of one server.
pub(crate) async fn observe(
    State(observer): State<Observer>,
    request: Request,
    next: Next,
) -> Response {
    let (mut head, body) = request.into_parts();
    let (sent, body) = looked_at(body).await;
    let signature = SignatureVerdict::default();
    head.extensions.insert(signature.clone());
    let Observer { exchanges, clocks, server } = &observer;
    let no = exchanges.begin(begun(&head, sent, signature, clocks.now(), server));
    let open = Open { exchanges, no };
    let (head, body) = next.run(Request::from_parts(head, body)).await.into_parts();
    let (answer, body) = looked_at(body).await;
    exchanges.change(no, |entry| end(entry, &head, answer));
    drop(open);
    Response::from_parts(head, body)
}

fn begun(
    head: &request::Parts,
    sent: Content,
    signature: SignatureVerdict,
    at: Timestamp,
    server: &'static str,
) -> Exchange {
    Exchange {
        no: 0,
        at,
        server,
        method: head.method.to_string(),
        path: head.uri.to_string(),
        headers: signatures(&head.headers),
        sent,
        signature,
        status: None,
        answer_headers: Vec::new(),
        answer: None,
        ended: false,
    }
}

fn end(entry: &mut Exchange, head: &response::Parts, answer: Content) {
    entry.status = Some(head.status.as_u16());
    entry.answer_headers = signatures(&head.headers);
    entry.answer = Some(answer);
}

fn signatures(headers: &HeaderMap) -> Vec<(String, String)> {
    let known = headers.iter().filter(|(name, _)| SIGNATURE_HEADERS.contains(&name.as_str()));
    known
        .map(|(name, value)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect()
}

/// Reads a body whose length is known and small; any other passes untouched.
async fn looked_at(body: Body) -> (Content, Body) {
    let length = body.size_hint().exact();
    match length {
        Some(0) => (Content::Text(String::new()), body),
        Some(length) if length <= BODY_BYTES_MAX => {
            match to_bytes(body, usize::try_from(BODY_BYTES_MAX).unwrap_or(usize::MAX)).await {
                Ok(bytes) => {
                    let content = match std::str::from_utf8(&bytes) {
                        Ok(text) => Content::Text(text.to_owned()),
                        Err(_) => Content::Bytes(Some(length)),
                    };
                    (content, Body::from(bytes))
                }
                // The sender went away: whoever reads on finds the body broken, as it is.
                Err(cause) => {
                    let broken = async move { Err::<axum::body::Bytes, _>(cause) };
                    (Content::Bytes(None), Body::from_stream(futures::stream::once(broken)))
                }
            }
        }
        length => (Content::Bytes(length), body),
    }
}
