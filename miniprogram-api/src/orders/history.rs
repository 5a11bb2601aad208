//! What happened to an order, as its citizen reads it.

use orders::JournalLine;
use serde::Serialize;
use utoipa::ToSchema;
use wording::{Language, term};

/// One event of an order.
#[derive(Serialize, ToSchema)]
pub(crate) struct HistoryView {
    at: String,
    /// Stable code, such as `placed`, `money_arrived`, `bill_posted`.
    kind: String,
    label: String,
    /// Yuan, where money moved.
    amount: Option<String>,
    /// Through which channel it moved.
    channel: Option<String>,
}

impl HistoryView {
    pub(super) fn of(line: &JournalLine, language: Language) -> HistoryView {
        let accounts = [&line.debit, &line.credit];
        let channel = accounts.into_iter().flatten().find_map(|account| {
            account.strip_prefix("channel:").and_then(|rest| rest.split(':').next())
        });
        HistoryView {
            at: line.at.rfc3339(),
            label: term(language, &format!("history.{}", line.event)),
            kind: line.event.clone(),
            amount: line.amount.map(|amount| amount.to_string()),
            channel: channel.map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use orders::OrderEvent;

    use super::*;

    /// What the journal notes beside the changes of state.
    const NOTES: [&str; 12] = [
        "placed",
        "bill_posted",
        "bill_refused",
        "bill_taken_back",
        "bill_kept",
        "taking_back",
        "agency_refunded",
        "refund_planned",
        "refund_replaced",
        "refund_retried",
        "refunded",
        "voucher_issued",
    ];

    #[test]
    fn every_event_has_its_word() {
        let events = OrderEvent::ALL.iter().map(|event| event.code()).chain(NOTES);
        for event in events {
            let key = format!("history.{event}");
            for language in Language::ALL {
                assert_ne!(term(language, &key), key, "{event} has no word");
            }
        }
    }
}
