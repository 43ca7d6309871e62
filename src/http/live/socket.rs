//! GraphQL over a WebSocket: one connection of graphql-transport-ws.

use std::{net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use axum::{
    Extension,
    body::Body,
    extract::{
        ConnectInfo, RawQuery, State,
        ws::{Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, Response, StatusCode, header},
};
use futures_util::SinkExt as _;
use serde_json::{Map, Value};
use tokio::{
    runtime::Handle,
    task::yield_now,
    time::{Interval, MissedTickBehavior, Sleep, interval, sleep, timeout},
};
use tokio_tungstenite::tungstenite;
use tower_cookies::Cookies;

use super::{
    message::{self, Close, PROTOCOL, Said},
    operation::{Operations, Out},
};
use crate::{
    bank::{
        error::Failure,
        permit::{Permit, Visitor},
        sentry::Guard,
        session,
    },
    domain::{refusal::Refusal, session::Facade},
    graphql::errors::{BAD_USER_INPUT, OVERLOADED},
    http::{
        answer::Rejection,
        caller,
        cookies::{self, Name},
        crowd::Place,
        graphql,
        graphql::Graphql,
        negotiation::MediaType,
        server::Held,
        web::Origin,
    },
    types::{clock, clock::Instant, id::UserId, secret::Secret},
};

/// Bytes that are read at once: what clients send is small.
const READ_BUFFER: usize = 2 * 1024;
/// Bytes that are written at once.
const WRITE_BUFFER: usize = 8 * 1024;
/// Messages that are written before they are sent off.
const TOGETHER: usize = 64;
/// How long a client may take to answer the last message.
const FAREWELL: Duration = Duration::from_secs(2);
/// Signs of life that may fail to come.
const SILENT_MAX: u32 = 2;

/// `GET /graphql`: a WebSocket where one is asked for, else a query.
pub async fn get(
    State(graphql): State<Arc<Graphql>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    query_string: RawQuery,
    cookies: Cookies,
    headers: HeaderMap,
    held: Option<Extension<Held>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response<Body> {
    let asked = headers.get(header::UPGRADE).and_then(|value| value.to_str().ok());
    if !asked.is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket")) {
        let (graphql, peer) = (State(graphql), ConnectInfo(peer));
        return graphql::get(graphql, peer, query_string, cookies, headers, held).await;
    }
    let visitor = caller::visitor(&graphql.bank, &headers, peer, &graphql.request_id());
    let request_id = visitor.request_id.clone();
    let shown = shown(&graphql, &cookies, &headers);
    let upgraded = shown.and_then(|shown| {
        accept(graphql, Handshake { shown, visitor }, held.map(|held| held.0), upgrade)
    });
    upgraded.unwrap_or_else(|rejection| rejection.answer(MediaType::Json, &request_id))
}

/// The credential of a handshake. A page of a foreign origin is refused, whatever it shows:
/// a browser sends the cookies of its person along.
fn shown(graphql: &Graphql, cookies: &Cookies, headers: &HeaderMap) -> Result<Shown, Rejection> {
    let web = &graphql.web;
    if web.is_foreign(headers) {
        let message = "Pages of this origin may open no socket: see TELLER_FRONTEND_URL.";
        return Err(Rejection::request(StatusCode::FORBIDDEN, BAD_USER_INPUT, message));
    }
    if let Some(token) = caller::bearer(headers)? {
        return Ok(Shown::Header(Secret::new(token)));
    }
    // Only a page can have got cookies, and a browser says which.
    let page = web.origin_of(headers) == Origin::Allowed;
    let cookie = cookies::read(cookies, web, Name::Access).filter(|_| page);
    Ok(cookie.map_or(Shown::Nothing, Shown::Cookie))
}

/// Answers a handshake.
fn accept(
    graphql: Arc<Graphql>,
    handshake: Handshake,
    held: Option<Held>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response<Body>, Rejection> {
    let upgrade = upgrade.map_err(|rejection| {
        let message = format!("The handshake of a WebSocket is not whole: {rejection}.");
        Rejection::request(StatusCode::BAD_REQUEST, BAD_USER_INPUT, message)
    })?;
    let limits = graphql.limits;
    let place = graphql.open.crowd.address(&handshake.visitor.ip_address, limits.sockets.address);
    let place = place.ok_or_else(too_many)?;
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(limits.body)
        .max_frame_size(limits.body)
        .protocols([PROTOCOL]);
    let speaks = upgrade.selected_protocol().is_some();
    let one = graphql.open.crowd.socket();
    let (requests, threads) = (Handle::current(), graphql.open.threads.handle());
    Ok(upgrade.on_upgrade(async move |stream| {
        let talking = async move {
            let mut socket = Socket::new((graphql, requests), stream, handshake, held);
            let close = if speaks { socket.talk().await } else { Some(Close::NoProtocol) };
            if let Some(close) = close {
                socket.close(close).await;
            }
            drop((place, one));
        };
        threads.spawn(talking);
    }))
}

/// One address has as many sockets and streams as it may.
pub fn too_many() -> Rejection {
    let message = "This address has as many sockets and streams as it may: close one first.";
    Rejection::request(StatusCode::TOO_MANY_REQUESTS, OVERLOADED, message)
}

/// What is known of a socket from its first request.
struct Handshake {
    shown: Shown,
    visitor: Visitor,
}

/// The credential of a handshake.
enum Shown {
    /// None.
    Nothing,
    /// A token in the `Authorization` header.
    Header(Secret),
    /// A token in the access cookie.
    Cookie(Secret),
}

/// Whose socket it is.
struct Member {
    permit: Permit,
    guard: Guard,
    _place: Place<UserId>,
}

/// One connection.
struct Socket {
    graphql: Arc<Graphql>,
    stream: WebSocket,
    handshake: Handshake,
    held: Option<Held>,
    member: Option<Member>,
    /// `connection_init` has come.
    begun: bool,
    operations: Operations,
    init: Pin<Box<Sleep>>,
    pings: Interval,
    /// Pings since the client was last heard.
    silent: u32,
}

/// Waits until whoever has the socket may not have it any more.
async fn ended(member: Option<&mut Member>) {
    match member {
        Some(member) => member.guard.ended().await,
        None => std::future::pending().await,
    }
}

/// Waits until the server stops.
async fn stopped(held: Option<&mut Held>) {
    match held {
        Some(held) => held.stopped().await,
        None => std::future::pending().await,
    }
}

impl Socket {
    fn new(
        (graphql, requests): (Arc<Graphql>, Handle),
        stream: WebSocket,
        handshake: Handshake,
        held: Option<Held>,
    ) -> Self {
        let limits = graphql.limits.sockets;
        let mut pings = interval(limits.ping);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pings.reset();
        Self {
            operations: Operations::new(limits.operations, requests),
            init: Box::pin(sleep(limits.init)),
            pings,
            silent: 0,
            graphql,
            stream,
            handshake,
            held,
            member: None,
            begun: false,
        }
    }

    /// Talks until the client goes, `None`, or is to be sent away.
    async fn talk(&mut self) -> Option<Close> {
        loop {
            let outcome = tokio::select! {
                () = ended(self.member.as_mut()) => return Some(Close::Forbidden),
                () = stopped(self.held.as_mut()) => return Some(Close::Restarting),
                () = &mut self.init, if !self.begun => return Some(Close::InitTimeout),
                _ = self.pings.tick() => {
                    self.silent += 1;
                    if self.silent > SILENT_MAX {
                        return None;
                    }
                    self.send(Message::Ping(Vec::new().into())).await
                }
                message = self.stream.recv() => match message {
                    Some(Ok(message)) => {
                        self.silent = 0;
                        self.hear(message).await
                    }
                    Some(Err(error)) => return unread(error),
                    None => return None,
                },
                out = self.operations.next() => self.write(out).await,
            };
            if let Err(close) = outcome {
                return close;
            }
        }
    }

    /// Says why the socket is closed, and waits a moment for the client to have heard it.
    async fn close(&mut self, close: Close) {
        let farewell = async {
            if self.stream.send(close.message()).await.is_ok() {
                while let Some(Ok(_)) = self.stream.recv().await {}
            }
        };
        let _ = timeout(FAREWELL, farewell).await;
    }

    /// Sends a message; where the socket is to end, its client need not have taken it.
    async fn send(&mut self, message: Message) -> Result<(), Option<Close>> {
        tokio::select! {
            () = ended(self.member.as_mut()) => Err(Some(Close::Forbidden)),
            sent = self.stream.send(message) => sent.map_err(|_| None),
        }
    }

    /// Writes what operations have to say, as much as is there, and sends it off.
    async fn write(&mut self, first: Out) -> Result<(), Option<Close>> {
        let (stream, operations) = (&mut self.stream, &mut self.operations);
        let writing = async {
            // Whoever is ready goes first: requests, and what else this socket has to say of
            // the same event, which then goes off with one call of the system.
            yield_now().await;
            let mut next = Some(first);
            let mut places = Vec::new();
            for _ in 0..TOGETHER {
                let Some(out) = next else { break };
                if let Some((message, place)) = operations.message(out) {
                    stream.feed(message).await?;
                    places.extend(place);
                }
                next = operations.ready();
            }
            if let Some(out) = next
                && let Some((message, place)) = operations.message(out)
            {
                stream.feed(message).await?;
                places.extend(place);
            }
            stream.flush().await
        };
        tokio::select! {
            () = ended(self.member.as_mut()) => Err(Some(Close::Forbidden)),
            written = writing => written.map_err(|_: axum::Error| None),
        }
    }

    async fn hear(&mut self, message: Message) -> Result<(), Option<Close>> {
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => return Err(Some(Close::Invalid("Messages are text"))),
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Close(_) => {
                let _ = timeout(FAREWELL, self.stream.flush()).await;
                return Err(None);
            }
        };
        // What is seldom done is boxed: a socket that waits shall not take up its room.
        match message::read(&text).map_err(Some)? {
            Said::Init(payload) => Box::pin(self.begin(&payload)).await,
            Said::Ping(payload) => Box::pin(self.ping(payload.unwrap_or_default())).await,
            Said::Pong => Ok(()),
            Said::Subscribe(id, payload) => self.subscribe(&id, payload).await,
            Said::Complete(id) => {
                self.operations.stop(&id);
                Ok(())
            }
        }
    }

    async fn subscribe(
        &mut self,
        id: &str,
        payload: Map<String, Value>,
    ) -> Result<(), Option<Close>> {
        // Messages are heard one after the other, so what has begun is acknowledged.
        if !self.begun {
            return Err(Some(Close::Unauthorized));
        }
        let visitor = self.visitor();
        let permit = self.member.as_ref().map(|member| member.permit.clone());
        let started = self.operations.start(&self.graphql, id, payload, (permit, visitor));
        match started.map_err(Some)? {
            Some(message) => self.send(message).await,
            None => Ok(()),
        }
    }

    /// Who asks something on this socket: each time a request of its own.
    fn visitor(&self) -> Visitor {
        Visitor { request_id: self.graphql.request_id(), ..self.handshake.visitor.clone() }
    }

    async fn begin(&mut self, payload: &Map<String, Value>) -> Result<(), Option<Close>> {
        if self.begun {
            return Err(Some(Close::TooManyInits));
        }
        self.begun = true;
        let said = message::credential(payload).map_err(Some)?;
        let (token, renews) = match (said, &self.handshake.shown) {
            (Some(token), _) => (Some(token.to_owned()), false),
            (None, Shown::Header(token)) => (Some(token.expose().to_owned()), false),
            // A page cannot show its newer cookies here, so its refreshes count.
            (None, Shown::Cookie(token)) => (Some(token.expose().to_owned()), true),
            (None, Shown::Nothing) => (None, false),
        };
        let until = match token {
            Some(token) => Some(self.enter(&token, renews).await?),
            None => None,
        };
        self.send(message::ack(until.map(clock::show))).await
    }

    /// Lets in whoever shows an access token, and tells until when.
    async fn enter(&mut self, token: &str, renews: bool) -> Result<Instant, Option<Close>> {
        let (permit, until) =
            authenticate(&self.graphql, self.visitor(), token).await.map_err(Some)?;
        let open = &self.graphql.open;
        let place = open.crowd.person(permit.user_id, self.graphql.limits.sockets.person);
        let place = place.ok_or(Some(Close::TooManySockets))?;
        let guard = open.sentry.guard(&permit, until, renews);
        self.member = Some(Member { permit, guard, _place: place });
        Ok(until)
    }

    /// Gives a sign of life; an access token that comes with the question renews the socket.
    async fn ping(&mut self, payload: Map<String, Value>) -> Result<(), Option<Close>> {
        let shown = message::credential(&payload).map_err(Some)?;
        let until = match shown {
            Some(token) if self.begun => Some(self.renew(token).await?),
            _ => None,
        };
        self.send(message::pong(until.map(clock::show))).await
    }

    async fn renew(&mut self, token: &str) -> Result<Instant, Option<Close>> {
        if self.member.is_none() {
            return self.enter(token, false).await;
        }
        let (permit, until) =
            authenticate(&self.graphql, self.visitor(), token).await.map_err(Some)?;
        let same = |member: &&mut Member| {
            (member.permit.session_id, member.permit.user_id) == (permit.session_id, permit.user_id)
        };
        let member = self.member.as_mut().filter(same).ok_or(Some(Close::Forbidden))?;
        member.guard.extend(until);
        Ok(until)
    }
}

/// Whom an access token stands for, and until when.
async fn authenticate(
    graphql: &Graphql,
    visitor: Visitor,
    token: &str,
) -> Result<(Permit, Instant), Close> {
    let (bank, token) = (graphql.bank.clone(), Secret::new(token));
    // Many are asked for together: nobody else shall wait for a thread that stands back.
    let asking = graphql.bank.db.home().serve(async move {
        session::authenticate_until(&bank, Facade::Graphql, token.expose(), &visitor).await
    });
    let asked = timeout(graphql.limits.time, asking).await;
    match asked.map(|asked| asked.unwrap_or_else(|error| Err(error.into()))) {
        Ok(Ok(entered)) => Ok(entered),
        Err(_) | Ok(Err(Failure::Refused(Refusal::Overloaded { .. }))) => Err(Close::TryAgain),
        Ok(Err(Failure::Refused(_))) => Err(Close::Forbidden),
        Ok(Err(Failure::Broken(broken))) => {
            tracing::error!(error = %broken, "a credential could not be checked");
            Err(Close::Internal)
        }
    }
}

/// What becomes of a socket from which nothing can be read.
fn unread(error: axum::Error) -> Option<Close> {
    let error = error.into_inner().downcast::<tungstenite::Error>().ok()?;
    match *error {
        tungstenite::Error::Capacity(_) => Some(Close::TooLong),
        _ => None,
    }
}
