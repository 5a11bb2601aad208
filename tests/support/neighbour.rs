//! A second pair of merchant accounts that the same service collects for, with keys of their own:
//! what is genuine for one must not act for the other.

use std::path::Path;

use serde_json::Value;

use super::{Backend, Town, copy_folder, kept_keys};

/// Our names for the neighbour's accounts.
const ACCOUNTS: [&str; 2] = ["neighbour-wechat", "neighbour-alipay"];

/// What the neighbour's contract with the platforms consists of. No key opens anything of ours.
pub struct Neighbour {
    pub mchid: String,
    pub wechat_app_id: String,
    pub apiv3_key: String,
    /// WeChat's certificate key for the neighbour.
    pub platform_key: String,
    pub platform_serial: String,
    pub seller_id: String,
    pub alipay_app_id: String,
    /// Alipay's key for the neighbour's application.
    pub alipay_key: String,
    /// A key that nobody's messages are verified with.
    pub stranger_key: String,
}

impl Neighbour {
    fn read(folder: &Path) -> Neighbour {
        let text = |path: &str| std::fs::read_to_string(folder.join(path)).expect("a file");
        let index: Value = serde_json::from_str(&text("mock.json")).expect("an index");
        let name = |platform: &str, member: &str| {
            index[platform][member].as_str().expect("a member of the index").to_owned()
        };
        Neighbour {
            mchid: name("wechat", "mchid"),
            wechat_app_id: name("wechat", "app_id"),
            apiv3_key: name("wechat", "apiv3_key"),
            platform_key: text(&name("wechat", "platform_key")),
            platform_serial: name("wechat", "platform_serial"),
            seller_id: name("alipay", "seller_id"),
            alipay_app_id: name("alipay", "app_id"),
            alipay_key: text(&name("alipay", "alipay_private_key")),
            stranger_key: text(&name("wechat", "merchant_key")),
        }
    }
}

impl Town {
    /// A town whose service also collects for the neighbour.
    pub async fn beside_a_neighbour(backend: Backend) -> (Town, Neighbour) {
        let kept = kept_keys("neighbour-keys-3").await;
        let neighbour = Neighbour::read(&kept);
        let town = Town::with(backend, |config| {
            copy_folder(&kept, &config.with_file_name("neighbour"));
            let text = std::fs::read_to_string(config).expect("the configuration");
            let added = accounts(&text, &neighbour, &kept);
            std::fs::write(config, text + &added).expect("the configuration can be written");
        });
        let mut town = town.await;
        town.several_apps = true;
        (town, neighbour)
    }
}

/// The neighbour's accounts as sections of the configuration, at the same mocks.
fn accounts(config: &str, neighbour: &Neighbour, kept: &Path) -> String {
    let config: toml::Table = config.parse().expect("a configuration");
    let index = std::fs::read_to_string(kept.join("mock.json")).expect("mock.json");
    let index: Value = serde_json::from_str(&index).expect("an index");
    let ours = |section: &str, member: &str| {
        config[section][0][member].as_str().expect("a member of the configuration").to_owned()
    };
    let serial = index["wechat"]["merchant_serial"].as_str().expect("a serial");
    let [wechat, alipay] = ACCOUNTS;
    format!(
        r#"
[[wechat]]
key = "{wechat}"
base_url = "{base_url}"
mini_program_url = "{base_url}"
app_id = "{wechat_app}"
app_secret_file = "neighbour/wechat/app_secret.txt"
mchid = "{mchid}"
merchant_serial = "{serial}"
merchant_key_file = "neighbour/wechat/merchant_key.pem"
apiv3_key_file = "neighbour/wechat/apiv3_key.txt"
platform_certificate_files = ["neighbour/wechat/platform_cert.pem"]

[[alipay]]
key = "{alipay}"
gateway = "{gateway}"
app_id = "{alipay_app}"
seller_id = "{seller_id}"
app_private_key_file = "neighbour/alipay/app_private_key.pem"
alipay_public_key_files = ["neighbour/alipay/alipay_public_key.pem"]
"#,
        base_url = ours("wechat", "base_url"),
        gateway = ours("alipay", "gateway"),
        wechat_app = neighbour.wechat_app_id,
        mchid = neighbour.mchid,
        alipay_app = neighbour.alipay_app_id,
        seller_id = neighbour.seller_id,
    )
}
