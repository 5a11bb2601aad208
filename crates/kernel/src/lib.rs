//! The words that every room speaks: money, identifiers, documents, time and chance.
//!
//! Players: all rooms import this one, it imports none. A word is admitted only when three rooms
//! use it. Promised: values that cannot be wrong (private fields, one checked door), no input or
//! output, nothing read ambiently: time comes from a [`Clock`] and chance from an [`Entropy`] that
//! the program hands in.
//!
//! Deliberately absent: database types, HTTP types, floating point, and any business rule.

mod clock;
mod current;
mod entropy;
mod identity;
mod ids;
mod money;
mod period;
mod secret;
mod vocabulary;

pub use clock::{BEIJING, Clock, ControlledClock, SystemClock, TimeParseError, Timestamp};
pub use current::Current;
pub use entropy::{Entropy, SeededEntropy, SystemEntropy};
pub use identity::{
    BirthDate, Document, DocumentError, DocumentKind, Identity, NameError, PersonName, half_width,
    mask,
};
pub use ids::{
    AccountId, AgencyCode, BillNo, CaseId, CityCode, ConsentId, DisputeId, DocumentId, IdError,
    JobId, MerchantKey, NotificationId, OrderId, OrderNo, OutTradeNo, PaymentId, PaymentRequestId,
    PersonId, PolicyId, PostingId, RefundId, ReminderId, VerificationId, VoucherId,
};
pub use money::{BasisPoints, Fen, MoneyError};
pub use period::{Month, MonthError, MonthRange};
pub use secret::Secret;
pub use vocabulary::{BillKind, Channel, Insurance, InsuredKind, RetryClass, UnknownWord};
