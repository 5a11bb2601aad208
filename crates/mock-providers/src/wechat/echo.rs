//! The self-test of keys, clock, encryption and callback (wechat §1.10). No money moves.

use axum::{Extension, body::Bytes, response::Response};
use serde_json::json;

use super::{
    answer::{Refusal, found},
    authorization::Caller,
    members::{self, Members},
};

pub(super) async fn echo(
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let merchant = &caller.merchant;
    let request = members::parse(&body)?;
    let root = Members::of(&request)?;
    root.only(&["echo_message", "encrypted_echo_message", "notify_url"])?;
    let message = root.required_text("echo_message", 256)?;
    if caller.named.is_none() {
        return Err(root.refuse("echo_message", "Http头Wechatpay-Serial缺失或有误"));
    }
    let mut answer = json!({ "echo_message": message });
    if let Some(cipher) = root.text("encrypted_echo_message", 1024)? {
        let plain = merchant.opened(&root, "encrypted_echo_message", cipher, &caller)?;
        // What goes back is for the merchant's key.
        let entropy = merchant.stage.entropy.as_ref();
        let closed = merchant.credentials.newest().pair.closes(&plain, entropy);
        let closed = closed.ok_or_else(|| root.refuse("encrypted_echo_message", "敏感信息过长"))?;
        answer["encrypted_echo_message"] = json!(closed);
    }
    if let Some(url) = root.text("notify_url", 255)? {
        if !merchant.stage.notify_url_fits(url) {
            return Err(root.refuse("notify_url", "回调地址必须为可访问的URL，不能携带参数"));
        }
        merchant.announce_echo(message, url, caller.named);
    }
    Ok(found(&answer))
}
