//! The simulation: one seed is one history of a whole town, and every history ends well.
//!
//! Players: citizens of both channels who pay, cancel, vanish and pay twice; platforms whose
//! notifications are lost, late, doubled, reordered and forged and whose answers do not come; an
//! agency that refuses, doubts, undoes, and closes at night; operators; a session store that is away; a process that is
//! killed between any two effects and started again; a clock that runs days in a second. Promised: the
//! service is the real one (routers, jobs, channels, agency client, HTTP, signatures, SQL); all
//! choices come from the seed, so the same seed tells the same history; after each history the
//! invariants of `promises` hold; a failed seed prints its history and how to see it again.
//!
//! Deliberately absent: a model of the service to compare with (the outside's own books are the
//! judge), real time, and more than one thing at a time: what goes on at once in reality happens
//! here inside of calls to the outside.

#[path = "../support/keys.rs"]
mod keys;

mod accidents;
mod chance;
mod citizens;
mod coverage;
mod fate;
mod operators;
mod outside;
mod promises;
mod steps;
mod temper;
mod town;
mod world;

use rstest::rstest;

use crate::town::{Run, catalogue};

/// How many seeds one case tells; all cases together tell 500.
const SEEDS_PER_CASE: u64 = 50;

/// What so many histories must have met, or the simulation has gone blind.
const IN_EACH_CASE: [&str; 16] = [
    "kill.Clock",
    "kill.Statement",
    "nested",
    "restarts",
    "sessions.away",
    "notification.accepted",
    "notification.again",
    "job.post_bill.done",
    "job.ask_channel.done",
    "job.expire_order.done",
    "job.refund.done",
    "state.SUCCESS",
    "state.CLOSED",
    "state.REFUNDED",
    "refund.posting_refused.succeeded",
    "posting.posted.",
];

/// What ten times as many must have met besides.
const IN_A_LONG_RUN: [&str; 41] = [
    "kill.BeforeCall",
    "kill.AfterCall",
    "late money",
    "kill.Answer",
    "state.SUCCESS_PARTIAL",
    "state.SUSPENDED",
    "state.REFUND_FAILED",
    "event.surplus_arrived",
    "event.wrong_money_arrived",
    "event.handed_over",
    "event.returned_by_hand",
    "event.disowned",
    "event.agency_reversed",
    "event.agency_gave_back",
    "refund.taken_back.succeeded",
    "closed.refund_unfinished",
    "plot.GivenUpUnderWay",
    "plot.RefusedAfterAll",
    "plot.Twice",
    "refund.surplus.succeeded",
    // Handed to a person: a number that was closed for good and is told of late is one that the
    // platforms here do not return money of. That such a refund succeeds is told in end_to_end.
    "refund.bill_claimed_elsewhere.failed",
    "job.post_bill.parked",
    "job.expire_order.parked",
    "job.refund.parked",
    "case.wrong_amount",
    "case.wrong_currency",
    "case.wrong_merchant",
    "case.wrong_app",
    "case.unknown_order",
    "case.second_transaction",
    "case.transaction_reused",
    "case.posting_unresolved",
    "case.job_parked",
    "case.refund_unfinished",
    "lie.OtherKey",
    "lie.Probe",
    "lie.Tampered",
    "notification.Duplicate",
    "notification.WrongSignature",
    "notification.refused",
    "fault.agency.MaintenanceWindow",
];

/// Seeds from which on a run must have met everything.
const LONG_RUN: u64 = 2_000;

#[rstest]
fn every_history_ends_well(#[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] case: u64) {
    let first = case * SEEDS_PER_CASE;
    let run = Run::of(first..first + SEEDS_PER_CASE, 1);
    assert!(run.failures.is_empty(), "{}", run.failures.join("\n\n"));
    assert_eq!(run.coverage.missing(&IN_EACH_CASE), [""; 0], "{}", run.coverage);
}

/// The same seed tells the same history, line by line.
#[test]
fn one_seed_is_one_history() {
    let catalogue = catalogue();
    for seed in [3, 14] {
        let (once, again) = (town::tell(seed, &catalogue), town::tell(seed, &catalogue));
        let differs = once.history.iter().zip(&again.history).position(|(a, b)| a != b);
        assert_eq!(differs.map(|at| (&once.history[at], &again.history[at])), None, "seed {seed}");
        assert_eq!(once.history.len(), again.history.len());
        assert_eq!(once.coverage, again.coverage);
    }
}

/// What `tests/simulate` runs: the seeds that the environment names, on all cores.
#[test]
#[ignore = "as many seeds as one likes: tests/simulate"]
fn seeds_of_the_environment() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>());
    let asked = |name: &str, usual: u64| match number(name) {
        Some(number) => number.unwrap_or_else(|_| panic!("{name} must be a number")),
        None => usual,
    };
    let (from, count) = (asked("SIMULATION_FROM", 0), asked("SIMULATION_SEEDS", 500));
    // A history waits a fifth of its time for its own sockets: one more keeps every core busy.
    let threads = std::thread::available_parallelism().map_or(1, usize::from) + 1;
    let run = Run::of(from..from + count, threads);
    run.report();
    assert!(run.failures.is_empty(), "{} seeds ended badly", run.failures.len());
    if count >= LONG_RUN {
        assert_eq!(run.coverage.missing(&IN_EACH_CASE), [""; 0], "never met");
        assert_eq!(run.coverage.missing(&IN_A_LONG_RUN), [""; 0], "never met");
    }
}
