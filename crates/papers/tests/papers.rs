//! Papers are made, and read back as a viewer reads them. The files stay in the target folder, to be
//! looked at.

#[path = "../../../tests/support/pdf.rs"]
mod pdf;

use std::{fs, path::Path};

use kernel::{Fen, Timestamp};
use papers::{Certificate, Check, FORBIDDEN, Kind, Line, Listing, Mood, Row, Standing, Subject};
use rstest::rstest;
use wording::Language;

const MADE: Timestamp = Timestamp::from_unix_seconds(1_795_399_999);

fn yuan(text: &str) -> Fen {
    Fen::from_yuan(text).expect("an amount")
}

fn line(item: &str, amount: &str) -> Line {
    Line {
        item: item.into(),
        months: Some("2023-01 至 2023-03".into()),
        base: Some(yuan("4494.00")),
        tier: Some(1),
        components: vec![
            ("统筹账户 12%".into(), yuan("539.28")),
            ("个人账户 8%".into(), yuan("359.52")),
        ],
        amount: yuan(amount),
        agency: "无锡市社会保险基金管理中心".into(),
        agency_serial: Some("RS20261123000000000001".into()),
        posted_at: Some(MADE),
        standing: "已入账".into(),
    }
}

fn voucher() -> Certificate {
    Certificate {
        kind: Kind::Voucher,
        subject: Subject::Contribution,
        serial: Some("320200-202611-00000001-K".into()),
        order_no: "20261123101500123ABCDEFGHJKL".into(),
        issued_at: Some(MADE),
        made_at: MADE,
        standing: Standing { label: "缴费成功".into(), mood: Mood::Good },
        city: "江苏省 无锡市".into(),
        insured: "*三".into(),
        insured_number: "320***********0006".into(),
        payer: "*三(本人)".into(),
        channel: "微信支付".into(),
        transaction_id: "4200001234567890123456789012".into(),
        paid_at: MADE,
        lines: vec![line("企业职工基本养老保险", "898.80"), line("职工基本医疗保险", "404.46")],
        total: yuan("1303.26"),
        check: Some(Check {
            address:
                "https://pay.example.gov.cn/check?serial=320200-202611-00000001-K&code=7K3M-9QXT"
                    .into(),
            page: "https://pay.example.gov.cn/check".into(),
            code: "7K3M-9QXT".into(),
        }),
    }
}

/// Makes the paper, keeps it for people to look at, and reads it back.
fn read(name: &str, pdf: &[u8]) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.pdf"));
    fs::write(path, pdf).expect("a file");
    let text = pdf::text_of(pdf);
    for word in FORBIDDEN {
        assert!(!text.replace('\n', "").contains(word), "{name} says {word}");
    }
    assert!(contains(pdf, b"pdfaid:part>2<") && contains(pdf, b"pdfaid:conformance>U<"));
    text
}

/// What must stand on every page.
fn statement(kind: Kind, subject: Subject) -> String {
    kind.statement(subject, Language::Chinese)
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn a_voucher_says_what_it_may() {
    let pdf = voucher().pdf().unwrap();
    let text = read("voucher", &pdf);
    let lines: Vec<&str> = text.lines().collect();
    for told in [
        "社会保险费缴费凭证(平台)",
        "凭证编号 320200-202611-00000001-K",
        "¥1303.26",
        "壹仟叁佰零叁元贰角陆分",
        "缴费成功",
        "*三",
        "320***********0006",
        "企业职工基本养老保险",
        "2023-01 至 2023-03",
        "4494.00",
        "1档",
        "898.80",
        "微信支付",
        "4200001234567890123456789012",
        "20261123101500123ABCDEFGHJKL",
        "7K3M-9QXT",
        "https://pay.example.gov.cn/check",
        "第 1 页 / 共 1 页",
    ] {
        assert!(lines.contains(&told), "{told} is not in {text}");
    }
    let glued = text.replace('\n', "");
    assert!(glued.contains(&statement(Kind::Voucher, Subject::Contribution)), "{text}");
    assert!(glued.contains("入账流水号 RS20261123000000000001"), "{text}");
    assert!(glued.contains(&format!("开具时间 {}", MADE.beijing_text())));
    assert!(glued.contains(&format!("本文件生成时间 {}", MADE.beijing_text())));
    assert!(pdf.len() < 80_000, "{} bytes", pdf.len());
}

#[test]
fn an_acknowledgement_is_no_voucher() {
    let mut paper = voucher();
    paper.kind = Kind::Acknowledgement;
    (paper.serial, paper.issued_at) = (None, None);
    paper.standing = Standing { label: "已支付待入账".into(), mood: Mood::Waiting };
    for line in &mut paper.lines {
        (line.agency_serial, line.posted_at) = (None, None);
        line.standing = "待入账".into();
    }
    let text = read("acknowledgement", &paper.pdf().unwrap());
    let glued = text.replace('\n', "");
    assert!(glued.contains("社会保险费支付回执(平台)"));
    assert!(!glued.contains("缴费凭证(平台)"), "{text}");
    assert!(glued.contains("输入订单号和验证码") && glued.contains("7K3M-9QXT"), "{text}");
    let statement = statement(Kind::Acknowledgement, Subject::Contribution);
    assert!(glued.contains(&statement), "{text}");
}

fn topup(kind: Kind) -> Certificate {
    let mut paper = voucher();
    (paper.kind, paper.subject) = (kind, Subject::Topup);
    paper.lines = vec![Line {
        item: "医保个人账户充值".into(),
        months: None,
        base: None,
        tier: None,
        components: vec![("医保个人账户充值(卡号尾号0001)".into(), yuan("100.00"))],
        ..line("", "100.00")
    }];
    paper.total = yuan("100.00");
    paper
}

/// Money for a personal account is no contribution, and belongs to no month.
#[rstest]
#[case(Kind::Voucher, "医保个人账户充值凭证(平台)")]
#[case(Kind::Acknowledgement, "医保个人账户充值支付回执(平台)")]
fn a_topup_is_not_called_a_contribution(#[case] kind: Kind, #[case] title: &str) {
    let text = read(&format!("topup-{kind:?}"), &topup(kind).pdf().unwrap());
    let lines: Vec<&str> = text.lines().collect();
    for told in [title, "项目", "医保个人账户充值", "充值金额(人民币)", "¥100.00"]
    {
        assert!(lines.contains(&told), "{told} is not in {text}");
    }
    for word in ["社会保险费缴费", "职工基本医疗保险", "费款所属期", "缴费基数", "档次", "2023-01"]
    {
        assert!(!text.contains(word), "{word}: {text}");
    }
    let glued = text.replace('\n', "");
    assert!(glued.contains(&statement(kind, Subject::Topup)), "{text}");
    assert!(glued.contains("不能用来缴养老保险"), "{text}");
}

#[test]
fn what_kind_of_bill_it_is_stands_on_the_paper() {
    let mut paper = voucher();
    let items = ["企业职工基本养老保险(补差)", "城乡居民基本医疗保险(在校大学生)"];
    paper.lines = items.map(|item| line(item, "10.00")).to_vec();
    let text = read("kinds", &paper.pdf().unwrap());
    for item in items {
        assert!(text.lines().any(|line| line == item), "{item}: {text}");
    }
}

/// A page that is shown alone says what it is and how to check it.
#[rstest]
#[case::four_bills(4, 1)]
#[case::six_bills(6, 2)]
#[case::many(50, 7)]
fn every_page_bears_the_statement_and_the_code(#[case] bills: usize, #[case] pages: usize) {
    let mut paper = voucher();
    paper.lines = vec![line("职工基本医疗保险", "404.46"); bills];
    let pdf = paper.pdf().unwrap();
    let text = read(&format!("pages-{bills}"), &pdf).replace('\n', "");
    let count = pdf::pages_of(&pdf);
    assert!(count >= pages, "{count}");
    assert_eq!(text.matches(&statement(Kind::Voucher, Subject::Contribution)).count(), count);
    assert_eq!(text.matches("7K3M-9QXT").count(), count);
    for page in 1..=count {
        assert!(text.contains(&format!("第 {page} 页 / 共 {count} 页")));
    }
}

#[rstest]
#[case("reversed", "已冲正")]
#[case("refunded", "已退款")]
fn what_was_undone_is_said(#[case] name: &str, #[case] label: &str) {
    let mut paper = voucher();
    paper.standing = Standing { label: label.into(), mood: Mood::Undone };
    assert!(read(name, &paper.pdf().unwrap()).lines().any(|line| line == label));
}

#[test]
fn a_full_order_takes_several_pages_and_loses_nothing() {
    let mut paper = voucher();
    paper.lines = (1..=50).map(|n| line("城乡居民基本医疗保险", &format!("{n}.00"))).collect();
    paper.total = yuan("10785.60");
    let pdf = paper.pdf().unwrap();
    let text = read("full", &pdf);
    for n in 1..=50 {
        let amount = format!("{n}.00");
        assert!(text.lines().any(|line| line == amount), "{n}");
    }
    let pages = pdf::pages_of(&pdf);
    assert!((5..=20).contains(&pages), "{pages}");
    assert!(text.contains(&format!("第 {pages} 页 / 共 {pages} 页")));
}

/// Whatever an agency is called and whoever pays, there is a paper.
#[rstest]
#[case::rare("**𬱖", "**𬱖")]
#[case::no_glyph("**ᠮ", "**〓")]
#[case::picture("*😀", "*〓")]
fn a_character_without_glyph_breaks_nothing(#[case] name: &str, #[case] printed: &str) {
    let mut paper = voucher();
    paper.insured = name.into();
    assert!(read("rare", &paper.pdf().unwrap()).lines().any(|line| line == printed));
}

#[test]
fn long_names_stay_on_the_paper() {
    let mut paper = voucher();
    paper.city = "新疆维吾尔自治区 克孜勒苏柯尔克孜自治州 阿克陶县 ".repeat(4);
    paper.lines[0].agency = "很长的机构名称".repeat(30);
    paper.check.as_mut().unwrap().page = format!("https://{}.example/check", "a".repeat(120));
    let text = read("long", &paper.pdf().unwrap());
    assert!(text.contains('…'));
}

fn row(number: u32) -> Row {
    Row {
        order_no: format!("20261123101500123ABCDEFGH{number:03}"),
        placed_at: MADE,
        person: "*三".into(),
        city: "无锡".into(),
        items: vec![
            "企业职工基本养老保险 2023-01 至 2023-03".into(),
            "职工基本医疗保险 2023-01".into(),
        ],
        channel: "支付宝".into(),
        standing: "已支付待入账".into(),
        amount: yuan("1303.26"),
    }
}

#[rstest]
#[case::nothing(0, false, "共 0 笔。")]
#[case::some(3, false, "共 3 笔。")]
#[case::cut(200, true, "共列出最近 200 笔,更早的记录未列出,请缩小筛选范围后再打印。")]
fn a_list_says_how_much_of_it_there_is(
    #[case] count: u32,
    #[case] cut: bool,
    #[case] summary: &str,
) {
    let list = Listing {
        made_at: MADE,
        filters: vec!["城市 无锡".into(), "状态 缴费成功".into()],
        rows: (0..count).map(row).collect(),
        cut,
    };
    let text = read(&format!("list-{count}"), &list.pdf().unwrap());
    assert!(text.lines().any(|line| line == summary), "{text}");
    assert_eq!(text.matches("订单号 ").count(), usize::try_from(count).unwrap());
    let pages = text.matches(" 页 / 共 ").count();
    assert_eq!(text.replace('\n', "").matches("不能代替官方票证").count(), pages);
}
