//! `mock`: the mock providers alone.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::Args;
use mock_providers::{Providers, ProvidersError, ProvidersOptions};
use policies::Catalogue;

use super::{fail, say};
use crate::{server, system, telemetry};

#[derive(Debug, Args)]
pub(crate) struct Mock {
    /// Where keys, certificates, `mock.json` and `city-services.toml` are written.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Where the written configuration lets `serve` listen.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    serve_listen: SocketAddr,
    /// Port of the mock WeChat; 0 takes the one before, or any free one.
    #[arg(long, default_value_t = 0)]
    wechat_port: u16,
    /// Port of the mock WeChat's backup host.
    #[arg(long, default_value_t = 0)]
    wechat_backup_port: u16,
    /// Port of the mock Alipay gateway.
    #[arg(long, default_value_t = 0)]
    alipay_port: u16,
    /// Port of the mock agency.
    #[arg(long, default_value_t = 0)]
    agency_port: u16,
    /// Port of the control API.
    #[arg(long, default_value_t = 0)]
    control_port: u16,
}

impl Mock {
    pub(crate) async fn run(self) -> ExitCode {
        telemetry::start_logging("info");
        let options = ProvidersOptions {
            wechat_port: self.wechat_port,
            wechat_backup_port: self.wechat_backup_port,
            alipay_port: self.alipay_port,
            agency_port: self.agency_port,
            control_port: self.control_port,
            folder: Some(self.dir.clone()),
            service_listen: self.serve_listen,
            ..ProvidersOptions::default()
        };
        let providers = match start(options).await {
            Ok(providers) => providers,
            Err(error) => return fail(&error),
        };
        let written = match providers.write_folder(&self.dir) {
            Ok(written) => written,
            Err(error) => return fail(&error),
        };
        let facts = providers.facts();
        let config = written.config.display();
        say(format!("WeChat Pay and mini-program  {}", facts.wechat.base_url));
        say(format!("WeChat Pay's backup host     {}", facts.wechat.backup_url));
        say(format!("Alipay gateway               {}", facts.alipay.gateway));
        say(format!("agency                       {}", facts.agency.base_url));
        say(format!("the mini-program on a page   {}/phone/", facts.control_url));
        say(format!("control: what you can do     {}/", facts.control_url));
        say(format!("control for tools            {}/openapi.json", facts.control_url));
        say(format!("addresses, ids and keys      {}", written.index.display()));
        say(format!("our service against it       city-services serve --config {config}"));
        if let Some(previous) = &written.previous_config {
            say(format!("the configuration before     {}", previous.display()));
        }
        say("ready; your own shop in five minutes: docs/mock-providers.md".to_owned());
        server::told_to_end().await;
        providers.shutdown().await;
        ExitCode::SUCCESS
    }
}

/// Starts the mocks on the machine's clock, for every city that a pack opens.
pub(crate) async fn start(options: ProvidersOptions) -> Result<Providers, ProvidersError> {
    let (clock, entropy) = system();
    let cities = Catalogue::embedded().map_or_else(
        |_| options.cities.clone(),
        |catalogue| catalogue.packs().map(|pack| pack.code.clone()).collect(),
    );
    Providers::start(ProvidersOptions { cities, ..options }, clock, entropy).await
}
