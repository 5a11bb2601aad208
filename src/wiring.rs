//! Builds each part once, from configuration to handles.

use std::sync::Arc;

use agency::Agency;
use callbacks::Callbacks;
use kernel::{CityCode, Clock, Entropy};
use miniprogram_api::{
    Api, EmbeddedSessions, Limits, RedisSessions, SessionRules, SessionStore, SmsSender,
    TrustedProxies,
};
use orders::{OrderParts, OrderRules, Orders};
use people::{FieldCipher, People};
use platforms::{EmbeddedTokens, PaymentChannel, TokenStore};
use policies::Catalogue;
use reminders::Reminders;
use sea_orm::{DatabaseConnection, DbErr};

use crate::{
    accounts::{Accounts, Around},
    config::{Config, ConfigError, SessionStoreKind},
    occasions::Occasions,
    pulse::Pulse,
    retention::{Retention, RetentionReport, RetentionSection},
    sms::WebhookSms,
    tokens::RedisTokens,
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
pub(crate) struct Open;

impl Outside for Open {}

/// The parts that commands run.
#[derive(Clone, Debug)]
pub struct Parts {
    pub db: DatabaseConnection,
    pub orders: Orders,
    pub api: Api,
    pub callbacks: Callbacks,
    pub(crate) pulse: Pulse,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) retention: Retention,
    pub(crate) occasions: Occasions,
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
        let catalogue = Catalogue::embedded_with(&config.pack_changes())
            .map_err(|report| WiringError::Packs(report.to_string()))?;
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

impl Parts {
    /// Forgets what is older than its class allows; `dry` only counts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget(
        &self,
        dry: bool,
    ) -> Result<RetentionReport, impl std::error::Error + use<>> {
        self.retention.run(dry).await
    }

    /// Looks for what there is to remind of, and sends what is due, until nothing is left to do now;
    /// says how many messages a platform accepted.
    pub async fn remind(&self) -> u32 {
        let mut accepted = 0;
        loop {
            let turn = self.occasions.turn().await;
            accepted += turn.sent.accepted;
            if !turn.more {
                return accepted;
            }
        }
    }

    /// Does the day's forgetting; `None` when a process has done it, or is at it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_daily(
        &self,
    ) -> Result<Option<RetentionReport>, impl std::error::Error + use<>> {
        self.retention.daily().await
    }
}

/// Everything but the database.
struct Prepared {
    catalogue: Arc<Catalogue>,
    accounts: Accounts,
    cipher: FieldCipher,
    sessions: Arc<dyn SessionStore>,
    sms: Option<Arc<dyn SmsSender>>,
    rules: OrderRules,
    proxies: TrustedProxies,
    retention: RetentionSection,
    cities: Vec<CityCode>,
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
        let around = Around { catalogue: &catalogue, clock: &clock, entropy: &entropy, outside };
        let cipher = FieldCipher::new(config.field_keys()?, entropy.clone());
        let accounts = Accounts::build(config, &around, tokens(config, &cipher, &clock)?)?;
        let sms = sms(config)?;
        let sessions = outside.sessions(sessions(config, &cipher, &clock, &entropy)?);
        let rules = config.order_rules()?;
        let proxies = config.server.proxies()?;
        let pulse = Pulse::feel(&config.database_url());
        let retention = config.retention;
        let cities = config.city.iter().map(|section| section.code.clone()).collect();
        Ok(Prepared {
            catalogue,
            accounts,
            cipher,
            sessions,
            sms,
            rules,
            proxies,
            retention,
            cities,
            pulse,
            clock,
            entropy,
        })
    }

    fn on(self, db: DatabaseConnection) -> Parts {
        let Prepared { catalogue, accounts, cipher, sessions, sms, rules, .. } = self;
        let Prepared { proxies, retention: section, cities, pulse, clock, entropy, .. } = self;
        let people = People::new(db.clone(), cipher.clone(), clock.clone(), entropy.clone());
        let reminders = Reminders::new(
            db.clone(),
            people.clone(),
            cipher.clone(),
            accounts.messengers.clone(),
            (clock.clone(), entropy.clone()),
        );
        let orders = Orders::new(OrderParts {
            db: db.clone(),
            people: people.clone(),
            cipher,
            catalogue: catalogue.clone(),
            directory: accounts.directory.clone(),
            rules,
            clock: clock.clone(),
            entropy: entropy.clone(),
        });
        let callbacks = Callbacks {
            orders: orders.clone(),
            clock: clock.clone(),
            database_answers: pulse.answers(),
        };
        let retention = Retention {
            people: people.clone(),
            orders: orders.clone(),
            section,
            clock: clock.clone(),
            reminders: reminders.clone(),
        };
        let occasions = Occasions {
            reminders: reminders.clone(),
            orders: orders.clone(),
            people: people.clone(),
            catalogue: catalogue.clone(),
            cities,
            clock: clock.clone(),
        };
        let api = Api {
            orders: orders.clone(),
            people,
            reminders,
            catalogue,
            sessions,
            logins: accounts.logins.clone(),
            sms,
            clock,
            entropy,
            proxies,
            limits: Limits::default(),
            checks: miniprogram_api::CheckLimit::default(),
            database_answers: pulse.answers(),
        };
        let accounts = Arc::new(accounts);
        Parts { db, orders, api, callbacks, pulse, accounts, retention, occasions }
    }
}

/// Access tokens are where the sessions are: in Redis for all processes, or in this one.
fn tokens(
    config: &Config,
    cipher: &FieldCipher,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<dyn TokenStore>, WiringError> {
    Ok(match (config.sessions.store, &config.sessions.redis_url) {
        (SessionStoreKind::Redis, Some(url)) => {
            // A mock or a sandbox under the application's id is another world, with other tokens.
            let usual = crate::config::WechatSection::usual_mini_program_url();
            let other = config.wechat.iter().map(|section| &section.mini_program_url);
            let other = other.filter(|url| **url != usual).map(|url| format!("{url}:"));
            let prefix = RedisTokens::PREFIX.to_owned() + &other.take(1).collect::<String>();
            let store = RedisTokens::new(url, prefix, cipher.clone());
            Arc::new(store.map_err(|error| WiringError::Sessions(error.to_string()))?)
        }
        _ => Arc::new(EmbeddedTokens::new(clock.clone())),
    })
}

fn sms(config: &Config) -> Result<Option<Arc<dyn SmsSender>>, WiringError> {
    let Some(section) = &config.sms else { return Ok(None) };
    let token = config.secret("sms.token_file", &section.token_file)?;
    let sender = WebhookSms::new(&section.url, token)
        .map_err(|problem| ConfigError::value("sms.url", problem))?;
    Ok(Some(Arc::new(sender)))
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
