//! The parameters of a GraphQL request, from a body or from a URL.

use async_graphql::Variables;
use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::{answer::Rejection, persisted::Hash};
use crate::graphql::errors::BAD_USER_INPUT;

/// How a client says which document it means.
#[derive(Debug)]
pub enum Named {
    /// By its text, perhaps with the hash under which it is to be kept.
    Text(String, Option<Hash>),
    /// By the hash of a text that was sent before.
    Hash(Hash),
    /// By its name among the trusted documents.
    Id(String),
}

/// What a client asks to be executed.
#[derive(Debug)]
pub struct Parameters {
    /// The document.
    pub document: Named,
    /// Which of its operations.
    pub operation_name: Option<String>,
    /// The values of its variables.
    pub variables: Variables,
}

fn bad(message: impl Into<String>) -> Rejection {
    Rejection::request(StatusCode::BAD_REQUEST, BAD_USER_INPUT, message)
}

impl Parameters {
    /// Reads a JSON body.
    pub fn from_body(body: &[u8]) -> Result<Self, Rejection> {
        if body.is_empty() {
            return Err(bad("The body is empty: send a JSON object with a query."));
        }
        // The reader's own message names a line and a column and nothing of the body.
        let value: Value = serde_json::from_slice(body)
            .map_err(|error| bad(format!("The body is not JSON: {error}.")))?;
        match value {
            Value::Object(object) => Self::from_object(object),
            Value::Array(_) => Err(bad("Batches are not taken: send one request at a time.")),
            _ => Err(bad("The body must be a JSON object with a query.")),
        }
    }

    /// Reads a URL's query string.
    pub fn from_url(query_string: &str) -> Result<Self, Rejection> {
        let mut object = Map::new();
        for (name, value) in url::form_urlencoded::parse(query_string.as_bytes()) {
            let read = match name.as_ref() {
                "query" | "operationName" | "documentId" => Value::String(value.into_owned()),
                "variables" | "extensions" if value.is_empty() => Value::Null,
                "variables" | "extensions" => serde_json::from_str(&value)
                    .map_err(|_| bad(format!("{name} must be a JSON object.")))?,
                _ => continue,
            };
            if object.insert(name.into_owned(), read).is_some() {
                return Err(bad("A parameter stands twice in the URL."));
            }
        }
        Self::from_object(object)
    }

    /// Reads a JSON object.
    pub fn from_object(mut object: Map<String, Value>) -> Result<Self, Rejection> {
        let query = text(&mut object, "query")?;
        let id = text(&mut object, "documentId")?;
        let operation_name = text(&mut object, "operationName")?.filter(|name| !name.is_empty());
        let variables = match object.remove("variables") {
            Some(value @ Value::Object(_)) => Variables::from_json(value),
            None | Some(Value::Null) => Variables::default(),
            Some(_) => return Err(bad("variables must be a JSON object.")),
        };
        let hash = match object.remove("extensions") {
            None | Some(Value::Null) => None,
            Some(Value::Object(extensions)) => persisted_hash(&extensions)?,
            Some(_) => return Err(bad("extensions must be a JSON object.")),
        };
        let document = match (query, id, hash) {
            (Some(text), None, hash) => Named::Text(text, hash),
            (None, None, Some(hash)) => Named::Hash(hash),
            (None, Some(id), None) => match id.strip_prefix("sha256:").map(str::parse) {
                Some(Ok(hash)) => Named::Hash(hash),
                Some(Err(_)) | None => Named::Id(id),
            },
            (None, None, None) => return Err(bad("query is missing.")),
            (_, Some(_), _) => {
                return Err(bad("documentId names the document: send no query and no hash."));
            }
        };
        Ok(Self { document, operation_name, variables })
    }
}

fn text(object: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Rejection> {
    match object.remove(name) {
        Some(Value::String(text)) => Ok(Some(text)),
        None | Some(Value::Null) => Ok(None),
        Some(_) => Err(bad(format!("{name} must be a string."))),
    }
}

/// The hash of an automatic persisted query.
fn persisted_hash(extensions: &Map<String, Value>) -> Result<Option<Hash>, Rejection> {
    let asked = match extensions.get("persistedQuery") {
        None | Some(Value::Null) => return Ok(None),
        Some(asked) => asked,
    };
    if asked["version"] != 1 {
        return Err(bad("extensions.persistedQuery.version must be 1."));
    }
    let hash = asked["sha256Hash"].as_str().and_then(|hash| hash.parse().ok());
    let message = "extensions.persistedQuery.sha256Hash must be 64 hexadecimal digits.";
    hash.map(Some).ok_or_else(|| bad(message))
}
