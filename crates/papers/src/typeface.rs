//! The font: which characters it has, and how wide they are.

use std::sync::LazyLock;

use krilla::text::Font;
use ttf_parser::Face;

static FILE: &[u8] = include_bytes!("../font/NotoSansCJKsc-Regular-papers.otf");

/// Parsed once in a process; a paper then takes milliseconds.
static TYPEFACE: LazyLock<Option<Typeface>> = LazyLock::new(|| {
    let face = Face::parse(FILE, 0).ok()?;
    let font = Font::new(FILE.into(), 0)?;
    // The layout counts in thousandths.
    (face.units_per_em() == 1_000).then_some(Typeface { face, font })
});

/// Printed for a character that the font has not: the geta mark, which printers set for a missing type.
const MISSING: char = '〓';

pub(crate) struct Typeface {
    face: Face<'static>,
    font: Font,
}

impl Typeface {
    /// `None` only if the file in the program is not the font that it should be.
    pub(crate) fn get() -> Option<&'static Typeface> {
        TYPEFACE.as_ref()
    }

    pub(crate) fn font(&self) -> Font {
        self.font.clone()
    }

    /// The text as it can be printed: on one line, with 〓 for what the font has not. Marks that only
    /// choose between forms of a character are left out; the ordinary form is printed.
    pub(crate) fn printable(&self, text: &str) -> String {
        let printed = |sign: char| match sign {
            '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' | '\u{200B}'..='\u{200F}' => None,
            sign if sign.is_control() => Some(' '),
            sign if self.face.glyph_index(sign).is_some_and(|glyph| glyph.0 != 0) => Some(sign),
            _ => Some(MISSING),
        };
        text.chars().filter_map(printed).collect()
    }

    /// How wide the printable text is at this size, in the unit of the size.
    pub(crate) fn width(&self, text: &str, size: i32) -> i32 {
        text.chars().map(|sign| self.advance(sign) * size).sum::<i32>() / 1_000
    }

    fn advance(&self, sign: char) -> i32 {
        let glyph = self.face.glyph_index(sign);
        let advance = glyph.and_then(|glyph| self.face.glyph_hor_advance(glyph));
        i32::from(advance.unwrap_or(1_000))
    }

    /// Cuts the text into lines that are not wider than `width`. A word of Latin letters or figures stays
    /// whole when it fits a line; no line begins with a closing sign.
    pub(crate) fn wrap(&self, text: &str, size: i32, width: i32) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        for piece in pieces(text) {
            if self.width(&line, size) + self.width(&piece, size) <= width {
                line.push_str(&piece);
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line).trim_end().to_owned());
            }
            for sign in piece.trim_start().chars() {
                if !line.is_empty()
                    && self.width(&line, size) + self.advance(sign) * size / 1_000 > width
                {
                    lines.push(std::mem::take(&mut line));
                }
                line.push(sign);
            }
        }
        if !line.is_empty() || lines.is_empty() {
            lines.push(line);
        }
        lines
    }
}

/// The parts of a text that a line is not broken within.
fn pieces(text: &str) -> Vec<String> {
    const CLOSING: &str = ",。、;:!?)》”’」,.;:!?)";
    let mut pieces: Vec<String> = Vec::new();
    let mut joins = false;
    for sign in text.chars() {
        let is_word = sign.is_ascii_graphic();
        match pieces.last_mut() {
            Some(last) if CLOSING.contains(sign) || (joins && is_word) => last.push(sign),
            _ => pieces.push(sign.to_string()),
        }
        joins = is_word && !"-/?&".contains(sign);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::ordinary("张三 898.80", "张三 898.80")]
    #[case::rare_name("𬱖䶮㛃", "𬱖䶮㛃")]
    #[case::other_script("ᠮᠣᠩ", "〓〓〓")]
    #[case::picture("好😀", "好〓")]
    #[case::chosen_form("珊\u{E0101}", "珊")]
    #[case::line_break("一\n二", "一 二")]
    #[case::past_all_planes("\u{10FFFF}", "〓")]
    fn every_text_can_be_printed(#[case] text: &str, #[case] printed: &str) {
        assert_eq!(Typeface::get().unwrap().printable(text), printed);
    }

    #[test]
    fn lines_are_not_wider_than_asked() {
        let face = Typeface::get().unwrap();
        let text = "本凭证仅反映在本平台的支付情况,流水号 4200001234567890123456789012 和经办机构返回的结果。";
        let lines = face.wrap(text, 90, 1_500);
        assert!(lines.len() > 3);
        assert!(lines.iter().all(|line| face.width(line, 90) <= 1_500), "{lines:?}");
        let glued: String = lines.concat().replace(' ', "");
        assert_eq!(glued, text.replace(' ', ""));
        assert!(lines.iter().all(|line| !line.starts_with(',') && !line.starts_with('。')));
    }

    #[test]
    fn a_word_longer_than_a_line_is_cut() {
        let face = Typeface::get().unwrap();
        let word = "X".repeat(200);
        let lines = face.wrap(&word, 90, 1_000);
        assert!(lines.iter().all(|line| face.width(line, 90) <= 1_000));
        assert_eq!(lines.concat(), word);
    }
}
