//! Reads `catalogue.toml`.

use std::collections::BTreeMap;

use kernel::CityCode;

use super::{City, County, Province, Seat, Spelling};
use crate::reading::Fields;

/// Everything in the catalogue file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    pub provinces: Vec<Province>,
    /// In order of code.
    pub cities: Vec<City>,
    pub counties: Vec<County>,
    /// Seats of counties that lie nearer to another city's seat than to their own city's.
    pub county_seats: Vec<(Seat, CityCode)>,
    /// Places near which nothing is suggested.
    pub elsewhere: Vec<Seat>,
}

impl Places {
    pub fn city(&self, code: &CityCode) -> Option<&City> {
        let index = self.cities.binary_search_by(|city| city.code.cmp(code)).ok()?;
        self.cities.get(index)
    }

    pub fn is_place(&self, code: &CityCode) -> bool {
        self.city(code).is_some() || self.counties.iter().any(|county| county.code == *code)
    }
}

pub(crate) fn read(mut fields: Fields<'_>) -> Places {
    let hot: Vec<CityCode> = fields.parsed_list("hot");
    let provinces = read_provinces(&mut fields);
    let mut cities = read_cities(&mut fields, &provinces);
    for (index, code) in hot.iter().enumerate() {
        match cities.get_mut(code) {
            Some(city) => city.hot_rank = u16::try_from(index + 1).ok(),
            None => fields.finding("hot", format!("{code} is no city of this catalogue")),
        }
    }
    let counties = read_counties(&mut fields, &provinces, &cities);
    let county_seats = read_county_seats(&mut fields, &cities);
    let mut elsewhere = Vec::new();
    for (index, table) in fields.rows("elsewhere").into_iter().enumerate() {
        let seat = fields.row(table, format!("elsewhere {}", index + 1), |row| {
            row.text("name");
            read_seat(row)
        });
        elsewhere.extend(seat);
    }
    if cities.is_empty() {
        fields.finding("city", "names no city");
    }
    fields.finish();
    Places {
        provinces: provinces.into_values().collect(),
        cities: cities.into_values().collect(),
        counties,
        county_seats,
        elsewhere,
    }
}

fn read_provinces(fields: &mut Fields<'_>) -> BTreeMap<CityCode, Province> {
    let mut provinces = BTreeMap::new();
    for (index, table) in fields.rows("province").into_iter().enumerate() {
        let province = fields.row(table, format!("province {}", index + 1), |row| {
            let code: Option<CityCode> = row.parsed("code");
            let (name, short_name) = (row.text("name"), row.text("short"));
            Some(Province { code: code?, name: name?, short_name: short_name? })
        });
        if let Some(province) = province {
            provinces.insert(province.code.clone(), province);
        }
    }
    provinces
}

fn read_seat(row: &mut Fields<'_>) -> Option<Seat> {
    let seat = Seat::new(row.seat("seat")?);
    if seat.is_none() {
        row.finding("seat", "is not in China");
    }
    seat
}

fn read_county_seats(
    fields: &mut Fields<'_>,
    cities: &BTreeMap<CityCode, City>,
) -> Vec<(Seat, CityCode)> {
    let mut county_seats = Vec::new();
    for (index, table) in fields.rows("county_seats").into_iter().enumerate() {
        let of_city = fields.row(table, format!("county_seats {}", index + 1), |row| {
            let city: CityCode = row.parsed("city")?;
            row.about(city.as_str());
            if !cities.contains_key(&city) {
                row.finding("city", "is no city of this catalogue");
            }
            let seats: Option<Vec<Seat>> = row.seats("seats").into_iter().map(Seat::new).collect();
            if seats.is_none() {
                row.finding("seats", "has one that is not in China");
            }
            Some((city, seats?))
        });
        if let Some((city, seats)) = of_city {
            county_seats.extend(seats.into_iter().map(|seat| (seat, city.clone())));
        }
    }
    county_seats
}

fn read_spelling(row: &mut Fields<'_>, name: &str, short_chars: usize) -> Option<Spelling> {
    let pinyin = row.text("pinyin")?;
    let syllables: Vec<String> = pinyin.split(' ').map(str::to_owned).collect();
    let spelled = |s: &String| !s.is_empty() && s.bytes().all(|b| b.is_ascii_lowercase());
    if !syllables.iter().all(spelled) {
        row.finding("pinyin", "must be syllables of small letters, one space apart");
        return None;
    }
    if syllables.len() != name.chars().count() {
        row.finding("pinyin", "must have one syllable for each character of the name");
        return None;
    }
    Some(Spelling::new(syllables, short_chars))
}

fn read_cities(
    fields: &mut Fields<'_>,
    provinces: &BTreeMap<CityCode, Province>,
) -> BTreeMap<CityCode, City> {
    let mut cities: BTreeMap<CityCode, City> = BTreeMap::new();
    for (index, table) in fields.rows("city").into_iter().enumerate() {
        let known = &cities;
        let city = fields.row(table, format!("city {}", index + 1), |row| {
            let code: Option<CityCode> = row.parsed("code");
            if let Some(code) = &code {
                row.about(code.as_str());
                if known.contains_key(code) {
                    row.finding("code", "stands there twice");
                }
                if !code.as_str().ends_with("00") {
                    row.finding("code", "is a county's; a city's code ends in 00");
                }
            }
            let province = code.as_ref().map(CityCode::province);
            let province = province.and_then(|code| provinces.get(&code)).cloned();
            if code.is_some() && province.is_none() {
                row.finding("code", "is in no province of this catalogue");
            }
            let (name, short_name) = (row.text("name"), row.text("short"));
            let (name, short_name) = (name?, short_name?);
            if !name.starts_with(&short_name) {
                row.finding("short", "must be the beginning of the name");
            }
            let spelling = read_spelling(row, &name, short_name.chars().count());
            let seat = read_seat(row);
            Some(City {
                code: code?,
                name,
                short_name,
                province: province?,
                spelling: spelling?,
                hot_rank: None,
                seat: seat?,
            })
        });
        if let Some(city) = city {
            cities.insert(city.code.clone(), city);
        }
    }
    cities
}

fn read_counties(
    fields: &mut Fields<'_>,
    provinces: &BTreeMap<CityCode, Province>,
    cities: &BTreeMap<CityCode, City>,
) -> Vec<County> {
    let mut counties: Vec<County> = Vec::new();
    for (index, table) in fields.rows("county").into_iter().enumerate() {
        let known = &counties;
        let county = fields.row(table, format!("county {}", index + 1), |row| {
            let code: Option<CityCode> = row.parsed("code");
            if let Some(code) = &code {
                row.about(code.as_str());
                let twice = known.iter().any(|county| county.code == *code);
                if twice || cities.contains_key(code) {
                    row.finding("code", "stands there twice");
                }
            }
            let name = row.text("name")?;
            let spelling = read_spelling(row, &name, name.chars().count());
            let seat = read_seat(row);
            let code = code?;
            let Some(province) = provinces.get(&code.province()).cloned() else {
                row.finding("code", "is in no province of this catalogue");
                return None;
            };
            let city = CityCode::new(format!("{}00", &code.as_str()[..4])).ok();
            let city = city.filter(|city| cities.contains_key(city));
            Some(County { code, name, pinyin: spelling?.full, province, city, seat: seat? })
        });
        counties.extend(county);
    }
    counties
}
