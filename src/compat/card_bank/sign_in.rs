//! How people come in, see themselves, and go.

use axum::http::StatusCode;

use super::{
    body::Input,
    errors::unauthorized,
    number,
    person::{self, caller, require_origin},
    registration::message,
};
use crate::{
    bank::{
        card, challenge::Reply, error::Failure, plastic, session, sign_in, sign_in::Form, user,
    },
    compat::wire::{answer::Answer, call::Call, doors::Doors, json::Json, outcome::No},
    domain::{refusal::Refusal, session::Facade},
    store::session::Device,
    types::secret::Secret,
};

/// `UserLogin`: both steps have the same fields.
struct UserLogin {
    email: String,
    password: Option<String>,
    code: Option<String>,
}

fn user_login(call: &Call) -> Result<UserLogin, No> {
    let mut input = Input::read_secret(call)?;
    let email = input.text("email");
    let (password, code) = (input.optional_text("password"), input.optional_text("twofa_code"));
    input.done(email.map(|email| UserLogin { email, password, code }))
}

/// `POST /auth/2fa/request`
pub async fn request(doors: &Doors, call: &Call) -> Result<Answer, No> {
    require_origin(call)?;
    let UserLogin { email, password, .. } = user_login(call)?;
    // A missing one is as wrong as any other, and takes as long.
    let password = Secret::new(password.unwrap_or_default());
    let form = Form { email, password, device: Device::default(), role: None };
    sign_in::log_in(&doors.bank, call.visitor(), Facade::CardBank, &form).await?;
    Ok(message("Request sended"))
}

/// `POST /auth/2fa/confirm`
pub async fn confirm(doors: &Doors, call: &Call) -> Result<Answer, No> {
    require_origin(call)?;
    let UserLogin { email, code, .. } = user_login(call)?;
    let reply = Reply { code: Secret::new(code.unwrap_or_default()), method: None };
    let (bank, visitor) = (&doors.bank, call.visitor());
    let confirmed =
        sign_in::confirm_by_email(bank, visitor, Facade::CardBank, &email, &reply).await;
    let signed_in = match confirmed {
        // Of whatever is wrong the client learns one thing.
        Err(Failure::Refused(
            Refusal::BadCode
            | Refusal::CodeExpired
            | Refusal::TooManyAttempts
            | Refusal::Invalid(_)
            | Refusal::NotFound { .. }
            | Refusal::SessionEnded,
        )) => {
            return Err(unauthorized("Not valid code or user is not requested").into());
        }
        other => other?,
    };
    Ok(person::sign_in(doors, call, &signed_in, message("Access granted")))
}

/// `GET /auth/me`
pub async fn me(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let permit = caller(doors, call).await?;
    let bank = &doors.bank;
    let user = user::me(bank, &permit).await?;
    let cards = card::list(bank, &permit).await?;
    let cards = cards.iter().filter(|view| plastic::is_own(bank, &permit, &view.account));
    let cards = cards.map(|view| {
        let balance = &view.account.balance;
        Json::object([
            ("balance", number::money(balance.posted, balance.currency)),
            ("last4", Json::text(view.card.last4.as_str())),
        ])
    });
    let told = Json::object([
        ("name", Json::text(user.first_name.as_deref().unwrap_or_default())),
        ("surname", Json::text(user.last_name.as_deref().unwrap_or_default())),
        ("cards", Json::List(cards.collect())),
    ]);
    Ok(Answer::json(StatusCode::OK, &told))
}

/// `POST /auth/logout`
pub async fn log_out(doors: &Doors, call: &Call) -> Result<Answer, No> {
    require_origin(call)?;
    if let Some(permit) = person::caller_if_any(doors, call).await? {
        session::log_out(&doors.bank, &permit).await?;
    }
    Ok(person::sign_out(doors, call, message("Goodbye")))
}
