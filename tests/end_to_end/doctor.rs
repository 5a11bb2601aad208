//! `doctor` names what is wrong with keys and certificates.

use rstest::rstest;
use serde_json::json;
use tempfile::TempDir;

use crate::town::{Backend, Program, client, command, lend_keys, program::mocks_started};

async fn examined(
    folder: &std::path::Path,
    spoil: impl FnOnce(&std::path::Path),
) -> (bool, String) {
    let config = Program::written(folder, Backend::Embedded).await;
    spoil(&config);
    let ended = command(&["doctor", "--config", config.to_str().expect("UTF-8")]).await;
    let text = String::from_utf8(ended.stdout).expect("UTF-8");
    (ended.status.success(), text)
}

#[tokio::test]
async fn a_sound_installation_is_well() {
    let folder = TempDir::new().expect("a folder");
    let (well, told) = examined(folder.path(), |_| ()).await;
    assert!(well, "{told}");
    assert!(told.ends_with("all is well\n"), "{told}");
}

/// Each is a file in the place of another, or a setting that does not belong to its file.
#[rstest]
#[case::certificate_for_key(
    "wechat/merchant_key.pem",
    "wechat/merchant_cert.pem",
    "broken     merchant private key: this is a certificate"
)]
#[case::public_key_for_private(
    "wechat/merchant_key.pem",
    "wechat/public_key.pem",
    "broken     merchant private key: this is a public key"
)]
#[case::key_for_certificate(
    "wechat/platform_cert.pem",
    "wechat/merchant_key.pem",
    "broken     platform certificate 1: this is a private key"
)]
#[case::merchants_own_certificate(
    "wechat/platform_cert.pem",
    "wechat/merchant_cert.pem",
    "broken     platform certificate 1: this is the merchant's own key"
)]
#[case::certificate_for_public_key(
    "wechat/public_key.pem",
    "wechat/platform_cert.pem",
    "broken     WeChat Pay public key: this is a certificate"
)]
#[case::pem_for_apiv3_key(
    "wechat/apiv3_key.txt",
    "wechat/public_key.pem",
    "broken     APIv3 key: must have 32 bytes"
)]
#[case::app_secret_for_apiv3_key(
    "wechat/apiv3_key.txt",
    "wechat/app_secret.txt",
    "broken     apiv3_key_file: is the same text as app_secret_file"
)]
#[case::missing("wechat/apiv3_key.txt", "wechat/nothing.txt", "broken     apiv3_key_file: ")]
#[case::applications_own_key(
    "alipay/alipay_public_key.pem",
    "alipay/app_public_key.pem",
    "broken     Alipay public key 1: this is the application's own public key"
)]
#[case::certificate_for_alipays_key(
    "alipay/alipay_public_key.pem",
    "alipay/alipay_cert.crt",
    "broken     Alipay public key 1: this is a certificate"
)]
#[case::alipays_key_for_ours(
    "alipay/app_private_key.pem",
    "alipay/alipay_public_key.pem",
    "broken     application private key: this is a public key"
)]
#[case::aes_key(
    "alipay/aes_key.txt",
    "wechat/app_secret.txt",
    "broken     content key: must be 16 bytes"
)]
#[case::field_key("keys/field.key", "wechat/app_secret.txt", "broken     ")]
#[tokio::test]
async fn a_swapped_file_is_named(#[case] right: &str, #[case] wrong: &str, #[case] sentence: &str) {
    let folder = TempDir::new().expect("a folder");
    let (well, told) = examined(folder.path(), |config| {
        let text = std::fs::read_to_string(config).expect("the configuration");
        assert!(text.contains(right), "{right}");
        std::fs::write(config, text.replace(right, wrong)).expect("a configuration");
    })
    .await;
    assert!(!well, "{told}");
    assert!(told.contains(sentence), "{told}");
}

#[rstest]
#[case::fits("merchant_cert.pem", None)]
#[case::of_another_key(
    "platform_cert.pem",
    Some("merchant certificate: is not of the merchant's private key")
)]
#[tokio::test]
async fn the_merchants_certificate_is_compared_with_its_key(
    #[case] file: &str,
    #[case] sentence: Option<&str>,
) {
    let folder = TempDir::new().expect("a folder");
    let (well, told) = examined(folder.path(), |config| {
        let text = std::fs::read_to_string(config).expect("the configuration");
        let text = text.replace("wechat/merchant_cert.pem", &format!("wechat/{file}"));
        std::fs::write(config, text).expect("a configuration");
    })
    .await;
    assert_eq!(well, sentence.is_none(), "{told}");
    assert!(told.contains(sentence.unwrap_or("all is well")), "{told}");
}

#[tokio::test]
async fn another_serial_than_the_certificates_is_named() {
    let folder = TempDir::new().expect("a folder");
    let (_, told) = examined(folder.path(), |config| {
        let text = std::fs::read_to_string(config).expect("the configuration");
        let more = "\nmerchant_serial = \"ABCDEF0123456789\"";
        let serial =
            text.lines().find(|line| line.starts_with("merchant_serial")).expect("a serial");
        std::fs::write(config, text.replace(&format!("\n{serial}"), more))
            .expect("a configuration");
    })
    .await;
    assert!(
        told.contains("merchant certificate: has another serial than merchant_serial says"),
        "{told}"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_that_others_can_read_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().expect("a folder");
    let (well, told) = examined(folder.path(), |config| {
        let key = config.with_file_name("wechat").join("merchant_key.pem");
        std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o644)).expect("a file");
    })
    .await;
    assert!(well, "{told}");
    assert!(
        told.contains(
            "attention  merchant_key_file: wechat/merchant_key.pem can be read by others"
        ),
        "{told}"
    );
}

/// What no file tells: whether the platforms believe it.
#[tokio::test]
async fn the_platforms_are_asked() {
    let folder = TempDir::new().expect("a folder");
    let program = Program::start(folder.path(), Backend::Embedded).await;
    let config = program.config.to_str().expect("UTF-8").to_owned();
    let asked = async || {
        let ended = command(&["doctor", "--online", "--config", &config]).await;
        String::from_utf8(ended.stdout).expect("UTF-8")
    };
    let told = asked().await;
    assert!(told.ends_with("all is well\n"), "{told}");
    // Keys of their own form, and of nobody.
    let text = std::fs::read_to_string(&config).expect("the configuration");
    let strange = text
        .replace("wechat/apiv3_key.txt", "strange.txt")
        .replace("wechat/app_secret.txt", "strange_too.txt")
        .replace("alipay/app_private_key.pem", "wechat/merchant_key.pem");
    std::fs::write(program.folder.join("strange.txt"), "0123456789abcdef0123456789abcdef")
        .expect("a file");
    std::fs::write(program.folder.join("strange_too.txt"), "fedcba9876543210fedcba9876543210")
        .expect("a file");
    std::fs::write(&config, strange).expect("a configuration");
    let told = asked().await;
    assert!(told.contains("broken     app_id and app_secret_file: "), "{told}");
    let sentence = "broken     apiv3_key_file: does not open what WeChat encrypts";
    assert!(told.contains(sentence), "{told}");
    let alipay = told.split("alipay wuxi-alipay: ").nth(1).expect("a part");
    assert!(alipay.starts_with("look here\n  broken     the platform: "), "{told}");
    program.close().await;
}

#[rstest]
#[case::public_key_only(
    "/settings", json!({"wechat_certificates": false}), true,
    "attention  apiv3_key_file: cannot be proven from here"
)]
#[case::another_apiv3_key(
    "/wechat/apiv3-key", json!({}), false,
    "broken     apiv3_key_file: does not open what WeChat encrypts"
)]
#[case::ended_certificate(
    "/wechat/merchant-certificates/void", json!({}), false,
    "broken     merchant_key_file, merchant_serial or the clock: WeChat does not believe our signature"
)]
#[case::clock_that_worries("/clock/skew", json!({"seconds": 90}), true, "attention  clock: this machine's clock is ")]
#[case::clock_that_stops_everything("/clock/skew", json!({"seconds": -400}), false, "broken     clock: this machine's clock is ")]
#[case::unverifiable_answers(
    "/faults", json!({"target": "wechat.echo", "fault": "wrong_signature", "times": 2}), false,
    "broken     public_key_file or platform_certificate_files: WeChat's own signature does not verify"
)]
#[case::one_probe("/faults", json!({"target": "wechat.echo", "fault": "probe"}), true, "well\n")]
#[tokio::test]
async fn trouble_with_wechat_is_named_by_the_setting_that_mends_it(
    #[case] path: &str,
    #[case] body: serde_json::Value,
    #[case] well: bool,
    #[case] sentence: &str,
) {
    let folder = TempDir::new().expect("a folder");
    lend_keys(folder.path()).await;
    let (mut mock, control) = mocks_started(folder.path(), "127.0.0.1:1").await;
    // The mocks change their own folder too; the doctor reads what was there before.
    let key = folder.path().join("wechat/apiv3_key.txt");
    let before = std::fs::read_to_string(&key).expect("a key");
    let asked = client().post(format!("{control}{path}")).json(&body).send().await;
    assert!(asked.expect("the mock answers").status().is_success(), "{path}");
    std::fs::write(&key, before).expect("a key");
    let config = folder.path().join("city-services.toml");
    let ended = command(&["doctor", "--online", "--config", config.to_str().expect("UTF-8")]).await;
    mock.kill().await.expect("the mocks can be killed");
    let is_well = ended.status.success();
    let told = String::from_utf8(ended.stdout).expect("UTF-8");
    let told = told.split("wechat wuxi-wechat: ").nth(1).expect("a part");
    assert!(told.contains(sentence), "{told}");
    assert_eq!(is_well, well, "{told}");
    let clock = told.matches("this machine's clock is ").count();
    assert!(clock <= 1 && !(clock == 1 && told.contains("merchant_key_file")), "one cause: {told}");
}
