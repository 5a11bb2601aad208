//! What the platforms told the service, for the page's side panel: each attempt with what stands in it once it is
//! opened. The control API's `/deliveries` shows the same as it was sent; here persons and tokens are covered.

use axum::{
    Json,
    extract::{Query, State},
};
use kernel::Channel;
use serde::Deserialize;
use serde_json::{Value, json};

use super::redaction;
use crate::{delivery::Attempt, desk::Desk};

/// Notifications that are shown unless fewer are asked for.
const SHOWN: usize = 50;

#[derive(Deserialize)]
pub(super) struct Asked {
    limit: Option<usize>,
}

/// The newest notifications, the newest first.
pub(super) async fn newest(State(desk): State<Desk>, Query(asked): Query<Asked>) -> Json<Value> {
    let deliveries = desk.stage.office.list(|_| true, asked.limit.unwrap_or(SHOWN).min(SHOWN));
    let notices = deliveries.iter().map(|delivery| {
        let attempts = delivery.attempts.iter().map(|made| attempt(&desk, delivery.platform, made));
        json!({
            "id": delivery.id,
            "platform": delivery.platform,
            "kind": delivery.kind,
            "out_trade_no": delivery.out_trade_no,
            "state": delivery.state,
            "attempts": attempts.collect::<Vec<_>>(),
        })
    });
    Json(json!({ "notices": notices.collect::<Vec<_>>() }))
}

fn attempt(desk: &Desk, platform: Channel, made: &Attempt) -> Value {
    let opened = match platform {
        Channel::Wechat => desk.wechat.resource_of(&made.sent.body),
        // Alipay's form is not encrypted.
        Channel::Alipay => None,
    };
    json!({
        "at": made.at,
        "at_ms": made.at.as_millis(),
        "url": made.sent.url,
        "headers": made.sent.headers,
        "body": redaction::covered(&made.sent.body),
        "opened": opened.map(|plain| redaction::covered(&plain)),
        "status": made.status,
        "answer": made.answer,
        "error": made.error,
        "accepted": made.accepted,
    })
}
