//! Published standards (缴费标准) as people read them: what a month costs, by which parts, from where.

use kernel::{BasisPoints, Fen};
use policies::{Catalogue, Component, ComponentAmount, Confidence, Policy, Terms};
use serde::Serialize;
use utoipa::ToSchema;
use wording::{Language, term};

use crate::words;

/// A standard with its figures and sources.
#[derive(Serialize, ToSchema)]
pub(crate) struct PolicyView {
    id: String,
    version: u16,
    insurance: String,
    insurance_label: String,
    insured_kind: String,
    /// `tiers`, `range`, `fixed`, `flat`, `annual_flat` or `tier_amounts`.
    base_mode: String,
    from: String,
    to: String,
    /// It ended before, and is carried forward until a new one is published (暂行).
    provisional: bool,
    /// What that means, where it is.
    provisional_text: Option<String>,
    /// Yuan; absent where there is no base.
    base_floor: Option<String>,
    base_ceiling: Option<String>,
    /// The parts of a month: shares of the base, and flat amounts.
    components: Vec<PolicyPart>,
    /// All shares together, such as `8.2%`; absent where there is none.
    #[schema(example = "20%")]
    total_rate: Option<String>,
    /// The whole share of people with a local hukou, where it is another.
    local_hukou_rate: Option<String>,
    /// Yuan: what a month costs at least; for everybody where `monthly_most` is the same.
    #[schema(example = "898.80")]
    monthly_least: Option<String>,
    /// Yuan: what a month costs at most; absent where the highest base is not known.
    monthly_most: Option<String>,
    /// Collected unevenly over the year besides the months' amounts.
    extra_yearly: Option<ExtraYearlyView>,
    tiers: Vec<TierView>,
    categories: Vec<YearlyCategory>,
    confidence: String,
    /// Shown with figures that only one source gives.
    disclaimer: Option<String>,
    document: Option<String>,
    sources: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PolicyPart {
    code: String,
    name: String,
    /// Such as `8%`; absent for flat amounts.
    rate: Option<String>,
    /// Yuan a month; absent for shares.
    amount: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ExtraYearlyView {
    code: String,
    name: String,
    /// Yuan a year.
    amount: String,
    /// Yuan, January to December.
    monthly: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct TierView {
    no: u16,
    /// Percent of the reference wage, where a source says so.
    percent: Option<u16>,
    /// Yuan.
    base: Option<String>,
    /// Yuan per month.
    monthly_amount: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct YearlyCategory {
    code: String,
    name: String,
    /// Yuan per year.
    amount: String,
}

impl PolicyView {
    /// `carried`: it is shown for months after its own.
    pub(crate) fn of(
        catalogue: &Catalogue,
        policy: &Policy,
        carried: bool,
        language: Language,
    ) -> PolicyView {
        let told = |amount: Option<Fen>| amount.map(|fen| fen.to_string());
        let doubtful = policy.confidence == Confidence::OneSource;
        PolicyView {
            id: policy.id.to_string(),
            version: policy.version,
            insurance: policy.insurance.code().to_owned(),
            insurance_label: words::insurance(language, policy.insurance),
            insured_kind: policy.insured_kind.code().to_owned(),
            base_mode: policy.terms.code().to_owned(),
            from: policy.period.from().to_string(),
            to: policy.period.to().to_string(),
            provisional: carried,
            provisional_text: carried.then(|| term(language, "quote.provisional")),
            base_floor: told(policy.floor()),
            base_ceiling: told(policy.ceiling()),
            components: policy
                .components
                .iter()
                .map(|part| PolicyPart::of(part, language))
                .collect(),
            total_rate: total_rate(&policy.components).map(|rate| rate.to_string()),
            local_hukou_rate: policy.local_hukou_rate.map(|rate| rate.to_string()),
            monthly_least: told(policy.month_least()),
            monthly_most: told(policy.month_most()),
            extra_yearly: policy.extra_yearly.as_ref().map(|extra| ExtraYearlyView {
                code: extra.code.clone(),
                name: words::component(language, &extra.code, &extra.name),
                amount: extra.yearly.to_string(),
                monthly: extra.monthly.iter().map(ToString::to_string).collect(),
            }),
            tiers: tiers(policy),
            categories: categories(policy, language),
            confidence: policy.confidence.code().to_owned(),
            disclaimer: (doubtful || carried).then(|| term(language, "quote.disclaimer")),
            document: policy.document.clone(),
            sources: catalogue.links(&policy.sources),
        }
    }
}

impl PolicyPart {
    fn of(part: &Component, language: Language) -> PolicyPart {
        let (rate, amount) = match part.amount {
            ComponentAmount::Rate(rate) => (Some(rate.to_string()), None),
            ComponentAmount::Flat(amount) => (None, Some(amount.to_string())),
        };
        let name = words::component(language, &part.code, &part.name);
        PolicyPart { code: part.code.clone(), name, rate, amount }
    }
}

fn total_rate(components: &[Component]) -> Option<BasisPoints> {
    let rates = components.iter().filter_map(|part| match part.amount {
        ComponentAmount::Rate(rate) => Some(rate.0),
        ComponentAmount::Flat(_) => None,
    });
    let total = rates.fold(0_u16, u16::saturating_add);
    (total > 0).then_some(BasisPoints(total))
}

fn tiers(policy: &Policy) -> Vec<TierView> {
    match &policy.terms {
        Terms::Tiers { tiers, .. } => tiers
            .iter()
            .map(|tier| TierView {
                no: tier.no,
                percent: tier.percent,
                base: Some(tier.base.to_string()),
                monthly_amount: tier.monthly.to_string(),
            })
            .collect(),
        Terms::TierAmounts { tiers, .. } => tiers
            .iter()
            .map(|tier| TierView {
                no: tier.no,
                percent: tier.percent,
                base: None,
                monthly_amount: tier.monthly.to_string(),
            })
            .collect(),
        Terms::Range { .. } | Terms::Fixed { .. } | Terms::Flat | Terms::AnnualFlat { .. } => {
            Vec::new()
        }
    }
}

fn categories(policy: &Policy, language: Language) -> Vec<YearlyCategory> {
    let Terms::AnnualFlat { categories } = &policy.terms else { return Vec::new() };
    categories
        .iter()
        .map(|category| YearlyCategory {
            code: category.code.clone(),
            name: words::category(language, &category.code, &category.name),
            amount: category.amount.to_string(),
        })
        .collect()
}
