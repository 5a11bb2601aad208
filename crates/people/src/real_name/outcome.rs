//! What comes of proving a real name, in words that do not change.

use kernel::{Channel, Timestamp, UnknownWord};

use crate::{PeopleError, table::persons};

/// Which platform's word it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RealNameSource {
    /// WeChat's face verification 2.0 (人脸核身).
    WechatFace,
    /// Alipay's identity verification (`alipay.user.certify.open`).
    AlipayCertify,
}

impl RealNameSource {
    pub const fn code(self) -> &'static str {
        match self {
            RealNameSource::WechatFace => "wechat_face",
            RealNameSource::AlipayCertify => "alipay_certify",
        }
    }

    pub const fn on(channel: Channel) -> RealNameSource {
        match channel {
            Channel::Wechat => RealNameSource::WechatFace,
            Channel::Alipay => RealNameSource::AlipayCertify,
        }
    }
}

impl std::str::FromStr for RealNameSource {
    type Err = UnknownWord;
    fn from_str(code: &str) -> Result<RealNameSource, UnknownWord> {
        [RealNameSource::WechatFace, RealNameSource::AlipayCertify]
            .into_iter()
            .find(|known| known.code() == code)
            .ok_or(UnknownWord { list: "RealNameSource", expected: "wechat_face alipay_certify" })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RealNameState {
    None,
    /// The platform waits for the person, or was not asked yet.
    Pending,
    Verified,
    /// The last try of the last day did not pass.
    Failed,
}

impl RealNameState {
    pub const fn code(self) -> &'static str {
        match self {
            RealNameState::None => "none",
            RealNameState::Pending => "pending",
            RealNameState::Verified => "verified",
            RealNameState::Failed => "failed",
        }
    }
}

/// Why a try did not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RealNameFailure {
    /// The platform did not begin it.
    NotBegun,
    /// Name and number do not belong together.
    PersonUnknown,
    /// The face is another person's.
    OtherFace,
    NotSeen,
    Cancelled,
    /// No camera, or no permission for it.
    Device,
    Connection,
    Expired,
    /// The platform said no and not why.
    NotPassed,
}

impl RealNameFailure {
    pub const ALL: [RealNameFailure; 9] = [
        RealNameFailure::NotBegun,
        RealNameFailure::PersonUnknown,
        RealNameFailure::OtherFace,
        RealNameFailure::NotSeen,
        RealNameFailure::Cancelled,
        RealNameFailure::Device,
        RealNameFailure::Connection,
        RealNameFailure::Expired,
        RealNameFailure::NotPassed,
    ];

    pub const fn code(self) -> &'static str {
        match self {
            RealNameFailure::NotBegun => "not_begun",
            RealNameFailure::PersonUnknown => "person_unknown",
            RealNameFailure::OtherFace => "other_face",
            RealNameFailure::NotSeen => "not_seen",
            RealNameFailure::Cancelled => "cancelled",
            RealNameFailure::Device => "device",
            RealNameFailure::Connection => "connection",
            RealNameFailure::Expired => "expired",
            RealNameFailure::NotPassed => "not_passed",
        }
    }

    pub(super) fn from_code(code: &str) -> Option<RealNameFailure> {
        RealNameFailure::ALL.into_iter().find(|known| known.code() == code)
    }
}

/// Whether a person has proven their real name, and by whose word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RealName {
    pub state: RealNameState,
    pub source: Option<RealNameSource>,
    pub verified_at: Option<Timestamp>,
    /// Of the last try, when it did not pass.
    pub failure: Option<RealNameFailure>,
}

impl RealName {
    pub(crate) const NONE: RealName =
        RealName { state: RealNameState::None, source: None, verified_at: None, failure: None };

    pub(crate) fn of_row(row: &persons::Model) -> Result<RealName, PeopleError> {
        let (Some(at), Some(source)) = (row.verified_at_ms, &row.verified_source) else {
            return Ok(RealName::NONE);
        };
        let (table, column) = (persons::TABLE, "verified_source");
        let damaged = |_| PeopleError::Damaged { table, column, row: row.id };
        Ok(RealName {
            state: RealNameState::Verified,
            source: Some(source.parse().map_err(damaged)?),
            verified_at: Some(Timestamp::from_millis(at)),
            failure: None,
        })
    }
}
