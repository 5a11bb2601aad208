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
            | PeopleError::Damaged { .. }
            | PeopleError::Sealed { .. } => false,
            PeopleError::Db(_) => true,
        }
    }
}
