//! Why an act on an order did not happen. Each variant has its place at the faces.

use kernel::{AgencyCode, BillKind, Fen, Insurance, Month, OrderNo, RetryClass, Timestamp};

use crate::{BillKey, OrderState, Part, Refused};

/// A bill whose amount or version is not what the citizen saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedBill {
    pub bill_no: kernel::BillNo,
    pub seen: Fen,
    /// `None`: the agency does not list the bill as due any more.
    pub now: Option<Fen>,
}

#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    #[error("no such order for this account")]
    NotFound,
    #[error("no such document of this order")]
    DocumentNotFound,
    #[error("no such insured person for this account")]
    PersonNotFound,
    #[error("the Idempotency-Key was used for another request")]
    IdempotencyConflict,
    #[error("an order needs 1 to {max} bills, each once")]
    BillCount { max: usize },
    #[error("no agency is configured under {0}")]
    UnknownAgency(kernel::AgencyCode),
    #[error("the city does not collect through this channel")]
    NoMerchant,
    #[error("the account of this order cannot pay through this channel")]
    OtherChannel,
    /// 请勿重复支付: another order already claims a bill. `order` is set when it is the caller's own.
    #[error("a bill belongs to another live order")]
    BillInOtherOrder { order: Option<OrderNo> },
    #[error("the agency's amounts changed")]
    AmountChanged(Vec<ChangedBill>),
    #[error("the order is above the limit of {max}")]
    AboveLimit { max: Fen },
    /// The same bills in several orders would do. `max` is not known when the channel refused.
    #[error("above what can be paid at once; {} parts would do", parts.len())]
    PayInParts { max: Option<Fen>, parts: Vec<Part> },
    #[error("the city does not offer to pay {kind} of {insurance} here")]
    NotOffered { insurance: Insurance, kind: BillKind },
    #[error("top-ups and contributions do not go into one order")]
    MixedPurposes,
    #[error("{agency} takes no money for this now")]
    OutOfWindow { agency: AgencyCode, insurance: Insurance, next_opening: Option<Timestamp> },
    #[error("{agency} is under maintenance")]
    UnderMaintenance { agency: AgencyCode, until: Timestamp },
    #[error("{month} could be paid back until {deadline}")]
    BackPaymentOver { month: Month, deadline: Timestamp },
    #[error("months of {insurance} that are due were left out in between")]
    MonthsLeftOut { insurance: Insurance, months: Vec<Month> },
    #[error("at most {most} months of {insurance} in one order")]
    TooManyMonths { insurance: Insurance, most: u16 },
    #[error("months of {insurance} in one order lie in one calendar year")]
    SeveralYears { insurance: Insurance },
    #[error("a top-up lies between {least} and {most}")]
    TopupAmount { least: Fen, most: Fen },
    #[error("{left} is left of {most} for top-ups today")]
    TopupDay { most: Fen, left: Fen },
    /// Paying for somebody else is confirmed a second time.
    #[error("this order needs a confirmation")]
    ConfirmationNeeded,
    #[error("the confirmation is over or for something else")]
    ConfirmationUnfit,
    /// What can go back is not what the caller saw: somebody was faster.
    #[error("{refundable} can go back now, which is not what was seen")]
    RefundableChanged { refundable: Fen },
    #[error("no such bill of this order is posted or waits for it")]
    NothingToTakeBack,
    #[error("two agencies number a bill of this order so: say which agency")]
    WhichAgency,
    #[error("the agency has booked it: it can only be taken back")]
    StillBooked,
    #[error("a reason has 1 to 100 characters")]
    Reason,
    #[error("the time to pay is over")]
    Expired,
    #[error("the order is in state {0} and cannot be paid")]
    NotPayable(OrderState),
    #[error("a payment is being started for this order")]
    PaymentInProgress,
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Agency(#[from] agency::AgencyError),
    #[error(transparent)]
    Channel(#[from] platforms::ChannelError),
    #[error(transparent)]
    People(#[from] people::PeopleError),
    #[error("the database failed: {0}")]
    Database(#[from] sea_orm::DbErr),
    /// A row that our own code could not have written. Says which, never what is in it.
    #[error("table {table}, column {column}, row {row}: not readable")]
    Row { table: &'static str, column: &'static str, row: String },
    #[error("a stored value cannot be opened: {0}")]
    Sealed(#[from] people::CipherError),
}

impl OrderError {
    /// A person that this account does not have is our own "not found".
    pub(crate) fn from_person(error: people::PeopleError) -> OrderError {
        match error {
            people::PeopleError::PersonNotFound => OrderError::PersonNotFound,
            other => OrderError::People(other),
        }
    }

    /// Whether the same call can succeed later without anybody changing anything.
    pub fn retryable(&self) -> bool {
        match self {
            OrderError::Database(_)
            | OrderError::PaymentInProgress
            | OrderError::UnderMaintenance { .. } => true,
            OrderError::Agency(error) => error.retry_class() != RetryClass::Never,
            OrderError::Channel(error) => error.retry_class() != RetryClass::Never,
            OrderError::NotFound
            | OrderError::DocumentNotFound
            | OrderError::PersonNotFound
            | OrderError::IdempotencyConflict
            | OrderError::BillCount { .. }
            | OrderError::UnknownAgency(_)
            | OrderError::NoMerchant
            | OrderError::OtherChannel
            | OrderError::BillInOtherOrder { .. }
            | OrderError::AmountChanged(_)
            | OrderError::AboveLimit { .. }
            | OrderError::PayInParts { .. }
            | OrderError::NotOffered { .. }
            | OrderError::MixedPurposes
            | OrderError::OutOfWindow { .. }
            | OrderError::BackPaymentOver { .. }
            | OrderError::MonthsLeftOut { .. }
            | OrderError::TooManyMonths { .. }
            | OrderError::SeveralYears { .. }
            | OrderError::TopupAmount { .. }
            | OrderError::TopupDay { .. }
            | OrderError::ConfirmationNeeded
            | OrderError::ConfirmationUnfit
            | OrderError::RefundableChanged { .. }
            | OrderError::NothingToTakeBack
            | OrderError::WhichAgency
            | OrderError::StillBooked
            | OrderError::Reason
            | OrderError::Expired
            | OrderError::NotPayable(_)
            | OrderError::Refused(_)
            | OrderError::People(_)
            | OrderError::Row { .. }
            | OrderError::Sealed(_) => false,
        }
    }
}

/// Reads a stored code back into its type.
pub(crate) fn read<T: std::str::FromStr>(
    table: &'static str,
    column: &'static str,
    row: impl std::fmt::Display,
    text: &str,
) -> Result<T, OrderError> {
    text.parse().map_err(|_| OrderError::Row { table, column, row: row.to_string() })
}

/// Reads a stored amount.
pub(crate) fn read_fen(
    table: &'static str,
    column: &'static str,
    row: impl std::fmt::Display,
    fen: i64,
) -> Result<Fen, OrderError> {
    Fen::new(fen).ok_or_else(|| OrderError::Row { table, column, row: row.to_string() })
}

/// An update that meets no row is a bug or a broken database, never a success.
pub(crate) fn exactly_one(
    table: &'static str,
    row: impl std::fmt::Display,
    rows_affected: u64,
) -> Result<(), OrderError> {
    if rows_affected == 1 {
        Ok(())
    } else {
        Err(OrderError::Row { table, column: "(row)", row: row.to_string() })
    }
}

/// Reads which bill a row is about: agency and number stand together or not at all.
pub(crate) fn read_bill(
    table: &'static str,
    row: impl std::fmt::Display,
    agency: Option<&str>,
    bill_no: Option<&str>,
) -> Result<Option<BillKey>, OrderError> {
    match (agency, bill_no) {
        (Some(agency), Some(bill_no)) => Ok(Some(BillKey {
            agency: read(table, "agency_code", &row, agency)?,
            bill_no: read(table, "bill_no", &row, bill_no)?,
        })),
        (None, None) => Ok(None),
        _ => Err(OrderError::Row { table, column: "agency_code", row: row.to_string() }),
    }
}
