//! People: who is logged in, whose contributions they pay, and what they agreed to.
//!
//! Players: the citizens' face signs accounts in, manages insured persons, proves real names and
//! telephones, and lets people see, take along and erase what is kept of them; the orders room asks
//! for the payer's name at a platform and for the identity that an agency wants, and seals its own
//! evidence with the same [`FieldCipher`]. Promised: a person's document number, name and platform
//! identifier are sealed in the database and bound to their rows, found only by keyed hash, shown
//! only masked, and never printed; an account sees its own persons and nobody else's; every insured
//! person has a consent, written in the same transaction; a proven real name is of one person, one
//! account and one content, asked from the platform by the server; a code of a short message works once;
//! a name is not found out by trying; what takes everything along or erases it needs more than a login.
//!
//! Deliberately absent: calls to platforms (the face makes them, between two acts of this room),
//! sessions (the face's own matter), pictures of documents and faces (never taken), and any search
//! across accounts but two: a person whose real name is proven learns who pays for them, and orders
//! for one document count together, whoever places them.

mod account;
mod act;
mod cipher;
mod confirmation;
mod consent;
mod erasure;
mod error;
mod mobile;
mod name;
mod naming;
mod payer;
mod payment_request;
mod person;
mod quota;
mod real_name;
mod renewal;
mod retention;
mod sms;
mod table;
mod union;

use std::{fmt, sync::Arc};

pub use account::{Account, AccountKey, SignIn};
pub use act::{Act, ActDone, ActProof};
pub use cipher::{CipherError, FieldCipher, FieldKeys, Sealed};
pub use confirmation::Shown;
pub use consent::{Consent, Purpose};
pub use error::PeopleError;
use kernel::{Clock, Entropy};
pub use mobile::{BoundMobile, Mobile, MobileSource};
pub use naming::{Named, NamingTry};
pub use payer::PayerOf;
pub use payment_request::{NewPaymentRequest, PaymentRequest, RequestState, RequestToken};
pub use person::{InsuredPerson, NewPerson, Relation};
pub use real_name::{
    Begun, RealName, RealNameFailure, RealNameSource, RealNameState, Verdict, Verification,
    VerificationSeen,
};
pub use retention::{Forgettable, RetentionRun};
use sea_orm::DatabaseConnection;
pub use sms::SmsCode;

/// The room's handle: all acts and reads. Clones share the database and the keys.
#[derive(Clone)]
pub struct People {
    db: DatabaseConnection,
    cipher: FieldCipher,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl People {
    /// How many insured persons one account may have at a time: a large family, not a call centre.
    pub const PERSONS_MAX: usize = 20;

    /// `db` must be migrated.
    pub fn new(
        db: DatabaseConnection,
        cipher: FieldCipher,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> People {
        People { db, cipher, clock, entropy }
    }
}

impl fmt::Debug for People {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("People").field("cipher", &self.cipher).finish_non_exhaustive()
    }
}
