//! The folder that makes a stranger's start easy: keys, certificates, `mock.json` for testers and
//! `city-services.toml` for the service, all fitting together.
//!
//! Started again with the same folder, the mock reads its keys and ports back. Private keys are
//! readable by their owner only.

use std::{
    fs, io,
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use kernel::{CityCode, Entropy};
use serde::{Deserialize, Serialize};

use crate::{
    alipay::{AlipayTexts, AppTexts},
    facts::Facts,
    keys::{AgencyKeys, KeyError, KeyTexts, Keys},
};

const INDEX: &str = "mock.json";
const CONFIG: &str = "city-services.toml";

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("{path} cannot be used: {cause}")]
    Io { path: PathBuf, cause: io::Error },
    #[error(
        "{path} was written by another version of the mock ({cause}); remove its folder, or choose another, and start again: the keys in it cannot be used any more"
    )]
    Index { path: PathBuf, cause: String },
    #[error("{0} holds the keys of another mock; start with this folder, or choose another")]
    OtherKeys(PathBuf),
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenFolder {
    /// For `serve --config`.
    pub config: PathBuf,
    /// For testers.
    pub index: PathBuf,
    /// Where an earlier, different configuration went.
    pub previous_config: Option<PathBuf>,
}

/// What the configuration says about the service itself.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub listen: SocketAddr,
    pub cities: Vec<CityCode>,
}

/// Ports of an earlier start; 0 is any.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ports {
    pub wechat: u16,
    pub wechat_backup: u16,
    pub alipay: u16,
    pub agency: u16,
    pub control: u16,
}

/// `mock.json`. Keys and certificates are paths relative to the folder, all else is literal.
#[derive(Serialize, Deserialize)]
struct Index {
    wechat: WechatIndex,
    alipay: AlipayIndex,
    agency: AgencyIndex,
    control_url: String,
}

#[derive(Serialize, Deserialize)]
struct WechatIndex {
    base_url: String,
    /// Absent in folders of before there was a backup host.
    #[serde(default)]
    backup_url: String,
    app_id: String,
    app_secret: String,
    mchid: String,
    apiv3_key: String,
    merchant_serial: String,
    merchant_key: String,
    merchant_cert: String,
    platform_serial: String,
    platform_cert: String,
    platform_key: String,
    public_key_id: String,
    public_key: String,
    public_key_private: String,
}

#[derive(Serialize, Deserialize)]
struct AlipayIndex {
    gateway: String,
    app_id: String,
    seller_id: String,
    app_private_key: String,
    app_public_key: String,
    alipay_private_key: String,
    alipay_public_key: String,
    alipay_next_private_key: String,
    alipay_next_public_key: String,
    app_cert: String,
    alipay_cert: String,
    alipay_root_cert: String,
    alipay_next_cert: String,
    app_cert_sn: String,
    alipay_cert_sn: String,
    alipay_next_cert_sn: String,
    alipay_root_cert_sn: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alipay_renewed_cert: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alipay_renewed_cert_sn: Option<String>,
    aes_key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    second: Option<AlipayAppIndex>,
}

/// Another merchant at the same gateway.
#[derive(Serialize, Deserialize)]
struct AlipayAppIndex {
    app_id: String,
    seller_id: String,
    app_private_key: String,
    app_public_key: String,
    app_cert: String,
    app_cert_sn: String,
    aes_key: String,
}

#[derive(Serialize, Deserialize)]
struct AgencyIndex {
    base_url: String,
    institution: String,
    secret: String,
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.to_owned();
    move |cause| FolderError::Io { path, cause }
}

fn port(url: &str) -> u16 {
    url::Url::parse(url).ok().and_then(|url| url.port()).unwrap_or(0)
}

fn read_index(folder: &Path) -> Result<Option<Index>, FolderError> {
    let path = folder.join(INDEX);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(FolderError::Io { path, cause }),
    };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|cause| FolderError::Index { path, cause: cause.to_string() })
}

/// Keys and ports of an earlier start, `None` when there was none.
pub(crate) fn remembered(folder: &Path) -> Result<Option<(Keys, Ports)>, FolderError> {
    let Some(index) = read_index(folder)? else { return Ok(None) };
    let Index { wechat, alipay, agency, control_url } = index;
    let ports = Ports {
        wechat: port(&wechat.base_url),
        wechat_backup: port(&wechat.backup_url),
        alipay: port(&alipay.gateway),
        agency: port(&agency.base_url),
        control: port(&control_url),
    };
    let file = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).map_err(failed(&path))
    };
    let keys = Keys::read(KeyTexts {
        merchant_key: file(&wechat.merchant_key)?,
        merchant_cert: file(&wechat.merchant_cert)?,
        platform_key: file(&wechat.platform_key)?,
        platform_cert: file(&wechat.platform_cert)?,
        public_key_private: file(&wechat.public_key_private)?,
        app_id: wechat.app_id,
        app_secret: wechat.app_secret,
        mchid: wechat.mchid,
        apiv3_key: wechat.apiv3_key,
        public_key_id: wechat.public_key_id,
        alipay: AlipayTexts {
            first: AppTexts {
                private_key: file(&alipay.app_private_key)?,
                cert: file(&alipay.app_cert)?,
                app_id: alipay.app_id,
                seller_id: alipay.seller_id,
                aes_key: alipay.aes_key,
            },
            second: match alipay.second {
                None => None,
                Some(app) => Some(AppTexts {
                    private_key: file(&app.app_private_key)?,
                    cert: file(&app.app_cert)?,
                    app_id: app.app_id,
                    seller_id: app.seller_id,
                    aes_key: app.aes_key,
                }),
            },
            alipay_renewed_cert: alipay.alipay_renewed_cert.as_deref().map(file).transpose()?,
            alipay_private_key: file(&alipay.alipay_private_key)?,
            alipay_cert: file(&alipay.alipay_cert)?,
            alipay_next_private_key: file(&alipay.alipay_next_private_key)?,
            alipay_next_cert: file(&alipay.alipay_next_cert)?,
            alipay_root_cert: file(&alipay.alipay_root_cert)?,
        },
        agency: AgencyKeys { institution: agency.institution, secret: agency.secret },
    })?;
    Ok(Some((keys, ports)))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Secrecy {
    Secret,
    Public,
}

/// Replaces a file whole: a reader sees the old or the new text, never half of one.
/// The city in whose mock agency missed months and cards can be tried.
const DEMONSTRATED: &str = "320200";
/// Services that no pack opens. The limits are made up.
const DEMONSTRATION: &str = r#"
# Shows two services that the city's pack leaves closed; a real city opens them in its pack, with sources.
[city.pack]
open = ["flex_pension", "flex_medical", "resident_medical", "back_payment", "account_topup"]

[city.pack.back_payment]
insurances = ["pension"]
years_after = 1
until_month = 12
until_day = 31
demonstration = true

[city.pack.topup]
least_fen = 100
most_fen = 200000
most_a_day_fen = 500000
demonstration = true
"#;

/// What a reminder says, word by word, in the places of the demonstrated templates.
const WORDS: [&str; 4] = ["title", "amount", "time", "note"];
const WECHAT_PLACES: [&str; 4] = ["thing1", "amount2", "time3", "thing4"];
const ALIPAY_PLACES: [&str; 4] = ["keyword1", "keyword2", "keyword3", "keyword4"];

/// A template for each kind of reminder. What is due has neither an amount nor a time of its own.
fn templates(platform: &str, places: &[&str; 4]) -> String {
    let template = |kind: &str, with_money: bool| {
        let words = places.iter().zip(WORDS);
        let words = words.filter(|(_, word)| with_money || !["amount", "time"].contains(word));
        let words: Vec<String> =
            words.map(|(place, word)| format!("{place} = \"{word}\"")).collect();
        let words = words.join(", ");
        format!(
            "\n[[{platform}.templates]]\nkind = \"{kind}\"\nid = \"mock-{kind}\"\nwords = {{ {words} }}\n"
        )
    };
    [("window", false), ("posted", true), ("refund", true), ("gap", false)]
        .map(|(kind, with_money)| template(kind, with_money))
        .concat()
}

fn put(folder: &Path, name: &str, text: &str, secrecy: Secrecy) -> Result<(), FolderError> {
    let path = folder.join(name);
    let temporary = folder.join(format!("{name}.new"));
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed(parent))?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(if secrecy == Secrecy::Secret { 0o600 } else { 0o644 });
    }
    let written = options
        .open(&temporary)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&temporary, &path));
    written.map_err(failed(&path))
}

/// A key of the service's own, kept when it is there: data encrypted with it must stay readable.
fn keep_or_make(folder: &Path, name: &str, entropy: &dyn Entropy) -> Result<(), FolderError> {
    let path = folder.join(name);
    if path.try_exists().map_err(failed(&path))? {
        return Ok(());
    }
    let mut key = [0; 32];
    entropy.fill(&mut key);
    put(folder, name, &format!("{}\n", BASE64.encode(key)), Secrecy::Secret)
}

pub(crate) fn write(
    folder: &Path,
    facts: &Facts,
    service: &Service,
    entropy: &dyn Entropy,
) -> Result<WrittenFolder, FolderError> {
    use Secrecy::{Public, Secret};
    if let Some(before) = read_index(folder)?
        && (before.wechat.merchant_serial != facts.wechat.merchant_serial
            || before.alipay.app_id != facts.alipay.app_id)
    {
        return Err(FolderError::OtherKeys(folder.to_owned()));
    }
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let (wechat, alipay, agency) = (&facts.wechat, &facts.alipay, &facts.agency);
    let mut files = vec![
        ("wechat/app_secret.txt", &wechat.app_secret, Secret),
        ("wechat/apiv3_key.txt", &wechat.apiv3_key, Secret),
        ("wechat/merchant_key.pem", &wechat.merchant_key, Secret),
        ("wechat/merchant_cert.pem", &wechat.merchant_cert, Public),
        ("wechat/platform_key.pem", &wechat.platform_key, Secret),
        ("wechat/platform_cert.pem", &wechat.platform_cert, Public),
        ("wechat/public_key_private.pem", &wechat.public_key_private, Secret),
        ("wechat/public_key.pem", &wechat.public_key, Public),
        ("alipay/app_private_key.pem", &alipay.app_private_key, Secret),
        ("alipay/app_public_key.pem", &alipay.app_public_key, Public),
        ("alipay/alipay_private_key.pem", &alipay.alipay_private_key, Secret),
        ("alipay/alipay_public_key.pem", &alipay.alipay_public_key, Public),
        ("alipay/alipay_next_private_key.pem", &alipay.alipay_next_private_key, Secret),
        ("alipay/alipay_next_public_key.pem", &alipay.alipay_next_public_key, Public),
        ("alipay/app_cert.crt", &alipay.app_cert, Public),
        ("alipay/alipay_cert.crt", &alipay.alipay_cert, Public),
        ("alipay/alipay_root_cert.crt", &alipay.alipay_root_cert, Public),
        ("alipay/alipay_next_cert.crt", &alipay.alipay_next_cert, Public),
        ("alipay/aes_key.txt", &alipay.aes_key, Secret),
        ("agency/secret.txt", &agency.secret, Secret),
        ("sms/token.txt", &facts.sms.token, Secret),
    ];
    if let Some(renewed) = &alipay.alipay_renewed_cert {
        files.push(("alipay/alipay_renewed_cert.crt", renewed, Public));
    }
    if let Some(app) = &alipay.second {
        files.extend([
            ("alipay_second/app_private_key.pem", &app.app_private_key, Secret),
            ("alipay_second/app_public_key.pem", &app.app_public_key, Public),
            ("alipay_second/app_cert.crt", &app.app_cert, Public),
            ("alipay_second/aes_key.txt", &app.aes_key, Secret),
        ]);
    }
    for (name, text, secrecy) in files {
        let text = format!("{}\n", text.trim_end());
        put(folder, name, &text, secrecy)?;
    }
    keep_or_make(folder, "keys/field.key", entropy)?;
    keep_or_make(folder, "keys/lookup.key", entropy)?;

    let config = config_text(facts, service);
    let config_path = folder.join(CONFIG);
    let previous = match fs::read_to_string(&config_path) {
        Ok(before) if before != config => {
            let kept = folder.join(format!("{CONFIG}.previous"));
            fs::rename(&config_path, &kept).map_err(failed(&kept))?;
            Some(kept)
        }
        Ok(_) => None,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => None,
        Err(cause) => return Err(FolderError::Io { path: config_path, cause }),
    };
    put(folder, CONFIG, &config, Public)?;
    // Last, because its presence says that the folder is complete. It names secrets.
    let index = serde_json::to_string_pretty(&index(facts)).map_err(|cause| {
        FolderError::Index { path: folder.join(INDEX), cause: cause.to_string() }
    })?;
    put(folder, INDEX, &format!("{index}\n"), Secret)?;
    Ok(WrittenFolder { config: config_path, index: folder.join(INDEX), previous_config: previous })
}

fn index(facts: &Facts) -> Index {
    let path = str::to_owned;
    let (wechat, alipay, agency) =
        (facts.wechat.clone(), facts.alipay.clone(), facts.agency.clone());
    Index {
        wechat: WechatIndex {
            base_url: wechat.base_url,
            backup_url: wechat.backup_url,
            app_id: wechat.app_id,
            app_secret: wechat.app_secret,
            mchid: wechat.mchid,
            apiv3_key: wechat.apiv3_key,
            merchant_serial: wechat.merchant_serial,
            merchant_key: path("wechat/merchant_key.pem"),
            merchant_cert: path("wechat/merchant_cert.pem"),
            platform_serial: wechat.platform_serial,
            platform_cert: path("wechat/platform_cert.pem"),
            platform_key: path("wechat/platform_key.pem"),
            public_key_id: wechat.public_key_id,
            public_key: path("wechat/public_key.pem"),
            public_key_private: path("wechat/public_key_private.pem"),
        },
        alipay: AlipayIndex {
            gateway: alipay.gateway,
            app_id: alipay.app_id,
            seller_id: alipay.seller_id,
            app_private_key: path("alipay/app_private_key.pem"),
            app_public_key: path("alipay/app_public_key.pem"),
            alipay_private_key: path("alipay/alipay_private_key.pem"),
            alipay_public_key: path("alipay/alipay_public_key.pem"),
            alipay_next_private_key: path("alipay/alipay_next_private_key.pem"),
            alipay_next_public_key: path("alipay/alipay_next_public_key.pem"),
            app_cert: path("alipay/app_cert.crt"),
            alipay_cert: path("alipay/alipay_cert.crt"),
            alipay_root_cert: path("alipay/alipay_root_cert.crt"),
            alipay_next_cert: path("alipay/alipay_next_cert.crt"),
            app_cert_sn: alipay.app_cert_sn,
            alipay_cert_sn: alipay.alipay_cert_sn,
            alipay_next_cert_sn: alipay.alipay_next_cert_sn,
            alipay_root_cert_sn: alipay.alipay_root_cert_sn,
            alipay_renewed_cert: alipay
                .alipay_renewed_cert
                .map(|_| path("alipay/alipay_renewed_cert.crt")),
            alipay_renewed_cert_sn: alipay.alipay_renewed_cert_sn,
            aes_key: alipay.aes_key,
            second: alipay.second.map(|app| AlipayAppIndex {
                app_id: app.app_id,
                seller_id: app.seller_id,
                app_private_key: path("alipay_second/app_private_key.pem"),
                app_public_key: path("alipay_second/app_public_key.pem"),
                app_cert: path("alipay_second/app_cert.crt"),
                app_cert_sn: app.app_cert_sn,
                aes_key: app.aes_key,
            }),
        },
        agency: AgencyIndex {
            base_url: agency.base_url,
            institution: agency.institution,
            secret: agency.secret,
        },
        control_url: facts.control_url.clone(),
    }
}

/// The service's configuration. All values are ids, digits or addresses made here, so that nothing
/// needs escaping.
fn config_text(facts: &Facts, service: &Service) -> String {
    let Facts { wechat, alipay, agency, .. } = facts;
    let listen = service.listen;
    let codes: Vec<String> = service
        .cities
        .iter()
        .flat_map(|city| [format!("\"{city}-hr\""), format!("\"{city}-med\"")])
        .collect();
    let mut text = format!(
        r#"# Written by the mock providers; paths are relative to this file.
[server]
listen = "{listen}"
public_url = "http://{listen}"

[database]
url = "sqlite://city-services.sqlite"

[sessions]
store = "embedded"

[secrets]
field_key_id = "k1"
field_key_file = "keys/field.key"
lookup_key_file = "keys/lookup.key"

[numbers]
prefix = "SI"

[[wechat]]
key = "wuxi-wechat"
base_url = "{wechat_url}"
backup_base_url = "{backup_url}"
mini_program_url = "{wechat_url}"
app_id = "{wechat_app}"
app_secret_file = "wechat/app_secret.txt"
mchid = "{mchid}"
merchant_serial = "{merchant_serial}"
merchant_key_file = "wechat/merchant_key.pem"
apiv3_key_file = "wechat/apiv3_key.txt"
platform_certificate_files = ["wechat/platform_cert.pem"]
public_key_id = "{public_key_id}"
public_key_file = "wechat/public_key.pem"
{wechat_templates}
[[alipay]]
key = "wuxi-alipay"
gateway = "{gateway}"
app_id = "{alipay_app}"
seller_id = "{seller_id}"
app_private_key_file = "alipay/app_private_key.pem"
alipay_public_key_files = ["alipay/alipay_public_key.pem"]
# Certificate mode, in place of the public key:
# app_certificate_file = "alipay/app_cert.crt"
# alipay_certificate_files = ["alipay/alipay_cert.crt"]
# alipay_root_certificate_file = "alipay/alipay_root_cert.crt"
content_key_file = "alipay/aes_key.txt"
{alipay_templates}
[[agency]]
codes = [{codes}]
base_url = "{agency_url}"
institution = "{institution}"
secret_file = "agency/secret.txt"

[sms]
url = "{sms_url}"
token_file = "sms/token.txt"
"#,
        wechat_url = wechat.base_url,
        backup_url = wechat.backup_url,
        wechat_app = wechat.app_id,
        mchid = wechat.mchid,
        merchant_serial = wechat.merchant_serial,
        public_key_id = wechat.public_key_id,
        gateway = alipay.gateway,
        alipay_app = alipay.app_id,
        seller_id = alipay.seller_id,
        codes = codes.join(", "),
        agency_url = agency.base_url,
        institution = agency.institution,
        sms_url = facts.sms.url,
        wechat_templates = templates("wechat", &WECHAT_PLACES),
        alipay_templates = templates("alipay", &ALIPAY_PLACES),
    );
    for city in &service.cities {
        text.push_str(&format!(
            "\n[[city]]\ncode = \"{city}\"\nwechat = \"wuxi-wechat\"\nalipay = \"wuxi-alipay\"\n"
        ));
        if city.as_str() == DEMONSTRATED {
            text.push_str(DEMONSTRATION);
        }
    }
    text
}
