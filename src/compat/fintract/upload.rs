//! Files that people bring, and the image that they are shown by.

use axum::http::StatusCode;

use super::{
    errors::{STYLE, settle},
    person::{customer, oneself},
    profile::shown,
};
use crate::{
    bank::{
        error::Failure,
        file,
        file::{Taken, Terms},
        particulars,
        permit::Permit,
    },
    compat::wire::{answer::Answer, call::Call, doors::Doors, drf, json::Json, outcome::No},
    domain::refusal::Refusal,
    files::{
        desk::{Crowded, Seat},
        multipart,
        multipart::FRAMING_MAX,
    },
};

/// The largest file, in bytes.
const FILE_MAX: usize = 5 * 1024 * 1024;
/// The largest body with such a file.
pub const BODY_MAX: usize = FILE_MAX + FRAMING_MAX;

/// A place for the file of who is known, or why there is none.
fn seat(doors: &Doors, permit: &Permit) -> Result<Seat, No> {
    let retry_after_seconds = 1;
    let seat = doors.bank.files.desk.enter(permit.user_id.uuid());
    seat.map_err(|crowded| {
        let refusal = match crowded {
            Crowded::OfOne => Refusal::RateLimited { retry_after_seconds },
            Crowded::OfAll => Refusal::Overloaded { retry_after_seconds },
        };
        Failure::from(refusal).into()
    })
}

/// Lets in who may bring a file, before any of it is read.
pub async fn admit(doors: &Doors, call: &Call) -> Result<Seat, Answer> {
    let admitted = customer(doors, call).await.and_then(|(permit, _)| seat(doors, &permit));
    admitted.map_err(|no| settle(call, Err(no)))
}

/// Lets in who may set their image, before any of it is read.
pub async fn admit_oneself(doors: &Doors, call: &Call) -> Result<Seat, Answer> {
    let admitted = oneself(doors, call).await.and_then(|(permit, _)| seat(doors, &permit));
    admitted.map_err(|no| settle(call, Err(no)))
}

/// Takes the file in the field `file` of a form.
async fn take(doors: &Doors, call: &Call, permit: &Permit, images_only: bool) -> Result<Taken, No> {
    let none = || No::from(drf::field("file", "No file was submitted."));
    let said = call.header("content-type").unwrap_or_default().trim();
    let Some(boundary) = multipart::boundary(said) else {
        // What else the framework would read has no file in it; the rest it tells itself.
        STYLE.read(call)?;
        return Err(none());
    };
    let part = multipart::find(&call.body, &boundary, file::FIELD).map_err(|_| {
        let told = "Multipart form parse error - the body is no complete form";
        No::from(drf::detail(StatusCode::BAD_REQUEST, told))
    })?;
    let part = part.filter(|part| part.file_name.is_some()).ok_or_else(none)?;
    let terms = Terms { bytes_max: FILE_MAX as u64, images_only };
    Ok(file::upload(&doors.bank, permit, part, terms).await?)
}

/// `POST /auth/upload/`
pub async fn upload(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let (permit, _) = customer(doors, call).await?;
    let taken = take(doors, call, &permit, false).await?;
    let told = Json::object([("url", Json::text(taken.url))]);
    Ok(Answer::json(StatusCode::CREATED, &told))
}

/// `POST /auth/avatar/{id}/`
pub async fn avatar(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let (permit, _) = oneself(doors, call).await?;
    let taken = take(doors, call, &permit, true).await?;
    let file_id = taken.file_id.to_wire();
    file::set_avatar(&doors.bank, &permit, Some(&file_id)).await?;
    let whole = particulars::of(&doors.bank, &permit).await?;
    Ok(Answer::json(StatusCode::CREATED, &Json::object([("user", shown(&whole))])))
}
