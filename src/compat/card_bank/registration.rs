//! Becoming a customer: with an address, a number and a social security number first, and
//! with the rest once the mailed code has come.

use axum::http::StatusCode;

use super::{
    body::Input,
    errors::not_acceptable,
    person::{require_origin, sign_in},
};
use crate::{
    bank::{
        error::Failure,
        registration::{Form, Proof},
        reservation,
    },
    compat::wire::{answer::Answer, call::Call, doors::Doors, json::Json, outcome::No},
    domain::{
        refusal::Refusal,
        user::{AddressForm, ProfileForm},
    },
    store::session::Device,
    types::secret::Secret,
};

/// `{"message":"…"}`
pub fn message(told: &str) -> Answer {
    Answer::json(StatusCode::OK, &Json::object([("message", Json::text(told))]))
}

/// `UserTemp`: what must be nobody's yet, and what tells who has lost a password.
pub fn user_temp(call: &Call) -> Result<Form, No> {
    let mut input = Input::read(call)?;
    let (email, phone) = (input.email("email"), input.text("phone_number"));
    let number = input.text("social_security");
    let ((email, phone_number), number) = input.done(email.zip(phone).zip(number))?;
    Ok(Form { email, phone_number, social_security: Secret::new(number) })
}

/// `POST /auth/register`
pub async fn register(doors: &Doors, call: &Call) -> Result<Answer, No> {
    require_origin(call)?;
    let form = user_temp(call)?;
    reservation::register(&doors.bank, call.visitor(), &form).await?;
    Ok(message("Mail has been send"))
}

/// `UserCreate`: everything, with the code.
struct UserCreate {
    proof: Proof,
    phone_number: String,
    social_security: Secret,
}

fn user_create(call: &Call) -> Result<UserCreate, No> {
    let mut input = Input::read_secret(call)?;
    let names = (input.text("first_name"), input.text("last_name"));
    let (email, phone) = (input.email("email"), input.text("phone_number"));
    let (born, number) = (input.date("date_of_birth"), input.text("social_security"));
    let [line, city, state, post_code, password, code] =
        ["address", "city", "state", "post_code", "password", "verification_code"]
            .map(|name| input.text(name));
    let read = || {
        let address = AddressForm {
            line: line?,
            city: city?,
            state: state?,
            post_code: post_code?,
            country: None,
        };
        let (first_name, last_name) = (names.0?, names.1?);
        let profile = ProfileForm { first_name, last_name, date_of_birth: born?, address };
        let proof = Proof {
            email: email?,
            code: Secret::new(code?),
            profile,
            password: Secret::new(password?),
            device: Device::default(),
        };
        Some(UserCreate { proof, phone_number: phone?, social_security: Secret::new(number?) })
    };
    let read = read();
    input.done(read)
}

/// `POST /auth/verify-email`
pub async fn verify_email(doors: &Doors, call: &Call) -> Result<Answer, No> {
    require_origin(call)?;
    let UserCreate { proof, phone_number, social_security } = user_create(call)?;
    let (bank, visitor) = (&doors.bank, call.visitor());
    let verified =
        reservation::verify_email(bank, visitor, &proof, &phone_number, &social_security).await;
    let signed_in = match verified {
        // Somebody else became a customer with it at another door meanwhile.
        Err(Failure::Refused(Refusal::AlreadyExists { .. })) => {
            return Err(not_acceptable("Wrong code").into());
        }
        other => other?,
    };
    Ok(sign_in(doors, call, &signed_in, message("Access granted")))
}

/// `DELETE /cleanup-unverified`
pub async fn clean_up(doors: &Doors, call: &Call) -> Result<Answer, No> {
    require_origin(call)?;
    let removed = reservation::sweep(&doors.bank, call.visitor()).await?;
    Ok(message(&format!("Removed {removed} expired unverified users.")))
}
