//! Why an act or a read of this room fails. No variant carries personal data.

use sea_orm::DbErr;
use uuid::Uuid;

use crate::{CipherError, People};

#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// A platform gave an identifier of a form that no platform documents.
    #[error("the account's {part} must be {rule}")]
    AccountKey { part: &'static str, rule: &'static str },
    #[error("the version of a consent's text is 1 to 32 letters, digits, dots or hyphens")]
    ConsentVersion,
    #[error("there is no such account")]
    AccountNotFound,
    /// Unknown, removed, or somebody else's: the caller cannot tell which.
    #[error("there is no such insured person in this account")]
    PersonNotFound,
    /// The document is there already, with another name or relation. Which one is not said, so that
    /// nobody learns a name by trying.
    #[error("the details do not agree with those recorded before")]
    PersonDiffers,
    #[error("the account has an insured person of its own already")]
    OwnPersonExists,
    #[error("an account has at most {} insured persons", People::PERSONS_MAX)]
    TooManyPersons,
    /// The insured person ended it, and has not asked for it again.
    #[error("the insured person does not want this account to pay for them")]
    PersonDeclined,
    #[error("somebody else below fourteen needs their guardian's statement")]
    GuardianNeeded,
    /// A guardian adds them as somebody else.
    #[error("nobody below fourteen is an account's own person")]
    OwnPersonTooYoung,
    /// The document does not tell it, and it decides whether a guardian has to speak.
    #[error("the birth date is needed with this kind of document")]
    BirthDateNeeded,
    #[error("there is no such consent of this account")]
    ConsentNotFound,
    #[error("a person was named wrongly too often today")]
    TooManyWrongNames,
    /// An act needs a code, and the account has no number.
    #[error("this act needs a mobile number")]
    MobileNeeded,
    /// An act needs the owner's face, and the owner was not entered.
    #[error("this act needs the account's own person")]
    OwnPersonNeeded,
    #[error("what is to prove the act has not stood there for a day")]
    ProofTooFresh,
    /// Somebody else's face is not ours to ask for.
    #[error("only the account's owner proves their real name here")]
    OwnPersonOnly,
    #[error("this act needs the owner's proven real name")]
    RealNameNeeded,
    #[error("too many verifications were begun today")]
    TooManyVerifications,
    /// Unknown, somebody else's, or of another person.
    #[error("there is no such verification of this person")]
    VerificationNotFound,
    /// Expired, failed, or never begun at the platform: a new one is needed.
    #[error("the verification is over")]
    VerificationOver,
    #[error("a mobile number of the mainland has eleven digits and begins with 13 to 19")]
    MobileForm,
    /// The next code may be asked for after this many seconds.
    #[error("the last code was sent less than a minute ago")]
    CodeTooSoon { seconds: u64 },
    #[error("too many codes were sent today")]
    TooManyCodes,
    /// Wrong, over, used, of another number, or never sent: the caller cannot tell which.
    #[error("the code is not valid")]
    CodeWrong,
    /// The platform's envelope was used before.
    #[error("the telephone number's envelope was used before")]
    ProofUsed,
    #[error("there is no such payer")]
    PayerNotFound,
    /// Unknown, over, withdrawn, or accepted by somebody else.
    #[error("there is no such request, or it is over")]
    RequestNotFound,
    #[error("the request is the account's own")]
    OwnRequest,
    #[error("too many requests are open")]
    TooManyRequests,
    /// A row holds what this program never writes.
    #[error("{table}.{column} of row {row} is damaged")]
    Damaged { table: &'static str, column: &'static str, row: Uuid },
    /// A sealed column does not open: keys are missing, or somebody moved or changed it.
    #[error("{table}.{column} of row {row} does not open: {cause}")]
    Sealed { table: &'static str, column: &'static str, row: Uuid, cause: CipherError },
    #[error("the database failed: {0}")]
    Db(#[from] DbErr),
}

impl PeopleError {
    /// Whether the same call can succeed later without anybody doing anything. All acts of this
    /// room may be repeated.
    pub fn retryable(&self) -> bool {
        match self {
            PeopleError::AccountKey { .. }
            | PeopleError::ConsentVersion
            | PeopleError::AccountNotFound
            | PeopleError::PersonNotFound
            | PeopleError::PersonDiffers
            | PeopleError::OwnPersonExists
            | PeopleError::TooManyPersons
            | PeopleError::PersonDeclined
            | PeopleError::GuardianNeeded
            | PeopleError::OwnPersonTooYoung
            | PeopleError::BirthDateNeeded
            | PeopleError::ConsentNotFound
            | PeopleError::TooManyWrongNames
            | PeopleError::MobileNeeded
            | PeopleError::OwnPersonNeeded
            | PeopleError::ProofTooFresh
            | PeopleError::OwnPersonOnly
            | PeopleError::RealNameNeeded
            | PeopleError::TooManyVerifications
            | PeopleError::VerificationNotFound
            | PeopleError::VerificationOver
            | PeopleError::MobileForm
            | PeopleError::CodeTooSoon { .. }
            | PeopleError::TooManyCodes
            | PeopleError::CodeWrong
            | PeopleError::ProofUsed
            | PeopleError::PayerNotFound
            | PeopleError::RequestNotFound
            | PeopleError::OwnRequest
            | PeopleError::TooManyRequests
            | PeopleError::Damaged { .. }
            | PeopleError::Sealed { .. } => false,
            PeopleError::Db(_) => true,
        }
    }
}
