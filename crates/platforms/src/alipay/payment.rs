//! JSAPI payments (小程序支付): create, query, close.

use kernel::{Channel, Fen, OutTradeNo, Timestamp};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    Account,
    client::{Call, Client, Sorted, refusal, sorted},
    response::{Reply, Verified},
};
use crate::{
    ChannelError, Created, PayerIdKind, PaymentFact, PaymentRequest, PaymentStanding, Prepared,
    Refused, Told, setup::has_user,
};

/// One hundred million yuan, the largest `total_amount`.
const AMOUNT_MAX_FEN: i64 = 10_000_000_000;

/// What is kept of a call before its first try. Time and signature are of each try; all that
/// Alipay compares when a number is used again is here.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Frozen {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) notify_url: Option<String>,
    /// `biz_content` to the byte.
    pub(super) biz_content: String,
}

impl Frozen {
    pub(super) fn prepare<T: Serialize>(
        content: &T,
        notify_url: Option<String>,
    ) -> Result<Prepared, ChannelError> {
        let unwritable = |_| ChannelError::BadRequest("the request cannot be written");
        let biz_content = serde_json::to_string(content).map_err(unwritable)?;
        let text = serde_json::to_string(&Frozen { notify_url, biz_content });
        text.map(Prepared::restore).map_err(unwritable)
    }

    pub(super) fn restore(prepared: &Prepared) -> Result<Frozen, ChannelError> {
        serde_json::from_str(prepared.as_str())
            .map_err(|_| ChannelError::BadRequest("the stored request is not an Alipay call"))
    }
}

#[derive(Serialize)]
struct CreateContent<'a> {
    out_trade_no: &'a OutTradeNo,
    total_amount: String,
    subject: &'a str,
    product_code: &'static str,
    op_app_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    buyer_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    buyer_open_id: Option<&'a str>,
    time_expire: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    business_params: Option<BusinessParameters>,
}

#[derive(Serialize)]
struct BusinessParameters {
    mc_create_trade_ip: String,
}

pub(super) fn prepare(app_id: &str, request: &PaymentRequest) -> Result<Prepared, ChannelError> {
    check_subject(&request.description)?;
    check_notify_url(&request.notify_url)?;
    let id = request.payer.id.as_str();
    let (buyer_id, buyer_open_id) = match request.payer.kind {
        PayerIdKind::UserId => (Some(id), None),
        PayerIdKind::OpenId => (None, Some(id)),
    };
    if !buyer_id
        .is_none_or(|id| (1..=28).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit()))
    {
        return Err(ChannelError::BadRequest("payer: a user id of at most 28 digits"));
    }
    if !buyer_open_id.is_none_or(crate::login::is_platform_id) {
        return Err(ChannelError::BadRequest("payer: an open id of 1 to 128 characters"));
    }
    if !(1..=AMOUNT_MAX_FEN).contains(&request.amount.get()) {
        return Err(ChannelError::BadRequest("amount: 0.01 to 100000000.00 yuan"));
    }
    let client_ip = request.client_ip.map(|ip| ip.to_canonical().to_string());
    let content = CreateContent {
        out_trade_no: &request.out_trade_no,
        total_amount: request.amount.to_string(),
        subject: &request.description,
        product_code: "JSAPI_PAY",
        op_app_id: app_id,
        buyer_id,
        buyer_open_id,
        time_expire: request.expires_at.beijing_text(),
        business_params: client_ip
            .map(|mc_create_trade_ip| BusinessParameters { mc_create_trade_ip }),
    };
    Frozen::prepare(&content, Some(request.notify_url.clone()))
}

/// Alipay forbids `/`, `=` and `&`. The last two matter for us as well: notifications echo the
/// subject and are signed over unescaped `name=value` pairs joined by `&`, so a subject of ours
/// must not be able to look like other pairs.
fn check_subject(subject: &str) -> Result<(), ChannelError> {
    let refused = |c: char| "/=&".contains(c) || c.is_control();
    if subject.trim().is_empty() || subject.chars().count() > 256 || subject.contains(refused) {
        let rule = "description: 1 to 256 characters without / = & and control characters";
        return Err(ChannelError::BadRequest(rule));
    }
    Ok(())
}

fn check_notify_url(text: &str) -> Result<(), ChannelError> {
    let rule = "notify_url: http(s), at most 256 visible characters, no query";
    let refused = || ChannelError::BadRequest(rule);
    if !(8..=256).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(refused());
    }
    let url = Url::parse(text).map_err(|_| refused())?;
    let known = matches!(url.scheme(), "http" | "https");
    if !known || url.query().is_some() || url.fragment().is_some() || has_user(&url) {
        return Err(refused());
    }
    Ok(())
}

pub(super) async fn create(
    client: &Client,
    app_id: &str,
    prepared: &Prepared,
) -> Result<Created, ChannelError> {
    #[derive(Deserialize)]
    struct Asked {
        out_trade_no: String,
        op_app_id: String,
    }
    #[derive(Deserialize)]
    struct Answer {
        out_trade_no: String,
        trade_no: String,
    }
    let frozen = Frozen::restore(prepared)?;
    let asked: Asked = serde_json::from_str(&frozen.biz_content)
        .map_err(|_| ChannelError::BadRequest("the stored request is not an Alipay payment"))?;
    if asked.op_app_id != app_id {
        return Err(ChannelError::BadRequest("the stored request is another application's"));
    }
    let call = Call {
        operation: "create",
        method: "alipay.trade.create",
        notify_url: frozen.notify_url.as_deref(),
        content: &[("biz_content", &frozen.biz_content)],
    };
    let judge = |reply| match sorted(reply)? {
        Sorted::Refused(codes) => Err(refusal(&codes)),
        Sorted::Success(verified) => {
            let answer: Answer = read(&verified)?;
            same_number(&answer.out_trade_no, &asked.out_trade_no)?;
            let token = answer.trade_no;
            if !(1..=64).contains(&token.len()) || !token.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(ChannelError::Unknown("the trade_no has an unknown form".into()));
            }
            Ok(Created { token })
        }
    };
    client.exchange(call, judge).await
}

/// A genuine node that lacks what it should have is still an unknown outcome.
pub(super) fn read<T: serde::de::DeserializeOwned>(verified: &Verified) -> Result<T, ChannelError> {
    verified.read().ok_or_else(|| ChannelError::Unknown("the answer lacks members".into()))
}

/// Answers carry no time and no nonce: that they belong to this question shows in the number only.
pub(super) fn same_number(answered: &str, asked: &str) -> Result<(), ChannelError> {
    if answered == asked {
        Ok(())
    } else {
        Err(ChannelError::Unknown("the answer is about another number".into()))
    }
}

#[derive(Serialize)]
struct TradeContent<'a> {
    out_trade_no: &'a OutTradeNo,
}

#[derive(Deserialize)]
struct Trade {
    out_trade_no: String,
    trade_no: Option<String>,
    trade_status: String,
    total_amount: Option<String>,
    send_pay_date: Option<String>,
    buyer_open_id: Option<String>,
    buyer_user_id: Option<String>,
}

pub(super) async fn query(
    client: &Client,
    account: &Account,
    out_trade_no: &OutTradeNo,
) -> Result<PaymentStanding, ChannelError> {
    let content = content(&TradeContent { out_trade_no })?;
    let call = Call {
        operation: "query",
        method: "alipay.trade.query",
        notify_url: None,
        content: &[("biz_content", &content)],
    };
    let judge = |reply: Reply| match sorted(reply)? {
        Sorted::Refused(codes) => match refusal(&codes) {
            ChannelError::Refused(Refused::NotFound) => Ok(PaymentStanding::NotFound),
            other => Err(other),
        },
        Sorted::Success(verified) => {
            let trade: Trade = read(&verified)?;
            same_number(&trade.out_trade_no, out_trade_no.as_str())?;
            trade.into_standing(account)
        }
    };
    client.exchange(call, judge).await
}

pub(super) fn content<T: Serialize>(content: &T) -> Result<String, ChannelError> {
    serde_json::to_string(content)
        .map_err(|_| ChannelError::BadRequest("the request cannot be written"))
}

impl Trade {
    fn into_standing(self, account: &Account) -> Result<PaymentStanding, ChannelError> {
        let paid_at = self.send_pay_date.as_deref().filter(|text| !text.trim().is_empty());
        match (self.trade_status.as_str(), paid_at) {
            ("WAIT_BUYER_PAY", _) => Ok(PaymentStanding::Unpaid),
            // Closed with a pay date: paid, and given back in full since.
            ("TRADE_CLOSED", None) => Ok(PaymentStanding::Closed),
            ("TRADE_SUCCESS" | "TRADE_FINISHED" | "TRADE_CLOSED", Some(_)) => {
                let fact = self.into_fact(account);
                fact.map(PaymentStanding::Paid)
                    .ok_or_else(|| ChannelError::Unknown("a paid answer lacks members".into()))
            }
            ("TRADE_SUCCESS" | "TRADE_FINISHED", None) => {
                Err(ChannelError::Unknown("a paid answer lacks members".into()))
            }
            _ => Err(ChannelError::Unknown("the answer has an unknown trade_status".into())),
        }
    }

    fn into_fact(self, account: &Account) -> Option<PaymentFact> {
        Some(PaymentFact {
            told: Told::Query,
            channel: Channel::Alipay,
            merchant: account.key.clone(),
            // A query answers for the account that asks and names neither.
            merchant_id: account.seller_id.clone(),
            app_id: account.app_id.clone(),
            out_trade_no: self.out_trade_no,
            transaction_id: self.trade_no.filter(|no| !no.is_empty())?,
            amount: Fen::from_yuan(&self.total_amount?).ok()?,
            currency: "CNY".into(),
            paid_at: Timestamp::from_beijing_text(&self.send_pay_date?).ok()?,
            payer_id: [self.buyer_open_id, self.buyer_user_id]
                .into_iter()
                .flatten()
                .find(|id| !id.is_empty()),
            notification_id: None,
            went_back: self.trade_status == "TRADE_CLOSED",
        })
    }
}

/// What a cancel did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlipayCancelled {
    /// It was unpaid, or closed before.
    Closed,
    /// It was paid, and the money goes back.
    Refunded,
    /// Alipay knows no such number.
    NotFound,
}

pub(super) async fn cancel(
    client: &Client,
    out_trade_no: &OutTradeNo,
) -> Result<AlipayCancelled, ChannelError> {
    #[derive(Deserialize)]
    struct Answer {
        out_trade_no: Option<String>,
        retry_flag: Option<String>,
        action: Option<String>,
    }
    let content = content(&TradeContent { out_trade_no })?;
    let call = Call {
        operation: "cancel",
        method: "alipay.trade.cancel",
        notify_url: None,
        content: &[("biz_content", &content)],
    };
    let judge = |reply: Reply| match sorted(reply)? {
        Sorted::Refused(codes) => Err(refusal(&codes)),
        Sorted::Success(verified) => {
            let answer: Answer = read(&verified)?;
            if let Some(number) = &answer.out_trade_no {
                same_number(number, out_trade_no.as_str())?;
            }
            if answer.retry_flag.as_deref() == Some("Y") {
                return Err(ChannelError::Busy);
            }
            match answer.action.as_deref() {
                Some("close") => Ok(AlipayCancelled::Closed),
                Some("refund") => Ok(AlipayCancelled::Refunded),
                None | Some("") => Ok(AlipayCancelled::NotFound),
                Some(_) => Err(ChannelError::Unknown("the answer has an unknown action".into())),
            }
        }
    };
    client.exchange(call, judge).await
}

/// Only an unpaid trade can be closed. The refusals do not tell a paid trade from a closed one;
/// either way the caller queries next.
pub(super) async fn close(client: &Client, out_trade_no: &OutTradeNo) -> Result<(), ChannelError> {
    let content = content(&TradeContent { out_trade_no })?;
    let call = Call {
        operation: "close",
        method: "alipay.trade.close",
        notify_url: None,
        content: &[("biz_content", &content)],
    };
    let judge = |reply: Reply| match sorted(reply)? {
        Sorted::Success(verified) => {
            #[derive(Deserialize)]
            struct Answer {
                out_trade_no: Option<String>,
            }
            let answer: Answer = read(&verified)?;
            answer.out_trade_no.map_or(Ok(()), |no| same_number(&no, out_trade_no.as_str()))
        }
        Sorted::Refused(codes) => Err(match codes.sub_name().as_str() {
            "TRADE_STATUS_ERROR" | "REASON_TRADE_STATUS_INVALID" | "REASON_ILLEGAL_STATUS" => {
                ChannelError::Refused(Refused::AlreadyPaid)
            }
            _ => refusal(&codes),
        }),
    };
    client.exchange(call, judge).await
}
