//! Reads what the counter takes: windows, maintenance, months, missed months, top-ups, numbers.

use kernel::{AgencyCode, Insurance, Timestamp};

use crate::{
    Sources,
    pack::{
        Agency, BackPayment, ClockTime, Holidays, Maintenance, MonthRules, NumberShape,
        RealNameRules, Service, Span, Topup, Window,
    },
    policy::{Day, read_sources},
    reading::Fields,
};

pub(super) fn read_windows(fields: &mut Fields<'_>, agencies: &[Agency]) -> Vec<Window> {
    let mut windows = Vec::new();
    for (index, table) in fields.rows("window").into_iter().enumerate() {
        let window = fields.row(table, format!("window {}", index + 1), |row| {
            let agency = read_agency(row, agencies);
            let insurances = read_insurances(row, agencies, agency.as_ref());
            let kinds = row.parsed_list("kinds");
            let open_day = row.number_if_any("open_day", 1, 31).unwrap_or(1);
            let close_day = row.number_if_any("close_day", 1, 31).unwrap_or(31);
            let open_time = row.parsed_if_any("open_time").unwrap_or(ClockTime::MIDNIGHT);
            let close_time = row.parsed_if_any("close_time").unwrap_or(ClockTime::MIDNIGHT_AFTER);
            if open_day == close_day && close_time <= open_time {
                row.finding("close_time", "lies before the opening");
            }
            let months = row.numbers("months", 1, 12);
            let holidays_shift = row.flag("holidays_shift");
            let sources = read_sources(row, "source");
            Some(Window {
                agency: agency?,
                insurances,
                kinds,
                open_day: u8::try_from(open_day).ok()?,
                open_time,
                close_day: u8::try_from(close_day).ok()?,
                close_time,
                months,
                holidays_shift,
                sources,
            })
        });
        windows.extend(window);
    }
    windows
}

pub(super) fn read_maintenance(fields: &mut Fields<'_>, agencies: &[Agency]) -> Vec<Maintenance> {
    let mut all = Vec::new();
    for (index, table) in fields.rows("maintenance").into_iter().enumerate() {
        let maintenance = fields.row(table, format!("maintenance {}", index + 1), |row| {
            let agency = read_agency(row, agencies);
            let insurances = read_insurances(row, agencies, agency.as_ref());
            let span = if row.has("daily_from") || row.has("daily_until") {
                let (from, until): (Option<ClockTime>, Option<ClockTime>) =
                    (row.parsed("daily_from"), row.parsed("daily_until"));
                let (from, until) = (from?, until?);
                let (day_long, starts_late) = (from == until, from == ClockTime::MIDNIGHT_AFTER);
                if day_long || starts_late {
                    row.finding(
                        "daily_from",
                        "must be another time than daily_until, and a real one",
                    );
                }
                Span::Daily { from, until }
            } else {
                let (from, until) = (read_moment(row, "from"), read_moment(row, "until"));
                let (from, until) = (from?, until?);
                if until <= from {
                    row.finding("until", "must be later than from");
                }
                Span::Once { from, until }
            };
            Some(Maintenance { agency: agency?, insurances, span })
        });
        all.extend(maintenance);
    }
    all
}

fn read_agency(row: &mut Fields<'_>, agencies: &[Agency]) -> Option<AgencyCode> {
    let code: AgencyCode = row.parsed("agency")?;
    if !agencies.iter().any(|agency| agency.code == code) {
        row.finding("agency", format!("{code} is no agency of this pack"));
        return None;
    }
    Some(code)
}

fn read_insurances(
    row: &mut Fields<'_>,
    agencies: &[Agency],
    code: Option<&AgencyCode>,
) -> Vec<Insurance> {
    let insurances: Vec<Insurance> = row.parsed_list("insurances");
    let agency = agencies.iter().find(|agency| Some(&agency.code) == code);
    for insurance in &insurances {
        if agency.is_some_and(|agency| !agency.insurances.contains(insurance)) {
            row.finding("insurances", format!("the agency does not bill {insurance}"));
        }
    }
    insurances
}

/// An instant, `2026-12-31T18:00:00+08:00`.
fn read_moment(row: &mut Fields<'_>, key: &str) -> Option<Timestamp> {
    let text = row.text(key)?;
    let read = Timestamp::from_rfc3339(&text).ok();
    if read.is_none() {
        row.finding(key, "must be a time such as 2026-12-31T18:00:00+08:00");
    }
    read
}

pub(super) fn read_holidays(fields: &mut Fields<'_>) -> Holidays {
    let Some(table) = fields.section("holidays") else { return Holidays::default() };
    fields.row(table, "holidays".to_owned(), |row| {
        let mut days = |key: &str| -> Vec<Day> {
            let texts = row.texts(key);
            let read = |text: &String| Day::parse(text);
            let days: Vec<Day> = texts.iter().filter_map(read).collect();
            if days.len() != texts.len() {
                row.finding(key, "must be days such as \"2026-10-01\"");
            }
            days
        };
        Holidays { days_off: days("days_off"), working_weekends: days("working_weekends") }
    })
}

pub(super) fn read_months(fields: &mut Fields<'_>) -> MonthRules {
    let Some(table) = fields.section("months") else { return MonthRules::default() };
    fields.row(table, "months".to_owned(), |row| MonthRules {
        contiguous: row.parsed_list("contiguous"),
        calendar_year: row.flag("calendar_year"),
        most: row.number_if_any("most", 1, 12).unwrap_or(12),
    })
}

pub(super) fn read_real_name(fields: &mut Fields<'_>) -> RealNameRules {
    let usual = RealNameRules::default();
    let Some(table) = fields.section("real_name") else { return usual };
    fields.row(table, "real_name".to_owned(), |row| RealNameRules {
        tier: row.flag_or("tier", usual.tier),
        payment: row.flag_or("payment", usual.payment),
    })
}

pub(super) fn read_back_payment(fields: &mut Fields<'_>, open: &[Service]) -> Option<BackPayment> {
    let named = fields.has("back_payment");
    if named != open.contains(&Service::BackPayment) {
        fields.finding("back_payment", "the service is open exactly when this table is there");
    }
    let table = fields.section("back_payment")?;
    fields.row(table, "back_payment".to_owned(), |row| {
        let insurances: Vec<Insurance> = row.parsed_list("insurances");
        if insurances.is_empty() {
            row.finding("insurances", "names no insurance");
        }
        let years_after = row.number("years_after", 0, 10);
        let until_month = row.number("until_month", 1, 12);
        let until_day = row.number("until_day", 1, 31);
        let demonstration = row.flag("demonstration");
        let sources = sources_unless(row, demonstration);
        Some(BackPayment {
            insurances,
            years_after: years_after?,
            until_month: u8::try_from(until_month?).ok()?,
            until_day: u8::try_from(until_day?).ok()?,
            demonstration,
            sources,
        })
    })
}

pub(super) fn read_topup(fields: &mut Fields<'_>, open: &[Service]) -> Option<Topup> {
    let named = fields.has("topup");
    if named != open.contains(&Service::AccountTopup) {
        fields
            .finding("topup", "the service account_topup is open exactly when this table is there");
    }
    let table = fields.section("topup")?;
    fields.row(table, "topup".to_owned(), |row| {
        let (least, most) = (row.fen("least_fen"), row.fen("most_fen"));
        let most_a_day = row.fen("most_a_day_fen");
        let demonstration = row.flag("demonstration");
        let sources = sources_unless(row, demonstration);
        let (least, most, most_a_day) = (least?, most?, most_a_day?);
        if least.is_zero() || most < least || most_a_day < most {
            row.finding("most_fen", "needs 0 < least_fen ≤ most_fen ≤ most_a_day_fen");
        }
        Some(Topup { least, most, most_a_day, demonstration, sources })
    })
}

/// What is only shown how it works needs no page that says so.
fn sources_unless(row: &mut Fields<'_>, demonstration: bool) -> Sources {
    if demonstration && !row.has("source") {
        Sources::default()
    } else {
        read_sources(row, "source")
    }
}

pub(super) fn read_shape(fields: &mut Fields<'_>, key: &str, usual: NumberShape) -> NumberShape {
    let Some(table) = fields.section(key) else { return usual };
    fields.row(table, key.to_owned(), |row| {
        let least = row.number("least", 4, 20).unwrap_or(usual.least);
        let most = row.number("most", 4, 20).unwrap_or(usual.most);
        if most < least {
            row.finding("most", "is below least");
        }
        NumberShape { least, most, letters: row.flag("letters") }
    })
}
