//! The protocol's JSON, written a second time: nothing here is shared with the client.
//!
//! A request with a field that is not known here is refused: what is ignored might have mattered.

use kernel::{
    AgencyCode, BasisPoints, BillKind, BillNo, Channel, DocumentKind, Fen, Insurance, Month,
    MonthRange, OrderNo, Timestamp,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::fault::AgencyOperation;

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Person {
    pub document_kind: DocumentKind,
    pub document_number: String,
    pub name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueryInsured {
    pub agency: AgencyCode,
    pub person: Person,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListTiers {
    pub agency: AgencyCode,
    pub insurance: Insurance,
    pub month: Month,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetTier {
    pub agency: AgencyCode,
    pub person: Person,
    pub insurance: Insurance,
    pub tier_no: u16,
    pub from: Month,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueryBills {
    pub agency: AgencyCode,
    pub person: Person,
    pub insurance: Insurance,
    pub months: MonthRange,
    #[serde(default)]
    pub kind: Option<BillKind>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueryCard {
    pub agency: AgencyCode,
    pub person: Person,
    pub card_no: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateTopup {
    pub agency: AgencyCode,
    pub person: Person,
    pub card_no: String,
    pub amount: Fen,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BillFrozen {
    pub bill_no: BillNo,
    pub version: u32,
    pub amount: Fen,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LockBills {
    pub agency: AgencyCode,
    pub order_no: OrderNo,
    pub bills: Vec<BillFrozen>,
    pub until: Timestamp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UnlockBills {
    pub agency: AgencyCode,
    pub order_no: OrderNo,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PostPayment {
    pub agency: AgencyCode,
    pub order_no: OrderNo,
    pub bill: BillFrozen,
    pub channel: Channel,
    pub transaction_id: String,
    pub paid_at: Timestamp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueryPosting {
    pub agency: AgencyCode,
    pub order_no: OrderNo,
    pub bill_no: BillNo,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reverse {
    pub agency: AgencyCode,
    pub agency_serial: String,
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DownloadSettlement {
    pub agency: AgencyCode,
    pub date: String,
    pub after: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfPosting {
    pub agency: AgencyCode,
    pub agency_serial: String,
}

pub(super) enum Request {
    QueryInsured(QueryInsured),
    ListTiers(ListTiers),
    SetTier(SetTier),
    QueryBills(QueryBills),
    LockBills(LockBills),
    UnlockBills(UnlockBills),
    PostPayment(PostPayment),
    QueryPosting(QueryPosting),
    Reverse(Reverse),
    DownloadSettlement(DownloadSettlement),
    QueryRefund(OfPosting),
    FetchDocument(OfPosting),
    QueryCard(QueryCard),
    CreateTopup(CreateTopup),
}

impl Request {
    /// `None`: the body is no request of this operation.
    pub(super) fn parse(operation: AgencyOperation, body: &[u8]) -> Option<Request> {
        fn read<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
            serde_json::from_slice(body).ok()
        }
        use AgencyOperation as Op;
        let request = match operation {
            Op::QueryInsured => Request::QueryInsured(read(body)?),
            Op::ListTiers => Request::ListTiers(read(body)?),
            Op::SetTier => Request::SetTier(read(body)?),
            Op::QueryBills => Request::QueryBills(read(body)?),
            Op::LockBills => Request::LockBills(read(body)?),
            Op::UnlockBills => Request::UnlockBills(read(body)?),
            Op::PostPayment => Request::PostPayment(read(body)?),
            Op::QueryPosting => Request::QueryPosting(read(body)?),
            Op::Reverse => Request::Reverse(read(body)?),
            Op::DownloadSettlement => Request::DownloadSettlement(read(body)?),
            Op::QueryRefund => Request::QueryRefund(read(body)?),
            Op::FetchDocument => Request::FetchDocument(read(body)?),
            Op::QueryCard => Request::QueryCard(read(body)?),
            Op::CreateTopup => Request::CreateTopup(read(body)?),
        };
        Some(request)
    }

    pub(super) fn agency(&self) -> &AgencyCode {
        match self {
            Request::QueryInsured(r) => &r.agency,
            Request::ListTiers(r) => &r.agency,
            Request::SetTier(r) => &r.agency,
            Request::QueryBills(r) => &r.agency,
            Request::LockBills(r) => &r.agency,
            Request::UnlockBills(r) => &r.agency,
            Request::PostPayment(r) => &r.agency,
            Request::QueryPosting(r) => &r.agency,
            Request::Reverse(r) => &r.agency,
            Request::DownloadSettlement(r) => &r.agency,
            Request::QueryRefund(r) | Request::FetchDocument(r) => &r.agency,
            Request::QueryCard(r) => &r.agency,
            Request::CreateTopup(r) => &r.agency,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Standing {
    Active,
    Suspended,
    Retired,
}

#[derive(Serialize)]
pub(super) struct EnrolmentTold<'a> {
    pub insurance: Insurance,
    pub agency: &'a AgencyCode,
    pub state: Standing,
    pub personal_no: &'a str,
    pub tier_no: Option<u16>,
    pub arrears: bool,
}

#[derive(Serialize)]
pub(super) struct TierTold {
    pub no: u16,
    pub label: String,
    pub base: Fen,
    pub monthly_amount: Fen,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct ComponentTold {
    pub code: &'static str,
    pub name: std::borrow::Cow<'static, str>,
    pub rate_bp: Option<BasisPoints>,
    pub amount: Fen,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct CategoryTold {
    pub code: &'static str,
    pub name: &'static str,
}

#[derive(Serialize)]
pub(super) struct BillTold<'a> {
    pub bill_no: &'a BillNo,
    pub version: u32,
    pub agency: &'a AgencyCode,
    pub insurance: Insurance,
    pub months: MonthRange,
    pub base: Option<Fen>,
    pub tier_no: Option<u16>,
    pub amount: Fen,
    pub components: &'a [ComponentTold],
    pub state: &'static str,
    pub due_until: Option<Timestamp>,
    pub kind: BillKind,
    pub category: Option<CategoryTold>,
}

#[derive(Serialize)]
pub(super) struct LineTold<'a> {
    pub order_no: &'a OrderNo,
    pub bill_no: &'a BillNo,
    pub amount: Fen,
    pub agency_serial: &'a str,
    pub posted_at: Timestamp,
}
