//! The shapes of Django REST framework, in which two of the dialects were written: how a
//! body is read, how fields are judged, and how what is wrong is told.

use axum::http::{HeaderValue, Method, StatusCode, header};

use super::{answer::Answer, call::Call, form, json::Json};
use crate::types::text::Email;

/// What differs between the two.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// What is wrong with the whole is told under this name.
    pub non_field_errors: &'static str,
    /// The schemes that the Authorization header may name.
    pub schemes: &'static [&'static str],
    /// The names of the members that tell why a token opens nothing.
    pub token_names: [&'static str; 2],
}

/// `{"detail":"…"}`.
pub fn detail(status: StatusCode, text: &str) -> Answer {
    Answer::json(status, &Json::object([("detail", Json::text(text))]))
}

/// `{"<field>":["…"]}` with status 400.
pub fn field(name: &str, text: &str) -> Answer {
    let list = Json::List(vec![Json::text(text)]);
    Answer::json(StatusCode::BAD_REQUEST, &Json::object([(name, list)]))
}

/// The path takes other methods.
pub fn wrong_method(method: &Method) -> Answer {
    let told = format!("Method \"{method}\" not allowed.");
    detail(StatusCode::METHOD_NOT_ALLOWED, &told)
}

/// What every 401 carries.
pub fn challenge(answer: Answer) -> Answer {
    let realm = HeaderValue::from_static("Bearer realm=\"api\"");
    answer.with(header::WWW_AUTHENTICATE, realm)
}

/// Whoever calls must sign in first.
pub fn anonymous() -> Answer {
    let told = "Authentication credentials were not provided.";
    challenge(detail(StatusCode::UNAUTHORIZED, told))
}

/// The credentials of a sign-in are wrong.
pub fn no_account() -> Answer {
    let told = "No active account found with the given credentials";
    challenge(detail(StatusCode::UNAUTHORIZED, told))
}

impl Style {
    /// A token opens nothing.
    pub fn bad_token(&self, why: &str) -> Answer {
        let [class, kind] = self.token_names;
        let message = Json::object([
            (class, Json::text("AccessToken")),
            (kind, Json::text("access")),
            ("message", Json::text(why)),
        ]);
        let told = Json::object([
            ("detail", Json::text("Given token not valid for any token type")),
            ("code", Json::text("token_not_valid")),
            ("messages", Json::List(vec![message])),
        ]);
        challenge(Answer::json(StatusCode::UNAUTHORIZED, &told))
    }

    /// The token of a call, whose header must have one of the schemes.
    pub fn token(&self, call: &Call) -> Result<String, Answer> {
        let value = call.headers.get(header::AUTHORIZATION);
        let value = value.map(HeaderValue::as_bytes).unwrap_or_default();
        let value = String::from_utf8_lossy(value);
        let parts: Vec<&str> = value.split_whitespace().collect();
        match parts.as_slice() {
            [scheme, rest @ ..] if self.schemes.contains(scheme) => {
                let [token] = rest else {
                    let told = "Authorization header must contain two space-delimited values";
                    let told = Json::object([
                        ("detail", Json::text(told)),
                        ("code", Json::text("bad_authorization_header")),
                    ]);
                    return Err(challenge(Answer::json(StatusCode::UNAUTHORIZED, &told)));
                };
                Ok((*token).to_owned())
            }
            _ => Err(anonymous()),
        }
    }

    /// Reads the members of a body: JSON, or a form.
    pub fn read(&self, call: &Call) -> Result<Input, Answer> {
        let style = *self;
        if call.body.is_empty() {
            return Ok(Input { style, members: Vec::new(), faults: Vec::new() });
        }
        let texts = |fields: form::Fields| {
            fields.into_iter().map(|(name, value)| (name, Json::Text(value))).collect()
        };
        let said = call.header("content-type").unwrap_or_default().trim();
        let no_form = |_| {
            let told = "Multipart form parse error - the body is no complete form";
            detail(StatusCode::BAD_REQUEST, told)
        };
        let members = match call.media_type().as_str() {
            "application/json" => match Json::read(&call.body) {
                Ok(Json::Object(members)) => members,
                Ok(other) => return Err(self.no_dictionary(&other)),
                Err(fault) => {
                    let told = format!("JSON parse error - {fault}");
                    return Err(detail(StatusCode::BAD_REQUEST, &told));
                }
            },
            "application/x-www-form-urlencoded" => {
                texts(form::urlencoded(&call.body).map_err(no_form)?)
            }
            "multipart/form-data" => texts(form::multipart(said, &call.body).map_err(no_form)?),
            _ => {
                let told = format!("Unsupported media type \"{said}\" in request.");
                return Err(detail(StatusCode::UNSUPPORTED_MEDIA_TYPE, &told));
            }
        };
        Ok(Input { style, members, faults: Vec::new() })
    }

    fn no_dictionary(&self, other: &Json) -> Answer {
        let kind = match other {
            Json::Null => "NoneType",
            Json::Bool(_) => "bool",
            Json::Number(digits) if digits.contains(['.', 'e', 'E']) => "float",
            Json::Number(_) => "int",
            Json::Text(_) => "str",
            Json::List(_) => "list",
            Json::Object(_) => "dict",
        };
        let told = format!("Invalid data. Expected a dictionary, but got {kind}.");
        field(self.non_field_errors, &told)
    }
}

/// What a field takes.
#[derive(Debug, Clone, Copy)]
pub struct Field<'f> {
    name: &'f str,
    also: &'f [&'f str],
    required: bool,
    may_be_blank: bool,
    max: Option<usize>,
    as_typed: bool,
}

impl<'f> Field<'f> {
    /// A text that must be there.
    pub const fn required(name: &'f str) -> Self {
        let (also, max) = (&[] as &[&str], None);
        Self { name, also, required: true, may_be_blank: false, max, as_typed: false }
    }

    /// A text that may be missing.
    pub const fn optional(name: &'f str) -> Self {
        Self { required: false, ..Self::required(name) }
    }

    /// The same by other names as well.
    #[must_use]
    pub const fn also(self, also: &'f [&'f str]) -> Self {
        Self { also, ..self }
    }

    /// The same of so many characters at most.
    #[must_use]
    pub const fn max(self, max: usize) -> Self {
        Self { max: Some(max), ..self }
    }

    /// The same, which may be empty.
    #[must_use]
    pub const fn or_blank(self) -> Self {
        Self { may_be_blank: true, ..self }
    }

    /// The same, of which no space is cut: a password.
    #[must_use]
    pub const fn as_typed(self) -> Self {
        Self { as_typed: true, ..self }
    }

    /// Its documented name.
    pub const fn name(&self) -> &'f str {
        self.name
    }

    /// It must be there.
    pub const fn is_required(&self) -> bool {
        self.required
    }

    /// It may be empty.
    pub const fn may_be_blank(&self) -> bool {
        self.may_be_blank
    }

    /// The most characters that it may have.
    pub const fn most(&self) -> Option<usize> {
        self.max
    }
}

const REQUIRED: &str = "This field is required.";
const BLANK: &str = "This field may not be blank.";
const NULL: &str = "This field may not be null.";
const NO_STRING: &str = "Not a valid string.";
const NO_EMAIL: &str = "Enter a valid email address.";
const NUL: &str = "Null characters are not allowed.";

/// The members of a body, and what is wrong with its fields.
#[derive(Debug, Clone)]
pub struct Input {
    style: Style,
    members: Vec<(String, Json)>,
    faults: Vec<(String, Json)>,
}

impl Input {
    /// A member by any of a field's names, the one that was sent last.
    pub fn member(&self, field: &Field<'_>) -> Option<&Json> {
        let named = |name: &String| field.name == name || field.also.contains(&name.as_str());
        self.members.iter().rev().find(|(name, _)| named(name)).map(|(_, value)| value)
    }

    /// A text; none where it is missing or wrong, which is noted.
    pub fn text(&mut self, field: &Field<'_>) -> Option<String> {
        match self.judge(field) {
            Ok(text) => text,
            Err(faults) => {
                self.note(field.name, &faults);
                None
            }
        }
    }

    /// An email address.
    pub fn email(&mut self, field: &Field<'_>) -> Option<String> {
        match self.judge(field) {
            Ok(Some(text)) if Email::parse(&text).is_err() => {
                self.note(field.name, &[NO_EMAIL.to_owned()]);
                None
            }
            Ok(text) => text,
            Err(faults) => {
                self.note(field.name, &faults);
                None
            }
        }
    }

    /// One of these, by its very spelling.
    pub fn choice(&mut self, field: &Field<'_>, choices: &[&str]) -> Option<String> {
        let text = self.text(field)?;
        if choices.contains(&text.as_str()) {
            return Some(text);
        }
        self.note(field.name, &[format!("\"{text}\" is not a valid choice.")]);
        None
    }

    /// What becomes of a field before anybody knows what it is for.
    pub fn judge(&self, field: &Field<'_>) -> Result<Option<String>, Vec<String>> {
        let fault = |text: &str| Err(vec![text.to_owned()]);
        let text = match self.member(field) {
            None if field.required => return fault(REQUIRED),
            None => return Ok(None),
            Some(Json::Null) => return fault(NULL),
            Some(Json::Text(text)) => text,
            Some(Json::Number(digits)) => digits,
            Some(Json::Bool(_) | Json::List(_) | Json::Object(_)) => return fault(NO_STRING),
        };
        let text = if field.as_typed { text } else { text.trim() };
        if text.trim().is_empty() && !field.may_be_blank {
            return fault(BLANK);
        }
        let mut faults = Vec::new();
        if let Some(max) = field.max.filter(|max| text.chars().count() > *max) {
            faults.push(format!("Ensure this field has no more than {max} characters."));
        }
        if text.contains('\0') {
            faults.push(NUL.to_owned());
        }
        if faults.is_empty() { Ok(Some(text.to_owned())) } else { Err(faults) }
    }

    /// Notes what is wrong with a field.
    pub fn note(&mut self, name: &str, texts: &[String]) {
        let texts = texts.iter().map(Json::text).collect();
        self.faults.push((name.to_owned(), Json::List(texts)));
    }

    /// Notes what is wrong with the whole.
    pub fn note_whole(&mut self, text: &str) {
        self.note(self.style.non_field_errors, &[text.to_owned()]);
    }

    /// Refuses with everything that was noted, where anything was.
    pub fn settle(&self) -> Result<(), Answer> {
        if self.faults.is_empty() {
            return Ok(());
        }
        Err(Answer::json(StatusCode::BAD_REQUEST, &Json::Object(self.faults.clone())))
    }
}
