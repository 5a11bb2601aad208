//! WeChat Pay APIv3 and the server API of WeChat's mini-programs.
//!
//! Players: a [`WechatMerchant`] is one merchant account and its keys, a merchant's own (直连商户) or a
//! service provider's (服务商) for one sub merchant; a [`WechatMiniProgram`] is one mini-program, or
//! [`WechatLogin`] its login alone. Promised: an answer or a notification is parsed only after
//! its signature over the raw bytes has been verified with the key that its serial names, and its
//! time is within five minutes. Keys come from configuration, and platform certificates from
//! WeChat's own list as well. Content is opened in both ciphers, that of 国密
//! included. Deliberately absent: the signatures of 国密 (SM2).

mod account;
mod certificates;
mod client;
mod content;
mod examination;
mod hosts;
mod keys;
mod login;
mod mini_program;
mod notification;
mod online;
mod payment;
mod refund;
mod said;
mod self_test;
mod sign;
mod skew;
mod statement;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use kernel::{Channel, Clock, Entropy, MerchantKey, OutTradeNo, Secret, Timestamp};
use reqwest::header::HeaderMap;

use self::{
    account::Account,
    client::{Client, Parts},
    content::ContentKey,
    hosts::Hosts,
    keys::{PlatformKeys, is_certificate_serial},
    sign::SignedHead,
};
use crate::{
    ChannelError, Created, Notice, PaymentChannel, PaymentRequest, PaymentStanding, Prepared,
    RefundRequest, RefundStanding, Refusal, SetupError, WalletParameters, rsa::SigningKey,
};

pub use self::{
    login::{WechatLogin, WechatLoginConfig},
    mini_program::{
        CityArrival, CityArrivalError, CityCard, CityCardWord, CityHint, CityPage, CityPath,
        CityPathRequest, CityPathSource, EmbeddedTokens, FaceFailure, FaceId, FaceProof,
        FaceRequest, FaceStanding, FaceTicket, MessageLanguage, MiniProgramError,
        MiniProgramRefused, MiniProgramVersion, SubscriptionMessage, TokenStore, TokenStoreAway,
        WechatFaceNumber, WechatMiniProgram, WechatOfficialAccount, WechatPhoneNumber,
    },
    refund::WechatRefundTarget,
    statement::{
        StatementStanding, WechatFundMove, WechatFundStatement, WechatStatementError,
        WechatStatementKind, WechatTrade, WechatTradeRefund, WechatTradeStatement,
    },
};

/// All that makes a WeChat Pay merchant account, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WechatConfig {
    /// Our name for the account.
    pub key: MerchantKey,
    /// The pay API; production is `https://api.mch.weixin.qq.com`.
    pub base_url: String,
    /// The other access point (`https://api2.mch.weixin.qq.com`), asked with the same signature when
    /// no connection to the first comes about or nobody is behind its gateway (502, 503).
    pub backup_base_url: Option<String>,
    /// The mini-program's appid, bound to `mchid`. In partner mode the service provider's.
    pub app_id: String,
    /// Who signs. In partner mode the service provider's, `sp_mchid`.
    pub mchid: String,
    /// Partner mode: the account takes money for this merchant.
    pub partner: Option<WechatPartner>,
    /// Serial of the merchant API certificate (商户API证书序列号), hexadecimal.
    pub merchant_serial: String,
    /// The merchant API private key (商户API私钥).
    pub merchant_key_pem: Secret,
    /// The merchant API certificate (apiclient_cert.pem), when key and serial are to be checked against
    /// it. Nothing else needs it.
    pub merchant_certificate: Option<String>,
    /// APIv3密钥, 32 bytes.
    pub apiv3_key: Secret,
    /// Platform certificates (平台证书) in PEM, any number. With none, and no public key, they are
    /// downloaded before the first call; an unknown one is downloaded when WeChat begins to use it.
    pub platform_certificates: Vec<String>,
    /// WeChat Pay public keys (微信支付公钥): id and key. The first one is asked for in answers.
    pub public_keys: Vec<(String, String)>,
}

/// The sub merchant (特约商户) of an account in partner mode (服务商模式).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WechatPartner {
    pub sub_mchid: String,
    /// The sub merchant's own mini-program, when citizens pay in that one and not in the service
    /// provider's.
    pub sub_app_id: Option<String>,
}

/// What findings and errors call the merchant's key.
const MERCHANT_KEY: &str = "merchant private key";

/// One merchant account at WeChat Pay.
pub struct WechatMerchant {
    key: MerchantKey,
    client: Arc<Client>,
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
}

impl WechatMerchant {
    /// Reads all keys and proves what can be proven without a call.
    ///
    /// # Errors
    /// [`SetupError`] names the setting that cannot work.
    pub fn new(
        mut config: WechatConfig,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<WechatMerchant, SetupError> {
        let signing_key = SigningKey::read(MERCHANT_KEY, &config.merchant_key_pem)?;
        if let Some(text) = &config.merchant_certificate {
            keys::check_merchant(text, &config.merchant_serial, &signing_key.public_key())?;
        }
        let platform_keys = PlatformKeys::read(
            &config.platform_certificates,
            &config.public_keys,
            signing_key.public_key(),
        )?;
        let content_key = ContentKey::read(&config.apiv3_key)?;
        let account = Account::read(&mut config)?;
        let parts = Parts {
            hosts: Hosts::read(&config.base_url, config.backup_base_url.as_deref())?,
            account,
            serial: keys::merchant_serial(&config.merchant_serial)?,
            key: signing_key,
            platform_keys,
            content_key,
        };
        let client = Arc::new(Client::new(parts, Arc::clone(&clock), Arc::clone(&entropy))?);
        Ok(WechatMerchant { key: config.key, client, entropy, clock })
    }

    /// Sends a refund that ended abnormally (退款异常) to another account; it is under way again then.
    /// Asks WeChat for its own number of the refund first. Retry class: query first.
    ///
    /// # Errors
    /// As [`PaymentChannel::request_refund`]; [`ChannelError::BadRequest`] when a text is too long.
    pub async fn redirect_refund(
        &self,
        out_trade_no: &OutTradeNo,
        out_refund_no: &OutTradeNo,
        target: &WechatRefundTarget,
    ) -> Result<RefundStanding, ChannelError> {
        refund::redirect(&self.client, &self.key, out_trade_no, out_refund_no, target).await
    }

    /// Lets WeChat echo a message: proves keys, clocks, signatures and encryption of both sides
    /// without money. With `notify_url`, a genuine notification of the kind
    /// `SECURITY_ECHO.SUCCESS` follows. Retry class: idempotent.
    ///
    /// # Errors
    /// What is wrong, as any call would say it.
    pub async fn self_test(
        &self,
        message: &str,
        notify_url: Option<&str>,
    ) -> Result<(), ChannelError> {
        self_test::echo(&self.client, message, notify_url).await
    }

    /// Renews the list of certificates beside the caller, who does not wait. Outside a runtime
    /// nothing is renewed; the next own call will do it.
    fn renew_later(&self, serial: Option<String>) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let client = Arc::clone(&self.client);
            runtime.spawn(async move { client.renew(serial.as_deref()).await });
        }
    }

    /// A message under a serial that we do not know: perhaps a new certificate, perhaps anything.
    fn meet_unknown_serial(&self, now: Timestamp, headers: &HeaderMap, body: &[u8]) {
        let Ok(head) = SignedHead::read(headers) else { return };
        let serial = head.serial();
        let refresh = self.client.refresh();
        // From cheap to dear; the last one is the proof.
        if is_certificate_serial(serial)
            && head.is_fresh(now)
            && refresh.is_open_to(serial, now)
            && notification::is_sealed_for_us(self.client.content_key(), body)
        {
            self.renew_later(Some(serial.to_owned()));
        }
    }
}

impl fmt::Debug for WechatMerchant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WechatMerchant({}, {})", self.key, self.client.account().merchant_id())
    }
}

#[async_trait]
impl PaymentChannel for WechatMerchant {
    fn channel(&self) -> Channel {
        Channel::Wechat
    }

    fn merchant(&self) -> &MerchantKey {
        &self.key
    }

    fn merchant_id(&self) -> &str {
        self.client.account().merchant_id()
    }

    fn app_id(&self) -> &str {
        self.client.account().app_id()
    }

    fn prepare_payment(&self, request: &PaymentRequest) -> Result<Prepared, ChannelError> {
        payment::prepare(self.client.account(), request)
    }

    async fn create_payment(&self, prepared: &Prepared) -> Result<Created, ChannelError> {
        payment::create(&self.client, prepared).await
    }

    fn wallet_parameters(&self, created: &Created) -> Result<WalletParameters, ChannelError> {
        let nonce = self.entropy.letters(sign::NONCE_LETTERS);
        payment::wallet_parameters(&self.client, self.clock.now(), nonce, created)
    }

    fn token_lifetime(&self) -> Option<Duration> {
        Some(payment::PREPAY_ID_LIFETIME)
    }

    async fn query_payment(
        &self,
        out_trade_no: &OutTradeNo,
    ) -> Result<PaymentStanding, ChannelError> {
        payment::query(&self.client, &self.key, out_trade_no).await
    }

    async fn close_payment(&self, out_trade_no: &OutTradeNo) -> Result<(), ChannelError> {
        payment::close(&self.client, out_trade_no).await
    }

    fn prepare_refund(&self, request: &RefundRequest) -> Result<Prepared, ChannelError> {
        refund::prepare(self.client.account(), request)
    }

    async fn request_refund(&self, prepared: &Prepared) -> Result<RefundStanding, ChannelError> {
        refund::request(&self.client, &self.key, prepared).await
    }

    async fn query_refund(
        &self,
        out_trade_no: &OutTradeNo,
        out_refund_no: &OutTradeNo,
    ) -> Result<RefundStanding, ChannelError> {
        refund::query(&self.client, &self.key, out_trade_no, out_refund_no).await
    }

    fn open_notification(
        &self,
        now: Timestamp,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Notice, Refusal> {
        let opened = notification::open(&self.client, &self.key, now, headers, body);
        match &opened {
            Err(Refusal::UnknownKey) => self.meet_unknown_serial(now, headers, body),
            Ok(_) if self.client.refresh().is_due(now) => self.renew_later(None),
            _ => {}
        }
        opened
    }
}
