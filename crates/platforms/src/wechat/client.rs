//! The signed exchange with the pay API: one buffer is signed and sent, an answer is verified
//! before it is read, and errors are sorted by status and code alone.

use std::{sync::Arc, time::Duration};

use kernel::{Channel, Clock, Entropy};
use reqwest::{
    Method, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap},
};
use serde::{Deserialize, de::DeserializeOwned};
use url::Url;

use super::{
    account::Account,
    certificates::{Refresh, read_list},
    keys::{PlatformKeys, is_certificate_serial},
    sign::{ContentKey, NONCE_LETTERS, SCHEME, SignedHead, request_text},
};
use crate::{
    ChannelError, Refusal, Refused, SetupError,
    call::{Answer, Caller, plain_code},
    rsa::{CannotSign, SigningKey},
    setup::has_user,
};

/// The internal code that WeChat appends to `Request-ID` when a number is used again with other
/// parameters. The public code for this is `INVALID_REQUEST` or `PARAM_ERROR`, which mean many
/// other things too; the message is never parsed.
const PARAMETERS_CHANGED: &str = "268498688";

/// For a whole file. A statement of a busy day has tens of megabytes, packed.
const FILE_TIME_MAX: Duration = Duration::from_secs(300);

const CERTIFICATES: &str = "/v3/certificates";

pub(super) struct Client {
    caller: Caller,
    base: Url,
    /// The other access point, asked when no connection to the first came about.
    backup: Option<Url>,
    account: Account,
    serial: String,
    key: SigningKey,
    platform_keys: PlatformKeys,
    content_key: ContentKey,
    refresh: Refresh,
    /// Held while a list is downloaded, so that others wait for it in place of failing.
    refreshing: tokio::sync::Mutex<()>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// What the pay API said.
pub(super) enum Said {
    Done(Verified),
    Error(ErrorAnswer),
}

/// The body of a 2xx answer whose signature was verified. Nothing else makes one.
pub(super) struct Verified(Vec<u8>);

impl Verified {
    /// Reads the body. What is genuine and unreadable is still an unknown outcome.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, ChannelError> {
        serde_json::from_slice(&self.0)
            .map_err(|_| ChannelError::Unknown("the answer has an unknown form".into()))
    }
}

/// An answer outside 2xx.
pub(super) struct ErrorAnswer {
    status: StatusCode,
    /// As received, made plain; empty when the body is not WeChat's.
    code: String,
    parameters_changed: bool,
}

/// What a [`Client`] is made of, read and checked.
pub(super) struct Parts {
    pub(super) base: Url,
    pub(super) backup: Option<Url>,
    pub(super) account: Account,
    pub(super) serial: String,
    pub(super) key: SigningKey,
    pub(super) platform_keys: PlatformKeys,
    pub(super) content_key: ContentKey,
}

impl Client {
    pub(super) fn new(
        parts: Parts,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Client, SetupError> {
        let Parts { base, backup, account, serial, key, platform_keys, content_key } = parts;
        Ok(Client {
            caller: Caller::new(Channel::Wechat, &base, Arc::clone(&clock))?,
            base,
            backup,
            account,
            serial,
            key,
            platform_keys,
            content_key,
            refresh: Refresh::default(),
            refreshing: tokio::sync::Mutex::default(),
            clock,
            entropy,
        })
    }

    #[cfg(test)]
    pub(super) fn impatient(self) -> Client {
        Client { caller: self.caller.impatient(), ..self }
    }

    pub(super) const fn account(&self) -> &Account {
        &self.account
    }

    pub(super) const fn platform_keys(&self) -> &PlatformKeys {
        &self.platform_keys
    }

    pub(super) const fn content_key(&self) -> &ContentKey {
        &self.content_key
    }

    pub(super) const fn refresh(&self) -> &Refresh {
        &self.refresh
    }

    pub(super) fn sign(&self, text: &str) -> Result<String, CannotSign> {
        self.key.sign(text.as_bytes())
    }

    pub(super) async fn get<T>(
        &self,
        operation: &'static str,
        target: &str,
        judge: impl FnOnce(Said) -> Result<T, ChannelError> + Send,
    ) -> Result<T, ChannelError> {
        self.exchange(operation, Method::GET, target, None, None, judge).await
    }

    pub(super) async fn post<T>(
        &self,
        operation: &'static str,
        target: &str,
        body: &str,
        judge: impl FnOnce(Said) -> Result<T, ChannelError> + Send,
    ) -> Result<T, ChannelError> {
        self.exchange(operation, Method::POST, target, Some(body), None, judge).await
    }

    /// As [`Self::post`], with members that were encrypted for the key of `serial`.
    pub(super) async fn post_sealed<T>(
        &self,
        operation: &'static str,
        target: &str,
        body: &str,
        serial: &str,
        judge: impl FnOnce(Said) -> Result<T, ChannelError> + Send,
    ) -> Result<T, ChannelError> {
        self.exchange(operation, Method::POST, target, Some(body), Some(serial), judge).await
    }

    /// What a request's sensitive members are encrypted with, and the serial that names it. Lists
    /// the certificates first when there is none.
    pub(super) async fn sealing_key(
        &self,
    ) -> Result<(String, Arc<crate::rsa::VerifyingKey>), ChannelError> {
        if self.platform_keys.for_encryption(self.clock.now()).is_none() {
            self.renew(None).await;
        }
        let found = self.platform_keys.for_encryption(self.clock.now());
        found.ok_or_else(|| ChannelError::Misconfigured("no key of WeChat Pay is known".into()))
    }

    pub(super) fn entropy(&self) -> &dyn Entropy {
        self.entropy.as_ref()
    }

    /// Fetches the file of a statement. The one answer that WeChat does not sign: the caller has to
    /// prove it by its hash. Fetched from the pay API's own host only.
    pub(super) async fn download_file(
        &self,
        address: &str,
        sink: &mut (dyn FnMut(&[u8]) -> Result<(), ChannelError> + Send),
    ) -> Result<(), ChannelError> {
        let elsewhere = || ChannelError::Unknown("the file is somewhere else".into());
        let url = Url::parse(address).map_err(|_| elsewhere())?;
        let ours = [Some(&self.base), self.backup.as_ref()];
        if !ours.into_iter().flatten().any(|host| host.origin() == url.origin()) || has_user(&url) {
            return Err(elsewhere());
        }
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let authorization = self.authorization("GET", target, "")?;
        let request = self.caller.client().get(url.clone());
        let mut request =
            request.header(ACCEPT, "application/json").header(AUTHORIZATION, authorization);
        if let Some(id) = self.platform_keys.public_key_id() {
            request = request.header("wechatpay-serial", id);
        }
        self.caller.fetch("statement_file", "request-id", request, FILE_TIME_MAX, sink).await
    }

    /// One signed call. An answer under a serial that nobody told us yet is read again after the
    /// list of certificates was renewed, within the budget; so is the first answer ever for a
    /// merchant that was given no keys. Such a call can take as long as two.
    async fn exchange<T>(
        &self,
        operation: &'static str,
        method: Method,
        target: &str,
        body: Option<&str>,
        sealed_for: Option<&str>,
        judge: impl FnOnce(Said) -> Result<T, ChannelError> + Send,
    ) -> Result<T, ChannelError> {
        let now = self.clock.now();
        if self.platform_keys.is_empty(now) || self.refresh.is_due(now) {
            self.renew(None).await;
        }
        let mut judge = Some(judge);
        let mut unread = None;
        let read = |answer: &Answer| match self.check(answer) {
            Err(Refusal::UnknownKey) => {
                unread = Some(answer.clone());
                Err(unverified(Refusal::UnknownKey))
            }
            Err(refusal) => Err(unverified(refusal)),
            Ok(()) => match judge.take() {
                Some(judge) => judge(said(answer)?),
                None => Err(ChannelError::Unknown("answered twice".into())),
            },
        };
        let result = self.send(operation, method, target, body, sealed_for, read).await;
        let (Some(answer), Some(judge)) = (unread, judge) else { return result };
        let serial = SignedHead::read(&answer.headers).map(|head| head.serial().to_owned());
        match serial {
            Ok(serial) if is_certificate_serial(&serial) && self.renew(Some(&serial)).await => {
                self.check(&answer).map_err(unverified)?;
                judge(said(&answer)?)
            }
            _ => result,
        }
    }

    /// Signs once and sends; the other host gets the same signature, which does not cover the host.
    async fn send<T>(
        &self,
        operation: &'static str,
        method: Method,
        target: &str,
        body: Option<&str>,
        sealed_for: Option<&str>,
        mut read: impl FnMut(&Answer) -> Result<T, ChannelError> + Send,
    ) -> Result<T, ChannelError> {
        let no_path = |_| ChannelError::BadRequest("the call's path is no path");
        let url = self.base.join(target).map_err(no_path)?;
        // The signed target is the one on the wire, whatever joining made of ours.
        let wire_target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let authorization =
            self.authorization(method.as_str(), wire_target, body.unwrap_or_default())?;
        let request = |url: Url| {
            let client = self.caller.client();
            let mut request = client
                .request(method.clone(), url)
                .header(ACCEPT, "application/json")
                .header(AUTHORIZATION, &authorization);
            if let Some(id) = sealed_for.or(self.platform_keys.public_key_id()) {
                request = request.header("wechatpay-serial", id);
            }
            if let Some(body) = body {
                request = request.header(CONTENT_TYPE, "application/json").body(body.to_owned());
            }
            request
        };
        let other = self.backup.as_ref().map(|host| host.join(wire_target)).transpose();
        let other = other.map_err(no_path)?;
        let first = request(url);
        let result = self.caller.call(operation, "request-id", first, &mut read).await;
        match (result, other) {
            (Err(ChannelError::NotSent), Some(url)) => {
                tracing::warn!(operation, "the first host cannot be reached, trying the other");
                self.caller.call(operation, "request-id", request(url), &mut read).await
            }
            (result, _) => result,
        }
    }

    /// Downloads the list unless `serial` has become known meanwhile. True when there is something
    /// new to look into; false when the budget is used up or the download failed.
    pub(super) async fn renew(&self, serial: Option<&str>) -> bool {
        let _one_at_a_time = self.refreshing.lock().await;
        let now = self.clock.now();
        let is_known = || match serial {
            Some(serial) => self.platform_keys.by_serial(serial, self.clock.now()).is_some(),
            None => !self.platform_keys.is_empty(now) && !self.refresh.is_due(now),
        };
        if is_known() {
            return true;
        }
        if serial.is_some_and(|serial| !self.refresh.is_open_to(serial, now))
            || !self.refresh.begin(now)
        {
            return false;
        }
        let renewed = self.download().await;
        if let Some(serial) = serial
            && !is_known()
        {
            self.refresh.remember_unknown(serial, now);
        }
        renewed.is_ok()
    }

    async fn download(&self) -> Result<(), ChannelError> {
        let read = |answer: &Answer| {
            if answer.status == StatusCode::NOT_FOUND {
                // A merchant with a public key has no certificates; that is no error.
                return Ok(Vec::new());
            }
            if answer.status != StatusCode::OK {
                return Err(ErrorAnswer::read(answer).into_error());
            }
            // Decrypting proves that somebody with our APIv3 key wrote each certificate; the
            // signature, by one of them or by a key known before, proves the list as a whole.
            let list = read_list(&self.content_key, &answer.body)
                .map_err(|bad| ChannelError::Unknown(bad.text().into()))?;
            let now = self.clock.now();
            let candidates = self.platform_keys.joined_with(&list, now);
            SignedHead::read(&answer.headers)
                .and_then(|head| head.verify(&candidates, now, &answer.body))
                .map_err(unverified)?;
            Ok(list)
        };
        let list = self.send("certificates", Method::GET, CERTIFICATES, None, None, read).await?;
        let now = self.clock.now();
        tracing::info!(certificates = list.len(), "platform certificates listed");
        self.platform_keys.add(list, now);
        self.refresh.succeeded(now);
        Ok(())
    }

    fn authorization(
        &self,
        method: &str,
        target: &str,
        body: &str,
    ) -> Result<String, ChannelError> {
        let (seconds, nonce) =
            (self.clock.now().unix_seconds(), self.entropy.letters(NONCE_LETTERS));
        let signature = self.sign(&request_text(method, target, seconds, &nonce, body))?;
        let (mchid, serial) = (self.account.mchid(), &self.serial);
        Ok(format!(
            "{SCHEME} mchid=\"{mchid}\",nonce_str=\"{nonce}\",timestamp=\"{seconds}\",\
             serial_no=\"{serial}\",signature=\"{signature}\""
        ))
    }

    /// Verifies before anything is parsed. A 2xx without a valid signature is a forgery or one of
    /// WeChat's probes; an error answer may be unsigned (a 401 always is, gateways' pages are), but
    /// a signature that is there must fit.
    fn check(&self, answer: &Answer) -> Result<(), Refusal> {
        if !answer.status.is_success() && SignedHead::is_absent(&answer.headers) {
            return Ok(());
        }
        let head = SignedHead::read(&answer.headers)?;
        head.verify(&self.platform_keys, self.clock.now(), &answer.body)
    }
}

fn unverified(refusal: Refusal) -> ChannelError {
    ChannelError::Unknown(format!("unverified answer: {}", refusal.code()))
}

/// What an answer says whose signature was checked.
fn said(answer: &Answer) -> Result<Said, ChannelError> {
    match answer.status {
        StatusCode::OK | StatusCode::NO_CONTENT => Ok(Said::Done(Verified(answer.body.clone()))),
        other if other.is_success() => {
            Err(ChannelError::Unknown(format!("HTTP {}", other.as_u16())))
        }
        _ => Ok(Said::Error(ErrorAnswer::read(answer))),
    }
}

impl ErrorAnswer {
    fn read(answer: &Answer) -> ErrorAnswer {
        #[derive(Deserialize)]
        struct Body {
            code: String,
        }
        let code = serde_json::from_slice(&answer.body).map(|body: Body| plain_code(&body.code));
        ErrorAnswer {
            status: answer.status,
            code: code.unwrap_or_default(),
            parameters_changed: internal_code(&answer.headers) == Some(PARAMETERS_CHANGED),
        }
    }

    /// The code without underscores: `ORDERPAID` and `ORDER_PAID` both float around.
    pub(super) fn is(&self, code: &str) -> bool {
        normal(&self.code) == code
    }

    /// The code was given under this status.
    pub(super) fn is_not_found(&self) -> bool {
        let codes = ["ORDERNOTEXIST", "RESOURCENOTEXISTS", "NOTFOUND"];
        self.status == StatusCode::NOT_FOUND && codes.iter().any(|code| self.is(code))
    }

    /// What an error means wherever no call knows better.
    pub(super) fn into_error(self) -> ChannelError {
        let refused = ChannelError::Refused;
        match (self.status.as_u16(), normal(&self.code).as_str()) {
            (429, _)
            | (
                _,
                "FREQUENCYLIMITED" | "FREQUENCYLIMITEXCEED" | "RATELIMITEXCEEDED" | "RATELIMITED",
            ) => ChannelError::Busy,
            (401, "") => ChannelError::Misconfigured("HTTP 401".into()),
            (401, _) | (_, "SIGNERROR" | "NOAUTH" | "APPIDMCHIDNOTMATCH" | "MCHNOTEXISTS") => {
                ChannelError::Misconfigured(self.code)
            }
            // A person behind the id that is not the one the order was made for.
            (_, "OPENIDMISMATCH" | "ACCOUNTERROR" | "USERACCOUNTABNORMAL") => {
                refused(Refused::Payer)
            }
            (_, "INVALIDTRANSACTIONID") => refused(Refused::Other(self.code)),
            (_, "SYSTEMERROR" | "BANKERROR" | "SERVICEUNAVAILABLE" | "USERPAYING") => {
                ChannelError::Unknown(self.code)
            }
            (status, code) if !(400..500).contains(&status) || code.is_empty() => {
                ChannelError::Unknown(format!("HTTP {status}"))
            }
            (_, "ORDERPAID") => refused(Refused::AlreadyPaid),
            (_, "ORDERCLOSED") => refused(Refused::Closed),
            (_, "OUTTRADENOUSED") => refused(Refused::ParametersChanged),
            (_, "INVALIDREQUEST" | "PARAMERROR") if self.parameters_changed => {
                refused(Refused::ParametersChanged)
            }
            (_, "ORDERNOTEXIST" | "RESOURCENOTEXISTS" | "NOTFOUND") => refused(Refused::NotFound),
            (_, "RULELIMIT") => refused(Refused::Limit),
            (_, "NOTENOUGH") => refused(Refused::NotEnough),
            (_, _) => refused(Refused::Other(self.code)),
        }
    }
}

fn normal(code: &str) -> String {
    code.replace('_', "").to_ascii_uppercase()
}

/// `Request-ID` is an id, a hyphen and the internal code.
fn internal_code(headers: &HeaderMap) -> Option<&str> {
    Some(headers.get("request-id")?.to_str().ok()?.rsplit_once('-')?.1)
}

#[cfg(test)]
mod tests {
    use kernel::RetryClass::{self, Idempotent, Never, QueryFirst};
    use rstest::rstest;

    use super::*;

    fn judged(status: u16, code: &str, request_id: &str, body: Option<&str>) -> ChannelError {
        let mut headers = HeaderMap::new();
        headers.insert("request-id", request_id.parse().expect("a header"));
        let own = format!(r#"{{"code":"{code}","message":"请求重入时，参数与首次请求时不一致"}}"#);
        let body = body.unwrap_or(&own).as_bytes().to_vec();
        let status = StatusCode::from_u16(status).expect("a status");
        ErrorAnswer::read(&Answer { status, headers, body }).into_error()
    }

    #[rstest]
    #[case(400, "ORDERPAID", ChannelError::Refused(Refused::AlreadyPaid))]
    #[case(403, "ORDER_PAID", ChannelError::Refused(Refused::AlreadyPaid))]
    #[case(400, "ORDER_CLOSED", ChannelError::Refused(Refused::Closed))]
    #[case(400, "ORDERCLOSED", ChannelError::Refused(Refused::Closed))]
    #[case(403, "OUT_TRADE_NO_USED", ChannelError::Refused(Refused::ParametersChanged))]
    #[case(400, "INVALID_REQUEST", ChannelError::Refused(Refused::Other("INVALID_REQUEST".into())))]
    #[case(400, "PARAM_ERROR", ChannelError::Refused(Refused::Other("PARAM_ERROR".into())))]
    #[case(403, "RULELIMIT", ChannelError::Refused(Refused::Limit))]
    #[case(403, "NOT_ENOUGH", ChannelError::Refused(Refused::NotEnough))]
    #[case(403, "USER_ACCOUNT_ABNORMAL", ChannelError::Refused(Refused::Payer))]
    #[case(403, "ACCOUNT_ERROR", ChannelError::Refused(Refused::Payer))]
    #[case(500, "INVALID_TRANSACTIONID", ChannelError::Refused(Refused::Other("INVALID_TRANSACTIONID".into())))]
    #[case(500, "OPENID_MISMATCH", ChannelError::Refused(Refused::Payer))]
    #[case(404, "ORDERNOTEXIST", ChannelError::Refused(Refused::NotFound))]
    #[case(404, "MCH_NOT_EXISTS", ChannelError::Misconfigured("MCH_NOT_EXISTS".into()))]
    #[case(401, "SIGN_ERROR", ChannelError::Misconfigured("SIGN_ERROR".into()))]
    #[case(400, "APPID_MCHID_NOT_MATCH", ChannelError::Misconfigured("APPID_MCHID_NOT_MATCH".into()))]
    #[case(403, "NO_AUTH", ChannelError::Misconfigured("NO_AUTH".into()))]
    #[case(429, "FREQUENCY_LIMITED", ChannelError::Busy)]
    #[case(403, "RATELIMIT_EXCEEDED", ChannelError::Busy)]
    #[case(429, "", ChannelError::Busy)]
    #[case(500, "SYSTEM_ERROR", ChannelError::Unknown("SYSTEM_ERROR".into()))]
    #[case(500, "BANK_ERROR", ChannelError::Unknown("BANK_ERROR".into()))]
    #[case(503, "SOMETHING", ChannelError::Unknown("HTTP 503".into()))]
    #[case(302, "", ChannelError::Unknown("HTTP 302".into()))]
    #[case(404, "", ChannelError::Unknown("HTTP 404".into()))]
    #[case(403, "TRADE_ERROR", ChannelError::Refused(Refused::Other("TRADE_ERROR".into())))]
    fn errors_are_sorted_by_status_and_code(
        #[case] status: u16,
        #[case] code: &str,
        #[case] error: ChannelError,
    ) {
        assert_eq!(judged(status, code, "08F1-0", None), error);
    }

    /// Each code of WeChat's page of statuses and codes, in both spellings that float around.
    #[rstest]
    #[case(400, "PARAM_ERROR", Never)]
    #[case(400, "INVALID_REQUEST", Never)]
    #[case(400, "APPID_MCHID_NOT_MATCH", Never)]
    #[case(400, "MCH_NOT_EXISTS", Never)]
    #[case(404, "MCH_NOT_EXISTS", Never)]
    #[case(400, "ORDER_CLOSED", Never)]
    #[case(400, "ORDER_PAID", Never)]
    #[case(401, "SIGN_ERROR", Never)]
    #[case(403, "NO_AUTH", Never)]
    #[case(403, "ACCOUNT_ERROR", Never)]
    #[case(403, "NOT_ENOUGH", Never)]
    #[case(403, "OUT_TRADE_NO_USED", Never)]
    #[case(403, "RULE_LIMIT", Never)]
    #[case(403, "TRADE_ERROR", Never)]
    #[case(403, "USER_ACCOUNT_ABNORMAL", Never)]
    #[case(404, "ORDER_NOT_EXIST", Never)]
    #[case(404, "RESOURCE_NOT_EXISTS", Never)]
    #[case(404, "NOT_FOUND", Never)]
    #[case(429, "FREQUENCY_LIMITED", Idempotent)]
    #[case(429, "FREQUENCY_LIMIT_EXCEED", Idempotent)]
    #[case(429, "RATELIMIT_EXCEEDED", Idempotent)]
    #[case(429, "RATE_LIMITED", Idempotent)]
    #[case(500, "SYSTEM_ERROR", QueryFirst)]
    #[case(500, "BANK_ERROR", QueryFirst)]
    #[case(500, "INVALID_TRANSACTIONID", Never)]
    #[case(500, "OPENID_MISMATCH", Never)]
    #[case(202, "USER_PAYING", QueryFirst)]
    #[case(502, "SERVICE_UNAVAILABLE", QueryFirst)]
    #[case(503, "SERVICE_UNAVAILABLE", QueryFirst)]
    #[case(502, "", QueryFirst)]
    #[case(503, "", QueryFirst)]
    fn a_documented_code_has_a_retry_class(
        #[case] status: u16,
        #[case] code: &str,
        #[case] class: RetryClass,
    ) {
        for code in [code.to_owned(), code.replace('_', "")] {
            let error = judged(status, &code, "08F1-0", None);
            assert_eq!(error.retry_class(), class, "{status} {code}: {error}");
        }
    }

    #[rstest]
    #[case(400, "INVALID_REQUEST")]
    #[case(400, "PARAM_ERROR")]
    #[case(403, "OUT_TRADE_NO_USED")]
    fn all_three_ways_to_say_other_parameters_are_known(#[case] status: u16, #[case] code: &str) {
        let error = judged(status, code, "08F1A2-268498688", None);
        assert_eq!(error, ChannelError::Refused(Refused::ParametersChanged));
    }

    #[test]
    fn a_gateways_page_says_nothing() {
        let page = Some("<html><h1>502 Bad Gateway</h1></html>");
        assert_eq!(judged(502, "", "-", page), ChannelError::Unknown("HTTP 502".into()));
        assert_eq!(judged(400, "", "-", page), ChannelError::Unknown("HTTP 400".into()));
    }
}
