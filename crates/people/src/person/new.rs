//! What a citizen enters of a person, and what their age asks for.

use std::str::FromStr;

use kernel::{BirthDate, Identity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{PeopleError, consent::Purpose};

/// Whether the account's owner is the insured person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Relation {
    #[serde(rename = "self")]
    Own,
    #[serde(rename = "other")]
    Other,
}

impl Relation {
    /// The stable code in the database and in JSON.
    pub const fn code(self) -> &'static str {
        match self {
            Relation::Own => "self",
            Relation::Other => "other",
        }
    }

    pub const fn purpose(self) -> Purpose {
        match self {
            Relation::Own => Purpose::PayForSelf,
            Relation::Other => Purpose::PayForOther,
        }
    }
}

impl FromStr for Relation {
    type Err = kernel::UnknownWord;
    fn from_str(code: &str) -> Result<Relation, kernel::UnknownWord> {
        [Relation::Own, Relation::Other]
            .into_iter()
            .find(|known| known.code() == code)
            .ok_or(kernel::UnknownWord { list: "Relation", expected: "self other" })
    }
}

/// What a citizen enters. Its `Debug` shows neither name nor number.
#[derive(Clone, Debug)]
pub struct NewPerson {
    pub identity: Identity,
    pub relation: Relation,
    /// Needed where the document does not tell it (passports, passes): whether a guardian has to speak
    /// is asked, and not kept.
    pub birth_date: Option<BirthDate>,
    /// Which wording of the consent was on the screen.
    pub consent_text_version: String,
    /// Which wording of the guardian's statement was on the screen: needed for somebody else under
    /// fourteen (PIPL article 31).
    pub guardian_text_version: Option<String>,
}

impl NewPerson {
    /// Below this age a guardian speaks for the person (PIPL article 31).
    pub const GUARDED_BELOW: i32 = 14;

    /// Whether the person is below [`NewPerson::GUARDED_BELOW`] on the business date; on the fourteenth
    /// birthday nobody is any more. `None`: nobody has said when they were born. The document's own
    /// word counts before what was typed.
    fn is_child(&self, now: Timestamp) -> Option<bool> {
        let born = self.identity.document.birth_date().or(self.birth_date)?;
        Some(born.age_on(now) < NewPerson::GUARDED_BELOW)
    }

    /// Whether the person is somebody else for whom a guardian has to speak.
    pub fn needs_guardian(&self, now: Timestamp) -> bool {
        self.relation == Relation::Other && self.is_child(now) == Some(true)
    }

    pub(super) fn check_age(&self, now: Timestamp) -> Result<(), PeopleError> {
        match (self.relation, self.is_child(now)) {
            (_, None) => Err(PeopleError::BirthDateNeeded),
            (Relation::Own, Some(true)) => Err(PeopleError::OwnPersonTooYoung),
            (Relation::Own | Relation::Other, Some(_)) => Ok(()),
        }
    }
}
