//! Reads guides: the tables of `guide.toml`, or those below `[guide]` of a pack.

use crate::{
    pack::{Advice, Guide, GuideChannel, GuideNotice, ObjectionAdvice, RefundGuide, TopupGuide},
    policy::read_sources,
    reading::Fields,
};

/// Takes the guide's tables out of `fields`.
pub(crate) fn read_guide(fields: &mut Fields<'_>) -> Guide {
    Guide {
        channels: rows(fields, "channel", |row| {
            let kind = row.parsed("kind");
            let name = row.text("name");
            let (pays, fallback) = (row.flag("pays"), row.flag("fallback"));
            let banks = row.texts("banks");
            let steps = steps(row, "steps");
            let sources = read_sources(row, "source");
            let (kind, name) = (kind?, name?);
            Some(GuideChannel {
                kind,
                name,
                national: false,
                fallback,
                pays,
                banks,
                steps,
                sources,
            })
        }),
        notices: rows(fields, "notice", |row| {
            let (title, text) = (row.text("title"), row.text("text"));
            let (date, document) = (row.day_if_any("date"), row.text_if_any("document"));
            let sources = read_sources(row, "source");
            Some(GuideNotice { title: title?, text: text?, date, document, sources })
        }),
        advice: rows(fields, "advice", |row| {
            let (code, text) = (row.parsed("code"), row.text("text"));
            Some(Advice { code: code?, text: text?, sources: read_sources(row, "source") })
        }),
        refund: section(fields, "refund", |row| {
            let guide = RefundGuide {
                reasons: steps(row, "reasons"),
                papers: steps(row, "papers"),
                places: steps(row, "places"),
                steps: steps(row, "steps"),
                sources: read_sources(row, "source"),
            };
            Some(guide)
        }),
        objection: section(fields, "objection", |row| {
            let (days, text) = (row.number("days", 1, 366), row.text("text"));
            let sources = read_sources(row, "source");
            Some(ObjectionAdvice { days: days?, text: text?, sources })
        }),
        topup: section(fields, "topup", |row| {
            let steps = steps(row, "steps");
            Some(TopupGuide { steps, sources: read_sources(row, "source") })
        }),
    }
}

/// A list that must not be empty.
fn steps(row: &mut Fields<'_>, key: &str) -> Vec<String> {
    let steps = row.texts(key);
    if steps.is_empty() {
        row.finding(key, "says nothing");
    }
    steps
}

fn rows<T>(
    fields: &mut Fields<'_>,
    key: &str,
    read: impl Fn(&mut Fields<'_>) -> Option<T>,
) -> Vec<T> {
    let mut all = Vec::new();
    for (index, table) in fields.rows(key).into_iter().enumerate() {
        all.extend(fields.row(table, format!("{key} {}", index + 1), &read));
    }
    all
}

fn section<T>(
    fields: &mut Fields<'_>,
    key: &str,
    read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
) -> Option<T> {
    let table = fields.section(key)?;
    fields.row(table, key.to_owned(), read)
}
