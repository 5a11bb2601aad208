//! How pages for people should look, as data: the rules for everybody and for the elder version
//! (长辈版), so that each client need not find and read them again.
//!
//! The figures are the ministry's design rules for apps (适老化, domain §9.1, S67); the sentences are in
//! the message files. Lengths are density-independent pixels (dp; CSS px on a page). The page that the
//! mock providers serve follows the same figures, and its browser tests measure them.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;
use wording::Language;

use crate::language::Reads;

/// Where the figures are from.
const SOURCES: [&str; 2] = [
    "http://711house.com/47664.iunm",
    "http://epaper.it-times.com.cn/shtml/itsb/20210409/24491.shtml",
];

/// Rules in the order in which a reviewer would check them; whether only the elder version has it.
const RULES: [(&str, bool); 14] = [
    ("switch", false),
    ("text_adjustable", false),
    ("not_by_colour_alone", false),
    ("alternative_to_images", false),
    ("no_hard_gestures", false),
    ("enough_time", false),
    ("no_change_before_done", false),
    ("least_data", false),
    ("speech", false),
    ("help_line", false),
    ("family_pays", false),
    ("no_advertising", true),
    ("no_pop_ups", true),
    ("no_inducement", true),
];

/// Measures of one version.
#[derive(Serialize, ToSchema)]
pub(crate) struct DisplayMode {
    /// `standard` or `elder`.
    #[schema(example = "elder")]
    code: &'static str,
    #[schema(example = "长辈版")]
    label: String,
    /// Main text has at least this size, in dp.
    #[schema(example = 18)]
    text_size_least: u16,
    /// The largest text has at least this size, in dp: what matters most, such as an amount, may be larger
    /// but never smaller.
    #[schema(example = 30)]
    text_size_reaches: u16,
    /// Size of main text at each step that a person can choose, in dp, the smallest first.
    #[schema(example = json!([20, 24]))]
    text_sizes: Vec<u16>,
    /// Least height of a line in hundredths of the text's size.
    #[schema(example = 130)]
    line_height_percent_least: u16,
    /// Least side of anything that is touched, in dp.
    #[schema(example = 60)]
    target_size_least: u16,
    /// Least time until an order expires, in minutes.
    #[schema(example = 30)]
    order_minutes_least: u16,
}

/// Least contrast of text and what is behind it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Contrast {
    #[schema(example = "4.5:1")]
    text: &'static str,
    #[schema(example = "3:1")]
    large_text: &'static str,
    /// Text above this size is large, in dp.
    #[schema(example = 18)]
    large_text_above: u16,
}

/// One rule in words.
#[derive(Serialize, ToSchema)]
pub(crate) struct DisplayRule {
    #[schema(example = "enough_time")]
    code: &'static str,
    text: String,
    /// Only the elder version must keep it.
    elder_only: bool,
}

/// How pages should look.
#[derive(Serialize, ToSchema)]
pub(crate) struct Display {
    modes: Vec<DisplayMode>,
    contrast: Contrast,
    rules: Vec<DisplayRule>,
    sources: Vec<&'static str>,
}

/// Measures and rules for clients, with those of the elder version.
#[utoipa::path(get, path = "/api/v1/display", tag = "cities", responses((status = 200, body = Display)))]
pub(crate) async fn show(Reads(language): Reads) -> Json<Display> {
    let mode =
        |code, text_size_least, text_sizes: &[u16], target_size_least, order_minutes_least| {
            DisplayMode {
                code,
                label: wording::term(language, &format!("display_mode.{code}")),
                text_size_least,
                text_size_reaches: 30,
                text_sizes: text_sizes.to_vec(),
                line_height_percent_least: 130,
                target_size_least,
                order_minutes_least,
            }
        };
    Json(Display {
        modes: vec![mode("standard", 14, &[16], 44, 15), mode("elder", 18, &[20, 24], 60, 30)],
        contrast: Contrast { text: "4.5:1", large_text: "3:1", large_text_above: 18 },
        rules: RULES.iter().map(|(code, elder_only)| rule(language, code, *elder_only)).collect(),
        sources: SOURCES.to_vec(),
    })
}

fn rule(language: Language, code: &'static str, elder_only: bool) -> DisplayRule {
    let text = wording::term(language, &format!("display_rule.{code}"));
    DisplayRule { code, text, elder_only }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_words() {
        for language in Language::ALL {
            for (code, _) in RULES {
                assert!(!rule(language, code, false).text.contains("display_rule"), "{code}");
            }
        }
    }

    /// A measure of the page's style in pixels: `44px`, `max(40px, 2.5rem)`, or `1rem` at the browser's usual
    /// size. Sizes in rem grow with the reader's own; `max` never falls below its pixels.
    fn pixels(style: &str, name: &str) -> u16 {
        let declared = style.split(&format!("{name}: ")).nth(1).expect(name);
        let value = declared.split(';').next().expect("a value");
        let value = value.trim_start_matches("max(").split(',').next().expect("a length");
        match value.strip_suffix("px") {
            Some(pixels) => pixels.parse().expect("pixels"),
            None => {
                let rem = value.strip_suffix("rem").expect("px or rem");
                let (whole, part) = rem.split_once('.').unwrap_or((rem, "0"));
                let part: u16 = format!("{part:0<4}")[..4].parse().expect("a decimal");
                whole.parse::<u16>().expect("a number") * 16 + part * 16 / 10_000
            }
        }
    }

    /// The page keeps what is told here, and what the rules ask as the least is the least.
    #[tokio::test]
    async fn the_page_has_the_measures_of_both_versions() {
        let tokens =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/mock-providers/phone/style/tokens.css");
        let tokens = std::fs::read_to_string(tokens).expect("the page's measures");
        let (standard, elder) = tokens.split_once(":root.elder").expect("two versions");
        let (large, largest) = elder.split_once(":root.largest").expect("two sizes");
        let Json(told) = show(Reads(Language::Chinese)).await;
        for (mode, styles) in told.modes.iter().zip([vec![standard], vec![large, largest]]) {
            let sizes: Vec<u16> = styles.iter().map(|style| pixels(style, "--text")).collect();
            assert_eq!(sizes, mode.text_sizes, "{}: main text", mode.code);
            for style in styles {
                assert!(pixels(style, "--target") >= mode.target_size_least, "{}", mode.code);
                assert!(sizes[0] >= mode.text_size_least, "{}: main text", mode.code);
                assert!(pixels(style, "--text-amount") >= mode.text_size_reaches, "{}", mode.code);
            }
        }
        // Nothing in the elder version is smaller than its main text may be.
        assert!(pixels(large, "--text-tiny") >= told.modes[1].text_size_least);
    }
}
