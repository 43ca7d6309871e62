//! Where people see the devices on which they are signed in, and end that.

use axum::http::StatusCode;
use chrono::SecondsFormat;

use super::{body, errors::json, person::permit};
use crate::{
    bank::{door_session, door_session::Shown},
    compat::wire::{answer::Answer, call::Call, doors::Doors, json::Json, outcome::No},
    types::clock::Instant,
};

/// An instant as Go writes it: in UTC, with up to six digits of a second and no zero behind.
fn written(at: Instant) -> String {
    let whole = at.to_rfc3339_opts(SecondsFormat::Micros, false);
    let text = whole.strip_suffix("+00:00").unwrap_or(&whole);
    format!("{}Z", text.trim_end_matches('0').trim_end_matches('.'))
}

fn shown(session: Shown) -> Json {
    Json::object([
        ("sessionID", Json::text(session.public_id)),
        ("updatedAt", Json::text(written(session.updated_at))),
        ("platform", Json::text(session.platform.unwrap_or_default())),
    ])
}

/// `GET /v1/session/list`
pub async fn list(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let permit = permit(doors, call).await?;
    let sessions = door_session::list(&doors.bank, &permit).await?;
    Ok(json(StatusCode::OK, &Json::List(sessions.into_iter().map(shown).collect())))
}

/// `DELETE /v1/session/remove`
pub async fn remove(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let permit = permit(doors, call).await?;
    let object = body::read(call)?;
    let id = body::text(&object, "sessionID")?.filter(|id| !id.is_empty());
    door_session::remove(&doors.bank, &permit, id.as_deref()).await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

#[cfg(test)]
mod tests {
    use super::written;

    #[test]
    fn an_instant_has_no_zero_behind_its_point() {
        for (at, told) in [
            ("2026-11-21T19:27:41.704096Z", "2026-11-21T19:27:41.704096Z"),
            ("2026-11-21T19:27:41.7Z", "2026-11-21T19:27:41.7Z"),
            ("2026-11-21T19:20:00Z", "2026-11-21T19:20:00Z"),
        ] {
            assert_eq!(written(at.parse().unwrap()), told);
        }
    }
}
