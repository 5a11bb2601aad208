//! What is owed for some months, with every step.
//!
//! A quote is a preview (试算): the agency's bill decides. It is made from one version of one policy
//! for each month of the period (费款所属期), never from the day of payment, and carries its request,
//! so that it can be worked out again years later and compared.

mod error;
mod price;
mod replay;
mod step;
mod text;

use kernel::{BasisPoints, CityCode, Fen, Insurance, InsuredKind, MonthRange, PolicyId};
use serde::{Deserialize, Serialize};
use wording::Language;

use crate::policy::{Confidence, Rounding};

pub use error::QuoteError;
pub use replay::ReplayError;

/// Stands in every quote that is not fully sourced. It is part of what is stored and replayed, so it does
/// not change with the message files; faces show their own words for it.
pub const DISCLAIMER: &str = "仅供参考,以税务部门实际应缴金额为准";

/// What to price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuoteRequest {
    pub subject: Subject,
    pub choice: Choice,
    /// The months the contribution is for.
    pub months: MonthRange,
    /// The insured person has a local hukou; matters where a policy has a rate for it.
    #[serde(default)]
    pub local_hukou: bool,
    /// Months before a policy's base switch were already paid at the floor before: price them as
    /// they were paid, at that floor.
    #[serde(default)]
    pub paid_before_switch: bool,
    /// Carry the last known policy forward into months that no policy prices yet (暂行).
    #[serde(default)]
    pub provisional: bool,
}

impl QuoteRequest {
    /// A request without any of the options.
    pub const fn new(subject: Subject, choice: Choice, months: MonthRange) -> QuoteRequest {
        QuoteRequest {
            subject,
            choice,
            months,
            local_hukou: false,
            paid_before_switch: false,
            provisional: false,
        }
    }
}

/// Whose rules apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Subject {
    /// Those offered in a city; each month finds its own policy.
    City { city: CityCode, insurance: Insurance, insured_kind: InsuredKind },
    /// One named policy, which may be a reference.
    Policy { id: PolicyId },
}

/// What the payer chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// Nothing: the least that can be paid.
    Floor,
    /// A tier by its number.
    Tier(u16),
    /// A base in yuan.
    Base(Fen),
    /// A category of residents, or a plan, by its code.
    Category(String),
    /// The difference to the new floor for months before a base switch that were paid on this base.
    TopUp(Fen),
}

/// A priced request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quote {
    pub request: QuoteRequest,
    /// One line for each month, or for each year where a year is paid at once.
    pub lines: Vec<QuoteLine>,
    /// Lines in a row that are alike, counted.
    pub subtotals: Vec<Subtotal>,
    pub total: Fen,
    /// The least of the policies used.
    pub confidence: Confidence,
    /// At least one month was priced from a policy carried forward.
    pub provisional: bool,
    pub notices: Vec<Notice>,
    /// [`DISCLAIMER`], whenever the figures are not fully sourced.
    pub disclaimer: Option<String>,
}

/// One month (or year) of a quote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuoteLine {
    /// Both ends are the same month, except where a year is paid at once.
    pub period: MonthRange,
    pub policy: PolicyId,
    pub version: u16,
    /// Of the policy's content; see [`crate::Policy::digest`].
    pub digest: String,
    pub insurance: Insurance,
    pub base: Option<Fen>,
    pub tier: Option<u16>,
    pub category: Option<String>,
    pub steps: Vec<Step>,
    /// Of the steps.
    pub sum: Fen,
    pub rounding: Rounding,
    /// The sum after rounding: what is owed.
    pub amount: Fen,
    /// The part of a pension contribution that goes to the personal account (个人账户): 8 points.
    pub personal_account: Option<Fen>,
    /// The rest of it, which goes to the pool (统筹).
    pub pool: Option<Fen>,
    pub confidence: Confidence,
    /// The policy does not reach this month; it was carried forward.
    pub provisional: bool,
}

/// One part of a line's sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub code: String,
    pub name: String,
    pub rate: Option<BasisPoints>,
    /// How the amount came about, before rounding: `6015.00 × 8.75% = 526.3125`.
    pub expression: String,
    /// Rounded half up to the fen.
    pub amount: Fen,
}

/// Lines in a row with the same policy and amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subtotal {
    pub period: MonthRange,
    pub policy: PolicyId,
    pub version: u16,
    /// How many lines.
    pub count: u32,
    /// Of each line.
    pub each: Fen,
    pub amount: Fen,
}

/// Something that whoever reads the quote should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// A policy is kept for comparison only.
    ReferenceOnly,
    /// A policy was carried forward (暂行).
    Provisional,
    /// The base lies between the published tiers that are known.
    TierUnsourced,
    /// No source gives the highest base.
    CeilingUnknown,
    /// Whether these bounds were applied is not known.
    BaseUncertain,
    /// The last month of the policy is assumed.
    EndAssumed,
    /// Months were priced at the floor before the switch, as already paid.
    PaidBeforeSwitch,
}

impl Notice {
    pub const ALL: [Notice; 7] = [
        Notice::ReferenceOnly,
        Notice::Provisional,
        Notice::TierUnsourced,
        Notice::CeilingUnknown,
        Notice::BaseUncertain,
        Notice::EndAssumed,
        Notice::PaidBeforeSwitch,
    ];

    /// The word in a quote; the sentence for it is in the message files, at `notice.CODE`.
    pub const fn code(self) -> &'static str {
        match self {
            Notice::ReferenceOnly => "reference_only",
            Notice::Provisional => "provisional",
            Notice::TierUnsourced => "tier_unsourced",
            Notice::CeilingUnknown => "ceiling_unknown",
            Notice::BaseUncertain => "base_uncertain",
            Notice::EndAssumed => "end_assumed",
            Notice::PaidBeforeSwitch => "paid_before_switch",
        }
    }

    /// The sentence for people.
    pub fn text(self, language: Language) -> String {
        wording::term(language, &format!("notice.{}", self.code()))
    }

    /// Whether the amount itself is in doubt.
    const fn needs_disclaimer(self) -> bool {
        match self {
            Notice::ReferenceOnly
            | Notice::Provisional
            | Notice::TierUnsourced
            | Notice::CeilingUnknown
            | Notice::BaseUncertain => true,
            Notice::EndAssumed | Notice::PaidBeforeSwitch => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notice_is_written_as_it_is_stored_and_has_its_sentence() {
        for notice in Notice::ALL {
            assert_eq!(serde_json::json!(notice), notice.code());
            for language in Language::ALL {
                assert!(!notice.text(language).contains("notice."), "{}", notice.code());
            }
        }
    }
}
