//! Paying in parts: the same bills in several orders, each below a limit.

use kernel::{BillNo, Fen, MonthRange};
use serde::Serialize;

/// Bills that one order can hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    pub amount: Fen,
    pub bills: Vec<BillNo>,
}

/// The bills in order of their months, cut so that no part is above `max`. `None` when one bill alone
/// is, or there is nothing to cut.
pub fn split<'a>(
    bills: impl Iterator<Item = (MonthRange, &'a BillNo, Fen)>,
    max: Fen,
) -> Option<Vec<Part>> {
    let mut bills: Vec<_> = bills.collect();
    bills.sort();
    let mut parts: Vec<Part> = Vec::new();
    for (_, bill_no, amount) in bills {
        if amount > max {
            return None;
        }
        let fitting = parts
            .last_mut()
            .and_then(|part| Some((part.amount.plus(amount).filter(|sum| *sum <= max)?, part)));
        match fitting {
            Some((sum, part)) => {
                part.amount = sum;
                part.bills.push(bill_no.clone());
            }
            None => parts.push(Part { amount, bills: vec![bill_no.clone()] }),
        }
    }
    (parts.len() > 1).then_some(parts)
}

/// The bills in two parts of about the same amount, for a channel that does not say what it takes.
pub(crate) fn halve<'a>(
    bills: impl Iterator<Item = (MonthRange, &'a BillNo, Fen)> + Clone,
) -> Option<Vec<Part>> {
    let total = Fen::sum(bills.clone().map(|(.., amount)| amount))?;
    let largest = bills.clone().map(|(.., amount)| amount).max()?;
    let half = Fen::new(total.get() / 2 + total.get() % 2)?;
    split(bills, half.max(largest))
}

#[cfg(test)]
mod tests {
    use kernel::Month;
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn bills(fen: &[i64]) -> Vec<(MonthRange, BillNo, Fen)> {
        let bill = |(at, fen): (usize, &i64)| {
            let month =
                Month::new(2023, u8::try_from(at % 12 + 1).expect("small")).expect("a month");
            let months = MonthRange::starting(month, 1).expect("months");
            let bill_no = BillNo::new(format!("B{at:03}")).expect("a number");
            (months, bill_no, Fen::new(*fen).expect("an amount"))
        };
        fen.iter().enumerate().map(bill).collect()
    }

    fn amounts(fen: &[i64], max: i64) -> Option<Vec<i64>> {
        let bills = bills(fen);
        let bills = bills.iter().map(|(months, no, amount)| (*months, no, *amount));
        let parts = split(bills, Fen::new(max).expect("an amount"))?;
        Some(parts.iter().map(|part| part.amount.get()).collect())
    }

    #[rstest]
    #[case::two(&[60, 60], 100, Some(vec![60, 60]))]
    #[case::filled(&[60, 40, 60], 100, Some(vec![100, 60]))]
    #[case::exact(&[50, 50, 50, 50], 100, Some(vec![100, 100]))]
    #[case::one_is_too_much(&[60, 101], 100, None)]
    #[case::nothing_to_cut(&[60, 40], 100, None)]
    fn bills_are_cut_at_the_limit(
        #[case] fen: &[i64],
        #[case] max: i64,
        #[case] expected: Option<Vec<i64>>,
    ) {
        assert_eq!(amounts(fen, max), expected);
    }

    #[test]
    fn halves_are_about_equal() {
        let bills = bills(&[100, 100, 100]);
        let parts = halve(bills.iter().map(|(months, no, amount)| (*months, no, *amount)));
        let parts: Vec<i64> = parts.expect("parts").iter().map(|part| part.amount.get()).collect();
        assert_eq!(parts, [100, 100, 100]);
        let one = self::bills(&[100]);
        assert_eq!(halve(one.iter().map(|(months, no, amount)| (*months, no, *amount))), None);
    }

    proptest! {
        #[test]
        fn every_bill_is_in_one_part_and_no_part_is_above_the_limit(
            fen in prop::collection::vec(1_i64..1_000, 1..40),
            max in 1_000_i64..5_000,
        ) {
            let all = bills(&fen);
            let limit = Fen::new(max).expect("an amount");
            let parts = split(all.iter().map(|(months, no, amount)| (*months, no, *amount)), limit);
            let Some(parts) = parts else {
                prop_assert!(fen.iter().sum::<i64>() <= max);
                return Ok(());
            };
            let mut placed: Vec<&BillNo> = parts.iter().flat_map(|part| &part.bills).collect();
            placed.sort();
            let mut known: Vec<&BillNo> = all.iter().map(|(_, no, _)| no).collect();
            known.sort();
            prop_assert_eq!(placed, known);
            prop_assert!(parts.iter().all(|part| part.amount <= limit));
            let sum: i64 = parts.iter().map(|part| part.amount.get()).sum();
            prop_assert_eq!(sum, fen.iter().sum::<i64>());
        }
    }
}
