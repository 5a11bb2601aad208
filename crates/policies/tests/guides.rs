//! What the guides of the open cities say, from which pages, and what is carried forward.

use kernel::{CityCode, Insurance, Month};
use policies::{Catalogue, Guide, GuideChannel, GuideChannelKind as Kind, Sources};
use rstest::rstest;

const OPEN: [&str; 7] = ["110000", "310000", "320100", "320200", "320500", "440300", "510100"];

fn catalogue() -> Catalogue {
    Catalogue::embedded().expect("clean")
}

fn city(code: &str) -> CityCode {
    CityCode::new(code).expect("a code")
}

fn guide(code: &str) -> Guide {
    catalogue().guide(&city(code)).expect("open")
}

fn sources(guide: &Guide) -> Vec<&Sources> {
    let channels = guide.channels.iter().map(|channel| &channel.sources);
    let notices = guide.notices.iter().map(|notice| &notice.sources);
    let advice = guide.advice.iter().map(|advice| &advice.sources);
    let refund = guide.refund.iter().map(|refund| &refund.sources);
    let objection = guide.objection.iter().map(|objection| &objection.sources);
    let topup = guide.topup.iter().map(|topup| &topup.sources);
    channels.chain(notices).chain(advice).chain(refund).chain(objection).chain(topup).collect()
}

/// The mirror is in the files, for whoever checks a figure, and in no link.
#[test]
fn people_are_sent_to_no_page_that_is_for_us_alone() {
    let catalogue = catalogue();
    let mut kept = 0;
    for code in OPEN {
        let guide = guide(code);
        let waiting = catalogue.pack(&city(code)).and_then(|pack| pack.waiting.clone());
        let policies = catalogue.policies().map(|policy| &policy.sources);
        let waiting = waiting.iter().map(|waiting| &waiting.sources);
        for sources in sources(&guide).into_iter().chain(policies).chain(waiting) {
            kept += sources.all().iter().filter(|page| page.contains("pdskyglc.com")).count();
            let links = catalogue.links(sources);
            assert!(links.iter().all(|page| !page.contains("pdskyglc.com")), "{links:?}");
            assert!(links.iter().all(|page| sources.all().contains(page)));
        }
    }
    assert!(kept > 0, "the page is gone from the files, and so is the reason for this test");
}

#[test]
fn every_open_city_says_something_of_its_own() {
    for code in OPEN {
        let guide = guide(code);
        let national = guide.notices.iter().filter(|notice| notice.sources.is_empty());
        assert!(!guide.notices.is_empty() && national.count() == 0, "{code}");
        for kind in [Kind::GovSite, Kind::Bank, Kind::Wechat, Kind::Alipay, Kind::Counter] {
            let pays = |channel: &&GuideChannel| channel.kind == kind && channel.pays;
            assert!(guide.channels.iter().any(|c| pays(&c)), "{code} has no {kind}");
        }
    }
}

#[rstest]
#[case::wuxi_has_its_own("320200", Kind::GovSite, false)]
#[case::wuxi_has_its_own_bank("320200", Kind::Bank, false)]
#[case::nanjing_only_looks_up("320100", Kind::GovSite, true)]
#[case::chengdu_has_none("510100", Kind::Bank, true)]
fn general_ways_to_pay_are_told_only_where_a_city_names_none(
    #[case] code: &str,
    #[case] kind: Kind,
    #[case] general: bool,
) {
    let guide = guide(code);
    let mut told = guide.channels.iter().filter(|channel| channel.kind == kind && channel.pays);
    assert!(told.all(|channel| channel.national == general), "{code}");
}

/// In November 2026 two policies price the month; the others were the last before it.
#[rstest]
#[case::wuxi("320200", &["js-pension-2025", "wuxi-medical-2023q2"])]
#[case::shenzhen("440300", &["shenzhen-pension-2025"])]
#[case::beijing("110000", &["beijing-pension-2025", "beijing-medical-2025", "beijing-unemployment-2025"])]
#[case::chengdu("510100", &["chengdu-pension-2024", "chengdu-medical-2024h2"])]
fn the_last_known_policies_are_carried_into_a_month_without_one(
    #[case] code: &str,
    #[case] carried: &[&str],
) {
    let catalogue = catalogue();
    let month: Month = "2026-11".parse().expect("a month");
    let mut found: Vec<&str> =
        catalogue.carried_into(&city(code), month).iter().map(|p| p.id.as_str()).collect();
    let mut expected = carried.to_vec();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn nothing_is_carried_into_a_month_that_is_priced_or_lies_before() {
    let catalogue = catalogue();
    let carried = |month: &str| {
        let month: Month = month.parse().expect("a month");
        let carried = catalogue.carried_into(&city("320200"), month);
        carried.iter().map(|policy| policy.insurance).collect::<Vec<_>>()
    };
    assert!(!carried("2023-06").contains(&Insurance::Pension));
    assert_eq!(carried("2020-01"), [], "there is nothing to carry yet");
}

#[rstest]
#[case::range("beijing-pension-2025", Some("1432.40"), Some("7162.20"))]
#[case::flat("beijing-medical-2025", Some("584.92"), Some("584.92"))]
#[case::fixed_with_flat_part("suzhou-medical-2024", Some("364.52"), Some("364.52"))]
#[case::two_rates("wuxi-medical-2023q2", Some("348.50"), Some("1842.54"))]
#[case::to_the_jiao("nanjing-medical-2023q2", Some("369.50"), Some("369.50"))]
#[case::published("nanchang-pension-2024", Some("768.00"), Some("3839.00"))]
#[case::unknown_ceiling("qingdao-pension-2025", Some("900.80"), None)]
#[case::by_the_year("wuxi-resident-2026", None, None)]
fn what_a_month_costs_at_least_and_at_most(
    #[case] id: &str,
    #[case] least: Option<&str>,
    #[case] most: Option<&str>,
) {
    let catalogue = catalogue();
    let policy = catalogue.policies().find(|policy| policy.id.as_str() == id).expect("a policy");
    let told = |amount: Option<kernel::Fen>| amount.map(|fen| fen.to_string());
    assert_eq!(told(policy.month_least()).as_deref(), least);
    assert_eq!(told(policy.month_most()).as_deref(), most);
}
