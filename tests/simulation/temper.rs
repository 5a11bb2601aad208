//! What kind of world a seed is: how often which things happen in it.

use crate::{chance::Dice, fate::Fuse};

/// Moments after which a death hurts most: money was just moved, or somebody was just asked to.
const MOMENTS: [(u64, &str); 16] = [
    (5, "UPDATE payments SET state"),
    (1, "UPDATE postings"),
    (1, "UPDATE refunds"),
    (1, "UPDATE orders"),
    (1, "INSERT INTO payments"),
    (1, "INSERT INTO refunds"),
    (1, "INSERT INTO notifications"),
    (2, "before wechat."),
    (2, "before alipay."),
    (2, "before agency."),
    (2, "before agency.post-payment"),
    (1, "after wechat."),
    (1, "after alipay."),
    (1, "after agency."),
    (3, "after agency.post-payment"),
    (2, ".refund "),
];

/// What happens first, before chance rules alone: rare meetings that need several things in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plot {
    Nothing,
    /// Money for an order that was given up, while the platform still took it.
    Late,
    /// The same, and somebody else ordered the bills meanwhile.
    LateForOthersBills,
    /// The citizen pays in the moment in which the service closes, and nobody tells of it.
    Race,
    /// Two telephones start one payment, and the agency refuses to hold the bills for one of them.
    TwoTelephones,
    /// The process died while an attempt was given up: the next one is paid, and the first one too.
    Twice,
    /// The citizen gives up while the second call that creates the payment is on its way, pays all the
    /// same, and nobody tells of it.
    GivenUpUnderWay,
    /// The answer to the first call is lost, the second is refused; the payment exists, is paid, and nobody
    /// tells of it.
    RefusedAfterAll,
}

/// The place of "our balance" among what can break.
pub const OUR_BALANCE: u64 = 4;

/// Weights and limits of one history.
#[derive(Clone, Debug)]
pub struct Temper {
    pub citizens: usize,
    pub people: usize,
    pub steps: u64,
    pub begins_after_seconds: u64,
    pub refund_delay_seconds: u64,
    pub public_key_signs: bool,
    /// Whether sessions live outside of the process.
    pub sessions_survive: bool,
    /// How often the world goes on inside of a call.
    pub nested_percent: u64,
    /// Boundaries from birth to death, on average; 0: nobody dies.
    pub life: u64,
    /// Something stays broken for good: only a person can help.
    pub stubborn: bool,
    /// What that is.
    pub breaks: u64,
    pub plot: Plot,
    pub citizen_weight: u64,
    pub delivery_weight: u64,
    pub job_weight: u64,
    pub clock_weight: u64,
    pub platform_fault_weight: u64,
    pub agency_fault_weight: u64,
    pub agency_event_weight: u64,
    pub forgery_weight: u64,
    pub repeat_weight: u64,
    pub session_weight: u64,
    pub operator_weight: u64,
}

impl Temper {
    pub fn draw(dice: &Dice) -> Temper {
        let some = |values: &[u64]| dice.pick(values).copied().unwrap_or_default();
        Temper {
            citizens: usize::try_from(dice.between(1, 4)).unwrap_or(1),
            people: usize::try_from(dice.between(1, 3)).unwrap_or(1),
            steps: dice.between(30, 80),
            begins_after_seconds: dice.between(0, 24 * 3_600),
            refund_delay_seconds: some(&[1, 5, 5, 5, 90, 3_600, 40_000]),
            public_key_signs: dice.percent(30),
            sessions_survive: dice.percent(60),
            nested_percent: some(&[0, 3, 10, 20]),
            life: some(&[0, 120, 300, 700, 2_000]),
            stubborn: dice.percent(15),
            breaks: dice.between(0, 6),
            plot: *dice
                .pick(&[
                    Plot::Nothing,
                    Plot::Nothing,
                    Plot::Race,
                    Plot::TwoTelephones,
                    Plot::Late,
                    Plot::LateForOthersBills,
                    Plot::Twice,
                    Plot::GivenUpUnderWay,
                    Plot::RefusedAfterAll,
                ])
                .unwrap_or(&Plot::Nothing),
            citizen_weight: some(&[30, 40, 60]),
            delivery_weight: some(&[2, 8, 15]),
            job_weight: some(&[3, 8, 20]),
            clock_weight: some(&[4, 8, 16]),
            platform_fault_weight: some(&[0, 4, 8, 14]),
            agency_fault_weight: some(&[0, 3, 6, 12]),
            agency_event_weight: some(&[0, 1, 3]),
            forgery_weight: some(&[0, 2, 6]),
            repeat_weight: some(&[0, 2, 6]),
            session_weight: some(&[0, 1, 3]),
            operator_weight: some(&[0, 0, 2, 5]),
        }
    }

    /// Whether what is broken keeps jobs asking without an end: our balance covers no refund.
    pub fn asks_for_ever(&self) -> bool {
        self.stubborn && self.breaks == OUR_BALANCE
    }

    /// How long the next process lives.
    pub fn fuse(&self, dice: &Dice) -> Option<Fuse> {
        if self.life == 0 {
            return None;
        }
        if dice.percent(45) {
            return Some(Fuse::new(dice.weighted(&MOMENTS), dice.between(0, 2)));
        }
        Some(Fuse::new(None, dice.between(1, self.life * 2)))
    }
}
