//! Accounts, insured persons and consents on both databases.

mod accounts;
mod at_rest;
mod names;
mod persons;
mod town;
