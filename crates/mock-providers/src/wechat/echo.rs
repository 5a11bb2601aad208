//! The self-test of keys, clock, encryption and callback (wechat §1.10). No money moves.

use std::sync::Arc;

use axum::{Extension, body::Bytes, extract::State, response::Response};
use serde_json::json;

use super::{
    Wechat,
    answer::{Refusal, found},
    authorization::Caller,
    members::{self, Members},
};

pub(super) async fn echo(
    State(wechat): State<Arc<Wechat>>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let request = members::parse(&body)?;
    let root = Members::of(&request)?;
    root.only(&["echo_message", "encrypted_echo_message", "notify_url"])?;
    let message = root.required_text("echo_message", 256)?;
    let named = caller.serial.as_deref().and_then(|serial| wechat.signer_named(serial));
    if named.is_none() {
        return Err(root.refuse("echo_message", "Http头Wechatpay-Serial缺失或有误"));
    }
    let mut answer = json!({ "echo_message": message });
    if let Some(cipher) = root.text("encrypted_echo_message", 1024)? {
        let plain = wechat.opened(&root, "encrypted_echo_message", cipher, &caller)?;
        // What goes back is for the merchant's key.
        let entropy = wechat.stage.entropy.as_ref();
        let closed = wechat.keys.merchant.pair.closes(&plain, entropy);
        let closed = closed.ok_or_else(|| root.refuse("encrypted_echo_message", "敏感信息过长"))?;
        answer["encrypted_echo_message"] = json!(closed);
    }
    if let Some(url) = root.text("notify_url", 255)? {
        if !wechat.stage.notify_url_fits(url) {
            return Err(root.refuse("notify_url", "回调地址必须为可访问的URL，不能携带参数"));
        }
        wechat.announce_echo(message, url);
    }
    Ok(found(&answer))
}
