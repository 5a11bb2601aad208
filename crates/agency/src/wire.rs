//! The JSON of the agency protocol (`docs/agency-protocol.md`), as this side writes and reads it.
//!
//! Requests are built from borrowed values in a fixed order of fields, so that the same posting is
//! the same bytes. Answers tolerate fields that are not known here: an agency may add, never
//! change. The words of the port ([`Bill`], [`Enrolment`] and so on) are read as they stand.

use kernel::{
    AgencyCode, BillKind, BillNo, Channel, Fen, Identity, Insurance, Month, MonthRange, OrderNo,
    RetryClass, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::port::{Bill, BillRef, Enrolment, SettlementLine, Tier};

macro_rules! operations {
    ($($name:ident = $code:literal, $retry:ident;)*) => {
        /// What an agency can be asked, under the last part of its address.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Operation { $($name,)* }

        impl Operation {
            #[cfg(test)]
            pub(crate) const ALL: &'static [Operation] = &[$(Operation::$name,)*];

            pub(crate) const fn code(self) -> &'static str {
                match self { $(Operation::$name => $code,)* }
            }

            /// The path that is signed and, behind the base address, called.
            pub(crate) const fn path(self) -> &'static str {
                match self { $(Operation::$name => concat!("/agency/v1/", $code),)* }
            }

            /// What may be done when the outcome of a call is not known.
            pub(crate) const fn retry_class(self) -> RetryClass {
                match self { $(Operation::$name => RetryClass::$retry,)* }
            }
        }
    };
}

operations! {
    QueryInsured = "query-insured", Idempotent;
    ListTiers = "list-tiers", Idempotent;
    SetTier = "set-tier", Idempotent;
    QueryBills = "query-bills", Idempotent;
    LockBills = "lock-bills", Idempotent;
    UnlockBills = "unlock-bills", Idempotent;
    PostPayment = "post-payment", QueryFirst;
    QueryPosting = "query-posting", Idempotent;
    Reverse = "reverse", QueryFirst;
    DownloadSettlement = "download-settlement", Idempotent;
    QueryRefund = "query-refund", Idempotent;
    FetchDocument = "fetch-document", Idempotent;
    QueryCard = "query-card", Idempotent;
    CreateTopup = "create-topup", Idempotent;
}

/// A person as the agency wants to know them.
#[derive(Serialize)]
pub(crate) struct PersonAsked<'a> {
    document_kind: &'static str,
    document_number: &'a str,
    name: &'a str,
}

impl<'a> From<&'a Identity> for PersonAsked<'a> {
    fn from(identity: &'a Identity) -> PersonAsked<'a> {
        PersonAsked {
            document_kind: identity.document.kind().code(),
            document_number: identity.document.number(),
            name: identity.name.as_str(),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct InsuredAsked<'a> {
    pub agency: &'a AgencyCode,
    pub person: PersonAsked<'a>,
}

#[derive(Serialize)]
pub(crate) struct TiersAsked<'a> {
    pub agency: &'a AgencyCode,
    pub insurance: Insurance,
    pub month: Month,
}

#[derive(Serialize)]
pub(crate) struct TierAsked<'a> {
    pub agency: &'a AgencyCode,
    pub person: PersonAsked<'a>,
    pub insurance: Insurance,
    pub tier_no: u16,
    pub from: Month,
}

#[derive(Serialize)]
pub(crate) struct BillsAsked<'a> {
    pub agency: &'a AgencyCode,
    pub person: PersonAsked<'a>,
    pub insurance: Insurance,
    pub months: MonthRange,
    /// Said only where it matters: agencies refuse what they do not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<BillKind>,
}

#[derive(Serialize)]
pub(crate) struct CardAsked<'a> {
    pub agency: &'a AgencyCode,
    pub person: PersonAsked<'a>,
    pub card_no: Option<&'a str>,
}

#[derive(Serialize)]
pub(crate) struct TopupAsked<'a> {
    pub agency: &'a AgencyCode,
    pub person: PersonAsked<'a>,
    pub card_no: &'a str,
    pub amount: Fen,
}

#[derive(Serialize)]
pub(crate) struct LockAsked<'a> {
    pub agency: &'a AgencyCode,
    pub order_no: &'a OrderNo,
    pub bills: &'a [BillRef],
    pub until: Timestamp,
}

#[derive(Serialize)]
pub(crate) struct UnlockAsked<'a> {
    pub agency: &'a AgencyCode,
    pub order_no: &'a OrderNo,
}

#[derive(Serialize)]
pub(crate) struct PostingAsked<'a> {
    pub agency: &'a AgencyCode,
    pub order_no: &'a OrderNo,
    pub bill: &'a BillRef,
    pub channel: Channel,
    pub transaction_id: &'a str,
    pub paid_at: Timestamp,
}

#[derive(Serialize)]
pub(crate) struct StandingAsked<'a> {
    pub agency: &'a AgencyCode,
    pub order_no: &'a OrderNo,
    pub bill_no: &'a BillNo,
}

#[derive(Serialize)]
pub(crate) struct ReversalAsked<'a> {
    pub agency: &'a AgencyCode,
    pub agency_serial: &'a str,
    pub reason: &'a str,
}

#[derive(Serialize)]
pub(crate) struct SettlementAsked<'a> {
    pub agency: &'a AgencyCode,
    pub date: &'a str,
    pub after: Option<&'a str>,
}

/// A refund or a document of one posting.
#[derive(Serialize)]
pub(crate) struct SerialAsked<'a> {
    pub agency: &'a AgencyCode,
    pub agency_serial: &'a str,
}

#[derive(Deserialize)]
pub(crate) struct Enrolments {
    pub enrolments: Vec<Enrolment>,
}

#[derive(Deserialize)]
pub(crate) struct Tiers {
    pub tiers: Vec<Tier>,
}

#[derive(Deserialize)]
pub(crate) struct Bills {
    pub bills: Vec<Bill>,
}

#[derive(Deserialize)]
pub(crate) struct TopupAnswer {
    pub bill: Bill,
}

/// An operation whose yes has no content.
#[derive(Deserialize)]
pub(crate) struct Done {}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StandingState {
    Posted,
    NotPosted,
    Reversed,
    Unknown,
}

#[derive(Deserialize)]
pub(crate) struct Standing {
    pub state: StandingState,
    pub agency_serial: Option<String>,
    pub posted_at: Option<Timestamp>,
}

/// One page of a settlement; count and total are those of the whole day.
#[derive(Deserialize)]
pub(crate) struct SettlementPage {
    pub count: u64,
    pub total: Fen,
    pub lines: Vec<SettlementLine>,
    pub next: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct DocumentAnswer {
    pub media_type: String,
    /// Standard base64 with padding.
    pub content: String,
}

/// Every answer other than yes. The message is for people at the agency's side of a telephone; it
/// is read by nobody here, because it may name a person.
#[derive(Deserialize)]
pub(crate) struct ErrorAnswer {
    pub code: String,
}

/// The agency itself does not know what came of the request.
pub(crate) const UNKNOWN: &str = "UNKNOWN";
/// The signature of the request does not fit. Told without a signature.
pub(crate) const BAD_SIGNATURE: &str = "BAD_SIGNATURE";
/// No key is known for the institution. Told without a signature.
pub(crate) const UNKNOWN_INSTITUTION: &str = "UNKNOWN_INSTITUTION";
/// The clocks are too far apart.
pub(crate) const CLOCK_SKEW: &str = "CLOCK_SKEW";
/// Codes that only an operator can help with.
pub(crate) const CONFIGURATION: &[&str] =
    &[BAD_SIGNATURE, UNKNOWN_INSTITUTION, CLOCK_SKEW, "BAD_REQUEST", "UNKNOWN_AGENCY"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_money_acts_ask_for_a_query_first() {
        let careful: Vec<&str> = Operation::ALL
            .iter()
            .filter(|operation| operation.retry_class() == RetryClass::QueryFirst)
            .map(|operation| operation.code())
            .collect();
        assert_eq!(careful, ["post-payment", "reverse"]);
    }

    #[test]
    fn a_posting_is_always_the_same_bytes() {
        let agency = AgencyCode::new("320200-hr").expect("a code");
        let order_no = OrderNo::new("20230615100000000ABCDEFGHJKM").expect("a number");
        let bill = BillRef {
            bill_no: BillNo::new("320200P2023010001").expect("a number"),
            version: 1,
            amount: Fen::new(89_880).expect("an amount"),
        };
        let asked = PostingAsked {
            agency: &agency,
            order_no: &order_no,
            bill: &bill,
            channel: Channel::Wechat,
            transaction_id: "4200000001202306150000000001",
            paid_at: Timestamp::from_rfc3339("2023-06-15T02:00:00Z").expect("a time"),
        };
        assert_eq!(
            serde_json::to_string(&asked).expect("JSON"),
            r#"{"agency":"320200-hr","order_no":"20230615100000000ABCDEFGHJKM","bill":{"bill_no":"320200P2023010001","version":1,"amount":"898.80"},"channel":"wechat","transaction_id":"4200000001202306150000000001","paid_at":"2023-06-15T10:00:00+08:00"}"#
        );
    }
}
