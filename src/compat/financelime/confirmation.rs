//! The pages that the links of letters lead to; a browser opens them, so they ask for
//! nothing but the key in the path.

use axum::http::StatusCode;

use super::errors::PLAIN;
use crate::{
    bank::{reset_link, signup},
    compat::wire::{answer::Answer, call::Call, doors::Doors, outcome::No},
    types::secret::Secret,
};

/// What stands before the key of a link that confirms a registration.
pub const SIGNUP: &str = "/u/";
/// What stands before the key of a link for a new password.
pub const RESET: &str = "/p/";

fn key(call: &Call) -> Secret {
    Secret::new(call.captures.first().map(String::as_str).unwrap_or_default())
}

fn page(text: &str) -> Answer {
    Answer::text(StatusCode::OK, PLAIN, text)
}

/// `GET /u/{confirmationKey}`
pub async fn sign_up(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let language = signup::confirm(&doors.bank, call.visitor(), &key(call)).await?;
    Ok(page(language.choose(
        "Your registration is confirmed. A letter with your password is on its way to you.\n",
        "Ваша регистрация подтверждена. Письмо с паролем уже отправлено вам.\n",
    )))
}

/// `GET /p/{confirmationKey}`
pub async fn reset(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let language = reset_link::confirm(&doors.bank, call.visitor(), &key(call)).await?;
    Ok(page(language.choose(
        "Your password is reset. A letter with the new password is on its way to you.\n",
        "Ваш пароль сброшен. Письмо с новым паролем уже отправлено вам.\n",
    )))
}
