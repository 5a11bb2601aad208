//! Naming somebody to an agency: nobody finds out a name, or a number, by trying.
//!
//! The agency answers "does not agree" and not which part, but whoever may ask without end learns it
//! all the same. So a try is taken before the agency is asked and given back when it did not say no:
//! ten a day for an account, and ten for a document, whichever accounts they come from. Counted in the
//! database, so that all processes count together, and before the question, so that a hundred
//! questions at once are ten.
//!
//! An entry that an agency has agreed with, or whose name a platform has proven, can be named freely:
//! its name and number do not change. So strangers who use up a document's tries do not lock out the
//! person whose document it is.

use kernel::{AccountId, Document, Identity, PersonId, Timestamp};
use migrations::begin_write;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};

use crate::{
    People, PeopleError,
    person::{OpenedPerson, live},
    quota,
    table::persons::{Column, Entity},
};

/// Whom an account names.
#[derive(Clone, Debug)]
pub struct Named {
    pub identity: Identity,
    /// Somebody who knows has agreed with name and number before.
    pub recognised: bool,
}

/// A try that was taken; to be given back unless it was a wrong one.
#[derive(Clone, Debug)]
#[must_use = "a try that is not given back counts as a wrong one"]
pub struct NamingTry {
    subjects: [String; 2],
    taken_at: Timestamp,
}

impl People {
    /// How often an account may name somebody wrongly on a business day: mistakes that people make
    /// with a document in hand.
    pub const WRONG_NAMES_A_DAY: u32 = 10;
    /// How often a document may be named wrongly on a business day, by all accounts together.
    pub const WRONG_NAMES_A_DAY_OF_DOCUMENT: u32 = 10;

    /// The person of this account, to be named to an agency.
    ///
    /// # Errors
    /// [`PeopleError::PersonNotFound`] for unknown, removed and other accounts' persons alike.
    pub async fn named(&self, account: AccountId, id: PersonId) -> Result<Named, PeopleError> {
        let row = self.row_of(account, id).await?;
        live(&row)?;
        let opened = OpenedPerson::open(&self.cipher, &row, self.clock.now())?;
        Ok(Named { identity: opened.identity, recognised: opened.recognised })
    }

    /// Takes a try to name this document.
    ///
    /// # Errors
    /// [`PeopleError::TooManyWrongNames`] when the account's or the document's are used up today.
    pub async fn try_name(
        &self,
        account: AccountId,
        document: &Document,
    ) -> Result<NamingTry, PeopleError> {
        let now = self.clock.now();
        let of_account = format!("names:account:{account}");
        let of_document = format!("names:document:{}", self.document_mark(document));
        let txn = begin_write(&self.db).await?;
        // Accounts before documents, everywhere: two that wait for each other wait in one order.
        for (subject, most) in [
            (&of_account, People::WRONG_NAMES_A_DAY),
            (&of_document, People::WRONG_NAMES_A_DAY_OF_DOCUMENT),
        ] {
            quota::take(&txn, subject, most, None, now)
                .await?
                .map_err(|_| PeopleError::TooManyWrongNames)?;
        }
        txn.commit().await?;
        Ok(NamingTry { subjects: [of_account, of_document], taken_at: now })
    }

    /// Gives a try back: the agency did not say that it was wrong.
    ///
    /// # Errors
    /// When the database fails; the try counts then.
    pub async fn give_back(&self, tried: &NamingTry) -> Result<(), PeopleError> {
        let txn = begin_write(&self.db).await?;
        for subject in &tried.subjects {
            quota::give_back(&txn, subject, tried.taken_at).await?;
        }
        txn.commit().await?;
        Ok(())
    }

    /// An agency agrees with name and number of this entry.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn recognise(&self, account: AccountId, id: PersonId) -> Result<(), PeopleError> {
        Entity::update_many()
            .col_expr(Column::RecognisedAtMs, Expr::value(self.clock.now().as_millis()))
            .filter(Column::Id.eq(id.as_uuid()))
            .filter(Column::AccountId.eq(account.as_uuid()))
            .filter(Column::RecognisedAtMs.is_null())
            .exec(&self.db)
            .await?;
        Ok(())
    }
}
