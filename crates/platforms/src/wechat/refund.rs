//! Refunds (申请退款, 查询退款).

use kernel::{Channel, Fen, MerchantKey, OutTradeNo, Secret, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    account::{Account, Named},
    client::Client,
    payment::{check_notify_url, check_text, encode},
    said::Said,
};
use crate::{
    ChannelError, Prepared, RefundFact, RefundRequest, RefundStanding, RefundStatus, Told,
    facts::is_name,
};

const PATH: &str = "/v3/refund/domestic/refunds";

#[derive(Serialize)]
struct RequestBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_mchid: Option<&'a str>,
    out_trade_no: &'a OutTradeNo,
    out_refund_no: &'a OutTradeNo,
    reason: &'a str,
    notify_url: &'a str,
    amount: RequestAmount,
}

#[derive(Serialize)]
struct RequestAmount {
    refund: i64,
    total: i64,
    currency: &'static str,
}

pub(super) fn prepare(
    account: &Account,
    request: &RefundRequest,
) -> Result<Prepared, ChannelError> {
    check_text(&request.reason, 80, "reason: 1 to 80 characters of at most 3 bytes")?;
    check_notify_url(&request.notify_url)?;
    if request.amount.is_zero() || request.payment_amount < request.amount {
        return Err(ChannelError::BadRequest("amount: at least one fen, at most the payment"));
    }
    encode(&RequestBody {
        sub_mchid: account.sub_mchid(),
        out_trade_no: &request.out_trade_no,
        out_refund_no: &request.out_refund_no,
        reason: &request.reason,
        notify_url: &request.notify_url,
        amount: RequestAmount {
            refund: request.amount.get(),
            total: request.payment_amount.get(),
            currency: "CNY",
        },
    })
}

/// 404 is told apart: shortly after a payment WeChat may not know the order here yet, and the same
/// request is to be repeated.
pub(super) async fn request(
    client: &Client,
    merchant: &MerchantKey,
    prepared: &Prepared,
) -> Result<RefundStanding, ChannelError> {
    #[derive(Deserialize)]
    struct Numbers {
        sub_mchid: Option<String>,
        out_trade_no: OutTradeNo,
        out_refund_no: OutTradeNo,
    }
    let numbers: Numbers = serde_json::from_str(prepared.as_str())
        .map_err(|_| ChannelError::BadRequest("the stored request is not a WeChat refund"))?;
    if numbers.sub_mchid.as_deref() != client.account().sub_mchid() {
        return Err(ChannelError::BadRequest("the stored request is another merchant's"));
    }
    let judge = |said| {
        judge(said, client.account(), merchant, &numbers.out_trade_no, &numbers.out_refund_no)
    };
    client.post("refund", PATH, prepared.as_str(), judge).await
}

pub(super) async fn query(
    client: &Client,
    merchant: &MerchantKey,
    out_trade_no: &OutTradeNo,
    out_refund_no: &OutTradeNo,
) -> Result<RefundStanding, ChannelError> {
    let target = query_target(client.account(), out_refund_no);
    let judge = |said| judge(said, client.account(), merchant, out_trade_no, out_refund_no);
    client.get("refund_query", &target, judge).await
}

fn query_target(account: &Account, out_refund_no: &OutTradeNo) -> String {
    match account.sub_mchid() {
        None => format!("{PATH}/{out_refund_no}"),
        Some(sub_mchid) => format!("{PATH}/{out_refund_no}?sub_mchid={sub_mchid}"),
    }
}

/// Where the money of an abnormal refund goes.
#[derive(Clone, Debug)]
pub enum WechatRefundTarget {
    /// To the merchant's own bank account; it pays the citizen by other means.
    MerchantBankCard,
    /// To another debit card of the citizen's, of one of the banks that WeChat lists.
    UserBankCard { bank_type: String, bank_account: Secret, real_name: Secret },
}

pub(super) async fn redirect(
    client: &Client,
    merchant: &MerchantKey,
    out_trade_no: &OutTradeNo,
    out_refund_no: &OutTradeNo,
    target: &WechatRefundTarget,
) -> Result<RefundStanding, ChannelError> {
    #[derive(Deserialize)]
    struct Named {
        refund_id: String,
    }
    #[derive(Serialize)]
    struct Body<'a> {
        out_refund_no: &'a OutTradeNo,
        #[serde(skip_serializing_if = "Option::is_none")]
        sub_mchid: Option<&'a str>,
        r#type: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        bank_type: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        bank_account: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        real_name: Option<String>,
    }
    let (serial, key) = client.sealing_key().await?;
    let mut body = Body {
        out_refund_no,
        sub_mchid: client.account().sub_mchid(),
        r#type: "MERCHANT_BANK_CARD",
        bank_type: None,
        bank_account: None,
        real_name: None,
    };
    if let WechatRefundTarget::UserBankCard { bank_type, bank_account, real_name } = target {
        check_text(bank_type, 16, "bank_type: 1 to 16 characters")?;
        let seal = |text: &Secret, rule| {
            let fits = !text.expose().trim().is_empty();
            let sealed = fits.then(|| key.seal(text.expose(), client.entropy())).flatten();
            sealed.map(Some).ok_or(ChannelError::BadRequest(rule))
        };
        body.r#type = "USER_BANK_CARD";
        body.bank_type = Some(bank_type);
        body.bank_account = seal(bank_account, "bank_account: 1 to 214 bytes")?;
        body.real_name = seal(real_name, "real_name: 1 to 214 bytes")?;
    }
    let own_number = |said| match said {
        Said::Done(verified) => verified.read().map(Some),
        Said::Error(error) if error.is_not_found() => Ok(None),
        Said::Error(error) => Err(error.into_error()),
    };
    let path = query_target(client.account(), out_refund_no);
    let named: Option<Named> = client.get("refund_query", &path, own_number).await?;
    let Some(Named { refund_id }) = named else { return Ok(RefundStanding::NotFound) };
    // The number becomes a part of a path.
    if refund_id.is_empty() || !refund_id.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(ChannelError::Unknown("the answer about a refund lacks members".into()));
    }
    let path = format!("{PATH}/{refund_id}/apply-abnormal-refund");
    let body = encode(&body)?;
    let judge = |said| judge(said, client.account(), merchant, out_trade_no, out_refund_no);
    client.post_sealed("refund_redirect", &path, body.as_str(), &serial, judge).await
}

fn judge(
    said: Said,
    account: &Account,
    merchant: &MerchantKey,
    out_trade_no: &OutTradeNo,
    out_refund_no: &OutTradeNo,
) -> Result<RefundStanding, ChannelError> {
    let verified = match said {
        Said::Done(verified) => verified,
        Said::Error(error) if error.is_not_found() => return Ok(RefundStanding::NotFound),
        Said::Error(error) => return Err(error.into_error()),
    };
    let refund: Named<Refund> = verified.read()?;
    if refund.told.out_refund_no != out_refund_no.as_str()
        || refund.told.out_trade_no != out_trade_no.as_str()
    {
        return Err(ChannelError::Unknown("the answer is about another number".into()));
    }
    let fact = refund.into_fact(Told::Query, merchant, Some(account.merchant_id()));
    fact.map(RefundStanding::Known)
        .ok_or_else(|| ChannelError::Unknown("the answer about a refund lacks members".into()))
}

/// A refund as answers and notifications tell it: the member is `status` in answers and
/// `refund_status` in notifications, and only notifications name the merchant.
#[derive(Deserialize)]
pub(super) struct Refund {
    out_trade_no: String,
    out_refund_no: String,
    status: Option<String>,
    refund_status: Option<String>,
    success_time: Option<String>,
    amount: Option<RefundAmount>,
}

#[derive(Deserialize)]
struct RefundAmount {
    refund: Option<i64>,
}

impl Named<Refund> {
    /// `None` when a member is missing or unreadable. `asked_of` is the merchant whose question
    /// was answered; a notification has to name one.
    pub(super) fn into_fact(
        self,
        told: Told,
        merchant: &MerchantKey,
        asked_of: Option<&str>,
    ) -> Option<RefundFact> {
        let status = match self.told.refund_status.or(self.told.status)?.as_str() {
            "PROCESSING" => RefundStatus::Processing,
            "SUCCESS" => RefundStatus::Succeeded,
            "CLOSED" => RefundStatus::Closed,
            "ABNORMAL" => RefundStatus::Abnormal,
            _ => return None,
        };
        let refunded_at = match self.told.success_time.filter(|_| status == RefundStatus::Succeeded)
        {
            Some(text) => Some(Timestamp::from_rfc3339(&text).ok()?),
            None => None,
        };
        if !is_name(&self.told.out_trade_no) || !is_name(&self.told.out_refund_no) {
            return None;
        }
        let merchant_id = match asked_of {
            Some(asked_of) if self.owner.is_nobody() => asked_of.to_owned(),
            _ => self.owner.merchant_id()?,
        };
        Some(RefundFact {
            told,
            channel: Channel::Wechat,
            merchant: merchant.clone(),
            merchant_id,
            out_trade_no: self.told.out_trade_no,
            out_refund_no: self.told.out_refund_no,
            status,
            amount: Some(Fen::new(self.told.amount?.refund?)?),
            returned_so_far: None,
            refunded_at,
        })
    }
}
