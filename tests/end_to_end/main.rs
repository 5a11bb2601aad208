//! End-to-end tests: stories of money, told over real HTTP against mock platforms with real keys.
//!
//! Every story that touches state is told twice: with a SQLite file and sessions in the process, and
//! with PostgreSQL and Redis (`tests/run` starts them). Deliberately absent: calls past the API and
//! the callbacks, except to run jobs and to look.

#[path = "../support/town.rs"]
mod town;

#[path = "../support/pdf.rs"]
mod pdf;

#[path = "../corpus/corpus.rs"]
mod corpus;

mod attempts;
mod audits;
mod callbacks;
mod cities_apart;
mod closings;
mod commands;
mod counter;
mod discovery;
mod doctor;
mod english;
mod face;
mod guards;
mod guide;
mod key_changes;
mod mobile;
mod names;
mod objections;
mod ordering;
mod payer;
mod payers;
mod payments;
mod postings;
mod processes;
mod purchase;
mod real_name;
mod refunds;
mod reminders;
mod renewals;
mod rights;
mod secrecy;
mod sights;
mod starts;
mod statements;
mod tiers;
mod tokens;
mod topups;
mod vouchers;
mod windows;
