//! What each operation does to the book. Every act either happens whole or not at all.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use kernel::{AgencyCode, BillKind, BillNo, Document, Fen, Month, OrderNo, PersonName, Timestamp};
use serde_json::{Value, json};

use super::{
    book::{
        AgencyBookOptions, BillRow, BillStanding, EnrolmentRow, LockRow, PersonKey, Reply, State,
        city_of, person_key,
    },
    codes::AgencyCodeWord as Code,
    seen::PostingSeen,
    tier,
    wire::{
        BillFrozen, BillTold, DownloadSettlement, EnrolmentTold, LineTold, LockBills, OfPosting,
        Person, PostPayment, QueryBills, QueryInsured, QueryPosting, Request, Reverse, Standing,
        UnlockBills,
    },
};

const BILLS_PER_LOCK_MAX: usize = 240;
/// Nobody may block a bill for longer, whatever they ask for.
const LOCK_TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);
const REASON_CHARACTERS_MAX: usize = 200;

impl State {
    pub(super) fn act(
        &mut self,
        request: &Request,
        options: &AgencyBookOptions,
        now: Timestamp,
    ) -> Reply {
        match request {
            Request::QueryInsured(r) => self.query_insured(r, options, now),
            Request::ListTiers(r) => tier::list(r),
            Request::SetTier(r) => self.set_tier(r, options, now),
            Request::QueryBills(r) => self.query_bills(r, options, now),
            Request::LockBills(r) => self.lock_bills(r, options, now),
            Request::UnlockBills(r) => self.unlock_bills(r),
            Request::PostPayment(r) => self.post_payment(r, now),
            Request::QueryPosting(r) => self.query_posting(r),
            Request::Reverse(r) => self.reverse(r, now),
            Request::DownloadSettlement(r) => self.download_settlement(r, options),
            Request::QueryRefund(r) => self.query_refund(r),
            Request::FetchDocument(r) => self.fetch_document(r),
            Request::QueryCard(r) => self.query_card(r, options, now),
            Request::CreateTopup(r) => self.create_topup(r, options, now),
        }
    }

    /// Finds the person, enrolling strangers where the book does that.
    pub(super) fn identify(
        &mut self,
        agency: &AgencyCode,
        person: &Person,
        options: &AgencyBookOptions,
        now: Timestamp,
    ) -> Result<PersonKey, Code> {
        let key = person_key(person);
        let name = PersonName::parse(&person.name).map_err(|_| Code::IdentityMismatch)?;
        let Some(row) = self.people.get(&key) else {
            let valid = Document::parse(key.0, &key.1, now).is_ok_and(|d| d.number() == key.1);
            if !options.enrol_unknown || !valid || !self.has_room() {
                return Err(Code::NotEnrolled);
            }
            self.register(&key, name.as_str(), true);
            self.enrol_standard(&key, city_of(agency), Some(1));
            return Ok(key);
        };
        if row.name != name.as_str() {
            return Err(Code::IdentityMismatch);
        }
        let city = city_of(agency);
        if row.stranger && !row.enrolments.iter().any(|e| city_of(&e.agency) == city) {
            self.enrol_standard(&key, city, Some(1));
        }
        Ok(key)
    }

    pub(super) fn enrolment(
        &self,
        key: &PersonKey,
        agency: &AgencyCode,
        insurance: kernel::Insurance,
    ) -> Result<&EnrolmentRow, Code> {
        let enrolments = &self.people.get(key).ok_or(Code::NotEnrolled)?.enrolments;
        let enrolment = enrolments.iter().find(|e| e.agency == *agency && e.insurance == insurance);
        let enrolment = enrolment.ok_or(Code::NotEnrolled)?;
        match enrolment.standing {
            Standing::Active => Ok(enrolment),
            Standing::Suspended => Err(Code::AccountSuspended),
            Standing::Retired => Err(Code::Retired),
        }
    }

    fn query_insured(
        &mut self,
        asked: &QueryInsured,
        options: &AgencyBookOptions,
        now: Timestamp,
    ) -> Reply {
        let key = self.identify(&asked.agency, &asked.person, options, now)?;
        let this_month = Month::of(now);
        let in_arrears = |enrolment: &EnrolmentRow| {
            self.bills.values().any(|bill| {
                bill.person == key
                    && bill.agency == enrolment.agency
                    && bill.insurance == enrolment.insurance
                    && bill.standing == BillStanding::Due
                    && bill.months.to() < this_month
            })
        };
        let person = self.people.get(&key).ok_or(Code::NotEnrolled)?;
        let enrolments: Vec<EnrolmentTold<'_>> = person
            .enrolments
            .iter()
            .filter(|enrolment| enrolment.agency == asked.agency)
            .map(|enrolment| EnrolmentTold {
                insurance: enrolment.insurance,
                agency: &enrolment.agency,
                state: enrolment.standing,
                personal_no: &enrolment.personal_no,
                tier_no: enrolment.tier_no,
                arrears: in_arrears(enrolment),
            })
            .collect();
        if enrolments.is_empty() {
            return Err(Code::NotEnrolled);
        }
        Ok(json!({ "enrolments": enrolments }))
    }

    fn query_bills(
        &mut self,
        asked: &QueryBills,
        options: &AgencyBookOptions,
        now: Timestamp,
    ) -> Reply {
        let key = self.identify(&asked.agency, &asked.person, options, now)?;
        let enrolment = self.enrolment(&key, &asked.agency, asked.insurance)?;
        if asked.insurance == kernel::Insurance::Pension && enrolment.tier_no.is_none() {
            return Err(Code::BaseNotDeclared);
        }
        let wanted = |bill: &&BillRow| {
            bill.person == key
                && bill.agency == asked.agency
                && bill.insurance == asked.insurance
                && comes_with(bill.kind, asked.kind)
                && bill.standing != BillStanding::Withdrawn
                && bill.months.from() <= asked.months.to()
                && asked.months.from() <= bill.months.to()
        };
        let mut bills: Vec<&BillRow> = self.bills.values().filter(wanted).collect();
        bills.sort_by_key(|bill| (bill.months, &bill.bill_no));
        let bills: Vec<BillTold<'_>> = bills.into_iter().map(|bill| bill_told(bill, now)).collect();
        Ok(json!({ "bills": bills }))
    }

    /// All or nothing: every bill is looked at before the first is held.
    fn lock_bills(
        &mut self,
        asked: &LockBills,
        options: &AgencyBookOptions,
        now: Timestamp,
    ) -> Reply {
        if asked.bills.is_empty() || asked.bills.len() > BILLS_PER_LOCK_MAX || asked.until <= now {
            return Err(Code::BadRequest);
        }
        for frozen in &asked.bills {
            let bill = self.payable(&asked.agency, &asked.order_no, frozen, now)?;
            if bill.due_until.is_some_and(|last| last < now) {
                return Err(Code::OutOfWindow);
            }
        }
        let until = asked.until.min(now.plus(LOCK_TIME_MAX));
        if !options.can_lock {
            return Ok(json!({ "token": null, "until": until }));
        }
        for frozen in &asked.bills {
            if let Some(bill) = self.bills.get_mut(&frozen.bill_no) {
                bill.lock = Some(LockRow { order_no: asked.order_no.clone(), until });
            }
        }
        Ok(json!({ "token": format!("L{}", asked.order_no), "until": until }))
    }

    fn unlock_bills(&mut self, asked: &UnlockBills) -> Reply {
        for bill in self.bills.values_mut().filter(|bill| bill.agency == asked.agency) {
            if bill.lock.as_ref().is_some_and(|lock| lock.order_no == asked.order_no) {
                bill.lock = None;
            }
        }
        Ok(json!({}))
    }

    /// The bill, if this order may pay it as it was frozen.
    fn payable(
        &self,
        agency: &AgencyCode,
        order_no: &OrderNo,
        frozen: &BillFrozen,
        now: Timestamp,
    ) -> Result<&BillRow, Code> {
        let bill = self.bills.get(&frozen.bill_no).filter(|bill| bill.agency == *agency);
        let bill = bill.ok_or(Code::NoBill)?;
        match bill.standing {
            BillStanding::Paid => return Err(Code::AlreadyPaid),
            BillStanding::Withdrawn => return Err(Code::BillChanged),
            BillStanding::Due => {}
        }
        if bill.holder(now).is_some_and(|holder| holder != order_no) {
            return Err(Code::BillLocked);
        }
        if bill.version != frozen.version {
            return Err(Code::BillChanged);
        }
        if bill.amount != frozen.amount {
            return Err(Code::AmountMismatch);
        }
        Ok(bill)
    }

    fn posting(
        &self,
        agency: &AgencyCode,
        order_no: &OrderNo,
        bill_no: &BillNo,
    ) -> Option<&PostingSeen> {
        self.postings.iter().find(|posting| {
            posting.agency == *agency
                && posting.order_no == *order_no
                && posting.bill_no == *bill_no
        })
    }

    /// Books once per order and bill in the life of both.
    fn post_payment(&mut self, asked: &PostPayment, now: Timestamp) -> Reply {
        if let Some(first) = self.posting(&asked.agency, &asked.order_no, &asked.bill.bill_no) {
            if first.reversed {
                return Err(Code::DuplicateRequest);
            }
            if first.amount != asked.bill.amount {
                return Err(Code::AmountMismatch);
            }
            return Ok(posted(first));
        }
        let bill = self.payable(&asked.agency, &asked.order_no, &asked.bill, now)?;
        // In time is who paid in time; the posting may come later.
        if bill.due_until.is_some_and(|last| last < asked.paid_at) {
            return Err(Code::OutOfWindow);
        }
        let date = business_date(now).replace('-', "");
        let agency_serial = format!("AG{date}{:08}", self.postings.len() + 1);
        let posting = PostingSeen {
            agency: asked.agency.clone(),
            order_no: asked.order_no.clone(),
            bill_no: asked.bill.bill_no.clone(),
            amount: bill.amount,
            channel: asked.channel,
            transaction_id: asked.transaction_id.clone(),
            agency_serial,
            posted_at: now,
            reversed: false,
        };
        let answer = posted(&posting);
        if let Some(bill) = self.bills.get_mut(&asked.bill.bill_no) {
            bill.standing = BillStanding::Paid;
            bill.lock = None;
        }
        self.postings.push(posting);
        Ok(answer)
    }

    fn query_posting(&self, asked: &QueryPosting) -> Reply {
        Ok(match self.posting(&asked.agency, &asked.order_no, &asked.bill_no) {
            None => json!({ "state": "not_posted" }),
            Some(posting) => {
                let mut answer = posted(posting);
                answer["state"] = json!(if posting.reversed { "reversed" } else { "posted" });
                answer
            }
        })
    }

    fn reverse(&mut self, asked: &Reverse, now: Timestamp) -> Reply {
        if asked.reason.is_empty() || asked.reason.chars().count() > REASON_CHARACTERS_MAX {
            return Err(Code::BadRequest);
        }
        let at = self.postings.iter().position(|posting| {
            posting.agency == asked.agency && posting.agency_serial == asked.agency_serial
        });
        let at = at.ok_or(Code::NoBill)?;
        let posting = &self.postings[at];
        if !posting.reversed && business_date(posting.posted_at) != business_date(now) {
            return Err(Code::OutOfWindow);
        }
        self.undo(at);
        Ok(json!({}))
    }

    /// Undoes a booking; the bill is due again, as another version. Undoing twice is once.
    pub(super) fn undo(&mut self, at: usize) {
        let posting = &mut self.postings[at];
        if posting.reversed {
            return;
        }
        posting.reversed = true;
        if let Some(bill) = self.bills.get_mut(&posting.bill_no) {
            bill.standing = BillStanding::Due;
            bill.version += 1;
        }
    }

    /// What stands at the end of the day: reversed bookings are not in it.
    fn download_settlement(
        &self,
        asked: &DownloadSettlement,
        options: &AgencyBookOptions,
    ) -> Reply {
        if Timestamp::from_beijing_text(&format!("{} 00:00:00", asked.date)).is_err() {
            return Err(Code::BadRequest);
        }
        let start: usize = match &asked.after {
            Some(after) => after.parse().map_err(|_| Code::BadRequest)?,
            None => 0,
        };
        let day: Vec<&PostingSeen> = self
            .postings
            .iter()
            .filter(|posting| {
                posting.agency == asked.agency
                    && !posting.reversed
                    && business_date(posting.posted_at) == asked.date
            })
            .collect();
        let total = Fen::sum(day.iter().map(|posting| posting.amount)).ok_or(Code::Unknown)?;
        let end = start.saturating_add(options.settlement_page_lines.max(1)).min(day.len());
        let lines: Vec<LineTold<'_>> = day
            .get(start..end)
            .ok_or(Code::BadRequest)?
            .iter()
            .map(|posting| LineTold {
                order_no: &posting.order_no,
                bill_no: &posting.bill_no,
                amount: posting.amount,
                agency_serial: &posting.agency_serial,
                posted_at: posting.posted_at,
            })
            .collect();
        let next = (end < day.len()).then(|| end.to_string());
        Ok(json!({
            "date": asked.date, "count": day.len(), "total": total, "lines": lines, "next": next,
        }))
    }

    fn posting_by_serial(&self, asked: &OfPosting) -> Result<&PostingSeen, Code> {
        let by_serial = |posting: &&PostingSeen| {
            posting.agency == asked.agency && posting.agency_serial == asked.agency_serial
        };
        self.postings.iter().find(by_serial).ok_or(Code::NoBill)
    }

    fn query_refund(&self, asked: &OfPosting) -> Reply {
        let posting = self.posting_by_serial(asked)?;
        let none = || json!({ "state": "none", "amount": null, "refunded_at": null });
        Ok(self.refunds.get(&posting.agency_serial).cloned().unwrap_or_else(none))
    }

    /// A plain text that says what it is: no tax voucher, no fiscal bill, not even real.
    fn fetch_document(&self, asked: &OfPosting) -> Reply {
        let posting = self.posting_by_serial(asked)?;
        let text = format!(
            "模拟经办机构入账回执(测试用,无法律效力)\n流水号 {}\n应缴编号 {}\n金额 {} 元\n入账时间 {}\n",
            posting.agency_serial, posting.bill_no, posting.amount, posting.posted_at
        );
        Ok(json!({
            "media_type": "text/plain; charset=utf-8", "content": BASE64_STANDARD.encode(text),
        }))
    }
}

/// Without a word bills of premiums come as they always did; missed months and top-ups only when named.
fn comes_with(kind: BillKind, asked: Option<BillKind>) -> bool {
    match asked {
        None => !matches!(kind, BillKind::BackPayment | BillKind::Topup),
        Some(asked) => kind == asked,
    }
}

pub(super) fn bill_told(bill: &BillRow, now: Timestamp) -> BillTold<'_> {
    BillTold {
        bill_no: &bill.bill_no,
        version: bill.version,
        agency: &bill.agency,
        insurance: bill.insurance,
        months: bill.months,
        base: bill.base,
        tier_no: bill.tier_no,
        amount: bill.amount,
        components: &bill.components,
        state: bill.state(now),
        due_until: bill.due_until,
        kind: bill.kind,
        category: bill.category,
    }
}

fn posted(posting: &PostingSeen) -> Value {
    json!({ "agency_serial": posting.agency_serial, "posted_at": posting.posted_at })
}

/// `YYYY-MM-DD` in Beijing.
pub(super) fn business_date(time: Timestamp) -> String {
    time.beijing_text().chars().take(10).collect()
}
