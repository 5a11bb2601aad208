//! The operations of an agency and the words they use (domain: 经办机构接口).

use std::fmt;

use async_trait::async_trait;
use kernel::{
    AgencyCode, BasisPoints, BillKind, BillNo, Channel, Fen, Identity, Insurance, Month,
    MonthRange, OrderNo, RetryClass, Timestamp,
};
use serde::{Deserialize, Serialize};

/// Whether contributions can be paid for an insurance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnrolmentState {
    /// 正常参保
    Active,
    /// 暂停参保
    Suspended,
    /// 终止参保
    Ended,
    /// 未参保
    NotEnrolled,
    /// 已退休
    Retired,
}

/// One insurance of one person at one agency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    pub insurance: Insurance,
    pub agency: AgencyCode,
    pub state: EnrolmentState,
    /// 个人编号; masked before it is shown.
    pub personal_no: Option<String>,
    pub tier_no: Option<u16>,
    /// Whether months are unpaid.
    pub arrears: bool,
}

/// A base that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    pub no: u16,
    pub label: String,
    pub base: Fen,
    pub monthly_amount: Fen,
}

/// A person chooses a tier from a month on.
#[derive(Clone, Debug)]
pub struct TierChoice {
    pub agency: AgencyCode,
    pub identity: Identity,
    pub insurance: Insurance,
    pub tier_no: u16,
    pub from: Month,
}

/// What the choice did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierChosen {
    pub effective_from: Month,
    /// Bills for the difference of months already paid.
    pub difference_bills: Vec<BillNo>,
}

#[derive(Clone, Debug)]
pub struct BillQuery {
    pub agency: AgencyCode,
    pub identity: Identity,
    pub insurance: Insurance,
    pub months: MonthRange,
    /// What is asked for. Differences come with regular bills; residents' bills with their
    /// insurance; an agency that knows neither of the others is never asked for them.
    pub kind: BillKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BillState {
    Due,
    Paid,
    Locked,
}

/// A part of a bill: a rate on the base, or a flat amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillComponent {
    pub code: String,
    pub name: String,
    pub rate_bp: Option<BasisPoints>,
    pub amount: Fen,
}

/// Whose yearly amount a residents' bill is: 学生少儿, 老年居民 and so on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillCategory {
    pub code: String,
    pub name: String,
}

/// What the agency says is due (应缴信息). Amount, period and version are authoritative.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill {
    pub bill_no: BillNo,
    /// Grows with every change of the bill.
    pub version: u32,
    pub agency: AgencyCode,
    pub insurance: Insurance,
    /// 费款所属期
    pub months: MonthRange,
    pub base: Option<Fen>,
    pub tier_no: Option<u16>,
    pub amount: Fen,
    pub components: Vec<BillComponent>,
    pub state: BillState,
    /// Last moment at which the agency takes the money.
    pub due_until: Option<Timestamp>,
    #[serde(default)]
    pub kind: BillKind,
    /// Of residents' bills.
    #[serde(default)]
    pub category: Option<BillCategory>,
}

/// The number on a social card (社会保障卡卡号): capitals and digits. Never the bank's number, never a
/// key of anything, because a new card has another. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct CardNo(String);

impl CardNo {
    /// Blanks and hyphens are dropped, letters become capitals. `None` for what no card bears.
    pub fn new(text: &str) -> Option<CardNo> {
        let number: String =
            text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect::<String>();
        let number = number.to_ascii_uppercase();
        let fits = (4..=15).contains(&number.len())
            && number.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        fits.then_some(CardNo(number))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CardNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardNo")
    }
}

/// Whether a social card can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardState {
    /// Issued, and its bank account (金融账户) activated.
    Active,
    /// Issued; the bank account was never activated.
    NotActivated,
    /// 挂失
    ReportedLost,
    NotIssued,
}

impl CardState {
    pub const fn code(self) -> &'static str {
        match self {
            CardState::Active => "active",
            CardState::NotActivated => "not_activated",
            CardState::ReportedLost => "reported_lost",
            CardState::NotIssued => "not_issued",
        }
    }
}

/// Asks for a person's card; with a number, whether it is theirs.
#[derive(Clone, Debug)]
pub struct CardQuery {
    pub agency: AgencyCode,
    pub identity: Identity,
    pub card_no: Option<CardNo>,
}

/// What the agency knows of a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocialCard {
    pub state: CardState,
    /// The last digits, for the holder to recognise the card by.
    pub card_tail: Option<String>,
    /// Whether there is a medical personal account (医保个人账户) that money can be paid into.
    pub personal_account: bool,
}

/// Asks for a bill that pays into the medical personal account of a card (个人账户充值).
#[derive(Clone, Debug)]
pub struct TopupRequest {
    pub agency: AgencyCode,
    pub identity: Identity,
    pub card_no: CardNo,
    pub amount: Fen,
}

/// A bill in the version and amount that we froze.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillRef {
    pub bill_no: BillNo,
    pub version: u32,
    pub amount: Fen,
}

/// Asks that nobody else collects these bills until `until`.
#[derive(Clone, Debug)]
pub struct LockRequest {
    pub agency: AgencyCode,
    pub order_no: OrderNo,
    pub bills: Vec<BillRef>,
    pub until: Timestamp,
}

/// Held until the moment given, or until released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// `None`: this agency cannot lock; ask for the bills again just before paying.
    pub token: Option<String>,
    pub until: Timestamp,
}

/// Books one bill of a paid order (入账). Idempotent by order number and bill number.
#[derive(Clone, Debug)]
pub struct PostingRequest {
    pub agency: AgencyCode,
    pub order_no: OrderNo,
    pub bill: BillRef,
    pub channel: Channel,
    /// The channel's number of the payment.
    pub transaction_id: String,
    pub paid_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    pub agency_serial: String,
    pub posted_at: Timestamp,
}

/// What the agency says about a posting when asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostingStanding {
    Posted(Posted),
    /// Certainly not booked, and never was; posting again is safe.
    NotPosted,
    /// It was booked, and the booking was undone (冲正). The same order cannot post it again.
    Reversed,
    /// The agency itself does not know yet.
    Unknown,
}

/// One booking in an agency's settlement file (结算文件).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettlementLine {
    pub order_no: OrderNo,
    pub bill_no: BillNo,
    pub amount: Fen,
    pub agency_serial: String,
    pub posted_at: Timestamp,
}

/// How far the agency's own refund (社保退费) of a posting is. We only show it; the person applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgencyRefundState {
    /// Nobody asked for one.
    None,
    /// 已申请
    Applied,
    /// 已审核
    Approved,
    /// 已退费
    Refunded,
    /// 不予退费
    Refused,
}

/// What the agency says about its refund of a posting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgencyRefund {
    pub state: AgencyRefundState,
    pub amount: Option<Fen>,
    pub refunded_at: Option<Timestamp>,
}

/// The agency's own proof of a posting, passed on as it is. `Debug` shows no content.
#[derive(Clone, PartialEq, Eq)]
pub struct OfficialDocument {
    /// Such as `application/pdf`.
    pub media_type: String,
    pub content: Vec<u8>,
}

impl fmt::Debug for OfficialDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OfficialDocument({}, {} bytes)", self.media_type, self.content.len())
    }
}

macro_rules! objections {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        /// A definite answer other than yes, by the agency's code (domain §7.3). The words for people are in
        /// the message files, at `agency_answer.CODE`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Objection {
            $($(#[$doc])* #[serde(rename = $code)] $name,)*
        }

        impl Objection {
            pub const ALL: &'static [Objection] = &[$(Objection::$name,)*];

            /// The code on the wire.
            pub const fn code(self) -> &'static str {
                match self { $(Objection::$name => $code,)* }
            }

            pub fn from_code(code: &str) -> Option<Objection> {
                match code { $($code => Some(Objection::$name),)* _ => None }
            }
        }
    };
}

objections! {
    NotEnrolled = "NOT_ENROLLED";
    IdentityMismatch = "IDENTITY_MISMATCH";
    AccountSuspended = "ACCOUNT_SUSPENDED";
    Retired = "RETIRED";
    EmployedElsewhere = "EMPLOYED_ELSEWHERE";
    BaseNotDeclared = "BASE_NOT_DECLARED";
    BasePendingPublish = "BASE_PENDING_PUBLISH";
    NoBill = "NO_BILL";
    AlreadyPaid = "ALREADY_PAID";
    BillLocked = "BILL_LOCKED";
    BillChanged = "BILL_CHANGED";
    OutOfWindow = "OUT_OF_WINDOW";
    /// Temporary: nothing was done, the same request works later.
    Maintenance = "MAINTENANCE";
    /// Temporary: the posting goes to the next settlement day.
    DayCutoff = "DAY_CUTOFF";
    AmountMismatch = "AMOUNT_MISMATCH";
    /// The request serial was used for other content.
    DuplicateRequest = "DUPLICATE_REQUEST";
    FullySubsidised = "FULLY_SUBSIDISED";
    CardNotActivated = "CARD_NOT_ACTIVATED";
    SchoolBilled = "SCHOOL_BILLED";
    TopupLimit = "TOPUP_LIMIT";
}

impl Objection {
    /// Whether the same request can succeed later without anybody changing anything.
    pub const fn is_temporary(self) -> bool {
        matches!(self, Objection::Maintenance | Objection::DayCutoff)
    }
}

/// Why a call gave no result. Carries codes, never content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgencyError {
    /// The agency answered, and the answer is no.
    #[error("the agency objects: {}", .0.code())]
    Objection(Objection),
    /// Nothing left this machine.
    #[error("the agency could not be reached")]
    NotSent,
    /// Sent, and nobody knows what came of it: time-out, reset, 5xx, `UNKNOWN`, unverifiable answer.
    #[error("the agency's answer is unknown ({0})")]
    Unknown(String),
    /// Keys or configuration: only an operator can help. Nothing was done.
    #[error("the agency does not accept our configuration ({0})")]
    Misconfigured(String),
}

impl AgencyError {
    /// What may be done next, by variant.
    pub const fn retry_class(&self) -> RetryClass {
        match self {
            AgencyError::NotSent => RetryClass::Idempotent,
            AgencyError::Unknown(_) => RetryClass::QueryFirst,
            AgencyError::Objection(objection) if objection.is_temporary() => RetryClass::Idempotent,
            AgencyError::Objection(_) | AgencyError::Misconfigured(_) => RetryClass::Never,
        }
    }
}

/// One agency system; it may speak for several agency codes.
#[async_trait]
pub trait Agency: Send + Sync + fmt::Debug {
    /// Retry class: idempotent. Not enrolled at all is [`Objection::NotEnrolled`].
    async fn query_insured(
        &self,
        agency: &AgencyCode,
        identity: &Identity,
    ) -> Result<Vec<Enrolment>, AgencyError>;

    /// Retry class: idempotent.
    async fn list_tiers(
        &self,
        agency: &AgencyCode,
        insurance: Insurance,
        month: Month,
    ) -> Result<Vec<Tier>, AgencyError>;

    /// Retry class: idempotent (the same choice twice is one choice).
    async fn set_tier(&self, choice: &TierChoice) -> Result<TierChosen, AgencyError>;

    /// Retry class: idempotent. Answers due, locked and paid bills; none at all is an empty list.
    async fn query_bills(&self, query: &BillQuery) -> Result<Vec<Bill>, AgencyError>;

    /// All or nothing. Retry class: idempotent by order number.
    async fn lock_bills(&self, request: &LockRequest) -> Result<Lock, AgencyError>;

    /// Releases what the order holds; releasing nothing is fine. Retry class: idempotent.
    async fn unlock_bills(
        &self,
        agency: &AgencyCode,
        order_no: &OrderNo,
    ) -> Result<(), AgencyError>;

    /// Retry class: query first.
    async fn post_payment(&self, request: &PostingRequest) -> Result<Posted, AgencyError>;

    /// Retry class: idempotent.
    async fn query_posting(
        &self,
        agency: &AgencyCode,
        order_no: &OrderNo,
        bill_no: &BillNo,
    ) -> Result<PostingStanding, AgencyError>;

    /// Asks to undo a posting (冲正), usually on the same day only. Retry class: query first.
    async fn reverse(
        &self,
        agency: &AgencyCode,
        agency_serial: &str,
        reason: &str,
    ) -> Result<(), AgencyError>;

    /// All bookings of a business date `YYYY-MM-DD`. Retry class: idempotent.
    async fn download_settlement(
        &self,
        agency: &AgencyCode,
        date: &str,
    ) -> Result<Vec<SettlementLine>, AgencyError>;

    /// The state of a social card. Retry class: idempotent. A number that is not the person's is
    /// [`Objection::IdentityMismatch`].
    ///
    /// An agency without this operation keeps the default, which says so.
    async fn query_card(&self, query: &CardQuery) -> Result<SocialCard, AgencyError> {
        let _ = query;
        Err(AgencyError::Misconfigured("query-card is not offered".into()))
    }

    /// A bill of [`BillKind::Topup`], to be ordered like any other. Retry class: idempotent (the same
    /// card and amount are the same bill while it is due).
    ///
    /// An agency without this operation keeps the default, which says so.
    async fn create_topup(&self, request: &TopupRequest) -> Result<Bill, AgencyError> {
        let _ = request;
        Err(AgencyError::Misconfigured("create-topup is not offered".into()))
    }

    /// How far the agency's own refund (社保退费) is. Retry class: idempotent.
    ///
    /// An agency without this operation keeps the default, which says so.
    async fn query_refund(
        &self,
        agency: &AgencyCode,
        agency_serial: &str,
    ) -> Result<AgencyRefund, AgencyError> {
        let _ = (agency, agency_serial);
        Err(AgencyError::Misconfigured("query-refund is not offered".into()))
    }

    /// The agency's own proof of a posting. Retry class: idempotent.
    ///
    /// An agency without this operation keeps the default, which says so.
    async fn fetch_document(
        &self,
        agency: &AgencyCode,
        agency_serial: &str,
    ) -> Result<OfficialDocument, AgencyError> {
        let _ = (agency, agency_serial);
        Err(AgencyError::Misconfigured("fetch-document is not offered".into()))
    }
}
