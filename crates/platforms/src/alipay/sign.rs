//! What is signed. Requests and notifications differ in two points that are easily mixed up, so
//! they are two functions: requests keep `sign_type` and drop blank values, notifications drop
//! `sign_type` and keep blank values.

/// The text of a request: all parameters but `sign`, blanks dropped, sorted, raw values.
pub(super) fn request_text(parameters: &[(&str, &str)]) -> String {
    let mut kept: Vec<_> = parameters
        .iter()
        .filter(|(name, value)| *name != "sign" && !value.trim().is_empty())
        .collect();
    kept.sort_unstable();
    let lines: Vec<String> = kept.iter().map(|(name, value)| format!("{name}={value}")).collect();
    lines.join("&")
}

/// Which reading of the rules a notification's signature is tried under. The first is what the
/// platform's own libraries agree on; documents and other libraries contradict them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) blanks: bool,
    pub(super) certificate_serial: bool,
}

impl Reading {
    pub(super) const ALL: [Reading; 4] = [
        Reading { blanks: true, certificate_serial: true },
        Reading { blanks: false, certificate_serial: true },
        Reading { blanks: true, certificate_serial: false },
        Reading { blanks: false, certificate_serial: false },
    ];

    /// The label of the counter.
    pub(super) const fn code(self) -> &'static str {
        match (self.blanks, self.certificate_serial) {
            (true, true) => "canonical",
            (false, true) => "blanks_dropped",
            (true, false) => "serial_dropped",
            (false, false) => "blanks_and_serial_dropped",
        }
    }
}

/// The bytes of a notification: all pairs but `sign` and `sign_type`, sorted, raw values in the
/// notification's own charset. The bytes are as they were on the wire after one decoding, so no
/// charset is needed here. `pairs` must be sorted by name.
pub(super) fn notification_text<'a>(
    pairs: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    reading: Reading,
) -> Vec<u8> {
    let mut text = Vec::new();
    for (name, value) in pairs {
        let dropped = matches!(name, "sign" | "sign_type")
            || (!reading.blanks && value.trim_ascii().is_empty())
            || (!reading.certificate_serial && name == "alipay_cert_sn");
        if dropped {
            continue;
        }
        if !text.is_empty() {
            text.push(b'&');
        }
        text.extend_from_slice(name.as_bytes());
        text.push(b'=');
        text.extend_from_slice(value);
    }
    text
}

#[cfg(test)]
mod tests {
    use ring::digest::{SHA256, digest};

    use super::*;

    #[test]
    fn a_request_keeps_the_sign_type_and_drops_blanks() {
        let text = request_text(&[
            ("method", "alipay.trade.query"),
            ("app_id", "2021000000000001"),
            ("biz_content", r#"{"out_trade_no":"SI20260102_0001"}"#),
            ("charset", "utf-8"),
            ("format", "JSON"),
            ("notify_url", " "),
            ("sign", "ignored"),
            ("sign_type", "RSA2"),
            ("timestamp", "2026-01-02 03:04:05"),
            ("version", "1.0"),
        ]);
        assert_eq!(
            hex::encode(digest(&SHA256, text.as_bytes())),
            "de0f50bb6aa3a7bb3e4f74c8c7d768a47e2d06ec4a644100c17e9fb4a1a1b65f",
            "{text}"
        );
    }

    #[test]
    fn a_notification_drops_the_sign_type_and_keeps_blanks() {
        let pairs: [(&str, &[u8]); 6] = [
            ("alipay_cert_sn", b"0a"),
            ("app_id", b"1"),
            ("body", b""),
            ("sign", b"x"),
            ("sign_type", b"RSA2"),
            ("subject", b" "),
        ];
        let texts = Reading::ALL.map(|reading| notification_text(pairs, reading));
        let expected: [&[u8]; 4] = [
            b"alipay_cert_sn=0a&app_id=1&body=&subject= ",
            b"alipay_cert_sn=0a&app_id=1",
            b"app_id=1&body=&subject= ",
            b"app_id=1",
        ];
        assert_eq!(texts, expected.map(<[u8]>::to_vec));
    }
}
