//! The words of the message files for what the rooms below name by codes.

use agency::{BillCategory, CardState, EnrolmentState, Objection};
use kernel::{BillKind, Channel, Insurance, Month, Timestamp};
use orders::{OrderState, PostingState, RefundState, Refusal};
use policies::{AgencyKind, Hotlines, Service};
use wording::{Language, filled, term};

pub(crate) fn insurance_key(insurance: Insurance) -> String {
    format!("insurance.{insurance}")
}

pub(crate) fn state_key(state: OrderState) -> String {
    format!("order_state.{}", state.code())
}

pub(crate) fn insurance(language: Language, insurance: Insurance) -> String {
    term(language, &insurance_key(insurance))
}

pub(crate) fn state(language: Language, state: OrderState) -> String {
    term(language, &state_key(state))
}

pub(crate) fn channel(language: Language, channel: Channel) -> String {
    term(language, &format!("channel.{channel}"))
}

pub(crate) fn bill_kind_key(kind: BillKind) -> String {
    format!("bill_kind.{kind}")
}

pub(crate) fn bill_kind(language: Language, kind: BillKind) -> String {
    term(language, &bill_kind_key(kind))
}

pub(crate) fn card(language: Language, state: CardState) -> String {
    term(language, &format!("card.{}", state.code()))
}

pub(crate) fn enrolment(language: Language, state: EnrolmentState) -> String {
    let code = match state {
        EnrolmentState::Active => "active",
        EnrolmentState::Suspended => "suspended",
        EnrolmentState::Ended => "ended",
        EnrolmentState::NotEnrolled => "not_enrolled",
        EnrolmentState::Retired => "retired",
    };
    term(language, &format!("enrolment.{code}"))
}

pub(crate) fn posting(language: Language, state: PostingState) -> String {
    term(language, &format!("posting.{}", state.code()))
}

pub(crate) fn refund(language: Language, state: RefundState) -> String {
    term(language, &format!("refund.{}", state.code()))
}

pub(crate) fn refusal(language: Language, refusal: Refusal) -> String {
    term(language, &format!("refusal.{}", refusal.code()))
}

/// What an agency said when it refused something.
pub(crate) fn objection(language: Language, objection: Objection) -> String {
    term(language, &format!("agency_answer.{}", objection.code()))
}

pub(crate) fn service_key(service: Service) -> String {
    format!("service.{service}")
}

pub(crate) fn service(language: Language, known: Service) -> String {
    term(language, &service_key(known))
}

/// The platform that somebody logs in from; [`channel`] names its wallet.
pub(crate) fn platform(language: Language, channel: Channel) -> String {
    term(language, &format!("platform.{channel}"))
}

/// Where orders of a wallet come from, as the guide calls such ways (`wechat_city`, `alipay_city`).
pub(crate) const fn entry_code(channel: Channel) -> &'static str {
    match channel {
        Channel::Wechat => "wechat_city",
        Channel::Alipay => "alipay_city",
    }
}

pub(crate) fn entry(language: Language, channel: Channel) -> String {
    term(language, &format!("entry.{}", entry_code(channel)))
}

/// What a bill is for, as a person would say it: the insurance, with the kind of bill where it is not the
/// ordinary one, and whose yearly amount it is. A top-up is no insurance.
pub(crate) fn item(
    language: Language,
    of: Insurance,
    kind: BillKind,
    of_category: Option<&BillCategory>,
) -> String {
    let item = match kind {
        BillKind::Topup => term(language, "item.topup"),
        _ => insurance(language, of),
    };
    let note = match (kind, of_category) {
        (BillKind::Difference | BillKind::BackPayment, _) => bill_kind(language, kind),
        (_, Some(known)) => category(language, &known.code, &known.name),
        _ => return item,
    };
    filled(&term(language, "item.with"), &[("item", item), ("note", note)])
}

/// A part of an amount. In Chinese its name is the agency's or the source's; in English ours, by its code.
pub(crate) fn component(language: Language, code: &str, name: &str) -> String {
    coded(language, "component", code, name)
}

/// A category of residents, in the same way.
pub(crate) fn category(language: Language, code: &str, name: &str) -> String {
    coded(language, "category", code, name)
}

fn coded(language: Language, list: &str, code: &str, name: &str) -> String {
    let key = format!("{list}.{code}");
    let ours = term(language, &key);
    // A code that we do not know has no other name than the given one.
    if language == Language::Chinese || ours == key { name.to_owned() } else { ours }
}

/// `12333(人社)`
fn line(language: Language, hotlines: &Hotlines, kind: AgencyKind) -> String {
    let values = [("number", hotlines.of(kind).to_owned()), ("label", hotline(language, kind))];
    filled(&term(language, "hotline.with"), &values)
}

pub(crate) fn hotline(language: Language, kind: AgencyKind) -> String {
    term(language, &format!("hotline.{kind}"))
}

/// Whom to call about offices of these kinds: one number, or several with whose they are.
pub(crate) fn help_line(
    language: Language,
    hotlines: &Hotlines,
    kinds: impl Iterator<Item = AgencyKind>,
) -> Option<String> {
    let mut kinds: Vec<AgencyKind> = kinds.collect();
    kinds.sort_unstable();
    kinds.dedup();
    match kinds.as_slice() {
        [] => None,
        [kind] => Some(hotlines.of(*kind).to_owned()),
        kinds => {
            let lines: Vec<String> =
                kinds.iter().map(|kind| line(language, hotlines, *kind)).collect();
            Some(lines.join(&term(language, "hotline.or")))
        }
    }
}

pub(crate) fn month(language: Language, month: Month) -> String {
    wording::date(language, i32::from(month.year()), month.month(), None)
}

/// Months one by one.
pub(crate) fn months(language: Language, months: &[Month]) -> String {
    let separator = match language {
        Language::Chinese => "、",
        Language::English => ", ",
    };
    months.iter().map(|known| month(language, *known)).collect::<Vec<_>>().join(separator)
}

/// A moment in Beijing, to the minute: `2026年11月29日 19:41`.
pub(crate) fn moment(language: Language, at: Timestamp) -> String {
    let at = at.beijing();
    let date = wording::date(language, at.year(), u8::from(at.month()), Some(at.day()));
    format!("{date}{}{:02}:{:02}", comma(language), at.hour(), at.minute())
}

/// A moment at which something ends. Midnight ends the day before: `2026年11月30日 24:00`.
pub(crate) fn until(language: Language, end: Timestamp) -> String {
    let at = end.beijing();
    if (at.hour(), at.minute(), at.second()) != (0, 0, 0) {
        return moment(language, end);
    }
    let day = Timestamp::from_millis(end.as_millis() - 1).beijing();
    let date = wording::date(language, day.year(), u8::from(day.month()), Some(day.day()));
    format!("{date}{}24:00", comma(language))
}

const fn comma(language: Language) -> &'static str {
    match language {
        Language::Chinese => " ",
        Language::English => ", ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use rstest::rstest;

    /// The lower rooms' own terms are the Chinese ones, and every code has a word in both languages.
    #[test]
    fn every_code_has_its_word() {
        let both = |word: &dyn Fn(Language) -> String, chinese: &str| {
            assert_eq!(word(Language::Chinese), chinese);
            let english = word(Language::English);
            assert!(english.is_ascii() && !english.contains('.'), "{chinese}: {english}");
        };
        for known in Insurance::ALL {
            both(&|language| insurance(language, *known), known.label());
        }
        for known in Channel::ALL {
            both(&|language| channel(language, *known), known.label());
        }
        for known in BillKind::ALL {
            both(&|language| bill_kind(language, *known), known.label());
        }
        for known in OrderState::ALL {
            both(&|language| state(language, known), known.label());
        }
    }

    #[test]
    fn every_other_code_has_words_of_its_own() {
        type Word<'a> = Box<dyn Fn(Language) -> String + 'a>;
        let mut words: Vec<Word<'_>> = Vec::new();
        words.extend(Objection::ALL.iter().map(|o| Box::new(|l| objection(l, *o)) as Word<'_>));
        words.extend(Service::ALL.iter().map(|s| Box::new(|l| service(l, *s)) as Word<'_>));
        words.extend(AgencyKind::ALL.iter().map(|k| Box::new(|l| hotline(l, *k)) as Word<'_>));
        words.extend(Refusal::ALL.iter().map(|r| Box::new(|l| refusal(l, *r)) as Word<'_>));
        words.extend(Channel::ALL.iter().map(|c| Box::new(|l| platform(l, *c)) as Word<'_>));
        words.extend(Channel::ALL.iter().map(|c| Box::new(|l| entry(l, *c)) as Word<'_>));
        for word in words {
            let (chinese, english) = (word(Language::Chinese), word(Language::English));
            assert!(!chinese.is_ascii(), "{chinese}");
            assert!(english.is_ascii() && !english.contains('.'), "{chinese}: {english}");
        }
    }

    #[rstest]
    #[case(
        Insurance::Pension,
        BillKind::Regular,
        None,
        "企业职工基本养老保险",
        "basic pension insurance"
    )]
    #[case(
        Insurance::Medical,
        BillKind::BackPayment,
        None,
        "职工基本医疗保险(补缴)",
        "basic medical insurance (back payment)"
    )]
    #[case(
        Insurance::Pension,
        BillKind::Difference,
        None,
        "企业职工基本养老保险(补差)",
        "basic pension insurance (difference)"
    )]
    #[case(Insurance::ResidentMedical, BillKind::Resident, Some(("elderly", "老年居民")), "城乡居民基本医疗保险(老年居民)", "residents' basic medical insurance (elderly residents)")]
    #[case(Insurance::ResidentMedical, BillKind::Resident, Some(("monk", "僧侣")), "城乡居民基本医疗保险(僧侣)", "residents' basic medical insurance (僧侣)")]
    #[case(
        Insurance::Medical,
        BillKind::Topup,
        None,
        "医保个人账户充值",
        "top-up of the medical personal account"
    )]
    fn what_is_paid_is_named_as_what_it_is(
        #[case] insurance: Insurance,
        #[case] kind: BillKind,
        #[case] category: Option<(&str, &str)>,
        #[case] chinese: &str,
        #[case] english: &str,
    ) {
        let category = category
            .map(|(code, name)| BillCategory { code: code.to_owned(), name: name.to_owned() });
        let named = |language| item(language, insurance, kind, category.as_ref());
        assert_eq!(named(Language::Chinese), chinese);
        assert_eq!(named(Language::English), english);
    }

    #[rstest]
    #[case("2026-11-29 19:41:44", "2026年11月29日 19:41", "29 November 2026, 19:41")]
    #[case("2026-12-01 00:00:00", "2026年11月30日 24:00", "30 November 2026, 24:00")]
    #[case("2027-01-01 00:00:00", "2026年12月31日 24:00", "31 December 2026, 24:00")]
    #[case("2026-12-01 00:00:01", "2026年12月1日 00:00", "1 December 2026, 00:00")]
    fn an_end_at_midnight_is_the_end_of_the_day_before(
        #[case] at: &str,
        #[case] chinese: &str,
        #[case] english: &str,
    ) {
        let at = Timestamp::from_beijing_text(at).expect("a time");
        assert_eq!(until(Language::Chinese, at), chinese);
        assert_eq!(until(Language::English, at), english);
    }

    #[test]
    fn offices_of_several_kinds_are_told_with_their_names() {
        let hotlines = Hotlines {
            human_resources: "12333".to_owned(),
            medical: "0510-12393".to_owned(),
            tax: "12366".to_owned(),
        };
        let told =
            |kinds: &[AgencyKind]| help_line(Language::Chinese, &hotlines, kinds.iter().copied());
        use AgencyKind::{HumanResources, Medical};
        assert_eq!(told(&[]), None);
        assert_eq!(told(&[Medical, Medical]).as_deref(), Some("0510-12393"));
        let both = told(&[Medical, HumanResources, Medical]);
        assert_eq!(both.as_deref(), Some("12333(人社)或0510-12393(医保)"));
    }
}
