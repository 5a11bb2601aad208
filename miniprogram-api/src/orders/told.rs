//! What goes wrong with orders, in sentences that people can act on.

use axum::http::StatusCode;
use orders::OrderError;
use platforms::{ChannelError, Refused};
use serde_json::json;

use crate::problem::{ApiError, internal, invalid, storage_unavailable, tell};

impl From<OrderError> for ApiError {
    fn from(error: OrderError) -> ApiError {
        told(error)
    }
}

/// Every way in which an act on an order refuses, placed one by one.
pub(crate) fn told(error: OrderError) -> ApiError {
    match error {
        OrderError::NotFound => tell(
            StatusCode::NOT_FOUND,
            "order_not_found",
            "没有找到这笔订单,请返回缴费记录刷新。",
            "There is no such order. Go back to your records and refresh.",
        ),
        OrderError::PersonNotFound => crate::persons::person_not_found(),
        OrderError::IdempotencyConflict => tell(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "请求编号已用于另一笔缴费,请返回重新提交。",
            "This Idempotency-Key was used for another request. Use a new one.",
        ),
        OrderError::BillCount { max } => invalid(
            "bills",
            format!("请选择 1 到 {max} 笔账单,每笔只选一次。"),
            format!("Choose 1 to {max} bills, each once."),
        ),
        OrderError::UnknownAgency(_) => invalid(
            "bills.agency",
            "没有找到账单所属的经办机构,请重新查询应缴信息。",
            "The bill's agency is not known here. Query the bills again.",
        ),
        OrderError::NoMerchant | OrderError::OtherChannel => tell(
            StatusCode::CONFLICT,
            "channel_not_offered",
            "该城市暂不支持用当前平台支付,请换用其他平台的小程序或拨打 12366 咨询。",
            "The city does not collect through this platform. Use the other platform's mini-program, or call 12366.",
        ),
        OrderError::BillInOtherOrder { order } => tell(
            StatusCode::CONFLICT,
            "bill_in_other_order",
            "该账单已有未完成的订单,请勿重复支付。请在缴费记录中查看原订单。",
            "There is an unfinished order for this bill. Please do not pay twice; look at that order in your records.",
        )
        .with("order_no", json!(order)),
        OrderError::AmountChanged(bills) => {
            let changed: Vec<_> = bills
                .iter()
                .map(|bill| json!({ "bill_no": bill.bill_no, "seen": bill.seen, "now": bill.now }))
                .collect();
            tell(
                StatusCode::CONFLICT,
                "amount_changed",
                "应缴信息已变化,请重新查询并确认金额。",
                "What is due has changed. Please query it again and confirm the amount.",
            )
            .with("bills", json!(changed))
        }
        OrderError::AboveLimit { max } => tell(
            StatusCode::UNPROCESSABLE_ENTITY,
            "above_limit",
            format!("单笔订单不能超过 {max} 元,请分次缴费。"),
            format!("One order may be at most {max} yuan. Please pay in parts."),
        )
        .with("max", json!(max)),
        OrderError::Expired => tell(
            StatusCode::CONFLICT,
            "order_expired",
            "支付时间已过,请重新查询应缴信息后再下单。",
            "The time to pay is over. Query what is due and order again.",
        ),
        OrderError::NotPayable(state) => tell(
            StatusCode::CONFLICT,
            "order_moved_on",
            format!("订单状态为“{}”,请刷新查看,请勿重复支付。", state.label()),
            format!("The order is in state {state}. Refresh to see it, and do not pay twice."),
        )
        .with("state", json!(state)),
        OrderError::PaymentInProgress => tell(
            StatusCode::CONFLICT,
            "payment_in_progress",
            "正在确认支付结果,请稍后刷新,请勿重复支付。",
            "The result of the payment is being confirmed. Refresh in a moment, and do not pay twice.",
        ),
        OrderError::Refused(refused) => tell(
            StatusCode::CONFLICT,
            "order_moved_on",
            format!("订单状态已变化(“{}”),请刷新。", refused.from.label()),
            "The order has moved on. Please refresh.",
        ),
        OrderError::Agency(error) => error.into(),
        OrderError::Channel(error) => channel_told(error),
        OrderError::People(error) => error.into(),
        OrderError::Database(_) => storage_unavailable(&error),
        // No citizen asks for what the first four refuse.
        OrderError::AboveRefundable { .. }
        | OrderError::RefundableChanged { .. }
        | OrderError::NothingToTakeBack
        | OrderError::Reason
        | OrderError::Row { .. }
        | OrderError::Sealed(_) => internal(&error),
    }
}

fn channel_told(error: ChannelError) -> ApiError {
    tracing::warn!(%error, "a channel did not take a call");
    match error {
        ChannelError::NotSent | ChannelError::Unknown(_) | ChannelError::Busy => tell(
            StatusCode::BAD_GATEWAY,
            "channel_unavailable",
            "支付平台暂时没有响应,请稍后点击“继续支付”,不会重复扣款。",
            "The payment platform does not answer for the moment. Try again shortly with the same order: you will not be charged twice.",
        )
        .with("retryable", json!(true)),
        ChannelError::Refused(Refused::Payer) => tell(
            StatusCode::CONFLICT,
            "payer_refused",
            "支付平台不允许当前账号支付这笔订单,您的账户未扣款。请换用其他账号或支付方式。",
            "The platform does not let this account pay. Nothing was taken. Use another account or way to pay.",
        ),
        ChannelError::Refused(Refused::Limit) => tell(
            StatusCode::CONFLICT,
            "channel_limit",
            "金额超过支付平台限额,您的账户未扣款。请减少月数,分次缴费。",
            "The amount is above the platform's limit. Nothing was taken. Choose fewer months and pay in parts.",
        ),
        ChannelError::Refused(_) => tell(
            StatusCode::CONFLICT,
            "channel_refused",
            "支付平台未受理本次支付,您的账户未扣款。请重新查询应缴信息后再试。",
            "The platform did not accept this payment. Nothing was taken. Query what is due and try again.",
        ),
        ChannelError::Misconfigured(_) | ChannelError::BadRequest(_) => internal(&error),
    }
}
