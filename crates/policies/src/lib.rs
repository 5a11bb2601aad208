//! What is owed: cities, their packs and policies, and quotes.
//!
//! Players: the faces and the command line ask a [`Catalogue`]; the files in `cities/` feed it, and
//! whoever opens a city writes one. Promised: a pack is checked whole, with all findings, before
//! anything is priced from it; a quote is exact to the fen, shows every step, names the policy,
//! version and digest it used, and can be replayed; nothing is guessed: a month without a policy is
//! an error unless the caller asks for a provisional one, and a city that is not recognised is none.
//!
//! Deliberately absent: input and output (the program reads files and hands texts in), today's date
//! (the caller names the months), floating point, and the agency's bill. The bill decides what is
//! paid; a quote explains and previews it.

mod catalogue;
mod city;
mod finding;
mod pack;
mod policy;
mod quote;
mod reading;
mod source;

pub use catalogue::{Catalogue, PackChanges, check_embedded, check_texts, embedded_texts};
pub use city::{
    City, Coordinates, CoordinatesError, County, Hint, Nearest, Province, QUERY_CHARS_MAX,
    QueryTooLong,
};
pub use finding::{CheckReport, Finding};
pub use pack::{
    Advice, AdviceCode, Agency, AgencyKind, BackPayment, ClockTime, End, Guide, GuideChannel,
    GuideChannelKind, GuideNotice, Holidays, Hotlines, Maintenance, Merchants, MonthRules,
    NumberProblem, NumberShape, ObjectionAdvice, Pack, RealNameRules, RefundGuide, Service, Span,
    Standing, Topup, TopupGuide, Waiting, Window,
};
pub use policy::{
    BaseSwitch, Bounds, Category, Component, ComponentAmount, Confidence, Day, ExtraYearly, Policy,
    PublishedTier, Rounding, SourceKind, Terms, Tier, TopUp, YearKind,
};
pub use quote::{
    Choice, DISCLAIMER, Notice, Quote, QuoteError, QuoteLine, QuoteRequest, ReplayError, Step,
    Subject, Subtotal,
};
pub use source::Sources;
