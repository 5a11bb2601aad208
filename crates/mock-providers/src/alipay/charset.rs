//! Charsets that a request may name: they decide how its values are read and which bytes are signed.

use encoding_rs::{Encoding, GB18030, GBK, UTF_8};

/// The charset of this name, `None` when the gateway does not speak it.
pub(super) fn named(name: &str) -> Option<&'static Encoding> {
    match name.to_ascii_lowercase().as_str() {
        "utf-8" => Some(UTF_8),
        "gbk" | "gb2312" => Some(GBK),
        "gb18030" => Some(GB18030),
        _ => None,
    }
}

/// The bytes of a text.
pub(super) fn bytes(text: &str, charset: &'static Encoding) -> Vec<u8> {
    charset.encode(text).0.into_owned()
}

/// The text of some bytes. What is not of the charset becomes something else, as at a gateway that
/// decodes first and checks the signature after.
pub(super) fn text(bytes: &[u8], charset: &'static Encoding) -> String {
    charset.decode_without_bom_handling(bytes).0.into_owned()
}
