//! The gateway's answers: find the root node, verify its exact substring, read the codes.
//!
//! The signed text is the value of the root node byte for byte, so nothing is parsed and written
//! again. The outer object is read into borrowed raw slices; a key that occurs twice is refused,
//! because of two roots one could be verified and the other be read.

use std::{borrow::Cow, fmt};

use kernel::Timestamp;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    certificate::Serial,
    keys::{AlipayKeys, Unproven},
};
use crate::call::plain_code;

/// An envelope has three members, a node some dozens at most.
const MEMBERS_MAX: usize = 64;
const ERROR_ROOT: &str = "error_response";

/// Why an answer says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// Not the gateway's form: a proxy's page, a truncated body, a doubled root.
    Form,
    /// Signed, and the signature does not fit.
    Signature,
    /// Signed under a certificate that we do not hold.
    Certificate(Serial),
}

impl From<Unproven> for Unreadable {
    fn from(unproven: Unproven) -> Unreadable {
        match unproven {
            Unproven::Signature => Unreadable::Signature,
            Unproven::Certificate(serial) => Unreadable::Certificate(serial),
        }
    }
}

/// An answer in the gateway's form.
pub(super) enum Reply {
    /// Alipay signed it.
    Verified(Verified),
    /// No signature: may only ever be read as a failure.
    Unsigned(Codes),
}

/// A root node whose signature was verified. Only [`read`] makes one.
pub(super) struct Verified {
    text: String,
    codes: Codes,
    /// The root was `error_response`.
    is_error: bool,
}

/// The codes of a root node, made plain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Codes {
    /// `10000`, `40004` …; some methods leave it out on success.
    pub(super) code: Option<String>,
    pub(super) sub_code: Option<String>,
}

impl Verified {
    pub(super) const fn codes(&self) -> &Codes {
        &self.codes
    }

    /// The signed text itself.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) const fn is_error(&self) -> bool {
        self.is_error
    }

    /// `None` when the node has another form than `T`.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(&self.text).ok()
    }
}

impl Codes {
    fn of(text: &str) -> Result<Codes, Unreadable> {
        #[derive(Deserialize)]
        struct Wire {
            code: Option<String>,
            sub_code: Option<String>,
        }
        let wire: Wire = serde_json::from_str(text).map_err(|_| Unreadable::Form)?;
        let plain = |code: Option<String>| code.map(|code| plain_code(&code));
        Ok(Codes { code: plain(wire.code), sub_code: plain(wire.sub_code) })
    }

    /// The sub code without prefix, in capitals: prefixes are missing, doubled or misspelt now and
    /// then (`ACQ.`, `AQC.`, `aop.ACQ.`), and case varies.
    pub(super) fn sub_name(&self) -> String {
        let sub_code = self.sub_code.as_deref().unwrap_or_default();
        sub_code.rsplit('.').next().unwrap_or_default().to_ascii_uppercase()
    }

    /// For errors and logs.
    pub(super) fn name(&self) -> String {
        let code = self.sub_code.clone().filter(|code| !code.is_empty());
        code.or_else(|| self.code.clone()).unwrap_or_else(|| "no code".into())
    }
}

/// Reads a whole body. `root` is the method's root node, such as `alipay_trade_query_response`.
pub(super) fn read(
    body: &[u8],
    root: &str,
    keys: &AlipayKeys,
    now: Timestamp,
) -> Result<Reply, Unreadable> {
    let body = std::str::from_utf8(body).map_err(|_| Unreadable::Form)?;
    let members: Outer = serde_json::from_str(body).map_err(|_| Unreadable::Form)?;
    let (node, is_error) = members.node(root)?;
    let Some(signature) = members.text("sign")? else {
        return Codes::of(node).map(Reply::Unsigned);
    };
    let serial = members.text("alipay_cert_sn")?.filter(|text| !text.is_empty());
    // A name of another form is nobody's.
    let serial = serial.map(|text| Serial::parse(&text).ok_or(Unreadable::Form)).transpose()?;
    let verify = |text: &str| keys.verify(text.as_bytes(), &signature, serial, now);
    let text = verified_text(node, verify)?;
    let codes = Codes::of(&text)?;
    Ok(Reply::Verified(Verified { text, codes, is_error }))
}

/// A member of the root node of an answer that cannot be verified yet, because it brings what
/// verifying needs. The caller proves the content in another way before using it.
pub(super) fn unverified_text(body: &[u8], root: &str, name: &str) -> Result<String, Unreadable> {
    let body = std::str::from_utf8(body).map_err(|_| Unreadable::Form)?;
    let members: Outer = serde_json::from_str(body).map_err(|_| Unreadable::Form)?;
    let (node, is_error) = members.node(root)?;
    if is_error || Codes::of(node)?.code.as_deref() != Some("10000") {
        return Err(Unreadable::Form);
    }
    let node: Outer = serde_json::from_str(node).map_err(|_| Unreadable::Form)?;
    node.text(name)?.ok_or(Unreadable::Form)
}

/// The node as it was signed. Some answers were signed with `/` and sent with `\/`; what was
/// verified is also what is read afterwards.
fn verified_text(
    node: &str,
    verify: impl Fn(&str) -> Result<(), Unproven>,
) -> Result<String, Unreadable> {
    match verify(node) {
        Ok(()) => return Ok(node.to_owned()),
        Err(Unproven::Signature) => {}
        Err(unproven @ Unproven::Certificate(_)) => return Err(unproven.into()),
    }
    if node.contains("\\/") {
        let unescaped = node.replace("\\/", "/");
        if verify(&unescaped).is_ok() {
            return Ok(unescaped);
        }
    }
    Err(Unreadable::Signature)
}

/// The outer object's members in order, values untouched.
struct Outer<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Outer<'a> {
    fn member(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(key, _)| key.as_ref() == name).map(|(_, value)| value.get())
    }

    /// A member that must be a text if it is there.
    fn text(&self, name: &str) -> Result<Option<String>, Unreadable> {
        let member = self.member(name).map(serde_json::from_str);
        member.transpose().map_err(|_| Unreadable::Form)
    }

    /// The method's node, or the one of old-style errors.
    fn node(&self, root: &str) -> Result<(&'a str, bool), Unreadable> {
        match (self.member(root), self.member(ERROR_ROOT)) {
            (Some(node), _) => Ok((node, false)),
            (None, Some(node)) => Ok((node, true)),
            (None, None) => Err(Unreadable::Form),
        }
    }
}

impl<'de> Deserialize<'de> for Outer<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Outer<'de>, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Outer<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object without doubled keys")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outer<'de>, A::Error> {
                let mut members: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::new();
                while let Some(Key(key)) = map.next_key()? {
                    if members.len() == MEMBERS_MAX
                        || members.iter().any(|(known, _)| *known == key)
                    {
                        return Err(A::Error::custom("doubled or too many keys"));
                    }
                    members.push((key, map.next_value()?));
                }
                Ok(Outer(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::{
        rsa::VerifyingKey,
        testing::{TestKey, spoiled},
    };

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_767_225_600);
    const ROOT: &str = "alipay_trade_query_response";

    fn keys() -> AlipayKeys {
        let own = VerifyingKey::read("own", &TestKey::merchant().public_pem()).expect("a key");
        AlipayKeys::read(&[TestKey::platform().public_pem()], None, &own).expect("keys")
    }

    fn read_text(body: &str) -> Result<Reply, Unreadable> {
        read(body.as_bytes(), ROOT, &keys(), NOW)
    }

    fn sign(node: &str) -> String {
        TestKey::platform().sign(node.as_bytes())
    }

    const ODD: &str = r#"{"code":"10000","subject":"a}\"{\u793e\/","n":{"sign":"x","alipay_trade_query_response":{}} , "m":1.50}"#;

    #[rstest]
    #[case::plain(r#"{"alipay_trade_query_response":NODE,"sign":"SIGN"}"#)]
    #[case::sign_first(r#"{"sign":"SIGN","alipay_trade_query_response":NODE}"#)]
    #[case::certificate(
        r#"{"alipay_trade_query_response":NODE,"alipay_cert_sn":"687b59193f3f462dd5336e5abf83c5d8","sign":"SIGN"}"#
    )]
    #[case::pretty("{\n  \"alipay_trade_query_response\" : NODE ,\n  \"sign\" : \"SIGN\"\n}\n")]
    #[case::escaped_key(r#"{"alipay\u005ftrade_query_response":NODE,"sign":"SIGN"}"#)]
    fn the_exact_substring_is_verified(#[case] frame: &str) {
        for node in [ODD, r#"{"code":"10000","subject":"a}\"{\u793e\/"}"#, "{}", "{ }"] {
            let body = frame.replace("NODE", node).replace("SIGN", &sign(node));
            let Ok(Reply::Verified(verified)) = read_text(&body) else { panic!("{body}") };
            assert_eq!(verified.text, node);
            assert!(!verified.is_error());
        }
    }

    #[test]
    fn a_node_signed_with_plain_slashes_is_read_as_it_was_signed() {
        let signed = r#"{"code":"10000","url":"https://a/b"}"#;
        let sent = signed.replace('/', "\\/");
        let body = format!(r#"{{"{ROOT}":{sent},"sign":"{}"}}"#, sign(signed));
        let Ok(Reply::Verified(verified)) = read_text(&body) else { panic!("not verified") };
        assert_eq!(verified.text, signed);
    }

    #[rstest]
    #[case::html("<html>502</html>")]
    #[case::empty("")]
    #[case::array("[]")]
    #[case::no_root(r#"{"other_response":{"code":"10000"}}"#)]
    #[case::cut(r#"{"alipay_trade_query_response":{"code":"10000"#)]
    #[case::trailing(r#"{"alipay_trade_query_response":{"code":"10000"}} {}"#)]
    #[case::text(r#"{"alipay_trade_query_response":"ciphertext"}"#)]
    #[case::number(r#"{"alipay_trade_query_response":{"code":10000}}"#)]
    fn what_is_not_the_gateways_form_says_nothing(#[case] body: &str) {
        assert_eq!(read_text(body).err(), Some(Unreadable::Form));
    }

    #[test]
    fn doubled_roots_and_signatures_are_refused() {
        let (good, evil) = (r#"{"code":"10000","a":"1"}"#, r#"{"code":"10000","a":"2"}"#);
        let sign = sign(good);
        for body in [
            format!(r#"{{"{ROOT}":{good},"{ROOT}":{evil},"sign":"{sign}"}}"#),
            format!(r#"{{"{ROOT}":{evil},"{ROOT}":{good},"sign":"{sign}"}}"#),
            format!(r#"{{"{ROOT}":{good},"sign":"{sign}","sign":"{sign}"}}"#),
            format!(
                r#"{{"{ROOT}":{good},"alipay\u005ftrade_query_response":{evil},"sign":"{sign}"}}"#
            ),
        ] {
            assert_eq!(read_text(&body).err(), Some(Unreadable::Form));
        }
    }

    #[test]
    fn a_signature_that_does_not_fit_is_not_taken_for_none() {
        let node = r#"{"code":"40004","sub_code":"ACQ.TRADE_NOT_EXIST"}"#;
        for sign in [spoiled(&sign(node)), String::new(), "WECHATPAY/SIGNTEST/".into()] {
            let body = format!(r#"{{"{ROOT}":{node},"sign":"{sign}"}}"#);
            assert_eq!(read_text(&body).err(), Some(Unreadable::Signature));
        }
    }

    #[test]
    fn an_unsigned_answer_is_never_verified() {
        for root in [ROOT, ERROR_ROOT] {
            let body =
                format!(r#"{{"{root}":{{"code":"10000","sub_code":"aop.ACQ.SYSTEM_ERROR"}}}}"#);
            let Ok(Reply::Unsigned(codes)) = read_text(&body) else { panic!("{body}") };
            assert_eq!(codes.code.as_deref(), Some("10000"));
            assert_eq!(codes.sub_name(), "SYSTEM_ERROR");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(!matches!(read(&body, ROOT, &keys(), NOW), Ok(Reply::Verified(_))));
        }

        #[test]
        fn one_changed_byte_in_the_node_never_verifies(at in 0..ODD.len(), change in 1u8..=255) {
            let mut node = ODD.as_bytes().to_vec();
            node[at] ^= change;
            let (head, tail) = (format!("{{\"{ROOT}\":"), format!(",\"sign\":\"{}\"}}", sign(ODD)));
            let body = [head.as_bytes(), &node, tail.as_bytes()].concat();
            // White space around the node is outside the signed text, so the braces may move.
            if let Ok(Reply::Verified(verified)) = read(&body, ROOT, &keys(), NOW) {
                prop_assert_eq!(verified.text.as_str(), ODD);
            }
        }
    }
}
