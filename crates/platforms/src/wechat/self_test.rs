//! The self-test (`/v3/security/echo`): proves a merchant's whole set-up without moving money.

use serde::{Deserialize, Serialize};

use super::{
    client::Client,
    payment::{check_notify_url, check_text, encode},
    said::Said,
};
use crate::ChannelError;

const SECRET_PART: &str = "sealed echo";

/// What is said of an echo that does not open.
const SEALED_FOR_ANOTHER: &str = "the echo's sealed part does not open with the merchant's key";

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
    /// The sealed part, encrypted anew for the merchant's certificate.
    encrypted_echo_message: Option<String>,
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
            let Echo { echo_message, encrypted_echo_message } = verified.read()?;
            if echo_message != message {
                return Err(ChannelError::Unknown("the echo is another message".into()));
            }
            // WeChat encrypts for the certificate that it knows: it opens with our key, or that
            // certificate is of another one.
            let opened = encrypted_echo_message.and_then(|sealed| client.opened(&sealed));
            if opened.as_deref() == Some(SECRET_PART) {
                Ok(())
            } else {
                Err(ChannelError::Unknown(SEALED_FOR_ANOTHER.into()))
            }
        }
        Said::Error(error) => Err(error.into_error()),
    };
    client.post_sealed("self_test", "/v3/security/echo", body.as_str(), &serial, judge).await
}
