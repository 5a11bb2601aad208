//! The signed exchange with the gateway. Common parameters travel in the query (the gateway needs
//! `charset` there), the content in a form body; the one string that is signed is the one sent.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::{Channel, Clock, Timestamp};
use reqwest::{RequestBuilder, StatusCode, header::CONTENT_TYPE};
use url::Url;

use super::{
    AlipayConfig,
    certificate::Serial,
    keys::AlipayKeys,
    response::{self, Codes, Reply, Unreadable, Verified},
    sign::request_text,
};
use crate::{
    ChannelError, Refused, SetupError,
    call::{Answer, Caller, Failure},
    rsa::{CannotSign, SigningKey},
    setup::{endpoint, identifier},
};

/// The least time between two downloads of certificates.
const DOWNLOAD_GAP: Duration = Duration::from_secs(60);

pub(super) struct Client {
    caller: Caller,
    gateway: Url,
    app_id: String,
    key: SigningKey,
    alipay_keys: AlipayKeys,
    clock: Arc<dyn Clock>,
    /// When a certificate was last downloaded.
    downloaded_at: Mutex<Option<Timestamp>>,
}

/// An answer that waits for the certificate that it names.
struct Pending<F> {
    body: Vec<u8>,
    serial: Serial,
    judge: F,
}

/// One call of one method.
pub(super) struct Call<'a> {
    /// The metric's label.
    pub(super) operation: &'static str,
    pub(super) method: &'static str,
    pub(super) notify_url: Option<&'a str>,
    /// `biz_content`, or the few parameters of the methods that have none.
    pub(super) content: &'a [(&'static str, &'a str)],
}

impl Client {
    pub(super) fn new(config: &AlipayConfig, clock: Arc<dyn Clock>) -> Result<Client, SetupError> {
        let gateway = endpoint("gateway", &config.gateway)?;
        let key = SigningKey::read(super::APP_KEY, &config.app_private_key)?;
        let alipay_keys = AlipayKeys::read(
            &config.alipay_public_keys,
            config.certificates.as_ref(),
            &key.public_key(),
        )?;
        Ok(Client {
            caller: Caller::new(Channel::Alipay, &gateway, Arc::clone(&clock))?,
            gateway,
            app_id: identifier("app_id", config.app_id.clone())?,
            key,
            alipay_keys,
            clock,
            downloaded_at: Mutex::default(),
        })
    }

    #[cfg(test)]
    pub(super) fn impatient(self) -> Client {
        Client { caller: self.caller.impatient(), ..self }
    }

    pub(super) fn app_id(&self) -> &str {
        &self.app_id
    }

    pub(super) const fn alipay_keys(&self) -> &AlipayKeys {
        &self.alipay_keys
    }

    /// Sends a call and lets `judge` read a reply in the gateway's form.
    pub(super) async fn exchange<T, E>(
        &self,
        call: Call<'_>,
        judge: impl FnOnce(Reply) -> Result<T, E> + Send,
    ) -> Result<T, E>
    where
        E: Failure + From<CannotSign> + From<Unreadable> + From<BadStatus>,
    {
        let root = format!("{}_response", call.method.replace('.', "_"));
        let read = |answer: &Answer| {
            if answer.status != StatusCode::OK {
                return Err(BadStatus(answer.status).into());
            }
            match response::read(&answer.body, &root, &self.alipay_keys, self.clock.now()) {
                Ok(reply) => judge(reply).map(Ok),
                Err(Unreadable::Certificate(serial)) => {
                    Ok(Err(Pending { body: answer.body.clone(), serial, judge }))
                }
                Err(unreadable) => Err(unreadable.into()),
            }
        };
        let request = self.request(&call)?;
        match self.caller.call(call.operation, "trace_id", request, read).await? {
            Ok(outcome) => Ok(outcome),
            Err(Pending { body, serial, judge }) => {
                self.download(serial).await?;
                let now = self.clock.now();
                judge(response::read(&body, &root, &self.alipay_keys, now)?)
            }
        }
    }

    /// Gets a certificate that an answer names and that we do not hold. Its own answer cannot be
    /// verified with it beforehand, so the chain up to the configured roots decides. At most one a
    /// minute: whatever the answers name, they cannot make us call without end.
    async fn download(&self, serial: Serial) -> Result<(), Unreadable> {
        let now = self.clock.now();
        {
            let mut last = self.downloaded_at.lock().unwrap_or_else(PoisonError::into_inner);
            if last.is_some_and(|at| now.since(at) < DOWNLOAD_GAP && at <= now) {
                return Err(Unreadable::Certificate(serial));
            }
            *last = Some(now);
        }
        let content = format!(r#"{{"alipay_cert_sn":"{serial}"}}"#);
        let call = Call {
            operation: "certificate",
            method: "alipay.open.app.alipaycert.download",
            notify_url: None,
            content: &[("biz_content", &content)],
        };
        let unknown = Unreadable::Certificate(serial);
        let request = self.request(&call).map_err(|CannotSign| unknown)?;
        let root = "alipay_open_app_alipaycert_download_response";
        let read = |answer: &Answer| {
            if answer.status != StatusCode::OK {
                return Err(ChannelError::from(BadStatus(answer.status)));
            }
            Ok(response::unverified_text(&answer.body, root, "alipay_cert_content")?)
        };
        let content = self.caller.call(call.operation, "trace_id", request, read).await;
        let text = content.ok().and_then(|content| STANDARD.decode(content.trim()).ok());
        let text = text.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(unknown)?;
        match self.alipay_keys.admit(serial, &text, now) {
            Ok(()) => {
                tracing::info!(%serial, "a new Alipay certificate was downloaded");
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%serial, %error, "a downloaded Alipay certificate is not trusted");
                Err(unknown)
            }
        }
    }

    pub(super) const fn gateway(&self) -> &Url {
        &self.gateway
    }

    pub(super) const fn http(&self) -> &reqwest::Client {
        self.caller.client()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The signed address of a page that the client opens; nothing is called.
    pub(super) fn page(&self, call: &Call<'_>) -> Result<Url, CannotSign> {
        let mut url = self.address(call)?;
        url.query_pairs_mut().extend_pairs(call.content);
        Ok(url)
    }

    fn request(&self, call: &Call<'_>) -> Result<RequestBuilder, CannotSign> {
        let url = self.address(call)?;
        let body =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(call.content).finish();
        let content_type = "application/x-www-form-urlencoded;charset=utf-8";
        Ok(self.caller.client().post(url).header(CONTENT_TYPE, content_type).body(body))
    }

    /// The gateway with the common parameters and the signature over them and the content.
    fn address(&self, call: &Call<'_>) -> Result<Url, CannotSign> {
        let timestamp = self.clock.now().beijing_text();
        let serials = self.alipay_keys.request_serials();
        let mut common = vec![
            ("app_id", self.app_id.as_str()),
            ("method", call.method),
            ("format", "JSON"),
            ("charset", "utf-8"),
            ("sign_type", "RSA2"),
            ("timestamp", timestamp.as_str()),
            ("version", "1.0"),
        ];
        common.extend(call.notify_url.map(|url| ("notify_url", url)));
        if let Some((application, roots)) = &serials {
            common.extend([("app_cert_sn", application.as_str()), ("alipay_root_cert_sn", roots)]);
        }
        let text = request_text(&[&common, call.content].concat());
        let sign = self.key.sign(text.as_bytes())?;

        let mut url = self.gateway.clone();
        url.query_pairs_mut().extend_pairs(&common).append_pair("sign", &sign);
        Ok(url)
    }
}

/// The gateway answers 200 to everything; another status comes from something in between.
#[derive(Clone, Copy, Debug)]
pub(super) struct BadStatus(pub(super) StatusCode);

impl From<BadStatus> for ChannelError {
    fn from(BadStatus(status): BadStatus) -> ChannelError {
        match status {
            StatusCode::TOO_MANY_REQUESTS => ChannelError::Busy,
            status => ChannelError::Unknown(format!("HTTP {}", status.as_u16())),
        }
    }
}

impl From<Unreadable> for ChannelError {
    fn from(unreadable: Unreadable) -> ChannelError {
        let why = match unreadable {
            Unreadable::Form => "the answer is not in the gateway's form",
            Unreadable::Signature => "unverified answer: signature",
            Unreadable::Certificate(_) => "unverified answer: unknown certificate",
        };
        ChannelError::Unknown(why.into())
    }
}

/// A reply sorted by its public code (公共返回码).
pub(super) enum Sorted {
    /// Verified, `10000`.
    Success(Verified),
    /// Verified, `40004`: the business said no.
    Refused(Codes),
}

/// Sorts the reply of a trade method; everything but success and a business refusal means the
/// same for all of them.
pub(super) fn sorted(reply: Reply) -> Result<Sorted, ChannelError> {
    let verified = match reply {
        Reply::Unsigned(codes) => return Err(public_error(&codes, "unsigned answer")),
        Reply::Verified(verified) => verified,
    };
    match verified.codes().code.as_deref() {
        Some("10000") if !verified.is_error() => Ok(Sorted::Success(verified)),
        Some("40004") => match verified.codes().sub_name().as_str() {
            "SYSTEM_ERROR" | "UNKNOWN_ERROR" => Err(public_error(verified.codes(), "unknown code")),
            "SYSTEM_RATE_LIMIT" | "USER_RATE_LIMIT" => Err(ChannelError::Busy),
            _ => Ok(Sorted::Refused(verified.codes().clone())),
        },
        // Signed, so that it is sure that nothing was done.
        Some("40002") if verified.codes().sub_name() == "INVALID-OPENID" => {
            Err(ChannelError::Refused(Refused::PayerIdKind))
        }
        _ => Err(public_error(verified.codes(), "unknown code")),
    }
}

/// Failure codes, which are believed without a signature too: the gateway cannot sign when it does
/// not know the application. They never mean success.
fn public_error(codes: &Codes, otherwise: &str) -> ChannelError {
    match codes.code.as_deref().unwrap_or_default() {
        "40005" => ChannelError::Busy,
        "20001" | "40001" | "40002" | "40003" | "40006" => {
            ChannelError::Misconfigured(codes.name())
        }
        "20000" | "40004" => ChannelError::Unknown(codes.name()),
        _ => ChannelError::Unknown(format!("{otherwise}: {}", codes.name())),
    }
}

/// What a business refusal means wherever no method knows better.
pub(super) fn refusal(codes: &Codes) -> ChannelError {
    let refused = ChannelError::Refused;
    match codes.sub_name().as_str() {
        "TRADE_HAS_SUCCESS" => refused(Refused::AlreadyPaid),
        "TRADE_HAS_CLOSE" | "NOW_TIME_AFTER_EXPIRE_TIME_ERROR" => refused(Refused::Closed),
        "CONTEXT_INCONSISTENT" | "DUP_OUT_ORDER" | "DISCORDANT_REPEAT_REQUEST" => {
            refused(Refused::ParametersChanged)
        }
        "TRADE_NOT_EXIST" => refused(Refused::NotFound),
        "BUYER_SELLER_EQUAL"
        | "TRADE_BUYER_NOT_MATCH"
        | "PAYER_UNMATCHED"
        | "BUYER_NOT_EXIST"
        | "BUYER_ERROR"
        | "BUYER_ENABLE_STATUS_FORBID"
        | "ERROR_BUYER_CERTIFY_LEVEL_LIMIT"
        | "USER_LOGONID_DUP"
        | "CUSTOMER_VALIDATE_ERROR" => refused(Refused::Payer),
        "TOTAL_FEE_EXCEED"
        | "MERCHANT_PERM_RECEIPT_SINGLE_LIMIT"
        | "BEYOND_PER_RECEIPT_SINGLE_RESTRICTION" => refused(Refused::Limit),
        "SELLER_BALANCE_NOT_ENOUGH"
        | "BUYER_BALANCE_NOT_ENOUGH"
        | "BUYER_BANKCARD_BALANCE_NOT_ENOUGH" => refused(Refused::NotEnough),
        "ACCESS_FORBIDDEN"
        | "PARTNER_ERROR"
        | "SELLER_BEEN_BLOCKED"
        | "SELLER_NOT_EXIST"
        | "INVALID_RECEIVE_ACCOUNT"
        | "ERROR_SELLER_CERTIFY_LEVEL_LIMIT"
        | "MERCHANT_STATUS_NOT_NORMAL"
        | "MERCHANT_PERM_RECEIPT_SUSPEND"
        | "MERCHANT_PERM_RECEIPT_DAY_LIMIT"
        | "OPEN_ID_NOT_TINY_APP"
        | "UNBOUND_APPLICATION"
        | "PRODUCT_NOT_SUPPORT_IN_TINY_APP"
        | "BIZ_PRODUCT_NOT_ALLOWED"
        | "RISK_MERCHANT_IP_NOT_EXIST"
        | "NOT_SUPPORT_PAYMENT_INST"
        | "INVALID_STORE_ID"
        | "STORE_INFO_INVALID"
        | "TRADE_SETTLE_ERROR"
        | "DEFAULT_SETTLE_RULE_NOT_EXIST"
        | "PLATFORM_BUSINESS_ACQUIRE_MODE_MUST_MERCHANT_ID"
        | "REFUNDALLOC_UNAUTH_LIMIT" => ChannelError::Misconfigured(codes.name()),
        name if ["SUB_MERCHANT_", "SECONDARY_MERCHANT_"].iter().any(|of| name.starts_with(of)) => {
            ChannelError::Misconfigured(codes.name())
        }
        _ => refused(Refused::Other(codes.name())),
    }
}
