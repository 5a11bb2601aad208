//! The places of the catalogue: cities that can be chosen, and how people find theirs.
//!
//! Codes are those of GB/T 2260. A municipality has no city level, so its province code is its city
//! code. Which cities exist and how they are spelled is data (`cities/catalogue.toml`); how they are
//! looked for is here.

mod hint;
mod nearest;
mod reading;
mod search;

use kernel::CityCode;

pub use hint::Hint;
pub(crate) use hint::HintIndex;
pub use nearest::{Coordinates, CoordinatesError, Nearest};
pub(crate) use nearest::{Seat, nearest};
pub(crate) use reading::{Places, read};
pub use search::{QUERY_CHARS_MAX, QueryTooLong};
pub(crate) use search::{Query, rank};

/// A province-level unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Province {
    pub code: CityCode,
    /// `江苏省`
    pub name: String,
    /// `江苏`
    pub short_name: String,
}

/// A city that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct City {
    pub(crate) code: CityCode,
    pub(crate) name: String,
    pub(crate) short_name: String,
    pub(crate) province: Province,
    pub(crate) spelling: Spelling,
    pub(crate) hot_rank: Option<u16>,
    pub(crate) seat: Seat,
}

impl City {
    pub const fn code(&self) -> &CityCode {
        &self.code
    }

    /// `无锡市`, `延边朝鲜族自治州`
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `无锡`, `延边`: without 市, 地区 and 盟; autonomous prefectures in their usual short form.
    pub fn short_name(&self) -> &str {
        &self.short_name
    }

    /// Shown beside the name, because names such as 苏州 and 宿州 sound alike.
    pub const fn province(&self) -> &Province {
        &self.province
    }

    /// Toneless spelling of the short name, v for ü: `wuxi`, `lvliang`.
    pub fn pinyin(&self) -> &str {
        &self.spelling.short
    }

    /// First letters of the short name's syllables: `wx`.
    pub fn initials(&self) -> &str {
        &self.spelling.short_initials
    }

    /// The letter of the A–Z list under which the city stands. No city stands under I, O, U or V.
    pub fn letter(&self) -> char {
        self.spelling
            .short_initials
            .chars()
            .next()
            .map_or('#', |letter| letter.to_ascii_uppercase())
    }

    /// 1 for the first of the hot cities; `None` for the others.
    pub const fn hot_rank(&self) -> Option<u16> {
        self.hot_rank
    }
}

/// A county-level place that cannot be chosen: directly under a province, or a county of a city with
/// policies of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct County {
    pub code: CityCode,
    pub name: String,
    /// Toneless spelling of the whole name.
    pub pinyin: String,
    pub province: Province,
    /// The city it belongs to; `None` directly under a province (济源, 仙桃, 石河子 …).
    pub city: Option<CityCode>,
    pub(crate) seat: Seat,
}

/// How a name is spelled in letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spelling {
    /// Syllables of the whole name.
    pub syllables: Vec<String>,
    pub full: String,
    pub full_initials: String,
    pub short: String,
    pub short_initials: String,
}

impl Spelling {
    /// `syllables` of the whole name, one for each character; the short name is the first
    /// `short_chars` of them.
    pub fn new(syllables: Vec<String>, short_chars: usize) -> Spelling {
        let initials = |part: &[String]| part.iter().filter_map(|s| s.chars().next()).collect();
        let short = &syllables[..short_chars.min(syllables.len())];
        Spelling {
            full: syllables.concat(),
            full_initials: initials(&syllables),
            short: short.concat(),
            short_initials: initials(short),
            syllables,
        }
    }
}
