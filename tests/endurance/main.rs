//! Endurance: the real program in real processes, while things break around it.
//!
//! Players: [`load`] is a crowd of citizens who order, pay, give up and meet refusals, patiently, the
//! way a mini-program is; [`city`] starts and kills the processes; [`servers`] are a PostgreSQL and a
//! Redis that may be stopped; [`books`] looks afterwards whether every fen is where it belongs.
//! Promised: a failure prints the seed, and `ENDURANCE_SEED` repeats the crowd's and the killer's
//! choices (not the moments, which belong to the machine). Figures are printed; run with
//! `--no-capture` to see them. Deliberately absent: calls into the program's parts; and the rule that
//! no test sleeps or looks at a watch, because waiting and being in time are what is proved here.

#![expect(clippy::print_stdout, reason = "figures are for people; tests/run shows them when asked")]

#[path = "../support/town.rs"]
#[expect(dead_code, unused_imports, reason = "the stories of tests/end_to_end need more of it")]
mod town;

mod books;
mod city;
mod flood;
mod hanging;
mod kills;
mod load;
mod outage;
mod servers;
mod starts;
mod two_processes;
