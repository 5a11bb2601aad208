//! How bills are numbered on the wire. In the book every bill has a number of its own; real agencies
//! number each for itself, so that two of them may use the same number. A book that is told to do so
//! writes pension and medical bills alike and knows by the agency which one is meant.

use kernel::BillNo;
use serde_json::Value;

/// Where the letter of the insurance stands: after the six digits of the city.
const LETTER: std::ops::Range<usize> = 6..7;
const ALIKE: &str = "B";

/// A number as its agency writes it.
pub(super) fn told(number: &str) -> String {
    match number.get(LETTER) {
        Some("P" | "M") => replaced(number, ALIKE),
        _ => number.to_owned(),
    }
}

/// [`told`], of a number that is one.
pub(super) fn told_no(number: &BillNo) -> BillNo {
    BillNo::new(told(number.as_str())).unwrap_or_else(|_| number.clone())
}

/// An answer with its numbers as the agency writes them.
pub(super) fn outward(mut answer: Value) -> Value {
    walk(&mut answer, &told);
    answer
}

/// A request with the book's numbers; what is no JSON stays as it is.
pub(super) fn inward(body: &[u8]) -> Vec<u8> {
    let Ok(mut request) = serde_json::from_slice::<Value>(body) else { return body.to_vec() };
    let medical = request["agency"].as_str().is_some_and(|agency| agency.ends_with("-med"));
    let letter = if medical { "M" } else { "P" };
    walk(&mut request, &|number| match number.get(LETTER) {
        Some(ALIKE) => replaced(number, letter),
        _ => number.to_owned(),
    });
    request.to_string().into_bytes()
}

fn replaced(number: &str, letter: &str) -> String {
    format!("{}{letter}{}", &number[..LETTER.start], &number[LETTER.end..])
}

fn walk(value: &mut Value, change: &dyn Fn(&str) -> String) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), &mut *member) {
                    ("bill_no", Value::String(number)) => *number = change(number),
                    ("difference_bills", Value::Array(numbers)) => {
                        for number in numbers {
                            if let Value::String(number) = number {
                                *number = change(number);
                            }
                        }
                    }
                    _ => walk(member, change),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, change)),
        _ => {}
    }
}
