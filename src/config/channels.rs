//! Merchant accounts at the channels, with their key files.

use std::path::PathBuf;

use kernel::MerchantKey;
use platforms::{AlipayCertificates, AlipayConfig, WechatConfig, WechatLoginConfig, WechatPartner};
use serde::Deserialize;

use super::{
    Config, ConfigError,
    templates::{Template, TemplateSection, checked},
};

/// One merchant account at WeChat Pay and the mini-program that pays into it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WechatSection {
    pub key: MerchantKey,
    #[serde(default = "WechatSection::usual_base_url")]
    pub base_url: String,
    /// Asked when the first cannot be reached. WeChat's own unless `base_url` is another.
    pub backup_base_url: Option<String>,
    #[serde(default = "WechatSection::usual_mini_program_url")]
    pub mini_program_url: String,
    pub app_id: String,
    pub app_secret_file: PathBuf,
    pub mchid: String,
    /// Partner mode: `mchid` and `app_id` are the service provider's, and the money is for this one.
    pub sub_mchid: Option<String>,
    /// The mini-program that citizens pay in, when it is not the service provider's.
    pub sub_app_id: Option<String>,
    pub merchant_serial: String,
    pub merchant_key_file: PathBuf,
    /// Checked against key and serial when given.
    pub merchant_certificate_file: Option<PathBuf>,
    pub apiv3_key_file: PathBuf,
    #[serde(default)]
    pub platform_certificate_files: Vec<PathBuf>,
    pub public_key_id: Option<String>,
    pub public_key_file: Option<PathBuf>,
    /// The mini-program's approved messages. None: it sends no reminders.
    #[serde(default)]
    pub templates: Vec<TemplateSection>,
}

impl WechatSection {
    fn usual_base_url() -> String {
        "https://api.mch.weixin.qq.com".to_owned()
    }

    /// WeChat's second access point belongs to its first; a proxy or a mock has none unless named.
    fn backup(&self) -> Option<String> {
        let usual = match self.base_url.trim_end_matches('/') {
            "https://api.mch.weixin.qq.com" => Some("https://api2.mch.weixin.qq.com"),
            "https://api.wechatpay.cn" => Some("https://api2.wechatpay.cn"),
            _ => None,
        };
        self.backup_base_url.clone().or_else(|| usual.map(str::to_owned))
    }

    pub(crate) fn usual_mini_program_url() -> String {
        "https://api.weixin.qq.com".to_owned()
    }

    fn partner(&self) -> Result<Option<WechatPartner>, ConfigError> {
        let sub_app_id = self.sub_app_id.clone();
        match (&self.sub_mchid, &sub_app_id) {
            (Some(sub_mchid), _) => {
                Ok(Some(WechatPartner { sub_mchid: sub_mchid.clone(), sub_app_id }))
            }
            (None, None) => Ok(None),
            (None, Some(_)) => {
                let setting = format!("wechat {}: sub_app_id", self.key);
                Err(ConfigError::value(setting, "needs sub_mchid"))
            }
        }
    }

    /// The account with its keys read.
    pub(crate) fn merchant(&self, config: &Config) -> Result<WechatConfig, ConfigError> {
        let setting = |name: &str| format!("wechat {}: {name}", self.key);
        let certificates = self.platform_certificate_files.iter();
        let certificates =
            certificates.map(|file| config.text(&setting("platform_certificate_files"), file));
        let public_keys = match (&self.public_key_id, &self.public_key_file) {
            (Some(id), Some(file)) => {
                vec![(id.clone(), config.text(&setting("public_key_file"), file)?)]
            }
            (None, None) => Vec::new(),
            _ => {
                let problem = "public_key_id and public_key_file go together";
                return Err(ConfigError::value(setting("public_key"), problem));
            }
        };
        Ok(WechatConfig {
            key: self.key.clone(),
            base_url: self.base_url.clone(),
            backup_base_url: self.backup(),
            app_id: self.app_id.clone(),
            mchid: self.mchid.clone(),
            partner: self.partner()?,
            merchant_serial: self.merchant_serial.clone(),
            merchant_key_pem: config
                .secret(&setting("merchant_key_file"), &self.merchant_key_file)?,
            merchant_certificate: self
                .merchant_certificate_file
                .as_ref()
                .map(|file| config.text(&setting("merchant_certificate_file"), file))
                .transpose()?,
            apiv3_key: config.secret(&setting("apiv3_key_file"), &self.apiv3_key_file)?,
            platform_certificates: certificates.collect::<Result<_, _>>()?,
            public_keys,
        })
    }

    /// The mini-program's messages.
    pub(crate) fn templates(&self) -> Result<Vec<Template>, ConfigError> {
        checked(&format!("wechat {}", self.key), &self.templates)
    }

    /// The login of the mini-program that pays.
    pub(crate) fn login(&self, config: &Config) -> Result<WechatLoginConfig, ConfigError> {
        let setting = format!("wechat {}: app_secret_file", self.key);
        Ok(WechatLoginConfig {
            mini_program_url: self.mini_program_url.clone(),
            app_id: self.sub_app_id.clone().unwrap_or_else(|| self.app_id.clone()),
            app_secret: config.secret(&setting, &self.app_secret_file)?,
        })
    }
}

/// One merchant account at Alipay and the mini-program that pays into it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlipaySection {
    pub key: MerchantKey,
    #[serde(default = "AlipaySection::usual_gateway")]
    pub gateway: String,
    pub app_id: String,
    pub seller_id: String,
    pub app_private_key_file: PathBuf,
    /// Key mode; while a mode is changed, both this and the certificates.
    #[serde(default)]
    pub alipay_public_key_files: Vec<PathBuf>,
    /// Certificate mode: these three go together.
    pub app_certificate_file: Option<PathBuf>,
    #[serde(default)]
    pub alipay_certificate_files: Vec<PathBuf>,
    pub alipay_root_certificate_file: Option<PathBuf>,
    pub content_key_file: Option<PathBuf>,
    /// The mini-program's approved messages. None: it sends no reminders.
    #[serde(default)]
    pub templates: Vec<TemplateSection>,
}

impl AlipaySection {
    fn certificates(&self, config: &Config) -> Result<Option<AlipayCertificates>, ConfigError> {
        let setting = |name: &str| format!("alipay {}: {name}", self.key);
        let files = &self.alipay_certificate_files;
        let (application, roots) =
            match (&self.app_certificate_file, &self.alipay_root_certificate_file) {
                (Some(application), Some(roots)) if !files.is_empty() => (application, roots),
                (None, None) if files.is_empty() => return Ok(None),
                _ => {
                    let problem = "app_certificate_file, alipay_certificate_files and \
                                   alipay_root_certificate_file go together";
                    return Err(ConfigError::value(setting("certificates"), problem));
                }
            };
        let alipay = files.iter();
        let alipay = alipay.map(|file| config.text(&setting("alipay_certificate_files"), file));
        Ok(Some(AlipayCertificates {
            application: config.text(&setting("app_certificate_file"), application)?,
            alipay: alipay.collect::<Result<_, _>>()?,
            roots: config.text(&setting("alipay_root_certificate_file"), roots)?,
        }))
    }

    /// The mini-program's messages.
    pub(crate) fn templates(&self) -> Result<Vec<Template>, ConfigError> {
        checked(&format!("alipay {}", self.key), &self.templates)
    }

    fn usual_gateway() -> String {
        "https://openapi.alipay.com/gateway.do".to_owned()
    }

    /// The account with its keys read.
    pub(crate) fn merchant(&self, config: &Config) -> Result<AlipayConfig, ConfigError> {
        let setting = |name: &str| format!("alipay {}: {name}", self.key);
        let keys = self.alipay_public_key_files.iter();
        let keys = keys.map(|file| config.text(&setting("alipay_public_key_files"), file));
        Ok(AlipayConfig {
            key: self.key.clone(),
            gateway: self.gateway.clone(),
            app_id: self.app_id.clone(),
            seller_id: self.seller_id.clone(),
            app_private_key: config
                .secret(&setting("app_private_key_file"), &self.app_private_key_file)?,
            alipay_public_keys: keys.collect::<Result<_, _>>()?,
            certificates: self.certificates(config)?,
            content_key: self
                .content_key_file
                .as_ref()
                .map(|file| config.secret(&setting("content_key_file"), file))
                .transpose()?,
        })
    }
}
