//! `statement` prints what a platform says of one day.

use kernel::{Channel, Fen, Timestamp};
use rstest::rstest;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    payer::Payer,
    town::{Backend, Program, command},
};

/// Somebody has paid, and the next noon has come at the platforms: number, amount and day.
async fn paid_yesterday(program: &Program, channel: Channel) -> (String, Fen, String) {
    let payer = Payer::log_in(program, channel).await;
    let (_, number) = payer.begins().await;
    payer.pays_number(&number).await;
    payer.is_heard(&number).await;
    let path = format!("/trades?platform={channel}&out_trade_no={number}");
    let trade = program.control(&path, None).await["trades"][0].clone();
    let paid_at: Timestamp = serde_json::from_value(trade["paid_at"].clone()).expect("a time");
    let amount = Fen::new(trade["total_fen"].as_i64().expect("an amount")).expect("an amount");
    program.control("/clock/advance", Some(json!({"seconds": 129_600}))).await;
    (number, amount, paid_at.beijing_text()[..10].to_owned())
}

async fn printed(program: &Program, account: &str, day: &str, more: &[&str]) -> (bool, String) {
    let config = program.config.to_str().expect("UTF-8");
    let usual = ["statement", "--config", config, "--account", account, "--day", day];
    let ended = command(&[&usual, more].concat()).await;
    (ended.status.success(), String::from_utf8(ended.stdout).expect("UTF-8"))
}

#[rstest]
#[case(Channel::Wechat, "wuxi-wechat")]
#[case(Channel::Alipay, "wuxi-alipay")]
#[tokio::test]
async fn a_days_payments_and_moves_are_printed(#[case] channel: Channel, #[case] account: &str) {
    let folder = TempDir::new().expect("a folder");
    let program = Program::start(folder.path(), Backend::Embedded).await;
    let (number, amount, day) = paid_yesterday(&program, channel).await;
    let (well, told) = printed(&program, account, &day, &[]).await;
    let lines: Vec<&str> = told.lines().collect();
    assert!(well && lines.len() == 2, "{told}");
    let head = "at,kind,transaction_id,out_trade_no,out_refund_no,yuan,state";
    assert_eq!(lines[0], head);
    assert!(lines[1].starts_with(&day) && lines[1].contains(",payment,"), "{told}");
    assert!(lines[1].ends_with(&format!(",{number},,{amount},SUCCESS")), "{told}");
    let (well, told) = printed(&program, account, &day, &["--funds"]).await;
    let moves = told.lines().filter(|line| line.contains(&format!(",{amount},"))).count();
    assert!(well && moves == 1 && told.contains(&number), "{told}");
    program.close().await;
}

#[rstest]
#[case::other_bytes(Channel::Wechat, "wuxi-wechat", "wechat.bill", "wrong_hash")]
#[case::a_part(Channel::Alipay, "wuxi-alipay", "alipay.bill", "truncated_zip")]
#[tokio::test]
async fn nothing_is_printed_of_a_statement_that_is_not_proven(
    #[case] channel: Channel,
    #[case] account: &str,
    #[case] target: &str,
    #[case] fault: &str,
) {
    let folder = TempDir::new().expect("a folder");
    let program = Program::start(folder.path(), Backend::Embedded).await;
    let (_, _, day) = paid_yesterday(&program, channel).await;
    program.control("/faults", Some(json!({"target": target, "fault": fault}))).await;
    assert_eq!(printed(&program, account, &day, &[]).await, (false, String::new()));
    let (well, _) = printed(&program, account, &day, &[]).await;
    assert!(well, "the next one is whole");
    program.close().await;
}

#[tokio::test]
async fn an_account_that_is_not_there_has_no_statement() {
    let folder = TempDir::new().expect("a folder");
    let config = Program::written(folder.path(), Backend::Embedded).await;
    let config = config.to_str().expect("UTF-8");
    let arguments = ["--config", config, "--account", "nobody", "--day", "2026-11-28"];
    let ended = command(&[&["statement"], &arguments[..]].concat()).await;
    let told = String::from_utf8(ended.stderr).expect("UTF-8");
    assert!(!ended.status.success() && told.contains("has the key nobody"), "{told}");
}
