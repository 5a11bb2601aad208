//! What packs say about the counter and the guide: read, checked, and changed by an operator.

use kernel::{BillKind, CityCode, Insurance};
use policies::{Catalogue, PackChanges, Service, check_texts};
use rstest::rstest;

/// A small pack that is right.
const PACK: &str = include_str!("data/sound-pack.toml");

/// The sound pack with these lines before its first policy.
fn pack_with(lines: &str) -> String {
    let at = PACK.find("[[policy]]").expect("a policy");
    format!("{}{lines}\n\n{}", &PACK[..at], &PACK[at..])
}

fn findings(lines: &str) -> Vec<String> {
    let report = check_texts(&[("320400.toml", &pack_with(lines))]);
    report.findings.iter().map(ToString::to_string).collect()
}

const SOURCE: &str = "source = [\"https://example.org/a\"]";

#[rstest]
#[case::window(
    "[[window]]\nagency = \"320400-med\"\nopen_day = 11\nclose_day = 22\nclose_time = \"17:00\""
)]
#[case::season(
    "[[window]]\nagency = \"320400-med\"\nmonths = [10, 11, 12]\nkinds = [\"resident\"]"
)]
fn a_sound_window_has_no_findings(#[case] window: &str) {
    assert_eq!(findings(&format!("{window}\n{SOURCE}")), [""; 0]);
}

#[rstest]
#[case::once("from = \"2026-12-31T18:00:00+08:00\"\nuntil = \"2027-01-01T08:00:00+08:00\"")]
#[case::daily("daily_from = \"23:00\"\ndaily_until = \"01:00\"")]
fn a_sound_maintenance_has_no_findings(#[case] span: &str) {
    assert_eq!(findings(&format!("[[maintenance]]\nagency = \"320400-hr\"\n{span}")), [""; 0]);
}

#[rstest]
#[case::foreign_agency(
    "[[window]]\nagency = \"320500-med\"",
    "320500-med is no agency of this pack"
)]
#[case::foreign_insurance(
    "[[window]]\nagency = \"320400-hr\"\ninsurances = [\"medical\"]",
    "does not bill medical"
)]
#[case::no_such_day("[[window]]\nagency = \"320400-hr\"\nopen_day = 32", "open_day: must be")]
#[case::no_such_time(
    "[[window]]\nagency = \"320400-hr\"\nclose_time = \"25:00\"",
    "close_time: `25:00`"
)]
#[case::no_such_month("[[window]]\nagency = \"320400-hr\"\nmonths = [13]", "months: must be")]
#[case::closes_before(
    "[[window]]\nagency = \"320400-hr\"\nopen_day = 5\nclose_day = 5\nclose_time = \"00:00\"",
    "lies before the opening"
)]
#[case::no_source("[[window]]\nagency = \"320400-hr\"", "source: is missing")]
#[case::unknown_key("[[window]]\nagency = \"320400-hr\"\ncolour = 1", "colour: is not a key")]
#[case::backwards(
    "[[maintenance]]\nagency = \"320400-hr\"\nfrom = \"2027-01-01T08:00:00+08:00\"\nuntil = \"2026-12-31T18:00:00+08:00\"",
    "must be later than from"
)]
#[case::no_time(
    "[[maintenance]]\nagency = \"320400-hr\"\nfrom = \"soon\"\nuntil = \"later\"",
    "must be a time"
)]
#[case::whole_day(
    "[[maintenance]]\nagency = \"320400-hr\"\ndaily_from = \"08:00\"\ndaily_until = \"08:00\"",
    "another time"
)]
#[case::no_holiday("[holidays]\ndays_off = [\"2026-02-30\"]", "days_off: must be days")]
#[case::too_many_months("[months]\nmost = 13", "most: must be")]
#[case::topup_without_service(
    "[topup]\nleast_fen = 1\nmost_fen = 2\nmost_a_day_fen = 3\ndemonstration = true",
    "account_topup is open exactly when"
)]
#[case::back_payment_without_service(
    "[back_payment]\ninsurances = [\"pension\"]\nyears_after = 1\nuntil_month = 3\nuntil_day = 31\ndemonstration = true",
    "open exactly when"
)]
#[case::narrow_card("[card_no]\nleast = 9\nmost = 8", "is below least")]
#[case::no_steps("[[guide.channel]]\nkind = \"bank\"\nname = \"x\"\nsteps = []", "says nothing")]
#[case::unknown_way(
    "[[guide.channel]]\nkind = \"pigeon\"\nname = \"x\"\nsteps = [\"y\"]",
    "`pigeon`"
)]
#[case::notice_without_source(
    "[[guide.notice]]\ntitle = \"x\"\ntext = \"y\"",
    "source: is missing"
)]
#[case::unknown_advice("[[guide.advice]]\ncode = \"luck\"\ntext = \"y\"", "`luck`")]
#[case::no_topup_steps("[guide.topup]\nsteps = []", "says nothing")]
#[case::no_days("[guide.objection]\ndays = 0\ntext = \"y\"", "days: must be")]
fn what_is_wrong_is_found(#[case] lines: &str, #[case] expected: &str) {
    let found = findings(lines);
    assert!(found.iter().any(|finding| finding.contains(expected)), "{found:?}");
}

#[test]
fn a_service_that_is_open_needs_its_table() {
    let open =
        PACK.replace("\"flex_medical\"]", "\"flex_medical\", \"account_topup\", \"back_payment\"]");
    let report = check_texts(&[("320400.toml", &open)]);
    let found: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    for table in ["topup: ", "back_payment: "] {
        assert!(found.iter().any(|finding| finding.contains(table)), "{found:?}");
    }
}

fn wuxi() -> CityCode {
    CityCode::new("320200").expect("a code")
}

fn changed(lines: &str) -> Result<Catalogue, String> {
    let table = lines.parse().expect("TOML");
    let changes = PackChanges::from([(wuxi(), table)]);
    Catalogue::embedded_with(&changes).map_err(|report| report.to_string())
}

#[test]
fn no_pack_opens_topups_or_missed_months() {
    let catalogue = Catalogue::embedded().expect("clean");
    for pack in catalogue.packs() {
        assert!(!pack.open.contains(&Service::AccountTopup), "{}", pack.code);
        assert!(!pack.offers(Insurance::Medical, BillKind::Topup), "{}", pack.code);
        assert!(!pack.offers(Insurance::Pension, BillKind::BackPayment), "{}", pack.code);
        assert!(pack.offers(Insurance::Pension, BillKind::Difference), "{}", pack.code);
    }
}

#[test]
fn an_operator_opens_a_service_of_one_city() {
    let catalogue = changed(
        "open = [\"flex_pension\", \"flex_medical\", \"account_topup\"]\n\
         [topup]\nleast_fen = 100\nmost_fen = 200\nmost_a_day_fen = 300\ndemonstration = true",
    );
    let catalogue = catalogue.expect("clean");
    let pack = catalogue.pack(&wuxi()).expect("open");
    assert!(pack.offers(Insurance::Medical, BillKind::Topup));
    assert!(!pack.offers(Insurance::Pension, BillKind::Topup), "never for a pension");
    assert!(!pack.offers(Insurance::ResidentMedical, BillKind::Resident), "left out");
    assert!(!pack.agencies.is_empty(), "the rest stands as in the pack");
}

#[rstest]
#[case::agencies("[[agency]]\ncode = \"x\"", "agency: cannot be changed by the configuration")]
#[case::policies("[[policy]]\nid = \"x\"", "policy: cannot be changed by the configuration")]
#[case::broken("[months]\nmost = 0", "most: must be")]
fn an_operators_mistake_is_found_like_the_packs(#[case] lines: &str, #[case] expected: &str) {
    let report = changed(lines).expect_err("a finding");
    assert!(report.contains(expected), "{report}");
}

#[test]
fn a_city_without_a_pack_cannot_be_changed() {
    let table = "open = [\"flex_pension\"]".parse().expect("TOML");
    let closed = CityCode::new("320300").expect("a code");
    let changes = PackChanges::from([(closed, table)]);
    let report = Catalogue::embedded_with(&changes).expect_err("a finding").to_string();
    assert!(report.contains("a pack that is not there"), "{report}");
}

#[test]
fn a_citys_own_advice_takes_the_place_of_the_national() {
    let catalogue = Catalogue::embedded().expect("clean");
    let guide = catalogue.guide(&wuxi()).expect("open");
    let mut codes: Vec<&str> = guide.advice.iter().map(|advice| advice.code.code()).collect();
    let count = codes.len();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), count, "each piece of advice once");
    assert!(guide.refund.is_some() && guide.objection.is_some());
}
