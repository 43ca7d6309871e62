//! How people set a lost password: by a code that is mailed, which is exchanged for a token.

use axum::http::StatusCode;

use super::errors::STYLE;
use crate::{
    bank::{error::Failure, reset_code},
    compat::wire::{
        answer::Answer,
        call::Call,
        doors::Doors,
        drf::{self, Field},
        json::Json,
        outcome::No,
    },
    domain::refusal::Refusal,
    types::{secret::Secret, text::Email},
};

const EMAIL: Field<'_> = Field::required("email").max(254);

fn success(text: String) -> Answer {
    Answer::json(StatusCode::OK, &Json::object([("success", Json::text(text))]))
}

/// An address that is nobody's is told in this dialect's own words.
fn known<T>(email: &str, outcome: Result<T, Failure>) -> Result<T, No> {
    match outcome {
        Err(Failure::Refused(Refusal::NotFound { field: "email", .. })) => {
            Err(drf::field("email", &format!("No user {email} was found.")).into())
        }
        other => Ok(other?),
    }
}

/// `GET /api/auth/reset-password/?email=`
pub async fn send(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let Some(shown) = call.parameter("email") else {
        return Err(drf::field("email", "This field is required.").into());
    };
    let email = shown.trim();
    if email.is_empty() {
        return Err(drf::field("email", "This field may not be blank.").into());
    }
    if Email::parse(email).is_err() {
        return Err(drf::field("email", "Enter a valid email address.").into());
    }
    known(email, reset_code::request(&doors.bank, call.visitor(), email).await)?;
    Ok(success(format!("Successfully sent a reset code to {email}.")))
}

/// `HEAD /api/auth/reset-password/`, which sends nothing.
pub async fn look(_: &Doors, _: &Call) -> Result<Answer, No> {
    Ok(success(String::new()))
}

/// `POST /api/auth/reset-password/`
pub async fn confirm(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let mut input = STYLE.read(call)?;
    let (email, code) = (input.email(&EMAIL), input.text(&Field::required("code")));
    input.settle()?;
    let (email, code) = (email.unwrap_or_default(), code.unwrap_or_default());
    known(&email, reset_code::require_known(&doors.bank, call.visitor(), &email).await)?;
    if code.len() != 4 || !code.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(drf::field("code", "Invalid code provided.").into());
    }
    let code = Secret::new(code);
    let token = reset_code::confirm(&doors.bank, call.visitor(), &email, &code).await;
    let token = known(&email, token)?;
    let told = Json::object([("sessionToken", Json::text(token.expose()))]);
    Ok(Answer::json(StatusCode::OK, &told))
}

/// `PATCH /api/auth/reset-password/`
pub async fn set(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let mut input = STYLE.read(call)?;
    let email = input.email(&EMAIL);
    let token = input.text(&Field::required("sessionToken").also(&["session_token"]));
    let new = Field::required("newPassword").also(&["new_password"]).as_typed();
    let again = Field::required("newPassword2").also(&["new_password2", "new_password_2"]);
    let (new, again) = (input.text(&new), input.text(&again.as_typed()));
    input.settle()?;
    let (email, token) = (email.unwrap_or_default(), token.unwrap_or_default());
    known(&email, reset_code::require_known(&doors.bank, call.visitor(), &email).await)?;
    if token.len() != 32 || !token.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(drf::field("sessionToken", "Invalid session token provided.").into());
    }
    if new != again {
        return Err(drf::field(STYLE.non_field_errors, "New passwords don't match!").into());
    }
    let (token, new) = (Secret::new(token), Secret::new(new.unwrap_or_default()));
    known(&email, reset_code::require_fit(&doors.bank, &email, &new).await)?;
    let done = reset_code::reset(&doors.bank, call.visitor(), &email, &token, &new).await;
    known(&email, done)?;
    Ok(success(format!("Successfully changed password for {email}.")))
}
