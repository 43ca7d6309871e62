//! What every act leaves behind beside its doing: a row of the audit log, and what
//! the people whom it concerns are told.

use std::collections::HashMap;

use super::{context::Bank, error::Failure};
use crate::{
    db::{error::DbError, session::Session},
    domain::{event::EventKind, refusal::Refusal},
    store::{
        audit,
        audit::{Act, DONE, NewAudit},
        posting,
        posting_rows::{NewEvent, Written},
    },
    types::id::{AuditId, UserId},
};
use uuid::Uuid;

/// Somebody is told that something happened.
#[derive(Debug, Clone)]
pub struct Told {
    /// Whose stream.
    pub owner_id: UserId,
    /// What happened.
    pub kind: EventKind,
    /// What there is to say, as JSON.
    pub body: String,
}

fn row(bank: &Bank, act: Act, result: &'static str, subject_id: Option<Uuid>) -> NewAudit {
    let audit_id = AuditId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    NewAudit { audit_id, act, result, subject_id, at: bank.now() }
}

/// Notes an act that was done, and tells of it: the last statement of its transaction,
/// as the streams are the last lock.
pub(super) async fn done(
    bank: &Bank,
    s: &mut Session,
    act: Act,
    subject_id: Option<Uuid>,
    told: impl IntoIterator<Item = Told>,
) -> Result<(), DbError> {
    note(bank, s, row(bank, act, DONE, subject_id), told).await
}

/// Notes an act that was refused and yet changed something: the last statement of its
/// transaction, which is committed.
pub(super) async fn refused(
    bank: &Bank,
    s: &mut Session,
    act: Act,
    refusal: &Refusal,
    subject_id: Option<Uuid>,
    told: impl IntoIterator<Item = Told>,
) -> Result<(), DbError> {
    note(bank, s, row(bank, act, refusal.code(), subject_id), told).await
}

fn note(
    bank: &Bank,
    s: &mut Session,
    row: NewAudit,
    told: impl IntoIterator<Item = Told>,
) -> impl Future<Output = Result<(), DbError>> + Send {
    let occurred_at = bank.now();
    let event =
        |Told { owner_id, kind, body }| NewEvent { owner_id, back: 0, kind, body, occurred_at };
    let mut events: Vec<NewEvent> = told.into_iter().map(event).collect();
    let mut later: HashMap<Uuid, i64> = HashMap::new();
    for event in events.iter_mut().rev() {
        let count = later.entry(event.owner_id.uuid()).or_default();
        event.back = *count;
        *count += 1;
    }
    let written = Written { audit: vec![row], events, ..Written::default() };
    async move { posting::write(s, &written).await }
}

/// Notes an act that was refused, apart from its transaction, which left nothing.
///
/// Where not even that can be written the failure is the answer: no act without its row.
pub(super) async fn audited<T>(
    bank: &Bank,
    act: Act,
    outcome: Result<T, Failure>,
) -> Result<T, Failure> {
    audited_on(bank, act, None, outcome).await
}

/// The same for a refusal that is about something: whom or what is noted beside it.
pub(super) async fn audited_on<T>(
    bank: &Bank,
    act: Act,
    subject_id: Option<Uuid>,
    outcome: Result<T, Failure>,
) -> Result<T, Failure> {
    if let Err(Failure::Refused(refusal)) = &outcome {
        let new = &row(bank, act, refusal.code(), subject_id);
        let noted: Result<(), DbError> =
            bank.db.write_retrying(|s| Box::pin(audit::insert(s, new))).await;
        noted?;
    }
    outcome
}
