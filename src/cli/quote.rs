//! `quote`: prices one case in the terminal, with every step.

mod remedy;

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use kernel::{CityCode, Fen, Insurance, InsuredKind, Month, MonthRange, PolicyId};
use policies::{Catalogue, Choice, Hint, Policy, Quote, QuoteRequest, Subject};

use super::{fail, say};
use crate::system;

#[derive(Debug, Args)]
pub(crate) struct QuoteArgs {
    /// City of enrolment: its name (无锡), spelling (wuxi) or GB/T 2260 code (320200).
    #[arg(long, required_unless_present_any = ["policy", "replay"])]
    city: Option<String>,
    /// pension, medical, unemployment or resident_medical.
    #[arg(long, required_unless_present_any = ["policy", "replay"])]
    insurance: Option<Insurance>,
    /// flexible_employment or resident; the usual one for the insurance when absent.
    #[arg(long)]
    insured_kind: Option<InsuredKind>,
    /// One policy by its id, also one that is kept for reference only.
    #[arg(long)]
    policy: Option<PolicyId>,
    /// A published tier by its number.
    #[arg(long, conflicts_with_all = ["base", "category"])]
    tier: Option<u16>,
    /// A base in yuan.
    #[arg(long, value_parser = yuan, conflicts_with = "category")]
    base: Option<Fen>,
    /// A category of residents, or a plan, by its code.
    #[arg(long)]
    category: Option<String>,
    /// First month, such as 2023-01; when absent the first month of the named policy or of what is paid at
    /// once, else this month.
    #[arg(long)]
    from: Option<Month>,
    /// How many months; the policy's whole period where it is paid at once, else 1.
    #[arg(long)]
    months: Option<u32>,
    /// The person has a local hukou.
    #[arg(long)]
    local_hukou: bool,
    /// Use the last known standard for months that have none yet (暂行).
    #[arg(long)]
    provisional: bool,
    /// Print the quote as JSON.
    #[arg(long)]
    json: bool,
    /// Work a stored quote (JSON) out again and compare every figure.
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
}

fn yuan(text: &str) -> Result<Fen, String> {
    Fen::from_yuan(text).map_err(|error| error.to_string())
}

impl QuoteArgs {
    pub(crate) fn run(self) -> ExitCode {
        let catalogue = match Catalogue::embedded() {
            Ok(catalogue) => catalogue,
            Err(report) => return fail(&format!("the city packs are not valid:\n{report}")),
        };
        if let Some(file) = &self.replay {
            return replay(&catalogue, file);
        }
        let request = match self.request(&catalogue) {
            Ok(request) => request,
            Err(sentence) => return fail(&sentence),
        };
        match catalogue.quote(&request) {
            Ok(quote) if self.json => match serde_json::to_string_pretty(&quote) {
                Ok(json) => say(json),
                Err(error) => return fail(&error),
            },
            Ok(quote) => say(quote.render().trim_end()),
            Err(error) => {
                let remedy = remedy::command_for(&catalogue, &request);
                let remedy =
                    remedy.map_or_else(String::new, |line| format!("\nthis works: {line}"));
                return fail(&format!("{error}{remedy}"));
            }
        }
        ExitCode::SUCCESS
    }

    fn request(&self, catalogue: &Catalogue) -> Result<QuoteRequest, String> {
        let named = self.policy.as_ref().and_then(|id| catalogue.policy(id));
        let subject = match (&self.policy, &self.city, self.insurance) {
            (Some(id), _, _) => Subject::Policy { id: id.clone() },
            (None, Some(city), Some(insurance)) => Subject::City {
                city: city_of(catalogue, city)?,
                insurance,
                insured_kind: self.insured_kind.unwrap_or(orders::usual_kind(insurance)),
            },
            (None, _, _) => return Err("name --city and --insurance, or --policy".to_owned()),
        };
        let choice = match (self.tier, self.base, &self.category) {
            (Some(tier), _, _) => Choice::Tier(tier),
            (None, Some(base), _) => Choice::Base(base),
            (None, None, Some(category)) => Choice::Category(category.clone()),
            (None, None, None) => Choice::Floor,
        };
        let now = Month::of(system().0.now());
        // What is paid at once is paid for the whole of its policy, whenever that is asked.
        let policy = named.or_else(|| paid_at_once(catalogue, &subject, now));
        let from = self.from.or(policy.map(|policy| policy.period.from())).unwrap_or(now);
        let whole = policy.filter(|policy| is_paid_at_once(policy) && policy.period.from() == from);
        let months = self.months.unwrap_or(whole.map_or(1, |policy| policy.period.count()));
        let months =
            MonthRange::starting(from, months).map_err(|error| format!("--months: {error}"))?;
        let mut request = QuoteRequest::new(subject, choice, months);
        request.local_hukou = self.local_hukou;
        request.provisional = self.provisional;
        Ok(request)
    }
}

fn is_paid_at_once(policy: &Policy) -> bool {
    policy.terms.code() == "annual_flat"
}

/// The policy of a city that is paid at once, in force now or the last one.
fn paid_at_once<'a>(catalogue: &'a Catalogue, subject: &Subject, now: Month) -> Option<&'a Policy> {
    let Subject::City { city, insurance, insured_kind } = subject else { return None };
    let policies = catalogue.policies_of(city, *insurance, *insured_kind);
    let in_force = policies.iter().find(|policy| policy.period.contains(now));
    in_force.or(policies.last()).copied().filter(|policy| is_paid_at_once(policy))
}

/// A city as a person writes it. Never guessed: what may mean two cities names both.
fn city_of(catalogue: &Catalogue, typed: &str) -> Result<CityCode, String> {
    if let Ok(code) = typed.parse() {
        return Ok(code);
    }
    if let Hint::City(code) = catalogue.resolve_hint(typed) {
        return Ok(code);
    }
    let found = catalogue.search(typed, 5).map_err(|error| format!("--city: {error}"))?;
    let spelled = found.iter().filter(|city| city.pinyin() == typed.to_lowercase());
    match spelled.collect::<Vec<_>>()[..] {
        [city] => Ok(city.code().clone()),
        _ if found.is_empty() => Err(format!("--city: no city is called {typed}")),
        _ => {
            let names = found.iter().map(|city| {
                format!("{} ({}, {})", city.short_name(), city.province().short_name, city.code())
            });
            let names = names.collect::<Vec<_>>().join(", ");
            Err(format!("--city: {typed} may be {names}; name one by its code"))
        }
    }
}

fn replay(catalogue: &Catalogue, file: &std::path::Path) -> ExitCode {
    let quote: Quote = match std::fs::read_to_string(file) {
        Ok(text) => match serde_json::from_str(&text) {
            Ok(quote) => quote,
            Err(error) => return fail(&format!("{} is no quote: {error}", file.display())),
        },
        Err(error) => return fail(&format!("{}: {error}", file.display())),
    };
    match catalogue.replay(&quote) {
        Ok(()) => {
            say(format!("replayed: every figure is the same, total {}", quote.total));
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error),
    }
}
