//! Parameters as they travel: query, urlencoded or multipart body, one level of encoding.

use std::{borrow::Cow, collections::BTreeMap};

use super::charset;

/// All parameters of a request, decoded once. A repeated name makes the request unreadable.
pub(super) type Parameters = BTreeMap<String, String>;

/// Why the parameters cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// Merges query and body, both in the charset that the query names. When it names none, the body is
/// read in the one of its content type, and without that as GBK, the real gateway's own default: ASCII
/// survives, UTF-8 makes the signature fail. Bytes that are not of the charset are read as something else
/// and make the signature fail too.
pub(super) fn merge(
    query: &str,
    content_type: &str,
    body: &[u8],
) -> Result<Parameters, Unreadable> {
    let mut merged = Parameters::new();
    let in_query = pairs(query.as_bytes());
    let named = in_query.iter().find(|(name, _)| name == b"charset");
    // An unknown charset is told by the gateway's own check, which comes later.
    let charset = named.map(|(_, value)| {
        let name = String::from_utf8_lossy(value);
        charset::named(&name).unwrap_or(encoding_rs::UTF_8)
    });
    let of_query = charset.unwrap_or(encoding_rs::UTF_8);
    for (name, value) in in_query {
        add(&mut merged, charset::text(&name, of_query), charset::text(&value, of_query))?;
    }
    let of_body = charset.or_else(|| charset::named(&attribute(content_type, "charset")?));
    let of_body = of_body.unwrap_or(encoding_rs::GBK);
    let kind = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let fields = match kind.as_str() {
        "multipart/form-data" => multipart(content_type, body)?,
        _ => pairs(body),
    };
    for (name, value) in fields {
        add(&mut merged, charset::text(&name, of_body), charset::text(&value, of_body))?;
    }
    Ok(merged)
}

fn add(merged: &mut Parameters, name: String, value: String) -> Result<(), Unreadable> {
    match merged.insert(name, value.clone()) {
        Some(before) if before != value => Err(Unreadable),
        _ => Ok(()),
    }
}

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Splits `a=b&c=d`, then decodes plus signs and percent escapes once.
pub(super) fn pairs(text: &[u8]) -> Pairs {
    let decode = |part: &[u8]| {
        let spaced: Vec<u8> = part.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
        Cow::from(percent_encoding::percent_decode(&spaced)).into_owned()
    };
    let items = text.split(|b| *b == b'&').filter(|item| !item.is_empty());
    items
        .map(|item| match item.iter().position(|b| *b == b'=') {
            Some(at) => (decode(&item[..at]), decode(&item[at + 1..])),
            None => (decode(item), Vec::new()),
        })
        .collect()
}

/// A parameter of a header, as `charset` of `text/html; Charset="utf-8"`.
fn attribute(header: &str, wanted: &str) -> Option<String> {
    header.split(';').find_map(|item| {
        let (name, value) = item.trim().split_once('=')?;
        let value = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case(wanted).then(|| value.to_owned())
    })
}

/// The text fields of a multipart body; parts with a file name are no parameters.
fn multipart(content_type: &str, body: &[u8]) -> Result<Pairs, Unreadable> {
    let boundary = attribute(content_type, "boundary");
    let boundary = boundary.filter(|text| !text.is_empty()).ok_or(Unreadable)?;
    let delimiter = format!("\r\n--{boundary}");
    // The first delimiter has no line end before it.
    let whole = [b"\r\n", body].concat();
    let mut fields = Vec::new();
    let mut parts = split(&whole, delimiter.as_bytes()).into_iter().skip(1);
    loop {
        let part = parts.next().ok_or(Unreadable)?;
        if part.starts_with(b"--") {
            return Ok(fields);
        }
        let part = part.strip_prefix(b"\r\n").ok_or(Unreadable)?;
        let at = find(part, b"\r\n\r\n").ok_or(Unreadable)?;
        let head = std::str::from_utf8(&part[..at]).map_err(|_| Unreadable)?;
        let disposition = head
            .lines()
            .find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))
            .ok_or(Unreadable)?;
        if attribute(disposition, "filename").is_some() {
            continue;
        }
        let name = attribute(disposition, "name").ok_or(Unreadable)?;
        fields.push((name.as_bytes().to_vec(), part[at + 4..].to_vec()));
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

fn split<'a>(mut text: &'a [u8], by: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    while let Some(at) = find(text, by) {
        parts.push(&text[..at]);
        text = &text[at + by.len()..];
    }
    parts.push(text);
    parts
}

/// Encodes one value for a form: blanks as `+`, all but letters, digits, `-`, `_` and `.` escaped.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len());
    for byte in bytes.iter().copied() {
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' | b'.' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_and_body_become_one_map() {
        let form =
            merge("charset=utf-8&a=1", "application/x-www-form-urlencoded", b"b=%E7%A4%BE+x%2B")
                .unwrap();
        assert_eq!(form["b"], "社 x+");
        assert_eq!(form["a"], "1");
    }

    #[test]
    fn the_charset_of_the_query_reads_both() {
        let form = merge("charset=GBK&a=%C9%E7", "", b"b=%B1%A3").unwrap();
        assert_eq!((&*form["a"], &*form["b"]), ("社", "保"));
        let misread = merge("charset=utf-8&a=%C9%E7", "", b"").unwrap();
        assert_ne!(misread["a"], "社", "the signature will not fit");
    }

    #[test]
    fn the_content_type_names_the_bodys_charset_where_the_query_does_not() {
        for kind in ["UTF-8", "\"utf-8\"; x=y", "utf-8;x=y"] {
            let kind = format!("application/x-www-form-urlencoded;Charset={kind}");
            assert_eq!(merge("", &kind, b"b=%E7%A4%BE").unwrap()["b"], "社", "{kind}");
        }
        let gbk = "application/x-www-form-urlencoded; charset=GBK";
        assert_eq!(
            merge("charset=utf-8", gbk, b"b=%E7%A4%BE").unwrap()["b"],
            "社",
            "the query wins"
        );
        assert_eq!(merge("", gbk, b"b=%C9%E7").unwrap()["b"], "社");
    }

    #[test]
    fn chinese_in_the_body_needs_the_charset_in_the_query() {
        let form = merge("", "application/x-www-form-urlencoded", b"charset=utf-8&b=%E7%A4%BE");
        assert_ne!(form.unwrap()["b"], "社");
    }

    #[test]
    fn multipart_fields_are_read_and_files_left_out() {
        let body = "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n2\r\n--X\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f.txt\"\r\n\r\nfile\r\n--X--\r\n";
        let form =
            merge("charset=utf-8", "multipart/form-data; Boundary=\"X\"", body.as_bytes()).unwrap();
        assert_eq!(form["a"], "1\r\n2");
        assert!(!form.contains_key("f"));
        assert!(merge("", "multipart/form-data; boundary=X", b"--X\r\n").is_err());
        assert!(merge("", "multipart/form-data", b"").is_err());
    }

    #[test]
    fn a_name_given_twice_with_two_values_is_unreadable() {
        assert!(merge("a=1", "", b"a=2").is_err());
        assert!(merge("a=1", "", b"a=1").is_ok());
    }

    #[test]
    fn values_are_encoded_as_alipay_does() {
        assert_eq!(encode(b"159****0001"), "159%2A%2A%2A%2A0001");
        assert_eq!(encode(b"2026-01-02 11:04:06"), "2026-01-02+11%3A04%3A06");
        assert_eq!(encode(b"a%3D1"), "a%253D1");
    }
}
