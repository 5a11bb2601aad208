//! The protocol over HTTP: who is asking, whether the request is theirs, and a signed answer.

use std::time::Duration;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Extension, Path, State},
    http::{HeaderMap, HeaderValue, Response, StatusCode},
    routing::post,
};
use kernel::{Secret, Timestamp};
use ring::{digest, hmac};
use serde_json::{Value, json};

use super::{
    book::{AgencyBook, Delivery, Reply},
    codes::AgencyCodeWord as Code,
    fault::AgencyOperation,
};
use crate::phone::SignatureVerdict;

/// The clocks of both sides may be apart by this much. Serials are remembered for longer.
const WINDOW: Duration = Duration::from_secs(300);
const BODY_BYTES_MAX: usize = 64 * 1024;

/// `POST /agency/v1/{operation}`.
pub fn router(book: AgencyBook) -> Router {
    Router::new()
        .route("/agency/v1/{operation}", post(answer))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(book)
}

/// A request whose signature fits: it comes from the institution, and nothing was changed.
struct Authentic {
    institution: String,
    key: hmac::Key,
    serial: String,
}

async fn answer(
    State(book): State<AgencyBook>,
    Path(operation): Path<String>,
    verdict: Option<Extension<SignatureVerdict>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let verdict = verdict.map(|Extension(verdict)| verdict).unwrap_or_default();
    let caller = match authenticate(&book, &operation, &headers, &body) {
        Ok(caller) => caller,
        // Signing an answer to somebody unknown would hand out signatures for serials of their
        // choice.
        Err(code) => {
            verdict.refused();
            return reply(code.status(), &envelope(code));
        }
    };
    verdict.verified();
    let (result, delivery) = match admissible(&book, &operation, &headers, &caller) {
        Ok(operation) => book.handle(&caller.institution, &caller.serial, operation, &body),
        Err(code) => (Err(code), Delivery::Signed),
    };
    tracing::debug!(
        operation,
        request.serial = caller.serial,
        outcome = result.as_ref().err().map_or("ok", |code| code.code()),
        ?delivery,
        "mock agency answers"
    );
    deliver(&book, &caller, result, delivery).await
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn authenticate(
    book: &AgencyBook,
    operation: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Authentic, Code> {
    let institution = header(headers, "agency-institution").ok_or(Code::UnknownInstitution)?;
    let secret = book.options().institutions.get(institution).ok_or(Code::UnknownInstitution)?;
    let serial = header(headers, "agency-serial").ok_or(Code::BadSignature)?;
    let time = header(headers, "agency-time").ok_or(Code::BadSignature)?;
    let version = header(headers, "agency-version").ok_or(Code::BadSignature)?;
    let signature = header(headers, "agency-signature").ok_or(Code::BadSignature)?;
    let lines = [
        version,
        "POST",
        &format!("/agency/v1/{operation}"),
        institution,
        serial,
        time,
        &hash(body),
    ];
    let signature = hex::decode(signature).map_err(|_| Code::BadSignature)?;
    let key = key(secret);
    hmac::verify(&key, lined(&lines).as_bytes(), &signature).map_err(|_| Code::BadSignature)?;
    Ok(Authentic { institution: institution.to_owned(), key, serial: serial.to_owned() })
}

/// What else must hold of an authentic request before it is looked into.
fn admissible(
    book: &AgencyBook,
    operation: &str,
    headers: &HeaderMap,
    caller: &Authentic,
) -> Result<AgencyOperation, Code> {
    let time = header(headers, "agency-time").map(Timestamp::from_rfc3339);
    let Some(Ok(time)) = time else { return Err(Code::BadRequest) };
    if time.apart(book.now()) > WINDOW {
        return Err(Code::ClockSkew);
    }
    let serial = caller.serial.as_bytes();
    let shaped = (1..=64).contains(&serial.len())
        && serial.iter().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(b));
    if !shaped || header(headers, "agency-version") != Some("1") {
        return Err(Code::BadRequest);
    }
    AgencyOperation::from_code(operation).ok_or(Code::BadRequest)
}

fn key(secret: &Secret) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.expose().trim().as_bytes())
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

fn lined(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [*line, "\n"]).collect()
}

fn envelope(code: Code) -> Value {
    json!({ "code": code.code(), "message": code.message() })
}

fn reply(status: u16, body: &Value) -> Response<Body> {
    bare(status, body.to_string())
}

fn bare(status: u16, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response
}

async fn deliver(
    book: &AgencyBook,
    caller: &Authentic,
    result: Reply,
    delivery: Delivery,
) -> Response<Body> {
    let (status, body) = match result {
        Ok(body) => (200, body),
        Err(code) => (code.status(), envelope(code)),
    };
    match delivery {
        Delivery::Signed => signed(book, caller, status, body.to_string()),
        Delivery::Unsigned => reply(status, &body),
        Delivery::Late { millis } => {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            signed(book, caller, status, body.to_string())
        }
        Delivery::Garbage => signed(book, caller, 200, "<html>网关错误</html>".into()),
        Delivery::Bare500 => bare(500, "internal error".into()),
        Delivery::Cut => cut(),
    }
}

/// Ends the connection without a byte of an answer. A handler can only do that by unwinding: the
/// server gives each connection its own task, and the socket closes with it. No panic message is
/// printed, because nothing is wrong.
fn cut() -> ! {
    std::panic::resume_unwind(Box::new("the mock agency cuts the connection"))
}

fn signed(book: &AgencyBook, caller: &Authentic, status: u16, body: String) -> Response<Body> {
    let time = book.now().rfc3339();
    let lines = [caller.serial.as_str(), &time, &status.to_string(), &hash(body.as_bytes())];
    let signature = hex::encode(hmac::sign(&caller.key, lined(&lines).as_bytes()));
    let mut response = bare(status, body);
    let told = [
        ("agency-version", "1"),
        ("agency-serial", caller.serial.as_str()),
        ("agency-time", &time),
        ("agency-signature", &signature),
    ];
    for (name, value) in told {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
