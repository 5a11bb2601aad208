//! `demo`: everything on loopback, one purchase per platform, step by step, then serving on.
//!
//! It starts the mock providers and the service exactly as `mock` and `serve` do, in one process and
//! a folder of its own, and then plays a mini-program against the service's HTTP API. The purchase
//! knows nothing that a client in another language would not know.

mod brief;
mod client;
mod purchase;

use std::{io::IsTerminal, net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc};

use clap::Args;
use kernel::{Channel, OrderNo};
use mock_providers::{BookLine, Books, Providers, ProvidersError, ProvidersOptions};
use orders::{JournalLine, Orders};
use tokio::net::TcpListener;

use self::{client::Client, purchase::Purchase};
use super::{fail, mock, say};
use crate::{Config, Parts, Running, Serving, system, telemetry};

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Port to serve on; another free one is taken when it is busy.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Where keys and the database are kept; a fresh temporary folder when absent.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Port of the phone page and the mocks' control API; the one after the service's when absent, and
    /// another free one when it is busy.
    #[arg(long)]
    phone_port: Option<u16>,
    /// End after the two purchases instead of serving on.
    #[arg(long)]
    once: bool,
}

/// From the page to a voucher, click by click; a browser test walks it.
const WAY_CHINESE: &str = "  走一遍约一分钟：无锡 → 养老保险缴费 → 微信小程序 → 填入虚构的参保人 → 我已阅读并同意 → 保存 → 下一步 → 您将为 → 确认并支付 → 确认付款 → 查看缴费凭证 → 下载 PDF";
const WAY_ENGLISH: &str = "  a minute's walk (EN, top right): 无锡 → Pension → WeChat mini-program → Fill in an invented person → I have read this → Save → Next → You are about to pay → Confirm and pay → Pay now → See the voucher → Download PDF";

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Demo {
    pub(crate) async fn run(self) -> ExitCode {
        telemetry::start_logging("warn");
        match self.play().await {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => fail(&failure),
        }
    }

    async fn play(self) -> Result<(), Failure> {
        let folder = Folder::new(self.dir)?;
        let (providers, running) = start(self.port, self.phone_port, &folder.path).await?;
        let base_url = format!("http://{}", running.address);
        let control_url = providers.facts().control_url.clone();
        let phone = format!("{control_url}/phone/");
        if !self.once {
            say_where(&phone);
        }
        say(format!("服务 service   {base_url}   文档 docs {base_url}/docs"));
        say(format!(
            "模拟 mocks     WeChat {}   Alipay {}   agency {}   control {control_url}",
            providers.facts().wechat.base_url,
            providers.facts().alipay.gateway,
            providers.facts().agency.base_url
        ));
        let people = [
            (Channel::Wechat, "320213190001010006", "张三"),
            (Channel::Alipay, "320213190001010014", "李四"),
        ];
        for (channel, document, name) in people {
            let client = Client::new(&base_url, &control_url)?;
            Purchase { client, channel, document, name }.play().await?;
        }
        say("");
        say("两笔缴费均已入账。Both purchases are posted.");
        if self.once {
            running.stop().await;
        } else {
            say(format!("继续提供服务，按 Ctrl-C 结束。Serving on at {base_url} until Ctrl-C."));
            say_where(&phone);
            say(WAY_CHINESE);
            say(WAY_ENGLISH);
            running.until_told().await;
        }
        providers.shutdown().await;
        drop(folder);
        Ok(())
    }
}

/// Where the page is, in a block of its own: what a newcomer looks for among everything else.
fn say_where(phone: &str) {
    let (bold, plain) =
        if std::io::stdout().is_terminal() { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    say("");
    say(format!("  ▶ {bold}手机页面 phone page   {phone}{plain}"));
    say("    在浏览器中打开 open in a browser");
    say("");
}

async fn start(
    port: u16,
    phone_port: Option<u16>,
    folder: &std::path::Path,
) -> Result<(Providers, Running), Failure> {
    let listener = match TcpListener::bind(("127.0.0.1", port)).await {
        Ok(listener) => listener,
        Err(_) => TcpListener::bind(("127.0.0.1", 0)).await?,
    };
    let address: SocketAddr = listener.local_addr()?;
    let options = |control_port| ProvidersOptions {
        folder: Some(folder.to_owned()),
        service_listen: address,
        control_port,
        ..ProvidersOptions::default()
    };
    // The page is easier to find again at an address that stays; a busy port is no reason to fail.
    let wished = phone_port.or(address.port().checked_add(1)).unwrap_or(0);
    let providers = match mock::start(options(wished)).await {
        Err(ProvidersError::Bind { server: "control", .. }) => mock::start(options(0)).await?,
        started => started?,
    };
    let written = providers.write_folder(folder)?;
    let config = Config::load(&written.config)?;
    let (clock, entropy) = system();
    let parts = Parts::build(&config, clock, entropy).await?;
    providers.show_books(books_of(parts.orders.clone()));
    let running = Serving { parts, listener, worker: true }.start()?;
    Ok((providers, running))
}

/// The journal of any order, for the page's side panel: only here are service and mocks one process.
fn books_of(orders: Orders) -> Books {
    let line = |line: JournalLine| BookLine {
        at: line.at,
        event: line.event,
        debit: line.debit,
        credit: line.credit,
        amount: line.amount,
    };
    Arc::new(move |order_no: OrderNo| {
        let orders = orders.clone();
        Box::pin(async move {
            let lines = orders.journal_of(&order_no).await.ok()?;
            Some(lines.into_iter().map(line).collect())
        })
    })
}

/// The demonstration's folder; a temporary one goes when the demonstration ends.
struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    fn new(dir: Option<PathBuf>) -> Result<Folder, Failure> {
        let temporary = dir.is_none();
        let path = dir.unwrap_or_else(|| {
            std::env::temp_dir().join(format!("city-services-demo-{}", system().1.hex(8)))
        });
        std::fs::create_dir_all(&path)?;
        Ok(Folder { path, temporary })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            tracing::warn!(%error, "the demonstration's folder stays");
        }
    }
}
