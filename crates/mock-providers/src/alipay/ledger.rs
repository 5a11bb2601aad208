//! What mock Alipay knows of trades and refunds. Each merchant has numbers of its own.

use std::time::Duration;

use kernel::{Fen, Timestamp};
use serde_json::{Map, Value};

use super::{create::PayerRule, keys::AppPlace};
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
    /// When the money is back; later than now while it is on its way.
    pub at: Timestamp,
}

#[derive(Clone, Debug)]
pub(crate) struct Trade {
    pub app: AppPlace,
    pub trade_no: String,
    pub out_trade_no: String,
    pub buyer: PersonNo,
    pub payer_rule: PayerRule,
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
    /// When a payment that nobody waits for any more turns out to have come about.
    pub wins_at: Option<Timestamp>,
    /// Oldest first.
    pub refunds: Vec<Refund>,
}

impl Trade {
    /// What time alone has brought about.
    fn look(&mut self, now: Timestamp) {
        let paid_late = self.wins_at.filter(|at| *at <= now);
        match (self.standing, paid_late) {
            (Standing::Open | Standing::Closed { .. }, Some(at)) => {
                self.standing = Standing::Paid { at };
                self.wins_at = None;
            }
            (Standing::Open, None) if self.expires_at <= now => {
                self.standing = Standing::Closed { at: self.expires_at };
            }
            _ => {}
        }
    }

    /// The trade as it will be once the late payment has won.
    pub fn won(&self) -> Option<Trade> {
        let mut later = self.clone();
        later.look(self.wins_at?);
        Some(later)
    }

    /// What went back or is on its way.
    fn promised(&self) -> Fen {
        Fen::sum(self.refunds.iter().map(|refund| refund.amount)).unwrap_or(self.total)
    }

    /// What went back until now.
    pub fn refunded(&self, now: Timestamp) -> Fen {
        let done = self.refunds.iter().filter(|refund| refund.at <= now);
        Fen::sum(done.map(|refund| refund.amount)).unwrap_or(self.total)
    }

    /// What can still be returned.
    pub fn remaining(&self) -> Fen {
        self.total.minus(self.promised()).unwrap_or(Fen::ZERO)
    }

    pub fn status(&self, now: Timestamp) -> &'static str {
        match self.standing {
            Standing::Open => "WAIT_BUYER_PAY",
            Standing::Closed { .. } => "TRADE_CLOSED",
            Standing::Paid { .. } if self.refunded(now) >= self.total => "TRADE_CLOSED",
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

type Key = (AppPlace, String);

pub(crate) struct Ledger {
    trades: Bounded<Key, Trade>,
    numbers: Bounded<String, Key>,
}

const ENTRIES_MAX: usize = 200_000;

impl Ledger {
    pub fn new() -> Ledger {
        Ledger { trades: Bounded::new(ENTRIES_MAX), numbers: Bounded::new(ENTRIES_MAX) }
    }

    /// A merchant's trade by the merchant's number.
    pub fn by_number(
        &mut self,
        app: AppPlace,
        out_trade_no: &str,
        now: Timestamp,
    ) -> Option<&mut Trade> {
        let trade = self.trades.get_mut(&(app, out_trade_no.to_owned()))?;
        trade.look(now);
        Some(trade)
    }

    /// Any merchant's trade by Alipay's number.
    pub fn by_trade_no(&mut self, trade_no: &str, now: Timestamp) -> Option<&mut Trade> {
        let (app, number) = self.numbers.get(trade_no)?.clone();
        self.by_number(app, &number, now)
    }

    /// Whoever's it is; the first merchant's when both have used it.
    pub fn any_by_number(&mut self, out_trade_no: &str, now: Timestamp) -> Option<&mut Trade> {
        let places = [AppPlace::First, AppPlace::Second];
        let place = { places }.into_iter().find(|place| {
            let key = (*place, out_trade_no.to_owned());
            self.trades.contains(&key)
        })?;
        self.by_number(place, out_trade_no, now)
    }

    pub fn open(&mut self, trade: Trade) {
        let key = (trade.app, trade.out_trade_no.clone());
        self.numbers.insert(trade.trade_no.clone(), key.clone());
        self.trades.insert(key, trade);
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
