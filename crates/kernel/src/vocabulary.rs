//! Closed lists of words that are stored, sent and shown under one code everywhere.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A code that is on none of our lists.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {list}: expected one of {expected}")]
pub struct UnknownWord {
    pub list: &'static str,
    pub expected: &'static str,
}

macro_rules! words {
    ($($(#[$doc:meta])* $list:ident { $($(#[$word_doc:meta])* $word:ident = $code:literal, $label:literal;)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $list {
            $($(#[$word_doc])* #[serde(rename = $code)] $word,)*
        }

        impl $list {
            pub const ALL: &'static [$list] = &[$($list::$word,)*];

            /// The stable code in the database, in JSON and on the command line.
            pub const fn code(self) -> &'static str {
                match self { $($list::$word => $code,)* }
            }

            /// The Chinese term shown to people.
            pub const fn label(self) -> &'static str {
                match self { $($list::$word => $label,)* }
            }
        }

        impl FromStr for $list {
            type Err = UnknownWord;
            fn from_str(code: &str) -> Result<Self, UnknownWord> {
                match code {
                    $($code => Ok($list::$word),)*
                    _ => Err(UnknownWord { list: stringify!($list), expected: concat!($($code, " ",)*) }),
                }
            }
        }

        impl fmt::Display for $list {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.code())
            }
        }
    )*};
}

words! {
    /// Who takes the money, and whose mini-program the citizen is in.
    Channel {
        Wechat = "wechat", "微信支付";
        Alipay = "alipay", "支付宝";
    }
    /// What is insured. Each insurance has its own agency, bills, postings and refunds.
    Insurance {
        Pension = "pension", "企业职工基本养老保险";
        Medical = "medical", "职工基本医疗保险";
        Unemployment = "unemployment", "失业保险";
        ResidentMedical = "resident_medical", "城乡居民基本医疗保险";
    }
    /// In which capacity a person is insured.
    InsuredKind {
        FlexibleEmployment = "flexible_employment", "灵活就业人员";
        Resident = "resident", "城乡居民";
    }
    /// What a bill is for. Orders, records and the journal keep the kinds apart.
    BillKind {
        /// The contribution of some months.
        Regular = "regular", "正常缴费";
        /// What a higher tier or a later standard adds to months already paid.
        Difference = "difference", "补差";
        /// Months that were missed, after their time.
        BackPayment = "back_payment", "补缴";
        /// A year of residents' insurance, by category.
        Resident = "resident", "城乡居民缴费";
        /// Money for the medical personal account of a social card; no premium at all.
        Topup = "topup", "个人账户充值";
    }
    /// What may be done when the outcome of an outgoing call is not known.
    RetryClass {
        /// The same call may be repeated at will.
        Idempotent = "idempotent", "可直接重试";
        /// Ask what happened before repeating.
        QueryFirst = "query_first", "先查询再重试";
        /// The call must not be repeated with the same input.
        Never = "never", "不可重试";
    }
}

/// What an agency bills unless it says otherwise.
impl Default for BillKind {
    fn default() -> BillKind {
        BillKind::Regular
    }
}

impl BillKind {
    /// Whether the bill is a contribution (保险费); a top-up is not, and never pays a pension.
    pub const fn is_premium(self) -> bool {
        !matches!(self, BillKind::Topup)
    }
}
