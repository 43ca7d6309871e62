//! Bodies: JSON objects whose members are asked for one by one.

use super::errors::bad_parameters;
use crate::compat::wire::{answer::Answer, call::Call, json::Json};

/// Reads a body; whatever it is else is refused.
pub fn read(call: &Call) -> Result<Json, Answer> {
    if call.media_type() != "application/json" {
        return Err(bad_parameters());
    }
    match Json::read(&call.body) {
        Ok(object @ Json::Object(_)) => Ok(object),
        Ok(_) | Err(_) => Err(bad_parameters()),
    }
}

/// A text; none where it is missing or null.
pub fn text(object: &Json, name: &str) -> Result<Option<String>, Answer> {
    match object.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Text(text)) => Ok(Some(text.clone())),
        Some(Json::Bool(_) | Json::Number(_) | Json::List(_) | Json::Object(_)) => {
            Err(bad_parameters())
        }
    }
}

/// A text that must be there, of so many characters.
pub fn sized(object: &Json, name: &str, min: usize, max: usize) -> Result<String, Answer> {
    let text = text(object, name)?.ok_or_else(bad_parameters)?;
    let fits = (min..=max).contains(&text.chars().count());
    if fits { Ok(text) } else { Err(bad_parameters()) }
}

/// A whole number; none where it is missing or null.
pub fn int(object: &Json, name: &str) -> Result<Option<i64>, Answer> {
    match object.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Number(digits)) => digits.parse().map(Some).map_err(|_| bad_parameters()),
        Some(Json::Bool(_) | Json::Text(_) | Json::List(_) | Json::Object(_)) => {
            Err(bad_parameters())
        }
    }
}
