//! `teller log`: the audit log, listed and filtered; it may run beside `serve`.

use std::io::Write;

use serde_json::json;

use crate::{
    app,
    app::AppError,
    bank::{error::Failure, log},
    config::{checked::Config, people::LogFilter},
    store::audit::{Audited, Filter},
    types::{
        clock::{Instant, show},
        id::{self, SessionId, UserId},
    },
};

/// What ends the command early.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The bank does not open, or refuses.
    #[error(transparent)]
    App(#[from] AppError),
    /// An instant that is none.
    #[error("{0} must be an instant such as 2026-11-21T10:00:00Z")]
    Instant(&'static str),
    /// Nothing can be said.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] std::io::Error),
}

impl From<Failure> for LogError {
    fn from(failure: Failure) -> Self {
        Self::App(failure.into())
    }
}

fn instant(flag: &'static str, text: Option<&str>) -> Result<Option<Instant>, LogError> {
    text.map(|text| text.parse().map_err(|_| LogError::Instant(flag))).transpose()
}

/// Lists the rows that are asked for, the newest last.
pub async fn run(asked: &LogFilter, config: &Config, out: &mut impl Write) -> Result<(), LogError> {
    let between =
        (instant("--since", asked.since.as_deref())?, instant("--until", asked.until.as_deref())?);
    let filter = Filter {
        person: None,
        action: asked.action.clone().unwrap_or_default(),
        outcome: asked.outcome.as_deref().unwrap_or_default().to_ascii_uppercase(),
        ip_address: asked.address.clone().unwrap_or_default(),
        request_id: asked.request.clone().unwrap_or_default(),
    };
    let bank = app::assemble(config, app::open_existing_database(config).await?)?;
    let rows = log::list(&bank, asked.person.as_deref(), filter, between, asked.rows).await?;
    for row in &rows {
        if asked.as_json {
            writeln!(out, "{}", as_json(row))?;
        } else {
            writeln!(out, "{}", line(row))?;
        }
    }
    bank.db.close().await;
    Ok(())
}

/// Who did it, as an operator knows them.
fn actor(row: &Audited) -> String {
    match (&row.actor_email, row.actor_id) {
        (Some(email), _) => email.clone(),
        (None, Some(id)) => id.to_wire(),
        (None, None) if row.ip_address.is_none() => "the bank".to_owned(),
        (None, None) => "somebody".to_owned(),
    }
}

fn line(row: &Audited) -> String {
    let (at, who) = (show(row.occurred_at), actor(row));
    let (result, action) = (&row.result, &row.action);
    let mut told = format!("{at}  {result:<20}  {action:<20}  {who}");
    if let Some(subject) = row.subject_id {
        told.push_str("  on ");
        told.push_str(&id::encode(subject));
    }
    if let Some(address) = &row.ip_address {
        told.push_str("  from ");
        told.push_str(address);
    }
    if let Some(request) = &row.request_id {
        told.push_str("  request ");
        told.push_str(request);
    }
    match row.sequence {
        Some(sequence) => format!("{told}  seal {sequence}"),
        None => told + "  not sealed yet",
    }
}

fn as_json(row: &Audited) -> serde_json::Value {
    json!({
        "id": row.audit_id.to_wire(),
        "at": show(row.occurred_at),
        "actorId": row.actor_id.map(UserId::to_wire),
        "actorEmail": row.actor_email,
        "sessionId": row.session_id.map(SessionId::to_wire),
        "action": row.action,
        "outcome": row.result,
        // Bits without the word before the underscore: the action says what it is.
        "subject": row.subject_id.map(id::encode),
        "address": row.ip_address,
        "requestId": row.request_id,
        "seal": row.sequence,
    })
}
