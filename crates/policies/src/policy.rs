//! A policy: one dated, sourced rule of what is owed for one insurance.
//!
//! Policies are made by reading a checked file and in no other way, so whoever holds one may rely on
//! it: bounds are in order, tiers add up, the period is whole months. They are append-only: a change
//! of content is a new `version` under the same identifier, and old versions stay so that old quotes
//! can be replayed.

mod reading;
mod rules;

use std::fmt;

use kernel::{BasisPoints, CityCode, Fen, Insurance, InsuredKind, Month, MonthRange, PolicyId};
use serde::{Deserialize, Serialize};

use crate::Sources;
pub(crate) use reading::{read, read_sources};
pub(crate) use rules::{check_together, newest};

/// One version of one policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Policy {
    pub id: PolicyId,
    pub version: u16,
    /// Where it applies.
    pub cities: Vec<CityCode>,
    pub insured_kind: InsuredKind,
    pub insurance: Insurance,
    /// The months (费款所属期) it prices.
    pub period: MonthRange,
    /// No source says when it ends; the last month is the usual one.
    pub end_assumed: bool,
    pub year_kind: YearKind,
    pub terms: Terms,
    /// What is owed each month on a base, or flat. Empty where amounts are published or yearly.
    pub components: Vec<Component>,
    pub rounding: Rounding,
    pub base_switch: Option<BaseSwitch>,
    /// The whole rate for people with a local hukou, where it differs.
    pub local_hukou_rate: Option<BasisPoints>,
    pub extra_yearly: Option<ExtraYearly>,
    /// The bounds are known but not whether they were the ones applied.
    pub base_uncertain: bool,
    pub payment_opens: Option<Day>,
    pub payment_deadline: Option<Day>,
    pub confidence: Confidence,
    /// Kept to compare and to test with; never offered to a citizen, never chosen for a city.
    pub reference_only: bool,
    /// The offered policies that this reference contradicts.
    pub conflicts_with: Vec<PolicyId>,
    #[serde(skip)]
    pub source_kind: SourceKind,
    /// The pages that the figures come from; never empty.
    #[serde(skip)]
    pub sources: Sources,
    /// The government document, as cited.
    #[serde(skip)]
    pub document: Option<String>,
    #[serde(skip)]
    pub note: Option<String>,
    /// The file it was read from.
    #[serde(skip)]
    pub file: String,
    #[serde(skip)]
    digest: String,
}

/// How the base, or the amount, is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Terms {
    /// Choose one of the published bases.
    Tiers {
        bounds: Bounds,
        tiers: Vec<Tier>,
        /// All tiers are sourced. When not, any base within the bounds can be priced, with a notice.
        complete: bool,
        /// How many tiers exist; `None` when no source counts them.
        count: Option<u16>,
        /// Besides the tiers, any whole-yuan base within the bounds may be chosen.
        any_base: bool,
    },
    /// Any whole-yuan base within the bounds.
    Range { bounds: Bounds },
    /// One base for everybody.
    Fixed { base: Fen },
    /// The same amount each month, whatever the base.
    Flat,
    /// One amount for the whole period, by category of person.
    AnnualFlat { categories: Vec<Category> },
    /// Monthly amounts published per tier, not computed.
    TierAmounts { bounds: Bounds, tiers: Vec<PublishedTier> },
}

impl Terms {
    /// The word in the pack: `tiers`, `range`, `fixed`, `flat`, `annual_flat` or `tier_amounts`.
    pub const fn code(&self) -> &'static str {
        match self {
            Terms::Tiers { .. } => "tiers",
            Terms::Range { .. } => "range",
            Terms::Fixed { .. } => "fixed",
            Terms::Flat => "flat",
            Terms::AnnualFlat { .. } => "annual_flat",
            Terms::TierAmounts { .. } => "tier_amounts",
        }
    }
}

/// Lowest and highest base. Floor and ceiling of one year need not come from one wage, so neither
/// is derived from the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bounds {
    pub floor: Fen,
    /// `None` when no source gives it.
    pub ceiling: Option<Fen>,
}

impl Bounds {
    pub fn contains(self, base: Fen) -> bool {
        self.floor <= base && self.ceiling.is_none_or(|ceiling| base <= ceiling)
    }
}

/// A published base (档次).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tier {
    pub no: u16,
    /// Percent of the reference wage, where the source names one. A label; the base is what counts.
    pub percent: Option<u16>,
    pub base: Fen,
    /// As published or worked out, and checked against the components.
    pub monthly: Fen,
}

/// A published monthly amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PublishedTier {
    pub no: u16,
    pub percent: Option<u16>,
    pub monthly: Fen,
}

/// A kind of resident, or a plan, with its yearly amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Category {
    pub code: String,
    pub name: String,
    pub amount: Fen,
}

/// One part of a month's amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Component {
    pub code: String,
    pub name: String,
    pub amount: ComponentAmount,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ComponentAmount {
    Rate(BasisPoints),
    Flat(Fen),
}

impl ComponentAmount {
    /// This part of a month on `base`, rounded half up to the fen by itself. `None` on overflow.
    pub fn on(self, base: Fen) -> Option<Fen> {
        match self {
            ComponentAmount::Rate(rate) => rate.of(base),
            ComponentAmount::Flat(amount) => Some(amount),
        }
    }
}

/// A floor that rose inside the period for everybody from `from` on, while earlier months may
/// already have been paid at the floor before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BaseSwitch {
    pub from: Month,
    pub prior_floor: Fen,
    pub top_up: TopUp,
}

/// An amount for a year that is collected unevenly over its months, besides the components.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExtraYearly {
    pub code: String,
    pub name: String,
    pub yearly: Fen,
    /// January to December; adds up to `yearly`.
    pub monthly: [Fen; 12],
}

macro_rules! pack_words {
    ($($(#[$doc:meta])* $list:ident { $($(#[$word_doc:meta])* $word:ident = $code:literal;)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $list {
            $($(#[$word_doc])* #[serde(rename = $code)] $word,)*
        }

        impl $list {
            pub const ALL: &'static [$list] = &[$($list::$word,)*];

            /// The word in the pack.
            pub const fn code(self) -> &'static str {
                match self { $($list::$word => $code,)* }
            }
        }

        impl std::str::FromStr for $list {
            type Err = kernel::UnknownWord;
            fn from_str(code: &str) -> Result<Self, kernel::UnknownWord> {
                match code {
                    $($code => Ok($list::$word),)*
                    _ => Err(kernel::UnknownWord {
                        list: stringify!($list),
                        expected: concat!($($code, " ",)*),
                    }),
                }
            }
        }

        impl std::fmt::Display for $list {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.code())
            }
        }
    )*};
}
pub(crate) use pack_words;

pack_words! {
    /// How far the figures can be trusted.
    Confidence {
        /// One source, or several of one origin: never shown without [`crate::DISCLAIMER`].
        OneSource = "one_source";
        /// Two independent sources agree.
        Confirmed = "confirmed";
    }
    /// The best kind of page among the sources.
    SourceKind {
        Official = "official";
        MediaOrReprint = "media_or_reprint";
        Aggregator = "aggregator";
    }
    /// Which year the policy belongs to. It belongs to the policy, never to the city: one city can
    /// run two different years.
    YearKind {
        Calendar = "calendar";
        JulyJune = "july_june";
        Custom = "custom";
    }
    /// How a month's sum becomes its amount.
    Rounding {
        /// Each component is rounded half up to the fen; the sum stands.
        HalfUpFen = "half_up_fen";
        /// As above, then the month's sum is rounded half up to the jiao (0.10 yuan).
        HalfUpJiao = "half_up_jiao";
        /// The amount is printed in the source and never computed.
        Published = "published";
    }
    /// What happens to months already paid at the floor before a [`BaseSwitch`].
    TopUp {
        /// They stand as paid.
        None = "none";
        /// The difference to the new floor is billed.
        FloorDifference = "floor_difference";
        /// The agency bills some difference that cannot be worked out here.
        AgencyDifference = "agency_difference";
    }
}

impl Rounding {
    /// A month's amount from the sum of its parts. `None` on overflow.
    pub fn of(self, sum: Fen) -> Option<Fen> {
        match self {
            Rounding::HalfUpFen | Rounding::Published => Some(sum),
            Rounding::HalfUpJiao => Fen::new((sum.get() + 5) / 10 * 10),
        }
    }
}

/// A calendar day, as packs and windows name it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    year: u16,
    month: u8,
    day: u8,
}

impl Day {
    /// `None` when there is no such day between 1990 and 2199.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Day> {
        Month::new(year, month).ok()?;
        let day = Day { year, month, day };
        (1..=day.days_in_month()).contains(&day.day).then_some(day)
    }

    /// Reads `2026-10-01`.
    pub fn parse(text: &str) -> Option<Day> {
        let mut parts = text.split('-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || (year.len(), month.len(), day.len()) != (4, 2, 2) {
            return None;
        }
        Day::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
    }

    pub fn month(self) -> Option<Month> {
        Month::new(self.year, self.month).ok()
    }

    pub const fn is_first_of_month(self) -> bool {
        self.day == 1
    }

    pub const fn is_last_of_month(self) -> bool {
        self.day == self.days_in_month()
    }

    const fn days_in_month(self) -> u8 {
        let leap = self.year.is_multiple_of(4)
            && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400));
        match self.month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:04}-{:02}-{:02}", self.year, self.month, self.day))
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Day {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Policy {
    /// SHA-256, in hex, over everything that decides an amount or how it is shown. Sources and notes
    /// may be improved without making old quotes look changed.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether the policy may be chosen for a citizen.
    pub const fn is_offered(&self) -> bool {
        !self.reference_only
    }

    pub fn applies_in(&self, city: &CityCode) -> bool {
        self.cities.contains(city)
    }

    /// The lowest base, where there is a base.
    pub const fn floor(&self) -> Option<Fen> {
        match &self.terms {
            Terms::Tiers { bounds, .. }
            | Terms::Range { bounds }
            | Terms::TierAmounts { bounds, .. } => Some(bounds.floor),
            Terms::Fixed { base } => Some(*base),
            Terms::Flat | Terms::AnnualFlat { .. } => None,
        }
    }

    /// The highest base, where there is one and it is known.
    pub const fn ceiling(&self) -> Option<Fen> {
        match &self.terms {
            Terms::Tiers { bounds, .. }
            | Terms::Range { bounds }
            | Terms::TierAmounts { bounds, .. } => bounds.ceiling,
            Terms::Fixed { base } => Some(*base),
            Terms::Flat | Terms::AnnualFlat { .. } => None,
        }
    }

    /// An ordinary month on `base`: components, each rounded, summed and rounded as the policy says;
    /// without the yearly extra. `None` on overflow.
    pub fn month_on(&self, base: Fen) -> Option<Fen> {
        month_on(&self.components, self.rounding, base)
    }

    /// What an ordinary month costs at least, as published or worked out; of flat policies, what it
    /// costs. `None` where a year is paid at once.
    pub fn month_least(&self) -> Option<Fen> {
        match &self.terms {
            Terms::AnnualFlat { .. } => None,
            Terms::TierAmounts { tiers, .. } => tiers.iter().map(|tier| tier.monthly).min(),
            // Without a base the parts are flat, and any base gives the same.
            _ => self.month_on(self.floor().unwrap_or(Fen::ZERO)),
        }
    }

    /// What an ordinary month costs at most, where the highest base is known.
    pub fn month_most(&self) -> Option<Fen> {
        match &self.terms {
            Terms::AnnualFlat { .. } => None,
            Terms::TierAmounts { tiers, .. } => tiers.iter().map(|tier| tier.monthly).max(),
            Terms::Flat => self.month_on(Fen::ZERO),
            _ => self.month_on(self.ceiling()?),
        }
    }

    /// What `tiers` of an agency's kind cost: number, base and monthly amount of each known tier.
    pub fn tiers(&self) -> &[Tier] {
        match &self.terms {
            Terms::Tiers { tiers, .. } => tiers,
            _ => &[],
        }
    }

    fn seal(mut self) -> Policy {
        let content = serde_json::to_vec(&self).unwrap_or_default();
        self.digest = sha256_hex(&content);
        self
    }
}

pub(crate) fn sha256_hex(content: &[u8]) -> String {
    hex::encode(ring::digest::digest(&ring::digest::SHA256, content))
}

fn month_on(components: &[Component], rounding: Rounding, base: Fen) -> Option<Fen> {
    let parts = components.iter().map(|component| component.amount.on(base));
    rounding.of(parts.into_iter().try_fold(Fen::ZERO, |sum, part| sum.plus(part?))?)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(2024, 2, 29, true)]
    #[case(2023, 2, 29, false)]
    #[case(2100, 2, 29, false)]
    #[case(2000, 2, 29, true)]
    #[case(2023, 4, 31, false)]
    #[case(2023, 0, 1, false)]
    #[case(1989, 1, 1, false)]
    fn only_days_that_exist_are_days(
        #[case] year: u16,
        #[case] month: u8,
        #[case] day: u8,
        #[case] exists: bool,
    ) {
        assert_eq!(Day::new(year, month, day).is_some(), exists);
    }

    #[rstest]
    #[case(36_952, 36_950)]
    #[case(36_955, 36_960)]
    #[case(36_954, 36_950)]
    fn a_sum_is_rounded_half_up_to_the_jiao(#[case] sum: i64, #[case] amount: i64) {
        let sum = Fen::new(sum).expect("an amount");
        assert_eq!(Rounding::HalfUpJiao.of(sum), Fen::new(amount));
        assert_eq!(Rounding::HalfUpFen.of(sum), Some(sum));
    }
}
