//! Builds each part once, from configuration to handles.

use std::sync::Arc;

use agency::{Agency, HttpAgency, HttpAgencyConfig};
use callbacks::Callbacks;
use kernel::{Channel, Clock, Entropy};
use miniprogram_api::{
    Api, EmbeddedSessions, IdentityAttempts, RedisSessions, SessionRules, SessionStore,
};
use orders::{Directory, OrderParts, OrderRules, Orders};
use people::{FieldCipher, People};
use platforms::{
    AlipayLogin, AlipayMerchant, LoginProvider, PaymentChannel, WechatLogin, WechatMerchant,
};
use policies::Catalogue;
use sea_orm::{DatabaseConnection, DbErr};

use crate::{
    config::{Config, ConfigError, SessionStoreKind},
    pulse::Pulse,
};

/// Why the program cannot be put together, in one sentence.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("the database cannot be used: {0}")]
    Database(#[from] DbErr),
    #[error("account {key}: {problem}")]
    Account { key: String, problem: String },
    #[error("the city packs are not valid:\n{0}")]
    Packs(String),
    #[error("the session store cannot be used: {0}")]
    Sessions(String),
}

/// What may stand between the service and the outside. The program lets everything through as it
/// is; whoever examines the service puts accidents here.
pub trait Outside {
    /// Between orders and a merchant account.
    fn channel(&self, real: Arc<dyn PaymentChannel>) -> Arc<dyn PaymentChannel> {
        real
    }

    /// Between orders and an agency.
    fn agency(&self, real: Arc<dyn Agency>) -> Arc<dyn Agency> {
        real
    }

    /// Between the citizens' face and its sessions.
    fn sessions(&self, real: Arc<dyn SessionStore>) -> Arc<dyn SessionStore> {
        real
    }
}

/// Nothing stands in between.
struct Open;

impl Outside for Open {}

/// The parts that commands run.
#[derive(Clone, Debug)]
pub struct Parts {
    pub db: DatabaseConnection,
    pub orders: Orders,
    pub api: Api,
    pub callbacks: Callbacks,
    pub(crate) pulse: Pulse,
}

impl Parts {
    /// Opens the database, brings it up to date when told to, and connects everything.
    ///
    /// # Errors
    /// [`WiringError`] names the setting or file that is wrong.
    pub async fn build(
        config: &Config,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Parts, WiringError> {
        let catalogue =
            Catalogue::embedded().map_err(|report| WiringError::Packs(report.to_string()))?;
        let prepared = Prepared::read(config, Arc::new(catalogue), clock, entropy, &Open)?;
        let db = migrations::connect(&config.database_url()).await?;
        if config.database.migrate {
            migrations::up(&db).await?;
        }
        Ok(prepared.on(db))
    }

    /// Connects everything to a database that is open and up to date already, with `outside` in
    /// between.
    ///
    /// # Errors
    /// [`WiringError`] names the setting or file that is wrong.
    pub fn on(
        db: DatabaseConnection,
        config: &Config,
        catalogue: Arc<Catalogue>,
        (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>),
        outside: &dyn Outside,
    ) -> Result<Parts, WiringError> {
        Ok(Prepared::read(config, catalogue, clock, entropy, outside)?.on(db))
    }
}

/// Everything but the database.
struct Prepared {
    catalogue: Arc<Catalogue>,
    directory: Directory,
    logins: Logins,
    cipher: FieldCipher,
    sessions: Arc<dyn SessionStore>,
    rules: OrderRules,
    pulse: Pulse,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Prepared {
    fn read(
        config: &Config,
        catalogue: Arc<Catalogue>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        outside: &dyn Outside,
    ) -> Result<Prepared, WiringError> {
        for city in &config.city {
            if catalogue.city(&city.code).is_none() {
                let problem = "is no city of the catalogue".to_owned();
                return Err(
                    ConfigError::Value { setting: format!("city {}", city.code), problem }.into()
                );
            }
        }
        let (directory, logins) = accounts(config, &clock, &entropy, outside)?;
        let collecting =
            |code: &kernel::CityCode| config.city.iter().any(|city| city.code == *code);
        for pack in catalogue.packs().filter(|pack| collecting(&pack.code)) {
            for office in &pack.agencies {
                if directory.agency(&office.code).is_err() {
                    tracing::warn!(city.code = %pack.code, agency = %office.code, "a collecting city's agency is not configured");
                }
            }
        }
        let cipher = FieldCipher::new(config.field_keys()?, entropy.clone());
        let sessions = outside.sessions(sessions(config, &cipher, &clock, &entropy)?);
        let rules = config.order_rules()?;
        let pulse = Pulse::feel(&config.database_url());
        Ok(Prepared {
            catalogue,
            directory,
            logins,
            cipher,
            sessions,
            rules,
            pulse,
            clock,
            entropy,
        })
    }

    fn on(self, db: DatabaseConnection) -> Parts {
        let Prepared {
            catalogue,
            directory,
            logins,
            cipher,
            sessions,
            rules,
            pulse,
            clock,
            entropy,
        } = self;
        let people = People::new(db.clone(), cipher.clone(), clock.clone(), entropy.clone());
        let orders = Orders::new(OrderParts {
            db: db.clone(),
            people: people.clone(),
            cipher,
            catalogue: catalogue.clone(),
            directory,
            rules,
            clock: clock.clone(),
            entropy: entropy.clone(),
        });
        let callbacks = Callbacks {
            orders: orders.clone(),
            clock: clock.clone(),
            database_answers: pulse.answers(),
        };
        let attempts = IdentityAttempts::default();
        let api = Api {
            orders: orders.clone(),
            people,
            catalogue,
            sessions,
            logins,
            clock,
            entropy,
            attempts,
            database_answers: pulse.answers(),
        };
        Parts { db, orders, api, callbacks, pulse }
    }
}

type Logins = Vec<Arc<dyn LoginProvider>>;

fn accounts(
    config: &Config,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
    outside: &dyn Outside,
) -> Result<(Directory, Logins), WiringError> {
    let mut directory = Directory::default();
    let mut logins: Logins = Vec::new();
    for section in &config.wechat {
        let wrong = |problem: &dyn std::fmt::Display| WiringError::Account {
            key: section.key.to_string(),
            problem: problem.to_string(),
        };
        let merchant =
            WechatMerchant::new(section.merchant(config)?, clock.clone(), entropy.clone());
        let merchant = Arc::new(merchant.map_err(|error| wrong(&error))?);
        directory = directory.with_channel(outside.channel(merchant));
        let login = WechatLogin::new(section.login(config)?, clock.clone());
        add_login(&mut logins, Arc::new(login.map_err(|error| wrong(&error))?));
    }
    for section in &config.alipay {
        let wrong = |problem: &dyn std::fmt::Display| WiringError::Account {
            key: section.key.to_string(),
            problem: problem.to_string(),
        };
        let account = section.merchant(config)?;
        let login = AlipayLogin::new(&account, clock.clone()).map_err(|error| wrong(&error))?;
        add_login(&mut logins, Arc::new(login));
        let merchant =
            AlipayMerchant::new(account, clock.clone()).map_err(|error| wrong(&error))?;
        directory = directory.with_channel(outside.channel(Arc::new(merchant)));
    }
    for section in &config.agency {
        let setting = format!("agency {}: secret_file", section.institution);
        let http = HttpAgencyConfig {
            base_url: section.base_url.clone(),
            institution: section.institution.clone(),
            secret: config.secret(&setting, &section.secret_file)?,
        };
        let http = HttpAgency::new(http, clock.clone(), entropy.clone()).map_err(|error| {
            ConfigError::value(format!("agency {}", section.base_url), error.to_string())
        })?;
        let http = outside.agency(Arc::new(http));
        for code in &section.codes {
            directory = directory.with_agency(code.clone(), http.clone());
        }
    }
    for section in &config.city {
        for (channel, merchant) in
            [(Channel::Wechat, &section.wechat), (Channel::Alipay, &section.alipay)]
        {
            if let Some(merchant) = merchant {
                directory =
                    directory.with_collector(section.code.clone(), channel, merchant.clone());
            }
        }
    }
    Ok((directory, logins))
}

/// Several merchant accounts may serve one mini-program; its login is one.
fn add_login(logins: &mut Logins, login: Arc<dyn LoginProvider>) {
    let known = |other: &Arc<dyn LoginProvider>| {
        other.channel() == login.channel() && other.app_id() == login.app_id()
    };
    if !logins.iter().any(known) {
        logins.push(login);
    }
}

fn sessions(
    config: &Config,
    cipher: &FieldCipher,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> Result<Arc<dyn SessionStore>, WiringError> {
    let rules = SessionRules::default();
    Ok(match (config.sessions.store, &config.sessions.redis_url) {
        (SessionStoreKind::Embedded, _) => Arc::new(EmbeddedSessions::new(
            EmbeddedSessions::ACCOUNTS_MAX,
            rules,
            cipher.clone(),
            clock.clone(),
            entropy.clone(),
        )),
        (SessionStoreKind::Redis, Some(url)) => {
            let store = RedisSessions::new(
                url,
                RedisSessions::PREFIX,
                rules,
                cipher.clone(),
                clock.clone(),
                entropy.clone(),
            )
            .map_err(|error| WiringError::Sessions(error.to_string()))?;
            Arc::new(store)
        }
        (SessionStoreKind::Redis, None) => {
            return Err(ConfigError::value(
                "sessions.redis_url",
                "is needed with store = \"redis\"",
            )
            .into());
        }
    })
}
