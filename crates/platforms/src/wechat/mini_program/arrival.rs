//! What a city's mini-program is started with, when the citizen comes from City Service: the query of
//! its page and the scene. Pure.
//!
//! WeChat reserves one name, `city`; its value is the city's Chinese name. Which parameters come
//! with a citizen who enters from the ordinary first page is not published. So the value is a hint:
//! a name with or without 市, or a code of GB/T 2260. Which city it means is asked of the catalogue;
//! when it means none, the citizen chooses. No hint ever becomes a city by default: a contribution
//! that is paid to another region is hard to undo.

use std::{borrow::Cow, collections::BTreeMap};

use kernel::CityCode;
use percent_encoding::percent_decode_str;

const QUERY_BYTES_MAX: usize = 4096;
const PARAMETERS_MAX: usize = 32;
const NAME_CHARS_MAX: usize = 64;
const VALUE_CHARS_MAX: usize = 512;
/// 黔西南布依族苗族自治州 has eleven.
const CITY_CHARS_MAX: usize = 20;

/// Why parameters are not looked at. Never carries one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CityArrivalError {
    #[error("there are too many parameters, or they are too long")]
    TooLong,
    #[error("a parameter is no text")]
    NotText,
    /// Two values for one name: to choose one would be to guess.
    #[error("a parameter is given twice")]
    Twice,
}

/// What `city` looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CityHint {
    /// A Chinese name as it came, with or without 市.
    Name(String),
    /// Six digits. Not all codes are cities; the catalogue knows.
    Code(CityCode),
}

impl CityHint {
    fn read(raw: &str) -> Option<CityHint> {
        // A name holds no percent sign, so one that is left was encoded twice on its way.
        let text = if raw.contains('%') {
            percent_decode_str(raw).decode_utf8().unwrap_or(Cow::Borrowed(raw))
        } else {
            Cow::Borrowed(raw)
        };
        let text = text.trim();
        if let Ok(code) = CityCode::new(text) {
            return Some(CityHint::Code(code));
        }
        let is_name = |c: char| matches!(c, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}');
        let length = text.chars().count();
        ((2..=CITY_CHARS_MAX).contains(&length) && text.chars().all(is_name))
            .then(|| CityHint::Name(text.to_owned()))
    }

    /// The text to ask a catalogue with.
    pub fn as_str(&self) -> &str {
        match self {
            CityHint::Name(name) => name,
            CityHint::Code(code) => code.as_str(),
        }
    }
}

/// A citizen's arrival. Keep what came beside what it was taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CityArrival {
    /// `scene` of the mini-program's start.
    pub scene: Option<u32>,
    /// The value of `city`, as it came.
    pub city_raw: Option<String>,
    /// What it looks like; `None` when nothing came, or nothing that could be a city.
    pub city: Option<CityHint>,
    /// All other parameters.
    pub parameters: BTreeMap<String, String>,
}

impl CityArrival {
    /// Reads the query of a start (`a=b&c=d`, percent-encoded).
    ///
    /// # Errors
    /// [`CityArrivalError`]
    pub fn parse(query: &str, scene: Option<u32>) -> Result<CityArrival, CityArrivalError> {
        if query.len() > QUERY_BYTES_MAX {
            return Err(CityArrivalError::TooLong);
        }
        let query = query.strip_prefix('?').unwrap_or(query);
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let mut decoded = Vec::new();
        for pair in pairs {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            decoded.push((decode(name)?, decode(value)?));
        }
        CityArrival::from_pairs(decoded, scene)
    }

    /// As [`Self::parse`], from pairs that are decoded already.
    ///
    /// # Errors
    /// [`CityArrivalError`]
    pub fn from_pairs(
        pairs: impl IntoIterator<Item = (String, String)>,
        scene: Option<u32>,
    ) -> Result<CityArrival, CityArrivalError> {
        let mut parameters = BTreeMap::new();
        for (name, value) in pairs {
            let long = name.chars().count() > NAME_CHARS_MAX
                || value.chars().count() > VALUE_CHARS_MAX
                || parameters.len() == PARAMETERS_MAX;
            if long {
                return Err(CityArrivalError::TooLong);
            }
            if name.chars().chain(value.chars()).any(char::is_control) {
                return Err(CityArrivalError::NotText);
            }
            if parameters.insert(name, value).is_some() {
                return Err(CityArrivalError::Twice);
            }
        }
        let city_raw = parameters.remove("city");
        let city = city_raw.as_deref().and_then(CityHint::read);
        Ok(CityArrival { scene, city_raw, city, parameters })
    }
}

/// As forms are decoded: a plus is a blank.
fn decode(text: &str) -> Result<String, CityArrivalError> {
    let text = text.replace('+', " ");
    let text = percent_decode_str(&text).decode_utf8().map_err(|_| CityArrivalError::NotText)?;
    Ok(text.into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn hint(query: &str) -> Option<CityHint> {
        CityArrival::parse(query, None).expect("an arrival").city
    }

    #[rstest]
    #[case::a_name("city=%E5%B9%BF%E5%B7%9E", "广州")]
    #[case::with_its_suffix("city=%E5%B9%BF%E5%B7%9E%E5%B8%82", "广州市")]
    #[case::not_encoded("city=广州", "广州")]
    #[case::encoded_twice("city=%25E5%25B9%25BF%25E5%25B7%259E", "广州")]
    #[case::with_blanks("city=+%E5%B9%BF%E5%B7%9E+", "广州")]
    #[case::long("city=黔西南布依族苗族自治州", "黔西南布依族苗族自治州")]
    fn a_name_is_taken_for_a_name(#[case] query: &str, #[case] name: &str) {
        assert_eq!(hint(query), Some(CityHint::Name(name.to_owned())));
    }

    #[test]
    fn six_digits_are_taken_for_a_code() {
        let hint = hint("?service=si&city=320200").expect("a hint");
        assert_eq!((hint.as_str(), matches!(hint, CityHint::Code(_))), ("320200", true));
    }

    #[rstest]
    #[case("")]
    #[case("city=")]
    #[case("city=Guangzhou")]
    #[case("city=32020")]
    #[case("city=%3Cscript%3E")]
    #[case("city=广")]
    #[case("City=广州")]
    #[case("city=100%25")]
    fn what_cannot_be_a_city_is_no_hint(#[case] query: &str) {
        assert_eq!(hint(query), None);
    }

    #[test]
    fn what_came_is_kept_beside_what_it_was_taken_for() {
        let arrival =
            CityArrival::parse("city=nowhere&from=a%26b", Some(1037)).expect("an arrival");
        assert_eq!((arrival.city_raw.as_deref(), arrival.scene), (Some("nowhere"), Some(1037)));
        assert_eq!(arrival.parameters, BTreeMap::from([("from".to_owned(), "a&b".to_owned())]));
    }

    #[rstest]
    #[case("city=%E5%B9%BF%E5%B7%9E&city=320200", CityArrivalError::Twice)]
    #[case("a=1&a=1", CityArrivalError::Twice)]
    #[case("a=%FF", CityArrivalError::NotText)]
    #[case("a=%00", CityArrivalError::NotText)]
    #[case(&"a".repeat(4097), CityArrivalError::TooLong)]
    #[case(&format!("a={}", "b".repeat(513)), CityArrivalError::TooLong)]
    fn strange_parameters_are_refused(#[case] query: &str, #[case] error: CityArrivalError) {
        assert_eq!(CityArrival::parse(query, None), Err(error));
    }

    #[test]
    fn too_many_parameters_are_refused() {
        let query =
            |count: usize| (0..count).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join("&");
        assert!(CityArrival::parse(&query(32), None).is_ok());
        assert_eq!(CityArrival::parse(&query(33), None), Err(CityArrivalError::TooLong));
    }

    proptest! {
        #[test]
        fn any_query_is_read_or_refused(query in "\\PC{0,200}") {
            if let Ok(arrival) = CityArrival::parse(&query, None)
                && let Some(hint) = arrival.city
            {
                prop_assert!(hint.as_str().chars().count() <= CITY_CHARS_MAX);
                prop_assert!(arrival.city_raw.is_some());
            }
        }
    }
}
