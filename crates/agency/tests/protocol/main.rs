//! The client against the mock agency over HTTP: two implementations of one document.

mod bills;
mod cards;
mod control;
mod document;
mod faults;
mod locks;
mod office;
mod postings;
mod signatures;
mod tiers;
