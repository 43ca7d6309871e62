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

    INSERT_UNSEALED = "INSERT INTO unsealed (subject_id, kind) VALUES ($1, 'AUDIT')";
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
