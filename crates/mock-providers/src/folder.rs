//! The folder that makes a stranger's start easy: keys, certificates, `mock.json` for testers and
//! `city-services.toml` for the service, all fitting together.
//!
//! Started again with the same folder, the mock reads its keys and ports back. Private keys are
//! readable by their owner only. When keys of WeChat merchants change while the mock runs, the folder follows:
//! the next start, and whoever reads it meanwhile, finds the new ones.

mod service;

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    sync::Mutex,
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use kernel::Entropy;
use serde::{Deserialize, Serialize};

pub(crate) use self::service::Service;
use crate::{
    alipay::{AlipayTexts, AppTexts},
    facts::{Facts, WechatFacts},
    keys::{AgencyKeys, KeyError, KeyTexts, Keys, WechatApp, WechatTexts},
    lock,
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
    /// Further merchants, in the form of the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    wechat_others: Vec<WechatIndex>,
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
    let Index { wechat, wechat_others, alipay, agency, control_url } = index;
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
    let merchant = |index: &WechatIndex| {
        Ok::<_, FolderError>(WechatTexts {
            merchant_key: file(&index.merchant_key)?,
            merchant_cert: file(&index.merchant_cert)?,
            platform_key: file(&index.platform_key)?,
            platform_cert: file(&index.platform_cert)?,
            public_key_private: file(&index.public_key_private)?,
            mchid: index.mchid.clone(),
            apiv3_key: index.apiv3_key.clone(),
            public_key_id: index.public_key_id.clone(),
        })
    };
    let merchants = std::iter::once(&wechat).chain(&wechat_others).map(merchant);
    let keys = Keys::read(KeyTexts {
        merchants: merchants.collect::<Result<_, _>>()?,
        app: WechatApp { app_id: wechat.app_id, app_secret: wechat.app_secret },
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

/// Where a merchant's files are.
fn place(facts: &Facts, wechat: &WechatFacts) -> String {
    if wechat.mchid == facts.wechat.mchid {
        "wechat".to_owned()
    } else {
        format!("wechat/{}", wechat.mchid)
    }
}

/// The files of every WeChat merchant.
fn put_wechat(folder: &Path, facts: &Facts) -> Result<(), FolderError> {
    use Secrecy::{Public, Secret};
    for wechat in facts.merchants() {
        let place = place(facts, wechat);
        for (name, text, secrecy) in [
            ("app_secret.txt", &wechat.app_secret, Secret),
            ("apiv3_key.txt", &wechat.apiv3_key, Secret),
            ("merchant_key.pem", &wechat.merchant_key, Secret),
            ("merchant_cert.pem", &wechat.merchant_cert, Public),
            ("platform_key.pem", &wechat.platform_key, Secret),
            ("platform_cert.pem", &wechat.platform_cert, Public),
            ("public_key_private.pem", &wechat.public_key_private, Secret),
            ("public_key.pem", &wechat.public_key, Public),
        ] {
            let text = format!("{}\n", text.trim_end());
            put(folder, &format!("{place}/{name}"), &text, secrecy)?;
        }
    }
    Ok(())
}

/// Last, because its presence says that the folder is complete. It names secrets.
fn put_index(folder: &Path, facts: &Facts) -> Result<(), FolderError> {
    let index = serde_json::to_string_pretty(&index(facts)).map_err(|cause| {
        FolderError::Index { path: folder.join(INDEX), cause: cause.to_string() }
    })?;
    put(folder, INDEX, &format!("{index}\n"), Secrecy::Secret)
}

/// What the mock is for strangers, and the folder that tells them, once it was written.
pub(crate) struct Home {
    facts: Mutex<Facts>,
    service: Service,
    folder: Mutex<Option<PathBuf>>,
}

impl Home {
    pub fn new(facts: Facts, service: Service) -> Home {
        Home { facts: Mutex::new(facts), service, folder: Mutex::default() }
    }

    pub fn facts(&self) -> Facts {
        lock(&self.facts).clone()
    }

    /// Writes the folder, and keeps it true from then on.
    pub fn write(
        &self,
        folder: &Path,
        entropy: &dyn Entropy,
    ) -> Result<WrittenFolder, FolderError> {
        let written = write(folder, &self.facts(), &self.service, entropy)?;
        *lock(&self.folder) = Some(folder.to_owned());
        Ok(written)
    }

    /// Learns what WeChat's merchants have now, and brings the folder up to date when there is one. In the
    /// service's configuration nothing changes but serial numbers and accounts that are new, so that what
    /// somebody wrote into it stays.
    pub fn keep(&self, wechat: Vec<WechatFacts>) -> Result<(), FolderError> {
        let (before, now) = {
            let mut facts = lock(&self.facts);
            let before = facts.clone();
            *facts = facts.with_wechat(wechat);
            (before, facts.clone())
        };
        let Some(folder) = lock(&self.folder).clone() else { return Ok(()) };
        put_wechat(&folder, &now)?;
        let path = folder.join(CONFIG);
        let text = fs::read_to_string(&path).map_err(failed(&path))?;
        let changed = service::renewed(&text, &before, &now);
        if changed != text {
            put(&folder, CONFIG, &changed, Secrecy::Public)?;
        }
        put_index(&folder, &now)
    }
}

fn write(
    folder: &Path,
    facts: &Facts,
    service: &Service,
    entropy: &dyn Entropy,
) -> Result<WrittenFolder, FolderError> {
    use Secrecy::{Public, Secret};
    if let Some(before) = read_index(folder)?
        && (before.wechat.mchid != facts.wechat.mchid
            || before.alipay.app_id != facts.alipay.app_id)
    {
        return Err(FolderError::OtherKeys(folder.to_owned()));
    }
    fs::create_dir_all(folder).map_err(failed(folder))?;
    put_wechat(folder, facts)?;
    let (alipay, agency) = (&facts.alipay, &facts.agency);
    let mut files = vec![
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

    let config = service::config_text(facts, service);
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
    put_index(folder, facts)?;
    Ok(WrittenFolder { config: config_path, index: folder.join(INDEX), previous_config: previous })
}

fn wechat_index(facts: &Facts, wechat: &WechatFacts) -> WechatIndex {
    let place = place(facts, wechat);
    let path = |name: &str| format!("{place}/{name}");
    let wechat = wechat.clone();
    WechatIndex {
        base_url: wechat.base_url,
        backup_url: wechat.backup_url,
        app_id: wechat.app_id,
        app_secret: wechat.app_secret,
        mchid: wechat.mchid,
        apiv3_key: wechat.apiv3_key,
        merchant_serial: wechat.merchant_serial,
        merchant_key: path("merchant_key.pem"),
        merchant_cert: path("merchant_cert.pem"),
        platform_serial: wechat.platform_serial,
        platform_cert: path("platform_cert.pem"),
        platform_key: path("platform_key.pem"),
        public_key_id: wechat.public_key_id,
        public_key: path("public_key.pem"),
        public_key_private: path("public_key_private.pem"),
    }
}

fn index(facts: &Facts) -> Index {
    let path = str::to_owned;
    let (alipay, agency) = (facts.alipay.clone(), facts.agency.clone());
    Index {
        wechat: wechat_index(facts, &facts.wechat),
        wechat_others: facts.wechat_others.iter().map(|one| wechat_index(facts, one)).collect(),
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
