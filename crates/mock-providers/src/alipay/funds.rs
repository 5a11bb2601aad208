//! With what money a trade was paid. The order's lists of channels decide, in the order in which a
//! cashier would offer them.

use kernel::Fen;
use serde_json::{Value, json};

use super::{Trade, ledger::Refund};

/// A channel as orders name it, and as bills of funds do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fund {
    order: &'static str,
    channel: &'static str,
    /// Of cards only.
    bank: Option<(&'static str, &'static str)>,
}

const FUNDS: [Fund; 5] = [
    Fund { order: "balance", channel: "ALIPAYACCOUNT", bank: None },
    Fund { order: "moneyFund", channel: "FINANCEACCOUNT", bank: None },
    Fund { order: "debitCardExpress", channel: "BANKCARD", bank: Some(("ICBC", "DEBIT_CARD")) },
    Fund { order: "creditCard", channel: "BANKCARD", bank: Some(("ICBC", "CREDIT_CARD")) },
    Fund { order: "pcredit", channel: "PCREDIT", bank: None },
];

impl Fund {
    pub fn of(trade: &Trade) -> Fund {
        let list = |name: &str| {
            let text = trade.request.get(name).and_then(Value::as_str).unwrap_or("");
            text.split(',').map(|one| one.trim().to_owned()).filter(|one| !one.is_empty())
        };
        let enabled: Vec<String> = list("enable_pay_channels").collect();
        let disabled: Vec<String> = list("disable_pay_channels").collect();
        let open = |fund: &&Fund| {
            let named = |names: &[String]| names.iter().any(|name| name == fund.order);
            (enabled.is_empty() || named(&enabled)) && !named(&disabled)
        };
        FUNDS.iter().find(open).copied().unwrap_or(FUNDS[0])
    }

    pub const fn channel(self) -> &'static str {
        self.channel
    }

    /// An entry as answers have it: snake_case.
    pub fn queried(self, amount: Fen) -> Value {
        let mut entry = json!({
            "fund_channel": self.channel,
            "amount": amount,
            "real_amount": amount,
        });
        if let (Some((bank, kind)), Some(entry)) = (self.bank, entry.as_object_mut()) {
            entry.insert("bank_code".to_owned(), json!(bank));
            entry.insert("fund_type".to_owned(), json!(kind));
        }
        entry
    }

    /// How a refund went back to a bank (银行卡冲退); to other money there is nothing to say.
    pub fn deposit_back(self, refund: &Refund) -> Value {
        if self.bank.is_none() {
            return json!({"has_deposit_back": "false"});
        }
        json!({
            "has_deposit_back": "true",
            "dback_status": "S",
            "dback_amount": refund.amount,
            "bank_ack_time": refund.at.beijing_text(),
            "est_bank_receipt_time": refund.at.beijing_text(),
        })
    }
}
