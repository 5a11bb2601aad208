//! A wire between the service and a mock platform that can hold a request back, as networks do: the
//! caller has sent it, nobody has received it yet.

use std::{
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use kernel::Channel;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use super::{Backend, Town};

pub struct Wire {
    address: SocketAddr,
    /// What a request must contain to be held; nothing is held while it is empty.
    holds: watch::Sender<String>,
    released: watch::Sender<bool>,
    held: Arc<AtomicUsize>,
    target: Arc<OnceLock<SocketAddr>>,
}

impl Town {
    /// A town whose service reaches this platform over a wire.
    pub async fn over_a_wire(backend: Backend, channel: Channel) -> (Town, Wire) {
        let wire = Wire::loose().await;
        let setting = match channel {
            Channel::Wechat => "\nbase_url = \"http://",
            Channel::Alipay => "\ngateway = \"http://",
        };
        let town = Town::with(backend, |config| {
            let text = std::fs::read_to_string(config).expect("the configuration");
            // The agency has a base_url as well, further down.
            let begins = text.find(setting).expect("the platform's address") + setting.len();
            let ends = begins + text[begins..].find(['/', '"']).expect("its end");
            wire.target.set(text[begins..ends].parse().expect("an address")).expect("tied once");
            let text = format!("{}{}{}", &text[..begins], wire.address, &text[ends..]);
            std::fs::write(config, text).expect("the configuration can be written");
        })
        .await;
        (town, wire)
    }
}

impl Wire {
    /// A wire whose other end is tied later; it holds nothing yet.
    async fn loose() -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (holds, released) = (watch::Sender::new(String::new()), watch::Sender::new(false));
        let held = Arc::new(AtomicUsize::new(0));
        let target = Arc::new(OnceLock::new());
        let (gate, count, tied) = (holds.clone(), held.clone(), target.clone());
        let open = released.subscribe();
        drop(tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                let Some(target) = tied.get().copied() else { continue };
                drop(tokio::spawn(carry(
                    caller,
                    target,
                    (gate.clone(), open.clone()),
                    count.clone(),
                )));
            }
        }));
        Wire { address, holds, released, held, target }
    }

    /// Holds the next request that contains this, and no other.
    pub fn hold(&self, text: &str) {
        self.holds.send_replace(text.to_owned());
    }

    /// Lets it through.
    pub fn release(&self) {
        self.released.send_replace(true);
    }

    /// How many requests were held so far.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::SeqCst)
    }
}

/// Requests of our clients arrive in one piece or with their head in the first.
async fn carry(
    caller: TcpStream,
    target: SocketAddr,
    (gate, mut open): (watch::Sender<String>, watch::Receiver<bool>),
    held: Arc<AtomicUsize>,
) {
    let Ok(platform) = TcpStream::connect(target).await else { return };
    let (mut from_caller, mut to_caller) = caller.into_split();
    let (mut from_platform, mut to_platform) = platform.into_split();
    drop(tokio::spawn(async move { copy(&mut from_platform, &mut to_caller).await }));
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from_caller.read(&mut bytes).await {
        let piece = String::from_utf8_lossy(&bytes[..count]).into_owned();
        // Whoever takes the text away is the one that is held.
        let is_held = gate.send_if_modified(|text| {
            let held = !text.is_empty() && piece.contains(text.as_str());
            if held {
                text.clear();
            }
            held
        });
        if is_held {
            held.fetch_add(1, Ordering::SeqCst);
            if open.wait_for(|open| *open).await.is_err() {
                return;
            }
        }
        if to_platform.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
