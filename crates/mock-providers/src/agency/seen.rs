//! What whoever plays the agency puts into the book and sees of it.

use kernel::{
    AgencyCode, BillKind, BillNo, Channel, DocumentKind, Fen, Insurance, MonthRange, OrderNo,
    Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::fault::AgencyFault;
use crate::control::Platform;

/// Somebody to be added to a book: pension tier 1 and medical, all months of 2023 due.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPerson {
    #[serde(default = "resident_id")]
    #[schema(value_type = String)]
    pub document_kind: DocumentKind,
    pub document_number: String,
    pub name: String,
    /// The six digits before `-hr` and `-med`.
    #[serde(default = "wuxi")]
    pub city: String,
    /// What the person is insured in.
    #[serde(default)]
    pub insured: Insured,
    /// Played to this person only.
    #[serde(default)]
    pub faults: Vec<AgencyFault>,
}

/// What somebody who is added to a book is insured in, and what is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Insured {
    /// Pension and medical insurance, every month of 2023 due.
    #[default]
    Standard,
    /// Resident medical insurance of working age, one bill for a year.
    Resident,
    /// Resident medical insurance of an older person.
    Elderly,
    /// Resident medical insurance of a child whom no school bills.
    Child,
    /// As `Standard`; November and December of last year may be paid back.
    MissedMonths,
    /// As `Standard`; medical insurance of this month and the last is due too, a gap of two months.
    Gap,
}

fn resident_id() -> DocumentKind {
    DocumentKind::ResidentId
}

fn wuxi() -> String {
    "320200".into()
}

/// A person with their bills, for whoever plays with the mock.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PersonSeen {
    #[schema(value_type = String)]
    pub document_kind: DocumentKind,
    pub document_number: String,
    pub name: String,
    /// What is printed on their social card.
    pub card_no: String,
    pub bills: Vec<BillSeen>,
    /// Faults still to be played to this person.
    pub faults: Vec<AgencyFault>,
}

/// A bill in the book.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BillSeen {
    #[schema(value_type = String)]
    pub bill_no: BillNo,
    #[schema(value_type = String)]
    pub agency: AgencyCode,
    #[schema(value_type = String)]
    pub insurance: Insurance,
    #[schema(value_type = String)]
    pub kind: BillKind,
    /// `from` and `to`.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub months: MonthRange,
    #[schema(value_type = String)]
    pub amount: Fen,
    pub version: u32,
    pub state: &'static str,
}

/// A booking in the book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PostingSeen {
    #[schema(value_type = String)]
    pub agency: AgencyCode,
    #[schema(value_type = String)]
    pub order_no: OrderNo,
    #[schema(value_type = String)]
    pub bill_no: BillNo,
    #[schema(value_type = String)]
    pub amount: Fen,
    #[schema(value_type = Platform)]
    pub channel: Channel,
    pub transaction_id: String,
    pub agency_serial: String,
    #[schema(value_type = String, format = DateTime)]
    pub posted_at: Timestamp,
    pub reversed: bool,
}

/// Why the book could not be changed by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    #[error("the book holds no such bill")]
    NoSuchBill,
    #[error("the bill is paid")]
    BillPaid,
    #[error("the book holds no such posting")]
    NoSuchPosting,
    #[error("the book holds this person already")]
    PersonKnown,
    #[error("the document number, name or city cannot be one")]
    NotAPerson,
}
