//! How people come in: they sign up, and get tokens for their password.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::errors::{self, EMAIL_TAKEN};
use crate::{
    bank::{enrolment, error::Failure, password_sign_in, session::SignedIn, sign_in::Form, ticket},
    compat::wire::{
        answer::Answer,
        call::Call,
        doors::Doors,
        drf::{Field, Input},
        json::Json,
        outcome::No,
    },
    crypto::ticket::Kind,
    domain::{refusal::Refusal, second_factor::PasswordDialect, session::Facade},
    store::session::Device,
    types::{entropy, secret::Secret},
};

/// The number that is shown of who has given none.
pub const NO_PHONE: &str = "+000000000";

/// The address.
pub const EMAIL: Field<'_> = Field::required("email").max(254);
/// Where somebody can be called.
pub const PHONE: Field<'_> = Field::optional("phoneNumber").also(&["phone_number"]).max(16);
/// The password.
pub const PASSWORD: Field<'_> = Field::required("password").as_typed();
/// The password once more.
pub const PASSWORD_AGAIN: Field<'_> = Field::required("password2").also(&["password_2"]).as_typed();

/// A number as it is kept: the one that stands for none is none.
pub fn kept(phone: &str) -> Option<String> {
    (phone != NO_PHONE).then(|| phone.to_owned())
}

/// An address with its domain in lower case, as people sign up with it.
fn normal(email: &str) -> String {
    match email.rsplit_once('@') {
        Some((local, domain)) => format!("{local}@{}", domain.to_ascii_lowercase()),
        None => email.to_owned(),
    }
}

/// Notes that an address is taken; what else is wrong is told beside it.
async fn refuse_taken(
    doors: &Doors,
    call: &Call,
    input: &mut Input,
    email: &str,
) -> Result<(), No> {
    match enrolment::require_free(&doors.bank, call.visitor(), email).await {
        Err(Failure::Refused(Refusal::AlreadyExists { .. })) => {
            input.note("email", &[EMAIL_TAKEN.to_owned()]);
            Ok(())
        }
        other => Ok(other?),
    }
}

/// `POST /api/auth/signup/`
pub async fn sign_up(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let mut input = errors::STYLE.read(call)?;
    let email = input.email(&EMAIL).map(|email| normal(&email));
    if let Some(email) = &email {
        refuse_taken(doors, call, &mut input, email).await?;
    }
    let phone = input.text(&PHONE);
    let (password, again) = (input.text(&PASSWORD), input.text(&PASSWORD_AGAIN));
    input.settle()?;
    if password != again {
        input.note_whole("Passwords don't match!");
    }
    input.settle()?;
    let (email, phone) = (email.unwrap_or_default(), phone.unwrap_or(NO_PHONE.to_owned()));
    let form = enrolment::Form {
        email: email.clone(),
        contact: kept(&phone),
        password: Secret::new(password.unwrap_or_default()),
    };
    enrolment::enrol(&doors.bank, call.visitor(), &form).await?;
    let told = Json::object([("email", Json::text(email)), ("phoneNumber", Json::text(phone))]);
    Ok(Answer::json(StatusCode::CREATED, &told))
}

/// `POST /api/auth/get-token/`
pub async fn get_token(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let mut input = errors::STYLE.read(call)?;
    // Whatever it is, it is an address or nobody's.
    let (email, password) = (input.text(&Field::required("email")), input.text(&PASSWORD));
    input.settle()?;
    let form = Form {
        email: email.unwrap_or_default(),
        password: Secret::new(password.unwrap_or_default()),
        device: Device::default(),
        role: None,
    };
    let dialect = PasswordDialect::Accounts;
    let signed_in = password_sign_in::log_in(&doors.bank, call.visitor(), dialect, &form).await?;
    let token = |kind| Json::text(token(doors, &signed_in, kind).expose());
    let told = Json::object([("refresh", token(Kind::Refresh)), ("access", token(Kind::Access))]);
    Ok(Answer::json(StatusCode::OK, &told))
}

/// A token with the claims that clients of this dialect read.
fn token(doors: &Doors, signed_in: &SignedIn, kind: Kind) -> Secret {
    let name = match kind {
        Kind::Access => "access",
        Kind::Refresh => "refresh",
    };
    let id: [u8; 16] = entropy::bytes(doors.bank.entropy.as_ref());
    let claims: Map<String, Value> = Map::from_iter([
        ("token_type".to_owned(), json!(name)),
        ("jti".to_owned(), json!(hex::encode(id))),
        ("user_id".to_owned(), json!(signed_in.user.legacy_id)),
    ]);
    let life = Facade::Accounts.access_life();
    ticket::issue(&doors.bank, &signed_in.permit, kind, life, claims)
}
