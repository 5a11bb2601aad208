//! Alipay's open platform, gateway v2 in key mode (公钥模式) and in certificate mode (公钥证书模式), and
//! what its mini-program needs: login, phone number, identity, messages.
//!
//! Players: an [`AlipayMerchant`] is one collecting account with the application that calls for
//! it; an [`AlipayLogin`] is one mini-program. Promised: an answer counts as success only when the
//! exact substring that Alipay signed was verified; a notification is read only after the
//! signature over all its fields was verified; a bill only when its lines add up to what it says.
//! Deliberately absent: v3, SM2, SHA-1, and the encryption of content but for phone numbers.

mod archive;
mod bill;
mod certificate;
mod citizen;
mod client;
mod examination;
mod identity;
mod keys;
mod login;
mod message;
mod notification;
mod payment;
mod phone;
mod refund;
mod response;
mod sign;
mod statement;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use kernel::{Channel, Clock, MerchantKey, OutTradeNo, Secret, Timestamp};
use reqwest::header::HeaderMap;

use self::client::Client;
use crate::{
    ChannelError, Created, Notice, PaymentChannel, PaymentRequest, PaymentStanding, Prepared,
    RefundRequest, RefundStanding, Refusal, SetupError, WalletParameters, setup::identifier,
};

pub use self::{
    bill::BillError,
    identity::{CertifyDocument, CertifyId, CertifyRequest, CertifyScene, CertifyStanding},
    login::AlipayLogin,
    message::{MessageFate, TemplateMessage},
    payment::AlipayCancelled,
    phone::PhoneError,
    statement::{
        AlipayBalanceLine, AlipayBalanceStatement, AlipayTradeLine, AlipayTradeStatement,
        StatementError, StatementKind,
    },
};

/// All that makes an Alipay application and its collecting account, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlipayConfig {
    /// Our name for the account.
    pub key: MerchantKey,
    /// Production is `https://openapi.alipay.com/gateway.do`.
    pub gateway: String,
    /// The mini-program's application id.
    pub app_id: String,
    /// The collecting account (PID, 2088…).
    pub seller_id: String,
    /// The application's private key (应用私钥).
    pub app_private_key: Secret,
    /// Alipay's public keys (支付宝公钥), not the application's. Several while one is replaced;
    /// none in certificate mode.
    pub alipay_public_keys: Vec<String>,
    /// Certificate mode (公钥证书模式).
    pub certificates: Option<AlipayCertificates>,
    /// The key of content encryption (接口内容加密), for phone numbers: base64 of 16 bytes.
    pub content_key: Option<Secret>,
}

/// The three files that the console hands out in certificate mode, as PEM. With them, requests name
/// the application's certificate, and answers are proven by the certificate of Alipay that they name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlipayCertificates {
    /// `appCertPublicKey_….crt`
    pub application: String,
    /// `alipayCertPublicKey_RSA2.crt`, the leaf first. Several while one is replaced; a new one is
    /// also downloaded when an answer names it.
    pub alipay: Vec<String>,
    /// `alipayRootCert.crt`, all roots.
    pub roots: String,
}

/// What findings and errors call the application's key.
pub(crate) const APP_KEY: &str = "application private key";

/// Which account a fact is about.
struct Account {
    key: MerchantKey,
    app_id: String,
    seller_id: String,
}

/// One merchant account at Alipay.
pub struct AlipayMerchant {
    account: Account,
    client: Client,
}

impl AlipayMerchant {
    /// Reads all keys and proves what can be proven without a call.
    ///
    /// # Errors
    /// [`SetupError`] names the setting that cannot work.
    pub fn new(config: AlipayConfig, clock: Arc<dyn Clock>) -> Result<AlipayMerchant, SetupError> {
        let client = Client::new(&config, clock)?;
        let account = Account {
            key: config.key,
            app_id: identifier("app_id", config.app_id)?,
            seller_id: identifier("seller_id", config.seller_id)?,
        };
        Ok(AlipayMerchant { account, client })
    }

    /// Undoes an attempt whatever became of it (撤销): unpaid it is closed, paid it is **returned**.
    /// For attempts that nobody waits for any more; otherwise closing is right, because it never
    /// moves money. Retry class: idempotent.
    ///
    /// # Errors
    /// [`ChannelError::Busy`] also when Alipay asks to repeat.
    pub async fn cancel_payment(
        &self,
        out_trade_no: &OutTradeNo,
    ) -> Result<AlipayCancelled, ChannelError> {
        payment::cancel(&self.client, out_trade_no).await
    }
}

/// What [`crate::fuzzing`] opens: the root node of an answer, when `public_key` signed it.
pub(crate) fn verified_node(body: &[u8], root: &str, public_key: &str) -> Option<String> {
    let keys = keys::AlipayKeys::of_one(public_key).ok()?;
    let now = Timestamp::from_unix_seconds(0);
    match response::read(body, root, &keys, now).ok()? {
        response::Reply::Verified(verified) => Some(verified.text().to_owned()),
        response::Reply::Unsigned(_) => None,
    }
}

impl fmt::Debug for AlipayMerchant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AlipayMerchant({}, {})", self.account.key, self.account.seller_id)
    }
}

#[async_trait]
impl PaymentChannel for AlipayMerchant {
    fn channel(&self) -> Channel {
        Channel::Alipay
    }

    fn merchant(&self) -> &MerchantKey {
        &self.account.key
    }

    fn merchant_id(&self) -> &str {
        &self.account.seller_id
    }

    fn app_id(&self) -> &str {
        &self.account.app_id
    }

    fn prepare_payment(&self, request: &PaymentRequest) -> Result<Prepared, ChannelError> {
        payment::prepare(&self.account.app_id, request)
    }

    async fn create_payment(&self, prepared: &Prepared) -> Result<Created, ChannelError> {
        payment::create(&self.client, &self.account.app_id, prepared).await
    }

    fn wallet_parameters(&self, created: &Created) -> Result<WalletParameters, ChannelError> {
        Ok(WalletParameters::Alipay { trade_no: created.token.clone() })
    }

    fn token_lifetime(&self) -> Option<Duration> {
        None
    }

    async fn query_payment(
        &self,
        out_trade_no: &OutTradeNo,
    ) -> Result<PaymentStanding, ChannelError> {
        payment::query(&self.client, &self.account, out_trade_no).await
    }

    async fn close_payment(&self, out_trade_no: &OutTradeNo) -> Result<(), ChannelError> {
        payment::close(&self.client, out_trade_no).await
    }

    fn prepare_refund(&self, request: &RefundRequest) -> Result<Prepared, ChannelError> {
        refund::prepare(request)
    }

    async fn request_refund(&self, prepared: &Prepared) -> Result<RefundStanding, ChannelError> {
        refund::request(&self.client, &self.account, prepared).await
    }

    async fn query_refund(
        &self,
        out_trade_no: &OutTradeNo,
        out_refund_no: &OutTradeNo,
    ) -> Result<RefundStanding, ChannelError> {
        refund::query(&self.client, &self.account, out_trade_no, out_refund_no).await
    }

    fn open_notification(
        &self,
        now: Timestamp,
        _headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Notice, Refusal> {
        notification::open(self.client.alipay_keys(), &self.account.key, now, body)
    }
}
