//! Tiers: which there are, and what a choice does to the bills of the year.

use kernel::{BillKind, BillNo, Fen, Month, Timestamp};
use serde_json::json;

use super::{
    book::{AgencyBookOptions, BillRow, BillStanding, EnrolmentRow, Reply, State, city_of},
    codes::AgencyCodeWord as Code,
    enrolment::told,
    figures,
    wire::{ComponentTold, ListTiers, SetTier, TierTold},
};

pub(super) fn list(asked: &ListTiers) -> Reply {
    let tiers = figures::tiers(city_of(&asked.agency), asked.insurance, asked.month);
    let tiers: Vec<TierTold> = tiers
        .ok_or(Code::BasePendingPublish)?
        .into_iter()
        .map(|priced| TierTold {
            no: priced.tier_no,
            label: format!("第{}档", priced.tier_no),
            base: priced.base,
            monthly_amount: priced.amount,
        })
        .collect();
    Ok(json!({ "tiers": tiers }))
}

impl State {
    /// Unpaid months change, paid months get a bill for the difference.
    pub(super) fn set_tier(
        &mut self,
        asked: &SetTier,
        options: &AgencyBookOptions,
        now: Timestamp,
    ) -> Reply {
        let key = self.identify(&asked.agency, &asked.person, options, now)?;
        self.enrolment(&key, &asked.agency, asked.insurance)?;
        let city = city_of(&asked.agency).to_owned();
        if figures::tiers(&city, asked.insurance, asked.from).is_none() {
            return Err(Code::BasePendingPublish);
        }
        // A month of the year without this tier (medical has one only) refuses the whole choice.
        let year = asked.from.year();
        let mut prices = Vec::new();
        for month in (asked.from.month()..=12).filter_map(|month| Month::new(year, month).ok()) {
            let priced = figures::tier(&city, asked.insurance, month, asked.tier_no);
            prices.push((month, priced.ok_or(Code::BadRequest)?));
        }
        let affected = |bill: &BillRow, month: Month| {
            bill.person == key
                && bill.agency == asked.agency
                && bill.insurance == asked.insurance
                && matches!(bill.kind, BillKind::Regular | BillKind::Difference)
                && bill.months.from() == month
        };
        let held = self.bills.values().any(|bill| {
            bill.standing == BillStanding::Due
                && bill.holder(now).is_some()
                && prices.iter().any(|(month, _)| affected(bill, *month))
        });
        if held {
            return Err(Code::BillLocked);
        }
        let mut difference_bills = Vec::new();
        for (month, priced) in &prices {
            let of_month = |bill: &&mut BillRow| affected(bill, *month);
            let mut paid = Fen::ZERO;
            let mut billed = false;
            let mut open: Option<BillNo> = None;
            let mut differences = 0;
            for bill in self.bills.values_mut().filter(of_month) {
                differences += u32::from(bill.is_difference());
                match (bill.standing, bill.is_difference()) {
                    (BillStanding::Paid, _) => {
                        billed = true;
                        paid = paid.plus(bill.amount).ok_or(Code::Unknown)?;
                        // The same choice told again names the same bills, paid or not.
                        if bill.is_difference() && bill.tier_no == Some(asked.tier_no) {
                            difference_bills.push(bill.bill_no.clone());
                        }
                    }
                    (BillStanding::Due, false) => {
                        billed = true;
                        if bill.amount != priced.amount || bill.tier_no != Some(priced.tier_no) {
                            bill.tier_no = Some(priced.tier_no);
                            bill.base = Some(priced.base);
                            bill.amount = priced.amount;
                            bill.components = told(priced);
                            bill.version += 1;
                        }
                        // Nothing of this month is paid, so there is no difference.
                        paid = priced.amount;
                    }
                    (BillStanding::Due, true) => open = Some(bill.bill_no.clone()),
                    (BillStanding::Withdrawn, _) => {}
                }
            }
            if !billed {
                let _ = self.bill_month(&key, &city, asked.insurance, *month, asked.tier_no);
                continue;
            }
            let owed = priced.amount.minus(paid).filter(|owed| !owed.is_zero());
            match (open, owed) {
                (None, None) => {}
                (Some(bill_no), None) => {
                    if let Some(bill) = self.bills.get_mut(&bill_no) {
                        bill.standing = BillStanding::Withdrawn;
                        bill.version += 1;
                    }
                }
                (Some(bill_no), Some(owed)) => {
                    if let Some(bill) = self.bills.get_mut(&bill_no)
                        && bill.amount != owed
                    {
                        price_difference(bill, priced, owed);
                        bill.version += 1;
                    }
                    difference_bills.push(bill_no);
                }
                (None, Some(owed)) => {
                    let paid_bill = self
                        .bills
                        .values()
                        .find(|bill| affected(bill, *month) && !bill.is_difference());
                    let Some(paid_bill) = paid_bill else { continue };
                    let number = format!("{}D{}", paid_bill.bill_no, differences + 1);
                    let bill_no = BillNo::new(number).map_err(|_| Code::Unknown)?;
                    let mut bill = BillRow {
                        bill_no: bill_no.clone(),
                        version: 1,
                        agency: paid_bill.agency.clone(),
                        insurance: paid_bill.insurance,
                        months: paid_bill.months,
                        base: None,
                        tier_no: None,
                        amount: owed,
                        components: Vec::new(),
                        due_until: paid_bill.due_until,
                        person: key.clone(),
                        kind: BillKind::Difference,
                        category: None,
                        standing: BillStanding::Due,
                        lock: None,
                    };
                    price_difference(&mut bill, priced, owed);
                    self.bills.insert(bill_no.clone(), bill);
                    difference_bills.push(bill_no);
                }
            }
        }
        if let Some(person) = self.people.get_mut(&key) {
            let mine =
                |e: &&mut EnrolmentRow| e.agency == asked.agency && e.insurance == asked.insurance;
            if let Some(enrolment) = person.enrolments.iter_mut().find(mine) {
                enrolment.tier_no = Some(asked.tier_no);
            }
        }
        Ok(json!({ "effective_from": asked.from, "difference_bills": difference_bills }))
    }
}

pub(super) fn price_difference(bill: &mut BillRow, priced: &figures::Priced, owed: Fen) {
    bill.base = Some(priced.base);
    bill.tier_no = Some(priced.tier_no);
    bill.amount = owed;
    bill.components = vec![ComponentTold {
        code: "difference",
        name: "补差".into(),
        rate_bp: None,
        amount: owed,
    }];
}
