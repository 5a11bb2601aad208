//! The guide of a city: standards in force and past, other ways to pay, notices, refunds, advice.
//!
//! All of it comes from the packs, with sources, and is in Chinese, the language of the offices that
//! it sends people to.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderName, header},
};
use kernel::{Channel, Month};
use policies::{Guide, GuideChannel};
use serde::Serialize;
use utoipa::ToSchema;
use wording::Language;

use crate::{
    Api,
    cities::{self, PolicyView, city_code},
    counter::TopupLimits,
    language::Reads,
    problem::ApiError,
    words,
};

/// What a city's citizens are told beside the counter.
#[derive(Serialize, ToSchema)]
pub(crate) struct GuideView {
    city: String,
    city_name: String,
    standards: Standards,
    /// Wallets that collect for the city here.
    payment_methods: Vec<PaymentMethod>,
    /// Other ways to pay or to look things up; those of the city first.
    channels: Vec<ChannelView>,
    hotlines: Vec<HotlineView>,
    notices: Vec<NoticeView>,
    advice: Vec<AdviceView>,
    refund: Option<RefundView>,
    objection: Option<ObjectionView>,
    /// The published rule about gaps in medical insurance. Shown, never enforced.
    gap_rule: Option<GapRule>,
    /// Limits of top-ups, where the city has them.
    topup: Option<TopupLimits>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Standards {
    in_force: Vec<PolicyView>,
    /// The newest first.
    past: Vec<PolicyView>,
    announced: Vec<PolicyView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PaymentMethod {
    channel: String,
    label: String,
    /// The most of one order, in yuan.
    limit: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ChannelView {
    /// `gov_site`, `app`, `bank`, `wechat_city`, `alipay_city`, `terminal` or `counter`.
    kind: String,
    name: String,
    /// Whether one can pay there, or only look things up.
    pays: bool,
    banks: Vec<String>,
    steps: Vec<String>,
    sources: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct HotlineView {
    label: String,
    number: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct NoticeView {
    title: String,
    text: String,
    date: Option<String>,
    document: Option<String>,
    sources: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct AdviceView {
    code: String,
    text: String,
    sources: Vec<String>,
}

/// 社保退费: the agency's own procedure, for what it has booked.
#[derive(Serialize, ToSchema)]
pub(crate) struct RefundView {
    reasons: Vec<String>,
    papers: Vec<String>,
    places: Vec<String>,
    steps: Vec<String>,
    sources: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ObjectionView {
    days: u16,
    text: String,
    sources: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct GapRule {
    medical_gap_months_allowed: Option<u16>,
    medical_wait_months: Option<u16>,
    resident_wait_months: Option<u16>,
    newcomer_days: Option<u16>,
    sources: Vec<String>,
}

impl ChannelView {
    fn of(channel: GuideChannel) -> ChannelView {
        ChannelView {
            kind: channel.kind.code().to_owned(),
            name: channel.name,
            pays: channel.pays,
            banks: channel.banks,
            steps: channel.steps,
            sources: channel.sources,
        }
    }
}

/// The guide of an open city.
#[utoipa::path(get, path = "/api/v1/cities/{code}/guide", tag = "cities",
    params(("code" = String, Path, description = "GB/T 2260 code")),
    responses((status = 200, body = GuideView), (status = 404, description = "no such city, or not open")))]
pub(crate) async fn guide(
    State(api): State<Api>,
    Reads(language): Reads,
    Path(code): Path<String>,
) -> Result<([(HeaderName, &'static str); 1], Json<GuideView>), ApiError> {
    let code = city_code(&code)?;
    let city = api.catalogue.city(&code).ok_or_else(cities::unknown_city)?;
    let pack = api.catalogue.pack(&code).ok_or_else(|| cities::not_open(&code))?;
    let Guide { channels, notices, advice, refund, objection } =
        api.catalogue.guide(&code).unwrap_or_default();
    let methods = [Channel::Wechat, Channel::Alipay]
        .into_iter()
        .filter(|channel| api.orders.directory().collector(&code, *channel).is_ok());
    let methods = methods.map(|channel| PaymentMethod {
        channel: channel.code().to_owned(),
        label: words::channel(language, channel),
        limit: api.orders.amount_max_on(channel).to_string(),
    });
    let line = |label: &str, number: &String| HotlineView {
        label: label.to_owned(),
        number: number.clone(),
    };
    let view = GuideView {
        city: code.to_string(),
        city_name: city.short_name().to_owned(),
        standards: standards(&api, &code),
        payment_methods: methods.collect(),
        channels: channels.into_iter().map(ChannelView::of).collect(),
        hotlines: vec![
            line("人社", &pack.hotlines.human_resources),
            line("医保", &pack.hotlines.medical),
            line("税务", &pack.hotlines.tax),
        ],
        notices: notices
            .into_iter()
            .map(|notice| NoticeView {
                title: notice.title,
                text: notice.text,
                date: notice.date.map(|date| date.to_string()),
                document: notice.document,
                sources: notice.sources,
            })
            .collect(),
        advice: advice
            .into_iter()
            .map(|advice| AdviceView {
                code: advice.code.code().to_owned(),
                text: advice.text,
                sources: advice.sources,
            })
            .collect(),
        refund: refund.map(|refund| RefundView {
            reasons: refund.reasons,
            papers: refund.papers,
            places: refund.places,
            steps: refund.steps,
            sources: refund.sources,
        }),
        objection: objection.map(|objection| ObjectionView {
            days: objection.days,
            text: objection.text,
            sources: objection.sources,
        }),
        gap_rule: pack.waiting.as_ref().map(|waiting| GapRule {
            medical_gap_months_allowed: waiting.medical_gap_months_allowed,
            medical_wait_months: waiting.medical_wait_months,
            resident_wait_months: waiting.resident_wait_months,
            newcomer_days: waiting.newcomer_days,
            sources: waiting.sources.clone(),
        }),
        topup: pack.topup.as_ref().map(TopupLimits::of),
    };
    Ok(([(header::CONTENT_LANGUAGE, Language::Chinese.tag())], Json(view)))
}

/// All offered standards of the city, by what they are at this moment.
fn standards(api: &Api, code: &kernel::CityCode) -> Standards {
    let now = Month::of(api.clock.now());
    let mut policies: Vec<_> = api
        .catalogue
        .policies()
        .filter(|policy| policy.is_offered() && policy.applies_in(code))
        .collect();
    policies.sort_by_key(|policy| std::cmp::Reverse((policy.period.from(), policy.id.clone())));
    let (mut in_force, mut past, mut announced) = (Vec::new(), Vec::new(), Vec::new());
    for policy in policies {
        let list = if policy.period.contains(now) {
            &mut in_force
        } else if policy.period.to() < now {
            &mut past
        } else {
            &mut announced
        };
        list.push(PolicyView::of(policy));
    }
    Standards { in_force, past, announced }
}
