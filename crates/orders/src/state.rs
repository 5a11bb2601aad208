//! The life of an order as one pure table: which event leads from which state to which.
//!
//! Nothing else sets a state. A refusal changes nothing and says from what and by what. Money that
//! arrived is never refused: every state has an answer to [`OrderEvent::MoneyArrived`].
//! States, labels and rules: domain, 订单状态 and 状态文案.

use std::{fmt, str::FromStr};

use kernel::UnknownWord;
use serde::{Deserialize, Serialize};

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderState {
    /// Bills are frozen, nothing was asked of a channel.
    Created,
    /// A channel was asked to collect.
    Paying,
    /// The money is here, the agency has not booked all of it.
    Paid,
    /// A person is looking.
    Suspended,
    /// Every bill is booked.
    Success,
    /// Some bills are booked, the rest of the money goes back.
    SuccessPartial,
    /// The channel refused before any money moved.
    Failed,
    Refunding,
    Refunded,
    RefundFailed,
    /// Not paid, and nobody waits for it any more.
    Closed,
    /// The agency took its booking back.
    Reversed,
    /// The agency gave the money back by its own procedure.
    AgencyRefunded,
}

impl OrderState {
    pub const ALL: [OrderState; 13] = [
        OrderState::Created,
        OrderState::Paying,
        OrderState::Paid,
        OrderState::Suspended,
        OrderState::Success,
        OrderState::SuccessPartial,
        OrderState::Failed,
        OrderState::Refunding,
        OrderState::Refunded,
        OrderState::RefundFailed,
        OrderState::Closed,
        OrderState::Reversed,
        OrderState::AgencyRefunded,
    ];

    /// The stable code in the database and in JSON.
    pub const fn code(self) -> &'static str {
        match self {
            OrderState::Created => "CREATED",
            OrderState::Paying => "PAYING",
            OrderState::Paid => "PAID",
            OrderState::Suspended => "SUSPENDED",
            OrderState::Success => "SUCCESS",
            OrderState::SuccessPartial => "SUCCESS_PARTIAL",
            OrderState::Failed => "FAILED",
            OrderState::Refunding => "REFUNDING",
            OrderState::Refunded => "REFUNDED",
            OrderState::RefundFailed => "REFUND_FAILED",
            OrderState::Closed => "CLOSED",
            OrderState::Reversed => "REVERSED",
            OrderState::AgencyRefunded => "AGENCY_REFUNDED",
        }
    }

    /// The label that citizens and operators see.
    pub const fn label(self) -> &'static str {
        match self {
            OrderState::Created => "待支付",
            OrderState::Paying => "支付中",
            OrderState::Paid => "已支付待入账",
            OrderState::Suspended => "处理中",
            OrderState::Success => "缴费成功",
            OrderState::SuccessPartial => "部分成功",
            OrderState::Failed => "缴费失败",
            OrderState::Refunding => "退款中",
            OrderState::Refunded => "已退款",
            OrderState::RefundFailed => "退款异常",
            OrderState::Closed => "已关闭",
            OrderState::Reversed => "已冲正",
            OrderState::AgencyRefunded => "已退费",
        }
    }

    /// Whether the order still claims its bills: nobody may start to pay them again meanwhile.
    pub const fn is_live(self) -> bool {
        match self {
            OrderState::Created | OrderState::Paying | OrderState::Paid | OrderState::Suspended => {
                true
            }
            OrderState::Success
            | OrderState::SuccessPartial
            | OrderState::Failed
            | OrderState::Refunding
            | OrderState::RefundFailed
            | OrderState::Reversed
            | OrderState::Refunded
            | OrderState::Closed
            | OrderState::AgencyRefunded => false,
        }
    }

    /// Whether nothing waits any more: not the citizen, not the channel, not the agency.
    pub const fn is_final(self) -> bool {
        match self {
            OrderState::Success
            | OrderState::SuccessPartial
            | OrderState::Failed
            | OrderState::Refunded
            | OrderState::Closed
            | OrderState::AgencyRefunded => true,
            OrderState::Created
            | OrderState::Paying
            | OrderState::Paid
            | OrderState::Suspended
            | OrderState::Refunding
            | OrderState::RefundFailed
            | OrderState::Reversed => false,
        }
    }

    /// Whether a payment can still be started.
    pub const fn is_payable(self) -> bool {
        matches!(self, OrderState::Created | OrderState::Paying)
    }

    /// Where `event` leads.
    ///
    /// # Errors
    /// [`Refused`] when the event has no meaning in this state; nothing changes then.
    pub fn next(self, event: OrderEvent) -> Result<OrderState, Refused> {
        use OrderEvent::*;
        use OrderState::*;
        Ok(match (self, event) {
            (Created | Paying, PaymentStarted) => Paying,
            (Created | Paying, Cancelled | Expired) => Closed,
            (Paying, PaymentRefused) => Failed,

            // The first money for this order. Late money is real money.
            // An order whose misfit was returned by hand may be paid yet; one whose own payment went
            // back has one already, and more of it is surplus.
            (Created | Paying | Closed | Failed | Suspended | Refunded, MoneyArrived) => Paid,
            // Money for an order that has moved on is surplus, whatever the caller thought.
            (kept, MoneyArrived | SurplusArrived) => kept,
            (Created | Paying | Closed | Failed, WrongMoneyArrived) => Suspended,
            (kept, WrongMoneyArrived) => kept,

            (Paid | Suspended, AllPosted) => Success,
            (Paid | Suspended, SomePosted) => SuccessPartial,
            (Paid | Suspended | Reversed, RefundStarted) => Refunding,
            (SuccessPartial, RefundStarted) => SuccessPartial,
            (Paid | Suspended, HandedOver) => Suspended,

            // What a person settled that never was this order's payment.
            (Suspended, ReturnedByHand) => Refunded,
            (Suspended, Disowned) => Closed,

            (Refunding | RefundFailed, MoneyReturned) => Refunded,
            (SuccessPartial, MoneyReturned) => SuccessPartial,
            (Refunding, RefundBroke) => RefundFailed,
            (RefundFailed, RefundStarted) => Refunding,

            (Success | SuccessPartial, BillTakenBack) => SuccessPartial,
            (Success | SuccessPartial, AgencyReversed) => Reversed,
            (Success | SuccessPartial, AgencyGaveBack) => AgencyRefunded,
            (from, event) => return Err(Refused { from, event }),
        })
    }
}

impl fmt::Display for OrderState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl FromStr for OrderState {
    type Err = UnknownWord;
    fn from_str(code: &str) -> Result<OrderState, UnknownWord> {
        let expected = "a state code such as CREATED or SUCCESS";
        OrderState::ALL
            .into_iter()
            .find(|state| state.code() == code)
            .ok_or(UnknownWord { list: "OrderState", expected })
    }
}

/// What can happen to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrderEvent {
    /// A channel is about to be asked to collect.
    PaymentStarted,
    /// The channel said a definite no, and no money moved.
    PaymentRefused,
    /// The citizen gave up, or the bills could not be locked.
    Cancelled,
    /// The time to pay is over and the channel confirmed that nothing was paid.
    Expired,
    /// The first payment of the frozen amount arrived.
    MoneyArrived,
    /// A further payment arrived for an order that is paid already.
    SurplusArrived,
    /// A platform vouches for money on a number of this order that is not what was asked for.
    WrongMoneyArrived,
    AllPosted,
    /// Some bills are posted and the others definitely refused.
    SomePosted,
    /// Nothing decided itself: a person takes over.
    HandedOver,
    /// A person returned what came and did not fit; nothing else came.
    ReturnedByHand,
    /// A person found that what came was never meant for this order; nothing else came.
    Disowned,
    RefundStarted,
    MoneyReturned,
    /// The channel could not return the money.
    RefundBroke,
    /// One of several bookings is undone.
    BillTakenBack,
    /// No booking is left.
    AgencyReversed,
    /// What was booked and stayed booked, the agency paid back by itself.
    AgencyGaveBack,
}

impl OrderEvent {
    pub const ALL: [OrderEvent; 18] = [
        OrderEvent::PaymentStarted,
        OrderEvent::PaymentRefused,
        OrderEvent::Cancelled,
        OrderEvent::Expired,
        OrderEvent::MoneyArrived,
        OrderEvent::SurplusArrived,
        OrderEvent::WrongMoneyArrived,
        OrderEvent::AllPosted,
        OrderEvent::SomePosted,
        OrderEvent::HandedOver,
        OrderEvent::ReturnedByHand,
        OrderEvent::Disowned,
        OrderEvent::RefundStarted,
        OrderEvent::MoneyReturned,
        OrderEvent::RefundBroke,
        OrderEvent::BillTakenBack,
        OrderEvent::AgencyReversed,
        OrderEvent::AgencyGaveBack,
    ];

    /// The code in the journal.
    pub const fn code(self) -> &'static str {
        match self {
            OrderEvent::PaymentStarted => "payment_started",
            OrderEvent::PaymentRefused => "payment_refused",
            OrderEvent::Cancelled => "cancelled",
            OrderEvent::Expired => "expired",
            OrderEvent::MoneyArrived => "money_arrived",
            OrderEvent::SurplusArrived => "surplus_arrived",
            OrderEvent::WrongMoneyArrived => "wrong_money_arrived",
            OrderEvent::AllPosted => "all_posted",
            OrderEvent::SomePosted => "some_posted",
            OrderEvent::HandedOver => "handed_over",
            OrderEvent::ReturnedByHand => "returned_by_hand",
            OrderEvent::Disowned => "disowned",
            OrderEvent::RefundStarted => "refund_started",
            OrderEvent::MoneyReturned => "money_returned",
            OrderEvent::RefundBroke => "refund_failed",
            OrderEvent::BillTakenBack => "bill_taken_back",
            OrderEvent::AgencyReversed => "agency_reversed",
            OrderEvent::AgencyGaveBack => "agency_gave_back",
        }
    }
}

/// An event that has no meaning in a state. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an order in state {from} does not take {event:?}")]
pub struct Refused {
    pub from: OrderState,
    pub event: OrderEvent,
}

#[cfg(test)]
mod tests;
