//! Judges what came back from an agency, before anything of it is believed.
//!
//! Pure: no input, no output, so that any bytes at all can be tried on it. The order matters. Only
//! an answer that is signed, fresh and for our serial can say yes or no; everything else is a doubt
//! ([`AgencyError::Unknown`]), because money may have moved.

use kernel::{RetryClass, Timestamp};
use serde::de::DeserializeOwned;

use crate::{
    port::{AgencyError, Objection},
    sign::{self, Key},
    wire::{self, ErrorAnswer, Operation},
};

/// What we asked, as far as the judgement needs it.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub operation: Operation,
    pub serial: &'a str,
}

/// An answer as received: nothing of it is verified.
pub(crate) struct Heard {
    pub status: u16,
    pub serial: Option<String>,
    pub time: Option<String>,
    pub signature: Option<String>,
    pub body: Vec<u8>,
}

fn doubt<T>(reason: impl Into<String>) -> Result<T, AgencyError> {
    Err(AgencyError::Unknown(reason.into()))
}

/// The result, or why there is none.
pub(crate) fn judge<A: DeserializeOwned>(
    key: &Key,
    now: Timestamp,
    asked: Asked<'_>,
    heard: &Heard,
) -> Result<A, AgencyError> {
    let Some(signature) = &heard.signature else {
        return unsigned(asked.operation, heard);
    };
    let (Some(serial), Some(time)) = (&heard.serial, &heard.time) else {
        return doubt("unsigned answer");
    };
    let text = sign::answer_text(serial, time, heard.status, &heard.body);
    if key.verify(&text, signature).is_err() {
        return doubt("wrong signature");
    }
    if serial != asked.serial {
        return doubt("answer to another request");
    }
    let fresh =
        Timestamp::from_rfc3339(time).is_ok_and(|told_at| told_at.apart(now) <= sign::CLOCK_WINDOW);
    if !fresh {
        return stale(asked.operation, heard);
    }
    match heard.status {
        200 => match serde_json::from_slice(&heard.body) {
            Ok(answer) => Ok(answer),
            // The cause is dropped on purpose: serde's text can quote the answer.
            Err(_) => doubt("answer not understood"),
        },
        400..=499 => refusal(&heard.body),
        status => doubt(format!("status {status}")),
    }
}

/// An agency that cannot tell who we are cannot sign for us either. For an act that moves no money
/// its word is enough to send an operator looking. For one that does it is not: whoever can write
/// into the connection could turn a booked payment into "nothing was done".
fn unsigned<A>(operation: Operation, heard: &Heard) -> Result<A, AgencyError> {
    if operation.retry_class() == RetryClass::Idempotent
        && let Ok(error) = serde_json::from_slice::<ErrorAnswer>(&heard.body)
    {
        match (heard.status, error.code.as_str()) {
            (401, code @ wire::BAD_SIGNATURE) | (403, code @ wire::UNKNOWN_INSTITUTION) => {
                return Err(AgencyError::Misconfigured(code.into()));
            }
            _ => {}
        }
    }
    match heard.status {
        500..=599 => doubt(format!("status {}", heard.status)),
        _ => doubt("unsigned answer"),
    }
}

/// When the clocks are too far apart, so are the times of the answers that say so. As with
/// [`unsigned`], that is told to an operator unless money moves: the serial of a posting comes
/// again, and an old "too far apart" could be played back to hide a booking.
fn stale<A>(operation: Operation, heard: &Heard) -> Result<A, AgencyError> {
    let skew = AgencyError::Misconfigured(wire::CLOCK_SKEW.into());
    match refusal::<A>(&heard.body) {
        Err(told)
            if told == skew
                && heard.status == 401
                && operation.retry_class() == RetryClass::Idempotent =>
        {
            Err(told)
        }
        _ => doubt("stale answer"),
    }
}

/// Reads a verified error envelope.
fn refusal<A>(body: &[u8]) -> Result<A, AgencyError> {
    let Ok(error) = serde_json::from_slice::<ErrorAnswer>(body) else {
        return doubt("answer not understood");
    };
    if let Some(objection) = Objection::from_code(&error.code) {
        return Err(AgencyError::Objection(objection));
    }
    if let Some(code) = wire::CONFIGURATION.iter().find(|code| **code == error.code) {
        return Err(AgencyError::Misconfigured((*code).into()));
    }
    if error.code == wire::UNKNOWN {
        return doubt(wire::UNKNOWN);
    }
    doubt("unknown code")
}

#[cfg(test)]
mod tests {
    use kernel::Secret;
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::{
        port::Posted,
        wire::{Bills, Done, Enrolments, SettlementPage, Standing, Tiers},
    };

    const NOW: &str = "2023-06-15T10:00:00+08:00";

    fn now() -> Timestamp {
        Timestamp::from_rfc3339(NOW).expect("a time")
    }

    fn key() -> Key {
        Key::new(&Secret::new("example-secret-of-32-characters!")).expect("a key")
    }

    fn signed(status: u16, serial: &str, time: &str, body: &[u8]) -> Heard {
        Heard {
            status,
            serial: Some(serial.into()),
            time: Some(time.into()),
            signature: Some(key().sign(&sign::answer_text(serial, time, status, body))),
            body: body.to_vec(),
        }
    }

    fn judged(operation: Operation, heard: &Heard) -> Result<(), AgencyError> {
        judge::<Done>(&key(), now(), Asked { operation, serial: "S1" }, heard).map(|_| ())
    }

    fn posted(heard: &Heard) -> Result<(), AgencyError> {
        judged(Operation::PostPayment, heard)
    }

    fn unknown(reason: &str) -> Result<(), AgencyError> {
        Err(AgencyError::Unknown(reason.into()))
    }

    #[test]
    fn a_signed_fresh_answer_to_our_request_is_believed() {
        assert_eq!(posted(&signed(200, "S1", NOW, b"{}")), Ok(()));
        assert_eq!(posted(&signed(200, "S1", "2023-06-15T10:05:00+08:00", b"{}")), Ok(()));
    }

    #[rstest]
    #[case::later("2023-06-15T10:05:01+08:00")]
    #[case::earlier("2023-06-15T09:54:59+08:00")]
    #[case::no_time("yesterday")]
    fn an_answer_outside_the_window_is_a_doubt(#[case] time: &str) {
        assert_eq!(posted(&signed(200, "S1", time, b"{}")), unknown("stale answer"));
    }

    #[test]
    fn an_answer_to_another_request_is_a_doubt() {
        assert_eq!(posted(&signed(200, "S2", NOW, b"{}")), unknown("answer to another request"));
    }

    #[test]
    fn every_signed_part_counts() {
        let no_bill = br#"{"code":"NO_BILL"}"#;
        for change in 0..4 {
            let mut heard = signed(422, "S1", NOW, no_bill);
            match change {
                0 => heard.status = 409,
                1 => heard.serial = Some("S2".into()),
                2 => heard.time = Some("2023-06-15T10:00:01+08:00".into()),
                _ => heard.body[0] ^= 1,
            }
            assert_eq!(posted(&heard), unknown("wrong signature"), "change {change}");
        }
        let mut heard = signed(422, "S1", NOW, no_bill);
        heard.signature = None;
        assert_eq!(posted(&heard), unknown("unsigned answer"));
        let mut heard = signed(422, "S1", NOW, no_bill);
        heard.time = None;
        assert_eq!(posted(&heard), unknown("unsigned answer"));
    }

    #[test]
    fn each_code_has_its_meaning() {
        let told = |code: &str| {
            let body = format!(r#"{{"code":"{code}","message":"…"}}"#);
            posted(&signed(422, "S1", NOW, body.as_bytes()))
        };
        for objection in Objection::ALL {
            assert_eq!(told(objection.code()), Err(AgencyError::Objection(*objection)));
        }
        for code in wire::CONFIGURATION {
            assert_eq!(told(code), Err(AgencyError::Misconfigured((*code).into())));
        }
        assert_eq!(told("UNKNOWN"), unknown("UNKNOWN"));
        assert_eq!(told("SOMETHING_NEW"), unknown("unknown code"));
    }

    #[rstest]
    #[case::objection_in_a_fault(503, r#"{"code":"NO_BILL"}"#, "status 503")]
    #[case::redirect(302, "{}", "status 302")]
    #[case::created(201, "{}", "status 201")]
    #[case::yes_without_sense(200, "[", "answer not understood")]
    #[case::no_without_sense(422, "no", "answer not understood")]
    fn what_the_protocol_does_not_say_is_a_doubt(
        #[case] status: u16,
        #[case] body: &str,
        #[case] reason: &str,
    ) {
        assert_eq!(posted(&signed(status, "S1", NOW, body.as_bytes())), unknown(reason));
    }

    #[rstest]
    #[case(401, "BAD_SIGNATURE")]
    #[case(403, "UNKNOWN_INSTITUTION")]
    fn an_unsigned_refusal_of_our_key_is_enough_unless_money_moves(
        #[case] status: u16,
        #[case] code: &str,
    ) {
        let body = format!(r#"{{"code":"{code}","message":"…"}}"#).into_bytes();
        let heard = Heard { status, serial: None, time: None, signature: None, body };
        let misconfigured = Err(AgencyError::Misconfigured(code.into()));
        assert_eq!(judged(Operation::QueryBills, &heard), misconfigured);
        assert_eq!(judged(Operation::PostPayment, &heard), unknown("unsigned answer"));
        assert_eq!(judged(Operation::Reverse, &heard), unknown("unsigned answer"));
    }

    #[test]
    fn clocks_too_far_apart_are_told_unless_money_moves() {
        let body = br#"{"code":"CLOCK_SKEW","message":"late"}"#;
        let heard = signed(401, "S1", "2023-06-15T11:00:00+08:00", body);
        let skew = Err(AgencyError::Misconfigured("CLOCK_SKEW".into()));
        assert_eq!(judged(Operation::QueryPosting, &heard), skew);
        assert_eq!(posted(&heard), unknown("stale answer"));
    }

    #[test]
    fn an_unsigned_objection_proves_nothing() {
        let body = br#"{"code":"NO_BILL"}"#.to_vec();
        let heard = Heard { status: 422, serial: None, time: None, signature: None, body };
        assert_eq!(judged(Operation::QueryBills, &heard), unknown("unsigned answer"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged_without_a_panic(
            status in 100u16..=999,
            serial in proptest::option::of("[ -~]{0,40}"),
            time in proptest::option::of("[ -~]{0,40}"),
            signature in proptest::option::of("[ -~]{0,80}"),
            body in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let heard = Heard { status, serial, time, signature, body };
            for operation in Operation::ALL {
                let verdict = judged(*operation, &heard);
                let harmless = matches!(
                    verdict,
                    Err(AgencyError::Unknown(_) | AgencyError::Misconfigured(_))
                );
                prop_assert!(harmless, "unverified bytes said yes or no");
            }
        }

        #[test]
        fn any_signed_body_is_parsed_without_a_panic(
            body in "(\\{|\\[|\"|[a-z_]{1,12}|:|,|\\}|\\]|[0-9.]{1,20}|null|[^\\x00]){0,40}",
        ) {
            let heard = signed(200, "S1", NOW, body.as_bytes());
            let asked = Asked { operation: Operation::QueryBills, serial: "S1" };
            let _ = judge::<Enrolments>(&key(), now(), asked, &heard).is_ok();
            let _ = judge::<Tiers>(&key(), now(), asked, &heard).is_ok();
            let _ = judge::<Bills>(&key(), now(), asked, &heard).is_ok();
            let _ = judge::<Posted>(&key(), now(), asked, &heard).is_ok();
            let _ = judge::<Standing>(&key(), now(), asked, &heard).is_ok();
            let _ = judge::<SettlementPage>(&key(), now(), asked, &heard).is_ok();
        }
    }
}
