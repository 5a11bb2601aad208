//! The cashier: what Alipay does when a user confirms `my.tradePay`.

use std::sync::Arc;

use super::{Alipay, Trade, ledger::Standing};
use crate::{lock, people::PersonNo};

/// Which trade the cashier opens.
#[derive(Clone, Debug)]
pub(crate) enum Payable {
    TradeNo(String),
    Number(String),
}

/// Why the cashier does not take the money, with the client's `resultCode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WalletRefusal {
    #[error("交易不存在")]
    Unknown,
    #[error("交易已被支付")]
    Paid,
    #[error("交易已经关闭")]
    Closed,
    #[error("付款人不匹配")]
    OtherUser,
    /// `ext_user_info` wants another name, number or age.
    #[error("付款人身份信息不一致")]
    OtherIdentity,
}

impl Alipay {
    fn payable(&self, payable: &Payable, user: Option<&str>) -> Result<Trade, WalletRefusal> {
        let now = self.now();
        let mut ledger = lock(&self.ledger);
        let trade = match payable {
            Payable::TradeNo(number) => ledger.by_trade_no(number, now),
            Payable::Number(number) => ledger.any_by_number(number, now),
        };
        let trade = trade.ok_or(WalletRefusal::Unknown)?;
        if user.is_some_and(|name| PersonNo::of(name) != trade.buyer) {
            return Err(WalletRefusal::OtherUser);
        }
        if trade.payer_rule.at_cashier && !trade.payer_rule.admits(trade.buyer, now) {
            return Err(WalletRefusal::OtherIdentity);
        }
        match trade.standing {
            Standing::Open => Ok(trade.clone()),
            Standing::Paid { .. } => Err(WalletRefusal::Paid),
            Standing::Closed { .. } => Err(WalletRefusal::Closed),
        }
    }

    /// Pays as the user and tells the merchant.
    pub(crate) fn pay(
        self: &Arc<Self>,
        payable: &Payable,
        user: Option<&str>,
    ) -> Result<Trade, WalletRefusal> {
        let open = self.payable(payable, user)?;
        let now = self.now();
        let paid = {
            let mut ledger = lock(&self.ledger);
            let trade = ledger.by_trade_no(&open.trade_no, now).ok_or(WalletRefusal::Unknown)?;
            // The state is looked at again under the lock: a close may have come between.
            match trade.standing {
                Standing::Open => trade.standing = Standing::Paid { at: now },
                Standing::Paid { .. } => return Err(WalletRefusal::Paid),
                Standing::Closed { .. } => return Err(WalletRefusal::Closed),
            }
            trade.clone()
        };
        self.announce_payment(&paid);
        Ok(paid)
    }

    /// The user leaves the cashier: nothing changes.
    pub(crate) fn cancel(&self, payable: &Payable) -> Result<Trade, WalletRefusal> {
        self.payable(payable, None)
    }

    /// Lets the deadline be over.
    pub(crate) fn expire(self: &Arc<Self>, out_trade_no: &str) -> Result<Trade, WalletRefusal> {
        let closed = self.expire_quietly(out_trade_no)?;
        self.announce_close(&closed);
        Ok(closed)
    }

    fn expire_quietly(&self, out_trade_no: &str) -> Result<Trade, WalletRefusal> {
        let now = self.now();
        let mut ledger = lock(&self.ledger);
        let trade = ledger.any_by_number(out_trade_no, now).ok_or(WalletRefusal::Unknown)?;
        match trade.standing {
            Standing::Open => {
                trade.expires_at = now;
                trade.wins_at = None;
                trade.standing = Standing::Closed { at: now };
                Ok(trade.clone())
            }
            Standing::Closed { .. } => Ok(trade.clone()),
            Standing::Paid { .. } => Err(WalletRefusal::Paid),
        }
    }
}
