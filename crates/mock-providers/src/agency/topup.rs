//! Social cards and money for the personal account on them.

use std::time::Duration;

use kernel::{BillKind, BillNo, Fen, Insurance, Month, MonthRange, Timestamp};
use serde_json::json;

use super::{
    acts::{bill_told, business_date},
    book::{AgencyBookOptions, BillRow, BillStanding, PersonKey, Reply, State, city_of},
    codes::AgencyCodeWord as Code,
    wire::{ComponentTold, CreateTopup, QueryCard},
};

/// One top-up, and all of one person on one day.
const AMOUNT_MAX: i64 = 500_000;
const AMOUNT_A_DAY_MAX: i64 = 1_000_000;
/// How long a bill waits to be paid.
const DUE_FOR: Duration = Duration::from_secs(24 * 60 * 60);
const TAIL_LENGTH: usize = 4;

impl State {
    pub(super) fn query_card(
        &mut self,
        asked: &QueryCard,
        options: &AgencyBookOptions,
        now: Timestamp,
    ) -> Reply {
        let key = self.identify(&asked.agency, &asked.person, options, now)?;
        let person = self.people.get(&key).ok_or(Code::NotEnrolled)?;
        let number = card_no(person.no);
        if asked.card_no.as_ref().is_some_and(|asked| *asked != number) {
            return Err(Code::IdentityMismatch);
        }
        let personal_account = person.enrolments.iter().any(|enrolment| {
            enrolment.insurance == Insurance::Medical
                && city_of(&enrolment.agency) == city_of(&asked.agency)
        });
        let state = if person.card_activated { "active" } else { "not_activated" };
        let tail: String = number.chars().skip(number.len() - TAIL_LENGTH).collect();
        Ok(json!({ "state": state, "card_tail": tail, "personal_account": personal_account }))
    }

    /// The same card and amount are the same bill while it is due.
    pub(super) fn create_topup(
        &mut self,
        asked: &CreateTopup,
        options: &AgencyBookOptions,
        now: Timestamp,
    ) -> Reply {
        let key = self.identify(&asked.agency, &asked.person, options, now)?;
        self.enrolment(&key, &asked.agency, Insurance::Medical)?;
        let person = self.people.get(&key).ok_or(Code::NotEnrolled)?;
        if card_no(person.no) != asked.card_no {
            return Err(Code::IdentityMismatch);
        }
        if !person.card_activated {
            return Err(Code::CardNotActivated);
        }
        if asked.amount.is_zero() {
            return Err(Code::BadRequest);
        }
        let number = person.no;
        let mine = |bill: &&BillRow| {
            bill.person == key && bill.kind == BillKind::Topup && bill.agency == asked.agency
        };
        let waits = |bill: &BillRow| {
            bill.standing == BillStanding::Due && bill.due_until.is_none_or(|last| now < last)
        };
        let all: Vec<&BillRow> = self.bills.values().filter(mine).collect();
        let same = |bill: &&&BillRow| {
            waits(bill) && bill.holder(now).is_none() && bill.amount == asked.amount
        };
        if let Some(bill) = all.iter().find(same) {
            return Ok(json!({ "bill": bill_told(bill, now) }));
        }
        let today = self.topped_up_on(&key, &business_date(now));
        let with_this = today.checked_add(asked.amount.get());
        if asked.amount.get() > AMOUNT_MAX || with_this.is_none_or(|sum| sum > AMOUNT_A_DAY_MAX) {
            return Err(Code::TopupLimit);
        }
        let month = Month::of(now);
        let text = format!(
            "{}T{:04}{:02}{number:04}N{}",
            city_of(&asked.agency),
            month.year(),
            month.month(),
            all.len() + 1
        );
        let bill_no = BillNo::new(text).map_err(|_| Code::Unknown)?;
        let tail: String = asked.card_no.chars().skip(asked.card_no.len() - TAIL_LENGTH).collect();
        let bill = BillRow {
            bill_no: bill_no.clone(),
            version: 1,
            agency: asked.agency.clone(),
            insurance: Insurance::Medical,
            months: MonthRange::starting(month, 1).map_err(|_| Code::Unknown)?,
            base: None,
            tier_no: None,
            amount: asked.amount,
            components: vec![ComponentTold {
                code: "account_topup",
                name: format!("医保个人账户充值(卡号尾号{tail})").into(),
                rate_bp: None,
                amount: asked.amount,
            }],
            due_until: Some(now.plus(DUE_FOR)),
            person: key,
            kind: BillKind::Topup,
            category: None,
            standing: BillStanding::Due,
            lock: None,
        };
        let answer = json!({ "bill": bill_told(&bill, now) });
        self.bills.insert(bill_no, bill);
        Ok(answer)
    }

    /// What was booked for a person's account on one business date, in fen.
    fn topped_up_on(&self, key: &PersonKey, date: &str) -> i64 {
        let of_today = self.postings.iter().filter(|posting| {
            !posting.reversed
                && business_date(posting.posted_at) == date
                && self
                    .bills
                    .get(&posting.bill_no)
                    .is_some_and(|bill| bill.person == *key && bill.kind == BillKind::Topup)
        });
        of_today.map(|posting| Fen::get(posting.amount)).sum()
    }
}

/// Every person of the book has a card; nine digits, as cities print them.
pub(super) fn card_no(person_no: u32) -> String {
    format!("6{person_no:08}")
}
