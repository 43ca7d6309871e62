//! Connections: accepted, bounded in number and in time, and let go at a stop.
//!
//! A client that sends its headers slowly, or nothing at all, is cut off; where as many
//! are connected as may be, the next waits in the system's queue until one has gone.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::sleep,
};
use tower::ServiceExt as _;

use super::patience::Patience;

/// How many may be connected, and how long their headers may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// Connections that are open at once.
    pub open: usize,
    /// From the end of one request to the end of the next one's headers.
    pub headers: Duration,
    /// How long a client may take nothing of what is sent to it.
    pub writes: Duration,
}

impl Default for Connections {
    fn default() -> Self {
        Self { open: 10_000, headers: Duration::from_secs(30), writes: Duration::from_secs(10) }
    }
}

/// What a request knows of its connection: whoever outlives the request holds it, and
/// with it the connection's place, and hears when the server stops.
#[derive(Debug, Clone)]
pub struct Held {
    stopped: watch::Receiver<()>,
    _place: Arc<OwnedSemaphorePermit>,
}

impl Held {
    /// Waits until the server is told to stop.
    pub async fn stopped(&mut self) {
        // A sender that has gone has stopped as well.
        let _ = self.stopped.changed().await;
    }
}

/// The most that is kept of an answer which its client does not take, in bytes.
const WAITING_MAX: usize = 64 * 1024;

/// How much of what is sent to a client waits in the system, in bytes, which keeps twice as
/// much. Left to itself it takes megabytes for each client that reads nothing.
const SENT_MAX: usize = 128 * 1024;

/// How long to wait where the system has nothing left to accept a connection with.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// Serves until `stop`; then what was accepted is answered, for at most `drain`. False
/// where that was not enough.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    connections: Connections,
    stop: impl Future<Output = ()>,
    drain: Duration,
) -> bool {
    let mut http1 = http1::Builder::new();
    http1.timer(TokioTimer::new()).header_read_timeout(connections.headers);
    http1.max_buf_size(WAITING_MAX);
    let (stopping, stopped) = watch::channel(());
    let places = Arc::new(Semaphore::new(connections.open));
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place.expect("the places are never closed"), accept(&listener).await)
        };
        let (place, (stream, peer)) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        // Small answers must not wait for a timer of the kernel's.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        if let Err(error) = rustix::net::sockopt::set_socket_send_buffer_size(&stream, SENT_MAX) {
            tracing::debug!(%error, "SO_SNDBUF");
        }
        let router = router.clone();
        let place = Arc::new(place);
        let held = Held { stopped: stopped.clone(), _place: Arc::clone(&place) };
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let mut request: Request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer));
            request.extensions_mut().insert(held.clone());
            router.clone().oneshot(request)
        });
        let stream = TokioIo::new(Patience::new(stream, connections.writes));
        let connection = http1.serve_connection(stream, service).with_upgrades();
        let mut stopped = stopped.clone();
        tokio::spawn(async move {
            let mut connection = std::pin::pin!(connection);
            let ended = tokio::select! {
                ended = &mut connection => ended,
                // An idle connection ends here, a busy one with its answer.
                _ = stopped.changed() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, %peer, "a connection broke off");
            }
            drop(place);
        });
    }
    drop((listener, stopped));
    stopping.send_replace(());
    tokio::time::timeout(drain, stopping.closed()).await.is_ok()
}

/// Accepts a connection, however long that takes.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            // The client has gone again.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionAborted
                        | io::ErrorKind::ConnectionRefused
                        | io::ErrorKind::ConnectionReset
                ) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                sleep(EXHAUSTED).await;
            }
        }
    }
}
