//! `quote`: prices one case in the terminal, with every step.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use kernel::{CityCode, Fen, Insurance, InsuredKind, Month, MonthRange, PolicyId};
use policies::{Catalogue, Choice, Quote, QuoteError, QuoteRequest, Subject};

use super::{fail, say};
use crate::system;

#[derive(Debug, Args)]
pub(crate) struct QuoteArgs {
    /// GB/T 2260 code of the city of enrolment.
    #[arg(long, required_unless_present_any = ["policy", "replay"])]
    city: Option<CityCode>,
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
    /// First month, such as 2023-01; the policy's first month or this month when absent.
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
            Err(error) => return fail(&format!("{error}{}", hint(&error))),
        }
        ExitCode::SUCCESS
    }

    fn request(&self, catalogue: &Catalogue) -> Result<QuoteRequest, String> {
        let named = self.policy.as_ref().and_then(|id| catalogue.policy(id));
        let subject = match (&self.policy, &self.city, self.insurance) {
            (Some(id), _, _) => Subject::Policy { id: id.clone() },
            (None, Some(city), Some(insurance)) => Subject::City {
                city: city.clone(),
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
        let from = match (self.from, named) {
            (Some(from), _) => from,
            (None, Some(policy)) => policy.period.from(),
            (None, None) => Month::of(system().0.now()),
        };
        let at_once = named.is_some_and(|policy| policy.terms.code() == "annual_flat")
            || matches!(self.insurance, Some(Insurance::ResidentMedical));
        let months = self.months.unwrap_or(match named {
            Some(policy) if at_once => policy.period.count(),
            None if at_once => 12,
            _ => 1,
        });
        let months =
            MonthRange::starting(from, months).map_err(|error| format!("--months: {error}"))?;
        let mut request = QuoteRequest::new(subject, choice, months);
        request.local_hukou = self.local_hukou;
        request.provisional = self.provisional;
        Ok(request)
    }
}

/// Which option would help.
fn hint(error: &QuoteError) -> &'static str {
    match error {
        QuoteError::NoPolicy { last_known: Some(_), .. } => "; --provisional carries it forward",
        QuoteError::ChoiceDoesNotFit { mode: "range", .. } => "; name a --base",
        QuoteError::ChoiceDoesNotFit { mode: "tiers" | "tier_amounts", .. } => "; name a --tier",
        QuoteError::ChoiceDoesNotFit { mode: "annual_flat", .. }
        | QuoteError::CategoryNeeded { .. } => "; name a --category",
        _ => "",
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
