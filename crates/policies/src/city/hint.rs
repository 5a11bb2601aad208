//! City hints as they come from the platforms: a name with or without 市, or a GB code.

use std::collections::HashMap;

use kernel::CityCode;

use super::search::half_width;
use super::{City, County, Province};

/// The longest hint that can be a name or code, in characters.
const HINT_CHARS_MAX: usize = 40;

/// What a hint points to. Never a default: what is not recognised is not found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    City(CityCode),
    /// The text names a city and something else too, such as 海南, which is first of all a province.
    Ambiguous(Vec<CityCode>),
    NotFound,
}

/// The names under which a platform may know a city.
#[derive(Clone, Debug, Default)]
pub(crate) struct HintIndex {
    names: HashMap<String, Vec<CityCode>>,
}

impl HintIndex {
    pub fn new(cities: &[City], provinces: &[Province]) -> HintIndex {
        let mut names: HashMap<String, Vec<CityCode>> = HashMap::new();
        for city in cities {
            let mut known = vec![city.name.clone(), city.short_name.clone()];
            if city.name.ends_with("自治州") {
                known.push(format!("{}州", city.short_name));
            }
            known.dedup();
            for name in known {
                names.entry(name).or_default().push(city.code.clone());
            }
            // A province of that name elsewhere is the likelier meaning; as a second entry it makes
            // the hint ambiguous.
            let elsewhere =
                |p: &&Province| p.short_name == city.short_name && p.code != city.province.code;
            if provinces.iter().any(|province| elsewhere(&province)) {
                names.entry(city.short_name.clone()).or_default().push(city.code.clone());
            }
        }
        HintIndex { names }
    }

    pub fn resolve(&self, hint: &str, cities: &[City], counties: &[County]) -> Hint {
        if hint.chars().take(HINT_CHARS_MAX + 1).count() > HINT_CHARS_MAX {
            return Hint::NotFound;
        }
        let text: String =
            hint.chars().map(half_width).filter(|character| !character.is_whitespace()).collect();
        if text.bytes().all(|b| b.is_ascii_digit()) {
            return by_code(&text, cities, counties).map_or(Hint::NotFound, Hint::City);
        }
        match self.names.get(&text).map(Vec::as_slice) {
            Some([city]) => Hint::City(city.clone()),
            Some(several) => {
                let mut several = several.to_vec();
                several.dedup();
                Hint::Ambiguous(several)
            }
            None => Hint::NotFound,
        }
    }
}

/// The city of a code: its own, that of the prefecture of a county, that of the municipality of a
/// district. Pseudo codes such as 429000 and what hangs under them have none.
fn by_code(code: &str, cities: &[City], counties: &[County]) -> Option<CityCode> {
    let code = CityCode::new(code).ok()?;
    let listed = |code: &CityCode| cities.iter().any(|city| city.code == *code);
    if listed(&code) {
        return Some(code);
    }
    if let Some(county) = counties.iter().find(|county| county.code == code) {
        return county.city.clone();
    }
    // A bare province is not a city, and for anything else a province must not swallow it.
    let prefecture = CityCode::new(format!("{}00", &code.as_str()[..4])).ok()?;
    let municipality = code.province();
    [prefecture, municipality].into_iter().find(listed)
}
