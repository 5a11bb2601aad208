//! The self-test (`/v3/security/echo`): proves a merchant's whole set-up without moving money.

use serde::{Deserialize, Serialize};

use super::{
    client::{Client, Said},
    payment::{check_notify_url, check_text, encode},
};
use crate::ChannelError;

const SECRET_PART: &str = "sealed echo";

#[derive(Serialize)]
struct Body<'a> {
    echo_message: &'a str,
    encrypted_echo_message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    notify_url: Option<&'a str>,
}

#[derive(Deserialize)]
struct Echo {
    echo_message: String,
}

pub(super) async fn echo(
    client: &Client,
    message: &str,
    notify_url: Option<&str>,
) -> Result<(), ChannelError> {
    check_text(message, 64, "message: 1 to 64 characters of at most 3 bytes")?;
    notify_url.map(check_notify_url).transpose()?;
    let (serial, key) = client.sealing_key().await?;
    let sealed = key.seal(SECRET_PART, client.entropy());
    let sealed = sealed.ok_or(ChannelError::BadRequest("the message cannot be encrypted"))?;
    let body = encode(&Body { echo_message: message, encrypted_echo_message: sealed, notify_url })?;
    let judge = |said| match said {
        Said::Done(verified) => {
            let Echo { echo_message } = verified.read()?;
            if echo_message == message {
                Ok(())
            } else {
                Err(ChannelError::Unknown("the echo is another message".into()))
            }
        }
        Said::Error(error) => Err(error.into_error()),
    };
    client.post_sealed("self_test", "/v3/security/echo", body.as_str(), &serial, judge).await
}
