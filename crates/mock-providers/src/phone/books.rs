//! The entries of an order's journal, for the page's side panel. The mocks have no books: a demonstration that has
//! both the service and the mocks in one process may show them here. No API of the service does.

use std::sync::{Arc, OnceLock};

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use futures::future::BoxFuture;
use kernel::{Fen, OrderNo, Timestamp};
use serde::Serialize;
use serde_json::json;

/// One line of an order's journal. A line without accounts moved no money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BookLine {
    pub at: Timestamp,
    pub event: String,
    pub debit: Option<String>,
    pub credit: Option<String>,
    pub amount: Option<Fen>,
}

/// Finds the lines of an order, oldest first; `None` for one that is not known.
pub type Books = Arc<dyn Fn(OrderNo) -> BoxFuture<'static, Option<Vec<BookLine>>> + Send + Sync>;

/// Where the books are put once somebody has them.
#[derive(Clone, Default)]
pub(crate) struct Shelf(Arc<OnceLock<Books>>);

impl Shelf {
    /// The first books stay.
    pub fn put(&self, books: Books) {
        let _already_there = self.0.set(books);
    }
}

/// The lines of one order; 404 where nobody shows books, or of an order that is not known.
pub(super) async fn of(State(shelf): State<Shelf>, Path(order_no): Path<String>) -> Response {
    let (Some(books), Ok(order_no)) = (shelf.0.get(), OrderNo::new(order_no)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match books(order_no).await {
        Some(lines) => Json(json!({ "lines": lines })).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
