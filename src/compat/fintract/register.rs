//! Becoming a customer, and proving the address by a link.

use axum::http::StatusCode;

use super::{
    errors::{CUSTOMER_ID_TAKEN, EMAIL_TAKEN, STYLE, USERNAME_TAKEN},
    fields::{EMAIL, LINK, NO_USERNAME, USERNAME, is_username, split},
    user_type,
    user_type::{USER_TYPES, role},
};
use crate::{
    bank::{application, attempt, email_link, enrolment, error::Failure},
    compat::wire::{
        answer::Answer,
        call::Call,
        doors::Doors,
        drf::{self, Field, Input},
        json::Json,
        outcome::No,
    },
    domain::{
        attempt::Attempt,
        refusal::Refusal,
        user::{UserRole, full_name},
    },
    types::secret::Secret,
};

/// The name.
pub const NAME: Field<'_> = Field::optional("name").max(150).or_blank();
/// What they want to be.
pub const USER_TYPE: Field<'_> = Field::optional("user_type");
/// The password.
pub const PASSWORD: Field<'_> = Field::required("password").as_typed();
/// The password once more.
pub const PASSWORD_AGAIN: Field<'_> = Field::required("password2").as_typed();
/// Where somebody can be called.
pub const PHONE: Field<'_> = Field::required("phone").max(32);
/// The customer number.
pub const CUSTOMER_ID: Field<'_> = Field::optional("customer_id").max(255);
/// The gender.
pub const GENDER: Field<'_> = Field::optional("gender").or_blank();
/// What may be said of it.
pub const GENDERS: [&str; 3] = ["MALE", "FEMALE", ""];

/// Reads a name to sign in by, and notes what is wrong with it.
pub fn username(input: &mut Input, field: &Field<'_>) -> Option<String> {
    let text = input.text(field)?;
    if is_username(&text) {
        return Some(text);
    }
    input.note("username", &[NO_USERNAME.to_owned()]);
    None
}

/// Notes an address that is taken.
async fn note_taken(doors: &Doors, call: &Call, input: &mut Input, email: &str) -> Result<(), No> {
    match enrolment::require_free(&doors.bank, call.visitor(), email).await {
        Err(Failure::Refused(Refusal::AlreadyExists { .. })) => {
            input.note("email", &[EMAIL_TAKEN.to_owned()]);
            Ok(())
        }
        other => Ok(other?),
    }
}

async fn read(doors: &Doors, call: &Call) -> Result<application::Form, No> {
    let mut input = STYLE.read(call)?;
    let email = input.email(&EMAIL);
    // Whoever asks is counted before anything is looked up, and for who names no address
    // nothing is: each answer may tell who is a customer.
    let bank = &doors.bank;
    match &email {
        Some(email) => note_taken(doors, call, &mut input, email).await?,
        None => attempt::count_address(bank, call.visitor(), Attempt::Registration).await?,
    }
    let counted = email.is_some();
    let username = username(&mut input, &USERNAME);
    let asked = username.as_deref().filter(|_| counted);
    if application::taken(bank, asked, None, None).await?.username {
        input.note("username", &[USERNAME_TAKEN.to_owned()]);
    }
    let name = input.text(&NAME).unwrap_or_default();
    let user_type = input.choice(&USER_TYPE, &USER_TYPES);
    let (password, again) = (input.text(&PASSWORD), input.text(&PASSWORD_AGAIN));
    let contact = input.text(&PHONE);
    let customer_id = input.text(&CUSTOMER_ID);
    if let Some(id) = &customer_id {
        let digits = (12..=17).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit());
        let told = "Enter a customer id of 12 to 17 digits.";
        if !digits {
            input.note("customer_id", &[told.to_owned()]);
        } else if counted && application::taken(bank, None, Some(id), None).await?.customer_id {
            input.note("customer_id", &[CUSTOMER_ID_TAKEN.to_owned()]);
        }
    }
    let gender = input.choice(&GENDER, &GENDERS);
    input.settle()?;
    if password != again {
        return Err(drf::field("password", "Password fields didn't match.").into());
    }
    Ok(application::Form {
        email: email.unwrap_or_default(),
        username: username.unwrap_or_default(),
        names: split(&name),
        contact: contact.unwrap_or_default(),
        role: user_type.as_deref().and_then(role).unwrap_or(UserRole::Customer),
        customer_id,
        gender: gender.filter(|gender| !gender.is_empty()),
        password: Secret::new(password.unwrap_or_default()),
    })
}

/// `POST /auth/register/`
pub async fn register(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let form = read(doors, call).await?;
    let user = application::apply(&doors.bank, call.visitor(), LINK, &form).await?;
    let name = full_name(user.first_name.as_deref(), user.last_name.as_deref());
    let told = Json::object([
        ("id", Json::int(user.legacy_id)),
        ("username", Json::text(form.username)),
        ("email", Json::text(user.email.as_str())),
        ("name", Json::text(name)),
        ("user_type", Json::text(user_type::of(&user))),
        ("phone", Json::text(form.contact)),
        ("customer_id", Json::text(user.customer_id.as_str())),
        ("gender", Json::text(form.gender.unwrap_or_default())),
    ]);
    Ok(Answer::json(StatusCode::CREATED, &told))
}

/// `POST /auth/re-verify-email/`
pub async fn resend(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let mut input = STYLE.read(call)?;
    let email = input.email(&EMAIL);
    input.settle()?;
    let email = email.unwrap_or_default();
    email_link::resend(&doors.bank, call.visitor(), LINK, &email).await?;
    let told = Json::object([("message", Json::text("New token sent"))]);
    Ok(Answer::json(StatusCode::CREATED, &told))
}

/// What a page of the letters' link is.
pub const PAGE: &str = "text/plain; charset=utf-8";

/// `GET /verify-email/?token=`: the link of the letters, opened in a browser.
pub async fn open(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let token = Secret::new(call.parameter("token").unwrap_or_default());
    match email_link::open(&doors.bank, call.visitor(), &token).await {
        Ok(()) => {
            let told = "Your email address is verified. You can close this page.\n";
            Ok(Answer::text(StatusCode::OK, PAGE, told))
        }
        Err(Failure::Refused(Refusal::BadToken | Refusal::TokenExpired)) => {
            let told = "This link is wrong, was used, or has expired. Ask for a new letter.\n";
            Err(Answer::text(StatusCode::NOT_FOUND, PAGE, told).into())
        }
        Err(failure) => Err(failure.into()),
    }
}
