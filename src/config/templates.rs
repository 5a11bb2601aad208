//! The message templates that a platform approved for a mini-program.

use std::collections::BTreeMap;

use reminders::ReminderKind;
use serde::Deserialize;

use super::ConfigError;

/// The words that a reminder has. A template names those that it has places for.
const WORDS: [&str; 6] = ["title", "note", "name", "amount", "time", "order_no"];

/// One approved template.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TemplateSection {
    /// `window`, `posted`, `refund` or `gap`.
    pub kind: String,
    pub id: String,
    /// Which of our words stands in which place: `{ thing1 = "title", amount2 = "amount" }`.
    pub words: BTreeMap<String, String>,
}

/// A template, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    pub kind: ReminderKind,
    pub id: String,
    pub words: BTreeMap<String, String>,
}

/// # Errors
/// Names the template that has an unknown kind or word, or stands twice.
pub(crate) fn checked(
    owner: &str,
    sections: &[TemplateSection],
) -> Result<Vec<Template>, ConfigError> {
    let mut templates: Vec<Template> = Vec::new();
    for section in sections {
        let wrong = |problem: String| {
            Err(ConfigError::value(format!("{owner}: template {}", section.id), problem))
        };
        let kind: ReminderKind = match section.kind.parse() {
            Ok(kind) => kind,
            Err(unknown) => return wrong(format!("kind: {unknown}")),
        };
        if templates.iter().any(|known| known.kind == kind) {
            return wrong(format!("a second template of kind {}", kind.code()));
        }
        if section.words.is_empty() {
            return wrong("words: at least one place is filled".to_owned());
        }
        if let Some(word) = section.words.values().find(|word| !WORDS.contains(&word.as_str())) {
            return wrong(format!("words: {word:?} is none of {}", WORDS.join(", ")));
        }
        templates.push(Template { kind, id: section.id.clone(), words: section.words.clone() });
    }
    Ok(templates)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn section(kind: &str, word: &str) -> TemplateSection {
        let words = BTreeMap::from([("thing1".to_owned(), word.to_owned())]);
        TemplateSection { kind: kind.to_owned(), id: "t1".to_owned(), words }
    }

    #[rstest]
    #[case::fine(&[section("posted", "title"), section("gap", "note")], None)]
    #[case::kind(&[section("weather", "title")], Some("kind"))]
    #[case::word(&[section("posted", "secret")], Some("none of"))]
    #[case::twice(&[section("posted", "title"), section("posted", "note")], Some("second"))]
    fn a_template_is_checked(
        #[case] sections: &[TemplateSection],
        #[case] complaint: Option<&str>,
    ) {
        let told = checked("wechat city", sections).map(drop).map_err(|error| error.to_string());
        match complaint {
            None => assert_eq!(told, Ok(())),
            Some(part) => assert!(told.expect_err("a complaint").contains(part)),
        }
    }
}
