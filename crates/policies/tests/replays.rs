//! A quote is worked out again years later, and any tampering shows.

use std::sync::LazyLock;

use kernel::{CityCode, Fen, Insurance, InsuredKind, Month, MonthRange};
use policies::{Catalogue, Choice, Policy, Quote, QuoteRequest, ReplayError, Subject, Terms};
use proptest::prelude::*;
use serde_json::Value;

static CATALOGUE: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::embedded().expect("the embedded files are clean"));

fn wuxi_medical_2023() -> Quote {
    let subject = Subject::City {
        city: CityCode::new("320200").expect("a code"),
        insurance: Insurance::Medical,
        insured_kind: InsuredKind::FlexibleEmployment,
    };
    let months = MonthRange::starting("2023-01".parse().expect("a month"), 12).expect("a range");
    let base = Choice::Base(Fen::from_yuan("4250").expect("an amount"));
    CATALOGUE.quote(&QuoteRequest::new(subject, base, months)).expect("can be priced")
}

fn edited(file: &str, edit: impl Fn(&str) -> String) -> Catalogue {
    let texts: Vec<(&str, String)> = policies::embedded_texts()
        .into_iter()
        .map(|(name, text)| (name, if name == file { edit(text) } else { text.to_owned() }))
        .collect();
    Catalogue::from_texts(&texts).unwrap_or_else(|report| panic!("{report}"))
}

/// The text of one policy in a file.
fn block<'t>(text: &'t str, id: &str) -> &'t str {
    let blocks = text.split("[[policy]]");
    let mark = format!("id = \"{id}\"\n");
    blocks.into_iter().find(|block| block.contains(&mark)).expect("the policy is there")
}

#[test]
fn better_notes_do_not_disturb_old_quotes() {
    let later =
        edited("320200.toml", |text| text.replace("note = \"9% + 0.2%. ", "note = \"Better. "));
    assert_eq!(later.replay(&wuxi_medical_2023()), Ok(()));
}

#[test]
fn a_version_changed_in_place_is_noticed() {
    let changed = edited("320200.toml", |text| {
        let old = block(text, "wuxi-medical-2023q1");
        text.replace(
            old,
            &old.replace("base_ceiling_fen = 2247000", "base_ceiling_fen = 2404200")
                .replace("206724", "221186"),
        )
    });
    let replayed = changed.replay(&wuxi_medical_2023());
    assert!(matches!(replayed, Err(ReplayError::PolicyChanged { .. })), "{replayed:?}");
}

#[test]
fn a_new_version_prices_new_quotes_and_replays_old_ones() {
    let old_quote = wuxi_medical_2023();
    let newer = edited("320200.toml", |text| {
        let old = block(text, "wuxi-medical-2023q2");
        let new = old
            .replace("version = 1", "version = 2")
            .replace("base_floor_fen = 425000", "base_floor_fen = 449400")
            .replace("min_monthly_fen = 34850", "min_monthly_fen = 36851");
        format!("{text}\n[[policy]]{new}")
    });
    assert_eq!(newer.replay(&old_quote), Ok(()));
    let mut request = old_quote.request.clone();
    request.choice = Choice::Floor;
    let new_quote = newer.quote(&request).expect("can be priced");
    // 3 × 391.00 + 9 × 368.51
    assert_eq!(new_quote.total.to_string(), "4489.59");
    assert_eq!(new_quote.lines[11].version, 2);
    let replayed = CATALOGUE.replay(&new_quote);
    assert!(matches!(replayed, Err(ReplayError::PolicyGone { version: 2, .. })), "{replayed:?}");
}

#[test]
fn a_provisional_quote_stays_true_after_the_real_figures_came() {
    let mut quote = wuxi_medical_2023().request;
    quote.provisional = true;
    quote.choice = Choice::Floor;
    quote.months = MonthRange::starting("2024-01".parse().expect("a month"), 1).expect("a range");
    let provisional = CATALOGUE.quote(&quote).expect("can be priced");
    let later = edited("320200.toml", |text| {
        let new = block(text, "wuxi-medical-2023q2")
            .replace("wuxi-medical-2023q2", "wuxi-medical-2024")
            .replace("2023-04-01", "2024-01-01")
            .replace("2023-12-31", "2024-12-31");
        format!("{text}\n[[policy]]{new}")
    });
    assert_eq!(later.replay(&provisional), Ok(()));
    let firm = later.quote(&quote).expect("can be priced");
    assert!(provisional.provisional && !firm.provisional);
}

#[test]
fn a_quote_may_not_name_a_policy_of_somewhere_else() {
    let mut quote = wuxi_medical_2023();
    let Subject::City { city, .. } = &mut quote.request.subject else { panic!("asked for a city") };
    *city = CityCode::new("320500").expect("a code");
    let replayed = CATALOGUE.replay(&quote);
    assert!(matches!(replayed, Err(ReplayError::DoesNotApply { .. })), "{replayed:?}");
}

#[test]
fn lines_that_are_missing_or_too_many_are_noticed() {
    let mut shorter = wuxi_medical_2023();
    shorter.lines.pop();
    assert!(matches!(CATALOGUE.replay(&shorter), Err(ReplayError::MonthMissing { .. })));
    let mut longer = wuxi_medical_2023();
    longer.lines.push(longer.lines[11].clone());
    assert!(matches!(CATALOGUE.replay(&longer), Err(ReplayError::Differs { .. })));
    let mut shuffled = wuxi_medical_2023();
    shuffled.lines.swap(0, 11);
    assert!(CATALOGUE.replay(&shuffled).is_err());
}

/// Every number and text of the result, changed one at a time.
#[test]
fn any_changed_leaf_of_the_result_is_noticed() {
    let quote = serde_json::to_value(wuxi_medical_2023()).expect("JSON");
    let mut paths = Vec::new();
    leaves(&quote, String::new(), &mut paths);
    let mut tried = 0;
    for path in paths.iter().filter(|path| !path.starts_with("/request")) {
        let mut tampered = quote.clone();
        let leaf = tampered.pointer_mut(path).expect("a leaf");
        *leaf = match leaf.take() {
            Value::String(text) => match Fen::from_yuan(&text) {
                Ok(amount) => Value::String(Fen::new(amount.get() + 1).expect("small").to_string()),
                Err(_) => Value::String(format!("{text}x")),
            },
            Value::Number(number) => Value::from(number.as_u64().unwrap_or(0) + 1),
            Value::Bool(flag) => Value::Bool(!flag),
            Value::Null => Value::String("1.00".to_owned()),
            other => other,
        };
        // What is no quote any more cannot be replayed at all.
        if let Ok(tampered) = serde_json::from_value::<Quote>(tampered) {
            assert!(CATALOGUE.replay(&tampered).is_err(), "{path}");
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
}

fn leaves(value: &Value, path: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                leaves(value, format!("{path}/{key}"), paths);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                leaves(value, format!("{path}/{index}"), paths);
            }
        }
        _ => paths.push(path),
    }
}

/// Requests for any policy that is priced by the month, mostly inside its period.
fn monthly_request() -> impl Strategy<Value = QuoteRequest> {
    let policies: Vec<&'static Policy> = CATALOGUE
        .policies()
        .filter(|policy| !matches!(policy.terms, Terms::AnnualFlat { .. }))
        .collect();
    let flags = (any::<bool>(), any::<bool>());
    (0..policies.len(), 0u32..24, 1u32..20, 0u8..3, 0i64..40_000, 1u16..13, flags).prop_map(
        move |(index, offset, count, kind, above, tier, (local_hukou, paid_before_switch))| {
            let policy = policies[index];
            let floor = policy.floor().unwrap_or(Fen::ZERO);
            let choice = match kind {
                0 => Choice::Floor,
                1 => Choice::Base(Fen::new(floor.get() + above * 100).expect("an amount")),
                _ => Choice::Tier(tier),
            };
            let from = policy.period.from().plus(offset).expect("a month");
            let months = MonthRange::starting(from, count).expect("a range");
            let subject = match policy.is_offered() {
                true => Subject::City {
                    city: policy.cities[0].clone(),
                    insurance: policy.insurance,
                    insured_kind: policy.insured_kind,
                },
                false => Subject::Policy { id: policy.id.clone() },
            };
            let provisional = true;
            QuoteRequest { subject, choice, months, local_hukou, paid_before_switch, provisional }
        },
    )
}

proptest! {
    #[test]
    fn a_total_is_the_sum_of_its_steps(request in monthly_request()) {
        if let Ok(quote) = CATALOGUE.quote(&request) {
            prop_assert_eq!(quote.lines.len(), request.months.count() as usize);
            for line in &quote.lines {
                let sum = Fen::sum(line.steps.iter().map(|step| step.amount));
                prop_assert_eq!(sum, Some(line.sum));
                prop_assert_eq!(line.rounding.of(line.sum), Some(line.amount));
                if let (Some(account), Some(pool)) = (line.personal_account, line.pool) {
                    prop_assert_eq!(account.plus(pool), Some(line.amount));
                }
            }
            let total = Fen::sum(quote.lines.iter().map(|line| line.amount));
            prop_assert_eq!(total, Some(quote.total));
            let subtotals = Fen::sum(quote.subtotals.iter().map(|subtotal| subtotal.amount));
            prop_assert_eq!(subtotals, Some(quote.total));
        }
    }

    #[test]
    fn a_range_cut_in_two_costs_the_same(request in monthly_request(), cut in 1u32..19) {
        let count = request.months.count();
        prop_assume!(cut < count);
        let from = request.months.from();
        let second: Month = from.plus(cut).expect("a month");
        let part = |from, count| QuoteRequest {
            months: MonthRange::starting(from, count).expect("a range"),
            ..request.clone()
        };
        let whole = CATALOGUE.quote(&request);
        let parts = (CATALOGUE.quote(&part(from, cut)), CATALOGUE.quote(&part(second, count - cut)));
        match (whole, parts) {
            (Ok(whole), (Ok(first), Ok(second))) => {
                prop_assert_eq!(first.total.plus(second.total), Some(whole.total));
            }
            (Err(whole), (Err(first), _)) => prop_assert_eq!(whole, first),
            (Err(whole), (Ok(_), Err(second))) => prop_assert_eq!(whole, second),
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn every_quote_replays_after_storage_and_no_other_total_does(
        request in monthly_request(),
        more in 1i64..1_000,
    ) {
        if let Ok(quote) = CATALOGUE.quote(&request) {
            let stored = serde_json::to_string(&quote).expect("JSON");
            let mut read: Quote = serde_json::from_str(&stored).expect("a quote");
            prop_assert_eq!(CATALOGUE.replay(&read), Ok(()));
            read.total = Fen::new(read.total.get() + more).expect("an amount");
            prop_assert!(CATALOGUE.replay(&read).is_err());
        }
    }
}
