//! What is owed, to the fen: worked examples, published amounts, refusals.

use std::sync::LazyLock;

use kernel::{CityCode, Fen, Insurance, InsuredKind, Month, MonthRange, PolicyId};
use policies::{
    Catalogue, Choice, Confidence, DISCLAIMER, Notice, Quote, QuoteError, QuoteRequest, Subject,
};
use rstest::rstest;

static CATALOGUE: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::embedded().expect("the embedded files are clean"));

fn yuan(text: &str) -> Fen {
    Fen::from_yuan(text).expect("an amount")
}

fn months(from: &str, count: u32) -> MonthRange {
    MonthRange::starting(from.parse().expect("a month"), count).expect("a range")
}

fn month(text: &str) -> Month {
    text.parse().expect("a month")
}

fn id(text: &str) -> PolicyId {
    PolicyId::new(text).expect("an identifier")
}

fn base(text: &str) -> Choice {
    Choice::Base(yuan(text))
}

fn in_city(
    city: &str,
    insurance: Insurance,
    choice: Choice,
    from: &str,
    count: u32,
) -> QuoteRequest {
    let insured_kind = match insurance {
        Insurance::ResidentMedical => InsuredKind::Resident,
        _ => InsuredKind::FlexibleEmployment,
    };
    let city = CityCode::new(city).expect("a code");
    QuoteRequest::new(Subject::City { city, insurance, insured_kind }, choice, months(from, count))
}

fn by_policy(policy: &str, choice: Choice, from: &str, count: u32) -> QuoteRequest {
    QuoteRequest::new(Subject::Policy { id: id(policy) }, choice, months(from, count))
}

/// Prices, and makes sure that the quote survives storage and replay.
fn price(request: &QuoteRequest) -> Result<Quote, QuoteError> {
    let quote = CATALOGUE.quote(request)?;
    let stored = serde_json::to_string(&quote).expect("a quote is JSON");
    let read: Quote = serde_json::from_str(&stored).expect("JSON is a quote");
    assert_eq!(read, quote);
    CATALOGUE.replay(&read).expect("a fresh quote replays");
    assert_eq!(Fen::sum(quote.subtotals.iter().map(|s| s.amount)), Some(quote.total));
    let last = quote.render().lines().last().map(str::to_owned);
    assert_eq!(last, Some(format!("合计 Total: {}", quote.total)));
    Ok(quote)
}

fn total(request: &QuoteRequest) -> String {
    price(request).expect("can be priced").total.to_string()
}

/// Domain §3.5: Wuxi 2023, pension, the twelve tiers.
#[rstest]
#[case(1, "4494.00", "898.80", "2696.40", "10785.60", "359.52", "539.28")]
#[case(2, "6000.00", "1200.00", "3600.00", "14400.00", "480.00", "720.00")]
#[case(3, "7000.00", "1400.00", "4200.00", "16800.00", "560.00", "840.00")]
#[case(4, "8000.00", "1600.00", "4800.00", "19200.00", "640.00", "960.00")]
#[case(5, "9000.00", "1800.00", "5400.00", "21600.00", "720.00", "1080.00")]
#[case(6, "10000.00", "2000.00", "6000.00", "24000.00", "800.00", "1200.00")]
#[case(7, "12000.00", "2400.00", "7200.00", "28800.00", "960.00", "1440.00")]
#[case(8, "14000.00", "2800.00", "8400.00", "33600.00", "1120.00", "1680.00")]
#[case(9, "16000.00", "3200.00", "9600.00", "38400.00", "1280.00", "1920.00")]
#[case(10, "18000.00", "3600.00", "10800.00", "43200.00", "1440.00", "2160.00")]
#[case(11, "20000.00", "4000.00", "12000.00", "48000.00", "1600.00", "2400.00")]
#[case(12, "24042.00", "4808.40", "14425.20", "57700.80", "1923.36", "2885.04")]
fn wuxi_pension_2023_by_tier(
    #[case] tier: u16,
    #[case] tier_base: &str,
    #[case] one: &str,
    #[case] three: &str,
    #[case] twelve: &str,
    #[case] account: &str,
    #[case] pool: &str,
) {
    for choice in [Choice::Tier(tier), base(tier_base)] {
        let request =
            |count| in_city("320200", Insurance::Pension, choice.clone(), "2023-01", count);
        assert_eq!(total(&request(1)), one);
        assert_eq!(total(&request(3)), three);
        let year = price(&request(12)).expect("can be priced");
        assert_eq!(year.total.to_string(), twelve);
        assert_eq!(year.disclaimer, None, "two sources agree");
        for line in &year.lines {
            assert_eq!(line.policy.as_str(), "js-pension-2023");
            assert_eq!((line.version, line.tier), (1, Some(tier)));
            assert_eq!(line.base, Some(yuan(tier_base)));
            assert_eq!(line.personal_account, Some(yuan(account)));
            assert_eq!(line.pool, Some(yuan(pool)));
        }
    }
}

/// Domain §3.6: a guide's reading of the same year. A fixture, never offered.
#[rstest]
#[case("4494.00", "898.80", "2696.40", "10785.60")]
#[case("5243.00", "1048.60", "3145.80", "12583.20")]
#[case("5992.00", "1198.40", "3595.20", "14380.80")]
#[case("6741.00", "1348.20", "4044.60", "16178.40")]
#[case("7490.00", "1498.00", "4494.00", "17976.00")]
#[case("8239.00", "1647.80", "4943.40", "19773.60")]
#[case("8988.00", "1797.60", "5392.80", "21571.20")]
#[case("9737.00", "1947.40", "5842.20", "23368.80")]
#[case("10486.00", "2097.20", "6291.60", "25166.40")]
#[case("11235.00", "2247.00", "6741.00", "26964.00")]
#[case("14980.00", "2996.00", "8988.00", "35952.00")]
#[case("18725.00", "3745.00", "11235.00", "44940.00")]
#[case("22470.00", "4494.00", "13482.00", "53928.00")]
fn wuxi_pension_2023_as_a_guide_reads_it(
    #[case] percent_base: &str,
    #[case] one: &str,
    #[case] three: &str,
    #[case] twelve: &str,
) {
    let request =
        |count| by_policy("wuxi-pension-2023-guide", base(percent_base), "2023-01", count);
    assert_eq!(total(&request(1)), one);
    assert_eq!(total(&request(3)), three);
    let year = price(&request(12)).expect("can be priced");
    assert_eq!(year.total.to_string(), twelve);
    assert!(year.notices.contains(&Notice::ReferenceOnly));
    assert_eq!(year.disclaimer.as_deref(), Some(DISCLAIMER));
    let named_by_the_guide = ["4494.00", "7490.00", "22470.00"].contains(&percent_base);
    assert_eq!(year.notices.contains(&Notice::TierUnsourced), !named_by_the_guide);
}

/// Domain §3.7: Wuxi medical, every reading.
#[rstest]
#[case::guide("wuxi-medical-2023-guide", "4494", "2023-01", &["404.46"], "404.46", "1213.38", Some("4853.52"))]
#[case::january_to_march("wuxi-medical-2023q1", "4250", "2023-01", &["382.50", "8.50"], "391.00", "1173.00", None)]
#[case::april_on("wuxi-medical-2023q2", "4250", "2023-04", &["340.00", "8.50"], "348.50", "1045.50", None)]
#[case::april_on_new_base("wuxi-medical-2023q2", "4494", "2023-04", &["359.52", "8.99"], "368.51", "1105.53", None)]
#[case::base_4879("wuxi-medical-2023q2", "4879", "2023-04", &["390.32", "9.76"], "400.08", "1200.24", Some("4800.96"))]
#[case::tier_1_of_2022("wuxi-medical-2022", "4250", "2022-01", &["433.50"], "433.50", "1300.50", Some("5202.00"))]
#[case::tier_1_of_2021("wuxi-medical-2021h2", "3800", "2021-07", &["425.60"], "425.60", "1276.80", None)]
#[case::tier_12_of_2021("wuxi-medical-2021h2", "20586", "2021-07", &["2305.63"], "2305.63", "6916.89", None)]
fn wuxi_medical_on_a_base(
    #[case] policy: &str,
    #[case] on: &str,
    #[case] from: &str,
    #[case] parts: &[&str],
    #[case] one: &str,
    #[case] three: &str,
    #[case] twelve: Option<&str>,
) {
    let request = |count| by_policy(policy, base(on), from, count);
    let quote = price(&request(1)).expect("can be priced");
    let steps: Vec<String> = quote.lines[0].steps.iter().map(|s| s.amount.to_string()).collect();
    assert_eq!(steps, parts);
    assert_eq!(quote.total.to_string(), one);
    assert_eq!(total(&request(3)), three);
    if let Some(twelve) = twelve {
        // Where the policy ends before, its last months are carried forward.
        let year = QuoteRequest { provisional: true, ..request(12) };
        assert_eq!(total(&year), twelve);
    }
}

#[test]
fn a_change_inside_the_year_splits_it_by_month() {
    let request = in_city("320200", Insurance::Medical, base("4250"), "2023-01", 12);
    let quote = price(&request).expect("can be priced");
    assert_eq!(quote.total.to_string(), "4309.50");
    let groups: Vec<_> = quote
        .subtotals
        .iter()
        .map(|s| (s.policy.as_str(), s.count, s.each.to_string(), s.amount.to_string()))
        .collect();
    assert_eq!(
        groups,
        [
            ("wuxi-medical-2023q1", 3, "391.00".to_owned(), "1173.00".to_owned()),
            ("wuxi-medical-2023q2", 9, "348.50".to_owned(), "3136.50".to_owned()),
        ]
    );
    assert!(quote.notices.contains(&Notice::BaseUncertain));
}

#[test]
fn pension_tier_1_and_guide_medical_together() {
    let pension = in_city("320200", Insurance::Pension, Choice::Tier(1), "2023-01", 1);
    let medical = by_policy("wuxi-medical-2023-guide", Choice::Floor, "2023-01", 1);
    let both = yuan(&total(&pension)).plus(yuan(&total(&medical)));
    assert_eq!(both, Some(yuan("1303.26")));
}

/// Domain §3.3 and §3.4, and the totals that the sources publish.
#[rstest]
#[case::nanjing_cut_to_the_jiao("nanjing-medical-2023q2", Choice::Floor, "2023-04", 1, "369.50")]
#[case::nanjing_year_of_jiao("nanjing-medical-2023q2", Choice::Floor, "2023-04", 12, "4434.00")]
#[case::nanjing_before("nanjing-medical-2022h2", Choice::Floor, "2022-07", 1, "392.50")]
#[case::chengdu_by_component("chengdu-medical-2024h2", Choice::Floor, "2024-07", 1, "571.42")]
#[case::chengdu_year("chengdu-medical-2024h2", Choice::Floor, "2024-07", 12, "6857.04")]
#[case::suzhou_2022("suzhou-medical-2022", Choice::Floor, "2022-01", 1, "345.00")]
#[case::suzhou_2024("suzhou-medical-2024", Choice::Floor, "2024-01", 1, "364.52")]
#[case::changzhou("changzhou-medical-2023", Choice::Floor, "2023-01", 1, "404.46")]
#[case::lianyungang("lianyungang-medical-2023", Choice::Floor, "2023-01", 1, "379.52")]
#[case::taizhou_2024("taizhou-medical-2024h1", Choice::Floor, "2024-01", 1, "440.41")]
#[case::taizhou_2025("taizhou-medical-2025h2", Choice::Floor, "2025-07", 1, "478.14")]
#[case::zhenjiang("zhenjiang-medical-2025", Choice::Floor, "2025-01", 1, "395.32")]
#[case::yixing("yixing-medical-2024", Choice::Floor, "2024-01", 1, "368.51")]
#[case::nanjing_unemployment_2022(
    "nanjing-unemployment-2022",
    Choice::Floor,
    "2022-01",
    1,
    "85.00"
)]
#[case::nanjing_unemployment_2023(
    "nanjing-unemployment-2023",
    Choice::Floor,
    "2023-01",
    12,
    "1080.00"
)]
#[case::gansu_60("gansu-pension-2025", Choice::Tier(1), "2025-01", 1, "880.60")]
#[case::gansu_70("gansu-pension-2025", Choice::Tier(2), "2025-01", 1, "1027.32")]
#[case::gansu_70_year("gansu-pension-2025", Choice::Tier(2), "2025-01", 12, "12327.84")]
#[case::gansu_any_base("gansu-pension-2025", base("4500"), "2025-01", 1, "900.00")]
#[case::chongqing_floor("chongqing-pension-2025", Choice::Floor, "2025-01", 1, "880.80")]
#[case::chongqing_ceiling("chongqing-pension-2025", base("22017"), "2025-01", 1, "4403.40")]
#[case::guangzhou_2023("guangzhou-pension-2023", Choice::Floor, "2023-07", 1, "1056.80")]
#[case::guangzhou_2024("guangzhou-pension-2024", Choice::Floor, "2024-07", 1, "1100.00")]
#[case::guangzhou_2025("guangzhou-pension-2025", Choice::Floor, "2025-07", 1, "1102.00")]
#[case::guangzhou_medical("guangzhou-medical-2025", Choice::Floor, "2025-01", 1, "498.88")]
#[case::shenzhen_2024("shenzhen-pension-2024", Choice::Floor, "2024-07", 1, "898.40")]
#[case::shenzhen_2025("shenzhen-pension-2025", Choice::Floor, "2025-07", 1, "955.00")]
#[case::shenzhen_medical_2025("shenzhen-medical-2025", Choice::Floor, "2025-01", 1, "471.31")]
#[case::shenzhen_medical_2026("shenzhen-medical-2026", Choice::Floor, "2026-01", 1, "538.16")]
#[case::hangzhou_2024("hangzhou-pension-2024", Choice::Floor, "2024-01", 1, "962.40")]
#[case::hangzhou_2025("hangzhou-pension-2025", Choice::Floor, "2025-01", 1, "997.20")]
#[case::shanghai_2023("shanghai-pension-2023", Choice::Floor, "2024-03", 1, "1462.00")]
#[case::shanghai_medical_2023("shanghai-medical-2023", Choice::Floor, "2024-03", 1, "731.00")]
#[case::shanghai_2024("shanghai-pension-2024", Choice::Floor, "2024-07", 1, "1476.80")]
#[case::shanghai_medical_2024("shanghai-medical-2024", Choice::Floor, "2024-07", 1, "738.40")]
#[case::shanghai_2025("shanghai-pension-2025", Choice::Floor, "2025-07", 1, "1492.00")]
#[case::shanghai_medical_2025("shanghai-medical-2025", Choice::Floor, "2025-07", 1, "746.00")]
#[case::beijing_2024("beijing-pension-2024", Choice::Floor, "2024-07", 1, "1364.20")]
#[case::beijing_2025("beijing-pension-2025", Choice::Floor, "2025-07", 1, "1432.40")]
#[case::beijing_unemployment_floor(
    "beijing-unemployment-2025",
    Choice::Floor,
    "2025-07",
    1,
    "71.62"
)]
#[case::beijing_unemployment_ceiling(
    "beijing-unemployment-2025",
    base("35811"),
    "2025-07",
    1,
    "358.11"
)]
#[case::beijing_medical_2024("beijing-medical-2024", Choice::Floor, "2024-07", 1, "576.32")]
#[case::beijing_medical_2025("beijing-medical-2025", Choice::Floor, "2025-07", 1, "584.92")]
#[case::tianjin_pension("tianjin-pension-2025", Choice::Floor, "2025-01", 1, "1024.80")]
#[case::tianjin_first_of_quarter("tianjin-medical-2025", Choice::Floor, "2025-01", 1, "405.30")]
#[case::tianjin_other_month("tianjin-medical-2025", Choice::Floor, "2025-02", 1, "406.30")]
#[case::tianjin_year("tianjin-medical-2025", Choice::Floor, "2025-01", 12, "4871.60")]
#[case::qingdao_2024("qingdao-pension-2024", Choice::Floor, "2024-01", 1, "883.20")]
#[case::qingdao_2025("qingdao-pension-2025", Choice::Floor, "2025-01", 1, "900.80")]
#[case::jinan("jinan-medical-2023", Choice::Floor, "2023-08", 1, "381.78")]
#[case::ningde("ningde-medical-2024", Choice::Floor, "2024-07", 1, "443.30")]
#[case::bengbu("bengbu-medical-2023", Choice::Floor, "2023-10", 1, "264.58")]
#[case::jiangsu_2021("js-pension-2021h2", Choice::Floor, "2021-07", 1, "760.00")]
#[case::jiangsu_2022("js-pension-2022", Choice::Floor, "2022-01", 1, "850.00")]
#[case::jiangsu_2024("js-pension-2024", Choice::Floor, "2024-01", 1, "975.80")]
#[case::jiangsu_2025_top("js-pension-2025", Choice::Tier(12), "2025-01", 1, "4952.40")]
fn what_a_policy_costs(
    #[case] policy: &str,
    #[case] choice: Choice,
    #[case] from: &str,
    #[case] count: u32,
    #[case] expected: &str,
) {
    assert_eq!(total(&by_policy(policy, choice, from, count)), expected);
}

#[test]
fn every_policy_has_a_row_in_these_tables_or_can_be_priced_at_its_floor() {
    let mut count = 0;
    for policy in CATALOGUE.policies() {
        let choice = match &policy.terms {
            policies::Terms::AnnualFlat { categories } => {
                Choice::Category(categories[0].code.clone())
            }
            _ => Choice::Floor,
        };
        let mut request = by_policy(policy.id.as_str(), choice, "2023-01", 1);
        request.months = policy.period;
        let quote = price(&request).expect("can be priced");
        assert!(!quote.total.is_zero());
        count += 1;
    }
    assert_eq!(count, 60);
}

/// Chengdu 2024 pension: bases from the exact quotient 90220 / 12, rounded (11278, not 11277).
#[rstest]
#[case(1, "4511.00", "902.20")]
#[case(2, "6015.00", "1203.00")]
#[case(3, "7518.00", "1503.60")]
#[case(4, "11278.00", "2255.60")]
#[case(5, "15037.00", "3007.40")]
#[case(6, "18796.00", "3759.20")]
#[case(7, "22555.00", "4511.00")]
fn sichuan_tiers(#[case] tier: u16, #[case] tier_base: &str, #[case] amount: &str) {
    let request = in_city("510100", Insurance::Pension, Choice::Tier(tier), "2024-01", 1);
    let quote = price(&request).expect("can be priced");
    assert_eq!(quote.lines[0].base, Some(yuan(tier_base)));
    assert_eq!(quote.total, yuan(amount));
}

/// Jiangxi publishes amounts, always up to the yuan; computing them would give other figures.
#[rstest]
#[case(1, "768.00")]
#[case(2, "896.00")]
#[case(3, "1024.00")]
#[case(4, "1152.00")]
#[case(5, "1280.00")]
#[case(6, "1920.00")]
#[case(7, "2559.00")]
#[case(8, "3199.00")]
#[case(9, "3839.00")]
fn jiangxi_amounts_are_taken_as_published(#[case] tier: u16, #[case] amount: &str) {
    let request = in_city("360100", Insurance::Pension, Choice::Tier(tier), "2024-01", 1);
    let quote = price(&request).expect("can be priced");
    assert_eq!(quote.total, yuan(amount));
    assert_eq!(quote.lines[0].personal_account, None, "no base is published to split by");
}

#[test]
fn components_are_rounded_before_they_are_added() {
    let request = in_city("510100", Insurance::Medical, Choice::Floor, "2024-07", 1);
    let quote = price(&request).expect("can be priced");
    let steps: Vec<_> = quote.lines[0]
        .steps
        .iter()
        .map(|step| (step.expression.as_str(), step.amount.to_string()))
        .collect();
    assert_eq!(
        steps,
        [
            ("6015.00 × 8.75% = 526.3125", "526.31".to_owned()),
            ("6015.00 × 0.75% = 45.1125", "45.11".to_owned()),
        ]
    );
}

#[test]
fn half_a_fen_is_rounded_up_not_to_even() {
    // 4494.00 at 8.75 % is 393.225. A pack with that rate:
    let mut texts: Vec<(&str, String)> = policies::embedded_texts()
        .into_iter()
        .map(|(name, text)| (name, text.to_owned()))
        .collect();
    let policy = r#"
        [[policy]]
        id = "half-fen"
        version = 1
        cities = ["350100"]
        insured_kind = "flexible_employment"
        insurance = "medical"
        effective_from = 2023-01-01
        effective_to = 2023-12-31
        year_kind = "calendar"
        base_mode = "fixed"
        base_floor_fen = 449400
        base_ceiling_fen = 449400
        amount_rounding = "half_up_fen"
        min_monthly_fen = 39323
        max_monthly_fen = 39323
        confidence = "one_source"
        best_source_kind = "official"
        source = ["https://example.org/"]
        component = [{ code = "basic_medical", name = "职工基本医疗保险", kind = "rate", rate_bp = 875 }]
    "#;
    texts.push(("policies/half-fen.toml", policy.to_owned()));
    let catalogue = Catalogue::from_texts(&texts).unwrap_or_else(|report| panic!("{report}"));
    let request = in_city("350100", Insurance::Medical, Choice::Floor, "2023-01", 1);
    let quote = catalogue.quote(&request).expect("can be priced");
    assert_eq!(quote.total, yuan("393.23"));
}

#[test]
fn the_jiao_is_rounded_on_the_month_not_on_the_parts() {
    let request = in_city("320100", Insurance::Medical, Choice::Floor, "2023-04", 2);
    let quote = price(&request).expect("can be priced");
    let line = &quote.lines[0];
    assert_eq!((line.sum, line.amount), (yuan("369.52"), yuan("369.50")));
    assert_eq!(line.steps[1].expression, "每月定额");
    assert_eq!(quote.total, yuan("739.00"));
}

#[test]
fn the_yearly_extra_adds_up_over_the_year() {
    let request = in_city("120000", Insurance::Medical, Choice::Floor, "2025-01", 12);
    let quote = price(&request).expect("can be priced");
    let extras: Vec<i64> =
        quote.lines.iter().map(|line| line.steps[1].amount.get() / 100).collect();
    assert_eq!(extras, [21, 22, 22, 21, 22, 22, 21, 22, 22, 21, 22, 22]);
    assert_eq!(extras.iter().sum::<i64>(), 260);
}

#[rstest]
#[case(2022, "student_child", "290.00")]
#[case(2022, "college_student", "240.00")]
#[case(2022, "elderly", "510.00")]
#[case(2022, "other", "690.00")]
#[case(2024, "student_child", "360.00")]
#[case(2024, "college_student", "280.00")]
#[case(2024, "elderly", "550.00")]
#[case(2024, "other", "780.00")]
#[case(2026, "student_child", "380.00")]
#[case(2026, "college_student", "290.00")]
#[case(2026, "elderly", "570.00")]
#[case(2026, "other", "810.00")]
fn wuxi_residents_pay_by_category(#[case] year: u16, #[case] category: &str, #[case] amount: &str) {
    let choice = Choice::Category(category.to_owned());
    let request = in_city("320200", Insurance::ResidentMedical, choice, &format!("{year}-01"), 12);
    let quote = price(&request).expect("can be priced");
    assert_eq!(quote.total, yuan(amount));
    assert_eq!(quote.lines.len(), 1);
    assert_eq!(quote.disclaimer.as_deref(), Some(DISCLAIMER));
}

#[rstest]
#[case("plan_1", "3075.00")]
#[case("plan_2", "6765.00")]
fn chongqing_medical_is_paid_by_plan(#[case] plan: &str, #[case] amount: &str) {
    let choice = Choice::Category(plan.to_owned());
    let request = in_city("500000", Insurance::Medical, choice, "2025-01", 12);
    assert_eq!(total(&request), amount);
}

#[test]
fn a_local_hukou_costs_its_own_rate() {
    let request = in_city("440300", Insurance::Pension, Choice::Floor, "2024-07", 1);
    let local = QuoteRequest { local_hukou: true, ..request.clone() };
    let quote = price(&local).expect("can be priced");
    assert_eq!(quote.total, yuan("943.32")); // 4492 at 21 %
    assert_eq!(quote.lines[0].personal_account, Some(yuan("359.36")));
    assert_eq!(total(&request), "898.40");
    // Where no policy knows of it, it changes nothing.
    let wuxi = in_city("320200", Insurance::Pension, Choice::Floor, "2023-01", 1);
    assert_eq!(total(&QuoteRequest { local_hukou: true, ..wuxi.clone() }), total(&wuxi));
}

#[test]
fn months_paid_before_the_switch_stand_at_the_floor_before() {
    let request = in_city("320200", Insurance::Pension, Choice::Floor, "2024-01", 12);
    // Unpaid months cost the new floor, all year.
    assert_eq!(total(&request), "11709.60");
    let paid = QuoteRequest { paid_before_switch: true, ..request };
    let quote = price(&paid).expect("can be priced");
    // Nine months at 4494, three at 4879.
    assert_eq!(quote.total, yuan("11016.60"));
    assert!(quote.notices.contains(&Notice::PaidBeforeSwitch));
    let by_tier = QuoteRequest { choice: Choice::Tier(1), ..paid.clone() };
    assert_eq!(total(&by_tier), "11016.60");
    let by_base =
        QuoteRequest { choice: base("4494"), months: months("2024-01", 9), ..paid.clone() };
    assert_eq!(total(&by_base), "8089.20");
    // A higher tier was above both floors and is not touched.
    let higher = QuoteRequest { choice: Choice::Tier(12), ..paid.clone() };
    assert_eq!(total(&higher), "58550.40");
    // From the switch on, the old floor is too low.
    let late = QuoteRequest { choice: base("4494"), ..paid };
    assert!(matches!(
        CATALOGUE.quote(&late),
        Err(QuoteError::BaseOutOfBounds { month: at, .. }) if at == month("2024-10")
    ));
}

#[test]
fn qingdao_tops_up_what_was_paid_below_the_new_floor() {
    let top_up = |paid: &str, from: &str, count| {
        in_city("370200", Insurance::Pension, Choice::TopUp(yuan(paid)), from, count)
    };
    assert_eq!(total(&top_up("4416", "2025-01", 1)), "17.60");
    assert_eq!(total(&top_up("4416", "2025-01", 9)), "158.40");
    assert_eq!(total(&top_up("4500", "2025-01", 9)), "7.20");
    let quote = price(&top_up("4416", "2025-01", 1)).expect("can be priced");
    assert_eq!(quote.lines[0].steps[0].expression, "(4504.00 - 4416.00) × 20% = 17.6");
    assert_eq!(quote.lines[0].personal_account, Some(yuan("7.04")));
    // From October on there is nothing to top up, nor on a base above the floor, nor in Jiangsu.
    assert!(matches!(
        CATALOGUE.quote(&top_up("4416", "2025-01", 10)),
        Err(QuoteError::NoTopUp { month: at, .. }) if at == month("2025-10")
    ));
    assert!(matches!(
        CATALOGUE.quote(&top_up("4505", "2025-01", 1)),
        Err(QuoteError::BaseOutOfBounds { .. })
    ));
    let jiangsu = in_city("320200", Insurance::Pension, Choice::TopUp(yuan("4494")), "2024-01", 1);
    assert!(matches!(CATALOGUE.quote(&jiangsu), Err(QuoteError::NoTopUp { .. })));
}

#[test]
fn an_unknown_ceiling_is_said() {
    let request = in_city("370200", Insurance::Pension, base("9000"), "2025-01", 1);
    let quote = price(&request).expect("can be priced");
    assert_eq!(quote.total, yuan("1800.00"));
    assert!(quote.notices.contains(&Notice::CeilingUnknown));
    assert!(quote.disclaimer.is_some());
}

#[test]
fn a_month_without_a_policy_is_an_error_that_names_it() {
    let request = in_city("320200", Insurance::Pension, Choice::Floor, "2025-11", 3);
    let error = CATALOGUE.quote(&request).expect_err("2026 is not known");
    assert_eq!(
        error,
        QuoteError::NoPolicy {
            month: month("2026-01"),
            insurance: Insurance::Pension,
            insured_kind: InsuredKind::FlexibleEmployment,
            last_known: Some(id("js-pension-2025")),
        }
    );
    assert!(error.to_string().contains("2026-01"));
}

#[test]
fn when_asked_the_last_known_policy_is_carried_forward_and_marked() {
    let request = in_city("320200", Insurance::Pension, Choice::Floor, "2025-11", 3);
    let quote = price(&QuoteRequest { provisional: true, ..request }).expect("can be priced");
    assert!(quote.provisional);
    let marks: Vec<bool> = quote.lines.iter().map(|line| line.provisional).collect();
    assert_eq!(marks, [false, false, true]);
    assert_eq!(quote.confidence, Confidence::Confirmed);
    assert_eq!(quote.disclaimer.as_deref(), Some(DISCLAIMER));
    assert!(quote.render().contains("暂行"));
    assert_eq!(quote.total, yuan("2971.20"));

    // A year paid at once is carried as a year.
    let other = Choice::Category("other".to_owned());
    let next = in_city("320200", Insurance::ResidentMedical, other, "2027-01", 12);
    let quote = price(&QuoteRequest { provisional: true, ..next }).expect("can be priced");
    assert_eq!((quote.total, quote.provisional), (yuan("810.00"), true));
    assert_eq!(quote.lines[0].period, months("2027-01", 12));
}

#[test]
fn nothing_is_carried_backward() {
    let early = in_city("320200", Insurance::Pension, Choice::Floor, "2021-06", 1);
    let early = QuoteRequest { provisional: true, ..early };
    assert!(matches!(CATALOGUE.quote(&early), Err(QuoteError::NoPolicy { last_known: None, .. })));
    let early = by_policy("js-pension-2023", Choice::Floor, "2022-12", 1);
    let early = QuoteRequest { provisional: true, ..early };
    assert!(matches!(CATALOGUE.quote(&early), Err(QuoteError::NotInForce { .. })));
}

#[test]
fn one_source_says_so_and_two_sources_do_not() {
    let one = price(&in_city("320400", Insurance::Medical, Choice::Floor, "2023-01", 1));
    let one = one.expect("can be priced");
    assert_eq!(one.confidence, Confidence::OneSource);
    assert_eq!(one.disclaimer.as_deref(), Some("仅供参考,以税务部门实际应缴金额为准"));
    assert!(one.render().contains(DISCLAIMER));
    let two = price(&in_city("320500", Insurance::Medical, Choice::Floor, "2022-01", 1));
    assert_eq!(two.expect("can be priced").disclaimer, None);
}

#[test]
fn references_are_never_chosen_for_a_city() {
    for month_no in 1..=12 {
        let from = format!("2023-{month_no:02}");
        for insurance in [Insurance::Pension, Insurance::Medical] {
            let quote = price(&in_city("320200", insurance, Choice::Floor, &from, 1));
            let quote = quote.expect("can be priced");
            assert!(!quote.notices.contains(&Notice::ReferenceOnly));
            assert!(!quote.lines[0].policy.as_str().ends_with("guide"));
        }
    }
}

#[test]
fn a_county_is_not_priced_by_its_city() {
    let yixing = in_city("320282", Insurance::Medical, Choice::Floor, "2024-01", 1);
    assert_eq!(total(&yixing), "368.51");
    let pension = in_city("320282", Insurance::Pension, Choice::Floor, "2024-01", 1);
    assert!(matches!(CATALOGUE.quote(&pension), Err(QuoteError::NoPolicy { .. })));
}

#[test]
fn refusals_carry_what_a_face_needs() {
    let wuxi = |choice| in_city("320200", Insurance::Pension, choice, "2023-01", 1);
    let refusal = |request: QuoteRequest| CATALOGUE.quote(&request).expect_err("is refused");
    let policy = || id("js-pension-2023");

    assert!(matches!(
        refusal(wuxi(base("4493"))),
        QuoteError::BaseOutOfBounds { floor, ceiling: Some(ceiling), .. }
            if floor == yuan("4494") && ceiling == yuan("24042")
    ));
    let QuoteError::BaseNotATier { tiers, .. } = refusal(wuxi(base("5000"))) else {
        panic!("5000 is no tier of 2023");
    };
    assert_eq!(tiers.len(), 12);
    assert_eq!(tiers[0], (1, yuan("4494")));
    assert_eq!(
        refusal(wuxi(Choice::Tier(13))),
        QuoteError::UnknownTier { policy: policy(), tier: 13, known: (1..=12).collect() }
    );
    assert_eq!(
        refusal(wuxi(Choice::Category("other".to_owned()))),
        QuoteError::ChoiceDoesNotFit { policy: policy(), choice: "category", mode: "tiers" }
    );
    assert_eq!(
        refusal(in_city("310000", Insurance::Pension, base("7384.50"), "2024-07", 1)),
        QuoteError::BaseNotWholeYuan { base: yuan("7384.50") }
    );
    assert!(matches!(
        refusal(in_city("310000", Insurance::Pension, base("36922"), "2024-07", 1)),
        QuoteError::BaseOutOfBounds { ceiling: Some(_), .. }
    ));
    assert!(matches!(
        refusal(in_city("310000", Insurance::Pension, Choice::Tier(1), "2024-07", 1)),
        QuoteError::ChoiceDoesNotFit { choice: "tier", mode: "range", .. }
    ));
    assert!(matches!(
        refusal(in_city("320500", Insurance::Medical, base("5000"), "2022-01", 1)),
        QuoteError::BaseIsFixed { fixed, .. } if fixed == yuan("4250")
    ));
    assert!(matches!(
        refusal(in_city("110000", Insurance::Medical, base("5000"), "2025-07", 1)),
        QuoteError::ChoiceDoesNotFit { mode: "flat", .. }
    ));
    let resident = |choice, from: &str, count| {
        in_city("320200", Insurance::ResidentMedical, choice, from, count)
    };
    let QuoteError::CategoryNeeded { known, .. } = refusal(resident(Choice::Floor, "2026-01", 12))
    else {
        panic!("residents have categories");
    };
    assert_eq!(known[0], ("student_child".to_owned(), "学生少儿".to_owned()));
    let other = || Choice::Category("other".to_owned());
    assert!(matches!(
        refusal(resident(Choice::Category("child".to_owned()), "2026-01", 12)),
        QuoteError::UnknownCategory { known, .. } if known.len() == 4
    ));
    for (from, count) in [("2026-01", 11), ("2026-02", 11), ("2026-06", 1), ("2025-12", 13)] {
        let error = refusal(QuoteRequest { provisional: true, ..resident(other(), from, count) });
        assert!(matches!(error, QuoteError::WholeYearNeeded { .. }), "{from} {count}: {error}");
    }
    let nowhere = in_city("429004", Insurance::Pension, Choice::Floor, "2023-01", 1);
    assert!(matches!(refusal(nowhere), QuoteError::NoPolicy { .. }));
    let unknown = in_city("320299", Insurance::Pension, Choice::Floor, "2023-01", 1);
    assert!(matches!(refusal(unknown), QuoteError::UnknownCity { .. }));
    let unknown = by_policy("js-pension-1999", Choice::Floor, "2023-01", 1);
    assert!(matches!(refusal(unknown), QuoteError::UnknownPolicy { .. }));
    let too_large = in_city("370200", Insurance::Pension, Choice::Base(Fen::MAX), "2025-01", 12);
    assert_eq!(refusal(too_large), QuoteError::TooLarge);
    for error in [
        refusal(wuxi(base("4493"))),
        refusal(wuxi(Choice::Tier(13))),
        refusal(resident(Choice::Floor, "2026-01", 12)),
    ] {
        assert!(error.to_string().len() > 20);
    }
}

#[test]
fn a_request_is_read_from_json_with_its_options_left_out() {
    let json = r#"{"subject": {"city": {"city": "320200", "insurance": "pension",
        "insured_kind": "flexible_employment"}}, "choice": {"tier": 1},
        "months": {"from": "2023-01", "to": "2023-03"}}"#;
    let request: QuoteRequest = serde_json::from_str(json).expect("a request");
    assert_eq!(request, in_city("320200", Insurance::Pension, Choice::Tier(1), "2023-01", 3));
    let json = serde_json::to_value(price(&request).expect("can be priced")).expect("JSON");
    assert_eq!(json["total"], "2696.40");
    assert_eq!(json["lines"][0]["amount"], "898.80");
}

#[test]
fn the_text_shows_every_step_and_ends_in_the_total() {
    let request = in_city("320200", Insurance::Medical, base("4250"), "2023-01", 12);
    let expected = "\
试算 Quote: 320200 灵活就业人员 职工基本医疗保险 (flexible_employment, medical)
所属期 Months: 2023-01..2023-12 (12), 基数 base 4250.00

2023-01..2023-03  wuxi-medical-2023q1 v1 (两处来源 confirmed)
  缴费基数 base 4250.00
  职工基本医疗保险 basic_medical: 4250.00 × 9% = 382.50 → 382.50
  大病医疗救助 critical_illness: 4250.00 × 0.2% = 8.50 → 8.50
  每期合计 sum: 391.00
  小计 Subtotal: 3 × 391.00 = 1173.00

2023-04..2023-12  wuxi-medical-2023q2 v1 (两处来源 confirmed)
  缴费基数 base 4250.00
  职工基本医疗保险 basic_medical: 4250.00 × 8% = 340.00 → 340.00
  大病医疗救助 critical_illness: 4250.00 × 0.2% = 8.50 → 8.50
  每期合计 sum: 348.50
  小计 Subtotal: 9 × 348.50 = 3136.50
说明 Note: 适用基数以经办机构核定为准
仅供参考,以税务部门实际应缴金额为准
合计 Total: 4309.50";
    assert_eq!(price(&request).expect("can be priced").render(), expected);
}
