//! Who is in the book, in which insurance, and the bills that come with it.

use kernel::{AgencyCode, BillNo, DocumentKind, Fen, Insurance, Month, MonthRange};

use super::{
    book::{BillRow, BillStanding, EnrolmentRow, PersonKey, PersonRow, State, city_of},
    figures,
    people::{DefaultPerson, Part},
    wire::{ComponentTold, Standing},
};

/// The year whose bills everybody has.
const YEAR: u16 = 2023;
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
            Part::Student => self.enrol_student(&key, person.city),
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
                self.bill_month(key, city, Insurance::Pension, month, tier);
            }
            self.bill_month(key, city, Insurance::Medical, month, 1);
        }
    }

    fn enrol_idle(&mut self, key: &PersonKey, city: &str, standing: Standing) {
        self.enrol(key, city, Insurance::Pension, standing, Some(1));
        self.enrol(key, city, Insurance::Medical, standing, Some(1));
    }

    /// Resident medical insurance has one bill a year and no tier; 280 yuan is Wuxi's amount for
    /// university students in 2024.
    fn enrol_student(&mut self, key: &PersonKey, city: &str) {
        const AMOUNT_FEN: i64 = 28_000;
        let insurance = Insurance::ResidentMedical;
        self.enrol(key, city, insurance, Standing::Active, None);
        let year = Month::new(2024, 1).and_then(|january| MonthRange::starting(january, 12));
        if let (Ok(months), Some(amount)) = (year, Fen::new(AMOUNT_FEN)) {
            let name = "城乡居民基本医疗保险(在校大学生)";
            let component = ComponentTold { code: "resident_medical", name, rate_bp: None, amount };
            self.put_bill(key, city, insurance, months, None, amount, vec![component]);
        }
    }

    /// The bill of one month at one tier, if figures are known for it.
    pub(super) fn bill_month(
        &mut self,
        key: &PersonKey,
        city: &str,
        insurance: Insurance,
        month: Month,
        tier_no: u16,
    ) {
        let Some(priced) = figures::tier(city, insurance, month, tier_no) else { return };
        let Ok(months) = MonthRange::starting(month, 1) else { return };
        let tier = Some((priced.tier_no, priced.base));
        let components = told(&priced);
        self.put_bill(key, city, insurance, months, tier, priced.amount, components);
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
    ) {
        let Some(person) = self.people.get(key) else { return };
        let enrolled =
            |row: &&EnrolmentRow| row.insurance == insurance && city_of(&row.agency) == city;
        let Some(enrolment) = person.enrolments.iter().find(enrolled) else { return };
        let letter = match insurance {
            Insurance::Pension => 'P',
            Insurance::Medical => 'M',
            Insurance::Unemployment => 'U',
            Insurance::ResidentMedical => 'R',
        };
        let first = months.from();
        let number =
            format!("{city}{letter}{:04}{:02}{:04}", first.year(), first.month(), person.no);
        let Ok(bill_no) = BillNo::new(number) else { return };
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
            difference: false,
            standing: BillStanding::Due,
            lock: None,
        };
        self.bills.insert(bill_no, bill);
    }
}

/// The parts of a price as the wire shows them.
pub(super) fn told(priced: &figures::Priced) -> Vec<ComponentTold> {
    let told = |(code, name, rate_bp, amount): &(&'static str, &'static str, _, Fen)| {
        ComponentTold { code, name, rate_bp: *rate_bp, amount: *amount }
    };
    priced.components.iter().map(told).collect()
}
