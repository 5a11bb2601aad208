//! Reads one `[[policy]]` and checks everything that can be judged by looking at it alone.

mod terms;

use kernel::{CityCode, Fen, MonthRange, PolicyId};
use toml::Table;

use self::terms::read_terms;
use super::{
    BaseSwitch, Component, ComponentAmount, Confidence, ExtraYearly, Policy, Rounding, SourceKind,
    Terms, TopUp, YearKind, month_on,
};
use crate::{Sources, reading::Fields};

/// More rows than any table published so far has (Gansu: 25), and a bound on the work.
const ROWS_MAX: usize = 200;

/// Reads a policy; `home` is the city of the pack it stands in, where it stands in one. `None` when
/// anything is wrong with it; the findings say what.
pub(crate) fn read(mut fields: Fields<'_>, file: &str, home: Option<&CityCode>) -> Option<Policy> {
    let before = fields.findings_count();
    let id: Option<PolicyId> = fields.parsed("id");
    if let Some(id) = &id {
        fields.about(id.as_str());
    }
    let version = fields.number("version", 1, u16::MAX);
    let cities = read_cities(&mut fields, home);
    let insured_kind = fields.parsed("insured_kind");
    let insurance = fields.parsed("insurance");
    let year_kind: Option<YearKind> = fields.parsed("year_kind");
    let period = read_period(&mut fields, year_kind);
    let rounding: Option<Rounding> = fields.parsed("amount_rounding");
    let components = read_components(&mut fields);
    let terms = read_terms(&mut fields, rounding, &components);
    let base_switch = read_base_switch(&mut fields, period, terms.as_ref());
    let local_hukou_rate = fields.rate_if_any("hukou_local_rate_bp");
    if let (Some(local), Some(everybody)) = (local_hukou_rate, total_rate(&components))
        && local.0 <= everybody
    {
        fields.finding("hukou_local_rate_bp", "must be above the rate for everybody");
    }
    let extra_yearly = read_extra_yearly(&mut fields);
    if extra_yearly.is_some() && matches!(terms, Some(Terms::AnnualFlat { .. })) {
        fields.finding("extra_yearly", "has no month to stand in when the year is paid at once");
    }
    if let (Some(terms), Some(rounding)) = (&terms, rounding) {
        check_control_sums(&mut fields, terms, rounding, &components);
    }

    let (payment_opens, payment_deadline) =
        (fields.day_if_any("payment_opens"), fields.day_if_any("payment_deadline"));
    if payment_opens.is_some() && payment_deadline.is_some() && payment_opens > payment_deadline {
        fields.finding("payment_deadline", "is before payment_opens");
    }
    let confidence: Option<Confidence> = fields.parsed("confidence");
    let source_kind: Option<SourceKind> = fields.parsed("best_source_kind");
    let sources = read_sources(&mut fields, "source");
    if confidence == Some(Confidence::Confirmed) && sources.all().len() == 1 {
        fields.finding("confidence", "`confirmed` needs two independent sources, and one is given");
    }
    let reference_only = fields.flag("reference_only");
    let conflicts_with: Vec<PolicyId> = fields.parsed_list("conflicts_with");
    if !conflicts_with.is_empty() && !reference_only {
        fields.finding("conflicts_with", "is for policies that are reference_only");
    }
    let (end_assumed, base_uncertain) =
        (fields.flag("effective_to_assumed"), fields.flag("base_uncertain"));
    let (document, note) = (fields.text_if_any("document"), fields.text_if_any("note"));

    let clean = fields.findings_count() == before && !fields.has_untaken();
    fields.finish();
    let policy = Policy {
        id: id?,
        version: version?,
        cities,
        insured_kind: insured_kind?,
        insurance: insurance?,
        period: period?,
        end_assumed,
        year_kind: year_kind?,
        terms: terms?,
        components,
        rounding: rounding?,
        base_switch,
        local_hukou_rate,
        extra_yearly,
        base_uncertain,
        payment_opens,
        payment_deadline,
        confidence: confidence?,
        reference_only,
        conflicts_with,
        source_kind: source_kind?,
        sources,
        document,
        note,
        file: file.to_owned(),
        digest: String::new(),
    };
    clean.then(|| policy.seal())
}

/// Addresses of pages; at least one is needed.
pub(crate) fn read_sources(fields: &mut Fields<'_>, key: &str) -> Sources {
    let missing = !fields.has(key);
    let sources = fields.texts(key);
    if missing || sources.is_empty() {
        fields.finding(key, "is missing: every figure needs a page that it comes from");
    }
    for source in &sources {
        let address = source.strip_prefix("https://").or_else(|| source.strip_prefix("http://"));
        if address.is_none_or(|rest| rest.is_empty() || source.contains(char::is_whitespace)) {
            fields.finding(key, format!("`{source}` is no http or https address"));
        }
    }
    Sources::new(sources)
}

fn read_cities(fields: &mut Fields<'_>, home: Option<&CityCode>) -> Vec<CityCode> {
    if !fields.has("cities") {
        if let Some(home) = home {
            return vec![home.clone()];
        }
        fields.finding("cities", "is missing: only in a pack it may be left out");
        return Vec::new();
    }
    let cities = fields.parsed_list("cities");
    if cities.is_empty() {
        fields.finding("cities", "names no city");
    }
    cities
}

fn read_period(fields: &mut Fields<'_>, year_kind: Option<YearKind>) -> Option<MonthRange> {
    let from = fields.day("effective_from");
    let to = fields.day("effective_to");
    if from.is_some_and(|day| !day.is_first_of_month()) {
        fields.finding("effective_from", "must be the first day of a month");
    }
    if to.is_some_and(|day| !day.is_last_of_month()) {
        fields.finding("effective_to", "must be the last day of a month");
    }
    let (from, to) = (from?, to?);
    if to < from {
        fields.finding("effective_to", "is before effective_from");
        return None;
    }
    let (Some(from), Some(to)) = (from.month(), to.month()) else { return None };
    let Ok(period) = MonthRange::new(from, to) else {
        fields.finding("effective_to", "is more than ten years after effective_from");
        return None;
    };
    let fits = match year_kind {
        Some(YearKind::Calendar) => from.year() == to.year(),
        // A July-June year is a calendar year once half a year is taken off.
        Some(YearKind::JulyJune) => {
            let year = |month: kernel::Month| month.year() - u16::from(month.month() < 7);
            year(from) == year(to)
        }
        Some(YearKind::Custom) | None => true,
    };
    if !fits {
        fields.finding("year_kind", format!("{from}..{to} is not inside one such year"));
    }
    Some(period)
}

fn read_components(fields: &mut Fields<'_>) -> Vec<Component> {
    let mut components: Vec<Component> = Vec::new();
    for (index, table) in limited(fields, "component").into_iter().enumerate() {
        let twice = |code: &str| components.iter().any(|component| component.code == code);
        let component = fields.row(table, format!("component {}", index + 1), |row| {
            let code = row.text("code");
            if code.as_deref().is_some_and(twice) {
                row.finding("code", "stands there twice");
            }
            let name = row.text("name");
            let amount = match row.text("kind").as_deref() {
                Some("rate") => {
                    let given = row.has("rate_bp");
                    let rate = row.rate_if_any("rate_bp");
                    if !given {
                        row.finding("rate_bp", "is missing");
                    }
                    rate.map(ComponentAmount::Rate)
                }
                Some("flat") => {
                    let amount = row.fen("amount_fen");
                    if amount.is_some_and(Fen::is_zero) {
                        row.finding("amount_fen", "must be above 0");
                    }
                    amount.map(ComponentAmount::Flat)
                }
                Some(other) => {
                    row.finding("kind", format!("`{other}`: expected rate or flat"));
                    None
                }
                None => None,
            };
            Some(Component { code: code?, name: name?, amount: amount? })
        });
        components.extend(component);
    }
    if total_rate(&components).is_some_and(|rate| rate > 5_000) {
        fields.finding("component", "rates add up to more than 50%");
    }
    components
}

fn total_rate(components: &[Component]) -> Option<u16> {
    let rates = components.iter().filter_map(|component| match component.amount {
        ComponentAmount::Rate(rate) => Some(rate.0),
        ComponentAmount::Flat(_) => None,
    });
    rates.reduce(u16::saturating_add)
}

fn limited(fields: &mut Fields<'_>, key: &str) -> Vec<Table> {
    let mut rows = fields.rows(key);
    if rows.len() > ROWS_MAX {
        fields.finding(key, format!("has more than {ROWS_MAX} rows"));
        rows.truncate(ROWS_MAX);
    }
    rows
}

fn read_base_switch(
    fields: &mut Fields<'_>,
    period: Option<MonthRange>,
    terms: Option<&Terms>,
) -> Option<BaseSwitch> {
    let keys = ["base_switch_date", "prior_floor_fen", "top_up"];
    let given = keys.iter().filter(|key| fields.has(key)).count();
    if given != 0 && given != keys.len() {
        fields.finding(&keys.join(", "), "belong together: all of them or none");
    }
    let from = fields.month_beginning_if_any("base_switch_date");
    let prior_floor = fields.fen_if_any("prior_floor_fen");
    let top_up: Option<TopUp> = fields.parsed_if_any("top_up");
    let switch = BaseSwitch { from: from?, prior_floor: prior_floor?, top_up: top_up? };
    if period.is_some_and(|p| !p.contains(switch.from) || p.from() == switch.from) {
        fields.finding("base_switch_date", "is not inside the period, after its first month");
    }
    match terms {
        Some(Terms::Tiers { bounds, .. } | Terms::Range { bounds })
            if switch.prior_floor >= bounds.floor =>
        {
            fields.finding("prior_floor_fen", "is not below base_floor_fen");
        }
        Some(Terms::Tiers { .. } | Terms::Range { .. }) | None => {}
        Some(_) => fields.finding("base_switch_date", "is for base_mode tiers or range"),
    }
    Some(switch)
}

fn read_extra_yearly(fields: &mut Fields<'_>) -> Option<ExtraYearly> {
    let table = fields.section("extra_yearly")?;
    fields.row(table, "extra_yearly".to_owned(), |row| {
        let (code, name) = (row.text("code"), row.text("name"));
        let yearly = row.fen("yearly_fen");
        let monthly = row.fen_list("monthly_fen");
        let sum = Fen::sum(monthly.iter().copied());
        let monthly: Option<[Fen; 12]> = monthly.try_into().ok();
        if monthly.is_none() {
            row.finding("monthly_fen", "must have twelve amounts, January to December");
        } else if yearly.is_some() && sum != yearly {
            row.finding("monthly_fen", "does not add up to yearly_fen");
        }
        Some(ExtraYearly { code: code?, name: name?, yearly: yearly?, monthly: monthly? })
    })
}

/// `min_monthly_fen` and `max_monthly_fen` say twice what floor, ceiling and components say once, so
/// that a slip in any of them is seen.
fn check_control_sums(
    fields: &mut Fields<'_>,
    terms: &Terms,
    rounding: Rounding,
    components: &[Component],
) {
    let on = |base: Option<Fen>| base.and_then(|base| month_on(components, rounding, base));
    let (min, max) = match terms {
        Terms::Tiers { bounds, .. } | Terms::Range { bounds } => {
            (on(Some(bounds.floor)), on(bounds.ceiling))
        }
        Terms::Fixed { base } => (on(Some(*base)), on(Some(*base))),
        Terms::Flat => (on(Some(Fen::ZERO)), on(Some(Fen::ZERO))),
        Terms::AnnualFlat { .. } => (None, None),
        Terms::TierAmounts { tiers, .. } => {
            (tiers.first().map(|tier| tier.monthly), tiers.last().map(|tier| tier.monthly))
        }
    };
    for (key, expected) in [("min_monthly_fen", min), ("max_monthly_fen", max)] {
        let missing = !fields.has(key);
        let given = fields.fen_if_any(key);
        match (expected, given) {
            (Some(expected), Some(given)) if expected != given => {
                fields.finding(key, format!("is {given}, the rest of the policy gives {expected}"));
            }
            (Some(expected), None) if missing => {
                fields.finding(key, format!("is missing; the rest of the policy gives {expected}"));
            }
            (None, Some(_)) => fields.finding(key, "has nothing to be compared with here"),
            _ => {}
        }
    }
}
