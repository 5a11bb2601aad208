//! What to type instead of a quote that cannot be: a whole command, and one that has been tried.

use kernel::{Fen, Month, MonthRange};
use policies::{Catalogue, Choice, Policy, QuoteRequest, Subject, Terms};

/// A command for the same city and insurance that prices something; `None` where nothing is known.
pub(super) fn command_for(catalogue: &Catalogue, failed: &QuoteRequest) -> Option<String> {
    let policy = policy_of(catalogue, &failed.subject, failed.months.from())?;
    let subject = match &failed.subject {
        Subject::Policy { id } => format!("--policy {id}"),
        Subject::City { city, insurance, .. } => {
            format!("--city {city} --insurance {insurance}")
        }
    };
    let months = months_of(policy, failed.months)?;
    // What was chosen stays where it can.
    let choices = [failed.choice.clone(), choice_of(policy)];
    choices.into_iter().find_map(|choice| {
        let mut request = failed.clone();
        (request.choice, request.months) = (choice.clone(), months);
        catalogue.quote(&request).ok()?;
        let count = match months.count() {
            1 => String::new(),
            count => format!(" --months {count}"),
        };
        let (from, choice) = (months.from(), written(&choice));
        Some(format!("city-services quote {subject}{choice} --from {from}{count}"))
    })
}

/// The policy that was meant: the named one, that of the month, or the last one before it.
fn policy_of<'a>(catalogue: &'a Catalogue, subject: &Subject, month: Month) -> Option<&'a Policy> {
    match subject {
        Subject::Policy { id } => catalogue.policy(id),
        Subject::City { city, insurance, insured_kind } => {
            let policies = catalogue.policies_of(city, *insurance, *insured_kind);
            let of_month = policies.iter().find(|policy| policy.period.contains(month));
            of_month.or(policies.last()).copied()
        }
    }
}

/// The months that were asked for where the policy prices them; else as many of its own as there are.
fn months_of(policy: &Policy, asked: MonthRange) -> Option<MonthRange> {
    if matches!(policy.terms, Terms::AnnualFlat { .. }) {
        return Some(policy.period);
    }
    if policy.period.contains(asked.from()) && policy.period.contains(asked.to()) {
        return Some(asked);
    }
    let count = asked.count().min(policy.period.count());
    MonthRange::starting(policy.period.from(), count).ok()
}

/// Something that the policy lets one choose.
fn choice_of(policy: &Policy) -> Choice {
    match &policy.terms {
        Terms::Tiers { tiers, .. } => tiers.first().map_or(Choice::Floor, |t| Choice::Tier(t.no)),
        Terms::TierAmounts { tiers, .. } => {
            tiers.first().map_or(Choice::Floor, |tier| Choice::Tier(tier.no))
        }
        Terms::Range { bounds } => Choice::Base(bounds.floor),
        Terms::AnnualFlat { categories } => categories
            .first()
            .map_or(Choice::Floor, |category| Choice::Category(category.code.clone())),
        Terms::Fixed { .. } | Terms::Flat => Choice::Floor,
    }
}

fn written(choice: &Choice) -> String {
    match choice {
        Choice::Tier(tier) => format!(" --tier {tier}"),
        Choice::Base(base) => format!(" --base {}", whole_yuan(*base)),
        Choice::Category(category) => format!(" --category {category}"),
        _ => String::new(),
    }
}

/// `4494.00` as people type it: `4494`.
fn whole_yuan(base: Fen) -> String {
    let text = base.to_string();
    text.strip_suffix(".00").map_or(text.clone(), str::to_owned)
}
