//! The files in `cities/`, and what the check says about broken ones.

use std::collections::BTreeSet;
use std::path::Path;

use kernel::{CityCode, Insurance, InsuredKind, PolicyId};
use policies::{Catalogue, CheckReport, check_embedded, check_texts, embedded_texts};
use rstest::rstest;

#[test]
fn the_embedded_files_are_clean() {
    let report = check_embedded();
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.cities, report.packs, report.policies), (337, 7, 60));
    assert_eq!(report.to_string(), "337 cities, 7 packs, 60 policies, 0 findings");
    assert_eq!(Catalogue::embedded().map(|catalogue| catalogue.summary()), Ok(report));
}

#[test]
fn every_file_of_the_folder_is_embedded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cities");
    let mut files = BTreeSet::new();
    for (prefix, folder) in [("", folder.clone()), ("policies/", folder.join("policies"))] {
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let name = entry.expect("an entry").file_name().into_string().expect("a name");
            if name.ends_with(".toml") {
                files.insert(format!("{prefix}{name}"));
            }
        }
    }
    let embedded: BTreeSet<String> =
        embedded_texts().into_iter().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(embedded, files);
}

#[test]
fn an_open_city_has_both_pension_and_medical_from_two_sources() {
    let catalogue = Catalogue::embedded().expect("clean");
    for pack in catalogue.packs() {
        for insurance in [Insurance::Pension, Insurance::Medical] {
            let policies =
                catalogue.policies_of(&pack.code, insurance, InsuredKind::FlexibleEmployment);
            let confirmed = policies::Confidence::Confirmed;
            assert!(policies.iter().any(|policy| policy.confidence == confirmed), "{}", pack.code);
        }
    }
}

#[test]
fn policies_are_found_by_identifier_city_and_month() {
    let catalogue = Catalogue::embedded().expect("clean");
    let wuxi = CityCode::new("320200").expect("a code");
    let ids = |month: &str| -> Vec<String> {
        let month = month.parse().expect("a month");
        catalogue.policies_for(&wuxi, month).iter().map(|p| p.id.to_string()).collect()
    };
    assert_eq!(ids("2023-03"), ["js-pension-2023", "wuxi-medical-2023q1"]);
    assert_eq!(ids("2026-11"), ["wuxi-resident-2026"]);
    let guide = PolicyId::new("wuxi-pension-2023-guide").expect("an identifier");
    let guide = catalogue.policy(&guide).expect("kept as a reference");
    assert!(guide.reference_only && !guide.sources.is_empty());
    assert_eq!(guide.digest().len(), 64);
    let digests: BTreeSet<_> = catalogue.policies().map(policies::Policy::digest).collect();
    assert_eq!(digests.len(), 60);
}

/// A small pack that is right.
const PACK: &str = include_str!("data/sound-pack.toml");

fn check(text: &str) -> CheckReport {
    check_texts(&[("320400.toml", text)])
}

#[test]
fn the_small_pack_is_right() {
    let report = check(PACK);
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.packs, report.policies), (1, 5));
}

/// Each row breaks one rule in one place: policy, what is replaced, by what, and the finding.
#[rstest]
#[case::unknown_key(
    "tiers",
    "year_kind =",
    "colour = 1\nyear_kind =",
    "tiers: colour: is not a key"
)]
#[case::unknown_key_in_a_tier(
    "tiers",
    "no = 1,",
    "no = 1, grade = 2,",
    "tiers: tier 1: grade: is not a key"
)]
#[case::unknown_word("tiers", "\"calendar\"", "\"lunar\"", "tiers: year_kind: `lunar`")]
#[case::unknown_insurance(
    "tiers",
    "\"pension\"\neff",
    "\"housing\"\neff",
    "tiers: insurance: `housing`"
)]
#[case::unknown_kind(
    "tiers",
    "\"flexible_employment\"",
    "\"sailor\"",
    "tiers: insured_kind: `sailor`"
)]
#[case::bad_identifier("tiers", "id = \"tiers\"", "id = \"two words\"", "id: `two words`")]
#[case::version_zero("tiers", "version = 1", "version = 0", "tiers: version: must be")]
#[case::version_gap("tiers", "version = 1", "version = 2", "tiers: version: versions must count")]
#[case::no_source(
    "tiers",
    "source = [\"https://example.org/a\", \"https://example.org/b\"]",
    "",
    "tiers: source: is missing"
)]
#[case::empty_source(
    "fixed",
    "source = [\"https://example.org/c\"]",
    "source = []",
    "fixed: source: is missing"
)]
#[case::source_without_address(
    "fixed",
    "https://example.org/c",
    "a friend",
    "fixed: source: `a friend` is no"
)]
#[case::confirmed_by_one(
    "tiers",
    ", \"https://example.org/b\"",
    "",
    "tiers: confidence: `confirmed` needs two"
)]
#[case::unknown_city(
    "published",
    "320300",
    "320399",
    "published: cities: 320399 is not in the catalogue"
)]
#[case::city_twice(
    "published",
    "\"320300\"",
    "\"320300\", \"320300\"",
    "published: cities: `320300` stands there twice"
)]
#[case::no_cities("published", "\"320300\"", "", "published: cities: names no city")]
#[case::floor_above_ceiling(
    "tiers",
    "base_floor_fen = 500000",
    "base_floor_fen = 2100000",
    "tiers: base_ceiling_fen: is below"
)]
#[case::negative_floor(
    "tiers",
    "base_floor_fen = 500000",
    "base_floor_fen = -1",
    "tiers: base_floor_fen: must be"
)]
#[case::float_floor(
    "tiers",
    "base_floor_fen = 500000",
    "base_floor_fen = 5000.0",
    "tiers: base_floor_fen: must be"
)]
#[case::fixed_with_two_bounds(
    "fixed",
    "base_ceiling_fen = 500000",
    "base_ceiling_fen = 600000",
    "fixed: base_ceiling_fen: a fixed base"
)]
#[case::no_bounds(
    "fixed",
    "base_floor_fen = 500000\nbase_ceiling_fen = 500000",
    "",
    "fixed: base_floor_fen: base_mode fixed needs it"
)]
#[case::ceiling_alone(
    "tiers",
    "base_floor_fen = 500000\n",
    "",
    "tiers: base_ceiling_fen: has no base_floor_fen"
)]
#[case::bounds_without_base(
    "residents",
    "year_kind",
    "base_floor_fen = 1\nyear_kind",
    "residents: base_floor_fen: base_mode annual_flat has none"
)]
#[case::tier_below_floor(
    "tiers",
    "base_fen = 500000, monthly_fen = 100000",
    "base_fen = 400000, monthly_fen = 80000",
    "tiers: tier 1: base_fen: 4000.00 is outside"
)]
#[case::tier_above_ceiling(
    "tiers",
    "base_fen = 2000000, monthly_fen = 400000",
    "base_fen = 2100000, monthly_fen = 420000",
    "tiers: tier 3: base_fen: 21000.00 is outside"
)]
#[case::tiers_out_of_order("tiers", "no = 2", "no = 5", "tiers: tier 3: no: is out of order")]
#[case::tier_number_twice("tiers", "no = 2", "no = 1", "tiers: tier 1: no: stands there twice")]
#[case::tier_bases_out_of_order(
    "tiers",
    "base_fen = 1000000, monthly_fen = 200000",
    "base_fen = 500000, monthly_fen = 100000",
    "tiers: tier 2: base_fen: is not above"
)]
#[case::wrong_tier_sum(
    "tiers",
    "monthly_fen = 200000",
    "monthly_fen = 200001",
    "tiers: tier 2: monthly_fen: is 2000.01, the components give 2000.00"
)]
#[case::wrong_min(
    "tiers",
    "min_monthly_fen = 100000",
    "min_monthly_fen = 100001",
    "tiers: min_monthly_fen: is 1000.01, the rest of the policy gives 1000.00"
)]
#[case::wrong_max(
    "tiers",
    "max_monthly_fen = 400000",
    "max_monthly_fen = 400001",
    "tiers: max_monthly_fen: is 4000.01"
)]
#[case::missing_min(
    "tiers",
    "min_monthly_fen = 100000\n",
    "",
    "tiers: min_monthly_fen: is missing"
)]
#[case::wrong_published_min(
    "published",
    "min_monthly_fen = 5000",
    "min_monthly_fen = 5001",
    "published: min_monthly_fen: is 50.01"
)]
#[case::min_without_months(
    "residents",
    "year_kind",
    "min_monthly_fen = 1\nyear_kind",
    "residents: min_monthly_fen: has nothing"
)]
#[case::tier_count_wrong(
    "tiers",
    "tier_count = 3",
    "tier_count = 4",
    "tiers: tier_count: is 4, but 3 tiers"
)]
#[case::incomplete_but_all(
    "tiers",
    "tiers_complete = true",
    "tiers_complete = false",
    "tiers: tiers_complete: is false, but all 3"
)]
#[case::complete_missing(
    "tiers",
    "tiers_complete = true\n",
    "",
    "tiers: tiers_complete: is missing"
)]
#[case::count_missing("tiers", "tier_count = 3\n", "", "tiers: tier_count: is missing")]
#[case::count_elsewhere(
    "fixed",
    "year_kind",
    "tier_count = 3\nyear_kind",
    "fixed: tiers_complete, tier_count, any_base: is for base_mode tiers"
)]
#[case::rate_zero(
    "tiers",
    "rate_bp = 2000 }",
    "rate_bp = 0 }",
    "tiers: component 1: rate_bp: must be a rate"
)]
#[case::rate_too_high(
    "tiers",
    "rate_bp = 2000 }",
    "rate_bp = 5001 }",
    "tiers: component 1: rate_bp: must be a rate"
)]
#[case::rate_missing(
    "tiers",
    ", rate_bp = 2000 }",
    " }",
    "tiers: component 1: rate_bp: is missing"
)]
#[case::local_rate_too_low(
    "tiers",
    "hukou_local_rate_bp = 2100",
    "hukou_local_rate_bp = 2000",
    "tiers: hukou_local_rate_bp: must be above"
)]
#[case::component_kind(
    "tiers",
    "kind = \"rate\"",
    "kind = \"share\"",
    "tiers: component 1: kind: `share`"
)]
#[case::component_twice(
    "fixed",
    "code = \"critical_illness\"",
    "code = \"basic_medical\"",
    "fixed: component 2: code: stands there twice"
)]
#[case::flat_zero(
    "fixed",
    "amount_fen = 1000",
    "amount_fen = 0",
    "fixed: component 2: amount_fen: must be above 0"
)]
#[case::no_components(
    "tiers",
    "component = [{ code = \"pension\", name = \"企业职工基本养老保险\", kind = \"rate\", rate_bp = 2000 }]",
    "",
    "tiers: component: base_mode tiers needs a component with a rate"
)]
#[case::flat_without_amount(
    "reference",
    "component = [{ code = \"basic_medical\", name = \"职工基本医疗保险\", kind = \"flat\", amount_fen = 30000 }]",
    "",
    "reference: component: base_mode flat needs a component with a flat"
)]
#[case::rate_in_flat(
    "reference",
    "kind = \"flat\", amount_fen = 30000",
    "kind = \"rate\", rate_bp = 800",
    "reference: component: base_mode flat has no base"
)]
#[case::no_categories(
    "residents",
    "category = [{ code = \"other\", name = \"其他居民\", amount_fen = 80000 }]",
    "",
    "residents: category: base_mode annual_flat needs it"
)]
#[case::category_twice(
    "residents",
    "category = [",
    "category = [{ code = \"other\", name = \"其他\", amount_fen = 1 }, ",
    "residents: category 2: code: stands there twice"
)]
#[case::component_in_annual(
    "residents",
    "category =",
    "component = [{ code = \"x\", name = \"x\", kind = \"flat\", amount_fen = 1 }]\ncategory =",
    "residents: component: base_mode annual_flat is priced"
)]
#[case::no_tiers(
    "published",
    "tier = [{ no = 1, monthly_fen = 5000 }, { no = 2, monthly_fen = 9000 }]",
    "",
    "published: tier: base_mode tier_amounts needs it"
)]
#[case::published_out_of_order(
    "published",
    "no = 1",
    "no = 3",
    "published: tier 2: no: is out of order"
)]
#[case::rounding_elsewhere(
    "tiers",
    "\"half_up_fen\"",
    "\"published\"",
    "tiers: amount_rounding: `published` belongs"
)]
#[case::rounding_missing_there(
    "published",
    "\"published\"\nmin",
    "\"half_up_fen\"\nmin",
    "published: amount_rounding: `published` belongs"
)]
#[case::base_mode_unknown(
    "tiers",
    "base_mode = \"tiers\"",
    "base_mode = \"ladder\"",
    "tiers: base_mode: `ladder`"
)]
#[case::dates_reversed(
    "fixed",
    "effective_to = 2030-06-30",
    "effective_to = 2029-06-30",
    "fixed: effective_to: is before"
)]
#[case::not_first_day(
    "fixed",
    "effective_from = 2030-01-01",
    "effective_from = 2030-01-02",
    "fixed: effective_from: must be the first day"
)]
#[case::not_last_day(
    "fixed",
    "effective_to = 2030-06-30",
    "effective_to = 2030-06-29",
    "fixed: effective_to: must be the last day"
)]
#[case::no_date(
    "fixed",
    "effective_to = 2030-06-30",
    "effective_to = \"2030-06-30\"",
    "fixed: effective_to: must be a date"
)]
#[case::too_long(
    "fixed",
    "effective_to = 2030-06-30",
    "effective_to = 2040-06-30",
    "fixed: effective_to: is more than ten years"
)]
#[case::not_in_a_calendar_year(
    "tiers",
    "effective_to = 2030-12-31",
    "effective_to = 2031-01-31",
    "tiers: year_kind: 2030-01..2031-01 is not inside"
)]
#[case::not_in_a_july_june_year(
    "tiers",
    "\"calendar\"",
    "\"july_june\"",
    "tiers: year_kind: 2030-01..2030-12 is not inside"
)]
#[case::switch_outside(
    "tiers",
    "base_switch_date = 2030-10-01",
    "base_switch_date = 2031-01-01",
    "tiers: base_switch_date: is not inside"
)]
#[case::switch_inside_a_month(
    "tiers",
    "base_switch_date = 2030-10-01",
    "base_switch_date = 2030-10-15",
    "tiers: base_switch_date: must be the first day"
)]
#[case::switch_incomplete(
    "tiers",
    "top_up = \"none\"\n",
    "",
    "tiers: base_switch_date, prior_floor_fen, top_up: belong together"
)]
#[case::prior_floor_not_below(
    "tiers",
    "prior_floor_fen = 450000",
    "prior_floor_fen = 500000",
    "tiers: prior_floor_fen: is not below"
)]
#[case::deadline_reversed(
    "tiers",
    "payment_opens = 2030-01-01",
    "payment_opens = 2031-01-01",
    "tiers: payment_deadline: is before"
)]
#[case::extra_does_not_add_up(
    "fixed",
    "yearly_fen = 1200",
    "yearly_fen = 1300",
    "fixed: extra_yearly: monthly_fen: does not add up"
)]
#[case::extra_not_twelve(
    "fixed",
    "monthly_fen = [100, ",
    "monthly_fen = [",
    "fixed: extra_yearly: monthly_fen: must have twelve"
)]
#[case::conflict_with_nothing(
    "reference",
    "conflicts_with = [\"fixed\"]",
    "conflicts_with = [\"fixed\", \"ghost\"]",
    "reference: conflicts_with: ghost is no policy"
)]
#[case::conflict_undeclared(
    "reference",
    "conflicts_with = [\"fixed\"]\n",
    "",
    "reference: conflicts_with: does not name fixed"
)]
#[case::conflict_with_another(
    "reference",
    "conflicts_with = [\"fixed\"]",
    "conflicts_with = [\"fixed\", \"tiers\"]",
    "reference: conflicts_with: tiers prices none"
)]
#[case::conflict_of_the_offered(
    "fixed",
    "year_kind",
    "conflicts_with = [\"tiers\"]\nyear_kind",
    "fixed: conflicts_with: is for policies that are reference_only"
)]
fn each_rule_has_its_finding(
    #[case] policy: &str,
    #[case] old: &str,
    #[case] new: &str,
    #[case] finding: &str,
) {
    let start = PACK.find(&format!("id = \"{policy}\"")).expect("the policy is there");
    let end = PACK[start..].find("[[policy]]").map_or(PACK.len(), |length| start + length);
    let block = &PACK[start..end];
    assert!(block.contains(old), "{old} stands in {policy}");
    let broken = format!("{}{}{}", &PACK[..start], block.replacen(old, new, 1), &PACK[end..]);
    let report = check(&broken);
    let told: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    let expected = format!("320400.toml: {finding}");
    assert!(told.iter().any(|told| told.starts_with(&expected)), "{expected}\n{report}");
}

#[rstest]
#[case::unknown_key("open =", "motto = \"hello\"\nopen =", "320400: motto: is not a key")]
#[case::other_code(
    "code = \"320400\"\n",
    "code = \"320300\"\n",
    "320400: code: is not the code in the file's name"
)]
#[case::nothing_open("\"flex_pension\", \"flex_medical\"", "", "320400: open: names no service")]
#[case::unknown_service("\"flex_medical\"]", "\"lottery\"]", "320400: open: `lottery`")]
#[case::service_twice(
    "\"flex_medical\"]",
    "\"flex_pension\"]",
    "320400: open: `flex_pension` stands there twice"
)]
#[case::service_without_agency(
    "\"flex_medical\"]",
    "\"flex_medical\", \"resident_medical\"]",
    "320400: open: resident_medical is open, but no agency bills"
)]
#[case::no_hotlines("hotlines =", "# hotlines =", "320400: hotlines: is missing")]
#[case::bad_hotline("\"12393\"", "\"call us\"", "320400: hotlines: medical: must be a telephone")]
#[case::merchant_name(
    "hotlines =",
    "merchants = { wechat = \"a shop\" }\nhotlines =",
    "320400: merchants: wechat: `a shop`"
)]
#[case::one_merchant_for_both_wallets(
    "hotlines =",
    "merchants = { wechat = \"shop\", alipay = \"shop\" }\nhotlines =",
    "320400: merchants: alipay: is the account of the other wallet"
)]
#[case::agency_missing(
    "code = \"320400-hr\"",
    "code = \"320400-human\"",
    "320400: agency: 320400-hr of kind hr is missing"
)]
#[case::agency_twice(
    "code = \"320400-med\"",
    "code = \"320400-hr\"",
    "320400: agency 2: code: stands there twice"
)]
#[case::agency_kind("kind = \"medical\"", "kind = \"post\"", "320400: agency 2: kind: `post`")]
#[case::agency_elsewhere(
    "region_code = \"320400\"",
    "region_code = \"330400\"",
    "320400: agency 1: region_code: is not in 320400"
)]
#[case::agency_without_insurance(
    "insurances = [\"medical\"]",
    "insurances = []",
    "320400: agency 2: insurances: names no insurance"
)]
#[case::agency_unknown_insurance(
    "insurances = [\"medical\"]",
    "insurances = [\"dental\"]",
    "320400: agency 2: insurances: `dental`"
)]
#[case::waiting_without_source(
    "source = [\"https://example.org/gap\"]",
    "",
    "320400: waiting: source: is missing"
)]
#[case::waiting_out_of_range(
    "medical_gap_months_allowed = 3",
    "medical_gap_months_allowed = 300",
    "320400: waiting: medical_gap_months_allowed: must be"
)]
fn each_rule_of_a_pack_has_its_finding(
    #[case] old: &str,
    #[case] new: &str,
    #[case] finding: &str,
) {
    assert!(PACK.contains(old));
    let report = check(&PACK.replacen(old, new, 1));
    let told: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    let expected = format!("320400.toml: {finding}");
    assert!(told.iter().any(|told| told.starts_with(&expected)), "{expected}\n{report}");
}

#[test]
fn all_findings_are_told_at_once() {
    let broken = PACK
        .replacen("monthly_fen = 200000", "monthly_fen = 200001", 1)
        .replacen("min_monthly_fen = 41000", "min_monthly_fen = 41001", 1)
        .replacen("\"12393\"", "\"call us\"", 1)
        .replacen("amount_fen = 80000", "amount_fen = 80000, colour = 3", 1);
    let report = check(&broken);
    let fields: Vec<_> = report
        .findings
        .iter()
        .map(|f| (f.subject.as_deref().unwrap_or_default(), f.field.as_str()))
        .filter(|(subject, _)| *subject != "reference")
        .collect();
    assert_eq!(
        fields,
        [
            ("320400", "hotlines: medical"),
            ("fixed", "min_monthly_fen"),
            ("residents", "category 1: colour"),
            ("tiers", "tier 2: monthly_fen"),
        ]
    );
    let error = Catalogue::from_texts(&[("320400.toml", broken)]).expect_err("not clean");
    assert_eq!(error, report);
}

#[test]
fn policies_of_one_kind_must_not_overlap_in_a_city() {
    let copy = |from: &str, to: &str| {
        let start = PACK.find("id = \"fixed\"").expect("the policy is there");
        let end = start + PACK[start..].find("[[policy]]").expect("another follows");
        let copy = PACK[start..end]
            .replace("id = \"fixed\"", "id = \"second\"\ncities = [\"320400\"]")
            .replace("2030-01-01", from)
            .replace("2030-06-30", to);
        let shared = format!("[[policy]]\n{copy}");
        check_texts(&[("320400.toml", PACK), ("policies/more.toml", &shared)])
    };
    assert!(copy("2030-07-01", "2030-12-31").is_clean());
    let report = copy("2030-06-01", "2030-12-31");
    assert_eq!(report.findings.len(), 1, "{report}");
    assert_eq!(report.findings[0].problem, "overlaps second in 320400");
}

#[test]
fn one_version_stands_there_once() {
    let start = PACK.find("[[policy]]\nid = \"published\"").expect("the policy is there");
    let end = start + 1 + PACK[start + 1..].find("[[policy]]").expect("another follows");
    let again = &PACK[start..end];
    let report = check_texts(&[("320400.toml", PACK), ("policies/more.toml", again)]);
    let told = report.to_string();
    assert!(told.contains("published: id: version 1 of this policy stands there twice"), "{told}");
    let second = again.replace("version = 1", "version = 2");
    let report = check_texts(&[("320400.toml", PACK), ("policies/more.toml", &second)]);
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.policies, 5);
}

#[rstest]
#[case::no_toml("320400.toml", "code = ", "is no TOML")]
#[case::unknown_file("readme.toml", "", "expected catalogue.toml")]
#[case::unknown_folder("packs/320400.toml", "", "expected catalogue.toml")]
#[case::up_and_away("policies/../320400.toml", "", "expected catalogue.toml")]
#[case::no_selectable_city("429004.toml", "", "is no selectable city")]
#[case::policies_without_policy("policies/empty.toml", "", "policy: is missing")]
#[case::policies_with_more("policies/more.toml", "policy = []\ncode = 1", "code: is not a key")]
#[case::no_table("policies/more.toml", "policy = [1]", "policy: must be a list of tables")]
#[case::shared_without_cities(
    "policies/more.toml",
    "[[policy]]\nid = \"x\"",
    "x: cities: is missing"
)]
fn files_that_are_no_pack(#[case] name: &str, #[case] text: &str, #[case] problem: &str) {
    let pack = PACK.replace("320400", "429004");
    let text = if name == "429004.toml" { pack.as_str() } else { text };
    let report = check_texts(&[(name, text)]);
    assert!(report.to_string().contains(problem), "{report}");
    assert!(report.findings.iter().any(|finding| finding.file == name), "{report}");
}

#[test]
fn large_files_are_not_parsed() {
    let large = "#".repeat(1_100_000);
    let report = check_texts(&[("320400.toml", large.as_str())]);
    assert_eq!(report.findings.len(), 1);
    assert!(report.findings[0].problem.contains("larger than"));
    let twice = check_texts(&[("320400.toml", PACK), ("320400.toml", PACK)]);
    assert!(twice.to_string().contains("was handed in twice"));
}

#[rstest]
#[case::seat_abroad(
    "seat = [314912, 1203119]",
    "seat = [414912, 2203119]",
    "320200: ",
    "seat: is not in China"
)]
#[case::missing_syllable(
    "pinyin = \"wu xi shi\"",
    "pinyin = \"wu xi\"",
    "320200: ",
    "pinyin: must have one syllable"
)]
#[case::tone_marks(
    "pinyin = \"wu xi shi\"",
    "pinyin = \"wú xī shì\"",
    "320200: ",
    "pinyin: must be syllables"
)]
#[case::short_elsewhere(
    "short = \"无锡\"",
    "short = \"锡\"",
    "320200: ",
    "short: must be the beginning"
)]
#[case::code_twice(
    "code = \"320300\"",
    "code = \"320200\"",
    "320200: ",
    "code: stands there twice"
)]
#[case::county_as_city("code = \"320300\"", "code = \"320381\"", "320381: ", "code: is a county's")]
#[case::no_province(
    "code = \"320300\"",
    "code = \"990300\"",
    "990300: ",
    "code: is in no province"
)]
#[case::hot_unknown("hot = [\"110000\"", "hot = [\"110001\"", "", "hot: 110001 is no city")]
#[case::county_seat_abroad(
    "{ city = \"500000\", seats = [[",
    "{ city = \"500000\", seats = [[1, 1], [",
    "500000: ",
    "seats: has one that is not in China"
)]
#[case::county_seat_of_nowhere(
    "{ city = \"500000\", seats",
    "{ city = \"320299\", seats",
    "320299: ",
    "city: is no city"
)]
#[case::unknown_key(
    "short = \"无锡\"",
    "short = \"无锡\", mayor = \"?\"",
    "320200: ",
    "mayor: is not a key"
)]
fn the_catalogue_is_checked_too(
    #[case] old: &str,
    #[case] new: &str,
    #[case] subject: &str,
    #[case] problem: &str,
) {
    let (name, text) = embedded_texts()[0];
    assert_eq!((name, text.contains(old)), ("catalogue.toml", true));
    let report = check_texts(&[(name, text.replacen(old, new, 1))]);
    let told: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    let found = told.iter().any(|told| {
        told.starts_with(&format!("catalogue.toml: {subject}")) && told.contains(problem)
    });
    assert!(found, "{report}");
}
