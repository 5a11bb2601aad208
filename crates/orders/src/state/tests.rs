use proptest::{prelude::*, sample::select};

use super::*;

#[test]
fn the_full_matrix_is_as_written_down() {
    let mut matrix = String::new();
    for from in OrderState::ALL {
        for event in OrderEvent::ALL {
            let to = match from.next(event) {
                Ok(to) if to == from => "(stays)".to_owned(),
                Ok(to) => to.code().to_owned(),
                Err(_) => continue,
            };
            matrix.push_str(&format!("{:<16} {:<20} {to}\n", from.code(), event.code()));
        }
    }
    insta::assert_snapshot!(matrix);
}

#[test]
fn codes_are_read_back() {
    for state in OrderState::ALL {
        assert_eq!(state.code().parse(), Ok(state));
    }
    assert!("PENDING".parse::<OrderState>().is_err());
}

fn histories() -> impl Strategy<Value = Vec<OrderEvent>> {
    prop::collection::vec(select(OrderEvent::ALL.to_vec()), 0..40)
}

/// Plays a history from the beginning; refused events change nothing.
fn play(history: &[OrderEvent]) -> Vec<(OrderState, OrderEvent, OrderState)> {
    let mut state = OrderState::Created;
    let mut steps = Vec::new();
    for event in history {
        if let Ok(next) = state.next(*event) {
            steps.push((state, *event, next));
            state = next;
        }
    }
    steps
}

proptest! {
    #[test]
    fn money_is_never_refused(history in histories()) {
        let last = play(&history).last().map_or(OrderState::Created, |step| step.2);
        for money in [OrderEvent::MoneyArrived, OrderEvent::SurplusArrived, OrderEvent::WrongMoneyArrived] {
            prop_assert!(last.next(money).is_ok(), "{last} refuses {money:?}");
        }
    }

    #[test]
    fn success_is_only_reached_after_money(history in histories()) {
        let steps = play(&history);
        let mut money = false;
        for (_, event, to) in steps {
            money |= matches!(event, OrderEvent::MoneyArrived | OrderEvent::WrongMoneyArrived);
            if !money {
                let before = [OrderState::Created, OrderState::Paying, OrderState::Closed, OrderState::Failed];
                prop_assert!(before.contains(&to), "{to} without money");
            }
        }
    }

    #[test]
    fn after_money_an_order_never_says_that_nothing_was_taken(history in histories()) {
        let mut money = false;
        for (_, event, to) in play(&history) {
            money |= event == OrderEvent::MoneyArrived;
            // A person says so, and only where nothing was taken: the act looks.
            money &= event != OrderEvent::Disowned;
            if money {
                prop_assert!(!matches!(to, OrderState::Closed | OrderState::Failed | OrderState::Created | OrderState::Paying));
            }
        }
    }

    #[test]
    fn a_successful_order_changes_only_by_the_agency(history in histories()) {
        for (from, event, to) in play(&history) {
            if from == OrderState::Success && to != from {
                prop_assert!(matches!(event, OrderEvent::BillTakenBack | OrderEvent::AgencyReversed | OrderEvent::AgencyGaveBack));
            }
        }
    }
}
