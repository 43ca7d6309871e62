//! The operations of one socket, each in a task of its own.

use std::{collections::HashMap, sync::Arc};

use axum::{body::Bytes, extract::ws::Message, http::StatusCode};
use serde_json::{Map, Value};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::{AbortHandle, JoinError, JoinSet},
    time::{Instant, timeout_at},
};

use super::{
    feed::Feed,
    message::{self, Close},
};
use crate::{
    bank::{
        permit::{Permit, Visitor},
        session,
    },
    graphql::errors::{COST_EXCEEDED, INTERNAL},
    http::{
        answer::Rejection,
        caller,
        document::Door,
        graphql,
        graphql::{Chosen, Graphql},
        parameters::Parameters,
    },
    types::{served, served::Served},
};

/// Answers of one socket that are being made or wait to be written. What a client does not
/// take stays so small, whatever it has asked for.
const ANSWERS_MAX: usize = 4;

/// An operation, told apart from an earlier one that its client has called the same.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Name {
    id: Arc<str>,
    serial: u64,
}

/// What an operation has to say.
#[derive(Debug)]
enum Word {
    /// A result; its place is free once it is written.
    Next(Bytes, OwnedSemaphorePermit),
    /// It was not run, or broke.
    Error(Vec<Value>),
    /// It has ended.
    Complete,
}

/// What the socket is to write.
#[derive(Debug)]
pub struct Out {
    name: Name,
    word: Word,
}

/// An operation that runs.
struct Running {
    serial: u64,
    task: AbortHandle,
    request_id: String,
}

/// The operations of one socket.
pub struct Operations {
    running: HashMap<Arc<str>, Running>,
    tasks: JoinSet<()>,
    serial: u64,
    most: usize,
    answers: Arc<Semaphore>,
    /// Where requests run: a query or a mutation is one, whatever it comes by.
    requests: Handle,
    /// Boxed, because a channel has room for many at once, and most sockets wait.
    send: mpsc::Sender<Box<Out>>,
    outs: mpsc::Receiver<Box<Out>>,
}

/// How an operation speaks to its socket.
struct Line {
    name: Name,
    send: mpsc::Sender<Box<Out>>,
    answers: Arc<Semaphore>,
}

impl Line {
    async fn say(&self, word: Word) {
        // A socket that has gone hears nothing.
        let _ = self.send.send(Box::new(Out { name: self.name.clone(), word })).await;
    }

    async fn place(&self) -> OwnedSemaphorePermit {
        let place = Arc::clone(&self.answers).acquire_owned().await;
        place.expect("the places are never closed")
    }
}

/// Something is wrong with us.
fn broken() -> Rejection {
    let message = "Something went wrong on our side. Tell us the request id.";
    Rejection::request(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL, message)
}

impl Operations {
    /// No operations; `most` may run at once, and those that are no subscriptions run where
    /// `requests` do.
    pub fn new(most: usize, requests: Handle) -> Self {
        let (send, outs) = mpsc::channel(ANSWERS_MAX);
        Self {
            running: HashMap::new(),
            tasks: JoinSet::new(),
            serial: 0,
            most,
            answers: Arc::new(Semaphore::new(ANSWERS_MAX)),
            requests,
            send,
            outs,
        }
    }

    /// Starts an operation; gives what is to be written at once where it cannot be started.
    pub fn start(
        &mut self,
        graphql: &Arc<Graphql>,
        id: &str,
        payload: Map<String, Value>,
        (permit, visitor): (Option<Permit>, Visitor),
    ) -> Result<Option<Message>, Close> {
        if self.running.contains_key(id) {
            return Err(Close::Exists);
        }
        if self.running.len() >= self.most {
            let message = format!("A socket may have at most {} operations at once.", self.most);
            let refused = Rejection::request(StatusCode::BAD_REQUEST, COST_EXCEEDED, message);
            let errors = refused.named(&visitor.request_id);
            return Ok(Some(message::error(id, &errors)));
        }
        self.serial += 1;
        let name = Name { id: id.into(), serial: self.serial };
        let line = Line {
            name: name.clone(),
            send: self.send.clone(),
            answers: Arc::clone(&self.answers),
        };
        let request_id = visitor.request_id.clone();
        let asked = Asked { graphql: Arc::clone(graphql), permit, visitor, line };
        let served = Served::named(&request_id);
        let door = Door { mutations: true, subscriptions: true };
        let chosen = Parameters::from_object(payload)
            .and_then(|parameters| graphql.choose(parameters, door))
            .map_err(|rejection| rejection.named(&request_id));
        let stays = chosen.as_ref().is_ok_and(Chosen::is_subscription);
        let operation = served.by(operate(asked, chosen));
        let task = if stays {
            self.tasks.spawn(operation)
        } else {
            self.tasks.spawn_on(operation, &self.requests)
        };
        self.running.insert(name.id, Running { serial: self.serial, task, request_id });
        Ok(None)
    }

    /// Ends an operation whose client wants to hear no more of it; a movement that has
    /// begun is not stopped by it.
    pub fn stop(&mut self, id: &str) {
        if let Some(running) = self.running.remove(id) {
            running.task.abort();
        }
    }

    /// What is to be written next, whenever that is.
    pub async fn next(&mut self) -> Out {
        loop {
            tokio::select! {
                out = self.outs.recv() => {
                    return *out.expect("one sender stands beside its receiver");
                }
                Some(ended) = self.tasks.join_next() => {
                    if let Some(out) = ended.err().and_then(|error| self.panicked(&error)) {
                        return out;
                    }
                }
            }
        }
    }

    /// What waits to be written, where something does.
    pub fn ready(&mut self) -> Option<Out> {
        self.outs.try_recv().ok().map(|out| *out)
    }

    /// What is to be said of an operation that panicked.
    fn panicked(&self, error: &JoinError) -> Option<Out> {
        let (id, running) =
            self.running.iter().find(|(_, running)| running.task.id() == error.id())?;
        tracing::error!(request_id = running.request_id, %error, "an operation panicked");
        let name = Name { id: Arc::clone(id), serial: running.serial };
        Some(Out { name, word: Word::Error(broken().named(&running.request_id)) })
    }

    /// The message to be written, unless its operation is over; what ends one is noted.
    pub fn message(&mut self, out: Out) -> Option<(Message, Option<OwnedSemaphorePermit>)> {
        let Out { name, word } = out;
        let running = self.running.get(&name.id).filter(|running| running.serial == name.serial);
        running?;
        Some(match word {
            Word::Next(payload, place) => (message::next(&name.id, &payload), Some(place)),
            Word::Error(errors) => {
                self.running.remove(&name.id);
                (message::error(&name.id, &errors), None)
            }
            Word::Complete => {
                self.running.remove(&name.id);
                (message::complete(&name.id), None)
            }
        })
    }
}

/// What an operation works with.
struct Asked {
    graphql: Arc<Graphql>,
    permit: Option<Permit>,
    visitor: Visitor,
    line: Line,
}

/// Runs an operation to its end.
async fn operate(asked: Asked, chosen: Result<Chosen, Vec<Value>>) {
    let word = match attempt(&asked, chosen).await {
        Ok(()) => Word::Complete,
        Err(errors) => Word::Error(errors),
    };
    asked.line.say(word).await;
}

/// Says all that an operation has to say; `Err` is why it was not run, or broke.
async fn attempt(asked: &Asked, chosen: Result<Chosen, Vec<Value>>) -> Result<(), Vec<Value>> {
    let Asked { graphql, permit, visitor, line } = asked;
    let request_id = visitor.request_id.as_str();
    let deadline = Instant::now() + graphql.limits.time;
    let named = |rejection: Rejection| rejection.named(request_id);
    let chosen = chosen?;
    let permit = match permit {
        // As it is now: a second factor may have been confirmed since, or the session ended.
        Some(permit) => {
            let (bank, permit, visitor) = (graphql.bank.clone(), permit.clone(), visitor.clone());
            let asking =
                served::carried(async move { session::again(&bank, &permit, &visitor).await });
            let asking = graphql.bank.db.home().serve(asking);
            let asking = Box::pin(async { asking.await? });
            let again = timeout_at(deadline, asking).await;
            let again = again.map_err(|_| named(graphql::too_slow()))?;
            Some(again.map_err(|failure| caller::refused(failure).named(request_id))?)
        }
        None => None,
    };
    // What only begins is boxed: what waits for long shall not take up its room.
    if !chosen.is_subscription() {
        let place = (deadline, line.place().await);
        let ran = Box::pin(graphql.run(chosen, (permit, None), visitor, place)).await;
        let (ran, place) = ran.map_err(named)?;
        line.say(Word::Next(ran.told(request_id)?, place)).await;
        return Ok(());
    }
    let starting = Box::pin(Feed::start(graphql, chosen, permit, visitor, None));
    let started = timeout_at(deadline, starting).await;
    let mut feed = started.map_err(|_| named(graphql::too_slow()))??;
    loop {
        let due = feed.next().await;
        let place = line.place().await;
        let told = match due {
            Some(due) => Box::pin(feed.answer(due)).await,
            None => None,
        };
        let told = told.ok_or_else(|| named(broken()))?;
        line.say(Word::Next(told.payload, place)).await;
    }
}
