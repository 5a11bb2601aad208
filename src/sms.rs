//! Short messages through the operator's own gateway: one HTTPS call with a bearer token.
//!
//! ```text
//! POST {url}
//! Authorization: Bearer {token}
//! {"message_id": "…", "mobile": "138…", "code": "123456", "minutes": 5, "language": "zh-CN"}
//! ```
//!
//! Any 2xx is accepted. 422 refuses the number, 429 asks to come later, 401, 403 and 404 are our
//! configuration; everything else is unknown. Vendors differ in everything, so none is spoken here: a
//! gateway of a few lines turns this into a vendor's template message. Nothing of the answer's body is
//! read, and neither number nor code is in any log.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use kernel::Secret;
use miniprogram_api::{SmsError, SmsMessage, SmsSender};
use reqwest::{StatusCode, redirect::Policy};
use serde_json::json;
use url::Url;

const CONNECT_TIME_MAX: Duration = Duration::from_secs(2);
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

/// The operator's gateway.
pub(crate) struct WebhookSms {
    client: reqwest::Client,
    url: Url,
    token: Secret,
}

impl fmt::Debug for WebhookSms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSms(***)")
    }
}

impl WebhookSms {
    /// # Errors
    /// Says what is wrong with the address.
    pub(crate) fn new(url: &str, token: Secret) -> Result<WebhookSms, &'static str> {
        let url = Url::parse(url).map_err(|_| "is no absolute address")?;
        let loopback = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
            return Err("must begin with https:// (http:// for loopback only)");
        }
        // No redirects and no proxy from the environment: a code takes the configured way only.
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIME_MAX)
            .timeout(ANSWER_TIME_MAX)
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .map_err(|_| "no HTTP client could be built")?;
        Ok(WebhookSms { client, url, token })
    }
}

#[async_trait]
impl SmsSender for WebhookSms {
    async fn send(&self, message: &SmsMessage) -> Result<(), SmsError> {
        let body = json!({
            "message_id": message.id,
            "mobile": message.mobile.expose(),
            "code": message.code.expose(),
            "minutes": message.life.as_secs() / 60,
            "language": message.language,
        });
        let call = self.client.post(self.url.clone()).bearer_auth(self.token.expose());
        let outcome = match call.json(&body).send().await {
            Ok(answer) => match answer.status() {
                status if status.is_success() => Ok(()),
                StatusCode::UNPROCESSABLE_ENTITY => Err(SmsError::Number),
                StatusCode::TOO_MANY_REQUESTS => Err(SmsError::Busy),
                status @ (StatusCode::UNAUTHORIZED
                | StatusCode::FORBIDDEN
                | StatusCode::NOT_FOUND) => {
                    Err(SmsError::Misconfigured(status.as_str().to_owned()))
                }
                status => Err(SmsError::Unknown(format!("HTTP {}", status.as_u16()))),
            },
            // The error of the client names the address; its kind is enough.
            Err(error) if error.is_timeout() => Err(SmsError::Unknown("time-out".to_owned())),
            Err(error) if error.is_connect() => Err(SmsError::Unknown("no connection".to_owned())),
            Err(_) => Err(SmsError::Unknown("no answer".to_owned())),
        };
        let label = match &outcome {
            Ok(()) => "ok",
            Err(SmsError::Number) => "number",
            Err(SmsError::Busy) => "busy",
            Err(SmsError::Unknown(_)) => "unknown",
            Err(SmsError::Misconfigured(_)) => "misconfigured",
        };
        metrics::counter!("sms_sent_total", "outcome" => label).increment(1);
        outcome
    }
}
