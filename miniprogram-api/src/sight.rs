//! How much a caller may see of a person: everything about themselves once a platform has proven that
//! they are who they say, and of everybody else what is due and what they paid.

use kernel::PersonId;
use people::{InsuredPerson, Relation};

use crate::{
    Api,
    input::parse,
    problem::{ApiError, tell},
    session::Session,
};
use axum::http::StatusCode;

/// Who is looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// The person, by a platform's word.
    Whole,
    /// Somebody who says that they are the person. Anybody can type a number.
    Unproven,
    /// Somebody who pays for the person.
    Payer,
}

impl Sight {
    pub(crate) fn of(person: &InsuredPerson) -> Sight {
        match person.relation {
            Relation::Own if person.is_proven_owner() => Sight::Whole,
            Relation::Own => Sight::Unproven,
            Relation::Other => Sight::Payer,
        }
    }

    pub(crate) const fn is_whole(self) -> bool {
        matches!(self, Sight::Whole)
    }

    /// Refuses what only the person may see, with what helps.
    pub(crate) fn demand_whole(self) -> Result<(), ApiError> {
        match self {
            Sight::Whole => Ok(()),
            Sight::Unproven => Err(tell(StatusCode::FORBIDDEN, "real_name_needed")),
            Sight::Payer => Err(tell(StatusCode::FORBIDDEN, "not_for_payers")),
        }
    }
}

/// A person of the caller's, by the id in an address.
pub(crate) async fn person_of(
    api: &Api,
    caller: &Session,
    id: &str,
) -> Result<InsuredPerson, ApiError> {
    Ok(api.people.person(caller.account, parse::<PersonId>("id", id)?).await?)
}

/// The person's id, when the caller may see everything about them.
pub(crate) async fn seen_whole(
    api: &Api,
    caller: &Session,
    id: &str,
) -> Result<PersonId, ApiError> {
    let person = person_of(api, caller, id).await?;
    Sight::of(&person).demand_whole()?;
    Ok(person.id)
}
