//! WeChat's main host and its outage: while it is down nobody listens at its port, connections that
//! were open break, and the backup host goes on (wechat §1.1).

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

/// Listens while the host is up.
pub(crate) struct MainHost {
    listener: Option<TcpListener>,
    address: SocketAddr,
    settings: watch::Receiver<Settings>,
}

impl MainHost {
    pub fn new(
        listener: TcpListener,
        address: SocketAddr,
        settings: watch::Receiver<Settings>,
    ) -> MainHost {
        MainHost { listener: Some(listener), address, settings }
    }

    fn is_down(&self) -> bool {
        self.settings.borrow().wechat_main_host_down
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
                        tracing::warn!(error = %cause, "the main host cannot listen again yet");
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
pub(crate) fn guarded(router: Router, settings: watch::Receiver<Settings>) -> Router {
    router.layer(middleware::from_fn_with_state(settings, cut))
}

async fn cut(
    State(settings): State<watch::Receiver<Settings>>,
    request: Request,
    next: Next,
) -> Response {
    if settings.borrow().wechat_main_host_down {
        return http::dropped();
    }
    next.run(request).await
}
