//! Retention: how long each class of data is kept, and the job that makes it true.
//!
//! Players: the rooms that hold rows delete or empty them in bounded batches; the command and the
//! worker run them; the report says class by class what went. Promised: nothing that somebody waits
//! for is touched, the financial record stays, one process a day does the work, and a run that is cut
//! off is gone on with.
//!
//! Deliberately absent: what the rooms do not hold. Logs, backups and the proxy's logs are the
//! operator's (at least six months for the audit's, MLPS level 3); sessions and access tokens carry
//! their own end where they are stored.

use std::{fmt, time::Duration};

use kernel::Timestamp;
use orders::{Forgettable as OldRecords, OrderError, Orders};
use people::{Forgettable, People, PeopleError};
use reminders::{ReminderError, Reminders};
use serde::{Deserialize, Serialize};

/// Rows in one transaction.
const BATCH: u64 = 500;
/// Batches of one class in one run; what is left goes tomorrow.
const BATCHES_MAX: u64 = 200;
/// Between two looks of a worker at whether today's is done.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(15 * 60);

/// `[retention]`: days. Shorter is the operator's right for most, longer their duty to justify (PIPL
/// articles 19 and 47); the impact assessment names the figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RetentionSection {
    /// Codes of short messages, as hashes: to answer a complaint about messages, 1 to 30.
    pub sms_codes_days: u32,
    /// Verifications without content or reference: an audit log, kept six months at least (MLPS, GB/T
    /// 22239), 180 to 1,095.
    pub verifications_days: u32,
    /// Family links that are over, 1 to 180.
    pub payment_requests_days: u32,
    /// Sealed identities of removed persons: as long as somebody may still dispute what was paid
    /// (three years, Civil Code article 188), 30 to 3,650.
    pub removed_persons_days: u32,
    /// Accounts that nobody logs in to: erased as if their owner had asked, 365 to 3,650.
    pub idle_accounts_days: u32,
    /// Sealed bytes of payment requests and notifications: the evidence of a business year and its
    /// closing, 180 to 3,650.
    pub evidence_days: u32,
    /// Reminders that were sent or ended otherwise: to answer a complaint about messages, 7 to 365.
    pub reminders_days: u32,
    /// Bound mobile numbers: people change theirs, and bind again, 180 to 3,650.
    pub mobiles_days: u32,
    /// Whose an envelope with a number was that was used, 30 to 1,095. That it was used stays.
    pub phone_proofs_days: u32,
    /// What was done with more than a login: an audit log, 180 to 3,650.
    pub acts_days: u32,
    /// The agencies' own documents, which the agencies give again, 30 to 3,650.
    pub documents_days: u32,
    /// What people wrote in objections that are over, and the answers, 180 to 3,650.
    pub objections_days: u32,
    /// Masked names, bases and tiers on vouchers: as long as a voucher may have to be shown, 1,095 to
    /// 10,950.
    pub vouchers_days: u32,
}

impl Default for RetentionSection {
    fn default() -> RetentionSection {
        RetentionSection {
            sms_codes_days: 7,
            verifications_days: 365,
            payment_requests_days: 30,
            removed_persons_days: 1_095,
            idle_accounts_days: 1_095,
            evidence_days: 400,
            reminders_days: 90,
            mobiles_days: 1_095,
            phone_proofs_days: 180,
            acts_days: 365,
            documents_days: 400,
            objections_days: 1_095,
            vouchers_days: 3_650,
        }
    }
}

impl RetentionSection {
    /// What is wrong with it: the setting, the least and the most.
    pub(crate) fn check(&self) -> Result<(), (&'static str, u32, u32)> {
        for (setting, days, least, most) in [
            ("sms_codes_days", self.sms_codes_days, 1, 30),
            ("verifications_days", self.verifications_days, 180, 1_095),
            ("payment_requests_days", self.payment_requests_days, 1, 180),
            ("removed_persons_days", self.removed_persons_days, 30, 3_650),
            ("idle_accounts_days", self.idle_accounts_days, 365, 3_650),
            ("evidence_days", self.evidence_days, 180, 3_650),
            ("reminders_days", self.reminders_days, 7, 365),
            ("mobiles_days", self.mobiles_days, 180, 3_650),
            ("phone_proofs_days", self.phone_proofs_days, 30, 1_095),
            ("acts_days", self.acts_days, 180, 3_650),
            ("documents_days", self.documents_days, 30, 3_650),
            ("objections_days", self.objections_days, 180, 3_650),
            ("vouchers_days", self.vouchers_days, 1_095, 10_950),
        ] {
            if !(least..=most).contains(&days) {
                return Err((setting, least, most));
            }
        }
        Ok(())
    }
}

/// Counts per day end with the day; two let every time zone's yesterday end.
const QUOTAS_DAYS: u32 = 2;

#[derive(Debug, thiserror::Error)]
pub(crate) enum RetentionError {
    #[error(transparent)]
    People(#[from] PeopleError),
    #[error(transparent)]
    Orders(#[from] OrderError),
    #[error(transparent)]
    Reminders(#[from] ReminderError),
}

/// One class in a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RetentionLine {
    pub class: &'static str,
    /// Absent where something else than this job ends it.
    pub days: Option<u32>,
    /// What went, or would go.
    pub forgotten: u64,
    /// What is old enough and stays, because an order is not over.
    pub waiting: u64,
    pub note: &'static str,
}

/// What a run did, or would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RetentionReport {
    pub at: Timestamp,
    pub dry: bool,
    pub lines: Vec<RetentionLine>,
}

impl fmt::Display for RetentionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = if self.dry { "would go" } else { "gone" };
        writeln!(f, "{:<18} {:>6} {done:>10} {:>8}  kept how", "class", "days", "waiting")?;
        for RetentionLine { class, days, forgotten, waiting, note } in &self.lines {
            let days = days.map_or_else(|| "–".to_owned(), |days| days.to_string());
            writeln!(f, "{class:<18} {days:>6} {forgotten:>10} {waiting:>8}  {note}")?;
        }
        write!(f, "{}", self.at)
    }
}

/// The job.
#[derive(Clone, Debug)]
pub(crate) struct Retention {
    pub people: People,
    pub orders: Orders,
    pub section: RetentionSection,
    pub clock: std::sync::Arc<dyn kernel::Clock>,
    pub reminders: Reminders,
}

fn before(now: Timestamp, days: u32) -> Timestamp {
    Timestamp::from_millis(now.as_millis() - i64::from(days) * 86_400_000)
}

impl Retention {
    /// Does today's, unless a process has done it or is at it.
    pub(crate) async fn daily(&self) -> Result<Option<RetentionReport>, RetentionError> {
        let Some(run) = self.people.take_retention_run().await? else { return Ok(None) };
        let report = self.run(false).await?;
        let json = serde_json::to_string(&report).unwrap_or_default();
        self.people.finish_retention_run(&run, &json).await?;
        Ok(Some(report))
    }

    /// Forgets what is older than its class allows; `dry` only counts.
    pub(crate) async fn run(&self, dry: bool) -> Result<RetentionReport, RetentionError> {
        let now = self.clock.now();
        let section = &self.section;
        let mut lines = Vec::new();
        for (class, rows, days, note) in [
            (
                "sms_codes",
                Forgettable::SmsCodes,
                section.sms_codes_days,
                "hashes; they work for five minutes",
            ),
            ("quotas", Forgettable::Quotas, QUOTAS_DAYS, "counts of a day"),
            (
                "verifications",
                Forgettable::Verifications,
                section.verifications_days,
                "without content; the person keeps date and source",
            ),
            (
                "payment_requests",
                Forgettable::PaymentRequests,
                section.payment_requests_days,
                "after their end",
            ),
            (
                "mobiles",
                Forgettable::Mobiles,
                section.mobiles_days,
                "sealed; whoever needs one binds it again",
            ),
            (
                "phone_proofs",
                Forgettable::PhoneProofs,
                section.phone_proofs_days,
                "whose they were; that they were used stays, as a digest",
            ),
            (
                "acts",
                Forgettable::Acts,
                section.acts_days,
                "exports and erasures; by account, without a name",
            ),
        ] {
            let forgotten = self.by_age(rows, before(now, days), dry).await?;
            let days = Some(days);
            lines.push(RetentionLine { class, days, forgotten, waiting: 0, note });
        }
        lines.push(self.removed_persons(before(now, section.removed_persons_days), dry).await?);
        lines.push(self.idle_accounts(before(now, section.idle_accounts_days), dry).await?);
        let days = Some(section.evidence_days);
        let forgotten = self.evidence(before(now, section.evidence_days), dry).await?;
        let note = "sealed requests and notifications; their digests and figures stay";
        lines.push(RetentionLine { class: "evidence", days, forgotten, waiting: 0, note });
        let days = Some(section.reminders_days);
        let forgotten = self.reminders(before(now, section.reminders_days), dry).await?;
        let note = "sent, or ended otherwise; what somebody wants to hear of stays";
        lines.push(RetentionLine { class: "reminders", days, forgotten, waiting: 0, note });
        for (class, rows, days, note) in [
            (
                "documents",
                OldRecords::Documents,
                section.documents_days,
                "sealed; the agency gives them again",
            ),
            (
                "objections",
                OldRecords::DisputeTexts,
                section.objections_days,
                "texts of what is over; reason and outcome stay",
            ),
            (
                "vouchers",
                OldRecords::VoucherNames,
                section.vouchers_days,
                "names, bases and tiers; numbers, amounts and the digest stay",
            ),
        ] {
            let forgotten = self.records(rows, before(now, days), dry).await?;
            let days = Some(days);
            lines.push(RetentionLine { class, days, forgotten, waiting: 0, note });
        }
        for (class, note) in [
            ("sessions", "end by themselves: 30 minutes without use, 12 hours at most"),
            ("consents", "kept as proof, without a name once the person is erased"),
            ("financial_record", "kept whole, without names: accounting and agency rules"),
            ("logs", "not here: the operator's, six months at least for the audit's"),
        ] {
            lines.push(RetentionLine { class, days: None, forgotten: 0, waiting: 0, note });
        }
        for line in &lines {
            if !dry {
                metrics::counter!("retention_forgotten_total", "class" => line.class)
                    .increment(line.forgotten);
            }
        }
        Ok(RetentionReport { at: now, dry, lines })
    }

    async fn by_age(
        &self,
        rows: Forgettable,
        before: Timestamp,
        dry: bool,
    ) -> Result<u64, RetentionError> {
        if dry {
            return Ok(self.people.count_forgettable(rows, before).await?);
        }
        let mut forgotten = 0;
        for _ in 0..BATCHES_MAX {
            let gone = self.people.forget(rows, before, BATCH).await?;
            forgotten += gone;
            if gone < BATCH {
                break;
            }
        }
        Ok(forgotten)
    }

    async fn records(
        &self,
        rows: OldRecords,
        before: Timestamp,
        dry: bool,
    ) -> Result<u64, RetentionError> {
        if dry {
            return Ok(self.orders.count_forgettable(rows, before).await?);
        }
        let mut forgotten = 0;
        for _ in 0..BATCHES_MAX {
            let gone = self.orders.forget(rows, before, BATCH).await?;
            forgotten += gone;
            if gone < BATCH {
                break;
            }
        }
        Ok(forgotten)
    }

    async fn removed_persons(
        &self,
        before: Timestamp,
        dry: bool,
    ) -> Result<RetentionLine, RetentionError> {
        let (mut forgotten, mut waiting, mut cursor) = (0, 0, None);
        for _ in 0..BATCHES_MAX {
            let persons = self.people.removed_persons(before, cursor, BATCH).await?;
            cursor = persons.last().copied();
            for person in &persons {
                if self.orders.waits_for_person(*person).await? {
                    waiting += 1;
                    continue;
                }
                if !dry {
                    self.orders.forget_person(*person).await?;
                    self.people.erase_removed_person(*person).await?;
                }
                forgotten += 1;
            }
            if cursor.is_none() {
                break;
            }
        }
        let (class, days) = ("removed_persons", Some(self.section.removed_persons_days));
        let note = "sealed name and number; never while an order is open";
        Ok(RetentionLine { class, days, forgotten, waiting, note })
    }

    async fn idle_accounts(
        &self,
        before: Timestamp,
        dry: bool,
    ) -> Result<RetentionLine, RetentionError> {
        let (mut forgotten, mut waiting, mut cursor) = (0, 0, None);
        for _ in 0..BATCHES_MAX {
            let accounts = self.people.idle_accounts(before, cursor, BATCH).await?;
            cursor = accounts.last().copied();
            for account in &accounts {
                if !self.orders.hindrances(*account).await?.is_empty() {
                    waiting += 1;
                    continue;
                }
                if !dry {
                    self.orders.forget_payer(*account).await?;
                    self.reminders.forget(*account).await?;
                    self.people.erase_account(*account).await?;
                }
                forgotten += 1;
            }
            if cursor.is_none() {
                break;
            }
        }
        let (class, days) = ("idle_accounts", Some(self.section.idle_accounts_days));
        let note = "erased as if their owner had asked; never while an order is open";
        Ok(RetentionLine { class, days, forgotten, waiting, note })
    }

    async fn evidence(&self, before: Timestamp, dry: bool) -> Result<u64, RetentionError> {
        if dry {
            return Ok(self.orders.count_old_evidence(before).await?);
        }
        let mut forgotten = 0;
        let batch = u32::try_from(BATCH).unwrap_or(u32::MAX);
        for _ in 0..BATCHES_MAX {
            let gone = self.orders.forget_old_evidence(before, batch).await?;
            forgotten += gone;
            if gone == 0 {
                break;
            }
        }
        Ok(forgotten)
    }
}

impl Retention {
    async fn reminders(&self, before: Timestamp, dry: bool) -> Result<u64, RetentionError> {
        if dry {
            return Ok(self.reminders.count_over(before).await?);
        }
        let mut forgotten = 0;
        for _ in 0..BATCHES_MAX {
            let gone = self.reminders.forget_over(before, BATCH).await?;
            forgotten += gone;
            if gone < BATCH {
                break;
            }
        }
        Ok(forgotten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_times_are_within_their_bounds() {
        assert_eq!(RetentionSection::default().check(), Ok(()));
        let short = RetentionSection { verifications_days: 30, ..RetentionSection::default() };
        assert_eq!(short.check(), Err(("verifications_days", 180, 1_095)));
    }
}
