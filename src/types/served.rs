//! The request that is being served, for whatever is said while it is.
//!
//! It goes with the task that serves it, and costs nothing where nothing is said. A span of
//! its own it has only in a program that can send traces: a span is entered each time that its task is
//! woken, and goes along with each statement.

use std::sync::{Arc, OnceLock};

use futures_util::future::Either;
use serde::Serialize;
use tokio::task::futures::TaskLocalFuture;
use tracing::{Instrument as _, Span, instrument::Instrumented};

tokio::task_local! {
    static SERVED: Served;
}

/// A request that is being served. A clone is the same one.
#[derive(Debug, Clone)]
pub struct Served(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: OnceLock<String>,
    person: OnceLock<String>,
    span: Span,
}

/// What the log says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Told<'t> {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'t str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<&'t str>,
}

/// Work that is done in the service of a request, or of none.
pub type Service<W> = TaskLocalFuture<Served, Instrumented<W>>;

impl Default for Served {
    fn default() -> Self {
        Self(Arc::new(Inner { id: OnceLock::new(), person: OnceLock::new(), span: span() }))
    }
}

/// What a collector of traces is told of a request.
#[cfg(feature = "otel")]
fn span() -> Span {
    use tracing::field::Empty;
    tracing::info_span!(target: "request", "request", id = Empty, person = Empty)
}

/// Nobody collects traces of this program.
#[cfg(not(feature = "otel"))]
const fn span() -> Span {
    Span::none()
}

impl Served {
    /// A request whose id is known from the start.
    pub fn named(id: &str) -> Self {
        let served = Self::default();
        served.name(id);
        served
    }

    fn name(&self, id: &str) {
        if self.0.id.set(id.to_owned()).is_ok() {
            self.0.span.record("id", id);
        }
    }

    fn mark(&self, person: String) {
        // Whoever asks in one request is one person.
        if self.0.person.set(person.clone()).is_ok() {
            self.0.span.record("person", person);
        }
    }

    /// Does something in its service.
    pub fn by<W: Future>(self, work: W) -> Service<W> {
        let work = work.instrument(self.0.span.clone());
        SERVED.scope(self, work)
    }

    /// Says something in its service.
    pub fn say(&self, sentence: impl FnOnce()) {
        self.0.span.in_scope(|| SERVED.sync_scope(self.clone(), sentence));
    }
}

/// The request that is served here, if one is.
fn here() -> Option<Served> {
    SERVED.try_with(Clone::clone).ok()
}

/// Gives the request that is served here its id.
pub fn name(id: &str) {
    let _ = SERVED.try_with(|served| served.name(id));
}

/// Notes who asks in the request that is served here.
pub fn mark(person: String) {
    let _ = SERVED.try_with(|served| served.mark(person));
}

/// The same request goes on in another task.
pub fn carried<W: Future>(work: W) -> impl Future<Output = W::Output> {
    match here() {
        Some(served) => Either::Left(served.by(work)),
        None => Either::Right(work),
    }
}

/// Shows what the log says of the request that is served here, if one is.
pub fn told<T>(show: impl FnOnce(Told<'_>) -> T) -> Option<T> {
    let told = |served: &Served| {
        let Inner { id, person, .. } = &*served.0;
        let (id, person) = (id.get().map(String::as_str), person.get().map(String::as_str));
        show(Told { name: "request", id, person })
    };
    SERVED.try_with(told).ok()
}

impl std::fmt::Display for Told<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}{{", self.name)?;
        if let Some(id) = self.id {
            write!(formatter, "id={id:?}")?;
        }
        if let Some(person) = self.person {
            write!(formatter, " person={person:?}")?;
        }
        write!(formatter, "}}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Served, carried, mark, name, told};

    fn shown() -> Option<String> {
        told(|told| told.to_string())
    }

    #[tokio::test]
    async fn what_is_said_in_the_service_of_a_request_names_it() {
        assert_eq!(shown(), None, "nobody is served");
        let served = Served::default();
        let work = async {
            name("one");
            mark("ann".to_owned());
            tokio::spawn(carried(async { shown() })).await.unwrap()
        };
        let there = served.clone().by(work).await;
        assert_eq!(there.as_deref(), Some(r#"request{id="one" person="ann"}"#));
        assert_eq!(shown(), None, "nobody is served any more");
        let mut later = None;
        served.say(|| later = shown());
        assert_eq!(later, there, "whoever went away is named as well");
    }

    #[tokio::test]
    async fn a_request_keeps_its_first_name() {
        let work = async {
            name("two");
            shown()
        };
        let told = Served::named("one").by(work).await;
        assert_eq!(told.as_deref(), Some(r#"request{id="one"}"#));
    }
}
