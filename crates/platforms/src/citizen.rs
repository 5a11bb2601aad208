//! The ports for what a mini-program's platform can say of its own user: whether they are the person
//! whom they name (实名), and what their telephone number is. WeChat and Alipay are the two.
//!
//! Only the platform's answer to the server proves anything. A [`RealNameProof`] is made by the query
//! alone and is about one person, one user and one number of ours.

use std::fmt;

use async_trait::async_trait;
use kernel::{DocumentKind, Identity, RetryClass, Secret, Timestamp};

use crate::LoginProvider;

/// Whom to verify. `Debug` prints our number only.
#[derive(Clone)]
pub struct RealNameRequest {
    /// Ours: 5 to 32 letters and digits, used once.
    pub number: String,
    pub person: Identity,
    /// The platform's name of the logged-in user.
    pub user: String,
    /// Where a page of the platform leads afterwards.
    pub return_url: String,
}

impl fmt::Debug for RealNameRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RealNameRequest({}, ***)", self.number)
    }
}

/// A begun verification.
#[derive(Clone, Debug)]
pub struct RealNameTicket {
    /// The platform's name of it; store it before the client gets [`RealNameAction`].
    pub reference: Secret,
    /// From then on the client cannot use it.
    pub expires_at: Timestamp,
}

/// What the client opens. `Debug` prints none of it: whoever has it sees the page.
#[derive(Clone, PartialEq, Eq)]
pub enum RealNameAction {
    /// The argument of `wx.requestFacialVerify`.
    WechatFace { verify_id: String },
    /// The arguments of `my.call('startBizService', {name: 'open-certify', …})`.
    AlipayCertify { certify_id: String, url: String },
}

impl fmt::Debug for RealNameAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RealNameAction::WechatFace { .. } => "WechatFace(***)",
            RealNameAction::AlipayCertify { .. } => "AlipayCertify(***)",
        })
    }
}

/// Why somebody did not pass; a new verification may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RealNameNo {
    /// Name and number do not belong together.
    PersonUnknown,
    /// The face is another person's.
    OtherFace,
    /// The face could not be recognised.
    NotSeen,
    Cancelled,
    /// No camera, or no permission for it.
    Device,
    Connection,
    /// The time was over, or the platform has forgotten it.
    Expired,
    /// The platform does not say why.
    Unsaid,
}

/// A platform's word that a person is who they say. Only the query makes one.
#[derive(Clone)]
pub struct RealNameProof {
    person: Identity,
    user: String,
    number: String,
}

impl RealNameProof {
    /// Private to the platforms: what they were asked, which is what they vouched for.
    pub(crate) fn vouched(request: &RealNameRequest) -> RealNameProof {
        let RealNameRequest { number, person, user, .. } = request.clone();
        RealNameProof { person, user, number }
    }

    /// Whether it is about this person, this user and our number.
    pub fn is_of(&self, request: &RealNameRequest) -> bool {
        self.person == request.person && self.user == request.user && self.number == request.number
    }
}

impl fmt::Debug for RealNameProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RealNameProof({}, ***)", self.number)
    }
}

/// How a verification stands.
#[derive(Clone, Debug)]
pub enum RealNameStanding {
    Passed(RealNameProof),
    NotPassed(RealNameNo),
    /// Begun, and not ended by the person.
    Waiting,
}

/// Why there is no answer. Carries codes, never content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CitizenError {
    /// The platform does not verify this kind of document.
    #[error("the platform does not verify this kind of document")]
    Document,
    /// What the client brought is no (living) code or envelope: it asks its platform again.
    #[error("what the client brought is not valid (any more)")]
    Evidence,
    #[error("the platform is busy")]
    Busy,
    #[error("the platform could not be reached")]
    NotSent,
    #[error("the platform's answer is unknown ({0})")]
    Unknown(String),
    #[error("the platform refused ({0})")]
    Refused(String),
    /// Only an operator can help.
    #[error("the platform does not accept our configuration ({0})")]
    Misconfigured(String),
}

impl CitizenError {
    /// Of the query. Beginning takes a new number after any doubt; codes are good for one use.
    pub const fn retry_class(&self) -> RetryClass {
        match self {
            CitizenError::Busy | CitizenError::NotSent | CitizenError::Unknown(_) => {
                RetryClass::Idempotent
            }
            CitizenError::Document
            | CitizenError::Evidence
            | CitizenError::Refused(_)
            | CitizenError::Misconfigured(_) => RetryClass::Never,
        }
    }
}

/// Proves that the user is the person whom they name.
#[async_trait]
pub trait RealNameProvider: Send + Sync + fmt::Debug {
    /// Whether the platform can prove a person with this document.
    fn verifies(&self, document: DocumentKind) -> bool;

    /// Retry class: never with the same number.
    async fn begin_real_name(
        &self,
        request: &RealNameRequest,
    ) -> Result<RealNameTicket, CitizenError>;

    /// What the client opens for a begun verification. Calls nothing.
    fn real_name_action(&self, reference: &Secret) -> Result<RealNameAction, CitizenError>;

    /// How the verification `reference` went, which began with `request`. Retry class: idempotent.
    async fn query_real_name(
        &self,
        reference: &Secret,
        request: &RealNameRequest,
    ) -> Result<RealNameStanding, CitizenError>;
}

/// Tells the user's telephone number.
#[async_trait]
pub trait PhoneProvider: Send + Sync + fmt::Debug {
    /// The number that `evidence` stands for: WeChat's code of the button, or Alipay's envelope.
    /// With the country's prefix when it is a foreign one. Retry class: never.
    async fn phone_number(&self, evidence: &Secret, user: &str) -> Result<Secret, CitizenError>;

    /// Whether one evidence can be shown again and again, so that the caller has to remember it.
    fn evidence_is_reusable(&self) -> bool;
}

/// One mini-program as its platform serves it.
pub trait CitizenProvider: LoginProvider + RealNameProvider + PhoneProvider {}

impl<T: LoginProvider + RealNameProvider + PhoneProvider> CitizenProvider for T {}
