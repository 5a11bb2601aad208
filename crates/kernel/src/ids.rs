//! Identifiers, each its own type so that one cannot be passed for another.
//!
//! Row identifiers are time-ordered UUIDs (version 7). Names that come from outside (cities,
//! agencies, bills) and numbers that go outside (orders, payments) are checked texts.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::{Entropy, Timestamp};

/// A text that is not the identifier it was taken for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {rule}")]
pub struct IdError {
    pub what: &'static str,
    pub rule: &'static str,
}

macro_rules! row_ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new identifier that sorts by `now`.
            pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
                Self(crate::entropy::uuid_v7(now, entropy))
            }
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let rule = "a UUID";
                Uuid::parse_str(text).map(Self).map_err(|_| IdError { what: stringify!($name), rule })
            }
        }
    )*};
}

row_ids! {
    /// A person logged in through one mini-program.
    AccountId
    /// A person whose contribution is paid.
    PersonId
    ConsentId
    OrderId
    PaymentId
    PostingId
    RefundId
    NotificationId
    JobId
    CaseId
    /// What a citizen says is not right about an order (异议).
    DisputeId
    ReminderId
}

macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident: $rule:literal, $check:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// # Errors
            #[doc = concat!("Unless the text is ", $rule, ".")]
            pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                let check: fn(&str) -> bool = $check;
                if check(&text) {
                    Ok(Self(text))
                } else {
                    Err(IdError { what: stringify!($name), rule: $rule })
                }
            }
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

fn digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

fn name_like(text: &str, length_max: usize) -> bool {
    (1..=length_max).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

fn number_like(text: &str) -> bool {
    (28..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

text_ids! {
    /// Six digits of GB/T 2260. Selectable cities end in `00`; counties with agencies of their own do not.
    CityCode: "six digits (GB/T 2260)", |text| text.len() == 6 && digits(text);
    /// Which social-insurance agency (社保经办机构) a bill belongs to. Opaque.
    AgencyCode: "1 to 32 letters, digits, dots, hyphens or underscores", |text| name_like(text, 32);
    /// The agency's number of one bill. Opaque.
    BillNo: "1 to 64 letters, digits, dots, hyphens or underscores", |text| name_like(text, 64);
    /// Names one policy in the packs, such as `js-pension-2023`.
    PolicyId: "1 to 64 letters, digits, dots, hyphens or underscores", |text| name_like(text, 64);
    /// Our name for one merchant account at a channel; part of its callback address.
    MerchantKey: "1 to 32 letters, digits, dots, hyphens or underscores", |text| name_like(text, 32);
    /// Our number of an order, shown to citizens.
    OrderNo: "28 to 32 letters and digits", number_like;
    /// Our number of one payment attempt at a channel (商户订单号).
    OutTradeNo: "28 to 32 letters and digits", number_like;
}

impl OrderNo {
    /// Beijing time to the millisecond (17 digits) and 11 random characters: sorts by time, holds
    /// nothing about the person.
    pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> OrderNo {
        OrderNo(format!("{}{}", now.beijing_digits(), entropy.letters(11)))
    }
}

impl OutTradeNo {
    /// As [`OrderNo::generate`] after two capitals that name the deployment, because a merchant's
    /// numbers must never repeat, across test and production either.
    pub fn generate(prefix: [u8; 2], now: Timestamp, entropy: &dyn Entropy) -> OutTradeNo {
        let letter = |b: u8| if b.is_ascii_alphanumeric() { char::from(b) } else { 'X' };
        let prefix = [letter(prefix[0]), letter(prefix[1])];
        let number =
            format!("{}{}{}{}", prefix[0], prefix[1], now.beijing_digits(), entropy.letters(11));
        OutTradeNo(number)
    }
}

impl CityCode {
    /// The first two digits, as a province code: `320200` gives `320000`.
    pub fn province(&self) -> CityCode {
        CityCode(format!("{}0000", &self.0[..2]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededEntropy;

    #[test]
    fn numbers_sort_by_time_and_fit_both_channels() {
        let entropy = SeededEntropy::new(7);
        let early =
            OutTradeNo::generate(*b"SI", Timestamp::from_millis(1_767_225_600_000), &entropy);
        let late =
            OutTradeNo::generate(*b"SI", Timestamp::from_millis(1_767_225_600_001), &entropy);
        assert!(early < late);
        assert!(early.as_str().starts_with("SI20260101080000000"));
        assert_eq!(early.as_str().len(), 30);
        assert_eq!(OutTradeNo::new(early.as_str()), Ok(early));
    }

    #[test]
    fn row_ids_sort_by_time() {
        let entropy = SeededEntropy::new(7);
        let early = OrderId::generate(Timestamp::from_millis(1_000), &entropy);
        let late = OrderId::generate(Timestamp::from_millis(1_001), &entropy);
        assert!(early < late);
        assert_eq!(early.to_string().parse(), Ok(early));
    }

    #[test]
    fn a_city_code_is_six_digits() {
        assert!(CityCode::new("320200").is_ok());
        assert!(CityCode::new("32020").is_err());
        assert!(CityCode::new("32020O").is_err());
        assert_eq!(CityCode::new("320200").map(|c| c.province().to_string()), Ok("320000".into()));
    }
}
