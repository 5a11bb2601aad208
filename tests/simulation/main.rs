//! The simulation: one seed is one history of a whole town, and every history ends well.
//!
//! Players: citizens of both channels who pay, cancel, vanish and pay twice; platforms whose
//! notifications are lost, late, doubled, reordered and forged and whose answers do not come; an
//! agency that refuses, doubts, and closes at night; a session store that is away; a process that is
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
mod outside;
mod promises;
mod steps;
mod temper;
mod town;
mod world;

use std::ops::Range;

use rstest::rstest;

use crate::{
    coverage::Coverage,
    town::{Run, catalogue},
};

/// How many seeds one case tells.
const SEEDS_PER_CASE: u64 = 25;

fn must_end_well(seeds: Range<u64>) -> Coverage {
    let run = Run::of(seeds, 1);
    assert!(run.failures.is_empty(), "{}", run.failures.join("\n\n"));
    run.coverage
}

#[rstest]
fn every_history_ends_well(
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19)] case: u64,
) {
    let first = case * SEEDS_PER_CASE;
    must_end_well(first..first + SEEDS_PER_CASE);
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
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let run = Run::of(from..from + count, threads);
    run.report();
    assert!(run.failures.is_empty(), "{} seeds ended badly", run.failures.len());
}
