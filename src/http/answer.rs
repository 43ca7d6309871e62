//! Answers whose shape is GraphQL's, whatever became of the request.

use async_graphql::{PathSegment, Pos};
use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::negotiation::MediaType;

/// A request that was not executed: its errors, its status, and what else its answer says.
#[derive(Debug)]
pub struct Rejection {
    /// The status, where the media type lets it tell.
    pub status: StatusCode,
    /// What is wrong.
    pub errors: Vec<Value>,
    /// A header beside the usual ones.
    pub header: Option<(header::HeaderName, HeaderValue)>,
    /// The fault is the document's, not the request's: `application/json` then has 200.
    pub of_document: bool,
}

impl Rejection {
    /// A request that is not well formed.
    pub fn request(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let errors = vec![error(code, &message.into(), None)];
        Self { status, errors, header: None, of_document: false }
    }

    /// A document that cannot be executed.
    pub fn document(errors: Vec<Value>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, errors, header: None, of_document: true }
    }

    /// The same with a header.
    #[must_use]
    pub fn with_header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.header = Some((name, value));
        self
    }

    /// The same, about one field of what was sent.
    #[must_use]
    pub fn about(mut self, field: &str) -> Self {
        for error in &mut self.errors {
            error["extensions"]["inputPath"] = json!([field]);
        }
        self
    }

    /// Its errors, each with the request's id.
    pub fn named(mut self, request_id: &str) -> Vec<Value> {
        name_request(&mut self.errors, request_id);
        self.errors
    }

    /// The answer, in the media type that the client likes; without `data`, as nothing ran.
    pub fn answer(self, media_type: MediaType, request_id: &str) -> Response<Body> {
        let status = match media_type {
            MediaType::Json if self.of_document => StatusCode::OK,
            MediaType::Json | MediaType::GraphqlResponse => self.status,
        };
        let mut errors = self.errors;
        name_request(&mut errors, request_id);
        let mut response = json_response(status, media_type, &json!({ "errors": errors }));
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// One top-level error.
pub fn error(code: &str, message: &str, position: Option<Pos>) -> Value {
    let mut error = json!({ "message": message, "extensions": { "code": code } });
    if let Some(position) = position.filter(|position| position.line > 0) {
        error["locations"] = json!([{ "line": position.line, "column": position.column }]);
    }
    error
}

/// Every top-level error names its request, so that a person can tell us which it was.
fn name_request(errors: &mut [Value], request_id: &str) {
    for error in errors {
        if let Some(extensions) = error["extensions"].as_object_mut() {
            extensions.insert("requestId".to_owned(), request_id.into());
        }
    }
}

/// The errors of an executed document, each with a code and the request's id.
pub fn errors_of(
    response: &async_graphql::Response,
    otherwise: &'static str,
    request_id: &str,
) -> Vec<Value> {
    let mut errors: Vec<Value> = Vec::with_capacity(response.errors.len());
    for server_error in &response.errors {
        let mut one =
            error(otherwise, &server_error.message, server_error.locations.first().copied());
        let path: Vec<Value> = server_error.path.iter().map(segment).collect();
        if !path.is_empty() {
            one["path"] = path.into();
        }
        let extensions = server_error.extensions.as_ref().map(serde_json::to_value);
        if let Some(Ok(Value::Object(extensions))) = extensions {
            for (name, value) in extensions {
                one["extensions"][name] = value;
            }
        }
        errors.push(one);
    }
    name_request(&mut errors, request_id);
    errors
}

fn segment(segment: &PathSegment) -> Value {
    match segment {
        PathSegment::Field(name) => name.as_str().into(),
        PathSegment::Index(index) => (*index).into(),
    }
}

/// A body of JSON.
pub fn json_response(
    status: StatusCode,
    media_type: MediaType,
    body: &impl Serialize,
) -> Response<Body> {
    let bytes = serde_json::to_vec(body).expect("an answer is made of texts, numbers and lists");
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(media_type.content_type());
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}
