//! The words of the message files for what the rooms below name by codes.

use agency::EnrolmentState;
use kernel::{Channel, Insurance};
use orders::{OrderState, PostingState, RefundState};
use wording::{Language, term};

pub(crate) fn insurance_key(insurance: Insurance) -> String {
    format!("insurance.{insurance}")
}

pub(crate) fn state_key(state: OrderState) -> String {
    format!("order_state.{}", state.code())
}

pub(crate) fn insurance(language: Language, insurance: Insurance) -> String {
    term(language, &insurance_key(insurance))
}

pub(crate) fn state(language: Language, state: OrderState) -> String {
    term(language, &state_key(state))
}

pub(crate) fn channel(language: Language, channel: Channel) -> String {
    term(language, &format!("channel.{channel}"))
}

pub(crate) fn enrolment(language: Language, state: EnrolmentState) -> String {
    let code = match state {
        EnrolmentState::Active => "active",
        EnrolmentState::Suspended => "suspended",
        EnrolmentState::Ended => "ended",
        EnrolmentState::NotEnrolled => "not_enrolled",
        EnrolmentState::Retired => "retired",
    };
    term(language, &format!("enrolment.{code}"))
}

pub(crate) fn posting(language: Language, state: PostingState) -> String {
    term(language, &format!("posting.{}", state.code()))
}

pub(crate) fn refund(language: Language, state: RefundState) -> String {
    term(language, &format!("refund.{}", state.code()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lower rooms' own terms are the Chinese ones, and every code has a word in both languages.
    #[test]
    fn every_code_has_its_word() {
        let both = |word: &dyn Fn(Language) -> String, chinese: &str| {
            assert_eq!(word(Language::Chinese), chinese);
            let english = word(Language::English);
            assert!(english.is_ascii() && !english.contains('.'), "{chinese}: {english}");
        };
        for known in Insurance::ALL {
            both(&|language| insurance(language, *known), known.label());
        }
        for known in Channel::ALL {
            both(&|language| channel(language, *known), known.label());
        }
        for known in OrderState::ALL {
            both(&|language| state(language, known), known.label());
        }
    }
}
