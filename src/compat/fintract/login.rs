//! Signing in: a password first, then the code that was mailed.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    errors::{STYLE, invalid_otp},
    person::id,
    user_type::{self, role},
};
use crate::{
    bank::{challenge::Reply, error::Failure, session::SignedIn, sign_in, sign_in::Form, ticket},
    compat::wire::{
        answer::Answer,
        call::Call,
        doors::Doors,
        drf::{self, Field},
        json::Json,
        outcome::No,
    },
    crypto::ticket::Kind,
    domain::{refusal::Refusal, session::Facade},
    store::session::Device,
    types::{entropy, secret::Secret},
};

/// How long a refresh token says that it is good; it opens nothing.
const REFRESH_LIFE: chrono::Duration = chrono::Duration::days(1);

/// `POST /auth/login/`
pub async fn log_in(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let mut input = STYLE.read(call)?;
    let email = input.email(&Field::required("email").max(254));
    let channel = input.text(&Field::required("otpType"));
    if let Some(told) = &channel
        && !["email", "phone"].contains(&told.to_lowercase().as_str())
    {
        input.note("otpType", &[format!("\"{told}\" is not a valid choice.")]);
    }
    let meant = input.text(&Field::optional("userType"));
    let wanted = meant.as_deref().map(role);
    if let (Some(told), Some(None)) = (&meant, wanted) {
        input.note("userType", &[format!("\"{told}\" is not a valid choice.")]);
    }
    let password = input.text(&Field::required("password").as_typed());
    input.settle()?;
    if channel.is_some_and(|channel| channel.eq_ignore_ascii_case("phone")) {
        return Err(drf::field("otpType", "No SMS gateway is set up.").into());
    }
    let form = Form {
        email: email.unwrap_or_default(),
        password: Secret::new(password.unwrap_or_default()),
        device: Device::default(),
        role: wanted.flatten(),
    };
    let bank = &doors.bank;
    sign_in::log_in(bank, call.visitor(), Facade::Fintract, &form).await?;
    let id = sign_in::legacy_id(bank, &form.email).await?;
    let told = Json::object([("data", Json::object([("id", Json::int(id))]))]);
    Ok(Answer::json(StatusCode::OK, &told))
}

/// `POST /auth/login/{id}/`
pub async fn confirm(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let mut input = STYLE.read(call)?;
    let code = input.text(&Field::required("otp"));
    input.settle()?;
    let reply = Reply { code: Secret::new(code.unwrap_or_default()), method: None };
    let (bank, facade) = (&doors.bank, Facade::Fintract);
    let confirmed = sign_in::confirm_of(bank, call.visitor(), facade, id(call), &reply).await;
    let signed_in = match confirmed {
        // Of whatever is wrong the client learns one thing.
        Err(Failure::Refused(
            Refusal::Invalid(_) | Refusal::NotFound { .. } | Refusal::SessionEnded,
        )) => return Err(invalid_otp().into()),
        other => other?,
    };
    let user = &signed_in.user;
    let told = Json::object([
        ("message", Json::text("Successfully Logged In")),
        ("id", Json::int(user.legacy_id)),
        ("customer_id", Json::text(user.customer_id.as_str())),
        ("email", Json::text(user.email.as_str())),
        ("username", Json::text(user.username.as_deref().unwrap_or_default())),
        // A code that came back by letter proves the address.
        ("verification_status", Json::Bool(signed_in.permit.facts.email_verified)),
        (
            "tokens",
            Json::object([
                ("refresh", Json::text(token(doors, &signed_in, Kind::Refresh).expose())),
                ("access", Json::text(token(doors, &signed_in, Kind::Access).expose())),
            ]),
        ),
        ("user_type", Json::text(user_type::of(user))),
    ]);
    Ok(Answer::json(StatusCode::OK, &told))
}

fn token(doors: &Doors, signed_in: &SignedIn, kind: Kind) -> Secret {
    let (name, life) = match kind {
        Kind::Access => ("access", Facade::Fintract.access_life()),
        Kind::Refresh => ("refresh", REFRESH_LIFE),
    };
    let id: [u8; 16] = entropy::bytes(doors.bank.entropy.as_ref());
    let claims: Map<String, Value> = Map::from_iter([
        ("token_type".to_owned(), json!(name)),
        ("jti".to_owned(), json!(hex::encode(id))),
        ("user_id".to_owned(), json!(signed_in.user.legacy_id)),
    ]);
    ticket::issue(&doors.bank, &signed_in.permit, kind, life, claims)
}
