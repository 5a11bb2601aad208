//! The command line, as people and scripts use it.

use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

use crate::town::{Backend, Program, command};

struct Said {
    code: Option<i32>,
    out: String,
    complaint: String,
}

async fn run(arguments: &[&str]) -> Said {
    let ended = command(arguments).await;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    Said { code: ended.status.code(), out: text(&ended.stdout), complaint: text(&ended.stderr) }
}

const WUXI: [&str; 11] = [
    "quote",
    "--city",
    "320200",
    "--insurance",
    "pension",
    "--tier",
    "1",
    "--from",
    "2023-01",
    "--months",
    "3",
];

#[rstest]
#[case::three_months_of_the_first_tier(&WUXI, "2696.40")]
#[case::a_base_of_ones_own(
    &["quote", "--policy", "wuxi-pension-2023-guide", "--base", "7490"], "1498.00")]
#[case::what_is_paid_at_once_for_its_whole_year(
    &["quote", "--city", "320200", "--insurance", "resident_medical", "--category", "elderly"], "570.00")]
#[case::a_city_by_its_name(
    &["quote", "--city", "无锡", "--insurance", "pension", "--tier", "1", "--from", "2023-01"], "898.80")]
#[case::a_city_by_its_spelling(
    &["quote", "--city", "wuxi", "--insurance", "pension", "--tier", "1", "--from", "2023-01"], "898.80")]
#[tokio::test]
async fn a_quote_ends_with_its_total(#[case] arguments: &[&str], #[case] total: &str) {
    let said = run(arguments).await;
    assert_eq!(said.code, Some(0), "{}", said.complaint);
    let last = said.out.lines().last().expect("a last line");
    assert!(last.ends_with(&format!(" {total}")), "{last}");
}

#[tokio::test]
async fn a_kept_quote_can_be_worked_out_again() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("quote.json");
    let path = file.to_str().expect("UTF-8");
    let said = run(&[&WUXI[..], &["--json"]].concat()).await;
    assert_eq!(said.code, Some(0), "{}", said.complaint);
    let quote: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(quote["total"], "2696.40");
    std::fs::write(&file, &said.out).expect("a file");
    let again = run(&["quote", "--replay", path]).await;
    assert_eq!(again.code, Some(0), "{}", again.complaint);
    assert!(again.out.contains("2696.40"), "{}", again.out);

    std::fs::write(&file, said.out.replace("2696.40", "2696.41")).expect("a file");
    let wrong = run(&["quote", "--replay", path]).await;
    assert_eq!(wrong.code, Some(1), "a changed figure is noticed");
    assert!(wrong.complaint.starts_with("error: "), "{}", wrong.complaint);
}

#[rstest]
#[case::an_unknown_city(&["quote", "--city", "999999", "--insurance", "pension", "--tier", "1"])]
#[case::nothing_named(&["quote"])]
#[case::a_tier_that_is_not_there(
    &["quote", "--city", "320200", "--insurance", "pension", "--tier", "99", "--from", "2023-01"])]
#[tokio::test]
async fn a_quote_that_cannot_be_is_refused_in_a_sentence(#[case] arguments: &[&str]) {
    let said = run(arguments).await;
    assert!(matches!(said.code, Some(1 | 2)), "{:?}", said.code);
    assert!(said.complaint.starts_with("error: "), "{}", said.complaint);
    assert_eq!(said.out, "");
}

#[rstest]
#[case::a_month_without_a_standard(
    &["quote", "--city", "320200", "--insurance", "pension", "--from", "2026-11"])]
#[case::a_tier_that_is_not_there(
    &["quote", "--city", "320200", "--insurance", "pension", "--tier", "99", "--from", "2023-01"])]
#[case::no_category(&["quote", "--city", "320200", "--insurance", "resident_medical"])]
#[case::a_tier_where_a_base_is_chosen(
    &["quote", "--city", "310000", "--insurance", "medical", "--tier", "1", "--from", "2025-07"])]
#[tokio::test]
async fn a_refused_quote_names_a_command_that_works(#[case] arguments: &[&str]) {
    let said = run(arguments).await;
    assert_eq!(said.code, Some(1), "{}", said.out);
    let (_, remedy) = said.complaint.split_once("this works: city-services ").expect("a command");
    let remedy: Vec<&str> = remedy.split_whitespace().collect();
    let said = run(&remedy).await;
    assert_eq!(said.code, Some(0), "{remedy:?}: {}", said.complaint);
}

#[tokio::test]
async fn a_name_of_two_cities_is_not_guessed() {
    let said = run(&["quote", "--city", "suzhou", "--insurance", "pension"]).await;
    assert_eq!(said.code, Some(1), "{}", said.out);
    assert!(said.complaint.contains("320500"), "{}", said.complaint);
    assert!(said.complaint.contains("341300"), "{}", said.complaint);
}

#[tokio::test]
async fn an_open_city_without_a_standard_of_this_month_is_a_warning_only() {
    let said = run(&["cities", "check"]).await;
    assert_eq!(said.code, Some(0), "{}", said.complaint);
    // 南京 has none that reaches so far; a year in which it has is a year to add to its pack.
    let warned = said.out.lines().any(|line| line.starts_with("warning: 320100 南京: no standard"));
    assert!(warned, "{}", said.out);
    assert!(said.out.trim_end().ends_with("0 findings"), "{}", said.out);
}

#[tokio::test]
async fn the_built_in_packs_are_sound_and_a_broken_one_is_found() {
    let said = run(&["cities", "check"]).await;
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.complaint);

    let folder = TempDir::new().expect("a folder");
    let cities = concat!(env!("CARGO_MANIFEST_DIR"), "/cities");
    crate::town::copy_folder(cities.as_ref(), folder.path());
    let dir = folder.path().to_str().expect("UTF-8");
    let said = run(&["cities", "check", "--dir", dir]).await;
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.complaint);

    let pack = folder.path().join("320200.toml");
    let text = std::fs::read_to_string(&pack).expect("the pack of Wuxi");
    std::fs::write(&pack, format!("surprise = 1\n{text}")).expect("a file");
    let said = run(&["cities", "check", "--dir", dir]).await;
    assert_eq!(said.code, Some(1), "{}", said.out);
    assert!(said.out.contains("320200.toml") && said.out.contains("surprise"), "{}", said.out);
}

#[rstest]
#[tokio::test]
async fn tables_go_up_and_down(#[values(Backend::Embedded, Backend::Servers)] backend: Backend) {
    let folder = TempDir::new().expect("a folder");
    let config = Program::written(folder.path(), backend).await;
    let config = config.to_str().expect("UTF-8");
    let migrate = async |more: &[&str]| {
        let said = run(&[&["migrate", "--config", config], more].concat()).await;
        assert_eq!(said.code, Some(0), "{}", said.complaint);
        said.out
    };
    let pending = migrate(&["--status"]).await;
    assert!(pending.starts_with("pending: ") && pending.contains("orders"), "{pending}");
    assert_eq!(migrate(&[]).await, "the tables are up to date\n");
    assert_eq!(migrate(&["--status"]).await, "the tables are up to date\n");
    let (all, but_one) = (pending.split(", ").count(), pending.split(", ").count() - 1);
    let pending = migrate(&["--down", &but_one.to_string()]).await;
    assert!(pending.contains("orders") && !pending.contains("people"), "{pending}");
    assert_eq!(migrate(&[]).await, "the tables are up to date\n");
    migrate(&["--down", &all.to_string()]).await;
    assert!(migrate(&["--status"]).await.contains("people"));
}

#[rstest]
#[case::in_a_section("[server]\n", "[server]\nsurprising_key = 1\n")]
#[case::a_section("[server]\n", "[surprising_key]\n[server]\n")]
#[tokio::test]
async fn an_unknown_key_is_an_error_that_names_it(#[case] from: &str, #[case] to: &str) {
    let folder = TempDir::new().expect("a folder");
    let config = Program::written(folder.path(), Backend::Embedded).await;
    let text = std::fs::read_to_string(&config).expect("the configuration");
    std::fs::write(&config, crate::town::replaced(&text, from, to)).expect("a file");
    let config = config.to_str().expect("UTF-8");
    for arguments in [["serve", "--config", config], ["migrate", "--config", config]] {
        let said = run(&arguments).await;
        assert_eq!(said.code, Some(1));
        assert!(said.complaint.contains("surprising_key"), "{}", said.complaint);
    }
}

#[tokio::test]
async fn a_sub_merchants_app_without_the_sub_merchant_is_named() {
    let folder = TempDir::new().expect("a folder");
    let config = Program::written(folder.path(), Backend::Embedded).await;
    let text = std::fs::read_to_string(&config).expect("the configuration");
    let text = crate::town::replaced(&text, "[[wechat]]", "[[wechat]]\nsub_app_id = \"wxsub\"");
    std::fs::write(&config, text).expect("a file");
    let said = run(&["serve", "--config", config.to_str().expect("UTF-8")]).await;
    assert_eq!(said.code, Some(1));
    assert!(said.complaint.contains("wechat wuxi-wechat: sub_app_id"), "{}", said.complaint);
}
