//! One component of a month as a step with its expression.

use kernel::{BasisPoints, Fen};
use rust_decimal::Decimal;

use super::price::Basis;
use super::{QuoteError, Step};
use crate::policy::ComponentAmount;

/// One component as a step; none where a flat part has no share in a difference.
pub(super) fn step(
    (code, name, amount): (&str, &str, ComponentAmount),
    basis: &Basis,
) -> Result<Option<Step>, QuoteError> {
    let (rate, expression, amount) = match (amount, basis) {
        (ComponentAmount::Rate(rate), Basis::Base { base, .. }) => {
            let exact = exact(rate, *base);
            let expression = format!("{base} × {rate} = {exact}");
            (Some(rate), expression, rate.of(*base))
        }
        (ComponentAmount::Rate(rate), Basis::Difference { paid, owed }) => {
            let amount = rate.of(*owed).zip(rate.of(*paid));
            let amount = amount.and_then(|(owed, paid)| owed.minus(paid));
            let exact = exact(rate, *owed) - exact(rate, *paid);
            let expression = format!("({owed} - {paid}) × {rate} = {}", exact.normalize());
            (Some(rate), expression, amount)
        }
        (ComponentAmount::Flat(_), Basis::Difference { .. }) => return Ok(None),
        (ComponentAmount::Flat(amount), _) => (None, "每月定额".to_owned(), Some(amount)),
        // A rate needs a base; the check of the packs keeps rates out of flat policies.
        (ComponentAmount::Rate(_), Basis::NoBase | Basis::Published { .. }) => return Ok(None),
    };
    let amount = amount.ok_or(QuoteError::TooLarge)?;
    let (code, name) = (code.to_owned(), name.to_owned());
    Ok(Some(Step { code, name, rate, expression, amount }))
}

/// The share before rounding, in yuan: base in fen times basis points is a millionth of a yuan.
fn exact(rate: BasisPoints, base: Fen) -> Decimal {
    let exact = Decimal::new(base.get() * i64::from(rate.0), 6).normalize();
    // At least two decimals, as amounts are written.
    if exact.scale() < 2 {
        let mut exact = exact;
        exact.rescale(2);
        return exact;
    }
    exact
}
