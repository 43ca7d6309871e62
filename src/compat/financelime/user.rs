//! How people sign up, and ask for another password.

use axum::http::StatusCode;

use super::{body, confirmation, errors::bad_parameters};
use crate::{
    bank::{reset_link, signup, signup::Form},
    compat::wire::{answer::Answer, call::Call, doors::Doors, outcome::No},
    domain::invite,
    types::language::Language,
};

/// The shortest address and password, in characters.
pub const TEXT_MIN: usize = 3;
/// The longest.
pub const TEXT_MAX: usize = 255;

/// `POST /v1/user/signup`
pub async fn sign_up(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let object = body::read(call)?;
    let email = body::sized(&object, "email", TEXT_MIN, TEXT_MAX)?;
    let code = body::text(&object, "inviteCode")?;
    let code = match code.filter(|code| !code.is_empty()) {
        Some(code) if invite::check(&code).is_err() => return Err(bad_parameters().into()),
        None if doors.settings.invite_required => return Err(bad_parameters().into()),
        code => code,
    };
    let language = body::text(&object, "language")?.unwrap_or_default();
    let language = Language::named(&language).ok_or_else(bad_parameters)?;
    let form = Form { email, invite_code: code, language };
    signup::request(&doors.bank, call.visitor(), confirmation::SIGNUP, &form).await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// `POST /v1/user/password`
pub async fn reset_password(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let object = body::read(call)?;
    let email = body::sized(&object, "email", TEXT_MIN, TEXT_MAX)?;
    reset_link::request(&doors.bank, call.visitor(), confirmation::RESET, &email).await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}
