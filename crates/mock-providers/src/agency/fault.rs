//! What can go wrong on purpose.

use kernel::{Fen, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::codes::AgencyCodeWord;

macro_rules! operations {
    ($($name:ident = $code:literal;)*) => {
        /// An operation of the protocol.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        pub enum AgencyOperation { $(#[serde(rename = $code)] $name,)* }

        impl AgencyOperation {
            pub const fn code(self) -> &'static str {
                match self { $(AgencyOperation::$name => $code,)* }
            }

            pub fn from_code(code: &str) -> Option<AgencyOperation> {
                match code { $($code => Some(AgencyOperation::$name),)* _ => None }
            }
        }
    };
}

operations! {
    QueryInsured = "query-insured";
    ListTiers = "list-tiers";
    SetTier = "set-tier";
    QueryBills = "query-bills";
    LockBills = "lock-bills";
    UnlockBills = "unlock-bills";
    PostPayment = "post-payment";
    QueryPosting = "query-posting";
    Reverse = "reverse";
    DownloadSettlement = "download-settlement";
    QueryRefund = "query-refund";
    FetchDocument = "fetch-document";
    QueryCard = "query-card";
    CreateTopup = "create-topup";
}

/// A failure to play, where and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgencyFault {
    /// `None`: any operation.
    #[serde(default)]
    pub operation: Option<AgencyOperation>,
    /// `None`: until the faults are cleared. Once, when left out of the JSON.
    #[serde(default = "once")]
    pub times: Option<u32>,
    #[serde(flatten)]
    pub fault: FaultKind,
}

fn once() -> Option<u32> {
    Some(1)
}

/// What happens instead of, or after, the right thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "fault", rename_all = "snake_case")]
#[schema(as = AgencyFaultKind)]
pub enum FaultKind {
    /// Does nothing and answers this code.
    Refuse { code: AgencyCodeWord },
    /// Does it, then cuts the connection.
    CommitThenDrop,
    /// Cuts the connection and does nothing.
    DropBeforeCommit,
    /// Answers `UNKNOWN`, having done it or not.
    Unknown { booked: bool },
    /// Does it, and answers this much later.
    Slow { millis: u64 },
    /// Does nothing and answers a bare status 500 without a signature.
    Http500,
    /// Does it, and answers without a signature.
    UnsignedAnswer,
    /// Does it, and answers something that is no JSON of the protocol, correctly signed.
    Garbage,
    /// Answers `MAINTENANCE` between the two moments; later it is gone. Does not count `times`.
    MaintenanceWindow {
        #[schema(value_type = String, format = DateTime)]
        from: Timestamp,
        #[schema(value_type = String, format = DateTime)]
        until: Timestamp,
    },
    /// `query-posting` says that the agency does not know yet.
    StandingUnknown,
    /// `query-posting` says that the agency never booked it, whatever it said before.
    StandingLost,
    /// The bills in the request grow by this much, so that the request meets `BILL_CHANGED`.
    BillsGrow {
        #[schema(value_type = String)]
        by: Fen,
    },
}

impl AgencyFault {
    /// A fault that happens once.
    pub const fn once(operation: AgencyOperation, fault: FaultKind) -> AgencyFault {
        AgencyFault { operation: Some(operation), times: Some(1), fault }
    }

    /// A fault that stays until it is cleared.
    pub const fn always(operation: AgencyOperation, fault: FaultKind) -> AgencyFault {
        AgencyFault { operation: Some(operation), times: None, fault }
    }
}

/// The first fault in the list that applies now, counted down; spent ones are dropped.
pub(super) fn take(
    faults: &mut Vec<AgencyFault>,
    operation: AgencyOperation,
    now: Timestamp,
) -> Option<FaultKind> {
    faults.retain(|fault| match fault.fault {
        FaultKind::MaintenanceWindow { until, .. } => now < until,
        _ => fault.times != Some(0),
    });
    let applies = |fault: &AgencyFault| {
        let begun = match fault.fault {
            FaultKind::MaintenanceWindow { from, .. } => from <= now,
            _ => true,
        };
        begun && fault.operation.is_none_or(|wanted| wanted == operation)
    };
    let fault = faults.iter_mut().find(|fault| applies(fault))?;
    if !matches!(fault.fault, FaultKind::MaintenanceWindow { .. }) {
        fault.times = fault.times.map(|left| left - 1);
    }
    Some(fault.fault.clone())
}
