//! Who is in the book, in which insurance, and the bills that come with it.

use kernel::{
    AgencyCode, BillKind, BillNo, DocumentKind, Fen, Insurance, Month, MonthRange, Timestamp,
};

use super::{
    book::{BillRow, BillStanding, EnrolmentRow, PersonKey, PersonRow, State, city_of},
    codes::AgencyCodeWord as Code,
    fault::{AgencyFault, AgencyOperation, FaultKind},
    figures,
    people::{DefaultPerson, Part},
    seen::Insured,
    tier::price_difference,
    wire::{CategoryTold, ComponentTold, Standing},
};

/// The year whose bills everybody has.
const YEAR: u16 = 2023;
/// Wuxi's amount for pupils and children in 2024.
const PUPIL_FEN: i64 = 36_000;
const PUPIL: CategoryTold = CategoryTold { code: "student_child", name: "学生少儿" };
/// Wuxi's amount for older residents in 2024.
const ELDERLY_FEN: i64 = 55_000;
/// Wuxi's amount for residents of working age in 2024.
const OTHER_RESIDENT_FEN: i64 = 78_000;
/// Pupils and students at school in Wuxi are billed through the school.
const SCHOOL_BILLED: AgencyFault = AgencyFault::always(
    AgencyOperation::QueryBills,
    FaultKind::Refuse { code: Code::SchoolBilled },
);
/// Strangers enrolled on first sight end here.
const PEOPLE_MAX: usize = 100_000;

fn months_of(year: u16) -> impl Iterator<Item = Month> {
    (1..=12).filter_map(move |month| Month::new(year, month).ok())
}

impl State {
    pub(super) fn admit(&mut self, person: &DefaultPerson) {
        let key = (DocumentKind::ResidentId, person.document_number.to_owned());
        self.register(&key, person.name, false);
        match person.part {
            Part::Pays { tier } => self.enrol_standard(&key, person.city, Some(tier)),
            Part::PaidUntilMarch => {
                self.enrol_standard(&key, person.city, Some(1));
                for bill in self.bills.values_mut().filter(|bill| bill.person == key) {
                    if bill.months.to().month() <= 3 {
                        bill.standing = BillStanding::Paid;
                    }
                }
            }
            Part::Resident { code, name, amount_fen } => {
                self.enrol_resident(&key, person.city, CategoryTold { code, name }, amount_fen);
            }
            Part::SchoolBilled => {
                self.enrol_resident(&key, person.city, PUPIL, PUPIL_FEN);
                if let Some(row) = self.people.get_mut(&key) {
                    row.faults = vec![SCHOOL_BILLED];
                }
            }
            Part::MissedMonths => {
                self.enrol_standard(&key, person.city, Some(1));
                self.bill_missed_months(&key, person.city);
            }
            Part::LateStandard => {
                self.enrol_standard(&key, person.city, Some(1));
                self.bill_late_standard(&key);
            }
            Part::CardNotActivated => {
                self.enrol_standard(&key, person.city, Some(1));
                if let Some(row) = self.people.get_mut(&key) {
                    row.card_activated = false;
                }
            }
            Part::NotEnrolled => {}
            Part::Suspended => self.enrol_idle(&key, person.city, Standing::Suspended),
            Part::Retired => self.enrol_idle(&key, person.city, Standing::Retired),
            Part::NoTier => self.enrol_standard(&key, person.city, None),
            Part::Fails(faults) => {
                self.enrol_standard(&key, person.city, Some(1));
                if let Some(row) = self.people.get_mut(&key) {
                    row.faults = faults.to_vec();
                }
            }
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.people.len() < PEOPLE_MAX
    }

    pub(super) fn register(&mut self, key: &PersonKey, name: &str, stranger: bool) {
        self.people_seen += 1;
        let row = PersonRow {
            no: self.people_seen,
            name: name.to_owned(),
            stranger,
            enrolments: Vec::new(),
            faults: Vec::new(),
            card_activated: true,
        };
        self.people.insert(key.clone(), row);
    }

    fn enrol(
        &mut self,
        key: &PersonKey,
        city: &str,
        insurance: Insurance,
        standing: Standing,
        tier_no: Option<u16>,
    ) {
        let Some(person) = self.people.get_mut(key) else { return };
        let kind = match insurance {
            Insurance::Pension | Insurance::Unemployment => "hr",
            Insurance::Medical | Insurance::ResidentMedical => "med",
        };
        let Ok(agency) = AgencyCode::new(format!("{city}-{kind}")) else { return };
        let personal_no = format!("{city}{:06}", person.no);
        person.enrolments.push(EnrolmentRow { agency, insurance, standing, personal_no, tier_no });
    }

    /// Pension at `tier` (none: nothing due before one is chosen) and medical, with the bills.
    pub(super) fn enrol_standard(&mut self, key: &PersonKey, city: &str, tier: Option<u16>) {
        self.enrol(key, city, Insurance::Pension, Standing::Active, tier);
        self.enrol(key, city, Insurance::Medical, Standing::Active, Some(1));
        for month in months_of(YEAR) {
            if let Some(tier) = tier {
                let _ = self.bill_month(key, city, Insurance::Pension, month, tier);
            }
            let _ = self.bill_month(key, city, Insurance::Medical, month, 1);
        }
    }

    fn enrol_idle(&mut self, key: &PersonKey, city: &str, standing: Standing) {
        self.enrol(key, city, Insurance::Pension, standing, Some(1));
        self.enrol(key, city, Insurance::Medical, standing, Some(1));
    }

    /// What whoever plays the agency wished for a person.
    pub(super) fn insure(&mut self, key: &PersonKey, city: &str, insured: Insured, now: Timestamp) {
        let this_month = Month::of(now);
        match insured {
            Insured::Standard => self.enrol_standard(key, city, Some(1)),
            Insured::Resident => {
                let other = CategoryTold { code: "other", name: "其他居民" };
                self.enrol_resident(key, city, other, OTHER_RESIDENT_FEN);
            }
            Insured::Elderly => {
                let elderly = CategoryTold { code: "elderly", name: "老年居民" };
                self.enrol_resident(key, city, elderly, ELDERLY_FEN);
            }
            Insured::Child => self.enrol_resident(key, city, PUPIL, PUPIL_FEN),
            Insured::MissedMonths => {
                self.enrol_standard(key, city, Some(1));
                let last_year = this_month.year().saturating_sub(1);
                for month in [11, 12].into_iter().filter_map(|m| Month::new(last_year, m).ok()) {
                    let put = self.bill_late(key, city, Insurance::Pension, month);
                    if let Some(bill) = put.and_then(|bill_no| self.bills.get_mut(&bill_no)) {
                        bill.kind = BillKind::BackPayment;
                    }
                }
            }
            Insured::Gap => {
                self.enrol_standard(key, city, Some(1));
                let last = if this_month.month() == 1 {
                    Month::new(this_month.year().saturating_sub(1), 12).ok()
                } else {
                    Month::new(this_month.year(), this_month.month() - 1).ok()
                };
                for month in last.into_iter().chain([this_month]) {
                    let _ = self.bill_late(key, city, Insurance::Medical, month);
                }
            }
        }
    }

    /// The lowest tier of a month of today, for which figures may not be known yet: then the latest known
    /// apply, as agencies do until the new ones are published.
    fn bill_late(
        &mut self,
        key: &PersonKey,
        city: &str,
        insurance: Insurance,
        month: Month,
    ) -> Option<BillNo> {
        let priced = (YEAR..=month.year())
            .rev()
            .filter_map(|year| Month::new(year, month.month()).ok())
            .find_map(|known| figures::tier(city, insurance, known, 1))?;
        let months = MonthRange::starting(month, 1).ok()?;
        let tier = Some((priced.tier_no, priced.base));
        self.put_bill(key, city, insurance, months, tier, priced.amount, told(&priced))
    }

    /// Resident medical insurance has one bill a year and no tier; the amounts are Wuxi's of 2024.
    fn enrol_resident(
        &mut self,
        key: &PersonKey,
        city: &str,
        category: CategoryTold,
        amount_fen: i64,
    ) {
        let insurance = Insurance::ResidentMedical;
        self.enrol(key, city, insurance, Standing::Active, None);
        let year = Month::new(2024, 1).and_then(|january| MonthRange::starting(january, 12));
        if let (Ok(months), Some(amount)) = (year, Fen::new(amount_fen)) {
            let name = format!("城乡居民基本医疗保险({})", category.name).into();
            let component = ComponentTold { code: "resident_medical", name, rate_bp: None, amount };
            let put = self.put_bill(key, city, insurance, months, None, amount, vec![component]);
            if let Some(bill) = put.and_then(|bill_no| self.bills.get_mut(&bill_no)) {
                bill.kind = BillKind::Resident;
                bill.category = Some(category);
            }
        }
    }

    /// November and December of the year before, at its lowest tier, until the end of this year.
    fn bill_missed_months(&mut self, key: &PersonKey, city: &str) {
        let last = Timestamp::from_beijing_text("2023-12-31 23:59:59").ok();
        for month in [11, 12].into_iter().filter_map(|month| Month::new(YEAR - 1, month).ok()) {
            let put = self.bill_month(key, city, Insurance::Pension, month, 1);
            if let Some(bill) = put.and_then(|bill_no| self.bills.get_mut(&bill_no)) {
                bill.kind = BillKind::BackPayment;
                bill.due_until = last;
            }
        }
    }

    /// Three months were paid at the floor of the year before, because this year's was not published
    /// yet; now the agency bills what is missing: (4494 − 4250) × 20 % = 48.80 a month.
    fn bill_late_standard(&mut self, key: &PersonKey) {
        let early = |bill: &&mut BillRow| {
            bill.person == *key
                && bill.insurance == Insurance::Pension
                && bill.months.to().month() <= 3
        };
        let mut differences = Vec::new();
        for bill in self.bills.values_mut().filter(early) {
            let city = city_of(&bill.agency).to_owned();
            let (month, year) = (bill.months.from().month(), YEAR - 1);
            let before = Month::new(year, month).ok();
            let before = before.and_then(|month| figures::tier(&city, bill.insurance, month, 1));
            let now = figures::tier(&city, bill.insurance, bill.months.from(), 1);
            let (Some(before), Some(now)) = (before, now) else { continue };
            let Some(owed) = now.amount.minus(before.amount) else { continue };
            let Ok(bill_no) = BillNo::new(format!("{}D1", bill.bill_no)) else { continue };
            (bill.base, bill.amount) = (Some(before.base), before.amount);
            bill.components = told(&before);
            bill.standing = BillStanding::Paid;
            let mut difference = BillRow {
                bill_no,
                version: 1,
                agency: bill.agency.clone(),
                insurance: bill.insurance,
                months: bill.months,
                base: None,
                tier_no: None,
                amount: owed,
                components: Vec::new(),
                due_until: None,
                person: key.clone(),
                kind: BillKind::Difference,
                category: None,
                standing: BillStanding::Due,
                lock: None,
            };
            price_difference(&mut difference, &now, owed);
            differences.push(difference);
        }
        self.bills.extend(differences.into_iter().map(|bill| (bill.bill_no.clone(), bill)));
    }

    /// The bill of one month at one tier, if figures are known for it.
    pub(super) fn bill_month(
        &mut self,
        key: &PersonKey,
        city: &str,
        insurance: Insurance,
        month: Month,
        tier_no: u16,
    ) -> Option<BillNo> {
        let priced = figures::tier(city, insurance, month, tier_no)?;
        let months = MonthRange::starting(month, 1).ok()?;
        let tier = Some((priced.tier_no, priced.base));
        let components = told(&priced);
        self.put_bill(key, city, insurance, months, tier, priced.amount, components)
    }

    #[expect(clippy::too_many_arguments, reason = "a bill has that many parts")]
    fn put_bill(
        &mut self,
        key: &PersonKey,
        city: &str,
        insurance: Insurance,
        months: MonthRange,
        tier: Option<(u16, Fen)>,
        amount: Fen,
        components: Vec<ComponentTold>,
    ) -> Option<BillNo> {
        let person = self.people.get(key)?;
        let enrolled =
            |row: &&EnrolmentRow| row.insurance == insurance && city_of(&row.agency) == city;
        let enrolment = person.enrolments.iter().find(enrolled)?;
        let letter = match insurance {
            Insurance::Pension => 'P',
            Insurance::Medical => 'M',
            Insurance::Unemployment => 'U',
            Insurance::ResidentMedical => 'R',
        };
        let first = months.from();
        let number =
            format!("{city}{letter}{:04}{:02}{:04}", first.year(), first.month(), person.no);
        let bill_no = BillNo::new(number).ok()?;
        let bill = BillRow {
            bill_no: bill_no.clone(),
            version: 1,
            agency: enrolment.agency.clone(),
            insurance,
            months,
            base: tier.map(|(_, base)| base),
            tier_no: tier.map(|(no, _)| no),
            amount,
            components,
            due_until: None,
            person: key.clone(),
            kind: BillKind::Regular,
            category: None,
            standing: BillStanding::Due,
            lock: None,
        };
        self.bills.insert(bill_no.clone(), bill);
        Some(bill_no)
    }
}

/// The parts of a price as the wire shows them.
pub(super) fn told(priced: &figures::Priced) -> Vec<ComponentTold> {
    let told = |(code, name, rate_bp, amount): &(&'static str, &'static str, _, Fen)| {
        ComponentTold { code, name: (*name).into(), rate_bp: *rate_bp, amount: *amount }
    };
    priced.components.iter().map(told).collect()
}
