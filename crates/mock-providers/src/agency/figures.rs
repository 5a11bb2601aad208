//! Bases and rates that the mock agency charges. Tiers are published tables, not a formula.
//!
//! Pension: the provincial lists of Jiangsu for 2022 and 2023 (苏人社发〔2023〕3号), of 2024 and 2025
//! only the two bounds, because the tiers between were not found. Medical: Wuxi's announcement of
//! March 2023 (9 % + 0.2 %, from April 8 % + 0.2 %, base held at 4250) and its 10.2 % of 2022; Nanjing's 9 %
//! and 8 % with 10 yuan a month for major illness. The other cities pay Wuxi's figures here: a mock
//! must show bills, not be right about them.

use kernel::{BasisPoints, Fen, Insurance, Month};

/// Tier number and base in fen.
type Table = &'static [(u16, i64)];

const TIERS_2022: Table = &[
    (1, 425_000),
    (2, 500_000),
    (3, 600_000),
    (4, 700_000),
    (5, 800_000),
    (6, 900_000),
    (7, 1_000_000),
    (8, 1_200_000),
    (9, 1_400_000),
    (10, 1_600_000),
    (11, 1_800_000),
    (12, 2_182_100),
];
const TIERS_2023: Table = &[
    (1, 449_400),
    (2, 600_000),
    (3, 700_000),
    (4, 800_000),
    (5, 900_000),
    (6, 1_000_000),
    (7, 1_200_000),
    (8, 1_400_000),
    (9, 1_600_000),
    (10, 1_800_000),
    (11, 2_000_000),
    (12, 2_404_200),
];
const TIERS_2024: Table = &[(1, 487_900), (12, 2_439_600)];
const TIERS_2025: Table = &[(1, 495_200), (12, 2_476_200)];
const FLOOR_4250: Table = &[(1, 425_000)];
const FLOOR_4494: Table = &[(1, 449_400)];

/// A part of a contribution.
#[derive(Clone, Copy)]
pub(super) enum Share {
    Rate(u16),
    Flat(i64),
}

type Parts = &'static [(&'static str, &'static str, Share)];

const PENSION: Parts = &[("pension", "企业职工基本养老保险", Share::Rate(2_000))];
const MEDICAL_2022: Parts = &[("medical_total", "职工医保(含大病医疗救助)", Share::Rate(1_020))];
const MEDICAL_2023_Q1: Parts = &[
    ("basic_medical", "职工基本医疗保险", Share::Rate(900)),
    ("critical_illness", "大病医疗救助", Share::Rate(20)),
];
const MEDICAL_2023_Q2: Parts = &[
    ("basic_medical", "职工基本医疗保险", Share::Rate(800)),
    ("critical_illness", "大病医疗救助", Share::Rate(20)),
];
const NANJING_MEDICAL_Q1: Parts = &[
    ("basic_medical", "职工基本医疗保险", Share::Rate(900)),
    ("critical_illness", "大病医疗救助", Share::Flat(1_000)),
];
const NANJING_MEDICAL_Q2: Parts = &[
    ("basic_medical", "职工基本医疗保险", Share::Rate(800)),
    ("critical_illness", "大病医疗救助", Share::Flat(1_000)),
];

/// What one tier costs in one month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Priced {
    pub tier_no: u16,
    pub base: Fen,
    pub amount: Fen,
    /// Code, name, rate if it is one, amount.
    pub components: Vec<(&'static str, &'static str, Option<BasisPoints>, Fen)>,
}

fn rules(city: &str, insurance: Insurance, month: Month) -> Option<(Table, Parts)> {
    match (insurance, city, month.year(), month.month()) {
        (Insurance::Pension, _, 2022, _) => Some((TIERS_2022, PENSION)),
        (Insurance::Pension, _, 2023, _) => Some((TIERS_2023, PENSION)),
        (Insurance::Pension, _, 2024, _) => Some((TIERS_2024, PENSION)),
        (Insurance::Pension, _, 2025, _) => Some((TIERS_2025, PENSION)),
        (Insurance::Medical, "320100", 2023, ..=3) => Some((FLOOR_4250, NANJING_MEDICAL_Q1)),
        (Insurance::Medical, "320100", 2023, _) => Some((FLOOR_4494, NANJING_MEDICAL_Q2)),
        (Insurance::Medical, _, 2022, _) => Some((TIERS_2022, MEDICAL_2022)),
        (Insurance::Medical, _, 2023, ..=3) => Some((FLOOR_4250, MEDICAL_2023_Q1)),
        (Insurance::Medical, _, 2023, _) => Some((FLOOR_4250, MEDICAL_2023_Q2)),
        _ => None,
    }
}

/// All tiers of a month; `None` when no figures are known for it.
pub(super) fn tiers(city: &str, insurance: Insurance, month: Month) -> Option<Vec<Priced>> {
    let (table, parts) = rules(city, insurance, month)?;
    table.iter().map(|(no, base)| priced(*no, *base, parts)).collect()
}

/// One tier of a month; `None` when the month has no figures or no such tier.
pub(super) fn tier(city: &str, insurance: Insurance, month: Month, no: u16) -> Option<Priced> {
    let (table, parts) = rules(city, insurance, month)?;
    let (no, base) = table.iter().find(|(tier_no, _)| *tier_no == no)?;
    priced(*no, *base, parts)
}

/// Each part is rounded to the fen before the sum is made.
fn priced(tier_no: u16, base_fen: i64, parts: Parts) -> Option<Priced> {
    let base = Fen::new(base_fen)?;
    let mut components = Vec::new();
    for (code, name, share) in parts {
        let (rate, amount) = match share {
            Share::Rate(points) => (Some(BasisPoints(*points)), BasisPoints(*points).of(base)?),
            Share::Flat(fen) => (None, Fen::new(*fen)?),
        };
        components.push((*code, *name, rate, amount));
    }
    let amount = Fen::sum(components.iter().map(|(.., amount)| *amount))?;
    Some(Priced { tier_no, base, amount, components })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("320200", Insurance::Pension, "2023-01", 1, "898.80")]
    #[case("320200", Insurance::Pension, "2023-12", 12, "4808.40")]
    #[case("320200", Insurance::Pension, "2022-06", 12, "4364.20")]
    #[case("320200", Insurance::Pension, "2024-06", 1, "975.80")]
    #[case("320200", Insurance::Medical, "2022-06", 1, "433.50")]
    #[case("320200", Insurance::Medical, "2022-06", 12, "2225.74")]
    #[case("320200", Insurance::Medical, "2023-03", 1, "391.00")]
    #[case("320200", Insurance::Medical, "2023-04", 1, "348.50")]
    #[case("320100", Insurance::Medical, "2023-03", 1, "392.50")]
    #[case("320100", Insurance::Medical, "2023-04", 1, "369.52")]
    fn published_amounts_come_out_to_the_fen(
        #[case] city: &str,
        #[case] insurance: Insurance,
        #[case] month: &str,
        #[case] no: u16,
        #[case] amount: &str,
    ) {
        let month = month.parse().expect("a month");
        let priced = tier(city, insurance, month, no).expect("figures");
        assert_eq!(priced.amount.to_string(), amount);
    }

    #[test]
    fn a_year_without_figures_has_no_tiers() {
        let month = "2026-01".parse().expect("a month");
        assert_eq!(tiers("320200", Insurance::Pension, month), None);
        assert_eq!(tiers("320200", Insurance::Unemployment, month), None);
    }
}
