//! Quotes: what some months would cost, with every step. A preview; the agency's bill decides.

use axum::{Json, extract::State, http::StatusCode};
use kernel::{Fen, Insurance, MonthRange};
use policies::{Choice, Notice, Quote, QuoteError, QuoteLine, QuoteRequest, Step, Subject};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use wording::{Language, filled, term};

use crate::{
    Api, cities,
    input::{Body, parse},
    language::Reads,
    problem::{ApiError, invalid, tell},
    words,
};

/// What to price: a city and insurance, or one policy by its id.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuoteWish {
    #[schema(example = "320200")]
    city: Option<String>,
    /// `pension`, `medical`, `unemployment` or `resident_medical`.
    #[schema(example = "pension")]
    insurance: Option<String>,
    /// `flexible_employment` (default) or `resident` (default for resident insurance).
    insured_kind: Option<String>,
    policy: Option<String>,
    /// One of `tier`, `base` and `category`, or none for the least that can be paid.
    #[schema(example = 1)]
    tier: Option<u16>,
    /// Yuan.
    base: Option<String>,
    category: Option<String>,
    /// First month, `YYYY-MM`.
    #[schema(example = "2023-01")]
    from: String,
    /// 1 to 120.
    #[schema(example = 3)]
    months: u32,
    /// The person has a local hukou; matters where a policy has a rate for it.
    #[serde(default)]
    local_hukou: bool,
    /// Use the last known standard for months that have none yet, marked 暂行.
    #[serde(default)]
    provisional: bool,
}

impl QuoteWish {
    fn read(self) -> Result<QuoteRequest, ApiError> {
        let subject = match (self.policy, self.city) {
            (Some(policy), _) => Subject::Policy { id: parse("policy", &policy)? },
            (None, Some(city)) => {
                let insurance: Insurance = parse("insurance", &self.insurance.unwrap_or_default())?;
                let insured_kind = match self.insured_kind {
                    Some(kind) => parse("insured_kind", &kind)?,
                    None => orders::usual_kind(insurance),
                };
                Subject::City { city: cities::city_code(&city)?, insurance, insured_kind }
            }
            (None, None) => {
                return Err(invalid("city", "quote_subject"));
            }
        };
        let choice = match (self.tier, self.base, self.category) {
            (None, None, None) => Choice::Floor,
            (Some(tier), None, None) => Choice::Tier(tier),
            (None, Some(base), None) => Choice::Base(
                Fen::from_yuan(&base)
                    .map_err(|reason| invalid("base", "quote_base").because(reason))?,
            ),
            (None, None, Some(category)) => Choice::Category(category),
            _ => {
                return Err(invalid("tier,base,category", "quote_choice"));
            }
        };
        let months = MonthRange::starting(parse("from", &self.from)?, self.months)
            .map_err(|reason| invalid("months", "quote_months").because(reason))?;
        let mut request = QuoteRequest::new(subject, choice, months);
        request.local_hukou = self.local_hukou;
        request.provisional = self.provisional;
        Ok(request)
    }
}

/// Prices some months. The answer carries policy id, version, inputs and steps, and can be replayed (in
/// Chinese: names and expressions of the steps are in the language of the answer).
#[utoipa::path(post, path = "/api/v1/quotes", tag = "quotes", request_body = QuoteWish,
    responses((status = 200, description = "the quote with its steps", body = Object), (status = 422, description = "not to be priced")))]
pub(crate) async fn create(
    State(api): State<Api>,
    Reads(language): Reads,
    Body(wish): Body<QuoteWish>,
) -> Result<Json<Value>, ApiError> {
    let request = wish.read()?;
    if let Subject::Policy { id } = &request.subject
        && api.catalogue.policy(id).is_some_and(|policy| policy.reference_only)
    {
        // Figures to compare and test with: nobody is ever billed by them.
        return Err(QuoteError::UnknownPolicy { policy: id.clone() }.into());
    }
    Ok(Json(told(&api.catalogue.quote(&request)?, language)))
}

/// A quote as it is stored, with its notices as sentences. A stored quote is Chinese and stays as it is, so
/// that it can be worked out again and compared; for others its words are exchanged.
pub(crate) fn told(quote: &Quote, language: Language) -> Value {
    let mut told = json!(quote);
    let sentences: Vec<String> = quote.notices.iter().map(|n: &Notice| n.text(language)).collect();
    told["notice_texts"] = json!(sentences);
    if language == Language::Chinese {
        return told;
    }
    if quote.disclaimer.is_some() {
        told["disclaimer"] = json!(term(language, "quote.disclaimer"));
    }
    for (at, line) in quote.lines.iter().enumerate() {
        for (number, step) in line.steps.iter().enumerate() {
            let told = &mut told["lines"][at]["steps"][number];
            told["name"] = json!(step_name(line, step, language));
            told["expression"] = json!(expression(line, step, language));
        }
    }
    told
}

fn step_name(line: &QuoteLine, step: &Step, language: Language) -> String {
    match line.category {
        Some(_) => words::category(language, &step.code, &step.name),
        None => words::component(language, &step.code, &step.name),
    }
}

/// How a step came about. A share is figures and signs; the others are words in the quote.
fn expression(line: &QuoteLine, step: &Step, language: Language) -> String {
    let said = |key: &str, values: &[(&str, String)]| {
        filled(&term(language, &format!("expression.{key}")), values)
    };
    if step.rate.is_some() {
        return step.expression.clone();
    }
    let month = |month| words::month(language, month);
    if line.category.is_some() {
        let (from, to) = (month(line.period.from()), month(line.period.to()));
        return said("year", &[("from", from), ("to", to)]);
    }
    if let (None, Some(tier)) = (line.base, line.tier) {
        return said("published", &[("tier", tier.to_string())]);
    }
    // 全年 260.00 分月收取,3月
    match step.expression.split(' ').collect::<Vec<_>>().as_slice() {
        ["全年", yearly, _] => {
            let at = month(line.period.from());
            said("collected", &[("yearly", (*yearly).to_owned()), ("month", at)])
        }
        _ => said("flat", &[]),
    }
}

impl From<QuoteError> for ApiError {
    fn from(error: QuoteError) -> ApiError {
        let reason = error.to_string();
        let no = |code| tell(StatusCode::UNPROCESSABLE_ENTITY, code).because(&reason);
        match error {
            QuoteError::UnknownCity { .. } => cities::unknown_city(),
            QuoteError::UnknownPolicy { .. } => no("policy_not_found"),
            QuoteError::NoPolicy { month, insurance, last_known, .. } => no("no_policy_for_month")
                .month("month", month)
                .term("insurance", words::insurance_key(insurance))
                .with("month", json!(month))
                .with("last_known", json!(last_known)),
            QuoteError::NotInForce { month, from, to, .. } => {
                no("policy_not_in_force").month("month", month).month("from", from).month("to", to)
            }
            QuoteError::BaseOutOfBounds { month, floor, ceiling, .. } => {
                let told = no("base_out_of_bounds").with("floor", json!(floor));
                let told = told.month("month", month).value("floor", floor);
                match ceiling {
                    Some(ceiling) => told.value("ceiling", ceiling).with("ceiling", json!(ceiling)),
                    None => told.says("problem", "base_below_floor"),
                }
            }
            QuoteError::BaseNotWholeYuan { .. } => no("base_not_whole_yuan"),
            QuoteError::BaseNotATier { tiers, .. } => {
                no("base_not_a_tier").with("tiers", json!(tiers))
            }
            QuoteError::BaseIsFixed { month, fixed, .. } => no("base_is_fixed")
                .month("month", month)
                .value("fixed", fixed)
                .with("base", json!(fixed)),
            QuoteError::UnknownTier { tier, known, .. } => {
                no("tier_not_found").value("tier", tier).with("tiers", json!(known))
            }
            QuoteError::UnknownCategory { known, .. } => {
                no("category_not_found").with("categories", json!(known))
            }
            QuoteError::CategoryNeeded { known, .. } => {
                no("category_needed").with("categories", json!(known))
            }
            QuoteError::ChoiceDoesNotFit { mode, .. } => {
                let how = match mode {
                    "tiers" | "tier_amounts" => "choice.tier",
                    "range" => "choice.base",
                    "annual_flat" => "choice.category",
                    _ => "choice.nothing",
                };
                no("choice_does_not_fit").term("how", how).with("base_mode", json!(mode))
            }
            QuoteError::WholeYearNeeded { from, to, .. } => {
                no("whole_year_needed").month("from", from).month("to", to)
            }
            QuoteError::NoTopUp { month, .. } => no("no_top_up").month("month", month),
            QuoteError::TooLarge => no("amount_too_large"),
        }
    }
}

#[cfg(test)]
mod tests {
    use policies::{Catalogue, DISCLAIMER};
    use rstest::rstest;

    use super::*;

    fn quoted(policy: &str, from: &str, months: u32, choice: Choice, language: Language) -> Value {
        let catalogue = Catalogue::embedded().expect("clean");
        let id = policy.parse().expect("a policy");
        let months = MonthRange::starting(from.parse().expect("a month"), months).expect("months");
        let request = QuoteRequest::new(Subject::Policy { id }, choice, months);
        told(&catalogue.quote(&request).expect("a quote"), language)
    }

    #[rstest]
    #[case::share(
        "beijing-pension-2025",
        "2025-08",
        1,
        Choice::Floor,
        0,
        "basic pension insurance",
        "7162.00 × 20% = 1432.40"
    )]
    #[case::flat(
        "beijing-medical-2025",
        "2025-08",
        1,
        Choice::Floor,
        0,
        "basic medical insurance",
        "fixed amount a month"
    )]
    #[case::year("wuxi-resident-2024", "2024-01", 12, Choice::Category("elderly".into()), 0, "elderly residents", "fixed amount for January 2024 to December 2024")]
    #[case::published(
        "nanchang-pension-2024",
        "2024-03",
        1,
        Choice::Tier(2),
        0,
        "basic pension insurance",
        "published amount of tier 2"
    )]
    #[case::collected(
        "tianjin-medical-2025",
        "2025-03",
        1,
        Choice::Floor,
        1,
        "aid for large medical expenses",
        "260.00 yuan a year, collected over its months; March 2025"
    )]
    fn steps_are_told_in_english(
        #[case] policy: &str,
        #[case] from: &str,
        #[case] months: u32,
        #[case] choice: Choice,
        #[case] step: usize,
        #[case] name: &str,
        #[case] expression: &str,
    ) {
        let told = quoted(policy, from, months, choice, Language::English);
        let step = &told["lines"][0]["steps"][step];
        assert_eq!(step["name"], name, "{told}");
        assert_eq!(step["expression"], expression, "{told}");
    }

    /// In Chinese it is the stored quote, with its notices as sentences beside it.
    #[test]
    fn a_chinese_quote_is_what_is_stored() {
        let told = quoted("beijing-medical-2025", "2025-08", 1, Choice::Floor, Language::Chinese);
        assert_eq!(told["lines"][0]["steps"][0]["expression"], "每月定额");
        assert_eq!(told["notice_texts"], json!(["所用标准的截止月份为推定"]));
        assert_eq!(term(Language::Chinese, "quote.disclaimer"), DISCLAIMER);
    }
}
