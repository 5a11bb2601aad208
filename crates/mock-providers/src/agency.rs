//! A social-insurance agency for demonstrations and tests: `docs/agency-protocol.md`, implemented
//! a second time.
//!
//! Players: an [`AgencyBook`] holds synthetic people, their bills, locks and postings in memory;
//! [`router`] speaks the protocol, with real signatures; [`control_router`] lets a test or a person
//! play the agency: make it fail, change a bill, pay one at another counter. Promised: the wire
//! types are written here again on purpose, so that a mistake in the client is not mirrored by the
//! same mistake here; the book moves only by the clock it was given.
//!
//! Deliberately absent: storage (a restart forgets everything), real people, and any figure that
//! is not in the collected policies.

mod acts;
mod book;
mod codes;
mod control;
mod enrolment;
mod fault;
mod figures;
mod numbers;
mod people;
mod seen;
mod server;
mod tier;
mod topup;
mod wire;

pub use book::{AgencyBook, AgencyBookOptions};
pub use codes::AgencyCodeWord;
pub(crate) use control::CONTROL_ROUTES;
pub use control::control_router;
pub use fault::{AgencyFault, AgencyOperation, FaultKind};
pub use people::DefaultPerson;
pub use seen::{BillSeen, BookError, Insured, NewPerson, PersonSeen, PostingSeen};
pub use server::router;
