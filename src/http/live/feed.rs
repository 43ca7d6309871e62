//! One subscription, from its first answer to its last, whoever it is for.

use std::{sync::Arc, time::Duration};

use async_graphql::{
    Response,
    parser::types::{ExecutableDocument, Selection},
};
use axum::body::Bytes;
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    bank::{
        error::Failure,
        permit::{Permit, Visitor},
    },
    graphql::{completion::executor::Subscription, guard::size::each, source::Due},
    http::{
        graphql,
        graphql::{Chosen, Graphql},
        shared::{Group, Key, Shared},
    },
    types::page::Cursor,
};

/// How long to wait where the database cannot be asked.
const PAUSE: Duration = Duration::from_millis(250);
/// How often something that is wrong with us is tried again.
const TRIES_MAX: u32 = 8;

/// A subscription that runs.
pub struct Feed {
    subscription: Subscription,
    shared: Shared,
    /// Those who get the same bytes; none where nobody is signed in.
    group: Option<Arc<Group>>,
    request_id: String,
}

/// What a subscription says next.
#[derive(Debug, Clone)]
pub struct Told {
    /// The result, as JSON.
    pub payload: Bytes,
    /// Where a client that has it goes on.
    pub cursor: Cursor,
}

/// The document asks which session it is that asks.
fn tells_sessions_apart(document: &ExecutableDocument) -> bool {
    let mut told = false;
    let operations = document.operations.iter().map(|(_, one)| &one.node.selection_set.node);
    let fragments = document.fragments.values().map(|one| &one.node.selection_set.node);
    for set in operations.chain(fragments) {
        each(set, &mut |selection| {
            told |= matches!(selection, Selection::Field(f) if f.node.name.node == "current");
        });
    }
    told
}

impl Feed {
    /// Starts a subscription; `Err` has the errors of what could not be started.
    pub async fn start(
        graphql: &Graphql,
        chosen: Chosen,
        permit: Option<Permit>,
        visitor: &Visitor,
        resume: Option<Cursor>,
    ) -> Result<Self, Vec<Value>> {
        let shared = graphql.open.shared.clone();
        let group = permit.as_ref().map(|permit| {
            let apart = tells_sessions_apart(chosen.prepared.document());
            let session = apart.then_some(permit.session_id);
            let variables = serde_json::to_vec(&chosen.variables);
            let variables = variables.expect("variables came as JSON");
            shared.join(Key::new(permit.user_id, chosen.key, &variables, session))
        });
        let subscription = graphql.subscribe(chosen, permit, visitor, resume).await?;
        Ok(Self { subscription, shared, group, request_id: visitor.request_id.clone() })
    }

    /// The next item, whenever it comes; none where something is wrong with us. It can be
    /// dropped while it waits, and loses nothing.
    pub async fn next(&mut self) -> Option<Due> {
        let mut tries = 0;
        loop {
            match self.subscription.next().await {
                Ok(due) => return Some(due),
                Err(Failure::Refused(_)) => sleep(PAUSE).await,
                Err(Failure::Broken(broken)) => {
                    tracing::error!(
                        request_id = self.request_id, error = %broken, "a subscription failed"
                    );
                    tries += 1;
                    if tries == TRIES_MAX {
                        return None;
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// The answer to an item, made or taken; none where the subscription has ended.
    pub async fn answer(&mut self, due: Due) -> Option<Told> {
        let cursor = due.cursor().clone();
        let cell = match (due.number(), &self.group) {
            (Some(number), Some(group)) => group.cell(number),
            _ => None,
        };
        let payload = match cell {
            Some(cell) => {
                let made = cell.get_or_try_init(|| async { self.make(due).await.ok_or(()) }).await;
                made.ok()?.clone()
            }
            None => self.make(due).await?,
        };
        Some(Told { payload, cursor })
    }

    async fn make(&mut self, due: Due) -> Option<Bytes> {
        let response: Response = self.subscription.answer(due).await?;
        self.shared.count();
        Some(graphql::told(&response, &self.request_id))
    }
}
