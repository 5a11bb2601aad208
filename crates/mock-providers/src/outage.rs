//! A host and its outage: while it is down nobody listens at its port and connections that were open
//! break. WeChat's backup host goes on (wechat §1.1); Alipay has none.

use std::{io, net::SocketAddr, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
    serve::Listener,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::{http, settings::Settings};

/// How long to wait before a port that could not be bound again is tried once more.
const PAUSE: Duration = Duration::from_millis(20);

/// What a host's outage depends on.
pub(crate) type IsDown = fn(&Settings) -> bool;

/// Listens while the host is up.
pub(crate) struct MainHost {
    listener: Option<TcpListener>,
    address: SocketAddr,
    settings: watch::Receiver<Settings>,
    is_down: IsDown,
}

impl MainHost {
    pub fn new(
        listener: TcpListener,
        address: SocketAddr,
        settings: watch::Receiver<Settings>,
        is_down: IsDown,
    ) -> MainHost {
        MainHost { listener: Some(listener), address, settings, is_down }
    }

    fn is_down(&self) -> bool {
        (self.is_down)(&self.settings.borrow())
    }
}

impl Listener for MainHost {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            if self.is_down() {
                self.listener = None;
                if self.settings.changed().await.is_err() {
                    // Nobody can bring the host up again: the mock ends.
                    std::future::pending::<()>().await;
                }
                continue;
            }
            let listener = match self.listener.take() {
                Some(listener) => listener,
                None => match TcpListener::bind(self.address).await {
                    Ok(listener) => listener,
                    Err(cause) => {
                        tracing::warn!(error = %cause, "a host cannot listen again yet");
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                },
            };
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => {
                        self.listener = Some(listener);
                        return accepted;
                    }
                    Err(cause) => {
                        tracing::warn!(error = %cause, "a connection could not be accepted");
                        tokio::time::sleep(PAUSE).await;
                    }
                },
                _ = self.settings.changed() => {}
            }
            self.listener = Some(listener);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Breaks connections that were opened before the outage.
pub(crate) fn guarded(
    router: Router,
    settings: watch::Receiver<Settings>,
    is_down: IsDown,
) -> Router {
    router.layer(middleware::from_fn_with_state((settings, is_down), cut))
}

async fn cut(
    State((settings, is_down)): State<(watch::Receiver<Settings>, IsDown)>,
    request: Request,
    next: Next,
) -> Response {
    if is_down(&settings.borrow()) {
        return http::dropped();
    }
    next.run(request).await
}
