//! A pack: what one city offers, and to whom its citizens turn.
//!
//! A city is open when a pack says so. The policies of a pack are read by the same rules as those of
//! the shared files; see [`crate::Policy`].

mod counter;
mod guide;
mod reading;
mod window;

use kernel::{AgencyCode, BillKind, Channel, CityCode, Insurance, InsuredKind, MerchantKey};
use serde::{Deserialize, Serialize};

use crate::{Sources, policy::pack_words};

pub use counter::{BackPayment, MonthRules, NumberProblem, NumberShape, RealNameRules, Topup};
pub use guide::{
    Advice, AdviceCode, Guide, GuideChannel, GuideChannelKind, GuideNotice, ObjectionAdvice,
    RefundGuide, TopupGuide,
};
pub use window::{ClockTime, End, Holidays, Maintenance, Span, Standing, Window};

pub(crate) use reading::{read, read_guide};

/// One city's pack, without its policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    pub code: CityCode,
    /// The services offered; never empty.
    pub open: Vec<Service>,
    pub hotlines: Hotlines,
    pub agencies: Vec<Agency>,
    pub merchants: Merchants,
    pub waiting: Option<Waiting>,
    /// When agencies take money; always, for what no window names.
    pub windows: Vec<Window>,
    pub maintenance: Vec<Maintenance>,
    pub holidays: Holidays,
    pub months: MonthRules,
    pub back_payment: Option<BackPayment>,
    pub topup: Option<Topup>,
    /// What the number of a social card looks like here.
    pub card_no: NumberShape,
    /// What a personal number (个人编号) looks like here.
    pub personal_no: NumberShape,
    /// What one's own real name has to be proven for here.
    pub real_name: RealNameRules,
    /// What is particular to the city; the national guide comes with every city.
    pub guide: Guide,
}

impl Pack {
    /// The agency whose bills an insurance is on.
    pub fn agency_for(&self, insurance: Insurance) -> Option<&Agency> {
        self.agencies.iter().find(|agency| agency.insurances.contains(&insurance))
    }

    /// Whether such a bill of this agency is the city's own: it offers to pay it, and the agency is one
    /// of its agencies and bills that insurance. Another city's bill is collected by other accounts,
    /// at other times, within other limits.
    pub fn takes(&self, agency: &AgencyCode, insurance: Insurance, kind: BillKind) -> bool {
        let bills =
            |office: &Agency| office.code == *agency && office.insurances.contains(&insurance);
        self.offers(insurance, kind) && self.agencies.iter().any(bills)
    }

    /// Whether the city offers to pay such a bill here.
    pub fn offers(&self, insurance: Insurance, kind: BillKind) -> bool {
        self.open.iter().any(|service| match service {
            Service::BackPayment => {
                kind == BillKind::BackPayment
                    && self.back_payment.as_ref().is_some_and(|b| b.insurances.contains(&insurance))
            }
            Service::AccountTopup => kind == BillKind::Topup && insurance == service.insurance(),
            Service::FlexPension
            | Service::FlexMedical
            | Service::FlexUnemployment
            | Service::ResidentMedical => {
                insurance == service.insurance()
                    && matches!(kind, BillKind::Regular | BillKind::Difference | BillKind::Resident)
            }
        })
    }
}

pack_words! {
    /// What a citizen can do in a city.
    Service {
        FlexPension = "flex_pension";
        FlexMedical = "flex_medical";
        FlexUnemployment = "flex_unemployment";
        ResidentMedical = "resident_medical";
        /// Missed months (补缴), until the city's deadline.
        BackPayment = "back_payment";
        /// Money for the medical personal account of a social card. Open only where a pack says so.
        AccountTopup = "account_topup";
    }
    /// What an agency is an office of.
    AgencyKind {
        /// Human resources (人社): pension, unemployment.
        HumanResources = "hr";
        /// Medical (医保).
        Medical = "medical";
        /// Tax (税务), where it bills by itself.
        Tax = "tax";
    }
}

impl Service {
    /// The insurance that it belongs to; the first of them for missed months.
    pub const fn insurance(self) -> Insurance {
        match self {
            Service::FlexPension | Service::BackPayment => Insurance::Pension,
            Service::FlexMedical | Service::AccountTopup => Insurance::Medical,
            Service::FlexUnemployment => Insurance::Unemployment,
            Service::ResidentMedical => Insurance::ResidentMedical,
        }
    }

    pub const fn insured_kind(self) -> InsuredKind {
        match self {
            Service::FlexPension
            | Service::FlexMedical
            | Service::FlexUnemployment
            | Service::BackPayment
            | Service::AccountTopup => InsuredKind::FlexibleEmployment,
            Service::ResidentMedical => InsuredKind::Resident,
        }
    }

    /// The service by which such a bill is paid.
    pub const fn of(insurance: Insurance, kind: BillKind) -> Service {
        match (kind, insurance) {
            (BillKind::BackPayment, _) => Service::BackPayment,
            (BillKind::Topup, _) => Service::AccountTopup,
            (_, Insurance::Pension) => Service::FlexPension,
            (_, Insurance::Medical) => Service::FlexMedical,
            (_, Insurance::Unemployment) => Service::FlexUnemployment,
            (_, Insurance::ResidentMedical) => Service::ResidentMedical,
        }
    }

    /// What its bills are for. Differences come with those of months.
    pub const fn bill_kind(self) -> BillKind {
        match self {
            Service::FlexPension | Service::FlexMedical | Service::FlexUnemployment => {
                BillKind::Regular
            }
            Service::ResidentMedical => BillKind::Resident,
            Service::BackPayment => BillKind::BackPayment,
            Service::AccountTopup => BillKind::Topup,
        }
    }

    /// Whether its bills are shown without being asked for.
    pub const fn is_ordinary(self) -> bool {
        matches!(self.bill_kind(), BillKind::Regular | BillKind::Resident)
    }
}

/// Telephone numbers for questions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hotlines {
    pub human_resources: String,
    pub medical: String,
    pub tax: String,
}

impl Hotlines {
    /// The number of a kind of office.
    pub fn of(&self, kind: AgencyKind) -> &str {
        match kind {
            AgencyKind::HumanResources => &self.human_resources,
            AgencyKind::Medical => &self.medical,
            AgencyKind::Tax => &self.tax,
        }
    }
}

/// An office that enrols people and approves bills (经办机构). Not "the city": counties and zones
/// have their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agency {
    pub code: AgencyCode,
    pub name: String,
    pub kind: AgencyKind,
    pub region: CityCode,
    pub insurances: Vec<Insurance>,
}

/// Our names of the merchant accounts that collect for the city, one a wallet. Their numbers and keys
/// are the configuration's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merchants {
    pub wechat: Option<MerchantKey>,
    pub alipay: Option<MerchantKey>,
}

impl Merchants {
    pub const fn on(&self, channel: Channel) -> Option<&MerchantKey> {
        match channel {
            Channel::Wechat => self.wechat.as_ref(),
            Channel::Alipay => self.alipay.as_ref(),
        }
    }
}

/// What a gap or a late payment means for medical benefits. Shown, never enforced: benefits are the
/// agency's to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Arrears of up to this many months, the current one counted, can be made good.
    pub medical_gap_months_allowed: Option<u16>,
    /// Months without benefits after a longer gap or a first enrolment.
    pub medical_wait_months: Option<u16>,
    /// Months a resident waits who missed the season.
    pub resident_wait_months: Option<u16>,
    /// Days that newborns and other newcomers have without a gap.
    pub newcomer_days: Option<u16>,
    pub sources: Sources,
}
