//! Prices a request, month by month.

use std::collections::BTreeSet;

use kernel::{BasisPoints, Fen, Insurance, Month, MonthRange};

use super::step::step;
use super::{
    Choice, DISCLAIMER, Notice, Quote, QuoteError, QuoteLine, QuoteRequest, Step, Subject, Subtotal,
};
use crate::Catalogue;
use crate::policy::{
    BaseSwitch, Bounds, Category, ComponentAmount, Confidence, Policy, Terms, Tier, TopUp,
};

/// Of a pension contribution, what goes to the personal account, nation-wide.
const PERSONAL_ACCOUNT: BasisPoints = BasisPoints(800);

/// The policy for one month.
#[derive(Clone, Copy)]
pub(super) struct Chosen<'c> {
    pub policy: &'c Policy,
    /// It ended before the month and was carried forward.
    pub carried: bool,
}

impl Catalogue {
    /// Prices a request from the newest policies.
    ///
    /// # Errors
    /// Never a guess: a month without a policy, a base out of bounds, a tier that does not exist and
    /// a choice that the policy does not offer are told as what they are.
    pub fn quote(&self, request: &QuoteRequest) -> Result<Quote, QuoteError> {
        match &request.subject {
            Subject::City { city, insurance, insured_kind } => {
                if !self.is_place(city) {
                    return Err(QuoteError::UnknownCity { city: city.clone() });
                }
                let policies = self.policies_of(city, *insurance, *insured_kind);
                price(request, |month| {
                    let covering = policies.iter().find(|policy| policy.period.contains(month));
                    if let Some(policy) = covering {
                        return Ok(Chosen { policy, carried: false });
                    }
                    let before = policies.iter().rfind(|policy| policy.period.to() < month);
                    match before {
                        Some(policy) if request.provisional => Ok(Chosen { policy, carried: true }),
                        _ => Err(QuoteError::NoPolicy {
                            month,
                            insurance: *insurance,
                            insured_kind: *insured_kind,
                            last_known: before.map(|policy| policy.id.clone()),
                        }),
                    }
                })
            }
            Subject::Policy { id } => {
                let Some(policy) = self.policy(id) else {
                    return Err(QuoteError::UnknownPolicy { policy: id.clone() });
                };
                price(request, |month| {
                    let carried = policy.period.to() < month && request.provisional;
                    if policy.period.contains(month) || carried {
                        return Ok(Chosen { policy, carried });
                    }
                    let (from, to) = (policy.period.from(), policy.period.to());
                    Err(QuoteError::NotInForce { policy: id.clone(), month, from, to })
                })
            }
        }
    }
}

/// Prices each month with the policy that `choose` finds for it.
pub(super) fn price<'c, E: From<QuoteError>>(
    request: &QuoteRequest,
    choose: impl Fn(Month) -> Result<Chosen<'c>, E>,
) -> Result<Quote, E> {
    let mut lines: Vec<QuoteLine> = Vec::new();
    let mut notices = BTreeSet::new();
    let mut next = Some(request.months.from());
    while let Some(month) = next.filter(|month| request.months.contains(*month)) {
        let chosen = choose(month)?;
        let line = match &chosen.policy.terms {
            Terms::AnnualFlat { categories } => year(request, chosen, month, categories)?,
            _ => Pricing { request, chosen, month }.line(&mut notices)?,
        };
        note(chosen, &mut notices);
        next = line.period.to().plus(1);
        lines.push(line);
    }
    Ok(assemble(request, lines, notices)?)
}

fn assemble(
    request: &QuoteRequest,
    lines: Vec<QuoteLine>,
    notices: BTreeSet<Notice>,
) -> Result<Quote, QuoteError> {
    let total = Fen::sum(lines.iter().map(|line| line.amount)).ok_or(QuoteError::TooLarge)?;
    // A range has at least one month, so there is a line; without one the cautious word stands.
    let confidence = lines.iter().map(|line| line.confidence).min();
    let confidence = confidence.unwrap_or(Confidence::OneSource);
    let doubtful = notices.iter().any(|notice| notice.needs_disclaimer());
    let disclaimer =
        (doubtful || confidence == Confidence::OneSource).then(|| DISCLAIMER.to_owned());
    Ok(Quote {
        request: request.clone(),
        subtotals: subtotals(&lines)?,
        total,
        confidence,
        provisional: lines.iter().any(|line| line.provisional),
        notices: notices.into_iter().collect(),
        disclaimer,
        lines,
    })
}

fn subtotals(lines: &[QuoteLine]) -> Result<Vec<Subtotal>, QuoteError> {
    let alike = |a: &QuoteLine, b: &QuoteLine| {
        a.policy == b.policy
            && a.version == b.version
            && a.amount == b.amount
            && a.base == b.base
            && a.steps == b.steps
            && a.provisional == b.provisional
    };
    let groups =
        lines.chunk_by(alike).filter_map(|group| Some((group.first()?, group.last()?, group)));
    groups
        .map(|(first, last, group)| {
            let count = u32::try_from(group.len()).map_err(|_| QuoteError::TooLarge)?;
            let period = MonthRange::new(first.period.from(), last.period.to());
            Ok(Subtotal {
                period: period.map_err(|_| QuoteError::TooLarge)?,
                policy: first.policy.clone(),
                version: first.version,
                count,
                each: first.amount,
                amount: first.amount.times(count).ok_or(QuoteError::TooLarge)?,
            })
        })
        .collect()
}

fn note(chosen: Chosen<'_>, notices: &mut BTreeSet<Notice>) {
    let Policy { reference_only, base_uncertain, end_assumed, .. } = *chosen.policy;
    notices.extend(reference_only.then_some(Notice::ReferenceOnly));
    notices.extend(base_uncertain.then_some(Notice::BaseUncertain));
    notices.extend(end_assumed.then_some(Notice::EndAssumed));
    notices.extend(chosen.carried.then_some(Notice::Provisional));
}

/// A year paid at once. It is not divided: the months must hold the whole of it.
fn year(
    request: &QuoteRequest,
    chosen: Chosen<'_>,
    month: Month,
    categories: &[Category],
) -> Result<QuoteLine, QuoteError> {
    let Chosen { policy, carried } = chosen;
    let known = || categories.iter().map(|c| (c.code.clone(), c.name.clone())).collect();
    let id = || policy.id.clone();
    let category = match &request.choice {
        Choice::Category(code) => {
            let category = categories.iter().find(|category| category.code == *code);
            category.ok_or_else(|| QuoteError::UnknownCategory {
                policy: id(),
                category: code.clone(),
                known: known(),
            })?
        }
        Choice::Floor => return Err(QuoteError::CategoryNeeded { policy: id(), known: known() }),
        other => return Err(does_not_fit(policy, other)),
    };
    let period = year_of(policy, month).ok_or(QuoteError::TooLarge)?;
    let whole = period.from() == month && period.to() <= request.months.to();
    if !whole {
        let (from, to) = (period.from(), period.to());
        return Err(QuoteError::WholeYearNeeded { policy: id(), from, to });
    }
    let step = Step {
        code: category.code.clone(),
        name: category.name.clone(),
        rate: None,
        expression: format!("{}..{} 全年定额", period.from(), period.to()),
        amount: category.amount,
    };
    let amount = policy.rounding.of(category.amount).ok_or(QuoteError::TooLarge)?;
    Ok(QuoteLine {
        period,
        policy: id(),
        version: policy.version,
        digest: policy.digest().to_owned(),
        insurance: policy.insurance,
        base: None,
        tier: None,
        category: Some(category.code.clone()),
        sum: category.amount,
        steps: vec![step],
        rounding: policy.rounding,
        amount,
        personal_account: None,
        pool: None,
        confidence: policy.confidence,
        provisional: carried,
    })
}

/// The policy's own year, moved forward by whole lengths of it until it holds `month`.
fn year_of(policy: &Policy, month: Month) -> Option<MonthRange> {
    let mut period = policy.period;
    while !period.contains(month) {
        let from = period.from().plus(policy.period.count())?;
        period = MonthRange::starting(from, policy.period.count()).ok()?;
    }
    Some(period)
}

fn does_not_fit(policy: &Policy, choice: &Choice) -> QuoteError {
    let choice = match choice {
        Choice::Floor => "floor",
        Choice::Tier(_) => "tier",
        Choice::Base(_) => "base",
        Choice::Category(_) => "category",
        Choice::TopUp(_) => "top_up",
    };
    QuoteError::ChoiceDoesNotFit { policy: policy.id.clone(), choice, mode: policy.terms.code() }
}

/// One month being priced.
struct Pricing<'r, 'c> {
    request: &'r QuoteRequest,
    chosen: Chosen<'c>,
    month: Month,
}

/// What a month's amount is worked out from.
pub(super) enum Basis {
    Base {
        base: Fen,
        tier: Option<u16>,
    },
    NoBase,
    Published {
        tier: u16,
        amount: Fen,
    },
    /// From the base that was paid up to the base that is owed.
    Difference {
        paid: Fen,
        owed: Fen,
    },
}

impl Pricing<'_, '_> {
    fn policy(&self) -> &Policy {
        self.chosen.policy
    }

    fn line(&self, notices: &mut BTreeSet<Notice>) -> Result<QuoteLine, QuoteError> {
        let policy = self.policy();
        let basis = self.basis(notices)?;
        let steps = self.steps(&basis)?;
        let too_large = QuoteError::TooLarge;
        let sum = Fen::sum(steps.iter().map(|step| step.amount)).ok_or(too_large.clone())?;
        let amount = policy.rounding.of(sum).ok_or(too_large.clone())?;
        let (base, tier) = match basis {
            Basis::Base { base, tier } => (Some(base), tier),
            Basis::NoBase => (None, None),
            Basis::Published { tier, .. } => (None, Some(tier)),
            Basis::Difference { owed, .. } => (Some(owed), None),
        };
        let personal_account = match basis {
            _ if policy.insurance != Insurance::Pension => None,
            Basis::Base { base, .. } => PERSONAL_ACCOUNT.of(base),
            Basis::Difference { paid, owed } => {
                let of = |base| PERSONAL_ACCOUNT.of(base);
                of(owed).zip(of(paid)).and_then(|(owed, paid)| owed.minus(paid))
            }
            Basis::NoBase | Basis::Published { .. } => None,
        };
        Ok(QuoteLine {
            period: MonthRange::starting(self.month, 1).map_err(|_| too_large)?,
            policy: policy.id.clone(),
            version: policy.version,
            digest: policy.digest().to_owned(),
            insurance: policy.insurance,
            base,
            tier,
            category: None,
            steps,
            sum,
            rounding: policy.rounding,
            amount,
            personal_account,
            pool: personal_account.and_then(|account| amount.minus(account)),
            confidence: policy.confidence,
            provisional: self.chosen.carried,
        })
    }

    fn basis(&self, notices: &mut BTreeSet<Notice>) -> Result<Basis, QuoteError> {
        let (policy, choice) = (self.policy(), &self.request.choice);
        if let Choice::TopUp(paid) = choice {
            return self.difference(*paid);
        }
        match &policy.terms {
            Terms::Tiers { bounds, tiers, complete, any_base, .. } => {
                let (base, tier) = match choice {
                    Choice::Floor => {
                        (bounds.floor, tiers.iter().find(|tier| tier.base == bounds.floor))
                    }
                    Choice::Tier(no) => {
                        let tier = self.tier(*no, tiers)?;
                        (tier.base, Some(tier))
                    }
                    Choice::Base(base) => (*base, tiers.iter().find(|tier| tier.base == *base)),
                    other => return Err(does_not_fit(policy, other)),
                };
                let base = self.at_prior_floor(base, notices);
                let switched = self.prior_floor() == Some(base);
                if tier.is_none() && !switched {
                    self.check_bounds(base, *bounds)?;
                    if *complete && !any_base {
                        let tiers = tiers.iter().map(|tier| (tier.no, tier.base)).collect();
                        let policy = policy.id.clone();
                        return Err(QuoteError::BaseNotATier { policy, base, tiers });
                    }
                    check_whole_yuan(base)?;
                    if !any_base {
                        notices.insert(Notice::TierUnsourced);
                    }
                }
                Ok(Basis::Base { base, tier: tier.map(|tier| tier.no) })
            }
            Terms::Range { bounds } => {
                let base = match choice {
                    Choice::Floor => bounds.floor,
                    Choice::Base(base) => *base,
                    other => return Err(does_not_fit(policy, other)),
                };
                let base = self.at_prior_floor(base, notices);
                if self.prior_floor() != Some(base) {
                    self.check_bounds(base, *bounds)?;
                    check_whole_yuan(base)?;
                    if bounds.ceiling.is_none() && base > bounds.floor {
                        notices.insert(Notice::CeilingUnknown);
                    }
                }
                Ok(Basis::Base { base, tier: None })
            }
            Terms::Fixed { base: fixed } => match choice {
                Choice::Floor => Ok(Basis::Base { base: *fixed, tier: None }),
                Choice::Base(base) if base == fixed => Ok(Basis::Base { base: *base, tier: None }),
                Choice::Base(base) => Err(QuoteError::BaseIsFixed {
                    policy: policy.id.clone(),
                    month: self.month,
                    base: *base,
                    fixed: *fixed,
                }),
                other => Err(does_not_fit(policy, other)),
            },
            Terms::Flat => match choice {
                Choice::Floor => Ok(Basis::NoBase),
                other => Err(does_not_fit(policy, other)),
            },
            Terms::TierAmounts { tiers, .. } => {
                let tier = match choice {
                    Choice::Floor => tiers.first(),
                    Choice::Tier(no) => tiers.iter().find(|tier| tier.no == *no),
                    other => return Err(does_not_fit(policy, other)),
                };
                let no = if let Choice::Tier(no) = choice { *no } else { 0 };
                let known = || tiers.iter().map(|tier| tier.no).collect();
                let tier = tier.ok_or_else(|| self.unknown_tier(no, known()))?;
                Ok(Basis::Published { tier: tier.no, amount: tier.monthly })
            }
            // Years are priced by `year`, not by the month.
            Terms::AnnualFlat { .. } => Err(does_not_fit(policy, choice)),
        }
    }

    fn tier<'t>(&self, no: u16, tiers: &'t [Tier]) -> Result<&'t Tier, QuoteError> {
        let known = || tiers.iter().map(|tier| tier.no).collect();
        tiers.iter().find(|tier| tier.no == no).ok_or_else(|| self.unknown_tier(no, known()))
    }

    fn unknown_tier(&self, tier: u16, known: Vec<u16>) -> QuoteError {
        QuoteError::UnknownTier { policy: self.policy().id.clone(), tier, known }
    }

    /// The policy's base switch, when this month lies before it.
    fn switch_ahead(&self) -> Option<BaseSwitch> {
        self.policy()
            .base_switch
            .filter(|switch| self.month < switch.from && self.policy().period.contains(self.month))
    }

    /// The floor at which this month may stand as paid, when the payer said it does.
    fn prior_floor(&self) -> Option<Fen> {
        let switch = self.switch_ahead().filter(|_| self.request.paid_before_switch);
        switch.map(|switch| switch.prior_floor)
    }

    /// Whoever pays the floor paid the floor before; a higher base was above both and stays.
    fn at_prior_floor(&self, base: Fen, notices: &mut BTreeSet<Notice>) -> Fen {
        match self.prior_floor() {
            Some(prior) if Some(base) == self.policy().floor() || base == prior => {
                notices.insert(Notice::PaidBeforeSwitch);
                prior
            }
            _ => base,
        }
    }

    fn check_bounds(&self, base: Fen, bounds: Bounds) -> Result<(), QuoteError> {
        if bounds.contains(base) {
            return Ok(());
        }
        Err(QuoteError::BaseOutOfBounds {
            policy: self.policy().id.clone(),
            month: self.month,
            base,
            floor: bounds.floor,
            ceiling: bounds.ceiling,
        })
    }

    fn difference(&self, paid: Fen) -> Result<Basis, QuoteError> {
        let policy = self.policy();
        let switch = self.switch_ahead().filter(|switch| switch.top_up == TopUp::FloorDifference);
        let (Some(switch), Some(owed)) = (switch, policy.floor()) else {
            let policy = policy.id.clone();
            return Err(QuoteError::NoTopUp { policy, month: self.month });
        };
        check_whole_yuan(paid)?;
        // Whoever paid on more than the new floor owes nothing: out of bounds like too little.
        self.check_bounds(paid, Bounds { floor: switch.prior_floor, ceiling: Some(owed) })?;
        Ok(Basis::Difference { paid, owed })
    }

    fn steps(&self, basis: &Basis) -> Result<Vec<Step>, QuoteError> {
        let policy = self.policy();
        if let Basis::Published { tier, amount } = *basis {
            return Ok(vec![Step {
                code: policy.insurance.code().to_owned(),
                name: policy.insurance.label().to_owned(),
                rate: None,
                expression: format!("第{tier}档公布金额"),
                amount,
            }]);
        }
        let mut parts: Vec<(&str, &str, ComponentAmount)> = policy
            .components
            .iter()
            .map(|component| (component.code.as_str(), component.name.as_str(), component.amount))
            .collect();
        if let Some(local) = policy.local_hukou_rate.filter(|_| self.request.local_hukou) {
            let rates = parts.iter().map(|(_, _, amount)| match amount {
                ComponentAmount::Rate(rate) => rate.0,
                ComponentAmount::Flat(_) => 0,
            });
            // The check of the packs keeps the local rate above the sum of the others.
            let more = BasisPoints(local.0.saturating_sub(rates.sum()));
            let part = ("local_hukou", "本市户籍加缴部分", ComponentAmount::Rate(more));
            parts.push(part);
        }
        let steps = parts.into_iter().filter_map(|part| step(part, basis).transpose());
        let mut steps = steps.collect::<Result<Vec<Step>, QuoteError>>()?;
        if let (Some(extra), false) =
            (&policy.extra_yearly, matches!(basis, Basis::Difference { .. }))
        {
            let amount = extra.monthly[usize::from(self.month.month()) - 1];
            let month = self.month.month();
            steps.push(Step {
                code: extra.code.clone(),
                name: extra.name.clone(),
                rate: None,
                expression: format!("全年 {} 分月收取,{month}月", extra.yearly),
                amount,
            });
        }
        Ok(steps)
    }
}

fn check_whole_yuan(base: Fen) -> Result<(), QuoteError> {
    if base.get() % 100 == 0 { Ok(()) } else { Err(QuoteError::BaseNotWholeYuan { base }) }
}
