//! JSAPI payments (小程序支付): create, wallet parameters, query, close.

use std::time::Duration;

use kernel::{Channel, Fen, MerchantKey, OutTradeNo, Timestamp};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    account::{Account, Named, NamedPayer, Owner, PayerId},
    client::Client,
    said::Said,
    sign::wallet_text,
};
use crate::{
    ChannelError, Created, PayerIdKind, PaymentFact, PaymentRequest, PaymentStanding, Prepared,
    Refused, Told, WalletParameters,
    facts::{is_name, message_name},
    setup::{has_user, is_loopback},
};

/// Fixed by WeChat, whatever the attempt's own expiry says.
pub(super) const PREPAY_ID_LIFETIME: Duration = Duration::from_secs(2 * 60 * 60);

#[derive(Serialize)]
struct CreateBody<'a> {
    #[serde(flatten)]
    owner: Owner,
    description: &'a str,
    out_trade_no: &'a OutTradeNo,
    time_expire: String,
    notify_url: &'a str,
    amount: CreateAmount,
    payer: PayerId<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scene_info: Option<SceneInfo>,
}

#[derive(Serialize)]
struct CreateAmount {
    total: i64,
    currency: &'static str,
}

#[derive(Serialize)]
struct SceneInfo {
    payer_client_ip: String,
}

/// The exact JSON body, with no member that is null and none that WeChat does not know.
pub(super) fn prepare(
    account: &Account,
    request: &PaymentRequest,
) -> Result<Prepared, ChannelError> {
    check_text(&request.description, 127, "description: 1 to 127 characters of at most 3 bytes")?;
    check_notify_url(&request.notify_url)?;
    let payer = &request.payer;
    let printable = payer.id.bytes().all(|b| b.is_ascii_graphic());
    if payer.kind != PayerIdKind::OpenId || !printable || !(1..=128).contains(&payer.id.len()) {
        return Err(ChannelError::BadRequest("payer: an openid of 1 to 128 characters"));
    }
    if request.amount.is_zero() {
        return Err(ChannelError::BadRequest("amount: at least one fen"));
    }
    let client_ip = request.client_ip.map(|ip| ip.to_canonical().to_string());
    encode(&CreateBody {
        owner: account.owner(),
        description: &request.description,
        out_trade_no: &request.out_trade_no,
        time_expire: request.expires_at.rfc3339(),
        notify_url: &request.notify_url,
        amount: CreateAmount { total: request.amount.get(), currency: "CNY" },
        payer: account.payer(&payer.id),
        scene_info: client_ip.map(|payer_client_ip| SceneInfo { payer_client_ip }),
    })
}

pub(super) fn encode<T: Serialize>(body: &T) -> Result<Prepared, ChannelError> {
    let text = serde_json::to_string(body);
    let text = text.map_err(|_| ChannelError::BadRequest("the request cannot be written"))?;
    Ok(Prepared::restore(text))
}

/// WeChat refuses characters of four bytes; control characters have no place in a sentence.
pub(super) fn check_text(
    text: &str,
    length_max: usize,
    rule: &'static str,
) -> Result<(), ChannelError> {
    let refused = |c: char| c.len_utf8() > 3 || c.is_control();
    if text.trim().is_empty() || text.chars().count() > length_max || text.contains(refused) {
        return Err(ChannelError::BadRequest(rule));
    }
    Ok(())
}

/// A wrong address is not reported by WeChat: notifications just never come.
pub(super) fn check_notify_url(text: &str) -> Result<(), ChannelError> {
    let rule = "notify_url: https, at most 255 visible characters, no query (http: loopback only)";
    let refused = || ChannelError::BadRequest(rule);
    if !(8..=255).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(refused());
    }
    let url = Url::parse(text).map_err(|_| refused())?;
    let secured = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    if !secured || url.query().is_some() || url.fragment().is_some() || has_user(&url) {
        return Err(refused());
    }
    Ok(())
}

pub(super) async fn create(client: &Client, prepared: &Prepared) -> Result<Created, ChannelError> {
    #[derive(Deserialize)]
    struct Body {
        prepay_id: String,
    }
    let owner: Owner = serde_json::from_str(prepared.as_str())
        .map_err(|_| ChannelError::BadRequest("the stored request is not a WeChat payment"))?;
    if owner != client.account().owner() {
        return Err(ChannelError::BadRequest("the stored request is another merchant's"));
    }
    let judge = |said| match said {
        Said::Done(verified) => {
            let Body { prepay_id: token } = verified.read()?;
            // The id goes into a text of lines and into the wallet.
            if token.is_empty() || token.len() > 64 || !token.bytes().all(|b| b.is_ascii_graphic())
            {
                return Err(ChannelError::Unknown("the prepay_id has an unknown form".into()));
            }
            Ok(Created { token })
        }
        Said::Error(error) => Err(error.into_error()),
    };
    let target = format!("{}/jsapi", client.account().payments());
    client.post("create", &target, prepared.as_str(), judge).await
}

pub(super) fn wallet_parameters(
    client: &Client,
    now: Timestamp,
    nonce: String,
    created: &Created,
) -> Result<WalletParameters, ChannelError> {
    let package = format!("prepay_id={}", created.token);
    let seconds = now.unix_seconds();
    let pay_sign =
        client.sign(&wallet_text(client.account().app_id(), seconds, &nonce, &package))?;
    Ok(WalletParameters::Wechat {
        time_stamp: seconds.to_string(),
        nonce_str: nonce,
        package,
        sign_type: "RSA".into(),
        pay_sign,
    })
}

pub(super) async fn query(
    client: &Client,
    merchant: &MerchantKey,
    out_trade_no: &OutTradeNo,
) -> Result<PaymentStanding, ChannelError> {
    let (account, query) = (client.account(), client.account().query());
    let target = format!("{}/out-trade-no/{out_trade_no}?{query}", account.payments());
    let judge = |said| match said {
        Said::Done(verified) => {
            let transaction: Named<Transaction> = verified.read()?;
            // A genuine answer to another question proves nothing about this one.
            if transaction.told.out_trade_no != out_trade_no.as_str() {
                return Err(ChannelError::Unknown("the answer is about another number".into()));
            }
            transaction.into_standing(account, merchant)
        }
        Said::Error(error) if error.is_not_found() => Ok(PaymentStanding::NotFound),
        Said::Error(error) => Err(error.into_error()),
    };
    client.get("query", &target, judge).await
}

/// 204 also for numbers that are closed already or that WeChat never saw; the caller queries
/// afterwards.
pub(super) async fn close(client: &Client, out_trade_no: &OutTradeNo) -> Result<(), ChannelError> {
    let account = client.account();
    let target = format!("{}/out-trade-no/{out_trade_no}/close", account.payments());
    let body = encode(&account.merchant())?;
    let judge = |said| match said {
        Said::Done(_) => Ok(()),
        Said::Error(error) => match error.into_error() {
            ChannelError::Refused(Refused::Closed) => Ok(()),
            other => Err(other),
        },
    };
    client.post("close", &target, body.as_str(), judge).await
}

/// A transaction as queries and notifications tell it. Members that are absent before payment are
/// optional.
#[derive(Deserialize)]
pub(super) struct Transaction {
    out_trade_no: String,
    transaction_id: Option<String>,
    trade_state: String,
    success_time: Option<String>,
    amount: Option<TransactionAmount>,
    payer: Option<NamedPayer>,
}

#[derive(Deserialize)]
struct TransactionAmount {
    total: Option<i64>,
    currency: Option<String>,
}

impl Named<Transaction> {
    pub(super) fn is_success(&self) -> bool {
        self.told.trade_state == "SUCCESS"
    }

    fn into_standing(
        self,
        account: &Account,
        merchant: &MerchantKey,
    ) -> Result<PaymentStanding, ChannelError> {
        match self.told.trade_state.as_str() {
            // REFUND: received, and some of it, perhaps all, went back later.
            "SUCCESS" | "REFUND" => self
                .into_fact(Told::Query, account, merchant, None)
                .map(PaymentStanding::Paid)
                .ok_or_else(|| ChannelError::Unknown("a paid answer lacks members".into())),
            // The latter two belong to code payments (付款码): not paid, and a close ends them.
            "NOTPAY" | "USERPAYING" | "PAYERROR" => Ok(PaymentStanding::Unpaid),
            "CLOSED" => Ok(PaymentStanding::Closed),
            // REVOKED (code payments) may have been paid and returned; others are not known.
            _ => Err(ChannelError::Unknown("the answer has an unknown trade_state".into())),
        }
    }

    /// `None` when a member is missing or unreadable.
    pub(super) fn into_fact(
        self,
        told: Told,
        account: &Account,
        merchant: &MerchantKey,
        notification_id: Option<String>,
    ) -> Option<PaymentFact> {
        let amount = self.told.amount?;
        let currency = amount.currency.unwrap_or_else(|| "CNY".into());
        let transaction_id = self.told.transaction_id?;
        let names = [&self.told.out_trade_no, &transaction_id, &currency];
        if !names.into_iter().all(|name| is_name(name)) {
            return None;
        }
        Some(PaymentFact {
            told,
            channel: Channel::Wechat,
            merchant: merchant.clone(),
            merchant_id: self.owner.merchant_id()?,
            app_id: account.named_app(&self.owner)?,
            out_trade_no: self.told.out_trade_no,
            transaction_id,
            amount: Fen::new(amount.total?)?,
            currency,
            paid_at: Timestamp::from_rfc3339(&self.told.success_time?).ok()?,
            payer_id: self.told.payer.and_then(|payer| account.payer_id(payer)),
            notification_id: message_name(notification_id),
            went_back: self.told.trade_state == "REFUND",
        })
    }
}
