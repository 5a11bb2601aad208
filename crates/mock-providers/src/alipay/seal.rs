//! The envelope of an answer: the node, Alipay's certificate where one is used, and the signature
//! over the node's exact bytes (alipay §1.5), with everything that may be odd about it.

use encoding_rs::{Encoding, UTF_8};
use serde_json::{Value, json};

use super::{Alipay, AlipayOddity, charset, crypt};

/// How an answer is put together.
#[derive(Clone, Copy)]
pub(super) struct Seal {
    pub charset: &'static Encoding,
    /// Failures at the door are not signed.
    pub signed: bool,
    /// Certificate mode: the certificate's serial number stands beside the signature.
    pub with_serial: bool,
    /// The application's key, when the content is to be encrypted.
    pub aes_key: Option<[u8; 16]>,
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
            aes_key: None,
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
fn node_text(content: &Value, seal: &Seal) -> String {
    let mut content = content.clone();
    let note = match seal.oddity {
        Some(AlipayOddity::Braces) => Some("}{ \",\"sign\":\"x\" {{\\"),
        Some(AlipayOddity::EscapedAfterSigning) => Some("https://mock.example/a/b"),
        _ => None,
    };
    if let (Some(note), Some(map)) = (note, content.as_object_mut()) {
        map.insert("mock_note".to_owned(), json!(note));
    }
    let text = match seal.oddity {
        Some(AlipayOddity::Pretty) => format!("{content:#}"),
        Some(AlipayOddity::Escaped) => escaped(&content.to_string()),
        _ => content.to_string(),
    };
    match &seal.aes_key {
        // The quotation marks are part of what is signed.
        Some(key) => format!("\"{}\"", crypt::encrypt(key, &text)),
        None => text,
    }
}

pub(super) fn envelope(alipay: &Alipay, node: &str, content: &Value, seal: &Seal) -> Vec<u8> {
    let text = node_text(content, seal);
    if !seal.signed || seal.oddity == Some(AlipayOddity::Unsigned) {
        return charset::bytes(&format!("{{\"{node}\":{text}}}"), seal.charset);
    }
    let (pair, certificate) = alipay.signer(seal.oddity == Some(AlipayOddity::OtherKey));
    let mut signed = charset::bytes(&text, seal.charset);
    if seal.wrong {
        signed.push(b' ');
    }
    let sign = pair.sign(&signed);
    let serial = match seal.with_serial {
        true => format!("\"alipay_cert_sn\":\"{}\",", certificate.sn),
        false => String::new(),
    };
    let text = match seal.oddity {
        Some(AlipayOddity::EscapedAfterSigning) => text.replace('/', "\\/"),
        _ => text,
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
