//! Notifications (回调通知): verified as raw bytes, then decrypted, then read.
//!
//! Nothing here calls out: an unknown serial is refused and WeChat repeats the message. Whether such
//! a message may cause a later look at the list of certificates, [`is_sealed_for_us`] says: only
//! when its content opens with the APIv3 key, so that nobody can make us fetch anything by posting
//! to our address.

use kernel::{MerchantKey, Timestamp};
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    account::Named,
    client::Client,
    content::{ContentKey, Sealed},
    payment::Transaction,
    refund::Refund,
    sign::SignedHead,
};
use crate::{Notice, Refusal, Told, call::plain_code};

/// WeChat's ciphertext alone may have 1 MiB.
const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

#[derive(Deserialize)]
struct Envelope<'a> {
    id: Option<String>,
    event_type: String,
    /// Read only for events that we know: others need not look like them.
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
}

impl Envelope<'_> {
    fn decrypt(&self, content_key: &ContentKey) -> Result<Vec<u8>, Refusal> {
        let resource = self.resource.map_or("", RawValue::get);
        let sealed: Sealed = serde_json::from_str(resource).map_err(|_| Refusal::Unreadable)?;
        content_key.open(&sealed)
    }
}

/// Whether the content was encrypted by somebody who has this merchant's APIv3 key. Proves less than
/// a signature (an old content opens too) and more than nothing.
pub(super) fn is_sealed_for_us(content_key: &ContentKey, body: &[u8]) -> bool {
    body.len() <= BODY_BYTES_MAX
        && serde_json::from_slice::<Envelope<'_>>(body)
            .is_ok_and(|envelope| envelope.decrypt(content_key).is_ok())
}

pub(super) fn open(
    client: &Client,
    merchant: &MerchantKey,
    now: Timestamp,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Notice, Refusal> {
    if body.len() > BODY_BYTES_MAX {
        return Err(Refusal::Malformed);
    }
    SignedHead::read(headers)?.verify(client.platform_keys(), now, body)?;
    let content_key = client.content_key();

    // Genuine from here on.
    let envelope: Envelope<'_> = serde_json::from_slice(body).map_err(|_| Refusal::Unreadable)?;
    match envelope.event_type.as_str() {
        "TRANSACTION.SUCCESS" => {
            let transaction: Named<Transaction> =
                serde_json::from_slice(&envelope.decrypt(content_key)?)
                    .map_err(|_| Refusal::Unreadable)?;
            // Only success is ever notified. Another state contradicts the event, and the caller's
            // query will tell.
            if !transaction.is_success() {
                return Err(Refusal::Unreadable);
            }
            let fact =
                transaction.into_fact(Told::Notification, client.account(), merchant, envelope.id);
            fact.map(Notice::Payment).ok_or(Refusal::Unreadable)
        }
        "REFUND.SUCCESS" | "REFUND.ABNORMAL" | "REFUND.CLOSED" => {
            let refund: Named<Refund> = serde_json::from_slice(&envelope.decrypt(content_key)?)
                .map_err(|_| Refusal::Unreadable)?;
            let fact = refund.into_fact(Told::Notification, merchant, None);
            fact.map(Notice::Refund).ok_or(Refusal::Unreadable)
        }
        other => Ok(Notice::Ignored { kind: plain_code(other) }),
    }
}
