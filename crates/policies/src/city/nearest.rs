//! From a place on the map to a suggestion, in whole numbers.
//!
//! The mini-program hands in coarse coordinates (GCJ-02) with the user's consent. They are compared
//! and dropped: the type that carries them prints nothing and cannot be stored.

use std::fmt;
use std::str::FromStr;

use kernel::CityCode;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// Farther from every seat than this, nothing is suggested. Half of the distance between seats in
/// the thinly settled west is about this; in the east it is four times the usual distance.
const DISTANCE_METRES_MAX: i64 = 150_000;

/// One ten-thousandth of a degree along a meridian, in millimetres (a quarter meridian is 10 002 km).
const STEP_MILLIMETRES: i64 = 11_113;

/// Cosine of 0 to 60 whole degrees, in ten-thousandths. China lies between 3° and 54° north.
const COSINE: [i64; 61] = [
    10000, 9998, 9994, 9986, 9976, 9962, 9945, 9925, 9903, 9877, 9848, 9816, 9781, 9744, 9703,
    9659, 9613, 9563, 9511, 9455, 9397, 9336, 9272, 9205, 9135, 9063, 8988, 8910, 8829, 8746, 8660,
    8572, 8480, 8387, 8290, 8192, 8090, 7986, 7880, 7771, 7660, 7547, 7431, 7314, 7193, 7071, 6947,
    6820, 6691, 6561, 6428, 6293, 6157, 6018, 5878, 5736, 5592, 5446, 5299, 5150, 5000,
];

/// Where a government sits: latitude and longitude in ten-thousandths of a degree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seat {
    latitude: i32,
    longitude: i32,
}

impl Seat {
    /// `None` outside the box around China.
    pub fn new([latitude, longitude]: [i32; 2]) -> Option<Seat> {
        let inside =
            (30_000..=540_000).contains(&latitude) && (735_000..=1_351_000).contains(&longitude);
        inside.then_some(Seat { latitude, longitude })
    }

    pub const fn latitude(self) -> i32 {
        self.latitude
    }

    pub const fn longitude(self) -> i32 {
        self.longitude
    }
}

/// A place on the map, to the ten-thousandth of a degree (about 11 metres), in GCJ-02.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Coordinates {
    latitude: i32,
    longitude: i32,
}

/// Numbers that are no place on the map. Says nothing about the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a latitude is a decimal between -90 and 90, a longitude between -180 and 180")]
pub struct CoordinatesError;

impl Coordinates {
    /// From ten-thousandths of a degree.
    ///
    /// # Errors
    /// When the numbers are no place on the map.
    pub fn from_e4(latitude: i32, longitude: i32) -> Result<Coordinates, CoordinatesError> {
        let exists = latitude.unsigned_abs() <= 900_000 && longitude.unsigned_abs() <= 1_800_000;
        exists.then_some(Coordinates { latitude, longitude }).ok_or(CoordinatesError)
    }

    /// From decimal degrees as both platforms give them, such as `31.491169` and `120.31191`.
    ///
    /// # Errors
    /// When a text is no decimal, or the numbers are no place on the map.
    pub fn from_degrees(latitude: &str, longitude: &str) -> Result<Coordinates, CoordinatesError> {
        let e4 = |text: &str| {
            let fits = text.len() <= 24;
            let degrees = fits.then(|| Decimal::from_str(text.trim()).ok()).flatten()?;
            degrees.checked_mul(Decimal::from(10_000))?.round().to_i32()
        };
        let (Some(latitude), Some(longitude)) = (e4(latitude), e4(longitude)) else {
            return Err(CoordinatesError);
        };
        Coordinates::from_e4(latitude, longitude)
    }

    fn metres_to(self, seat: Seat) -> Option<i64> {
        let north = i64::from(self.latitude) - i64::from(seat.latitude);
        let east = i64::from(self.longitude) - i64::from(seat.longitude);
        // Farther than this many steps either way is too far everywhere (five degrees), and the
        // squares below stay small.
        if north.abs() > 50_000 || east.abs() > 50_000 {
            return None;
        }
        let middle = (i64::from(self.latitude) + i64::from(seat.latitude)) / 2;
        let north = north * STEP_MILLIMETRES / 1_000;
        let east = east * STEP_MILLIMETRES / 1_000 * cosine(middle)? / 10_000;
        let square = u64::try_from(north * north + east * east).ok()?;
        i64::try_from(square.isqrt()).ok()
    }
}

/// Cosine of a latitude in ten-thousandths of a degree, in ten-thousandths; straight lines between
/// whole degrees, which is wrong by less than 0.02 %.
fn cosine(latitude: i64) -> Option<i64> {
    let (degree, rest) = (usize::try_from(latitude / 10_000).ok()?, latitude % 10_000);
    let (here, next) = (*COSINE.get(degree)?, *COSINE.get(degree + 1)?);
    Some(here + (next - here) * rest / 10_000)
}

impl fmt::Debug for Coordinates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Coordinates(dropped)")
    }
}

/// The city to suggest. Only a suggestion: the city of enrolment (参保地) is what matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest {
    pub city: CityCode,
}

/// The nearest of `anchors`: `Some` city to suggest, or a place (`None`) that suppresses a
/// suggestion. None at all when everything is too far.
pub(crate) fn nearest<'c>(
    place: Coordinates,
    anchors: impl Iterator<Item = (Seat, Option<&'c CityCode>)>,
) -> Option<Nearest> {
    let measured = anchors.filter_map(|(seat, city)| Some((place.metres_to(seat)?, city)));
    let (metres, city) = measured.min_by_key(|(metres, _)| *metres)?;
    let city = city.filter(|_| metres <= DISTANCE_METRES_MAX)?;
    Some(Nearest { city: city.clone() })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("31.491169", "120.31191", Some((314_912, 1_203_119)))]
    #[case("-90", "180", Some((-900_000, 1_800_000)))]
    #[case("90.0001", "0", None)]
    #[case("0", "-180.0001", None)]
    #[case("NaN", "120", None)]
    #[case("31,5", "120", None)]
    #[case("", "", None)]
    #[case("99999999999999999999", "1", None)]
    #[case("0.000000000000000000000000000001", "1", None)]
    fn degrees_are_read_as_text(
        #[case] latitude: &str,
        #[case] longitude: &str,
        #[case] expected: Option<(i32, i32)>,
    ) {
        let read = Coordinates::from_degrees(latitude, longitude).ok();
        assert_eq!(read.map(|place| (place.latitude, place.longitude)), expected);
    }

    #[test]
    fn a_known_distance_is_met_within_one_percent() {
        // Beijing to Tianjin by the great circle: 113.5 km between these two points.
        let beijing = Coordinates::from_e4(399_042, 1_164_074).expect("a place");
        let tianjin = Seat::new([390_842, 1_172_010]).expect("a seat");
        let metres = beijing.metres_to(tianjin).expect("near");
        assert!((112_400..=114_600).contains(&metres), "{metres}");
    }

    #[test]
    fn coordinates_are_never_printed() {
        let place = Coordinates::from_e4(314_912, 1_203_119).expect("a place");
        assert!(!format!("{place:?}").contains(|c: char| c.is_ascii_digit()));
    }
}
