//! The accounts of the configuration, and their renewal while the program runs.
//!
//! Players: [`Accounts`] holds what was built from `[[wechat]]`, `[[alipay]]`, `[[agency]]` and
//! `[[city]]`. Promised: a renewal takes everything or nothing; an account whose settings and keys are
//! as they were keeps its object, with the certificates that it downloaded; money that is under way
//! ends with the keys that it began with. Deliberately absent: a task for each account. Keys are looked
//! after when they are used.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use agency::{HttpAgency, HttpAgencyConfig};
use kernel::{Channel, Clock, Current, Entropy, MerchantKey};
use orders::{Directory, Entries, RenewalError};
use platforms::{
    AlipayConfig, AlipayLogin, AlipayMerchant, CitizenProvider, PaymentChannel, TokenStore,
    WechatConfig, WechatLoginConfig, WechatMerchant, WechatMiniProgram,
};
use policies::Catalogue;
use reminders::{Messenger, ReminderKind};

use crate::{
    config::{CitySection, Config, ConfigError},
    messengers::{AlipayMessenger, WechatMessenger},
    wiring::{Outside, WiringError},
};

/// Who logs citizens in and says who they are: one provider for each mini-program.
pub(crate) type Logins = Vec<Arc<dyn CitizenProvider>>;

/// Who takes reminders to citizens: one for each mini-program.
pub(crate) type Messengers = Vec<Arc<dyn Messenger>>;

/// What accounts are built with.
pub(crate) struct Around<'a> {
    pub catalogue: &'a Catalogue,
    pub clock: &'a Arc<dyn Clock>,
    pub entropy: &'a Arc<dyn Entropy>,
    pub outside: &'a dyn Outside,
}

/// Why the accounts stay as they are.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StaleError {
    #[error(transparent)]
    Wiring(#[from] WiringError),
    #[error("{0}; restart to leave it out on purpose")]
    Renewal(#[from] RenewalError),
}

/// The accounts in force.
#[derive(Debug)]
pub(crate) struct Accounts {
    pub directory: Directory,
    pub logins: Current<Logins>,
    pub messengers: Current<Messengers>,
    built: Mutex<Built>,
    /// Where the mini-programs' access tokens are, for all processes or for this one.
    tokens: Arc<dyn TokenStore>,
}

/// What was built, each with what it was built from.
#[derive(Debug, Default)]
struct Built {
    channels: HashMap<MerchantKey, (Source, Arc<dyn PaymentChannel>)>,
    /// WeChat's mini-programs, which know of a token.
    programs: Vec<(WechatLoginConfig, Arc<WechatMiniProgram>)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Source {
    Wechat(WechatConfig),
    Alipay(AlipayConfig),
}

/// Everything that a configuration says about accounts, built and not in force yet.
struct Fresh {
    entries: Entries,
    logins: Logins,
    messengers: Messengers,
    built: Built,
}

impl Accounts {
    /// # Errors
    /// [`WiringError`] names the setting or file that is wrong.
    pub(crate) fn build(
        config: &Config,
        around: &Around<'_>,
        tokens: Arc<dyn TokenStore>,
    ) -> Result<Accounts, WiringError> {
        let fresh = Fresh::of(config, around, &tokens, &Built::default())?;
        Ok(Accounts {
            tokens,
            directory: Directory::new(fresh.entries),
            logins: Current::new(fresh.logins),
            messengers: Current::new(fresh.messengers),
            built: Mutex::new(fresh.built),
        })
    }

    /// Puts what `config` says in force, and tells how many merchant accounts are new or have other
    /// keys or settings.
    ///
    /// # Errors
    /// [`StaleError`]; everything is as it was then.
    pub(crate) fn renew(&self, config: &Config, around: &Around<'_>) -> Result<usize, StaleError> {
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = Fresh::of(config, around, &self.tokens, &built)?;
        let same = |key: &MerchantKey, channel: &Arc<dyn PaymentChannel>| {
            built.channels.get(key).is_some_and(|(_, former)| Arc::ptr_eq(former, channel))
        };
        let channels = fresh.built.channels.iter();
        let changed = channels.filter(|(key, (_, channel))| !same(key, channel)).count();
        self.directory.renew(fresh.entries)?;
        self.logins.replace(fresh.logins);
        self.messengers.replace(fresh.messengers);
        *built = fresh.built;
        Ok(changed)
    }
}

impl Fresh {
    fn of(
        config: &Config,
        around: &Around<'_>,
        tokens: &Arc<dyn TokenStore>,
        former: &Built,
    ) -> Result<Fresh, WiringError> {
        let mut fresh = Fresh {
            entries: Entries::default(),
            logins: Vec::new(),
            messengers: Vec::new(),
            built: Built::default(),
        };
        for section in &config.wechat {
            let login = section.login(config)?;
            let known = former.programs.iter().find(|(former, _)| *former == login);
            let program = match known {
                Some((_, program)) => program.clone(),
                None => {
                    let (clock, entropy) = (around.clock.clone(), &**around.entropy);
                    let program =
                        WechatMiniProgram::new(login.clone(), tokens.clone(), clock, entropy);
                    Arc::new(program.map_err(|error| wrong(&section.key, &error))?)
                }
            };
            fresh.add_login(program.clone());
            let app_id = login.app_id.clone();
            fresh.built.programs.push((login, program.clone()));
            let templates = section.templates()?;
            fresh.add_messenger(Arc::new(WechatMessenger { program, app_id, templates }));
            let account = section.merchant(config)?;
            fresh.add_channel(former, Source::Wechat(account), around)?;
        }
        for section in &config.alipay {
            let account = section.merchant(config)?;
            let login = AlipayLogin::new(&account, around.clock.clone());
            let program = Arc::new(login.map_err(|error| wrong(&section.key, &error))?);
            fresh.add_login(program.clone());
            let templates = section.templates()?;
            fresh.add_messenger(Arc::new(AlipayMessenger { program, templates }));
            fresh.add_channel(former, Source::Alipay(account), around)?;
        }
        fresh.add_agencies(config, around)?;
        for section in &config.city {
            fresh.add_city(section, around.catalogue)?;
        }
        Ok(fresh)
    }

    /// Several merchant accounts may serve one mini-program; its login is one.
    fn add_login(&mut self, login: Arc<dyn CitizenProvider>) {
        let known = |other: &Arc<dyn CitizenProvider>| {
            other.channel() == login.channel() && other.app_id() == login.app_id()
        };
        if !self.logins.iter().any(known) {
            self.logins.push(login);
        }
    }

    /// One messenger for each mini-program too: whichever account names its templates first.
    fn add_messenger(&mut self, messenger: Arc<dyn Messenger>) {
        let same = |other: &Arc<dyn Messenger>| {
            other.channel() == messenger.channel() && other.app_id() == messenger.app_id()
        };
        let says_nothing = |messenger: &Arc<dyn Messenger>| {
            ReminderKind::ALL.iter().all(|kind| messenger.template_id(*kind).is_none())
        };
        match self.messengers.iter().position(same) {
            None => self.messengers.push(messenger),
            Some(known) if says_nothing(&self.messengers[known]) => {
                self.messengers[known] = messenger;
            }
            Some(_) => {}
        }
    }

    fn add_channel(
        &mut self,
        former: &Built,
        source: Source,
        around: &Around<'_>,
    ) -> Result<(), WiringError> {
        let key = match &source {
            Source::Wechat(account) => account.key.clone(),
            Source::Alipay(account) => account.key.clone(),
        };
        let channel = match former.channels.get(&key) {
            Some((known, channel)) if *known == source => channel.clone(),
            _ => around.outside.channel(source.channel(around)?),
        };
        let entries = std::mem::take(&mut self.entries);
        self.entries = entries.with_channel(channel.clone());
        self.built.channels.insert(key, (source, channel));
        Ok(())
    }

    fn add_agencies(&mut self, config: &Config, around: &Around<'_>) -> Result<(), WiringError> {
        for section in &config.agency {
            let setting = format!("agency {}: secret_file", section.institution);
            let http = HttpAgencyConfig {
                base_url: section.base_url.clone(),
                institution: section.institution.clone(),
                secret: config.secret(&setting, &section.secret_file)?,
            };
            let http = HttpAgency::new(http, around.clock.clone(), around.entropy.clone());
            let http = http.map_err(|error| {
                ConfigError::value(format!("agency {}", section.base_url), error.to_string())
            })?;
            let http = around.outside.agency(Arc::new(http));
            for code in &section.codes {
                let entries = std::mem::take(&mut self.entries);
                self.entries = entries.with_agency(code.clone(), http.clone());
            }
        }
        Ok(())
    }

    /// A city collects through the accounts that its pack names, or that its section names instead.
    fn add_city(
        &mut self,
        section: &CitySection,
        catalogue: &Catalogue,
    ) -> Result<(), WiringError> {
        let code = &section.code;
        if catalogue.city(code).is_none() {
            let problem = "is no city of the catalogue";
            return Err(ConfigError::value(format!("city {code}"), problem).into());
        }
        let pack = catalogue.packs().find(|pack| pack.code == *code);
        for (channel, named) in
            [(Channel::Wechat, &section.wechat), (Channel::Alipay, &section.alipay)]
        {
            let of_pack = || pack.and_then(|pack| pack.merchants.on(channel));
            let Some(merchant) = named.as_ref().or_else(of_pack) else { continue };
            // The pack may name an account that this installation does not have.
            if !self.built.channels.contains_key(merchant) {
                tracing::warn!(city.code = %code, %merchant, "the pack's merchant account is not configured; the city does not collect through it");
                continue;
            }
            let entries = std::mem::take(&mut self.entries);
            self.entries = entries.with_collector(code.clone(), channel, merchant.clone());
        }
        for office in pack.into_iter().flat_map(|pack| &pack.agencies) {
            if !self.entries.has_agency(&office.code) {
                tracing::warn!(city.code = %code, agency = %office.code, "a collecting city's agency is not configured");
            }
        }
        Ok(())
    }
}

impl Source {
    fn channel(&self, around: &Around<'_>) -> Result<Arc<dyn PaymentChannel>, WiringError> {
        Ok(match self.clone() {
            Source::Wechat(account) => {
                let key = account.key.clone();
                let (clock, entropy) = (around.clock.clone(), around.entropy.clone());
                let merchant = WechatMerchant::new(account, clock, entropy);
                Arc::new(merchant.map_err(|error| wrong(&key, &error))?)
            }
            Source::Alipay(account) => {
                let key = account.key.clone();
                let merchant = AlipayMerchant::new(account, around.clock.clone());
                Arc::new(merchant.map_err(|error| wrong(&key, &error))?)
            }
        })
    }
}

fn wrong(key: &MerchantKey, problem: &dyn std::fmt::Display) -> WiringError {
    WiringError::Account { key: key.to_string(), problem: problem.to_string() }
}
