//! Refunds (统一收单交易退款, 退款查询). Notifications of a refund go to the payment's address; the
//! method takes none of its own.

use kernel::{Channel, Fen, OutTradeNo, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Account,
    client::{Call, Client, Sorted, refusal, sorted},
    payment::{Frozen, content, read, same_number},
    response::Reply,
};
use crate::{
    ChannelError, Prepared, RefundFact, RefundRequest, RefundStanding, RefundStatus, Refused, Told,
};

#[derive(Serialize, Deserialize)]
struct RefundContent {
    out_trade_no: OutTradeNo,
    refund_amount: Fen,
    out_request_no: OutTradeNo,
    refund_reason: String,
}

pub(super) fn prepare(request: &RefundRequest) -> Result<Prepared, ChannelError> {
    let reason = request.reason.as_str();
    if reason.trim().is_empty() || reason.chars().count() > 256 || reason.contains(char::is_control)
    {
        return Err(ChannelError::BadRequest("reason: 1 to 256 characters, no control characters"));
    }
    if request.amount.is_zero() || request.payment_amount < request.amount {
        return Err(ChannelError::BadRequest("amount: at least one fen, at most the payment"));
    }
    let content = RefundContent {
        out_trade_no: request.out_trade_no.clone(),
        refund_amount: request.amount,
        out_request_no: request.out_refund_no.clone(),
        refund_reason: reason.to_owned(),
    };
    Frozen::prepare(&content, None)
}

/// `10000` alone proves nothing: only `fund_change` `Y` says that this call moved money. `N` means
/// repeated or still going on, so the outcome is unknown and the refund query tells.
pub(super) async fn request(
    client: &Client,
    account: &Account,
    prepared: &Prepared,
) -> Result<RefundStanding, ChannelError> {
    #[derive(Deserialize)]
    struct Answer {
        out_trade_no: String,
        fund_change: Option<String>,
        /// The sum of all refunds of the trade.
        refund_fee: Option<String>,
    }
    let frozen = Frozen::restore(prepared)?;
    let asked: RefundContent = serde_json::from_str(&frozen.biz_content)
        .map_err(|_| ChannelError::BadRequest("the stored request is not an Alipay refund"))?;
    let call = Call {
        operation: "refund",
        method: "alipay.trade.refund",
        notify_url: None,
        content: &[("biz_content", &frozen.biz_content)],
    };
    let judge = |reply: Reply| match sorted(reply)? {
        Sorted::Refused(codes) => Err(refusal(&codes)),
        Sorted::Success(verified) => {
            let answer: Answer = read(&verified)?;
            same_number(&answer.out_trade_no, asked.out_trade_no.as_str())?;
            let sum = answer.refund_fee.as_deref().map(Fen::from_yuan).transpose();
            let sum = sum.map_err(|_| ChannelError::Unknown("an unreadable refund_fee".into()))?;
            match answer.fund_change.as_deref() {
                Some("Y") => {
                    let number = asked.out_request_no.as_str().to_owned();
                    let fact = fact(account, answer.out_trade_no, number, None, None);
                    Ok(RefundStanding::Known(RefundFact { returned_so_far: sum, ..fact }))
                }
                _ => Err(ChannelError::Unknown("fund_change is not Y".into())),
            }
        }
    };
    client.exchange(call, judge).await
}

/// Success without `refund_status` means: not received, or not done yet.
pub(super) async fn query(
    client: &Client,
    account: &Account,
    out_trade_no: &OutTradeNo,
    out_refund_no: &OutTradeNo,
) -> Result<RefundStanding, ChannelError> {
    #[derive(Serialize)]
    struct Content<'a> {
        out_trade_no: &'a OutTradeNo,
        out_request_no: &'a OutTradeNo,
        query_options: [&'static str; 1],
    }
    #[derive(Deserialize)]
    struct Answer {
        out_trade_no: Option<String>,
        out_request_no: Option<String>,
        refund_status: Option<String>,
        refund_amount: Option<String>,
        gmt_refund_pay: Option<String>,
    }
    let content = content(&Content {
        out_trade_no,
        out_request_no: out_refund_no,
        query_options: ["gmt_refund_pay"],
    })?;
    let call = Call {
        operation: "refund_query",
        method: "alipay.trade.fastpay.refund.query",
        notify_url: None,
        content: &[("biz_content", &content)],
    };
    let judge = |reply: Reply| {
        let verified = match sorted(reply)? {
            Sorted::Success(verified) => verified,
            Sorted::Refused(codes) => {
                return match refusal(&codes) {
                    ChannelError::Refused(Refused::NotFound) => Ok(RefundStanding::NotFound),
                    other => Err(other),
                };
            }
        };
        let answer: Answer = read(&verified)?;
        match answer.refund_status.as_deref() {
            None | Some("") => Ok(RefundStanding::NotFound),
            Some("REFUND_SUCCESS") => {
                let lacking = || ChannelError::Unknown("the answer lacks members".into());
                let trade = answer.out_trade_no.ok_or_else(lacking)?;
                let refund = answer.out_request_no.ok_or_else(lacking)?;
                same_number(&trade, out_trade_no.as_str())?;
                same_number(&refund, out_refund_no.as_str())?;
                let amount = Fen::from_yuan(&answer.refund_amount.ok_or_else(lacking)?)
                    .map_err(|_| lacking())?;
                let time = answer.gmt_refund_pay.filter(|text| !text.trim().is_empty());
                let time = time.map(|text| Timestamp::from_beijing_text(&text)).transpose();
                let time = time.map_err(|_| lacking())?;
                Ok(RefundStanding::Known(fact(account, trade, refund, Some(amount), time)))
            }
            Some(_) => Err(ChannelError::Unknown("the answer has an unknown refund_status".into())),
        }
    };
    client.exchange(call, judge).await
}

fn fact(
    account: &Account,
    out_trade_no: String,
    out_refund_no: String,
    amount: Option<Fen>,
    refunded_at: Option<Timestamp>,
) -> RefundFact {
    RefundFact {
        told: Told::Query,
        channel: Channel::Alipay,
        merchant: account.key.clone(),
        merchant_id: account.seller_id.clone(),
        out_trade_no,
        out_refund_no,
        status: RefundStatus::Succeeded,
        amount,
        returned_so_far: None,
        refunded_at,
    }
}
