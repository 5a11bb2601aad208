//! Which bill: agencies number their bills each for itself, so a number alone names none.

use std::fmt;

use kernel::{AgencyCode, BillNo};

/// One bill of one agency.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BillKey {
    pub agency: AgencyCode,
    pub bill_no: BillNo,
}

impl fmt::Display for BillKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.agency, self.bill_no)
    }
}
