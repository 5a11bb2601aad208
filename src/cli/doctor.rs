//! `doctor`: what is wrong with keys, certificates and accounts, each in one sentence, and what will be
//! soon. Reads only; with `--online` it also asks the platforms, without money.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::Args;
use kernel::{Clock, Entropy, MerchantKey, OutTradeNo};
use platforms::{
    AlipayMerchant, ChannelError, EmbeddedTokens, Finding, Gravity, PaymentChannel,
    PaymentStanding, WechatLoginConfig, WechatMerchant, WechatMiniProgram,
};
use policies::Catalogue;

use super::{fail, say};
use crate::{
    config::{Config, ConfigError},
    system, telemetry,
};

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Ask the platforms too whether they know the keys. Moves no money.
    #[arg(long)]
    online: bool,
}

/// What was found, by whom it is about.
#[derive(Default)]
struct Chart(BTreeMap<String, Vec<Finding>>);

impl Chart {
    /// Somebody was looked at, and perhaps nothing is to be said.
    fn seen(&mut self, who: &str) -> &mut Vec<Finding> {
        self.0.entry(who.to_owned()).or_default()
    }

    fn note(&mut self, who: &str, gravity: Gravity, setting: &str, sentence: String) {
        self.seen(who).push(Finding { gravity, setting: setting.to_owned(), sentence });
    }

    fn unreadable(&mut self, who: &str, error: &ConfigError) {
        let (setting, sentence) = match error {
            ConfigError::File { setting, path, reason } => {
                (setting.as_str(), format!("{} cannot be read: {reason}", path.display()))
            }
            ConfigError::Value { setting, problem } => (setting.as_str(), problem.clone()),
            ConfigError::Read(error) => ("configuration", error.to_string()),
        };
        let setting = setting.rsplit(": ").next().unwrap_or(setting);
        self.note(who, Gravity::Broken, setting, sentence);
    }

    fn count(&self, gravity: Gravity) -> usize {
        self.0.values().flatten().filter(|finding| finding.gravity == gravity).count()
    }

    fn tell(&self) {
        for (who, findings) in &self.0 {
            say(format_args!("{who}: {}", if findings.is_empty() { "well" } else { "look here" }));
            for Finding { gravity, setting, sentence } in findings {
                let gravity = match gravity {
                    Gravity::Broken => "broken",
                    Gravity::Attention => "attention",
                };
                say(format_args!("  {gravity:<9}  {setting}: {sentence}"));
            }
        }
    }
}

impl Doctor {
    pub(crate) async fn run(self) -> ExitCode {
        telemetry::start_logging("off");
        let config = match Config::load(&self.config) {
            Ok(config) => config,
            Err(error) => return fail(&error),
        };
        let (clock, entropy) = system();
        let mut chart = Chart::default();
        look_at_secrets(&config, &mut chart);
        look_at_cities(&config, &mut chart);
        for section in &config.wechat {
            let who = format!("wechat {}", section.key);
            let account = match section.merchant(&config) {
                Ok(account) => account,
                Err(error) => {
                    chart.unreadable(&who, &error);
                    continue;
                }
            };
            chart.seen(&who).extend(account.examine(clock.now()));
            let login = section.login(&config);
            match &login {
                Err(error) => chart.unreadable(&who, error),
                Ok(login) if login.app_secret == account.apiv3_key => {
                    let sentence = "is the same text as app_secret_file: one of them is in the wrong \
                                    place";
                    chart.note(&who, Gravity::Broken, "apiv3_key_file", sentence.to_owned());
                }
                Ok(_) => {}
            }
            if self.online
                && let Ok(merchant) = WechatMerchant::new(account, clock.clone(), entropy.clone())
            {
                chart.seen(&who).extend(merchant.examine_online().await);
            }
            if self.online
                && let Ok(login) = login
                && let Err(error) = ask_for_token(login, &clock, &*entropy).await
            {
                chart.note(&who, Gravity::Broken, "app_id and app_secret_file", error);
            }
        }
        for section in &config.alipay {
            let who = format!("alipay {}", section.key);
            let account = match section.merchant(&config) {
                Ok(account) => account,
                Err(error) => {
                    chart.unreadable(&who, &error);
                    continue;
                }
            };
            chart.seen(&who).extend(account.examine(clock.now()));
            if self.online
                && let Ok(merchant) = AlipayMerchant::new(account, clock.clone())
                && let Err(error) = ask_for_nothing(&config, &merchant, &*clock, &*entropy).await
            {
                chart.seen(&who).push(answered(&error));
            }
        }
        chart.tell();
        match (chart.count(Gravity::Broken), chart.count(Gravity::Attention)) {
            (0, 0) => say("all is well"),
            (0, some) => say(format_args!("nothing is broken; {some} to be looked at")),
            (broken, some) => {
                return fail(&format_args!("{broken} broken, {some} more to be looked at"));
            }
        }
        ExitCode::SUCCESS
    }
}

/// Whether the mini-program's secret is believed.
async fn ask_for_token(
    login: WechatLoginConfig,
    clock: &Arc<dyn Clock>,
    entropy: &dyn Entropy,
) -> Result<(), String> {
    let store = Arc::new(EmbeddedTokens::new(clock.clone()));
    let program = WechatMiniProgram::new(login, store, clock.clone(), entropy);
    let program = program.map_err(|error| error.to_string())?;
    program.self_test().await.map_err(|error| error.to_string())
}

/// A payment that never was: whoever answers "not found" has believed our signature, and we theirs.
async fn ask_for_nothing(
    config: &Config,
    merchant: &AlipayMerchant,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<(), ChannelError> {
    let prefix = config.numbers.prefix().unwrap_or(*b"XX");
    let number = OutTradeNo::generate(prefix, clock.now(), entropy);
    match merchant.query_payment(&number).await? {
        PaymentStanding::NotFound => Ok(()),
        other => Err(ChannelError::Unknown(format!("the answer about nothing is {other:?}"))),
    }
}

fn answered(error: &ChannelError) -> Finding {
    Finding {
        gravity: Gravity::Broken,
        setting: "the platform".to_owned(),
        sentence: error.to_string(),
    }
}

fn look_at_secrets(config: &Config, chart: &mut Chart) {
    let who = "secrets";
    chart.seen(who);
    if let Err(error) = config.field_keys() {
        chart.unreadable(who, &error);
    }
    for section in &config.agency {
        let who = format!("agency {} at {}", section.institution, section.base_url);
        chart.seen(&who);
        match config.secret("secret_file", &section.secret_file) {
            Err(error) => chart.unreadable(&who, &error),
            Ok(secret) if secret.expose().is_empty() => {
                chart.note(&who, Gravity::Broken, "secret_file", "is empty".to_owned());
            }
            Ok(_) => {}
        }
    }
    for (who, setting, path) in private_files(config) {
        if is_open_to_others(&config.folder.join(path)) {
            let sentence = format!("{} can be read by others: chmod 600", path.display());
            chart.note(&who, Gravity::Attention, setting, sentence);
        }
    }
}

/// Every file that must stay private: whose it is, which setting names it, and where it is.
fn private_files(config: &Config) -> Vec<(String, &'static str, &Path)> {
    let mut files: Vec<(String, &'static str, &Path)> = vec![
        ("secrets".to_owned(), "field_key_file", &config.secrets.field_key_file),
        ("secrets".to_owned(), "lookup_key_file", &config.secrets.lookup_key_file),
    ];
    for section in &config.wechat {
        let who = format!("wechat {}", section.key);
        files.push((who.clone(), "app_secret_file", &section.app_secret_file));
        files.push((who.clone(), "merchant_key_file", &section.merchant_key_file));
        files.push((who, "apiv3_key_file", &section.apiv3_key_file));
    }
    for section in &config.alipay {
        let who = format!("alipay {}", section.key);
        files.push((who.clone(), "app_private_key_file", &section.app_private_key_file));
        files.extend(section.content_key_file.iter().map(|file| {
            let file: (String, &'static str, &Path) = (who.clone(), "content_key_file", file);
            file
        }));
    }
    for section in &config.agency {
        let who = format!("agency {} at {}", section.institution, section.base_url);
        files.push((who, "secret_file", &section.secret_file));
    }
    files
}

fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    // A file that is not there was told already.
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0)
}

fn look_at_cities(config: &Config, chart: &mut Chart) {
    let catalogue = match Catalogue::embedded() {
        Ok(catalogue) => catalogue,
        Err(report) => {
            return chart.note("cities", Gravity::Broken, "packs", report.to_string());
        }
    };
    let known: Vec<&MerchantKey> = config
        .wechat
        .iter()
        .map(|section| &section.key)
        .chain(config.alipay.iter().map(|section| &section.key))
        .collect();
    for section in &config.city {
        let who = format!("city {}", section.code);
        chart.seen(&who);
        if catalogue.city(&section.code).is_none() {
            let sentence = "is no city of the catalogue".to_owned();
            chart.note(&who, Gravity::Broken, "code", sentence);
        }
        let Some(pack) = catalogue.packs().find(|pack| pack.code == section.code) else { continue };
        let named = [
            ("wechat", &section.wechat, &pack.merchants.wechat),
            ("alipay", &section.alipay, &pack.merchants.alipay),
        ];
        for (wallet, own, of_pack) in named {
            let sentence = match own.as_ref().or(of_pack.as_ref()) {
                Some(merchant) if known.contains(&merchant) => continue,
                Some(merchant) => {
                    format!("its pack names the account {merchant}, which has no section")
                }
                None => "no account collects in this wallet".to_owned(),
            };
            chart.note(&who, Gravity::Attention, wallet, sentence);
        }
        for office in &pack.agencies {
            if !config.agency.iter().any(|agency| agency.codes.contains(&office.code)) {
                let sentence = format!("{} ({}) has no [[agency]]", office.code, office.name);
                chart.note(&who, Gravity::Attention, "agency", sentence);
            }
        }
    }
}
