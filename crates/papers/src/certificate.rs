//! The voucher (缴费凭证) and the acknowledgement of a payment (支付回执): one order on one paper.

use kernel::{Fen, Timestamp};
use wording::{Language, term};

use crate::{
    PaperError, capitals, check_code,
    sheet::{Area, BRAND, HEIGHT, INK, QUIET, RULE, SHADE, Sheets, Style, Tone, WHITE, WIDTH},
};

/// Which of the two papers it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The agency booked what stands on it.
    Voucher,
    /// Money arrived, and that is all that is known or left to say.
    Acknowledgement,
}

/// What the money is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Social insurance (社会保险费).
    Contribution,
    /// A medical personal account (医保个人账户), which is no contribution and has no period.
    Topup,
}

impl Kind {
    const fn key(self, subject: Subject) -> &'static str {
        match (self, subject) {
            (Kind::Voucher, Subject::Contribution) => "voucher",
            (Kind::Acknowledgement, Subject::Contribution) => "acknowledgement",
            (Kind::Voucher, Subject::Topup) => "topup_voucher",
            (Kind::Acknowledgement, Subject::Topup) => "topup_acknowledgement",
        }
    }

    /// The title, which domain §6.3 prescribes for the voucher of contributions.
    pub fn title(self, subject: Subject, language: Language) -> String {
        term(language, &format!("paper.{}", self.key(subject)))
    }

    /// What the paper is and is not. Every page bears it.
    pub fn statement(self, subject: Subject, language: Language) -> String {
        term(language, &format!("paper.{}_statement", self.key(subject)))
    }
}

/// How the news looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Good,
    Waiting,
    /// Reversed or refunded.
    Undone,
}

impl Mood {
    const fn tone(self) -> Tone {
        match self {
            Mood::Good => (17, 112, 68),
            Mood::Waiting => (150, 90, 0),
            Mood::Undone => (170, 32, 32),
        }
    }
}

/// Where the order stands at the moment of printing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Such as `缴费成功` or `已冲正`.
    pub label: String,
    pub mood: Mood,
}

/// One bill on the paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What is paid: the insurance, with what kind of bill it is where that matters and the category of
    /// residents, such as `职工基本医疗保险(补缴)`; or the top-up.
    pub item: String,
    /// 费款所属期, such as `2023-01 至 2023-03`. A top-up has none.
    pub months: Option<String>,
    pub base: Option<Fen>,
    pub tier: Option<u16>,
    /// Parts of the amount: name with rate, and amount.
    pub components: Vec<(String, Fen)>,
    pub amount: Fen,
    pub agency: String,
    /// 经办机构流水号, when it is booked.
    pub agency_serial: Option<String>,
    pub posted_at: Option<Timestamp>,
    /// Such as `已入账`.
    pub standing: String,
}

/// Where anybody can look whether the paper is real.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What the square code leads to.
    pub address: String,
    /// The page's address, to be typed.
    pub page: String,
    pub code: String,
}

/// What stands on a voucher or an acknowledgement. All names and numbers of people come masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    pub kind: Kind,
    pub subject: Subject,
    pub serial: Option<String>,
    pub order_no: String,
    pub issued_at: Option<Timestamp>,
    /// When this file was made.
    pub made_at: Timestamp,
    pub standing: Standing,
    pub city: String,
    pub insured: String,
    pub insured_number: String,
    pub payer: String,
    pub channel: String,
    pub transaction_id: String,
    pub paid_at: Timestamp,
    pub lines: Vec<Line>,
    pub total: Fen,
    pub check: Option<Check>,
}

const LEFT: i32 = 480;
const RIGHT: i32 = WIDTH - LEFT;
const FULL: i32 = RIGHT - LEFT;
/// The foot of every page: the way to the check page, the statement, times and page numbers.
const FOOT: i32 = HEIGHT - 1_310;
/// Nothing but the foot stands below.
const BOTTOM: i32 = FOOT - 100;
/// Height of the line with the total.
const TOTAL: i32 = 290;

const SMALL: Style = Style::new(80, QUIET);
const LABEL: Style = Style::new(88, QUIET);
const VALUE: Style = Style::new(94, INK);
const HEADING: Style = Style::new(108, BRAND).bold();

/// Left edges of the columns of the list of bills; amounts end at the next edge.
const MONTHS_AT: i32 = LEFT + 1_980;
const BASE_TO: i32 = LEFT + 3_800;
const TIER_AT: i32 = LEFT + 4_120;

impl Certificate {
    /// The paper as PDF.
    ///
    /// # Errors
    /// When an address is too long for a square code (about 2,000 characters) or the library refuses.
    pub fn pdf(&self) -> Result<Vec<u8>, PaperError> {
        self.sheets()?.pdf(&self.title(), self.made_at)
    }

    fn title(&self) -> String {
        self.kind.title(self.subject, Language::Chinese)
    }

    fn sheets(&self) -> Result<Sheets, PaperError> {
        let mut sheets = Sheets::new()?;
        let y = self.head(&mut sheets);
        let y = self.particulars(&mut sheets, y);
        self.bills(&mut sheets, y);
        let code = self.check.as_ref().map(|check| check_code::squares(&check.address));
        let code = code.transpose()?;
        let pages = sheets.page_count();
        sheets.on_every_page(|sheets, number| {
            self.page_head(sheets, number);
            self.foot(sheets, code.as_deref(), (number, pages));
        });
        Ok(sheets)
    }

    fn head(&self, sheets: &mut Sheets) -> i32 {
        sheets.fill(Area { x: 0, y: 0, width: WIDTH, height: 70 }, BRAND);
        sheets.text_centred(WIDTH / 2, 560, &self.title(), Style::new(210, INK).bold());
        let (number, time) = match (&self.serial, self.issued_at) {
            (Some(serial), Some(at)) => {
                (format!("凭证编号 {serial}"), format!("开具时间 {}", at.beijing_text()))
            }
            _ => (
                format!("订单号 {}", self.order_no),
                format!("开具时间 {}", self.made_at.beijing_text()),
            ),
        };
        sheets.text(LEFT, 840, &number, VALUE);
        sheets.text_to(RIGHT, 840, &time, VALUE);
        sheets.fill(Area { x: LEFT, y: 920, width: FULL, height: 14 }, BRAND);

        sheets.fill(Area { x: LEFT, y: 1_030, width: FULL, height: 740 }, SHADE);
        let amount = match self.subject {
            Subject::Contribution => "缴费金额(人民币)",
            Subject::Topup => "充值金额(人民币)",
        };
        sheets.text(LEFT + 180, 1_200, amount, LABEL);
        let figures = format!("¥{}", self.total);
        sheets.text(LEFT + 180, 1_480, &figures, Style::new(270, INK).bold());
        let words = capitals(self.total);
        let words = Style::new(if words.chars().count() > 24 { 84 } else { 106 }, INK).fitting(
            sheets,
            &words,
            FULL - 360,
        );
        sheets.text(LEFT + 180, 1_670, &words.1, words.0);
        let tone = self.standing.mood.tone();
        sheets.text_to(RIGHT - 180, 1_200, "当前状态", LABEL);
        sheets.text_to(RIGHT - 180, 1_450, &self.standing.label, Style::new(190, tone).bold());
        2_020
    }

    /// Who paid for whom, where and how: two pairs in a row.
    fn particulars(&self, sheets: &mut Sheets, top: i32) -> i32 {
        sheets.text(LEFT, top, "支付信息", HEADING);
        let paid_at = self.paid_at.beijing_text();
        let rows = [
            [("参保人", &self.insured), ("证件号码", &self.insured_number)],
            [("参保地", &self.city), ("付款人", &self.payer)],
            [("支付渠道", &self.channel), ("支付时间", &paid_at)],
            [("渠道交易号", &self.transaction_id), ("订单号", &self.order_no)],
        ];
        let half = FULL / 2;
        let mut y = top + 110;
        sheets.rule(LEFT, y, FULL, RULE);
        for row in rows {
            for (x, (label, value)) in [LEFT, LEFT + half].into_iter().zip(row) {
                let area = Area { x, y: y + 5, width: 560, height: 255 };
                sheets.fill(area, SHADE);
                sheets.text(x + 70, y + 163, label, LABEL);
                let (style, value) = VALUE.fitting(sheets, value, half - 560 - 130);
                sheets.text(x + 630, y + 163, &value, style);
            }
            y += 260;
            sheets.rule(LEFT, y, FULL, RULE);
        }
        y + 330
    }

    fn bills(&self, sheets: &mut Sheets, top: i32) {
        sheets.text(LEFT, top, "明细", HEADING);
        let mut y = bills_head(sheets, self.subject, top + 110);
        for (number, line) in (1..).zip(&self.lines) {
            let told = line.told(sheets);
            // The total does not stand alone on a page.
            let total = if number == self.lines.len() { TOTAL } else { 0 };
            if y + line.height(told.len()) + total > BOTTOM {
                sheets.turn_page();
                y = bills_head(sheets, self.subject, 620);
            }
            y = line.write(sheets, self.subject, y, &told);
        }
        sheets.fill(Area { x: LEFT, y, width: FULL, height: TOTAL }, SHADE);
        let strong = Style::new(106, INK).bold();
        sheets.text(LEFT + 70, y + 182, "合计", strong);
        let (style, words) = VALUE.fitting(sheets, &capitals(self.total), 3_100);
        sheets.text(LEFT + 500, y + 182, &words, style);
        sheets.text_to(RIGHT - 70, y + 184, &format!("¥{}", self.total), strong);
        sheets.rule(LEFT, y + TOTAL, FULL, RULE);
    }

    /// Pages after the first say whose they are.
    fn page_head(&self, sheets: &mut Sheets, number: usize) {
        if number > 1 {
            let name = self.serial.as_ref().unwrap_or(&self.order_no);
            sheets.fill(Area { x: 0, y: 0, width: WIDTH, height: 70 }, BRAND);
            sheets.text(LEFT, 400, &format!("{}  {name}", self.title()), LABEL);
        }
    }

    /// How to check the paper, and what it is not.
    fn foot(&self, sheets: &mut Sheets, code: Option<&[Vec<bool>]>, (page, pages): (usize, usize)) {
        sheets.fill(Area { x: LEFT, y: FOOT, width: FULL, height: 14 }, BRAND);
        let mut y = FOOT + 160;
        let mut x = LEFT;
        if let (Some(check), Some(rows)) = (&self.check, code) {
            // About 23 mm, whatever is written in it.
            let side = 650 / i32::try_from(rows.len()).unwrap_or(41).max(21);
            sheets.squares(LEFT + 20, FOOT + 110, side, rows.to_vec());
            x = LEFT + 860;
            sheets.text(x, y, "核验", HEADING);
            sheets.text(x + 300, y, "验证码", LABEL);
            sheets.text(x + 600, y + 6, &check.code, Style::new(124, INK).bold());
            let number = if self.serial.is_some() { "凭证编号" } else { "订单号" };
            let how = format!("扫描二维码,或在核验页输入{number}和验证码;状态以核验页显示的为准");
            sheets.text_to(RIGHT, y, &how, SMALL);
            let (style, address) = SMALL.fitting(sheets, &check.page, RIGHT - x - 300);
            sheets.text(x, y + 140, "核验页", SMALL);
            sheets.text(x + 300, y + 140, &address, style);
            y += 300;
        }
        let style = Style::new(80, INK);
        let statement = self.kind.statement(self.subject, Language::Chinese);
        for line in sheets.wrap(&statement, style, RIGHT - x) {
            sheets.text(x, y, &line, style);
            y += 126;
        }
        sheets.rule(LEFT, HEIGHT - 400, FULL, RULE);
        let made = format!("本文件生成时间 {}(北京时间)", self.made_at.beijing_text());
        sheets.text(LEFT, HEIGHT - 270, &made, SMALL);
        sheets.text_to(RIGHT, HEIGHT - 270, &format!("第 {page} 页 / 共 {pages} 页"), SMALL);
    }
}

fn bills_head(sheets: &mut Sheets, subject: Subject, y: i32) -> i32 {
    sheets.fill(Area { x: LEFT, y, width: FULL, height: 270 }, BRAND);
    let style = Style::new(88, WHITE);
    match subject {
        Subject::Contribution => {
            sheets.text(LEFT + 70, y + 168, "险种", style);
            sheets.text(MONTHS_AT, y + 168, "费款所属期", style);
            sheets.text_to(BASE_TO, y + 168, "缴费基数(元)", style);
            sheets.text(TIER_AT, y + 168, "档次", style);
        }
        Subject::Topup => sheets.text(LEFT + 70, y + 168, "项目", style),
    }
    sheets.text_to(RIGHT - 70, y + 168, "金额(元)", style);
    y + 270
}

impl Line {
    fn height(&self, told: usize) -> i32 {
        let rows = self.components.len() + told;
        280 + 130 * i32::try_from(rows).unwrap_or(0) + 60
    }

    /// What the agency says about the bill, in lines.
    fn told(&self, sheets: &Sheets) -> Vec<String> {
        let mut told = format!("{}  {}", self.agency, self.standing);
        if let Some(serial) = &self.agency_serial {
            told.push_str(&format!("  入账流水号 {serial}"));
        }
        if let Some(at) = self.posted_at {
            told.push_str(&format!("  入账时间 {}", at.beijing_text()));
        }
        sheets.wrap(&told, SMALL, FULL - 140)
    }

    fn write(&self, sheets: &mut Sheets, subject: Subject, top: i32, told: &[String]) -> i32 {
        let mut y = top + 180;
        let width = if subject == Subject::Topup { 3_800 } else { 1_860 };
        let (style, name) = VALUE.bold().fitting(sheets, &self.item, width);
        sheets.text(LEFT + 70, y, &name, style);
        if subject == Subject::Contribution {
            sheets.text(MONTHS_AT, y, self.months.as_deref().unwrap_or("—"), VALUE);
            let base = self.base.map_or_else(|| "—".to_owned(), |base| base.to_string());
            sheets.text_to(BASE_TO, y, &base, VALUE);
            let tier = self.tier.map_or_else(|| "—".to_owned(), |tier| format!("{tier}档"));
            sheets.text(TIER_AT, y, &tier, VALUE);
        }
        sheets.text_to(RIGHT - 70, y, &self.amount.to_string(), VALUE.bold());
        y += 10;
        for (name, amount) in &self.components {
            y += 130;
            sheets.text(LEFT + 70, y, name, SMALL);
            sheets.text_to(RIGHT - 70, y, &amount.to_string(), SMALL);
        }
        for line in told {
            y += 130;
            sheets.text(LEFT + 70, y, line, SMALL);
        }
        y += 90;
        sheets.rule(LEFT, y, FULL, RULE);
        y
    }
}

impl Style {
    /// A smaller size where the text is too wide, and an end with … where that is not enough.
    fn fitting(self, sheets: &Sheets, text: &str, width: i32) -> (Style, String) {
        for size in [self.size, self.size * 9 / 10, self.size * 8 / 10, self.size * 7 / 10] {
            let style = Style { size, ..self };
            if sheets.width(text, style) <= width {
                return (style, text.to_owned());
            }
        }
        let style = Style { size: self.size * 7 / 10, ..self };
        let mut kept = text.to_owned();
        while kept.pop().is_some() && sheets.width(&format!("{kept}…"), style) > width {}
        (style, format!("{kept}…"))
    }
}
