//! Counts what is asked: requests by route, and what GraphQL runs by field.
//!
//! A label is a route of ours or a name of the schema, never a client's text, so there are
//! as many as there are routes and fields. Each counter is looked up by its name once and
//! then found at hand.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use async_graphql::parser::types::OperationType;
use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{Method, Response},
    middleware::Next,
};
use metrics::{Counter, Histogram, counter, histogram};

use super::line;
use crate::{
    compat::router::Route,
    graphql::{completion::prepared::Prepared, guard::check},
    types::served::Served,
};

/// What is said of a request that no route is for.
const NO_ROUTE: &str = "unknown";
/// What is said of a document that did not run.
const NOT_RUN: &str = "none";

/// The methods that are told apart.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"];

/// Counters by name, made when they are first asked for.
#[derive(Debug)]
struct Known<K, V>(RwLock<HashMap<K, V>>);

impl<K: Eq + Hash, V> Default for Known<K, V> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<K: Eq + Hash, V> Known<K, V> {
    fn with<Q: Eq + Hash + ToOwned<Owned = K> + ?Sized>(
        &self,
        name: &Q,
        make: impl FnOnce() -> V,
        count: impl FnOnce(&V),
    ) where
        K: Borrow<Q>,
    {
        if let Some(found) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return count(found);
        }
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        count(all.entry(name.to_owned()).or_insert_with(make));
    }
}

/// One method of one route.
struct Door {
    seconds: Histogram,
    statuses: Known<u16, Counter>,
}

/// One field at the top of the schema.
struct Field {
    count: Counter,
    seconds: Histogram,
}

/// The counters. A clone counts the same.
#[derive(Clone, Default)]
pub struct Tally(Arc<Inner>);

#[derive(Default)]
struct Inner {
    doors: [Known<String, Door>; METHODS.len()],
    queries: Known<String, Field>,
    mutations: Known<String, Field>,
    subscriptions: Known<String, Field>,
}

impl Tally {
    fn answered(&self, method: &Method, route: &str, status: u16, taken: Duration) {
        let place = METHODS.iter().position(|known| *known == method.as_str());
        let place = place.unwrap_or(METHODS.len() - 1);
        let method = METHODS[place];
        let door = || {
            let route = route.to_owned();
            Door {
                seconds: histogram!("teller_http_request_seconds", "method" => method, "route" => route),
                statuses: Known::default(),
            }
        };
        let counted = || {
            let (route, status) = (route.to_owned(), status.to_string());
            counter!("teller_http_requests_total", "method" => method, "route" => route, "status" => status)
        };
        self.0.doors[place].with(route, door, |door| {
            door.seconds.record(taken);
            door.statuses.with(&status, counted, |counter| counter.increment(1));
        });
    }

    /// Counts a document that ran: each of its fields at the top, and the time that all of
    /// it took under the first.
    pub fn ran(&self, prepared: &Prepared, taken: Option<Duration>) {
        let name = prepared.operation_name();
        let Some((operation, fields)) = check::asked(prepared.document(), name) else {
            return;
        };
        let mut taken = taken;
        for field in fields {
            self.field(operation, field, |field| {
                field.count.increment(1);
                if let Some(taken) = taken.take() {
                    field.seconds.record(taken);
                }
            });
        }
    }

    /// Counts a document that did not run.
    pub fn did_not_run(&self, prepared: &Prepared) {
        let operation = check::operation(prepared.document(), prepared.operation_name());
        let operation = operation.map_or(OperationType::Query, |operation| operation.node.ty);
        self.field(operation, NOT_RUN, |field| field.count.increment(1));
    }

    fn field(&self, operation: OperationType, name: &str, count: impl FnOnce(&Field)) {
        let (kind, known) = match operation {
            OperationType::Query => ("query", &self.0.queries),
            OperationType::Mutation => ("mutation", &self.0.mutations),
            OperationType::Subscription => ("subscription", &self.0.subscriptions),
        };
        let (one, two) = (name.to_owned(), name.to_owned());
        let make = || Field {
            count: counter!("teller_graphql_fields_total", "kind" => kind, "field" => one),
            seconds: histogram!("teller_graphql_request_seconds", "kind" => kind, "field" => two),
        };
        known.with(name, make, count);
    }
}

/// A request that is under way. One whose client goes away is counted where it is dropped.
struct Pending {
    tally: Tally,
    served: Served,
    method: Method,
    route: Option<MatchedPath>,
    began: Instant,
    told: bool,
}

impl Pending {
    fn tell(&mut self, of_answer: Option<Route>, status: u16) {
        self.told = true;
        let taken = self.began.elapsed();
        let route = of_answer.map(|route| route.0);
        let route = route.or_else(|| self.route.as_ref().map(MatchedPath::as_str));
        let route = route.unwrap_or(NO_ROUTE);
        self.tally.answered(&self.method, route, status, taken);
        line::write(&self.served, &self.method, route, status, taken);
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.told {
            self.tell(None, line::GONE);
        }
    }
}

/// Counts each request and writes its line.
pub async fn count(State(tally): State<Tally>, request: Request, next: Next) -> Response<Body> {
    let served = Served::default();
    let mut pending = Pending {
        tally,
        served: served.clone(),
        method: request.method().clone(),
        route: request.extensions().get::<MatchedPath>().cloned(),
        began: Instant::now(),
        told: false,
    };
    let response = served.by(next.run(request)).await;
    pending.tell(response.extensions().get::<Route>().copied(), response.status().as_u16());
    response
}
