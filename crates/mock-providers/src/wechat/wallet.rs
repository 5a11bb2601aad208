//! The client side of a payment: what WeChat itself does when a user taps "pay" in
//! `wx.requestPayment`, including the check of `paySign`.

use std::sync::Arc;

use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Contract, Trade, TradeState, ledger::PREPAY_LIFE, merchant::Merchant,
    notifications::new_transaction_id,
};
use crate::{lock, people::PersonNo};

/// The arguments of `wx.requestPayment` as a mini-program passes them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WalletParameters {
    pub time_stamp: String,
    pub nonce_str: String,
    pub package: String,
    pub sign_type: String,
    pub pay_sign: String,
}

/// What is to be paid, from the most to the least faithful.
#[derive(Clone, Debug)]
pub(crate) enum Payable {
    Wallet(WalletParameters),
    Prepay(String),
    Number(String),
}

/// Why the wallet does not pay; the text is what `errMsg` shows after `requestPayment:fail`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WalletRefusal {
    #[error("no trade has this number or prepay_id")]
    Unknown,
    #[error("package must be prepay_id=… and signType RSA")]
    Form,
    #[error("支付验证签名失败")]
    PaySign,
    #[error("prepay_id已过期")]
    PrepayExpired,
    #[error("订单已支付")]
    Paid,
    #[error("订单已关闭或已过期")]
    Closed,
    #[error("该订单只能由下单用户支付")]
    OtherUser,
}

/// Four lines, each with a line feed: app, time, nonce, package (wechat §2.3).
fn signed_text(app_id: &str, parameters: &WalletParameters) -> String {
    let WalletParameters { time_stamp, nonce_str, package, .. } = parameters;
    format!("{app_id}\n{time_stamp}\n{nonce_str}\n{package}\n")
}

impl Merchant {
    fn resolve(&self, payable: &Payable) -> Result<String, WalletRefusal> {
        let prepay_id = match payable {
            Payable::Number(number) => return Ok(number.clone()),
            Payable::Prepay(prepay_id) => prepay_id.as_str(),
            Payable::Wallet(parameters) => {
                let package = parameters.package.strip_prefix("prepay_id=");
                let prepay_id =
                    package.filter(|_| parameters.sign_type == "RSA").ok_or(WalletRefusal::Form)?;
                let mut apps = vec![self.app.app_id.clone()];
                apps.extend(self.sub_app(prepay_id));
                // The app is the one that opens the wallet: the provider's or the sub-merchant's.
                if !apps.iter().any(|app| {
                    let text = signed_text(app, parameters);
                    self.signed(text.as_bytes(), &parameters.pay_sign)
                }) {
                    return Err(WalletRefusal::PaySign);
                }
                prepay_id
            }
        };
        let ledger = lock(&self.ledger);
        let prepay = ledger.prepay(prepay_id).ok_or(WalletRefusal::Unknown)?;
        if self.now().since(prepay.made_at) >= PREPAY_LIFE {
            return Err(WalletRefusal::PrepayExpired);
        }
        Ok(prepay.out_trade_no.clone())
    }

    fn sub_app(&self, prepay_id: &str) -> Option<String> {
        let ledger = lock(&self.ledger);
        match &ledger.written(&ledger.prepay(prepay_id)?.out_trade_no)?.contract {
            Contract::Partner { sub_appid, .. } => sub_appid.clone(),
            Contract::Direct => None,
        }
    }

    /// The trade that the wallet would show, when it can be paid by this user.
    fn payable(&self, payable: &Payable, user: Option<&str>) -> Result<Trade, WalletRefusal> {
        let number = self.resolve(payable)?;
        let trade = self.trade(&number).ok_or(WalletRefusal::Unknown)?;
        let people = match &trade.contract {
            Contract::Partner { sub_appid: Some(app), payer_of_sub: true, .. } => {
                Some(self.app.people_of(app))
            }
            _ => None,
        };
        let people = people.as_ref().unwrap_or(&self.app.people);
        if user.is_some_and(|name| people.openid(PersonNo::of(name)) != trade.openid) {
            return Err(WalletRefusal::OtherUser);
        }
        match trade.state {
            TradeState::Success | TradeState::Refund => Err(WalletRefusal::Paid),
            TradeState::Closed => Err(WalletRefusal::Closed),
            TradeState::NotPay if trade.expires_at <= self.now() => Err(WalletRefusal::Closed),
            TradeState::NotPay => Ok(trade),
        }
    }

    /// Pays as the user and tells the merchant.
    pub(crate) fn pay(
        self: &Arc<Self>,
        payable: &Payable,
        user: Option<&str>,
    ) -> Result<Trade, WalletRefusal> {
        let trade = self.payable(payable, user)?;
        let now = self.now();
        let id = new_transaction_id(now, self.stage.entropy.as_ref());
        let paid = {
            let mut ledger = lock(&self.ledger);
            // The state is looked at again under the lock: a close may have come between.
            match ledger.trade(&trade.out_trade_no, now).map(|trade| trade.state) {
                Some(TradeState::NotPay) => ledger.pay(&trade.out_trade_no, id, now),
                Some(TradeState::Success | TradeState::Refund) => return Err(WalletRefusal::Paid),
                Some(TradeState::Closed) | None => return Err(WalletRefusal::Closed),
            }
            ledger.trade(&trade.out_trade_no, now).cloned().ok_or(WalletRefusal::Unknown)?
        };
        self.announce_payment(&paid);
        Ok(paid)
    }

    /// A trade that was closed a moment ago is paid all the same, so many seconds later, and told then.
    pub(super) fn pay_closed(self: &Arc<Self>, out_trade_no: &str, seconds: u64) {
        let (now, at) = (self.now(), self.stage.clocks.later(seconds));
        let id = new_transaction_id(at, self.stage.entropy.as_ref());
        let mut ledger = lock(&self.ledger);
        ledger.pay_closed(out_trade_no, id, at);
        let paid = ledger.trade(out_trade_no, now).cloned();
        drop(ledger);
        if let Some(trade) = paid {
            self.announce_payment(&trade);
        }
    }

    /// Whether a prepay id or a number is this merchant's.
    pub(crate) fn knows(&self, payable: &Payable) -> bool {
        let ledger = lock(&self.ledger);
        match payable {
            Payable::Number(number) => ledger.written(number).is_some(),
            Payable::Prepay(id) => ledger.prepay(id).is_some(),
            Payable::Wallet(parameters) => {
                let id = parameters.package.strip_prefix("prepay_id=");
                id.is_some_and(|id| ledger.prepay(id).is_some())
            }
        }
    }

    /// The user opens the wallet and leaves it: nothing changes, if it could be opened at all.
    pub(crate) fn cancel(&self, payable: &Payable) -> Result<Trade, WalletRefusal> {
        self.payable(payable, None)
    }

    /// Lets the latest moment to pay be over, and the trade closed.
    pub(crate) fn expire(&self, out_trade_no: &str) -> Result<Trade, WalletRefusal> {
        let now = self.now();
        let mut ledger = lock(&self.ledger);
        let trade = ledger.trade(out_trade_no, now).ok_or(WalletRefusal::Unknown)?;
        match trade.state {
            TradeState::NotPay | TradeState::Closed => {
                trade.expires_at = trade.expires_at.min(now);
                trade.state = TradeState::Closed;
                Ok(trade.clone())
            }
            TradeState::Success | TradeState::Refund => Err(WalletRefusal::Paid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_text_of_the_wallet_is_exact() {
        let parameters = WalletParameters {
            time_stamp: "1767225600".to_owned(),
            nonce_str: "0123456789ABCDEF0123456789ABCDEF".to_owned(),
            package: "prepay_id=wx01000000000000000000000000000000".to_owned(),
            sign_type: "RSA".to_owned(),
            pay_sign: String::new(),
        };
        let text = signed_text("wx0123456789abcdef", &parameters);
        assert_eq!(text.len(), 108);
        assert_eq!(
            hex::encode(ring::digest::digest(&ring::digest::SHA256, text.as_bytes())),
            "15c8e181dbfe15c2c174bd757b3828e6fb717251e0e5ef74b52f4ac73df72eeb"
        );
    }
}
