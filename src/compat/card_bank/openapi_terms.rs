//! What the operations of card-bank have in common, where they are described.

use utoipa::openapi::HttpMethod;

use crate::compat::wire::{
    answer::JSON,
    description::{Described, Said},
    shape::{self, Member, named, words},
};

/// `{"detail":"…"}` with these words.
pub fn detail(about: &str, texts: &[&str]) -> Said {
    Said::json(about, words("detail", texts))
}

/// `{"detail":"…"}` with whatever the bank says, and examples of it.
pub fn sentences(about: &str, texts: &[&str]) -> Said {
    let said = Said::json(about, named("Detail"));
    texts.iter().fold(said, |said, text| {
        said.example(text, &format!(r#"{{"detail":{}}}"#, serde_json::Value::from(*text)))
    })
}

/// An operation with what any may answer.
pub fn new(method: HttpMethod, path: &'static str, id: &str, summary: &str) -> Described {
    Described::new(method, path, id, summary).shares(&[
        (404, "NotFound"),
        (405, "WrongMethod"),
        (413, "TooLarge"),
        (429, "Throttled"),
        (500, "Broken"),
        (503, "Busy"),
    ])
}

/// One that changes something, and is asked where its page came from.
pub fn acts(described: Described) -> Described {
    described.shares(&[(403, "Foreign"), (504, "Unknown")])
}

/// One that only who is signed in may ask.
pub fn own(described: Described) -> Described {
    described.needs(&["cookie"]).shares(&[(401, "Anonymous")])
}

/// One that reads a body.
pub fn reads<const N: usize>(described: Described, members: [Member; N]) -> Described {
    described.takes(&[JSON], &shape::body(members)).shares(&[(422, "Invalid")])
}

/// A text of a body.
pub fn text(name: &str, about: &str, example: &str) -> Member {
    Member::text(name, about, example).length(0, Some(255))
}
