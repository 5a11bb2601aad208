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
                return Err(invalid("city", "请选择城市或指定政策。", "Name a city or a policy."));
            }
        };
        let choice = match (self.tier, self.base, self.category) {
            (None, None, None) => Choice::Floor,
            (Some(tier), None, None) => Choice::Tier(tier),
            (None, Some(base), None) => Choice::Base(Fen::from_yuan(&base).map_err(|reason| {
                invalid("base", "缴费基数填写不正确。", format!("The base is not valid: {reason}."))
            })?),
            (None, None, Some(category)) => Choice::Category(category),
            _ => {
                return Err(invalid(
                    "tier,base,category",
                    "档次、基数和类别只能选择一项。",
                    "Choose only one of tier, base and category.",
                ));
            }
        };
        let months =
            MonthRange::starting(parse("from", &self.from)?, self.months).map_err(|reason| {
                invalid(
                    "months",
                    "缴费月数不正确。",
                    format!("The number of months is not valid: {reason}."),
                )
            })?;
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
    Ok(Json(api.catalogue.quote(&wish.read()?)?))
}

impl From<QuoteError> for ApiError {
    fn from(error: QuoteError) -> ApiError {
        let english = format!("This cannot be priced: {error}.");
        let no = |code, chinese: String| {
            tell(StatusCode::UNPROCESSABLE_ENTITY, code, chinese, english.clone())
        };
        match error {
            QuoteError::UnknownCity { .. } => cities::unknown_city(),
            QuoteError::UnknownPolicy { policy } => {
                no("policy_not_found", format!("没有找到政策 {policy}。"))
            }
            QuoteError::NoPolicy { month, insurance, last_known, .. } => no(
                "no_policy_for_month",
                format!(
                    "{month} 的{}缴费标准暂未收录,请以社保(税务)部门的应缴信息为准。",
                    insurance.label()
                ),
            )
            .with("month", json!(month))
            .with("last_known", json!(last_known)),
            QuoteError::NotInForce { policy, month, from, to } => no(
                "policy_not_in_force",
                format!("政策 {policy} 适用于 {from} 至 {to},不适用于 {month}。"),
            ),
            QuoteError::BaseOutOfBounds { month, floor, ceiling, .. } => {
                let most = ceiling.map_or(String::new(), |ceiling| format!(",不高于 {ceiling} 元"));
                no("base_out_of_bounds", format!("{month} 的缴费基数应不低于 {floor} 元{most}。"))
                    .with("floor", json!(floor))
                    .with("ceiling", json!(ceiling))
            }
            QuoteError::BaseNotWholeYuan { .. } => {
                no("base_not_whole_yuan", "缴费基数应为整数元。".to_owned())
            }
            QuoteError::BaseNotATier { tiers, .. } => {
                no("base_not_a_tier", "缴费基数应为公布的档次之一。".to_owned())
                    .with("tiers", json!(tiers))
            }
            QuoteError::BaseIsFixed { month, fixed, .. } => {
                no("base_is_fixed", format!("{month} 的缴费基数统一为 {fixed} 元。"))
                    .with("base", json!(fixed))
            }
            QuoteError::UnknownTier { tier, known, .. } => {
                no("tier_not_found", format!("没有第 {tier} 档,请重新选择。"))
                    .with("tiers", json!(known))
            }
            QuoteError::UnknownCategory { known, .. } => {
                no("category_not_found", "没有这个参保类别,请重新选择。".to_owned())
                    .with("categories", json!(known))
            }
            QuoteError::CategoryNeeded { known, .. } => {
                no("category_needed", "请选择参保类别。".to_owned())
                    .with("categories", json!(known))
            }
            QuoteError::ChoiceDoesNotFit { mode, .. } => {
                let how = match mode {
                    "tiers" | "tier_amounts" => "请选择档次(tier)。",
                    "range" => "请填写缴费基数(base),整数元。",
                    "annual_flat" => "请选择参保类别(category)。",
                    _ => "该险种标准统一,无需选择档次或基数。",
                };
                no("choice_does_not_fit", how.to_owned()).with("base_mode", json!(mode))
            }
            QuoteError::WholeYearNeeded { from, to, .. } => {
                no("whole_year_needed", format!("该险种按年缴费,请选择 {from} 至 {to}。"))
            }
            QuoteError::NoTopUp { month, .. } => no("no_top_up", format!("{month} 无需补缴差额。")),
            QuoteError::TooLarge => {
                no("amount_too_large", "金额过大,请检查缴费基数和月数。".to_owned())
            }
        }
    }
}
