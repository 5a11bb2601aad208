//! Builds each part once, from configuration to handles.

use std::sync::Arc;

use agency::Agency;
use callbacks::Callbacks;
use kernel::{Clock, Entropy};
use miniprogram_api::{
    Api, EmbeddedSessions, IdentityAttempts, RedisSessions, SessionRules, SessionStore,
};
use orders::{OrderParts, OrderRules, Orders};
use people::{FieldCipher, People};
use platforms::PaymentChannel;
use policies::Catalogue;
use sea_orm::{DatabaseConnection, DbErr};

use crate::{
    accounts::{Accounts, Around},
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
    accounts: Accounts,
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
        let around = Around { catalogue: &catalogue, clock: &clock, entropy: &entropy, outside };
        let accounts = Accounts::build(config, &around)?;
        let cipher = FieldCipher::new(config.field_keys()?, entropy.clone());
        let sessions = outside.sessions(sessions(config, &cipher, &clock, &entropy)?);
        let rules = config.order_rules()?;
        let pulse = Pulse::feel(&config.database_url());
        Ok(Prepared { catalogue, accounts, cipher, sessions, rules, pulse, clock, entropy })
    }

    fn on(self, db: DatabaseConnection) -> Parts {
        let Prepared { catalogue, accounts, cipher, sessions, rules, pulse, clock, entropy } = self;
        let people = People::new(db.clone(), cipher.clone(), clock.clone(), entropy.clone());
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
        let attempts = IdentityAttempts::default();
        let api = Api {
            orders: orders.clone(),
            people,
            catalogue,
            sessions,
            logins: accounts.logins.clone(),
            clock,
            entropy,
            attempts,
            checks: miniprogram_api::CheckLimit::default(),
            database_answers: pulse.answers(),
        };
        Parts { db, orders, api, callbacks, pulse, accounts: Arc::new(accounts) }
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
