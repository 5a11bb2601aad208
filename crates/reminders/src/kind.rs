//! What a citizen can be reminded of. Each kind is asked for by itself.

use std::str::FromStr;

use kernel::UnknownWord;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReminderKind {
    /// The time to pay has begun, or ends soon, and something is due.
    Window,
    /// The agency has booked what was paid.
    Posted,
    /// Money went back.
    Refund,
    /// Months of medical insurance are missing.
    Gap,
}

impl ReminderKind {
    pub const ALL: [ReminderKind; 4] =
        [ReminderKind::Window, ReminderKind::Posted, ReminderKind::Refund, ReminderKind::Gap];

    /// The stable code in the database, in JSON, in the configuration and in the message files.
    pub const fn code(self) -> &'static str {
        match self {
            ReminderKind::Window => "window",
            ReminderKind::Posted => "posted",
            ReminderKind::Refund => "refund",
            ReminderKind::Gap => "gap",
        }
    }
}

impl FromStr for ReminderKind {
    type Err = UnknownWord;
    fn from_str(code: &str) -> Result<ReminderKind, UnknownWord> {
        ReminderKind::ALL
            .into_iter()
            .find(|kind| kind.code() == code)
            .ok_or(UnknownWord { list: "ReminderKind", expected: "window, posted, refund or gap" })
    }
}
