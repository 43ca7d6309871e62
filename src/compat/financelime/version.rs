//! Which version answers.

use axum::http::StatusCode;

use super::errors::json;
use crate::compat::wire::{answer::Answer, call::Call, doors::Doors, json::Json, outcome::No};

/// The version of the document, which its clients compare.
const NUMBER: &str = "v0.2.0-alpha";
/// How many digits of a commit are shown.
const COMMIT_DIGITS: usize = 7;

/// `fc56bb1 [2021-05-07_11:12:09]`: the commit that this was built from and its time in
/// UTC; zeros where the build does not know them.
fn build(commit: Option<&str>, time: Option<&str>) -> String {
    let commit = commit.and_then(|commit| commit.get(..COMMIT_DIGITS));
    let commit = commit.filter(|commit| commit.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let commit = commit.unwrap_or("0000000");
    let time = time.filter(|time| time.len() == "2021-05-07_11:12:09".len());
    let time = time.unwrap_or("1970-01-01_00:00:00");
    format!("{commit} [{time}]")
}

/// `GET /v1/version`
pub async fn show(_: &Doors, _: &Call) -> Result<Answer, No> {
    let build = build(option_env!("TELLER_COMMIT"), option_env!("TELLER_COMMIT_TIME"));
    let told = Json::object([("number", Json::text(NUMBER)), ("build", Json::text(build))]);
    Ok(json(StatusCode::OK, &told))
}

#[cfg(test)]
mod tests {
    use super::build;

    #[test]
    fn a_build_is_told_in_one_form_whatever_is_known_of_it() {
        let whole = build(Some("fc56bb1a02c3"), Some("2021-05-07_11:12:09"));
        assert_eq!(whole, "fc56bb1 [2021-05-07_11:12:09]");
        for (commit, time) in [(None, None), (Some("unknown"), Some("")), (Some("fc5"), None)] {
            assert_eq!(build(commit, time), "0000000 [1970-01-01_00:00:00]");
        }
    }
}
