//! The handle: binds four servers on loopback, starts the post office, and acts for tests.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::{Router, middleware};
use kernel::{
    Channel, CityCode, Clock, ControlledClock, Entropy, Secret, SeededEntropy, Timestamp,
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    agency::{self, AgencyBook, AgencyBookOptions},
    alipay::{self, Alipay},
    clocks::Clocks,
    control,
    delivery::{Attempt, Delivery, PostOffice},
    desk::{ClientResult, Desk, DeskError, MintedCode, NotificationRequest, PayRequest, TradeView},
    facts::{Addresses, Facts, wechat_urls},
    faults::{Fault, FaultError, Faults},
    folder::{self, FolderError, Home, WrittenFolder},
    keys::{KeyError, Keys},
    letter::SignedNotification,
    outage::{self, IsDown, MainHost},
    phone::{self, Books, Exchanges, Observer, Shelf},
    settings::{Settings, Switches},
    sms::{SmsBook, SmsView},
    stage::Stage,
    wechat::{self, Wechat},
};

/// How the mocks are started. [`Default`] suits the `mock` command; tests set the delays to zero.
pub struct ProvidersOptions {
    /// 0 takes the port that `folder` remembers, or any free one.
    pub wechat_port: u16,
    /// Of WeChat's backup host (备域名), which answers like the main one.
    pub wechat_backup_port: u16,
    pub alipay_port: u16,
    pub agency_port: u16,
    pub control_port: u16,
    /// Whether `notify_url` may be plain http, which the real platforms refuse or frown upon.
    pub http_notify_url: bool,
    /// From an event to the first attempt to tell it.
    pub first_delivery_delay: Duration,
    /// From acceptance of a WeChat refund to its end; whole seconds.
    pub refund_delay: Duration,
    /// Keys, ids and nonces from this seed in place of the entropy handed in.
    pub seed: Option<u64>,
    /// The clock handed in, when the control API may move it. Otherwise the control API moves an
    /// offset of the mock's business time only.
    pub controlled: Option<Arc<ControlledClock>>,
    /// A folder that [`Providers::write_folder`] wrote before: its keys and ports are used again, so
    /// that a running service stays valid. An absent or empty folder gives new ones.
    pub folder: Option<PathBuf>,
    /// Where the written configuration lets the service listen.
    pub service_listen: SocketAddr,
    /// The cities of the written configuration.
    pub cities: Vec<CityCode>,
    /// Whether notifications wait until [`Providers::send_next`], [`Providers::settle`] or
    /// [`Providers::advance`] sends them, one after the other. For histories that must repeat exactly.
    pub post_by_hand: bool,
    /// Whether the mock agency enrols a person with a valid resident ID whom it does not know.
    pub enrol_unknown: bool,
}

impl Default for ProvidersOptions {
    fn default() -> ProvidersOptions {
        ProvidersOptions {
            wechat_port: 0,
            wechat_backup_port: 0,
            alipay_port: 0,
            agency_port: 0,
            control_port: 0,
            http_notify_url: true,
            first_delivery_delay: Duration::from_secs(1),
            refund_delay: Duration::from_secs(5),
            seed: None,
            controlled: None,
            folder: None,
            service_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            cities: CityCode::new("320200").into_iter().collect(),
            post_by_hand: false,
            enrol_unknown: true,
        }
    }
}

/// Why the mocks do not start.
#[derive(Debug, thiserror::Error)]
pub enum ProvidersError {
    #[error("port {port} for the mock {server} cannot be bound: {cause}")]
    Bind { server: &'static str, port: u16, cause: std::io::Error },
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error("there is no merchant of WeChat among the keys")]
    NoMerchant,
    #[error("the sender of notifications cannot be built: {0}")]
    Client(#[from] reqwest::Error),
}

/// Running mocks. Dropping the handle stops them without waiting.
pub struct Providers {
    desk: Desk,
    book: AgencyBook,
    shelf: Shelf,
    keys: Facts,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Providers").field(&self.keys).finish()
    }
}

/// How long open connections may take to end after a stop.
const GRACE: Duration = Duration::from_secs(2);

async fn bind(server: &'static str, port: u16) -> Result<TcpListener, ProvidersError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpListener::bind(address).await.map_err(|cause| ProvidersError::Bind { server, port, cause })
}

fn serve<L: axum::serve::Listener>(
    name: &'static str,
    listener: L,
    router: Router,
    mut stop: watch::Receiver<bool>,
) -> JoinHandle<()>
where
    L::Addr: std::fmt::Debug,
{
    tokio::spawn(async move {
        let stopped = async move {
            // An error means that the handle is gone, which is a stop as well.
            let _gone = stop.changed().await;
        };
        if let Err(cause) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
            tracing::error!(server = name, error = %cause, "a mock server ended");
        }
    })
}

impl Providers {
    /// Binds loopback ports and starts. The caller must have installed rustls' default provider,
    /// which the sender of notifications needs even for plain http.
    ///
    /// # Errors
    /// A taken port, an unreadable folder, keys that cannot be made.
    pub async fn start(
        options: ProvidersOptions,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Providers, ProvidersError> {
        let entropy: Arc<dyn Entropy> = match options.seed {
            Some(seed) => Arc::new(SeededEntropy::new(seed)),
            None => entropy,
        };
        let remembered = match &options.folder {
            Some(folder) => folder::remembered(folder)?,
            None => None,
        };
        let (keys, ports) = match remembered {
            Some((keys, ports)) => (keys, ports),
            None => (Keys::generate(clock.now(), entropy.as_ref())?, folder::Ports::default()),
        };
        let port = |asked: u16, before: u16| if asked == 0 { before } else { asked };
        let listeners = [
            bind("wechat", port(options.wechat_port, ports.wechat)).await?,
            bind("wechat backup", port(options.wechat_backup_port, ports.wechat_backup)).await?,
            bind("alipay", port(options.alipay_port, ports.alipay)).await?,
            bind("agency", port(options.agency_port, ports.agency)).await?,
            bind("control", port(options.control_port, ports.control)).await?,
        ];
        let mut bound = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); 5];
        for (address, listener) in bound.iter_mut().zip(&listeners) {
            *address = listener.local_addr().map_err(|cause| ProvidersError::Bind {
                server: "mock",
                port: 0,
                cause,
            })?;
        }
        let [wechat, wechat_backup, alipay, agency, control] = bound;
        let addresses = Addresses { wechat, wechat_backup, alipay, agency, control };
        let clocks = Arc::new(Clocks::new(Arc::clone(&clock), options.controlled));
        let faults = Arc::new(Faults::default());
        let switches = Arc::new(Switches::new(Settings {
            first_delivery_delay_ms: u64::try_from(options.first_delivery_delay.as_millis())
                .unwrap_or(u64::MAX),
            refund_delay_seconds: options.refund_delay.as_secs(),
            http_notify_url: options.http_notify_url,
            ..Settings::default()
        }));
        let office =
            PostOffice::new(Arc::clone(&clocks), Arc::clone(&faults), options.post_by_hand)?;
        let office = Arc::new(office);
        let main_host = switches.watch();
        let rate = Default::default();
        let office_too = Arc::clone(&office);
        let exchanges: Arc<Exchanges> = Arc::default();
        let observed = {
            let (exchanges, clocks) = (Arc::clone(&exchanges), Arc::clone(&clocks));
            move |server, router: Router| {
                let (exchanges, clocks) = (Arc::clone(&exchanges), Arc::clone(&clocks));
                let observer = Observer { exchanges, clocks, server };
                router.layer(middleware::from_fn_with_state(observer, phone::observe))
            }
        };
        let stage =
            Stage { clocks, entropy, faults, switches, office: office_too, rate, exchanges };
        let stage = Arc::new(stage);
        let (wechat_address, alipay_address) = (wechat, alipay);
        let Keys { app, merchants, alipay: alipay_keys, agency: agency_keys } = keys;
        let urls = wechat_urls(addresses);
        let wechat = Arc::new(Wechat::new(app, merchants, urls, Arc::clone(&stage)));
        let wechat_facts = wechat.merchants().iter().map(|merchant| merchant.facts()).collect();
        let facts = Facts::new(wechat_facts, &alipay_keys, &agency_keys, addresses);
        let facts = facts.ok_or(ProvidersError::NoMerchant)?;
        let alipay = Arc::new(Alipay::new(Arc::new(alipay_keys), Arc::clone(&stage)));
        let sms = Arc::new(SmsBook::new(facts.sms.token.clone()));
        let service = folder::Service { listen: options.service_listen, cities: options.cities };
        let home = Arc::new(Home::new(facts.clone(), service));
        let (wechat_too, alipay_too) = (Arc::clone(&wechat), Arc::clone(&alipay));
        let desk = Desk { stage, wechat: wechat_too, alipay: alipay_too, sms, home };
        let book = AgencyBookOptions {
            enrol_unknown: options.enrol_unknown,
            ..AgencyBookOptions::new(agency_keys.institution, Secret::new(agency_keys.secret))
        };
        let book = AgencyBook::new(book, clock);
        let shelf = Shelf::default();
        let agency = observed("agency", agency::router(book.clone()));
        let control_routes =
            control::router(desk.clone()).merge(agency::control_router(book.clone()));
        let page = phone::router(options.service_listen, desk.clone(), shelf.clone())?;
        let control_routes = control::closed(control_routes).merge(page);

        let (stop, stopped) = watch::channel(false);
        let [on_wechat, on_backup, on_alipay, on_agency, on_control] = listeners;
        let wechat_down: IsDown = |settings| settings.wechat_main_host_down;
        let main = MainHost::new(on_wechat, wechat_address, main_host.clone(), wechat_down);
        let on_main = observed("wechat", wechat::router(Arc::clone(&wechat)));
        let main_router = outage::guarded(on_main, main_host.clone(), wechat_down);
        let backup_router = observed("wechat backup", wechat::router(wechat));
        let alipay_down: IsDown = |settings| settings.alipay_host_down;
        let on_alipay = MainHost::new(on_alipay, alipay_address, main_host.clone(), alipay_down);
        let alipay_router = observed("alipay", alipay::router(alipay));
        let alipay_router = outage::guarded(alipay_router, main_host, alipay_down);
        let mut tasks = vec![
            serve("wechat", main, main_router, stopped.clone()),
            serve("wechat backup", on_backup, backup_router, stopped.clone()),
            serve("alipay", on_alipay, alipay_router, stopped.clone()),
            serve("agency", on_agency, agency, stopped.clone()),
            serve("control", on_control, control_routes, stopped.clone()),
        ];
        if !options.post_by_hand {
            tasks.push(tokio::spawn(office.run(stopped)));
        }
        tracing::info!(
            wechat = facts.wechat.base_url,
            alipay = facts.alipay.gateway,
            agency = facts.agency.base_url,
            control = facts.control_url,
            "mock providers started"
        );
        Ok(Providers { desk, book, shelf, keys: facts, stop, tasks })
    }

    /// The mock agency's book: people, bills, postings and faults.
    pub const fn agency(&self) -> &AgencyBook {
        &self.book
    }

    /// Lets the phone page show the books of the service that it speaks to. Told once; only whoever has the
    /// service in the same process can.
    pub fn show_books(&self, books: Books) {
        self.shelf.put(books);
    }

    /// Addresses, ids and keys, as they were at the start.
    pub const fn facts(&self) -> &Facts {
        &self.keys
    }

    /// Writes keys, `mock.json` and `city-services.toml` into a folder, ready for
    /// `serve --config`. Keys of the service that are there already are kept; a configuration that
    /// differs is kept beside the new one as `city-services.toml.previous`.
    ///
    /// # Errors
    /// When the folder holds another mock's keys, or cannot be written.
    pub fn write_folder(&self, folder: &Path) -> Result<WrittenFolder, FolderError> {
        self.desk.home.write(folder, self.desk.stage.entropy.as_ref())
    }

    /// Stops accepting, lets open requests end, and returns when all is quiet or after two seconds.
    pub async fn shutdown(mut self) {
        // Nobody listening any more is a stop as well.
        let _told = self.stop.send(true);
        for mut task in std::mem::take(&mut self.tasks) {
            if tokio::time::timeout(GRACE, &mut task).await.is_err() {
                task.abort();
            }
        }
    }

    /// A single-use login code for a mock user; the same name always has the same ids.
    ///
    /// # Panics
    /// Never: without a name of an application there is one.
    pub fn mint_login_code(&self, platform: Channel, user: &str) -> MintedCode {
        let minted = self.desk.mint_login_code_for(platform, user, None);
        minted.expect("the first application is always there")
    }

    /// The same in a sub-merchant's mini-program at WeChat, where the user has another openid, or in one
    /// of the applications of Alipay.
    ///
    /// # Errors
    /// When there is no such application.
    pub fn mint_login_code_for(
        &self,
        platform: Channel,
        user: &str,
        app_id: &str,
    ) -> Result<MintedCode, DeskError> {
        self.desk.mint_login_code_for(platform, user, Some(app_id))
    }

    /// Pays as the user; the notification follows by itself.
    ///
    /// # Errors
    /// As the wallet refuses.
    pub fn pay(&self, request: &PayRequest) -> Result<ClientResult, DeskError> {
        self.desk.pay(request)
    }

    /// Opens the wallet and leaves it.
    ///
    /// # Errors
    /// When the wallet would not have opened.
    pub fn cancel(&self, request: &PayRequest) -> Result<ClientResult, DeskError> {
        self.desk.cancel(request)
    }

    /// Lets an unpaid trade be over.
    ///
    /// # Errors
    /// For an unknown or paid trade.
    pub fn expire(&self, platform: Channel, out_trade_no: &str) -> Result<TradeView, DeskError> {
        self.desk.expire(platform, out_trade_no, None)
    }

    /// Short messages to a number, newest first.
    pub fn sms(&self, mobile: &str) -> Vec<SmsView> {
        self.desk.sms.list(Some(mobile), usize::MAX)
    }

    /// A trade as the platform knows it.
    pub fn trade(&self, platform: Channel, out_trade_no: &str) -> Option<TradeView> {
        self.desk.trade(platform, out_trade_no)
    }

    /// Writes and signs one notification without sending it; send it as often as you like.
    ///
    /// # Errors
    /// For an unknown trade or refund.
    pub fn craft_notification(
        &self,
        request: &NotificationRequest,
    ) -> Result<SignedNotification, DeskError> {
        self.desk.craft_notification(request).map(|(_, signed)| signed)
    }

    /// Crafts and sends once.
    ///
    /// # Errors
    /// For an unknown trade or refund.
    pub async fn send_notification(
        &self,
        request: &NotificationRequest,
    ) -> Result<Attempt, DeskError> {
        self.desk.send_notification(request).await
    }

    /// What was and will be sent about a number, newest first.
    pub fn deliveries(&self, platform: Channel, out_trade_no: &str) -> Vec<Delivery> {
        let wanted = |delivery: &Delivery| {
            delivery.platform == platform && delivery.out_trade_no == out_trade_no
        };
        self.desk.stage.office.list(wanted, usize::MAX)
    }

    /// Sends a known notification again, now. `None`: no such delivery.
    pub async fn resend(&self, delivery_id: &str) -> Option<Attempt> {
        self.desk.stage.office.resend(delivery_id).await
    }

    /// Sends what is due and waits until no attempt is under way. Tests wait with this, not by
    /// sleeping.
    pub async fn settle(&self) {
        self.desk.stage.office.settle().await;
    }

    /// Makes the earliest attempt that is due and waits for its end; the delivery is shown with this
    /// attempt alone. `None`: nothing is due.
    pub async fn send_next(&self) -> Option<Delivery> {
        self.desk.stage.office.send_next().await
    }

    /// When the next notification is due, `None` when none waits.
    pub fn next_attempt_at(&self) -> Option<Timestamp> {
        self.desk.stage.office.next_attempt_at()
    }

    /// Every trade of both platforms, newest first within each.
    pub fn trades(&self) -> Vec<TradeView> {
        self.desk.trades(None, usize::MAX)
    }

    /// Moves the clock forward, attempt by attempt.
    pub async fn advance(&self, duration: Duration) {
        self.desk.stage.office.advance(duration).await;
    }

    /// Orders a fault.
    ///
    /// # Errors
    /// When the fault does not exist for its target.
    pub fn set_fault(&self, fault: Fault) -> Result<(), FaultError> {
        self.desk.stage.faults.set(fault)
    }

    /// Faults that did not strike yet.
    pub fn faults(&self) -> Vec<Fault> {
        self.desk.stage.faults.list()
    }

    pub fn clear_faults(&self) {
        self.desk.stage.faults.clear();
    }

    pub fn settings(&self) -> Settings {
        self.desk.stage.switches.get()
    }

    pub fn set_settings(&self, settings: Settings) {
        self.desk.stage.switches.set(settings);
    }
}

impl Drop for Providers {
    fn drop(&mut self) {
        self.desk.stage.office.clear();
        for task in &self.tasks {
            task.abort();
        }
    }
}
