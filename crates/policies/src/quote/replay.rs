//! Works a stored quote out again, from the versions it names, and compares everything.

use std::cell::Cell;

use kernel::{Month, PolicyId};

use super::price::{Chosen, price};
use super::{Quote, QuoteError, QuoteLine, Subject};
use crate::Catalogue;
use crate::policy::Policy;

/// Why a stored quote is not what this catalogue would say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// Versions are append-only, so this means that files are missing.
    #[error("version {version} of {policy} is gone")]
    PolicyGone { policy: PolicyId, version: u16 },
    /// The content of a version changed without a new version.
    #[error("version {version} of {policy} is not what it was when this was quoted")]
    PolicyChanged { policy: PolicyId, version: u16 },
    #[error("{policy} does not price {month} for what was asked")]
    DoesNotApply { policy: PolicyId, month: Month },
    #[error("the lines of this quote do not cover {month}")]
    MonthMissing { month: Month },
    #[error("the request cannot be priced again: {0}")]
    Refused(#[from] QuoteError),
    /// The first part of the quote that comes out differently.
    #[error("{part} comes out differently")]
    Differs { part: String },
}

impl Catalogue {
    /// Recomputes `quote` from the very versions its lines name, whatever is in force now.
    ///
    /// # Errors
    /// When a version is gone or changed, does not apply, or any figure comes out differently.
    pub fn replay(&self, quote: &Quote) -> Result<(), ReplayError> {
        // Lines stand in order of months and are asked for in that order.
        let from = Cell::new(0);
        let again = price(&quote.request, |month| {
            let rest = quote.lines.get(from.get()..).unwrap_or_default();
            let line = rest.first().filter(|line| line.period.contains(month));
            let line = line.ok_or(ReplayError::MonthMissing { month })?;
            from.set(from.get() + 1);
            self.recorded(quote, line, month)
        })?;
        compare(quote, &again)
    }

    /// The policy a line names, if it may be used for what was asked.
    fn recorded(
        &self,
        quote: &Quote,
        line: &QuoteLine,
        month: Month,
    ) -> Result<Chosen<'_>, ReplayError> {
        let (id, version) = (line.policy.clone(), line.version);
        let Some(policy) = self.policy_version(&id, version) else {
            return Err(ReplayError::PolicyGone { policy: id, version });
        };
        if policy.digest() != line.digest {
            return Err(ReplayError::PolicyChanged { policy: id, version });
        }
        let carried = policy.period.to() < month;
        let reaches = policy.period.contains(month) || (carried && quote.request.provisional);
        if !reaches || !is_asked_for(&quote.request.subject, policy) {
            return Err(ReplayError::DoesNotApply { policy: id, month });
        }
        Ok(Chosen { policy, carried })
    }
}

fn is_asked_for(subject: &Subject, policy: &Policy) -> bool {
    match subject {
        Subject::Policy { id } => policy.id == *id,
        Subject::City { city, insurance, insured_kind } => {
            policy.is_offered()
                && policy.applies_in(city)
                && policy.insurance == *insurance
                && policy.insured_kind == *insured_kind
        }
    }
}

fn compare(stored: &Quote, again: &Quote) -> Result<(), ReplayError> {
    let differs = |part: String| Err(ReplayError::Differs { part });
    for (stored, again) in stored.lines.iter().zip(&again.lines) {
        if stored != again {
            return differs(format!("the line of {}", again.period.from()));
        }
    }
    // Whole quotes are compared, so that a field added later cannot be forgotten here.
    match stored {
        same if same == again => Ok(()),
        other if other.lines.len() != again.lines.len() => {
            differs("the number of lines".to_owned())
        }
        other if other.total != again.total => differs("the total".to_owned()),
        other if other.subtotals != again.subtotals => differs("a subtotal".to_owned()),
        _ => differs("confidence, notices or disclaimer".to_owned()),
    }
}
