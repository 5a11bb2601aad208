//! Reads the text back out of a PDF as a viewer would: inflates the pages' streams and translates the
//! glyphs by the font's own table to Unicode. For papers of ours, which have one font.

use std::{collections::BTreeMap, io::Read};

/// All text of all pages: what was drawn in one go is a line.
pub fn text_of(pdf: &[u8]) -> String {
    assert!(pdf.starts_with(b"%PDF-1."), "no PDF");
    let streams = streams(pdf);
    let mut tables = streams.iter().filter(|stream| contains(stream, b"begincmap"));
    let table = tables.next().expect("a table to Unicode");
    assert!(tables.next().is_none(), "one font, one table");
    let table = to_unicode(&String::from_utf8_lossy(table));
    let pages =
        streams.iter().filter(|stream| contains(stream, b"\nBT ") && contains(stream, b" Tf "));
    let text = pages.flat_map(|page| shown(page, &table)).collect::<Vec<_>>().join("\n");
    assert!(!text.is_empty(), "a paper without text");
    text
}

/// How many pages there are.
pub fn pages_of(pdf: &[u8]) -> usize {
    pdf.windows(b"/Type/Page/".len()).filter(|window| window == b"/Type/Page/").count()
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|window| window == needle)
}

fn find(hay: &[u8], from: usize, needle: &[u8]) -> Option<usize> {
    hay[from..].windows(needle.len()).position(|window| window == needle).map(|at| at + from)
}

/// The content of every stream that can be inflated.
fn streams(pdf: &[u8]) -> Vec<Vec<u8>> {
    let mut streams = Vec::new();
    let mut at = 0;
    while let Some(start) = find(pdf, at, b"\nstream\n") {
        let start = start + b"\nstream\n".len();
        let end = find(pdf, start, b"\nendstream").expect("an end of the stream");
        let mut content = Vec::new();
        if flate2::read::ZlibDecoder::new(&pdf[start..end]).read_to_end(&mut content).is_ok() {
            streams.push(content);
        } else {
            streams.push(pdf[start..end].to_vec());
        }
        at = end;
    }
    assert!(!streams.is_empty(), "no streams");
    streams
}

/// Reads `beginbfchar` and `beginbfrange`.
fn to_unicode(table: &str) -> BTreeMap<u16, String> {
    let mut known = BTreeMap::new();
    let code = |text: &str| u16::from_str_radix(text, 16).expect("a glyph");
    let mut mode = "";
    for line in table.lines() {
        if line.ends_with("beginbfchar") || line.ends_with("beginbfrange") {
            mode = if line.ends_with("char") { "char" } else { "range" };
            continue;
        }
        if line.starts_with("end") {
            mode = "";
        }
        let parts: Vec<&str> =
            line.split(['<', '>']).map(str::trim).filter(|part| !part.is_empty()).collect();
        match (mode, parts.as_slice()) {
            ("char", [glyph, text]) => {
                known.insert(code(glyph), utf16(text));
            }
            ("range", [first, last, text]) => {
                let start = u32::from(utf16(text).chars().next().expect("a character"));
                for (step, glyph) in (0..).zip(code(first)..=code(last)) {
                    let sign = char::from_u32(start + step).expect("a character");
                    known.insert(glyph, sign.to_string());
                }
            }
            _ => {}
        }
    }
    known
}

fn utf16(hex: &str) -> String {
    let units: Vec<u16> = hex
        .as_bytes()
        .chunks(4)
        .map(|four| {
            u16::from_str_radix(std::str::from_utf8(four).expect("figures"), 16).expect("UTF-16")
        })
        .collect();
    String::from_utf16(&units).expect("UTF-16")
}

/// The texts between BT and ET.
fn shown(page: &[u8], table: &BTreeMap<u16, String>) -> Vec<String> {
    let mut texts = Vec::new();
    let (mut at, mut glyphs, mut inside) = (0, Vec::new(), false);
    while at < page.len() {
        match page[at] {
            b'<' if inside => {
                let end = find(page, at, b">").expect("an end of the string");
                let hex = String::from_utf8_lossy(&page[at + 1..end]);
                glyphs.extend((0..hex.len() / 2).map(|pair| {
                    u8::from_str_radix(&hex[2 * pair..2 * pair + 2], 16).expect("a byte")
                }));
                at = end;
            }
            b'(' if inside => at = literal(page, at + 1, &mut glyphs),
            b'B' if page[at..].starts_with(b"BT ") => inside = true,
            b'E' if inside && page[at..].starts_with(b"ET") => {
                inside = false;
                let read = |pair: &[u8]| {
                    let glyph = u16::from_be_bytes([pair[0], pair[1]]);
                    table
                        .get(&glyph)
                        .cloned()
                        .unwrap_or_else(|| panic!("glyph {glyph} means nothing"))
                };
                texts.push(glyphs.chunks(2).map(read).collect());
                glyphs.clear();
            }
            _ => {}
        }
        at += 1;
    }
    texts
}

/// Reads a string in round brackets and gives back where it ends.
fn literal(page: &[u8], from: usize, into: &mut Vec<u8>) -> usize {
    let (mut at, mut depth) = (from, 1);
    loop {
        match page[at] {
            b'\\' => {
                at += 1;
                match page[at] {
                    b'n' => into.push(b'\n'),
                    b'r' => into.push(b'\r'),
                    b't' => into.push(b'\t'),
                    b'b' => into.push(8),
                    b'f' => into.push(12),
                    digit @ b'0'..=b'7' => {
                        let mut value = u32::from(digit - b'0');
                        let mut digits = 1;
                        while digits < 3 && (b'0'..=b'7').contains(&page[at + 1]) {
                            digits += 1;
                            at += 1;
                            value = value * 8 + u32::from(page[at] - b'0');
                        }
                        into.push(u8::try_from(value).expect("a byte"));
                    }
                    other => into.push(other),
                }
            }
            b'(' => {
                depth += 1;
                into.push(b'(');
            }
            b')' => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
                into.push(b')');
            }
            other => into.push(other),
        }
        at += 1;
    }
}
