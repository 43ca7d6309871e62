//! How people come in, stay and go.

use axum::http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::{
    errors::{LOGIN, REFRESH, msg, not_ours},
    person::{CSRF_HEADER, is_foreign, repeats},
    tokens::{self, Cookie},
};
use crate::{
    bank::{csrf, error::Failure, password_sign_in, sign_in::Form, ticket},
    compat::wire::{answer::Answer, call::Call, cookie, doors::Doors, json::Json, outcome::No},
    crypto::ticket::Kind,
    domain::{refusal::Refusal, second_factor::PasswordDialect, session::Facade},
    store::session::Device,
    types::secret::Secret,
};

/// The body of a call; none where it is no object of JSON. A form's content type is none, so
/// that no page of another site can send it.
pub fn body(call: &Call) -> Option<Json> {
    let media_type = call.media_type();
    let is_json = media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"));
    is_json.then(|| Json::read(&call.body).ok()).flatten()
}

/// `POST /token/auth`
pub async fn log_in(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let body = body(call).ok_or_else(|| Answer::from(LOGIN))?;
    let text = |name| body.get(name).and_then(Json::as_text).ok_or_else(|| Answer::from(LOGIN));
    let (email, password) = (text("email")?.to_owned(), Secret::new(text("password")?));
    let form = Form { email, password, device: Device::default(), role: None };
    let bank = &doors.bank;
    let dialect = PasswordDialect::Ewallet;
    let signed_in = password_sign_in::log_in(bank, call.visitor(), dialect, &form).await?;
    let identity = json!(signed_in.user.legacy_id);
    let permit = &signed_in.permit;
    let (of_access, of_refresh) = (csrf::draw(bank), csrf::draw(bank));
    csrf::keep(bank, permit, &of_access, Some(&of_refresh)).await?;
    let access = tokens::make(doors, permit, Kind::Access, &identity, &of_access);
    let refresh = tokens::make(doors, permit, Kind::Refresh, &identity, &of_refresh);
    let cookies = [
        (Cookie::Access, &access),
        (Cookie::AccessCsrf, &of_access),
        (Cookie::Refresh, &refresh),
        (Cookie::RefreshCsrf, &of_refresh),
    ];
    Ok(tokens::set(doors, call, msg(StatusCode::OK, "login success."), &cookies))
}

/// The refresh token of a call: the cookie, else the header that the document names.
fn refresh_token(call: &Call) -> Option<&str> {
    let name = Cookie::Refresh.name();
    let header = call.headers.get(name).map(HeaderValue::to_str).and_then(Result::ok);
    cookie::find(&call.headers, name).or(header)
}

/// `POST /token/refresh`
pub async fn refresh(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let bad = || No::from(Answer::from(REFRESH));
    let bank = &doors.bank;
    let token = refresh_token(call).ok_or_else(bad)?;
    let shown = call.header(CSRF_HEADER).ok_or_else(bad)?;
    let ticket = ticket::read(bank, Facade::Ewallet, Kind::Refresh, token).map_err(|_| bad())?;
    if is_foreign(call) || !repeats(&ticket, shown) {
        return Err(bad());
    }
    let permit = match ticket::admit(bank, Facade::Ewallet, &ticket, call.visitor()).await {
        Err(Failure::Refused(Refusal::SessionEnded)) => return Err(bad()),
        other => other?,
    };
    let of_access = csrf::draw(bank);
    csrf::keep(bank, &permit, &of_access, None).await?;
    let identity = ticket.claims.get("identity").cloned().unwrap_or(Value::Null);
    let access = tokens::make(doors, &permit, Kind::Access, &identity, &of_access);
    let cookies = [(Cookie::Access, &access), (Cookie::AccessCsrf, &of_access)];
    Ok(tokens::set(doors, call, msg(StatusCode::OK, "token refreshed."), &cookies))
}

/// `POST /token/remove`: a browser does not send the tokens there, but what it repeats.
pub async fn log_out(doors: &Doors, call: &Call) -> Result<Answer, No> {
    // Nothing is repeated here, so that its origin alone tells whose a page is.
    if is_foreign(call) {
        return Err(not_ours().into());
    }
    let value = |which: Cookie| cookie::find(&call.headers, which.name());
    let (of_access, of_refresh) = (value(Cookie::AccessCsrf), value(Cookie::RefreshCsrf));
    csrf::log_out(&doors.bank, call.visitor(), of_access, of_refresh).await?;
    Ok(tokens::clear(doors, call, msg(StatusCode::OK, "logout success.")))
}
