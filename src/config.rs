//! The configuration: one TOML file, environment overrides, secrets by file path.
//!
//! Unknown keys are an error. Relative paths are relative to the folder of the file. A value can be
//! overridden by the environment: `CITY_SERVICES__SERVER__LISTEN=0.0.0.0:80`.

mod channels;
mod secrets;
mod templates;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use kernel::{AgencyCode, CityCode, MerchantKey};
use miniprogram_api::TrustedProxies;
use orders::{OrderLimits, OrderRules};
use policies::PackChanges;
use serde::Deserialize;

use crate::retention::RetentionSection;

pub(crate) use self::{
    channels::{AlipaySection, WechatSection},
    secrets::SecretsSection,
    templates::Template,
};

/// What is wrong with a configuration, in one sentence.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{0}")]
    Read(#[from] config::ConfigError),
    #[error("{setting}: {path} cannot be read: {reason}")]
    File { setting: String, path: PathBuf, reason: std::io::Error },
    #[error("{setting}: {problem}")]
    Value { setting: String, problem: String },
}

impl ConfigError {
    pub(crate) fn value(setting: impl Into<String>, problem: impl Into<String>) -> ConfigError {
        ConfigError::Value { setting: setting.into(), problem: problem.into() }
    }
}

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub(crate) server: ServerSection,
    #[serde(default)]
    pub(crate) database: DatabaseSection,
    #[serde(default)]
    pub(crate) sessions: SessionsSection,
    pub(crate) secrets: SecretsSection,
    #[serde(default)]
    pub(crate) numbers: NumbersSection,
    #[serde(default)]
    pub(crate) orders: OrdersSection,
    pub(crate) sms: Option<SmsSection>,
    #[serde(default)]
    pub(crate) retention: RetentionSection,
    #[serde(default)]
    pub(crate) wechat: Vec<WechatSection>,
    #[serde(default)]
    pub(crate) alipay: Vec<AlipaySection>,
    #[serde(default)]
    pub(crate) agency: Vec<AgencySection>,
    #[serde(default)]
    pub(crate) city: Vec<CitySection>,
    #[serde(skip)]
    pub(crate) folder: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerSection {
    pub listen: SocketAddr,
    /// Where the platforms reach us; callbacks are below it.
    pub public_url: String,
    /// Addresses and networks of the operator's own proxies, whose `X-Forwarded-For` is believed.
    #[serde(default)]
    pub trusted_proxies: Vec<String>,
}

impl ServerSection {
    pub(crate) fn proxies(&self) -> Result<TrustedProxies, ConfigError> {
        let named = self.trusted_proxies.iter().map(String::as_str);
        TrustedProxies::read(named)
            .map_err(|problem| ConfigError::value("server.trusted_proxies", problem))
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DatabaseSection {
    /// `sqlite://FILE` or `postgres://…`
    #[serde(default = "DatabaseSection::usual_url")]
    pub url: String,
    /// Whether `serve` and `worker` bring the tables up to date when they start.
    #[serde(default = "yes")]
    pub migrate: bool,
}

impl DatabaseSection {
    fn usual_url() -> String {
        "sqlite://city-services.sqlite".to_owned()
    }
}

impl Default for DatabaseSection {
    fn default() -> DatabaseSection {
        DatabaseSection { url: DatabaseSection::usual_url(), migrate: true }
    }
}

const fn yes() -> bool {
    true
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionsSection {
    #[serde(default)]
    pub store: SessionStoreKind,
    /// With `store = "redis"`.
    pub redis_url: Option<kernel::Secret>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SessionStoreKind {
    /// In this process: one process only.
    #[default]
    Embedded,
    Redis,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NumbersSection {
    /// Two capitals before every number that goes to a channel.
    pub prefix: String,
}

impl Default for NumbersSection {
    fn default() -> NumbersSection {
        NumbersSection { prefix: "SI".to_owned() }
    }
}

impl NumbersSection {
    pub(crate) fn prefix(&self) -> Result<[u8; 2], ConfigError> {
        match self.prefix.as_bytes() {
            [a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Ok([*a, *b]),
            _ => Err(ConfigError::value("numbers.prefix", "must be two capital letters")),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OrdersSection {
    /// How long an order can be paid, 15 to 1,440.
    pub minutes_to_pay: u64,
    /// How long after it was sent an agency may still act on a posting, 10 to 3,600.
    pub posting_under_way_seconds: u64,
    /// The most of one order, in yuan.
    pub amount_max: Option<String>,
    /// The most that WeChat Pay or Alipay takes at once from the city's citizens, in yuan.
    pub wechat_max: Option<String>,
    pub alipay_max: Option<String>,
    /// Orders that wait for their payment: of one account, and for one insured person.
    pub unpaid_max: u32,
    pub unpaid_for_person_max: u32,
    /// Orders in an hour.
    pub hourly_max: u32,
    pub hourly_for_person_max: u32,
}

impl Default for OrdersSection {
    fn default() -> OrdersSection {
        let OrderLimits { unpaid, unpaid_for_person, hourly, hourly_for_person } =
            OrderLimits::default();
        OrdersSection {
            unpaid_max: unpaid,
            unpaid_for_person_max: unpaid_for_person,
            hourly_max: hourly,
            hourly_for_person_max: hourly_for_person,
            minutes_to_pay: 30,
            posting_under_way_seconds: 330,
            amount_max: None,
            wechat_max: None,
            alipay_max: None,
        }
    }
}

impl OrdersSection {
    pub(crate) fn rules(
        &self,
        public_url: String,
        number_prefix: [u8; 2],
    ) -> Result<OrderRules, ConfigError> {
        let within = |setting: &str, value: u64, least: u64, most: u64| {
            if (least..=most).contains(&value) {
                return Ok(value);
            }
            let problem = format!("must lie between {least} and {most}");
            Err(ConfigError::value(format!("orders.{setting}"), problem))
        };
        let minutes = within("minutes_to_pay", self.minutes_to_pay, 15, 1_440)?;
        let setting = "posting_under_way_seconds";
        let under_way = within(setting, self.posting_under_way_seconds, 10, 3_600)?;
        let limit =
            |setting: &str, value: u32| within(setting, u64::from(value), 1, 10_000).map(|_| value);
        let limits = OrderLimits {
            unpaid: limit("unpaid_max", self.unpaid_max)?,
            unpaid_for_person: limit("unpaid_for_person_max", self.unpaid_for_person_max)?,
            hourly: limit("hourly_max", self.hourly_max)?,
            hourly_for_person: limit("hourly_for_person_max", self.hourly_for_person_max)?,
        };
        let yuan = |setting: &str, text: &Option<String>| {
            let text = text.as_deref();
            let read = text.map(|text| {
                kernel::Fen::from_yuan(text).map_err(|_| {
                    ConfigError::value(
                        format!("orders.{setting}"),
                        "must be yuan such as \"50000.00\"",
                    )
                })
            });
            read.transpose()
        };
        let usual = OrderRules::new(public_url, number_prefix);
        Ok(OrderRules {
            amount_max: yuan("amount_max", &self.amount_max)?.unwrap_or(usual.amount_max),
            wechat_max: yuan("wechat_max", &self.wechat_max)?,
            alipay_max: yuan("alipay_max", &self.alipay_max)?,
            time_to_pay: Duration::from_secs(minutes * 60),
            posting_under_way: Duration::from_secs(under_way),
            limits,
            ..usual
        })
    }
}

/// The operator's gateway for short messages.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SmsSection {
    pub url: String,
    pub token_file: PathBuf,
}

/// One agency system, which may answer for several agencies.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgencySection {
    pub codes: Vec<AgencyCode>,
    pub base_url: String,
    pub institution: String,
    pub secret_file: PathBuf,
}

/// A city that is served here. It collects through the accounts that its pack names, or through these.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CitySection {
    pub code: CityCode,
    pub wechat: Option<MerchantKey>,
    pub alipay: Option<MerchantKey>,
    /// Tables that take the place of the pack's: services, windows, maintenance, limits.
    #[serde(default)]
    pub pack: toml::Table,
}

/// Whether a file begins like a certificate or key in its binary form: a sequence with a length of two
/// bytes.
fn is_der(path: &Path) -> bool {
    use std::io::Read;
    let mut head = [0; 2];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok()
        && head == [0x30, 0x82]
}

impl Config {
    /// Reads a file, then the environment over it.
    ///
    /// # Errors
    /// [`ConfigError`] names the setting.
    pub fn load(path: &Path) -> Result<Config, ConfigError> {
        let environment = config::Environment::with_prefix("CITY_SERVICES")
            .prefix_separator("__")
            .separator("__");
        let read = config::Config::builder()
            .add_source(config::File::from(path).format(config::FileFormat::Toml))
            .add_source(environment)
            .build()?;
        let mut config: Config = read.try_deserialize()?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        config.folder = folder.unwrap_or(Path::new(".")).to_owned();
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let url = &self.server.public_url;
        if !(url.starts_with("https://") || url.starts_with("http://"))
            || url.contains(['?', '#', ' '])
        {
            let problem = "must be an http(s) address without query, fragment or blanks";
            return Err(ConfigError::value("server.public_url", problem));
        }
        // WeChat takes https only, and a plain address would fail at the first payment.
        let host = url.split("://").nth(1).unwrap_or_default();
        let loopback = ["127.", "localhost", "[::1]"].iter().any(|start| host.starts_with(start));
        if url.starts_with("http://") && !loopback {
            let problem = "must be https, except on loopback: the platforms call nothing else";
            return Err(ConfigError::value("server.public_url", problem));
        }
        if self.sessions.store == SessionStoreKind::Redis && self.sessions.redis_url.is_none() {
            return Err(ConfigError::value(
                "sessions.redis_url",
                "is needed with store = \"redis\"",
            ));
        }
        self.server.proxies()?;
        self.order_rules()?;
        self.retention.check().map_err(|(setting, least, most)| {
            let problem = format!("must lie between {least} and {most}");
            ConfigError::value(format!("retention.{setting}"), problem)
        })?;
        for account in &self.wechat {
            account.templates()?;
        }
        for account in &self.alipay {
            account.templates()?;
        }
        let wechat: Vec<&MerchantKey> = self.wechat.iter().map(|account| &account.key).collect();
        let alipay: Vec<&MerchantKey> = self.alipay.iter().map(|account| &account.key).collect();
        for city in &self.city {
            for (kind, named, known) in
                [("wechat", &city.wechat, &wechat), ("alipay", &city.alipay, &alipay)]
            {
                if let Some(named) = named
                    && !known.contains(&named)
                {
                    let setting = format!("city {}: {kind}", city.code);
                    return Err(ConfigError::value(
                        setting,
                        format!("no [[{kind}]] has the key {named}"),
                    ));
                }
            }
        }
        let mut keys: Vec<&MerchantKey> = wechat.into_iter().chain(alipay).collect();
        let count = keys.len();
        keys.sort();
        keys.dedup();
        if keys.len() != count {
            return Err(ConfigError::value(
                "[[wechat]] and [[alipay]]",
                "two accounts have the same key",
            ));
        }
        Ok(())
    }

    /// What the configuration says otherwise than the cities' packs.
    pub(crate) fn pack_changes(&self) -> PackChanges {
        let changed = self.city.iter().filter(|city| !city.pack.is_empty());
        changed.map(|city| (city.code.clone(), city.pack.clone())).collect()
    }

    /// The rules that orders live by.
    pub(crate) fn order_rules(&self) -> Result<OrderRules, ConfigError> {
        self.orders.rules(self.server.public_url.clone(), self.numbers.prefix()?)
    }

    /// The database's address with a relative SQLite path made relative to the file.
    pub(crate) fn database_url(&self) -> String {
        let url = &self.database.url;
        match url.strip_prefix("sqlite://") {
            Some(path) if !path.starts_with('/') && !path.starts_with(':') && !path.is_empty() => {
                format!("sqlite://{}", self.folder.join(path).display())
            }
            _ => url.clone(),
        }
    }

    /// Reads a file that a setting names.
    pub(crate) fn text(&self, setting: &str, path: &Path) -> Result<String, ConfigError> {
        let path = self.folder.join(path);
        std::fs::read_to_string(&path).map_err(|reason| {
            let reason = if is_der(&path) {
                let problem = "it is DER, PEM is wanted (openssl x509 -inform der -in FILE)";
                std::io::Error::new(reason.kind(), problem)
            } else {
                reason
            };
            ConfigError::File { setting: setting.to_owned(), path, reason }
        })
    }

    /// Reads a secret of one line.
    pub(crate) fn secret(&self, setting: &str, path: &Path) -> Result<kernel::Secret, ConfigError> {
        Ok(kernel::Secret::new(self.text(setting, path)?.trim()))
    }
}
