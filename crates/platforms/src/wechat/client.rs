//! The signed exchange with the pay API: one buffer is signed and sent, and an answer is verified before
//! it is read.

use std::{sync::Arc, time::Duration};

use kernel::{Channel, Clock, Entropy};
use reqwest::{
    Method, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use url::{Position, Url};

use super::{
    account::Account,
    certificates::{BadList, Refresh, read_list},
    content::ContentKey,
    hosts::{Hosts, nobody_is_there},
    keys::{PlatformKeys, is_certificate_serial},
    said::{ErrorAnswer, Said, said},
    sign::{NONCE_LETTERS, SCHEME, SignedHead, request_text},
    skew::Skew,
};
use crate::{
    ChannelError, Refusal, SetupError,
    call::{Answer, Caller},
    rsa::{CannotSign, SigningKey},
};

/// What [`Caller::fetch`] says of an answer that means [`nobody_is_there`].
const AWAY: [&str; 2] = ["HTTP 502", "HTTP 503"];

/// For a whole file. A statement of a busy day has tens of megabytes, packed.
const FILE_TIME_MAX: Duration = Duration::from_secs(300);

const CERTIFICATES: &str = "/v3/certificates";

pub(super) struct Client {
    caller: Caller,
    hosts: Hosts,
    account: Account,
    serial: String,
    key: SigningKey,
    platform_keys: PlatformKeys,
    content_key: ContentKey,
    refresh: Refresh,
    /// Held while a list is downloaded, so that others wait for it in place of failing.
    refreshing: tokio::sync::Mutex<()>,
    skew: Skew,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// What a [`Client`] is made of, read and checked.
pub(super) struct Parts {
    pub(super) hosts: Hosts,
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
        let Parts { hosts, account, serial, key, platform_keys, content_key } = parts;
        Ok(Client {
            caller: Caller::new(Channel::Wechat, hosts.first(), Arc::clone(&clock))?,
            hosts,
            account,
            serial,
            key,
            platform_keys,
            content_key,
            refresh: Refresh::default(),
            refreshing: tokio::sync::Mutex::default(),
            skew: Skew::default(),
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

    /// What WeChat encrypted for the merchant.
    pub(super) fn opened(&self, sealed: &str) -> Option<String> {
        self.key.open(sealed)
    }

    /// Seconds by which WeChat's clock is ahead of ours, by its last answer.
    pub(super) fn skew_seconds(&self) -> Option<i64> {
        self.skew.seconds()
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
        found.ok_or_else(|| {
            let why = self.refresh.bad_list().map(BadList::text);
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            ChannelError::Misconfigured(format!("no key of WeChat Pay is known{why}"))
        })
    }

    pub(super) fn entropy(&self) -> &dyn Entropy {
        self.entropy.as_ref()
    }

    /// Fetches the file of a statement. The one answer that WeChat does not sign: the caller has to
    /// prove it by its hash. Fetched from the pay API's own hosts only; the next one is tried as long
    /// as nothing of the file has come.
    pub(super) async fn download_file(
        &self,
        address: &str,
        sink: &mut (dyn FnMut(&[u8]) -> Result<(), ChannelError> + Send),
    ) -> Result<(), ChannelError> {
        let elsewhere = || ChannelError::Unknown("the file is somewhere else".into());
        let places = self.hosts.file(address).ok_or_else(elsewhere)?;
        let target = places.first().map(|url| &url[Position::BeforePath..Position::AfterQuery]);
        let authorization = self.authorization("GET", target.ok_or_else(elsewhere)?, "")?;
        let mut result = Err(ChannelError::NotSent);
        for url in places.clone() {
            let request = self.caller.client().get(url);
            let mut request =
                request.header(ACCEPT, "application/json").header(AUTHORIZATION, &authorization);
            if let Some(id) = self.platform_keys.public_key_id() {
                request = request.header("wechatpay-serial", id);
            }
            let caller = &self.caller;
            result =
                caller.fetch("statement_file", "request-id", request, FILE_TIME_MAX, sink).await;
            match &result {
                Err(ChannelError::NotSent) => {}
                Err(ChannelError::Unknown(why)) if AWAY.contains(&why.as_str()) => {}
                _ => break,
            }
        }
        result
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

    /// Signs once and sends; the other host gets the same signature, which does not cover the host. It
    /// is asked when no connection to the first came about, or when only its gateway was there: the
    /// same number and bytes again do nothing twice, wherever the first request went. What a gateway may
    /// have let through stays unknown until somebody says that it was done: a refusal of the second
    /// request says nothing about the first.
    async fn send<T>(
        &self,
        operation: &'static str,
        method: Method,
        target: &str,
        body: Option<&str>,
        sealed_for: Option<&str>,
        mut read: impl FnMut(&Answer) -> Result<T, ChannelError> + Send,
    ) -> Result<T, ChannelError> {
        let (url, other) = self.hosts.call(target)?;
        // The signed target is the one on the wire, whatever joining made of ours.
        let wire_target = &url[Position::BeforePath..Position::AfterQuery];
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
        let (first, has_other) = (request(url), other.is_some());
        let mut nobody = false;
        let read_first = |answer: &Answer| {
            nobody = nobody_is_there(answer.status);
            if nobody && has_other {
                return Err(ChannelError::Unknown(format!("HTTP {}", answer.status.as_u16())));
            }
            self.note_time(answer);
            read(answer)
        };
        let result = self.caller.call(operation, "request-id", first, read_first).await;
        let Some(url) = other.filter(|_| nobody || matches!(result, Err(ChannelError::NotSent)))
        else {
            return result;
        };
        tracing::warn!(operation, "the first host is away, trying the other");
        let may_be_done = nobody && method != Method::GET;
        let read_other = |answer: &Answer| {
            self.note_time(answer);
            if may_be_done && !answer.status.is_success() {
                let status = answer.status.as_u16();
                return Err(ChannelError::Unknown(format!("HTTP {status} after a gateway's page")));
            }
            read(answer)
        };
        match self.caller.call(operation, "request-id", request(url), read_other).await {
            // Whatever stood behind the first gateway may have acted.
            Err(ChannelError::NotSent) if nobody => result,
            answered => answered,
        }
    }

    fn note_time(&self, answer: &Answer) {
        // A gateway's page has a gateway's time.
        if answer.status.is_success() || answer.status.is_client_error() {
            self.skew.note(self.clock.now(), &answer.headers, self.account.merchant_id());
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

    /// Downloads the list whatever is known and whenever it was last asked for.
    pub(super) async fn list_certificates(&self) -> Result<Listing, Unlisted> {
        let _one_at_a_time = self.refreshing.lock().await;
        self.refresh.begin(self.clock.now());
        self.download().await
    }

    async fn download(&self) -> Result<Listing, Unlisted> {
        let mut bad = None;
        let read = |answer: &Answer| {
            if answer.status == StatusCode::NOT_FOUND {
                // A merchant with a public key has no certificates; that is no error.
                self.check(answer).map_err(unverified)?;
                return Ok(None);
            }
            if answer.status != StatusCode::OK {
                return Err(ErrorAnswer::read(answer).into_error());
            }
            // Decrypting proves that somebody with our APIv3 key wrote each certificate; the
            // signature, by one of them or by a key known before, proves the list as a whole.
            let list = read_list(&self.content_key, &answer.body).map_err(|found| {
                bad = Some(found);
                ChannelError::Unknown(found.text().into())
            })?;
            let now = self.clock.now();
            let candidates = self.platform_keys.joined_with(&list, now);
            SignedHead::read(&answer.headers)
                .and_then(|head| head.verify(&candidates, now, &answer.body))
                .map_err(unverified)?;
            Ok(Some(list))
        };
        let listed = self.send("certificates", Method::GET, CERTIFICATES, None, None, read).await;
        self.refresh.keep_bad_list(bad);
        let listed = listed.map_err(|error| match bad {
            Some(bad) => Unlisted::Bad(bad),
            None => Unlisted::Failed(error),
        })?;
        let now = self.clock.now();
        self.refresh.succeeded(now);
        let Some(list) = listed else { return Ok(Listing::Nothing) };
        tracing::info!(certificates = list.len(), "platform certificates listed");
        self.platform_keys.add(list, now);
        Ok(Listing::Certificates)
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
    /// WeChat's probes. An error may be unsigned only when WeChat could not sign for us: a 401, where it
    /// does not know who asks, and what a gateway says in its place. Any other "no" (that an order does
    /// not exist, say) decides about money, and needs a signature like a yes.
    fn check(&self, answer: &Answer) -> Result<(), Refusal> {
        if may_be_unsigned(answer.status) && SignedHead::is_absent(&answer.headers) {
            return Ok(());
        }
        let head = SignedHead::read(&answer.headers)?;
        head.verify(&self.platform_keys, self.clock.now(), &answer.body)
    }
}

/// None of these ever means that something was or was not done.
fn may_be_unsigned(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS)
        || status.is_server_error()
        || status.is_redirection()
}

/// What the list of platform certificates said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listing {
    Certificates,
    /// The merchant has a public key only.
    Nothing,
}

/// Why there is no list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unlisted {
    /// It is not to be believed.
    Bad(BadList),
    Failed(ChannelError),
}

/// How an answer begins to be refused that WeChat did not sign.
pub(super) const UNVERIFIED: &str = "unverified answer: ";

fn unverified(refusal: Refusal) -> ChannelError {
    ChannelError::Unknown(format!("{UNVERIFIED}{}", refusal.code()))
}
