//! What a voucher says, and the one form in which it is kept.

use agency::{BillCategory, BillComponent};
use kernel::{AgencyCode, BillKind, BillNo, Channel, CityCode, Fen, Insurance, Month, Timestamp};
use ring::digest as hashing;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::order::table::FrozenBill;

/// The form of the content. The first had neither kinds nor categories of bills.
pub(super) const VERSION: u8 = 2;

/// What a voucher says, or an acknowledgement (支付回执) of a payment that has no voucher. Names and
/// numbers of people are masked before they get here.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherContent {
    /// Of this form of content.
    pub version: u8,
    /// An acknowledgement has none.
    pub serial: Option<String>,
    pub issued_at: Timestamp,
    pub order_no: String,
    pub city: CityCode,
    pub city_name: String,
    /// `*三`
    pub insured_name: String,
    pub insured_number: String,
    /// Masked name of the account's owner where it is known.
    pub payer_name: Option<String>,
    pub channel: Channel,
    pub transaction_id: String,
    pub paid_at: Timestamp,
    pub lines: Vec<VoucherLine>,
    pub total: Fen,
}

/// One bill: on a voucher a booked one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherLine {
    pub agency: AgencyCode,
    pub agency_name: String,
    pub bill_no: BillNo,
    pub insurance: Insurance,
    pub from: Month,
    pub to: Month,
    pub base: Option<Fen>,
    pub tier_no: Option<u16>,
    pub components: Vec<BillComponent>,
    pub amount: Fen,
    /// What the bill was for: a top-up is no contribution, and its months mean nothing.
    #[serde(default)]
    pub kind: BillKind,
    /// Of residents' bills.
    #[serde(default)]
    pub category: Option<BillCategory>,
    pub agency_serial: Option<String>,
    pub posted_at: Option<Timestamp>,
}

/// Even masked names stay out of logs.
impl std::fmt::Debug for VoucherContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VoucherContent({})", self.order_no)
    }
}

/// What contents of the first form did not say, from the order's own bills. What was digested and
/// signed stays as it is.
pub(super) fn complete(content: &mut VoucherContent, bills: &[FrozenBill]) {
    for line in &mut content.lines {
        let bill = bills
            .iter()
            .find(|bill| bill.agency == line.agency && bill.bill.bill_no == line.bill_no);
        if let Some(bill) = bill {
            (line.kind, line.category) = (bill.kind, bill.category.clone());
        }
    }
}

pub(super) fn digest(text: &str) -> String {
    hex::encode(hashing::digest(&hashing::SHA256, text.as_bytes()))
}

/// JSON in one form only: members sorted by name, no blanks (as RFC 8785, for values without fractions).
pub(super) fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut names: Vec<_> = members.iter().collect();
            names.sort_by_key(|(name, _)| *name);
            let members = names.into_iter().map(|(name, value)| {
                format!("{}:{}", Value::from(name.as_str()), canonical(value))
            });
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        plain => plain.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn canonical_json_has_one_form() {
        let left = json!({ "b": [1, { "z": null, "a": "引\"号" }], "a": true });
        let right: Value =
            serde_json::from_str(r#" { "a" : true, "b":[1,{"a":"引\"号","z":null}] } "#).unwrap();
        assert_eq!(canonical(&left), r#"{"a":true,"b":[1,{"a":"引\"号","z":null}]}"#);
        assert_eq!(canonical(&left), canonical(&right));
    }

    /// As it was stored before bills had kinds on vouchers.
    const FIRST_FORM: &str = r#"{"channel":"wechat","city":"320200","city_name":"无锡市","insured_name":"*三","insured_number":"320***********0006","issued_at":"2026-11-23T10:15:00+08:00","lines":[{"agency":"320200-med","agency_name":"无锡市医疗保障局","agency_serial":"S1","amount":"100.00","base":null,"bill_no":"T1","components":[],"from":"2026-11","insurance":"medical","posted_at":"2026-11-23T10:15:00+08:00","tier_no":null,"to":"2026-11"}],"order_no":"20261123101500123ABCDEFGHJKL","paid_at":"2026-11-23T10:14:00+08:00","payer_name":null,"serial":"320200-202611-00000001-K","total":"100.00","transaction_id":"4200000001","version":1}"#;

    #[test]
    fn contents_of_the_first_form_are_read_and_completed_from_the_order() {
        let mut content: VoucherContent = serde_json::from_str(FIRST_FORM).expect("a content");
        assert_eq!(content.lines[0].kind, BillKind::Regular, "it did not say");
        let line = &content.lines[0];
        let bill = FrozenBill {
            agency: line.agency.clone(),
            bill: agency::BillRef {
                bill_no: line.bill_no.clone(),
                version: 1,
                amount: line.amount,
            },
            insurance: line.insurance,
            months: kernel::MonthRange::starting(line.from, 1).expect("a month"),
            base: None,
            tier_no: None,
            components: Vec::new(),
            quote: None,
            kind: BillKind::Topup,
            category: None,
        };
        complete(&mut content, &[bill]);
        assert_eq!(content.lines[0].kind, BillKind::Topup);
    }
}
