//! The social-insurance agency (社保经办机构): enrolment, tiers, bills, postings.
//!
//! Players: [`Agency`] is the port; one implementation speaks our own JSON protocol over HTTP
//! (`docs/agency-protocol.md`), a city with another interface writes another. Promised: every call
//! has a time limit, a stated retry class and a metric; a doubt is told as a doubt
//! ([`AgencyError::Unknown`]), never as a no. The agency's bill is the truth; what we compute is a
//! preview.
//!
//! Deliberately absent: retries (the jobs own them), caching, and any judgement of amounts.

mod answer;
mod http;
mod port;
mod sign;
mod wire;

pub use http::{HttpAgency, HttpAgencyConfig};
pub use port::{
    Agency, AgencyError, AgencyRefund, AgencyRefundState, Bill, BillCategory, BillComponent,
    BillQuery, BillRef, BillState, CardNo, CardQuery, CardState, Enrolment, EnrolmentState, Lock,
    LockRequest, Objection, OfficialDocument, Posted, PostingRequest, PostingStanding,
    SettlementLine, SocialCard, Tier, TierChoice, TierChosen, TopupRequest,
};
