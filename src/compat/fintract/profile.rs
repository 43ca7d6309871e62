//! What people see and change of themselves, and how they leave.

use axum::http::StatusCode;

use super::{
    errors::{EMAIL_TAKEN, STYLE},
    fields::{LINK, USERNAME, split},
    person::{caller, customer, oneself},
    register::username,
    user_type,
};
use crate::{
    bank::{error::Failure, leaving, leaving::Meanwhile, particulars, particulars::Whole},
    compat::wire::{
        answer::Answer,
        call::Call,
        doors::Doors,
        drf::{self, Field, Input},
        json::Json,
        outcome::No,
    },
    domain::{
        refusal::Refusal,
        user::{UserRole, UserStatus, full_name},
    },
    types::clock::show,
};

/// `{"msg":"…"}`.
pub fn msg(text: &str) -> Answer {
    Answer::json(StatusCode::OK, &Json::object([("msg", Json::text(text))]))
}

fn text(value: Option<&str>) -> Json {
    Json::text(value.unwrap_or_default())
}

fn name(whole: &Whole) -> Json {
    Json::text(full_name(whole.user.first_name.as_deref(), whole.user.last_name.as_deref()))
}

/// `GET /auth/info/{id}/`
pub async fn info(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let (permit, _) = oneself(doors, call).await?;
    let whole = particulars::of(&doors.bank, &permit).await?;
    let user = &whole.user;
    let told = Json::object([
        ("id", Json::int(user.legacy_id)),
        ("email", Json::text(user.email.as_str())),
        ("avatar", text(whole.avatar.as_deref())),
        ("gender", text(whole.gender.as_deref())),
        ("username", text(user.username.as_deref())),
        ("name", name(&whole)),
        ("net balance", Json::int(whole.net_units)),
        ("net_balance", Json::int(whole.net_units)),
        ("customer-id", Json::text(user.customer_id.as_str())),
        ("verification_status", Json::Bool(user.email_verified_at.is_some())),
        ("phone", text(user.phone_number.as_deref())),
        ("country", text(user.country.as_deref())),
        ("citizenship", text(whole.citizenship.as_deref())),
        ("national_id", text(whole.national_id.as_deref())),
        ("address", text(user.address_line.as_deref())),
        ("bank_name", text(whole.bank_name.as_deref())),
    ]);
    Ok(Answer::json(StatusCode::OK, &told))
}

/// The person as the route of their image shows them: no secret of theirs ever.
pub fn shown(whole: &Whole) -> Json {
    let user = &whole.user;
    let last_login = whole.last_login.map_or(Json::Null, |at| Json::text(show(at)));
    Json::object([
        ("id", Json::int(user.legacy_id)),
        ("password", Json::text("")),
        ("last_login", last_login),
        ("is_superuser", Json::Bool(user.role == UserRole::PlatformAdmin)),
        ("user_type", Json::text(user_type::of(user))),
        ("gender", text(whole.gender.as_deref())),
        ("username", text(user.username.as_deref())),
        ("email", Json::text(user.email.as_str())),
        ("phone", text(user.phone_number.as_deref())),
        ("avatar", text(whole.avatar.as_deref())),
        ("customer_id", Json::text(user.customer_id.as_str())),
        ("name", name(whole)),
        ("country", text(user.country.as_deref())),
        ("citizenship", text(whole.citizenship.as_deref())),
        ("national_id", text(whole.national_id.as_deref())),
        ("address", text(user.address_line.as_deref())),
        ("is_staff", Json::Bool(user.role.is_staff())),
        ("is_active", Json::Bool(user.status != UserStatus::Deactivated)),
        ("is_deactivate", Json::Bool(user.status != UserStatus::Active)),
        ("is_verified", Json::Bool(user.email_verified_at.is_some())),
        ("admin_approved", Json::Bool(user.approved_at.is_some())),
        ("bank", text(whole.bank_name.as_deref())),
        ("otp", Json::text("0")),
        ("groups", Json::List(Vec::new())),
        ("user_permissions", Json::List(Vec::new())),
    ])
}

/// Reads a field of which an empty text changes nothing.
fn given(input: &mut Input, name: &'static str, max: usize) -> Option<String> {
    input.text(&Field::optional(name).max(max).or_blank()).filter(|text| !text.is_empty())
}

/// `PATCH /auth/update/usr/{id}/`
pub async fn update(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let (permit, _) = oneself(doors, call).await?;
    let mut input = STYLE.read(call)?;
    let email = match given(&mut input, "email", 254) {
        Some(_) => input.email(&Field::optional("email").max(254)),
        None => None,
    };
    let chosen = match given(&mut input, "username", 150) {
        Some(_) => username(&mut input, &Field::optional("username").max(150)),
        None => None,
    };
    let names = given(&mut input, "name", 150).map(|name| split(&name));
    let form = particulars::Form {
        email,
        username: chosen,
        names,
        contact: given(&mut input, "phone", 32),
        country: given(&mut input, "country", 255),
        citizenship: given(&mut input, "citizenship", 255),
        national_id: given(&mut input, "national_id", 255),
        address: given(&mut input, "address", 255),
    };
    input.settle()?;
    match particulars::update(&doors.bank, &permit, LINK, &form).await {
        Ok(()) => {
            let told = Json::object([("message", Json::text("Updated Successfully"))]);
            Ok(Answer::json(StatusCode::OK, &told))
        }
        Err(Failure::Refused(Refusal::AlreadyExists { field: "email", .. })) => {
            Err(drf::field("email", EMAIL_TAKEN).into())
        }
        Err(failure) => Err(failure.into()),
    }
}

/// `PUT /auth/user-update/`
pub async fn rename(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let (permit, _) = customer(doors, call).await?;
    let mut input = STYLE.read(call)?;
    let chosen = username(&mut input, &USERNAME);
    let name = input.text(&Field::required("name").max(150));
    input.settle()?;
    let names = name.map(|name| split(&name));
    let form = particulars::Form { username: chosen, names, ..particulars::Form::default() };
    particulars::update(&doors.bank, &permit, LINK, &form).await?;
    Ok(msg("Account Successfully Updated"))
}

/// `PUT /auth/account-deactivate/`
pub async fn deactivate(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let (permit, _) = customer(doors, call).await?;
    leaving::request(&doors.bank, &permit, Meanwhile::Barred).await?;
    Ok(msg("Account deactivate request submitted!"))
}

/// `DELETE /auth/delete/`
pub async fn delete(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let (permit, _) = caller(doors, call).await?;
    leaving::delete_at_once(&doors.bank, &permit).await?;
    Ok(msg("Account Successfully deleted"))
}
