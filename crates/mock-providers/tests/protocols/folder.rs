//! The folder for strangers: complete, fitting, and stable over restarts.

use std::{fs, path::Path, sync::Arc};

use kernel::{SystemClock, SystemEntropy};
use mock_providers::{FolderError, Providers, ProvidersError, ProvidersOptions};
use serde_json::Value;

use crate::bench::{install_tls, sign, verifies};

async fn start(folder: Option<&Path>) -> Result<Providers, ProvidersError> {
    install_tls();
    let options =
        ProvidersOptions { folder: folder.map(Path::to_owned), ..ProvidersOptions::default() };
    let entropy = Arc::new(SystemEntropy::default());
    Providers::start(options, Arc::new(SystemClock::default()), entropy).await
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

#[tokio::test]
async fn everything_named_is_there_and_fits() {
    let folder = tempfile::tempdir().unwrap();
    let mocks = start(None).await.unwrap();
    let written = mocks.write_folder(folder.path()).unwrap();
    let index: Value = serde_json::from_str(&read(folder.path(), "mock.json")).unwrap();
    let file = |group: &str, name: &str| {
        read(folder.path(), index[group][name].as_str().unwrap()).trim_end().to_owned()
    };
    for (group, private, public) in [
        ("wechat", "merchant_key", "merchant_cert"),
        ("wechat", "platform_key", "platform_cert"),
        ("wechat", "public_key_private", "public_key"),
        ("alipay", "app_private_key", "app_public_key"),
        ("alipay", "alipay_private_key", "alipay_public_key"),
    ] {
        let signature = sign(&file(group, private), b"text");
        assert!(verifies(&file(group, public), b"text", &signature), "{private}");
    }
    let config: toml::Table = read(folder.path(), "city-services.toml").parse().unwrap();
    assert_eq!(written.config, folder.path().join("city-services.toml"));
    let wechat = &config["wechat"][0];
    assert_eq!(wechat["mchid"].as_str(), index["wechat"]["mchid"].as_str());
    assert_eq!(config["city"][0]["code"].as_str(), Some("320200"));
    assert_eq!(config["agency"][0]["codes"][1].as_str(), Some("320200-med"));
    assert_eq!(config["server"]["listen"].as_str(), Some("127.0.0.1:8080"));
    for (section, name) in [
        ("wechat", "app_secret_file"),
        ("wechat", "apiv3_key_file"),
        ("wechat", "merchant_key_file"),
        ("wechat", "public_key_file"),
        ("alipay", "app_private_key_file"),
        ("agency", "secret_file"),
    ] {
        assert!(!read(folder.path(), config[section][0][name].as_str().unwrap()).is_empty());
    }
    for name in ["field_key_file", "lookup_key_file"] {
        assert!(!read(folder.path(), config["secrets"][name].as_str().unwrap()).is_empty());
    }
    mocks.shutdown().await;
}

#[cfg(unix)]
#[tokio::test]
async fn private_keys_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mocks = start(None).await.unwrap();
    mocks.write_folder(folder.path()).unwrap();
    for name in ["wechat/merchant_key.pem", "alipay/app_private_key.pem", "keys/field.key"] {
        let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_second_start_uses_the_same_keys_ports_and_users() {
    let folder = tempfile::tempdir().unwrap();
    let first = start(None).await.unwrap();
    first.write_folder(folder.path()).unwrap();
    let before = (read(folder.path(), "mock.json"), read(folder.path(), "keys/field.key"));
    let openid = first.mint_login_code(kernel::Channel::Wechat, "小明").openid;
    first.shutdown().await;
    let second = start(Some(folder.path())).await.unwrap();
    let written = second.write_folder(folder.path()).unwrap();
    assert_eq!(written.previous_config, None);
    let after = (read(folder.path(), "mock.json"), read(folder.path(), "keys/field.key"));
    assert_eq!(before, after);
    assert_eq!(second.mint_login_code(kernel::Channel::Wechat, "小明").openid, openid);
    let third = start(Some(folder.path())).await;
    assert!(matches!(third, Err(ProvidersError::Bind { .. })), "the ports are taken");
}

#[tokio::test]
async fn an_edited_configuration_is_kept_beside_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let mocks = start(None).await.unwrap();
    mocks.write_folder(folder.path()).unwrap();
    fs::write(folder.path().join("city-services.toml"), "edited").unwrap();
    let written = mocks.write_folder(folder.path()).unwrap();
    assert_eq!(fs::read_to_string(written.previous_config.unwrap()).unwrap(), "edited");
}

#[tokio::test]
async fn the_folder_of_another_mock_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    start(None).await.unwrap().write_folder(folder.path()).unwrap();
    let refused = start(None).await.unwrap().write_folder(folder.path());
    assert!(matches!(refused, Err(FolderError::OtherKeys(_))));
}

#[tokio::test]
async fn a_folder_of_before_the_backup_host_is_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let first = start(None).await.unwrap();
    first.write_folder(folder.path()).unwrap();
    let serial = first.facts().wechat.merchant_serial.clone();
    first.shutdown().await;
    let mut index: Value = serde_json::from_str(&read(folder.path(), "mock.json")).unwrap();
    index["wechat"].as_object_mut().unwrap().remove("backup_url");
    fs::write(folder.path().join("mock.json"), index.to_string()).unwrap();
    let second = start(Some(folder.path())).await.unwrap();
    assert_eq!(second.facts().wechat.merchant_serial, serial);
    second.write_folder(folder.path()).unwrap();
    assert!(read(folder.path(), "mock.json").contains("\"backup_url\": \"http://127.0.0.1:"));
}

#[rstest::rstest]
#[case::a_member_is_missing("alipay_next_cert")]
#[case::another_shape("app_cert")]
#[tokio::test]
async fn a_folder_of_another_version_is_refused_in_one_sentence(#[case] gone: &str) {
    let folder = tempfile::tempdir().unwrap();
    start(None).await.unwrap().write_folder(folder.path()).unwrap();
    let mut index: Value = serde_json::from_str(&read(folder.path(), "mock.json")).unwrap();
    index["alipay"].as_object_mut().unwrap().remove(gone);
    fs::write(folder.path().join("mock.json"), index.to_string()).unwrap();
    let refused = start(Some(folder.path())).await.unwrap_err().to_string();
    assert!(refused.contains("another version") && refused.contains("start again"), "{refused}");
    assert!(refused.contains(&*folder.path().to_string_lossy()), "{refused}");
}
