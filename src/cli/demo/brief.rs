//! JSON in a line of a terminal: the members that tell the story, not the first ones of the alphabet.

use serde_json::{Map, Value};

/// A text, or a line, is printed up to this many characters.
const TEXT_MAX: usize = 32;
const LINE_MAX: usize = 300;
/// What is printed first, where it is there.
const FIRST: [&str; 22] = [
    "order_no",
    "state",
    "label",
    "amount",
    "total",
    "total_due",
    "out_trade_no",
    "wallet",
    "code",
    "name",
    "masked_name",
    "masked_number",
    "insurance",
    "months",
    "bills",
    "lines",
    "orders",
    "cities",
    "city",
    "expires_at",
    "platform",
    "steps",
];
/// What says again, in other words, what stands beside it.
const LEFT_OUT: [&str; 2] = ["speech", "digest"];
/// What opens doors is not printed, not even here.
const COVERED: [&str; 2] = ["token", "code_verifier"];

/// A value in one line: absent members are left out, of a list the first item and how many more, long texts cut.
pub(super) fn brief(value: &Value) -> String {
    let mut line = String::new();
    write(value, &mut line);
    line
}

fn write(value: &Value, line: &mut String) {
    match value {
        Value::Object(members) => write_object(members, line),
        Value::Array(items) => {
            line.push('[');
            if let Some(first) = items.first() {
                write(first, line);
            }
            if items.len() > 1 {
                line.push_str(&format!(", … {} more", items.len() - 1));
            }
            line.push(']');
        }
        Value::String(text) => line.push_str(&format!("\"{}\"", cut(text, TEXT_MAX))),
        other => line.push_str(&other.to_string()),
    }
}

fn write_object(members: &Map<String, Value>, line: &mut String) {
    let rank = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
    let mut sorted: Vec<(&String, &Value)> = members
        .iter()
        .filter(|(name, value)| !value.is_null() && !LEFT_OUT.contains(&name.as_str()))
        .collect();
    sorted.sort_by_key(|(name, value)| (rank(name), value.is_object() || value.is_array()));
    line.push('{');
    for (at, (name, value)) in sorted.iter().enumerate() {
        if at > 0 {
            line.push(',');
        }
        if line.chars().count() > LINE_MAX {
            line.push('…');
            break;
        }
        line.push_str(&format!("\"{name}\":"));
        if COVERED.contains(&name.as_str()) {
            line.push_str("\"…\"");
        } else {
            write(value, line);
        }
    }
    line.push('}');
}

/// The beginning of a text, in characters.
pub(super) fn short(text: &str) -> String {
    cut(text, LINE_MAX - TEXT_MAX)
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::what_matters_first(
        json!({"agency": "a", "category": null, "order_no": "1", "state": "PAID"}),
        r#"{"order_no":"1","state":"PAID","agency":"a"}"#
    )]
    #[case::of_a_list_the_first(json!([1, 2, 3]), "[1, … 2 more]")]
    #[case::no_token(json!({"token": "secret"}), r#"{"token":"…"}"#)]
    fn a_line_tells_the_story(#[case] value: Value, #[case] line: &str) {
        assert_eq!(brief(&value), line);
    }

    #[test]
    fn a_long_value_stays_a_line() {
        let members: Map<String, Value> =
            (0..100).map(|no| (format!("member{no}"), json!("x".repeat(100)))).collect();
        assert!(brief(&Value::Object(members)).chars().count() < 2 * LINE_MAX);
    }
}
