//! Our own calculation of an agency's bill. The bill decides; the preview explains it, and is kept
//! with the order so that it can be replayed years later.

use agency::Bill;
use kernel::{BillKind, CityCode, Insurance, InsuredKind};
use policies::{Catalogue, Choice, Quote, QuoteRequest, Subject};

/// The quote for a bill, `None` where no policy prices it: then the agency's amount stands alone.
pub fn preview(catalogue: &Catalogue, city: &CityCode, bill: &Bill) -> Option<Quote> {
    match bill.kind {
        BillKind::Regular | BillKind::Resident => {}
        // By what base missed months and differences are billed is the agency's to know; a top-up is
        // what somebody wants to pay.
        BillKind::Difference | BillKind::BackPayment | BillKind::Topup => return None,
    }
    let insured_kind = usual_kind(bill.insurance);
    let subject = Subject::City { city: city.clone(), insurance: bill.insurance, insured_kind };
    let choice = match (bill.tier_no, bill.base) {
        (_, Some(base)) => Choice::Base(base),
        (Some(tier), None) => Choice::Tier(tier),
        (None, None) => match &bill.category {
            Some(category) => Choice::Category(category.code.clone()),
            None => Choice::Floor,
        },
    };
    let mut request = QuoteRequest::new(subject, choice, bill.months);
    request.provisional = true;
    catalogue.quote(&request).ok()
}

/// Resident insurance is for residents, the rest for flexible employment.
pub const fn usual_kind(insurance: Insurance) -> InsuredKind {
    match insurance {
        Insurance::ResidentMedical => InsuredKind::Resident,
        Insurance::Pension | Insurance::Medical | Insurance::Unemployment => {
            InsuredKind::FlexibleEmployment
        }
    }
}
