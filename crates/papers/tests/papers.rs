//! Papers are made, and read back as a viewer reads them. The files stay in the target folder, to be
//! looked at.

#[path = "../../../tests/support/pdf.rs"]
mod pdf;

use std::{fs, path::Path};

use kernel::{Fen, Timestamp};
use papers::{Certificate, Check, FORBIDDEN, Kind, Line, Listing, Mood, Row, Standing};
use rstest::rstest;

const MADE: Timestamp = Timestamp::from_unix_seconds(1_795_399_999);

fn yuan(text: &str) -> Fen {
    Fen::from_yuan(text).expect("an amount")
}

fn line(insurance: &str, amount: &str) -> Line {
    Line {
        insurance: insurance.into(),
        months: "2023-01 至 2023-03".into(),
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
    assert!(glued.contains(&Kind::Voucher.required_sentence().replace(' ', "")), "{text}");
    assert!(glued.contains("入账流水号 RS20261123000000000001"), "{text}");
    assert!(glued.contains(&format!("开具时间 {}", MADE.beijing_text())));
    assert!(glued.contains(&format!("本文件生成时间 {}", MADE.beijing_text())));
    assert!(pdf.len() < 80_000, "{} bytes", pdf.len());
}

#[test]
fn an_acknowledgement_is_no_voucher() {
    let mut paper = voucher();
    paper.kind = Kind::Acknowledgement;
    (paper.serial, paper.issued_at, paper.check) = (None, None, None);
    paper.standing = Standing { label: "已支付待入账".into(), mood: Mood::Waiting };
    for line in &mut paper.lines {
        (line.agency_serial, line.posted_at) = (None, None);
        line.standing = "待入账".into();
    }
    let text = read("acknowledgement", &paper.pdf().unwrap());
    let glued = text.replace('\n', "");
    assert!(glued.contains("社会保险费支付回执(平台)"));
    assert!(!glued.contains("缴费凭证(平台)") && !glued.contains("验证码"), "{text}");
    assert!(glued.contains(Kind::Acknowledgement.required_sentence()), "{text}");
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
    assert!((5..=15).contains(&pages), "{pages}");
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
}
