//! What is signed, and how a signed head is read and verified.
//!
//! Every line of a signed text ends with a line feed, the last one too.

use std::time::Duration;

use kernel::Timestamp;
use reqwest::header::HeaderMap;

use super::keys::PlatformKeys;
use crate::{Refusal, rsa::BadSignature};

/// The scheme of the Authorization header and the only signature type that is accepted.
pub(super) const SCHEME: &str = "WECHATPAY2-SHA256-RSA2048";

/// WeChat's custom; up to 32 are allowed.
pub(super) const NONCE_LETTERS: usize = 32;

/// A signed message is believed only within this distance of now, in both directions. WeChat
/// applies the same limit to us. A message replayed within the window is harmless: what it says
/// is bound to a number and acts once.
const AGE_MAX: Duration = Duration::from_secs(300);

/// Method, target, time, nonce, body.
pub(super) fn request_text(
    method: &str,
    target: &str,
    seconds: i64,
    nonce: &str,
    body: &str,
) -> String {
    format!("{method}\n{target}\n{seconds}\n{nonce}\n{body}\n")
}

/// Time, nonce, body, of an answer or a notification.
fn message_text(seconds: &str, nonce: &str, body: &[u8]) -> Vec<u8> {
    [seconds.as_bytes(), b"\n", nonce.as_bytes(), b"\n", body, b"\n"].concat()
}

/// What `wx.requestPayment` proves to the wallet.
pub(super) fn wallet_text(app_id: &str, seconds: i64, nonce: &str, package: &str) -> String {
    format!("{app_id}\n{seconds}\n{nonce}\n{package}\n")
}

/// The `Wechatpay-*` headers of a signed message.
pub(super) struct SignedHead<'a> {
    seconds: &'a str,
    sent_at: Timestamp,
    nonce: &'a str,
    signature: &'a str,
    serial: &'a str,
}

impl<'a> SignedHead<'a> {
    /// Reads the headers. Each must be there exactly once: of two, one would be verified and
    /// perhaps the other be logged or used.
    pub(super) fn read(headers: &'a HeaderMap) -> Result<SignedHead<'a>, Refusal> {
        if let Some(kind) = single(headers, "wechatpay-signature-type")?
            && kind != SCHEME
        {
            return Err(Refusal::Headers);
        }
        let required = |name| single(headers, name)?.ok_or(Refusal::Headers);
        let seconds = required("wechatpay-timestamp")?;
        if seconds.len() > 12 || !seconds.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Refusal::Headers);
        }
        let sent_at = seconds.parse().map_err(|_| Refusal::Headers)?;
        Ok(SignedHead {
            seconds,
            sent_at: Timestamp::from_unix_seconds(sent_at),
            nonce: required("wechatpay-nonce")?,
            signature: required("wechatpay-signature")?,
            serial: required("wechatpay-serial")?,
        })
    }

    pub(super) const fn serial(&self) -> &'a str {
        self.serial
    }

    /// Whether the message claims to be sent now.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        now.apart(self.sent_at) < AGE_MAX
    }

    /// True when none of the four headers is there, as on a 401 and on a gateway's page.
    pub(super) fn is_absent(headers: &HeaderMap) -> bool {
        let names =
            ["wechatpay-timestamp", "wechatpay-nonce", "wechatpay-signature", "wechatpay-serial"];
        names.iter().all(|name| !headers.contains_key(*name))
    }

    /// Key by serial, signature over the raw bytes, then the window.
    pub(super) fn verify(
        &self,
        keys: &PlatformKeys,
        now: Timestamp,
        body: &[u8],
    ) -> Result<(), Refusal> {
        let key = keys.by_serial(self.serial, now).ok_or(Refusal::UnknownKey)?;
        key.verify(&message_text(self.seconds, self.nonce, body), self.signature)
            .map_err(|BadSignature| Refusal::Signature)?;
        if self.is_fresh(now) { Ok(()) } else { Err(Refusal::Stale) }
    }
}

fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refusal::Headers);
    }
    let text = value.to_str().map_err(|_| Refusal::Headers)?;
    if text.is_empty() || text.len() > 1024 { Err(Refusal::Headers) } else { Ok(Some(text)) }
}

#[cfg(test)]
mod tests {
    use ring::digest::{SHA256, digest};
    use rstest::rstest;

    use super::*;

    fn sha256(text: &[u8]) -> String {
        hex::encode(digest(&SHA256, text))
    }

    #[rstest]
    #[case(
        "GET",
        "/v3/pay/transactions/out-trade-no/SI20260101000001?mchid=1900000001",
        "",
        117,
        "0674be4508a3bf93753eae577eba9702f1514dccc9323ecb4a71b5e39188b287"
    )]
    #[case(
        "POST",
        "/v3/pay/transactions/out-trade-no/SI20260101000001/close",
        r#"{"mchid":"1900000001"}"#,
        129,
        "63fc62a65713ac58249438df4c7493ef3af73cc4080bc594fc2d98059d8c6724"
    )]
    #[case(
        "POST",
        "/v3/pay/transactions/jsapi",
        r#"{"description":"社保缴费"}"#,
        107,
        "e8a47543aa6241b6e47169463ed52ec5ba3ceaadfe1eea4f9c322482f7fd8588"
    )]
    fn a_request_is_signed_over_five_lines(
        #[case] method: &str,
        #[case] target: &str,
        #[case] body: &str,
        #[case] length: usize,
        #[case] digest: &str,
    ) {
        let nonce = "0123456789ABCDEF0123456789ABCDEF";
        let text = request_text(method, target, 1_767_225_600, nonce, body);
        assert_eq!((text.len(), sha256(text.as_bytes()).as_str()), (length, digest));
    }

    #[rstest]
    #[case("", 45, "5df97f3a701701b4056b270b0f074a93ff1b61349e458c0e64c5367ce6c3561c")]
    #[case(
        r#"{"prepay_id":"wx01000000000000000000000000000000"}"#,
        95,
        "0163a65457c1cc2a028c0efa97a311797d60aed4d4dcef26d54a200e01bcfc08"
    )]
    fn an_answer_is_signed_over_three_lines(
        #[case] body: &str,
        #[case] length: usize,
        #[case] digest: &str,
    ) {
        let nonce = "0123456789abcdef0123456789abcdef";
        let text = message_text("1767225600", nonce, body.as_bytes());
        assert_eq!((text.len(), sha256(&text).as_str()), (length, digest));
    }

    #[test]
    fn the_wallet_signs_over_four_lines() {
        let nonce = "0123456789ABCDEF0123456789ABCDEF";
        let package = "prepay_id=wx01000000000000000000000000000000";
        let text = wallet_text("wx0123456789abcdef", 1_767_225_600, nonce, package);
        let digest = "15c8e181dbfe15c2c174bd757b3828e6fb717251e0e5ef74b52f4ac73df72eeb";
        assert_eq!((text.len(), sha256(text.as_bytes()).as_str()), (108, digest));
    }
}
