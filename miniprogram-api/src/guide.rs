//! The guide of a city: standards in force and past, other ways to pay, notices, refunds, advice.
//!
//! Labels are in the reader's language. What the packs say (channels, notices, advice, refunds) is in
//! Chinese, the language of the offices and screens that it leads to, and `text_language` says so.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderName, header},
};
use kernel::{Channel, Month};
use policies::{Catalogue, Guide, GuideChannel, Sources};
use serde::Serialize;
use utoipa::ToSchema;
use wording::Language;

use crate::{
    Api,
    cities::{self, Hotline, city_code},
    counter::TopupLimits,
    language::Reads,
    problem::ApiError,
    standards::PolicyView,
    words,
};

/// What a city's citizens are told beside the counter.
#[derive(Serialize, ToSchema)]
pub(crate) struct GuideView {
    city: String,
    city_name: String,
    /// Of the texts that come from the city's pack: channels, notices, advice, refund, objection, top-up.
    #[schema(example = "zh-CN")]
    text_language: String,
    standards: Standards,
    /// Wallets that collect for the city here.
    payment_methods: Vec<PaymentMethod>,
    /// Other ways to pay or to look things up; those of the city first.
    channels: Vec<ChannelView>,
    hotlines: Vec<Hotline>,
    notices: Vec<NoticeView>,
    advice: Vec<AdviceView>,
    refund: Option<RefundView>,
    objection: Option<ObjectionView>,
    /// The published rule about gaps in medical insurance. Shown, never enforced.
    gap_rule: Option<GapRule>,
    /// Limits of top-ups, where the city has them.
    topup: Option<TopupLimits>,
    /// How to top up, where the city has top-ups.
    topup_guide: Option<TopupSteps>,
}

/// 个人账户充值, step by step.
#[derive(Serialize, ToSchema)]
pub(crate) struct TopupSteps {
    steps: Vec<String>,
    sources: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Standards {
    in_force: Vec<PolicyView>,
    /// Carried forward for what has no standard in force (暂行).
    provisional: Vec<PolicyView>,
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
    /// `city`, or `national`: nothing that this city says of itself.
    scope: String,
    /// Whether one can pay there, or only look things up.
    pays: bool,
    banks: Vec<String>,
    steps: Vec<String>,
    sources: Vec<String>,
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
    fn of(catalogue: &Catalogue, channel: GuideChannel) -> ChannelView {
        ChannelView {
            kind: channel.kind.code().to_owned(),
            name: channel.name,
            scope: if channel.national { "national" } else { "city" }.to_owned(),
            pays: channel.pays,
            banks: channel.banks,
            steps: channel.steps,
            sources: catalogue.links(&channel.sources),
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
    let Guide { channels, notices, advice, refund, objection, topup } =
        api.catalogue.guide(&code).unwrap_or_default();
    let links = |sources: &Sources| api.catalogue.links(sources);
    let methods = [Channel::Wechat, Channel::Alipay]
        .into_iter()
        .filter(|channel| api.orders.directory().collector(&code, *channel).is_ok());
    let methods = methods.map(|channel| PaymentMethod {
        channel: channel.code().to_owned(),
        label: words::channel(language, channel),
        limit: api.orders.amount_max_on(channel).to_string(),
    });
    let view = GuideView {
        city: code.to_string(),
        city_name: city.short_name().to_owned(),
        text_language: Language::Chinese.tag().to_owned(),
        standards: standards(&api, &code, language),
        payment_methods: methods.collect(),
        channels: channels.into_iter().map(|c| ChannelView::of(&api.catalogue, c)).collect(),
        hotlines: Hotline::list(pack, language),
        notices: notices
            .into_iter()
            .map(|notice| NoticeView {
                title: notice.title,
                text: notice.text,
                date: notice.date.map(|date| date.to_string()),
                document: notice.document,
                sources: links(&notice.sources),
            })
            .collect(),
        advice: advice
            .into_iter()
            .map(|advice| AdviceView {
                code: advice.code.code().to_owned(),
                text: advice.text,
                sources: links(&advice.sources),
            })
            .collect(),
        refund: refund.map(|refund| RefundView {
            reasons: refund.reasons,
            papers: refund.papers,
            places: refund.places,
            steps: refund.steps,
            sources: links(&refund.sources),
        }),
        objection: objection.map(|objection| ObjectionView {
            days: objection.days,
            text: objection.text,
            sources: links(&objection.sources),
        }),
        gap_rule: pack.waiting.as_ref().map(|waiting| GapRule {
            medical_gap_months_allowed: waiting.medical_gap_months_allowed,
            medical_wait_months: waiting.medical_wait_months,
            resident_wait_months: waiting.resident_wait_months,
            newcomer_days: waiting.newcomer_days,
            sources: links(&waiting.sources),
        }),
        topup: pack.topup.as_ref().map(TopupLimits::of),
        topup_guide: topup
            .filter(|_| pack.topup.is_some())
            .map(|topup| TopupSteps { sources: links(&topup.sources), steps: topup.steps }),
    };
    // The packs' texts are Chinese whatever was asked for; with English labels the answer is in both.
    let languages = match language {
        Language::Chinese => "zh-CN",
        Language::English => "en, zh-CN",
    };
    Ok(([(header::CONTENT_LANGUAGE, languages)], Json(view)))
}

/// All offered standards of the city, by what they are at this moment.
fn standards(api: &Api, code: &kernel::CityCode, language: Language) -> Standards {
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
        list.push(PolicyView::of(&api.catalogue, policy, false, language));
    }
    let carried = api.catalogue.carried_into(code, now).into_iter();
    let provisional =
        carried.map(|policy| PolicyView::of(&api.catalogue, policy, true, language)).collect();
    Standards { in_force, provisional, past, announced }
}
