//! Why an act on reminders did not happen.

#[derive(Debug, thiserror::Error)]
pub enum ReminderError {
    #[error("the database failed: {0}")]
    Database(#[from] sea_orm::DbErr),
    #[error(transparent)]
    People(#[from] people::PeopleError),
    /// A row that our own code could not have written.
    #[error("table {table}, column {column}: not readable")]
    Row { table: &'static str, column: &'static str },
    #[error("a stored value cannot be opened: {0}")]
    Sealed(#[from] people::CipherError),
}
