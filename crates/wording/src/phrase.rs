//! The message files, read once, and phrases filled with values.

use std::{collections::BTreeMap, sync::LazyLock};

use toml::{Table, Value};

use crate::Language;

static CHINESE: LazyLock<Messages> =
    LazyLock::new(|| Messages::read(include_str!("../messages/zh-CN.toml")));
static ENGLISH: LazyLock<Messages> =
    LazyLock::new(|| Messages::read(include_str!("../messages/en.toml")));

/// Called when the file names no other: the hotline of the human-resources bureaus.
const HELP_LINE: &str = "12333";

/// What is said in one situation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phrase {
    /// The name of the situation, where it has one: the label of a state.
    pub label: &'static str,
    /// What happened, in one short sentence.
    pub message: &'static str,
    /// What to do.
    pub next: &'static str,
    /// The kind of step, for a client that offers a button: `call`, `choose`, `confirm`, `correct`,
    /// `log_in`, `look`, `pay`, `retry`, `start_again`, `update` or `wait`.
    pub action: &'static str,
    /// Who can be called about it, where nobody nearer is known. `{help}` in the texts stands for whoever is
    /// called in the end.
    pub help_line: &'static str,
}

#[derive(Default)]
struct Messages {
    phrases: BTreeMap<String, Phrase>,
    terms: BTreeMap<String, &'static str>,
}

impl Messages {
    /// The files are part of the program, so a broken one is found by the tests of this room; here
    /// it would be an empty book.
    fn read(text: &'static str) -> Messages {
        let mut messages = Messages::default();
        for (section, members) in text.parse::<Table>().unwrap_or_default() {
            for (name, member) in members.as_table().cloned().unwrap_or_default() {
                let Value::Table(fields) = member else { continue };
                let key = format!("{section}.{name}");
                if section == "term" {
                    let terms = fields.iter().filter_map(|(word, text)| {
                        Some((format!("{name}.{word}"), leaked(text.as_str()?)))
                    });
                    messages.terms.extend(terms);
                } else {
                    let field = |name: &str| fields.get(name).and_then(Value::as_str).map(leaked);
                    let phrase = Phrase {
                        label: field("label").unwrap_or_default(),
                        message: field("message").unwrap_or_default(),
                        next: field("next").unwrap_or_default(),
                        action: field("action").unwrap_or_default(),
                        help_line: field("help").unwrap_or(HELP_LINE),
                    };
                    messages.phrases.insert(key, phrase);
                }
            }
        }
        messages
    }

    fn of(language: Language) -> &'static Messages {
        match language {
            Language::Chinese => &CHINESE,
            Language::English => &ENGLISH,
        }
    }
}

/// The files are read once and kept for the life of the program.
fn leaked(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

/// What is said at `key`, such as `problem.order_not_found`. `None`: there is no such key, which
/// the asking room excludes by a test.
pub fn phrase(language: Language, key: &str) -> Option<Phrase> {
    Messages::of(language).phrases.get(key).copied()
}

/// All keys of phrases that begin with `section`, such as `problem`: for tests of the asking rooms.
pub fn phrases(section: &str) -> Vec<&'static str> {
    let keys = CHINESE.phrases.keys();
    keys.filter_map(|key| key.split_once('.').filter(|(first, _)| *first == section))
        .map(|(_, name)| name)
        .collect()
}

/// The word for a code, such as `insurance.pension`, or the label of a phrase, such as
/// `order_state.PAID`; the key itself when there is none.
pub fn term(language: Language, key: &str) -> String {
    let messages = Messages::of(language);
    let label = messages.phrases.get(key).map(|phrase| phrase.label);
    messages.terms.get(key).copied().or(label).unwrap_or(key).to_owned()
}

impl Phrase {
    /// Message and next step together: the whole that a person reads.
    pub fn whole(&self, language: Language) -> String {
        match language {
            Language::Chinese => format!("{}{}", self.message, self.next),
            Language::English => format!("{} {}", self.message, self.next),
        }
    }
}

/// Every text of a language: for tests of what is done to texts.
#[cfg(test)]
pub(crate) fn texts(language: Language) -> impl Iterator<Item = &'static str> {
    let messages = Messages::of(language);
    let spoken = messages.phrases.values().flat_map(|p| [p.label, p.message, p.next]);
    spoken.chain(messages.terms.values().copied()).filter(|text| !text.is_empty())
}

/// Fills `{name}` places. A place without a value stays as it is.
pub fn filled(text: &str, values: &[(&str, String)]) -> String {
    values
        .iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn places(text: &str) -> BTreeSet<&str> {
        text.split('{')
            .skip(1)
            .filter_map(|rest| rest.split_once('}'))
            .map(|(place, _)| place)
            .collect()
    }

    fn keys(map: &BTreeMap<String, impl Sized>) -> Vec<&String> {
        map.keys().collect()
    }

    #[test]
    fn both_files_can_be_read() {
        for text in [include_str!("../messages/zh-CN.toml"), include_str!("../messages/en.toml")] {
            text.parse::<Table>().expect("a TOML file");
        }
    }

    #[test]
    fn both_languages_say_the_same_things() {
        assert!(CHINESE.phrases.len() > 50, "an empty book");
        assert_eq!(keys(&CHINESE.phrases), keys(&ENGLISH.phrases));
        assert_eq!(keys(&CHINESE.terms), keys(&ENGLISH.terms));
        for (key, chinese) in &CHINESE.phrases {
            let english = &ENGLISH.phrases[key];
            assert_eq!(places(chinese.message), places(english.message), "{key}.message");
            assert_eq!(places(chinese.next), places(english.next), "{key}.next");
            assert_eq!(chinese.action, english.action, "{key}.action");
            assert_eq!(chinese.help_line, english.help_line, "{key}.help");
            assert_eq!(chinese.label.is_empty(), english.label.is_empty(), "{key}.label");
        }
    }

    #[test]
    fn nothing_is_said_without_a_next_step() {
        const ACTIONS: [&str; 11] = [
            "call",
            "choose",
            "confirm",
            "correct",
            "log_in",
            "look",
            "pay",
            "retry",
            "start_again",
            "update",
            "wait",
        ];
        for language in Language::ALL {
            for (key, phrase) in &Messages::of(language).phrases {
                assert!(!phrase.message.is_empty(), "{key} says nothing");
                assert!(!phrase.next.is_empty(), "{key} names no next step");
                assert!(ACTIONS.contains(&phrase.action), "{key}: action {:?}", phrase.action);
            }
        }
    }

    /// People read the Chinese: no word of a programmer's, no Latin word but names that stand on screens.
    #[test]
    fn chinese_sentences_have_no_foreign_words() {
        const NAMES: [&str; 1] = ["App"];
        for text in texts(Language::Chinese) {
            let outside: String = text
                .split('{')
                .map(|part| part.split_once('}').map_or(part, |(_, rest)| rest))
                .collect::<Vec<_>>()
                .join(" ");
            for word in outside.split(|c: char| !c.is_ascii_alphabetic()) {
                assert!(word.len() < 2 || NAMES.contains(&word), "{word}: {text}");
            }
        }
    }

    #[test]
    fn english_sentences_have_no_chinese_and_no_programmers_words() {
        for text in texts(Language::English) {
            assert!(!text.chars().any(|c| ('\u{2e80}'..='\u{9fff}').contains(&c)), "{text}");
            for word in ["JSON", "Idempotency", "app_id", "header", "request body", "`"] {
                assert!(!text.contains(word), "{word}: {text}");
            }
        }
    }

    /// Whoever is told to call is told a number, and the number is that of the hotline beside it.
    #[test]
    fn a_number_to_call_is_filled_in_where_it_can_be_known() {
        for section in ["problem", "bills", "window", "gap", "card", "order_state"] {
            for key in phrases(section) {
                for language in Language::ALL {
                    let phrase = phrase(language, &format!("{section}.{key}")).expect("a phrase");
                    for number in ["12333", "12366", "12393"] {
                        assert!(!phrase.next.contains(number), "{section}.{key}: {}", phrase.next);
                    }
                }
            }
        }
    }

    #[test]
    fn a_failure_says_whether_money_moved() {
        for key in ["payer_refused", "payer_balance", "channel_limit", "channel_refused"] {
            let phrase = phrase(Language::Chinese, &format!("problem.{key}")).expect("a phrase");
            assert!(phrase.message.contains("未扣款"), "{key}: {}", phrase.message);
        }
        for key in phrases("order_state") {
            let phrase =
                phrase(Language::Chinese, &format!("order_state.{key}")).expect("a phrase");
            let failed = phrase.label.contains("失败") || key == "CLOSED";
            assert!(!failed || phrase.message.contains("未扣款"), "{key}: {}", phrase.message);
        }
    }

    #[test]
    fn places_are_filled() {
        let values = [("max", "50000.00".to_owned())];
        assert_eq!(
            filled("单笔订单不能超过 {max} 元。", &values),
            "单笔订单不能超过 50000.00 元。"
        );
        assert_eq!(filled("{max} {other}", &values), "50000.00 {other}");
    }
}
