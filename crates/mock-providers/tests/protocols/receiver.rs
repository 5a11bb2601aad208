//! A merchant's callback server that writes down what it gets and answers as told.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header::LOCATION},
};

#[derive(Clone, Debug)]
pub struct Received {
    pub headers: HeaderMap,
    pub body: String,
}

#[derive(Default)]
struct Shelf {
    received: Vec<Received>,
    answers: VecDeque<(u16, &'static str)>,
    location: Option<HeaderValue>,
}

/// Answers `200 success` unless told otherwise, which both platforms take as received.
pub struct Receiver {
    pub url: String,
    shelf: Arc<Mutex<Shelf>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(
    State(shelf): State<Arc<Mutex<Shelf>>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, HeaderMap, &'static str) {
    let mut shelf = shelf.lock().unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    shelf.received.push(Received { headers, body });
    let (status, answer) = shelf.answers.pop_front().unwrap_or((200, "success"));
    let location = shelf.location.iter().map(|url| (LOCATION, url.clone()));
    (StatusCode::from_u16(status).unwrap(), location.collect(), answer)
}

impl Receiver {
    pub async fn start() -> Receiver {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/callbacks", listener.local_addr().unwrap());
        let shelf = Arc::new(Mutex::new(Shelf::default()));
        let router = Router::new().fallback(take).with_state(Arc::clone(&shelf));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Receiver { url, shelf, task }
    }

    pub fn will_answer(&self, answers: &[(u16, &'static str)]) {
        self.shelf.lock().unwrap().answers.extend(answers);
    }

    /// Every answer names this address, for those who look at it.
    pub fn will_redirect_to(&self, url: &str) {
        self.shelf.lock().unwrap().location = Some(url.parse().unwrap());
    }

    pub fn received(&self) -> Vec<Received> {
        self.shelf.lock().unwrap().received.clone()
    }

    pub fn only(&self) -> Received {
        let all = self.received();
        assert_eq!(all.len(), 1, "exactly one notification");
        all[0].clone()
    }
}
