//! Payments: attempts to collect an order. [`start`] begins one, [`record`] writes down the money that
//! a platform vouches for, whether an attempt waits for it or not.

mod record;
mod start;
pub(crate) mod table;

pub use self::{
    record::Recorded,
    start::StartedPayment,
    table::{Payment, PaymentState},
};
