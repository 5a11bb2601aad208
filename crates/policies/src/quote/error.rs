//! Why a request cannot be priced, with what a face needs to say so.

use kernel::{CityCode, Fen, Insurance, InsuredKind, Month, PolicyId};

/// Every way in which pricing refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    #[error("{city} is no city of the catalogue")]
    UnknownCity { city: CityCode },
    #[error("{policy} is no policy")]
    UnknownPolicy { policy: PolicyId },
    /// `last_known` could be carried forward if the caller allowed it.
    #[error("no policy for {insurance} of {insured_kind} covers {month}{}", known(.last_known))]
    NoPolicy {
        month: Month,
        insurance: Insurance,
        insured_kind: InsuredKind,
        last_known: Option<PolicyId>,
    },
    #[error("{policy} prices {from} to {to}, not {month}")]
    NotInForce { policy: PolicyId, month: Month, from: Month, to: Month },
    #[error("for {month} the base must be at least {floor}{}, not {base}", at_most(.ceiling))]
    BaseOutOfBounds { policy: PolicyId, month: Month, base: Fen, floor: Fen, ceiling: Option<Fen> },
    #[error("a base is in whole yuan, not {base}")]
    BaseNotWholeYuan { base: Fen },
    /// `tiers` are numbers and bases.
    #[error("{base} is none of the published tiers of {policy}: {}", listed(.tiers))]
    BaseNotATier { policy: PolicyId, base: Fen, tiers: Vec<(u16, Fen)> },
    #[error("in {month} the base is {fixed} for everybody, not {base}")]
    BaseIsFixed { policy: PolicyId, month: Month, base: Fen, fixed: Fen },
    #[error("{policy} has no tier {tier}, only {}", numbers(.known))]
    UnknownTier { policy: PolicyId, tier: u16, known: Vec<u16> },
    /// `known` are codes and names.
    #[error("{policy} has no category {category}, only {}", categories(.known))]
    UnknownCategory { policy: PolicyId, category: String, known: Vec<(String, String)> },
    #[error("{policy} needs a category: {}", categories(.known))]
    CategoryNeeded { policy: PolicyId, known: Vec<(String, String)> },
    /// `mode` is the policy's base mode.
    #[error("{policy} leaves no choice of {choice}: its base mode is {mode}")]
    ChoiceDoesNotFit { policy: PolicyId, choice: &'static str, mode: &'static str },
    #[error("{policy} is paid for the whole of {from} to {to} at once")]
    WholeYearNeeded { policy: PolicyId, from: Month, to: Month },
    #[error("{policy} asks for no top-up in {month}")]
    NoTopUp { policy: PolicyId, month: Month },
    #[error("the amount is too large")]
    TooLarge,
}

fn known(last: &Option<PolicyId>) -> String {
    last.as_ref().map_or_else(String::new, |last| format!("; the last known is {last}"))
}

fn at_most(ceiling: &Option<Fen>) -> String {
    ceiling.map_or_else(String::new, |ceiling| format!(" and at most {ceiling}"))
}

fn listed(tiers: &[(u16, Fen)]) -> String {
    tiers.iter().map(|(no, base)| format!("{no} = {base}")).collect::<Vec<_>>().join(", ")
}

fn numbers(numbers: &[u16]) -> String {
    numbers.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}

fn categories(known: &[(String, String)]) -> String {
    known.iter().map(|(code, name)| format!("{code} ({name})")).collect::<Vec<_>>().join(", ")
}
