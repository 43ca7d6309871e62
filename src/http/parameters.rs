//! The parameters of a GraphQL request, from a body or from a URL.

use async_graphql::Variables;
use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::answer::Rejection;
use crate::graphql::errors::BAD_USER_INPUT;

/// What a client asks to be executed.
#[derive(Debug)]
pub struct Parameters {
    /// The document.
    pub query: String,
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
                "query" | "operationName" => Value::String(value.into_owned()),
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

    fn from_object(mut object: Map<String, Value>) -> Result<Self, Rejection> {
        let query = match object.remove("query") {
            Some(Value::String(query)) => query,
            None | Some(Value::Null) => return Err(bad("query is missing.")),
            Some(_) => return Err(bad("query must be a string.")),
        };
        let operation_name = match object.remove("operationName") {
            Some(Value::String(name)) if !name.is_empty() => Some(name),
            None | Some(Value::Null | Value::String(_)) => None,
            Some(_) => return Err(bad("operationName must be a string.")),
        };
        let variables = match object.remove("variables") {
            Some(value @ Value::Object(_)) => Variables::from_json(value),
            None | Some(Value::Null) => Variables::default(),
            Some(_) => return Err(bad("variables must be a JSON object.")),
        };
        match object.remove("extensions") {
            None | Some(Value::Null | Value::Object(_)) => {}
            Some(_) => return Err(bad("extensions must be a JSON object.")),
        }
        Ok(Self { query, operation_name, variables })
    }
}
