//! The audit log: who did what, from where, and what came of it.
//!
//! A row is written in the transaction of the act itself, and can never be
//! changed. The ledger writes those of postings with its batches.

use uuid::Uuid;

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session},
    types::{
        clock::Instant,
        id::{AuditId, SessionId, UserId},
    },
};

/// Somebody who does something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// Who; `None` for the bank itself.
    pub actor_id: Option<UserId>,
    /// In which session.
    pub session_id: Option<SessionId>,
    /// What: "transfer".
    pub action: &'static str,
    /// Where from.
    pub ip_address: Option<String>,
    /// The request that asked for it.
    pub request_id: Option<String>,
}

/// An act with what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAudit {
    /// Names the row.
    pub audit_id: AuditId,
    /// What was done.
    pub act: Act,
    /// `DONE`, or the code of the refusal.
    pub result: &'static str,
    /// What it was done to, or what it made.
    pub subject_id: Option<Uuid>,
    /// When.
    pub at: Instant,
}

/// What an act is said to have come to when it was done.
pub const DONE: &str = "DONE";

statements! {
    INSERT = "
        INSERT INTO audit_log (audit_id, actor_id, session_id, action, result, subject_id,
            ip_address, request_id, occurred_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

    /// Names of rows grow with their time, so that the newest are found without a search.
    LIST = "
        SELECT l.audit_id, l.actor_id, u.email AS actor_email, l.session_id, l.action, l.result,
            l.subject_id, l.ip_address, l.request_id, l.occurred_at, s.sequence
        FROM audit_log l
            LEFT JOIN users u ON u.user_id = l.actor_id
            LEFT JOIN seals s ON s.subject_id = l.audit_id
        WHERE (l.actor_id = $1 OR l.subject_id = $1 OR $1 = $2)
            AND (l.action = $3 OR $3 = '')
            AND (l.result = $4 OR $4 = '' OR ($4 = 'REFUSED' AND l.result <> 'DONE'))
            AND (l.ip_address = $5 OR $5 = '')
            AND (l.request_id = $6 OR $6 = '')
            AND l.occurred_at >= $7 AND l.occurred_at < $8 AND l.audit_id >= $9
        ORDER BY l.audit_id DESC LIMIT $10";

    INSERT_UNSEALED = "INSERT INTO unsealed (subject_id, kind) VALUES ($1, 'AUDIT')";
}

/// Which rows are wanted; what is nothing is not asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// What a person did, and what was done to them.
    pub person: Option<UserId>,
    /// What was done.
    pub action: String,
    /// What came of it; `REFUSED` is everything but `DONE`.
    pub outcome: String,
    /// Where from.
    pub ip_address: String,
    /// The request that asked for it.
    pub request_id: String,
}

/// A row as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Audited {
    /// Names the row.
    pub audit_id: AuditId,
    /// Who; `None` for the bank itself, or somebody unknown.
    pub actor_id: Option<UserId>,
    /// Their address now.
    pub actor_email: Option<String>,
    /// In which session.
    pub session_id: Option<SessionId>,
    /// What.
    pub action: String,
    /// What came of it.
    pub result: String,
    /// On what.
    pub subject_id: Option<Uuid>,
    /// Where from.
    pub ip_address: Option<String>,
    /// The request that asked for it.
    pub request_id: Option<String>,
    /// When.
    pub occurred_at: Instant,
    /// Its number in the chain of seals; `None` until it is sealed.
    pub sequence: Option<i64>,
}

/// The newest rows of a time, the newest first; `from` comes before every row of it.
pub async fn list(
    session: &mut Session,
    filter: &Filter,
    between: (Instant, Instant),
    from: AuditId,
    limit: i64,
) -> Result<Vec<Audited>, DbError> {
    let query = session.query(LIST).bind(filter.person.map_or(Uuid::nil(), UserId::uuid));
    let query = query.bind(Uuid::nil()).bind(filter.action.as_str()).bind(filter.outcome.as_str());
    let query = query.bind(filter.ip_address.as_str()).bind(filter.request_id.as_str());
    query.bind(between.0).bind(between.1).bind(from).bind(limit).all().await
}

/// Writes one row, which the sealer takes later.
pub async fn insert(session: &mut Session, new: &NewAudit) -> Result<(), DbError> {
    let act = &new.act;
    session
        .query(INSERT)
        .bind(new.audit_id)
        .bind(act.actor_id)
        .bind(act.session_id)
        .bind(act.action)
        .bind(new.result)
        .bind(new.subject_id)
        .bind(act.ip_address.as_deref())
        .bind(act.request_id.as_deref())
        .bind(new.at)
        .execute()
        .await?;
    session.query(INSERT_UNSEALED).bind(new.audit_id).execute().await?;
    Ok(())
}
