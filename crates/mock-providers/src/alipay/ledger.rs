//! What mock Alipay knows of trades and refunds.

use std::time::Duration;

use kernel::{Fen, Timestamp};
use serde_json::{Map, Value};

use crate::{bounded::Bounded, people::PersonNo};

/// Refunds are possible for twelve months; afterwards the trade is finished (alipay §3.8).
const REFUND_WINDOW: Duration = Duration::from_secs(365 * 86_400);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Open,
    Paid {
        at: Timestamp,
    },
    /// Never paid.
    Closed {
        at: Timestamp,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Refund {
    pub out_request_no: String,
    pub amount: Fen,
    pub reason: Option<String>,
    pub at: Timestamp,
}

#[derive(Clone, Debug)]
pub(crate) struct Trade {
    pub trade_no: String,
    pub out_trade_no: String,
    pub buyer: PersonNo,
    pub total: Fen,
    pub subject: String,
    pub body: Option<String>,
    pub passback_params: Option<String>,
    pub notify_url: Option<String>,
    /// The first request's business parameters; a repeat must equal them.
    pub request: Map<String, Value>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub standing: Standing,
    /// Oldest first.
    pub refunds: Vec<Refund>,
}

impl Trade {
    fn look(&mut self, now: Timestamp) {
        if self.standing == Standing::Open && self.expires_at <= now {
            self.standing = Standing::Closed { at: self.expires_at };
        }
    }

    pub fn refunded(&self) -> Fen {
        Fen::sum(self.refunds.iter().map(|refund| refund.amount)).unwrap_or(self.total)
    }

    /// What can still be returned.
    pub fn remaining(&self) -> Fen {
        self.total.minus(self.refunded()).unwrap_or(Fen::ZERO)
    }

    pub fn status(&self, now: Timestamp) -> &'static str {
        match self.standing {
            Standing::Open => "WAIT_BUYER_PAY",
            Standing::Closed { .. } => "TRADE_CLOSED",
            Standing::Paid { .. } if self.remaining().is_zero() => "TRADE_CLOSED",
            Standing::Paid { at } if now.since(at) >= REFUND_WINDOW => "TRADE_FINISHED",
            Standing::Paid { .. } => "TRADE_SUCCESS",
        }
    }

    /// When a paid trade is finished, if money is left in it until then.
    pub fn finishes_at(&self) -> Option<Timestamp> {
        self.paid_at().map(|at| at.plus(REFUND_WINDOW))
    }

    pub const fn paid_at(&self) -> Option<Timestamp> {
        match self.standing {
            Standing::Paid { at } => Some(at),
            Standing::Open | Standing::Closed { .. } => None,
        }
    }
}

pub(crate) struct Ledger {
    trades: Bounded<String, Trade>,
    numbers: Bounded<String, String>,
}

const ENTRIES_MAX: usize = 200_000;

impl Ledger {
    pub fn new() -> Ledger {
        Ledger { trades: Bounded::new(ENTRIES_MAX), numbers: Bounded::new(ENTRIES_MAX) }
    }

    pub fn by_number(&mut self, out_trade_no: &str, now: Timestamp) -> Option<&mut Trade> {
        let trade = self.trades.get_mut(out_trade_no)?;
        trade.look(now);
        Some(trade)
    }

    pub fn by_trade_no(&mut self, trade_no: &str, now: Timestamp) -> Option<&mut Trade> {
        let number = self.numbers.get(trade_no)?.clone();
        self.by_number(&number, now)
    }

    pub fn open(&mut self, trade: Trade) {
        self.numbers.insert(trade.trade_no.clone(), trade.out_trade_no.clone());
        self.trades.insert(trade.out_trade_no.clone(), trade);
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
}
