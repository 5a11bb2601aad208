//! `doctor` names what is wrong with keys and certificates.

use rstest::rstest;
use tempfile::TempDir;

use crate::town::{Backend, Program, command};

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
        let more = format!("\nmerchant_certificate_file = \"wechat/{file}\"\nmchid");
        std::fs::write(config, text.replacen("\nmchid", &more, 1)).expect("a configuration");
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
        let more = "\nmerchant_certificate_file = \"wechat/merchant_cert.pem\"\nmerchant_serial = \"ABCDEF0123456789\"";
        let serial = text.lines().find(|line| line.starts_with("merchant_serial")).expect("a serial");
        std::fs::write(config, text.replace(&format!("\n{serial}"), more)).expect("a configuration");
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
    let alipay = told.split("alipay wuxi-alipay: ").nth(1).expect("a part");
    assert!(alipay.starts_with("look here\n  broken     the platform: "), "{told}");
    program.close().await;
}
