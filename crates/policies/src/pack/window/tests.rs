//! Windows at their boundaries, to the second.

use kernel::CityCode;
use rstest::rstest;

use super::*;
use crate::pack::{Guide, Hotlines, Merchants, MonthRules, NumberShape, Service};

fn time(text: &str) -> Timestamp {
    Timestamp::from_beijing_text(text).expect("a time")
}

fn clock(text: &str) -> ClockTime {
    text.parse().expect("a time of day")
}

fn agency() -> AgencyCode {
    AgencyCode::new("320500-med").expect("a code")
}

fn pack(windows: Vec<Window>, maintenance: Vec<Maintenance>) -> Pack {
    let number = || "12333".to_owned();
    Pack {
        code: CityCode::new("320500").expect("a code"),
        open: vec![Service::FlexMedical],
        hotlines: Hotlines { human_resources: number(), medical: number(), tax: number() },
        agencies: Vec::new(),
        merchants: Merchants::default(),
        waiting: None,
        windows,
        maintenance,
        holidays: Holidays::default(),
        months: MonthRules::default(),
        back_payment: None,
        topup: None,
        card_no: NumberShape::CARD,
        personal_no: NumberShape::PERSONAL,
        real_name: crate::RealNameRules::default(),
        guide: Guide::default(),
    }
}

/// From the 11th to the 22nd at 17:00, as employers pay medical insurance in Suzhou.
fn days(open_day: u8, close_day: u8, close_time: &str) -> Window {
    Window {
        agency: agency(),
        insurances: Vec::new(),
        kinds: Vec::new(),
        open_day,
        open_time: ClockTime::MIDNIGHT,
        close_day,
        close_time: clock(close_time),
        months: Vec::new(),
        holidays_shift: false,
        sources: crate::Sources::default(),
    }
}

fn at(pack: &Pack, now: &str) -> Standing {
    pack.standing(&agency(), Insurance::Medical, BillKind::Regular, time(now))
}

fn open(until: &str) -> Standing {
    Standing::Open { closes_at: Some(time(until)) }
}

fn closed(next: &str) -> Standing {
    Standing::Closed { next_opening: Some(time(next)) }
}

#[rstest]
#[case::just_before("2023-06-10 23:59:59", closed("2023-06-11 00:00:00"))]
#[case::first_second("2023-06-11 00:00:00", open("2023-06-22 17:00:00"))]
#[case::last_second("2023-06-22 16:59:59", open("2023-06-22 17:00:00"))]
#[case::just_after("2023-06-22 17:00:00", closed("2023-07-11 00:00:00"))]
#[case::end_of_the_year("2023-12-31 23:59:59", closed("2024-01-11 00:00:00"))]
fn a_window_of_days_opens_and_closes_to_the_second(#[case] now: &str, #[case] standing: Standing) {
    assert_eq!(at(&pack(vec![days(11, 22, "17:00")], Vec::new()), now), standing);
}

#[rstest]
#[case::leap_february("2024-02-29 23:59:59", open("2024-03-01 00:00:00"))]
#[case::short_february("2023-02-28 23:59:59", open("2023-03-01 00:00:00"))]
#[case::over("2023-03-01 00:00:00", closed("2023-03-25 00:00:00"))]
fn a_close_on_the_31st_is_the_last_day_of_a_short_month(
    #[case] now: &str,
    #[case] standing: Standing,
) {
    assert_eq!(at(&pack(vec![days(25, 31, "24:00")], Vec::new()), now), standing);
}

#[rstest]
#[case::before("2023-06-27 23:59:59", closed("2023-06-28 00:00:00"))]
#[case::in_the_month("2023-06-28 00:00:00", open("2023-07-11 00:00:00"))]
#[case::in_the_next("2023-07-10 23:59:59", open("2023-07-11 00:00:00"))]
#[case::after("2023-07-11 00:00:00", closed("2023-07-28 00:00:00"))]
#[case::over_new_year("2024-01-01 12:00:00", open("2024-01-11 00:00:00"))]
fn a_window_may_run_into_the_next_month(#[case] now: &str, #[case] standing: Standing) {
    assert_eq!(at(&pack(vec![days(28, 10, "24:00")], Vec::new()), now), standing);
}

#[rstest]
#[case::season("2023-10-15 12:00:00", open("2023-11-01 00:00:00"))]
#[case::last_month("2023-12-31 23:59:59", open("2024-01-01 00:00:00"))]
#[case::out_of_season("2024-01-01 00:00:00", closed("2024-10-01 00:00:00"))]
fn a_season_has_its_months(#[case] now: &str, #[case] standing: Standing) {
    let season = Window { months: vec![10, 11, 12], ..days(1, 31, "24:00") };
    assert_eq!(at(&pack(vec![season], Vec::new()), now), standing);
}

#[rstest]
// 15 July 2023 is a Saturday; 1 October 2023 a Sunday at the head of a long holiday.
#[case::saturday("2023-07-16 12:00:00", open("2023-07-18 00:00:00"))]
#[case::monday_is_over("2023-07-18 00:00:00", closed("2023-08-01 00:00:00"))]
#[case::working_day("2023-08-15 23:00:00", open("2023-08-16 00:00:00"))]
fn a_close_on_a_day_off_moves_to_the_next_working_day(
    #[case] now: &str,
    #[case] standing: Standing,
) {
    let window = Window { holidays_shift: true, ..days(1, 15, "24:00") };
    assert_eq!(at(&pack(vec![window], Vec::new()), now), standing);
}

#[test]
fn holidays_and_working_weekends_are_counted() {
    let window = Window { holidays_shift: true, ..days(1, 29, "24:00") };
    let mut pack = pack(vec![window], Vec::new());
    let day = |text| Day::parse(text).expect("a day");
    // 29 September 2023 was Mid-Autumn; people worked on Saturday, 7 October.
    pack.holidays.days_off =
        ["2023-09-29", "2023-10-02", "2023-10-03", "2023-10-04", "2023-10-05", "2023-10-06"]
            .map(day)
            .to_vec();
    pack.holidays.working_weekends = vec![day("2023-10-07")];
    assert_eq!(at(&pack, "2023-10-05 12:00:00"), open("2023-10-31 00:00:00"));
    pack.windows[0].months = vec![9];
    assert_eq!(at(&pack, "2023-10-05 12:00:00"), open("2023-10-08 00:00:00"));
}

#[test]
fn what_no_window_names_is_always_open() {
    let pack = pack(
        vec![Window { insurances: vec![Insurance::ResidentMedical], ..days(1, 2, "24:00") }],
        Vec::new(),
    );
    assert_eq!(at(&pack, "2023-06-15 10:00:00"), Standing::Open { closes_at: None });
    let other = AgencyCode::new("320500-hr").expect("a code");
    let standing =
        pack.standing(&other, Insurance::Pension, BillKind::Regular, time("2023-06-15 10:00:00"));
    assert_eq!(standing, Standing::Open { closes_at: None });
}

#[test]
fn a_window_for_one_kind_leaves_the_others_alone() {
    let window = Window { kinds: vec![BillKind::Topup], ..days(1, 2, "24:00") };
    let pack = pack(vec![window], Vec::new());
    let now = time("2023-06-15 10:00:00");
    let topup = pack.standing(&agency(), Insurance::Medical, BillKind::Topup, now);
    assert_eq!(topup, closed("2023-07-01 00:00:00"));
    assert_eq!(at(&pack, "2023-06-15 10:00:00"), Standing::Open { closes_at: None });
}

fn once(from: &str, until: &str) -> Maintenance {
    let span = Span::Once { from: time(from), until: time(until) };
    Maintenance { agency: agency(), insurances: Vec::new(), span }
}

fn daily(from: &str, until: &str) -> Maintenance {
    let span = Span::Daily { from: clock(from), until: clock(until) };
    Maintenance { agency: agency(), insurances: Vec::new(), span }
}

const ALWAYS: Standing = Standing::Open { closes_at: None };

fn away(until: &str) -> Standing {
    Standing::Maintenance { until: time(until) }
}

#[rstest]
#[case("2023-06-15 17:59:59", ALWAYS)]
#[case("2023-06-15 18:00:00", away("2023-06-16 08:00:00"))]
#[case("2023-06-16 07:59:59", away("2023-06-16 08:00:00"))]
#[case("2023-06-16 08:00:00", ALWAYS)]
fn a_maintenance_begins_and_ends_to_the_second(#[case] now: &str, #[case] standing: Standing) {
    let maintenance = once("2023-06-15 18:00:00", "2023-06-16 08:00:00");
    assert_eq!(at(&pack(Vec::new(), vec![maintenance]), now), standing);
}

#[rstest]
#[case("2023-06-15 22:59:59", ALWAYS)]
#[case("2023-06-15 23:00:00", away("2023-06-16 01:30:00"))]
#[case("2023-06-16 00:00:00", away("2023-06-16 01:30:00"))]
#[case("2023-06-16 01:30:00", ALWAYS)]
#[case::new_year("2023-12-31 23:30:00", away("2024-01-01 01:30:00"))]
fn a_nightly_maintenance_runs_over_midnight(#[case] now: &str, #[case] standing: Standing) {
    assert_eq!(at(&pack(Vec::new(), vec![daily("23:00", "01:30")]), now), standing);
}

#[test]
fn maintenance_after_maintenance_is_one() {
    let both = vec![once("2023-06-15 18:00:00", "2023-06-15 23:00:00"), daily("23:00", "01:30")];
    assert_eq!(at(&pack(Vec::new(), both), "2023-06-15 20:00:00"), away("2023-06-16 01:30:00"));
}

#[test]
fn a_maintenance_that_outlasts_the_window_names_the_next_opening() {
    let until = once("2023-06-22 12:00:00", "2023-06-23 12:00:00");
    let pack = pack(vec![days(11, 22, "17:00")], vec![until]);
    assert_eq!(at(&pack, "2023-06-22 13:00:00"), closed("2023-07-11 00:00:00"));
}

#[test]
fn an_opening_during_a_maintenance_is_its_end() {
    let over = once("2023-07-10 18:00:00", "2023-07-11 09:00:00");
    let pack = pack(vec![days(11, 22, "17:00")], vec![over]);
    assert_eq!(at(&pack, "2023-06-30 00:00:00"), closed("2023-07-11 09:00:00"));
}

#[rstest]
#[case("00:00", Some(0))]
#[case("23:59", Some(1_439))]
#[case("24:00", Some(1_440))]
#[case("24:01", None)]
#[case("9:00", None)]
#[case("12:60", None)]
#[case("+1:00", None)]
#[case("12", None)]
fn a_time_of_day_is_five_characters(#[case] text: &str, #[case] minutes: Option<u16>) {
    assert_eq!(text.parse::<ClockTime>().ok().map(ClockTime::minutes), minutes);
}

fn end(pack: &Pack, now: &str) -> Option<(String, bool, Option<String>)> {
    let end = pack.end(&agency(), Insurance::Medical, BillKind::Regular, time(now))?;
    let next = end.next_opening.map(|next| next.beijing_text());
    Some((end.at.beijing_text(), end.maintenance, next))
}

fn told(at: &str, maintenance: bool, next: &str) -> Option<(String, bool, Option<String>)> {
    Some((at.to_owned(), maintenance, Some(next.to_owned())))
}

fn maintained(span: Span) -> Maintenance {
    Maintenance { agency: agency(), insurances: Vec::new(), span }
}

#[rstest]
#[case::the_window_closes(
    "2023-06-22 16:50:00",
    told("2023-06-22 17:00:00", false, "2023-07-11 00:00:00")
)]
#[case::closed_already("2023-06-22 17:00:00", None)]
#[case::before_it_opens("2023-06-10 23:59:59", None)]
fn the_time_to_pay_ends_with_the_window(
    #[case] now: &str,
    #[case] expected: Option<(String, bool, Option<String>)>,
) {
    assert_eq!(end(&pack(vec![days(11, 22, "17:00")], Vec::new()), now), expected);
}

#[rstest]
#[case::tonight("2023-06-15 22:50:00", told("2023-06-15 23:00:00", true, "2023-06-16 01:30:00"))]
#[case::in_it("2023-06-15 23:00:00", None)]
#[case::tomorrow("2023-06-16 01:30:00", told("2023-06-16 23:00:00", true, "2023-06-17 01:30:00"))]
#[case::over_the_year(
    "2023-12-31 22:59:00",
    told("2023-12-31 23:00:00", true, "2024-01-01 01:30:00")
)]
fn the_time_to_pay_ends_with_a_maintenance(
    #[case] now: &str,
    #[case] expected: Option<(String, bool, Option<String>)>,
) {
    let nightly = Span::Daily { from: clock("23:00"), until: clock("01:30") };
    assert_eq!(end(&pack(Vec::new(), vec![maintained(nightly)]), now), expected);
}

#[test]
fn whichever_comes_first_ends_it() {
    let once = Span::Once { from: time("2023-06-22 16:00:00"), until: time("2023-06-22 18:00:00") };
    let pack = pack(vec![days(11, 22, "17:00")], vec![maintained(once)]);
    let begins = told("2023-06-22 16:00:00", true, "2023-07-11 00:00:00");
    assert_eq!(end(&pack, "2023-06-22 15:59:00"), begins, "the window closes meanwhile");
    assert_eq!(end(&pack, "2023-07-12 00:00:00").map(|end| end.1), Some(false));
}

#[test]
fn what_is_always_open_has_no_end() {
    assert_eq!(end(&pack(Vec::new(), Vec::new()), "2023-06-22 15:59:00"), None);
}
