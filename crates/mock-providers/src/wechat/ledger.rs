//! What mock WeChat Pay knows: trades, prepay ids, refunds. Times decide lazily: whoever looks at a
//! trade first lets it expire.

use std::time::Duration;

use kernel::Timestamp;
use serde_json::Value;

use super::signer::KeyKind;
use crate::bounded::Bounded;

/// After expiry WeChat closes within minutes, not at once.
const CLOSED_AFTER_EXPIRY: Duration = Duration::from_secs(300);
/// Whatever `time_expire` says (wechat §2.2).
pub(super) const PREPAY_LIFE: Duration = Duration::from_secs(7_200);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TradeState {
    NotPay,
    Success,
    Refund,
    Closed,
}

impl TradeState {
    pub const fn code(self) -> &'static str {
        match self {
            TradeState::NotPay => "NOTPAY",
            TradeState::Success => "SUCCESS",
            TradeState::Refund => "REFUND",
            TradeState::Closed => "CLOSED",
        }
    }
    pub const fn label(self) -> &'static str {
        match self {
            TradeState::NotPay => "订单未支付",
            TradeState::Success => "支付成功",
            TradeState::Refund => "订单发生过退款",
            TradeState::Closed => "订单已关闭",
        }
    }
}

/// Whose trade it is: the merchant's own, or one that it takes as service provider (服务商) for
/// another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Contract {
    Direct,
    Partner {
        sub_mchid: String,
        sub_appid: Option<String>,
        /// Whether the payer was named by the sub-merchant's app.
        payer_of_sub: bool,
    },
}

impl Contract {
    pub fn sub_mchid(&self) -> Option<&str> {
        match self {
            Contract::Direct => None,
            Contract::Partner { sub_mchid, .. } => Some(sub_mchid),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Trade {
    pub contract: Contract,
    pub out_trade_no: String,
    pub openid: String,
    pub total_fen: i64,
    pub attach: Option<String>,
    pub notify_url: String,
    /// What kind of key the merchant asked for when it created the trade.
    pub named: Option<KeyKind>,
    /// The first request's members, defaults filled in; a repeat must equal them.
    pub request: Value,
    pub created_at: Timestamp,
    /// Latest moment to pay.
    pub expires_at: Timestamp,
    pub state: TradeState,
    pub transaction_id: Option<String>,
    pub paid_at: Option<Timestamp>,
    /// Numbers of its refunds, oldest first.
    pub refunds: Vec<String>,
}

impl Trade {
    /// Whether money came, as the trade was looked at last. A trade that will be paid after its close is not
    /// before that.
    pub fn is_paid(&self) -> bool {
        matches!(self.state, TradeState::Success | TradeState::Refund)
    }

    fn look(&mut self, now: Timestamp) {
        // Money that arrives after the close counts from its moment on.
        if self.state == TradeState::Closed && self.paid_at.is_some_and(|at| at <= now) {
            self.state = TradeState::Success;
        }
        if self.state == TradeState::NotPay && self.expires_at.plus(CLOSED_AFTER_EXPIRY) <= now {
            self.state = TradeState::Closed;
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefundOutcome {
    Success,
    Closed,
    Abnormal,
}

impl RefundOutcome {
    pub const fn code(self) -> &'static str {
        match self {
            RefundOutcome::Success => "SUCCESS",
            RefundOutcome::Closed => "CLOSED",
            RefundOutcome::Abnormal => "ABNORMAL",
        }
    }
}

/// How a refund comes to an end, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// From when on this is what will come.
    pub from: Timestamp,
    pub at: Timestamp,
    pub outcome: RefundOutcome,
}

#[derive(Clone, Debug)]
pub(crate) struct Refund {
    pub refund_id: String,
    pub out_refund_no: String,
    pub out_trade_no: String,
    pub transaction_id: String,
    pub amount_fen: i64,
    pub total_fen: i64,
    /// The first request's members; a repeat must equal them.
    pub request: Value,
    /// What kind of key the merchant asked for.
    pub named: Option<KeyKind>,
    pub created_at: Timestamp,
    /// As it was accepted.
    pub ending: Ending,
    /// An abnormal end that was handled by a request goes on to another one.
    pub handled: Option<Ending>,
    /// Of a service provider's trade.
    pub sub_mchid: Option<String>,
}

impl Refund {
    /// The end that was to be expected at that moment, or had come.
    pub fn ending_at(&self, now: Timestamp) -> Ending {
        self.handled.filter(|handled| handled.from <= now).unwrap_or(self.ending)
    }

    /// The last end that is known.
    pub fn last_ending(&self) -> Ending {
        self.handled.unwrap_or(self.ending)
    }

    pub fn status(&self, now: Timestamp) -> &'static str {
        let ending = self.ending_at(now);
        if now < ending.at { "PROCESSING" } else { ending.outcome.code() }
    }

    /// When the money went back, if it has by then.
    pub fn succeeded_at(&self, now: Timestamp) -> Option<Timestamp> {
        let ending = self.ending_at(now);
        (ending.outcome == RefundOutcome::Success && ending.at <= now).then_some(ending.at)
    }

    /// Whether its amount is taken from what can still be returned. Closed money stayed.
    pub fn counts(&self, now: Timestamp) -> bool {
        let ending = self.ending_at(now);
        ending.outcome != RefundOutcome::Closed || now < ending.at
    }
}

pub(crate) struct Prepay {
    pub out_trade_no: String,
    pub made_at: Timestamp,
}

pub(crate) struct Ledger {
    trades: Bounded<String, Trade>,
    transactions: Bounded<String, String>,
    /// Numbers closed before they were ever created.
    burned: Bounded<String, ()>,
    prepays: Bounded<String, Prepay>,
    refunds: Bounded<String, Refund>,
    refund_ids: Bounded<String, String>,
}

const ENTRIES_MAX: usize = 200_000;

impl Ledger {
    pub fn new() -> Ledger {
        Ledger {
            trades: Bounded::new(ENTRIES_MAX),
            transactions: Bounded::new(ENTRIES_MAX),
            burned: Bounded::new(ENTRIES_MAX),
            prepays: Bounded::new(ENTRIES_MAX),
            refunds: Bounded::new(ENTRIES_MAX),
            refund_ids: Bounded::new(ENTRIES_MAX),
        }
    }

    /// The refund that WeChat calls so.
    pub fn refund_by_id(&self, refund_id: &str) -> Option<&Refund> {
        self.refunds.get(self.refund_ids.get(refund_id)?)
    }

    /// Sends an abnormal refund on its way again; it will succeed.
    pub fn revive(
        &mut self,
        out_refund_no: &str,
        now: Timestamp,
        ends_at: Timestamp,
    ) -> Option<&Refund> {
        let refund = self.refunds.get_mut(out_refund_no)?;
        let outcome = RefundOutcome::Success;
        refund.handled = Some(Ending { from: now, at: ends_at, outcome });
        Some(refund)
    }

    /// Trades paid by now, oldest first.
    pub fn payments(&self, now: Timestamp) -> Vec<Trade> {
        let is_paid = |trade: &&Trade| trade.paid_at.is_some_and(|at| at <= now);
        let paid = self.trades.newest().filter(is_paid);
        let mut paid: Vec<Trade> = paid.cloned().collect();
        paid.sort_by_key(|trade| trade.paid_at);
        paid
    }

    /// Accepted refunds, oldest first.
    pub fn refunds(&self) -> Vec<Refund> {
        let mut refunds: Vec<Refund> = self.refunds.newest().cloned().collect();
        refunds.sort_by_key(|refund| refund.created_at);
        refunds
    }

    /// A trade as it is written down, without a look at the clock.
    pub fn written(&self, out_trade_no: &str) -> Option<&Trade> {
        self.trades.get(out_trade_no)
    }

    pub fn trade(&mut self, out_trade_no: &str, now: Timestamp) -> Option<&mut Trade> {
        let trade = self.trades.get_mut(out_trade_no)?;
        trade.look(now);
        Some(trade)
    }

    pub fn by_transaction(&mut self, transaction_id: &str, now: Timestamp) -> Option<&mut Trade> {
        let out_trade_no = self.transactions.get(transaction_id)?.clone();
        self.trade(&out_trade_no, now)
    }

    pub fn newest(&mut self, now: Timestamp, count_max: usize) -> Vec<Trade> {
        let newest = self.trades.newest().take(count_max).cloned();
        newest
            .map(|mut trade| {
                trade.look(now);
                trade
            })
            .collect()
    }

    pub fn open(&mut self, trade: Trade) {
        self.trades.insert(trade.out_trade_no.clone(), trade);
    }

    pub fn burn(&mut self, out_trade_no: &str) {
        self.burned.insert(out_trade_no.to_owned(), ());
    }

    pub fn is_burned(&self, out_trade_no: &str) -> bool {
        self.burned.contains(out_trade_no)
    }

    pub fn add_prepay(&mut self, prepay_id: String, out_trade_no: &str, now: Timestamp) {
        let prepay = Prepay { out_trade_no: out_trade_no.to_owned(), made_at: now };
        self.prepays.insert(prepay_id, prepay);
    }

    pub fn prepay(&self, prepay_id: &str) -> Option<&Prepay> {
        self.prepays.get(prepay_id)
    }

    /// Records the payment of an open trade.
    pub fn pay(&mut self, out_trade_no: &str, transaction_id: String, now: Timestamp) {
        if let Some(trade) = self.trades.get_mut(out_trade_no) {
            trade.state = TradeState::Success;
            trade.transaction_id = Some(transaction_id.clone());
            trade.paid_at = Some(now);
            self.transactions.insert(transaction_id, out_trade_no.to_owned());
        }
    }

    /// Records the payment of a trade that was closed, at a moment that may be still to come.
    pub fn pay_closed(&mut self, out_trade_no: &str, transaction_id: String, at: Timestamp) {
        if let Some(trade) = self.trades.get_mut(out_trade_no) {
            trade.transaction_id = Some(transaction_id.clone());
            trade.paid_at = Some(at);
            self.transactions.insert(transaction_id, out_trade_no.to_owned());
        }
    }

    pub fn refund(&self, out_refund_no: &str) -> Option<&Refund> {
        self.refunds.get(out_refund_no)
    }

    pub fn refunds_of(&self, trade: &Trade) -> Vec<Refund> {
        trade.refunds.iter().filter_map(|number| self.refunds.get(number)).cloned().collect()
    }

    /// Records an accepted refund.
    pub fn give_back(&mut self, refund: Refund) {
        if let Some(trade) = self.trades.get_mut(&refund.out_trade_no) {
            trade.state = TradeState::Refund;
            trade.refunds.push(refund.out_refund_no.clone());
        }
        self.refund_ids.insert(refund.refund_id.clone(), refund.out_refund_no.clone());
        self.refunds.insert(refund.out_refund_no.clone(), refund);
    }
}
