//! The square code that leads to the check page.

use qrcode::{Color, EcLevel, QrCode};

use crate::PaperError;

/// Rows of dark (`true`) and light squares, without the quiet zone. Readable with a seventh of it hidden.
pub(crate) fn squares(address: &str) -> Result<Vec<Vec<bool>>, PaperError> {
    let code = QrCode::with_error_correction_level(address, EcLevel::M)
        .map_err(|_| PaperError("the address is too long for a square code"))?;
    let width = code.width();
    let colors = code.to_colors();
    Ok(colors.chunks(width).map(|row| row.iter().map(|c| *c == Color::Dark).collect()).collect())
}
