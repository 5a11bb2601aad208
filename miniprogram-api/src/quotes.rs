//! Quotes: what some months would cost, with every step. A preview; the agency's bill decides.

use axum::{Json, extract::State, http::StatusCode};
use kernel::{Fen, Insurance, MonthRange};
use policies::{Choice, Quote, QuoteError, QuoteRequest, Subject};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    Api, cities,
    input::{Body, parse},
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

/// Prices some months. The answer carries policy id, version, inputs and steps, and can be replayed.
#[utoipa::path(post, path = "/api/v1/quotes", tag = "quotes", request_body = QuoteWish,
    responses((status = 200, description = "the quote with its steps", body = Object), (status = 422, description = "not to be priced")))]
pub(crate) async fn create(
    State(api): State<Api>,
    Body(wish): Body<QuoteWish>,
) -> Result<Json<Quote>, ApiError> {
    let request = wish.read()?;
    if let Subject::Policy { id } = &request.subject
        && api.catalogue.policy(id).is_some_and(|policy| policy.reference_only)
    {
        // Figures to compare and test with: nobody is ever billed by them.
        return Err(QuoteError::UnknownPolicy { policy: id.clone() }.into());
    }
    Ok(Json(api.catalogue.quote(&request)?))
}

impl From<QuoteError> for ApiError {
    fn from(error: QuoteError) -> ApiError {
        let reason = error.to_string();
        let no = |code| tell(StatusCode::UNPROCESSABLE_ENTITY, code).because(&reason);
        match error {
            QuoteError::UnknownCity { .. } => cities::unknown_city(),
            QuoteError::UnknownPolicy { policy } => no("policy_not_found").value("policy", policy),
            QuoteError::NoPolicy { month, insurance, last_known, .. } => no("no_policy_for_month")
                .value("month", month)
                .term("insurance", words::insurance_key(insurance))
                .with("month", json!(month))
                .with("last_known", json!(last_known)),
            QuoteError::NotInForce { policy, month, from, to } => no("policy_not_in_force")
                .value("policy", policy)
                .value("month", month)
                .value("from", from)
                .value("to", to),
            QuoteError::BaseOutOfBounds { month, floor, ceiling, .. } => {
                let told = no("base_out_of_bounds").with("floor", json!(floor));
                let told = told.value("month", month).value("floor", floor);
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
                .value("month", month)
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
                no("whole_year_needed").value("from", from).value("to", to)
            }
            QuoteError::NoTopUp { month, .. } => no("no_top_up").value("month", month),
            QuoteError::TooLarge => no("amount_too_large"),
        }
    }
}
