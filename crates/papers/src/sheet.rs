//! Sheets of paper: marks are put down first, and drawn into a PDF at the end.
//!
//! A4 upright. Lengths are tenths of a point; `y` counts from the top.

use kernel::Timestamp;
use krilla::{
    Document, SerializeSettings,
    color::rgb,
    configure::{Archival, ConfigurationBuilder},
    geom::{Path, PathBuilder, Point, Rect, Transform},
    metadata::{DateTime, Metadata},
    page::PageSettings,
    paint::{Fill, Stroke},
    surface::Surface,
    text::TextDirection,
};

use crate::{PaperError, typeface::Typeface};

pub(crate) const WIDTH: i32 = 5_950;
pub(crate) const HEIGHT: i32 = 8_420;

/// Red, green, blue.
pub(crate) type Tone = (u8, u8, u8);
pub(crate) const INK: Tone = (26, 32, 44);
pub(crate) const QUIET: Tone = (92, 103, 120);
pub(crate) const RULE: Tone = (206, 213, 222);
pub(crate) const SHADE: Tone = (244, 246, 249);
pub(crate) const BRAND: Tone = (22, 74, 130);
pub(crate) const WHITE: Tone = (255, 255, 255);

/// How a text is set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub size: i32,
    pub tone: Tone,
    pub bold: bool,
}

impl Style {
    pub(crate) const fn new(size: i32, tone: Tone) -> Style {
        Style { size, tone, bold: false }
    }
    pub(crate) const fn bold(self) -> Style {
        Style { bold: true, ..self }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Area {
    pub x: i32,
    pub y: i32,
    pub width: i32,
    pub height: i32,
}

enum Mark {
    Text { x: i32, y: i32, text: String, style: Style },
    Filled { area: Area, tone: Tone },
    Squares { x: i32, y: i32, side: i32, rows: Vec<Vec<bool>> },
}

/// Pages that are being written on; marks go onto the last one.
pub(crate) struct Sheets {
    typeface: &'static Typeface,
    pages: Vec<Vec<Mark>>,
}

impl Sheets {
    pub(crate) fn new() -> Result<Sheets, PaperError> {
        let typeface = Typeface::get().ok_or(PaperError("the font is damaged"))?;
        Ok(Sheets { typeface, pages: vec![Vec::new()] })
    }

    pub(crate) fn turn_page(&mut self) {
        self.pages.push(Vec::new());
    }

    pub(crate) fn page_count(&self) -> usize {
        self.pages.len()
    }

    /// Lets `write` add to every page, with its number from 1.
    pub(crate) fn on_every_page(&mut self, mut write: impl FnMut(&mut Sheets, usize)) {
        let pages = std::mem::take(&mut self.pages);
        for (number, page) in (1..).zip(pages) {
            self.pages.push(page);
            write(self, number);
        }
    }

    fn put(&mut self, mark: Mark) {
        if let Some(page) = self.pages.last_mut() {
            page.push(mark);
        }
    }

    /// Text whose base line is at `y`.
    pub(crate) fn text(&mut self, x: i32, y: i32, text: &str, style: Style) {
        let text = self.typeface.printable(text);
        if !text.trim().is_empty() {
            self.put(Mark::Text { x, y, text, style });
        }
    }

    /// Text that ends at `right`.
    pub(crate) fn text_to(&mut self, right: i32, y: i32, text: &str, style: Style) {
        let x = right - self.width(text, style);
        self.text(x, y, text, style);
    }

    pub(crate) fn text_centred(&mut self, centre: i32, y: i32, text: &str, style: Style) {
        let x = centre - self.width(text, style) / 2;
        self.text(x, y, text, style);
    }

    pub(crate) fn width(&self, text: &str, style: Style) -> i32 {
        self.typeface.width(&self.typeface.printable(text), style.size)
    }

    /// Lines no wider than `width`.
    pub(crate) fn wrap(&self, text: &str, style: Style, width: i32) -> Vec<String> {
        self.typeface.wrap(&self.typeface.printable(text), style.size, width)
    }

    pub(crate) fn fill(&mut self, area: Area, tone: Tone) {
        self.put(Mark::Filled { area, tone });
    }

    /// A level rule, 0.5 pt.
    pub(crate) fn rule(&mut self, x: i32, y: i32, width: i32, tone: Tone) {
        self.fill(Area { x, y, width, height: 5 }, tone);
    }

    pub(crate) fn squares(&mut self, x: i32, y: i32, side: i32, rows: Vec<Vec<bool>>) {
        self.put(Mark::Squares { x, y, side, rows });
    }

    /// Draws everything. `made_at` is the date of the document.
    pub(crate) fn pdf(self, title: &str, made_at: Timestamp) -> Result<Vec<u8>, PaperError> {
        let configuration = ConfigurationBuilder::new()
            .with_archival_validator(Archival::A2_U)
            .finish()
            .map_err(|_| PaperError("PDF/A-2u is not offered"))?;
        let mut document =
            Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
        document.set_metadata(
            Metadata::new()
                .title(title.to_owned())
                .language("zh-CN".to_owned())
                .creator("city-services".to_owned())
                .creation_date(date(made_at)),
        );
        for marks in &self.pages {
            let settings = PageSettings::from_wh(points(WIDTH / 10), points(HEIGHT / 10))
                .ok_or(PaperError("the page has no size"))?;
            let mut page = document.start_page_with(settings);
            let mut surface = page.surface();
            surface.push_transform(&Transform::from_scale(0.1, 0.1));
            for mark in marks {
                draw(&mut surface, self.typeface, mark);
            }
            surface.pop();
            surface.finish();
            page.finish();
        }
        document.finish().map_err(|_| PaperError("the library refuses the document"))
    }
}

/// Whole units as the library wants them; everything on a sheet is far below 32,767.
fn points(length: i32) -> f32 {
    f32::from(i16::try_from(length).unwrap_or(i16::MAX))
}

fn paint(tone: Tone) -> Fill {
    Fill { paint: rgb::Color::new(tone.0, tone.1, tone.2).into(), ..Fill::default() }
}

fn draw(surface: &mut Surface<'_>, typeface: &Typeface, mark: &Mark) {
    surface.set_stroke(None);
    match mark {
        Mark::Text { x, y, text, style } => {
            surface.set_fill(Some(paint(style.tone)));
            if style.bold {
                // The font has one weight; an outline of a thirtieth makes it a bold one.
                surface.set_stroke(Some(Stroke {
                    paint: rgb::Color::new(style.tone.0, style.tone.1, style.tone.2).into(),
                    width: points(style.size / 30),
                    ..Stroke::default()
                }));
            }
            let (start, size) = (Point::from_xy(points(*x), points(*y)), points(style.size));
            surface.draw_text(
                start,
                typeface.font(),
                size,
                text,
                false,
                TextDirection::LeftToRight,
            );
        }
        Mark::Filled { area, tone } => {
            surface.set_fill(Some(paint(*tone)));
            if let Some(path) = rectangles([*area]) {
                surface.draw_path(&path);
            }
        }
        Mark::Squares { x, y, side, rows } => {
            surface.set_fill(Some(paint((0, 0, 0))));
            if let Some(path) = rectangles(dark_runs(*x, *y, *side, rows)) {
                surface.draw_path(&path);
            }
        }
    }
}

fn rectangles(areas: impl IntoIterator<Item = Area>) -> Option<Path> {
    let mut path = PathBuilder::new();
    for area in areas {
        let (right, bottom) = (area.x + area.width, area.y + area.height);
        let (left, top) = (points(area.x), points(area.y));
        path.push_rect(Rect::from_ltrb(left, top, points(right), points(bottom))?);
    }
    path.finish()
}

/// Neighbouring dark squares of a row as one rectangle, so that no hairline parts them.
fn dark_runs(x: i32, y: i32, side: i32, rows: &[Vec<bool>]) -> Vec<Area> {
    let mut runs: Vec<Area> = Vec::new();
    for (row, squares) in (0_i32..).zip(rows) {
        let mut run: Option<Area> = None;
        for (column, dark) in (0_i32..).zip(squares) {
            match (&mut run, dark) {
                (Some(run), true) => run.width += side,
                (None, true) => {
                    let (x, y) = (x + column * side, y + row * side);
                    run = Some(Area { x, y, width: side, height: side });
                }
                (_, false) => runs.extend(run.take()),
            }
        }
        runs.extend(run);
    }
    runs
}

fn date(at: Timestamp) -> DateTime {
    let at = at.beijing();
    DateTime::new(u16::try_from(at.year()).unwrap_or(1970))
        .month(u8::from(at.month()))
        .day(at.day())
        .hour(at.hour())
        .minute(at.minute())
        .second(at.second())
        .utc_offset_hour(8)
        .utc_offset_minute(0)
}
