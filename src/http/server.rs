//! Connections: accepted, bounded in number and in time, and let go at a stop.
//!
//! A client that sends its headers slowly, or nothing at all, is cut off; where as many
//! are connected as may be, the next waits in the system's queue until one has gone.
//!
//! At a stop nobody is cut off who was let in. What the system has accepted is taken from
//! its queue before the listener is closed, what clients sent on their connections is
//! answered with `Connection: close`, and only then is an idle connection closed.

use std::{convert::Infallible, future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    http::{HeaderValue, StatusCode, header},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{SockFilter, SockRef};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{sleep, timeout},
};
use tower::ServiceExt as _;

use super::{certificate::Certificate, farewell::Farewell, patience::Patience};

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
    _place: Arc<Place>,
}

/// A connection's place; none for those that the system had accepted before a stop.
type Place = Option<OwnedSemaphorePermit>;

impl Held {
    /// Waits until the server is told to stop.
    pub async fn stopped(&mut self) {
        // A sender that has gone has stopped as well.
        let _ = self.stopped.changed().await;
    }

    /// The server was told to stop.
    fn is_stopped(&self) -> bool {
        self.stopped.has_changed().unwrap_or(true)
    }
}

/// The most that is kept of an answer which its client does not take, in bytes.
const WAITING_MAX: usize = 64 * 1024;

/// How much of what is sent to a client waits in the system, in bytes, which keeps twice as
/// much. Left to itself it takes megabytes for each client that reads nothing.
const SENT_MAX: usize = 128 * 1024;

/// How much of that may wait to be sent at all, in bytes: enough for a line to be always
/// busy. Whoever reads nothing holds no more, and costs no more work to fill it.
const UNSENT_MAX: u32 = 16 * 1024;

/// How long to wait where the system has nothing left to accept a connection with.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// How long a client may take to agree on TLS at most; no longer than its headers may.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long after a stop what clients had sent by then may still be on its way.
const ON_ITS_WAY: Duration = Duration::from_millis(300);

/// How long a connection that the system is just making may take to be in its queue.
const LAST_LOOK: Duration = Duration::from_millis(20);

/// What is served, and to how many.
#[derive(Debug, Clone)]
pub struct Site {
    /// Answers the requests.
    pub router: Router,
    /// How many may be connected.
    pub connections: Connections,
    /// Where TLS is spoken, by which certificate.
    pub certificate: Option<Certificate>,
}

/// Serves until `stop`; then what was accepted is answered, for at most `drain`. False
/// where that was not enough.
pub async fn serve(
    listener: TcpListener,
    site: Site,
    stop: impl Future<Output = ()>,
    drain: Duration,
) -> bool {
    let mut http1 = http1::Builder::new();
    http1.timer(TokioTimer::new()).header_read_timeout(site.connections.headers);
    http1.max_buf_size(WAITING_MAX);
    let (stopping, stopped) = watch::channel(());
    let places = Arc::new(Semaphore::new(site.connections.open));
    let host = Host { site, http1, stopped };
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place.expect("the places are never closed"), accept(&listener).await)
        };
        tokio::select! {
            (place, (stream, peer)) = accepted => host.receive(stream, peer, Some(place)),
            () = &mut stop => break,
        }
    }
    // Before the last are let in: each of them is told that its answer is the last one.
    stopping.send_replace(());
    for (stream, peer) in close(listener).await {
        host.receive(stream, peer, None);
    }
    drop(host);
    timeout(drain, stopping.closed()).await.is_ok()
}

/// What every connection needs.
struct Host {
    site: Site,
    http1: http1::Builder,
    stopped: watch::Receiver<()>,
}

impl Host {
    /// Serves a connection in a task of its own.
    fn receive(&self, stream: TcpStream, peer: SocketAddr, place: Place) {
        // Small answers must not wait for a timer of the kernel's.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        if let Err(error) = rustix::net::sockopt::set_socket_send_buffer_size(&stream, SENT_MAX) {
            tracing::debug!(%error, "SO_SNDBUF");
        }
        if let Err(error) = SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_MAX) {
            tracing::debug!(%error, "TCP_NOTSENT_LOWAT");
        }
        let stream = Patience::new(Farewell::new(stream), self.site.connections.writes);
        let held = Held { stopped: self.stopped.clone(), _place: Arc::new(place) };
        let router = self.site.router.clone();
        let visit = Visit { router, http1: self.http1.clone(), held, peer };
        let Some(certificate) = &self.site.certificate else {
            tokio::spawn(visit.converse(stream));
            return;
        };
        let acceptor = certificate.acceptor();
        let longest = HANDSHAKE.min(self.site.connections.headers);
        tokio::spawn(async move {
            let mut stopped = visit.held.stopped.clone();
            let mut agreeing = std::pin::pin!(timeout(longest, acceptor.accept(stream)));
            let agreed = tokio::select! {
                agreed = &mut agreeing => agreed,
                _ = stopped.changed() => match timeout(ON_ITS_WAY, agreeing).await {
                    Ok(agreed) => agreed,
                    Err(late) => Err(late),
                },
            };
            match agreed {
                Ok(Ok(stream)) => visit.converse(stream).await,
                Ok(Err(error)) => tracing::debug!(%error, %peer, "no TLS was agreed on"),
                Err(_) => tracing::debug!(%peer, "no TLS was agreed on in time"),
            }
        });
    }
}

/// One connection.
struct Visit {
    router: Router,
    http1: http1::Builder,
    held: Held,
    peer: SocketAddr,
}

impl Visit {
    /// Answers request after request, until the client goes or the server stops.
    async fn converse<C>(self, stream: C)
    where
        C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { router, http1, held, peer } = self;
        let mut stopped = held.stopped.clone();
        let of_requests = held.clone();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let mut request: Request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer));
            request.extensions_mut().insert(of_requests.clone());
            let (answering, held) = (router.clone().oneshot(request), of_requests.clone());
            async move {
                let Ok(mut answer) = answering.await;
                // Whoever asks again on this connection would ask nobody.
                if held.is_stopped() && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
                    let close = HeaderValue::from_static("close");
                    answer.headers_mut().insert(header::CONNECTION, close);
                }
                Ok::<_, Infallible>(answer)
            }
        });
        let connection = http1.serve_connection(TokioIo::new(stream), service).with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = &mut connection => ended,
            _ = stopped.changed() => tokio::select! {
                ended = &mut connection => ended,
                () = sleep(ON_ITS_WAY) => {
                    // An idle connection ends here, a busy one with its answer.
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            },
        };
        if let Err(error) = ended {
            tracing::debug!(%error, %peer, "a connection broke off");
        }
        drop(held);
    }
}

/// Lets nobody else in, and gives those whom the system had let in already.
///
/// Closing a listener resets the connections that wait in its queue. Whoever comes from
/// here on is not heard by the system, so that the queue is empty when it is closed; a
/// client asks again by itself after a second, and then finds whoever listens here next.
async fn close(listener: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    /// The opcode that ends a filter with a constant: how many bytes of a packet are let in.
    const RETURN: u16 = 0x06;
    if let Err(error) = SockRef::from(&listener).attach_filter(&[SockFilter::new(RETURN, 0, 0, 0)])
    {
        tracing::debug!(%error, "SO_ATTACH_FILTER");
    }
    let mut waiting = Vec::new();
    match listener.into_std() {
        Ok(listener) => {
            take_all(&listener, &mut waiting);
            sleep(LAST_LOOK).await;
            take_all(&listener, &mut waiting);
        }
        Err(error) => tracing::warn!(%error, "the listener was closed with those who waited"),
    }
    waiting
}

/// Takes all connections from the system's queue.
fn take_all(listener: &std::net::TcpListener, into: &mut Vec<(TcpStream, SocketAddr)>) {
    loop {
        match listener.accept() {
            Ok((stream, peer)) => {
                let ours = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
                match ours {
                    Ok(stream) => into.push((stream, peer)),
                    Err(error) => tracing::warn!(%error, %peer, "a connection was lost"),
                }
            }
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                if error.kind() != io::ErrorKind::WouldBlock {
                    tracing::warn!(%error, "those who waited to be let in are lost");
                }
                return;
            }
        }
    }
}

/// The client has gone again.
fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

/// Accepts a connection, however long that takes.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                sleep(EXHAUSTED).await;
            }
        }
    }
}
