//! GraphQL over server-sent events: graphql-sse, one stream for each operation.
//!
//! Each message has the cursor of what it tells as its id, so a browser's own EventSource
//! goes on where it was cut off, by `Last-Event-ID`.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use axum::{
    Extension,
    body::{Body, Bytes, to_bytes},
    extract::{ConnectInfo, RawQuery, State},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};
use futures_util::stream::poll_fn;
use serde_json::{Value, json};
use tokio::{
    runtime::Handle,
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, timeout_at},
};
use tower_cookies::Cookies;

use super::{
    feed::{Feed, Told},
    socket::too_many,
};
use crate::{
    bank::{
        permit::{Permit, Visitor},
        sentry::Guard,
        session,
    },
    domain::session::Facade,
    graphql::errors::{BAD_USER_INPUT, OVERLOADED},
    http::{
        answer::Rejection,
        caller,
        caller::Shown,
        cookies::{self, Name},
        cors::LAST_EVENT_ID,
        crowd::Place,
        document::Door,
        graphql::{self, Chosen, Graphql, finish},
        negotiation::{self, MediaType},
        parameters::Parameters,
        server::Held,
    },
    types::{id::UserId, page::Cursor, secret::Secret, served},
};

/// A request beside its body.
struct Sent {
    graphql: Arc<Graphql>,
    peer: SocketAddr,
    cookies: Cookies,
    headers: HeaderMap,
    held: Option<Held>,
    /// It came by POST.
    posts: bool,
}

/// `POST /graphql/stream`.
pub async fn post(
    State(graphql): State<Arc<Graphql>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    cookies: Cookies,
    headers: HeaderMap,
    held: Option<Extension<Held>>,
    body: Body,
) -> Response<Body> {
    let body_max = graphql.limits.body;
    let is_json = negotiation::is_json(&headers);
    let read = async move {
        if !is_json {
            let message = "The body must be JSON: send Content-Type: application/json.";
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Rejection::request(status, BAD_USER_INPUT, message));
        }
        let bytes = to_bytes(body, body_max).await;
        let bytes = bytes.map_err(|error| graphql::unread(&error, body_max))?;
        Parameters::from_body(&bytes)
    };
    let held = held.map(|held| held.0);
    serve(Sent { graphql, peer, cookies, headers, held, posts: true }, read).await
}

/// `GET /graphql/stream`, which is what a browser's EventSource sends.
pub async fn get(
    State(graphql): State<Arc<Graphql>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    RawQuery(query_string): RawQuery,
    cookies: Cookies,
    headers: HeaderMap,
    held: Option<Extension<Held>>,
) -> Response<Body> {
    let read = async move { Parameters::from_url(query_string.as_deref().unwrap_or_default()) };
    let held = held.map(|held| held.0);
    serve(Sent { graphql, peer, cookies, headers, held, posts: false }, read).await
}

/// Whose stream it is.
struct Member {
    permit: Permit,
    guard: Guard,
    place: Place<UserId>,
}

/// What stands before the first message.
enum Begun {
    /// An operation that will run.
    Chosen(Box<Chosen>),
    /// A document that cannot, which is told as a message.
    Refused(Vec<Value>),
}

async fn serve(
    sent: Sent,
    read: impl Future<Output = Result<Parameters, Rejection>>,
) -> Response<Body> {
    let visitor =
        caller::visitor(&sent.graphql.bank, &sent.headers, sent.peer, &sent.graphql.request_id());
    let request_id = visitor.request_id.clone();
    let opened = open(sent, visitor, read).await;
    let response =
        opened.unwrap_or_else(|rejection| rejection.answer(MediaType::Json, &request_id));
    finish(response, &request_id)
}

/// The client takes a stream of events.
fn takes_events(headers: &HeaderMap) -> bool {
    let mut said = headers.get_all(header::ACCEPT).iter().peekable();
    said.peek().is_none()
        || said.flat_map(|line| line.to_str().unwrap_or_default().split(',')).any(|range| {
            let name = range.split(';').next().unwrap_or_default().trim();
            ["text/event-stream", "text/*", "*/*"].iter().any(|one| name.eq_ignore_ascii_case(one))
        })
}

async fn open(
    sent: Sent,
    visitor: Visitor,
    read: impl Future<Output = Result<Parameters, Rejection>>,
) -> Result<Response<Body>, Rejection> {
    let Sent { graphql, cookies, headers, held, posts, .. } = sent;
    if !takes_events(&headers) {
        let message = "Answers here are text/event-stream.";
        return Err(Rejection::request(StatusCode::NOT_ACCEPTABLE, BAD_USER_INPUT, message));
    }
    let limits = graphql.limits;
    let place = graphql.open.crowd.address(&visitor.ip_address, limits.sockets.address);
    let place = place.ok_or_else(too_many)?;
    let deadline = Instant::now() + limits.time;
    let reading = async {
        let door = Door { mutations: posts, subscriptions: true };
        let begun = match graphql.choose(read.await?, door) {
            Ok(chosen) => Begun::Chosen(Box::new(chosen)),
            Err(refused) if refused.of_document => {
                Begun::Refused(refused.named(&visitor.request_id))
            }
            Err(refused) => return Err(refused),
        };
        let shown = Shown { headers: &headers, cookies: &cookies, posts, for_strangers: false };
        Ok((begun, enter(&graphql, &shown, &visitor).await?))
    };
    let ready = timeout_at(deadline, reading).await;
    let (begun, member) = ready.unwrap_or_else(|_| Err(graphql::too_slow()))?;
    let resume = headers.get(LAST_EVENT_ID);
    // What cannot be read as a text is no cursor, which is told like any other.
    let resume = resume.map(|value| Cursor::from_wire(value.to_str().unwrap_or_default()));
    let (pipe, mut pieces) = mpsc::channel(1);
    // A query or a mutation is a request, whatever it comes by.
    let stays = matches!(&begun, Begun::Chosen(chosen) if chosen.is_subscription());
    let threads = if stays { graphql.open.threads.handle() } else { Handle::current() };
    let one = graphql.open.crowd.stream();
    let line = Line { graphql, visitor, pipe };
    let running = async move {
        line.run(begun, member, held, resume).await;
        drop((place, one));
    };
    threads.spawn(served::carried(running));
    let body =
        poll_fn(move |context| pieces.poll_recv(context).map(|p| p.map(Ok::<_, Infallible>)));
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_static("text/event-stream; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// Lets in whoever shows an access token; `None` where nobody shows one.
async fn enter(
    graphql: &Graphql,
    shown: &Shown<'_>,
    visitor: &Visitor,
) -> Result<Option<Member>, Rejection> {
    let (bank, web) = (&graphql.bank, &graphql.web);
    let (permit, handover) = caller::caller(bank, web, shown, visitor).await?;
    let cookie = || cookies::read(shown.cookies, web, Name::Access);
    let token = caller::bearer(shown.headers)?.map(Secret::new).or_else(cookie);
    let (Some(permit), Some(token)) = (permit, token) else { return Ok(None) };
    let entered = session::authenticate_until(bank, Facade::Graphql, token.expose(), visitor).await;
    let (_, until) = entered.map_err(caller::refused)?;
    let place = graphql.open.crowd.person(permit.user_id, graphql.limits.sockets.person);
    let place = place.ok_or_else(|| {
        let message = "You have as many sockets and streams as you may: close one first.";
        Rejection::request(StatusCode::TOO_MANY_REQUESTS, OVERLOADED, message)
    })?;
    // A stream cannot be shown a newer token; a page's refreshes count.
    let guard = graphql.open.sentry.guard(&permit, until, handover.by_cookie);
    Ok(Some(Member { permit, guard, place }))
}

/// How an operation speaks to its client.
struct Line {
    graphql: Arc<Graphql>,
    visitor: Visitor,
    pipe: mpsc::Sender<Bytes>,
}

/// The client has gone.
struct Gone;

impl Line {
    /// Says all that an operation has to say, until it, its session, its client or the
    /// server ends. A stream that ends without `complete` is to be asked for again.
    async fn run(
        self,
        begun: Begun,
        member: Option<Member>,
        held: Option<Held>,
        resume: Option<Cursor>,
    ) {
        let (mut guard, permit, place) = match member {
            Some(Member { permit, guard, place }) => (Some(guard), Some(permit), Some(place)),
            None => (None, None, None),
        };
        let mut held = held;
        let ended = async {
            match &mut guard {
                Some(guard) => guard.ended().await,
                None => std::future::pending().await,
            }
        };
        let stopped = async {
            match &mut held {
                Some(held) => held.stopped().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = ended => {}
            () = stopped => {}
            () = self.pipe.closed() => {}
            _ = self.talk(begun, permit, resume) => {}
        }
        drop(place);
    }

    async fn talk(
        &self,
        begun: Begun,
        permit: Option<Permit>,
        resume: Option<Cursor>,
    ) -> Result<(), Gone> {
        // Says at once that the stream is open, also to whoever passes it on.
        self.say(":\n\n".into()).await?;
        let outcome = match begun {
            Begun::Refused(errors) => Err(errors),
            Begun::Chosen(chosen) if chosen.is_subscription() => {
                match Feed::start(&self.graphql, *chosen, permit, &self.visitor, resume).await {
                    // It has nothing more to say because something is wrong with us: its
                    // client is to ask again.
                    Ok(feed) => return self.tell(feed).await,
                    Err(errors) => Err(errors),
                }
            }
            Begun::Chosen(chosen) => {
                let deadline = Instant::now() + self.graphql.limits.time;
                let (who, place) = ((permit, None), (deadline, ()));
                let ran = self.graphql.run(*chosen, who, &self.visitor, place).await;
                let request_id = &self.visitor.request_id;
                ran.map_err(|rejection| rejection.named(request_id))
                    .and_then(|(ran, ())| ran.told(request_id))
            }
        };
        let payload =
            outcome.unwrap_or_else(|errors| json!({ "errors": errors }).to_string().into());
        self.say(next(None, &payload)).await?;
        self.say("event: complete\ndata:\n\n".into()).await
    }

    /// Tells what happens, and gives a sign of life where nothing does.
    async fn tell(&self, mut feed: Feed) -> Result<(), Gone> {
        let mut signs = interval(self.graphql.limits.sockets.ping);
        signs.set_missed_tick_behavior(MissedTickBehavior::Delay);
        signs.reset();
        loop {
            let due = tokio::select! {
                due = feed.next() => due,
                _ = signs.tick() => {
                    self.say(":\n\n".into()).await?;
                    continue;
                }
            };
            let Some(due) = due else { return Ok(()) };
            let Some(Told { payload, cursor }) = feed.answer(due).await else { return Ok(()) };
            self.say(next(Some(&cursor), &payload)).await?;
            signs.reset();
        }
    }

    async fn say(&self, piece: Bytes) -> Result<(), Gone> {
        self.pipe.send(piece).await.map_err(|_| Gone)
    }
}

/// One result as an event.
fn next(cursor: Option<&Cursor>, payload: &Bytes) -> Bytes {
    let mut event = Vec::with_capacity(payload.len() + 96);
    if let Some(cursor) = cursor {
        event.extend_from_slice(b"id: ");
        event.extend_from_slice(cursor.as_str().as_bytes());
        event.push(b'\n');
    }
    event.extend_from_slice(b"event: next\ndata: ");
    event.extend_from_slice(payload);
    event.extend_from_slice(b"\n\n");
    event.into()
}
