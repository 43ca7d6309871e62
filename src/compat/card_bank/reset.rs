//! How people set a lost password: by a link that is mailed.

use axum::http::{HeaderName, HeaderValue, StatusCode};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    body::Input,
    errors,
    person::require_origin,
    registration::{message, user_temp},
};
use crate::{
    bank::{error::Failure, password, password::LostForm, password::ResetForm},
    compat::wire::{answer::Answer, call::Call, door::Fault, doors::Doors, outcome::No},
    crypto::mac,
    domain::{refusal::Refusal, session::Facade},
    types::secret::Secret,
};

/// Our own page, for a bank without a front end.
const PAGE: &str = include_str!("reset.html");

/// `POST /auth/reset`
pub async fn send(doors: &Doors, call: &Call) -> Result<Answer, No> {
    require_origin(call)?;
    let form = user_temp(call)?;
    let form = LostForm {
        email: form.email,
        phone_number: Some(form.phone_number),
        social_security: Some(form.social_security),
    };
    let (bank, visitor) = (&doors.bank, call.visitor());
    match password::request_reset_openly(bank, visitor, Facade::CardBank, &form).await {
        // What has not the form of a number is nobody's.
        Err(Failure::Refused(Refusal::Invalid(_))) => Err(errors::no_credentials().into()),
        other => {
            other?;
            Ok(message("Email sended"))
        }
    }
}

/// `UserPasswordReset`.
fn form(call: &Call) -> Result<ResetForm, No> {
    let mut input = Input::read_secret(call)?;
    let (token, new) = (input.text("token"), input.text("new_password"));
    let (token, new) = input.done(token.zip(new))?;
    Ok(ResetForm { token: Secret::new(token), new_password: Secret::new(new), reply: None })
}

/// `PATCH /auth/reset`
pub async fn set(doors: &Doors, call: &Call) -> Result<Answer, No> {
    require_origin(call)?;
    let form = form(call)?;
    match password::reset(&doors.bank, call.visitor(), Facade::CardBank, &form).await {
        // Who has an authenticator cannot be asked for a code of it here.
        Err(Failure::Refused(Refusal::StepUpRequired(_))) => {
            return Err(errors::bad_reset_token().into());
        }
        other => other?,
    }
    Ok(message("Password changed"))
}

/// The part of a page between two tags, to the byte.
fn between<'p>(page: &'p str, begins: &str, ends: &str) -> &'p str {
    let inner = page.split_once(begins).and_then(|(_, rest)| rest.split_once(ends));
    inner.map_or("", |(inner, _)| inner)
}

/// `GET /compat/card-bank/reset`: where the link of the letter leads where there is no
/// front end. Its own script and style may run, and no other.
pub async fn page(_: &Doors, call: &Call) -> Result<Answer, No> {
    if call.prefix.is_empty() {
        return Err(errors::refuse(&call.method, Fault::UnknownPath).into());
    }
    let hash = |text: &str| STANDARD.encode(mac::sha256(text.as_bytes()));
    let script = hash(between(PAGE, "<script>", "</script>"));
    let style = hash(between(PAGE, "<style>", "</style>"));
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; \
        connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let policy = HeaderValue::from_str(&policy).expect("hashes are plain text");
    let answer = Answer::text(StatusCode::OK, "text/html; charset=utf-8", PAGE);
    Ok(answer.with(HeaderName::from_static("content-security-policy"), policy))
}
