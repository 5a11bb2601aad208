//! Taking connections, with limits that a stranger cannot wait out.
//!
//! Whoever connects must have sent a request's head in time, on a fresh connection and on one that is
//! kept, or the connection is closed; and only so many are open at once ([`Limits`]), so that somebody
//! who opens many cannot use up the machine. Told to stop, it takes no more and lets requests that are
//! under way end.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Extension, Router, extract::ConnectInfo};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;

/// What a stranger may use of this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// From the first byte awaited to the end of a request's head.
    pub head_time: Duration,
    /// Open connections; more wait to be taken.
    pub connections: usize,
}

impl Default for Limits {
    /// A little more than the minute for which balancers keep an idle connection.
    fn default() -> Limits {
        Limits { head_time: Duration::from_secs(75), connections: 4_096 }
    }
}

/// A head beyond this is refused.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// After a failure to take a connection (no more file handles): time for others to end.
const FAILURE_REST: Duration = Duration::from_millis(100);

/// Serves until `stop`, then until what is under way has ended.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(limits.connections));
    loop {
        let next = async {
            // The semaphore is never closed.
            let place = Arc::clone(&room).acquire_owned().await.ok()?;
            Some((place, listener.accept().await))
        };
        let taken = tokio::select! {
            () = stop.cancelled() => break,
            taken = next => taken,
        };
        let (place, stream, peer) = match taken {
            Some((place, Ok((stream, peer)))) => (place, stream, peer),
            Some((_, Err(error))) => {
                tracing::warn!(%error, "a connection was not taken");
                tokio::time::sleep(FAILURE_REST).await;
                continue;
            }
            None => break,
        };
        let service = router.clone().layer(Extension(ConnectInfo::<SocketAddr>(peer)));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head_time)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended badly");
            }
            drop(place);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;

    async fn server(limits: Limits) -> (SocketAddr, CancellationToken) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let stop = CancellationToken::new();
        let router = Router::new().route("/", get(|| async { "here" }));
        tokio::spawn(serve(listener, router, limits, stop.clone()));
        (address, stop)
    }

    async fn said(stream: &mut TcpStream) -> String {
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.expect("text until the end");
        heard
    }

    #[tokio::test]
    async fn half_a_head_is_not_waited_for() {
        let limits = Limits { head_time: Duration::from_millis(50), ..Limits::default() };
        let (address, _stop) = server(limits).await;
        let mut slow = TcpStream::connect(address).await.expect("a connection");
        slow.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n").await.expect("half a head");
        assert!(!said(&mut slow).await.contains("here"));
    }

    #[tokio::test]
    async fn one_more_connection_waits_for_its_place() {
        let (address, _stop) = server(Limits { connections: 1, ..Limits::default() }).await;
        let first = TcpStream::connect(address).await.expect("a connection");
        let mut second = TcpStream::connect(address).await.expect("the system takes it");
        let request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        second.write_all(request).await.expect("a request");
        drop(first);
        assert!(said(&mut second).await.ends_with("here"));
    }
}
