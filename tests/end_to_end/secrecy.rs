//! Secrets never reach a log or an error, however much is logged.

use std::{collections::BTreeMap, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::Channel;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    payer::Payer,
    town::{Backend, Program, command, eventually},
};

/// What must not be seen, by what it is. A key shows itself by any of its lines.
fn secrets_in(folder: &Path) -> BTreeMap<String, String> {
    let mut secrets = BTreeMap::new();
    for room in ["wechat", "alipay", "agency", "keys"] {
        for entry in std::fs::read_dir(folder.join(room)).expect("a folder") {
            let path = entry.expect("an entry").path();
            let text = std::fs::read_to_string(&path).expect("a text");
            let public = ["CERTIFICATE", "PUBLIC KEY"].iter().any(|word| text.contains(word));
            for (index, line) in text.lines().enumerate() {
                if !public && line.len() >= 16 && !line.starts_with("-----") {
                    secrets
                        .insert(format!("{} line {}", path.display(), index + 1), line.to_owned());
                    if let Ok(bytes) = STANDARD.decode(line) {
                        let name = format!("{} line {} in base 16", path.display(), index + 1);
                        secrets.insert(name, hex::encode(bytes));
                    }
                }
            }
        }
    }
    assert!(secrets.len() > 50, "the keys were found: {}", secrets.len());
    secrets
}

fn none_is_in(secrets: &BTreeMap<String, String>, place: &str, text: &str) {
    let lower = text.to_lowercase();
    for (name, secret) in secrets {
        assert!(!lower.contains(&secret.to_lowercase()), "{name} stands in {place}");
    }
}

#[tokio::test]
async fn no_log_holds_a_secret_or_a_person() {
    let folder = TempDir::new().expect("a folder");
    let everything = [("RUST_LOG", "trace")];
    let program = Program::start_with(folder.path(), Backend::Servers, &everything, |_| ()).await;
    let mut secrets = secrets_in(folder.path());
    for channel in [Channel::Wechat, Channel::Alipay] {
        let user = format!("user of {channel}");
        let wish = json!({ "platform": channel, "user": user });
        let minted = program.control("/login-codes", Some(wish)).await;
        let mut payer = Payer::log_in(&program, channel).await;
        payer.month = if channel == Channel::Wechat { "2023-01" } else { "2023-02" };
        secrets.insert(format!("{channel}: token"), payer.token.clone());
        secrets.insert(
            format!("{channel}: login code"),
            minted["code"].as_str().expect("a code").to_owned(),
        );
        let (order_no, out_trade_no) = payer.begins().await;
        payer.pays_number(&out_trade_no).await;
        payer.is_heard(&out_trade_no).await;
        if channel == Channel::Wechat {
            payer.becomes_posted(&order_no).await;
        }
        let trades = program.control(&format!("/trades?out_trade_no={out_trade_no}"), None).await;
        let payer_id = trades["trades"][0]["payer"].as_str();
        secrets.extend(payer_id.map(|id| (format!("{channel}: the payer's id"), id.to_owned())));
        // One that fits nothing is read no less.
        let forged = json!({ "platform": channel, "out_trade_no": out_trade_no, "amount_fen": 1 });
        program.control("/notifications", Some(forged)).await;
    }
    program.told_to_renew().await;
    secrets.insert("the name".to_owned(), "张三".to_owned());
    secrets.insert("the document".to_owned(), "320213190001010006".to_owned());
    eventually("the last lines", async || program.log().contains("renewed").then_some(())).await;
    let log = program.log();
    assert!(log.contains("\"TRACE\""), "everything is logged");
    none_is_in(&secrets, "the log", &log);
    program.close().await;
}

/// Every file in the place of every other: whatever is said about it, its content is not.
#[tokio::test]
async fn no_complaint_about_a_file_quotes_it() {
    let folder = TempDir::new().expect("a folder");
    let config = Program::written(folder.path(), Backend::Embedded).await;
    let secrets = secrets_in(folder.path());
    let text = std::fs::read_to_string(&config).expect("the configuration");
    let files = [
        "wechat/app_secret.txt",
        "wechat/merchant_key.pem",
        "wechat/apiv3_key.txt",
        "wechat/platform_cert.pem",
        "wechat/public_key.pem",
        "alipay/app_private_key.pem",
        "alipay/alipay_public_key.pem",
        "alipay/aes_key.txt",
        "agency/secret.txt",
        "keys/field.key",
        "keys/lookup.key",
    ];
    for shift in 1..files.len() {
        let mut swapped = text.clone();
        for (index, file) in files.iter().enumerate() {
            assert!(text.contains(file), "{file}");
            swapped = swapped.replace(&format!("\"{file}\""), &format!("\"<{index}>\""));
        }
        for index in 0..files.len() {
            let other = files[(index + shift) % files.len()];
            swapped = swapped.replace(&format!("\"<{index}>\""), &format!("\"{other}\""));
        }
        std::fs::write(&config, swapped).expect("a configuration");
        let path = config.to_str().expect("UTF-8");
        for command_name in ["doctor", "serve"] {
            let ended = command(&[command_name, "--config", path]).await;
            assert!(!ended.status.success(), "{command_name} with files shifted by {shift}");
            let told = [ended.stdout, ended.stderr].concat();
            none_is_in(&secrets, command_name, &String::from_utf8_lossy(&told));
        }
    }
}
