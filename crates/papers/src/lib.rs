//! Papers: what a citizen can print and keep, laid out as PDF.
//!
//! Players: a face hands over what is to be said, already masked and decided; this room sets it in
//! type; titles and statements come from the message files. Promised: title and times of domain §6.3
//! stand on every paper; the required sentence, and the way to check a voucher or acknowledgement, at the
//! foot of every page, so that no page can be shown without them; a top-up is never called a contribution; amounts stand in figures and in Chinese capitals; the file is PDF/A-2u with an embedded,
//! redistributable font (`font/README.md`), so that it looks and reads the same in twenty years; any
//! text can be printed, also one with characters that the font has not.
//!
//! Deliberately absent: any seal, emblem or heading of a bureau, the names of its documents, and
//! any sentence about benefits (domain §6.3 forbids them); decisions on what may be shown; files,
//! network and clock. The papers speak Chinese only: they are shown to Chinese offices.
//!
//! Lengths are whole tenths of a point (1/720 inch), so that layout is exact.

mod capitals;
mod certificate;
mod check_code;
mod listing;
mod sheet;
mod typeface;

pub use capitals::capitals;
pub use certificate::{Certificate, Check, Kind, Line, Mood, Standing, Subject};
pub use listing::{Listing, Row};

/// Words that stand on no paper of ours (domain §6.3): they name documents of bureaus, or promise what
/// only a bureau can.
pub const FORBIDDEN: &[&str] = &[
    "完税证明",
    "税收票证",
    "财政票据",
    "发票",
    "电子票据",
    "专用章",
    "公章",
    "监制",
    "待遇已生效",
    "待遇生效",
    "享受待遇",
];

/// The library refused what we drew. Says what, never what stood on the paper.
#[derive(Debug, thiserror::Error)]
#[error("a paper cannot be made: {0}")]
pub struct PaperError(&'static str);
