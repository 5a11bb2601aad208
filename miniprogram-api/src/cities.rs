//! Cities: the list with its index, search, nearest, hints, and what one city offers.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use kernel::{CityCode, Month};
use policies::{
    AgencyKind, Catalogue, City, Coordinates, County, Hint, Pack, Service, Standing, Window,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use wording::Language;

use crate::{
    Api,
    counter::{TopupLimits, WindowView},
    input::{Params, parse},
    language::Reads,
    problem::{ApiError, invalid, tell},
    standards::PolicyView,
    words,
};

/// A selectable city.
#[derive(Serialize, ToSchema)]
pub(crate) struct CityView {
    /// GB/T 2260, six digits.
    #[schema(example = "320200")]
    code: String,
    /// Short name for display.
    #[schema(example = "无锡")]
    name: String,
    #[schema(example = "无锡市")]
    full_name: String,
    /// Shown beside the name: 苏州 and 宿州 sound the same.
    #[schema(example = "江苏")]
    province: String,
    #[schema(example = "wuxi")]
    pinyin: String,
    #[schema(example = "wx")]
    initials: String,
    /// Whether a service is offered here. Others show 敬请期待.
    open: bool,
}

impl CityView {
    fn of(catalogue: &Catalogue, city: &City) -> CityView {
        CityView {
            code: city.code().to_string(),
            name: city.short_name().to_owned(),
            full_name: city.name().to_owned(),
            province: city.province().short_name.clone(),
            pinyin: city.pinyin().to_owned(),
            initials: city.initials().to_owned(),
            open: catalogue.is_open(city.code()),
        }
    }
}

/// One letter of the A–Z index.
#[derive(Serialize, ToSchema)]
pub(crate) struct LetterGroup {
    letter: String,
    cities: Vec<CityView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct CityIndex {
    count: usize,
    /// Hot cities in their order.
    hot: Vec<CityView>,
    /// Letters without a city are absent.
    groups: Vec<LetterGroup>,
    /// Places that cannot be chosen but that people look for: counties directly under a province (no service:
    /// 敬请期待), and counties of a city that have their own standards (choose the city).
    counties: Vec<CountyView>,
}

/// A county in the index.
#[derive(Serialize, ToSchema)]
pub(crate) struct CountyView {
    #[schema(example = "419001")]
    code: String,
    #[schema(example = "济源市")]
    name: String,
    #[schema(example = "河南")]
    province: String,
    /// The city in which it is insured; absent where a county stands directly under its province.
    city: Option<String>,
}

impl CountyView {
    fn of(county: &County) -> CountyView {
        CountyView {
            code: county.code.to_string(),
            name: county.name.clone(),
            province: county.province.short_name.clone(),
            city: county.city.as_ref().map(ToString::to_string),
        }
    }
}

/// All selectable cities, by letter.
///
/// Send the answer's `ETag` back as `If-None-Match`: an unchanged list answers 304.
#[utoipa::path(get, path = "/api/v1/cities", tag = "cities",
    responses((status = 200, body = CityIndex), (status = 304, description = "unchanged")))]
pub(crate) async fn list(State(api): State<Api>, headers: HeaderMap) -> Response {
    let catalogue = &api.catalogue;
    let etag = format!("\"{}\"", catalogue.etag());
    let caching =
        [(header::ETAG, etag.clone()), (header::CACHE_CONTROL, "public, max-age=300".to_owned())];
    let asked = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if asked
        .split(',')
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == etag || tag == "*")
    {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    let mut cities: Vec<&City> = catalogue.cities().iter().collect();
    cities.sort_by_key(|city| (city.letter(), city.pinyin().to_owned(), city.code().clone()));
    let groups = cities
        .chunk_by(|a, b| a.letter() == b.letter())
        .map(|cities| LetterGroup {
            letter: cities[0].letter().to_string(),
            cities: cities.iter().map(|city| CityView::of(catalogue, city)).collect(),
        })
        .collect();
    let hot =
        catalogue.hot_cities().into_iter().map(|city| CityView::of(catalogue, city)).collect();
    let counties = catalogue.counties().iter().map(CountyView::of).collect();
    (caching, Json(CityIndex { count: cities.len(), hot, groups, counties })).into_response()
}

#[derive(Serialize, ToSchema)]
pub(crate) struct CityList {
    cities: Vec<CityView>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchParams {
    /// Chinese, pinyin or initials, at most 20 characters.
    q: String,
    /// At most this many, 1 to 50.
    limit: Option<u8>,
}

/// Cities that match what a person typed, best first.
#[utoipa::path(get, path = "/api/v1/cities/search", tag = "cities", params(SearchParams),
    responses((status = 200, body = CityList)))]
pub(crate) async fn search(
    State(api): State<Api>,
    Params(params): Params<SearchParams>,
) -> Result<Json<CityList>, ApiError> {
    let limit = usize::from(params.limit.unwrap_or(20).clamp(1, 50));
    let found = api
        .catalogue
        .search(&params.q, limit)
        .map_err(|reason| invalid("q", "search_text").because(reason))?;
    Ok(Json(CityList {
        cities: found.into_iter().map(|city| CityView::of(&api.catalogue, city)).collect(),
    }))
}

/// One city, or none: the client then shows the city picker.
#[derive(Serialize, ToSchema)]
pub(crate) struct Suggestion {
    city: Option<CityView>,
    /// Cities that the hint could mean, when it is not clear.
    candidates: Vec<CityView>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlaceParams {
    /// Latitude in degrees (GCJ-02), as a decimal text.
    lat: String,
    /// Longitude in degrees (GCJ-02), as a decimal text.
    lng: String,
}

/// The city nearest to a place. The coordinates are dropped, not stored, not logged.
///
/// Only a suggestion: the city of enrolment (参保地) is what matters.
#[utoipa::path(get, path = "/api/v1/cities/nearest", tag = "cities", params(PlaceParams),
    responses((status = 200, body = Suggestion)))]
pub(crate) async fn nearest(
    State(api): State<Api>,
    Params(params): Params<PlaceParams>,
) -> Result<Json<Suggestion>, ApiError> {
    let place = Coordinates::from_degrees(&params.lat, &params.lng)
        .map_err(|reason| invalid("lat,lng", "coordinates").because(reason))?;
    let city = api.catalogue.nearest(place).and_then(|nearest| api.catalogue.city(&nearest.city));
    let city = city.map(|city| CityView::of(&api.catalogue, city));
    Ok(Json(Suggestion { city, candidates: Vec::new() }))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct HintParams {
    /// What a platform handed over: a name with or without 市, or a GB/T 2260 code.
    hint: String,
}

/// What a platform's city value means. Unknown is unknown, never a default.
#[utoipa::path(get, path = "/api/v1/cities/resolve", tag = "cities", params(HintParams),
    responses((status = 200, body = Suggestion)))]
pub(crate) async fn resolve(
    State(api): State<Api>,
    Params(params): Params<HintParams>,
) -> Json<Suggestion> {
    let view =
        |code: &CityCode| api.catalogue.city(code).map(|city| CityView::of(&api.catalogue, city));
    Json(match api.catalogue.resolve_hint(&params.hint) {
        Hint::City(code) => Suggestion { city: view(&code), candidates: Vec::new() },
        Hint::Ambiguous(codes) => {
            Suggestion { city: None, candidates: codes.iter().filter_map(view).collect() }
        }
        Hint::NotFound => Suggestion { city: None, candidates: Vec::new() },
    })
}

/// What one city offers.
#[derive(Serialize, ToSchema)]
pub(crate) struct CityDetail {
    #[serde(flatten)]
    city: CityView,
    services: Vec<ServiceView>,
    agencies: Vec<AgencyView>,
    /// When agencies take money; what is not named here is always open.
    windows: Vec<WindowRule>,
    /// Limits of top-ups, where the city has switched them on.
    topup: Option<TopupLimits>,
    hotlines: Vec<Hotline>,
    /// The standards in force in the month asked for.
    policies: Vec<PolicyView>,
    /// Where none is in force: the last that is known, carried forward (暂行).
    provisional_policies: Vec<PolicyView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ServiceView {
    #[schema(example = "flex_pension")]
    code: String,
    label: String,
    insurance: String,
    insurances: Vec<String>,
    /// `regular`, `resident`, `back_payment` or `topup`.
    kind: String,
    /// Whether the agency takes money for it at this moment, and when again.
    window: WindowView,
    /// Switched on to show how it works: the city is not known to offer it.
    demonstration: bool,
}

/// Days and times of a month on which an agency takes money, in Beijing time.
#[derive(Serialize, ToSchema)]
pub(crate) struct WindowRule {
    agency: String,
    /// All of the agency's when empty.
    insurances: Vec<String>,
    /// All kinds of bills when empty.
    kinds: Vec<String>,
    open_day: u8,
    open_time: String,
    close_day: u8,
    close_time: String,
    /// 1 to 12; every month when empty.
    months: Vec<u8>,
    sources: Vec<String>,
}

impl WindowRule {
    fn of(catalogue: &Catalogue, window: &Window) -> WindowRule {
        WindowRule {
            agency: window.agency.to_string(),
            insurances: window.insurances.iter().map(ToString::to_string).collect(),
            kinds: window.kinds.iter().map(ToString::to_string).collect(),
            open_day: window.open_day,
            open_time: window.open_time.to_string(),
            close_day: window.close_day,
            close_time: window.close_time.to_string(),
            months: window.months.clone(),
            sources: catalogue.links(&window.sources),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct AgencyView {
    #[schema(example = "320200-hr")]
    code: String,
    name: String,
    kind: String,
    insurances: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Hotline {
    label: String,
    #[schema(example = "12333")]
    number: String,
}

impl Hotline {
    /// Those of a city, one for each kind of office.
    pub(crate) fn list(pack: &Pack, language: Language) -> Vec<Hotline> {
        let line = |kind: &AgencyKind| Hotline {
            label: words::hotline(language, *kind),
            number: pack.hotlines.of(*kind).to_owned(),
        };
        AgencyKind::ALL.iter().map(line).collect()
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct MonthParams {
    /// Standards of this month, such as `2023-01`; this month when absent.
    month: Option<String>,
}

/// One city: its services, agencies, hotlines, and the standards in force.
#[utoipa::path(get, path = "/api/v1/cities/{code}", tag = "cities",
    params(("code" = String, Path, description = "GB/T 2260 code"), MonthParams),
    responses((status = 200, body = CityDetail), (status = 404, description = "no such city")))]
pub(crate) async fn detail(
    State(api): State<Api>,
    Reads(language): Reads,
    Path(code): Path<String>,
    Params(params): Params<MonthParams>,
) -> Result<Json<CityDetail>, ApiError> {
    let code = city_code(&code)?;
    let city = api.catalogue.city(&code).ok_or_else(unknown_city)?;
    let month = match params.month {
        Some(month) => parse("month", &month)?,
        None => Month::of(api.clock.now()),
    };
    let pack = api.catalogue.pack(&code);
    let now = api.clock.now();
    let services = pack.iter().flat_map(|pack| {
        pack.open.iter().map(|service| {
            let (insurance, kind) = (service.insurance(), service.bill_kind());
            let standing = pack
                .agency_for(insurance)
                .map(|agency| WindowView::of(pack.standing(&agency.code, insurance, kind, now)));
            let missed = pack.back_payment.as_ref().filter(|_| *service == Service::BackPayment);
            let topup = pack.topup.as_ref().filter(|_| *service == Service::AccountTopup);
            ServiceView {
                code: service.code().to_owned(),
                label: words::service(language, *service),
                insurance: insurance.code().to_owned(),
                insurances: match missed {
                    Some(rule) => rule.insurances.iter().map(ToString::to_string).collect(),
                    None => vec![insurance.to_string()],
                },
                kind: kind.code().to_owned(),
                window: standing
                    .unwrap_or_else(|| WindowView::of(Standing::Open { closes_at: None })),
                demonstration: missed.is_some_and(|rule| rule.demonstration)
                    || topup.is_some_and(|rule| rule.demonstration),
            }
        })
    });
    let agencies = pack.iter().flat_map(|pack| &pack.agencies).map(|agency| AgencyView {
        code: agency.code.to_string(),
        name: agency.name.clone(),
        kind: agency.kind.code().to_owned(),
        insurances: agency.insurances.iter().map(|insurance| insurance.code().to_owned()).collect(),
    });
    let catalogue = &api.catalogue;
    let view = |policy, carried| PolicyView::of(catalogue, policy, carried, language);
    Ok(Json(CityDetail {
        services: services.collect(),
        agencies: agencies.collect(),
        windows: pack
            .iter()
            .flat_map(|pack| &pack.windows)
            .map(|window| WindowRule::of(catalogue, window))
            .collect(),
        topup: pack.and_then(|pack| pack.topup.as_ref()).map(TopupLimits::of),
        hotlines: pack.map(|pack| Hotline::list(pack, language)).unwrap_or_default(),
        policies: catalogue
            .policies_for(&code, month)
            .into_iter()
            .map(|p| view(p, false))
            .collect(),
        provisional_policies: catalogue
            .carried_into(&code, month)
            .into_iter()
            .map(|policy| view(policy, true))
            .collect(),
        city: CityView::of(catalogue, city),
    }))
}

/// A path's or member's city code.
pub(crate) fn city_code(text: &str) -> Result<CityCode, ApiError> {
    CityCode::new(text).map_err(|_| unknown_city())
}

pub(crate) fn unknown_city() -> ApiError {
    tell(StatusCode::NOT_FOUND, "city_not_found")
}

/// A city that no pack opens.
pub(crate) fn not_open(city: &CityCode) -> ApiError {
    tell(StatusCode::NOT_FOUND, "city_not_open").with("city", json!(city))
}
