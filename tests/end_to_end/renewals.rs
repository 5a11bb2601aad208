//! Keys, certificates and accounts that change while the service runs (SIGHUP).

use std::sync::Arc;

use city_services::Parts;
use kernel::{Channel, SystemClock, SystemEntropy};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    payer::Payer,
    town::{Backend, Program, eventually},
};

/// Leaves the lines out that begin with one of these.
fn without(text: &str, beginnings: &[&str]) -> String {
    let kept = text.lines().filter(|line| !beginnings.iter().any(|start| line.starts_with(start)));
    kept.map(|line| format!("{line}\n")).collect()
}

/// A notification that was refused once, and is told again when `renewed` the service.
async fn is_believed_after_renewal(
    program: &Program,
    payer: &Payer<'_>,
    out_trade_no: &str,
    renewed: impl FnOnce(String) -> String,
) {
    let refused = eventually("a refusal", async || {
        let delivery = payer.delivery(out_trade_no).await;
        (!delivery["attempts"].as_array()?.is_empty()).then_some(delivery)
    })
    .await;
    assert_ne!(refused["state"], "delivered", "{refused}");
    program.reconfigure(renewed);
    let told = program.told_to_renew().await;
    assert_eq!((&told["level"], &told["changed"]), (&json!("INFO"), &json!(1)), "{told}");
    let again = format!("/deliveries/{}/resend", refused["id"].as_str().expect("an id"));
    program.control(&again, Some(json!({}))).await;
    payer.is_heard(out_trade_no).await;
}

#[tokio::test]
async fn a_wechat_merchant_moves_to_the_public_key_without_a_restart() {
    let folder = TempDir::new().expect("a folder");
    let certificates_only = |config: &std::path::Path| {
        let text = std::fs::read_to_string(config).expect("the configuration");
        std::fs::write(config, without(&text, &["public_key_"])).expect("a configuration");
    };
    let whole = |text: String, before: &str| {
        let (id, file) = (line_of(before, "public_key_id"), line_of(before, "public_key_file"));
        text.replace(
            "\nplatform_certificate_files",
            &format!("\n{id}\n{file}\nplatform_certificate_files"),
        )
    };
    let mut written = String::new();
    let program = Program::start_with(folder.path(), Backend::Embedded, &[], |config| {
        written = std::fs::read_to_string(config).expect("the configuration");
        certificates_only(config);
    })
    .await;
    let payer = Payer::log_in(&program, Channel::Wechat).await;
    let (order_no, out_trade_no) = payer.begins().await;
    program.control("/settings", Some(json!({ "wechat_signer": "public_key" }))).await;
    payer.pays_number(&out_trade_no).await;
    is_believed_after_renewal(&program, &payer, &out_trade_no, |text| whole(text, &written)).await;
    payer.becomes_posted(&order_no).await;
    program.close().await;
}

/// The mocks write the new key, certificate and serial into the folder that the service reads.
#[tokio::test]
async fn a_wechat_merchants_new_certificate_is_taken_in_without_a_restart() {
    let folder = TempDir::new().expect("a folder");
    let program = Program::start(folder.path(), Backend::Embedded).await;
    let rotation = json!({ "old_valid_seconds": 0 });
    let fresh = program.control("/wechat/merchant-certificates/rotate", Some(rotation)).await;
    let serial = fresh["serial"].as_str().expect("a serial");
    let text = std::fs::read_to_string(&program.config).expect("the configuration");
    assert_eq!(line_of(&text, "merchant_serial"), format!("merchant_serial = \"{serial}\""));
    program.control("/wechat/apiv3-key", Some(json!({}))).await;
    let told = program.told_to_renew().await;
    assert_eq!((&told["level"], &told["changed"]), (&json!("INFO"), &json!(1)), "{told}");
    let payer = Payer::log_in(&program, Channel::Wechat).await;
    let order_no = payer.pays().await;
    payer.becomes_posted(&order_no).await;
    program.close().await;
}

#[tokio::test]
async fn a_further_wechat_merchant_collects_without_a_restart() {
    let folder = TempDir::new().expect("a folder");
    let program = Program::start(folder.path(), Backend::Embedded).await;
    let fresh = program.control("/wechat/merchants", Some(json!({}))).await;
    let mchid = fresh["mchid"].as_str().expect("a number");
    let account = format!("wechat-{mchid}");
    program.reconfigure(|text| {
        assert!(text.contains(&format!("key = \"{account}\"")), "the mocks wrote it down");
        text.replace("\nwechat = \"wuxi-wechat\"", &format!("\nwechat = \"{account}\""))
    });
    let told = program.told_to_renew().await;
    assert_eq!((&told["level"], &told["changed"]), (&json!("INFO"), &json!(1)), "{told}");
    let payer = Payer::log_in(&program, Channel::Wechat).await;
    let order_no = payer.pays().await;
    payer.becomes_posted(&order_no).await;
    let trades = program.control("/trades?platform=wechat", None).await;
    assert_eq!(trades["trades"][0]["merchant_id"], mchid, "{trades}");
    assert!(trades["trades"][0]["notify_url"].as_str().expect("a URL").contains(&account));
    program.close().await;
}

#[tokio::test]
async fn alipay_changes_its_key_without_a_restart() {
    let folder = TempDir::new().expect("a folder");
    let program = Program::start(folder.path(), Backend::Embedded).await;
    let payer = Payer::log_in(&program, Channel::Alipay).await;
    let (order_no, out_trade_no) = payer.begins().await;
    program.control("/settings", Some(json!({ "alipay_signer": "next" }))).await;
    payer.pays_number(&out_trade_no).await;
    is_believed_after_renewal(&program, &payer, &out_trade_no, |text| {
        let old = "[\"alipay/alipay_public_key.pem\"]";
        assert!(text.contains(old));
        text.replace(
            old,
            "[\"alipay/alipay_public_key.pem\", \"alipay/alipay_next_public_key.pem\"]",
        )
    })
    .await;
    payer.becomes_posted(&order_no).await;
    program.close().await;
}

#[tokio::test]
async fn alipay_moves_to_certificate_mode_without_a_restart() {
    let folder = TempDir::new().expect("a folder");
    let program = Program::start(folder.path(), Backend::Embedded).await;
    program.reconfigure(|text| {
        without(
            &text.replace("\n# alipay_", "\nalipay_").replace("\n# app_", "\napp_"),
            &["alipay_public_key_files"],
        )
    });
    let told = program.told_to_renew().await;
    assert_eq!(told["changed"], 1, "{told}");
    program.control("/settings", Some(json!({ "alipay_key_mode": "certificate" }))).await;
    let payer = Payer::log_in(&program, Channel::Alipay).await;
    let order_no = payer.pays().await;
    payer.becomes_posted(&order_no).await;
    program.close().await;
}

#[tokio::test]
async fn what_cannot_be_used_changes_nothing() {
    let folder = TempDir::new().expect("a folder");
    let program = Program::start(folder.path(), Backend::Embedded).await;
    let written = std::fs::read_to_string(&program.config).expect("the configuration");
    let swapped = written.replace("wechat/merchant_key.pem", "wechat/merchant_cert.pem");
    let gone = without(&written, &["wechat = "])
        .replace("[[wechat]]\nkey = \"wuxi-wechat\"", "[[wechat]]\nkey = \"other\"");
    let other = written.replacen("mchid = \"1", "mchid = \"2", 1);
    for (text, sentence) in [
        (swapped, "this is a certificate"),
        (gone, "the merchant account wuxi-wechat is gone"),
        (other, "another merchant"),
        ("server = 1".to_owned(), "server"),
    ] {
        assert_ne!(text, written, "{sentence}");
        program.reconfigure(|_| text);
        let told = program.told_to_renew().await;
        assert_eq!(
            (&told["level"], &told["message"]),
            (&json!("ERROR"), &json!("the accounts stay as they were"))
        );
        let error = told["error"].as_str().expect("a sentence");
        assert!(error.contains(sentence), "{error}");
    }
    let payer = Payer::log_in(&program, Channel::Wechat).await;
    let order_no = payer.pays().await;
    payer.becomes_posted(&order_no).await;
    program.reconfigure(|_| written);
    assert_eq!(program.told_to_renew().await["changed"], 0);
    program.close().await;
}

/// The line of a configuration that sets `name` first.
fn line_of<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find(|line| line.starts_with(name)).expect("a line")
}

/// Keys are looked after when they are used: a merchant costs memory, and no task.
#[tokio::test]
async fn fifteen_hundred_merchants_need_no_task_of_their_own() {
    const MERCHANTS: usize = 1_500;
    let folder = TempDir::new().expect("a folder");
    let path = Program::written(folder.path(), Backend::Embedded).await;
    let text = std::fs::read_to_string(&path).expect("the configuration");
    let start = text.find("[[wechat]]").expect("a WeChat account");
    let end = text.find("[[agency]]").expect("an agency");
    let both = &text[start..end];
    let more: String = (1..MERCHANTS / 2)
        .map(|number| {
            both.replace("\"wuxi-wechat\"", &format!("\"wechat-{number}\""))
                .replace("\"wuxi-alipay\"", &format!("\"alipay-{number}\""))
        })
        .collect();
    std::fs::write(&path, format!("{text}\n{more}")).expect("a configuration");
    let config = city_services::Config::load(&path).expect("a configuration");
    let (clock, entropy) = (Arc::new(SystemClock::default()), Arc::new(SystemEntropy::default()));
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let service = Parts::build(&config, clock, entropy).await.expect("the service");
    // The database and its pulse have a few.
    assert!(tasks() - before < 10, "{} tasks", tasks() - before);
    let last = format!("wechat-{}", MERCHANTS / 2 - 1).parse().expect("a key");
    assert!(service.orders.directory().channel(&last).is_some());
}
