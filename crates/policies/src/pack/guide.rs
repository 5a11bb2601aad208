//! What a city tells people beside the counter: other ways to pay, notices, refunds, advice.
//!
//! The file `guide.toml` holds what is true everywhere; a pack adds what is particular. Facts carry
//! the pages they come from.

use serde::{Deserialize, Serialize};

use crate::{
    Sources,
    policy::{Day, pack_words},
};

/// The guide of a city, or the national one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guide {
    pub channels: Vec<GuideChannel>,
    pub notices: Vec<GuideNotice>,
    pub advice: Vec<Advice>,
    pub refund: Option<RefundGuide>,
    pub objection: Option<ObjectionAdvice>,
    /// Told where the city has top-ups.
    pub topup: Option<TopupGuide>,
}

pack_words! {
    /// Where else one can pay or ask.
    GuideChannelKind {
        /// 政务服务网
        GovSite = "gov_site";
        /// An app of the city or the province.
        App = "app";
        /// A bank's counter, machine or app.
        Bank = "bank";
        /// 微信城市服务, 公众号 and the tax bureau's mini-program there.
        Wechat = "wechat_city";
        /// 支付宝市民中心 and its mini-programs.
        Alipay = "alipay_city";
        /// A machine of the agency, with the social card.
        Terminal = "terminal";
        /// A counter of agency or tax bureau.
        Counter = "counter";
    }
    /// What a piece of advice is about.
    AdviceCode {
        /// Card, documents and enrolment, before anything is paid.
        Prepare = "prepare";
        Pension = "pension";
        /// Medical insurance without gaps.
        Continuity = "continuity";
        /// Looking at everything before paying.
        Check = "check";
        /// Balance, limits and banks.
        Balance = "balance";
        /// What to keep afterwards.
        Receipt = "receipt";
        /// A payment that failed or was taken twice.
        Failure = "failure";
        /// When it is booked, and how to see that.
        Posting = "posting";
        Topup = "topup";
    }
}

/// Another way to pay or to look things up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuideChannel {
    pub kind: GuideChannelKind,
    pub name: String,
    /// Of the national guide: true of every city, and nothing that this city says of itself.
    pub national: bool,
    /// Of the national guide: told only where the city names no way to pay of this kind.
    pub fallback: bool,
    /// Whether contributions can be paid there, or only looked up.
    pub pays: bool,
    /// Names of banks that are known to take part.
    pub banks: Vec<String>,
    pub steps: Vec<String>,
    pub sources: Sources,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuideNotice {
    pub title: String,
    pub text: String,
    /// When it was published, where known.
    pub date: Option<Day>,
    pub document: Option<String>,
    pub sources: Sources,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    pub code: AdviceCode,
    pub text: String,
    pub sources: Sources,
}

/// The agency's own refund (社保退费): a procedure, not a button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundGuide {
    pub reasons: Vec<String>,
    pub papers: Vec<String>,
    pub places: Vec<String>,
    pub steps: Vec<String>,
    pub sources: Sources,
}

/// How money is paid into the medical personal account of a social card, step by step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopupGuide {
    pub steps: Vec<String>,
    pub sources: Sources,
}

/// Within how many days to object. Advice; keep the papers longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectionAdvice {
    pub days: u16,
    pub text: String,
    pub sources: Sources,
}

impl Guide {
    /// This guide with what the national one adds: a city's own words on refunds and objections win.
    pub fn with_national(&self, national: &Guide) -> Guide {
        let named = |kind| self.channels.iter().any(|channel| channel.kind == kind && channel.pays);
        let told = |channel: &&GuideChannel| !channel.fallback || !named(channel.kind);
        let national_channels = national.channels.iter().filter(told);
        let national_channels =
            national_channels.map(|channel| GuideChannel { national: true, ..channel.clone() });
        let advice = national.advice.iter();
        let others = advice.filter(|advice| !self.advice.iter().any(|own| own.code == advice.code));
        Guide {
            channels: self.channels.iter().cloned().chain(national_channels).collect(),
            notices: [&self.notices[..], &national.notices[..]].concat(),
            advice: self.advice.iter().chain(others).cloned().collect(),
            refund: self.refund.clone().or_else(|| national.refund.clone()),
            objection: self.objection.clone().or_else(|| national.objection.clone()),
            topup: self.topup.clone().or_else(|| national.topup.clone()),
        }
    }
}
