//! What is wrong with a body, in the shape of the framework that this dialect was written in.

use axum::http::StatusCode;

use crate::compat::wire::{
    answer::Answer,
    call::Call,
    json::{Json, NotJson},
};

/// What never comes back, whatever is wrong with it.
const SECRETS: [&str; 5] = ["password", "new_password", "verification_code", "twofa_code", "token"];
/// What stands in its place.
const HIDDEN: &str = "**********";

/// How much of what was sent comes back with all that is wrong of it, in bytes.
const ECHO_MAX: usize = 4_096;
/// What stands in the place of what is too long to come back.
const TOO_LONG: &str = "...";

/// What comes back of what was sent: so much for one answer, so that no answer is much longer
/// than what was asked.
#[derive(Debug)]
pub struct Echo {
    left: usize,
}

impl Default for Echo {
    /// Nothing has come back yet.
    fn default() -> Self {
        Self { left: ECHO_MAX }
    }
}

impl Echo {
    /// A value as it comes back.
    pub fn of(&mut self, value: &Json) -> Json {
        let length = value.write().len();
        if length > self.left {
            return Json::text(TOO_LONG);
        }
        self.left -= length;
        value.clone()
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The kind of fault.
    pub kind: &'static str,
    /// What is said of it.
    pub message: String,
    /// What was sent.
    pub input: Json,
    /// What is to be known beside.
    pub context: Option<Json>,
}

/// Where a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'p> {
    /// The body as a whole.
    Body,
    /// A member of it.
    Member(&'p str),
    /// So many characters from its beginning.
    Offset(usize),
}

impl Fault {
    /// A fault with nothing beside.
    pub fn new(kind: &'static str, message: impl Into<String>, input: Json) -> Self {
        Self { kind, message: message.into(), input, context: None }
    }

    /// The same with something beside.
    #[must_use]
    pub fn with(mut self, name: &str, value: Json) -> Self {
        self.context = Some(Json::object([(name, value)]));
        self
    }

    /// As it stands in the list; the value of a secret member does not.
    pub fn at(self, place: Place<'_>) -> Json {
        let Self { kind, message, input, context } = self;
        let body = Json::text("body");
        let (location, input) = match place {
            Place::Body => (vec![body], hide(input)),
            Place::Member(name) if SECRETS.contains(&name) && kind != "missing" => {
                (vec![body, Json::text(name)], Json::text(HIDDEN))
            }
            Place::Member(name) => (vec![body, Json::text(name)], hide(input)),
            Place::Offset(offset) => (vec![body, Json::Number(offset.to_string())], hide(input)),
        };
        let mut members = vec![
            ("type".to_owned(), Json::text(kind)),
            ("loc".to_owned(), Json::List(location)),
            ("msg".to_owned(), Json::text(message)),
            ("input".to_owned(), input),
        ];
        members.extend(context.map(|context| ("ctx".to_owned(), context)));
        Json::Object(members)
    }
}

/// The same without the values of secret members, however deep they stand.
fn hide(value: Json) -> Json {
    match value {
        Json::Object(members) => {
            let hide = |(name, value): (String, Json)| {
                let secret = SECRETS.contains(&name.as_str());
                let value = if secret { Json::text(HIDDEN) } else { hide(value) };
                (name, value)
            };
            Json::Object(members.into_iter().map(hide).collect())
        }
        Json::List(values) => Json::List(values.into_iter().map(hide).collect()),
        other @ (Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_)) => other,
    }
}

/// The answer with all that is wrong.
pub fn refuse(faults: Vec<Json>) -> Answer {
    let told = Json::object([("detail", Json::List(faults))]);
    Answer::json(StatusCode::UNPROCESSABLE_ENTITY, &told)
}

/// A body that is no object; of one that may be a secret as a whole nothing comes back.
fn no_object(input: &Json, may_be_secret: bool) -> Json {
    let input = match input {
        Json::Text(_) if may_be_secret => Json::text(HIDDEN),
        other => Echo::default().of(other),
    };
    let told = "Input should be a valid dictionary or object to extract fields from";
    Fault::new("model_attributes_type", told, input).at(Place::Body)
}

/// Whether a body says that it is JSON.
fn is_json(call: &Call) -> bool {
    let media_type = call.media_type();
    media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

fn malformed(fault: NotJson) -> Json {
    let input = Json::Object(Vec::new());
    Fault::new("json_invalid", "JSON decode error", input)
        .with("error", Json::text(fault.reason))
        .at(Place::Offset(fault.offset))
}

/// The object that is a call's body.
pub fn object(call: &Call, may_be_secret: bool) -> Result<Json, Answer> {
    let missing = || Fault::new("missing", "Field required", Json::Null).at(Place::Body);
    if call.body.is_empty() {
        return Err(refuse(vec![missing()]));
    }
    if !is_json(call) {
        let text = Json::text(String::from_utf8_lossy(&call.body));
        return Err(refuse(vec![no_object(&text, may_be_secret)]));
    }
    match Json::read(&call.body) {
        Err(fault) => Err(refuse(vec![malformed(fault)])),
        Ok(Json::Null) => Err(refuse(vec![missing()])),
        Ok(body @ Json::Object(_)) => Ok(body),
        Ok(other) => Err(refuse(vec![no_object(&other, may_be_secret)])),
    }
}
