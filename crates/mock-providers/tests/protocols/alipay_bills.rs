//! Alipay's bills: when they are there, and what is in the zip.

use std::{io::Read, time::Duration};

use flate2::read::DeflateDecoder;
use kernel::Channel::Alipay;
use mock_providers::{AlipayOddity, Fault, FaultKind, FaultTarget, PayRequest};
use rstest::rstest;
use serde_json::json;

use crate::bench::{Bench, Told};

const METHOD: &str = "alipay.data.dataservice.bill.downloadurl.query";
const DAY: Duration = Duration::from_secs(86_400);

/// Files of a zip by name, read from the local headers.
pub fn unzip(bytes: &[u8]) -> Vec<(String, String)> {
    let number = |at: usize, size: usize| -> usize {
        bytes[at..at + size].iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
    };
    let gbk = |bytes: &[u8]| encoding_rs::GBK.decode(bytes).0.into_owned();
    let (mut at, mut files) = (0, Vec::new());
    while bytes[at..].starts_with(b"PK\x03\x04") {
        let (packed, name) = (number(at + 18, 4), number(at + 26, 2));
        assert_eq!(number(at + 6, 2), 0, "no UTF-8 flag");
        let start = at + 30 + name;
        let mut content = Vec::new();
        let mut reader = DeflateDecoder::new(&bytes[start..start + packed]);
        reader.read_to_end(&mut content).unwrap();
        files.push((gbk(&bytes[at + 30..start]), gbk(&content)));
        at = start + packed;
    }
    files
}

async fn ask(bench: &Bench, kind: &str, date: &str) -> Told {
    bench.alipay(METHOD, &json!({"bill_type": kind, "bill_date": date})).await
}

async fn fetch(bench: &Bench, told: &Told) -> (u16, Vec<u8>) {
    let answer = bench.client.get(told.text("bill_download_url")).send().await.unwrap();
    (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
}

/// A payment of 898.80 and a refund of 100.00 of it, on the first of January.
async fn first_day() -> Bench {
    let bench = Bench::new().await;
    let mut order = bench.alipay_order("SI1", "898.80");
    order["subject"] = json!("社保, \"2026\"");
    bench.alipay_create(&order).await;
    bench.mocks.pay(&PayRequest::number(Alipay, "SI1")).unwrap();
    let refund = json!({"out_trade_no": "SI1", "out_request_no": "R1", "refund_amount": "100.00"});
    bench.alipay("alipay.trade.refund", &refund).await;
    bench
}

#[tokio::test]
async fn a_day_is_told_from_nine_the_next_morning_for_thirty_seconds() {
    let bench = first_day().await;
    assert_eq!(ask(&bench, "trade", "2026-01-01").await.sub_code(), "INVAILID_ARGUMENTS");
    bench.mocks.advance(DAY).await; // eight in the morning
    assert_eq!(ask(&bench, "trade", "2026-01-01").await.sub_code(), "BILL_NOT_EXIST");
    bench.mocks.advance(DAY / 24).await;
    let told = ask(&bench, "trade", "2026-01-01").await;
    assert_eq!(fetch(&bench, &told).await.0, 200);
    bench.mocks.advance(Duration::from_secs(30)).await;
    assert_eq!(fetch(&bench, &told).await.0, 403);
    let empty = ask(&bench, "trade", "2025-12-31").await;
    assert_eq!(empty.text("bill_file_code"), "EMPTY_DATA_WITH_BILL_FILE");
    assert_eq!(ask(&bench, "other", "2026-01-01").await.sub_code(), "TYPE_NOT_SUPPORTED");
    assert_eq!(ask(&bench, "trade", "2026-01").await.sub_code(), "INVAILID_ARGUMENTS");
    bench.mocks.advance(DAY * 33).await;
    assert_eq!(ask(&bench, "trade", "2026-01").await.text("code"), "10000");
}

#[tokio::test]
async fn the_trade_bill_holds_payments_and_refunds_in_gbk() {
    let bench = first_day().await;
    bench.mocks.advance(DAY * 2).await;
    let (_, zip) = fetch(&bench, &ask(&bench, "trade", "2026-01-01").await).await;
    let files = unzip(&zip);
    let seller = &bench.facts.alipay.seller_id;
    assert_eq!(files[0].0, format!("{seller}0156_20260101_业务明细.csv"));
    assert_eq!(files[1].0, format!("{seller}0156_20260101_业务明细(汇总).csv"));
    let lines: Vec<&str> = files[0].1.split("\r\n").collect();
    assert_eq!(lines[0], "#支付宝业务明细查询");
    assert_eq!(
        lines[2],
        "#起始日期：[2026年01月01日 00:00:00]   终止日期：[2026年01月02日 00:00:00]"
    );
    assert_eq!(lines[4].split(',').count(), 25);
    assert!(lines[5].contains("SI1\t,交易\t,\"社保, \"\"2026\"\"\",2026-01-01 08:00:00"));
    assert!(lines[5].contains(",898.80,898.80,") && lines[5].contains(",-5.39,"), "{}", lines[5]);
    assert!(lines[6].contains(",退款\t,") && lines[6].contains(",-100.00,-100.00,"));
    assert!(lines[6].contains(",R1\t,"));
    assert!(files[1].1.contains("合计,,1,1,798.80,798.80,0.00,0.00,0.00,-5.39,0.00,793.41"));
}

#[tokio::test]
async fn the_balance_bill_holds_fees_on_lines_of_their_own() {
    let bench = first_day().await;
    bench.mocks.advance(DAY * 2).await;
    let (_, zip) = fetch(&bench, &ask(&bench, "signcustomer", "2026-01-01").await).await;
    let files = unzip(&zip);
    assert!(files[0].1.contains("#支出合计：2笔，共-105.39元\r\n#收入合计：1笔，共898.80元"));
    assert!(files[1].1.contains("合计,1,898.80,2,-105.39,793.41"), "{}", files[1].1);
}

#[rstest]
#[case(AlipayOddity::LateBill, "BILL_NOT_EXIST")]
#[case(AlipayOddity::NoDataFile, "NO_BILL_DATA")]
#[tokio::test]
async fn a_bill_can_be_late_or_none(#[case] oddity: AlipayOddity, #[case] sub_code: &str) {
    let bench = first_day().await;
    bench.mocks.advance(DAY * 2).await;
    let fault = Fault::next(FaultTarget::AlipayBill, FaultKind::Alipay(oddity));
    bench.mocks.set_fault(fault).unwrap();
    assert_eq!(ask(&bench, "trade", "2026-01-01").await.sub_code(), sub_code);
}

#[rstest]
#[case(AlipayOddity::MissingRow, 1, "898.80")]
#[case(AlipayOddity::ExtraRow, 3, "898.80")]
#[case(AlipayOddity::AmountDiffers, 2, "898.81")]
#[tokio::test]
async fn a_bill_can_differ_from_the_truth(
    #[case] oddity: AlipayOddity,
    #[case] rows: usize,
    #[case] first: &str,
) {
    let bench = first_day().await;
    bench.mocks.advance(DAY * 2).await;
    let fault = Fault::next(FaultTarget::AlipayBill, FaultKind::Alipay(oddity));
    bench.mocks.set_fault(fault).unwrap();
    let (_, zip) = fetch(&bench, &ask(&bench, "trade", "2026-01-01").await).await;
    let detail = unzip(&zip).remove(0).1;
    let told: Vec<&str> = detail.lines().filter(|line| !line.starts_with('#')).skip(1).collect();
    assert_eq!(told.len(), rows);
    assert!(told[0].contains(first), "{}", told[0]);
}

#[tokio::test]
async fn an_address_can_be_dead_and_a_zip_half() {
    let bench = first_day().await;
    bench.mocks.advance(DAY * 2).await;
    let whole = fetch(&bench, &ask(&bench, "trade", "2026-01-01").await).await.1.len();
    for (oddity, status, length) in
        [(AlipayOddity::ExpiredUrl, 403, None), (AlipayOddity::TruncatedZip, 200, Some(whole / 2))]
    {
        let fault = Fault::next(FaultTarget::AlipayBill, FaultKind::Alipay(oddity));
        bench.mocks.set_fault(fault).unwrap();
        let got = fetch(&bench, &ask(&bench, "trade", "2026-01-01").await).await;
        assert_eq!(got.0, status);
        assert!(length.is_none_or(|length| length == got.1.len()));
    }
}

#[rstest]
#[case(AlipayOddity::UnquotedComma, "trade", ",社保   2026 , 逗号, 没有引号,")]
#[case(AlipayOddity::NewColumns, "trade", "备注,支付渠道,入账账户\r\n")]
#[case(
    AlipayOddity::NewColumns,
    "signcustomer",
    "备注,业务描述,业务账单来源,业务基础订单号,业务订单号\r\n"
)]
#[case(AlipayOddity::LfEndings, "trade", "#支付宝业务明细查询\n#账号")]
#[tokio::test]
async fn a_bill_may_have_another_form(
    #[case] oddity: AlipayOddity,
    #[case] kind: &str,
    #[case] holds: &str,
) {
    let bench = first_day().await;
    bench.mocks.advance(DAY * 2).await;
    let fault = Fault::next(FaultTarget::AlipayBill, FaultKind::Alipay(oddity));
    bench.mocks.set_fault(fault).unwrap();
    let (_, zip) = fetch(&bench, &ask(&bench, kind, "2026-01-01").await).await;
    let detail = unzip(&zip).remove(0).1;
    assert!(detail.contains(holds), "{detail}");
}

#[tokio::test]
async fn older_balance_bills_have_another_name() {
    let bench = first_day().await;
    bench.mocks.advance(DAY * 2).await;
    let fault = Fault::next(FaultTarget::AlipayBill, FaultKind::Alipay(AlipayOddity::OldNames));
    bench.mocks.set_fault(fault).unwrap();
    let (_, zip) = fetch(&bench, &ask(&bench, "signcustomer", "2026-01-01").await).await;
    assert!(unzip(&zip).iter().all(|(name, _)| name.contains("_财务明细")));
}
