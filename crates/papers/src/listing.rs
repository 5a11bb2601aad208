//! The printable list of records (缴费记录).

use kernel::{Fen, Timestamp};
use wording::{Language, term};

use crate::{
    PaperError,
    sheet::{Area, BRAND, HEIGHT, INK, QUIET, RULE, Sheets, Style, WHITE, WIDTH},
};

/// One order in the list. Names come masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub order_no: String,
    pub placed_at: Timestamp,
    pub person: String,
    pub city: String,
    /// What was paid: insurance and months, or a top-up; a line each.
    pub items: Vec<String>,
    pub channel: String,
    pub standing: String,
    pub amount: Fen,
}

/// A list of orders, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    pub made_at: Timestamp,
    /// What the list was filtered by, such as `城市 无锡`; empty for everything.
    pub filters: Vec<String>,
    pub rows: Vec<Row>,
    /// Older orders fit the filters as well, and are not on the paper.
    pub cut: bool,
}

const LEFT: i32 = 420;
const RIGHT: i32 = WIDTH - LEFT;
const FULL: i32 = RIGHT - LEFT;
/// The foot of every page: the statement, time and page numbers.
const FOOT: i32 = HEIGHT - 800;
const BOTTOM: i32 = FOOT - 60;
const SMALL: Style = Style::new(78, QUIET);
const VALUE: Style = Style::new(88, INK);

const PERSON_AT: i32 = LEFT + 1_080;
const ITEMS_AT: i32 = LEFT + 1_620;
const CHANNEL_AT: i32 = LEFT + 3_300;
const STANDING_AT: i32 = LEFT + 3_800;

impl Listing {
    /// The paper as PDF.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn pdf(&self) -> Result<Vec<u8>, PaperError> {
        let mut sheets = Sheets::new()?;
        let title = term(Language::Chinese, "paper.listing");
        sheets.text_centred(WIDTH / 2, 560, &title, Style::new(190, INK).bold());
        let filters = match self.filters.as_slice() {
            [] => "全部记录".to_owned(),
            filters => filters.join("  "),
        };
        let mut y = 780;
        for line in sheets.wrap(&format!("筛选条件:{filters}"), VALUE, FULL) {
            sheets.text(LEFT, y, &line, VALUE);
            y += 140;
        }
        sheets.text(LEFT, y, &self.summary(), VALUE);
        y = head(&mut sheets, y + 90);
        for row in &self.rows {
            let items = row.lines(&sheets);
            let height = 130 * i32::try_from(items.len()).unwrap_or(1) + 270;
            if y + height > BOTTOM {
                sheets.turn_page();
                y = head(&mut sheets, 520);
            }
            row.write(&mut sheets, y, &items);
            y += height;
            sheets.rule(LEFT, y, FULL, RULE);
        }
        let statement = term(Language::Chinese, "paper.listing_statement");
        let statement = sheets.wrap(&statement, SMALL, FULL);
        let (pages, made_at) = (sheets.page_count(), self.made_at.beijing_text());
        sheets.on_every_page(|sheets, number| {
            sheets.fill(Area { x: 0, y: 0, width: WIDTH, height: 70 }, BRAND);
            for (row, line) in (0..).zip(&statement) {
                sheets.text(LEFT, FOOT + 120 + 120 * row, line, SMALL);
            }
            sheets.rule(LEFT, HEIGHT - 400, FULL, RULE);
            let made = format!("本文件生成时间 {made_at}(北京时间)");
            sheets.text(LEFT, HEIGHT - 270, &made, SMALL);
            sheets.text_to(RIGHT, HEIGHT - 270, &format!("第 {number} 页 / 共 {pages} 页"), SMALL);
        });
        sheets.pdf(&title, self.made_at)
    }

    fn summary(&self) -> String {
        let count = self.rows.len();
        if self.cut {
            format!("共列出最近 {count} 笔,更早的记录未列出,请缩小筛选范围后再打印。")
        } else {
            format!("共 {count} 笔。")
        }
    }
}

fn head(sheets: &mut Sheets, y: i32) -> i32 {
    sheets.fill(Area { x: LEFT, y, width: FULL, height: 250 }, BRAND);
    let style = Style::new(84, WHITE);
    sheets.text(LEFT + 60, y + 156, "下单时间", style);
    sheets.text(PERSON_AT, y + 156, "参保人", style);
    sheets.text(ITEMS_AT, y + 156, "项目与费款所属期", style);
    sheets.text(CHANNEL_AT, y + 156, "渠道", style);
    sheets.text(STANDING_AT, y + 156, "状态", style);
    sheets.text_to(RIGHT - 60, y + 156, "金额(元)", style);
    y + 250
}

impl Row {
    fn lines(&self, sheets: &Sheets) -> Vec<String> {
        let width = CHANNEL_AT - ITEMS_AT - 80;
        let lines: Vec<String> =
            self.items.iter().flat_map(|item| sheets.wrap(item, SMALL, width)).collect();
        if lines.is_empty() { vec![String::new()] } else { lines }
    }

    fn write(&self, sheets: &mut Sheets, top: i32, items: &[String]) {
        let placed_at = self.placed_at.beijing_text();
        let minute = placed_at.get(..16).unwrap_or(&placed_at);
        let y = top + 170;
        sheets.text(LEFT + 60, y, minute, VALUE);
        let person = sheets.wrap(&self.person, VALUE, ITEMS_AT - PERSON_AT - 60);
        sheets.text(PERSON_AT, y, person.first().map_or("", String::as_str), VALUE);
        sheets.text(PERSON_AT, y + 130, &self.city, SMALL);
        for (number, item) in (0..).zip(items) {
            sheets.text(ITEMS_AT, y + 130 * number, item, Style { tone: INK, ..SMALL });
        }
        sheets.text(CHANNEL_AT, y, &self.channel, VALUE);
        sheets.text(STANDING_AT, y, &self.standing, VALUE);
        sheets.text_to(RIGHT - 60, y, &self.amount.to_string(), VALUE.bold());
        let number = format!("订单号 {}", self.order_no);
        sheets.text(ITEMS_AT, y + 130 * i32::try_from(items.len()).unwrap_or(1), &number, SMALL);
    }
}
