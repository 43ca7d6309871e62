//! What people see and change of themselves.

use axum::http::StatusCode;

use super::{
    errors::{self, EMAIL_TAKEN, STYLE, in_detail},
    person::permit,
    session::{NO_PHONE, PHONE, kept},
};
use crate::{
    bank::{contact, error::Failure, password},
    compat::wire::{
        answer::Answer, call::Call, doors::Doors, drf, drf::Field, json::Json, outcome::No,
    },
    domain::refusal::Refusal,
    store::user::User,
    types::{secret::Secret, text::Email},
};

/// The first name.
pub const FIRST_NAME: Field<'_> =
    Field::optional("firstName").also(&["first_name"]).max(150).or_blank();
/// The last name.
pub const LAST_NAME: Field<'_> =
    Field::optional("lastName").also(&["last_name"]).max(150).or_blank();

fn shown(user: &User) -> Answer {
    let text = |text: Option<&str>| Json::text(text.unwrap_or_default());
    let told = Json::object([
        ("email", Json::text(user.email.as_str())),
        ("firstName", text(user.first_name.as_deref())),
        ("lastName", text(user.last_name.as_deref())),
        ("phoneNumber", Json::text(user.phone_number.as_deref().unwrap_or(NO_PHONE))),
    ]);
    Answer::json(StatusCode::OK, &told)
}

/// `GET /api/users/settings/`
pub async fn show(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let permit = permit(doors, call).await?;
    Ok(shown(&contact::of(&doors.bank, &permit).await?))
}

/// `PUT` and `PATCH /api/users/settings/`
pub async fn change(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let permit = permit(doors, call).await?;
    let mut input = STYLE.read(call)?;
    let form = contact::Form {
        first_name: input.text(&FIRST_NAME),
        last_name: input.text(&LAST_NAME),
        contact: input.text(&PHONE).map(|phone| kept(&phone)),
    };
    input.settle()?;
    Ok(shown(&contact::update(&doors.bank, &permit, &form).await?))
}

/// `PATCH /api/auth/change-email/`
pub async fn change_email(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let permit = permit(doors, call).await?;
    let input = STYLE.read(call)?;
    let field = Field::required("email").max(254);
    if input.member(&field).is_none() {
        return Err(in_detail("This field may not be null.").into());
    }
    let email = input.judge(&field).map_err(|faults| in_detail(&faults[0]))?;
    let email = email.unwrap_or_default();
    if Email::parse(&email).is_err() {
        return Err(in_detail("Enter a valid email address.").into());
    }
    match contact::change_email(&doors.bank, &permit, &email).await {
        Ok(()) => Ok(Answer::json(StatusCode::OK, &Json::object([("email", Json::text(email))]))),
        Err(Failure::Refused(Refusal::AlreadyExists { .. })) => Err(in_detail(EMAIL_TAKEN).into()),
        Err(Failure::Refused(Refusal::Forbidden { reason })) => Err(in_detail(reason).into()),
        Err(failure) => Err(failure.into()),
    }
}

/// `PATCH /api/auth/change-password/`
pub async fn change_password(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let permit = permit(doors, call).await?;
    let input = STYLE.read(call)?;
    let fields = [
        Field::required("password").as_typed().or_blank(),
        Field::required("newPassword").also(&["new_password"]).as_typed().or_blank(),
        Field::required("newPassword2")
            .also(&["new_password2", "new_password_2"])
            .as_typed()
            .or_blank(),
    ];
    let blank = |field: &Field<'_>| match input.member(field) {
        None | Some(Json::Null) => true,
        Some(Json::Text(text)) => text.is_empty(),
        Some(_) => false,
    };
    if fields.iter().any(blank) {
        return Err(drf::detail(StatusCode::BAD_REQUEST, "No blank fields allowed!").into());
    }
    let mut texts = Vec::with_capacity(fields.len());
    for field in &fields {
        let text = input.judge(field).map_err(|faults| in_detail(&faults[0]))?;
        texts.push(Secret::new(text.unwrap_or_default()));
    }
    let [current, new, again] = texts.as_slice() else {
        return Err(drf::detail(StatusCode::BAD_REQUEST, "No blank fields allowed!").into());
    };
    let proven = match password::prove(&doors.bank, &permit, current).await {
        Err(Failure::Refused(Refusal::BadCredentials)) => {
            return Err(in_detail("Old password is incorrect!").into());
        }
        other => other?,
    };
    if new.expose() != again.expose() {
        return Err(in_detail("New passwords don't match!").into());
    }
    match password::replace(&doors.bank, &permit, &proven, new).await {
        Ok(()) => {
            let told = Json::text("Successfully changed password.");
            Ok(Answer::json(StatusCode::OK, &Json::object([("message", told)])))
        }
        Err(failure) => match errors::reason_of(&failure) {
            Some(reason) => Err(in_detail(&errors::password_sentence(reason)).into()),
            None => Err(failure.into()),
        },
    }
}
