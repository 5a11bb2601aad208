//! Search as people type: Chinese, spelling, initials.

use super::City;

/// The longest query, in characters. Longer ones are refused, not cut: they are not a city.
pub const QUERY_CHARS_MAX: usize = 20;

/// A query longer than any city's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a city query has at most {QUERY_CHARS_MAX} characters")]
pub struct QueryTooLong;

/// How well a city answers a query; the smaller the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    ExactName,
    NamePrefix,
    PinyinPrefix,
    InitialsPrefix,
    Substring,
}

/// A query as compared: half-width, lower case, without blanks and apostrophes.
pub(crate) struct Query {
    text: String,
    /// `ü` is written v, as in the catalogue.
    letters: Option<String>,
}

impl Query {
    /// `None` when nothing is left to search for.
    ///
    /// # Errors
    /// When `typed` is longer than [`QUERY_CHARS_MAX`].
    pub fn new(typed: &str) -> Result<Option<Query>, QueryTooLong> {
        if typed.chars().take(QUERY_CHARS_MAX + 1).count() > QUERY_CHARS_MAX {
            return Err(QueryTooLong);
        }
        let text = fold(typed);
        if text.is_empty() {
            return Ok(None);
        }
        let letters = text.bytes().all(|b| b.is_ascii_lowercase()).then(|| text.clone());
        Ok(Some(Query { text, letters }))
    }
}

/// Full-width forms become half-width, capitals small, ü (in one or two characters) v; blanks,
/// apostrophes and hyphens go.
pub(crate) fn fold(typed: &str) -> String {
    let mut folded = String::with_capacity(typed.len());
    for character in typed.chars() {
        let character = half_width(character);
        match character {
            '\u{308}' => {
                // A combining diaeresis turns the u before it into ü.
                if folded.ends_with('u') {
                    folded.pop();
                    folded.push('v');
                }
            }
            'ü' | 'Ü' => folded.push('v'),
            '\'' | '’' | '‘' | '`' | '´' | '·' | '-' | '\u{200b}' | '\u{feff}' => {}
            character if character.is_whitespace() => {}
            character => folded.extend(character.to_lowercase()),
        }
    }
    folded
}

/// The half-width form of a full-width sign.
pub(crate) fn half_width(character: char) -> char {
    match character {
        '\u{ff01}'..='\u{ff5e}' => {
            char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character)
        }
        '\u{3000}' => ' ',
        character => character,
    }
}

/// How well `city` answers, `None` when it does not.
pub(crate) fn rank(city: &City, query: &Query) -> Option<Rank> {
    if city.short_name == query.text || city.name == query.text {
        return Some(Rank::ExactName);
    }
    if city.name.starts_with(&query.text) {
        return Some(Rank::NamePrefix);
    }
    if let Some(letters) = &query.letters {
        let spelling = &city.spelling;
        if starts_with(&spelling.full, letters) {
            return Some(Rank::PinyinPrefix);
        }
        if spelling.full_initials.starts_with(letters.as_str()) {
            return Some(Rank::InitialsPrefix);
        }
        // Inside a name, letters begin with a syllable: `zhou` finds 苏州, `hou` does not.
        let later = (1..spelling.syllables.len()).map(|from| spelling.syllables[from..].concat());
        let found = later.into_iter().any(|rest| starts_with(&rest, letters));
        return found.then_some(Rank::Substring);
    }
    city.name.contains(&query.text).then_some(Rank::Substring)
}

/// Whether a spelling begins with what was typed, where v may have been typed as u, not the other
/// way round: `luliang` finds lvliang, `lv` does not find 六安.
fn starts_with(spelling: &str, typed: &str) -> bool {
    let mut spelled = spelling.bytes();
    typed.bytes().all(|typed| match spelled.next() {
        Some(b'v') => typed == b'v' || typed == b'u',
        spelled => spelled == Some(typed),
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("wu'xi", "wuxi")]
    #[case("WU XI", "wuxi")]
    #[case("ＷＵＸＩ", "wuxi")]
    #[case("　无锡　", "无锡")]
    #[case("Lüliang", "lvliang")]
    #[case("lu\u{308}liang", "lvliang")]
    #[case("xi’an", "xian")]
    #[case("'- ", "")]
    fn typed_text_is_folded(#[case] typed: &str, #[case] folded: &str) {
        assert_eq!(fold(typed), folded);
    }
}
