//! How people come in, and stay.

use axum::http::StatusCode;

use super::{
    body,
    errors::{bad_parameters, bad_refresh_token, json, user_not_found},
    user::{TEXT_MAX, TEXT_MIN},
};
use crate::{
    bank::{
        door_session, password_sign_in, refresh, session::SignedIn, sign_in::Form, ticket,
        ticket::Unfit,
    },
    compat::wire::{answer::Answer, call::Call, doors::Doors, json::Json, outcome::No},
    crypto::ticket::Kind,
    domain::{second_factor::PasswordDialect, session::Facade},
    store::session::Device,
    types::secret::Secret,
};

/// `{"sessionID":"…","accessToken":"…","refreshToken":"…"}`.
fn tokens(doors: &Doors, signed_in: &SignedIn) -> Answer {
    let id = door_session::public_id(&doors.bank, signed_in.session.session_id);
    let refresh = signed_in.tokens.refresh.as_ref().map(Secret::expose);
    let told = Json::object([
        ("sessionID", Json::text(id)),
        ("accessToken", Json::text(signed_in.tokens.access.expose())),
        ("refreshToken", Json::text(refresh.unwrap_or_default())),
    ]);
    json(StatusCode::OK, &told)
}

/// What a client says of its device; older ones say nothing.
fn device(object: &Json) -> Result<Device, Answer> {
    let client_id = body::text(object, "clientID")?;
    let device = match object.get("device") {
        None | Some(Json::Null) => return Ok(Device { client_id, ..Device::default() }),
        Some(device @ Json::Object(_)) => device,
        Some(Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::List(_)) => {
            return Err(bad_parameters());
        }
    };
    Ok(Device {
        platform: body::text(device, "platform")?,
        language: body::text(device, "language")?,
        timezone: body::text(device, "timezone")?,
        screen_width: body::int(device, "width")?,
        screen_height: body::int(device, "height")?,
        client_id,
    })
}

/// `POST /v1/oauth/create`
pub async fn create(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let object = body::read(call)?;
    let form = Form {
        email: body::sized(&object, "email", TEXT_MIN, TEXT_MAX)?,
        password: Secret::new(body::sized(&object, "password", TEXT_MIN, TEXT_MAX)?),
        device: device(&object)?,
        role: None,
    };
    let dialect = PasswordDialect::Financelime;
    let signed_in = password_sign_in::log_in(&doors.bank, call.visitor(), dialect, &form).await?;
    Ok(tokens(doors, &signed_in))
}

/// `PUT /v1/oauth/refresh`
pub async fn renew(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let object = body::read(call)?;
    let token = body::text(&object, "refreshToken")?.unwrap_or_default();
    let (bank, facade) = (&doors.bank, Facade::Financelime);
    if token.is_empty() {
        return Err(bad_refresh_token().into());
    }
    match ticket::read(bank, facade, Kind::Access, &token) {
        // It opens the door, but it renews nothing.
        Ok(_) | Err(Unfit::Expired) => return Err(user_not_found().into()),
        Err(Unfit::Malformed | Unfit::Forged | Unfit::Foreign | Unfit::WrongKind) => {}
    }
    let signed_in = refresh::refresh(bank, call.visitor(), facade, &Secret::new(token)).await?;
    Ok(tokens(doors, &signed_in))
}
