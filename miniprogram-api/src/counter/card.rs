//! Social cards and local numbers: whether a card can be used, whose a number is, and money for the
//! medical personal account on a card.
//!
//! Numbers come in bodies, never in addresses, and leave as tails. A number never finds a person: it is
//! only compared with what the agency knows of somebody who is in the account already.

use agency::{BillState, CardNo, CardState};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use kernel::{CityCode, Fen, Insurance};
use policies::{NumberProblem, Pack, Standing, Topup};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    CityParams, EnrolmentList, agency_of,
    bills::{BillView, bill_view, not_offered},
    enrolments_of, helped, of_the_number, office_of,
};
use crate::{
    Api,
    caller::Caller,
    cities::{self, city_code},
    input::{Body, Params},
    language::Reads,
    orders::told,
    problem::{ApiError, invalid, tell},
    sight::{Sight, person_of, seen_whole},
    words,
};

/// A social card as its holder may see it.
#[derive(Serialize, ToSchema)]
pub(crate) struct SocialCardView {
    /// `active`, `not_activated`, `reported_lost` or `not_issued`.
    state: String,
    label: String,
    /// The last digits.
    #[schema(example = "****0001")]
    masked_number: Option<String>,
    /// Whether money can be paid into its medical personal account.
    personal_account: bool,
    /// What to do about a card that cannot be used.
    next_step: Option<String>,
}

/// The state of the caller's social card, for the owner whose real name is proven. Only top-ups need one
/// that is active.
#[utoipa::path(get, path = "/api/v1/people/{id}/social-card", tag = "counter", security(("bearer" = [])),
    params(("id" = String, Path, description = "the person's id"), CityParams),
    responses((status = 200, body = SocialCardView),
        (status = 403, description = "the real name is not proven (`real_name_needed`), or somebody else's (`not_for_payers`)")))]
pub(crate) async fn social_card(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Path(id): Path<String>,
    Params(params): Params<CityParams>,
) -> Result<Json<SocialCardView>, ApiError> {
    let city = city_code(&params.city)?;
    let person = seen_whole(&api, &caller, &id).await?;
    let office = office_of(&api, &city, Insurance::Medical)?;
    agency_of(&api, office)?;
    let counter = api.orders.counter(caller.account, person).await?;
    let card = counter.card(&office.code, None).await;
    let card = card.map_err(|error| helped(&api, &city, &office.code, error.into()))?;
    let next = match card.state {
        CardState::Active => None,
        CardState::NotActivated => Some("problem.card_not_activated"),
        CardState::ReportedLost => Some("card.reported_lost"),
        CardState::NotIssued => Some("card.not_issued"),
    };
    let next = next.and_then(|key| wording::phrase(language, key));
    let help = api.catalogue.pack(&city).map(|pack| pack.hotlines.human_resources.clone());
    Ok(Json(SocialCardView {
        state: card.state.code().to_owned(),
        label: words::card(language, card.state),
        masked_number: card.card_tail.map(|tail| format!("****{tail}")),
        personal_account: card.personal_account,
        next_step: next.map(|phrase| {
            let help = help.unwrap_or_else(|| phrase.help_line.to_owned());
            wording::filled(phrase.next, &[("help", help)])
        }),
    }))
}

/// One number, as it stands on a card or a letter.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookupWish {
    city: String,
    /// The number of the social card (社会保障卡卡号), not of a bank card.
    #[schema(example = "600000001")]
    card_no: Option<String>,
    /// 个人编号
    personal_no: Option<String>,
}

/// Compares a card or personal number with what the agency knows of the caller, and shows the enrolments.
/// For the owner whose real name is proven.
#[utoipa::path(post, path = "/api/v1/people/{id}/lookups", tag = "counter", security(("bearer" = [])),
    params(("id" = String, Path, description = "the person's id")), request_body = LookupWish,
    responses((status = 200, body = EnrolmentList), (status = 422, description = "a bank card's number, or not the person's")))]
pub(crate) async fn lookup(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Path(id): Path<String>,
    Body(wish): Body<LookupWish>,
) -> Result<Json<EnrolmentList>, ApiError> {
    let city = city_code(&wish.city)?;
    let pack = open_pack(&api, &city)?;
    let (card_no, personal_no) = match (&wish.card_no, &wish.personal_no) {
        (Some(card_no), None) => (Some(read_card(pack, card_no)?), None),
        (None, Some(personal_no)) => {
            let read = pack.personal_no.read(personal_no).map_err(|problem| match problem {
                NumberProblem::BankCard => bank_card("personal_no"),
                NumberProblem::Shape => invalid("personal_no", "personal_no"),
            });
            (None, Some(read?))
        }
        _ => return Err(invalid("card_no,personal_no", "lookup")),
    };
    let person = seen_whole(&api, &caller, &id).await?;
    let counter = api.orders.counter(caller.account, person).await?;
    if card_no.is_some() {
        let office = office_of(&api, &city, Insurance::Medical)?;
        agency_of(&api, office)?;
        counter.card(&office.code, card_no).await.map_err(|error| {
            of_the_number(helped(&api, &city, &office.code, error.into()), "card_no")
        })?;
    }
    let list = enrolments_of(&api, &city, &counter, language, personal_no.as_deref());
    Ok(Json(list.await?))
}

/// No bank's number is asked for, and none is handed on.
fn bank_card(field: &'static str) -> ApiError {
    tell(StatusCode::UNPROCESSABLE_ENTITY, "bank_card_number").with("field", json!(field))
}

fn open_pack<'a>(api: &'a Api, city: &CityCode) -> Result<&'a Pack, ApiError> {
    if api.catalogue.city(city).is_none() {
        return Err(cities::unknown_city());
    }
    api.catalogue.pack(city).ok_or_else(|| cities::not_open(city))
}

fn read_card(pack: &Pack, typed: &str) -> Result<CardNo, ApiError> {
    let invalid = || {
        tell(StatusCode::UNPROCESSABLE_ENTITY, "card_number_invalid")
            .with("field", json!("card_no"))
    };
    match pack.card_no.read_card(typed) {
        Ok(number) => CardNo::new(&number).ok_or_else(invalid),
        Err(NumberProblem::BankCard) => Err(bank_card("card_no")),
        Err(NumberProblem::Shape) => Err(invalid()),
    }
}

/// Money for the medical personal account of a card.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TopupWish {
    city: String,
    /// The number of the social card, not of a bank card.
    #[schema(example = "600000001")]
    card_no: String,
    /// Yuan.
    #[schema(example = "100.00")]
    amount: String,
}

/// A bill to be ordered like any other, by itself.
#[derive(Serialize, ToSchema)]
pub(crate) struct TopupView {
    bill: BillView,
    /// To be shown before paying: it cannot pay a pension, and does not come back.
    warning: String,
    limits: TopupLimits,
}

/// Yuan.
#[derive(Serialize, ToSchema)]
pub(crate) struct TopupLimits {
    least: String,
    most: String,
    most_a_day: String,
    /// Switched on to show how it works: no city is known to offer it.
    demonstration: bool,
}

impl TopupLimits {
    pub(crate) fn of(topup: &Topup) -> TopupLimits {
        TopupLimits {
            least: topup.least.to_string(),
            most: topup.most.to_string(),
            most_a_day: topup.most_a_day.to_string(),
            demonstration: topup.demonstration,
        }
    }
}

/// Asks the agency for a bill that pays into a card's medical personal account (个人账户充值).
///
/// Only where the city switched it on. The same card and amount are the same bill while it is due.
#[utoipa::path(post, path = "/api/v1/people/{id}/topups", tag = "counter", security(("bearer" = [])),
    params(("id" = String, Path, description = "the person's id")), request_body = TopupWish,
    responses((status = 201, body = TopupView), (status = 404, description = "the city does not offer it"),
        (status = 422, description = "a bank card's number, or an amount outside the limits")))]
pub(crate) async fn topup(
    State(api): State<Api>,
    Caller(caller): Caller,
    Reads(language): Reads,
    Path(id): Path<String>,
    Body(wish): Body<TopupWish>,
) -> Result<(StatusCode, Json<TopupView>), ApiError> {
    let city = city_code(&wish.city)?;
    let pack = open_pack(&api, &city)?;
    let kind = kernel::BillKind::Topup;
    let insurance = Insurance::Medical;
    let limits = pack.topup.as_ref().filter(|_| pack.offers(insurance, kind));
    let limits = limits.ok_or_else(|| not_offered(insurance, kind))?;
    let card_no = read_card(pack, &wish.card_no)?;
    let amount = Fen::from_yuan(&wish.amount)
        .map_err(|reason| invalid("amount", "topup_amount").because(reason))?;
    if !(limits.least..=limits.most).contains(&amount) {
        let (least, most) = (limits.least, limits.most);
        return Err(told(orders::OrderError::TopupAmount { least, most }));
    }
    let office = office_of(&api, &city, insurance)?;
    let agency = office.code.clone();
    match pack.standing(&agency, insurance, kind, api.clock.now()) {
        Standing::Open { .. } => {}
        Standing::Closed { next_opening } => {
            let closed = orders::OrderError::OutOfWindow { agency, insurance, next_opening };
            return Err(told(closed));
        }
        Standing::Maintenance { until } => {
            return Err(told(orders::OrderError::UnderMaintenance { agency, until }));
        }
    }
    let person = person_of(&api, &caller, &id).await?;
    agency_of(&api, office)?;
    let counter = api.orders.counter(caller.account, person.id).await?;
    let bill = counter.topup(&office.code, card_no, amount).await.map_err(|error| {
        of_the_number(helped(&api, &city, &office.code, error.into()), "card_no")
    })?;
    let status = if bill.state == BillState::Due { StatusCode::CREATED } else { StatusCode::OK };
    let warning = wording::phrase(language, "warning.topup").unwrap_or_default();
    let view = TopupView {
        bill: bill_view(&api, &city, office, bill, (language, Sight::of(&person))),
        warning: warning.whole(language),
        limits: TopupLimits::of(limits),
    };
    Ok((status, Json(view)))
}
