//! What can be told about an account's keys and certificates without a call. Setting up an account
//! stops at the first thing that cannot work; an examination names everything, and also what works
//! today and will not for long.

use std::time::Duration;

use kernel::Timestamp;
use x509_parser::{pem::Pem, prelude::X509Certificate};

use crate::SetupError;

/// A certificate that ends within this time should be replaced now: ordering one takes days.
pub const ENDS_SOON: Duration = Duration::from_secs(30 * 86_400);

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gravity {
    /// Calls or notifications fail.
    Broken,
    /// Works now, and needs somebody's attention.
    Attention,
}

/// One thing that somebody should know, in one sentence. Holds no key and no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub gravity: Gravity,
    /// Which setting or file it is about.
    pub setting: String,
    pub sentence: String,
}

impl Finding {
    pub(crate) fn new(
        gravity: Gravity,
        setting: impl Into<String>,
        sentence: impl Into<String>,
    ) -> Finding {
        Finding { gravity, setting: setting.into(), sentence: sentence.into() }
    }
}

impl From<SetupError> for Finding {
    fn from(error: SetupError) -> Finding {
        Finding::new(Gravity::Broken, error.setting(), error.problem())
    }
}

/// What the dates of the first certificate in `text` say; `ended` is how bad it is when it does not hold
/// now. Text that holds no certificate says nothing here.
pub(crate) fn dates(setting: &str, text: &str, ended: Gravity, now: Timestamp) -> Vec<Finding> {
    let sections = Pem::iter_from_buffer(text.trim_start_matches('\u{feff}').as_bytes());
    let mut findings = Vec::new();
    for section in sections.take(1).filter_map(Result::ok) {
        let Ok(certificate) = section.parse_x509() else { continue };
        findings.extend(dates_of(setting, &certificate, ended, now));
    }
    findings
}

/// What the dates of one certificate say.
pub(crate) fn dates_of(
    setting: &str,
    certificate: &X509Certificate<'_>,
    ended: Gravity,
    now: Timestamp,
) -> Option<Finding> {
    let moment = |seconds: i64| Timestamp::from_unix_seconds(seconds);
    let from = moment(certificate.validity().not_before.timestamp());
    let until = moment(certificate.validity().not_after.timestamp());
    let serial = hex::encode_upper(certificate.raw_serial());
    let serial = serial.trim_start_matches('0');
    let found = |gravity, sentence| Some(Finding::new(gravity, setting, sentence));
    if until < now {
        let when = until.rfc3339();
        found(ended, format!("the certificate {serial} ended on {when}"))
    } else if now < from {
        let when = from.rfc3339();
        found(ended, format!("the certificate {serial} begins on {when}"))
    } else if until < now.plus(ENDS_SOON) {
        let when = until.rfc3339();
        let sentence = format!("the certificate {serial} ends on {when}; order the next one");
        found(Gravity::Attention, sentence)
    } else {
        None
    }
}
