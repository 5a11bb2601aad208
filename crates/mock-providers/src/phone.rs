//! The phone page: a phone-sized page that does what the mini-program does, served by the control API's
//! server beside everything it needs.
//!
//! Players: `files` (the page itself, part of the program), `service` (what the page says to the service is
//! passed on, so that the page needs no second origin), for the page's side panel `exchanges` (what the service
//! said to the mocks), `notices` (what the platforms told the service, opened) and `books` (an order's entries,
//! where somebody who has them shows them), and the control API, where the page plays wallet and platform. Promised: nothing
//! is loaded from outside (`default-src 'self'`), every body has a limit, every call a time-out.
//! Deliberately absent: a build step, and any knowledge of the service beyond its address.

mod books;
mod exchanges;
mod files;
mod notices;
mod redaction;
mod service;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Redirect, Response},
    routing::{any, get},
};

pub use self::books::{BookLine, Books};
use self::service::Service;
pub(crate) use self::{
    books::Shelf,
    exchanges::{ExchangeView, Exchanges, Observer, SignatureVerdict, observe},
};
use crate::desk::Desk;

/// Sent with everything under `/phone/`. Styles and scripts are files of the page; there is no inline
/// code, so nothing that an answer says can run.
const HEADERS: &[(HeaderName, &str)] = &[
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// The page, and the way to the service. `listen` is where the service listens.
///
/// # Errors
/// When the HTTP client cannot be built.
pub(crate) fn router(
    listen: SocketAddr,
    desk: Desk,
    shelf: Shelf,
) -> Result<Router, reqwest::Error> {
    let service = Service::new(&reachable(listen))?;
    let notices = Router::new().route("/phone/notices", get(notices::newest)).with_state(desk);
    let books = Router::new().route("/phone/books/{order_no}", get(books::of)).with_state(shelf);
    Ok(Router::new()
        .route("/phone", get(|| async { Redirect::permanent("/phone/") }))
        .route("/phone/{*path}", get(file))
        .route("/phone/service-docs", get(documentation))
        .route("/phone/api/{*path}", any(service::pass_on))
        .with_state(service)
        .merge(notices)
        .merge(books)
        .layer(middleware::from_fn(guard)))
}

/// The first page; its route stands in the control API's table.
pub(crate) async fn first_page() -> Response {
    guarded(files::answer("index.html"))
}

async fn file(Path(path): Path<String>) -> Response {
    files::answer(&path)
}

async fn documentation(State(service): State<Service>) -> Redirect {
    Redirect::temporary(&service.address("/docs"))
}

async fn guard(request: axum::extract::Request, next: Next) -> Response {
    guarded(next.run(request).await)
}

fn guarded(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Where a service that listens there answers on this machine.
fn reachable(listen: SocketAddr) -> String {
    let host = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(host, listen.port()))
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "nothing of the phone page is here; its first page is /phone/")
        .into_response()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("127.0.0.1:8080", "http://127.0.0.1:8080")]
    #[case("0.0.0.0:80", "http://127.0.0.1:80")]
    #[case("[::]:8080", "http://[::1]:8080")]
    #[case("10.1.2.3:8080", "http://10.1.2.3:8080")]
    fn a_service_that_listens_everywhere_is_asked_on_loopback(
        #[case] listen: SocketAddr,
        #[case] address: &str,
    ) {
        assert_eq!(reachable(listen), address);
    }
}
