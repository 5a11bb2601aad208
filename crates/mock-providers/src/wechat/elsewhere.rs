//! What every answer of WeChat has, whatever was called: the time of its own clock; and how the server of the
//! mini-program says that there is no such call.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::Next,
    response::Response,
};
use kernel::Timestamp;
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

use super::Wechat;

const HTTP_DATE: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

fn http_date(at: Timestamp) -> Option<HeaderValue> {
    let at = OffsetDateTime::from_unix_timestamp(at.unix_seconds()).ok()?;
    HeaderValue::from_str(&at.format(HTTP_DATE).ok()?).ok()
}

/// `Date` by the clock of signatures, which may be wrong on order.
pub(super) async fn dated(
    State(wechat): State<Arc<Wechat>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    if let Some(date) = http_date(wechat.stage.clocks.wire()) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}

pub(super) async fn unknown(State(wechat): State<Arc<Wechat>>) -> Response {
    wechat.text(&wechat.failed(40_066, "invalid url"))
}

pub(super) async fn wrong_method_for_get(State(wechat): State<Arc<Wechat>>) -> Response {
    wechat.text(&wechat.failed(43_001, "require GET method"))
}

pub(super) async fn wrong_method_for_post(State(wechat): State<Arc<Wechat>>) -> Response {
    wechat.text(&wechat.failed(43_002, "require POST method"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_the_one_form_that_http_has() {
        let date = http_date(Timestamp::from_unix_seconds(784_111_777)).unwrap();
        assert_eq!(date, "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
