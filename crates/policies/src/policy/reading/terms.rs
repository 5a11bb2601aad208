//! Reads how the base, or the amount, is found: bounds, tiers, categories, and what each base mode
//! needs and must not have.

use toml::Table;

use super::{limited, total_rate};
use crate::policy::{
    Bounds, Category, Component, ComponentAmount, PublishedTier, Rounding, Terms, Tier, month_on,
};
use crate::reading::Fields;

pub(super) fn read_terms(
    fields: &mut Fields<'_>,
    rounding: Option<Rounding>,
    components: &[Component],
) -> Option<Terms> {
    let mode = fields.text("base_mode");
    let bounds = read_bounds(fields);
    let tier_rows = limited(fields, "tier");
    let has_tiers = !tier_rows.is_empty();
    let complete_given = fields.has("tiers_complete");
    let complete = fields.flag("tiers_complete");
    let count = fields.number_if_any("tier_count", 0, 200);
    let any_base = fields.flag("any_base");
    let categories = read_categories(fields);
    let has = (has_tiers, !categories.is_empty());
    let (rates, flats) = (
        total_rate(components).is_some(),
        components.iter().any(|c| matches!(c.amount, ComponentAmount::Flat(_))),
    );

    let mode = mode?;
    let shape = match mode.as_str() {
        "tiers" => Shape { bounds: true, tiers: true, ..Shape::default() },
        "range" | "fixed" => Shape { bounds: true, ..Shape::default() },
        "flat" => Shape::default(),
        "annual_flat" => Shape { categories: true, ..Shape::default() },
        "tier_amounts" => Shape { bounds: true, tiers: true, ..Shape::default() },
        other => {
            let expected = "tiers, range, fixed, flat, annual_flat or tier_amounts";
            fields.finding("base_mode", format!("`{other}`: expected {expected}"));
            return None;
        }
    };
    shape.check(fields, &mode, bounds.is_some(), has.0, has.1);
    match (mode.as_str(), rates, flats) {
        ("tiers" | "range" | "fixed", false, _) => {
            fields.finding("component", format!("base_mode {mode} needs a component with a rate"));
        }
        ("flat", true, _) => {
            fields.finding("component", "base_mode flat has no base that a rate could be of");
        }
        ("flat", false, false) => {
            fields.finding("component", "base_mode flat needs a component with a flat amount");
        }
        ("annual_flat", rates, flats) if rates || flats => {
            fields.finding("component", "base_mode annual_flat is priced by category alone");
        }
        _ => {}
    }
    if let Some(rounding) = rounding
        && (rounding == Rounding::Published) != (mode == "tier_amounts")
    {
        fields.finding("amount_rounding", "`published` belongs to base_mode tier_amounts alone");
    }
    if mode == "tiers" {
        if !complete_given {
            fields.finding("tiers_complete", "is missing");
        }
        if count.is_none() {
            fields.finding("tier_count", "is missing (0 when no source counts the tiers)");
        }
    } else if complete_given || count.is_some() || any_base {
        let problem = "is for base_mode tiers";
        fields.finding("tiers_complete, tier_count, any_base", problem);
    }

    match mode.as_str() {
        "tiers" => {
            let tiers = read_tiers(fields, tier_rows, bounds, rounding, components);
            check_count(fields, tiers.iter().map(|tier| tier.no), complete, count);
            let count = count.filter(|count| *count > 0);
            Some(Terms::Tiers { bounds: bounds?, tiers, complete, count, any_base })
        }
        "range" => Some(Terms::Range { bounds: bounds? }),
        "fixed" => {
            let bounds = bounds?;
            if bounds.ceiling != Some(bounds.floor) {
                fields.finding("base_ceiling_fen", "a fixed base has ceiling = floor");
            }
            Some(Terms::Fixed { base: bounds.floor })
        }
        "flat" => Some(Terms::Flat),
        "annual_flat" => Some(Terms::AnnualFlat { categories }),
        _ => {
            let tiers = read_published(fields, tier_rows);
            Some(Terms::TierAmounts { bounds: bounds?, tiers })
        }
    }
}

/// What a base mode is made of.
#[derive(Default)]
struct Shape {
    bounds: bool,
    tiers: bool,
    categories: bool,
}

impl Shape {
    fn check(
        &self,
        fields: &mut Fields<'_>,
        mode: &str,
        bounds: bool,
        tiers: bool,
        categories: bool,
    ) {
        for (needed, given, field) in [
            (self.bounds, bounds, "base_floor_fen"),
            (self.tiers, tiers, "tier"),
            (self.categories, categories, "category"),
        ] {
            match (needed, given) {
                (true, false) => fields.finding(field, format!("base_mode {mode} needs it")),
                (false, true) => fields.finding(field, format!("base_mode {mode} has none")),
                _ => {}
            }
        }
    }
}

fn read_bounds(fields: &mut Fields<'_>) -> Option<Bounds> {
    let floor = fields.fen_if_any("base_floor_fen");
    let ceiling = fields.fen_if_any("base_ceiling_fen");
    let Some(floor) = floor else {
        if ceiling.is_some() {
            fields.finding("base_ceiling_fen", "has no base_floor_fen beside it");
        }
        return None;
    };
    if floor.is_zero() {
        fields.finding("base_floor_fen", "must be above 0");
    }
    if ceiling.is_some_and(|ceiling| ceiling < floor) {
        fields.finding("base_ceiling_fen", "is below base_floor_fen");
    }
    Some(Bounds { floor, ceiling })
}

/// Name of a row for findings: by its number when it has one.
fn tier_name(table: &Table, index: usize) -> String {
    match table.get("no").and_then(toml::Value::as_integer) {
        Some(no) => format!("tier {no}"),
        None => format!("tier in row {}", index + 1),
    }
}

fn read_tiers(
    fields: &mut Fields<'_>,
    rows: Vec<Table>,
    bounds: Option<Bounds>,
    rounding: Option<Rounding>,
    components: &[Component],
) -> Vec<Tier> {
    let mut tiers: Vec<Tier> = Vec::new();
    for (index, table) in rows.into_iter().enumerate() {
        let name = tier_name(&table, index);
        let last = tiers.last();
        let tier = fields.row(table, name, |row| {
            let no = row.number("no", 1, 200);
            let percent = row.number_if_any("pct", 1, 1_000);
            let base = row.fen("base_fen");
            let monthly = row.fen("monthly_fen");
            if last.is_some_and(|last| no.is_some_and(|no| no == last.no)) {
                row.finding("no", "stands there twice");
            } else if last.is_some_and(|last| no.is_some_and(|no| no < last.no)) {
                row.finding("no", "is out of order");
            }
            if last.is_some_and(|last| base.is_some_and(|base| base <= last.base)) {
                row.finding("base_fen", "is not above the tier before");
            }
            if let (Some(base), Some(bounds)) = (base, bounds)
                && !bounds.contains(base)
            {
                row.finding("base_fen", format!("{base} is outside the bounds"));
            }
            if let (Some(base), Some(monthly), Some(rounding)) = (base, monthly, rounding) {
                let sum = month_on(components, rounding, base);
                if sum != Some(monthly) {
                    let sum = sum.map_or_else(|| "too much".to_owned(), |sum| sum.to_string());
                    row.finding("monthly_fen", format!("is {monthly}, the components give {sum}"));
                }
            }
            Some(Tier { no: no?, percent, base: base?, monthly: monthly? })
        });
        tiers.extend(tier);
    }
    tiers
}

fn check_count(
    fields: &mut Fields<'_>,
    numbers: impl Iterator<Item = u16>,
    complete: bool,
    count: Option<u16>,
) {
    let numbers: Vec<u16> = numbers.collect();
    let (Some(count), listed) = (count, numbers.len()) else { return };
    if complete && listed != usize::from(count) {
        let problem = format!("is {count}, but {listed} tiers stand here as the complete list");
        fields.finding("tier_count", problem);
    }
    if !complete && count > 0 {
        if listed >= usize::from(count) {
            fields.finding("tiers_complete", format!("is false, but all {count} tiers stand here"));
        }
        if numbers.iter().any(|no| *no > count) {
            fields.finding("tier_count", format!("is {count}, but a tier has a higher number"));
        }
    }
}

fn read_published(fields: &mut Fields<'_>, rows: Vec<Table>) -> Vec<PublishedTier> {
    let mut tiers: Vec<PublishedTier> = Vec::new();
    for (index, table) in rows.into_iter().enumerate() {
        let name = tier_name(&table, index);
        let last = tiers.last();
        let tier = fields.row(table, name, |row| {
            let no = row.number("no", 1, 200);
            let percent = row.number_if_any("pct", 1, 1_000);
            let monthly = row.fen("monthly_fen");
            if last.is_some_and(|last| no.is_some_and(|no| no == last.no)) {
                row.finding("no", "stands there twice");
            } else if last.is_some_and(|last| no.is_some_and(|no| no < last.no)) {
                row.finding("no", "is out of order");
            }
            if last.is_some_and(|last| monthly.is_some_and(|amount| amount <= last.monthly)) {
                row.finding("monthly_fen", "is not above the tier before");
            }
            Some(PublishedTier { no: no?, percent, monthly: monthly? })
        });
        tiers.extend(tier);
    }
    tiers
}

fn read_categories(fields: &mut Fields<'_>) -> Vec<Category> {
    let mut categories: Vec<Category> = Vec::new();
    for (index, table) in limited(fields, "category").into_iter().enumerate() {
        let twice = |code: &str| categories.iter().any(|category| category.code == code);
        let category = fields.row(table, format!("category {}", index + 1), |row| {
            let code = row.text("code");
            if code.as_deref().is_some_and(twice) {
                row.finding("code", "stands there twice");
            }
            let name = row.text("name");
            let amount = row.fen("amount_fen");
            Some(Category { code: code?, name: name?, amount: amount? })
        });
        categories.extend(category);
    }
    categories
}
