//! The envelope of an answer: the node, Alipay's certificate where one is used, and the signature
//! over the node's exact bytes (alipay §1.5), with everything that may be odd about it.

use encoding_rs::{Encoding, UTF_8};
use serde_json::{Value, json};

use super::{Alipay, AlipayOddity, charset, crypt};
use crate::settings::AlipaySigner;

/// How an answer is put together.
#[derive(Clone, Copy)]
pub(super) struct Seal {
    pub charset: &'static Encoding,
    /// Failures at the door are not signed.
    pub signed: bool,
    /// Certificate mode: the certificate's serial number stands beside the signature.
    pub with_serial: bool,
    pub encrypted: bool,
    /// A well-formed signature of other bytes.
    pub wrong: bool,
    pub oddity: Option<AlipayOddity>,
}

impl Default for Seal {
    fn default() -> Seal {
        Seal {
            charset: UTF_8,
            signed: false,
            with_serial: false,
            encrypted: false,
            wrong: false,
            oddity: None,
        }
    }
}

/// Escapes slashes and everything beyond ASCII.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(b'/') => out.push_str("\\/"),
            Ok(byte) if byte.is_ascii() => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\u{unit:04x}")),
        }
    }
    out
}

/// The node's text as it is signed and sent.
fn node_text(alipay: &Alipay, content: &Value, seal: &Seal) -> String {
    let mut content = content.clone();
    if seal.oddity == Some(AlipayOddity::Braces)
        && let Some(map) = content.as_object_mut()
    {
        map.insert("mock_note".to_owned(), json!("}{ \",\"sign\":\"x\" {{\\"));
    }
    let text = match seal.oddity {
        Some(AlipayOddity::Pretty) => format!("{content:#}"),
        Some(AlipayOddity::Escaped) => escaped(&content.to_string()),
        _ => content.to_string(),
    };
    if seal.encrypted {
        // The quotation marks are part of what is signed.
        return format!("\"{}\"", crypt::encrypt(&alipay.keys.aes_key, &text));
    }
    text
}

pub(super) fn envelope(alipay: &Alipay, node: &str, content: &Value, seal: &Seal) -> Vec<u8> {
    let text = node_text(alipay, content, seal);
    if !seal.signed || seal.oddity == Some(AlipayOddity::Unsigned) {
        return charset::bytes(&format!("{{\"{node}\":{text}}}"), seal.charset);
    }
    let chosen = alipay.stage.switches.get().alipay_signer;
    let chosen = match (seal.oddity, chosen) {
        (Some(AlipayOddity::OtherKey), AlipaySigner::Present) => AlipaySigner::Next,
        (Some(AlipayOddity::OtherKey), AlipaySigner::Next) => AlipaySigner::Present,
        (_, chosen) => chosen,
    };
    let signer = alipay.keys.signer(chosen);
    let mut signed = charset::bytes(&text, seal.charset);
    if seal.wrong {
        signed.push(b' ');
    }
    let sign = signer.pair.sign(&signed);
    let serial = match seal.with_serial {
        true => format!("\"alipay_cert_sn\":\"{}\",", signer.certificate.sn),
        false => String::new(),
    };
    let whole = match seal.oddity {
        Some(AlipayOddity::SignFirst) => {
            format!("{{\"sign\":\"{sign}\",{serial}\"{node}\":{text}}}")
        }
        Some(AlipayOddity::Pretty) => {
            format!("{{\n  \"{node}\" : {text},\n  {serial}\n  \"sign\" : \"{sign}\"\n}}\n")
        }
        Some(AlipayOddity::DoubledRoot) => {
            let other = json!({"code": "10000", "msg": "Success"});
            format!("{{\"{node}\":{text},\"{node}\":{other},{serial}\"sign\":\"{sign}\"}}")
        }
        _ => format!("{{\"{node}\":{text},{serial}\"sign\":\"{sign}\"}}"),
    };
    let mut whole = charset::bytes(&whole, seal.charset);
    match seal.oddity {
        Some(AlipayOddity::Truncated) => whole.truncate(whole.len() / 2),
        Some(AlipayOddity::EmptyBody) => whole.clear(),
        _ => {}
    }
    whole
}
