//! What only WeChat has, played by hand.

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Listed, listing, read};
use crate::{
    desk::{Desk, DeskError},
    wechat::{MigrationRequest, Rotation},
};

pub(super) async fn certificates(State(desk): State<Desk>) -> Json<Value> {
    Json(json!({"first": desk.wechat.keys.platform.serial, "rotated": desk.wechat.rotated()}))
}

pub(super) async fn rotate(State(desk): State<Desk>, body: Bytes) -> Result<Response, DeskError> {
    let rotation = if body.is_empty() { Rotation::default() } else { read(&body)? };
    let made = desk.wechat.rotate(rotation).map_err(|cause| DeskError::Key(cause.to_string()))?;
    Ok(Json(made).into_response())
}

pub(super) async fn migration(State(desk): State<Desk>) -> Json<Value> {
    Json(json!({"migration": desk.wechat.migration()}))
}

pub(super) async fn begin_migration(
    State(desk): State<Desk>,
    body: Bytes,
) -> Result<Json<Value>, DeskError> {
    let request = if body.is_empty() { MigrationRequest::default() } else { read(&body)? };
    if !desk.wechat.begin_migration(request) {
        return Err(DeskError::BadRequest("per_ten_thousand is at most 10000".to_owned()));
    }
    Ok(migration(State(desk)).await)
}

pub(super) async fn end_migration(State(desk): State<Desk>) -> StatusCode {
    desk.wechat.end_migration();
    StatusCode::NO_CONTENT
}

pub(super) async fn requests(State(desk): State<Desk>) -> Json<Value> {
    Json(desk.wechat.requests())
}

pub(super) async fn invalidate(State(desk): State<Desk>) -> StatusCode {
    desk.wechat.invalidate_tokens();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    user: Option<String>,
}

pub(super) async fn mint_phone_code(
    State(desk): State<Desk>,
    body: Bytes,
) -> Result<Json<Value>, DeskError> {
    let User { user } = read(&body)?;
    let (code, phone) = desk.wechat.mint_phone_code(user.as_deref().unwrap_or("user"));
    Ok(Json(json!({"code": code, "phone_number": phone})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Subscription {
    user: Option<String>,
    template_id: String,
    #[serde(default = "Subscription::once")]
    times: u32,
}

impl Subscription {
    const fn once() -> u32 {
        1
    }
}

pub(super) async fn subscribe(
    State(desk): State<Desk>,
    body: Bytes,
) -> Result<StatusCode, DeskError> {
    let Subscription { user, template_id, times } = read(&body)?;
    let user = user.as_deref().unwrap_or("user");
    if desk.wechat.accept_messages(user, &template_id, times) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(DeskError::BadRequest("too many acceptances are remembered".to_owned()))
    }
}

pub(super) async fn messages(
    State(desk): State<Desk>,
    query: Listed,
) -> Result<Json<Value>, DeskError> {
    let wanted = listing(query)?;
    Ok(Json(json!({"messages": desk.wechat.messages(wanted.count_max())})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShownFace {
    verify_id: String,
    verify_ret: Option<i32>,
}

pub(super) async fn show_face(
    State(desk): State<Desk>,
    body: Bytes,
) -> Result<Response, DeskError> {
    let ShownFace { verify_id, verify_ret } = read(&body)?;
    let shown = desk.wechat.show_face(&verify_id, verify_ret);
    Ok(Json(shown.ok_or(DeskError::NotFound("verification"))?).into_response())
}
