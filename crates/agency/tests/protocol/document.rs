//! `docs/agency-protocol.md` is what a city's engineer works from: it must not fall behind.

use mock_providers::agency::{AgencyCodeWord, DefaultPerson};

fn document() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/agency-protocol.md");
    std::fs::read_to_string(path).expect("the document")
}

#[test]
fn the_document_lists_every_code() {
    let document = document();
    for word in AgencyCodeWord::ALL {
        let row = format!("| `{}` | {} | {} |", word.code(), word.status(), word.message());
        assert!(document.contains(&row), "{row}");
    }
}

#[test]
fn the_document_lists_every_default_person() {
    let document = document();
    for person in DefaultPerson::ALL {
        let row = format!(
            "| `{}` | {} | {} | {} |",
            person.document_number, person.name, person.city, person.what
        );
        assert!(document.contains(&row), "{row}");
    }
}

#[test]
fn the_document_carries_the_vectors_of_the_unit_tests() {
    let document = document();
    let source = include_str!("../../src/sign.rs");
    let vectors: Vec<&str> =
        source.split(|c: char| !c.is_ascii_hexdigit()).filter(|word| word.len() == 64).collect();
    assert_eq!(vectors.len(), 4, "two hashes and two signatures");
    for vector in vectors {
        assert!(document.contains(vector), "{vector}");
    }
}
