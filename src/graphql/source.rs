//! How a door drives a subscription.
//!
//! The library makes one answer of each item that a subscription's stream gives. Here the
//! door gives the items, one by one: it knows the place of each in the person's stream
//! before it is answered, so it can take an answer that was made for somebody else who
//! asked the same.

use std::sync::{Mutex, PoisonError};

use async_graphql::{Context, Response, Result};
use futures_util::{
    Stream,
    stream::{self, BoxStream, StreamExt as _},
};
use tokio::sync::{mpsc, oneshot};

use super::errors;
use crate::{
    bank::{
        error::Failure,
        event::{BalanceNews, BalanceWatch, Event, EventWatch},
    },
    types::page::Cursor,
};

/// Where the items of a subscription go. Boxed, because a channel has room for many at once,
/// and there is one at a time.
type Items<T> = mpsc::Sender<Box<T>>;

/// What a subscription waits for, and where its items go.
pub enum Watch {
    /// Everything that happens.
    Events(Box<EventWatch>, Items<Event>),
    /// Balances.
    Balances(Box<BalanceWatch>, Items<BalanceNews>),
}

/// The next item of a subscription, not answered yet.
#[derive(Debug, Clone)]
pub enum Due {
    /// Something that happened.
    Event(Event),
    /// A balance.
    Balance(BalanceNews),
}

impl Due {
    /// Its place in the person's stream; none for what is as it is now, which everybody
    /// gets for themselves.
    pub fn number(&self) -> Option<i64> {
        match self {
            Self::Event(event) => Some(event.number).filter(|_| !event.is_refresh()),
            Self::Balance(news) => news.number,
        }
    }

    /// Where a client that has it goes on.
    pub fn cursor(&self) -> &Cursor {
        match self {
            Self::Event(event) => &event.cursor,
            Self::Balance(news) => &news.cursor,
        }
    }
}

/// What the resolver of a subscription finds in its context.
pub struct Source {
    opened: Mutex<Option<oneshot::Sender<Watch>>>,
    resume: Option<Cursor>,
}

impl Source {
    /// A source for one subscription, and where the door hears what it waits for. With
    /// `resume` it goes on from there, whatever the document says.
    pub fn new(resume: Option<Cursor>) -> (Self, oneshot::Receiver<Watch>) {
        let (opened, hears) = oneshot::channel();
        (Self { opened: Mutex::new(Some(opened)), resume }, hears)
    }
}

/// Where a subscription goes on: where the transport says, or else the document.
pub fn after(ctx: &Context<'_>, said: Option<super::scalars::Cursor>) -> Option<Cursor> {
    let resume = ctx.data_opt::<Source>().and_then(|source| source.resume.clone());
    resume.or(said.map(|cursor| cursor.0))
}

/// Hands the door what a subscription waits for, and gives the items that it sends.
pub fn open<T: Send + 'static, W: FnOnce(Items<T>) -> Watch>(
    ctx: &Context<'_>,
    watch: W,
) -> Result<impl Stream<Item = T> + use<T, W>> {
    let opened = ctx
        .data_opt::<Source>()
        .and_then(|source| source.opened.lock().unwrap_or_else(PoisonError::into_inner).take());
    let opened = opened.ok_or_else(|| errors::lost("the door of a subscription"))?;
    let (send, mut items) = mpsc::channel(1);
    // A door that has gone waits for nothing.
    let _ = opened.send(watch(send));
    Ok(stream::poll_fn(move |context| items.poll_recv(context).map(|item| item.map(|item| *item))))
}

/// The one answer of what could not be started.
fn refusal(response: Option<Response>) -> Box<Response> {
    Box::new(response.unwrap_or_else(|| Response::from_errors(Vec::new())))
}

/// A subscription that runs.
pub struct Running {
    responses: BoxStream<'static, Response>,
    watch: Watch,
}

impl Running {
    /// Starts a subscription; `Err` is the one answer of what could not be started.
    pub async fn start(
        mut responses: BoxStream<'static, Response>,
        opened: oneshot::Receiver<Watch>,
    ) -> Result<Self, Box<Response>> {
        // The stream is polled only for what its resolver does before it waits.
        let watch = tokio::select! {
            biased;
            response = responses.next() => return Err(refusal(response)),
            watch = opened => watch,
        };
        match watch {
            Ok(watch) => Ok(Self { responses, watch }),
            // It was refused before its resolver ran, or by it.
            Err(_) => Err(refusal(responses.next().await)),
        }
    }

    /// The next item, whenever it comes. It can be dropped while it waits, and loses nothing.
    ///
    /// # Errors
    ///
    /// Where something of it could not be read; asked again it is tried again.
    pub async fn next(&mut self) -> Result<Due, Failure> {
        match &mut self.watch {
            Watch::Events(watch, _) => watch.next().await.map(Due::Event),
            Watch::Balances(watch, _) => watch.next().await.map(Due::Balance),
        }
    }

    /// The answer to an item; none where the subscription has ended.
    pub async fn answer(&mut self, due: Due) -> Option<Response> {
        let sent = match (&self.watch, due) {
            (Watch::Events(_, items), Due::Event(event)) => {
                items.send(Box::new(event)).await.is_ok()
            }
            (Watch::Balances(_, items), Due::Balance(news)) => {
                items.send(Box::new(news)).await.is_ok()
            }
            (Watch::Events(..), Due::Balance(_)) | (Watch::Balances(..), Due::Event(_)) => false,
        };
        if sent { self.responses.next().await } else { None }
    }
}
