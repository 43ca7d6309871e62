//! Files that people bring, and the image that they are shown by.

use axum::http::StatusCode;

use super::{
    errors::STYLE,
    person::{customer, oneself},
    profile::shown,
};
use crate::{
    bank::{
        file,
        file::{Taken, Terms},
        particulars,
        permit::Permit,
    },
    compat::wire::{answer::Answer, call::Call, doors::Doors, drf, json::Json, outcome::No},
    files::{multipart, multipart::FRAMING_MAX},
};

/// The largest file, in bytes.
const FILE_MAX: usize = 5 * 1024 * 1024;
/// The largest body with such a file.
pub const BODY_MAX: usize = FILE_MAX + FRAMING_MAX;

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
