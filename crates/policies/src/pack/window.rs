//! When an agency takes money (缴费期), in Asia/Shanghai.
//!
//! Pure: whoever asks brings the moment. A window is a span of days in every month, a maintenance is
//! a stretch of time. What is paid already is none of their business: they are asked before a bill
//! is ordered and before a channel is asked to collect, never afterwards.

use std::{fmt, str::FromStr};

use kernel::{AgencyCode, BillKind, Insurance, Timestamp};

use super::Pack;
use crate::{Sources, policy::Day};

/// How many months ahead an opening is looked for: a window of one month a year is found.
const MONTHS_AHEAD: i32 = 14;

/// A time of day in Beijing, to the minute. `24:00` is the end of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClockTime(u16);

impl ClockTime {
    pub const MIDNIGHT: ClockTime = ClockTime(0);
    pub const MIDNIGHT_AFTER: ClockTime = ClockTime(24 * 60);

    pub const fn minutes(self) -> u16 {
        self.0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time of day is written 00:00 to 24:00")]
pub struct ClockTimeError;

impl FromStr for ClockTime {
    type Err = ClockTimeError;
    fn from_str(text: &str) -> Result<ClockTime, ClockTimeError> {
        let (hours, minutes) = text.split_once(':').ok_or(ClockTimeError)?;
        let two = |text: &str| match text.len() {
            2 if text.bytes().all(|b| b.is_ascii_digit()) => text.parse::<u16>().ok(),
            _ => None,
        };
        let (hours, minutes) =
            (two(hours).ok_or(ClockTimeError)?, two(minutes).ok_or(ClockTimeError)?);
        let time = hours * 60 + minutes;
        if minutes < 60 && time <= 24 * 60 { Ok(ClockTime(time)) } else { Err(ClockTimeError) }
    }
}

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:02}:{:02}", self.0 / 60, self.0 % 60))
    }
}

/// Days on which nobody works, and weekends on which somebody does (调休), where a window shifts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holidays {
    pub days_off: Vec<Day>,
    pub working_weekends: Vec<Day>,
}

impl Holidays {
    fn works(&self, (year, month, day): Date) -> bool {
        let Some(named) = Day::new(year, month, day) else { return true };
        if self.days_off.contains(&named) {
            return false;
        }
        weekday(year, month, day) < 5 || self.working_weekends.contains(&named)
    }
}

/// Days of each month on which an agency takes money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    pub agency: AgencyCode,
    /// All of the agency's when empty.
    pub insurances: Vec<Insurance>,
    /// All kinds of bills when empty.
    pub kinds: Vec<BillKind>,
    /// 1 to 31; a month that is shorter opens and closes on its last day.
    pub open_day: u8,
    pub open_time: ClockTime,
    /// Before `open_day`: the day is of the month after.
    pub close_day: u8,
    pub close_time: ClockTime,
    /// 1 to 12, the months in which it opens; all when empty.
    pub months: Vec<u8>,
    /// A close on a day off moves to the next working day.
    pub holidays_shift: bool,
    pub sources: Sources,
}

/// A stretch of time in which an agency's system is away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maintenance {
    pub agency: AgencyCode,
    pub insurances: Vec<Insurance>,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Announced once.
    Once { from: Timestamp, until: Timestamp },
    /// Every day, perhaps over midnight.
    Daily { from: ClockTime, until: ClockTime },
}

/// Whether a bill can be paid at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// `closes_at` where a window ends.
    Open {
        closes_at: Option<Timestamp>,
    },
    /// `next_opening` where one is in sight.
    Closed {
        next_opening: Option<Timestamp>,
    },
    Maintenance {
        until: Timestamp,
    },
}

/// When the time in which a bill can be paid is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    pub at: Timestamp,
    /// A maintenance begins; otherwise a window closes.
    pub maintenance: bool,
    /// When it can be paid again, where that is in sight.
    pub next_opening: Option<Timestamp>,
}

impl Pack {
    /// When the time that runs at `now` ends: with the window, or with the first maintenance that begins
    /// in it. `None`: it does not run, or has no end in sight.
    pub fn end(
        &self,
        agency: &AgencyCode,
        insurance: Insurance,
        kind: BillKind,
        now: Timestamp,
    ) -> Option<End> {
        let Standing::Open { closes_at } = self.standing(agency, insurance, kind, now) else {
            return None;
        };
        let concerned = self.maintenance.iter().filter(|maintenance| {
            maintenance.agency == *agency
                && (maintenance.insurances.is_empty()
                    || maintenance.insurances.contains(&insurance))
        });
        let begins = concerned.filter_map(|maintenance| maintenance.span.next_start(now)).min();
        let ends = [closes_at, begins].into_iter().flatten();
        let at = ends.min()?;
        let (maintenance, next_opening) = match self.standing(agency, insurance, kind, at) {
            Standing::Maintenance { until } => (true, Some(until)),
            Standing::Closed { next_opening } => (closes_at != Some(at), next_opening),
            // Another window opens as this one closes.
            Standing::Open { .. } => return None,
        };
        Some(End { at, maintenance, next_opening })
    }

    /// Whether `agency` takes money for such a bill at `now`.
    pub fn standing(
        &self,
        agency: &AgencyCode,
        insurance: Insurance,
        kind: BillKind,
        now: Timestamp,
    ) -> Standing {
        let concerned = |window: &&Window| {
            window.agency == *agency
                && (window.insurances.is_empty() || window.insurances.contains(&insurance))
                && (window.kinds.is_empty() || window.kinds.contains(&kind))
        };
        let windows: Vec<&Window> = self.windows.iter().filter(concerned).collect();
        let away = |at| self.away_until(agency, insurance, at);
        let standing = by_windows(&windows, &self.holidays, now);
        match (standing, away(now)) {
            (standing, None) => standing_open_later(standing, away),
            (_, Some(until)) => match by_windows(&windows, &self.holidays, until) {
                Standing::Closed { next_opening } => {
                    standing_open_later(Standing::Closed { next_opening }, away)
                }
                _ => Standing::Maintenance { until },
            },
        }
    }

    /// The end of the maintenance that runs at `now`; of the last, where several follow each other.
    fn away_until(
        &self,
        agency: &AgencyCode,
        insurance: Insurance,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let mut until = None;
        let mut at = now;
        // Two maintenances may overlap; more than a few in a row is a mistake in the pack.
        for _ in 0..=self.maintenance.len() {
            let concerned = self.maintenance.iter().filter(|maintenance| {
                maintenance.agency == *agency
                    && (maintenance.insurances.is_empty()
                        || maintenance.insurances.contains(&insurance))
            });
            match concerned.filter_map(|maintenance| maintenance.span.end_at(at)).max() {
                Some(end) => (until, at) = (Some(end), end),
                None => break,
            }
        }
        until
    }
}

/// An opening during a maintenance is worth its end only.
fn standing_open_later(
    standing: Standing,
    away: impl Fn(Timestamp) -> Option<Timestamp>,
) -> Standing {
    match standing {
        Standing::Closed { next_opening: Some(opening) } => {
            Standing::Closed { next_opening: Some(away(opening).unwrap_or(opening)) }
        }
        other => other,
    }
}

fn by_windows(windows: &[&Window], holidays: &Holidays, now: Timestamp) -> Standing {
    if windows.is_empty() {
        return Standing::Open { closes_at: None };
    }
    let mut closes_at: Option<Timestamp> = None;
    let mut next_opening: Option<Timestamp> = None;
    let today = now.beijing();
    let this_month = i32::from(u8::from(today.month())) - 1 + today.year() * 12;
    // The window of the month before may still run; with shifts that of two months before does not.
    for offset in -1..=MONTHS_AHEAD {
        for window in windows {
            let Some((from, until)) = window.in_month(this_month + offset, holidays) else {
                continue;
            };
            if from <= now && now < until {
                closes_at = closes_at.max(Some(until));
            } else if now < from {
                next_opening = Some(next_opening.map_or(from, |known| known.min(from)));
            }
        }
    }
    match closes_at {
        Some(_) => Standing::Open { closes_at },
        None => Standing::Closed { next_opening },
    }
}

impl Window {
    /// Opening and close of the window that opens in a month, counted since year 0.
    fn in_month(&self, month: i32, holidays: &Holidays) -> Option<(Timestamp, Timestamp)> {
        let (year, number) = year_and_month(month)?;
        if !self.months.is_empty() && !self.months.contains(&number) {
            return None;
        }
        let open_day = self.open_day.min(days_in(year, number));
        let from = moment(year, number, open_day, self.open_time)?;
        let next = if self.close_day < self.open_day { month + 1 } else { month };
        let (close_year, close_month) = year_and_month(next)?;
        let mut close =
            (close_year, close_month, self.close_day.min(days_in(close_year, close_month)));
        if self.holidays_shift {
            // The longest holiday has nine days; thirty is a guard, not a rule.
            for _ in 0..30 {
                if holidays.works(close) {
                    break;
                }
                close = day_after(close)?;
            }
        }
        let until = moment(close.0, close.1, close.2, self.close_time)?;
        (from < until).then_some((from, until))
    }
}

impl Span {
    /// When it begins next, later than `now`.
    fn next_start(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Span::Once { from, .. } => (now < from).then_some(from),
            Span::Daily { from, .. } => {
                let at = now.beijing();
                let (year, month) = (u16::try_from(at.year()).ok()?, u8::from(at.month()));
                let today = (year, month, at.day());
                let on = |(year, month, day): Date| moment(year, month, day, from);
                on(today).filter(|start| now < *start).or_else(|| on(day_after(today)?))
            }
        }
    }

    /// When it ends, if it runs at `now`.
    fn end_at(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Span::Once { from, until } => (from <= now && now < until).then_some(until),
            Span::Daily { from, until } => {
                let at = now.beijing();
                let (year, month) = (u16::try_from(at.year()).ok()?, u8::from(at.month()));
                let minute = u16::from(at.hour()) * 60 + u16::from(at.minute());
                let over_midnight = until <= from;
                if over_midnight && minute >= from.0 {
                    let (year, month, day) = day_after((year, month, at.day()))?;
                    return moment(year, month, day, until);
                }
                let runs = minute < until.0 && (over_midnight || minute >= from.0);
                runs.then(|| moment(year, month, at.day(), until)).flatten()
            }
        }
    }
}

type Date = (u16, u8, u8);

fn year_and_month(month: i32) -> Option<(u16, u8)> {
    let year = u16::try_from(month.div_euclid(12)).ok()?;
    let number = u8::try_from(month.rem_euclid(12)).ok()? + 1;
    Some((year, number))
}

pub(super) fn days_in(year: u16, month: u8) -> u8 {
    (28..=31).rev().find(|day| Day::new(year, month, *day).is_some()).unwrap_or(28)
}

fn day_after((year, month, day): Date) -> Option<Date> {
    if day < days_in(year, month) {
        return Some((year, month, day + 1));
    }
    if month < 12 { Some((year, month + 1, 1)) } else { Some((year.checked_add(1)?, 1, 1)) }
}

/// A minute of a day in Beijing; `24:00` is the first of the day after.
pub(super) fn moment(year: u16, month: u8, day: u8, time: ClockTime) -> Option<Timestamp> {
    if time == ClockTime::MIDNIGHT_AFTER {
        let (year, month, day) = day_after((year, month, day))?;
        return moment(year, month, day, ClockTime::MIDNIGHT);
    }
    let text = format!("{year:04}-{month:02}-{day:02} {time}:00");
    Timestamp::from_beijing_text(&text).ok()
}

/// 0 is Monday. Sakamoto's rule, in whole numbers.
fn weekday(year: u16, month: u8, day: u8) -> u8 {
    const SHIFTS: [u32; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
    let year = u32::from(year) - u32::from(month < 3);
    let shift = SHIFTS[usize::from(month.clamp(1, 12)) - 1];
    let sunday_is_0 = (year + year / 4 - year / 100 + year / 400 + shift + u32::from(day)) % 7;
    u8::try_from((sunday_is_0 + 6) % 7).unwrap_or(0)
}

#[cfg(test)]
mod tests;
