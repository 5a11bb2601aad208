//! Mock users. A name always gives the same ids, and an id proves itself by a check part, so that
//! ids stay known when the mock is started again with the same keys.

use std::sync::Mutex;

use kernel::{Channel, Entropy, Timestamp};
use ring::{digest, hmac};
use time::{Date, Month};

use crate::{bounded::Bounded, lock};

/// A user's number inside the mock: ten digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PersonNo(u64);

const PERSONS: u64 = 10_000_000_000;
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl PersonNo {
    pub fn of(name: &str) -> PersonNo {
        let hash = digest::digest(&digest::SHA256, name.as_bytes());
        let first = hash.as_ref().iter().take(8);
        PersonNo(first.fold(0u64, |sum, byte| sum << 8 | u64::from(*byte)) % PERSONS)
    }

    /// The real name that the platform has proven, made up like everything about a mock user.
    pub fn name(self) -> String {
        const FAMILY: [&str; 10] = ["赵", "钱", "孙", "李", "周", "吴", "郑", "王", "冯", "陈"];
        const GIVEN: [&str; 10] = ["测", "试", "模", "拟", "演", "示", "样", "例", "虚", "构"];
        let pick = |list: [&'static str; 10], place: u64| {
            list[usize::try_from(self.0 / place % 10).unwrap_or(0)]
        };
        [pick(FAMILY, 1), pick(GIVEN, 10), pick(GIVEN, 100)].concat()
    }

    fn born(self) -> Date {
        // So early that the number is nobody's who lives.
        let first = Date::from_calendar_date(1900, Month::January, 1).unwrap_or(Date::MIN);
        let days = i64::try_from(self.0 / 1_000 % 3_650).unwrap_or(0);
        first.saturating_add(time::Duration::days(days))
    }

    /// The number of the resident identity card, with its check character.
    pub fn cert_no(self) -> String {
        const WEIGHTS: [u64; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
        let born = self.born();
        let (year, month, day) = (born.year(), u8::from(born.month()), born.day());
        let digits = format!("320213{year:04}{month:02}{day:02}{:03}", self.0 % 1_000);
        let sum: u64 = digits
            .bytes()
            .zip(WEIGHTS)
            .map(|(digit, weight)| u64::from(digit - b'0') * weight)
            .sum();
        let check = b"10X98765432"[usize::try_from(sum % 11).unwrap_or(0)];
        format!("{digits}{}", char::from(check))
    }

    /// Whole years on that day.
    pub fn age(self, now: Timestamp) -> i32 {
        let (born, today) = (self.born(), now.beijing().date());
        let had_birthday =
            (u8::from(today.month()), today.day()) >= (u8::from(born.month()), born.day());
        today.year() - born.year() - i32::from(!had_birthday)
    }

    /// `F` or `M`, as the number's last digit but one says.
    pub const fn gender(self) -> &'static str {
        if self.0.is_multiple_of(2) { "F" } else { "M" }
    }
}

/// Issues and recognises the ids of one app.
pub(crate) struct People {
    key: hmac::Key,
}

impl People {
    pub fn new(app_secret: &str) -> People {
        People { key: hmac::Key::new(hmac::HMAC_SHA256, app_secret.as_bytes()) }
    }

    fn check(&self, kind: &str, person: PersonNo, count: usize) -> String {
        let tag =
            |round: usize| hmac::sign(&self.key, format!("{kind}:{}:{round}", person.0).as_bytes());
        let bytes = (0..).flat_map(|round| tag(round).as_ref().to_vec()).take(count);
        bytes.map(|byte| char::from(LETTERS[usize::from(byte) % 62])).collect()
    }

    fn find(
        text: &str,
        make: impl Fn(PersonNo) -> String,
        digits: std::ops::Range<usize>,
    ) -> Option<PersonNo> {
        let person = PersonNo(text.get(digits)?.parse().ok()?);
        (make(person) == text).then_some(person)
    }

    /// WeChat's openid: 28 characters.
    pub fn openid(&self, person: PersonNo) -> String {
        format!("o{}{:010}", self.check("openid", person, 17), person.0)
    }

    pub fn by_openid(&self, text: &str) -> Option<PersonNo> {
        People::find(text, |person| self.openid(person), 18..28)
    }

    /// A mobile number that is nobody's.
    pub fn phone(person: PersonNo) -> String {
        format!("199{:08}", person.0 % 100_000_000)
    }

    /// Alipay's open_id: 47 letters and digits.
    pub fn open_id(&self, person: PersonNo) -> String {
        format!("{}{:010}", self.check("open_id", person, 37), person.0)
    }

    pub fn by_open_id(&self, text: &str) -> Option<PersonNo> {
        People::find(text, |person| self.open_id(person), 37..47)
    }

    /// Alipay's user_id: 2088 and twelve digits, the last two a check.
    pub fn user_id(&self, person: PersonNo) -> String {
        let tag = hmac::sign(&self.key, format!("user_id:{}", person.0).as_bytes());
        format!("2088{:010}{:02}", person.0, tag.as_ref()[0] % 100)
    }

    pub fn by_user_id(&self, text: &str) -> Option<PersonNo> {
        People::find(text, |person| self.user_id(person), 4..14)
    }
}

/// What a presented login code turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeStanding {
    Fresh(PersonNo),
    Used,
    Expired,
    Unknown,
}

struct LoginCode {
    /// Of which mini-program, when a platform has several.
    app_id: String,
    person: PersonNo,
    minted_at: Timestamp,
    used: bool,
}

/// The single-use login codes of one platform.
pub(crate) struct LoginCodes {
    codes: Mutex<Bounded<String, LoginCode>>,
    channel: Channel,
}

impl LoginCodes {
    pub fn new(channel: Channel) -> LoginCodes {
        LoginCodes { codes: Mutex::new(Bounded::new(100_000)), channel }
    }

    pub fn mint(&self, person: PersonNo, now: Timestamp, entropy: &dyn Entropy) -> String {
        self.mint_for("", person, now, entropy)
    }

    /// A code of one of several mini-programs.
    pub fn mint_for(
        &self,
        app_id: &str,
        person: PersonNo,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> String {
        let code = match self.channel {
            Channel::Wechat => format!("0{}", entropy.letters(31)),
            Channel::Alipay => entropy.hex(16),
        };
        let app_id = app_id.to_owned();
        let minted = LoginCode { app_id, person, minted_at: now, used: false };
        lock(&self.codes).insert(code.clone(), minted);
        code
    }

    /// Whether it was minted here.
    pub fn knows(&self, code: &str) -> bool {
        lock(&self.codes).contains(code)
    }

    /// The mini-program of a code that is known.
    pub fn app_of(&self, code: &str) -> Option<String> {
        lock(&self.codes).get(code).map(|known| known.app_id.clone())
    }

    /// Uses the code up, whatever the caller does with the answer.
    pub fn redeem(&self, code: &str, now: Timestamp) -> CodeStanding {
        // WeChat says five minutes. Alipay's figure for mini-programs is not public; three minutes is
        // what a careful client designs for.
        let life_seconds = match self.channel {
            Channel::Wechat => 300,
            Channel::Alipay => 180,
        };
        let mut codes = lock(&self.codes);
        let Some(known) = codes.get_mut(code) else { return CodeStanding::Unknown };
        if known.used {
            return CodeStanding::Used;
        }
        known.used = true;
        if now.since(known.minted_at).as_secs() >= life_seconds {
            return CodeStanding::Expired;
        }
        CodeStanding::Fresh(known.person)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::SeededEntropy;

    use super::*;

    #[test]
    fn ids_name_one_person_of_one_app() {
        let (ours, other) = (People::new("secret"), People::new("other"));
        let person = PersonNo::of("小明");
        assert_eq!(ours.openid(person).len(), 28);
        assert_eq!(ours.by_openid(&ours.openid(person)), Some(person));
        assert_eq!(ours.by_openid(&other.openid(person)), None);
        assert_eq!(ours.open_id(person).len(), 47);
        assert_eq!(ours.by_open_id(&ours.open_id(person)), Some(person));
        assert_eq!(ours.user_id(person).len(), 16);
        assert_eq!(ours.by_user_id(&ours.user_id(person)), Some(person));
        for wrong in ["", "o", "社保社保社保社保社保社保社保社保", &"1".repeat(28), &"9".repeat(47)]
        {
            assert_eq!(ours.by_openid(wrong), None, "{wrong}");
            assert_eq!(ours.by_open_id(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_mock_user_has_a_name_and_a_number_that_checks() {
        let now = Timestamp::from_unix_seconds(1_767_225_600);
        for name in ["小明", "小红", "user", "a", "b"] {
            let person = PersonNo::of(name);
            assert_eq!(person.name().chars().count(), 3);
            let kind = kernel::DocumentKind::ResidentId;
            assert!(kernel::Document::parse(kind, &person.cert_no(), now).is_ok(), "{name}");
            assert!((115..=126).contains(&person.age(now)), "{}", person.age(now));
        }
        assert_ne!(PersonNo::of("小明").cert_no(), PersonNo::of("小红").cert_no());
    }

    #[test]
    fn a_login_code_works_once_and_not_for_long() {
        let codes = LoginCodes::new(Channel::Wechat);
        let (now, entropy) = (Timestamp::from_unix_seconds(1_767_225_600), SeededEntropy::new(3));
        let person = PersonNo::of("a");
        let code = codes.mint(person, now, &entropy);
        assert_eq!(codes.redeem(&code, now), CodeStanding::Fresh(person));
        assert_eq!(codes.redeem(&code, now), CodeStanding::Used);
        assert_eq!(codes.redeem("nothing", now), CodeStanding::Unknown);
        let late = codes.mint(person, now, &entropy);
        assert_eq!(codes.redeem(&late, now.plus(Duration::from_secs(300))), CodeStanding::Expired);
    }
}
