//! Who a person is on paper: identity documents, names, and how both are masked.
//!
//! Rules: GB 11643-1999 (resident ID), the residence permit for Hong Kong, Macau and Taiwan
//! residents, and the foreign permanent resident ID of 2023-12-01, which all end in an ISO 7064
//! MOD 11-2 check character. The six-digit region is *not* compared with the current code list:
//! merged districts live on in numbers that stay valid for life.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::{Date, Month};

use crate::{Timestamp, UnknownWord};

/// Which document proves who a person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// 居民身份证
    ResidentId,
    /// 港澳台居民居住证
    HkmtResidence,
    /// 外国人永久居留身份证, 18 characters, since 2023-12-01
    ForeignPr,
    /// 外国人永久居留身份证, 3 letters and 12 digits
    ForeignPrOld,
    /// 护照
    Passport,
    /// 港澳居民来往内地通行证
    HkMacauPass,
    /// 台湾居民来往大陆通行证
    TaiwanPass,
}

impl DocumentKind {
    pub const ALL: [DocumentKind; 7] = [
        DocumentKind::ResidentId,
        DocumentKind::HkmtResidence,
        DocumentKind::ForeignPr,
        DocumentKind::ForeignPrOld,
        DocumentKind::Passport,
        DocumentKind::HkMacauPass,
        DocumentKind::TaiwanPass,
    ];

    pub const fn code(self) -> &'static str {
        match self {
            DocumentKind::ResidentId => "resident_id",
            DocumentKind::HkmtResidence => "hkmt_residence",
            DocumentKind::ForeignPr => "foreign_pr",
            DocumentKind::ForeignPrOld => "foreign_pr_old",
            DocumentKind::Passport => "passport",
            DocumentKind::HkMacauPass => "hk_macau_pass",
            DocumentKind::TaiwanPass => "taiwan_pass",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            DocumentKind::ResidentId => "居民身份证",
            DocumentKind::HkmtResidence => "港澳台居民居住证",
            DocumentKind::ForeignPr | DocumentKind::ForeignPrOld => "外国人永久居留身份证",
            DocumentKind::Passport => "护照",
            DocumentKind::HkMacauPass => "港澳居民来往内地通行证",
            DocumentKind::TaiwanPass => "台湾居民来往大陆通行证",
        }
    }
}

impl std::str::FromStr for DocumentKind {
    type Err = UnknownWord;
    fn from_str(code: &str) -> Result<Self, UnknownWord> {
        DocumentKind::ALL.into_iter().find(|kind| kind.code() == code).ok_or(UnknownWord {
            list: "DocumentKind",
            expected: "resident_id hkmt_residence foreign_pr foreign_pr_old passport hk_macau_pass taiwan_pass",
        })
    }
}

/// Why a document number is refused. Never carries the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    #[error("the number has the wrong length or characters for this document")]
    Shape,
    #[error("the number's region is not one of this document")]
    Region,
    #[error("the birth date in the number does not exist")]
    BirthDate,
    #[error("the birth date in the number lies in the future")]
    FutureBirthDate,
    #[error("the birth date in the number is more than 150 years ago")]
    TooOld,
    #[error("the check character does not fit the number")]
    CheckCharacter,
}

/// A checked document: kind and normalised number. `Debug` does not print the number.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Document {
    kind: DocumentKind,
    number: String,
}

impl Document {
    /// Normalises (full width to half width, blanks dropped, capitals) and checks. The number of a
    /// residence permit is one, also when it is called a resident ID: one person has one document,
    /// whatever they chose in the list.
    ///
    /// # Errors
    /// [`DocumentError`] names the rule that the number breaks.
    pub fn parse(kind: DocumentKind, raw: &str, now: Timestamp) -> Result<Document, DocumentError> {
        if raw.len() > 128 {
            return Err(DocumentError::Shape);
        }
        let number = normalise(raw);
        let kind = match kind {
            DocumentKind::ResidentId if has_permit_region(&number) => DocumentKind::HkmtResidence,
            kind => kind,
        };
        match kind {
            DocumentKind::ResidentId => {
                eighteen(&number)?;
                resident_region(&number)?;
                birth_date(&number, now)?;
                check_character(&number)?;
            }
            DocumentKind::HkmtResidence => {
                eighteen(&number)?;
                if !has_permit_region(&number) {
                    return Err(DocumentError::Region);
                }
                birth_date(&number, now)?;
                check_character(&number)?;
            }
            DocumentKind::ForeignPr => {
                eighteen(&number)?;
                if !number.starts_with('9') {
                    return Err(DocumentError::Region);
                }
                birth_date(&number, now)?;
                check_character(&number)?;
            }
            DocumentKind::ForeignPrOld => {
                let (letters, digits) = number.split_at_checked(3).ok_or(DocumentError::Shape)?;
                let shaped = letters.bytes().all(|b| b.is_ascii_uppercase())
                    && digits.len() == 12
                    && digits.bytes().all(|b| b.is_ascii_digit());
                if !shaped {
                    return Err(DocumentError::Shape);
                }
            }
            // No check digit is published; the agency decides.
            DocumentKind::Passport | DocumentKind::HkMacauPass | DocumentKind::TaiwanPass => {
                let shaped = (5..=20).contains(&number.len())
                    && number.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
                if !shaped {
                    return Err(DocumentError::Shape);
                }
            }
        }
        Ok(Document { kind, number })
    }

    pub const fn kind(&self) -> DocumentKind {
        self.kind
    }

    /// The whole number; for the agency, encryption and keyed hashing only.
    pub fn number(&self) -> &str {
        &self.number
    }

    /// For the person: first three and last four (`320***********000X`). Short numbers show less.
    pub fn masked_for_owner(&self) -> String {
        mask::keep(&self.number, 3, 4)
    }

    /// For somebody who pays for the person: first and last (`3****************X`).
    pub fn masked_for_payer(&self) -> String {
        mask::keep(&self.number, 1, 1)
    }

    /// The birth date in an 18-character number; other documents tell none.
    pub fn birth_date(&self) -> Option<BirthDate> {
        (self.number.len() == 18).then(|| calendar_date(&self.number)).flatten().map(BirthDate)
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({}, ***)", self.kind.code())
    }
}

/// The usual form of a sign that a Chinese keyboard gives in full width (`１`, `Ａ`, `－`).
pub const fn half_width(sign: char) -> char {
    match sign {
        '\u{FF01}'..='\u{FF5E}' => match char::from_u32(sign as u32 - 0xFEE0) {
            Some(half) => half,
            None => sign,
        },
        other => other,
    }
}

fn normalise(raw: &str) -> String {
    let kept = raw.chars().filter(|c| !c.is_whitespace());
    kept.map(|c| half_width(c).to_ascii_uppercase()).collect()
}

/// Region codes of residence permits: Hong Kong, Macau, Taiwan. No resident ID has them.
fn has_permit_region(number: &str) -> bool {
    ["810000", "820000", "830000"].iter().any(|region| number.starts_with(region))
}

fn eighteen(number: &str) -> Result<(), DocumentError> {
    let bytes = number.as_bytes();
    let shaped = bytes.len() == 18
        && bytes[..17].iter().all(u8::is_ascii_digit)
        && (bytes[17].is_ascii_digit() || bytes[17] == b'X');
    if shaped { Ok(()) } else { Err(DocumentError::Shape) }
}

/// Province codes of GB/T 2260 that appear in resident numbers, with 71 and 81 to 83.
fn resident_region(number: &str) -> Result<(), DocumentError> {
    let province: u8 = number[..2].parse().map_err(|_| DocumentError::Region)?;
    match province {
        11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83 => Ok(()),
        _ => Err(DocumentError::Region),
    }
}

fn calendar_date(number: &str) -> Option<Date> {
    let year = number.get(6..10)?.parse().ok()?;
    let month = Month::try_from(number.get(10..12)?.parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(year, month, number.get(12..14)?.parse().ok()?).ok()
}

fn birth_date(number: &str, now: Timestamp) -> Result<(), DocumentError> {
    let born = calendar_date(number).ok_or(DocumentError::BirthDate)?;
    BirthDate::checked(born, now).map(drop)
}

/// The day on which somebody was born. `Debug` does not print it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BirthDate(Date);

impl BirthDate {
    /// Reads `2012-05-30`.
    ///
    /// # Errors
    /// [`DocumentError`] for a day that does not exist, lies in the future or more than 150 years ago.
    pub fn parse(text: &str, now: Timestamp) -> Result<BirthDate, DocumentError> {
        let digits = |place: usize, sign: char| match place {
            4 | 7 => sign == '-',
            _ => sign.is_ascii_digit(),
        };
        let text: String = text.trim().chars().map(half_width).take(11).collect();
        if text.chars().count() != 10 || !text.chars().enumerate().all(|(at, c)| digits(at, c)) {
            return Err(DocumentError::BirthDate);
        }
        // The reader of document numbers knows it as their seventh to fourteenth digit.
        let number = format!("000000{}", text.replace('-', ""));
        BirthDate::checked(calendar_date(&number).ok_or(DocumentError::BirthDate)?, now)
    }

    fn checked(born: Date, now: Timestamp) -> Result<BirthDate, DocumentError> {
        let today = now.beijing().date();
        if born > today {
            return Err(DocumentError::FutureBirthDate);
        }
        if today.year() - born.year() > 150 {
            return Err(DocumentError::TooOld);
        }
        Ok(BirthDate(born))
    }

    /// Whole years on the business date in Beijing. Who was born on 29 February has the birthday on 1
    /// March in ordinary years.
    pub fn age_on(self, now: Timestamp) -> i32 {
        let (born, today) = (self.0, now.beijing().date());
        let had_birthday =
            (u8::from(today.month()), today.day()) >= (u8::from(born.month()), born.day());
        today.year() - born.year() - i32::from(!had_birthday)
    }
}

impl fmt::Debug for BirthDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BirthDate(***)")
    }
}

/// ISO 7064 MOD 11-2 over the first 17 digits.
fn check_character(number: &str) -> Result<(), DocumentError> {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHARACTERS: &[u8; 11] = b"10X98765432";
    let bytes = number.as_bytes();
    let sum: u32 = bytes.iter().zip(WEIGHTS).map(|(b, weight)| u32::from(b - b'0') * weight).sum();
    if bytes[17] == CHARACTERS[(sum % 11) as usize] {
        Ok(())
    } else {
        Err(DocumentError::CheckCharacter)
    }
}

/// Why a name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("a name has 2 to 50 characters")]
    Length,
    #[error("a name has no control characters, digits or symbols")]
    Characters,
    #[error("a name begins and ends with a letter, and no two marks stand side by side")]
    Marks,
}

/// A person's name as the agency compares it: blanks removed from Chinese names, letters in half
/// width, one kind of middle dot. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PersonName(String);

impl PersonName {
    /// # Errors
    /// When nothing that can be a name is left.
    pub fn parse(raw: &str) -> Result<PersonName, NameError> {
        if raw.len() > 400 {
            return Err(NameError::Length);
        }
        let dotted: String = raw
            .trim()
            .chars()
            .map(half_width)
            .map(|c| if matches!(c, '•' | '‧' | '・' | '.' | '･') { '·' } else { c })
            .collect();
        let latin = dotted.chars().all(|c| c.is_ascii() || c.is_whitespace() || c == '·');
        let name: String = if latin {
            dotted.split_whitespace().collect::<Vec<_>>().join(" ")
        } else {
            dotted.chars().filter(|c| !c.is_whitespace()).collect()
        };
        if !(2..=50).contains(&name.chars().count()) {
            return Err(NameError::Length);
        }
        let mark = |c: char| matches!(c, '·' | ' ' | '-' | '\'');
        if !name.chars().all(|c| c.is_alphabetic() || mark(c)) {
            return Err(NameError::Characters);
        }
        let signs: Vec<char> = name.chars().collect();
        let at_an_end =
            signs.first().copied().is_some_and(mark) || signs.last().copied().is_some_and(mark);
        if at_an_end || signs.windows(2).any(|pair| mark(pair[0]) && mark(pair[1])) {
            return Err(NameError::Marks);
        }
        Ok(PersonName(name))
    }

    /// A name that was checked when it was stored; the rules may have grown since. `None` for what
    /// never was a name.
    pub fn restore(stored: &str) -> Option<PersonName> {
        let length = stored.chars().count();
        ((2..=50).contains(&length) && !stored.chars().any(char::is_control))
            .then(|| PersonName(stored.to_owned()))
    }

    /// The whole name; for the agency and encryption only.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn masked(&self) -> String {
        mask::name(&self.0)
    }
}

impl fmt::Debug for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonName(***)")
    }
}

/// A document and the name on it: what an agency asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    pub document: Document,
    pub name: PersonName,
}

/// Masking rules (脱敏) for everything that is shown.
pub mod mask {
    /// The last character of a name; of four or more characters the last two: `*三`, `**丰`, `**娜扎`.
    pub fn name(name: &str) -> String {
        let characters: Vec<char> = name.chars().collect();
        let kept = if characters.len() >= 4 { 2 } else { 1 };
        let hidden = characters.len().saturating_sub(kept);
        "*".repeat(hidden) + &characters[hidden..].iter().collect::<String>()
    }

    /// The first `head` and last `tail` characters, at least half of the text hidden.
    pub fn keep(text: &str, head: usize, tail: usize) -> String {
        let characters: Vec<char> = text.chars().collect();
        let length = characters.len();
        let (head, tail) =
            if head + tail > length / 2 { (0, tail.min(length / 4)) } else { (head, tail) };
        let start: String = characters[..head].iter().collect();
        let end: String = characters[length - tail..].iter().collect();
        start + &"*".repeat(length - head - tail) + &end
    }

    /// A mobile number: `138****5678`. Anything that is none is masked like other texts.
    pub fn mobile(number: &str) -> String {
        if number.len() == 11 && number.bytes().all(|digit| digit.is_ascii_digit()) {
            format!("{}****{}", &number[..3], &number[7..])
        } else {
            keep(number, 3, 4)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn today() -> Timestamp {
        Timestamp::from_rfc3339("2026-11-23T12:00:00+08:00").expect("a time")
    }

    fn parse(kind: DocumentKind, raw: &str) -> Result<String, DocumentError> {
        Document::parse(kind, raw, today()).map(|document| document.number().to_owned())
    }

    #[rstest]
    #[case("320213190001010006")]
    #[case("320213190001010014")]
    #[case("32021319000101009X")]
    #[case("32021320000229000X")]
    #[case("320281190001010045")]
    #[case("810000190001010018")]
    #[case("820000190001010028")]
    #[case("830000190001010038")]
    fn good_resident_numbers_pass(#[case] number: &str) {
        assert_eq!(parse(DocumentKind::ResidentId, number).as_deref(), Ok(number));
    }

    #[rstest]
    #[case("320213190001010015", DocumentError::CheckCharacter)]
    #[case("320213190002290003", DocumentError::BirthDate)]
    #[case("320213209912310007", DocumentError::FutureBirthDate)]
    #[case("990213190001010006", DocumentError::Region)]
    #[case("32021390010101000", DocumentError::Shape)]
    #[case("320213900101001", DocumentError::Shape)]
    #[case("３２０213190001010006７", DocumentError::Shape)]
    fn bad_resident_numbers_are_refused_by_the_rule_they_break(
        #[case] number: &str,
        #[case] error: DocumentError,
    ) {
        assert_eq!(parse(DocumentKind::ResidentId, number), Err(error));
    }

    #[test]
    fn numbers_are_normalised_before_they_are_checked() {
        let number = parse(DocumentKind::ResidentId, " 320213 19000101 ００９ｘ ");
        assert_eq!(number.as_deref(), Ok("32021319000101009X"));
    }

    /// Two kinds would be two persons with two keyed hashes.
    #[rstest]
    #[case("810000190001010018")]
    #[case("820000190001010028")]
    #[case("830000190001010038")]
    fn a_residence_permit_is_one_whatever_it_is_called(#[case] number: &str) {
        let called = |kind| Document::parse(kind, number, today()).expect("a valid number");
        assert_eq!(called(DocumentKind::ResidentId), called(DocumentKind::HkmtResidence));
        assert_eq!(called(DocumentKind::ResidentId).kind(), DocumentKind::HkmtResidence);
    }

    #[rstest]
    #[case("2012-11-23", Ok(14))]
    #[case("2012-11-24", Ok(13))]
    #[case("２０１２－１１－２３", Ok(14))]
    #[case("2026-11-23", Ok(0))]
    #[case("2026-11-24", Err(DocumentError::FutureBirthDate))]
    #[case("1875-01-01", Err(DocumentError::TooOld))]
    #[case("2011-02-29", Err(DocumentError::BirthDate))]
    #[case("2012-1-3", Err(DocumentError::BirthDate))]
    #[case("20121123", Err(DocumentError::BirthDate))]
    #[case("", Err(DocumentError::BirthDate))]
    fn a_birth_date_tells_the_age(#[case] text: &str, #[case] age: Result<i32, DocumentError>) {
        assert_eq!(BirthDate::parse(text, today()).map(|born| born.age_on(today())), age);
    }

    #[test]
    fn districts_that_were_merged_stay_valid() {
        // 320202 (崇安) was merged into 梁溪 in 2015.
        assert!(parse(DocumentKind::ResidentId, "320202190001010007").is_ok());
    }

    #[rstest]
    #[case(DocumentKind::HkmtResidence, "810000190001010018", Ok(()))]
    #[case(DocumentKind::HkmtResidence, "320213190001010006", Err(DocumentError::Region))]
    #[case(DocumentKind::ForeignPr, "911320190001010014", Ok(()))]
    #[case(DocumentKind::ForeignPr, "320213190001010006", Err(DocumentError::Region))]
    #[case(DocumentKind::ForeignPrOld, "usa123456789012", Ok(()))]
    #[case(DocumentKind::ForeignPrOld, "US1123456789012", Err(DocumentError::Shape))]
    #[case(DocumentKind::Passport, "E12345678", Ok(()))]
    #[case(DocumentKind::Passport, "E1", Err(DocumentError::Shape))]
    #[case(DocumentKind::TaiwanPass, "12345678", Ok(()))]
    fn each_kind_has_its_rule(
        #[case] kind: DocumentKind,
        #[case] number: &str,
        #[case] expected: Result<(), DocumentError>,
    ) {
        assert_eq!(parse(kind, number).map(drop), expected);
    }

    #[rstest]
    #[case("张三", "*三")]
    #[case("张三丰", "**丰")]
    #[case("迪丽娜扎", "**娜扎")]
    fn names_keep_their_end(#[case] name: &str, #[case] masked: &str) {
        assert_eq!(PersonName::parse(name).map(|n| n.masked()), Ok(masked.to_owned()));
    }

    #[test]
    fn names_are_compared_without_blanks_and_with_one_dot() {
        let name = |raw| PersonName::parse(raw).map(|n| n.as_str().to_owned());
        assert_eq!(name("张 三"), name("张三"));
        assert_eq!(name("阿依古丽•买买提"), name("阿依古丽·买买提"));
        assert_eq!(name("JOHN  SMITH"), Ok("JOHN SMITH".into()));
        assert_eq!(name("ＪＯＨＮ　ＳＭＩＴＨ"), Ok("JOHN SMITH".into()));
        assert_eq!(name("O'BRIEN-SMITH"), Ok("O'BRIEN-SMITH".into()));
        assert_eq!(name("张"), Err(NameError::Length));
        assert_eq!(name("张3"), Err(NameError::Characters));
    }

    #[rstest]
    #[case("·张三")]
    #[case("张三·")]
    #[case("张··三")]
    #[case("-JOHN")]
    #[case("JOHN -SMITH")]
    #[case("SMITH'")]
    fn marks_stand_between_letters(#[case] name: &str) {
        assert_eq!(PersonName::parse(name), Err(NameError::Marks));
    }

    #[test]
    fn numbers_are_masked_for_owner_and_payer() {
        let document = Document::parse(DocumentKind::ResidentId, "32021320000229000X", today());
        let document = document.expect("a valid number");
        assert_eq!(document.masked_for_owner(), "320***********000X");
        assert_eq!(document.masked_for_payer(), "3****************X");
        assert_eq!(format!("{document:?}"), "Document(resident_id, ***)");
    }

    proptest! {
        #[test]
        fn any_text_is_answered_without_a_panic(raw in "\\PC{0,40}") {
            for kind in DocumentKind::ALL {
                let _ = Document::parse(kind, &raw, today());
            }
            let _ = PersonName::parse(&raw);
        }

        #[test]
        fn one_wrong_digit_is_always_noticed(position in 0usize..17, add in 1u8..10) {
            let mut digits = *b"320213190001010006";
            digits[position] = b'0' + (digits[position] - b'0' + add) % 10;
            let changed = String::from_utf8(digits.to_vec()).expect("digits");
            prop_assert!(parse(DocumentKind::ResidentId, &changed).is_err());
        }

        #[test]
        fn a_mask_never_shows_more_than_half(text in "[0-9A-Z]{1,30}", head in 0usize..5, tail in 0usize..5) {
            let masked = mask::keep(&text, head, tail);
            prop_assert_eq!(masked.len(), text.len());
            prop_assert!(masked.chars().filter(|c| *c == '*').count() * 2 >= text.len());
        }
    }
}
